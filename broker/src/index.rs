//! The index: which records are about whom, and in which agencies took part.
//!
//! Rebuildable: it holds nothing that the journal does not, is never asked before a decision, and
//! is thrown away on the least doubt. sled is not durable and may break in a crash; here that costs
//! a rebuild and nothing else.
//!
//! Records are indexed in blocks of [`BLOCK`]: the newest block and those that are still being
//! written lie in memory, whole blocks in sled, one key for each party of a block:
//!
//! | key | value |
//! | --- | --- |
//! | `m` | version 1, applied records (8), root of the journal's tree over them (32) |
//! | `p`, pseudonym (16), block (8) | CRC-32C (4), places within the block (2 each) |
//! | `a`, agency, zero, block (8) | the same |

mod store;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use schleuse_proto::evidence::Digest;

use crate::domain::ids::{AgencyId, RecordNumber};
use store::Store;

/// Records of one block.
pub const BLOCK: u64 = 2048;
/// Blocks that may wait to be written; the writer of the journal waits when there are more.
const BLOCKS_WAITING_MAX: usize = 64;

/// What of a record can be searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Pseudonym of the participant it is about.
    pub participant: Option<[u8; 16]>,
    /// Agencies that took part, each once.
    pub agencies: Vec<AgencyId>,
}

/// A party that can be searched for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// A participant, by pseudonym.
    Participant([u8; 16]),
    /// An agency.
    Agency(AgencyId),
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

/// Places of each party within one block.
type Block = HashMap<Party, Vec<u16>>;

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

    /// Throws everything away; everything must be pushed again.
    ///
    /// # Errors
    /// The store cannot be emptied.
    pub fn reset(&mut self) -> Result<(), IndexError> {
        self.shared.store.clear()?;
        *self.shared.recent() = Recent::default();
        Ok(())
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
    pub fn push(&self, number: RecordNumber, row: &Row) {
        let full = {
            let mut recent = self.shared.recent();
            if number != recent.next {
                return;
            }
            recent.next += 1;
            let place = u16::try_from(number % BLOCK).unwrap_or_default();
            let participant = row.participant.map(Party::Participant);
            let agencies = row.agencies.iter().cloned().map(Party::Agency);
            for party in participant.into_iter().chain(agencies) {
                recent.tail.entry(party).or_default().push(place);
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

    /// Records of all the parties given, ascending.
    ///
    /// # Errors
    /// The store is damaged; the caller reads the journal instead.
    pub fn find(&self, parties: &[Party]) -> Result<Vec<RecordNumber>, IndexError> {
        let mut found: Option<Vec<RecordNumber>> = None;
        for party in parties {
            let numbers = self.numbers(party)?;
            found = Some(match found {
                None => numbers,
                Some(others) => {
                    others.into_iter().filter(|n| numbers.binary_search(n).is_ok()).collect()
                }
            });
        }
        Ok(found.unwrap_or_default())
    }

    fn numbers(&self, party: &Party) -> Result<Vec<RecordNumber>, IndexError> {
        // Recent blocks first: one that moves to the store in between is then seen twice, not missed.
        let mut recent = Vec::new();
        {
            let state = self.shared.recent();
            if state.broken {
                return Err(IndexError::Damaged);
            }
            for (number, block) in &state.blocks {
                add(&mut recent, *number, block.get(party));
            }
            add(&mut recent, state.next / BLOCK, state.tail.get(party));
        }
        let mut numbers = self.shared.store.numbers(party)?;
        numbers.extend(recent);
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
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
        let Some(block) = self.recent().blocks.get(&number).cloned() else { return };
        let applied = (number + 1) * BLOCK;
        let Some(root) = root_at(applied) else { return };
        match self.store.write(number, &block, applied, &root) {
            Ok(()) => {
                self.recent().blocks.remove(&number);
            }
            Err(error) => {
                tracing::error!(%error, "the index is broken; queries read the journal");
                self.recent().broken = true;
            }
        }
    }
}

fn add(numbers: &mut Vec<RecordNumber>, block: u64, places: Option<&Vec<u16>>) {
    for place in places.into_iter().flatten() {
        numbers.push(block * BLOCK + u64::from(*place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64) -> Row {
        let agency = AgencyId::parse(["drv", "bezirk"][usize::try_from(number % 2).unwrap()]);
        let mut participant = [0; 16];
        participant[0] = u8::try_from(number % 7).unwrap();
        Row { participant: Some(participant), agencies: agency.into_iter().collect() }
    }

    fn expected(count: u64, agency: u64, person: u64) -> Vec<u64> {
        (0..count).filter(|n| n % 2 == agency && n % 7 == person).collect()
    }

    fn find(index: &Index, agency: &str, person: u8) -> Vec<u64> {
        let mut participant = [0; 16];
        participant[0] = person;
        let parties =
            [Party::Agency(AgencyId::parse(agency).unwrap()), Party::Participant(participant)];
        index.find(&parties).unwrap()
    }

    fn filled(folder: &Path, from: u64, count: u64) -> Index {
        let mut index = Index::open(folder).unwrap();
        index.start_writer(Box::new(|_| Some([1; 32])));
        for number in from..count {
            index.push(number, &row(number));
        }
        index
    }

    #[test]
    fn finds_the_same_before_and_after_blocks_move_to_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let count = 3 * BLOCK + 100;
        let mut index = filled(folder.path(), 0, count);
        assert_eq!(find(&index, "bezirk", 3), expected(count, 1, 3));
        index.close();
        assert_eq!(find(&index, "bezirk", 3), expected(count, 1, 3));
        drop(index);
        let again = filled(folder.path(), 0, count);
        assert_eq!(again.applied(), (3 * BLOCK, [1; 32]));
        assert_eq!(find(&again, "drv", 2), expected(count, 0, 2));
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
                index.push(number, &row(number));
            }
            let party = Party::Agency(AgencyId::parse("drv").unwrap());
            match index.find(&[party]) {
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
