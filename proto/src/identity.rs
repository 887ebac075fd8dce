//! Identities: the grammar of SPIFFE ids and what a leaf certificate must look like to carry one.
//!
//! Exactly one URI SAN, `spiffe://<trust-domain>/agency/<agency>/<role>[/<person>]`, strict ASCII, no
//! percent-decoding, no other name type, common name ignored. Two parsers read the names and must
//! agree where the broker accepts a connection; this one is the stricter.
//! Source: SPIFFE X.509-SVID §2, §5.2; BSI TR-02102-2 for keys.

use std::fmt;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384,
};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::evidence::{Digest, sha256};

/// Longest SPIFFE id in bytes.
pub const URI_BYTES_MAX: usize = 128;
/// Longest part of an identifier in bytes.
pub const PART_BYTES_MAX: usize = 40;
/// Longest validity of a leaf certificate in seconds: 90 days and an hour for the clock.
pub const LEAF_VALIDITY_SECONDS_MAX: i64 = 90 * 24 * 3600 + 3600;
/// Largest certificate in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 4096;

/// What the holder of a certificate may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A computer system of an agency.
    System,
    /// A case guide.
    Lotse,
    /// A data-protection officer.
    Dpo,
    /// Whoever runs the broker.
    Operator,
    /// The scientific evaluation.
    Evaluation,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] =
        [Self::System, Self::Lotse, Self::Dpo, Self::Operator, Self::Evaluation];

    /// As it stands in identities and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Lotse => "lotse",
            Self::Dpo => "dpo",
            Self::Operator => "operator",
            Self::Evaluation => "evaluation",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Who the holder of a certificate is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Trust domain of the installation.
    pub trust_domain: String,
    /// Agency identifier.
    pub agency: String,
    /// Role there.
    pub role: Role,
    /// Person, where the certificate names one.
    pub person: Option<String>,
}

/// Why a certificate or identity is refused. The text is for operators, never sent to a peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not one well-formed X.509 certificate.
    #[error("not one well-formed X.509 v3 certificate of at most {CERTIFICATE_BYTES_MAX} bytes")]
    Malformed,
    /// Names other than exactly one URI.
    #[error("the subject alternative name must be exactly one URI")]
    NotOneUri,
    /// The URI is not of the grammar.
    #[error(
        "the URI is not spiffe://<trust-domain>/agency/<agency>/<role>[/<person>] in lower-case ASCII"
    )]
    Grammar,
    /// Of another installation.
    #[error("the identity is of another trust domain")]
    TrustDomain,
    /// A property of the leaf that the policy does not allow.
    #[error("the leaf certificate is not allowed: {0}")]
    Policy(&'static str),
    /// Outside its validity.
    #[error("the certificate is expired or not yet valid")]
    Time,
    /// The issuer is unknown, or may not speak for this agency.
    #[error("the issuer may not speak for this agency")]
    Issuer,
    /// A signature that does not verify.
    #[error("the signature does not verify")]
    Signature,
}

impl Identity {
    /// Reads a SPIFFE id.
    ///
    /// # Errors
    /// The text is not of the grammar.
    pub fn parse(uri: &str) -> Result<Self, IdentityError> {
        if uri.len() > URI_BYTES_MAX {
            return Err(IdentityError::Grammar);
        }
        let rest = uri.strip_prefix("spiffe://").ok_or(IdentityError::Grammar)?;
        let mut parts = rest.split('/');
        let trust_domain = parts.next().filter(|part| is_trust_domain(part));
        let marker = parts.next().filter(|part| *part == "agency");
        let agency = parts.next().filter(|part| is_part(part));
        let role = parts.next().and_then(Role::parse);
        let person = parts.next();
        if marker.is_none() || parts.next().is_some() || !person.is_none_or(is_part) {
            return Err(IdentityError::Grammar);
        }
        match (trust_domain, agency, role) {
            (Some(trust_domain), Some(agency), Some(role)) => Ok(Self {
                trust_domain: trust_domain.to_owned(),
                agency: agency.to_owned(),
                role,
                person: person.map(str::to_owned),
            }),
            _ => Err(IdentityError::Grammar),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/agency/{}/{}", self.trust_domain, self.agency, self.role.name())?;
        self.person.as_ref().map_or(Ok(()), |person| write!(f, "/{person}"))
    }
}

/// Whether the text is an identifier: 1 to 40 of `[a-z0-9-]`, not beginning or ending with `-`.
#[must_use]
pub fn is_part(text: &str) -> bool {
    (1..=PART_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_trust_domain(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.split('.').all(is_part)
}

/// What the broker and verifiers need of a leaf certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Who it names.
    pub identity: Identity,
    /// Serial number, big-endian without leading zeros.
    pub serial: Vec<u8>,
    /// Uncompressed point of the public key.
    pub public_key: Vec<u8>,
    /// Curve of the public key.
    pub curve: Curve,
    /// First second of validity, Unix time.
    pub not_before: i64,
    /// Last second of validity, Unix time.
    pub not_after: i64,
}

/// Curves that keys may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256, with SHA-256.
    P256,
    /// NIST P-384, with SHA-384.
    P384,
}

impl Leaf {
    /// Reads a leaf certificate and checks everything that does not depend on issuer and time.
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn parse(der: &[u8]) -> Result<Self, IdentityError> {
        let certificate = parse_certificate(der)?;
        check_usage(&certificate)?;
        let serial = serial(&certificate)?;
        if !(8..=20).contains(&serial.len()) {
            return Err(IdentityError::Policy("serial number must have 8 to 20 bytes"));
        }
        let validity = certificate.validity();
        let (not_before, not_after) =
            (validity.not_before.timestamp(), validity.not_after.timestamp());
        if not_after < not_before || not_after - not_before > LEAF_VALIDITY_SECONDS_MAX {
            return Err(IdentityError::Policy("validity must not exceed 90 days"));
        }
        let (curve, public_key) = public_key(&certificate)?;
        Ok(Self {
            identity: Identity::parse(only_uri(&certificate)?)?,
            serial,
            public_key,
            curve,
            not_before,
            not_after,
        })
    }

