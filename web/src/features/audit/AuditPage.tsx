import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi, useNavigate } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { PAGE_ROWS } from "../../api/queries";
import { Badge } from "../../ui/Badge";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Filters } from "../../ui/Filters";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { Time } from "../../ui/Time";
import { changed } from "../../ui/search";
import { visible } from "../../ui/visible";
import { actorText, auditQuery, outcomeTone, type Row } from "./audit";
import { RowDialog } from "./RowDialog";
import { Verify } from "./Verify";

const route = getRouteApi("/audit");

const columns: ColumnDef<Row>[] = [
  {
    header: "When",
    cell: ({ row: { original: row } }) => (
      <Link to="." search={(old) => changed(old, { row: String(row.id) })}>
        <Time at={row.at} />
      </Link>
    ),
  },
  { header: "Who", cell: ({ row }) => visible(actorText(row.original)) },
  { header: "Did", cell: ({ row }) => <code>{visible(row.original.action)}</code> },
  { header: "To", cell: ({ row }) => <span className="path">{visible(row.original.object)}</span> },
  {
    header: "Outcome",
    cell: ({ row: { original: row } }) => (
      <Badge tone={outcomeTone[row.outcome]}>
        {row.outcome}
        {row.count > 1 && ` × ${row.count.toLocaleString("en")}`}
      </Badge>
    ),
  },
  { header: "From", cell: ({ row }) => visible(row.original.address) },
];

/** What admins and programs did, and were refused to do; and whether the log is whole. */
export function AuditPage() {
  const { row: chosen, ...search } = route.useSearch();
  const navigate = useNavigate();
  const audit = useQuery(auditQuery(search));
  const rows = audit.data?.audit;
  const row = rows?.find(({ id }) => String(id) === chosen);
  return (
    <Page
      title="Audit log"
      lead="What people and programs did here, and what they were refused. Newest first; nothing is ever changed."
    >
      <div className="stack">
        <Verify />
        <div className="panel flush">
          <Filters
            values={search}
            fields={[
              { name: "actor", label: "Who" },
              { name: "action", label: "Did (begins with)" },
              { name: "outcome", label: "Outcome", options: ["done", "refused", "failed"] },
            ]}
          />
          <DataTable
            label="Audit log"
            columns={columns}
            rows={rows}
            rowKey={({ id }) => String(id)}
            error={audit.error}
            onRetry={() => void audit.refetch()}
            empty={<Empty title="Nothing is like that">Each change and each refusal is written here.</Empty>}
          />
          <Pager
            after={search.after}
            next={rows?.length === PAGE_ROWS ? audit.data?.next : null}
            rows={rows?.length ?? 0}
          />
        </div>
      </div>
      {row !== undefined && (
        <RowDialog
          row={row}
          onClose={() => void navigate({ to: ".", search: (old) => changed(old, { row: undefined }) })}
        />
      )}
    </Page>
  );
}
