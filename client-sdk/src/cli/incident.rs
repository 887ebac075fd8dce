//! `schleuse dpo incident`: what was disclosed under a certificate, to an agency, in a time; the basis of a
//! notification.

use std::collections::BTreeMap;

use schleuse_client::v1::log_entry::Event;
use schleuse_client::{
    Client, ClientError, Clock as _, LogQuery, LogRow, SystemClock, format_time, parse_time,
    rfc3339, v1,
};
use serde_json::{Value, json};

use super::args::{Global, IncidentArguments};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect, dpo};

/// How long after it became known a breach may be notified at the latest. Source: GDPR Art. 33(1).
const NOTIFY_WITHIN_MS: i64 = 72 * 3600 * 1000;
/// Rows of one page.
const PAGE_ROWS: u32 = 10_000;

/// What one recipient was given.
#[derive(Default)]
struct Disclosed {
    hand_outs: u64,
    participants: Vec<String>,
    categories: Vec<String>,
    last_ms: u64,
}

/// Lists the disclosures and shows the clock.
pub(crate) async fn run(
    global: &Global,
    arguments: &IncidentArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let known_since = arguments.known_since.as_deref().map(parse_time).transpose()?;
    let query = query(arguments)?;
    let client = connect(global, None, output).await?;
    let rows = all_pages(&client, &query, output).await?;
    let recipients = by_recipient(&rows);
    let clock = known_since.map(|since| {
        let until = since.saturating_add(NOTIFY_WITHIN_MS);
        let left = (until - SystemClock.now_ms()).div_euclid(3600 * 1000);
        json!({ "known_since": rfc3339(since), "notify_until": rfc3339(until), "hours_left": left })
    });
    let value = json!({
        "disclosures": rows.iter().map(LogRow::to_json).collect::<Value>(),
        "recipients": recipients.iter().map(|(name, one)| recipient_json(name, one)).collect::<Value>(),
        "clock": clock,
    });
    output.table(&value, || table(&recipients));
    output.note(&format!("{} hand-outs to {} recipients", rows.len(), recipients.len()));
    if let Some(clock) = value.get("clock").filter(|clock| !clock.is_null()) {
        let (until, left) =
            (clock["notify_until"].as_str().unwrap_or_default(), &clock["hours_left"]);
        output.note(&format!("notify the supervisory authority until {until}: {left} hours left"));
    } else {
        output.note("give --known-since for the 72 hours of GDPR Art. 33");
    }
    Ok(Ending::Done)
}

fn query(arguments: &IncidentArguments) -> Result<LogQuery, ClientError> {
    let scope = &arguments.scope;
    let mut query =
        LogQuery::new(&arguments.reason).types(&[v1::RecordType::HandedOut]).max_rows(PAGE_ROWS);
    if let Some(serial) = &scope.certificate_serial {
        query = query.certificate(&dpo::serial_number(serial)?);
    }
    if let Some(agency) = &scope.agency {
        query = query.agency(agency);
    }
    if let Some(since) = &scope.since {
        query = query.since(parse_time(since)?);
    }
    if let Some(until) = &arguments.until {
        query = query.until(parse_time(until)?);
    }
    Ok(query)
}

/// Reads page after page; each is a record of the log.
async fn all_pages(
    client: &Client,
    query: &LogQuery,
    output: &Output,
) -> Result<Vec<LogRow>, ClientError> {
    let mut rows: Vec<LogRow> = Vec::new();
    loop {
        let next = rows.last().map_or(0, |row| row.record_number + 1);
        let answer = client.query_log(&query.clone().first_record(next)).await?;
        rows.extend(answer.rows);
        if !answer.truncated {
            return Ok(rows);
        }
        output.note(&format!("{} hand-outs so far …", rows.len()));
    }
}

fn by_recipient(rows: &[LogRow]) -> BTreeMap<String, Disclosed> {
    let mut recipients: BTreeMap<String, Disclosed> = BTreeMap::new();
    for row in rows {
        let Some(Event::HandedOut(event)) = row.event() else { continue };
        let Some(recipient) = &event.recipient else { continue };
        let name = format!("{}/{}", recipient.agency, recipient.function);
        let one = recipients.entry(name).or_default();
        one.hand_outs += 1;
        one.last_ms = one.last_ms.max(row.skeleton.time_ms);
        let reference = row.participant_reference.as_ref().map(|r| r.as_text().to_owned());
        one.participants.extend(reference);
        one.categories.extend(event.categories.iter().cloned());
    }
    for one in recipients.values_mut() {
        for list in [&mut one.participants, &mut one.categories] {
            list.sort_unstable();
            list.dedup();
        }
    }
    recipients
}

fn recipient_json(name: &str, one: &Disclosed) -> Value {
    json!({
        "recipient": name,
        "hand_outs": one.hand_outs,
        "participants": one.participants,
        "categories": one.categories,
        "last": rfc3339(i64::try_from(one.last_ms).unwrap_or(i64::MAX)),
    })
}

fn table(recipients: &BTreeMap<String, Disclosed>) -> Table {
    let head = ["recipient", "hand-outs", "participants", "last", "categories"];
    let mut table = Table::new(&head, "nothing was disclosed");
    for (name, one) in recipients {
        table.row(vec![
            name.clone(),
            one.hand_outs.to_string(),
            one.participants.len().to_string(),
            format_time(i64::try_from(one.last_ms).unwrap_or(i64::MAX)),
            one.categories.join(", "),
        ]);
    }
    table
}
