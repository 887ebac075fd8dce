//! `schleuse agency recall`, `reject`, `track`, `dead-letters`, `notices`, `mailbox`, `deletions`,
//! `confirm-deletion`; `schleuse dpo deletions`; `schleuse operator`.

use schleuse_client::{
    Client, ClientError, DeadLetterReason, DeletionAnswer, DeletionDuty, DutyFilter, MailboxClass,
    MessageEvent, Notice, NoticeKind, ParticipantReference, Recall, Receipt, Rejected, Stamp,
    Track, format_time, rfc3339,
};
use serde_json::{Value, json};

use super::args::{
    ConfirmArguments, DeletionsArguments, Global, MailboxArguments, NoticesArguments,
    OperatorCommand, OwnMessages, RejectArguments,
};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect, status};

/// Notices of one call.
const NOTICES_PER_CALL: u32 = 500;

fn text(reference: Option<&ParticipantReference>) -> String {
    reference.map(|reference| reference.as_text().to_owned()).unwrap_or_default()
}

pub(crate) async fn recall(
    client: &Client,
    arguments: &OwnMessages,
    output: &Output,
) -> Result<Ending, ClientError> {
    let recalls = client.recall(&arguments.messages).await?;
    let named = |recall: &Recall| -> (&'static str, Option<Receipt>) {
        match recall {
            Recall::Recalled(receipt) => ("recalled", Some(*receipt)),
            Recall::RecalledAfterHandOut(receipt) => ("recalled-after-hand-out", Some(*receipt)),
            Recall::TakenUp(receipt) => ("taken-up", Some(*receipt)),
            Recall::Ended(receipt, _) => ("ended", Some(*receipt)),
            Recall::Unknown | _ => ("unknown", None),
        }
    };
    let end = |recall: &Recall| {
        if let Recall::Ended(_, end) = recall { Some(end.to_string()) } else { None }
    };
    let rows: Vec<_> = arguments.messages.iter().zip(&recalls).collect();
    let value = rows.iter().map(|(message, recall)| {
        let (result, receipt) = named(recall);
        let record = receipt.map(|receipt| receipt.record_number);
        json!({ "message": message, "result": result, "end": end(recall), "record": record })
    });
    output.table(&value.collect(), || {
        let mut table = Table::new(&["message", "result", "end", "record"], "nothing");
        for (message, recall) in &rows {
            let (result, receipt) = named(recall);
            table.row(vec![
                message.to_string(),
                result.to_owned(),
                end(recall).unwrap_or_default(),
                receipt.map(|receipt| receipt.record_number.to_string()).unwrap_or_default(),
            ]);
        }
        table
    });
    for (message, recall) in &rows {
        if matches!(recall, Recall::RecalledAfterHandOut(_)) {
            output.note(&format!(
                "message {message} was handed out before: it is not handed out again, but its recipient may have \
                 read it, and is not told of the recall"
            ));
        }
    }
    let all = recalls.iter().all(|it| matches!(it, Recall::Recalled(_)));
    Ok(if all { Ending::Done } else { Ending::Declined })
}

pub(crate) async fn reject(
    client: &Client,
    arguments: &RejectArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let given = DeadLetterReason::GIVEN.iter().find(|(name, _)| *name == arguments.reason);
    let (_, reason) = given.ok_or_else(|| ClientError::Argument {
        what: "reason",
        expected: "cannot-open, misdirected, unknown-version or unreadable".to_owned(),
    })?;
    let rejected = client.reject(&arguments.numbers, *reason).await?;
    let named = |rejected: &Rejected| match rejected {
        Rejected::DeadLettered(receipt) => ("dead-lettered", Some(receipt.record_number)),
        Rejected::TakenUp(receipt) => ("taken-up", Some(receipt.record_number)),
        Rejected::Ended | _ => ("ended", None),
    };
    let rows: Vec<_> = arguments.numbers.iter().zip(rejected.iter().map(named)).collect();
    let value = rows.iter().map(|(number, (result, record))| {
        json!({ "message_number": number, "result": result, "record": record })
    });
    output.table(&value.collect(), || {
        let mut table = Table::new(&["message", "result", "record"], "nothing");
        for (number, (result, record)) in &rows {
            let record = record.map(|record| record.to_string()).unwrap_or_default();
            table.row(vec![number.to_string(), (*result).to_owned(), record]);
        }
        table
    });
    Ok(Ending::Done)
}

