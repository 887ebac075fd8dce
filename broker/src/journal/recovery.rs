//! Reading a journal from its first byte: used by every start and by `fsck`.
//!
//! What a crash can leave behind is cut: the last group, if it is not whole and nothing follows it.
//! A record whose contents are damaged is shown as such if something follows: what an erasure that was
//! interrupted leaves behind cannot be told from a bad disk here. Everything else refuses to start, because cutting it would drop acknowledged records: a broken
//! group with a valid group behind it, a segment missing or out of order, or fewer records than a
//! checkpoint was signed for. The newest checkpoint is also kept in a small file of its own, written
//! after each sync, so that a damaged last group is not mistaken for a torn one.
//! Source: RELIABILITY F11.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;
use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint};
use schleuse_proto::evidence::Digest;
use schleuse_proto::skeleton::leaf_hash;
use signed_note::Note;
use tlog_tiles::{Checkpoint, Hash};

use super::disk::{Disk, DiskFile};
use super::frame::{ALIGNMENT, GROUP_HEADER_BYTES, GroupHeader, SegmentHeader, Tag};
use super::frame::{decode_damaged_record, record_lengths};
use super::tree::RightEdge;
use super::{Contents, JournalError, StoredRecord};

/// Records are handed to their visitor in batches of at least so many bytes or records, but for the last one.
const BATCH_BYTES: usize = 1024 * 1024;
const BATCH_RECORDS: usize = 1024;
/// Batches that may wait; with the two that are worked on they bound the memory of a scan.
const BATCHES_WAITING_MAX: usize = 2;
/// Name of the file with the newest checkpoint.
pub(super) const CHECKPOINT_FILE: &str = "checkpoint";
/// Length of each of its two slots.
pub(super) const CHECKPOINT_SLOT_BYTES: u64 = 2048;

/// A segment that was found.
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) header: SegmentHeader,
}

/// What a scan found.
pub(super) struct Scan {
    pub(super) segments: Vec<Segment>,
    pub(super) edge: RightEdge,
    /// Newest checkpoint, if there is any group.
    pub(super) note: Option<Vec<u8>>,
    /// Where the next group goes in the last segment.
    pub(super) end: u64,
    /// Whether bytes of a torn group lie at the end.
    pub(super) torn: bool,
    pub(super) groups: u64,
    pub(super) epoch: u64,
}

/// A record while it is scanned.
pub(super) struct Scanned {
    pub(super) record: StoredRecord,
    /// Segment index and offset of the record's first byte.
    pub(super) position: (u32, u32),
    /// Hashes to store for it.
    pub(super) hashes: Vec<Hash>,
}

/// Receives every record of every whole group.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Scanned) -> Result<(), JournalError>;

/// How signatures are checked while scanning.
pub(super) struct Signatures<'a> {
    pub(super) verifier: &'a CheckpointVerifier,
    /// Each one, or only the newest.
    pub(super) each: bool,
}

struct Group {
    records: Vec<Scanned>,
    edge: RightEdge,
    note: Vec<u8>,
    length: u64,
    /// Contents of some of its records are damaged.
    damaged: bool,
}

enum Found {
    Group(Box<Group>),
    /// Zeros.
    End,
    Broken(String),
}

/// Name of a segment file.
pub(super) fn segment_name(index: u32) -> String {
    format!("segment-{index:08}.log")
}

