//! What stands beside the consents: releases, objections and ends, folded as the broker folds them; each revocation
//! of a release and each end of an objection names the document that it ends.

use std::collections::{HashMap, HashSet};

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::history::told;
use super::shown::Shown;
use crate::log::{LogRow, Safeguard};

/// A document as the rows before some record show it.
struct Recorded<'a, T> {
    hash: &'a [u8],
    /// Its contents, if they are shown.
    document: Option<&'a T>,
    /// Whom it is of, as the file tells it.
    participant: Option<&'a str>,
    ended: bool,
}

/// Releases, objections and ends.
#[derive(Default)]
pub(super) struct Safeguards<'a> {
    releases: HashMap<&'a [u8], Recorded<'a, v1::SecrecyReleaseDocument>>,
    objections: HashMap<&'a [u8], Recorded<'a, v1::ObjectionDocument>>,
    /// Participants whose participation ended.
    ended: HashSet<&'a str>,
}

/// What is asked of them.
pub(super) struct Asked<'a> {
    pub(super) sender: Option<&'a v1::Address>,
    pub(super) recipient: Option<&'a v1::Address>,
    pub(super) purpose: &'a str,
    pub(super) categories: &'a [String],
    pub(super) professional_secret: bool,
    pub(super) time_ms: i64,
}

/// What they say.
pub(super) enum Verdict {
    /// Nothing against it.
    Passes,
    /// The release is not shown.
    NotShown,
}

impl<'a> Safeguards<'a> {
    /// Folds the next row of the file.
    pub(super) fn apply(&mut self, row: &'a LogRow) {
        let participant = told(row);
        match row.event() {
            Some(Event::SecrecyReleaseRecorded(event)) => {
                let document = match &row.safeguard {
                    Some(Safeguard::Release(document)) => Some(document),
                    _ => None,
                };
                let hash = event.document_hash.as_ref();
                let recorded = Recorded { hash, document, participant, ended: false };
                self.releases.insert(&event.release_id, recorded);
            }
            Some(Event::ObjectionRecorded(event)) => {
                let document = match &row.safeguard {
                    Some(Safeguard::Objection(document)) => Some(document),
                    _ => None,
                };
                let hash = event.document_hash.as_ref();
                let recorded = Recorded { hash, document, participant, ended: false };
                self.objections.insert(&event.objection_id, recorded);
            }
            Some(Event::SecrecyReleaseRevoked(event)) => {
                if let Some(known) = self.releases.get_mut(event.release_id.as_ref()) {
                    known.ended = true;
                }
            }
            Some(Event::ObjectionWithdrawn(event)) => {
                if let Some(known) = self.objections.get_mut(event.objection_id.as_ref()) {
                    known.ended = true;
                }
            }
            Some(Event::ParticipationEnded(_)) => self.ended.extend(participant),
            _ => {}
        }
    }

    /// Whether nothing stands against a permit that names this release.
    pub(super) fn permit(
        &self,
        participant: Option<&str>,
        asked: &Asked<'_>,
        release_hash: &[u8],
    ) -> Result<Verdict, &'static str> {
        if participant.is_some_and(|participant| self.ended.contains(participant)) {
            return Err("passed although the participation had ended");
        }
        if participant.is_some_and(|participant| self.object(participant, asked)) {
            return Err("passed although the participant objects");
        }
        if !asked.professional_secret {
            let named = !release_hash.is_empty();
            return if named {
                Err("a release for what is no secret")
            } else {
                Ok(Verdict::Passes)
            };
        }
        if release_hash.is_empty() {
            return Err("a professional secret passed without a release");
        }
        let Some(release) = self.releases.values().find(|known| known.hash == release_hash) else {
            return Ok(Verdict::NotShown);
        };
        if release.ended {
            return Err("passed under a release that was revoked");
        }
        if participant.is_some()
            && release.participant.is_some()
            && participant != release.participant
        {
            return Err("passed under the release of another participant");
        }
        let Some(document) = release.document else { return Ok(Verdict::NotShown) };
        if covers(document, asked) {
            return Ok(Verdict::Passes);
        }
        Err("the release does not cover this")
    }

    /// Whether something stands against what a consent covers.
    pub(super) fn refuse(&self, participant: &str, asked: &Asked<'_>) -> bool {
        let is_released = self.releases.values().any(|known| {
            let is_own = known.participant == Some(participant) && !known.ended;
            is_own && known.document.is_some_and(|document| covers(document, asked))
        });
        self.ended.contains(participant)
            || self.object(participant, asked)
            || (asked.professional_secret && !is_released)
    }

    fn object(&self, participant: &str, asked: &Asked<'_>) -> bool {
        self.objections.values().any(|known| {
            let is_own = known.participant == Some(participant) && !known.ended;
            is_own && known.document.is_some_and(|document| meets(document, asked))
        })
    }
}

