// A change of a policy in words.
import type { Change, Effect } from "../api/layers";

export const signOf: Record<Change["change"], string> = {
  added: "+",
  removed: "−",
  changed: "~",
  moved: "↕",
};

/** "pdf: file rule no-keys", "every task: net rule git", "trust_levels". */
export function changeWhere({ task, class: name, id }: Pick<Change, "task" | "class" | "id">): string {
  const what = id === "" ? name : `${name} rule ${id}`;
  if (task !== "") return `${task}: ${what}`;
  return id === "" ? what : `every task: ${what}`;
}

export function deviceNames({ count }: Effect["groups"][number]["devices"]): string {
  if (count === 0) return "no device yet";
  return count === 1 ? "one device" : `${count.toLocaleString("en")} devices`;
}

/** Whom an effect concerns, in one sentence. */
export function effectSentence({ groups }: Pick<Effect, "groups">): string {
  if (groups.length === 0) return "Nothing changes for any device.";
  const devices = groups.reduce((sum, group) => sum + group.devices.count, 0);
  const rules = groups.reduce((sum, group) => sum + group.changes.length, 0);
  const many = (n: number, one: string) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;
  return `Changes ${many(devices, "device")} in ${many(groups.length, "group")}: ${many(rules, "difference")}.`;
}

/** What the button that does it says. */
export function applyLabel({ groups }: Pick<Effect, "groups">): string {
  const count = groups.reduce((sum, group) => sum + group.devices.count, 0);
  return count === 0 ? "Apply" : `Apply to ${deviceNames({ count, names: [] })}`;
}
