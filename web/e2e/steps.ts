// What a person does on any page.
import { expect, type Page } from "@playwright/test";
import { createHmac } from "node:crypto";

export const name = "admin";
export const password = "seven gulls above the old harbour";

export async function signIn(page: Page, secret = password, who = name) {
  await page.goto("/");
  await page.getByLabel("Name").fill(who);
  await page.getByLabel("Password").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
}

export async function open(page: Page, place: string) {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: place }).click();
  await expect(page.getByRole("heading", { level: 1, name: place })).toBeVisible();
}

/** Replaces a text in the editor as a person would: by keyboard. */
export async function replaceDocument(page: Page, text: string) {
  const editor = page.getByRole("textbox", { name: "Policy document" });
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
}

export const policy = (verdict: string) => `ampoule: 1
kind: base
id: office
trust_levels: [trusted, untrusted]
default_task: refuse
tasks:
  - id: pdf
    match: { program: [/usr/bin/mutool] }
    run: { image: debian-docs, level: untrusted, memory: 256Mi }
    file:
      - { id: no-keys, path: ["~/.ssh/"], do: ${verdict}, severity: high }
      - { id: document, path: ["{file}"], do: read }
`;

/** What an authenticator would show for a Base32 secret: RFC 6238, SHA-1, 30 s, 6 digits. */
export function totp(secret: string, step: number): string {
  const bits = Array.from(secret.replace(/[\s=]/g, "")).map((one) =>
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(one).toString(2).padStart(5, "0"),
  );
  const bytes =
    bits
      .join("")
      .match(/.{8}/g)
      ?.map((byte) => parseInt(byte, 2)) ?? [];
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + step));
  const mac = createHmac("sha1", Buffer.from(bytes)).update(counter).digest();
  const at = mac.readUInt8(19) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
