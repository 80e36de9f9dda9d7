import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { useState } from "react";
import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { DataTable } from "../../ui/DataTable";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { Time } from "../../ui/Time";
import { visible } from "../../ui/visible";
import { EndDialog } from "./EndDialog";
import { browserName, sessionsQuery, type OneSession } from "./session-list";

const route = getRouteApi("/sessions");

const columnsFor = (onEnd: (session: OneSession) => void): ColumnDef<OneSession>[] => [
  { header: "Who", cell: ({ row }) => <strong>{visible(row.original.person.name)}</strong> },
  {
    header: "With",
    cell: ({ row: { original: one } }) => (
      <span title={visible(one.agent)}>
        {browserName(one.agent)} {one.current && <Badge tone="good">this one</Badge>}
      </span>
    ),
  },
  { header: "From", cell: ({ row }) => visible(row.original.address) },
  { header: "Signed in", cell: ({ row }) => <Time at={row.original.created_at} /> },
  { header: "Last seen", cell: ({ row }) => <Time at={row.original.seen_at} /> },
  { header: "Ends by itself", cell: ({ row }) => <Time at={row.original.expires} /> },
  {
    id: "do",
    header: () => <span className="sr-only">Actions</span>,
    cell: ({ row: { original: one } }) => (
      <Button
        tone="danger"
        aria-label={`End the session of ${one.person.name} from ${one.address}${one.current ? " (this one)" : ""}`}
        onClick={() => {
          onEnd(one);
        }}
      >
        End
      </Button>
    ),
  },
];

/** Who is signed in where: oneself, and for an admin of every group everybody. */
export function SessionsPage() {
  const search = route.useSearch();
  const sessions = useQuery(sessionsQuery(search));
  const [ending, setEnding] = useState<OneSession | null>(null);
  const rows = sessions.data?.sessions;
  return (
    <Page
      title="Sessions"
      lead="Who is signed in, with what, from where. Ending a session signs out there at once."
    >
      <div className="panel flush">
        <DataTable
          label="Sessions"
          columns={columnsFor(setEnding)}
          rows={rows}
          rowKey={({ id }) => id}
          error={sessions.error}
          onRetry={() => void sessions.refetch()}
          empty={null}
        />
        <Pager after={search.after} next={sessions.data?.next} rows={rows?.length ?? 0} />
      </div>
      {ending !== null && (
        <EndDialog
          session={ending}
          onClose={() => {
            setEnding(null);
          }}
        />
      )}
    </Page>
  );
}
