// Chunks of a list put together, with those rows that were asked for again in the place of the older ones.
export type Chunk<Row> = { rows: Row[]; next: string | null };

/** Each row once. `now` is a chunk that was asked for again: at the list's top it stands in front as it is, new
 *  rows too; further down it only renews rows that are there, so that nothing moves under the reader. */
export function fresh<Row>(
  chunks: readonly Chunk<Row>[],
  now: Chunk<Row> | undefined,
  idOf: (row: Row) => string,
  atTop: boolean,
): Row[] {
  const newer = new Map((now?.rows ?? []).map((row) => [idOf(row), row]));
  const rows = atTop ? [...newer.values()] : [];
  if (atTop && now?.next === null) return rows;
  const seen = new Set(rows.map(idOf));
  for (const row of chunks.flatMap((chunk) => chunk.rows)) {
    const id = idOf(row);
    if (seen.has(id)) continue;
    seen.add(id);
    rows.push(newer.get(id) ?? row);
  }
  return rows;
}
