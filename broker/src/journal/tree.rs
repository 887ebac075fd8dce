//! The Merkle tree over the leaf hashes: C2SP arithmetic from `tlog_tiles`.
//!
//! The writer keeps only the right edge in memory. All stored hashes lie in a side file in the order
//! of `stored_hash_index`, 32 bytes each; it is rebuilt on every start and never the truth.

use std::sync::Arc;

use schleuse_proto::evidence::Digest;
use tlog_tiles::{Error, Hash, HashReader};

use super::disk::DiskFile;

/// The newest complete subtree at each level: enough to append and to compute the root.
#[derive(Clone, Debug, Default)]
pub(super) struct RightEdge {
    size: u64,
    levels: Vec<(u64, Hash)>,
}

impl RightEdge {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; returns the hashes to store, beginning at `stored_hash_index(0, number)`.
    pub(super) fn push(&mut self, leaf: Digest) -> Result<Vec<Hash>, Error> {
        let number = self.size;
        let hashes = tlog_tiles::stored_hashes_for_record_hash(number, Hash(leaf), self)?;
        for (hash, level) in hashes.iter().zip(0_u8..) {
            let entry = (number >> level, *hash);
            match self.levels.get_mut(usize::from(level)) {
                Some(place) => *place = entry,
                None => self.levels.push(entry),
            }
        }
        self.size += 1;
        Ok(hashes)
    }

    pub(super) fn root(&self) -> Result<Digest, Error> {
        tlog_tiles::tree_hash(self.size, self).map(|hash| hash.0)
    }
}

impl HashReader for RightEdge {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        indexes
            .iter()
            .map(|index| {
                let (level, number) = tlog_tiles::split_stored_hash_index(*index);
                match self.levels.get(usize::from(level)) {
                    Some((at, hash)) if *at == number => Ok(*hash),
                    _ => Err(Error::IndexesNotInTree),
                }
            })
            .collect()
    }
}

/// All stored hashes, in the side file.
pub(super) struct StoredHashes(pub(super) Arc<dyn DiskFile>);

impl HashReader for StoredHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        indexes
            .iter()
            .map(|index| {
                let mut hash = [0; 32];
                self.0.read_at(&mut hash, index * 32).map_err(|_| Error::IndexesNotInTree)?;
                Ok(Hash(hash))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_edge_has_the_root_of_an_independent_tree() {
        let mut edge = RightEdge::default();
        let mut oracle =
            ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
        for number in 0..300_u64 {
            let leaf = number.to_be_bytes().to_vec();
            edge.push(tlog_tiles::record_hash(&leaf).0).unwrap();
            oracle.push(leaf);
            assert_eq!(edge.root().unwrap().as_slice(), oracle.root().as_bytes().as_slice());
        }
    }
}
