//! Information flow: two worlds that differ only in what an agency must not learn give its system the
//! same answers, byte for byte (INVARIANT uniform-refusal).
//!
//! Both worlds are real brokers that share one clock. In each scenario a participant is set up in either
//! world in a different way that covers nothing; then the system does the same in both: every call that the
//! table permits its role, twice. Record numbers are kept in step, so that they are compared too. What is
//! random by construction (hashes, signatures, checkpoints, references) is reduced to its length or meaning.
//!
//! What is not compared: an erasure before and after. Whoever had asked before about the one who is erased has
//! records of its own about that person, which are erased with the others; see `ops/adr/0008-erasure.md`.

mod heard;
mod sender;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use schleuse_broker::domain::DenyReason;
use schleuse_broker::edge::table::is_permitted;
use schleuse_proto::identity::Role;
use schleuse_proto::rpc::Rpc;
use schleuse_proto::v1;

use self::sender::Sender;
use super::rights::copy_folder;
use crate::broker::{TestBroker, TestClock, program, write_config};
use crate::pki::Pki;
use crate::raw::{
    Case, DRV, Draft, JOBCENTER, KRANKENKASSE, LOTSE_AGENCY, RawClient, address, consent, erase,
    grant, objection, random, release,
};

const HOUR_MS: i64 = 3_600_000;
/// Questions without bound; a review that was missed counts at once.
const CONFIG: &str = "coverage_questions_per_minute = 100000\n[consents]\nreview_grace_days = 0\n";

/// Why nothing is covered. The sender must not learn which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secret {
    Unknown,
    /// The reference is another agency's.
    OfAnotherAgency,
    /// There was a participant with a consent, who is erased.
    Erased,
    NoConsent,
    OtherRecipient,
    OtherPurpose,
    OtherCategory,
    OtherSender,
    /// A consent names functions that no directory entry names: one of the sender's own, one of another agency.
    NamesFunctions,
    NotYet,
    Expired,
    Revoked,
    Narrowed,
    Restricted,
    ReviewMissed,
    ReleaseMissing,
    ReleaseRevoked,
    Objected,
    /// The participation has ended.
    Left,
}

/// Worlds in which something is not covered for this reason.
fn worlds_of(reason: v1::DenyReason) -> &'static [Secret] {
    use Secret::{
        Erased, Expired, Left, NamesFunctions, Narrowed, NoConsent, NotYet, Objected,
        OfAnotherAgency, OtherCategory, OtherPurpose, OtherRecipient, OtherSender, ReleaseMissing,
        ReleaseRevoked, Restricted, ReviewMissed, Revoked, Unknown,
    };
    match reason {
        v1::DenyReason::Unspecified => &[],
        v1::DenyReason::UnknownParticipant => &[Unknown, OfAnotherAgency, Erased],
        v1::DenyReason::NoConsent => {
            &[NoConsent, OtherRecipient, OtherPurpose, OtherCategory, OtherSender]
        }
        v1::DenyReason::Superseded => &[Narrowed],
        v1::DenyReason::Expired => &[Expired],
        v1::DenyReason::NotYet => &[NotYet],
        v1::DenyReason::Revoked => &[Revoked],
        v1::DenyReason::ReviewMissed => &[ReviewMissed],
        v1::DenyReason::Restricted => &[Restricted],
        v1::DenyReason::SecrecyReleaseMissing => &[ReleaseMissing, ReleaseRevoked],
        v1::DenyReason::Objected => &[Objected],
        v1::DenyReason::Ended => &[Left],
        v1::DenyReason::NotInDirectory => &[NamesFunctions],
        // In every world: the sender asks for all or none.
        v1::DenyReason::NotAllCovered => &[],
        // Needs a log that lost records: `a_suspended_consent_changes_no_byte_either`.
        v1::DenyReason::Suspended => &[],
    }
}

