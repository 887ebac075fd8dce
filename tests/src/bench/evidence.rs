//! Evidence: inclusion proofs in a large tree, the offline verifier, and what receipts cost.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use schleuse_broker::journal::checkpoint::CheckpointSigner;
use schleuse_broker::journal::disk::RealDisk;
use schleuse_broker::journal::segments::{SegmentJournal, Sizes};
use schleuse_broker::journal::{Journal as _, JournalReader as _, NewRecord};
use schleuse_client::{Bundle, Client, Expectations, LogQuery};
use schleuse_proto::evidence::sha256;
use schleuse_proto::skeleton::leaf_hash;
use schleuse_proto::v1;
use serde_json::{Value, json};

use super::{now, percentile, rate, throughput};
use crate::broker::{BrokerProcess, write_config};
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, RawClient};

/// Messages of the export: with the few other records under the most that one export gives.
const EXPORTED: usize = 99_840;
/// Records appended together.
const TOGETHER: u64 = 20_000;
/// Rounds of the verifier.
const ROUNDS: usize = 3;

/// Measures all of it; `records` is the size of the large tree.
pub async fn run(records: u64, seconds: u64) -> Value {
    let verifier = verifier().await;
    let receipts = receipts(seconds).await;
    json!({ "verifier": verifier, "receipts": receipts, "inclusion": inclusion(records) })
}

/// Inclusion proofs in a tree of that many records, read from its files.
fn inclusion(records: u64) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let signer = CheckpointSigner::new("bench.example/log", key.as_ref()).unwrap();
    let mib = 1024 * 1024;
    let sizes = Sizes { segment_bytes: 512 * mib, reserve_bytes: 512 * mib, free_bytes_min: 0 };
    let opened = SegmentJournal::open(
        Arc::new(RealDisk),
        folder.path(),
        Arc::new(signer),
        sizes,
        Box::new(|| [1; 16]),
        &mut |_| Ok(()),
    );
    let mut opened = opened.unwrap();
    let record = |number: u64| NewRecord {
        record_type: 12,
        time: number,
        body: number.to_be_bytes().to_vec(),
        findings: Vec::new(),
        private: Vec::new(),
        payload: Bytes::new(),
        payload_digest: [0; 32],
        salts: [[1; 16], [2; 16], [3; 16]],
    };
    let mut size = 0;
    while size < records {
        let end = (size + TOGETHER).min(records);
        opened.journal.append((size..end).map(record).collect()).unwrap();
        size = end;
    }
    let mut times = Vec::new();
    for number in (0..records).step_by((records / 10_000).max(1) as usize) {
        let begin = now();
        let path = opened.reader.prove_inclusion(number, records).unwrap();
        times.push(begin.elapsed());
        assert!(path.len() >= 3);
    }
    times.sort_unstable();
    let share = |share| percentile(&times, share);
    json!({ "records": records, "p50_us": share(0.5), "p99_us": share(0.99), "max_us": share(1.0) })
}

/// The offline verifier over a whole log, with and without signatures.
async fn verifier() -> Value {
    let (bundle, json_bytes) = exported().await;
    let trust = schleuse_client::TrustAnchors::load(&Pki::shared().path().join("trust.toml"));
    let trust = trust.unwrap();
    let begin = now();
    let parsed = Bundle::from_json(&json_bytes).unwrap();
    let parsing = begin.elapsed();
    assert_eq!(parsed, bundle);
    let measure = |expected: &Expectations<'_>| {
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let begin = now();
            let report = bundle.check(expected);
            best = best.min(begin.elapsed());
            assert!(report.is_sound(), "{report}");
        }
        rate(bundle.row_count() as u64, best)
    };
    let hashes = measure(&Expectations::new(&trust.log_key).complete());
    let all = measure(&Expectations::new(&trust.log_key).complete().trust(&trust.trust));
    json!({
        "rows": bundle.row_count(),
        "rows_per_second_without_signatures_one_thread": hashes,
        "rows_per_second_with_signatures": all,
        "read_json_mib_per_second": json_bytes.len() as f64 / parsing.as_secs_f64() / 1048576.0,
    })
}

/// The whole log of a broker that accepted many messages, as the project's officer exports it.
async fn exported() -> (Bundle, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), Pki::shared().path(), "queue_messages_max = 10000000");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let case = Case::open(broker.address).await;
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    draft.body = Bytes::from_static(&[7; 64]);
    for _ in 0..EXPORTED / 256 {
        let mut messages: Vec<_> = (0..256).map(|_| draft.message(JOBCENTER)).collect();
        jobcenter.seal_batch(&mut messages);
        for some in messages.chunks(32) {
            let outcomes = jobcenter.submit(some.to_vec()).await.unwrap();
            assert!(outcomes.iter().all(|o| o.result() == v1::SubmitResult::Accepted));
        }
    }
    let query = LogQuery::new("measurement of the verifier").max_rows(100_000);
    let officer = officer(&broker, folder.path()).await;
    let bundle = officer.export(&query).await.unwrap();
    let json = bundle.to_json().unwrap();
    (bundle, json)
}

async fn officer(broker: &BrokerProcess, folder: &Path) -> Client {
    let leaf = Pki::shared().leaf("projekt", "dpo");
    let client = Client::builder()
        .endpoint(format!("https://{}", broker.address))
        .server_name("localhost")
        .trust_file(Pki::shared().path().join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"))
        .state_dir(folder.join("officer"));
    client.connect().await.unwrap()
}

/// What the tree and the receipts cost of a streamed submission, by the cost of their parts: the leaf hash,
/// on average one inner hash, and the receipt in the answer.
async fn receipts(seconds: u64) -> Value {
    let per_second = throughput::stream(seconds).await;
    let count = 200_000_u64;
    let mut skeleton = [7_u8; 160];
    let mut sum = 0_usize;
    let bare = v1::SubmitOutcome {
        result: v1::SubmitResult::Accepted.into(),
        ..v1::SubmitOutcome::default()
    };
    let begin = now();
    for number in 0..count {
        skeleton[16..24].copy_from_slice(&number.to_be_bytes());
        let leaf = leaf_hash(&skeleton);
        let node = sha256(&[&[1], &leaf, &leaf]);
        let receipt =
            v1::Receipt { record_number: number, leaf_hash: Bytes::copy_from_slice(&leaf) };
        let outcome = v1::SubmitOutcome { receipt: Some(receipt), ..bare.clone() };
        sum += outcome.encode_to_vec().len() + usize::from(node[0] & 1);
    }
    let with = begin.elapsed();
    let begin = now();
    for _ in 0..count {
        sum += bare.clone().encode_to_vec().len();
    }
    let without = begin.elapsed();
    assert!(sum > 0);
    let each = with.saturating_sub(without).as_secs_f64() / count as f64;
    json!({
        "stream_submits_per_second": per_second,
        "nanoseconds_per_message": each * 1e9,
        "share_of_one_core_percent": each * per_second as f64 * 100.0,
    })
}
