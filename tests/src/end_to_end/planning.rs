//! Questions before sending, consent requests as tasks, participations and places, over real TLS.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use schleuse_broker::engine::SystemClock;
use schleuse_proto::v1;

use super::{reason, words};
use crate::broker::TestBroker;
use crate::pki::Pki;
use crate::raw::{
    BEZIRK, Case, DRV, Draft, JOBCENTER, LOTSE_AGENCY, RawClient, consent, erase, grant, now_ms,
};

const HOUR_MS: i64 = 3_600_000;
const UNKNOWN: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

async fn tasks(client: &RawClient) -> Vec<v1::Task> {
    client.planning().list_tasks(v1::ListTasksRequest {}).await.unwrap().into_inner().tasks
}

async fn close(client: &RawClient, task_number: u64) -> Result<v1::Receipt, tonic::Status> {
    let request = v1::CloseTaskRequest { task_number, result: v1::TaskResult::Declined.into() };
    let answer = client.planning().close_task(request).await?;
    Ok(answer.into_inner().receipt.unwrap())
}

async fn set(
    client: &RawClient,
    reference: &str,
    phase: v1::ParticipationPhase,
) -> Result<v1::SetParticipationResponse, tonic::Status> {
    let request = v1::SetParticipationRequest {
        participant_reference: reference.to_owned(),
        phase: phase.into(),
        jobcenter: JOBCENTER.to_owned(),
        employability_at_start: 1,
        employability_at_end: 0,
    };
    client.planning().set_participation(request).await.map(tonic::Response::into_inner)
}

async fn officer(broker: &TestBroker, agency: &str) -> Vec<v1::LogRow> {
    RawClient::connect(broker.address(), agency, "dpo").await.whole_log().await
}

/// Every way in which a message is not covered, of participants of the case's Lotse.
async fn uncovered(case: &Case) -> Vec<(&'static str, Draft)> {
    let lotse = &case.lotse;
    let revoked = Case::with(lotse.clone(), &[JOBCENTER], DRV).await;
    lotse.revoke(&revoked.consent).await.unwrap();
    let nothing = lotse.register().await;
    let nothing_reference = lotse.reference_for(&nothing, JOBCENTER).await;
    let mut found = vec![
        ("UNKNOWN_PARTICIPANT", Draft::new(UNKNOWN, DRV)),
        ("REVOKED", Draft::new(&revoked.jobcenter_reference, DRV)),
        ("NO_CONSENT", Draft::new(&nothing_reference, DRV)),
    ];
    for (why, begins, ends) in [("NOT_YET", 3, 5), ("EXPIRED", -3, -2)] {
        let participant = lotse.register().await;
        let reference = lotse.reference_for(&participant, JOBCENTER).await;
        let mut other = grant(&[JOBCENTER], DRV);
        other.not_before_ms = now_ms() + begins * HOUR_MS;
        other.not_after_ms = now_ms() + ends * HOUR_MS;
        lotse.record_consent(&consent(&participant, vec![other])).await.unwrap();
        found.push((why, Draft::new(&reference, DRV)));
    }
    let restricted = Case::with(lotse.clone(), &[JOBCENTER], DRV).await;
    let request = v1::RestrictParticipantRequest {
        participant_reference: restricted.reference.clone(),
        restricted: true,
    };
    lotse.rights().restrict_participant(request).await.unwrap();
    found.push(("RESTRICTED", Draft::new(&restricted.jobcenter_reference, DRV)));
    let mut category = Draft::new(&case.jobcenter_reference, DRV);
    category.categories = vec!["gesundheit".into()];
    found.push(("NO_CONSENT", category));
    found.push(("NO_CONSENT", Draft::new(&case.jobcenter_reference, "niemand")));
    // The reference of another agency means nobody here.
    let of_drv = lotse.reference_for(&case.reference, DRV).await;
    found.push(("UNKNOWN_PARTICIPANT", Draft::new(&of_drv, DRV)));
    found
}

