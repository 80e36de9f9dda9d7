// An exception for exactly what one event says was refused, to this user on this device. Every text of an event
// came from an endpoint, and some from a guest: each is put in quotes, and what could act as a pattern is refused.
import type { Schemas } from "../../api/queries";

export type Event = Schemas["Event"];
export type Terms = { until: string; reason: string };

export const lifetimes: [string, number][] = [
  ["1 day", 1],
  ["1 week", 7],
  ["30 days", 30],
  ["90 days", 90],
];

// Means itself between the double quotes of YAML, and as a pattern.
const isPlain = (text: string) => /^[^"\\*?{}$\p{Cc}]{1,4095}$/u.test(text);
const isId = (text: string) => /^[a-z0-9-]{1,59}$/.test(text);
const isConnection = (object: string) => /^(tcp|udp):.+:\d{1,5}$/.test(object);
const looks = new Set(["lookup", "stat", "open", "read", "list"]);

/** Why no exception can be made of an event; null when one can. */
export function exceptionProblem(event: Event): string | null {
  if (event.audit || (event.verdict !== "deny" && event.verdict !== "hide")) return "Nothing was refused.";
  if (event.class !== "file" && event.class !== "net")
    return "Only what was refused of files and connections can be let through.";
  if (!isPlain(event.user) || !isPlain(event.device.hostname) || !isId(event.task) || !isId(event.policy.id))
    return "It names no user, device, task or policy.";
  if (!isPlain(event.path)) return "Its object has letters that a rule would read as a pattern.";
  if (event.class === "net") return isConnection(event.path) ? null : "Its object is no connection.";
  if (!looks.has(event.operation)) return "An exception lets files be read; it cannot let them be changed.";
  return event.path.startsWith("/") ? null : "Its object is no path.";
}

function rule(id: string, event: Event): string {
  if (event.class === "file") return `file: [ { id: ${id}-1, path: ["${event.path}"], do: read } ]`;
  const [proto = "", ...rest] = event.path.split(":");
  const port = rest.pop() ?? "";
  return `net: [ { id: ${id}-1, host: ["${rest.join(":")}"], proto: ${proto}, port: [${port}], do: allow } ]`;
}

export const isReason = (text: string) => /^[^"\\\p{Cc}]{1,500}$/u.test(text);
export const exceptionId = (event: Event) => `exc-${event.id}`;

/** For an event without a problem, and a reason that is one. */
export function exceptionDocument(event: Event, { until, reason }: Terms): string {
  const id = exceptionId(event);
  return `ampoule: 1
kind: exception
id: ${id}
extends: ${event.policy.id}
for: { users: ["${event.user}"], devices: ["${event.device.hostname}"] }
until: ${until}
reason: "${reason}"
tasks: [ { id: ${event.task}, ${rule(id, event)} } ]
`;
}

/** So many days from now, as the language writes times. */
export function daysAhead(days: number, now: number): string {
  return `${new Date(now + days * 86_400_000).toISOString().slice(0, 19)}Z`;
}
