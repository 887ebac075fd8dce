//! A narrowing of the SDK covers nothing that was not covered before: random consents and random narrowings, decided by
//! the broker's core before and after.

use std::collections::BTreeSet;

use proptest::prelude::*;
use schleuse_broker::domain::command::{Command, Outcome};
use schleuse_broker::domain::consent::ReviewRules;
use schleuse_broker::domain::decide::Question;
use schleuse_broker::domain::event::{Actor, Signature};
use schleuse_broker::domain::ids::{Address, AgencyId, Reference, RegistrationKey};
use schleuse_broker::domain::state::{Limits, Rules};
use schleuse_broker::domain::{Catalogue, State};
use schleuse_broker::record::documents::parse_consent;
use schleuse_client::{ConsentId, ConsentRecord, Narrowing, Receipt, check_narrower, narrowed, v1};
use schleuse_proto::Message as _;
use schleuse_proto::identity::Role;

use crate::broker::repository;

const NOW: i64 = 1_790_000_000_000;
const HOUR: i64 = 3_600_000;
const AGENCIES: [&str; 3] = ["drv", "bezirk", "kasse"];
const PURPOSES: [&str; 2] = ["fallkonferenz", "hilfeplanung"];
const CATEGORIES: [&str; 3] = ["termine", "wohnen", "familie"];

fn rules() -> Rules {
    let text = std::fs::read_to_string(repository().join("ops/reference/catalogue.toml")).unwrap();
    Rules {
        catalogue: Catalogue::parse(&text).unwrap(),
        agencies: AGENCIES.iter().map(|a| AgencyId::parse(a).unwrap()).collect::<BTreeSet<_>>(),
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
        reviews: ReviewRules::default(),
    }
}

fn some(names: &[&str], mask: u8) -> Vec<String> {
    let chosen = names.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
    chosen.map(|(_, name)| (*name).to_owned()).collect()
}

fn grant() -> impl Strategy<Value = v1::Grant> {
    (1..8_u8, 0..3_usize, 0..2_usize, 1..8_u8, 0..3_i64, 1..5_i64).prop_map(
        |(senders, recipient, purpose, categories, begins, lasts)| v1::Grant {
            senders: some(&AGENCIES, senders),
            recipient: Some(v1::Address {
                agency: AGENCIES[recipient].into(),
                function: "zentrale".into(),
            }),
            purpose: PURPOSES[purpose].into(),
            categories: some(&CATEGORIES, categories),
            not_before_ms: NOW + begins * HOUR,
            not_after_ms: NOW + (begins + lasts) * HOUR,
        },
    )
}

fn narrowing() -> impl Strategy<Value = Narrowing> {
    prop_oneof![
        (0..4_usize).prop_map(Narrowing::DropGrant),
        (0..4_usize, 0..3_usize).prop_map(|(grant, which)| Narrowing::DropCategory {
            grant,
            category: CATEGORIES[which].into()
        }),
        (0..4_usize, 0..3_usize).prop_map(|(grant, which)| Narrowing::DropSender {
            grant,
            sender: AGENCIES[which].into()
        }),
        (0..8_i64).prop_map(|hours| Narrowing::Until(NOW + hours * HOUR)),
    ]
}

