//! `schleuse agency`: publishing and sending. Receiving is in `inbox`.

use std::time::Duration;

use schleuse_client::{
    Client, ClientError, ConferenceId, Content, Draft, EntryDetails, LogRow, SealingKeys,
    SendOutcome, Suite,
};
use serde_json::json;

use super::args::{
    AgencyCommand, AnswerArguments, Envelope, EvidenceArguments, Global, PublishArguments,
    SendArguments,
};
use super::output::Output;
use super::{Ending, connect, directory, files, inbox, planning};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3600 * 1000;
/// Seconds of a day.
const DAY_SECONDS: u64 = 24 * 3600;

/// Runs a command of an agency.
pub(crate) async fn run(
    global: &Global,
    command: AgencyCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        AgencyCommand::Publish(arguments) => publish(global, &arguments, output).await,
        AgencyCommand::Send(arguments) => send(global, arguments, output).await,
        AgencyCommand::Ask(arguments) => planning::ask(global, &arguments, output).await,
        AgencyCommand::RequestConsent(arguments) => {
            planning::request_consent(global, &arguments, output).await
        }
        AgencyCommand::Answer(arguments) => answer(global, arguments, output).await,
        AgencyCommand::Evidence(arguments) => evidence(global, &arguments, output).await,
        AgencyCommand::Inbox(arguments) => inbox::fetch(global, &arguments, output).await,
        AgencyCommand::Receive(arguments) => inbox::receive(global, &arguments, output).await,
    }
}

async fn evidence(
    global: &Global,
    arguments: &EvidenceArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = connect(global, None, output).await?;
    let evidence = client.evidence(&arguments.records).await?;
    let path = &arguments.out;
    files::write(path, &evidence.to_json()?)?;
    let rows = evidence.rows()?;
    let value = json!({
        "file": path.display().to_string(),
        "records": rows.iter().map(LogRow::to_json).collect::<Vec<_>>(),
    });
    output.result(&value, || {
        let lines =
            rows.iter().map(|row| format!("record {}: {}", row.record_number, row.summary()));
        lines.collect::<Vec<_>>().join("\n")
    });
    output.note(&format!("wrote {}; check it with: schleuse verify {0}", path.display()));
    Ok(Ending::Done)
}

async fn publish(
    global: &Global,
    arguments: &PublishArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let functions = arguments.function.iter().map(|text| {
        let (id, name) = text.split_once('=').unwrap_or((text, text));
        (id.trim().to_owned(), name.trim().to_owned())
    });
    let functions: Vec<(String, String)> = functions.collect();
    let keys = SealingKeys::load(&arguments.sealing)?;
    let keys: Vec<_> = keys.public_keys().cloned().collect();
    let details = arguments.details.details.as_deref();
    let details: Option<EntryDetails> = details.map(files::parse).transpose()?;
    let client = connect(global, None, output).await?;
    let validity_ms = i64::from(arguments.days) * DAY_MS;
    let own = client.directory();
    let entry =
        own.publish_with(&arguments.name, &functions, &keys, validity_ms, details.as_ref()).await?;
    directory::show(&entry, output);
    Ok(Ending::Done)
}

async fn send(
    global: &Global,
    arguments: SendArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let mut conference = None;
    let content = if let Some(text) = &arguments.text {
        Content::text(&arguments.subject, text)?
    } else if let Some(path) = &arguments.file {
        files::file_content(path, arguments.media_type.as_deref(), &arguments.subject)?
    } else if let Some(path) = &arguments.fallkonferenz {
        let id = *conference.insert(ConferenceId::generate()?);
        files::invitation(path, id)?
    } else {
        let expected = "--text, --file or --fallkonferenz".to_owned();
        return Err(ClientError::Argument { what: "content", expected });
    };
    let draft =
        draft(arguments.envelope, arguments.kind, arguments.purpose, arguments.category, content)?;
    submit(&connect(global, None, output).await?, draft, conference, output).await
}

async fn answer(
    global: &Global,
    arguments: AnswerArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let conference = arguments.conference;
    let date = |text: &String| files::proposed_date(text, arguments.minutes);
    let content = match (&arguments.accept, &arguments.decline) {
        (Some(time), _) => Content::accept(conference, date(time)?)?,
        (None, Some(reason)) => Content::decline(conference, reason)?,
        (None, None) => {
            let dates = arguments.propose.iter().map(date).collect::<Result<_, _>>()?;
            Content::propose(conference, dates)?
        }
    };
    let draft =
        draft(arguments.envelope, arguments.kind, arguments.purpose, arguments.category, content)?;
    submit(&connect(global, None, output).await?, draft, Some(conference), output).await
}

fn draft(
    envelope: Envelope,
    kind: String,
    purpose: String,
    categories: Vec<String>,
    content: Content,
) -> Result<Draft, ClientError> {
    let suite = envelope.suite.as_deref().map(|name| {
        let expected = || "mlkem1024-p384 or dhkem-p256".to_owned();
        Suite::parse(name)
            .ok_or_else(|| ClientError::Argument { what: "suite", expected: expected() })
    });
    Ok(Draft {
        participant_reference: envelope.participant,
        recipient: envelope.to,
        sender_function: envelope.function,
        kind,
        purpose,
        categories,
        thread_id: envelope.thread,
        expires_in: Duration::from_secs(u64::from(envelope.days) * DAY_SECONDS),
        content,
        suite: suite.transpose()?,
    })
}

async fn submit(
    client: &Client,
    draft: Draft,
    conference: Option<ConferenceId>,
    output: &Output,
) -> Result<Ending, ClientError> {
    let outcome = client.send(draft).await?;
    let ending = show_outcome(&outcome, conference, output);
    client.check_receipts().await?;
    Ok(ending)
}

/// Prints what became of a message.
pub(crate) fn show_outcome(
    outcome: &SendOutcome,
    conference: Option<ConferenceId>,
    output: &Output,
) -> Ending {
    let record = outcome.receipt().record_number;
    if let SendOutcome::Accepted { message_id, thread_id, .. } = outcome {
        let value = json!({
            "result": "accepted",
            "record": record,
            "message": message_id,
            "thread": thread_id,
            "conference": conference,
        });
        output.result(&value, || {
            let mut lines = vec![
                format!("accepted, log record {record}"),
                format!("message {message_id}"),
                format!("thread {thread_id}"),
            ];
            lines.extend(conference.map(|id| format!("conference {id}")));
            lines.join("\n")
        });
        return Ending::Done;
    }
    output.result(&json!({ "result": "not-covered", "record": record }), || {
        format!("not covered by a consent (log record {record}); ask the Lotse")
    });
    Ending::NotCovered
}
