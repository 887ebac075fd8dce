//! `SafeguardService`.

use bytes::Bytes;
use schleuse_proto::evidence::SafeguardDocument;
use schleuse_proto::v1;
use schleuse_proto::v1::preview_change_request::Change;
use schleuse_proto::v1::safeguard_service_server::SafeguardService;
use tonic::{Request, Response, Status};

use super::consents::effect;
use super::{Context, checkpoint, failed, invalid, peer};
use crate::domain::command::{
    Command, Outcome, ProposedChange, Review, ReviewState, Safeguard, SafeguardCommand,
};
use crate::domain::ids::{ReleaseId, TimeMs};
use crate::domain::safeguards::{SafeguardAct, SafeguardState};
use crate::edge::peer::Peer;
use crate::edge::status::Failure;
use crate::engine::{Answer, Lane};
use crate::journal::Commit;
use crate::record::documents::{parse_consent, parse_safeguard, reference};
use crate::record::rows::{domain_signature, private_document};

/// Furthest look ahead for reviews.
const WITHIN_DAYS_MAX: u32 = 366;
const DAY_MS: TimeMs = 24 * 3600 * 1000;

pub(super) struct Safeguards(pub(super) Context);

/// What became of an act.
struct Done {
    receipt: v1::Receipt,
    stopped_messages: u32,
    checkpoint: Bytes,
}

impl Safeguards {
    async fn act(
        &self,
        peer: &Peer,
        document: SafeguardDocument,
        bytes: Bytes,
        signature: Option<v1::Signature>,
    ) -> Result<Done, Failure> {
        let engine = &self.0.engine;
        let act = parse_safeguard(document, &bytes, &engine.rules().catalogue)?;
        let signed = document.signed_bytes(&bytes);
        Context::check_own_signature(peer, document.name(), &signed, signature.as_ref())?;
        // What ends something is as fast as a revocation.
        let lane = if act.enlarges() { Lane::Normal } else { Lane::Urgent };
        let actor = peer.actor.clone();
        let signature = domain_signature(signature);
        let command = SafeguardCommand::Act { actor, act, bytes, signature };
        let answer = engine.change_consent(lane, safeguard(command)).await?;
        let Outcome::ConsentChanged { record, stopped, .. } = answer.outcome else {
            return Err(Failure::Internal);
        };
        Ok(Done {
            receipt: self.0.receipt(&answer.commit, record)?,
            stopped_messages: stopped,
            checkpoint: checkpoint(&answer.commit),
        })
    }

    async fn preview(
        &self,
        peer: &Peer,
        request: v1::PreviewChangeRequest,
    ) -> Result<v1::PreviewChangeResponse, Failure> {
        let catalogue = &self.0.engine.rules().catalogue;
        let expected = "a revision, an objection, a release or the participant of a participation";
        let change = match request.change.ok_or(invalid("change", expected))? {
            Change::Revision(bytes) => {
                ProposedChange::Revision(Box::new(parse_consent(&bytes, catalogue)?))
            }
            Change::Objection(bytes) => {
                match parse_safeguard(SafeguardDocument::Objection, &bytes, catalogue)? {
                    SafeguardAct::Objection(document) => ProposedChange::Objection(document),
                    SafeguardAct::Release(_)
                    | SafeguardAct::ReleaseRevocation { .. }
                    | SafeguardAct::ObjectionWithdrawal { .. }
                    | SafeguardAct::ParticipationEnd { .. } => return Err(Failure::Internal),
                }
            }
            Change::ReleaseId(id) => ProposedChange::ReleaseRevocation(
                ReleaseId::parse(&id).ok_or(invalid("release_id", "16 bytes"))?,
            ),
            Change::ParticipationOf(text) => ProposedChange::ParticipationEnd(reference(&text)?),
        };
        // What ends something needs its preview; so it has the revocations' lane.
        let command = SafeguardCommand::Preview { actor: peer.actor.clone(), change };
        let answer = self.0.engine.execute(Lane::Urgent, safeguard(command)).await?;
        let Outcome::ChangePreview { effects, stopped, truncated } = answer.outcome else {
            return Err(Failure::Internal);
        };
        let effects = effects.into_iter().map(effect).collect();
        Ok(v1::PreviewChangeResponse { effects, stopped_messages: stopped, truncated })
    }

