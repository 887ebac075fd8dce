//! The life of a message, and each way it ends.

use std::sync::Arc;

use schleuse_broker::engine::SystemClock;
use schleuse_proto::evidence::consent_reference;
use schleuse_proto::v1;

use super::{label, reason, words};
use crate::broker::{TestBroker, TestClock};
use crate::pki::Pki;
use crate::race;
use crate::raw::{Case, DRV, Draft, JOBCENTER, RawClient, consent, grant};

const DAY_MS: u64 = 24 * 3_600_000;

async fn parties(broker: &TestBroker) -> (Case, RawClient, RawClient) {
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    (case, jobcenter, drv)
}

async fn project_log(broker: &TestBroker) -> Vec<String> {
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    words(&dpo.whole_log().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_covered_message_arrives_once_and_every_step_is_one_record() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let drv_reference = case.lotse.reference_for(&case.reference, DRV).await;
    let outcome = jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    assert_eq!(outcome.result(), v1::SubmitResult::Accepted);
    let deliveries = drv.fetch("zentrale", 10).await;
    let [delivery] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert_eq!(delivery.attempt, 1);
    assert_eq!(delivery.participant_reference, drv_reference);
    assert_ne!(delivery.participant_reference, case.jobcenter_reference);
    let known_as = consent_reference(&case.consent.consent_id, DRV);
    assert_eq!(delivery.consent_reference, known_as.as_slice());
    assert_ne!(known_as, consent_reference(&case.consent.consent_id, JOBCENTER));
    assert_eq!(label(delivery).purpose, "fallkonferenz");
    assert_eq!(delivery.sealed.as_ref().unwrap().ciphertext.as_ref(), [7; 64]);
    let number = delivery.message_number;
    let first = drv.acknowledge(vec![number]).await.unwrap();
    let again = drv.acknowledge(vec![number]).await.unwrap();
    assert_eq!(first, again, "idempotent: the first receipt again");
    assert!(drv.fetch("zentrale", 10).await.is_empty());
    assert_eq!(
        project_log(&broker).await,
        [
            "started",
            "registered",
            "reference jobcenter-stadt-regensburg",
            "consent r1",
            "reference drv-bayern-sued",
            "accepted",
            "mailbox read drv-bayern-sued/zentrale",
            &format!("handed out #{number} attempt 1"),
            "stage DELIVERY_STAGE_ACKNOWLEDGED",
            "queried",
        ]
    );
}

/// INVARIANT (uniform-refusal): the same bytes, whatever the cause.
#[tokio::test(flavor = "multi_thread")]
async fn all_uncovered_messages_get_the_same_answer() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, _) = parties(&broker).await;
    let unknown = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let revoked = Case::with(case.lotse.clone(), &[JOBCENTER], DRV).await;
    revoked.lotse.revoke(&revoked.consent).await.unwrap();
    let mut future = grant(&[JOBCENTER], DRV);
    future.not_before_ms += 3 * 3_600_000;
    let not_yet = case.lotse.register().await;
    let not_yet_reference = case.lotse.reference_for(&not_yet, JOBCENTER).await;
    case.lotse.record_consent(&consent(&not_yet, vec![future])).await.unwrap();
    let mut other_function = Draft::new(&case.jobcenter_reference, DRV);
    other_function.recipient.function = "andere".into();
    let mut other_category = Draft::new(&case.jobcenter_reference, DRV);
    other_category.categories = vec!["gesundheit".into()];
    let drafts = [
        Draft::new(unknown, DRV),
        Draft::new(&revoked.jobcenter_reference, DRV),
        Draft::new(&not_yet_reference, DRV),
        Draft::new(&case.jobcenter_reference, "krankenkasse-nord"),
        other_function,
        other_category,
    ];
    let mut answers = Vec::new();
    for draft in &drafts {
        let mut outcome = jobcenter.send(draft).await.unwrap();
        // The number of the record and its hash are the only difference that there may be.
        let receipt = outcome.receipt.take().unwrap();
        assert_eq!(receipt.leaf_hash.len(), 32);
        answers.push(outcome);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].result(), v1::SubmitResult::NotCovered);
    let log = project_log(&broker).await;
    for why in ["UNKNOWN_PARTICIPANT", "REVOKED", "NOT_YET", "NO_CONSENT"] {
        let refused = format!("refused DENY_REASON_{why}");
        assert!(log.contains(&refused), "{refused} not in {log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_stops_what_is_queued_and_says_how_much() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    for _ in 0..3 {
        jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    }
    let request = v1::PreviewRevocationRequest { consent_id: case.consent.consent_id.clone() };
    let preview = case.lotse.consents().preview_revocation(request).await.unwrap().into_inner();
    let queued: Vec<u32> = preview.effects.iter().map(|effect| effect.queued_messages).collect();
    assert_eq!(queued, [3, 0], "three of the Jobcenter, none of the Lotse");
    let revoked = case.lotse.revoke(&case.consent).await.unwrap();
    assert_eq!(revoked.stopped_messages, 3);
    let again = case.lotse.revoke(&case.consent).await.unwrap();
    assert_eq!((again.receipt, again.stopped_messages), (revoked.receipt, 0));
    assert!(drv.fetch("zentrale", 10).await.is_empty());
    let log = project_log(&broker).await;
    let stopped = log.iter().filter(|word| *word == "stopped STOP_REASON_CONSENT_ENDED");
    assert_eq!(stopped.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_messages_and_consents_do_not_pass() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let mut short = grant(&[JOBCENTER], DRV);
    short.not_after_ms = short.not_before_ms + 2 * 3_600_000;
    short.recipient.as_mut().unwrap().function = "kurz".into();
    case.lotse.record_consent(&consent(&case.reference, vec![short])).await.unwrap();
    let mut soon_over = Draft::new(&case.jobcenter_reference, DRV);
    soon_over.recipient.function = "kurz".into();
    jobcenter.send(&soon_over).await.unwrap();
    clock.advance(3 * 3_600_000);
    assert!(drv.fetch("kurz", 10).await.is_empty(), "the consent has ended");
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    draft.created_at_ms += 3 * 3_600_000;
    jobcenter.send(&draft).await.unwrap();
    clock.advance(2 * DAY_MS);
    assert!(drv.fetch("zentrale", 10).await.is_empty(), "the message has expired");
    let log = project_log(&broker).await;
    assert!(log.contains(&"stopped STOP_REASON_CONSENT_ENDED".to_owned()), "{log:?}");
    assert!(log.contains(&"stopped STOP_REASON_EXPIRED".to_owned()), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_acknowledged_comes_again_and_is_marked() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let (case, jobcenter, drv) = parties(&broker).await;
    jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    assert_eq!(drv.fetch("zentrale", 10).await[0].attempt, 1);
    assert!(drv.fetch("zentrale", 10).await.is_empty(), "held for a minute");
    clock.advance(61_000);
    let again = drv.fetch_until_some().await;
    assert_eq!(again[0].attempt, 2);
    let broker = broker.restart(clock).await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let after = drv.fetch("zentrale", 10).await;
    assert_eq!(after[0].attempt, 3);
    assert_eq!(after[0].message_number, again[0].message_number);
}

/// INVARIANT (order): per sender, thread and recipient in order of acceptance.
#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_in_order_on_a_stream_with_credit() {
    use v1::receive_request::Request;
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let (credit, requests) = tokio::sync::mpsc::channel(8);
    let say = |request| v1::ReceiveRequest { request: Some(request) };
    let open = v1::OpenReceive { functions: vec!["zentrale".into()], credit: 2 };
    credit.send(say(Request::Open(open))).await.unwrap();
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut stream = drv.messages().receive(requests).await.unwrap().into_inner();
    let mut sent = Vec::new();
    for _ in 0..5 {
        let outcome = jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
        sent.push(outcome.receipt.unwrap().record_number);
    }
    let mut received = Vec::new();
    let mut heartbeats = 0;
    while received.len() < 5 {
        let response = stream.message().await.unwrap().unwrap().response.unwrap();
        match response {
            v1::receive_response::Response::Delivery(delivery) => {
                received.push(delivery.message_number);
                if received.len() % 2 == 0 {
                    credit.send(say(Request::Credit(2))).await.unwrap();
                }
            }
            v1::receive_response::Response::Heartbeat(heartbeat) => {
                assert!(!heartbeat.checkpoint.is_empty());
                heartbeats += 1;
            }
        }
    }
    assert_eq!(received, sent);
    assert!(heartbeats <= 1, "the first heartbeat only, deliveries are a sign of life");
    drop((stream, credit));
    // What the stream held and nobody acknowledged waits again.
    let again = drv.fetch_until_some().await;
    assert_eq!(again[0].attempt, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_has_one_effect_also_across_a_restart() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let message = jobcenter.message(&Draft::new(&case.jobcenter_reference, DRV));
    let first = jobcenter.submit(vec![message.clone()]).await.unwrap();
    let second = jobcenter.submit(vec![message.clone()]).await.unwrap();
    assert_eq!(first, second);
    let mut other = message.clone();
    other.sealed.as_mut().unwrap().ciphertext = vec![8; 64].into();
    jobcenter.seal_batch(std::slice::from_mut(&mut other));
    let refused = jobcenter.submit(vec![other]).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_IDEMPOTENCY_CONFLICT");
    let broker = broker.restart(Arc::new(SystemClock)).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    assert_eq!(jobcenter.submit(vec![message]).await.unwrap(), first);
    drop(drv);
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn require_all_accepts_all_or_none() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let covered = jobcenter.message(&Draft::new(&case.jobcenter_reference, DRV));
    let uncovered = jobcenter.message(&Draft::new(&case.jobcenter_reference, "krankenkasse-nord"));
    let request = v1::SubmitRequest { messages: vec![covered, uncovered], require_all: true };
    let outcomes = jobcenter.messages().submit(request).await.unwrap().into_inner().outcomes;
    assert!(outcomes.iter().all(|outcome| outcome.result() == v1::SubmitResult::NotCovered));
    assert!(drv.fetch("zentrale", 10).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submit_stream_answers_each_message_in_order() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let good = Draft::new(&case.jobcenter_reference, DRV);
    let bad = Draft { purpose: "unbekannt".into(), ..good.clone() };
    let uncovered = Draft::new(&case.jobcenter_reference, "bezirk-oberpfalz");
    let parts = (0..20).map(|_| {
        let mut messages =
            vec![good.message(JOBCENTER), bad.message(JOBCENTER), uncovered.message(JOBCENTER)];
        jobcenter.seal_batch(&mut messages);
        v1::SubmitStreamRequest { messages }
    });
    let parts: Vec<_> = parts.collect();
    let stream = jobcenter.messages().submit_stream(tokio_stream::iter(parts)).await.unwrap();
    let mut stream = stream.into_inner();
    let mut answered = 0;
    while let Some(response) = stream.message().await.unwrap() {
        let results: Vec<_> = response.outcomes.iter().map(|outcome| outcome.result()).collect();
        use v1::SubmitResult::{Accepted, NotCovered, Rejected};
        assert_eq!(results, [Accepted, Rejected, NotCovered]);
        let rejection = response.outcomes[1].rejection.as_ref().unwrap();
        assert_eq!(rejection.reason, "ERROR_REASON_UNKNOWN_CODE");
        answered += 1;
    }
    assert_eq!(answered, 20);
    assert_eq!(drv.fetch("zentrale", 100).await.len(), 20);
}

/// INVARIANT (idempotent): a command outlives its call; saying it again has no second effect.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_whose_caller_hung_up_has_one_effect() {
    let broker = TestBroker::start().await;
    let (first, _, drv) = parties(&broker).await;
    let mut hung_up_in_time = 0;
    for round in 0..40 {
        let case = Case::with(first.lotse.clone(), &[JOBCENTER], DRV).await;
        let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
        jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
        let (lotse, consent) = (case.lotse.clone(), case.consent.clone());
        let call = tokio::spawn(async move { lotse.revoke(&consent).await });
        // Hang up at different moments: before the call left, while it is carried out, afterwards.
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        call.abort();
        let first_answer = call.await.ok().map(Result::unwrap);
        let again = case.lotse.revoke(&case.consent).await.unwrap();
        if let Some(answer) = first_answer {
            assert_eq!(answer.receipt, again.receipt);
        } else {
            hung_up_in_time += 1;
        }
    }
    assert!(hung_up_in_time > 0);
    assert!(drv.fetch("zentrale", 100).await.is_empty(), "every consent was revoked");
    let log = project_log(&broker).await;
    assert_eq!(log.iter().filter(|entry| *entry == "revoked").count(), 40, "one record each");
}

/// INVARIANT (revoke-strict): a short race here; the long one is a campaign.
#[tokio::test(flavor = "multi_thread")]
async fn no_delivery_follows_an_acknowledged_revocation() {
    let broker = TestBroker::start().await;
    let report = race::race(broker.address(), 2_000).await;
    assert_eq!(report.violations, 0, "{report:?}");
    assert!(report.delivered > 0 && report.delivered < 2 * report.races, "{report:?}");
}
