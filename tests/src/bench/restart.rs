//! A restart with many records: from the start of the process until it listens; then log queries and
//! proofs over them.

use std::net::SocketAddr;

use schleuse_proto::v1;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{now, percentile, resident_mib};
use crate::broker::{BrokerProcess, write_config};
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, RawClient};

/// Fills a journal through the front door, stops the broker and starts it again.
pub async fn run(records: u64) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let limits =
        "queue_messages_max = 10000000\nqueue_mib_max = 60000\nidempotency_keys_max = 100000000";
    write_config(folder.path(), Pki::shared().path(), limits);
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let case = Case::open(broker.address).await;
    let client = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    draft.body = vec![7; 1024].into();
    let (sender, parts) = mpsc::channel(16);
    let signer = client.clone();
    tokio::spawn(async move {
        for _ in 0..records.div_ceil(256) {
            let mut messages: Vec<_> = (0..256).map(|_| draft.message(JOBCENTER)).collect();
            signer.seal_batch(&mut messages);
            if sender.send(v1::SubmitStreamRequest { messages }).await.is_err() {
                return;
            }
        }
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
    assert!(accepted >= records);
    let filled = resident_mib(broker.child.id());
    let consent = case.consent.clone();
    drop((client, case));
    assert_eq!(broker.terminate(), Some(0));
    let begin = now();
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let elapsed = begin.elapsed();
    let drv = RawClient::connect(broker.address, DRV, "system").await;
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 10, "what waited still waits");
    let resident = resident_mib(broker.child.id());
    let evidence = evidence(broker.address, &consent).await;
    drop(drv);
    assert_eq!(broker.terminate(), Some(0));
    json!({
        "records": accepted,
        "restart_ms": elapsed.as_millis() as u64,
        "resident_mib_before": filled,
        "resident_mib_after": resident,
        "evidence_us": evidence,
    })
}

/// Queries of one page of 100 rows and inclusion proofs, each as a whole call, in microseconds.
async fn evidence(address: SocketAddr, consent: &v1::ConsentDocument) -> Value {
    let dpo = RawClient::connect(address, "projekt", "dpo").await;
    let of = |filter| v1::QueryLogRequest {
        reason: "measurement of queries".to_owned(),
        filter: Some(filter),
        max_rows: 100,
        ..v1::QueryLogRequest::default()
    };
    let mut figures = serde_json::Map::new();
    for (name, filter) in filters(consent) {
        let mut times = Vec::new();
        for _ in 0..20 {
            let begin = now();
            let (rows, end) = dpo.query(of(filter.clone())).await.unwrap();
            times.push(begin.elapsed());
            let enough = rows.len() == 100 || !end.unwrap().truncated;
            assert!(enough, "{name}: {} rows", rows.len());
        }
        times.sort_unstable();
        let (p50, max) = (percentile(&times, 0.5), percentile(&times, 1.0));
        figures.insert(name.to_owned(), json!({ "p50": p50, "max": max }));
    }
    let mut times = Vec::new();
    for number in (0..1_000_000).step_by(5_000) {
        let request = v1::ProveInclusionRequest { record_numbers: vec![number], log_size: 0 };
        let mut checkpoints = dpo.checkpoints();
        let begin = now();
        let answer = checkpoints.prove_inclusion(request).await;
        times.push(begin.elapsed());
        if number < 1_000 {
            assert!(!answer.unwrap().into_inner().proofs[0].path.is_empty());
        }
    }
    times.sort_unstable();
    let (p50, max) = (percentile(&times, 0.5), percentile(&times, 1.0));
    figures.insert("inclusion_proof".to_owned(), json!({ "p50": p50, "max": max }));
    figures.insert("count_of_the_whole_log".to_owned(), count(&dpo).await);
    Value::Object(figures)
}

/// A count over every record, by two groupings: the most that one call reads.
async fn count(dpo: &RawClient) -> Value {
    let request = v1::CountLogRequest {
        reason: "measurement of a count".to_owned(),
        group_by: vec![v1::LogGrouping::Type.into(), v1::LogGrouping::Outcome.into()],
        ..v1::CountLogRequest::default()
    };
    let begin = now();
    let counted = dpo.log().count_log(request).await.unwrap().into_inner();
    let elapsed = begin.elapsed();
    let records: u64 = counted.groups.iter().map(|group| group.records).sum();
    assert!(records >= 1_000, "{records}");
    json!({ "records": records, "us": elapsed.as_micros() as u64 })
}

/// What is asked for, each with a name.
fn filters(consent: &v1::ConsentDocument) -> [(&'static str, v1::LogFilter); 6] {
    let agency = |name: &str| vec![name.to_owned()];
    let hand_outs = v1::LogFilter {
        types: vec![v1::RecordType::HandedOut.into()],
        agencies: agency(DRV),
        ..v1::LogFilter::default()
    };
    [
        ("agency_and_type_10_rows", hand_outs),
        (
            "both_parties",
            v1::LogFilter {
                agencies: [agency(DRV), agency(JOBCENTER)].concat(),
                ..v1::LogFilter::default()
            },
        ),
        (
            "refused_none",
            v1::LogFilter {
                outcome: v1::DecisionOutcome::Refused.into(),
                ..v1::LogFilter::default()
            },
        ),
        (
            "consent",
            v1::LogFilter { consent_id: consent.consent_id.clone(), ..v1::LogFilter::default() },
        ),
        (
            "purpose_category_kind",
            v1::LogFilter {
                purpose: "fallkonferenz".into(),
                category: "termine".into(),
                kind: "fallkonferenz.request".into(),
                ..v1::LogFilter::default()
            },
        ),
        (
            "last_second",
            v1::LogFilter { from_ms: crate::raw::now_ms() - 1000, ..v1::LogFilter::default() },
        ),
    ]
}
