import { expect, test } from "vitest";
import { ago, utc } from "./when";

const now = Date.parse("2026-11-24T12:00:00Z");

test("what has just happened is now", () => {
  expect(ago("2026-11-24T11:59:55Z", now)).toBe("now");
});
test("minutes, hours and days are not rounded up", () => {
  expect(ago("2026-11-24T11:58:01Z", now)).toBe("1 min. ago");
  expect(ago("2026-11-24T09:01:00Z", now)).toBe("2 hr. ago");
  expect(ago("2026-11-21T13:00:00Z", now)).toBe("2 days ago");
});
test("what is to come is said so", () => {
  expect(ago("2026-11-24T13:00:00Z", now)).toBe("in 1 hr.");
});
test("UTC is named", () => {
  expect(utc("2026-11-24T12:00:00.123Z")).toBe("2026-11-24 12:00:00 UTC");
});
