// Without scripts, and without a mouse.

import assert from "node:assert/strict";
import { REASON, search } from "./dpo.mjs";

export const title = "without scripts, without a mouse";

/// Most controls of a page.
const TABS_MAX = 200;

/// What has the focus, and whether one can see that.
const focus = (page) => page.evaluate(() => {
  const one = document.activeElement;
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  return {
    name: one.id || one.getAttribute("href") || one.textContent.trim().slice(0, 40),
    tag: one.tagName,
    isSeen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && !/^rgba.*, 0\)$/.test(outlineColor),
    isOnScreen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
});

const is = (wanted, name) => {
  if (wanted instanceof RegExp) return wanted.test(name);
  return typeof wanted === "function" ? wanted(name) : name === wanted;
};

/// Presses Tab until something is reached, by its name, a pattern or a question; everything on the way must be seen.
export async function tabTo(page, wanted, key = "Tab") {
  const passed = [];
  for (let turn = 0; turn < TABS_MAX; turn += 1) {
    await page.keyboard.press(key);
    const now = await focus(page);
    passed.push(now.name);
    if (now.tag !== "BODY") assert.ok(now.isSeen && now.isOnScreen, `the focus on ${JSON.stringify(now)} is not seen`);
    if (is(wanted, now.name)) return passed;
  }
  throw new Error(`${wanted} is not reached: ${passed.join(", ")}`);
}

export const tests = {
  "without scripts the overview and a search work": async ({ browsers }) => {
    const page = await browsers.page("dpo", { javaScriptEnabled: false });
    await page.goto("/de/");
    assert.equal(await page.locator("h1").innerText(), "Übersicht");
    await page.click("nav a[href='/de/log']");
    await page.fill("#reason", REASON);
    await page.click("main form button");
    await page.locator("ol.rows > li").first().waitFor();
    assert.equal(await page.locator("[data-print]").first().isVisible(), false, "a button that could do nothing");
    await page.locator("ol.rows summary").first().click();
    await page.locator("ol.rows button").first().click();
    await page.locator(".note.good").waitFor();
  },

  "the skip link comes first, is seen, and leads to the content": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    await page.goto("/de/");
    await page.keyboard.press("Tab");
    const first = await focus(page);
    assert.equal(first.name, "#main");
    assert.ok(first.isSeen && first.isOnScreen, JSON.stringify(first));
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.querySelector("main").contains(document.activeElement)));
  },

  "a search by keyboard alone, from the overview to a proof": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    await page.goto("/de/");
    await tabTo(page, "/de/log");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/de/log");
    await tabTo(page, "reason");
    await page.keyboard.type(REASON);
    await tabTo(page, "purpose");
    await page.keyboard.type("Unterl");
    assert.equal(await page.inputValue("#purpose"), "unterlagen");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await tabTo(page, "Suchen");
    await page.keyboard.press("Enter");
    await page.waitForSelector("ol.rows > li");
    const first = await page.locator("ol.rows summary").first().evaluate((one) => one.textContent.trim().slice(0, 40));
    await tabTo(page, first);
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("ol.rows details").first().evaluate((one) => one.open), true);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".note.good");
  },

  "what is wrong is said first, and Enter leads to the field": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    await search(page, { reason: "          x" });
    await page.waitForFunction(() => document.activeElement.matches(".problems"));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal((await focus(page)).name, "reason");
    assert.ok((await focus(page)).isSeen);
  },

  "every control of the officers' and operators' pages is reached and seen": async ({ browsers }) => {
    for (const [role, paths] of Object.entries({
      dpo: ["", "log", "incident", "report", "deletions", "erasure"], operator: ["", "mailboxes", "directory"],
    })) {
      const page = await browsers.page(role);
      for (const path of paths) {
        await page.goto(`/de/${path}`);
        await reachesAll(page, `/de/${path}`);
      }
    }
  },
};

/// Goes through a page by keys: every control is reached, and seen while it has the focus.
export async function reachesAll(page, where) {
  const kinds = ["a", "button", "input", "select", "textarea", "summary"].map((kind) => `${kind}:visible`);
  const controls = await page.locator(kinds.join(", ")).evaluateAll((all) =>
    all.map((one) => one.id || one.getAttribute("href") || one.textContent.trim().slice(0, 40)));
  const reached = new Set();
  for (let turn = 0; turn < controls.length * 4 + 10; turn += 1) {
    await page.keyboard.press("Tab");
    const now = await focus(page);
    if (now.tag === "BODY") break;
    assert.ok(now.isSeen && now.isOnScreen, `${where}: ${JSON.stringify(now)}`);
    reached.add(now.name);
  }
  assert.deepEqual(controls.filter((name) => !reached.has(name)), [], `${where}: not reached`);
}
