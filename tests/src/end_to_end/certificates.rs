//! The table of certificates: each gets its verdict before any request is processed.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use schleuse_broker::edge::tls::provider;
use schleuse_broker::engine::{Clock as _, SystemClock};
use schleuse_certs_dev::faulty::{FaultyCertificate, Verdict, generate_faulty};
use schleuse_proto::v1;
use schleuse_proto::v1::checkpoint_service_client::CheckpointServiceClient;

use crate::broker::TestBroker;
use crate::browser::Browser;
use crate::pki::{Identity, Pki};
use crate::raw::{self, JOBCENTER, RawClient};

/// Presents exactly what the test says, also what rustls would not load.
#[derive(Debug)]
struct Present(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Present {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

fn present(pki: &Pki, faulty: &FaultyCertificate) -> ClientConfig {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&faulty.certificate)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .collect();
    let key = PrivateKeyDer::from_pem_file(&faulty.key).ok();
    let key = key.and_then(|key| provider().key_provider.load_private_key(key).ok());
    let certified =
        key.filter(|_| !chain.is_empty()).map(|key| Arc::new(CertifiedKey::new(chain, key)));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.path().join("root.pem")).unwrap()).unwrap();
    let mut config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(Present(certified)));
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Whether a request is answered on a connection with this certificate.
async fn is_answered(broker: &TestBroker, config: ClientConfig) -> bool {
    let Ok(channel) = raw::channel(broker.address(), config).await else { return false };
    let mut client = CheckpointServiceClient::new(channel);
    client.latest_checkpoint(v1::LatestCheckpointRequest::default()).await.is_ok()
}

