//! The connection to the broker: built once, cloned freely, shared by all calls.

mod builder;
mod retry;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use schleuse_proto::GRPC_MESSAGE_BYTES_MAX;
use schleuse_proto::checkpoint::SignedCheckpoint;
use schleuse_proto::evidence::Digest;
use schleuse_proto::identity::Identity;
use schleuse_proto::trust::Trust;
use schleuse_proto::v1;
use schleuse_proto::v1::access_log_service_client::AccessLogServiceClient;
use schleuse_proto::v1::checkpoint_service_client::CheckpointServiceClient;
use schleuse_proto::v1::consent_service_client::ConsentServiceClient;
use schleuse_proto::v1::delivery_service_client::DeliveryServiceClient;
use schleuse_proto::v1::directory_service_client::DirectoryServiceClient;
use schleuse_proto::v1::evaluation_service_client::EvaluationServiceClient;
use schleuse_proto::v1::message_service_client::MessageServiceClient;
use schleuse_proto::v1::notice_service_client::NoticeServiceClient;
use schleuse_proto::v1::operation_service_client::OperationServiceClient;
use schleuse_proto::v1::participant_service_client::ParticipantServiceClient;
use schleuse_proto::v1::planning_service_client::PlanningServiceClient;
use schleuse_proto::v1::rights_service_client::RightsServiceClient;
use schleuse_proto::v1::safeguard_service_client::SafeguardServiceClient;
use schleuse_proto::v1::upload_service_client::UploadServiceClient;
use tonic::transport::Channel;
use tonic::{Response, Status};

pub use builder::ClientBuilder;
pub(crate) use retry::Backoff;

use crate::checkpoints::{CheckpointKeeper, ProofSource, proof_path};
use crate::clock::Clock;
use crate::directory::DirectoryCache;
use crate::error::ClientError;
use crate::seal::SealingKeys;
use crate::signer::Signer;
use crate::spot_checks::SpotChecks;
use crate::trust_file::TrustAnchors;

/// A client of one broker, with one certificate. Cloning shares the connection.
///
/// ```no_run
/// # async fn example() -> Result<(), schleuse_client::ClientError> {
/// use schleuse_client::Client;
///
/// let client = Client::builder()
///     .endpoint("https://127.0.0.1:8443")
///     .server_name("localhost")
///     .trust_file("pki/trust.toml")
///     .certificate("pki/agencies/drv-bayern-sued/system.pem")
///     .key("pki/agencies/drv-bayern-sued/system.key")
///     .sealing_file("pki/agencies/drv-bayern-sued/sealing.toml")
///     .state_dir("state/drv-bayern-sued")
///     .connect()
///     .await?;
/// for incoming in client.fetch(&["reha-beratung"], 10).await? {
///     let message = incoming.verified()?;
///     println!("{}", message.content);
///     message.acknowledge().await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Parts>);

struct Parts {
    endpoint: String,
    channel: Channel,
    signer: Signer,
    anchors: TrustAnchors,
    keeper: CheckpointKeeper,
    sealing: SealingKeys,
    clock: Arc<dyn Clock>,
    directory: DirectoryCache,
    state_dir: Option<PathBuf>,
    spot_checks: SpotChecks,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.endpoint)
            .field("identity", self.identity())
            .finish_non_exhaustive()
    }
}

macro_rules! service {
    ($name:ident, $client:ident) => {
        pub(crate) fn $name(&self) -> $client<Channel> {
            $client::new(self.raw_channel())
                .max_decoding_message_size(GRPC_MESSAGE_BYTES_MAX)
                .max_encoding_message_size(GRPC_MESSAGE_BYTES_MAX)
        }
    };
}

