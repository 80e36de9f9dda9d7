import { expect, test } from "vitest";
import { idsIn, isEnded, placed, template } from "./layer";

const finding = { line: 0, column: 0, path: "tests", text: "" };

test("a failed test is placed at its line when its document is the one in the editor", () => {
  const text = "office: line 12: task pdf: open ~/a: expected read, got hide by no rule";
  expect(placed({ ...finding, text }, ["office"])).toEqual({
    line: 12,
    column: 1,
    path: "tests",
    text: "task pdf: open ~/a: expected read, got hide by no rule",
    document: undefined,
  });
});
test("a failed test of another document keeps that document's name", () => {
  expect(placed({ ...finding, text: "other: line 3: x" }, ["office"]).document).toBe("other");
});
test("a test that says no line stays as it is", () => {
  expect(placed({ ...finding, text: "out of luck" }, ["office"])).toEqual({
    ...finding,
    text: "out of luck",
  });
});
test("a finding of a stored document is not taken for one of the text", () => {
  expect(placed({ ...finding, path: "id", document: "other" }, ["office"]).document).toBe("other");
});
test("ids of several documents are found, and none of rules", () => {
  expect(idsIn("kind: base\nid: office\ntasks:\n  - id: pdf\n---\nid: eng\n")).toEqual(["office", "eng"]);
});
test("a template's exception ends in a week, in whole seconds", () => {
  expect(template("exception", "office", new Date("2026-11-24T10:00:00.123Z"))).toContain(
    "until: 2026-12-01T10:00:00Z",
  );
});
test("an exception is over at its end", () => {
  expect(isEnded({ until: "2026-01-01T00:00:00Z" }, Date.parse("2026-01-01T00:00:00Z"))).toBe(true);
  expect(isEnded({ until: null }, 0)).toBe(false);
});
