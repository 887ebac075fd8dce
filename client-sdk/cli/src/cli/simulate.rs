//! `schleuse simulate`: a region at work, as a load and for trying out. Ten agencies, two Jobcenter with
//! their places, a realistic mix of messages, refusals, answers and revocations, against a real broker
//! with development keys. At the end nothing may be missing.

mod draw;
mod population;
mod region;
mod traffic;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use schleuse_client::{Client, ClientBuilder, ClientError, Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Ending;
use super::args::{Global, SimulateArguments};
use super::output::Output;
use draw::Draw;
use population::Participant;
use region::{BODIES, Region};
use traffic::{Stage, Tally};

/// How long messages may be under way after the last one was sent without any of them arriving.
const IDLE_MAX: Duration = Duration::from_secs(20);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Validity of published keys.
const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

/// Plays the region.
pub(crate) async fn run(
    global: &Global,
    arguments: &SimulateArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let now_ms = SystemClock.now_ms();
    let seed = arguments.seed.unwrap_or_else(|| now_ms.unsigned_abs());
    output.note(&format!("seed {seed}"));
    let mut draw = Draw::of(seed);
    let region = Region::connect(|| builder(global, arguments, *output), &arguments.pki).await?;
    publish(&region).await?;
    output.note(&format!("{} agencies are in the directory", BODIES.len()));
    let mut participants = Vec::new();
    for number in 0..arguments.participants {
        let participant = Participant::register(&region.lotse, number, &mut draw, now_ms);
        participants.push(participant.await?);
    }
    let consents: usize = participants.iter().map(|one| one.agreed.len()).sum();
    output.note(&format!("{} participants gave {consents} consents", participants.len()));
    let stage = Arc::new(Stage { region, participants, tally: Tally::default() });
    let begun = Instant::now();
    let receivers = receive(&stage, &mut draw, *output);
    send(&stage, arguments, &mut draw, now_ms).await?;
    let sent_in = begun.elapsed();
    let missing = wait_for_the_rest(&stage.tally).await;
    drop(receivers);
    let outcome = Outcome { sent_in, through_in: begun.elapsed(), missing, seed };
    Ok(report(&stage.tally, &outcome, output))
}

/// Asked for what the region does not have.
fn not_of_region(what: &'static str) -> ClientError {
    ClientError::Argument { what, expected: "one of the simulated region".to_owned() }
}

/// A client of the region: everything but its keys.
fn builder(global: &Global, arguments: &SimulateArguments, output: Output) -> ClientBuilder {
    let mut builder = Client::builder()
        .endpoint(&global.endpoint)
        .trust_file(arguments.pki.join("trust.toml"))
        .on_alarm(move |error| output.note(&error.to_string()));
    if let Some(name) = &global.server_name {
        builder = builder.server_name(name);
    }
    builder
}

async fn publish(region: &Region) -> Result<(), ClientError> {
    for (body, client) in BODIES.iter().zip(&region.bodies) {
        let keys: Vec<_> = client.sealing_keys().public_keys().cloned().collect();
        let functions = [(body.function.to_owned(), body.display_name.to_owned())];
        client.directory().publish(body.display_name, &functions, &keys, YEAR_MS).await?;
    }
    Ok(())
}

fn receive(stage: &Arc<Stage>, draw: &mut Draw, output: Output) -> JoinSet<()> {
    let mut receivers = JoinSet::new();
    for (index, body) in BODIES.iter().enumerate() {
        let (stage, draw) = (stage.clone(), draw.fork());
        receivers.spawn(async move {
            if let Err(error) = stage.clone().receive(index, draw).await {
                output.note(&format!("error: {} receives no more: {error}", body.agency));
                Tally::add(&stage.tally.stopped_receiving, 1);
            }
        });
    }
    receivers
}

/// Sends everything, and revokes now and then.
async fn send(
    stage: &Arc<Stage>,
    arguments: &SimulateArguments,
    draw: &mut Draw,
    now_ms: i64,
) -> Result<(), ClientError> {
    let left = Arc::new(AtomicU32::new(arguments.messages));
    let mut senders = JoinSet::new();
    for _ in 0..arguments.at_once {
        let (stage, left, mut draw) = (stage.clone(), left.clone(), draw.fork());
        let every = arguments.revoke_every;
        senders.spawn(async move {
            let next = |left: u32| left.checked_sub(1);
            while let Ok(number) = left.try_update(Ordering::Relaxed, Ordering::Relaxed, next) {
                stage.send_one(&mut draw).await?;
                if every > 0 && number % every == 0 {
                    revoke_one(&stage, &mut draw, now_ms).await?;
                }
            }
            Ok::<(), ClientError>(())
        });
    }
    while let Some(ended) = senders.join_next().await {
        // A panic is a defect of this program and ends it.
        ended.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))?;
    }
    Ok(())
}

