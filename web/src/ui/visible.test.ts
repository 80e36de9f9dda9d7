import { expect, test } from "vitest";
import { visible } from "./visible";

test("plain text stays as it is", () => {
  expect(visible("/home/user1/Übung ü.pdf")).toBe("/home/user1/Übung ü.pdf");
});
test("a bidirectional override is written out", () => {
  expect(visible("\u202egnp.exe")).toBe("\\u{202e}gnp.exe");
});
test("terminal escapes, NUL and newlines are written out", () => {
  expect(visible("a\u001b[2J\u0000\n")).toBe("a\\u{1b}[2J\\u{0}\\u{a}");
});
test("letters of no width are written out", () => {
  expect(visible("ad\u200bmin\ufeff")).toBe("ad\\u{200b}min\\u{feff}");
});
test("tags outside the basic plane are written out", () => {
  expect(visible("x\u{e0041}")).toBe("x\\u{e0041}");
});
