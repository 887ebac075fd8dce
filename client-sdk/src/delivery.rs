//! What becomes of messages: recall, rejection, tracking, dead letters, mailboxes that nobody reads.
//!
//! A sender learns of everything that is about consents, restriction, erasure or the end of a participation one
//! code, [`MessageEnd::NotDelivered`]: why, only the participant and the Lotse know.

use std::fmt;

use schleuse_proto::v1;

use crate::client::Client;
use crate::error::ClientError;
use crate::ids::{Address, MessageId, ParticipantReference, Receipt, ThreadId};
use crate::receive::ACKNOWLEDGE_MAX;

/// Most messages of one recall, rejection or question where messages are.
const NAMED_TOGETHER_MAX: usize = 100;

/// Who took a message up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TakenUpBy {
    /// A system of the agency.
    #[default]
    System,
    /// A person there.
    Person,
}

impl TakenUpBy {
    pub(crate) fn to_wire(self) -> v1::TakenUpBy {
        match self {
            Self::System => v1::TakenUpBy::System,
            Self::Person => v1::TakenUpBy::Person,
        }
    }

    pub(crate) fn from_wire(by: v1::TakenUpBy) -> Self {
        match by {
            v1::TakenUpBy::Unspecified | v1::TakenUpBy::System => Self::System,
            v1::TakenUpBy::Person => Self::Person,
        }
    }
}

impl fmt::Display for TakenUpBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::Person => "person",
        })
    }
}

/// Why a message is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// The recipient has no key that opens it.
    CannotOpen,
    /// It is for somebody else.
    Misdirected,
    /// The recipient does not know the version of the content.
    UnknownVersion,
    /// It was opened, and the content cannot be read.
    Unreadable,
    /// It was handed out too often without being taken up; only the broker says so.
    Attempts,
}

impl DeadLetterReason {
    /// Reasons that a recipient can give, by their names.
    pub const GIVEN: [(&'static str, Self); 4] = [
        ("cannot-open", Self::CannotOpen),
        ("misdirected", Self::Misdirected),
        ("unknown-version", Self::UnknownVersion),
        ("unreadable", Self::Unreadable),
    ];

    fn to_wire(self) -> v1::DeadLetterReason {
        match self {
            Self::CannotOpen => v1::DeadLetterReason::CannotOpen,
            Self::Misdirected => v1::DeadLetterReason::Misdirected,
            Self::UnknownVersion => v1::DeadLetterReason::UnknownVersion,
            Self::Unreadable => v1::DeadLetterReason::Unreadable,
            Self::Attempts => v1::DeadLetterReason::Attempts,
        }
    }

    fn from_wire(reason: v1::DeadLetterReason) -> Option<Self> {
        match reason {
            v1::DeadLetterReason::Unspecified => None,
            v1::DeadLetterReason::CannotOpen => Some(Self::CannotOpen),
            v1::DeadLetterReason::Misdirected => Some(Self::Misdirected),
            v1::DeadLetterReason::UnknownVersion => Some(Self::UnknownVersion),
            v1::DeadLetterReason::Unreadable => Some(Self::Unreadable),
            v1::DeadLetterReason::Attempts => Some(Self::Attempts),
        }
    }
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = Self::GIVEN.iter().find(|(_, reason)| reason == self);
        f.write_str(given.map_or("attempts", |(name, _)| name))
    }
}

/// How a message ended without being taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageEnd {
    /// Its own expiry passed.
    Expired,
    /// Its sender recalled it.
    Recalled,
    /// It is not delivered.
    NotDelivered,
    /// It is a dead letter.
    DeadLettered(DeadLetterReason),
}

impl MessageEnd {
    pub(crate) fn from_wire(end: Option<&v1::MessageEnd>) -> Result<Option<Self>, ClientError> {
        let Some(end) = end else { return Ok(None) };
        let unknown = || ClientError::protocol("an unknown end of a message");
        Ok(match end.code() {
            v1::MessageEndCode::Unspecified => None,
            v1::MessageEndCode::Expired => Some(Self::Expired),
            v1::MessageEndCode::Recalled => Some(Self::Recalled),
            v1::MessageEndCode::NotDelivered => Some(Self::NotDelivered),
            v1::MessageEndCode::DeadLettered => {
                let reason = DeadLetterReason::from_wire(end.dead_letter_reason());
                Some(Self::DeadLettered(reason.ok_or_else(unknown)?))
            }
        })
    }
}

impl fmt::Display for MessageEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("expired"),
            Self::Recalled => f.write_str("recalled"),
            Self::NotDelivered => f.write_str("not-delivered"),
            Self::DeadLettered(reason) => write!(f, "dead-lettered ({reason})"),
        }
    }
}

