// A site of its own for the tests: keys of a region, a broker with its console, and what happened there before.

import { mkdirSync, mkdtempSync, readFileSync, readdirSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program, run } from "./program.mjs";

export const JOBCENTER = "jobcenter-stadt-regensburg";
export const DRV = "drv-bayern-sued";
export const KRANKENKASSE = "krankenkasse-nord";
const LOTSE = "lotsenstelle/lotse-l-01";

/// Who looks, by the name that tests use.
export const ROLES = {
  dpo: "agencies/projekt/dpo",
  drvDpo: `agencies/${DRV}/dpo`,
  operator: "agencies/betrieb/operator",
  lotse: `agencies/${LOTSE}`,
  otherLotse: "agencies/lotsenstelle/lotse-l-02",
  system: `agencies/${JOBCENTER}/system`,
  evaluation: "agencies/oth-regensburg/evaluation",
};

const TO_REHA = ["--to", `${DRV}/reha-beratung`, "--purpose", "unterlagen"];
/// How long ago the story happened whose duty to delete is overdue now.
const STORY_BEGAN = "-8d";
/// How long ago a consent was recorded whose review after a month, and the weeks of grace after that, are over now.
const REVIEW_FORGOTTEN = "-60d";

export class Site {
  /// Makes the site in a temporary folder: first a story eight days ago, then a region today.
  static async make(binaries) {
    const site = await Site.begun(binaries, STORY_BEGAN, ["--region", "--faulty"]);
    await site.tell();
    await site.stop();
    site.time = {};
    await site.start();
    const region = ["simulate", "--pki", site.pki, "--participants", "10", "--messages", "60", "--seed", "7"];
    await site.program("schleuse", [...region, ...site.broker()]);
    return site;
  }

  /// A small site on which a review was forgotten: its clock has moved on by two months, its keys are renewed.
  static async withForgottenReview(binaries) {
    const site = await Site.begun(binaries, REVIEW_FORGOTTEN, ["--region"]);
    await site.openOffices();
    await site.tellOfReview(TO_REHA);
    await site.stop();
    site.time = {};
    await site.program("schleuse-certs-dev", ["renew", "--out", site.pki]);
    await site.start();
    return site;
  }

  /// Keys and a broker, some time ago.
  static async begun(binaries, ago, keys) {
    const site = new Site(binaries, mkdtempSync(join(tmpdir(), "schleuse-browser-")));
    process.once("exit", () => rmSync(site.folder, { recursive: true, force: true }));
    site.time = fakeTime({ FAKETIME: ago });
    await site.program("schleuse-certs-dev", ["generate", ...keys, "--out", site.pki]);
    writeFileSync(join(site.folder, "broker.toml"), configuration());
    await site.start();
    return site;
  }

  constructor(binaries, folder) {
    this.binaries = binaries;
    this.folder = folder;
    this.pki = join(folder, "pki");
    this.time = {};
  }

  async start() {
    const options = ["serve", "--config", join(this.folder, "broker.toml")];
    this.served = new Program(join(this.binaries, "schleuse-broker"), options, this.time);
    this.address = (await this.served.line(/^listening on (.+)$/))[1];
    const [, port] = await this.served.line(/^console on 127\.0\.0\.1:(\d+)$/);
    this.port = Number(port);
    this.origin = `https://localhost:${port}`;
  }

  stop() {
    return this.served.stop();
  }

  program(name, options, settings = {}) {
    return run(join(this.binaries, name), options, { ...settings, env: { ...this.time, ...settings.env } });
  }

  broker() {
    return ["--endpoint", `https://${this.address}`, "--server-name", "localhost"];
  }

  /// What names an identity of the site to `schleuse`.
  as(path) {
    return [...this.broker(), "--trust", join(this.pki, "trust.toml"), "--certificate", join(this.pki, `${path}.pem`)];
  }

  /// Runs `schleuse` in somebody's name: the JSON that it printed.
  async schleuse(path, ...options) {
    const { stdout } = await this.program("schleuse", [...options, ...this.as(path), "--json"]);
    return JSON.parse(stdout);
  }

  /// Key and certificate of an identity.
  key(path) {
    const certPath = join(this.pki, `${path}.pem`);
    const keyPath = join(this.pki, `${path}.key`);
    return { certPath, keyPath, cert: readFileSync(certPath), key: readFileSync(keyPath) };
  }

