//! What becomes of messages, in the words of their senders and recipients: how far a message got, how it
//! ended, what each agency is told about it, who reads its mailbox, and what has to be deleted.
//!
//! Two rules shape these types. A sender learns of everything that is about consents, restrictions, erasure or
//! the end of a participation one single code, [`MessageEnd::NotDelivered`]. A recipient learns that the basis
//! of disclosures has ended, and never why. Source: GDPR Art. 7(3), 17, 19; DOMAIN "The participant's course".

use super::catalogue::{Categories, Purpose};
use super::ids::{
    Address, AgencyId, ConsentId, MessageId, RecordNumber, Reference, ThreadId, TimeMs,
};
use super::state::ParticipantIx;

/// Most messages of one recall, one rejection or one question where messages are.
pub const NAMED_TOGETHER_MAX: usize = 100;
/// Most notices of one answer: about 300 bytes each, and duties up to 12 KiB.
pub const NOTICES_READ_MAX: usize = 500;
/// Most duties or dead letters of one answer.
pub const ROWS_MAX: usize = 50;
/// Most mailboxes of one list: about 100 bytes each.
pub const MAILBOXES_LISTED_MAX: usize = 5_000;
/// Longest rule for keeping data, in characters.
pub const RULE_CHARS_MAX: usize = 120;
/// A read mailbox is recorded again after this: coarse, so that the log does not tell who reads when.
pub const READ_AGAIN_MS: TimeMs = 12 * 3600 * 1000;

const HOUR_MS: TimeMs = 3600 * 1000;

/// What of this the installation sets.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryRules {
    /// Hand-outs of one message that was not taken up; then it is a dead letter.
    pub attempts_max: u32,
    /// How long a recipient has to confirm a deletion.
    pub deletion_due_ms: TimeMs,
    /// A mailbox that nobody read for so long is read slowly.
    pub mailbox_slow_ms: TimeMs,
    /// A mailbox that nobody read for so long is unread.
    pub mailbox_unread_ms: TimeMs,
}

impl Default for DeliveryRules {
    fn default() -> Self {
        Self {
            attempts_max: 50,
            deletion_due_ms: 30 * 24 * HOUR_MS,
            mailbox_slow_ms: 24 * HOUR_MS,
            mailbox_unread_ms: 72 * HOUR_MS,
        }
    }
}

/// Who took a message up at its recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TakenUpBy {
    /// A system of the agency.
    #[default]
    System,
    /// A person there.
    Person,
}

/// Why a message is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadLetterReason {
    /// The recipient cannot open it.
    CannotOpen,
    /// The recipient is not whom it is for.
    Misdirected,
    /// The recipient does not know the version of the content.
    UnknownVersion,
    /// The recipient opened it and cannot read the content.
    Unreadable,
    /// It was handed out too often without being taken up.
    Attempts,
}

/// How a message ended without being taken up, as its sender may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageEnd {
    /// Its own expiry has passed.
    Expired,
    /// The sender recalled it.
    Recalled,
    /// Anything about consents, restriction, erasure or the end of a participation.
    NotDelivered,
    /// It is a dead letter.
    DeadLettered(DeadLetterReason),
}

/// A record and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The record.
    pub record: RecordNumber,
    /// Its time.
    pub at: TimeMs,
}

/// An accepted message as its own sender may see it, until some time after its end.
#[derive(Clone, Debug)]
pub struct Track {
    /// Identifier that the sender chose.
    pub message_id: MessageId,
    /// Its thread.
    pub thread: ThreadId,
    /// When it was accepted.
    pub accepted_at: TimeMs,
    /// Its own expiry.
    pub expires_at: TimeMs,
    /// Whether it is a part of an attachment.
    pub is_part: bool,
    /// First hand-out.
    pub handed_out: Option<Stamp>,
    /// Number of hand-outs.
    pub attempts: u32,
    /// Opened by the recipient.
    pub opened: Option<Stamp>,
    /// Taken up.
    pub taken_up: Option<(Stamp, TakenUpBy)>,
    /// Ended without being taken up.
    pub ended: Option<(Stamp, MessageEnd)>,
    pub(super) participant: ParticipantIx,
    pub(super) sender: super::names::AddressIx,
    pub(super) sender_agency: super::names::AgencyIx,
    pub(super) recipient: super::names::AddressIx,
    pub(super) recipient_agency: super::names::AgencyIx,
}

