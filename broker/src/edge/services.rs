//! The gRPC services: wire → domain, one command, domain → wire. No decisions here.

mod consents;
mod counts;
mod delivery;
mod directory;
mod evaluation;
mod log;
pub(super) mod messages;
mod notices;
mod operation;
mod participants;
mod planning;
mod proofs;
mod receive;
mod rights;
mod safeguards;
mod submit;
mod uploads;

use std::sync::Arc;

pub(super) use operation::Operation;

use bytes::Bytes;
use schleuse_proto::skeleton::{SKELETON_BYTES, leaf_hash};
use schleuse_proto::v1;
use schleuse_proto::{FILE_DESCRIPTOR_SET, GRPC_MESSAGE_BYTES_MAX};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};
use tonic::{Request, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::limits;
use super::peer::Peer;
use super::rates::Rates;
use super::status::{self, Failure};
use crate::domain::ids::RecordNumber;
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::journal::{Commit, JournalError};

/// What every service needs.
#[derive(Clone)]
pub(super) struct Context {
    engine: Engine,
    check_signatures: bool,
    drain: CancellationToken,
    /// Places for what reads the journal at length.
    log_reads: Arc<Semaphore>,
    /// Places for proofs, which are short: no query keeps a client from comparing its checkpoint.
    proofs: Arc<Semaphore>,
}

impl Context {
    pub(super) fn new(engine: Engine, check_signatures: bool, drain: CancellationToken) -> Self {
        let log_reads = Arc::new(Semaphore::new(limits::LOG_READS_MAX));
        let proofs = Arc::new(Semaphore::new(limits::PROOFS_MAX));
        Self { engine, check_signatures, drain, log_reads, proofs }
    }

    /// Runs what reads the journal at length where it may block; a few at a time, the others wait.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Failure> {
        Self::at_a_place(&self.log_reads, work).await
    }

    /// Runs what reads proofs where it may block.
    async fn proving<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Failure> {
        Self::at_a_place(&self.proofs, work).await
    }

    async fn at_a_place<T: Send + 'static>(
        places: &Arc<Semaphore>,
        work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Failure> {
        let place = places.clone().acquire_owned().await;
        let place = place.map_err(|_| Failure::Refused(Refusal::Draining))?;
        let placed = move || {
            let _place = place;
            work()
        };
        let done = tokio::task::spawn_blocking(placed).await;
        done.map_err(|_| Failure::Internal)?.map_err(Failure::from)
    }

    /// Receipt of a durable record; most are of the commit that comes with the answer.
    fn receipt(&self, commit: &Commit, number: RecordNumber) -> Result<v1::Receipt, Failure> {
        let leaf_hash = match commit.leaf_hash(number) {
            Some(hash) => Bytes::copy_from_slice(hash),
            None => {
                let hashes = self.engine.reader().leaf_hashes(number, 1)?;
                Bytes::copy_from_slice(hashes.first().ok_or(Failure::Internal)?)
            }
        };
        Ok(v1::Receipt { record_number: number, leaf_hash })
    }

    /// Checks a signature over a document: made with the very certificate of the connection.
    fn check_own_signature(
        peer: &Peer,
        document: &'static str,
        signed: &[u8],
        signature: Option<&v1::Signature>,
    ) -> Result<(), Failure> {
        let bad = Failure::BadSignature { document };
        match signature {
            Some(signature)
                if signature.certificate == peer.certificate
                    && peer.leaf.verify(signed, &signature.value).is_ok() =>
            {
                Ok(())
            }
            _ => Err(bad),
        }
    }
}

/// The rates of the caller's agency.
fn rates<T>(request: &Request<T>) -> Result<Arc<Rates>, Failure> {
    request.extensions().get::<Arc<Rates>>().cloned().ok_or(Failure::Internal)
}

/// The peer of a request, as the listener verified it.
fn peer<T>(request: &Request<T>) -> Result<Arc<Peer>, Failure> {
    request.extensions().get::<Arc<Peer>>().cloned().ok_or(Failure::Internal)
}

fn checkpoint(commit: &Commit) -> Bytes {
    Bytes::copy_from_slice(commit.note())
}

fn failed(failure: impl Into<Failure>) -> Status {
    status::status(&failure.into())
}

