//! Limits of the edge and the core, each reached by a real client, and what the others then still get.

use std::sync::Arc;
use std::time::Duration;

use schleuse_broker::engine::SystemClock;
use schleuse_proto::CIPHERTEXT_BYTES_MAX;
use schleuse_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::reason;
use crate::broker::TestBroker;
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, RawClient, channel};

/// After this a test gives up; what it waits for takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

async fn broker_with(limits: &str) -> (TestBroker, Case, RawClient, RawClient) {
    let broker = TestBroker::with(Pki::shared(), Arc::new(SystemClock), limits).await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    (broker, case, jobcenter, drv)
}

fn batch(client: &RawClient, draft: &Draft, count: usize) -> Vec<v1::OutgoingMessage> {
    let mut messages: Vec<_> = (0..count).map(|_| draft.message(JOBCENTER)).collect();
    client.seal_batch(&mut messages);
    messages
}

/// Name of the limit in a refused call's details.
fn limit(status: &tonic::Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().expect("details");
    info.metadata.get("limit").cloned().unwrap_or_default()
}

fn says(request: v1::receive_request::Request) -> v1::ReceiveRequest {
    v1::ReceiveRequest { request: Some(request) }
}

/// An open receive stream of the function `zentrale` and the side that gives it credit.
async fn receive(
    client: &RawClient,
    credit: u32,
) -> (mpsc::Sender<v1::ReceiveRequest>, tonic::Streaming<v1::ReceiveResponse>) {
    let (sender, requests) = mpsc::channel(8);
    let open = v1::OpenReceive { functions: vec!["zentrale".into()], credit };
    sender.send(says(v1::receive_request::Request::Open(open))).await.unwrap();
    let stream = client.messages().receive(ReceiverStream::new(requests)).await.unwrap();
    (sender, stream.into_inner())
}

