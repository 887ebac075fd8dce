//! Documents that stand beside the consents: releases, objections, the end of participation.

use schleuse_proto::evidence::{SafeguardDocument, sha256};
use schleuse_proto::v1;

use super::{
    DocumentError, agency, canonical, digest, invalid, parse_address, parse_categories,
    parse_purposes, reference, time,
};
use crate::domain::Catalogue;
use crate::domain::ids::{ObjectionId, ReleaseId};
use crate::domain::refusal::Refusal;
use crate::domain::safeguards::{ObjectionDocument, ReleaseDocument, SafeguardAct};

/// Largest document of a release or objection in bytes.
const SAFEGUARD_BYTES_MAX: usize = 16 * 1024;
/// Largest document that ends something, in bytes.
const END_BYTES_MAX: usize = 256;
/// Most recipients or agencies of an objection.
const PARTIES_MAX: usize = 16;

/// Parses a document of this kind.
///
/// # Errors
/// It is not canonical, or a field is missing, malformed or unknown.
pub fn parse_safeguard(
    document: SafeguardDocument,
    bytes: &[u8],
    catalogue: &Catalogue,
) -> Result<SafeguardAct, DocumentError> {
    let name = document.name();
    Ok(match document {
        SafeguardDocument::Release => {
            SafeguardAct::Release(Box::new(parse_release(bytes, catalogue)?))
        }
        SafeguardDocument::Objection => {
            SafeguardAct::Objection(Box::new(parse_objection(bytes, catalogue)?))
        }
        SafeguardDocument::ReleaseRevocation => {
            let document: v1::SecrecyReleaseRevocationDocument =
                canonical(name, bytes, END_BYTES_MAX)?;
            time(document.signed_at_ms, "signed_at_ms")?;
            SafeguardAct::ReleaseRevocation {
                release: ReleaseId::parse(&document.release_id)
                    .ok_or(invalid("release_id", "16 bytes"))?,
                release_hash: digest(&document.release_hash, "release_hash")?,
            }
        }
        SafeguardDocument::ObjectionWithdrawal => {
            let document: v1::ObjectionWithdrawalDocument = canonical(name, bytes, END_BYTES_MAX)?;
            time(document.signed_at_ms, "signed_at_ms")?;
            SafeguardAct::ObjectionWithdrawal {
                objection: ObjectionId::parse(&document.objection_id)
                    .ok_or(invalid("objection_id", "16 bytes"))?,
                objection_hash: digest(&document.objection_hash, "objection_hash")?,
            }
        }
        SafeguardDocument::ParticipationEnd => {
            let document: v1::ParticipationEndDocument = canonical(name, bytes, END_BYTES_MAX)?;
            time(document.signed_at_ms, "signed_at_ms")?;
            SafeguardAct::ParticipationEnd {
                participant: reference(&document.participant_reference)?,
            }
        }
    })
}

fn parse_release(bytes: &[u8], catalogue: &Catalogue) -> Result<ReleaseDocument, DocumentError> {
    let name = SafeguardDocument::Release.name();
    let document: v1::SecrecyReleaseDocument = canonical(name, bytes, SAFEGUARD_BYTES_MAX)?;
    let text = document.text.as_ref().is_some_and(|text| {
        (1..=40).contains(&text.version.len())
            && text.hash.len() == 32
            && (2..=35).contains(&text.language.len())
    });
    if !text {
        let expected = "version (1 to 40 characters), SHA-256 hash and language of the text given";
        return Err(invalid("text", expected).into());
    }
    let hashes = &document.evidence_hashes;
    if !(1..=16).contains(&hashes.len()) || hashes.iter().any(|hash| hash.len() != 32) {
        return Err(invalid("evidence_hashes", "1 to 16 SHA-256 hashes").into());
    }
    let categories = parse_categories(&document.categories, catalogue, "categories")?;
    if categories.is_empty() {
        return Err(Refusal::TooBroad { field: "categories" }.into());
    }
    let purposes = parse_purposes(&document.purposes, catalogue, "purposes")?;
    if purposes.is_empty() {
        return Err(Refusal::TooBroad { field: "purposes" }.into());
    }
    Ok(ReleaseDocument {
        release_id: ReleaseId::parse(&document.release_id)
            .ok_or(invalid("release_id", "16 bytes"))?,
        participant: reference(&document.participant_reference)?,
        holder: parse_address(document.holder.as_ref(), "holder")?,
        addressee: parse_address(document.addressee.as_ref(), "addressee")?,
        categories,
        purposes,
        not_before: time(document.not_before_ms, "not_before_ms")?,
        not_after: time(document.not_after_ms, "not_after_ms")?,
        signed_at: time(document.signed_at_ms, "signed_at_ms")?,
        hash: sha256(&[bytes]),
    })
}

/// Parses an objection.
///
/// # Errors
/// It is not canonical, or a field is malformed or unknown.
fn parse_objection(
    bytes: &[u8],
    catalogue: &Catalogue,
) -> Result<ObjectionDocument, DocumentError> {
    let name = SafeguardDocument::Objection.name();
    let document: v1::ObjectionDocument = canonical(name, bytes, SAFEGUARD_BYTES_MAX)?;
    if document.recipients.len() > PARTIES_MAX || document.agencies.len() > PARTIES_MAX {
        return Err(invalid("recipients", "at most 16 recipients and 16 agencies").into());
    }
    let recipients = document.recipients.iter().map(|to| parse_address(Some(to), "recipients"));
    let agencies = document.agencies.iter().map(|text| agency(text, "agencies"));
    Ok(ObjectionDocument {
        objection_id: ObjectionId::parse(&document.objection_id)
            .ok_or(invalid("objection_id", "16 bytes"))?,
        participant: reference(&document.participant_reference)?,
        recipients: recipients.collect::<Result<_, _>>()?,
        agencies: agencies.collect::<Result<_, _>>()?,
        purposes: parse_purposes(&document.purposes, catalogue, "purposes")?,
        categories: parse_categories(&document.categories, catalogue, "categories")?,
        until: match document.until_ms {
            0 => None,
            until => Some(time(until, "until_ms")?),
        },
        signed_at: time(document.signed_at_ms, "signed_at_ms")?,
        hash: sha256(&[bytes]),
    })
}
