import { expect, test } from "vitest";
import { browserName } from "./session-list";

test("a browser is named by itself and its system", () => {
  expect(browserName("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")).toBe(
    "Firefox on Linux",
  );
});
test("one that calls itself others too is named by what it is", () => {
  expect(browserName("Mozilla/5.0 (Windows NT 10.0) Chrome/139.0 Safari/537.36 Edg/139.0")).toBe(
    "Edge on Windows",
  );
});
test("what says nothing is unknown", () => {
  expect(browserName("")).toBe("something unknown");
});
