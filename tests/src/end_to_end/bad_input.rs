//! Bad input: a named error, nothing changed, nothing leaked.

use bytes::Bytes;
use prost::Message as _;
use schleuse_proto::evidence::consent_signed_bytes;
use schleuse_proto::{CIPHERTEXT_BYTES_MAX, v1};
use tonic::Code;

use super::reason;
use crate::broker::TestBroker;
use crate::raw::{Case, DRV, Draft, JOBCENTER, RawClient, consent, grant, now_ms};

const DAY_MS: i64 = 24 * 3_600_000;

/// A change to a consent document that must be refused, and the reason.
type Fault = (&'static str, fn(&mut v1::ConsentDocument), &'static str);

const CONSENT_FAULTS: &[Fault] = &[
    ("no grants", |d| d.grants.clear(), "CONSENT_TOO_BROAD"),
    ("wildcard sender", |d| d.grants[0].senders = vec!["*".into()], "CONSENT_TOO_BROAD"),
    ("no sender", |d| d.grants[0].senders.clear(), "CONSENT_TOO_BROAD"),
    (
        "wildcard recipient",
        |d| d.grants[0].recipient.as_mut().unwrap().agency = "*".into(),
        "CONSENT_TOO_BROAD",
    ),
    (
        "wildcard function",
        |d| d.grants[0].recipient.as_mut().unwrap().function = "*".into(),
        "CONSENT_TOO_BROAD",
    ),
    ("wildcard category", |d| d.grants[0].categories = vec!["*".into()], "CONSENT_TOO_BROAD"),
    ("wildcard purpose", |d| d.grants[0].purpose = "*".into(), "CONSENT_TOO_BROAD"),
    ("too long", |d| d.grants[0].not_after_ms += 800 * DAY_MS, "CONSENT_TOO_LONG"),
    (
        "ends before it begins",
        |d| d.grants[0].not_after_ms = d.grants[0].not_before_ms,
        "INVALID_FIELD",
    ),
    ("negative time", |d| d.grants[0].not_before_ms = -1, "INVALID_FIELD"),
    ("unknown purpose", |d| d.grants[0].purpose = "werbung".into(), "UNKNOWN_CODE"),
    ("unknown category", |d| d.grants[0].categories = vec!["blutgruppe".into()], "UNKNOWN_CODE"),
    ("unknown agency", |d| d.grants[0].senders = vec!["unbekannt".into()], "UNKNOWN_CODE"),
    ("malformed agency", |d| d.grants[0].senders = vec!["Jobcenter".into()], "INVALID_FIELD"),
    (
        "health without evidence",
        |d| d.grants[0].categories = vec!["gesundheit".into()],
        "EVIDENCE_MISSING",
    ),
    (
        "short evidence hash",
        |d| d.evidence_hashes = vec![Bytes::from_static(&[1; 31])],
        "INVALID_FIELD",
    ),
    ("no text", |d| d.text = None, "INVALID_FIELD"),
    ("no form", |d| d.form = 0, "INVALID_FIELD"),
    ("unknown form", |d| d.form = 99, "INVALID_FIELD"),
    ("nobody gave it", |d| d.given_by = None, "INVALID_FIELD"),
    ("no review date", |d| d.review_by_ms = 0, "INVALID_FIELD"),
    ("revision 2 first", |d| d.revision = 2, "INVALID_FIELD"),
    ("short consent id", |d| d.consent_id = Bytes::from_static(&[1; 15]), "INVALID_FIELD"),
    ("malformed reference", |d| d.participant_reference = "Gerhard".into(), "INVALID_FIELD"),
    ("nobody's reference", |d| d.participant_reference = "b".repeat(25) + "a", "NOT_FOUND"),
    ("65 grants", |d| d.grants = vec![d.grants[0].clone(); 65], "INVALID_FIELD"),
];

