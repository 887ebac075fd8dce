//! What the model is asked and what it answers: the terms of its questions, and the entries of its log.

use super::rights::Ground;

/// The person, of an agency, who records, changes and revokes consents on a participant's behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lotse {
    pub agency: String,
    pub person: String,
}

/// Where a message comes from or goes to: a function of an agency, never a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub agency: String,
    pub function: String,
}

/// One permission: any of these agencies may send to this one address, for this one purpose, any of these categories
/// of data, from the instant `not_before` until just before the instant `not_after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub senders: Vec<String>,
    pub recipient: Address,
    pub purpose: String,
    pub categories: Vec<String>,
    pub not_before: u64,
    pub not_after: u64,
}

/// One revision of a participant's consent as the Lotse signed it. The id stays the same in all revisions; the first
/// is 1 and has no previous one. Categories about health need evidence. Equal fields mean the same document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentDocument {
    pub id: String,
    pub participant: usize,
    pub revision: u64,
    pub previous: Option<Box<ConsentDocument>>,
    pub grants: Vec<Grant>,
    pub has_evidence: bool,
    pub signed_at: u64,
    pub review_by: u64,
}

/// One message as an agency submits it. The sending agency and the message id together name it for good; `content`
/// stands for everything signed, so that equal strings mean the same content. No participant means that the sender's
/// reference means nobody. From `expires_at` on, the message may not be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub message_id: String,
    pub content: String,
    pub participant: Option<usize>,
    pub sender: Address,
    pub recipient: Address,
    pub purpose: String,
    pub categories: Vec<String>,
    pub professional_secret: bool,
    pub created_at: u64,
    pub expires_at: u64,
}

/// Why no consent covers a message, from the least to the most telling reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The message is about nobody, and sender or recipient is not in the directory.
    NotInDirectory,
    /// The sender's reference means nobody.
    UnknownParticipant,
    /// No grant names these parties, this purpose and these categories.
    NoConsent,
    /// The immediately preceding revision of a consent has such a grant.
    Superseded,
    /// Such a grant has ended.
    Expired,
    /// Such a grant has not begun.
    NotYet,
    /// Such a grant is part of a revoked consent.
    Revoked,
    /// Such a grant, which holds now, is part of a suspended consent.
    Suspended,
    /// Such a grant, which holds now, is part of a consent whose review was missed.
    ReviewMissed,
    /// The message is covered, but its participant is restricted.
    Restricted,
    /// No release covers a professional secret for which there is such a grant.
    SecrecyReleaseMissing,
    /// The participant objects.
    Objected,
    /// The participation has ended.
    Ended,
    /// The message is covered, but another one of a call that must be accepted as a whole is not.
    NotAllCovered,
}

impl Reason {
    /// Whether this can end without a new consent: then a message that was accepted goes on waiting.
    pub(super) fn may_end(self) -> bool {
        matches!(self, Self::Suspended | Self::ReviewMissed | Self::Restricted)
    }
}

/// Why an accepted message will not be handed out any more: its own time is over, no consent covers it now, or its
/// participant is erased, or its sender recalled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    Expired,
    ConsentEnded,
    Erased,
    Recalled,
}

/// What a recipient reports about a message: it could be opened, or it was taken over and is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Decrypted,
    Acknowledged,
}

/// Who holds a message that was handed out: a stream until it is released, or a single fetch until an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Stream(u64),
    Until(u64),
}

/// The covering grant: consent, revision, index of the grant within that revision; and of a professional secret the
/// release.
pub type GrantRef = (String, u64, usize, Option<String>);

/// One message as handed out: its number, 1 for the first time and one more each time, the grant that covered it then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOut {
    pub message: usize,
    pub attempt: u64,
    pub grant: GrantRef,
}

/// One record of the log, named after the call or event it records. Participants and messages are given by their
/// numbers, consents by their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Registered { participant: usize },
    ReferenceAssigned { participant: usize, agency: String },
    LotseAssigned { participant: usize, person: String },
    ConsentRecorded { consent: String, revision: u64 },
    ConsentRevoked { consent: String },
    Decided { message_id: String, accepted: bool, reason: Option<Reason>, grant: Option<GrantRef> },
    HandedOut { message: usize, attempt: u64, grant: GrantRef },
    Stage { message: usize, stage: Stage },
    Stopped { message: usize, reason: StopReason, deny: Option<Reason> },
    Queried,
    Restricted { participant: usize, restricted: bool },
    ConsentSuspended { consent: String, revision: u64, missed: bool },
    ConsentConfirmed { consent: String, revision: u64 },
    HoldPlaced { hold: String },
    HoldReleased { hold: String },
    RunProposed { participant: Option<usize> },
    RunApproved { run: usize, proposed_by: String },
    RunWithdrawn { run: usize },
    ErasureBegun { participant: usize, run: usize },
    RecordsErased { ground: Ground, records: Vec<usize>, run: usize },
    ReleaseRecorded { release: String },
    ReleaseRevoked { release: String },
    ObjectionRecorded { objection: String },
    ObjectionWithdrawn { objection: String },
    ParticipationEnded { participant: usize },
    DirectoryPublished { agency: String },
    RecordLost,
    DeadLettered { message: usize, reason: String },
    MailboxRead { recipient: Address },
    BasisEnded { consent: String, recipient: Address, messages: Vec<usize> },
    DeletionConfirmed { duty: usize, answer: String },
    Asked { covered: bool, reason: Option<Reason>, grant: Option<GrantRef> },
    ConsentRequested,
    TaskClosed { task: usize, result: String },
    Participation { participant: usize, phase: String },
    Reconciled { found: usize, shown: usize, lost: usize, replayed: usize, suspended: usize },
}

/// Why a call changed nothing (a refused message is no error but an entry). `Forbidden`: the caller is not the Lotse,
/// not the sender, or not the officer of the project. `Invalid`: the document or message breaks a rule. `Conflict`: it
/// contradicts what is recorded. `Ended`: the participation has ended. `OnHold`: nothing may be erased now. `Nameless`: only a
/// person may do it. `SamePerson`: the caller proposed it. `AlreadyOpen`: the same is proposed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    Forbidden,
    NotFound,
    Invalid,
    Conflict,
    Ended,
    QueueFull,
    OnHold,
    Nameless,
    SamePerson,
    AlreadyOpen,
}
