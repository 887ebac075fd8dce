//! What is open, and whose turn it is.

use super::{AgreementStatus, Confirmation, Phase, State};
use crate::ids::{Address, AgreementId, ItemId};

/// What somebody is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Invite.
    Invite,
    /// Answer the invitation.
    Answer,
    /// Fix, move or cancel: all have answered, or the time for it has passed.
    Fix,
    /// Write the minutes of an item.
    WriteMinutes(ItemId),
    /// Confirm the minutes of an item, or object to them.
    Confirm(ItemId),
    /// Correct the minutes of an item: somebody objected.
    CorrectMinutes(ItemId),
    /// Keep an agreement.
    Keep(ItemId, AgreementId),
}

/// Something that is open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Open {
    /// Whose turn it is.
    pub who: Address,
    /// What is to be done.
    pub task: Task,
    /// Until when, if there is an end.
    pub due_ms: Option<i64>,
    /// Whether that has passed.
    pub is_overdue: bool,
}

impl State {
    /// What is open at an instant, sorted by whose turn it is, and for each in the order of the agenda.
    #[must_use]
    pub fn open(&self, now_ms: i64) -> Vec<Open> {
        let mut open = Vec::new();
        let mut add = |who: &Address, task, due_ms: Option<i64>| {
            let is_overdue = due_ms.is_some_and(|due| now_ms >= due);
            open.push(Open { who: who.clone(), task, due_ms, is_overdue });
        };
        match self.phase {
            Phase::Planned => add(&self.convener, Task::Invite, None),
            Phase::Invited => {
                let mut waiting = false;
                for (address, body) in self.bodies.iter().filter(|(_, body)| body.invited) {
                    if body.reply.is_none() {
                        waiting = true;
                        add(address, Task::Answer, self.answer_by_ms);
                    }
                }
                let passed = self.answer_by_ms.is_some_and(|by| now_ms >= by);
                let knows = self.own == self.convener || passed;
                if knows && (!waiting || passed) {
                    add(&self.convener, Task::Fix, None);
                }
            }
            Phase::Fixed if self.date.is_some_and(|date| now_ms >= date.ends_at_ms()) => {
                for (id, item) in self.agenda() {
                    if item.minutes.is_none() {
                        add(&self.convener, Task::WriteMinutes(*id), None);
                    }
                }
            }
            Phase::Fixed | Phase::Cancelled => {}
            Phase::Withdrawn => return Vec::new(),
        }
        for (id, item) in self.agenda().into_iter().filter(|(_, item)| item.minutes.is_some()) {
            let objected = |word: &Confirmation| matches!(word, Confirmation::Objected(_));
            if item.confirmations.values().any(objected) {
                add(&self.convener, Task::CorrectMinutes(*id), None);
            }
            for address in self.holders(id) {
                if !item.confirmations.contains_key(&address) {
                    add(&address, Task::Confirm(*id), None);
                }
            }
        }
        for (item, id, agreement) in self.agreements() {
            match agreement.status(now_ms) {
                AgreementStatus::Kept | AgreementStatus::KeptLate => {}
                AgreementStatus::Open | AgreementStatus::Late | AgreementStatus::Overdue => {
                    let expected = agreement.late.as_ref().map(|(by, _)| *by);
                    let due = expected.unwrap_or_default().max(agreement.until_ms);
                    add(&agreement.who, Task::Keep(*item, *id), Some(due));
                }
            }
        }
        // The sort is stable: each one's tasks stay in their order.
        open.sort_by(|one, other| one.who.cmp(&other.who));
        open
    }
}
