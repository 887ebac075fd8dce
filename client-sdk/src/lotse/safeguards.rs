//! The Lotse's calls beside the consents: releases from professional secrecy, objections, the end of participation,
//! reviews, and what a change would stop.

use bytes::Bytes;
use schleuse_proto::Message;
use schleuse_proto::evidence::{Digest, SafeguardDocument, decode_canonical, sha256};
use schleuse_proto::v1;
use schleuse_proto::v1::ErrorReason;
use schleuse_proto::v1::preview_change_request::Change as WireChange;

use super::{RevocationEffect, again};
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::{Address, ConsentId, ObjectionId, ParticipantReference, Receipt, ReleaseId};

/// A release from professional secrecy to be recorded. Source: § 203 StGB.
#[derive(Clone, Debug)]
pub struct SecrecyRelease {
    /// Our reference of the participant.
    pub participant: ParticipantReference,
    /// Who is released.
    pub holder: Address,
    /// Towards whom.
    pub addressee: Address,
    /// Category codes that may be told.
    pub categories: Vec<String>,
    /// Purpose codes.
    pub purposes: Vec<String>,
    /// First instant at which it holds.
    pub not_before_ms: i64,
    /// First instant at which it no longer holds; at most 24 months later.
    pub not_after_ms: i64,
    /// Version of the text that the participant was given.
    pub text_version: String,
    /// The text; only its hash leaves this machine.
    pub text: String,
    /// Its language.
    pub language: String,
    /// SHA-256 of files of evidence, such as the signed paper, 1 to 16; the files do not leave this machine.
    pub evidence: Vec<Digest>,
}

/// An objection to be recorded. Each list that is not empty must be met; recipients and agencies are one list.
/// Without any, it is to everything.
#[derive(Clone, Debug)]
pub struct Objection {
    /// Our reference of the participant.
    pub participant: ParticipantReference,
    /// Who is to receive nothing.
    pub recipients: Vec<Address>,
    /// Agencies that are neither to receive nor to send.
    pub agencies: Vec<String>,
    /// Purpose codes.
    pub purposes: Vec<String>,
    /// Category codes.
    pub categories: Vec<String>,
    /// When it ends by itself, if it does.
    pub until_ms: Option<i64>,
}

/// A recorded act beside the consents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SafeguardChange<Id> {
    /// What it is about.
    pub id: Id,
    /// The log record.
    pub receipt: Receipt,
    /// Queued messages that it stopped.
    pub stopped_messages: u32,
}

/// A release as the broker keeps it.
#[derive(Clone, Debug)]
pub struct SecrecyReleaseRecord {
    /// The release.
    pub id: ReleaseId,
    /// Its document.
    pub document: v1::SecrecyReleaseDocument,
    /// Its bytes as signed.
    pub document_bytes: Bytes,
    /// State now.
    pub state: v1::SafeguardState,
    /// Its record.
    pub receipt: Receipt,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

/// An objection as the broker keeps it.
#[derive(Clone, Debug)]
pub struct ObjectionRecord {
    /// The objection.
    pub id: ObjectionId,
    /// Its document.
    pub document: v1::ObjectionDocument,
    /// Its bytes as signed.
    pub document_bytes: Bytes,
    /// State now.
    pub state: v1::SafeguardState,
    /// Its record.
    pub receipt: Receipt,
    /// When it was ended.
    pub ended_at_ms: Option<i64>,
}

/// What stands beside the consents of a participant.
#[derive(Clone, Debug)]
pub struct SafeguardRecords {
    /// Releases, oldest first.
    pub releases: Vec<SecrecyReleaseRecord>,
    /// Objections, oldest first.
    pub objections: Vec<ObjectionRecord>,
    /// When the participation ended.
    pub ended_at_ms: Option<i64>,
    /// Whether the processing of the participant's data is restricted.
    pub restricted: bool,
}

/// A change that is looked at before it is made.
#[derive(Clone, Debug)]
pub enum Change {
    /// The next revision of a consent.
    Revision(Box<v1::ConsentDocument>),
    /// An objection.
    Objection(Box<Objection>),
    /// The revocation of a release.
    ReleaseRevocation(ReleaseId),
    /// The end of a participation.
    ParticipationEnd(ParticipantReference),
}

/// What a change would stop.
#[derive(Clone, Debug)]
pub struct ChangePreview {
    /// One row for each sender, recipient and purpose.
    pub effects: Vec<RevocationEffect>,
    /// Messages waiting now that would be stopped.
    pub stopped_messages: u32,
    /// There are too many grants to compare them all: more may end than the rows show.
    pub truncated: bool,
}

/// A review in a list.
#[derive(Clone, Debug)]
pub struct Review {
    /// Our reference of the participant.
    pub participant: ParticipantReference,
    /// The consent.
    pub consent_id: ConsentId,
    /// By when it is to be reviewed.
    pub review_by_ms: i64,
    /// When it is suspended, or was.
    pub suspended_from_ms: Option<i64>,
    /// The state now.
    pub state: v1::ReviewState,
}

impl Objection {
    fn document(&self, id: ObjectionId, now_ms: i64) -> v1::ObjectionDocument {
        v1::ObjectionDocument {
            objection_id: id.to_bytes(),
            participant_reference: self.participant.as_text().to_owned(),
            recipients: self.recipients.iter().map(Address::to_wire).collect(),
            agencies: self.agencies.clone(),
            purposes: self.purposes.clone(),
            categories: self.categories.clone(),
            until_ms: self.until_ms.unwrap_or_default(),
            signed_at_ms: now_ms,
        }
    }
}

macro_rules! unary {
    ($client:expr, $method:ident ( $request:expr )) => {{
        let (service, request) = ($client.safeguards(), &$request);
        $client
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.$method(request).await }
            })
            .await?
    }};
}