    /// Whether the certificate is valid at this instant.
    #[must_use]
    pub fn is_valid_at(&self, time_ms: u64) -> bool {
        i64::try_from(time_ms / 1000)
            .is_ok_and(|seconds| (self.not_before..=self.not_after).contains(&seconds))
    }

    /// Checks an ECDSA signature (ASN.1 DER) made with this certificate's key.
    ///
    /// # Errors
    /// The signature does not verify.
    pub fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), IdentityError> {
        use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, UnparsedPublicKey};
        let key = match self.curve {
            Curve::P256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.public_key),
            Curve::P384 => UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, &self.public_key),
        };
        key.verify(signed, signature).map_err(|_| IdentityError::Signature)
    }
}

/// Parses exactly one certificate, with nothing behind it.
pub(crate) fn parse_certificate(der: &[u8]) -> Result<X509Certificate<'_>, IdentityError> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(IdentityError::Malformed);
    }
    match X509Certificate::from_der(der) {
        Ok((rest, certificate))
            if rest.is_empty() && certificate.version() == x509_parser::x509::X509Version::V3 =>
        {
            Ok(certificate)
        }
        _ => Err(IdentityError::Malformed),
    }
}

/// SHA-256 over the subject public key info of a certificate.
///
/// # Errors
/// Not a certificate.
pub fn spki_digest(der: &[u8]) -> Result<Digest, IdentityError> {
    Ok(sha256(&[parse_certificate(der)?.public_key().raw]))
}

/// The serial number without its sign byte. A negative number, or one with more leading zeros than
/// DER needs, would never be found in a revocation list.
fn serial(certificate: &X509Certificate<'_>) -> Result<Vec<u8>, IdentityError> {
    let wrong = Err(IdentityError::Policy("serial number must be positive and minimal"));
    match certificate.tbs_certificate.raw_serial() {
        [0, next, ..] if *next < 0x80 => wrong,
        [first, ..] if *first >= 0x80 => wrong,
        [0, rest @ ..] => Ok(rest.to_vec()),
        serial => Ok(serial.to_vec()),
    }
}

/// Critical extensions that this code does not know, and signatures that do not fit the issuer's
/// key, are refused as TLS refuses them.
pub(crate) fn check_form(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
) -> Result<(), IdentityError> {
    let unknown = certificate.extensions().iter().any(|extension| {
        extension.critical
            && matches!(
                extension.parsed_extension(),
                ParsedExtension::UnsupportedExtension { .. } | ParsedExtension::ParseError { .. }
            )
    });
    if unknown {
        return Err(IdentityError::Policy("an unknown critical extension"));
    }
    let (curve, _) = public_key(issuer)?;
    let expected = match curve {
        Curve::P256 => OID_SIG_ECDSA_WITH_SHA256,
        Curve::P384 => OID_SIG_ECDSA_WITH_SHA384,
    };
    if certificate.signature_algorithm.algorithm != expected
        || certificate.tbs_certificate.signature.algorithm != expected
    {
        return Err(IdentityError::Policy("the signature algorithm must fit the issuer's key"));
    }
    Ok(())
}

