//! From drafts to sealed, signed messages.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::evidence::{
    BATCH_MESSAGES_MAX, Batch, batch_leaf, batch_signed_bytes, label_digest,
    participant_commitment, payload_digest,
};
use schleuse_proto::v1;

use super::Draft;
use crate::client::Client;
use crate::content::kinds;
use crate::error::ClientError;
use crate::ids::{Address, MessageId, ThreadId};
use crate::random;
use crate::seal::{SealError, SealingPublicKey, Suite, seal};
use crate::signer::Signer;

/// A message that is ready to be submitted, any number of times, with the same effect as once.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What goes to the broker.
    pub message: v1::OutgoingMessage,
    /// Its id.
    pub message_id: MessageId,
    /// Its thread.
    pub thread_id: ThreadId,
}

/// Seals and signs, without submitting.
#[derive(Clone, Debug)]
pub struct Sealer(Client);

impl Client {
    /// Seals and signs messages that are submitted later.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        Sealer(self.clone())
    }
}

impl Sealer {
    /// The wire messages of [`Sealer::prepare_all`].
    ///
    /// # Errors
    /// As [`Sealer::prepare_all`].
    pub async fn prepare(
        &self,
        drafts: Vec<Draft>,
    ) -> Result<Vec<v1::OutgoingMessage>, ClientError> {
        let prepared = self.prepare_all(drafts).await?;
        Ok(prepared.into_iter().map(|one| one.message).collect())
    }

    /// Looks the recipients' keys up, seals, and signs in batches.
    ///
    /// # Errors
    /// A recipient has no usable key, a content is too large, or of another kind than its label says.
    pub async fn prepare_all(&self, drafts: Vec<Draft>) -> Result<Vec<Prepared>, ClientError> {
        let mut keys: HashMap<(Address, Option<Suite>), SealingPublicKey> = HashMap::new();
        for draft in &drafts {
            if let Entry::Vacant(place) = keys.entry((draft.recipient.clone(), draft.suite)) {
                let key = self.0.directory().sealing_key(&draft.recipient, draft.suite).await?;
                place.insert(key);
            }
        }
        let client = self.0.clone();
        // A hybrid seal takes more than a millisecond of computing.
        let work = move || {
            let now_ms = client.now_ms();
            let unsigned = drafts.iter().map(|draft| {
                let key = keys.get(&(draft.recipient.clone(), draft.suite));
                let key = key.ok_or(ClientError::evidence(SealError::Key.into()))?;
                prepare_one(draft, key, client.agency(), now_ms)
            });
            let mut prepared = unsigned.collect::<Result<Vec<_>, ClientError>>()?;
            let batch = usize::try_from(BATCH_MESSAGES_MAX).unwrap_or(1);
            prepared.chunks_mut(batch).try_for_each(|batch| sign(batch, client.signer()))?;
            Ok(prepared)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|_| ClientError::evidence(SealError::Seal.into()))?
    }
}

/// Seals one draft; its signature is still missing.
pub(crate) fn prepare_one(
    draft: &Draft,
    key: &SealingPublicKey,
    agency: &str,
    now_ms: i64,
) -> Result<Prepared, ClientError> {
    let ids = LabelIds { message_id: MessageId::generate()?, part_of: None };
    prepare_as(draft, key, agency, now_ms, ids)
}

/// Identifiers of a label that are chosen before it is sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelIds {
    /// Identifier of the message.
    pub(crate) message_id: MessageId,
    /// Message that it is a part of.
    pub(crate) part_of: Option<MessageId>,
}

/// Seals one draft under a chosen identifier; its signature is still missing.
pub(crate) fn prepare_as(
    draft: &Draft,
    key: &SealingPublicKey,
    agency: &str,
    now_ms: i64,
    ids: LabelIds,
) -> Result<Prepared, ClientError> {
    kinds::check(&draft.kind, &draft.content)?;
    seal_as(draft, key, agency, now_ms, ids)
}

