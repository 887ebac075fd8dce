//! Every message kind through a real broker: sealed by one agency under a consent of its purpose, read
//! by another; and what becomes of contents that do not belong to their kind or of other versions.

use std::collections::BTreeSet;
use std::time::Duration;

use schleuse_client::{
    Client, ClientError, Clock as _, ConsentBuilder, Content, ContentError, Draft, Grant, Incoming,
    MessageKind, ParticipantReference, SealingKeys, SystemClock,
};

use super::site::Site;
use crate::broker::TestBroker;
use crate::pki::Pki;
use crate::raw::{DRV, JOBCENTER, LOTSE_AGENCY};

/// The purpose of messages without participant.
const ABOUT_NOBODY: &str = "strukturfragen";
/// The kind of parts of attachments.
const PART: &str = "anhang.teil";
const DAY_MS: i64 = 24 * 3_600_000;
/// Schema version 1.9 after a content, and a field that version 1.0 does not have.
const NEWER: &[u8] =
    &[0xc2, 0x3e, 0x03, b'n', b'e', b'u', 0xc2, 0x0c, 0x04, 0x08, 0x01, 0x10, 0x09];

fn sealing() -> std::path::PathBuf {
    Pki::shared().path().join("agencies").join(DRV).join("sealing.toml")
}

async fn client(broker: &TestBroker, agency: &str, name: &str) -> Client {
    let pki = Pki::shared();
    let leaf = pki.leaf(agency, name);
    let builder = Client::builder()
        .endpoint(format!("https://{}", broker.address()))
        .server_name("localhost")
        .trust_file(pki.path().join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"));
    let builder = if agency == DRV { builder.sealing_file(sealing()) } else { builder };
    builder.connect().await.unwrap()
}

/// Purposes of a kind that a consent can name. Messages about nobody have no participant and no category,
/// and are sent in another way: `end_to_end::conference` and `without_participant` do.
fn purposes(kind: &MessageKind) -> impl Iterator<Item = &'static str> {
    kind.purposes.iter().copied().filter(|purpose| *purpose != ABOUT_NOBODY)
}

/// A Jobcenter and a DRV with a consent for every purpose of the kinds.
struct Parties {
    jobcenter: Client,
    drv: Client,
    reference: ParticipantReference,
}

impl Parties {
    async fn meet(broker: &TestBroker) -> Self {
        let drv = client(broker, DRV, "system").await;
        let functions = [("zentrale".to_owned(), "Zentrale".to_owned())];
        let keys = SealingKeys::load(&sealing()).unwrap();
        let keys: Vec<_> = keys.public_keys().cloned().collect();
        drv.directory().publish("DRV Bayern Süd", &functions, &keys, 300 * DAY_MS).await.unwrap();
        let lotse = client(broker, LOTSE_AGENCY, "lotse-l-01").await;
        let (participant, _) = lotse.register_participant().await.unwrap();
        let reference = lotse.assign_reference(&participant, JOBCENTER).await.unwrap();
        lotse.assign_reference(&participant, DRV).await.unwrap();
        let now = SystemClock.now_ms();
        let purposes: BTreeSet<&str> = MessageKind::all().iter().flat_map(purposes).collect();
        let mut consent = ConsentBuilder::new(participant)
            .text("2026-1", "Ich willige ein.", "de")
            .review_by(now + 100 * DAY_MS);
        for purpose in purposes {
            let to = format!("{DRV}/zentrale").parse().unwrap();
            let grant = Grant::for_months(&[JOBCENTER], to, purpose, &["termine"], now - 1000, 12);
            consent = consent.grant(grant.unwrap());
        }
        lotse.record_consent(&consent).await.unwrap();
        Self { jobcenter: client(broker, JOBCENTER, "system").await, drv, reference }
    }

