//! The core against the second model: random sequences of operations must give the same answers and
//! the same log, and a replay of the log must give the same state.
//!
//! Upholds: default-deny, no-spurious-deny, idempotent, order, log-first (one event per decision).

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use proptest::prelude::*;
use schleuse_broker::domain::command::{Command, Outcome};
use schleuse_broker::domain::consent::{ConsentDocument, GrantTerms};
use schleuse_broker::domain::event::{
    Actor, BatchSignature, Decision, Label, Signature, Submission,
};
use schleuse_broker::domain::ids::{
    Address, AgencyId, ConsentId, MessageId, Reference, RegistrationKey,
};
use schleuse_broker::domain::message::{Hold, Stage, StopReason};
use schleuse_broker::domain::state::{Limits, Rules};
use schleuse_broker::domain::{Catalogue, DenyReason, Event, EventKind, Refusal, State};
use schleuse_proto::evidence::{Digest, sha256};
use schleuse_proto::identity::Role;

use crate::broker::repository;
use crate::model;

const AGENCIES: [&str; 4] = ["drv", "bezirk", "kasse", "lotsenstelle"];
const FUNCTIONS: [&str; 2] = ["reha", "zentrale"];
const PEOPLE: [&str; 2] = ["l-01", "l-02"];
const PURPOSES: [(&str, &str); 2] =
    [("fallkonferenz", "fallkonferenz.request"), ("hilfeplanung", "hilfeplan.note")];
const CATEGORIES: [&str; 3] = ["gesundheit", "termine", "wohnen"];
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const QUEUE_MAX: usize = 6;

/// One step of a random sequence; small numbers choose among few objects, so that they collide.
#[derive(Clone, Debug)]
enum Op {
    Register {
        person: usize,
        key: u8,
    },
    AssignLotse {
        caller: usize,
        participant: usize,
        person: usize,
    },
    AssignReference {
        caller: usize,
        participant: usize,
        agency: usize,
    },
    Record {
        caller: usize,
        participant: usize,
        id: u8,
        revision: RevisionKind,
        grants: Vec<GrantOp>,
        evidence: bool,
        revise: bool,
    },
    Revoke {
        caller: usize,
        id: u8,
        stale: bool,
    },
    Submit {
        agency: usize,
        messages: Vec<MessageOp>,
        require_all: bool,
    },
    HandOut {
        agency: usize,
        both: bool,
        stream: Option<u64>,
        max: usize,
    },
    Release {
        stream: u64,
    },
    Report {
        agency: usize,
        choices: Vec<usize>,
        acknowledged: bool,
    },
    Tick,
    Wait {
        ms: u64,
    },
    Restart,
}

#[derive(Clone, Copy, Debug)]
enum RevisionKind {
    First,
    Next,
    Same,
    Skipping,
}

#[derive(Clone, Debug)]
struct GrantOp {
    senders: u8,
    recipient: usize,
    function: usize,
    purpose: usize,
    categories: u8,
    begins: u64,
    lasts: u64,
}

#[derive(Clone, Debug)]
struct MessageOp {
    id: u8,
    /// Differs now and then for the same identifier; compared through the derived text.
    #[expect(dead_code, reason = "read through Debug: it is part of the content's text")]
    content: u8,
    participant: usize,
    recipient: usize,
    function: usize,
    purpose: usize,
    categories: u8,
    age: i64,
    lives: u64,
}

fn grant_op() -> impl Strategy<Value = GrantOp> {
    (1..16_u8, 0..4_usize, 0..2_usize, 0..2_usize, 1..8_u8, 0..3_u64, 0..20_u64).prop_map(
        |(senders, recipient, function, purpose, categories, begins, lasts)| GrantOp {
            senders,
            recipient,
            function,
            purpose,
            categories,
            begins: [0, 2 * HOUR, 3 * DAY][begins as usize],
            lasts: match lasts {
                0 => 0,
                1 => 3000 * DAY,
                n => n * n * HOUR,
            },
        },
    )
}

