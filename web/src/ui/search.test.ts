import { expect, test } from "vitest";
import { changed } from "./search";

test("a parameter is set and the others stay", () => {
  expect(changed({ group: "a" }, { state: "offline" })).toEqual({ group: "a", state: "offline" });
});
test("undefined and empty take a parameter out", () => {
  expect(changed({ group: "a", after: "x", rule: "r" }, { after: undefined, rule: "" })).toEqual({
    group: "a",
  });
});
