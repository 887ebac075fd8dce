//! What can be asked of the core, and what it answers.

mod delivery;
mod evaluation;
mod planning;
mod run;
mod safeguard;
mod upload;

use std::collections::BTreeSet;

use bytes::Bytes;
use schleuse_proto::evidence::Digest;

use super::consent::{ConsentDocument, ConsentState};
use super::delivery::TakenUpBy;
use super::event::{Actor, ErasureGround, LogQueryEvent, Signature, Submission};
use super::ids::{
    Address, AgencyId, ConsentId, HoldId, ParticipantId, RecordNumber, Reference, RegistrationKey,
    TimeMs,
};
use super::message::{HandOutPermit, Hold, Stage};
use super::planning::Renewal;
use super::refusal::Refusal;
use super::runs::Run;
use super::state::{Erasing, ErasureHold, ParticipantIx};
pub use upload::{KnownDecisions, UploadCommand};

pub use delivery::{DeliveryCommand, DeliveryOutcome};

pub use planning::{
    ListedParticipation, PlacesCount, PlanningCommand, PlanningOutcome, TASKS_LISTED_MAX, Task,
    TaskKind,
};

pub use run::RunCommand;

pub use safeguard::{
    ProposedChange, Review, ReviewState, Safeguard, SafeguardCommand, SafeguardList,
};

pub use evaluation::{EvaluationCommand, EvaluationOutcome};

