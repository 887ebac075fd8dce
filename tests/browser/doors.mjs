// Who comes in: nobody without a good certificate of a role that has pages.

import assert from "node:assert/strict";
import { send } from "./raw.mjs";
import { ROLES } from "./site.mjs";
import { look } from "./look.mjs";

export const title = "who comes in";

/// Certificates of the faulty table that must not bring a single byte.
const FAULTY = ["expired", "revoked", "issuer-revoked", "root-foreign", "root-foreign-same-names",
  "self-signed", "key-of-another", "eku-server-only", "issuer-not-in-table", "validity-91-days"];

/// How Chromium says so: the alert, or that the connection was gone before it was read.
const NOT_LET_IN = /net::ERR_(BAD_SSL_CLIENT_AUTH_CERT|SOCKET_NOT_CONNECTED|CONNECTION_(CLOSED|RESET)|EMPTY_RESPONSE)/;

export const tests = {
  "without a certificate there is no answer": async ({ site, browsers }) => {
    const page = await browsers.page(null, { watched: false });
    await assert.rejects(page.goto("/de/"), NOT_LET_IN);
    await assert.rejects(send(`${site.origin}/de/`), /certificate required/i);
    await assert.rejects(send(`${site.origin}/assets/x/console.css`), /certificate required/i);
  },

  "with a faulty certificate there is no answer": async ({ site, browsers }) => {
    for (const name of FAULTY) {
      const key = site.key(`faulty/${name}`);
      await assert.rejects(send(`${site.origin}/de/`, { key }), `${name} was answered`);
    }
    for (const name of ["expired", "revoked", "root-foreign", "issuer-not-in-table"]) {
      const page = await browsers.page(`faulty/${name}`, { watched: false });
      const answer = await page.goto("/de/").catch(() => null);
      const text = (await answer?.text()) ?? "";
      assert.ok(!/· Schleuse|Übersicht|<nav|assets/.test(text), `${name}: ${text.slice(0, 500)}`);
    }
  },

  "the certificates of a good table come in": async ({ site }) => {
    // So that the test before can fail: the same way in, with nothing wrong.
    const { status } = await send(`${site.origin}/de/`, { key: site.key(ROLES.dpo) });
    assert.equal(status, 200);
  },

  "roles without pages are told that there is no console": async (world) => {
    for (const role of ["system", "evaluation"]) {
      for (const path of ["/de/", "/de/log", "/de/mailboxes", "/de/anything"]) {
        const { status, body } = await send(`${world.site.origin}${path}`, { key: world.site.key(ROLES[role]) });
        assert.equal(status, 403);
        assert.ok(!body.includes("<nav") && !body.includes("<table"), body);
      }
      await look(world, `no-console-${role}`, role, async (page) => {
        const answer = await page.goto("/de/");
        assert.equal(answer.status(), 403);
      });
    }
  },

  "a Lotse is told where the console is": async (world) => {
    for (const path of ["/de/log", "/de/participants", "/de/mailboxes", "/de/deletions"]) {
      const { status } = await send(`${world.site.origin}${path}`, { key: world.site.key(ROLES.lotse) });
      assert.equal(status, 404, path);
    }
    for (const language of ["de", "en"]) {
      await look(world, `lotse-at-the-broker-${language}`, "lotse", async (page) => {
        const answer = await page.goto(`/${language}/`);
        assert.equal(answer.status(), 403);
        assert.match(await page.locator("main").innerText(), /schleuse lotse console/);
        assert.equal(await page.locator("table, form, nav").count(), 0);
      });
    }
  },

  "a role does not reach the pages of another": async ({ site }) => {
    const status = async (role, path) =>
      (await send(`${site.origin}${path}`, { key: site.key(ROLES[role]) })).status;
    for (const path of ["/de/log", "/de/incident", "/de/report", "/de/deletions"]) {
      assert.equal(await status("operator", path), 404, path);
      assert.equal(await status("dpo", path), 200, path);
    }
    for (const path of ["/de/mailboxes", "/de/directory"]) {
      assert.equal(await status("dpo", path), 404, path);
      assert.equal(await status("operator", path), 200, path);
    }
  },
};
