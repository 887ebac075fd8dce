//! Counts against counts that read every record: random logs, filters and viewers, with erasures, retention and
//! restarts in between, and with the index thrown away.

use std::sync::Arc;

use schleuse_broker::domain::event::{Actor, LogFilter};
use schleuse_broker::domain::ids::{AgencyId, Reference};
use schleuse_broker::engine::{
    Clock as _, Engine, GROUPS_MAX, Grouping, LogCount, Range, RunSubject, Taken,
};
use schleuse_broker::record::facts::Wanted;
use schleuse_proto::identity::Role;
use schleuse_proto::v1;

use super::queries::Random;
use super::rights::copy_folder;
use crate::broker::{TestBroker, TestClock};
use crate::pki::Pki;
use crate::raw::{BEZIRK, Case, DRV, Draft, JOBCENTER, LOTSE_AGENCY, RawClient, address};

const HOUR_MS: u64 = 3_600_000;
const SEEDS: [u64; 2] = [20_261_122, 7];
const GROUPINGS: [Grouping; 8] = [
    Grouping::Type,
    Grouping::Agency,
    Grouping::AgencyPair,
    Grouping::Purpose,
    Grouping::Kind,
    Grouping::Outcome,
    Grouping::Day,
    Grouping::Month,
];

fn officer(agency: &str) -> Actor {
    let agency = AgencyId::parse(agency).unwrap();
    Actor { agency, role: Role::Dpo, person: None, serial: Arc::from([1_u8]) }
}

/// A filter; now and then one that classes do not answer.
fn filter(random: &mut Random, engine: &Engine) -> LogFilter {
    if random.below(4) == 0 {
        return LogFilter::default();
    }
    let size = engine.reader().latest().size();
    let mut time = || {
        let at = engine.reader().record(random.below(size)).unwrap().skeleton.time_ms;
        [None, Some(at), Some(at + 1)][random.below(3) as usize]
    };
    let (from, until) = (time(), time());
    let agency = |name: &str| AgencyId::parse(name).unwrap();
    LogFilter {
        agencies: random.maybe(&[JOBCENTER, DRV, BEZIRK]).map(agency).into_iter().collect(),
        from,
        until,
        types: (0..random.below(3)).map(|_| random.below(19) as u8 + 1).collect(),
        purpose: random.maybe(&["fallkonferenz", "zustaendigkeit"]).map(str::to_owned),
        kind: random.maybe(&["zustaendigkeit.note"]).map(str::to_owned),
        accepted: random.maybe(&[true, false]),
        category: (random.below(12) == 0).then(|| "termine".to_owned()),
        certificate: (random.below(12) == 0).then(|| bytes::Bytes::from_static(&[1])),
        consent: None,
    }
}

fn finished(mut count: LogCount) -> schleuse_broker::engine::Groups {
    while !count.go_on().unwrap() {}
    count.groups()
}

/// Compares so many random counts; how many records they had.
fn compare(engine: &Engine, random: &mut Random, rounds: usize, when: &str) -> u64 {
    let mut records = 0;
    for _ in 0..rounds {
        let actor = officer(random.pick(&["projekt", JOBCENTER, DRV, BEZIRK, LOTSE_AGENCY]));
        let filter = filter(random, engine);
        let wanted = Wanted::new(&filter, &engine.rules().catalogue).unwrap();
        let size = engine.reader().latest().size();
        let first = random.maybe(&[0, 1, 2_047, 2_048, size - 1]).unwrap_or_default();
        let end = random.maybe(&[size / 2, size - 1]).unwrap_or(size);
        let range = Range { first, end, from: filter.from, until: filter.until };
        let mut by: Vec<Grouping> = Vec::new();
        for _ in 0..random.below(4) {
            let grouping = random.pick(&GROUPINGS);
            if !by.contains(&grouping) {
                by.push(grouping);
            }
        }
        let counted = engine.count(&actor, wanted.clone(), range.clone(), by.clone()).unwrap();
        let read = engine.count_reading(&actor, wanted, range.clone(), by.clone()).unwrap();
        let (counted, read) = (finished(counted), finished(read));
        assert!(read.len() <= GROUPS_MAX);
        assert_eq!(counted, read, "{when}: {actor:?} {filter:?} {range:?} by {by:?}");
        records += read.values().map(|group| group.records).sum::<u64>();
    }
    records
}

/// Participants about whom messages pass, and what is sent about them.
struct Scene {
    pki: Pki,
    clock: Arc<TestClock>,
    /// References of the project.
    erasable: Vec<Reference>,
    drafts: Vec<(&'static str, Draft)>,
}

impl Scene {
    async fn open(broker: &TestBroker, pki: Pki, clock: Arc<TestClock>) -> Self {
        let lotse = RawClient::with(&pki, broker.address(), LOTSE_AGENCY, "lotse-l-01").await;
        let (mut erasable, mut drafts) = (Vec::new(), Vec::new());
        for (sender, recipient) in [(JOBCENTER, DRV), (DRV, BEZIRK), (JOBCENTER, BEZIRK)] {
            let case = Case::with(lotse.clone(), &[sender], recipient).await;
            let project = lotse.reference_for(&case.reference, "projekt").await;
            erasable.push(Reference::parse_text(&project).unwrap());
            let reference = lotse.reference_for(&case.reference, sender).await;
            let covered = Draft::new(&reference, recipient);
            let uncovered = Draft {
                purpose: "zustaendigkeit".into(),
                kind: "zustaendigkeit.note".into(),
                ..covered.clone()
            };
            let nowhere = Draft { recipient: address("niemand", "zentrale"), ..covered.clone() };
            drafts.extend([covered, uncovered, nowhere].map(|draft| (sender, draft)));
        }
        Self { pki, clock, erasable, drafts }
    }

