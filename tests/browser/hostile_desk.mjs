// Hostile words at the Lotse's desk: inert on pages, on paper, on receipts and in calendars.

import assert from "node:assert/strict";
import { REHA, atDesk } from "./desk.mjs";
import { HOSTILE, assertInert, hostileCalendar, onPaper } from "./hostile.mjs";
import { DRV, JOBCENTER } from "./site.mjs";

export const title = "hostile content at the Lotse's desk";

/// Most characters of a name or a title.
const NAME_MAX = 200;
const WORDS = Object.fromEntries(Object.entries(HOSTILE).map(([name, text]) => [name, text.slice(0, NAME_MAX)]));
const isPlain = (text) => /^[ -~]+$/.test(text);
const calm = (text) => text.replaceAll(/\s+/g, " ").trim();

async function publishedAs(site, agency, name) {
  await site.publish(agency, name, `reha-beratung=${name.slice(0, 100)}`);
}

/// Opens everything that is folded: what is hidden counts, too.
async function unfold(page) {
  for (const one of await page.locator("details").all()) await one.evaluate((details) => { details.open = true; });
}

export const tests = {
  "names and file numbers of participants are only words": atDesk(async (_, desk) => {
    const { page, see } = desk;
    let last;
    for (const [name, text] of Object.entries(WORDS)) {
      last = await desk.register(text, text);
      await unfold(page);
      await assertInert(page, `the page of ${name}`);
      if (isPlain(text)) assert.equal(calm(await desk.h1()), calm(text), name);
      await desk.follow("Namen ändern");
      assert.equal(await page.inputValue("#name"), text.trim(), name);
      await assertInert(page, `the form of ${name}`);
    }
    for (const path of ["/participants", "/conferences/new", "/"]) {
      await desk.go(path);
      await assertInert(page, path);
      if (path === "/participants") {
        await onPaper(page, path);
        await see("hostile-participants");
      }
    }
    for (const [name, text] of Object.entries(HOSTILE)) {
      await desk.go("/participants");
      await page.fill("#wanted", `${text}!`);
      await desk.press("Finden");
      await assertInert(page, `the search for ${name}`);
    }
    for (const path of ["record", "timeline", "safeguards", "leave"]) {
      await desk.go(`${last.path}/${path}`);
      await unfold(page);
      await assertInert(page, path);
    }
  }),

  "names of agencies are only words in texts, receipts and tables": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Hat seltsame Stellen");
    const inTexts = [];
    for (const name of ["script", "markup", "closing", "bidi", "invisible", "formula", "words"]) {
      if (!(await publishedAs(site, DRV, WORDS[name]).then(() => true, () => false))) continue;
      await desk.fillConsent(person);
      await assertInert(page, `the choice of ${name}`);
      await desk.press(/Vorlesen/);
      await assertInert(page, `the text with ${name}`);
      // A name that cannot stand in a text gets none.
      if (await page.locator(".problems").count() > 0) continue;
      inTexts.push(name);
      await onPaper(page, `the text with ${name}`);
      await desk.consent(person);
      await assertInert(page, `the consent with ${name}`);
      await desk.follow("Quittung drucken");
      await assertInert(page, `the receipt with ${name}`);
      await onPaper(page, `the receipt with ${name}`);
      for (const path of ["", "/safeguards", "/leave", "/timeline"]) {
        await desk.go(`${person.path}${path}`);
        await unfold(page);
        await assertInert(page, `${path} with ${name}`);
      }
    }
    for (const name of ["script", "markup", "closing"]) assert.ok(inTexts.includes(name), inTexts.join(", "));
    await desk.go(person.path);
    await see("hostile-matrix");
    await publishedAs(site, DRV, "DRV Bayern Süd");
  }),

  "texts that come back stay words": atDesk(async (_, desk) => {
    const { page } = desk;
    const person = await desk.register("Mit Texten");
    for (const [name, text] of Object.entries(HOSTILE)) {
      await desk.go(`${person.path}/safeguards`);
      await page.locator("summary", { hasText: "Schweigepflichtentbindung" }).click();
      await page.fill("#release_text", text);
      await desk.press("Schweigepflichtentbindung aufzeichnen");
      assert.equal(await page.inputValue("#release_text"), text.trim(), name);
      await assertInert(page, `the release with ${name}`);
      await desk.go(`${person.path}/leave`);
      for (const field of ["deputy", "deputy_again"]) await page.fill(`#${field}`, WORDS[name].slice(0, 64));
      await page.fill("#deputy_text", text);
      await desk.press("Vertretung einsetzen");
      assert.equal(await page.inputValue("#deputy_text"), text.trim(), name);
      await assertInert(page, `the deputy with ${name}`);
    }
  }),

  "a Fallkonferenz is only words: titles, notes, place, minutes, agreements": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    await site.publish("lotsenstelle", "Lotsenstelle", "lotse=Lotsenstelle");
    const person = await desk.register(WORDS.markup);
    await desk.reference(person, DRV);
    await desk.given(person, [
      { from: ["lotsenstelle"], purpose: "fallkonferenz", categories: ["termine"] },
    ]);
    await desk.go("/conferences/new");
    await page.selectOption("#participant", person.reference);
    await page.selectOption("#convener", "lotsenstelle/lotse");
    await page.check(`[id="bodies-${REHA}"]`);
    const fields = { day0: "2035-12-08", time0: "10:00", place: WORDS.closing, answer_by: "2035-12-01" };
    for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value);
    const titles = ["script", "markup", "attribute", "closing", "template", "bidi", "invisible", "formula", "long"];
    for (const [number, name] of titles.entries()) {
      if (number > 0) await desk.press("Weiterer Punkt");
      await page.fill(`#title${number}`, WORDS[name]);
      await page.fill(`#notes${number}`, HOSTILE[name]);
      await page.check(`#categories${number}-termine`);
    }
    await assertInert(page, "the plan");
    await desk.press("Planen");
    await page.waitForURL(/\/conferences\/[0-9a-f]{32}$/);
    await assertInert(page, "the conference");
    await desk.press("Einladen");
    await assertInert(page, "the invitation");
    await desk.press("Termin festlegen");
    await hostileCalendar(page);
    for (const [number, name] of titles.entries()) {
      await page.locator("section.sheet a.button").nth(number).click();
      await page.waitForURL(/\/minutes\?item=/);
      await assertInert(page, `the form of minutes with ${name}`);
      await page.fill("#text", HOSTILE[name]);
      await page.selectOption("#who0", "lotsenstelle/lotse");
      await page.fill("#what0", WORDS[name]);
      await page.fill("#until0", "2035-12-31");
      await desk.press("Protokoll senden");
      await assertInert(page, `the minutes with ${name}`);
    }
    assert.ok((await page.locator("main").innerText()).includes(HOSTILE.script), "it is shown as it is");
    await see("hostile-conference");
    await onPaper(page, "the conference");
    await desk.go("/conferences");
    await assertInert(page, "the list");
  }),

  "a line break in a place is no line of a calendar": atDesk(async ({ site }, desk) => {
    const { page } = desk;
    await site.publish("lotsenstelle", "Lotsenstelle", "lotse=Lotsenstelle");
    await desk.go("/conferences/new");
    await page.selectOption("#participant", "nobody");
    await page.selectOption("#convener", "lotsenstelle/lotse");
    await page.check(`[id="bodies-${JOBCENTER}/fallmanagement"]`);
    const fields = { day0: "2035-12-08", time0: "10:00", answer_by: "2035-12-01", title0: "Fragen" };
    for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value);
    const place = "Raum 3\r\nATTENDEE:mailto:evil@example.org\r\nX-HURT;A=\"B\":c,d";
    const hidden = (value) => page.locator("#place").evaluate((one, text) => {
      one.type = "hidden";
      one.value = text;
    }, value);
    await hidden(place);
    await desk.press("Planen");
    assert.deepEqual(Object.keys(await desk.errors()), ["place"]);
    // What one line can hold is only words in a calendar.
    await hidden(place.replaceAll("\r\n", " "));
    await desk.press("Planen");
    await page.waitForURL(/\/conferences\/[0-9a-f]{32}$/);
    await desk.press("Einladen");
    await desk.press("Termin festlegen");
    await hostileCalendar(page);
  }),
};
