// The Lotse's participants: who they are stays on this machine; phases, places, references.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { atDesk } from "./desk.mjs";
import { look } from "./look.mjs";
import { DRV, JOBCENTER, ROLES } from "./site.mjs";

export const title = "the Lotse's participants";

/// Files below a folder that hold some of the words.
function holding(folder, words) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const paths = files.map((one) => join(one.parentPath ?? one.path, one.name));
  return paths.filter((path) => words.some((word) => readFileSync(path).includes(word)));
}

async function find(desk, wanted) {
  await desk.go("/participants");
  await desk.page.fill("#wanted", wanted);
  await desk.press("Finden");
  const told = [...new URL(desk.page.url()).searchParams.keys()];
  assert.deepEqual(told, [], "what was searched stands in no address");
  return desk.page.locator("tbody th a").allInnerTexts();
}

/// Participants of one page.
const PAGE = 50;

const listed = (page) => page.locator("tbody tr").evaluateAll((rows) => rows.map((row) => ({
  name: row.querySelector("th a").textContent, reference: row.querySelector("th a").href.match(/[a-z2-7]{26}$/)[0],
})));

async function phase(desk, person, name) {
  await desk.go(person.path);
  await desk.page.getByText("Stand ändern").click();
  await desk.page.selectOption("#phase", { label: name });
  await desk.page.selectOption("#jobcenter", JOBCENTER);
  await desk.press("Speichern");
}

/// What the broker does not accept stands beside its field, in words that say what to do.
async function phaseProblems(desk, person) {
  const { page } = desk;
  await desk.go(person.path);
  await page.getByText("Stand ändern").click();
  await desk.press("Speichern");
  assert.deepEqual(await desk.errors(), { phase: "Wählen Sie eine Phase." });
  await page.selectOption("#phase", { label: "Kontaktaufbau" });
  await desk.press("Speichern");
  assert.match((await desk.errors()).jobcenter, /^Wählen Sie am Anfang ein Jobcenter/);
  assert.equal(await page.locator("#phase option:checked").innerText(), "Kontaktaufbau");
  await page.selectOption("#jobcenter", JOBCENTER);
  await page.selectOption("#phase", { label: "Überleitung" });
  await desk.press("Speichern");
  assert.match((await desk.errors()).phase, /kann diese Phase nicht folgen\. Am Anfang steht .*Kontaktaufbau/);
  await desk.see("lotse-phase-problem");
}

async function ended(desk, person) {
  await desk.go(`${person.path}/leave`);
  await desk.press("Teilnahme jetzt beenden");
  assert.match(await desk.done(), /^✓ Beendet/);
}

