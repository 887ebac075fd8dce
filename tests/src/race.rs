//! The race of revocations against hand-outs: the campaign behind revoke-strict.
//!
//! A Lotse revokes and receives on one connection, so that the order of bytes on the wire is the
//! order in which HTTP/2 gives them to the client. When the acknowledgement of a revocation has been
//! read, everything that came before it lies ready in the receive stream and is drained without
//! waiting; whatever the revoked consent covered and that comes later is a violation. A second
//! client fetches the same messages: a fetch that began after an acknowledgement must not return
//! what it covers. In turn with revocations the participant is restricted, objects, or
//! ends the participation, or releases from professional secrecy are revoked instead.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::Stream as _;
use prost::Message as _;
use schleuse_proto::v1;
use schleuse_proto::v1::receive_response::Response;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::pki::Pki;
use crate::raw::{self, Counter, Draft, JOBCENTER, LOTSE_AGENCY, RawClient};

/// What a race saw.
#[derive(Clone, Copy, Debug, Default)]
pub struct RaceReport {
    /// Revocations that raced with a hand-out of a message they cover.
    pub races: u64,
    /// Of these, hand-outs that came first, on the stream or by fetch.
    pub delivered: u64,
    /// Deliveries after the acknowledgement: must be zero.
    pub violations: u64,
}

/// Purposes with a kind, and categories: each pair is the subject of one consent and one message.
const PURPOSES: [(&str, &str); 8] = [
    ("fallkonferenz", "fallkonferenz.request"),
    ("zustaendigkeit", "zustaendigkeit.note"),
    ("unterlagen", "unterlagen.request"),
    ("hilfeplanung", "hilfeplan.note"),
    ("reha-einleitung", "reha.note"),
    ("leistungsklaerung", "leistung.note"),
    ("rueckmeldung", "rueckmeldung.note"),
    ("nachbetreuung", "nachbetreuung.note"),
];
const CATEGORIES: [&str; 8] = [
    "erwerbsbiografie",
    "familie",
    "hilfeplan",
    "leistungsbezug",
    "schulden-finanzen",
    "stammdaten",
    "termine",
    "wohnen",
];

/// Races at least `races` revocations, with two Lotsen at once.
pub async fn race(address: SocketAddr, races: u64) -> RaceReport {
    race_by(address, races, &IN_TURN).await
}

/// Races with these ends in turn.
pub async fn race_by(address: SocketAddr, races: u64, ends: &'static [Ends]) -> RaceReport {
    let done = Arc::new(Counter::default());
    let workers = ["lotse-l-01", "lotse-l-02"].map(|person| {
        let done = done.clone();
        tokio::spawn(async move {
            let mut worker = Worker::start(address, person, ends).await;
            while done.value() < races {
                done.add(worker.batch().await);
            }
            worker.report()
        })
    });
    let mut total = RaceReport { races: 0, ..RaceReport::default() };
    for worker in workers {
        let report = worker.await.expect("a worker failed");
        total.races += report.races;
        total.delivered += report.delivered;
        total.violations += report.violations;
    }
    total
}

/// One Lotse with its receive stream, a fetching colleague, and the sending Jobcenter.
struct Worker {
    lotse: RawClient,
    fetcher: RawClient,
    jobcenter: RawClient,
    function: String,
    stream: Arc<Mutex<Received>>,
    credit: mpsc::Sender<v1::ReceiveRequest>,
    races: u64,
    batches: usize,
    ends: &'static [Ends],
}

/// What ends what messages are covered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Each consent is revoked.
    Revocation,
    /// The participant is restricted.
    Restriction,
    /// Each release from professional secrecy is revoked.
    ReleaseRevocation,
    /// The participant objects to everything.
    Objection,
    /// The participation ends.
    Participation,
}

/// What ends the batches in turn: mostly revocations.
const IN_TURN: [Ends; 12] = [
    Ends::Revocation,
    Ends::ReleaseRevocation,
    Ends::Revocation,
    Ends::Objection,
    Ends::Revocation,
    Ends::Participation,
    Ends::Revocation,
    Ends::Restriction,
    Ends::Revocation,
    Ends::ReleaseRevocation,
    Ends::Objection,
    Ends::Participation,
];

/// The receive stream and what came out of it.
struct Received {
    stream: tonic::Streaming<v1::ReceiveResponse>,
    revoked: HashSet<[u8; 16]>,
    delivered: u64,
    violations: u64,
    taken: u32,
}

impl Received {
    /// Takes everything that lies ready, without waiting.
    fn drain(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(message) = Pin::new(&mut self.stream).poll_next(&mut context) {
            let message = message.expect("the stream is open").expect("the stream is whole");
            if let Some(Response::Delivery(delivery)) = message.response {
                self.taken += 1;
                self.see(&delivery);
            }
        }
    }

