//! `schleuse directory`.

mod search;

use schleuse_client::{
    AgencyEntry, Client, ClientError, Clock as _, Offer, SystemClock, format_time, hex, rfc3339,
    terminal_line, v1,
};
use serde_json::{Value, json};

use super::args::{DirectoryCommand, Global};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect};

/// How long before it is stale an entry is due.
const DUE_AHEAD_MS: i64 = 30 * 24 * 3600 * 1000;

/// Lists or shows entries, each verified.
pub(crate) async fn run(
    global: &Global,
    command: DirectoryCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = connect(global, None, output).await?;
    match command {
        DirectoryCommand::Search(arguments) => search::search(&client, arguments, output).await,
        DirectoryCommand::Confirm => {
            show(&client.directory().confirm().await?, output);
            Ok(Ending::Done)
        }
        DirectoryCommand::AddContact(arguments) => {
            let contact = search::contact(arguments);
            show(&client.directory().add_contact(contact).await?, output);
            Ok(Ending::Done)
        }
        DirectoryCommand::List { due } => {
            let (mut entries, mut faults) = (Vec::new(), Vec::new());
            for entry in client.directory().list().await? {
                match entry {
                    Ok(entry) => entries.push(entry),
                    Err(error) => faults.push(error),
                }
            }
            if due {
                let soon = SystemClock.now_ms().saturating_add(DUE_AHEAD_MS);
                entries.retain(|entry| entry.stale || entry.renew_by_ms <= soon);
            }
            let value = entries.iter().map(entry_json).collect::<Value>();
            output.table(&value, || list_table(&entries, due));
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

/// The own agency's entry, if there is one.
pub(crate) async fn own_entry(client: &Client) -> Result<Option<AgencyEntry>, ClientError> {
    match client.directory().look_up(client.agency()).await {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if error.is_refused_for(v1::ErrorReason::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Prints one entry.
pub(crate) fn show(entry: &AgencyEntry, output: &Output) {
    output.result(&entry_json(entry), || {
        let mut lines = vec![
            format!("{} ({})", terminal_line(&entry.display_name), entry.agency),
            format!(
                "revision {}, signed {} by {}, log record {}",
                entry.revision,
                format_time(entry.signed_at_ms),
                entry.signed_by,
                entry.receipt.record_number
            ),
            age(entry),
            String::new(),
        ];
        let mut functions = Table::new(&["function", "name", "for"], "no functions");
        for (id, name) in &entry.functions {
            let about = entry.details.functions.iter().find(|details| details.function == *id);
            let about = about.map(|details| details.description.clone()).unwrap_or_default();
            functions.row(vec![id.clone(), name.clone(), about]);
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
        lines.extend(offers(entry));
        lines.join("\n")
    });
}

/// How old the entry is, in one line.
fn age(entry: &AgencyEntry) -> String {
    let confirmed = format_time(entry.confirmed_at_ms);
    let renew_by = format_time(entry.renew_by_ms);
    if entry.stale {
        format!("STALE: confirmed {confirmed}, was to be confirmed again by {renew_by}")
    } else {
        format!("confirmed {confirmed}, to be confirmed again by {renew_by}")
    }
}

/// Offers and contacts, if there are some.
fn offers(entry: &AgencyEntry) -> Vec<String> {
    let details = &entry.details;
    let head = ["of", "offer", "topics", "region", "reach"];
    let mut table = Table::new(&head, "");
    let mut row = |of: &str, offer: &Offer| {
        let Offer { title, topics, region, reach, .. } = offer.clone();
        table.row(vec![of.to_owned(), title, topics.join(", "), region, reach]);
    };
    details.offers.iter().for_each(|offer| row(&entry.agency, offer));
    for contact in &details.contacts {
        contact.offers.iter().for_each(|offer| row(&contact.display_name, offer));
        if contact.offers.is_empty() {
            row(&contact.display_name, &Offer::default());
        }
    }
    match table.to_string() {
        nothing if nothing.is_empty() => Vec::new(),
        table => vec![String::new(), table],
    }
}

fn list_table(entries: &[AgencyEntry], due: bool) -> Table {
    let nothing = if due { "nothing is due" } else { "the directory is empty" };
    let mut table = Table::new(&["agency", "name", "function", "for", "note"], nothing);
    for entry in entries {
        for (id, name) in &entry.functions {
            let (agency, display) = (entry.agency.clone(), entry.display_name.clone());
            let note = if entry.stale { "STALE" } else { "" };
            table.row(vec![agency, display, id.clone(), name.clone(), note.to_owned()]);
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
        "details": entry.details,
        "confirmed_at": rfc3339(entry.confirmed_at_ms),
        "renew_by": rfc3339(entry.renew_by_ms),
        "stale": entry.stale,
        "signed_at": rfc3339(entry.signed_at_ms),
        "signed_by": entry.signed_by.to_string(),
        "record": entry.receipt.record_number,
    })
}
