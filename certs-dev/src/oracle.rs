//! What a server says to a client: a handshake in memory with rustls, configured as the broker is.
//! Test code; the tree and the verdicts of the certificate table are checked against it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::{cipher_suite, default_provider, kx_group, sign};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime,
};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SignatureScheme,
};
use webpki::ring::{ECDSA_P256_SHA256, ECDSA_P384_SHA384};
use x509_parser::pem::Pem;

const ROUNDS_MAX: usize = 10;

/// All blocks of a PEM file.
pub(crate) fn blocks(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(path).unwrap();
    Pem::iter_from_buffer(&text).map(|block| block.unwrap().contents).collect()
}

/// A server with the broker's certificate that knows all revocation lists of a folder.
pub(crate) struct Oracle {
    roots: Arc<RootCertStore>,
    time: Arc<Instant>,
    server: Arc<ServerConfig>,
}

impl Oracle {
    pub(crate) fn open(out: &Path, now: u64) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(chain(&out.join("root.pem")).remove(0)).unwrap();
        let (roots, time) = (Arc::new(roots), Arc::new(Instant(now)));
        let lists = fs::read_dir(out.join("crls")).unwrap().map(|entry| {
            CertificateRevocationListDer::from(blocks(&entry.unwrap().path()).remove(0))
        });
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider())
            .with_crls(lists)
            .enforce_revocation_expiration()
            .build()
            .unwrap();
        let broker = out.join("broker/broker.pem");
        let server = ServerConfig::builder_with_details(provider(), time.clone())
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain(&broker), key(&broker.with_extension("key")))
            .unwrap();
        Self { roots, time, server: Arc::new(server) }
    }

    /// Whether the server completes the handshake, and otherwise its reason. The client presents
    /// what it is given, fitting or not.
    pub(crate) fn handshake(&self, certificate: &Path, key_path: &Path) -> Result<(), String> {
        let key = sign::any_supported_type(&key(key_path)).unwrap();
        let presented = Presents(Arc::new(CertifiedKey::new(chain(certificate), key)));
        let config = ClientConfig::builder_with_details(provider(), self.time.clone())
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_client_cert_resolver(Arc::new(presented));
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut server = ServerConnection::new(self.server.clone()).unwrap();
        for _ in 0..ROUNDS_MAX {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                server.read_tls(&mut rest).unwrap();
                server.process_new_packets().map_err(|error| format!("{error:?}"))?;
            }
            if !server.is_handshaking() {
                return Ok(());
            }
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                client.read_tls(&mut rest).unwrap();
                client.process_new_packets().map_err(|error| format!("client: {error:?}"))?;
            }
        }
        Err("the handshake does not end".to_owned())
    }
}

fn chain(path: &Path) -> Vec<CertificateDer<'static>> {
    blocks(path).into_iter().map(CertificateDer::from).collect()
}

fn key(path: &Path) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(blocks(path).remove(0)).unwrap()
}

static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[ECDSA_P256_SHA256, ECDSA_P384_SHA384],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[ECDSA_P384_SHA384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[ECDSA_P256_SHA256]),
    ],
};

/// Source: the broker's TLS profile, after BSI TR-02102-2.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![kx_group::SECP384R1, kx_group::SECP256R1],
        signature_verification_algorithms: ALGORITHMS,
        ..default_provider()
    })
}

/// A clock that stands.
#[derive(Debug)]
struct Instant(u64);

impl TimeProvider for Instant {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// Presents a chain without looking whether the key fits.
#[derive(Debug)]
struct Presents(Arc<CertifiedKey>);

impl ResolvesClientCert for Presents {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
