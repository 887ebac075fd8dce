//! `--attach` and `--attachments-dir`: attachments of messages that are sent and received.

use std::path::{Path, PathBuf};

use schleuse_client::deadlines::CaseFile;
use schleuse_client::{
    ATTACHMENTS_MAX, Attachment, AttachmentCollector, Client, ClientError, Draft, Progress,
    Received, SendOutcome, Taken, Upload, statutory_channel,
};
use serde_json::json;

use super::output::Output;
use super::{Ending, agency, files};

/// Progress is told when so much more of an attachment is through, in percent.
const PROGRESS_STEP: u64 = 10;

/// Reads the values of `--attach`.
pub(crate) fn parse(
    values: &[String],
    categories: &[String],
) -> Result<Vec<Attachment>, ClientError> {
    if values.len() > ATTACHMENTS_MAX {
        let expected = format!("at most {ATTACHMENTS_MAX} attachments");
        return Err(ClientError::Argument { what: "--attach", expected });
    }
    values.iter().map(|value| parse_one(value, categories)).collect()
}

fn parse_one(value: &str, categories: &[String]) -> Result<Attachment, ClientError> {
    // A colon may be in the name of a file.
    let is_file = Path::new(value).exists();
    let (path, own) = match value.rsplit_once(':').filter(|_| !is_file) {
        Some((path, codes)) => (path, codes.split(',').map(str::to_owned).collect()),
        None => (value, categories.to_vec()),
    };
    if own.iter().any(String::is_empty) {
        let expected = "FILE or FILE:CODE,CODE".to_owned();
        return Err(ClientError::Argument { what: "--attach", expected });
    }
    let path = PathBuf::from(path);
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let name = name.ok_or_else(|| ClientError::File {
        path: path.clone(),
        why: "its name is not UTF-8 text".to_owned(),
    })?;
    let media_type = files::media_type_of(&path).to_owned();
    Ok(Attachment { path, name, media_type, categories: own })
}

/// Sends a message with attachments; progress goes to standard error.
pub(crate) async fn send(
    client: &Client,
    draft: Draft,
    attachments: Vec<Attachment>,
    leaves_out: bool,
    case_file: Option<&Path>,
    output: &Output,
) -> Result<Ending, ClientError> {
    // Looked up before anything is sent: it can depend on nothing but purpose and kind.
    let channel = statutory_channel(&draft.purpose, &draft.kind);
    let entered = case_file.map(|path| (CaseFile::new(path), draft.clone()));
    let names: Vec<String> = attachments.iter().map(|one| one.name.clone()).collect();
    let (shown, told) = (*output, names.clone());
    let mut last = (usize::MAX, 0, 0);
    let upload = Upload::new(draft, attachments).on_progress(move |progress: Progress| {
        let percent = progress.sent_bytes.saturating_mul(100) / progress.total_bytes.max(1);
        let step = (progress.attachment, percent / PROGRESS_STEP, progress.interruptions);
        if step != last {
            last = step;
            let name = told.get(progress.attachment).map_or("", String::as_str);
            let Progress { sent_bytes, total_bytes, interruptions, .. } = progress;
            let again = match interruptions {
                0 => String::new(),
                times => format!(", interrupted {times} times"),
            };
            shown.note(&format!("{name}: {sent_bytes} of {total_bytes} bytes{again}"));
        }
    });
    let upload = if leaves_out { upload.leaving_out_uncovered() } else { upload };
    let outcome = client.upload(upload).await?;
    let uncovered: Vec<&String> =
        outcome.uncovered.iter().filter_map(|position| names.get(*position)).collect();
    for name in &uncovered {
        output.note(&format!("attachment {name} is not covered by a consent; ask the Lotse"));
    }
    // Entered first: what cannot be shown was sent all the same.
    let entered = match (entered, &outcome.message) {
        (Some((file, draft)), Some(message)) => agency::enter(client, &file, &draft, message),
        (None, _) | (_, None) => Ok(()),
    };
    let ending = if let Some(message) = &outcome.message {
        if let (false, SendOutcome::Accepted { .. }, Some(channel)) =
            (uncovered.is_empty(), message, channel)
        {
            output.note(agency::channel_text(channel).trim_start());
        }
        agency::show_outcome_beside(message, None, channel, &uncovered, output)
    } else {
        let statutory = channel.map(agency::channel_json);
        let result = "not-covered";
        let value = json!({ "result": result, "attachments": uncovered, "statutory": statutory });
        output.result(&value, || {
            let channel = channel.map(agency::channel_text).unwrap_or_default();
            format!("nothing was sent{channel}")
        });
        Ending::NotCovered
    };
    entered?;
    client.check_receipts().await?;
    Ok(ending)
}

