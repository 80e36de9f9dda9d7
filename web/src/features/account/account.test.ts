import { expect, test } from "vitest";
import { grouped } from "./account";

test("a secret is shown in groups of four", () => {
  expect(grouped("ABCDEFGHIJ")).toBe("ABCD EFGH IJ");
});
