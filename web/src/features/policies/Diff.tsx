import { diffLines } from "./diff";

type Props = { before: string; after: string; label: string };

const signs = { same: " ", gone: "−", new: "+", gap: "⋯" };

/** Two documents, line against line. */
export function Diff({ before, after, label }: Props) {
  const lines = diffLines(before, after);
  if (lines.length === 0) return <p className="muted">The two documents are the same.</p>;
  return (
    <div className="diff" role="region" aria-label={label} tabIndex={0}>
      {lines.map((line, n) => (
        <div key={n} className={line.kind}>
          <span className="line" aria-hidden="true">
            {line.line === 0 ? "" : line.line}
          </span>
          <span className="sign" aria-hidden="true">
            {signs[line.kind]}
          </span>
          <code>
            {line.kind === "gone" && <span className="sr-only">Taken out: </span>}
            {line.kind === "new" && <span className="sr-only">Added: </span>}
            {line.text}
          </code>
        </div>
      ))}
    </div>
  );
}
