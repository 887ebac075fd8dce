//! Releases, objections, and the end of participation: record, end, list.
//!
//! INVARIANT (revoke-strict): revoking a release, objecting and ending a participation stop what waits in the same
//! step; hand-outs already permitted are the engine's to wait for.

use bytes::Bytes;
use schleuse_proto::evidence::{Digest, sha256};

use super::consents::CoverageEnd;
use crate::domain::command::{Outcome, Safeguard, SafeguardCommand, SafeguardList};
use crate::domain::event::{Actor, EventKind, LogQueryEvent, SafeguardEvent, Signature};
use crate::domain::ids::{RecordNumber, Reference, ReleaseId, TimeMs};
use crate::domain::refusal::Refusal;
use crate::domain::safeguards::{
    OBJECTIONS_MAX, ObjectionDocument, RELEASES_MAX, Release, ReleaseDocument, SafeguardAct,
};
use crate::domain::state::{Participant, ParticipantIx, Rules, State};

/// What is to be recorded, or what was recorded for the same document before.
enum Found {
    New(Option<CoverageEnd>),
    Before(RecordNumber),
}

impl State {
    pub(super) fn safeguard(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        command: SafeguardCommand,
    ) -> Result<Outcome, Refusal> {
        match command {
            SafeguardCommand::Act { actor, act, bytes, signature } => {
                self.act(rules, now, actor, act, bytes, signature)
            }
            SafeguardCommand::Preview { actor, change } => {
                self.preview_change(rules, now, &actor, change)
            }
            SafeguardCommand::List { actor, reference } => {
                self.list_safeguards(rules, now, actor, &reference)
            }
            SafeguardCommand::ListReviews { actor, within_ms } => {
                self.list_reviews(rules, now, actor, within_ms)
            }
        }
    }

    fn act(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        act: SafeguardAct,
        bytes: Bytes,
        signature: Signature,
    ) -> Result<Outcome, Refusal> {
        let (ix, participant, found) = self.check_act(rules, now, &actor, &act)?;
        let end = match found {
            Found::Before(record) => {
                return Ok(Outcome::ConsentChanged { record, stopped: 0, participant: ix });
            }
            Found::New(end) => end,
        };
        let event = SafeguardEvent {
            participant: participant.id,
            act,
            document_hash: sha256(&[&bytes]),
            bytes,
            signature,
        };
        let record = self.emit(Some(actor), EventKind::Safeguard(Box::new(event)), now);
        let stopped = end.map_or(0, |end| self.coverage_ended(ix, end, now));
        Ok(Outcome::ConsentChanged { record, stopped, participant: ix })
    }

    fn check_act(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        act: &SafeguardAct,
    ) -> Result<(ParticipantIx, &Participant, Found), Refusal> {
        match act {
            SafeguardAct::Release(document) => self.check_release(rules, now, actor, document),
            SafeguardAct::ReleaseRevocation { release, release_hash } => {
                let (ix, participant, known) =
                    self.entrusted_release(rules, now, actor, release)?;
                let end = CoverageEnd::ReleaseRevoked(*release);
                let before = known.revoked.map(|(_, record)| record);
                Ok((ix, participant, ended(before, known.hash == *release_hash, Some(end))?))
            }
            SafeguardAct::Objection(document) => {
                let (ix, participant) = self.check_objection(rules, now, actor, document)?;
                let end = CoverageEnd::Objected(document.objection_id);
                let known = self.objection_of(&document.objection_id).map(|(owner, known)| {
                    (owner, known.hash, known.record, known.withdrawn.is_some())
                });
                let same = (ix, document.hash);
                let found = recorded(known, same, "objection_id", Some(end))?;
                let is_full = participant.safeguards.objections.len() >= OBJECTIONS_MAX;
                check_room(&found, is_full, "objections_per_participant_max")?;
                Ok((ix, participant, found))
            }
            SafeguardAct::ObjectionWithdrawal { objection, objection_hash } => {
                let (ix, known) = self.objection_of(objection).ok_or(OBJECTION_NOT_FOUND)?;
                let participant = self.participant(ix).ok_or(OBJECTION_NOT_FOUND)?;
                if !self.is_entrusted(rules, now, actor, participant) {
                    return Err(OBJECTION_NOT_FOUND);
                }
                if !self.is_lotse_of(actor, participant) {
                    return Err(Refusal::NotForDeputy { act: "end an objection" });
                }
                participant.check_not_ended()?;
                let before = known.withdrawn.map(|(_, record)| record);
                Ok((ix, participant, ended(before, known.hash == *objection_hash, None)?))
            }
            SafeguardAct::ParticipationEnd { participant: reference } => {
                let act = "end the participation";
                let (ix, participant) = self.in_person(rules, now, actor, reference, act)?;
                let found = match participant.safeguards.ended {
                    Some((_, record)) => Found::Before(record),
                    None => Found::New(Some(CoverageEnd::ParticipationEnded)),
                };
                Ok((ix, participant, found))
            }
        }
    }