fn invalid(field: &'static str, expected: &'static str) -> Failure {
    Failure::Refused(Refusal::InvalidField { field, expected })
}

fn skeleton_receipt(number: RecordNumber, skeleton: &[u8; SKELETON_BYTES]) -> v1::Receipt {
    v1::Receipt { record_number: number, leaf_hash: Bytes::copy_from_slice(&leaf_hash(skeleton)) }
}

/// The message service by itself: the calls that come most often need no router.
pub(super) type MessageRoute = v1::message_service_server::MessageServiceServer<messages::Messages>;

/// Path prefix of the message service.
pub(super) const MESSAGE_SERVICE: &str = "/schleuse.v1.MessageService/";

/// The message service.
pub(super) fn message_route(context: &Context) -> MessageRoute {
    MessageRoute::new(messages::Messages(context.clone()))
        .max_decoding_message_size(GRPC_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(GRPC_MESSAGE_BYTES_MAX)
}

/// Tells those who watch the health that this broker serves no more, and ends their streams.
pub(super) async fn end_health(mut health: HealthReporter) {
    for service in HEALTHY {
        health.set_service_status(service, ServingStatus::NotServing).await;
        health.clear_service_status(service).await;
    }
}

/// Services whose health can be asked for; the empty name means all.
const HEALTHY: [&str; 3] = ["", "schleuse.v1.MessageService", "schleuse.v1.ConsentService"];

/// All other services, and what tells their health.
pub(super) async fn routes(
    context: &Context,
    operation: Operation,
    reflection: bool,
) -> (Routes, HealthReporter) {
    use v1::access_log_service_server::AccessLogServiceServer;
    use v1::checkpoint_service_server::CheckpointServiceServer;
    use v1::consent_service_server::ConsentServiceServer;
    use v1::delivery_service_server::DeliveryServiceServer;
    use v1::directory_service_server::DirectoryServiceServer;
    use v1::evaluation_service_server::EvaluationServiceServer;
    use v1::notice_service_server::NoticeServiceServer;
    use v1::operation_service_server::OperationServiceServer;
    use v1::participant_service_server::ParticipantServiceServer;
    use v1::planning_service_server::PlanningServiceServer;
    use v1::rights_service_server::RightsServiceServer;
    use v1::safeguard_service_server::SafeguardServiceServer;
    use v1::upload_service_server::UploadServiceServer;

    let (health, health_service) = tonic_health::server::health_reporter();
    for service in HEALTHY {
        health.set_service_status(service, ServingStatus::Serving).await;
    }
    let mut routes = RoutesBuilder::default();
    routes.add_service(health_service);
    macro_rules! add {
        ($server:ident, $service:expr) => {
            routes.add_service(
                $server::new($service)
                    .max_decoding_message_size(GRPC_MESSAGE_BYTES_MAX)
                    .max_encoding_message_size(GRPC_MESSAGE_BYTES_MAX),
            )
        };
    }
    add!(ConsentServiceServer, consents::Consents(context.clone()));
    add!(ParticipantServiceServer, participants::Participants(context.clone()));
    add!(DirectoryServiceServer, directory::Directory::new(context.clone()));
    add!(AccessLogServiceServer, log::AccessLog(context.clone()));
    add!(RightsServiceServer, rights::Rights(context.clone()));
    add!(UploadServiceServer, uploads::Uploads(context.clone()));
    add!(DeliveryServiceServer, delivery::Deliveries(context.clone()));
    add!(NoticeServiceServer, notices::Notices(context.clone()));
    add!(PlanningServiceServer, planning::Planning(context.clone()));
    add!(SafeguardServiceServer, safeguards::Safeguards(context.clone()));
    add!(EvaluationServiceServer, evaluation::Evaluation(context.clone()));
    add!(OperationServiceServer, operation);
    add!(CheckpointServiceServer, proofs::Checkpoints(context.clone()));
    if reflection {
        add_reflection(&mut routes);
    }
    (routes.routes(), health)
}

fn add_reflection(routes: &mut RoutesBuilder) {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    match (builder().build_v1(), builder().build_v1alpha()) {
        (Ok(v1), Ok(v1alpha)) => {
            routes.add_service(v1).add_service(v1alpha);
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "reflection is not offered");
        }
    }
}