/// A message of the asking agency, with names.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// Record of its acceptance.
    pub message: RecordNumber,
    /// What became of it.
    pub track: Track,
    /// Who sent it.
    pub sender: Option<Address>,
    /// Who receives it.
    pub recipient: Option<Address>,
    /// The asking agency's own reference of the participant.
    pub reference: Option<Reference>,
}

/// What a recall came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecallOutcome {
    /// Nobody has got it, and nobody will.
    Recalled(RecordNumber),
    /// It was handed out and not taken up; it is never handed out again.
    RecalledAfterHandOut(RecordNumber),
    /// It was taken up before.
    TakenUp(RecordNumber),
    /// It had ended before.
    Ended(RecordNumber, MessageEnd),
    /// The agency has no accepted message with this identifier that is remembered.
    Unknown,
}

/// What a rejection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectOutcome {
    /// It is a dead letter.
    DeadLettered(RecordNumber),
    /// It was taken up before; nothing changed.
    TakenUp(RecordNumber),
    /// It had ended before; nothing changed.
    Ended,
}

/// What an agency is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Its message was handed out for the first time.
    HandedOut,
    /// Its message was opened.
    Opened,
    /// Its message was taken up.
    TakenUp(TakenUpBy),
    /// Its message ended without being taken up.
    Ended(MessageEnd),
}

/// Something that an agency is told about a message that it sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notice {
    pub(super) number: RecordNumber,
    pub(super) at: TimeMs,
    pub(super) kind: NoticeKind,
    pub(super) message: RecordNumber,
    pub(super) message_id: MessageId,
    pub(super) thread: ThreadId,
    pub(super) participant: ParticipantIx,
    pub(super) sender: super::names::AddressIx,
    pub(super) recipient: super::names::AddressIx,
}

/// A notice with names.
#[derive(Clone, Debug)]
pub enum NoticeRow {
    /// About a message that the agency sent.
    OfMessage {
        /// Record that it tells of; also the cursor.
        number: RecordNumber,
        /// When that was.
        at: TimeMs,
        /// What happened.
        kind: NoticeKind,
        /// Record of the acceptance.
        message: RecordNumber,
        /// Identifier that the sender chose.
        message_id: MessageId,
        /// Its thread.
        thread: ThreadId,
        /// Who sent it.
        sender: Option<Address>,
        /// Who receives it.
        recipient: Option<Address>,
        /// The agency's own reference of the participant.
        reference: Option<Reference>,
    },
    /// The basis of disclosures to the agency has ended.
    BasisEnded(DutyRow),
}

impl NoticeRow {
    /// Record that it tells of; also the cursor.
    #[must_use]
    pub fn number(&self) -> RecordNumber {
        match self {
            Self::OfMessage { number, .. } => *number,
            Self::BasisEnded(duty) => duty.number,
        }
    }
}

/// What a recipient says about data whose basis has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeletionAnswer {
    /// It is deleted.
    Deleted,
    /// It is kept under this rule.
    Retained(RetentionRule),
}

/// A rule that allows keeping data. It begins with "§" or "Art." and has few other characters than those of
/// citations, so that nobody's name gets into the log by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RetentionRule(String);

