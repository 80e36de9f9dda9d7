import { expect, test } from "vitest";
import { diffLines } from "./diff";

const text = (lines: ReturnType<typeof diffLines>) =>
  lines
    .map(({ kind, text: line }) => `${{ same: " ", gone: "-", new: "+", gap: "~" }[kind]}${line}`)
    .join("\n");

test("equal documents have no difference", () => {
  expect(diffLines("a\nb\n", "a\nb\n")).toEqual([]);
});
test("a changed line is one gone and one new", () => {
  expect(text(diffLines("a\nb\nc", "a\nx\nc"))).toBe(" a\n-b\n+x\n c");
});
test("a line that was added in the middle moves nothing else", () => {
  expect(text(diffLines("a\nb", "a\nnew\nb"))).toBe(" a\n+new\n b");
});
test("a line that was taken out at the end is gone", () => {
  expect(text(diffLines("a\nb", "a"))).toBe(" a\n-b");
});
test("what is far from any change is a gap", () => {
  const many = Array.from({ length: 20 }, (_, n) => String(n));
  expect(text(diffLines(many.join("\n"), [...many.slice(0, 19), "x"].join("\n")))).toBe(
    "~\n 16\n 17\n 18\n-19\n+x",
  );
});
test("new lines are numbered as in the new document", () => {
  expect(
    diffLines("a\nb\nc", "a\nx\ny\nc")
      .filter(({ kind }) => kind === "new")
      .map(({ line }) => line),
  ).toEqual([2, 3]);
});
test("a document that repeats itself is still put together from its parts", () => {
  const lines = diffLines("a\na\na", "a\na");
  expect(lines.filter(({ kind }) => kind === "gone")).toHaveLength(1);
});
