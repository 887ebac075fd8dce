//! The report about everything that the log has about one participant. Source: GDPR Art. 15.

use std::collections::HashMap;

use crate::log::describe::safeguards::for_participant;
use askama::Template;
use schleuse_proto::evidence::decode_canonical;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::course::{Beside, ConsentCourse, State, Step, consents};
use super::looks::{LookPart, looks};
use super::{Names, Texts, shown, words};
use crate::error::ClientError;
use crate::german::{german_end, german_on};
use crate::ids::{ParticipantReference, hex};
use crate::log::LogRow;

/// Everything about one participant, as a page for that person.
#[derive(Clone, Debug, Template)]
#[template(path = "report.html")]
pub struct DataReport {
    /// What the person is called; empty where nobody knows it.
    person: String,
    reference: String,
    made: String,
    records: usize,
    beside: Beside,
    in_force: usize,
    consents: Vec<ConsentPart>,
    passed: Vec<PassedPart>,
    refused: Vec<RefusedPart>,
    stopped: Vec<StoppedPart>,
    looks: Vec<LookPart>,
    others: Vec<OtherPart>,
}

/// One consent.
#[derive(Clone, Debug)]
struct ConsentPart {
    id: String,
    state: &'static str,
    in_force: bool,
    grants: Vec<GrantPart>,
    form: &'static str,
    given_by: String,
    text_version: String,
    text: Option<String>,
    text_hash: String,
    history: Vec<(String, String)>,
}

/// One grant in words. Receipts show it too.
#[derive(Clone, Debug)]
pub(super) struct GrantPart {
    pub(super) senders: String,
    pub(super) recipient: String,
    pub(super) purpose: String,
    pub(super) categories: String,
    pub(super) health: bool,
    pub(super) from: String,
    pub(super) until: String,
}

/// One hand-out.
#[derive(Clone, Debug)]
struct PassedPart {
    time: String,
    way: Way,
    why: String,
    again: bool,
    stage: String,
}

/// Who sends what to whom, and for what.
#[derive(Clone, Debug, Default)]
struct Way {
    sender: String,
    recipient: String,
    purpose: String,
    kind: String,
    categories: String,
}

#[derive(Clone, Debug)]
struct RefusedPart {
    time: String,
    way: Way,
    why: &'static str,
}

#[derive(Clone, Debug)]
struct StoppedPart {
    time: String,
    way: Way,
    why: &'static str,
}

#[derive(Clone, Debug)]
struct OtherPart {
    time: String,
    what: String,
    who: String,
}

impl DataReport {
    /// Makes the report of rows that a query about this participant gave, all of them.
    ///
    /// # Errors
    /// The rows are not everything: an agency's officer sees neither consents nor findings, and a page made
    /// of the rest would tell the person that there is no consent.
    pub fn new(
        rows: &[LogRow],
        participant: &ParticipantReference,
        names: &Names,
        texts: &Texts,
        now_ms: i64,
    ) -> Result<Self, ClientError> {
        check_shown(rows)?;
        let courses = consents(rows);
        let writer = Writer { rows, names, courses: &courses };
        let beside = Beside::of(rows, now_ms);
        let states = courses.iter().map(|course| beside.state(course, now_ms));
        Ok(Self {
            person: String::new(),
            reference: participant.as_text().to_owned(),
            made: words::time(now_ms),
            records: rows.len(),
            beside,
            in_force: states.filter(|state| *state == State::InForce).count(),
            consents: courses
                .iter()
                .map(|course| consent_part(course, beside.state(course, now_ms), names, texts))
                .collect(),
            passed: writer.passed(),
            refused: writer.refused(),
            stopped: writer.stopped(),
            looks: looks(rows, names),
            others: rows.iter().filter_map(|row| other(row, names)).collect(),
        })
    }

    /// Adds what the person is called, where somebody knows it: the log does not.
    #[must_use]
    pub fn of_person(mut self, name: &str) -> Self {
        self.person = shown(name);
        self
    }

    /// How often somebody read the log.
    fn times_looked(&self) -> usize {
        self.looks.iter().map(|look| look.times).sum()
    }

    /// The page: one HTML file.
    ///
    /// # Errors
    /// Never for rows that were parsed.
    pub fn to_html(&self) -> Result<String, ClientError> {
        self.render().map_err(|_| ClientError::argument("report", "values that can be written"))
    }
}

