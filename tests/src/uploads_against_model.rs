//! Uploads: the core against a naive model of its own, and against itself after each replay.
//!
//! Random sequences of parts, messages, consents, revocations, uploads that are given up, hand-outs and
//! acknowledgements must lead to the same answers, stops and hand-outs on both sides. Upholds: a part never leaves
//! without its message, default-deny, uniform-refusal (answers follow from coverage alone), order.

mod naive;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;
use schleuse_broker::domain::command::{Command, Outcome, UploadCommand};
use schleuse_broker::domain::consent::{ConsentDocument, GrantTerms};
use schleuse_broker::domain::event::{
    Actor, BatchSignature, EventKind, Label, Signature, Submission,
};
use schleuse_broker::domain::ids::{
    Address, AgencyId, ConsentId, MessageId, Reference, RegistrationKey,
};
use schleuse_broker::domain::message::{Hold, Stage};
use schleuse_broker::domain::state::{Limits, REMEMBER_MS, Rules};
use schleuse_broker::domain::{Catalogue, Event, Refusal, State};
use schleuse_proto::evidence::sha256;
use schleuse_proto::identity::Role;

use self::naive::{Answer, Naive, Sent};
use crate::broker::repository;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const WAIT: u64 = 6 * HOUR;
const CATEGORIES: [&str; 2] = ["termine", "wohnen"];
const FUNCTIONS: [&str; 2] = ["zentrale", "andere"];

#[derive(Clone, Debug)]
enum Op {
    Submit(Sent),
    Discard { name: u8 },
    Grant { participant: usize, category: usize },
    Revoke { participant: usize, category: usize },
    HandOut { most: usize },
    Acknowledge { newest: usize },
    Tick,
    Wait { minutes: u64 },
    Restart,
}

fn op(minutes_max: u64) -> impl Strategy<Value = Op> {
    let sent = (0..3_u8, proptest::option::of(0..4_u8), 0..2_usize, 0..2_usize, 0..2_usize);
    let sent = sent.prop_map(|(name, part, participant, category, function)| {
        // Mostly the same participant and recipient: otherwise nothing ever fits.
        let function = function * usize::from(part.is_some_and(|part| part == 3));
        let participant = participant * usize::from(name == 2);
        Sent { name, part, participant, category, function }
    });
    prop_oneof![
        12 => sent.prop_map(Op::Submit),
        1 => (0..3_u8).prop_map(|name| Op::Discard { name }),
        1 => (0..2_usize, 0..2_usize).prop_map(|(participant, category)| Op::Grant { participant, category }),
        1 => (0..2_usize, 0..2_usize).prop_map(|(participant, category)| Op::Revoke { participant, category }),
        4 => (1..5_usize).prop_map(|most| Op::HandOut { most }),
        3 => (0..4_usize).prop_map(|newest| Op::Acknowledge { newest }),
        3 => Just(Op::Tick),
        2 => (1..minutes_max).prop_map(|minutes| Op::Wait { minutes }),
        1 => Just(Op::Restart),
    ]
}

/// What a step did, as far as it is compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    stopped: BTreeSet<u64>,
    handed_out: Vec<u64>,
}

/// The real core with two participants.
struct Real {
    rules: Rules,
    state: State,
    log: Vec<(Event, u64)>,
    now: u64,
    references: Vec<Reference>,
    consents: Vec<(usize, usize, [u8; 16])>,
    entropy: u128,
    /// What was unfinished of uploads when they were given up, and when that was, by name.
    given_up: BTreeMap<u8, BTreeMap<u64, u64>>,
}

fn actor(agency: &str, role: Role, person: Option<&str>) -> Actor {
    let agency = AgencyId::parse(agency).unwrap();
    Actor { agency, role, person: person.map(Into::into), serial: [1; 16].into() }
}

fn lotse() -> Actor {
    actor("lotsenstelle", Role::Lotse, Some("l-01"))
}

fn sender() -> Actor {
    actor("kasse", Role::System, None)
}

fn main_id(name: u8) -> MessageId {
    MessageId::from_bytes([name + 1; 16])
}

fn message_id(sent: &Sent) -> MessageId {
    let Some(part) = sent.part else { return main_id(sent.name) };
    let mut bytes = [0xee; 16];
    let (participant, category) = (sent.participant as u8, sent.category as u8);
    bytes[..5].copy_from_slice(&[sent.name, part, participant, category, sent.function as u8]);
    MessageId::from_bytes(bytes)
}

