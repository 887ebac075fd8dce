//! Sending a message with attachments.
//!
//! Parts first, the message last: until that was accepted, the broker hands out nothing of the upload. The
//! identifier of a part follows from the upload and its place, so that a repetition is one and the same part.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use schleuse_proto::evidence::sha256;
use schleuse_proto::v1;
use tonic::{Code, Status};

use super::source::Source;
use super::upload_state::Plan;
use super::{AttachmentError, CHUNK_KIND};
use crate::client::{Backoff, Client};
use crate::content::{ATTACHMENTS_MAX, CHUNK_BYTES_MAX, Content};
use crate::error::ClientError;
use crate::ids::{AttachmentId, MessageId, Receipt};
use crate::seal::{SealError, SealingPublicKey};
use crate::send::{
    Draft, LabelIds, Prepared, SendOutcome, StreamOutcome, SubmitReceiver, prepare_as, sign,
};

/// Parts on their way without an outcome: enough to keep a connection busy, and all that is in memory.
const IN_FLIGHT_MAX: usize = 4;
/// Messages of one question after outcomes.
const OUTCOMES_MAX: usize = 256;
/// Most attempts after an interruption without a part that arrived between them: about three minutes.
const ATTEMPTS_MAX: u32 = 60;
/// Longest wait for the outcome of a part.
const OUTCOME_WAIT: Duration = Duration::from_secs(60);

/// A file that is sent with a message.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name for the recipient, without a path.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Category codes of the catalogue that it touches; order does not matter.
    pub categories: Vec<String>,
}

impl Attachment {
    pub(super) fn reference(&self, id: AttachmentId, source: &Source) -> v1::AttachmentReference {
        let mut categories = self.categories.clone();
        categories.sort();
        categories.dedup();
        v1::AttachmentReference {
            attachment_id: id.to_bytes(),
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            size_bytes: source.bytes,
            sha256: Bytes::copy_from_slice(&source.sha256),
            chunk_count: source.chunks,
            categories,
        }
    }
}

/// How far an upload got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Identifier of the message; names the upload in [`Client::discard_upload`].
    pub message_id: MessageId,
    /// Position of the attachment, from 0.
    pub attachment: usize,
    /// Bytes of it that the broker has accepted.
    pub sent_bytes: u64,
    /// Its size.
    pub total_bytes: u64,
    /// Interruptions of the upload so far.
    pub interruptions: u32,
}

/// What became of a message with attachments.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UploadOutcome {
    /// What became of the message; none if it was not sent, since an attachment is not covered by a consent.
    pub message: Option<SendOutcome>,
    /// Identifier of the message.
    pub message_id: MessageId,
    /// Positions of the attachments that are not covered by a consent.
    pub uncovered: Vec<usize>,
}

/// A message with attachments that is about to be sent.
pub struct Upload {
    draft: Draft,
    attachments: Vec<Attachment>,
    chunk_bytes: usize,
    leaves_out: bool,
    on_progress: Box<dyn FnMut(Progress) + Send + Sync>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({} attachments)", self.attachments.len())
    }
}

impl Upload {
    /// A message with 1 to 16 attachments.
    #[must_use]
    pub fn new(draft: Draft, attachments: Vec<Attachment>) -> Self {
        let on_progress = Box::new(|_| {});
        let chunk_bytes = CHUNK_BYTES_MAX;
        Self { draft, attachments, chunk_bytes, leaves_out: false, on_progress }
    }

    /// Size of the parts, at most 1 MiB; each attachment has at most 128 of them.
    #[must_use]
    pub fn chunk_bytes(self, chunk_bytes: usize) -> Self {
        Self { chunk_bytes, ..self }
    }

    /// Sends the message without the attachments that no consent covers. Otherwise nothing is sent if one is
    /// not covered.
    #[must_use]
    pub fn leaving_out_uncovered(self) -> Self {
        Self { leaves_out: true, ..self }
    }

    /// What is called when a part was accepted.
    #[must_use]
    pub fn on_progress(self, on_progress: impl FnMut(Progress) + Send + Sync + 'static) -> Self {
        Self { on_progress: Box::new(on_progress), ..self }
    }
}

