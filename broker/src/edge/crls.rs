//! Revocation lists: read, compared with the ones before, asked about live connections.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, ParsedExtension};
use x509_parser::revocation_list::CertificateRevocationList;

use crate::domain::ids::TimeMs;

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CrlError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not a list.
    #[error("{path} is not a PEM certificate revocation list with a number and a next update")]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// Older than the one in force.
    #[error(
        "{path} has number {found}, but number {known} was seen before; older lists are refused"
    )]
    Older {
        /// Which file.
        path: PathBuf,
        /// Number in the file.
        found: u64,
        /// Number in force.
        known: u64,
    },
}

/// What one list says.
#[derive(Clone, Debug)]
struct List {
    issuer: String,
    number: u64,
    next_update_ms: TimeMs,
    revoked: Vec<Vec<u8>>,
}

/// What is told of a list in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrlFacts {
    /// Its issuer, as text.
    pub issuer: String,
    /// Its number.
    pub number: u64,
    /// From this instant on it counts for nothing.
    pub next_update: TimeMs,
}

/// All lists, by issuer.
#[derive(Clone, Debug, Default)]
pub struct Crls {
    ders: Vec<CertificateRevocationListDer<'static>>,
    by_issuer: HashMap<Vec<u8>, List>,
}

impl Crls {
    /// Reads all `*.pem` files of a folder.
    ///
    /// # Errors
    /// A file is not a list, or is older than `before` knows it.
    pub fn load(folder: &Path, before: Option<&Self>) -> Result<Self, CrlError> {
        let failed = |source| CrlError::Read { path: folder.to_owned(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut crls = Self::default();
        for path in paths {
            crls.add(path, before)?;
        }
        Ok(crls)
    }

    fn add(&mut self, path: PathBuf, before: Option<&Self>) -> Result<(), CrlError> {
        let text =
            std::fs::read(&path).map_err(|source| CrlError::Read { path: path.clone(), source })?;
        let malformed = || CrlError::Malformed { path: path.clone() };
        let der = CertificateRevocationListDer::from_pem_slice(&text).map_err(|_| malformed())?;
        let (issuer, list) = parse(&der).ok_or_else(malformed)?;
        let known = before.and_then(|before| before.by_issuer.get(&issuer)).map(|l| l.number);
        if let Some(known) = known.filter(|known| list.number < *known) {
            return Err(CrlError::Older { path, found: list.number, known });
        }
        if self.by_issuer.get(&issuer).is_some_and(|other| other.number > list.number) {
            return Ok(());
        }
        self.by_issuer.insert(issuer, list);
        self.ders.push(der);
        Ok(())
    }

    /// The lists themselves, for the TLS verifier.
    #[must_use]
    pub fn ders(&self) -> &[CertificateRevocationListDer<'static>] {
        &self.ders
    }

    /// What is told of the lists, by issuer.
    #[must_use]
    pub fn facts(&self) -> Vec<CrlFacts> {
        let facts = self.by_issuer.values().map(|list| CrlFacts {
            issuer: list.issuer.clone(),
            number: list.number,
            next_update: list.next_update_ms,
        });
        let mut facts: Vec<CrlFacts> = facts.collect();
        facts.sort();
        facts
    }

    /// Whether a certificate is good at an instant: its issuer's list is known, not past its next
    /// update, and does not name it.
    #[must_use]
    pub fn is_good(&self, issuer: &[u8], serial: &[u8], now: TimeMs) -> bool {
        self.by_issuer.get(issuer).is_some_and(|list| {
            now < list.next_update_ms && !list.revoked.iter().any(|revoked| revoked == serial)
        })
    }
}

fn parse(der: &[u8]) -> Option<(Vec<u8>, List)> {
    let (rest, list) = CertificateRevocationList::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let number = list.extensions().iter().find_map(|extension| {
        if let ParsedExtension::CRLNumber(number) = extension.parsed_extension() {
            u64::try_from(number).ok()
        } else {
            None
        }
    })?;
    let next_update = TimeMs::try_from(list.next_update()?.timestamp()).ok()?;
    let revoked = list.iter_revoked_certificates().map(|revoked| {
        revoked.raw_serial().iter().copied().skip_while(|byte| *byte == 0).collect()
    });
    let parsed = List {
        issuer: list.issuer().to_string(),
        number,
        next_update_ms: next_update * 1000,
        revoked: revoked.collect(),
    };
    Some((list.issuer().as_raw().to_vec(), parsed))
}
