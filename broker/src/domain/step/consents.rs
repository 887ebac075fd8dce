//! Consents: record, revise, preview, revoke, list.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use schleuse_proto::evidence::Digest;

use crate::domain::catalogue::Purpose;
use crate::domain::command::{ConsentSummary, Outcome, RevocationEffect};
use crate::domain::consent::{Consent, ConsentDocument, Grant, Suspension};
use crate::domain::decide::decide;
use crate::domain::event::{
    Actor, ConsentEvent, EventKind, LogQueryEvent, RevocationEvent, Signature,
};
use crate::domain::ids::{ConsentId, ObjectionId, RecordNumber, Reference, ReleaseId, TimeMs};
use crate::domain::message::StopReason;
use crate::domain::names::{AddressIx, AgencyIx};
use crate::domain::refusal::Refusal;
use crate::domain::state::{Participant, ParticipantIx, Rules, State};

/// Most rows of a preview.
pub(super) const PREVIEW_ROWS_MAX: usize = 256;

/// What stopped covering something about a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CoverageEnd {
    /// A revision took the place of the one before; it may cover as much or more.
    Revised(ConsentId),
    /// A consent was revoked.
    ConsentRevoked(ConsentId),
    /// A release was revoked.
    ReleaseRevoked(ReleaseId),
    /// The participant objects.
    Objected(ObjectionId),
    /// The participation ended.
    ParticipationEnded,
    /// A grant or release came to its end.
    Time,
}

impl State {
    #[expect(clippy::too_many_arguments, reason = "the parts of one signed document")]
    pub(super) fn record_consent(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        revise: bool,
        document: ConsentDocument,
        bytes: Bytes,
        signature: Signature,
    ) -> Result<Outcome, Refusal> {
        let (ix, participant) = self.check_consent(rules, now, &actor, &document)?;
        let id = participant.id;
        match self.consent(&document.consent_id) {
            Some((owner, current)) => {
                if owner == ix && current.hash == document.hash && current.revoked.is_none() {
                    let record = current.record;
                    return Ok(Outcome::ConsentChanged { record, stopped: 0, participant: ix });
                }
                if owner != ix || !revise {
                    return Err(Refusal::IdempotencyConflict { field: "consent_id" });
                }
                let expected = current.revision + 1;
                if current.revoked.is_some()
                    || document.revision != expected
                    || document.previous_hash != Some(current.hash)
                {
                    return Err(Refusal::RevisionConflict { expected });
                }
            }
            None if revise => return Err(Refusal::NotFound { field: "consent_id" }),
            None if document.revision != 1 => {
                return Err(Refusal::RevisionConflict { expected: 1 });
            }
            None if participant.consents.len() >= rules.limits.consents_per_participant_max => {
                return Err(Refusal::Overloaded { limit: "consents_per_participant_max" });
            }
            None => {}
        }
        let consent_id = document.consent_id;
        let event = ConsentEvent { participant: id, document, bytes, signature };
        let record = self.emit(Some(actor), EventKind::ConsentRecorded(Box::new(event)), now);
        let stopped = self.coverage_ended(ix, CoverageEnd::Revised(consent_id), now);
        Ok(Outcome::ConsentChanged { record, stopped, participant: ix })
    }

