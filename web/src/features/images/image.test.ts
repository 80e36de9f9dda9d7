import { expect, test } from "vitest";
import { missing, size, total, type Image } from "./image";

const file = (name: "kernel" | "root", bytes: number, present: boolean) => ({
  file: name,
  digest: "d",
  bytes,
  present,
});
const image: Image = {
  name: "debian-docs",
  version: 1,
  complete: false,
  created_at: "2026-11-24T12:00:00Z",
  created_by: "admin",
  files: [file("kernel", 1000, true), file("root", 3000, false)],
};

test("sizes are said in units that fit", () => {
  expect([size(0), size(1023), size(1536), size(216 * 1024 * 1024)]).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "216 MiB",
  ]);
});
test("an image is as large as its files together", () => {
  expect(total(image)).toBe(4000);
});
test("files that did not arrive are named", () => {
  expect(missing(image)).toEqual(["root"]);
});
