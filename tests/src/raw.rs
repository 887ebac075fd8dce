//! Raw clients: generated code over real TLS, without the SDK, so that they may also say what is
//! wrong. Bodies are random bytes in place of a seal; the broker cannot tell.

mod runs;
mod safeguards;

pub use runs::{OFFICERS, erase, officers};
pub use safeguards::{objection, release};

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use prost::Message as _;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use schleuse_broker::engine::{Clock, SystemClock};
use schleuse_proto::GRPC_MESSAGE_BYTES_MAX;
use schleuse_proto::evidence::{
    Batch, batch_leaf, batch_signed_bytes, consent_signed_bytes, label_digest,
    participant_commitment, payload_digest, revocation_signed_bytes, sha256,
};
use schleuse_proto::v1;
use schleuse_proto::v1::access_log_service_client::AccessLogServiceClient;
use schleuse_proto::v1::checkpoint_service_client::CheckpointServiceClient;
use schleuse_proto::v1::consent_service_client::ConsentServiceClient;
use schleuse_proto::v1::directory_service_client::DirectoryServiceClient;
use schleuse_proto::v1::evaluation_service_client::EvaluationServiceClient;
use schleuse_proto::v1::message_service_client::MessageServiceClient;
use schleuse_proto::v1::operation_service_client::OperationServiceClient;
use schleuse_proto::v1::participant_service_client::ParticipantServiceClient;
use schleuse_proto::v1::planning_service_client::PlanningServiceClient;
use schleuse_proto::v1::rights_service_client::RightsServiceClient;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::pki::{Identity, Pki};

pub const LOTSE_AGENCY: &str = "lotsenstelle";
pub const JOBCENTER: &str = "jobcenter-stadt-regensburg";
pub const DRV: &str = "drv-bayern-sued";
pub const KRANKENKASSE: &str = "krankenkasse-nord";
pub const BEZIRK: &str = "bezirk-oberpfalz";
pub const SOZIALHILFE: &str = "sozialhilfe-regensburg";

const HOUR_MS: i64 = 3_600_000;

/// Random bytes of a fixed length.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).unwrap();
    bytes
}

/// Unix milliseconds now.
pub fn now_ms() -> i64 {
    SystemClock.now().try_into().unwrap()
}

