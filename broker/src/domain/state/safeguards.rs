//! The part of the fold that is about releases, objections, the end of participation, and reviews.

use super::{ConsentId, ParticipantIx, RecordNumber, State, TimeMs};
use crate::domain::event::SafeguardEvent;
use crate::domain::ids::{ObjectionId, ReleaseId};
use crate::domain::safeguards::{Objection, Release, SafeguardAct, Safeguards};

impl State {
    pub(super) fn apply_safeguard(
        &mut self,
        event: &SafeguardEvent,
        number: RecordNumber,
        time: TimeMs,
    ) {
        let Some(ix) = self.by_id.get(&event.participant).copied() else { return };
        match &event.act {
            SafeguardAct::Release(document) => {
                let release = Release::new(document, number, &mut self.names);
                self.releases.insert(release.id, ix);
                self.change_safeguards(ix, |own| own.releases.push(release));
            }
            SafeguardAct::Objection(document) => {
                let objection = Objection::new(document, number, &mut self.names);
                self.objections.insert(objection.id, ix);
                self.change_safeguards(ix, |own| own.objections.push(objection));
            }
            SafeguardAct::ReleaseRevocation { release, .. } => {
                self.change_safeguards(ix, |own| {
                    for known in own.releases.iter_mut().filter(|known| known.id == *release) {
                        known.revoked = Some((time, number));
                    }
                });
            }
            SafeguardAct::ObjectionWithdrawal { objection, .. } => {
                self.change_safeguards(ix, |own| {
                    for known in own.objections.iter_mut().filter(|it| it.id == *objection) {
                        known.withdrawn = Some((time, number));
                    }
                });
            }
            SafeguardAct::ParticipationEnd { .. } => {
                self.change_safeguards(ix, |own| own.ended = Some((time, number)));
                self.planning.end(ix, &event.participant, number, time);
                let consents = self.participant(ix).into_iter().flat_map(|one| &one.consents);
                let consents: Vec<ConsentId> = consents.map(|consent| consent.id).collect();
                for consent in consents {
                    self.track_review(&consent);
                }
            }
        }
        self.touch(&event.participant, time);
        self.schedule_end(ix, time);
    }

    fn change_safeguards(&mut self, ix: ParticipantIx, change: impl FnOnce(&mut Safeguards)) {
        if let Some(participant) = self.participant_mut(ix) {
            change(&mut participant.safeguards);
        }
    }

    /// The release of this identifier, and whose it is.
    pub(in crate::domain) fn release_of(
        &self,
        id: &ReleaseId,
    ) -> Option<(ParticipantIx, &Release)> {
        let ix = self.releases.get(id).copied()?;
        let mut releases = self.participant(ix)?.safeguards.releases.iter();
        releases.find(|release| release.id == *id).map(|release| (ix, release))
    }

    /// The objection of this identifier, and whose it is.
    pub(in crate::domain) fn objection_of(
        &self,
        id: &ObjectionId,
    ) -> Option<(ParticipantIx, &Objection)> {
        let ix = self.objections.get(id).copied()?;
        let mut objections = self.participant(ix)?.safeguards.objections.iter();
        objections.find(|objection| objection.id == *id).map(|objection| (ix, objection))
    }

    /// Puts the review of a consent where it belongs: into the list if it may be missed, and nowhere else.
    pub(super) fn track_review(&mut self, id: &ConsentId) {
        let Some((ix, position)) = self.consents.get(id).copied() else { return };
        let Some(participant) = self.participant(ix) else { return };
        let Some(consent) = participant.consents.get(position) else { return };
        let ended = participant.safeguards.ended.is_some();
        let is_kept = consent.revoked.is_none() && consent.suspended.is_none() && !ended;
        let review_by = consent.review_by;
        if let Some(before) = self.reviews_of.remove(id) {
            self.reviews.remove(&(before, *id));
        }
        if is_kept {
            self.reviews_of.insert(*id, review_by);
            self.reviews.insert((review_by, *id));
        }
    }

    /// Takes the review of a consent out of the list.
    pub(in crate::domain) fn forget_review(&mut self, id: &ConsentId) {
        if let Some(before) = self.reviews_of.remove(id) {
            self.reviews.remove(&(before, *id));
        }
    }

    /// The consent whose review is first, and by when.
    pub(in crate::domain) fn first_review(&self) -> Option<(TimeMs, ConsentId)> {
        self.reviews.first().copied()
    }
}
