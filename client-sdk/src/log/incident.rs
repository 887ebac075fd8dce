//! Incidents: what was handed out and what was sent under a certificate, by an agency, in a time; the basis of a
//! notification.

use std::collections::BTreeMap;

use schleuse_proto::Message as _;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::{LogQuery, LogRow};
use crate::client::Client;
use crate::error::ClientError;

/// How long after it became known a breach may be notified at the latest. Source: GDPR Art. 33(1).
pub const NOTIFY_WITHIN_MS: i64 = 72 * 3600 * 1000;

/// What an incident is about; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct IncidentScope {
    /// Serial number of the certificate that did it.
    pub certificate: Option<Vec<u8>>,
    /// Agency that took part.
    pub agency: Option<String>,
    /// First instant, Unix milliseconds.
    pub since_ms: Option<i64>,
    /// First instant after, Unix milliseconds.
    pub until_ms: Option<i64>,
}

/// What was disclosed.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Hand-outs: what recipients have.
    pub handed_out: Vec<Disclosure>,
    /// Messages that were accepted from the agency, handed out or not; from any if none was asked for.
    pub sent: Vec<Disclosure>,
    /// The record of the query.
    pub query_record: u64,
    /// Whether there is more than was looked at.
    pub truncated: bool,
}

/// One hand-out, or one accepted message.
#[derive(Clone, Debug)]
pub struct Disclosure {
    /// The record.
    pub row: LogRow,
    /// `agency/function`.
    pub recipient: String,
    /// Category codes.
    pub categories: Vec<String>,
}

/// What one recipient was given, or was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecipientSummary {
    /// How many.
    pub messages: u64,
    /// Our references of the participants, each once.
    pub participants: Vec<String>,
    /// Category codes, each once.
    pub categories: Vec<String>,
    /// The last one, Unix milliseconds.
    pub last_ms: i64,
}

impl Client {
    /// Looks up what was disclosed in an incident. Each page of the query is a record.
    ///
    /// # Errors
    /// As [`Client::query_log`].
    pub async fn incident(
        &self,
        reason: &str,
        scope: &IncidentScope,
    ) -> Result<Incident, ClientError> {
        self.incident_up_to(reason, scope, usize::MAX).await
    }

    /// As [`Client::incident`], in a number of rows: refused messages count among them.
    ///
    /// # Errors
    /// As there.
    pub async fn incident_up_to(
        &self,
        reason: &str,
        scope: &IncidentScope,
        rows_max: usize,
    ) -> Result<Incident, ClientError> {
        let types = [v1::RecordType::HandedOut, v1::RecordType::MessageDecided];
        let mut query = LogQuery::new(reason).types(&types);
        if let Some(serial) = &scope.certificate {
            query = query.certificate(serial);
        }
        if let Some(agency) = &scope.agency {
            query = query.agency(agency);
        }
        if let Some(since) = scope.since_ms {
            query = query.since(since);
        }
        if let Some(until) = scope.until_ms {
            query = query.until(until);
        }
        let answer = self.query_up_to(&query, rows_max).await?;
        let (handed_out, sent) = disclosures(answer.rows, scope.agency.as_deref());
        let (query_record, truncated) = (answer.receipt.record_number, answer.truncated);
        Ok(Incident { handed_out, sent, query_record, truncated })
    }
}

/// What was handed out, and what was accepted of a sender. Rows are moved: there can be many.
fn disclosures(rows: Vec<LogRow>, sender: Option<&str>) -> (Vec<Disclosure>, Vec<Disclosure>) {
    let (mut received, mut accepted) = (Vec::new(), Vec::new());
    for row in rows {
        if let Some((recipient, categories)) = handed_out(&row) {
            received.push(Disclosure { row, recipient, categories });
        } else if let Some((recipient, categories)) = sent(&row, sender) {
            accepted.push(Disclosure { row, recipient, categories });
        }
    }
    (received, accepted)
}

fn name(address: &v1::Address) -> String {
    format!("{}/{}", address.agency, address.function)
}

/// Whom something went to, and its categories.
type Gone = (String, Vec<String>);

fn handed_out(row: &LogRow) -> Option<Gone> {
    let Some(Event::HandedOut(event)) = row.event() else { return None };
    Some((name(event.recipient.as_ref()?), event.categories.clone()))
}

/// An accepted message of this sender, or of any if none is asked for.
fn sent(row: &LogRow, sender: Option<&str>) -> Option<Gone> {
    let Some(Event::MessageDecided(event)) = row.event() else { return None };
    let label = v1::Label::decode(event.label.clone()).ok().filter(|_| event.accepted)?;
    let is_of_sender =
        label.sender.as_ref().is_some_and(|by| sender.is_none_or(|s| s == by.agency));
    let recipient = name(label.recipient.as_ref().filter(|_| is_of_sender)?);
    Some((recipient, label.categories))
}

/// Disclosures by recipient (`agency/function`).
#[must_use]
pub fn by_recipient(disclosures: &[Disclosure]) -> BTreeMap<String, RecipientSummary> {
    let mut recipients: BTreeMap<String, RecipientSummary> = BTreeMap::new();
    for Disclosure { row, recipient, categories } in disclosures {
        let one = recipients.entry(recipient.clone()).or_default();
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
        let (received, _) = disclosures(rows.to_vec(), None);
        assert_eq!(by_recipient(&received).keys().collect::<Vec<_>>(), ["bezirk/f"]);
        let of = |sender| disclosures(rows.to_vec(), sender).1;
        assert_eq!(of(Some("jobcenter")).len(), 1);
        assert_eq!(of(None).len(), 2);
        let sent = by_recipient(&of(None));
        assert_eq!((sent["drv/f"].messages, sent["drv/f"].last_ms), (2, 1000));
        assert_eq!(sent["drv/f"].categories, ["termine"]);
    }
}
