//! What stands beside the consents: the part of the model that knows releases from professional secrecy, objections,
//! reviews, deputies and the end of a participation.
//!
//! Source: § 203 StGB; GDPR Art. 21; the texts of `safeguards.proto`; the invariants default-deny and revoke-strict.

use super::{
    Address, Consent, ConsentDocument, Entry, Error, GrantRef, Lotse, Model, Reason, Submission,
    entrusted,
};

/// Why nothing passes under a consent for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspended {
    RecordsLost,
    ReviewMissed,
}

impl Suspended {
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::RecordsLost => Reason::Suspended,
            Self::ReviewMissed => Reason::ReviewMissed,
        }
    }
}

/// The holder may tell the addressee these categories of data for these purposes, although it is a professional secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub id: String,
    pub participant: usize,
    pub holder: Address,
    pub addressee: Address,
    pub categories: Vec<String>,
    pub purposes: Vec<String>,
    pub not_before: u64,
    pub not_after: u64,
}

/// Nothing passes that each of the lists meets: one of the recipients or agencies, one of the purposes, one of the
/// categories. An empty list is met by everything; recipients and agencies are one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    pub id: String,
    pub participant: usize,
    pub recipients: Vec<Address>,
    pub agencies: Vec<String>,
    pub purposes: Vec<String>,
    pub categories: Vec<String>,
    pub until: Option<u64>,
}

/// A document with the log index of its entry, and when it ended.
#[derive(Debug, Clone)]
struct Recorded<T> {
    document: T,
    entry: usize,
    ended_at: Option<u64>,
}

/// All of them, of all participants, in order of recording.
#[derive(Debug, Clone)]
pub(super) struct Safeguards {
    releases: Vec<Recorded<Release>>,
    objections: Vec<Recorded<Objection>>,
    /// Participants whose participation ended, and when.
    ended: Vec<(usize, u64)>,
    /// How long after a missed review a consent is suspended.
    grace: u64,
    /// Latest review after a document was signed.
    pub(super) latest_review: u64,
}

impl Default for Safeguards {
    fn default() -> Self {
        let (releases, objections, ended) = (Vec::new(), Vec::new(), Vec::new());
        Self { releases, objections, ended, grace: u64::MAX / 2, latest_review: u64::MAX / 2 }
    }
}

/// What a Lotse is told of a release or objection: its entry, whether it holds now, and when it was ended.
pub type Listed = (usize, Holds, Option<u64>);

/// Releases, objections, and when the participation ended.
pub type AllListed = (Vec<Listed>, Vec<Listed>, Option<u64>);

/// Whether a release or objection holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Now,
    Later,
    NoLonger,
    Ended,
}

/// A review in a list: whose, of which consent, by when, and whether it was missed.
pub type Review = (usize, String, u64, bool);

impl Release {
    fn holds(&self, now: u64) -> Holds {
        match now {
            _ if now < self.not_before => Holds::Later,
            _ if now >= self.not_after => Holds::NoLonger,
            _ => Holds::Now,
        }
    }

    fn covers(&self, message: &Submission) -> bool {
        self.holder == message.sender
            && self.addressee == message.recipient
            && self.purposes.contains(&message.purpose)
            && message.categories.iter().all(|category| self.categories.contains(category))
    }
}

impl Objection {
    fn holds(&self, now: u64) -> Holds {
        match self.until {
            Some(until) if now >= until => Holds::NoLonger,
            Some(_) | None => Holds::Now,
        }
    }

    fn meets(&self, message: &Submission) -> bool {
        let any = |list: &[String], found: &[String]| {
            list.is_empty() || list.iter().any(|one| found.contains(one))
        };
        let to_all = self.recipients.is_empty() && self.agencies.is_empty();
        let parties = to_all
            || self.recipients.contains(&message.recipient)
            || self.agencies.contains(&message.recipient.agency)
            || self.agencies.contains(&message.sender.agency);
        let purpose = any(&self.purposes, std::slice::from_ref(&message.purpose));
        parties && purpose && any(&self.categories, &message.categories)
    }
}

impl Consent {
    pub(super) fn new(newest: ConsentDocument, entry: usize) -> Self {
        let review_by = newest.review_by;
        Self { newest, entry, revoked_at: None, suspended: None, review_by }
    }

    fn last_end(&self) -> u64 {
        self.newest.grants.iter().map(|grant| grant.not_after).max().unwrap_or_default()
    }