/// At the door of calls and at that of browsers.
#[tokio::test(flavor = "multi_thread")]
async fn every_certificate_of_the_table_gets_its_verdict() {
    let pki = Pki::new();
    let table = generate_faulty(pki.path(), SystemClock.now()).unwrap();
    assert!(table.len() >= 60);
    let broker = TestBroker::with(&pki, Arc::new(SystemClock), "").await;
    let before = broker.server.engine().reader().latest().size();
    let door = broker.server.console_address().unwrap();
    let mut wrong = Vec::new();
    for faulty in &table {
        let called = is_answered(&broker, present(&pki, faulty)).await;
        let browsed = Browser::is_answered(door, present(&pki, faulty)).await;
        let expected = faulty.verdict == Verdict::Accepted;
        if [called, browsed] != [expected; 2] {
            wrong.push((faulty.name, faulty.verdict, called, browsed));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    let after = broker.server.engine().reader().latest().size();
    assert_eq!(before, after, "no request was processed");
}

/// A revoked certificate loses its live connections, without a restart and without a request.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_loses_its_live_connection() {
    use v1::receive_request::Request;
    let pki = Pki::new();
    let broker = TestBroker::with(&pki, Arc::new(SystemClock), "").await;
    let client = RawClient::with(&pki, broker.address(), JOBCENTER, "system").await;
    let bystander = RawClient::with(&pki, broker.address(), raw::DRV, "system").await;
    let ping = v1::LatestCheckpointRequest::default();
    client.checkpoints().latest_checkpoint(ping.clone()).await.unwrap();
    // A stream that only the broker can end.
    let lotse = RawClient::with(&pki, broker.address(), raw::LOTSE_AGENCY, "lotse-l-01").await;
    raw::Case::with(lotse, &[raw::DRV], JOBCENTER).await;
    let (credit, requests) = tokio::sync::mpsc::channel(1);
    let open = v1::OpenReceive { functions: vec!["zentrale".into()], credit: 1 };
    credit.send(v1::ReceiveRequest { request: Some(Request::Open(open)) }).await.unwrap();
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut stream = client.messages().receive(requests).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();

    let certificate = pki.leaf(JOBCENTER, "system").with_extension("pem");
    let serial = schleuse_certs_dev::serial(&certificate).unwrap();
    let now = SystemClock.now();
    schleuse_certs_dev::revoke(pki.path(), JOBCENTER, &[serial], 2, now, now + 86_400_000).unwrap();
    // Waits for the broker, not for time: the stream ends when the connection is cut.
    let ended = stream.message().await;
    assert!(!matches!(ended, Ok(Some(_))), "{ended:?}");
    let identity = pki.identity(JOBCENTER, "system");
    assert!(!is_answered(&broker, pki.client_config(Some(&identity))).await);
    bystander.checkpoints().latest_checkpoint(ping.clone()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_revocation_list_is_not_used() {
    let pki = Pki::new();
    let broker = TestBroker::with(&pki, Arc::new(SystemClock), "").await;
    let certificate = pki.leaf(JOBCENTER, "system").with_extension("pem");
    let serial = schleuse_certs_dev::serial(&certificate).unwrap();
    let now = SystemClock.now();
    let next = now + 86_400_000;
    schleuse_certs_dev::revoke(pki.path(), JOBCENTER, &[serial], 7, now, next).unwrap();
    broker.server.edge().tls().reload().unwrap();
    schleuse_certs_dev::revoke(pki.path(), JOBCENTER, &[], 6, now, next).unwrap();
    let refused = broker.server.edge().tls().reload().unwrap_err().to_string();
    assert!(refused.contains("number 6, but number 7"), "{refused}");
    let identity = pki.identity(JOBCENTER, "system");
    assert!(!is_answered(&broker, pki.client_config(Some(&identity))).await);
}

/// The broker's own certificate is replaced while calls go on.
#[tokio::test(flavor = "multi_thread")]
async fn the_brokers_certificate_is_reloaded_without_a_failed_call() {
    let pki = Pki::new();
    let broker = TestBroker::with(&pki, Arc::new(SystemClock), "").await;
    let client = RawClient::with(&pki, broker.address(), JOBCENTER, "system").await;
    let ping = v1::LatestCheckpointRequest::default();
    for _ in 0..5 {
        schleuse_certs_dev::issue_broker(pki.path(), SystemClock.now(), 30).unwrap();
        broker.server.edge().tls().reload().unwrap();
        client.checkpoints().latest_checkpoint(ping.clone()).await.unwrap();
        let fresh = RawClient::with(&pki, broker.address(), JOBCENTER, "system").await;
        fresh.checkpoints().latest_checkpoint(ping.clone()).await.unwrap();
    }
}

/// TLS parameters outside BSI TR-02102-2 are not negotiated.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_allowed_suites_and_groups_are_spoken() {
    use rustls::crypto::ring::{cipher_suite, default_provider, kx_group};
    let pki = Pki::shared();
    let broker = TestBroker::start().await;
    let identity = pki.identity(JOBCENTER, "system");
    let attempt = |provider: rustls::crypto::CryptoProvider| {
        let (identity, broker): (&Identity, &TestBroker) = (&identity, &broker);
        async move {
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_file(pki.path().join("root.pem")).unwrap();
            roots.add(root).unwrap();
            let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .unwrap();
            config.alpn_protocols = vec![b"h2".to_vec()];
            is_answered(broker, config).await
        }
    };
    assert!(attempt(default_provider()).await, "the defaults contain what is allowed");
    let chacha = vec![cipher_suite::TLS13_CHACHA20_POLY1305_SHA256];
    let refused = rustls::crypto::CryptoProvider { cipher_suites: chacha, ..default_provider() };
    assert!(!attempt(refused).await, "ChaCha20-Poly1305 is not on the list");
    let x25519 =
        rustls::crypto::CryptoProvider { kx_groups: vec![kx_group::X25519], ..default_provider() };
    assert!(!attempt(x25519).await, "X25519 is not on the list");
}

/// No resumption: a second connection with the first one's session cache is a full handshake.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_not_resumed() {
    let pki = Pki::shared();
    let broker = TestBroker::start().await;
    let identity = pki.identity(JOBCENTER, "system");
    let config = pki.client_config(Some(&identity));
    for _ in 0..2 {
        let stream = raw::tls(broker.address(), config.clone()).await.unwrap();
        let kind = stream.get_ref().1.handshake_kind();
        assert_ne!(kind, Some(rustls::HandshakeKind::Resumed));
    }
}
