//! What can be asked about releases, objections, the end of participation and reviews.

use bytes::Bytes;

use crate::domain::consent::ConsentDocument;
use crate::domain::event::{Actor, Signature};
use crate::domain::ids::{ConsentId, RecordNumber, Reference, ReleaseId, TimeMs};
use crate::domain::safeguards::{ObjectionDocument, SafeguardAct, SafeguardState};

/// See [`super::Command::Safeguard`].
#[derive(Debug)]
pub enum SafeguardCommand {
    /// A Lotse does something beside the consents.
    Act {
        /// The Lotse.
        actor: Actor,
        /// What it does.
        act: SafeguardAct,
        /// Document bytes.
        bytes: Bytes,
        /// Its signature.
        signature: Signature,
    },
    /// A Lotse asks what a change would stop.
    Preview {
        /// The Lotse.
        actor: Actor,
        /// The change.
        change: ProposedChange,
    },
    /// A Lotse lists releases and objections of a participant.
    List {
        /// The Lotse.
        actor: Actor,
        /// Its reference.
        reference: Reference,
    },
    /// A Lotse lists what is to be reviewed.
    ListReviews {
        /// The Lotse.
        actor: Actor,
        /// How far ahead.
        within_ms: TimeMs,
    },
}

/// A change that is not made yet.
#[derive(Debug)]
pub enum ProposedChange {
    /// The next revision of a consent.
    Revision(Box<ConsentDocument>),
    /// An objection.
    Objection(Box<ObjectionDocument>),
    /// The revocation of a release.
    ReleaseRevocation(ReleaseId),
    /// The end of a participation.
    ParticipationEnd(Reference),
}

/// What stands beside the consents of a participant.
#[derive(Clone, Debug)]
pub struct SafeguardList {
    /// Releases.
    pub releases: Vec<Safeguard>,
    /// Objections.
    pub objections: Vec<Safeguard>,
    /// When the participation ended.
    pub ended: Option<TimeMs>,
    /// Whether the processing of the participant's data is restricted.
    pub restricted: bool,
}

/// A release or objection in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Safeguard {
    /// Its record: the private section has the document.
    pub record: RecordNumber,
    /// Its state now.
    pub state: SafeguardState,
    /// When it was revoked or withdrawn.
    pub ended: Option<TimeMs>,
}

/// State of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewState {
    /// Due soon.
    Due,
    /// Its time is over, and the grace is not.
    Overdue,
    /// Missed: the consent is suspended.
    Missed,
}

/// A review in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The Lotse's reference of the participant.
    pub reference: Reference,
    /// The consent.
    pub consent: ConsentId,
    /// By when.
    pub review_by: TimeMs,
    /// When the consent is suspended.
    pub suspended_from: Option<TimeMs>,
    /// The state now.
    pub state: ReviewState,
}
