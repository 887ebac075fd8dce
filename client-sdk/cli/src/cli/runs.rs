//! `schleuse dpo erase`, `retention`, `runs`, `approve` and `withdraw`: one officer proposes, another one approves.

use schleuse_client::{
    Client, ClientError, OpenRun, RunCounts, RunSubject, event_name, format_time, rfc3339,
};
use serde_json::{Value, json};

use super::Ending;
use super::args::{ApproveArguments, ProposalArguments};
use super::output::Output;
use super::table::Table;

/// Proposes a run, or only counts what it would take.
pub(crate) async fn propose(
    client: &Client,
    subject: &RunSubject,
    arguments: &ProposalArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let Some(reason) = &arguments.reason else {
        let preview = client.preview_run(subject).await?;
        let record = preview.receipt.record_number;
        let value =
            run_json(subject, &preview.counts, json!({ "dry_run": true, "record": record }));
        output.result(&value, || {
            format!("{}\nlog record {record}", counts_text(&preview.counts, "would be erased"))
        });
        return Ok(Ending::Done);
    };
    let run = client.propose_run(subject, reason).await?;
    let record = run.receipt.record_number;
    let more = json!({ "dry_run": false, "run": run.number, "record": record });
    output.result(&run_json(subject, &run.counts, more), || {
        let counts = counts_text(&run.counts, "would be erased");
        format!("{counts}\nrun {} proposed, nothing is erased yet", run.number)
    });
    output.note(&format!(
        "another person approves it within 14 days: schleuse dpo approve {}",
        run.number
    ));
    Ok(Ending::Done)
}

/// Lists the open runs.
pub(crate) async fn list(client: &Client, output: &Output) -> Result<Ending, ClientError> {
    let runs = client.list_runs().await?;
    output.table(&runs.iter().map(open_json).collect::<Value>(), || {
        let head = ["run", "what", "participant", "proposed by", "proposed", "until", "reason"];
        let mut table = Table::new(&head, "no run is open");
        for run in &runs {
            table.row(vec![
                run.number.to_string(),
                kind(&run.subject).to_owned(),
                participant(&run.subject).unwrap_or_default().to_owned(),
                run.proposed_by.clone(),
                format_time(run.proposed_ms),
                format_time(run.until_ms),
                run.reason.clone(),
            ]);
        }
        table
    });
    Ok(Ending::Done)
}

/// Approves a run, after a look at what it is.
pub(crate) async fn approve(
    client: &Client,
    arguments: &ApproveArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let number = arguments.run;
    let runs = client.list_runs().await?;
    if let Some(run) = runs.iter().find(|run| run.number == number) {
        output.note(&format!(
            "{} proposed by {}: {}",
            kind(&run.subject),
            run.proposed_by,
            run.reason
        ));
        let preview = client.preview_run(&run.subject).await?;
        output.note(&counts_text(&preview.counts, "will be erased for good"));
        if !arguments.yes && !output.ask("approve this run?") {
            output.note("nothing was changed");
            return Ok(Ending::Declined);
        }
    }
    // One that is not listed is refused by the broker.
    let done = client.approve_run(number).await?;
    let record = done.receipt.record_number;
    let value = counts_json(&done.counts, json!({ "run": number, "record": record }));
    output
        .result(&value, || format!("{}\nlog record {record}", counts_text(&done.counts, "erased")));
    if let RunCounts::Retention { more: true, .. } = done.counts {
        output.note("there is more: propose another run");
    }
    output.note(
        "backups from before still have it: destroy their keys (schleuse-broker backup-keys)",
    );
    Ok(Ending::Done)
}

/// Withdraws an open run.
pub(crate) async fn withdraw(
    client: &Client,
    number: u64,
    output: &Output,
) -> Result<Ending, ClientError> {
    let record = client.withdraw_run(number).await?.record_number;
    output.result(&json!({ "withdrawn": number, "record": record }), || {
        format!("run {number} withdrawn, log record {record}")
    });
    Ok(Ending::Done)
}

fn kind(subject: &RunSubject) -> &'static str {
    match subject {
        RunSubject::Erasure(_) => "erasure",
        RunSubject::Retention => "retention",
    }
}

fn participant(subject: &RunSubject) -> Option<&str> {
    match subject {
        RunSubject::Erasure(participant) => Some(participant.as_text()),
        RunSubject::Retention => None,
    }
}

fn open_json(run: &OpenRun) -> Value {
    json!({
        "run": run.number,
        "kind": kind(&run.subject),
        "participant": participant(&run.subject),
        "proposed_by": run.proposed_by,
        "proposed": rfc3339(run.proposed_ms),
        "until": rfc3339(run.until_ms),
        "reason": run.reason,
    })
}

fn run_json(subject: &RunSubject, counts: &RunCounts, more: Value) -> Value {
    let mut value = counts_json(counts, more);
    if let Value::Object(fields) = &mut value {
        fields.insert("participant".to_owned(), json!(participant(subject)));
    }
    value
}

/// What a run takes, with further fields.
fn counts_json(counts: &RunCounts, more: Value) -> Value {
    let mut value = match counts {
        RunCounts::Erasure { records, stopped_messages } => json!({
            "kind": "erasure",
            "records": records,
            "stopped_messages": stopped_messages,
        }),
        RunCounts::Retention { counts, participants, more } => {
            let counts = counts.iter().map(|(of, before, records)| {
                json!({ "type": event_name(*of), "before": rfc3339(*before), "records": records })
            });
            json!({
                "kind": "retention",
                "counts": counts.collect::<Value>(),
                "participants": participants,
                "more": more,
            })
        }
        _ => json!({}),
    };
    if let (Value::Object(fields), Value::Object(more)) = (&mut value, more) {
        fields.extend(more);
    }
    value
}

fn counts_text(counts: &RunCounts, what: &str) -> String {
    match counts {
        RunCounts::Erasure { records, stopped_messages } => {
            format!("{records} records {what}, {stopped_messages} waiting messages stopped")
        }
        RunCounts::Retention { counts, participants, .. } => {
            let mut table = Table::new(&["type", "before", "records"], "nothing is due");
            for (of, before, records) in counts {
                table.row(vec![event_name(*of), format_time(*before), records.to_string()]);
            }
            if *participants > 0 {
                let count = participants.to_string();
                table.row(vec!["participants".to_owned(), String::new(), count]);
            }
            format!("{what}:\n{table}")
        }
        _ => String::new(),
    }
}
