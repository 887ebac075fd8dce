//! The embedded adapter: segment files in one folder.
//!
//! | file | content |
//! | --- | --- |
//! | `segment-NNNNNNNN.log` | groups of records, see `frame`; the truth |
//! | `checkpoint` | newest signed checkpoint, twice; only ever older than the segments |
//! | `tree` | stored hashes of the Merkle tree; rebuilt on every start |
//! | `offsets` | place of each record: segment index and offset, 4 bytes each; rebuilt on every start |
//! | `reserve` | space that is given free when the volume is full, so that a revocation still fits |

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use schleuse_proto::evidence::{Digest, sha256};
use schleuse_proto::skeleton::leaf_hash;

use super::checkpoint::CheckpointSigner;
use super::disk::{Disk, DiskFile};
use super::frame::{
    ALIGNMENT, GROUP_BYTES_MAX, GROUP_HEADER_BYTES, GroupHeader, SegmentHeader, Tag, encode_record,
    record_length,
};
use super::reader::SegmentReader;
use super::recovery::{
    CHECKPOINT_FILE, CHECKPOINT_SLOT_BYTES, Scan, Scanned, Signatures, io_error, scan, segment_name,
};
use super::tree::{RightEdge, StoredHashes};
use super::{Commit, Journal, JournalError, NewRecord, OnRecord};
use crate::domain::ids::RecordNumber;

/// Sizes of the adapter.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Length of a segment in bytes; at least 24 MiB, so that the largest group fits.
    pub segment_bytes: u64,
    /// Length of the reserve file in bytes.
    pub reserve_bytes: u64,
    /// Below so many free bytes new work is refused.
    pub free_bytes_min: u64,
}

/// How often the free space is looked at, in appends.
const FREE_SPACE_EVERY: u32 = 256;
/// How far zeros are written ahead of small groups. Overwriting is synced much faster than writing to
/// space that is only allocated, since the file system then has nothing to record about the file.
const ZEROS_AHEAD_BYTES: u64 = 512 * 1024;
/// Groups of more bytes than this have no zeros written ahead of them: they would be written twice.
const ZEROS_AHEAD_GROUP_BYTES_MAX: u64 = 128 * 1024;
/// Records whose side-file entries are written together while scanning.
const SIDE_RECORDS: usize = 4096;

/// The writer.
pub struct SegmentJournal {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    signer: Arc<CheckpointSigner>,
    sizes: Sizes,
    new_tag: Box<dyn FnMut() -> Tag + Send>,
    shared: Arc<SegmentReader>,
    edge: RightEdge,
    epoch: u64,
    current: Option<Current>,
    segments: u32,
    checkpoint: Arc<dyn DiskFile>,
    checkpoint_slot: u64,
    appends: u32,
    reserve_low: bool,
}

/// The segment that is written to.
struct Current {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    header: SegmentHeader,
    end: u64,
    /// Up to here the file has been written before, groups or zeros.
    written: u64,
}

/// What an open journal consists of.
pub struct Opened {
    /// The writer.
    pub journal: SegmentJournal,
    /// The readers' side.
    pub reader: Arc<SegmentReader>,
    /// Bytes of a torn group were cut off.
    pub was_torn: bool,
}

