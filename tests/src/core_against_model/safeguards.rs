//! Operations about releases, objections, reviews, deputies and the end of participation, on both sides.

use bytes::Bytes;
use proptest::prelude::*;
use schleuse_broker::domain::command::{
    Command, Outcome, ProposedChange, ReviewState, Safeguard, SafeguardCommand,
};
use schleuse_broker::domain::event::{SafeguardEvent, Signature};
use schleuse_broker::domain::ids::{Address, AgencyId, ObjectionId, ReleaseId};
use schleuse_broker::domain::safeguards::{
    ObjectionDocument, ReleaseDocument, SafeguardAct, SafeguardState,
};
use schleuse_proto::evidence::{Digest, sha256};

use super::ops::lotse_op;
use super::{
    AGENCIES, CATEGORIES, DAY, FUNCTIONS, HOUR, PEOPLE, PURPOSES, Pair, chosen, entries, lotse,
    model_lotse, strings,
};
use crate::model::safeguards::{Holds, Listed, Objection, Release};
use crate::model::{self, Entry};

/// One step beside the consents.
#[derive(Clone, Debug)]
pub(super) enum SafeguardOp {
    /// A release for one of the grants that were recorded.
    Release {
        caller: usize,
        id: u8,
        consent: usize,
        grant: usize,
        lasts: u64,
    },
    /// A release is recorded once more.
    ReleaseAgain {
        caller: usize,
        id: u8,
    },
    RevokeRelease {
        caller: usize,
        id: u8,
        stale: bool,
    },
    Object {
        caller: usize,
        participant: usize,
        id: u8,
        scope: Scope,
        until: Option<u64>,
    },
    EndObjection {
        caller: usize,
        id: u8,
        stale: bool,
    },
    EndParticipation {
        caller: usize,
        participant: usize,
    },
    List {
        caller: usize,
        participant: usize,
    },
    ListReviews {
        person: usize,
        within: u64,
    },
}

/// What is objected to; choices beyond what there is name nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    recipient: usize,
    agency: usize,
    purpose: usize,
    categories: u8,
}

pub(super) fn safeguard_op() -> impl Strategy<Value = SafeguardOp> {
    let stale = || prop::bool::weighted(0.1);
    let scope = (0..12_usize, 0..7_usize, 0..4_usize, prop_oneof![Just(0_u8), 1..8_u8]).prop_map(
        |(recipient, agency, purpose, categories)| Scope { recipient, agency, purpose, categories },
    );
    let lasts = prop_oneof![1 => Just(0), 1 => Just(3000 * DAY), 6 => 2 * HOUR..20 * DAY];
    let until = prop::option::weighted(0.6, prop_oneof![1 => Just(0_u64), 6 => HOUR..2 * DAY]);
    prop_oneof![
        12 => (lotse_op(), 0..8_u8, 0..6_usize, 0..3_usize, lasts).prop_map(
            |(caller, id, consent, grant, lasts)|
                SafeguardOp::Release { caller, id, consent, grant, lasts }),
        1 => (lotse_op(), 0..8_u8)
            .prop_map(|(caller, id)| SafeguardOp::ReleaseAgain { caller, id }),
        4 => (lotse_op(), 0..8_u8, stale())
            .prop_map(|(caller, id, stale)| SafeguardOp::RevokeRelease { caller, id, stale }),
        3 => (lotse_op(), 0..4_usize, 0..8_u8, scope, until).prop_map(
            |(caller, participant, id, scope, until)|
                SafeguardOp::Object { caller, participant, id, scope, until }),
        4 => (lotse_op(), 0..8_u8, stale())
            .prop_map(|(caller, id, stale)| SafeguardOp::EndObjection { caller, id, stale }),
        1 => (lotse_op(), 0..4_usize).prop_map(
            |(caller, participant)| SafeguardOp::EndParticipation { caller, participant }),
        3 => (lotse_op(), 0..4_usize)
            .prop_map(|(caller, participant)| SafeguardOp::List { caller, participant }),
        3 => (0..2_usize, prop_oneof![Just(0), Just(30 * HOUR), Just(200 * DAY)])
            .prop_map(|(person, within)| SafeguardOp::ListReviews { person, within }),
    ]
}

fn release_hash(release: &Release) -> Digest {
    sha256(&[format!("{release:?}").as_bytes()])
}

