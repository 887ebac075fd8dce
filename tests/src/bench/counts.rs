//! Counts of a log with many records of mixed agencies, purposes, outcomes and days: as a whole call, inside the
//! broker, and by reading every record.

use std::sync::Arc;
use std::time::Duration;

use schleuse_broker::domain::event::{Actor, LogFilter};
use schleuse_broker::domain::ids::AgencyId;
use schleuse_broker::engine::{Clock as _, Engine, Grouping, LogCount, Range};
use schleuse_broker::record::facts::Wanted;
use schleuse_proto::identity::Role;
use schleuse_proto::v1;
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;

use super::{now, percentile};
use crate::broker::{TestBroker, TestClock};
use crate::pki::Pki;
use crate::raw::{
    BEZIRK, DRV, Draft, JOBCENTER, KRANKENKASSE, LOTSE_AGENCY, RawClient, consent, grant,
};

const DAY_MS: u64 = 86_400_000;
const AGENCIES: [&str; 4] = [JOBCENTER, DRV, KRANKENKASSE, BEZIRK];
const PURPOSES: [(&str, &str); 3] = [
    ("fallkonferenz", "fallkonferenz.request"),
    ("zustaendigkeit", "zustaendigkeit.note"),
    ("unterlagen", "unterlagen.request"),
];
/// Days over which decisions alone would be spread; with what expires there are fewer, and certificates last longer.
const DAYS: u64 = 60;
const REPETITIONS: usize = 200;

/// Fills a log and counts it.
pub async fn run(records: u64) -> Value {
    let clock = TestClock::starting_now();
    let pki = Pki::lasting(clock.now() - DAY_MS, 90);
    let limits =
        "queue_messages_max = 10000000\nqueue_mib_max = 60000\nidempotency_keys_max = 100000000";
    let broker = TestBroker::with(&pki, clock.clone(), limits).await;
    let days = fill(&broker, &pki, &clock, records).await;
    let project = RawClient::with(&pki, broker.address(), "projekt", "dpo").await;
    let agency = RawClient::with(&pki, broker.address(), DRV, "dpo").await;
    let engine = broker.server.engine().clone();
    let size = engine.reader().latest().size();
    let middle = engine.reader().record(size / 2 + 777).unwrap().skeleton.time_ms;
    let since = LogFilter { from: Some(middle), ..LogFilter::default() };
    let accepted = LogFilter { accepted: Some(true), ..LogFilter::default() };
    use Grouping::{AgencyPair, Day, Outcome, Purpose};
    let mut figures = serde_json::Map::new();
    for (name, client, filter, by) in [
        ("day_outcome", &project, LogFilter::default(), [Day, Outcome]),
        ("pair_outcome", &project, LogFilter::default(), [AgencyPair, Outcome]),
        ("purpose_outcome", &project, LogFilter::default(), [Purpose, Outcome]),
        ("day_outcome_since_the_middle", &project, since, [Day, Outcome]),
        ("purpose_outcome_accepted", &project, accepted, [Purpose, Outcome]),
        ("day_outcome_of_one_agency", &agency, LogFilter::default(), [Day, Outcome]),
    ] {
        let calls = calls(client, &filter, by).await;
        let engine = engine.clone();
        let actor = officer(&client.agency);
        let inside = move || inside(&engine, &actor, &filter, &by);
        let (inside, read) = tokio::task::spawn_blocking(inside).await.unwrap();
        let of = |sorted: &[Duration]| json!({ "p50": percentile(sorted, 0.5), "p95": percentile(sorted, 0.95), "max": percentile(sorted, 1.0) });
        let figure = json!({
            "call_us": of(&calls),
            "inside_us": of(&inside),
            "reading_us": read.as_micros() as u64,
        });
        figures.insert(name.to_owned(), figure);
    }
    drop((project, agency, engine));
    broker.server.drain().await;
    json!({ "records": size, "days": days, "counts": figures })
}

fn officer(agency: &str) -> Actor {
    let agency = AgencyId::parse(agency).unwrap();
    Actor { agency, role: Role::Dpo, person: None, serial: Arc::from([1_u8]) }
}

