import { expect, test } from "vitest";
import { whereIs } from "./where";

// The bar is where one types.
const at = (text: string) => whereIs(text.replace("|", ""), text.indexOf("|"));
const head = "ampoule: 1\nkind: base\n";

test("at the left margin a key of the document is expected", () => {
  expect(at(`${head}ta|`)).toEqual({ kind: "base", path: [], key: null, siblings: ["ampoule", "kind"] });
});
test("behind a key stands its value", () => {
  expect(at(`${head}default_task: re|`)).toMatchObject({ path: [], key: "default_task" });
});
test("an indented line belongs to the key above", () => {
  expect(at(`${head}tasks:\n  - id: pdf\n    ma|`)).toMatchObject({
    path: ["tasks"],
    key: null,
    siblings: ["id"],
  });
});
test("a second item of a list knows nothing of the first", () => {
  expect(at(`${head}tasks:\n  - id: pdf\n    run: {}\n  - i|`)).toMatchObject({
    path: ["tasks"],
    siblings: [],
  });
});
test("inside braces a key of the inner map is expected", () => {
  expect(at(`${head}tasks:\n  - id: pdf\n    run: { image: debian-docs, le|`)).toMatchObject({
    path: ["tasks", "run"],
    key: null,
    siblings: ["image"],
  });
});
test("inside braces, behind a colon, stands a value", () => {
  expect(at(`${head}final:\n  file:\n    - { id: no-keys, path: ["~/.ssh/"], do: d|`)).toMatchObject({
    path: ["final", "file"],
    key: "do",
  });
});
test("an item of a list in brackets is a value of the list's key", () => {
  expect(at(`${head}tasks:\n  - id: a\n    stdio: [ { id: x, stream: [std|`)).toMatchObject({
    path: ["tasks", "stdio"],
    key: "stream",
  });
});
test("braces that are closed are over", () => {
  expect(at(`${head}final:\n  file:\n    - { id: a, path: ["~/"], do: deny }\n  n|`)).toMatchObject({
    path: ["final"],
    siblings: ["file"],
  });
});
test("braces may go over several lines", () => {
  expect(at(`${head}tasks:\n  - id: pdf\n    run: { image: x,\n           cp|`)).toMatchObject({
    path: ["tasks", "run"],
    siblings: ["image"],
  });
});
test("quotes hide braces and colons", () => {
  expect(at(`${head}final:\n  file:\n    - { id: "a: {", p|`)).toMatchObject({
    path: ["final", "file"],
    siblings: ["id"],
  });
});
test("the document of several that one is in says its kind", () => {
  expect(at(`${head}---\nampoule: 1\nkind: exception\n|\n---\nkind: delta\n`).kind).toBe("exception");
});
test("comments count for nothing", () => {
  expect(at(`${head}# tasks: {\n|`)).toMatchObject({ path: [], siblings: ["ampoule", "kind"] });
});
