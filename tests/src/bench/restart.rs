//! A restart with many records: from the start of the process until it listens.

use schleuse_proto::v1;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{now, resident_mib};
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
    drop((client, case));
    assert_eq!(broker.terminate(), Some(0));
    let begin = now();
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let elapsed = begin.elapsed();
    let drv = RawClient::connect(broker.address, DRV, "system").await;
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 10, "what waited still waits");
    let resident = resident_mib(broker.child.id());
    drop(drv);
    assert_eq!(broker.terminate(), Some(0));
    json!({
        "records": accepted,
        "restart_ms": elapsed.as_millis() as u64,
        "resident_mib_before": filled,
        "resident_mib_after": resident,
    })
}
