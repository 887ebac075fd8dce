// The companion: the console on the machine of somebody whose key stays there.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { look } from "./look.mjs";
import { Program, run } from "./program.mjs";
import { form, send } from "./raw.mjs";
import { note } from "./runner.mjs";
import { ROLES, fakeTime } from "./site.mjs";

export const title = "the companion";

const LINK = /^http:\/\/127\.0\.0\.1:(\d+)\/launch\/[\w-]{43}$/;

/// A companion that runs, and its newest link.
export class Companion {
  /// `role`: whose console it is, by the name that tests use; `area`: the command of that role; `trust`: another table
  /// of trust.
  static async start(site, role = "dpo", { area = role, more = [], time = {}, trust } = {}) {
    const folder = site.newFolder(`companion-${role}-${Math.random().toString(36).slice(2)}`);
    const catalogue = new URL("../../ops/reference/catalogue.toml", import.meta.url).pathname;
    const own = ["--state", join(folder, "state"), "--folder", join(folder, "own"), "--catalogue", catalogue];
    const table = join(site.pki, "trust.toml");
    const as = site.as(ROLES[role]).map((one) => (one === table ? trust ?? table : one));
    const options = [area, "console", ...own, ...more, ...as];
    const companion = new Companion();
    companion.folder = folder;
    companion.program = new Program(join(site.binaries, "schleuse"), options, time);
    await companion.newLink();
    return companion;
  }

  async newLink() {
    const [link, port] = await this.program.line(LINK, this.program.lines.length);
    Object.assign(this, { link, port: Number(port), origin: `http://127.0.0.1:${port}` });
  }

  /// Presses Enter.
  async again() {
    this.program.type("\n");
    const before = this.link;
    await this.newLink();
    assert.notEqual(this.link, before);
  }

  /// Opens the console in a browser.
  async open(browsers, options = {}) {
    const page = await browsers.page(null, { origin: this.origin, ...options });
    await page.goto(this.link);
    await page.waitForURL(/\/s\/[\w-]{43}\/de\/$/);
    return page;
  }

  stop() {
    return this.program.stop();
  }
}

/// Runs a test with a companion, and ends that.
const beside = (test, options) => async (world) => {
  const companion = await Companion.start(world.site, "dpo", options?.(world));
  try {
    await test(world, companion);
    // While there is somebody to answer what a page still asks for.
    await world.browsers.close();
  } finally {
    await companion.stop();
  }
};

