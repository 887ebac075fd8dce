//! What exactly is hashed and signed: label digests, participant commitments, payload digests,
//! batch signatures, canonical form of signed documents.
//!
//! Every signed or hashed input starts with its own context string, so that bytes made for one use
//! never verify for another. Source: `LOG.md` in this crate.

use prost::Message;
use ring::digest::{Context, SHA256};
use tlog_tiles::{Hash, HashReader};

use crate::v1;

/// Context of [`label_digest`].
const LABEL: &[u8] = b"schleuse/v1/label\0";
/// Context of [`participant_commitment`].
const PARTICIPANT: &[u8] = b"schleuse/v1/participant\0";
/// Context of [`consent_reference`].
const CONSENT_REFERENCE: &[u8] = b"schleuse/v1/consent-reference\0";
/// Context of signatures over consent documents.
const CONSENT: &[u8] = b"schleuse/v1/consent\0";
/// Context of signatures over revocation documents.
const REVOCATION: &[u8] = b"schleuse/v1/revocation\0";
/// Context of signatures over confirmations of consents.
const CONFIRMATION: &[u8] = b"schleuse/v1/confirmation\0";
/// Context of signatures over releases from professional secrecy.
const RELEASE: &[u8] = b"schleuse/v1/secrecy-release\0";
/// Context of signatures over revocations of releases.
const RELEASE_REVOCATION: &[u8] = b"schleuse/v1/secrecy-release-revocation\0";
/// Context of signatures over objections.
const OBJECTION: &[u8] = b"schleuse/v1/objection\0";
/// Context of signatures over withdrawals of objections.
const OBJECTION_WITHDRAWAL: &[u8] = b"schleuse/v1/objection-withdrawal\0";
/// Context of signatures over ends of participations.
const PARTICIPATION_END: &[u8] = b"schleuse/v1/participation-end\0";
/// Context of signatures over directory documents.
const DIRECTORY: &[u8] = b"schleuse/v1/directory\0";
/// Context of batch signatures.
const BATCH: &[u8] = b"schleuse/v1/batch\0";

/// Largest number of messages that one batch signature covers.
pub const BATCH_MESSAGES_MAX: u64 = 1024;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// SHA-256 over the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Digest that binds a label to its ciphertext: the `info` of the seal.
#[must_use]
pub fn label_digest(label: &[u8]) -> Digest {
    sha256(&[LABEL, label])
}

/// Commitment to a participant reference that does not tell the reference.
#[must_use]
pub fn participant_commitment(nonce: &[u8; 16], reference: &str) -> Digest {
    sha256(&[PARTICIPANT, nonce, reference.as_bytes()])
}

/// How one recipient's agency knows a consent: the same in all messages to it, different for every
/// other agency.
#[must_use]
pub fn consent_reference(consent_id: &[u8], agency: &str) -> [u8; 16] {
    let digest = sha256(&[CONSENT_REFERENCE, consent_id, agency.as_bytes()]);
    digest.first_chunk().copied().unwrap_or_default()
}

/// Digest of a sealed body.
#[must_use]
pub fn payload_digest(encapsulated_key: &[u8], ciphertext: &[u8]) -> Digest {
    sha256(&[encapsulated_key, ciphertext])
}

/// Leaf data of one message in a batch tree.
#[must_use]
pub fn batch_leaf(label_digest: &Digest, payload_digest: &Digest) -> [u8; 64] {
    let mut leaf = [0; 64];
    let (first, second) = leaf.split_at_mut(32);
    first.copy_from_slice(label_digest);
    second.copy_from_slice(payload_digest);
    leaf
}

/// Bytes that a batch signature signs.
#[must_use]
pub fn batch_signed_bytes(tree_size: u64, root: &Digest) -> Vec<u8> {
    [BATCH, &tree_size.to_be_bytes(), root].concat()
}

/// Bytes that the signature of a consent document signs.
#[must_use]
pub fn consent_signed_bytes(document: &[u8]) -> Vec<u8> {
    [CONSENT, document].concat()
}

/// Bytes that the signature of a revocation document signs.
#[must_use]
pub fn revocation_signed_bytes(document: &[u8]) -> Vec<u8> {
    [REVOCATION, document].concat()
}

