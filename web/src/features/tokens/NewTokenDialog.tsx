import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { asRole, roleNames, roles, type Role } from "../../app/roles";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { Dialog } from "../../ui/Dialog";
import { Field } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { lifetimes, makeApiToken } from "./token";

type Props = { onClose: () => void };

/** Makes a token for a program and shows it this once. */
export function NewTokenDialog({ onClose }: Props) {
  const queryClient = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [seconds, setSeconds] = useState(lifetimes[0]?.[1] ?? 0);
  const make = useMutation({
    mutationFn: makeApiToken,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["tokens"] }),
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    make.mutate({ name, role, ttl_s: seconds });
  };
  if (make.data !== undefined)
    return (
      <Dialog title="The token, shown this once" onClose={onClose}>
        <div className="secret">
          <code aria-label="Token">{make.data.token}</code>
          <Copy text={make.data.token} label="Copy the token" />
        </div>
        <div className="actions">
          <Button tone="primary" onClick={onClose}>
            I have kept it
          </Button>
        </div>
      </Dialog>
    );
  return (
    <Dialog title="New API token" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        {make.error !== null && (
          <Notice tone="bad" title="Not made">
            {make.error.message}
          </Notice>
        )}
        <Field label="Name" hint="What uses it; shown beside what it does.">
          {(attributes) => (
            <input
              {...attributes}
              required
              maxLength={127}
              value={name}
              onChange={(event) => {
                setName(event.target.value);
              }}
            />
          )}
        </Field>
        <Field label="Role" hint={`Whoever has it ${roles[role]}. It cannot be more than yours.`}>
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
        <Field label="Valid for">
          {(attributes) => (
            <select
              {...attributes}
              value={seconds}
              onChange={(event) => {
                setSeconds(Number(event.target.value));
              }}
            >
              {lifetimes.map(([words, value]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          )}
        </Field>
        <div className="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" type="submit" busy={make.isPending}>
            Make the token
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
