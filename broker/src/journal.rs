//! The journal: one append-only log of records, the only truth of the broker.
//!
//! Owns the port that every adapter implements ([`Journal`], [`JournalReader`]), frames, the Merkle
//! tree, signed checkpoints, recovery and offline checking. It knows nothing of the rules: bodies
//! are bytes to it.
//!
//! INVARIANT (log-first): a payload is readable only as a [`LockedPayload`], which opens only with a
//! [`DurablePermit`]; and only a [`Commit`], which an adapter makes after `fdatasync`, turns a permit
//! into a durable one. The compiler refuses everything else:
//!
//! ```compile_fail
//! # use schleuse_broker::{domain::message::HandOutPermit, journal::DurablePermit};
//! fn forge(permit: HandOutPermit) -> DurablePermit {
//!     DurablePermit { permit, leaf_hash: [0; 32] }
//! }
//! ```
//!
//! ```compile_fail
//! # use schleuse_broker::journal::LockedPayload;
//! fn peek(payload: LockedPayload) -> bytes::Bytes {
//!     payload.bytes
//! }
//! ```
//!
//! ```compile_fail
//! # use schleuse_broker::journal::{Commit, LockedPayload};
//! # use schleuse_broker::domain::message::HandOutPermit;
//! fn skip_the_log(payload: LockedPayload, permit: &HandOutPermit) {
//!     let _ = payload.unlock(permit);
//! }
//! ```
//!
//! With the durable permit it compiles:
//!
//! ```
//! # use schleuse_broker::journal::{DurablePermit, LockedPayload};
//! fn hand_out(payload: LockedPayload, permit: &DurablePermit) -> Option<bytes::Bytes> {
//!     payload.unlock(permit)
//! }
//! ```

pub mod checkpoint;
pub mod copy;
pub mod disk;
pub mod frame;
pub mod fsck;
pub mod reader;
mod recovery;
pub mod segments;
pub mod tiles;
mod tree;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use schleuse_proto::evidence::Digest;
use schleuse_proto::skeleton::{SKELETON_BYTES, Skeleton};

use crate::domain::ids::{RecordNumber, TimeMs};
use crate::domain::message::HandOutPermit;

/// Salts of the sections of a record: body, findings, private.
pub type Salts = [[u8; 16]; 3];

/// A record on its way in. Its number and epoch are given by the journal.
#[derive(Debug)]
pub struct NewRecord {
    /// Number of `RecordType`.
    pub record_type: u8,
    /// Time of the record.
    pub time: TimeMs,
    /// What may be shown to whoever took part.
    pub body: Vec<u8>,
    /// What decided, for supervision only.
    pub findings: Vec<u8>,
    /// What stays in the broker.
    pub private: Vec<u8>,
    /// Sealed message body, if any.
    pub payload: Bytes,
    /// SHA-256 of the payload; zero if there is none.
    pub payload_digest: Digest,
    /// Salts of the three commitments: body, findings, private.
    pub salts: Salts,
}

/// What is left of the contents of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Everything, and it fits the commitments; the payload may have been erased.
    Whole,
    /// Everything but the payload, which is neither whole nor erased: an erasure of it was interrupted.
    PayloadDamaged,
    /// Nothing: body, findings, private section, payload and salts were overwritten with zeros.
    Erased,
    /// Something that does not fit the commitments: an erasure was interrupted, or the disk is bad.
    Damaged,
}

impl Contents {
    /// Whether body, findings and private section can be read.
    #[must_use]
    pub fn are_readable(self) -> bool {
        matches!(self, Self::Whole | Self::PayloadDamaged)
    }
}

/// A record as it was read back. Whether contents are rightly gone is for those to say who know the rules;
/// damaged ones are shown only while a journal is opened, see [`OnRecord`].
#[derive(Debug)]
pub struct StoredRecord {
    /// What is left of it; sections that cannot be read are empty.
    pub contents: Contents,
    /// Its skeleton.
    pub skeleton: Skeleton,
    /// The skeleton's bytes.
    pub skeleton_bytes: [u8; SKELETON_BYTES],
    /// Salts: body, findings, private.
    pub salts: Salts,
    /// What may be shown to whoever took part.
    pub body: Bytes,
    /// What decided, for supervision only.
    pub findings: Bytes,
    /// What stays in the broker.
    pub private: Bytes,
    /// Sealed message body.
    pub payload: LockedPayload,
}

/// A payload that nobody can read without a durable permit for its message.
#[derive(Debug)]
pub struct LockedPayload {
    record: RecordNumber,
    bytes: Bytes,
}

