import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { asRole, roleNames, roles, type Role } from "../../app/roles";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Field } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { addPerson, parseGroups } from "./person";

type Props = { onClose: () => void };

/** Adds a person with one role; the password is for the first time. */
export function AddDialog({ onClose }: Props) {
  const queryClient = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [groups, setGroups] = useState("all");
  const add = useMutation({
    mutationFn: addPerson,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["people"] });
      onClose();
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    add.mutate({ name, password, roles: [{ role, groups: parseGroups(groups) }] });
  };
  return (
    <Dialog title="Add a person" onClose={onClose}>
      <form className="form" onSubmit={submit} autoComplete="off">
        {add.error !== null && (
          <Notice tone="bad" title="Not added">
            {add.error.message}
          </Notice>
        )}
        <Field label="Name" hint="Lower-case letters, digits, . _ @ -">
          {(attributes) => (
            <input
              {...attributes}
              required
              maxLength={63}
              autoComplete="off"
              value={name}
              onChange={(event) => {
                setName(event.target.value);
              }}
            />
          )}
        </Field>
        <Field label="First password" hint="At least 12 characters; tell it on another way than by mail.">
          {(attributes) => (
            <input
              {...attributes}
              type="password"
              autoComplete="new-password"
              required
              minLength={12}
              value={password}
              onChange={(event) => {
                setPassword(event.target.value);
              }}
            />
          )}
        </Field>
        <Field label="Role" hint={`Whoever has it ${roles[role]}.`}>
          {(attributes) => (
            <select
              {...attributes}
              value={role}
              onChange={(event) => {
                setRole(asRole(event.target.value));
              }}
            >
              {roleNames.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Device groups" hint="“all”, or names with commas between them.">
          {(attributes) => (
            <input
              {...attributes}
              required
              value={groups}
              onChange={(event) => {
                setGroups(event.target.value);
              }}
            />
          )}
        </Field>
        <div className="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" type="submit" busy={add.isPending}>
            Add
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