  file(name, text) {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  newFolder(name) {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  async publish(agency, name, ...functions) {
    const sealing = join(this.pki, "agencies", agency, "sealing.toml");
    const given = functions.flatMap((one) => ["--function", one]);
    const options = ["agency", "publish", "--yes", "--name", name, ...given, "--sealing", sealing];
    return this.schleuse(agency === "lotsenstelle" ? ROLES.lotse : `agencies/${agency}/system`, ...options);
  }

  /// Who sends and who receives in every story.
  async openOffices() {
    await this.publish(JOBCENTER, "Jobcenter Stadt Regensburg", "fallmanagement=Fallmanagement");
    await this.publish(DRV, "DRV Bayern Süd", "reha-beratung=Reha-Beratung");
  }

  /// A message is handed out, then its consent is revoked: its recipient has to delete, and does not answer.
  async tell() {
    await this.openOffices();
    const { consent, participant } = await this.duty();
    Object.assign(this, { consent, participant });
    await this.tellOfReview(TO_REHA);
  }

  /// Somebody's message is handed out, then its consent is revoked: the duty to delete it.
  async duty() {
    const { participant } = await this.schleuse(ROLES.lotse, "lotse", "participant", "register");
    const about = ["--participant", participant];
    const reference = async (agency) => {
      const options = ["lotse", "participant", "reference", ...about, "--agency", agency];
      return (await this.schleuse(ROLES.lotse, ...options)).reference;
    };
    const references = { lotse: participant, jobcenter: await reference(JOBCENTER), drv: await reference(DRV) };
    const to = TO_REHA;
    const text = this.file("text.txt", "Text der Einwilligung");
    const evidence = this.file("scan.pdf", "Scan");
    const { consent } = await this.schleuse(
      ROLES.lotse, "lotse", "consent", "record", ...about, ...to, "--from", JOBCENTER, "--months", "12",
      "--category", "gesundheit,termine", "--text", text, "--text-version", "2026-1", "--evidence", evidence,
    );
    await this.schleuse(
      ROLES.system, "agency", "send", "--participant", references.jobcenter, ...to, "--as", "fallmanagement",
      "--kind", "unterlagen.supply", "--category", "gesundheit", "--text", "Befund anbei", "--subject", "Befund",
    );
    const sealing = join(this.pki, "agencies", DRV, "sealing.toml");
    const receive = ["--function", "reha-beratung", "--sealing", sealing, "--acknowledge", "--count", "1"];
    await this.schleuse(`agencies/${DRV}/system`, "agency", "receive", ...receive);
    const before = await this.schleuse(ROLES.dpo, "dpo", "deletions");
    await this.schleuse(ROLES.lotse, "lotse", "consent", "revoke", "--consent", consent, "--yes");
    const known = new Set(before.map(({ duty }) => duty));
    const duties = await this.schleuse(ROLES.dpo, "dpo", "deletions");
    const { duty, participant: project } = duties.find((one) => !known.has(one.duty));
    return { duty, consent, participant: { ...references, project } };
  }

  /// A consent whose review is a month later.
  async tellOfReview(to) {
    const { participant } = await this.schleuse(ROLES.lotse, "lotse", "participant", "register");
    const text = ["--text", this.file("text.txt", "Text der Einwilligung"), "--text-version", "2026-1"];
    const { consent } = await this.schleuse(
      ROLES.lotse, "lotse", "consent", "record", "--participant", participant, ...to, "--from", JOBCENTER,
      "--category", "termine", "--months", "12", "--review-months", "1", ...text,
    );
    this.reviewed = { participant, consent };
  }

  /// Records of the log that came since `action` began, without those of this look itself.
  async recordsOf(action, path = ROLES.dpo) {
    const look = (first) => this.schleuse(
      path, "dpo", "log", "--reason", "records of a test", "--first-record", String(first),
    );
    const { query_record: before } = await look(2 ** 31);
    await action();
    const { rows, query_record: after } = await look(before + 1);
    return rows.filter((row) => row.record < after);
  }
}

/// Programs in this environment live at another time of day.
export function fakeTime(time) {
  const library = readdirSync("/usr/lib")
    .map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`)
    .find((path) => existsSync(path));
  if (!library) throw new Error("libfaketime is missing; as root: apt-get install libfaketime");
  const monotonic = { FAKETIME_DONT_FAKE_MONOTONIC: "1", DONT_FAKE_MONOTONIC: "1", NO_FAKE_STAT: "1" };
  return { LD_PRELOAD: library, ...monotonic, ...time };
}

function configuration() {
  const catalogue = new URL("../../ops/reference/catalogue.toml", import.meta.url).pathname;
  return `profile = "development"
listen = "127.0.0.1:0"
data_dir = "data"
catalogue = "${catalogue}"
project_agency = "projekt"
[console]
listen = "127.0.0.1:0"
[tls]
trust = "pki/trust.toml"
certificate = "pki/broker/broker.pem"
key = "pki/broker/broker.key"
crls = "pki/crls"
[log]
checkpoint_key = "pki/broker/checkpoint.key"
reserve_mib = 64
free_mib_min = 0
[messages]
deletion_due_days = 1
[limits]
handshakes_per_second_per_address = 1000
coverage_questions_per_minute = 1000
[[places]]
jobcenter = "${JOBCENTER}"
count = 1
`;
}