impl Real {
    fn new() -> Self {
        let text = std::fs::read_to_string(repository().join("ops/reference/catalogue.toml"));
        let agencies = ["drv", "kasse", "lotsenstelle"];
        let rules = Rules {
            catalogue: Catalogue::parse(&text.unwrap()).unwrap(),
            agencies: agencies.iter().map(|a| AgencyId::parse(a).unwrap()).collect::<BTreeSet<_>>(),
            project_agency: AgencyId::parse("projekt").unwrap(),
            limits: Limits {
                queue_messages_max: 1000,
                queue_bytes_max: u64::MAX / 8,
                idempotency_keys_max: 1_000_000,
                consents_per_participant_max: 1000,
                parts_wait_ms: WAIT,
            },
            delivery: schleuse_broker::domain::delivery::DeliveryRules::default(),
            planning: schleuse_broker::domain::planning::PlanningRules::default(),
            evaluation_persons_min: 5,
            reviews: schleuse_broker::domain::consent::ReviewRules {
                suspend_missed: false,
                ..Default::default()
            },
        };
        let mut real = Self {
            rules,
            state: State::new(),
            log: Vec::new(),
            now: 1_790_000_000_000,
            references: Vec::new(),
            consents: Vec::new(),
            entropy: 0,
            given_up: BTreeMap::new(),
        };
        for _ in 0..2 {
            let entropy = [real.entropy(), real.entropy(), real.entropy()];
            let key = RegistrationKey::from_bytes(real.entropy());
            let command = Command::RegisterParticipant { actor: lotse(), key, entropy };
            let Ok(Outcome::Registered { reference, .. }) = real.step(command) else { panic!() };
            let command = Command::AssignReference {
                actor: lotse(),
                reference,
                agency: AgencyId::parse("kasse").unwrap(),
                entropy: real.entropy(),
            };
            let Ok(Outcome::Assigned { reference: own, .. }) = real.step(command) else { panic!() };
            real.references.extend([reference, own]);
        }
        real
    }

    fn entropy(&mut self) -> [u8; 16] {
        self.entropy += 1;
        self.entropy.to_be_bytes()
    }

    fn step(&mut self, command: Command) -> Result<Outcome, Refusal> {
        let outcome = self.state.step(&self.rules, self.now, command);
        let events = self.state.take_events();
        assert!(outcome.is_ok() || events.is_empty(), "a refused command left a trace");
        self.log.extend(events.into_iter().map(|event| (event, self.now)));
        outcome
    }

    fn grant(&mut self, participant: usize, category: usize) {
        let catalogue = &self.rules.catalogue;
        let grants = FUNCTIONS.map(|function| GrantTerms {
            senders: vec![AgencyId::parse("kasse").unwrap()],
            recipient: Address::parse("drv", function).unwrap(),
            purpose: catalogue.purpose("fallkonferenz").unwrap(),
            categories: catalogue.category(CATEGORIES[category]).unwrap(),
            not_before: self.now,
            not_after: self.now + 700 * 24 * HOUR,
        });
        let id = self.entropy();
        let document = ConsentDocument {
            consent_id: ConsentId::from_bytes(id),
            participant: self.references[participant * 2],
            revision: 1,
            previous_hash: None,
            grants: grants.to_vec(),
            evidence_count: 0,
            representation: None,
            review_by: self.now + 90 * 24 * HOUR,
            signed_at: self.now,
            hash: [1; 32],
        };
        let command = Command::RecordConsent {
            actor: lotse(),
            revise: false,
            document: Box::new(document),
            bytes: Bytes::new(),
            signature: Signature::default(),
        };
        self.step(command).unwrap();
        self.consents.push((participant, category, id));
    }

    /// Revokes all consents of a participant to a category; returns what they stopped.
    fn revoke(&mut self, participant: usize, category: usize) -> u32 {
        let mut stopped = 0;
        for (of, to, id) in self.consents.clone() {
            if (of, to) == (participant, category) {
                let command = Command::RevokeConsent {
                    actor: lotse(),
                    consent: ConsentId::from_bytes(id),
                    revision_hash: [1; 32],
                    document: Bytes::new(),
                    signature: Signature::default(),
                };
                let outcome = self.step(command).unwrap();
                let Outcome::ConsentChanged { stopped: more, .. } = outcome else { panic!() };
                stopped += more;
            }
        }
        stopped
    }