/// A new reason of the core has to get a row here, and with it worlds.
fn wire(reason: DenyReason) -> v1::DenyReason {
    match reason {
        DenyReason::NotInDirectory => v1::DenyReason::NotInDirectory,
        DenyReason::UnknownParticipant => v1::DenyReason::UnknownParticipant,
        DenyReason::NoConsent => v1::DenyReason::NoConsent,
        DenyReason::Superseded => v1::DenyReason::Superseded,
        DenyReason::Expired => v1::DenyReason::Expired,
        DenyReason::NotYet => v1::DenyReason::NotYet,
        DenyReason::Revoked => v1::DenyReason::Revoked,
        DenyReason::Suspended => v1::DenyReason::Suspended,
        DenyReason::ReviewMissed => v1::DenyReason::ReviewMissed,
        DenyReason::Restricted => v1::DenyReason::Restricted,
        DenyReason::SecrecyReleaseMissing => v1::DenyReason::SecrecyReleaseMissing,
        DenyReason::Objected => v1::DenyReason::Objected,
        DenyReason::Ended => v1::DenyReason::Ended,
        DenyReason::NotAllCovered => v1::DenyReason::NotAllCovered,
    }
}

fn reasons() -> impl Iterator<Item = v1::DenyReason> {
    let known = (0..1000).filter_map(|number| v1::DenyReason::try_from(number).ok());
    known.filter(|reason| *reason != v1::DenyReason::Unspecified)
}

/// Every call that a system may make.
fn calls() -> Vec<Rpc> {
    Rpc::ALL.iter().copied().filter(|rpc| is_permitted(Role::System, *rpc)).collect()
}

/// What is asked in one scenario, the same in both worlds but for the reference.
struct Asked {
    scenario: u8,
    reference: String,
    professional_secret: bool,
    now_ms: i64,
}

impl Asked {
    /// An identifier that is the same in both worlds.
    fn id(&self, number: u8) -> [u8; 16] {
        identifier(self.scenario, number)
    }

    /// A function of the sender that its directory entry does not name.
    fn unpublished(&self, number: u8) -> String {
        unpublished(self.scenario, number)
    }

    /// A function of another agency that no directory entry names.
    fn stranger(&self) -> String {
        unpublished(self.scenario, 2)
    }
}

fn identifier(scenario: u8, number: u8) -> [u8; 16] {
    let mut id = [7; 16];
    (id[0], id[1]) = (scenario, number);
    id
}

fn unpublished(scenario: u8, number: u8) -> String {
    format!("stelle-{scenario}-{number}")
}

/// One of the worlds.
struct World {
    broker: TestBroker,
    lotse: RawClient,
    jobcenter: RawClient,
    drv: RawClient,
    /// The Jobcenter's references: of a participant about whom it may exchange messages with the DRV, and of one
    /// whose consent was revoked after the Jobcenter had received something.
    covered: String,
    former: String,
    /// The Jobcenter's duty to delete that.
    duty: u64,
    drv_covered: String,
}

impl World {
    async fn start(clock: &Arc<TestClock>) -> Self {
        let broker = TestBroker::with(Pki::shared(), clock.clone(), CONFIG).await;
        Self::around(broker, clock).await
    }

    async fn around(broker: TestBroker, clock: &TestClock) -> Self {
        let case = Case::open(broker.address()).await;
        let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
        let drv = RawClient::connect(broker.address(), DRV, "system").await;
        let (lotse, covered) = (case.lotse, case.jobcenter_reference);
        let back = consent(&case.reference, vec![grant(&[DRV], JOBCENTER)]);
        lotse.record_consent(&back).await.unwrap();
        let drv_covered = lotse.reference_for(&case.reference, DRV).await;
        let former = lotse.register().await;
        let ended = consent(&former, vec![grant(&[DRV], JOBCENTER)]);
        lotse.record_consent(&ended).await.unwrap();
        let drv_former = lotse.reference_for(&former, DRV).await;
        let former = lotse.reference_for(&former, JOBCENTER).await;
        let mut draft = Draft::new(&drv_former, JOBCENTER);
        draft.created_at_ms = clock.now_ms();
        draft.message_id = Some(identifier(u8::MAX, 0));
        drv.send(&draft).await.unwrap();
        let [delivery] = jobcenter.fetch("zentrale", 10).await.try_into().unwrap();
        jobcenter.acknowledge(vec![delivery.message_number]).await.unwrap();
        let duty = lotse.revoke(&ended).await.unwrap().receipt.unwrap().record_number + 1;
        Self { broker, lotse, jobcenter, drv, covered, former, duty, drv_covered }
    }

