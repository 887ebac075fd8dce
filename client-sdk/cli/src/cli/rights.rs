//! `schleuse dpo erase`, `retention`, `restrict` and `hold`.

use schleuse_client::{
    Client, ClientError, Erasure, HoldId, ParticipantReference, RetentionRun, event_name,
    format_time, rfc3339,
};
use serde_json::{Value, json};

use super::Ending;
use super::args::{EraseArguments, HoldCommand, RestrictArguments};
use super::output::Output;
use super::table::Table;

/// Erases a participant, after a look at what that is.
pub(crate) async fn erase(
    client: &Client,
    arguments: &EraseArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let plan = client.erase_participant(&arguments.participant, true).await?;
    output.note(&format!(
        "this erases the contents of {} records for good and stops {} waiting messages",
        plan.records, plan.stopped_messages
    ));
    if arguments.dry_run {
        show_erasure(&arguments.participant, &plan, true, output);
        return Ok(Ending::Done);
    }
    if !arguments.yes && !output.ask("erase this participant?") {
        output.note("nothing was changed");
        return Ok(Ending::Declined);
    }
    let erased = client.erase_participant(&arguments.participant, false).await?;
    show_erasure(&arguments.participant, &erased, false, output);
    output.note(
        "backups from before still have it: destroy their keys (schleuse-broker backup-keys)",
    );
    Ok(Ending::Done)
}

fn show_erasure(of: &ParticipantReference, erasure: &Erasure, dry_run: bool, output: &Output) {
    let record = erasure.receipt.record_number;
    let value = json!({
        "participant": of.as_text(),
        "dry_run": dry_run,
        "records": erasure.records,
        "stopped_messages": erasure.stopped_messages,
        "record": record,
    });
    output.result(&value, || {
        let what = if dry_run { "would be erased" } else { "erased" };
        format!("{} records {what}, log record {record}", erasure.records)
    });
}

/// Runs the retention.
pub(crate) async fn retention(
    client: &Client,
    dry_run: bool,
    output: &Output,
) -> Result<Ending, ClientError> {
    let run = client.apply_retention(dry_run).await?;
    output.table(&retention_json(&run, dry_run), || {
        let mut table = Table::new(&["type", "before", "records"], "nothing is due");
        for (kind, before, records) in &run.counts {
            table.row(vec![event_name(*kind), format_time(*before), records.to_string()]);
        }
        if run.participants > 0 {
            table.row(vec!["participants".to_owned(), String::new(), run.participants.to_string()]);
        }
        table
    });
    if run.more {
        output.note("there is more: run it again");
    }
    output.note(&format!("log record {}", run.receipt.record_number));
    Ok(Ending::Done)
}

fn retention_json(run: &RetentionRun, dry_run: bool) -> Value {
    let counts = run.counts.iter().map(|(kind, before, records)| {
        json!({ "type": event_name(*kind), "before": rfc3339(*before), "records": records })
    });
    json!({
        "dry_run": dry_run,
        "counts": counts.collect::<Value>(),
        "participants": run.participants,
        "more": run.more,
        "record": run.receipt.record_number,
    })
}

/// Restricts processing, or ends the restriction.
pub(crate) async fn restrict(
    client: &Client,
    arguments: &RestrictArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let restricted = !arguments.end;
    let receipt = client.restrict_participant(&arguments.participant, restricted).await?;
    let record = receipt.record_number;
    output.result(&json!({ "restricted": restricted, "record": record }), || {
        let what = if restricted {
            "restricted: nothing about this participant passes, nothing is erased"
        } else {
            "the restriction ended: what waited goes on"
        };
        format!("{what}\nlog record {record}")
    });
    Ok(Ending::Done)
}

/// Holds on erasure.
pub(crate) async fn hold(
    client: &Client,
    command: &HoldCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        HoldCommand::Place { reason, participant } => {
            let (hold, receipt) = client.place_hold(reason, participant.as_ref()).await?;
            let record = receipt.record_number;
            let value = json!({ "hold": hold.to_string(), "record": record });
            output.result(&value, || format!("hold {hold}\nlog record {record}"));
        }
        HoldCommand::Release { hold } => {
            let record = client.release_hold(&HoldId::parse_text(hold)?).await?.record_number;
            output.result(&json!({ "released": hold, "record": record }), || {
                format!("released, log record {record}")
            });
        }
        HoldCommand::List => {
            let holds = client.list_holds().await?;
            let value = holds.iter().map(|hold| {
                json!({
                    "hold": hold.id.to_string(),
                    "reason": hold.reason,
                    "participant": hold.participant.as_ref().map(|r| r.as_text().to_owned()),
                    "placed": rfc3339(hold.placed_ms),
                })
            });
            output.table(&value.collect::<Value>(), || {
                let head = ["hold", "placed", "participant", "reason"];
                let mut table = Table::new(&head, "nothing is on hold");
                for hold in &holds {
                    let about = hold.participant.as_ref().map(|r| r.as_text().to_owned());
                    table.row(vec![
                        hold.id.to_string(),
                        format_time(hold.placed_ms),
                        about.unwrap_or_else(|| "all".to_owned()),
                        hold.reason.clone(),
                    ]);
                }
                table
            });
        }
    }
    Ok(Ending::Done)
}
