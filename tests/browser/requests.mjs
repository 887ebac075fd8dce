// What is to be done at the Lotse's desk, who received what, and what stands beside consents.

import assert from "node:assert/strict";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REHA, SIGNED, atDesk, log, send } from "./desk.mjs";
import { DRV, JOBCENTER, ROLES, Site } from "./site.mjs";

/// The Lotse's book of names.
const bookOf = ({ companion }) => join(companion.folder, "own", "participants.json");

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
    await page.waitForURL(/\/consents\/[0-9a-f]{32}$/);
    await desk.go();
    await items(desk, person).first().getByRole("link", { name: /Verlängern/ }).click();
    await page.waitForURL(/\/renew$/);
    await desk.press(/Vorlesen/);
    await desk.press(/Unterschrieben/);
    await desk.press("Jetzt verlängern");
    assert.match(await desk.done(), /Verlängert/);
    await desk.go();
    assert.equal(await items(desk, person).count(), 0, "and is done");
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

/// Most tasks of one answer of the broker, and of one page.
const LISTED = 1000;
const PAGE = 50;

/// A consent of the other Lotse's with so many grants, which all end in some days.
async function endsSoon(site, person, grants, days) {
  const table = `[[grant]]\nfrom = ["${JOBCENTER}"]\nto = "${REHA}"\npurpose = "unterlagen"\n` +
    `categories = ["termine"]\nmonths = 12\n`;
  const about = ["--participant", person.reference];
  const text = ["--text", site.file("consent.txt", "Text"), "--text-version", "2026-1"];
  const given = ["--grants", site.file("grants.toml", table.repeat(grants)), ...text];
  const { consent } = await site.schleuse(ROLES.otherLotse, "lotse", "consent", "record", ...about, ...given);
  const until = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const narrower = ["--consent", consent, "--until", until, "--yes"];
  await site.schleuse(ROLES.otherLotse, "lotse", "consent", "narrow", ...about, ...narrower);
  return { id: consent, path: `${person.path}/consents/${consent}` };
}

const rows = (page) => page.locator("main ul.rows > li").count();

const many = {
  "of more tasks than a page or an answer of the broker holds none is denied": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const much = await desk.register("Mit vielem");
    const later = await desk.register("Später dran");
    const nothing = await desk.register("Ohne Aufgabe");
    await endsSoon(site, much, 60, 10);
    await desk.go();
    const told = page.locator("main > p strong");
    assert.equal(await told.innerText(), "60 Aufgaben");
    assert.match(await page.locator("nav.pages").innerText(), /Seite 1 von 2/);
    assert.equal(await rows(page), PAGE);
    await see("lotse-today-page");
    await desk.follow("Nächste Seite");
    assert.equal(await rows(page), 60 - PAGE);
    assert.equal(await page.getByRole("link", { name: "Nächste Seite" }).count(), 0);
    for (let sum = 60; sum < LISTED; sum += 64) await endsSoon(site, much, 64, 10);
    await endsSoon(site, later, 1, 20);
    await desk.go();
    assert.equal(await told.innerText(), `Mehr als ${LISTED} Aufgaben`);
    await see("lotse-today-cut");
    await desk.go(`/?page=${LISTED / PAGE}`);
    assert.match(await page.locator("nav.pages").innerText(), /Seite 20 von 20/);
    assert.doesNotMatch(await page.locator("main").innerText(), /Später dran/, "so that what follows can fail");
    await desk.go(later.path);
    assert.match(await page.locator("main").innerText(), /Eine Erlaubnis läuft aus/);
    await desk.go(nothing.path);
    assert.match(await page.locator("main").innerText(), /Für diese Person ist nichts offen/);
    await desk.go("/participants");
    const row = (person) => page.locator("tbody tr", { hasText: person.name }).innerText();
    assert.match(await row(much), /bis \d\d\.\d\d\.\d{4}.*\s+1000 Aufgaben/);
    assert.match(await row(later), /nicht bekannt/);
    assert.match(await page.locator(".note").innerText(), /mehr Aufgaben, als der Broker auf einmal nennt/);
    await see("lotse-participants-cut");
    await desk.go("/deadlines");
    assert.match(await page.locator(".note").innerText(), /nur bis \d\d\.\d\d\.\d{4}/);
    await see("lotse-deadlines-cut");
  }, { role: "otherLotse" }),

  "the next deadlines of all stand on one page, the nearest first": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    await desk.go();
    await desk.follow("Fristen");
    const due = await page.locator("tbody th").allInnerTexts();
    const days = due.map((words) => words.match(/(\d\d)\.(\d\d)\.(\d{4})/).slice(1).reverse().join("-"));
    assert.ok(days.length > 0);
    assert.deepEqual(days, [...days].sort());
    const review = page.locator(`tbody a[href$="/consents/${site.reviewed.consent}"]`);
    assert.match(await review.innerText(), /Durchsicht einer Einwilligung/);
    assert.match(await page.locator("main").innerText(), /§ 14 SGB IX/);
    await see("lotse-deadlines-all");
    await Promise.all([page.waitForEvent("load"), review.click()]);
    assert.match(await page.locator("h1").innerText(), /^Einwilligung/);
  }),
};