impl Client {
    /// Sends a message with attachments. Goes on after interruptions of the connection, a bounded number of
    /// times without progress; with a state folder also when it is called again after the program ended.
    ///
    /// # Errors
    /// A file cannot be read or changed meanwhile, the broker refuses a part as malformed, stays out of reach
    /// or full, or was rolled back.
    pub async fn upload(&self, upload: Upload) -> Result<UploadOutcome, ClientError> {
        let Upload { draft, attachments, chunk_bytes, leaves_out, on_progress } = upload;
        if !(1..=ATTACHMENTS_MAX).contains(&attachments.len()) {
            return Err(ClientError::argument("attachments", "1 to 16 of them"));
        }
        let files: Vec<PathBuf> = attachments.iter().map(|one| one.path.clone()).collect();
        let sources = blocking(move || {
            files.iter().map(|path| Source::open(path, chunk_bytes)).collect::<Result<Vec<_>, _>>()
        });
        let sources = sources.await?;
        // Refused before anything is sent, if the message could not be.
        let ids: Vec<_> = sources.iter().map(|_| AttachmentId::generate()).collect();
        let references = attachments.iter().zip(&sources).zip(ids);
        let references = references.map(|((one, source), id)| Ok(one.reference(id?, source)));
        let references = references.collect::<Result<Vec<_>, ClientError>>()?;
        draft.content.clone().with_attachments(references)?.to_plaintext()?;
        let now_ms = self.now_ms();
        let plan = Plan::take_up(self.state_dir(), &draft, &attachments, &sources, now_ms)?;
        let key = self.directory().sealing_key(&draft.recipient, draft.suite).await?;
        let sources = sources.into_iter().map(Arc::new).collect();
        let mut sending = Sending {
            client: self.clone(),
            draft,
            attachments,
            sources,
            plan,
            key,
            interruptions: 0,
            on_progress,
        };
        let outcome = sending.run(leaves_out).await;
        // What can be taken up again is kept; everything else is over.
        if outcome.as_ref().map_or_else(|error| !error.retryable(), |_| true) {
            sending.plan.forget();
        }
        outcome
    }

    /// Gives an upload up before its message was sent: what has arrived of it is stopped and destroyed, what
    /// arrives later is refused.
    ///
    /// # Errors
    /// The broker cannot be reached, or was rolled back.
    pub async fn discard_upload(&self, message_id: MessageId) -> Result<Receipt, ClientError> {
        let service = self.uploads();
        let request = v1::DiscardPartsRequest { message_id: message_id.to_bytes() };
        let answer = self
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.discard_parts(request).await }
            })
            .await?;
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// What was decided on messages of our agency within 24 hours; none: they have not arrived.
    ///
    /// # Errors
    /// The broker cannot be reached, or was rolled back.
    pub async fn outcomes(
        &self,
        messages: &[MessageId],
    ) -> Result<Vec<Option<StreamOutcome>>, ClientError> {
        let mut known = Vec::with_capacity(messages.len());
        let service = self.uploads();
        for ids in messages.chunks(OUTCOMES_MAX) {
            let message_ids = ids.iter().map(|id| id.to_bytes()).collect();
            let request = v1::ReadOutcomesRequest { message_ids };
            let answer = self
                .call(|| {
                    let (mut service, request) = (service.clone(), request.clone());
                    async move { service.read_outcomes(request).await }
                })
                .await?;
            self.checkpoints().observe(&answer.checkpoint)?;
            if answer.outcomes.len() != ids.len() {
                return Err(ClientError::protocol("other outcomes than messages"));
            }
            for outcome in &answer.outcomes {
                known.push(match outcome.result() {
                    v1::SubmitResult::Unspecified => None,
                    v1::SubmitResult::Accepted => {
                        let receipt = Receipt::from_wire(outcome.receipt.as_ref())?;
                        Some(StreamOutcome::Accepted { receipt })
                    }
                    v1::SubmitResult::NotCovered => {
                        let receipt = Receipt::from_wire(outcome.receipt.as_ref())?;
                        Some(StreamOutcome::NotCovered { receipt })
                    }
                    v1::SubmitResult::Rejected => {
                        return Err(ClientError::protocol("a rejection that was recorded"));
                    }
                });
            }
        }
        Ok(known)
    }
}

/// Runs what reads files or computes where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ClientError::evidence(SealError::Seal.into()))?
}

/// What is known of the parts of one attachment.
enum Known {
    /// These are missing.
    Missing(VecDeque<u32>),
    /// One was not covered by a consent.
    NotCovered,
}

/// One upload on its way.
struct Sending {
    client: Client,
    draft: Draft,
    attachments: Vec<Attachment>,
    sources: Vec<Arc<Source>>,
    plan: Plan,
    key: SealingPublicKey,
    interruptions: u32,
    on_progress: Box<dyn FnMut(Progress) + Send + Sync>,
}

impl Sending {
    async fn run(&mut self, leaves_out: bool) -> Result<UploadOutcome, ClientError> {
        let message_id = self.plan.message_id;
        if let [Some(known)] = self.client.outcomes(&[message_id]).await?.as_slice() {
            // The program ended after the message was sent and before it could say so.
            let message = Some(self.as_sent(known)?);
            return Ok(UploadOutcome { message, message_id, uncovered: Vec::new() });
        }
        let mut uncovered = Vec::new();
        for position in 0..self.attachments.len() {
            if !self.send_attachment(position).await? {
                uncovered.push(position);
                if !leaves_out {
                    break;
                }
            }
        }
        if !uncovered.is_empty() && !leaves_out {
            self.client.discard_upload(message_id).await?;
            return Ok(UploadOutcome { message: None, message_id, uncovered });
        }
        self.check_sources().await?;
        let message = Some(self.send_message(&uncovered).await?);
        Ok(UploadOutcome { message, message_id, uncovered })
    }

