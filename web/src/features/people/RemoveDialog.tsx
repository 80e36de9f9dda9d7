import { Confirm } from "../../ui/Confirm";
import { removePerson, type Person } from "./person";

type Props = { person: Person; onClose: () => void };

/** Asks before a person is removed, and says what will happen. */
export function RemoveDialog({ person, onClose }: Props) {
  return (
    <Confirm
      title={`Remove ${person.name}?`}
      act={() => removePerson(person.id)}
      stale={["people"]}
      keep="Keep"
      go="Remove"
      refused="Not removed"
      onClose={onClose}
    >
      <p>Sessions end at once. What {person.name} did stays in the audit log. This cannot be undone.</p>
    </Confirm>
  );
}
