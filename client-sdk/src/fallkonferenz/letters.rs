//! What a body has to say: messages that follow from the view it has, each to one recipient.

use std::collections::BTreeSet;

use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;

use super::conference::{Conference, Notice};
use super::plan::frame_categories;
use super::state::{Body, Date, ItemState, Phase, Reply, State, change_sequence};
use crate::content::Content;
use crate::error::ClientError;
use crate::ids::{Address, AgreementId, ItemId};

/// Kind of a fixed date.
const FIX: &str = "fallkonferenz.fix";
/// Kind of a new date, or of new ones to choose from.
const MOVE: &str = "fallkonferenz.move";
/// Kind of a cancellation.
const CANCEL: &str = "fallkonferenz.cancel";

/// Kind of minutes.
const MINUTES: &str = "fallkonferenz.minutes";

/// One message to one recipient, to be sealed by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Who receives it.
    pub recipient: Address,
    /// Kind code of the catalogue.
    pub kind: &'static str,
    /// Category codes of its label.
    pub categories: BTreeSet<String>,
    /// Whether its content is a professional secret (§ 203 StGB). The convener's plan says so; a body says so itself.
    pub professional_secret: bool,
    /// The item that it is about; none: dates and places only.
    pub item: Option<ItemId>,
    /// What it says.
    pub content: Content,
}

impl Conference {
    /// Takes part on any of these dates, the preferred one first.
    ///
    /// # Errors
    /// The convener does not answer itself, or a date is out of its range.
    pub fn accept(&self, dates: &[Date]) -> Result<Letter, ClientError> {
        let accept = v1::FallkonferenzAccept {
            conference_id: self.id.to_bytes(),
            sequence: self.state().asked,
            dates: dates.iter().map(|date| date.to_wire()).collect(),
        };
        self.answer("fallkonferenz.accept", Kind::FallkonferenzAccept(accept))
    }

    /// Does not take part.
    ///
    /// # Errors
    /// The convener does not answer itself, or reason and text do not fit.
    pub fn decline(
        &self,
        reason: v1::FallkonferenzDeclineReason,
        text: &str,
    ) -> Result<Letter, ClientError> {
        let decline = v1::FallkonferenzDecline {
            conference_id: self.id.to_bytes(),
            sequence: self.state().asked,
            reason: reason.into(),
            text: text.to_owned(),
        };
        self.answer("fallkonferenz.decline", Kind::FallkonferenzDecline(decline))
    }

    /// Proposes other dates, the preferred one first.
    ///
    /// # Errors
    /// The convener does not answer itself, or a date is out of its range.
    pub fn propose(&self, dates: &[Date]) -> Result<Letter, ClientError> {
        let propose = v1::FallkonferenzPropose {
            conference_id: self.id.to_bytes(),
            sequence: self.state().asked,
            dates: dates.iter().map(|date| date.to_wire()).collect(),
        };
        self.answer("fallkonferenz.propose", Kind::FallkonferenzPropose(propose))
    }

    /// Fixes the date, for all who were invited and did not decline. The same word again is for those whom it did not
    /// reach, if there are any.
    ///
    /// # Errors
    /// Not the convener, nobody was invited or all have declined, it was cancelled, or a field is out of its range.
    pub fn fix(&self, date: Date, place: &str) -> Result<Vec<Letter>, ClientError> {
        let state = self.convener_state()?;
        self.to_all(&state, FIX, |sequence| {
            Kind::FallkonferenzFix(v1::FallkonferenzFix {
                conference_id: self.id.to_bytes(),
                sequence,
                date: Some(date.to_wire()),
                place: place.to_owned(),
            })
        })
    }

    /// Moves the conference: one new date is fixed, of several the bodies choose again, those too who had
    /// declined the former dates. The same word again is for those whom it did not reach, if there are any.
    ///
    /// # Errors
    /// Not the convener, nobody was invited, it was cancelled, or a field is out of its range.
    pub fn move_to(
        &self,
        dates: &[Date],
        reason: v1::FallkonferenzChangeReason,
        place: &str,
        answer_by_ms: Option<i64>,
    ) -> Result<Vec<Letter>, ClientError> {
        let state = self.convener_state()?;
        self.to_all(&state, MOVE, |sequence| {
            Kind::FallkonferenzMove(v1::FallkonferenzMove {
                conference_id: self.id.to_bytes(),
                sequence,
                dates: dates.iter().map(|date| date.to_wire()).collect(),
                reason: reason.into(),
                place: place.to_owned(),
                answer_by_ms: answer_by_ms.unwrap_or_default(),
            })
        })
    }