/// A TLS connection, not yet HTTP/2.
pub async fn tls(
    address: SocketAddr,
    config: rustls::ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

/// A gRPC channel over TLS.
pub async fn channel(
    address: SocketAddr,
    config: rustls::ClientConfig,
) -> Result<Channel, tonic::transport::Error> {
    let connector = service_fn(move |_: http::Uri| {
        let config = config.clone();
        async move { tls(address, config).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost")
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(4 * 1024 * 1024)
        .connect_with_connector(connector)
        .await
}

/// A client with an identity.
#[derive(Clone)]
pub struct RawClient {
    pub channel: Channel,
    pub agency: String,
    pub certificate: Bytes,
    key: Arc<EcdsaKeyPair>,
}

impl RawClient {
    pub async fn connect(address: SocketAddr, agency: &str, name: &str) -> Self {
        Self::with(Pki::shared(), address, agency, name).await
    }

    pub async fn with(pki: &Pki, address: SocketAddr, agency: &str, name: &str) -> Self {
        let identity = pki.identity(agency, name);
        let channel = channel(address, pki.client_config(Some(&identity))).await.unwrap();
        Self::of(channel, agency, &identity)
    }

    pub fn of(channel: Channel, agency: &str, identity: &Identity) -> Self {
        let PrivateKeyDer::Pkcs8(key) = identity.key.as_ref() else { panic!("not PKCS#8") };
        let key = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            key.secret_pkcs8_der(),
            &SystemRandom::new(),
        );
        Self {
            channel,
            agency: agency.to_owned(),
            certificate: Bytes::copy_from_slice(&identity.chain[0]),
            key: Arc::new(key.unwrap()),
        }
    }

    pub fn messages(&self) -> MessageServiceClient<Channel> {
        MessageServiceClient::new(self.channel.clone())
            .max_decoding_message_size(GRPC_MESSAGE_BYTES_MAX)
            .max_encoding_message_size(8 * GRPC_MESSAGE_BYTES_MAX)
    }

    pub fn consents(&self) -> ConsentServiceClient<Channel> {
        ConsentServiceClient::new(self.channel.clone())
    }

    pub fn participants(&self) -> ParticipantServiceClient<Channel> {
        ParticipantServiceClient::new(self.channel.clone())
    }

    pub fn directory(&self) -> DirectoryServiceClient<Channel> {
        DirectoryServiceClient::new(self.channel.clone())
    }

    pub fn log(&self) -> AccessLogServiceClient<Channel> {
        AccessLogServiceClient::new(self.channel.clone())
    }

    pub fn rights(&self) -> RightsServiceClient<Channel> {
        RightsServiceClient::new(self.channel.clone())
    }

    pub fn evaluation(&self) -> EvaluationServiceClient<Channel> {
        EvaluationServiceClient::new(self.channel.clone())
    }

    pub fn operation(&self) -> OperationServiceClient<Channel> {
        OperationServiceClient::new(self.channel.clone())
    }

    pub fn planning(&self) -> PlanningServiceClient<Channel> {
        PlanningServiceClient::new(self.channel.clone())
    }

    pub fn checkpoints(&self) -> CheckpointServiceClient<Channel> {
        CheckpointServiceClient::new(self.channel.clone())
    }

    pub fn sign(&self, signed: &[u8]) -> v1::Signature {
        let value = self.key.sign(&SystemRandom::new(), signed).unwrap();
        v1::Signature {
            certificate: self.certificate.clone(),
            value: Bytes::copy_from_slice(value.as_ref()),
        }
    }

    // Lotse

    pub async fn register(&self) -> String {
        let request = v1::RegisterParticipantRequest {
            idempotency_key: Bytes::copy_from_slice(&random::<16>()),
        };
        let response = self.participants().register_participant(request).await.unwrap();
        response.into_inner().participant_reference
    }

    pub async fn reference_for(&self, reference: &str, agency: &str) -> String {
        let request = v1::AssignReferenceRequest {
            participant_reference: reference.to_owned(),
            agency: agency.to_owned(),
        };
        let response = self.participants().assign_reference(request).await.unwrap();
        response.into_inner().agency_reference
    }

    pub async fn record_consent(
        &self,
        document: &v1::ConsentDocument,
    ) -> Result<v1::RecordConsentResponse, tonic::Status> {
        let bytes = Bytes::from(document.encode_to_vec());
        let signature = Some(self.sign(&consent_signed_bytes(&bytes)));
        let request = v1::RecordConsentRequest { document: bytes, signature };
        self.consents().record_consent(request).await.map(tonic::Response::into_inner)
    }

    pub async fn revise(
        &self,
        document: &v1::ConsentDocument,
    ) -> Result<v1::ReviseConsentResponse, tonic::Status> {
        let bytes = Bytes::from(document.encode_to_vec());
        let signature = Some(self.sign(&consent_signed_bytes(&bytes)));
        let request = v1::ReviseConsentRequest { document: bytes, signature };
        self.consents().revise_consent(request).await.map(tonic::Response::into_inner)
    }

    pub async fn revoke(
        &self,
        consent: &v1::ConsentDocument,
    ) -> Result<v1::RevokeConsentResponse, tonic::Status> {
        let document = v1::RevocationDocument {
            consent_id: consent.consent_id.clone(),
            revision_hash: Bytes::copy_from_slice(&sha256(&[&consent.encode_to_vec()])),
            signed_at_ms: now_ms(),
        };
        let bytes = Bytes::from(document.encode_to_vec());
        let signature = Some(self.sign(&revocation_signed_bytes(&bytes)));
        let request = v1::RevokeConsentRequest { document: bytes, signature };
        self.consents().revoke_consent(request).await.map(tonic::Response::into_inner)
    }

    // System

    /// Signs messages as one batch.
    pub fn seal_batch(&self, messages: &mut [v1::OutgoingMessage]) {
        let leaves: Vec<[u8; 64]> = messages
            .iter()
            .map(|message| {
                let sealed = message.sealed.as_ref().unwrap();
                let digest = payload_digest(&sealed.encapsulated_key, &sealed.ciphertext);
                batch_leaf(&label_digest(&sealed.label), &digest)
            })
            .collect();
        let batch = Batch::new(&leaves).unwrap();
        let signed = batch_signed_bytes(batch.size(), &batch.root().unwrap());
        let signature = self.sign(&signed);
        for (message, index) in messages.iter_mut().zip(0..) {
            let path = batch.path(index).unwrap();
            message.sealed.as_mut().unwrap().signature = Some(v1::BatchSignature {
                signature: Some(signature.clone()),
                tree_size: batch.size(),
                leaf_index: index,
                path: path.iter().map(|hash| Bytes::copy_from_slice(hash)).collect(),
            });
        }
    }

    /// One signed message.
    pub fn message(&self, draft: &Draft) -> v1::OutgoingMessage {
        let mut messages = [draft.message(&self.agency)];
        self.seal_batch(&mut messages);
        let [message] = messages;
        message
    }

    pub async fn submit(
        &self,
        messages: Vec<v1::OutgoingMessage>,
    ) -> Result<Vec<v1::SubmitOutcome>, tonic::Status> {
        let request = v1::SubmitRequest { messages, require_all: false };
        self.messages().submit(request).await.map(|response| response.into_inner().outcomes)
    }

    pub async fn send(&self, draft: &Draft) -> Result<v1::SubmitOutcome, tonic::Status> {
        let outcomes = self.submit(vec![self.message(draft)]).await?;
        Ok(outcomes.into_iter().next().unwrap())
    }

    /// Asks whether a message would pass.
    pub async fn ask(&self, draft: &Draft) -> Result<v1::AskCoverageResponse, tonic::Status> {
        let request = v1::AskCoverageRequest {
            participant_reference: draft.reference.clone(),
            planned: Some(draft.planned(&self.agency)),
        };
        self.planning().ask_coverage(request).await.map(tonic::Response::into_inner)
    }

    /// Asks the Lotse for a consent.
    pub async fn request_consent(&self, draft: &Draft) -> Result<v1::Receipt, tonic::Status> {
        let request = v1::RequestConsentRequest {
            participant_reference: draft.reference.clone(),
            planned: Some(draft.planned(&self.agency)),
            reason: v1::RequestReason::PeriodRuns.into(),
        };
        let answer = self.planning().request_consent(request).await?;
        Ok(answer.into_inner().receipt.unwrap())
    }

    pub async fn fetch(&self, function: &str, max: u32) -> Vec<v1::Delivery> {
        let request = v1::FetchRequest { functions: vec![function.to_owned()], max_messages: max };
        self.messages().fetch(request).await.unwrap().into_inner().deliveries
    }

    /// Fetches until the broker's next tick has released something; bounded by its own patience.
    pub async fn fetch_until_some(&self) -> Vec<v1::Delivery> {
        for _ in 0..10_000 {
            let deliveries = self.fetch("zentrale", 10).await;
            if !deliveries.is_empty() {
                return deliveries;
            }
        }
        panic!("nothing came");
    }

    pub async fn acknowledge(&self, numbers: Vec<u64>) -> Result<Vec<v1::Receipt>, tonic::Status> {
        let request = v1::AcknowledgeRequest {
            message_numbers: numbers,
            stage: v1::DeliveryStage::Acknowledged.into(),
            ..Default::default()
        };
        self.messages().acknowledge(request).await.map(|r| r.into_inner().receipts)
    }

    // DPO

    pub async fn query(
        &self,
        request: v1::QueryLogRequest,
    ) -> Result<(Vec<v1::LogRow>, Option<v1::QueryEnd>), tonic::Status> {
        use v1::query_log_response::Response;
        let mut stream = self.log().query_log(request).await?.into_inner();
        let (mut rows, mut end) = (Vec::new(), None);
        while let Some(message) = stream.message().await? {
            match message.response.unwrap() {
                Response::Row(row) => rows.push(row),
                Response::End(last) => end = Some(last),
            }
        }
        Ok((rows, end))
    }

    pub async fn whole_log(&self) -> Vec<v1::LogRow> {
        let request = v1::QueryLogRequest {
            reason: "check of the test run".to_owned(),
            max_rows: 100_000,
            ..v1::QueryLogRequest::default()
        };
        self.query(request).await.unwrap().0
    }
}

/// What a message is about.
#[derive(Clone, Debug)]
pub struct Draft {
    pub reference: String,
    pub recipient: v1::Address,
    pub purpose: String,
    pub kind: String,
    pub categories: Vec<String>,
    pub thread: [u8; 16],
    pub body: Bytes,
    pub created_at_ms: i64,
    /// Identifier; none: a fresh one for each message.
    pub message_id: Option<[u8; 16]>,
    /// Main message, of a part of an upload.
    pub part_of: Option<[u8; 16]>,
    pub professional_secret: bool,
    pub sender_function: String,
}

impl Draft {
    pub fn new(reference: &str, recipient: &str) -> Self {
        Self {
            reference: reference.to_owned(),
            recipient: address(recipient, "zentrale"),
            purpose: "fallkonferenz".to_owned(),
            kind: "fallkonferenz.request".to_owned(),
            categories: vec!["termine".to_owned()],
            thread: random(),
            body: Bytes::from_static(&[7; 64]),
            created_at_ms: now_ms(),
            message_id: None,
            part_of: None,
            professional_secret: false,
            sender_function: "zentrale".to_owned(),
        }
    }

    /// What would be sent.
    pub fn planned(&self, sender: &str) -> v1::PlannedMessage {
        v1::PlannedMessage {
            sender: Some(address(sender, "zentrale")),
            recipient: Some(self.recipient.clone()),
            purpose: self.purpose.clone(),
            kind: self.kind.clone(),
            categories: self.categories.clone(),
            professional_secret: false,
        }
    }

    /// A message about nobody.
    pub fn about_nobody(recipient: &str) -> Self {
        let purpose = "strukturfragen".to_owned();
        Self { purpose, categories: Vec::new(), ..Self::new("", recipient) }
    }

    /// The message without a signature.
    pub fn message(&self, sender: &str) -> v1::OutgoingMessage {
        let (mut nonce, mut commitment) = (random::<16>().to_vec(), Vec::new());
        if self.reference.is_empty() && self.categories.is_empty() {
            nonce.clear();
        } else {
            let nonce = nonce.as_slice().try_into().unwrap();
            commitment = participant_commitment(nonce, &self.reference).to_vec();
        }
        let label = v1::Label {
            message_id: Bytes::copy_from_slice(&self.message_id.unwrap_or_else(random)),
            participant_commitment: commitment.into(),
            kind: self.kind.clone(),
            purpose: self.purpose.clone(),
            categories: self.categories.clone(),
            sender: Some(address(sender, &self.sender_function)),
            recipient: Some(self.recipient.clone()),
            thread_id: Bytes::copy_from_slice(&self.thread),
            created_at_ms: self.created_at_ms,
            expires_at_ms: self.created_at_ms + 24 * HOUR_MS,
            suite: v1::SealingSuite::DhkemP256Sha256Aes256gcm.into(),
            sealing_key_id: Bytes::from_static(&[1; 32]),
            part_of: Bytes::copy_from_slice(
                self.part_of.as_ref().map_or(&[], <[u8; 16]>::as_slice),
            ),
            professional_secret: self.professional_secret,
        };
        v1::OutgoingMessage {
            participant_reference: self.reference.clone(),
            reference_nonce: nonce.into(),
            sealed: Some(v1::SealedMessage {
                label: label.encode_to_vec().into(),
                encapsulated_key: Bytes::from_static(&[4; 65]),
                ciphertext: self.body.clone(),
                signature: None,
            }),
        }
    }
}

pub fn address(agency: &str, function: &str) -> v1::Address {
    v1::Address { agency: agency.to_owned(), function: function.to_owned() }
}

/// A grant for a year to the recipient's `zentrale`, for Fallkonferenzen and dates.
pub fn grant(senders: &[&str], recipient: &str) -> v1::Grant {
    let now = now_ms();
    v1::Grant {
        senders: senders.iter().map(|sender| (*sender).to_owned()).collect(),
        recipient: Some(address(recipient, "zentrale")),
        purpose: "fallkonferenz".to_owned(),
        categories: vec!["termine".to_owned()],
        not_before_ms: now - HOUR_MS,
        not_after_ms: now + 365 * 24 * HOUR_MS,
    }
}

/// A first consent document.
pub fn consent(reference: &str, grants: Vec<v1::Grant>) -> v1::ConsentDocument {
    v1::ConsentDocument {
        consent_id: Bytes::copy_from_slice(&random::<16>()),
        participant_reference: reference.to_owned(),
        revision: 1,
        previous_hash: Bytes::new(),
        grants,
        text: Some(v1::ConsentText {
            version: "2026-1".to_owned(),
            hash: Bytes::from_static(&[5; 32]),
            language: "de".to_owned(),
        }),
        form: v1::ConsentForm::Written.into(),
        evidence_hashes: Vec::new(),
        given_by: Some(v1::GivenBy::default()),
        secrecy_releases: Vec::new(),
        review_by_ms: now_ms() + 180 * 24 * HOUR_MS,
        signed_at_ms: now_ms(),
    }
}

/// A participant with a consent from the Jobcenter (and the Lotse) to the DRV.
pub struct Case {
    pub lotse: RawClient,
    pub reference: String,
    pub jobcenter_reference: String,
    pub consent: v1::ConsentDocument,
}

impl Case {
    pub async fn open(address: SocketAddr) -> Self {
        let lotse = RawClient::connect(address, LOTSE_AGENCY, "lotse-l-01").await;
        Self::with(lotse, &[JOBCENTER, LOTSE_AGENCY], DRV).await
    }

    pub async fn with(lotse: RawClient, senders: &[&str], recipient: &str) -> Self {
        let reference = lotse.register().await;
        let jobcenter_reference = lotse.reference_for(&reference, JOBCENTER).await;
        let consent = consent(&reference, vec![grant(senders, recipient)]);
        lotse.record_consent(&consent).await.unwrap();
        Self { lotse, reference, jobcenter_reference, consent }
    }
}

/// Counts things across tasks.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
