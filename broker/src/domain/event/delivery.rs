//! Events about the reliability of messages and about duties to delete.

use crate::domain::delivery::{DeadLetterReason, DeletionAnswer, DutyConsent};
use crate::domain::ids::{Address, AgencyId, MessageId, ParticipantId, RecordNumber, TimeMs};

/// What happens to messages beside hand-outs, reports and stops; and to what was disclosed.
#[derive(Clone, Debug)]
pub enum DeliveryEvent {
    /// A message was rejected by its recipient, or handed out too often without being taken up.
    DeadLettered {
        /// The message.
        message: RecordNumber,
        /// Whom it is about.
        participant: ParticipantId,
        /// Why.
        reason: DeadLetterReason,
        /// Agency that sent it.
        sender: AgencyId,
        /// Agency that received it.
        recipient: AgencyId,
    },
    /// Somebody reads a mailbox; recorded now and then.
    MailboxRead {
        /// Whose.
        recipient: Address,
    },
    /// The basis of disclosures has ended.
    BasisEnded(Box<BasisEndedEvent>),
    /// A recipient says what became of data whose basis has ended.
    DeletionConfirmed {
        /// Record in which the duty began.
        duty: RecordNumber,
        /// Whom it is about; nobody, if the participant is erased.
        participant: ParticipantId,
        /// What the recipient says.
        answer: DeletionAnswer,
    },
}

/// See [`DeliveryEvent::BasisEnded`].
#[derive(Clone, Debug)]
pub struct BasisEndedEvent {
    /// Whom it is about; nobody, if the participant is erased.
    pub participant: ParticipantId,
    /// Consent under which the messages were handed out.
    pub consent: DutyConsent,
    /// Function that received them.
    pub recipient: Address,
    /// Messages, ascending.
    pub messages: Vec<(RecordNumber, MessageId)>,
    /// Further messages that are only counted.
    pub more: u32,
    /// When the recipient has to have answered.
    pub due: TimeMs,
}
