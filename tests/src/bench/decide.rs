//! The decision and its memory, with 100,000 participants and 500,000 grants.

use std::collections::BTreeSet;

use bytes::Bytes;
use schleuse_broker::domain::command::{Command, Outcome};
use schleuse_broker::domain::consent::{ConsentDocument, GrantTerms, ReviewRules};
use schleuse_broker::domain::decide::Question;
use schleuse_broker::domain::event::{Actor, Signature};
use schleuse_broker::domain::ids::{Address, AgencyId, ConsentId, Reference, RegistrationKey};
use schleuse_broker::domain::planning::PlanningRules;
use schleuse_broker::domain::state::{Limits, Rules};
use schleuse_broker::domain::{Catalogue, State};
use schleuse_proto::identity::Role;
use serde_json::{Value, json};

use super::{now, resident_mib};
use crate::broker::repository;

const PARTICIPANTS: u64 = 100_000;
const AGENCIES: [&str; 5] = ["jobcenter", "drv", "kasse", "bezirk", "sozialhilfe"];
const QUESTIONS: u64 = 2_000_000;

fn id(number: u64, kind: u8) -> [u8; 16] {
    let mut id = [kind; 16];
    // Spread like random identifiers.
    id[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    id
}

/// Fills a core and asks it.
#[must_use]
pub fn run() -> Value {
    let text = std::fs::read_to_string(repository().join("ops/reference/catalogue.toml"));
    let rules = Rules {
        catalogue: Catalogue::parse(&text.unwrap()).unwrap(),
        agencies: AGENCIES.iter().map(|a| AgencyId::parse(a).unwrap()).collect::<BTreeSet<_>>(),
        project_agency: AgencyId::parse("projekt").unwrap(),
        evaluation_persons_min: 5,
        limits: Limits {
            queue_messages_max: 1000,
            queue_bytes_max: 1 << 30,
            idempotency_keys_max: 1_000_000,
            consents_per_participant_max: 16,
            parts_wait_ms: 24 * 3_600_000,
        },
        reviews: ReviewRules::default(),
        delivery: schleuse_broker::domain::delivery::DeliveryRules::default(),
        planning: PlanningRules::default(),
    };
    let before = resident_mib(std::process::id());
    let mut state = State::new();
    let time = 1_790_000_000_000;
    let lotse = Actor {
        agency: AgencyId::parse("lotsenstelle").unwrap(),
        role: Role::Lotse,
        person: Some("l-01".into()),
        serial: [1; 16].into(),
    };
    let mut references = Vec::new();
    for number in 0..PARTICIPANTS {
        references.push(fill_one(&mut state, &rules, time, &lotse, number));
    }
    let after = resident_mib(std::process::id());
    let jobcenter = AgencyId::parse("jobcenter").unwrap();
    let recipients: Vec<Address> =
        AGENCIES.iter().map(|agency| Address::parse(agency, "zentrale").unwrap()).collect();
    let purpose = rules.catalogue.purpose("fallkonferenz").unwrap();
    let categories = rules.catalogue.category("termine").unwrap();
    let questions: Vec<Question> = recipients
        .iter()
        .map(|recipient| Question {
            sender: state.names().known_agency(&jobcenter),
            sender_address: None,
            recipient: state.names().known_address(recipient),
            recipient_agency: state.names().known_agency(&recipient.agency),
            purpose,
            categories,
            professional_secret: false,
        })
        .collect();
    let begin = now();
    let mut permitted = 0_u64;
    for number in 0..QUESTIONS {
        // Participants in an order that no cache foresees.
        let who = number.wrapping_mul(7919) % PARTICIPANTS;
        let question = &questions[(number % 5) as usize];
        let reference = &references[who as usize];
        permitted += u64::from(state.decide_for(&jobcenter, reference, question, time).is_ok());
    }
    let elapsed = begin.elapsed();
    assert_eq!(permitted, QUESTIONS, "every question is covered");
    json!({
        "participants": PARTICIPANTS,
        "grants": PARTICIPANTS * 5,
        "decide_ns": elapsed.as_nanos() as u64 / QUESTIONS,
        "state_mib": after.saturating_sub(before),
        "resident_mib": after,
    })
}

fn fill_one(state: &mut State, rules: &Rules, time: u64, lotse: &Actor, number: u64) -> Reference {
    let key = RegistrationKey::from_bytes(id(number, 1));
    let entropy = [id(number, 2), id(number, 3), id(number, 4)];
    let command = Command::RegisterParticipant { actor: lotse.clone(), key, entropy };
    let Ok(Outcome::Registered { reference, .. }) = state.step(rules, time, command) else {
        panic!("not registered");
    };
    let mut jobcenter = None;
    for (agency, kind) in AGENCIES.iter().zip(5..) {
        let command = Command::AssignReference {
            actor: lotse.clone(),
            reference,
            agency: AgencyId::parse(agency).unwrap(),
            entropy: id(number, kind),
        };
        let Ok(Outcome::Assigned { reference, .. }) = state.step(rules, time, command) else {
            panic!("not assigned");
        };
        jobcenter.get_or_insert(reference);
    }
    let grants = AGENCIES.iter().map(|recipient| GrantTerms {
        senders: AGENCIES.iter().map(|sender| AgencyId::parse(sender).unwrap()).collect(),
        recipient: Address::parse(recipient, "zentrale").unwrap(),
        purpose: rules.catalogue.purpose("fallkonferenz").unwrap(),
        categories: rules.catalogue.category("termine").unwrap(),
        not_before: time,
        not_after: time + 86_400_000 * 365,
    });
    let document = ConsentDocument {
        consent_id: ConsentId::from_bytes(id(number, 20)),
        participant: reference,
        revision: 1,
        previous_hash: None,
        grants: grants.collect(),
        evidence_count: 0,
        representation: None,
        review_by: time + 86_400_000 * 180,
        signed_at: time,
        hash: [0; 32],
    };
    let command = Command::RecordConsent {
        actor: lotse.clone(),
        revise: false,
        document: Box::new(document),
        bytes: Bytes::new(),
        signature: Signature::default(),
    };
    state.step(rules, time, command).unwrap();
    drop(state.take_events());
    jobcenter.unwrap()
}
