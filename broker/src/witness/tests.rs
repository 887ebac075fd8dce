//! The collector against witnesses that answer whatever a test wants.

use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ::http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use schleuse_proto::checkpoint::check_consistency;
use schleuse_proto::cosignature::{CosignatureSigner, cosignatures};
use schleuse_proto::witness::AddCheckpoint;
use tokio::net::TcpListener;

use super::*;
use crate::journal::checkpoint::CheckpointSigner;
use crate::journal::disk::RealDisk;
use crate::journal::segments::{Opened, SegmentJournal, Sizes};
use crate::journal::{Journal as _, NewRecord};

const START_MS: u64 = 1_800_000_000_000;

/// A log of one broker, with its clock.
struct Log {
    folder: tempfile::TempDir,
    opened: Opened,
    verifier: CheckpointVerifier,
    clock: Arc<AtomicU64>,
    ahead: Arc<Mutex<Vec<u64>>>,
}

fn key() -> Vec<u8> {
    Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref().to_vec()
}

impl Log {
    fn new(records: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = CheckpointSigner::new("schleuse.example/log", &key()).unwrap();
        let verifier = signer.verifier().unwrap();
        let sizes = Sizes { segment_bytes: 64 * 1024, reserve_bytes: 64 * 1024, free_bytes_min: 0 };
        let opened = SegmentJournal::open(
            Arc::new(RealDisk),
            folder.path(),
            Arc::new(signer),
            sizes,
            Box::new(|| [3; 16]),
            &mut |_| Ok(()),
        );
        let clock = Arc::new(AtomicU64::new(START_MS));
        let ahead = Arc::default();
        let mut log = Self { folder, opened: opened.unwrap(), verifier, clock, ahead };
        log.grow(records);
        log
    }

    fn grow(&mut self, records: u64) {
        for number in 0..records {
            let record = NewRecord {
                record_type: 8,
                time: number,
                body: number.to_be_bytes().to_vec(),
                findings: Vec::new(),
                private: Vec::new(),
                payload: Bytes::new(),
                payload_digest: [0; 32],
                salts: [[1; 16]; 3],
            };
            self.opened.journal.append(vec![record]).unwrap();
        }
    }

