import { flexRender, getCoreRowModel, useReactTable, type ColumnDef } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, type ReactNode } from "react";
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
  more: boolean; // there are rows behind the last one
  onSeen: (first: number, last: number) => void; // which rows are looked at
};

const ROW_PX = 36;
// One and the same: for the table another array is other data, after which it is drawn again.
const noRows: never[] = [];

/** A long list: only the rows that are looked at are in the page. Each is one line high, as the columns' sizes say
 *  wide; what does not fit is cut, with the whole in its title. Further rows are asked for by whoever has onSeen. */
export function VirtualTable<Row>(props: Props<Row>) {
  const { label, columns, rows, rowKey, error, onRetry, empty, more, onSeen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const table = useReactTable({
    data: rows ?? noRows,
    columns,
    getCoreRowModel: getCoreRowModel(),
    getRowId: rowKey,
  });
  const all = table.getRowModel().rows;
  const virtual = useVirtualizer({
    count: all.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const shown = virtual.getVirtualItems();
  const first = shown[0]?.index ?? 0;
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    onSeen(first, last);
  }, [first, last, all.length, onSeen]);
  if (rows === undefined && error !== null) return <Failure error={error} onRetry={onRetry} />;
  if (rows?.length === 0) return empty;
  const total = columns.reduce((sum, { size = 150 }) => sum + size, 0);
  const above = shown[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0);
  return (
    <div
      ref={scroller}
      className="table-wrap virtual"
      role="region"
      aria-label={`Table: ${label}`}
      tabIndex={0}
      data-scroll-restoration-id={label}
    >
      <table aria-busy={rows === undefined} aria-rowcount={more ? -1 : all.length + 1}>
        <colgroup>
          {columns.map(({ size = 150 }, n) => (
            <col key={n} style={{ width: `${(size / total) * 100}%` }} />
          ))}
        </colgroup>
        <HeadRows groups={table.getHeaderGroups()} index={1} />
        <tbody>
          {above > 0 && <tr aria-hidden="true" className="spacer" style={{ height: above }} />}
          {shown.map(({ index }) => {
            const row = all[index];
            return (
              row !== undefined && (
                <tr key={row.id} aria-rowindex={index + 2}>
                  {row.getVisibleCells().map((cell) => (
                    <td key={cell.id}>{flexRender(cell.column.columnDef.cell, cell.getContext())}</td>
                  ))}
                </tr>
              )
            );
          })}
          {rows === undefined && <WaitingRows rows={10} columns={columns.length} />}
          {below > 0 && <tr aria-hidden="true" className="spacer" style={{ height: below }} />}
        </tbody>
      </table>
    </div>
  );
}
