//! `DirectoryService`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schleuse_proto::Message as _;
use schleuse_proto::evidence::directory_signed_bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::directory_service_server::DirectoryService;
use tonic::{Request, Response, Status};

use super::{Context, checkpoint, failed, invalid, peer, skeleton_receipt};
use crate::domain::command::{Command, Outcome};
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{AgencyId, RecordNumber};
use crate::domain::planning::Renewal;
use crate::domain::refusal::Refusal;
use crate::edge::limits;
use crate::edge::status::Failure;
use crate::engine::Lane;
use crate::record;
use crate::record::directory::{DirectoryDocument, Search, parse_directory};
use crate::record::documents::agency;
use crate::record::rows::{domain_signature, wire_signature};

/// How far the clock of an agency may be ahead, in milliseconds.
const AHEAD_MS_MAX: u64 = 5 * 60 * 1000;
/// Entries that are kept in memory; beyond that they are read again.
const KNOWN_MAX: usize = 2_000;
/// Entries of one page of a search in bytes: below the largest message.
const PAGE_BYTES_MAX: usize = 512 * 1024;

pub(super) struct Directory(Context, Arc<Mutex<HashMap<RecordNumber, Arc<Published>>>>);

/// A published entry, read.
struct Published {
    entry: v1::DirectoryEntry,
    document: v1::DirectoryDocument,
    renewal: Renewal,
}

impl Directory {
    pub(super) fn new(context: Context) -> Self {
        Self(context, Arc::default())
    }

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
        self.check_renewal(&document)?;
        let signed = directory_signed_bytes(&bytes);
        Context::check_own_signature(&peer, "DirectoryDocument", &signed, signature.as_ref())?;
        let command = Command::PublishDirectory {
            actor: peer.actor.clone(),
            revision: document.revision,
            functions: document.functions,
            renewal: document.renewal,
            document: bytes,
            signature: domain_signature(signature),
        };
        let answer = self.0.engine.execute(Lane::Normal, command).await?;
        let Outcome::Recorded(record) = answer.outcome else { return Err(Failure::Internal) };
        let receipt = Some(self.0.receipt(&answer.commit, record)?);
        Ok(v1::PublishEntryResponse { receipt, checkpoint: checkpoint(&answer.commit) })
    }

    /// What is not about the form of a document: it is not confirmed in the future, and names kinds of
    /// agencies that the configuration has. What was published before is not asked again.
    fn check_renewal(&self, document: &DirectoryDocument) -> Result<(), Failure> {
        let engine = &self.0.engine;
        if document.renewal.confirmed > engine.clock().now().saturating_add(AHEAD_MS_MAX) {
            return Err(Refusal::TimeOutOfRange { field: "confirmed_at_ms" }.into());
        }
        let kinds = &engine.rules().planning.agency_kinds;
        if !kinds.is_empty() && !document.agency_kinds.iter().all(|kind| kinds.contains(kind)) {
            let expected = "codes that [[agency_kind]] of the configuration has";
            return Err(invalid("agency_kind", expected));
        }
        Ok(())
    }

    async fn records(&self, agency: Option<AgencyId>) -> Result<Vec<RecordNumber>, Failure> {
        let answer = self.0.engine.execute(Lane::Normal, Command::ReadDirectory { agency }).await?;
        let Outcome::Directory(records) = answer.outcome else { return Err(Failure::Internal) };
        Ok(records)
    }

    async fn read(&self, agency: Option<AgencyId>) -> Result<Vec<v1::DirectoryEntry>, Failure> {
        let records = self.records(agency).await?.into_iter().take(limits::DIRECTORY_ENTRIES_MAX);
        records.map(|number| Ok(self.marked(&*self.published(number)?))).collect()
    }

    /// An entry with the mark of its age at this instant.
    fn marked(&self, published: &Published) -> v1::DirectoryEntry {
        let engine = &self.0.engine;
        let renew_by = published.renewal.due(&engine.rules().planning);
        v1::DirectoryEntry {
            renew_by_ms: i64::try_from(renew_by).unwrap_or(i64::MAX),
            stale: renew_by <= engine.clock().now(),
            ..published.entry.clone()
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<RecordNumber, Arc<Published>>> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a published entry, from memory if it was read before: a record never changes.
    fn published(&self, number: RecordNumber) -> Result<Arc<Published>, Failure> {
        if let Some(known) = self.known().get(&number) {
            return Ok(known.clone());
        }
        let engine = &self.0.engine;
        let stored = engine.reader().record(number)?;
        let unreadable = |why: String| {
            tracing::error!(number, why, "a directory entry cannot be read");
            Failure::Internal
        };
        let event = record::decode(&stored, &engine.rules().catalogue).map_err(unreadable)?;
        let Some(Event { kind: EventKind::DirectoryPublished(entry), .. }) = event else {
            return Err(Failure::Internal);
        };
        let document = v1::DirectoryDocument::decode(entry.document.clone());
        let published = Arc::new(Published {
            document: document.map_err(|error| unreadable(error.to_string()))?,
            renewal: entry.renewal,
            entry: v1::DirectoryEntry {
                document: entry.document,
                signature: Some(wire_signature(&entry.signature)),
                receipt: Some(skeleton_receipt(number, &stored.skeleton_bytes)),
                renew_by_ms: 0,
                stale: false,
            },
        });
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(number, published.clone());
        Ok(published)
    }

    async fn search(
        &self,
        request: v1::SearchDirectoryRequest,
    ) -> Result<v1::SearchDirectoryResponse, Failure> {
        let search = Search::new(&request)?;
        let size = match usize::try_from(request.page_size).unwrap_or(usize::MAX) {
            0 => limits::SEARCH_HITS_DEFAULT,
            size if size <= limits::SEARCH_HITS_MAX => size,
            _ => return Err(invalid("page_size", "1 to 100, or 0 for 50")),
        };
        let first: usize = match request.page_token.as_str() {
            "" => 0,
            token => {
                let expected = "the next_page_token of the page before";
                token.parse().map_err(|_| invalid("page_token", expected))?
            }
        };
        let mut page = v1::SearchDirectoryResponse::default();
        let (mut place, mut bytes) = (0, 0);
        for number in self.records(None).await? {
            let published = self.published(number)?;
            for hit in search.hits(&published.document) {
                place += 1;
                if place <= first {
                    continue;
                }
                let is_new = page.hits.last().is_none_or(|last| last.agency != hit.agency);
                let more = if is_new { published.entry.encoded_len() } else { 0 };
                // At least one hit on each page, so that every search ends.
                let is_full = page.hits.len() >= size || bytes + more > PAGE_BYTES_MAX;
                if is_full && !page.hits.is_empty() {
                    page.next_page_token = (place - 1).to_string();
                    return Ok(page);
                }
                if is_new {
                    page.entries.push(self.marked(&published));
                    bytes += more;
                }
                page.hits.push(hit);
            }
        }
        Ok(page)
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

    async fn search_directory(
        &self,
        request: Request<v1::SearchDirectoryRequest>,
    ) -> Result<Response<v1::SearchDirectoryResponse>, Status> {
        self.search(request.into_inner()).await.map(Response::new).map_err(failed)
    }
}
