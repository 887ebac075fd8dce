//! The fold itself.

use std::collections::BTreeMap;

use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;

use super::{AgreementState, Body, Confirmation, Date, ItemState, Phase, Reply, State};
use crate::fallkonferenz::conference::{Conference, Notice};
use crate::fallkonferenz::plan::Item;
use crate::ids::{Address, AgreementId, ItemId};

impl State {
    pub(in crate::fallkonferenz) fn fold(conference: &Conference) -> Self {
        let mut state = Self {
            phase: Phase::Planned,
            sequence: 0,
            asked: 0,
            proposed: Vec::new(),
            answer_by_ms: None,
            date: None,
            place: String::new(),
            change_reason: None,
            changed_at_ms: 0,
            bodies: BTreeMap::new(),
            items: BTreeMap::new(),
            own: conference.own.clone(),
            convener: conference.convener.clone(),
        };
        if let Some(plan) = &conference.plan {
            state.proposed.clone_from(&plan.dates);
            state.place.clone_from(&plan.place);
            state.answer_by_ms = Some(plan.answer_by_ms);
            let items = plan.items.iter().enumerate();
            let items = items.map(|(place, item)| (item.id, ItemState::planned(place, item)));
            state.items.extend(items);
        }
        let mut notices: Vec<&Notice> = conference.notices.values().collect();
        notices.sort_by_key(|notice| (notice.at_ms, notice.message_id));
        let fold = Fold { conference, notices };
        fold.dates(&mut state);
        fold.parts(&mut state);
        fold.replies(&mut state);
        fold.minutes(&mut state);
        fold.agreements(&mut state);
        if !conference.is_convener() {
            let invited = state.bodies.get(&conference.own).is_some_and(|body| body.invited);
            if !invited && state.phase != Phase::Planned {
                state.phase = Phase::Withdrawn;
            }
        }
        state
    }
}

impl ItemState {
    fn planned(position: usize, item: &Item) -> Self {
        Self {
            position,
            title: item.title.clone(),
            categories: item.categories.clone(),
            minutes_planned: item.minutes,
            notes: item.notes.clone(),
            ..Self::default()
        }
    }
}

/// The messages, the earliest first.
struct Fold<'a> {
    conference: &'a Conference,
    notices: Vec<&'a Notice>,
}

impl<'a> Fold<'a> {
    /// The convener's word. In the convener's own view it stands even if one body's copy was recalled; in a
    /// body's view what was recalled is gone.
    fn of_convener(&self) -> impl Iterator<Item = &'a Notice> + '_ {
        let conference = self.conference;
        let stands = |notice: &&&Notice| {
            notice.from == conference.convener
                && (conference.is_convener() || conference.counts(&notice.message_id))
        };
        self.notices.iter().filter(stands).copied()
    }

    /// The bodies' word, as far as it counts.
    fn of_bodies(&self) -> impl Iterator<Item = &'a Notice> + '_ {
        let conference = self.conference;
        let stands = |notice: &&&Notice| {
            notice.from != conference.convener
                && notice.to == conference.convener
                && conference.counts(&notice.message_id)
        };
        self.notices.iter().filter(stands).copied()
    }

    fn dates(&self, state: &mut State) {
        for notice in self.of_convener() {
            if let Some(Kind::FallkonferenzRequest(request)) = notice.said() {
                state.phase = Phase::Invited;
                state.proposed = dates(&request.proposed_dates);
                state.place.clone_from(&request.place);
                state.answer_by_ms = Some(request.answer_by_ms);
                state.changed_at_ms = notice.at_ms;
            }
        }
        let mut changes: Vec<(u32, &Notice)> = self
            .of_convener()
            .filter_map(|notice| Some((change_sequence(notice.said())?, notice)))
            .collect();
        // The sort is stable: copies for several bodies stay in the order of their making.
        changes.sort_by_key(|(sequence, _)| *sequence);
        for (sequence, notice) in changes {
            state.sequence = sequence;
            state.changed_at_ms = notice.at_ms;
            state.change(notice.said());
        }
    }

