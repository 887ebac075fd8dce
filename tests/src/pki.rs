//! The development PKI of one test run, and TLS configurations made from it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use schleuse_broker::edge::tls::provider;
use schleuse_broker::engine::{Clock, SystemClock};
use schleuse_certs_dev::Plan;

/// A folder made by `certs-dev`.
#[derive(Debug)]
pub struct Pki {
    folder: tempfile::TempDir,
}

/// Certificate chain and key of one identity.
#[derive(Clone, Debug)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Arc<PrivateKeyDer<'static>>,
}

impl Pki {
    /// The PKI that all tests of this process share; nobody may change it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Pki> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// A PKI of one's own.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::demonstration(SystemClock.now());
        schleuse_certs_dev::generate(&plan, folder.path()).unwrap();
        Self { folder }
    }

    /// A PKI that began in the past and lasts so many days; for brokers whose clock stands there.
    pub fn lasting(begin_ms: u64, days: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = Plan::demonstration(begin_ms);
        (plan.leaf_days, plan.crl_days) = (days, days);
        schleuse_certs_dev::generate(&plan, folder.path()).unwrap();
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Path of a leaf certificate, without extension.
    pub fn leaf(&self, agency: &str, name: &str) -> PathBuf {
        self.path().join("agencies").join(agency).join(name)
    }

    /// The identity of an agency's `system`, `dpo`, `lotse-l-01` …
    pub fn identity(&self, agency: &str, name: &str) -> Identity {
        let path = self.leaf(agency, name);
        Identity::load(&path.with_extension("pem"), &path.with_extension("key"))
    }

    /// A client configuration that trusts this PKI's root.
    pub fn client_config(&self, identity: Option<&Identity>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path().join("root.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some(identity) => builder
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    pub fn load(certificate: &Path, key: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(certificate)
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        let key = Arc::new(PrivateKeyDer::from_pem_file(key).unwrap());
        Self { chain, key }
    }
}
