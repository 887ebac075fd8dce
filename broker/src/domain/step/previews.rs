//! What a change would stop: computed on a copy of what decides, which is thrown away.
//!
//! A preview writes no record, unlike every other look at a participant: whoever wants to revoke looks first, and must
//! be able to when nothing can be written any more. The change that follows is a record.

use std::collections::BTreeMap;

use crate::domain::catalogue::{Catalogue, Categories};
use crate::domain::command::{Outcome, ProposedChange, RevocationEffect};
use crate::domain::consent::{Consent, Grant};
use crate::domain::decide::{Question, decide};
use crate::domain::event::Actor;
use crate::domain::ids::TimeMs;
use crate::domain::names::{AddressIx, AgencyIx, KnownNames, Names};
use crate::domain::refusal::Refusal;
use crate::domain::safeguards::{Objection, Safeguards};
use crate::domain::state::{Participant, Rules, State};

use super::consents::PREVIEW_ROWS_MAX;

/// Most looks at grants of one comparison: some hundredths of a second.
const PREVIEW_WORK_MAX: usize = 10_000_000;

/// What decides about a participant.
#[derive(Clone)]
struct World {
    consents: Vec<Consent>,
    safeguards: Safeguards,
}

impl World {
    fn passes(&self, question: &Question, now: TimeMs) -> bool {
        decide(self.consents.iter(), &self.safeguards, question, now).is_ok()
    }

    fn stops(&self, question: &Question, now: TimeMs) -> bool {
        let decision = decide(self.consents.iter(), &self.safeguards, question, now);
        decision.is_err_and(|deny| !deny.may_pass())
    }
}

impl State {
    /// Counts what a change would stop.
    pub(super) fn preview_change(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        change: ProposedChange,
    ) -> Result<Outcome, Refusal> {
        let (_, participant) = match &change {
            ProposedChange::Revision(document) => {
                let found = self.check_consent(rules, now, actor, document)?;
                let current = self.consent(&document.consent_id);
                let current = current.filter(|(owner, _)| *owner == found.0);
                let (_, current) = current.ok_or(Refusal::NotFound { field: "consent_id" })?;
                let expected = current.revision + 1;
                let follows = document.previous_hash == Some(current.hash);
                if document.revision != expected || !follows || current.revoked.is_some() {
                    return Err(Refusal::RevisionConflict { expected });
                }
                found
            }
            ProposedChange::Objection(document) => {
                self.check_objection(rules, now, actor, document)?
            }
            ProposedChange::ReleaseRevocation(release) => {
                let found = self.entrusted_release(rules, now, actor, release)?;
                (found.0, found.1)
            }
            ProposedChange::ParticipationEnd(reference) => {
                self.in_person(rules, now, actor, reference, "end the participation")?
            }
        };
        let before = World {
            consents: participant.consents.clone(),
            safeguards: participant.safeguards.clone(),
        };
        let mut after = before.clone();
        change.make(&mut after, KnownNames(&self.names), now);
        Ok(self.compare(&rules.catalogue, now, participant, &before, &after))
    }

    fn compare(
        &self,
        catalogue: &Catalogue,
        now: TimeMs,
        participant: &Participant,
        before: &World,
        after: &World,
    ) -> Outcome {
        let mut stopped: BTreeMap<(AgencyIx, AddressIx, &str), u32> = BTreeMap::new();
        for number in &participant.messages {
            let Some(message) = self.messages.get(number) else { continue };
            // Also what nothing has covered for a while, and nobody has looked at since: it is stopped with the rest.
            if after.stops(&message.question(), now) {
                let purpose = catalogue.purpose_code(message.purpose);
                let row = (message.sender_agency, message.recipient, purpose);
                *stopped.entry(row).or_default() += 1;
            }
        }
        let all = stopped.values().sum();
        let mut rows: BTreeMap<(AgencyIx, AddressIx, &str), bool> =
            stopped.keys().map(|row| (*row, false)).collect();
        let mut budget = Budget::new(before, after);
        for (sender, grant) in before.lasting_grants(now) {
            let row = (sender, grant.recipient, catalogue.purpose_code(grant.purpose));
            let questions = before.questions(catalogue, sender, grant, &self.names);
            if !budget.take(questions.len()) {
                break;
            }
            let at = now.max(grant.not_before);
            let (mut ends, mut stays) = (false, false);
            for question in questions {
                let is_left = after.passes(&question, at);
                ends |= before.passes(&question, at) && !is_left;
                stays |= is_left;
            }
            if ends || rows.contains_key(&row) {
                *rows.entry(row).or_default() |= stays;
            }
        }
        let effects = rows.into_iter().filter_map(|((sender, recipient, purpose), stays)| {
            Some(RevocationEffect {
                sender: self.agency(sender)?,
                recipient: self.address(recipient)?,
                purpose: purpose.to_owned(),
                queued_messages: stopped
                    .get(&(sender, recipient, purpose))
                    .copied()
                    .unwrap_or_default(),
                partly_covered_otherwise: stays,
            })
        });
        Outcome::ChangePreview {
            effects: effects.take(PREVIEW_ROWS_MAX).collect(),
            stopped: all,
            truncated: budget.is_used_up,
        }
    }
}