    fn see(&mut self, delivery: &v1::Delivery) {
        self.delivered += 1;
        if self.revoked.contains(&thread(delivery)) {
            self.violations += 1;
        }
    }
}

fn thread(delivery: &v1::Delivery) -> [u8; 16] {
    let label = delivery.sealed.as_ref().expect("sealed").label.clone();
    let label = v1::Label::decode(label).expect("a label");
    label.thread_id.as_ref().try_into().expect("16 bytes")
}

impl Worker {
    async fn start(address: SocketAddr, person: &str, ends: &'static [Ends]) -> Self {
        use v1::receive_request::Request;
        let lotse = RawClient::with(Pki::shared(), address, LOTSE_AGENCY, person).await;
        let fetcher = RawClient::with(Pki::shared(), address, LOTSE_AGENCY, person).await;
        let jobcenter = RawClient::connect(address, JOBCENTER, "system").await;
        let function = format!("race-{}", &person[8..]);
        // The function must be known before a stream can be opened on it.
        let reference = lotse.register().await;
        let first = raw::consent(&reference, vec![grant(0, &function)]);
        lotse.record_consent(&first).await.expect("recorded");
        let (credit, requests) = mpsc::channel(8);
        let open = v1::OpenReceive { functions: vec![function.clone()], credit: 1000 };
        credit.send(v1::ReceiveRequest { request: Some(Request::Open(open)) }).await.expect("open");
        let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
        let stream = lotse.messages().receive(requests).await.expect("a stream").into_inner();
        let received =
            Received { stream, revoked: HashSet::new(), delivered: 0, violations: 0, taken: 0 };
        let stream = Arc::new(Mutex::new(received));
        let (races, batches) = (0, 0);
        Self { lotse, fetcher, jobcenter, function, stream, credit, races, batches, ends }
    }

    fn report(&self) -> RaceReport {
        let received = self.stream.try_lock().expect("all tasks have ended");
        RaceReport {
            races: self.races,
            delivered: received.delivered,
            violations: received.violations,
        }
    }

    /// One participant with a consent for each purpose and category: all are revoked while messages
    /// under them arrive.
    async fn batch(&mut self) -> u64 {
        let reference = self.lotse.register().await;
        let jobcenter_reference = self.lotse.reference_for(&reference, JOBCENTER).await;
        let count = PURPOSES.len() * CATEGORIES.len();
        let consents: Vec<v1::ConsentDocument> = (0..count)
            .map(|pair| raw::consent(&reference, vec![grant(pair, &self.function)]))
            .collect();
        let records = consents.iter().map(|consent| self.lotse.record_consent(consent));
        for recorded in futures::future::join_all(records).await {
            recorded.expect("recorded");
        }
        let by = self.ends[self.batches % self.ends.len()];
        self.batches += 1;
        let is_secret = by == Ends::ReleaseRevocation;
        let releases: Vec<v1::SecrecyReleaseDocument> = (0..count)
            .filter(|_| is_secret)
            .map(|pair| release(pair, &reference, &self.function))
            .collect();
        let records = releases.iter().map(|release| self.lotse.record_release(release));
        for recorded in futures::future::join_all(records).await {
            recorded.expect("recorded");
        }
        let mut threads = Vec::new();
        let mut messages = Vec::new();
        for pair in 0..count {
            let mut draft = draft(pair, &jobcenter_reference, &self.function);
            draft.professional_secret = is_secret;
            threads.push(draft.thread);
            messages.push(draft.message(JOBCENTER));
        }
        self.jobcenter.seal_batch(&mut messages);
        let submits = messages.chunks(16).map(|part| {
            let (jobcenter, part) = (self.jobcenter.clone(), part.to_vec());
            tokio::spawn(async move { jobcenter.submit(part).await.expect("submitted") })
        });
        let submits: Vec<_> = submits.collect();
        let restricts = by == Ends::Restriction;
        let ends = match by {
            Ends::Revocation => self.revoke_each(consents.clone(), threads),
            Ends::ReleaseRevocation => self.revoke_releases(releases, threads),
            Ends::Restriction | Ends::Objection | Ends::Participation => {
                vec![self.end_all(by, reference.clone(), threads)]
            }
        };
        let fetches = self.fetch_meanwhile();
        fetches.await;
        for submit in submits {
            submit.await.expect("submitted");
        }
        for end in ends {
            end.await.expect("ended");
        }
        self.fetch_meanwhile().await;
        self.settle().await;
        if restricts {
            // What the restriction holds must not fill the queue.
            let revokes = consents.iter().map(|consent| self.lotse.revoke(consent));
            for revoked in futures::future::join_all(revokes).await {
                revoked.expect("revoked");
            }
        }
        self.races += count as u64;
        count as u64
    }

