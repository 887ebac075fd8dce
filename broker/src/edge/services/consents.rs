//! `ConsentService`.

use schleuse_proto::evidence::{
    confirmation_signed_bytes, consent_signed_bytes, revocation_signed_bytes,
};
use schleuse_proto::v1;
use schleuse_proto::v1::consent_service_server::ConsentService;
use tonic::{Request, Response, Status};

use super::{Context, checkpoint, failed, invalid, peer};
use crate::domain::command::{Command, Outcome, RevocationEffect};
use crate::domain::consent::ConsentState;
use crate::domain::ids::ConsentId;
use crate::edge::peer::Peer;
use crate::edge::status::Failure;
use crate::engine::{Answer, Lane};
use crate::record::documents::{parse_confirmation, parse_consent, parse_revocation, reference};
use crate::record::rows::{domain_signature, private_document};

pub(super) struct Consents(pub(super) Context);

impl Consents {
    async fn record(
        &self,
        peer: &Peer,
        revise: bool,
        bytes: bytes::Bytes,
        signature: Option<v1::Signature>,
    ) -> Result<(v1::Receipt, u32, Answer), Failure> {
        let engine = &self.0.engine;
        let document = parse_consent(&bytes, &engine.rules().catalogue)?;
        let signed = consent_signed_bytes(&bytes);
        Context::check_own_signature(peer, "ConsentDocument", &signed, signature.as_ref())?;
        let command = Command::RecordConsent {
            actor: peer.actor.clone(),
            revise,
            document: Box::new(document),
            bytes,
            signature: domain_signature(signature),
        };
        self.change(Lane::Normal, command).await
    }

    async fn change(
        &self,
        lane: Lane,
        command: Command,
    ) -> Result<(v1::Receipt, u32, Answer), Failure> {
        let answer = self.0.engine.change_consent(lane, command).await?;
        let Outcome::ConsentChanged { record, stopped, .. } = answer.outcome else {
            return Err(Failure::Internal);
        };
        Ok((self.0.receipt(&answer.commit, record)?, stopped, answer))
    }

    async fn revoke(
        &self,
        peer: &Peer,
        request: v1::RevokeConsentRequest,
    ) -> Result<v1::RevokeConsentResponse, Failure> {
        let (consent, revision_hash) = parse_revocation(&request.document)?;
        let signed = revocation_signed_bytes(&request.document);
        let signature = request.signature;
        Context::check_own_signature(peer, "RevocationDocument", &signed, signature.as_ref())?;
        let command = Command::RevokeConsent {
            actor: peer.actor.clone(),
            consent,
            revision_hash,
            document: request.document,
            signature: domain_signature(signature),
        };
        let (receipt, stopped_messages, answer) = self.change(Lane::Urgent, command).await?;
        Ok(v1::RevokeConsentResponse {
            receipt: Some(receipt),
            stopped_messages,
            checkpoint: checkpoint(&answer.commit),
        })
    }

    async fn confirm(
        &self,
        peer: &Peer,
        request: v1::ConfirmConsentRequest,
    ) -> Result<v1::ConfirmConsentResponse, Failure> {
        let confirmation = parse_confirmation(&request.document)?;
        let signed = confirmation_signed_bytes(&request.document);
        let signature = request.signature;
        Context::check_own_signature(peer, "ConfirmationDocument", &signed, signature.as_ref())?;
        let command = Command::ConfirmConsent {
            actor: peer.actor.clone(),
            consent: confirmation.consent,
            revision_hash: confirmation.revision_hash,
            document: request.document,
            signature: domain_signature(signature),
            signed_at: confirmation.signed_at,
            next_review_by: confirmation.next_review_by,
        };
        let (receipt, _, answer) = self.change(Lane::Normal, command).await?;
        let checkpoint = checkpoint(&answer.commit);
        Ok(v1::ConfirmConsentResponse { receipt: Some(receipt), checkpoint })
    }

    async fn preview(
        &self,
        peer: &Peer,
        request: &v1::PreviewRevocationRequest,
    ) -> Result<v1::PreviewRevocationResponse, Failure> {
        let consent =
            ConsentId::parse(&request.consent_id).ok_or(invalid("consent_id", "16 bytes"))?;
        // A revocation needs its preview; so it has the revocations' lane.
        let command = Command::PreviewRevocation { actor: peer.actor.clone(), consent };
        let answer = self.0.engine.execute(Lane::Urgent, command).await?;
        let Outcome::Preview { effects, revision_hash } = answer.outcome else {
            return Err(Failure::Internal);
        };
        Ok(v1::PreviewRevocationResponse {
            effects: effects.into_iter().map(effect).collect(),
            revision_hash: bytes::Bytes::copy_from_slice(&revision_hash),
        })
    }

