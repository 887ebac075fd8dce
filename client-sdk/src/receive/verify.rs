//! What a message must prove before it is shown.

use schleuse_proto::evidence::{
    batch_leaf, batch_root, batch_signed_bytes, decode_canonical, label_digest, payload_digest,
};
use schleuse_proto::identity::{Identity, Role};
use schleuse_proto::trust::Trust;
use schleuse_proto::v1;

use super::Received;
use crate::client::Client;
use crate::content::{Content, kinds};
use crate::error::EvidenceFault;
use crate::ids::{Address, ConsentId, MessageId, ParticipantReference, Receipt, ThreadId};
use crate::seal::{SealError, SealingKeys, Suite, open};

/// Everything that a message is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    /// Issuers and their agencies.
    pub trust: &'a Trust,
    /// Our private sealing keys.
    pub keys: &'a SealingKeys,
    /// Our agency.
    pub agency: &'a str,
}

/// A sealed message that was verified and opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The label, as the sender signed it.
    pub label: v1::Label,
    /// Identity in the certificate that signed it.
    pub signed_by: Identity,
    /// What it says.
    pub content: Content,
}

impl Verifier<'_> {
    /// Verifies and opens a sealed message: the label is canonical and addressed to us; a
    /// certificate of the sender's agency, valid when the message was made, signed label and
    /// ciphertext; the body opens with one of our keys and this label; the content is allowed and of
    /// the kind that the label names.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn open(&self, sealed: &v1::SealedMessage) -> Result<Opened, EvidenceFault> {
        let label: v1::Label = decode_canonical(&sealed.label)
            .map_err(|_| EvidenceFault::Label("not a canonical encoding"))?;
        let recipient = label.recipient.as_ref().map(|address| address.agency.as_str());
        if recipient != Some(self.agency) {
            return Err(EvidenceFault::Label("addressed to another agency"));
        }
        let signed_by = self.check_signature(sealed, &label)?;
        let suite = Suite::from_wire(label.suite());
        let suite = suite.ok_or(EvidenceFault::Label("no known sealing suite"))?;
        let key = self.keys.find(&label.sealing_key_id).ok_or(SealError::UnknownKey)?;
        if key.public().suite() != suite {
            return Err(EvidenceFault::Label("the sealing key is of another suite"));
        }
        let digest = label_digest(&sealed.label);
        let plaintext = open(key, &digest, &sealed.encapsulated_key, &sealed.ciphertext)?;
        let content = Content::from_plaintext(&plaintext)?;
        kinds::check(&label.kind, &content)?;
        Ok(Opened { label, signed_by, content })
    }

    fn check_signature(
        &self,
        sealed: &v1::SealedMessage,
        label: &v1::Label,
    ) -> Result<Identity, EvidenceFault> {
        let batch = sealed.signature.as_ref().ok_or(EvidenceFault::Batch)?;
        let signature = batch.signature.as_ref().ok_or(EvidenceFault::Batch)?;
        let payload = payload_digest(&sealed.encapsulated_key, &sealed.ciphertext);
        let leaf = batch_leaf(&label_digest(&sealed.label), &payload);
        let root = batch_root(&leaf, batch).map_err(|_| EvidenceFault::Batch)?;
        let signed = batch_signed_bytes(batch.tree_size, &root);
        let created_at = u64::try_from(label.created_at_ms)
            .map_err(|_| EvidenceFault::Label("made before 1970"))?;
        let signer = self.trust.check_signature(&signed, signature, created_at)?.identity;
        let sender = label.sender.as_ref().map(|address| address.agency.clone());
        let sender = sender.unwrap_or_default();
        if signer.agency != sender || !matches!(signer.role, Role::System | Role::Lotse) {
            return Err(EvidenceFault::Signer { signer: signer.to_string(), agency: sender });
        }
        Ok(signer)
    }
}

/// The consent that covers a hand-out. A message about nobody names none, and no participant: whoever signed a
/// label without commitment and categories is believed, not the broker.
fn consent_of(
    label: &v1::Label,
    delivery: &v1::Delivery,
) -> Result<Option<ConsentId>, EvidenceFault> {
    let about_nobody = label.participant_commitment.is_empty() && label.categories.is_empty();
    let named =
        !delivery.consent_reference.is_empty() || !delivery.participant_reference.is_empty();
    match (about_nobody, named) {
        (true, false) => Ok(None),
        (true, true) => Err(EvidenceFault::Protocol("a participant of a message about nobody")),
        (false, _) => ConsentId::parse(&delivery.consent_reference)
            .map(Some)
            .map_err(|_| EvidenceFault::Protocol("no consent is named")),
    }
}

impl Client {
    pub(super) fn open_with(
        &self,
        verifier: &Verifier<'_>,
        delivery: v1::Delivery,
    ) -> Result<Received, EvidenceFault> {
        let malformed = |what| move |_| EvidenceFault::Label(what);
        let sealed = delivery.sealed.as_ref().ok_or(EvidenceFault::Protocol("no message"))?;
        let Opened { label, signed_by, content } = verifier.open(sealed)?;
        let reference = Some(delivery.participant_reference.as_str()).filter(|r| !r.is_empty());
        let reference = reference.map(ParticipantReference::parse).transpose();
        let consent_reference = consent_of(&label, &delivery)?;
        Ok(Received {
            message_number: delivery.message_number,
            receipt: Receipt::from_wire(delivery.receipt.as_ref())
                .map_err(|_| EvidenceFault::Protocol("no receipt of the hand-out"))?,
            attempt: delivery.attempt,
            participant_reference: reference
                .map_err(|_| EvidenceFault::Protocol("a malformed reference"))?,
            message_id: MessageId::parse(&label.message_id)
                .map_err(malformed("malformed message id"))?,
            thread_id: ThreadId::parse(&label.thread_id).map_err(malformed("malformed thread"))?,
            part_of: part_of(&label, &content)?,
            sender: Address::from_wire(label.sender.as_ref())
                .map_err(malformed("malformed sender"))?,
            signed_by,
            recipient: Address::from_wire(label.recipient.as_ref())
                .map_err(malformed("malformed recipient"))?,
            kind: label.kind,
            purpose: label.purpose,
            categories: label.categories,
            consent_reference,
            consent_revision: delivery.consent_revision,
            created_at_ms: label.created_at_ms,
            expires_at_ms: label.expires_at_ms,
            accepted_at_ms: delivery.accepted_at_ms,
            handed_out_at_ms: delivery.handed_out_at_ms,
            content,
            client: self.clone(),
            reported: None,
        })
    }
}

/// The message that a part belongs to: the label of a part names one, other labels do not.
fn part_of(label: &v1::Label, content: &Content) -> Result<Option<MessageId>, EvidenceFault> {
    match (label.part_of.is_empty(), content.chunk()) {
        (true, None) => Ok(None),
        (false, Some(_)) => MessageId::parse(&label.part_of)
            .map(Some)
            .map_err(|_| EvidenceFault::Label("malformed main message")),
        (true, Some(_)) | (false, None) => {
            Err(EvidenceFault::Label("label and content disagree on being a part of an attachment"))
        }
    }
}

#[cfg(test)]
mod tests;
