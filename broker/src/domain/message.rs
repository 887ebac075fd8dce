//! The life of a message: accepted, handed out, decrypted, acknowledged; or stopped.
//!
//! Only what waits or is out without acknowledgement lives here; the log keeps the rest.

use super::catalogue::{Categories, Kind, Purpose};
use super::decide::Question;
use super::ids::{RecordNumber, TimeMs};
use super::names::{AddressIx, AgencyIx};
use super::state::ParticipantIx;
use super::without_participant::Passage;

/// Who holds a handed-out message until it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hold {
    /// A receive stream; the message waits again when the stream ends.
    Stream(u64),
    /// A fetch; the message waits again at this instant.
    Until(TimeMs),
    /// Nobody: the consent is suspended or the processing restricted. The message waits again when that
    /// ends, or when the decision may change by time.
    Blocked(TimeMs),
    /// Nobody: it is a part of an upload whose main message has not come, accepted at this instant.
    Part(TimeMs),
}

/// A message that is not finished.
#[derive(Clone, Debug)]
pub struct Message {
    pub(super) participant: ParticipantIx,
    pub(super) sender: AddressIx,
    pub(super) sender_agency: AgencyIx,
    pub(super) recipient: AddressIx,
    pub(super) recipient_agency: AgencyIx,
    pub(super) purpose: Purpose,
    pub(super) kind: Kind,
    pub(super) categories: Categories,
    pub(super) professional_secret: bool,
    pub(super) accepted_at: TimeMs,
    pub(super) expires_at: TimeMs,
    pub(super) payload_bytes: u32,
    pub(super) attempt: u32,
    pub(super) hold: Option<Hold>,
    pub(super) decrypted: Option<RecordNumber>,
    pub(super) has_payload: bool,
}

impl Message {
    pub(super) fn question(&self) -> Question {
        Question {
            sender: Some(self.sender_agency),
            sender_address: Some(self.sender),
            recipient: Some(self.recipient),
            recipient_agency: Some(self.recipient_agency),
            purpose: self.purpose,
            categories: self.categories,
            professional_secret: self.professional_secret,
        }
    }
}

/// How far a recipient got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Opened and verified.
    Decrypted,
    /// Taken over.
    Acknowledged,
}

/// Why a waiting message was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// No consent covers it any more.
    ConsentEnded,
    /// It expired.
    Expired,
    /// The participant's data is erased.
    Erased,
    /// It is a part of an upload whose main message did not come, was refused or stopped, or that its sender
    /// gave up.
    UploadEnded,
    /// Its sender recalled it.
    Recalled,
}

/// Permission to hand out one message once: the decision of that instant, bound to the message and
/// to the record that logs it. Only the core makes it; it opens a payload only when the journal has
/// made it durable, see `journal::Durable`.
#[derive(Debug)]
pub struct HandOutPermit {
    pub(super) message: RecordNumber,
    pub(super) record: RecordNumber,
    pub(super) attempt: u32,
    pub(super) permit: Passage,
    pub(super) participant: ParticipantIx,
    pub(super) accepted_at: TimeMs,
    pub(super) handed_out_at: TimeMs,
    pub(super) reference: Option<super::ids::Reference>,
    pub(super) payload_bytes: u32,
}

impl HandOutPermit {
    /// Record number of the message's acceptance.
    #[must_use]
    pub fn message(&self) -> RecordNumber {
        self.message
    }

    /// Record that logs this hand-out.
    #[must_use]
    pub fn record(&self) -> RecordNumber {
        self.record
    }

    /// 1 for the first hand-out.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The decision.
    #[must_use]
    pub fn permit(&self) -> &Passage {
        &self.permit
    }

    /// Whom it is about, to find what is in flight when a consent is revoked.
    #[must_use]
    pub fn participant(&self) -> ParticipantIx {
        self.participant
    }

    /// When the message was accepted.
    #[must_use]
    pub fn accepted_at(&self) -> TimeMs {
        self.accepted_at
    }

    /// The instant of the decision.
    #[must_use]
    pub fn handed_out_at(&self) -> TimeMs {
        self.handed_out_at
    }

    /// The recipient's own reference of the participant.
    #[must_use]
    pub fn reference(&self) -> Option<super::ids::Reference> {
        self.reference
    }

    /// Size of the payload.
    #[must_use]
    pub fn payload_bytes(&self) -> u32 {
        self.payload_bytes
    }
}
