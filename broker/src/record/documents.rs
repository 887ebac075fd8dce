//! Signed documents: from canonical bytes to domain values, in one fallible step.

mod safeguards;

use bytes::Bytes;
use schleuse_proto::evidence::{self, Digest, decode_canonical, sha256};
use schleuse_proto::v1;

use crate::domain::Catalogue;
use crate::domain::catalogue::{Categories, Purpose};
use crate::domain::consent::{ConsentDocument, GrantTerms, Representation};
use crate::domain::event::Label;
use crate::domain::ids::{Address, AgencyId, ConsentId, MessageId, Reference, ThreadId, TimeMs};
use crate::domain::refusal::Refusal;

pub use safeguards::parse_safeguard;

/// Largest consent document in bytes.
pub const CONSENT_BYTES_MAX: usize = 64 * 1024;
/// Largest label in bytes.
pub const LABEL_BYTES_MAX: usize = 4 * 1024;
/// Most categories of a label or grant.
const CATEGORIES_NAMED_MAX: usize = 16;
/// Most purposes of a representation, release or objection.
const PURPOSES_NAMED_MAX: usize = 32;

/// Why a document is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not canonical.
    #[error("{document}: {source}")]
    NotCanonical {
        /// Which document.
        document: &'static str,
        /// What is wrong.
        source: evidence::NotCanonical,
    },
    /// Too large.
    #[error("{document}: larger than {max} bytes")]
    TooLarge {
        /// Which document.
        document: &'static str,
        /// The limit.
        max: usize,
    },
    /// A field is wrong.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

pub(super) fn canonical<M: schleuse_proto::Message + Default>(
    document: &'static str,
    bytes: &[u8],
    max: usize,
) -> Result<M, DocumentError> {
    if bytes.len() > max {
        return Err(DocumentError::TooLarge { document, max });
    }
    decode_canonical(bytes).map_err(|source| DocumentError::NotCanonical { document, source })
}

pub(super) fn invalid(field: &'static str, expected: &'static str) -> Refusal {
    Refusal::InvalidField { field, expected }
}

/// Parses a consent document.
///
/// # Errors
/// It is not canonical, or a field is missing, malformed or unknown.
pub fn parse_consent(
    bytes: &[u8],
    catalogue: &Catalogue,
) -> Result<ConsentDocument, DocumentError> {
    let document: v1::ConsentDocument = canonical("ConsentDocument", bytes, CONSENT_BYTES_MAX)?;
    let text = document.text.as_ref();
    let check = |ok: bool, field, expected| if ok { Ok(()) } else { Err(invalid(field, expected)) };
    check(
        text.is_some_and(|t| {
            (1..=40).contains(&t.version.len())
                && t.hash.len() == 32
                && (2..=35).contains(&t.language.len())
        }),
        "text",
        "version (1 to 40 characters), SHA-256 hash and language of the text given",
    )?;
    check(
        matches!(
            document.form(),
            v1::ConsentForm::Written | v1::ConsentForm::Electronic | v1::ConsentForm::SpecialReason
        ),
        "form",
        "WRITTEN, ELECTRONIC or SPECIAL_REASON",
    )?;
    check(
        document.evidence_hashes.len() <= 16
            && document.evidence_hashes.iter().all(|hash| hash.len() == 32),
        "evidence_hashes",
        "at most 16 SHA-256 hashes",
    )?;
    check(
        document.given_by.as_ref().is_some_and(|given| {
            let scoped = (1..=200).contains(&given.scope.len()) && given.until_ms >= 0;
            let personal = given.kind == 0 && given.categories.is_empty();
            if given.representative {
                scoped
            } else {
                personal
                    && given.purposes.is_empty()
                    && given.scope.is_empty()
                    && given.until_ms == 0
            }
        }),
        "given_by",
        "the participant, or a representative with kind, scope, categories and purposes",
    )?;
    check(document.secrecy_releases.len() <= 16, "secrecy_releases", "at most 16 releases")?;
    for release in &document.secrecy_releases {
        check(
            (1..=80).contains(&release.holder.len()),
            "secrecy_releases.holder",
            "1 to 80 characters",
        )?;
        parse_address(release.addressee.as_ref(), "secrecy_releases.addressee")?;
        parse_categories(&release.categories, catalogue, "secrecy_releases.categories")?;
    }
    let previous_hash = match document.previous_hash.len() {
        0 => None,
        _ => Some(digest(&document.previous_hash, "previous_hash")?),
    };
    let grants = document.grants.iter().map(|grant| parse_grant(grant, catalogue));
    Ok(ConsentDocument {
        consent_id: ConsentId::parse(&document.consent_id)
            .ok_or(invalid("consent_id", "16 bytes"))?,
        participant: reference(&document.participant_reference)?,
        revision: document.revision,
        previous_hash,
        grants: grants.collect::<Result<_, _>>()?,
        evidence_count: document.evidence_hashes.len(),
        representation: representation(document.given_by.as_ref(), catalogue)?,
        review_by: time(document.review_by_ms, "review_by_ms")?,
        signed_at: time(document.signed_at_ms, "signed_at_ms")?,
        hash: sha256(&[bytes]),
    })
}