fn stamp_json(stamp: Option<Stamp>) -> Value {
    stamp.map_or(
        Value::Null,
        |stamp| json!({ "record": stamp.record_number, "time": rfc3339(stamp.time_ms) }),
    )
}

fn track_json(track: &Track) -> Value {
    json!({
        "message": track.message_id,
        "thread": track.thread_id,
        "participant": text(track.participant_reference.as_ref()),
        "sender": track.sender,
        "recipient": track.recipient,
        "state": track.state().to_string(),
        "accepted": stamp_json(Some(track.accepted)),
        "handed_out": stamp_json(track.handed_out),
        "attempts": track.attempts,
        "opened": stamp_json(track.opened),
        "taken_up": stamp_json(track.taken_up.map(|(stamp, _)| stamp)),
        "taken_up_by": track.taken_up.map(|(_, by)| by.to_string()),
        "ended": stamp_json(track.ended.map(|(stamp, _)| stamp)),
        "expires": rfc3339(track.expires_at_ms),
    })
}

pub(crate) async fn track(
    client: &Client,
    arguments: &OwnMessages,
    output: &Output,
) -> Result<Ending, ClientError> {
    let tracks = client.track(&arguments.messages).await?;
    let rows: Vec<_> = arguments.messages.iter().zip(&tracks).collect();
    let value = rows.iter().map(|(message, track)| match track {
        Some(track) => track_json(track),
        None => json!({ "message": message, "state": "unknown" }),
    });
    let time = |stamp: Option<Stamp>| stamp.map(|it| format_time(it.time_ms)).unwrap_or_default();
    output.table(&value.collect(), || {
        let head = ["message", "state", "to", "handed out", "opened", "taken up", "by"];
        let mut table = Table::new(&head, "nothing");
        for (message, track) in &rows {
            let Some(track) = track else {
                table.row(vec![message.to_string(), "unknown".to_owned()]);
                continue;
            };
            table.row(vec![
                message.to_string(),
                track.state().to_string(),
                track.recipient.to_string(),
                time(track.handed_out),
                time(track.opened),
                time(track.taken_up.map(|(stamp, _)| stamp)),
                track.taken_up.map(|(_, by)| by.to_string()).unwrap_or_default(),
            ]);
        }
        table
    });
    Ok(if tracks.iter().all(Option::is_some) { Ending::Done } else { Ending::Declined })
}

pub(crate) async fn dead_letters(client: &Client, output: &Output) -> Result<Ending, ClientError> {
    let letters = client.dead_letters().await?;
    let value = letters.iter().map(|letter| {
        json!({
            "record": letter.at.record_number,
            "time": rfc3339(letter.at.time_ms),
            "reason": letter.reason.to_string(),
            "message_number": letter.message_number,
            "message": letter.message_id,
            "thread": letter.thread_id,
            "sender": letter.sender,
            "recipient": letter.recipient,
            "attempts": letter.attempts,
            "participant": text(letter.participant_reference.as_ref()),
        })
    });
    output.table(&value.collect(), || {
        let head = ["message", "time", "reason", "from", "to", "attempts"];
        let mut table = Table::new(&head, "no dead letters");
        for letter in &letters {
            table.row(vec![
                letter.message_number.to_string(),
                format_time(letter.at.time_ms),
                letter.reason.to_string(),
                letter.sender.to_string(),
                letter.recipient.to_string(),
                letter.attempts.to_string(),
            ]);
        }
        table
    });
    Ok(Ending::Done)
}

