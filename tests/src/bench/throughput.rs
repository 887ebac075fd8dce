//! Unary submit, streaming submit, submit → hand-out → acknowledge, unloaded latency.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use schleuse_proto::v1;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::{echo, now, percentile, rate, resident_mib};
use crate::broker::{BrokerProcess, write_config};
use crate::pki::Pki;
use crate::raw::{Case, Counter, DRV, Draft, JOBCENTER, RawClient};

/// Payload of a message.
const BODY_BYTES: usize = 1024;
/// Messages signed together.
const SIGNED_TOGETHER: usize = 256;
/// Unary calls in flight.
const IN_FLIGHT: usize = 64;
/// Messages of one part of a stream.
const PART: usize = 64;

/// A broker and an echo that wait for load.
struct Pair {
    broker: BrokerProcess,
    echo: echo::EchoProcess,
    reference: String,
    length: Duration,
    _folder: tempfile::TempDir,
}

impl Pair {
    async fn start(seconds: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(
            folder.path(),
            Pki::shared().path(),
            "queue_messages_max = 10000000\nqueue_mib_max = 60000\nidempotency_keys_max = 100000000",
        );
        let broker = BrokerProcess::start(folder.path()).unwrap();
        let reference = Case::open(broker.address).await.jobcenter_reference;
        let length = Duration::from_secs(seconds);
        Self { broker, echo: echo::EchoProcess::start(), reference, length, _folder: folder }
    }