#[tokio::test(flavor = "multi_thread")]
async fn faulty_consents_are_refused_by_name_and_change_nothing() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let before = broker.server.engine().reader().latest().size();
    for (what, fault, expected) in CONSENT_FAULTS {
        let mut document = consent(&case.reference, vec![grant(&[JOBCENTER], DRV)]);
        fault(&mut document);
        let refused = case.lotse.record_consent(&document).await.unwrap_err();
        assert_eq!(reason(&refused), format!("ERROR_REASON_{expected}"), "{what}: {refused:?}");
        assert!(!refused.message().contains("Gerhard"), "input is not echoed: {refused:?}");
    }
    assert_eq!(broker.server.engine().reader().latest().size(), before, "no record was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_must_be_canonical_and_signed_by_the_caller() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let document = consent(&case.reference, vec![grant(&[JOBCENTER], DRV)]).encode_to_vec();
    let record = |document: Vec<u8>, signature: Option<v1::Signature>| {
        let lotse = case.lotse.clone();
        async move {
            let request = v1::RecordConsentRequest { document: document.into(), signature };
            reason(&lotse.consents().record_consent(request).await.unwrap_err())
        }
    };
    let unknown_field = [document.as_slice(), &[0xf8, 0x07, 0x01]].concat();
    let signed = case.lotse.sign(&consent_signed_bytes(&unknown_field));
    assert_eq!(record(unknown_field, Some(signed)).await, "ERROR_REASON_NOT_CANONICAL");
    assert_eq!(record(vec![0x0a, 0x7f], None).await, "ERROR_REASON_NOT_CANONICAL");
    assert_eq!(record(document.clone(), None).await, "ERROR_REASON_BAD_SIGNATURE");
    let other_bytes = case.lotse.sign(b"something else");
    assert_eq!(record(document.clone(), Some(other_bytes)).await, "ERROR_REASON_BAD_SIGNATURE");
    let colleague =
        RawClient::connect(broker.address(), crate::raw::LOTSE_AGENCY, "lotse-l-02").await;
    let foreign = colleague.sign(&consent_signed_bytes(&document));
    assert_eq!(record(document, Some(foreign)).await, "ERROR_REASON_BAD_SIGNATURE");
    assert_eq!(record(vec![0; 65 * 1024], None).await, "ERROR_REASON_TOO_LARGE");
}

/// A change to a message that must be refused, and the reason.
type MessageFault = (&'static str, fn(&mut v1::Label, &mut v1::OutgoingMessage), &'static str);

