// Entry point: makes a site, runs every area in one browser, prints the report. See `run` beside it.
//
// A new flow is an entry of `tests` in the module of its area: a sentence, and a function that gets `site` (keys,
// broker, data, `schleuse`), `browsers` (a fresh page for a role; what it must never do is checked at the test's end)
// and, for `look`, all of it. A new page needs one `look`: it checks the rules for every page and leaves the
// screenshots. Pages of a companion: `Companion.start(site, role)`; of the Lotse's: `atDesk(test)`, whose
// `desk.see(name)` looks at the page where a flow is. A new area is a module with `title` and `tests`, named below.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { Browsers } from "./browser.mjs";
import { Report } from "./report.mjs";
import { runAll } from "./runner.mjs";
import { Site } from "./site.mjs";

const AREAS = [
  "doors", "native", "guard", "dpo", "erasure", "operator", "companion", "hostile", "plain", "consents", "participants",
  "conference", "requests", "hostile_desk",
];

const [binaries, tools, only] = process.argv.slice(2);
if (!only) rmSync(join(tools, "shots"), { recursive: true, force: true });
const areas = await Promise.all(AREAS.map((area) => import(`./${area}.mjs`)));
console.log("making a site: keys, a broker, a story of five days ago, a region");
const site = await Site.make(binaries);
const browsers = await Browsers.open(site, tools);
const world = { site, browsers, report: new Report() };
const isGood = await runAll(areas, world, only);
world.report.print();
await browsers.end();
await site.stop();
process.exit(isGood ? 0 : 1);
