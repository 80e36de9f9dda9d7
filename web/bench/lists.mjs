// How much script one interaction with a long list costs, in Debian's chromium, and what Lighthouse says; for
// tests/bench/console.sh, which has put the rows there. Prints "name milliseconds" per measurement, and
// "score:category value".
import { chromium } from "@playwright/test";
import lighthouse from "lighthouse";
import desktop from "lighthouse/core/config/desktop-config.js";

const { CONSOLE_URL: url, CONSOLE_LINK: link, CONSOLE_PROFILE: profile } = process.env;
const runs = Number(process.env.RUNS ?? 20);
const port = Number(process.env.CONSOLE_DEBUG_PORT);
const password = "seven gulls above the old harbour";
const SETTLE_MS = 700;

const context = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  ignoreHTTPSErrors: true,
  viewport: { width: 1280, height: 860 },
  args: [
    `--remote-debugging-port=${port}`,
    "--ignore-certificate-errors",
    ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
  ],
});
const page = context.pages()[0] ?? (await context.newPage());
page.setDefaultTimeout(60_000);

await page.goto(link);
await page.getByLabel("Name").fill("bench");
await page.getByLabel("Password", { exact: true }).fill(password);
await page.getByLabel("Password again").fill(password);
await page.getByRole("button", { name: "Make the account" }).click();
await page.getByRole("link", { name: "Sign in" }).click();
await page.getByLabel("Name").fill("bench");
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();

const client = await context.newCDPSession(page);
await client.send("Performance.enable");
async function scriptMs() {
  const { metrics } = await client.send("Performance.getMetrics");
  return 1000 * metrics.find(({ name }) => name === "ScriptDuration").value;
}
/** From before an interaction until the page has come to rest: all script of it, parsing and drawing rows too. */
async function measure(name, interact) {
  const before = await scriptMs();
  await interact();
  await page.waitForTimeout(SETTLE_MS);
  console.log(name, ((await scriptMs()) - before).toFixed(2));
}
const open = (place) =>
  page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: place, exact: true }).click();

async function walk(list, place, filter, word) {
  for (let run = 0; run < runs; run++) {
    await open("Images");
    await measure(`${list}-open`, async () => {
      await open(place);
      await page.locator("tbody tr:not(.waiting) a").first().waitFor();
    });
  }
  await page.locator(".table-wrap").hover();
  for (let run = 0; run < runs; run++) await measure(`${list}-scroll`, () => page.mouse.wheel(0, 1500));
  for (let run = 0; run < runs; run++)
    await measure(`${list}-filter`, () =>
      page.getByLabel(filter, { exact: true }).selectOption(run % 2 ? "" : word),
    );
}
await walk("devices", "Devices", "State", "offline");
await walk("events", "Events", "Verdict", "deny");

for (const path of ["/", "/devices"]) {
  const { lhr } = await lighthouse(
    `${url}${path}`,
    { port, onlyCategories: ["performance", "accessibility"], disableStorageReset: true, logLevel: "error" },
    desktop,
  );
  for (const [category, { score }] of Object.entries(lhr.categories))
    console.log(`lighthouse:${path}:${category}`, Math.round(score * 100));
}
await context.close();