/// Bytes that the signature of a confirmation document signs.
#[must_use]
pub fn confirmation_signed_bytes(document: &[u8]) -> Vec<u8> {
    [CONFIRMATION, document].concat()
}

/// A signed document that stands beside the consents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SafeguardDocument {
    /// `SecrecyReleaseDocument`.
    Release,
    /// `SecrecyReleaseRevocationDocument`.
    ReleaseRevocation,
    /// `ObjectionDocument`.
    Objection,
    /// `ObjectionWithdrawalDocument`.
    ObjectionWithdrawal,
    /// `ParticipationEndDocument`.
    ParticipationEnd,
}

impl SafeguardDocument {
    /// Bytes that the signature of such a document signs.
    #[must_use]
    pub fn signed_bytes(self, document: &[u8]) -> Vec<u8> {
        let context = match self {
            Self::Release => RELEASE,
            Self::ReleaseRevocation => RELEASE_REVOCATION,
            Self::Objection => OBJECTION,
            Self::ObjectionWithdrawal => OBJECTION_WITHDRAWAL,
            Self::ParticipationEnd => PARTICIPATION_END,
        };
        [context, document].concat()
    }

    /// Name of its message.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "SecrecyReleaseDocument",
            Self::ReleaseRevocation => "SecrecyReleaseRevocationDocument",
            Self::Objection => "ObjectionDocument",
            Self::ObjectionWithdrawal => "ObjectionWithdrawalDocument",
            Self::ParticipationEnd => "ParticipationEndDocument",
        }
    }
}

/// Bytes that the signature of a directory document signs.
#[must_use]
pub fn directory_signed_bytes(document: &[u8]) -> Vec<u8> {
    [DIRECTORY, document].concat()
}

/// Decodes a signed document and refuses every encoding but the canonical one: what decodes must
/// encode to the same bytes, so unknown fields, repeated scalars, other orders and explicit default
/// values all fail.
///
/// # Errors
/// Says why the bytes are not a canonical encoding.
pub fn decode_canonical<M: Message + Default>(bytes: &[u8]) -> Result<M, NotCanonical> {
    let document = M::decode(bytes).map_err(|_| NotCanonical::Malformed)?;
    if document.encode_to_vec() != bytes {
        return Err(NotCanonical::OtherEncoding);
    }
    Ok(document)
}

/// Why bytes are not the canonical encoding of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// Not protobuf of this type.
    #[error("not a protobuf encoding of this document")]
    Malformed,
    /// Decodes, but encodes differently.
    #[error("unknown fields, other field order or explicit default values are not allowed")]
    OtherEncoding,
}

/// The Merkle tree over a batch of messages on the sender's side.
#[derive(Debug)]
pub struct Batch {
    size: u64,
    stored: Vec<Hash>,
}

/// A batch that cannot be made or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a batch has 1 to {BATCH_MESSAGES_MAX} messages and a proof of fitting length")]
pub struct BatchError;

impl Batch {
    /// Builds the tree over the leaves of [`batch_leaf`].
    ///
    /// # Errors
    /// The batch is empty or larger than [`BATCH_MESSAGES_MAX`].
    pub fn new(leaves: &[[u8; 64]]) -> Result<Self, BatchError> {
        let size = u64::try_from(leaves.len()).map_err(|_| BatchError)?;
        if size == 0 || size > BATCH_MESSAGES_MAX {
            return Err(BatchError);
        }
        let mut stored = Vec::with_capacity(leaves.len() * 2);
        for (leaf, number) in leaves.iter().zip(0..) {
            let hashes = tlog_tiles::stored_hashes(number, leaf, &StoredHashes(&stored))
                .map_err(|_| BatchError)?;
            stored.extend(hashes);
        }
        Ok(Self { size, stored })
    }

    /// Number of messages.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root to be signed.
    ///
    /// # Errors
    /// Never for a tree made by [`Batch::new`].
    pub fn root(&self) -> Result<Digest, BatchError> {
        tlog_tiles::tree_hash(self.size, &StoredHashes(&self.stored))
            .map(|hash| hash.0)
            .map_err(|_| BatchError)
    }

