//! Checks an export without the broker.
//!
//! What it shows: the rows are records of the log that the checkpoint's signer committed to, word for
//! word; among the rows nothing was handed out after its consent was revoked or it was stopped, and each
//! permit follows from the consents that the rows show. A file with a row for every leaf hash is complete:
//! then nothing is left out either. What it cannot show of any other file: that no other records about the
//! same matter exist. Source: `proto/EVIDENCE.md`.

mod consents;
mod duties;
mod erased;
mod evaluation;
mod history;
mod messages;
mod participants;
mod permits;
mod runs;
mod safeguards;
mod shown;
mod signatures;
mod without_participant;

use std::fmt;

use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint};
use schleuse_proto::evidence::{Digest, sha256};
use schleuse_proto::trust::Trust;
use serde::Serialize;

use super::{Bundle, LogRow};
use shown::Shown;

/// One check and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// Whether it held.
    pub passed: bool,
    /// In plain words, what was found.
    pub detail: String,
}

/// What the checks of a file found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Checks in the order in which they were made.
    pub checks: Vec<Check>,
    /// Rows of the file.
    pub rows: usize,
    /// Records of the log at the checkpoint.
    pub log_size: u64,
    /// Whether the file has a row for every record of the log.
    pub complete: bool,
}

impl Report {
    /// Whether every check held.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let mark = if check.passed { "ok    " } else { "FAILED" };
            writeln!(f, "{mark}  {}: {}", check.name, check.detail)?;
        }
        let verdict = if self.is_sound() { "sound" } else { "NOT SOUND: do not rely on it" };
        write!(f, "{} rows of a log of {} records: {verdict}", self.rows, self.log_size)
    }
}

/// What a file of evidence is checked against. All of it comes from elsewhere than the file.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Expectations<'a> {
    pub(super) log_key: &'a str,
    pub(super) trust: Option<&'a Trust>,
    pub(super) complete: bool,
}

impl<'a> Expectations<'a> {
    /// A log key in its C2SP form.
    pub fn new(log_key: &'a str) -> Self {
        Self { log_key, trust: None, complete: false }
    }

    /// Also checks the signatures inside the rows against this table of trust.
    pub fn trust(mut self, trust: &'a Trust) -> Self {
        self.trust = Some(trust);
        self
    }

    /// The file must have a row for every record of the log.
    pub fn complete(mut self) -> Self {
        self.complete = true;
        self
    }
}

/// Collects the results of checks; an export and evidence of own acts share most of them.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) checks: Vec<Check>,
}

impl Checks {
    pub(super) fn add(&mut self, name: &'static str, result: Result<String, String>) {
        let passed = result.is_ok();
        let detail = result.unwrap_or_else(|why| why);
        self.checks.push(Check { name, passed, detail });
    }

    /// Checks key and signed note; the checkpoint, if the note verifies.
    pub(super) fn checkpoint(
        &mut self,
        named_key: &str,
        note: &[u8],
        expected: &Expectations<'_>,
    ) -> Option<SignedCheckpoint> {
        let is_ours = named_key == expected.log_key;
        let other = "the file names another log key than the one that you trust";
        let key = if is_ours { Ok("the one that you trust") } else { Err(other) };
        self.add("log key", key.map(str::to_owned).map_err(str::to_owned));
        let checkpoint =
            CheckpointVerifier::new(expected.log_key).and_then(|verifier| verifier.verify(note));
        match checkpoint {
            Ok(checkpoint) => {
                self.add("checkpoint", Ok(format!("signed, {} records", checkpoint.size)));
                Some(checkpoint)
            }
            Err(error) => {
                self.add("checkpoint", Err(error.to_string()));
                None
            }
        }
    }

    /// Parses rows; those at fault are left out of all later checks.
    pub(super) fn records(
        &mut self,
        wire_rows: impl Iterator<Item = schleuse_proto::v1::LogRow>,
    ) -> Vec<LogRow> {
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        for wire in wire_rows {
            match LogRow::parse(wire) {
                Ok(row) => rows.push(row),
                Err(error) => faults.push(error.to_string()),
            }
        }
        self.add("records", summary(&faults, format!("{} fit their skeletons", rows.len())));
        rows
    }

    /// What rows say about each other, in both formats. The first ones are for exports only: evidence has
    /// single records.
    pub(super) fn contents(&mut self, rows: &[LogRow], trust: Option<&Trust>, scope: Scope) {
        let shown = Shown::new(rows, scope == Scope::WholeLog);
        match scope {
            Scope::WholeLog | Scope::Export => {
                self.add("stopped messages", messages::check_stops(&shown));
                self.add("revoked consents", messages::check_revocations(&shown));
            }
            Scope::SingleRecords => {}
        }
        self.add("hand-outs", messages::check_hand_outs(&shown));
        self.add("participants", participants::check(&shown));
        self.add("consents", consents::check(&shown));
        self.add("safeguards", safeguards::check(&shown));
        self.add("permits", permits::check(&shown));
        self.add("duties", duties::check(&shown));
        self.add("erased", shown.erasures.check(shown.is_complete));
        self.add("runs", runs::check(&shown));
        self.add("evaluation", evaluation::check(&shown));
        if let Some(trust) = trust {
            self.add("signatures", signatures::check(&shown, trust));
        }
    }
}

/// How much of the log the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// An export with a row for every record.
    WholeLog,
    /// An export of some rows.
    Export,
    /// Evidence of own acts.
    SingleRecords,
}

