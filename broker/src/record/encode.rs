//! Domain event → sections of a record.

mod delivery;

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::evidence::{Digest, consent_reference};
use schleuse_proto::v1::{self, log_entry};

use super::{planning, safeguards};
use crate::domain::catalogue::Catalogue;
use crate::domain::decide::DenyReason;
use crate::domain::event::{
    Actor, Basis, BatchSignature, ConsentEvent, Decision, DecisionEvent, ErasureGround, Event,
    EventKind, GrantRef, HandOutEvent, LogFilter, LogQueryEvent, PlanningEvent, RecordRange,
    Signature, UpkeepEvent,
};
use crate::domain::ids::{Address, ParticipantId, TimeMs};
use crate::domain::message::{Stage, StopReason};
use crate::journal::{NewRecord, Salts};

pub use delivery::{dead_letter_reason, deletion_answer, taken_up_by};

/// Encodes an event as the record that logs it.
#[must_use]
pub fn encode(event: &Event, catalogue: &Catalogue, time: TimeMs, salts: Salts) -> NewRecord {
    let mut private = v1::PrivateSection::default();
    let mut payload: (Bytes, Digest) = (Bytes::new(), [0; 32]);
    let body = body(&event.kind, catalogue, &mut private, &mut payload);
    let findings = findings(&event.kind);
    let record_type = u8::try_from(i32::from(record_type(&event.kind))).unwrap_or_default();
    let entry = v1::LogEntry { actor: event.actor.as_ref().map(actor), event: Some(body) };
    NewRecord {
        record_type,
        time,
        body: entry.encode_to_vec(),
        findings: findings.encode_to_vec(),
        private: private.encode_to_vec(),
        payload: payload.0,
        payload_digest: payload.1,
        salts,
    }
}

