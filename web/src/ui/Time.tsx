import { useNow } from "./useNow";
import { ago, local, utc } from "./when";

type Props = { at: string | null; full?: boolean; never?: string };

/** A moment: near ones in words; the title has local time and UTC. */
export function Time({ at, full = false, never = "never" }: Props) {
  const current = useNow();
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