    async fn list(
        &self,
        peer: &Peer,
        request: &v1::ListSafeguardsRequest,
    ) -> Result<v1::ListSafeguardsResponse, Failure> {
        let reference = reference(&request.participant_reference)?;
        let command = SafeguardCommand::List { actor: peer.actor.clone(), reference };
        let answer = self.execute(command).await?;
        let Outcome::Safeguards(list) = answer.outcome else { return Err(Failure::Internal) };
        let releases = list.releases.iter().map(|release| {
            let (document, receipt) = self.recorded(&answer.commit, release)?;
            Ok(v1::SecrecyReleaseSummary {
                document,
                state: state(release.state).into(),
                receipt: Some(receipt),
                revoked_at_ms: ms(release.ended),
            })
        });
        let releases = releases.collect::<Result<_, Failure>>()?;
        let objections = list.objections.iter().map(|objection| {
            let (document, receipt) = self.recorded(&answer.commit, objection)?;
            Ok(v1::ObjectionSummary {
                document,
                state: state(objection.state).into(),
                receipt: Some(receipt),
                withdrawn_at_ms: ms(objection.ended),
            })
        });
        let objections = objections.collect::<Result<_, Failure>>()?;
        let (ended_at_ms, restricted) = (ms(list.ended), list.restricted);
        Ok(v1::ListSafeguardsResponse { releases, objections, ended_at_ms, restricted })
    }

    fn recorded(
        &self,
        commit: &Commit,
        safeguard: &Safeguard,
    ) -> Result<(Bytes, v1::Receipt), Failure> {
        let stored = self.0.engine.reader().record(safeguard.record)?;
        let document = private_document(&stored).ok_or(Failure::Internal)?;
        Ok((document, self.0.receipt(commit, safeguard.record)?))
    }

    async fn reviews(
        &self,
        peer: &Peer,
        request: &v1::ListReviewsRequest,
    ) -> Result<v1::ListReviewsResponse, Failure> {
        if request.within_days > WITHIN_DAYS_MAX {
            return Err(invalid("within_days", "at most 366"));
        }
        let within_ms = TimeMs::from(request.within_days) * DAY_MS;
        let actor = peer.actor.clone();
        let answer = self.execute(SafeguardCommand::ListReviews { actor, within_ms }).await?;
        let Outcome::Reviews(reviews) = answer.outcome else { return Err(Failure::Internal) };
        let reviews = reviews.iter().map(|review: &Review| v1::ReviewSummary {
            participant_reference: review.reference.to_text(),
            consent_id: Bytes::copy_from_slice(review.consent.bytes()),
            review_by_ms: ms(Some(review.review_by)),
            suspended_from_ms: ms(review.suspended_from),
            state: match review.state {
                ReviewState::Due => v1::ReviewState::Due,
                ReviewState::Overdue => v1::ReviewState::Overdue,
                ReviewState::Missed => v1::ReviewState::Missed,
            }
            .into(),
        });
        Ok(v1::ListReviewsResponse { reviews: reviews.collect() })
    }

    async fn execute(&self, command: SafeguardCommand) -> Result<Answer, Failure> {
        Ok(self.0.engine.execute(Lane::Normal, safeguard(command)).await?)
    }
}

fn safeguard(command: SafeguardCommand) -> Command {
    Command::Safeguard(Box::new(command))
}

fn state(state: SafeguardState) -> v1::SafeguardState {
    match state {
        SafeguardState::Active => v1::SafeguardState::Active,
        SafeguardState::NotYet => v1::SafeguardState::NotYet,
        SafeguardState::Expired => v1::SafeguardState::Expired,
        SafeguardState::Ended => v1::SafeguardState::Ended,
    }
}