/// Whether the rows are of somebody who sees everything about the participant: each that is not erased has
/// its findings, if only empty ones, and there is at least the registration.
fn check_shown(rows: &[LogRow]) -> Result<(), ClientError> {
    let why = if rows.is_empty() {
        "a reference of a participant about whom there are records"
    } else if rows.iter().any(|row| row.entry.is_some() && row.findings.is_none()) {
        "rows that show consents and findings: only the participant's Lotse and the data-protection \
         officer of the project can make it; the officer of an agency does not see all of them"
    } else {
        return Ok(());
    };
    Err(ClientError::argument("report", why))
}

fn consent_part(
    course: &ConsentCourse<'_>,
    state: State,
    names: &Names,
    texts: &Texts,
) -> ConsentPart {
    let document = course.document().cloned().unwrap_or_default();
    let text = document.text.clone().unwrap_or_default();
    let history = course.steps.iter().map(|(step, row)| {
        let what = match step {
            Step::Recorded(1) => "aufgezeichnet".to_owned(),
            Step::Recorded(revision) => format!("geändert (Fassung {revision})"),
            Step::Suspended => "ausgesetzt, bis Sie sie bestätigen".to_owned(),
            Step::Confirmed => "von Ihnen bestätigt".to_owned(),
            Step::Revoked => "widerrufen".to_owned(),
        };
        (words::time(row.time_ms()), format!("{what}; {}", words::actor(row.caused_by(), names)))
    });
    ConsentPart {
        id: short(course.id),
        state: words::state(state),
        in_force: state == State::InForce,
        grants: document.grants.iter().map(|grant| grant_part(grant, names)).collect(),
        form: words::form(document.form()),
        given_by: given_by(&document),
        text_version: shown(&text.version),
        text: texts.text(&text.hash),
        text_hash: hex(&text.hash),
        history: history.collect(),
    }
}

/// Who gave the consent.
pub(super) fn given_by(document: &v1::ConsentDocument) -> String {
    match &document.given_by {
        Some(by) if by.representative => shown(&format!("Ihre Vertretung ({})", by.scope)),
        Some(_) | None => "Sie selbst".to_owned(),
    }
}

pub(super) fn grant_part(grant: &v1::Grant, names: &Names) -> GrantPart {
    GrantPart {
        senders: grant
            .senders
            .iter()
            .map(|id| names.office_and_id(id))
            .collect::<Vec<_>>()
            .join(", "),
        recipient: words::address(grant.recipient.as_ref(), names),
        purpose: names.purpose(&grant.purpose),
        categories: names.categories(&grant.categories),
        health: grant.categories.iter().any(|code| names.is_health(code)),
        from: german_on(grant.not_before_ms),
        until: german_end(grant.not_after_ms),
    }
}

/// First digits of an identifier: enough to tell one's own consents apart.
fn short(id: &[u8]) -> String {
    hex(id.get(..4).unwrap_or(id))
}

/// Writes the parts that need more than one row.
struct Writer<'a> {
    rows: &'a [LogRow],
    names: &'a Names,
    courses: &'a [ConsentCourse<'a>],
}

