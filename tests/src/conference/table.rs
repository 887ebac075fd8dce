//! Five bodies × all categories × all states of a consent as a golden file. A change of one line of it changes
//! who may receive what.
//!
//! Each world has all five bodies at once, each in another state, so that one body's consent can be seen not to
//! help another. For every part the client's own look at the consents is compared with the broker's `decide`.
//!
//! To renew the file after an intended change: `UPDATE_GOLDEN=1 cargo test conference::table`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bytes::Bytes;
use schleuse_broker::domain::command::{Command, Outcome, Reconciliation};
use schleuse_broker::domain::consent::{ConsentDocument, GrantTerms};
use schleuse_broker::domain::decide;
use schleuse_broker::domain::event::{Actor, Signature};
use schleuse_broker::domain::ids::{
    self as broker, AgencyId, ConsentId, HoldId, Reference, RegistrationKey,
};
use schleuse_broker::domain::state::{Limits, Rules};
use schleuse_broker::domain::{Catalogue, State};
use schleuse_client::fallkonferenz::{ConsentList, Date, Item, Plan, Question};
use schleuse_client::{Address, ConferenceId, ConsentRecord, ItemId, Receipt};
use schleuse_proto::identity::Role;
use schleuse_proto::v1;

use crate::broker::repository;

const HOUR: u64 = 3_600_000;
const NOW: u64 = 1_790_000_000_000;
const CONVENER: &str = "jobcenter/fallmanagement";
const BODIES: [&str; 5] = [
    "agentur/beratung",
    "bezirk/eingliederungshilfe",
    "drv/reha-beratung",
    "kasse/krankengeld",
    "sozialhilfe/grundsicherung",
];
const STATES: [&str; 7] =
    ["active", "not-yet", "expired", "revoked", "suspended", "narrowed", "none"];
const CATEGORIES: [&str; 10] = [
    "erwerbsbiografie",
    "familie",
    "gesundheit",
    "hilfeplan",
    "leistungsbezug",
    "schulden-finanzen",
    "stammdaten",
    "sucht-psyche",
    "termine",
    "wohnen",
];
/// Items beside one for each category.
const COMBINED: [&[&str]; 3] =
    [&["gesundheit", "sucht-psyche"], &["gesundheit", "wohnen"], &["familie", "termine"]];
/// Category that a narrowed consent lost.
const LOST: &str = "gesundheit";

fn items() -> Vec<Item> {
    let single = CATEGORIES.iter().map(|one| vec![*one]);
    let all = single.chain(COMBINED.iter().map(|set| set.to_vec()));
    all.zip(1..)
        .map(|(categories, number)| Item {
            id: ItemId::parse(&[number; 16]).unwrap(),
            title: categories.join(" und "),
            categories: categories.into_iter().map(str::to_owned).collect(),
            minutes: 10,
            notes: String::new(),
            bodies: None,
            professional_secret: false,
        })
        .collect()
}

fn plan() -> Plan {
    Plan {
        conference: ConferenceId::parse(&[9; 16]).unwrap(),
        convener: CONVENER.parse().unwrap(),
        purpose: "fallkonferenz".to_owned(),
        about_participant: true,
        bodies: BODIES.iter().map(|body| body.parse().unwrap()).collect(),
        items: items(),
        dates: vec![Date { starts_at_ms: 1_791_000_000_000, minutes: 60 }],
        place: "Raum 3".to_owned(),
        answer_by_ms: 1_790_500_000_000,
        professional_secret: false,
    }
}

/// What the consent of a body names: in each world every body another set, always with dates.
fn named(world: usize, body: usize) -> BTreeSet<&'static str> {
    let chosen = CATEGORIES.iter().enumerate();
    let chosen = chosen.filter(|(number, _)| !(number + body + world).is_multiple_of(4));
    chosen.map(|(_, code)| *code).chain(["termine", LOST]).collect()
}

struct World {
    rules: Rules,
    state: State,
    lotse: Actor,
    person: Reference,
    records: Vec<ConsentRecord>,
}

