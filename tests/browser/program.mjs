// Programs that the tests start. Each is ended by its id, also when the tests fail.

import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/// Longest wait for a line, an end, or a program that runs through, in milliseconds.
export const LIMIT_MS = 120_000;

const running = new Set();
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]]) {
  process.once(signal, () => process.exit(code));
}
process.once("exit", () => {
  for (const program of running) program.kill("SIGKILL");
});

/// Variables of the caller's shell must not choose another broker or identity.
export function cleanEnvironment(more = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("SCHLEUSE_"));
  return { ...Object.fromEntries(kept), ...more };
}

/// A program that goes on until it is stopped.
export class Program {
  constructor(path, options, more = {}) {
    this.name = path.split("/").pop();
    this.child = spawn(path, options, { env: cleanEnvironment(more), stdio: ["pipe", "pipe", "pipe"] });
    running.add(this.child);
    this.lines = [];
    this.said = "";
    this.wanted = null;
    this.ended = new Promise((resolve) => {
      this.child.once("error", (error) => resolve(String(error)));
      this.child.once("exit", (code, signal) => resolve(code ?? signal));
    });
    this.ended.then(() => {
      running.delete(this.child);
      this.wanted?.();
    });
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      this.lines.push(line);
      this.wanted?.();
    });
    this.child.stderr.on("data", (data) => { this.said += data; });
  }

  /// The first line that a pattern finds, from a number of lines on.
  async line(pattern, from = 0) {
    const limit = AbortSignal.timeout(LIMIT_MS);
    for (;;) {
      const found = this.lines.slice(from).map((line) => line.match(pattern)).find(Boolean);
      if (found) return found;
      if (this.child.exitCode !== null) throw new Error(`${this.name} ended: ${this.said}`);
      if (limit.aborted) throw new Error(`${this.name} did not print ${pattern}: ${this.said}`);
      await new Promise((resolve) => {
        this.wanted = resolve;
        limit.addEventListener("abort", resolve, { once: true });
      });
    }
  }

  type(text) {
    this.child.stdin.write(text);
  }

  async stop() {
    this.child.kill("SIGTERM");
    return this.ended;
  }
}

/// Runs a program through: what it printed. Any of `codes` is a good end.
export function run(path, options, { env = {}, codes = [0], input } = {}) {
  return new Promise((resolve, reject) => {
    const settings = { env: cleanEnvironment(env), timeout: LIMIT_MS, maxBuffer: 256 * 1024 * 1024 };
    const child = execFile(path, options, settings, (error, stdout, stderr) => {
      const code = error ? error.code : 0;
      if (codes.includes(code)) resolve({ stdout, stderr, code });
      else reject(new Error(`${path.split("/").pop()} ${options.join(" ")}: ${code}\n${stderr}${stdout}`));
    });
    if (input !== undefined) child.stdin.end(input);
  });
}