/// The representation under which a consent was given; documents from before kinds were asked for have none.
fn representation(
    given: Option<&v1::GivenBy>,
    catalogue: &Catalogue,
) -> Result<Option<Representation>, Refusal> {
    let Some(given) = given.filter(|given| given.representative) else { return Ok(None) };
    let has_kind = match given.kind() {
        v1::RepresentationKind::ParentOrGuardian
        | v1::RepresentationKind::Betreuer
        | v1::RepresentationKind::PowerOfAttorney => true,
        v1::RepresentationKind::Unspecified => false,
    };
    Ok(Some(Representation {
        has_kind,
        categories: parse_categories(&given.categories, catalogue, "given_by.categories")?,
        purposes: parse_purposes(&given.purposes, catalogue, "given_by.purposes")?,
        until: match given.until_ms {
            0 => None,
            until => Some(time(until, "given_by.until_ms")?),
        },
    }))
}

fn parse_grant(grant: &v1::Grant, catalogue: &Catalogue) -> Result<GrantTerms, Refusal> {
    let senders = grant.senders.iter().map(|sender| agency(sender, "senders"));
    let senders: Vec<AgencyId> = senders.collect::<Result<_, _>>()?;
    let recipient = grant.recipient.as_ref();
    if recipient.is_some_and(|r| r.agency == "*" || r.function == "*" || r.function.is_empty()) {
        return Err(Refusal::TooBroad { field: "recipient" });
    }
    if grant.categories.is_empty() || grant.categories.iter().any(|code| code == "*") {
        return Err(Refusal::TooBroad { field: "categories" });
    }
    if grant.purpose == "*" || grant.purpose.is_empty() {
        return Err(Refusal::TooBroad { field: "purpose" });
    }
    Ok(GrantTerms {
        senders,
        recipient: parse_address(recipient, "recipient")?,
        purpose: catalogue
            .purpose(&grant.purpose)
            .ok_or_else(|| unknown("purpose", &grant.purpose))?,
        categories: parse_categories(&grant.categories, catalogue, "categories")?,
        not_before: time(grant.not_before_ms, "grants.not_before_ms")?,
        not_after: time(grant.not_after_ms, "grants.not_after_ms")?,
    })
}

/// Parses a revocation document: the consent and the hash of its newest revision.
///
/// # Errors
/// It is not canonical, or a field is missing or malformed.
pub fn parse_revocation(bytes: &[u8]) -> Result<(ConsentId, Digest), DocumentError> {
    let document: v1::RevocationDocument = canonical("RevocationDocument", bytes, 256)?;
    let consent =
        ConsentId::parse(&document.consent_id).ok_or(invalid("consent_id", "16 bytes"))?;
    if document.signed_at_ms <= 0 {
        return Err(invalid("signed_at_ms", "Unix milliseconds").into());
    }
    Ok((consent, digest(&document.revision_hash, "revision_hash")?))
}

/// A confirmation document, parsed.
#[derive(Debug)]
pub struct Confirmation {
    /// The consent.
    pub consent: ConsentId,
    /// Hash of its newest revision.
    pub revision_hash: Digest,
    /// When the Lotse signed.
    pub signed_at: TimeMs,
    /// When the next review is due; none: as late as allowed.
    pub next_review_by: Option<TimeMs>,
}

/// Parses a confirmation document.
///
/// # Errors
/// It is not canonical, or a field is missing or malformed.
pub fn parse_confirmation(bytes: &[u8]) -> Result<Confirmation, DocumentError> {
    let document: v1::ConfirmationDocument = canonical("ConfirmationDocument", bytes, 256)?;
    let consent =
        ConsentId::parse(&document.consent_id).ok_or(invalid("consent_id", "16 bytes"))?;
    Ok(Confirmation {
        consent,
        revision_hash: digest(&document.revision_hash, "revision_hash")?,
        signed_at: time(document.signed_at_ms, "signed_at_ms")?,
        next_review_by: match document.next_review_by_ms {
            0 => None,
            next => Some(time(next, "next_review_by_ms")?),
        },
    })
}

