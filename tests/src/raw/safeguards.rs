//! Calls of the Lotse beside the consents.

use bytes::Bytes;
use prost::Message;
use schleuse_proto::evidence::{SafeguardDocument, sha256};
use schleuse_proto::v1;
use schleuse_proto::v1::safeguard_service_client::SafeguardServiceClient;
use tonic::transport::Channel;

use super::{HOUR_MS, JOBCENTER, RawClient, address, now_ms, random};

/// A release of the Jobcenter's function `zentrale` towards an agency's.
pub fn release(reference: &str, addressee: &str) -> v1::SecrecyReleaseDocument {
    v1::SecrecyReleaseDocument {
        release_id: Bytes::copy_from_slice(&random::<16>()),
        participant_reference: reference.to_owned(),
        holder: Some(address(JOBCENTER, "zentrale")),
        addressee: Some(address(addressee, "zentrale")),
        categories: vec!["termine".to_owned()],
        purposes: vec!["fallkonferenz".to_owned()],
        not_before_ms: now_ms() - HOUR_MS,
        not_after_ms: now_ms() + 365 * 24 * HOUR_MS,
        text: Some(v1::ConsentText {
            version: "2026-1".to_owned(),
            hash: Bytes::from_static(&[6; 32]),
            language: "de".to_owned(),
        }),
        evidence_hashes: vec![Bytes::from_static(&[7; 32])],
        signed_at_ms: now_ms(),
    }
}

/// An objection to everything.
pub fn objection(reference: &str) -> v1::ObjectionDocument {
    v1::ObjectionDocument {
        objection_id: Bytes::copy_from_slice(&random::<16>()),
        participant_reference: reference.to_owned(),
        signed_at_ms: now_ms(),
        ..v1::ObjectionDocument::default()
    }
}

fn hash(document: &impl Message) -> Bytes {
    Bytes::copy_from_slice(&sha256(&[&document.encode_to_vec()]))
}

impl RawClient {
    pub fn safeguards(&self) -> SafeguardServiceClient<Channel> {
        SafeguardServiceClient::new(self.channel.clone())
    }

    fn signed(
        &self,
        kind: SafeguardDocument,
        document: &impl Message,
    ) -> (Bytes, Option<v1::Signature>) {
        let bytes = Bytes::from(document.encode_to_vec());
        let signature = Some(self.sign(&kind.signed_bytes(&bytes)));
        (bytes, signature)
    }

    pub async fn record_release(
        &self,
        release: &v1::SecrecyReleaseDocument,
    ) -> Result<v1::RecordSecrecyReleaseResponse, tonic::Status> {
        let (document, signature) = self.signed(SafeguardDocument::Release, release);
        let request = v1::RecordSecrecyReleaseRequest { document, signature };
        self.safeguards().record_secrecy_release(request).await.map(tonic::Response::into_inner)
    }

    pub async fn revoke_release(
        &self,
        release: &v1::SecrecyReleaseDocument,
    ) -> Result<v1::RevokeSecrecyReleaseResponse, tonic::Status> {
        let revocation = v1::SecrecyReleaseRevocationDocument {
            release_id: release.release_id.clone(),
            release_hash: hash(release),
            signed_at_ms: now_ms(),
        };
        let (document, signature) = self.signed(SafeguardDocument::ReleaseRevocation, &revocation);
        let request = v1::RevokeSecrecyReleaseRequest { document, signature };
        self.safeguards().revoke_secrecy_release(request).await.map(tonic::Response::into_inner)
    }

    pub async fn object(
        &self,
        objection: &v1::ObjectionDocument,
    ) -> Result<v1::RecordObjectionResponse, tonic::Status> {
        let (document, signature) = self.signed(SafeguardDocument::Objection, objection);
        let request = v1::RecordObjectionRequest { document, signature };
        self.safeguards().record_objection(request).await.map(tonic::Response::into_inner)
    }

    pub async fn end_objection(
        &self,
        objection: &v1::ObjectionDocument,
    ) -> Result<v1::WithdrawObjectionResponse, tonic::Status> {
        let end = v1::ObjectionWithdrawalDocument {
            objection_id: objection.objection_id.clone(),
            objection_hash: hash(objection),
            signed_at_ms: now_ms(),
        };
        let (document, signature) = self.signed(SafeguardDocument::ObjectionWithdrawal, &end);
        let request = v1::WithdrawObjectionRequest { document, signature };
        self.safeguards().withdraw_objection(request).await.map(tonic::Response::into_inner)
    }

    pub async fn end_participation(
        &self,
        reference: &str,
    ) -> Result<v1::EndParticipationResponse, tonic::Status> {
        self.end_participation_at(reference, now_ms()).await
    }

    /// As [`RawClient::end_participation`], for a broker whose clock stands elsewhere.
    pub async fn end_participation_at(
        &self,
        reference: &str,
        signed_at_ms: i64,
    ) -> Result<v1::EndParticipationResponse, tonic::Status> {
        let participant_reference = reference.to_owned();
        let end = v1::ParticipationEndDocument { participant_reference, signed_at_ms };
        let (document, signature) = self.signed(SafeguardDocument::ParticipationEnd, &end);
        let request = v1::EndParticipationRequest { document, signature };
        self.safeguards().end_participation(request).await.map(tonic::Response::into_inner)
    }

    pub async fn safeguards_of(
        &self,
        reference: &str,
    ) -> Result<v1::ListSafeguardsResponse, tonic::Status> {
        let request = v1::ListSafeguardsRequest { participant_reference: reference.to_owned() };
        self.safeguards().list_safeguards(request).await.map(tonic::Response::into_inner)
    }

    pub async fn preview(
        &self,
        change: v1::preview_change_request::Change,
    ) -> Result<v1::PreviewChangeResponse, tonic::Status> {
        let request = v1::PreviewChangeRequest { change: Some(change) };
        self.safeguards().preview_change(request).await.map(tonic::Response::into_inner)
    }
}
