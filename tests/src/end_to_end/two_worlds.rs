//! Information flow: two worlds that differ only in what a sender must not learn give that sender the
//! same answers, byte for byte (INVARIANT uniform-refusal).
//!
//! Both worlds are real brokers that share one clock. In each scenario a participant is set up in either
//! world in a different way that covers nothing; then the sender does the same in both. Record numbers are
//! kept in step, so that they may be compared too. Leaf hashes and checkpoints depend on random salts; of
//! them only the lengths are compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use schleuse_proto::v1;
use tonic_types::StatusExt as _;

use crate::broker::{TestBroker, TestClock};
use crate::pki::Pki;
use crate::raw::{
    Case, DRV, Draft, JOBCENTER, KRANKENKASSE, LOTSE_AGENCY, RawClient, consent, grant, random,
};

const HOUR_MS: i64 = 3_600_000;
/// Scenarios of one run.
const SCENARIOS: usize = 60;

/// Why nothing is covered. The sender must not learn which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secret {
    Unknown,
    NoConsent,
    OtherRecipient,
    OtherPurpose,
    OtherCategory,
    OtherSender,
    NotYet,
    Expired,
    Revoked,
    Narrowed,
    Restricted,
}

const SECRETS: [Secret; 11] = [
    Secret::Unknown,
    Secret::NoConsent,
    Secret::OtherRecipient,
    Secret::OtherPurpose,
    Secret::OtherCategory,
    Secret::OtherSender,
    Secret::NotYet,
    Secret::Expired,
    Secret::Revoked,
    Secret::Narrowed,
    Secret::Restricted,
];

/// One of the worlds.
struct World {
    _broker: TestBroker,
    lotse: RawClient,
    jobcenter: RawClient,
    drv: RawClient,
    covered: String,
}

impl World {
    async fn start(clock: &Arc<TestClock>) -> Self {
        let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
        let case = Case::open(broker.address()).await;
        let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
        let drv = RawClient::connect(broker.address(), DRV, "system").await;
        let (lotse, covered) = (case.lotse, case.jobcenter_reference);
        Self { _broker: broker, lotse, jobcenter, drv, covered }
    }

    /// Sets up a participant about whom the Jobcenter may tell the DRV nothing; returns its reference.
    async fn set_up(&self, secret: Secret, from_ms: i64) -> String {
        let lotse = &self.lotse;
        if secret == Secret::Unknown {
            return "abcdefghijklmnopqrstuvwxyq".to_owned();
        }
        let participant = lotse.register().await;
        let reference = lotse.reference_for(&participant, JOBCENTER).await;
        let mut allowed = grant(&[JOBCENTER], DRV);
        (allowed.not_before_ms, allowed.not_after_ms) = (from_ms, from_ms + 300 * 24 * HOUR_MS);
        match secret {
            Secret::Unknown | Secret::NoConsent => return reference,
            Secret::OtherRecipient => {
                allowed.recipient.as_mut().unwrap().agency = KRANKENKASSE.into()
            }
            Secret::OtherPurpose => allowed.purpose = "unterlagen".into(),
            Secret::OtherCategory => allowed.categories = vec!["wohnen".into()],
            Secret::OtherSender => allowed.senders = vec![LOTSE_AGENCY.into()],
            Secret::NotYet => allowed.not_before_ms = from_ms + 200 * 24 * HOUR_MS,
            Secret::Expired => allowed.not_after_ms = from_ms + HOUR_MS / 2,
            Secret::Revoked | Secret::Narrowed | Secret::Restricted => {}
        }
        let first = consent(&participant, vec![allowed.clone()]);
        lotse.record_consent(&first).await.unwrap();
        match secret {
            Secret::Revoked => drop(lotse.revoke(&first).await.unwrap()),
            Secret::Narrowed => {
                allowed.categories = vec!["wohnen".into()];
                let mut next = consent(&participant, vec![allowed]);
                next.consent_id = first.consent_id.clone();
                next.revision = 2;
                let hash = schleuse_proto::evidence::sha256(&[&first.encode_to_vec()]);
                next.previous_hash = Bytes::copy_from_slice(&hash);
                lotse.revise(&next).await.unwrap();
            }
            Secret::Restricted => {
                let request = v1::RestrictParticipantRequest {
                    participant_reference: participant,
                    restricted: true,
                };
                lotse.rights().restrict_participant(request).await.unwrap();
            }
            _ => {}
        }
        reference
    }

    /// Takes over what waits, so that nothing expires at a moment of the broker's choice.
    async fn take_over(&self) {
        let deliveries = self.drv.fetch("zentrale", 100).await;
        let numbers: Vec<u64> = deliveries.iter().map(|one| one.message_number).collect();
        self.drv.acknowledge(numbers).await.unwrap();
    }

    async fn size(&self) -> u64 {
        let request = v1::LatestCheckpointRequest::default();
        let answer = self.lotse.checkpoints().latest_checkpoint(request).await.unwrap();
        let note = String::from_utf8(answer.into_inner().checkpoint.to_vec()).unwrap();
        note.lines().nth(1).unwrap().parse().unwrap()
    }

    /// Brings the log to a size, with participants that nobody asks about.
    async fn fill_to(&self, size: u64) {
        while self.size().await < size {
            self.lotse.register().await;
        }
    }
}

/// What the sender does, and all that it gets back.
struct Sender<'a> {
    world: &'a World,
    heard: Vec<(&'static str, Vec<u8>)>,
}

