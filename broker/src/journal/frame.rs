//! Frames: how segments, groups and records lie on disk.
//!
//! Segment: one header of 512 bytes, then groups, each beginning at a multiple of 512, then zeros.
//!
//! | offset | bytes | segment header |
//! | --- | --- | --- |
//! | 0 | 8 | `SLZSEG01` |
//! | 8 | 4 | index of the segment, from 0 |
//! | 12 | 8 | number of its first record |
//! | 20 | 16 | random tag; every group header of the segment repeats it |
//! | 36 | 32 | SHA-256 of the log's name |
//! | 68 | 4 | CRC-32C of bytes 0 to 67 |
//!
//! | offset | bytes | group header |
//! | --- | --- | --- |
//! | 0 | 8 | `SLZGRP01` |
//! | 8 | 16 | tag of the segment: no sender can plant a header inside a payload |
//! | 24 | 4 | bytes of all records |
//! | 28 | 4 | number of records |
//! | 32 | 8 | number of the first record |
//! | 40 | 32 | root of the tree before the group |
//! | 72 | 4 | bytes of the signed checkpoint behind the records |
//! | 76 | 4 | CRC-32C of bytes 0 to 75 |
//! | 80 | … | records, then the signed checkpoint over the tree with the group |
//!
//! | offset | bytes | record |
//! | --- | --- | --- |
//! | 0 | 4 | bytes of the body |
//! | 4 | 4 | bytes of the findings |
//! | 8 | 4 | bytes of the private section |
//! | 12 | 4 | bytes of the payload |
//! | 16 | 160 | skeleton, see `schleuse_proto::skeleton` |
//! | 176 | 48 | salts: body, findings, private |
//! | 224 | … | body, findings, private section, payload, zeros up to a multiple of 8 |
//!
//! Erasing overwrites salts and sections with zeros and leaves lengths and skeleton: a record whose salts and
//! sections are all zero is erased (random salts never are), and so is a payload of zeros that its digest does
//! not fit.
//!
//! Integers are big-endian. A group is the unit of atomicity: it counts if its header's CRC holds,
//! every record matches the commitments in its skeleton, and the checkpoint behind it states exactly
//! the tree that results. Groups begin at sector boundaries, so that writing one never touches a
//! sector of an earlier one.

use bytes::Bytes;
use schleuse_proto::evidence::{Digest, sha256};
use schleuse_proto::skeleton::{SKELETON_BYTES, Skeleton, commitment};

use super::{Contents, LockedPayload, NewRecord, Salts, StoredRecord};

/// Alignment of groups in bytes: one sector.
pub const ALIGNMENT: u64 = 512;
/// Length of a group header.
pub const GROUP_HEADER_BYTES: usize = 80;
/// Length of a record before its body.
pub const RECORD_HEADER_BYTES: usize = 224;
/// Records of one group in bytes; a larger append becomes several groups.
pub const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

const SEGMENT_MAGIC: &[u8; 8] = b"SLZSEG01";
const GROUP_MAGIC: &[u8; 8] = b"SLZGRP01";

/// Random tag of a segment.
pub type Tag = [u8; 16];

/// Header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Index from 0.
    pub index: u32,
    /// Number of its first record.
    pub first: u64,
    /// Its tag.
    pub tag: Tag,
    /// SHA-256 of the log's name.
    pub log: Digest,
}

/// Header of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHeader {
    /// Bytes of all records.
    pub record_bytes: u32,
    /// Number of records.
    pub count: u32,
    /// Number of the first.
    pub first: u64,
    /// Root before the group.
    pub previous_root: Digest,
    /// Bytes of the signed checkpoint.
    pub note_bytes: u32,
}

/// Reads fixed fields off the front of a slice.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn slice(&mut self, length: u32) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = tail;
        Some(head)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }
}

fn checked(bytes: &[u8], length: usize) -> Option<Fields<'_>> {
    let (body, rest) = bytes.split_at_checked(length)?;
    let crc = rest.first_chunk::<4>()?;
    (crc32c::crc32c(body) == u32::from_be_bytes(*crc)).then_some(Fields(body))
}

