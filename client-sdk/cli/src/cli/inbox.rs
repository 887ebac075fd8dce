//! `schleuse agency inbox` and `receive`.

use std::path::{Path, PathBuf};

use schleuse_client::deadlines::{CaseEvent, CaseFile};
use schleuse_client::v1::content::Content as Kind;
use schleuse_client::{
    Client, ClientError, EvidenceFault, Incoming, MessageKind, Received, ReferenceBook, SealError,
    TakenUpBy, format_time, is_unprintable, rfc3339, terminal_line,
};
use serde_json::{Value, json};

use super::args::{Global, InboxArguments, Incoming as IncomingArguments, ReceiveArguments};
use super::attachments::{Collecting, Kept};
use super::output::Output;
use super::{Ending, connect, directory, files};

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
    /// Whatever is to be written can be written: a hand-out cannot be taken back.
    fn new(arguments: &'a IncomingArguments, output: &'a Output) -> Result<Self, ClientError> {
        arguments.save.as_deref().map_or(Ok(()), files::check_folder)?;
        arguments.case_file.as_deref().map_or(Ok(()), files::check_appendable)?;
        arguments.book.as_deref().map_or(Ok(()), files::check_replaceable)?;
        let book = arguments.book.as_deref().map(ReferenceBook::open).transpose()?;
        let collecting = Collecting::open(arguments.attachments_dir.as_deref(), *output)?;
        Ok(Self { arguments, book, collecting, output })
    }

    /// Saves, learns and describes a verified message. `failed` says why its attachments could not be kept.
    fn take(
        &mut self,
        received: &Received,
        attachments: &[String],
        failed: Option<String>,
    ) -> Described {
        let (saved, failed) = match self.keep(received) {
            Ok(saved) => (saved, failed),
            Err(error) => (None, Some(error.to_string())),
        };
        let number = received.message_number;
        let why = failed.map(|why| format!("message {number}: {why}"));
        let held_back = why.or_else(|| self.lacks(received));
        if let Some(why) = &held_back {
            self.output.note(&format!("{why}; not taken over"));
        }
        let known = self.book.as_ref().zip(received.participant_reference.as_ref());
        let known = known.and_then(|(book, reference)| book.find(reference));
        let mut value = message_json(received);
        if let Value::Object(fields) = &mut value {
            fields.insert("saved".to_owned(), json!(saved));
            fields.insert("known_as".to_owned(), json!(known));
            fields.insert("attachments_saved".to_owned(), json!(attachments));
            fields.insert("held_back".to_owned(), json!(held_back));
        }
        let mut text = message_text(received, known.map(|entry| entry.display_name.as_str()));
        if let Some(path) = saved {
            text = format!("{text}\nsaved as {path}");
        }
        for path in attachments {
            text = format!("{text}\nattachment saved as {path}");
        }
        Described { value, text, is_held_back: held_back.is_some() }
    }

    /// Writes what is to be kept of a message; returns where its file is.
    fn keep(&mut self, received: &Received) -> Result<Option<String>, ClientError> {
        let saved = match &self.arguments.save {
            Some(folder) => save(received, folder)?,
            None => None,
        };
        if let Some(book) = &mut self.book {
            book.learn(received)?;
        }
        if let Some(path) = &self.arguments.case_file {
            CaseFile::new(path).append(&CaseEvent::received(received))?;
        }
        Ok(saved)
    }

    /// What would be lost if the message were taken over: the broker destroys the body then.
    fn lacks(&self, received: &Received) -> Option<String> {
        if !self.arguments.acknowledge {
            return None;
        }
        let number = received.message_number;
        if let (Some(Kind::File(file)), None) = (received.content.kind(), &self.arguments.save) {
            return Some(format!("message {number} holds a file ({}): give --save DIR", file.name));
        }
        if received.content.raw().is_some() && !self.output.is_json() {
            let cure = "was written by a newer version and may say more: give --json, or update this program";
            return Some(format!("message {number} {cure}"));
        }
        let attachments = received.content.attachments();
        if attachments.is_empty() || self.arguments.attachments_dir.is_some() {
            return None;
        }
        let names: Vec<&str> = attachments.iter().map(|one| one.name.as_str()).collect();
        let names = names.join(", ");
        Some(format!("message {number} has attachments ({names}): give --attachments-dir DIR"))
    }

    /// How a run ends that leaves a part of an attachment.
    fn left(&self) -> Ending {
        if self.arguments.acknowledge { Ending::HeldBack } else { Ending::Done }
    }

    /// What is shown of a message that does not verify.
    fn refuse(&self, incoming: Incoming) -> (Value, Ending) {
        let number = incoming.message_number();
        let error = incoming.verified().err();
        if error.as_ref().is_some_and(is_of_other_keys) {
            let why = "it is sealed to a key that is not in the file of --sealing";
            self.output.note(&format!(
                "not shown: message {number}: {why}; is --sealing the right file? \
                 Otherwise: schleuse agency reject {number} --reason cannot-open"
            ));
            return (json!({ "message_number": number, "unverified": why }), Ending::NotShown);
        }
        let is_alarm = error.as_ref().is_none_or(ClientError::is_alarm);
        let error = error.map(|error| error.to_string());
        let how = if is_alarm { "ALARM" } else { "not shown" };
        let text = format!("{how}: {} (message {number})", error.clone().unwrap_or_default());
        self.output.note(&text);
        let ending = if is_alarm { Ending::Alarm } else { Ending::NotShown };
        (json!({ "message_number": number, "unverified": error }), ending)
    }
}

