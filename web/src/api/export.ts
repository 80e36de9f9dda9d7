// A list written to a file: NDJSON as the API has it, or CSV with one column per field.
import type { Chunk } from "./chunks";

export type Form = "csv" | "ndjson";
export const EXPORT_MAX = 100_000;

/** {"a": {"b": 1}} as [["a.b", 1]]; lists stay one field. */
function fields(value: object, prefix = ""): [string, unknown][] {
  return Object.entries(value).flatMap(([name, one]: [string, unknown]) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? fields(one, `${prefix}${name}.`)
      : [[`${prefix}${name}`, one] satisfies [string, unknown]],
  );
}

/** One field. What a spreadsheet would take for a formula begins with an apostrophe: names come from guests. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const raw = typeof value === "string" ? value : JSON.stringify(value);
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(raw) ? `'${raw}` : raw;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function ndjson(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** Columns are all that any row has, in the order in which they come up. */
export function csv(rows: readonly object[]): string {
  const flat = rows.map((row) => new Map(fields(row)));
  const names = [...new Set(flat.flatMap((row) => [...row.keys()]))];
  const lines = flat.map((row) => names.map((name) => cell(row.get(name))).join(","));
  return `${[names.map(cell).join(","), ...lines].join("\r\n")}\r\n`;
}

/** Every row, chunk after chunk, until the list ends or EXPORT_MAX is reached; tells how many there are so far. */
export async function everyRow<Row extends object>(
  fetch: (after: string | undefined, signal: AbortSignal) => Promise<Chunk<Row>>,
  signal: AbortSignal,
  tell: (count: number) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  let after: string | undefined;
  do {
    const chunk = await fetch(after, signal);
    rows.push(...chunk.rows);
    tell(rows.length);
    after = chunk.next ?? undefined;
  } while (after !== undefined && rows.length < EXPORT_MAX);
  return rows.slice(0, EXPORT_MAX);
}
