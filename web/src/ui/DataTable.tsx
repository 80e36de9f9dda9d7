import { flexRender, getCoreRowModel, useReactTable, type ColumnDef } from "@tanstack/react-table";
import type { ReactNode } from "react";
import { Failure, type Failed } from "./Failure";
import { HeadRows, WaitingRows } from "./TableParts";

type Props<Row> = {
  label: string;
  columns: ColumnDef<Row>[];
  rows: Row[] | undefined;
  rowKey: (row: Row) => string;
  error: Failed | null;
  onRetry: () => void;
  empty: ReactNode;
  selected?: string | undefined;
};

const noRows: never[] = [];

/** A table with its states: loading, failed or denied, empty, and rows. Rows that were there stay during an error. */
export function DataTable<Row>({
  label,
  columns,
  rows,
  rowKey,
  error,
  onRetry,
  empty,
  selected,
}: Props<Row>) {
  const table = useReactTable({
    data: rows ?? noRows,
    columns,
    getCoreRowModel: getCoreRowModel(),
    getRowId: rowKey,
  });
  if (rows === undefined && error !== null) return <Failure error={error} onRetry={onRetry} />;
  if (rows?.length === 0) return empty;
  return (
    <div className="table-wrap" role="region" aria-label={`Table: ${label}`} tabIndex={0}>
      <table aria-busy={rows === undefined}>
        <HeadRows groups={table.getHeaderGroups()} />
        <tbody>
          {rows === undefined ? (
            <WaitingRows rows={6} columns={columns.length} />
          ) : (
            table.getRowModel().rows.map((row) => (
              <tr key={row.id} className={row.id === selected ? "selected" : undefined}>
                {row.getVisibleCells().map((cell) => (
                  <td key={cell.id}>{flexRender(cell.column.columnDef.cell, cell.getContext())}</td>
                ))}
              </tr>
            ))
          )}
        </tbody>
      </table>
    </div>
  );
}