fn objection_hash(objection: &Objection) -> Digest {
    sha256(&[format!("{objection:?}").as_bytes()])
}

fn address(address: &model::Address) -> Address {
    Address::parse(&address.agency, &address.function).unwrap()
}

fn number(name: &str) -> [u8; 16] {
    [name.parse().unwrap(); 16]
}

impl Pair {
    pub(super) fn deputy_grant(&self, person: usize) -> model::Grant {
        let own = "lotsenstelle".to_owned();
        let function = format!("lotse-{}", PEOPLE[person]);
        model::Grant {
            senders: vec![own.clone()],
            recipient: model::Address { agency: own, function },
            purpose: "vertretung".into(),
            categories: strings(&["termine"]),
            not_before: self.now,
            not_after: self.now + 10 * DAY,
        }
    }

    pub(super) fn play_safeguards(&mut self, op: &SafeguardOp) {
        match op {
            SafeguardOp::Release { caller, id, consent, grant, lasts } => {
                self.release(*caller, *id, *consent, *grant, *lasts);
            }
            SafeguardOp::ReleaseAgain { caller, id } => {
                if let Some(release) = self.releases.get(id).cloned() {
                    self.record_release(*caller, *id, release);
                }
            }
            SafeguardOp::RevokeRelease { caller, id, stale } => {
                self.revoke_release(*caller, *id, *stale);
            }
            SafeguardOp::Object { caller, participant, id, scope, until } => {
                self.object(*caller, *participant, *id, *scope, *until);
            }
            SafeguardOp::EndObjection { caller, id, stale } => {
                self.end_objection(*caller, *id, *stale);
            }
            SafeguardOp::EndParticipation { caller, participant } => {
                self.end_participation(*caller, *participant);
            }
            SafeguardOp::List { caller, participant } => self.list(*caller, *participant),
            SafeguardOp::ListReviews { person, within } => self.list_reviews(*person, *within),
        }
    }

    fn act(&mut self, caller: usize, act: SafeguardAct) -> Result<Outcome, super::Refusal> {
        let (actor, signature) = (lotse(caller), Signature::default());
        let command = SafeguardCommand::Act { actor, act, bytes: Bytes::new(), signature };
        self.step(Command::Safeguard(Box::new(command)))
    }

