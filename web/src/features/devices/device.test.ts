import { expect, test } from "vitest";
import { policyState } from "./device";

const at = "2026-11-24T12:00:00Z";
const desired = { serial: 7, digest: "d" };
const phase = (serial: number) => ({ serial, digest: "d", at });
const none = { desired, received: null, applied: null, failed: null };

test("a group without a policy is a warning", () => {
  expect(policyState({ ...none, desired: null }).tone).toBe("warn");
});
test("the newest serial applied is good", () => {
  expect(policyState({ ...none, received: phase(7), applied: phase(7) })).toMatchObject({
    word: "serial 7 applied",
    tone: "good",
  });
});
test("a failure of the newest serial is told with its reason", () => {
  const state = policyState({ ...none, applied: phase(6), failed: { serial: 7, reason: "needs >= 2", at } });
  expect(state.tone).toBe("bad");
  expect(state.sentence).toContain("needs >= 2");
});
test("a failure of an older serial is history", () => {
  expect(policyState({ ...none, failed: { serial: 6, reason: "old", at } }).tone).toBe("info");
});
test("what it enforces meanwhile is said", () => {
  expect(policyState({ ...none, applied: phase(6) }).sentence).toContain("enforces serial 6");
});
