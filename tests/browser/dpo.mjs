// The data-protection officer's flows, each to its end.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Companion } from "./companion.mjs";
import { eyes, look } from "./look.mjs";
import { DRV, JOBCENTER, ROLES } from "./site.mjs";

export const title = "data-protection officers";

export const REASON = "Stichprobe im Browser";

/// Fills the search and sends it.
export async function search(page, fields = {}, language = "de") {
  await page.goto(`/${language}/log`);
  for (const [name, value] of Object.entries({ reason: REASON, ...fields })) {
    const field = page.locator(`main [name="${name}"]`);
    const isList = await field.evaluate((one) => one.tagName === "SELECT");
    if (isList) await field.selectOption(value);
    else await field.fill(value);
  }
  await page.click("main form button[type=submit]");
  await page.waitForSelector("ol.rows, .empty, .problems");
  await page.waitForLoadState("load");
}

/// Numbers of the records that were found.
const numbersOf = (page) => page.locator("ol.rows > li").evaluateAll((rows) =>
  rows.map((row) => Number(row.querySelector("dd").textContent)));

/// Goes on to the next page of results: false if this was the last one.
export async function nextPage(page) {
  const more = page.getByRole("button", { name: "Weitere Einträge" });
  if (await more.count() === 0) return false;
  const last = (await numbersOf(page)).at(-1);
  await more.click();
  await page.waitForFunction((last) => Number(document.querySelector("ol.rows dd")?.textContent) > last, last);
  await page.waitForLoadState("load");
  return true;
}

/// Words of every result, without opening it.
const results = (page) => page.locator("ol.rows > li summary").allInnerTexts();

async function open(page) {
  for (const one of await page.locator("details").all()) await one.evaluate((details) => { details.open = true; });
}

/// Clicks a button and keeps the file that comes of it.
export async function download(page, button) {
  const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
  const path = await file.path();
  return { name: file.suggestedFilename(), path, text: readFileSync(path, "utf8") };
}

const inBoth = async (name, world, flow) => {
  await Promise.all(["de", "en"].map((language) =>
    look(world, `dpo-${name}-${language}`, "dpo", (page) => flow(page, language))));
};

const day = (ms) => new Date(ms).toISOString().slice(0, 10);

export const looks = {
  "the overview is good to look at": (world) =>
    inBoth("overview", world, async (page, language) => {
      await page.goto(`/${language}/?days=30`);
      await open(page);
    }),

  "the search and its problems are good to look at": async (world) => {
    await inBoth("log", world, (page, language) => page.goto(`/${language}/log`));
    await inBoth("log-problems", world, (page, language) =>
      search(page, { reason: "          x", participant: "so nicht", consent: "12", certificate: "zz" }, language));
  },

  "results and a proof are good to look at": async (world) => {
    await inBoth("results", world, async (page, language) => {
      const before = day(Date.now() - 2 * 86_400_000);
      await search(page, { participant: world.site.participant.project, until: before }, language);
      await open(page);
    });
    await inBoth("results-none", world, (page, language) =>
      search(page, { since: "2020-01-01", until: "2020-01-02" }, language));
    await inBoth("proof", world, async (page, language) => {
      await search(page, { participant: world.site.participant.project }, language);
      await page.locator("ol.rows summary").first().click();
      await page.locator("ol.rows details[open] button").click();
      await page.waitForSelector(".note.good");
    });
  },

  "the incident is good to look at": async (world) => {
    await inBoth("incident", world, (page, language) => page.goto(`/${language}/incident`));
    await inBoth("incident-problems", world, async (page, language) => {
      await page.goto(`/${language}/incident`);
      await page.fill("#reason", REASON);
      await page.click("main form button[type=submit]");
      await page.waitForSelector(".problems");
    });
    await inBoth("incident-found", world, async (page, language) => {
      await incident(page, language, { agency: JOBCENTER, known_day: day(Date.now() - 86_400_000) });
      await open(page);
    });
  },

  "a report that does not hold is not handed out, and its page is good to look at": async (world) => {
    const { site, browsers } = world;
    const trusted = readFileSync(join(site.pki, "trust.toml"), "utf8");
    const trust = join(site.pki, "without-lotsen.toml");
    writeFileSync(trust, trusted.replace('agencies = ["lotsenstelle"]', 'agencies = ["andere-stelle"]'));
    const companion = await Companion.start(site, "dpo", { trust });
    try {
      const page = await companion.open(browsers);
      const see = await eyes(world, page);
      const title = { de: "Achtung: Die Prüfung ist gescheitert", en: "Attention: the checks failed" };
      for (const language of ["de", "en"]) {
        await page.goto(page.url().replace(/\/(de|en)\/.*$/, `/${language}/report`));
        await page.fill("#participant", site.participant.project);
        await page.fill("#reason", REASON);
        await page.locator("main form button").first().click();
        await page.waitForSelector(".note.bad");
        assert.equal(await page.locator("h1").innerText(), title[language]);
        await open(page);
        await see(`dpo-unsound-${language}`);
      }
      const { name, path } = await download(page, page.locator("main form button"));
      assert.equal(name, "schleuse-not-sound.proof.json");
      const verified = await site.program("schleuse", ["verify", path, "--trust", trust], { codes: [4] });
      assert.equal(verified.code, 4);
      // While there is somebody to answer what a page still asks for.
      await browsers.close();
    } finally {
      await companion.stop();
    }
  },

  "report and duties are good to look at": async (world) => {
    await inBoth("report", world, (page, language) => page.goto(`/${language}/report`));
    await inBoth("report-problems", world, async (page, language) => {
      await page.goto(`/${language}/report`);
      await page.fill("#participant", "a".repeat(26));
      await page.fill("#reason", REASON);
      await page.locator("main form button").first().click();
      await page.waitForSelector(".problems");
    });
    await inBoth("deletions", world, (page, language) => page.goto(`/${language}/deletions?which=all`));
    await inBoth("not-found", world, (page, language) => page.goto(`/${language}/not/there`));
  },
};

