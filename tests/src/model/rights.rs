//! Rights of participants, and what follows from a log that lost records: the part of the model that restricts,
//! suspends, confirms, holds and erases what a run names.
//!
//! Source: GDPR Art. 17 and 18; the texts of `rights.proto`, `consent.proto` and `access_log.proto`; the invariants
//! erasure and anti-rollback.

use super::runs::Runs;
use super::safeguards::Suspended;
use super::{Consent, ConsentDocument, Entry, Error, Lotse, Model, Participant};

/// Who asks for something that not only a Lotse may ask for: a Lotse, the officer for data protection of an agency, or
/// the machines of an agency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    Lotse(Lotse),
    Officer { agency: String, person: Option<String> },
    System(String),
}

/// Why nothing may be erased after records were lost.
const LOST: &str = "records were lost: restrictions, holds and erasures may be among them";

/// Nothing about this participant may be erased, or without one nothing at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureHold {
    pub id: String,
    pub reason: String,
    pub participant: Option<usize>,
    pub placed_at: u64,
}

/// Why records are erased: their participant is, or nothing needs them any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Participant,
    Retention,
}

/// What the Lotse is told of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentState {
    Active,
    NotYet,
    Expired,
    Revoked,
    Suspended,
}

/// One consent in a list, with the log index of its newest revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub entry: usize,
    pub state: ConsentState,
    pub revoked_at: Option<u64>,
    pub restricted: bool,
    pub review_by: u64,
    pub review_missed: bool,
}

/// A revocation that a client kept: who signed it, and which consent it ends.
#[derive(Debug, Clone)]
pub struct Kept {
    pub agency: String,
    pub consent: String,
}

impl Model {
    /// Restricts a participant, or ends the restriction. What waits is not stopped.
    ///
    /// # Errors
    /// The caller is neither the participant's Lotse nor the officer of the project, or there is no such participant.
    pub fn restrict(
        &mut self,
        caller: &Caller,
        participant: usize,
        restricted: bool,
        now: u64,
    ) -> Result<(), Error> {
        if let Caller::Lotse(lotse) = caller {
            self.check_entrusted(lotse, participant, now)?;
        } else {
            self.check_officer(caller)?;
        }
        let known = self.participants.get_mut(participant).filter(|known| !known.erased);
        known.ok_or(Error::NotFound)?.restricted = restricted;
        self.write(Some(participant), Entry::Restricted { participant, restricted });
        self.changed(participant, now);
        Ok(())
    }

    /// The Lotse confirms that a consent still holds: it is not suspended any more.
    ///
    /// # Errors
    /// No such consent, not the Lotse's participant, revoked, or the document is not the newest revision.
    pub fn confirm(
        &mut self,
        caller: &Lotse,
        id: &str,
        newest_document: &ConsentDocument,
        next_review: Option<u64>,
        now: u64,
    ) -> Result<(), Error> {
        let participant = self.consent(id).ok_or(Error::NotFound)?.newest.participant;
        self.check_entrusted(caller, participant, now)?;
        self.check_not_ended(participant)?;
        let latest_review = self.safeguards.latest_review;
        let consent = self.consents.iter_mut().find(|known| known.newest.id == id);
        let consent = consent.ok_or(Error::NotFound)?;
        if consent.revoked_at.is_some() || consent.newest != *newest_document {
            return Err(Error::Conflict);
        }
        consent.review_by = consent.next_review(next_review, latest_review, now)?;
        consent.suspended = None;
        let (consent, revision) = (id.to_owned(), consent.newest.revision);
        self.write(Some(participant), Entry::ConsentConfirmed { consent, revision });
        self.changed(participant, now);
        Ok(())
    }

    /// The consents of a participant, oldest first. The list is a query.
    ///
    /// # Errors
    /// No such participant, or the caller is not the present Lotse.
    pub fn list_consents(
        &mut self,
        caller: &Lotse,
        participant: usize,
        now: u64,
    ) -> Result<Vec<Summary>, Error> {
        self.check_entrusted(caller, participant, now)?;
        let restricted = self.is_restricted(participant);
        self.write(Some(participant), Entry::Queried);
        let own = self.consents.iter().filter(|it| it.newest.participant == participant);
        let summaries = own.map(|consent| Summary {
            entry: consent.entry,
            state: state(consent, now),
            revoked_at: consent.revoked_at,
            restricted,
            review_by: consent.review_by,
            review_missed: consent.suspended == Some(Suspended::ReviewMissed),
        });
        Ok(summaries.collect())
    }

