//! What we are told about what we sent and received, and duties to delete.
//!
//! Notices come from the broker's log; their numbers are those of its records, so that a cursor is all that has to
//! be kept: whoever starts again goes on behind the last notice that was worked on.

use std::collections::VecDeque;
use std::time::Duration;

use schleuse_proto::v1;
use schleuse_proto::v1::notice::Notice as Told;
use tonic::{Status, Streaming};

use crate::client::{Backoff, Client};
use crate::delivery::{MessageEnd, TakenUpBy, reference};
use crate::error::ClientError;
use crate::ids::{Address, ConsentId, MessageId, ParticipantReference, Receipt, ThreadId};

/// Longest silence: the broker gives a sign of life every 20 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(65);
/// Most attempts to connect again without a sign of life between them: about three minutes.
const RECONNECTS_MAX: u32 = 60;

/// One thing that we are told.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Number of the record that it tells of; also the cursor.
    pub number: u64,
    /// When that was, Unix milliseconds.
    pub time_ms: i64,
    /// What it tells.
    pub what: NoticeKind,
}

/// What a notice tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NoticeKind {
    /// About a message that we sent.
    Message(MessageNotice),
    /// The basis of disclosures to us has ended.
    BasisEnded(DeletionDuty),
    /// Of a kind that this client does not know.
    Unknown,
}

/// Something about a message that we sent.
#[derive(Clone, Debug)]
pub struct MessageNotice {
    /// What happened.
    pub event: MessageEvent,
    /// Identifier.
    pub message_id: MessageId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// Record of the acceptance.
    pub message_number: u64,
    /// Our reference of the participant.
    pub participant_reference: Option<ParticipantReference>,
    /// Who sent it.
    pub sender: Address,
    /// Who receives it.
    pub recipient: Address,
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageEvent {
    /// Handed out for the first time.
    HandedOut,
    /// Opened.
    Opened,
    /// Taken up.
    TakenUp(TakenUpBy),
    /// Ended without being taken up.
    Ended(MessageEnd),
}

/// What a recipient says about data whose basis has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeletionAnswer {
    /// It is deleted.
    Deleted,
    /// It is kept under this rule, for example "§ 84 SGB X".
    Retained(String),
}

/// A duty to delete, or to name the rule for keeping. Why the basis ended is the participant's alone.
#[derive(Clone, Debug)]
pub struct DeletionDuty {
    /// Names the duty.
    pub number: u64,
    /// Agency and function that received the messages.
    pub recipient: Address,
    /// The consent, as the recipient knows it from [`crate::Received::consent_reference`].
    pub consent_reference: ConsentId,
    /// Messages: [`crate::Received::message_number`] and identifier.
    pub messages: Vec<(u64, MessageId)>,
    /// Further messages under the same consent that are not named.
    pub further_messages: u32,
    /// When it began, Unix milliseconds.
    pub opened_ms: i64,
    /// When it has to be answered, Unix milliseconds.
    pub due_ms: i64,
    /// The answer so far, and when it was given.
    pub answer: Option<(DeletionAnswer, i64)>,
    /// Our reference of the participant, if there is one.
    pub participant_reference: Option<ParticipantReference>,
    /// The participant is erased: the broker knows no reference any more.
    pub participant_erased: bool,
}

/// Which duties are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DutyFilter {
    /// All: open ones, and answered ones of the last 90 days.
    #[default]
    All,
    /// Not answered.
    Open,
    /// Due and not answered.
    Overdue,
}

/// Notices behind a cursor.
#[derive(Clone, Debug)]
pub struct Notices {
    /// Ascending.
    pub notices: Vec<Notice>,
    /// Whether there are more behind the last one.
    pub more: bool,
    /// Whether some behind the cursor were dropped because they were too old or too many.
    pub gap: bool,
}

