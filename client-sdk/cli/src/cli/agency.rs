//! `schleuse agency`: publishing and sending. Receiving is in `inbox`.

mod checks;
mod publish;

use std::path::Path;
use std::time::Duration;

use schleuse_client::deadlines::{CaseEvent, CaseFile};
use schleuse_client::{
    Client, ClientError, Clock as _, ConferenceId, Content, Draft, LogRow, MessageKind,
    SendOutcome, StatutoryChannel, Suite, SystemClock, statutory_channel,
};
use serde_json::json;

use super::args::{
    AgencyCommand, AnswerArguments, Envelope, EvidenceArguments, Global, SendArguments,
};
use super::output::Output;
use super::{
    Ending, attachments, conference, connect, deadlines, delivery, files, inbox, kinds, planning,
};

/// Seconds of a day.
const DAY_SECONDS: u64 = 24 * 3600;
/// Purpose of messages without participant.
const ABOUT_NOBODY: &str = "strukturfragen";

/// Runs a command of an agency.
pub(crate) async fn run(
    global: &Global,
    command: AgencyCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = || connect(global, None, output);
    match command {
        AgencyCommand::Recall(it) => delivery::recall(&client().await?, &it, output).await,
        AgencyCommand::Track(it) => delivery::track(&client().await?, &it, output).await,
        AgencyCommand::Notices(it) => delivery::notices(&client().await?, &it, output).await,
        AgencyCommand::Reject(it) => delivery::reject(&client().await?, &it, output).await,
        AgencyCommand::DeadLetters => delivery::dead_letters(&client().await?, output).await,
        AgencyCommand::Mailbox(it) => delivery::mailbox(&client().await?, &it, output).await,
        AgencyCommand::Deletions(it) => delivery::deletions(&client().await?, &it, output).await,
        AgencyCommand::ConfirmDeletion(it) => {
            delivery::confirm(&client().await?, &it, output).await
        }
        AgencyCommand::Publish(arguments) => publish::run(global, &arguments, output).await,
        AgencyCommand::Send(arguments) => {
            send(global, arguments, output).await.map_err(checks::in_options)
        }
        AgencyCommand::Ask(arguments) => {
            planning::ask(global, &arguments, output).await.map_err(checks::in_options)
        }
        AgencyCommand::RequestConsent(arguments) => {
            let asked = planning::request_consent(global, &arguments, output).await;
            asked.map_err(checks::in_options)
        }
        AgencyCommand::Kinds(arguments) => kinds::run(&arguments, output),
        AgencyCommand::Answer(arguments) => {
            answer(global, arguments, output).await.map_err(checks::in_options)
        }
        AgencyCommand::Evidence(arguments) => evidence(global, &arguments, output).await,
        AgencyCommand::Conference(command) => conference::run(global, command, output).await,
        AgencyCommand::Inbox(arguments) => inbox::fetch(global, &arguments, output).await,
        AgencyCommand::Receive(arguments) => inbox::receive(global, &arguments, output).await,
        AgencyCommand::Deadlines(arguments) => deadlines::agency(&arguments, output),
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
    } else if let Some(path) = &arguments.json_content {
        {
            let content = files::json_content(
                path,
                arguments.about,
                checks::content_members(&arguments.kind).as_deref(),
            )?;
            checks::names_no_attachment(&content)?;
            content
        }
    } else {
        let expected = "--text, --file, --fallkonferenz or --json-content".to_owned();
        return Err(ClientError::Argument { what: "content", expected });
    };
    let content = surround(&content, &arguments)?;
    let purpose = purpose_of(&arguments)?;
    let case_file = arguments.envelope.case_file.clone();
    case_file.as_deref().map_or(Ok(()), files::check_appendable)?;
    let attached = attachments::parse(&arguments.attach, &arguments.category)?;
    let draft = draft(arguments.envelope, arguments.kind, purpose, arguments.category, content)?;
    let client = connect(global, None, output).await?;
    checks::own_function(&client, &draft.sender_function, output).await?;
    if !attached.is_empty() {
        let leaves_out = arguments.leave_out_uncovered;
        let case_file = case_file.as_deref();
        return attachments::send(&client, draft, attached, leaves_out, case_file, output).await;
    }
    submit(&client, draft, conference, case_file.as_deref(), output).await
}

