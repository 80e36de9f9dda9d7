import { Text } from "@codemirror/state";
import { expect, test } from "vitest";
import { diagnosticsOf, positionOf } from "./editor-state";

const doc = Text.of(["ampoule: 1", "kind: base", "nonsense: 3"]);
const finding = { line: 3, column: 1, path: "nonsense", text: "is not a key" };
const marked = (line: number, column: number) => {
  const { from, to } = positionOf(doc, { ...finding, line, column });
  return doc.sliceString(from, to);
};

test("a finding marks the word at its column", () => {
  expect(marked(3, 1)).toBe("nonsense:");
  expect(marked(2, 7)).toBe("base");
});
test("a column behind the line's end stays inside the line", () => {
  expect(positionOf(doc, { ...finding, line: 1, column: 99 })).toEqual({ from: 10, to: 10 });
});
test("a line behind the last one marks the end", () => {
  expect(positionOf(doc, { ...finding, line: 9 })).toEqual({ from: doc.length, to: doc.length });
});
test("a finding about the whole says its text alone", () => {
  expect(diagnosticsOf(doc, [{ line: 0, column: 0, path: "", text: "is empty" }])[0]?.message).toBe(
    "is empty",
  );
});
