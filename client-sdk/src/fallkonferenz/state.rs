//! What follows from the messages of a conference: a fold over a set, so that no order matters.
//!
//! Only the convener's word counts on dates, items and minutes; only a body's own word on its answer and
//! confirmation; on an agreement the word of the body that it binds, or the convener's. Of two words on the same
//! thing the later one counts, and of equally late ones the one with the greater message identifier.

mod fold;
mod open;

use std::collections::{BTreeMap, BTreeSet};

use schleuse_proto::v1;

use crate::ids::{Address, AgreementId, ItemId};

pub(super) use fold::change_sequence;
pub use open::{Open, Task};

/// A date with its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Begin.
    pub starts_at_ms: i64,
    /// Length in minutes.
    pub minutes: u32,
}

impl Date {
    pub(super) fn of(date: &v1::ProposedDate) -> Self {
        Self { starts_at_ms: date.starts_at_ms, minutes: date.minutes }
    }

    pub(super) fn to_wire(self) -> v1::ProposedDate {
        v1::ProposedDate { starts_at_ms: self.starts_at_ms, minutes: self.minutes }
    }

    /// First instant after it.
    #[must_use]
    pub fn ends_at_ms(self) -> i64 {
        self.starts_at_ms.saturating_add(i64::from(self.minutes).saturating_mul(60_000))
    }
}

/// How far a conference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody was invited yet.
    Planned,
    /// Dates are proposed.
    Invited,
    /// A date is fixed.
    Fixed,
    /// It does not take place.
    Cancelled,
    /// The invitation of this body was recalled.
    Withdrawn,
}

/// What a body answered to the dates that were asked last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Takes part on any of these.
    Accepted(Vec<Date>),
    /// Does not take part.
    Declined {
        /// Why.
        reason: v1::FallkonferenzDeclineReason,
        /// Explanation; may be empty.
        text: String,
    },
    /// Would come on these.
    Proposed(Vec<Date>),
}

/// A body at the table. In a body's own view there is only itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// Whether its invitation stands.
    pub invited: bool,
    /// Its answer, if it gave one to the newest dates.
    pub reply: Option<Reply>,
    /// Items that it holds.
    pub items: BTreeSet<ItemId>,
    /// Items that it was sent and does not have: they were recalled in time, or not delivered.
    pub recalled: BTreeSet<ItemId>,
    /// Items that it has and is told nothing more of: they were recalled too late.
    pub too_late: BTreeSet<ItemId>,
    /// Whether it is no longer invited and has its invitation: that was recalled too late.
    pub invitation_too_late: bool,
}

/// Whether minutes are confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Confirmed.
    Confirmed,
    /// Objected to, for this reason.
    Objected(String),
}

/// An item and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemState {
    /// Place among the items that are known here, from 0: with the convener that of the agenda, with a body that of
    /// the items that it received, in the order of their making.
    pub position: usize,
    /// Title; empty if only its minutes are known.
    pub title: String,
    /// Category codes.
    pub categories: BTreeSet<String>,
    /// Planned minutes.
    pub minutes_planned: u32,
    /// What is to be known beforehand.
    pub notes: String,
    /// Version and text of the newest minutes.
    pub minutes: Option<(u32, String)>,
    /// Who confirmed these minutes, or objected to them.
    pub confirmations: BTreeMap<Address, Confirmation>,
    /// What these minutes say was agreed.
    pub agreements: BTreeMap<AgreementId, AgreementState>,
}

/// What was agreed, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementState {
    /// Place in the minutes, from 0.
    pub position: usize,
    /// Who does it.
    pub who: Address,
    /// What.
    pub what: String,
    /// First instant at which it is overdue.
    pub until_ms: i64,
    /// When it was kept.
    pub kept_at_ms: Option<i64>,
    /// When it is expected, and why it is late.
    pub late: Option<(i64, String)>,
}

/// How an agreement stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgreementStatus {
    /// Not due yet.
    Open,
    /// Kept in time.
    Kept,
    /// Kept, but too late.
    KeptLate,
    /// Announced to be late, and not overdue by that either.
    Late,
    /// Not kept although it is due.
    Overdue,
}

impl ItemState {
    /// What was agreed, in the order of the minutes.
    #[must_use]
    pub fn agreed(&self) -> Vec<(&AgreementId, &AgreementState)> {
        let mut agreed: Vec<_> = self.agreements.iter().collect();
        agreed.sort_by_key(|(id, one)| (one.position, **id));
        agreed
    }
}

impl AgreementState {
    /// How it stands at an instant.
    #[must_use]
    pub fn status(&self, now_ms: i64) -> AgreementStatus {
        match (self.kept_at_ms, &self.late) {
            (Some(at), _) if at < self.until_ms => AgreementStatus::Kept,
            (Some(_), _) => AgreementStatus::KeptLate,
            (None, Some((by, _))) if now_ms < (*by).max(self.until_ms) => AgreementStatus::Late,
            (None, _) if now_ms >= self.until_ms => AgreementStatus::Overdue,
            (None, _) => AgreementStatus::Open,
        }
    }
}

/// A conference at one point of its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// How far it is.
    pub phase: Phase,
    /// Number of the newest change of the dates; 0: the invitation.
    pub sequence: u32,
    /// Number of the dates that the bodies are to answer.
    pub asked: u32,
    /// Proposed dates.
    pub proposed: Vec<Date>,
    /// When to answer by.
    pub answer_by_ms: Option<i64>,
    /// The fixed date; of a cancelled or reopened conference the one that was fixed last.
    pub date: Option<Date>,
    /// Room or link.
    pub place: String,
    /// Why it was moved or cancelled last.
    pub change_reason: Option<v1::FallkonferenzChangeReason>,
    /// When the newest word on the dates was said.
    pub changed_at_ms: i64,
    /// Bodies.
    pub bodies: BTreeMap<Address, Body>,
    /// Items that are known here.
    pub items: BTreeMap<ItemId, ItemState>,
    pub(super) own: Address,
    pub(super) convener: Address,
}

impl State {
    /// Items in the order of the agenda, as far as they are known here.
    #[must_use]
    pub fn agenda(&self) -> Vec<(&ItemId, &ItemState)> {
        let mut agenda: Vec<_> = self.items.iter().collect();
        agenda.sort_by_key(|(id, item)| (item.position, **id));
        agenda
    }

    /// Bodies that hold an item.
    #[must_use]
    pub fn holders(&self, item: &ItemId) -> BTreeSet<Address> {
        let holders = self.bodies.iter().filter(|(_, body)| body.items.contains(item));
        holders.map(|(address, _)| address.clone()).collect()
    }

    /// Agreements with their items, in the order of the agenda and of the minutes.
    pub fn agreements(
        &self,
    ) -> impl Iterator<Item = (&ItemId, &AgreementId, &AgreementState)> + '_ {
        let items = self.agenda().into_iter();
        items.flat_map(|(item, state)| {
            state.agreed().into_iter().map(move |(id, one)| (item, id, one))
        })
    }
}
