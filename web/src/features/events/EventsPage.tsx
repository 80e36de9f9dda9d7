import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { CHUNK_ROWS, useLongList } from "../../api/long-list";
import { eventChunks } from "../../api/queries";
import { Export } from "../../app/Export";
import { eventColumns } from "../../app/event-columns";
import { Empty } from "../../ui/Empty";
import { Filters } from "../../ui/Filters";
import { Page } from "../../ui/Page";
import { VirtualTable } from "../../ui/VirtualTable";

const route = getRouteApi("/events");
const classes = [
  "file",
  "stdio",
  "net",
  "dns",
  "port",
  "mmio",
  "msr",
  "hypercall",
  "machine",
  "save",
] as const;

/** What micro-VMs tried, newest first; new events appear by themselves on the first page. */
export function EventsPage() {
  const search = route.useSearch();
  const [follow, setFollow] = useState(true);
  const events = useLongList({
    key: ["events", search],
    fetch: eventChunks(search, CHUNK_ROWS),
    idOf: ({ cursor }) => cursor,
    live: follow,
  });
  const filtered = Object.keys(search).length > 0;
  return (
    <Page
      title="Events"
      lead="What micro-VMs tried, and what the policy said to it. Newest first."
      actions={<Export name="events" fetch={eventChunks(search, 1000)} />}
    >
      <div className="panel flush">
        <Filters
          values={search}
          fields={[
            { name: "verdict", label: "Verdict", options: ["deny", "hide", "terminate", "allow"] },
            { name: "class", label: "Class", options: classes },
            { name: "rule", label: "Rule" },
            { name: "task", label: "Task" },
            { name: "user", label: "User" },
            { name: "group", label: "Group" },
            { name: "vm", label: "Micro-VM" },
            { name: "device", label: "Device id" },
          ]}
        >
          <label className="check">
            <input
              type="checkbox"
              checked={follow}
              onChange={(event) => {
                setFollow(event.target.checked);
              }}
            />
            Follow new events
          </label>
        </Filters>
        <VirtualTable
          label="Events"
          columns={eventColumns}
          rows={events.rows}
          rowKey={(event) => event.cursor}
          error={events.error}
          onRetry={events.retry}
          more={events.more}
          onSeen={events.onSeen}
          empty={
            filtered ? (
              <Empty
                title="No event is like that"
                action={
                  <Link to="/events" search={{}}>
                    Show all events
                  </Link>
                }
              />
            ) : (
              <Empty title="No events yet">
                Devices report what their micro-VMs were refused. Here it appears within seconds, without a
                reload.
              </Empty>
            )
          }
        />
      </div>
    </Page>
  );
}
