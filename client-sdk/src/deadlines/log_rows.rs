//! Events out of rows of the access log, as a Lotse sees them.

use std::collections::{BTreeMap, BTreeSet};

use schleuse_proto::evidence::decode_canonical;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::rules::{CONSENT_CONFIRMED, CONSENT_RECORDED, CONSENT_REVOKED, JOINED};
use super::{CaseEvent, Direction};
use crate::ids::hex;
use crate::log::LogRow;

/// The events that rows tell of. Messages that were stopped before anybody had them are left out.
#[must_use]
pub fn case_events(rows: &[LogRow]) -> Vec<CaseEvent> {
    let mut events: BTreeMap<u64, CaseEvent> = BTreeMap::new();
    let mut stopped = BTreeSet::new();
    for row in rows {
        let number = row.record_number;
        match row.event() {
            Some(Event::MessageDecided(decided)) if decided.accepted => {
                if let Ok(label) = decode_canonical::<v1::Label>(&decided.label) {
                    events.insert(number, message(row, &label));
                }
            }
            Some(Event::HandedOut(handed_out)) => {
                if let Some(event) = events.get_mut(&handed_out.message_number) {
                    event.handed_out_ms.get_or_insert(row.time_ms());
                }
            }
            Some(Event::StageReported(report)) => {
                let is_taken_up = report.stage() == v1::DeliveryStage::Acknowledged;
                if let Some(event) = events.get_mut(&report.message_number).filter(|_| is_taken_up)
                {
                    event.taken_up_ms.get_or_insert(row.time_ms());
                }
            }
            Some(Event::MessageStopped(stop)) => {
                stopped.insert(stop.message_number);
            }
            Some(Event::ParticipantRegistered(_)) => {
                events.insert(number, of_row(row, JOINED, &[]));
            }
            Some(Event::ConsentRecorded(event)) => {
                events.insert(number, of_row(row, CONSENT_RECORDED, &event.consent_id));
            }
            Some(Event::ConsentConfirmed(event)) => {
                events.insert(number, of_row(row, CONSENT_CONFIRMED, &event.consent_id));
            }
            Some(Event::ConsentRevoked(event)) => {
                events.insert(number, of_row(row, CONSENT_REVOKED, &event.consent_id));
            }
            _ => {}
        }
    }
    let arrived = |(number, event): &(u64, CaseEvent)| {
        !stopped.contains(number) || event.handed_out_ms.is_some()
    };
    events.into_iter().filter(arrived).map(|(_, event)| event).collect()
}

fn message(row: &LogRow, label: &v1::Label) -> CaseEvent {
    let agency = |address: &Option<v1::Address>| {
        address.as_ref().map(|address| address.agency.clone()).unwrap_or_default()
    };
    CaseEvent {
        participant: row.participant_reference.clone(),
        kind: label.kind.clone(),
        thread: hex(&label.thread_id),
        message: hex(&label.message_id),
        sender: agency(&label.sender),
        recipient: agency(&label.recipient),
        direction: Direction::Observed,
        accepted_ms: row.time_ms(),
        handed_out_ms: None,
        taken_up_ms: None,
    }
}

fn of_row(row: &LogRow, code: &str, thread: &[u8]) -> CaseEvent {
    CaseEvent {
        participant: row.participant_reference.clone(),
        kind: code.to_owned(),
        thread: hex(thread),
        message: row.record_number.to_string(),
        sender: String::new(),
        recipient: String::new(),
        direction: Direction::Observed,
        accepted_ms: row.time_ms(),
        handed_out_ms: None,
        taken_up_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_log::{
        Entry, START_MS, accepted, confirmed, consent, grant, handed_out, label, recorded,
        registered, revoked, stopped,
    };

    #[test]
    fn rows_become_events_with_receipts_and_what_never_arrived_is_left_out() {
        let document = consent(None, vec![grant(&["termine"])]);
        let label = label(&["termine"]);
        let entries: Vec<Entry> = vec![
            registered(),
            recorded(&document),
            accepted(&document, &label),
            handed_out(2, &document, &label),
            accepted(&document, &label),
            stopped(4),
            confirmed(&document),
            revoked(&document),
        ];
        let rows = crate::test_log::whole(&entries).parse_rows().unwrap();
        let events = case_events(&rows);
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        let expected =
            [JOINED, CONSENT_RECORDED, label.kind.as_str(), CONSENT_CONFIRMED, CONSENT_REVOKED];
        assert_eq!(kinds, expected);
        assert_eq!(events[2].handed_out_ms, Some(START_MS + 3000));
        assert_eq!(events[2].accepted_ms, START_MS + 2000);
        assert!(!events[2].sender.is_empty() && !events[2].message.is_empty());
        assert_eq!(events[1].thread, events[4].thread);
    }
}
