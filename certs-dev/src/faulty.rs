//! The certificate table: certificates with one fault each, a few good ones as controls, and what
//! a broker must say to each.
//!
//! A row is a name, a verdict, a sentence, and how to make it. Everything else about a faulty
//! certificate is right: where the fault is in an issuing CA or its revocation list, that CA stands
//! in `trust.toml` for its agency, so that a broker without the check in question would accept.
//! The verdicts are edited in `controls`, `names`, `leafs` and `chains`, one column each.

mod chains;
mod controls;
mod desk;
mod leafs;
mod names;
mod tamper;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::CertsError;
use crate::files;
use desk::{Desk, Presented};

/// What a broker says to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The connection is made.
    Accepted,
    /// The handshake ends: the rustls/webpki client verifier refuses the chain (TLS 1.3, CRLs of
    /// the whole chain with their expiry enforced, only ECDSA on P-256 with SHA-256 and on P-384
    /// with SHA-384), or the client cannot prove that it has the key.
    RefusedByTls,
    /// The chain is fine for webpki, but the leaf policy, the identity grammar or the binding of
    /// issuer to agency refuses before any request.
    RefusedByIdentity,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Name of the row and of its files.
    pub name: &'static str,
    /// What a broker says.
    pub verdict: Verdict,
    /// What is wrong, or, for a control, right.
    pub what: &'static str,
    make: Recipe,
}

type Recipe = fn(&mut Desk<'_>) -> Result<Presented, CertsError>;

const PARTS: [&[Kind]; 4] = [controls::KINDS, names::KINDS, leafs::KINDS, chains::KINDS];
const COUNT: usize =
    controls::KINDS.len() + names::KINDS.len() + leafs::KINDS.len() + chains::KINDS.len();

/// The whole table.
pub const KINDS: &[Kind] = &join();

/// A certificate of the table, written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultyCertificate {
    /// Name of the row.
    pub name: &'static str,
    /// What a broker says.
    pub verdict: Verdict,
    /// What is wrong, or, for a control, right.
    pub what: &'static str,
    /// PEM chain as the client presents it.
    pub certificate: PathBuf,
    /// PKCS#8 key in PEM. Not of the leaf where that is the fault, or where there is no leaf.
    pub key: PathBuf,
}

/// Writes every kind under `faulty/`, and `faulty/table.toml`. The folder must hold the tree of
/// [`crate::Plan::demonstration`].
///
/// Besides, it revokes what has to be revoked (the lists of `root` and `drv-bayern-sued` get a
/// successor), writes `crls/faulty-*.crl.pem` and `ca/faulty-*.key`, and adds issuing CAs to
/// `trust.toml`: a broker has to read these files afterwards. May be repeated.
///
/// # Errors
/// The folder holds no such tree, or a file cannot be written.
pub fn generate_faulty(out: &Path, now_ms: u64) -> Result<Vec<FaultyCertificate>, CertsError> {
    let folder = out.join("faulty");
    files::clear(&folder)?;
    files::private_folder(&folder)?;
    files::folder(&folder.join("issuers"))?;
    let mut desk = Desk::open(out, now_ms)?;
    let mut written = Vec::with_capacity(KINDS.len());
    for kind in KINDS {
        let presented = (kind.make)(&mut desk)?;
        let certificate = folder.join(format!("{}.pem", kind.name));
        let key = folder.join(format!("{}.key", kind.name));
        files::write_public(&certificate, presented.chain().as_bytes())?;
        files::write_private(&key, presented.key.as_bytes())?;
        let Kind { name, verdict, what, .. } = *kind;
        written.push(FaultyCertificate { name, verdict, what, certificate, key });
    }
    desk.close()?;
    let table = Table { kind: KINDS.iter().map(Row::of).collect() };
    files::write_public(&folder.join("table.toml"), toml::to_string(&table)?.as_bytes())?;
    Ok(written)
}

#[derive(Serialize)]
struct Table {
    kind: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    verdict: Verdict,
    what: &'static str,
}

impl Row {
    fn of(kind: &Kind) -> Self {
        Self { name: kind.name, verdict: kind.verdict, what: kind.what }
    }
}

const fn row(name: &'static str, verdict: Verdict, what: &'static str, make: Recipe) -> Kind {
    Kind { name, verdict, what, make }
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the bounds")]
const fn join() -> [Kind; COUNT] {
    let mut all = [controls::KINDS[0]; COUNT];
    let (mut part, mut index, mut count) = (0, 0, 0);
    while part < PARTS.len() {
        while index < PARTS[part].len() {
            all[count] = PARTS[part][index];
            index += 1;
            count += 1;
        }
        index = 0;
        part += 1;
    }
    all
}

#[cfg(test)]
mod tests;
