import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Notice } from "../../ui/Notice";
import { setDisabled, type Person } from "./person";

type Props = { person: Person; onClose: () => void };

/** Asks before a person is disabled or let in again, and says what will happen. */
export function DisableDialog({ person, onClose }: Props) {
  const queryClient = useQueryClient();
  const change = useMutation({
    mutationFn: setDisabled,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["people"] });
      onClose();
    },
  });
  const { name, disabled } = person;
  return (
    <Dialog title={disabled ? `Let ${name} in again?` : `Disable ${name}?`} onClose={onClose}>
      <p>
        {disabled
          ? `${name} can sign in again with the password and roles from before, and the tokens that ${name} made work again.`
          : `Every session of ${name} ends at once, and every token that ${name} made stops working, those of programs too. Roles stay as they are: it can be undone.`}
      </p>
      {change.error !== null && (
        <Notice tone="bad" title="Not changed">
          {change.error.message}
        </Notice>
      )}
      <div className="actions">
        <Button onClick={onClose}>Leave it</Button>
        <Button
          tone={disabled ? "primary" : "danger"}
          busy={change.isPending}
          onClick={() => {
            change.mutate({ id: person.id, disabled: !disabled });
          }}
        >
          {disabled ? `Let ${name} in` : `Disable ${name}`}
        </Button>
      </div>
    </Dialog>
  );
}
