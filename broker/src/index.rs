//! The index: which records have which terms.
//!
//! Rebuildable: it holds nothing that the journal does not, is never asked before a decision, and
//! is thrown away on the least doubt. sled is not durable and may break in a crash; here that costs
//! a rebuild and nothing else.
//!
//! Records are indexed in blocks of [`BLOCK`]: the newest block and those that are still being
//! written lie in memory, whole blocks in sled, one key for each term of a block:
//!
//! | key | value |
//! | --- | --- |
//! | `m` | version 2, applied records (8), root of the journal's tree over them (32) |
//! | `t`, term (9), block (8) | CRC-32C (4), places within the block (2 each) |
//! | `e` | number of the newest erasure that was known when the index was begun (8) |

mod store;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustc_hash::FxHashMap;
use schleuse_proto::evidence::Digest;

use crate::domain::ids::RecordNumber;
use store::Store;

/// Records of one block.
pub const BLOCK: u64 = 2048;
/// Blocks that may wait to be written; the writer of the journal waits when there are more.
const BLOCKS_WAITING_MAX: usize = 64;

/// Something that can be searched for: a kind and a short form of a value. Different values may have
/// the same term, so what is found is a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term {
    kind: u8,
    value: u64,
}

impl Term {
    /// Of a random identifier: its first half.
    #[must_use]
    pub fn id(kind: u8, id: &[u8; 16]) -> Self {
        let [value, _] = id.as_chunks::<8>().0 else { return Self { kind, value: 0 } };
        Self { kind, value: u64::from_be_bytes(*value) }
    }

    /// Of any other bytes: their CRC-32C.
    #[must_use]
    pub fn text(kind: u8, bytes: &[u8]) -> Self {
        Self { kind, value: u64::from(crc32c::crc32c(bytes)) }
    }

    fn bytes(self) -> [u8; 9] {
        let mut bytes = [self.kind; 9];
        if let Some(value) = bytes.last_chunk_mut::<8>() {
            *value = self.value.to_be_bytes();
        }
        bytes
    }
}

/// Why the index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The store failed.
    #[error("index store: {0}")]
    Store(#[from] sled::Error),
    /// A value is not what was written.
    #[error("index store: a value does not match its checksum")]
    Damaged,
}

/// Places of each term within one block, ascending.
type Block = FxHashMap<Term, Vec<u16>>;

/// Root of the journal's tree over so many records, to tie the index to its journal.
pub type RootAt = Box<dyn Fn(u64) -> Option<Digest> + Send>;

/// The index of one journal.
pub struct Index {
    shared: Arc<Shared>,
    sender: Option<SyncSender<u64>>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    store: Store,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    next: RecordNumber,
    /// Blocks that are not in the store yet, by number; the last one is still growing.
    blocks: BTreeMap<u64, Arc<Block>>,
    tail: Block,
    broken: bool,
}

impl Index {
    /// Opens the index in a folder, or makes a new one if there is none that can be used.
    ///
    /// # Errors
    /// Not even an empty index can be made.
    pub fn open(folder: &Path) -> Result<Self, IndexError> {
        let store = Store::open(folder)?;
        let recent = Recent { next: store.applied().0, ..Recent::default() };
        let shared = Arc::new(Shared { store, recent: Mutex::new(recent) });
        Ok(Self { shared, sender: None, writer: None })
    }

    /// Records that are indexed and the root they had; everything from there on must be pushed.
    #[must_use]
    pub fn applied(&self) -> (u64, Digest) {
        self.shared.store.applied()
    }

    /// Whether a record is in the index already.
    #[must_use]
    pub fn has(&self, number: RecordNumber) -> bool {
        number < self.shared.recent().next
    }

    /// Removes the index in a folder with all its files and makes a new one; everything must be pushed
    /// again.
    ///
    /// # Errors
    /// The files cannot be removed, or not even an empty index can be made.
    pub fn renew(self, folder: &Path) -> Result<Self, IndexError> {
        drop(self);
        std::fs::remove_dir_all(folder).map_err(sled::Error::from)?;
        Self::open(folder)
    }

    /// Takes records out that were erased. What the store's own files still hold of them goes with the next
    /// start, which builds the index anew after an erasure: see [`Index::erasures`].
    pub fn forget(&self, records: &[(RecordNumber, Vec<Term>)]) {
        for (number, terms) in records {
            let (block, place) =
                (number / BLOCK, u16::try_from(number % BLOCK).unwrap_or_default());
            let in_memory = {
                let mut recent = self.shared.recent();
                let is_tail = block == recent.next / BLOCK;
                if is_tail {
                    forget_places(&mut recent.tail, terms, place);
                } else if let Some(known) = recent.blocks.get_mut(&block) {
                    forget_places(Arc::make_mut(known), terms, place);
                }
                is_tail
            };
            // Also if it lay in memory: the writer may have begun to write it.
            if !in_memory && let Err(error) = self.shared.store.forget(block, terms, place) {
                tracing::error!(%error, "the index is broken; queries read the journal");
                self.shared.recent().broken = true;
            }
        }
    }

