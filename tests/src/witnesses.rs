//! The broker's collector against real witnesses: one down, a restart on either side, a journal that was
//! restored from an old copy, a fork.
//!
//! Upholds: append-only, anti-rollback; that a witness is missing is seen and holds up nothing.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use schleuse_broker::engine::Clock as _;
use schleuse_broker::journal::checkpoint::CheckpointSigner;
use schleuse_broker::journal::disk::RealDisk;
use schleuse_broker::journal::segments::{Opened, SegmentJournal, Sizes};
use schleuse_broker::journal::{Journal as _, JournalReader as _, NewRecord};
use schleuse_broker::witness::{
    Collector, Parts, WitnessConfig, WitnessRules, WitnessUrl, Witnesses,
};
use schleuse_client::witness::{Witness, generate_key, load_key, serve, status};
use schleuse_client::{Clock, SystemClock, TrustAnchors};
use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint};
use schleuse_proto::cosignature::{CosignatureVerifier, cosignatures};
use schleuse_proto::v1;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic_types::StatusExt as _;

use crate::broker::{TestBroker, TestClock};
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, RawClient};

const MINUTE_MS: u64 = 60_000;
static NEXT_HOST: AtomicU8 = AtomicU8::new(1);

/// A time that both sides see.
#[derive(Clone)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst) as i64
    }
}

/// A broker's log: its key, and one folder for each life of it.
struct Setting {
    folder: tempfile::TempDir,
    key: Vec<u8>,
    clock: Hand,
    ahead: Arc<Mutex<Vec<SignedCheckpoint>>>,
}

