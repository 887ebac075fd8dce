//! What is sent to a witness: the body of `add-checkpoint` (C2SP `tlog-witness`).
//!
//! ```text
//! old <size of the checkpoint that the witness cosigned last, 0 if none>
//! <hash of the consistency proof, base64>          at most 63 lines
//!
//! <checkpoint: signed note>
//! ```
//!
//! | answer | meaning | body |
//! | --- | --- | --- |
//! | 200 | cosigned | signature lines |
//! | 400 | malformed, or the old size is above the checkpoint's | |
//! | 403 | not signed by the log's key | |
//! | 404 | of a log that the witness does not know | |
//! | 409 | the old size is not the witness's; or it is, and the roots of this size differ | the witness's size and a line break, as `text/x.tlog.size` |
//! | 422 | the proof does not hold | |
//!
//! Source: <https://c2sp.org/tlog-witness>, section "add-checkpoint", as of commit 8d77562 of C2SP/C2SP
//! (the text has no version of its own). `GET checkpoint` is an addition of this project: the newest
//! cosigned note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::evidence::Digest;

/// Name of the call that submits a checkpoint, below the witness's prefix.
pub const ADD_CHECKPOINT: &str = "add-checkpoint";
/// Name of the call that reads the newest cosigned checkpoint, below the witness's prefix.
pub const CHECKPOINT: &str = "checkpoint";
/// Content type of the body of answer 409.
pub const CONTENT_TYPE_SIZE: &str = "text/x.tlog.size";
/// Largest body of a request or an answer in bytes: a proof takes 3 KiB, a note with few cosignatures 1 KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Most lines of a proof.
pub const PROOF_LINES_MAX: usize = 63;

/// A checkpoint on its way to a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size that the witness cosigned last.
    pub old_size: u64,
    /// Consistency proof from there.
    pub proof: Vec<Digest>,
    /// Signed note.
    pub note: Vec<u8>,
}

impl AddCheckpoint {
    /// The body of the request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut head = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            head += &STANDARD.encode(hash);
            head.push('\n');
        }
        head.push('\n');
        [head.as_bytes(), &self.note].concat()
    }

    /// Reads the body of a request; none if it is malformed. The note is not looked into.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let (old, mut rest) = line(body)?;
        let old_size = parse_size(old.strip_prefix(b"old ")?)?;
        let mut proof = Vec::new();
        loop {
            let (hash, behind) = line(rest)?;
            rest = behind;
            if hash.is_empty() {
                return Some(Self { old_size, proof, note: rest.to_vec() });
            }
            if proof.len() == PROOF_LINES_MAX {
                return None;
            }
            proof.push(Digest::try_from(STANDARD.decode(hash).ok()?).ok()?);
        }
    }
}

/// The body of answer 409.
#[must_use]
pub fn encode_size(size: u64) -> Vec<u8> {
    format!("{size}\n").into_bytes()
}

/// The size in the body of answer 409; none if it is malformed.
#[must_use]
pub fn parse_size_body(body: &[u8]) -> Option<u64> {
    parse_size(body.strip_suffix(b"\n")?)
}

/// A number without leading zeros or signs.
fn parse_size(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.parse().ok().filter(|size: &u64| size.to_string() == text)
}

/// The first line without its line break, and what follows.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of the example in the specification.
    const EXAMPLE: &str = "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\nexample.com/behind-the-sofa\n20852163\n";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let request = AddCheckpoint::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((request.old_size, request.proof.len()), (20_852_014, 2));
        assert_eq!(request.proof[0][..2], [0x3e, 0x54]);
        assert_eq!(request.note, b"example.com/behind-the-sofa\n20852163\n");
        assert_eq!(request.encode(), EXAMPLE.as_bytes());
    }

    #[test]
    fn malformed_requests_are_refused() {
        let hash = format!("{}\n", STANDARD.encode([1; 32]));
        let with_lines = |count| format!("old 1\n{}\nnote\n", hash.repeat(count));
        assert!(AddCheckpoint::parse(with_lines(63).as_bytes()).is_some());
        for body in [
            String::new(),
            "old 1".to_owned(),
            "old 1\n".to_owned(),
            "old 01\n\nnote\n".to_owned(),
            "old +1\n\nnote\n".to_owned(),
            "old -1\n\nnote\n".to_owned(),
            "old  1\n\nnote\n".to_owned(),
            "old 1\r\n\r\nnote\n".to_owned(),
            "old 18446744073709551616\n\nnote\n".to_owned(),
            "new 1\n\nnote\n".to_owned(),
            "old 1\nAQ==\n\nnote\n".to_owned(),
            "old 1\n!\n\nnote\n".to_owned(),
            with_lines(64),
        ] {
            assert_eq!(AddCheckpoint::parse(body.as_bytes()), None, "{body:?}");
        }
    }

    #[test]
    fn a_size_is_a_plain_number_and_a_line_break() {
        assert_eq!(parse_size_body(&encode_size(0)), Some(0));
        assert_eq!(parse_size_body(&encode_size(u64::MAX)), Some(u64::MAX));
        for body in ["", "7", "07\n", "7\n\n", " 7\n", "seven\n"] {
            assert_eq!(parse_size_body(body.as_bytes()), None, "{body:?}");
        }
    }
}
