//! Record → domain event, for the replay.

mod delivery;

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::evidence;
use schleuse_proto::identity::Role;
use schleuse_proto::v1::{self, log_entry};

use super::directory::parse_directory;
use super::documents::{fingerprint, parse_consent, parse_label};
use super::{planning, safeguards};
use crate::domain::catalogue::{Catalogue, Categories};
use crate::domain::consent::Suspension;
use crate::domain::decide::DenyReason;
use crate::domain::event::{
    Actor, Basis, BatchSignature, ConsentEvent, Decision, DecisionEvent, DirectoryEvent,
    ErasureGround, Event, EventKind, GrantRef, HandOutEvent, LogFilter, LogQueryEvent,
    ReconcileEvent, RecordRange, RevocationEvent, RunEvent, Signature, Submission, UpkeepEvent,
};
use crate::domain::ids::{
    Address, AgencyId, ConsentId, HoldId, ParticipantId, Reference, RegistrationKey, TimeMs,
};
use crate::domain::message::{Stage, StopReason};
use crate::journal::StoredRecord;

pub use delivery::{dead_letter_reason, deletion_answer, taken_up_by};

/// Decodes the event that a record logs; none if its contents were erased. Payloads stay locked and are
/// left out.
///
/// # Errors
/// The record was not written by a broker of this version with this catalogue; says why.
pub fn decode(record: &StoredRecord, catalogue: &Catalogue) -> Result<Option<Event>, String> {
    if !record.contents.are_readable() {
        return Ok(None);
    }
    let entry = v1::LogEntry::decode(record.body.clone()).map_err(|error| error.to_string())?;
    let private =
        v1::PrivateSection::decode(record.private.clone()).map_err(|error| error.to_string())?;
    let findings =
        v1::Findings::decode(record.findings.clone()).map_err(|error| error.to_string())?;
    let actor = entry.actor.map(actor).transpose()?;
    let event = entry.event.ok_or("the record has no event")?;
    let decoder = Decoder {
        catalogue,
        findings: &findings,
        private: &private,
        actor: actor.as_ref(),
        has_payload: !record.payload.is_empty(),
    };
    let kind = decoder.kind(event)?;
    Ok(Some(Event { actor, kind }))
}

struct Decoder<'a> {
    catalogue: &'a Catalogue,
    findings: &'a v1::Findings,
    private: &'a v1::PrivateSection,
    actor: Option<&'a Actor>,
    has_payload: bool,
}