    /// Number of the newest erasure that the index accounts for from its beginning.
    #[must_use]
    pub fn erasures(&self) -> Option<RecordNumber> {
        self.shared.store.erasures()
    }

    /// Says that the index, which is new, accounts for all erasures up to this one.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_erasures(&self, newest: Option<RecordNumber>) -> Result<(), IndexError> {
        self.shared.store.set_erasures(newest)
    }

    /// Starts the thread that writes whole blocks.
    pub fn start_writer(&mut self, root_at: RootAt) {
        let (sender, receiver) = sync_channel::<u64>(BLOCKS_WAITING_MAX);
        let shared = self.shared.clone();
        let write = move || {
            while let Ok(number) = receiver.recv() {
                shared.write_block(number, &root_at);
            }
        };
        self.writer = std::thread::Builder::new().name("index-writer".into()).spawn(write).ok();
        self.sender = Some(sender);
        let waiting: Vec<u64> = self.shared.recent().blocks.keys().copied().collect();
        for number in waiting {
            self.send(number);
        }
    }

    /// Adds the next record. Records before [`Index::applied`] are passed over.
    pub fn push(&self, number: RecordNumber, terms: &[Term]) {
        let full = {
            let mut recent = self.shared.recent();
            if number != recent.next {
                return;
            }
            recent.next += 1;
            let place = u16::try_from(number % BLOCK).unwrap_or_default();
            for term in terms {
                let places = recent.tail.entry(*term).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
            if recent.next.is_multiple_of(BLOCK) {
                let block = std::mem::take(&mut recent.tail);
                recent.blocks.insert(number / BLOCK, Arc::new(block));
                Some(number / BLOCK)
            } else {
                None
            }
        };
        if let Some(block) = full {
            self.send(block);
        }
    }

    fn send(&self, block: u64) {
        if let Some(sender) = &self.sender
            && sender.send(block).is_err()
        {
            tracing::error!("the index writer has ended; queries read recent blocks from memory");
        }
    }

    /// Records from `first` to before `end` that have all the terms given, ascending; with no term,
    /// all of them.
    ///
    /// # Errors
    /// The store is damaged; the caller reads the journal instead.
    pub fn find(
        &self,
        terms: &[Term],
        first: RecordNumber,
        end: RecordNumber,
    ) -> Result<Vec<RecordNumber>, IndexError> {
        let mut found = Vec::new();
        if first >= end {
            return Ok(found);
        }
        for block in first / BLOCK..=(end - 1) / BLOCK {
            let places = self.places(terms, block)?;
            let numbers = places.into_iter().map(|place| block * BLOCK + u64::from(place));
            found.extend(numbers.filter(|number| (first..end).contains(number)));
        }
        Ok(found)
    }

    /// Places in one block that have all the terms.
    fn places(&self, terms: &[Term], block: u64) -> Result<Vec<u16>, IndexError> {
        // Memory first: a block that moves to the store in between is then found there.
        let in_memory = {
            let recent = self.shared.recent();
            if recent.broken {
                return Err(IndexError::Damaged);
            }
            if block == recent.next / BLOCK {
                let of = |term: &Term| recent.tail.get(term).cloned().unwrap_or_default();
                return Ok(in_all(terms.iter().map(|term| Ok(of(term))))?.unwrap_or_else(all));
            }
            recent.blocks.get(&block).cloned()
        };
        let lists = terms.iter().map(|term| match &in_memory {
            Some(block) => Ok(block.get(term).cloned().unwrap_or_default()),
            None => self.shared.store.places(*term, block),
        });
        Ok(in_all(lists)?.unwrap_or_else(all))
    }

    /// Waits until all whole blocks are written.
    pub fn close(&mut self) {
        self.sender = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the index writer panicked; the index will be rebuilt");
        }
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_block(&self, number: u64, root_at: &RootAt) {
        let block = {
            let recent = self.recent();
            // After a failure nothing more is written: the mark must not pass a block that is missing.
            let Some(block) = recent.blocks.get(&number).filter(|_| !recent.broken) else { return };
            block.clone()
        };
        let applied = (number + 1) * BLOCK;
        let Some(root) = root_at(applied) else {
            self.recent().broken = true;
            return;
        };
        match self.store.write(number, &block, applied, &root) {
            Ok(()) => {
                let mut recent = self.recent();
                // Records of it may have been erased while it was written.
                let now = recent.blocks.get(&number).cloned();
                if let Some(changed) = now.filter(|now| !Arc::ptr_eq(now, &block)) {
                    drop(recent);
                    let gone = block.keys().filter(|term| !changed.contains_key(term));
                    if self.store.remove(number, gone).is_err() {
                        self.recent().broken = true;
                    }
                    self.write_block(number, root_at);
                } else {
                    recent.blocks.remove(&number);
                }
            }
            Err(error) => {
                tracing::error!(%error, "the index is broken; queries read the journal");
                self.recent().broken = true;
            }
        }
    }
}