/// A message as it is shown.
struct Described {
    value: Value,
    text: String,
    /// Whether it stays in the mailbox, whatever was asked for.
    is_held_back: bool,
}

/// Whether a message is sealed to a key that we do not have: then the keys are the wrong ones, or old.
fn is_of_other_keys(error: &ClientError) -> bool {
    let ClientError::Evidence(error) = error else { return false };
    matches!(error.fault, EvidenceFault::Sealing(SealError::UnknownKey))
}

/// What one call of `inbox` came to.
struct Fetched {
    values: Vec<Value>,
    texts: Vec<String>,
    /// Numbers of messages that may be taken over.
    taken: Vec<u64>,
    /// How many more messages are wanted.
    left: u32,
    ending: Ending,
}

impl Fetched {
    /// Looks at one message. Returns its number if it is a part that is safe on disk.
    fn add(&mut self, desk: &mut Desk<'_>, incoming: Incoming) -> Option<u64> {
        let Incoming::Verified(received) = incoming else {
            self.left = self.left.saturating_sub(1);
            let (value, how) = desk.refuse(incoming);
            self.ending = worse(self.ending, how);
            self.values.push(value);
            return None;
        };
        match desk.collecting.keep(&received) {
            Kept::Part => return Some(received.message_number),
            Kept::Left => self.ending = worse(self.ending, desk.left()),
            Kept::Failed => self.ending = worse(self.ending, Ending::HeldBack),
            Kept::Refused => self.ending = Ending::Alarm,
            Kept::Message(attachments, failed) => {
                self.left = self.left.saturating_sub(1);
                let described = desk.take(&received, &attachments, failed);
                if described.is_held_back {
                    self.ending = worse(self.ending, Ending::HeldBack);
                } else {
                    self.taken.push(received.message_number);
                }
                self.values.push(described.value);
                self.texts.push(described.text);
            }
        }
        None
    }
}

/// Fetches what waits now.
pub(crate) async fn fetch(
    global: &Global,
    arguments: &InboxArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let incoming = &arguments.incoming;
    let mut desk = Desk::new(incoming, output)?;
    let client = connect(global, Some(&incoming.sealing), output).await?;
    note_unknown_functions(&client, &incoming.function, output).await?;
    let mut fetched = Fetched {
        values: Vec::new(),
        texts: Vec::new(),
        taken: Vec::new(),
        left: arguments.max,
        ending: Ending::Done,
    };
    // One call carries about 1 MiB; what it handed out is not handed out again at once.
    while fetched.left > 0 {
        let came = client.fetch(&incoming.function, fetched.left).await?;
        if came.is_empty() {
            break;
        }
        let parts: Vec<u64> =
            came.into_iter().filter_map(|one| fetched.add(&mut desk, one)).collect();
        // Parts are many and large: what is on disk is taken over before more is fetched.
        if incoming.acknowledge && !parts.is_empty() {
            client.take_up(&parts, by(incoming)).await?;
        }
    }
    let Fetched { values, texts, taken, ending, .. } = fetched;
    let (count, nothing_came) = (values.len(), values.is_empty());
    output.result(&Value::Array(values), || match (texts.is_empty(), nothing_came) {
        (true, true) => "no messages".to_owned(),
        (true, false) => "no message that can be shown".to_owned(),
        (false, _) => texts.join("\n\n"),
    });
    // Only what was printed and saved is taken over.
    let mut acknowledged = 0;
    if incoming.acknowledge && !taken.is_empty() {
        client.take_up(&taken, by(incoming)).await?;
        acknowledged = taken.len();
        output.note(&format!("{acknowledged} acknowledged"));
    }
    note_handed_out(count.saturating_sub(acknowledged), nothing_came, output);
    client.check_receipts().await?;
    Ok(ending)
}

