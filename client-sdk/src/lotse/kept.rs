//! Revocations that were acknowledged, kept beside the newest checkpoint: if the broker ever loses records, its
//! operator replays them. One file each, `revocations/<consent>.json` in the state folder; the format stands in
//! `proto/EVIDENCE.md`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schleuse_proto::v1;
use serde_json::json;

use crate::error::ClientError;
use crate::files;
use crate::ids::{ConsentId, Receipt, hex};

/// The only format there is.
const FORMAT: &str = "schleuse-revocation-1";

/// Writes the file of a revocation; the newest replaces an older one of the same consent.
pub(super) fn keep(
    state: &Path,
    consent: ConsentId,
    request: &v1::RevokeConsentRequest,
    receipt: &Receipt,
    checkpoint: &[u8],
) -> Result<PathBuf, ClientError> {
    let path = state.join("revocations").join(format!("{consent}.json"));
    let signature = request.signature.clone().unwrap_or_default();
    let value = json!({
        "format": FORMAT,
        "document": STANDARD.encode(&request.document),
        "certificate": STANDARD.encode(&signature.certificate),
        "signature": STANDARD.encode(&signature.value),
        "record_number": receipt.record_number,
        "leaf_hash": hex(&receipt.leaf_hash),
        "checkpoint": STANDARD.encode(checkpoint),
    });
    let kept = files::replace(&path, format!("{value:#}\n").as_bytes());
    kept.map(|()| path.clone()).map_err(|error| {
        let why = format!(
            "the consent is revoked, but the revocation cannot be kept here ({error}); make room and revoke it \
             again, that has the same effect"
        );
        ClientError::File { path, why }
    })
}