    fn as_sent(&self, outcome: &StreamOutcome) -> Result<SendOutcome, ClientError> {
        let Plan { message_id, thread_id, .. } = self.plan;
        match outcome {
            StreamOutcome::Accepted { receipt } => {
                Ok(SendOutcome::Accepted { receipt: *receipt, message_id, thread_id })
            }
            StreamOutcome::NotCovered { receipt } => {
                Ok(SendOutcome::NotCovered { receipt: *receipt })
            }
            StreamOutcome::Rejected { .. } => Err(ClientError::protocol("a recorded rejection")),
        }
    }

    /// Sends what is missing of one attachment; false if a part is not covered by a consent.
    async fn send_attachment(&mut self, position: usize) -> Result<bool, ClientError> {
        let mut backoff = Backoff::new(ATTEMPTS_MAX);
        let mut least = usize::MAX;
        loop {
            let error = match self.send_missing(position, &mut least, &mut backoff).await {
                Ok(covered) => return Ok(covered),
                Err(error) => error,
            };
            if !error.retryable() || !self.plan.may_go_on(self.client.now_ms()) {
                return Err(error);
            }
            self.interruptions = self.interruptions.saturating_add(1);
            if !backoff.pause().await {
                return Err(error);
            }
        }
    }

    /// One attempt: asks what is missing and sends that.
    async fn send_missing(
        &mut self,
        position: usize,
        least: &mut usize,
        backoff: &mut Backoff,
    ) -> Result<bool, ClientError> {
        let missing = match self.missing(position).await? {
            Known::NotCovered => return Ok(false),
            Known::Missing(missing) => missing,
        };
        if missing.len() < *least {
            *least = missing.len();
            backoff.reset();
        }
        self.tell(position, &missing);
        if missing.is_empty() {
            return Ok(true);
        }
        self.stream(position, missing).await
    }

    fn chunk_id(&self, position: usize, index: u32) -> Result<MessageId, ClientError> {
        let (Some(id), Some(source)) =
            (self.plan.attachments.get(position), self.sources.get(position))
        else {
            return Err(ClientError::argument("attachment", "one of the upload"));
        };
        let parts: [&[u8]; 5] = [
            b"schleuse/v1/attachment-part\0",
            self.plan.message_id.as_bytes(),
            id.as_bytes(),
            &source.sha256,
            &index.to_be_bytes(),
        ];
        let digest = sha256(&parts);
        MessageId::parse(digest.get(..16).unwrap_or_default())
    }

    fn chunks(&self, position: usize) -> u32 {
        self.sources.get(position).map_or(0, |source| source.chunks)
    }

    async fn missing(&self, position: usize) -> Result<Known, ClientError> {
        let indexes = 0..self.chunks(position);
        let ids = indexes.clone().map(|index| self.chunk_id(position, index));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let known = self.client.outcomes(&ids).await?;
        if known.iter().any(|one| matches!(one, Some(StreamOutcome::NotCovered { .. }))) {
            return Ok(Known::NotCovered);
        }
        let missing = indexes.zip(known).filter(|(_, known)| known.is_none());
        Ok(Known::Missing(missing.map(|(index, _)| index).collect()))
    }

    /// Sends parts over one stream, a few at a time.
    async fn stream(
        &mut self,
        position: usize,
        mut missing: VecDeque<u32>,
    ) -> Result<bool, ClientError> {
        let (sender, mut receiver) = self.client.submit_stream().await?.split();
        let mut in_flight: VecDeque<u32> = VecDeque::new();
        loop {
            while in_flight.len() < IN_FLIGHT_MAX
                && let Some(index) = missing.pop_front()
            {
                let part = self.seal(position, index).await?;
                sender.send(vec![part.message]).await?;
                in_flight.push_back(index);
            }
            if in_flight.is_empty() {
                return Ok(true);
            }
            for outcome in next_outcomes(&self.client, &mut receiver).await? {
                in_flight.pop_front();
                match outcome {
                    StreamOutcome::Accepted { .. } => {}
                    StreamOutcome::NotCovered { .. } => return Ok(false),
                    StreamOutcome::Rejected { reason, message, retryable } => {
                        return Err(rejected(reason, message, retryable));
                    }
                }
            }
            let left: VecDeque<u32> = in_flight.iter().chain(&missing).copied().collect();
            self.tell(position, &left);
        }
    }

