//! A witness against a log that may be forked, over HTTP, across restarts.

use std::io::Write as _;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use schleuse_proto::cosignature::CosignatureVerifier;
use schleuse_proto::evidence::Digest;
use tlog_tiles::{Hash, HashReader, prove_tree, stored_hashes, tree_hash};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::*;
use crate::test_log;

const NAME: &str = "dpo.example/witness";

struct Log(Vec<Hash>);

impl HashReader for Log {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

impl Log {
    /// 50 records; those of two branches are equal below `fork_at`.
    fn new(fork_at: u64, branch: u8) -> Self {
        let mut log = Self(Vec::new());
        for number in 0..50 {
            let record = [u8::try_from(number).unwrap(), if number < fork_at { 0 } else { branch }];
            let hashes = stored_hashes(number, &record, &log).unwrap();
            log.0.extend(hashes);
        }
        log
    }

    fn note(&self, size: u64) -> Vec<u8> {
        test_log::sign(size, tree_hash(size, self).unwrap().0)
    }

    fn request(&self, old_size: u64, size: u64) -> Vec<u8> {
        let is_needed = (1..size).contains(&old_size);
        let proof = if is_needed { prove_tree(size, old_size, self).unwrap() } else { Vec::new() };
        let proof = proof.into_iter().map(|hash| hash.0).collect();
        AddCheckpoint { old_size, proof, note: self.note(size) }.encode()
    }
}

struct Hand(AtomicI64);

impl Clock for Hand {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Place {
    folder: tempfile::TempDir,
    clock: Arc<Hand>,
    alarms: Arc<AtomicUsize>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        generate_key(&folder.path().join("witness.key"), NAME).unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(1_800_000_000_000)));
        Self { folder, clock, alarms: Arc::default() }
    }

    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    fn signer(&self) -> CosignatureSigner {
        load_key(&self.folder.path().join("witness.key"), NAME).unwrap()
    }

    fn verifier(&self) -> CosignatureVerifier {
        self.signer().verifier().clone()
    }

    fn log() -> CheckpointVerifier {
        CheckpointVerifier::new(&test_log::log_key()).unwrap()
    }

    fn open(&self) -> Result<Witness, ClientError> {
        let alarms = self.alarms.clone();
        let alarm: Alarm = Arc::new(move |_error| {
            alarms.fetch_add(1, Ordering::Relaxed);
        });
        Witness::open(&self.state(), Self::log(), self.signer(), self.clock.clone(), Some(alarm))
    }

    /// What a process that starts now would remember.
    fn on_disk(&self) -> Option<u64> {
        status(&self.state(), &Self::log()).unwrap().newest.map(|(newest, _)| newest.size)
    }
}

#[test]
fn a_growing_log_is_cosigned_and_each_step_is_on_disk() {
    let (place, log) = (Place::new(), Log::new(50, 0));
    let witness = place.open().unwrap();
    assert_eq!(witness.newest(), None);
    for (old, new) in [(0, 7), (7, 8), (8, 8), (8, 31), (31, 50)] {
        place.clock.0.fetch_add(1000, Ordering::Relaxed);
        let line = witness.add_checkpoint(&log.request(old, new)).unwrap();
        let cosignature = place.verifier().verify_answer(&log.note(new), &line).unwrap();
        assert_eq!(i64::try_from(cosignature.time_s).unwrap() * 1000, place.clock.now_ms());
        assert_eq!(place.on_disk(), Some(new));
        let newest = witness.newest().unwrap();
        assert_eq!(Place::log().verify(&newest.note).unwrap().size, new);
        place.verifier().verify(&newest.note).unwrap();
    }
}

#[test]
fn a_fork_is_refused_remembered_and_raised() {
    let (place, log, fork) = (Place::new(), Log::new(50, 0), Log::new(10, 9));
    let witness = place.open().unwrap();
    witness.add_checkpoint(&log.request(0, 20)).unwrap();
    let refused = witness.add_checkpoint(&fork.request(20, 30)).unwrap_err();
    assert_eq!(refused, WitnessRefusal::NotProven);
    assert_eq!(place.alarms.load(Ordering::Relaxed), 0, "anybody can send a wrong proof");
    let refused = witness.add_checkpoint(&fork.request(20, 20)).unwrap_err();
    assert_eq!(refused, WitnessRefusal::Forked { size: 20 });
    assert_eq!(place.alarms.load(Ordering::Relaxed), 1);
    let kept = status(&place.state(), &Place::log()).unwrap().fork.unwrap();
    let kept = String::from_utf8(std::fs::read(kept).unwrap()).unwrap();
    assert!(kept.contains(std::str::from_utf8(&fork.note(20)).unwrap()));
    assert_eq!(witness.newest().unwrap().root, tree_hash(20, &log).unwrap().0);
    witness.add_checkpoint(&log.request(20, 30)).unwrap();
}