fn message_op() -> impl Strategy<Value = MessageOp> {
    let times = (
        prop_oneof![8 => Just(0_i64), 1 => Just(25 * HOUR as i64), 1 => Just(-(HOUR as i64))],
        prop_oneof![6 => Just(5 * HOUR), 2 => Just(10 * DAY), 1 => Just(0_u64), 1 => Just(91 * DAY)],
    );
    (0..24_u8, 0..12_u8, 0..5_usize, 0..4_usize, 0..2_usize, 0..2_usize, 1..8_u8, times).prop_map(
        |(id, content, participant, recipient, function, purpose, categories, (age, lives))| {
            // Mostly the same content for the same identifier.
            let content = u8::from(content == 0);
            MessageOp {
                id,
                content,
                participant,
                recipient,
                function,
                purpose,
                categories,
                age,
                lives,
            }
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let revision = prop_oneof![
        4 => Just(RevisionKind::First), 4 => Just(RevisionKind::Next),
        1 => Just(RevisionKind::Same), 1 => Just(RevisionKind::Skipping)
    ];
    prop_oneof![
        2 => (0..2_usize, 0..4_u8).prop_map(|(person, key)| Op::Register { person, key }),
        1 => (0..2_usize, 0..4_usize, 0..2_usize)
            .prop_map(|(caller, participant, person)| Op::AssignLotse { caller, participant, person }),
        3 => (0..2_usize, 0..4_usize, 0..4_usize)
            .prop_map(|(caller, participant, agency)| Op::AssignReference { caller, participant, agency }),
        6 => (0..2_usize, 0..4_usize, 0..6_u8, revision, prop::collection::vec(grant_op(), 1..4),
              prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(caller, participant, id, revision, grants, evidence, revise)|
                Op::Record { caller, participant, id, revision, grants, evidence, revise }),
        2 => (0..2_usize, 0..6_u8, prop::bool::weighted(0.1))
            .prop_map(|(caller, id, stale)| Op::Revoke { caller, id, stale }),
        10 => (0..4_usize, prop::collection::vec(message_op(), 1..4), prop::bool::weighted(0.2))
            .prop_map(|(agency, messages, require_all)| Op::Submit { agency, messages, require_all }),
        6 => (0..4_usize, any::<bool>(), prop::option::of(0..3_u64), 1..4_usize)
            .prop_map(|(agency, both, stream, max)| Op::HandOut { agency, both, stream, max }),
        1 => (0..3_u64).prop_map(|stream| Op::Release { stream }),
        4 => (0..4_usize, prop::collection::vec(0..40_usize, 1..3), any::<bool>())
            .prop_map(|(agency, choices, acknowledged)| Op::Report { agency, choices, acknowledged }),
        2 => Just(Op::Tick),
        3 => prop_oneof![4 => 1..2 * HOUR, 1 => 1..2 * DAY].prop_map(|ms| Op::Wait { ms }),
        1 => Just(Op::Restart),
    ]
}

/// Both sides and what the test must remember to speak to them.
struct Pair {
    rules: Rules,
    state: State,
    log: Vec<(Event, u64)>,
    model: model::Model,
    now: u64,
    references: HashMap<(usize, String), Reference>,
    newest: HashMap<u8, model::ConsentDocument>,
    decided: Vec<u64>,
    entropy: u128,
}

fn actor(agency: &str, role: Role, person: Option<&str>) -> Actor {
    Actor {
        agency: AgencyId::parse(agency).unwrap(),
        role,
        person: person.map(Into::into),
        serial: [1; 16].into(),
    }
}

fn lotse(person: usize) -> Actor {
    actor("lotsenstelle", Role::Lotse, Some(PEOPLE[person]))
}

fn model_lotse(person: usize) -> model::Lotse {
    model::Lotse { agency: "lotsenstelle".into(), person: PEOPLE[person].into() }
}

fn chosen<'a>(names: &[&'a str], mask: u8) -> Vec<&'a str> {
    names.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, n)| *n).collect()
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn hash(document: &model::ConsentDocument) -> Digest {
    sha256(&[format!("{document:?}").as_bytes()])
}