impl World {
    fn new() -> Self {
        let text = std::fs::read_to_string(repository().join("ops/reference/catalogue.toml"));
        let agencies = BODIES.iter().chain([&CONVENER]);
        let agencies = agencies.map(|body| body.split('/').next().unwrap());
        let rules = Rules {
            catalogue: Catalogue::parse(&text.unwrap()).unwrap(),
            agencies: agencies.map(|a| AgencyId::parse(a).unwrap()).collect(),
            project_agency: AgencyId::parse("projekt").unwrap(),
            limits: Limits {
                queue_messages_max: 10,
                queue_bytes_max: 1000,
                idempotency_keys_max: 10,
                consents_per_participant_max: 10,
                parts_wait_ms: 24 * 3_600_000,
            },
            delivery: schleuse_broker::domain::delivery::DeliveryRules::default(),
            planning: schleuse_broker::domain::planning::PlanningRules::default(),
            evaluation_persons_min: 5,
            reviews: schleuse_broker::domain::consent::ReviewRules::default(),
        };
        let lotse = Actor {
            agency: AgencyId::parse("lotsenstelle").unwrap(),
            role: Role::Lotse,
            person: Some("l-01".into()),
            serial: [1; 16].into(),
        };
        let mut state = State::new();
        let register = Command::RegisterParticipant {
            actor: lotse.clone(),
            key: RegistrationKey::from_bytes([1; 16]),
            entropy: [[2; 16], [3; 16], [4; 16]],
        };
        let Ok(Outcome::Registered { reference, .. }) = state.step(&rules, NOW, register) else {
            panic!("not registered");
        };
        Self { rules, state, lotse, person: reference, records: Vec::new() }
    }

    fn step(&mut self, command: Command) {
        self.state.step(&self.rules, NOW, command).unwrap();
    }

    /// A revision of the consent that a body has, in the broker and as the Lotse's list shows it.
    fn consent(&mut self, body: usize, revision: u8, names: &BTreeSet<&str>, state: &str) {
        let (begin, end) = match state {
            "not-yet" => (NOW + HOUR, NOW + 2 * HOUR),
            "expired" => (NOW - 2 * HOUR, NOW),
            _ => (NOW, NOW + HOUR),
        };
        let (agency, function) = BODIES[body].split_once('/').unwrap();
        let catalogue = &self.rules.catalogue;
        let sets = names.iter().map(|code| catalogue.category(code).unwrap());
        let number = u8::try_from(body).unwrap();
        let document = ConsentDocument {
            consent_id: ConsentId::from_bytes([number; 16]),
            participant: self.person,
            revision: revision.into(),
            previous_hash: (revision > 1).then_some([revision - 1; 32]),
            grants: vec![GrantTerms {
                senders: vec![AgencyId::parse("jobcenter").unwrap()],
                recipient: broker::Address::parse(agency, function).unwrap(),
                purpose: catalogue.purpose("fallkonferenz").unwrap(),
                categories: sets.fold(Default::default(), |all, set| all.union(set)),
                not_before: begin,
                not_after: end,
            }],
            evidence_count: 1,
            representation: None,
            review_by: NOW + 24 * HOUR,
            signed_at: NOW,
            hash: [revision; 32],
        };
        self.step(Command::RecordConsent {
            actor: self.lotse.clone(),
            revise: revision > 1,
            document: Box::new(document),
            bytes: Bytes::new(),
            signature: Signature::default(),
        });
        self.records.retain(|record| record.consent_id.as_bytes() != &[number; 16]);
        self.records.push(record(number, agency, function, names, (begin, end), state));
    }

