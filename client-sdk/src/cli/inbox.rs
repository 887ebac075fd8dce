//! `schleuse agency inbox` and `receive`.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use schleuse_client::deadlines::{CaseEvent, CaseFile};
use schleuse_client::v1::content::Content as Kind;
use schleuse_client::{
    ClientError, Incoming, Received, ReferenceBook, Stage, format_time, rfc3339,
};
use serde_json::{Value, json};

use super::args::{Global, InboxArguments, Incoming as IncomingArguments, ReceiveArguments};
use super::output::Output;
use super::{Ending, connect};

/// Messages that may be on their way at once.
const CREDIT: u32 = 100;

/// What is done with each message.
struct Desk<'a> {
    arguments: &'a IncomingArguments,
    book: Option<ReferenceBook>,
    output: &'a Output,
}

impl<'a> Desk<'a> {
    fn new(arguments: &'a IncomingArguments, output: &'a Output) -> Result<Self, ClientError> {
        let book = arguments.book.as_deref().map(ReferenceBook::open).transpose()?;
        Ok(Self { arguments, book, output })
    }

    /// Saves, learns and describes a verified message.
    fn take(&mut self, received: &Received) -> Result<(Value, String), ClientError> {
        if let Some(book) = &mut self.book {
            book.learn(received)?;
        }
        if let Some(path) = &self.arguments.case_file {
            CaseFile::new(path).append(&CaseEvent::received(received))?;
        }
        let saved = match &self.arguments.save {
            Some(folder) => save(received, folder)?,
            None => None,
        };
        let known = self.book.as_ref().zip(received.participant_reference.as_ref());
        let known = known.and_then(|(book, reference)| book.find(reference));
        let mut value = message_json(received);
        if let Value::Object(fields) = &mut value {
            fields.insert("saved".to_owned(), json!(saved));
            fields.insert("known_as".to_owned(), json!(known));
        }
        let mut text = message_text(received, known.map(|entry| entry.display_name.as_str()));
        if let Some(path) = saved {
            text = format!("{text}\nsaved as {path}");
        }
        Ok((value, text))
    }

    /// What is shown of a message that does not verify.
    fn refuse(&self, incoming: Incoming) -> Value {
        let number = incoming.message_number();
        let error = incoming.verified().err().map(|error| error.to_string());
        let text = format!("ALARM: {} (message {number})", error.clone().unwrap_or_default());
        self.output.note(&text);
        json!({ "message_number": number, "unverified": error })
    }
}