fn longest_end(begin: u64) -> u64 {
    begin + 735 * DAY
}

impl Pair {
    fn new() -> Self {
        let text = std::fs::read_to_string(repository().join("ops/reference/catalogue.toml"));
        let rules = Rules {
            catalogue: Catalogue::parse(&text.unwrap()).unwrap(),
            agencies: AGENCIES.iter().map(|a| AgencyId::parse(a).unwrap()).collect::<BTreeSet<_>>(),
            project_agency: AgencyId::parse("projekt").unwrap(),
            limits: Limits {
                queue_messages_max: QUEUE_MAX,
                queue_bytes_max: u64::MAX / 4,
                idempotency_keys_max: 1_000_000,
                consents_per_participant_max: 1000,
            },
        };
        Self {
            rules,
            state: State::new(),
            log: Vec::new(),
            model: model::Model::new("projekt", &["gesundheit"], longest_end, QUEUE_MAX),
            now: 1_790_000_000_000,
            references: HashMap::new(),
            newest: HashMap::new(),
            decided: Vec::new(),
            entropy: 0,
        }
    }

    fn entropy(&mut self) -> [u8; 16] {
        self.entropy += 1;
        self.entropy.to_be_bytes()
    }

    fn step(&mut self, command: Command) -> Result<Outcome, Refusal> {
        let before = self.state.next_record();
        let outcome = self.state.step(&self.rules, self.now, command);
        let events = self.state.take_events();
        assert!(outcome.is_ok() || events.is_empty(), "a refused command left a trace");
        assert_eq!(self.state.next_record(), before + events.len() as u64);
        self.log.extend(events.into_iter().map(|event| (event, self.now)));
        outcome
    }

    fn reference(&self, participant: usize, agency: &str) -> Option<Reference> {
        self.references.get(&(participant, agency.to_owned())).copied()
    }

    fn unknown_reference() -> Reference {
        Reference::from_bytes([0xee; 16])
    }

    fn lotse_reference(&self, participant: usize) -> Reference {
        self.reference(participant, "lotsenstelle").unwrap_or_else(Self::unknown_reference)
    }

    fn play(&mut self, op: &Op) {
        match op {
            Op::Register { person, key } => {
                let entropy = [self.entropy(), self.entropy(), self.entropy()];
                let key_bytes = RegistrationKey::from_bytes([
                    *key,
                    *person as u8,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                ]);
                let command =
                    Command::RegisterParticipant { actor: lotse(*person), key: key_bytes, entropy };
                let outcome = self.step(command).unwrap();
                let participant =
                    self.model.register(&model_lotse(*person), &format!("{person}-{key}"));
                let Outcome::Registered { reference, .. } = outcome else { panic!("{outcome:?}") };
                let known = self.references.insert((participant, "lotsenstelle".into()), reference);
                assert!(known.is_none_or(|known| known == reference));
            }
            Op::AssignLotse { caller, participant, person } => {
                let reference = self.lotse_reference(*participant);
                let command = Command::AssignLotse {
                    actor: lotse(*caller),
                    reference,
                    lotse: PEOPLE[*person].into(),
                };
                let real = self.step(command);
                let model =
                    self.model.assign_lotse(&model_lotse(*caller), *participant, PEOPLE[*person]);
                assert_eq!(real.is_ok(), model.is_ok(), "{real:?} {model:?}");
            }
            Op::AssignReference { caller, participant, agency } => {
                let command = Command::AssignReference {
                    actor: lotse(*caller),
                    reference: self.lotse_reference(*participant),
                    agency: AgencyId::parse(AGENCIES[*agency]).unwrap(),
                    entropy: self.entropy(),
                };
                let real = self.step(command);
                let model = self.model.assign_reference(
                    &model_lotse(*caller),
                    *participant,
                    AGENCIES[*agency],
                );
                assert_eq!(real.is_ok(), model.is_ok(), "{real:?} {model:?}");
                if let Ok(Outcome::Assigned { reference, .. }) = real {
                    self.references.insert((*participant, AGENCIES[*agency].into()), reference);
                }
            }
            Op::Record { .. } => self.record(op),
            Op::Revoke { caller, id, stale } => self.revoke(*caller, *id, *stale),
            Op::Submit { agency, messages, require_all } => {
                self.submit(AGENCIES[*agency], messages, *require_all);
            }
            Op::HandOut { agency, both, stream, max } => {
                self.hand_out(AGENCIES[*agency], *both, *stream, *max);
            }
            Op::Release { stream } => {
                self.step(Command::Release { stream: *stream }).unwrap();
                self.model.release_stream(*stream);
            }
            Op::Report { agency, choices, acknowledged } => {
                self.report(AGENCIES[*agency], choices, *acknowledged);
            }
            Op::Tick => {
                self.step(Command::Tick).unwrap();
                self.model.tick(self.now);
            }
            Op::Wait { ms } => self.now += ms,
            Op::Restart => self.restart(),
        }
    }

