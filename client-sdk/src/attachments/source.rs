//! The file that is sent: hashed once, then read part by part.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;
use ring::digest::{Context, SHA256};
use schleuse_proto::evidence::Digest;

use crate::content::{ATTACHMENT_BYTES_MAX, CHUNK_BYTES_MAX, CHUNKS_MAX};
use crate::error::ClientError;

/// Bytes that are hashed at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// A file and what it was when it was hashed.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    pub(super) bytes: u64,
    pub(super) sha256: Digest,
    chunk_bytes: u64,
    pub(super) chunks: u32,
}

impl Source {
    /// Opens and hashes a file. Blocks.
    pub(super) fn open(path: &Path, chunk_bytes: usize) -> Result<Self, ClientError> {
        let failed = |error| ClientError::file(path, error);
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if !(1..=ATTACHMENT_BYTES_MAX).contains(&bytes) {
            let why = format!("has {bytes} bytes; an attachment has 1 byte to 100 MiB");
            return Err(ClientError::file(path, why));
        }
        let chunk_bytes = u64::try_from(chunk_bytes.min(CHUNK_BYTES_MAX)).unwrap_or(1).max(1);
        let chunks = u32::try_from(bytes.div_ceil(chunk_bytes)).unwrap_or(u32::MAX);
        if chunks > CHUNKS_MAX {
            return Err(ClientError::argument("part size", "at most 128 parts of each file"));
        }
        let sha256 = hash(&file, bytes).map_err(failed)?;
        Ok(Self { file, bytes, sha256, chunk_bytes, chunks })
    }

    /// Bytes of one part.
    pub(super) fn chunk_len(&self, index: u32) -> u64 {
        let begin = u64::from(index).saturating_mul(self.chunk_bytes);
        self.bytes.saturating_sub(begin).min(self.chunk_bytes)
    }

    /// Reads one part. Blocks.
    pub(super) fn chunk(&self, index: u32) -> std::io::Result<Bytes> {
        let length = usize::try_from(self.chunk_len(index)).unwrap_or_default();
        let mut data = vec![0; length];
        self.file.read_exact_at(&mut data, u64::from(index).saturating_mul(self.chunk_bytes))?;
        Ok(Bytes::from(data))
    }

    /// Whether the file still is what it was. Blocks.
    pub(super) fn is_unchanged(&self) -> std::io::Result<bool> {
        let same_size = self.file.metadata()?.len() == self.bytes;
        Ok(same_size && hash(&self.file, self.bytes)? == self.sha256)
    }
}

/// SHA-256 of the first bytes of a file, with one small buffer.
pub(super) fn hash(file: &File, bytes: u64) -> std::io::Result<Digest> {
    let mut context = Context::new(&SHA256);
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = 0;
    while at < bytes {
        let left = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(BLOCK_BYTES);
        let Some(piece) = block.get_mut(..left) else { break };
        file.read_exact_at(piece, at)?;
        context.update(piece);
        at += u64::try_from(left).unwrap_or(u64::MAX);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    Ok(digest)
}
