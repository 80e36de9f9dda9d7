import { expect, test } from "vitest";
import { coverage, firstSteps } from "./figures";

const none = {
  devices: { connected: 0, offline: 0, revoked: 0, without_isolation: 0 },
  policies: { applied: 0, pending: 0, failed: 0, none: 0 },
  has: { image_keys: 0, images: 0, policies: 0 },
  accesses: { hours: [], rules: [], devices: [] },
};

test("an empty installation is told every step, none of them done", () => {
  expect(firstSteps(none).map((step) => step.done)).toEqual([false, false, false, false]);
});
test("steps are ticked off as they are done", () => {
  const some = { ...none, has: { image_keys: 1, images: 0, policies: 2 } };
  expect(firstSteps(some).map((step) => step.done)).toEqual([true, false, true, false]);
});
test("once there is a device the steps are gone, also when it was revoked", () => {
  expect(firstSteps({ ...none, devices: { ...none.devices, revoked: 1 } })).toEqual([]);
});
test("coverage is never rounded up to all", () => {
  expect(coverage({ ...none, policies: { applied: 999, pending: 1, failed: 0, none: 0 } })).toBe(99);
});
test("without devices there is no coverage", () => {
  expect(coverage(none)).toBeNull();
});