impl SegmentHeader {
    /// Encodes it, padded to one sector.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend(SEGMENT_MAGIC);
        bytes.extend(self.index.to_be_bytes());
        bytes.extend(self.first.to_be_bytes());
        bytes.extend(self.tag);
        bytes.extend(self.log);
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        bytes.resize(512, 0);
        bytes
    }

    /// Decodes it; none if it is not one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = checked(bytes, 68)?;
        (fields.take()? == *SEGMENT_MAGIC).then_some(())?;
        Some(Self {
            index: fields.u32()?,
            first: fields.u64()?,
            tag: fields.take()?,
            log: fields.take()?,
        })
    }
}

impl GroupHeader {
    /// Encodes it for a segment.
    #[must_use]
    pub fn encode(&self, tag: &Tag) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(GROUP_HEADER_BYTES);
        bytes.extend(GROUP_MAGIC);
        bytes.extend(tag);
        bytes.extend(self.record_bytes.to_be_bytes());
        bytes.extend(self.count.to_be_bytes());
        bytes.extend(self.first.to_be_bytes());
        bytes.extend(self.previous_root);
        bytes.extend(self.note_bytes.to_be_bytes());
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        bytes
    }

    /// Decodes it; none if it is not one of this segment.
    #[must_use]
    pub fn decode(bytes: &[u8], tag: &Tag) -> Option<Self> {
        if bytes.first_chunk::<8>()? != GROUP_MAGIC {
            return None;
        }
        let mut fields = checked(bytes, 76)?;
        fields.take::<8>()?;
        (fields.take::<16>()? == *tag).then_some(())?;
        Some(Self {
            record_bytes: fields.u32()?,
            count: fields.u32()?,
            first: fields.u64()?,
            previous_root: fields.take()?,
            note_bytes: fields.u32()?,
        })
    }

    /// Bytes on disk, with padding.
    #[must_use]
    pub fn length(&self) -> u64 {
        let bytes =
            GROUP_HEADER_BYTES_U64 + u64::from(self.record_bytes) + u64::from(self.note_bytes);
        bytes.next_multiple_of(ALIGNMENT)
    }
}

const GROUP_HEADER_BYTES_U64: u64 = 80;

/// Length of a record on disk.
#[must_use]
pub fn record_length(record: &NewRecord) -> usize {
    let sections = [record.body.len(), record.findings.len(), record.private.len()];
    let sections = sections.iter().sum::<usize>() + record.payload.len();
    (RECORD_HEADER_BYTES + sections).next_multiple_of(8)
}

/// Appends an encoded record to `out` and returns its skeleton's bytes; none if a section is larger
/// than 4 GiB.
pub fn encode_record(
    record: &NewRecord,
    epoch: u64,
    number: u64,
    out: &mut Vec<u8>,
) -> Option<[u8; SKELETON_BYTES]> {
    let [body_salt, findings_salt, private_salt] = &record.salts;
    let skeleton = Skeleton {
        record_type: record.record_type,
        epoch,
        number,
        time_ms: record.time,
        body_commitment: commitment(body_salt, &record.body),
        findings_commitment: commitment(findings_salt, &record.findings),
        private_commitment: commitment(private_salt, &record.private),
        payload_digest: record.payload_digest,
    }
    .encode();
    let begin = out.len();
    let sections: [&[u8]; 4] = [&record.body, &record.findings, &record.private, &record.payload];
    for section in sections {
        out.extend(u32::try_from(section.len()).ok()?.to_be_bytes());
    }
    out.extend(skeleton);
    for salt in &record.salts {
        out.extend(salt);
    }
    for section in sections {
        out.extend_from_slice(section);
    }
    let length = (out.len() - begin).next_multiple_of(8);
    out.resize(begin + length, 0);
    Some(skeleton)
}