const MESSAGE_FAULTS: &[MessageFault] = &[
    ("unknown purpose", |l, _| l.purpose = "werbung".into(), "UNKNOWN_CODE"),
    ("unknown kind", |l, _| l.kind = "spam".into(), "UNKNOWN_CODE"),
    ("kind of another purpose", |l, _| l.kind = "reha.note".into(), "INVALID_FIELD"),
    ("no category", |l, _| l.categories.clear(), "INVALID_FIELD"),
    (
        "unsorted categories",
        |l, _| l.categories = vec!["wohnen".into(), "termine".into()],
        "INVALID_FIELD",
    ),
    (
        "category twice",
        |l, _| l.categories = vec!["termine".into(), "termine".into()],
        "INVALID_FIELD",
    ),
    ("unknown category", |l, _| l.categories = vec!["blutgruppe".into()], "UNKNOWN_CODE"),
    ("no recipient", |l, _| l.recipient = None, "INVALID_FIELD"),
    ("other sender", |l, _| l.sender.as_mut().unwrap().agency = DRV.into(), "INVALID_FIELD"),
    ("unspecified suite", |l, _| l.suite = 0, "INVALID_FIELD"),
    ("unknown suite", |l, _| l.suite = 77, "INVALID_FIELD"),
    ("old", |l, _| l.created_at_ms -= 2 * DAY_MS, "TIME_OUT_OF_RANGE"),
    ("from the future", |l, _| l.created_at_ms += DAY_MS, "TIME_OUT_OF_RANGE"),
    ("expired", |l, _| l.expires_at_ms = now_ms() - 1000, "TIME_OUT_OF_RANGE"),
    ("lives too long", |l, _| l.expires_at_ms += 100 * DAY_MS, "TIME_OUT_OF_RANGE"),
    ("short id", |l, _| l.message_id = Bytes::from_static(&[1; 8]), "INVALID_FIELD"),
    ("short thread", |l, _| l.thread_id = Bytes::new(), "INVALID_FIELD"),
    (
        "other commitment",
        |l, _| l.participant_commitment = Bytes::from_static(&[1; 32]),
        "INVALID_FIELD",
    ),
    ("malformed reference", |_, m| m.participant_reference = "x".into(), "INVALID_FIELD"),
    ("short nonce", |_, m| m.reference_nonce = Bytes::from_static(&[1; 15]), "INVALID_FIELD"),
    ("no body", |_, m| m.sealed.as_mut().unwrap().ciphertext = Bytes::new(), "INVALID_FIELD"),
    (
        "body too large",
        |_, m| m.sealed.as_mut().unwrap().ciphertext = vec![1; CIPHERTEXT_BYTES_MAX + 1].into(),
        "TOO_LARGE",
    ),
    (
        "no encapsulated key",
        |_, m| m.sealed.as_mut().unwrap().encapsulated_key = Bytes::new(),
        "INVALID_FIELD",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn faulty_messages_are_refused_by_name_and_change_nothing() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let before = broker.server.engine().reader().latest().size();
    for (what, fault, expected) in MESSAGE_FAULTS {
        let mut message = Draft::new(&case.jobcenter_reference, DRV).message(JOBCENTER);
        let mut label = v1::Label::decode(message.sealed.as_ref().unwrap().label.clone()).unwrap();
        fault(&mut label, &mut message);
        message.sealed.as_mut().unwrap().label = label.encode_to_vec().into();
        jobcenter.seal_batch(std::slice::from_mut(&mut message));
        let refused = jobcenter.submit(vec![message]).await.unwrap_err();
        assert_eq!(reason(&refused), format!("ERROR_REASON_{expected}"), "{what}: {refused:?}");
    }
    let mut unsigned = jobcenter.message(&Draft::new(&case.jobcenter_reference, DRV));
    unsigned.sealed.as_mut().unwrap().ciphertext = Bytes::from_static(b"changed");
    let refused = jobcenter.submit(vec![unsigned]).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_BAD_SIGNATURE");
    assert_eq!(broker.server.engine().reader().latest().size(), before, "no record was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversize_compressed_and_malformed_requests_are_refused() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    draft.body = vec![1; CIPHERTEXT_BYTES_MAX].into();
    let accepted = jobcenter.send(&draft).await.unwrap();
    assert_eq!(accepted.result(), v1::SubmitResult::Accepted, "the largest body is accepted");
    draft.body = vec![1; schleuse_proto::GRPC_MESSAGE_BYTES_MAX + 1].into();
    let refused = jobcenter.send(&draft).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
    for count in [0, 33] {
        let messages = vec![v1::OutgoingMessage::default(); count];
        let refused = jobcenter.submit(messages).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
    }
    let mut request = tonic::Request::new(v1::SubmitRequest::default());
    request.metadata_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    let mut grpc = tonic::client::Grpc::new(jobcenter.channel.clone());
    grpc.ready().await.unwrap();
    let codec: tonic_prost::ProstCodec<v1::SubmitRequest, v1::SubmitResponse> =
        tonic_prost::ProstCodec::default();
    let path = http::uri::PathAndQuery::from_static("/schleuse.v1.MessageService/Submit");
    let refused = grpc.unary(request, path, codec).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented, "{refused:?}");
    assert_eq!(broker.server.edge().connections().count(), 2, "no connection was lost");
}

/// The clock is set back: nothing is permitted, revocations still work.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_permits_nothing() {
    let clock = crate::broker::TestClock::starting_now();
    let broker = TestBroker::with(crate::pki::Pki::shared(), clock.clone(), "").await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    clock.set_back(60_000);
    let refused = jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_CLOCK_SET_BACK");
    let request = v1::FetchRequest { functions: vec!["zentrale".into()], max_messages: 1 };
    let refused = drv.messages().fetch(request).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_CLOCK_SET_BACK");
    assert_eq!(case.lotse.revoke(&case.consent).await.unwrap().stopped_messages, 1);
    clock.advance(60_000);
    let outcome = jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    assert_eq!(outcome.result(), v1::SubmitResult::NotCovered);
}