pub(super) fn io_error(
    what: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> JournalError + use<> {
    let path = path.to_owned();
    move |source| JournalError::Io { what, path, source }
}

/// Reads everything in order. Reading and checking is done on a thread of its own, so that the work of `visit`, which
/// stays on this one, runs beside it; all of it is done when this returns.
pub(super) fn scan(
    disk: &dyn Disk,
    folder: &Path,
    log: &Digest,
    signatures: &Signatures<'_>,
    visit: Visit<'_>,
) -> Result<Scan, JournalError> {
    // First: of a journal that is in use, more may be found than was signed at this moment, never less.
    let signed = newest_checkpoint(disk, folder, signatures.verifier)?;
    let segments = open_segments(disk, folder, log)?;
    let scan = Scan {
        segments,
        edge: RightEdge::default(),
        note: None,
        end: ALIGNMENT,
        torn: false,
        groups: 0,
        epoch: 0,
    };
    let scan = scan_beside(scan, signatures, visit)?;
    if let Some(note) = &scan.note {
        check_signature(signatures, note, folder)?;
    }
    if let Some(signed) = signed {
        let root = scan.edge.root().map_err(|_| damaged(folder, 0, "the tree has no root"))?;
        if signed.size > scan.edge.size() {
            let found = scan.edge.size();
            return Err(JournalError::Behind { found, signed: signed.size });
        }
        if signed.size == scan.edge.size() && signed.root != root {
            return Err(damaged(folder, 0, "the newest signed checkpoint has another root"));
        }
    }
    Ok(scan)
}

/// Reads all segments on another thread while their records are visited here.
fn scan_beside(
    scan: Scan,
    signatures: &Signatures<'_>,
    visit: Visit<'_>,
) -> Result<Scan, JournalError> {
    let (sender, receiver) = sync_channel(BATCHES_WAITING_MAX);
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .name("journal-scan".to_owned())
            .spawn_scoped(scope, move || scan_segments(scan, signatures, Batches::new(sender)))
            .map_err(io_error("cannot start a thread to read", Path::new("the journal")))?;
        let visited = visit_all(receiver, visit);
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // What a visitor refuses lies before whatever the reader came to.
        visited?;
        read
    })
}

/// Visits records as they come; the reader ends when this does.
fn visit_all(batches: Receiver<Vec<Scanned>>, visit: Visit<'_>) -> Result<(), JournalError> {
    batches.into_iter().flatten().try_for_each(visit)
}

/// Records on their way to the visitor.
struct Batches {
    sender: SyncSender<Vec<Scanned>>,
    batch: Vec<Scanned>,
    bytes: usize,
}

impl Batches {
    fn new(sender: SyncSender<Vec<Scanned>>) -> Self {
        Self { sender, batch: Vec::new(), bytes: 0 }
    }

    /// Adds the records of a group, which needs so many bytes. Whether the visitor still wants any.
    fn push(&mut self, records: Vec<Scanned>, bytes: usize) -> bool {
        self.batch.extend(records);
        self.bytes = self.bytes.saturating_add(bytes);
        (self.bytes < BATCH_BYTES && self.batch.len() < BATCH_RECORDS) || self.flush()
    }

    /// Hands over what waits here.
    fn flush(&mut self) -> bool {
        self.bytes = 0;
        self.sender.send(std::mem::take(&mut self.batch)).is_ok()
    }
}

fn scan_segments(
    mut scan: Scan,
    signatures: &Signatures<'_>,
    mut batches: Batches,
) -> Result<Scan, JournalError> {
    let count = scan.segments.len();
    let read = (0..count).try_for_each(|index| {
        scan_segment(&mut scan, index, index + 1 == count, signatures, &mut batches)
    });
    // Also before a failure: what comes before it is seen first.
    batches.flush();
    read.map(|()| scan)
}

fn open_segments(
    disk: &dyn Disk,
    folder: &Path,
    log: &Digest,
) -> Result<Vec<Segment>, JournalError> {
    let names = disk.list(folder).map_err(io_error("cannot list", folder))?;
    let mut segments = Vec::new();
    for name in names.iter().filter(|n| n.starts_with("segment-") && n.ends_with(".log")) {
        let path = folder.join(name);
        let index = u32::try_from(segments.len()).unwrap_or(u32::MAX);
        if *name != segment_name(index) {
            return Err(damaged(&path, 0, &format!("{} is missing", segment_name(index))));
        }
        let file = disk.open(&path).map_err(io_error("cannot open", &path))?;
        let mut bytes = vec![0; 512];
        file.read_at(&mut bytes, 0).map_err(io_error("cannot read", &path))?;
        let header = SegmentHeader::decode(&bytes)
            .filter(|header| header.index == index)
            .ok_or_else(|| damaged(&path, 0, "the segment header is broken"))?;
        if header.log != *log {
            return Err(JournalError::OtherLog { path });
        }
        segments.push(Segment { path, file, header });
    }
    Ok(segments)
}

