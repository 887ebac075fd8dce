//! From certificate to peer.
//!
//! INVARIANT (identity): the peer of every request is made here, from the certificate that TLS has
//! verified; nothing in a request can name or change it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;
use schleuse_proto::evidence::Digest;
use schleuse_proto::identity::{Identity, IdentityError, Leaf};
use schleuse_proto::trust::Trust;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::domain::event::Actor;
use crate::domain::ids::{AgencyId, TimeMs};

/// The verified peer of a connection.
#[derive(Debug)]
pub struct Peer {
    /// What the certificate says.
    pub leaf: Leaf,
    /// The certificate itself.
    pub certificate: Vec<u8>,
    /// Distinguished name of the issuer, DER: with the serial it names the certificate.
    pub issuer: Vec<u8>,
    /// As the core sees the peer.
    pub actor: Actor,
    /// Ends the connection.
    pub cut: CancellationToken,
    /// Batch signatures of this certificate that were checked on this connection.
    pub checked_batches: CheckedBatches,
}

/// Digests of batch signatures that verified, the newest 1,024: messages of one
/// batch come in many calls, and a signature over the same root need not be checked again.
#[derive(Debug, Default)]
pub struct CheckedBatches(Mutex<(HashSet<Digest>, VecDeque<Digest>)>);

/// Batches remembered on one connection; 64 bytes each.
const CHECKED_BATCHES_MAX: usize = 1024;

impl CheckedBatches {
    /// Whether the batch with this digest has been checked.
    #[must_use]
    pub fn contains(&self, digest: &Digest) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.contains(digest)
    }

    /// Remembers a batch that verified.
    pub fn insert(&self, digest: Digest) {
        let mut checked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.0.insert(digest) {
            checked.1.push_back(digest);
            if checked.1.len() > CHECKED_BATCHES_MAX
                && let Some(oldest) = checked.1.pop_front()
            {
                checked.0.remove(&oldest);
            }
        }
    }
}

impl Peer {
    /// Reads the peer off its leaf certificate. TLS has verified the chain to the root and the
    /// revocation lists; here the identity rules follow, with the issuer that really signed.
    ///
    /// # Errors
    /// Which rule the certificate breaks; for the broker's log only.
    pub fn from_certificates(
        chain: Option<&[CertificateDer<'_>]>,
        trust: &Trust,
        now: TimeMs,
    ) -> Result<Self, IdentityError> {
        let leaf_der = chain.and_then(<[_]>::first).ok_or(IdentityError::Malformed)?;
        let leaf = trust.check_leaf(leaf_der, now)?;
        check_second_parser(leaf_der, &leaf.identity)?;
        let (_, parsed) =
            X509Certificate::from_der(leaf_der).map_err(|_| IdentityError::Malformed)?;
        let Identity { agency, role, person, .. } = &leaf.identity;
        let actor = Actor {
            agency: AgencyId::parse(agency).ok_or(IdentityError::Grammar)?,
            role: *role,
            person: person.as_deref().map(Arc::from),
            serial: leaf.serial.as_slice().into(),
        };
        Ok(Self {
            actor,
            certificate: leaf_der.to_vec(),
            issuer: parsed.issuer().as_raw().to_vec(),
            leaf,
            cut: CancellationToken::new(),
            checked_batches: CheckedBatches::default(),
        })
    }
}

/// A second, independent parser must find the same single URI.
fn check_second_parser(der: &CertificateDer<'_>, identity: &Identity) -> Result<(), IdentityError> {
    let certificate = webpki::EndEntityCert::try_from(der).map_err(|_| IdentityError::Malformed)?;
    let mut uris = certificate.valid_uri_names();
    match (uris.next(), uris.next()) {
        (Some(uri), None) if uri == identity.to_string() => Ok(()),
        _ => Err(IdentityError::NotOneUri),
    }
}