/// A request to the core. Signatures are verified and codes parsed before it is made.
#[derive(Debug)]
pub enum Command {
    /// The broker has started.
    Start,
    /// Time has passed: expire, release, forget.
    Tick,
    /// A Lotse registers a participant.
    RegisterParticipant {
        /// The Lotse.
        actor: Actor,
        /// Repeats of it have one effect.
        key: RegistrationKey,
        /// Randomness for pseudonym and references.
        entropy: [[u8; 16]; 3],
    },
    /// A Lotse hands a participant over.
    AssignLotse {
        /// The Lotse so far.
        actor: Actor,
        /// Its reference.
        reference: Reference,
        /// Person of the new Lotse.
        lotse: String,
    },
    /// A Lotse asks for an agency's reference.
    AssignReference {
        /// The Lotse.
        actor: Actor,
        /// Its reference.
        reference: Reference,
        /// For whom.
        agency: AgencyId,
        /// Randomness for the new reference.
        entropy: [u8; 16],
    },
    /// A Lotse lists its participants.
    ListParticipants {
        /// The Lotse.
        actor: Actor,
    },
    /// A system publishes its agency's entry.
    PublishDirectory {
        /// The system.
        actor: Actor,
        /// Revision of the entry.
        revision: u32,
        /// Functions.
        functions: Vec<Address>,
        /// When it is to be confirmed again.
        renewal: Renewal,
        /// Document bytes.
        document: Bytes,
        /// Its signature.
        signature: Signature,
    },
    /// Anybody reads the directory: all of it, or one agency.
    ReadDirectory {
        /// One agency, or all.
        agency: Option<AgencyId>,
    },
    /// A Lotse records or revises a consent.
    RecordConsent {
        /// The Lotse.
        actor: Actor,
        /// Whether it must be a later revision.
        revise: bool,
        /// The document.
        document: Box<ConsentDocument>,
        /// Its bytes.
        bytes: Bytes,
        /// Its signature.
        signature: Signature,
    },
    /// A Lotse asks what a revocation would stop.
    PreviewRevocation {
        /// The Lotse.
        actor: Actor,
        /// Which consent.
        consent: ConsentId,
    },
    /// A Lotse revokes a consent.
    RevokeConsent {
        /// The Lotse.
        actor: Actor,
        /// Which consent.
        consent: ConsentId,
        /// Hash of its newest revision.
        revision_hash: Digest,
        /// Document bytes.
        document: Bytes,
        /// Its signature.
        signature: Signature,
    },
    /// A Lotse lists the consents of a participant.
    ListConsents {
        /// The Lotse.
        actor: Actor,
        /// Its reference.
        reference: Reference,
    },
    /// Somebody submits messages.
    Submit {
        /// The sender.
        actor: Actor,
        /// The messages.
        messages: Vec<Submission>,
        /// All or none.
        require_all: bool,
    },
    /// Somebody submits a stream of messages: each is refused or decided by itself.
    SubmitEach {
        /// The sender.
        actor: Actor,
        /// The messages.
        messages: Vec<Submission>,
    },
    /// Hands out what waits.
    HandOut {
        /// For whom; addresses of the actor's agency.
        recipients: Vec<Address>,
        /// Who will hold it.
        hold: Hold,
        /// At most that many.
        messages_max: usize,
        /// At most that many bytes, but at least one message.
        bytes_max: u64,
        /// The receiving peer.
        actor: Actor,
    },
    /// A receive stream ended: what it held waits again.
    Release {
        /// The stream.
        stream: u64,
    },
    /// A recipient reports a stage.
    Report {
        /// The recipient.
        actor: Actor,
        /// Messages by acceptance record.
        messages: Vec<RecordNumber>,
        /// The stage.
        stage: Stage,
        /// Who took them up, if that is the stage.
        by: TakenUpBy,
    },
    /// Somebody queries the log.
    QueryLog {
        /// Who.
        actor: Actor,
        /// By the caller's reference, if about one participant.
        reference: Option<Reference>,
        /// What.
        query: LogQueryEvent,
    },
    /// References of participants for one agency, to show rows of a permitted query.
    ReadReferences {
        /// Whose references.
        agency: AgencyId,
        /// Of whom.
        participants: Vec<ParticipantId>,
    },
    /// A call was refused because of its caller's role.
    RefusedCall {
        /// Who.
        actor: Actor,
        /// Path of the call.
        method: String,
    },
    /// A Lotse confirms that a consent still holds.
    ConfirmConsent {
        /// The Lotse.
        actor: Actor,
        /// Which consent.
        consent: ConsentId,
        /// Hash of its newest revision.
        revision_hash: Digest,
        /// Document bytes.
        document: Bytes,
        /// Its signature.
        signature: Signature,
        /// When it was signed.
        signed_at: TimeMs,
        /// When the next review is due; none: as late as allowed.
        next_review_by: Option<TimeMs>,
    },
    /// A Lotse or the officer of the project restricts processing, or ends the restriction.
    Restrict {
        /// Who.
        actor: Actor,
        /// The caller's reference.
        reference: Reference,
        /// Whether it is restricted from now on.
        restricted: bool,
    },
    /// The officer of the project puts erasure on hold.
    PlaceHold {
        /// Who.
        actor: Actor,
        /// The new hold.
        hold: HoldId,
        /// Why.
        reason: String,
        /// For whom; none: for all.
        reference: Option<Reference>,
    },
    /// The officer of the project ends a hold.
    ReleaseHold {
        /// Who.
        actor: Actor,
        /// The hold.
        hold: HoldId,
    },
    /// The officer of the project lists the holds.
    ListHolds {
        /// Who.
        actor: Actor,
    },
    /// About runs: what is erased on the word of two persons.
    Run(RunCommand),
    /// The erasure of a participant begins whom a run of the retention found, if it is still outdated.
    EraseOutdated {
        /// Who.
        actor: Actor,
        /// The run.
        run: RecordNumber,
        /// Of whom.
        participant: ParticipantId,
        /// Its last change was before this instant.
        before: TimeMs,
    },
    /// Contents of records are erased as soon as this is durable.
    EraseRecords {
        /// Who; none: the broker resumes what was begun before it was stopped.
        actor: Option<Actor>,
        /// Why.
        ground: ErasureGround,
        /// The run that was approved.
        run: RecordNumber,
        /// Which, ascending, at most [`ERASED_TOGETHER_MAX`], and about whom they are.
        records: Vec<(RecordNumber, Option<ParticipantId>)>,
    },
    /// Asks which erasures have begun and are not finished.
    ReadErasures,
    /// Records that stand for lost ones, until the log has `size` records. Only while the broker is stopped.
    FillLost {
        /// Wanted size of the log.
        size: u64,
        /// At most that many now.
        most: u64,
    },
    /// A log that had lost records is reconciled. Only while the broker is stopped.
    Reconcile(Box<Reconciliation>),
    /// Something about an upload.
    Upload(UploadCommand),
    /// Something about the reliability of messages, or about duties to delete.
    Delivery(DeliveryCommand),
    /// Something about planning.
    Planning(PlanningCommand),
    /// About releases, objections, the end of a participation, or reviews.
    Safeguard(Box<SafeguardCommand>),
    /// The evaluation asks.
    Evaluation(EvaluationCommand),
}