    fn submit(&mut self, sent: &Sent) -> Answer {
        let catalogue = &self.rules.catalogue;
        let kind = if sent.part.is_some() { "anhang.teil" } else { "fallkonferenz.request" };
        let digest = sha256(&[format!("{sent:?}").as_bytes()]);
        let submission = Submission {
            reference: Some(self.references[sent.participant * 2 + 1]),
            nonce: [0; 16],
            label: Label {
                message_id: message_id(sent),
                participant_commitment: Some([0; 32]),
                kind: catalogue.kind(kind).unwrap(),
                purpose: catalogue.purpose("fallkonferenz").unwrap(),
                categories: catalogue.category(CATEGORIES[sent.category]).unwrap(),
                sender: Address::parse("kasse", "zentrale").unwrap(),
                recipient: Address::parse("drv", FUNCTIONS[sent.function]).unwrap(),
                created_at: self.now,
                expires_at: self.now + 80 * 24 * HOUR,
                part_of: sent.part.map(|_| main_id(sent.name)),
                professional_secret: false,
                thread_id: schleuse_broker::domain::ids::ThreadId::from_bytes([7; 16]),
            },
            label_bytes: Bytes::new(),
            payload: Bytes::from_static(&[1; 10]),
            payload_bytes: 10,
            has_payload: true,
            encapsulated_key_bytes: 1,
            payload_digest: digest,
            signature: BatchSignature::default(),
            fingerprint: *digest.first_chunk().unwrap(),
        };
        let command =
            Command::Submit { actor: sender(), messages: vec![submission], require_all: false };
        match self.step(command) {
            Ok(Outcome::Decisions(decisions)) => Answer::Decided(decisions[0].accepted),
            Err(Refusal::IdempotencyConflict { .. }) => Answer::Conflict,
            Err(Refusal::UploadDiscarded) => Answer::Discarded,
            other => panic!("{other:?}"),
        }
    }

    fn hand_out(&mut self, most: usize) {
        let command = Command::HandOut {
            recipients: FUNCTIONS.map(|name| Address::parse("drv", name).unwrap()).to_vec(),
            hold: Hold::Stream(1),
            messages_max: most,
            bytes_max: u64::MAX,
            actor: actor("drv", Role::System, None),
        };
        self.step(command).unwrap();
    }

    fn acknowledge(&mut self, number: u64) {
        let command = Command::Report {
            actor: actor("drv", Role::System, None),
            messages: vec![number],
            stage: Stage::Acknowledged,
            by: schleuse_broker::domain::delivery::TakenUpBy::System,
        };
        self.step(command).unwrap();
    }

    fn discard(&mut self, name: u8) {
        let command = UploadCommand::Discard { actor: sender(), message: main_id(name) };
        let before = self.log.len();
        let outcome = self.step(Command::Upload(command)).unwrap();
        let Outcome::UploadDiscarded { parts, .. } = outcome else { panic!("{outcome:?}") };
        // The broker waits for hand-outs of everything that this stopped, and of what it stopped before.
        let named: BTreeSet<u64> = parts.iter().map(|(_, part)| *part).collect();
        let stopped = self.seen_since(before).stopped;
        assert!(named.is_superset(&stopped), "{named:?} {stopped:?}");
        let given_up = self.given_up.entry(name).or_default();
        given_up.extend(stopped.into_iter().map(|part| (part, self.now)));
        // What was stopped longer ago than labels are valid may be forgotten.
        let recent = given_up.iter().filter(|(_, at)| **at + REMEMBER_MS > self.now);
        let recent: BTreeSet<u64> = recent.map(|(part, _)| *part).collect();
        assert!(named.is_superset(&recent), "{named:?} {recent:?}");
        assert!(named.iter().all(|part| given_up.contains_key(part)), "{named:?} {given_up:?}");
    }

    /// The state that a start folds from the log, as the broker does.
    fn restart(&mut self) {
        self.state = State::new();
        for ((event, time), number) in self.log.iter().zip(0..) {
            self.state.apply(event, number, *time);
            self.state.forget_old(*time);
        }
        // As the first round after a start does; labels as old as this are refused anyway.
        self.state.forget_old(self.now);
    }