/// What is permitted under one document: every question at every hour.
fn permitted(document: &v1::ConsentDocument) -> BTreeSet<(usize, usize, usize, u8, i64)> {
    let rules = rules();
    let lotse = Actor {
        agency: AgencyId::parse("lotsenstelle").unwrap(),
        role: Role::Lotse,
        person: Some("l-01".into()),
        serial: [1; 16].into(),
    };
    let mut state = State::new();
    let now = u64::try_from(NOW).unwrap();
    let entropy = [
        [1; 16],
        Reference::parse_text(&document.participant_reference).unwrap().bytes().to_owned(),
        [3; 16],
    ];
    let key = RegistrationKey::from_bytes([1; 16]);
    let register = Command::RegisterParticipant { actor: lotse.clone(), key, entropy };
    let Ok(Outcome::Registered { reference, .. }) = state.step(&rules, now, register) else {
        panic!("not registered");
    };
    let mut first = document.clone();
    (first.revision, first.previous_hash) = (1, bytes::Bytes::new());
    let bytes = bytes::Bytes::from(first.encode_to_vec());
    let record = Command::RecordConsent {
        actor: lotse.clone(),
        revise: false,
        document: Box::new(parse_consent(&bytes, &rules.catalogue).unwrap()),
        bytes,
        signature: Signature::default(),
    };
    state.step(&rules, now, record).unwrap();
    let mut permitted = BTreeSet::new();
    let code = |purpose: usize| rules.catalogue.purpose(PURPOSES[purpose]).unwrap();
    let agency = |agency: usize| AgencyId::parse(AGENCIES[agency]).unwrap();
    for number in 0..3 * 3 * 2 * 7 * 8_usize {
        let (sender, recipient, purpose) = (number % 3, number / 3 % 3, number / 9 % 2);
        let categories = u8::try_from(number / 18 % 7).unwrap() + 1;
        let hour = i64::try_from(number / 126).unwrap();
        let sets = some(&CATEGORIES, categories);
        let sets = sets.iter().map(|code| rules.catalogue.category(code).unwrap());
        let to = Address::parse(AGENCIES[recipient], "zentrale").unwrap();
        let question = Question {
            sender: state.names().known_agency(&agency(sender)),
            sender_address: None,
            recipient: state.names().known_address(&to),
            recipient_agency: state.names().known_agency(&agency(recipient)),
            purpose: code(purpose),
            categories: sets.fold(Default::default(), |all, set| all.union(set)),
            professional_secret: false,
        };
        let at = u64::try_from(NOW + hour * HOUR).unwrap();
        if state.decide_for(&lotse.agency, &reference, &question, at).is_ok() {
            permitted.insert((sender, recipient, purpose, categories, hour));
        }
    }
    permitted
}

fn document(grants: Vec<v1::Grant>) -> v1::ConsentDocument {
    v1::ConsentDocument {
        consent_id: vec![7; 16].into(),
        participant_reference: Reference::from_bytes([9; 16]).to_text(),
        revision: 1,
        grants,
        text: Some(v1::ConsentText {
            version: "1".into(),
            hash: vec![1; 32].into(),
            language: "de".into(),
        }),
        form: v1::ConsentForm::Written.into(),
        given_by: Some(v1::GivenBy::default()),
        review_by_ms: NOW + 100 * HOUR,
        signed_at_ms: NOW,
        ..v1::ConsentDocument::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_narrowing_permits_nothing_that_was_denied(
        grants in prop::collection::vec(grant(), 1..4),
        narrowings in prop::collection::vec(narrowing(), 1..4),
    ) {
        let before = document(grants);
        let bytes = bytes::Bytes::from(before.encode_to_vec());
        let record = ConsentRecord {
            consent_id: ConsentId::parse(&before.consent_id).unwrap(),
            document: before.clone(),
            document_bytes: bytes,
            state: v1::ConsentState::Active,
            receipt: Receipt { record_number: 0, leaf_hash: [0; 32] },
            revoked_at_ms: None,
            restricted: false,
            review_by_ms: before.review_by_ms,
            review_missed: false,
        };
        if let Ok(after) = narrowed(&record, &narrowings, NOW) {
            prop_assert!(permitted(&after).is_subset(&permitted(&before)));
            prop_assert!(after.grants != before.grants);
        }
    }

    /// Two unrelated documents: what the check lets through really is narrower.
    #[test]
    fn what_is_checked_to_be_narrower_is_narrower(
        one in prop::collection::vec(grant(), 1..2),
        other in prop::collection::vec(grant(), 1..5),
        senders in 1..8_u8,
    ) {
        let wider = document(other);
        let mut narrower = document(one);
        // Often a part of the other, so that it passes.
        narrower.grants[0] = wider.grants[0].clone();
        narrower.grants[0].senders = some(&AGENCIES, senders);
        if check_narrower(&narrower, &wider).is_ok() {
            prop_assert!(permitted(&narrower).is_subset(&permitted(&wider)));
        } else {
            prop_assert!(wider.grants.iter().all(|grant| *grant != narrower.grants[0]));
        }
    }
}
