// After the others: what they left in the audit log, and the sessions that are open.
import { name, open, password, signIn } from "./steps";
import { expect, expectAccessible, test } from "./support";

test("the audit log says who did what, with what was before, and is proved whole", async ({
  page,
  complaints,
}) => {
  complaints.allow(/401/);
  await signIn(page);
  await open(page, "Audit log");
  await page.getByLabel("Did (begins with)").fill("PATCH /api/v1/people");
  await page.getByLabel("Did (begins with)").press("Enter");
  await expect(page).toHaveURL(/action=PATCH/);
  const rows = page.getByRole("row", { name: /admin PATCH .*done/ });
  await expect(rows).toHaveCount(2); // disabled, and let in again
  await rows.nth(1).getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("region", { name: "After" })).toContainText('"disabled": true');
  await expect(page).toHaveURL(/row=\d+/);
  await expectAccessible(page, "audit-row");
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByLabel("Outcome").selectOption("refused");
  await expect(
    page.getByRole("row", { name: /nobody signed in POST .*session.* refused/ }).first(),
  ).toBeVisible();

  await page.getByRole("button", { name: "Check every row" }).click();
  await expect(page.getByText("The log is whole")).toBeVisible();
  const head = await page.getByLabel("Head", { exact: true }).innerText();
  await page.getByLabel("A head you kept (may be empty)").fill(head);
  await page.getByRole("button", { name: "Check every row" }).click();
  await expect(page.getByText("The log is whole")).toBeVisible();
  await expectAccessible(page, "audit");
  await page
    .getByLabel("A head you kept (may be empty)")
    .fill(head.replace(/.$/, (last) => (last === "0" ? "1" : "0")));
  await page.getByRole("button", { name: "Check every row" }).click();
  await expect(page.getByRole("alert")).toContainText("The log is not whole");
  await page.getByLabel("A head you kept (may be empty)").fill("nonsense");
  await expect(page.getByText("A number, then 64 hex digits")).toBeVisible();
});

test("an admin sees every session and ends one, which signs out there", async ({
  page,
  browser,
  complaints,
}) => {
  complaints.allow(/401/);
  await signIn(page);
  const elsewhere = await browser.newContext();
  const other = await elsewhere.newPage();
  await signIn(other, password, "looker");
  await expect(other.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await open(page, "Sessions");
  await expect(page.getByText("this one")).toBeVisible();
  await expectAccessible(page, "sessions");
  for (;;) {
    const end = page.getByRole("button", { name: /^End the session of looker/ });
    if ((await end.count()) === 0) break;
    await end.first().click();
    const before = await end.count();
    await expect(page.getByRole("dialog")).toContainText("is signed out with its next request");
    await page.getByRole("dialog").getByRole("button", { name: "End the session" }).click();
    await expect(page.getByRole("button", { name: /^End the session of looker/ })).toHaveCount(before - 1);
  }
  await other.goto("/devices");
  await expect(other.getByRole("button", { name: "Sign in" })).toBeVisible();
  await elsewhere.close();
  await expect(page.getByRole("row", { name: new RegExp(`^${name} .*this one`) })).toBeVisible();
});