impl Client {
    /// Signs and records a release from professional secrecy.
    ///
    /// # Errors
    /// The release is not allowed, or the broker cannot be reached.
    pub async fn record_secrecy_release(
        &self,
        release: &SecrecyRelease,
    ) -> Result<SafeguardChange<ReleaseId>, ClientError> {
        self.record_secrecy_release_as(ReleaseId::generate()?, release).await
    }

    /// The same with an identifier that was chosen before: whoever does not know whether the first attempt arrived
    /// sends it again under the same one, and there is no second release. If the first one arrived, this is its record.
    ///
    /// # Errors
    /// As [`Client::record_secrecy_release`]; a release of this identifier was recorded before that is not the same,
    /// or does not hold any more (`ERROR_REASON_IDEMPOTENCY_CONFLICT`). Times that went on with the hours between the
    /// attempts are the same.
    pub async fn record_secrecy_release_as(
        &self,
        id: ReleaseId,
        release: &SecrecyRelease,
    ) -> Result<SafeguardChange<ReleaseId>, ClientError> {
        let document = self.release_document(id, release);
        let receipt = match self.record_release_document(&document).await {
            Err(error) if error.is_refused_for(ErrorReason::IdempotencyConflict) => {
                let known = self.list_safeguards(&release.participant).await?.releases;
                let same = known.iter().find(|one| {
                    matches!(one.state, v1::SafeguardState::Active | v1::SafeguardState::NotYet)
                        && again::is_release(&one.document, &document)
                });
                let receipt = same.map(|one| one.receipt).ok_or(error)?;
                self.settle_newest().await?;
                receipt
            }
            recorded => recorded?,
        };
        Ok(SafeguardChange { id, receipt, stopped_messages: 0 })
    }

    fn release_document(
        &self,
        id: ReleaseId,
        release: &SecrecyRelease,
    ) -> v1::SecrecyReleaseDocument {
        let hashes = release.evidence.iter().map(|file| Bytes::copy_from_slice(file));
        v1::SecrecyReleaseDocument {
            release_id: id.to_bytes(),
            participant_reference: release.participant.as_text().to_owned(),
            holder: Some(release.holder.to_wire()),
            addressee: Some(release.addressee.to_wire()),
            categories: release.categories.clone(),
            purposes: release.purposes.clone(),
            not_before_ms: release.not_before_ms,
            not_after_ms: release.not_after_ms,
            text: Some(v1::ConsentText {
                version: release.text_version.clone(),
                hash: hash(release.text.as_bytes()),
                language: release.language.clone(),
            }),
            evidence_hashes: hashes.collect(),
            signed_at_ms: self.now_ms(),
        }
    }

