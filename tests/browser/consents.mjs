// Consents at the Lotse's desk: recorded, narrowed, confirmed, revoked; with a mouse, by keys alone, without scripts.

import assert from "node:assert/strict";
import { join } from "node:path";
import { CONTACT, REHA, SIGNED, atDesk, log, send } from "./desk.mjs";
import { tabTo } from "./plain.mjs";
import { Program } from "./program.mjs";
import { DRV, JOBCENTER, ROLES } from "./site.mjs";

export const title = "consents at the Lotse's desk";

const listed = async (site, { reference }) =>
  (await site.schleuse(ROLES.lotse, "lotse", "consent", "list", "--participant", reference));

const recording = {
  "a consent is recorded step by step, and each error stands beside its field": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Gerhard W.", "123-BG-7");
    await desk.follow("Einwilligung aufnehmen");
    await see("lotse-record-template");
    await page.selectOption("#template", { index: await index(page, "#template", "unterlagen") });
    await desk.press("Weiter");
    await see("lotse-record-grants");
    await page.fill("#valid_from", "2020-01-01");
    await desk.press(/Vorlesen/);
    assert.deepEqual(Object.keys(await desk.errors()), ["valid_from"]);
    assert.equal(await page.inputValue("#valid_from"), "2020-01-01", "what was typed stays");
    await page.fill("#valid_from", "");
    await page.selectOption("#representative", "betreuer");
    await desk.press(/Vorlesen/);
    const errors = await desk.errors();
    const expected = ["recipient0", "purpose0", "senders0", "categories0", "scope", "scope_categories"];
    assert.deepEqual(Object.keys(errors).sort(), expected.sort());
    assert.match(errors.recipient0, /wer bekommen darf/);
    assert.match(errors.senders0, /mindestens eine Stelle/);
    await see("lotse-record-problems");
    await page.selectOption("#representative", "");
    await page.selectOption("#recipient0", REHA);
    await page.selectOption("#purpose0", "unterlagen");
    await page.check(`[id="senders0-${JOBCENTER}"]`);
    for (const one of ["gesundheit", "termine"]) await page.check(`#categories0-${one}`);
    await desk.press(/Vorlesen/);
    const letter = await page.locator("article.letter").innerText();
    await namesWhatWasChosen(page, letter);
    await see("lotse-record-text");
    await letterAlone(page);
    await desk.press(/Unterschrieben/);
    await see("lotse-record-evidence");
    await desk.press("Einwilligung aufzeichnen");
    const refused = await desk.errors();
    assert.deepEqual(Object.keys(refused), ["file"], "health data without a file");
    assert.deepEqual((await listed(site, person)).length ?? 0, 0, "nothing is recorded");
    await see("lotse-record-evidence-problem");
    await page.fill("#review_months", "99");
    await page.setInputFiles("#file", SIGNED);
    await page.locator("form[enctype]").evaluate((form) => { form.noValidate = true; });
    await desk.press("Einwilligung aufzeichnen");
    assert.deepEqual(await desk.errors(), { review_months: "Geben Sie 1 bis 6 Monate an." });
    await page.fill("#review_months", "6");
    await page.setInputFiles("#file", SIGNED);
    await desk.press("Einwilligung aufzeichnen");
    const record = await desk.record();
    await see("lotse-consent");
    const [, id] = page.url().match(/consents\/([0-9a-f]{32})/);
    const [row] = await log(site, "--consent", id);
    assert.equal(row.record, record);
    const consents = await listed(site, person);
    assert.deepEqual(consents.map(({ consent }) => consent), [id]);
    await receiptShows(desk, person, letter, id);
    await matrixShows(desk, person);
  }),

  "a consent whose answer was lost is recorded once, although it is sent again": atDesk(async ({ site }, desk) => {
    const { page } = desk;
    const person = await desk.register("Verbindung brach ab");
    await desk.fillConsent(person);
    await desk.press(/Vorlesen/);
    await desk.press(/Unterschrieben/);
    await page.setInputFiles("#file", SIGNED);
    // Two forms of the same consent: neither knows of the other.
    const ends = await page.evaluate(async () => {
      const form = document.querySelector("form[enctype]");
      const send = async (letter) => {
        const to = new URL(form.action);
        to.searchParams.set("once", letter + to.searchParams.get("once").slice(1));
        return (await fetch(to, { method: "POST", body: new FormData(form) })).url;
      };
      return [await send("A"), await send("B")];
    });
    assert.match(ends[0], /\/consents\/[0-9a-f]{32}\?done=recorded&r=\d+$/);
    assert.equal(ends[1], ends[0]);
    const known = await site.schleuse(ROLES.lotse, "lotse", "consent", "list", "--participant", person.reference);
    assert.equal(known.length, 1);
  }),

  "a second grant, and what was chosen comes back with Zurück": atDesk(async (_, desk) => {
    const { page } = desk;
    const person = await desk.register("Ayşe Y.");
    await desk.fillConsent(person, { categories: ["termine"] });
    await desk.press("Weitere Erlaubnis");
    assert.equal(await page.inputValue("#recipient0"), REHA);
    await desk.press(/Vorlesen/);
    const errors = Object.keys(await desk.errors());
    assert.deepEqual(errors.sort(), ["categories1", "purpose1", "recipient1", "senders1"]);
    await page.selectOption("#recipient1", `${JOBCENTER}/fallmanagement`);
    await page.selectOption("#purpose1", "zustaendigkeit");
    await page.check(`[id="senders1-${DRV}"]`);
    await page.check("#categories1-leistungsbezug");
    await desk.press(/Vorlesen/);
    const letter = await page.locator("article.letter").innerText();
    assert.match(letter, /Zuständigkeitsklärung/);
    assert.match(letter, /Leistungsbezug/);
    await desk.press("Zurück");
    assert.equal(await page.inputValue("#recipient1"), `${JOBCENTER}/fallmanagement`);
    assert.equal(await page.isChecked(`[id="senders0-${JOBCENTER}"]`), true);
    await desk.press(/Vorlesen/);
    await desk.press(/Unterschrieben/);
    assert.equal(await page.locator("main section li", { hasText: "→" }).count(), 2, "both grants stand in the summary");
    await desk.press("Einwilligung aufzeichnen");
    assert.match(await desk.done(), /Aufgezeichnet/, "without health data no file is needed");
    assert.equal(await page.locator("main section h3").count(), 2);
  }),
};

