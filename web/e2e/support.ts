// What the journeys share: a page whose errors fail the test, axe, a device of flesh, the shell's helpers.
import { AxeBuilder } from "@axe-core/playwright";
import { test as base, expect, type Page } from "@playwright/test";
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";

export { expect, type Page };

export function need(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "")
    throw new Error(`${name} is not set: run tests/system/test_console.sh`);
  return value;
}

/** Errors in the browser's console, exceptions and violations of the content policy; answers with 4xx that a
 *  journey provokes on purpose are reported by the browser too and are allowed one by one. */
export class Complaints {
  readonly seen: string[] = [];
  private allowed: RegExp[] = [];
  allow(pattern: RegExp) {
    this.allowed.push(pattern);
  }
  watch(page: Page) {
    page.on("console", (message) => {
      const text = `${message.text()} ${message.location().url}`;
      if (message.type() === "error" && !this.allowed.some((pattern) => pattern.test(text)))
        this.seen.push(text);
    });
    page.on("pageerror", (error) => this.seen.push(error.message));
  }
}

export const test = base.extend<{ complaints: Complaints }>({
  complaints: [
    async ({ page }, use) => {
      const complaints = new Complaints();
      complaints.watch(page);
      await use(complaints);
      expect(complaints.seen, "the browser complained").toEqual([]);
    },
    { auto: true },
  ],
});

/** No finding of axe by WCAG 2.2 AA, in light and dark; only colours are looked at twice, the rest is the same. */
export async function expectAccessible(page: Page, name: string) {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const axe = new AxeBuilder({ page });
    const { violations } = await (
      colorScheme === "light" ? axe.withTags(tags) : axe.withRules(["color-contrast"])
    ).analyze();
    const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
    expect(found, `${name}, ${colorScheme}`).toEqual([]);
    await shoot(page, `${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

/** On a phone nothing but tables and code may need scrolling sideways. */
export async function expectFitsPhone(page: Page, name: string) {
  await page.setViewportSize({ width: 360, height: 740 });
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  await shoot(page, `${name}-phone`);
  await page.setViewportSize({ width: 1280, height: 860 });
  expect(over, `${name} is wider than a phone`).toBe(0);
}

export async function shoot(page: Page, name: string) {
  const folder = process.env["CONSOLE_SHOTS"];
  if (folder !== undefined && folder !== "") await page.screenshot({ path: `${folder}/${name}.png` });
}

/** A device that speaks the agents' protocol (tests/support/device). */
export class Device {
  private readonly child: ChildProcessWithoutNullStreams;
  constructor(hostname: string, token: string) {
    this.child = spawn(`${need("CONSOLE_BIN")}/fleet-device`, [hostname]);
    this.child.stdout.on("data", (text: Buffer) => process.stderr.write(text));
    this.child.stderr.on("data", (text: Buffer) => process.stderr.write(text));
    this.child.stdin.write(`${token}\n`);
  }
  /** CLASS OPERATION VERDICT RULE TASK USER PROGRAM OBJECT */
  event(line: string) {
    this.child.stdin.write(`${line}\n`);
  }
  stop() {
    this.child.stdin.end();
  }
}

/** A function of tests/system/test_console.sh, given a secret by stdin. */
export function shell(script: string, input: string) {
  const { status, stderr } = spawnSync(need("CONSOLE_HELPER"), [script], { input, encoding: "utf8" });
  expect(status, stderr).toBe(0);
}