    /// Sets up a participant about whom the Jobcenter may tell the DRV nothing; returns its reference.
    async fn set_up(&self, scenario: u8, secret: Secret, from_ms: i64) -> String {
        let lotse = &self.lotse;
        if secret == Secret::Unknown {
            let first = char::from(b'a' + scenario);
            return format!("{first}bcdefghijklmnopqrstuvwxyq");
        }
        let participant = lotse.register().await;
        let of = if secret == Secret::OfAnotherAgency { DRV } else { JOBCENTER };
        let reference = lotse.reference_for(&participant, of).await;
        if secret == Secret::NoConsent {
            return reference;
        }
        let mut document = consent(&participant, vec![allowed(secret, from_ms)]);
        document.signed_at_ms = from_ms;
        if secret == Secret::ReviewMissed {
            document.review_by_ms = from_ms + HOUR_MS + 1;
        }
        if secret == Secret::NamesFunctions {
            document.grants = [(JOBCENTER, 0), (JOBCENTER, 1), (KRANKENKASSE, 2)]
                .map(|(agency, number)| v1::Grant {
                    recipient: Some(address(agency, &unpublished(scenario, number))),
                    ..grant(&[LOTSE_AGENCY], agency)
                })
                .to_vec();
        }
        lotse.record_consent(&document).await.unwrap();
        self.take_away(secret, &participant, &document, from_ms).await;
        reference
    }

    /// What is done after a consent was given.
    async fn take_away(
        &self,
        secret: Secret,
        participant: &str,
        document: &v1::ConsentDocument,
        from_ms: i64,
    ) {
        let lotse = &self.lotse;
        match secret {
            Secret::Revoked => drop(lotse.revoke(document).await.unwrap()),
            Secret::Narrowed => {
                let mut next = document.clone();
                next.grants[0].categories = vec!["wohnen".into()];
                next.revision = 2;
                let hash = schleuse_proto::evidence::sha256(&[&document.encode_to_vec()]);
                next.previous_hash = Bytes::copy_from_slice(&hash);
                lotse.revise(&next).await.unwrap();
            }
            Secret::Restricted => {
                let request = v1::RestrictParticipantRequest {
                    participant_reference: participant.to_owned(),
                    restricted: true,
                };
                lotse.rights().restrict_participant(request).await.unwrap();
            }
            Secret::ReleaseRevoked => {
                let released = release(participant, DRV);
                lotse.record_release(&released).await.unwrap();
                lotse.revoke_release(&released).await.unwrap();
            }
            Secret::Objected => drop(lotse.object(&objection(participant)).await.unwrap()),
            Secret::Left => {
                lotse.end_participation_at(participant, from_ms).await.unwrap();
            }
            Secret::Erased => {
                let at_project = lotse.reference_for(participant, "projekt").await;
                erase(self.broker.address(), &at_project).await;
            }
            Secret::Unknown
            | Secret::OfAnotherAgency
            | Secret::NoConsent
            | Secret::OtherRecipient
            | Secret::OtherPurpose
            | Secret::OtherCategory
            | Secret::OtherSender
            | Secret::NamesFunctions
            | Secret::NotYet
            | Secret::Expired
            | Secret::ReviewMissed
            | Secret::ReleaseMissing => {}
        }
    }

    /// Somebody sends the sender something, too.
    async fn answer(&self, asked: &Asked) {
        for number in [100, 101, 102] {
            let mut draft = Draft::new(&self.drv_covered, JOBCENTER);
            draft.created_at_ms = asked.now_ms;
            draft.message_id = Some(asked.id(number));
            draft.thread = asked.id(0);
            let sent = self.drv.send(&draft).await.unwrap();
            assert_eq!(sent.result(), v1::SubmitResult::Accepted);
        }
    }