#[test]
fn a_rollback_is_answered_with_the_size_that_is_known() {
    let (place, log) = (Place::new(), Log::new(50, 0));
    let witness = place.open().unwrap();
    witness.add_checkpoint(&log.request(0, 40)).unwrap();
    for (old, new) in [(0, 30), (30, 30), (0, 45), (20, 41), (41, 42)] {
        let refused = witness.add_checkpoint(&log.request(old, new)).unwrap_err();
        assert_eq!(refused, WitnessRefusal::OtherSize { newest: 40 }, "{old} to {new}");
    }
    assert_eq!(place.on_disk(), Some(40));
}

#[test]
fn a_restarted_witness_remembers() {
    let (place, log, fork) = (Place::new(), Log::new(50, 0), Log::new(10, 9));
    place.open().unwrap().add_checkpoint(&log.request(0, 20)).unwrap();
    place.clock.0.fetch_sub(3_600_000, Ordering::Relaxed);
    let witness = place.open().unwrap();
    assert_eq!(witness.newest().unwrap().size, 20);
    let refused = witness.add_checkpoint(&fork.request(0, 30)).unwrap_err();
    assert_eq!(refused, WitnessRefusal::OtherSize { newest: 20 });
    let line = witness.add_checkpoint(&log.request(20, 30)).unwrap();
    let cosignature = place.verifier().verify_answer(&log.note(30), &line).unwrap();
    assert_eq!(cosignature.time_s, 1_800_000_000, "never earlier than a smaller log was cosigned");
    let second = place.open().unwrap_err().to_string();
    assert!(second.contains("is in use by another witness"), "{second}");
}

#[test]
fn damaged_or_foreign_memory_stops_the_start() {
    let (place, log) = (Place::new(), Log::new(50, 0));
    place.open().unwrap().add_checkpoint(&log.request(0, 20)).unwrap();
    let path = place.state().join("checkpoint");
    let good = std::fs::read(&path).unwrap();
    let other_size = String::from_utf8(good.clone()).unwrap().replace("\n20\n", "\n2\n");
    for damaged in [Vec::new(), good[..good.len() / 2].to_vec(), log.note(20), other_size.into()] {
        std::fs::write(&path, damaged).unwrap();
        let error = place.open().unwrap_err().to_string();
        assert!(error.contains("checkpoint: is damaged or of another log"), "{error}");
    }
    std::fs::write(&path, &good).unwrap();
    assert_eq!(place.open().unwrap().newest().unwrap().size, 20);
    let other_key = place.folder.path().join("other.key");
    let other = generate_key(&other_key, "other.example/witness").unwrap();
    let opened = Witness::open(&place.state(), Place::log(), other, place.clock.clone(), None);
    let error = opened.unwrap_err().to_string();
    assert!(error.contains(NAME) && error.contains("another folder"), "{error}");
    std::fs::remove_file(place.state().join("witness-key")).unwrap();
    assert!(place.open().is_err(), "a checkpoint of nobody");
}

#[test]
fn what_cannot_be_kept_is_not_cosigned() {
    let (place, log) = (Place::new(), Log::new(50, 0));
    let witness = place.open().unwrap();
    witness.add_checkpoint(&log.request(0, 7)).unwrap();
    // A folder in the place of the file: no rename can replace it.
    std::fs::remove_file(place.state().join("checkpoint")).unwrap();
    std::fs::create_dir_all(place.state().join("checkpoint/in-the-way")).unwrap();
    let refused = witness.add_checkpoint(&log.request(7, 20)).unwrap_err();
    assert_eq!(refused, WitnessRefusal::NotKept);
    assert_eq!(witness.newest().unwrap().size, 7);
    assert_eq!(place.alarms.load(Ordering::Relaxed), 1);
}