/// What a recall came to. A repetition gets the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recall {
    /// It was not handed out and never will be.
    Recalled(Receipt),
    /// It was handed out, but not taken up; it is never handed out again.
    RecalledAfterHandOut(Receipt),
    /// Too late: it was taken up before.
    TakenUp(Receipt),
    /// It had ended before.
    Ended(Receipt, MessageEnd),
    /// We have no accepted message with this identifier, or it ended more than 90 days ago.
    Unknown,
}

impl Recall {
    fn from_wire(outcome: &v1::RecallOutcome) -> Result<Self, ClientError> {
        let receipt = || Receipt::from_wire(outcome.receipt.as_ref());
        Ok(match outcome.result() {
            v1::RecallResult::Recalled => Self::Recalled(receipt()?),
            v1::RecallResult::RecalledAfterHandOut => Self::RecalledAfterHandOut(receipt()?),
            v1::RecallResult::TakenUp => Self::TakenUp(receipt()?),
            v1::RecallResult::Ended => {
                let end = MessageEnd::from_wire(outcome.end.as_ref())?;
                let end = end.ok_or_else(|| ClientError::protocol("an end without a code"))?;
                Self::Ended(receipt()?, end)
            }
            v1::RecallResult::Unknown => Self::Unknown,
            v1::RecallResult::Unspecified => {
                return Err(ClientError::protocol("a recall without a result"));
            }
        })
    }
}

/// What a rejection came to. A repetition gets the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejected {
    /// It is a dead letter.
    DeadLettered(Receipt),
    /// It was taken up before; nothing changed.
    TakenUp(Receipt),
    /// It had ended before; nothing changed.
    Ended,
}

/// A record and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the record.
    pub record_number: u64,
    /// Its time, Unix milliseconds.
    pub time_ms: i64,
}

impl Stamp {
    fn from_wire(stamp: Option<v1::Stamp>) -> Option<Self> {
        stamp.map(|stamp| Self { record_number: stamp.record_number, time_ms: stamp.time_ms })
    }
}

/// Where an own message is.
#[derive(Clone, Debug)]
pub struct Track {
    /// Identifier.
    pub message_id: MessageId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// Our reference of the participant.
    pub participant_reference: Option<ParticipantReference>,
    /// Who sent it.
    pub sender: Address,
    /// Who receives it.
    pub recipient: Address,
    /// Acceptance.
    pub accepted: Stamp,
    /// First receipt: handed out.
    pub handed_out: Option<Stamp>,
    /// Number of hand-outs.
    pub attempts: u32,
    /// Second receipt: opened.
    pub opened: Option<Stamp>,
    /// Third receipt: taken up, and by whom.
    pub taken_up: Option<(Stamp, TakenUpBy)>,
    /// Ended without being taken up.
    pub ended: Option<(Stamp, MessageEnd)>,
    /// Its own expiry, Unix milliseconds.
    pub expires_at_ms: i64,
}

impl Track {
    fn from_wire(track: &v1::MessageTrack) -> Result<Option<Self>, ClientError> {
        if !track.known {
            return Ok(None);
        }
        let accepted = Stamp::from_wire(track.accepted);
        let end = MessageEnd::from_wire(track.end.as_ref())?;
        let by = TakenUpBy::from_wire(track.taken_up_by());
        Ok(Some(Self {
            message_id: MessageId::parse(&track.message_id)?,
            thread_id: ThreadId::parse(&track.thread_id)?,
            participant_reference: reference(&track.participant_reference)?,
            sender: Address::from_wire(track.sender.as_ref())?,
            recipient: Address::from_wire(track.recipient.as_ref())?,
            accepted: accepted.ok_or_else(|| ClientError::protocol("a track without beginning"))?,
            handed_out: Stamp::from_wire(track.handed_out),
            attempts: track.attempts,
            opened: Stamp::from_wire(track.opened),
            taken_up: Stamp::from_wire(track.taken_up).map(|stamp| (stamp, by)),
            ended: Stamp::from_wire(track.ended).zip(end),
            expires_at_ms: track.expires_at_ms,
        }))
    }

    /// How far it got, in one word.
    #[must_use]
    pub fn state(&self) -> MessageState {
        if self.taken_up.is_some() {
            MessageState::TakenUp
        } else if let Some((_, end)) = self.ended {
            MessageState::Ended(end)
        } else if self.opened.is_some() {
            MessageState::Opened
        } else if self.handed_out.is_some() {
            MessageState::HandedOut
        } else {
            MessageState::Waiting
        }
    }
}

/// How far a message got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageState {
    /// It waits for its recipient.
    Waiting,
    /// It was handed out.
    HandedOut,
    /// It was opened.
    Opened,
    /// It was taken up.
    TakenUp,
    /// It ended without being taken up.
    Ended(MessageEnd),
}

