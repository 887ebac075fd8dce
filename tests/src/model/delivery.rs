//! What senders and recipients are told: the part of the model that recalls, rejects, remembers what was disclosed,
//! opens duties to delete, and reads notices off the log.
//!
//! Nothing is kept for notices and for where messages are: both are read off the log from its beginning. Source: the
//! texts of `delivery.proto` and `notices.proto`.

use super::{Address, Entry, Error, Model, Stage, StopReason, Submission};

/// A mailbox that was read is recorded again after this.
const READ_AGAIN_MS: u64 = 12 * 60 * 60 * 1000;

/// An accepted message and the log index of its acceptance; never forgotten.
#[derive(Debug, Clone)]
pub struct Sent {
    number: usize,
    submission: Submission,
}

/// A message that was handed out under a consent and whose basis has not ended.
#[derive(Debug, Clone)]
pub struct Disclosed {
    consent: String,
    message: usize,
    submission: Submission,
    /// The log index of the newest hand-out.
    entry: usize,
}

/// How a message ended without being taken up, as its sender may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Expired,
    Recalled,
    NotDelivered,
    DeadLettered(String),
}

/// What a sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    HandedOut,
    Opened,
    TakenUp,
    Ended(End),
}

/// What a recall came to: the log index of what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recalled {
    Waiting(usize),
    HandedOut(usize),
    TakenUp(usize),
    Ended(usize, End),
    Unknown,
}

/// What a rejection came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    DeadLettered(usize),
    TakenUp(usize),
    Ended,
}

/// A duty to delete: the log index of its beginning, who has it, which messages, the answer so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    pub number: usize,
    pub recipient: Address,
    pub messages: Vec<usize>,
    pub due: u64,
    pub answer: Option<(usize, String)>,
    consent: String,
    participant: Option<usize>,
}

/// Where a message is.
#[derive(Debug, Default)]
struct Course {
    attempts: u64,
    taken_up: Option<usize>,
    ended: Option<(usize, End)>,
}

impl Model {
    /// How often a message is handed out before it is a dead letter.
    pub fn set_attempts_max(&mut self, attempts_max: u64) {
        self.attempts_max = attempts_max;
    }

    /// Somebody reads these mailboxes.
    pub(super) fn mark_read(&mut self, recipients: &[Address], now: u64) {
        for recipient in recipients {
            let before = self.reads.iter().rev().find(|(address, _)| address == recipient);
            if before.is_some_and(|(_, at)| now < at + READ_AGAIN_MS) {
                continue;
            }
            self.reads.push((recipient.clone(), now));
            self.write(None, Entry::MailboxRead { recipient: recipient.clone() });
        }
    }

    pub(super) fn accepted(&mut self, number: usize, submission: &Submission) {
        self.sent.push(Sent { number, submission: submission.clone() });
    }

    pub(super) fn disclose(&mut self, message: usize, consent: &str, entry: usize) {
        let sent = self.sent.iter().find(|it| it.number == message);
        let Some(submission) = sent.map(|it| it.submission.clone()) else { return };
        let same = |it: &&mut Disclosed| it.message == message && it.consent == consent;
        if let Some(known) = self.disclosed.iter_mut().find(same) {
            known.entry = entry;
            return;
        }
        self.disclosed.push(Disclosed { consent: consent.to_owned(), message, submission, entry });
    }

    /// What time alone ends: messages that no consent covers any more are stopped, duties are opened.
    pub(super) fn end_coverage(&mut self, now: u64) {
        for participant in 0..self.participants.len() {
            self.stop_uncovered(participant, now);
        }
    }

    /// A duty for each consent and recipient of what was disclosed and is not covered any more, in the order of the
    /// first message of each.
    pub(super) fn open_duties(&mut self, participant: usize, now: u64) {
        let about = |it: &&Disclosed| it.submission.participant == Some(participant);
        let present = |it: &&Disclosed| {
            ![it.message, it.entry].iter().any(|n| self.erased_entries.contains(n))
        };
        let ended = self
            .disclosed
            .iter()
            .filter(about)
            .filter(present)
            .filter(|it| self.decide(&it.submission, now).is_err_and(|deny| !deny.may_end()));
        let ended =
            ended.map(|it| (it.consent.clone(), it.submission.recipient.clone(), it.message));
        let ended: Vec<_> = ended.collect();
        self.add_duties(Some(participant), ended, now);
    }

