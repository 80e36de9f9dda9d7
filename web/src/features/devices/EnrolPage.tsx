import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { ApiError } from "../../api/client";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { lifetimes, makeToken, type Draft } from "./enrolment";
import { Joining } from "./Joining";

/** From "I have a laptop" to "it is in the list", on one page. */
export function EnrolPage() {
  const [draft, setDraft] = useState<Draft>({ group: "default", uses: 1, ttl_s: 3600 });
  const make = useMutation({ mutationFn: makeToken });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    make.mutate(draft);
  };
  const lead = "A device makes its own key and joins with a token; the token is no use to anyone afterwards.";
  if (make.data !== undefined)
    return (
      <Page title="Enrol a device" lead={lead}>
        <Joining made={make.data} draft={draft} />
      </Page>
    );
  return (
    <Page title="Enrol a device" lead={lead}>
      <form className="panel form" onSubmit={submit}>
        {make.error !== null && (
          <Notice tone="bad" title="No token was made">
            {make.error.message}
            {make.error instanceof ApiError && make.error.code === "no-keys" && (
              <p>
                <Link to="/images">Trust the builder of your images first.</Link>
              </p>
            )}
          </Notice>
        )}
        <Field label="Group" hint="Decides which policy the device gets.">
          {(attributes) => (
            <input
              {...attributes}
              required
              maxLength={63}
              value={draft.group}
              onChange={(event) => {
                setDraft({ ...draft, group: event.target.value });
              }}
            />
          )}
        </Field>
        <Field label="Devices" hint="How many may join with this one token.">
          {(attributes) => (
            <input
              {...attributes}
              type="number"
              required
              min={1}
              max={100_000}
              value={draft.uses}
              onChange={(event) => {
                setDraft({ ...draft, uses: event.target.valueAsNumber || 1 });
              }}
            />
          )}
        </Field>
        <Field label="Valid for">
          {(attributes) => (
            <select
              {...attributes}
              value={draft.ttl_s}
              onChange={(event) => {
                setDraft({ ...draft, ttl_s: Number(event.target.value) });
              }}
            >
              {lifetimes.map(([name, seconds]) => (
                <option key={seconds} value={seconds}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Button tone="primary" type="submit" busy={make.isPending}>
          Make the token
        </Button>
      </form>
    </Page>
  );
}
