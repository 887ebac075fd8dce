//! Revocations that Lotsen kept: files that a client writes when its revocation was acknowledged.
//!
//! | field | content |
//! | --- | --- |
//! | `format` | `schleuse-revocation-1` |
//! | `document` | `RevocationDocument` bytes, base64 |
//! | `certificate` | certificate of the Lotse, DER, base64 |
//! | `signature` | the Lotse's signature over the document, base64 |
//! | `record_number`, `leaf_hash`, `checkpoint` | the receipt that the broker gave: number, hexadecimal digits, base64 |
//!
//! The Lotse's signature is what counts: a revocation is believed also if its record was lost.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schleuse_proto::Message as _;
use schleuse_proto::evidence::revocation_signed_bytes;
use schleuse_proto::identity::Role;
use schleuse_proto::trust::Trust;
use schleuse_proto::v1;
use serde::Deserialize;

use crate::domain::command::KeptRevocation;
use crate::domain::event::Signature;
use crate::domain::ids::AgencyId;
use crate::record::documents::parse_revocation;

/// The only format there is.
const FORMAT: &str = "schleuse-revocation-1";
/// Largest file in bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct RevocationFileError {
    path: PathBuf,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationFile {
    format: String,
    document: String,
    certificate: String,
    signature: String,
    #[expect(
        dead_code,
        reason = "the receipt is for the Lotse; the signature is what counts here"
    )]
    record_number: u64,
    #[expect(
        dead_code,
        reason = "the receipt is for the Lotse; the signature is what counts here"
    )]
    leaf_hash: String,
    #[expect(
        dead_code,
        reason = "the receipt is for the Lotse; the signature is what counts here"
    )]
    checkpoint: String,
}

/// Reads files, and all `*.json` in folders.
///
/// # Errors
/// Names the first file that cannot be read, is none, or is not signed by a Lotse.
pub fn read_all(
    paths: &[PathBuf],
    trust: &Trust,
) -> Result<Vec<KeptRevocation>, RevocationFileError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(|error| wrong(path, error))?;
            for entry in entries {
                let path = entry.map_err(|error| wrong(path, error))?.path();
                if path.extension().is_some_and(|extension| extension == "json") {
                    files.push(path);
                }
            }
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    files.iter().map(|path| read(path, trust)).collect()
}

fn wrong(path: &Path, why: impl ToString) -> RevocationFileError {
    RevocationFileError { path: path.to_owned(), why: why.to_string() }
}

fn read(path: &Path, trust: &Trust) -> Result<KeptRevocation, RevocationFileError> {
    let wrong = |why: String| wrong(path, why);
    let length = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if length > BYTES_MAX {
        return Err(wrong("larger than any revocation".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let file: RevocationFile =
        serde_json::from_str(&text).map_err(|error| wrong(format!("not a revocation: {error}")))?;
    if file.format != FORMAT {
        return Err(wrong(format!("its format is not {FORMAT}")));
    }
    let bytes = |text: &str| STANDARD.decode(text).map_err(|_| wrong("expected base64".to_owned()));
    let document = bytes(&file.document)?;
    let (certificate, value) = (bytes(&file.certificate)?, bytes(&file.signature)?);
    let (consent, _) = parse_revocation(&document).map_err(|error| wrong(error.to_string()))?;
    let signed_at = v1::RevocationDocument::decode(document.as_slice())
        .ok()
        .and_then(|document| u64::try_from(document.signed_at_ms).ok())
        .unwrap_or_default();
    let leaf = trust
        .check_leaf(&certificate, signed_at)
        .map_err(|error| wrong(format!("its certificate: {error}")))?;
    leaf.verify(&revocation_signed_bytes(&document), &value)
        .map_err(|_| wrong("its signature does not verify".to_owned()))?;
    let identity = &leaf.identity;
    let agency = AgencyId::parse(&identity.agency).filter(|_| identity.role == Role::Lotse);
    Ok(KeptRevocation {
        consent,
        agency: agency.ok_or_else(|| wrong(format!("signed by {identity}, no Lotse")))?,
        document: document.into(),
        signature: Signature { certificate: certificate.into(), value: value.into() },
    })
}