    /// The next review after a confirmation at this instant.
    pub(super) fn next_review(
        &self,
        wanted: Option<u64>,
        latest: u64,
        now: u64,
    ) -> Result<u64, Error> {
        let is_over = now >= self.last_end();
        let Some(wanted) = wanted else {
            return Ok(if is_over { self.review_by } else { self.last_end() });
        };
        let is_late = wanted > now + latest || (!is_over && wanted > self.last_end());
        if wanted <= now || is_late { Err(Error::Invalid) } else { Ok(wanted) }
    }
}

impl Model {
    /// How long after a missed review a consent is suspended, and how long after its signature a review is at latest.
    pub fn keep_reviews(&mut self, grace: u64, latest_review: u64) {
        self.safeguards.grace = grace;
        self.safeguards.latest_review = latest_review;
    }

    /// Suspends each consent whose review was missed, the earliest first. Comes before everything else at an instant.
    pub fn suspend_missed(&mut self, now: u64) {
        let grace = self.safeguards.grace;
        let mut missed: Vec<(u64, String)> = Vec::new();
        for consent in &self.consents {
            let ended = self.ended_at(consent.newest.participant).is_some();
            let may_pass = consent.revoked_at.is_none() && now < consent.last_end();
            let is_due = consent.review_by.saturating_add(grace) <= now;
            if is_due && may_pass && consent.suspended.is_none() && !ended {
                missed.push((consent.review_by, consent.newest.id.clone()));
            }
        }
        missed.sort();
        for (_, id) in missed {
            let Some(consent) = self.consents.iter_mut().find(|it| it.newest.id == id) else {
                continue;
            };
            consent.suspended = Some(Suspended::ReviewMissed);
            let (participant, revision) = (consent.newest.participant, consent.newest.revision);
            let entry = Entry::ConsentSuspended { consent: id, revision, missed: true };
            self.write(Some(participant), entry);
        }
    }

    /// What stands beside the consents has the last word.
    pub(super) fn beside(
        &self,
        participant: usize,
        message: &Submission,
        granted: Result<GrantRef, Reason>,
        now: u64,
    ) -> Result<GrantRef, Reason> {
        if self.ended_at(participant).is_some() {
            return Err(Reason::Ended);
        }
        if self.objects(participant, message, now) {
            return Err(Reason::Objected);
        }
        let is_hopeless = granted.as_ref().is_err_and(|reason| !reason.may_end());
        if is_hopeless {
            return granted;
        }
        let mut release = None;
        if message.professional_secret {
            let own = self.safeguards.releases.iter();
            let mut own = own.filter(|it| it.document.participant == participant);
            let covering = own.find(|it| {
                it.ended_at.is_none()
                    && it.document.holds(now) == Holds::Now
                    && it.document.covers(message)
            });
            let covering = covering.ok_or(Reason::SecrecyReleaseMissing)?;
            release = Some(covering.document.id.clone());
        }
        let (consent, revision, grant_index, _) = granted?;
        if self.is_restricted(participant) {
            return Err(Reason::Restricted);
        }
        Ok((consent, revision, grant_index, release))
    }

    fn objects(&self, participant: usize, message: &Submission, now: u64) -> bool {
        self.safeguards.objections.iter().any(|it| {
            it.document.participant == participant
                && it.ended_at.is_none()
                && it.document.holds(now) == Holds::Now
                && it.document.meets(message)
        })
    }

    pub(super) fn ended_at(&self, participant: usize) -> Option<u64> {
        let mut ended = self.safeguards.ended.iter();
        ended.find(|(known, _)| *known == participant).map(|(_, at)| *at)
    }

    pub(super) fn check_not_ended(&self, participant: usize) -> Result<(), Error> {
        if self.ended_at(participant).is_some() { Err(Error::Ended) } else { Ok(()) }
    }

    /// The caller is the Lotse, or a deputy to whom the participant agrees now.
    pub(super) fn check_entrusted(
        &self,
        caller: &Lotse,
        participant: usize,
        now: u64,
    ) -> Result<(), Error> {
        let known = self.participants.get(participant).filter(|known| !known.erased);
        let lotse = &known.ok_or(Error::NotFound)?.lotse;
        if lotse == caller
            || (lotse.agency == caller.agency && self.deputes(caller, participant, now))
        {
            return Ok(());
        }
        Err(Error::Forbidden)
    }

