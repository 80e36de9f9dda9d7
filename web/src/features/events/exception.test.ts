import { expect, test } from "vitest";
import { daysAhead, exceptionDocument, exceptionProblem, isReason, type Event } from "./exception";

const event: Event = {
  id: 41,
  cursor: "7-41",
  device: { id: "d", hostname: "laptop-0417" },
  group: "default",
  user: "user1",
  task: "pdf",
  vm: "v",
  image: "debian-docs",
  program: "/usr/bin/mutool",
  time: null,
  received_at: "2026-11-24T10:00:00Z",
  class: "file",
  operation: "open",
  path: "/home/user1/notes/todo.txt",
  verdict: "hide",
  audit: false,
  rule: "",
  policy: { id: "office", serial: 1 },
  exit_reason: "",
  guest_rip: "0x0",
  severity: "low",
  count: 1,
  dropped: 0,
};
const terms = { until: "2026-12-01T10:00:00Z", reason: "ticket 991" };

test("it lets exactly the path be read, by this user on this device", () => {
  expect(exceptionProblem(event)).toBeNull();
  expect(exceptionDocument(event, terms)).toBe(`ampoule: 1
kind: exception
id: exc-41
extends: office
for: { users: ["user1"], devices: ["laptop-0417"] }
until: 2026-12-01T10:00:00Z
reason: "ticket 991"
tasks: [ { id: pdf, file: [ { id: exc-41-1, path: ["/home/user1/notes/todo.txt"], do: read } ] } ]
`);
});
test("a connection becomes host, protocol and port, an IPv6 address too", () => {
  const made = exceptionDocument(
    { ...event, class: "net", operation: "connect", path: "tcp:fe80::1:443" },
    terms,
  );
  expect(made).toContain('host: ["fe80::1"], proto: tcp, port: [443], do: allow');
});
test.each([
  ["what was only recorded", { audit: true }],
  ["what was allowed", { verdict: "allow" }],
  ["a register", { class: "msr", operation: "write", path: "0x1a0" }],
  ["a pattern in the path", { path: "/home/user1/*" }],
  ["a quote in the path", { path: '/home/user1/"x' }],
  ["a line break in the path", { path: "/home/user1/\nfor: { users: [all] }" }],
  ["a variable in the path", { path: "/home/${work}" }],
  ["a user that would end the quotes", { user: 'a", "all' }],
  ["a host name with a pattern", { device: { id: "d", hostname: "*" } }],
  ["a task that is no id", { task: "pdf, x: y" }],
  ["a policy that is no id", { policy: { id: "", serial: 1 } }],
  ["a write", { operation: "write" }],
  ["a path that is none", { path: "stdout" }],
  ["a connection without port", { class: "net", operation: "connect", path: "tcp:host" }],
])("no exception is made of %s", (_, changes) => {
  expect(exceptionProblem({ ...event, ...changes })).not.toBeNull();
});
test("a reason stays inside its quotes", () => {
  expect(isReason("ticket 991: asked by user1")).toBe(true);
  expect(isReason('x"\nfor: all')).toBe(false);
  expect(isReason("")).toBe(false);
});
test("days ahead are whole seconds in UTC", () => {
  expect(daysAhead(7, Date.parse("2026-11-24T10:00:00.500Z"))).toBe("2026-12-01T10:00:00Z");
});
