//! Cosignatures: what a witness says about a checkpoint (C2SP `tlog-cosignature`, version
//! `cosignature/v1`, Ed25519).
//!
//! A cosignature states: as of this second, the largest consistent log of this origin that the
//! witness has seen has this size and root. The part of a signature line behind the key id is
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 0 to 8 | Unix time in seconds, big endian, at most 2^63 - 1 |
//! | 8 to 72 | Ed25519 over `cosignature/v1\ntime <seconds>\n` and the text of the note |
//!
//! Source: <https://c2sp.org/tlog-cosignature>, sections "Format" and "Ed25519 signed message", as of
//! commit 01194db of C2SP/C2SP. The newer ML-DSA-44 form is not read: its lines count as those of
//! unknown keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use signed_note::{Note, Signature, is_key_name_valid, key_id};

/// Signature type of an Ed25519 cosignature in key ids and verifier keys.
const TYPE_COSIGNATURE: u8 = 4;
/// Bytes of a public key.
const KEY_BYTES: usize = 32;
/// Bytes of the time in a cosignature.
const TIME_BYTES: usize = 8;
/// Bytes of a cosignature behind its key id.
const COSIGNATURE_BYTES: usize = TIME_BYTES + 64;
/// Latest time that a cosignature may state.
const TIME_MAX: u64 = u64::MAX / 2;

/// Why a cosignature cannot be made, read or believed.
#[derive(Debug, thiserror::Error)]
pub enum CosignatureError {
    /// The verifier key is not a C2SP key of this kind.
    #[error(
        "malformed witness key: expected \"<name>+<key hash>+<base64>\" of type 0x04 (cosignature)"
    )]
    Key,
    /// The private key.
    #[error("not an Ed25519 private key in PKCS#8")]
    PrivateKey,
    /// The name.
    #[error("the name of a witness has no spaces, line breaks or plus signs, and is not empty")]
    Name,
    /// Not a signed note.
    #[error("malformed signed note")]
    Note,
    /// A known key's line that does not verify.
    #[error("the cosignature of {name} does not verify")]
    Signature {
        /// The witness.
        name: String,
    },
    /// No line of this witness.
    #[error("no cosignature of {name}")]
    Missing {
        /// The witness.
        name: String,
    },
}

/// A verified cosignature.
#[derive(Clone, Debug, PartialEq)]
pub struct Cosignature {
    /// Name of the witness.
    pub witness: String,
    /// When it cosigned, by its own clock, Unix time in seconds.
    pub time_s: u64,
    line: Signature,
}

impl Cosignature {
    /// The signature line, with its line break: what a witness answers.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        self.line.to_bytes()
    }
}

/// Verifies the cosignatures of one witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignatureVerifier {
    name: String,
    key_id: u32,
    public: [u8; KEY_BYTES],
}

impl CosignatureVerifier {
    /// Takes the witness's public key in the C2SP form `<name>+<key hash>+<base64>`.
    ///
    /// # Errors
    /// The key is malformed, of another kind, or its hash is wrong.
    pub fn new(key: &str) -> Result<Self, CosignatureError> {
        let mut parts = key.splitn(3, '+');
        let (Some(name), Some(hash), Some(public)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(CosignatureError::Key);
        };
        let bytes = STANDARD.decode(public).map_err(|_| CosignatureError::Key)?;
        let Some((&TYPE_COSIGNATURE, public)) = bytes.split_first() else {
            return Err(CosignatureError::Key);
        };
        let public = public.try_into().map_err(|_| CosignatureError::Key)?;
        let verifier = Self::of(name, public).map_err(|_| CosignatureError::Key)?;
        if format!("{:08x}", verifier.key_id) != hash {
            return Err(CosignatureError::Key);
        }
        Ok(verifier)
    }

    fn of(name: &str, public: [u8; KEY_BYTES]) -> Result<Self, CosignatureError> {
        if !is_key_name_valid(name) {
            return Err(CosignatureError::Name);
        }
        let key_id = key_id(name, &typed(&public));
        Ok(Self { name: name.to_owned(), key_id, public })
    }

    /// Name of the witness.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key in the C2SP form.
    #[must_use]
    pub fn witness_key(&self) -> String {
        format!("{}+{:08x}+{}", self.name, self.key_id, STANDARD.encode(typed(&self.public)))
    }

    /// Whether two names stand for one key, so that they must not count as two witnesses.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.public == other.public
    }

    /// The newest cosignature of this witness on a note.
    ///
    /// # Errors
    /// The note is malformed, the witness has not cosigned it, or a line of it does not verify.
    pub fn verify(&self, note: &[u8]) -> Result<Cosignature, CosignatureError> {
        let (text, lines) = split(note)?;
        self.newest(&text, lines)
    }

    /// The cosignature in a witness's answer: signature lines that belong to a note.
    ///
    /// # Errors
    /// As [`Self::verify`]. Lines of unknown keys are ignored.
    pub fn verify_answer(
        &self,
        note: &[u8],
        lines: &[u8],
    ) -> Result<Cosignature, CosignatureError> {
        let (text, _) = split(note)?;
        self.newest(&text, signature_lines(lines)?)
    }

    fn newest(&self, text: &[u8], lines: Vec<Signature>) -> Result<Cosignature, CosignatureError> {
        let own = lines.into_iter().filter(|line| self.is_mine(line));
        let verified = own.map(|line| self.verify_line(text, line));
        let verified = verified.collect::<Result<Vec<_>, _>>()?;
        let newest = verified.into_iter().max_by_key(|cosignature| cosignature.time_s);
        newest.ok_or_else(|| CosignatureError::Missing { name: self.name.clone() })
    }

    fn is_mine(&self, line: &Signature) -> bool {
        line.name() == self.name && line.id() == self.key_id
    }

    fn verify_line(&self, text: &[u8], line: Signature) -> Result<Cosignature, CosignatureError> {
        let false_line = || CosignatureError::Signature { name: self.name.clone() };
        let bytes: &[u8; COSIGNATURE_BYTES] =
            line.signature().try_into().map_err(|_| false_line())?;
        let (time, signature) = bytes.split_first_chunk::<TIME_BYTES>().ok_or_else(false_line)?;
        let time_s = u64::from_be_bytes(*time);
        if time_s > TIME_MAX {
            return Err(false_line());
        }
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(&message(text, time_s), signature)
            .map_err(|_| false_line())?;
        Ok(Cosignature { witness: self.name.clone(), time_s, line })
    }
}

