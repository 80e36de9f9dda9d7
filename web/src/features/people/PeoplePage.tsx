import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { useMemo, useState } from "react";
import { grantText } from "../../app/roles";
import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { Time } from "../../ui/Time";
import { visible } from "../../ui/visible";
import { AddDialog } from "./AddDialog";
import { DisableDialog } from "./DisableDialog";
import { peopleQuery, type Person } from "./person";
import { RemoveDialog } from "./RemoveDialog";

const route = getRouteApi("/people");
type Ask = (person: Person) => void;

const columnsFor = (onDisable: Ask, onRemove: Ask): ColumnDef<Person>[] => [
  { header: "Name", cell: ({ row }) => <strong>{visible(row.original.name)}</strong> },
  {
    header: "State",
    cell: ({ row }) =>
      row.original.disabled ? <Badge tone="bad">disabled</Badge> : <Badge tone="good">active</Badge>,
  },
  {
    header: "May",
    cell: ({ row }) =>
      row.original.roles.length === 0 ? (
        <span className="muted">nothing</span>
      ) : (
        row.original.roles.map(grantText).join("; ")
      ),
  },
  {
    header: "Second factor",
    cell: ({ row }) => (row.original.totp ? <Badge tone="good">on</Badge> : <Badge tone="warn">off</Badge>),
  },
  { header: "Last seen", cell: ({ row }) => <Time at={row.original.last_seen} /> },
  { header: "Added by", cell: ({ row }) => visible(row.original.created_by) },
  {
    id: "do",
    header: () => <span className="sr-only">Actions</span>,
    cell: ({ row: { original: person } }) => (
      <span className="actions">
        <Button
          aria-label={`${person.disabled ? "Enable" : "Disable"} ${person.name}`}
          onClick={() => {
            onDisable(person);
          }}
        >
          {person.disabled ? "Enable" : "Disable"}
        </Button>
        <Button
          tone="danger"
          aria-label={`Remove ${person.name}`}
          onClick={() => {
            onRemove(person);
          }}
        >
          Remove
        </Button>
      </span>
    ),
  },
];

/** Who may sign in, and what each may do. */
export function PeoplePage() {
  const search = route.useSearch();
  const people = useQuery(peopleQuery(search));
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Person | null>(null);
  const [disabling, setDisabling] = useState<Person | null>(null);
  const columns = useMemo(() => columnsFor(setDisabling, setRemoving), []);
  return (
    <Page
      title="People"
      lead="Who may sign in, and what each may do in which device groups."
      actions={
        <Button
          tone="primary"
          onClick={() => {
            setAdding(true);
          }}
        >
          Add a person
        </Button>
      }
    >
      <div className="panel flush">
        <DataTable
          label="People"
          columns={columns}
          rows={people.data?.people}
          rowKey={(person) => person.id}
          error={people.error}
          onRetry={() => void people.refetch()}
          empty={<Empty title="Nobody">The server’s setup prints a link for the first admin.</Empty>}
        />
        <Pager after={search.after} next={people.data?.next} rows={people.data?.people.length ?? 0} />
      </div>
      {adding && (
        <AddDialog
          onClose={() => {
            setAdding(false);
          }}
        />
      )}
      {disabling !== null && (
        <DisableDialog
          person={disabling}
          onClose={() => {
            setDisabling(null);
          }}
        />
      )}
      {removing !== null && (
        <RemoveDialog
          person={removing}
          onClose={() => {
            setRemoving(null);
          }}
        />
      )}
    </Page>
  );
}
