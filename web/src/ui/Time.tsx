import { useSyncExternalStore } from "react";
import { ago, local, utc } from "./when";

// One clock for all times on the page.
let now = Date.now();
const listeners = new Set<() => void>();
setInterval(() => {
  now = Date.now();
  for (const listener of listeners) listener();
}, 5000);
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

type Props = { at: string | null; full?: boolean; never?: string };

/** A moment: near ones in words; the title has local time and UTC. */
export function Time({ at, full = false, never = "never" }: Props) {
  const current = useSyncExternalStore(subscribe, () => now);
  if (at === null) return <span className="muted">{never}</span>;
  if (!full)
    return (
      <time dateTime={at} title={`${local(at)} · ${utc(at)}`}>
        {ago(at, current)}
      </time>
    );
  return (
    <time dateTime={at} className="full-time">
      <span>{local(at)}</span> <span className="muted small">{utc(at)}</span>
    </time>
  );
}