    /// Takes over what waits, so that nothing expires at a moment of the broker's choice.
    async fn take_over(&self, received: Vec<u64>) {
        let deliveries = self.drv.fetch("zentrale", 100).await;
        let numbers: Vec<u64> = deliveries.iter().map(|one| one.message_number).collect();
        for (client, numbers) in [(&self.drv, numbers), (&self.jobcenter, received)] {
            if !numbers.is_empty() {
                client.acknowledge(numbers).await.unwrap();
            }
        }
    }

    async fn size(&self) -> u64 {
        let request = v1::LatestCheckpointRequest::default();
        let answer = self.lotse.checkpoints().latest_checkpoint(request).await.unwrap();
        heard::size(&answer.into_inner().checkpoint)
    }

    /// Brings the log to a size, with participants that nobody asks about.
    async fn fill_to(&self, size: u64) {
        while self.size().await < size {
            self.lotse.register().await;
        }
    }

    /// Why messages were not covered, as the project's officer sees it.
    async fn refused_for(&self) -> BTreeSet<i32> {
        let project = RawClient::connect(self.broker.address(), "projekt", "dpo").await;
        let rows = project.whole_log().await.into_iter();
        let findings = rows.map(|row| v1::Findings::decode(row.findings).unwrap());
        findings.map(|it| it.deny_reason).collect()
    }
}

/// A grant that covers what is asked, or not quite.
fn allowed(secret: Secret, from_ms: i64) -> v1::Grant {
    let mut allowed = grant(&[JOBCENTER], DRV);
    (allowed.not_before_ms, allowed.not_after_ms) = (from_ms, from_ms + 300 * 24 * HOUR_MS);
    match secret {
        Secret::OtherRecipient => allowed.recipient.as_mut().unwrap().agency = KRANKENKASSE.into(),
        Secret::OtherPurpose => allowed.purpose = "unterlagen".into(),
        Secret::OtherCategory => allowed.categories = vec!["wohnen".into()],
        Secret::OtherSender => allowed.senders = vec![LOTSE_AGENCY.into()],
        Secret::NotYet => allowed.not_before_ms = from_ms + 200 * 24 * HOUR_MS,
        Secret::Expired => allowed.not_after_ms = from_ms + HOUR_MS / 2,
        Secret::Unknown
        | Secret::OfAnotherAgency
        | Secret::Erased
        | Secret::NoConsent
        | Secret::NamesFunctions
        | Secret::Revoked
        | Secret::Narrowed
        | Secret::Restricted
        | Secret::ReviewMissed
        | Secret::ReleaseMissing
        | Secret::ReleaseRevoked
        | Secret::Objected
        | Secret::Left => {}
    }
    allowed
}

/// Asks the same in both worlds and compares all that is heard.
async fn compare(worlds: &[World; 2], asked: &[Asked; 2], what: &str) {
    let size = worlds[0].size().await.max(worlds[1].size().await);
    let calls = calls();
    let mut heard = Vec::new();
    for (world, asked) in worlds.iter().zip(asked) {
        world.fill_to(size).await;
        world.answer(asked).await;
        let mut sender = Sender::new(world, asked);
        sender.ask_everything(&calls).await;
        heard.push(sender.heard);
        world.take_over(sender.received).await;
    }
    for (one, other) in heard[0].iter().zip(&heard[1]) {
        assert_eq!(one, other, "{what}");
    }
    assert_eq!(heard[0].len(), heard[1].len(), "{what}");
    let made: BTreeSet<Rpc> = heard[0].iter().map(|(rpc, _)| *rpc).collect();
    assert_eq!(made, calls.into_iter().collect(), "every call was heard");
}

