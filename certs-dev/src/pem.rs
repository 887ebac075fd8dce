//! PEM text (RFC 7468) of certificates, keys and revocation lists.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::CertsError;
use crate::files;

/// Label of a certificate.
pub(crate) const CERTIFICATE: &str = "CERTIFICATE";
/// Label of a PKCS#8 private key.
pub(crate) const PRIVATE_KEY: &str = "PRIVATE KEY";
/// Label of a revocation list.
pub(crate) const CRL: &str = "X509 CRL";

const LINE_BYTES: usize = 48;

/// One PEM block, 64 characters a line.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let lines: Vec<String> = der.chunks(LINE_BYTES).map(|bytes| STANDARD.encode(bytes)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Certificates one after the other.
pub(crate) fn chain(certificates: &[Vec<u8>]) -> String {
    certificates.iter().map(|der| encode(CERTIFICATE, der)).collect()
}

/// First block of a file.
pub(crate) fn read(path: &Path, expected: &'static str) -> Result<Vec<u8>, CertsError> {
    let malformed = || CertsError::Malformed { path: path.to_owned(), expected };
    let text = files::read(path)?;
    let (_rest, block) = x509_parser::pem::parse_x509_pem(&text).map_err(|_| malformed())?;
    Ok(block.contents)
}
