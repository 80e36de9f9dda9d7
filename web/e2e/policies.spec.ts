// After console.spec.ts, which left one base document, one device and its events: what an author does with them.
import { name, open, policy, replaceDocument, signIn } from "./steps";
import { expect, expectAccessible, expectFitsPhone, need, test, type Page } from "./support";

test.describe.configure({ mode: "serial" });

const larger = policy("deny").replace("256Mi", "512Mi");
const textbox = (page: Page) => page.getByRole("textbox", { name: "Policy document" });

/** What another admin does meanwhile: this session's cookie, with what the API asks of a page of its own. */
async function applyElsewhere(page: Page, document: string) {
  const answer = await page.request.post("/api/v1/layers", {
    headers: { "X-Ampoule-Request": "1", Origin: need("CONSOLE_URL"), "Sec-Fetch-Site": "same-origin" },
    data: { document },
  });
  expect(answer.status(), await answer.text()).toBe(200);
}

test("the editor completes, explains, and says what can never be and which test fails", async ({
  page,
  complaints,
}) => {
  complaints.allow(/401|422.*layers/);
  await signIn(page);
  await open(page, "Policies");
  await page.getByRole("link", { name: "office", exact: true }).click();
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await textbox(page).click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("fin");
  await expect(page.getByRole("option", { name: "final" })).toBeVisible();
  await page.waitForTimeout(100); // the list takes no key at once, so that none that is being typed is lost
  await page.keyboard.press("Enter");
  await expect(textbox(page)).toContainText("final: ");
  await page.keyboard.type("{ file: [ { do: ");
  await page.keyboard.press("Control+Space");
  await expect(page.getByRole("option", { name: "deny" })).toBeVisible();
  await expectAccessible(page, "policy-completion");
  await page.keyboard.press("Escape");

  await replaceDocument(
    page,
    `${policy("deny")}      - { id: again, path: ["~/.ssh/id_rsa"], do: read }
tests:
  - { task: pdf, given: { user: user1, file: "~/a.pdf" }, open: "~/.ssh/id_rsa", expect: { do: read } }
`,
  );
  await expect(
    page.getByRole("button", {
      name: /^line 15: tests: task pdf: open .*expected allow, got deny by no-keys/,
    }),
  ).toBeVisible();
  await page.keyboard.press("Backspace");
  await replaceDocument(page, `${policy("deny")}      - { id: again, path: ["~/.ssh/id_rsa"], do: read }\n`);
  await expect(page.getByRole("group", { name: "One note" })).toContainText(
    "can never decide: it is shadowed by",
  );
  await expect(page.locator(".cm-lintRange-warning").first()).toBeVisible();
  await page.getByText("path", { exact: true }).first().hover();
  await expect(page.getByText("patterns of host paths")).toBeVisible();
  await expectAccessible(page, "policy-note");
  await page.getByRole("link", { name: "Leave" }).click();
});

test("a change is seen with the devices it concerns before it is made, compared, and gone back from", async ({
  page,
  complaints,
}) => {
  complaints.allow(/401/);
  await signIn(page);
  await test.step("what another admin did meanwhile is shown before it is undone", async () => {
    await open(page, "Policies");
    await expectAccessible(page, "documents");
    await page.getByRole("link", { name: "office", exact: true }).click();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await replaceDocument(page, larger);
    await expect(page.getByText("Changes 1 device in 1 group: 1 difference.")).toBeVisible();
    await expectAccessible(page, "policy-edit");
    await expectFitsPhone(page, "policy-edit");
    await applyElsewhere(page, policy("deny").replace("severity: high", "severity: critical"));
    await page.getByRole("button", { name: "Review and apply" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByText(`${name} changed “office” after you opened it`)).toBeVisible();
    await expect(dialog.getByText(/Added:.*critical/)).toBeVisible();
    await expect(dialog.getByRole("list", { name: "Changes for default" })).toContainText("536870912");
    await expectAccessible(page, "policy-review");
    await dialog.getByRole("button", { name: "Apply to one device" }).click();
    await expect(page.getByText("Revision 3, the whole policy, for everybody.")).toBeVisible();
  });

  await test.step("any two revisions are compared; an old one comes back as a new one", async () => {
    await page.getByLabel("From", { exact: true }).selectOption("1");
    await expect(page).toHaveURL(/from=1/);
    await expect(page.getByRole("region", { name: "From revision 1 to 3" })).toContainText("512Mi");
    await expectAccessible(page, "document");
    await page.getByRole("link", { name: "Go back to revision 1" }).click();
    await expect(page.getByText("An old text, to go back to")).toBeVisible();
    await expect(textbox(page)).toContainText("256Mi");
    await page.getByRole("button", { name: "Review and apply" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Apply to one device" }).click();
    await expect(page.getByText("Revision 4, the whole policy, for everybody.")).toBeVisible();
  });

  await test.step("two signed versions are compared by what they mean", async () => {
    await open(page, "Policies");
    await page.getByRole("link", { name: "Compare", exact: true }).click();
    await page.getByLabel("From serial", { exact: true }).selectOption("1");
    await page.getByLabel("To serial", { exact: true }).selectOption("3");
    const list = page.getByRole("list", { name: "From serial 1 to 3" });
    await expect(list.getByRole("listitem")).toHaveCount(1);
    await expect(list).toContainText("536870912");
    await expectAccessible(page, "compare");
    await page.getByRole("link", { name: "Signed versions" }).click();
    await expect(page.getByRole("row", { name: /office 4 default/ })).toBeVisible();
    await expectAccessible(page, "policies");
  });
});

test("an exception is made of an event in two clicks, and counts for nobody else", async ({
  page,
  complaints,
}) => {
  complaints.allow(/401|404.*effective/);
  await signIn(page);
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await page.goto("/events?class=msr");
  await page.getByRole("row", { name: /0x1a0/ }).getByRole("link").first().click();
  await expect(page.getByText("write the CPU register")).toBeVisible();
  await expect(page.getByRole("button", { name: "Make an exception" })).toHaveCount(0);

  await page.goto("/events?user=user3");
  await page
    .getByRole("row", { name: /report.txt/ })
    .getByRole("link")
    .first()
    .click();
  await page.getByRole("button", { name: "Make an exception" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("list", { name: "Changes for default" })).toContainText(
    "/home/user3/report.txt",
  );
  await expectAccessible(page, "exception");
  await dialog.getByRole("button", { name: "Make the exception" }).click();
  await expect(dialog.getByText("The exception is made")).toBeVisible();
  await dialog.getByRole("button", { name: "Close" }).click();

  await page.getByRole("link", { name: "What is in force there" }).click();
  const row = page.getByRole("row", { name: /exc-\d+-1/ });
  await expect(row).toContainText("/home/user3/report.txt");
  await expectAccessible(page, "effective");
  await page.getByLabel("User", { exact: true }).fill("user1");
  await page.getByLabel("User", { exact: true }).press("Enter");
  await expect(page).toHaveURL(/user=user1/);
  await expect(page.getByRole("row", { name: /no-keys/ })).toBeVisible();
  await expect(row).toHaveCount(0);
  await page.getByRole("link", { name: "office, line 11" }).click();
  await expect(page.locator(".cm-activeLine").first()).toContainText("no-keys");

  await open(page, "Policies");
  await page.getByRole("link", { name: /^exc-/ }).click();
  await page.getByRole("button", { name: "Take away" }).click();
  await expect(page.getByRole("dialog")).toContainText("removed");
  await expectAccessible(page, "take-away");
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /^Take exc-\d+ away/ })
    .click();
  await expect(page.getByRole("link", { name: /^exc-/ })).toHaveCount(0);
});
