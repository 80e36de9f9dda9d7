import { expect, test } from "vitest";
import { parseGroups } from "./person";

test("groups stand between commas or spaces", () => {
  expect(parseGroups("default, lab  office")).toEqual(["default", "lab", "office"]);
});
test("all is a word of its own", () => {
  expect(parseGroups("all")).toBe("all");
});