impl SegmentJournal {
    /// Opens or makes a journal, verifies every byte of it and shows every record in order.
    ///
    /// # Errors
    /// The folder is damaged, rolled back or of another log; or a record is refused by `on_record`.
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        signer: Arc<CheckpointSigner>,
        sizes: Sizes,
        new_tag: Box<dyn FnMut() -> Tag + Send>,
        on_record: OnRecord<'_>,
    ) -> Result<Opened, JournalError> {
        let side = |name: &str| {
            let path = folder.join(name);
            disk.create(&path, 0).map_err(io_error("cannot create", &path))
        };
        let (tree, offsets) = (side("tree")?, side("offsets")?);
        let verifier = signer
            .verifier()
            .map_err(|error| JournalError::Record { number: 0, why: error.to_string() })?;
        let signatures = Signatures { verifier: &verifier, each: false };
        let mut writer = SideWriter::new(tree.clone(), offsets.clone(), folder);
        let scanned =
            scan(&*disk, folder, &sha256(&[signer.name().as_bytes()]), &signatures, &mut |s| {
                writer.push(&s)?;
                on_record(s.record)
            })?;
        writer.flush()?;
        let was_torn = scanned.torn;
        if was_torn {
            cut_tail(&scanned)?;
        }
        let path = folder.join(CHECKPOINT_FILE);
        let checkpoint = match disk.open(&path) {
            Ok(file) => file,
            Err(_) => disk
                .create(&path, 2 * CHECKPOINT_SLOT_BYTES)
                .map_err(io_error("cannot create", &path))?,
        };
        let size = scanned.edge.size();
        let note = scanned.note.clone().unwrap_or_default().into();
        let reader = Arc::new(SegmentReader {
            disk: disk.clone(),
            folder: folder.to_owned(),
            segments: RwLock::new(scanned.segments.iter().map(|s| s.file.clone()).collect()),
            tree: StoredHashes(tree),
            offsets,
            latest: ArcSwap::from_pointee(Commit { size, note, leaves: Arc::default() }),
            contents: RwLock::default(),
        });
        let segments = u32::try_from(scanned.segments.len()).unwrap_or(u32::MAX);
        let current = scanned.segments.into_iter().last().map(|segment| Current {
            path: segment.path,
            file: segment.file,
            header: segment.header,
            end: scanned.end,
            written: scanned.end,
        });
        let mut journal = Self {
            disk,
            folder: folder.to_owned(),
            signer,
            sizes,
            new_tag,
            shared: reader.clone(),
            edge: scanned.edge,
            epoch: scanned.epoch + 1,
            current,
            segments,
            checkpoint,
            checkpoint_slot: 0,
            appends: 0,
            reserve_low: false,
        };
        journal.make_reserve();
        journal.look_at_free_space();
        Ok(Opened { journal, reader, was_torn })
    }

    /// The epoch of this start: one more than any in the journal.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Appends one group; adds the leaf hashes of its records to those of the same append.
    fn append_group(
        &mut self,
        records: &[NewRecord],
        leaves: &mut Vec<Digest>,
    ) -> Result<(), JournalError> {
        let first = self.edge.size();
        let previous_root = self.edge.root().map_err(|error| tree_error(first, &error))?;
        let mut edge = self.edge.clone();
        let mut bytes = vec![0; GROUP_HEADER_BYTES];
        let mut hashes = Vec::with_capacity(records.len() * 2 * 32);
        let mut places = Vec::with_capacity(records.len());
        for (record, number) in records.iter().zip(first..) {
            places.push(bytes.len());
            let skeleton = encode_record(record, self.epoch, number, &mut bytes)
                .ok_or_else(|| tree_error(number, &"a section is larger than 4 GiB"))?;
            let leaf = leaf_hash(&skeleton);
            leaves.push(leaf);
            for hash in edge.push(leaf).map_err(|e| tree_error(number, &e))? {
                hashes.extend(hash.0);
            }
        }
        let root = edge.root().map_err(|error| tree_error(first, &error))?;
        let note = self
            .signer
            .sign(edge.size(), &root)
            .ok_or_else(|| tree_error(first, &"the checkpoint cannot be signed"))?;
        let header = GroupHeader {
            record_bytes: length_u32(bytes.len() - GROUP_HEADER_BYTES),
            count: length_u32(records.len()),
            first,
            previous_root,
            note_bytes: length_u32(note.len()),
        };
        bytes.extend_from_slice(&note);
        bytes.resize(usize::try_from(header.length()).unwrap_or(bytes.len()), 0);

        let segment_bytes = self.sizes.segment_bytes;
        let current = self.room_for(header.length(), first)?;
        if let Some(head) = bytes.get_mut(..GROUP_HEADER_BYTES) {
            head.copy_from_slice(&header.encode(&current.header.tag));
        }
        let offset = current.end;
        let end = offset + header.length();
        if end > current.written {
            current.written = end;
            if header.length() <= ZEROS_AHEAD_GROUP_BYTES_MAX {
                current.written = (end + ZEROS_AHEAD_BYTES).min(segment_bytes);
                let length = usize::try_from(current.written - offset).unwrap_or(bytes.len());
                bytes.resize(length, 0);
            }
        }
        current.file.write_at(&bytes, offset).map_err(io_error("cannot write", &current.path))?;
        current.file.sync().map_err(io_error("cannot sync", &current.path))?;
        // From here on the group is durable.
        current.end = end;
        let segment = current.header.index;

        let mut offsets = Vec::with_capacity(places.len() * 8);
        for place in places {
            offsets.extend(segment.to_be_bytes());
            offsets.extend(
                length_u32(usize::try_from(offset).unwrap_or_default() + place).to_be_bytes(),
            );
        }
        self.shared.write_side(first, &hashes, &offsets)?;
        self.edge = edge;
        self.write_checkpoint(&note)?;
        let leaves = leaves.as_slice().into();
        let commit = Commit { size: self.edge.size(), note: note.into(), leaves };
        self.shared.latest.store(Arc::new(commit));
        Ok(())
    }

    /// The segment that the next group of this length goes to.
    fn room_for(&mut self, length: u64, first: u64) -> Result<&mut Current, JournalError> {
        let fits = self
            .current
            .as_ref()
            .is_some_and(|current| current.end + length <= self.sizes.segment_bytes);
        if !fits {
            let fresh = self.new_segment(first)?;
            self.current = Some(fresh);
        }
        self.current.as_mut().ok_or_else(|| tree_error(first, &"no segment"))
    }

    fn new_segment(&mut self, first: u64) -> Result<Current, JournalError> {
        let index = self.segments;
        let path = self.folder.join(segment_name(index));
        let temporary = path.with_extension("tmp");
        let bytes = self.sizes.segment_bytes;
        let file = match self.disk.create(&temporary, bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                // The reserve is for this moment: what was accepted must be recordable.
                self.reserve_low = true;
                let reserve = self.folder.join("reserve");
                self.disk.remove(&reserve).map_err(io_error("cannot free", &reserve))?;
                self.disk.create(&temporary, bytes)
            }
            other => other,
        }
        .map_err(io_error("cannot create", &temporary))?;
        let log = sha256(&[self.signer.name().as_bytes()]);
        let header = SegmentHeader { index, first, tag: (self.new_tag)(), log };
        file.write_at(&header.encode(), 0).map_err(io_error("cannot write", &temporary))?;
        file.sync().map_err(io_error("cannot sync", &temporary))?;
        self.disk.rename(&temporary, &path).map_err(io_error("cannot rename", &temporary))?;
        self.segments += 1;
        self.shared.segments.write().unwrap_or_else(PoisonError::into_inner).push(file.clone());
        Ok(Current { path, file, header, end: ALIGNMENT, written: ALIGNMENT })
    }

    /// Writes the newest checkpoint to the slot that is not the newest. Not synced: after a power cut
    /// it may be older than the journal, which is safe; it is never newer.
    fn write_checkpoint(&mut self, note: &[u8]) -> Result<(), JournalError> {
        let mut slot = length_u32(note.len()).to_be_bytes().to_vec();
        slot.extend_from_slice(note);
        let path = self.folder.join(CHECKPOINT_FILE);
        self.checkpoint
            .write_at(&slot, self.checkpoint_slot)
            .map_err(io_error("cannot write", &path))?;
        self.checkpoint_slot = CHECKPOINT_SLOT_BYTES - self.checkpoint_slot;
        Ok(())
    }

    fn has_reserve(&self) -> bool {
        let reserve = self.disk.open(&self.folder.join("reserve"));
        reserve
            .and_then(|file| file.length())
            .is_ok_and(|length| length >= self.sizes.reserve_bytes)
    }

    fn make_reserve(&self) {
        let path = self.folder.join("reserve");
        if !self.has_reserve() {
            // Without room for the reserve the journal still works; new work is refused.
            if let Err(error) = self.disk.create(&path, self.sizes.reserve_bytes) {
                tracing::warn!(%error, "no room for the reserve file");
            }
        }
    }

    fn look_at_free_space(&mut self) {
        let free = self.disk.free_bytes(&self.folder).unwrap_or(0);
        let has_reserve = self.has_reserve();
        self.reserve_low = free < self.sizes.free_bytes_min || !has_reserve;
        if !has_reserve && free > self.sizes.free_bytes_min + self.sizes.reserve_bytes {
            self.make_reserve();
        }
    }
}