impl Sender<'_> {
    /// Keeps an answer. What is random by construction is reduced to its length.
    fn hear(&mut self, what: &'static str, answer: &impl prost::Message) {
        self.heard.push((what, answer.encode_to_vec()));
    }

    fn outcomes(
        &mut self,
        what: &'static str,
        answer: Result<Vec<v1::SubmitOutcome>, tonic::Status>,
    ) {
        match answer {
            Ok(mut outcomes) => {
                for outcome in &mut outcomes {
                    if let Some(receipt) = &mut outcome.receipt {
                        receipt.leaf_hash = Bytes::from(vec![0; receipt.leaf_hash.len()]);
                    }
                    self.hear(what, outcome);
                }
            }
            Err(status) => {
                // Its metadata is a map without an order.
                let details = status.get_error_details();
                let metadata: Option<BTreeMap<_, _>> =
                    details.error_info().map(|info| info.metadata.clone().into_iter().collect());
                let reason = details.error_info().map(|info| info.reason.clone());
                let (retry, length) = (details.retry_info(), status.details().len());
                let (code, said) = (status.code(), status.message());
                let text = format!("{code:?} {said} {reason:?} {metadata:?} {retry:?} {length}");
                self.heard.push((what, text.into_bytes()));
            }
        }
    }

    /// Everything that a sender can do with a reference.
    async fn ask_everything(&mut self, reference: &str, created_at_ms: i64) {
        let jobcenter = &self.world.jobcenter;
        let mut draft = Draft::new(reference, DRV);
        draft.created_at_ms = created_at_ms;
        let mut covered = Draft::new(&self.world.covered, DRV);
        covered.created_at_ms = created_at_ms;
        let one = jobcenter.message(&draft);
        self.outcomes("submit", jobcenter.submit(vec![one.clone()]).await);
        self.outcomes("submit again", jobcenter.submit(vec![one.clone()]).await);
        let mut changed = [one];
        changed[0].sealed.as_mut().unwrap().ciphertext = Bytes::from_static(&[8; 64]);
        jobcenter.seal_batch(&mut changed);
        let [changed] = changed;
        self.outcomes(
            "other content under the same identifier",
            jobcenter.submit(vec![changed]).await,
        );
        let both = vec![jobcenter.message(&covered), jobcenter.message(&draft)];
        self.outcomes("with a covered one", jobcenter.submit(both).await);
        let both = vec![jobcenter.message(&covered), jobcenter.message(&draft)];
        let request = v1::SubmitRequest { messages: both, require_all: true };
        let answer = jobcenter.messages().submit(request).await;
        self.outcomes("all or none", answer.map(|answer| answer.into_inner().outcomes));
        let streamed = vec![jobcenter.message(&draft), jobcenter.message(&covered)];
        self.outcomes("streamed", stream(jobcenter, streamed).await);
        let mut late = draft.clone();
        late.created_at_ms -= 48 * HOUR_MS;
        self.outcomes("too old", jobcenter.send(&late).await.map(|one| vec![one]));
        let mut foreign = draft.clone();
        foreign.recipient.agency = "nirgends".into();
        self.outcomes("to nobody", jobcenter.send(&foreign).await.map(|one| vec![one]));
        let mut unknown = draft.clone();
        unknown.kind = "fallkonferenz.unknown".into();
        self.outcomes("unknown kind", jobcenter.send(&unknown).await.map(|one| vec![one]));
        let request = v1::ListAgenciesRequest {};
        let listed = jobcenter.directory().list_agencies(request).await.unwrap().into_inner();
        self.hear("directory", &listed);
    }
}

/// Submits on a stream.
async fn stream(
    client: &RawClient,
    messages: Vec<v1::OutgoingMessage>,
) -> Result<Vec<v1::SubmitOutcome>, tonic::Status> {
    let count = messages.len();
    let requests = tokio_stream::iter(vec![v1::SubmitStreamRequest { messages }]);
    let mut answers = client.messages().submit_stream(requests).await?.into_inner();
    let mut outcomes = Vec::new();
    while outcomes.len() < count {
        let Some(answer) = answers.message().await? else { break };
        outcomes.extend(answer.outcomes);
    }
    Ok(outcomes)
}

/// A sender in both worlds hears the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_must_not_learn_changes_no_byte_of_its_answers() {
    let seed = u64::from_be_bytes(random());
    println!("seed {seed}");
    let mut lots = fastrand::Rng::with_seed(seed);
    let clock = TestClock::starting_now();
    let worlds = [World::start(&clock).await, World::start(&clock).await];
    for scenario in 0..SCENARIOS {
        let now = clock.now_ms();
        let secrets = [lots.choice(SECRETS).unwrap(), lots.choice(SECRETS).unwrap()];
        let mut references = Vec::new();
        for (world, secret) in worlds.iter().zip(secrets) {
            references.push(world.set_up(secret, now - HOUR_MS).await);
        }
        clock.advance(HOUR_MS as u64);
        let size = worlds[0].size().await.max(worlds[1].size().await);
        let mut heard = Vec::new();
        for (world, reference) in worlds.iter().zip(&references) {
            world.fill_to(size).await;
            let mut sender = Sender { world, heard: Vec::new() };
            sender.ask_everything(reference, clock.now_ms()).await;
            heard.push(sender.heard);
            world.take_over().await;
        }
        for (one, other) in heard[0].iter().zip(&heard[1]) {
            assert_eq!(one, other, "scenario {scenario}: {secrets:?}");
        }
        assert_eq!(heard[0].len(), heard[1].len(), "scenario {scenario}: {secrets:?}");
    }
}
