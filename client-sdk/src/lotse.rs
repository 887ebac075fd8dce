//! The Lotse's calls: participants and their references, consents and their revocation.

mod again;
mod consent;
mod deputy;
mod held_back;
mod kept;
mod revision;
mod safeguards;
mod term;

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::evidence::{
    confirmation_signed_bytes, consent_signed_bytes, decode_canonical, revocation_signed_bytes,
    sha256,
};
use schleuse_proto::v1;
use schleuse_proto::v1::ErrorReason;

pub use consent::{ConsentBuilder, ConsentForm, Grant, Representation, RepresentationKind};
pub use deputy::{DEPUTY_PURPOSE, deputy_consent};
pub use held_back::{HeldBack, held_back};
pub use revision::{Narrowing, check_narrower, narrowed, renewed};
pub use safeguards::{
    Change, ChangePreview, Objection, ObjectionRecord, Review, SafeguardChange, SafeguardRecords,
    SecrecyRelease, SecrecyReleaseRecord,
};
pub use term::{CONSENT_MONTHS_MAX, REVIEW_MONTHS_MAX, whole_days};

use crate::client::Client;
use crate::error::ClientError;
use crate::ids::{Address, ConsentId, ParticipantReference, Receipt};
use crate::random;

/// A consent as the broker keeps it.
#[derive(Clone, Debug)]
pub struct ConsentRecord {
    /// The consent.
    pub consent_id: ConsentId,
    /// The newest document.
    pub document: v1::ConsentDocument,
    /// Its bytes as signed; the next revision refers to their hash.
    pub document_bytes: Bytes,
    /// State now.
    pub state: v1::ConsentState,
    /// Record of the newest revision or of the revocation.
    pub receipt: Receipt,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
    /// Whether the processing of the participant's data is restricted: then nothing passes.
    pub restricted: bool,
    /// When it is to be reviewed next.
    pub review_by_ms: i64,
    /// Whether it is suspended because its review was missed.
    pub review_missed: bool,
}

/// What a revocation would stop.
#[derive(Clone, Debug)]
pub struct RevocationPreview {
    /// One row for each sender, recipient and purpose.
    pub effects: Vec<RevocationEffect>,
    /// Names the revision that was looked at.
    pub revision_hash: Bytes,
}

/// One row of a preview.
#[derive(Clone, Debug)]
pub struct RevocationEffect {
    /// Agency that may send no more.
    pub sender: String,
    /// Who receives no more.
    pub recipient: Address,
    /// Purpose code.
    pub purpose: String,
    /// Messages waiting now that would be stopped.
    pub queued_messages: u32,
    /// Whether another consent still covers some of it.
    pub partly_covered_otherwise: bool,
}

impl RevocationEffect {
    pub(super) fn from_wire(effect: &v1::RevocationEffect) -> Result<Self, ClientError> {
        Ok(Self {
            sender: effect.sender.clone(),
            recipient: Address::from_wire(effect.recipient.as_ref())?,
            purpose: effect.purpose.clone(),
            queued_messages: effect.queued_messages,
            partly_covered_otherwise: effect.partly_covered_otherwise,
        })
    }
}

/// A recorded change of a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentChange {
    /// The consent.
    pub consent_id: ConsentId,
    /// The log record.
    pub receipt: Receipt,
    /// Queued messages that the change stopped.
    pub stopped_messages: u32,
}

macro_rules! unary {
    ($client:expr, $service:ident . $method:ident ( $request:expr )) => {{
        let (service, request) = ($client.$service(), &$request);
        $client
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.$method(request).await }
            })
            .await?
    }};
}

