//! What a convener wants to discuss with whom, and what of it who may be told.

use std::collections::{BTreeMap, BTreeSet};

use schleuse_proto::v1;

use super::coverage::{Coverage, Question};
use super::letters::Letter;
use super::state::Date;
use crate::content::Content;
use crate::error::ClientError;
use crate::ids::{Address, ConferenceId, ItemId};

/// Purpose of a Fallkonferenz about a participant.
pub const PURPOSE: &str = "fallkonferenz";
/// Kind of invitations; what is about dates passes where it passes.
const INVITATION: &str = "fallkonferenz.request";
/// Kind of items; their minutes and agreements pass where they pass.
const PART: &str = "fallkonferenz.part";
/// Category of invitations, answers and dates.
pub const FRAME_CATEGORY: &str = "termine";
/// Most bodies of one conference: with all items they stay well below what one call submits.
const BODIES_MAX: usize = 32;
/// Most items of one agenda.
const ITEMS_MAX: usize = 32;

/// One item of the agenda.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Identifier, random: it tells no position.
    pub id: ItemId,
    /// Title, 1 to 200 characters.
    pub title: String,
    /// Category codes that it touches; none only without participant.
    pub categories: BTreeSet<String>,
    /// Planned minutes, 1 to 480.
    pub minutes: u32,
    /// What is to be known beforehand.
    pub notes: String,
    /// Bodies that the convener wants for it; none: all.
    pub bodies: Option<BTreeSet<Address>>,
    /// Whether it is a professional secret (§ 203 StGB), and so are its minutes and agreements.
    pub professional_secret: bool,
}

impl Item {
    fn is_for(&self, body: &Address) -> bool {
        self.bodies.as_ref().is_none_or(|bodies| bodies.contains(body))
    }

    pub(super) fn to_wire(&self) -> v1::AgendaItem {
        v1::AgendaItem {
            title: self.title.clone(),
            categories: self.categories.iter().cloned().collect(),
            minutes: self.minutes,
            item_id: self.id.to_bytes(),
            notes: self.notes.clone(),
        }
    }
}

/// A conference before anybody is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Identifier, also of the thread.
    pub conference: ConferenceId,
    /// Who convenes: an agency's function, or the Lotse's.
    pub convener: Address,
    /// Purpose code of the catalogue.
    pub purpose: String,
    /// Whether it is about a participant. Without one, nothing needs a consent and no category may be named.
    pub about_participant: bool,
    /// Bodies that the convener would like at the table.
    pub bodies: BTreeSet<Address>,
    /// The agenda.
    pub items: Vec<Item>,
    /// Proposed dates.
    pub dates: Vec<Date>,
    /// Room or link.
    pub place: String,
    /// When to answer by.
    pub answer_by_ms: i64,
    /// Whether all that the convener sends is a professional secret (§ 203 StGB), dates included: so with a function
    /// of which the catalogue says it.
    pub professional_secret: bool,
}

/// Who may receive what. For the convener's eyes: it is never sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    parts: BTreeMap<Address, BTreeSet<ItemId>>,
}

impl Distribution {
    /// Bodies to invite, each with the items that it may receive.
    #[must_use]
    pub fn parts(&self) -> &BTreeMap<Address, BTreeSet<ItemId>> {
        &self.parts
    }

    /// Whether a body may be told the date and the place.
    #[must_use]
    pub fn invites(&self, body: &Address) -> bool {
        self.parts.contains_key(body)
    }

    /// Whether a body may receive an item.
    #[must_use]
    pub fn covers(&self, body: &Address, item: &ItemId) -> bool {
        self.parts.get(body).is_some_and(|items| items.contains(item))
    }
}