export const tests = {
  "a participant is registered, and who they are stays on this machine": atDesk(async ({ site, companion }, desk) => {
    const { page, see } = desk;
    await desk.go("/participants/new");
    await see("lotse-register");
    await page.locator("main form").evaluate((form) => { form.noValidate = true; });
    await page.fill("#file_number", "4711/Ä");
    await desk.press("Speichern");
    assert.deepEqual(Object.keys(await desk.errors()), ["name"]);
    assert.equal(await page.inputValue("#file_number"), "4711/Ä", "what was typed stays");
    await see("lotse-register-problems");
    const words = ["Zebulon Querfurth", "1961-04-27", "AZ-99-QX"];
    const names = ["name", "born", "file_number"];
    for (const [index, name] of names.entries()) await page.fill(`#${name}`, words[index]);
    await desk.press("Speichern");
    assert.match(await desk.done(), /aufgenommen/);
    assert.equal(await desk.h1(), words[0]);
    await see("lotse-participant-new");
    await desk.go("/participants");
    await desk.follow(words[0]);
    await desk.follow("Namen ändern");
    for (const [index, name] of names.entries()) assert.equal(await page.inputValue(`#${name}`), words[index]);
    await page.fill("#name", "Zebulon Querfurth-Maier");
    await desk.press("Speichern");
    assert.match(await desk.done(), /Name ist geändert/);
    assert.equal(await desk.h1(), "Zebulon Querfurth-Maier");
    const secrets = ["Zebulon", "Querfurth", ...words.slice(1)];
    assert.ok(holding(companion.folder, secrets).length > 0, "the search finds the book on this machine");
    assert.deepEqual(holding(join(site.folder, "data"), secrets), [], "the broker's data");
    const said = site.served.lines.join("\n") + site.served.said;
    assert.ok(!secrets.some((word) => said.includes(word)), "what the broker said");
  }),

  "participants are found by name, by file number and by reference": atDesk(async (_, desk) => {
    const { page, see } = desk;
    const one = await desk.register("Özlem Ä. Nordmann", "BG-777-1");
    const other = await desk.register("Karl Südmann", "BG-777-2");
    assert.deepEqual(await find(desk, "nordmann"), [one.name]);
    assert.deepEqual(await find(desk, "özlem ä"), [one.name]);
    assert.deepEqual(await find(desk, "bg-777-2"), [other.name]);
    assert.deepEqual(await find(desk, other.reference), [other.name]);
    assert.deepEqual((await find(desk, "BG-777")).sort(), [other.name, one.name].sort());
    await see("lotse-participants-found");
    assert.deepEqual(await find(desk, "Niemand <b>"), []);
    assert.match(await page.locator(".empty").innerText(), /Niemand passt zu „Niemand <b>“/);
    await see("lotse-participants-none");
    await desk.follow("Alle zeigen");
    assert.ok(await page.locator("tbody tr").count() >= 2);
    await see("lotse-participants");
  }),

  "who finds no place stands on the waiting list": atDesk(async (world, desk) => {
    const { page, see, site } = desk;
    const first = await desk.register("Mit Platz");
    await phaseProblems(desk, first);
    const second = await desk.register("Ohne Platz");
    await phase(desk, first, "Kontaktaufbau");
    assert.match(await desk.done(), /Kontaktaufbau/);
    await phase(desk, second, "Kontaktaufbau");
    assert.match(await desk.done(), /kein Platz frei.*Vormerkliste, Platz 1/);
    await see("lotse-waiting");
    await desk.go("/participants");
    const row = page.locator("tbody tr", { hasText: second.name });
    assert.match(await row.innerText(), /Vormerkliste\s+Platz 1/);
    assert.match(await row.innerText(), /Jobcenter Stadt Regensburg/, "by its name");
    assert.match(await row.innerText(), /nichts/, "nothing is to be done");
    await desk.follow("Plätze");
    await see("lotse-places");
    const numbers = page.locator("tbody tr", { hasText: /jobcenter.*regensburg/i }).first().locator(".number");
    assert.deepEqual(await numbers.allInnerTexts(), ["1", "1", "0", "1"]);
    await ended(desk, first);
    await desk.go();
    const free = page.locator("ul.rows li", { hasText: "Ein Platz ist frei" });
    assert.match(await free.innerText(), /Ohne Platz/);
    assert.match(await free.innerText(), /(?<!Jobcenter )Jobcenter Stadt Regensburg: Soll/);
    await see("lotse-today-place");
    await desk.go("/participants");
    assert.match(await row.innerText(), /sofort\s+1 Aufgabe\b/);
    await phase(desk, second, "Kontaktaufbau");
    assert.match(await desk.done(), /Kontaktaufbau/);
    await desk.go("/deadlines");
    const end = page.locator("tbody tr", { hasText: second.name });
    assert.match(await end.innerText(), /bis \d\d\.\d\d\.\d{4}.*\s+24 Monate enden/);
    const told = JSON.stringify(await site.schleuse(ROLES.lotse, "lotse", "participation", "list"));
    assert.ok(told.includes(second.reference));
    await ended(desk, second);
    await page.selectOption("#employability_end", { index: 2 });
    await desk.press("Speichern");
    assert.match(await desk.done(), /Beendet/);
    await look(world, "lotse-ended", null, (fresh) => fresh.goto(page.url()), { origin: world.companion.origin });
  }),

  "more participants than one page shows are on the next one, each once": atDesk(async ({ site }, desk) => {
    const { page, see } = desk;
    // Somebody else's desk: the other tests look for theirs on the first page.
    for (let number = 0; number < PAGE; number += 1) {
      await site.schleuse(ROLES.otherLotse, "lotse", "participant", "register");
    }
    for (const name of ["Zoe Letzte", "Anna Erste"]) await desk.register(name);
    await desk.go("/participants");
    const turn = (name) => page.locator("nav.pages").getByRole("link", { name });
    assert.match(await page.locator("nav.pages").innerText(), /Seite 1 von 2/);
    assert.equal(await turn("Vorige Seite").count(), 0);
    const first = await listed(page);
    assert.equal(first.length, PAGE);
    assert.deepEqual(first.slice(0, 2).map(({ name }) => name), ["Anna Erste", "Zoe Letzte"], "names come first");
    await see("lotse-participants-page");
    await desk.follow("Nächste Seite");
    assert.match(await page.locator("nav.pages").innerText(), /Seite 2 von 2/);
    assert.equal(await turn("Nächste Seite").count(), 0);
    const others = await listed(page);
    const all = [...first, ...others].map(({ reference }) => reference);
    const known = (await site.schleuse(ROLES.otherLotse, "lotse", "participant", "list")).map(
      (one) => one.participant ?? one);
    assert.deepEqual([...all].sort(), [...known].sort(), "everybody once");
    await desk.follow("Vorige Seite");
    assert.deepEqual(await listed(page), first);
    await desk.go("/participants?page=99");
    assert.deepEqual(await listed(page), others, "beyond the end is the last page");
  }, { role: "otherLotse" }),

  "each agency has a reference of its own": atDesk(async (_, desk) => {
    const { page, see } = desk;
    const person = await desk.register("Mit Kennungen");
    const shown = [];
    for (const agency of [JOBCENTER, DRV]) {
      await desk.go(person.path);
      await page.getByText("Kennung für eine Stelle").click();
      await page.selectOption("#agency", agency);
      await desk.press("Kennung zeigen");
      const note = page.locator("details .note");
      shown.push(await note.locator("code").innerText());
      assert.equal(shown.at(-1), await desk.reference(person, agency));
    }
    assert.equal(new Set([...shown, person.reference]).size, 3);
    await see("lotse-reference");
  }),

  "one who is not the Lotse's is not there": atDesk(async (_, desk) => {
    const answer = await desk.go(`/participants/${"a".repeat(26)}`);
    assert.equal(answer.status(), 404);
    const nonsense = await desk.go("/participants/so-nicht");
    assert.equal(nonsense.status(), 404);
  }),
};
