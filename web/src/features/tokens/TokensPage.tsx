import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { useMemo, useState } from "react";
import { tokensQuery } from "../../api/queries";
import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { Time } from "../../ui/Time";
import { visible } from "../../ui/visible";
import { NewTokenDialog } from "./NewTokenDialog";
import { RevokeDialog } from "./RevokeDialog";
import { stateTone, type Token } from "./token";

const route = getRouteApi("/tokens");

const columnsFor = (onRevoke: (token: Token) => void): ColumnDef<Token>[] => [
  {
    header: "Name",
    cell: ({ row }) =>
      row.original.name === "" ? <span className="muted">(none)</span> : visible(row.original.name),
  },
  {
    header: "State",
    cell: ({ row }) => <Badge tone={stateTone[row.original.state]}>{row.original.state}</Badge>,
  },
  { header: "For", cell: ({ row }) => (row.original.kind === "api" ? "the API" : "enrolment") },
  {
    header: "May",
    cell: ({ row }) => (row.original.kind === "api" ? row.original.role : `join ${row.original.group ?? ""}`),
  },
  {
    header: "Uses left",
    cell: ({ row }) =>
      row.original.uses === null ? "" : `${row.original.uses_left ?? 0} of ${row.original.uses}`,
  },
  { header: "Ends", cell: ({ row }) => <Time at={row.original.expires_at} /> },
  { header: "Last used", cell: ({ row }) => <Time at={row.original.last_used_at} /> },
  { header: "Made by", cell: ({ row }) => visible(row.original.created_by) },
  {
    id: "revoke",
    header: () => <span className="sr-only">Revoke</span>,
    cell: ({ row: { original: token } }) =>
      token.state === "active" && (
        <Button
          tone="danger"
          aria-label={`Revoke ${token.name === "" ? token.id : token.name}`}
          onClick={() => {
            onRevoke(token);
          }}
        >
          Revoke
        </Button>
      ),
  },
];

/** Secrets that programs and devices were given; never the secrets themselves. */
export function TokensPage() {
  const search = route.useSearch();
  const tokens = useQuery(tokensQuery(search));
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const columns = useMemo(() => columnsFor(setRevoking), []);
  return (
    <Page
      title="Tokens"
      lead="For programs that use the API, and for devices that join. A secret is shown once, when it is made."
      actions={
        <>
          <Link to="/devices/enrol" className="button">
            Enrol a device
          </Link>
          <Button
            tone="primary"
            onClick={() => {
              setMaking(true);
            }}
          >
            New API token
          </Button>
        </>
      }
    >
      <div className="panel flush">
        <DataTable
          label="Tokens"
          columns={columns}
          rows={tokens.data?.tokens}
          rowKey={(token) => token.id}
          error={tokens.error}
          onRetry={() => void tokens.refetch()}
          empty={<Empty title="No tokens">Programs and devices that should come in need one.</Empty>}
        />
        <Pager after={search.after} next={tokens.data?.next} rows={tokens.data?.tokens.length ?? 0} />
      </div>
      {making && (
        <NewTokenDialog
          onClose={() => {
            setMaking(false);
          }}
        />
      )}
      {revoking !== null && (
        <RevokeDialog
          token={revoking}
          onClose={() => {
            setRevoking(null);
          }}
        />
      )}
    </Page>
  );
}
