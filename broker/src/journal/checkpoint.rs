//! Signing of checkpoints with the broker's Ed25519 key (C2SP signed note).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use schleuse_proto::checkpoint::{CheckpointError, CheckpointVerifier};
use schleuse_proto::evidence::Digest;
use signed_note::Note;
use tlog_tiles::{Checkpoint, Hash};

/// Signature algorithm number of Ed25519 in the C2SP form.
const ALGORITHM_ED25519: u8 = 1;

/// The broker's checkpoint key and the name of its log.
pub struct CheckpointSigner {
    name: String,
    key_id: u32,
    key: Ed25519KeyPair,
}

impl std::fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointSigner").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A key that cannot sign for this log.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// Not a key.
    #[error("not an Ed25519 private key in PKCS#8")]
    Key,
    /// Not a name.
    #[error("the name of a log has no spaces, line breaks or plus signs")]
    Name,
}

impl CheckpointSigner {
    /// Takes the private key (PKCS#8, DER) and the log's name.
    ///
    /// # Errors
    /// The key or the name is malformed.
    pub fn new(name: &str, pkcs8: &[u8]) -> Result<Self, SignerError> {
        if !signed_note::is_key_name_valid(name) {
            return Err(SignerError::Name);
        }
        let key =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| SignerError::Key)?;
        let public = public_bytes(&key);
        Ok(Self { name: name.to_owned(), key_id: signed_note::key_id(name, &public), key })
    }

    /// The log's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Public key in the C2SP form, for whoever verifies.
    #[must_use]
    pub fn log_key(&self) -> String {
        let public = STANDARD.encode(public_bytes(&self.key));
        format!("{}+{:08x}+{public}", self.name, self.key_id)
    }

    /// Verifier for this signer's checkpoints.
    ///
    /// # Errors
    /// Never for a signer made by [`CheckpointSigner::new`].
    pub fn verifier(&self) -> Result<CheckpointVerifier, CheckpointError> {
        CheckpointVerifier::new(&self.log_key())
    }

    /// Signs a checkpoint; none if size and name cannot form one.
    #[must_use]
    pub fn sign(&self, size: u64, root: &Digest) -> Option<Vec<u8>> {
        let checkpoint = Checkpoint::new(&self.name, size, Hash(*root), "").ok()?;
        let text = checkpoint.to_bytes();
        let signature = self.key.sign(&text);
        let signature = signed_note::Signature::new(
            self.name.clone(),
            self.key_id,
            signature.as_ref().to_vec(),
        );
        Some(Note::new(&text, &[signature.ok()?]).ok()?.to_bytes())
    }
}

fn public_bytes(key: &Ed25519KeyPair) -> Vec<u8> {
    let mut bytes = vec![ALGORITHM_ED25519];
    bytes.extend(key.public_key().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    #[test]
    fn signed_checkpoints_verify_and_changed_ones_do_not() {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let signer = CheckpointSigner::new("schleuse.example/log", pkcs8.as_ref()).unwrap();
        let verifier = signer.verifier().unwrap();
        let note = signer.sign(7, &[1; 32]).unwrap();
        let checkpoint = verifier.verify(&note).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (7, [1; 32]));
        let forged = String::from_utf8(note).unwrap().replace("\n7\n", "\n8\n");
        assert!(verifier.verify(forged.as_bytes()).is_err());
    }
}
