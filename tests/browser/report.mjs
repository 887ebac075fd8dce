// What the tests measured: the size of each page, and how soon something is seen.

export class Report {
  constructor() {
    this.pages = new Map();
    this.paints = new Map();
  }

  page(name, bytes, paint) {
    const known = this.pages.get(name) ?? { bytes: 0, paints: [] };
    known.bytes = Math.max(known.bytes, bytes);
    if (paint !== undefined) known.paints.push(paint);
    this.pages.set(name, known);
  }

  /// How soon a page was seen in a browser with its own TLS.
  own(path, paint) {
    this.paints.set(path, [...(this.paints.get(path) ?? []), paint]);
  }

  print() {
    const rows = [...this.pages].map(([name, { bytes, paints }]) => [name, bytes, median(paints)]);
    const wide = Math.max(...rows.map(([name]) => name.length), 4);
    console.log(`\n${"page".padEnd(wide)}  ${"bytes".padStart(7)}  first contentful paint, median (ms)`);
    for (const [name, bytes, paint] of rows) {
      console.log(`${name.padEnd(wide)}  ${String(bytes).padStart(7)}  ${paint?.toFixed(0) ?? "–"}`);
    }
    console.log("The times above are through the test's own TLS, with an empty cache. With Chromium's own TLS:");
    for (const [path, paints] of this.paints) {
      console.log(`${path.padEnd(wide)}  ${"".padStart(7)}  ${median(paints).toFixed(0)}`);
    }
    const all = median([...this.paints.values()].flat());
    console.log(`median of all with its own TLS: ${all?.toFixed(0) ?? "–"} ms`);
  }
}

function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}
