import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { desk, fits, incident, isAccessible, launch, look, open, phone, server, signIn } from "./browser.mjs";

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

const pages = {
  board: "/",
  incidents: "/incidents",
  incident: `/incidents/${incident.firing}`,
  recovering: `/incidents/${incident.recovering}`,
  quiet: `/incidents/${incident.quiet}`,
  closed: `/incidents/${incident.closed}`,
  hostile: `/incidents/${incident.hostile}`,
  review: `/incidents/${incident.firing}/review`,
  "dead-letters": "/dead-letters",
  unknown: "/incidents/i-nowhere",
  nothing: "/nothing-is-here",
};

for (const [size, viewport] of Object.entries({ 390: phone, 1280: desk })) {
  for (const colorScheme of ["light", "dark"]) {
    describe(`at ${size} px, ${colorScheme}`, () => {
      test("each page is accessible by WCAG 2.2 AA, fits, and lets nothing hostile in", async () => {
        const { context, page, complaints } = await open(browser, { viewport, colorScheme });
        await page.goto("/login");
        await look(page, `login-${size}-${colorScheme}`);
        await isAccessible(page, "login");
        await fits(page, "login");
        await signIn(page);
        for (const [name, path] of Object.entries(pages)) {
          await page.goto(path);
          if (await page.locator("#freshness").count()) await page.getByText("Live", { exact: true }).waitFor();
          await look(page, `${name}-${size}-${colorScheme}`);
          await page.evaluate(() => { for (const part of document.querySelectorAll("details")) part.open = true; });
          await isAccessible(page, name);
          await fits(page, name);
        }
        assert.deepEqual(complaints, []);
        await context.close();
      });
    });
  }
}

test("what is wrong and what to do are seen without scrolling", async () => {
  for (const viewport of [phone, desk]) {
    const { context, page } = await open(browser, { viewport });
    await signIn(page);
    await page.goto(pages.incident);
    const button = await page.getByRole("button", { name: "Copy the command to roll back" }).boundingBox();
    assert.ok(button.y + button.height <= viewport.height, `the button is at ${button.y} of ${viewport.height}`);
    await context.close();
  }
});

test("the one button copies the exact command", async () => {
  const { context, page } = await open(browser, { permissions: ["clipboard-read", "clipboard-write"] });
  await signIn(page);
  await page.goto(pages.incident);
  await page.getByRole("button", { name: "Copy the command to roll back" }).click();
  await page.getByRole("button", { name: "Copied: now run it" }).waitFor();
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    `ripcord rollback payments production --incident ${incident.firing}`,
  );
  await context.close();
});