    async fn record_release_document(
        &self,
        document: &v1::SecrecyReleaseDocument,
    ) -> Result<Receipt, ClientError> {
        let (document, signature) = self.sign(SafeguardDocument::Release, document)?;
        let request = v1::RecordSecrecyReleaseRequest { document, signature };
        let answer = unary!(self, record_secrecy_release(request));
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// Revokes a release. INVARIANT (revoke-strict): when this returns, no professional secret that the release
    /// alone covered leaves the broker any more.
    ///
    /// # Errors
    /// It is not ours, or the broker cannot be reached: then calling again has the same effect.
    pub async fn revoke_secrecy_release(
        &self,
        release: &SecrecyReleaseRecord,
    ) -> Result<SafeguardChange<ReleaseId>, ClientError> {
        let document = v1::SecrecyReleaseRevocationDocument {
            release_id: release.id.to_bytes(),
            release_hash: hash(&release.document_bytes),
            signed_at_ms: self.now_ms(),
        };
        let (document, signature) = self.sign(SafeguardDocument::ReleaseRevocation, &document)?;
        let request = v1::RevokeSecrecyReleaseRequest { document, signature };
        let answer = unary!(self, revoke_secrecy_release(request));
        self.settle(&answer.checkpoint).await?;
        let receipt = Receipt::from_wire(answer.receipt.as_ref())?;
        let stopped_messages = answer.stopped_messages;
        Ok(SafeguardChange { id: release.id, receipt, stopped_messages })
    }

    /// Records an objection. INVARIANT (revoke-strict): when this returns, nothing that it meets leaves the broker
    /// any more, whatever the consents say.
    ///
    /// # Errors
    /// The objection is not allowed, or the broker cannot be reached: then it may or may not be recorded.
    pub async fn record_objection(
        &self,
        objection: &Objection,
    ) -> Result<SafeguardChange<ObjectionId>, ClientError> {
        let id = ObjectionId::generate()?;
        let document = objection.document(id, self.now_ms());
        let (document, signature) = self.sign(SafeguardDocument::Objection, &document)?;
        let request = v1::RecordObjectionRequest { document, signature };
        let answer = unary!(self, record_objection(request));
        self.settle(&answer.checkpoint).await?;
        let receipt = Receipt::from_wire(answer.receipt.as_ref())?;
        Ok(SafeguardChange { id, receipt, stopped_messages: answer.stopped_messages })
    }

    /// Ends an objection: from then on the consents alone decide.
    ///
    /// # Errors
    /// It is not ours, or the broker cannot be reached.
    pub async fn withdraw_objection(
        &self,
        objection: &ObjectionRecord,
    ) -> Result<SafeguardChange<ObjectionId>, ClientError> {
        let document = v1::ObjectionWithdrawalDocument {
            objection_id: objection.id.to_bytes(),
            objection_hash: hash(&objection.document_bytes),
            signed_at_ms: self.now_ms(),
        };
        let (document, signature) = self.sign(SafeguardDocument::ObjectionWithdrawal, &document)?;
        let request = v1::WithdrawObjectionRequest { document, signature };
        let answer = unary!(self, withdraw_objection(request));
        self.settle(&answer.checkpoint).await?;
        let receipt = Receipt::from_wire(answer.receipt.as_ref())?;
        Ok(SafeguardChange { id: objection.id, receipt, stopped_messages: 0 })
    }

    /// Ends a participation. INVARIANT (revoke-strict): when this returns, nothing about the participant leaves the
    /// broker any more.
    ///
    /// # Errors
    /// We are not the Lotse, or the broker cannot be reached: then calling again has the same effect.
    pub async fn end_participation(
        &self,
        participant: &ParticipantReference,
    ) -> Result<SafeguardChange<()>, ClientError> {
        let document = v1::ParticipationEndDocument {
            participant_reference: participant.as_text().to_owned(),
            signed_at_ms: self.now_ms(),
        };
        let (document, signature) = self.sign(SafeguardDocument::ParticipationEnd, &document)?;
        let request = v1::EndParticipationRequest { document, signature };
        let answer = unary!(self, end_participation(request));
        self.settle(&answer.checkpoint).await?;
        let receipt = Receipt::from_wire(answer.receipt.as_ref())?;
        Ok(SafeguardChange { id: (), receipt, stopped_messages: answer.stopped_messages })
    }

    /// Releases and objections of a participant, when the participation ended, and whether it is restricted.
    ///
    /// # Errors
    /// The participant is not ours, or the broker cannot be reached.
    pub async fn list_safeguards(
        &self,
        participant: &ParticipantReference,
    ) -> Result<SafeguardRecords, ClientError> {
        let participant_reference = participant.as_text().to_owned();
        let request = v1::ListSafeguardsRequest { participant_reference };
        let answer = unary!(self, list_safeguards(request));
        let malformed = |_| ClientError::protocol("a document that is not canonical");
        let at = |ms: i64| Some(ms).filter(|ms| *ms != 0);
        let releases = answer.releases.iter().map(|summary| {
            let document: v1::SecrecyReleaseDocument =
                decode_canonical(&summary.document).map_err(malformed)?;
            Ok(SecrecyReleaseRecord {
                id: ReleaseId::parse(&document.release_id)?,
                document,
                document_bytes: summary.document.clone(),
                state: summary.state(),
                receipt: Receipt::from_wire(summary.receipt.as_ref())?,
                revoked_at_ms: at(summary.revoked_at_ms),
            })
        });
        let objections = answer.objections.iter().map(|summary| {
            let document: v1::ObjectionDocument =
                decode_canonical(&summary.document).map_err(malformed)?;
            Ok(ObjectionRecord {
                id: ObjectionId::parse(&document.objection_id)?,
                document,
                document_bytes: summary.document.clone(),
                state: summary.state(),
                receipt: Receipt::from_wire(summary.receipt.as_ref())?,
                ended_at_ms: at(summary.withdrawn_at_ms),
            })
        });
        Ok(SafeguardRecords {
            releases: releases.collect::<Result<_, ClientError>>()?,
            objections: objections.collect::<Result<_, ClientError>>()?,
            ended_at_ms: at(answer.ended_at_ms),
            restricted: answer.restricted,
        })
    }

    /// Counts what a change would stop, and changes nothing.
    ///
    /// # Errors
    /// The change would be refused, or the broker cannot be reached.
    pub async fn preview_change(&self, change: &Change) -> Result<ChangePreview, ClientError> {
        let change = match change {
            Change::Revision(document) => WireChange::Revision(document.encode_to_vec().into()),
            Change::Objection(objection) => {
                let document = objection.document(ObjectionId::generate()?, self.now_ms());
                WireChange::Objection(document.encode_to_vec().into())
            }
            Change::ReleaseRevocation(release) => WireChange::ReleaseId(release.to_bytes()),
            Change::ParticipationEnd(participant) => {
                WireChange::ParticipationOf(participant.as_text().to_owned())
            }
        };
        let request = v1::PreviewChangeRequest { change: Some(change) };
        let answer = unary!(self, preview_change(request));
        let effects = answer.effects.iter().map(RevocationEffect::from_wire);
        let effects = effects.collect::<Result<_, ClientError>>()?;
        let v1::PreviewChangeResponse { stopped_messages, truncated, .. } = answer;
        Ok(ChangePreview { effects, stopped_messages, truncated })
    }

    /// Reviews of our participants that are due within some days, overdue, or were missed; the most urgent first.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn list_reviews(&self, within_days: u32) -> Result<Vec<Review>, ClientError> {
        let answer = unary!(self, list_reviews(v1::ListReviewsRequest { within_days }));
        let reviews = answer.reviews.iter().map(|review| {
            Ok(Review {
                participant: ParticipantReference::parse(&review.participant_reference)?,
                consent_id: ConsentId::parse(&review.consent_id)?,
                review_by_ms: review.review_by_ms,
                suspended_from_ms: Some(review.suspended_from_ms).filter(|ms| *ms != 0),
                state: review.state(),
            })
        });
        reviews.collect()
    }

    fn sign(
        &self,
        kind: SafeguardDocument,
        document: &impl Message,
    ) -> Result<(Bytes, Option<v1::Signature>), ClientError> {
        let bytes = Bytes::from(document.encode_to_vec());
        let signature = self.signer().sign(&kind.signed_bytes(&bytes))?;
        Ok((bytes, Some(signature)))
    }
}

fn hash(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&sha256(&[bytes]))
}
