//! The whole decision table as a golden file: sender × recipient × purpose × categories × state of the
//! consent. A change of one line of it changes who may receive what.
//!
//! To renew the file after an intended change: `UPDATE_GOLDEN=1 cargo test decision_table`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytes::Bytes;
use schleuse_broker::domain::command::{Command, Outcome, SafeguardCommand};
use schleuse_broker::domain::consent::{ConsentDocument, GrantTerms, ReviewRules};
use schleuse_broker::domain::decide::Question;
use schleuse_broker::domain::event::{Actor, Signature};
use schleuse_broker::domain::ids::{
    Address, AgencyId, ConsentId, ObjectionId, Reference, RegistrationKey, ReleaseId,
};
use schleuse_broker::domain::planning::PlanningRules;
use schleuse_broker::domain::safeguards::{ObjectionDocument, ReleaseDocument, SafeguardAct};
use schleuse_broker::domain::state::{Limits, Rules};
use schleuse_broker::domain::{Catalogue, State};
use schleuse_proto::identity::Role;

use crate::broker::repository;

const HOUR: u64 = 3_600_000;
const NOW: u64 = 1_790_000_000_000;

/// States of the one consent in question.
const STATES: [&str; 16] = [
    "none",
    "of-another-person",
    "active",
    "not-yet",
    "over",
    "revoked",
    "superseded",
    "active-beside-revoked",
    "review-missed",
    "restricted",
    "ended",
    "objection",
    "objection-to-category",
    "objection-over",
    "secret-released",
    "secret-not-released",
];
const SENDERS: [&str; 2] = ["drv", "bezirk"];
const RECIPIENTS: [(&str, &str); 3] =
    [("jobcenter", "zentrale"), ("jobcenter", "andere"), ("kasse", "zentrale")];
const PURPOSES: [&str; 2] = ["fallkonferenz", "hilfeplanung"];
const CATEGORIES: [&[&str]; 4] =
    [&["termine"], &["termine", "wohnen"], &["termine", "gesundheit"], &["gesundheit"]];

struct World {
    rules: Rules,
    state: State,
    lotse: Actor,
    next: u8,
    now: u64,
    secret: bool,
}

impl World {
    fn new() -> Self {
        let text = std::fs::read_to_string(repository().join("ops/reference/catalogue.toml"));
        let agencies = ["drv", "bezirk", "jobcenter", "kasse"];
        let rules = Rules {
            catalogue: Catalogue::parse(&text.unwrap()).unwrap(),
            agencies: agencies.iter().map(|a| AgencyId::parse(a).unwrap()).collect::<BTreeSet<_>>(),
            project_agency: AgencyId::parse("projekt").unwrap(),
            evaluation_persons_min: 5,
            limits: Limits {
                queue_messages_max: 10,
                queue_bytes_max: 1000,
                idempotency_keys_max: 10,
                consents_per_participant_max: 10,
                parts_wait_ms: 24 * 3_600_000,
            },
            reviews: ReviewRules::default(),
            delivery: schleuse_broker::domain::delivery::DeliveryRules::default(),
            planning: PlanningRules::default(),
        };
        let lotse = Actor {
            agency: AgencyId::parse("lotsenstelle").unwrap(),
            role: Role::Lotse,
            person: Some("l-01".into()),
            serial: [1; 16].into(),
        };
        Self { rules, state: State::new(), lotse, next: 0, now: NOW, secret: false }
    }

    fn fresh(&mut self) -> [u8; 16] {
        self.next += 1;
        [self.next; 16]
    }

    fn person(&mut self) -> Reference {
        let command = Command::RegisterParticipant {
            actor: self.lotse.clone(),
            key: RegistrationKey::from_bytes(self.fresh()),
            entropy: [self.fresh(), self.fresh(), self.fresh()],
        };
        let Ok(Outcome::Registered { reference, .. }) = self.state.step(&self.rules, NOW, command)
        else {
            panic!("not registered");
        };
        reference
    }