/// Runs a test on a site of its own.
const onSite = (make, test) => async (world) => {
  const site = await make(world.site.binaries);
  try {
    await test({ ...world, site });
  } finally {
    await site.stop();
  }
};

const forgotten = {
  "a consent whose review was forgotten is suspended, until it is confirmed": onSite(
    Site.withForgottenReview, atDesk(async ({ site }, desk) => {
      const { page, see } = desk;
      const { participant, consent } = site.reviewed;
      await desk.go();
      const item = page.locator("ul.rows > li", { hasText: "Durchsicht einer Einwilligung" });
      assert.match(await item.innerText(), /überfällig seit \d\d\.\d\d\.\d{4}/);
      await see("lotse-today-forgotten");
      await desk.go(`/participants/${participant}`);
      assert.match(await page.locator("table.matrix td .chip").first().innerText(), /ruht/);
      await desk.go(`/participants/${participant}/consents/${consent}`);
      assert.match(await page.locator("main").innerText(), /Durchsicht versäumt: die Einwilligung ruht/);
      await see("lotse-review-forgotten");
      const reference = await desk.reference({ reference: participant }, JOBCENTER);
      await assert.rejects(send(site, reference, { category: "termine" }), /./, "it covers nothing");
      await desk.press("Durchsicht bestätigen");
      assert.match(await desk.done(), /Bestätigt/);
      assert.match(await page.locator("h1 .chip").innerText(), /gilt/);
      assert.doesNotMatch(await page.locator("main").innerText(), /Durchsicht versäumt/);
      await send(site, reference, { category: "termine" });
    }),
  ),
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
    assert.match(await page.locator("ol.rows").innerText(), /Einwilligungen angesehen/, "what the broker notes, in words");
    await desk.press(/Auskunft für die Person/);
    await see("lotse-report");
    assert.equal(await page.locator("script, iframe, form, img").count(), 0);
    const report = await page.locator("body").innerText();
    assert.match(report, /Auskunft/);
    assert.match(report, /Rentenversicherung/);
    assert.ok(report.includes(person.name), "the Lotse's machine knows whom it is about");
    assert.doesNotMatch(report, /listed by|looked at/, "reasons are in German");
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
    assert.match(await page.locator("main").innerText(), /1 wartende Nachricht wird angehalten/);
    await see("lotse-objection-preview");
    await desk.press("Widerspruch jetzt aufzeichnen");
    assert.match(await desk.done(), /1 wartende Nachricht wurde angehalten/);
    await see("lotse-safeguards");
    await desk.go(person.path);
    assert.match(await page.locator("table.matrix").innerText(), /Widerspruch/);
    await assert.rejects(send(site, reference), /./, "not covered any more");
    await desk.go(`${person.path}/safeguards`);
    await desk.press(/^Zurücknehmen/, "link");
    assert.match(await page.locator("main").innerText(), /Nicht diese Daten\s+Gesundheit/);
    await see("lotse-objection-end");
    await assert.rejects(send(site, reference), /./, "a look changes nothing");
    await desk.press("Jetzt zurücknehmen");
    assert.match(await desk.done(), /Zurückgenommen/);
    await send(site, reference);
    await desk.go(`${person.path}/safeguards`);
    const said = await page.locator("main").innerText();
    assert.ok(/zurückgenommen/.test(said) && !/widerrufen/.test(said), "an objection is no consent");
  }),

  "a restriction is seen although there is no consent, and lifted": atDesk(async (_, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Eingeschränkt");
    await desk.go(`${person.path}/safeguards`);
    await desk.press("Jetzt einschränken");
    assert.match(await desk.done(), /Eingeschränkt.*Eintrag \d+/);
    assert.equal(await page.getByRole("button", { name: "Jetzt einschränken" }).count(), 0);
    await see("lotse-restricted");
    await desk.go(person.path);
    assert.match(await page.locator("main").innerText(), /Die Verarbeitung ist eingeschränkt/);
    await desk.go(`${person.path}/safeguards`);
    await openOne(page, "Einschränkung aufheben");
    await desk.press("Jetzt aufheben");
    assert.match(await desk.done(), /Die Einschränkung ist aufgehoben/);
    await desk.go(person.path);
    assert.doesNotMatch(await page.locator("main").innerText(), /eingeschränkt/);
  }),

  "a book of names that cannot be read stops no revocation": atDesk(async (world, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Name im Buch");
    const consent = await desk.given(person, [{ categories: ["termine"] }]);
    chmodSync(bookOf(world), 0o644);
    await desk.go(`${consent.path}/revoke`);
    assert.match(await page.locator("main").innerText(), /Namen nicht lesbar/);
    await desk.press("Jetzt widerrufen");
    assert.match(await desk.done(), /Widerrufen\. Ab jetzt/);
    await desk.go("/participants");
    assert.match(await page.locator("main").textContent(), /Eine Datei auf diesem Rechner[^]*chmod 600/);
    await see("lotse-book-unreadable");
    chmodSync(bookOf(world), 0o600);
    await desk.go(person.path);
    assert.equal(await desk.h1(), person.name);
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
    await desk.press(/^Widerrufen/, "link");
    assert.match(await page.locator("main").innerText(), /0 wartende Nachrichten werden angehalten/);
    await see("lotse-release-end");
    await desk.press("Jetzt widerrufen");
    assert.match(await desk.done(), /^✓ Widerrufen/);
    assert.equal(await page.getByRole("link", { name: "Widerrufen" }).count(), 0);
  }),
};

