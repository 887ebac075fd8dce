//! `schleuse dpo incident`: what was handed out and what was sent under a certificate, by an agency, in a time;
//! the basis of a notification.

use std::collections::BTreeMap;

use schleuse_client::v1::log_entry::Event;
use schleuse_client::{
    ClientError, Clock as _, LogQuery, LogRow, SystemClock, format_time, parse_time, rfc3339, v1,
};
use schleuse_proto::Message as _;
use serde_json::{Value, json};

use super::args::{Global, IncidentArguments};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect, dpo};

/// How long after it became known a breach may be notified at the latest. Source: GDPR Art. 33(1).
const NOTIFY_WITHIN_MS: i64 = 72 * 3600 * 1000;
/// Rows of one page.
const PAGE_ROWS: u32 = 10_000;

/// What one recipient was given, or was sent.
#[derive(Default)]
struct Summary {
    messages: u64,
    participants: Vec<String>,
    categories: Vec<String>,
    last_ms: i64,
}

/// One hand-out, or one accepted message.
struct Disclosure<'a> {
    row: &'a LogRow,
    recipient: v1::Address,
    categories: Vec<String>,
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
    let rows = client.query_all(&query).await?.rows;
    let handed_out: Vec<Disclosure<'_>> = rows.iter().filter_map(handed_out).collect();
    let sender = arguments.scope.agency.as_deref();
    let sent: Vec<Disclosure<'_>> = rows.iter().filter_map(|row| sent(row, sender)).collect();
    let (receivers, addressees) = (by_recipient(&handed_out), by_recipient(&sent));
    let clock = known_since.map(|since| {
        let until = since.saturating_add(NOTIFY_WITHIN_MS);
        let left = (until - SystemClock.now_ms()).div_euclid(3600 * 1000);
        json!({ "known_since": rfc3339(since), "notify_until": rfc3339(until), "hours_left": left })
    });
    let value = json!({
        "disclosures": handed_out.iter().map(|one| one.row.to_json()).collect::<Value>(),
        "recipients": summaries_json("hand_outs", &receivers),
        "sent": sent.iter().map(|one| one.row.to_json()).collect::<Value>(),
        "sent_to": summaries_json("messages", &addressees),
        "clock": clock,
    });
    output.result(&value, || {
        format!(
            "HANDED OUT: what recipients have\n{}\n\nSENT: what was accepted from the sender, handed out \
             or not\n{}",
            table(&receivers, "nothing was handed out"),
            table(&addressees, "nothing was sent")
        )
    });
    let (received, accepted) = (handed_out.len(), sent.len());
    output.note(&format!("{received} hand-outs to {} recipients", receivers.len()));
    output.note(&format!("{accepted} messages sent to {} recipients", addressees.len()));
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
    let types = [v1::RecordType::HandedOut, v1::RecordType::MessageDecided];
    let mut query = LogQuery::new(&arguments.reason).types(&types).max_rows(PAGE_ROWS);
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

fn handed_out(row: &LogRow) -> Option<Disclosure<'_>> {
    let Some(Event::HandedOut(event)) = row.event() else { return None };
    let recipient = event.recipient.clone()?;
    Some(Disclosure { row, recipient, categories: event.categories.clone() })
}

/// An accepted message of this sender, or of any if none is asked for.
fn sent<'a>(row: &'a LogRow, sender: Option<&str>) -> Option<Disclosure<'a>> {
    let Some(Event::MessageDecided(event)) = row.event() else { return None };
    let label = v1::Label::decode(event.label.clone()).ok().filter(|_| event.accepted)?;
    let is_of_sender =
        label.sender.as_ref().is_some_and(|by| sender.is_none_or(|s| s == by.agency));
    let recipient = label.recipient.filter(|_| is_of_sender)?;
    Some(Disclosure { row, recipient, categories: label.categories })
}

