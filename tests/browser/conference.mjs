// A Fallkonferenz at the Lotse's desk, from the plan to the review; the bodies answer with their own programs.

import assert from "node:assert/strict";
import { join } from "node:path";
import { REHA, atDesk } from "./desk.mjs";
import { download } from "./dpo.mjs";
import { DRV, KRANKENKASSE, ROLES } from "./site.mjs";

export const title = "Fallkonferenzen";

const OWN = "lotsenstelle";
const KASSE = `${KRANKENKASSE}/krankengeld`;
const FIRST = "2035-12-08T09:00:00Z";

/// The functions that take part are in the directory, and the consents cover dates and items of both bodies.
async function prepared(desk, { kasse = true } = {}) {
  const { site } = desk;
  await site.publish(OWN, "Lotsenstelle", "lotse=Lotsenstelle");
  await site.publish(KRANKENKASSE, "Krankenkasse Nord", "krankengeld=Krankengeld");
  const person = await desk.register("Gerhard Konferenz");
  for (const agency of [DRV, KRANKENKASSE]) await desk.reference(person, agency);
  const both = (to, agency, categories) => [
    { from: [OWN], to, purpose: "fallkonferenz", categories },
    { from: [agency], to: `${OWN}/lotse`, purpose: "fallkonferenz", categories },
  ];
  const drv = await desk.given(person, both(REHA, DRV, ["termine", "gesundheit", "wohnen"]));
  if (kasse) await desk.given(person, both(KASSE, KRANKENKASSE, ["termine", "wohnen"]));
  return { person, drv };
}

/// Runs a command of a body's own about conferences.
async function body(site, agency, ...options) {
  const folder = site.newFolder(`conferences-${agency}`);
  return site.schleuse(`agencies/${agency}/system`, "agency", "conference", ...options, "--dir", folder);
}

/// What a body's function fetches of one conference, as kinds.
async function take(site, agency, name, id) {
  const sealing = join(site.pki, "agencies", agency, "sealing.toml");
  const { taken } = await body(site, agency, "take", "--function", name, "--sealing", sealing);
  return taken.filter(({ conference }) => conference === id).map(({ kind }) => kind);
}

async function fill(page, fields) {
  for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value);
}

async function plan(desk, person, bodies = [REHA, KASSE]) {
  const { page } = desk;
  await desk.go("/conferences/new");
  await page.selectOption("#participant", person.reference);
  await page.selectOption("#convener", `${OWN}/lotse`);
  for (const one of bodies) await page.check(`[id="bodies-${one}"]`);
  await fill(page, {
    day0: "2035-12-08", time0: "10:00", place: "Raum 3", answer_by: "2035-12-01", title0: "Begutachtung",
    notes0: "Bericht mitbringen",
  });
  await page.check("#categories0-gesundheit");
  await desk.press("Weiterer Punkt");
  await page.fill("#title1", "Mietrückstand");
  await page.check("#categories1-wohnen");
}

async function planned(desk, person, bodies) {
  await plan(desk, person, bodies);
  await desk.press("Planen");
  await desk.page.waitForURL(/\/conferences\/[0-9a-f]{32}$/);
  return desk.page.url().match(/[0-9a-f]{32}$/)[0];
}

const shares = (page) => page.locator("table.matrix tbody td").evaluateAll((all) =>
  all.map((one) => one.textContent.trim().replaceAll(/\s+/g, " ")));

async function open(page, summary) {
  const details = page.locator("details", { has: page.getByText(summary, { exact: true }) }).first();
  if (!(await details.evaluate((one) => one.open))) await details.locator("summary").click();
}

