import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { layersQuery, type Layer } from "../../api/layers";
import { Badge } from "../../ui/Badge";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Page } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { useNow } from "../../ui/useNow";
import { visible } from "../../ui/visible";
import { isEnded, kinds } from "./layer";
import { PolicyTabs } from "./PolicyTabs";
import "./policies.css";

function Whom({ layer }: { layer: Layer }) {
  const now = useNow();
  if (layer.kind === "base") return <>everybody</>;
  if (layer.kind === "delta")
    return (
      <>
        group <strong>{visible(layer.group ?? "")}</strong>
      </>
    );
  return isEnded(layer, now) ? (
    <Badge>
      ended <Time at={layer.until} />
    </Badge>
  ) : (
    <Badge tone="warn">
      until <Time at={layer.until} />
    </Badge>
  );
}

const columns: ColumnDef<Layer>[] = [
  {
    header: "Document",
    cell: ({ row: { original: layer } }) => (
      <Link to="/documents/$id" params={{ id: layer.id }}>
        {layer.id}
      </Link>
    ),
  },
  { header: "Kind", cell: ({ row }) => <span title={kinds[row.original.kind]}>{row.original.kind}</span> },
  { header: "For", cell: ({ row }) => <Whom layer={row.original} /> },
  { header: "Revision", cell: ({ row }) => row.original.revision },
  {
    header: "Kept",
    cell: ({ row }) =>
      row.original.managed === "git" ? (
        <Badge tone="info">in git</Badge>
      ) : (
        <span className="muted">here</span>
      ),
  },
  { header: "Changed", cell: ({ row }) => <Time at={row.original.created_at} /> },
  { header: "By", cell: ({ row }) => visible(row.original.created_by) },
];

const first = (
  <Link to="/draft" search={{ kind: "base" }} className="button primary">
    Write the base
  </Link>
);

/** The documents that every group's policy is merged of. */
export function DocumentsPage() {
  const layers = useQuery(layersQuery);
  const rows = layers.data?.layers;
  const hasBase = rows?.some(({ kind }) => kind === "base") ?? false;
  return (
    <Page
      title="Policies"
      lead="What is written: a base for everybody, and what differs for groups, users and devices."
      actions={
        rows !== undefined && hasBase ? (
          <>
            <Link to="/draft" search={{ kind: "exception" }} className="button">
              New exception
            </Link>
            <Link to="/draft" search={{ kind: "delta" }} className="button">
              New document for a group
            </Link>
          </>
        ) : undefined
      }
    >
      <PolicyTabs />
      <div className="panel flush">
        <DataTable
          label="Documents"
          columns={columns}
          rows={rows}
          rowKey={(layer) => layer.id}
          error={layers.error}
          onRetry={() => void layers.refetch()}
          empty={
            <Empty title="No document yet" action={first}>
              The base says which programs run in which micro-VM, and what each may reach. Without it, devices
              refuse every task.
            </Empty>
          }
        />
      </div>
    </Page>
  );
}
