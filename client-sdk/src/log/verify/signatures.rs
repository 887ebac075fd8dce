//! Signatures inside rows: that messages, directory entries and consents come from whom they name.
//!
//! First the rows say who must have signed what; then each certificate is checked once, and each signature
//! once: a batch has one for all its messages. Signatures are checked on all cores.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::thread;

use schleuse_proto::evidence::{
    Digest, batch_leaf, batch_root, batch_signed_bytes, confirmation_signed_bytes,
    consent_signed_bytes, decode_canonical, directory_signed_bytes, label_digest,
    revocation_signed_bytes,
};
use schleuse_proto::identity::{Leaf, Role};
use schleuse_proto::trust::Trust;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::shown::Shown;
use crate::log::{LogRow, Safeguard};

/// Fewer signatures than this are not worth a thread of their own.
const SIGNATURES_OF_THREAD_MIN: usize = 64;

/// Who may sign messages and directory entries.
const SENDERS: &[Role] = &[Role::System, Role::Lotse];
/// Who may sign consents, and what ends or confirms them.
const LOTSE: &[Role] = &[Role::Lotse];

/// Checks the signatures of all rows against a table of trust.
pub(super) fn check(shown: &Shown<'_>, trust: &Trust) -> Result<String, String> {
    let mut claims = Vec::new();
    let mut messages = 0_u64;
    for (row, label) in shown.labelled() {
        let claim = claim(row, label);
        let claim = claim.map_err(|why| format!("record {}: {why}", row.record_number))?;
        messages += u64::from(matches!(row.event(), Some(Event::MessageDecided(_))));
        claims.extend(claim);
    }
    let leaves = Leaves::of(&claims, trust);
    let mut distinct: HashSet<(&[u8], &[u8], &[u8])> = HashSet::new();
    let mut pending: Vec<Pending<'_>> = Vec::new();
    for claim in &claims {
        let wrong = |why: String| format!("record {}: {why}", claim.record);
        let leaf = leaves.at(claim, trust).map_err(wrong)?;
        let identity = &leaf.identity;
        let is_of_agency = claim.agency.is_none_or(|agency| agency == identity.agency);
        if !is_of_agency || !claim.roles.contains(&identity.role) {
            return Err(wrong(format!("signed by {identity}, who may not")));
        }
        let signature = claim.signature;
        let key = (signature.certificate.as_ref(), signature.value.as_ref(), &*claim.signed);
        if distinct.insert(key) {
            pending.push((claim, leaf));
        }
    }
    if let Some(record) = first_false(&pending) {
        return Err(format!("record {record}: the signature does not verify"));
    }
    let documents = u64::try_from(claims.len()).unwrap_or(u64::MAX).saturating_sub(messages);
    Ok(format!(
        "{messages} messages and {documents} documents were signed by the agencies that they name"
    ))
}

/// A signature that is still to be checked, and the certificate that it needs.
type Pending<'a> = (&'a Claim<'a>, Cow<'a, Leaf>);

/// Record of the first signature that does not verify.
fn first_false(pending: &[Pending<'_>]) -> Option<u64> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let of_thread = pending.len().div_ceil(cores).max(SIGNATURES_OF_THREAD_MIN);
    let check = |part: &[Pending<'_>]| {
        let is_false = |(claim, leaf): &&Pending<'_>| {
            leaf.verify(&claim.signed, &claim.signature.value).is_err()
        };
        part.iter().find(is_false).map(|(claim, _)| claim.record)
    };
    thread::scope(|scope| {
        let parts: Vec<_> = pending.chunks(of_thread).collect();
        let threads: Vec<_> =
            parts.iter().map(|&part| (part, scope.spawn(move || check(part)))).collect();
        // A part whose thread failed is checked again, here.
        let found =
            threads.into_iter().map(|(part, one)| one.join().unwrap_or_else(|_| check(part)));
        found.flatten().min()
    })
}

/// That somebody signed these bytes at a time.
struct Claim<'a> {
    record: u64,
    signed: Vec<u8>,
    signature: &'a v1::Signature,
    time_ms: u64,
    /// Agency that must have signed; none: any.
    agency: Option<&'a str>,
    roles: &'static [Role],
}

fn claim<'a>(
    row: &'a LogRow,
    label: Option<&'a v1::Label>,
) -> Result<Option<Claim<'a>>, &'static str> {
    Ok(Some(match row.event() {
        Some(Event::MessageDecided(decided)) => {
            message(row, decided, label.ok_or("a malformed label")?)?
        }
        Some(Event::DirectoryPublished(published)) => {
            let document = decode_canonical::<v1::DirectoryDocument>(&published.document);
            let document = document.map_err(|_| "a malformed directory entry")?;
            if actor(row) != Some(document.agency.as_str()) {
                return Err("a directory entry of another agency");
            }
            let signed = directory_signed_bytes(&published.document);
            document_claim(row, signed, published.signature.as_ref(), SENDERS)?
        }
        Some(Event::ConsentRecorded(_)) if row.document.is_some() => {
            let signed = consent_signed_bytes(&row.wire.document);
            document_claim(row, signed, row.wire.document_signature.as_ref(), LOTSE)?
        }
        Some(Event::ConsentRevoked(revoked)) => revocation(row, revoked)?,
        Some(Event::ConsentConfirmed(confirmed)) => {
            let signed = confirmation_signed_bytes(&confirmed.document);
            document_claim(row, signed, confirmed.signature.as_ref(), LOTSE)?
        }
        Some(event) if row.safeguard.is_some() => {
            let Some((document, _)) = Safeguard::named(Some(event)) else { return Ok(None) };
            let signed = document.signed_bytes(&row.wire.document);
            document_claim(row, signed, row.wire.document_signature.as_ref(), LOTSE)?
        }
        _ => return Ok(None),
    }))
}