impl Decoder<'_> {
    #[expect(clippy::too_many_lines, reason = "one arm for each event, each of them flat")]
    fn kind(&self, event: log_entry::Event) -> Result<EventKind, String> {
        Ok(match event {
            log_entry::Event::BrokerStarted(started) => EventKind::BrokerStarted {
                version: started.version,
                catalogue_version: started.catalogue_version,
                catalogue_hash: fixed(&started.catalogue_hash)?,
                without_participant: started.purposes_without_participant,
            },
            log_entry::Event::ParticipantRegistered(registered) => {
                let [own, project] = self.private.references.as_slice() else {
                    return Err("a registration assigns two references".to_owned());
                };
                EventKind::ParticipantRegistered {
                    participant: self.participant()?,
                    key: RegistrationKey::from_bytes(fixed(&registered.idempotency_key)?),
                    reference: Reference::from_bytes(fixed(&own.reference)?),
                    project: (
                        agency(&project.agency)?,
                        Reference::from_bytes(fixed(&project.reference)?),
                    ),
                }
            }
            log_entry::Event::LotseAssigned(assigned) => {
                EventKind::LotseAssigned { participant: self.participant()?, lotse: assigned.lotse }
            }
            log_entry::Event::ReferenceAssigned(_) => {
                let [assigned] = self.private.references.as_slice() else {
                    return Err("an assignment has one reference".to_owned());
                };
                EventKind::ReferenceAssigned {
                    participant: self.participant()?,
                    agency: agency(&assigned.agency)?,
                    reference: Reference::from_bytes(fixed(&assigned.reference)?),
                }
            }
            log_entry::Event::DirectoryPublished(published) => {
                let document =
                    parse_directory(&published.document).map_err(|error| error.to_string())?;
                EventKind::DirectoryPublished(DirectoryEvent {
                    agency: document.agency,
                    revision: document.revision,
                    functions: document.functions,
                    renewal: document.renewal,
                    document: published.document,
                    signature: signature(published.signature),
                })
            }
            log_entry::Event::ConsentRecorded(_) => {
                let bytes = self.private.document.clone();
                EventKind::ConsentRecorded(Box::new(ConsentEvent {
                    participant: self.participant()?,
                    document: parse_consent(&bytes, self.catalogue)
                        .map_err(|error| error.to_string())?,
                    bytes,
                    signature: signature(self.private.signature.clone()),
                }))
            }
            log_entry::Event::ConsentRevoked(revoked) => {
                EventKind::ConsentRevoked(RevocationEvent {
                    participant: self.participant()?,
                    consent: ConsentId::from_bytes(fixed(&revoked.consent_id)?),
                    revision: revoked.revision,
                    document: revoked.document,
                    signature: signature(revoked.signature),
                    agencies: revoked
                        .agencies
                        .iter()
                        .map(|text| agency(text))
                        .collect::<Result<_, _>>()?,
                })
            }
            log_entry::Event::MessageDecided(decided) => {
                EventKind::MessageDecided(Box::new(self.decision(decided)?))
            }
            log_entry::Event::HandedOut(handed_out) => {
                EventKind::HandedOut(Box::new(self.handed_out(&handed_out)?))
            }
            log_entry::Event::StageReported(reported) => EventKind::StageReported {
                message: reported.message_number,
                participant: self.participant_or_nobody()?,
                stage: match reported.stage() {
                    v1::DeliveryStage::Decrypted => Stage::Decrypted,
                    v1::DeliveryStage::Acknowledged => Stage::Acknowledged,
                    v1::DeliveryStage::Unspecified => return Err("unknown stage".to_owned()),
                },
                by: taken_up_by(reported.taken_up_by()),
                sender: agency(&reported.sender_agency)?,
                recipient: agency(&reported.recipient_agency)?,
            },
            log_entry::Event::MessageStopped(stopped) => EventKind::MessageStopped {
                message: stopped.message_number,
                participant: self.participant_or_nobody()?,
                reason: match stopped.reason() {
                    v1::StopReason::ConsentEnded => StopReason::ConsentEnded,
                    v1::StopReason::Expired => StopReason::Expired,
                    v1::StopReason::Erased => StopReason::Erased,
                    v1::StopReason::UploadEnded => StopReason::UploadEnded,
                    v1::StopReason::Recalled => StopReason::Recalled,
                    v1::StopReason::Unspecified => return Err("unknown stop reason".to_owned()),
                },
                deny: deny_reason(self.findings.deny_reason()),
                sender: agency(&stopped.sender_agency)?,
                recipient: agency(&stopped.recipient_agency)?,
            },
            log_entry::Event::LogQueried(queried) => EventKind::LogQueried(LogQueryEvent {
                participant: self.participant().ok(),
                by_participant: queried.by_participant,
                filter: log_filter(queried.filter.unwrap_or_default()),
                reason: queried.reason,
            }),
            log_entry::Event::CallRefused(refused) => {
                EventKind::CallRefused { method: refused.method }
            }
            log_entry::Event::ErasureBegun(begun) => EventKind::Upkeep(UpkeepEvent::ErasureBegun {
                participant: self.participant()?,
                run: begun.run_number,
            }),
            log_entry::Event::RecordsErased(erased) => EventKind::Upkeep(records_erased(&erased)?),
            log_entry::Event::ParticipantRestricted(event) => {
                EventKind::Upkeep(UpkeepEvent::ParticipantRestricted {
                    participant: self.participant()?,
                    restricted: event.restricted,
                })
            }
            log_entry::Event::HoldPlaced(placed) => EventKind::Upkeep(UpkeepEvent::HoldPlaced {
                hold: HoldId::from_bytes(fixed(&placed.hold_id)?),
                reason: placed.reason,
                participant: self.participant().ok(),
            }),
            log_entry::Event::HoldReleased(released) => {
                EventKind::Upkeep(UpkeepEvent::HoldReleased {
                    hold: HoldId::from_bytes(fixed(&released.hold_id)?),
                    participant: self.participant().ok(),
                })
            }
            log_entry::Event::ConsentSuspended(suspended) => {
                EventKind::Upkeep(UpkeepEvent::ConsentSuspended {
                    participant: self.participant()?,
                    consent: ConsentId::from_bytes(fixed(&suspended.consent_id)?),
                    revision: suspended.revision,
                    reason: match suspended.reason() {
                        v1::SuspensionReason::Unspecified | v1::SuspensionReason::RecordsLost => {
                            Suspension::RecordsLost
                        }
                        v1::SuspensionReason::ReviewMissed => Suspension::ReviewMissed,
                    },
                })
            }
            log_entry::Event::ConsentConfirmed(confirmed) => {
                EventKind::Upkeep(UpkeepEvent::ConsentConfirmed {
                    participant: self.participant()?,
                    consent: ConsentId::from_bytes(fixed(&confirmed.consent_id)?),
                    revision: confirmed.revision,
                    document: confirmed.document,
                    next_review_by: TimeMs::try_from(confirmed.next_review_by_ms)
                        .ok()
                        .filter(|at| *at > 0),
                    signature: signature(confirmed.signature),
                })
            }
            log_entry::Event::LogReconciled(event) => {
                EventKind::Upkeep(UpkeepEvent::LogReconciled(reconciled(event)?))
            }
            log_entry::Event::RecordLost(_) => EventKind::Upkeep(UpkeepEvent::RecordLost),
            log_entry::Event::UploadDiscarded(event) => {
                EventKind::Upload(super::uploads::discarded(&event)?)
            }
            log_entry::Event::DeadLettered(event) => self.dead_lettered(&event)?,
            log_entry::Event::MailboxRead(event) => delivery::mailbox_read(&event)?,
            log_entry::Event::BasisEnded(event) => self.basis_ended(&event)?,
            log_entry::Event::DeletionConfirmed(event) => self.deletion_confirmed(&event)?,
            log_entry::Event::CoverageAsked(asked) => EventKind::Planning(planning::coverage(
                &asked,
                self.participant().ok(),
                self.outcome(asked.covered, false)?,
                self.catalogue,
            )?),
            log_entry::Event::ConsentRequested(request) => EventKind::Planning(planning::request(
                &request,
                self.participant().ok(),
                self.private,
                self.catalogue,
            )?),
            log_entry::Event::TaskClosed(closed) => {
                EventKind::Planning(planning::closed(closed, self.participant()?)?)
            }
            log_entry::Event::ParticipationSet(_) => {
                EventKind::Planning(planning::participation(self.participant()?, self.private)?)
            }
            log_entry::Event::SecrecyReleaseRecorded(_) => {
                self.safeguard(evidence::SafeguardDocument::Release)?
            }
            log_entry::Event::SecrecyReleaseRevoked(_) => {
                self.safeguard(evidence::SafeguardDocument::ReleaseRevocation)?
            }
            log_entry::Event::ObjectionRecorded(_) => {
                self.safeguard(evidence::SafeguardDocument::Objection)?
            }
            log_entry::Event::ObjectionWithdrawn(_) => {
                self.safeguard(evidence::SafeguardDocument::ObjectionWithdrawal)?
            }
            log_entry::Event::ParticipationEnded(_) => {
                self.safeguard(evidence::SafeguardDocument::ParticipationEnd)?
            }
            log_entry::Event::EvaluationReleased(event) => {
                EventKind::Evaluation(super::evaluation::released(event)?)
            }
            log_entry::Event::EvaluationExported(event) => {
                EventKind::Evaluation(super::evaluation::exported(&event)?)
            }
            log_entry::Event::RunProposed(event) => {
                EventKind::Run(super::runs::proposed(event, self.participant().ok())?)
            }
            log_entry::Event::RunApproved(event) => EventKind::Run(super::runs::approved(event)?),
            log_entry::Event::RunWithdrawn(event) => EventKind::Run(RunEvent::Withdrawn {
                run: event.run_number,
                participant: self.participant().ok(),
            }),
        })
    }

    fn safeguard(&self, document: evidence::SafeguardDocument) -> Result<EventKind, String> {
        let by = signature(self.private.signature.clone());
        let bytes = self.private.document.clone();
        let event = safeguards::decode(document, self.participant()?, bytes, by, self.catalogue)?;
        Ok(EventKind::Safeguard(Box::new(event)))
    }

    fn participant(&self) -> Result<ParticipantId, String> {
        ParticipantId::parse(&self.private.participant)
            .ok_or_else(|| "the record names no participant".to_owned())
    }

    /// Whom a message is about: the record of one about nobody names none.
    fn participant_or_nobody(&self) -> Result<ParticipantId, String> {
        if self.private.participant.is_empty() {
            return Ok(ParticipantId::NOBODY);
        }
        self.participant()
    }

    /// What a message passed on.
    fn basis(&self, without_participant: bool) -> Result<Basis, String> {
        if without_participant {
            let names_nothing =
                self.findings.consent_id.is_empty() && self.private.participant.is_empty();
            let contradiction = "a message without participant that names one or a consent";
            return names_nothing.then_some(Basis::WithoutParticipant).ok_or(contradiction.into());
        }
        self.grant().map(Basis::Consent)
    }

    /// The grant that covers a decision or hand-out.
    fn grant(&self) -> Result<GrantRef, String> {
        Ok(GrantRef {
            consent: ConsentId::from_bytes(fixed(&self.findings.consent_id)?),
            revision: self.findings.consent_revision,
            grant_index: self.findings.grant_index,
            document_hash: fixed(&self.findings.document_hash)?,
            release: match self.findings.release_hash.len() {
                0 => None,
                _ => Some(fixed(&self.findings.release_hash)?),
            },
        })
    }

    /// What was decided: the outcome of the body with the findings.
    fn outcome(&self, accepted: bool, without_participant: bool) -> Result<Decision, String> {
        match (accepted, deny_reason(self.findings.deny_reason())) {
            (false, Some(reason)) => Ok(Decision::Refused(reason)),
            (true, None) => Ok(Decision::Accepted(self.basis(without_participant)?)),
            _ => Err("decision and findings do not fit".to_owned()),
        }
    }

    fn decision(&self, decided: v1::MessageDecided) -> Result<DecisionEvent, String> {
        self.actor.ok_or("a decision has an actor")?;
        let label = parse_label(&decided.label, self.catalogue).map_err(|e| e.to_string())?;
        let payload_digest = fixed(&decided.payload_digest)?;
        let decision = self.outcome(decided.accepted, decided.without_participant)?;
        let submission = Submission {
            reference: match label.participant_commitment {
                Some(_) => Some(Reference::from_bytes(fixed(&self.private.sender_reference)?)),
                None => None,
            },
            nonce: fixed(&self.private.reference_nonce)?,
            label,
            fingerprint: fingerprint(&decided.label, &payload_digest),
            label_bytes: decided.label,
            payload: Bytes::new(),
            payload_bytes: decided.payload_bytes,
            has_payload: self.has_payload,
            encapsulated_key_bytes: decided.encapsulated_key_bytes,
            payload_digest,
            signature: batch_signature(decided.signature),
        };
        Ok(DecisionEvent { participant: self.participant().ok(), submission, decision })
    }

    fn handed_out(&self, event: &v1::HandedOut) -> Result<HandOutEvent, String> {
        let catalogue = self.catalogue;
        let unknown = |code: &str| format!("the catalogue no longer has the code {code:?}");
        let mut categories = Categories::default();
        for code in &event.categories {
            categories = categories.union(catalogue.category(code).ok_or_else(|| unknown(code))?);
        }
        Ok(HandOutEvent {
            message: event.message_number,
            participant: self.participant_or_nobody()?,
            attempt: event.attempt,
            grant: self.basis(event.without_participant)?,
            sender: address(event.sender.as_ref())?,
            recipient: address(event.recipient.as_ref())?,
            purpose: catalogue.purpose(&event.purpose).ok_or_else(|| unknown(&event.purpose))?,
            kind: catalogue.kind(&event.kind).ok_or_else(|| unknown(&event.kind))?,
            categories,
            professional_secret: event.professional_secret,
        })
    }
}