    fn parts(&self, state: &mut State) {
        for notice in self.notices.iter().filter(|one| one.from == self.conference.convener) {
            let counts = self.conference.counts(&notice.message_id);
            let body = state.bodies.entry(notice.to.clone()).or_default();
            match notice.said() {
                Some(Kind::FallkonferenzRequest(_)) => {
                    body.invited |= counts;
                    body.invitation_too_late |= self.conference.is_too_late(&notice.message_id);
                }
                Some(Kind::FallkonferenzPart(part)) => {
                    let Some((id, item)) = part.item.as_ref().and_then(item_of) else { continue };
                    if counts {
                        body.items.insert(id);
                    } else if self.conference.is_too_late(&notice.message_id) {
                        body.too_late.insert(id);
                    } else {
                        body.recalled.insert(id);
                    }
                    if counts || self.conference.is_convener() {
                        let next = state.items.len();
                        let position = state.items.get(&id).map_or(next, |known| known.position);
                        state.items.insert(id, ItemState { position, ..item });
                    }
                }
                _ => {}
            }
        }
        for body in state.bodies.values_mut() {
            // What was sent again after a recall is held.
            let Body { items, recalled, too_late, .. } = body;
            too_late.retain(|id| !items.contains(id));
            recalled.retain(|id| !items.contains(id) && !too_late.contains(id));
            body.invitation_too_late &= !body.invited;
        }
    }

    fn replies(&self, state: &mut State) {
        for notice in self.of_bodies() {
            let Some((sequence, reply)) = reply(notice.said()) else { continue };
            if sequence < state.asked {
                continue;
            }
            if let Some(body) = state.bodies.get_mut(&notice.from) {
                body.reply = Some(reply);
            }
        }
    }

    fn minutes(&self, state: &mut State) {
        for notice in self.of_convener() {
            let Some(Kind::FallkonferenzMinutes(minutes)) = notice.said() else { continue };
            let Ok(id) = ItemId::parse(&minutes.item_id) else { continue };
            let position = state.items.len();
            let unknown = || ItemState { position, ..ItemState::default() };
            let item = state.items.entry(id).or_insert_with(unknown);
            if item.minutes.as_ref().is_some_and(|(version, _)| *version > minutes.version) {
                continue;
            }
            item.minutes = Some((minutes.version, minutes.text.clone()));
            item.agreements =
                minutes.agreements.iter().enumerate().filter_map(agreement_of).collect();
        }
        for notice in self.of_bodies() {
            let Some(Kind::FallkonferenzConfirm(confirm)) = notice.said() else { continue };
            let item = ItemId::parse(&confirm.item_id).ok().and_then(|id| state.items.get_mut(&id));
            let Some(item) = item else { continue };
            if item.minutes.as_ref().is_some_and(|(version, _)| *version == confirm.version) {
                let word = match confirm.objection.as_str() {
                    "" => Confirmation::Confirmed,
                    text => Confirmation::Objected(text.to_owned()),
                };
                item.confirmations.insert(notice.from.clone(), word);
            }
        }
    }

    fn agreements(&self, state: &mut State) {
        let said = self.of_convener().chain(self.of_bodies());
        let mut said: Vec<&Notice> = said.collect();
        said.sort_by_key(|notice| (notice.at_ms, notice.message_id));
        for notice in said {
            let (agreement, kept, late) = match notice.said() {
                Some(Kind::FallkonferenzAgreementKept(one)) => {
                    (&one.agreement_id, Some(one.kept_at_ms), None)
                }
                Some(Kind::FallkonferenzAgreementLate(one)) => {
                    (&one.agreement_id, None, Some((one.expected_by_ms, one.text.clone())))
                }
                _ => continue,
            };
            let Ok(id) = AgreementId::parse(agreement) else { continue };
            let mut items = state.items.values_mut();
            let Some(found) = items.find_map(|item| item.agreements.get_mut(&id)) else { continue };
            if notice.from != found.who && notice.from != self.conference.convener {
                continue;
            }
            found.kept_at_ms = found.kept_at_ms.into_iter().chain(kept).min();
            found.late = late.or(found.late.take());
        }
    }
}