    fn pass(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn collector(&self, witnesses: &[&Peer], quorum: usize) -> (Collector, Witnesses) {
        let (clock, ahead) = (self.clock.clone(), self.ahead.clone());
        let witnesses = witnesses.iter().map(|peer| peer.config.clone()).collect();
        Collector::new(Parts {
            rules: WitnessRules {
                witnesses,
                quorum,
                max_age_ms: 600_000,
                interval: Duration::from_secs(10),
            },
            log: self.verifier.clone(),
            reader: self.opened.reader.clone(),
            now: Arc::new(move || clock.load(Ordering::Relaxed)),
            file: self.folder.path().join("cosigned"),
            on_ahead: Arc::new(move |checkpoint| ahead.lock().unwrap().push(checkpoint.size)),
        })
    }
}

type Script = dyn Fn(&str, &[u8]) -> (StatusCode, Vec<u8>) + Send + Sync;

/// A witness that follows a script.
struct Peer {
    config: WitnessConfig,
    requests: Arc<AtomicUsize>,
}

async fn serve_script(listener: TcpListener, script: Arc<Script>, requests: Arc<AtomicUsize>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (script, requests) = (script.clone(), requests.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (script, requests) = (script.clone(), requests.clone());
            async move {
                requests.fetch_add(1, Ordering::Relaxed);
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let (status, body) = script(&path, &body);
                let mut answer = Response::new(Full::new(Bytes::from(body)));
                *answer.status_mut() = status;
                Ok::<_, Infallible>(answer)
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Peer {
    /// The script is made for the key that the peer is known by.
    async fn new(script: impl FnOnce(CosignatureSigner) -> Box<Script>, name: &str) -> Self {
        let signer = CosignatureSigner::new(name, &key()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/w/", listener.local_addr().unwrap());
        let (url, verifier) = (WitnessUrl::parse(&url).unwrap(), signer.verifier().clone());
        let requests = Arc::default();
        tokio::spawn(serve_script(listener, script(signer).into(), Arc::clone(&requests)));
        Self { config: WitnessConfig { url, verifier }, requests }
    }

    /// Answers the same to everything.
    async fn stubborn(status: StatusCode, body: &'static [u8]) -> Self {
        Self::new(|_| Box::new(move |_, _| (status, body.to_vec())), "stubborn.example").await
    }

    /// As the specification wants it, by a clock; it begins at a checkpoint.
    async fn good(log: &Log, known: Option<SignedCheckpoint>, name: &str, late_s: u64) -> Self {
        let (verifier, clock) = (log.verifier.clone(), log.clock.clone());
        let known = Mutex::new(known);
        let script = move |signer: CosignatureSigner| -> Box<Script> {
            Box::new(move |path, body| {
                assert_eq!(path, "/w/add-checkpoint");
                let request = AddCheckpoint::parse(body).unwrap();
                let offered = verifier.verify(&request.note).unwrap();
                let mut known = known.lock().unwrap();
                let size = known.as_ref().map_or(0, |known| known.size);
                if request.old_size != size {
                    return (StatusCode::CONFLICT, format!("{size}\n").into_bytes());
                }
                if let Some(known) = &*known {
                    check_consistency(known, &offered, &request.proof).unwrap();
                }
                let time_s = clock.load(Ordering::Relaxed) / 1000 - late_s;
                let line = signer.cosign(&offered.note, time_s).unwrap().line();
                *known = Some(offered);
                (StatusCode::OK, line)
            })
        };
        Self::new(script, name).await
    }

    fn count(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn cosignatures_of_all_witnesses_come_together_on_one_note() {
    let mut log = Log::new(5);
    let (one, two) =
        (Peer::good(&log, None, "one.example", 0).await, Peer::good(&log, None, "b", 60).await);
    let (mut collector, witnesses) = log.collector(&[&one, &two], 2);
    assert!(witnesses.is_late(log.now()), "before the first quorum");
    for records in [0, 1, 70] {
        log.grow(records);
        log.pass(10_000);
        collector.round().await;
        let note = witnesses.cosigned_note().unwrap();
        assert_eq!(log.verifier.verify(&note).unwrap().size, log.opened.journal.latest().size());
        let known = [one.config.verifier.clone(), two.config.verifier.clone()];
        assert_eq!(cosignatures(&note, &known).unwrap().len(), 2);
        assert_eq!(witnesses.quorum_age_ms(log.now()), Some(60_000), "the older of two");
        assert!(!witnesses.is_late(log.now()));
    }
    assert_eq!((one.count(), two.count()), (3, 3));
}

#[tokio::test]
async fn a_log_that_rests_is_cosigned_anew_before_the_word_is_too_old() {
    let log = Log::new(5);
    let one = Peer::good(&log, None, "one.example", 0).await;
    let (mut collector, witnesses) = log.collector(&[&one], 1);
    collector.round().await;
    log.pass(299_000);
    collector.round().await;
    assert_eq!(one.count(), 1, "nothing new to cosign, and the word is fresh");
    log.pass(1_000);
    collector.round().await;
    assert_eq!(one.count(), 2);
    assert_eq!(witnesses.quorum_age_ms(log.now()), Some(0));
    let note = witnesses.cosigned_note().unwrap();
    let lines = note.split(|byte| *byte == b'\n').filter(|line| line.starts_with("—".as_bytes()));
    assert_eq!(lines.count(), 2, "the older word is replaced");
}

#[tokio::test]
async fn a_witness_that_knows_the_log_already_is_followed() {
    let mut log = Log::new(5);
    let known = log.verifier.verify(log.opened.journal.latest().note()).unwrap();
    log.grow(8);
    let one = Peer::good(&log, Some(known), "one.example", 0).await;
    let (mut collector, witnesses) = log.collector(&[&one], 1);
    collector.round().await;
    assert_eq!(one.count(), 2, "one answer with its size, one cosignature");
    assert_eq!(witnesses.status()[0].size, Some(13));
    assert!(log.ahead.lock().unwrap().is_empty());
}

#[tokio::test]
async fn wrong_answers_are_faults_and_no_cosignatures() {
    let log = Log::new(5);
    for (status, body, fault) in [
        (StatusCode::OK, b"".as_slice(), "its answer: no cosignature of stubborn.example"),
        (StatusCode::OK, b"cosigned\n", "its answer: malformed signed note"),
        (StatusCode::CONFLICT, b"", "409 without a size"),
        (StatusCode::CONFLICT, b"0\n", "does not take our log as continuing its 0 records"),
        (StatusCode::CONFLICT, b"9\n", "does not take our log as continuing its 9 records"),
        (StatusCode::UNPROCESSABLE_ENTITY, b"", "does not take our log"),
        (StatusCode::FORBIDDEN, b"", "answered 403"),
        (StatusCode::NOT_FOUND, b"", "answered 404"),
        (StatusCode::INTERNAL_SERVER_ERROR, b"", "answered 500"),
        (StatusCode::FOUND, b"", "answered 302"),
    ] {
        let peer = Peer::stubborn(status, body).await;
        let (mut collector, witnesses) = log.collector(&[&peer], 1);
        collector.round().await;
        let known = &witnesses.status()[0];
        let said = known.fault.as_deref().unwrap();
        assert!(said.contains(fault), "{said}");
        assert_eq!((known.size, witnesses.cosigned_note()), (None, None));
        assert!(witnesses.is_late(log.now()));
    }
    assert!(log.ahead.lock().unwrap().is_empty(), "words alone are no proof");
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_never_settles_ends() {
    let log = Log::new(5);
    let long = Peer::stubborn(StatusCode::OK, &[b'x'; 65 * 1024]).await;
    let next = AtomicUsize::new(0);
    let script = move |_| -> Box<Script> {
        Box::new(move |_, _| {
            let size = 1 + next.fetch_add(1, Ordering::Relaxed) % 4;
            (StatusCode::CONFLICT, format!("{size}\n").into_bytes())
        })
    };
    let fickle = Peer::new(script, "fickle.example").await;
    let (mut collector, witnesses) = log.collector(&[&long, &fickle], 0);
    collector.round().await;
    let status = witnesses.status();
    assert!(status[0].fault.as_deref().unwrap().contains("length limit"), "{status:?}");
    assert!(status[1].fault.as_deref().unwrap().contains("another size each time"), "{status:?}");
    assert_eq!(fickle.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_never_answers_holds_up_nobody_for_long() {
    let log = Log::new(5);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut silent = Peer::stubborn(StatusCode::OK, b"").await;
    silent.config.url = WitnessUrl::parse(&url).unwrap();
    let (mut collector, witnesses) = log.collector(&[&silent], 0);
    collector.round().await;
    let fault = witnesses.status()[0].fault.clone().unwrap();
    assert_eq!(fault, "no answer within 5 s");
}

#[tokio::test]
async fn a_witness_whose_clock_is_wrong_does_not_count() {
    let log = Log::new(5);
    let slow = Peer::good(&log, None, "slow.example", 121).await;
    let (mut collector, witnesses) = log.collector(&[&slow], 1);
    collector.round().await;
    let fault = witnesses.status()[0].fault.clone().unwrap();
    assert_eq!(fault, "its clock is 121 s from ours");
    assert!(witnesses.is_late(log.now()));
}

#[tokio::test]
async fn a_witness_that_fails_is_asked_less_and_less_often() {
    let log = Log::new(5);
    let broken = Peer::stubborn(StatusCode::INTERNAL_SERVER_ERROR, b"").await;
    let (mut collector, _witnesses) = log.collector(&[&broken], 0);
    let mut asked_at = Vec::new();
    for second in 0..=200 {
        let before = broken.count();
        collector.round().await;
        if broken.count() > before {
            asked_at.push(second);
        }
        log.pass(1_000);
    }
    assert_eq!(asked_at, [0, 10, 30, 70, 130, 190]);
}

#[test]
fn without_witnesses_nothing_is_late() {
    let witnesses = Witnesses::disabled();
    assert!(!witnesses.is_late(u64::MAX));
    assert_eq!((witnesses.cosigned_note(), witnesses.quorum_age_ms(1)), (None, None));
    assert!(witnesses.status().is_empty());
}

#[tokio::test]
async fn it_is_late_after_the_allowed_age_and_only_where_a_quorum_is_required() {
    let log = Log::new(5);
    let one = Peer::good(&log, None, "one.example", 0).await;
    for (quorum, is_late) in [(0, false), (1, true)] {
        let (mut collector, witnesses) = log.collector(&[&one], quorum);
        collector.round().await;
        assert_eq!(witnesses.quorum_age_ms(log.now() + 600_000), Some(600_000));
        assert!(!witnesses.is_late(log.now() + 600_000));
        assert_eq!(witnesses.is_late(log.now() + 600_001), is_late);
    }
}
