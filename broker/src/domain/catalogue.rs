//! The catalogue: purposes, data categories and message kinds, from a versioned TOML file.
//!
//! Codes that the file does not have are refused. Codes are stable: a new version may add, never
//! change the meaning. The journal stores codes, not the numbers made here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schleuse_proto::evidence::{Digest, sha256};
use serde::Deserialize;

/// Most categories that one catalogue can have: they are bits of a [`Categories`] set.
pub const CATEGORIES_MAX: usize = 32;
/// Most purposes that one catalogue can have.
pub const PURPOSES_MAX: usize = 1000;

/// A set of data categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Categories(u32);

impl Categories {
    /// Whether every category of `other` is in this set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Number of a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Purpose(u16);

#[cfg(test)]
impl Purpose {
    /// Any code, for tests of what only carries it.
    pub(crate) fn for_test(number: u16) -> Self {
        Self(number)
    }
}

/// Number of a message kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(u16);

/// The codes in force.
#[derive(Debug)]
pub struct Catalogue {
    version: String,
    hash: Digest,
    purposes: Vec<String>,
    purpose_numbers: HashMap<String, Purpose>,
    without_participant: Vec<Purpose>,
    categories: Vec<String>,
    category_numbers: HashMap<String, Categories>,
    health: Categories,
    kinds: Vec<(String, Vec<Purpose>)>,
    kind_numbers: HashMap<String, Kind>,
    secret_kinds: BTreeSet<Kind>,
    secret_functions: BTreeSet<String>,
}

/// Code of the purpose of grants that let another Lotse act as deputy; none without it in the catalogue.
pub const DEPUTY_PURPOSE: &str = "vertretung";

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    purpose: BTreeMap<String, PurposeCode>,
    category: BTreeMap<String, CategoryCode>,
    kind: BTreeMap<String, KindCode>,
    #[serde(default)]
    function: BTreeMap<String, FunctionCode>,
}

/// A function of any agency about which there is something to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionCode {
    #[serde(rename = "name")]
    _name: String,
    /// Whatever it sends is a professional secret.
    #[serde(default)]
    secrecy: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PurposeCode {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default)]
    without_participant: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryCode {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default)]
    health: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindCode {
    #[serde(rename = "name")]
    _name: String,
    purposes: Vec<String>,
    /// Such a message is always a professional secret.
    #[serde(default)]
    secrecy: bool,
}

/// Why a catalogue file is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Not the expected TOML.
    #[error("catalogue: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A rule is broken.
    #[error("catalogue: {0}")]
    Rule(String),
}