    /// Cancels the conference, for all who were invited and did not decline. One that was cancelled is cancelled for
    /// those whom that did not reach, with the reason that the others were told.
    ///
    /// # Errors
    /// Not the convener, nobody was invited or all have declined, all were told before, or no reason.
    pub fn cancel(
        &self,
        reason: v1::FallkonferenzChangeReason,
    ) -> Result<Vec<Letter>, ClientError> {
        let state = self.convener_state()?;
        if let Some((kind, newest)) = self.newest_change().filter(|(kind, _)| *kind == CANCEL) {
            let rest = self.unreached(&state, kind, &newest.content);
            if !rest.is_empty() {
                return Ok(rest);
            }
        }
        self.to_all(&state, CANCEL, |sequence| {
            Kind::FallkonferenzCancel(v1::FallkonferenzCancel {
                conference_id: self.id.to_bytes(),
                sequence,
                reason: reason.into(),
            })
        })
    }

    /// Minutes of an item, or corrected ones, for those who hold it. An agreement binds the convener or one of
    /// them. Corrected minutes replace the former ones: agreements that go on are among them, with their identifiers.
    /// The same minutes again are for those whom they did not reach, if there are any.
    ///
    /// # Errors
    /// Not the convener, no such item, nobody holds it, an agreement of a body that does not hold it, or a field out
    /// of its range.
    pub fn minutes(
        &self,
        item: ItemId,
        text: &str,
        agreements: Vec<v1::Agreement>,
    ) -> Result<Vec<Letter>, ClientError> {
        let state = self.convener_state()?;
        let known = known_item(&state, &item)?;
        let holders = state.holders(&item);
        for agreement in &agreements {
            let who = Address::new(&agreement.agency, &agreement.function)?;
            if who != self.convener && !holders.contains(&who) {
                let expected = "the convener or a body that received the item";
                return Err(ClientError::argument("agreement", expected));
            }
        }
        let known = known.minutes.as_ref().map_or(0, |(version, _)| *version);
        let minutes = |version| {
            Kind::FallkonferenzMinutes(v1::FallkonferenzMinutes {
                conference_id: self.id.to_bytes(),
                item_id: item.to_bytes(),
                version,
                text: text.to_owned(),
                agreements: agreements.clone(),
            })
        };
        if known > 0 {
            let again = Content::of(minutes(known))?;
            let mut rest = self.about_item(&state, item, MINUTES, &minutes(known))?;
            rest.retain(|letter| !self.has(&letter.recipient, &again));
            let mut own = self.notices.values().filter(|notice| notice.from == self.convener);
            if !rest.is_empty() && own.any(|notice| notice.content == again) {
                return Ok(rest);
            }
        }
        self.about_item(&state, item, MINUTES, &minutes(known.saturating_add(1)))
    }

    /// Confirms the newest minutes of an item, or objects to them.
    ///
    /// # Errors
    /// No such item, there are no minutes, the convener does not confirm its own, or the objection is too long.
    pub fn confirm(&self, item: ItemId, objection: &str) -> Result<Letter, ClientError> {
        let state = self.state();
        let minutes = known_item(&state, &item)?.minutes.as_ref();
        let expected = "an item whose minutes came; see: conference take, conference show";
        let (version, _) = minutes.ok_or_else(|| ClientError::argument("item", expected))?;
        let confirm = v1::FallkonferenzConfirm {
            conference_id: self.id.to_bytes(),
            item_id: item.to_bytes(),
            version: *version,
            objection: objection.to_owned(),
        };
        let kind = Kind::FallkonferenzConfirm(confirm);
        let letters = self.about_item(&state, item, "fallkonferenz.confirm", &kind)?;
        self.one_to_convener(letters)
    }