    /// Inclusion proof of one message.
    ///
    /// # Errors
    /// `index` is not below the size.
    pub fn path(&self, index: u64) -> Result<Vec<Digest>, BatchError> {
        if index >= self.size {
            return Err(BatchError);
        }
        tlog_tiles::prove_record(self.size, index, &StoredHashes(&self.stored))
            .map(|path| path.into_iter().map(|hash| hash.0).collect())
            .map_err(|_| BatchError)
    }
}

/// Root that a message's inclusion proof leads to: what the batch signature must have signed.
///
/// # Errors
/// The proof has another length than the tree size and index demand, or a hash is not 32 bytes.
pub fn batch_root(leaf: &[u8; 64], signature: &v1::BatchSignature) -> Result<Digest, BatchError> {
    let (size, mut index) = (signature.tree_size, signature.leaf_index);
    if size == 0 || size > BATCH_MESSAGES_MAX || index >= size {
        return Err(BatchError);
    }
    // RFC 9162 §2.1.3.2, computed up to the root instead of compared with one.
    let mut last = size - 1;
    let mut hash = tlog_tiles::record_hash(leaf);
    for sibling in &signature.path {
        let sibling = Hash(<[u8; 32]>::try_from(sibling.as_ref()).map_err(|_| BatchError)?);
        if last == 0 {
            return Err(BatchError);
        }
        if index & 1 == 1 || index == last {
            hash = tlog_tiles::node_hash(sibling, hash);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = tlog_tiles::node_hash(hash, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(hash.0) } else { Err(BatchError) }
}

/// Hashes of a small tree, held in memory.
struct StoredHashes<'a>(&'a [Hash]);

impl HashReader for StoredHashes<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        indexes
            .iter()
            .map(|index| {
                usize::try_from(*index)
                    .ok()
                    .and_then(|index| self.0.get(index).copied())
                    .ok_or_else(|| tlog_tiles::Error::InvalidInput("index".to_owned()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn signature(size: u64, index: u64, path: Vec<Digest>) -> v1::BatchSignature {
        v1::BatchSignature {
            signature: None,
            tree_size: size,
            leaf_index: index,
            path: path.into_iter().map(|hash| Bytes::copy_from_slice(&hash)).collect(),
        }
    }

    #[test]
    fn every_leaf_of_every_small_batch_leads_to_the_root_and_to_no_other() {
        for size in 1..40_u8 {
            let leaves: Vec<[u8; 64]> = (0..size).map(|number| [number; 64]).collect();
            let batch = Batch::new(&leaves).unwrap();
            let mut oracle =
                ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
            for leaf in &leaves {
                oracle.push(leaf.to_vec());
            }
            assert_eq!(batch.root().unwrap().as_slice(), oracle.root().as_bytes().as_slice());
            for (index, leaf) in leaves.iter().enumerate() {
                let index = index.try_into().unwrap();
                let path = batch.path(index).unwrap();
                let good = signature(batch.size(), index, path.clone());
                assert_eq!(batch_root(leaf, &good), batch.root());
                let longer = signature(batch.size(), index, [path.clone(), vec![[0; 32]]].concat());
                assert_eq!(batch_root(leaf, &longer), Err(BatchError));
                let moved = signature(batch.size(), (index + 1) % batch.size(), path);
                assert!(size == 1 || batch_root(leaf, &moved) != batch.root());
            }
        }
    }

    #[test]
    fn documents_with_unknown_fields_or_default_values_are_refused() {
        let label = v1::Label { kind: "a.b".into(), ..Default::default() };
        let bytes = label.encode_to_vec();
        assert_eq!(decode_canonical::<v1::Label>(&bytes), Ok(label));
        let unknown = [bytes.as_slice(), &[0xf8, 0x07, 0x01]].concat();
        assert_eq!(decode_canonical::<v1::Label>(&unknown), Err(NotCanonical::OtherEncoding));
        let default = [bytes.as_slice(), &[0x58, 0x00]].concat();
        assert_eq!(decode_canonical::<v1::Label>(&default), Err(NotCanonical::OtherEncoding));
        assert_eq!(decode_canonical::<v1::Label>(&[0x0a, 0x7f]), Err(NotCanonical::Malformed));
    }
}