impl Bundle {
    /// Checks the bundle against a log key that came from elsewhere. Needs no broker.
    #[must_use]
    pub fn verify(&self, log_key: &str) -> Report {
        self.check(&Expectations::new(log_key))
    }

    /// As [`Bundle::verify`], and checks the signatures inside the rows against a table of trust.
    #[must_use]
    pub fn verify_signatures(&self, log_key: &str, trust: &Trust) -> Report {
        self.check(&Expectations::new(log_key).trust(trust))
    }

    /// Checks the bundle against everything that is expected of it.
    #[must_use]
    pub fn check(&self, expected: &Expectations<'_>) -> Report {
        let mut checks = Checks::default();
        let checkpoint = checks.checkpoint(self.log_key(), &self.checkpoint, expected);
        if let Some(checkpoint) = &checkpoint {
            checks.add("merkle tree", self.check_tree(checkpoint.size, &checkpoint.root));
        }
        let rows = checks.records(self.wire_rows());
        checks.add("inclusion", self.check_inclusion(&rows));
        checks.add("order", check_order(&rows));
        let log_size = checkpoint.map(|checkpoint| checkpoint.size);
        let missing = log_size.map(|size| missing(&rows, size));
        let complete = missing == Some(None);
        if let (Some(missing), Some(size)) = (missing, log_size) {
            let shown = rows.len();
            checks.add("completeness", completeness(missing, shown, size, expected.complete));
        }
        let scope = if complete { Scope::WholeLog } else { Scope::Export };
        checks.contents(&rows, expected.trust, scope);
        let log_size = log_size.unwrap_or_default();
        Report { checks: checks.checks, rows: self.row_count(), log_size, complete }
    }

    fn check_tree(&self, size: u64, root: &Digest) -> Result<String, String> {
        let leaves = self.leaves();
        if u64::try_from(leaves.len()) != Ok(size) || !self.leaf_hashes.len().is_multiple_of(32) {
            return Err(format!("{} leaf hashes for {size} records", leaves.len()));
        }
        if tree_root(&leaves) == *root {
            return Ok("all leaf hashes lead to the signed root".to_owned());
        }
        Err("the leaf hashes do not lead to the signed root".to_owned())
    }

    fn check_inclusion(&self, rows: &[LogRow]) -> Result<String, String> {
        let leaves = self.leaves();
        let is_missing = |row: &&LogRow| {
            let number = usize::try_from(row.record_number).ok();
            let leaf = number.and_then(|number| leaves.get(number));
            leaf.is_none_or(|leaf| **leaf != row.leaf_hash())
        };
        let missing = rows.iter().filter(is_missing);
        let missing = missing.map(|row| format!("record {} is not in the log", row.record_number));
        let every = "every row is in the log at its number";
        summary(&missing.collect::<Vec<_>>(), every.to_owned())
    }

    fn leaves(&self) -> Vec<&Digest> {
        let (leaves, _rest) = self.leaf_hashes.as_chunks::<32>();
        leaves.iter().collect()
    }
}

/// Number of the first record that the rows, counting up, leave out; none if they are the whole log.
fn missing(rows: &[LogRow], size: u64) -> Option<u64> {
    let counted = rows.iter().zip(0..).find(|(row, number)| row.record_number != *number);
    let shown = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    counted.map(|(_, number)| number).or((shown != size).then_some(shown))
}

fn completeness(
    missing: Option<u64>,
    shown: usize,
    size: u64,
    required: bool,
) -> Result<String, String> {
    match missing {
        None => Ok(format!("complete: a row for each of the {size} records, nothing is left out")),
        Some(number) if required => Err(format!(
            "not complete: {shown} rows of {size} records, the first gap is at {number}"
        )),
        Some(_) => Ok(format!(
            "{shown} of {size} records are shown; the others may be about the same matter"
        )),
    }
}

/// Fails with the first faults, or passes with a sentence.
pub(super) fn summary(faults: &[String], passed: String) -> Result<String, String> {
    match faults {
        [] => Ok(passed),
        [first] => Err(first.clone()),
        [first, rest @ ..] => Err(format!("{first}; and {} more", rest.len())),
    }
}

/// Numbers count up; times and epochs never decrease.
pub(super) fn check_order(rows: &[LogRow]) -> Result<String, String> {
    for (before, after) in rows.iter().zip(rows.iter().skip(1)) {
        let (a, b) = (&before.skeleton, &after.skeleton);
        if a.number >= b.number || a.time_ms > b.time_ms || a.epoch > b.epoch {
            return Err(format!("record {} comes before record {}", a.number, b.number));
        }
    }
    Ok("numbers count up, times never go back".to_owned())
}

/// Root of the RFC 9162 §2.1.1 tree over leaf hashes.
pub(crate) fn tree_root(leaves: &[&Digest]) -> Digest {
    // Roots of perfect subtrees with their sizes, largest first, as in a binary number.
    let mut peaks: Vec<(u64, Digest)> = Vec::new();
    for leaf in leaves {
        let (mut size, mut hash) = (1, **leaf);
        while let Some((left_size, left)) = peaks.pop() {
            if left_size != size {
                peaks.push((left_size, left));
                break;
            }
            hash = sha256(&[&[1], &left, &hash]);
            size *= 2;
        }
        peaks.push((size, hash));
    }
    let hashes = peaks.into_iter().map(|(_, hash)| hash).rev();
    hashes.reduce(|right, left| sha256(&[&[1], &left, &right])).unwrap_or_else(|| sha256(&[]))
}

#[cfg(test)]
mod tests;
