import type { ReactNode } from "react";

export type Tone = "plain" | "good" | "warn" | "bad" | "info";
type Props = { tone?: Tone; children: ReactNode; title?: string };

/** A state in a word; the dot's shape repeats what its colour says. */
export function Badge({ tone = "plain", children, title }: Props) {
  return (
    <span className={`badge ${tone}`} title={title}>
      <span className="dot" aria-hidden="true" />
      {children}
    </span>
  );
}
