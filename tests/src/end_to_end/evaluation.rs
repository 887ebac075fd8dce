//! The evaluation over real TLS: released once, the same for ever, and nothing else for that role.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost::Message as _;
use schleuse_broker::domain::evaluation::Quarter;
use schleuse_broker::edge::table::is_permitted;
use schleuse_broker::engine::{Clock, SystemClock};
use schleuse_client::{Client, Expectations, LogQuery};
use schleuse_proto::identity::Role;
use schleuse_proto::rpc::Rpc;
use schleuse_proto::v1;

use super::reason;
use crate::broker::{TestBroker, TestClock, program};
use crate::pki::Pki;
use crate::raw::{
    BEZIRK, DRV, Draft, JOBCENTER, KRANKENKASSE, LOTSE_AGENCY, OFFICERS, RawClient, address,
    consent, grant, objection,
};

const DAY_MS: u64 = 24 * 3_600_000;
const EVALUATION: &str = "oth-regensburg";

/// All quarters, ascending.
fn quarters() -> impl Iterator<Item = Quarter> {
    let all = (2020..2900).flat_map(|year| (1..=4).map(move |number| format!("{year}-Q{number}")));
    all.map(|text| Quarter::parse(&text).unwrap())
}

/// The quarter that ends nearest to today, and the one before it. Certificates are good for 90 days at most, and
/// both today and the end of the quarter have to lie in them.
fn nearest(today: u64) -> (Quarter, Quarter) {
    let apart = |pair: &(Quarter, Quarter)| pair.1.end().abs_diff(today);
    let (before, nearest) = quarters().zip(quarters().skip(1)).min_by_key(apart).unwrap();
    (nearest, before)
}

/// A broker whose clock stands forty days before the end of a quarter.
struct Past {
    broker: TestBroker,
    clock: Arc<TestClock>,
    pki: &'static Pki,
    quarter: Quarter,
    before: Quarter,
}

impl Past {
    async fn begin() -> Self {
        let today = SystemClock.now();
        let (quarter, before) = nearest(today);
        let start = quarter.end() - 40 * DAY_MS;
        let pki: &'static Pki = Box::leak(Box::new(Pki::lasting(start.min(today) - DAY_MS, 90)));
        let clock = TestClock::at(start);
        let places = format!("[[places]]\njobcenter = \"{JOBCENTER}\"\ncount = 20\n");
        let broker = TestBroker::with(pki, clock.clone(), &places).await;
        Self { broker, clock, pki, quarter, before }
    }

    async fn raw(&self, agency: &str, name: &str) -> RawClient {
        RawClient::with(self.pki, self.broker.address(), agency, name).await
    }

    /// A grant of this time, both ways between two agencies.
    fn grants(&self, one: &str, other: &str) -> Vec<v1::Grant> {
        let now = i64::try_from(self.clock.now()).unwrap();
        let both = [grant(&[one], other), grant(&[other], one)];
        let dated = both.map(|grant| v1::Grant {
            not_before_ms: now,
            not_after_ms: now + 300 * i64::try_from(DAY_MS).unwrap(),
            ..grant
        });
        dated.into()
    }

    /// Participants about whom an agency asked another, which answered after so many days; their references at
    /// the Lotse's agency.
    async fn answered(&self, asking: &str, asked: &str, persons: usize, days: u64) -> Vec<String> {
        let lotse = self.raw(LOTSE_AGENCY, "lotse-l-01").await;
        let (from, to) = (self.raw(asking, "system").await, self.raw(asked, "system").await);
        let mut references = Vec::new();
        let mut answers = Vec::new();
        for _ in 0..persons {
            let reference = lotse.register().await;
            let document = v1::ConsentDocument {
                signed_at_ms: i64::try_from(self.clock.now()).unwrap(),
                review_by_ms: i64::try_from(self.clock.now() + 100 * DAY_MS).unwrap(),
                ..consent(&reference, self.grants(asking, asked))
            };
            lotse.record_consent(&document).await.unwrap();
            let of_asking = lotse.reference_for(&reference, asking).await;
            let of_asked = lotse.reference_for(&reference, asked).await;
            let request = Draft { created_at_ms: self.now(), ..Draft::new(&of_asking, asked) };
            let sent = from.send(&request).await.unwrap();
            assert_eq!(sent.result(), v1::SubmitResult::Accepted);
            answers.push(Draft {
                reference: of_asked,
                recipient: address(asking, "zentrale"),
                kind: "fallkonferenz.answer".to_owned(),
                ..request
            });
            references.push(reference);
        }
        self.clock.advance(days * DAY_MS);
        for answer in answers {
            let answer = Draft { created_at_ms: self.now(), ..answer };
            let sent = to.send(&answer).await.unwrap();
            assert_eq!(sent.result(), v1::SubmitResult::Accepted);
        }
        references
    }

