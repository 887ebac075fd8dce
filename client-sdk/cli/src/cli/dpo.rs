//! `schleuse dpo`.

use std::path::{Path, PathBuf};

use schleuse_client::{
    Bundle, Client, ClientError, LogQuery, LogRow, ParticipantReference, RunSubject, event_name,
    format_time, from_hex, parse_time, v1,
};
use serde_json::{Value, json};

use super::args::{DpoCommand, EraseArguments, FilterArguments, Global, LogArguments};
use super::output::Output;
use super::table::Table;
use super::{
    Ending, connect, console, count, delivery, files, incident, report, rights, runs, spreadsheet,
};

/// Runs a command of the data-protection officer.
pub(crate) async fn run(
    global: &Global,
    command: DpoCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = || connect(global, None, output);
    match command {
        DpoCommand::Log(arguments) => log(global, &arguments, output).await,
        DpoCommand::Incident(arguments) => incident::run(global, &arguments, output).await,
        DpoCommand::Report(arguments) => report::run(global, &arguments, output).await,
        DpoCommand::Count(arguments) => count::run(global, &arguments, output).await,
        DpoCommand::Erase(EraseArguments { participant, proposal }) => {
            let subject = RunSubject::Erasure(participant);
            runs::propose(&client().await?, &subject, &proposal, output).await
        }
        DpoCommand::Retention(proposal) => {
            runs::propose(&client().await?, &RunSubject::Retention, &proposal, output).await
        }
        DpoCommand::Runs => runs::list(&client().await?, output).await,
        DpoCommand::Approve(arguments) => runs::approve(&client().await?, &arguments, output).await,
        DpoCommand::Withdraw { run } => runs::withdraw(&client().await?, run, output).await,
        DpoCommand::Restrict(arguments) => {
            rights::restrict(&client().await?, &arguments, output).await
        }
        DpoCommand::Deletions(arguments) => {
            delivery::deletions(&client().await?, &arguments, output).await
        }
        DpoCommand::Console(arguments) => console::of_officer(global, &arguments, output).await,
        DpoCommand::Hold(command) => rights::hold(&client().await?, &command, output).await,
    }
}

async fn log(
    global: &Global,
    arguments: &LogArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let mut query = query(&arguments.filter)?;
    if let Some(first) = arguments.first_record {
        query = query.first_record(first);
    }
    if let Some(rows) = arguments.max_rows {
        query = query.max_rows(rows);
    }
    let client = connect(global, None, output).await?;
    match proof_file(arguments) {
        None => {
            let answer = client.query_log(&query).await?;
            let receipt = answer.receipt.record_number;
            let note = nothing(&arguments.filter, &answer.rows, answer.truncated);
            show(&answer.rows, (receipt, answer.truncated), note, None, output);
        }
        Some(path) => {
            let path = path.as_path();
            let bundle = export(&client, &query, path, output).await?;
            let report = bundle.verify(client.log_key());
            let rows = bundle.parse_rows()?;
            let truncated = bundle.is_truncated();
            let note = nothing(&arguments.filter, &rows, truncated);
            show(&rows, (bundle.query_record(), truncated), note, Some(path), output);
            spreadsheet::write(&rows, arguments.csv.as_deref(), arguments.jsonl.as_deref())?;
            output.note(&report.to_string());
            if !report.is_sound() {
                return Ok(Ending::Alarm);
            }
        }
    }
    Ok(Ending::Done)
}

/// Where the proof of the rows goes: as told, or beside the first file with rows.
fn proof_file(arguments: &LogArguments) -> Option<PathBuf> {
    let beside = |path: &PathBuf| PathBuf::from(format!("{}.proof.json", path.display()));
    let rows = arguments.csv.as_ref().or(arguments.jsonl.as_ref());
    arguments.export.clone().or_else(|| rows.map(beside))
}

async fn export(
    client: &Client,
    query: &LogQuery,
    path: &Path,
    output: &Output,
) -> Result<Bundle, ClientError> {
    let mut shown = 0;
    let progress = |read: u64, all: u64| {
        let percent = read.saturating_mul(100) / all.max(1);
        if percent >= shown + 10 {
            shown = percent;
            output.note(&format!("{read} of {all} leaf hashes ({percent} %)"));
        }
    };
    let bundle = client.export_with(query, progress).await?;
    files::write(path, &bundle.to_json()?)?;
    output.note(&format!("wrote {}; check it with: schleuse verify {0}", path.display()));
    Ok(bundle)
}

