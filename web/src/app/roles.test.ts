import { expect, test } from "vitest";
import { asRole, grantText, hasRole } from "./roles";

test("a grant says its role and how far it reaches", () => {
  expect(grantText({ role: "author", groups: ["default", "lab"] })).toBe("author of default, lab");
  expect(grantText({ role: "admin", groups: "all" })).toBe("admin of all groups");
});
test("a role is held or not", () => {
  const grants = [{ role: "viewer" as const, groups: "all" }];
  expect(hasRole(grants, "viewer")).toBe(true);
  expect(hasRole(grants, "admin")).toBe(false);
});
test("an unknown role is the smallest", () => {
  expect(asRole("root")).toBe("viewer");
});
