import { send } from "../../api/client";
import { ImageKeyOnly } from "../../api/generated/parsers";
import type { Schemas } from "../../api/queries";

export type Image = Schemas["Image"];

export const trustKey = (draft: { key: string; note: string }) =>
  send(ImageKeyOnly, "POST", "/image-keys", draft);

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

export function size(bytes: number): string {
  let n = bytes;
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit] ?? ""}`;
}

export const total = (image: Image) => image.files.reduce((sum, file) => sum + file.bytes, 0);
export const missing = (image: Image) => image.files.filter((file) => !file.present).map((file) => file.file);
