//! TLS: version 1.3 only, mutual, parameters of BSI TR-02102-2, no resumption, revocation lists for
//! the whole chain, reload without restart.
//!
//! X25519, ChaCha20-Poly1305 and Ed25519 are in ring's defaults and not on the BSI's list: left out.
//! Tickets and session storage are off, because rustls does not look at the client's certificate
//! again on resumption.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SignatureVerificationAlgorithm};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SignatureScheme};
use schleuse_proto::trust::Trust;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::certificates::{CertificateFacts, Certificates};
use super::connections::Connections;
use super::crls::{CrlError, Crls};
use super::limits;
use crate::domain::ids::TimeMs;
use crate::engine::Clock;

/// Files and tables that TLS is made of.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The broker's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Folder of revocation lists.
    pub crls: PathBuf,
    /// Root certificate, DER.
    pub root: Vec<u8>,
    /// Issuers and their agencies.
    pub trust: Arc<Trust>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{path} cannot be read as {what}: {why}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A revocation list.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// rustls refuses the parts.
    #[error("tls: {0}")]
    Tls(String),
    /// The console.
    #[error("console: {0}")]
    Console(String),
    /// The socket.
    #[error("the listening socket has no address")]
    Listener(#[source] std::io::Error),
}

/// What is in force now.
pub struct TlsState {
    files: TlsFiles,
    configs: ArcSwap<Configs>,
    chain: ArcSwap<Vec<CertificateFacts>>,
    crls: ArcSwap<Crls>,
    seen: Mutex<Vec<(PathBuf, Option<SystemTime>, u64)>>,
}

/// The same TLS for both listeners, but for what is spoken inside.
struct Configs {
    calls: Arc<ServerConfig>,
    pages: Arc<ServerConfig>,
}

impl Configs {
    fn new(calls: ServerConfig) -> Self {
        let mut pages = calls.clone();
        pages.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { calls: Arc::new(calls), pages: Arc::new(pages) }
    }
}

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

impl TlsState {
    /// Reads everything.
    ///
    /// # Errors
    /// Says which file is wrong.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let crls = Crls::load(&files.crls, None)?;
        let (config, chain) = server_config(&files, &crls)?;
        let seen = Mutex::new(fingerprint(&files));
        Ok(Self {
            configs: ArcSwap::from_pointee(Configs::new(config)),
            chain: ArcSwap::from_pointee(chain),
            crls: ArcSwap::from_pointee(crls),
            seen,
            files,
        })
    }

    /// Reads everything again. On an error the old state stays in force.
    ///
    /// # Errors
    /// Says which file is wrong.
    pub fn reload(&self) -> Result<(), TlsError> {
        let before = self.crls.load();
        let crls = Crls::load(&self.files.crls, Some(&before))?;
        let (config, chain) = server_config(&self.files, &crls)?;
        self.configs.store(Arc::new(Configs::new(config)));
        self.chain.store(Arc::new(chain));
        self.crls.store(Arc::new(crls));
        Ok(())
    }

    /// Reloads if a file has changed since the last look. Returns whether it did.
    ///
    /// # Errors
    /// Says which file is wrong; it is looked at again when it changes again.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let now = fingerprint(&self.files);
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == now {
                return Ok(false);
            }
            *seen = now;
        }
        self.reload().map(|()| true)
    }

    /// Configuration for new handshakes of calls: HTTP/2 inside.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.configs.load().calls.clone()
    }

    /// Configuration for new handshakes of browsers: HTTP/2 or HTTP/1.1 inside.
    #[must_use]
    pub fn config_of_pages(&self) -> Arc<ServerConfig> {
        self.configs.load().pages.clone()
    }

    /// What is told of the broker's chain, of the root, and of each issuing CA with its agencies.
    #[must_use]
    pub fn certificates(&self) -> Certificates {
        let issuers = self.files.trust.issuers();
        Certificates {
            chain: self.chain.load().to_vec(),
            root: CertificateFacts::of(&self.files.root),
            issuers: issuers
                .filter_map(|issuer| {
                    let mut agencies = issuer.agencies.clone();
                    agencies.sort_unstable();
                    Some((CertificateFacts::of(&issuer.certificate)?, agencies))
                })
                .collect(),
        }
    }

    /// Revocation lists in force.
    #[must_use]
    pub fn crls(&self) -> Arc<Crls> {
        self.crls.load_full()
    }

    /// Issuers and their agencies.
    #[must_use]
    pub fn trust(&self) -> &Arc<Trust> {
        &self.files.trust
    }

    /// Whether the issuing CA with this name is itself not revoked by the root.
    #[must_use]
    pub fn is_issuer_good(&self, issuer: &[u8], now: TimeMs) -> bool {
        let crls = self.crls.load();
        self.files.trust.issuer_certificates().any(|der| {
            X509Certificate::from_der(der).is_ok_and(|(_, certificate)| {
                let serial: Vec<u8> = certificate
                    .tbs_certificate
                    .raw_serial()
                    .iter()
                    .copied()
                    .skip_while(|byte| *byte == 0)
                    .collect();
                certificate.subject().as_raw() == issuer
                    && crls.is_good(certificate.issuer().as_raw(), &serial, now)
            })
        })
    }
}

