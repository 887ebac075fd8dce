//! Whether the time that a refusal takes tells why it was refused: unary submissions about participants
//! in different situations, in random order, each class compared with the first.
//!
//! Two figures for each: how far the medians are apart, and Welch's t of the times below a cut that leaves
//! out the slowest twentieth of all (preemption, not the program). Bound: medians within 5 %, t within 4.5;
//! with this many samples a t beyond it shows a difference, however small.

use std::time::Duration;

use schleuse_proto::v1;
use serde_json::{Map, Value, json};

use super::now;
use crate::broker::{BrokerProcess, write_config};
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, KRANKENKASSE, RawClient, random};

/// Share of the times that is compared.
const KEPT_SHARE: f64 = 0.95;
/// Messages signed together.
const SIGNED_TOGETHER: usize = 256;

/// Measures with so many samples of each class.
pub async fn run(samples: usize) -> Value {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), Pki::shared().path(), "idempotency_keys_max = 100000000");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let case = Case::open(broker.address).await;
    let revoked = Case::with(case.lotse.clone(), &[JOBCENTER], DRV).await;
    revoked.lotse.revoke(&revoked.consent).await.unwrap();
    let restricted = Case::with(case.lotse.clone(), &[JOBCENTER], DRV).await;
    let request = v1::RestrictParticipantRequest {
        participant_reference: restricted.reference.clone(),
        restricted: true,
    };
    restricted.lotse.rights().restrict_participant(request).await.unwrap();
    let bare = case.lotse.register().await;
    let bare = case.lotse.reference_for(&bare, JOBCENTER).await;
    let classes = [
        ("unknown_participant", Draft::new("abcdefghijklmnopqrstuvwxyq", DRV)),
        ("no_consent", Draft::new(&bare, DRV)),
        ("another_recipient", Draft::new(&case.jobcenter_reference, KRANKENKASSE)),
        ("revoked", Draft::new(&revoked.jobcenter_reference, DRV)),
        ("restricted", Draft::new(&restricted.jobcenter_reference, DRV)),
    ];
    let times =
        measure(&broker, &classes.each_ref().map(|(_, draft)| draft.clone()), samples).await;
    let mut report = Map::new();
    for ((name, _), mine) in classes.iter().zip(&times) {
        report.insert((*name).to_owned(), compare(&times[0], mine));
    }
    json!({ "samples_each": samples, "compared_with": classes[0].0, "classes": report })
}

/// Times of refusals, by class.
async fn measure(broker: &BrokerProcess, drafts: &[Draft], samples: usize) -> Vec<Vec<Duration>> {
    let client = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let mut lots = fastrand::Rng::with_seed(u64::from_be_bytes(random()));
    let mut order: Vec<usize> = (0..drafts.len() * samples).map(|n| n % drafts.len()).collect();
    lots.shuffle(&mut order);
    let mut service = client.messages();
    let mut times = vec![Vec::with_capacity(samples); drafts.len()];
    for some in order.chunks(SIGNED_TOGETHER) {
        let mut messages: Vec<_> =
            some.iter().map(|class| drafts[*class].message(JOBCENTER)).collect();
        client.seal_batch(&mut messages);
        for (class, message) in some.iter().zip(messages) {
            let request = v1::SubmitRequest { messages: vec![message], require_all: false };
            let begin = now();
            let response = service.submit(request).await.unwrap();
            times[*class].push(begin.elapsed());
            let outcomes = response.into_inner().outcomes;
            assert_eq!(outcomes[0].result(), v1::SubmitResult::NotCovered);
        }
    }
    times
}

fn compare(reference: &[Duration], mine: &[Duration]) -> Value {
    let micros = |times: &[Duration]| -> Vec<f64> {
        let mut times: Vec<f64> = times.iter().map(|time| time.as_nanos() as f64 / 1e3).collect();
        times.sort_unstable_by(f64::total_cmp);
        times
    };
    let (reference, mine) = (micros(reference), micros(mine));
    let mut all = [reference.clone(), mine.clone()].concat();
    all.sort_unstable_by(f64::total_cmp);
    let cut = all[(all.len() as f64 * KEPT_SHARE) as usize];
    let below =
        |times: &[f64]| times.iter().copied().filter(|time| *time < cut).collect::<Vec<_>>();
    let median = |times: &[f64]| times[times.len() / 2];
    let apart = (median(&mine) / median(&reference) - 1.0) * 100.0;
    let t = welch(&below(&mine), &below(&reference));
    let round = |value: f64| (value * 100.0).round() / 100.0;
    json!({ "median_us": round(median(&mine)), "median_apart_percent": round(apart), "t": round(t) })
}

/// Welch's t of two samples.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let moments = |sample: &[f64]| {
        let n = sample.len() as f64;
        let mean = sample.iter().sum::<f64>() / n;
        let variance = sample.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n)
    };
    let ((mean, error), (other_mean, other_error)) = (moments(one), moments(other));
    (mean - other_mean) / (error + other_error).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_and_none_does_not() {
        let micros = |of: &dyn Fn(u64) -> u64| -> Vec<Duration> {
            (0..10_000).map(|n| Duration::from_micros(of(n))).collect()
        };
        let (even, odd) = (micros(&|n| 100 + n % 7), micros(&|n| 100 + (n + 3) % 7));
        let slower = micros(&|n| 101 + n % 7);
        assert!(compare(&even, &odd)["t"].as_f64().unwrap().abs() < 4.5);
        assert!(compare(&even, &slower)["t"].as_f64().unwrap() > 4.5);
    }
}