    fn now(&self) -> i64 {
        i64::try_from(self.clock.now()).unwrap()
    }

    async fn client(&self, agency: &str, name: &str) -> Client {
        let leaf = self.pki.leaf(agency, name);
        Client::builder()
            .endpoint(format!("https://{}", self.broker.address()))
            .server_name("localhost")
            .trust_file(self.pki.path().join("trust.toml"))
            .certificate(leaf.with_extension("pem"))
            .key(leaf.with_extension("key"))
            .connect()
            .await
            .unwrap()
    }
}

async fn export(
    client: &RawClient,
    quarter: &str,
) -> Result<v1::ExportEvaluationResponse, tonic::Status> {
    let request = v1::ExportEvaluationRequest { quarter: quarter.to_owned() };
    client.evaluation().export_evaluation(request).await.map(tonic::Response::into_inner)
}

fn cell(tables: &v1::EvaluationTables, agency: &str, partner: &str) -> v1::PairCell {
    let answers = tables.pair_tables.last().unwrap();
    assert_eq!(answers.measure(), v1::EvaluationMeasure::Answers);
    let mut cells = answers.cells.iter();
    cells.find(|cell| cell.agency == agency && cell.partner == partner).unwrap().clone()
}

fn figure(tables: &v1::EvaluationTables, kind: v1::EvaluationFigureKind) -> (bool, u64, u64) {
    let figure = tables.figures.iter().find(|figure| figure.kind() == kind).unwrap();
    (figure.suppressed, figure.number, figure.of_participants)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarter_is_released_once_and_never_changes() {
    let past = Past::begin().await;
    let quarter = past.quarter.to_string();
    let mut persons = past.answered(JOBCENTER, DRV, 7, 9).await;
    persons.extend(past.answered(JOBCENTER, KRANKENKASSE, 6, 3).await);
    persons.extend(past.answered(JOBCENTER, BEZIRK, 6, 16).await);
    persons.extend(past.answered(KRANKENKASSE, BEZIRK, 2, 1).await);
    let evaluation = past.raw(EVALUATION, "evaluation").await;
    let early = export(&evaluation, &quarter).await.unwrap_err();
    assert_eq!(reason(&early), "ERROR_REASON_QUARTER_NOT_OVER");
    for wrong in ["", "2026", "2026-11", "2026-Q5", "2026-Q4 "] {
        let refused = export(&evaluation, wrong).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD", "{wrong}");
    }
    past.clock.advance(past.quarter.end() - past.clock.now());
    // Two ask for the first time at the same time: one release, and both get it.
    let other = past.raw(EVALUATION, "evaluation").await;
    let both = tokio::join!(export(&evaluation, &quarter), export(&other, &quarter));
    let (first, second) = (both.0.unwrap(), both.1.unwrap());
    assert_eq!((&first.tables, &first.release), (&second.tables, &second.release));
    let tables = v1::EvaluationTables::decode(first.tables.clone()).unwrap();
    assert_eq!((tables.quarter.as_str(), tables.persons_min), (quarter.as_str(), 5));
    let all = cell(&tables, "", "");
    assert_eq!((all.persons, all.median_days()), (21, v1::DaysClass::UpTo14));
    // Two persons asked the Bezirk: nobody learns it, though the Bezirk's total may be shown.
    assert!(cell(&tables, BEZIRK, KRANKENKASSE).suppressed);
    assert!(cell(&tables, BEZIRK, JOBCENTER).suppressed);
    let totals = [DRV, KRANKENKASSE, BEZIRK].map(|agency| cell(&tables, agency, ""));
    let shown = totals.iter().filter(|total| !total.suppressed);
    let shown: BTreeSet<u64> = shown.map(|total| total.persons).collect();
    assert_eq!(shown.len(), 2, "one goes with the agencies that answered nobody: {totals:?}");
    assert!(shown.is_subset(&BTreeSet::from([7, 6, 8])));
    assert_eq!(figure(&tables, v1::EvaluationFigureKind::Participants), (false, 21, 0));
    // Everybody gave a consent, so that nothing is said about it.
    assert_eq!(figure(&tables, v1::EvaluationFigureKind::ConsentsGiven), (true, 0, 0));
    // A person is erased and would be missing in a new count; there is none, not even after a restart.
    let dpo = past.raw("projekt", "dpo").await;
    let log = dpo.whole_log().await;
    let registration = log.iter().find(|row| !row.participant_reference.is_empty()).unwrap();
    let [first_officer, second_officer] = OFFICERS;
    let first_officer = past.raw("projekt", first_officer).await;
    let second_officer = past.raw("projekt", second_officer).await;
    let reference = &registration.participant_reference;
    first_officer.erase_with(&second_officer, reference).await.unwrap();
    let later = export(&evaluation, &quarter).await.unwrap();
    assert_eq!((&later.tables, &later.release), (&first.tables, &first.release));
    assert_ne!(later.receipt, first.receipt);
    let Past { broker, clock, pki, quarter: counted, before } = past;
    let broker = broker.restart(clock.clone()).await;
    let past = Past { broker, clock, pki, quarter: counted, before };
    let evaluation = past.raw(EVALUATION, "evaluation").await;
    assert_eq!(export(&evaluation, &quarter).await.unwrap().tables, first.tables);
    // The quarter before, in which nothing happened, has the same tables with nothing in them.
    let empty = export(&evaluation, &past.before.to_string()).await.unwrap();
    let none = v1::EvaluationTables::decode(empty.tables).unwrap();
    let mut cells = none.pair_tables.iter().flat_map(|table| &table.cells);
    assert!(cells.all(|cell| cell.suppressed) && none.figures.iter().all(|f| f.suppressed));
    assert_eq!(none.pair_tables[3].cells.len(), tables.pair_tables[3].cells.len());
    checked_log(&past, &quarter).await;
}

/// Whose objection holds is in no number; whose participation ended stays in those of what happened before.
#[tokio::test(flavor = "multi_thread")]
async fn employability_counts_and_whoever_objects_does_not() {
    use v1::EvaluationFigureKind::{EmployabilityRose, Participants};
    let past = Past::begin().await;
    let persons = past.answered(JOBCENTER, DRV, 16, 9).await;
    let lotse = past.raw(LOTSE_AGENCY, "lotse-l-01").await;
    let evaluating = || vec!["evaluation".to_owned()];
    let of_other_purpose = vec!["unterlagen".to_owned()];
    let purposes = [vec![], evaluating(), of_other_purpose, evaluating()];
    for (index, purposes) in purposes.into_iter().enumerate() {
        // The last ends by itself before the quarter is over.
        let until_ms = if index == 3 { past.now() + 24 * 3_600_000 } else { 0 };
        let signed_at_ms = past.now();
        let document = objection(&persons[index]);
        let document = v1::ObjectionDocument { purposes, until_ms, signed_at_ms, ..document };
        lotse.object(&document).await.unwrap();
    }
    // One who objected, and eight who did not, better themselves.
    for person in std::iter::once(&persons[0]).chain(&persons[8..]) {
        let request = v1::SetParticipationRequest {
            participant_reference: person.clone(),
            phase: v1::ParticipationPhase::Contact.into(),
            jobcenter: JOBCENTER.to_owned(),
            employability_at_start: 1,
            employability_at_end: 3,
        };
        lotse.planning().set_participation(request).await.unwrap();
    }
    lotse.end_participation_at(&persons[9], past.now()).await.unwrap();
    past.clock.advance(past.quarter.end() - past.clock.now());
    let evaluation = past.raw(EVALUATION, "evaluation").await;
    let exported = export(&evaluation, &past.quarter.to_string()).await.unwrap();
    let tables = v1::EvaluationTables::decode(exported.tables).unwrap();
    assert_eq!(figure(&tables, Participants), (false, 14, 0));
    assert_eq!(figure(&tables, EmployabilityRose), (false, 8, 14));
    assert_eq!(cell(&tables, "", "").persons, 14);
}

/// The whole log verifies, says what was exported, and the program shows the tables.
async fn checked_log(past: &Past, quarter: &str) {
    let dpo = past.client("projekt", "dpo").await;
    let bundle =
        dpo.export(&LogQuery::new("exports to the evaluation").max_rows(10_000)).await.unwrap();
    let report = bundle.check(&Expectations::new(dpo.log_key()).trust(dpo.trust()).complete());
    assert!(report.is_sound(), "{report}");
    let check = report.checks.iter().find(|check| check.name == "evaluation").unwrap();
    assert_eq!(check.detail, "2 quarters released to the evaluation, 3 times exported again");
    let (folder, leaf) = (tempfile::tempdir().unwrap(), past.pki.leaf(EVALUATION, "evaluation"));
    let (address, csv) = (past.broker.address(), folder.path().join("tables.csv"));
    let (pki, csv_text, quarter) = (past.pki, csv.display().to_string(), quarter.to_owned());
    let run = tokio::task::spawn_blocking(move || {
        std::process::Command::new(program("schleuse"))
            .args(["evaluation", "export", "--quarter", &quarter, "--csv", &csv_text, "--json"])
            .args(["--server-name", "localhost", "--endpoint", &format!("https://{address}")])
            .arg("--trust")
            .arg(pki.path().join("trust.toml"))
            .arg("--certificate")
            .arg(leaf.with_extension("pem"))
            .output()
            .unwrap()
    });
    let output = run.await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["tables"]["tables"][3]["measure"], "answers");
    let csv = std::fs::read_to_string(csv).unwrap();
    assert!(csv.contains("\r\nanswers,(all),(all),21,,,8 to 14\r\n"), "{csv}");
    assert!(csv.contains("\r\nconsents-given,(all),(all),suppressed,,,\r\n"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_the_evaluation_learns_of_nobody_otherwise() {
    use Rpc::{
        ExportEvaluation, HealthV1HealthCheck, HealthV1HealthList, HealthV1HealthWatch,
        LatestCheckpoint, ListAgencies, LookUpAgency, ProveConsistency, ProveInclusion,
        ReadReconciliations, ReflectionV1ServerReflectionServerReflectionInfo,
        ReflectionV1alphaServerReflectionServerReflectionInfo, SearchDirectory,
    };
    // Agencies, health, and proofs over hashes: nothing with a participant in it.
    let expected = BTreeSet::from([
        ExportEvaluation,
        LookUpAgency,
        ListAgencies,
        SearchDirectory,
        LatestCheckpoint,
        Rpc::SearchDirectory,
        ReadReconciliations,
        ProveConsistency,
        ProveInclusion,
        HealthV1HealthCheck,
        HealthV1HealthList,
        HealthV1HealthWatch,
        ReflectionV1ServerReflectionServerReflectionInfo,
        ReflectionV1alphaServerReflectionServerReflectionInfo,
    ]);
    let permitted = Rpc::ALL.iter().copied().filter(|rpc| is_permitted(Role::Evaluation, *rpc));
    assert_eq!(permitted.collect::<BTreeSet<_>>(), expected);
    for role in [Role::System, Role::Lotse, Role::Dpo, Role::Operator] {
        assert!(!is_permitted(role, ExportEvaluation), "{role:?}");
    }
    // And over the wire: a refusal that is logged.
    let broker = TestBroker::start().await;
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let refused = export(&dpo, "2026-Q1").await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_ROLE_NOT_PERMITTED");
    let log = super::words(&dpo.whole_log().await);
    assert!(log.iter().any(|word| word.contains("ExportEvaluation")), "{log:?}");
}
