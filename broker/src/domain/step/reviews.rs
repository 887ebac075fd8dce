//! Reviews: a consent whose review was missed is suspended, at exactly that instant, until it is confirmed.

use crate::domain::command::{Outcome, Review, ReviewState};
use crate::domain::consent::{Consent, ReviewRules, Suspension, months_later};
use crate::domain::event::{Actor, EventKind, UpkeepEvent};
use crate::domain::ids::TimeMs;
use crate::domain::refusal::Refusal;
use crate::domain::state::{Rules, State};

/// Most reviews of one list.
const REVIEWS_LISTED_MAX: usize = 10_000;

impl Consent {
    /// When it is to be reviewed next after a confirmation: as the document says, or as late as allowed.
    ///
    /// # Errors
    /// The document names an instant that is not allowed.
    pub(super) fn next_review(
        &self,
        rules: &ReviewRules,
        signed_at: TimeMs,
        wanted: Option<TimeMs>,
        now: TimeMs,
    ) -> Result<TimeMs, Refusal> {
        let field = "next_review_by_ms";
        let Some(wanted) = wanted else {
            // Of a consent that is over there is nothing to review.
            if now >= self.end() {
                return Ok(self.review_by);
            }
            let latest = months_later(signed_at, rules.months_max).unwrap_or(signed_at);
            return Ok(latest.min(self.end()));
        };
        rules.check(field, signed_at, wanted)?;
        if now < self.end() && wanted > self.end() {
            let expected = "an instant not after the end of the consent's last grant";
            return Err(Refusal::InvalidField { field, expected });
        }
        Ok(wanted)
    }
}

impl State {
    /// Suspends every consent whose review was missed. Costs one look at the first of them.
    pub(super) fn suspend_missed(&mut self, rules: &Rules, now: TimeMs) {
        while let Some((review_by, id)) = self.first_review()
            && rules.reviews.suspends_at(review_by).is_some_and(|at| at <= now)
        {
            let found = self.known_consent(&id).filter(|(_, _, consent)| consent.may_hold(now));
            let event = found.map(|(_, participant, consent)| UpkeepEvent::ConsentSuspended {
                participant: participant.id,
                consent: id,
                revision: consent.revision,
                reason: Suspension::ReviewMissed,
            });
            // Folding the event takes the review out of the list; one of a consent that is over goes without.
            if let Some(event) = event {
                self.emit(None, EventKind::Upkeep(event), now);
            }
            self.forget_review(&id);
        }
    }

    pub(super) fn list_reviews(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        within_ms: TimeMs,
    ) -> Result<Outcome, Refusal> {
        let until = now.saturating_add(within_ms);
        let own = self.names.known_agency(&actor.agency);
        let entrusted = self.entrusted(rules, now, &actor);
        let mut reviews: Vec<Review> = Vec::new();
        for participant in self.participants() {
            let reference = participant.references.iter().find(|(of, ..)| Some(*of) == own);
            let Some((_, reference, _)) = reference else { continue };
            if participant.safeguards.ended.is_some() || !entrusted.has(participant) {
                continue;
            }
            for consent in participant.consents.iter().filter(|consent| consent.may_hold(now)) {
                let state = match consent.suspended {
                    Some(Suspension::ReviewMissed) => ReviewState::Missed,
                    Some(Suspension::RecordsLost) | None if consent.review_by <= now => {
                        ReviewState::Overdue
                    }
                    Some(Suspension::RecordsLost) | None if consent.review_by <= until => {
                        ReviewState::Due
                    }
                    Some(Suspension::RecordsLost) | None => continue,
                };
                reviews.push(Review {
                    reference: *reference,
                    consent: consent.id,
                    review_by: consent.review_by,
                    suspended_from: rules.reviews.suspends_at(consent.review_by),
                    state,
                });
            }
        }
        reviews.sort_by_key(|review| review.review_by);
        reviews.truncate(REVIEWS_LISTED_MAX);
        self.query(actor, "reviews listed by the Lotse", now);
        Ok(Outcome::Reviews(reviews))
    }
}
