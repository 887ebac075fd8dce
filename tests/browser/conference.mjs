// A Fallkonferenz at the Lotse's desk, from the plan to the review; the bodies answer with their own programs.

import assert from "node:assert/strict";
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REHA, atDesk } from "./desk.mjs";
import { download } from "./dpo.mjs";
import { HOSTILE, assertInert, hostileCalendar } from "./hostile.mjs";
import { DRV, JOBCENTER, KRANKENKASSE, ROLES } from "./site.mjs";

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
  "what the plan lacks stands beside its field": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const { person } = await prepared(desk, { kasse: false });
    await desk.go("/conferences");
    await see("conference-none");
    await desk.follow("Fallkonferenz planen");
    await see("conference-plan");
    await desk.press("Planen");
    const missing = Object.keys(await desk.errors()).sort();
    assert.deepEqual(missing, ["answer_by", "bodies", "convener", "day0", "participant", "place", "title0"]);
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
    await fill(page, { time0: "10:00", time1: "11:00" });
    await desk.press("Planen");
    assert.deepEqual(Object.keys(await desk.errors()), ["day1"], "a time without a day");
    await fill(page, { day1: "2001-01-01" });
    await unchecked(page, "#date_minutes0", "481");
    await unchecked(page, "#item_minutes1", "0");
    await page.uncheck("#categories1-wohnen");
    await desk.press("Planen");
    const wrong = await desk.errors();
    assert.deepEqual(Object.keys(wrong).sort(), ["categories1", "date_minutes0", "day1", "item_minutes1"]);
    assert.match(wrong.date_minutes0, /1 bis 480 Minuten/);
    assert.match(wrong.day1, /Vergangenheit/);
    assert.equal(await page.getAttribute("#date_minutes0", "max"), "480", "the browser says it, too");
    await fill(page, { day1: "2035-12-09", date_minutes0: "480", item_minutes1: "1" });
    await page.check("#categories1-wohnen");
    await withoutBroker(site, async () => {
      await desk.press("Planen");
      assert.equal(await desk.h1(), "Der Broker ist nicht erreichbar");
    });
    await desk.press("Noch einmal senden");
    await page.waitForURL(/\/conferences\/[0-9a-f]{32}$/);
    assert.match(await page.locator("main").innerText(), /Mietrückstand/, "nothing of the plan is lost");
  }),

  "about nobody has to be said, and leaves no data to name": atDesk(async (world, desk) => {
    const { page, see } = desk;
    const { person } = await prepared(desk, { kasse: false });
    await plan(desk, person);
    await page.selectOption("#participant", "nobody");
    await desk.press("Planen");
    const wrong = await desk.errors();
    assert.deepEqual(Object.keys(wrong).sort(), ["categories0", "categories1"]);
    assert.match(wrong.categories0, /über niemanden/);
    assert.ok(await page.isChecked("#categories0-gesundheit"), "what was ticked is still there");
    await see("conference-nobody");
    // Whoever is not in the list any more is not taken for nobody.
    await desk.go(`/conferences/new?participant=${"b".repeat(26)}`);
    assert.equal(await page.inputValue("#participant"), "");
  }),

  "an item goes only to the bodies that it is for": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const { person } = await prepared(desk);
    await plan(desk, person);
    const box = (number, body) => `[id="for${number}-${body}"]`;
    assert.equal(await page.locator(box(0, REHA)).count(), 0);
    for (const one of [REHA, KASSE]) await page.uncheck(`[id="bodies-${one}"]`);
    await desk.press("Punkte einzeln zuteilen");
    assert.deepEqual(Object.keys(await desk.errors()), ["bodies"], "among whom?");
    await desk.press("Planen");
    assert.deepEqual(Object.keys(await desk.errors()), ["bodies"]);
    for (const one of [REHA, KASSE]) await page.check(`[id="bodies-${one}"]`);
    await desk.press("Punkte einzeln zuteilen");
    for (const number of [0, 1]) {
      for (const one of [REHA, KASSE]) assert.ok(await page.isChecked(box(number, one)), `${number} ${one}`);
    }
    assert.equal(await page.inputValue("#notes0"), "Bericht mitbringen");
    for (const one of [REHA, KASSE]) await page.uncheck(box(0, one));
    await page.uncheck(box(1, REHA));
    await desk.press("Planen");
    assert.deepEqual(Object.keys(await desk.errors()), ["for0"]);
    await page.check(box(0, REHA));
    await page.uncheck(`[id="bodies-${KASSE}"]`);
    await desk.press("Planen");
    assert.deepEqual(Object.keys(await desk.errors()).sort(), ["bodies"]);
    assert.equal(await page.locator(box(0, KASSE)).count(), 0);
    // Nobody is invited, then both again: what was narrowed stays so, and who comes anew has nothing.
    await page.uncheck(`[id="bodies-${REHA}"]`);
    await desk.press("Planen");
    assert.deepEqual(Object.keys(await desk.errors()), ["bodies"]);
    for (const one of [REHA, KASSE]) await page.check(`[id="bodies-${one}"]`);
    await desk.press("Planen");
    assert.deepEqual(Object.keys(await desk.errors()).sort(), ["bodies"]);
    const ticked = async (one) => [await page.isChecked(box(0, one)), await page.isChecked(box(1, one))];
    assert.deepEqual([await ticked(REHA), await ticked(KASSE)], [[true, false], [false, false]]);
    await page.check(box(1, KASSE));
    await see("conference-shared");
    await desk.press("Planen");
    await page.waitForURL(/\/conferences\/[0-9a-f]{32}$/);
    const id = page.url().match(/[0-9a-f]{32}$/)[0];
    await desk.press("Einladen");
    assert.match(await desk.done(), /4 Nachrichten angenommen/);
    assert.deepEqual(await shares(page), ["✓ bekommt ihn", "– nicht vorgesehen", "– nicht vorgesehen", "✓ bekommt ihn"]);
    assert.equal((await take(site, DRV, "reha-beratung", id)).length, 2);
    const theirs = await body(site, DRV, "show", "--conference", id);
    assert.deepEqual(theirs.items.map(({ title: name }) => name), ["Begutachtung"]);
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
    await page.selectOption("#cancel_reason", { label: "es hat sich erledigt" });
    await desk.press("Absagen");
    assert.match(await page.locator(".head .chip").first().innerText(), /abgesagt/);
    assert.equal(await page.locator("main form").count(), 0, "nothing is to be done any more");
    const back = await download(page, page.getByRole("link", { name: /aus dem Kalender nehmen/ }));
    assert.match(back.text, /METHOD:CANCEL/, "the date does not stay in calendars");
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

  "corrected minutes begin with what was agreed, and lose nothing of it": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const { person } = await prepared(desk);
    const id = await fixed(desk, person);
    await desk.follow(/Protokoll schreiben.*Mietrückstand/);
    assert.equal(await page.locator("#correction").count(), 0);
    await page.fill("#text", "Die Raten sind vereinbahrt.");
    const parties = [`${OWN}/lotse`, REHA, KASSE, KASSE];
    for (const [number, who] of parties.entries()) {
      if (number > 0) await desk.press("Weitere Vereinbarung");
      await page.selectOption(`#who${number}`, who);
      await fill(page, { [`what${number}`]: `Aufgabe ${number + 1}`, [`until${number}`]: "2035-12-31" });
    }
    await desk.press("Protokoll senden");
    assert.match(await desk.done(), /2 Nachrichten angenommen/);
    const mine = sheet(page, "Mietrückstand");
    // Later than agreed is a day after the agreed one.
    await open(page, /^Verspätung melden: Aufgabe 1/);
    await page.locator("input[id^=late-]").fill("2035-12-31");
    await desk.press(/^Verspätung melden/);
    assert.match(Object.values(await desk.errors())[0], /nach dem vereinbarten/);
    await see("conference-late-problem");
    await page.locator("input[id^=late-]").fill("2036-01-31");
    await page.locator("input[id^=why-]").fill("Der Vermieter antwortet nicht.");
    await desk.press(/^Verspätung melden/);
    assert.match(await desk.done(), /2 Nachrichten angenommen/);
    const announced = /angekündigt [^:]*: Aufgabe 1 \(Bis 31\.12\.2035\) jetzt angekündigt bis 31\.01\.2036: Der Vermieter antwortet nicht\./i;
    assert.match(await plainly(mine), announced);
    // The own one is kept here, that of a body there.
    await open(page, /^Als erfüllt melden: Aufgabe 1/);
    await desk.press(/^Als erfüllt melden/);
    const problems = await desk.errors();
    assert.match(Object.values(problems)[0], /Tag/);
    await see("conference-kept-problem");
    await page.locator("input[id^=kept-]").fill("2020-01-31");
    await desk.press(/^Als erfüllt melden/);
    assert.match(await desk.done(), /2 Nachrichten angenommen/);
    await take(site, DRV, "reha-beratung", id);
    const theirs = await body(site, DRV, "show", "--conference", id);
    const agreed = theirs.items.flatMap(({ agreements }) => agreements).find(({ what }) => what === "Aufgabe 2");
    await body(site, DRV, "agreement", "--conference", id, "--agreement", agreed.agreement, "--kept", "2020-01-31");
    await fetched(desk, 1);
    await desk.go(`/conferences/${id}`);
    const before = (await plainly(mine)).match(/(erfüllt|offen) [^:]*: Aufgabe \d/g);
    assert.deepEqual(before.map((one) => one.split(" ")[0]), ["erfüllt", "erfüllt", "offen", "offen"]);
    await desk.follow(/Protokoll berichtigen.*Mietrückstand/);
    assert.match(await page.locator("#correction").innerText(), /Sie berichtigen Fassung 1/);
    assert.equal(await page.inputValue("#text"), "Die Raten sind vereinbahrt.");
    for (const [number, who] of parties.entries()) {
      assert.equal(await page.inputValue(`#who${number}`), who);
      assert.equal(await page.inputValue(`#what${number}`), `Aufgabe ${number + 1}`);
      assert.equal(await page.inputValue(`#until${number}`), "2035-12-31");
    }
    await see("conference-minutes-correct");
    await page.fill("#text", "Die Raten sind vereinbart.");
    await page.check("#drop3");
    await desk.press("Protokoll senden");
    assert.match(await desk.done(), /2 Nachrichten angenommen/);
    const after = await plainly(mine);
    assert.match(after, /Protokoll, Fassung 2 Die Raten sind vereinbart\./);
    assert.deepEqual(after.match(/(erfüllt|offen) [^:]*: Aufgabe \d/g), before.slice(0, 3), "one was taken out");
    // A page that is older than the newest minutes replaces nothing.
    await desk.follow(/Protokoll berichtigen.*Mietrückstand/);
    await page.locator("input[name=version]").evaluate((one) => { one.value = "1"; });
    await page.fill("#text", "Aus einem alten Fenster.");
    await desk.press("Protokoll senden");
    assert.match((await desk.errors()).text, /neuere Fassung/);
    assert.equal(await page.inputValue("#text"), "Aus einem alten Fenster.");
  }),

  "what was typed is not lost, whoever refuses it": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const { person, drv } = await prepared(desk);
    const id = await fixed(desk, person);
    await desk.follow(/Protokoll schreiben.*Begutachtung/);
    await fill(page, { text: "Lange getippt.", what0: "Bericht", until0: "2035-12-31" });
    // A body that does not hold the item is not offered; who offers it to themselves is told.
    await page.locator("#who0").evaluate((one, who) => one.append(new Option(who, who, true, true)), KASSE);
    await page.selectOption("#who0", KASSE);
    await desk.press("Protokoll senden");
    assert.match((await desk.errors()).who0, /hat den Punkt nicht/);
    assert.equal(await page.inputValue("#text"), "Lange getippt.");
    assert.equal(await page.inputValue("#what0"), "Bericht");
    await page.selectOption("#who0", REHA);
    await withoutBroker(site, async () => {
      await desk.press("Protokoll senden");
      assert.equal(await desk.h1(), "Der Broker ist nicht erreichbar");
      assert.match(await page.locator("main").innerText(), /Es wurde nichts gesendet/);
      assert.equal(await page.inputValue("#text"), "Lange getippt.");
      assert.ok(!(await page.locator("main").innerText()).includes(person.name), "whose it is, nobody can be asked");
      await see("conference-unsent");
    });
    await desk.press("Noch einmal senden");
    assert.match(await desk.done(), /1 Nachricht angenommen/);
    assert.match(await plainly(sheet(page, "Begutachtung")), /Lange getippt\. .*Bericht \(Bis .*31\.12\.2035/);
    // Its only body is told nothing of it any more, as another window finds: nobody would receive minutes.
    await desk.follow(/Protokoll berichtigen.*Begutachtung/);
    await page.fill("#text", "Für niemanden.");
    await site.schleuse(ROLES.lotse, "lotse", "consent", "revoke", "--consent", drv.id, "--yes");
    const other = await page.context().newPage();
    await other.goto(`${desk.base}/conferences/${id}`);
    await other.getByRole("button", { name: "Einwilligungen neu prüfen" }).click();
    await other.locator(".note.good").waitFor();
    assert.match(await plainly(sheet(other, "Begutachtung")), /hat keine Stelle/);
    assert.equal(await other.getByRole("link", { name: /Begutachtung/ }).count(), 0, "there is nothing to write");
    await other.close();
    await desk.press("Protokoll senden");
    const refused = await desk.errors();
    assert.match(refused.text, /hat keine Stelle/);
    assert.match(refused.who0, /hat den Punkt nicht/);
    assert.equal(await page.inputValue("#text"), "Für niemanden.");
    assert.equal(await page.inputValue("#what0"), "Bericht");
  }),

  "a file that cannot be read hides no other conference": atDesk(async ({ site, companion }, desk) => {
    const { page, see } = desk;
    const { person } = await prepared(desk);
    const [broken, good] = [await planned(desk, person), await planned(desk, person)];
    for (const id of [broken, good]) {
      await desk.go(`/conferences/${id}`);
      await desk.press("Einladen");
      await take(site, DRV, "reha-beratung", id);
      await body(site, DRV, "answer", "--conference", id, "--accept", FIRST);
    }
    const file = join(companion.folder, "own", "conferences", `${broken}.json`);
    renameSync(file, `${file}.kept`);
    writeFileSync(file, "{", { mode: 0o600 });
    chmodSync(file, 0o600);
    await fetched(desk, 1);
    assert.match(await page.locator("#unreadable").innerText(), new RegExp(`1 Datei.*${broken}\\.json`, "s"));
    assert.match(await page.locator("#held-back").innerText(), new RegExp(`1 Nachricht.*${broken}`, "s"));
    assert.equal(await page.locator("tbody tr").count(), 1, "the other one is there");
    await see("conference-unreadable");
    const answer = await desk.go(`/conferences/${broken}`);
    assert.equal(answer.status(), 500, "it is there, and cannot be read");
    await desk.go(`/conferences/${good}`);
    assert.match(await plainly(page.locator("ul.rows").first()), /sagt zu/);
    renameSync(`${file}.kept`, file);
    await desk.go("/conferences");
    assert.equal(await page.locator("#unreadable").count(), 0);
  }),

  "where another body invites, the Lotse answers, confirms and keeps": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    await site.publish(OWN, "Lotsenstelle", "lotse=Lotsenstelle");
    const person = await desk.register("Gisela Gast");
    const reference = await desk.reference(person, JOBCENTER);
    const both = { purpose: "fallkonferenz", categories: ["termine", "wohnen"] };
    await desk.given(person, [
      { from: [JOBCENTER], to: `${OWN}/lotse`, ...both }, { from: [OWN], to: `${JOBCENTER}/fallmanagement`, ...both },
    ]);
    const id = await convened(site, reference);
    await fetched(desk, 2);
    await see("conference-list-guest");
    await desk.follow(person.name);
    await see("conference-guest");
    await assertInert(page, "an invitation of another body");
    const buttons = await page.locator("main button").allInnerTexts();
    for (const none of ["Einladen", "Beim Broker nachfragen", "Einwilligungen neu prüfen", "Termin festlegen", "Absagen"]) {
      assert.ok(!buttons.includes(none), `${none} is the convener's`);
    }
    await answered(desk, id);
    const theirs = (...more) => body(site, JOBCENTER, ...more, "--conference", id);
    await theirs("fix", "--date", FIRST, "--place", PLACE);
    const [item] = (await theirs("show")).items;
    const text = site.file("minutes.toml", `text = ${JSON.stringify(HOSTILE.script)}
[[agreement]]
who = "${OWN}/lotse"
what = ${JSON.stringify(HOSTILE.markup.slice(0, 200))}
until = "2035-12-31"
`);
    await body(site, JOBCENTER, "minutes", "--conference", id, "--item", item.item, text);
    await fetched(desk, 2);
    await desk.go(`/conferences/${id}`);
    assert.match(await page.locator(".head .chip").first().innerText(), /steht fest/);
    await assertInert(page, "minutes of another body");
    await hostileCalendar(page);
    await see("conference-guest-minutes");
    await kept(desk, theirs);
    await theirs("cancel", "--reason", "settled");
    await fetched(desk, 1);
    await desk.go(`/conferences/${id}`);
    assert.equal(await page.locator("form[action*='/answer']").count(), 0, "there is nothing to answer any more");
  }),
};

