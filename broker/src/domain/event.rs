//! Log events: everything that ever happens, one record each.
//!
//! State is a fold over these. What the record shows, what it keeps private, and how both are
//! encoded is the business of the `record` module.

mod delivery;
mod evaluation;
mod planning;
mod run;
mod safeguard;
mod upload;

use std::sync::Arc;

use bytes::Bytes;
use schleuse_proto::evidence::Digest;
use schleuse_proto::identity::Role;

use super::catalogue::{Categories, Kind, Purpose};
use super::consent::{ConsentDocument, Suspension};
use super::decide::{DenyReason, Permit};
use super::delivery::TakenUpBy;
use super::ids::{
    Address, AgencyId, ConsentId, HoldId, MessageId, ParticipantId, RecordNumber, Reference,
    RegistrationKey, ThreadId, TimeMs,
};
use super::message::{Stage, StopReason};
pub use upload::UploadEvent;

use super::planning::Renewal;
pub use delivery::{BasisEndedEvent, DeliveryEvent};

pub use planning::{CoverageEvent, ParticipationEvent, PlanningEvent, RequestEvent};

pub use run::RunEvent;

pub use safeguard::SafeguardEvent;

pub use evaluation::EvaluationEvent;

/// Who acts, from the verified certificate.
///
/// INVARIANT (identity): only the edge makes it, from the certificate of the connection; no field of
/// a request can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Agency of the certificate.
    pub agency: AgencyId,
    /// Role of the certificate.
    pub role: Role,
    /// Person of the certificate.
    pub person: Option<Arc<str>>,
    /// Serial number of the certificate.
    pub serial: Arc<[u8]>,
}

/// A signature with its certificate, as evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// Certificate, DER.
    pub certificate: Bytes,
    /// Signature, ASN.1 DER.
    pub value: Bytes,
}

/// Signature over a batch of messages with the path of one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchSignature {
    /// Signature over the batch's root.
    pub signature: Signature,
    /// Size of the batch.
    pub tree_size: u64,
    /// Position of this message.
    pub leaf_index: u64,
    /// Inclusion proof.
    pub path: Vec<Bytes>,
}

/// Something that happened, and who caused it; none is the broker itself.
#[derive(Clone, Debug)]
pub struct Event {
    /// Who caused it.
    pub actor: Option<Actor>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// The broker started a new epoch.
    BrokerStarted {
        /// Version of the program.
        version: String,
        /// Version of the catalogue.
        catalogue_version: String,
        /// SHA-256 of the catalogue file.
        catalogue_hash: Digest,
        /// Codes of the purposes that forbid a participant.
        without_participant: Vec<String>,
    },
    /// A participant was registered.
    ParticipantRegistered {
        /// Pseudonym.
        participant: ParticipantId,
        /// Key of the registration.
        key: RegistrationKey,
        /// Reference for the Lotse's agency.
        reference: Reference,
        /// Agency whose DPO supervises the project, and its reference.
        project: (AgencyId, Reference),
    },
    /// A participant got another Lotse.
    LotseAssigned {
        /// Whom it is about.
        participant: ParticipantId,
        /// Person of the new Lotse.
        lotse: String,
    },
    /// An agency got its reference.
    ReferenceAssigned {
        /// Whom it is about.
        participant: ParticipantId,
        /// Which agency.
        agency: AgencyId,
        /// By which it addresses the participant.
        reference: Reference,
    },
    /// A directory entry was published.
    DirectoryPublished(DirectoryEvent),
    /// A consent was recorded or revised.
    ConsentRecorded(Box<ConsentEvent>),
    /// A consent was revoked.
    ConsentRevoked(RevocationEvent),
    /// A message was accepted or refused.
    MessageDecided(Box<DecisionEvent>),
    /// A message was handed out.
    HandedOut(Box<HandOutEvent>),
    /// A recipient reported a stage.
    StageReported {
        /// The message.
        message: RecordNumber,
        /// Whom it is about.
        participant: ParticipantId,
        /// The stage.
        stage: Stage,
        /// Who took it up; of other stages the default.
        by: TakenUpBy,
        /// Agency that sent it.
        sender: AgencyId,
        /// Agency that received it.
        recipient: AgencyId,
    },
    /// A waiting message was stopped.
    MessageStopped {
        /// The message.
        message: RecordNumber,
        /// Whom it is about.
        participant: ParticipantId,
        /// Why.
        reason: StopReason,
        /// What the decision said.
        deny: Option<DenyReason>,
        /// Agency that sent it.
        sender: AgencyId,
        /// Agency that would have received it.
        recipient: AgencyId,
    },
    /// Somebody queried the log.
    LogQueried(LogQueryEvent),
    /// A call was refused because of the caller's role.
    CallRefused {
        /// Path of the call.
        method: String,
    },
    /// Something about rights of participants or lost records.
    Upkeep(UpkeepEvent),
    /// Something about an upload.
    Upload(UploadEvent),
    /// Something about the reliability of messages, or about duties to delete.
    Delivery(DeliveryEvent),
    /// Something about planning.
    Planning(PlanningEvent),
    /// A release, an objection, or the end of a participation.
    Safeguard(Box<SafeguardEvent>),
    /// Something for the evaluation.
    Evaluation(EvaluationEvent),
    /// What becomes of a run.
    Run(RunEvent),
}