/// Times of whole calls, sorted.
async fn calls(client: &RawClient, filter: &LogFilter, by: [Grouping; 2]) -> Vec<Duration> {
    let wire = |grouping: Grouping| match grouping {
        Grouping::Day => v1::LogGrouping::Day,
        Grouping::Outcome => v1::LogGrouping::Outcome,
        Grouping::AgencyPair => v1::LogGrouping::AgencyPair,
        Grouping::Purpose => v1::LogGrouping::Purpose,
        Grouping::Type => v1::LogGrouping::Type,
        Grouping::Agency => v1::LogGrouping::Agency,
        Grouping::Kind => v1::LogGrouping::Kind,
        Grouping::Month => v1::LogGrouping::Month,
    };
    let outcome = match filter.accepted {
        Some(true) => v1::DecisionOutcome::Accepted,
        Some(false) => v1::DecisionOutcome::Refused,
        None => v1::DecisionOutcome::Unspecified,
    };
    let request = v1::CountLogRequest {
        reason: "measurement of counts".to_owned(),
        filter: Some(v1::LogFilter {
            from_ms: filter.from.unwrap_or_default() as i64,
            outcome: outcome.into(),
            ..v1::LogFilter::default()
        }),
        group_by: by.map(|grouping| wire(grouping).into()).to_vec(),
        ..v1::CountLogRequest::default()
    };
    let mut times = Vec::new();
    for _ in 0..REPETITIONS {
        let begin = now();
        let answer = client.log().count_log(request.clone()).await.unwrap().into_inner();
        times.push(begin.elapsed());
        assert!(answer.groups.len() > 1, "{} groups", answer.groups.len());
    }
    times.sort_unstable();
    times
}

/// Times inside the broker, sorted, and of one count that reads every record; both must say the same.
fn inside(
    engine: &Engine,
    actor: &Actor,
    filter: &LogFilter,
    by: &[Grouping],
) -> (Vec<Duration>, Duration) {
    let wanted = Wanted::new(filter, &engine.rules().catalogue).unwrap();
    let end = engine.reader().latest().size();
    let range = Range { first: 0, end, from: filter.from, until: filter.until };
    let finish = |mut count: LogCount| {
        while !count.go_on().unwrap() {}
        count.groups()
    };
    let mut times = Vec::new();
    let mut counted = None;
    for _ in 0..REPETITIONS {
        let begin = now();
        let count = engine.count(actor, wanted.clone(), range.clone(), by.to_vec()).unwrap();
        counted = Some(finish(count));
        times.push(begin.elapsed());
    }
    let begin = now();
    let count = engine.count_reading(actor, wanted, range, by.to_vec()).unwrap();
    let read = finish(count);
    let reading = begin.elapsed();
    assert_eq!(counted, Some(read));
    times.sort_unstable();
    (times, reading)
}

/// Fills the log through the front door: each day some messages between all agencies for all purposes, a third of
/// them not covered; what was accepted expires a day later. Returns the number of days.
pub(super) async fn fill(
    broker: &TestBroker,
    pki: &Pki,
    clock: &Arc<TestClock>,
    records: u64,
) -> u64 {
    let lotse = RawClient::with(pki, broker.address(), LOTSE_AGENCY, "lotse-l-01").await;
    let participant = lotse.register().await;
    let grants = AGENCIES.iter().flat_map(|recipient| {
        // The last purpose is not covered.
        PURPOSES[..2].iter().map(|(purpose, _)| v1::Grant {
            purpose: (*purpose).to_owned(),
            ..grant(&AGENCIES, recipient)
        })
    });
    lotse.record_consent(&consent(&participant, grants.collect())).await.unwrap();
    let mut senders = Vec::new();
    for agency in AGENCIES {
        let reference = lotse.reference_for(&participant, agency).await;
        let client = RawClient::with(pki, broker.address(), agency, "system").await;
        let others = AGENCIES.into_iter().filter(|other| *other != agency);
        let drafts: Vec<Draft> = others
            .flat_map(|recipient| {
                PURPOSES.map(|(purpose, kind)| Draft {
                    purpose: purpose.to_owned(),
                    kind: kind.to_owned(),
                    ..Draft::new(&reference, recipient)
                })
            })
            .collect();
        senders.push((client, drafts));
    }
    let reader = broker.server.engine().reader().clone();
    let a_day = records / DAYS / AGENCIES.len() as u64;
    let mut days = 0;
    while reader.latest().size() < records {
        for (client, drafts) in &senders {
            submit(client, drafts, clock.now_ms(), a_day.max(1)).await;
        }
        clock.advance(DAY_MS + 1);
        days += 1;
    }
    days
}

/// Submits messages, and waits until they are decided.
pub(crate) async fn submit(client: &RawClient, drafts: &[Draft], created_at_ms: i64, count: u64) {
    let mut parts = Vec::new();
    for part in 0..count.div_ceil(256) {
        let of_part = 256.min(count - part * 256);
        let mut messages: Vec<_> = drafts
            .iter()
            .cycle()
            .take(of_part as usize)
            .map(|draft| Draft { created_at_ms, ..draft.clone() }.message(&client.agency))
            .collect();
        client.seal_batch(&mut messages);
        parts.push(v1::SubmitStreamRequest { messages });
    }
    let stream = client.messages().submit_stream(tokio_stream::iter(parts)).await.unwrap();
    let mut stream = stream.into_inner();
    let mut decided = 0;
    while let Some(response) = stream.next().await {
        decided += response.unwrap().outcomes.len() as u64;
    }
    assert_eq!(decided, count);
}