/// As [`prepare_one`], also for a content that does not belong to its kind.
#[cfg(test)]
pub(crate) fn seal_one(
    draft: &Draft,
    key: &SealingPublicKey,
    agency: &str,
    now_ms: i64,
) -> Result<Prepared, ClientError> {
    let ids = LabelIds { message_id: MessageId::generate()?, part_of: None };
    seal_as(draft, key, agency, now_ms, ids)
}

fn seal_as(
    draft: &Draft,
    key: &SealingPublicKey,
    agency: &str,
    now_ms: i64,
    ids: LabelIds,
) -> Result<Prepared, ClientError> {
    let message_id = ids.message_id;
    let thread_id = draft.thread_id.map_or_else(ThreadId::generate, Ok)?;
    let nonce: [u8; 16] = random::bytes()?;
    let reference = draft.participant_reference.as_text();
    let mut categories = draft.categories.clone();
    categories.sort();
    categories.dedup();
    let expires_in = i64::try_from(draft.expires_in.as_millis()).unwrap_or(i64::MAX);
    // Without participant nothing is committed to, and nothing opens it.
    let (nonce, commitment) = if draft.participant_reference.is_none() {
        (Bytes::new(), Bytes::new())
    } else {
        let commitment = participant_commitment(&nonce, reference);
        (Bytes::copy_from_slice(&nonce), Bytes::copy_from_slice(&commitment))
    };
    let label = v1::Label {
        message_id: message_id.to_bytes(),
        participant_commitment: commitment,
        kind: draft.kind.clone(),
        purpose: draft.purpose.clone(),
        categories,
        sender: Some(Address::new(agency, &draft.sender_function)?.to_wire()),
        recipient: Some(draft.recipient.to_wire()),
        thread_id: thread_id.to_bytes(),
        created_at_ms: now_ms,
        expires_at_ms: now_ms.saturating_add(expires_in),
        suite: key.suite().to_wire().into(),
        sealing_key_id: Bytes::copy_from_slice(key.id()),
        part_of: ids.part_of.map(MessageId::to_bytes).unwrap_or_default(),
        professional_secret: draft.professional_secret,
    };
    let label = Bytes::from(label.encode_to_vec());
    let plaintext = zeroize::Zeroizing::new(draft.content.to_plaintext()?);
    let sealed = seal(key, &label_digest(&label), &plaintext);
    let sealed = sealed.map_err(|error| ClientError::evidence(error.into()))?;
    let message = v1::OutgoingMessage {
        participant_reference: reference.to_owned(),
        reference_nonce: nonce,
        sealed: Some(v1::SealedMessage {
            label,
            encapsulated_key: sealed.encapsulated_key,
            ciphertext: sealed.ciphertext,
            signature: None,
        }),
    };
    Ok(Prepared { message, message_id, thread_id })
}

/// Signs a batch of at most [`BATCH_MESSAGES_MAX`] messages with one signature.
pub(crate) fn sign(batch: &mut [Prepared], signer: &Signer) -> Result<(), ClientError> {
    let malformed = |_| ClientError::evidence(crate::error::EvidenceFault::Batch);
    let sealed = batch.iter().filter_map(|one| one.message.sealed.as_ref());
    let leaves: Vec<[u8; 64]> = sealed
        .map(|sealed| {
            let payload = payload_digest(&sealed.encapsulated_key, &sealed.ciphertext);
            batch_leaf(&label_digest(&sealed.label), &payload)
        })
        .collect();
    let tree = Batch::new(&leaves).map_err(malformed)?;
    let root = tree.root().map_err(malformed)?;
    let signature = signer.sign(&batch_signed_bytes(tree.size(), &root))?;
    let sealed = batch.iter_mut().filter_map(|one| one.message.sealed.as_mut());
    for (sealed, leaf_index) in sealed.zip(0..) {
        let path = tree.path(leaf_index).map_err(malformed)?;
        sealed.signature = Some(v1::BatchSignature {
            signature: Some(signature.clone()),
            tree_size: tree.size(),
            leaf_index,
            path: path.iter().map(|hash| Bytes::copy_from_slice(hash)).collect(),
        });
    }
    Ok(())
}
