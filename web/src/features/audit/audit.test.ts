import { expect, test } from "vitest";
import { actorText, pretty, reportSentence } from "./audit";

const report = {
  intact: true,
  rows: 1204,
  waiting: 0,
  head: { sequence: 1204, mac: "0".repeat(64) },
  sequence: 0,
  finding: "",
};

test("a whole log says how many rows were looked at", () => {
  expect(reportSentence(report)).toBe("Each of 1,204 rows is as it was written, and none is missing.");
});
test("rows that wait for the chain are told", () => {
  expect(reportSentence({ ...report, waiting: 2 })).toContain("2 more are written and not chained yet.");
});
test("a broken log says where and what", () => {
  expect(
    reportSentence({ ...report, intact: false, rows: 16, sequence: 17, finding: "a row was changed" }),
  ).toBe("a row was changed. The chain breaks at number 17. Rows in front of it are good: 16.");
});
test("a token's row says that no person did it", () => {
  expect(actorText({ actor: "ci", token: "t", person: "" })).toBe("ci (token)");
  expect(actorText({ actor: "ci", token: "", person: "p" })).toBe("ci");
  expect(actorText({ actor: "", token: "", person: "" })).toBe("nobody signed in");
});
test("what was not there before is empty", () => {
  expect(pretty(null)).toBe("");
  expect(pretty({ a: 1 })).toBe('{\n  "a": 1\n}');
});
