//! An attachment through a real broker process: throughput, and how much its memory grew. What arrives is
//! compared with what was sent.

use schleuse_client::Upload;
use serde_json::{Value, json};

use super::{now, peak_mib, resident_mib};
use crate::attachments::{Site, collect};
use crate::broker::{BrokerProcess, write_config};
use crate::pki::Pki;

/// Messages that may be on their way to the recipient: far more than there are parts.
const CREDIT: u32 = 1000;

/// Sends and receives one attachment of so many MiB.
pub async fn run(mib: usize) -> Value {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), Pki::shared().path(), "");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let pid = broker.child.id();
    let site = Site::open(broker.address).await;
    let before = resident_mib(pid);
    let (path, data) = site.file("large.bin", mib * 1024 * 1024, 2);
    let (sent, received) = pass(&site, &path, "collected").await;
    let peak = peak_mib(pid);
    let arrived = std::fs::read(site.folder.path().join("collected/large.bin")).unwrap();
    assert!(arrived == data, "the attachment arrived changed");
    json!({
        "mib": mib,
        "upload_seconds": sent,
        "download_seconds": received,
        "broker_before_mib": before,
        "broker_peak_mib": peak,
        "broker_growth_mib": peak.saturating_sub(before),
    })
}

async fn pass(site: &Site, path: &std::path::Path, folder: &str) -> (f64, f64) {
    let sender = site.sender(site.broker).await;
    let begin = now();
    let upload = Upload::new(site.draft(), vec![site.attachment(path)]);
    let outcome = sender.upload(upload).await.unwrap();
    assert!(outcome.message.is_some_and(|message| message.is_accepted()));
    let sent = begin.elapsed();
    let recipient = site.recipient(site.broker).await;
    let begin = now();
    let mut stream = recipient.receive(&["zentrale"], CREDIT);
    let (saved, _) = collect(&mut stream, &site.folder.path().join(folder), u32::MAX).await;
    assert_eq!(saved.len(), 1);
    (sent.as_secs_f64(), begin.elapsed().as_secs_f64())
}