const index = (page, list, wanted) => page.locator(`${list} option`).evaluateAll(
  (all, start) => all.findIndex((one) => one.value.startsWith(start)), wanted);

async function namesWhatWasChosen(page, letter) {
  const named = ["Unterlagen und Begutachtung", "Gesundheit", "Termine", "Jobcenter", "Rentenversicherung", CONTACT];
  for (const word of named) {
    assert.ok(letter.includes(word), `the text names ${word}`);
  }
  for (const word of ["Sucht", "Stammdaten", "Reha-Einleitung", "Krankenkasse", "{{"]) {
    // The template's own sentence about special data names both of them.
    const text = letter.replace("auch über Sucht und Psyche", "");
    assert.ok(!text.includes(word), `the text does not name ${word}`);
  }
  assert.match(await page.locator("main").innerText(), /Der Broker bekommt nur seine Prüfsumme/);
}

/// On paper stands what is to be signed, and nothing else.
async function letterAlone(page) {
  await page.emulateMedia({ media: "print" });
  const shown = await page.evaluate(() => document.body.innerText.trim());
  const letter = await page.locator("article.letter").evaluate((one) => one.innerText.trim());
  assert.equal(shown, letter);
  const pdf = await page.pdf();
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  assert.ok(pdf.length > 5000, `${pdf.length} bytes of PDF`);
  await page.emulateMedia({ media: "screen" });
}

