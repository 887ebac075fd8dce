//! Both sides with the client library, over connections that break.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use schleuse_client::{AttachmentCollector, ClientError, MessageId, Progress, Upload};
use schleuse_proto::v1::ErrorReason;

use crate::attachments::{ATTACHED, Site, collect, interrupted};
use crate::broker::{BrokerProcess, TestBroker, write_config};
use crate::pki::Pki;
use crate::raw::random;

const MIB: usize = 1024 * 1024;

fn seed() -> u64 {
    let seed = u64::from_be_bytes(random());
    eprintln!("seed {seed}");
    seed
}

/// A hundred cuts at random points of the upload, a hundred of the download.
#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_interrupted_a_hundred_times_arrives_whole() {
    let broker = TestBroker::start().await;
    // 128 parts that just fit a padded size of 64 KiB, the last one shorter.
    let bytes = 128 * 65_280 - 1_000;
    let report = interrupted(broker.address(), seed(), bytes, 65_280, 100).await;
    assert!(report.arrived_whole, "{report:?}");
    assert_eq!(report.bytes, bytes as u64);
    assert_eq!((report.upload_cuts, report.download_cuts), (100, 100), "{report:?}");
}

/// The sending program ends midway, and the broker is killed midway: the same command goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_the_program_ended_and_the_broker_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), Pki::shared().path(), "");
    let mut broker = BrokerProcess::start(folder.path()).unwrap();
    let mut site = Site::open(broker.address).await;
    let (path, data) = site.file("plan.bin", 2 * MIB + 17, seed());
    let ids: Arc<Mutex<Vec<MessageId>>> = Arc::default();
    let upload = |until: Option<tokio::sync::mpsc::Sender<()>>| {
        let ids = ids.clone();
        let upload = Upload::new(site.draft(), vec![site.attachment(&path)]);
        upload.chunk_bytes(65_280).on_progress(move |progress: Progress| {
            ids.lock().unwrap().push(progress.message_id);
            if let Some(until) = &until
                && progress.sent_bytes > MIB as u64
            {
                let _told = until.try_send(());
            }
        })
    };
    let (half, mut is_half) = tokio::sync::mpsc::channel(1);
    let sender = site.sender(broker.address).await;
    let first = upload(Some(half));
    let running = tokio::spawn(async move { sender.upload(first).await });
    is_half.recv().await.unwrap();
    running.abort();
    let _aborted = running.await;
    broker.kill();
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let least = Arc::new(AtomicU64::new(u64::MAX));
    let seen = least.clone();
    let second = upload(None);
    let second = second.on_progress(move |progress: Progress| {
        seen.fetch_min(progress.sent_bytes, Ordering::SeqCst);
    });
    let sender = site.sender(broker.address).await;
    let outcome = sender.upload(second).await.unwrap();
    assert!(outcome.message.is_some_and(|message| message.is_accepted()));
    assert_eq!(ids.lock().unwrap()[0], outcome.message_id, "the same upload");
    assert!(least.load(Ordering::SeqCst) > MIB as u64, "what had arrived was not sent again");
    site.broker = broker.address;
    let recipient = site.recipient(broker.address).await;
    let mut stream = recipient.receive(&["zentrale"], 1000);
    let (saved, deliveries) = collect(&mut stream, &site.folder.path().join("in"), 5).await;
    assert_eq!(std::fs::read(&saved[0].path).unwrap(), data);
    assert_eq!(deliveries, 33 + 1, "each part once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_whose_category_is_not_covered_is_not_sent_and_nothing_else_is_told() {
    let broker = TestBroker::start().await;
    let site = Site::open(broker.address()).await;
    let (covered, _) = site.file("covered.bin", 70_000, 1);
    let (uncovered, _) = site.file("uncovered.bin", 70_000, 2);
    let attachments = || {
        let mut second = site.attachment(&uncovered);
        second.categories = vec!["gesundheit".to_owned()];
        vec![site.attachment(&covered), second]
    };
    let sender = site.sender(broker.address()).await;
    let outcome = sender.upload(Upload::new(site.draft(), attachments())).await.unwrap();
    assert!(outcome.message.is_none());
    assert_eq!(outcome.uncovered, [1]);
    let recipient = site.recipient(broker.address()).await;
    assert!(recipient.fetch(&["zentrale"], 100).await.unwrap().is_empty(), "nothing was sent");

    let upload = Upload::new(site.draft(), attachments()).leaving_out_uncovered();
    let outcome = sender.upload(upload).await.unwrap();
    assert!(outcome.message.is_some_and(|message| message.is_accepted()));
    assert_eq!(outcome.uncovered, [1]);
    let mut stream = recipient.receive(&["zentrale"], 10);
    let (saved, _) = collect(&mut stream, &site.folder.path().join("in"), 9).await;
    let names: Vec<&str> = saved.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["covered.bin"]);
}