/// A place that would forge lines of a calendar.
const PLACE = "Raum 3\r\nATTENDEE:mailto:evil@example.org\r\nX-HURT;A=\"B\":c,d <script>window.hurt=1</script>";

/// A conference of the Jobcenter's to which the Lotse is invited.
async function convened(site, reference) {
  const plan = site.file("plan.toml", `convener = "${JOBCENTER}/fallmanagement"
bodies = [ "${OWN}/lotse" ]
place = ${JSON.stringify(PLACE)}
answer_by = "2035-12-01"
[[date]]
starts_at = "${FIRST}"
minutes = 60
[[date]]
starts_at = "2035-12-09T09:00:00Z"
minutes = 60
[[item]]
title = ${JSON.stringify(HOSTILE.closing.slice(0, 200))}
notes = ${JSON.stringify(HOSTILE.script)}
categories = [ "wohnen" ]
minutes = 15
`);
  const { conference } = await body(site, JOBCENTER, "plan", plan, "--participant", reference);
  await body(site, JOBCENTER, "invite", "--conference", conference);
  return conference;
}

/// Each way to answer; the last word counts.
async function answered(desk, id) {
  const { page, site, see } = desk;
  const reply = async () => {
    await take(site, JOBCENTER, "fallmanagement", id);
    const { bodies } = await body(site, JOBCENTER, "show", "--conference", id);
    return JSON.stringify(bodies);
  };
  await desk.press("Zusagen");
  assert.deepEqual(Object.keys(await desk.errors()), ["dates"]);
  await see("conference-guest-problems");
  await page.locator("input[name=dates]").first().check();
  await desk.press("Zusagen");
  assert.match(await desk.done(), /1 Nachricht angenommen/);
  assert.match(await reply(), /accept/i);
  assert.match(await plainly(page.locator("dl.facts")), /Ihre Antwort sagt zu: .*08\.12\.2035/);
  await open(page, "Nicht teilnehmen");
  const other = await page.locator("#decline option", { hasText: "anderer Grund" }).getAttribute("value");
  await page.selectOption("#decline", other);
  await desk.press("Nicht teilnehmen");
  assert.deepEqual(Object.keys(await desk.errors()), ["text"]);
  await page.fill("#text", "Es eilt nicht.");
  await desk.press("Nicht teilnehmen");
  assert.match(await reply(), /declin.*Es eilt nicht/i);
  await open(page, "Andere Termine vorschlagen");
  await fill(page, { day0: "2035-12-10", time0: "09:00" });
  await unchecked(page, "#date_minutes0", "500");
  await desk.press("Andere Termine vorschlagen");
  assert.deepEqual(Object.keys(await desk.errors()), ["date_minutes0"]);
  await page.fill("#date_minutes0", "45");
  await desk.press("Andere Termine vorschlagen");
  assert.match(await reply(), /propos/i);
  assert.match(await plainly(page.locator("dl.facts")), /Ihre Antwort schlägt vor: .*10\.12\.2035/);
}

