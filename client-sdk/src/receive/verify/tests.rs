//! Tests of the module `verify`.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::identity::IdentityError;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::content::ContentError;
use crate::error::ClientError;
use crate::seal::SealingPrivateKey;
use crate::send::{Draft, Prepared, prepare_one, seal_one, sign};
use crate::signer::Signer;
use crate::trust_file::TrustAnchors;

const SENDER: &str = "jobcenter-stadt-regensburg";
const RECIPIENT: &str = "drv-bayern-sued";

/// A generated installation with a sender and a recipient.
struct Installation {
    _folder: tempfile::TempDir,
    anchors: TrustAnchors,
    signer: Signer,
    keys: SealingKeys,
    now_ms: i64,
}

fn signer(pki: &Path, agency: &str, role: &str) -> Signer {
    let stem = pki.join("agencies").join(agency).join(role);
    Signer::load(&stem.with_extension("pem"), &stem.with_extension("key")).unwrap()
}

impl Installation {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = folder.path().join("pki");
        let now_ms = SystemClock.now_ms();
        let plan = schleuse_certs_dev::Plan::demonstration(u64::try_from(now_ms).unwrap());
        schleuse_certs_dev::generate(&plan, &pki).unwrap();
        Self {
            anchors: TrustAnchors::load(&pki.join("trust.toml")).unwrap(),
            signer: signer(&pki, SENDER, "system"),
            keys: SealingKeys::load(&pki.join("agencies/drv-bayern-sued/sealing.toml")).unwrap(),
            now_ms,
            _folder: folder,
        }
    }

    fn prepare(&self, suite: Suite) -> Prepared {
        let key = self.keys.public_keys().find(|key| key.suite() == suite).unwrap();
        prepare_one(&draft(), key, SENDER, self.now_ms).unwrap()
    }

    fn open(&self, sealed: &v1::SealedMessage) -> Result<Opened, EvidenceFault> {
        let trust = &self.anchors.trust;
        Verifier { trust, keys: &self.keys, agency: RECIPIENT }.open(sealed)
    }

    /// A message whose label was changed before it was signed.
    fn signed_with(&self, change: impl FnOnce(&mut v1::Label)) -> v1::SealedMessage {
        let mut one = self.prepare(Suite::DhKemP256);
        let sealed = one.message.sealed.as_mut().unwrap();
        let mut label = v1::Label::decode(sealed.label.clone()).unwrap();
        change(&mut label);
        sealed.label = label.encode_to_vec().into();
        sign(std::slice::from_mut(&mut one), &self.signer).unwrap();
        one.message.sealed.unwrap()
    }
}

fn draft() -> Draft {
    Draft {
        professional_secret: false,
        participant_reference: ParticipantReference::parse(&"a".repeat(26)).unwrap(),
        recipient: Address::new(RECIPIENT, "reha-beratung").unwrap(),
        sender_function: "fallmanagement".into(),
        kind: "reha.note".into(),
        purpose: "reha-einleitung".into(),
        categories: vec!["termine".into(), "gesundheit".into(), "termine".into()],
        thread_id: None,
        expires_in: Duration::from_secs(3600),
        content: Content::text("Termin", "Dienstag").unwrap(),
        suite: None,
    }
}

#[test]
fn every_message_of_a_batch_opens_and_names_its_signer() {
    let here = Installation::new();
    let mut batch: Vec<Prepared> =
        (0..5).flat_map(|_| Suite::ALL).map(|suite| here.prepare(suite)).collect();
    sign(&mut batch, &here.signer).unwrap();
    for one in &batch {
        let opened = here.open(one.message.sealed.as_ref().unwrap()).unwrap();
        assert_eq!(opened.content, draft().content);
        assert_eq!(opened.signed_by, *here.signer.identity());
        assert_eq!(opened.label.categories, ["gesundheit", "termine"]);
        assert_eq!(opened.label.message_id.as_ref(), one.message_id.as_bytes());
    }
    let mut mixed = batch[0].message.sealed.clone().unwrap();
    mixed.signature = batch[1].message.sealed.as_ref().unwrap().signature.clone();
    assert!(matches!(here.open(&mixed), Err(EvidenceFault::Signature(IdentityError::Signature))));
}

