// Chromium's own TLS: root and key in its certificate database, as on the machine of somebody who works with it.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, run } from "./program.mjs";
import { ROLES } from "./site.mjs";

export const title = "Chromium's own TLS";

/// A browser whose owner imported the root, and a key if there is one. It takes that key without asking, as a policy
/// of a workplace would have it; here by its profile, which needs no rights on the machine.
async function browserOf({ site, browsers }, name, role, { trusts = true } = {}) {
  const folder = site.newFolder(name);
  const database = join(folder, "home", ".pki", "nssdb");
  const profile = join(folder, "profile");
  mkdirSync(database, { recursive: true });
  mkdirSync(join(profile, "Default"), { recursive: true });
  const certutil = (...options) => run("certutil", ["-d", `sql:${database}`, ...options]);
  await certutil("-N", "--empty-password");
  if (trusts) await certutil("-A", "-n", "root", "-t", "C,,", "-i", join(site.pki, "root.pem"));
  if (role) {
    const { certPath, keyPath } = site.key(ROLES[role]);
    const bag = join(folder, "own.p12");
    const password = "only-for-the-way";
    const pack = ["pkcs12", "-export", "-in", certPath, "-inkey", keyPath, "-name", role];
    await run("openssl", [...pack, "-passout", `pass:${password}`, "-out", bag]);
    await run("pk12util", ["-d", `sql:${database}`, "-i", bag, "-W", password, "-K", ""]);
  }
  const chosen = { [`${site.origin},*`]: { setting: { filters: [{}] } } };
  const preferences = { profile: { content_settings: { exceptions: { auto_select_certificate: chosen } } } };
  writeFileSync(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
  const home = join(folder, "home");
  return browsers.withFolder(profile, cleanEnvironment({ HOME: home, XDG_DATA_HOME: join(home, ".local/share") }));
}

export const tests = {
  "an officer sees the overview, and both sides are verified": async (world) => {
    const { site, report } = world;
    const context = await browserOf(world, "officer", "dpo");
    const page = await context.newPage();
    const answer = await page.goto(`${site.origin}/de/`);
    assert.equal(answer.status(), 200);
    assert.equal((await answer.securityDetails()).protocol, "TLS 1.3");
    assert.equal(await page.locator("h1").innerText(), "Übersicht");
    assert.match(await page.locator(".who").innerText(), /projekt/);
    const protocol = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
    assert.equal(protocol, "h2");
    // A search, too: forms pass the guard with what this browser says of itself.
    await page.goto(`${site.origin}/de/log`);
    await page.fill("#reason", "Stichprobe im eigenen Browser");
    await page.click("main form button");
    await page.waitForSelector("ol.rows > li");
    // How soon something is seen, without a program in between.
    for (const path of ["", "log", "incident", "report", "deletions"]) {
      for (let turn = 0; turn < 5; turn += 1) {
        await page.goto(`${site.origin}/de/${path}`);
        const entry = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
        report.own(`/de/${path}`, await (await page.waitForFunction(entry)).jsonValue());
      }
    }
  },

  "without a key in the database nothing is seen": async (world) => {
    const context = await browserOf(world, "nobody", null);
    const page = await context.newPage();
    await assert.rejects(page.goto(`${world.site.origin}/de/`), /net::ERR_/);
  },

  "a broker for which no imported root vouches is not trusted": async (world) => {
    const context = await browserOf(world, "stranger", "dpo", { trusts: false });
    const page = await context.newPage();
    await assert.rejects(page.goto(`${world.site.origin}/de/`), /net::ERR_CERT_AUTHORITY_INVALID/);
  },
};