fn scan_segment(
    scan: &mut Scan,
    index: usize,
    is_last: bool,
    signatures: &Signatures<'_>,
    batches: &mut Batches,
) -> Result<(), JournalError> {
    let Some(segment) = scan.segments.get(index) else { return Ok(()) };
    let (file, path, header) = (segment.file.clone(), segment.path.clone(), segment.header);
    if header.first != scan.edge.size() {
        return Err(damaged(&path, 0, "records before this segment are missing"));
    }
    let length = file.length().map_err(io_error("cannot measure", &path))?;
    let mut offset = ALIGNMENT;
    loop {
        match read_group(&*file, &path, &header, offset, length, &scan.edge)? {
            // What an interrupted erasure leaves behind has the record of that erasure behind it.
            Found::Group(group)
                if group.damaged && is_last && {
                    let tail = read_tail(&*file, &path, offset, length)?;
                    later_group(&tail, &header.tag).is_none()
                } =>
            {
                scan.torn = true;
                scan.end = offset;
                return Ok(());
            }
            Found::Group(group) => {
                if signatures.each {
                    check_signature(signatures, &group.note, &path)?;
                }
                let epochs = group.records.iter().map(|scanned| scanned.record.skeleton.epoch);
                scan.epoch = epochs.fold(scan.epoch, u64::max);
                scan.edge = group.edge;
                scan.note = Some(group.note);
                scan.groups += 1;
                offset += group.length;
                let bytes = usize::try_from(group.length).unwrap_or(usize::MAX);
                if !batches.push(group.records, bytes) {
                    // The visitor has refused a record, and says why.
                    return Ok(());
                }
            }
            found @ (Found::End | Found::Broken(_)) => {
                let tail = read_tail(&*file, &path, offset, length)?;
                if let Some(later) = later_group(&tail, &header.tag) {
                    let why = format!("a valid group follows at byte {}", offset + later);
                    return Err(damaged(&path, offset, &why));
                }
                match found {
                    Found::Broken(why) if !is_last => return Err(damaged(&path, offset, &why)),
                    Found::Broken(_) => scan.torn = true,
                    Found::End | Found::Group(_) => scan.torn = tail.iter().any(|b| *b != 0),
                }
                scan.end = offset;
                return Ok(());
            }
        }
    }
}

fn read_tail(
    file: &dyn DiskFile,
    path: &Path,
    offset: u64,
    length: u64,
) -> Result<Vec<u8>, JournalError> {
    let mut tail = vec![0; usize::try_from(length.saturating_sub(offset)).unwrap_or_default()];
    file.read_at(&mut tail, offset).map_err(io_error("cannot read", path))?;
    Ok(tail)
}

/// Offset of a valid group header behind the first sector: proof that the group there was synced.
fn later_group(tail: &[u8], tag: &Tag) -> Option<u64> {
    (0..)
        .step_by(512)
        .zip(tail.chunks(512))
        .skip(1)
        .find(|(_, sector)| GroupHeader::decode(sector, tag).is_some())
        .map(|(offset, _)| offset)
}

fn read_group(
    file: &dyn DiskFile,
    path: &Path,
    segment: &SegmentHeader,
    offset: u64,
    length: u64,
    edge: &RightEdge,
) -> Result<Found, JournalError> {
    if offset + ALIGNMENT > length {
        return Ok(Found::End);
    }
    let mut head = [0; GROUP_HEADER_BYTES];
    file.read_at(&mut head, offset).map_err(io_error("cannot read", path))?;
    if head.iter().all(|byte| *byte == 0) {
        return Ok(Found::End);
    }
    let Some(header) = GroupHeader::decode(&head, &segment.tag) else {
        return Ok(Found::Broken("the group header is broken".to_owned()));
    };
    if offset + header.length() > length {
        return Ok(Found::Broken("the group is longer than the segment".to_owned()));
    }
    let mut bytes = vec![0; usize::try_from(header.length()).unwrap_or_default()];
    file.read_at(&mut bytes, offset).map_err(io_error("cannot read", path))?;
    let group = parse_group(&Bytes::from(bytes), &header, segment.index, offset, edge);
    Ok(match group {
        Ok(group) => Found::Group(Box::new(group)),
        Err(why) => Found::Broken(why),
    })
}

