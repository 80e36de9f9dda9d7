import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { changeLayers, tryQuery } from "../../api/layers";
import { GroupChanges } from "../../app/Changes";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Field } from "../../ui/Field";
import { Guest } from "../../ui/Guest";
import { Notice } from "../../ui/Notice";
import { daysAhead, exceptionDocument, exceptionId, isReason, lifetimes, type Event } from "./exception";

type Props = { event: Event; now: number; onClose: () => void };

/** Lets through what an event says was refused: for whom, until when, and what that changes, before it does. */
export function ExceptionDialog({ event, now, onClose }: Props) {
  const queryClient = useQueryClient();
  const [days, setDays] = useState(7);
  const [reason, setReason] = useState(`made of event ${event.id}`);
  const document = exceptionDocument(event, {
    until: daysAhead(days, now),
    reason: isReason(reason) ? reason : "-",
  });
  const outlook = useQuery({ ...tryQuery({ document }), placeholderData: keepPreviousData });
  const make = useMutation({
    mutationFn: changeLayers,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["layers"] }),
  });
  const { effect = null, findings = [] } = outlook.data ?? {};
  const notes = effect?.notes.filter(({ text }) => text.includes(exceptionId(event))) ?? [];
  const error = make.error ?? outlook.error;
  if (make.data !== undefined)
    return (
      <Dialog title="The exception is made" onClose={onClose}>
        <p>
          <Guest text={event.user} /> on <Guest text={event.device.hostname} /> may from now on, until{" "}
          {daysAhead(days, now)}. It is the document{" "}
          <Link to="/documents/$id" params={{ id: exceptionId(event) }}>
            {exceptionId(event)}
          </Link>
          ; taking that away ends it earlier.
        </p>
        <div className="actions">
          <Button tone="primary" onClick={onClose}>
            Close
          </Button>
        </div>
      </Dialog>
    );
  return (
    <Dialog title="Let this through?" onClose={onClose} wide>
      <div className="stack">
        <p>
          The task <Guest text={event.task} /> of <Guest text={event.user} /> on{" "}
          <Guest text={event.device.hostname} /> may {event.class === "file" ? "read" : "connect to"}{" "}
          <Guest text={event.path} />. Nobody else may, and nothing else.
        </p>
        <div className="columns">
          <Field label="For">
            {(attributes) => (
              <select
                {...attributes}
                value={days}
                onChange={(change) => {
                  setDays(Number(change.target.value));
                }}
              >
                {lifetimes.map(([name, count]) => (
                  <option key={count} value={count}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field
            label="Why"
            error={isReason(reason) ? undefined : "A reason without quotes and backslashes is needed."}
          >
            {(attributes) => (
              <input
                {...attributes}
                value={reason}
                maxLength={500}
                onChange={(change) => {
                  setReason(change.target.value);
                }}
              />
            )}
          </Field>
        </div>
        {outlook.isPending && <p className="muted">Working out what would change …</p>}
        {notes.map(({ text }) => (
          <Notice key={text} tone="warn" title="It would not help">
            {text}
          </Notice>
        ))}
        {findings.length > 0 && (
          <Notice tone="bad" title="It would be refused">
            {findings.map(({ text }) => text).join("; ")}
          </Notice>
        )}
        {error !== null && (
          <Notice tone="bad" title="Not made">
            {error.message}
          </Notice>
        )}
        {effect !== null && (
          <div>
            <p>The policies that get the rule; it counts for no other user and no other device of theirs:</p>
            <GroupChanges groups={effect.groups} />
          </div>
        )}
      </div>
      <div className="actions">
        <Button onClick={onClose}>Leave it refused</Button>
        {effect !== null && isReason(reason) && (
          <Button
            tone="primary"
            busy={make.isPending}
            onClick={() => {
              make.mutate({ document });
            }}
          >
            Make the exception
          </Button>
        )}
      </div>
    </Dialog>
  );
}