/// The query of the filters that were given.
pub(super) fn query(arguments: &FilterArguments) -> Result<LogQuery, ClientError> {
    let mut query = LogQuery::new(&arguments.reason);
    if let Some(reference) = &arguments.participant {
        query = query.participant(&ParticipantReference::parse(reference)?);
    }
    if let Some(agency) = &arguments.agency {
        query = query.agency(agency);
    }
    if let Some(counterpart) = &arguments.counterpart {
        query = query.agency(counterpart);
    }
    if let Some(purpose) = &arguments.purpose {
        query = query.purpose(purpose);
    }
    if let Some(category) = &arguments.category {
        query = query.category(category);
    }
    if let Some(kind) = &arguments.kind {
        query = query.kind(kind);
    }
    if let Some(outcome) = &arguments.outcome {
        query = query.accepted(outcome == "accepted");
    }
    if let Some(consent) = arguments.consent {
        query = query.consent(consent);
    }
    if let Some(serial) = &arguments.certificate_serial {
        query = query.certificate(&serial_number(serial)?);
    }
    if let Some(since) = &arguments.since {
        query = query.since(parse_time(since)?);
    }
    if let Some(until) = &arguments.until {
        query = query.until(parse_time(until)?);
    }
    let types = arguments.types.iter().map(|name| record_type(name));
    Ok(query.types(&types.collect::<Result<Vec<_>, _>>()?))
}

/// A serial number in hexadecimal digits.
pub(super) fn serial_number(text: &str) -> Result<Vec<u8>, ClientError> {
    from_hex(text).filter(|bytes| !bytes.is_empty()).ok_or_else(|| ClientError::Argument {
        what: "certificate serial",
        expected: "pairs of hexadecimal digits".to_owned(),
    })
}

/// All record types that a query can name. Their numbers have gaps.
fn record_types() -> impl Iterator<Item = v1::RecordType> {
    (1..=i32::from(u8::MAX)).filter_map(|number| v1::RecordType::try_from(number).ok())
}

fn record_type(name: &str) -> Result<v1::RecordType, ClientError> {
    record_types().find(|kind| event_name(*kind) == name).ok_or_else(|| {
        let known: Vec<String> = record_types().map(event_name).collect();
        ClientError::Argument { what: "type", expected: format!("one of {}", known.join(", ")) }
    })
}

/// What stands above rows that are queries alone: the one that was just made is always among them. A name that means
/// nobody matches nothing, as one does about whom nothing is recorded; who asks for queries finds them.
fn nothing(filter: &FilterArguments, rows: &[LogRow], truncated: bool) -> Option<&'static str> {
    let is_query = |row: &LogRow| row.record_type() == v1::RecordType::LogQueried;
    if truncated || !filter.types.is_empty() || !rows.iter().all(is_query) {
        return None;
    }
    if filter.participant.is_some() {
        return Some(
            "nothing but queries of the log matches: nothing is recorded that the own agency may see, or it \
             has no such reference; the Lotse makes it with: schleuse lotse participant reference \
             --participant REF --agency AGENCY",
        );
    }
    filter.agency.as_ref().map(|_| {
        "nothing but queries of the log matches: nothing is recorded that the own agency may see, or there \
         is no such agency; see: schleuse directory list"
    })
}

fn show(
    rows: &[LogRow],
    (query_record, truncated): (u64, bool),
    note: Option<&str>,
    export: Option<&Path>,
    output: &Output,
) {
    let value = json!({
        "rows": rows.iter().map(LogRow::to_json).collect::<Value>(),
        "query_record": query_record,
        "truncated": truncated,
        "export": export.map(|path| path.display().to_string()),
    });
    output.result(&value, || {
        let head = ["record", "time", "by", "participant", "what"];
        let mut table = Table::new(&head, "no record matches");
        for row in rows {
            let reference = row.participant_reference.as_ref();
            table.row(vec![
                row.record_number.to_string(),
                format_time(row.time_ms()),
                row.actor(),
                reference.map(|r| r.as_text().to_owned()).unwrap_or_default(),
                row.summary(),
            ]);
        }
        note.map_or_else(|| table.to_string(), |note| format!("{note}\n{table}"))
    });
    if truncated {
        let next = rows.last().map_or(0, |row| row.record_number + 1);
        output.note(&format!("there are more records: go on with --first-record {next}"));
    }
    output.note(&format!("this query is log record {query_record}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_types_have_names_for_the_command_line() {
        assert_eq!(record_type("handed-out").unwrap(), v1::RecordType::HandedOut);
        for behind_a_gap in ["participation-ended", "coverage-asked", "upload-discarded"] {
            assert!(record_type(behind_a_gap).is_ok(), "{behind_a_gap}");
        }
        let error = record_type("x").unwrap_err().to_string();
        assert!(error.contains("consent-revoked"), "{error}");
    }
}
