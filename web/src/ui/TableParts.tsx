import { flexRender, type HeaderGroup } from "@tanstack/react-table";

/** The names of the columns; index: which row of a table that is not all there. */
export function HeadRows<Row>({ groups, index }: { groups: HeaderGroup<Row>[]; index?: number }) {
  return (
    <thead>
      {groups.map((group) => (
        <tr key={group.id} aria-rowindex={index}>
          {group.headers.map((header) => (
            <th key={header.id} scope="col">
              {flexRender(header.column.columnDef.header, header.getContext())}
            </th>
          ))}
        </tr>
      ))}
    </thead>
  );
}

/** Where rows will be, while nothing is known of them. */
export function WaitingRows({ rows, columns }: { rows: number; columns: number }) {
  return Array.from({ length: rows }, (_, row) => (
    <tr key={row} className="waiting">
      {Array.from({ length: columns }, (__, column) => (
        <td key={column}>
          <span className="bone" />
        </td>
      ))}
    </tr>
  ));
}
