//! Whose participant it is: the Lotse's, and a deputy's while the participant agrees.
//!
//! A deputy is another person of the Lotse's agency whom a grant of the purpose `vertretung` names: its one sender is
//! the Lotse's agency, and its recipient the function `lotse-PERSON` there. Messages address functions; this one grant
//! names a person, since the participant agrees to a person. Whether it holds is decided like everything else, at
//! each call; an objection, a restriction and the end of the participation count as well.
//!
//! Source: DOMAIN "a deputy may see a case only after consultation with the participant and with their agreement".

use crate::domain::consent::{Consent, ConsentDocument};
use crate::domain::decide::Question;
use crate::domain::event::Actor;
use crate::domain::ids::{Address, AgencyId, ConsentId, Reference, TimeMs};
use crate::domain::refusal::Refusal;
use crate::domain::state::{Participant, ParticipantIx, Rules, State};

/// What comes before a person's name in the address of a deputy.
const DEPUTY_PREFIX: &str = "lotse-";

impl Participant {
    /// Refuses what would begin something after the end.
    ///
    /// # Errors
    /// The participation has ended.
    pub(super) fn check_not_ended(&self) -> Result<(), Refusal> {
        match self.safeguards.ended {
            Some(_) => Err(Refusal::ParticipationEnded),
            None => Ok(()),
        }
    }
}

impl Rules {
    /// Refuses an agency that does not exist here.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn check_agency(
        &self,
        agency: &AgencyId,
        field: &'static str,
    ) -> Result<(), Refusal> {
        if self.agencies.contains(agency) {
            return Ok(());
        }
        Err(Refusal::UnknownCode { field, value: agency.as_str().to_owned() })
    }
}

/// A caller, of whom it is asked whose Lotse or deputy they are now.
pub(super) struct Entrusted<'a> {
    state: &'a State,
    actor: &'a Actor,
    now: TimeMs,
    /// What is decided about them as a deputy.
    question: Option<Question>,
}

impl Entrusted<'_> {
    /// Whether the caller is the participant's Lotse, or their deputy.
    pub(super) fn has(&self, participant: &Participant) -> bool {
        let is_deputy = |question: &Question| {
            question.sender == Some(participant.lotse_agency)
                && participant.decide(question, self.now).is_ok()
        };
        self.state.is_lotse_of(self.actor, participant)
            || self.question.as_ref().is_some_and(is_deputy)
    }
}

impl State {
    /// A participant that the caller is Lotse or deputy of. For all others it does not exist.
    pub(super) fn entrusted_participant(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        reference: &Reference,
    ) -> Result<(ParticipantIx, &Participant), Refusal> {
        self.by_reference(&actor.agency, reference)
            .filter(|(_, participant)| self.is_entrusted(rules, now, actor, participant))
            .ok_or(Refusal::NotFound { field: "participant_reference" })
    }

    /// A consent of such a participant.
    pub(super) fn entrusted_consent(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        consent: &ConsentId,
    ) -> Result<(ParticipantIx, &Participant, &Consent), Refusal> {
        self.known_consent(consent)
            .filter(|(_, participant, _)| self.is_entrusted(rules, now, actor, participant))
            .ok_or(Refusal::NotFound { field: "consent_id" })
    }

    /// A participant whose Lotse the caller is in person; a deputy learns that this is not for them.
    pub(super) fn in_person(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        reference: &Reference,
        act: &'static str,
    ) -> Result<(ParticipantIx, &Participant), Refusal> {
        let (ix, participant) = self.entrusted_participant(rules, now, actor, reference)?;
        if !self.is_lotse_of(actor, participant) {
            return Err(Refusal::NotForDeputy { act });
        }
        Ok((ix, participant))
    }

    /// Whether the caller is the participant's Lotse, or their deputy now.
    pub(super) fn is_entrusted(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        participant: &Participant,
    ) -> bool {
        self.entrusted(rules, now, actor).has(participant)
    }

    /// The same for a list: what depends on the caller alone is looked up once.
    pub(super) fn entrusted<'a>(
        &'a self,
        rules: &Rules,
        now: TimeMs,
        actor: &'a Actor,
    ) -> Entrusted<'a> {
        Entrusted { state: self, actor, now, question: self.deputy_question(rules, actor) }
    }

    /// What is decided about a deputy of whom some participant's grant ever spoke; none: the caller is nobody's.
    fn deputy_question(&self, rules: &Rules, actor: &Actor) -> Option<Question> {
        let own = self.names.known_agency(&actor.agency)?;
        let function = format!("{DEPUTY_PREFIX}{}", actor.person.as_deref()?);
        let address = Address::parse(actor.agency.as_str(), &function)?;
        Some(Question {
            sender: Some(own),
            sender_address: None,
            recipient: Some(self.names.known_address(&address)?),
            recipient_agency: Some(own),
            purpose: rules.catalogue.deputy_purpose()?,
            // Of whatever data the grant names: without contents, a deputy sees what the Lotse sees.
            categories: Default::default(),
            professional_secret: false,
        })
    }

    /// Grants that appoint a deputy name one person of the Lotse's own agency; and no deputy appoints one.
    pub(super) fn check_deputy_grants(
        &self,
        rules: &Rules,
        actor: &Actor,
        participant: &Participant,
        document: &ConsentDocument,
    ) -> Result<(), Refusal> {
        let Some(purpose) = rules.catalogue.deputy_purpose() else { return Ok(()) };
        let current = self.consent(&document.consent_id).map(|(_, consent)| consent);
        for grant in document.grants.iter().filter(|grant| grant.purpose == purpose) {
            let recipient = &grant.recipient;
            let person = recipient.function().strip_prefix(DEPUTY_PREFIX).unwrap_or_default();
            let is_own =
                recipient.agency == actor.agency && grant.senders == [actor.agency.clone()];
            if !is_own || person.is_empty() {
                return Err(Refusal::InvalidField {
                    field: "grants.recipient",
                    expected: "for the purpose vertretung: lotse-PERSON of the Lotse's own agency, which is the one sender, too",
                });
            }
            let is_known = current
                .is_some_and(|known| known.grants.iter().any(|it| it.is(grant, &self.names)));
            if !is_known && !self.is_lotse_of(actor, participant) {
                return Err(Refusal::NotForDeputy { act: "appoint deputies" });
            }
        }
        Ok(())
    }
}