async function receiptShows(desk, person, letter, id) {
  const { page, site, see } = desk;
  await desk.follow("Quittung drucken");
  await see("lotse-receipt");
  const told = await page.locator("main").innerText();
  assert.ok(await page.locator("script").count() === 0, "a document without scripts");
  assert.ok(told.replaceAll(/\s+/g, " ").includes(letter.replaceAll(/\s+/g, " ").trim()), "the text that was signed");
  const code = (await page.locator(".code").innerText()).trim();
  const check = (...more) =>
    site.schleuse(ROLES.lotse, "lotse", "consent", "check-code", "--participant", person.reference, ...more);
  assert.ok(JSON.stringify(await check(code)).includes(id), `${code} is known`);
  const other = code.replace(/^./, (first) => (first === "A" ? "B" : "A"));
  const wrong = await check(other).then((answer) => JSON.stringify(answer), String);
  assert.ok(!wrong.includes(id), "so that this can fail");
  await page.emulateMedia({ media: "print" });
  assert.ok((await page.pdf()).length > 5000);
  await page.emulateMedia({ media: "screen" });
}

async function matrixShows(desk, person) {
  const { page, see } = desk;
  await desk.go(person.path);
  const cell = page.locator("table.matrix td:not(.none)");
  assert.equal(await cell.count(), 1);
  const says = await cell.innerText();
  const expected = ["✓", "gilt", "Gesundheit", "✚", "Termine", "von Jobcenter"];
  for (const one of expected) assert.ok(says.includes(one), says);
  assert.match(says, /bis \d{2}\.\d{2}\.20\d{2}/);
  assert.match(await page.locator("table.matrix thead").innerText(), /Unterlagen und Begutachtung/);
  assert.match(await page.locator("table.matrix tbody th").innerText(), /Rentenversicherung/);
  await see("lotse-participant");
}

/// Day of an instant as it is shown in Germany.
const day = (time) => new Date(time - 1).toLocaleDateString("de-DE", {
  timeZone: "Europe/Berlin", day: "2-digit", month: "2-digit", year: "numeric",
});

/// Goes from the first step of a renewal to the evidence: the text that was read out.
async function readOut(desk, months) {
  const { page } = desk;
  await page.fill("#months", String(months));
  await desk.press(/Vorlesen/);
  const letter = await page.locator("article.letter").innerText();
  await desk.press(/Unterschrieben/);
  return letter;
}

