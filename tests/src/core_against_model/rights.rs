//! Operations about rights of participants and about lost records, on both sides.

use std::collections::BTreeSet;

use bytes::Bytes;
use schleuse_broker::domain::Refusal;
use schleuse_broker::domain::command::{Command, KeptRevocation, Outcome, Reconciliation};
use schleuse_broker::domain::consent::ConsentState;
use schleuse_broker::domain::event::{Actor, ErasureGround, Signature};
use schleuse_broker::domain::ids::{
    AgencyId, ConsentId, HoldId, ParticipantId, RecordNumber, Reference,
};
use schleuse_broker::domain::state::Erasing;
use schleuse_broker::record::facts::Facts;
use schleuse_proto::identity::Role;

use super::entries::{hold_name, same_refusal};
use super::ops::{CallerOp, KeptOp, Op};
use super::{AGENCIES, HOUR, NOBODY, PROJECT, Pair, actor, hash, lotse, model_lotse};
use crate::model::rights::{Caller, Ground, Kept, Summary};
use crate::model::{self, Error};

const REASON: &str = "an incident is open";

/// Both sides did it, or both refused for the same reason.
pub(super) fn both<R, M>(real: Result<R, Refusal>, model: Result<M, Error>) -> Option<(R, M)> {
    match (real, model) {
        (Ok(real), Ok(model)) => Some((real, model)),
        (Err(real), Err(model)) => {
            assert!(same_refusal(&real, model), "{real:?} {model:?}");
            None
        }
        (real, model) => panic!("core: {:?}, model: {:?}", real.err(), model.err()),
    }
}

fn model_state(state: ConsentState) -> model::rights::ConsentState {
    match state {
        ConsentState::Active => model::rights::ConsentState::Active,
        ConsentState::NotYet => model::rights::ConsentState::NotYet,
        ConsentState::Expired => model::rights::ConsentState::Expired,
        ConsentState::Revoked => model::rights::ConsentState::Revoked,
        ConsentState::Suspended => model::rights::ConsentState::Suspended,
    }
}

impl Pair {
    pub(super) fn play_rights(&mut self, op: &Op) {
        match op {
            Op::ListConsents { caller, participant } => self.list_consents(*caller, *participant),
            Op::Restrict { caller, participant, restricted } => {
                self.restrict(*caller, *participant, *restricted);
            }
            Op::Confirm { caller, id, stale, next } => self.confirm(*caller, *id, *stale, *next),
            Op::PlaceHold { caller, participant } => self.place_hold(*caller, *participant),
            Op::ReleaseHold { caller, choice } => self.release_hold(*caller, *choice),
            Op::ListHolds { caller } => self.list_holds(*caller),
            Op::EraseRecords { first } => self.go_on_erasing(*first),
            Op::Retain { most, participants } => self.retain(*most, *participants),
            Op::Reconcile { lost, kept } => self.reconcile(*lost, kept),
            _ => panic!("{op:?} is not about rights"),
        }
    }

    /// What both sides tell beside answers and log.
    pub(super) fn compare_rights(&self) {
        let erasing = self.state.erasing().into_iter();
        let erasing = erasing.map(|Erasing { begun, participant, run }| {
            (begun as usize, self.participant(&participant), run as usize)
        });
        assert_eq!(erasing.collect::<Vec<_>>(), self.model.erasing());
        assert_eq!(self.held(&self.state.held_participants()), self.model_held());
        assert_eq!(self.state.abandoned() as usize, self.model.abandoned());
    }

    pub(super) fn caller(&self, caller: CallerOp, participant: usize) -> (Actor, Caller) {
        let officer = |agency: &str, person: Option<&str>| {
            let (of, name) = (agency.to_owned(), person.map(str::to_owned));
            (actor(agency, Role::Dpo, person), Caller::Officer { agency: of, person: name })
        };
        match caller {
            CallerOp::Lotse(caller) => {
                let person = self.person(caller, participant);
                (lotse(person), Caller::Lotse(model_lotse(person)))
            }
            CallerOp::Officer => officer(PROJECT, Some("dsb-01")),
            CallerOp::SecondOfficer => officer(PROJECT, Some("dsb-02")),
            CallerOp::RenewedOfficer => {
                let (actor, caller) = officer(PROJECT, Some("dsb-01"));
                (Actor { serial: [2; 16].into(), ..actor }, caller)
            }
            CallerOp::NamelessOfficer => officer(PROJECT, None),
            CallerOp::OtherOfficer => officer(AGENCIES[0], Some("dsb-02")),
            CallerOp::System => {
                (actor(PROJECT, Role::System, None), Caller::System(PROJECT.to_owned()))
            }
        }
    }