impl Catalogue {
    /// Reads a catalogue file.
    ///
    /// # Errors
    /// The text is not a catalogue, a code is malformed, or a kind names an unknown purpose.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let file: File = toml::from_str(text)?;
        let rule = |broken: bool, text: String| {
            if broken { Err(CatalogueError::Rule(text)) } else { Ok(()) }
        };
        rule(
            file.category.len() > CATEGORIES_MAX,
            format!("more than {CATEGORIES_MAX} categories"),
        )?;
        rule(file.purpose.len() > PURPOSES_MAX, format!("more than {PURPOSES_MAX} purposes"))?;
        rule(file.kind.len() > PURPOSES_MAX, format!("more than {PURPOSES_MAX} kinds"))?;
        let codes = file.purpose.keys().chain(file.category.keys()).chain(file.kind.keys());
        for code in codes.chain(file.function.keys()) {
            rule(!is_code(code), format!("{code}: a code is 1 to 40 of [a-z0-9.-]"))?;
        }
        let without: Vec<bool> =
            file.purpose.values().map(|purpose| purpose.without_participant).collect();
        let without_participant = without.iter().zip(0..).filter(|(without, _)| **without);
        let without_participant = without_participant.map(|(_, number)| Purpose(number)).collect();
        let purposes: Vec<String> = file.purpose.into_keys().collect();
        let purpose_numbers: HashMap<String, Purpose> = purposes
            .iter()
            .zip(0..)
            .map(|(code, number)| (code.clone(), Purpose(number)))
            .collect();
        let mut health = Categories::default();
        let mut category_numbers = HashMap::new();
        let mut categories = Vec::new();
        for ((code, entry), bit) in file.category.into_iter().zip(0..) {
            let set = Categories(1 << bit);
            if entry.health {
                health = health.union(set);
            }
            category_numbers.insert(code.clone(), set);
            categories.push(code);
        }
        let mut kinds = Vec::new();
        let numbered = file.kind.values().zip(0..);
        let secret_kinds =
            numbered.filter(|(entry, _)| entry.secrecy).map(|(_, number)| Kind(number)).collect();
        let secret_functions = file.function.into_iter().filter(|(_, entry)| entry.secrecy);
        let secret_functions = secret_functions.map(|(code, _)| code).collect();
        for (code, entry) in file.kind {
            let permitted = entry.purposes.iter().map(|purpose| {
                purpose_numbers.get(purpose).copied().ok_or_else(|| {
                    CatalogueError::Rule(format!("{code}: unknown purpose {purpose}"))
                })
            });
            kinds.push((code.clone(), permitted.collect::<Result<_, _>>()?));
        }
        let kind_numbers =
            kinds.iter().zip(0..).map(|((code, _), number)| (code.clone(), Kind(number))).collect();
        Ok(Self {
            version: file.version,
            hash: sha256(&[text.as_bytes()]),
            purposes,
            purpose_numbers,
            without_participant,
            categories,
            category_numbers,
            health,
            kinds,
            kind_numbers,
            secret_kinds,
            secret_functions,
        })
    }

    /// Version that the file states.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 of the file.
    #[must_use]
    pub fn hash(&self) -> &Digest {
        &self.hash
    }

    /// The purpose with this code.
    #[must_use]
    pub fn purpose(&self, code: &str) -> Option<Purpose> {
        self.purpose_numbers.get(code).copied()
    }

    /// The category with this code, as a set of one.
    #[must_use]
    pub fn category(&self, code: &str) -> Option<Categories> {
        self.category_numbers.get(code).copied()
    }

    /// The kind with this code.
    #[must_use]
    pub fn kind(&self, code: &str) -> Option<Kind> {
        self.kind_numbers.get(code).copied()
    }

    /// Code of a purpose.
    #[must_use]
    pub fn purpose_code(&self, purpose: Purpose) -> &str {
        self.purposes.get(usize::from(purpose.0)).map_or("", String::as_str)
    }

    /// Whether messages of the purpose are about nobody: no reference, no category, no consent.
    #[must_use]
    pub fn is_without_participant(&self, purpose: Purpose) -> bool {
        self.without_participant.contains(&purpose)
    }

    /// Codes of the purposes that forbid a participant, sorted.
    #[must_use]
    pub fn codes_without_participant(&self) -> Vec<String> {
        let codes = self.without_participant.iter().map(|purpose| self.purpose_code(*purpose));
        codes.map(str::to_owned).collect()
    }

    /// Code of a kind.
    #[must_use]
    pub fn kind_code(&self, kind: Kind) -> &str {
        self.kinds.get(usize::from(kind.0)).map_or("", |(code, _)| code)
    }

    /// Codes of a set of categories, sorted.
    pub fn category_codes(&self, set: Categories) -> impl Iterator<Item = &str> {
        self.categories
            .iter()
            .zip(0..)
            .filter(move |(_, bit)| set.contains(Categories(1 << bit)))
            .map(|(code, _)| code.as_str())
    }

    /// All categories that count as health data. Source: GDPR Art. 9.
    #[must_use]
    pub fn health(&self) -> Categories {
        self.health
    }

    /// Whether what such a function sends as such a kind is always a professional secret. Source: § 203 StGB.
    #[must_use]
    pub fn is_professional_secret(&self, kind: Kind, sending_function: &str) -> bool {
        self.secret_kinds.contains(&kind) || self.secret_functions.contains(sending_function)
    }

    /// The purpose of grants that let another Lotse act as deputy.
    #[must_use]
    pub fn deputy_purpose(&self) -> Option<Purpose> {
        self.purpose(DEPUTY_PURPOSE)
    }

    /// Whether the purpose permits the kind.
    #[must_use]
    pub fn permits(&self, purpose: Purpose, kind: Kind) -> bool {
        self.kinds.get(usize::from(kind.0)).is_some_and(|(_, purposes)| purposes.contains(&purpose))
    }
}

fn is_code(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        version = "1"
        [purpose]
        fallkonferenz = { name = "Fallkonferenz" }
        [category]
        gesundheit = { name = "Gesundheit", health = true }
        termine = { name = "Termine" }
        [kind]
        "fallkonferenz.request" = { name = "Einladung", purposes = ["fallkonferenz"] }
    "#;

    #[test]
    fn codes_of_the_file_are_known_and_no_others() {
        let catalogue = Catalogue::parse(SMALL).unwrap();
        let purpose = catalogue.purpose("fallkonferenz").unwrap();
        let kind = catalogue.kind("fallkonferenz.request").unwrap();
        assert!(catalogue.permits(purpose, kind));
        assert_eq!(catalogue.health(), catalogue.category("gesundheit").unwrap());
        assert_eq!(catalogue.category("sucht"), None);
        assert_eq!(catalogue.purpose_code(purpose), "fallkonferenz");
    }

    #[test]
    fn kinds_and_functions_may_always_be_professional_secrets() {
        let text = SMALL.replace("[\"fallkonferenz\"] }", "[\"fallkonferenz\"], secrecy = true }");
        let always = Catalogue::parse(&text).unwrap();
        let kind = always.kind("fallkonferenz.request").unwrap();
        assert!(always.is_professional_secret(kind, "zentrale"));
        let more = "[function]\naerztlicher-dienst = { name = \"ÄD\", secrecy = true }";
        let by_function = Catalogue::parse(&format!("{SMALL}{more}")).unwrap();
        assert!(by_function.is_professional_secret(kind, "aerztlicher-dienst"));
        assert!(!by_function.is_professional_secret(kind, "zentrale"));
    }

    #[test]
    fn faulty_files_are_refused_by_name() {
        for (from, to, what) in [
            ("[\"fallkonferenz\"]", "[\"andere\"]", "unknown purpose andere"),
            ("termine =", "Termine =", "a code is 1 to 40"),
            ("version = \"1\"", "", "missing field `version`"),
            ("health = true", "health = true, more = 1", "unknown field `more`"),
        ] {
            let error = Catalogue::parse(&SMALL.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
