//! The sled side of the index: whole blocks, one batch each, with the mark of how far it got.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use schleuse_proto::evidence::Digest;

use super::{Block, IndexError, Term};

const MARK: &[u8] = b"m";
const ERASURES: &[u8] = b"e";
const VERSION: u8 = 2;
/// Memory for sled's page cache.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// Whole blocks in sled.
pub(super) struct Store {
    database: sled::Db,
}

impl Store {
    /// Opens what is there; anything that sled does not open cleanly is removed.
    pub(super) fn open(folder: &Path) -> Result<Self, IndexError> {
        remove_half_written_snapshots(folder);
        // sled panics on some damage instead of returning an error.
        let opened = catch_unwind(AssertUnwindSafe(|| Self::try_open(folder)));
        match opened {
            Ok(Ok(store)) => Ok(store),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the index cannot be opened; it is rebuilt");
                Self::open_fresh(folder)
            }
            Err(_) => {
                tracing::warn!("the index is damaged; it is rebuilt");
                Self::open_fresh(folder)
            }
        }
    }

    fn try_open(folder: &Path) -> Result<Self, IndexError> {
        let database = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .open()?;
        Ok(Self { database })
    }

    fn open_fresh(folder: &Path) -> Result<Self, IndexError> {
        // Not kept: it may hold terms of what will be erased.
        std::fs::remove_dir_all(folder).map_err(sled::Error::from)?;
        Self::try_open(folder)
    }

    /// Records applied and the root they had; nothing if the mark is missing or foreign.
    pub(super) fn applied(&self) -> (u64, Digest) {
        let mark = self.database.get(MARK).ok().flatten();
        mark.and_then(|mark| {
            let (version, rest) = mark.split_first()?;
            let (applied, root) = rest.split_first_chunk::<8>()?;
            let root: Digest = root.try_into().ok()?;
            (*version == VERSION).then(|| (u64::from_be_bytes(*applied), root))
        })
        .unwrap_or_default()
    }

    pub(super) fn erasures(&self) -> Option<u64> {
        let value = self.database.get(ERASURES).ok().flatten()?;
        Some(u64::from_be_bytes(value.as_ref().try_into().ok()?))
    }

    pub(super) fn set_erasures(&self, newest: Option<u64>) -> Result<(), IndexError> {
        match newest {
            Some(newest) => self.database.insert(ERASURES, newest.to_be_bytes().as_slice())?,
            None => self.database.remove(ERASURES)?,
        };
        Ok(())
    }

    /// Removes terms of a block.
    pub(super) fn remove<'a>(
        &self,
        block: u64,
        terms: impl Iterator<Item = &'a Term>,
    ) -> Result<(), IndexError> {
        for term in terms {
            self.database.remove(key(*term, block))?;
        }
        Ok(())
    }

    /// Takes a place of a block out of the lists of terms.
    pub(super) fn forget(&self, block: u64, terms: &[Term], place: u16) -> Result<(), IndexError> {
        for term in terms {
            let mut places = self.places(*term, block)?;
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.database.remove(key(*term, block))?;
            } else {
                self.database.insert(key(*term, block), value(&places))?;
            }
        }
        Ok(())
    }

    /// Writes one block and the mark in one batch.
    pub(super) fn write(
        &self,
        number: u64,
        block: &Block,
        applied: u64,
        root: &Digest,
    ) -> Result<(), IndexError> {
        let mut batch = sled::Batch::default();
        for (term, places) in block {
            let key = key(*term, number);
            batch.insert(key.as_slice(), value(places));
        }
        let mark = [&[VERSION], applied.to_be_bytes().as_slice(), root].concat();
        batch.insert(MARK, mark);
        self.database.apply_batch(batch)?;
        self.database.flush()?;
        Ok(())
    }

    /// Places of one term in one block, ascending.
    pub(super) fn places(&self, term: Term, block: u64) -> Result<Vec<u16>, IndexError> {
        let Some(value) = self.database.get(key(term, block))? else { return Ok(Vec::new()) };
        let (crc, places) = value.split_first_chunk::<4>().ok_or(IndexError::Damaged)?;
        if crc32c::crc32c(places) != u32::from_be_bytes(*crc) {
            return Err(IndexError::Damaged);
        }
        let (places, _) = places.as_chunks::<2>();
        Ok(places.iter().map(|place| u16::from_be_bytes(*place)).collect())
    }
}

/// A crash while sled writes a snapshot leaves a file that the next open takes for corruption.
fn remove_half_written_snapshots(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let _gone_anyway = std::fs::remove_file(entry.path());
        }
    }
}

fn value(places: &[u16]) -> Vec<u8> {
    let places: Vec<u8> = places.iter().flat_map(|place| place.to_be_bytes()).collect();
    [&crc32c::crc32c(&places).to_be_bytes(), places.as_slice()].concat()
}

fn key(term: Term, block: u64) -> Vec<u8> {
    [b"t".as_slice(), &term.bytes(), &block.to_be_bytes()].concat()
}
