import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Notice } from "../../ui/Notice";
import { consequence, revokeToken, type Token } from "./token";

type Props = { token: Token; onClose: () => void };

/** Asks before a token is revoked, and says what will happen. */
export function RevokeDialog({ token, onClose }: Props) {
  const queryClient = useQueryClient();
  const revoke = useMutation({
    mutationFn: revokeToken,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["tokens"] });
      onClose();
    },
  });
  return (
    <Dialog title={`Revoke ${token.name === "" ? "this token" : `“${token.name}”`}?`} onClose={onClose}>
      <p>{consequence(token)}</p>
      {revoke.error !== null && (
        <Notice tone="bad" title="Not revoked">
          {revoke.error.message}
        </Notice>
      )}
      <div className="actions">
        <Button onClick={onClose}>Keep it</Button>
        <Button
          tone="danger"
          busy={revoke.isPending}
          onClick={() => {
            revoke.mutate(token.id);
          }}
        >
          Revoke
        </Button>
      </div>
    </Dialog>
  );
}