impl LockedPayload {
    /// Opens the payload for the hand-out that the permit allows; none if the permit is for
    /// another message, or if the payload was destroyed meanwhile.
    #[must_use]
    pub fn unlock(self, permit: &DurablePermit) -> Option<Bytes> {
        (permit.permit.message() == self.record && !self.is_empty()).then_some(self.bytes)
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// A permit whose record is durable: the only key to a payload.
#[derive(Debug)]
pub struct DurablePermit {
    permit: HandOutPermit,
    leaf_hash: Digest,
}

impl DurablePermit {
    /// The permit inside.
    #[must_use]
    pub fn permit(&self) -> &HandOutPermit {
        &self.permit
    }

    /// Leaf hash of the record of the hand-out.
    #[must_use]
    pub fn leaf_hash(&self) -> &Digest {
        &self.leaf_hash
    }
}

/// That records up to a size are durable. Made by adapters only after the sync returned.
#[derive(Clone, Debug)]
pub struct Commit {
    size: u64,
    note: Arc<[u8]>,
    /// Leaf hashes of the newest records of it.
    leaves: Arc<[Digest]>,
}

impl Commit {
    /// Makes a permit durable; none if its record is not one that this commit made durable.
    #[must_use]
    pub fn seal(&self, permit: HandOutPermit) -> Option<DurablePermit> {
        let leaf_hash = *self.leaf_hash(permit.record())?;
        Some(DurablePermit { permit, leaf_hash })
    }

    /// Number of durable records.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Leaf hash of a record that this commit made durable; none for earlier ones, which only a
    /// [`JournalReader`] knows.
    #[must_use]
    pub fn leaf_hash(&self, number: RecordNumber) -> Option<&Digest> {
        let first = self.size.checked_sub(u64::try_from(self.leaves.len()).ok()?)?;
        self.leaves.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// Number of the first record that this commit made durable.
    #[must_use]
    pub fn first_new(&self) -> RecordNumber {
        self.size.saturating_sub(u64::try_from(self.leaves.len()).unwrap_or(u64::MAX))
    }

    /// Signed checkpoint over them.
    #[must_use]
    pub fn note(&self) -> &Arc<[u8]> {
        &self.note
    }
}

/// Why the journal cannot go on. After any of these the process must not answer anything more.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("{what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The refusal.
        #[source]
        source: std::io::Error,
    },
    /// Another process has the folder.
    #[error("{path} is in use by another broker; a journal has one writer")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// Bytes that cannot be the consequence of a crash.
    #[error(
        "{path} is damaged at byte {offset}: {why}; restore it from a backup, nothing was changed"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        why: String,
    },
    /// Less than was signed.
    #[error(
        "the journal has {found} records, but a checkpoint over {signed} was signed; it was rolled back or cut"
    )]
    Behind {
        /// Records found.
        found: u64,
        /// Records signed.
        signed: u64,
    },
    /// Contents are gone that no erasure took.
    #[error("record {number}: {why}")]
    Missing {
        /// The record.
        number: RecordNumber,
        /// What is missing.
        why: String,
    },
    /// The folder is of another log.
    #[error("{path} is of another log; it was made with another checkpoint key")]
    OtherLog {
        /// The file.
        path: PathBuf,
    },
    /// A record cannot be read with this program and catalogue.
    #[error("record {number}: {why}")]
    Record {
        /// The record.
        number: RecordNumber,
        /// Why.
        why: String,
    },
}

impl JournalError {
    /// Whether the data itself is in doubt, so that restarting cannot help.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Corrupt { .. }
            | Self::Behind { .. }
            | Self::Missing { .. }
            | Self::OtherLog { .. } => true,
            Self::Io { .. } | Self::Locked { .. } | Self::Record { .. } => false,
        }
    }
}

/// The port: what the engine needs of a journal. One writer.
pub trait Journal: Send {
    /// Appends records in order and makes them durable together.
    ///
    /// INVARIANT (fail-stop): after an error nothing more may be acknowledged; the caller aborts.
    ///
    /// # Errors
    /// The records may or may not be durable.
    fn append(&mut self, records: Vec<NewRecord>) -> Result<Commit, JournalError>;

    /// What is durable now.
    fn latest(&self) -> Commit;

    /// Whether free space is below the reserve.
    fn is_reserve_low(&self) -> bool;
}

/// The reading side of the port; shared between threads.
pub trait JournalReader: Send + Sync {
    /// Reads a durable record.
    ///
    /// # Errors
    /// It is not there or does not match its commitments.
    fn record(&self, number: RecordNumber) -> Result<StoredRecord, JournalError>;

    /// Leaf hashes of consecutive records.
    ///
    /// # Errors
    /// Not all of them are durable.
    fn leaf_hashes(&self, first: RecordNumber, count: u64) -> Result<Vec<Digest>, JournalError>;

    /// Root over the first `size` records.
    ///
    /// # Errors
    /// Not that many are durable.
    fn root(&self, size: u64) -> Result<Digest, JournalError>;

    /// Consistency proof between two sizes.
    ///
    /// # Errors
    /// The sizes are not `1 <= old <= new <=` durable records.
    fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, JournalError>;

    /// RFC 9162 inclusion proof of a record in the log of a size.
    ///
    /// # Errors
    /// Not `number < size <=` durable records.
    fn prove_inclusion(&self, number: RecordNumber, size: u64)
    -> Result<Vec<Digest>, JournalError>;

    /// Newest durable state.
    fn latest(&self) -> Commit;

    /// What overwrites contents. It may be used beside the writer: it touches only durable records.
    fn eraser(self: Arc<Self>) -> Arc<dyn Eraser>;
}

/// Overwrites contents of durable records; skeletons, and with them all proofs, stay as they are.
pub trait Eraser: Send + Sync {
    /// Overwrites bodies, findings, private sections, payloads and salts with zeros and makes that
    /// durable. Doing it again changes nothing.
    ///
    /// # Errors
    /// A record is not durable, or the system refuses: then some may be overwritten and others not.
    fn erase(&self, numbers: &[RecordNumber]) -> Result<(), JournalError>;

    /// Overwrites payloads with zeros. Not synced: what a crash brings back is overwritten again after
    /// the next start.
    ///
    /// # Errors
    /// As [`Eraser::erase`].
    fn erase_payloads(&self, numbers: &[RecordNumber]) -> Result<(), JournalError>;
}

/// Receives every record in order while a journal is opened. Must refuse erased and damaged contents that no
/// later record explains.
pub type OnRecord<'a> = &'a mut dyn FnMut(StoredRecord) -> Result<(), JournalError>;
