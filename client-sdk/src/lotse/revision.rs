//! The next revision of a consent, made of the one before: narrower, or renewed.
//!
//! Owns the check that a narrowing covers nothing that was not covered before. A question is covered by one grant
//! alone; so a document whose every grant lies within one grant of the other covers no more than that.

use bytes::Bytes;
use schleuse_proto::evidence::{Digest, sha256};
use schleuse_proto::v1;

use super::{ConsentRecord, REVIEW_MONTHS_MAX};
use crate::clock::months_later;
use crate::error::ClientError;

/// One way in which a consent becomes narrower. Grants are counted from 0, as in the newest revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Narrowing {
    /// Takes a grant out.
    DropGrant(usize),
    /// Takes a category out of a grant.
    DropCategory {
        /// Which grant.
        grant: usize,
        /// Its code.
        category: String,
    },
    /// Takes a sender out of a grant.
    DropSender {
        /// Which grant.
        grant: usize,
        /// The agency.
        sender: String,
    },
    /// Ends all grants at this instant, if they do not end before.
    Until(i64),
}

/// The next revision, narrower than the newest. The review stays when it was, or follows after six months if that
/// is over: a narrowing is a talk with the participant.
///
/// # Errors
/// It names a grant, category or sender that there is not, changes nothing, or leaves nothing.
pub fn narrowed(
    previous: &ConsentRecord,
    narrowings: &[Narrowing],
    now_ms: i64,
) -> Result<v1::ConsentDocument, ClientError> {
    let before = &previous.document;
    let mut grants: Vec<Option<v1::Grant>> = before.grants.iter().cloned().map(Some).collect();
    let missing = |what, expected: &str| ClientError::argument(what, expected);
    for narrowing in narrowings {
        match narrowing {
            Narrowing::DropGrant(index) => {
                let grant = grants.get_mut(*index);
                *grant.ok_or_else(|| missing("grant", "the number of a grant"))? = None;
            }
            Narrowing::DropCategory { grant, category } => {
                let grant = grants.get_mut(*grant).and_then(Option::as_mut);
                let grant = grant.ok_or_else(|| missing("grant", "the number of a grant"))?;
                take(&mut grant.categories, category, "category")?;
            }
            Narrowing::DropSender { grant, sender } => {
                let grant = grants.get_mut(*grant).and_then(Option::as_mut);
                let grant = grant.ok_or_else(|| missing("grant", "the number of a grant"))?;
                take(&mut grant.senders, sender, "sender")?;
            }
            Narrowing::Until(until_ms) => {
                for grant in grants.iter_mut().flatten() {
                    grant.not_after_ms = grant.not_after_ms.min(*until_ms);
                }
            }
        }
    }
    let left = grants.into_iter().flatten().filter(|grant| {
        !grant.categories.is_empty()
            && !grant.senders.is_empty()
            && grant.not_before_ms < grant.not_after_ms
    });
    let left: Vec<v1::Grant> = left.collect();
    if left.is_empty() {
        return Err(missing(
            "narrowing",
            "one that leaves something: otherwise revoke the consent",
        ));
    }
    if left == before.grants {
        return Err(missing("narrowing", "one that changes something"));
    }
    let mut document = next(previous, left, now_ms);
    if before.review_by_ms <= now_ms {
        document.review_by_ms = months_later(now_ms, REVIEW_MONTHS_MAX)?;
    }
    check_narrower(&document, before)?;
    Ok(document)
}

/// The next revision, with all grants holding from now on for some calendar months, and the evidence that the
/// participant renewed it. The review follows after six months.
///
/// # Errors
/// The end is beyond the calendar.
pub fn renewed(
    previous: &ConsentRecord,
    months: u32,
    evidence: &[Digest],
    now_ms: i64,
) -> Result<v1::ConsentDocument, ClientError> {
    let not_after_ms = months_later(now_ms, months)?;
    let grants = previous.document.grants.iter().cloned();
    let grants = grants.map(|grant| v1::Grant { not_before_ms: now_ms, not_after_ms, ..grant });
    let mut document = next(previous, grants.collect(), now_ms);
    let hashes = evidence.iter().map(|file| Bytes::copy_from_slice(file));
    document.evidence_hashes = hashes.collect();
    document.review_by_ms = months_later(now_ms, REVIEW_MONTHS_MAX)?;
    Ok(document)
}

fn next(previous: &ConsentRecord, grants: Vec<v1::Grant>, now_ms: i64) -> v1::ConsentDocument {
    v1::ConsentDocument {
        revision: previous.document.revision.saturating_add(1),
        previous_hash: Bytes::copy_from_slice(&sha256(&[&previous.document_bytes])),
        grants,
        signed_at_ms: now_ms,
        ..previous.document.clone()
    }
}

fn take(codes: &mut Vec<String>, code: &str, what: &'static str) -> Result<(), ClientError> {
    let position = codes.iter().position(|known| known == code);
    let position =
        position.ok_or_else(|| ClientError::argument(what, "one that the grant names"))?;
    codes.remove(position);
    Ok(())
}

/// Checks that a document covers nothing that another one does not cover.
///
/// # Errors
/// A grant goes beyond every grant of the other.
pub fn check_narrower(
    narrower: &v1::ConsentDocument,
    than: &v1::ConsentDocument,
) -> Result<(), ClientError> {
    let mut grants = narrower.grants.iter();
    if grants.all(|grant| than.grants.iter().any(|wider| lies_within(grant, wider))) {
        return Ok(());
    }
    Err(ClientError::argument("grant", "one that lies within a grant of the revision before"))
}

fn lies_within(grant: &v1::Grant, wider: &v1::Grant) -> bool {
    grant.recipient == wider.recipient
        && grant.purpose == wider.purpose
        && grant.senders.iter().all(|sender| wider.senders.contains(sender))
        && grant.categories.iter().all(|category| wider.categories.contains(category))
        && grant.not_before_ms >= wider.not_before_ms
        && grant.not_after_ms <= wider.not_after_ms
}
