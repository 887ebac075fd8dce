//! What a participant may read: the report about everything (GDPR Art. 15), and the receipt of a consent.
//!
//! Owns the pages and their words, in plain German. Pages are one file without scripts; every value is
//! escaped by the template, and characters that could turn or hide text are replaced. It decides nothing:
//! pages say what rows of the log say, and rows were checked when they came.

mod check_code;
mod course;
mod looks;
mod page;
mod receipt;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, HashMap};

use schleuse_proto::evidence::{Digest, sha256};
use serde::Deserialize;

pub use check_code::CheckCode;
pub use page::DataReport;
pub use receipt::{ConsentReceipt, FoundConsent, RECEIPT_TYPES, find_by_code};

use crate::error::ClientError;

/// Most characters of one value that a page shows; longer ones are cut.
const SHOWN_CHARACTERS_MAX: usize = 4_000;

/// Names of codes, from a catalogue file. Without a name the code itself is shown.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Names {
    #[serde(default)]
    purpose: BTreeMap<String, Named>,
    #[serde(default)]
    category: BTreeMap<String, Named>,
    #[serde(default)]
    kind: BTreeMap<String, Named>,
    /// Names of agencies and functions; a directory has them, no catalogue.
    #[serde(skip)]
    offices: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    health: bool,
}

impl Names {
    /// Reads a catalogue in the form of `ops/reference/catalogue.toml`.
    ///
    /// # Errors
    /// Not such a file.
    pub fn from_toml(text: &str) -> Result<Self, ClientError> {
        let malformed = |_| ClientError::argument("catalogue", "a catalogue file in TOML");
        toml::from_str(text).map_err(malformed)
    }

    /// Adds names of agencies (`agency`) and of their functions (`agency/function`), as a directory gives them.
    #[must_use]
    pub fn with_offices(mut self, offices: impl IntoIterator<Item = (String, String)>) -> Self {
        self.offices.extend(offices);
        self
    }

    /// What an agency or a function is called, as a page may show it; without a name the identifier itself.
    #[must_use]
    pub fn office(&self, id: &str) -> String {
        shown(self.offices.get(id).map_or(id, String::as_str))
    }

    /// The same with the identifier behind the name: names are given by agencies themselves and may be alike.
    #[must_use]
    pub fn office_and_id(&self, id: &str) -> String {
        match self.offices.get(id) {
            Some(name) => format!("{} ({})", shown(name), shown(id)),
            None => shown(id),
        }
    }

    /// Name of a purpose, as a page may show it; without one the code itself.
    #[must_use]
    pub fn purpose(&self, code: &str) -> String {
        named(&self.purpose, code)
    }

    /// Name of a category, as a page may show it; without one the code itself.
    #[must_use]
    pub fn category(&self, code: &str) -> String {
        named(&self.category, code)
    }

    /// Names of categories in a row.
    #[must_use]
    pub fn categories(&self, codes: &[String]) -> String {
        codes.iter().map(|code| self.category(code)).collect::<Vec<_>>().join(", ")
    }

    /// Whether the catalogue has this purpose.
    #[must_use]
    pub fn has_purpose(&self, code: &str) -> bool {
        self.purpose.contains_key(code)
    }

    /// Whether the catalogue has this category.
    #[must_use]
    pub fn has_category(&self, code: &str) -> bool {
        self.category.contains_key(code)
    }

    /// Name of a kind, as a page may show it; without one the code itself.
    #[must_use]
    pub fn kind(&self, code: &str) -> String {
        named(&self.kind, code)
    }

    /// Codes of all purposes with their names, by code.
    pub fn purposes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.purpose.iter().map(|(code, named)| (code.as_str(), named.name.as_str()))
    }

    /// Codes of all categories with their names, by code.
    pub fn categories_of_all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.category.iter().map(|(code, named)| (code.as_str(), named.name.as_str()))
    }

    /// Codes of all kinds with their names, by code.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kind.iter().map(|(code, named)| (code.as_str(), named.name.as_str()))
    }

    /// Whether a category is about health. Source: GDPR Art. 9.
    #[must_use]
    pub fn is_health(&self, code: &str) -> bool {
        self.category.get(code).is_some_and(|named| named.health)
    }
}

fn named(names: &BTreeMap<String, Named>, code: &str) -> String {
    shown(names.get(code).map_or(code, |named| named.name.as_str()))
}

/// Texts that informed participants, found by the hash that a consent names.
#[derive(Clone, Debug, Default)]
pub struct Texts(HashMap<Digest, String>);

impl Texts {
    /// Takes the texts of files.
    pub fn new(texts: impl IntoIterator<Item = String>) -> Self {
        Self(texts.into_iter().map(|text| (sha256(&[text.as_bytes()]), text)).collect())
    }

    /// The text of this hash, in full. Characters that could turn or hide parts of it are replaced.
    fn text(&self, hash: &[u8]) -> Option<String> {
        let hash = Digest::try_from(hash).ok()?;
        self.0.get(&hash).map(|text| text.chars().map(visible).collect())
    }
}

/// A value as a page may show it: no invisible or text-turning characters, not endless. Markup is left to
/// the template, which escapes it.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).map(visible).collect();
    if text.chars().nth(SHOWN_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The character itself, or a replacement if it would be invisible or change how others are shown.
pub(crate) fn visible(character: char) -> char {
    let is_hidden = match character {
        '\n' | '\t' => false,
        // Unicode's Default_Ignorable_Code_Point, the separators of lines, and the empty pattern of Braille.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            true
        }
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' => true,
        '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' => true,
        '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        other => other.is_control(),
    };
    if is_hidden { '\u{fffd}' } else { character }
}