    /// By which the actor's agency addresses a participant.
    pub(super) fn reference_of(&self, actor: &Actor, participant: usize) -> Reference {
        let reference = self.reference(participant, actor.agency.as_str());
        reference.unwrap_or_else(Self::unknown_reference)
    }

    pub(super) fn last_record(&self) -> RecordNumber {
        self.model.log().len() as RecordNumber - 1
    }

    pub(super) fn held(&self, held: &BTreeSet<ParticipantId>) -> BTreeSet<usize> {
        held.iter().map(|id| self.participant(id)).collect()
    }

    pub(super) fn model_held(&self) -> BTreeSet<usize> {
        self.model.held().into_iter().collect()
    }

    fn list_consents(&mut self, caller: usize, participant: usize) {
        let participant = self.whom(participant);
        let caller = self.person(caller, participant);
        let reference = self.lotse_reference(participant);
        let real = self.step(Command::ListConsents { actor: lotse(caller), reference });
        let model = self.model.list_consents(&model_lotse(caller), participant, self.now);
        let Some((Outcome::Consents(real), model)) = both(real, model) else { return };
        let real = real.iter().map(|summary| Summary {
            entry: summary.record as usize,
            state: model_state(summary.state),
            revoked_at: summary.revoked_at,
            restricted: summary.restricted,
            review_by: summary.review_by,
            review_missed: summary.review_missed,
        });
        assert_eq!(real.collect::<Vec<_>>(), model);
    }

    fn restrict(&mut self, caller: CallerOp, participant: usize, restricted: bool) {
        let participant = self.whom(participant);
        let (actor, caller) = self.caller(caller, participant);
        let reference = self.reference_of(&actor, participant);
        let real = self.step(Command::Restrict { actor, reference, restricted });
        let model = self.model.restrict(&caller, participant, restricted, self.now);
        let Some((real, ())) = both(real, model) else { return };
        let Outcome::Restricted { record, .. } = real else { panic!("{real:?}") };
        assert_eq!(record, self.last_record());
    }

    fn confirm(&mut self, caller: usize, id: u8, stale: bool, next: u64) {
        let next = (next > 0).then(|| self.now + next * HOUR);
        let Some(mut named) = self.newest.get(&id).cloned() else { return };
        named.has_evidence ^= stale;
        let caller = self.person(caller, named.participant);
        let command = Command::ConfirmConsent {
            actor: lotse(caller),
            consent: ConsentId::from_bytes([id; 16]),
            revision_hash: hash(&named),
            document: Bytes::new(),
            signature: Signature::default(),
            signed_at: self.now,
            next_review_by: next,
        };
        let real = self.step(command);
        let (id, caller) = (id.to_string(), model_lotse(caller));
        let model = self.model.confirm(&caller, &id, &named, next, self.now);
        let Some((real, ())) = both(real, model) else { return };
        let Outcome::ConsentChanged { record, stopped, .. } = real else { panic!("{real:?}") };
        assert_eq!((record, stopped), (self.last_record(), 0));
    }

    fn place_hold(&mut self, caller: CallerOp, participant: Option<usize>) {
        let participant = participant.map(|choice| self.whom(choice));
        let (actor, caller) = self.caller(caller, NOBODY);
        let reference = participant.map(|participant| self.reference_of(&actor, participant));
        let hold = HoldId::from_bytes(self.entropy());
        let reason = REASON.to_owned();
        let real = self.step(Command::PlaceHold { actor, hold, reason, reference });
        self.holds.push(hold);
        let name = hold_name(&hold);
        let model = self.model.place_hold(&caller, &name, REASON, participant, self.now);
        self.compare_recorded(real, model);
    }

    pub(super) fn compare_recorded(
        &self,
        real: Result<Outcome, Refusal>,
        model: Result<(), Error>,
    ) {
        let Some((real, ())) = both(real, model) else { return };
        let Outcome::Recorded(record) = real else { panic!("{real:?}") };
        assert_eq!(record, self.last_record());
    }

    /// One of the newest holds, often one that still holds.
    fn release_hold(&mut self, caller: CallerOp, choice: usize) {
        let Some(hold) = self.holds.iter().rev().nth(choice).copied() else { return };
        let (actor, caller) = self.caller(caller, NOBODY);
        let real = self.step(Command::ReleaseHold { actor, hold });
        let model = self.model.release_hold(&caller, &hold_name(&hold));
        self.compare_recorded(real, model);
    }

