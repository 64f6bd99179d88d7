// A real browser, and the pages of a server that runs. The address of the server and what it holds come in variables:
// crates/server/tests/e2e starts it.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

export const server = process.env.RIPCORD_E2E_SERVER;
assert.ok(server, "start this by `cargo test -p ripcord-server --test e2e`: it begins the server");
export const incident = JSON.parse(process.env.RIPCORD_E2E_INCIDENTS);
const shots = process.env.RIPCORD_E2E_SCREENSHOTS;

export const phone = { width: 390, height: 844 };
export const desk = { width: 1280, height: 800 };

export const launch = () => chromium.launch({
  executablePath: process.env.RIPCORD_E2E_BROWSER,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// A page that fails the test for whatever the browser has to complain about: an error of a script, something that the
// content policy keeps out, a dialog that hostile text opened.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: desk, baseURL: server, locale: "en-GB", timezoneId: "UTC", ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`script: ${error.message}`));
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Refused/.test(message.text())) complaints.push(message.text());
  });
  return { context, page, complaints };
}

export async function signIn(page, who = "ada") {
  await page.goto("/login");
  await page.getByLabel("Your token").fill(`token-of-${who}-0123456789`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname === "/");
}

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export async function isAccessible(page, name) {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const found = violations.map((rule) => `${rule.id}: ${rule.help}\n    ${rule.nodes.map((node) => node.html).join("\n    ")}`);
  assert.equal(found.length, 0, `${name}:\n  ${found.join("\n  ")}`);
}

export async function fits(page, name) {
  const [wide, seen] = await page.evaluate(() => [document.scrollingElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= seen, `${name} is ${wide} px wide, and ${seen} are seen`);
}

// For people who want to look: RIPCORD_E2E_SCREENSHOTS names a folder.
export async function look(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}
