import { expect, test } from "vitest";
import { consequence, type Token } from "./token";

const token: Token = {
  id: "6dfd0c39-3f0e-4cd3-9a61-111111111111",
  kind: "enrol",
  name: "",
  role: null,
  group: "default",
  groups: null,
  uses: 5,
  uses_left: 3,
  state: "active",
  expires_at: null,
  created_at: "2026-11-24T12:00:00Z",
  created_by: "admin",
  last_used_at: null,
  approval: false,
};

test("revoking an enrolment token says how many cannot join, and that others stay", () => {
  expect(consequence(token)).toContain("The 3 devices");
  expect(consequence(token)).toContain("stay");
});
test("one device is not plural", () => {
  expect(consequence({ ...token, uses_left: 1 })).toContain("The device that");
});
test("revoking an API token says that it cannot be undone", () => {
  expect(consequence({ ...token, kind: "api" })).toContain("cannot be undone");
});
