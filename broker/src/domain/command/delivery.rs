//! Commands about the reliability of messages and about duties to delete, and what the core answers.

use crate::domain::delivery::{
    DeadLetterReason, DeadLetterRow, DeletionAnswer, DutyRow, MailboxClass, MailboxRow, NoticeRow,
    RecallOutcome, RejectOutcome, Tracked,
};
use crate::domain::event::Actor;
use crate::domain::ids::{Address, MessageId, RecordNumber};
use crate::domain::state::ParticipantIx;

/// A request about messages and duties.
#[derive(Debug)]
pub enum DeliveryCommand {
    /// A sender recalls messages.
    Recall {
        /// The sender.
        actor: Actor,
        /// By the identifiers that it chose, at most [`super::super::delivery::NAMED_TOGETHER_MAX`].
        messages: Vec<MessageId>,
    },
    /// A recipient rejects messages.
    Reject {
        /// The recipient.
        actor: Actor,
        /// By acceptance record, at most [`super::super::delivery::NAMED_TOGETHER_MAX`].
        messages: Vec<RecordNumber>,
        /// Why.
        reason: DeadLetterReason,
    },
    /// A sender asks where its messages are.
    Track {
        /// The sender.
        actor: Actor,
        /// By the identifiers that it chose.
        messages: Vec<MessageId>,
    },
    /// A recipient lists its dead letters.
    ListDeadLetters {
        /// The recipient.
        actor: Actor,
        /// Behind this record.
        after: RecordNumber,
        /// At most that many.
        most: usize,
    },
    /// An agency reads what it is told.
    ReadNotices {
        /// Who.
        actor: Actor,
        /// Behind this record.
        after: RecordNumber,
        /// At most that many.
        most: usize,
    },
    /// A sender asks how regularly a mailbox is read.
    LookUpMailbox {
        /// Whose.
        address: Address,
    },
    /// An operator lists the mailboxes.
    ListMailboxes,
    /// A recipient or an officer lists duties to delete.
    ListDuties {
        /// Who.
        actor: Actor,
        /// Only those that are open and due.
        overdue: bool,
        /// Only those that are open.
        open: bool,
        /// Behind this record.
        after: RecordNumber,
        /// At most that many.
        most: usize,
    },
    /// A recipient says what became of data whose basis has ended.
    ConfirmDeletion {
        /// Who.
        actor: Actor,
        /// Record in which the duty began.
        duty: RecordNumber,
        /// What it says.
        answer: DeletionAnswer,
    },
}

/// What the core answers.
#[derive(Debug)]
pub enum DeliveryOutcome {
    /// One result for each message.
    Recalled {
        /// In order.
        results: Vec<RecallOutcome>,
        /// Recalled messages and whom they are about: hand-outs of them must end before the answer.
        recalled: Vec<(ParticipantIx, RecordNumber)>,
    },
    /// One result for each message.
    Rejected(Vec<RejectOutcome>),
    /// One for each message; none: the agency has no such message.
    Tracked(Vec<Option<Tracked>>),
    /// Dead letters, and whether there are more.
    DeadLetters(Vec<DeadLetterRow>, bool),
    /// What an agency is told.
    Notices {
        /// In order of their numbers.
        rows: Vec<NoticeRow>,
        /// Whether there are more.
        more: bool,
        /// Whether notices behind the cursor were dropped because they were too old or too many.
        gap: bool,
    },
    /// How regularly a mailbox is read.
    Mailbox(MailboxClass),
    /// Mailboxes.
    Mailboxes(Vec<MailboxRow>),
    /// Duties, and whether there are more; the time of the answer tells which are overdue.
    Duties(Vec<DutyRow>, bool),
}
