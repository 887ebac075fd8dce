//! `trust.toml`: whom an installation believes. Also the key of the log's checkpoints.
//!
//! Source: C2SP signed-note (verifier keys).

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};

use crate::error::CertsError;
use crate::files;

/// Signature type of Ed25519 in C2SP signed-note.
const ED25519: u8 = 1;

/// Content of `trust.toml`. Paths are relative to the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustFile {
    pub(crate) trust_domain: String,
    pub(crate) root: String,
    pub(crate) log_key: String,
    pub(crate) issuer: Vec<TrustedIssuer>,
}

/// An issuing CA and the agencies it may speak for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustedIssuer {
    pub(crate) certificate: String,
    pub(crate) agencies: Vec<String>,
}

impl TrustFile {
    /// Reads the file of a generated tree.
    pub(crate) fn read(out: &Path) -> Result<Self, CertsError> {
        let path = out.join("trust.toml");
        let text = files::read_text(&path)?;
        toml::from_str(&text).map_err(|_| CertsError::Malformed { path, expected: "a trust table" })
    }

    /// Replaces the file.
    pub(crate) fn write(&self, out: &Path) -> Result<(), CertsError> {
        files::write_public(&out.join("trust.toml"), toml::to_string(self)?.as_bytes())
    }
}

/// A fresh Ed25519 key: PKCS#8 in DER, and the public key.
pub(crate) fn fresh_log_key() -> Result<(Vec<u8>, Vec<u8>), CertsError> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let pkcs8 = pkcs8.map_err(|_| CertsError::Random)?;
    let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(|_| CertsError::Random)?;
    Ok((pkcs8.as_ref().to_vec(), key.public_key().as_ref().to_vec()))
}

/// The verifier key `<name>+<key id>+<base64>` of an Ed25519 key.
pub(crate) fn verifier_key(name: &str, public_key: &[u8]) -> String {
    let key = [&[ED25519], public_key].concat();
    let hash = digest(&SHA256, &[name.as_bytes(), b"\n", &key].concat());
    let id: String = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}+{id}+{}", STANDARD.encode(key))
}