const renewing = {
  "a consent is renewed: its text is read out and signed anew": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Verlängert");
    const consent = await desk.consent(person, { months: 1 });
    const [before] = await listed(site, person);
    await desk.go(consent.path);
    await desk.follow("Verlängern");
    await see("lotse-renew");
    await page.locator("main form").evaluate((form) => { form.noValidate = true; });
    await page.fill("#months", "25");
    await desk.press(/Vorlesen/);
    assert.deepEqual(await desk.errors(), { months: "Geben Sie 1 bis 24 Monate an." });
    await page.fill("#months", "18");
    await desk.press(/Vorlesen/);
    const letter = await page.locator("article.letter").innerText();
    await namesWhatWasChosen(page, letter);
    await see("lotse-renew-text");
    await letterAlone(page);
    await desk.press("Zurück");
    assert.equal(await page.inputValue("#months"), "18");
    assert.equal(await readOut(desk, 18), letter);
    await see("lotse-renew-evidence");
    await desk.press("Jetzt verlängern");
    assert.deepEqual(Object.keys(await desk.errors()), ["file"], "health data without a file");
    assert.deepEqual(await listed(site, person), [before], "nothing is recorded");
    await page.setInputFiles("#file", SIGNED);
    await desk.press("Jetzt verlängern");
    assert.match(await desk.done(), /Verlängert\. Eintrag \d+/);
    const record = await desk.record();
    await see("lotse-renewed");
    const [row] = await log(site, "--consent", consent.id, "--first-record", String(record));
    assert.equal(row.record, record);
    const [after] = await listed(site, person);
    assert.equal(after.revision, before.revision + 1);
    const [{ not_after: until }] = after.grants;
    assert.ok(until > before.grants[0].not_after, `${until} is later`);
    assert.ok(letter.includes(day(Date.parse(until))), `the text names ${until}`);
    await receiptShows(desk, person, letter, consent.id);
    await matrixShows(desk, person);
  }),

  "what is renewed is what was read out, of the consent as it is": atDesk(async ({ site }, desk) => {
    const { page } = desk;
    const person = await desk.register("Inzwischen anders");
    const consent = await desk.consent(person);
    const about = ["--participant", person.reference, "--consent", consent.id];
    const [before] = await listed(site, person);
    await desk.go(`${consent.path}/renew`);
    await readOut(desk, 12);
    await page.locator("[name=text_hash]").evaluate((field) => { field.value = "0".repeat(64); });
    await page.setInputFiles("#file", SIGNED);
    await desk.press("Jetzt verlängern");
    assert.match((await desk.errors()).act, /Der Text hat sich inzwischen geändert/);
    await readOut(desk, 12);
    await page.locator("[name=months]").evaluate((field) => { field.value = "24"; });
    await page.setInputFiles("#file", SIGNED);
    await desk.press("Jetzt verlängern");
    assert.match((await desk.errors()).act, /Der Text hat sich/, "a longer time than was read out");
    assert.deepEqual(await listed(site, person), [before], "nothing is recorded");
    await readOut(desk, 12);
    await site.schleuse(ROLES.lotse, "lotse", "consent", "narrow", ...about, "--grant", "1", "--drop-category", "termine", "--yes");
    await page.setInputFiles("#file", SIGNED);
    await desk.press("Jetzt verlängern");
    assert.match((await desk.errors()).act, /inzwischen geändert/);
    assert.doesNotMatch(await readOut(desk, 12), /Termine/, "what was taken out stays out");
    await page.setInputFiles("#file", SIGNED);
    await desk.press("Jetzt verlängern");
    assert.match(await desk.done(), /Verlängert/);
    const [after] = await listed(site, person);
    assert.deepEqual(after.grants.map(({ categories }) => categories), [["gesundheit"]]);
  }),

  "a text without a template is continued, and without the text nothing is renewed": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Ohne Vorlage");
    await desk.go(`${person.path}/leave`);
    for (const name of ["deputy", "deputy_again"]) await page.fill(`#${name}`, "l-02");
    await page.fill("#deputy_text", "Ich bin mit der Vertretung einverstanden.");
    await page.setInputFiles("#deputy_file", SIGNED);
    await desk.press("Vertretung einsetzen");
    await desk.done();
    await page.locator("table.matrix td a").first().click();
    await page.waitForURL(/\/consents\//);
    await desk.follow("Verlängern");
    const letter = await readOut(desk, 6);
    assert.match(letter, /^Ich bin mit der Vertretung einverstanden\.\s+Verlängerung\s/);
    await page.setInputFiles("#file", SIGNED);
    await desk.press("Jetzt verlängern");
    assert.match(await desk.done(), /Verlängert/);
    const [renewed] = await listed(site, person);
    assert.ok(letter.includes(day(Date.parse(renewed.grants[0].not_after))));
    const elsewhere = await desk.given(person, [{ categories: ["termine"] }]);
    await desk.go(elsewhere.path);
    await desk.follow("Verlängern");
    assert.match(await page.locator(".empty").innerText(), /nicht auf diesem Rechner/);
    assert.equal(await page.locator("#months").count(), 0);
    await see("lotse-renew-without-text");
  }),
};

