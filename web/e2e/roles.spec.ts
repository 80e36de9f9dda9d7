// After console.spec.ts, which has made the people: what roles see, and what the keyboard reaches.
import { open, password, policy, replaceDocument, signIn } from "./steps";
import { expect, expectAccessible, test } from "./support";

test("who may only look is shown so, and refused the rest by the API", async ({ page, complaints }) => {
  complaints.allow(/401|403/);
  await signIn(page, password, "looker");
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await expect(page.getByRole("link", { name: "People" })).toHaveCount(0);
  await page.goto("/people");
  await expect(page.getByRole("alert")).toContainText("Not for your role");
  await expectAccessible(page, "denied");
  await open(page, "Images");
  await page.getByLabel("Public key").fill("b".repeat(64));
  await page.getByRole("button", { name: "Trust this builder" }).click();
  await expect(page.getByRole("alert")).toContainText("Not trusted");
  await page.goto("/policies/edit");
  await replaceDocument(page, policy("read"));
  await page.getByRole("button", { name: "Review and apply" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Apply" }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("Not applied");
});

test("the keyboard alone reaches the content and every place", async ({ page, complaints }) => {
  complaints.allow(/401/);
  await signIn(page);
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "To the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#content")).toBeFocused();
  await page.getByRole("link", { name: "Devices", exact: true }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Devices" })).toBeVisible();
});
