import type { Change, Effect } from "../api/layers";
import { Guest } from "../ui/Guest";
import { visible } from "../ui/visible";
import { changeWhere, deviceNames, signOf } from "./change";
import "./changes.css";

/** What differs, by rules and not by lines. */
export function Changes({ changes, label }: { changes: readonly Change[]; label: string }) {
  if (changes.length === 0) return <p className="muted">No rule and no setting differs.</p>;
  return (
    <ul className="changes" aria-label={label}>
      {changes.map((change, n) => (
        <li key={n} className={change.change}>
          <span className="sign" aria-hidden="true">
            {signOf[change.change]}
          </span>
          <div>
            <span className="what">
              <strong>{change.change}</strong> {visible(changeWhere(change))}{" "}
              <span className="muted small">
                {change.document === "" ? "" : `${visible(change.document)}, line ${change.line}`}
              </span>
            </span>
            {change.change !== "moved" && change.before !== null && (
              <code className="gone">
                <span className="sr-only">Before: </span>
                {visible(change.before)}
              </code>
            )}
            {change.change !== "moved" && change.after !== null && (
              <code className="new">
                <span className="sr-only">After: </span>
                {visible(change.after)}
              </code>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** For each group whose policy changes: whom it concerns, and what. */
export function GroupChanges({ groups }: { groups: Effect["groups"] }) {
  return (
    <div className="group-changes">
      {groups.map((group) => (
        <section key={group.group} aria-label={`Group ${group.group}`}>
          <h3>
            Group “{visible(group.group)}”: {deviceNames(group.devices)}
          </h3>
          {group.devices.names.length > 0 && (
            <p className="muted small names">
              {group.devices.names.slice(0, 12).map((name, n) => (
                <span key={name}>
                  {n > 0 && ", "}
                  <Guest text={name} none="(no name)" />
                </span>
              ))}
              {group.devices.count > 12 && `, and ${group.devices.count - 12} more`}
            </p>
          )}
          <Changes changes={group.changes} label={`Changes for ${group.group}`} />
        </section>
      ))}
    </div>
  );
}