    /// Reports an agreement kept: a body to the convener, the convener to those who hold the item.
    ///
    /// # Errors
    /// There is no such agreement, or nobody to tell.
    pub fn kept(
        &self,
        agreement: AgreementId,
        kept_at_ms: i64,
    ) -> Result<Vec<Letter>, ClientError> {
        let state = self.state();
        let item = item_of(&state, agreement)?;
        let kind = Kind::FallkonferenzAgreementKept(v1::FallkonferenzAgreementKept {
            conference_id: self.id.to_bytes(),
            item_id: item.to_bytes(),
            agreement_id: agreement.to_bytes(),
            kept_at_ms,
        });
        self.about_item(&state, item, "fallkonferenz.agreement-kept", &kind)
    }

    /// Reports that an agreement will be kept later: a body to the convener, the convener to those who hold the
    /// item.
    ///
    /// # Errors
    /// There is no such agreement, nobody to tell, or the text is too long.
    pub fn late(
        &self,
        agreement: AgreementId,
        expected_by_ms: i64,
        text: &str,
    ) -> Result<Vec<Letter>, ClientError> {
        let state = self.state();
        let item = item_of(&state, agreement)?;
        let kind = Kind::FallkonferenzAgreementLate(v1::FallkonferenzAgreementLate {
            conference_id: self.id.to_bytes(),
            item_id: item.to_bytes(),
            agreement_id: agreement.to_bytes(),
            expected_by_ms,
            text: text.to_owned(),
        });
        self.about_item(&state, item, "fallkonferenz.agreement-late", &kind)
    }

    /// What the convener said last about the dates, if that was after the invitation, for an invited body that does
    /// not have it. Who declined is told only if it is invited anew.
    pub(super) fn missing_change(&self, recipient: &Address, is_new: bool) -> Option<Letter> {
        let (kind, newest) = self.newest_change()?;
        let state = self.state();
        let body = state.bodies.get(recipient)?;
        let is_told = is_concerned(body, is_new) && !self.has(recipient, &newest.content);
        is_told.then(|| self.about_dates(recipient, kind, newest.content.clone()))
    }

    /// The convener's newest change of the dates with its kind: of equally numbered ones the one that counts.
    fn newest_change(&self) -> Option<(&'static str, &Notice)> {
        let own = self.notices.values().filter(|notice| notice.from == self.convener);
        let changes = own.filter_map(|notice| Some((change_sequence(notice.said())?, notice)));
        let newest = changes.max_by_key(|(sequence, one)| (*sequence, one.at_ms, one.message_id));
        let (_, newest) = newest?;
        let kind = match newest.said() {
            Some(Kind::FallkonferenzFix(_)) => FIX,
            Some(Kind::FallkonferenzMove(_)) => MOVE,
            Some(Kind::FallkonferenzCancel(_)) => CANCEL,
            _ => return None,
        };
        Some((kind, newest))
    }

    /// Whether a body has exactly this from the convener.
    fn has(&self, body: &Address, content: &Content) -> bool {
        self.notices.values().any(|notice| {
            notice.from == self.convener
                && notice.to == *body
                && notice.content == *content
                && self.counts(&notice.message_id)
        })
    }

    fn answer(&self, kind: &'static str, content: Kind) -> Result<Letter, ClientError> {
        if self.is_convener() {
            return Err(ClientError::argument("conference", "one to which another body invited"));
        }
        not_cancelled(&self.state())?;
        Ok(self.about_dates(&self.convener, kind, Content::of(content)?))
    }

    /// A message about dates and places only.
    fn about_dates(&self, recipient: &Address, kind: &'static str, content: Content) -> Letter {
        Letter {
            recipient: recipient.clone(),
            kind,
            categories: frame_categories(self.is_about_participant()),
            professional_secret: self.is_secret(None),
            item: None,
            content,
        }
    }

