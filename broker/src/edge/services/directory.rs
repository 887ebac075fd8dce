//! `DirectoryService`.

use schleuse_proto::evidence::directory_signed_bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::directory_service_server::DirectoryService;
use tonic::{Request, Response, Status};

use super::{Context, checkpoint, failed, invalid, peer, skeleton_receipt};
use crate::domain::command::{Command, Outcome};
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{AgencyId, RecordNumber};
use crate::edge::limits;
use crate::edge::status::Failure;
use crate::engine::Lane;
use crate::record;
use crate::record::documents::{agency, parse_directory};
use crate::record::rows::{domain_signature, wire_signature};

pub(super) struct Directory(pub(super) Context);

impl Directory {
    async fn publish(
        &self,
        request: Request<v1::PublishEntryRequest>,
    ) -> Result<v1::PublishEntryResponse, Failure> {
        let peer = peer(&request)?;
        let v1::PublishEntryRequest { document: bytes, signature } = request.into_inner();
        let document = parse_directory(&bytes)?;
        if document.agency != peer.actor.agency {
            return Err(invalid("agency", "the agency of the caller's certificate"));
        }
        let signed = directory_signed_bytes(&bytes);
        Context::check_own_signature(&peer, "DirectoryDocument", &signed, signature.as_ref())?;
        let command = Command::PublishDirectory {
            actor: peer.actor.clone(),
            revision: document.revision,
            functions: document.functions,
            document: bytes,
            signature: domain_signature(signature),
        };
        let answer = self.0.engine.execute(Lane::Normal, command).await?;
        let Outcome::Recorded(record) = answer.outcome else { return Err(Failure::Internal) };
        let receipt = Some(self.0.receipt(&answer.commit, record)?);
        Ok(v1::PublishEntryResponse { receipt, checkpoint: checkpoint(&answer.commit) })
    }

    async fn read(&self, agency: Option<AgencyId>) -> Result<Vec<v1::DirectoryEntry>, Failure> {
        let answer = self.0.engine.execute(Lane::Normal, Command::ReadDirectory { agency }).await?;
        let Outcome::Directory(records) = answer.outcome else { return Err(Failure::Internal) };
        records.into_iter().take(limits::DIRECTORY_ENTRIES_MAX).map(|n| self.entry(n)).collect()
    }

    fn entry(&self, number: RecordNumber) -> Result<v1::DirectoryEntry, Failure> {
        let engine = &self.0.engine;
        let stored = engine.reader().record(number)?;
        let event = record::decode(&stored, &engine.rules().catalogue).map_err(|why| {
            tracing::error!(number, why, "a directory entry cannot be read");
            Failure::Internal
        })?;
        let Some(Event { kind: EventKind::DirectoryPublished(entry), .. }) = event else {
            return Err(Failure::Internal);
        };
        Ok(v1::DirectoryEntry {
            document: entry.document,
            signature: Some(wire_signature(&entry.signature)),
            receipt: Some(skeleton_receipt(number, &stored.skeleton_bytes)),
        })
    }
}

#[tonic::async_trait]
impl DirectoryService for Directory {
    async fn publish_entry(
        &self,
        request: Request<v1::PublishEntryRequest>,
    ) -> Result<Response<v1::PublishEntryResponse>, Status> {
        self.publish(request).await.map(Response::new).map_err(failed)
    }

    async fn look_up_agency(
        &self,
        request: Request<v1::LookUpAgencyRequest>,
    ) -> Result<Response<v1::LookUpAgencyResponse>, Status> {
        let agency = agency(&request.get_ref().agency, "agency").map_err(failed)?;
        let entry = self.read(Some(agency)).await.map_err(failed)?.into_iter().next();
        Ok(Response::new(v1::LookUpAgencyResponse { entry }))
    }

    async fn list_agencies(
        &self,
        _request: Request<v1::ListAgenciesRequest>,
    ) -> Result<Response<v1::ListAgenciesResponse>, Status> {
        let entries = self.read(None).await.map_err(failed)?;
        Ok(Response::new(v1::ListAgenciesResponse { entries }))
    }
}
