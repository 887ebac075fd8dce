//! Sealing: HPKE (RFC 9180) in base mode, single shot, bound to a label through `info`.
//!
//! There is no associated data: some libraries cannot take it, so the label digest goes into `info`.
//! The plaintext is padded to a few sizes, so that its length tells little.
//! Source: RFC 9180; `content.proto` for the padding.

mod keys;
mod padding;

use std::fmt;

use bytes::Bytes;
use hpke::aead::AesGcm256;
use hpke::kdf::{HkdfSha256, HkdfSha384};
use hpke::kem::{DhP256HkdfSha256, MlKem1024P384};
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use schleuse_proto::evidence::{Digest, sha256};
use schleuse_proto::v1;

pub use keys::SealingKeys;
pub(crate) use padding::CONTENT_BYTES_MAX;
pub use padding::{PADDED_BYTES, pad, unpad};

type Hybrid = MlKem1024P384;
type P256 = DhP256HkdfSha256;

/// How a body is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// Hybrid KEM ML-KEM-1024 + P-384, HKDF-SHA384, AES-256-GCM. The default: what is recorded
    /// today stays secret when elliptic curves fall.
    MlKem1024P384,
    /// DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. For peers without the hybrid.
    DhKemP256,
}

impl Suite {
    /// Both suites, the preferred one first.
    pub const ALL: [Self; 2] = [Self::MlKem1024P384, Self::DhKemP256];

    /// Name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MlKem1024P384 => "mlkem1024-p384",
            Self::DhKemP256 => "dhkem-p256",
        }
    }

    /// The suite of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    pub(crate) fn to_wire(self) -> v1::SealingSuite {
        match self {
            Self::MlKem1024P384 => v1::SealingSuite::Mlkem1024P384Sha384Aes256gcm,
            Self::DhKemP256 => v1::SealingSuite::DhkemP256Sha256Aes256gcm,
        }
    }

    pub(crate) fn from_wire(suite: v1::SealingSuite) -> Option<Self> {
        match suite {
            v1::SealingSuite::Mlkem1024P384Sha384Aes256gcm => Some(Self::MlKem1024P384),
            v1::SealingSuite::DhkemP256Sha256Aes256gcm => Some(Self::DhKemP256),
            v1::SealingSuite::Unspecified => None,
        }
    }
}

/// Why sealing or opening failed. Deliberately poor in detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a key of its suite.
    #[error("malformed sealing key")]
    Key,
    /// Sealing failed.
    #[error("the body cannot be sealed")]
    Seal,
    /// Opening failed: other key, other label, or changed bytes.
    #[error("the body does not open with this key and label")]
    Open,
    /// Sealed to a key that is not one of ours.
    #[error("sealed to a key that is not ours")]
    UnknownKey,
    /// The padding is not the one of the format.
    #[error("malformed padding")]
    Padding,
    /// Larger than the largest padded size.
    #[error("larger than {} bytes", padding::CONTENT_BYTES_MAX)]
    TooLarge,
}

/// A public sealing key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SealingPublicKey {
    suite: Suite,
    bytes: Bytes,
    id: Digest,
}

impl fmt::Debug for SealingPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingPublicKey({}, {})", self.suite.name(), crate::ids::hex(&self.id))
    }
}

impl SealingPublicKey {
    /// Reads a key in the KEM's own encoding.
    ///
    /// # Errors
    /// The bytes are no key of the suite.
    pub fn parse(suite: Suite, bytes: &[u8]) -> Result<Self, SealError> {
        match suite {
            Suite::MlKem1024P384 => check_public::<Hybrid>(bytes)?,
            Suite::DhKemP256 => check_public::<P256>(bytes)?,
        }
        Ok(Self { suite, bytes: Bytes::copy_from_slice(bytes), id: sha256(&[bytes]) })
    }

    /// Its suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The key in the KEM's own encoding.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// SHA-256 of the bytes: how labels name it.
    #[must_use]
    pub fn id(&self) -> &Digest {
        &self.id
    }
}

/// A private sealing key. Its parts are erased from memory when it is dropped; it never prints.
pub struct SealingPrivateKey {
    key: Private,
    public: SealingPublicKey,
}

enum Private {
    Hybrid(Box<<Hybrid as Kem>::PrivateKey>),
    P256(Box<<P256 as Kem>::PrivateKey>),
}

impl fmt::Debug for SealingPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingPrivateKey(…, {:?})", self.public)
    }
}

impl SealingPrivateKey {
    /// Reads a key in the KEM's own encoding.
    ///
    /// # Errors
    /// The bytes are no key of the suite.
    pub fn parse(suite: Suite, bytes: &[u8]) -> Result<Self, SealError> {
        let (key, public) = match suite {
            Suite::MlKem1024P384 => {
                let (key, public) = parse_private::<Hybrid>(bytes)?;
                (Private::Hybrid(Box::new(key)), public)
            }
            Suite::DhKemP256 => {
                let (key, public) = parse_private::<P256>(bytes)?;
                (Private::P256(Box::new(key)), public)
            }
        };
        Ok(Self { key, public: SealingPublicKey::parse(suite, &public)? })
    }

    /// A fresh key.
    ///
    /// # Errors
    /// Never for the suites there are.
    pub fn generate(suite: Suite) -> Result<Self, SealError> {
        let (key, public) = match suite {
            Suite::MlKem1024P384 => {
                let (key, public) = Hybrid::gen_keypair();
                (Private::Hybrid(Box::new(key)), public.to_bytes().to_vec())
            }
            Suite::DhKemP256 => {
                let (key, public) = P256::gen_keypair();
                (Private::P256(Box::new(key)), public.to_bytes().to_vec())
            }
        };
        Ok(Self { key, public: SealingPublicKey::parse(suite, &public)? })
    }