impl Writer<'_> {
    fn passed(&self) -> Vec<PassedPart> {
        let mut stages: HashMap<u64, String> = HashMap::new();
        for row in self.rows {
            if let Some(Event::StageReported(event)) = row.event() {
                let stage =
                    format!("{} am {}", words::stage(event.stage()), words::time(row.time_ms()));
                stages.insert(event.message_number, stage);
            }
        }
        let parts = self.rows.iter().filter_map(|row| {
            let Some(Event::HandedOut(event)) = row.event() else { return None };
            Some(PassedPart {
                time: words::time(row.time_ms()),
                way: Way {
                    sender: words::address(event.sender.as_ref(), self.names),
                    recipient: words::address(event.recipient.as_ref(), self.names),
                    purpose: self.names.purpose(&event.purpose),
                    kind: self.names.kind(&event.kind),
                    categories: self.names.categories(&event.categories),
                },
                why: self.basis(row),
                again: event.attempt > 1,
                stage: stages.get(&event.message_number).cloned().unwrap_or_default(),
            })
        });
        parts.collect()
    }

    /// On which consent something was handed out.
    fn basis(&self, row: &LogRow) -> String {
        match &row.findings {
            Some(findings) if !findings.consent_id.is_empty() => format!(
                "Ihre Einwilligung {}, Fassung {}",
                short(&findings.consent_id),
                findings.consent_revision
            ),
            Some(_) | None if self.courses.is_empty() => "wird hier nicht gezeigt".to_owned(),
            Some(_) | None => "eine Ihrer Einwilligungen".to_owned(),
        }
    }

    fn refused(&self) -> Vec<RefusedPart> {
        let parts = self.rows.iter().filter_map(|row| match row.event() {
            Some(Event::MessageDecided(event)) if !event.accepted => Some(RefusedPart {
                time: words::time(row.time_ms()),
                way: self.way(event),
                why: words::deny_reason(
                    row.findings.as_ref().map(v1::Findings::deny_reason).unwrap_or_default(),
                ),
            }),
            _ => None,
        });
        parts.collect()
    }

    fn stopped(&self) -> Vec<StoppedPart> {
        let mut ways: HashMap<u64, Way> = HashMap::new();
        let mut parts = Vec::new();
        for row in self.rows {
            match row.event() {
                Some(Event::MessageDecided(event)) if event.accepted => {
                    ways.insert(row.record_number, self.way(event));
                }
                Some(Event::MessageStopped(event)) => {
                    let way = ways.get(&event.message_number).cloned();
                    let unknown = Way {
                        sender: self.names.office(&event.sender_agency),
                        recipient: self.names.office(&event.recipient_agency),
                        ..Way::default()
                    };
                    parts.push(StoppedPart {
                        time: words::time(row.time_ms()),
                        way: way.unwrap_or(unknown),
                        why: words::stop_reason(event.reason()),
                    });
                }
                _ => {}
            }
        }
        parts
    }

    fn way(&self, event: &v1::MessageDecided) -> Way {
        let label: v1::Label = decode_canonical(&event.label).unwrap_or_default();
        Way {
            sender: words::address(label.sender.as_ref(), self.names),
            recipient: words::address(label.recipient.as_ref(), self.names),
            purpose: self.names.purpose(&label.purpose),
            kind: self.names.kind(&label.kind),
            categories: self.names.categories(&label.categories),
        }
    }
}

/// What else happened, as far as it is about the person. The other parts tell the rest.
fn other(row: &LogRow, names: &Names) -> Option<OtherPart> {
    let what = match row.event() {
        None => "Der Inhalt dieses Eintrags wurde gelöscht.".to_owned(),
        Some(Event::ParticipantRegistered(_)) => "Sie wurden aufgenommen.".to_owned(),
        Some(Event::LotseAssigned(event)) => {
            format!("Sie werden jetzt von {} begleitet.", event.lotse)
        }
        Some(Event::ReferenceAssigned(event)) => {
            format!("{} bekam eine eigene Kennung für Sie.", names.office(&event.agency))
        }
        Some(Event::ParticipantRestricted(event)) if event.restricted => {
            "Die Verarbeitung Ihrer Daten wurde eingeschränkt. Nichts wird weitergegeben."
                .to_owned()
        }
        Some(Event::ParticipantRestricted(_)) => {
            "Die Einschränkung der Verarbeitung endete.".to_owned()
        }
        Some(Event::HoldPlaced(event)) => {
            format!("Das Löschen wurde aufgeschoben. Grund: {}", event.reason)
        }
        Some(Event::HoldReleased(_)) => "Das Löschen ist nicht mehr aufgeschoben.".to_owned(),
        Some(Event::RunProposed(event)) => {
            format!("Das Löschen Ihrer Daten wurde vorgeschlagen. Grund: {}", event.reason)
        }
        Some(Event::RunWithdrawn(_)) => {
            "Der Vorschlag, Ihre Daten zu löschen, wurde zurückgenommen.".to_owned()
        }
        Some(Event::ErasureBegun(_)) => "Das Löschen Ihrer Daten begann.".to_owned(),
        Some(Event::RecordsErased(_)) => "Inhalte von Einträgen wurden gelöscht.".to_owned(),
        Some(Event::RecordLost(_)) => "Dieser Eintrag ging durch eine Störung verloren.".to_owned(),
        Some(Event::LogReconciled(_)) => {
            "Nach einer Störung wurde das Protokoll wieder in Ordnung gebracht.".to_owned()
        }
        Some(
            event @ (Event::SecrecyReleaseRecorded(_)
            | Event::SecrecyReleaseRevoked(_)
            | Event::ObjectionRecorded(_)
            | Event::ObjectionWithdrawn(_)
            | Event::ParticipationEnded(_)),
        ) => for_participant(Some(event)).unwrap_or_default().to_owned(),
        Some(event) => of_casework(event, names)?,
    };
    let who = match &row.entry {
        Some(entry) => words::actor(entry.actor.as_ref(), names),
        None => String::new(),
    };
    Some(OtherPart { time: words::time(row.time_ms()), what: shown(&what), who })
}

