import { expect, test } from "vitest";
import { aboutKey, keysAt, valuesAt } from "./language";

const names = (words: { name: string }[]) => words.map(({ name }) => name);
const at = (kind: string, path: string[], key: string | null = null, siblings: string[] = []) => ({
  kind,
  path,
  key,
  siblings,
});

test("an empty document begins with its kind", () => {
  expect(names(keysAt(at("", [])))).toEqual(["kind"]);
});
test("a document's keys are those of its kind", () => {
  expect(names(keysAt(at("exception", [])))).toContain("until");
  expect(names(keysAt(at("base", [])))).not.toContain("until");
});
test("keys that are there already are not offered again", () => {
  expect(names(keysAt(at("base", ["tasks"], null, ["id"])))).not.toContain("id");
});
test("keys that must be there are told apart", () => {
  const words = keysAt(at("base", ["tasks", "file"]));
  expect(words.find(({ name }) => name === "do")?.required).toBe(true);
  expect(words.find(({ name }) => name === "mode")?.required).toBe(false);
});
test("a value with known words offers them", () => {
  expect(names(valuesAt(at("base", ["tasks", "file"], "do")))).toEqual(["read", "copy", "new", "deny"]);
  expect(names(valuesAt(at("base", ["tasks", "stdio"], "stream")))).toEqual(["stdin", "stdout", "stderr"]);
});
test("a value that is true or false offers both", () => {
  expect(names(valuesAt(at("base", ["tasks", "run"], "hidden")))).toEqual(["true", "false"]);
});
test("a map with free names offers what its members have", () => {
  expect(names(keysAt(at("delta", ["set", "no-keys"])))).toEqual(["do", "mode", "severity", "attack"]);
});
test("where the language has nothing, nothing is offered", () => {
  expect(keysAt(at("base", ["nonsense", "x"]))).toEqual([]);
});
test("a key is explained, with its words", () => {
  expect(aboutKey("base", ["tasks", "file", "do"])).toBe("the verdict (read, copy, new, deny)");
  expect(aboutKey("base", ["nonsense"])).toBeNull();
});