impl fmt::Display for MessageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting"),
            Self::HandedOut => f.write_str("handed-out"),
            Self::Opened => f.write_str("opened"),
            Self::TakenUp => f.write_str("taken-up"),
            Self::Ended(end) => end.fmt(f),
        }
    }
}

/// A message to us that was not taken up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The record of the dead letter.
    pub at: Stamp,
    /// Why.
    pub reason: DeadLetterReason,
    /// Names the message.
    pub message_number: u64,
    /// Identifier that the sender chose.
    pub message_id: MessageId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// Who sent it.
    pub sender: Address,
    /// Which of our functions it is for.
    pub recipient: Address,
    /// Number of hand-outs.
    pub attempts: u32,
    /// Our reference of the participant, if one is assigned.
    pub participant_reference: Option<ParticipantReference>,
}

impl DeadLetter {
    fn from_wire(letter: &v1::DeadLetter) -> Result<Self, ClientError> {
        let malformed = || ClientError::protocol("a malformed dead letter");
        Ok(Self {
            at: Stamp::from_wire(letter.at).ok_or_else(malformed)?,
            reason: DeadLetterReason::from_wire(letter.reason()).ok_or_else(malformed)?,
            message_number: letter.message_number,
            message_id: MessageId::parse(&letter.message_id)?,
            thread_id: ThreadId::parse(&letter.thread_id)?,
            sender: Address::from_wire(letter.sender.as_ref())?,
            recipient: Address::from_wire(letter.recipient.as_ref())?,
            attempts: letter.attempts,
            participant_reference: reference(&letter.participant_reference)?,
        })
    }
}

/// How regularly a mailbox is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MailboxClass {
    /// Regularly.
    Read,
    /// Not lately.
    Slow,
    /// By nobody.
    Unread,
}

impl MailboxClass {
    fn from_wire(class: v1::MailboxClass) -> Result<Self, ClientError> {
        match class {
            v1::MailboxClass::Read => Ok(Self::Read),
            v1::MailboxClass::Slow => Ok(Self::Slow),
            v1::MailboxClass::Unread => Ok(Self::Unread),
            v1::MailboxClass::Unspecified => Err(ClientError::protocol("a mailbox without class")),
        }
    }
}

impl fmt::Display for MailboxClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Slow => "slow",
            Self::Unread => "unread",
        })
    }
}

/// A mailbox as operators see it.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// Whose.
    pub address: Address,
    /// How regularly it is read.
    pub class: MailboxClass,
    /// When it was last recorded as read, Unix milliseconds.
    pub last_read_ms: Option<i64>,
    /// Messages that wait.
    pub waiting: u64,
    /// When the oldest of them was accepted, Unix milliseconds.
    pub oldest_ms: Option<i64>,
}

/// Our reference of a participant, if there is one.
pub(crate) fn reference(text: &str) -> Result<Option<ParticipantReference>, ClientError> {
    if text.is_empty() { Ok(None) } else { ParticipantReference::parse(text).map(Some) }
}

fn same_length(answers: usize, questions: usize) -> Result<(), ClientError> {
    if answers == questions {
        return Ok(());
    }
    Err(ClientError::protocol("other answers than questions"))
}

impl Client {
    /// Recalls own messages. When this returns, nothing of them is on its way any more: what was not handed out by
    /// then never is. May be repeated.
    ///
    /// # Errors
    /// The broker refuses the call, cannot be reached, or was rolled back.
    pub async fn recall(&self, messages: &[MessageId]) -> Result<Vec<Recall>, ClientError> {
        let mut recalls = Vec::with_capacity(messages.len());
        for part in messages.chunks(NAMED_TOGETHER_MAX) {
            let message_ids = part.iter().map(|id| id.to_bytes()).collect();
            let request = v1::RecallMessagesRequest { message_ids };
            let service = self.deliveries();
            let answer = self
                .call(|| {
                    let (mut service, request) = (service.clone(), request.clone());
                    async move { service.recall_messages(request).await }
                })
                .await?;
            self.settle(&answer.checkpoint).await?;
            same_length(answer.outcomes.len(), part.len())?;
            for outcome in &answer.outcomes {
                recalls.push(Recall::from_wire(outcome)?);
            }
        }
        Ok(recalls)
    }