impl Journal for SegmentJournal {
    fn append(&mut self, records: Vec<NewRecord>) -> Result<Commit, JournalError> {
        let mut rest = records.as_slice();
        let mut leaves = Vec::with_capacity(records.len());
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest
                .iter()
                .take_while(|record| {
                    bytes += record_length(record);
                    bytes <= GROUP_BYTES_MAX
                })
                .count();
            let (group, later) = rest.split_at(fitting.max(1));
            self.append_group(group, &mut leaves)?;
            rest = later;
        }
        self.appends = self.appends.wrapping_add(1);
        if self.appends.is_multiple_of(FREE_SPACE_EVERY) {
            self.look_at_free_space();
        }
        Ok(self.latest())
    }

    fn latest(&self) -> Commit {
        Commit::clone(&self.shared.latest.load())
    }

    fn is_reserve_low(&self) -> bool {
        self.reserve_low
    }
}

/// Writes the side files in large pieces while a journal is opened.
struct SideWriter<'a> {
    tree: Arc<dyn DiskFile>,
    offsets: Arc<dyn DiskFile>,
    folder: &'a Path,
    hashes: Vec<u8>,
    places: Vec<u8>,
    written: (u64, u64),
}

impl<'a> SideWriter<'a> {
    fn new(tree: Arc<dyn DiskFile>, offsets: Arc<dyn DiskFile>, folder: &'a Path) -> Self {
        Self { tree, offsets, folder, hashes: Vec::new(), places: Vec::new(), written: (0, 0) }
    }