/// An answer without what must differ: number and hash of the record, and the checkpoint.
fn stripped(mut answer: v1::AskCoverageResponse) -> Bytes {
    assert_eq!(answer.receipt.take().unwrap().leaf_hash.len(), 32);
    answer.checkpoint = Bytes::new();
    answer.encode_to_vec().into()
}

/// INVARIANT (uniform-refusal): a question gets the answer of a submission of the same instant, and the same
/// bytes whatever the cause; also after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_like_a_submission_and_the_same_for_every_cause() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let causes = uncovered(&case).await;
    let covered = Draft::new(&case.jobcenter_reference, DRV);
    let mut answers = Vec::new();
    let mut broker = broker;
    for round in 0..2 {
        let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
        for (why, draft) in &causes {
            let answer = jobcenter.ask(draft).await.unwrap();
            assert!(!answer.covered, "{why}");
            let sent = jobcenter.send(draft).await.unwrap();
            assert_eq!(sent.result(), v1::SubmitResult::NotCovered, "{why}");
            answers.push(stripped(answer));
        }
        let sent = jobcenter.send(&covered).await.unwrap();
        assert_eq!(sent.result(), v1::SubmitResult::Accepted);
        assert!(jobcenter.ask(&covered).await.unwrap().covered);
        if round == 0 {
            broker = broker.restart(Arc::new(SystemClock)).await;
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let project = officer(&broker, "projekt").await;
    let log = words(&project);
    for (why, _) in &causes {
        let asked = format!("asked, not covered DENY_REASON_{why}");
        assert!(log.contains(&asked), "{asked} not in {log:?}");
    }
    // The asking agency's officer sees who asked what, not why, nor whether somebody was meant.
    let own = officer(&broker, JOBCENTER).await;
    let asked = |row: &&v1::LogRow| words(std::slice::from_ref(*row))[0].starts_with("asked, not");
    let asked: Vec<&v1::LogRow> = own.iter().filter(asked).collect();
    assert_eq!(asked.len(), 2 * causes.len());
    assert!(
        asked.iter().all(|row| row.findings.is_empty() && row.participant_reference.is_empty())
    );
    // Who would have received took no part.
    let drv = words(&officer(&broker, DRV).await);
    assert!(!drv.iter().any(|word| word.starts_with("asked")), "{drv:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_few_and_their_form_is_checked() {
    let limit = "coverage_questions_per_minute = 4\n";
    let broker = TestBroker::with(Pki::shared(), Arc::new(SystemClock), limit).await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let mut wrong = draft.clone();
    wrong.kind = "hilfeplan.note".into();
    assert_eq!(reason(&jobcenter.ask(&wrong).await.unwrap_err()), "ERROR_REASON_INVALID_FIELD");
    wrong.purpose = "anderes".into();
    assert_eq!(reason(&jobcenter.ask(&wrong).await.unwrap_err()), "ERROR_REASON_UNKNOWN_CODE");
    assert!(jobcenter.ask(&draft).await.is_ok());
    assert!(jobcenter.request_consent(&draft).await.is_ok());
    let refused =
        [jobcenter.ask(&draft).await.err(), jobcenter.request_consent(&draft).await.err()];
    for refused in refused {
        assert_eq!(reason(&refused.unwrap()), "ERROR_REASON_RATE_LIMITED");
    }
    // Sending goes on, and so do the others. Nobody asks in another agency's name.
    assert!(jobcenter.send(&draft).await.is_ok());
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let forged = v1::AskCoverageRequest {
        participant_reference: draft.reference.clone(),
        planned: Some(draft.planned(JOBCENTER)),
    };
    let foreign = drv.planning().ask_coverage(forged).await.unwrap_err();
    assert_eq!(reason(&foreign), "ERROR_REASON_INVALID_FIELD");
}

/// INVARIANT (uniform-refusal): a Lotse asks as its own agency, and like an agency: what it may send, it may ask.
#[tokio::test(flavor = "multi_thread")]
async fn a_lotse_asks_for_its_own_function_like_an_agency() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let (lotse, own) = (&case.lotse, Draft::new(&case.reference, DRV));
    assert!(lotse.ask(&own).await.unwrap().covered);
    let forged = v1::AskCoverageRequest {
        participant_reference: case.jobcenter_reference.clone(),
        planned: Some(Draft::new(&case.jobcenter_reference, DRV).planned(JOBCENTER)),
    };
    let foreign = lotse.planning().ask_coverage(forged).await.unwrap_err();
    assert_eq!(reason(&foreign), "ERROR_REASON_INVALID_FIELD", "in another agency's name");
    // Another Lotse, of whose participants none has a consent, and references of others: one answer.
    let other = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-02").await;
    let theirs = other.register().await;
    let mut answers = Vec::new();
    for (who, reference) in [
        (&other, UNKNOWN),
        (&other, &theirs),
        (&other, &case.jobcenter_reference),
        (lotse, UNKNOWN),
    ] {
        let draft = Draft::new(reference, DRV);
        let answer = who.ask(&draft).await.unwrap();
        assert!(!answer.covered);
        let sent = who.send(&draft).await.unwrap();
        assert_eq!(sent.result(), v1::SubmitResult::NotCovered);
        answers.push(stripped(answer));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

/// A request is a task for the Lotse, whoever asks learns nothing of it, and a repeated one is the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_request_becomes_a_task_and_tells_nothing_back() {
    let mut broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let mut receipts = Vec::new();
    for round in 0..2 {
        let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
        for reference in [&case.jobcenter_reference, UNKNOWN] {
            receipts.push(jobcenter.request_consent(&Draft::new(reference, BEZIRK)).await.unwrap());
        }
        let lotse = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-01").await;
        let other = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-02").await;
        assert_eq!(tasks(&other).await, []);
        let number = receipts[0].record_number;
        let open = tasks(&lotse).await;
        if round == 1 {
            assert_eq!(open, [], "closed");
            continue;
        }
        let [task] = open.as_slice() else { panic!("{open:?}") };
        assert_eq!(task.participant_reference, case.reference);
        let Some(v1::task::What::ConsentRequest(wanted)) = &task.what else { panic!("{task:?}") };
        assert_eq!((wanted.task_number, wanted.reason()), (number, v1::RequestReason::PeriodRuns));
        assert_eq!(wanted.planned, Some(Draft::new("", BEZIRK).planned(JOBCENTER)));
        assert_eq!(reason(&close(&other, number).await.unwrap_err()), "ERROR_REASON_NOT_FOUND");
        let unknown = receipts[1].record_number;
        assert_eq!(reason(&close(&lotse, unknown).await.unwrap_err()), "ERROR_REASON_NOT_FOUND");
        let closed = close(&lotse, number).await.unwrap();
        assert_eq!(close(&lotse, number).await.unwrap(), closed, "idempotent");
        broker = broker.restart(Arc::new(SystemClock)).await;
    }
    assert_eq!(receipts[..2], receipts[2..], "repeated, also after a restart");
    for agency in [JOBCENTER, BEZIRK, LOTSE_AGENCY] {
        let seen = words(&officer(&broker, agency).await);
        assert!(!seen.iter().any(|word| word.starts_with("task")), "{agency}: {seen:?}");
    }
    let log = words(&officer(&broker, "projekt").await);
    assert_eq!(log.iter().filter(|word| *word == "consent requested").count(), 2);
    assert_eq!(log.iter().filter(|word| word.starts_with("task")).count(), 1);
}

/// First come, first served; no agency reads of it; the end of a participation, and an erasure, free the place.
#[tokio::test(flavor = "multi_thread")]
async fn places_are_taken_in_order_and_only_lotsen_know() {
    use v1::ParticipationPhase as Phase;
    let places = format!("[[places]]\njobcenter = \"{JOBCENTER}\"\ncount = 1\n");
    let mut broker = TestBroker::with(Pki::shared(), Arc::new(SystemClock), &places).await;
    let lotse = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-01").await;
    let mut people = Vec::new();
    for _ in 0..4 {
        people.push(lotse.register().await);
    }
    let mut recorded = Vec::new();
    for person in &people {
        let now = set(&lotse, person, Phase::Contact).await.unwrap();
        recorded.push((now.phase(), now.waiting_position));
    }
    let waits = |position| (Phase::Waiting, position);
    assert_eq!(recorded, [(Phase::Contact, 0), waits(1), waits(2), waits(3)]);
    let skipped = set(&lotse, &people[0], Phase::Reflection).await.unwrap_err();
    assert_eq!(reason(&skipped), "ERROR_REASON_INVALID_FIELD");
    assert_eq!(tasks(&lotse).await, [], "no place is free");
    broker = broker.restart(Arc::new(SystemClock)).await;
    let lotse = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-01").await;
    let unsigned = set(&lotse, &people[0], Phase::Ended).await.unwrap_err();
    assert_eq!(reason(&unsigned), "ERROR_REASON_INVALID_FIELD");
    assert!(unsigned.message().contains("EndParticipation"), "{unsigned}");
    assert_eq!(tasks(&lotse).await, [], "a phase alone ends nothing");
    lotse.end_participation(&people[0]).await.unwrap();
    let free = tasks(&lotse).await;
    let [task] = free.as_slice() else { panic!("{free:?}") };
    assert_eq!(task.participant_reference, people[1], "the one who came first");
    assert!(matches!(task.what, Some(v1::task::What::PlaceFree(_))));
    let ended = v1::SetParticipationRequest {
        participant_reference: people[0].clone(),
        phase: Phase::Ended.into(),
        employability_at_end: 3,
        ..v1::SetParticipationRequest::default()
    };
    let ended = lotse.planning().set_participation(ended).await.unwrap().into_inner();
    assert_eq!(ended.phase(), Phase::Ended, "the last step comes after the end");
    let back = set(&lotse, &people[0], Phase::Contact).await.unwrap_err();
    assert_eq!(reason(&back), "ERROR_REASON_INVALID_FIELD");
    let later = set(&lotse, &people[2], Phase::Contact).await.unwrap();
    assert_eq!((later.phase(), later.waiting_position), waits(2), "nobody overtakes");
    let first = set(&lotse, &people[1], Phase::Contact).await.unwrap();
    assert_eq!((first.phase(), first.waiting_position), (Phase::Contact, 0));
    let counts = lotse.planning().show_places(v1::ShowPlacesRequest {}).await.unwrap();
    let counts = counts.into_inner().jobcenters;
    let [v1::JobcenterPlaces { places, taken, waiting, .. }] = counts[..] else { panic!() };
    assert_eq!((places, taken, waiting), (1, 1, 2));
    // No officer of an agency, not even of the Lotse's, reads of it; the project's sees that, not what.
    for agency in [JOBCENTER, LOTSE_AGENCY] {
        let seen = words(&officer(&broker, agency).await);
        assert!(!seen.iter().any(|word| word == "participation"), "{agency}: {seen:?}");
    }
    let rows = officer(&broker, "projekt").await;
    let bodies = rows.iter().filter(|row| {
        let entry = v1::LogEntry::decode(row.body.clone()).unwrap();
        matches!(entry.event, Some(v1::log_entry::Event::ParticipationSet(_)))
    });
    assert_eq!(bodies.clone().count(), 6);
    assert!(
        bodies
            .clone()
            .all(|row| v1::Findings::decode(row.findings.clone()).unwrap()
                == v1::Findings::default())
    );
    let told: Vec<&v1::LogRow> = bodies.collect();
    erase(broker.address(), &told.last().unwrap().participant_reference).await;
    let listed = lotse.planning().list_participation(v1::ListParticipationRequest {}).await;
    let listed = listed.unwrap().into_inner().participations;
    let of: Vec<&str> = listed.iter().map(|one| one.participant_reference.as_str()).collect();
    assert_eq!(of, [&people[0], &people[2], &people[3]], "the one who had the place is erased");
    assert_eq!(tasks(&lotse).await[0].participant_reference, people[2], "the place is free");
}