/// What happens to the log itself and to what it holds about participants: restriction, suspension, erasure,
/// holds, and what follows from lost records.
#[derive(Clone, Debug)]
pub enum UpkeepEvent {
    /// The erasure of a participant began.
    ErasureBegun {
        /// Whose.
        participant: ParticipantId,
        /// The run that was approved.
        run: RecordNumber,
    },
    /// Contents of records were erased.
    RecordsErased {
        /// Why.
        ground: ErasureGround,
        /// Which, ascending.
        ranges: Vec<RecordRange>,
        /// The run that was approved.
        run: RecordNumber,
    },
    /// The processing of a participant's data was restricted, or the restriction ended.
    ParticipantRestricted {
        /// Whose.
        participant: ParticipantId,
        /// Whether it is restricted from now on.
        restricted: bool,
    },
    /// Erasure was put on hold.
    HoldPlaced {
        /// The hold.
        hold: HoldId,
        /// Why.
        reason: String,
        /// For whom; none: for all.
        participant: Option<ParticipantId>,
    },
    /// A hold ended.
    HoldReleased {
        /// The hold.
        hold: HoldId,
        /// For whom it was.
        participant: Option<ParticipantId>,
    },
    /// A consent was suspended.
    ConsentSuspended {
        /// Whom it is about.
        participant: ParticipantId,
        /// Which consent.
        consent: ConsentId,
        /// Its revision.
        revision: u32,
        /// Why.
        reason: Suspension,
    },
    /// The Lotse confirmed a consent.
    ConsentConfirmed {
        /// Whom it is about.
        participant: ParticipantId,
        /// Which consent.
        consent: ConsentId,
        /// Its revision.
        revision: u32,
        /// Document bytes.
        document: Bytes,
        /// Signature of the Lotse.
        signature: Signature,
        /// When the next review is due; none: as before.
        next_review_by: Option<TimeMs>,
    },
    /// Stands for a record that was lost.
    RecordLost,
    /// A log that had lost records was reconciled.
    LogReconciled(ReconcileEvent),
}

/// Why records are erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureGround {
    /// A participant is erased. Source: GDPR Art. 17.
    Participant,
    /// The retention period ended.
    Retention,
}

/// Consecutive records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRange {
    /// Number of the first.
    pub first: RecordNumber,
    /// How many.
    pub count: u64,
}

