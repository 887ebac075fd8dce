//! The encrypted stream of a backup: AES-256-GCM in pieces, so that any length needs little memory, and none can
//! be left out, moved or cut off.
//!
//! File: `schleuse-backup-1\n`, identifier (16), then pieces: length of the ciphertext (4, big-endian), ciphertext
//! with its tag. The nonce of a piece is its number from 0 (12 bytes, big-endian); its associated data is the
//! identifier and one byte, 1 for the last piece and 0 for the others.

use std::io::{Read, Write};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::keys::{BackupId, BackupKey};

/// First bytes of the file.
pub const MAGIC: &[u8; 18] = b"schleuse-backup-1\n";
/// Plain bytes of a piece.
const PIECE_BYTES: usize = 1024 * 1024;
const TAG_BYTES: usize = 16;

fn key(key: &BackupKey) -> std::io::Result<LessSafeKey> {
    let unbound = UnboundKey::new(&AES_256_GCM, key.as_slice());
    unbound.map(LessSafeKey::new).map_err(|_| std::io::Error::other("not a key"))
}

fn nonce(piece: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    if let Some(number) = nonce.last_chunk_mut::<8>() {
        *number = piece.to_be_bytes();
    }
    Nonce::assume_unique_for_key(nonce)
}

fn associated(id: &BackupId, is_last: bool) -> Aad<[u8; 17]> {
    let mut data = [u8::from(is_last); 17];
    if let Some(front) = data.first_chunk_mut::<16>() {
        *front = *id;
    }
    Aad::from(data)
}

/// Encrypts what is written to it. [`Sealer::finish`] writes the last piece.
pub struct Sealer<W: Write> {
    out: W,
    key: LessSafeKey,
    id: BackupId,
    piece: u64,
    plain: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Begins a stream.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn new(mut out: W, id: BackupId, backup_key: &BackupKey) -> std::io::Result<Self> {
        out.write_all(MAGIC)?;
        out.write_all(&id)?;
        Ok(Self { out, key: key(backup_key)?, id, piece: 0, plain: Vec::new() })
    }

    fn seal(&mut self, is_last: bool) -> std::io::Result<()> {
        let mut piece = std::mem::take(&mut self.plain);
        let failed = |_| std::io::Error::other("a piece cannot be encrypted");
        self.key
            .seal_in_place_append_tag(nonce(self.piece), associated(&self.id, is_last), &mut piece)
            .map_err(failed)?;
        self.piece += 1;
        let length = u32::try_from(piece.len()).map_err(std::io::Error::other)?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&piece)
    }

    /// Writes the last piece and returns what was written to.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.seal(true)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.plain.len() == PIECE_BYTES {
            self.seal(false)?;
        }
        let some = bytes.len().min(PIECE_BYTES - self.plain.len());
        self.plain.extend(bytes.iter().take(some));
        Ok(some)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads the identifier of a backup.
///
/// # Errors
/// Not a backup.
pub fn read_id(from: &mut impl Read) -> std::io::Result<BackupId> {
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic)?;
    if magic != *MAGIC {
        return Err(std::io::Error::other("not a backup"));
    }
    let mut id = [0; 16];
    from.read_exact(&mut id)?;
    Ok(id)
}

/// Decrypts a stream whose identifier was read. Gives no byte that was not authenticated, and its end only if it
/// is the end of the backup.
pub struct Opener<R: Read> {
    from: R,
    key: LessSafeKey,
    id: BackupId,
    piece: u64,
    plain: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Opener<R> {
    /// Begins behind the identifier.
    ///
    /// # Errors
    /// Never for a key that was opened.
    pub fn new(from: R, id: BackupId, backup_key: &BackupKey) -> std::io::Result<Self> {
        let key = key(backup_key)?;
        Ok(Self { from, key, id, piece: 0, plain: Vec::new(), at: 0, ended: false })
    }

    fn open_piece(&mut self) -> std::io::Result<()> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(TAG_BYTES..=PIECE_BYTES + TAG_BYTES).contains(&length) {
            return Err(std::io::Error::other("a piece has a wrong length"));
        }
        let mut sealed = vec![0; length];
        self.from.read_exact(&mut sealed)?;
        for is_last in [false, true] {
            let mut piece = sealed.clone();
            let associated = associated(&self.id, is_last);
            if let Ok(plain) = self.key.open_in_place(nonce(self.piece), associated, &mut piece) {
                self.plain = plain.to_vec();
                (self.at, self.ended) = (0, is_last);
                self.piece += 1;
                return Ok(());
            }
        }
        Err(std::io::Error::other("a piece was changed, or the key is another one"))
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.plain.len() {
            if self.ended {
                return Ok(0);
            }
            self.open_piece()?;
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let some = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at += some;
        Ok(some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), [7; 16], &Zeroizing::new([1; 32])).unwrap();
        sealer.write_all(bytes).unwrap();
        sealer.finish().unwrap()
    }

    fn opened(bytes: &[u8], key: u8) -> std::io::Result<Vec<u8>> {
        let mut from = bytes;
        let id = read_id(&mut from)?;
        let mut plain = Vec::new();
        Opener::new(from, id, &Zeroizing::new([key; 32]))?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn a_backup_opens_whole_or_not_at_all() {
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES + 5] {
            let plain: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let sealed = sealed(&plain);
            assert_eq!(opened(&sealed, 1).unwrap(), plain, "{length}");
            assert!(opened(&sealed, 2).is_err());
            assert!(!length.is_multiple_of(251) || length == 0 || sealed.len() > plain.len());
        }
        let sealed = sealed(&vec![9; PIECE_BYTES + 3]);
        for cut in 0..sealed.len() {
            // Each cut in the first and last bytes, and some between.
            if cut < 64 || cut > sealed.len() - 64 || cut.is_multiple_of(65_537) {
                assert!(opened(&sealed[..cut], 1).is_err(), "cut at {cut}");
                let mut changed = sealed.clone();
                changed[cut] ^= 1;
                assert!(opened(&changed, 1).is_err(), "changed at {cut}");
            }
        }
        // Without its last piece.
        let first = 18 + 16 + 4 + PIECE_BYTES + TAG_BYTES;
        assert!(opened(&sealed[..first], 1).is_err());
    }
}