impl Notice {
    fn from_wire(notice: &v1::Notice) -> Result<Self, ClientError> {
        let what = match &notice.notice {
            Some(Told::Message(told)) => {
                MessageNotice::from_wire(told)?.map_or(NoticeKind::Unknown, NoticeKind::Message)
            }
            Some(Told::BasisEnded(duty)) => NoticeKind::BasisEnded(DeletionDuty::from_wire(duty)?),
            None => NoticeKind::Unknown,
        };
        Ok(Self { number: notice.number, time_ms: notice.time_ms, what })
    }
}

impl MessageNotice {
    fn from_wire(told: &v1::MessageNotice) -> Result<Option<Self>, ClientError> {
        let event = match told.kind() {
            v1::MessageNoticeKind::HandedOut => MessageEvent::HandedOut,
            v1::MessageNoticeKind::Opened => MessageEvent::Opened,
            v1::MessageNoticeKind::TakenUp => {
                MessageEvent::TakenUp(TakenUpBy::from_wire(told.taken_up_by()))
            }
            v1::MessageNoticeKind::Ended => match MessageEnd::from_wire(told.end.as_ref())? {
                Some(end) => MessageEvent::Ended(end),
                None => return Ok(None),
            },
            v1::MessageNoticeKind::Unspecified => return Ok(None),
        };
        Ok(Some(Self {
            event,
            message_id: MessageId::parse(&told.message_id)?,
            thread_id: ThreadId::parse(&told.thread_id)?,
            message_number: told.message_number,
            participant_reference: reference(&told.participant_reference)?,
            sender: Address::from_wire(told.sender.as_ref())?,
            recipient: Address::from_wire(told.recipient.as_ref())?,
        }))
    }
}

impl DeletionDuty {
    fn from_wire(duty: &v1::DeletionDuty) -> Result<Self, ClientError> {
        if duty.message_numbers.len() != duty.message_ids.len() {
            return Err(ClientError::protocol("a malformed duty"));
        }
        let messages = duty.message_numbers.iter().zip(&duty.message_ids);
        let messages = messages.map(|(number, id)| Ok((*number, MessageId::parse(id)?)));
        let answer = match duty.answer() {
            v1::DeletionAnswer::Unspecified => None,
            v1::DeletionAnswer::Deleted => Some(DeletionAnswer::Deleted),
            v1::DeletionAnswer::Retained => Some(DeletionAnswer::Retained(duty.rule.clone())),
        };
        Ok(Self {
            number: duty.number,
            recipient: Address::from_wire(duty.recipient.as_ref())?,
            consent_reference: ConsentId::parse(&duty.consent_reference)?,
            messages: messages.collect::<Result<_, ClientError>>()?,
            further_messages: duty.further_messages,
            opened_ms: duty.opened_ms,
            due_ms: duty.due_ms,
            answer: answer.map(|answer| (answer, duty.answered_ms)),
            participant_reference: reference(&duty.participant_reference)?,
            participant_erased: duty.participant_erased,
        })
    }
}

impl Client {
    /// Notices behind a number (0: from the first), at most `max` (1 to 500).
    ///
    /// # Errors
    /// The broker refuses the call, cannot be reached, or was rolled back.
    pub async fn fetch_notices(&self, after: u64, max: u32) -> Result<Notices, ClientError> {
        let request = v1::FetchNoticesRequest { after, max: max.clamp(1, 500) };
        let service = self.notices();
        let answer = self
            .call(|| {
                let (mut service, request) = (service.clone(), request);
                async move { service.fetch_notices(request).await }
            })
            .await?;
        self.settle(&answer.checkpoint).await?;
        let notices = answer.notices.iter().map(Notice::from_wire);
        let notices = notices.collect::<Result<_, _>>()?;
        Ok(Notices { notices, more: answer.more, gap: answer.gap })
    }

    /// Notices behind a number, and then those to come. Connects again by itself.
    #[must_use]
    pub fn receive_notices(&self, after: u64) -> NoticeStream {
        NoticeStream {
            client: self.clone(),
            after,
            live: None,
            waiting: VecDeque::new(),
            backoff: Backoff::new(RECONNECTS_MAX),
            gap: false,
        }
    }

