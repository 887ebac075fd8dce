//! What is told of the certificates in force: whose they are and until when they are valid.

use x509_parser::prelude::{FromDer, X509Certificate};

use crate::domain::ids::TimeMs;

/// What is told of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Subject, as text.
    pub subject: String,
    /// Issuer, as text.
    pub issuer: String,
    /// Valid from this instant on.
    pub not_before: TimeMs,
    /// Valid up to this instant.
    pub not_after: TimeMs,
}

/// All certificates in force.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// What the broker shows to its clients: its own, and the rest of its chain.
    pub chain: Vec<CertificateFacts>,
    /// Root of the installation.
    pub root: Option<CertificateFacts>,
    /// Issuing CAs and the agencies that each may speak for, sorted.
    pub issuers: Vec<(CertificateFacts, Vec<String>)>,
}

impl CertificateFacts {
    /// Reads a certificate, DER; none if it is none.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let validity = certificate.validity();
        let ms = |seconds: i64| TimeMs::try_from(seconds).unwrap_or_default().saturating_mul(1000);
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            not_before: ms(validity.not_before.timestamp()),
            not_after: ms(validity.not_after.timestamp()),
        })
    }
}