    /// The public key that belongs to it.
    #[must_use]
    pub fn public(&self) -> &SealingPublicKey {
        &self.public
    }
}

/// A sealed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// HPKE's `enc`.
    pub encapsulated_key: Bytes,
    /// Ciphertext with tag.
    pub ciphertext: Bytes,
}

/// Seals a plaintext to a key, bound to the label.
///
/// # Errors
/// The key cannot be encapsulated to.
pub fn seal(
    key: &SealingPublicKey,
    label_digest: &Digest,
    plaintext: &[u8],
) -> Result<Sealed, SealError> {
    match key.suite {
        Suite::MlKem1024P384 => seal_with::<HkdfSha384, Hybrid>(key, label_digest, plaintext),
        Suite::DhKemP256 => seal_with::<HkdfSha256, P256>(key, label_digest, plaintext),
    }
}

/// Opens a sealed body. Another label, another key or one changed bit: it does not open.
///
/// # Errors
/// It does not open.
pub fn open(
    key: &SealingPrivateKey,
    label_digest: &Digest,
    encapsulated_key: &[u8],
    ciphertext: &[u8],
) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
    match &key.key {
        Private::Hybrid(key) => {
            open_with::<HkdfSha384, Hybrid>(key, label_digest, encapsulated_key, ciphertext)
        }
        Private::P256(key) => {
            open_with::<HkdfSha256, P256>(key, label_digest, encapsulated_key, ciphertext)
        }
    }
}

fn check_public<K: Kem>(bytes: &[u8]) -> Result<(), SealError> {
    K::PublicKey::from_bytes(bytes).map(drop).map_err(|_| SealError::Key)
}

fn parse_private<K: Kem>(bytes: &[u8]) -> Result<(K::PrivateKey, Vec<u8>), SealError> {
    let key = K::PrivateKey::from_bytes(bytes).map_err(|_| SealError::Key)?;
    let public = K::sk_to_pk(&key).to_bytes().to_vec();
    Ok((key, public))
}

fn seal_with<F: hpke::kdf::Kdf, K: Kem>(
    key: &SealingPublicKey,
    info: &Digest,
    plaintext: &[u8],
) -> Result<Sealed, SealError> {
    let key = K::PublicKey::from_bytes(&key.bytes).map_err(|_| SealError::Key)?;
    let mode = OpModeS::<K>::Base;
    let (encapsulated_key, ciphertext) =
        hpke::single_shot_seal::<AesGcm256, F, K>(&mode, &key, info, plaintext, &[])
            .map_err(|_| SealError::Seal)?;
    Ok(Sealed {
        encapsulated_key: Bytes::copy_from_slice(&encapsulated_key.to_bytes()),
        ciphertext: Bytes::from(ciphertext),
    })
}

fn open_with<F: hpke::kdf::Kdf, K: Kem>(
    key: &K::PrivateKey,
    info: &Digest,
    encapsulated_key: &[u8],
    ciphertext: &[u8],
) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
    let encapsulated_key =
        K::EncappedKey::from_bytes(encapsulated_key).map_err(|_| SealError::Open)?;
    let mode = OpModeR::<K>::Base;
    hpke::single_shot_open::<AesGcm256, F, K>(&mode, key, &encapsulated_key, info, ciphertext, &[])
        .map(zeroize::Zeroizing::new)
        .map_err(|_| SealError::Open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_and_label_only() {
        for suite in Suite::ALL {
            let key = SealingPrivateKey::generate(suite).unwrap();
            let other = SealingPrivateKey::generate(suite).unwrap();
            let sealed = seal(key.public(), &[7; 32], b"Gutachten").unwrap();
            let open_as =
                |key, label: &Digest, enc: &[u8], text: &[u8]| open(key, label, enc, text);
            let (enc, text) = (&sealed.encapsulated_key, &sealed.ciphertext);
            assert_eq!(open_as(&key, &[7; 32], enc, text).unwrap().as_slice(), b"Gutachten");
            assert_eq!(open_as(&key, &[8; 32], enc, text).unwrap_err(), SealError::Open);
            assert_eq!(open_as(&other, &[7; 32], enc, text).unwrap_err(), SealError::Open);
            for at in [0, text.len() - 1] {
                let mut changed = text.to_vec();
                changed[at] ^= 1;
                assert_eq!(open_as(&key, &[7; 32], enc, &changed).unwrap_err(), SealError::Open);
            }
            assert_eq!(open_as(&key, &[7; 32], &enc[1..], text).unwrap_err(), SealError::Open);
            assert_eq!(open_as(&key, &[7; 32], enc, &[]).unwrap_err(), SealError::Open);
        }
    }

    #[test]
    fn keys_of_another_suite_are_refused_and_private_keys_do_not_print() {
        let hybrid = SealingPrivateKey::generate(Suite::MlKem1024P384).unwrap();
        let bytes = hybrid.public().as_bytes();
        assert_eq!(bytes.len(), 1665);
        assert_eq!(SealingPublicKey::parse(Suite::DhKemP256, bytes), Err(SealError::Key));
        assert_eq!(SealingPublicKey::parse(Suite::MlKem1024P384, &bytes[1..]), Err(SealError::Key));
        assert!(format!("{hybrid:?}").starts_with("SealingPrivateKey(…"));
    }
}