/// A filter as it was recorded; parts that cannot be read any more are left out.
fn log_filter(filter: v1::LogFilter) -> LogFilter {
    let ms = |time: i64| TimeMs::try_from(time).ok().filter(|ms| *ms > 0);
    let text = |code: String| Some(code).filter(|code| !code.is_empty());
    let accepted = match filter.outcome() {
        v1::DecisionOutcome::Unspecified => None,
        v1::DecisionOutcome::Accepted => Some(true),
        v1::DecisionOutcome::Refused => Some(false),
    };
    LogFilter {
        agencies: filter.agencies.iter().filter_map(|text| AgencyId::parse(text)).collect(),
        from: ms(filter.from_ms),
        until: ms(filter.until_ms),
        types: filter.types.iter().filter_map(|number| u8::try_from(*number).ok()).collect(),
        accepted,
        consent: ConsentId::parse(&filter.consent_id),
        certificate: Some(filter.certificate_serial).filter(|serial| !serial.is_empty()),
        purpose: text(filter.purpose),
        category: text(filter.category),
        kind: text(filter.kind),
    }
}

fn records_erased(erased: &v1::RecordsErased) -> Result<UpkeepEvent, String> {
    let ground = match erased.ground() {
        v1::ErasureGround::Participant => ErasureGround::Participant,
        v1::ErasureGround::Retention => ErasureGround::Retention,
        v1::ErasureGround::Unspecified => return Err("unknown ground".to_owned()),
    };
    let range = |range: &v1::RecordRange| RecordRange { first: range.first, count: range.count };
    let ranges = erased.ranges.iter().map(range).collect();
    Ok(UpkeepEvent::RecordsErased { ground, ranges, run: erased.run_number })
}

