// What a person does on any page.
import { expect, type Page } from "@playwright/test";

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
