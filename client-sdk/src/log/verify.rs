//! Checks an export without the broker.
//!
//! What it shows: the rows are records of the log that the checkpoint's signer committed to, word for
//! word, and among the rows nothing was handed out after its consent was revoked or it was stopped.
//! What it cannot show: that no other records about the same matter exist beyond the query's filter.

pub(super) mod signatures;

use std::collections::{HashMap, HashSet};
use std::fmt;

use schleuse_proto::checkpoint::CheckpointVerifier;
use schleuse_proto::evidence::{Digest, consent_reference, decode_canonical, sha256};
use schleuse_proto::trust::Trust;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;
use serde::Serialize;

use super::{Bundle, LogRow};

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

/// What the checks of a bundle found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Checks in the order in which they were made.
    pub checks: Vec<Check>,
    /// Rows of the bundle.
    pub rows: usize,
    /// Records of the log at the checkpoint.
    pub log_size: u64,
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

impl Bundle {
    /// Checks the bundle against a log key that came from elsewhere. Needs no broker.
    #[must_use]
    pub fn verify(&self, log_key: &str) -> Report {
        self.check(log_key, None)
    }

    /// As [`Bundle::verify`], and checks the signatures inside the rows against a table of trust.
    #[must_use]
    pub fn verify_signatures(&self, log_key: &str, trust: &Trust) -> Report {
        self.check(log_key, Some(trust))
    }

    fn check(&self, log_key: &str, trust: Option<&Trust>) -> Report {
        let mut report = Report { checks: Vec::new(), rows: self.row_count(), log_size: 0 };
        let mut check = |name, result: Result<String, String>| {
            let passed = result.is_ok();
            let detail = result.unwrap_or_else(|why| why);
            report.checks.push(Check { name, passed, detail });
        };
        check("log key", self.check_key(log_key));
        let checkpoint =
            CheckpointVerifier::new(log_key).and_then(|verifier| verifier.verify(&self.checkpoint));
        let mut log_size = 0;
        match checkpoint {
            Ok(checkpoint) => {
                log_size = checkpoint.size;
                check("checkpoint", Ok(format!("signed, {log_size} records")));
                check("merkle tree", self.check_tree(checkpoint.size, &checkpoint.root));
            }
            Err(error) => check("checkpoint", Err(error.to_string())),
        }
        let (rows, faults) = self.parsed();
        check("records", summary(&faults, format!("{} records fit their skeletons", rows.len())));
        check("inclusion", self.check_inclusion(&rows));
        check("order", check_order(&rows));
        check("stopped messages", check_stops(&rows));
        check("revoked consents", check_revocations(&rows));
        check("hand-outs", check_hand_outs(&rows));
        if let Some(trust) = trust {
            check("signatures", signatures::check(&rows, trust));
        }
        report.log_size = log_size;
        report
    }

    fn check_key(&self, log_key: &str) -> Result<String, String> {
        if self.log_key() == log_key {
            return Ok("the one that you trust".to_owned());
        }
        Err("the export names another log key than the one that you trust".to_owned())
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
        let is_leaf = |row: &&LogRow| {
            let number = usize::try_from(row.record_number).ok();
            number
                .and_then(|number| leaves.get(number))
                .is_none_or(|leaf| **leaf != row.leaf_hash())
        };
        let missing: Vec<String> =
            rows.iter().filter(is_leaf).map(|row| row.record_number.to_string()).collect();
        summary(
            &missing.iter().map(|n| format!("record {n} is not in the log")).collect::<Vec<_>>(),
            "every row is in the log at its number".to_owned(),
        )
    }

    fn parsed(&self) -> (Vec<LogRow>, Vec<String>) {
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        for wire in self.wire_rows() {
            match LogRow::parse(wire) {
                Ok(row) => rows.push(row),
                Err(error) => faults.push(error.to_string()),
            }
        }
        (rows, faults)
    }

    fn leaves(&self) -> Vec<&Digest> {
        let (leaves, _rest) = self.leaf_hashes.as_chunks::<32>();
        leaves.iter().collect()
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

/// Nothing is handed out after it was stopped, or if it was refused.
fn check_stops(rows: &[LogRow]) -> Result<String, String> {
    let mut ended: HashMap<u64, &'static str> = HashMap::new();
    let mut hand_outs = 0_u64;
    for row in rows {
        match &row.entry.event {
            Some(Event::MessageStopped(event)) => {
                ended.insert(event.message_number, "was stopped");
            }
            Some(Event::MessageDecided(event)) if !event.accepted => {
                ended.insert(row.record_number, "was refused");
            }
            Some(Event::HandedOut(event)) => {
                hand_outs += 1;
                if let Some(why) = ended.get(&event.message_number) {
                    let (number, message) = (row.record_number, event.message_number);
                    return Err(format!(
                        "record {number} hands out message {message}, which {why}"
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(format!("none of {hand_outs} hand-outs is of a message that was stopped or refused before"))
}

/// Each hand-out fits the decision on its message, if that stands before it.
pub(super) fn check_hand_outs(rows: &[LogRow]) -> Result<String, String> {
    let mut decided: HashMap<u64, &v1::MessageDecided> = HashMap::new();
    let mut seen: HashSet<u64> = HashSet::new();
    let mut compared = 0_u64;
    for row in rows {
        let number = row.record_number;
        match &row.entry.event {
            Some(Event::MessageDecided(event)) => {
                decided.insert(number, event);
            }
            Some(Event::HandedOut(event)) => {
                let message = event.message_number;
                let Some(decided) = decided.get(&message) else {
                    if message >= number || seen.contains(&message) {
                        return Err(format!("record {number} hands out {message}, no message"));
                    }
                    continue;
                };
                let label = decode_canonical::<v1::Label>(&decided.label);
                let label = label.map_err(|_| format!("record {message}: a malformed label"))?;
                let fits = decided.accepted
                    && event.sender == label.sender
                    && event.recipient == label.recipient
                    && event.purpose == label.purpose
                    && event.kind == label.kind
                    && event.categories == label.categories;
                if !fits {
                    return Err(format!("record {number} hands out something else than {message}"));
                }
                compared += 1;
            }
            _ => {}
        }
        seen.insert(number);
    }
    Ok(format!("{compared} hand-outs are of the message that was accepted"))
}

/// Nothing is accepted or handed out under a consent after its revocation.
fn check_revocations(rows: &[LogRow]) -> Result<String, String> {
    // Hand-outs name a consent as its recipient knows it: each agency of a revoked one in its own way.
    // Findings name it by its identifier.
    let mut revoked: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut revocations = 0;
    for row in rows {
        let number = row.record_number;
        let used: Option<&[u8]> = match &row.entry.event {
            Some(Event::ConsentRevoked(event)) => {
                revocations += 1;
                for agency in &event.agencies {
                    let reference = consent_reference(&event.consent_id, agency);
                    revoked.insert(reference.to_vec(), number);
                }
                revoked.insert(event.consent_id.to_vec(), number);
                None
            }
            Some(Event::MessageDecided(event)) if event.accepted => {
                row.findings.as_ref().map(|findings| findings.consent_id.as_ref())
            }
            Some(Event::HandedOut(event)) => Some(&event.consent_reference),
            _ => None,
        };
        if let Some(at) = used.and_then(|consent| revoked.get(consent)) {
            return Err(format!("record {number} uses a consent that record {at} had revoked"));
        }
    }
    Ok(format!("{revocations} revocations, nothing passed under their consents afterwards"))
}

/// Root of the RFC 9162 §2.1.1 tree over leaf hashes.
pub(super) fn tree_root(leaves: &[&Digest]) -> Digest {
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
