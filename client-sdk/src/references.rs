//! The reference book: which of our own files a participant reference means. It stays at home.
//!
//! The broker knows references only, and each agency has others. An agency learns from a sealed
//! introduction by the Lotse whom a reference means, and keeps that here.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use schleuse_proto::v1::content::Content as Kind;
use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::files;
use crate::ids::ParticipantReference;
use crate::receive::Received;

/// Most entries of one book.
const ENTRIES_MAX: usize = 100_000;
/// Largest book in bytes: so many entries, each with long names.
const BOOK_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Largest entry in bytes.
const ENTRY_BYTES_MAX: usize = 8 * 1024;

/// What is known of a participant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookEntry {
    /// Name for people.
    pub display_name: String,
    /// Date of birth, `YYYY-MM-DD`; may be empty.
    #[serde(default)]
    pub date_of_birth: String,
    /// Our own file number; may be empty.
    #[serde(default)]
    pub file_number: String,
    /// Who introduced the participant: the address of the sender; empty if entered by hand.
    #[serde(default)]
    pub introduced_by: String,
}

/// References and what they mean, in a file that only its owner may read.
#[derive(Debug)]
pub struct ReferenceBook {
    path: PathBuf,
    entries: BTreeMap<String, BookEntry>,
    /// What the file was when it was opened; none: there was none, or it was written since.
    stamp: Option<Stamp>,
}

