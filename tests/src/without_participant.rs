//! The decision table of purposes without participant, as a golden file: sender × recipient × purpose × categories ×
//! directory. A change of one line of it changes what may pass without a consent.
//!
//! To renew the file after an intended change: `UPDATE_GOLDEN=1 cargo test without_participant`.

use std::fmt::Write as _;

use bytes::Bytes;
use schleuse_broker::domain::command::Command;
use schleuse_broker::domain::consent::ReviewRules;
use schleuse_broker::domain::delivery::DeliveryRules;
use schleuse_broker::domain::event::{Actor, Signature};
use schleuse_broker::domain::ids::{Address, AgencyId};
use schleuse_broker::domain::planning::{PlanningRules, Renewal};
use schleuse_broker::domain::state::{Limits, Rules};
use schleuse_broker::domain::{Catalogue, DenyReason, State};
use schleuse_proto::identity::Role;

use crate::broker::repository;

const NOW: u64 = 1_790_000_000_000;
/// Agencies that are configured; `fremd` is not.
const AGENCIES: [&str; 3] = ["drv", "jobcenter", "kasse"];
const SENDERS: [&str; 3] = ["drv", "kasse", "fremd"];
const RECIPIENTS: [(&str, &str); 4] = [
    ("jobcenter", "zentrale"),
    ("jobcenter", "andere"),
    ("kasse", "zentrale"),
    ("fremd", "zentrale"),
];
const PURPOSES: [&str; 2] = ["strukturfragen", "fallkonferenz"];
const CATEGORIES: [&[&str]; 3] = [&[], &["termine"], &["gesundheit"]];
/// Who has published: nobody; all; all, and the Jobcenter again without its `zentrale`.
const DIRECTORIES: [&str; 3] = ["empty", "full", "changed"];

fn rules() -> Rules {
    let text = std::fs::read_to_string(repository().join("ops/reference/catalogue.toml"));
    Rules {
        catalogue: Catalogue::parse(&text.unwrap()).unwrap(),
        agencies: AGENCIES.iter().map(|agency| AgencyId::parse(agency).unwrap()).collect(),
        project_agency: AgencyId::parse("projekt").unwrap(),
        limits: Limits {
            queue_messages_max: 10,
            queue_bytes_max: 1000,
            idempotency_keys_max: 10,
            consents_per_participant_max: 10,
            parts_wait_ms: 24 * 3_600_000,
        },
        delivery: DeliveryRules::default(),
        planning: PlanningRules::default(),
        reviews: ReviewRules::default(),
        evaluation_persons_min: 5,
    }
}

fn publish(state: &mut State, rules: &Rules, agency: &str, revision: u32, functions: &[&str]) {
    let functions = functions.iter().map(|function| Address::parse(agency, function).unwrap());
    let command = Command::PublishDirectory {
        actor: Actor {
            agency: AgencyId::parse(agency).unwrap(),
            role: Role::System,
            person: None,
            serial: [1; 16].into(),
        },
        revision,
        functions: functions.collect(),
        renewal: Renewal::default(),
        document: Bytes::from(format!("{agency} {revision}")),
        signature: Signature::default(),
    };
    state.step(rules, NOW, command).unwrap();
}

fn directory(rules: &Rules, which: &str) -> State {
    let mut state = State::new();
    if which != "empty" {
        for agency in ["drv", "fremd"] {
            publish(&mut state, rules, agency, 1, &["zentrale"]);
        }
        publish(&mut state, rules, "jobcenter", 1, &["zentrale"]);
    }
    if which == "changed" {
        publish(&mut state, rules, "jobcenter", 2, &["andere"]);
        publish(&mut state, rules, "kasse", 1, &["zentrale"]);
    }
    state
}

#[test]
fn the_table_of_what_passes_without_participant_is_the_golden_one() {
    let rules = rules();
    let mut table =
        String::from("# directory | sender | recipient | purpose | categories | decision\n");
    let mut permits = 0;
    for which in DIRECTORIES {
        let state = directory(&rules, which);
        for sender in SENDERS {
            for (agency, function) in RECIPIENTS {
                for purpose in PURPOSES {
                    for categories in CATEGORIES {
                        let sets =
                            categories.iter().map(|code| rules.catalogue.category(code).unwrap());
                        let decided = state.decide_without_participant(
                            &rules,
                            &AgencyId::parse(sender).unwrap(),
                            &Address::parse(agency, function).unwrap(),
                            rules.catalogue.purpose(purpose).unwrap(),
                            sets.fold(Default::default(), |all, set| all.union(set)),
                        );
                        if purpose != "strukturfragen" || !categories.is_empty() {
                            assert_eq!(decided, Err(DenyReason::NoConsent));
                        }
                        permits += usize::from(decided.is_ok());
                        let word =
                            decided.map_or_else(|why| format!("{why:?}"), |_| "PERMIT".into());
                        let categories = categories.join("+");
                        writeln!(
                            table,
                            "{which} | {sender} | {agency}/{function} | {purpose} | {categories} | {word}"
                        )
                        .unwrap();
                    }
                }
            }
        }
    }
    assert_eq!(permits, 5, "drv to the Jobcenter twice, to the Kasse; the Kasse to both");
    let path = repository().join("tests/golden/without_participant_table.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(golden == table, "the table has changed; if that is meant, renew the golden file");
}