/// Most records of one [`Command::EraseRecords`].
pub const ERASED_TOGETHER_MAX: usize = 1000;

/// What a run is about, as the caller says it.
#[derive(Clone, Copy, Debug)]
pub enum ErasureOf {
    /// A participant, by the caller's reference.
    Reference(Reference),
    /// What is outdated: participants whose last change was before this instant; none: no participants.
    Retention(Option<TimeMs>),
}

/// What an operator brings to reconcile a log that had lost records.
#[derive(Debug)]
pub struct Reconciliation {
    /// Records that were found, before any stood for lost ones.
    pub found_size: u64,
    /// The newest checkpoint that was shown, a signed note.
    pub shown: Bytes,
    /// Records that it states.
    pub shown_size: u64,
    /// Revocations that clients kept; their signatures are checked.
    pub revocations: Vec<KeptRevocation>,
    /// Identifier of the hold on erasure that is placed: restrictions, holds and erasures may be among what
    /// was lost.
    pub hold: HoldId,
}

/// A revocation that a client kept.
#[derive(Debug)]
pub struct KeptRevocation {
    /// The consent.
    pub consent: ConsentId,
    /// Agency of the Lotse that signed.
    pub agency: AgencyId,
    /// Document bytes.
    pub document: Bytes,
    /// Signature of the Lotse.
    pub signature: Signature,
}

