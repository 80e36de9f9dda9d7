// After console.spec.ts, which has made the people: what roles see, and what the keyboard reaches.
import { open, password, policy, replaceDocument, signIn, totp } from "./steps";
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
  await page.goto("/draft?kind=base");
  await expect(page.getByRole("alert")).toContainText("Not for your role");
  await page.getByRole("button", { name: "Review and apply" }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("Not applied");
  await expect(page.getByRole("dialog").getByRole("button", { name: /^Apply/ })).toHaveCount(0);
  await page.goto("/policies/edit"); // for who has a role in some groups alone
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

test("a second factor is set up, and then asked for", async ({ page, complaints }) => {
  complaints.allow(/401|403.*totp|422.*(totp|proof)/);
  await signIn(page);
  await page.getByRole("link", { name: "Your account" }).click();
  await page.getByRole("button", { name: "Set up an authenticator" }).click();
  await page.getByLabel("Your password").fill("not this one");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("alert")).toContainText("Not shown");
  await expectAccessible(page, "account-proof");
  await page.getByLabel("Your password").fill(password);
  await page.getByRole("button", { name: "Go on" }).click();
  const secret = await page.getByLabel("Secret").innerText();
  await expectAccessible(page, "account");
  await page.getByLabel("Code").fill("000000");
  await page.getByRole("button", { name: "Switch it on" }).click();
  await expect(page.getByRole("alert")).toContainText("Not changed");
  await page.getByLabel("Code").fill(totp(secret, 0));
  await page.getByRole("button", { name: "Switch it on" }).click();
  await expect(page.getByText("The second factor is on")).toBeVisible();
  const [recovery = "", secondRecovery = ""] = (await page.getByLabel("Recovery codes").innerText()).split(
    "\n",
  );
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await signIn(page);
  await expect(page.getByLabel("Code")).toBeFocused();
  await expectAccessible(page, "sign-in-code");
  // The code of this half minute was used when it was set up; a recovery code is good at once.
  await page.getByLabel("Code").fill(recovery);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await page.getByRole("link", { name: "Your account" }).click();
  await page.getByRole("button", { name: "Switch it off" }).click();
  await page.getByLabel("Your password").fill(password);
  await page.getByLabel("Present code").fill(secondRecovery);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText("The second factor is off")).toBeVisible();
});
