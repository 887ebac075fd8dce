//! Operations about what senders and recipients are told, on both sides.

use schleuse_broker::domain::command::{Command, DeliveryCommand, DeliveryOutcome, Outcome};
use schleuse_broker::domain::delivery::{
    DeadLetterReason, DeletionAnswer, MessageEnd, NoticeKind, NoticeRow, RecallOutcome,
    RejectOutcome, RetentionRule,
};
use schleuse_broker::domain::event::DeliveryEvent;
use schleuse_broker::domain::ids::MessageId;
use schleuse_proto::identity::Role;

use super::entries::{consent_name, same_refusal};
use super::ops::Op;
use super::{AGENCIES, Pair, actor};
use crate::model::delivery::{End, Notice, Recalled, Rejected};
use crate::model::{self, Entry};

const REASONS: [(DeadLetterReason, &str); 4] = [
    (DeadLetterReason::CannotOpen, "cannot-open"),
    (DeadLetterReason::Misdirected, "misdirected"),
    (DeadLetterReason::UnknownVersion, "unknown-version"),
    (DeadLetterReason::Unreadable, "unreadable"),
];
const RULE: &str = "§ 84 SGB X";

fn reason_name(reason: DeadLetterReason) -> String {
    let known = REASONS.iter().find(|(it, _)| *it == reason);
    known.map_or("attempts", |(_, name)| *name).to_owned()
}

fn end(end: MessageEnd) -> End {
    match end {
        MessageEnd::Expired => End::Expired,
        MessageEnd::Recalled => End::Recalled,
        MessageEnd::NotDelivered => End::NotDelivered,
        MessageEnd::DeadLettered(reason) => End::DeadLettered(reason_name(reason)),
    }
}

fn answer_name(answer: &DeletionAnswer) -> String {
    match answer {
        DeletionAnswer::Deleted => "deleted".to_owned(),
        DeletionAnswer::Retained(rule) => rule.as_str().to_owned(),
    }
}

pub(super) fn delivery_entry(event: &DeliveryEvent) -> Entry {
    match event {
        DeliveryEvent::DeadLettered { message, reason, .. } => {
            Entry::DeadLettered { message: *message as usize, reason: reason_name(*reason) }
        }
        DeliveryEvent::MailboxRead { recipient } => {
            Entry::MailboxRead { recipient: address(recipient) }
        }
        DeliveryEvent::BasisEnded(event) => {
            assert_eq!(event.more, 0);
            Entry::BasisEnded {
                // Of somebody erased, no consent has a name any more.
                consent: event.consent.id().map(consent_name).unwrap_or_default(),
                recipient: address(&event.recipient),
                messages: event.messages.iter().map(|(number, _)| *number as usize).collect(),
            }
        }
        DeliveryEvent::DeletionConfirmed { duty, answer, .. } => {
            Entry::DeletionConfirmed { duty: *duty as usize, answer: answer_name(answer) }
        }
    }
}

fn address(address: &schleuse_broker::domain::ids::Address) -> model::Address {
    model::Address { agency: address.agency.to_string(), function: address.function().to_owned() }
}

impl Pair {
    pub(super) fn play_delivery(&mut self, op: &Op) {
        match op {
            Op::Recall { agency, own, choices } => self.recall(*agency, *own, choices),
            Op::Reject { agency, own, choices, reason } => {
                self.reject(AGENCIES[*agency], *own, choices, *reason);
            }
            Op::ConfirmDeletion { agency, own, choice, deleted } => {
                self.confirm_deletion(*agency, *own, *choice, *deleted);
            }
            _ => panic!("{op:?} is not about delivery"),
        }
    }

