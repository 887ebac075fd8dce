//! Sealing keys of an agency: one per suite, in one private file.
//!
//! Source: RFC 9180; draft-ietf-hpke-pq for the hybrid suite.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpke::kem::{DhP256HkdfSha256, MlKem1024P384};
use hpke::{Kem, Serializable as _};
use serde::Serialize;

use crate::error::CertsError;

#[derive(Serialize)]
struct SealingFile {
    key: [SealingKey; 2],
}

#[derive(Serialize)]
struct SealingKey {
    suite: &'static str,
    public_key: String,
    private_key: String,
}

/// Fresh keys of both suites, as TOML.
pub(crate) fn fresh() -> Result<String, CertsError> {
    let key = [key::<MlKem1024P384>("mlkem1024-p384"), key::<DhP256HkdfSha256>("dhkem-p256")];
    Ok(toml::to_string(&SealingFile { key })?)
}

fn key<K: Kem>(suite: &'static str) -> SealingKey {
    let (private, public) = K::gen_keypair();
    SealingKey {
        suite,
        public_key: STANDARD.encode(public.to_bytes()),
        private_key: STANDARD.encode(private.to_bytes()),
    }
}
