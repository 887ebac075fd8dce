//! `trust.toml`: the root, the issuers with their agencies, and the key of the broker's log.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use schleuse_proto::checkpoint::CheckpointVerifier;
use schleuse_proto::trust::{Issuer, Trust};
use serde::Deserialize;

use crate::error::ClientError;
use crate::files;

/// Whom an installation believes.
#[derive(Clone, Debug)]
pub struct TrustAnchors {
    /// Root certificate, DER.
    pub root: Vec<u8>,
    /// Issuers and the agencies they may speak for.
    pub trust: Trust,
    /// Public key of the log in its C2SP form.
    pub log_key: String,
    /// Verifier made of it.
    pub log: CheckpointVerifier,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustFile {
    trust_domain: String,
    root: String,
    log_key: String,
    issuer: Vec<TrustedIssuer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustedIssuer {
    certificate: String,
    agencies: Vec<String>,
}

impl TrustAnchors {
    /// Reads a trust file; the paths in it are relative to it.
    ///
    /// # Errors
    /// The file, or one it names, cannot be read, or the root did not sign an issuer.
    pub fn load(path: &Path) -> Result<Self, ClientError> {
        let text = String::from_utf8(files::read_small(path)?)
            .map_err(|_| ClientError::file(path, "not UTF-8 text"))?;
        let file: TrustFile =
            toml::from_str(&text).map_err(|error| ClientError::file(path, error.message()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let root = certificate(&folder.join(&file.root))?;
        let issuers = file.issuer.into_iter().map(|issuer| {
            let certificate = certificate(&folder.join(&issuer.certificate))?;
            Ok(Issuer { certificate, agencies: issuer.agencies })
        });
        let issuers = issuers.collect::<Result<_, ClientError>>()?;
        let trust = Trust::new(&file.trust_domain, &root, issuers)
            .map_err(|error| ClientError::file(path, error))?;
        let log = CheckpointVerifier::new(&file.log_key)
            .map_err(|error| ClientError::file(path, error))?;
        Ok(Self { root, trust, log_key: file.log_key, log })
    }
}

fn certificate(path: &Path) -> Result<Vec<u8>, ClientError> {
    let pem = files::read_small(path)?;
    CertificateDer::from_pem_slice(&pem)
        .map(|der| der.to_vec())
        .map_err(|_| ClientError::file(path, "expected a certificate in PEM"))
}
