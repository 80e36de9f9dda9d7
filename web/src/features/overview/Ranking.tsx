import { Link } from "@tanstack/react-router";
import { Empty } from "../../ui/Empty";
import { Guest } from "../../ui/Guest";
import { Panel } from "../../ui/Panel";

type Entry = {
  key: string;
  text: string;
  search: Record<string, string> | null;
  refused: number;
  recorded: number;
};
type Props = { title: string; entries: Entry[] };

/** The first few by number of accesses; each leads to its events. */
export function Ranking({ title, entries }: Props) {
  const top = Math.max(1, ...entries.map((entry) => entry.refused + entry.recorded));
  return (
    <Panel title={title}>
      {entries.length === 0 ? (
        <Empty title="Nothing in 24 hours" />
      ) : (
        <ul className="ranking">
          {entries.map((entry) => (
            <li key={entry.key}>
              {entry.search === null ? (
                <span className="muted">{entry.text}</span>
              ) : (
                <Link to="/events" search={entry.search}>
                  <Guest text={entry.text} />
                </Link>
              )}
              <span className="count">{(entry.refused + entry.recorded).toLocaleString("en")}</span>
              <meter
                min={0}
                max={top}
                value={entry.refused + entry.recorded}
                aria-label={`${entry.text}: accesses`}
              />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