    /// A change of the dates to all who were invited; an error where it would reach nobody, or would revive what was
    /// cancelled. A change that was begun, because sending broke off, is finished under its number, so that answers to
    /// it count.
    fn to_all(
        &self,
        state: &State,
        kind: &'static str,
        change: impl Fn(u32) -> Kind,
    ) -> Result<Vec<Letter>, ClientError> {
        not_cancelled(state)?;
        if state.phase == Phase::Planned {
            let expected = "one to which bodies were invited; first: conference invite";
            return Err(ClientError::argument("conference", expected));
        }
        let next = Content::of(change(state.sequence.saturating_add(1)))?;
        if let Some((_, newest)) = self.newest_change() {
            let again = Content::of(change(state.sequence))?;
            let rest = self.unreached(state, kind, &again);
            if newest.content == again && !rest.is_empty() {
                return Ok(rest);
            }
        }
        let concerned = concerned(state, kind);
        let letters = concerned.map(|body| self.about_dates(body, kind, next.clone())).collect();
        let expected = if kind == MOVE {
            "one with a body that is still invited; see: conference show"
        } else {
            "one with a body that is invited and did not decline; to ask again: conference move"
        };
        some("conference", letters, expected)
    }

    /// A change of the dates for those who are concerned and do not have it.
    fn unreached(&self, state: &State, kind: &'static str, content: &Content) -> Vec<Letter> {
        let bodies = concerned(state, kind).filter(|body| !self.has(body, content));
        bodies.map(|body| self.about_dates(body, kind, content.clone())).collect()
    }

    /// A message about an item: from the convener to all who hold it, from a body to the convener.
    fn about_item(
        &self,
        state: &State,
        item: ItemId,
        kind: &'static str,
        content: &Kind,
    ) -> Result<Vec<Letter>, ClientError> {
        let known = known_item(state, &item)?;
        let content = Content::of(content.clone())?;
        let recipients = if self.is_convener() {
            state.holders(&item)
        } else {
            BTreeSet::from([self.convener.clone()])
        };
        let letters = recipients.into_iter().map(|recipient| Letter {
            recipient,
            kind,
            categories: known.categories.clone(),
            professional_secret: self.is_secret(Some(&item)),
            item: Some(item),
            content: content.clone(),
        });
        let expected = "an item that a body holds; see: conference show, conference invite";
        some("item", letters.collect(), expected)
    }

    fn is_secret(&self, item: Option<&ItemId>) -> bool {
        self.plan().is_some_and(|plan| plan.is_secret(item))
    }

    fn one_to_convener(&self, letters: Vec<Letter>) -> Result<Letter, ClientError> {
        let one = letters.into_iter().next().filter(|_| !self.is_convener());
        one.ok_or_else(|| ClientError::argument("conference", "one of another convener"))
    }

    fn convener_state(&self) -> Result<State, ClientError> {
        if self.is_convener() {
            return Ok(self.state());
        }
        Err(ClientError::argument("conference", "one that we convene ourselves"))
    }
}

/// Whom a change of the dates concerns: a new date also those who declined the former ones.
fn concerned<'a>(state: &'a State, kind: &'static str) -> impl Iterator<Item = &'a Address> {
    let bodies = state.bodies.iter().filter(move |(_, body)| is_concerned(body, kind == MOVE));
    bodies.map(|(address, _)| address)
}

fn is_concerned(body: &Body, also_declined: bool) -> bool {
    body.invited && (also_declined || !matches!(body.reply, Some(Reply::Declined { .. })))
}

fn item_of(state: &State, agreement: AgreementId) -> Result<ItemId, ClientError> {
    let mut items = state.items.iter();
    let found = items.find(|(_, item)| item.agreements.contains_key(&agreement));
    let found = found.map(|(id, _)| *id);
    let expected = "an agreement of this conference; see: conference show";
    found.ok_or_else(|| ClientError::argument("agreement", expected))
}

fn known_item<'a>(state: &'a State, item: &ItemId) -> Result<&'a ItemState, ClientError> {
    let expected = "an item of this conference; see: conference show";
    state.items.get(item).ok_or_else(|| ClientError::argument("item", expected))
}

/// A conference that was cancelled stays so.
pub(super) fn not_cancelled(state: &State) -> Result<(), ClientError> {
    if state.phase == Phase::Cancelled {
        let expected = "one that was not cancelled; for another date: conference plan";
        return Err(ClientError::argument("conference", expected));
    }
    Ok(())
}

/// What would reach nobody must not look as if it had been said.
fn some(
    what: &'static str,
    letters: Vec<Letter>,
    expected: &'static str,
) -> Result<Vec<Letter>, ClientError> {
    if letters.is_empty() { Err(ClientError::argument(what, expected)) } else { Ok(letters) }
}
