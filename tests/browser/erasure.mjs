// Erasure by two persons, holds that beat it, and what the state of the installation says to officers and operators.

import assert from "node:assert/strict";
import { given, log, send } from "./desk.mjs";
import { eyes, look } from "./look.mjs";
import { JOBCENTER, ROLES } from "./site.mjs";

export const title = "erasure by two persons";

const [FIRST, SECOND] = ["dpo-d-01", "dpo-d-02"].map((one) => `agencies/projekt/${one}`);
const REASON = "Verlangen nach Art. 17 DSGVO";

/// A participant with a consent and a message that waits: the reference of the project's officers.
async function somebody(site) {
  const { participant } = await site.schleuse(ROLES.lotse, "lotse", "participant", "register");
  const options = ["--participant", participant, "--agency", JOBCENTER];
  const { reference } = await site.schleuse(ROLES.lotse, "lotse", "participant", "reference", ...options);
  const consent = await given(site, participant, [{ categories: ["gesundheit", "termine"] }]);
  await send(site, reference);
  const [row] = await log(site, "--consent", consent);
  assert.match(row.participant, /^[a-z2-7]{26}$/);
  return { project: row.participant, lotse: participant, consent };
}

async function officer({ browsers }, path) {
  const page = await browsers.page(path);
  await page.goto("/de/erasure");
  return page;
}

const run = (page, person) => page.locator("section.sheet", { hasText: person.project });

async function click(page, button) {
  await Promise.all([page.waitForEvent("load"), button.click()]);
}

const told = (page) => page.locator(".note.good[role=status]").innerText();

async function fill(page, person, reason = REASON) {
  await page.fill("#participant", person);
  await page.fill("#reason", reason);
}

const step = (page, name) =>
  click(page, page.locator("form:has(#participant)").getByRole("button", { name: new RegExp(`^${name}`) }));

async function propose(world, person, path = FIRST) {
  const page = await officer(world, path);
  await fill(page, person.project);
  await step(page, "Vorschlagen");
  return { page, number: Number((await told(page)).match(/Nummer (\d+)/)[1]) };
}

async function approve(page, person, again) {
  const form = run(page, person);
  if (!(await form.locator("details").evaluate((one) => one.open))) await form.locator("summary").click();
  await form.locator("input[name=again]").fill(String(again));
  await click(page, form.getByRole("button", { name: "Jetzt endgültig löschen" }));
}

async function withdrawn(page, person) {
  await page.goto("/de/erasure");
  await click(page, run(page, person).getByRole("button", { name: /Zurückziehen/ }));
  assert.match(await told(page), /zurückgezogen\. Eintrag \d+/);
  assert.equal(await run(page, person).count(), 0);
}

