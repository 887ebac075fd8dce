// Entry point: makes a site, runs every area in one browser, prints the report. See `run` beside it. All areas are run
// by two programs side by side, each with a site and a browser of its own: most of the time is waiting.
//
// A new flow is an entry of `tests` in the module of its area: a sentence, and a function that gets `site` (keys,
// broker, data, `schleuse`), `browsers` (a fresh page for a role; what it must never do is checked at the test's end)
// and, for `look`, all of it. A new page needs one `look`: it checks the rules for every page and leaves the
// screenshots. Pages of a companion: `Companion.start(site, role)`; of the Lotse's: `atDesk(test)`, whose
// `desk.see(name)` looks at the page where a flow is. A new area is a module with `title` and `tests`, named below.

import { fork } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Browsers } from "./browser.mjs";
import { Report } from "./report.mjs";
import { runAll } from "./runner.mjs";
import { Site } from "./site.mjs";

const SIDES = {
  offices: ["doors", "native", "guard", "dpo", "erasure", "operator", "companion", "hostile", "plain"],
  desk: ["consents", "participants", "conference", "requests", "access", "hostile_desk"],
};

const [binaries, tools, only, side] = process.argv.slice(2);
const isGood = only || side ? await runSide(side ? SIDES[side] : Object.values(SIDES).flat()) : await runSides();
process.exit(isGood ? 0 : 1);

/// Runs the sides beside one another; what they print comes one after the other.
async function runSides() {
  rmSync(join(tools, "shots"), { recursive: true, force: true });
  const running = Object.keys(SIDES).map((name, number) => {
    const program = fork(process.argv[1], [binaries, tools, "", name], { silent: number > 0 });
    const printed = [];
    for (const stream of [program.stdout, program.stderr]) stream?.on("data", (data) => printed.push(data));
    return new Promise((resolve) => program.once("close", (code) => resolve({ code, printed })));
  });
  const ended = await Promise.all(running);
  for (const { printed } of ended) process.stdout.write(Buffer.concat(printed));
  return ended.every(({ code }) => code === 0);
}

/// Runs areas in one browser, on one site.
async function runSide(names) {
  const areas = await Promise.all(names.map((area) => import(`./${area}.mjs`)));
  console.log("making a site: keys, a broker, a story of eight days ago, a region");
  const site = await Site.make(binaries);
  const browsers = await Browsers.open(site, tools);
  const world = { site, browsers, report: new Report() };
  const isGood = await runAll(areas, world, only);
  world.report.print();
  await browsers.end();
  await site.stop();
  return isGood;
}
