//! The skeleton of a log record: the public facts whose hash is the leaf of the log's Merkle tree.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | record type, see `RecordType` |
//! | 2 | 6 | zero |
//! | 8 | 8 | epoch: counts the broker's starts |
//! | 16 | 8 | record number, from 0 |
//! | 24 | 8 | time, Unix milliseconds |
//! | 32 | 32 | SHA-256(body salt, body) |
//! | 64 | 32 | SHA-256(findings salt, findings) |
//! | 96 | 32 | SHA-256(private salt, private section) |
//! | 128 | 32 | SHA-256(payload); zero if there is none |
//!
//! Integers are big-endian. Body, findings, private section and payload can each be shown, withheld or
//! erased without touching the leaf. Leaf hash: RFC 9162 §2.1.1 over these 160 bytes.

use crate::evidence::{Digest, sha256};

/// Length of an encoded skeleton in bytes.
pub const SKELETON_BYTES: usize = 160;

/// The only version there is.
const VERSION: u8 = 1;

/// The public facts of one log record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skeleton {
    /// Record type, a number of `RecordType`.
    pub record_type: u8,
    /// Which start of the broker wrote it, from 1.
    pub epoch: u64,
    /// Number of the record, from 0.
    pub number: u64,
    /// Time of the record, Unix milliseconds; never decreases.
    pub time_ms: u64,
    /// Commitment to the body.
    pub body_commitment: Digest,
    /// Commitment to the findings.
    pub findings_commitment: Digest,
    /// Commitment to the private section.
    pub private_commitment: Digest,
    /// Digest of the payload, zero if there is none.
    pub payload_digest: Digest,
}

/// Bytes that are not a skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record skeleton of version {VERSION}")]
pub struct NotASkeleton;

impl Skeleton {
    /// Encodes it.
    #[must_use]
    pub fn encode(&self) -> [u8; SKELETON_BYTES] {
        let mut bytes = [0; SKELETON_BYTES];
        let fields: [&[u8]; 10] = [
            &[VERSION],
            &[self.record_type],
            &[0; 6],
            &self.epoch.to_be_bytes(),
            &self.number.to_be_bytes(),
            &self.time_ms.to_be_bytes(),
            &self.body_commitment,
            &self.findings_commitment,
            &self.private_commitment,
            &self.payload_digest,
        ];
        let mut rest = bytes.as_mut_slice();
        for field in fields {
            let (head, tail) = rest.split_at_mut(field.len());
            head.copy_from_slice(field);
            rest = tail;
        }
        bytes
    }

    /// Decodes it.
    ///
    /// # Errors
    /// The version is unknown or a reserved byte is set.
    pub fn decode(bytes: &[u8; SKELETON_BYTES]) -> Result<Self, NotASkeleton> {
        let mut rest = bytes.as_slice();
        let [version, record_type, reserved @ ..] = take::<8>(&mut rest)?;
        if version != VERSION || reserved != [0; 6] {
            return Err(NotASkeleton);
        }
        Ok(Self {
            record_type,
            epoch: u64::from_be_bytes(take(&mut rest)?),
            number: u64::from_be_bytes(take(&mut rest)?),
            time_ms: u64::from_be_bytes(take(&mut rest)?),
            body_commitment: take(&mut rest)?,
            findings_commitment: take(&mut rest)?,
            private_commitment: take(&mut rest)?,
            payload_digest: take(&mut rest)?,
        })
    }
}

/// RFC 9162 leaf hash of encoded skeleton bytes.
#[must_use]
pub fn leaf_hash(skeleton: &[u8; SKELETON_BYTES]) -> Digest {
    sha256(&[&[0], skeleton])
}

/// Commitment to a section: SHA-256(salt, section).
#[must_use]
pub fn commitment(salt: &[u8; 16], section: &[u8]) -> Digest {
    sha256(&[salt, section])
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], NotASkeleton> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(NotASkeleton)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_survives_its_encoding_and_reserved_bytes_are_checked() {
        let skeleton = Skeleton {
            record_type: 8,
            epoch: 3,
            number: 77,
            time_ms: 1_790_000_000_123,
            body_commitment: [1; 32],
            findings_commitment: [4; 32],
            private_commitment: [2; 32],
            payload_digest: [3; 32],
        };
        let bytes = skeleton.encode();
        assert_eq!(Skeleton::decode(&bytes), Ok(skeleton));
        for offset in [0, 2, 7] {
            let mut changed = bytes;
            changed[offset] ^= 1;
            assert_eq!(Skeleton::decode(&changed), Err(NotASkeleton));
        }
    }

    #[test]
    fn the_leaf_hash_is_the_one_of_the_tile_library() {
        let bytes = [7; SKELETON_BYTES];
        assert_eq!(leaf_hash(&bytes), tlog_tiles::record_hash(&bytes).0);
    }
}
