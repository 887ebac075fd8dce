//! The part of the fold that is about rights of participants: suspension, restriction, erasure.

use super::{BTreeSet, ConsentId, ParticipantId, ParticipantIx, RecordNumber, State, TimeMs};
use super::{Erasing, ErasureHold};
use crate::domain::consent::{Consent, Suspension};
use crate::domain::decide::{DenyReason, Permit, Question, decide};
use crate::domain::event::{ErasureGround, RecordRange, UpkeepEvent};
use crate::domain::safeguards::Safeguards;
use crate::domain::state::Participant;

impl Participant {
    /// Whether something about the participant is covered now.
    pub(in crate::domain) fn decide(
        &self,
        question: &Question,
        now: TimeMs,
    ) -> Result<Permit, DenyReason> {
        decide(self.consents.iter(), &self.safeguards, question, now)
    }
}

impl Participant {
    /// Whether nothing can pass any more and nothing has changed since an instant.
    pub(in crate::domain) fn is_outdated(&self, before: TimeMs, now: TimeMs) -> bool {
        // What a Lotse still records after the end of the participation does not count.
        let ended = self.safeguards.ended.map(|(at, _)| at);
        ended.unwrap_or(self.touched) < before
            && self.messages.is_empty()
            && (ended.is_some() || !self.consents.iter().any(|consent| consent.may_hold(now)))
    }
}

impl State {
    /// Erasures that have begun and are not finished, oldest first.
    #[must_use]
    pub fn erasing(&self) -> Vec<Erasing> {
        self.erasing.values().copied().collect()
    }

    /// Whether a run that was approved may erase records for this reason.
    pub(in crate::domain) fn may_erase(&self, run: RecordNumber, ground: ErasureGround) -> bool {
        match ground {
            ErasureGround::Participant => self.erasing.values().any(|erasing| erasing.run == run),
            ErasureGround::Retention => self.runs.is_retaining(run),
        }
    }

    pub(super) fn apply_upkeep(&mut self, event: &UpkeepEvent, number: RecordNumber, time: TimeMs) {
        match event {
            UpkeepEvent::RecordLost => {}
            UpkeepEvent::ErasureBegun { participant, run } => {
                let erasing = Erasing { begun: number, participant: *participant, run: *run };
                self.erasing.insert(number, erasing);
                self.remove_participant(participant);
            }
            UpkeepEvent::RecordsErased { ground, ranges, .. } => {
                self.apply_erasure(*ground, ranges)
            }
            UpkeepEvent::ParticipantRestricted { participant, restricted } => {
                self.apply_restriction(participant, *restricted, time);
            }
            UpkeepEvent::HoldPlaced { hold, reason, participant } => {
                self.erasure_holds.push(ErasureHold {
                    id: *hold,
                    reason: reason.clone(),
                    participant: *participant,
                    placed: time,
                });
            }
            UpkeepEvent::HoldReleased { hold, .. } => {
                self.erasure_holds.retain(|held| held.id != *hold);
            }
            UpkeepEvent::ConsentSuspended { consent, reason, .. } => {
                self.apply_suspension(consent, Some(*reason));
            }
            UpkeepEvent::ConsentConfirmed { consent, participant, next_review_by, .. } => {
                if let (Some(consent), Some(next)) = (self.consent_mut(consent), next_review_by) {
                    consent.review_by = *next;
                }
                self.apply_suspension(consent, None);
                self.touch(participant, time);
            }
            UpkeepEvent::LogReconciled(event) => {
                self.abandoned = self.abandoned.max(event.shown_size);
                self.reconciled.push(number);
                self.runs.forget_all();
            }
        }
    }

    pub(super) fn touch(&mut self, participant: &ParticipantId, time: TimeMs) {
        if let Some(participant) = self.participant_by_id_mut(participant) {
            participant.touched = time;
        }
    }

    fn apply_suspension(&mut self, consent: &ConsentId, suspended: Option<Suspension>) {
        if let Some(consent) = self.consent_mut(consent) {
            consent.suspended = suspended;
        }
        self.track_review(consent);
        if let Some((ix, _)) = self.consents.get(consent).copied()
            && suspended.is_none()
        {
            self.release_blocked(ix);
        }
    }

    fn apply_restriction(&mut self, participant: &ParticipantId, restricted: bool, time: TimeMs) {
        let Some(ix) = self.by_id.get(participant).copied() else { return };
        if let Some(participant) = self.participant_mut(ix) {
            participant.safeguards.restricted = restricted;
            participant.touched = time;
        }
        if !restricted {
            self.release_blocked(ix);
        }
    }