/// Lengths at the front of a record: body, findings, private, payload. Returns them and the whole
/// length.
#[must_use]
pub fn record_lengths(header: &[u8]) -> Option<([u32; 4], usize)> {
    let mut fields = Fields(header);
    let lengths = [fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?];
    let mut whole = RECORD_HEADER_BYTES;
    for length in lengths {
        whole = whole.checked_add(usize::try_from(length).ok()?)?;
    }
    Some((lengths, whole.next_multiple_of(8)))
}

/// Where the salts of a record begin.
const SALTS_AT: u64 = 16 + 160;

/// Bytes of a record that are overwritten when it is erased: salts and all sections; or only the payload.
/// From the first byte of the record.
#[must_use]
pub fn erased_bytes(header: &[u8], only_payload: bool) -> Option<std::ops::Range<u64>> {
    let ([body, findings, private, payload], _) = record_lengths(header)?;
    let sections =
        RECORD_HEADER_BYTES_U64 + [body, findings, private].map(u64::from).iter().sum::<u64>();
    let end = sections + u64::from(payload);
    Some(if only_payload { sections..end } else { SALTS_AT..end })
}

const RECORD_HEADER_BYTES_U64: u64 = 224;

/// Decodes a record from exactly its bytes and checks its commitments; none if the skeleton is none, or if
/// contents are damaged.
#[must_use]
pub fn decode_record(bytes: &Bytes) -> Option<StoredRecord> {
    let record = decode_damaged_record(bytes)?;
    match record.contents {
        Contents::Whole | Contents::Erased => Some(record),
        Contents::PayloadDamaged | Contents::Damaged => None,
    }
}

/// As [`decode_record`], also with damaged contents.
#[must_use]
pub fn decode_damaged_record(bytes: &Bytes) -> Option<StoredRecord> {
    let ([body, findings, private, payload], whole) = record_lengths(bytes)?;
    if whole != bytes.len() {
        return None;
    }
    let mut fields = Fields(bytes.get(16..)?);
    let skeleton_bytes = fields.take::<SKELETON_BYTES>()?;
    let salts = [fields.take()?, fields.take()?, fields.take()?];
    let mut section = |length| fields.slice(length).map(|slice| bytes.slice_ref(slice));
    let sections = [section(body)?, section(findings)?, section(private)?, section(payload)?];
    let skeleton = Skeleton::decode(&skeleton_bytes).ok()?;
    let (contents, payload_fits) = contents(&skeleton, &salts, &sections, fields.0);
    let [mut body, mut findings, mut private, mut payload] = sections;
    if !contents.are_readable() {
        [body, findings, private, payload] = [const { Bytes::new() }; 4];
    } else if !payload_fits {
        payload = Bytes::new();
    }
    let payload = LockedPayload { record: skeleton.number, bytes: payload };
    Some(StoredRecord {
        contents,
        skeleton,
        skeleton_bytes,
        salts,
        body,
        findings,
        private,
        payload,
    })
}