    fn tell(&mut self, position: usize, missing: &VecDeque<u32>) {
        let Some(source) = self.sources.get(position) else { return };
        let left: u64 = missing.iter().map(|index| source.chunk_len(*index)).sum();
        (self.on_progress)(Progress {
            message_id: self.plan.message_id,
            attachment: position,
            sent_bytes: source.bytes.saturating_sub(left),
            total_bytes: source.bytes,
            interruptions: self.interruptions,
        });
    }

    /// Reads, seals and signs one part.
    async fn seal(&self, position: usize, index: u32) -> Result<Prepared, ClientError> {
        let unknown = || ClientError::argument("attachment", "one of the upload");
        let attachment = self.attachments.get(position).ok_or_else(unknown)?;
        let source = self.sources.get(position).ok_or_else(unknown)?.clone();
        let id = *self.plan.attachments.get(position).ok_or_else(unknown)?;
        let ids = LabelIds {
            message_id: self.chunk_id(position, index)?,
            part_of: Some(self.plan.message_id),
        };
        let draft = Draft {
            kind: CHUNK_KIND.to_owned(),
            categories: attachment.categories.clone(),
            thread_id: Some(self.plan.thread_id),
            ..self.draft.clone()
        };
        let path = attachment.path.clone();
        let work = move |draft: Draft| {
            let data = source.chunk(index).map_err(|error| ClientError::file(&path, error))?;
            let content = Content::attachment_chunk(v1::AttachmentChunk {
                attachment_id: id.to_bytes(),
                index,
                count: source.chunks,
                total_bytes: source.bytes,
                sha256: Bytes::copy_from_slice(&source.sha256),
                data,
            })?;
            Ok(Draft { content, ..draft })
        };
        self.prepare(draft, ids, work).await
    }

    /// Seals and signs one message, whose content is made where it may block.
    async fn prepare(
        &self,
        draft: Draft,
        ids: LabelIds,
        work: impl FnOnce(Draft) -> Result<Draft, ClientError> + Send + 'static,
    ) -> Result<Prepared, ClientError> {
        let (client, key) = (self.client.clone(), self.key.clone());
        let done = blocking(move || {
            let draft = work(draft)?;
            let mut prepared = [prepare_as(&draft, &key, client.agency(), client.now_ms(), ids)?];
            sign(&mut prepared, client.signer())?;
            let [prepared] = prepared;
            Ok(prepared)
        });
        done.await
    }

    /// The files must still be what their hashes say: the recipient would refuse them.
    async fn check_sources(&self) -> Result<(), ClientError> {
        for (source, attachment) in self.sources.iter().zip(&self.attachments) {
            let (source, path) = (source.clone(), attachment.path.clone());
            let unchanged = blocking(move || {
                source.is_unchanged().map_err(|error| ClientError::file(&path, error))
            });
            if !unchanged.await? {
                self.client.discard_upload(self.plan.message_id).await?;
                let name = attachment.name.clone();
                return Err(AttachmentError::SourceChanged { name }.into());
            }
        }
        Ok(())
    }

    async fn send_message(&self, uncovered: &[usize]) -> Result<SendOutcome, ClientError> {
        let all = self.attachments.iter().zip(&self.sources).zip(&self.plan.attachments);
        let sent = all.zip(0..).filter(|(_, position)| !uncovered.contains(position));
        let references = sent.map(|(((one, source), id), _)| one.reference(*id, source)).collect();
        let content = self.draft.content.clone().with_attachments(references)?;
        let thread_id = Some(self.plan.thread_id);
        let draft = Draft { content, thread_id, ..self.draft.clone() };
        let ids = LabelIds { message_id: self.plan.message_id, part_of: None };
        let prepared = self.prepare(draft, ids, Ok).await?;
        let outcomes = self.client.submit_prepared(vec![prepared], false).await?;
        outcomes.into_iter().next().ok_or_else(|| ClientError::protocol("an outcome is missing"))
    }
}

async fn next_outcomes(
    client: &Client,
    receiver: &mut SubmitReceiver,
) -> Result<Vec<StreamOutcome>, ClientError> {
    let lost = |why: &'static str| client.failed(&Status::from_error(why.into()));
    match tokio::time::timeout(OUTCOME_WAIT, receiver.outcomes()).await {
        Ok(Ok(Some(outcomes))) => Ok(outcomes),
        Ok(Ok(None)) => Err(lost("the broker ended the stream")),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(lost("no outcome in time")),
    }
}

/// A part that was rejected. One that arrived before, sealed anew after an interruption, is there: to be asked
/// about again.
fn rejected(reason: String, message: String, retryable: bool) -> ClientError {
    let is_there = reason == v1::ErrorReason::IdempotencyConflict.as_str_name();
    ClientError::Refused {
        code: Code::FailedPrecondition,
        retryable: retryable || is_there,
        reason,
        message,
        metadata: std::collections::BTreeMap::new(),
    }
}
