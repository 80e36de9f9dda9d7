import { expect, test } from "vitest";
import type { Schemas } from "../../api/queries";
import { explain } from "./explain";

const event: Schemas["Event"] = {
  id: 4,
  cursor: "1-9-4",
  device: { id: "6dfd0c39-3f0e-4cd3-9a61-111111111111", hostname: "laptop" },
  group: "default",
  user: "user1",
  task: "script",
  vm: "v1",
  image: "debian-docs",
  program: "/usr/bin/python3.11",
  time: null,
  received_at: "2026-11-24T12:00:00Z",
  class: "file",
  operation: "open",
  path: "/home/user1/.ssh/id_rsa",
  verdict: "deny",
  audit: false,
  rule: "no-keys",
  policy: { id: "office", serial: 3 },
  exit_reason: "mmio",
  guest_rip: "0xffffffff81000000",
  severity: "high",
  count: 1,
  dropped: 0,
};

test("a refused access is told with who, what, rule, policy and exit", () => {
  expect(explain(event)).toEqual([
    "The program /usr/bin/python3.11, started by user1, tried to open the file /home/user1/.ssh/id_rsa.",
    "It was refused: the rule “no-keys” matched.",
    "The policy in force was “office”, serial 3. The access was stopped in the VM exit “mmio”, with the guest at 0xffffffff81000000.",
  ]);
});
test("what no rule names is told as such", () => {
  expect(explain({ ...event, verdict: "hide", rule: "" })[1]).toContain("what no rule names does not exist");
});
test("an audit match is not called refused", () => {
  const text = explain({ ...event, audit: true }).join(" ");
  expect(text).toContain("recorded only");
  expect(text).not.toContain("refused");
});
test("a path cannot reorder the sentence", () => {
  expect(explain({ ...event, path: "/a\u202egnp" })[0]).toContain("\\u{202e}");
});
test("losses and repetitions are told", () => {
  const lines = explain({ ...event, count: 12, dropped: 3 });
  expect(lines.slice(3)).toEqual([
    "It happened 12 times in short order and is told as one.",
    "3 earlier events of this device were lost: its queue was full.",
  ]);
});