export const tests = {
  "what would be erased is counted, and counting changes nothing": async (world) => {
    const person = await somebody(world.site);
    const page = await officer(world, FIRST);
    await fill(page, person.project, "");
    const records = await world.site.recordsOf(() => step(page, "Nur zählen"));
    assert.match(await told(page), /Gelöscht würden Inhalte von [1-9]\d* Einträgen; 1 wartende Nachricht /);
    assert.deepEqual(records.filter(({ type }) => /erase|propos/.test(type)), []);
    assert.equal(await run(page, person).count(), 0);
    await fill(page, "so nicht", "kurz");
    await step(page, "Vorschlagen");
    for (const name of ["participant", "reason"]) {
      assert.ok((await page.locator(`#${name}-error`).innerText()).length > 10, name);
    }
    await fill(page, "a".repeat(26));
    await step(page, "Vorschlagen");
    assert.ok((await page.locator("#participant-error").innerText()).length > 10, "nobody has this reference");
  },

  "one person proposes, another approves by its number": async (world) => {
    const { site } = world;
    const person = await somebody(site);
    const page = await world.browsers.page(FIRST);
    const see = await eyes(world, page);
    await page.goto("/de/erasure");
    await see("erasure");
    await fill(page, person.project);
    await step(page, "Vorschlagen");
    const number = Number((await told(page)).match(/Nummer (\d+)/)[1]);
    await see("erasure-own");
    assert.match(await run(page, person).innerText(), /selbst vorgeschlagen/);
    assert.equal(await run(page, person).getByText("Ansehen und freigeben").count(), 0, "nobody approves their own");
    assert.equal(await run(page, person).locator("input[name=again]").count(), 0);
    const other = await world.browsers.page(SECOND);
    const look = await eyes(world, other);
    await other.goto("/de/erasure");
    await run(other, person).locator("summary").click();
    await look("erasure-approve");
    await approve(other, person, number + 1);
    assert.match(await other.locator(`#again${number}-error`).innerText(), /nicht die Nummer/);
    await look("erasure-wrong-number");
    assert.equal((await log(site, "--consent", person.consent)).some((row) => row.erased), false);
    await approve(other, person, number);
    assert.match(await told(other), /Gelöscht: Inhalte von [1-9]\d* Einträgen\. Eintrag \d+/);
    await look("erasure-done");
    assert.equal(await run(other, person).count(), 0);
    const show = ["lotse", "consent", "list", "--participant", person.lotse];
    const gone = await site.schleuse(ROLES.lotse, ...show).then((list) => list.length, () => 0);
    assert.equal(gone, 0, "the Lotse does not find them");
  },

  "the proposer's own word does not approve, whoever makes the form": async (world) => {
    const person = await somebody(world.site);
    const { page, number } = await propose(world, person);
    await page.evaluate((n) => {
      const form = document.createElement("form");
      Object.assign(form, { method: "post", action: "/de/erasure/approve" });
      for (const name of ["number", "again"]) {
        form.append(Object.assign(document.createElement("input"), { name, value: n }));
      }
      document.body.append(form);
      form.submit();
    }, number);
    await page.waitForURL("**/erasure/approve");
    await page.locator(".problems").waitFor();
    await withdrawn(page, person);
  },

  "a hold beats an approval, until it is released": async (world) => {
    const person = await somebody(world.site);
    const { page, number } = await propose(world, person);
    await page.fill("#hold_reason", "kurz");
    await click(page, page.getByRole("button", { name: "Löschen anhalten" }));
    assert.match(await page.locator("#hold_reason-error").innerText(), /10 bis 500/);
    await page.fill("#hold_reason", "Ein Vorfall wird untersucht");
    await page.fill("#hold_participant", person.project);
    await click(page, page.getByRole("button", { name: "Löschen anhalten" }));
    assert.match(await told(page), /Angehalten\. Eintrag \d+/);
    const other = await world.browsers.page(SECOND);
    const look = await eyes(world, other);
    await other.goto("/de/erasure");
    assert.match(await other.locator("ul.rows").innerText(), new RegExp(`${person.project}: Ein Vorfall`));
    await approve(other, person, number);
    assert.ok((await other.locator(`#again${number}-error`).innerText()).length > 10);
    await look("erasure-held");
    assert.equal((await given(world.site, person.lotse, [{ categories: ["termine"] }])).length, 32, "nothing is gone");
    await click(other, other.getByRole("button", { name: "Sperre aufheben" }));
    assert.match(await told(other), /aufgehoben/);
    await approve(other, person, number);
    assert.match(await told(other), /^✓ Gelöscht/);
  },

  "either person withdraws a proposal": async (world) => {
    const person = await somebody(world.site);
    for (const path of [FIRST, SECOND]) {
      await propose(world, person);
      await withdrawn(await officer(world, path), person);
    }
  },

  "the second look at the retention counts what is too old": async (world) => {
    const page = await officer(world, FIRST);
    const form = page.locator("form:has(#reason-retention)");
    await click(page, form.getByRole("button", { name: "Nur zählen" }));
    assert.match(await told(page), /Gelöscht würden Inhalte von \d+ Einträgen und alles über \d+ Personen/);
  },

  "a certificate without a person cannot propose, and says so": async (world) => {
    const page = await world.browsers.page("dpo");
    const see = await eyes(world, page);
    await page.goto("/de/erasure");
    assert.ok((await page.locator(".note.warn").innerText()).length > 20);
    await see("erasure-no-person");
    const person = await somebody(world.site);
    await fill(page, person.project);
    await step(page, "Vorschlagen");
    assert.ok((await page.locator(".problems").innerText()).length > 20);
  },

  "an agency's officer sees that it is not for them": async (world) => {
    const page = await world.browsers.page("drvDpo");
    const see = await eyes(world, page);
    await page.goto("/de/erasure");
    assert.ok((await page.locator(".note").innerText()).length > 10);
    assert.equal(await page.locator("main form, main input, main button").count(), 0);
    await see("erasure-agency");
  },

  "the state of the installation is there for operators, and on the officer's overview": async (world) => {
    for (const language of ["de", "en"]) {
      await look(world, `operator-status-${language}`, "operator", (page) => page.goto(`/${language}/`));
    }
    const page = await world.browsers.page("operator");
    await page.goto("/de/");
    const words = await page.locator("main").innerText();
    assert.match(words, /Zeug/, "witnesses");
    assert.ok(await page.locator("ul.bars li").count() > 0);
    const size = Number((await page.locator("main .figure").first().innerText()).replaceAll(/\D/g, ""));
    await log(world.site);
    await page.goto("/de/");
    const now = Number((await page.locator("main .figure").first().innerText()).replaceAll(/\D/g, ""));
    assert.ok(now > size, `${now} records after ${size}`);
    const overview = await world.browsers.page("dpo");
    await overview.goto("/de/");
    const card = overview.locator(".grid li").nth(3);
    assert.match(await card.innerText(), /✓/);
    assert.match(await card.innerText(), /Zeug/);
  },
};
