import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { useMemo } from "react";
import { groupsQuery, layersQuery, rulesQuery } from "../../api/layers";
import { deviceQuery, type Schemas } from "../../api/queries";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Filters } from "../../ui/Filters";
import { Guest } from "../../ui/Guest";
import { Page } from "../../ui/Page";
import { visible } from "../../ui/visible";
import { PolicyTabs } from "./PolicyTabs";
import "./policies.css";

type Rule = Schemas["PolicyRules"]["rules"][number];
const route = getRouteApi("/effective");

const columnsFor = (documents: ReadonlySet<string>): ColumnDef<Rule>[] => [
  { header: "No.", cell: ({ row }) => <span className="muted">{row.index + 1}</span> },
  {
    header: "Task",
    cell: ({ row }) =>
      row.original.task === "" ? <span className="muted">every</span> : visible(row.original.task),
  },
  { header: "Class", cell: ({ row }) => row.original.class },
  { header: "Rule", cell: ({ row }) => <Guest text={row.original.id} none="setting" /> },
  {
    header: "Says",
    cell: ({ row }) => <code className="says">{visible(row.original.text)}</code>,
  },
  {
    header: "Comes from",
    cell: ({ row: { original: rule } }) => {
      if (rule.document === "") return <span className="muted">default</span>;
      const where = `${rule.document}, line ${rule.line}`;
      return documents.has(rule.document) ? (
        <Link to="/documents/$id" params={{ id: rule.document }} search={{ line: String(rule.line) }}>
          {visible(where)}
        </Link>
      ) : (
        visible(where)
      );
    },
  },
];

function lead(rules: Schemas["PolicyRules"] | undefined, host: string | undefined, user: string | undefined) {
  if (rules === undefined) return "What is enforced, in the order of deciding, and which line says so.";
  const who = host ?? `the group “${rules.group}”`;
  const whom = user === undefined ? who : `${who} and ${visible(user)}`;
  return `Serial ${rules.serial} for ${whom}, in the order of deciding; exceptions count that are for them, now.`;
}

/** What is in force for a group, a device, a user: every rule with the line that it comes from. */
export function EffectivePage() {
  const search = route.useSearch();
  const rules = useQuery(rulesQuery(search));
  const layers = useQuery(layersQuery);
  const groups = useQuery(groupsQuery);
  const device = useQuery({ ...deviceQuery(search.device ?? ""), enabled: search.device !== undefined });
  const documents = useMemo(() => new Set(layers.data?.layers.map(({ id }) => id)), [layers.data]);
  const columns = useMemo(() => columnsFor(documents), [documents]);
  const hostname = device.data === undefined ? undefined : visible(device.data.hostname);
  const none = rules.error !== null && "status" in rules.error && rules.error.status === 404;
  return (
    <Page title="Policies" lead={lead(rules.data, hostname, search.user)}>
      <PolicyTabs />
      <div className="panel flush">
        <Filters
          values={search}
          fields={[
            {
              name: "group",
              label: "Group",
              options: groups.data?.groups.map(({ name }) => name) ?? ["default"],
            },
            { name: "device", label: "Device id" },
            { name: "user", label: "User" },
            { name: "serial", label: "Serial" },
          ]}
        />
        <DataTable
          label="Rules in force"
          columns={columns}
          rows={none ? [] : rules.data?.rules}
          rowKey={(rule) => `${rule.document}/${rule.line}/${rule.task}/${rule.class}/${rule.id}`}
          error={rules.error}
          onRetry={() => void rules.refetch()}
          empty={
            <Empty title="Nothing is in force here">
              {none ? rules.error.message : "The group has no policy, so its devices refuse every task."}
            </Empty>
          }
        />
      </div>
    </Page>
  );
}