fn event_text(event: MessageEvent) -> String {
    match event {
        MessageEvent::HandedOut => "handed-out".to_owned(),
        MessageEvent::Opened => "opened".to_owned(),
        MessageEvent::TakenUp(by) => format!("taken-up by {by}"),
        MessageEvent::Ended(end) => end.to_string(),
        _ => "unknown".to_owned(),
    }
}

fn notice_json(notice: &Notice) -> Value {
    let what = match &notice.what {
        NoticeKind::Message(told) => json!({
            "kind": "message",
            "event": event_text(told.event),
            "message": told.message_id,
            "thread": told.thread_id,
            "message_number": told.message_number,
            "participant": text(told.participant_reference.as_ref()),
            "sender": told.sender,
            "recipient": told.recipient,
        }),
        NoticeKind::BasisEnded(duty) => json!({ "kind": "basis-ended", "duty": duty_json(duty) }),
        NoticeKind::Unknown | _ => json!({ "kind": "unknown" }),
    };
    json!({ "number": notice.number, "time": rfc3339(notice.time_ms), "notice": what })
}

fn notice_text(notice: &Notice) -> String {
    let what = match &notice.what {
        NoticeKind::Message(told) => {
            format!("message {} to {}: {}", told.message_id, told.recipient, event_text(told.event))
        }
        NoticeKind::BasisEnded(duty) => format!(
            "duty {}: delete {} messages to {} until {}{}",
            duty.number,
            message_count(duty),
            duty.recipient,
            format_time(duty.due_ms),
            if duty.participant_erased { "; the participant is erased" } else { "" }
        ),
        NoticeKind::Unknown | _ => "of a kind that this program does not know".to_owned(),
    };
    format!("{}  {}  {what}", notice.number, format_time(notice.time_ms))
}

pub(crate) async fn notices(
    client: &Client,
    arguments: &NoticesArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let most = arguments.max.unwrap_or(u64::MAX);
    let mut seen = 0;
    if arguments.follow {
        let mut stream = client.receive_notices(arguments.after);
        output.note("waiting for notices; Ctrl-C ends");
        while seen < most {
            let notice = tokio::select! {
                notice = stream.next() => notice?,
                _ = tokio::signal::ctrl_c() => break,
            };
            seen += 1;
            output.item(&notice_json(&notice), || notice_text(&notice));
        }
        return Ok(Ending::Done);
    }
    let mut after = arguments.after;
    while seen < most {
        let wanted = u32::try_from(most - seen).unwrap_or(NOTICES_PER_CALL).min(NOTICES_PER_CALL);
        let part = client.fetch_notices(after, wanted).await?;
        if part.gap {
            output.note("note: notices before these were dropped, too old or too many");
        }
        for notice in &part.notices {
            after = notice.number;
            seen += 1;
            output.item(&notice_json(notice), || notice_text(notice));
        }
        if !part.more {
            break;
        }
    }
    output.note(&format!("{seen} notices; go on with --after {after}"));
    Ok(Ending::Done)
}

pub(crate) async fn mailbox(
    client: &Client,
    arguments: &MailboxArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let class = client.look_up_mailbox(&arguments.address).await?;
    let value = json!({ "mailbox": arguments.address, "class": class.to_string() });
    output.result(&value, || format!("{}: {class}", arguments.address));
    Ok(Ending::Done)
}

fn message_count(duty: &DeletionDuty) -> usize {
    let further = usize::try_from(duty.further_messages).unwrap_or(usize::MAX);
    duty.messages.len().saturating_add(further)
}

fn answer_text(answer: &DeletionAnswer) -> String {
    match answer {
        DeletionAnswer::Deleted => "deleted".to_owned(),
        DeletionAnswer::Retained(rule) => format!("retained, {rule}"),
        _ => "unknown".to_owned(),
    }
}