/// What is left of the contents, by the commitments in the skeleton; and whether the payload is the one that
/// was committed to, which may be zeros too.
fn contents(
    skeleton: &Skeleton,
    salts: &Salts,
    sections: &[Bytes; 4],
    padding: &[u8],
) -> (Contents, bool) {
    let [body, findings, private, payload] = sections;
    if !is_zero(padding) {
        return (Contents::Damaged, false);
    }
    if salts.iter().all(|salt| is_zero(salt)) && sections.iter().all(|section| is_zero(section)) {
        return (Contents::Erased, false);
    }
    let [body_salt, findings_salt, private_salt] = salts;
    let readable = commitment(body_salt, body) == skeleton.body_commitment
        && commitment(findings_salt, findings) == skeleton.findings_commitment
        && commitment(private_salt, private) == skeleton.private_commitment;
    let digest = if payload.is_empty() { [0; 32] } else { sha256(&[payload]) };
    let payload_fits = digest == skeleton.payload_digest;
    let contents = match (readable, payload_fits || (!payload.is_empty() && is_zero(payload))) {
        (true, true) => Contents::Whole,
        (true, false) => Contents::PayloadDamaged,
        (false, _) => Contents::Damaged,
    };
    (contents, payload_fits)
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_zeros_is_a_payload() {
        let mut bytes = Vec::new();
        let payload = Bytes::from_static(&[0; 40]);
        let payload_digest = sha256(&[&payload]);
        encode_record(&NewRecord { payload, payload_digest, ..record() }, 1, 9, &mut bytes)
            .unwrap();
        let stored = decode_record(&Bytes::from(bytes)).unwrap();
        assert_eq!((stored.contents, stored.payload.len()), (Contents::Whole, 40));
    }

    #[test]
    fn an_erased_record_keeps_its_skeleton_and_nothing_else() {
        let mut bytes = Vec::new();
        let skeleton = encode_record(&record(), 1, 9, &mut bytes).unwrap();
        let zero = |only_payload: bool| {
            let mut erased = bytes.clone();
            let range = erased_bytes(&erased, only_payload).unwrap();
            let (from, to) = (range.start.try_into().unwrap(), range.end.try_into().unwrap());
            erased[from..to].fill(0);
            erased
        };
        let stored = decode_record(&Bytes::from(zero(true))).unwrap();
        assert!(stored.contents == Contents::Whole && stored.payload.is_empty());
        assert_eq!(&stored.body[..], b"body");
        let whole = zero(false);
        for text in [b"body".as_slice(), b"findings", b"private", b"sealed", &[1; 16], &[3; 16]] {
            assert!(!whole.windows(text.len()).any(|window| window == text));
        }
        let stored = decode_record(&Bytes::from(whole.clone())).unwrap();
        assert_eq!((stored.contents, stored.skeleton_bytes), (Contents::Erased, skeleton));
        // Half of it is damage: every single byte that came back, and every single byte that is missing.
        for at in 176..whole.len() {
            if bytes[at] != 0 {
                let mut back = whole.clone();
                back[at] = bytes[at];
                assert!(decode_record(&Bytes::from(back)).is_none(), "byte {at}");
                let mut missing = bytes.clone();
                missing[at] = 0;
                assert!(decode_record(&Bytes::from(missing)).is_none(), "byte {at}");
            }
        }
    }

    fn record() -> NewRecord {
        let payload = Bytes::from_static(b"sealed");
        NewRecord {
            record_type: 8,
            time: 5,
            body: b"body".to_vec(),
            findings: b"findings".to_vec(),
            private: b"private".to_vec(),
            payload_digest: sha256(&[&payload]),
            payload,
            salts: [[1; 16], [2; 16], [3; 16]],
        }
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_noticed() {
        let mut bytes = Vec::new();
        let skeleton = encode_record(&record(), 1, 9, &mut bytes).unwrap();
        assert_eq!(bytes.len(), record_length(&record()));
        let stored = decode_record(&Bytes::from(bytes.clone())).unwrap();
        assert_eq!((stored.skeleton_bytes, stored.skeleton.number), (skeleton, 9));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // Facts that only the tree protects: type, epoch, number and time in the skeleton.
            let in_public_facts = (17..18).contains(&(bit / 8)) || (24..48).contains(&(bit / 8));
            let noticed = decode_record(&Bytes::from(changed.clone()))
                .is_none_or(|r| r.skeleton_bytes != skeleton);
            assert!(noticed, "bit {bit}");
            assert!(in_public_facts || decode_record(&Bytes::from(changed)).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn headers_survive_and_are_bound_to_their_segment() {
        let header = GroupHeader {
            record_bytes: 7,
            count: 2,
            first: 11,
            previous_root: [4; 32],
            note_bytes: 100,
        };
        let bytes = header.encode(&[9; 16]);
        assert_eq!(bytes.len(), GROUP_HEADER_BYTES);
        assert_eq!(GroupHeader::decode(&bytes, &[9; 16]), Some(header));
        assert_eq!(GroupHeader::decode(&bytes, &[8; 16]), None);
        let segment = SegmentHeader { index: 1, first: 2, tag: [3; 16], log: [4; 32] };
        assert_eq!(SegmentHeader::decode(&segment.encode()), Some(segment));
    }
}