    async fn unary_round(&self, runs: &mut Vec<(&'static str, u64)>) {
        let count = 40_000 * self.length.as_secs() as usize;
        let (messages, client) = prepared(self.echo.address, &self.reference, count).await;
        runs.push(("echo", unary_submit(&client, &messages, self.length).await));
        let (messages, client) = prepared(self.broker.address, &self.reference, count).await;
        runs.push(("broker", unary_submit(&client, &messages, self.length).await));
    }

    async fn stream_round(&self, runs: &mut Vec<(&'static str, u64)>) {
        let (messages, client) = prepared(self.echo.address, &self.reference, 40_000).await;
        runs.push(("echo", stream_submit(&client, &messages, self.length).await));
        let count = 80_000 * self.length.as_secs() as usize;
        let (messages, client) = prepared(self.broker.address, &self.reference, count).await;
        runs.push(("broker", stream_submit(&client, &messages, self.length).await));
    }
}

/// Echo and broker are measured in turns, so that both sides see the same machine.
const ROUNDS: usize = 3;

/// Measures unary submission only.
pub async fn unary(seconds: u64) -> Value {
    let pair = Pair::start(seconds).await;
    let mut unary = Vec::new();
    for _ in 0..ROUNDS {
        pair.unary_round(&mut unary).await;
    }
    json!({ "body_bytes": BODY_BYTES, "unary_in_flight_64": pairs(&unary) })
}

/// Streamed submission only; messages per second of the broker, the best of its rounds.
pub async fn stream(seconds: u64) -> u64 {
    let pair = Pair::start(seconds).await;
    let mut runs = Vec::new();
    for _ in 0..ROUNDS {
        pair.stream_round(&mut runs).await;
    }
    let broker = runs.iter().filter(|(who, _)| *who == "broker");
    broker.map(|(_, rate)| *rate).max().unwrap_or_default()
}

/// Measures everything.
pub async fn run(seconds: u64) -> Value {
    let pair = Pair::start(seconds).await;
    let (mut unary, mut stream) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pair.unary_round(&mut unary).await;
        pair.stream_round(&mut stream).await;
    }
    let latency = latency(pair.broker.address, &pair.reference).await;
    let through = end_to_end(pair.broker.address, pair.length).await;
    let resident = resident_mib(pair.broker.child.id());
    json!({
        "body_bytes": BODY_BYTES,
        "unary_in_flight_64": pairs(&unary),
        "stream": pairs(&stream),
        "latency_us": latency,
        "submit_hand_out_acknowledge_per_second": through,
        "broker_resident_mib": resident,
    })
}

/// Runs of echo and broker in turn, and the ratio of their medians.
fn pairs(runs: &[(&str, u64)]) -> Value {
    let median = |name: &str| {
        let mut rates: Vec<u64> =
            runs.iter().filter(|(n, _)| *n == name).map(|(_, rate)| *rate).collect();
        rates.sort_unstable();
        (rates[rates.len() / 2], rates)
    };
    let ((echo, echo_runs), (broker, broker_runs)) = (median("echo"), median("broker"));
    json!({
        "echo_per_second": echo, "echo_runs": echo_runs,
        "broker_per_second": broker, "broker_runs": broker_runs,
        "ratio": (broker as f64 / echo as f64 * 1000.0).round() / 1000.0,
    })
}

/// Messages made and signed before the measurement begins.
async fn prepared(
    address: SocketAddr,
    reference: &str,
    count: usize,
) -> (Vec<v1::OutgoingMessage>, RawClient) {
    let client = RawClient::connect(address, JOBCENTER, "system").await;
    let mut draft = Draft::new(reference, DRV);
    draft.body = vec![7; BODY_BYTES].into();
    let mut messages: Vec<_> = (0..count).map(|_| draft.message(JOBCENTER)).collect();
    for batch in messages.chunks_mut(SIGNED_TOGETHER) {
        client.seal_batch(batch);
    }
    (messages, client)
}

async fn unary_submit(
    client: &RawClient,
    messages: &[v1::OutgoingMessage],
    length: Duration,
) -> u64 {
    let done = Arc::new(Counter::default());
    let begin = now();
    let tasks = messages.chunks(messages.len().div_ceil(IN_FLIGHT)).map(|part| {
        let (mut service, part, done) = (client.messages(), part.to_vec(), done.clone());
        tokio::spawn(async move {
            for message in part {
                if begin.elapsed() > length {
                    return;
                }
                let request = v1::SubmitRequest { messages: vec![message], require_all: false };
                let response = service.submit(request).await.unwrap().into_inner();
                assert_eq!(response.outcomes[0].result(), v1::SubmitResult::Accepted);
                done.add(1);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    rate(done.value(), begin.elapsed())
}

async fn stream_submit(
    client: &RawClient,
    messages: &[v1::OutgoingMessage],
    length: Duration,
) -> u64 {
    let (sender, parts) = mpsc::channel(16);
    let messages: Vec<v1::SubmitStreamRequest> = messages
        .chunks(PART)
        .map(|part| v1::SubmitStreamRequest { messages: part.to_vec() })
        .collect();
    let begin = now();
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        for part in messages {
            if begin.elapsed() > length {
                break;
            }
            sent += part.messages.len() as u64;
            sender.send(part).await.unwrap();
        }
        sent
    });
    let stream = client.messages().submit_stream(ReceiverStream::new(parts)).await.unwrap();
    let mut stream = stream.into_inner();
    let mut accepted = 0;
    while let Some(response) = stream.message().await.unwrap() {
        for outcome in &response.outcomes {
            assert_eq!(outcome.result(), v1::SubmitResult::Accepted);
            accepted += 1;
        }
    }
    let elapsed = begin.elapsed();
    assert_eq!(accepted, sending.await.unwrap(), "every message has its outcome");
    rate(accepted, elapsed)
}

/// One call at a time.
async fn latency(address: SocketAddr, reference: &str) -> Value {
    let (messages, client) = prepared(address, reference, 4_000).await;
    let mut service = client.messages();
    let mut times = Vec::with_capacity(messages.len());
    for message in messages {
        let begin = now();
        let request = v1::SubmitRequest { messages: vec![message], require_all: false };
        let response = service.submit(request).await.unwrap().into_inner();
        assert_eq!(response.outcomes[0].result(), v1::SubmitResult::Accepted);
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    json!({
        "p50": percentile(&times, 0.5),
        "p99": percentile(&times, 0.99),
        "max": percentile(&times, 1.0),
    })
}

/// Messages that may be on their way at once in the end-to-end measurement.
const ON_THE_WAY_MAX: usize = 2048;

/// A stream in, a stream out, acknowledgements; to a recipient of its own. A closed loop: the sender
/// goes on when messages have been acknowledged.
async fn end_to_end(address: SocketAddr, length: Duration) -> u64 {
    use v1::receive_request::Request;
    let lotse = RawClient::connect(address, crate::raw::LOTSE_AGENCY, "lotse-l-01").await;
    let case = Case::with(lotse, &[JOBCENTER], crate::raw::BEZIRK).await;
    let bezirk = RawClient::connect(address, crate::raw::BEZIRK, "system").await;
    let sender = RawClient::connect(address, JOBCENTER, "system").await;
    let mut draft = Draft::new(&case.jobcenter_reference, crate::raw::BEZIRK);
    draft.body = vec![7; BODY_BYTES].into();
    let count = 40_000 * length.as_secs() as usize;
    let mut messages: Vec<_> = (0..count).map(|_| draft.message(JOBCENTER)).collect();
    for batch in messages.chunks_mut(SIGNED_TOGETHER) {
        sender.seal_batch(batch);
    }
    let (credit, requests) = mpsc::channel(64);
    let say = |request| v1::ReceiveRequest { request: Some(request) };
    let open = v1::OpenReceive { functions: vec!["zentrale".into()], credit: 1000 };
    credit.send(say(Request::Open(open))).await.unwrap();
    let stream = bezirk.messages().receive(ReceiverStream::new(requests)).await.unwrap();
    let mut stream = stream.into_inner();
    let on_the_way = Arc::new(Semaphore::new(ON_THE_WAY_MAX));
    let begin = now();
    let sending = tokio::spawn(send_within(sender, messages, on_the_way.clone(), length));
    let (numbers, mut received) = mpsc::channel::<u64>(4096);
    let acknowledging = tokio::spawn(async move {
        let mut acknowledged = 0;
        let mut batch = Vec::new();
        while received.recv_many(&mut batch, 500).await > 0 {
            let count = batch.len();
            let receipts = bezirk.acknowledge(std::mem::take(&mut batch)).await.unwrap();
            assert_eq!(receipts.len(), count);
            on_the_way.add_permits(count);
            acknowledged += count as u64;
        }
        (acknowledged, now())
    });
    let mut taken = 0;
    while begin.elapsed() < length {
        let response = stream.message().await.unwrap().unwrap();
        if let Some(v1::receive_response::Response::Delivery(delivery)) = response.response {
            numbers.send(delivery.message_number).await.unwrap();
            taken += 1;
            if taken % 250 == 0 {
                credit.send(say(Request::Credit(250))).await.unwrap();
            }
        }
    }
    drop(numbers);
    let (acknowledged, end) = acknowledging.await.unwrap();
    drop((stream, credit));
    sending.await.unwrap();
    assert_eq!(acknowledged, taken, "everything received was acknowledged");
    rate(acknowledged, end - begin)
}

/// Submits on a stream, never more than the semaphore allows at once.
async fn send_within(
    client: RawClient,
    messages: Vec<v1::OutgoingMessage>,
    on_the_way: Arc<Semaphore>,
    length: Duration,
) {
    let (sender, parts) = mpsc::channel(16);
    let begin = now();
    tokio::spawn(async move {
        for part in messages.chunks(PART) {
            let part = v1::SubmitStreamRequest { messages: part.to_vec() };
            let room = on_the_way.acquire_many(PART as u32);
            let Ok(Ok(room)) = tokio::time::timeout(length, room).await else { return };
            room.forget();
            if begin.elapsed() > length || sender.send(part).await.is_err() {
                return;
            }
        }
    });
    let stream = client.messages().submit_stream(ReceiverStream::new(parts)).await.unwrap();
    let mut stream = stream.into_inner();
    while let Some(response) = stream.message().await.unwrap() {
        let all = response.outcomes.iter().all(|o| o.result() == v1::SubmitResult::Accepted);
        assert!(all, "every message is accepted");
    }
}