    /// What recipients have about a participant and do not say to be deleted.
    pub(super) fn undeleted(&self, participant: usize) -> Vec<(String, Address, usize)> {
        let erased = &self.erased_entries;
        let disclosed = self.disclosed.iter().filter(|it| {
            it.submission.participant == Some(participant)
                && !erased.contains(&it.message)
                && !erased.contains(&it.entry)
        });
        let disclosed =
            disclosed.map(|it| (it.consent.clone(), it.submission.recipient.clone(), it.message));
        let is_deleted =
            |duty: &Duty| duty.answer.as_ref().is_some_and(|(_, answer)| answer == "deleted");
        let duties = self.duties.iter();
        let duties = duties.filter(|it| it.participant == Some(participant) && !is_deleted(it));
        let duties = duties.flat_map(|duty| {
            let each = duty.messages.iter();
            each.map(|message| (duty.consent.clone(), duty.recipient.clone(), *message))
        });
        disclosed.chain(duties).collect()
    }

    /// A duty for each consent and recipient of these messages, in the order of the first message of each.
    pub(super) fn add_duties(
        &mut self,
        participant: Option<usize>,
        ended: Vec<(String, Address, usize)>,
        now: u64,
    ) {
        let mut groups: Vec<(usize, String, Address, Vec<usize>)> = Vec::new();
        for (consent, recipient, message) in ended {
            match groups.iter_mut().find(|it| it.1 == consent && it.2 == recipient) {
                Some(group) => group.3.push(message),
                None => groups.push((0, consent, recipient, vec![message])),
            }
        }
        for group in &mut groups {
            group.3.sort_unstable();
            group.3.dedup();
            group.0 = group.3.first().copied().unwrap_or_default();
        }
        groups.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        for (_, consent, recipient, messages) in groups {
            self.disclosed.retain(|it| it.consent != consent || !messages.contains(&it.message));
            let number = self.log.len();
            let due = now + 30 * super::DAY_MS;
            let entry = Entry::BasisEnded {
                consent: participant.map(|_| consent.clone()).unwrap_or_default(),
                recipient: recipient.clone(),
                messages: messages.clone(),
            };
            self.write(participant, entry);
            let answer = None;
            self.duties.push(Duty {
                number,
                recipient,
                messages,
                due,
                answer,
                consent,
                participant,
            });
        }
    }

    pub(super) fn forget_delivery(&mut self, participant: usize) {
        self.sent.retain(|it| it.submission.participant != Some(participant));
        self.disclosed.retain(|it| it.submission.participant != Some(participant));
        self.duties.retain(|duty| duty.participant != Some(participant));
    }

    fn course(&self, number: usize) -> Course {
        let mut course = Course::default();
        for (index, entry) in self.log.iter().enumerate() {
            match entry {
                Entry::HandedOut { message, attempt, .. } if *message == number => {
                    course.attempts = *attempt;
                }
                Entry::Stage { message, stage: Stage::Acknowledged } if *message == number => {
                    course.taken_up.get_or_insert(index);
                }
                _ => {
                    if let Some((message, end)) = end_of(entry)
                        && message == number
                        && course.taken_up.is_none()
                    {
                        course.ended.get_or_insert((index, end));
                    }
                }
            }
        }
        course
    }

    fn remembered(&self, number: usize) -> bool {
        !self.erased_entries.contains(&number)
    }

    /// The sender recalls messages by the ids that it chose.
    pub fn recall(&mut self, agency: &str, ids: &[String], now: u64) -> Vec<Recalled> {
        ids.iter().map(|id| self.recall_one(agency, id, now)).collect()
    }

    fn recall_one(&mut self, agency: &str, id: &str, now: u64) -> Recalled {
        let own = self.sent.iter().rev().find(|it| {
            it.submission.sender.agency == agency
                && it.submission.message_id == id
                && self.remembered(it.number)
        });
        let Some(number) = own.map(|it| it.number) else { return Recalled::Unknown };
        let course = self.course(number);
        let recalled: fn(usize) -> Recalled =
            if course.attempts > 0 { Recalled::HandedOut } else { Recalled::Waiting };
        match course {
            Course { taken_up: Some(entry), .. } => Recalled::TakenUp(entry),
            Course { ended: Some((entry, End::Recalled)), .. } => recalled(entry),
            Course { ended: Some((entry, end)), .. } => Recalled::Ended(entry, end),
            Course { .. } => {
                let entry = self.log.len();
                self.stop(number, StopReason::Recalled, None, now);
                recalled(entry)
            }
        }
    }

