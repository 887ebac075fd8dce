//! What the core wrote, in the words of the model.

use schleuse_broker::domain::consent::Suspension;
use schleuse_broker::domain::event::{
    Basis, Decision, ErasureGround, RecordRange, RunEvent, UpkeepEvent,
};
use schleuse_broker::domain::ids::{ConsentId, HoldId, MessageId, ParticipantId};
use schleuse_broker::domain::message::{Stage, StopReason};
use schleuse_broker::domain::{DenyReason, Event, EventKind, Refusal};
use schleuse_broker::record::facts::Facts;

use super::Pair;
use super::delivery::delivery_entry;
use crate::model::rights::Ground;
use crate::model::{self, Entry};

impl Pair {
    /// Both sides wrote the same since then, about the same participants.
    pub(super) fn compare_logs(&self, from: usize) {
        let real = &self.log[from..];
        let entries: Vec<Entry> = real.iter().map(|(event, _)| self.entry(event)).collect();
        assert_eq!(entries, self.model.log()[from..]);
        let about = real.iter().map(|(event, _)| {
            Facts::of(event).participant.map(|participant| self.participant(participant))
        });
        assert_eq!(about.collect::<Vec<_>>(), self.model.about()[from..]);
    }

    pub(super) fn participant(&self, id: &ParticipantId) -> usize {
        // Registrations in order; the pseudonym is the first entropy of each.
        let mut registered = self.log.iter().filter_map(|(event, _)| match &event.kind {
            EventKind::ParticipantRegistered { participant, .. } => Some(participant),
            _ => None,
        });
        registered.position(|known| known == id).unwrap()
    }

    fn entry(&self, event: &Event) -> model::Entry {
        match &event.kind {
            EventKind::ParticipantRegistered { participant, .. } => {
                Entry::Registered { participant: self.participant(participant) }
            }
            EventKind::LotseAssigned { participant, lotse } => Entry::LotseAssigned {
                participant: self.participant(participant),
                person: lotse.clone(),
            },
            EventKind::ReferenceAssigned { participant, agency, .. } => Entry::ReferenceAssigned {
                participant: self.participant(participant),
                agency: agency.to_string(),
            },
            EventKind::ConsentRecorded(consent) => Entry::ConsentRecorded {
                consent: consent_name(&consent.document.consent_id),
                revision: u64::from(consent.document.revision),
            },
            EventKind::ConsentRevoked(revocation) => {
                Entry::ConsentRevoked { consent: consent_name(&revocation.consent) }
            }
            EventKind::MessageDecided(decided) => {
                let (accepted, reason, grant) = match &decided.decision {
                    Decision::Accepted(by) => (true, None, Some(self.grant(by))),
                    Decision::Refused(why) => (false, Some(reason(*why)), None),
                };
                let message_id = message_name(&decided.submission.label.message_id);
                Entry::Decided { message_id, accepted, reason, grant }
            }
            EventKind::HandedOut(event) => {
                let grant = self.grant(&event.grant);
                let (message, attempt) = (event.message as usize, u64::from(event.attempt));
                Entry::HandedOut { message, attempt, grant }
            }
            EventKind::StageReported { message, stage, .. } => Entry::Stage {
                message: *message as usize,
                stage: match stage {
                    Stage::Decrypted => model::Stage::Decrypted,
                    Stage::Acknowledged => model::Stage::Acknowledged,
                },
            },
            EventKind::MessageStopped { message, reason: why, deny, .. } => Entry::Stopped {
                message: *message as usize,
                reason: match why {
                    StopReason::ConsentEnded => model::StopReason::ConsentEnded,
                    StopReason::Expired => model::StopReason::Expired,
                    StopReason::Erased => model::StopReason::Erased,
                    StopReason::UploadEnded => panic!("no operation of this test makes uploads"),
                    StopReason::Recalled => model::StopReason::Recalled,
                },
                deny: deny.map(reason),
            },
            EventKind::LogQueried(_) => Entry::Queried,
            EventKind::DirectoryPublished(entry) => {
                Entry::DirectoryPublished { agency: entry.agency.to_string() }
            }
            EventKind::Upkeep(event) => self.upkeep_entry(event),
            EventKind::Safeguard(event) => self.safeguard_entry(event),
            EventKind::Delivery(event) => delivery_entry(event),
            EventKind::Planning(event) => self.planning_entry(event),
            EventKind::Run(event) => self.run_entry(event),
            other => panic!("no operation of this test makes {other:?}"),
        }
    }

    fn run_entry(&self, event: &RunEvent) -> Entry {
        match event {
            RunEvent::Proposed { of, .. } => {
                Entry::RunProposed { participant: of.participant().map(|id| self.participant(id)) }
            }
            RunEvent::Approved { run, proposed_by, .. } => Entry::RunApproved {
                run: *run as usize,
                proposed_by: proposed_by.person.as_deref().unwrap_or_default().to_owned(),
            },
            RunEvent::Withdrawn { run, .. } => Entry::RunWithdrawn { run: *run as usize },
        }
    }

