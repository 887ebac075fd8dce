// Pages for everybody: what is wrong with a form is heard first and leads into the field, and both languages are whole.

import assert from "node:assert/strict";
import { atDesk } from "./desk.mjs";
import { REASON } from "./dpo.mjs";
import { reachesAll } from "./plain.mjs";

export const title = "pages for everybody";

/// Forms at the Lotse's desk that are sent as they come: the page of each, and its button.
const FORMS = {
  "/participants/new": "Speichern",
  "/conferences/new": "Planen",
  "PERSON/safeguards": /^Schweigepflichtentbindung aufzeichnen/,
  "PERSON/leave": "Vertretung einsetzen",
  "PERSON/record": /Vorlesen/,
  "CONSENT/narrow": "Vorschau",
};

/// Opens a form and sends it with nothing in it, although the browser would say so itself.
async function sendEmpty(desk, path, button) {
  const { page } = desk;
  await desk.go(path);
  if (path.endsWith("/record")) {
    await page.selectOption("#template", { index: 1 });
    await desk.press("Weiter");
  }
  await page.evaluate(() => {
    for (const one of document.querySelectorAll("details")) one.open = true;
    for (const one of document.forms) one.noValidate = true;
  });
  await desk.press(button);
}

/// What is wrong stands after the heading and has the focus.
async function isHeardFirst(page, where) {
  await page.waitForFunction(() => document.activeElement.matches(".problems"), undefined, { polling: 50 });
  const { isAfter, isBefore } = await page.evaluate(() => {
    const [heading, problems] = ["h1", ".problems"].map((one) => document.querySelector(one));
    const first = document.querySelector("main form");
    const follows = (one, other) => Boolean(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
    return { isAfter: follows(heading, problems), isBefore: follows(problems, first) };
  });
  assert.ok(isAfter, `${where}: the heading comes first`);
  assert.ok(isBefore, `${where}: the problems come before the forms`);
}

/// Each link of the summary puts the focus where it says; the fields that are wrong are marked so and described.
async function linksLead(page, where, isField) {
  const links = page.locator(".problems a");
  const words = await links.allInnerTexts();
  assert.ok(words.length > 0 && new Set(words).size === words.length, `${where}: ${words}`);
  for (const link of await links.all()) {
    const target = (await link.getAttribute("href")).slice(1);
    await link.click();
    const reached = await page.evaluate((id) => {
      const [place, active] = [document.getElementById(id), document.activeElement];
      const error = document.getElementById(`${id}-error`);
      const described = [...place.querySelectorAll("[aria-describedby]"), place]
        .flatMap((one) => (one.getAttribute("aria-describedby") ?? "").split(" "));
      return {
        isThere: place.contains(active), isField: active.matches("input, select, textarea"),
        isSeen: active.getClientRects().length > 0, isDescribed: !error || described.includes(error.id),
        isMarked: place.matches("[aria-invalid=true]") || place.querySelector("[aria-invalid=true]") !== null
          || !place.matches("input, select, textarea"),
      };
    }, target);
    const expected = { isThere: true, isField: isField || reached.isField, isSeen: true, isDescribed: true, isMarked: true };
    assert.deepEqual(reached, expected, `${where}: #${target}`);
  }
}

async function everyForm(desk, isField) {
  const person = await desk.register("Füllt nichts aus");
  const consent = await desk.given(person, [{ categories: ["termine"] }]);
  for (const [form, button] of Object.entries(FORMS)) {
    const path = form.replace("PERSON", person.path).replace("CONSENT", consent.path);
    await sendEmpty(desk, path, button);
    await isHeardFirst(desk.page, path);
    await linksLead(desk.page, path, isField);
  }
}

/// Words of a page without what stays German: names of the catalogue and of agencies, and what is for the participant.
const chrome = (page) => page.evaluate(() => {
  const body = document.body.cloneNode(true);
  const german = ["[lang=de]", "bdi", "option", ".matrix", ".choices", ".facts dd", ".rows summary .small"];
  for (const one of body.querySelectorAll(german.join(", "))) one.remove();
  const said = [...body.querySelectorAll("[aria-label], [title], [placeholder]")].flatMap((one) =>
    ["aria-label", "title", "placeholder"].map((name) => one.getAttribute(name) ?? ""));
  return [document.title, body.textContent, ...said].join("\n");
});

const GERMAN = /[äöüß]|\b(und|oder|nicht|eine|einen|ist|der|das|bis|von|für|keine|heute|gilt)\b/i;

/// Looks at a page in English, and that its own words are English.
async function english(desk, name, path) {
  if (path !== undefined) await desk.go(path);
  assert.equal(await desk.page.getAttribute("html", "lang"), "en", name);
  const found = (await chrome(desk.page)).match(new RegExp(`.*(?:${GERMAN.source}).*`, "i"));
  assert.equal(found?.[0].trim(), undefined, `German words on ${name}`);
  await desk.see(`lotse-en-${name}`);
}

const focus = {
  "after a form failed, its problems are heard first and lead into their fields": atDesk(
    (_, desk) => everyForm(desk, true),
  ),

  "the same without scripts": atDesk((_, desk) => everyForm(desk, false), { browser: { javaScriptEnabled: false } }),

  "the officer's forms do so, too": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    for (const path of ["log", "report", "incident"]) {
      await page.goto(`/de/${path}`);
      await page.fill("#reason", path === "log" ? "" : REASON);
      await page.evaluate(() => { for (const one of document.forms) one.noValidate = true; });
      await Promise.all([page.waitForEvent("load"), page.locator("main form button").first().click()]);
      await isHeardFirst(page, path);
      await linksLead(page, path, true);
    }
  },

  "what was done is heard first, too": atDesk(async (_, desk) => {
    await desk.register("Wurde aufgenommen");
    await desk.page.waitForFunction(() => document.activeElement.matches(".note"));
    const isAfter = await desk.page.evaluate(() => Boolean(
      document.querySelector("h1").compareDocumentPosition(document.querySelector(".note")) & Node.DOCUMENT_POSITION_FOLLOWING));
    assert.ok(isAfter, "the heading comes first");
  }),
};