export const tests = {
  "what the plan lacks stands beside its field": atDesk(async (_, desk) => {
    const { page, see } = desk;
    const { person } = await prepared(desk, { kasse: false });
    await desk.go("/conferences");
    await see("conference-none");
    await desk.follow("Fallkonferenz planen");
    await see("conference-plan");
    await desk.press("Planen");
    const missing = Object.keys(await desk.errors()).sort();
    assert.deepEqual(missing, ["answer_by", "bodies", "convener", "day0", "place", "title0"]);
    await see("conference-plan-problems");
    await plan(desk, person);
    await page.fill("#answer_by", "2035-12-24");
    await desk.press("Planen");
    assert.deepEqual(Object.keys(await desk.errors()), ["answer_by"], "after the first date");
    assert.equal(await page.inputValue("#title1"), "Mietrückstand");
    assert.equal(await page.inputValue("#time0"), "10:00");
    await page.fill("#answer_by", "2035-12-01");
    await page.fill("#time0", "");
    await desk.press("Planen");
    assert.deepEqual(Object.keys(await desk.errors()), ["day0"], "a date without a time");
  }),

  "from the plan to the agreement, and called off at last": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const { person } = await prepared(desk);
    const id = await planned(desk, person);
    const path = new URL(page.url()).pathname;
    await see("conference-planned");
    await desk.press("Beim Broker nachfragen");
    assert.deepEqual(await shares(page), ["○ würde ihn bekommen", "✕ nicht gedeckt", "○ würde ihn bekommen",
      "○ würde ihn bekommen"]);
    await see("conference-asked");
    assert.deepEqual(await take(site, DRV, "reha-beratung", id), [], "only asked");
    await desk.press("Einladen");
    assert.match(await desk.done(), /5 Nachrichten angenommen, 1 nicht gedeckt/);
    await see("conference-invited");
    assert.equal((await take(site, DRV, "reha-beratung", id)).length, 3);
    assert.equal((await take(site, KRANKENKASSE, "krankengeld", id)).length, 2);
    await body(site, DRV, "answer", "--conference", id, "--accept", FIRST);
    await body(site, KRANKENKASSE, "answer", "--conference", id, "--decline", "capacity");
    await desk.go("/conferences");
    await page.selectOption("#function", "lotse");
    await desk.press("Antworten holen");
    assert.match(await desk.done(), /2 Nachrichten übernommen/);
    await see("conference-list");
    await desk.follow(person.name);
    const answers = (await page.locator("ul.rows").first().innerText()).replaceAll(/\s+/g, " ");
    assert.match(answers, /sagt zu: .*08\.12\.2035/);
    assert.match(answers, /sagt ab: keine Kapazität/);
    await see("conference-answers");
    await desk.press("Termin festlegen");
    assert.match(await page.locator(".head .chip").first().innerText(), /steht fest/);
    await see("conference-fixed");
    await calendar(desk, person);
    await minutes(desk, id);
    await moved(desk);
    assert.equal(new URL(page.url()).pathname.startsWith(path), true);
    await open(page, "Absagen");
    await page.selectOption("#cancel-reason", { label: "es hat sich erledigt" });
    await desk.press("Absagen");
    assert.match(await page.locator(".head .chip").first().innerText(), /abgesagt/);
    assert.equal(await page.locator("main form").count(), 0, "nothing is to be done any more");
    await see("conference-cancelled");
    await take(site, DRV, "reha-beratung", id);
    const theirs = JSON.stringify(await body(site, DRV, "show", "--conference", id));
    assert.match(theirs, /cancelled/i);
  }),

  "a look at the consents after a revocation recalls what waits": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const { person, drv } = await prepared(desk);
    const id = await planned(desk, person);
    await desk.press("Einladen");
    await desk.press("Einwilligungen neu prüfen");
    assert.match(await desk.done(), /5 Nachrichten gehen weiter, 0 wurden zurückgerufen, 0 waren schon ausgehändigt/);
    await site.schleuse(ROLES.lotse, "lotse", "consent", "revoke", "--consent", drv.id, "--yes");
    await desk.press("Einwilligungen neu prüfen");
    assert.match(await desk.done(), /2 Nachrichten gehen weiter/);
    await see("conference-reviewed");
    assert.deepEqual(await take(site, DRV, "reha-beratung", id), []);
    assert.deepEqual((await shares(page)).filter((one) => /bekommt ihn/.test(one)).length, 1);
  }),
};

async function calendar(desk, person) {
  const file = await download(desk.page, desk.page.getByRole("link", { name: /Kalenderdatei/ }));
  assert.equal(file.name, "fallkonferenz.ics");
  const lines = file.text.split("\r\n");
  assert.equal(lines[0], "BEGIN:VCALENDAR");
  assert.deepEqual(lines.slice(-3), ["END:VEVENT", "END:VCALENDAR", ""]);
  assert.ok(lines.some((line) => line === "DTSTART:20351208T090000Z"), file.text);
  for (const word of [person.name, person.reference, "Begutachtung", "Mietrückstand", "Bericht"]) {
    assert.ok(!file.text.includes(word), `${word} is not for a calendar`);
  }
}

async function minutes(desk, id) {
  const { page, site, see } = desk;
  await desk.press("Protokoll senden");
  assert.deepEqual(Object.keys(await desk.errors()), ["text"]);
  await fill(page, { text: "Der Antrag wird geprüft.", what0: "Antrag prüfen" });
  await desk.press("Protokoll senden");
  assert.deepEqual(Object.keys(await desk.errors()), ["who0"]);
  assert.equal(await page.inputValue("#text"), "Der Antrag wird geprüft.", "what was typed stays");
  assert.equal(await page.inputValue("#what0"), "Antrag prüfen");
  await see("conference-minutes-problems");
  await page.selectOption("#who0", REHA);
  await page.fill("#until0", "2035-12-31");
  await desk.press("Protokoll senden");
  assert.match(await desk.done(), /1 Nachrichten angenommen, 0 nicht gedeckt/);
  const written = (await page.locator("section.sheet").first().innerText()).replaceAll(/\s+/g, " ");
  assert.match(written, /Protokoll, Fassung 1 Der Antrag wird geprüft\./);
  assert.match(written, /offen .*: Antrag prüfen \(Bis .*31\.12\.2035\)/);
  await see("conference-minutes");
  await take(site, DRV, "reha-beratung", id);
  assert.match(JSON.stringify(await body(site, DRV, "show", "--conference", id)), /Antrag prüfen/);
}

async function moved(desk) {
  const { page, see } = desk;
  await open(page, "Verlegen");
  await desk.press("Verlegen");
  assert.deepEqual(Object.keys(await desk.errors()), ["day0"]);
  await see("conference-move-problems");
  await fill(page, { day0: "2036-01-10", time0: "11:30" });
  await page.selectOption("#move-reason", { label: "Unterlagen fehlen" });
  await desk.press("Verlegen");
  assert.match(await desk.done(), /Nachrichten angenommen/);
  assert.match((await page.locator("dl.facts").first().innerText()), /10\.01\.2036/);
  await see("conference-moved");
}