    fn upkeep_entry(&self, event: &UpkeepEvent) -> Entry {
        match event {
            UpkeepEvent::ErasureBegun { participant, run } => Entry::ErasureBegun {
                participant: self.participant(participant),
                run: *run as usize,
            },
            UpkeepEvent::RecordsErased { ground, ranges, run } => Entry::RecordsErased {
                run: *run as usize,
                ground: match ground {
                    ErasureGround::Participant => Ground::Participant,
                    ErasureGround::Retention => Ground::Retention,
                },
                records: ranges.iter().flat_map(numbers).collect(),
            },
            UpkeepEvent::ParticipantRestricted { participant, restricted } => Entry::Restricted {
                participant: self.participant(participant),
                restricted: *restricted,
            },
            UpkeepEvent::HoldPlaced { hold, .. } => Entry::HoldPlaced { hold: hold_name(hold) },
            UpkeepEvent::HoldReleased { hold, .. } => Entry::HoldReleased { hold: hold_name(hold) },
            UpkeepEvent::ConsentSuspended { consent, revision, reason, .. } => {
                Entry::ConsentSuspended {
                    consent: consent_name(consent),
                    revision: u64::from(*revision),
                    missed: *reason == Suspension::ReviewMissed,
                }
            }
            UpkeepEvent::ConsentConfirmed { consent, revision, .. } => Entry::ConsentConfirmed {
                consent: consent_name(consent),
                revision: u64::from(*revision),
            },
            UpkeepEvent::RecordLost => Entry::RecordLost,
            UpkeepEvent::LogReconciled(event) => Entry::Reconciled {
                found: event.found_size as usize,
                shown: event.shown_size as usize,
                lost: event.lost as usize,
                replayed: event.replayed as usize,
                suspended: event.suspended as usize,
            },
        }
    }

    pub(super) fn grant(&self, basis: &Basis) -> model::GrantRef {
        let Basis::Consent(grant) = basis else { return (String::new(), 0, 0, None) };
        let consent = consent_name(&grant.consent);
        let release = grant.release.map(|hash| self.release_name(&hash));
        (consent, u64::from(grant.revision), grant.grant_index as usize, release)
    }
}

pub(super) fn consent_name(id: &ConsentId) -> String {
    id.bytes()[0].to_string()
}

fn message_name(id: &MessageId) -> String {
    u128::from_be_bytes(*id.bytes()).to_string()
}

pub(super) fn hold_name(id: &HoldId) -> String {
    u128::from_be_bytes(*id.bytes()).to_string()
}

fn numbers(range: &RecordRange) -> std::ops::Range<usize> {
    range.first as usize..range.end() as usize
}

/// Whether both sides refuse for the same reason. What is not the caller's does not exist for them.
pub(super) fn same_refusal(real: &Refusal, model: model::Error) -> bool {
    match real {
        Refusal::ProjectDpoOnly => model == model::Error::Forbidden,
        Refusal::NotFound { .. } => {
            model == model::Error::NotFound || model == model::Error::Forbidden
        }
        Refusal::RevisionConflict { .. } => model == model::Error::Conflict,
        Refusal::InvalidField { .. }
        | Refusal::TooLong { .. }
        | Refusal::TimeOutOfRange { .. }
        | Refusal::ReviewTooLate { .. } => model == model::Error::Invalid,
        Refusal::NotForDeputy { .. } => model == model::Error::Forbidden,
        Refusal::ParticipationEnded => model == model::Error::Ended,
        Refusal::IdempotencyConflict { .. } => model == model::Error::Conflict,
        Refusal::OnHold { .. } => model == model::Error::OnHold,
        Refusal::PersonMissing => model == model::Error::Nameless,
        Refusal::SecondPersonNeeded => model == model::Error::SamePerson,
        Refusal::RunOpen { .. } => model == model::Error::AlreadyOpen,
        _ => false,
    }
}

pub(super) fn reason(reason: DenyReason) -> model::Reason {
    match reason {
        DenyReason::UnknownParticipant => model::Reason::UnknownParticipant,
        DenyReason::NoConsent => model::Reason::NoConsent,
        DenyReason::Superseded => model::Reason::Superseded,
        DenyReason::Expired => model::Reason::Expired,
        DenyReason::NotYet => model::Reason::NotYet,
        DenyReason::Revoked => model::Reason::Revoked,
        DenyReason::NotInDirectory => model::Reason::NotInDirectory,
        DenyReason::NotAllCovered => model::Reason::NotAllCovered,
        DenyReason::Suspended => model::Reason::Suspended,
        DenyReason::Restricted => model::Reason::Restricted,
        DenyReason::ReviewMissed => model::Reason::ReviewMissed,
        DenyReason::SecrecyReleaseMissing => model::Reason::SecrecyReleaseMissing,
        DenyReason::Objected => model::Reason::Objected,
        DenyReason::Ended => model::Reason::Ended,
    }
}