fn reconciled(event: v1::LogReconciled) -> Result<ReconcileEvent, String> {
    let shown_size = checkpoint_size(&event.shown_checkpoint);
    Ok(ReconcileEvent {
        shown_size: shown_size.ok_or("the checkpoint that was shown is malformed")?,
        shown: event.shown_checkpoint,
        found_size: event.found_size,
        lost: event.lost_records,
        replayed: event.replayed_revocations,
        suspended: event.suspended_consents,
    })
}

/// Number of records that a signed note states; its signature was checked when it was shown.
fn checkpoint_size(note: &[u8]) -> Option<u64> {
    let note = signed_note::Note::from_bytes(note).ok()?;
    Some(tlog_tiles::Checkpoint::from_bytes(note.text()).ok()?.size())
}

fn fixed<const N: usize>(bytes: &Bytes) -> Result<[u8; N], String> {
    bytes.as_ref().try_into().map_err(|_| format!("a field does not have {N} bytes"))
}

fn agency(text: &str) -> Result<AgencyId, String> {
    AgencyId::parse(text).ok_or_else(|| "malformed agency".to_owned())
}

fn address(address: Option<&v1::Address>) -> Result<Address, String> {
    address
        .and_then(|address| Address::parse(&address.agency, &address.function))
        .ok_or_else(|| "malformed address".to_owned())
}