    fn seen_since(&self, from: usize) -> Seen {
        let mut seen = Seen::default();
        for (event, _) in &self.log[from..] {
            match &event.kind {
                EventKind::MessageStopped { message, .. } => {
                    seen.stopped.insert(*message);
                }
                EventKind::HandedOut(event) => seen.handed_out.push(event.message),
                _ => {}
            }
        }
        seen
    }
}

/// Plays one operation on both sides and compares.
fn play(real: &mut Real, naive: &mut Naive, op: &Op) {
    let before = real.log.len();
    let mut expected = Seen::default();
    match op {
        Op::Submit(sent) => {
            let (answer, stopped) = naive.submit(sent, before as u64);
            assert_eq!(real.submit(sent), answer);
            expected.stopped = stopped;
        }
        Op::Discard { name } => {
            real.discard(*name);
            expected.stopped = naive.discard(*name);
        }
        Op::Grant { participant, category } => {
            real.grant(*participant, *category);
            naive.covered[*participant][*category] = true;
        }
        Op::Revoke { participant, category } => {
            let stopped = real.revoke(*participant, *category);
            expected.stopped = naive.revoke(*participant, *category);
            assert_eq!(stopped as usize, expected.stopped.len());
        }
        Op::HandOut { most } => {
            real.hand_out(*most);
            expected.handed_out = naive.hand_out(*most);
        }
        Op::Acknowledge { newest } => {
            if let Some(number) = naive.handed_out(*newest) {
                real.acknowledge(number);
                naive.acknowledge(number);
            }
        }
        Op::Tick => {
            real.step(Command::Tick).unwrap();
            expected.stopped = naive.tick(WAIT);
        }
        Op::Wait { minutes } => {
            real.now += minutes * MINUTE;
            naive.now += minutes * MINUTE;
        }
        Op::Restart => {
            real.restart();
            naive.release_all();
        }
    }
    assert_eq!(real.seen_since(before), expected, "{op:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Within the time for which everything is remembered.
    #[test]
    fn parts_leave_exactly_as_the_naive_model_says(ops in proptest::collection::vec(op(40), 1..80)) {
        let (mut real, mut naive) = (Real::new(), Naive::new());
        for (participant, category) in [(0, 0), (0, 1), (1, 0)] {
            play(&mut real, &mut naive, &Op::Grant { participant, category });
        }
        for op in &ops {
            play(&mut real, &mut naive, op);
        }
    }

    /// Over days, while keys and uploads are forgotten: a core that was restarted after every operation does
    /// what one does that never was.
    #[test]
    fn a_replay_finds_the_same_uploads(ops in proptest::collection::vec(op(14 * 60), 1..80)) {
        let (mut steady, mut restarted) = (Real::new(), Real::new());
        for real in [&mut steady, &mut restarted] {
            real.grant(0, 0);
            real.grant(0, 1);
        }
        for op in &ops {
            let mut logs = Vec::new();
            for real in [&mut steady, &mut restarted] {
                let before = real.log.len();
                let answer = match op {
                    Op::Submit(sent) => Some(real.submit(sent)),
                    Op::Discard { name } => {
                        real.discard(*name);
                        None
                    }
                    Op::Grant { participant, category } => {
                        real.grant(*participant, *category);
                        None
                    }
                    Op::Revoke { participant, category } => {
                        real.revoke(*participant, *category);
                        None
                    }
                    Op::HandOut { most } | Op::Acknowledge { newest: most } => {
                        // Taken over at once: who holds a message is not in the log.
                        let from = real.log.len();
                        real.hand_out(most + 1);
                        for number in real.seen_since(from).handed_out {
                            real.acknowledge(number);
                        }
                        None
                    }
                    Op::Wait { minutes } => {
                        real.now += minutes * MINUTE;
                        None
                    }
                    Op::Tick | Op::Restart => None,
                };
                // As the sequencer: each round ends with one.
                real.step(Command::Tick).unwrap();
                logs.push((answer, real.seen_since(before)));
            }
            prop_assert_eq!(&logs[0], &logs[1], "{:?}", op);
            restarted.restart();
        }
    }
}