/// The key of a witness.
pub struct CosignatureSigner {
    key: Ed25519KeyPair,
    verifier: CosignatureVerifier,
}

impl std::fmt::Debug for CosignatureSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = &self.verifier.name;
        f.debug_struct("CosignatureSigner").field("name", name).finish_non_exhaustive()
    }
}

impl CosignatureSigner {
    /// Takes the private key (PKCS#8, DER) and the witness's name, by convention a URL without scheme.
    ///
    /// # Errors
    /// The key or the name is malformed.
    pub fn new(name: &str, pkcs8: &[u8]) -> Result<Self, CosignatureError> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8)
            .map_err(|_| CosignatureError::PrivateKey)?;
        let public =
            key.public_key().as_ref().try_into().map_err(|_| CosignatureError::PrivateKey)?;
        Ok(Self { key, verifier: CosignatureVerifier::of(name, public)? })
    }

    /// What others verify with.
    #[must_use]
    pub fn verifier(&self) -> &CosignatureVerifier {
        &self.verifier
    }

    /// Cosigns a note at a time (Unix, seconds). Whether the checkpoint in it continues what was
    /// cosigned before is the caller's to know.
    ///
    /// # Errors
    /// The note is malformed, or the time is beyond 2^63 - 1.
    pub fn cosign(&self, note: &[u8], time_s: u64) -> Result<Cosignature, CosignatureError> {
        if time_s > TIME_MAX {
            return Err(CosignatureError::Note);
        }
        let (text, _) = split(note)?;
        let signature = self.key.sign(&message(&text, time_s));
        let bytes = [&time_s.to_be_bytes(), signature.as_ref()].concat();
        let (name, key_id) = (self.verifier.name.clone(), self.verifier.key_id);
        let line =
            Signature::new(name.clone(), key_id, bytes).map_err(|_| CosignatureError::Name)?;
        Ok(Cosignature { witness: name, time_s, line })
    }
}

/// The cosignatures of known witnesses on a note: at most one, the newest, for each of them.
///
/// # Errors
/// The note is malformed, or a line of a known witness does not verify. Lines of unknown keys are
/// ignored.
pub fn cosignatures(
    note: &[u8],
    witnesses: &[CosignatureVerifier],
) -> Result<Vec<Cosignature>, CosignatureError> {
    let mut found = Vec::new();
    for witness in witnesses {
        match witness.verify(note) {
            Ok(cosignature) => found.push(cosignature),
            Err(CosignatureError::Missing { .. }) => {}
            Err(
                error @ (CosignatureError::Key
                | CosignatureError::PrivateKey
                | CosignatureError::Name
                | CosignatureError::Note
                | CosignatureError::Signature { .. }),
            ) => return Err(error),
        }
    }
    Ok(found)
}

/// Adds cosignatures to a note, each in the place of an older one by the same key.
///
/// # Errors
/// The note is malformed.
pub fn add_cosignatures(
    note: &[u8],
    cosignatures: &[Cosignature],
) -> Result<Vec<u8>, CosignatureError> {
    let (text, mut lines) = split(note)?;
    for Cosignature { line, .. } in cosignatures {
        lines.retain(|old| (old.name(), old.id()) != (line.name(), line.id()));
        lines.push(line.clone());
    }
    Ok(Note::new(&text, &lines).map_err(|_| CosignatureError::Note)?.to_bytes())
}

/// The text of a note, as it is signed, and its signature lines.
fn split(note: &[u8]) -> Result<(Vec<u8>, Vec<Signature>), CosignatureError> {
    // The library checks the form and the number of lines, but does not give the lines out.
    let text = Note::from_bytes(note).map_err(|_| CosignatureError::Note)?.text().to_vec();
    let lines = signature_lines(note.get(text.len() + 1..).ok_or(CosignatureError::Note)?)?;
    Ok((text, lines))
}

fn signature_lines(bytes: &[u8]) -> Result<Vec<Signature>, CosignatureError> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\n").ok_or(CosignatureError::Note)?;
        Signature::from_bytes(line).map_err(|_| CosignatureError::Note)
    });
    lines.collect()
}

fn message(text: &[u8], time_s: u64) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time_s}\n").as_bytes(), text].concat()
}

fn typed(public: &[u8; KEY_BYTES]) -> Vec<u8> {
    [&[TYPE_COSIGNATURE], public.as_slice()].concat()
}

#[cfg(test)]
mod tests;