/// Objects to minutes, confirms them, and reports the own agreement late, then kept.
async function kept(desk, theirs) {
  const { page, site } = desk;
  const heard = async () => {
    const shown = await theirs("show");
    await take(site, JOBCENTER, "fallmanagement", shown.conference);
    return theirs("show");
  };
  await open(page, "Einwand erheben");
  await desk.press(/^Einwand erheben/);
  assert.match(Object.values(await desk.errors())[0], /was nicht stimmt/);
  await page.locator("textarea").fill("Das war anders.");
  await desk.press(/^Einwand erheben/);
  assert.match(JSON.stringify(await heard()), /Das war anders/);
  await desk.press(/^Protokoll bestätigen/);
  assert.match(await desk.done(), /1 Nachricht angenommen/);
  const [{ confirmations }] = (await heard()).items;
  assert.ok(!JSON.stringify(confirmations).includes("Das war anders"), "the last word counts");
  await page.locator("summary", { hasText: "Verspätung melden" }).click();
  await page.locator("input[id^=late-]").fill("2040-01-31");
  await unchecked(page, "input[id^=why-]", "x".repeat(501));
  await desk.press(/^Verspätung melden/);
  assert.match(Object.values(await desk.errors())[0], /Höchstens 500 Zeichen/);
  await page.locator("input[id^=why-]").fill("=Der Vermieter <b>antwortet</b> nicht.");
  await desk.press(/^Verspätung melden/);
  assert.match(await desk.done(), /1 Nachricht angenommen/);
  assert.match(JSON.stringify((await heard()).items), /2040-01-31T23:00:00.*=Der Vermieter <b>/);
  await page.locator("summary", { hasText: "Als erfüllt melden" }).click();
  await page.locator("input[id^=kept-]").fill("2020-01-31");
  await desk.press(/^Als erfüllt melden/);
  assert.match(await desk.done(), /1 Nachricht angenommen/);
  assert.match(JSON.stringify((await heard()).items), /2020-01-30T23:00:00/);
}

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

