import { useMutation, useQueryClient } from "@tanstack/react-query";
import { sessionQuery } from "../../api/session";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Notice } from "../../ui/Notice";
import { visible } from "../../ui/visible";
import { browserName, endSession, type OneSession } from "./session-list";

type Props = { session: OneSession; onClose: () => void };

/** Asks before a session is ended, and says whose, and that it may be this one. */
export function EndDialog({ session, onClose }: Props) {
  const queryClient = useQueryClient();
  const end = useMutation({
    mutationFn: endSession,
    onSuccess: async () => {
      await queryClient.invalidateQueries({
        queryKey: session.current ? sessionQuery.queryKey : ["sessions"],
      });
      onClose();
    },
  });
  const name = visible(session.person.name);
  return (
    <Dialog title={`End a session of ${name}?`} onClose={onClose}>
      <p>
        {browserName(session.agent)}, from {visible(session.address)}, is signed out with its next request.
        What was begun there and not sent is lost. {name} can sign in again.
      </p>
      {session.current && (
        <Notice tone="warn" title="This is the session you use">
          You will be signed out here.
        </Notice>
      )}
      {end.error !== null && (
        <Notice tone="bad" title="Not ended">
          {end.error.message}
        </Notice>
      )}
      <div className="actions">
        <Button onClick={onClose}>Leave it</Button>
        <Button
          tone="danger"
          busy={end.isPending}
          onClick={() => {
            end.mutate(session.id);
          }}
        >
          End the session
        </Button>
      </div>
    </Dialog>
  );
}