/// Recall during the upload, and a revocation during the upload and during the download.
#[tokio::test(flavor = "multi_thread")]
async fn recall_and_revocation_stop_the_rest() {
    let broker = TestBroker::start().await;
    let site = Site::open(broker.address()).await;
    let (path, _) = site.file("plan.bin", 2 * MIB, seed());
    let sender = site.sender(broker.address()).await;
    let recipient = site.recipient(broker.address()).await;

    // Recall: as soon as the first half has arrived.
    let (half, mut is_half) = tokio::sync::mpsc::channel(1);
    let upload = Upload::new(site.draft(), vec![site.attachment(&path)]).chunk_bytes(65_280);
    let upload = upload.on_progress(move |progress: Progress| {
        if progress.sent_bytes > MIB as u64 {
            let _told = half.try_send(progress.message_id);
        }
    });
    let uploading = sender.clone();
    let running = tokio::spawn(async move { uploading.upload(upload).await });
    let id = is_half.recv().await.unwrap();
    sender.discard_upload(id).await.unwrap();
    match running.await.unwrap() {
        Err(error) => assert!(error.is_refused_for(ErrorReason::UploadDiscarded), "{error}"),
        Ok(outcome) => panic!("{outcome:?}"),
    }
    assert!(recipient.fetch(&["zentrale"], 100).await.unwrap().is_empty());

    // A revocation during the download: not one more part.
    let upload = Upload::new(site.draft(), vec![site.attachment(&path)]).chunk_bytes(65_280);
    let outcome = sender.upload(upload).await.unwrap();
    assert!(outcome.message.is_some_and(|message| message.is_accepted()));
    let mut collector = AttachmentCollector::open(site.folder.path().join("in")).unwrap();
    let mut stream = recipient.receive(&["zentrale"], 1);
    for _ in 0..3 {
        let received = stream.next().await.unwrap().verified().unwrap();
        collector.take(&received).unwrap();
        received.acknowledge().await.unwrap();
    }
    site.lotse.revoke(&site.attachment_consent).await.unwrap();
    stream.close().await;
    // What was handed out before the revocation may still be in the stream; after it comes the message alone.
    let left = recipient.fetch(&["zentrale"], 100).await.unwrap();
    let kinds: Vec<String> = left.into_iter().map(|one| one.verified().unwrap().kind).collect();
    assert_eq!(kinds, ["fallkonferenz.note"]);

    // A revocation during the upload: the next part is not covered, and nothing is sent.
    let again = Site::open(broker.address()).await;
    let (path, _) = again.file("plan.bin", 2 * MIB, seed());
    let (half, mut is_half) = tokio::sync::mpsc::channel(1);
    let upload = Upload::new(again.draft(), vec![again.attachment(&path)]).chunk_bytes(65_280);
    let upload = upload.on_progress(move |progress: Progress| {
        if progress.sent_bytes > MIB as u64 / 2 {
            let _told = half.try_send(());
        }
    });
    let uploading = again.sender(broker.address()).await;
    let running = tokio::spawn(async move { uploading.upload(upload).await });
    is_half.recv().await.unwrap();
    again.lotse.revoke(&again.attachment_consent).await.unwrap();
    let outcome = running.await.unwrap().unwrap();
    assert!(outcome.message.is_none() && outcome.uncovered == [0], "{outcome:?}");
    assert!(recipient.fetch(&["zentrale"], 100).await.unwrap().is_empty());
}

/// A part that was changed on its way is not believed, and never reaches a collector.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_part_is_refused_by_broker_and_recipient() {
    use schleuse_client::{Incoming, v1};
    let broker = TestBroker::start().await;
    let site = Site::open(broker.address()).await;
    let (path, _) = site.file("plan.bin", 1000, seed());
    let sender = site.sender(broker.address()).await;
    let outcome = sender.upload(Upload::new(site.draft(), vec![site.attachment(&path)])).await;
    assert!(outcome.unwrap().message.is_some_and(|message| message.is_accepted()));
    let raw = crate::raw::RawClient::connect(broker.address(), crate::raw::DRV, "system").await;
    let deliveries = raw.fetch("zentrale", 10).await;
    let sealed = deliveries[0].sealed.clone().unwrap();
    let recipient = site.recipient(broker.address()).await;
    let verifier = schleuse_client::Verifier {
        trust: recipient.trust(),
        keys: recipient.sealing_keys(),
        agency: crate::raw::DRV,
    };
    let whole = verifier.open(&sealed).unwrap();
    assert_eq!(whole.label.categories, [ATTACHED]);
    for at in [0, 7, sealed.ciphertext.len() - 1] {
        let mut changed = sealed.clone();
        let mut bytes = changed.ciphertext.to_vec();
        bytes[at] ^= 1;
        changed.ciphertext = bytes.into();
        assert!(verifier.open(&changed).is_err());
        let message = v1::OutgoingMessage {
            participant_reference: site.jobcenter_reference.clone(),
            sealed: Some(changed),
            ..v1::OutgoingMessage::default()
        };
        let refused =
            crate::raw::RawClient::connect(broker.address(), crate::raw::JOBCENTER, "system")
                .await
                .submit(vec![message])
                .await;
        assert!(refused.is_err());
    }
    let mut moved = sealed.clone();
    let mut label = whole.label.clone();
    label.part_of = bytes::Bytes::copy_from_slice(&random::<16>());
    moved.label = prost::Message::encode_to_vec(&label).into();
    assert!(verifier.open(&moved).is_err(), "a part of another message");
    let _unused: Option<(Incoming, ClientError)> = None;
}

/// The broker's memory does not grow with an attachment: 100 MiB up and down through a real process. The bound
/// holds on any machine, since it counts what the process ever held, not when: what may be in memory is bounded
/// by windows, lanes and groups whose sum is a fraction of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_mib_pass_through_a_broker_whose_memory_stays_flat() {
    let report = crate::bench::attachments::run(100).await;
    let grown = report["broker_growth_mib"].as_u64().unwrap();
    assert!(grown < 64, "{report}");
}
