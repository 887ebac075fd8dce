//! `schleuse directory`.

use schleuse_client::{AgencyEntry, ClientError, format_time, hex, rfc3339};
use serde_json::{Value, json};

use super::args::{DirectoryCommand, Global};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect};

/// Lists or shows entries, each verified.
pub(crate) async fn run(
    global: &Global,
    command: DirectoryCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = connect(global, None, output).await?;
    match command {
        DirectoryCommand::List => {
            let (mut entries, mut faults) = (Vec::new(), Vec::new());
            for entry in client.directory().list().await? {
                match entry {
                    Ok(entry) => entries.push(entry),
                    Err(error) => faults.push(error),
                }
            }
            let value = entries.iter().map(entry_json).collect::<Value>();
            output.table(&value, || list_table(&entries));
            faults.iter().for_each(|error| output.note(&format!("ALARM: {error}")));
            Ok(if faults.is_empty() { Ending::Done } else { Ending::Alarm })
        }
        DirectoryCommand::Show { agency } => {
            let entry = client.directory().look_up(&agency).await?;
            show(&entry, output);
            Ok(Ending::Done)
        }
    }
}

/// Prints one entry.
pub(crate) fn show(entry: &AgencyEntry, output: &Output) {
    output.result(&entry_json(entry), || {
        let mut lines = vec![
            format!("{} ({})", entry.display_name, entry.agency),
            format!(
                "revision {}, signed {} by {}, log record {}",
                entry.revision,
                format_time(entry.signed_at_ms),
                entry.signed_by,
                entry.receipt.record_number
            ),
            String::new(),
        ];
        let mut functions = Table::new(&["function", "name"], "no functions");
        for (id, name) in &entry.functions {
            functions.row(vec![id.clone(), name.clone()]);
        }
        let mut keys = Table::new(&["suite", "key", "from", "until"], "no sealing keys");
        for key in &entry.sealing_keys {
            keys.row(vec![
                key.key.suite().name().to_owned(),
                hex(key.key.id()),
                format_time(key.not_before_ms),
                format_time(key.not_after_ms),
            ]);
        }
        lines.extend([functions.to_string(), String::new(), keys.to_string()]);
        lines.join("\n")
    });
}

fn list_table(entries: &[AgencyEntry]) -> Table {
    let mut table = Table::new(&["agency", "name", "function", "for"], "the directory is empty");
    for entry in entries {
        for (id, name) in &entry.functions {
            let (agency, display) = (entry.agency.clone(), entry.display_name.clone());
            table.row(vec![agency, display, id.clone(), name.clone()]);
        }
    }
    table
}

fn entry_json(entry: &AgencyEntry) -> Value {
    json!({
        "agency": entry.agency,
        "revision": entry.revision,
        "display_name": entry.display_name,
        "functions": entry.functions.iter().map(|(id, name)| json!({ "function": id, "display_name": name })).collect::<Vec<_>>(),
        "sealing_keys": entry.sealing_keys.iter().map(|key| json!({
            "suite": key.key.suite().name(),
            "id": hex(key.key.id()),
            "not_before": rfc3339(key.not_before_ms),
            "not_after": rfc3339(key.not_after_ms),
        })).collect::<Vec<_>>(),
        "signed_at": rfc3339(entry.signed_at_ms),
        "signed_by": entry.signed_by.to_string(),
        "record": entry.receipt.record_number,
    })
}