    fn deliver(&mut self, command: DeliveryCommand) -> DeliveryOutcome {
        match self.step(Command::Delivery(command)) {
            Ok(Outcome::Delivery(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn recall(&mut self, agency: usize, own: bool, choices: &[usize]) {
        let chosen = choices.iter().filter_map(|back| self.submitted.iter().rev().nth(*back));
        let chosen: Vec<_> = chosen.cloned().collect();
        let Some(first) = chosen.first() else { return };
        let agency = if own { first.sender.agency.clone() } else { AGENCIES[agency].to_owned() };
        let ids: Vec<String> = chosen.iter().map(|it| it.message_id.clone()).collect();
        let real_id =
            |id: &String| MessageId::from_bytes(id.parse::<u128>().unwrap().to_be_bytes());
        let messages = ids.iter().map(real_id).collect();
        let actor = actor(&agency, Role::System, None);
        let outcome = self.deliver(DeliveryCommand::Recall { actor, messages });
        let DeliveryOutcome::Recalled { results, recalled } = outcome else { panic!() };
        let real: Vec<Recalled> = results
            .iter()
            .map(|outcome| match *outcome {
                RecallOutcome::Recalled(record) => Recalled::Waiting(record as usize),
                RecallOutcome::RecalledAfterHandOut(record) => Recalled::HandedOut(record as usize),
                RecallOutcome::TakenUp(record) => Recalled::TakenUp(record as usize),
                RecallOutcome::Ended(record, why) => Recalled::Ended(record as usize, end(why)),
                RecallOutcome::Unknown => Recalled::Unknown,
            })
            .collect();
        assert_eq!(real, self.model.recall(&agency, &ids, self.now));
        // What ended is waited for, so that nothing of it is in flight when the answer is given.
        let ended =
            real.iter().filter(|it| !matches!(it, Recalled::TakenUp(_) | Recalled::Unknown));
        assert_eq!(recalled.len(), ended.count());
    }

    fn reject(&mut self, agency: &str, own: bool, choices: &[usize], reason: usize) {
        let received = self.received.iter().filter(|(by, _)| by == agency).map(|(_, it)| *it);
        let from: Vec<u64> = if own { received.collect() } else { self.decided.clone() };
        if from.is_empty() {
            return;
        }
        let newest = from.iter().rev();
        let messages: Vec<u64> =
            choices.iter().filter_map(|it| newest.clone().nth(it % from.len()).copied()).collect();
        let (reason, name) = REASONS[reason];
        let numbers: Vec<usize> = messages.iter().map(|number| *number as usize).collect();
        let actor = actor(agency, Role::System, None);
        let command = DeliveryCommand::Reject { actor, messages, reason };
        let real = self.step(Command::Delivery(command));
        let model = self.model.reject(agency, &numbers, name, self.now);
        match (real, model) {
            (Ok(Outcome::Delivery(DeliveryOutcome::Rejected(real))), Ok(model)) => {
                let real = real.iter().map(|outcome| match *outcome {
                    RejectOutcome::DeadLettered(record) => Rejected::DeadLettered(record as usize),
                    RejectOutcome::TakenUp(record) => Rejected::TakenUp(record as usize),
                    RejectOutcome::Ended => Rejected::Ended,
                });
                assert_eq!(real.collect::<Vec<_>>(), model);
            }
            (Err(real), Err(model)) => assert!(same_refusal(&real, model), "{real:?} {model:?}"),
            (real, model) => panic!("{real:?} {model:?}"),
        }
    }

    fn confirm_deletion(&mut self, agency: usize, own: bool, choice: usize, deleted: bool) {
        let numbers = self.model.duty_numbers();
        let Some(number) = numbers.iter().rev().nth(choice).copied() else { return };
        let of = |agency: &&str| self.model.duties(agency).iter().any(|it| it.number == number);
        let owner = AGENCIES.iter().copied().find(of).filter(|_| own);
        let agency = owner.unwrap_or(AGENCIES[agency]);
        let (answer, name) = if deleted {
            (DeletionAnswer::Deleted, "deleted")
        } else {
            (DeletionAnswer::Retained(RetentionRule::parse(RULE).unwrap()), RULE)
        };
        let actor = actor(agency, Role::System, None);
        let duty = number as u64;
        let command = DeliveryCommand::ConfirmDeletion { actor, duty, answer };
        let real = self.step(Command::Delivery(command));
        let model = self.model.confirm_deletion(agency, number, name);
        match (real, model) {
            (Ok(Outcome::Recorded(real)), Ok(model)) => assert_eq!(real as usize, model),
            (Err(real), Err(model)) => {
                let conflict = model == model::Error::Conflict;
                assert!(conflict || same_refusal(&real, model), "{real:?} {model:?}");
            }
            (real, model) => panic!("{real:?} {model:?}"),
        }
    }

    /// What every agency is told and owes, on both sides.
    pub(super) fn compare_delivery(&mut self) {
        for agency in AGENCIES {
            let actor = actor(agency, Role::System, None);
            let most = 10_000;
            let command = DeliveryCommand::ReadNotices { actor, after: 0, most };
            let outcome = self.deliver(command);
            let DeliveryOutcome::Notices { rows, more, gap } = outcome else { panic!() };
            assert!(!more && !gap);
            let (mut told, mut duties) = (Vec::new(), Vec::new());
            for row in rows {
                match row {
                    NoticeRow::OfMessage { number, kind, message, .. } => {
                        let kind = match kind {
                            NoticeKind::HandedOut => Notice::HandedOut,
                            NoticeKind::Opened => Notice::Opened,
                            NoticeKind::TakenUp(_) => Notice::TakenUp,
                            NoticeKind::Ended(why) => Notice::Ended(end(why)),
                        };
                        told.push((number as usize, message as usize, kind));
                    }
                    NoticeRow::BasisEnded(row) => {
                        let messages = row.messages.iter().map(|(number, _)| *number as usize);
                        let answer = row
                            .answer
                            .as_ref()
                            .map(|(stamp, answer)| (stamp.record as usize, answer_name(answer)));
                        let recipient = address(&row.recipient.unwrap());
                        let messages: Vec<usize> = messages.collect();
                        duties.push((row.number as usize, recipient, messages, row.due, answer));
                    }
                }
            }
            assert_eq!(told, self.model.notices(agency), "{agency}");
            let model = self.model.duties(agency).into_iter();
            let model = model.map(|it| (it.number, it.recipient, it.messages, it.due, it.answer));
            assert_eq!(duties, model.collect::<Vec<_>>(), "{agency}");
        }
    }
}
