//! The private key of a witness: Ed25519, PKCS#8, PEM, for its owner alone.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use schleuse_proto::cosignature::CosignatureSigner;
use zeroize::Zeroizing;

use crate::error::ClientError;
use crate::files;

/// Bytes of DER in one line of PEM.
const LINE_BYTES: usize = 48;
/// Label of the PEM block.
const LABEL: &str = "PRIVATE KEY";

/// Makes a key in a new file of mode 600.
///
/// # Errors
/// The name is malformed, or the file is there already or cannot be written.
pub fn generate_key(path: &Path, name: &str) -> Result<CosignatureSigner, ClientError> {
    let pkcs8 =
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| ClientError::Random)?;
    let signer = CosignatureSigner::new(name, pkcs8.as_ref()).map_err(|_| wrong_name())?;
    let lines: Vec<String> =
        pkcs8.as_ref().chunks(LINE_BYTES).map(|bytes| STANDARD.encode(bytes)).collect();
    let lines = Zeroizing::new(lines.join("\n"));
    let pem = format!("-----BEGIN {LABEL}-----\n{}\n-----END {LABEL}-----\n", *lines);
    let pem = Zeroizing::new(pem);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|error| ClientError::file(path, error))?;
    Ok(signer)
}

/// Reads a key that only its owner may read.
///
/// # Errors
/// The name is malformed, or the file holds no such key or others may read it.
pub fn load_key(path: &Path, name: &str) -> Result<CosignatureSigner, ClientError> {
    let pem = files::read_private(path)?;
    let der = PrivatePkcs8KeyDer::from_pem_slice(&pem)
        .map_err(|_| ClientError::file(path, "expected a private key in PEM (PKCS#8)"))?;
    CosignatureSigner::new(name, der.secret_pkcs8_der())
        .map_err(|error| ClientError::file(path, error))
}

fn wrong_name() -> ClientError {
    ClientError::argument("name", "a URL without scheme, such as dpo.example/witness")
}