    async fn list(
        &self,
        peer: &Peer,
        request: &v1::ListConsentsRequest,
    ) -> Result<v1::ListConsentsResponse, Failure> {
        let reference = reference(&request.participant_reference)?;
        let command = Command::ListConsents { actor: peer.actor.clone(), reference };
        let answer = self.0.engine.execute(Lane::Normal, command).await?;
        let Outcome::Consents(summaries) = answer.outcome else { return Err(Failure::Internal) };
        let consents = summaries.into_iter().map(|summary| {
            let stored = self.0.engine.reader().record(summary.record)?;
            let document = private_document(&stored).ok_or(Failure::Internal)?;
            let state = match summary.state {
                ConsentState::Active => v1::ConsentState::Active,
                ConsentState::NotYet => v1::ConsentState::NotYet,
                ConsentState::Expired => v1::ConsentState::Expired,
                ConsentState::Revoked => v1::ConsentState::Revoked,
                ConsentState::Suspended => v1::ConsentState::Suspended,
            };
            Ok(v1::ConsentSummary {
                document,
                state: state.into(),
                receipt: Some(self.0.receipt(&answer.commit, summary.record)?),
                revoked_at_ms: summary
                    .revoked_at
                    .and_then(|at| i64::try_from(at).ok())
                    .unwrap_or_default(),
                restricted: summary.restricted,
                review_by_ms: i64::try_from(summary.review_by).unwrap_or_default(),
                review_missed: summary.review_missed,
            })
        });
        Ok(v1::ListConsentsResponse { consents: consents.collect::<Result<_, Failure>>()? })
    }
}

/// One row of a preview.
pub(super) fn effect(effect: RevocationEffect) -> v1::RevocationEffect {
    v1::RevocationEffect {
        sender: effect.sender.to_string(),
        recipient: Some(v1::Address {
            agency: effect.recipient.agency.to_string(),
            function: effect.recipient.function().to_owned(),
        }),
        purpose: effect.purpose,
        queued_messages: effect.queued_messages,
        partly_covered_otherwise: effect.partly_covered_otherwise,
    }
}

#[tonic::async_trait]
impl ConsentService for Consents {
    async fn record_consent(
        &self,
        request: Request<v1::RecordConsentRequest>,
    ) -> Result<Response<v1::RecordConsentResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let request = request.into_inner();
        let (receipt, _, answer) =
            self.record(&peer, false, request.document, request.signature).await.map_err(failed)?;
        let checkpoint = checkpoint(&answer.commit);
        Ok(Response::new(v1::RecordConsentResponse { receipt: Some(receipt), checkpoint }))
    }

    async fn revise_consent(
        &self,
        request: Request<v1::ReviseConsentRequest>,
    ) -> Result<Response<v1::ReviseConsentResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let request = request.into_inner();
        let (receipt, stopped_messages, answer) =
            self.record(&peer, true, request.document, request.signature).await.map_err(failed)?;
        Ok(Response::new(v1::ReviseConsentResponse {
            receipt: Some(receipt),
            stopped_messages,
            checkpoint: checkpoint(&answer.commit),
        }))
    }

    async fn preview_revocation(
        &self,
        request: Request<v1::PreviewRevocationRequest>,
    ) -> Result<Response<v1::PreviewRevocationResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        self.preview(&peer, request.get_ref()).await.map(Response::new).map_err(failed)
    }

    async fn revoke_consent(
        &self,
        request: Request<v1::RevokeConsentRequest>,
    ) -> Result<Response<v1::RevokeConsentResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        self.revoke(&peer, request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn confirm_consent(
        &self,
        request: Request<v1::ConfirmConsentRequest>,
    ) -> Result<Response<v1::ConfirmConsentResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        self.confirm(&peer, request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn list_consents(
        &self,
        request: Request<v1::ListConsentsRequest>,
    ) -> Result<Response<v1::ListConsentsResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        self.list(&peer, request.get_ref()).await.map(Response::new).map_err(failed)
    }
}