fn ms(at: Option<TimeMs>) -> i64 {
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or_default()
}

#[tonic::async_trait]
impl SafeguardService for Safeguards {
    async fn record_secrecy_release(
        &self,
        request: Request<v1::RecordSecrecyReleaseRequest>,
    ) -> Result<Response<v1::RecordSecrecyReleaseResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let v1::RecordSecrecyReleaseRequest { document, signature } = request.into_inner();
        let done = self.act(&peer, SafeguardDocument::Release, document, signature).await;
        let Done { receipt, checkpoint, .. } = done.map_err(failed)?;
        let receipt = Some(receipt);
        Ok(Response::new(v1::RecordSecrecyReleaseResponse { receipt, checkpoint }))
    }

    async fn revoke_secrecy_release(
        &self,
        request: Request<v1::RevokeSecrecyReleaseRequest>,
    ) -> Result<Response<v1::RevokeSecrecyReleaseResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let v1::RevokeSecrecyReleaseRequest { document, signature } = request.into_inner();
        let done = self.act(&peer, SafeguardDocument::ReleaseRevocation, document, signature).await;
        let Done { receipt, stopped_messages, checkpoint } = done.map_err(failed)?;
        let receipt = Some(receipt);
        let response = v1::RevokeSecrecyReleaseResponse { receipt, stopped_messages, checkpoint };
        Ok(Response::new(response))
    }

    async fn record_objection(
        &self,
        request: Request<v1::RecordObjectionRequest>,
    ) -> Result<Response<v1::RecordObjectionResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let v1::RecordObjectionRequest { document, signature } = request.into_inner();
        let done = self.act(&peer, SafeguardDocument::Objection, document, signature).await;
        let Done { receipt, stopped_messages, checkpoint } = done.map_err(failed)?;
        let receipt = Some(receipt);
        let response = v1::RecordObjectionResponse { receipt, stopped_messages, checkpoint };
        Ok(Response::new(response))
    }

    async fn withdraw_objection(
        &self,
        request: Request<v1::WithdrawObjectionRequest>,
    ) -> Result<Response<v1::WithdrawObjectionResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let v1::WithdrawObjectionRequest { document, signature } = request.into_inner();
        let done =
            self.act(&peer, SafeguardDocument::ObjectionWithdrawal, document, signature).await;
        let Done { receipt, checkpoint, .. } = done.map_err(failed)?;
        let receipt = Some(receipt);
        Ok(Response::new(v1::WithdrawObjectionResponse { receipt, checkpoint }))
    }

    async fn end_participation(
        &self,
        request: Request<v1::EndParticipationRequest>,
    ) -> Result<Response<v1::EndParticipationResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let v1::EndParticipationRequest { document, signature } = request.into_inner();
        let done = self.act(&peer, SafeguardDocument::ParticipationEnd, document, signature).await;
        let Done { receipt, stopped_messages, checkpoint } = done.map_err(failed)?;
        let receipt = Some(receipt);
        let response = v1::EndParticipationResponse { receipt, stopped_messages, checkpoint };
        Ok(Response::new(response))
    }

    async fn list_safeguards(
        &self,
        request: Request<v1::ListSafeguardsRequest>,
    ) -> Result<Response<v1::ListSafeguardsResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        self.list(&peer, request.get_ref()).await.map(Response::new).map_err(failed)
    }

    async fn preview_change(
        &self,
        request: Request<v1::PreviewChangeRequest>,
    ) -> Result<Response<v1::PreviewChangeResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        self.preview(&peer, request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn list_reviews(
        &self,
        request: Request<v1::ListReviewsRequest>,
    ) -> Result<Response<v1::ListReviewsResponse>, Status> {
        let peer = peer(&request).map_err(failed)?;
        self.reviews(&peer, request.get_ref()).await.map(Response::new).map_err(failed)
    }
}
