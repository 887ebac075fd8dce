//! The log as C2SP `tlog-tiles`, so that foreign tools can read and check it.
//!
//! | path | content |
//! | --- | --- |
//! | `checkpoint` | newest signed checkpoint |
//! | `tile/<L>/<N>` | 256 hashes of level 8·L, 32 bytes each; `.p/<W>` behind the last: only W of them |
//! | `tile/entries/<N>` | 256 entries: length (2), skeleton (160); the same for the last |
//!
//! An entry is a record's skeleton, the very bytes under its leaf hash: it says nothing of whom a record
//! is about and what a message holds.

use std::path::{Path, PathBuf};

use schleuse_proto::checkpoint::CheckpointVerifier;
use schleuse_proto::evidence::sha256;
use schleuse_proto::skeleton::leaf_hash;
use tlog_tiles::{HASH_SIZE, Hash, Tile};

use super::JournalError;
use super::disk::Disk;
use super::recovery::{Signatures, io_error, scan};

/// Hashes of a full tile, entries of a full bundle.
const WIDTH: usize = 256;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Records of the log.
    pub records: u64,
    /// Files, the checkpoint included.
    pub files: u64,
}

/// Writes the whole log of a journal as tiles into a folder, which must be new or empty. Checks the
/// journal on the way.
///
/// # Errors
/// The journal is damaged or empty, or a file cannot be written.
pub fn export(
    disk: &dyn Disk,
    folder: &Path,
    verifier: &CheckpointVerifier,
    out: &Path,
) -> Result<Written, JournalError> {
    std::fs::create_dir_all(out).map_err(io_error("cannot create", out))?;
    let mut inside = std::fs::read_dir(out).map_err(io_error("cannot read", out))?;
    if inside.next().is_some() {
        let source = std::io::Error::other("it is not empty; name a new folder");
        return Err(io_error("cannot export into", out)(source));
    }
    let mut tiles = Tiles { out, files: 0, entries: Level::default(), levels: Vec::new() };
    let log = sha256(&[verifier.origin().as_bytes()]);
    let scanned = scan(disk, folder, &log, &Signatures { verifier, each: false }, &mut |s| {
        let skeleton = &s.record.skeleton_bytes;
        let length = u16::try_from(skeleton.len()).unwrap_or(u16::MAX);
        tiles.entry(&[&length.to_be_bytes(), skeleton.as_slice()].concat())?;
        tiles.hash(0, leaf_hash(skeleton))
    })?;
    tiles.finish()?;
    let note = scanned.note.ok_or_else(|| JournalError::Record {
        number: 0,
        why: "the journal has no records to export".to_owned(),
    })?;
    // Last: whoever sees the checkpoint finds all that it covers.
    tiles.write(&out.join("checkpoint"), &note)?;
    Ok(Written { records: scanned.edge.size(), files: tiles.files })
}

/// What is gathered for the next file of a level.
#[derive(Default)]
struct Level {
    bytes: Vec<u8>,
    count: usize,
    next: u64,
}

struct Tiles<'a> {
    out: &'a Path,
    files: u64,
    entries: Level,
    levels: Vec<Level>,
}

impl Tiles<'_> {
    fn entry(&mut self, entry: &[u8]) -> Result<(), JournalError> {
        self.entries.bytes.extend_from_slice(entry);
        self.entries.count += 1;
        if self.entries.count < WIDTH {
            return Ok(());
        }
        let Level { bytes, next, .. } = std::mem::take(&mut self.entries);
        self.entries.next = next + 1;
        self.write(&self.path("entries", next, WIDTH), &bytes)
    }

    fn hash(&mut self, level: usize, hash: [u8; HASH_SIZE]) -> Result<(), JournalError> {
        if self.levels.len() == level {
            self.levels.push(Level::default());
        }
        let Some(tile) = self.levels.get_mut(level) else { return Ok(()) };
        tile.bytes.extend_from_slice(&hash);
        tile.count += 1;
        if tile.count < WIDTH {
            return Ok(());
        }
        let Level { bytes, next, .. } = std::mem::take(tile);
        tile.next = next + 1;
        self.write(&self.path(&level.to_string(), next, WIDTH), &bytes)?;
        let Hash(root) = Tile::subtree_hash(&bytes);
        self.hash(level + 1, root)
    }

    /// Writes what is left as partial tiles.
    fn finish(&mut self) -> Result<(), JournalError> {
        let entries = ("entries".to_owned(), std::mem::take(&mut self.entries));
        let levels = std::mem::take(&mut self.levels).into_iter().enumerate();
        let levels = levels.map(|(number, level)| (number.to_string(), level));
        for (name, level) in std::iter::once(entries).chain(levels) {
            if level.count > 0 {
                self.write(&self.path(&name, level.next, level.count), &level.bytes)?;
            }
        }
        Ok(())
    }

    fn path(&self, level: &str, number: u64, width: usize) -> PathBuf {
        let path = self.out.join("tile").join(level).join(number_path(number));
        if width == WIDTH {
            return path;
        }
        let mut partial = path.into_os_string();
        partial.push(format!(".p/{width}"));
        partial.into()
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io_error("cannot create", folder))?;
        }
        std::fs::write(path, bytes).map_err(io_error("cannot write", path))?;
        self.files += 1;
        Ok(())
    }
}

/// `1234067` is `x001/x234/067`.
fn number_path(number: u64) -> String {
    let mut path = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_paths_of_the_specification() {
        for (number, path) in [(0, "000"), (67, "067"), (1000, "x001/000")] {
            assert_eq!(number_path(number), path);
        }
        assert_eq!(number_path(1_234_067), "x001/x234/067");
    }
}
