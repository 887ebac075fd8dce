//! `schleuse agency inbox` and `receive`.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use schleuse_client::deadlines::{CaseEvent, CaseFile};
use schleuse_client::v1::content::Content as Kind;
use schleuse_client::{
    ClientError, Incoming, MessageKind, Received, ReferenceBook, TakenUpBy, format_time, rfc3339,
};
use serde_json::{Value, json};

use super::args::{Global, InboxArguments, Incoming as IncomingArguments, ReceiveArguments};
use super::attachments::{Collecting, Kept};
use super::output::Output;
use super::{Ending, connect};

/// Messages that may be on their way at once.
const CREDIT: u32 = 100;

/// What is done with each message.
struct Desk<'a> {
    arguments: &'a IncomingArguments,
    book: Option<ReferenceBook>,
    collecting: Collecting,
    output: &'a Output,
}

impl<'a> Desk<'a> {
    fn new(arguments: &'a IncomingArguments, output: &'a Output) -> Result<Self, ClientError> {
        let book = arguments.book.as_deref().map(ReferenceBook::open).transpose()?;
        let collecting = Collecting::open(arguments.attachments_dir.as_deref(), *output)?;
        Ok(Self { arguments, book, collecting, output })
    }

    /// Saves, learns and describes a verified message.
    fn take(
        &mut self,
        received: &Received,
        attachments: &[String],
    ) -> Result<(Value, String), ClientError> {
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
            fields.insert("attachments_saved".to_owned(), json!(attachments));
        }
        let mut text = message_text(received, known.map(|entry| entry.display_name.as_str()));
        if let Some(path) = saved {
            text = format!("{text}\nsaved as {path}");
        }
        for path in attachments {
            text = format!("{text}\nattachment saved as {path}");
        }
        Ok((value, text))
    }

    /// What is shown of a message that does not verify.
    fn refuse(&self, incoming: Incoming) -> (Value, Ending) {
        let number = incoming.message_number();
        let error = incoming.verified().err();
        let is_alarm = error.as_ref().is_none_or(ClientError::is_alarm);
        let error = error.map(|error| error.to_string());
        let how = if is_alarm { "ALARM" } else { "not shown" };
        let text = format!("{how}: {} (message {number})", error.clone().unwrap_or_default());
        self.output.note(&text);
        let ending = if is_alarm { Ending::Alarm } else { Ending::NotShown };
        (json!({ "message_number": number, "unverified": error }), ending)
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
        let mut parts = Vec::new();
        for one in incoming {
            let Incoming::Verified(received) = one else {
                left = left.saturating_sub(1);
                let (value, how) = desk.refuse(one);
                ending = worse(ending, how);
                values.push(value);
                continue;
            };
            match desk.collecting.keep(&received)? {
                Kept::Part => parts.push(received.message_number),
                Kept::Left => {}
                Kept::Refused => ending = Ending::Alarm,
                Kept::Message(attachments) => {
                    left = left.saturating_sub(1);
                    let (value, text) = desk.take(&received, &attachments)?;
                    taken.push(received.message_number);
                    values.push(value);
                    texts.push(text);
                }
            }
        }
        // Parts are many and large: what is on disk is taken over before more is fetched.
        if arguments.incoming.acknowledge && !parts.is_empty() {
            client.take_up(&parts, by(&arguments.incoming)).await?;
        }
    }
    output.result(&Value::Array(values), || {
        if texts.is_empty() { "no messages".to_owned() } else { texts.join("\n\n") }
    });
    // Only what was printed and saved is taken over.
    if arguments.incoming.acknowledge && !taken.is_empty() {
        client.take_up(&taken, by(&arguments.incoming)).await?;
        output.note(&format!("{} acknowledged", taken.len()));
    }
    client.check_receipts().await?;
    Ok(ending)
}

/// Who takes the messages up.
fn by(arguments: &IncomingArguments) -> TakenUpBy {
    if arguments.person { TakenUpBy::Person } else { TakenUpBy::System }
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
        match show(&mut desk, incoming).await? {
            Shown::Message => seen += 1,
            Shown::Part => {}
            Shown::Refused(how) => {
                seen += 1;
                ending = worse(ending, how);
            }
        }
    }
    stream.close().await;
    client.check_receipts().await?;
    Ok(ending)
}

/// An alarm stays an alarm.
fn worse(before: Ending, now: Ending) -> Ending {
    if before == Ending::Alarm || now == Ending::Done { before } else { now }
}

/// What came.
enum Shown {
    Message,
    Part,
    Refused(Ending),
}

async fn show(desk: &mut Desk<'_>, incoming: Incoming) -> Result<Shown, ClientError> {
    let Incoming::Verified(received) = incoming else {
        let (value, ending) = desk.refuse(incoming);
        desk.output.item(&value, String::new);
        return Ok(Shown::Refused(ending));
    };
    let attachments = match desk.collecting.keep(&received)? {
        Kept::Part => {
            if desk.arguments.acknowledge {
                received.acknowledge().await?;
            }
            return Ok(Shown::Part);
        }
        Kept::Left => return Ok(Shown::Part),
        Kept::Refused => return Ok(Shown::Refused(Ending::Alarm)),
        Kept::Message(attachments) => attachments,
    };
    let (value, text) = desk.take(&received, &attachments)?;
    desk.output.item(&value, || format!("{text}\n"));
    if desk.arguments.acknowledge {
        received.take_up(by(desk.arguments)).await?;
    }
    Ok(Shown::Message)
}

/// Writes a received file under its own name, or with a number if that is taken.
fn save(received: &Received, folder: &Path) -> Result<Option<String>, ClientError> {
    let Some(Kind::File(file)) = received.content.kind() else { return Ok(None) };
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
    let kind = MessageKind::find(&received.kind);
    let kind = kind.map(|kind| format!(" ({})", kind.name)).unwrap_or_default();
    [
        format!("message {}{repeated}", received.message_number),
        format!("  from         {}, signed by {}", received.sender, received.signed_by),
        format!("  to           {}", received.recipient),
        format!("  participant  {reference} {}", name.unwrap_or_default()).trim_end().to_owned(),
        format!("  purpose      {} ({})", received.purpose, received.categories.join(", ")),
        format!("  kind         {}{kind}", received.kind),
        match received.consent_reference {
            Some(consent) => {
                format!("  consent      {consent} revision {}", received.consent_revision)
            }
            None => "  consent      none: without participant".to_owned(),
        },
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
        "content_json": received.content.to_exact_json(),
    })
}
