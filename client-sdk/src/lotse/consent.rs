//! Consent documents, built step by step. The broker checks them; nothing is filled in silently.

use bytes::Bytes;
use schleuse_proto::evidence::{Digest, sha256};
use schleuse_proto::v1;

use crate::clock::months_later;
use crate::error::ClientError;
use crate::ids::{Address, ConsentId, ParticipantReference};

/// One permission: any of the senders to the one recipient, for one purpose, any of the categories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Agencies that may send.
    pub senders: Vec<String>,
    /// The one recipient.
    pub recipient: Address,
    /// Purpose code of the catalogue.
    pub purpose: String,
    /// Category codes of the catalogue.
    pub categories: Vec<String>,
    /// First instant at which it holds.
    pub not_before_ms: i64,
    /// First instant at which it no longer holds.
    pub not_after_ms: i64,
}

impl Grant {
    /// A grant that holds from an instant on for some calendar months, at most 24.
    ///
    /// # Errors
    /// The end is beyond the calendar.
    pub fn for_months(
        senders: &[&str],
        recipient: Address,
        purpose: &str,
        categories: &[&str],
        from_ms: i64,
        months: u32,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            senders: senders.iter().map(|&sender| sender.to_owned()).collect(),
            recipient,
            purpose: purpose.to_owned(),
            categories: categories.iter().map(|&category| category.to_owned()).collect(),
            not_before_ms: from_ms,
            not_after_ms: months_later(from_ms, months)?,
        })
    }
}

/// How a consent was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentForm {
    /// In writing.
    Written,
    /// Electronically.
    Electronic,
    /// Otherwise, because of special circumstances. Source: § 67b (2) SGB X.
    SpecialReason,
}

/// What makes somebody a representative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepresentationKind {
    /// Parents or a guardian.
    ParentOrGuardian,
    /// A Betreuer, within the scope that the court named. Source: § 1815 BGB.
    Betreuer,
    /// Power of attorney.
    PowerOfAttorney,
}

/// Whoever consents for the participant: no grant goes beyond it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation {
    /// What it rests on.
    pub kind: RepresentationKind,
    /// Its scope in words, for example the court's.
    pub scope: String,
    /// Category codes that it covers.
    pub categories: Vec<String>,
    /// Purpose codes that it covers.
    pub purposes: Vec<String>,
    /// When it ends, if it does.
    pub until_ms: Option<i64>,
}

/// A consent in the making; see [`Client::record_consent`](crate::Client::record_consent).
#[derive(Clone, Debug)]
#[must_use]
pub struct ConsentBuilder {
    pub(super) participant: ParticipantReference,
    grants: Vec<Grant>,
    text: v1::ConsentText,
    form: ConsentForm,
    evidence: Vec<Bytes>,
    given_by: v1::GivenBy,
    releases: Vec<v1::SecrecyRelease>,
    review_by_ms: i64,
}

impl ConsentBuilder {
    /// A consent of one of our participants, given by the participant, in writing.
    pub fn new(participant: ParticipantReference) -> Self {
        Self {
            participant,
            grants: Vec::new(),
            text: v1::ConsentText::default(),
            form: ConsentForm::Written,
            evidence: Vec::new(),
            given_by: v1::GivenBy::default(),
            releases: Vec::new(),
            review_by_ms: 0,
        }
    }

    /// Adds a grant; 1 to 64 are needed.
    pub fn grant(mut self, grant: Grant) -> Self {
        self.grants.push(grant);
        self
    }

    /// The text that informed the participant, and its version. Only its hash leaves this machine.
    pub fn text(mut self, version: &str, text: &str, language: &str) -> Self {
        self.text = v1::ConsentText {
            version: version.to_owned(),
            hash: Bytes::copy_from_slice(&sha256(&[text.as_bytes()])),
            language: language.to_owned(),
        };
        self
    }

    /// How it was given.
    pub fn form(mut self, form: ConsentForm) -> Self {
        self.form = form;
        self
    }

