//! Whom to believe: the issuing CAs of an installation and the agencies each may speak for.
//!
//! X.509 name constraints cannot protect URI names here (webpki refuses every certificate with a URI
//! name under any URI constraint), so the binding of issuer to agency is made by this table. The
//! caller has verified that the root signed the issuers.

use crate::evidence::{Digest, sha256};
use crate::identity::{
    Identity, IdentityError, Leaf, check_form, is_in_validity, parse_certificate,
};
use crate::v1;

/// An issuing CA and the agencies it may speak for.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// X.509 certificate, DER.
    pub certificate: Vec<u8>,
    /// Agency identifiers.
    pub agencies: Vec<String>,
}

/// The table of issuers of one installation.
#[derive(Clone, Debug)]
pub struct Trust {
    trust_domain: String,
    issuers: Vec<(Digest, Issuer)>,
}

impl Trust {
    /// Takes the table and checks that the root signed each issuer.
    ///
    /// # Errors
    /// A certificate is malformed, or the root did not sign an issuer.
    pub fn new(
        trust_domain: &str,
        root: &[u8],
        issuers: Vec<Issuer>,
    ) -> Result<Self, IdentityError> {
        let root = parse_certificate(root)?;
        let issuers = issuers
            .into_iter()
            .map(|issuer| {
                let certificate = parse_certificate(&issuer.certificate)?;
                certificate
                    .verify_signature(Some(root.public_key()))
                    .map_err(|_| IdentityError::Issuer)?;
                Ok((sha256(&[certificate.public_key().raw]), issuer))
            })
            .collect::<Result<_, IdentityError>>()?;
        Ok(Self { trust_domain: trust_domain.to_owned(), issuers })
    }

    /// Trust domain of the installation.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// All agencies that some issuer may speak for, sorted.
    #[must_use]
    pub fn agencies(&self) -> Vec<&str> {
        let mut agencies: Vec<&str> =
            self.issuers.iter().flat_map(|(_, i)| i.agencies.iter().map(String::as_str)).collect();
        agencies.sort_unstable();
        agencies.dedup();
        agencies
    }

    /// All issuers, in the order of the table.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        self.issuers.iter().map(|(_, issuer)| issuer)
    }

    /// Certificates of all issuers, DER.
    pub fn issuer_certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.issuers.iter().map(|(_, issuer)| issuer.certificate.as_slice())
    }

    /// Whether the issuer with this public key may speak for the identity.
    ///
    /// # Errors
    /// Another trust domain, an unknown issuer, or one of another agency.
    pub fn check_binding(
        &self,
        issuer_spki: &Digest,
        identity: &Identity,
    ) -> Result<(), IdentityError> {
        if identity.trust_domain != self.trust_domain {
            return Err(IdentityError::TrustDomain);
        }
        let bound = self.issuers.iter().any(|(spki, issuer)| {
            spki == issuer_spki && issuer.agencies.contains(&identity.agency)
        });
        if bound { Ok(()) } else { Err(IdentityError::Issuer) }
    }

    /// Reads a leaf certificate that came with evidence and checks it against the table: signed by
    /// an issuer that may speak for its agency, allowed as a leaf, valid at `time_ms`.
    ///
    /// # Errors
    /// Says which rule it breaks. Revocation lists are not consulted here: whether a signature made
    /// before a revocation still counts is for the caller to say.
    pub fn check_leaf(&self, certificate: &[u8], time_ms: u64) -> Result<Leaf, IdentityError> {
        let leaf = Leaf::parse(certificate)?;
        let parsed = parse_certificate(certificate)?;
        for (spki, issuer) in &self.issuers {
            let issuer = parse_certificate(&issuer.certificate)?;
            if issuer.subject() != parsed.issuer()
                || parsed.verify_signature(Some(issuer.public_key())).is_err()
            {
                continue;
            }
            check_form(&parsed, &issuer)?;
            self.check_binding(spki, &leaf.identity)?;
            let valid = leaf.is_valid_at(time_ms) && is_in_validity(&issuer, time_ms);
            return if valid { Ok(leaf) } else { Err(IdentityError::Time) };
        }
        Err(IdentityError::Issuer)
    }

    /// Checks a signature that came with its certificate and returns who signed.
    ///
    /// # Errors
    /// The certificate is not to be believed at `time_ms`, or the signature does not verify.
    pub fn check_signature(
        &self,
        signed: &[u8],
        signature: &v1::Signature,
        time_ms: u64,
    ) -> Result<Leaf, IdentityError> {
        let leaf = self.check_leaf(&signature.certificate, time_ms)?;
        leaf.verify(signed, &signature.value)?;
        Ok(leaf)
    }
}