impl RecordRange {
    /// Ranges of ascending numbers.
    #[must_use]
    pub fn of(numbers: &[RecordNumber]) -> Vec<Self> {
        let mut ranges: Vec<Self> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some(last) if last.first + last.count == *number => last.count += 1,
                _ => ranges.push(Self { first: *number, count: 1 }),
            }
        }
        ranges
    }

    /// Number behind the last.
    #[must_use]
    pub fn end(&self) -> RecordNumber {
        self.first.saturating_add(self.count)
    }

    /// Whether one of ascending ranges contains a number.
    #[must_use]
    pub fn any_contains(ranges: &[Self], number: RecordNumber) -> bool {
        let after = ranges.partition_point(|range| range.first <= number);
        let range = after.checked_sub(1).and_then(|at| ranges.get(at));
        range.is_some_and(|range| number < range.end())
    }
}

/// See [`UpkeepEvent::LogReconciled`].
#[derive(Clone, Debug)]
pub struct ReconcileEvent {
    /// Newest checkpoint that was shown, a signed note.
    pub shown: Bytes,
    /// Number of records that it states.
    pub shown_size: u64,
    /// Records that were found.
    pub found_size: u64,
    /// Records that stand for lost ones.
    pub lost: u64,
    /// Revocations that were replayed.
    pub replayed: u32,
    /// Consents that were suspended.
    pub suspended: u32,
}

/// See [`EventKind::DirectoryPublished`].
#[derive(Clone, Debug)]
pub struct DirectoryEvent {
    /// The agency.
    pub agency: AgencyId,
    /// Revision of the entry.
    pub revision: u32,
    /// Functions of the agency.
    pub functions: Vec<Address>,
    /// When it is to be confirmed again.
    pub renewal: Renewal,
    /// Document bytes.
    pub document: Bytes,
    /// Signature over it.
    pub signature: Signature,
}

/// See [`EventKind::ConsentRecorded`].
#[derive(Clone, Debug)]
pub struct ConsentEvent {
    /// Whom it is about.
    pub participant: ParticipantId,
    /// The parsed document.
    pub document: ConsentDocument,
    /// Its bytes.
    pub bytes: Bytes,
    /// Signature of the Lotse.
    pub signature: Signature,
}

/// See [`EventKind::ConsentRevoked`].
#[derive(Clone, Debug)]
pub struct RevocationEvent {
    /// Whom it is about.
    pub participant: ParticipantId,
    /// Which consent.
    pub consent: ConsentId,
    /// Revision in force.
    pub revision: u32,
    /// Document bytes.
    pub document: Bytes,
    /// Signature of the Lotse.
    pub signature: Signature,
    /// Agencies that the consent named, sorted.
    pub agencies: Vec<AgencyId>,
}

/// The label of a message, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Identifier and idempotency key.
    pub message_id: MessageId,
    /// Commitment to the sender's reference; none only for purposes without participant.
    pub participant_commitment: Option<Digest>,
    /// Kind.
    pub kind: Kind,
    /// Purpose.
    pub purpose: Purpose,
    /// Categories; empty only for purposes without participant.
    pub categories: Categories,
    /// Sender.
    pub sender: Address,
    /// Recipient.
    pub recipient: Address,
    /// Thread that it belongs to.
    pub thread_id: ThreadId,
    /// When it was made.
    pub created_at: TimeMs,
    /// First instant at which it is not handed out.
    pub expires_at: TimeMs,
    /// Of a part of an upload: its main message.
    pub part_of: Option<MessageId>,
    /// Whether the content is named as a professional secret.
    pub professional_secret: bool,
}

/// A message on its way in, parsed; signature and digests are checked.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The sender's reference; none only for purposes without participant.
    pub reference: Option<Reference>,
    /// Opens the label's commitment.
    pub nonce: [u8; 16],
    /// The label.
    pub label: Label,
    /// The label's bytes.
    pub label_bytes: Bytes,
    /// Encapsulated key, then ciphertext; empty when replayed.
    pub payload: Bytes,
    /// Length of the payload.
    pub payload_bytes: u32,
    /// Whether the journal has the payload: not of refused messages, and not once it is destroyed.
    pub has_payload: bool,
    /// Length of the encapsulated key.
    pub encapsulated_key_bytes: u32,
    /// SHA-256 of the payload.
    pub payload_digest: Digest,
    /// Signature of the sender.
    pub signature: BatchSignature,
    /// Half of SHA-256(label, payload digest): tells a repetition from a conflict.
    pub fingerprint: [u8; 16],
}