async fn next_delivery(stream: &mut tonic::Streaming<v1::ReceiveResponse>) -> v1::Delivery {
    loop {
        let response = tokio::time::timeout(PATIENCE, stream.message()).await;
        let response = response.expect("nothing came").unwrap().unwrap().response.unwrap();
        if let v1::receive_response::Response::Delivery(delivery) = response {
            return delivery;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_over_the_rate_are_refused_in_calls_and_wait_in_streams() {
    let (_broker, case, jobcenter, drv) = broker_with("messages_per_second = 256").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let mut accepted = 0;
    let refused = loop {
        match jobcenter.submit(batch(&jobcenter, &draft, 32)).await {
            Ok(outcomes) => accepted += outcomes.len(),
            Err(refused) => break refused,
        }
        assert!(accepted < 100_000, "the rate is never reached");
    };
    assert!(accepted >= 512, "{accepted}");
    let (name, limit) = (reason(&refused), limit(&refused));
    assert_eq!(
        (name.as_str(), limit.as_str()),
        ("ERROR_REASON_RATE_LIMITED", "messages_per_second")
    );
    assert!(refused.get_error_details().retry_info().is_some());
    let parts: Vec<_> = (0..5)
        .map(|_| v1::SubmitStreamRequest { messages: batch(&jobcenter, &draft, 50) })
        .collect();
    let stream = jobcenter.messages().submit_stream(tokio_stream::iter(parts)).await.unwrap();
    let mut stream = stream.into_inner();
    let mut of_stream = 0;
    while let Some(response) = stream.message().await.unwrap() {
        assert!(response.outcomes.iter().all(|o| o.result() == v1::SubmitResult::Accepted));
        of_stream += response.outcomes.len();
    }
    assert_eq!(of_stream, 250, "the stream waited and lost nothing");
    assert!(!drv.fetch("zentrale", 1).await.is_empty(), "another agency was not held up");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_the_rate_are_refused_and_revocations_still_pass() {
    let (_broker, case, ..) = broker_with("calls_per_second = 50").await;
    let list = || async {
        let request = v1::ListParticipantsRequest::default();
        case.lotse.participants().list_participants(request).await
    };
    let mut calls = 0;
    let refused = loop {
        calls += 1;
        assert!(calls < 100_000, "the rate is never reached");
        if let Err(refused) = list().await {
            break refused;
        }
    };
    assert_eq!(
        (refused.code(), limit(&refused).as_str()),
        (Code::ResourceExhausted, "calls_per_second")
    );
    case.lotse.revoke(&case.consent).await.expect("revocations have a rate of their own");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_take_places_and_give_them_back() {
    let (_broker, case, _, drv) = broker_with("streams_per_agency_max = 2\nstreams_max = 2").await;
    let first = receive(&drv, 1).await;
    let second = receive(&drv, 1).await;
    let (sender, requests) = mpsc::channel(1);
    let open = v1::OpenReceive { functions: vec!["zentrale".into()], credit: 1 };
    sender.send(says(v1::receive_request::Request::Open(open))).await.unwrap();
    let refused = drv.messages().receive(ReceiverStream::new(requests)).await.unwrap_err();
    assert_eq!(limit(&refused), "streams_per_agency_max");
    // Neither calls nor, above all, revocations need one of these places.
    assert!(drv.fetch("zentrale", 1).await.is_empty());
    case.lotse.revoke(&case.consent).await.unwrap();
    drop((first, second));
    for _ in 0..10_000 {
        let (_sender, requests) = mpsc::channel::<v1::SubmitStreamRequest>(1);
        if drv.messages().submit_stream(ReceiverStream::new(requests)).await.is_ok() {
            return;
        }
    }
    panic!("the places never came back");
}

/// INVARIANT (bounded): one agency's identifiers cannot use up those of the others.
#[tokio::test(flavor = "multi_thread")]
async fn an_agency_holds_at_most_its_share_of_identifiers() {
    let (_broker, case, jobcenter, drv) = broker_with("idempotency_keys_max = 1000").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let first = batch(&jobcenter, &draft, 25);
    let answered = jobcenter.submit(first.clone()).await.unwrap();
    for _ in 0..9 {
        jobcenter.submit(batch(&jobcenter, &draft, 25)).await.unwrap();
    }
    let refused = jobcenter.submit(batch(&jobcenter, &draft, 1)).await.unwrap_err();
    assert_eq!(limit(&refused), "idempotency_keys_max");
    assert_eq!(jobcenter.submit(first).await.unwrap(), answered, "known ones are still answered");
    let back = Draft { recipient: crate::raw::address(JOBCENTER, "zentrale"), ..draft };
    assert!(drv.send(&back).await.is_ok(), "another agency is not held up");
}

/// INVARIANT (bounded): functions as which an agency sends are remembered; there is a number of them a day, whether or
/// not a consent names one.
#[tokio::test(flavor = "multi_thread")]
async fn an_agency_sends_as_a_bounded_number_of_functions() {
    let (_broker, case, jobcenter, _drv) = broker_with("").await;
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    for first in (0..1_000).step_by(25) {
        let sent_as = |number| Draft { sender_function: format!("f-{number}"), ..draft.clone() };
        let mut messages: Vec<_> =
            (first..first + 25).map(|number| sent_as(number).message(JOBCENTER)).collect();
        jobcenter.seal_batch(&mut messages);
        jobcenter.submit(messages).await.unwrap();
    }
    draft.sender_function = "f-7".to_owned();
    assert!(jobcenter.send(&draft).await.is_ok(), "as before");
    for new in ["zentrale", "f-1000"] {
        draft.sender_function = new.to_owned();
        let refused = jobcenter.send(&draft).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
        assert!(refused.message().contains("label.sender"), "{refused:?}");
    }
}

/// Large messages arrive in pieces that fit, none is lost.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_messages_arrive_by_fetch_and_by_stream() {
    let (_broker, case, jobcenter, drv) = broker_with("").await;
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    draft.body = vec![1; CIPHERTEXT_BYTES_MAX].into();
    let mut sent = Vec::new();
    for _ in 0..6 {
        let outcome = jobcenter.send(&draft).await.unwrap();
        sent.push(outcome.receipt.unwrap().record_number);
    }
    let mut fetched = Vec::new();
    while fetched.len() < 3 {
        for delivery in drv.fetch("zentrale", 100).await {
            assert_eq!(delivery.sealed.unwrap().ciphertext.len(), CIPHERTEXT_BYTES_MAX);
            fetched.push(delivery.message_number);
        }
    }
    let (_credit, mut stream) = receive(&drv, 1000).await;
    while fetched.len() < 6 {
        let delivery = next_delivery(&mut stream).await;
        assert_eq!(delivery.sealed.unwrap().ciphertext.len(), CIPHERTEXT_BYTES_MAX);
        fetched.push(delivery.message_number);
    }
    assert_eq!(fetched, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn credit_in_small_pieces_and_more_than_allowed_is_one_bounded_number() {
    use v1::receive_request::Request;
    let (_broker, case, jobcenter, drv) = broker_with("").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let (credit, mut stream) = receive(&drv, 1).await;
    for _ in 0..3_000 {
        credit.send(says(Request::Credit(1))).await.unwrap();
    }
    for _ in 0..50 {
        jobcenter.submit(batch(&jobcenter, &draft, 30)).await.unwrap();
    }
    // Without more credit at most 1,000 are outstanding, besides those that had none to begin with.
    let mut received = 0;
    while received < 1_000 {
        next_delivery(&mut stream).await;
        received += 1;
    }
    credit.send(says(Request::Credit(1000))).await.unwrap();
    while received < 1_500 {
        next_delivery(&mut stream).await;
        received += 1;
    }
    credit.send(says(Request::Credit(1001))).await.unwrap();
    let refused = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended without saying why"),
            Err(refused) => break refused,
        }
    };
    assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
}

/// A receiver that disappears gives back what it held.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_receiver_held_waits_for_the_next() {
    let (broker, case, jobcenter, drv) = broker_with("").await;
    jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    for attempt in 1..=5 {
        let lost = RawClient::connect(broker.address(), DRV, "system").await;
        let (credit, mut stream) = receive(&lost, 10).await;
        assert_eq!(next_delivery(&mut stream).await.attempt, attempt);
        drop((credit, stream, lost));
    }
    assert_eq!(drv.fetch_until_some().await[0].attempt, 6);
}

/// A function that nobody ever named is an empty queue: an error would tell whether a consent names it.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_function_is_an_empty_queue() {
    let (_broker, _case, _, drv) = broker_with("").await;
    assert!(drv.fetch("niemand", 10).await.is_empty());
    let request = v1::FetchRequest { functions: vec!["Niemand!".into()], max_messages: 1 };
    let refused = drv.messages().fetch(request).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
}

/// INVARIANT (revoke-strict): a receiver that does not take the bytes does not hold up a revocation;
/// its connection is cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_cut_when_its_consent_ends() {
    let (broker, case, jobcenter, _drv) = broker_with("").await;
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    draft.body = vec![1; CIPHERTEXT_BYTES_MAX].into();
    for _ in 0..8 {
        jobcenter.send(&draft).await.unwrap();
    }
    let identity = Pki::shared().identity(DRV, "system");
    let config = Pki::shared().client_config(Some(&identity));
    let slow = channel(broker.address(), config).await.unwrap();
    let slow = RawClient::of(slow, DRV, &identity);
    let (_credit, mut stream) = receive(&slow, 8).await;
    // The first has arrived; the rest fills the window, and nobody reads on.
    next_delivery(&mut stream).await;
    let before = broker.server.edge().connections().count();
    case.lotse.revoke(&case.consent).await.unwrap();
    let size = broker.server.engine().reader().latest().size();
    let ended = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended as if all were well"),
            Err(status) => break status,
        }
    };
    assert!(
        matches!(ended.code(), Code::Unknown | Code::Unavailable | Code::Cancelled),
        "{ended:?}"
    );
    assert!(broker.server.edge().connections().count() < before);
    assert_eq!(
        broker.server.engine().reader().latest().size(),
        size,
        "nothing was handed out since"
    );
}

