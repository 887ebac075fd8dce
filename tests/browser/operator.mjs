// The operator's pages: numbers and names of agencies, never a participant.

import assert from "node:assert/strict";
import { at, look } from "./look.mjs";

export const title = "operators";

const REFERENCE = /\b[a-z2-7]{26}\b/;

export const tests = {
  "every page is good to look at": async (world) => {
    for (const [name, path] of [["mailboxes", "mailboxes"], ["directory", "directory"]]) {
      for (const language of ["de", "en"]) {
        await look(world, `operator-${name}-${language}`, "operator", at(`/${language}/${path}`));
      }
    }
  },

  "no page shows a participant": async ({ site, browsers }) => {
    const page = await browsers.page("operator");
    const references = Object.values(site.participant);
    assert.ok(references.every((one) => REFERENCE.test(one)), "the pattern finds references");
    await page.goto("/de/");
    const pages = await page.locator("nav a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    for (const path of [...new Set([...pages, "/de/mailboxes", "/de/directory"])]) {
      await page.goto(path);
      const html = await page.content();
      assert.ok(!references.some((one) => html.includes(one)), path);
      assert.doesNotMatch(html, REFERENCE, path);
      assert.doesNotMatch(html, new RegExp(site.consent), path);
    }
  },

  "mailboxes and agencies are there by name": async ({ browsers }) => {
    const page = await browsers.page("operator");
    await page.goto("/de/mailboxes");
    assert.match(await page.locator("table").innerText(), /drv-bayern-sued\/reha-beratung/);
    await page.goto("/de/directory");
    assert.match(await page.locator("table").innerText(), /drv-bayern-sued/);
    assert.ok(await page.locator("tbody tr").count() >= 10);
    assert.equal(await page.locator("thead th:nth-child(4)").innerText(), "Zu bestätigen bis");
    const days = await page.locator("tbody td:nth-child(4)").allInnerTexts();
    assert.ok(days.every((one) => /^\d\d\.\d\d\.\d{4}, \d\d:\d\d Uhr$/.test(one)), `to be confirmed by: ${days.join(", ")}`);
  },
};