/// Takes a place out of the lists of terms.
fn forget_places(block: &mut Block, terms: &[Term], place: u16) {
    for term in terms {
        if let Some(places) = block.get_mut(term) {
            places.retain(|other| *other != place);
            if places.is_empty() {
                block.remove(term);
            }
        }
    }
}

/// Places that are in every list; none if there is no list. Stops at the first that leaves nothing.
fn in_all(
    lists: impl Iterator<Item = Result<Vec<u16>, IndexError>>,
) -> Result<Option<Vec<u16>>, IndexError> {
    let mut common: Option<Vec<u16>> = None;
    for list in lists {
        let list = list?;
        let left = match common {
            None => list,
            Some(others) => {
                others.into_iter().filter(|place| list.binary_search(place).is_ok()).collect()
            }
        };
        let done = left.is_empty();
        common = Some(left);
        if done {
            break;
        }
    }
    Ok(common)
}

/// All places of a block.
fn all() -> Vec<u16> {
    (0..u16::try_from(BLOCK).unwrap_or(u16::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two terms of a record.
    fn terms(number: u64) -> [Term; 2] {
        [Term::text(2, &[u8::try_from(number % 2).unwrap()]), person(number % 7)]
    }

    fn person(number: u64) -> Term {
        let mut id = [0; 16];
        id[0] = u8::try_from(number).unwrap();
        Term::id(1, &id)
    }

    fn expected(from: u64, end: u64, agency: u64, of: u64) -> Vec<u64> {
        (from..end).filter(|n| n % 2 == agency && n % 7 == of).collect()
    }

    fn find(index: &Index, from: u64, end: u64, agency: u8, of: u64) -> Vec<u64> {
        index.find(&[Term::text(2, &[agency]), person(of)], from, end).unwrap()
    }

    fn filled(folder: &Path, from: u64, count: u64) -> Index {
        let mut index = Index::open(folder).unwrap();
        index.start_writer(Box::new(|_| Some([1; 32])));
        for number in from..count {
            index.push(number, &terms(number));
        }
        index
    }

    #[test]
    fn finds_the_same_before_and_after_blocks_move_to_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let count = 3 * BLOCK + 100;
        let mut index = filled(folder.path(), 0, count);
        assert_eq!(find(&index, 0, count, 1, 3), expected(0, count, 1, 3));
        index.close();
        assert_eq!(find(&index, 0, count, 1, 3), expected(0, count, 1, 3));
        for (from, end) in [(0, 1), (5, 2048), (2047, 2050), (3000, 6200), (6150, count), (9, 9)] {
            assert_eq!(find(&index, from, end, 0, 4), expected(from, end, 0, 4), "{from} to {end}");
            let everything: Vec<u64> = (from..end).collect();
            assert_eq!(index.find(&[], from, end).unwrap(), everything);
        }
        drop(index);
        let again = filled(folder.path(), 0, count);
        assert_eq!(again.applied(), (3 * BLOCK, [1; 32]));
        assert_eq!(find(&again, 0, count, 0, 2), expected(0, count, 0, 2));
    }

    #[test]
    fn every_kind_of_damage_leads_to_an_index_that_is_right_after_a_refill() {
        let count = 2 * BLOCK + 5;
        for seed in 0_usize..24 {
            let folder = tempfile::tempdir().unwrap();
            drop(filled(folder.path(), 0, count));
            damage(folder.path(), seed);
            let mut index = match Index::open(folder.path()) {
                Ok(index) => index,
                Err(error) => panic!("seed {seed}: {error}"),
            };
            index.start_writer(Box::new(|_| Some([1; 32])));
            for number in 0..count {
                index.push(number, &terms(number));
            }
            match index.find(&[Term::text(2, &[0])], 0, count) {
                Ok(found) => assert_eq!(found.len(), 2051, "seed {seed}"),
                Err(IndexError::Damaged | IndexError::Store(_)) => {}
            }
        }
    }

    /// Cuts, flips or removes something in the files of a store.
    fn damage(folder: &Path, seed: usize) {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        let path = &files[seed % files.len()];
        let mut bytes = std::fs::read(path).unwrap();
        match seed % 3 {
            0 => bytes.truncate(bytes.len() * (seed % 5) / 5),
            1 => {
                let step = bytes.len() / 97 + 1;
                for place in (seed..bytes.len()).step_by(step) {
                    bytes[place] ^= 0x55;
                }
            }
            _ => return std::fs::remove_file(path).unwrap(),
        }
        std::fs::write(path, bytes).unwrap();
    }
}