impl Plan {
    /// Looks whether the plan can be carried out.
    ///
    /// # Errors
    /// Says what is to be changed.
    pub fn check(&self) -> Result<(), ClientError> {
        let rule = |ok: bool, what, expected| {
            if ok { Ok(()) } else { Err(ClientError::argument(what, expected)) }
        };
        rule((1..=BODIES_MAX).contains(&self.bodies.len()), "bodies", "1 to 32 bodies")?;
        rule(!self.bodies.contains(&self.convener), "bodies", "bodies other than the convener")?;
        rule((1..=ITEMS_MAX).contains(&self.items.len()), "items", "1 to 32 items")?;
        let ids: BTreeSet<_> = self.items.iter().map(|item| item.id).collect();
        rule(ids.len() == self.items.len(), "items", "another identifier for each item")?;
        for item in &self.items {
            let named = !item.categories.is_empty();
            let expected = "at least one category for each item, and none without participant";
            rule(named == self.about_participant, "categories", expected)?;
            let known = item.bodies.iter().flatten().all(|body| self.bodies.contains(body));
            rule(known, "items.bodies", "bodies of the conference")?;
            self.part(item)?;
        }
        self.request().map(drop)
    }

    /// Looks whether dates and answer can still be kept at an instant.
    ///
    /// # Errors
    /// A date or the answer is in the past, or the answer may come after the first date has begun.
    pub fn check_times(&self, now_ms: i64) -> Result<(), ClientError> {
        check_times(&self.dates, Some(self.answer_by_ms), now_ms)
    }

    /// What may have to be asked before anybody is invited, each question once; nothing without participant.
    #[must_use]
    pub fn questions(&self) -> BTreeSet<Question> {
        if !self.about_participant {
            return BTreeSet::new();
        }
        let frames = self.bodies.iter().map(|body| self.frame_question(body));
        frames.chain(self.bodies.iter().flat_map(|body| self.item_questions(body))).collect()
    }

    /// Who may receive what, if these questions and no others have the answer yes.
    #[must_use]
    pub fn distribution(&self, covered: &BTreeSet<Question>) -> Distribution {
        let may = |question: &Question| !self.about_participant || covered.contains(question);
        let invited = self.bodies.iter().filter(|body| may(&self.frame_question(body)));
        let parts = invited.map(|body| {
            let items = self.items.iter().filter(|item| item.is_for(body));
            let items = items.filter(|item| may(&self.item_question(body, item)));
            let items = items.map(|item| item.id);
            (body.clone(), items.collect())
        });
        Distribution { parts: parts.collect() }
    }

    /// Asks, and computes who may receive what. About items is asked only for bodies that may be told the date: all
    /// others are not invited, whatever the answer.
    ///
    /// # Errors
    /// The plan is faulty, or the answers cannot be had.
    pub async fn distribute(&self, coverage: &impl Coverage) -> Result<Distribution, ClientError> {
        self.check()?;
        if !self.about_participant {
            return Ok(self.distribution(&BTreeSet::new()));
        }
        let frames = self.bodies.iter().map(|body| self.frame_question(body)).collect();
        let mut covered = answered(coverage, frames).await?;
        let items = covered.iter().flat_map(|frame| self.item_questions(&frame.recipient));
        covered.extend(answered(coverage, items.collect()).await?);
        Ok(self.distribution(&covered))
    }

    /// Parts that the convener wants to send and may not: a body, and an item or none for its invitation.
    #[must_use]
    pub fn not_covered(&self, distribution: &Distribution) -> BTreeSet<(Address, Option<ItemId>)> {
        let wanted = self.bodies.iter().flat_map(|body| {
            let items = self.items.iter().filter(|item| item.is_for(body));
            let items = items.map(|item| (body.clone(), Some(item.id)));
            items.chain([(body.clone(), None)]).collect::<Vec<_>>()
        });
        let may = |(body, item): &(Address, Option<ItemId>)| match item {
            Some(item) => distribution.covers(body, item),
            None => distribution.invites(body),
        };
        wanted.filter(|part| !may(part)).collect()
    }

    /// Invitations to the bodies of a distribution.
    ///
    /// # Errors
    /// A field of the plan is out of its range.
    pub fn invitations(&self, distribution: &Distribution) -> Result<Vec<Letter>, ClientError> {
        let content = self.request()?;
        let letters = distribution.parts.keys().map(|body| Letter {
            recipient: body.clone(),
            kind: INVITATION,
            categories: self.frame_categories(),
            professional_secret: self.is_secret(None),
            item: None,
            content: content.clone(),
        });
        Ok(letters.collect())
    }