/// SIGTERM with streams open: they end by name, what was answered is durable.
#[tokio::test(flavor = "multi_thread")]
async fn open_streams_end_by_name_when_the_broker_drains() {
    let (broker, case, jobcenter, drv) = broker_with("").await;
    let (credit, mut stream) = receive(&drv, 10).await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let (parts, requests) = mpsc::channel(8);
    let submitting = jobcenter.messages().submit_stream(ReceiverStream::new(requests)).await;
    let mut submitting = submitting.unwrap().into_inner();
    let part = v1::SubmitStreamRequest { messages: batch(&jobcenter, &draft, 3) };
    parts.send(part).await.unwrap();
    let outcomes = submitting.message().await.unwrap().unwrap().outcomes;
    let numbers: Vec<u64> =
        outcomes.iter().map(|o| o.receipt.as_ref().unwrap().record_number).collect();
    assert_eq!(next_delivery(&mut stream).await.message_number, numbers[0]);
    let TestBroker { server, folder } = broker;
    let draining = tokio::spawn(server.drain());
    let ended = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended without saying why"),
            Err(status) => break status,
        }
    };
    assert_eq!(
        (ended.code(), reason(&ended).as_str()),
        (Code::Unavailable, "ERROR_REASON_DRAINING")
    );
    let ended = submitting.message().await.unwrap_err();
    assert_eq!(reason(&ended), "ERROR_REASON_DRAINING");
    // The clients still hold their sides of the streams; that does not hold up the end.
    draining.await.unwrap();
    drop((parts, credit));
    let server = TestBroker::open(folder.path(), Arc::new(SystemClock)).await.unwrap();
    let drv = RawClient::connect(server.address(), DRV, "system").await;
    let waiting: Vec<u64> =
        drv.fetch("zentrale", 10).await.iter().map(|delivery| delivery.message_number).collect();
    assert_eq!(waiting, numbers);
}