    /// Duties to delete: of our agency; for the officer of the project all.
    ///
    /// # Errors
    /// The broker refuses the call, cannot be reached, or was rolled back.
    pub async fn deletion_duties(
        &self,
        filter: DutyFilter,
    ) -> Result<Vec<DeletionDuty>, ClientError> {
        let (mut duties, mut after) = (Vec::new(), 0);
        loop {
            let request = v1::ListDeletionDutiesRequest {
                overdue: filter == DutyFilter::Overdue,
                open: filter == DutyFilter::Open,
                after,
                max: 0,
            };
            let service = self.notices();
            let answer = self
                .call(|| {
                    let (mut service, request) = (service.clone(), request);
                    async move { service.list_deletion_duties(request).await }
                })
                .await?;
            self.settle(&answer.checkpoint).await?;
            for duty in &answer.duties {
                let duty = DeletionDuty::from_wire(duty)?;
                after = duty.number;
                duties.push(duty);
            }
            if !answer.more || answer.duties.is_empty() {
                return Ok(duties);
            }
        }
    }

    /// Answers a duty of ours: the data is deleted, or kept under a rule. May be repeated; what was kept may be
    /// deleted later.
    ///
    /// # Errors
    /// We have no such duty, the rule is no citation, the data was deleted before, or the broker cannot be
    /// reached.
    pub async fn confirm_deletion(
        &self,
        duty_number: u64,
        answer: &DeletionAnswer,
    ) -> Result<Receipt, ClientError> {
        let (answer, rule) = match answer {
            DeletionAnswer::Deleted => (v1::DeletionAnswer::Deleted, String::new()),
            DeletionAnswer::Retained(rule) => (v1::DeletionAnswer::Retained, rule.clone()),
        };
        let request = v1::ConfirmDeletionRequest { duty_number, answer: answer.into(), rule };
        let service = self.notices();
        let answer = self
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.confirm_deletion(request).await }
            })
            .await?;
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }
}

/// Notices as they come; see [`Client::receive_notices`].
#[derive(Debug)]
pub struct NoticeStream {
    client: Client,
    after: u64,
    live: Option<Streaming<v1::ReceiveNoticesResponse>>,
    waiting: VecDeque<Notice>,
    backoff: Backoff,
    gap: bool,
}

impl NoticeStream {
    /// The next notice. Waits for one, and connects again after a loss, behind the last one that was returned. May
    /// be cancelled and called again.
    ///
    /// # Errors
    /// The broker refuses the stream or stays out of reach.
    pub async fn next(&mut self) -> Result<Notice, ClientError> {
        loop {
            if let Some(notice) = self.waiting.pop_front() {
                self.after = notice.number;
                return Ok(notice);
            }
            match self.part().await {
                Ok(part) => {
                    self.backoff.reset();
                    self.gap |= part.gap;
                    let notices = part.notices.iter().map(Notice::from_wire);
                    self.waiting = notices.collect::<Result<_, _>>()?;
                }
                Err(error) if error.retryable() => {
                    self.live = None;
                    if !self.backoff.pause().await {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether notices were dropped before they were read.
    #[must_use]
    pub fn has_gap(&self) -> bool {
        self.gap
    }

    async fn part(&mut self) -> Result<v1::ReceiveNoticesResponse, ClientError> {
        if self.live.is_none() {
            let request = v1::ReceiveNoticesRequest { after: self.after };
            let opened = self.client.notices().receive_notices(request).await;
            let opened = opened.map_err(|status| self.client.failed(&status))?;
            self.live = Some(opened.into_inner());
        }
        let lost = |why: &str| self.client.failed(&Status::from_error(why.into()));
        let Some(live) = self.live.as_mut() else { return Err(lost("not connected")) };
        let silence = |_| Err(Status::deadline_exceeded("no sign of life"));
        let part = tokio::time::timeout(SILENCE_MAX, live.message()).await;
        match part.unwrap_or_else(silence) {
            Ok(Some(part)) => Ok(part),
            Ok(None) => Err(lost("the broker ended the stream")),
            Err(status) => Err(self.client.failed(&status)),
        }
    }
}
