//! The files that a configuration names: trust table, catalogue, checkpoint key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use schleuse_proto::trust::{Issuer, Trust};
use serde::Deserialize;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Config, ConfigError, Profile};
use crate::domain::Catalogue;
use crate::journal::checkpoint::CheckpointSigner;

/// Organization in the subject of development CAs.
pub const DEVELOPMENT_MARKER: &str = "Schleuse development, not for production";

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct FileError {
    path: PathBuf,
    why: String,
}

/// The trust file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustFile {
    trust_domain: String,
    root: PathBuf,
    log_key: String,
    issuer: Vec<IssuerEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerEntry {
    certificate: PathBuf,
    agencies: Vec<String>,
}

/// What the trust file leads to.
#[derive(Clone, Debug)]
pub struct TrustFiles {
    /// Root certificate, DER.
    pub root: Vec<u8>,
    /// Issuers and agencies.
    pub trust: Arc<Trust>,
    /// Public key of the log.
    pub log_key: String,
}

fn error(path: &Path, why: impl ToString) -> FileError {
    FileError { path: path.to_owned(), why: why.to_string() }
}

fn certificate(path: &Path) -> Result<Vec<u8>, FileError> {
    CertificateDer::from_pem_file(path).map(|der| der.to_vec()).map_err(|e| error(path, e))
}

/// Reads a trust file and the certificates that it names.
///
/// # Errors
/// Names the file that cannot be used.
pub fn load_trust(path: &Path) -> Result<TrustFiles, FileError> {
    let text = std::fs::read_to_string(path).map_err(|e| error(path, e))?;
    let file: TrustFile = toml::from_str(&text).map_err(|e| error(path, e))?;
    let base = path.parent().unwrap_or(Path::new("."));
    let root = certificate(&base.join(&file.root))?;
    let issuers = file.issuer.into_iter().map(|entry| {
        let certificate = certificate(&base.join(&entry.certificate))?;
        Ok(Issuer { certificate, agencies: entry.agencies })
    });
    let issuers = issuers.collect::<Result<_, FileError>>()?;
    let trust = Trust::new(&file.trust_domain, &root, issuers).map_err(|e| error(path, e))?;
    Ok(TrustFiles { root, trust: Arc::new(trust), log_key: file.log_key })
}

/// Reads the trust file of a configuration; a production profile refuses development certificates.
///
/// # Errors
/// Names the file that cannot be used.
pub fn trust(config: &Config) -> Result<TrustFiles, FileError> {
    let files = load_trust(&config.trust)?;
    if config.profile == Profile::Production && is_development(&files.root) {
        let why = "is of the development PKI, which profile = \"production\" refuses";
        return Err(error(&config.trust, why));
    }
    Ok(files)
}

/// Checks that the trust file names the agencies that the configuration does: others never connect.
///
/// # Errors
/// All that it does not name.
pub fn check_agencies(config: &Config, trust: &Trust) -> Result<(), ConfigError> {
    let known = trust.agencies();
    let project = [("project_agency", config.project_agency.as_str())];
    let places = config.planning.places.keys().map(|id| ("places.jobcenter", id.as_str()));
    let unknown = project.into_iter().chain(places).filter(|(_, agency)| !known.contains(agency));
    let fault = |(key, agency): (&str, &str)| {
        format!(
            "{key} = \"{agency}\": no issuer of tls.trust may certify this agency; expected one of {}",
            known.join(", ")
        )
    };
    let faults: Vec<String> = unknown.map(fault).collect();
    if faults.is_empty() { Ok(()) } else { Err(ConfigError { faults }) }
}

fn is_development(root: &[u8]) -> bool {
    X509Certificate::from_der(root).is_ok_and(|(_, certificate)| {
        certificate
            .subject()
            .iter_organization()
            .any(|organization| organization.as_str() == Ok(DEVELOPMENT_MARKER))
    })
}

/// Reads the catalogue.
///
/// # Errors
/// The file is not a catalogue.
pub fn catalogue(path: &Path) -> Result<Catalogue, FileError> {
    let text = std::fs::read_to_string(path).map_err(|e| error(path, e))?;
    Catalogue::parse(&text).map_err(|e| error(path, e))
}

/// Reads the checkpoint key and checks that it is the one that the trust file names.
///
/// # Errors
/// Not a key, or not the log's.
pub fn signer(config: &Config, log_key: &str) -> Result<CheckpointSigner, FileError> {
    let path = &config.checkpoint_key;
    let key = PrivateKeyDer::from_pem_file(path).map_err(|e| error(path, e))?;
    let name = log_key.split('+').next().unwrap_or_default();
    let signer = CheckpointSigner::new(name, key.secret_der()).map_err(|e| error(path, e))?;
    if signer.log_key() == log_key {
        Ok(signer)
    } else {
        Err(error(path, "is not the key that log_key in the trust file names"))
    }
}