    /// Whether a message without content from the Lotse's agency to the deputy would pass.
    fn deputes(&self, caller: &Lotse, participant: usize, now: u64) -> bool {
        let at = |function: String| Address { agency: caller.agency.clone(), function };
        let question = Submission {
            message_id: String::new(),
            content: String::new(),
            participant: Some(participant),
            sender: at("zentrale".to_owned()),
            recipient: at(format!("lotse-{}", caller.person)),
            purpose: "vertretung".to_owned(),
            categories: Vec::new(),
            professional_secret: false,
            created_at: now,
            expires_at: now,
        };
        let granted = self.covering(participant, &question, now);
        self.beside(participant, &question, granted, now).is_ok()
    }

    /// Reviews and deputies of a document.
    pub(super) fn check_beside(
        &self,
        caller: &Lotse,
        document: &ConsentDocument,
        now: u64,
    ) -> Result<(), Error> {
        let latest = document.signed_at.saturating_add(self.safeguards.latest_review);
        let review_by = document.review_by;
        if document.signed_at > now || review_by <= document.signed_at || review_by > latest {
            return Err(Error::Invalid);
        }
        let lotse = self.lotse(document.participant).ok_or(Error::NotFound)?;
        let current = self.consent(&document.id).map(|known| &known.newest.grants);
        for grant in document.grants.iter().filter(|grant| grant.purpose == "vertretung") {
            let person = grant.recipient.function.strip_prefix("lotse-");
            let own = std::slice::from_ref(&caller.agency);
            if person.is_none() || grant.recipient.agency != caller.agency || grant.senders != own {
                return Err(Error::Invalid);
            }
            let is_new = current.is_none_or(|known| !known.contains(grant));
            if is_new && lotse != caller {
                return Err(Error::Forbidden);
            }
        }
        Ok(())
    }

    /// Records a release; the same once more changes nothing.
    ///
    /// # Errors
    /// Not entrusted to the caller, ended, against the rules, or the id was used.
    pub fn release(&mut self, caller: &Lotse, release: Release, now: u64) -> Result<usize, Error> {
        if release.not_after <= release.not_before {
            return Err(Error::Invalid);
        }
        if release.not_after > (self.longest_end)(release.not_before) {
            return Err(Error::Invalid);
        }
        let participant = release.participant;
        self.check_entrusted(caller, participant, now)?;
        self.check_not_ended(participant)?;
        let mut known = self.safeguards.releases.iter();
        if let Some(known) = known.find(|known| known.document.id == release.id) {
            let is_same = known.document == release && known.ended_at.is_none();
            return if is_same { Ok(known.entry) } else { Err(Error::Conflict) };
        }
        let entry = self.log.len();
        self.addresses.extend([release.holder.clone(), release.addressee.clone()]);
        self.write(Some(participant), Entry::ReleaseRecorded { release: release.id.clone() });
        self.safeguards.releases.push(Recorded { document: release, entry, ended_at: None });
        self.changed(participant, now);
        Ok(entry)
    }

    /// Revokes a release, then stops what it alone covered.
    ///
    /// # Errors
    /// Unknown, not entrusted to the caller, or another document.
    pub fn revoke_release(
        &mut self,
        caller: &Lotse,
        document: &Release,
        now: u64,
    ) -> Result<(), Error> {
        let mut known = self.safeguards.releases.iter();
        let position = known.position(|it| it.document.id == document.id).ok_or(Error::NotFound)?;
        let recorded = self.safeguards.releases.get(position).cloned().ok_or(Error::NotFound)?;
        let participant = recorded.document.participant;
        self.check_entrusted(caller, participant, now)?;
        if recorded.ended_at.is_some() {
            return Ok(());
        }
        if recorded.document != *document {
            return Err(Error::Conflict);
        }
        for it in self.safeguards.releases.iter_mut().skip(position).take(1) {
            it.ended_at = Some(now);
        }
        self.write(Some(participant), Entry::ReleaseRevoked { release: document.id.clone() });
        self.changed(participant, now);
        self.stop_uncovered(participant, now);
        Ok(())
    }

    /// Records an objection, then stops what it meets.
    ///
    /// # Errors
    /// Not entrusted to the caller, already over, or the id was used.
    pub fn object(&mut self, caller: &Lotse, objection: Objection, now: u64) -> Result<(), Error> {
        if objection.until.is_some_and(|until| until <= now) {
            return Err(Error::Invalid);
        }
        let participant = objection.participant;
        self.check_entrusted(caller, participant, now)?;
        let mut known = self.safeguards.objections.iter();
        if let Some(known) = known.find(|known| known.document.id == objection.id) {
            let is_same = known.document == objection && known.ended_at.is_none();
            return if is_same { Ok(()) } else { Err(Error::Conflict) };
        }
        let entry = self.log.len();
        self.addresses.extend(objection.recipients.iter().cloned());
        self.write(Some(participant), Entry::ObjectionRecorded { objection: objection.id.clone() });
        self.safeguards.objections.push(Recorded { document: objection, entry, ended_at: None });
        self.changed(participant, now);
        self.stop_uncovered(participant, now);
        Ok(())
    }

