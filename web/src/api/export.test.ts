import { expect, test } from "vitest";
import { csv, everyRow, ndjson } from "./export";

test("NDJSON is a line per row", () => {
  expect(ndjson([{ a: 1 }, { a: "x\ny" }])).toBe('{"a":1}\n{"a":"x\\ny"}\n');
});
test("CSV has a column per field, inner ones too", () => {
  expect(
    csv([
      { id: 1, device: { hostname: "a" } },
      { id: 2, note: null },
    ]),
  ).toBe("id,device.hostname,note\r\n1,a,\r\n2,,\r\n");
});
test("quotes, commas and line breaks stay in their field", () => {
  expect(csv([{ a: 'x,"y"\n' }])).toBe('a\r\n"x,""y""\n"\r\n');
});
test.each(["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])("a guest's %j is no formula", (text) => {
  expect(csv([{ a: text }])).toContain(`'${text}`);
});
test("every chunk is fetched, and no more", async () => {
  const asked: (string | undefined)[] = [];
  const fetch = (after: string | undefined) => {
    asked.push(after);
    return Promise.resolve(
      after === undefined ? { rows: [{ n: 1 }], next: "b" } : { rows: [{ n: 2 }], next: null },
    );
  };
  const told: number[] = [];
  const rows = await everyRow(fetch, new AbortController().signal, (count) => told.push(count));
  expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
  expect(asked).toEqual([undefined, "b"]);
  expect(told).toEqual([1, 2]);
});