/// What changes of a file whenever it is written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let file = std::fs::metadata(path).ok()?;
        Some(Self {
            inode: file.ino(),
            length: file.len(),
            written: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

impl ReferenceBook {
    /// Opens the book; it is empty if there is no file yet.
    ///
    /// # Errors
    /// The file cannot be read, others may open it, or it is no book.
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        // Before it is read: a book that is replaced meanwhile is not current.
        let stamp = Stamp::of(path);
        let exists = path.try_exists().map_err(|error| ClientError::file(path, error))?;
        let entries = if exists {
            let limit = u64::try_from(BOOK_BYTES_MAX).unwrap_or(u64::MAX);
            let bytes = files::read_private_up_to(path, "names of participants", limit)?;
            // The parser's own message could quote a name.
            serde_json::from_slice(&bytes)
                .map_err(|_| ClientError::file(path, "not a reference book"))?
        } else {
            BTreeMap::new()
        };
        Ok(Self { path: path.to_owned(), entries, stamp })
    }

    /// Whether the file is still the one that was opened or written.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.stamp == Stamp::of(&self.path)
    }

    /// What a reference means.
    #[must_use]
    pub fn find(&self, reference: &ParticipantReference) -> Option<&BookEntry> {
        self.entries.get(reference.as_text())
    }

    /// The reference of a file number.
    #[must_use]
    pub fn reference_of(&self, file_number: &str) -> Option<ParticipantReference> {
        let mut found = self.entries.iter().filter(|(_, entry)| entry.file_number == file_number);
        // Two participants under one number: a person must decide.
        match (found.next(), found.next()) {
            (Some((reference, _)), None) => ParticipantReference::parse(reference).ok(),
            _ => None,
        }
    }

    /// All references of the book.
    pub fn references(&self) -> impl Iterator<Item = ParticipantReference> {
        self.entries.keys().filter_map(|key| ParticipantReference::parse(key).ok())
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether one more participant can be entered; to be asked before one is registered whom nobody could name.
    ///
    /// # Errors
    /// The book is full.
    pub fn has_room(&self) -> Result<(), ClientError> {
        let bytes = self.stamp.map_or(0, |stamp| stamp.length);
        let room = u64::try_from(BOOK_BYTES_MAX - ENTRY_BYTES_MAX).unwrap_or(u64::MAX);
        if self.entries.len() >= ENTRIES_MAX || bytes > room {
            return Err(self.is_full());
        }
        Ok(())
    }

    fn is_full(&self) -> ClientError {
        let why = "the book is full: begin another one with those who are still looked after";
        ClientError::file(&self.path, why)
    }

    /// Enters what a reference means and writes the book.
    ///
    /// # Errors
    /// The book is full, the entry is too long, or the book cannot be written.
    pub fn enter(
        &mut self,
        reference: &ParticipantReference,
        entry: BookEntry,
    ) -> Result<(), ClientError> {
        let is_new = !self.entries.contains_key(reference.as_text());
        if is_new && self.entries.len() >= ENTRIES_MAX {
            return Err(self.is_full());
        }
        let texts =
            [&entry.display_name, &entry.date_of_birth, &entry.file_number, &entry.introduced_by];
        if texts.iter().map(|text| text.len()).sum::<usize>() > ENTRY_BYTES_MAX / 2 {
            return Err(ClientError::file(&self.path, "an entry is longer than a book takes"));
        }
        let mut entries = self.entries.clone();
        entries.insert(reference.as_text().to_owned(), entry);
        self.write(entries)
    }

    /// Strikes what a reference means, and writes the book if it was there.
    ///
    /// # Errors
    /// The book cannot be written.
    pub fn remove(&mut self, reference: &ParticipantReference) -> Result<(), ClientError> {
        let mut entries = self.entries.clone();
        if entries.remove(reference.as_text()).is_none() {
            return Ok(());
        }
        self.write(entries)
    }

    fn write(&mut self, entries: BTreeMap<String, BookEntry>) -> Result<(), ClientError> {
        let text = serde_json::to_vec_pretty(&entries)
            .map_err(|_| ClientError::file(&self.path, "cannot be written as JSON"))?;
        // What could not be read again is not written.
        if text.len() > BOOK_BYTES_MAX {
            return Err(self.is_full());
        }
        files::replace(&self.path, &text)?;
        // Somebody else could have replaced it already.
        self.stamp = None;
        self.entries = entries;
        Ok(())
    }

    /// Enters an introduction; other messages change nothing. A file number that was entered before
    /// stays if the introduction names none. Returns whether the book changed.
    ///
    /// # Errors
    /// As [`ReferenceBook::enter`].
    pub fn learn(&mut self, received: &Received) -> Result<bool, ClientError> {
        let Some(reference) = &received.participant_reference else { return Ok(false) };
        let Some(Kind::Introduction(introduction)) = received.content.kind() else {
            return Ok(false);
        };
        let known = self.find(reference).cloned().unwrap_or_default();
        let file_number = if introduction.file_number.is_empty() {
            known.file_number.clone()
        } else {
            introduction.file_number.clone()
        };
        let entry = BookEntry {
            display_name: introduction.display_name.clone(),
            date_of_birth: introduction.date_of_birth.clone(),
            file_number,
            introduced_by: received.sender.to_string(),
        };
        if entry == known {
            return Ok(false);
        }
        self.enter(reference, entry).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_keeps_its_entries_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.json");
        let reference = ParticipantReference::parse(&"a".repeat(26)).unwrap();
        let other = ParticipantReference::parse(&"b".repeat(26)).unwrap();
        let entry = |number: &str| BookEntry { file_number: number.into(), ..BookEntry::default() };
        let mut book = ReferenceBook::open(&path).unwrap();
        assert!(book.is_empty());
        book.enter(&reference, entry("BG-17")).unwrap();
        let mut book = ReferenceBook::open(&path).unwrap();
        let elsewhere = ReferenceBook::open(&path).unwrap();
        assert!(book.is_current() && elsewhere.is_current());
        assert_eq!(book.find(&reference), Some(&entry("BG-17")));
        assert_eq!(book.reference_of("BG-17"), Some(reference));
        book.enter(&other, entry("BG-17")).unwrap();
        assert_eq!(book.reference_of("BG-17"), None, "two participants under one number");
        assert_eq!(book.len(), 2);
        assert_eq!(book.references().count(), 2);
        book.remove(&other).unwrap();
        book.remove(&other).unwrap();
        assert_eq!(ReferenceBook::open(&path).unwrap().len(), 1);
        assert!(!elsewhere.is_current());
        assert!(ReferenceBook::open(&path).unwrap().is_current());
    }

    #[test]
    fn a_book_of_many_is_read_again_and_what_is_too_long_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.json");
        let name = "Lange Namen ".repeat(16);
        let entry = BookEntry { display_name: name.clone(), ..BookEntry::default() };
        let letter =
            |digit: char| char::from(b'a' + u8::try_from(digit.to_digit(10).unwrap()).unwrap());
        let key = |number: usize| format!("{number:0>26}").chars().map(letter).collect::<String>();
        let many: BTreeMap<String, BookEntry> =
            (0..20_000).map(|number| (key(number), entry.clone())).collect();
        files::replace(&path, &serde_json::to_vec_pretty(&many).unwrap()).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 1024 * 1024);
        let mut book = ReferenceBook::open(&path).unwrap();
        book.has_room().unwrap();
        let reference = ParticipantReference::parse(&"b".repeat(26)).unwrap();
        book.enter(&reference, entry.clone()).unwrap();
        assert_eq!(ReferenceBook::open(&path).unwrap().find(&reference), Some(&entry));
        let endless = BookEntry { display_name: "x".repeat(ENTRY_BYTES_MAX), ..entry.clone() };
        assert!(book.enter(&reference, endless).is_err());
        assert_eq!(ReferenceBook::open(&path).unwrap().find(&reference), Some(&entry));
    }

    #[test]
    fn a_file_that_is_no_book_is_refused_without_quoting_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.json");
        files::replace(&path, b"{\"Gerhard W.\": 3}").unwrap();
        let error = ReferenceBook::open(&path).unwrap_err().to_string();
        assert!(!error.contains("Gerhard"), "{error}");
    }
}
