import { useMutation } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { prove } from "./account";

/** Asks who is there to show it again, before what changes how one signs in; then goes on with what was wanted. */
export function ProofForm({ onProved }: { onProved: () => void }) {
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const proof = useMutation({
    mutationFn: () => prove(password, code.replace(/\s/g, "")),
    onSuccess: onProved,
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    proof.mutate();
  };
  return (
    <form className="form" onSubmit={submit}>
      <p>This changes how you sign in. Show again who you are.</p>
      {proof.error !== null && (
        <Notice tone="bad" title="Not shown">
          {proof.error.message}
        </Notice>
      )}
      <Field label="Your password">
        {(attributes) => (
          <input
            {...attributes}
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => {
              setPassword(event.target.value);
            }}
          />
        )}
      </Field>
      <Field
        label="Present code"
        hint="Of the authenticator you have now, or a recovery code; empty without one."
      >
        {(attributes) => (
          <input
            {...attributes}
            autoComplete="one-time-code"
            maxLength={32}
            value={code}
            onChange={(event) => {
              setCode(event.target.value);
            }}
          />
        )}
      </Field>
      <Button tone="primary" type="submit" busy={proof.isPending}>
        Go on
      </Button>
    </form>
  );
}