    fn record(&mut self, op: &Op) {
        let Op::Record { caller, participant, id, revision, grants, evidence, revise } = op else {
            return;
        };
        let newest = self.newest.get(id).cloned();
        let number = newest.as_ref().map_or(1, |newest| newest.revision);
        let (revision, previous) = match revision {
            RevisionKind::First => (1, None),
            RevisionKind::Next => (number + 1, newest.clone()),
            RevisionKind::Same => {
                (number, newest.as_ref().and_then(|n| n.previous.as_deref().cloned()))
            }
            RevisionKind::Skipping => (number + 2, newest.clone()),
        };
        let mut document = model::ConsentDocument {
            id: format!("{id}"),
            participant: *participant,
            revision,
            previous: previous.map(Box::new),
            grants: grants.iter().map(|grant| self.model_grant(grant)).collect(),
            has_evidence: *evidence,
        };
        if let (RevisionKind::Same, Some(newest)) = (&op_revision(op), newest) {
            document = newest;
        }
        let command = Command::RecordConsent {
            actor: lotse(*caller),
            revise: *revise,
            document: Box::new(self.real_document(&document)),
            bytes: Bytes::new(),
            signature: Signature::default(),
        };
        let real = self.step(command);
        let model = self.model.record(&model_lotse(*caller), document.clone(), *revise, self.now);
        assert_eq!(real.is_ok(), model.is_ok(), "{real:?} {model:?}");
        if model.is_ok() {
            self.newest.insert(*id, document);
        }
    }

    fn model_grant(&self, grant: &GrantOp) -> model::Grant {
        model::Grant {
            senders: strings(&chosen(&AGENCIES, grant.senders)),
            recipient: model::Address {
                agency: AGENCIES[grant.recipient].into(),
                function: FUNCTIONS[grant.function].into(),
            },
            purpose: PURPOSES[grant.purpose].0.into(),
            categories: strings(&chosen(&CATEGORIES, grant.categories)),
            not_before: self.now + grant.begins,
            not_after: self.now + grant.begins + grant.lasts,
        }
    }

    fn real_document(&self, document: &model::ConsentDocument) -> ConsentDocument {
        let id: u8 = document.id.parse().unwrap();
        let grants = document.grants.iter().map(|grant| GrantTerms {
            senders: grant.senders.iter().map(|s| AgencyId::parse(s).unwrap()).collect(),
            recipient: Address::parse(&grant.recipient.agency, &grant.recipient.function).unwrap(),
            purpose: self.rules.catalogue.purpose(&grant.purpose).unwrap(),
            categories: self.categories(&grant.categories),
            not_before: grant.not_before,
            not_after: grant.not_after,
        });
        ConsentDocument {
            consent_id: ConsentId::from_bytes([id; 16]),
            participant: self.lotse_reference(document.participant),
            revision: u32::try_from(document.revision).unwrap(),
            previous_hash: document.previous.as_deref().map(hash),
            grants: grants.collect(),
            evidence_count: usize::from(document.has_evidence),
            hash: hash(document),
        }
    }