    /// Everything that a document must be whatever was recorded before; and whose it is.
    pub(super) fn check_consent(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        document: &ConsentDocument,
    ) -> Result<(ParticipantIx, &Participant), Refusal> {
        document.check(&rules.catalogue, &rules.reviews, now)?;
        for agency in document.agencies() {
            rules.check_agency(&agency, "grants.agency")?;
        }
        let reference = &document.participant;
        let (ix, participant) = self.entrusted_participant(rules, now, actor, reference)?;
        participant.check_not_ended()?;
        self.check_deputy_grants(rules, actor, participant, document)?;
        Ok((ix, participant))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one signed document")]
    pub(super) fn revoke_consent(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        consent: &ConsentId,
        revision_hash: &Digest,
        document: Bytes,
        signature: Signature,
    ) -> Result<Outcome, Refusal> {
        let (ix, participant, current) = self.entrusted_consent(rules, now, &actor, consent)?;
        if let Some((_, record)) = current.revoked {
            return Ok(Outcome::ConsentChanged { record, stopped: 0, participant: ix });
        }
        if current.hash != *revision_hash {
            return Err(Refusal::RevisionConflict { expected: current.revision });
        }
        let event = RevocationEvent {
            participant: participant.id,
            consent: *consent,
            revision: current.revision,
            document,
            signature,
            agencies: current.agencies.iter().filter_map(|agency| self.agency(*agency)).collect(),
        };
        let record = self.emit(Some(actor), EventKind::ConsentRevoked(event), now);
        let stopped = self.coverage_ended(ix, CoverageEnd::ConsentRevoked(*consent), now);
        Ok(Outcome::ConsentChanged { record, stopped, participant: ix })
    }

    pub(super) fn preview_revocation(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        consent: &ConsentId,
    ) -> Result<Outcome, Refusal> {
        let (_, participant, current) = self.entrusted_consent(rules, now, actor, consent)?;
        let waiting = self.waiting_under(now, participant, current);
        let mut effects: Vec<RevocationEffect> = Vec::new();
        let mut asked = BTreeSet::new();
        let lasting = current.grants.iter().filter(|grant| now < grant.not_after);
        let rows =
            lasting.flat_map(|grant| grant.senders().iter().map(move |sender| (grant, *sender)));
        for (grant, sender) in rows {
            let purpose = rules.catalogue.purpose_code(grant.purpose);
            let is_new = asked.insert((sender, grant.recipient, purpose, grant.categories));
            if is_new && effects.len() < PREVIEW_ROWS_MAX {
                let effect =
                    self.effect(rules, now, participant, (current, grant), sender, &waiting);
                effects.extend(effect.filter(|effect| !effects.contains(effect)));
            }
        }
        Ok(Outcome::Preview { effects, revision_hash: current.hash })
    }

    pub(super) fn list_consents(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        reference: &Reference,
    ) -> Result<Outcome, Refusal> {
        let (_, participant) = self.entrusted_participant(rules, now, &actor, reference)?;
        let summaries = participant
            .consents
            .iter()
            .map(|consent| ConsentSummary {
                record: consent.record,
                state: consent.state_at(now),
                revoked_at: consent.revoked.map(|(at, _)| at),
                restricted: participant.safeguards.restricted,
                review_by: consent.review_by,
                review_missed: consent.suspended == Some(Suspension::ReviewMissed),
            })
            .collect();
        let query = LogQueryEvent {
            reason: "consents listed by the Lotse".to_owned(),
            participant: Some(participant.id),
            by_participant: true,
            ..LogQueryEvent::default()
        };
        self.emit(Some(actor), EventKind::LogQueried(query), now);
        Ok(Outcome::Consents(summaries))
    }

    pub(super) fn known_consent(
        &self,
        consent: &ConsentId,
    ) -> Option<(ParticipantIx, &Participant, &Consent)> {
        self.consent(consent).and_then(|(ix, consent)| Some((ix, self.participant(ix)?, consent)))
    }

    /// Something stopped covering: the one place where that is visible. How many waiting messages it stopped.
    pub(super) fn coverage_ended(
        &mut self,
        ix: ParticipantIx,
        end: CoverageEnd,
        now: TimeMs,
    ) -> u32 {
        match end {
            CoverageEnd::Revised(_)
            | CoverageEnd::ConsentRevoked(_)
            | CoverageEnd::ReleaseRevoked(_)
            | CoverageEnd::Objected(_)
            | CoverageEnd::ParticipationEnded
            | CoverageEnd::Time => self.stop_uncovered(ix, now),
        }
    }

    /// Stops every unfinished message of a participant that no consent covers any more.
    ///
    /// INVARIANT (revoke-strict): this runs in the same step as the revocation, so that no later
    /// step can hand out what it stopped; hand-outs already permitted are the engine's to wait for.
    fn stop_uncovered(&mut self, ix: ParticipantIx, now: TimeMs) -> u32 {
        let Some(participant) = self.participant(ix) else { return 0 };
        let before = participant.messages.len();
        let uncovered: Vec<(RecordNumber, _)> = participant
            .messages
            .iter()
            .filter_map(|number| {
                let message = self.messages.get(number)?;
                let deny = participant.decide(&message.question(), now).err()?;
                (!deny.may_pass()).then_some((*number, deny))
            })
            .collect();
        for (number, deny) in &uncovered {
            self.stop(*number, StopReason::ConsentEnded, Some(*deny), now);
        }
        self.open_duties(ix, now);
        // With a message go the parts of its upload, whatever covers them.
        let left = self.participant(ix).map_or(0, |participant| participant.messages.len());
        u32::try_from(before.saturating_sub(left)).unwrap_or(u32::MAX)
    }

    /// How many messages wait that no other consent than this one covers, by sender, recipient and purpose.
    fn waiting_under(
        &self,
        now: TimeMs,
        participant: &Participant,
        current: &Consent,
    ) -> HashMap<(AgencyIx, AddressIx, Purpose), u32> {
        let others = || participant.consents.iter().filter(|other| other.id != current.id);
        let mut waiting = HashMap::new();
        for message in participant.messages.iter().filter_map(|number| self.messages.get(number)) {
            let key = (message.sender_agency, message.recipient, message.purpose);
            let decision = decide(others(), &participant.safeguards, &message.question(), now);
            if decision.is_err_and(|deny| !deny.may_pass()) {
                *waiting.entry(key).or_default() += 1;
            }
        }
        waiting
    }

    fn effect(
        &self,
        rules: &Rules,
        now: TimeMs,
        participant: &Participant,
        (current, grant): (&Consent, &Grant),
        sender: AgencyIx,
        waiting: &HashMap<(AgencyIx, AddressIx, Purpose), u32>,
    ) -> Option<RevocationEffect> {
        if current.revoked.is_some() {
            return None;
        }
        let others = || participant.consents.iter().filter(|other| other.id != current.id);
        let queued = waiting.get(&(sender, grant.recipient, grant.purpose)).copied();
        let partly = others().filter(|other| other.revoked.is_none()).any(|other| {
            other.grants.iter().any(|g| {
                g.recipient == grant.recipient
                    && g.purpose == grant.purpose
                    && g.senders().contains(&sender)
                    && !g.categories.intersection(grant.categories).is_empty()
                    && now < g.not_after
            })
        });
        Some(RevocationEffect {
            sender: self.agency(sender)?,
            recipient: self.address(grant.recipient)?,
            purpose: rules.catalogue.purpose_code(grant.purpose).to_owned(),
            queued_messages: queued.unwrap_or_default(),
            partly_covered_otherwise: partly,
        })
    }
}