pub(super) fn actor(actor: v1::Actor) -> Result<Actor, String> {
    Ok(Actor {
        agency: agency(&actor.agency)?,
        role: Role::parse(&actor.role).ok_or("unknown role")?,
        person: Some(actor.person.as_str()).filter(|person| !person.is_empty()).map(Into::into),
        serial: actor.certificate_serial.as_ref().into(),
    })
}

/// A signature from the wire; missing parts stay empty and verify nowhere.
#[must_use]
pub(super) fn signature(signature: Option<v1::Signature>) -> Signature {
    let signature = signature.unwrap_or_default();
    Signature { certificate: signature.certificate, value: signature.value }
}

/// A batch signature from the wire; missing parts stay empty and verify nowhere.
#[must_use]
pub(super) fn batch_signature(batch: Option<v1::BatchSignature>) -> BatchSignature {
    let batch = batch.unwrap_or_default();
    BatchSignature {
        signature: signature(batch.signature),
        tree_size: batch.tree_size,
        leaf_index: batch.leaf_index,
        path: batch.path,
    }
}

fn deny_reason(reason: v1::DenyReason) -> Option<DenyReason> {
    match reason {
        v1::DenyReason::Unspecified => None,
        v1::DenyReason::NotInDirectory => Some(DenyReason::NotInDirectory),
        v1::DenyReason::UnknownParticipant => Some(DenyReason::UnknownParticipant),
        v1::DenyReason::NoConsent => Some(DenyReason::NoConsent),
        v1::DenyReason::Superseded => Some(DenyReason::Superseded),
        v1::DenyReason::Expired => Some(DenyReason::Expired),
        v1::DenyReason::NotYet => Some(DenyReason::NotYet),
        v1::DenyReason::Revoked => Some(DenyReason::Revoked),
        v1::DenyReason::Suspended => Some(DenyReason::Suspended),
        v1::DenyReason::Restricted => Some(DenyReason::Restricted),
        v1::DenyReason::NotAllCovered => Some(DenyReason::NotAllCovered),
        v1::DenyReason::ReviewMissed => Some(DenyReason::ReviewMissed),
        v1::DenyReason::SecrecyReleaseMissing => Some(DenyReason::SecrecyReleaseMissing),
        v1::DenyReason::Objected => Some(DenyReason::Objected),
        v1::DenyReason::Ended => Some(DenyReason::Ended),
    }
}