    /// Puts erasure on hold for one participant, or for all.
    ///
    /// # Errors
    /// The caller is not the officer of the project, or there is no such participant.
    pub fn place_hold(
        &mut self,
        caller: &Caller,
        id: &str,
        reason: &str,
        participant: Option<usize>,
        now: u64,
    ) -> Result<(), Error> {
        self.check_officer(caller)?;
        if let Some(participant) = participant {
            self.check_known(participant)?;
        }
        let (id, reason) = (id.to_owned(), reason.to_owned());
        self.write(participant, Entry::HoldPlaced { hold: id.clone() });
        self.erasure_holds.push(ErasureHold { id, reason, participant, placed_at: now });
        Ok(())
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// The caller is not the officer of the project, or there is no such hold.
    pub fn release_hold(&mut self, caller: &Caller, id: &str) -> Result<(), Error> {
        self.check_officer(caller)?;
        let hold = self.erasure_holds.iter().find(|hold| hold.id == id);
        let participant = hold.ok_or(Error::NotFound)?.participant;
        self.write(participant, Entry::HoldReleased { hold: id.to_owned() });
        self.erasure_holds.retain(|hold| hold.id != id);
        Ok(())
    }

    /// The holds, oldest first. The question is a query.
    ///
    /// # Errors
    /// The caller is not the officer of the project.
    pub fn list_holds(&mut self, caller: &Caller) -> Result<Vec<ErasureHold>, Error> {
        self.check_officer(caller)?;
        self.write(None, Entry::Queried);
        Ok(self.erasure_holds.clone())
    }

    /// The participants about whom nothing may be erased.
    pub fn held(&self) -> Vec<usize> {
        let living = self.participants.iter().enumerate().filter(|(_, known)| !known.erased);
        living.map(|(participant, _)| participant).filter(|it| self.is_held(*it)).collect()
    }

    /// Whether nothing about a participant can pass any more and nothing has changed since an instant.
    pub(super) fn is_over(&self, participant: usize, before: u64, now: u64) -> bool {
        let mut own = self.consents.iter().filter(|it| it.newest.participant == participant);
        let changed = self.participants.get(participant).map(|known| known.changed_at);
        let ended = self.ended_at(participant);
        ended.or(changed).is_some_and(|changed_at| changed_at < before)
            && self.unfinished_about(participant).is_empty()
            && (ended.is_some() || !own.any(|consent| may_hold(consent, now)))
    }

    /// Erasures that have begun and are not finished: the log index of the beginning, whose, and by which run.
    pub fn erasing(&self) -> &[(usize, usize, usize)] {
        &self.erasing
    }

    /// The log indexes of all entries about a participant that are not erased.
    pub fn entries_about(&self, participant: usize) -> Vec<usize> {
        let about =
            (0..self.log.len()).filter(|it| self.about.get(*it) == Some(&Some(participant)));
        about.filter(|entry| !self.erased_entries.contains(entry)).collect()
    }

    /// The log indexes of all entries about messages and queries that nothing can ask for any more, and whose erasure
    /// nothing holds.
    pub fn outdated_entries(&self) -> Vec<usize> {
        let mut outdated = Vec::new();
        for (index, (entry, about)) in self.log.iter().zip(&self.about).enumerate() {
            let message = match entry {
                Entry::Decided { .. } => index,
                Entry::HandedOut { message, .. }
                | Entry::Stage { message, .. }
                | Entry::DeadLettered { message, .. }
                | Entry::Stopped { message, .. } => *message,
                Entry::Queried | Entry::Asked { .. } | Entry::ConsentRequested => index,
                // Those about somebody go with their participant.
                Entry::BasisEnded { .. } | Entry::DeletionConfirmed { .. } if about.is_none() => {
                    index
                }
                _ => continue,
            };
            let is_known = self.messages.iter().any(|it| it.number == message)
                || self.decisions.iter().any(|it| it.number == message);
            let is_held = about.is_some_and(|participant| self.is_held(participant));
            if !is_known && !is_held && !self.erased_entries.contains(&index) {
                outdated.push(index);
            }
        }
        outdated
    }

    /// Erases entries, and tells which. Of outdated ones those stay that are held meanwhile. What was decided about an
    /// erased participant is forgotten: its ids can be used anew.
    ///
    /// # Errors
    /// No entries, or no such run erases anything now.
    pub fn erase_entries(
        &mut self,
        ground: Ground,
        run: usize,
        entries: &[usize],
    ) -> Result<Vec<usize>, Error> {
        if entries.is_empty() {
            return Err(Error::Invalid);
        }
        let goes_on = match ground {
            Ground::Participant => self.erasing.iter().any(|(_, _, by)| *by == run),
            Ground::Retention => self.runs.retaining == Some(run),
        };
        if !goes_on {
            return Err(Error::NotFound);
        }
        let is_held = |entry: &usize| match self.about.get(*entry) {
            _ if ground == Ground::Participant => false,
            _ if self.all_held() => true,
            Some(Some(participant)) => {
                self.check_known(*participant).is_ok() && self.is_held(*participant)
            }
            _ => false,
        };
        let entries: Vec<usize> = entries.iter().copied().filter(|it| !is_held(it)).collect();
        if entries.is_empty() {
            return Ok(entries);
        }
        if ground == Ground::Participant {
            self.decisions.retain(|decision| !entries.contains(&decision.number));
        }
        self.erasing.retain(|(begun, ..)| !entries.contains(begun));
        self.erased_entries.extend(&entries);
        self.planning.forget_entries(&entries);
        self.duties.retain(|duty| !entries.contains(&duty.number));
        self.write(None, Entry::RecordsErased { ground, records: entries.clone(), run });
        Ok(entries)
    }

    /// Uses up the numbers of lost records, until the log has this size.
    pub fn fill_lost(&mut self, size: usize) {
        while self.log.len() < size {
            self.write(None, Entry::RecordLost);
        }
    }

    /// The log had `found` records when a checkpoint of `shown` records was shown to it. Revocations that were kept
    /// count again, of whichever revision, if the Lotse's agency signed them. Every other consent under which anything
    /// could still pass is suspended, and nothing may be erased for now. How many of both.
    pub fn reconcile(
        &mut self,
        found: usize,
        shown: usize,
        revocations: &[Kept],
        hold: &str,
        now: u64,
    ) -> (usize, usize) {
        let lost = shown.saturating_sub(found);
        let (mut replayed, mut suspended) = (0, 0);
        for kept in revocations {
            let counts = self.consent(&kept.consent).is_some_and(|consent| {
                let participant = self.participants.get(consent.newest.participant);
                consent.revoked_at.is_none()
                    && participant.is_some_and(|known| known.lotse.agency == kept.agency)
            });
            if counts {
                let consent = self.consent(&kept.consent).map(|consent| consent.newest.participant);
                self.end(&kept.consent, now);
                if let Some(participant) = consent {
                    self.stop_uncovered(participant, now);
                }
                replayed += 1;
            }
        }
        for participant in 0..self.participants.len() {
            let mut written = Vec::new();
            for consent in &mut self.consents {
                let is_own = consent.newest.participant == participant;
                if is_own && may_hold(consent, now) && consent.suspended.is_none() {
                    consent.suspended = Some(Suspended::RecordsLost);
                    written.push((consent.newest.id.clone(), consent.newest.revision));
                }
            }
            suspended += written.len();
            for (consent, revision) in written {
                let entry = Entry::ConsentSuspended { consent, revision, missed: false };
                self.write(Some(participant), entry);
            }
        }
        self.write(None, Entry::HoldPlaced { hold: hold.to_owned() });
        let (id, reason) = (hold.to_owned(), LOST.to_owned());
        self.erasure_holds.push(ErasureHold { id, reason, participant: None, placed_at: now });
        self.write(None, Entry::Reconciled { found, shown, lost, replayed, suspended });
        self.abandoned = self.abandoned.max(shown);
        self.runs = Runs::default();
        (replayed, suspended)
    }

    /// The largest size of a log that was lost and is not continued.
    pub fn abandoned(&self) -> usize {
        self.abandoned
    }

    pub(super) fn check_officer(&self, caller: &Caller) -> Result<(), Error> {
        match caller {
            Caller::Officer { agency, .. } if *agency == self.project_agency => Ok(()),
            Caller::Officer { .. } | Caller::Lotse(_) | Caller::System(_) => Err(Error::Forbidden),
        }
    }

    pub(super) fn check_known(&self, participant: usize) -> Result<&Participant, Error> {
        let known = self.participants.get(participant).filter(|known| !known.erased);
        known.ok_or(Error::NotFound)
    }

    pub(super) fn all_held(&self) -> bool {
        self.erasure_holds.iter().any(|hold| hold.participant.is_none())
    }

    /// Whether nothing about a participant may be erased: while they are restricted, and while something holds it.
    pub(super) fn is_held(&self, participant: usize) -> bool {
        let mut holds = self.erasure_holds.iter();
        self.is_restricted(participant)
            || self.all_held()
            || holds.any(|hold| hold.participant == Some(participant))
    }

    /// The numbers of the unfinished messages about a participant, in order.
    pub(super) fn unfinished_about(&self, participant: usize) -> Vec<usize> {
        let about = self.unfinished().filter(|it| it.submission.participant == Some(participant));
        about.map(|message| message.number).collect()
    }
}

/// Whether anything may pass under a consent, now or later, once it is not suspended.
fn may_hold(consent: &Consent, now: u64) -> bool {
    consent.revoked_at.is_none() && consent.newest.grants.iter().any(|it| now < it.not_after)
}

fn state(consent: &Consent, now: u64) -> ConsentState {
    let grants = &consent.newest.grants;
    if consent.revoked_at.is_some() {
        ConsentState::Revoked
    } else if !may_hold(consent, now) {
        ConsentState::Expired
    } else if consent.suspended.is_some() {
        ConsentState::Suspended
    } else if grants.iter().any(|grant| grant.not_before <= now && now < grant.not_after) {
        ConsentState::Active
    } else {
        ConsentState::NotYet
    }
}