const keys = {
  "every control of the Lotse's pages is reached by keys, and seen": atDesk(async (_, desk) => {
    const person = await desk.register("Nur mit Tasten");
    const consent = await desk.given(person, [{ categories: ["termine", "gesundheit"] }]);
    const paths = ["/", "/participants", "/participants/new", "/places", "/kept", "/conferences", "/conferences/new"];
    const persons = ["", "/name", "/timeline", "/deadlines", "/safeguards", "/leave", "/record"];
    const consents = ["", "/narrow", "/revoke"];
    const all = [...paths, ...persons.map((one) => `${person.path}${one}`), ...consents.map((one) => `${consent.path}${one}`)];
    for (const path of all) {
      await desk.go(path);
      await reachesAll(desk.page, path);
    }
  }),
};

const names = {
  "controls of one page that do different things are called differently": atDesk(async (_, desk) => {
    const { page } = desk;
    const person = await desk.register("Hat vieles");
    const two = [{ categories: ["termine"] }, { categories: ["gesundheit"], months: 6 }];
    for (const grant of two) await desk.given(person, [grant]);
    for (const category of ["wohnen", "stammdaten"]) {
      await desk.go(`${person.path}/safeguards`);
      await page.locator("summary", { hasText: "Widerspruch aufzeichnen" }).click();
      await page.check(`#categories-${category}`);
      await desk.press("Vorschau");
      await desk.press("Widerspruch jetzt aufzeichnen");
    }
    for (const path of [person.path, `${person.path}/safeguards`, "/participants", "/", "/conferences"]) {
      await desk.go(path);
      await page.evaluate(() => { for (const one of document.querySelectorAll("details")) one.open = true; });
      const called = await page.locator("main :is(a, button):visible").evaluateAll((all) => all.map((one) => {
        const sends = () => `${one.form.action} ${one.value} ${new URLSearchParams(new FormData(one.form))}`;
        return [one.textContent.replaceAll(/\s+/g, " ").trim(), one.href ?? (one.form ? sends() : "")];
      }));
      const known = new Map();
      for (const [name, does] of called) {
        assert.ok(!known.has(name) || known.get(name) === does, `${path}: two are called ${name}`);
        known.set(name, does);
      }
      assert.ok(known.size > 0, path);
    }
  }),
};

const languages = {
  "the Lotse's pages are whole in English": atDesk(async (_, desk) => {
    const { page } = desk;
    const person = await desk.register("Whoever Reads English");
    const consent = await desk.given(person, [{ categories: ["termine", "gesundheit"] }]);
    desk.base = desk.base.replace(/\/de$/, "/en");
    for (const [name, path] of Object.entries({
      today: "/", participants: "/participants", register: "/participants/new", participant: person.path,
      name: `${person.path}/name`, timeline: `${person.path}/timeline`, deadlines: `${person.path}/deadlines`,
      safeguards: `${person.path}/safeguards`, leave: `${person.path}/leave`, consent: consent.path,
      narrow: `${consent.path}/narrow`, revoke: `${consent.path}/revoke`, places: "/places",
      conferences: "/conferences", "conference-plan": "/conferences/new", "not-there": "/participants/none",
    })) await english(desk, name, path);
    await page.goto(`${desk.base}/conferences/new`);
    await desk.press("Plan");
    await english(desk, "conference-problems");
    await english(desk, "renew", `${consent.path}/renew`);
    await english(desk, "record-template", `${person.path}/record`);
    await page.selectOption("#template", { index: 1 });
    await desk.press("Next");
    await english(desk, "record-grants");
    await desk.press(/Read out/);
    await english(desk, "record-problems");
  }),
};

export const tests = { ...focus, ...keys, ...names, ...languages };