const known = async (site, role, person) =>
  JSON.stringify(await site.schleuse(role, "lotse", "participant", "list")).includes(person.reference);

async function appoint(desk, person) {
  const { page } = desk;
  await desk.go(`${person.path}/leave`);
  await page.fill("#deputy", "l-02");
  await page.fill("#deputy_again", "l-02");
  await page.fill("#deputy_text", "Ich bin einverstanden.");
  await page.setInputFiles("#deputy_file", SIGNED);
  await desk.press("Vertretung einsetzen");
  assert.match(await desk.done(), /Die Vertretung ist eingesetzt/);
}

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

  "a deputy sees what is to be done": atDesk(async (world, desk) => {
    const { site } = desk;
    const person = await desk.register("In Vertretung");
    const reference = await desk.reference(person, JOBCENTER);
    await ask(site, reference, "gesundheit");
    const other = atDesk(async (_, deputy) => {
      await deputy.go();
      const open = deputy.page.locator("ul.rows > li", { hasText: person.reference });
      const before = await open.count();
      await appoint(desk, person);
      await deputy.go(`/participants/${person.reference}`);
      assert.doesNotMatch(await deputy.page.locator("main").innerText(), /Für diese Person ist nichts offen/);
      await deputy.go();
      const items = deputy.page.locator("ul.rows > li", { has: deputy.page.locator(`a[href*="${person.reference}"]`) });
      assert.deepEqual([before, await items.count()], [0, 1]);
      await deputy.see("lotse-today-deputy");
      await items.locator("summary").click();
      await deputy.page.locator("ul.rows > li", { has: deputy.page.locator(`a[href*="${person.reference}"]`) })
        .getByRole("button").first().click();
      assert.match(await deputy.done(), /^✓ Erledigt/);
      assert.equal(await items.count(), 0);
    }, { role: "otherLotse" });
    await other(world);
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
    assert.match(await desk.done(), /Die Person ist übergeben\. Eintrag \d+/);
    assert.equal((await desk.go(person.path)).status(), 404);
    assert.equal(await known(site, ROLES.otherLotse, person), true);
    assert.equal(await known(site, ROLES.lotse, person), false);
  }),

  "names of those who are handed over are deleted from this machine": atDesk(async (world, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Bleibt nicht hier");
    const other = await desk.register("Bleibt hier");
    await desk.go("/kept");
    assert.match(await page.locator("main").innerText(), /Hier steht nichts/);
    const answer = await page.request.post(`${desk.base}/kept`, {
      form: { participant: other.reference }, headers: { origin: world.companion.origin, "sec-fetch-site": "same-origin" },
    });
    assert.equal(answer.status(), 404, "nobody who is still looked after");
    await desk.go(`${person.path}/leave`);
    await page.fill("#lotse", "l-02");
    await page.fill("#lotse_again", "l-02");
    await desk.press("Jetzt übergeben");
    await desk.follow("Ansehen und löschen");
    assert.match(await page.locator("tbody").innerText(), /Bleibt nicht hier/);
    await see("lotse-kept");
    assert.ok(readFileSync(bookOf(world), "utf8").includes(person.name));
    await desk.press(/^Endgültig löschen.*Bleibt nicht hier/);
    assert.match(await desk.done(), /Name und eigene Fallkonferenzen .* gelöscht/);
    const book = readFileSync(bookOf(world), "utf8");
    assert.ok(!book.includes(person.name) && book.includes(other.name), book);
  }),

  "a participation ends after a look at what that stops": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Geht");
    const reference = await desk.reference(person, JOBCENTER);
    await desk.given(person, [{ categories: ["gesundheit", "termine"] }]);
    await besides(site, person);
    await ask(site, reference, "stammdaten");
    await send(site, reference);
    await desk.go(person.path);
    assert.match(await page.locator("main").innerText(), /24 Monate enden am/);
    await desk.go(`${person.path}/leave`);
    assert.match(await page.locator("main").innerText(), /1 wartende Nachricht wird angehalten/);
    await see("lotse-end-preview");
    await desk.press("Teilnahme jetzt beenden");
    assert.match(await desk.done(), /Beendet\. 1 wartende Nachricht wurde angehalten/);
    assert.match(await page.locator("main").innerText(), /Die Teilnahme ist beendet/);
    assert.equal(await page.getByRole("link", { name: "Einwilligung aufnehmen" }).count(), 0);
    assert.doesNotMatch(await page.locator("main").innerText(), /24 Monate enden am/);
    await see("lotse-participant-ended");
    await assert.rejects(send(site, reference), /./);
    await nothingIsRecorded(desk, person);
  }),
};