    /// Takes a participant out of everything that the state holds. Its messages are finished before.
    fn remove_participant(&mut self, id: &ParticipantId) {
        self.erasure_holds.retain(|hold| hold.participant != Some(*id));
        self.runs.forget_participant(id);
        let Some(ix) = self.by_id.remove(id) else { return };
        let Some(participant) = self.participant_mut(ix) else { return };
        participant.erased = true;
        let registrar = participant.lotse_agency;
        participant.lotse = Box::default();
        let references = std::mem::take(&mut participant.references);
        let consents = std::mem::take(&mut participant.consents);
        participant.safeguards = Safeguards::default();
        let messages: BTreeSet<RecordNumber> = std::mem::take(&mut participant.messages);
        participant.id = ParticipantId::from_bytes([0; 16]);
        if let Some(registered) = self.participants_of.get_mut(&registrar) {
            *registered = registered.saturating_sub(1);
        }
        for number in messages {
            self.finish(number, self.time);
        }
        for (agency, reference, _) in references {
            self.by_reference.remove(&(agency, reference));
        }
        self.releases.retain(|_, owner| *owner != ix);
        self.objections.retain(|_, owner| *owner != ix);
        for Consent { id, .. } in consents {
            if self.consents.get(&id).is_some_and(|(owner, _)| *owner == ix) {
                self.forget_review(&id);
                self.consents.remove(&id);
            }
        }
        self.planning.forget_participant(ix);
        self.registrations.retain(|_, (registered, _)| *registered != ix);
        self.finished.retain(|_, finished| finished.participant != ix);
        self.delivery.forget_participant(ix);
    }

    /// What was erased is forgotten here too. Contents that are still there, because the broker was
    /// stopped before it had overwritten them, are the engine's to overwrite.
    fn apply_erasure(&mut self, ground: ErasureGround, ranges: &[RecordRange]) {
        let is_erased = |number: &RecordNumber| RecordRange::any_contains(ranges, *number);
        self.erasing.retain(|begun, _| !is_erased(begun));
        // Of a message that was finished the end may be overwritten already, and its beginning not yet.
        let gone: Vec<RecordNumber> =
            self.messages.keys().copied().filter(|number| is_erased(number)).collect();
        for number in gone {
            self.finish(number, self.time);
        }
        self.spent.retain(|(_, number, _)| !is_erased(number));
        self.delivery.forget_erased(is_erased);
        self.planning.forget_records(is_erased);
        self.runs.forget_erased(is_erased);
        // Records that retention takes are older than every key.
        if ground == ErasureGround::Participant {
            let erased = self.keys.extract_if(|_, entry| is_erased(&entry.record));
            let erased: Vec<_> = erased.collect();
            for ((agency, _), entry) in erased {
                self.forget_key(agency, &entry);
            }
            let of_participant: Vec<ParticipantId> = self
                .participants
                .iter()
                .filter(|participant| !participant.erased && is_erased(&participant.registered))
                .map(|participant| participant.id)
                .collect();
            for participant in of_participant {
                self.remove_participant(&participant);
            }
        }
    }

    /// Participants of whom nothing can pass any more, whose last change was before an instant, and whose
    /// erasure nothing holds.
    #[must_use]
    pub fn outdated_participants(&self, before: TimeMs, now: TimeMs) -> Vec<ParticipantId> {
        let outdated =
            self.participants().filter(|one| one.is_outdated(before, now) && !self.is_held(one));
        outdated.map(|participant| participant.id).collect()
    }

    /// Whether nothing about a participant may be erased.
    pub(in crate::domain) fn is_held(&self, participant: &Participant) -> bool {
        participant.safeguards.restricted
            || self
                .erasure_holds
                .iter()
                .any(|hold| hold.participant.is_none_or(|held| held == participant.id))
    }

    /// Whether erasure is held for everything.
    #[must_use]
    pub fn is_all_held(&self) -> bool {
        self.erasure_holds.iter().any(|hold| hold.participant.is_none())
    }

    /// Participants about whom nothing may be erased.
    #[must_use]
    pub fn held_participants(&self) -> BTreeSet<ParticipantId> {
        let held = self.participants().filter(|participant| self.is_held(participant));
        held.map(|participant| participant.id).collect()
    }

    pub(in crate::domain) fn participant_ix(&self, id: &ParticipantId) -> Option<ParticipantIx> {
        self.by_id.get(id).copied()
    }
}