/// Queues are bounded; what was accepted stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_new_work_and_keeps_the_old() {
    let pki = crate::pki::Pki::shared();
    let clock = std::sync::Arc::new(schleuse_broker::engine::SystemClock);
    let broker = TestBroker::with(pki, clock, "queue_messages_max = 3").await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    for _ in 0..3 {
        jobcenter.send(&draft).await.unwrap();
    }
    let refused = jobcenter.send(&draft).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::ResourceExhausted, "ERROR_REASON_OVERLOADED")
    );
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 3);
}

/// Below the reserve only revocations, reports and log queries are served; what was accepted stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_new_work_and_still_takes_revocations() {
    let clock = std::sync::Arc::new(schleuse_broker::engine::SystemClock);
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    for _ in 0..2 {
        jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    }
    let consent = case.consent.clone();
    let reference = case.jobcenter_reference.clone();
    drop((case, jobcenter));
    // A reserve that no disk of this size can keep free.
    let config = broker.folder.path().join("broker.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("free_mib_min = 0", "free_mib_min = 1048576")).unwrap();
    let broker = broker.restart(clock).await;
    let lotse = RawClient::connect(broker.address(), crate::raw::LOTSE_AGENCY, "lotse-l-01").await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let refused = jobcenter.send(&Draft::new(&reference, DRV)).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_STORAGE_RESERVE");
    let refused = lotse
        .participants()
        .register_participant(v1::RegisterParticipantRequest {
            idempotency_key: Bytes::from_static(&[1; 16]),
        })
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_STORAGE_RESERVE");
    let delivery = &drv.fetch("zentrale", 1).await[0];
    drv.acknowledge(vec![delivery.message_number]).await.unwrap();
    assert_eq!(lotse.revoke(&consent).await.unwrap().stopped_messages, 1);
}

/// Sends bytes as they are.
#[derive(Clone, Copy, Debug, Default)]
struct RawCodec;

impl tonic::codec::Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl tonic::codec::Encoder for RawCodec {
    type Item = Bytes;
    type Error = tonic::Status;

    fn encode(
        &mut self,
        item: Bytes,
        buffer: &mut tonic::codec::EncodeBuf<'_>,
    ) -> Result<(), tonic::Status> {
        use bytes::BufMut as _;
        buffer.put(item);
        Ok(())
    }
}

impl tonic::codec::Decoder for RawCodec {
    type Item = Bytes;
    type Error = tonic::Status;

    fn decode(
        &mut self,
        buffer: &mut tonic::codec::DecodeBuf<'_>,
    ) -> Result<Option<Bytes>, tonic::Status> {
        use bytes::Buf as _;
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Garbage, truncation and deep nesting end the call; unknown fields are ignored, as protobuf does.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_deeply_nested_bytes_are_refused_and_unknown_fields_ignored() {
    let broker = TestBroker::start().await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let send = |bytes: Vec<u8>, path: &'static str| {
        let channel = jobcenter.channel.clone();
        async move {
            let mut grpc = tonic::client::Grpc::new(channel);
            grpc.ready().await.unwrap();
            let path = http::uri::PathAndQuery::from_static(path);
            grpc.unary(tonic::Request::new(Bytes::from(bytes)), path, RawCodec).await
        }
    };
    let submit = "/schleuse.v1.MessageService/Submit";
    let nested = [[0xfb, 0x07].repeat(10_000), [0xfc, 0x07].repeat(10_000)].concat();
    for bytes in [vec![0xff; 40], vec![0x0a, 0x7f, 0x01], nested] {
        let refused = send(bytes, submit).await.unwrap_err();
        assert_eq!(refused.code(), Code::Internal, "{refused:?}");
        assert!(refused.message().contains("decode"), "{refused:?}");
    }
    let unknown = vec![0xf8, 0x07, 0x01];
    send(unknown, "/schleuse.v1.CheckpointService/LatestCheckpoint").await.unwrap();
    assert_eq!(broker.server.engine().reader().latest().size(), 1, "only the start is recorded");
}
