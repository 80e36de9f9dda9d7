import { expect, test } from "vitest";
import { parseSearch, stringifySearch } from "./search-params";

test("what looks like a number or a truth value stays a word", () => {
  expect(parseSearch("?group=12&user=true&rule=null")).toEqual({ group: "12", user: "true", rule: "null" });
});
test("an address is read as it was written", () => {
  const search = { action: "POST /api/v1/people", user: "a&b=c" };
  expect(parseSearch(stringifySearch(search))).toEqual(search);
});
test("what is not set does not stand in the address", () => {
  expect(stringifySearch({ group: undefined, state: "" })).toBe("");
});