fn check_usage(certificate: &X509Certificate<'_>) -> Result<(), IdentityError> {
    let policy =
        |broken: bool, text| if broken { Err(IdentityError::Policy(text)) } else { Ok(()) };
    let malformed = |_| IdentityError::Malformed;
    let constraints = certificate.basic_constraints().map_err(malformed)?;
    policy(constraints.is_some_and(|c| c.value.ca), "a CA certificate is not a leaf")?;
    let usage = certificate.key_usage().map_err(malformed)?;
    policy(
        !usage.is_some_and(|u| u.value.digital_signature() && !u.value.key_cert_sign()),
        "key usage must be digitalSignature and not keyCertSign",
    )?;
    let extended = certificate.extended_key_usage().map_err(malformed)?;
    policy(
        !extended.is_some_and(|e| {
            let e = e.value;
            let other = e.any || e.server_auth || e.code_signing || e.email_protection;
            e.client_auth && !other && !e.time_stamping && !e.ocsp_signing && e.other.is_empty()
        }),
        "extended key usage must be exactly clientAuth",
    )
}

fn only_uri<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a str, IdentityError> {
    let mut names = certificate.extensions().iter().filter_map(|extension| {
        if let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() {
            Some(names)
        } else {
            None
        }
    });
    let (Some(names), None) = (names.next(), names.next()) else {
        return Err(IdentityError::NotOneUri);
    };
    match names.general_names.as_slice() {
        [GeneralName::URI(uri)] => Ok(uri),
        _ => Err(IdentityError::NotOneUri),
    }
}

fn public_key(certificate: &X509Certificate<'_>) -> Result<(Curve, Vec<u8>), IdentityError> {
    let wrong = IdentityError::Policy("the key must be on P-256 or P-384");
    let key = certificate.public_key();
    if key.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY {
        return Err(wrong);
    }
    let curve = key.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
    let curve = match curve {
        Some(oid) if oid == OID_EC_P256 => Curve::P256,
        Some(oid) if oid == OID_NIST_EC_P384 => Curve::P384,
        _ => return Err(wrong),
    };
    Ok((curve, key.subject_public_key.data.to_vec()))
}

/// Whether `time_ms` lies in the validity of a parsed certificate.
pub(crate) fn is_in_validity(certificate: &X509Certificate<'_>, time_ms: u64) -> bool {
    i64::try_from(time_ms / 1000)
        .ok()
        .and_then(|seconds| ASN1Time::from_timestamp(seconds).ok())
        .is_some_and(|time| certificate.validity().is_valid_at(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_of_the_grammar_survive_parsing_and_printing() {
        for uri in [
            "spiffe://schleuse.example/agency/drv-bayern-sued/system",
            "spiffe://schleuse.example/agency/lotsenstelle/lotse/l-07",
        ] {
            assert_eq!(Identity::parse(uri).unwrap().to_string(), uri);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for uri in [
            "",
            "spiffe://",
            "https://schleuse.example/agency/drv/system",
            "SPIFFE://schleuse.example/agency/drv/system",
            "spiffe://schleuse.example/agency/DRV/system",
            "spiffe://Schleuse.example/agency/drv/system",
            "spiffe://schleuse.example/agency/drv%2e/system",
            "spiffe://schleuse.example/agency/drv/system/",
            "spiffe://schleuse.example/agency/drv/system?x=1",
            "spiffe://schleuse.example/agency/drv/system#x",
            "spiffe://schleuse.example/agency//system",
            "spiffe://schleuse.example/agency/drv/administrator",
            "spiffe://schleuse.example/agency/drv/lotse/a/b",
            "spiffe://schleuse.example/agency/../system",
            "spiffe://schleuse.example:443/agency/drv/system",
            "spiffe://user@schleuse.example/agency/drv/system",
            "spiffe://schleuse..example/agency/drv/system",
            "spiffe://schleuse.example./agency/drv/system",
            "spiffe://schleuse.example/agency/drv\0/system",
            "spiffe://schleuse.example/agency/-drv/system",
            " spiffe://schleuse.example/agency/drv/system",
            "spiffe://schleuse.example/agency/\u{430}drv/system",
        ] {
            assert_eq!(Identity::parse(uri), Err(IdentityError::Grammar), "{uri}");
        }
        let long = format!("spiffe://schleuse.example/agency/{}/system", "a".repeat(41));
        assert_eq!(Identity::parse(&long), Err(IdentityError::Grammar));
    }
}
