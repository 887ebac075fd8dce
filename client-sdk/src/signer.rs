//! The caller's own certificate and key: who we are, and signatures that show it.

use std::path::Path;

use bytes::Bytes;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use schleuse_proto::identity::{Curve, Identity, Leaf};
use schleuse_proto::v1;
use zeroize::Zeroizing;

use crate::error::ClientError;
use crate::files;

/// Certificate chain of the caller, and its private key unless that stays elsewhere.
pub struct Signer {
    chain: Vec<CertificateDer<'static>>,
    certificate: Bytes,
    leaf: Leaf,
    secret: Option<Secret>,
}

struct Secret {
    pkcs8: Zeroizing<Vec<u8>>,
    key: EcdsaKeyPair,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("identity", &self.leaf.identity).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads the chain (leaf first) and the key (PKCS#8), both PEM.
    ///
    /// # Errors
    /// A file cannot be read, others may open the key, or the two do not belong together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, ClientError> {
        let not_pem = || ClientError::file(certificate, "expected a certificate chain in PEM");
        let pem = files::read_small(certificate)?;
        let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|_| not_pem())?;
        let first = chain.first().ok_or_else(not_pem)?;
        let leaf = Leaf::parse(first).map_err(|error| ClientError::file(certificate, error))?;
        let pem = files::read_private(key)?;
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(&pem)
            .map_err(|_| ClientError::file(key, "expected a private key in PEM (PKCS#8)"))?;
        let pkcs8 = Zeroizing::new(pkcs8.secret_pkcs8_der().to_vec());
        let algorithm = match leaf.curve {
            Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        };
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8, &SystemRandom::new())
            .ok()
            .filter(|pair| pair.public_key().as_ref() == leaf.public_key)
            .ok_or_else(|| {
                let why = format!("not the key of certificate {}", certificate.display());
                ClientError::file(key, why)
            })?;
        let certificate = Bytes::copy_from_slice(first);
        Ok(Self { certificate, leaf, secret: Some(Secret { pkcs8, key: pair }), chain })
    }

    /// Somebody whose key stays elsewhere: known by the leaf certificate (DER) that was verified there, and
    /// unable to sign.
    ///
    /// # Errors
    /// It is no certificate of an identity.
    pub fn without_key(certificate: &[u8]) -> Result<Self, ClientError> {
        let der = CertificateDer::from(certificate.to_vec());
        let leaf = Leaf::parse(&der).map_err(|error| ClientError::Trust(error.to_string()))?;
        let certificate = Bytes::copy_from_slice(certificate);
        Ok(Self { certificate, leaf, secret: None, chain: vec![der] })
    }

    /// Who we are.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.leaf.identity
    }

    /// Last second of the certificate's validity, Unix time in milliseconds.
    #[must_use]
    pub fn valid_until_ms(&self) -> i64 {
        self.leaf.not_after.saturating_mul(1000)
    }

    /// Signs bytes, which must begin with the context of their use.
    ///
    /// # Errors
    /// The key is not here, or the operating system gives no random bytes.
    pub fn sign(&self, bytes: &[u8]) -> Result<v1::Signature, ClientError> {
        let key = &self.secret.as_ref().ok_or(ClientError::NoKey)?.key;
        let value = key.sign(&SystemRandom::new(), bytes).map_err(|_| ClientError::Random)?;
        Ok(v1::Signature {
            certificate: self.certificate.clone(),
            value: Bytes::copy_from_slice(value.as_ref()),
        })
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    pub(crate) fn tls_key(&self) -> Result<PrivateKeyDer<'static>, ClientError> {
        let secret = self.secret.as_ref().ok_or(ClientError::NoKey)?;
        Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(secret.pkcs8.to_vec())))
    }
}