/// See [`EventKind::MessageDecided`].
#[derive(Clone, Debug)]
pub struct DecisionEvent {
    /// Whom it is about, if the reference means somebody.
    pub participant: Option<ParticipantId>,
    /// The message; of a refused one the payload is dropped.
    pub submission: Submission,
    /// The decision.
    pub decision: Decision,
}

/// What was decided, as the log keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may pass, on this.
    Accepted(Basis),
    /// Not covered.
    Refused(DenyReason),
}

/// What a message passed on. A fact of the past, not a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A grant that covered it.
    Consent(GrantRef),
    /// It was about nobody, see [`super::without_participant`].
    WithoutParticipant,
}

impl Basis {
    /// The grant, if there was one.
    #[must_use]
    pub fn grant(&self) -> Option<&GrantRef> {
        match self {
            Self::Consent(grant) => Some(grant),
            Self::WithoutParticipant => None,
        }
    }
}

/// Names the grant that covered a message. A fact of the past, not a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantRef {
    /// The consent.
    pub consent: ConsentId,
    /// Its revision.
    pub revision: u32,
    /// Index of the grant.
    pub grant_index: u32,
    /// SHA-256 of the revision's document.
    pub document_hash: Digest,
    /// SHA-256 of the release that covers a professional secret.
    pub release: Option<Digest>,
}

impl From<&Permit> for GrantRef {
    fn from(permit: &Permit) -> Self {
        Self {
            consent: permit.consent(),
            revision: permit.revision(),
            grant_index: permit.grant_index(),
            document_hash: permit.document_hash(),
            release: permit.release(),
        }
    }
}

/// See [`EventKind::HandedOut`].
#[derive(Clone, Debug)]
pub struct HandOutEvent {
    /// The message.
    pub message: RecordNumber,
    /// Whom it is about.
    pub participant: ParticipantId,
    /// 1 for the first time.
    pub attempt: u32,
    /// What it passes on.
    pub grant: Basis,
    /// Sender.
    pub sender: Address,
    /// Recipient.
    pub recipient: Address,
    /// Purpose.
    pub purpose: Purpose,
    /// Kind.
    pub kind: Kind,
    /// Categories.
    pub categories: Categories,
    /// Whether the content is named as a professional secret.
    pub professional_secret: bool,
}

/// See [`EventKind::LogQueried`].
#[derive(Clone, Debug, Default)]
pub struct LogQueryEvent {
    /// Stated reason.
    pub reason: String,
    /// Whom it is about.
    pub participant: Option<ParticipantId>,
    /// Whether a reference was given, whether or not it means somebody.
    pub by_participant: bool,
    /// What was asked for.
    pub filter: LogFilter,
}

/// Filter of a log query. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// All of these agencies took part.
    pub agencies: Vec<AgencyId>,
    /// From this instant on.
    pub from: Option<TimeMs>,
    /// Before this instant.
    pub until: Option<TimeMs>,
    /// Of these types, numbers of `RecordType`; empty: all.
    pub types: Vec<u8>,
    /// Of this purpose, a code.
    pub purpose: Option<String>,
    /// With this category, a code.
    pub category: Option<String>,
    /// Of this kind, a code.
    pub kind: Option<String>,
    /// Decisions that accepted, or that refused.
    pub accepted: Option<bool>,
    /// About or under this consent.
    pub consent: Option<ConsentId>,
    /// Caused with the certificate of this serial number.
    pub certificate: Option<Bytes>,
}
