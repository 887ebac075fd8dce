// What is to be done at the Lotse's desk, who received what, and what stands beside consents.

import assert from "node:assert/strict";
import { join } from "node:path";
import { REHA, SIGNED, atDesk, log, send } from "./desk.mjs";
import { DRV, JOBCENTER, ROLES } from "./site.mjs";

export const title = "the Lotse's day";

/// The Jobcenter asks for a consent.
const ask = (site, reference, category) => site.schleuse(
  ROLES.system, "agency", "request-consent", "--participant", reference, "--to", REHA, "--as", "fallmanagement",
  "--purpose", "unterlagen", "--kind", "unterlagen.supply", "--category", category, "--reason", "period-runs",
);

const items = (desk, person) => desk.page.locator("ul.rows > li", { hasText: person.name });

async function openOne(page, summary) {
  const details = page.locator("details", { has: page.locator("summary", { hasText: summary }) }).first();
  if (!(await details.evaluate((one) => one.open))) await details.locator("summary").first().click();
}

/// The Rentenversicherung fetches what waits.
const fetched = (site) => site.program("schleuse", [
  "agency", "inbox", "--function", "reha-beratung", "--acknowledge", "--json",
  "--sealing", join(site.pki, "agencies", DRV, "sealing.toml"), ...site.as(`agencies/${DRV}/system`),
]);

const tasks = {
  "a request of an agency prefills the consent, and is settled": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Um Einwilligung gebeten");
    const reference = await desk.reference(person, JOBCENTER);
    await ask(site, reference, "gesundheit");
    await desk.go();
    const item = items(desk, person);
    assert.match(await item.innerText(), /Jobcenter.*möchte an Deutsche Rentenversicherung.*Unterlagen.*Gesundheit/);
    await see("lotse-today");
    await item.getByRole("link", { name: /Einwilligung vorbereiten/ }).click();
    await page.waitForURL(/\/record\?/);
    assert.equal(await page.inputValue("#recipient0"), REHA);
    assert.equal(await page.inputValue("#purpose0"), "unterlagen");
    assert.equal(await page.isChecked(`[id="senders0-${JOBCENTER}"]`), true);
    assert.equal(await page.isChecked("#categories0-gesundheit"), true);
    assert.equal(await page.locator("fieldset input:checked").count(), 2, "and nothing else");
    await desk.go(person.path);
    assert.match(await page.locator("main").innerText(), /Bitte um Einwilligung/);
    const results = ["Besprochen und erledigt", "Die Person möchte das nicht", "Nicht mehr nötig"];
    for (const [turn, result] of results.entries()) {
      if (turn > 0) await ask(site, reference, ["gesundheit", "termine", "stammdaten"][turn]);
      await desk.go();
      await items(desk, person).locator("summary").click();
      if (turn === 0) await see("lotse-today-close");
      const button = items(desk, person).getByRole("button", { name: result });
      await Promise.all([page.waitForEvent("load"), button.click()]);
      assert.match(await desk.done(), /Erledigt\. Die Stelle erfährt davon nichts/);
      assert.equal(await items(desk, person).count(), 0, result);
    }
  }),

  "a grant that ends soon is to be done": atDesk(async (_, desk) => {
    const { page } = desk;
    const person = await desk.register("Läuft bald aus");
    const from = new Date(Date.now() - 10 * 86_400_000).toISOString().slice(0, 10);
    await desk.fillConsent(person, { categories: ["termine"], months: 1 });
    await page.fill("#valid_from", from);
    await desk.press(/Vorlesen/);
    await desk.press(/Unterschrieben/);
    await desk.press("Einwilligung aufzeichnen");
    await desk.go();
    assert.match(await items(desk, person).first().innerText(), /bis \d\d\.\d\d\.\d{4}\s+Eine Erlaubnis läuft aus/);
    await items(desk, person).first().getByRole("link", { name: /Ansehen/ }).click();
    await page.waitForURL(/\/consents\//);
  }),

  "a review that is due is to be done, until it is confirmed": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    await desk.go();
    const link = `a[href$="/consents/${site.reviewed.consent}"]`;
    const item = page.locator("ul.rows > li", { has: page.locator(link) });
    assert.match(await item.innerText(), /bis .*Durchsicht einer Einwilligung.*\(ohne Namen\)/s);
    await see("lotse-today-review");
    await page.click(link);
    await desk.press("Durchsicht bestätigen");
    assert.match(await desk.done(), /Bestätigt/);
    await desk.go();
    assert.equal(await page.locator(link).count(), 0);
  }),
};