impl Setting {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref().to_vec();
        // Whole seconds, as cosignatures have.
        let now_ms = SystemClock.now_ms() as u64 / 1000 * 1000;
        let clock = Hand(Arc::new(AtomicU64::new(now_ms)));
        Self { folder, key, clock, ahead: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signer(&self) -> CheckpointSigner {
        CheckpointSigner::new("schleuse.example/log", &self.key).unwrap()
    }

    fn now(&self) -> u64 {
        self.clock.0.load(Ordering::SeqCst)
    }

    fn pass(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    fn journal(&self, name: &str) -> Opened {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        let mut tag = 0_u8;
        let new_tag = move || {
            tag += 1;
            [tag; 16]
        };
        let sizes = Sizes { segment_bytes: 64 * 1024, reserve_bytes: 64 * 1024, free_bytes_min: 0 };
        let disk = Arc::new(RealDisk);
        SegmentJournal::open(
            disk,
            &path,
            Arc::new(self.signer()),
            sizes,
            Box::new(new_tag),
            &mut |_| Ok(()),
        )
        .unwrap()
    }

    fn parts(&self, journal: &Opened, name: &str, places: &[&Place], quorum: usize) -> Parts {
        let (clock, ahead) = (self.clock.clone(), self.ahead.clone());
        Parts {
            rules: WitnessRules {
                witnesses: places.iter().map(|place| place.config()).collect(),
                quorum,
                max_age_ms: 60 * MINUTE_MS,
                interval: Duration::from_secs(1),
            },
            log: self.signer().verifier().unwrap(),
            reader: journal.reader.clone(),
            now: Arc::new(move || clock.0.load(Ordering::SeqCst)),
            file: self.path(name).join("cosigned"),
            on_ahead: Arc::new(move |checkpoint| ahead.lock().unwrap().push(checkpoint.clone())),
        }
    }

    fn take_ahead(&self) -> Vec<u64> {
        self.ahead.lock().unwrap().drain(..).map(|checkpoint| checkpoint.size).collect()
    }
}

fn grow(journal: &mut Opened, records: u64, branch: u8) {
    for number in 0..records {
        let record = NewRecord {
            record_type: 8,
            time: number,
            body: vec![branch; 9],
            findings: Vec::new(),
            private: Vec::new(),
            payload: Bytes::new(),
            payload_digest: [0; 32],
            salts: [[branch; 16]; 3],
        };
        journal.journal.append(vec![record]).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Where a witness is, running or not.
struct Place {
    name: &'static str,
    key: PathBuf,
    state: PathBuf,
    address: std::net::SocketAddr,
    verifier: CosignatureVerifier,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Place {
    async fn new(folder: &Path, name: &'static str) -> Self {
        let key = folder.join(format!("{name}.key"));
        let signer = generate_key(&key, name).unwrap();
        // An address of its own, so that nobody else is given the port while the witness is down.
        let host = NEXT_HOST.fetch_add(1, Ordering::SeqCst);
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 7, host), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = folder.join(format!("{name}.state"));
        Self { name, key, state, address, verifier: signer.verifier().clone(), running: None }
    }

    fn config(&self) -> WitnessConfig {
        let url = WitnessUrl::parse(&format!("http://{}", self.address)).unwrap();
        WitnessConfig { url, verifier: self.verifier.clone() }
    }

    async fn start(&mut self, setting: &Setting) {
        let log = setting.signer().verifier().unwrap();
        self.start_for(log, Arc::new(setting.clock.clone())).await;
    }

    async fn start_for(&mut self, log: CheckpointVerifier, clock: Arc<dyn Clock>) {
        let signer = load_key(&self.key, self.name).unwrap();
        let witness = Witness::open(&self.state, log, signer, clock, None).unwrap();
        let listener = TcpListener::bind(self.address).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = serve(listener, Arc::new(witness), async move {
            let _stopped = stopped.await;
        });
        self.running = Some((stop, tokio::spawn(served)));
    }

    async fn stop(&mut self) {
        let (stop, served) = self.running.take().unwrap();
        stop.send(()).unwrap();
        served.await.unwrap();
    }

    fn remembered(&self, setting: &Setting) -> u64 {
        let log = setting.signer().verifier().unwrap();
        status(&self.state, &log).unwrap().newest.unwrap().0.size
    }
}

#[tokio::test]
async fn a_witness_that_is_down_is_seen_by_its_age_and_a_quorum_by_its_absence() {
    let setting = Setting::new();
    let (mut one, mut two) = (
        Place::new(setting.folder.path(), "one.example").await,
        Place::new(setting.folder.path(), "two.example").await,
    );
    one.start(&setting).await;
    let mut journal = setting.journal("journal");
    grow(&mut journal, 5, 0);
    let (mut collector, witnesses) =
        Collector::new(setting.parts(&journal, "journal", &[&one, &two], 2));
    collector.round().await;
    let status = witnesses.status();
    assert_eq!((status[0].size, status[0].fault.clone()), (Some(5), None));
    assert!(status[1].fault.as_deref().unwrap().starts_with("cannot be reached"), "{status:?}");
    assert_eq!(status[1].age_ms(setting.now()), None);
    assert!(witnesses.is_late(setting.now()) && witnesses.cosigned_note().is_none());

    two.start(&setting).await;
    grow(&mut journal, 3, 0);
    setting.pass(MINUTE_MS);
    collector.round().await;
    assert!(!witnesses.is_late(setting.now()));
    let note = witnesses.cosigned_note().unwrap();
    let known = [one.verifier.clone(), two.verifier.clone()];
    assert_eq!(cosignatures(&note, &known).unwrap().len(), 2);
    assert_eq!(setting.signer().verifier().unwrap().verify(&note).unwrap().size, 8);
    assert_eq!((one.remembered(&setting), two.remembered(&setting)), (8, 8));

    two.stop().await;
    for _ in 0..61 {
        assert!(!witnesses.is_late(setting.now()));
        setting.pass(MINUTE_MS);
        grow(&mut journal, 1, 0);
        collector.round().await;
    }
    assert!(witnesses.is_late(setting.now()));
    assert_eq!(one.remembered(&setting), 69, "the other one is asked all the time");
    let old = witnesses.status()[1].age_ms(setting.now()).unwrap();
    assert_eq!(old, 61 * MINUTE_MS);
    assert_eq!(witnesses.cosigned_note(), Some(note), "the newest that both cosigned");

    two.start(&setting).await;
    setting.pass(MINUTE_MS);
    collector.round().await;
    assert!(!witnesses.is_late(setting.now()));
    assert!(setting.take_ahead().is_empty());
}

#[tokio::test]
async fn a_restarted_broker_remembers_who_cosigned() {
    let setting = Setting::new();
    let mut one = Place::new(setting.folder.path(), "one.example").await;
    one.start(&setting).await;
    let mut journal = setting.journal("journal");
    grow(&mut journal, 5, 0);
    let (mut collector, witnesses) = Collector::new(setting.parts(&journal, "journal", &[&one], 1));
    collector.round().await;
    let note = witnesses.cosigned_note();
    one.stop().await;
    setting.pass(59 * MINUTE_MS);
    let parts = || setting.parts(&journal, "journal", &[&one], 1);
    let (_collector, witnesses) = Collector::new(parts());
    assert_eq!(witnesses.cosigned_note(), note);
    assert!(!witnesses.is_late(setting.now()));
    setting.pass(2 * MINUTE_MS);
    assert!(witnesses.is_late(setting.now()));
    let file = setting.path("journal/cosigned");
    std::fs::write(&file, "damaged").unwrap();
    let (_collector, witnesses) = Collector::new(parts());
    assert_eq!(witnesses.cosigned_note(), None);
    assert!(witnesses.is_late(setting.now()));
    assert!(setting.take_ahead().is_empty());
}

#[tokio::test]
async fn a_restored_journal_is_shown_its_own_signature_over_what_it_lost() {
    let setting = Setting::new();
    let mut one = Place::new(setting.folder.path(), "one.example").await;
    one.start(&setting).await;
    let mut journal = setting.journal("journal");
    grow(&mut journal, 5, 0);
    copy(&setting.path("journal"), &setting.path("backup"));
    grow(&mut journal, 4, 1);
    let (mut collector, _) = Collector::new(setting.parts(&journal, "journal", &[&one], 1));
    collector.round().await;
    assert_eq!(one.remembered(&setting), 9);
    one.stop().await;
    one.start(&setting).await;

    // Shorter than what was cosigned, as long with other records, longer with other records.
    let mut restored = setting.journal("backup");
    let (mut collector, witnesses) = Collector::new(setting.parts(&restored, "backup", &[&one], 1));
    for records in [0, 4, 1, 20] {
        grow(&mut restored, records, 2);
        setting.pass(MINUTE_MS);
        collector.round().await;
        assert_eq!(setting.take_ahead(), [9], "after {records} more");
        assert_eq!(witnesses.cosigned_note(), None);
        let fault = witnesses.status()[0].fault.clone().unwrap();
        assert!(fault.contains("shows 9 records signed by our key"), "{fault}");
    }
    assert_eq!(one.remembered(&setting), 9, "the witness did not follow");

    // The broker's own note beside a journal that is older than it.
    std::fs::copy(setting.path("journal/cosigned"), setting.path("backup/cosigned")).unwrap();
    let (_collector, witnesses) = Collector::new(setting.parts(&restored, "backup", &[&one], 1));
    assert_eq!(setting.take_ahead(), [9]);
    assert_eq!(witnesses.cosigned_note(), None);
    assert!(witnesses.is_late(setting.now()));
    // The journal that was not restored goes on.
    let (mut collector, witnesses) = Collector::new(setting.parts(&journal, "journal", &[&one], 1));
    grow(&mut journal, 1, 1);
    collector.round().await;
    assert!(!witnesses.is_late(setting.now()) && setting.take_ahead().is_empty());
}

#[tokio::test]
async fn the_task_collects_by_itself_until_it_is_told_to_stop() {
    let setting = Setting::new();
    let mut one = Place::new(setting.folder.path(), "one.example").await;
    one.start(&setting).await;
    let mut journal = setting.journal("journal");
    grow(&mut journal, 5, 0);
    let stop = CancellationToken::new();
    let mut parts = setting.parts(&journal, "journal", &[&one], 1);
    parts.rules.interval = Duration::from_millis(1);
    let (witnesses, collecting) = Witnesses::start(parts, stop.clone()).await;
    assert_eq!(witnesses.status()[0].size, Some(5), "asked before it returns");
    let until = async |size: u64| {
        while witnesses.status()[0].size != Some(size) {
            tokio::task::yield_now().await;
        }
    };
    grow(&mut journal, 1, 0);
    tokio::time::timeout(Duration::from_secs(60), until(6)).await.unwrap();
    assert!(!witnesses.is_late(setting.now()));
    stop.cancel();
    collecting.await.unwrap();
    assert_eq!(journal.reader.latest().size(), 6);
}

/// The clock of a broker under test, for its witness.
struct Shared(Arc<TestClock>);

impl Clock for Shared {
    fn now_ms(&self) -> i64 {
        self.0.now() as i64
    }
}

fn configuration(place: &Place) -> String {
    format!(
        "[witnesses]\nquorum = 1\nmax_age_seconds = 600\ninterval_seconds = 1\n\
         [[witness]]\nurl = \"http://{}\"\nkey = \"{}\"\n",
        place.address,
        place.verifier.witness_key()
    )
}

/// Waits until the quorum has cosigned: on a busy machine a witness may not answer the first question in time.
async fn until_permitted(broker: &TestBroker, clock: &TestClock) {
    let standing = broker.server.engine().standing();
    let permitted = async {
        while standing.may_permit(clock.now()).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), permitted).await.unwrap();
}

fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_quorum_is_late_permits_nothing_new_and_still_revokes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::starting_now();
    let log = TrustAnchors::load(&Pki::shared().path().join("trust.toml")).unwrap().log;
    let mut one = Place::new(folder.path(), "one.example").await;
    one.start_for(log.clone(), Arc::new(Shared(clock.clone()))).await;
    let broker = TestBroker::with(Pki::shared(), clock.clone(), &configuration(&one)).await;
    until_permitted(&broker, &clock).await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    jobcenter.send(&draft).await.unwrap();
    let latest = jobcenter
        .checkpoints()
        .latest_checkpoint(v1::LatestCheckpointRequest::default())
        .await
        .unwrap();
    let cosigned = latest.into_inner().cosigned_checkpoint;
    assert!(log.verify(&cosigned).unwrap().size >= 1);
    one.verifier.verify(&cosigned).unwrap();
    let operator = RawClient::connect(broker.address(), "betrieb", "operator").await;
    let quorum = async || {
        let status = operator.operation().show_status(v1::ShowStatusRequest {}).await.unwrap();
        let status = status.into_inner();
        let late = status.permits.unwrap().witnesses_late;
        (status.witnesses.unwrap(), late)
    };
    let (known, late) = quorum().await;
    assert_eq!((known.quorum_required, known.quorum_met, late), (1, true, false));
    assert_eq!(known.max_age_ms, 10 * MINUTE_MS);
    let [witness] = known.witnesses.as_slice() else { panic!("{known:?}") };
    assert_eq!((witness.name.as_str(), witness.late), ("one.example", false));
    assert!(witness.age_ms.unwrap() < 10 * MINUTE_MS && witness.size >= 1);

    one.stop().await;
    clock.advance(10 * MINUTE_MS + 1_000);
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let refused = jobcenter.send(&draft).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_WITNESSES_LATE");
    let (known, late) = quorum().await;
    assert!(late && !known.quorum_met && known.witnesses[0].late, "{known:?}");
    case.lotse.revoke(&case.consent).await.unwrap();

    one.start_for(log, Arc::new(Shared(clock.clone()))).await;
    clock.advance(MINUTE_MS);
    until_permitted(&broker, &clock).await;
    jobcenter.send(&draft).await.unwrap();
    broker.server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_on_an_old_copy_hears_of_it_from_its_witness_before_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::starting_now();
    let log = TrustAnchors::load(&Pki::shared().path().join("trust.toml")).unwrap().log;
    let mut one = Place::new(folder.path(), "one.example").await;
    one.start_for(log, Arc::new(Shared(clock.clone()))).await;
    let broker = TestBroker::with(Pki::shared(), clock.clone(), &configuration(&one)).await;
    until_permitted(&broker, &clock).await;
    let case = Case::open(broker.address()).await;
    let TestBroker { server, folder: place } = broker;
    server.drain().await;
    let (data, backup) = (place.path().join("data"), place.path().join("backup"));
    let copy_all = |from: &Path, to: &Path| {
        let copied = std::process::Command::new("cp").arg("-r").args([from, to]).status().unwrap();
        assert!(copied.success());
    };
    copy_all(&data, &backup);
    let server = TestBroker::open(place.path(), clock.clone()).await.unwrap();
    assert!(!server.engine().standing().is_behind());
    server.drain().await;

    std::fs::remove_dir_all(&data).unwrap();
    copy_all(&backup, &data);
    let server = TestBroker::open(place.path(), clock.clone()).await.unwrap();
    assert!(server.engine().standing().is_behind(), "known before the first call");
    let jobcenter = RawClient::connect(server.address(), JOBCENTER, "system").await;
    let refused = jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_LOG_BEHIND");
    server.drain().await;
}