    fn categories(&self, codes: &[String]) -> schleuse_broker::domain::catalogue::Categories {
        let sets = codes.iter().map(|code| self.rules.catalogue.category(code).unwrap());
        sets.fold(Default::default(), |all, set| all.union(set))
    }

    fn revoke(&mut self, caller: usize, id: u8, stale: bool) {
        let Some(document) = self.newest.get(&id).cloned() else { return };
        let mut named = document;
        if stale {
            named.has_evidence = !named.has_evidence;
        }
        let command = Command::RevokeConsent {
            actor: lotse(caller),
            consent: ConsentId::from_bytes([id; 16]),
            revision_hash: hash(&named),
            document: Bytes::new(),
            signature: Signature::default(),
        };
        let real = self.step(command);
        let model = self.model.revoke(&model_lotse(caller), &id.to_string(), &named, self.now);
        assert_eq!(real.is_ok(), model.is_ok(), "{real:?} {model:?}");
    }

    fn submit(&mut self, agency: &str, messages: &[MessageOp], require_all: bool) {
        let mut real = Vec::new();
        let mut model = Vec::new();
        for message in messages {
            let created_at = self.now.wrapping_add_signed(-message.age);
            let reference =
                self.reference(message.participant, agency).unwrap_or_else(Self::unknown_reference);
            let categories = strings(&chosen(&CATEGORIES, message.categories));
            let recipient = (AGENCIES[message.recipient], FUNCTIONS[message.function]);
            let (purpose, kind) = PURPOSES[message.purpose];
            let about = Some(message.participant).filter(|participant| {
                self.references.contains_key(&(*participant, "lotsenstelle".into()))
            });
            let described = model::Submission {
                message_id: format!("{}", message.id),
                content: format!("{message:?}{created_at}"),
                participant: about,
                sender: model::Address { agency: agency.into(), function: "zentrale".into() },
                recipient: model::Address {
                    agency: recipient.0.into(),
                    function: recipient.1.into(),
                },
                purpose: purpose.into(),
                categories: categories.clone(),
                created_at,
                expires_at: created_at + message.lives,
            };
            let digest = sha256(&[described.content.as_bytes()]);
            real.push(Submission {
                reference,
                nonce: [0; 16],
                label: Label {
                    message_id: MessageId::from_bytes([message.id; 16]),
                    participant_commitment: [0; 32],
                    kind: self.rules.catalogue.kind(kind).unwrap(),
                    purpose: self.rules.catalogue.purpose(purpose).unwrap(),
                    categories: self.categories(&categories),
                    sender: Address::parse(agency, "zentrale").unwrap(),
                    recipient: Address::parse(recipient.0, recipient.1).unwrap(),
                    created_at,
                    expires_at: created_at + message.lives,
                },
                label_bytes: Bytes::new(),
                payload: Bytes::from_static(&[1; 10]),
                payload_bytes: 10,
                has_payload: true,
                encapsulated_key_bytes: 1,
                payload_digest: digest,
                signature: BatchSignature::default(),
                fingerprint: *digest.first_chunk().unwrap(),
            });
            model.push(described);
        }
        let actor = actor(agency, Role::System, None);
        let command = Command::Submit { actor, messages: real, require_all };
        let real = self.step(command);
        let model = self.model.submit(agency, model, require_all, self.now);
        match (real, model) {
            (Ok(Outcome::Decisions(real)), Ok(model)) => {
                let real: Vec<_> = real.iter().map(|d| (d.accepted, d.record as usize)).collect();
                assert_eq!(real, model);
                self.decided.extend(model.iter().map(|(_, number)| *number as u64));
            }
            (real, model) => assert!(real.is_err() && model.is_err(), "{real:?} {model:?}"),
        }
    }