/// What agencies and the Lotse did about the person; none for what other parts tell, and for what is not about
/// the person.
fn of_casework(event: &Event, names: &Names) -> Option<String> {
    Some(match event {
        Event::DeadLettered(event) => format!(
            "Eine Nachricht von {} an {} konnte nicht verarbeitet werden.",
            names.office(&event.sender_agency),
            names.office(&event.recipient_agency)
        ),
        Event::BasisEnded(event) => format!(
            "{} soll löschen, was an diese Stelle ging, oder die Regel nennen, nach der sie es \
             behält, bis {}.",
            words::address(event.recipient.as_ref(), names),
            words::day(event.due_ms)
        ),
        Event::DeletionConfirmed(event) => match event.answer() {
            v1::DeletionAnswer::Retained => {
                format!("Eine Stelle behält Daten über Sie nach dieser Regel: {}.", event.rule)
            }
            v1::DeletionAnswer::Deleted | v1::DeletionAnswer::Unspecified => {
                "Eine Stelle hat bestätigt, dass sie Daten über Sie gelöscht hat.".to_owned()
            }
        },
        Event::CoverageAsked(_) => {
            "Es wurde gefragt, ob eine Nachricht über Sie erlaubt wäre. Weitergegeben wurde nichts."
                .to_owned()
        }
        Event::ConsentRequested(event) => {
            let recipient = event.planned.as_ref().and_then(|planned| planned.recipient.as_ref());
            let recipient = recipient.map(|to| names.office(&to.agency)).unwrap_or_default();
            format!(
                "Ihre Begleitung wurde gebeten, Sie um eine Einwilligung zu fragen, für {recipient}."
            )
        }
        Event::TaskClosed(_) => "Eine Bitte um Ihre Einwilligung wurde erledigt.".to_owned(),
        Event::ParticipationSet(_) => {
            "Der Stand Ihrer Teilnahme wurde eingetragen. Ihre Begleitung kann ihn Ihnen zeigen."
                .to_owned()
        }
        Event::RunProposed(_) | Event::RunApproved(_) | Event::RunWithdrawn(_) => return None,
        Event::BrokerStarted(_)
        | Event::MailboxRead(_)
        | Event::DirectoryPublished(_)
        | Event::ConsentRecorded(_)
        | Event::ConsentRevoked(_)
        | Event::ConsentSuspended(_)
        | Event::ConsentConfirmed(_)
        | Event::MessageDecided(_)
        | Event::HandedOut(_)
        | Event::StageReported(_)
        | Event::MessageStopped(_)
        | Event::LogQueried(_)
        | Event::CallRefused(_)
        | Event::SecrecyReleaseRecorded(_)
        | Event::SecrecyReleaseRevoked(_)
        | Event::ObjectionRecorded(_)
        | Event::ObjectionWithdrawn(_)
        | Event::ParticipationEnded(_)
        | Event::EvaluationReleased(_)
        | Event::EvaluationExported(_)
        | Event::UploadDiscarded(_)
        | Event::ParticipantRegistered(_)
        | Event::LotseAssigned(_)
        | Event::ReferenceAssigned(_)
        | Event::ParticipantRestricted(_)
        | Event::HoldPlaced(_)
        | Event::HoldReleased(_)
        | Event::ErasureBegun(_)
        | Event::RecordsErased(_)
        | Event::RecordLost(_)
        | Event::LogReconciled(_) => return None,
    })
}