impl State {
    fn change(&mut self, said: Option<&Kind>) {
        match said {
            Some(Kind::FallkonferenzFix(fix)) => {
                self.phase = Phase::Fixed;
                self.date = fix.date.as_ref().map(Date::of);
                self.place.clone_from(&fix.place);
                self.change_reason = None;
            }
            Some(Kind::FallkonferenzMove(moved)) => {
                self.asked = moved.sequence;
                self.proposed = dates(&moved.dates);
                self.place.clone_from(&moved.place);
                self.change_reason = Some(moved.reason());
                self.answer_by_ms = Some(moved.answer_by_ms).filter(|by| *by > 0);
                if let [one] = self.proposed.as_slice() {
                    (self.phase, self.date) = (Phase::Fixed, Some(*one));
                } else {
                    self.phase = Phase::Invited;
                }
            }
            Some(Kind::FallkonferenzCancel(cancel)) => {
                self.phase = Phase::Cancelled;
                self.change_reason = Some(cancel.reason());
            }
            _ => {}
        }
    }
}

/// Number of a change of the dates; none of any other message.
pub(in crate::fallkonferenz) fn change_sequence(said: Option<&Kind>) -> Option<u32> {
    match said {
        Some(Kind::FallkonferenzFix(one)) => Some(one.sequence),
        Some(Kind::FallkonferenzMove(one)) => Some(one.sequence),
        Some(Kind::FallkonferenzCancel(one)) => Some(one.sequence),
        _ => None,
    }
}

fn reply(said: Option<&Kind>) -> Option<(u32, Reply)> {
    match said {
        Some(Kind::FallkonferenzAccept(one)) => {
            Some((one.sequence, Reply::Accepted(dates(&one.dates))))
        }
        Some(Kind::FallkonferenzDecline(one)) => {
            let reply = Reply::Declined { reason: one.reason(), text: one.text.clone() };
            Some((one.sequence, reply))
        }
        Some(Kind::FallkonferenzPropose(one)) => {
            Some((one.sequence, Reply::Proposed(dates(&one.dates))))
        }
        Some(Kind::FallkonferenzAnswer(one)) => {
            let reply = match one.reply() {
                v1::FallkonferenzReply::Accept => {
                    Reply::Accepted(one.chosen_date.iter().map(Date::of).collect())
                }
                v1::FallkonferenzReply::Decline => Reply::Declined {
                    reason: v1::FallkonferenzDeclineReason::Other,
                    text: one.reason.clone(),
                },
                v1::FallkonferenzReply::Propose => Reply::Proposed(dates(&one.other_dates)),
                v1::FallkonferenzReply::Unspecified => return None,
            };
            Some((0, reply))
        }
        _ => None,
    }
}

fn item_of(item: &v1::AgendaItem) -> Option<(ItemId, ItemState)> {
    let state = ItemState {
        title: item.title.clone(),
        categories: item.categories.iter().cloned().collect(),
        minutes_planned: item.minutes,
        notes: item.notes.clone(),
        ..ItemState::default()
    };
    Some((ItemId::parse(&item.item_id).ok()?, state))
}

fn agreement_of(
    (position, agreement): (usize, &v1::Agreement),
) -> Option<(AgreementId, AgreementState)> {
    let state = AgreementState {
        position,
        who: Address::new(&agreement.agency, &agreement.function).ok()?,
        what: agreement.what.clone(),
        until_ms: agreement.until_ms,
        kept_at_ms: None,
        late: None,
    };
    Some((AgreementId::parse(&agreement.agreement_id).ok()?, state))
}

fn dates(dates: &[v1::ProposedDate]) -> Vec<Date> {
    dates.iter().map(Date::of).collect()
}
