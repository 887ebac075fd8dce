//! The reference book: which of our own files a participant reference means. It stays at home.
//!
//! The broker knows references only, and each agency has others. An agency learns from a sealed
//! introduction by the Lotse whom a reference means, and keeps that here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schleuse_proto::v1::content::Content as Kind;
use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::files;
use crate::ids::ParticipantReference;
use crate::receive::Received;

/// Most entries of one book.
const ENTRIES_MAX: usize = 100_000;

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
}

impl ReferenceBook {
    /// Opens the book; it is empty if there is no file yet.
    ///
    /// # Errors
    /// The file cannot be read, others may open it, or it is no book.
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        let exists = path.try_exists().map_err(|error| ClientError::file(path, error))?;
        let entries = if exists {
            let bytes = files::read_private(path)?;
            // The parser's own message could quote a name.
            serde_json::from_slice(&bytes)
                .map_err(|_| ClientError::file(path, "not a reference book"))?
        } else {
            BTreeMap::new()
        };
        Ok(Self { path: path.to_owned(), entries })
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

    /// Enters what a reference means and writes the book.
    ///
    /// # Errors
    /// The book is full or cannot be written.
    pub fn enter(
        &mut self,
        reference: &ParticipantReference,
        entry: BookEntry,
    ) -> Result<(), ClientError> {
        let is_new = !self.entries.contains_key(reference.as_text());
        if is_new && self.entries.len() >= ENTRIES_MAX {
            return Err(ClientError::file(&self.path, format!("more than {ENTRIES_MAX} entries")));
        }
        let mut entries = self.entries.clone();
        entries.insert(reference.as_text().to_owned(), entry);
        let text = serde_json::to_vec_pretty(&entries)
            .map_err(|_| ClientError::file(&self.path, "cannot be written as JSON"))?;
        files::replace(&self.path, &text)?;
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
        assert_eq!(book.find(&reference), Some(&entry("BG-17")));
        assert_eq!(book.reference_of("BG-17"), Some(reference));
        book.enter(&other, entry("BG-17")).unwrap();
        assert_eq!(book.reference_of("BG-17"), None, "two participants under one number");
        assert_eq!(book.len(), 2);
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
