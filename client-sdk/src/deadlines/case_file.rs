//! The case file: which messages an agency sent and received, one JSON document per line, without contents.
//!
//! It stays at the agency. Sending and receiving append to it, and deadlines are counted from it. A line is
//! also what `agency inbox --json` prints of a message, so its output can be read as well.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use super::{CaseEvent, Direction};
use crate::clock::{parse_time, rfc3339};
use crate::error::ClientError;
use crate::ids::ParticipantReference;
use crate::receive::Received;
use crate::send::{Draft, SendOutcome};

/// Largest case file in bytes: some 200,000 messages, read as a whole.
const CASE_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A case file.
#[derive(Clone, Debug)]
pub struct CaseFile {
    path: PathBuf,
}

impl CaseFile {
    /// The file of this path; it is made with the first line.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Adds a message. The line is on disk when this returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&self, event: &CaseEvent) -> Result<(), ClientError> {
        let failed = |error| ClientError::file(&self.path, error);
        let mut options = File::options();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(&self.path).map_err(failed)?;
        let mut line = format!("{}\n", event.to_line());
        // What a crash left of a line stays a line of its own, so that it can be found and deleted.
        if !ends_with_line(&mut file).map_err(failed)? {
            line.insert(0, '\n');
        }
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// All messages. One that was handed out again is one, with the first hand-out.
    ///
    /// # Errors
    /// The file cannot be read, or a line is none of a case file.
    pub fn read(&self) -> Result<Vec<CaseEvent>, ClientError> {
        let failed = |error| ClientError::file(&self.path, error);
        let file = File::open(&self.path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > CASE_FILE_BYTES_MAX {
            return Err(ClientError::file(&self.path, "larger than 64 MiB: begin a new case file"));
        }
        let mut text = String::new();
        file.take(CASE_FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
        parse(&text).map_err(|why| ClientError::file(&self.path, why))
    }
}

fn ends_with_line(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

impl CaseEvent {
    /// A message that we received.
    #[must_use]
    pub fn received(message: &Received) -> Self {
        Self {
            participant: message.participant_reference.clone(),
            kind: message.kind.clone(),
            thread: message.thread_id.to_string(),
            message: message.message_id.to_string(),
            sender: message.sender.agency.clone(),
            recipient: message.recipient.agency.clone(),
            direction: Direction::Received,
            accepted_ms: message.accepted_at_ms,
            handed_out_ms: Some(message.handed_out_at_ms),
            taken_up_ms: None,
        }
    }

    /// A message that we sent; none if it was not accepted.
    #[must_use]
    pub fn sent(agency: &str, draft: &Draft, outcome: &SendOutcome, now_ms: i64) -> Option<Self> {
        let SendOutcome::Accepted { message_id, thread_id, .. } = outcome else { return None };
        Some(Self {
            participant: Some(draft.participant_reference.clone()),
            kind: draft.kind.clone(),
            thread: thread_id.to_string(),
            message: message_id.to_string(),
            sender: agency.to_owned(),
            recipient: draft.recipient.agency.clone(),
            direction: Direction::Sent,
            accepted_ms: now_ms,
            handed_out_ms: None,
            taken_up_ms: None,
        })
    }

    /// The line of a case file.
    fn to_line(&self) -> String {
        let direction = match self.direction {
            Direction::Sent => "sent",
            Direction::Received => "received",
            Direction::Observed => "observed",
        };
        let line = json!({
            "direction": direction,
            "participant": self.participant.as_ref().map(|reference| reference.as_text().to_owned()),
            "thread": self.thread,
            "message": self.message,
            "sender": self.sender,
            "recipient": self.recipient,
            "kind": self.kind,
            "accepted_at": rfc3339(self.accepted_ms),
            "handed_out_at": self.handed_out_ms.map(rfc3339),
            "taken_up_at": self.taken_up_ms.map(rfc3339),
        });
        line.to_string()
    }
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    direction: Option<String>,
    participant: Option<String>,
    thread: String,
    message: String,
    sender: String,
    recipient: String,
    kind: String,
    accepted_at: String,
    #[serde(default)]
    handed_out_at: Option<String>,
    #[serde(default)]
    taken_up_at: Option<String>,
}

impl Line {
    fn event(self) -> Option<CaseEvent> {
        let time = |text: &str| parse_time(text).ok();
        let maybe = |text: Option<String>| match text {
            None => Some(None),
            Some(text) => time(&text).map(Some),
        };
        // A function behind the agency does not matter here.
        let agency = |address: String| {
            address.split_once('/').map_or_else(|| address.clone(), |(agency, _)| agency.to_owned())
        };
        Some(CaseEvent {
            participant: match self.participant {
                None => None,
                Some(text) => Some(ParticipantReference::parse(&text).ok()?),
            },
            kind: self.kind,
            thread: self.thread,
            message: self.message,
            sender: agency(self.sender),
            recipient: agency(self.recipient),
            direction: match self.direction.as_deref() {
                None | Some("received") => Direction::Received,
                Some("sent") => Direction::Sent,
                Some("observed") => Direction::Observed,
                Some(_) => return None,
            },
            accepted_ms: time(&self.accepted_at)?,
            handed_out_ms: maybe(self.handed_out_at)?,
            taken_up_ms: maybe(self.taken_up_at)?,
        })
    }
}

/// Reads lines, or one JSON array. The texts of errors quote nothing: a line names a participant.
fn parse(text: &str) -> Result<Vec<CaseEvent>, String> {
    let mut events = Vec::new();
    let mut places: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for (number, line) in lines(text)? {
        let event = line.and_then(Line::event);
        let event =
            event.ok_or_else(|| format!("line {number} is not of a case file: delete it"))?;
        let key = (event.message.clone(), event.direction == Direction::Sent);
        match places.get(&key).and_then(|place| events.get_mut(*place)) {
            Some(known) => merge(known, &event),
            None => {
                places.insert(key, events.len());
                events.push(event);
            }
        }
    }
    Ok(events)
}

type Numbered = (usize, Option<Line>);

fn lines(text: &str) -> Result<Vec<Numbered>, String> {
    if text.trim_start().starts_with('[') {
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(text).map_err(|_| "not a JSON array of messages".to_owned())?;
        // What did not verify has no thread: it starts and ends nothing.
        let rows = rows.into_iter().filter(|row| row.get("unverified").is_none());
        return Ok(rows
            .enumerate()
            .map(|(n, row)| (n + 1, serde_json::from_value(row).ok()))
            .collect());
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    Ok(lines.map(|(n, line)| (n + 1, serde_json::from_str(line).ok())).collect())
}

/// The same message once more: what was first known first counts.
fn merge(known: &mut CaseEvent, again: &CaseEvent) {
    let first = |a: Option<i64>, b: Option<i64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    known.accepted_ms = known.accepted_ms.min(again.accepted_ms);
    known.handed_out_ms = first(known.handed_out_ms, again.handed_out_ms);
    known.taken_up_ms = first(known.taken_up_ms, again.taken_up_ms);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(direction: Direction) -> CaseEvent {
        CaseEvent {
            participant: Some(ParticipantReference::parse(&"a".repeat(26)).unwrap()),
            kind: "zustaendigkeit.ask".to_owned(),
            thread: "01".repeat(16),
            message: "02".repeat(16),
            sender: "jobcenter".to_owned(),
            recipient: "drv".to_owned(),
            direction,
            accepted_ms: 1_790_000_000_000,
            handed_out_ms: Some(1_790_000_100_000),
            taken_up_ms: None,
        }
    }

    #[test]
    fn what_is_appended_is_read_again_and_a_repeated_message_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = CaseFile::new(&folder.path().join("case.jsonl"));
        let (received, sent) = (event(Direction::Received), event(Direction::Sent));
        let mut again = received.clone();
        again.handed_out_ms = Some(1_790_000_200_000);
        for event in [&received, &sent, &again] {
            file.append(event).unwrap();
        }
        assert_eq!(file.read().unwrap(), [received, sent]);
    }

    #[test]
    fn the_output_of_the_inbox_is_read_too() {
        let text = r#"[{"message_number": 3, "attempt": 1, "message": "02", "thread": "01",
            "participant": null, "sender": "jobcenter/fallmanagement", "recipient": "drv/reha",
            "kind": "zustaendigkeit.ask", "accepted_at": "2026-11-04T09:00:00Z",
            "handed_out_at": "2026-11-05T09:00:00Z", "content": {"text": "x"}},
            {"message_number": 4, "unverified": "signature"}]"#;
        let events = parse(text).unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(
            (events[0].sender.as_str(), events[0].direction),
            ("jobcenter", Direction::Received)
        );
    }

    #[test]
    fn half_a_line_is_named_by_its_number_and_not_quoted_and_the_next_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.jsonl");
        let file = CaseFile::new(&path);
        file.append(&event(Direction::Sent)).unwrap();
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"participant\": \"geheim");
        std::fs::write(&path, text).unwrap();
        file.append(&event(Direction::Received)).unwrap();
        let error = file.read().unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("geheim"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }
}