#[test]
fn changed_bytes_are_refused_before_they_are_opened() {
    let here = Installation::new();
    let good = here.signed_with(|_| ());
    assert!(here.open(&good).is_ok());
    let flip = |bytes: &Bytes| {
        let mut changed = bytes.to_vec();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        Bytes::from(changed)
    };
    let mut sealed = good.clone();
    sealed.ciphertext = flip(&good.ciphertext);
    assert!(matches!(here.open(&sealed), Err(EvidenceFault::Signature(_))));
    let mut sealed = good.clone();
    sealed.encapsulated_key = flip(&good.encapsulated_key);
    assert!(matches!(here.open(&sealed), Err(EvidenceFault::Signature(_))));
    let mut sealed = good.clone();
    sealed.label = flip(&good.label);
    assert!(matches!(here.open(&sealed), Err(EvidenceFault::Signature(_))));
    let mut sealed = good.clone();
    sealed.label = [good.label.as_ref(), &[0xf8, 0x07, 0x01]].concat().into();
    assert!(matches!(here.open(&sealed), Err(EvidenceFault::Label(_))));
    let mut sealed = good;
    sealed.signature = None;
    assert!(matches!(here.open(&sealed), Err(EvidenceFault::Batch)));
}

#[test]
fn a_content_that_does_not_belong_to_the_kind_is_refused_on_both_sides() {
    let here = Installation::new();
    let key = here.keys.public_keys().next().unwrap();
    let sealed = |draft: &Draft| {
        let mut one = seal_one(draft, key, SENDER, here.now_ms).unwrap();
        sign(std::slice::from_mut(&mut one), &here.signer).unwrap();
        one.message.sealed.unwrap()
    };
    let foreign = Draft { kind: "reha.status".into(), ..draft() };
    let Err(ClientError::Content(error)) = prepare_one(&foreign, key, SENDER, here.now_ms) else {
        panic!("a foreign content was sealed");
    };
    assert!(matches!(error, ContentError::ForeignContent { .. }), "{error}");
    let refused = here.open(&sealed(&foreign)).unwrap_err();
    assert!(
        refused.to_string().contains("messages of kind reha.status hold reha_status, not text")
    );
    let newer = Draft { kind: "kind.of-a-newer-catalogue".into(), ..draft() };
    assert!(prepare_one(&newer, key, SENDER, here.now_ms).is_ok());
    assert_eq!(here.open(&sealed(&newer)).unwrap().content, newer.content);
}

#[test]
fn another_major_version_of_the_schema_is_no_alarm() {
    let fault = EvidenceFault::Content(ContentError::UnknownMajor { major: 2, minor: 0 });
    let error = ClientError::evidence(fault);
    assert!(!error.is_alarm() && !error.retryable(), "{error}");
    assert!(ClientError::evidence(EvidenceFault::Content(ContentError::Unreadable)).is_alarm());
}

#[test]
fn labels_that_a_sender_made_wrong_are_refused() {
    let here = Installation::new();
    let sealed = here.signed_with(|label| label.kind = "other.kind".into());
    let refused = here.open(&sealed);
    assert!(matches!(refused, Err(EvidenceFault::Sealing(SealError::Open))), "sealed to a label");
    let sealed = here.signed_with(|label| {
        label.recipient.as_mut().unwrap().agency = "krankenkasse-nord".into();
    });
    assert!(matches!(here.open(&sealed), Err(EvidenceFault::Label(_))));
    let sealed = here.signed_with(|label| {
        label.sender.as_mut().unwrap().agency = "krankenkasse-nord".into();
    });
    assert!(matches!(here.open(&sealed), Err(EvidenceFault::Signer { .. })));
    let sealed = here.signed_with(|label| label.created_at_ms = 1);
    assert!(matches!(here.open(&sealed), Err(EvidenceFault::Signature(IdentityError::Time))));
    let sealed = here.signed_with(|label| label.suite = 1);
    assert!(matches!(here.open(&sealed), Err(EvidenceFault::Label(_))));
    let other = SealingPrivateKey::generate(Suite::DhKemP256).unwrap();
    let id = Bytes::copy_from_slice(other.public().id());
    let sealed = here.signed_with(|label| label.sealing_key_id = id);
    let refused = here.open(&sealed);
    assert!(matches!(refused, Err(EvidenceFault::Sealing(SealError::UnknownKey))));
}

#[test]
fn a_role_that_may_not_send_and_another_installation_are_refused() {
    let here = Installation::new();
    let pki = here._folder.path().join("pki");
    let mut one = here.prepare(Suite::DhKemP256);
    sign(std::slice::from_mut(&mut one), &signer(&pki, SENDER, "dpo")).unwrap();
    let refused = here.open(one.message.sealed.as_ref().unwrap());
    assert!(matches!(refused, Err(EvidenceFault::Signer { .. })));
    let foreign = Installation::new();
    sign(std::slice::from_mut(&mut one), &foreign.signer).unwrap();
    let refused = here.open(one.message.sealed.as_ref().unwrap());
    assert!(matches!(refused, Err(EvidenceFault::Signature(_))));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let here = Installation::new();
    let pki = here._folder.path().join("pki/agencies").join(SENDER);
    let error = Signer::load(&pki.join("system.pem"), &pki.join("dpo.key")).unwrap_err();
    assert!(error.to_string().contains("not the key of certificate"), "{error}");
}