    fn hand_out(&mut self, agency: &str, both: bool, stream: Option<u64>, max: usize) {
        let functions = if both { &FUNCTIONS[..] } else { &FUNCTIONS[1..] };
        // Addresses that nobody ever named are refused by the core; the model has nothing for them.
        let known: Vec<&str> = functions
            .iter()
            .copied()
            .filter(|f| {
                self.state.names().known_address(&Address::parse(agency, f).unwrap()).is_some()
            })
            .collect();
        let (hold, holder) = match stream {
            Some(stream) => (Hold::Stream(stream), model::Holder::Stream(stream)),
            None => (Hold::Until(self.now + HOUR), model::Holder::Until(self.now + HOUR)),
        };
        let command = Command::HandOut {
            recipients: known.iter().map(|f| Address::parse(agency, f).unwrap()).collect(),
            hold,
            messages_max: max,
            bytes_max: u64::MAX,
            actor: actor(agency, Role::System, None),
        };
        let Outcome::HandOuts(real) = self.step(command).unwrap() else { panic!("no hand-outs") };
        let addresses: Vec<model::Address> = known
            .iter()
            .map(|f| model::Address { agency: agency.into(), function: (*f).into() })
            .collect();
        let model = self.model.hand_out(&addresses, holder, max, self.now);
        let real: Vec<_> = real
            .iter()
            .map(|permit| {
                (permit.message() as usize, u64::from(permit.attempt()), permit.permit().revision())
            })
            .collect();
        let model: Vec<_> = model
            .iter()
            .map(|h| (h.message, h.attempt, u32::try_from(h.grant.1).unwrap()))
            .collect();
        assert_eq!(real, model);
    }

    fn report(&mut self, agency: &str, choices: &[usize], acknowledged: bool) {
        if self.decided.is_empty() {
            return;
        }
        let numbers: Vec<u64> =
            choices.iter().map(|choice| self.decided[choice % self.decided.len()]).collect();
        let (stage, model_stage) = if acknowledged {
            (Stage::Acknowledged, model::Stage::Acknowledged)
        } else {
            (Stage::Decrypted, model::Stage::Decrypted)
        };
        let actor = actor(agency, Role::System, None);
        let real = self.step(Command::Report { actor, messages: numbers.clone(), stage });
        let numbers: Vec<usize> = numbers.iter().map(|number| *number as usize).collect();
        let model = self.model.report(agency, &numbers, model_stage, self.now);
        match (real, model) {
            (Ok(Outcome::Reported(real)), Ok(model)) => {
                assert_eq!(real.iter().map(|n| *n as usize).collect::<Vec<_>>(), model);
            }
            (real, model) => assert!(real.is_err() && model.is_err(), "{real:?} {model:?}"),
        }
    }

    /// Replays the log into an empty state: what a restart of the broker does.
    fn restart(&mut self) {
        let mut state = State::new();
        for ((event, time), number) in self.log.iter().zip(0..) {
            state.apply(event, number, *time);
        }
        self.state = state;
        self.model.restart();
        // A replay knows old identifiers again until the first tick.
        self.step(Command::Tick).unwrap();
        self.model.tick(self.now);
    }

    fn compare_logs(&self, from: usize) {
        let model = &self.model.log()[from..];
        let real: Vec<model::Entry> =
            self.log[from..].iter().map(|(event, _)| self.entry(event)).collect();
        assert_eq!(real, model);
    }

    fn participant(&self, id: &schleuse_broker::domain::ids::ParticipantId) -> usize {
        // Registrations in order; the pseudonym is the first entropy of each.
        let mut registered = self.log.iter().filter_map(|(event, _)| match &event.kind {
            EventKind::ParticipantRegistered { participant, .. } => Some(participant),
            _ => None,
        });
        registered.position(|known| known == id).unwrap()
    }

