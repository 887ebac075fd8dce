// Looks at a page as people see it: light, dark, on a small screen, enlarged; and checks what holds for every page.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const BYTES_MAX = 150 * 1024;
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const VARIANTS = {
  light: { colorScheme: "light", width: 1280, height: 900, scale: 1 },
  dark: { colorScheme: "dark", width: 1280, height: 900, scale: 1 },
  small: { colorScheme: "light", width: 360, height: 740, scale: 1 },
  // What 200 % of a window of 1280 by 900 leaves of it.
  zoomed: { colorScheme: "light", width: 640, height: 450, scale: 2 },
};

/// Between all letters of a table, to try whether it would fit with a font that is a twelfth wider than the one here.
const WIDER = "0.05em";

/// Looks at one page in every variant. `open` brings a fresh browser page there, through a flow if need be.
export async function look(world, name, who, open, options = {}) {
  const page = await world.browsers.page(who, options);
  const see = await eyes(world, page);
  await open(page);
  await see(name);
  await world.browsers.leave(page);
}

/// Looks at a page in every variant where it is, in the middle of a flow. To be had before the page is opened, since
/// it counts what comes.
export async function eyes(world, page) {
  const session = await page.context().newCDPSession(page);
  const transfer = await measured(page, session);
  return async (name) => {
    await page.waitForLoadState("load");
    // Every page has its assets anew: the cache of this look is off.
    const bytes = await transfer();
    assert.ok(bytes > 0 && bytes < BYTES_MAX, `${name}: ${bytes} bytes`);
    world.report.page(name, bytes, await firstPaint(page));
    for (const [variant, seen] of Object.entries(VARIANTS)) {
      await show(page, session, seen);
      const where = `${name}, ${variant}`;
      await fits(page, where);
      await accessible(world, page, where);
      await shoot(world, session, `${name}-${variant}`);
    }
    await show(page, session, VARIANTS.light);
  };
}

async function show(page, session, { colorScheme, width, height, scale }) {
  await page.emulateMedia({ colorScheme });
  const screen = { width, height, deviceScaleFactor: scale, mobile: false };
  await session.send("Emulation.setDeviceMetricsOverride", screen);
  await page.waitForFunction(
    ([wide, ratio]) => innerWidth === wide && devicePixelRatio === ratio, [width, scale],
  );
}

/// Opens a path below the base.
export const at = (path) => (page) => page.goto(path);

async function measured(page, session) {
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  let finished = [];
  page.on("request", (request) => {
    if (request.isNavigationRequest() && request.redirectedFrom() === null) finished = [];
  });
  page.on("requestfinished", (request) => finished.push(request.sizes()));
  return async () => {
    const sizes = await Promise.all(finished);
    return sizes.reduce((sum, one) => sum + one.responseBodySize + one.responseHeadersSize, 0);
  };
}

async function fits(page, where) {
  const { wide, room, cut, pushed } = await page.evaluate((spacing) => ({
    wide: document.documentElement.scrollWidth,
    room: document.documentElement.clientWidth,
    // Words that their own box does not show, and that nobody can scroll to.
    cut: [...document.querySelectorAll("body *")].filter((one) => {
      const style = getComputedStyle(one);
      const hides = style.overflowX === "hidden" || style.overflowX === "clip";
      return hides && !one.matches(".hidden-text") && one.scrollWidth > one.clientWidth + 1;
    }).map((one) => one.outerHTML.slice(0, 100)),
    // Where there is room for a table, all of its columns are seen, also with a wider font.
    pushed: innerWidth < 1000 ? [] : [...document.querySelectorAll(".table")].filter((one) => {
      one.style.letterSpacing = spacing;
      const isPushed = one.scrollWidth > one.clientWidth + 1;
      one.style.letterSpacing = "";
      return isPushed;
    }).map((one) => one.getAttribute("aria-label")),
  }), WIDER);
  assert.ok(wide <= room, `${where}: ${wide} pixels wide where there is room for ${room}`);
  assert.deepEqual(cut, [], `${where}: cut off`);
  assert.deepEqual(pushed, [], `${where}: columns that must be scrolled to`);
  assert.deepEqual(await overlapping(page), [], `${where}: words upon words`);
}

/// Pairs of words that stand upon one another.
async function overlapping(page) {
  return page.evaluate(() => {
    /// Pixels that letters of two lines may share.
    const slack = 3;
    const range = document.createRange();
    const boxes = [];
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      const { data, parentElement: parent } = words.currentNode;
      const isSeen = data.trim() !== "" && parent.checkVisibility() && !parent.closest(".hidden-text, svg, option");
      if (!isSeen) continue;
      // What is scrolled to stands only within its frame.
      const frame = parent.closest(".table")?.getBoundingClientRect();
      range.selectNodeContents(words.currentNode);
      for (const box of range.getClientRects()) {
        const [left, right] = [Math.max(box.left, frame?.left ?? box.left), Math.min(box.right, frame?.right ?? box.right)];
        const [top, bottom] = [Math.max(box.top, frame?.top ?? box.top), Math.min(box.bottom, frame?.bottom ?? box.bottom)];
        const said = data.trim().slice(0, 40);
        if (right - left > slack && bottom - top > slack) boxes.push({ left, right, top, bottom, said });
      }
    }
    boxes.sort((one, other) => one.top - other.top);
    const found = [];
    for (const [place, one] of boxes.entries()) {
      for (const other of boxes.slice(place + 1)) {
        if (other.top >= one.bottom - slack) break;
        const shared = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        if (shared > slack) found.push(`"${one.said}" and "${other.said}"`);
      }
    }
    return found;
  });
}

async function accessible(world, page, where) {
  // Once for each document; of frames there are none.
  if (!await page.evaluate(() => "axe" in globalThis)) await page.evaluate(world.browsers.axe);
  const options = { runOnly: RULES, resultTypes: ["violations"] };
  const { violations, passes } = await page.evaluate((chosen) => globalThis.axe.run(document, chosen), options);
  const said = violations.map(({ id, help, nodes }) => {
    const places = nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.html.slice(0, 120)}`);
    return `${id}: ${help}: ${places.join(" | ")}`;
  });
  assert.deepEqual(said, [], `${where}: rules of accessibility`);
  assert.ok(passes.length > 5, `${where}: only ${passes.length} rules were checked`);
}

async function firstPaint(page) {
  const entry = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  return page.waitForFunction(entry, undefined, { timeout: 5000 }).then(
    (handle) => handle.jsonValue(),
    () => undefined,
  );
}

async function shoot(world, session, name) {
  const folder = join(world.browsers.tools, "shots");
  mkdirSync(folder, { recursive: true });
  const { data } = await session.send("Page.captureScreenshot", { captureBeyondViewport: true, format: "png" });
  writeFileSync(join(folder, `${name}.png`), Buffer.from(data, "base64"));
}