/// The content with what the options say around it.
fn surround(content: &Content, arguments: &SendArguments) -> Result<Content, ClientError> {
    let subject = arguments.json_content.as_ref().map(|_| arguments.subject.as_str());
    let subject = subject.filter(|subject| !subject.is_empty());
    if subject.is_none() && arguments.in_reply_to.is_none() {
        return Ok(content.clone());
    }
    let mut builder = content.rebuild()?;
    if let Some(subject) = subject {
        builder = builder.subject(subject);
    }
    if let Some(message) = arguments.in_reply_to {
        builder = builder.in_reply_to(message);
    }
    Ok(builder.build()?)
}

/// The purpose that was named, or the only one of the kind.
fn purpose_of(arguments: &SendArguments) -> Result<String, ClientError> {
    if let Some(purpose) = &arguments.purpose {
        return Ok(purpose.clone());
    }
    // Only `conference` sends messages about nobody: here a participant is always named.
    let about_somebody = |kind: &MessageKind| {
        kind.purposes.iter().copied().filter(|code| *code != ABOUT_NOBODY).collect::<Vec<_>>()
    };
    match MessageKind::find(&arguments.kind).map(about_somebody).as_deref() {
        Some([purpose]) => Ok((*purpose).to_owned()),
        Some(purposes) => {
            let expected = format!("--purpose, one of: {}", purposes.join(", "));
            Err(ClientError::Argument { what: "purpose", expected })
        }
        None => Err(checks::unknown_kind(&arguments.kind)),
    }
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
    let case_file = arguments.envelope.case_file.clone();
    case_file.as_deref().map_or(Ok(()), files::check_appendable)?;
    let draft =
        draft(arguments.envelope, arguments.kind, arguments.purpose, arguments.category, content)?;
    let client = connect(global, None, output).await?;
    checks::own_function(&client, &draft.sender_function, output).await?;
    submit(&client, draft, Some(conference), case_file.as_deref(), output).await
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
        professional_secret: envelope.professional_secret,
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
    case_file: Option<&Path>,
    output: &Output,
) -> Result<Ending, ClientError> {
    // Looked up before anything is sent: it can depend on nothing but purpose and kind.
    let channel = statutory_channel(&draft.purpose, &draft.kind);
    let entered = case_file.map(|path| (CaseFile::new(path), draft.clone()));
    let outcome = client.send(draft).await?;
    // Entered first: what cannot be shown was sent all the same.
    let entered = entered.map_or(Ok(()), |(file, draft)| enter(client, &file, &draft, &outcome));
    let ending = show_outcome_beside(&outcome, conference, channel, &[], output);
    entered?;
    client.check_receipts().await?;
    Ok(ending)
}

/// Enters a message that was sent into a case file.
pub(super) fn enter(
    client: &Client,
    file: &CaseFile,
    draft: &Draft,
    outcome: &SendOutcome,
) -> Result<(), ClientError> {
    let event = CaseEvent::sent(client.agency(), draft, outcome, SystemClock.now_ms());
    event.map_or(Ok(()), |event| file.append(&event))
}

/// Prints what became of a message.
pub(crate) fn show_outcome(
    outcome: &SendOutcome,
    conference: Option<ConferenceId>,
    output: &Output,
) -> Ending {
    show_outcome_beside(outcome, conference, None, &[], output)
}

/// Prints what became of a message and of attachments that were left out, and with a refusal the statutory
/// channel, so that nothing waits.
pub(super) fn show_outcome_beside(
    outcome: &SendOutcome,
    conference: Option<ConferenceId>,
    channel: Option<&StatutoryChannel>,
    left_out: &[&String],
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
            "left_out": left_out,
        });
        let text = || {
            let mut lines = vec![
                format!("accepted, log record {record}"),
                format!("message {message_id}"),
                format!("thread {thread_id}"),
            ];
            lines.extend(conference.map(|id| format!("conference {id}")));
            lines.extend(left_out.iter().map(|name| format!("sent without attachment {name}")));
            lines.join("\n")
        };
        output.precious(&value, text, &format!("message {message_id}"));
        return Ending::Done;
    }
    let statutory = channel.map(channel_json);
    let value = json!({ "result": "not-covered", "record": record, "statutory": statutory });
    output.result(&value, || {
        let said = format!("not covered by a consent (log record {record}); ask the Lotse");
        said + &channel.map(channel_text).unwrap_or_default()
    });
    Ending::NotCovered
}

/// The statutory channel for programs.
pub(super) fn channel_json(channel: &StatutoryChannel) -> serde_json::Value {
    json!({ "norm": channel.norm, "text": channel.text })
}

/// The statutory channel as a further line for people.
pub(super) fn channel_text(channel: &StatutoryChannel) -> String {
    format!("\n{}: {}", channel.norm, channel.text)
}
