import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Notice } from "../../ui/Notice";
import { removePerson, type Person } from "./person";

type Props = { person: Person; onClose: () => void };

/** Asks before a person is removed, and says what will happen. */
export function RemoveDialog({ person, onClose }: Props) {
  const queryClient = useQueryClient();
  const gone = useMutation({
    mutationFn: removePerson,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["people"] });
      onClose();
    },
  });
  return (
    <Dialog title={`Remove ${person.name}?`} onClose={onClose}>
      <p>Sessions end at once. What {person.name} did stays in the audit log. This cannot be undone.</p>
      {gone.error !== null && (
        <Notice tone="bad" title="Not removed">
          {gone.error.message}
        </Notice>
      )}
      <div className="actions">
        <Button onClick={onClose}>Keep</Button>
        <Button
          tone="danger"
          busy={gone.isPending}
          onClick={() => {
            gone.mutate(person.id);
          }}
        >
          Remove
        </Button>
      </div>
    </Dialog>
  );
}