    /// Items for one body of a distribution, in the order of the agenda.
    ///
    /// # Errors
    /// A field of the plan is out of its range.
    pub fn parts_for(
        &self,
        body: &Address,
        distribution: &Distribution,
    ) -> Result<Vec<Letter>, ClientError> {
        let items = self.items.iter().filter(|item| distribution.covers(body, &item.id));
        let letters = items.map(|item| {
            Ok(Letter {
                recipient: body.clone(),
                kind: PART,
                categories: item.categories.clone(),
                professional_secret: self.is_secret(Some(&item.id)),
                item: Some(item.id),
                content: self.part(item)?,
            })
        });
        letters.collect()
    }

    fn request(&self) -> Result<Content, ClientError> {
        Ok(Content::fallkonferenz_request(v1::FallkonferenzRequest {
            conference_id: self.conference.to_bytes(),
            agenda: Vec::new(),
            proposed_dates: self.dates.iter().map(|date| date.to_wire()).collect(),
            place: self.place.clone(),
            answer_by_ms: self.answer_by_ms,
        })?)
    }

    fn part(&self, item: &Item) -> Result<Content, ClientError> {
        let part = v1::FallkonferenzPart {
            conference_id: self.conference.to_bytes(),
            item: Some(item.to_wire()),
        };
        Ok(Content::of(v1::content::Content::FallkonferenzPart(part))?)
    }

    fn frame_question(&self, body: &Address) -> Question {
        self.question(body, INVITATION, &self.frame_categories(), self.is_secret(None))
    }

    fn item_question(&self, body: &Address, item: &Item) -> Question {
        self.question(body, PART, &item.categories, self.is_secret(Some(&item.id)))
    }

    fn item_questions(&self, body: &Address) -> Vec<Question> {
        let items = self.items.iter().filter(|item| item.is_for(body));
        items.map(|item| self.item_question(body, item)).collect()
    }

    fn question(
        &self,
        body: &Address,
        kind: &'static str,
        categories: &BTreeSet<String>,
        professional_secret: bool,
    ) -> Question {
        Question {
            sender: self.convener.clone(),
            recipient: body.clone(),
            purpose: self.purpose.clone(),
            kind,
            categories: categories.clone(),
            professional_secret,
        }
    }

    /// Whether what the convener sends about an item, or about dates, is a professional secret.
    pub(super) fn is_secret(&self, item: Option<&ItemId>) -> bool {
        let mut items = self.items.iter();
        self.professional_secret
            || item.is_some_and(|id| items.any(|item| item.id == *id && item.professional_secret))
    }

    /// Categories of what is about dates and places only.
    fn frame_categories(&self) -> BTreeSet<String> {
        frame_categories(self.about_participant)
    }
}

/// Those of the questions that have the answer yes.
async fn answered(
    coverage: &impl Coverage,
    questions: BTreeSet<Question>,
) -> Result<BTreeSet<Question>, ClientError> {
    let questions: Vec<Question> = questions.into_iter().collect();
    let answers = coverage.covered(&questions).await?;
    if answers.len() != questions.len() {
        return Err(ClientError::protocol("other answers than questions"));
    }
    let covered = questions.into_iter().zip(answers).filter(|(_, yes)| *yes);
    Ok(covered.map(|(question, _)| question).collect())
}

/// Looks whether dates and the answer to them can still be kept at an instant.
///
/// # Errors
/// A date or the answer is in the past, or the answer may come after the first date has begun.
pub fn check_times(
    dates: &[Date],
    answer_by_ms: Option<i64>,
    now_ms: i64,
) -> Result<(), ClientError> {
    let rule = |ok: bool, what, expected| {
        if ok { Ok(()) } else { Err(ClientError::argument(what, expected)) }
    };
    let first_ms = dates.iter().map(|date| date.starts_at_ms).min();
    rule(first_ms.is_none_or(|first| first > now_ms), "date", "dates in the future")?;
    let Some(by_ms) = answer_by_ms else { return Ok(()) };
    rule(by_ms > now_ms, "answer_by", "a day or a time in the future")?;
    let before = first_ms.is_none_or(|first| by_ms <= first);
    rule(before, "answer_by", "a day before the first date, or a time before it begins")
}

pub(super) fn frame_categories(about_participant: bool) -> BTreeSet<String> {
    about_participant.then(|| FRAME_CATEGORY.to_owned()).into_iter().collect()
}