async function incident(page, language, fields) {
  await page.goto(`/${language}/incident`);
  await page.fill("#reason", REASON);
  for (const [name, value] of Object.entries(fields)) {
    if (name === "agency") await page.selectOption("#agency", value);
    else await page.fill(`#${name}`, value);
  }
  await page.click("main form button[type=submit]");
  await page.waitForSelector("main h2 + .table, main h2 + .empty");
}

export const flows = {
  "the overview counts each period, and says that the log holds": async ({ site, browsers }) => {
    const page = await browsers.page("dpo");
    const numbers = {};
    for (const days of [7, 30, 90, 365]) {
      await page.goto("/de/");
      await page.click(`main nav a[href$="days=${days}"]`);
      await page.waitForURL(new RegExp(`days=${days}$`));
      assert.match(await page.locator("main nav [aria-current=page]").innerText(), new RegExp(`^${days} Tage`));
      numbers[days] = await page.locator(".grid .figure").allInnerTexts();
      await page.locator("summary").first().click();
      assert.equal(await page.locator("details").first().locator("tbody tr").count(), days);
    }
    const [accepted, refused, overdue, size] = numbers[30];
    assert.ok(Number(accepted) > 0 && Number(refused) > 0, `${accepted} ${refused}`);
    assert.equal(overdue, "1");
    assert.match(size, /^\d+ Einträge$/);
    assert.deepEqual(numbers[365].slice(0, 3), numbers[30].slice(0, 3));
    assert.equal(Number(numbers[7][0]), Number(accepted) - 1, "the story began before these seven days");
    const { groups } = await site.schleuse(
      ROLES.dpo, "dpo", "count", "--reason", "numbers of the overview", "--type", "message-decided", "--by", "outcome",
    );
    const counted = groups.map(({ records }) => String(records)).sort();
    assert.deepEqual([accepted, refused].sort(), counted);
    await page.click("text=Ansehen");
    assert.match(await page.locator("tbody").innerText(), /überfällig/);
  },

  "every filter finds what it names and nothing else": async ({ site, browsers }) => {
    const page = await browsers.page("dpo");
    const of = async (fields) => {
      await search(page, fields);
      return numbersOf(page);
    };
    const person = await of({ participant: site.participant.project });
    // Each search about somebody is a record about them: those that come now are none of these.
    const last = Math.max(...person);
    assert.ok(person.length >= 4 && person.length < 50, `${person.length} records of the participant`);
    const about = { participant: site.participant.project };
    const some = {
      agency: DRV, outcome: "accepted", purpose: "unterlagen", category: "gesundheit", kind: "unterlagen.supply",
      consent: site.consent, since: day(Date.now() - 30 * 86_400_000), until: day(Date.now()),
    };
    for (const [name, value] of Object.entries(some)) {
      const found = (await of({ ...about, [name]: value })).filter((number) => number <= last);
      assert.ok(found.length > 0, `${name} finds something`);
      assert.ok(found.every((one) => person.includes(one)), `${name} narrows down`);
    }
    const none = {
      counterpart: "gesundheitsamt-regensburg", outcome: "refused", purpose: "hilfeplanung", category: "wohnen",
      kind: "hilfeplan.draft", until: "2020-01-01", since: day(Date.now() + 2 * 86_400_000), consent: "0".repeat(32), certificate: "ab".repeat(16),
    };
    for (const [name, value] of Object.entries(none)) {
      assert.deepEqual(await of({ ...about, agency: JOBCENTER, [name]: value }), [], `${name} finds nothing`);
      assert.match(await page.locator(".empty").innerText(), /Kein Eintrag passt/);
    }
    await page.goto("/de/log");
    const revoked = await page.locator("#type option").evaluateAll((options) =>
      options.find((option) => /widerrufen|Widerruf/.test(option.textContent))?.value);
    const found = await of({ ...about, type: revoked });
    assert.equal(found.length, 1, found.join("; "));
    const serial = (await site.schleuse(
      ROLES.dpo, "dpo", "log", "--reason", "serial of a test", "--type", "consent-revoked", "--max-rows", "1",
    )).rows[0].certificate_serial;
    assert.ok((await of({ ...about, certificate: serial })).length > 0);
    // As a certificate viewer shows it.
    const colons = serial.toUpperCase().match(/../g).join(":");
    await of({ ...about, certificate: colons, consent: site.consent });
    const asked = await page.locator("main > dl.facts dd").allInnerTexts();
    assert.ok(asked.includes(colons) && asked.includes(site.consent), asked.join("; "));
    assert.ok((await of({ ...about, certificate: colons })).length > 0);
    await page.goto("/de/log");
    assert.ok(Number(await page.getAttribute("#certificate", "maxlength")) >= 20 * 3 - 1, "there is room for it");
  },

  "what is wrong stands beside its field, and what was typed stays": async ({ site, browsers }) => {
    const page = await browsers.page("dpo");
    const typed = {
      reason: "          kurz", participant: "NICHT-SO", consent: "12", certificate: "zz",
      since: "2026-05-02", until: "2026-05-01", purpose: "unterlagen", outcome: "refused",
    };
    const records = await site.recordsOf(() => search(page, typed));
    assert.deepEqual(records, [], "a search that is not made is no record");
    for (const name of ["reason", "participant", "consent", "certificate"]) {
      const field = page.locator(`#${name}`);
      assert.equal(await field.getAttribute("aria-invalid"), "true", name);
      assert.ok((await page.locator(`#${name}-error`).innerText()).length > 10, name);
      assert.match(await field.getAttribute("aria-describedby"), new RegExp(`${name}-error`));
    }
    for (const [name, value] of Object.entries(typed)) {
      assert.equal(await page.inputValue(`#${name}`), value.trim(), name);
    }
    const summary = page.locator(".problems a");
    assert.ok(await summary.count() >= 4);
    await summary.first().click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "reason");
    await search(page, { since: "2026-05-02", until: "2026-05-01" });
    assert.equal(await page.locator("#until").getAttribute("aria-invalid"), "true");
  },

  "each search is itself a record": async ({ site, browsers }) => {
    const page = await browsers.page("dpo");
    const records = await site.recordsOf(() => search(page, { purpose: "unterlagen" }));
    assert.deepEqual(records.map(({ type, actor }) => [type, actor]), [["log-queried", "projekt/dpo"]]);
    assert.ok(JSON.stringify(records[0]).includes(REASON));
    const told = await page.locator("main > p").first().innerText();
    assert.match(told, new RegExp(`Diese Suche ist Eintrag ${records[0].record}\\.`));
    assert.doesNotMatch(page.url(), /reason|unterlagen/, "nothing of it stands in the address");
  },

  "a result expands, its proof verifies, and the search goes on from there": async ({ site, browsers }) => {
    const page = await browsers.page("dpo");
    await search(page, { purpose: "unterlagen", outcome: "accepted" });
    const first = page.locator("ol.rows > li").first();
    assert.equal(await first.locator("dl").isVisible(), false);
    await first.locator("summary").click();
    assert.equal(await first.locator("dl").isVisible(), true);
    const number = await first.locator("dd").first().innerText();
    // A proof that opens in another window leaves the other buttons as they are.
    const refused = await page.locator("#again").evaluate((form) => [1, 2].map(() => {
      const sent = new Event("submit", { bubbles: true, cancelable: true });
      return !form.dispatchEvent(sent);
    }));
    assert.deepEqual(refused, [false, false]);
    await first.locator("button").click();
    await page.waitForSelector(".note.good");
    assert.equal(await page.locator("h1").innerText(), `Eintrag ${number}`);
    assert.match(await page.locator(".note.good").innerText(), /unverändert im Protokoll/);
    assert.ok(await page.locator("ol code").count() > 3, "the path to the root");
    assert.match(await page.locator("pre").innerText(), /^schleuse\.example\/log\n\d+\n/);
    // Back to the search, with everything that was typed, and without another look.
    const records = await site.recordsOf(() => page.click("text=Suche ändern"));
    assert.deepEqual(records, []);
    const typed = { purpose: "unterlagen", outcome: "accepted", reason: REASON };
    for (const [name, value] of Object.entries(typed)) assert.equal(await page.inputValue(`#${name}`), value, name);
    assert.equal(await page.locator(".problems").count(), 0);
    await page.click("main form button[type=submit]");
    await page.click("text=Suche ändern");
    assert.equal(await page.inputValue("#purpose"), "unterlagen");
  },

  "the next page goes on where the first one ended": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    await search(page);
    const first = await numbersOf(page);
    assert.equal(first.length, 50);
    assert.ok(await nextPage(page), "there are more");
    const second = await numbersOf(page);
    assert.equal(second[0], first.at(-1) + 1);
    assert.equal(second.length, 50);
  },

  "exports are files that hold without the broker": async ({ site, browsers }) => {
    const page = await browsers.page("dpo");
    const before = { participant: site.participant.project };
    await search(page, before);
    const count = (await results(page)).length;
    const button = (format) => page.locator(`button[name=format][value=${format}]`);
    const records = await site.recordsOf(async () => {
      const proof = await download(page, button("proof"));
      assert.equal(proof.name, "schleuse-log.proof.json");
      const trust = ["--trust", join(site.pki, "trust.toml")];
      const { stdout } = await site.program("schleuse", ["verify", proof.path, ...trust]);
      assert.ok(stdout.length > 0);
      const broken = site.file("broken.json", proof.text.replace(/"record_number": ?\d/, (one) => `${one}1`));
      if (readFileSync(broken, "utf8") === proof.text) throw new Error("nothing was changed in the export");
      const verified = await site.program("schleuse", ["verify", broken, ...trust], { codes: [1, 4] });
      assert.notEqual(verified.code, 0);
      const lines = await download(page, button("jsonl"));
      const rows = lines.text.trim().split("\n").map((line) => JSON.parse(line));
      assert.ok(rows.length >= count);
      const table = await download(page, button("csv"));
      assert.ok(table.text.trim().split("\n").length > count);
      assert.deepEqual(formulas(table.text), []);
    });
    assert.equal(records.filter(({ type }) => type === "log-queried").length, 3, "each export is a record");
  },

  "an incident shows who has what, and how long there is to notify": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    await incident(page, "de", { agency: JOBCENTER, known_day: day(Date.now() - 86_400_000), known_time: "00:00" });
    assert.match(await page.locator(".note.warn").innerText(), /Melden bis .+: noch (4\d|2\d|3\d) Stunden/);
    assert.match(await page.locator("main table").first().innerText(), /drv-bayern-sued\/reha-beratung/);
    await incident(page, "de", { agency: JOBCENTER, known_day: day(Date.now() - 30 * 86_400_000) });
    assert.match(await page.locator(".note.bad").innerText(), /Melden Sie sofort/);
    await page.goto("/de/incident");
    await page.fill("#reason", REASON);
    await page.click("main form button[type=submit]");
    await page.waitForSelector(".problems");
    assert.equal(await page.inputValue("#reason"), REASON);
    assert.match(await page.locator("#certificate-error").innerText(), /Zertifikat, eine Stelle oder einen Zeitraum/);
    // Days the wrong way round are no incident in which nothing happened.
    await page.fill("#since", "2026-05-02");
    await page.fill("#until", "2026-05-01");
    await page.click("main form button[type=submit]");
    await page.waitForSelector("#until-error");
    assert.equal(await page.locator("main table, main .empty").count(), 0);
  },

  "the report is a page for the participant, without scripts": async ({ site, browsers }) => {
    const page = await browsers.page("dpo");
    await page.goto("/de/report");
    await page.fill("#participant", site.participant.project);
    await page.fill("#reason", "Auskunft nach Art. 15");
    const report = await download(page, page.locator("button[name=format][value=page]"));
    assert.equal(report.name, "auskunft.html");
    assert.doesNotMatch(report.text, /<script|<iframe|\son[a-z]+=|https?:\/\/(?!www\.w3\.org)/i);
    const alone = await browsers.page(null, { origin: "file://" });
    await alone.goto(`file://${site.file("auskunft.html", report.text)}`);
    assert.match(await alone.locator("body").innerText(), /Auskunft/);
    assert.match(await alone.locator("body").innerText(), /DRV|drv-bayern-sued/);
    const proofs = await download(page, page.locator("button[name=format][value=proofs]"));
    await site.program("schleuse", ["verify", proofs.path, "--trust", join(site.pki, "trust.toml")]);
    await page.goto("/de/report");
    await page.fill("#participant", "a".repeat(26));
    await page.fill("#reason", "Auskunft nach Art. 15");
    await page.locator("button[name=format][value=page]").click();
    await page.waitForSelector("#participant-error");
    assert.equal(await page.inputValue("#participant"), "a".repeat(26));
  },

  "duties to delete: overdue, open, all": async ({ site, browsers }) => {
    const page = await browsers.page("dpo");
    const duties = await site.schleuse(ROLES.dpo, "dpo", "deletions");
    const overdue = duties.find(({ participant }) => participant === site.participant.project);
    const open = await site.duty();
    const answered = await site.duty();
    const confirm = ["agency", "confirm-deletion", String(answered.duty), "--deleted"];
    await site.schleuse(`agencies/${DRV}/system`, ...confirm);
    const [first, second, third] = [overdue, open, answered].map(({ duty }) => String(duty));
    for (const [which, numbers] of [["overdue", [first]], ["open", [first, second]], ["all", [first, second, third]]]) {
      await page.goto(`/de/deletions?which=${which}`);
      assert.match(await page.locator(`main a[href$="which=${which}"]`).getAttribute("aria-current"), /page/);
      const rows = await page.locator("tbody tr").evaluateAll((all) => all.map((row) => row.textContent));
      const ours = rows.filter((row) => /drv-bayern-sued\/reha-beratung/.test(row));
      const of = (number) => ours.find((row) => new RegExp(`^\\s*${number}\\D`).test(row));
      assert.deepEqual([first, second, third].filter(of), numbers, which);
      assert.match(of(first), /überfällig/);
      assert.ok(of(first).includes(site.participant.project), rows);
      if (which === "all") assert.match(of(third), /gelöscht/);
    }
    const other = await browsers.page("drvDpo");
    await other.goto("/de/deletions?which=all");
    assert.ok((await other.locator("tbody").innerText()).includes(site.participant.drv), "by its own reference");
  },

  "an officer of an agency sees nothing of others": async ({ site, browsers }) => {
    const page = await browsers.page("agencies/gesundheitsamt-regensburg/dpo");
    await page.goto("/de/deletions?which=all");
    assert.match(await page.locator(".empty").innerText(), /Keine Löschpflicht/);
    const records = await site.recordsOf(() => search(page, { participant: site.participant.drv }));
    const found = await page.locator("ol.rows dd").allInnerTexts();
    assert.equal(await page.locator("ol.rows > li").count(), 1, "its own look, and nothing else");
    assert.equal(await page.locator("ol.rows dd").first().textContent(), String(records[0].record), found);
  },

  "every page says the same in English": async ({ browsers }) => {
    const page = await browsers.page("dpo");
    for (const path of ["", "log", "incident", "report", "deletions"]) {
      await page.goto(`/de/${path}`);
      const german = await page.locator("h1").innerText();
      await page.click(".other-language");
      await page.waitForURL(`**/en/${path}`);
      assert.equal(await page.getAttribute("html", "lang"), "en");
      assert.notEqual(await page.locator("h1").innerText(), german);
      // Names of agencies, purposes and kinds stay German: they are the users' words.
      const words = await page.evaluate(() => {
        const body = document.body.cloneNode(true);
        for (const name of body.querySelectorAll("table, option, bdi")) name.remove();
        return body.textContent;
      });
      assert.doesNotMatch(words, /[äöüß]|\b(und|oder|nicht|eine|ist)\b/i, `German words on /en/${path}`);
      await page.click(".other-language");
      await page.waitForURL(`**/de/${path}`);
    }
    await search(page, { purpose: "unterlagen" }, "en");
    assert.match(await page.locator("main").innerText(), /records shown\. This search is record \d+/);
  },
};

export const tests = { ...flows, ...looks };

/// Cells that a spreadsheet would compute.
export function formulas(csv) {
  const found = csv.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"\r\n]*))/gm);
  const cells = [...found].map(([, quoted, plain]) => quoted ?? plain);
  return cells.filter((cell) => /^[=+\-@\t\r]/.test(cell));
}