const course = {
  "who received what, when; and the report of it is a document without scripts": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Hat etwas bekommen");
    const reference = await desk.reference(person, JOBCENTER);
    const consent = await desk.given(person, [{ categories: ["gesundheit", "termine"] }]);
    await send(site, reference);
    await fetched(site);
    const [row] = await log(site, "--consent", consent.id, "--type", "handed-out");
    assert.ok(row.record > 0);
    await desk.go(`${person.path}/timeline`);
    const records = page.locator("ol.rows > li");
    for (const one of await records.locator("details").all()) await one.evaluate((d) => { d.open = true; });
    const told = await page.locator("ol.rows").innerText();
    assert.match(told, new RegExp(`\\b${row.record}\\b`));
    assert.match(told, /\d\d\.\d\d\.\d{4}, \d\d:\d\d/);
    assert.match(told, /drv-bayern-sued|Rentenversicherung/);
    await see("lotse-timeline");
    for (const tab of ["nur Einwilligungen", "alles"]) {
      await desk.follow(tab);
      assert.equal(await page.locator("main nav [aria-current=page]").innerText(), tab);
      assert.ok(await records.count() > 0, tab);
    }
    await desk.press(/Auskunft für die Person/);
    await see("lotse-report");
    assert.equal(await page.locator("script, iframe, form, img").count(), 0);
    const report = await page.locator("body").innerText();
    assert.match(report, /Auskunft/);
    assert.match(report, /drv-bayern-sued|Rentenversicherung/);
    assert.equal((await page.pdf()).subarray(0, 5).toString(), "%PDF-");
  }),

  "an objection beats a consent, after a look at what it stops": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Widerspricht");
    const reference = await desk.reference(person, JOBCENTER);
    await desk.given(person, [{ categories: ["gesundheit", "termine"] }]);
    await send(site, reference);
    await desk.go(`${person.path}/safeguards`);
    await openOne(page, "Widerspruch aufzeichnen");
    await desk.press("Vorschau");
    assert.match(await page.locator(".note.bad").innerText(), /gar nichts mehr weitergegeben/, "nothing narrowed");
    await page.check("#categories-gesundheit");
    await desk.press("Vorschau");
    assert.equal(await page.locator(".note.bad").count(), 0);
    assert.match(await page.locator("main").innerText(), /1 wartende Nachrichten werden angehalten/);
    await see("lotse-objection-preview");
    await desk.press("Widerspruch jetzt aufzeichnen");
    assert.match(await desk.done(), /1 wartende Nachrichten wurden angehalten/);
    await see("lotse-safeguards");
    await desk.go(person.path);
    assert.match(await page.locator("table.matrix").innerText(), /Widerspruch/);
    await assert.rejects(send(site, reference), /./, "not covered any more");
    await desk.go(`${person.path}/safeguards`);
    await desk.press("Zurücknehmen");
    assert.match(await desk.done(), /Zurückgenommen/);
    await send(site, reference);
  }),

  "a release from secrecy is recorded and revoked": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Entbindet");
    await desk.reference(person, JOBCENTER);
    await desk.go(`${person.path}/safeguards`);
    await openOne(page, "Schweigepflichtentbindung aufzeichnen");
    await desk.press("Schweigepflichtentbindung aufzeichnen");
    const missing = ["addressee", "holder", "release_categories", "release_file", "release_purposes", "release_text"];
    assert.deepEqual(Object.keys(await desk.errors()).sort(), missing);
    await see("lotse-release-problems");
    await page.selectOption("#holder", `${JOBCENTER}/fallmanagement`);
    await page.selectOption("#addressee", REHA);
    await page.check("#release_purposes-unterlagen");
    await page.check("#release_categories-gesundheit");
    await page.fill("#release_text", "Ich entbinde von der Schweigepflicht.");
    await page.setInputFiles("#release_file", SIGNED);
    await desk.press("Schweigepflichtentbindung aufzeichnen");
    const record = await desk.record();
    assert.ok((await log(site, "--first-record", String(record), "--max-rows", "1"))[0].record === record);
    await see("lotse-release");
    await desk.press("Widerrufen");
    assert.match(await desk.done(), /^✓ Widerrufen/);
    assert.equal(await page.getByRole("button", { name: "Widerrufen" }).count(), 0);
  }),
};

