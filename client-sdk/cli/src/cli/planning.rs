//! Planning on the command line: `agency ask`, `agency request-consent`, `lotse tasks`, `lotse participation`.

use schleuse_client::{
    Client, ClientError, ParticipationChange, PlannedMessage, RequestReason, Task, TaskKind,
    format_time, hex, rfc3339, v1,
};
use serde_json::{Value, json};

use super::args::Global;
use super::args::{
    ParticipationCommand, PlannedArguments, RequestConsentArguments, SetParticipationArguments,
    TaskCommand,
};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect};

fn planned(client: &Client, arguments: &PlannedArguments) -> Result<PlannedMessage, ClientError> {
    Ok(PlannedMessage {
        sender: schleuse_client::Address::new(client.agency(), &arguments.function)?,
        recipient: arguments.to.clone(),
        purpose: arguments.purpose.clone(),
        kind: arguments.kind.clone(),
        categories: arguments.category.clone(),
        professional_secret: arguments.professional_secret,
    })
}

/// Asks whether a message would pass; ends like sending it.
pub(crate) async fn ask(
    global: &Global,
    arguments: &PlannedArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = connect(global, None, output).await?;
    let planned = planned(&client, arguments)?;
    let answer = client.coverage(&arguments.participant, &planned).await?;
    let record = answer.receipt.record_number;
    let value = json!({ "covered": answer.covered, "record": record });
    output.result(&value, || {
        if answer.covered {
            format!("covered by a consent now (log record {record})")
        } else {
            format!(
                "not covered by a consent (log record {record}); \
                 ask the Lotse: schleuse agency request-consent"
            )
        }
    });
    Ok(if answer.covered { Ending::Done } else { Ending::NotCovered })
}

/// Asks the Lotse for a consent.
pub(crate) async fn request_consent(
    global: &Global,
    arguments: &RequestConsentArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = connect(global, None, output).await?;
    let planned = planned(&client, &arguments.planned)?;
    let reason = arguments.reason.map_or(RequestReason::Unspecified, RequestReason::from);
    let participant = &arguments.planned.participant;
    let record = client.request_consent(participant, &planned, reason).await?.record_number;
    output.result(&json!({ "record": record }), || {
        format!("recorded, log record {record}; nothing is told of what becomes of it")
    });
    Ok(Ending::Done)
}

/// Lists what is to be done.
pub(crate) async fn tasks(client: &Client, output: &Output) -> Result<Ending, ClientError> {
    let (tasks, truncated) = client.tasks().await?;
    let value = tasks.iter().map(task_json).collect::<Value>();
    output.table(&value, || {
        let head = ["task", "due", "participant", "what"];
        let mut table = Table::new(&head, "nothing to do");
        for task in &tasks {
            let number = if let TaskKind::ConsentRequest { task, .. } = &task.what {
                task.to_string()
            } else {
                String::new()
            };
            let participant = task.participant.as_ref().map(|r| r.as_text().to_owned());
            table.row(vec![
                number,
                task.due_ms.map(format_time).unwrap_or_default(),
                participant.unwrap_or_default(),
                words(&task.what),
            ]);
        }
        table
    });
    if truncated {
        output.note("there are more tasks than one answer holds");
    }
    Ok(Ending::Done)
}

fn words(what: &TaskKind) -> String {
    match what {
        TaskKind::ConsentRequest { planned, reason, .. } => {
            let reason = if *reason == RequestReason::Unspecified {
                String::new()
            } else {
                format!(", reason {}", short(reason.as_str_name(), "REQUEST_REASON_"))
            };
            format!(
                "consent requested: {} to {}: {} ({}){reason}",
                planned.sender,
                planned.recipient,
                planned.purpose,
                planned.categories.join(", ")
            )
        }
        TaskKind::GrantEnding { consent, grant_index } => {
            format!("grant {grant_index} of consent {consent} ends")
        }
        TaskKind::Review { consent } => format!("review consent {consent} with the participant"),
        TaskKind::ParticipationEnding { .. } => "24 months end".to_owned(),
        TaskKind::PlaceFree { jobcenter } => format!("a place of {jobcenter} is free"),
        TaskKind::EntryRenewal { agency } => format!("confirm the directory entry of {agency}"),
        TaskKind::Unknown => "unknown to this program".to_owned(),
        _ => "unknown to this version".to_owned(),
    }
}