    /// Records a consent for drv → jobcenter/zentrale, Fallkonferenz, termine and wohnen.
    fn consent(&mut self, participant: Reference, id: [u8; 16], change: &str) {
        let catalogue = &self.rules.catalogue;
        let (begin, end) = match change {
            "not-yet" => (NOW + HOUR, NOW + 2 * HOUR),
            "over" => (NOW - 2 * HOUR, NOW),
            "short-review" => (NOW, NOW + 40 * 24 * HOUR),
            _ => (NOW, NOW + HOUR),
        };
        let purpose = if change == "next" { "hilfeplanung" } else { "fallkonferenz" };
        let function = if change == "next" { "dritte" } else { "zentrale" };
        let categories = ["termine", "wohnen"].map(|code| catalogue.category(code).unwrap());
        let grant = GrantTerms {
            senders: vec![AgencyId::parse("drv").unwrap()],
            recipient: Address::parse("jobcenter", function).unwrap(),
            purpose: catalogue.purpose(purpose).unwrap(),
            categories: categories[0].union(categories[1]),
            not_before: begin,
            not_after: end,
        };
        let revise = change == "next";
        let document = ConsentDocument {
            consent_id: ConsentId::from_bytes(id),
            participant,
            revision: if revise { 2 } else { 1 },
            previous_hash: revise.then_some([1; 32]),
            grants: vec![grant],
            evidence_count: 0,
            representation: None,
            review_by: match change {
                "short-review" => NOW + HOUR,
                _ => NOW + 180 * 24 * HOUR,
            },
            signed_at: NOW,
            hash: if revise { [2; 32] } else { [1; 32] },
        };
        let command = Command::RecordConsent {
            actor: self.lotse.clone(),
            revise,
            document: Box::new(document),
            bytes: Bytes::new(),
            signature: Signature::default(),
        };
        self.state.step(&self.rules, NOW, command).unwrap();
    }

    fn act(&mut self, act: SafeguardAct) {
        let actor = self.lotse.clone();
        let signature = Signature::default();
        let act = SafeguardCommand::Act { actor, act, bytes: Bytes::new(), signature };
        self.state.step(&self.rules, NOW, Command::Safeguard(Box::new(act))).unwrap();
    }

    fn object(&mut self, participant: Reference, category: Option<&str>, until: Option<u64>) {
        let category = category.map(|code| self.rules.catalogue.category(code).unwrap());
        let document = ObjectionDocument {
            objection_id: ObjectionId::from_bytes(self.fresh()),
            participant,
            recipients: Vec::new(),
            agencies: Vec::new(),
            purposes: Vec::new(),
            categories: category.unwrap_or_default(),
            until,
            signed_at: NOW,
            hash: [3; 32],
        };
        self.act(SafeguardAct::Objection(Box::new(document)));
    }

    /// Releases drv/arzt towards jobcenter/zentrale for appointments.
    fn release(&mut self, participant: Reference) {
        let document = ReleaseDocument {
            release_id: ReleaseId::from_bytes(self.fresh()),
            participant,
            holder: Address::parse("drv", "arzt").unwrap(),
            addressee: Address::parse("jobcenter", "zentrale").unwrap(),
            categories: self.rules.catalogue.category("termine").unwrap(),
            purposes: vec![self.rules.catalogue.purpose("fallkonferenz").unwrap()],
            not_before: NOW,
            not_after: NOW + HOUR,
            signed_at: NOW,
            hash: [4; 32],
        };
        self.act(SafeguardAct::Release(Box::new(document)));
    }

    fn revoke(&mut self, id: [u8; 16]) {
        let command = Command::RevokeConsent {
            actor: self.lotse.clone(),
            consent: ConsentId::from_bytes(id),
            revision_hash: [1; 32],
            document: Bytes::new(),
            signature: Signature::default(),
        };
        self.state.step(&self.rules, NOW, command).unwrap();
    }