    /// Rejects received messages that cannot be processed: they become dead letters, and their senders are told
    /// why. May be repeated.
    ///
    /// # Errors
    /// A number is not of a message that was handed out to us, the broker cannot be reached, or was rolled back.
    pub async fn reject(
        &self,
        message_numbers: &[u64],
        reason: DeadLetterReason,
    ) -> Result<Vec<Rejected>, ClientError> {
        let mut rejected = Vec::with_capacity(message_numbers.len());
        for part in message_numbers.chunks(NAMED_TOGETHER_MAX) {
            let reason = reason.to_wire().into();
            let request = v1::RejectMessagesRequest { message_numbers: part.to_vec(), reason };
            let service = self.deliveries();
            let answer = self
                .call(|| {
                    let (mut service, request) = (service.clone(), request.clone());
                    async move { service.reject_messages(request).await }
                })
                .await?;
            self.settle(&answer.checkpoint).await?;
            same_length(answer.outcomes.len(), part.len())?;
            for outcome in &answer.outcomes {
                let receipt = || Receipt::from_wire(outcome.receipt.as_ref());
                rejected.push(match outcome.result() {
                    v1::RejectResult::DeadLettered => Rejected::DeadLettered(receipt()?),
                    v1::RejectResult::TakenUp => Rejected::TakenUp(receipt()?),
                    v1::RejectResult::Ended => Rejected::Ended,
                    v1::RejectResult::Unspecified => {
                        return Err(ClientError::protocol("a rejection without a result"));
                    }
                });
            }
        }
        Ok(rejected)
    }

    /// Takes messages over and says who took them up; returns one receipt for each, in their order. The senders
    /// are told.
    ///
    /// # Errors
    /// As [`Client::acknowledge`].
    pub async fn take_up(
        &self,
        message_numbers: &[u64],
        by: TakenUpBy,
    ) -> Result<Vec<Receipt>, ClientError> {
        let mut receipts = Vec::with_capacity(message_numbers.len());
        for part in message_numbers.chunks(ACKNOWLEDGE_MAX) {
            let stage = v1::DeliveryStage::Acknowledged;
            receipts.extend(self.report_stage(part, stage, by.to_wire()).await?);
        }
        self.check_log().await?;
        Ok(receipts)
    }

    /// Where own messages are, in the order asked for; none for those that we have not, or that ended more than
    /// 90 days ago.
    ///
    /// # Errors
    /// The broker refuses the call, cannot be reached, or was rolled back.
    pub async fn track(&self, messages: &[MessageId]) -> Result<Vec<Option<Track>>, ClientError> {
        let mut tracks = Vec::with_capacity(messages.len());
        for part in messages.chunks(NAMED_TOGETHER_MAX) {
            let message_ids = part.iter().map(|id| id.to_bytes()).collect();
            let request = v1::TrackMessagesRequest { message_ids };
            let service = self.deliveries();
            let answer = self
                .call(|| {
                    let (mut service, request) = (service.clone(), request.clone());
                    async move { service.track_messages(request).await }
                })
                .await?;
            self.settle(&answer.checkpoint).await?;
            same_length(answer.tracks.len(), part.len())?;
            for track in &answer.tracks {
                tracks.push(Track::from_wire(track)?);
            }
        }
        Ok(tracks)
    }

    /// Messages to us of the last 90 days that are dead letters, oldest first.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, ClientError> {
        let (mut letters, mut after) = (Vec::new(), 0);
        loop {
            let request = v1::ListDeadLettersRequest { after, max: 0 };
            let service = self.deliveries();
            let answer = self
                .call(|| {
                    let (mut service, request) = (service.clone(), request);
                    async move { service.list_dead_letters(request).await }
                })
                .await?;
            for letter in &answer.dead_letters {
                let letter = DeadLetter::from_wire(letter)?;
                after = letter.at.record_number;
                letters.push(letter);
            }
            if !answer.more || answer.dead_letters.is_empty() {
                return Ok(letters);
            }
        }
    }

    /// How regularly a mailbox of the directory is read.
    ///
    /// # Errors
    /// The directory has no such mailbox, or the broker cannot be reached.
    pub async fn look_up_mailbox(&self, address: &Address) -> Result<MailboxClass, ClientError> {
        let request = v1::LookUpMailboxRequest { address: Some(address.to_wire()) };
        let service = self.deliveries();
        let answer = self
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.look_up_mailbox(request).await }
            })
            .await?;
        MailboxClass::from_wire(answer.class())
    }

    /// All mailboxes, the least read first. For operators.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn list_mailboxes(&self) -> Result<Vec<Mailbox>, ClientError> {
        let service = self.deliveries();
        let answer = self
            .call(|| {
                let mut service = service.clone();
                async move { service.list_mailboxes(v1::ListMailboxesRequest {}).await }
            })
            .await?;
        let mailbox = |row: &v1::Mailbox| {
            let known = |ms: i64| (ms != 0).then_some(ms);
            Ok(Mailbox {
                address: Address::from_wire(row.address.as_ref())?,
                class: MailboxClass::from_wire(row.class())?,
                last_read_ms: known(row.last_read_ms),
                waiting: row.waiting,
                oldest_ms: known(row.oldest_ms),
            })
        };
        answer.mailboxes.iter().map(mailbox).collect()
    }
}