    /// Some messages, refused calls and receipts.
    async fn act(&self, broker: &TestBroker, random: &mut Random) {
        self.clock.advance(random.pick(&[1, 60_000, HOUR_MS, 20 * HOUR_MS]));
        for _ in 0..8 {
            let (sender, draft) = random.pick(&self.drafts);
            let client = RawClient::with(&self.pki, broker.address(), sender, "system").await;
            let draft = Draft { created_at_ms: self.clock.now_ms(), ..draft };
            let mut messages: Vec<_> = (0..32).map(|_| draft.message(sender)).collect();
            client.seal_batch(&mut messages);
            client.submit(messages).await.unwrap();
            if random.below(3) == 0 {
                let taken = client.fetch("zentrale", 20).await;
                let numbers: Vec<u64> = taken.iter().map(|taken| taken.message_number).collect();
                if !numbers.is_empty() {
                    client.acknowledge(numbers).await.unwrap();
                }
                client.planning().show_places(v1::ShowPlacesRequest {}).await.unwrap_err();
            }
        }
    }
}

/// A person of the project's officers.
fn person(name: &str) -> Actor {
    Actor { person: Some(name.into()), ..officer("projekt") }
}

/// What erases: proposed by one person and approved by another.
async fn run(engine: &Engine, subject: RunSubject) -> Taken {
    let why = "what counts are compared after".to_owned();
    let proposed = engine.propose_run(&person("d-01"), subject, why).await.unwrap();
    engine.approve_run(&person("d-02"), proposed.record).await.unwrap().taken
}

async fn play(seed: u64) {
    let mut random = Random(seed);
    let clock = TestClock::starting_now();
    let pki = Pki::lasting(clock.now() - 24 * HOUR_MS, 90);
    let mut broker = TestBroker::with(&pki, clock.clone(), "").await;
    let mut scene = Scene::open(&broker, pki, clock.clone()).await;
    let mut records = 0;
    for step in 0..20 {
        scene.act(&broker, &mut random).await;
        let when = format!("seed {seed}, step {step}");
        let engine = broker.server.engine().clone();
        if step % 4 == 1 {
            records += compare(&engine, &mut random, 8, &when);
        }
        if step % 7 == 5
            && let Some(reference) = scene.erasable.pop()
        {
            run(&engine, RunSubject::Erasure(reference)).await;
            records += compare(&engine, &mut random, 12, &format!("{when}, erased"));
        }
        drop(engine);
        if step % 6 == 5 {
            let TestBroker { server, folder } = broker;
            server.drain().await;
            if step == 11 {
                std::fs::remove_dir_all(folder.path().join("data/index")).unwrap();
            }
            let server = TestBroker::open(folder.path(), clock.clone()).await.unwrap();
            broker = TestBroker { server, folder };
            records += compare(broker.server.engine(), &mut random, 6, &format!("{when}, again"));
        }
    }
    let engine = broker.server.engine().clone();
    assert!(engine.reader().latest().size() > 2 * 2_048, "more than two blocks");
    clock.advance(4 * 366 * 24 * HOUR_MS);
    // What still waits expires with the first round.
    engine.preview_run(&person("d-01"), RunSubject::Retention).await.unwrap();
    run(&engine, RunSubject::Retention).await;
    records += compare(&engine, &mut random, 12, "after retention");
    assert!(records > 20_000, "{records}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_what_reading_every_record_gives() {
    for seed in SEEDS {
        play(seed).await;
    }
}

/// A crash between the record of an erasure and its overwriting: the next start erases, and counts know.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_a_start_finishes_is_counted_as_one() {
    let mut random = Random(3);
    let clock = TestClock::starting_now();
    let pki = Pki::lasting(clock.now() - 24 * HOUR_MS, 90);
    let broker = TestBroker::with(&pki, clock.clone(), "").await;
    let mut scene = Scene::open(&broker, pki, clock.clone()).await;
    scene.act(&broker, &mut random).await;
    let TestBroker { server, folder } = broker;
    let (data, before) = (folder.path().join("data"), folder.path().join("before"));
    server.drain().await;
    copy_folder(&data, &before);
    let server = TestBroker::open(folder.path(), clock.clone()).await.unwrap();
    let erased = run(server.engine(), RunSubject::Erasure(scene.erasable.remove(0))).await;
    let Taken::Erasure { records, .. } = erased else { panic!("{erased:?}") };
    assert!(records > 3, "{records}");
    server.drain().await;
    // What was overwritten is there again, as if it had never been.
    let segment = "segment-00000000.log";
    let mut bytes = std::fs::read(data.join(segment)).unwrap();
    let old = std::fs::read(before.join(segment)).unwrap();
    let mut restored = 0;
    for (now, old) in bytes.iter_mut().zip(old).filter(|(now, _)| **now == 0) {
        restored += usize::from(old != 0);
        *now = old;
    }
    assert!(restored > 1_000, "{restored} bytes");
    std::fs::write(data.join(segment), bytes).unwrap();
    let server = TestBroker::open(folder.path(), clock).await.unwrap();
    let records = compare(server.engine(), &mut random, 100, "after the crash");
    assert!(records > 1_000, "{records}");
    server.drain().await;
}