fn covers(release: &v1::SecrecyReleaseDocument, asked: &Asked<'_>) -> bool {
    release.holder.is_some()
        && release.holder.as_ref() == asked.sender
        && release.addressee.as_ref() == asked.recipient
        && release.purposes.iter().any(|purpose| purpose == asked.purpose)
        && asked.categories.iter().all(|category| release.categories.contains(category))
        && (release.not_before_ms..release.not_after_ms).contains(&asked.time_ms)
}

fn meets(objection: &v1::ObjectionDocument, asked: &Asked<'_>) -> bool {
    let v1::ObjectionDocument { recipients, agencies, purposes, categories, until_ms, .. } =
        objection;
    let of = |address: Option<&v1::Address>| {
        address.is_some_and(|address| agencies.contains(&address.agency))
    };
    let parties = (recipients.is_empty() && agencies.is_empty())
        || asked.recipient.is_some_and(|recipient| recipients.contains(recipient))
        || of(asked.recipient)
        || of(asked.sender);
    parties
        && (purposes.is_empty() || purposes.iter().any(|purpose| purpose == asked.purpose))
        && (categories.is_empty() || categories.iter().any(|one| asked.categories.contains(one)))
        && (*until_ms == 0 || asked.time_ms < *until_ms)
}

/// What ends something names it, and ends it once.
pub(super) fn check(shown: &Shown<'_>) -> Result<String, String> {
    let mut known = Safeguards::default();
    let mut compared = 0_u64;
    for row in shown.rows {
        let fits = known.follows(row, shown.is_complete);
        compared += u64::from(fits.map_err(|why| format!("record {}: {why}", row.record_number))?);
        known.apply(row);
    }
    Ok(format!("{compared} releases, objections and ends follow what they name"))
}

impl Safeguards<'_> {
    fn follows(&self, row: &LogRow, is_complete: bool) -> Result<bool, &'static str> {
        let has_document = Safeguard::named(row.event()).is_some();
        if has_document && row.safeguard.is_none() && is_complete {
            return Err("the file is complete, but its document is not shown");
        }
        let (known, named) = match (row.event(), &row.safeguard) {
            (Some(Event::SecrecyReleaseRecorded(event)), _) => {
                if self.releases.contains_key(event.release_id.as_ref()) {
                    return Err("a release is recorded twice");
                }
                return Ok(true);
            }
            (Some(Event::ObjectionRecorded(event)), _) => {
                if self.objections.contains_key(event.objection_id.as_ref()) {
                    return Err("an objection is recorded twice");
                }
                return Ok(true);
            }
            (Some(Event::ParticipationEnded(_)), _) => {
                if told(row).is_some_and(|participant| self.ended.contains(participant)) {
                    return Err("a participation ends twice");
                }
                return Ok(true);
            }
            (Some(Event::SecrecyReleaseRevoked(event)), document) => {
                let known = self.releases.get(event.release_id.as_ref());
                let named = match document {
                    Some(Safeguard::ReleaseRevocation(document)) => Some(&document.release_hash),
                    _ => None,
                };
                (known.map(|known| (known.hash, known.ended)), named)
            }
            (Some(Event::ObjectionWithdrawn(event)), document) => {
                let known = self.objections.get(event.objection_id.as_ref());
                let named = match document {
                    Some(Safeguard::ObjectionWithdrawal(document)) => {
                        Some(&document.objection_hash)
                    }
                    _ => None,
                };
                (known.map(|known| (known.hash, known.ended)), named)
            }
            _ => return Ok(false),
        };
        match (known, named) {
            (None, _) if is_complete => Err("it ends what was never recorded"),
            (Some((_, true)), _) => Err("it ends what had ended"),
            (Some((hash, false)), Some(named)) if hash != named.as_ref() => {
                Err("it names another document than the one that it ends")
            }
            (None, _) | (Some(_), _) => Ok(true),
        }
    }
}