fn parse_group(
    bytes: &Bytes,
    header: &GroupHeader,
    segment: u32,
    offset: u64,
    edge: &RightEdge,
) -> Result<Group, String> {
    let mut edge = edge.clone();
    if header.first != edge.size() || edge.root().ok() != Some(header.previous_root) {
        return Err("the group does not continue the tree".to_owned());
    }
    let broken = |number: u64| format!("record {number} does not match its commitments");
    let mut records = Vec::new();
    let mut damaged = false;
    let mut at = GROUP_HEADER_BYTES;
    for number in header.first..header.first + u64::from(header.count) {
        let rest = bytes.get(at..).unwrap_or_default();
        let (_, length) = record_lengths(rest).ok_or_else(|| broken(number))?;
        if length > rest.len() {
            return Err(broken(number));
        }
        let record = decode_damaged_record(&bytes.slice(at..at + length))
            .filter(|record| record.skeleton.number == number)
            .ok_or_else(|| broken(number))?;
        damaged |= matches!(record.contents, Contents::Damaged | Contents::PayloadDamaged);
        let hashes =
            edge.push(leaf_hash(&record.skeleton_bytes)).map_err(|error| error.to_string())?;
        let place = offset + u64::try_from(at).unwrap_or_default();
        let position = (segment, u32::try_from(place).map_err(|error| error.to_string())?);
        records.push(Scanned { record, position, hashes });
        at += length;
    }
    let note_end = at + usize::try_from(header.note_bytes).unwrap_or_default();
    let note = bytes.get(at..note_end).ok_or("the checkpoint is cut")?.to_vec();
    let stated = Note::from_bytes(&note)
        .ok()
        .and_then(|note| Checkpoint::from_bytes(note.text()).ok())
        .ok_or("the checkpoint is broken")?;
    if stated.size() != edge.size() || edge.root().ok() != Some(stated.hash().0) {
        return Err("the checkpoint states another tree".to_owned());
    }
    Ok(Group { records, edge, note, length: header.length(), damaged })
}

fn check_signature(
    signatures: &Signatures<'_>,
    note: &[u8],
    path: &Path,
) -> Result<(), JournalError> {
    match signatures.verifier.verify(note) {
        Ok(_) => Ok(()),
        Err(error) => Err(damaged(path, 0, &error.to_string())),
    }
}

/// The newest checkpoint that the small file holds and that the log's key signed.
fn newest_checkpoint(
    disk: &dyn Disk,
    folder: &Path,
    verifier: &CheckpointVerifier,
) -> Result<Option<SignedCheckpoint>, JournalError> {
    let path = folder.join(CHECKPOINT_FILE);
    let file = match disk.open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("cannot open", &path)(error)),
    };
    let mut newest: Option<SignedCheckpoint> = None;
    for slot in [0, CHECKPOINT_SLOT_BYTES] {
        let mut bytes = vec![0; 2048];
        if file.read_at(&mut bytes, slot).is_err() {
            continue;
        }
        // A slot torn by a crash is no statement; the other one is older, never newer.
        let found = bytes.split_first_chunk::<4>().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            verifier.verify(rest.get(..length)?).ok()
        });
        newest = newest.into_iter().chain(found).max_by_key(|checkpoint| checkpoint.size);
    }
    Ok(newest)
}

fn damaged(path: &Path, offset: u64, why: &str) -> JournalError {
    JournalError::Corrupt { path: path.to_owned(), offset, why: why.to_owned() }
}
