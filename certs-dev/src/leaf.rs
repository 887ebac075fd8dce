//! Leaf certificates: for people and systems of agencies, and for the broker.
//!
//! The leaf policy: version 3, P-256, one URI name, exactly one extended key usage,
//! digitalSignature, not a CA, random 16-byte serial.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::authority::{Authority, BROKER, plain_params};
use crate::crl::positive;
use crate::error::CertsError;
use crate::plan::{check_agency, check_holder};
use crate::trust::TrustFile;
use crate::{files, pem};

/// A leaf that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedPaths {
    /// PEM chain: the leaf, then its issuing CA.
    pub certificate: PathBuf,
    /// PKCS#8 key in PEM.
    pub key: PathBuf,
    /// Serial number of the leaf, big-endian without leading zeros, as [`crate::revoke`] takes it.
    pub serial: Vec<u8>,
}

/// Issues a fresh leaf with a fresh key in the place of the present one of this holder. The key is
/// replaced before the chain; a reader in between finds a pair that does not match.
///
/// # Errors
/// The agency is unknown, a name is not of the grammar, or a file cannot be written.
pub fn issue(
    out: &Path,
    agency: &str,
    role: &str,
    person: Option<&str>,
    now_ms: u64,
    days: u16,
) -> Result<IssuedPaths, CertsError> {
    check_agency(agency)?;
    check_holder(role, person)?;
    let domain = TrustFile::read(out)?.trust_domain;
    let holder = Holder { domain: &domain, agency, role, person };
    write_client(out, &Authority::load(out, agency)?, &holder, now_ms / 1000, days)
}

/// Issues a fresh server certificate with a fresh key in the place of the broker's present one.
///
/// # Errors
/// The folder holds no generated tree, or a file cannot be written.
pub fn issue_broker(out: &Path, now_ms: u64, days: u16) -> Result<IssuedPaths, CertsError> {
    let domain = TrustFile::read(out)?.trust_domain;
    write_server(out, &Authority::load(out, BROKER)?, &domain, now_ms / 1000, days)
}

/// Serial number of the first certificate of a PEM file, big-endian without leading zeros.
///
/// # Errors
/// The file cannot be read or does not begin with a certificate.
pub fn serial(certificate: &Path) -> Result<Vec<u8>, CertsError> {
    let expected = "a PEM certificate";
    let der = pem::read(certificate, expected)?;
    serial_of(&der).map_err(|_| CertsError::Malformed { path: certificate.to_owned(), expected })
}

/// Whom a leaf names.
pub(crate) struct Holder<'a> {
    pub(crate) domain: &'a str,
    pub(crate) agency: &'a str,
    pub(crate) role: &'a str,
    pub(crate) person: Option<&'a str>,
}

impl Holder<'_> {
    /// The SPIFFE id.
    pub(crate) fn uri(&self) -> String {
        let person = self.person.map_or(String::new(), |person| format!("/{person}"));
        format!("spiffe://{}/agency/{}/{}{person}", self.domain, self.agency, self.role)
    }

    fn file_name(&self) -> String {
        self.person.map_or(self.role.to_owned(), |person| format!("{}-{person}", self.role))
    }
}

/// Writes the leaf of a person or system.
pub(crate) fn write_client(
    out: &Path,
    issuer: &Authority,
    holder: &Holder<'_>,
    now: u64,
    days: u16,
) -> Result<IssuedPaths, CertsError> {
    let params = client_params(&holder.uri(), holder.agency, now, days)?;
    let place = out.join("agencies").join(holder.agency).join(holder.file_name());
    write(&place, issuer, &params)
}

/// Writes the broker's server certificate.
pub(crate) fn write_server(
    out: &Path,
    issuer: &Authority,
    domain: &str,
    now: u64,
    days: u16,
) -> Result<IssuedPaths, CertsError> {
    let params = server_params(domain, now, days)?;
    write(&out.join("broker").join("broker"), issuer, &params)
}

/// A server certificate for the broker.
pub(crate) fn server_params(
    domain: &str,
    now: u64,
    days: u16,
) -> Result<CertificateParams, CertsError> {
    let host = format!("broker.{domain}");
    let mut params = leaf_params(&host, now, days, ExtendedKeyUsagePurpose::ServerAuth)?;
    params.subject_alt_names = vec![
        SanType::DnsName("localhost".try_into()?),
        SanType::DnsName(host.try_into()?),
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ];
    Ok(params)
}

/// A client certificate that is right in every respect.
pub(crate) fn client_params(
    uri: &str,
    common_name: &str,
    now: u64,
    days: u16,
) -> Result<CertificateParams, CertsError> {
    let mut params = leaf_params(common_name, now, days, ExtendedKeyUsagePurpose::ClientAuth)?;
    params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
    Ok(params)
}

fn leaf_params(
    common_name: &str,
    now: u64,
    days: u16,
    usage: ExtendedKeyUsagePurpose,
) -> Result<CertificateParams, CertsError> {
    let mut params = plain_params(common_name, now, u64::from(days))?;
    // Says "not a CA" in so many words, and so brings the subject key identifier with it.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    Ok(params)
}

fn write(
    place: &Path,
    issuer: &Authority,
    params: &CertificateParams,
) -> Result<IssuedPaths, CertsError> {
    let key = KeyPair::generate()?;
    let leaf = issuer.sign(params, &key)?;
    let serial = serial_of(&leaf)?;
    let paths = IssuedPaths {
        certificate: place.with_added_extension("pem"),
        key: place.with_added_extension("key"),
        serial,
    };
    files::write_private(&paths.key, key.serialize_pem().as_bytes())?;
    let chain = pem::chain(&[leaf, issuer.certificate.clone()]);
    files::write_public(&paths.certificate, chain.as_bytes())?;
    Ok(paths)
}

/// Serial number of a certificate, big-endian without leading zeros.
pub(crate) fn serial_of(der: &[u8]) -> Result<Vec<u8>, CertsError> {
    let (_rest, certificate) = X509Certificate::from_der(der).map_err(|_| CertsError::Der)?;
    Ok(positive(certificate.tbs_certificate.raw_serial()))
}