export const tests = {
  "the link opens the console once, and the pages say that proofs are checked here": beside(
    async ({ browsers }, companion) => {
      const page = await companion.open(browsers);
      assert.match(await page.locator("main").innerText(), /Geprüft auf diesem Rechner/);
      await page.click("nav a[href$='/log']");
      await page.fill("#reason", "Stichprobe auf diesem Rechner");
      await page.click("main form button");
      await page.waitForSelector("ol.rows > li");
      const again = await browsers.page(null, { origin: companion.origin });
      const answer = await again.goto(companion.link);
      assert.equal(answer.status(), 403);
      assert.equal(await again.locator("a, form").count(), 0);
      await page.reload().catch(() => null);
      await page.goto(page.url().replace(/\/log$/, "/"));
      assert.equal(await page.locator("h1").innerText(), "Übersicht", "the session goes on");
    },
  ),

  "Enter prints a new link: the unused one and the old session end": beside(async ({ browsers }, companion) => {
    const unused = companion.link;
    await companion.again();
    assert.equal((await send(unused)).status, 403);
    const page = await companion.open(browsers);
    const old = page.url();
    await companion.again();
    await companion.open(browsers);
    const answer = await page.goto(old);
    assert.equal(answer.status(), 403);
    assert.equal(await page.locator("nav, table").count(), 0);
  }),

  "a browser that loads ahead does not use the link up": beside(async ({ browsers }, companion) => {
    for (const purpose of ["prefetch", "prefetch;prerender"]) {
      assert.equal((await send(companion.link, { headers: { "sec-purpose": purpose } })).status, 403);
    }
    await companion.open(browsers);
  }),

  "another host name is refused, at the link too": beside(async ({ browsers }, companion) => {
    for (const host of ["evil.example", `evil.example:${companion.port}`, `localhost:${companion.port}`]) {
      assert.equal((await send(companion.link, { headers: { host } })).status, 403, host);
    }
    const page = await companion.open(browsers);
    for (const host of ["evil.example", `localhost:${companion.port}`]) {
      const { status, body } = await send(page.url(), { headers: { host } });
      assert.equal(status, 403, host);
      assert.ok(!body.includes("Übersicht"), host);
    }
    assert.equal((await send(page.url())).status, 200, "so that this can fail");
  }),

  "without the secret path nothing is shown": beside(async ({ browsers }, companion) => {
    const page = await companion.open(browsers);
    const { pathname } = new URL(page.url());
    const secret = pathname.split("/")[2];
    const changed = secret.replace(/^./, (first) => (first === "A" ? "B" : "A"));
    for (const path of ["/", "/de/", "/de/log", "/s/", `/s/${changed}/de/`, `/s/${secret.slice(0, -1)}/de/`,
      pathname.toUpperCase(), `/s/${secret}x/de/`, "/launch/", "/launch/x", `/launch/${secret}`]) {
      const { status, body } = await send(`${companion.origin}${path}`);
      assert.ok(status === 403 || status === 404, `${path}: ${status}`);
      assert.ok(!body.includes("<nav") && !body.includes(secret), path);
    }
  }),

  "forms of other pages are refused": beside(async ({ site, browsers }, companion) => {
    const page = await companion.open(browsers);
    const { headers, body } = form({ reason: "Eine fremde Seite fragt" });
    const records = await site.recordsOf(async () => {
      for (const more of [{}, { origin: "https://evil.example" }, { origin: "null" },
        { origin: companion.origin, "sec-fetch-site": "cross-site" }]) {
        const sent = { method: "POST", headers: { ...headers, ...more }, body };
        assert.equal((await send(`${page.url()}log`, sent)).status, 403, JSON.stringify(more));
      }
    });
    assert.deepEqual(records, []);
  }),

  "it listens on 127.0.0.1 alone": beside(async (_, companion) => {
    const port = companion.port.toString(16).toUpperCase().padStart(4, "0");
    const listening = ["tcp", "tcp6"].flatMap((table) => readFileSync(`/proc/net/${table}`, "utf8")
      .split("\n").map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => local?.endsWith(`:${port}`) && state === "0A").map(([, local]) => local));
    assert.deepEqual(listening, [`0100007F:${port}`]);
    await assert.rejects(new Promise((resolve, reject) => {
      createConnection(companion.port, "127.0.0.2").once("connect", resolve).once("error", reject);
    }), /ECONNREFUSED/);
  }),

  "another user of the machine is not answered": beside(async ({ browsers }, companion) => {
    if (process.getuid() !== 0) return note("not tried: only root can act as another user");
    const page = await companion.open(browsers);
    const fetch = ["curl", "--silent", "--show-error", "--max-time", "20", page.url()];
    const own = await run(fetch[0], fetch.slice(1));
    assert.match(own.stdout, /Übersicht/, "so that this can fail");
    const other = ["--reuid=65534", "--regid=65534", "--clear-groups", ...fetch];
    // 52: an empty answer, 56: the connection was reset.
    const { stdout } = await run("setpriv", other, { codes: [52, 56] });
    assert.equal(stdout, "");
    return undefined;
  }),

  "after an hour without a request the session is over": async ({ site, browsers }) => {
    const clock = site.file("clock", "+0s\n");
    const time = fakeTime({ FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: "1" });
    const companion = await Companion.start(site, "dpo", { time });
    try {
      const page = await companion.open(browsers);
      writeFileSync(clock, "+59m\n");
      assert.equal((await page.goto(page.url())).status(), 200);
      writeFileSync(clock, "+118m\n");
      assert.equal((await page.goto(page.url())).status(), 200, "each request begins the hour anew");
      writeFileSync(clock, "+179m\n");
      const over = await page.goto(page.url());
      assert.equal(over.status(), 403);
      assert.equal(await page.locator("nav, table").count(), 0);
      await browsers.close();
    } finally {
      await companion.stop();
    }
  },

  "whoever types goes on using the session": async ({ site, browsers }) => {
    const clock = site.file("clock-typing", "+0s\n");
    const time = fakeTime({ FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: "1" });
    const companion = await Companion.start(site, "dpo", { time });
    try {
      const page = await companion.open(browsers);
      await page.click("nav a[href$='/log']");
      writeFileSync(clock, "+59m\n");
      await Promise.all([page.waitForResponse(/console\.[\w-]*\.?css/), page.fill("#reason", "Dauert lange")]);
      writeFileSync(clock, "+118m\n");
      await page.click("main form button");
      await page.waitForSelector("ol.rows > li");
      await browsers.close();
    } finally {
      await companion.stop();
    }
  },

  "its own pages are good to look at": beside(async (world, companion) => {
    const options = { origin: companion.origin };
    await look(world, "companion-no-session", null, (page) => page.goto("/"), options);
    await look(world, "companion-link-used", null, (page) => page.goto("/launch/used"), options);
    await look(world, "companion-overview", null, async (page) => {
      await page.goto(companion.link);
      await page.waitForURL(/\/s\//);
    }, options);
  }),
};