/// The configuration, and what is told of the certificates in it.
fn server_config(
    files: &TlsFiles,
    crls: &Crls,
) -> Result<(ServerConfig, Vec<CertificateFacts>), TlsError> {
    let tls = |error: &dyn std::fmt::Display| TlsError::Tls(error.to_string());
    let provider = Arc::new(provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(files.root.clone())).map_err(|error| tls(&error))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
        .with_crls(crls.ders().iter().cloned())
        .enforce_revocation_expiration()
        .build()
        .map_err(|error| tls(&error))?;
    let unreadable = |path: &PathBuf, what| {
        let path = path.clone();
        move |error: rustls::pki_types::pem::Error| TlsError::File {
            path,
            what,
            why: error.to_string(),
        }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable(&files.certificate, "a PEM certificate chain"))?;
    let facts = chain.iter().filter_map(|der| CertificateFacts::of(der)).collect();
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(unreadable(&files.key, "a PEM private key"))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| tls(&error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| tls(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((config, facts))
}

/// Names, times and sizes of all files: changes when one of them does.
fn fingerprint(files: &TlsFiles) -> Vec<(PathBuf, Option<SystemTime>, u64)> {
    let lists = std::fs::read_dir(&files.crls).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = lists.map(|entry| entry.path()).collect();
    paths.extend([files.certificate.clone(), files.key.clone()]);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let metadata = std::fs::metadata(&path).ok();
            let modified = metadata.as_ref().and_then(|m| m.modified().ok());
            (path, modified, metadata.map_or(0, |m| m.len()))
        })
        .collect()
}

/// Looks for changed files until the broker drains, and cuts connections whose certificate is no
/// longer good.
pub(super) async fn watch(
    state: Arc<TlsState>,
    connections: Arc<Connections>,
    clock: Arc<dyn Clock>,
    drain: CancellationToken,
) {
    let mut interval = tokio::time::interval(limits::RELOAD_INTERVAL);
    loop {
        tokio::select! {
            () = drain.cancelled() => return,
            _ = interval.tick() => {}
        }
        match state.reload_if_changed() {
            Ok(false) => {}
            Ok(true) => tracing::info!("certificates and revocation lists were reloaded"),
            Err(error) => tracing::error!(%error, "the changed files are not used"),
        }
        let (crls, now) = (state.crls(), clock.now());
        connections.cut_where(|peer| {
            !peer.leaf.is_valid_at(now)
                || !crls.is_good(&peer.issuer, &peer.leaf.serial, now)
                || !state.is_issuer_good(&peer.issuer, now)
        });
    }
}