impl Client {
    /// Registers a new participant; we become the Lotse. Returns our reference.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn register_participant(
        &self,
    ) -> Result<(ParticipantReference, Receipt), ClientError> {
        let key: [u8; 16] = random::bytes()?;
        let request =
            v1::RegisterParticipantRequest { idempotency_key: Bytes::copy_from_slice(&key) };
        let answer = unary!(self, participants.register_participant(request));
        self.settle(&answer.checkpoint).await?;
        let reference = ParticipantReference::parse(&answer.participant_reference)?;
        Ok((reference, Receipt::from_wire(answer.receipt.as_ref())?))
    }

    /// Our participants, oldest registration first.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn list_participants(&self) -> Result<Vec<ParticipantReference>, ClientError> {
        let answer = unary!(self, participants.list_participants(v1::ListParticipantsRequest {}));
        answer.participant_references.iter().map(|text| ParticipantReference::parse(text)).collect()
    }

    /// Hands a participant over to another Lotse of our agency, named by the person part of the
    /// certificate's identity.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn assign_lotse(
        &self,
        participant: &ParticipantReference,
        lotse: &str,
    ) -> Result<Receipt, ClientError> {
        let request = v1::AssignLotseRequest {
            participant_reference: participant.as_text().to_owned(),
            lotse: lotse.to_owned(),
        };
        let answer = unary!(self, participants.assign_lotse(request));
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// The reference by which one agency addresses the participant. Tell it to that agency only.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn assign_reference(
        &self,
        participant: &ParticipantReference,
        agency: &str,
    ) -> Result<ParticipantReference, ClientError> {
        let request = v1::AssignReferenceRequest {
            participant_reference: participant.as_text().to_owned(),
            agency: agency.to_owned(),
        };
        let answer = unary!(self, participants.assign_reference(request));
        self.settle(&answer.checkpoint).await?;
        ParticipantReference::parse(&answer.agency_reference)
    }

    /// Signs and records a new consent.
    ///
    /// # Errors
    /// The consent is not allowed, or the broker cannot be reached.
    pub async fn record_consent(
        &self,
        consent: &ConsentBuilder,
    ) -> Result<ConsentChange, ClientError> {
        self.record_consent_as(ConsentId::generate()?, consent).await
    }

    /// The same with an identifier that was chosen before: whoever does not know whether the first attempt arrived
    /// sends it again under the same one, and there is no second consent. If the first one arrived, this is its record.
    ///
    /// # Errors
    /// As [`Client::record_consent`]; a consent of this identifier was recorded before that is not the same, or
    /// does not hold any more (`ERROR_REASON_IDEMPOTENCY_CONFLICT`). Times that went on with the hours between the
    /// attempts are the same.
    pub async fn record_consent_as(
        &self,
        consent_id: ConsentId,
        consent: &ConsentBuilder,
    ) -> Result<ConsentChange, ClientError> {
        let document = consent.document(consent_id, 1, Bytes::new(), self.now_ms());
        let receipt = match self.record_consent_document(&document).await {
            Err(error) if error.is_refused_for(ErrorReason::IdempotencyConflict) => {
                let known = self.list_consents(&consent.participant).await?;
                let same = known.iter().find(|one| {
                    matches!(one.state, v1::ConsentState::Active | v1::ConsentState::NotYet)
                        && again::is_consent(&one.document, &document)
                });
                let receipt = same.map(|one| one.receipt).ok_or(error)?;
                self.settle_newest().await?;
                receipt
            }
            recorded => recorded?,
        };
        Ok(ConsentChange { consent_id, receipt, stopped_messages: 0 })
    }

    async fn record_consent_document(
        &self,
        document: &v1::ConsentDocument,
    ) -> Result<Receipt, ClientError> {
        let (document, signature) = self.sign_consent(document)?;
        let request = v1::RecordConsentRequest { document, signature: Some(signature) };
        let answer = unary!(self, consents.record_consent(request));
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// Signs and records the next revision of a consent; what it no longer covers is stopped.
    ///
    /// # Errors
    /// The revision is not allowed, another one came first, or the broker cannot be reached.
    pub async fn revise_consent(
        &self,
        previous: &ConsentRecord,
        consent: &ConsentBuilder,
    ) -> Result<ConsentChange, ClientError> {
        let consent_id = previous.consent_id;
        let hash = schleuse_proto::evidence::sha256(&[&previous.document_bytes]);
        let revision = previous.document.revision.saturating_add(1);
        let hash = Bytes::copy_from_slice(&hash);
        let document = consent.document(consent_id, revision, hash, self.now_ms());
        self.revise_consent_with(&document).await
    }

    /// Signs and records a next revision that was made of the one before, see [`narrowed`] and [`renewed`].
    ///
    /// # Errors
    /// As [`Client::revise_consent`].
    pub async fn revise_consent_with(
        &self,
        document: &v1::ConsentDocument,
    ) -> Result<ConsentChange, ClientError> {
        let consent_id = ConsentId::parse(&document.consent_id)?;
        let (document, signature) = self.sign_consent(document)?;
        let request = v1::ReviseConsentRequest { document, signature: Some(signature) };
        let answer = unary!(self, consents.revise_consent(request));
        self.settle(&answer.checkpoint).await?;
        let receipt = Receipt::from_wire(answer.receipt.as_ref())?;
        Ok(ConsentChange { consent_id, receipt, stopped_messages: answer.stopped_messages })
    }

    /// Counts what a revocation would stop, and changes nothing.
    ///
    /// # Errors
    /// There is no such consent of ours, or the broker cannot be reached.
    pub async fn preview_revocation(
        &self,
        consent_id: ConsentId,
    ) -> Result<RevocationPreview, ClientError> {
        let request = v1::PreviewRevocationRequest { consent_id: consent_id.to_bytes() };
        let answer = unary!(self, consents.preview_revocation(request));
        let effects = answer.effects.iter().map(RevocationEffect::from_wire);
        let effects = effects.collect::<Result<_, ClientError>>()?;
        Ok(RevocationPreview { effects, revision_hash: answer.revision_hash })
    }

    /// Revokes a consent. INVARIANT (revoke-strict): when this returns, nothing that the consent
    /// alone covered leaves the broker any more.
    ///
    /// # Errors
    /// There is no such consent of ours, or the broker cannot be reached: then it may or may not be
    /// revoked, and calling again has the same effect.
    pub async fn revoke_consent(
        &self,
        consent_id: ConsentId,
    ) -> Result<ConsentChange, ClientError> {
        let preview = self.preview_revocation(consent_id).await?;
        let document = v1::RevocationDocument {
            consent_id: consent_id.to_bytes(),
            revision_hash: preview.revision_hash,
            signed_at_ms: self.now_ms(),
        };
        let document = Bytes::from(document.encode_to_vec());
        let signature = Some(self.signer().sign(&revocation_signed_bytes(&document))?);
        let request = v1::RevokeConsentRequest { document, signature };
        let answer = unary!(self, consents.revoke_consent(request));
        let receipt = Receipt::from_wire(answer.receipt.as_ref())?;
        // First of all: also a revocation whose checkpoint raises an alarm is kept.
        if let Some(state) = self.state_dir() {
            kept::keep(state, consent_id, &request, &receipt, &answer.checkpoint)?;
        }
        self.settle(&answer.checkpoint).await?;
        Ok(ConsentChange { consent_id, receipt, stopped_messages: answer.stopped_messages })
    }

    /// Confirms with the participant's word that a consent still holds: its review is done, the next one is set, and
    /// what waits under a suspended one goes on. Without an instant the next review is as late as allowed.
    ///
    /// # Errors
    /// The consent was changed or revoked meanwhile, is not ours, or the broker cannot be reached.
    pub async fn confirm_consent(
        &self,
        consent: &ConsentRecord,
        next_review_by_ms: Option<i64>,
    ) -> Result<Receipt, ClientError> {
        let document = v1::ConfirmationDocument {
            consent_id: consent.consent_id.to_bytes(),
            revision_hash: Bytes::copy_from_slice(&sha256(&[&consent.document_bytes])),
            signed_at_ms: self.now_ms(),
            next_review_by_ms: next_review_by_ms.unwrap_or_default(),
        };
        let document = Bytes::from(document.encode_to_vec());
        let signature = Some(self.signer().sign(&confirmation_signed_bytes(&document))?);
        let request = v1::ConfirmConsentRequest { document, signature };
        let answer = unary!(self, consents.confirm_consent(request));
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// All consents of one participant, oldest first.
    ///
    /// # Errors
    /// The participant is not ours, or the broker cannot be reached.
    pub async fn list_consents(
        &self,
        participant: &ParticipantReference,
    ) -> Result<Vec<ConsentRecord>, ClientError> {
        let request =
            v1::ListConsentsRequest { participant_reference: participant.as_text().to_owned() };
        let answer = unary!(self, consents.list_consents(request));
        let records = answer.consents.into_iter().map(|summary| {
            let state = summary.state();
            let malformed = |_| ClientError::protocol("a consent that is not canonical");
            let document: v1::ConsentDocument =
                decode_canonical(&summary.document).map_err(malformed)?;
            Ok(ConsentRecord {
                consent_id: ConsentId::parse(&document.consent_id)?,
                document,
                document_bytes: summary.document,
                state,
                receipt: Receipt::from_wire(summary.receipt.as_ref())?,
                revoked_at_ms: Some(summary.revoked_at_ms).filter(|ms| *ms != 0),
                restricted: summary.restricted,
                review_by_ms: summary.review_by_ms,
                review_missed: summary.review_missed,
            })
        });
        records.collect()
    }

    fn sign_consent(
        &self,
        document: &v1::ConsentDocument,
    ) -> Result<(Bytes, v1::Signature), ClientError> {
        let bytes = Bytes::from(document.encode_to_vec());
        let signature = self.signer().sign(&consent_signed_bytes(&bytes))?;
        Ok((bytes, signature))
    }
}
