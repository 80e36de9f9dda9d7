import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { policiesQuery, type Schemas } from "../../api/queries";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Filters } from "../../ui/Filters";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { Time } from "../../ui/Time";
import { visible } from "../../ui/visible";
import { PolicyTabs } from "./PolicyTabs";

const route = getRouteApi("/policies");

const columns: ColumnDef<Schemas["Policy"]>[] = [
  {
    header: "Policy",
    cell: ({ row: { original: policy } }) => (
      <Link to="/policies/$group/$serial" params={{ group: policy.group, serial: String(policy.serial) }}>
        {policy.policy_id}
      </Link>
    ),
  },
  { header: "Serial", cell: ({ row }) => row.original.serial },
  { header: "Group", cell: ({ row }) => row.original.group },
  { header: "Applied", cell: ({ row }) => <Time at={row.original.created_at} /> },
  { header: "By", cell: ({ row }) => visible(row.original.created_by) },
  { header: "File", cell: ({ row }) => <span className="muted">{visible(row.original.name)}</span> },
  { header: "Digest", cell: ({ row }) => <code className="small">{row.original.digest.slice(0, 16)}…</code> },
];

/** Every version of every group's policy, the newest first. */
export function PoliciesPage() {
  const search = route.useSearch();
  const policies = useQuery(policiesQuery(search));
  const edit = (
    <Link to="/documents" className="button primary">
      To the documents
    </Link>
  );
  return (
    <Page
      title="Policies"
      lead="Signed versions, by group. The newest of a group is the one its devices enforce."
    >
      <PolicyTabs />
      <div className="panel flush">
        <Filters values={search} fields={[{ name: "group", label: "Group" }]} />
        <DataTable
          label="Versions of policies"
          columns={columns}
          rows={policies.data?.policies}
          rowKey={(policy) => `${policy.group}/${policy.serial}`}
          error={policies.error}
          onRetry={() => void policies.refetch()}
          empty={
            <Empty title="No policy yet" action={edit}>
              Without one, devices refuse every task.
            </Empty>
          }
        />
        <Pager after={search.after} next={policies.data?.next} rows={policies.data?.policies.length ?? 0} />
      </div>
    </Page>
  );
}
