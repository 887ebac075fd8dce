// The Lotse's desk: a companion of their own, and the steps that several tests go through.

import assert from "node:assert/strict";
import { Companion } from "./companion.mjs";
import { eyes } from "./look.mjs";
import { DRV, JOBCENTER, ROLES } from "./site.mjs";

export const TEMPLATES = new URL("../../ops/reference/consent-templates", import.meta.url).pathname;
export const CONTACT = "Ihre Lotsin, Telefon 0941 507 0000";
export const REHA = `${DRV}/reha-beratung`;
export const SIGNED = { name: "scan.pdf", mimeType: "application/pdf", buffer: Buffer.from("unterschrieben") };

/// Runs a test at the Lotse's desk, and ends its companion. `desk.see(name)` looks at the page where it is.
export const atDesk = (test, { browser = {}, role = "lotse", ...options } = {}) => async (world) => {
  const sealing = `${world.site.pki}/agencies/lotsenstelle/sealing.toml`;
  const more = ["--templates", TEMPLATES, "--contact", CONTACT, "--sealing", sealing];
  const companion = await Companion.start(world.site, role, { area: "lotse", more, ...options });
  try {
    const page = await world.browsers.page(null, { origin: companion.origin, ...browser });
    const see = await eyes(world, page);
    await page.goto(companion.link);
    await page.waitForURL(/\/s\/[\w-]{43}\/de\/$/);
    await test({ ...world, companion }, new Desk(world, page, see));
    await world.browsers.close();
  } finally {
    await companion.stop();
  }
};

export class Desk {
  constructor({ site }, page, see) {
    Object.assign(this, { site, page, see, base: page.url().replace(/\/$/, "") });
  }

  go(path = "/") {
    return this.page.goto(`${this.base}${path}`);
  }

  /// Presses a button or follows a link, and waits for the page that comes.
  async press(name, role = "button") {
    const one = this.page.getByRole(role, typeof name === "string" ? { name, exact: true } : { name }).first();
    await Promise.all([this.page.waitForEvent("load"), one.click()]);
  }

  follow(name) {
    return this.press(name, "link");
  }

  h1() {
    return this.page.locator("h1").first().innerText();
  }

  /// Words of the note that says what was done.
  async done() {
    const note = this.page.locator(".note.good[role=status]");
    await note.waitFor();
    return note.innerText();
  }

  /// Number of the log record that the note names.
  async record() {
    return Number((await this.done()).match(/Eintrag (\d+)/)[1]);
  }

  /// Each wrong field, with the words beside it.
  async errors() {
    await this.page.locator(".problems").waitFor();
    const found = {};
    for (const one of await this.page.locator(".error").all()) {
      found[(await one.getAttribute("id")).replace(/-error$/, "")] = await one.innerText();
    }
    // What the summary names stands beside a field that is there.
    for (const link of await this.page.locator(".problems a").all()) {
      const target = (await link.getAttribute("href")).slice(1);
      assert.equal(await this.page.locator(`[id="${target}"]`).count(), 1, `${target} is there`);
    }
    return found;
  }

  /// Registers a participant on the page; leaves their page open.
  async register(name, number = "") {
    await this.go("/participants/new");
    await this.page.fill("#name", name);
    if (number) await this.page.fill("#file_number", number);
    await this.press("Speichern");
    await this.page.waitForURL(/\/participants\/[a-z2-7]{26}/);
    const [reference] = this.page.url().match(/[a-z2-7]{26}/);
    return { name, reference, path: `/participants/${reference}` };
  }

  async reference(person, agency) {
    const options = ["lotse", "participant", "reference", "--participant", person.reference, "--agency", agency];
    return (await this.site.schleuse(ROLES.lotse, ...options)).reference;
  }

  /// Fills the first step of a consent, from its template on.
  async fillConsent(person, { template = "unterlagen", to = REHA, from = [JOBCENTER], purpose = "unterlagen",
    categories = ["gesundheit", "termine"], months } = {}) {
    const { page } = this;
    await this.go(`${person.path}/record`);
    const version = await page.locator("#template option").evaluateAll(
      (all, wanted) => all.map((one) => one.value).find((one) => one.startsWith(wanted)), template,
    );
    await page.selectOption("#template", version);
    await this.press("Weiter");
    await page.selectOption("#recipient0", to);
    await page.selectOption("#purpose0", purpose);
    for (const one of from) await page.check(`[id="senders0-${one}"]`);
    for (const one of categories) await page.check(`[id="categories0-${one}"]`);
    if (months) await page.fill("#months", String(months));
  }

  /// Records a consent on the pages: its address, and its identifier.
  async consent(person, choices = {}) {
    await this.fillConsent(person, choices);
    await this.press(/Vorlesen/);
    await this.press(/Unterschrieben/);
    if (!choices.withoutFile) await this.page.setInputFiles("#file", SIGNED);
    if (choices.review) await this.page.fill("#review_months", String(choices.review));
    await this.press("Einwilligung aufzeichnen");
    await this.page.waitForURL(/\/consents\/[0-9a-f]{32}\?done=recorded/);
    const [, id] = this.page.url().match(/consents\/([0-9a-f]{32})/);
    return { id, path: `${person.path}/consents/${id}` };
  }

  async given(person, grants, more = []) {
    const consent = await given(this.site, person.reference, grants, more);
    return { id: consent, path: `${person.path}/consents/${consent}` };
  }
}

/// Records a consent without the pages.
export async function given(site, reference, grants, more = []) {
  const tables = grants.map(({ from = [JOBCENTER], to = REHA, purpose = "unterlagen", categories, months = 12 }) =>
    `[[grant]]\nfrom = ${JSON.stringify(from)}\nto = "${to}"\npurpose = "${purpose}"\n` +
    `categories = ${JSON.stringify(categories)}\nmonths = ${months}\n`);
  const options = ["--participant", reference, "--grants", site.file("grants.toml", tables.join(""))];
  const text = ["--text", site.file("consent.txt", "Text"), "--text-version", "2026-1"];
  const evidence = ["--evidence", site.file("signed.pdf", "Scan")];
  const record = ["lotse", "consent", "record", ...options, ...text, ...evidence, ...more];
  return (await site.schleuse(ROLES.lotse, ...record)).consent;
}

/// Sends a message of the Jobcenter's about a participant, by its own reference.
export function send(site, reference, { category = "gesundheit", subject = "Befund" } = {}) {
  return site.schleuse(
    ROLES.system, "agency", "send", "--participant", reference, "--to", REHA, "--purpose", "unterlagen",
    "--as", "fallmanagement", "--kind", "unterlagen.supply", "--category", category, "--text", "Befund anbei",
    "--subject", subject,
  );
}

/// Records of the log that its officer finds.
export async function log(site, ...filter) {
  const reason = ["--reason", "check of a browser test"];
  return (await site.schleuse(ROLES.dpo, "dpo", "log", ...reason, ...filter)).rows;
}
