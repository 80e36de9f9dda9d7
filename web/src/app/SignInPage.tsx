import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { ApiError } from "../api/client";
import { sessionQuery, signIn } from "../api/session";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { Notice } from "../ui/Notice";
import { mark } from "./icons";

const needsCode = (reason: unknown) =>
  reason instanceof ApiError && /^second.factor.needed$/.test(reason.code);

function complaint(reason: Error): string {
  if (reason instanceof ApiError && reason.retryAfterSeconds !== undefined)
    return `${reason.message} Try again in ${reason.retryAfterSeconds} s.`;
  return reason.message;
}

// Mounted when the server asks for it; one function, so that it is not called at each keystroke.
const focus = (input: HTMLInputElement | null) => input?.focus();

/** Name and password; a code when the account has a second factor. */
export function SignInPage() {
  const queryClient = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const enter = useMutation({
    mutationFn: signIn,
    onSuccess: (session) => {
      queryClient.setQueryData(sessionQuery.queryKey, session);
    },
  });
  const [withCode, setWithCode] = useState(false);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    enter.mutate(withCode ? { name, password, code } : { name, password }, {
      onError: (reason) => {
        if (needsCode(reason)) setWithCode(true);
      },
    });
  };
  const refused = enter.error !== null && !needsCode(enter.error) ? enter.error : null;
  return (
    <main className="alone">
      <title>Sign in · Ampoule</title>
      <form className="panel sign-in" onSubmit={submit}>
        <h1>
          {mark}
          Sign in to Ampoule
        </h1>
        {refused !== null && (
          <Notice tone="bad" title="Not signed in">
            {complaint(refused)}
          </Notice>
        )}
        <Field label="Name">
          {(attributes) => (
            <input
              {...attributes}
              autoComplete="username"
              required
              maxLength={127}
              value={name}
              onChange={(event) => {
                setName(event.target.value);
              }}
            />
          )}
        </Field>
        <Field label="Password">
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
        {withCode && (
          <Field label="Code" hint="Six digits from your authenticator, or a recovery code.">
            {(attributes) => (
              <input
                {...attributes}
                ref={focus}
                autoComplete="one-time-code"
                required
                value={code}
                onChange={(event) => {
                  setCode(event.target.value);
                }}
              />
            )}
          </Field>
        )}
        <Button tone="primary" type="submit" busy={enter.isPending}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