    fn entry(&self, event: &Event) -> model::Entry {
        use model::Entry;
        let grant = |g: &schleuse_broker::domain::event::GrantRef| {
            (g.consent.bytes()[0].to_string(), u64::from(g.revision), g.grant_index as usize)
        };
        match &event.kind {
            EventKind::ParticipantRegistered { participant, .. } => {
                Entry::Registered { participant: self.participant(participant) }
            }
            EventKind::LotseAssigned { participant, lotse } => Entry::LotseAssigned {
                participant: self.participant(participant),
                person: lotse.clone(),
            },
            EventKind::ReferenceAssigned { participant, agency, .. } => Entry::ReferenceAssigned {
                participant: self.participant(participant),
                agency: agency.to_string(),
            },
            EventKind::ConsentRecorded(consent) => Entry::ConsentRecorded {
                consent: consent.document.consent_id.bytes()[0].to_string(),
                revision: u64::from(consent.document.revision),
            },
            EventKind::ConsentRevoked(revocation) => {
                Entry::ConsentRevoked { consent: revocation.consent.bytes()[0].to_string() }
            }
            EventKind::MessageDecided(decided) => {
                let (accepted, reason, grant) = match &decided.decision {
                    Decision::Accepted(by) => (true, None, Some(grant(by))),
                    Decision::Refused(why) => (false, Some(reason(*why)), None),
                };
                let message_id = decided.submission.label.message_id.bytes()[0].to_string();
                Entry::Decided { message_id, accepted, reason, grant }
            }
            EventKind::HandedOut(event) => {
                let (consent, revision, grant_index) = grant(&event.grant);
                Entry::HandedOut {
                    message: event.message as usize,
                    attempt: u64::from(event.attempt),
                    consent,
                    revision,
                    grant_index,
                }
            }
            EventKind::StageReported { message, stage, .. } => Entry::Stage {
                message: *message as usize,
                stage: match stage {
                    Stage::Decrypted => model::Stage::Decrypted,
                    Stage::Acknowledged => model::Stage::Acknowledged,
                },
            },
            EventKind::MessageStopped { message, reason: why, deny, .. } => Entry::Stopped {
                message: *message as usize,
                reason: match why {
                    StopReason::ConsentEnded => model::StopReason::ConsentEnded,
                    StopReason::Expired => model::StopReason::Expired,
                    StopReason::Erased => panic!("no operation of this test erases"),
                },
                deny: deny.map(reason),
            },
            other => panic!("no operation of this test makes {other:?}"),
        }
    }
}

fn op_revision(op: &Op) -> RevisionKind {
    match op {
        Op::Record { revision, .. } => *revision,
        _ => RevisionKind::First,
    }
}

fn reason(reason: DenyReason) -> model::Reason {
    match reason {
        DenyReason::UnknownParticipant => model::Reason::UnknownParticipant,
        DenyReason::NoConsent => model::Reason::NoConsent,
        DenyReason::Superseded => model::Reason::Superseded,
        DenyReason::Expired => model::Reason::Expired,
        DenyReason::NotYet => model::Reason::NotYet,
        DenyReason::Revoked => model::Reason::Revoked,
        DenyReason::NotAllCovered => model::Reason::NotAllCovered,
        DenyReason::Suspended | DenyReason::Restricted => {
            panic!("no operation of this test suspends or restricts")
        }
    }
}

proptest! {
    // 1,200 sequences of 200 operations: 240,000 operations. A failing seed is printed and kept in
    // `proptest-regressions`.
    #![proptest_config(ProptestConfig { cases: 1200, ..ProptestConfig::default() })]

    #[test]
    fn core_and_model_agree_on_random_operations(ops in prop::collection::vec(op(), 200)) {
        let mut pair = Pair::new();
        for op in &ops {
            let before = pair.log.len();
            pair.play(op);
            pair.compare_logs(before);
        }
    }
}
