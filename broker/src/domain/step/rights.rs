//! Rights of participants: restriction, holds, what is erased; and what follows from a log that lost records.

use bytes::Bytes;
use schleuse_proto::evidence::Digest;
use schleuse_proto::identity::Role;

use super::consents::CoverageEnd;
use crate::domain::command::{ERASED_TOGETHER_MAX, Outcome, Reconciliation};
use crate::domain::consent::Suspension;
use crate::domain::event::{
    Actor, ErasureGround, EventKind, ReconcileEvent, RecordRange, RevocationEvent, Signature,
    UpkeepEvent,
};
use crate::domain::ids::{ConsentId, HoldId, ParticipantId, RecordNumber, Reference, TimeMs};
use crate::domain::refusal::Refusal;
use crate::domain::safeguards::check_signing;
use crate::domain::state::{Participant, ParticipantIx, Rules, State};

/// Most holds at the same time.
const HOLDS_MAX: usize = 1000;

/// Only the officer of the project.
pub(super) fn check_officer(rules: &Rules, actor: &Actor) -> Result<(), Refusal> {
    if actor.role == Role::Dpo && actor.agency == rules.project_agency {
        return Ok(());
    }
    Err(Refusal::ProjectDpoOnly)
}

impl State {
    pub(super) fn upkeep(
        &mut self,
        actor: Option<Actor>,
        event: UpkeepEvent,
        now: TimeMs,
    ) -> RecordNumber {
        self.emit(actor, EventKind::Upkeep(event), now)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one signed document")]
    pub(super) fn confirm_consent(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        consent: &ConsentId,
        revision_hash: &Digest,
        document: Bytes,
        signature: Signature,
        (signed_at, next_review_by): (TimeMs, Option<TimeMs>),
    ) -> Result<Outcome, Refusal> {
        let (ix, participant, current) = self.entrusted_consent(rules, now, &actor, consent)?;
        participant.check_not_ended()?;
        if current.hash != *revision_hash || current.revoked.is_some() {
            return Err(Refusal::RevisionConflict { expected: current.revision });
        }
        check_signing(signed_at, now)?;
        let next = current.next_review(&rules.reviews, signed_at, next_review_by, now)?;
        let event = UpkeepEvent::ConsentConfirmed {
            participant: participant.id,
            consent: *consent,
            revision: current.revision,
            document,
            signature,
            next_review_by: Some(next),
        };
        let record = self.upkeep(Some(actor), event, now);
        Ok(Outcome::ConsentChanged { record, stopped: 0, participant: ix })
    }

    pub(super) fn restrict(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        reference: &Reference,
        restricted: bool,
    ) -> Result<Outcome, Refusal> {
        let (ix, participant) = match actor.role {
            Role::Lotse => self.entrusted_participant(rules, now, &actor, reference)?,
            Role::System | Role::Dpo | Role::Operator | Role::Evaluation => {
                check_officer(rules, &actor)?;
                self.participant_of(&actor, reference)?
            }
        };
        let participant = participant.id;
        let event = UpkeepEvent::ParticipantRestricted { participant, restricted };
        let record = self.upkeep(Some(actor), event, now);
        Ok(Outcome::Restricted { record, participant: ix })
    }

    pub(super) fn participant_of(
        &self,
        actor: &Actor,
        reference: &Reference,
    ) -> Result<(ParticipantIx, &Participant), Refusal> {
        self.by_reference(&actor.agency, reference)
            .ok_or(Refusal::NotFound { field: "participant_reference" })
    }

    pub(super) fn place_hold(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        hold: HoldId,
        reason: String,
        reference: Option<Reference>,
    ) -> Result<Outcome, Refusal> {
        check_officer(rules, &actor)?;
        let participant = match reference {
            Some(reference) => Some(self.participant_of(&actor, &reference)?.1.id),
            None => None,
        };
        if self.erasure_holds.len() >= HOLDS_MAX {
            return Err(Refusal::Overloaded { limit: "holds" });
        }
        let event = UpkeepEvent::HoldPlaced { hold, reason, participant };
        Ok(Outcome::Recorded(self.upkeep(Some(actor), event, now)))
    }

    pub(super) fn release_hold(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        hold: &HoldId,
    ) -> Result<Outcome, Refusal> {
        check_officer(rules, &actor)?;
        let held = self.erasure_holds.iter().find(|held| held.id == *hold);
        let participant = held.ok_or(Refusal::NotFound { field: "hold_id" })?.participant;
        let event = UpkeepEvent::HoldReleased { hold: *hold, participant };
        Ok(Outcome::Recorded(self.upkeep(Some(actor), event, now)))
    }

    pub(super) fn list_holds(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
    ) -> Result<Outcome, Refusal> {
        check_officer(rules, &actor)?;
        let holds = self.erasure_holds.iter().map(|hold| {
            let reference =
                hold.participant.as_ref().and_then(|id| self.reference_for(id, &actor.agency));
            (hold.clone(), reference)
        });
        let holds = holds.collect();
        self.query(actor, "holds listed by the project's officer", now);
        Ok(Outcome::Holds(holds))
    }

    pub(super) fn erase_records(
        &mut self,
        now: TimeMs,
        actor: Option<Actor>,
        ground: ErasureGround,
        run: RecordNumber,
        records: &[(RecordNumber, Option<ParticipantId>)],
    ) -> Result<Outcome, Refusal> {
        let next = self.next_record();
        let sound = !records.is_empty()
            && records.len() <= ERASED_TOGETHER_MAX
            && records.is_sorted_by(|(a, _), (b, _)| a < b)
            && records.last().is_some_and(|(last, _)| *last < next);
        if !sound {
            let expected = "1 to 1,000 records of the log, ascending";
            return Err(Refusal::InvalidField { field: "numbers", expected });
        }
        // INVARIANT (second-person): nothing is erased but by a run that was approved.
        if !self.may_erase(run, ground) {
            return Err(Refusal::NotFound { field: "run_number" });
        }
        // What was begun with a participant is finished. A hold or restriction that came while a run of the
        // retention was on its way keeps the rest of what it is about.
        let may_go = |about: &Option<ParticipantId>| {
            ground == ErasureGround::Participant || !self.is_held_for(about.as_ref())
        };
        let may_go = records.iter().filter(|(_, about)| may_go(about));
        let numbers: Vec<RecordNumber> = may_go.map(|(number, _)| *number).collect();
        let record = (!numbers.is_empty()).then(|| {
            let ranges = RecordRange::of(&numbers);
            self.upkeep(actor, UpkeepEvent::RecordsErased { ground, ranges, run }, now)
        });
        Ok(Outcome::RecordsErased { record, numbers })
    }

    /// Whether nothing about a participant, or nothing at all, may be erased.
    fn is_held_for(&self, about: Option<&ParticipantId>) -> bool {
        let participant = about.and_then(|id| self.participant(self.participant_ix(id)?));
        self.is_all_held() || participant.is_some_and(|participant| self.is_held(participant))
    }

    /// Takes up a log that had lost records, after their numbers were used up so that none is ever given
    /// twice: revocations that were lost come back, and what cannot be known to hold is suspended.
    ///
    /// INVARIANT (anti-rollback): afterwards no consent is in force but those that a Lotse confirms.
    pub(super) fn reconcile(&mut self, now: TimeMs, given: Reconciliation) -> Outcome {
        let lost = given.shown_size.saturating_sub(given.found_size);
        let mut replayed = 0;
        for kept in given.revocations {
            let Some((ix, participant, current)) = self.known_consent(&kept.consent) else {
                continue;
            };
            let is_own = self.agency(participant.lotse_agency).as_ref() == Some(&kept.agency);
            // Also if a later revision was revoked that was lost: whoever revokes a consent ends it.
            if !is_own || current.revoked.is_some() {
                continue;
            }
            let agencies = current.agencies.iter().filter_map(|agency| self.agency(*agency));
            let event = RevocationEvent {
                participant: participant.id,
                consent: kept.consent,
                revision: current.revision,
                document: kept.document,
                signature: kept.signature,
                agencies: agencies.collect(),
            };
            self.emit(None, EventKind::ConsentRevoked(event), now);
            self.coverage_ended(ix, CoverageEnd::ConsentRevoked(kept.consent), now);
            replayed += 1;
        }
        let suspended = self.suspend_all(now);
        let reason =
            "records were lost: restrictions, holds and erasures may be among them".to_owned();
        let hold = UpkeepEvent::HoldPlaced { hold: given.hold, reason, participant: None };
        self.upkeep(None, hold, now);
        let event = ReconcileEvent {
            shown: given.shown,
            shown_size: given.shown_size,
            found_size: given.found_size,
            lost,
            replayed,
            suspended,
        };
        self.upkeep(None, UpkeepEvent::LogReconciled(event), now);
        Outcome::Reconciled { replayed, suspended }
    }

    /// Uses up numbers of lost records.
    pub(super) fn fill_lost(&mut self, now: TimeMs, size: u64, most: u64) -> Outcome {
        let end = size.min(self.next_record().saturating_add(most));
        while self.next_record() < end {
            self.upkeep(None, UpkeepEvent::RecordLost, now);
        }
        Outcome::Done
    }

    fn suspend_all(&mut self, now: TimeMs) -> u32 {
        let in_force: Vec<UpkeepEvent> = self
            .participants()
            .flat_map(|participant| {
                let holding = participant.consents.iter();
                let holding = holding.filter(|c| c.may_hold(now) && c.suspended.is_none());
                holding.map(|consent| UpkeepEvent::ConsentSuspended {
                    participant: participant.id,
                    consent: consent.id,
                    revision: consent.revision,
                    reason: Suspension::RecordsLost,
                })
            })
            .collect();
        let suspended = u32::try_from(in_force.len()).unwrap_or(u32::MAX);
        for event in in_force {
            self.upkeep(None, event, now);
        }
        suspended
    }
}
