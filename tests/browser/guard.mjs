// The guard in front of the pages: what other pages and programs can make a browser with a certificate do.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { form, oneConnection, send } from "./raw.mjs";
import { ROLES } from "./site.mjs";
import { look } from "./look.mjs";

export const title = "the guard";

const QUESTION = { reason: "Eine fremde Seite fragt" };

/// Headers of every answer, whatever it says.
const HEADERS = {
  "content-security-policy": /^default-src 'none'; style-src 'self'; script-src 'self';.*frame-ancestors 'none'$/,
  "x-content-type-options": /^nosniff$/,
  "x-frame-options": /^DENY$/,
  "referrer-policy": /^same-origin$/,
  "cross-origin-opener-policy": /^same-origin$/,
  "cross-origin-resource-policy": /^same-origin$/,
  "permissions-policy": /camera=\(\)/,
  "strict-transport-security": /^max-age=31536000$/,
};

/// A request in the officer's name.
const ask = ({ site }, path, options = {}) =>
  send(`${site.origin}${path}`, { key: site.key(ROLES.dpo), ...options });

const post = (world, path, headers) => {
  const { body, headers: type } = form(QUESTION);
  return ask(world, path, { method: "POST", body, headers: { ...type, ...headers } });
};

/// A page of somebody else, which the same browser has open.
async function foreign(html) {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(html);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

export const tests = {
  "a form that comes from elsewhere is refused, and is no record": async (world) => {
    const ours = world.site.origin;
    const wrong = {
      "no origin": {},
      "no origin, but said to be ours": { "sec-fetch-site": "same-origin" },
      "a foreign origin": { origin: "https://evil.example" },
      "the origin of nobody": { origin: "null", "sec-fetch-site": "same-origin" },
      "another port": { origin: `${ours}1` },
      "another scheme": { origin: ours.replace("https", "http") },
      "a longer name": { origin: `${ours}.evil.example` },
      "cross-site": { origin: ours, "sec-fetch-site": "cross-site" },
      "same-site": { origin: ours, "sec-fetch-site": "same-site" },
      "typed": { origin: ours, "sec-fetch-site": "none" },
    };
    const records = await world.site.recordsOf(async () => {
      for (const path of ["/de/log", "/de/log/proof", "/de/log/export", "/de/incident", "/de/report"]) {
        for (const [what, headers] of Object.entries(wrong)) {
          assert.equal((await post(world, path, headers)).status, 403, `${path}, ${what}`);
        }
      }
    });
    assert.deepEqual(records, []);
    // So that this can fail: the same form from our own page.
    const own = await world.site.recordsOf(async () => {
      assert.equal((await post(world, "/de/log", { origin: ours, "sec-fetch-site": "same-origin" })).status, 200);
    });
    assert.equal(own.length, 1);
  },

  "a look that another page asks for is refused, and is no record": async (world) => {
    const records = await world.site.recordsOf(async () => {
      for (const path of ["/de/", "/de/deletions", "/de/log"]) {
        for (const headers of [{ "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" },
          { "sec-fetch-site": "other" }, { origin: "https://evil.example" }]) {
          assert.equal((await ask(world, path, { headers })).status, 403, `${path} ${JSON.stringify(headers)}`);
        }
      }
    });
    assert.deepEqual(records, []);
  },

  "other methods are refused": async (world) => {
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
      const headers = { origin: world.site.origin, "sec-fetch-site": "same-origin" };
      assert.equal((await ask(world, "/de/log", { method, headers })).status, 403, method);
    }
  },

  "a foreign page in the same browser can neither send, load nor frame": async (world) => {
    const { site, browsers } = world;
    const target = `${site.origin}/de`;
    const page = await browsers.page("dpo", { watched: false });
    const answers = [];
    page.on("response", (response) => {
      // The page that refuses has a stylesheet.
      if (response.url().startsWith(`${target}/`)) answers.push(response.status());
    });
    const evil = await foreign(`<form method="post" action="${target}/log"><input name="reason" value="x".repeat(20)>
      </form><img src="${target}/"><iframe src="${target}/log"></iframe><script>
      fetch("${target}/deletions", { mode: "no-cors", credentials: "include" }).catch(() => {});
      </script>`);
    const records = await site.recordsOf(async () => {
      await page.goto(evil.url);
      await page.evaluate(() => document.querySelector("form").submit());
      await page.waitForURL(`${target}/log`);
    });
    evil.close();
    assert.deepEqual(records, []);
    assert.ok(answers.length >= 2 && answers.every((status) => status === 403), answers.join(" "));
    assert.match(await page.locator("h1").innerText(), /./);
  },

  "every answer has the headers that keep it here": async (world) => {
    const style = (await ask(world, "/de/")).body.match(/href="(\/assets\/[^"]+\.css)"/)[1];
    const answers = {
      page: await ask(world, "/de/"), form: await ask(world, "/de/log"), redirect: await ask(world, "/"),
      missing: await ask(world, "/nothing"), inside: await ask(world, "/de/nothing"), asset: await ask(world, style),
      noAsset: await ask(world, "/assets/none.css"), refused: await post(world, "/de/log", {}),
      problems: await post(world, "/de/report", { origin: world.site.origin }),
      method: await ask(world, "/de/", { method: "PUT" }), large: await ask(world, "/de/log", {
        method: "POST", headers: { ...form({}).headers, origin: world.site.origin }, body: "a".repeat(300 * 1024),
      }),
      noForm: await ask(world, "/de/log", { method: "POST", headers: { origin: world.site.origin }, body: "{}" }),
      noRole: await send(`${world.site.origin}/de/`, { key: world.site.key(ROLES.system) }),
    };
    for (const [what, { headers, status }] of Object.entries(answers)) {
      for (const [name, value] of Object.entries(HEADERS)) {
        assert.match(headers[name] ?? "", value, `${name} of ${what} (${status})`);
      }
      assert.equal(headers["set-cookie"], undefined, what);
      const mayStay = what === "asset" ? /immutable/ : /^no-store$/;
      assert.match(headers["cache-control"], mayStay, `cache-control of ${what}`);
    }
    assert.equal(answers.large.status, 413);
    assert.equal(answers.problems.status, 422);
  },

  "what is not there looks the same whatever it is called": async (world) => {
    const outside = ["/nothing", "/fr/", "/de", "/assets", "/..%2f..%2fetc/passwd", "/<script>alert(1)</script>"];
    const answers = await Promise.all(outside.map((path) => ask(world, path)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [404]);
    assert.equal(new Set(answers.map(({ body }) => body)).size, 1);
    // Inside, only the way to the same page in the other language tells them apart.
    const inside = ["/nothing", "/log/1", "/participants", "/participants/a", "/mailboxes", "/log/proof/x"];
    const bodies = await Promise.all(inside.map(async (path) => {
      const { status, body } = await ask(world, `/de${path}`);
      assert.equal(status, 404, path);
      return body.replaceAll(`/en${path}"`, '/en"');
    }));
    assert.equal(new Set(bodies.map((body) => body.replaceAll(' aria-current="page"', ""))).size, 1);
  },

  "a record that is not there and one of others look the same": async (world) => {
    const { site } = world;
    const headers = { ...form({}).headers, origin: site.origin };
    const proof = async (number) => send(`${site.origin}/de/log/proof`, {
      method: "POST", headers, key: site.key(ROLES.drvDpo), body: form({ ...QUESTION, number }).body,
    });
    const [others, none] = [await proof("0"), await proof("4000000")];
    assert.deepEqual([others.status, none.status], [404, 404]);
    assert.equal(others.body, none.body);
  },

  "a visitor who asks without end is told to wait": async (world) => {
    const key = world.site.key(ROLES.operator);
    const agent = oneConnection(key);
    const statuses = new Map();
    const answers = await Promise.all(Array.from({ length: 400 }, () =>
      send(`${world.site.origin}/de/nothing`, { agent })));
    agent.destroy();
    for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    assert.deepEqual([...statuses.keys()].sort(), [404, 429], [...statuses].join("; "));
    assert.ok(statuses.get(404) >= 100, [...statuses].join("; "));
    const { status } = await ask(world, "/de/log");
    assert.equal(status, 200, "others are served");
  },

  "the page that refuses is good to look at": async (world) => {
    await look(world, "refused-nothing", "dpo", (page) => page.goto("/nothing"));
  },
};
