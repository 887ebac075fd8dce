//! `kill -9` of the real broker under load: the campaign behind ack-durable.
//!
//! Each life: clients submit, fetch and acknowledge until the process is killed at a random moment;
//! then it is started on the same data. Kept beside it: what was acknowledged to clients, and what
//! they received. Checked at the end and on the way: the journal is whole (`fsck`), every
//! acknowledged message is in the log exactly once, under the record number of its receipt; every
//! delivery that a client saw has exactly one hand-out record; acknowledged messages do not come again.

use std::collections::{HashMap, HashSet};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prost::Message as _;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use crate::broker::{BrokerProcess, program, write_config};
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, RawClient, random};

/// What the campaign found.
#[derive(Debug, Default)]
pub struct KillReport {
    pub kills: u32,
    /// Messages whose acceptance was acknowledged.
    pub accepted: usize,
    /// Deliveries that the recipient saw.
    pub delivered: usize,
    /// Receipts of the recipient.
    pub acknowledged: usize,
    /// Records of the journal at the end.
    pub records: usize,
    /// What went wrong; must be empty.
    pub faults: Vec<String>,
}

/// What clients know.
#[derive(Default)]
struct Known {
    /// Message id → record number of the receipt.
    accepted: HashMap<Vec<u8>, u64>,
    /// (message number, attempt) → record of the hand-out.
    delivered: HashMap<(u64, u32), u64>,
    /// Acknowledged message numbers.
    acknowledged: HashSet<u64>,
    faults: Vec<String>,
}

type Shared = Arc<Mutex<Known>>;

/// Kills the broker so many times.
pub async fn campaign(kills: u32) -> KillReport {
    let folder = tempfile::tempdir().expect("a folder");
    write_config(folder.path(), Pki::shared().path(), "queue_messages_max = 1000000");
    let known = Shared::default();
    let mut broker = BrokerProcess::start(folder.path()).expect("the broker starts");
    let case = Case::open(broker.address).await;
    let reference = case.jobcenter_reference.clone();
    for _ in 0..kills {
        let address = broker.address;
        let load: Vec<_> = (0..2)
            .map(|_| tokio::spawn(send(address, reference.clone(), known.clone())))
            .chain([tokio::spawn(receive(address, known.clone()))])
            .collect();
        // A random moment in the life; the checks do not depend on it.
        let [low, high] = random::<2>();
        let moment = 5 + u64::from(u16::from_be_bytes([low, high])) % 120;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        broker.kill();
        for task in load {
            task.await.expect("a client failed");
        }
        broker = BrokerProcess::start(folder.path()).expect("the broker starts again");
    }
    let mut report = check(&broker, &known).await;
    report.kills = kills;
    assert_eq!(broker.terminate(), Some(0));
    let fsck = Command::new(program("schleuse-broker"))
        .args(["fsck", "--config"])
        .arg(folder.path().join("broker.toml"))
        .output()
        .expect("fsck runs");
    if !fsck.status.success() {
        report.faults.push(String::from_utf8_lossy(&fsck.stderr).into_owned());
    }
    report
}

/// Submits until the broker is gone.
async fn send(address: std::net::SocketAddr, reference: String, known: Shared) {
    let identity = Pki::shared().identity(JOBCENTER, "system");
    let config = Pki::shared().client_config(Some(&identity));
    let Ok(channel) = crate::raw::channel(address, config).await else { return };
    let client = RawClient::of(channel, JOBCENTER, &identity);
    loop {
        let mut messages: Vec<_> =
            (0..8).map(|_| Draft::new(&reference, DRV).message(JOBCENTER)).collect();
        client.seal_batch(&mut messages);
        let ids: Vec<Vec<u8>> = messages
            .iter()
            .map(|message| {
                let label = message.sealed.as_ref().expect("sealed").label.clone();
                v1::Label::decode(label).expect("a label").message_id.to_vec()
            })
            .collect();
        let Ok(outcomes) = client.submit(messages).await else { return };
        let mut known = known.lock().expect("no panic");
        for (id, outcome) in ids.into_iter().zip(outcomes) {
            if outcome.result() == v1::SubmitResult::Accepted {
                known.accepted.insert(id, outcome.receipt.expect("a receipt").record_number);
            } else {
                known.faults.push(format!("a covered message was not accepted: {outcome:?}"));
            }
        }
    }
}