impl Client {
    /// Begins a connection.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Who we are, from our certificate.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        self.0.signer.identity()
    }

    /// Our agency.
    #[must_use]
    pub fn agency(&self) -> &str {
        &self.identity().agency
    }

    /// Our certificate and key.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.0.signer
    }

    /// Whom this installation believes.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.0.anchors.trust
    }

    /// Public key of the broker's log in its C2SP form.
    #[must_use]
    pub fn log_key(&self) -> &str {
        &self.0.anchors.log_key
    }

    /// Our private sealing keys.
    #[must_use]
    pub fn sealing_keys(&self) -> &SealingKeys {
        &self.0.sealing
    }

    /// The keeper of the newest checkpoint.
    #[must_use]
    pub fn checkpoints(&self) -> &CheckpointKeeper {
        &self.0.keeper
    }

    /// The channel itself, for generated clients.
    #[must_use]
    pub fn raw_channel(&self) -> Channel {
        self.0.channel.clone()
    }

    /// Proves that every checkpoint that arrived so far belongs to one log. The calls of this
    /// client do it by themselves; streams do it when they end or the broker is quiet.
    ///
    /// # Errors
    /// The broker was rolled back, its log was forked, or it cannot be reached.
    pub async fn check_log(&self) -> Result<(), ClientError> {
        self.0.keeper.check(self).await?;
        self.check_receipts_if_due().await
    }

    /// The newest checkpoint that witnesses of the broker cosigned, if there is one. Its cosignatures are to be
    /// checked with the witnesses' keys.
    ///
    /// # Errors
    /// The log's key did not sign it, or the broker cannot be reached.
    pub async fn cosigned_checkpoint(&self) -> Result<Option<SignedCheckpoint>, ClientError> {
        let service = self.checkpoint_service();
        let answer = self
            .call(|| {
                let mut service = service.clone();
                async move { service.latest_checkpoint(v1::LatestCheckpointRequest::default()).await }
            })
            .await?;
        if answer.cosigned_checkpoint.is_empty() {
            return Ok(None);
        }
        let verified = self.0.anchors.log.verify(&answer.cosigned_checkpoint);
        verified.map(Some).map_err(|error| ClientError::evidence(error.into()))
    }

    /// Our clock, Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    pub(crate) fn spot_checks(&self) -> &SpotChecks {
        &self.0.spot_checks
    }

    /// Folder in which the newest checkpoint and revocations are kept, if there is one.
    pub(crate) fn state_dir(&self) -> Option<&Path> {
        self.0.state_dir.as_deref()
    }

    pub(crate) fn directory_cache(&self) -> &DirectoryCache {
        &self.0.directory
    }

    /// Takes the checkpoint of an answer and proves it.
    pub(crate) async fn settle(&self, checkpoint: &[u8]) -> Result<(), ClientError> {
        self.0.keeper.observe(checkpoint)?;
        self.0.keeper.check(self).await
    }

    /// Takes the newest checkpoint and proves it, where an answer had none.
    pub(crate) async fn settle_newest(&self) -> Result<(), ClientError> {
        let newest = self.latest(None).await?;
        self.settle(&newest).await
    }

    pub(crate) fn failed(&self, status: &Status) -> ClientError {
        ClientError::from_status(&self.0.endpoint, status)
    }

    /// Makes a unary call, again while a repetition may cure its failure. The same bytes sent
    /// twice have one effect.
    pub(crate) async fn call<T, F, Call>(&self, mut call: F) -> Result<T, ClientError>
    where
        F: FnMut() -> Call,
        Call: Future<Output = Result<Response<T>, Status>>,
    {
        let mut backoff = Backoff::default();
        loop {
            let late = |_| Err(Status::deadline_exceeded("no answer in time"));
            let answer = tokio::time::timeout(retry::CALL_TIMEOUT, call()).await;
            let error = match answer.unwrap_or_else(late) {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => self.failed(&status),
            };
            if !error.retryable() || !backoff.pause().await {
                return Err(error);
            }
        }
    }

    service!(consents, ConsentServiceClient);
    service!(safeguards, SafeguardServiceClient);
    service!(participants, ParticipantServiceClient);
    service!(rights, RightsServiceClient);
    service!(planning, PlanningServiceClient);
    service!(messages, MessageServiceClient);
    service!(uploads, UploadServiceClient);
    service!(deliveries, DeliveryServiceClient);
    service!(notices, NoticeServiceClient);
    service!(evaluation, EvaluationServiceClient);
    service!(operation, OperationServiceClient);
    service!(directory_service, DirectoryServiceClient);
    service!(access_log, AccessLogServiceClient);
    service!(checkpoint_service, CheckpointServiceClient);
}

impl ProofSource for Client {
    async fn latest(&self, known: Option<&[u8]>) -> Result<Vec<u8>, ClientError> {
        let service = self.checkpoint_service();
        let known_checkpoint = known.map(Bytes::copy_from_slice).unwrap_or_default();
        let request = v1::LatestCheckpointRequest { known_checkpoint };
        let answer = self
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.latest_checkpoint(request).await }
            })
            .await?;
        Ok(answer.checkpoint.to_vec())
    }

    async fn prove(&self, old_size: u64, new_size: u64) -> Result<Vec<Digest>, ClientError> {
        let service = self.checkpoint_service();
        let request = v1::ProveConsistencyRequest { old_size, new_size };
        let answer = self
            .call(|| {
                let (mut service, request) = (service.clone(), request);
                async move { service.prove_consistency(request).await }
            })
            .await?;
        proof_path(&answer.path)
    }
}