    fn draft(&self, kind: &str, purpose: &str, content: Content) -> Draft {
        Draft {
            professional_secret: false,
            participant_reference: self.reference.clone(),
            recipient: format!("{DRV}/zentrale").parse().unwrap(),
            sender_function: "fallmanagement".to_owned(),
            kind: kind.to_owned(),
            purpose: purpose.to_owned(),
            categories: vec!["termine".to_owned()],
            thread_id: None,
            expires_in: Duration::from_secs(24 * 3600),
            content,
            suite: None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_arrives_under_each_of_its_purposes_as_it_was_sent() {
    let broker = TestBroker::start().await;
    let parties = Parties::meet(&broker).await;
    let mut sent = Vec::new();
    // A part is sent for the message that names its attachment: `end_to_end::attachments` does.
    for kind in MessageKind::all().iter().filter(|kind| kind.code != PART) {
        for purpose in purposes(kind) {
            sent.push(parties.draft(kind.code, purpose, kind.example().unwrap()));
        }
    }
    let outcomes = parties.jobcenter.send_all(sent.clone(), false).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.is_accepted()), "{outcomes:?}");
    let mut received = Vec::new();
    while received.len() < sent.len() {
        let incoming = parties.drv.fetch(&["zentrale"], 100).await.unwrap();
        assert!(!incoming.is_empty(), "{} of {} arrived", received.len(), sent.len());
        received.extend(incoming.into_iter().map(|one| one.verified().unwrap()));
    }
    for (sent, received) in sent.iter().zip(&received) {
        assert_eq!((&sent.kind, &sent.purpose), (&received.kind, &received.purpose));
        assert_eq!(sent.content, received.content, "{}", sent.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_contents_stay_at_home_and_newer_ones_arrive_unchanged() {
    let broker = TestBroker::start().await;
    let parties = Parties::meet(&broker).await;
    let status = MessageKind::find("reha.status").unwrap().example().unwrap();
    let foreign = parties.draft("reha.application", "reha-einleitung", status.clone());
    let refused = parties.jobcenter.send(foreign).await.unwrap_err();
    let ClientError::Content(ContentError::ForeignContent { found, .. }) = refused else {
        panic!("{refused}");
    };
    assert_eq!(found, "reha_status");
    let newer = [status.encode().as_ref(), NEWER].concat();
    let newer = Content::from_encoded(&newer).unwrap();
    let draft = parties.draft("reha.status", "reha-einleitung", newer.clone());
    assert!(parties.jobcenter.send(draft).await.unwrap().is_accepted());
    let incoming = parties.drv.fetch(&["zentrale"], 10).await.unwrap();
    let [Incoming::Verified(received)] = incoming.as_slice() else { panic!("{incoming:?}") };
    assert_eq!(received.content.encode(), newer.encode(), "not a byte is lost");
    assert!(received.content.to_string().contains("bewilligt"), "{}", received.content);
}

/// A text shows only what the program knows; whoever takes a message over gets all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_content_is_taken_over_as_json_only() {
    let broker = TestBroker::start().await;
    let parties = Parties::meet(&broker).await;
    let status = MessageKind::find("reha.status").unwrap().example().unwrap();
    let newer = Content::from_encoded(&[status.encode().as_ref(), NEWER].concat()).unwrap();
    let send = async || {
        let draft = parties.draft("reha.status", "reha-einleitung", newer.clone());
        assert!(parties.jobcenter.send(draft).await.unwrap().is_accepted());
    };
    send().await;
    let site = Site::at(broker.address());
    let sealing = sealing().display().to_string();
    let inbox = ["agency", "inbox", "--function", "zentrale", "--sealing", &sealing];
    let inbox = [&inbox[..], &["--acknowledge"]].concat();
    let (code, said, noted) = site.said(DRV, &inbox);
    assert_eq!(code, 1, "{said}{noted}");
    assert!(noted.contains("newer version") && noted.contains("not taken over"), "{noted}");
    send().await;
    let (code, said, noted) = site.said(DRV, &[&inbox[..], &["--json"]].concat());
    assert_eq!(code, 0, "{said}{noted}");
    assert!(said.contains("@raw") && noted.contains("1 acknowledged"), "{said}{noted}");
}