    fn check_release(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        document: &ReleaseDocument,
    ) -> Result<(ParticipantIx, &Participant, Found), Refusal> {
        document.check(now)?;
        for agency in document.agencies() {
            rules.check_agency(&agency, "agency")?;
        }
        let reference = &document.participant;
        let (ix, participant) = self.entrusted_participant(rules, now, actor, reference)?;
        participant.check_not_ended()?;
        let known = self
            .release_of(&document.release_id)
            .map(|(owner, known)| (owner, known.hash, known.record, known.revoked.is_some()));
        let found = recorded(known, (ix, document.hash), "release_id", None)?;
        let is_full = participant.safeguards.releases.len() >= RELEASES_MAX;
        check_room(&found, is_full, "releases_per_participant_max")?;
        Ok((ix, participant, found))
    }

    pub(super) fn check_objection(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        document: &ObjectionDocument,
    ) -> Result<(ParticipantIx, &Participant), Refusal> {
        document.check(now)?;
        for agency in document.all_agencies() {
            rules.check_agency(&agency, "agency")?;
        }
        self.entrusted_participant(rules, now, actor, &document.participant)
    }

    pub(super) fn entrusted_release(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        release: &ReleaseId,
    ) -> Result<(ParticipantIx, &Participant, &Release), Refusal> {
        let found = self.release_of(release);
        let found = found.and_then(|(ix, known)| Some((ix, self.participant(ix)?, known)));
        found
            .filter(|(_, participant, _)| self.is_entrusted(rules, now, actor, participant))
            .ok_or(Refusal::NotFound { field: "release_id" })
    }

    fn list_safeguards(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        reference: &Reference,
    ) -> Result<Outcome, Refusal> {
        let (_, participant) = self.entrusted_participant(rules, now, &actor, reference)?;
        let safeguards = &participant.safeguards;
        let at = |ended: Option<(TimeMs, RecordNumber)>| ended.map(|(at, _)| at);
        let releases = safeguards.releases.iter().map(|release| Safeguard {
            record: release.record,
            state: release.state_at(now),
            ended: at(release.revoked),
        });
        let objections = safeguards.objections.iter().map(|objection| Safeguard {
            record: objection.record,
            state: objection.state_at(now),
            ended: at(objection.withdrawn),
        });
        let list = SafeguardList {
            releases: releases.collect(),
            objections: objections.collect(),
            ended: at(safeguards.ended),
            restricted: safeguards.restricted,
        };
        let query = LogQueryEvent {
            reason: "releases and objections listed by the Lotse".to_owned(),
            participant: Some(participant.id),
            by_participant: true,
            ..LogQueryEvent::default()
        };
        self.emit(Some(actor), EventKind::LogQueried(query), now);
        Ok(Outcome::Safeguards(list))
    }
}

const OBJECTION_NOT_FOUND: Refusal = Refusal::NotFound { field: "objection_id" };

/// What ends something that was recorded: once is enough, and it names the document that it ends.
fn ended(
    before: Option<RecordNumber>,
    is_same: bool,
    end: Option<CoverageEnd>,
) -> Result<Found, Refusal> {
    match before {
        Some(record) => Ok(Found::Before(record)),
        None if is_same => Ok(Found::New(end)),
        None => Err(Refusal::RevisionConflict { expected: 1 }),
    }
}

/// The same document again has no second effect; an identifier is used once.
fn recorded(
    known: Option<(ParticipantIx, Digest, RecordNumber, bool)>,
    same: (ParticipantIx, Digest),
    field: &'static str,
    end: Option<CoverageEnd>,
) -> Result<Found, Refusal> {
    match known {
        None => Ok(Found::New(end)),
        Some((owner, hash, record, false)) if (owner, hash) == same => Ok(Found::Before(record)),
        Some(_) => Err(Refusal::IdempotencyConflict { field }),
    }
}

fn check_room(found: &Found, is_full: bool, limit: &'static str) -> Result<(), Refusal> {
    match found {
        Found::New(_) if is_full => Err(Refusal::Overloaded { limit }),
        Found::New(_) | Found::Before(_) => Ok(()),
    }
}