/// Types into a field what its browser would not take.
async function unchecked(page, field, value) {
  await page.locator(field).evaluate((one) => {
    one.form.noValidate = true;
    one.removeAttribute("maxlength");
  });
  await page.fill(field, value);
}

const options = (page, field) => page.locator(`${field} option`).evaluateAll((all) => all.map((one) => one.value));

/// The sheet of an item.
const sheet = (page, title) =>
  page.locator("section.sheet").filter({ has: page.getByRole("heading", { name: title, exact: true }) });

const plainly = async (locator) => (await locator.innerText()).replaceAll(/\s+/g, " ");

async function minutes(desk, id) {
  const { page, site, see } = desk;
  await desk.follow(/Protokoll schreiben.*Begutachtung/);
  assert.deepEqual(await options(page, "#who0"), ["", `${OWN}/lotse`, REHA], "who holds the item, and nobody else");
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
  assert.match(await desk.done(), /1 Nachricht angenommen, 0 nicht gedeckt/);
  const written = await plainly(sheet(page, "Begutachtung"));
  assert.match(written, /Protokoll, Fassung 1 Der Antrag wird geprüft\./);
  assert.match(written, /offen .*: Antrag prüfen \(Bis .*31\.12\.2035\)/);
  await see("conference-minutes");
  await take(site, DRV, "reha-beratung", id);
  assert.match(JSON.stringify(await body(site, DRV, "show", "--conference", id)), /Antrag prüfen/);
  await confirmed(desk, id);
}

