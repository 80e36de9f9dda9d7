// The lines that two documents differ in, with a little of what is around them.
export type DiffLine = { kind: "same" | "gone" | "new" | "gap"; text: string; line: number };

const CONTEXT = 3;
const CELLS_MAX = 4_000_000;

function common(a: string[], b: string[], backwards: boolean, limit: number): number {
  let n = 0;
  while (n < limit && a.at(backwards ? -1 - n : n) === b.at(backwards ? -1 - n : n)) n++;
  return n;
}

/** Longest common subsequence of what is between the common ends; too much of it counts as all changed. */
function middle(a: string[], b: string[], first: number): DiffLine[] {
  const width = b.length + 1;
  const gone = (text: string): DiffLine => ({ kind: "gone", text, line: 0 });
  const fresh = (text: string, at: number): DiffLine => ({ kind: "new", text, line: first + at + 1 });
  if (a.length * b.length > CELLS_MAX) return [...a.map(gone), ...b.map(fresh)];
  const table = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => table[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: b[j] ?? "", line: first + j + 1 });
      i++;
      j++;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1)))
      lines.push(gone(a[i++] ?? ""));
    else {
      lines.push(fresh(b[j] ?? "", j));
      j++;
    }
  }
  return lines;
}

/** Keeps the changed lines and a few around each; what is left out becomes a gap. */
function shorten(lines: DiffLine[]): DiffLine[] {
  const near = (n: number) =>
    lines.slice(Math.max(0, n - CONTEXT), n + CONTEXT + 1).some((line) => line.kind !== "same");
  const kept: DiffLine[] = [];
  lines.forEach((line, n) => {
    if (near(n)) kept.push(line);
    else if (kept.at(-1)?.kind !== "gap") kept.push({ kind: "gap", text: "", line: 0 });
  });
  return kept;
}

export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  const head = common(a, b, false, Math.min(a.length, b.length));
  const tail = common(a, b, true, Math.min(a.length, b.length) - head);
  const same = (from: number, to: number): DiffLine[] =>
    b.slice(from, to).map((text, n) => ({ kind: "same", text, line: from + n + 1 }));
  const lines = [
    ...same(0, head),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), head),
    ...same(b.length - tail, b.length),
  ];
  return lines.some((line) => line.kind !== "same") ? shorten(lines) : [];
}