async fn revoke_one(stage: &Stage, draw: &mut Draw, now_ms: i64) -> Result<(), ClientError> {
    let participant = draw.one(&stage.participants);
    let Some((participant, agreed)) =
        participant.and_then(|one| Some((one, draw.one(&one.agreed)?)))
    else {
        return Ok(());
    };
    let stopped = participant.revoke_and_renew(&stage.region.lotse, agreed, now_ms).await?;
    Tally::add(&stage.tally.revocations, 1);
    Tally::add(&stage.tally.stopped, u64::from(stopped));
    Ok(())
}

/// Waits until nothing is under way, or nothing moves any more. Returns what is missing then.
async fn wait_for_the_rest(tally: &Tally) -> u64 {
    let (mut left, mut since) = (tally.under_way(), Instant::now());
    while left > 0 && since.elapsed() < IDLE_MAX {
        tokio::time::sleep(LOOK).await;
        let now = tally.under_way();
        if now != left {
            (left, since) = (now, Instant::now());
        }
    }
    left
}

/// How a run went, beside its counts.
struct Outcome {
    sent_in: Duration,
    through_in: Duration,
    missing: u64,
    seed: u64,
}

fn report(tally: &Tally, outcome: &Outcome, output: &Output) -> Ending {
    let of = Tally::of;
    let mut times =
        tally.submit_us.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    times.sort_unstable();
    let percentile = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100);
    let (half, most) = (percentile(50).copied(), percentile(99).copied());
    let per_second = |count: u64, time: Duration| {
        u64::try_from(u128::from(count) * 1000 / time.as_millis().max(1)).unwrap_or(u64::MAX)
    };
    let sent = u64::try_from(times.len()).unwrap_or(u64::MAX);
    if of(&tally.foreign) > 0 {
        let count = of(&tally.foreign);
        output.note(&format!(
            "note: {count} messages of others wait for the bodies, and were not taken over"
        ));
    }
    let wrong = [
        &tally.wrongly_accepted,
        &tally.wrongly_refused,
        &tally.unverified,
        &tally.stopped_receiving,
    ];
    let wrong: u64 = wrong.map(of).iter().sum::<u64>() + outcome.missing;
    let value: Value = json!({
        "seed": outcome.seed,
        "sent": sent,
        "accepted": of(&tally.accepted),
        "not_covered": of(&tally.not_covered),
        "answers": of(&tally.answers),
        "taken_over": of(&tally.taken_over),
        "revocations": of(&tally.revocations),
        "stopped_by_revocations": of(&tally.stopped),
        "missing": outcome.missing,
        "wrongly_accepted": of(&tally.wrongly_accepted),
        "wrongly_refused": of(&tally.wrongly_refused),
        "unverified": of(&tally.unverified),
        "foreign": of(&tally.foreign),
        "stopped_receiving": of(&tally.stopped_receiving),
        "sent_per_second": per_second(sent, outcome.sent_in),
        "taken_over_per_second": per_second(of(&tally.taken_over), outcome.through_in),
        "submit_us_p50": half,
        "submit_us_p99": most,
    });
    output.result(&value, || {
        let mut lines: Vec<String> = Vec::new();
        for (key, value) in value.as_object().into_iter().flatten() {
            lines.push(format!("{:<26} {value}", key.replace('_', " ")));
        }
        lines.join("\n")
    });
    if wrong == 0 { Ending::Done } else { Ending::Alarm }
}