fn duty_json(duty: &DeletionDuty) -> Value {
    let messages = duty.messages.iter();
    let messages = messages.map(|(number, id)| json!({ "message_number": number, "message": id }));
    json!({
        "duty": duty.number,
        "recipient": duty.recipient,
        "consent": duty.consent_reference,
        "messages": messages.collect::<Value>(),
        "further_messages": duty.further_messages,
        "participant": text(duty.participant_reference.as_ref()),
        "participant_erased": duty.participant_erased,
        "opened": rfc3339(duty.opened_ms),
        "due": rfc3339(duty.due_ms),
        "answer": duty.answer.as_ref().map(|(answer, _)| answer_text(answer)),
        "answered": duty.answer.as_ref().map(|(_, at)| rfc3339(*at)),
    })
}

pub(crate) async fn deletions(
    client: &Client,
    arguments: &DeletionsArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let filter = match (arguments.overdue, arguments.open) {
        (true, _) => DutyFilter::Overdue,
        (false, true) => DutyFilter::Open,
        (false, false) => DutyFilter::All,
    };
    let duties = client.deletion_duties(filter).await?;
    output.table(&duties.iter().map(duty_json).collect(), || {
        let head = ["duty", "recipient", "participant", "messages", "due", "answer"];
        let mut table = Table::new(&head, "no duties to delete");
        for duty in &duties {
            let answer = duty.answer.as_ref().map(|(answer, _)| answer_text(answer));
            table.row(vec![
                duty.number.to_string(),
                duty.recipient.to_string(),
                if duty.participant_erased {
                    "erased".to_owned()
                } else {
                    text(duty.participant_reference.as_ref())
                },
                message_count(duty).to_string(),
                format_time(duty.due_ms),
                answer.unwrap_or_else(|| "open".to_owned()),
            ]);
        }
        table
    });
    let late = arguments.overdue && !duties.is_empty();
    Ok(if late { Ending::Declined } else { Ending::Done })
}

pub(crate) async fn confirm(
    client: &Client,
    arguments: &ConfirmArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let answer = match &arguments.retained {
        Some(rule) => DeletionAnswer::Retained(rule.clone()),
        None => DeletionAnswer::Deleted,
    };
    let record = client.confirm_deletion(arguments.duty, &answer).await?.record_number;
    let said = answer_text(&answer);
    let value = json!({ "duty": arguments.duty, "answer": said, "record": record });
    output.result(&value, || format!("duty {}: {said}, log record {record}", arguments.duty));
    Ok(Ending::Done)
}

/// Runs a command of an operator.
pub(crate) async fn operator(
    global: &Global,
    command: OperatorCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = connect(global, None, output).await?;
    match command {
        OperatorCommand::Mailboxes => mailboxes(&client, output).await,
        OperatorCommand::Status => status::status(&client, output).await,
    }
}

/// Lists the mailboxes.
async fn mailboxes(client: &Client, output: &Output) -> Result<Ending, ClientError> {
    let mailboxes = client.list_mailboxes().await?;
    let value = mailboxes.iter().map(|mailbox| {
        json!({
            "mailbox": mailbox.address,
            "class": mailbox.class.to_string(),
            "last_read": mailbox.last_read_ms.map(rfc3339),
            "waiting": mailbox.waiting,
            "oldest": mailbox.oldest_ms.map(rfc3339),
        })
    });
    let time = |ms: Option<i64>| ms.map(format_time).unwrap_or_default();
    output.table(&value.collect(), || {
        let head = ["mailbox", "class", "last read", "waiting", "oldest"];
        let mut table = Table::new(&head, "no mailboxes");
        for mailbox in &mailboxes {
            table.row(vec![
                mailbox.address.to_string(),
                mailbox.class.to_string(),
                time(mailbox.last_read_ms),
                mailbox.waiting.to_string(),
                time(mailbox.oldest_ms),
            ]);
        }
        table
    });
    let neglected = mailboxes.iter().any(|it| it.class == MailboxClass::Unread && it.waiting > 0);
    Ok(if neglected { Ending::Declined } else { Ending::Done })
}