/// What the core answers. All record numbers in it become durable with the same group.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing to say.
    Done,
    /// One record was written, or had been for the same command before.
    Recorded(RecordNumber),
    /// A sender gave an upload up, now or before.
    UploadDiscarded {
        /// The record.
        record: RecordNumber,
        /// Parts that were unfinished, and whom they are about: hand-outs of them may be in flight.
        parts: Vec<(ParticipantIx, RecordNumber)>,
    },
    /// A participant is registered.
    Registered {
        /// The Lotse's reference.
        reference: Reference,
        /// The record.
        record: RecordNumber,
    },
    /// A reference is assigned.
    Assigned {
        /// The agency's reference.
        reference: Reference,
        /// The record.
        record: RecordNumber,
    },
    /// The Lotse's participants.
    Participants(Vec<Reference>),
    /// Records of directory entries.
    Directory(Vec<RecordNumber>),
    /// A consent was revised or revoked.
    ConsentChanged {
        /// The record.
        record: RecordNumber,
        /// Messages that were stopped.
        stopped: u32,
        /// Whose consent: hand-outs in flight about them must end before the answer.
        participant: ParticipantIx,
    },
    /// What a revocation would stop.
    Preview {
        /// Rows.
        effects: Vec<RevocationEffect>,
        /// Hash of the newest revision.
        revision_hash: Digest,
    },
    /// Consents of a participant.
    Consents(Vec<ConsentSummary>),
    /// One decision for each message.
    Decisions(Vec<SubmitDecision>),
    /// One decision or refusal for each message of a stream.
    EachDecided(Vec<Result<SubmitDecision, Refusal>>),
    /// What was decided on messages before.
    KnownDecisions(KnownDecisions),
    /// Permits to hand out.
    HandOuts(Vec<HandOutPermit>),
    /// One record for each message.
    Reported(Vec<RecordNumber>),
    /// The query is logged.
    QueryLogged {
        /// Its record.
        record: RecordNumber,
        /// The participant asked about; none inside: the reference means nobody.
        participant: Option<Option<ParticipantId>>,
    },
    /// References in the order asked for.
    References(Vec<Option<Reference>>),
    /// Processing was restricted, or the restriction ended.
    Restricted {
        /// The record.
        record: RecordNumber,
        /// Whose: hand-outs in flight about them must end before the answer.
        participant: ParticipantIx,
    },
    /// Holds, with the caller's reference of the participant.
    Holds(Vec<(ErasureHold, Option<Reference>)>),
    /// What a run would take, or will take: it was asked, proposed or, of the retention, approved.
    ErasurePlanned {
        /// The record of that.
        record: RecordNumber,
        /// Participants that would be erased.
        participants: Vec<ParticipantId>,
        /// Participants about whom nothing is erased.
        held: BTreeSet<ParticipantId>,
        /// Waiting messages that would be stopped.
        waiting: u32,
    },
    /// The erasure of a participant has begun: nothing about it passes any more.
    ErasureBegun {
        /// Record of the beginning, the last one that is about the participant.
        record: RecordNumber,
        /// The run that was approved.
        run: RecordNumber,
        /// Whose.
        participant: ParticipantId,
        /// Number of the participant: hand-outs in flight about them must end.
        participant_ix: ParticipantIx,
        /// Messages that were stopped.
        stopped: u32,
    },
    /// Contents may be erased as soon as this is durable.
    RecordsErased {
        /// The record; none if nothing was left that may be erased.
        record: Option<RecordNumber>,
        /// Which: of those asked for, the ones that nothing holds.
        numbers: Vec<RecordNumber>,
    },
    /// Erasures that have begun and are not finished.
    Erasures(Vec<Erasing>),
    /// Open runs, with the caller's reference of the participant.
    Runs(Vec<(Run, Option<Reference>)>),
    /// Releases and objections of a participant.
    Safeguards(SafeguardList),
    /// What a change would stop.
    ChangePreview {
        /// Rows.
        effects: Vec<RevocationEffect>,
        /// Waiting messages that would be stopped.
        stopped: u32,
        /// There were too many grants to compare them all.
        truncated: bool,
    },
    /// Reviews that are due, most urgent first.
    Reviews(Vec<Review>),
    /// What the evaluation is answered.
    Evaluation(EvaluationOutcome),
    /// A log was reconciled.
    Reconciled {
        /// Revocations that were replayed.
        replayed: u32,
        /// Consents that were suspended.
        suspended: u32,
    },
    /// What became of messages, or of duties to delete.
    Delivery(DeliveryOutcome),
    /// What planning answers.
    Planning(PlanningOutcome),
}

/// What became of one submitted message. Two values only: uniform-refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubmitDecision {
    /// Whether it was accepted.
    pub accepted: bool,
    /// Its record.
    pub record: RecordNumber,
}

/// One row of a preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationEffect {
    /// Agency that may send no more.
    pub sender: AgencyId,
    /// Who receives no more.
    pub recipient: Address,
    /// Purpose code.
    pub purpose: String,
    /// Waiting messages that would be stopped.
    pub queued_messages: u32,
    /// Whether another consent covers some of it.
    pub partly_covered_otherwise: bool,
}

/// One consent in a list.
#[derive(Clone, Debug)]
pub struct ConsentSummary {
    /// Record of the newest revision: its private section has the document.
    pub record: RecordNumber,
    /// State now.
    pub state: ConsentState,
    /// When it was revoked.
    pub revoked_at: Option<TimeMs>,
    /// Whether the processing of the participant's data is restricted.
    pub restricted: bool,
    /// When it is to be reviewed next.
    pub review_by: TimeMs,
    /// Whether it is suspended because its review was missed.
    pub review_missed: bool,
}
