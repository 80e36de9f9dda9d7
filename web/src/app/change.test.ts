import { expect, test } from "vitest";
import { changeWhere, effectSentence } from "./change";

test("a rule is named by its task, class and id", () => {
  expect(changeWhere({ task: "pdf", class: "file", id: "doc" })).toBe("pdf: file rule doc");
});
test("a rule without task is in every task", () => {
  expect(changeWhere({ task: "", class: "file", id: "no-keys" })).toBe("every task: file rule no-keys");
});
test("a setting has no rule", () => {
  expect(changeWhere({ task: "pdf", class: "run.memory", id: "" })).toBe("pdf: run.memory");
});
test("an effect counts devices over groups", () => {
  const change = {
    change: "added",
    task: "",
    class: "file",
    id: "a",
    before: null,
    after: "x",
    document: "d",
    line: 1,
  } as const;
  const group = {
    group: "eng",
    policy_id: "office",
    serial: null,
    devices: { count: 2, names: [] },
    changes: [change],
  };
  expect(
    effectSentence({ groups: [group, { ...group, group: "ops", devices: { count: 1, names: [] } }] }),
  ).toBe("Changes 3 devices in 2 groups: 2 differences.");
});
test("no group, no change", () => {
  expect(effectSentence({ groups: [] })).toBe("Nothing changes for any device.");
});
