//! Who looks at it afterwards: the officer, the evaluation, and whoever checks without the broker.

use std::path::Path;

use serde_json::Value;

use super::parties::{DRV, EVALUATION, OFFICER, Stage, text};
use super::{chapter, claim, say};
use crate::broker::{program, repository};

/// Words of names and contents that must lie open nowhere in the broker.
const TELLING: [&str; 6] =
    ["Gerhard", "Ayse", "Bulimie", "Mietrückstände", "Rehabilitation?", "Klinik am Park"];
/// More rows than the story has.
const ALL_ROWS: [&str; 2] = ["--max-rows", "100000"];
/// Why rows with this kind are not counted: the parties count messages, not parts of their attachments.
const PART: &str = "anhang.teil";

/// The officer reads the log of two years; returns the path of the export.
pub(super) fn officer(stage: &Stage) -> String {
    chapter(stage, "2029-01-16T09:00:00Z", "The data-protection officer: who saw what");
    let export = stage.file("export.json");
    let begin = ["dpo", "log", "--reason", "control of the demonstration cases"];
    let log = stage.ask(OFFICER, &[&begin[..], &ALL_ROWS, &["--export", &export]].concat());
    let rows = log["rows"].as_array().unwrap();
    counted(stage, rows);
    let mut reasons: Vec<&str> =
        rows.iter().filter_map(|row| row["findings"]["deny_reason"].as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    say(&format!("     not covered, because: {}", reasons.join(", ")));
    let answers = stage.tally.refusals.borrow();
    claim(
        "only the project's officer reads why: for eight reasons the senders had one answer",
        reasons.len() == 8 && answers.len() == 1,
    );
    let queries = rows.iter().filter(|row| row["type"] == "log-queried").count();
    claim("reading the log is in the log, the Lotse's report and deadlines too", queries >= 3);
    incident(stage, rows);
    let log = log.to_string();
    claim(
        "no name and no content is in what the officer sees",
        TELLING.iter().all(|word| !log.contains(word)),
    );
    export
}

/// The log shows what the parties themselves saw, no more and no less.
fn counted(stage: &Stage, rows: &[Value]) {
    let count = |kind: &str, of: &dyn Fn(&Value) -> bool| {
        let rows = rows.iter().filter(|row| row["type"] == kind);
        rows.filter(|row| row["event"]["kind"] != PART && of(row)).count()
    };
    let accepted = count("message-decided", &|row| row["event"]["accepted"] == true);
    let refused = count("message-decided", &|row| row["event"]["accepted"] == false);
    let taken = count("handed-out", &|_| true);
    let tally = &stage.tally;
    claim(
        &format!(
            "{accepted} messages were accepted and {refused} were not, as the senders counted"
        ),
        accepted == tally.accepted.get() && refused == tally.refused.get(),
    );
    claim(
        &format!("{taken} were handed out, as the recipients counted"),
        taken == tally.taken.get(),
    );
    let stopped = count("message-stopped", &|_| true);
    claim(
        "the others were stopped before: by a revocation and by two ends",
        stopped == 3 && accepted - taken == stopped,
    );
}

fn incident(stage: &Stage, rows: &[Value]) {
    let by_drv = |row: &&Value| {
        row["type"] == "handed-out" && row["actor"] == format!("{}/system", DRV.agency)
    };
    let last = rows.iter().rfind(by_drv).unwrap();
    let serial = text(last, "certificate_serial");
    let under_it = |row: &&Value| by_drv(row) && row["certificate_serial"] == serial.as_str();
    let mut arguments = vec!["dpo", "incident", "--reason", "exercise: a key of the DRV was lost"];
    arguments.extend(["--certificate-serial", &serial, "--known-since", "2029-01-15T00:00:00Z"]);
    let incident = stage.ask(OFFICER, &arguments);
    let recipients = incident["recipients"].as_array().unwrap().iter();
    let disclosed: u64 = recipients.map(|one| one["hand_outs"].as_u64().unwrap()).sum();
    let expected = rows.iter().filter(under_it).count() as u64;
    claim(
        "in an incident the officer sees what was disclosed under a certificate, and the 72 hours",
        disclosed == expected && incident["clock"]["notify_until"] == "2029-01-18T00:00:00Z",
    );
}

/// The evaluation learns nothing that is about one or two people.
pub(super) fn evaluation(stage: &Stage) {
    chapter(stage, "2029-01-17T09:00:00Z", "The evaluation counts");
    let export =
        |quarter: &str| stage.ask(EVALUATION, &["evaluation", "export", "--quarter", quarter]);
    let first = export("2027-Q1");
    let tables = &first["tables"];
    let cells = tables["tables"].as_array().unwrap().iter();
    let cells = cells.flat_map(|table| table["cells"].as_array().unwrap());
    let cells: Vec<&Value> = cells.chain(tables["figures"].as_array().unwrap()).collect();
    let tells = |cell: &&&Value| {
        let number = cell["persons"].as_u64().or(cell["number"].as_u64());
        cell["suppressed"] == false && number != Some(0)
    };
    claim(
        &format!(
            "of {} cells none tells of one or two participants: all are suppressed",
            cells.len()
        ),
        !cells.is_empty() && cells.iter().filter(tells).count() == 0,
    );
    claim("a second export is the same", export("2027-Q1")["tables_hash"] == first["tables_hash"]);
    let begin = ["evaluation", "export", "--quarter"];
    let early = stage.run(EVALUATION, &[&begin[..], &["2029-Q1"]].concat());
    claim("the quarter that is not over cannot be had", early.status.code() == Some(1));
    let log = stage.run(EVALUATION, &["dpo", "log", "--reason", "the evaluation is curious"]);
    claim("and the log is not for the evaluation", !log.status.success());
}

/// What can be checked without the broker.
pub(super) fn offline(stage: &Stage, export: &str) {
    say("\nProof without the broker");
    let verified = stage.ask(OFFICER, &["verify", export]);
    claim("the export verifies offline against the signed checkpoint", verified["sound"] == true);
    let mut bundle: Value =
        serde_json::from_str(&std::fs::read_to_string(export).unwrap()).unwrap();
    let rows = bundle["rows"].as_array_mut().unwrap();
    let middle = rows.len() / 2;
    rows.swap(middle, middle + 1);
    let forged = stage.write("forged.json", &bundle.to_string());
    let refused = stage.run(OFFICER, &["verify", &forged]);
    claim(
        "an export with two rows swapped does not (exit code 4)",
        refused.status.code() == Some(4),
    );
    let mut fsck = stage.command("schleuse-broker");
    let fsck = fsck.args(["fsck", "--config"]).arg(config(stage)).output().unwrap();
    claim("the journal is whole, every signature verifies (fsck)", fsck.status.success());
    let mut searched = searched(&stage.folder.join("data"));
    searched += searched_file(&stage.folder.join("broker.log"));
    claim(
        &format!(
            "in {searched} files of the broker, its log too, no name and no content lies open"
        ),
        searched > 3,
    );
}

fn config(stage: &Stage) -> std::path::PathBuf {
    stage.folder.join("broker.toml")
}

/// Looks through a folder and all below it; returns how many files there were.
fn searched(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { searched(&path) } else { searched_file(&path) }).sum()
}

fn searched_file(path: &Path) -> usize {
    let bytes = std::fs::read(path).unwrap();
    for word in TELLING {
        let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!found, "{word} lies open in {}", path.display());
    }
    1
}

/// Leaves the broker running, and says what to try.
pub(super) fn stay(stage: &Stage) {
    say("\nThe broker stays. Try next, for example as the officer:\n");
    for (key, value) in stage.environment(OFFICER).into_iter().chain(stage.clock()) {
        say(&format!("   export {key}={value}"));
    }
    let cli = program("schleuse");
    say(&format!("   {} dpo log --reason \"looking around\"", cli.display()));
    say(&format!("   {} directory list", cli.display()));
    let catalogue = repository().join("ops/reference/catalogue.toml");
    let console = format!("{} dpo console --catalogue {}", cli.display(), catalogue.display());
    say(&format!("   {console}   (the web console: open the link)"));
    let (broker, config) = (program("schleuse-broker"), config(stage));
    let fsck = format!("{} fsck --config {}", broker.display(), config.display());
    say(&format!("   {fsck}   (after stopping it)"));
    let broker = stage.leave();
    say(&format!("\nStop it with: kill {}", broker.child.id()));
    std::mem::forget(broker);
}