/// Parses a label.
///
/// # Errors
/// It is not canonical, or a field is missing, malformed or unknown.
pub fn parse_label(bytes: &[u8], catalogue: &Catalogue) -> Result<Label, DocumentError> {
    let label: v1::Label = canonical("Label", bytes, LABEL_BYTES_MAX)?;
    let purpose = catalogue
        .purpose(&label.purpose)
        .ok_or_else(|| unknown("label.purpose", &label.purpose))?;
    let kind = catalogue.kind(&label.kind).ok_or_else(|| unknown("label.kind", &label.kind))?;
    if !catalogue.permits(purpose, kind) {
        return Err(invalid("label.kind", "a kind that the purpose permits").into());
    }
    let sorted = label.categories.is_sorted_by(|a, b| a < b);
    let categories = parse_categories(&label.categories, catalogue, "label.categories")?;
    let without_participant = catalogue.is_without_participant(purpose);
    if without_participant && !label.categories.is_empty() {
        let expected = "none: the purpose permits no participant, and so no data about one";
        return Err(invalid("label.categories", expected).into());
    }
    if !without_participant && (!sorted || categories.is_empty()) {
        let expected = "1 to 16 codes, sorted, without repetition";
        return Err(invalid("label.categories", expected).into());
    }
    let thread_id = ThreadId::parse(&label.thread_id);
    let thread_id = thread_id.ok_or(invalid("label.thread_id", "16 bytes"))?;
    if without_participant && !label.participant_commitment.is_empty() {
        let expected = "empty: the purpose permits no participant";
        return Err(invalid("label.participant_commitment", expected).into());
    }
    if without_participant && label.professional_secret {
        let expected = "false: the purpose permits no participant, and so no secret of one";
        return Err(invalid("label.professional_secret", expected).into());
    }
    let commitment = (!without_participant)
        .then(|| digest(&label.participant_commitment, "label.participant_commitment"));
    if label.suite() == v1::SealingSuite::Unspecified || label.sealing_key_id.len() != 32 {
        return Err(invalid("label.suite", "a known suite and a key id of 32 bytes").into());
    }
    let message_id =
        MessageId::parse(&label.message_id).ok_or(invalid("label.message_id", "16 bytes"))?;
    let part_of = match label.part_of.as_ref() {
        [] => None,
        bytes => Some(
            MessageId::parse(bytes)
                .filter(|main| *main != message_id)
                .ok_or(invalid("label.part_of", "16 bytes that name another message, or none"))?,
        ),
    };
    Ok(Label {
        message_id,
        part_of,
        participant_commitment: commitment.transpose()?,
        kind,
        purpose,
        categories,
        sender: parse_address(label.sender.as_ref(), "label.sender")?,
        recipient: parse_address(label.recipient.as_ref(), "label.recipient")?,
        thread_id,
        created_at: time(label.created_at_ms, "label.created_at_ms")?,
        expires_at: time(label.expires_at_ms, "label.expires_at_ms")?,
        professional_secret: label.professional_secret,
    })
}

/// Half of SHA-256(label, payload digest): what an idempotency key is compared by.
#[must_use]
pub fn fingerprint(label: &Bytes, payload_digest: &Digest) -> [u8; 16] {
    let digest = sha256(&[label, payload_digest]);
    digest.first_chunk().copied().unwrap_or_default()
}

/// Parses the text form of a reference.
///
/// # Errors
/// It is malformed.
pub fn reference(text: &str) -> Result<Reference, Refusal> {
    Reference::parse_text(text)
        .ok_or(invalid("participant_reference", "26 letters and digits of base 32, lower case"))
}

/// Parses an agency identifier.
///
/// # Errors
/// It is malformed; a wildcard is refused as too broad.
pub fn agency(text: &str, field: &'static str) -> Result<AgencyId, Refusal> {
    if text == "*" {
        return Err(Refusal::TooBroad { field });
    }
    AgencyId::parse(text).ok_or(invalid(field, "1 to 40 of [a-z0-9-]"))
}

pub(super) fn parse_address(
    address: Option<&v1::Address>,
    field: &'static str,
) -> Result<Address, Refusal> {
    address
        .and_then(|address| Address::parse(&address.agency, &address.function))
        .ok_or(invalid(field, "agency and function, each 1 to 40 of [a-z0-9-]"))
}

pub(super) fn parse_categories(
    codes: &[String],
    catalogue: &Catalogue,
    field: &'static str,
) -> Result<Categories, Refusal> {
    if codes.len() > CATEGORIES_NAMED_MAX {
        return Err(invalid(field, "1 to 16 codes"));
    }
    let mut set = Categories::default();
    for code in codes {
        set = set.union(catalogue.category(code).ok_or_else(|| unknown(field, code))?);
    }
    Ok(set)
}

fn parse_purposes(
    codes: &[String],
    catalogue: &Catalogue,
    field: &'static str,
) -> Result<Vec<Purpose>, Refusal> {
    if codes.len() > PURPOSES_NAMED_MAX {
        return Err(invalid(field, "1 to 32 codes"));
    }
    let purposes = codes.iter().map(|code| {
        catalogue.purpose(code).ok_or_else(|| match code.as_str() {
            "*" => Refusal::TooBroad { field },
            other => unknown(field, other),
        })
    });
    purposes.collect()
}

pub(super) fn unknown(field: &'static str, code: &str) -> Refusal {
    Refusal::UnknownCode { field, value: code.chars().take(40).collect() }
}

fn digest(bytes: &[u8], field: &'static str) -> Result<Digest, Refusal> {
    bytes.try_into().map_err(|_| invalid(field, "32 bytes"))
}

fn time(ms: i64, field: &'static str) -> Result<TimeMs, Refusal> {
    // Year 9999: sums of two such times stay far from the end of the type.
    TimeMs::try_from(ms)
        .ok()
        .filter(|ms| (1..253_402_300_800_000).contains(ms))
        .ok_or(invalid(field, "Unix milliseconds, before the year 10000"))
}
