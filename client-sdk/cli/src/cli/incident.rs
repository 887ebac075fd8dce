//! `schleuse dpo incident`: what was handed out and what was sent under a certificate, by an agency, in a time;
//! the basis of a notification.

use std::collections::BTreeMap;

use schleuse_client::{
    ClientError, Clock as _, IncidentScope, NOTIFY_WITHIN_MS, RecipientSummary, SystemClock,
    by_recipient, format_time, parse_time, rfc3339,
};
use serde_json::{Value, json};

use super::args::{Global, IncidentArguments};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect, dpo};

/// Lists the disclosures and shows the clock.
pub(crate) async fn run(
    global: &Global,
    arguments: &IncidentArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let known_since = arguments.known_since.as_deref().map(parse_time).transpose()?;
    let scope = scope(arguments)?;
    let client = connect(global, None, output).await?;
    let incident = client.incident(&arguments.reason, &scope).await?;
    let (handed_out, sent) = (incident.handed_out, incident.sent);
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

fn scope(arguments: &IncidentArguments) -> Result<IncidentScope, ClientError> {
    let scope = &arguments.scope;
    let serial = scope.certificate_serial.as_deref();
    Ok(IncidentScope {
        certificate: serial.map(dpo::serial_number).transpose()?,
        agency: scope.agency.clone(),
        since_ms: scope.since.as_deref().map(parse_time).transpose()?,
        until_ms: arguments.until.as_deref().map(parse_time).transpose()?,
    })
}

fn summaries_json(count: &str, recipients: &BTreeMap<String, RecipientSummary>) -> Value {
    let one = |(name, one): (&String, &RecipientSummary)| {
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

fn table(recipients: &BTreeMap<String, RecipientSummary>, empty: &'static str) -> Table {
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
