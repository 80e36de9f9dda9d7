import { Confirm } from "../../ui/Confirm";
import { setDisabled, type Person } from "./person";

type Props = { person: Person; onClose: () => void };

/** Asks before a person is disabled or let in again, and says what will happen. */
export function DisableDialog({ person, onClose }: Props) {
  const { name, disabled } = person;
  return (
    <Confirm
      title={disabled ? `Let ${name} in again?` : `Disable ${name}?`}
      act={() => setDisabled({ id: person.id, disabled: !disabled })}
      stale={["people"]}
      keep="Leave it"
      go={disabled ? `Let ${name} in` : `Disable ${name}`}
      refused="Not changed"
      tone={disabled ? "primary" : "danger"}
      onClose={onClose}
    >
      <p>
        {disabled
          ? `${name} can sign in again with the password and roles from before, and the tokens that ${name} made work again.`
          : `Every session of ${name} ends at once, and every token that ${name} made stops working, those of programs too. Roles stay as they are: it can be undone.`}
      </p>
    </Confirm>
  );
}
