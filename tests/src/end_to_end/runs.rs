//! Runs: nothing is erased on the word of one person, whatever program asks.

use std::sync::Arc;

use schleuse_broker::engine::{Clock as _, SystemClock};
use schleuse_proto::v1;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::delivery::sdk;
use super::site::{Site, text_of};
use super::{reason, words};
use crate::broker::{TestBroker, TestClock};
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, OFFICERS, RawClient, erase, officers};

const DAY_MS: u64 = 24 * 3_600_000;
const RETENTION: v1::RunKind = v1::RunKind::Retention;

/// What somebody who may not learn more is told: all of it.
fn told(status: &Status) -> (tonic::Code, String, Vec<u8>) {
    (status.code(), status.message().to_owned(), status.details().to_vec())
}

async fn reference(case: &Case) -> String {
    case.lotse.reference_for(&case.reference, "projekt").await
}

/// INVARIANT (second-person): whoever proposed a run does not approve it, with no certificate; nor does one that names no
/// person, nor the officer of another agency.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_needs_the_word_of_two_persons() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let about = reference(&case).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    let [first, second] = officers(broker.address()).await;
    let nameless = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let other = RawClient::connect(broker.address(), DRV, "dpo").await;

    let denied = nameless.propose_erasure(&about).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_PERSON_MISSING");
    let denied = other.propose_erasure(&about).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_PROJECT_DPO_ONLY");
    let run = first.propose_erasure(&about).await.unwrap();
    let counts = run.counts.unwrap();
    assert_eq!((run.run_number, counts.stopped_messages), (run.receipt.unwrap().record_number, 1));
    for again in [&first, &second] {
        let open = again.propose_erasure(&about).await.unwrap_err();
        assert_eq!(reason(&open), "ERROR_REASON_RUN_OPEN");
        let info = open.get_error_details();
        let known = &info.error_info().unwrap().metadata["run_number"];
        assert_eq!(*known, run.run_number.to_string());
    }

    for (officer, expected) in [
        (&first, "ERROR_REASON_SECOND_PERSON_NEEDED"),
        (&nameless, "ERROR_REASON_PERSON_MISSING"),
        (&other, "ERROR_REASON_PROJECT_DPO_ONLY"),
    ] {
        let denied = officer.approve(run.run_number).await.unwrap_err();
        assert_eq!(reason(&denied), expected);
    }
    let denied = other.withdraw(run.run_number).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_PROJECT_DPO_ONLY");
    let denied = other.rights().list_runs(v1::ListRunsRequest {}).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_PROJECT_DPO_ONLY");
    let [open] = second.open_runs().await.try_into().unwrap();
    assert_eq!((open.run_number, open.kind()), (run.run_number, v1::RunKind::Erasure));
    assert_eq!((open.participant_reference.as_str(), open.proposed_by.as_str()), (&*about, "d-01"));
    assert_eq!(open.until_ms - open.proposed_ms, 14 * DAY_MS as i64);
    assert_eq!(open.reason, "a reason of the officer");

    let erased = second.approve(run.run_number).await.unwrap();
    assert_eq!(erased.kind(), v1::RunKind::Erasure);
    assert_eq!(erased.counts.unwrap().stopped_messages, 1);
    assert!(second.open_runs().await.is_empty());
    let rows = first.whole_log().await;
    let left: Vec<v1::LogRow> = rows.iter().filter(|row| !row.erased).cloned().collect();
    assert!(words(&left).contains(&format!("run {} approved", run.run_number)));
    assert!(rows[run.run_number as usize].erased, "the proposal goes with whom it is about");
    let checked = sdk(&broker, "projekt", OFFICERS[0]).await;
    let bundle = checked.export(&schleuse_client::LogQuery::new("check of a test run")).await;
    let bundle = bundle.unwrap();
    let report = bundle.verify(checked.log_key());
    assert!(report.is_sound() && report.complete, "{report}");
    assert!(report.to_string().contains("1 runs approved by another person"), "{report}");
}

