import { expect, test } from "vitest";
import { fresh } from "./chunks";

type Row = { id: string; state: string };
const row = (id: string, state = "old"): Row => ({ id, state });
const chunk = (...rows: Row[]) => ({ rows, next: "more" });
const ids = (rows: Row[]) => rows.map(({ id, state }) => `${id}:${state}`);
const idOf = ({ id }: Row) => id;

test("chunks follow each other", () => {
  expect(ids(fresh([chunk(row("a")), chunk(row("b"))], undefined, idOf, true))).toEqual(["a:old", "b:old"]);
});
test("a row that was asked for again stands in its old place", () => {
  expect(ids(fresh([chunk(row("a"), row("b"))], chunk(row("b", "new")), idOf, false))).toEqual([
    "a:old",
    "b:new",
  ]);
});
test("a new row at the top goes in front", () => {
  expect(ids(fresh([chunk(row("a"))], chunk(row("z", "new"), row("a", "new")), idOf, true))).toEqual([
    "z:new",
    "a:new",
  ]);
});
test("a list that is one chunk is what was asked for last: what left it is gone", () => {
  expect(
    ids(fresh([chunk(row("a"), row("b"))], { rows: [row("b", "new")], next: null }, idOf, true)),
  ).toEqual(["b:new"]);
});
test("further down a new row waits, so that nothing moves under the reader", () => {
  expect(ids(fresh([chunk(row("a"))], chunk(row("z", "new")), idOf, false))).toEqual(["a:old"]);
});
test("a row that two chunks have is shown once", () => {
  expect(ids(fresh([chunk(row("a")), chunk(row("a"), row("b"))], undefined, idOf, true))).toEqual([
    "a:old",
    "b:old",
  ]);
});
