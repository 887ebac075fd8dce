// The browser: a fresh context for each page, with a role's certificate, watched for what a page must never do.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ROLES } from "./site.mjs";

/// Longest wait for anything on a page, in milliseconds.
const WAIT_MS = 20_000;
const EXECUTABLE = "/usr/bin/chromium";

/// Options of every Chromium of these tests.
export function chromiumOptions() {
  const quiet = ["background-networking", "component-update", "sync", "quic"].map((one) => `--disable-${one}`);
  // Its sandbox does not work as root.
  const asRoot = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return [...quiet, "--no-first-run", "--disable-gpu", ...asRoot];
}

export class Browsers {
  static async open(site, tools) {
    const require = createRequire(join(tools, "package.json"));
    const { chromium } = require("playwright-core");
    const { source: axe } = require("axe-core");
    const browser = await chromium.launch({ executablePath: EXECUTABLE, args: chromiumOptions() });
    return new Browsers(site, tools, { chromium, axe, browser });
  }

  constructor(site, tools, { chromium, axe, browser }) {
    Object.assign(this, { site, tools, chromium, axe, browser, contexts: new Map(), complaints: [] });
  }

  /// A page on which nobody has looked at anything yet, for a role or for a path of key and certificate.
  /// `origin`: where its pages come from; `watched: false` for pages that are foreign or fail on purpose.
  async page(who, { origin = this.site.origin, watched = true, base = "", ...options } = {}) {
    const key = who && this.site.key(ROLES[who] ?? who);
    const clientCertificates = key ? [{ origin, certPath: key.certPath, keyPath: key.keyPath }] : [];
    const context = await this.browser.newContext({
      locale: "de-DE", viewport: { width: 1280, height: 900 }, ignoreHTTPSErrors: true, acceptDownloads: true,
      reducedMotion: "reduce",
      baseURL: `${origin}${base}`, ...(origin.startsWith("https:") && { clientCertificates }), ...options,
    });
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    this.contexts.set(context, watched ? this.watch(context, page, origin) : async () => {});
    return page;
  }

  /// A browser of its own with a folder of its own, whose TLS is Chromium's.
  async withFolder(folder, env) {
    const context = await this.chromium.launchPersistentContext(folder, {
      executablePath: EXECUTABLE, args: chromiumOptions(), env, locale: "de-DE", timeout: 60_000,
    });
    this.contexts.set(context, async () => {});
    context.setDefaultTimeout(WAIT_MS);
    return context;
  }

  /// Notes what a page does; the result tells at its end what it left behind.
  watch(context, page, origin) {
    const complain = (what) => this.complaints.push(`${page.url()}: ${what}`);
    page.on("request", (request) => {
      if (!request.url().startsWith(`${origin}/`)) complain(`asks ${request.url()}`);
    });
    page.on("response", (response) => {
      // The browser reports every refusal on its console; those of pages are expected where a test says so.
      if (response.status() >= 400 && !response.request().isNavigationRequest()) {
        complain(`${response.status()} for ${response.url()}`);
      }
    });
    page.on("console", (message) => {
      if (!message.text().startsWith("Failed to load resource: the server responded")) complain(message.text());
    });
    page.on("pageerror", (error) => complain(String(error)));
    page.on("dialog", (dialog) => {
      complain(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("popup", () => complain("opens a window"));
    return async () => {
      const cookies = await context.cookies();
      if (cookies.length > 0) complain(`cookies: ${JSON.stringify(cookies)}`);
      if (page.isClosed() || !page.url().startsWith(origin)) return;
      const kept = await page.evaluate(async () => {
        const databases = await indexedDB.databases();
        return localStorage.length + sessionStorage.length + databases.length + (await caches.keys()).length;
      }).catch(() => 0);
      if (kept > 0) complain("keeps something in the browser");
    };
  }

  /// Closes a page, after a look at what it leaves behind.
  async leave(page) {
    const context = page.context();
    await this.contexts.get(context)?.();
    this.contexts.delete(context);
    await context.close();
  }

  /// Closes every page, and fails if one did what pages must not do.
  async close() {
    const { contexts, complaints } = this;
    Object.assign(this, { contexts: new Map(), complaints: [] });
    for (const [context, leftBehind] of contexts) {
      await leftBehind();
      await context.close();
    }
    assert.deepEqual(complaints, [], "pages did what they must not do");
  }

  async end() {
    await this.browser.close();
  }
}