#[test]
fn each_wrong_request_has_its_refusal() {
    let (place, log) = (Place::new(), Log::new(50, 0));
    let witness = place.open().unwrap();
    let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
    let good = text(log.request(0, 7));
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (body, expected) in [
        (String::new(), WitnessRefusal::Malformed),
        (good.replace("old 0", "old 00"), WitnessRefusal::Malformed),
        (good.replace("old 0", "old 8"), WitnessRefusal::Malformed),
        (good.replace("\n7\n", "\nseven\n"), WitnessRefusal::NotSigned),
        (good.replace("\n7\n", "\n8\n"), WitnessRefusal::NotSigned),
        (good.replace("\u{2014} schleuse", "\u{2014} else"), WitnessRefusal::NotSigned),
        (good.replace("schleuse.example/log\n7", "other.example\n7"), WitnessRefusal::UnknownLog),
        (good.replace("old 0\n", "old 1\n"), WitnessRefusal::OtherSize { newest: 0 }),
        (good.replace("old 0\n", &format!("old 0\n{hash}\n")), WitnessRefusal::NotProven),
    ] {
        assert_eq!(witness.add_checkpoint(body.as_bytes()).unwrap_err(), expected, "{body}");
    }
    assert_eq!(place.on_disk(), None);
    witness.add_checkpoint(good.as_bytes()).unwrap();
    let empty_root_wrong: Digest = [1; 32];
    let empty =
        AddCheckpoint { old_size: 0, proof: Vec::new(), note: test_log::sign(0, empty_root_wrong) };
    let fresh = Place::new();
    let refused = fresh.open().unwrap().add_checkpoint(&empty.encode()).unwrap_err();
    assert_eq!(refused, WitnessRefusal::Forked { size: 0 });
}

#[test]
fn signatures_of_strangers_are_not_kept() {
    let (place, log) = (Place::new(), Log::new(50, 0));
    let witness = place.open().unwrap();
    let junk = "\u{2014} schleuse.example/log AAAAAAAA\n".repeat(98);
    let body = [log.request(0, 7), junk.into_bytes()].concat();
    witness.add_checkpoint(&body).unwrap();
    let kept = String::from_utf8(witness.newest().unwrap().note).unwrap();
    assert_eq!(kept.matches('\u{2014}').count(), 2, "{kept}");
    drop(witness);
    assert_eq!(place.open().unwrap().newest().unwrap().size, 7);
}

#[test]
fn a_key_is_never_overwritten_and_nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let path = place.folder.path().join("witness.key");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(generate_key(&path, NAME).is_err());
    assert!(generate_key(&place.folder.path().join("b.key"), "two words").is_err());
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"\n").unwrap();
    assert_eq!(load_key(&path, NAME).unwrap().verifier(), &place.verifier());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(load_key(&path, NAME).unwrap_err().to_string().contains("chmod 600"));
}

/// One request on a connection of its own; the whole answer.
async fn ask(address: std::net::SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!(
        "{head} HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A refusal may come, and the connection end, before all of a large body is read.
    let _cut = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn over_http_answers_are_those_of_the_specification() {
    let (place, log, fork) = (Place::new(), Log::new(50, 0), Log::new(10, 9));
    let witness = Arc::new(place.open().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, witness, async move {
        let _stopped = stopped.await;
    }));
    let add = async |body: Vec<u8>| ask(address, "POST /add-checkpoint", &body).await;
    assert!(ask(address, "GET /checkpoint", b"").await.starts_with("HTTP/1.1 404"));
    let answer = add(log.request(0, 20)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(place.on_disk(), Some(20), "kept before it is answered");
    let (_, line) = answer.split_once("\r\n\r\n").unwrap();
    place.verifier().verify_answer(&log.note(20), line.as_bytes()).unwrap();
    for body in [log.request(0, 30), fork.request(20, 20)] {
        let answer = add(body).await;
        assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
        assert!(answer.contains("content-type: text/x.tlog.size\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n20\n"), "{answer}");
    }
    assert!(add(fork.request(20, 30)).await.starts_with("HTTP/1.1 422"));
    assert!(add(b"old 1\n".to_vec()).await.starts_with("HTTP/1.1 400"));
    assert!(add(vec![b'x'; 65 * 1024]).await.starts_with("HTTP/1.1 413"));
    let text = String::from_utf8(log.request(20, 30)).unwrap();
    assert!(add(text.replace("\n30\n", "\n31\n").into()).await.starts_with("HTTP/1.1 403"));
    let other = text.replace("schleuse.example/log\n", "other.example\n");
    assert!(add(other.into()).await.starts_with("HTTP/1.1 404"));
    assert!(ask(address, "GET /add-checkpoint", b"").await.starts_with("HTTP/1.1 405"));
    assert!(ask(address, "GET /else", b"").await.starts_with("HTTP/1.1 404"));
    let newest = ask(address, "GET /checkpoint", b"").await;
    let (_, note) = newest.split_once("\r\n\r\n").unwrap();
    assert_eq!(Place::log().verify(note.as_bytes()).unwrap().size, 20);
    place.verifier().verify(note.as_bytes()).unwrap();
    stop.send(()).unwrap();
    served.await.unwrap();
}