    pub(super) fn list_holds(&mut self, caller: CallerOp) {
        let (actor, caller) = self.caller(caller, NOBODY);
        let real = self.step(Command::ListHolds { actor: actor.clone() });
        let model = self.model.list_holds(&caller);
        let Some((Outcome::Holds(real), model)) = both(real, model) else { return };
        let real = real.into_iter().map(|(hold, reference)| {
            (hold_name(&hold.id), hold.reason, hold.placed, hold.participant.is_some(), reference)
        });
        let model = model.into_iter().map(|hold| {
            let reference = hold.participant.map(|it| self.reference_of(&actor, it));
            (hold.id, hold.reason, hold.placed_at, hold.participant.is_some(), reference)
        });
        assert_eq!(real.collect::<Vec<_>>(), model.collect::<Vec<_>>());
    }

    pub(super) fn compare_begun(
        &self,
        real: Result<Outcome, Refusal>,
        model: Result<usize, Error>,
        participant: usize,
    ) {
        let Some((real, model)) = both(real, model) else { return };
        let Outcome::ErasureBegun { record, participant: id, stopped, run, .. } = real else {
            panic!("{real:?}")
        };
        // Behind it come at most duties of recipients.
        let begun = self.model.erasing().last().copied();
        assert_eq!((record as usize, self.participant(&id), run as usize), begun.unwrap());
        assert_eq!((self.participant(&id), stopped as usize), (participant, model));
    }

    fn go_on_erasing(&mut self, first: Option<usize>) {
        let (mut entries, mut by) = (Vec::new(), 0);
        if let Some((begun, participant, run)) = self.model.erasing().first().copied() {
            (entries, by) = (self.model.entries_about(participant), run as RecordNumber);
            assert_eq!(entries.last(), Some(&begun), "the beginning is the last record");
        }
        entries.truncate(first.unwrap_or(usize::MAX));
        self.erase_records(ErasureGround::Participant, by, &entries);
    }

    pub(super) fn erase_records(
        &mut self,
        ground: ErasureGround,
        run: RecordNumber,
        entries: &[usize],
    ) {
        let numbers: Vec<RecordNumber> = entries.iter().map(|it| *it as RecordNumber).collect();
        let (actor, _) = self.caller(CallerOp::Officer, NOBODY);
        let about = |number: &RecordNumber| (*number, self.about(*number as usize));
        let records = numbers.iter().map(about).collect();
        let real = self.step(Command::EraseRecords { actor: Some(actor), ground, run, records });
        let ground = match ground {
            ErasureGround::Participant => Ground::Participant,
            ErasureGround::Retention => Ground::Retention,
        };
        let model = self.model.erase_entries(ground, run as usize, entries);
        let Some((real, model)) = both(real, model) else { return };
        let Outcome::RecordsErased { record, numbers } = real else { panic!("{real:?}") };
        assert_eq!(numbers.iter().map(|it| *it as usize).collect::<Vec<_>>(), model);
        assert_eq!(record, (!model.is_empty()).then(|| self.last_record()));
        if record.is_some() {
            self.erased.extend(&numbers);
            self.newest_erased = numbers.into_iter().collect();
        }
    }

    /// About whom an entry is, as the broker reads it off the record.
    fn about(&self, entry: usize) -> Option<ParticipantId> {
        Facts::of(&self.log[entry].0).participant.copied()
    }

    /// The broker is started from a log that lost records, which only happens while nothing holds messages.
    fn reconcile(&mut self, lost: usize, kept: &[KeptOp]) {
        self.restart(0);
        let found = self.model.log().len();
        let shown = found + lost;
        while self.state.next_record() < shown as u64 {
            self.step(Command::FillLost { size: shown as u64, most: 2 }).unwrap();
        }
        self.model.fill_lost(shown);
        let hold = HoldId::from_bytes(self.entropy());
        let kept: Vec<Kept> = kept.iter().filter_map(|kept| self.kept(kept)).collect();
        let revocations = kept.iter().map(|kept| KeptRevocation {
            consent: ConsentId::from_bytes([kept.consent.parse().unwrap(); 16]),
            agency: AgencyId::parse(&kept.agency).unwrap(),
            document: Bytes::new(),
            signature: Signature::default(),
        });
        let command = Command::Reconcile(Box::new(Reconciliation {
            found_size: found as u64,
            shown: Bytes::new(),
            shown_size: shown as u64,
            revocations: revocations.collect(),
            hold,
        }));
        let real = self.step(command).unwrap();
        self.holds.push(hold);
        let model = self.model.reconcile(found, shown, &kept, &hold_name(&hold), self.now);
        let Outcome::Reconciled { replayed, suspended } = real else { panic!("{real:?}") };
        assert_eq!((replayed as usize, suspended as usize), model);
    }

    fn kept(&self, kept: &KeptOp) -> Option<Kept> {
        self.newest.get(&kept.id)?;
        let agency = if kept.foreign { AGENCIES[0] } else { "lotsenstelle" };
        Some(Kept { agency: agency.to_owned(), consent: kept.id.to_string() })
    }
}