const refusals = {
  "what the broker refuses stands beside the field that it is about": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Vertreten");
    await desk.fillConsent(person);
    await page.selectOption("#representative", "betreuer");
    await page.locator("details", { has: page.locator("#scope") }).evaluate((one) => { one.open = true; });
    await page.fill("#scope", "Gesundheitssorge");
    for (const box of ["scope_categories-gesundheit", "scope_purposes-unterlagen"]) await page.check(`[id="${box}"]`);
    const until = new Date(Date.now() + 60 * 86_400_000).toISOString().slice(0, 10);
    await page.fill("#scope_until", until);
    const send = async () => {
      await desk.press(/Vorlesen/);
      await desk.press(/Unterschrieben/);
      await page.setInputFiles("#file", SIGNED);
      await desk.press("Einwilligung aufzeichnen");
    };
    await send();
    assert.match((await desk.errors()).scope_categories, /über die Vertretung hinaus/);
    assert.equal(await page.inputValue("#scope"), "Gesundheitssorge", "what was typed stays");
    await see("lotse-record-refused");
    await page.check(`[id="scope_categories-termine"]`);
    await send();
    assert.match((await desk.errors()).months, /über die Vertretung hinaus/);
    await page.fill("#months", "1");
    await send();
    assert.match(await desk.done(), /Aufgezeichnet/);
    await page.locator("form[action*=confirm]").evaluate((form) => { form.noValidate = true; });
    await page.fill("#months", "12");
    await desk.press("Durchsicht bestätigen");
    assert.deepEqual(await desk.errors(), { months: "Geben Sie 1 bis 6 Monate an." });
    assert.equal(await page.inputValue("#months"), "12", "what was typed stays");
    await see("lotse-confirm-problem");
    await page.fill("#months", "6");
    await desk.press("Durchsicht bestätigen");
    assert.match(await desk.done(), /Bestätigt/, "the review is at the end, if that is earlier");
    await page.fill("#months", "1");
    const about = ["--participant", person.reference];
    await site.schleuse(ROLES.lotse, "lotse", "participant", "end", ...about, "--yes");
    await desk.press("Durchsicht bestätigen");
    assert.match((await desk.errors()).act, /Die Teilnahme ist beendet/);
    await saysThatItIsOver(desk, person);
  }),
};

/// After the end no page and no receipt says that a consent holds, and nothing is offered that the broker would refuse.
async function saysThatItIsOver(desk, person) {
  const { page } = desk;
  await desk.follow(person.name);
  const chips = await page.locator("table.matrix .chip, ul.rows .chip").allInnerTexts();
  assert.ok(chips.length >= 2 && chips.every((one) => /Teilnahme beendet/.test(one)), chips.join("; "));
  assert.match(await page.locator("main").innerText(), /Für diese Person ist nichts offen/);
  await page.locator("table.matrix a").first().click();
  await page.waitForURL(/\/consents\/[0-9a-f]{32}$/);
  assert.match(await page.locator(".head .chip").innerText(), /Teilnahme beendet/);
  assert.equal(await page.locator("a[href$='/renew'], a[href$='/narrow'], form[action*=confirm]").count(), 0);
  assert.equal(await page.locator("a[href$='/revoke']").count(), 1, "what was given can be taken back");
  await desk.see("lotse-consent-over");
  await desk.follow("Quittung drucken");
  const receipt = await page.locator("body").innerText();
  assert.match(receipt, /gilt nicht mehr: Ihre Teilnahme ist beendet/);
  assert.doesNotMatch(receipt, /Was Sie erlauben|Spätestens am/);
}

