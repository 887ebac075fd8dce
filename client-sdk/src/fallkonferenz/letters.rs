//! What a body has to say: messages that follow from the view it has, each to one recipient.

use std::collections::BTreeSet;

use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;

use super::conference::Conference;
use super::plan::frame_categories;
use super::state::{Date, ItemState, Phase, Reply, State};
use crate::content::Content;
use crate::error::ClientError;
use crate::ids::{Address, AgreementId, ItemId};

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

    /// Fixes the date, for all who were invited and did not decline.
    ///
    /// # Errors
    /// Not the convener, nobody was invited or all have declined, it was cancelled, or a field is out of its range.
    pub fn fix(&self, date: Date, place: &str) -> Result<Vec<Letter>, ClientError> {
        let state = self.convener_state()?;
        let fix = v1::FallkonferenzFix {
            conference_id: self.id.to_bytes(),
            sequence: state.sequence.saturating_add(1),
            date: Some(date.to_wire()),
            place: place.to_owned(),
        };
        self.to_all(&state, false, "fallkonferenz.fix", Kind::FallkonferenzFix(fix))
    }

    /// Moves the conference: one new date is fixed, of several the bodies choose again, those too who had
    /// declined the former dates.
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
        let moved = v1::FallkonferenzMove {
            conference_id: self.id.to_bytes(),
            sequence: state.sequence.saturating_add(1),
            dates: dates.iter().map(|date| date.to_wire()).collect(),
            reason: reason.into(),
            place: place.to_owned(),
            answer_by_ms: answer_by_ms.unwrap_or_default(),
        };
        self.to_all(&state, true, "fallkonferenz.move", Kind::FallkonferenzMove(moved))
    }

    /// Cancels the conference, for all who were invited and did not decline.
    ///
    /// # Errors
    /// Not the convener, nobody was invited or all have declined, it was cancelled before, or no reason.
    pub fn cancel(
        &self,
        reason: v1::FallkonferenzChangeReason,
    ) -> Result<Vec<Letter>, ClientError> {
        let state = self.convener_state()?;
        let cancel = v1::FallkonferenzCancel {
            conference_id: self.id.to_bytes(),
            sequence: state.sequence.saturating_add(1),
            reason: reason.into(),
        };
        self.to_all(&state, false, "fallkonferenz.cancel", Kind::FallkonferenzCancel(cancel))
    }

    /// Minutes of an item, or corrected ones, for those who hold it. An agreement binds the convener or one of
    /// them.
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
        let version = known.minutes.as_ref();
        let minutes = v1::FallkonferenzMinutes {
            conference_id: self.id.to_bytes(),
            item_id: item.to_bytes(),
            version: version.map_or(0, |(version, _)| *version).saturating_add(1),
            text: text.to_owned(),
            agreements,
        };
        let kind = Kind::FallkonferenzMinutes(minutes);
        self.about_item(&state, item, "fallkonferenz.minutes", &kind)
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

    /// What the convener said last about the dates, if that was after the invitation, for a body that is invited only
    /// now.
    pub(super) fn newest_change_for(&self, body: &Address) -> Option<Letter> {
        let own = self.notices.values().filter(|notice| notice.from == self.convener);
        let changes = own.filter_map(|notice| {
            let (sequence, kind) = match notice.said() {
                Some(Kind::FallkonferenzFix(fix)) => (fix.sequence, "fallkonferenz.fix"),
                Some(Kind::FallkonferenzMove(moved)) => (moved.sequence, "fallkonferenz.move"),
                _ => return None,
            };
            Some((sequence, kind, notice))
        });
        let (_, kind, notice) = changes.max_by_key(|(sequence, ..)| *sequence)?;
        Some(Letter {
            recipient: body.clone(),
            kind,
            categories: frame_categories(self.is_about_participant()),
            professional_secret: self.is_secret(None),
            item: None,
            content: notice.content.clone(),
        })
    }

    fn answer(&self, kind: &'static str, content: Kind) -> Result<Letter, ClientError> {
        if self.is_convener() {
            return Err(ClientError::argument("conference", "one to which another body invited"));
        }
        not_cancelled(&self.state())?;
        Ok(Letter {
            recipient: self.convener.clone(),
            kind,
            categories: frame_categories(self.is_about_participant()),
            professional_secret: self.is_secret(None),
            item: None,
            content: Content::of(content)?,
        })
    }

    /// A message about dates to all who were invited; an error where it would reach nobody, or would revive what was
    /// cancelled.
    fn to_all(
        &self,
        state: &State,
        also_declined: bool,
        kind: &'static str,
        content: Kind,
    ) -> Result<Vec<Letter>, ClientError> {
        not_cancelled(state)?;
        if state.phase == Phase::Planned {
            let expected = "one to which bodies were invited; first: conference invite";
            return Err(ClientError::argument("conference", expected));
        }
        let content = Content::of(content)?;
        let concerned = state.bodies.iter().filter(|(_, body)| {
            body.invited && (also_declined || !matches!(body.reply, Some(Reply::Declined { .. })))
        });
        let letters = concerned.map(|(address, _)| Letter {
            recipient: address.clone(),
            kind,
            categories: frame_categories(self.is_about_participant()),
            professional_secret: self.is_secret(None),
            item: None,
            content: content.clone(),
        });
        let expected = if also_declined {
            "one with a body that is still invited; see: conference show"
        } else {
            "one with a body that is invited and did not decline; to ask again: conference move"
        };
        some("conference", letters.collect(), expected)
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