test("with the keyboard alone one signs in, opens an incident and writes a note", async () => {
  const { context, page, complaints } = await open(browser, { viewport: phone });
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  const tabTo = async (words) => {
    for (let step = 0; step < 60; step += 1) {
      await keyboard.press("Tab");
      if ((await focused()).includes(words)) return;
    }
    assert.fail(`no way to “${words}” by the keyboard`);
  };
  await page.goto("/incidents");
  await page.waitForURL((url) => url.pathname === "/login");
  assert.equal(await page.evaluate(() => document.activeElement.id), "token");
  await keyboard.type("token-of-rosa-0123456789");
  await keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/incidents");
  await tabTo("payments fail");
  await keyboard.press("Enter");
  await page.waitForURL(`**${pages.incident}`);
  await tabTo("To writing a note");
  await keyboard.press("Enter");
  await keyboard.press("Tab");
  // The skip link leads to the field itself, or just before it.
  if (await page.evaluate(() => document.activeElement.id) !== "text") await keyboard.press("Shift+Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
  await keyboard.type("written without a mouse");
  await keyboard.press("Tab");
  await keyboard.press("Enter");
  await page.getByText("Written down.").waitFor();
  await page.locator("#entries").getByText("written without a mouse").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

async function tell(path, body) {
  const answer = await fetch(`${server}/api/v1${path}`, {
    method: "POST",
    headers: { authorization: "Bearer token-of-ada-0123456789", "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${answer.status} ${await answer.text()}`);
}

test("what others say comes in without a reload, and takes neither the focus nor what one writes", async () => {
  const { context, page, complaints } = await open(browser);
  await signIn(page, "rosa");
  await page.goto(pages.incident);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.evaluate(() => { window.sameDocument = true; });
  const note = page.getByLabel("Note, added to the timeline");
  await note.pressSequentially("half a senten");
  await tell(`/incidents/${incident.firing}/sayings`, { say: "note", text: "said by somebody else" });
  await page.locator("#entries").getByText("said by somebody else").waitFor();
  await tell(`/incidents/${incident.firing}/sayings`, { say: "decide", what: "roll back now" });
  await page.locator("#done").getByText("roll back now").waitFor();
  assert.equal(await note.inputValue(), "half a senten");
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
  assert.ok(await page.evaluate(() => window.sameDocument));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a part of the page that somebody is in waits for them", async () => {
  const { context, page } = await open(browser);
  await signIn(page, "rosa");
  await page.goto(pages.incident);
  await page.getByText("Live", { exact: true }).waitFor();
  const button = page.getByRole("button", { name: "Copy the command to roll back" });
  await button.focus();
  await tell(`/incidents/${incident.firing}/sayings`, { say: "charge", deploy: null, why: "it is the provider" });
  await page.locator("#cause").getByText("it is the provider").waitFor();
  assert.ok(await button.isVisible(), "what has the focus is still there");
  await page.getByRole("button", { name: "Show what is new" }).click();
  await page.getByText("No deploy explains it: find the cause").waitFor();
  await tell(`/incidents/${incident.firing}/sayings`, { say: "charge", deploy: incident.deploy, why: "after all" });
  await page.getByRole("heading", { name: "back on its last good version" }).waitFor();
  await context.close();
});

test("what comes in moves nothing that somebody is about to press", async () => {
  const { context, page } = await open(browser, { viewport: phone });
  await signIn(page, "rosa");
  await page.goto(pages.hostile);
  await page.getByText("Live", { exact: true }).waitFor();
  const button = page.getByRole("button", { name: "Write it down" });
  await button.scrollIntoViewIfNeeded();
  await button.hover();
  const before = (await button.boundingBox()).y;
  const words = "a note of some lines ".repeat(12).trim();
  await tell(`/incidents/${incident.hostile}/sayings`, { say: "note", text: words });
  await tell(`/incidents/${incident.hostile}/sayings`, { say: "decide", what: "wait for the provider" });
  await page.locator("#entries").getByText(words).waitFor();
  await page.locator("#done").getByText("wait for the provider").waitFor();
  const after = (await button.boundingBox()).y;
  assert.ok(Math.abs(after - before) < 2, `it was at ${before} and is at ${after}`);
  await context.close();
});

test("the board shows a new incident without a reload", async () => {
  const { context, page } = await open(browser);
  await signIn(page, "vera");
  await page.getByText("Live", { exact: true }).waitFor();
  await page.evaluate(() => { window.sameDocument = true; });
  await tell("/incidents", { say: "open", title: "a new thing is wrong", concern: { service: "fresh", environment: "production" } });
  await page.getByRole("link", { name: "a new thing is wrong" }).first().waitFor();
  assert.ok(await page.evaluate(() => window.sameDocument));
  await context.close();
});

test("a page that is cut off says so, and comes back by itself", async () => {
  const { context, page } = await open(browser);
  await signIn(page);
  await context.route("**/events*", (route) => route.abort());
  await page.goto(pages.incident);
  await page.getByText("Not live since").waitFor();
  await context.unroute("**/events*");
  await page.getByText("Live", { exact: true }).waitFor();
  await context.close();
});

test("updates can be paused, and what was missed is shown afterwards", async () => {
  const { context, page } = await open(browser);
  await signIn(page);
  await page.goto(pages.recovering);
  await page.getByText("Live", { exact: true }).waitFor();
  const pause = page.getByRole("button", { name: "Pause updates" });
  await pause.click();
  await page.getByText("Paused at").waitFor();
  await tell(`/incidents/${incident.recovering}/sayings`, { say: "note", text: "said while paused" });
  await pause.click();
  await page.locator("#entries").getByText("said while paused").waitFor();
  await context.close();
});

test("a session that ended is told, and the token is needed again", async () => {
  const { context, page } = await open(browser);
  await signIn(page);
  await page.goto(pages.incident);
  await page.getByText("Live", { exact: true }).waitFor();
  const other = await context.newPage();
  await other.goto("/");
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.waitForURL("**/login");
  await page.getByText("Signed out.").waitFor();
  await page.reload();
  await page.waitForURL((url) => url.pathname === "/login");
  await context.close();
});

test("without a script one reads, and writes a note", async () => {
  const { context, page } = await open(browser, { javaScriptEnabled: false });
  await signIn(page, "rosa");
  await page.goto(pages.incident);
  assert.match(await page.locator("#freshness").textContent(), /^As of 18:\d\d:\d\d CET\.$/);
  await page.locator("#command").waitFor();
  await page.getByLabel("Note, added to the timeline").fill("written without a script");
  await page.getByRole("button", { name: "Write it down" }).click();
  await page.locator("#entries").getByText("written without a script").waitFor();
  await context.close();
});