/// A place, a release, and an objection that stops nothing of what is sent.
async function besides(site, person) {
  const lotse = (...options) => site.schleuse(ROLES.lotse, "lotse", ...options, "--participant", person.reference);
  await lotse("participation", "set", "--phase", "contact", "--jobcenter", JOBCENTER);
  await lotse("objection", "record", "--purpose", "vertretung", "--yes");
  const text = ["--text", site.file("release.txt", "Ich entbinde."), "--text-version", "2026-1"];
  await lotse("release", "record", "--holder", `${JOBCENTER}/fallmanagement`, "--addressee", REHA,
    "--purpose", "unterlagen", "--category", "gesundheit", "--months", "12", ...text,
    "--evidence", site.file("release.pdf", "Unterschrieben"));
}

/// After the end nothing is said to hold, and nobody is led to sign what cannot be recorded.
async function nothingIsRecorded(desk, person) {
  const { page } = desk;
  await desk.go(`${person.path}/safeguards`);
  const chips = await page.locator("main ul.rows .chip").allInnerTexts();
  assert.ok(chips.length === 2 && chips.every((one) => /Teilnahme beendet/.test(one)), chips.join("; "));
  assert.equal(await page.getByRole("link", { name: /^Zurücknehmen/ }).count(), 0);
  assert.equal(await page.locator("form[action*='/release']").count(), 0);
  assert.equal(await page.getByRole("link", { name: /^Widerrufen/ }).count(), 1, "what was given can be taken back");
  await desk.see("lotse-safeguards-over");
  await desk.go();
  await items(desk, person).getByRole("link", { name: /Einwilligung vorbereiten/ }).click();
  await page.waitForURL(new RegExp(`${person.path}$`));
  assert.match(await page.locator("main").innerText(), /Die Teilnahme ist beendet/);
  await page.locator("ul.rows summary", { hasText: "Erledigt?" }).click();
  const button = page.getByRole("button", { name: "Nicht mehr nötig" });
  await Promise.all([page.waitForEvent("load"), button.click()]);
  assert.match(await desk.done(), /Erledigt/);
  assert.equal(await items(desk, person).count(), 0, "what was asked for can be closed");
}

export const tests = { ...many, ...tasks, ...forgotten, ...course, ...leaving };