/// Another certificate of the same person is not another person.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_makes_nobody_a_second_person() {
    let pki = Pki::new();
    let broker = TestBroker::with(&pki, Arc::new(SystemClock), "").await;
    let first = RawClient::with(&pki, broker.address(), "projekt", OFFICERS[0]).await;
    let run = first.propose(RETENTION, "").await.unwrap().run_number;
    let now = SystemClock.now();
    schleuse_certs_dev::issue(pki.path(), "projekt", "dpo", Some("d-01"), now, 30).unwrap();
    let renewed = RawClient::with(&pki, broker.address(), "projekt", OFFICERS[0]).await;
    assert_ne!(first.certificate, renewed.certificate);
    let denied = renewed.approve(run).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_SECOND_PERSON_NEEDED");
    let second = RawClient::with(&pki, broker.address(), "projekt", OFFICERS[1]).await;
    assert_eq!(second.approve(run).await.unwrap().kind(), RETENTION);
}

/// What is wrong with a number is told to nobody: it never was, is no run, was approved, withdrawn, or has lapsed.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_open_is_as_unknown_as_one_that_never_was() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let [first, second] = officers(broker.address()).await;
    let approved = first.propose(RETENTION, "").await.unwrap().run_number;
    second.approve(approved).await.unwrap();
    let withdrawn = second.propose(RETENTION, "").await.unwrap().run_number;
    second.withdraw(withdrawn).await.unwrap();
    let by_another = first.propose(RETENTION, "").await.unwrap().run_number;
    second.withdraw(by_another).await.unwrap();
    let lapsed = first.propose(RETENTION, "").await.unwrap().run_number;
    clock.advance(14 * DAY_MS);
    assert!(first.open_runs().await.is_empty());
    let never = told(&second.approve(u64::MAX).await.unwrap_err());
    assert_eq!(never.0, tonic::Code::NotFound);
    for number in [0, approved, withdrawn, by_another, lapsed, 999_999] {
        assert_eq!(told(&second.approve(number).await.unwrap_err()), never, "{number}");
        assert_eq!(told(&first.approve(number).await.unwrap_err()), never, "{number}");
        assert_eq!(told(&first.withdraw(number).await.unwrap_err()), never, "{number}");
    }
    // What has lapsed is proposed anew, and can be approved until the last moment.
    let anew = first.propose(RETENTION, "").await.unwrap().run_number;
    clock.advance(14 * DAY_MS - 1000);
    second.approve(anew).await.unwrap();
}

/// Holds and restrictions that come after the proposal win; the proposal waits, also through a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_or_a_restriction_after_the_proposal_wins() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let about = reference(&case).await;
    let [first, second] = officers(broker.address()).await;
    let run = first.propose_erasure(&about).await.unwrap().run_number;
    let retention = first.propose(RETENTION, "").await.unwrap().run_number;
    let place = async |officer: &RawClient, reference: &str| {
        let request = v1::PlaceHoldRequest {
            reason: "incident under investigation".to_owned(),
            participant_reference: reference.to_owned(),
        };
        officer.rights().place_hold(request).await.unwrap().into_inner().hold_id
    };
    let release = async |officer: &RawClient, hold_id: bytes::Bytes| {
        officer.rights().release_hold(v1::ReleaseHoldRequest { hold_id }).await.unwrap();
    };
    let hold = place(&first, &about).await;
    let held = second.approve(run).await.unwrap_err();
    assert_eq!(reason(&held), "ERROR_REASON_ON_HOLD");
    release(&first, hold).await;
    let hold = place(&second, "").await;
    for number in [run, retention] {
        let held = second.approve(number).await.unwrap_err();
        assert_eq!(reason(&held), "ERROR_REASON_ON_HOLD");
    }
    release(&first, hold).await;
    let restrict = async |restricted| {
        let participant_reference = case.reference.clone();
        let request = v1::RestrictParticipantRequest { participant_reference, restricted };
        case.lotse.rights().restrict_participant(request).await.unwrap();
    };
    restrict(true).await;
    let held = second.approve(run).await.unwrap_err();
    assert_eq!(reason(&held), "ERROR_REASON_ON_HOLD");
    restrict(false).await;
    let before = second.open_runs().await;
    assert_eq!(before.iter().map(|it| it.run_number).collect::<Vec<_>>(), [run, retention]);

    let broker = broker.restart(Arc::new(SystemClock)).await;
    let [first, second] = officers(broker.address()).await;
    assert_eq!(second.open_runs().await, before);
    let denied = first.approve(run).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_SECOND_PERSON_NEEDED");
    second.approve(run).await.unwrap();
    second.approve(retention).await.unwrap();
    let broker = broker.restart(Arc::new(SystemClock)).await;
    let [first, _] = officers(broker.address()).await;
    assert!(first.open_runs().await.is_empty());
}