/// Fetches and acknowledges until the broker is gone.
async fn receive(address: std::net::SocketAddr, known: Shared) {
    let identity = Pki::shared().identity(DRV, "system");
    let config = Pki::shared().client_config(Some(&identity));
    let Ok(channel) = crate::raw::channel(address, config).await else { return };
    let client = RawClient::of(channel, DRV, &identity);
    loop {
        let request = v1::FetchRequest { functions: vec!["zentrale".into()], max_messages: 16 };
        let Ok(fetched) = client.messages().fetch(request).await else { return };
        let deliveries = fetched.into_inner().deliveries;
        let numbers: Vec<u64> = deliveries.iter().map(|d| d.message_number).collect();
        {
            let mut known = known.lock().expect("no panic");
            for delivery in deliveries {
                let key = (delivery.message_number, delivery.attempt);
                if known.acknowledged.contains(&delivery.message_number) {
                    known.faults.push(format!("acknowledged message {key:?} came again"));
                }
                let record = delivery.receipt.expect("a receipt").record_number;
                if known.delivered.insert(key, record).is_some() {
                    known.faults.push(format!("{key:?} was delivered twice"));
                }
            }
        }
        if numbers.is_empty() {
            tokio::task::yield_now().await;
            continue;
        }
        if client.acknowledge(numbers.clone()).await.is_err() {
            return;
        }
        known.lock().expect("no panic").acknowledged.extend(numbers);
    }
}

/// Compares what clients know with the log.
async fn check(broker: &BrokerProcess, known: &Shared) -> KillReport {
    let dpo = RawClient::connect(broker.address, "projekt", "dpo").await;
    let mut log = Vec::new();
    let mut first_record = 0;
    // Pages: a log of long campaigns has more rows than one query returns.
    loop {
        let request = v1::QueryLogRequest {
            reason: "check of the kill campaign".to_owned(),
            first_record,
            max_rows: 100_000,
            ..v1::QueryLogRequest::default()
        };
        let (rows, end) = dpo.query(request).await.expect("the log can be read");
        for row in &rows {
            first_record = row.record_number + 1;
            let entry = v1::LogEntry::decode(row.body.clone()).expect("an entry");
            log.push((row.record_number, entry.event.expect("an event")));
        }
        if !end.expect("an end").truncated {
            break;
        }
    }
    log.sort_by_key(|(number, _)| *number);
    log.dedup_by_key(|(number, _)| *number);
    let mut known = known.lock().expect("no panic");
    let mut decided: HashMap<Vec<u8>, Vec<u64>> = HashMap::new();
    let mut handed_out: HashMap<(u64, u32), Vec<u64>> = HashMap::new();
    let mut acknowledged: HashMap<u64, u32> = HashMap::new();
    for (number, event) in &log {
        match event {
            Event::MessageDecided(event) => {
                let label = v1::Label::decode(event.label.clone()).expect("a label");
                decided.entry(label.message_id.to_vec()).or_default().push(*number);
            }
            Event::HandedOut(event) => {
                let key = (event.message_number, event.attempt);
                handed_out.entry(key).or_default().push(*number);
            }
            Event::StageReported(event) => {
                *acknowledged.entry(event.message_number).or_default() += 1;
            }
            _ => {}
        }
    }
    let mut faults = std::mem::take(&mut known.faults);
    for (id, number) in &known.accepted {
        if decided.get(id).map(Vec::as_slice) != Some(&[*number]) {
            faults.push(format!("accepted as {number}, but the log has {:?}", decided.get(id)));
        }
    }
    for (key, record) in &known.delivered {
        if handed_out.get(key).map(Vec::as_slice) != Some(&[*record]) {
            faults.push(format!("delivered {key:?} as {record}, log: {:?}", handed_out.get(key)));
        }
    }
    for number in &known.acknowledged {
        if acknowledged.get(number) != Some(&1) {
            faults.push(format!("acknowledged {number}, log: {:?}", acknowledged.get(number)));
        }
    }
    faults.truncate(20);
    KillReport {
        kills: 0,
        accepted: known.accepted.len(),
        delivered: known.delivered.len(),
        acknowledged: known.acknowledged.len(),
        records: log.len(),
        faults,
    }
}
