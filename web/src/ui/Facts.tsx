import type { ReactNode } from "react";

type Props = { facts: [string, ReactNode][] };

/** Names and values, one under the other. */
export function Facts({ facts }: Props) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
