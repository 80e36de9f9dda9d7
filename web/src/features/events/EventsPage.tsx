import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { PAGE_ROWS, eventsQuery } from "../../api/queries";
import { eventColumns } from "../../app/event-columns";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Filters } from "../../ui/Filters";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";

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
  const live = follow && search.after === undefined;
  const events = useQuery(eventsQuery(search, live));
  const rows = events.data?.events;
  const filtered = Object.keys(search).some((name) => name !== "after");
  return (
    <Page title="Events" lead="What micro-VMs tried, and what the policy said to it. Newest first.">
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
              checked={live}
              disabled={search.after !== undefined}
              onChange={(event) => {
                setFollow(event.target.checked);
              }}
            />
            Follow new events
          </label>
        </Filters>
        <DataTable
          label="Events"
          columns={eventColumns}
          rows={rows}
          rowKey={(event) => event.cursor}
          error={events.error}
          onRetry={() => void events.refetch()}
          empty={
            filtered || search.after !== undefined ? (
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
        <Pager
          after={search.after}
          next={rows?.length === PAGE_ROWS ? events.data?.next : null}
          rows={rows?.length ?? 0}
        />
      </div>
    </Page>
  );
}