    /// All five bodies, each in the state that is its turn in this world.
    fn of(world: usize) -> Self {
        let mut this = Self::new();
        for body in 0..BODIES.len() {
            let state = state_of(world, body);
            let names = named(world, body);
            match state {
                "none" => {}
                "narrowed" => {
                    this.consent(body, 1, &names, state);
                    let left = names.into_iter().filter(|code| *code != LOST).collect();
                    this.consent(body, 2, &left, state);
                }
                _ => this.consent(body, 1, &names, state),
            }
        }
        // A log that lost records suspends every consent; all but one are then confirmed.
        this.step(Command::Reconcile(Box::new(Reconciliation {
            found_size: 1,
            shown: Bytes::new(),
            shown_size: 2,
            revocations: Vec::new(),
            hold: HoldId::from_bytes([8; 16]),
        })));
        for body in 0..BODIES.len() {
            let consent = ConsentId::from_bytes([u8::try_from(body).unwrap(); 16]);
            let (actor, document) = (this.lotse.clone(), Bytes::new());
            let state = state_of(world, body);
            let revision_hash = if state == "narrowed" { [2; 32] } else { [1; 32] };
            let signature = Signature::default();
            match state {
                "revoked" => this.step(Command::RevokeConsent {
                    actor,
                    consent,
                    revision_hash,
                    document,
                    signature,
                }),
                "active" | "narrowed" | "not-yet" => this.step(Command::ConfirmConsent {
                    actor,
                    consent,
                    revision_hash,
                    signed_at: NOW,
                    next_review_by: None,
                    document,
                    signature,
                }),
                _ => {}
            }
        }
        this
    }

    /// What the broker would decide on a message of the convener's.
    fn decides(&self, question: &Question) -> bool {
        let names = self.state.names();
        let catalogue = &self.rules.catalogue;
        let recipient = &question.recipient;
        let sets = question.categories.iter().map(|code| catalogue.category(code).unwrap());
        let asked = decide::Question {
            sender: names.known_agency(&AgencyId::parse("jobcenter").unwrap()),
            sender_address: None,
            recipient_agency: AgencyId::parse(&recipient.agency)
                .and_then(|agency| names.known_agency(&agency)),
            professional_secret: false,
            recipient: broker::Address::parse(&recipient.agency, &recipient.function)
                .and_then(|address| names.known_address(&address)),
            purpose: catalogue.purpose(&question.purpose).unwrap(),
            categories: sets.fold(Default::default(), |all, set| all.union(set)),
        };
        self.state.decide_for(&self.lotse.agency, &self.person, &asked, NOW).is_ok()
    }

    fn list(&self) -> ConsentList {
        let now_ms = i64::try_from(NOW).unwrap();
        ConsentList { now_ms, consents: self.records.clone() }
    }
}

fn state_of(world: usize, body: usize) -> &'static str {
    STATES[(world + body) % STATES.len()]
}

fn record(
    number: u8,
    agency: &str,
    function: &str,
    names: &BTreeSet<&str>,
    (begin, end): (u64, u64),
    state: &str,
) -> ConsentRecord {
    let address = v1::Address { agency: agency.to_owned(), function: function.to_owned() };
    let grant = v1::Grant {
        senders: vec!["jobcenter".to_owned()],
        recipient: Some(address),
        purpose: "fallkonferenz".to_owned(),
        categories: names.iter().map(|&code| code.to_owned()).collect(),
        not_before_ms: i64::try_from(begin).unwrap(),
        not_after_ms: i64::try_from(end).unwrap(),
    };
    ConsentRecord {
        consent_id: schleuse_client::ConsentId::parse(&[number; 16]).unwrap(),
        document: v1::ConsentDocument { grants: vec![grant], ..Default::default() },
        document_bytes: Bytes::new(),
        state: match state {
            "not-yet" => v1::ConsentState::NotYet,
            "expired" => v1::ConsentState::Expired,
            "revoked" => v1::ConsentState::Revoked,
            "suspended" => v1::ConsentState::Suspended,
            _ => v1::ConsentState::Active,
        },
        receipt: Receipt { record_number: 0, leaf_hash: [0; 32] },
        revoked_at_ms: (state == "revoked").then_some(1),
        review_by_ms: 0,
        review_missed: false,
        restricted: false,
    }
}

