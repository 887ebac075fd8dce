//! Submitted messages: from the wire to the core.

use bytes::BytesMut;
use schleuse_proto::CIPHERTEXT_BYTES_MAX;
use schleuse_proto::evidence::{
    Digest, batch_leaf, batch_root, batch_signed_bytes, label_digest, participant_commitment,
    payload_digest, sha256,
};
use schleuse_proto::identity::CERTIFICATE_BYTES_MAX;
use schleuse_proto::v1;

use super::{Context, invalid};
use crate::domain::event::Submission;
use crate::domain::ids::Reference;
use crate::edge::peer::Peer;
use crate::edge::status::Failure;
use crate::record::documents::{fingerprint, parse_label, reference};
use crate::record::rows::domain_batch_signature;

/// Longest encapsulated key in bytes: the hybrid KEM's 1,665.
const ENCAPSULATED_KEY_BYTES_MAX: usize = 2048;
/// Longest inclusion proof of a batch.
const BATCH_PATH_MAX: usize = 10;

impl Context {
    /// Parses one message and checks everything that needs no state.
    pub(super) fn submission(
        &self,
        peer: &Peer,
        message: v1::OutgoingMessage,
    ) -> Result<Submission, Failure> {
        let sealed = message.sealed.ok_or(invalid("sealed", "a sealed message"))?;
        let label = parse_label(&sealed.label, &self.engine.rules().catalogue)?;
        let (reference, nonce) = opened_commitment(
            label.participant_commitment.as_ref(),
            &message.participant_reference,
            &message.reference_nonce,
        )?;
        if sealed.ciphertext.len() > CIPHERTEXT_BYTES_MAX {
            return Err(Failure::TooLarge { field: "ciphertext", max: CIPHERTEXT_BYTES_MAX });
        }
        if sealed.ciphertext.is_empty() {
            return Err(invalid("ciphertext", "1 byte to 1 MiB + 8 KiB"));
        }
        if !(1..=ENCAPSULATED_KEY_BYTES_MAX).contains(&sealed.encapsulated_key.len()) {
            return Err(invalid("encapsulated_key", "1 to 2048 bytes"));
        }
        let digest = payload_digest(&sealed.encapsulated_key, &sealed.ciphertext);
        let signature = sealed.signature.ok_or(invalid("signature", "a batch signature"))?;
        if signature.path.len() > BATCH_PATH_MAX {
            return Err(invalid("signature.path", "at most 10 hashes"));
        }
        let small = signature.signature.as_ref().is_some_and(|signed| {
            signed.certificate.len() <= CERTIFICATE_BYTES_MAX && signed.value.len() <= 256
        });
        if !small || signature.path.iter().any(|hash| hash.len() != 32) {
            let expected =
                "a certificate of at most 4 KiB, a value of at most 256 bytes, hashes of 32";
            return Err(invalid("signature", expected));
        }
        if self.check_signatures {
            check_batch(peer, &label_digest(&sealed.label), &digest, &signature)?;
        }
        let mut payload =
            BytesMut::with_capacity(sealed.encapsulated_key.len() + sealed.ciphertext.len());
        payload.extend_from_slice(&sealed.encapsulated_key);
        payload.extend_from_slice(&sealed.ciphertext);
        let length = |bytes: usize| u32::try_from(bytes).map_err(|_| Failure::Internal);
        Ok(Submission {
            reference,
            nonce,
            label,
            fingerprint: fingerprint(&sealed.label, &digest),
            label_bytes: sealed.label,
            payload_bytes: length(payload.len())?,
            has_payload: true,
            payload: payload.freeze(),
            encapsulated_key_bytes: length(sealed.encapsulated_key.len())?,
            payload_digest: digest,
            signature: domain_batch_signature(Some(signature)),
        })
    }
}

/// Whom a message is about, if what came beside the label opens its commitment; nobody if the label has none,
/// which only purposes without participant permit, and then nothing may come beside it.
fn opened_commitment(
    commitment: Option<&Digest>,
    text: &str,
    nonce: &[u8],
) -> Result<(Option<Reference>, [u8; 16]), Failure> {
    let Some(commitment) = commitment else {
        let expected = "empty: the purpose permits no participant";
        return match (text.is_empty(), nonce.is_empty()) {
            (true, true) => Ok((None, [0; 16])),
            (false, _) => Err(invalid("participant_reference", expected)),
            (true, false) => Err(invalid("reference_nonce", expected)),
        };
    };
    let reference = reference(text)?;
    let nonce: [u8; 16] = nonce.try_into().map_err(|_| invalid("reference_nonce", "16 bytes"))?;
    if participant_commitment(&nonce, text) != *commitment {
        let expected = "the commitment to participant_reference with reference_nonce";
        return Err(invalid("label.participant_commitment", expected));
    }
    Ok((Some(reference), nonce))
}

/// Checks that the caller's certificate signed the batch that the message is in. The certificate must
/// be the one of the connection, so its validity need not be asked again.
fn check_batch(
    peer: &Peer,
    label_digest: &Digest,
    payload_digest: &Digest,
    signature: &v1::BatchSignature,
) -> Result<(), Failure> {
    let bad = Failure::BadSignature { document: "SealedMessage" };
    let Some(signed) = &signature.signature else { return Err(bad) };
    let Ok(root) = batch_root(&batch_leaf(label_digest, payload_digest), signature) else {
        return Err(bad);
    };
    let bytes = batch_signed_bytes(signature.tree_size, &root);
    if signed.certificate != peer.certificate {
        return Err(bad);
    }
    let seen = sha256(&[&bytes, &signed.value]);
    if !peer.checked_batches.contains(&seen) {
        peer.leaf.verify(&bytes, &signed.value).map_err(|_| bad)?;
        peer.checked_batches.insert(seen);
    }
    Ok(())
}