/// An agency's system hears the same in both worlds.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_agency_must_not_learn_changes_no_byte_of_its_answers() {
    let clock = TestClock::starting_now();
    let worlds = [World::start(&clock).await, World::start(&clock).await];
    let secrets: Vec<Secret> = reasons().flat_map(worlds_of).copied().collect();
    // Each of them once, against another one by chance; a failure names the pair.
    let others = secrets.clone();
    for (scenario, secret) in (0..).zip(secrets) {
        let now = clock.now_ms();
        let needs_release = |it| matches!(it, Secret::ReleaseMissing | Secret::ReleaseRevoked);
        let professional_secret = needs_release(secret);
        let other = others[usize::from(random::<1>()[0]) % others.len()];
        // As a professional secret the question would be another one.
        let pair = [secret, if needs_release(other) { Secret::Unknown } else { other }];
        let mut references = Vec::new();
        for (world, secret) in worlds.iter().zip(pair) {
            references.push(world.set_up(scenario, secret, now - HOUR_MS).await);
        }
        clock.advance(HOUR_MS.unsigned_abs());
        for world in &worlds {
            // What time brings about is recorded before this.
            world.lotse.register().await;
        }
        let asked = references.into_iter().map(|reference| {
            let now_ms = clock.now_ms();
            Asked { scenario, reference, professional_secret, now_ms }
        });
        let asked: Vec<Asked> = asked.collect();
        let asked = asked.try_into().unwrap_or_else(|_| panic!("two worlds"));
        compare(&worlds, &asked, &format!("{pair:?}")).await;
    }
    // Each reason was really met: the worlds are what they are called.
    let found = worlds[0].refused_for().await;
    for reason in reasons().filter(|reason| *reason != wire(DenyReason::Suspended)) {
        assert!(found.contains(&reason.into()), "{reason:?}");
    }
}

/// A broker whose log lost records, and the reference of a participant whose consent is suspended for that.
async fn after_a_loss(clock: &Arc<TestClock>) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), Pki::shared().path(), CONFIG);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("[log]", "[log]\nstate_file = \"newest\"")).unwrap();
    let server = TestBroker::open(folder.path(), clock.clone()).await.unwrap();
    let case = Case::open(server.address()).await;
    server.drain().await;
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    copy_folder(&data, &copy);
    let server = TestBroker::open(folder.path(), clock.clone()).await.unwrap();
    RawClient::connect(server.address(), LOTSE_AGENCY, "lotse-l-01").await.register().await;
    server.drain().await;
    std::fs::remove_dir_all(&data).unwrap();
    copy_folder(&copy, &data);
    let mut reconcile = std::process::Command::new(program("schleuse-broker"));
    reconcile.args(["reconcile", "--yes", "--config"]).arg(&config).current_dir(folder.path());
    let output = reconcile.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (folder, case.jobcenter_reference)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_consent_changes_no_byte_either() {
    let clock = TestClock::starting_now();
    let lost = [after_a_loss(&clock).await, after_a_loss(&clock).await];
    // The program that reconciles went by its own clock.
    clock.advance(HOUR_MS.unsigned_abs());
    let (mut worlds, mut references) = (Vec::new(), Vec::new());
    for (folder, suspended) in lost {
        let server = TestBroker::open(folder.path(), clock.clone()).await.unwrap();
        worlds.push(World::around(TestBroker { server, folder }, &clock).await);
        references.push(suspended);
    }
    let worlds: [World; 2] = worlds.try_into().unwrap_or_else(|_| panic!("two worlds"));
    references[1] = worlds[1].set_up(0, Secret::Unknown, clock.now_ms()).await;
    let asked = references.into_iter().map(|reference| {
        let now_ms = clock.now_ms();
        Asked { scenario: 0, reference, professional_secret: false, now_ms }
    });
    let asked: Vec<Asked> = asked.collect();
    let asked = asked.try_into().unwrap_or_else(|_| panic!("two worlds"));
    compare(&worlds, &asked, "suspended and unknown").await;
    let found = worlds[0].refused_for().await;
    assert!(found.contains(&wire(DenyReason::Suspended).into()));
}