#[test]
fn each_body_receives_exactly_the_covered_parts() {
    let plan = plan();
    let mut table = String::from("# state | body | item | receives\n");
    let mut received: BTreeMap<&str, usize> = BTreeMap::new();
    for world in 0..STATES.len() {
        let case = World::of(world);
        let list = case.list();
        let questions = plan.questions();
        for question in &questions {
            assert_eq!(list.covers(question), case.decides(question), "{question:?}");
        }
        let covered = questions.into_iter().filter(|question| case.decides(question)).collect();
        let distribution = plan.distribution(&covered);
        for (body, name) in BODIES.iter().enumerate() {
            let state = state_of(world, body);
            let address: Address = name.parse().unwrap();
            let letters = plan.parts_for(&address, &distribution).unwrap();
            let got: BTreeSet<ItemId> = letters.iter().filter_map(|letter| letter.item).collect();
            let invited =
                plan.invitations(&distribution).unwrap().iter().any(|one| one.recipient == address);
            writeln!(table, "{state} | {name} | invitation | {}", yes(invited)).unwrap();
            for item in &plan.items {
                let gets = got.contains(&item.id);
                // The rule once more, straight from the words of the test.
                let names = named(world, body);
                let holds = item.categories.iter().all(|code| {
                    names.contains(code.as_str()) && (state != "narrowed" || code != LOST)
                });
                assert_eq!(gets, holds && matches!(state, "active" | "narrowed"), "{state} {name}");
                *received.entry(state).or_default() += usize::from(gets);
                writeln!(table, "{state} | {name} | {} | {}", item.title, yes(gets)).unwrap();
            }
        }
    }
    assert!(received["active"] > received["narrowed"] && received["narrowed"] > 0);
    for state in ["not-yet", "expired", "revoked", "suspended", "none"] {
        assert_eq!(received[state], 0, "{state}");
    }
    let path = repository().join("tests/golden/conference_table.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(
        golden == table,
        "who receives which part has changed; if meant, renew the golden file"
    );
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "-" }
}

/// Grants are not added together: two that name a category each do not cover an item with both.
#[test]
fn two_grants_together_cover_no_item_that_needs_both() {
    let mut case = World::new();
    case.consent(2, 1, &["termine", "gesundheit"].into(), "active");
    let second = record(7, "drv", "reha-beratung", &["wohnen"].into(), (NOW, NOW + HOUR), "active");
    case.records.push(second);
    let list = case.list();
    let asked = |codes: &[&str]| Question {
        sender: CONVENER.parse().unwrap(),
        recipient: BODIES[2].parse().unwrap(),
        purpose: "fallkonferenz".to_owned(),
        kind: "fallkonferenz.part",
        categories: codes.iter().map(|&code| code.to_owned()).collect(),
        professional_secret: false,
    };
    assert!(list.covers(&asked(&["gesundheit"])) && list.covers(&asked(&["wohnen"])));
    assert!(!list.covers(&asked(&["gesundheit", "wohnen"])));
}

/// What a body receives is the same bytes whatever the others' consents are: only its own matter.
#[test]
fn what_a_body_receives_depends_on_its_own_consent_alone() {
    let plan = plan();
    let mut seen: BTreeMap<(String, Vec<ItemId>), Vec<Vec<u8>>> = BTreeMap::new();
    let mut repeated = 0;
    for invited in 1_u32..32 {
        let bodies = BODIES.iter().enumerate().filter(|(body, _)| invited & (1 << body) != 0);
        let bodies: BTreeSet<Address> = bodies.map(|(_, body)| body.parse().unwrap()).collect();
        let questions = plan.questions().into_iter();
        let covered = questions.filter(|question| bodies.contains(&question.recipient)).collect();
        let distribution = plan.distribution(&covered);
        for body in &bodies {
            let mut letters = plan.invitations(&distribution).unwrap();
            letters.retain(|letter| letter.recipient == *body);
            letters.extend(plan.parts_for(body, &distribution).unwrap());
            let items: Vec<ItemId> = letters.iter().filter_map(|letter| letter.item).collect();
            let bytes: Vec<Vec<u8>> =
                letters.iter().map(|letter| letter.content.to_plaintext().unwrap()).collect();
            let text: String = letters.iter().map(|letter| letter.content.to_string()).collect();
            for other in BODIES.iter().filter(|other| **other != body.to_string()) {
                let agency = other.split('/').next().unwrap();
                assert!(!text.contains(agency), "{body} is told of {other}");
            }
            let before = seen.insert((body.to_string(), items), bytes.clone());
            repeated += usize::from(before.is_some());
            assert!(before.is_none_or(|before| before == bytes), "{body}");
        }
    }
    assert!(repeated > 70);
}