/// The body confirms the minutes; that stands beside them once the Lotse has fetched it.
async function confirmed(desk, id) {
  const { page, site, see } = desk;
  const minutes = sheet(page, "Begutachtung");
  assert.doesNotMatch(await minutes.innerText(), /: bestätigt/, "nobody has confirmed them yet");
  const item = (await minutes.getAttribute("id")).replace("item-", "");
  await body(site, DRV, "confirm", "--conference", id, "--item", item);
  await fetched(desk, 1);
  await desk.go(`/conferences/${id}`);
  assert.match(await minutes.innerText(), /Rentenversicherung.*: bestätigt|DRV.*: bestätigt/);
  await see("conference-minutes-confirmed");
}

/// Fetches answers for the Lotse's function.
async function fetched(desk, count) {
  await desk.go("/conferences");
  await desk.page.selectOption("#function", "lotse");
  await desk.press("Antworten holen");
  assert.match(await desk.done(), new RegExp(`^✓ ${count} Nachricht(en)? übernommen\\.`));
}

async function moved(desk) {
  const { page, see } = desk;
  await open(page, "Verlegen");
  await desk.press("Verlegen");
  assert.deepEqual(Object.keys(await desk.errors()), ["day0"]);
  await see("conference-move-problems");
  await fill(page, { day0: "2036-01-10", time0: "11:30", day1: "2036-01-11" });
  await unchecked(page, "#date_minutes0", "600");
  await page.selectOption("#move_reason", { label: "Unterlagen fehlen" });
  await desk.press("Verlegen");
  assert.deepEqual(Object.keys(await desk.errors()).sort(), ["date_minutes0", "day1"]);
  const typed = { day0: "2036-01-10", time0: "11:30", day1: "2036-01-11", date_minutes0: "600" };
  for (const [name, value] of Object.entries(typed)) assert.equal(await page.inputValue(`#${name}`), value, name);
  assert.equal(await page.locator("#move_reason option:checked").innerText(), "Unterlagen fehlen");
  assert.ok(await page.locator("#day0").isVisible(), "the form is open");
  await fill(page, { date_minutes0: "60", time1: "10:00" });
  await desk.press("Verlegen");
  assert.deepEqual(Object.keys(await desk.errors()), ["answer_by"], "several dates are answered");
  await fill(page, { day1: "", time1: "" });
  await desk.press("Verlegen");
  assert.match(await desk.done(), /Nachrichten angenommen/);
  assert.match((await page.locator("dl.facts").first().innerText()), /10\.01\.2036/);
  await see("conference-moved");
}

/// A conference with both bodies whose date is fixed.
async function fixed(desk, person) {
  const id = await planned(desk, person);
  await desk.press("Einladen");
  await desk.press("Termin festlegen");
  for (const [agency, name] of [[DRV, "reha-beratung"], [KRANKENKASSE, "krankengeld"]]) {
    await take(desk.site, agency, name, id);
  }
  return id;
}

/// A form whose conference cannot be opened, because the broker is away.
async function withoutBroker(site, action) {
  const path = join(site.folder, "broker.toml");
  const before = readFileSync(path, "utf8");
  // It comes back where it was.
  writeFileSync(path, before.replace('listen = "127.0.0.1:0"', `listen = "${site.address}"`));
  await site.stop();
  try {
    await action();
  } finally {
    await site.start();
    writeFileSync(path, before);
  }
}