    fn revoke_each(
        &self,
        consents: Vec<v1::ConsentDocument>,
        threads: Vec<[u8; 16]>,
    ) -> Vec<JoinHandle<()>> {
        let revokes = consents.into_iter().zip(threads).map(|(consent, thread)| {
            let (lotse, stream) = (self.lotse.clone(), self.stream.clone());
            tokio::spawn(async move {
                lotse.revoke(&consent).await.expect("revoked");
                let mut received = stream.lock().await;
                received.drain();
                received.revoked.insert(thread);
            })
        });
        revokes.collect()
    }

    fn revoke_releases(
        &self,
        releases: Vec<v1::SecrecyReleaseDocument>,
        threads: Vec<[u8; 16]>,
    ) -> Vec<JoinHandle<()>> {
        let revokes = releases.into_iter().zip(threads).map(|(release, thread)| {
            let (lotse, stream) = (self.lotse.clone(), self.stream.clone());
            tokio::spawn(async move {
                lotse.revoke_release(&release).await.expect("revoked");
                let mut received = stream.lock().await;
                received.drain();
                received.revoked.insert(thread);
            })
        });
        revokes.collect()
    }

    /// Ends everything about a participant at once.
    fn end_all(
        &self,
        by: Ends,
        participant_reference: String,
        threads: Vec<[u8; 16]>,
    ) -> JoinHandle<()> {
        let (lotse, stream) = (self.lotse.clone(), self.stream.clone());
        tokio::spawn(async move {
            match by {
                Ends::Objection => {
                    let objection = raw::objection(&participant_reference);
                    lotse.object(&objection).await.expect("recorded");
                }
                Ends::Participation => {
                    lotse.end_participation(&participant_reference).await.expect("ended");
                }
                Ends::Restriction | Ends::Revocation | Ends::ReleaseRevocation => {
                    let request =
                        v1::RestrictParticipantRequest { participant_reference, restricted: true };
                    lotse.rights().restrict_participant(request).await.expect("restricted");
                }
            }
            let mut received = stream.lock().await;
            received.drain();
            received.revoked.extend(threads);
        })
    }

    /// Fetches twice; what was revoked before a fetch began must not come.
    async fn fetch_meanwhile(&self) {
        for _ in 0..2 {
            let revoked = self.stream.lock().await.revoked.clone();
            let deliveries = self.fetcher.fetch(&self.function, 4).await;
            let mut received = self.stream.lock().await;
            for delivery in deliveries {
                received.delivered += 1;
                received.violations += u64::from(revoked.contains(&thread(&delivery)));
            }
        }
    }

    /// Looks once more after a full round trip, and gives the credit back.
    async fn settle(&self) {
        self.lotse
            .checkpoints()
            .latest_checkpoint(v1::LatestCheckpointRequest::default())
            .await
            .expect("a round trip");
        let mut received = self.stream.lock().await;
        received.drain();
        received.revoked.clear();
        let taken = std::mem::take(&mut received.taken);
        drop(received);
        if taken > 0 {
            let request = v1::receive_request::Request::Credit(taken);
            let credit = v1::ReceiveRequest { request: Some(request) };
            self.credit.send(credit).await.expect("the stream is open");
        }
    }
}

fn grant(pair: usize, function: &str) -> v1::Grant {
    let mut grant = raw::grant(&[JOBCENTER], LOTSE_AGENCY);
    grant.recipient = Some(raw::address(LOTSE_AGENCY, function));
    grant.purpose = PURPOSES[pair / CATEGORIES.len()].0.to_owned();
    grant.categories = vec![CATEGORIES[pair % CATEGORIES.len()].to_owned()];
    grant
}

fn release(pair: usize, reference: &str, function: &str) -> v1::SecrecyReleaseDocument {
    let mut release = raw::release(reference, LOTSE_AGENCY);
    release.addressee = Some(raw::address(LOTSE_AGENCY, function));
    release.purposes = vec![PURPOSES[pair / CATEGORIES.len()].0.to_owned()];
    release.categories = vec![CATEGORIES[pair % CATEGORIES.len()].to_owned()];
    release
}

fn draft(pair: usize, reference: &str, function: &str) -> Draft {
    let (purpose, kind) = PURPOSES[pair / CATEGORIES.len()];
    let mut draft = Draft::new(reference, LOTSE_AGENCY);
    draft.recipient.function = function.to_owned();
    draft.purpose = purpose.to_owned();
    draft.kind = kind.to_owned();
    draft.categories = vec![CATEGORIES[pair % CATEGORIES.len()].to_owned()];
    draft
}
