//! A bare tonic echo over the same mutual TLS, in a process of its own with as many threads as there
//! are processors: the ceiling that figures are compared with.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use schleuse_broker::edge::tls::provider;
use schleuse_proto::v1;
use schleuse_proto::v1::message_service_server::{MessageService, MessageServiceServer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt as _;
use tonic::{Request, Response, Status, Streaming};

use crate::pki::Pki;

/// Answers a submission with as many outcomes as it has messages, and does nothing else.
struct Echo;

type BoxStream<T> =
    std::pin::Pin<Box<dyn futures::Stream<Item = Result<T, Status>> + Send + 'static>>;

fn outcomes(count: usize) -> Vec<v1::SubmitOutcome> {
    let receipt = v1::Receipt { record_number: 1, leaf_hash: vec![1; 32].into() };
    let outcome = v1::SubmitOutcome {
        result: v1::SubmitResult::Accepted.into(),
        receipt: Some(receipt),
        rejection: None,
    };
    vec![outcome; count]
}

fn unused<T>() -> Result<Response<T>, Status> {
    Err(Status::from_error("the echo only echoes".into()))
}

#[tonic::async_trait]
impl MessageService for Echo {
    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let outcomes = outcomes(request.get_ref().messages.len());
        Ok(Response::new(v1::SubmitResponse { outcomes, checkpoint: vec![1; 200].into() }))
    }

    type SubmitStreamStream = BoxStream<v1::SubmitStreamResponse>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let answers = request.into_inner().map(|part| {
            part.map(|part| v1::SubmitStreamResponse {
                outcomes: outcomes(part.messages.len()),
                checkpoint: vec![1; 200].into(),
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    type ReceiveStream = BoxStream<v1::ReceiveResponse>;

    async fn receive(
        &self,
        _: Request<Streaming<v1::ReceiveRequest>>,
    ) -> Result<Response<Self::ReceiveStream>, Status> {
        unused()
    }

    async fn fetch(
        &self,
        _: Request<v1::FetchRequest>,
    ) -> Result<Response<v1::FetchResponse>, Status> {
        unused()
    }

    async fn acknowledge(
        &self,
        _: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        unused()
    }
}

/// The echo as a process of its own, like the broker; killed when dropped.
pub struct EchoProcess {
    child: Child,
    pub address: SocketAddr,
}

impl EchoProcess {
    /// Starts it and waits until it listens.
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("echo")
            .arg(Pki::shared().path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { child, address }
    }
}

impl Drop for EchoProcess {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Serves the echo until the process ends; says where through `listening`.
pub async fn serve(pki: &Path, listening: impl FnOnce(SocketAddr)) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.join("root.pem")).unwrap()).unwrap();
    let provider = Arc::new(provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let chain = CertificateDer::pem_file_iter(pki.join("broker/broker.pem"))
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(pki.join("broker/broker.key")).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    listening(address);
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(tls) = acceptor.accept(tcp).await else { return };
            let service = MessageServiceServer::new(Echo);
            let service = hyper_util::service::TowerToHyperService::new(service);
            let executor = hyper_util::rt::TokioExecutor::new();
            let connection = hyper::server::conn::http2::Builder::new(executor)
                .initial_stream_window_size(256 * 1024)
                .initial_connection_window_size(1024 * 1024)
                .serve_connection(hyper_util::rt::TokioIo::new(tls), service);
            let _client_gone = connection.await;
        });
    }
}