/// A mailbox that was looked at seems empty for a while.
fn note_handed_out(count: usize, nothing_came: bool, output: &Output) {
    if nothing_came {
        output.note("what was handed out and not acknowledged comes again after a minute or so");
    } else if count > 0 {
        let are = if count == 1 { "message is" } else { "messages are" };
        output.note(&format!(
            "{count} {are} handed out and not acknowledged: the mailbox does not show them \
             until they come again after a minute or so"
        ));
    }
}

/// Nobody can send to a function that the own entry does not have: a slip in its name, most often.
async fn note_unknown_functions(
    client: &Client,
    functions: &[String],
    output: &Output,
) -> Result<(), ClientError> {
    let Some(entry) = directory::own_entry(client).await? else { return Ok(()) };
    for function in functions.iter().filter(|function| !entry.has_function(function)) {
        let known: Vec<&str> = entry.functions.iter().map(|(id, _)| id.as_str()).collect();
        output.note(&format!(
            "note: {} has no function {function} in the directory; it has: {}",
            entry.agency,
            known.join(", ")
        ));
    }
    Ok(())
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
    note_unknown_functions(&client, &arguments.incoming.function, output).await?;
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
        let (shown, how) = show(&mut desk, incoming).await?;
        ending = worse(ending, how);
        match shown {
            Shown::Message => seen += 1,
            Shown::Part => {}
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
}

async fn show(desk: &mut Desk<'_>, incoming: Incoming) -> Result<(Shown, Ending), ClientError> {
    let Incoming::Verified(received) = incoming else {
        let (value, ending) = desk.refuse(incoming);
        desk.output.item(&value, String::new);
        return Ok((Shown::Message, ending));
    };
    let (attachments, failed) = match desk.collecting.keep(&received) {
        Kept::Part => {
            if desk.arguments.acknowledge {
                received.acknowledge().await?;
            }
            return Ok((Shown::Part, Ending::Done));
        }
        Kept::Left => return Ok((Shown::Part, desk.left())),
        Kept::Failed => return Ok((Shown::Part, Ending::HeldBack)),
        Kept::Refused => return Ok((Shown::Message, Ending::Alarm)),
        Kept::Message(attachments, failed) => (attachments, failed),
    };
    let described = desk.take(&received, &attachments, failed);
    desk.output.item(&described.value, || format!("{}\n", described.text));
    if described.is_held_back {
        return Ok((Shown::Message, Ending::HeldBack));
    }
    if desk.arguments.acknowledge {
        received.take_up(by(desk.arguments)).await?;
    }
    Ok((Shown::Message, Ending::Done))
}

/// Writes a received file under its own name, or with a number if another file has that.
fn save(received: &Received, folder: &Path) -> Result<Option<String>, ClientError> {
    let Some(Kind::File(file)) = received.content.kind() else { return Ok(None) };
    // The library has checked that the name is no path.
    let own: String = file.name.chars().map(|c| if is_unprintable(c) { '_' } else { c }).collect();
    let numbered = format!("{}-{own}", received.message_number);
    let part = folder.join(format!(".{}.part", received.message_number));
    let saved = files::write(&part, &file.data)
        .and_then(|()| give_name(&part, folder, &[&own, &numbered], &file.data));
    // A part that cannot be removed is written anew the next time.
    let _left = std::fs::remove_file(&part);
    saved.map(|path| Some(path.display().to_string()))
}

/// Links a whole file under the first name that is free, or that has the same content: handed out again, most often.
fn give_name(
    part: &Path,
    folder: &Path,
    names: &[&String],
    content: &[u8],
) -> Result<PathBuf, ClientError> {
    for name in names {
        let path = folder.join(name);
        match std::fs::hard_link(part, &path) {
            Ok(()) => {
                let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
                let failed = |error: std::io::Error| error.to_string();
                return match synced.map_err(failed) {
                    Ok(()) => Ok(path),
                    Err(why) => Err(ClientError::File { path, why }),
                };
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let known = files::read(&path, content.len());
                if known.is_ok_and(|known| known == content) {
                    return Ok(path);
                }
            }
            Err(error) => return Err(ClientError::File { path, why: error.to_string() }),
        }
    }
    let why = "files of the same names are there already; move them away".to_owned();
    Err(ClientError::File { path: folder.to_owned(), why })
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
        format!("  participant  {reference} {}", terminal_line(name.unwrap_or_default()))
            .trim_end()
            .to_owned(),
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
