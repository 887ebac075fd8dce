//! Revocation lists: the empty ones of a new tree, and their successors.
//!
//! Source: RFC 5280 §5.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber, date_time_ymd,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::authority::{Authority, LATEST};
use crate::error::CertsError;
use crate::plan::check_part;
use crate::{files, pem};

/// What a revocation list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// Number of the list; each successor has a greater one.
    pub number: u64,
    /// Serial numbers of revoked certificates, big-endian without leading zeros.
    pub serials: Vec<Vec<u8>>,
}

impl RevocationList {
    /// The first list of an issuer: nothing is revoked.
    pub(crate) fn first() -> Self {
        Self { number: 1, serials: Vec::new() }
    }
}

/// Reads the present revocation list of an issuer: an agency, `broker` or `root`.
///
/// # Errors
/// The issuer has no list, or the file is not one.
pub fn revocation_list(out: &Path, issuer: &str) -> Result<RevocationList, CertsError> {
    let path = list_path(out, issuer)?;
    let expected = "a revocation list in PEM";
    let malformed = || CertsError::Malformed { path: path.clone(), expected };
    let der = pem::read(&path, expected)?;
    let (_rest, list) = CertificateRevocationList::from_der(&der).map_err(|_| malformed())?;
    let number = list.crl_number().and_then(|number| u64::try_from(number).ok());
    let serials =
        list.iter_revoked_certificates().map(|entry| positive(entry.raw_serial())).collect();
    Ok(RevocationList { number: number.ok_or_else(malformed)?, serials })
}

/// Replaces the revocation list of an issuer (an agency, `broker` or `root`) by one that revokes
/// exactly `serials`. A reader sees the old list or the new one.
///
/// Serials are big-endian; `crl_number` should be greater than that of the present list, which
/// [`revocation_list`] reads. Times are Unix milliseconds.
///
/// # Errors
/// The issuer is unknown, the next update is not after the present, or the file cannot be written.
pub fn revoke(
    out: &Path,
    issuer: &str,
    serials: &[Vec<u8>],
    crl_number: u64,
    now_ms: u64,
    next_update_ms: u64,
) -> Result<(), CertsError> {
    let list = RevocationList { number: crl_number, serials: serials.to_vec() };
    let authority = Authority::load(out, issuer)?;
    write(out, issuer, &authority, &list, now_ms / 1000, next_update_ms / 1000)
}

/// Signs a revocation list and puts it in its place. Times are Unix seconds.
pub(crate) fn write(
    out: &Path,
    name: &str,
    authority: &Authority,
    list: &RevocationList,
    this_update: u64,
    next_update: u64,
) -> Result<(), CertsError> {
    let epoch = date_time_ymd(1970, 1, 1);
    let this_update = epoch + Duration::from_secs(this_update.min(LATEST));
    let revoked = |serial: &Vec<u8>| RevokedCertParams {
        serial_number: SerialNumber::from(serial.clone()),
        revocation_time: this_update,
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update,
        next_update: epoch + Duration::from_secs(next_update.min(LATEST)),
        crl_number: SerialNumber::from(list.number),
        issuing_distribution_point: None,
        revoked_certs: list.serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let signed = params.signed_by(&authority.issuer()?)?;
    files::write_public(&list_path(out, name)?, pem::encode(pem::CRL, signed.der()).as_bytes())
}

/// A serial number without leading zeros.
pub(crate) fn positive(serial: &[u8]) -> Vec<u8> {
    serial.iter().copied().skip_while(|byte| *byte == 0).collect()
}

fn list_path(out: &Path, name: &str) -> Result<PathBuf, CertsError> {
    check_part("issuer", name)?;
    Ok(out.join("crls").join(format!("{name}.crl.pem")))
}