    /// The recipient rejects messages.
    ///
    /// # Errors
    /// One of them was never handed out to it: then nothing has happened.
    pub fn reject(
        &mut self,
        agency: &str,
        numbers: &[usize],
        reason: &str,
        now: u64,
    ) -> Result<Vec<Rejected>, Error> {
        for number in numbers {
            let sent = self.sent.iter().find(|it| it.number == *number);
            let sent = sent.filter(|it| it.submission.recipient.agency == agency);
            let sent = sent.filter(|it| self.remembered(it.number)).ok_or(Error::NotFound)?;
            if self.course(sent.number).attempts == 0 {
                return Err(Error::NotFound);
            }
        }
        let rejected = numbers.iter().map(|number| match self.course(*number) {
            Course { taken_up: Some(entry), .. } => Rejected::TakenUp(entry),
            Course { ended: Some((entry, End::DeadLettered(_))), .. } => {
                Rejected::DeadLettered(entry)
            }
            Course { ended: Some(_), .. } => Rejected::Ended,
            Course { .. } => {
                let entry = self.log.len();
                self.dead_letter(*number, reason, now);
                Rejected::DeadLettered(entry)
            }
        });
        Ok(rejected.collect())
    }

    pub(super) fn dead_letter(&mut self, number: usize, reason: &str, now: u64) {
        let mut about = None;
        for message in self.messages.iter_mut().filter(|it| it.number == number) {
            message.finished_at = Some(now);
            message.held_by = None;
            about = message.submission.participant;
        }
        let reason = reason.to_owned();
        self.write(about, Entry::DeadLettered { message: number, reason });
    }

    /// What an agency is told about the messages that it sent: log index, message, what.
    pub fn notices(&self, agency: &str) -> Vec<(usize, usize, Notice)> {
        let own = self.sent.iter().filter(|it| it.submission.sender.agency == agency);
        let own: Vec<usize> = own.map(|it| it.number).filter(|it| self.remembered(*it)).collect();
        let mut notices: Vec<(usize, usize, Notice)> = Vec::new();
        for (index, entry) in self.log.iter().enumerate() {
            if self.erased_entries.contains(&index) {
                continue;
            }
            let told = match entry {
                Entry::HandedOut { message, attempt: 1, .. } => Some((*message, Notice::HandedOut)),
                Entry::Stage { message, stage: Stage::Decrypted } => {
                    Some((*message, Notice::Opened))
                }
                Entry::Stage { message, stage: Stage::Acknowledged } => {
                    Some((*message, Notice::TakenUp))
                }
                _ => end_of(entry).map(|(message, end)| (message, Notice::Ended(end))),
            };
            let Some((message, told)) = told.filter(|(message, _)| own.contains(message)) else {
                continue;
            };
            notices.push((index, message, told));
        }
        notices
    }

    /// Duties of an agency, oldest first.
    pub fn duties(&self, agency: &str) -> Vec<Duty> {
        self.duties.iter().filter(|duty| duty.recipient.agency == agency).cloned().collect()
    }

    /// Numbers of all duties.
    pub fn duty_numbers(&self) -> Vec<usize> {
        self.duties.iter().map(|duty| duty.number).collect()
    }

    /// A recipient answers a duty: "deleted", or a rule. The log index of the answer.
    ///
    /// # Errors
    /// Not its duty; or the data was deleted before and now something else is said.
    pub fn confirm_deletion(
        &mut self,
        agency: &str,
        number: usize,
        answer: &str,
    ) -> Result<usize, Error> {
        let entry = self.log.len();
        let duty = self.duties.iter_mut().find(|duty| duty.number == number);
        let duty = duty.filter(|duty| duty.recipient.agency == agency).ok_or(Error::NotFound)?;
        if let Some((entry, known)) = &duty.answer {
            if known == answer {
                return Ok(*entry);
            }
            if known == "deleted" {
                return Err(Error::Conflict);
            }
        }
        duty.answer = Some((entry, answer.to_owned()));
        let participant = duty.participant;
        let answer = answer.to_owned();
        self.write(participant, Entry::DeletionConfirmed { duty: number, answer });
        Ok(entry)
    }
}

/// The message that an entry ends, and how its sender may know it.
fn end_of(entry: &Entry) -> Option<(usize, End)> {
    match entry {
        Entry::Stopped { message, reason, .. } => {
            let end = match reason {
                StopReason::Expired => End::Expired,
                StopReason::Recalled => End::Recalled,
                StopReason::ConsentEnded | StopReason::Erased => End::NotDelivered,
            };
            Some((*message, end))
        }
        Entry::DeadLettered { message, reason } => {
            Some((*message, End::DeadLettered(reason.clone())))
        }
        _ => None,
    }
}
