import { Link, useNavigate } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import type { Layer } from "../../api/layers";
import { Badge } from "../../ui/Badge";
import { DataTable } from "../../ui/DataTable";
import { Field } from "../../ui/Field";
import { Panel } from "../../ui/Panel";
import { Time } from "../../ui/Time";
import { changed } from "../../ui/search";
import { visible } from "../../ui/visible";
import { Diff } from "./Diff";

type Props = { revisions: Layer[]; from: string | undefined; to: string | undefined };

const columnsFor = (newest: number): ColumnDef<Layer>[] => [
  { header: "Revision", cell: ({ row }) => row.original.revision },
  { header: "Made", cell: ({ row }) => <Time at={row.original.created_at} full /> },
  { header: "By", cell: ({ row }) => visible(row.original.created_by) },
  {
    header: "State",
    cell: ({ row: { original: one } }) => {
      if (one.document === null) return <Badge tone="bad">taken away</Badge>;
      return one.revision === newest ? <Badge tone="good">newest</Badge> : <span className="muted">old</span>;
    },
  },
  {
    id: "do",
    header: () => <span className="sr-only">Actions</span>,
    cell: ({ row: { original: one } }) =>
      one.document !== null &&
      one.revision !== newest && (
        <Link to="/draft" search={{ id: one.id, revision: String(one.revision) }}>
          Go back to revision {one.revision}
        </Link>
      ),
  },
];

/** Every revision of a document; any two of them, line against line. What is compared stands in the address. */
export function Revisions({ revisions, from, to }: Props) {
  const navigate = useNavigate();
  const newest = revisions[0]?.revision ?? 0;
  const pick = (wanted: string | undefined, otherwise: number) =>
    revisions.find(({ revision }) => revision === Number(wanted ?? otherwise));
  const before = pick(from, newest - 1);
  const after = pick(to, newest);
  const choice = (label: string, name: "from" | "to", chosen: Layer | undefined) => (
    <Field label={label}>
      {(attributes) => (
        <select
          {...attributes}
          value={chosen?.revision ?? ""}
          onChange={(event) =>
            void navigate({ to: ".", search: (old) => changed(old, { [name]: event.target.value }) })
          }
        >
          {revisions.map(({ revision }) => (
            <option key={revision}>{revision}</option>
          ))}
        </select>
      )}
    </Field>
  );
  return (
    <>
      <Panel title="Revisions" flush>
        <DataTable
          label="Revisions"
          columns={columnsFor(newest)}
          rows={revisions}
          rowKey={({ revision }) => String(revision)}
          error={null}
          onRetry={() => undefined}
          empty={null}
        />
      </Panel>
      {revisions.length > 1 && (
        <Panel title="Compare two revisions">
          <div className="choices">
            {choice("From", "from", before)}
            {choice("To", "to", after)}
          </div>
          {before !== undefined && after !== undefined && (
            <Diff
              before={before.document ?? ""}
              after={after.document ?? ""}
              label={`From revision ${before.revision} to ${after.revision}`}
            />
          )}
        </Panel>
      )}
    </>
  );
}