/// Fetches what waits now.
pub(crate) async fn fetch(
    global: &Global,
    arguments: &InboxArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let mut desk = Desk::new(&arguments.incoming, output)?;
    let client = connect(global, Some(&arguments.incoming.sealing), output).await?;
    let (mut values, mut texts, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    let (mut left, mut ending) = (arguments.max, Ending::Done);
    // One call carries about 1 MiB; what it handed out is not handed out again at once.
    while left > 0 {
        let incoming = client.fetch(&arguments.incoming.function, left).await?;
        if incoming.is_empty() {
            break;
        }
        left = left.saturating_sub(u32::try_from(incoming.len()).unwrap_or(left));
        for one in incoming {
            if let Incoming::Verified(received) = one {
                let (value, text) = desk.take(&received)?;
                taken.push(received.message_number);
                values.push(value);
                texts.push(text);
            } else {
                ending = Ending::Alarm;
                values.push(desk.refuse(one));
            }
        }
    }
    output.result(&Value::Array(values), || {
        if texts.is_empty() { "no messages".to_owned() } else { texts.join("\n\n") }
    });
    // Only what was printed and saved is taken over.
    if arguments.incoming.acknowledge && !taken.is_empty() {
        client.acknowledge(&taken, Stage::Acknowledged).await?;
        output.note(&format!("{} acknowledged", taken.len()));
    }
    client.check_receipts().await?;
    Ok(ending)
}

/// Receives until Ctrl-C or a number of messages.
pub(crate) async fn receive(
    global: &Global,
    arguments: &ReceiveArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let mut desk = Desk::new(&arguments.incoming, output)?;
    let client = connect(global, Some(&arguments.incoming.sealing), output).await?;
    // With a number, one at a time: no more is handed out than is wanted.
    let wanted = arguments.count.unwrap_or(u64::MAX);
    let credit = if arguments.count.is_some() { 1 } else { CREDIT };
    let mut stream = client.receive(&arguments.incoming.function, credit);
    output.note("waiting for messages; Ctrl-C ends");
    let (mut seen, mut ending) = (0, Ending::Done);
    while seen < wanted {
        let incoming = tokio::select! {
            incoming = stream.next() => incoming?,
            _ = tokio::signal::ctrl_c() => break,
        };
        seen += 1;
        if !show(&mut desk, incoming).await? {
            ending = Ending::Alarm;
        }
    }
    stream.close().await;
    client.check_receipts().await?;
    Ok(ending)
}

async fn show(desk: &mut Desk<'_>, incoming: Incoming) -> Result<bool, ClientError> {
    let Incoming::Verified(received) = incoming else {
        let value = desk.refuse(incoming);
        desk.output.item(&value, String::new);
        return Ok(false);
    };
    let (value, text) = desk.take(&received)?;
    desk.output.item(&value, || format!("{text}\n"));
    if desk.arguments.acknowledge {
        received.acknowledge().await?;
    }
    Ok(true)
}

/// Writes a received file under its own name, or with a number if that is taken.
fn save(received: &Received, folder: &Path) -> Result<Option<String>, ClientError> {
    let Kind::File(file) = received.content.kind() else { return Ok(None) };
    // The library has checked that the name is no path.
    let numbered = format!("{}-{}", received.message_number, file.name);
    for name in [&file.name, &numbered] {
        let path = folder.join(name);
        let failed = |error: std::io::Error| ClientError::File {
            path: path.clone(),
            why: error.to_string(),
        };
        let opened =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match opened {
            Ok(mut to) => {
                to.write_all(&file.data).and_then(|()| to.sync_all()).map_err(failed)?;
                return Ok(Some(path.display().to_string()));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    // Handed out again: the file of this message number is there already.
    Ok(Some(folder.join(numbered).display().to_string()))
}

fn message_text(received: &Received, name: Option<&str>) -> String {
    let reference = received.participant_reference.as_ref();
    let reference = reference.map_or("no reference assigned yet", |r| r.as_text());
    let repeated = if received.attempt > 1 {
        format!(" (handed out {} times)", received.attempt)
    } else {
        String::new()
    };
    [
        format!("message {}{repeated}", received.message_number),
        format!("  from         {}, signed by {}", received.sender, received.signed_by),
        format!("  to           {}", received.recipient),
        format!("  participant  {reference} {}", name.unwrap_or_default()).trim_end().to_owned(),
        format!("  purpose      {} ({})", received.purpose, received.categories.join(", ")),
        format!("  kind         {}", received.kind),
        format!(
            "  consent      {} revision {}",
            received.consent_reference, received.consent_revision
        ),
        format!("  thread       {}", received.thread_id),
        format!("  made         {}", format_time(received.created_at_ms)),
        format!("  log record   {}", received.receipt.record_number),
        received.content.to_string().lines().map(|line| format!("  | {line}\n")).collect(),
    ]
    .join("\n")
    .trim_end()
    .to_owned()
}

fn message_json(received: &Received) -> Value {
    json!({
        "message_number": received.message_number,
        "record": received.receipt.record_number,
        "attempt": received.attempt,
        "participant": received.participant_reference.as_ref().map(|r| r.as_text().to_owned()),
        "message": received.message_id,
        "thread": received.thread_id,
        "sender": received.sender,
        "signed_by": received.signed_by.to_string(),
        "recipient": received.recipient,
        "kind": received.kind,
        "purpose": received.purpose,
        "categories": received.categories,
        "consent": received.consent_reference,
        "consent_revision": received.consent_revision,
        "created_at": rfc3339(received.created_at_ms),
        "expires_at": rfc3339(received.expires_at_ms),
        "accepted_at": rfc3339(received.accepted_at_ms),
        "handed_out_at": rfc3339(received.handed_out_at_ms),
        "content": received.content.to_json(),
    })
}
