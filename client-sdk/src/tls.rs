//! TLS: version 1.3 only, mutual, parameters of BSI TR-02102-2, the pinned root and nothing else.
//!
//! tonic's own TLS stays off, since it brings version 1.2 in. The connector below does TCP without
//! delay, then TLS, and hands the encrypted stream to tonic.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use schleuse_proto::evidence::Digest;
use schleuse_proto::identity::spki_digest;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::error::{ClientError, causes};
use crate::signer::Signer;
use crate::trust_file::TrustAnchors;

/// Longest time for TCP and the handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between HTTP/2 signs of life.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// Longest wait for the answer to one.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Flow-control window of a stream in bytes: one body of the largest size is never stopped by it.
const STREAM_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
/// Flow-control window of the connection in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Largest list of response headers in bytes.
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;

const P256: &dyn SignatureVerificationAlgorithm = webpki::ring::ECDSA_P256_SHA256;
const P384: &dyn SignatureVerificationAlgorithm = webpki::ring::ECDSA_P384_SHA384;

/// Signatures of certificates and handshakes: ECDSA on the curve that fits the hash.
const SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[P256, P384],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[P384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[P256]),
    ],
};

/// Algorithms of BSI TR-02102-2 that ring has.
#[must_use]
pub fn provider() -> CryptoProvider {
    use ring::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384};
    use ring::kx_group::{SECP256R1, SECP384R1};
    CryptoProvider {
        cipher_suites: vec![TLS13_AES_256_GCM_SHA384, TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![SECP384R1, SECP256R1],
        signature_verification_algorithms: SIGNATURES,
        ..ring::default_provider()
    }
}

/// TLS configuration of a client: the pinned root, the caller's certificate, HTTP/2.
///
/// # Errors
/// A certificate or key cannot be used.
pub fn tls_config(anchors: &TrustAnchors, signer: &Signer) -> Result<ClientConfig, ClientError> {
    let failed = |error: &dyn std::error::Error| ClientError::Trust(causes(error));
    let provider = Arc::new(provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(anchors.root.clone())).map_err(|error| failed(&error))?;
    let chains =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| failed(&error))?;
    let agency_issuers = anchors.trust.issuer_certificates().map(spki_digest);
    let agency_issuers = agency_issuers.collect::<Result<_, _>>().map_err(|e| failed(&e))?;
    let verifier = Arc::new(BrokerVerifier { chains, agency_issuers });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| failed(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(signer.chain(), signer.tls_key()?)
        .map_err(|error| failed(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// Verifies the broker as webpki does and, beyond that, refuses chains through the CA of an agency:
/// those may speak for their agency, never for the broker.
#[derive(Debug)]
struct BrokerVerifier {
    chains: Arc<WebPkiServerVerifier>,
    agency_issuers: Vec<Digest>,
}

impl ServerCertVerifier for BrokerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        for intermediate in intermediates {
            let bad = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
            if self.agency_issuers.contains(&spki_digest(intermediate).map_err(bad)?) {
                return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
            }
        }
        self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Where the broker listens and which name its certificate must have.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Host and port.
    authority: String,
    server_name: ServerName<'static>,
}

impl Target {
    /// Reads `https://host:port`; without a server name the host must be in the certificate.
    pub(crate) fn parse(endpoint: &str, server_name: Option<&str>) -> Result<Self, ClientError> {
        let expected = "an endpoint of the form https://host:port";
        let wrong = || ClientError::argument("endpoint", expected);
        let authority = endpoint.strip_prefix("https://").ok_or_else(wrong)?;
        let authority = authority.trim_end_matches('/');
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(wrong());
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = server_name.unwrap_or(host).to_owned();
        let server_name = ServerName::try_from(name)
            .map_err(|_| ClientError::argument("server_name", "a DNS name or an IP address"))?;
        Ok(Self { authority: authority.to_owned(), server_name })
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    async fn open(&self, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(&self.authority).await?;
        // Without this a small call waits 40 ms for the acknowledgement of the one before.
        tcp.set_nodelay(true)?;
        TlsConnector::from(config).connect(self.server_name.clone(), tcp).await
    }
}

/// Opens the channel; it connects again by itself when a later call finds it broken.
pub(crate) async fn connect(target: Target, config: ClientConfig) -> Result<Channel, ClientError> {
    let authority = target.authority.clone();
    let failed = |why: String| ClientError::Connection { endpoint: authority.clone(), why };
    let config = Arc::new(config);
    // The scheme inside is http, so that tonic does not look for a TLS of its own.
    let endpoint = Endpoint::from_shared(format!("http://{authority}"))
        .map_err(|error| failed(causes(&error)))?
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX);
    let connector = tower::service_fn(move |_uri| {
        let (target, config) = (target.clone(), Arc::clone(&config));
        async move {
            let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
            let stream = timeout(CONNECT_TIMEOUT, target.open(config)).await.map_err(late)??;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    endpoint.connect_with_connector(connector).await.map_err(|error| failed(causes(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_parsed_strictly() {
        assert_eq!(
            Target::parse("https://127.0.0.1:8443", None).unwrap().authority,
            "127.0.0.1:8443"
        );
        assert!(Target::parse("https://[::1]:8443/", None).is_ok());
        assert!(Target::parse("https://broker.example:443", Some("localhost")).is_ok());
        for wrong in ["http://a:1", "https://a", "a:1", "https://:1", "https://a:x", ""] {
            assert!(Target::parse(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_algorithms_of_the_list_are_offered() {
        let provider = provider();
        assert_eq!(provider.cipher_suites.len(), 2);
        assert_eq!(provider.kx_groups.len(), 2);
        assert_eq!(provider.signature_verification_algorithms.supported_schemes().len(), 2);
    }

    // INVARIANT (identity).
    #[test]
    fn a_chain_through_the_ca_of_an_agency_is_not_the_broker() {
        use rustls::pki_types::pem::PemObject as _;

        use crate::clock::{Clock as _, SystemClock};

        let folder = tempfile::tempdir().unwrap();
        let now_ms = u64::try_from(SystemClock.now_ms()).unwrap();
        let plan = schleuse_certs_dev::Plan::demonstration(now_ms);
        schleuse_certs_dev::generate(&plan, &folder.path().join("pki")).unwrap();
        let pki = folder.path().join("pki");
        let anchors = TrustAnchors::load(&pki.join("trust.toml")).unwrap();
        let chain = CertificateDer::pem_file_iter(pki.join("broker/broker.pem")).unwrap();
        let chain: Vec<_> = chain.collect::<Result<_, _>>().unwrap();
        let verify = |issuers: Vec<Digest>, name: &str| {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from(anchors.root.clone())).unwrap();
            let chains =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider().into());
            let chains = chains.build().unwrap();
            let name = ServerName::try_from(name.to_owned()).unwrap();
            let now = UnixTime::since_unix_epoch(Duration::from_millis(now_ms));
            let verifier = BrokerVerifier { chains, agency_issuers: issuers };
            verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], now)
        };
        let agencies = anchors.trust.issuer_certificates().map(|der| spki_digest(der).unwrap());
        let agencies: Vec<Digest> = agencies.collect();
        assert!(verify(agencies.clone(), "localhost").is_ok());
        assert!(verify(agencies.clone(), "other.example").is_err());
        let broker = spki_digest(&chain[1]).unwrap();
        assert!(verify([agencies, vec![broker]].concat(), "localhost").is_err());
    }
}
