import { useMutation } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { setUp } from "../../api/session";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { Notice } from "../../ui/Notice";

// The link's secret stands behind the #, which no browser sends to a server. It is taken out of the address
// at once, so that it stays in no history.
const link = location.hash.slice(1);
if (link !== "") history.replaceState(null, "", location.pathname);

/** The first admin makes an account, with the one-time link that the server's setup printed. */
export function SetupPage() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [differs, setDiffers] = useState(false);
  const make = useMutation({ mutationFn: setUp });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setDiffers(password !== again);
    if (password === again) make.mutate({ link, name, password });
  };
  return (
    <main className="alone">
      <title>Set up · Ampoule</title>
      <form className="panel sign-in" onSubmit={submit}>
        <h1>The first admin</h1>
        {make.isSuccess ? (
          <Notice
            tone="good"
            title={`${name} is an admin now`}
            action={
              <a className="button primary" href="/">
                Sign in
              </a>
            }
          />
        ) : (
          <>
            {link === "" && (
              <Notice tone="warn" title="This address is incomplete">
                Open the whole link that <code>ampoule-server setup</code> printed.
              </Notice>
            )}
            {make.error !== null && (
              <Notice tone="bad" title="Not made">
                {make.error.message}
              </Notice>
            )}
            <Field label="Name" hint="What you sign in with; others see it beside what you do.">
              {(attributes) => (
                <input
                  {...attributes}
                  autoComplete="username"
                  required
                  maxLength={63}
                  value={name}
                  onChange={(event) => {
                    setName(event.target.value);
                  }}
                />
              )}
            </Field>
            <Field label="Password" hint="At least 12 characters; a sentence is good.">
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
            <Field label="Password again" error={differs ? "The two are not the same." : undefined}>
              {(attributes) => (
                <input
                  {...attributes}
                  type="password"
                  autoComplete="new-password"
                  required
                  value={again}
                  onChange={(event) => {
                    setAgain(event.target.value);
                  }}
                />
              )}
            </Field>
            <Button tone="primary" type="submit" busy={make.isPending}>
              Make the account
            </Button>
          </>
        )}
      </form>
    </main>
  );
}
