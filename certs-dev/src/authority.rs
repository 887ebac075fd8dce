//! Certification authorities: the root, issuing CAs, and where each lies in the folder.
//!
//! Source: RFC 5280 §4.2.1 (profile), §4.2.1.9 (path length).

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::error::CertsError;
use crate::plan::{FAULTY_PREFIX, check_part};
use crate::{files, pem};

/// Organization in the subject of every CA written here. A production profile refuses it.
pub const ORGANIZATION: &str = "Schleuse development, not for production";

/// Name of the root among the issuers of a folder.
pub(crate) const ROOT: &str = "root";
/// Name of the broker's issuing CA among the issuers of a folder.
pub(crate) const BROKER: &str = "broker";
/// A day in seconds.
pub(crate) const DAY: u64 = 24 * 3600;

/// How long before the present validity begins, in seconds: clocks differ.
const CLOCK_SKEW: u64 = 300;
const ROOT_DAYS: u64 = 3650;
const ISSUING_DAYS: u64 = 1825;
const SERIAL_BYTES: usize = 16;
/// The last second that X.509 can express.
pub(crate) const LATEST: u64 = 253_402_300_799;

/// A CA certificate together with its key.
pub(crate) struct Authority {
    /// DER.
    pub(crate) certificate: Vec<u8>,
    /// Signing key.
    pub(crate) key: KeyPair,
}

impl Authority {
    /// A new self-signed CA.
    pub(crate) fn self_signed(
        params: &CertificateParams,
        algorithm: &'static SignatureAlgorithm,
    ) -> Result<Self, CertsError> {
        let key = KeyPair::generate_for(algorithm)?;
        let certificate = params.self_signed(&key)?.der().to_vec();
        Ok(Self { certificate, key })
    }

    /// A new CA below `issuer`.
    pub(crate) fn below(
        issuer: &Self,
        params: &CertificateParams,
        algorithm: &'static SignatureAlgorithm,
    ) -> Result<Self, CertsError> {
        let key = KeyPair::generate_for(algorithm)?;
        Ok(Self { certificate: issuer.sign(params, &key)?, key })
    }

    /// Reads a CA of the folder.
    pub(crate) fn load(out: &Path, name: &str) -> Result<Self, CertsError> {
        let (certificate_path, key_path) = paths(out, name)?;
        if !certificate_path.exists() {
            let name = name.to_owned();
            return Err(CertsError::UnknownIssuer { name, out: out.to_owned() });
        }
        let certificate = pem::read(&certificate_path, "a PEM certificate")?;
        let key = KeyPair::from_pem(&files::read_text(&key_path)?)?;
        Ok(Self { certificate, key })
    }

    /// Writes certificate and key to their places in the folder.
    pub(crate) fn store(&self, out: &Path, name: &str) -> Result<(), CertsError> {
        let (certificate_path, key_path) = paths(out, name)?;
        files::write_public(
            &certificate_path,
            pem::encode(pem::CERTIFICATE, &self.certificate).as_bytes(),
        )?;
        files::write_private(&key_path, self.key.serialize_pem().as_bytes())
    }

    /// Signs a certificate for the holder of a public key.
    pub(crate) fn sign(
        &self,
        params: &CertificateParams,
        public_key: &impl PublicKeyData,
    ) -> Result<Vec<u8>, CertsError> {
        Ok(params.signed_by(public_key, &self.issuer()?)?.der().to_vec())
    }

    /// As the certificate library wants it.
    pub(crate) fn issuer(&self) -> Result<Issuer<'static, &KeyPair>, CertsError> {
        Ok(Issuer::from_ca_cert_der(&self.certificate.as_slice().into(), &self.key)?)
    }
}

/// Certificate and key file of an issuer.
pub(crate) fn paths(out: &Path, name: &str) -> Result<(PathBuf, PathBuf), CertsError> {
    check_part("issuer", name)?;
    let certificate = match (name, name.strip_prefix(FAULTY_PREFIX)) {
        (ROOT, _) => out.join("root.pem"),
        (BROKER, _) => out.join("broker").join("issuing.pem"),
        (_, Some(kind)) => out.join("faulty").join("issuers").join(format!("{kind}.pem")),
        (agency, None) => out.join("agencies").join(agency).join("issuing.pem"),
    };
    Ok((certificate, out.join("ca").join(format!("{name}.key"))))
}

/// The root: below it are issuing CAs, and below those only leafs.
pub(crate) fn root_params(now: u64) -> Result<CertificateParams, CertsError> {
    let mut params = ca_params("Schleuse root", 1, now, ROOT_DAYS)?;
    params.use_authority_key_identifier_extension = false;
    Ok(params)
}

/// An issuing CA.
pub(crate) fn issuing_params(name: &str, now: u64) -> Result<CertificateParams, CertsError> {
    ca_params(&format!("Schleuse issuing CA {name}"), 0, now, ISSUING_DAYS)
}

fn ca_params(
    name: &str,
    path_length: u8,
    now: u64,
    days: u64,
) -> Result<CertificateParams, CertsError> {
    let mut params = plain_params(name, now, days)?;
    params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// What CA and leaf certificates have in common: name, serial, validity, issuer's key identifier.
pub(crate) fn plain_params(
    name: &str,
    now: u64,
    days: u64,
) -> Result<CertificateParams, CertsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(random_serial()?));
    params.use_authority_key_identifier_extension = true;
    let from = now.saturating_sub(CLOCK_SKEW);
    set_validity(&mut params, from, from.saturating_add(days.saturating_mul(DAY)));
    Ok(params)
}

/// Sets first and last second of validity, Unix time.
pub(crate) fn set_validity(params: &mut CertificateParams, from: u64, until: u64) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(from.min(LATEST));
    params.not_after = epoch + Duration::from_secs(until.min(LATEST));
}

fn random_serial() -> Result<Vec<u8>, CertsError> {
    let mut bytes = random::<SERIAL_BYTES>()?;
    if let Some(first) = bytes.first_mut() {
        // Positive, and of full length: the top bit is clear, the next one set.
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(bytes.to_vec())
}

/// Bytes of the operating system's generator.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], CertsError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| CertsError::Random)?;
    Ok(bytes)
}