fn by_recipient(disclosures: &[Disclosure<'_>]) -> BTreeMap<String, Summary> {
    let mut recipients: BTreeMap<String, Summary> = BTreeMap::new();
    for Disclosure { row, recipient, categories } in disclosures {
        let name = format!("{}/{}", recipient.agency, recipient.function);
        let one = recipients.entry(name).or_default();
        one.messages += 1;
        one.last_ms = one.last_ms.max(row.time_ms());
        let reference = row.participant_reference.as_ref().map(|r| r.as_text().to_owned());
        one.participants.extend(reference);
        one.categories.extend(categories.iter().cloned());
    }
    for one in recipients.values_mut() {
        for list in [&mut one.participants, &mut one.categories] {
            list.sort_unstable();
            list.dedup();
        }
    }
    recipients
}

fn summaries_json(count: &str, recipients: &BTreeMap<String, Summary>) -> Value {
    let one = |(name, one): (&String, &Summary)| {
        json!({
            "recipient": name,
            count: one.messages,
            "participants": one.participants,
            "categories": one.categories,
            "last": rfc3339(one.last_ms),
        })
    };
    recipients.iter().map(one).collect()
}

fn table(recipients: &BTreeMap<String, Summary>, empty: &'static str) -> Table {
    let head = ["recipient", "messages", "participants", "last", "categories"];
    let mut table = Table::new(&head, empty);
    for (name, one) in recipients {
        table.row(vec![
            name.clone(),
            one.messages.to_string(),
            one.participants.len().to_string(),
            format_time(one.last_ms),
            one.categories.join(", "),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use schleuse_proto::skeleton::{Skeleton, commitment};

    use super::*;

    fn row(number: u64, kind: v1::RecordType, event: Event) -> LogRow {
        let body = v1::LogEntry { actor: None, event: Some(event) }.encode_to_vec();
        let skeleton = Skeleton {
            record_type: u8::try_from(i32::from(kind)).unwrap(),
            epoch: 1,
            number,
            time_ms: 1000,
            body_commitment: commitment(&[3; 16], &body),
            findings_commitment: [0; 32],
            private_commitment: [0; 32],
            payload_digest: [0; 32],
        };
        LogRow::parse(v1::LogRow {
            record_number: number,
            skeleton: skeleton.encode().to_vec().into(),
            salt: vec![3; 16].into(),
            body: body.into(),
            ..Default::default()
        })
        .unwrap()
    }

    fn address(agency: &str) -> Option<v1::Address> {
        Some(v1::Address { agency: agency.to_owned(), function: "f".to_owned() })
    }

    fn decided(number: u64, sender: &str, accepted: bool) -> LogRow {
        let (sender, recipient) = (address(sender), address("drv"));
        let categories = vec!["termine".to_owned()];
        let label = v1::Label { sender, recipient, categories, ..Default::default() };
        let label = label.encode_to_vec().into();
        let event = v1::MessageDecided { accepted, label, ..Default::default() };
        row(number, v1::RecordType::MessageDecided, Event::MessageDecided(event))
    }

    #[test]
    fn what_was_sent_is_told_apart_from_what_was_handed_out() {
        let event = v1::HandedOut { recipient: address("bezirk"), ..Default::default() };
        let rows = [
            decided(0, "jobcenter", true),
            decided(1, "jobcenter", false),
            decided(2, "bezirk", true),
            row(3, v1::RecordType::HandedOut, Event::HandedOut(event)),
        ];
        let received: Vec<_> = rows.iter().filter_map(handed_out).collect();
        assert_eq!(by_recipient(&received).keys().collect::<Vec<_>>(), ["bezirk/f"]);
        let of = |sender| rows.iter().filter_map(|row| sent(row, sender)).collect::<Vec<_>>();
        assert_eq!(of(Some("jobcenter")).len(), 1);
        assert_eq!(of(None).len(), 2);
        let sent = by_recipient(&of(None));
        assert_eq!((sent["drv/f"].messages, sent["drv/f"].last_ms), (2, 1000));
        assert_eq!(sent["drv/f"].categories, ["termine"]);
    }
}