const ending = {
  "a consent is narrowed after a look at what that stops, and its review confirmed": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Mehmet K.");
    const reference = await desk.reference(person, JOBCENTER);
    const consent = await desk.consent(person);
    await send(site, reference);
    await desk.go(consent.path);
    await desk.follow("Verkleinern");
    await see("lotse-narrow");
    await desk.press("Vorschau");
    assert.match(await page.locator(".problems").innerText(), /Wählen Sie etwas/);
    await page.check("#category0-gesundheit");
    await desk.press("Vorschau");
    assert.match(await page.locator("main").innerText(), /1 wartende Nachricht wird angehalten/);
    assert.equal(await page.isChecked("#category0-gesundheit"), true);
    await see("lotse-narrow-preview");
    const stopped = await site.recordsOf(async () => {
      await desk.press("Jetzt verkleinern");
      assert.match(await desk.done(), /Verkleinert\. 1 wartende Nachricht wurde/);
    });
    assert.ok(stopped.some(({ type }) => /^consent-/.test(type)), JSON.stringify(stopped));
    assert.doesNotMatch(await page.locator("main section.sheet").first().innerText(), /Gesundheit/);
    await see("lotse-narrowed");
    await page.fill("#months", "3");
    await desk.press("Durchsicht bestätigen");
    assert.match(await desk.done(), /Bestätigt/);
    await see("lotse-confirmed");
  }),

  "a consent is revoked after a look at what that stops, and history keeps it": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Petra S.");
    const reference = await desk.reference(person, JOBCENTER);
    const consent = await desk.consent(person);
    await send(site, reference);
    await send(site, reference);
    await desk.go(consent.path);
    await desk.follow("Widerrufen");
    assert.match(await page.locator("main").innerText(), /2 wartende Nachrichten werden angehalten/);
    await see("lotse-revoke");
    await desk.press("Jetzt widerrufen");
    assert.match(await desk.done(), /Widerrufen\..*2 wartende Nachrichten wurden angehalten/);
    const record = await desk.record();
    await see("lotse-revoked");
    assert.equal(await page.getByRole("link", { name: "Widerrufen" }).count(), 0);
    const [row] = await log(site, "--consent", consent.id, "--type", "consent-revoked");
    assert.equal(row.record, record);
    assert.deepEqual(await log(site, "--consent", consent.id, "--type", "handed-out"), []);
    await desk.go(person.path);
    await page.getByText(/Frühere Einwilligungen \(1\)/).click();
    const before = page.locator("details[open] .rows");
    assert.match(await before.innerText(), /✕\s*widerrufen/);
    assert.match(await page.locator("main").innerText(), /Es gibt keine Einwilligung/);
    await see("lotse-participant-history");
    // A second tab that still shows the button.
    const answer = await desk.go(`${consent.path}/revoke`);
    assert.ok(answer.status() < 500, String(answer.status()));
  }),

  "after „Jetzt widerrufen“ nothing of it is handed out, whoever fetches just then": atDesk(async (world, desk) => {
    for (let turn = 0; turn < ROUNDS; turn += 1) await revokedMeanwhile(world, desk);
  }),
};

/// How often messages and a revocation race.
const ROUNDS = 3;

async function revokedMeanwhile({ site }, desk) {
  const person = await desk.register("Jana T.");
  const reference = await desk.reference(person, JOBCENTER);
  const consent = await desk.given(person, [{ categories: ["gesundheit", "termine"] }]);
  const sealing = join(site.pki, "agencies", DRV, "sealing.toml");
  const receive = ["agency", "receive", "--function", "reha-beratung", "--sealing", sealing, "--acknowledge", "--json"];
  const receiver = new Program(join(site.binaries, "schleuse"), [...receive, ...site.as(`agencies/${DRV}/system`)]);
  // Messages of others may come, too.
  const subject = `Befund ${consent.id}`;
  const its = new RegExp(subject);
  try {
    await send(site, reference, { subject });
    await receiver.line(its);
    let goesOn = true;
    const senders = [0, 1, 2].map(async () => {
      let sent = 0;
      // Once revoked, the broker refuses: that ends the loop.
      while (goesOn && await send(site, reference, { subject }).then(() => true, () => false)) sent += 1;
      return sent;
    });
    await desk.go(`${consent.path}/revoke`);
    await receiver.line(its, receiver.lines.length);
    await desk.press("Jetzt widerrufen");
    const revoked = await desk.record();
    goesOn = false;
    const sent = (await Promise.all(senders)).reduce((sum, one) => sum + one, 0);
    const handedOut = (await log(site, "--consent", consent.id, "--type", "handed-out")).map(({ record }) => record);
    assert.ok(handedOut.length >= 2 && sent >= 1, `${handedOut.length} handed out of ${sent}`);
    assert.deepEqual(handedOut.filter((record) => record > revoked), [], `handed out after record ${revoked}`);
  } finally {
    await receiver.stop();
  }
}