    /// The Lotse in person ends an objection.
    ///
    /// # Errors
    /// Unknown, not the Lotse, ended, or another document.
    pub fn end_objection(
        &mut self,
        caller: &Lotse,
        document: &Objection,
        now: u64,
    ) -> Result<(), Error> {
        let mut known = self.safeguards.objections.iter();
        let position = known.position(|it| it.document.id == document.id).ok_or(Error::NotFound)?;
        let recorded = self.safeguards.objections.get(position).cloned().ok_or(Error::NotFound)?;
        let participant = recorded.document.participant;
        entrusted(&mut self.participants, caller, participant)?;
        self.check_not_ended(participant)?;
        if recorded.ended_at.is_some() {
            return Ok(());
        }
        if recorded.document != *document {
            return Err(Error::Conflict);
        }
        for it in self.safeguards.objections.iter_mut().skip(position).take(1) {
            it.ended_at = Some(now);
        }
        let objection = document.id.clone();
        self.write(Some(participant), Entry::ObjectionWithdrawn { objection });
        self.changed(participant, now);
        Ok(())
    }

    /// The Lotse in person ends the participation; everything stops. Once is enough.
    ///
    /// # Errors
    /// No such participant, or not the Lotse.
    pub fn end_participation(
        &mut self,
        caller: &Lotse,
        participant: usize,
        now: u64,
    ) -> Result<(), Error> {
        entrusted(&mut self.participants, caller, participant)?;
        if self.ended_at(participant).is_none() {
            self.safeguards.ended.push((participant, now));
            self.end_planned(participant, self.log.len(), now);
            self.write(Some(participant), Entry::ParticipationEnded { participant });
            self.changed(participant, now);
            self.stop_uncovered(participant, now);
        }
        Ok(())
    }

    /// Releases and objections of a participant, oldest first, and when the participation ended. The list is a query.
    ///
    /// # Errors
    /// Not entrusted to the caller.
    pub fn list_safeguards(
        &mut self,
        caller: &Lotse,
        participant: usize,
        now: u64,
    ) -> Result<AllListed, Error> {
        self.check_entrusted(caller, participant, now)?;
        self.write(Some(participant), Entry::Queried);
        fn listed(entry: usize, holds: Holds, ended_at: Option<u64>) -> Listed {
            (entry, if ended_at.is_some() { Holds::Ended } else { holds }, ended_at)
        }
        let releases = self.safeguards.releases.iter();
        let releases = releases.filter(|it| it.document.participant == participant);
        let objections = self.safeguards.objections.iter();
        let objections = objections.filter(|it| it.document.participant == participant);
        Ok((
            releases.map(|it| listed(it.entry, it.document.holds(now), it.ended_at)).collect(),
            objections.map(|it| listed(it.entry, it.document.holds(now), it.ended_at)).collect(),
            self.ended_at(participant),
        ))
    }

    /// What is to be reviewed within some time, the most urgent first. The list is a query.
    pub fn list_reviews(&mut self, caller: &Lotse, within: u64, now: u64) -> Vec<Review> {
        let mut reviews: Vec<Review> = Vec::new();
        for (participant, known) in self.participants.iter().enumerate() {
            let ended = self.ended_at(participant).is_some();
            if known.erased || ended || self.check_entrusted(caller, participant, now).is_err() {
                continue;
            }
            for consent in self.consents.iter().filter(|it| it.newest.participant == participant) {
                let missed = consent.suspended == Some(Suspended::ReviewMissed);
                let may_pass = consent.revoked_at.is_none() && now < consent.last_end();
                if may_pass && (missed || consent.review_by <= now.saturating_add(within)) {
                    let id = consent.newest.id.clone();
                    reviews.push((participant, id, consent.review_by, missed));
                }
            }
        }
        self.write(None, Entry::Queried);
        reviews.sort_by_key(|(_, _, review_by, _)| *review_by);
        reviews
    }

    pub(super) fn forget_safeguards(&mut self, participant: usize) {
        self.safeguards.releases.retain(|it| it.document.participant != participant);
        self.safeguards.objections.retain(|it| it.document.participant != participant);
    }
}