/// The collector of `--attachments-dir`, if it was given.
#[derive(Debug)]
pub(crate) struct Collecting {
    collector: Option<AttachmentCollector>,
    /// Whether it was said that parts wait.
    told: bool,
    output: Output,
}

/// What became of a received message.
pub(crate) enum Kept {
    /// A part that is on disk.
    Part,
    /// A part for which there is no folder.
    Left,
    /// A part that could not be written: it is not taken over.
    Failed,
    /// A part or message that does not fit its attachment: it is not taken over.
    Refused,
    /// A message, with the paths of its attachments that are whole, and why some could not be kept.
    Message(Vec<String>, Option<String>),
}

impl Collecting {
    pub(crate) fn open(folder: Option<&Path>, output: Output) -> Result<Self, ClientError> {
        let collector = folder.map(AttachmentCollector::open).transpose()?;
        Ok(Self { collector, told: false, output })
    }

    /// Keeps what a message brings of attachments. What fails with one message holds only that one back.
    pub(crate) fn keep(&mut self, received: &Received) -> Kept {
        let Some(collector) = &mut self.collector else {
            if received.part_of.is_none() {
                return Kept::Message(Vec::new(), None);
            }
            if !std::mem::replace(&mut self.told, true) {
                self.output.note("parts of attachments wait: give --attachments-dir DIR");
            }
            return Kept::Left;
        };
        match collector.take(received) {
            Ok(Taken::Message { saved, waiting, .. }) => {
                for name in waiting {
                    self.output.note(&format!("attachment {name}: parts are still to come"));
                }
                let paths = saved.iter().map(|one| one.path.display().to_string());
                Kept::Message(paths.collect(), None)
            }
            Ok(Taken::Part { attachment, parts, count, saved, .. }) => {
                self.output.note(&format!("attachment {attachment}: part {parts} of {count}"));
                if let Some(saved) = saved {
                    self.output.note(&format!("attachment saved as {}", saved.path.display()));
                }
                Kept::Part
            }
            Ok(_) => Kept::Left,
            Err(ClientError::Attachment(error)) if error.is_alarm() => {
                let number = received.message_number;
                self.output.note(&format!("ALARM: {error} (message {number})"));
                Kept::Refused
            }
            Err(error) if received.part_of.is_none() => {
                Kept::Message(Vec::new(), Some(error.to_string()))
            }
            Err(error) => {
                let number = received.message_number;
                self.output.note(&format!("message {number}: {error}; not taken over"));
                Kept::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_follow_a_colon_unless_it_is_in_the_name_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:termine");
        std::fs::write(&path, "x").unwrap();
        let of = |value: &str| parse_one(value, &["wohnen".to_owned()]).unwrap();
        assert_eq!(of("scan.pdf").categories, ["wohnen"]);
        let own = of("scan.pdf:gesundheit,sucht-psyche");
        assert_eq!((own.name.as_str(), own.media_type.as_str()), ("scan.pdf", "application/pdf"));
        assert_eq!(own.categories, ["gesundheit", "sucht-psyche"]);
        assert_eq!(of(path.to_str().unwrap()).name, "a:termine");
        assert!(parse_one("scan.pdf:", &[]).is_err());
        assert!(parse(&vec!["x".to_owned(); 17], &[]).is_err());
    }
}