    fn in_state(state: &str) -> (Self, Reference) {
        let mut world = Self::new();
        let person = world.person();
        let id = world.fresh();
        match state {
            "none" => {}
            "of-another-person" => {
                let other = world.person();
                world.consent(other, id, "active");
            }
            "superseded" => {
                world.consent(person, id, "active");
                world.consent(person, id, "next");
            }
            "revoked" => {
                world.consent(person, id, "active");
                world.revoke(id);
            }
            "review-missed" => {
                world.consent(person, id, "short-review");
                world.now = NOW + 20 * 24 * HOUR;
                world.state.step(&world.rules, world.now, Command::Tick).unwrap();
            }
            "restricted" => {
                world.consent(person, id, "active");
                let actor = world.lotse.clone();
                let command = Command::Restrict { actor, reference: person, restricted: true };
                world.state.step(&world.rules, NOW, command).unwrap();
            }
            "ended" => {
                world.consent(person, id, "active");
                world.act(SafeguardAct::ParticipationEnd { participant: person });
            }
            "objection" => {
                world.consent(person, id, "active");
                world.object(person, None, None);
            }
            "objection-to-category" => {
                world.consent(person, id, "active");
                world.object(person, Some("wohnen"), None);
            }
            "objection-over" => {
                world.consent(person, id, "active");
                world.object(person, None, Some(NOW + HOUR / 2));
                world.now = NOW + HOUR / 2;
            }
            "secret-released" => {
                world.consent(person, id, "active");
                world.release(person);
                world.secret = true;
            }
            "secret-not-released" => {
                world.consent(person, id, "active");
                world.secret = true;
            }
            "active-beside-revoked" => {
                world.consent(person, id, "active");
                world.revoke(id);
                let second = world.fresh();
                world.consent(person, second, "active");
            }
            other => world.consent(person, id, other),
        }
        (world, person)
    }
}

#[test]
fn the_decision_table_is_the_golden_one() {
    let mut table =
        String::from("# state | sender | recipient | purpose | categories | decision\n");
    let (mut permits, mut reasons) = (0, BTreeSet::new());
    for state in STATES {
        let (world, person) = World::in_state(state);
        let names = world.state.names();
        for sender in SENDERS {
            for (agency, function) in RECIPIENTS {
                for purpose in PURPOSES {
                    for categories in CATEGORIES {
                        let catalogue = &world.rules.catalogue;
                        let sets = categories.iter().map(|c| catalogue.category(c).unwrap());
                        let question = Question {
                            sender: names.known_agency(&AgencyId::parse(sender).unwrap()),
                            sender_address: names
                                .known_address(&Address::parse(sender, "arzt").unwrap()),
                            recipient: names
                                .known_address(&Address::parse(agency, function).unwrap()),
                            recipient_agency: names.known_agency(&AgencyId::parse(agency).unwrap()),
                            professional_secret: world.secret,
                            purpose: catalogue.purpose(purpose).unwrap(),
                            categories: sets.fold(Default::default(), |all, set| all.union(set)),
                        };
                        let own = AgencyId::parse("lotsenstelle").unwrap();
                        let decided = world.state.decide_for(&own, &person, &question, world.now);
                        let word = match decided {
                            Ok(_) => {
                                permits += 1;
                                "PERMIT".to_owned()
                            }
                            Err(reason) => {
                                reasons.insert(reason);
                                format!("{reason:?}")
                            }
                        };
                        let categories = categories.join("+");
                        writeln!(
                            table,
                            "{state} | {sender} | {agency}/{function} | {purpose} | {categories} | {word}"
                        )
                        .unwrap();
                    }
                }
            }
        }
    }
    assert_eq!(
        permits,
        4 + 1 + 2 + 1,
        "active: two sets; objected to one; objection over; released: one"
    );
    assert_eq!(
        reasons.len(),
        10,
        "every reason that a known participant can have occurs: {reasons:?}"
    );
    let path = repository().join("tests/golden/decision_table.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(
        golden == table,
        "the decision table has changed; if that is meant, renew the golden file"
    );
}