    /// What the preview of a change says it would stop; none if it is refused.
    fn preview(&mut self, caller: usize, change: ProposedChange) -> Option<u32> {
        let command = SafeguardCommand::Preview { actor: lotse(caller), change };
        match self.step(Command::Safeguard(Box::new(command))) {
            Ok(Outcome::ChangePreview { effects, stopped, truncated }) => {
                assert!(!truncated, "few grants are all compared");
                let of_rows: u32 = effects.iter().map(|effect| effect.queued_messages).sum();
                assert_eq!(of_rows, stopped, "the rows have all that is stopped");
                Some(stopped)
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }

    /// Both sides did it, or both refused; and what the preview foretold was stopped.
    fn compare_acts(
        &self,
        real: Result<Outcome, super::Refusal>,
        model: Result<(), model::Error>,
        foretold: Option<u32>,
    ) {
        match (real, model) {
            (Ok(Outcome::ConsentChanged { stopped, .. }), Ok(())) => {
                assert!(foretold.is_none_or(|foretold| foretold == stopped || stopped == 0));
                assert!(stopped == 0 || foretold == Some(stopped), "{foretold:?}, but {stopped}");
            }
            (Err(real), Err(model)) => {
                assert!(entries::same_refusal(&real, model), "{real:?} {model:?}");
            }
            (real, model) => panic!("core: {real:?}, model: {model:?}"),
        }
    }

    fn release(&mut self, caller: usize, id: u8, consent: usize, grant: usize, lasts: u64) {
        let Some((participant, granted)) = self.granted(consent, grant) else { return };
        let sender = granted.senders.get(consent % granted.senders.len().max(1)).cloned();
        let release = Release {
            id: id.to_string(),
            participant,
            holder: model::Address {
                agency: sender.unwrap_or_else(|| AGENCIES[0].to_owned()),
                function: "zentrale".to_owned(),
            },
            addressee: granted.recipient.clone(),
            categories: granted.categories.clone(),
            purposes: vec![granted.purpose.clone()],
            not_before: self.now,
            not_after: self.now + lasts,
        };
        self.record_release(caller, id, release);
    }

    fn record_release(&mut self, caller: usize, id: u8, release: Release) {
        let caller = self.person(caller, release.participant);
        let purposes = release.purposes.iter();
        let document = ReleaseDocument {
            release_id: ReleaseId::from_bytes(number(&release.id)),
            participant: self.lotse_reference(release.participant),
            holder: address(&release.holder),
            addressee: address(&release.addressee),
            categories: self.categories(&release.categories),
            purposes: purposes.map(|code| self.rules.catalogue.purpose(code).unwrap()).collect(),
            not_before: release.not_before,
            not_after: release.not_after,
            signed_at: self.now,
            hash: release_hash(&release),
        };
        let real = self.act(caller, SafeguardAct::Release(Box::new(document)));
        let model = self.model.release(&model_lotse(caller), release.clone(), self.now);
        if model.is_ok() {
            self.releases.insert(id, release);
        }
        if let (Ok(Outcome::ConsentChanged { record, .. }), Ok(entry)) = (&real, &model) {
            assert_eq!(*record as usize, *entry);
        }
        self.compare_acts(real, model.map(drop), None);
    }

    fn revoke_release(&mut self, caller: usize, id: u8, stale: bool) {
        let Some(mut named) = self.releases.get(&id).cloned() else { return };
        named.not_after += u64::from(stale);
        let caller = self.person(caller, named.participant);
        let release = ReleaseId::from_bytes(number(&named.id));
        let foretold = self.preview(caller, ProposedChange::ReleaseRevocation(release));
        let release_hash = release_hash(&named);
        let real = self.act(caller, SafeguardAct::ReleaseRevocation { release, release_hash });
        let model = self.model.revoke_release(&model_lotse(caller), &named, self.now);
        self.compare_acts(real, model, foretold);
    }

    fn real_objection(&self, objection: &Objection) -> ObjectionDocument {
        let purposes = objection.purposes.iter();
        let agencies = objection.agencies.iter();
        ObjectionDocument {
            objection_id: ObjectionId::from_bytes(number(&objection.id)),
            participant: self.lotse_reference(objection.participant),
            recipients: objection.recipients.iter().map(address).collect(),
            agencies: agencies.map(|agency| AgencyId::parse(agency).unwrap()).collect(),
            purposes: purposes.map(|code| self.rules.catalogue.purpose(code).unwrap()).collect(),
            categories: self.categories(&objection.categories),
            until: objection.until,
            signed_at: self.now,
            hash: objection_hash(objection),
        }
    }

    fn object(
        &mut self,
        caller: usize,
        participant: usize,
        id: u8,
        scope: Scope,
        until: Option<u64>,
    ) {
        let participant = self.whom(participant);
        let recipient = |choice: usize| model::Address {
            agency: AGENCIES[choice / 2].to_owned(),
            function: FUNCTIONS[choice % 2].to_owned(),
        };
        let purposes = PURPOSES.iter().map(|(purpose, _)| (*purpose).to_owned());
        let objection = Objection {
            id: id.to_string(),
            participant,
            recipients: Some(scope.recipient)
                .filter(|it| *it < 8)
                .map(recipient)
                .into_iter()
                .collect(),
            agencies: AGENCIES.iter().skip(scope.agency).take(1).map(|a| (*a).to_owned()).collect(),
            purposes: purposes.skip(scope.purpose).take(1).collect(),
            categories: strings(&chosen(&CATEGORIES, scope.categories)),
            until: until.map(|until| self.now + until),
        };
        let caller = self.person(caller, participant);
        let document = self.real_objection(&objection);
        let foretold = self.preview(caller, ProposedChange::Objection(Box::new(document.clone())));
        let real = self.act(caller, SafeguardAct::Objection(Box::new(document)));
        let model = self.model.object(&model_lotse(caller), objection.clone(), self.now);
        if model.is_ok() {
            self.objections.insert(id, objection);
        }
        self.compare_acts(real, model, foretold);
    }

    fn end_objection(&mut self, caller: usize, id: u8, stale: bool) {
        let Some(mut named) = self.objections.get(&id).cloned() else { return };
        if stale {
            named.purposes.push("hilfeplanung".to_owned());
        }
        let caller = self.person(caller, named.participant);
        let act = SafeguardAct::ObjectionWithdrawal {
            objection: ObjectionId::from_bytes(number(&named.id)),
            objection_hash: objection_hash(&named),
        };
        let real = self.act(caller, act);
        let model = self.model.end_objection(&model_lotse(caller), &named, self.now);
        self.compare_acts(real, model, None);
    }

    fn end_participation(&mut self, caller: usize, participant: usize) {
        let participant = self.whom(participant);
        let caller = self.person(caller, participant);
        let reference = self.lotse_reference(participant);
        let foretold = self.preview(caller, ProposedChange::ParticipationEnd(reference));
        let real = self.act(caller, SafeguardAct::ParticipationEnd { participant: reference });
        let model = self.model.end_participation(&model_lotse(caller), participant, self.now);
        self.compare_acts(real, model, foretold);
    }

    fn list(&mut self, caller: usize, participant: usize) {
        let participant = self.whom(participant);
        let caller = self.person(caller, participant);
        let reference = self.lotse_reference(participant);
        let command = SafeguardCommand::List { actor: lotse(caller), reference };
        let real = self.step(Command::Safeguard(Box::new(command)));
        let model = self.model.list_safeguards(&model_lotse(caller), participant, self.now);
        match (real, model) {
            (Ok(Outcome::Safeguards(real)), Ok((releases, objections, ended))) => {
                assert_eq!(real.releases.iter().map(listed).collect::<Vec<_>>(), releases);
                assert_eq!(real.objections.iter().map(listed).collect::<Vec<_>>(), objections);
                assert_eq!(real.ended, ended);
                assert_eq!(real.restricted, self.model.is_restricted(participant));
            }
            (Err(real), Err(model)) => assert!(entries::same_refusal(&real, model)),
            (real, model) => panic!("core: {real:?}, model: {model:?}"),
        }
    }

    fn list_reviews(&mut self, person: usize, within: u64) {
        let command = SafeguardCommand::ListReviews { actor: lotse(person), within_ms: within };
        let real = self.step(Command::Safeguard(Box::new(command)));
        let Ok(Outcome::Reviews(real)) = real else { panic!("{real:?}") };
        let model = self.model.list_reviews(&model_lotse(person), within, self.now);
        let real: Vec<_> = real
            .iter()
            .map(|review| {
                let missed = review.state == ReviewState::Missed;
                (review.reference, review.consent.bytes()[0].to_string(), review.review_by, missed)
            })
            .collect();
        let model = model.into_iter().map(|(participant, consent, review_by, missed)| {
            (self.lotse_reference(participant), consent, review_by, missed)
        });
        assert_eq!(real, model.collect::<Vec<_>>());
    }

    pub(super) fn release_name(&self, hash: &Digest) -> String {
        let found = self.log.iter().find_map(|(event, _)| match &event.kind {
            super::EventKind::Safeguard(event) => match &event.act {
                SafeguardAct::Release(document) if document.hash == *hash => {
                    Some(document.release_id.bytes()[0].to_string())
                }
                _ => None,
            },
            _ => None,
        });
        found.unwrap()
    }

    pub(super) fn safeguard_entry(&self, event: &SafeguardEvent) -> Entry {
        match &event.act {
            SafeguardAct::Release(document) => {
                Entry::ReleaseRecorded { release: document.release_id.bytes()[0].to_string() }
            }
            SafeguardAct::ReleaseRevocation { release, .. } => {
                Entry::ReleaseRevoked { release: release.bytes()[0].to_string() }
            }
            SafeguardAct::Objection(document) => {
                Entry::ObjectionRecorded { objection: document.objection_id.bytes()[0].to_string() }
            }
            SafeguardAct::ObjectionWithdrawal { objection, .. } => {
                Entry::ObjectionWithdrawn { objection: objection.bytes()[0].to_string() }
            }
            SafeguardAct::ParticipationEnd { .. } => {
                Entry::ParticipationEnded { participant: self.participant(&event.participant) }
            }
        }
    }
}

fn listed(safeguard: &Safeguard) -> Listed {
    let holds = match safeguard.state {
        SafeguardState::Active => Holds::Now,
        SafeguardState::NotYet => Holds::Later,
        SafeguardState::Expired => Holds::NoLonger,
        SafeguardState::Ended => Holds::Ended,
    };
    (safeguard.record as usize, holds, safeguard.ended)
}