/// Type of the record that logs an event.
pub(super) fn record_type(kind: &EventKind) -> v1::RecordType {
    match kind {
        EventKind::BrokerStarted { .. } => v1::RecordType::BrokerStarted,
        EventKind::ParticipantRegistered { .. } => v1::RecordType::ParticipantRegistered,
        EventKind::LotseAssigned { .. } => v1::RecordType::LotseAssigned,
        EventKind::ReferenceAssigned { .. } => v1::RecordType::ReferenceAssigned,
        EventKind::DirectoryPublished(_) => v1::RecordType::DirectoryPublished,
        EventKind::ConsentRecorded(_) => v1::RecordType::ConsentRecorded,
        EventKind::ConsentRevoked(_) => v1::RecordType::ConsentRevoked,
        EventKind::MessageDecided(_) => v1::RecordType::MessageDecided,
        EventKind::HandedOut(_) => v1::RecordType::HandedOut,
        EventKind::StageReported { .. } => v1::RecordType::StageReported,
        EventKind::MessageStopped { .. } => v1::RecordType::MessageStopped,
        EventKind::LogQueried(_) => v1::RecordType::LogQueried,
        EventKind::CallRefused { .. } => v1::RecordType::CallRefused,
        EventKind::Upkeep(event) => match event {
            UpkeepEvent::ErasureBegun { .. } => v1::RecordType::ErasureBegun,
            UpkeepEvent::RecordsErased { .. } => v1::RecordType::RecordsErased,
            UpkeepEvent::ParticipantRestricted { .. } => v1::RecordType::ParticipantRestricted,
            UpkeepEvent::HoldPlaced { .. } => v1::RecordType::HoldPlaced,
            UpkeepEvent::HoldReleased { .. } => v1::RecordType::HoldReleased,
            UpkeepEvent::ConsentSuspended { .. } => v1::RecordType::ConsentSuspended,
            UpkeepEvent::ConsentConfirmed { .. } => v1::RecordType::ConsentConfirmed,
            UpkeepEvent::RecordLost => v1::RecordType::RecordLost,
            UpkeepEvent::LogReconciled(_) => v1::RecordType::LogReconciled,
        },
        EventKind::Upload(event) => super::uploads::record_type(event),
        EventKind::Delivery(event) => delivery::record_type(event),
        EventKind::Planning(event) => planning::record_type(event),
        EventKind::Safeguard(event) => safeguards::record_type(&event.act),
        EventKind::Evaluation(event) => super::evaluation::record_type(event),
        EventKind::Run(event) => super::runs::record_type(event),
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each event, each of them flat")]
fn body(
    kind: &EventKind,
    catalogue: &Catalogue,
    private: &mut v1::PrivateSection,
    payload: &mut (Bytes, Digest),
) -> log_entry::Event {
    let mut about = |participant: &ParticipantId| {
        if *participant != ParticipantId::NOBODY {
            private.participant = Bytes::copy_from_slice(participant.bytes());
        }
    };
    match kind {
        EventKind::BrokerStarted {
            version,
            catalogue_version,
            catalogue_hash,
            without_participant,
        } => log_entry::Event::BrokerStarted(v1::BrokerStarted {
            version: version.clone(),
            catalogue_version: catalogue_version.clone(),
            catalogue_hash: Bytes::copy_from_slice(catalogue_hash),
            purposes_without_participant: without_participant.clone(),
        }),
        EventKind::ParticipantRegistered { participant, key, reference, project } => {
            about(participant);
            private.references = vec![
                v1::PrivateReference {
                    agency: String::new(),
                    reference: Bytes::copy_from_slice(reference.bytes()),
                },
                v1::PrivateReference {
                    agency: project.0.to_string(),
                    reference: Bytes::copy_from_slice(project.1.bytes()),
                },
            ];
            log_entry::Event::ParticipantRegistered(v1::ParticipantRegistered {
                idempotency_key: Bytes::copy_from_slice(key.bytes()),
            })
        }
        EventKind::LotseAssigned { participant, lotse } => {
            about(participant);
            log_entry::Event::LotseAssigned(v1::LotseAssigned { lotse: lotse.clone() })
        }
        EventKind::ReferenceAssigned { participant, agency, reference } => {
            about(participant);
            private.references = vec![v1::PrivateReference {
                agency: agency.to_string(),
                reference: Bytes::copy_from_slice(reference.bytes()),
            }];
            let agency = agency.to_string();
            log_entry::Event::ReferenceAssigned(v1::ReferenceAssigned { agency })
        }
        EventKind::DirectoryPublished(entry) => {
            log_entry::Event::DirectoryPublished(v1::DirectoryPublished {
                document: entry.document.clone(),
                signature: Some(signature(&entry.signature)),
            })
        }
        EventKind::ConsentRecorded(consent) => consent_recorded(consent, private),
        EventKind::ConsentRevoked(revocation) => {
            about(&revocation.participant);
            log_entry::Event::ConsentRevoked(v1::ConsentRevoked {
                consent_id: Bytes::copy_from_slice(revocation.consent.bytes()),
                revision: revocation.revision,
                document: revocation.document.clone(),
                signature: Some(signature(&revocation.signature)),
                agencies: revocation.agencies.iter().map(ToString::to_string).collect(),
            })
        }
        EventKind::MessageDecided(decided) => {
            *payload = if decided.submission.payload.is_empty() {
                (Bytes::new(), [0; 32])
            } else {
                (decided.submission.payload.clone(), decided.submission.payload_digest)
            };
            message_decided(decided, catalogue, private)
        }
        EventKind::HandedOut(handed_out) => {
            about(&handed_out.participant);
            self::handed_out(handed_out, catalogue)
        }
        EventKind::StageReported { message, participant, stage, by, sender, recipient } => {
            about(participant);
            let (stage, by) = match stage {
                Stage::Decrypted => (v1::DeliveryStage::Decrypted, v1::TakenUpBy::Unspecified),
                Stage::Acknowledged => (v1::DeliveryStage::Acknowledged, taken_up_by(*by)),
            };
            log_entry::Event::StageReported(v1::StageReported {
                message_number: *message,
                stage: stage.into(),
                taken_up_by: by.into(),
                sender_agency: sender.to_string(),
                recipient_agency: recipient.to_string(),
            })
        }
        EventKind::MessageStopped { message, participant, reason, sender, recipient, .. } => {
            about(participant);
            let reason = match reason {
                StopReason::ConsentEnded => v1::StopReason::ConsentEnded,
                StopReason::Expired => v1::StopReason::Expired,
                StopReason::Erased => v1::StopReason::Erased,
                StopReason::UploadEnded => v1::StopReason::UploadEnded,
                StopReason::Recalled => v1::StopReason::Recalled,
            };
            log_entry::Event::MessageStopped(v1::MessageStopped {
                message_number: *message,
                reason: reason.into(),
                sender_agency: sender.to_string(),
                recipient_agency: recipient.to_string(),
            })
        }
        EventKind::LogQueried(query) => {
            if let Some(participant) = &query.participant {
                about(participant);
            }
            log_queried(query)
        }
        EventKind::CallRefused { method } => {
            log_entry::Event::CallRefused(v1::CallRefused { method: method.clone() })
        }
        EventKind::Upkeep(event) => upkeep(event, private),
        EventKind::Upload(event) => super::uploads::body(event),
        EventKind::Delivery(event) => delivery::body(event, private),
        EventKind::Planning(event) => planning::body(event, catalogue, private),
        EventKind::Safeguard(event) => safeguards::encode(event, private),
        EventKind::Evaluation(event) => super::evaluation::body(event),
        EventKind::Run(event) => super::runs::body(event, private),
    }
}

/// Bodies of the events about rights and lost records.
#[expect(clippy::too_many_lines, reason = "one arm for each event, each of them flat")]
fn upkeep(event: &UpkeepEvent, private: &mut v1::PrivateSection) -> log_entry::Event {
    let mut about = |participant: &ParticipantId| {
        private.participant = Bytes::copy_from_slice(participant.bytes());
    };
    match event {
        UpkeepEvent::ErasureBegun { participant, run } => {
            about(participant);
            log_entry::Event::ErasureBegun(v1::ErasureBegun { run_number: *run })
        }
        UpkeepEvent::RecordsErased { ground, ranges, run } => {
            let ground = match ground {
                ErasureGround::Participant => v1::ErasureGround::Participant,
                ErasureGround::Retention => v1::ErasureGround::Retention,
            };
            let range = |r: &RecordRange| v1::RecordRange { first: r.first, count: r.count };
            log_entry::Event::RecordsErased(v1::RecordsErased {
                ground: ground.into(),
                ranges: ranges.iter().map(range).collect(),
                run_number: *run,
            })
        }
        UpkeepEvent::ParticipantRestricted { participant, restricted } => {
            about(participant);
            let restricted = *restricted;
            log_entry::Event::ParticipantRestricted(v1::ParticipantRestricted { restricted })
        }
        UpkeepEvent::HoldPlaced { hold, reason, participant } => {
            participant.as_ref().map(&mut about);
            log_entry::Event::HoldPlaced(v1::HoldPlaced {
                hold_id: Bytes::copy_from_slice(hold.bytes()),
                reason: reason.clone(),
                by_participant: participant.is_some(),
            })
        }
        UpkeepEvent::HoldReleased { hold, participant } => {
            participant.as_ref().map(&mut about);
            let hold_id = Bytes::copy_from_slice(hold.bytes());
            log_entry::Event::HoldReleased(v1::HoldReleased { hold_id })
        }
        UpkeepEvent::ConsentSuspended { participant, consent, revision, reason } => {
            about(participant);
            log_entry::Event::ConsentSuspended(v1::ConsentSuspended {
                consent_id: Bytes::copy_from_slice(consent.bytes()),
                revision: *revision,
                reason: safeguards::suspension(*reason).into(),
            })
        }
        UpkeepEvent::ConsentConfirmed {
            participant,
            consent,
            revision,
            document,
            signature: by,
            next_review_by,
        } => {
            about(participant);
            log_entry::Event::ConsentConfirmed(v1::ConsentConfirmed {
                consent_id: Bytes::copy_from_slice(consent.bytes()),
                revision: *revision,
                document: document.clone(),
                signature: Some(signature(by)),
                next_review_by_ms: next_review_by
                    .and_then(|at| i64::try_from(at).ok())
                    .unwrap_or_default(),
            })
        }
        UpkeepEvent::LogReconciled(event) => log_entry::Event::LogReconciled(v1::LogReconciled {
            shown_checkpoint: event.shown.clone(),
            found_size: event.found_size,
            lost_records: event.lost,
            replayed_revocations: event.replayed,
            suspended_consents: event.suspended,
        }),
        UpkeepEvent::RecordLost => log_entry::Event::RecordLost(v1::RecordLost {}),
    }
}

/// What decided, and on which consent it rests.
fn findings(kind: &EventKind) -> v1::Findings {
    let denied = |reason: DenyReason| v1::Findings {
        deny_reason: deny_reason(reason).into(),
        ..v1::Findings::default()
    };
    let covered = |basis: &Basis| basis.grant().map(of_grant).unwrap_or_default();
    match kind {
        EventKind::MessageDecided(decided) => match &decided.decision {
            Decision::Accepted(basis) => covered(basis),
            Decision::Refused(reason) => denied(*reason),
        },
        EventKind::HandedOut(handed_out) => covered(&handed_out.grant),
        EventKind::Planning(PlanningEvent::CoverageAsked(asked)) => match &asked.decision {
            Decision::Accepted(grant) => covered(grant),
            Decision::Refused(reason) => denied(*reason),
        },
        EventKind::MessageStopped { deny, .. } => deny.map(denied).unwrap_or_default(),
        EventKind::Delivery(event) => v1::Findings {
            consent_id: delivery::consent(event)
                .map(|id| Bytes::copy_from_slice(id.bytes()))
                .unwrap_or_default(),
            ..v1::Findings::default()
        },
        EventKind::BrokerStarted { .. }
        | EventKind::ParticipantRegistered { .. }
        | EventKind::LotseAssigned { .. }
        | EventKind::ReferenceAssigned { .. }
        | EventKind::DirectoryPublished(_)
        | EventKind::ConsentRecorded(_)
        | EventKind::ConsentRevoked(_)
        | EventKind::StageReported { .. }
        | EventKind::LogQueried(_)
        | EventKind::CallRefused { .. }
        | EventKind::Safeguard(_)
        | EventKind::Planning(
            PlanningEvent::ConsentRequested(_)
            | PlanningEvent::TaskClosed { .. }
            | PlanningEvent::ParticipationSet(_),
        )
        | EventKind::Upkeep(_)
        | EventKind::Evaluation(_)
        | EventKind::Run(_)
        | EventKind::Upload(_) => v1::Findings::default(),
    }
}

fn of_grant(grant: &GrantRef) -> v1::Findings {
    v1::Findings {
        deny_reason: v1::DenyReason::Unspecified.into(),
        consent_id: Bytes::copy_from_slice(grant.consent.bytes()),
        consent_revision: grant.revision,
        document_hash: Bytes::copy_from_slice(&grant.document_hash),
        grant_index: grant.grant_index,
        release_hash: grant.release.map(|hash| Bytes::copy_from_slice(&hash)).unwrap_or_default(),
    }
}

fn consent_recorded(consent: &ConsentEvent, private: &mut v1::PrivateSection) -> log_entry::Event {
    private.participant = Bytes::copy_from_slice(consent.participant.bytes());
    private.document = consent.bytes.clone();
    private.signature = Some(signature(&consent.signature));
    log_entry::Event::ConsentRecorded(v1::ConsentRecorded {
        consent_id: Bytes::copy_from_slice(consent.document.consent_id.bytes()),
        revision: consent.document.revision,
        document_hash: Bytes::copy_from_slice(&consent.document.hash),
        agencies: consent.document.agencies().iter().map(ToString::to_string).collect(),
    })
}

fn message_decided(
    decided: &DecisionEvent,
    catalogue: &Catalogue,
    private: &mut v1::PrivateSection,
) -> log_entry::Event {
    let submission = &decided.submission;
    if let Some(participant) = &decided.participant {
        private.participant = Bytes::copy_from_slice(participant.bytes());
    }
    // A reference that means nobody is not kept: it may have meant somebody who was erased.
    let (reference, nonce) = match (&decided.participant, &submission.reference) {
        (Some(_), Some(reference)) => (*reference.bytes(), submission.nonce),
        (None, _) | (_, None) => ([0; 16], [0; 16]),
    };
    private.sender_reference = Bytes::copy_from_slice(&reference);
    private.reference_nonce = Bytes::copy_from_slice(&nonce);
    log_entry::Event::MessageDecided(v1::MessageDecided {
        label: submission.label_bytes.clone(),
        payload_digest: Bytes::copy_from_slice(&submission.payload_digest),
        signature: Some(batch_signature(&submission.signature)),
        payload_bytes: submission.payload_bytes,
        accepted: matches!(decided.decision, Decision::Accepted(_)),
        encapsulated_key_bytes: submission.encapsulated_key_bytes,
        catalogue_version: catalogue.version().to_owned(),
        without_participant: submission.label.participant_commitment.is_none(),
    })
}

fn handed_out(event: &HandOutEvent, catalogue: &Catalogue) -> log_entry::Event {
    let recipient = event.recipient.agency.as_str();
    let known_as = |grant: &GrantRef| {
        Bytes::copy_from_slice(&consent_reference(grant.consent.bytes(), recipient))
    };
    log_entry::Event::HandedOut(v1::HandedOut {
        message_number: event.message,
        attempt: event.attempt,
        consent_reference: event.grant.grant().map(known_as).unwrap_or_default(),
        without_participant: event.grant == Basis::WithoutParticipant,
        sender: Some(address(&event.sender)),
        recipient: Some(address(&event.recipient)),
        purpose: catalogue.purpose_code(event.purpose).to_owned(),
        kind: catalogue.kind_code(event.kind).to_owned(),
        categories: catalogue.category_codes(event.categories).map(str::to_owned).collect(),
        professional_secret: event.professional_secret,
    })
}

fn log_queried(query: &LogQueryEvent) -> log_entry::Event {
    log_entry::Event::LogQueried(v1::LogQueried {
        reason: query.reason.clone(),
        filter: Some(log_filter(&query.filter)),
        by_participant: query.by_participant,
    })
}

fn log_filter(filter: &LogFilter) -> v1::LogFilter {
    let ms = |time: Option<TimeMs>| time.and_then(|t| i64::try_from(t).ok()).unwrap_or_default();
    let text = |code: &Option<String>| code.clone().unwrap_or_default();
    let outcome = match filter.accepted {
        None => v1::DecisionOutcome::Unspecified,
        Some(true) => v1::DecisionOutcome::Accepted,
        Some(false) => v1::DecisionOutcome::Refused,
    };
    let consent = filter.consent.as_ref().map(|id| Bytes::copy_from_slice(id.bytes()));
    v1::LogFilter {
        agencies: filter.agencies.iter().map(ToString::to_string).collect(),
        from_ms: ms(filter.from),
        until_ms: ms(filter.until),
        types: filter.types.iter().map(|number| i32::from(*number)).collect(),
        purpose: text(&filter.purpose),
        category: text(&filter.category),
        kind: text(&filter.kind),
        outcome: outcome.into(),
        consent_id: consent.unwrap_or_default(),
        certificate_serial: filter.certificate.clone().unwrap_or_default(),
    }
}

pub(super) fn actor(actor: &Actor) -> v1::Actor {
    v1::Actor {
        agency: actor.agency.to_string(),
        role: actor.role.name().to_owned(),
        person: actor.person.as_deref().unwrap_or_default().to_owned(),
        certificate_serial: Bytes::copy_from_slice(&actor.serial),
    }
}

fn address(address: &Address) -> v1::Address {
    v1::Address { agency: address.agency.to_string(), function: address.function().to_owned() }
}

/// A signature as it stands on the wire.
#[must_use]
pub(super) fn signature(signature: &Signature) -> v1::Signature {
    v1::Signature { certificate: signature.certificate.clone(), value: signature.value.clone() }
}

/// A batch signature as it stands on the wire.
#[must_use]
pub(super) fn batch_signature(batch: &BatchSignature) -> v1::BatchSignature {
    v1::BatchSignature {
        signature: Some(signature(&batch.signature)),
        tree_size: batch.tree_size,
        leaf_index: batch.leaf_index,
        path: batch.path.clone(),
    }
}

/// A reason as it stands in the log.
#[must_use]
pub(super) fn deny_reason(reason: DenyReason) -> v1::DenyReason {
    match reason {
        DenyReason::NotInDirectory => v1::DenyReason::NotInDirectory,
        DenyReason::UnknownParticipant => v1::DenyReason::UnknownParticipant,
        DenyReason::NoConsent => v1::DenyReason::NoConsent,
        DenyReason::Superseded => v1::DenyReason::Superseded,
        DenyReason::Expired => v1::DenyReason::Expired,
        DenyReason::NotYet => v1::DenyReason::NotYet,
        DenyReason::Revoked => v1::DenyReason::Revoked,
        DenyReason::Suspended => v1::DenyReason::Suspended,
        DenyReason::Restricted => v1::DenyReason::Restricted,
        DenyReason::NotAllCovered => v1::DenyReason::NotAllCovered,
        DenyReason::ReviewMissed => v1::DenyReason::ReviewMissed,
        DenyReason::SecrecyReleaseMissing => v1::DenyReason::SecrecyReleaseMissing,
        DenyReason::Objected => v1::DenyReason::Objected,
        DenyReason::Ended => v1::DenyReason::Ended,
    }
}