fn task_json(task: &Task) -> Value {
    let what = match &task.what {
        TaskKind::ConsentRequest { task, planned, reason, asked_at_ms } => json!({
            "kind": "consent-request",
            "task": task,
            "sender": planned.sender,
            "recipient": planned.recipient,
            "purpose": planned.purpose,
            "message_kind": planned.kind,
            "categories": planned.categories,
            "professional_secret": planned.professional_secret,
            "reason": short(reason.as_str_name(), "REQUEST_REASON_"),
            "asked_at": rfc3339(*asked_at_ms),
        }),
        TaskKind::GrantEnding { consent, grant_index } => json!({
            "kind": "grant-ending", "consent": hex(consent.as_bytes()), "grant": grant_index,
        }),
        TaskKind::Review { consent } => {
            json!({ "kind": "review", "consent": hex(consent.as_bytes()) })
        }
        TaskKind::ParticipationEnding { started_at_ms } => json!({
            "kind": "participation-ending", "started_at": rfc3339(*started_at_ms),
        }),
        TaskKind::PlaceFree { jobcenter } => {
            json!({ "kind": "place-free", "jobcenter": jobcenter })
        }
        TaskKind::EntryRenewal { agency } => json!({ "kind": "entry-renewal", "agency": agency }),
        TaskKind::Unknown => json!({ "kind": "unknown" }),
        _ => json!({ "kind": "unknown to this version" }),
    };
    json!({
        "participant": task.participant.as_ref().map(|r| r.as_text().to_owned()),
        "due": task.due_ms.map(rfc3339),
        "what": what,
    })
}

/// Runs a command about one task.
pub(crate) async fn task(
    client: &Client,
    command: TaskCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    let TaskCommand::Close { task, result } = command;
    let record = client.close_task(task, result.into()).await?.record_number;
    output.result(&json!({ "task": task, "record": record }), || {
        format!("closed, log record {record}")
    });
    Ok(Ending::Done)
}

/// Runs a command about participations.
pub(crate) async fn participation(
    client: &Client,
    command: ParticipationCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        ParticipationCommand::Set(arguments) => set(client, arguments, output).await,
        ParticipationCommand::List => {
            let listed = client.participations().await?;
            let value = listed.iter().map(participation_json).collect::<Value>();
            output.table(&value, || participation_table(&listed));
            Ok(Ending::Done)
        }
    }
}

async fn set(
    client: &Client,
    arguments: SetParticipationArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let change = ParticipationChange {
        jobcenter: arguments.jobcenter,
        employability_at_start: arguments.employability_at_start,
        employability_at_end: arguments.employability_at_end,
    };
    let phase = arguments.phase.into();
    let state = client.set_participation(&arguments.participant, phase, &change).await?;
    let (now, record) = (phase_name(state.phase), state.receipt.record_number);
    let value = json!({
        "phase": now,
        "waiting_position": state.waiting_position,
        "record": record,
    });
    output.result(&value, || match state.waiting_position {
        Some(position) => format!("waits, position {position}, log record {record}"),
        None => format!("{now}, log record {record}"),
    });
    Ok(Ending::Done)
}

/// Counts places.
pub(crate) async fn places(client: &Client, output: &Output) -> Result<Ending, ClientError> {
    let counts = client.places().await?;
    let value = counts.iter().map(|count| {
        json!({
            "jobcenter": count.jobcenter,
            "places": count.places,
            "taken": count.taken,
            "waiting": count.waiting,
        })
    });
    output.table(&value.collect::<Value>(), || {
        let head = ["jobcenter", "places", "taken", "free", "waiting"];
        let mut table = Table::new(&head, "the broker's configuration names no places");
        for count in &counts {
            table.row(vec![
                count.jobcenter.clone(),
                count.places.to_string(),
                count.taken.to_string(),
                count.places.saturating_sub(count.taken).to_string(),
                count.waiting.to_string(),
            ]);
        }
        table
    });
    Ok(Ending::Done)
}

fn short(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_ascii_lowercase().replace('_', "-")
}

fn phase_name(phase: v1::ParticipationPhase) -> String {
    short(phase.as_str_name(), "PARTICIPATION_PHASE_")
}

fn some_time(ms: i64) -> Option<String> {
    (ms > 0).then(|| rfc3339(ms))
}

fn participation_json(listed: &v1::Participation) -> Value {
    let phases = listed.phases.iter();
    let phases = phases.map(|begun| {
        json!({ "phase": phase_name(begun.phase()), "began_at": rfc3339(begun.began_at_ms) })
    });
    json!({
        "participant": listed.participant_reference,
        "phase": phase_name(listed.phase()),
        "jobcenter": listed.jobcenter,
        "waiting_position": (listed.waiting_position > 0).then_some(listed.waiting_position),
        "started_at": some_time(listed.started_at_ms),
        "ends_by": some_time(listed.ends_by_ms),
        "ended_at": some_time(listed.ended_at_ms),
        "employability_at_start": (listed.employability_at_start > 0).then_some(listed.employability_at_start),
        "employability_at_end": (listed.employability_at_end > 0).then_some(listed.employability_at_end),
        "phases": phases.collect::<Value>(),
    })
}

fn participation_table(listed: &[v1::Participation]) -> Table {
    let head = ["participant", "jobcenter", "phase", "position", "started", "24 months end"];
    let mut table = Table::new(&head, "no participations");
    let time = |ms: i64| if ms > 0 { format_time(ms) } else { String::new() };
    for one in listed {
        let position = match one.waiting_position {
            0 => String::new(),
            position => position.to_string(),
        };
        table.row(vec![
            one.participant_reference.clone(),
            one.jobcenter.clone(),
            phase_name(one.phase()),
            position,
            time(one.started_at_ms),
            time(one.ends_by_ms),
        ]);
    }
    table
}