    fn push(&mut self, scanned: &Scanned) -> Result<(), JournalError> {
        for hash in &scanned.hashes {
            self.hashes.extend(hash.0);
        }
        self.places.extend(scanned.position.0.to_be_bytes());
        self.places.extend(scanned.position.1.to_be_bytes());
        if self.places.len() >= SIDE_RECORDS * 8 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        let failed = |name: &str| io_error("cannot write", &self.folder.join(name));
        self.tree.write_at(&self.hashes, self.written.0).map_err(failed("tree"))?;
        self.offsets.write_at(&self.places, self.written.1).map_err(failed("offsets"))?;
        self.written.0 += u64::try_from(self.hashes.len()).unwrap_or_default();
        self.written.1 += u64::try_from(self.places.len()).unwrap_or_default();
        self.hashes.clear();
        self.places.clear();
        Ok(())
    }
}

/// Overwrites a torn group with zeros, so that the next one is written on clean ground.
fn cut_tail(scan: &Scan) -> Result<(), JournalError> {
    let Some(segment) = scan.segments.last() else { return Ok(()) };
    let failed = |what| io_error(what, &segment.path);
    let length = segment.file.length().map_err(failed("cannot measure"))?;
    let mut offset = scan.end;
    while offset < length {
        let piece = (length - offset).min(1024 * 1024);
        let mut bytes = vec![0; usize::try_from(piece).unwrap_or_default()];
        segment.file.read_at(&mut bytes, offset).map_err(failed("cannot read"))?;
        if bytes.iter().any(|byte| *byte != 0) {
            bytes.fill(0);
            segment.file.write_at(&bytes, offset).map_err(failed("cannot write"))?;
        }
        offset += piece;
    }
    segment.file.sync().map_err(failed("cannot sync"))
}

pub(super) fn tree_error(number: RecordNumber, why: &dyn std::fmt::Display) -> JournalError {
    JournalError::Record { number, why: why.to_string() }
}

fn length_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