impl RetentionRule {
    /// Takes a well-formed citation.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let citation = text.starts_with('§') || text.starts_with("Art. ");
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "§ .,/()-ÄÖÜäöüß".contains(c);
        let fits = (3..=RULE_CHARS_MAX).contains(&text.chars().count());
        let has_number = text.chars().any(|c| c.is_ascii_digit());
        (citation && fits && has_number && text.chars().all(is_allowed))
            .then(|| Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The consent under which a recipient received what it has to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DutyConsent {
    /// Of a participant who is there.
    Known(ConsentId),
    /// Of one who is erased: what its recipient calls it is all that is left.
    Erased(ConsentReference),
}

/// What one agency calls a consent, see `ops/adr/0005-consent-references.md`.
pub type ConsentReference = [u8; 16];

impl DutyConsent {
    /// What an agency calls it.
    #[must_use]
    pub fn reference(&self, agency: &str) -> ConsentReference {
        match self {
            Self::Known(id) => schleuse_proto::evidence::consent_reference(id.bytes(), agency),
            Self::Erased(reference) => *reference,
        }
    }

    /// Its identifier, if there is one still.
    #[must_use]
    pub fn id(&self) -> Option<&ConsentId> {
        match self {
            Self::Known(id) => Some(id),
            Self::Erased(_) => None,
        }
    }
}

/// A duty of a recipient to delete, or to name the rule for keeping.
#[derive(Clone, Debug)]
pub(super) struct Duty {
    pub(super) participant: ParticipantIx,
    pub(super) agency: super::names::AgencyIx,
    pub(super) recipient: super::names::AddressIx,
    pub(super) consent: DutyConsent,
    pub(super) messages: Vec<(RecordNumber, MessageId)>,
    pub(super) more: u32,
    pub(super) opened: TimeMs,
    pub(super) due: TimeMs,
    pub(super) answer: Option<(Stamp, DeletionAnswer)>,
}

/// A duty with names.
#[derive(Clone, Debug)]
pub struct DutyRow {
    /// Record in which it began.
    pub number: RecordNumber,
    /// Agency that has it.
    pub agency: Option<AgencyId>,
    /// Function that received the messages.
    pub recipient: Option<Address>,
    /// The consent; to be shown as the recipient's reference of it only.
    pub consent: DutyConsent,
    /// Messages, by record of acceptance and identifier.
    pub messages: Vec<(RecordNumber, MessageId)>,
    /// Further messages under the same consent that are not named.
    pub more: u32,
    /// When it began.
    pub opened: TimeMs,
    /// When it is due.
    pub due: TimeMs,
    /// The answer so far.
    pub answer: Option<(Stamp, DeletionAnswer)>,
    /// The asking agency's own reference of the participant; none if it has none, or the participant is erased.
    pub reference: Option<Reference>,
}

/// A dead letter with names.
#[derive(Clone, Debug)]
pub struct DeadLetterRow {
    /// Record of the dead letter.
    pub number: RecordNumber,
    /// When that was.
    pub at: TimeMs,
    /// Why.
    pub reason: DeadLetterReason,
    /// The message.
    pub message: Tracked,
}

/// How regularly a mailbox is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailboxClass {
    /// Regularly.
    Read,
    /// Not lately.
    Slow,
    /// By nobody.
    Unread,
}

/// A mailbox as operators see it.
#[derive(Clone, Debug)]
pub struct MailboxRow {
    /// Whose.
    pub address: Address,
    /// How regularly it is read.
    pub class: MailboxClass,
    /// When it was last recorded as read.
    pub last_read: Option<TimeMs>,
    /// Messages that wait.
    pub waiting: usize,
    /// When the oldest of them was accepted.
    pub oldest: Option<TimeMs>,
}

/// What was disclosed to one recipient under one consent, by what the decision asks.
#[derive(Clone, Debug)]
pub(super) struct Disclosure {
    pub(super) consent: ConsentId,
    pub(super) sender: super::names::AddressIx,
    pub(super) sender_agency: super::names::AgencyIx,
    pub(super) recipient: super::names::AddressIx,
    pub(super) recipient_agency: super::names::AgencyIx,
    pub(super) purpose: Purpose,
    pub(super) categories: Categories,
    pub(super) professional_secret: bool,
    /// Message, its identifier, and its newest hand-out.
    pub(super) messages: Vec<(RecordNumber, MessageId, RecordNumber)>,
    /// Further ones that are only counted.
    pub(super) more: u32,
}

impl Disclosure {
    pub(super) fn question(&self) -> super::decide::Question {
        super::decide::Question {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_citations() {
        for good in ["§ 84 SGB X", "§ 35 SGB I / § 304 SGB V", "Art. 17 (3) b DSGVO"] {
            assert_eq!(RetentionRule::parse(good).unwrap().as_str(), good);
        }
        let long = format!("§ 1 {}", "x".repeat(RULE_CHARS_MAX));
        for bad in ["", "§", "Frau Müller", "§ eins", "§ 84 SGB X; Gerhard", "§ 84\n", &long] {
            assert!(RetentionRule::parse(bad).is_none(), "{bad}");
        }
    }
}
