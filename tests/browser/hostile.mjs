// Hostile words in every free text: inert on the page, on paper and in exports.

import assert from "node:assert/strict";
import { download, formulas, nextPage, search } from "./dpo.mjs";
import { look } from "./look.mjs";

export const title = "hostile content";

export const HOSTILE = {
  script: "<script>alert(document.domain);window.hurt=1</script>",
  markup: "\"><img src=x onerror=alert(1)><svg onload=alert(2)><b id=hurt>fett</b>",
  attribute: "' autofocus onfocus=alert(3) x='\" autofocus onfocus=alert(4) x=\"",
  closing: "</textarea></title></select></option></bdi><script>window.hurt=1</script><b id=hurt>",
  template: "{{ 7*7 }} {% raw %} ${7*7} <!-- --> ]]> &lt;b&gt; &#x3c;",
  bidi: "vor \u202Egnuhcsät\u202C \u2066nach\u2069 \u200Fende",
  invisible: "un\u200Bsicht\u200Dbar\uFEFF\u00AD am Ende",
  formula: "=cmd|' /C calc'!A0",
  formulaPlus: "+1+1;=HYPERLINK(\"http://evil.example\")",
  formulaAt: "@SUM(1+1)*cmd|' /C calc'!A0",
  formulaMinus: "-2+3+cmd|' /C calc'!A0",
  long: "x".repeat(500),
  words: "Donaudampfschifffahrtsgesellschaft ".repeat(14).trim(),
};

/// What hostile words would have left behind if they had been read as anything but words.
export async function assertInert(page, where) {
  const found = await page.evaluate(() => ({
    hurt: "hurt" in window && typeof window.hurt === "number",
    elements: [...document.querySelectorAll("main script, main img, #hurt, main b, [onerror], [onload], [onfocus]")]
      .map((one) => one.outerHTML),
    handlers: [...document.querySelectorAll("*")].flatMap((one) => [...one.attributes])
      .filter(({ name }) => name.startsWith("on")).length,
    // Marks that turn the direction of text around or that nobody can see.
    marks: document.body.innerText.match(/[\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/g) ?? [],
    isWide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  }));
  assert.deepEqual(found, { hurt: false, elements: [], handlers: 0, marks: [], isWide: false }, where);
}

/// Opens every result: what it says.
async function opened(page) {
  for (const one of await page.locator("ol.rows details").all()) {
    await one.evaluate((details) => { details.open = true; });
  }
  await assertInert(page, "the log of searches");
  return page.locator("ol.rows").innerText();
}

export const onPaper = async (page, where) => {
  await page.emulateMedia({ media: "print" });
  await assertInert(page, `${where}, on paper`);
  assert.equal((await page.pdf()).subarray(0, 5).toString(), "%PDF-");
  await page.emulateMedia({ media: "screen" });
};

export const tests = {
  "a stated reason is only words: above the results, in the log, on paper": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    for (const [name, reason] of Object.entries(HOSTILE)) {
      await search(page, { reason, since: "2020-01-01", until: "2020-01-02" });
      assert.equal(await page.locator(".problems").count(), 0, `${name} is taken`);
      await assertInert(page, `results of ${name}`);
      const shown = await page.locator("dl.facts dd").first().innerText();
      if (/^[ -~]+$/.test(reason)) assert.equal(shown.replaceAll(/\s+/g, " "), reason, name);
      assert.equal(await page.locator("form input[name=reason]").first().inputValue(), reason, name);
    }
    // Now all of them stand in the log as what earlier searches said.
    await page.goto("/de/log");
    const looked = await page.locator("#type option").evaluateAll((options) =>
      options.find((option) => /nachgesehen/.test(option.textContent)).value);
    await search(page, { type: looked });
    let text = await opened(page);
    while (await nextPage(page)) text += await opened(page);
    for (const one of ["script", "formula", "template"]) {
      assert.ok(text.includes(HOSTILE[one]), `${one} is shown as it is`);
    }
    await assertInert(page, "the log of searches");
    await onPaper(page, "the log of searches");
  },

  "what was typed wrongly comes back as words": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    for (const [name, text] of Object.entries(HOSTILE)) {
      await search(page, { reason: "          ", participant: text });
      assert.equal(await page.locator(".problems").count(), 1, name);
      await assertInert(page, `the form with ${name}`);
      assert.equal(await page.inputValue("#participant"), text, name);
    }
  },

  "spreadsheets compute nothing of an export": async ({ browsers }) => {
    assert.equal(formulas('a,"=1+1",b\n@x,2\n').length, 2, "the check finds formulas");
    const page = await browsers.page("dpo");
    await page.goto("/de/log");
    for (const name of ["formula", "formulaPlus", "formulaAt", "formulaMinus", "script", "markup"]) {
      await search(page, { reason: HOSTILE[name] });
    }
    const table = await download(page, page.locator("button[name=format][value=csv]"));
    assert.ok(table.text.includes("calc'!A0"), "they stand in the table");
    assert.deepEqual(formulas(table.text), []);
  },

  "names of agencies are only words": async (world) => {
    const { site, browsers } = world;
    const agency = "gesundheitsamt-regensburg";
    const taken = [];
    for (const [name, text] of Object.entries(HOSTILE)) {
      const published = await publish(site, agency, text);
      if (published) taken.push(name);
      const page = await browsers.page("operator");
      await page.goto("/de/directory");
      await assertInert(page, `the directory with ${name}`);
      await onPaper(page, `the directory with ${name}`);
      if (published && /^[ -~]+$/.test(text)) {
        assert.ok((await page.locator("table").innerText()).replaceAll(/\s+/g, " ").includes(text), name);
      }
      await browsers.leave(page);
      const officer = await browsers.page("dpo");
      await officer.goto("/de/log");
      await assertInert(officer, `the list of agencies with ${name}`);
      await browsers.leave(officer);
    }
    for (const name of ["script", "markup", "formula"]) assert.ok(taken.includes(name), `${name} was published`);
    await publish(site, agency, HOSTILE.markup);
    await look(world, "hostile-directory", "operator", (page) => page.goto("/de/directory"));
    await publish(site, agency, "Gesundheitsamt Regensburg");
  },

  "words in an address are never shown as markup": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    for (const path of ["/de/%3Cscript%3Ealert(1)%3C/script%3E", "/de/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
      "/de/?days=%3Cscript%3E", "/de/deletions?which=%22%3E%3Cb%20id=hurt%3E"]) {
      await page.goto(path);
      await assertInert(page, path);
    }
  },
};

/// Whether the broker took the name; one that it refuses cannot hurt.
async function publish(site, agency, name) {
  const taken = site.publish(agency, name, `stelle=${name.slice(0, 100)}`);
  return taken.then(() => true, () => false);
}

/// Lines of a calendar begin with what a calendar may hold, whatever was typed.
export async function hostileCalendar(page) {
  const { text } = await download(page, page.getByRole("link", { name: /Kalenderdatei/ }));
  const lines = text.replaceAll(/\r\n[ \t]/g, "").split("\r\n").filter(Boolean);
  const parts = [
    "BEGIN", "END", "VERSION", "PRODID", "METHOD", "UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "SUMMARY",
    "LOCATION", "STATUS", "SEQUENCE", "CLASS", "CALSCALE", "TRANSP",
  ];
  const known = new RegExp(`^(${parts.join("|")})[:;]`);
  assert.deepEqual(lines.filter((line) => !known.test(line)), [], text);
  assert.ok(!/[\u202A-\u202E\u2066-\u2069\u200B]/.test(text), "no marks that nobody sees");
}