const keys = {
  "by keys alone a consent is recorded": atDesk(async (_, desk) => {
    const { page } = desk;
    const person = await desk.register("Nur Tasten");
    await desk.go(person.path);
    await enter(page, (one) => one.endsWith("/record"));
    await tabTo(page, "template");
    await page.keyboard.type("Einwilligung: Unterlagen");
    assert.match(await page.inputValue("#template"), /^unterlagen/);
    await enter(page, "Weiter");
    await tabTo(page, "recipient0");
    await page.keyboard.type((await page.locator(`#recipient0 option[value="${REHA}"]`).innerText()));
    assert.equal(await page.inputValue("#recipient0"), REHA);
    await tabTo(page, "purpose0");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.inputValue("#purpose0"), "unterlagen");
    for (const box of [`senders0-${JOBCENTER}`, "categories0-gesundheit", "categories0-termine"]) {
      await tabTo(page, box);
      await page.keyboard.press("Space");
      assert.equal(await page.isChecked(`[id="${box}"]`), true, box);
    }
    await enter(page, /Vorlesen/);
    await enter(page, /Unterschrieben/);
    await enter(page, "Einwilligung aufzeichnen");
    // The refusal has the focus; its first link leads to the field.
    await page.waitForFunction(() => document.activeElement.matches(".problems"));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "file");
    await page.setInputFiles("*:focus", SIGNED);
    await enter(page, "Einwilligung aufzeichnen");
    await page.waitForURL(/done=recorded/);
    await page.waitForFunction(() => document.activeElement.matches(".note"));
    assert.match(await desk.done(), /Aufgezeichnet/);
  }),

  "by keys alone a consent is revoked": atDesk(async (_, desk) => {
    const { page } = desk;
    const person = await desk.register("Auch Tasten");
    await desk.given(person, [{ categories: ["termine"] }]);
    await desk.go("/participants");
    await enter(page, (one) => one.endsWith(person.path));
    await enter(page, (one) => one.endsWith("/revoke"));
    assert.equal(await desk.h1(), "Einwilligung widerrufen");
    await enter(page, "Jetzt widerrufen");
    await page.waitForURL(/done=revoked/);
    await page.waitForFunction(() => document.activeElement.matches(".note"));
    assert.match(await desk.done(), /^✓ Widerrufen/);
  }),
};

/// Reaches a link or a button by Tab and presses Enter: the page that comes is there.
async function enter(page, wanted) {
  await tabTo(page, wanted);
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")]);
}

const plain = {
  "without scripts a consent is recorded and revoked": atDesk(async (_, desk) => {
    const { page } = desk;
    const person = await desk.register("Ohne Skripte");
    await desk.consent(person);
    assert.match(await desk.done(), /Aufgezeichnet/);
    await desk.follow("Widerrufen");
    await desk.press("Jetzt widerrufen");
    assert.match(await desk.done(), /^✓ Widerrufen/);
    await desk.go(person.path);
    assert.match(await page.locator("main").innerText(), /Es gibt keine Einwilligung/);
  }, { browser: { javaScriptEnabled: false } }),
};

export const tests = { ...recording, ...renewing, ...refusals, ...ending, ...keys, ...plain };