/// Bounds the comparison, during which nobody else is served: a participant with a hundred grants is far from it.
struct Budget {
    grants: usize,
    left: usize,
    is_used_up: bool,
}

impl Budget {
    fn new(before: &World, after: &World) -> Self {
        let worlds = [before, after];
        let grants = worlds.iter().flat_map(|world| &world.consents).map(|it| it.grants.len());
        Self { grants: grants.sum(), left: PREVIEW_WORK_MAX, is_used_up: false }
    }

    /// Whether that many questions can be decided in both worlds.
    fn take(&mut self, questions: usize) -> bool {
        let left = self.left.checked_sub(questions.saturating_mul(self.grants));
        self.is_used_up = left.is_none();
        self.left = left.unwrap_or_default();
        !self.is_used_up
    }
}

impl World {
    /// Grants that hold or will, with each of their senders.
    fn lasting_grants(&self, now: TimeMs) -> impl Iterator<Item = (AgencyIx, &Grant)> {
        let consents = self.consents.iter().filter(|consent| consent.revoked.is_none());
        let grants = consents.flat_map(|consent| &consent.grants);
        let grants = grants.filter(move |grant| now < grant.not_after);
        grants.flat_map(|grant| grant.senders().iter().map(move |sender| (*sender, grant)))
    }

    /// What can be asked of a grant: each of its categories by itself, openly and as a professional secret of each
    /// function that is released.
    fn questions(
        &self,
        catalogue: &Catalogue,
        sender: AgencyIx,
        grant: &Grant,
        names: &Names,
    ) -> Vec<Question> {
        let of_sender = |holder: &AddressIx| names.agency_of(*holder) == Some(sender);
        let holders = self.safeguards.releases.iter().map(|release| release.holder);
        let mut holders: Vec<Option<AddressIx>> = holders.filter(of_sender).map(Some).collect();
        holders.sort_unstable();
        holders.dedup();
        holders.push(None);
        let codes = catalogue.category_codes(grant.categories);
        let sets: Vec<Categories> = codes.filter_map(|code| catalogue.category(code)).collect();
        let of_holder = |holder: Option<AddressIx>| {
            sets.iter().map(move |categories| Question {
                sender: Some(sender),
                sender_address: holder,
                recipient: Some(grant.recipient),
                recipient_agency: names.agency_of(grant.recipient),
                purpose: grant.purpose,
                categories: *categories,
                professional_secret: holder.is_some(),
            })
        };
        holders.into_iter().flat_map(of_holder).collect()
    }
}

impl ProposedChange {
    fn make(self, world: &mut World, mut names: KnownNames<'_>, now: TimeMs) {
        match self {
            Self::Revision(document) => {
                for consent in &mut world.consents {
                    if consent.id == document.consent_id {
                        let terms = document.grants.iter();
                        consent.former = Box::default();
                        consent.grants = terms.map(|grant| Grant::new(grant, &mut names)).collect();
                        consent.suspended = None;
                    }
                }
            }
            Self::Objection(document) => {
                world.safeguards.objections.push(Objection::new(&document, 0, &mut names));
            }
            Self::ReleaseRevocation(id) => {
                for release in world.safeguards.releases.iter_mut().filter(|it| it.id == id) {
                    release.revoked = Some((now, 0));
                }
            }
            Self::ParticipationEnd(_) => world.safeguards.ended = Some((now, 0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INVARIANT (bounded)
    #[test]
    fn a_comparison_ends_when_its_work_is_used_up() {
        let mut budget = Budget { grants: 1_000, left: PREVIEW_WORK_MAX, is_used_up: false };
        assert!(budget.take(9_000));
        assert!(!budget.take(2_000) && budget.is_used_up);
        assert!(!budget.take(1), "and stays ended");
        let mut unbounded =
            Budget { grants: usize::MAX, left: PREVIEW_WORK_MAX, is_used_up: false };
        assert!(!unbounded.take(usize::MAX));
    }
}
