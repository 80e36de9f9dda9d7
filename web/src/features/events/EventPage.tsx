import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { eventQuery, type Schemas } from "../../api/queries";
import { verdictTone, verdictWord } from "../../app/verdict";
import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { Empty } from "../../ui/Empty";
import { Facts } from "../../ui/Facts";
import { Failure } from "../../ui/Failure";
import { Guest } from "../../ui/Guest";
import { Page } from "../../ui/Page";
import { Panel } from "../../ui/Panel";
import { Time } from "../../ui/Time";
import { exceptionProblem } from "./exception";
import { ExceptionDialog } from "./ExceptionDialog";
import { explain } from "./explain";

const route = getRouteApi("/events/$cursor");
type Props = { event: Schemas["Event"] };

function Decision({ event }: Props) {
  const like = (search: Record<string, string>, text: string) => (
    <Link to="/events" search={search}>
      <Guest text={text} />
    </Link>
  );
  return (
    <Panel title="Decision">
      <Facts
        facts={[
          [
            "Verdict",
            <Badge key="v" tone={verdictTone(event)}>
              {verdictWord(event)}
            </Badge>,
          ],
          ["Rule", event.rule === "" ? "no rule" : like({ rule: event.rule }, event.rule)],
          [
            "Policy",
            event.policy.id === "" ? (
              "none"
            ) : (
              <Link
                key="p"
                to="/policies/$group/$serial"
                params={{ group: event.group, serial: String(event.policy.serial) }}
              >
                <Guest text={event.policy.id} /> serial {event.policy.serial}
              </Link>
            ),
          ],
          ["Severity", event.severity],
          ["VM exit", <Guest key="x" text={event.exit_reason} />],
          ["Guest at", <code key="rip">{event.guest_rip}</code>],
          ["Times", event.count.toLocaleString("en")],
        ]}
      />
    </Panel>
  );
}

function Subject({ event }: Props) {
  return (
    <Panel title="Who and where">
      <Facts
        facts={[
          [
            "Device",
            <Link key="d" to="/devices/$id" params={{ id: event.device.id }}>
              <Guest text={event.device.hostname} none="(no name)" />
            </Link>,
          ],
          ["Group", event.group],
          [
            "User",
            <Link key="u" to="/events" search={{ user: event.user }}>
              <Guest text={event.user} />
            </Link>,
          ],
          [
            "Task",
            <Link key="t" to="/events" search={{ task: event.task }}>
              <Guest text={event.task} />
            </Link>,
          ],
          ["Program", <Guest key="p" text={event.program} />],
          ["Image", <Guest key="i" text={event.image} />],
          [
            "Micro-VM",
            <Link key="v" to="/events" search={{ vm: event.vm }}>
              <Guest text={event.vm} />
            </Link>,
          ],
          ["By its clock", <Time key="c" at={event.time} full never="unknown" />],
          ["Received", <Time key="r" at={event.received_at} full />],
        ]}
      />
    </Panel>
  );
}

/** One event with its whole decision, explained in words. */
export function EventPage() {
  const { cursor } = route.useParams();
  const query = useQuery(eventQuery(cursor));
  // When the exception was asked for: its end is counted from then.
  const [excepting, setExcepting] = useState<number | null>(null);
  const event = query.data;
  if (event == null)
    return (
      <Page title="Event">
        {query.error !== null && <Failure error={query.error} onRetry={() => void query.refetch()} />}
        {query.isPending && <p className="muted">Loading …</p>}
        {event === null && (
          <Empty
            title="There is no such event"
            action={
              <Link to="/events" search={{}}>
                To the events
              </Link>
            }
          >
            It may be older than what is kept.
          </Empty>
        )}
      </Page>
    );
  return (
    <Page
      title={`${event.class} ${event.operation}`}
      heading={
        <>
          <Guest text={event.path} />
          <Badge tone={verdictTone(event)}>{verdictWord(event)}</Badge>
        </>
      }
      lead={<Time at={event.received_at} full />}
      actions={
        <>
          <Link to="/effective" search={{ device: event.device.id, user: event.user }} className="button">
            What is in force there
          </Link>
          {exceptionProblem(event) === null && (
            <Button
              onClick={() => {
                setExcepting(Date.now());
              }}
            >
              Make an exception
            </Button>
          )}
        </>
      }
    >
      <div className="stack">
        <Panel title="In words">
          <div className="prose">
            {explain(event).map((line) => (
              <p key={line}>{line}</p>
            ))}
          </div>
        </Panel>
        <div className="columns">
          <Decision event={event} />
          <Subject event={event} />
        </div>
      </div>
      {excepting !== null && (
        <ExceptionDialog
          event={event}
          now={excepting}
          onClose={() => {
            setExcepting(null);
          }}
        />
      )}
    </Page>
  );
}
