//! The reading side of the embedded adapter, and what overwrites erased contents.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use bytes::Bytes;
use schleuse_proto::evidence::Digest;

use super::disk::{Disk, DiskFile};
use super::frame::{GROUP_BYTES_MAX, decode_record, erased_bytes, record_lengths};
use super::recovery::io_error;
use super::segments::tree_error;
use super::tree::StoredHashes;
use super::{Commit, Eraser, JournalError, JournalReader, StoredRecord};
use crate::domain::ids::RecordNumber;

/// The reading side.
pub struct SegmentReader {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) segments: RwLock<Vec<Arc<dyn DiskFile>>>,
    pub(super) tree: StoredHashes,
    pub(super) offsets: Arc<dyn DiskFile>,
    pub(super) latest: ArcSwap<Commit>,
    /// Held while contents are read or overwritten, so that nobody sees half an erasure.
    pub(super) contents: RwLock<()>,
}

/// What overwrites contents.
struct SegmentEraser(Arc<SegmentReader>);

/// The system's calls on a record need so many of its first bytes.
const LENGTHS_BYTES: usize = 16;

impl SegmentEraser {
    /// Overwrites; returns the files that were written to.
    fn overwrite(
        &self,
        numbers: &[RecordNumber],
        only_payload: bool,
    ) -> Result<Vec<Arc<dyn DiskFile>>, JournalError> {
        let Self(reader) = self;
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        // Whoever makes a backup holds it meanwhile.
        let locked = reader.disk.lock(&reader.folder);
        let _no_backup = locked.map_err(io_error("cannot lock", &reader.folder))?;
        let mut written: Vec<Arc<dyn DiskFile>> = Vec::new();
        for number in numbers {
            reader.check_durable(*number)?;
            let (file, offset) = reader.place(*number)?;
            let mut lengths = [0; LENGTHS_BYTES];
            file.read_at(&mut lengths, offset).map_err(io_error("cannot read", &reader.folder))?;
            let range = erased_bytes(&lengths, only_payload)
                .ok_or_else(|| tree_error(*number, &"has no lengths"))?;
            let length = usize::try_from(range.end - range.start).unwrap_or_default();
            if length == 0 {
                continue;
            }
            let _alone = reader.contents.write().unwrap_or_else(PoisonError::into_inner);
            file.write_at(&vec![0; length], offset + range.start)
                .map_err(io_error("cannot overwrite in", &reader.folder))?;
            if !written.iter().any(|known| Arc::ptr_eq(known, &file)) {
                written.push(file);
            }
        }
        Ok(written)
    }
}

impl Eraser for SegmentEraser {
    fn erase(&self, numbers: &[RecordNumber]) -> Result<(), JournalError> {
        for file in self.overwrite(numbers, false)? {
            file.sync().map_err(io_error("cannot sync", &self.0.folder))?;
        }
        Ok(())
    }

    fn erase_payloads(&self, numbers: &[RecordNumber]) -> Result<(), JournalError> {
        self.overwrite(numbers, true).map(|_| ())
    }
}

impl SegmentReader {
    pub(super) fn write_side(
        &self,
        first: u64,
        hashes: &[u8],
        offsets: &[u8],
    ) -> Result<(), JournalError> {
        let at = tlog_tiles::stored_hash_index(0, first) * 32;
        self.tree
            .0
            .write_at(hashes, at)
            .map_err(io_error("cannot write", &self.folder.join("tree")))?;
        self.offsets
            .write_at(offsets, first * 8)
            .map_err(io_error("cannot write", &self.folder.join("offsets")))
    }

    fn check_durable(&self, number: RecordNumber) -> Result<(), JournalError> {
        if number < self.latest.load().size {
            return Ok(());
        }
        Err(tree_error(number, &"not in the journal"))
    }

    fn place(&self, number: RecordNumber) -> Result<(Arc<dyn DiskFile>, u64), JournalError> {
        let mut place = [0; 8];
        self.offsets
            .read_at(&mut place, number * 8)
            .map_err(io_error("cannot read", &self.folder.join("offsets")))?;
        let place = u64::from_be_bytes(place);
        let index = usize::try_from(place >> 32).unwrap_or(usize::MAX);
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let file = segments.get(index).ok_or_else(|| tree_error(number, &"no such segment"))?;
        Ok((file.clone(), place & u64::from(u32::MAX)))
    }
}

impl JournalReader for SegmentReader {
    fn record(&self, number: RecordNumber) -> Result<StoredRecord, JournalError> {
        self.check_durable(number)?;
        let (file, offset) = self.place(number)?;
        let read = |buffer: &mut [u8]| {
            file.read_at(buffer, offset).map_err(io_error("cannot read", &self.folder))
        };
        let mut head = [0; 16];
        read(&mut head)?;
        let damaged = || tree_error(number, &"does not match its commitments");
        let (_, length) = record_lengths(&head).ok_or_else(damaged)?;
        if length > 2 * GROUP_BYTES_MAX {
            return Err(damaged());
        }
        let mut bytes = vec![0; length];
        let shared = self.contents.read().unwrap_or_else(PoisonError::into_inner);
        read(&mut bytes)?;
        drop(shared);
        decode_record(&Bytes::from(bytes))
            .filter(|record| record.skeleton.number == number)
            .ok_or_else(damaged)
    }

    fn leaf_hashes(&self, first: RecordNumber, count: u64) -> Result<Vec<Digest>, JournalError> {
        use tlog_tiles::HashReader as _;
        let Some(last) = first.checked_add(count).and_then(|end| end.checked_sub(1)) else {
            return Ok(Vec::new());
        };
        self.check_durable(last)?;
        let indexes: Vec<u64> =
            (first..=last).map(|number| tlog_tiles::stored_hash_index(0, number)).collect();
        let hashes = self.tree.read_hashes(&indexes).map_err(|e| tree_error(first, &e))?;
        Ok(hashes.into_iter().map(|hash| hash.0).collect())
    }

    fn root(&self, size: u64) -> Result<Digest, JournalError> {
        if size > 0 {
            self.check_durable(size - 1)?;
        }
        tlog_tiles::tree_hash(size, &self.tree)
            .map(|hash| hash.0)
            .map_err(|error| tree_error(size, &error))
    }

    fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, JournalError> {
        if old == 0 || old > new {
            return Err(tree_error(old, &"sizes are 1 <= old <= new"));
        }
        self.check_durable(new - 1)?;
        let path = tlog_tiles::prove_tree(new, old, &self.tree).map_err(|e| tree_error(old, &e))?;
        Ok(path.into_iter().map(|hash| hash.0).collect())
    }

    fn prove_inclusion(
        &self,
        number: RecordNumber,
        size: u64,
    ) -> Result<Vec<Digest>, JournalError> {
        if number >= size {
            return Err(tree_error(number, &"not in a log of that size"));
        }
        self.check_durable(size - 1)?;
        let path = tlog_tiles::prove_record(size, number, &self.tree)
            .map_err(|error| tree_error(number, &error))?;
        Ok(path.into_iter().map(|hash| hash.0).collect())
    }

    fn latest(&self) -> Commit {
        Commit::clone(&self.latest.load())
    }

    fn eraser(self: Arc<Self>) -> Arc<dyn Eraser> {
        Arc::new(SegmentEraser(self))
    }
}