fn message<'a>(
    row: &'a LogRow,
    decided: &'a v1::MessageDecided,
    label: &'a v1::Label,
) -> Result<Claim<'a>, &'static str> {
    let payload: Digest =
        decided.payload_digest.as_ref().try_into().map_err(|_| "a malformed payload digest")?;
    let batch = decided.signature.as_ref().ok_or("a message without a signature")?;
    let leaf = batch_leaf(&label_digest(&decided.label), &payload);
    let root = batch_root(&leaf, batch).map_err(|_| "not in the batch that was signed")?;
    let sender = label.sender.as_ref().map(|address| address.agency.as_str());
    if sender.is_none() || sender != actor(row) {
        return Err("submitted by another agency than its sender");
    }
    Ok(Claim {
        record: row.record_number,
        signed: batch_signed_bytes(batch.tree_size, &root),
        signature: batch.signature.as_ref().ok_or("a message without a signature")?,
        time_ms: u64::try_from(label.created_at_ms).map_err(|_| "made before 1970")?,
        agency: sender,
        roles: SENDERS,
    })
}

/// A revocation; one without an actor was replayed by an operator, and counts from when it was signed.
fn revocation<'a>(
    row: &'a LogRow,
    revoked: &'a v1::ConsentRevoked,
) -> Result<Claim<'a>, &'static str> {
    let signed = revocation_signed_bytes(&revoked.document);
    if actor(row).is_some() {
        return document_claim(row, signed, revoked.signature.as_ref(), LOTSE);
    }
    let document = decode_canonical::<v1::RevocationDocument>(&revoked.document);
    let signed_at = document.map_err(|_| "a malformed revocation")?.signed_at_ms;
    Ok(Claim {
        record: row.record_number,
        signed,
        signature: revoked.signature.as_ref().ok_or("a document without a signature")?,
        time_ms: u64::try_from(signed_at).map_err(|_| "signed before 1970")?,
        agency: None,
        roles: LOTSE,
    })
}

/// A document that the actor's agency signed, believed at the time of the record.
fn document_claim<'a>(
    row: &'a LogRow,
    signed: Vec<u8>,
    signature: Option<&'a v1::Signature>,
    roles: &'static [Role],
) -> Result<Claim<'a>, &'static str> {
    Ok(Claim {
        record: row.record_number,
        signed,
        signature: signature.ok_or("a document without a signature")?,
        time_ms: row.skeleton.time_ms,
        agency: Some(actor(row).ok_or("a document of nobody")?),
        roles,
    })
}

fn actor(row: &LogRow) -> Option<&str> {
    row.caused_by().map(|actor| actor.agency.as_str())
}

/// Certificates that are believed from the first to the last time at which they are needed. Validity is
/// an interval, so one that is believed at both ends is believed in between.
struct Leaves<'a>(HashMap<&'a [u8], Leaf>);

impl<'a> Leaves<'a> {
    fn of(claims: &[Claim<'a>], trust: &Trust) -> Self {
        let mut spans: HashMap<&'a [u8], (u64, u64)> = HashMap::new();
        for claim in claims {
            let time = claim.time_ms;
            let span = spans.entry(&claim.signature.certificate).or_insert((time, time));
            *span = (span.0.min(time), span.1.max(time));
        }
        let believed = spans.into_iter().filter_map(|(certificate, (first, last))| {
            trust.check_leaf(certificate, last).ok()?;
            Some((certificate, trust.check_leaf(certificate, first).ok()?))
        });
        Self(believed.collect())
    }

    fn at(&self, claim: &Claim<'_>, trust: &Trust) -> Result<Cow<'_, Leaf>, String> {
        if !has_strict_frame(&claim.signature.certificate) {
            return Err("a certificate that is not strict DER".to_owned());
        }
        if let Some(leaf) = self.0.get(claim.signature.certificate.as_ref()) {
            return Ok(Cow::Borrowed(leaf));
        }
        let leaf = trust.check_leaf(&claim.signature.certificate, claim.time_ms);
        leaf.map(Cow::Owned).map_err(|error| error.to_string())
    }
}

/// Whether a certificate is framed in strict DER, and names the same algorithm outside as inside. The issuer
/// signed only the inner part, and no hash of the log covers a certificate beside a document: without this,
/// other bytes around it would go unnoticed. Source: RFC 5280 §4.1.
fn has_strict_frame(certificate: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const BIT_STRING: u8 = 0x03;
    const VERSION: u8 = 0xa0;
    const INTEGER: u8 = 0x02;
    let parts = || {
        let (outer, behind) = element(certificate, SEQUENCE)?;
        let (inner, rest) = element(outer, SEQUENCE)?;
        let (algorithm, rest) = element(rest, SEQUENCE)?;
        let (bits, last) = element(rest, BIT_STRING)?;
        let (_version, inner) = element(inner, VERSION)?;
        let (_serial, inner) = element(inner, INTEGER)?;
        let (signed_algorithm, _) = element(inner, SEQUENCE)?;
        let is_whole = behind.is_empty() && last.is_empty() && bits.first() == Some(&0);
        Some(is_whole && algorithm == signed_algorithm)
    };
    parts() == Some(true)
}

/// Contents of a DER element with this tag and a length in the shortest form, and what is behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (usize::from(*length).max(0x80), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)).max(0x100), rest)
        }
        _ => return None,
    };
    let (content, behind) = rest.split_at_checked(length)?;
    (*found == tag).then_some((content, behind))
}