const known = async (site, role, person) =>
  JSON.stringify(await site.schleuse(role, "lotse", "participant", "list")).includes(person.reference);

const leaving = {
  "a deputy is appointed with the participant's word": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Mit Vertretung");
    await desk.go(`${person.path}/leave`);
    await see("lotse-leave");
    await page.fill("#deputy", "l-02");
    await page.fill("#deputy_again", "l-03");
    await desk.press("Vertretung einsetzen");
    const missing = Object.keys(await desk.errors()).sort();
    assert.deepEqual(missing, ["deputy_again", "deputy_file", "deputy_text"]);
    await see("lotse-deputy-problems");
    assert.equal(await known(site, ROLES.otherLotse, person), false);
    await page.fill("#deputy_again", "l-02");
    await page.fill("#deputy_text", "Ich bin einverstanden.");
    await page.setInputFiles("#deputy_file", SIGNED);
    await desk.press("Vertretung einsetzen");
    assert.match(await desk.done(), /Die Vertretung ist eingesetzt\. Eintrag \d+/);
    await see("lotse-deputy");
    const about = ["--participant", person.reference];
    const seen = await site.schleuse(ROLES.otherLotse, "lotse", "consent", "list", ...about);
    assert.equal(seen.length, 1, "the deputy sees the consent");
  }),

  "after a hand-over the participant is the other Lotse's alone": atDesk(async ({ site }, desk) => {
    const { page } = desk;
    const person = await desk.register("Wechselt");
    await desk.go(`${person.path}/leave`);
    await page.fill("#lotse", "l-02");
    await page.fill("#lotse_again", "l-20");
    await desk.press("Jetzt übergeben");
    assert.deepEqual(Object.keys(await desk.errors()), ["lotse_again"]);
    await page.fill("#lotse_again", "l-02");
    await desk.press("Jetzt übergeben");
    assert.equal(await desk.h1(), "Teilnehmende");
    assert.equal((await desk.go(person.path)).status(), 404);
    assert.equal(await known(site, ROLES.otherLotse, person), true);
    assert.equal(await known(site, ROLES.lotse, person), false);
  }),

  "a participation ends after a look at what that stops": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Geht");
    const reference = await desk.reference(person, JOBCENTER);
    await desk.given(person, [{ categories: ["gesundheit", "termine"] }]);
    await send(site, reference);
    await desk.go(`${person.path}/leave`);
    assert.match(await page.locator("main").innerText(), /1 wartende Nachrichten werden angehalten/);
    await see("lotse-end-preview");
    await desk.press("Teilnahme jetzt beenden");
    assert.match(await desk.done(), /Beendet\. 1 wartende Nachrichten wurden angehalten/);
    assert.match(await page.locator("main").innerText(), /Die Teilnahme ist beendet/);
    assert.equal(await page.getByRole("link", { name: "Einwilligung aufnehmen" }).count(), 0);
    await see("lotse-participant-ended");
    await assert.rejects(send(site, reference), /./);
  }),
};

export const tests = { ...tasks, ...course, ...leaving };
