// The admin's first day, in a real browser against the real server: by role and label, as a person finds them.
import { readFile } from "node:fs/promises";
import { name, open, password, policy, replaceDocument, signIn } from "./steps";
import { Device, expect, expectAccessible, expectFitsPhone, need, shell, test } from "./support";

test.describe.configure({ mode: "serial" });

const devices: Device[] = [];
test.afterAll(() => {
  for (const device of devices) device.stop();
});

test("the first admin is made with the link, once, and signs in", async ({ page, complaints }) => {
  await page.goto(need("CONSOLE_LINK"));
  await expect(page).toHaveURL(/\/setup$/); // the secret has left the address
  await expectAccessible(page, "setup");
  await page.getByLabel("Name").fill(name);
  complaints.allow(/401|422.*setup/);
  const guessed = "correct horse battery staple";
  await page.getByLabel("Password", { exact: true }).fill(guessed);
  await page.getByLabel("Password again").fill("something else entirely");
  await page.getByRole("button", { name: "Make the account" }).click();
  await expect(page.getByText("The two are not the same.")).toBeVisible();
  await page.getByLabel("Password again").fill(guessed);
  await page.getByRole("button", { name: "Make the account" }).click();
  await expect(page.getByRole("alert")).toContainText("Not made");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Password again").fill(password);
  await page.getByRole("button", { name: "Make the account" }).click();
  await expect(page.getByText("admin is an admin now")).toBeVisible();

  await page.getByRole("link", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Sign in to Ampoule" })).toBeVisible();
  await expectAccessible(page, "sign-in");
  await signIn(page, "wrong and long enough");
  await expect(page.getByRole("alert")).toContainText("Not signed in");
  await signIn(page);
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await expect(page.getByText("What to do next")).toBeVisible();
  await expectAccessible(page, "first-day");
  const cookies = await page.context().cookies();
  expect(
    cookies.map(({ name: cookie, httpOnly, secure, sameSite }) => ({ cookie, httpOnly, secure, sameSite })),
  ).toEqual([{ cookie: "__Host-ampoule", httpOnly: true, secure: true, sameSite: "Strict" }]);
});

test("from an empty installation to the first event and back to its rule", async ({ page, complaints }) => {
  complaints.allow(/401|404.*policies\/newest|422.*layers|409.*tokens/);
  await signIn(page);

  await test.step("a builder is trusted", async () => {
    await open(page, "Images");
    await expect(page.getByText("No builder is trusted yet")).toBeVisible();
    await page.getByLabel("Public key").fill(need("CONSOLE_BUILDER"));
    await page.getByLabel("Note").fill("the build machine");
    await page.getByRole("button", { name: "Trust this builder" }).click();
    await expect(page.getByRole("cell", { name: need("CONSOLE_BUILDER") })).toBeVisible();
  });

  await test.step("a token is made and shown once; with it an image is pushed", async () => {
    await open(page, "Tokens");
    await page.getByRole("button", { name: "New API token" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("image pusher");
    await dialog.getByLabel("Role").selectOption("admin");
    await dialog.getByRole("button", { name: "Make the token" }).click();
    const secret = await dialog.getByLabel("Token", { exact: true }).innerText();
    expect(secret).toMatch(/^ampoule_api_/);
    await dialog.getByRole("button", { name: "I have kept it" }).click();
    await expect(page.getByText(secret)).toHaveCount(0);
    shell("push-image", secret);
    await open(page, "Images");
    await expect(page.getByRole("row", { name: /debian-docs 1 complete/ })).toBeVisible();
    await expectAccessible(page, "images");
  });

  await test.step("a policy with a mistake is told in its place as it is typed, then mended and applied", async () => {
    await open(page, "Policies");
    await expect(page.getByText("No document yet")).toBeVisible();
    await page.getByRole("link", { name: "Write the base" }).click();
    await replaceDocument(page, policy("denny"));
    const finding = page
      .getByRole("group", { name: "One finding" })
      .getByRole("button", { name: /^line 11: .*do/ });
    await expect(finding).toBeVisible();
    await expect(page.locator(".cm-lintRange-error")).toHaveText("denny");
    await expectAccessible(page, "policy-mistake");
    await finding.click();
    await expect(page.getByRole("textbox", { name: "Policy document" })).toBeFocused();
    await replaceDocument(page, policy("deny"));
    await expect(page.getByText("It would be accepted; all its tests pass.")).toBeVisible();
    await page.getByRole("button", { name: "Review and apply" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByRole("heading", { name: "Group “default”: no device yet" })).toBeVisible();
    await dialog.getByRole("button", { name: "Apply" }).click();
    await expect(page).toHaveURL(/\/documents\/office$/);
    await expect(page.getByText("Revision 1, the whole policy, for everybody.")).toBeVisible();
  });

  await test.step("a device is enrolled and appears without a reload", async () => {
    await open(page, "Devices");
    await page.getByRole("link", { name: "Enrol a device" }).first().click();
    await expect(page.getByRole("heading", { level: 1, name: "Enrol a device" })).toBeVisible();
    await expectAccessible(page, "enrol");
    await page.getByRole("button", { name: "Make the token" }).click();
    const secret = await page.getByLabel("Token", { exact: true }).innerText();
    await expect(page.getByText("Waiting for the device")).toBeVisible();
    devices.push(new Device("laptop-0417", secret));
    await expect(page.getByText("The device has joined")).toBeVisible();
    await expect(page.getByRole("row", { name: /laptop-0417 connected/ })).toBeVisible();
    await expect(page.getByText("serial 1 applied")).toBeVisible();
    await expectAccessible(page, "enrolled");
  });

  await test.step("a refused access appears without a reload, is explained, and leads to its policy", async () => {
    await open(page, "Events");
    await expect(page.getByText("No events yet")).toBeVisible();
    const [device] = devices;
    device?.event("file open deny no-keys pdf user1 /usr/bin/mutool /home/user1/.ssh/id_rsa");
    await expect(page.getByText("/home/user1/.ssh/id_rsa")).toBeVisible();
    device?.event("file open audit:deny watch-notes pdf user1 /usr/bin/mutool /home/user1/notes/todo.txt");
    device?.event("file open hide - pdf user2 /usr/bin/mutool /home/user2/\u202efdp.exe");
    device?.event("file open hide - pdf user3 /usr/bin/mutool /home/user3/report.txt");
    device?.event("msr write deny - pdf user1 /usr/bin/mutool 0x1a0");
    await expect(page.getByText("\\u{202e}fdp.exe")).toBeVisible();
    await expect(page.getByText("recorded", { exact: true })).toBeVisible();
    await expectAccessible(page, "events");
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "CSV", exact: true }).click();
    await expect(page.getByRole("dialog")).toContainText("5 rows are in the file.");
    expect(await readFile(await (await saved).path(), "utf8")).toMatch(/,device\.hostname,.*laptop-0417/s);
    await expectAccessible(page, "export");
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await page.getByLabel("Rule").fill("no-keys");
    await page.getByLabel("Rule").press("Enter");
    await expect(page).toHaveURL(/rule=no-keys/);
    await expect(page.getByText("0x1a0")).toHaveCount(0);
    await page
      .getByRole("row", { name: /id_rsa/ })
      .getByRole("link")
      .first()
      .click();
    await expect(page.getByText("It was refused: the rule “no-keys” matched.")).toBeVisible();
    await expectAccessible(page, "event");
    await page.getByRole("link", { name: "office serial 1" }).click();
    await expect(page.getByRole("textbox", { name: "Policy document" })).toContainText("no-keys");
    await expectAccessible(page, "policy");
  });

  await test.step("the overview and the device's page tell the same", async () => {
    await open(page, "Overview");
    await expect(page.getByText("100 %")).toBeVisible();
    await expectAccessible(page, "overview");
    await expectFitsPhone(page, "overview");
    await page.getByRole("link", { name: "laptop-0417" }).click();
    await expect(page).toHaveURL(/\/events\?device=/);
    await open(page, "Devices");
    await expectAccessible(page, "devices");
    await page.getByRole("link", { name: "laptop-0417" }).click();
    await expect(page.getByText("It enforces its group’s newest policy.")).toBeVisible();
    await expectAccessible(page, "device");
    await expectFitsPhone(page, "device");
  });

  await test.step("a token is revoked, after saying what that does", async () => {
    await open(page, "Tokens");
    await expectAccessible(page, "tokens");
    await page.getByRole("button", { name: "Revoke image pusher" }).click();
    await expect(page.getByRole("dialog")).toContainText("refused from the next request on");
    await expectAccessible(page, "token-revoke");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await page.getByRole("button", { name: "Revoke image pusher" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await expect(page.getByRole("row", { name: /image pusher revoked/ })).toBeVisible();
  });

  await test.step("a person who may only look is added", async () => {
    await open(page, "People");
    await page.getByRole("button", { name: "Add a person" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("looker");
    await dialog.getByLabel("First password").fill(password);
    await expectAccessible(page, "person-add");
    await dialog.getByRole("button", { name: "Add" }).click();
    await expect(page.getByRole("row", { name: /looker active viewer of all groups/ })).toBeVisible();
    await expectAccessible(page, "people");
  });

  await test.step("disabling says what will happen, and does; letting in again does too", async () => {
    await page.getByRole("button", { name: "Disable looker" }).click();
    await expect(page.getByRole("dialog")).toContainText("Every session of looker ends at once");
    await expectAccessible(page, "person-disable");
    await page.getByRole("dialog").getByRole("button", { name: "Disable looker" }).click();
    await expect(page.getByRole("row", { name: /looker disabled/ })).toBeVisible();
    await page.getByRole("button", { name: "Enable looker" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Let looker in" }).click();
    await expect(page.getByRole("row", { name: /looker active/ })).toBeVisible();
  });

  await test.step("the parts, in each of their states", async () => {
    await page.goto("/components");
    await expect(page.getByText("Not for your role")).toBeVisible();
    await expectAccessible(page, "components");
    await expectFitsPhone(page, "components");
    await page.goto("/no/such/page");
    await expect(page.getByText("There is no such page")).toBeVisible();
  });

  await test.step("signing out ends the session", async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
    await page.goto("/devices");
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  });
});