    /// Adds a file of evidence, such as the signed paper. Only its hash leaves this machine.
    pub fn evidence(self, file: &[u8]) -> Self {
        self.evidence_digest(&sha256(&[file]))
    }

    /// Adds a file of evidence by its SHA-256.
    pub fn evidence_digest(mut self, digest: &Digest) -> Self {
        self.evidence.push(Bytes::copy_from_slice(digest));
        self
    }

    /// A representative gave it.
    pub fn given_by_representative(mut self, representation: &Representation) -> Self {
        let kind = match representation.kind {
            RepresentationKind::ParentOrGuardian => v1::RepresentationKind::ParentOrGuardian,
            RepresentationKind::Betreuer => v1::RepresentationKind::Betreuer,
            RepresentationKind::PowerOfAttorney => v1::RepresentationKind::PowerOfAttorney,
        };
        self.given_by = v1::GivenBy {
            representative: true,
            scope: representation.scope.clone(),
            until_ms: representation.until_ms.unwrap_or_default(),
            kind: kind.into(),
            categories: representation.categories.clone(),
            purposes: representation.purposes.clone(),
        };
        self
    }

    /// Releases a holder of professional secrets towards somebody. Source: § 203 StGB.
    pub fn release_from_secrecy(
        mut self,
        holder: &str,
        addressee: &Address,
        categories: &[&str],
    ) -> Self {
        self.releases.push(v1::SecrecyRelease {
            holder: holder.to_owned(),
            addressee: Some(addressee.to_wire()),
            categories: categories.iter().map(|&category| category.to_owned()).collect(),
        });
        self
    }

    /// When it is to be reviewed with the participant, at the latest.
    pub fn review_by(mut self, time_ms: i64) -> Self {
        self.review_by_ms = time_ms;
        self
    }

    pub(super) fn document(
        &self,
        consent_id: ConsentId,
        revision: u32,
        previous_hash: Bytes,
        now_ms: i64,
    ) -> v1::ConsentDocument {
        let form = match self.form {
            ConsentForm::Written => v1::ConsentForm::Written,
            ConsentForm::Electronic => v1::ConsentForm::Electronic,
            ConsentForm::SpecialReason => v1::ConsentForm::SpecialReason,
        };
        let grants = self.grants.iter().map(|grant| v1::Grant {
            senders: grant.senders.clone(),
            recipient: Some(grant.recipient.to_wire()),
            purpose: grant.purpose.clone(),
            categories: grant.categories.clone(),
            not_before_ms: grant.not_before_ms,
            not_after_ms: grant.not_after_ms,
        });
        v1::ConsentDocument {
            consent_id: consent_id.to_bytes(),
            participant_reference: self.participant.as_text().to_owned(),
            revision,
            previous_hash,
            grants: grants.collect(),
            text: Some(self.text.clone()),
            form: form.into(),
            evidence_hashes: self.evidence.clone(),
            given_by: Some(self.given_by.clone()),
            secrecy_releases: self.releases.clone(),
            review_by_ms: self.review_by_ms,
            signed_at_ms: now_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use schleuse_proto::Message as _;
    use schleuse_proto::evidence::decode_canonical;

    use super::*;

    #[test]
    fn a_built_document_is_canonical_and_holds_hashes_only() {
        let reference = ParticipantReference::parse(&"a".repeat(26)).unwrap();
        let recipient: Address = "drv-bayern-sued/reha".parse().unwrap();
        let from_ms = 1_790_000_000_000;
        let grant = Grant::for_months(&["jobcenter"], recipient, "x", &["termine"], from_ms, 24);
        let consent = ConsentBuilder::new(reference)
            .grant(grant.unwrap())
            .text("2026-1", "Ich willige ein", "de")
            .evidence(b"scan")
            .review_by(from_ms + 1);
        let id = ConsentId::generate().unwrap();
        let document = consent.document(id, 1, Bytes::new(), from_ms);
        let bytes = document.encode_to_vec();
        assert_eq!(decode_canonical::<v1::ConsentDocument>(&bytes), Ok(document));
        let contains = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
        assert!(!contains(b"Ich willige ein") && !contains(b"scan"));
    }
}