/// A request says what it is about, or is refused; a reason is needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_says_what_it_erases_and_why() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let about = reference(&case).await;
    let [first, _] = officers(broker.address()).await;
    let kinds = [v1::RunKind::Unspecified, v1::RunKind::Erasure, RETENTION];
    for (kind, reference) in [(kinds[0], ""), (kinds[1], ""), (kinds[1], "x"), (kinds[2], &about)] {
        let refused = first.propose(kind, reference).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD", "{kind:?} {reference}");
    }
    for why in ["", "too short", &"x".repeat(501)] {
        let request = v1::ProposeRunRequest {
            kind: RETENTION.into(),
            participant_reference: String::new(),
            reason: why.to_owned(),
        };
        let refused = first.rights().propose_run(request).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD", "{why}");
    }
    let nobody = first.propose_erasure(&"a".repeat(26)).await.unwrap_err();
    assert_eq!(reason(&nobody), "ERROR_REASON_NOT_FOUND");
    assert!(first.open_runs().await.is_empty());
    // Of a participant who is gone no proposal can be made.
    erase(broker.address(), &about).await;
    assert_eq!(told(&first.propose_erasure(&about).await.unwrap_err()), told(&nobody));
}

/// The commands of the program, with the question that is to be answered.
#[test]
fn two_officers_erase_with_the_program() {
    let site = Site::start();
    let own = site.register();
    let about = site.reference(&own, "projekt");
    let [first, second] = OFFICERS;
    let ask = |name: &str, arguments: &[&str]| site.ask("projekt", name, arguments);
    let erase = ["dpo", "erase", "--participant", &about];
    let plan = ask(first, &[&erase[..], &["--dry-run"]].concat());
    assert!(plan["records"].as_u64().unwrap() > 0 && plan["run"].is_null(), "{plan}");
    assert_eq!(ask(first, &["dpo", "runs"]), serde_json::json!([]));
    let run = ask(first, &[&erase[..], &["--reason", "request of the participant"]].concat());
    let number = run["run"].as_u64().unwrap().to_string();
    let listed = ask(second, &["dpo", "runs"]);
    assert_eq!(text_of(&listed[0], "participant"), about);
    assert_eq!(text_of(&listed[0], "reason"), "request of the participant");
    let (code, own) = site.run("projekt", first, &["dpo", "approve", &number, "--yes"]);
    assert_eq!((code, text_of(&own, "reason")), (1, "ERROR_REASON_SECOND_PERSON_NEEDED".into()));
    let (code, said) = site.typed("projekt", second, &["dpo", "approve", &number], "no");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("erasure proposed by d-01: request of the participant"), "{said}");
    assert_eq!(ask(second, &["dpo", "runs"]), listed, "nothing was changed");
    let (code, said) = site.typed("projekt", second, &["dpo", "approve", &number], "yes");
    assert_eq!(code, 0, "{said}");
    assert_eq!(ask(second, &["dpo", "runs"]), serde_json::json!([]));
    let (code, gone) = site.run("projekt", second, &["dpo", "approve", &number, "--yes"]);
    assert_eq!((code, text_of(&gone, "reason")), (1, "ERROR_REASON_NOT_FOUND".into()));

    let plan = ask(first, &["dpo", "retention", "--dry-run"]);
    assert_eq!((&plan["kind"], &plan["participants"]), (&"retention".into(), &0.into()));
    let run = ask(second, &["dpo", "retention", "--reason", "retention of the quarter"]);
    let number = run["run"].as_u64().unwrap().to_string();
    ask(first, &["dpo", "withdraw", &number]);
    let log = site.text("projekt", first, &["dpo", "log", "--reason", "who erased what"]);
    for said in ["approved, proposed by projekt/dpo/d-01", "retention proposed", "withdrawn"] {
        assert!(log.contains(said), "{said} not in {log}");
    }
}
