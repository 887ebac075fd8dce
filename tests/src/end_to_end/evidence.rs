//! What each party can prove of its own acts, and that nobody gets evidence of another's.

use prost::Message as _;
use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint, check_inclusion};
use schleuse_proto::skeleton::{SKELETON_BYTES, commitment, leaf_hash};
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::{label, reason};
use crate::broker::{BrokerProcess, TestBroker, program, write_config};
use crate::pki::Pki;
use crate::raw::{BEZIRK, Case, DRV, Draft, JOBCENTER, RawClient};

fn verifier() -> CheckpointVerifier {
    let trust = std::fs::read_to_string(Pki::shared().path().join("trust.toml")).unwrap();
    let trust: toml::Table = trust.parse().unwrap();
    CheckpointVerifier::new(trust["log_key"].as_str().unwrap()).unwrap()
}

async fn own_records(
    client: &RawClient,
    record_numbers: Vec<u64>,
) -> Result<v1::ReadOwnRecordsResponse, tonic::Status> {
    let request = v1::ReadOwnRecordsRequest { record_numbers };
    client.log().read_own_records(request).await.map(tonic::Response::into_inner)
}

/// Checks a row against its proof and the checkpoint; returns its event.
fn proven(row: &v1::LogRow, proof: &v1::InclusionProof, checkpoint: &SignedCheckpoint) -> Event {
    let skeleton: [u8; SKELETON_BYTES] = row.skeleton.as_ref().try_into().unwrap();
    let path: Vec<[u8; 32]> =
        proof.path.iter().map(|hash| hash.as_ref().try_into().unwrap()).collect();
    assert_eq!(proof.record_number, row.record_number);
    check_inclusion(checkpoint, row.record_number, &leaf_hash(&skeleton), &path).unwrap();
    let salt: [u8; 16] = row.salt.as_ref().try_into().unwrap();
    assert_eq!(commitment(&salt, &row.body), skeleton[32..64]);
    v1::LogEntry::decode(row.body.clone()).unwrap().event.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_party_proves_its_own_acts_and_nobody_elses() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let accepted = jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    let uncovered = jobcenter.send(&Draft::new(&case.jobcenter_reference, BEZIRK)).await.unwrap();
    let unknown = jobcenter.send(&Draft::new("aaaaaaaaaaaaaaaaaaaaaaaaaa", DRV)).await.unwrap();
    let delivery = drv.fetch("zentrale", 1).await.remove(0);
    let number = |outcome: &v1::SubmitOutcome| outcome.receipt.as_ref().unwrap().record_number;
    let sent: Vec<u64> = [&accepted, &uncovered, &unknown].map(number).into();

    let evidence = own_records(&jobcenter, sent.clone()).await.unwrap();
    let checkpoint = verifier().verify(&evidence.checkpoint).unwrap();
    let decided: Vec<v1::MessageDecided> = evidence
        .rows
        .iter()
        .zip(&evidence.proofs)
        .map(|(row, proof)| match proven(row, proof, &checkpoint) {
            Event::MessageDecided(decided) => decided,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(decided.iter().map(|d| d.accepted).collect::<Vec<_>>(), [true, false, false]);
    assert!(decided.iter().all(|d| !d.catalogue_version.is_empty()));
    // The receipt that came with the answer is the very leaf.
    let skeleton: [u8; SKELETON_BYTES] = evidence.rows[0].skeleton.as_ref().try_into().unwrap();
    assert_eq!(accepted.receipt.unwrap().leaf_hash, leaf_hash(&skeleton).as_slice());
    // INVARIANT (uniform-refusal): also as evidence, all refusals look the same.
    let bare = |d: &v1::MessageDecided| v1::MessageDecided {
        label: bytes::Bytes::new(),
        payload_digest: bytes::Bytes::new(),
        signature: None,
        ..d.clone()
    };
    assert_eq!(bare(&decided[1]), bare(&decided[2]));
    assert!(evidence.rows.iter().all(|row| row.findings.is_empty()));
    let references: Vec<&str> =
        evidence.rows.iter().map(|row| row.participant_reference.as_str()).collect();
    assert_eq!(references, [case.jobcenter_reference.as_str(), "", ""]);

    let hand_out = delivery.receipt.as_ref().unwrap().record_number;
    let evidence = own_records(&drv, vec![hand_out]).await.unwrap();
    let checkpoint = verifier().verify(&evidence.checkpoint).unwrap();
    let event = proven(&evidence.rows[0], &evidence.proofs[0], &checkpoint);
    let Event::HandedOut(event) = event else { panic!("{event:?}") };
    assert_eq!(event.message_number, delivery.message_number);
    assert_eq!(event.purpose, label(&delivery).purpose);

    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let beyond = broker.server.engine().reader().latest().size() + 7;
    for (client, numbers) in [
        (&drv, vec![sent[0]]),
        (&drv, vec![hand_out, sent[0]]),
        (&jobcenter, vec![hand_out]),
        (&jobcenter, vec![0]),
        (&jobcenter, vec![beyond]),
        (&dpo, vec![sent[0]]),
    ] {
        let refused = own_records(client, numbers).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_NOT_FOUND", "{refused:?}");
    }
    for numbers in [vec![], vec![sent[0]; 101]] {
        let refused = own_records(&jobcenter, numbers).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_proven_at_every_size_of_the_log() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    for _ in 0..12 {
        jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    }
    let reader = broker.server.engine().reader().clone();
    let size = reader.latest().size();
    let leaves = reader.leaf_hashes(0, size).unwrap();
    let prove = |record_numbers: Vec<u64>, log_size| {
        let mut checkpoints = jobcenter.checkpoints();
        async move {
            let request = v1::ProveInclusionRequest { record_numbers, log_size };
            checkpoints.prove_inclusion(request).await.map(tonic::Response::into_inner)
        }
    };
    for log_size in 1..=size {
        let numbers: Vec<u64> = (0..log_size).collect();
        let answer = prove(numbers.clone(), log_size).await.unwrap();
        assert!(answer.checkpoint.is_empty() && answer.proofs.len() == numbers.len());
        let root = crate::log_root(&leaves[..log_size as usize]);
        let checkpoint = SignedCheckpoint { size: log_size, root, note: Vec::new() };
        for (number, proof) in numbers.iter().zip(&answer.proofs) {
            let path: Vec<[u8; 32]> =
                proof.path.iter().map(|hash| hash.as_ref().try_into().unwrap()).collect();
            let leaf = &leaves[*number as usize];
            check_inclusion(&checkpoint, *number, leaf, &path).unwrap();
            let other = &leaves[(*number as usize + 1) % leaves.len()];
            assert!(check_inclusion(&checkpoint, *number, other, &path).is_err());
        }
    }
    let newest = prove(vec![1], 0).await.unwrap();
    assert_eq!(verifier().verify(&newest.checkpoint).unwrap().size, size);
    for (numbers, log_size, expected) in [
        (vec![0], size + 1, "CHECKPOINT_AHEAD"),
        (vec![3], 3, "INVALID_FIELD"),
        (vec![], 0, "INVALID_FIELD"),
        (vec![0; 1001], 0, "INVALID_FIELD"),
    ] {
        let refused = prove(numbers, log_size).await.unwrap_err();
        assert_eq!(reason(&refused), format!("ERROR_REASON_{expected}"));
    }
}

/// Hashes read from tiles, with the arithmetic of the C2SP library.
struct TileFolder {
    folder: std::path::PathBuf,
    size: u64,
}

impl TileFolder {
    fn read(&self, level: &str, number: u64, items: u64) -> Vec<u8> {
        let path = self.folder.join("tile").join(level);
        let path = if number < 1000 {
            path.join(format!("{number:03}"))
        } else {
            path.join(format!("x{:03}/{:03}", number / 1000, number % 1000))
        };
        let width = (items - number * 256).min(256);
        let path = if width == 256 {
            path
        } else {
            std::path::PathBuf::from(format!("{}.p/{width}", path.display()))
        };
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl tlog_tiles::HashReader for TileFolder {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let hashes = indexes.iter().map(|index| {
            let tile = tlog_tiles::Tile::from_index(8, *index);
            let items = self.size >> (8 * tile.level());
            let data = self.read(&tile.level().to_string(), tile.level_index(), items);
            let width = u32::try_from(data.len() / 32).unwrap();
            tlog_tiles::Tile::new(8, tile.level(), tile.level_index(), width, false)
                .hash_at_index(&data, *index)
        });
        hashes.collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exported_tiles_prove_every_record_to_a_foreign_reader() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), Pki::shared().path(), "");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let case = Case::open(broker.address).await;
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    for _ in 0..17 {
        let draft = Draft::new(&case.jobcenter_reference, DRV);
        let mut messages: Vec<_> = (0..32).map(|_| draft.message(JOBCENTER)).collect();
        jobcenter.seal_batch(&mut messages);
        jobcenter.submit(messages).await.unwrap();
    }
    assert_eq!(broker.terminate(), Some(0));
    let out = folder.path().join("tiles");
    let export = || {
        std::process::Command::new(program("schleuse-broker"))
            .args(["export-tiles", "--config"])
            .arg(&config)
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap()
    };
    assert!(export().status.success());
    let again = export();
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(!again.status.success() && said.contains("not empty"), "{said}");

    let checkpoint = verifier().verify(&std::fs::read(out.join("checkpoint")).unwrap()).unwrap();
    let size = checkpoint.size;
    assert!(size > 2 * 256, "two full tiles and a part of one: {size}");
    let tiles = TileFolder { folder: out, size };
    assert_eq!(tlog_tiles::tree_hash(size, &tiles).unwrap().0, checkpoint.root);
    for number in 0..size {
        let bundle = tiles.read("entries", number / 256, size);
        let at = (number % 256) as usize * (2 + SKELETON_BYTES);
        let (length, entry) = (&bundle[at..at + 2], &bundle[at + 2..at + 2 + SKELETON_BYTES]);
        assert_eq!(usize::from(length[0]) * 256 + usize::from(length[1]), SKELETON_BYTES);
        let proof = tlog_tiles::prove_record(size, number, &tiles).unwrap();
        let leaf = tlog_tiles::record_hash(entry);
        let root = tlog_tiles::Hash(checkpoint.root);
        tlog_tiles::check_record(&proof, size, root, number, leaf).unwrap();
    }
}
