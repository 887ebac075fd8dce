// Runs tests one after another and says what became of each.

/// A test's name and its function, by area. `only`: words that the area or the name must contain.
export async function runAll(areas, world, only) {
  const failed = [];
  let passed = 0;
  for (const { title, tests } of areas) {
    const chosen = Object.entries(tests).filter(([name]) => `${title}: ${name}`.includes(only));
    if (chosen.length > 0) console.log(`\n${title}`);
    for (const [name, test] of chosen) {
      const began = performance.now();
      const error = await outcome(test, world);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(`  ${error ? "FAILED" : "ok    "} ${name} (${seconds} s)`);
      if (error) {
        console.log(String(error.stack ?? error).replaceAll(/^/gm, "         "));
        failed.push(`${title}: ${name}`);
      } else {
        passed += 1;
      }
    }
  }
  console.log(`\n${passed} passed, ${failed.length} failed`);
  for (const name of failed) console.log(`failed: ${name}`);
  return failed.length === 0 && passed > 0;
}

/// What went wrong with a test, or with the pages that it opened; nothing if all was well.
async function outcome(test, world) {
  let error;
  try {
    await test(world);
  } catch (thrown) {
    error = thrown;
  }
  try {
    await world.browsers.close();
  } catch (thrown) {
    error ??= thrown;
  }
  return error;
}

/// A note that belongs to the report: what was not tried here, and why.
export function note(text) {
  console.log(`         note: ${text}`);
}
