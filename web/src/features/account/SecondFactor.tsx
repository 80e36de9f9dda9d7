import { useMutation } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { Field } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { Panel } from "../../ui/Panel";
import { ApiError } from "../../api/client";
import { ProofForm } from "./ProofForm";
import { confirmFactor, grouped, removeFactor, startFactor } from "./account";

/** The codes that get one in without the authenticator, shown this once. */
function RecoveryCodes({ codes }: { codes: string[] }) {
  return (
    <div className="stack">
      <Notice tone="good" title="The second factor is on">
        These codes get you in when the authenticator is lost, each of them once. They are not shown again.
      </Notice>
      <div className="secret">
        <code aria-label="Recovery codes">{codes.join("\n")}</code>
        <Copy text={codes.join("\n")} label="Copy the codes" />
      </div>
    </div>
  );
}

/** Sets up an authenticator: the secret goes into it, a code of it comes back. */
export function SecondFactor() {
  const [code, setCode] = useState("");
  const start = useMutation({ mutationFn: startFactor });
  const confirm = useMutation({ mutationFn: confirmFactor });
  const off = useMutation({ mutationFn: removeFactor });
  const error = confirm.error ?? start.error ?? off.error;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    confirm.mutate(code.replace(/\s/g, ""));
  };
  const unproved = [start, off].find(
    (change) => change.error instanceof ApiError && change.error.code === "proof_needed",
  );
  if (unproved !== undefined)
    return (
      <Panel title="Second factor">
        <ProofForm
          onProved={() => {
            unproved.mutate();
          }}
        />
      </Panel>
    );
  if (confirm.data !== undefined)
    return (
      <Panel title="Second factor">
        <RecoveryCodes codes={confirm.data} />
      </Panel>
    );
  return (
    <Panel title="Second factor">
      <div className="stack">
        {error !== null && (
          <Notice tone="bad" title="Not changed">
            {error.message}
          </Notice>
        )}
        {off.isSuccess && (
          <Notice tone="warn" title="The second factor is off">
            The password alone signs you in.
          </Notice>
        )}
        {start.data === undefined ? (
          <>
            <p className="muted">
              With it, your password alone opens nothing: signing in also asks for a code of your
              authenticator.
            </p>
            <div className="actions">
              <Button
                tone="primary"
                busy={start.isPending}
                onClick={() => {
                  start.mutate();
                }}
              >
                Set up an authenticator
              </Button>
              <Button
                tone="danger"
                busy={off.isPending}
                onClick={() => {
                  off.mutate();
                }}
              >
                Switch it off
              </Button>
            </div>
          </>
        ) : (
          <form className="form" onSubmit={submit}>
            <p>
              Put this secret into your authenticator (time-based, 6 digits), or{" "}
              <a href={start.data.uri}>open it there</a>.
            </p>
            <div className="secret">
              <code aria-label="Secret">{grouped(start.data.secret)}</code>
              <Copy text={start.data.secret} label="Copy the secret" />
            </div>
            <Field label="Code" hint="The six digits that it shows now.">
              {(attributes) => (
                <input
                  {...attributes}
                  inputMode="numeric"
                  autoComplete="one-time-code"
                  required
                  minLength={6}
                  maxLength={7}
                  value={code}
                  onChange={(event) => {
                    setCode(event.target.value);
                  }}
                />
              )}
            </Field>
            <Button tone="primary" type="submit" busy={confirm.isPending}>
              Switch it on
            </Button>
          </form>
        )}
      </div>
    </Panel>
  );
}
