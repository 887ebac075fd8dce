//! Signatures inside rows: that messages, directory entries and revocations come from whom they name.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use schleuse_proto::evidence::{
    Digest, batch_leaf, batch_root, batch_signed_bytes, decode_canonical, directory_signed_bytes,
    label_digest, revocation_signed_bytes, sha256,
};
use schleuse_proto::identity::{Leaf, Role};
use schleuse_proto::trust::Trust;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use crate::log::LogRow;

/// Checks the signatures of all rows against a table of trust.
pub(in crate::log) fn check(rows: &[LogRow], trust: &Trust) -> Result<String, String> {
    let mut checker = Checker { trust, leaves: HashMap::new(), verified: HashSet::new() };
    let (mut messages, mut documents) = (0_u64, 0_u64);
    for row in rows {
        let wrong = |why: &str| format!("record {}: {why}", row.record_number);
        match &row.entry.event {
            Some(Event::MessageDecided(decided)) => {
                checker.message(row, decided).map_err(|why| wrong(&why))?;
                messages += 1;
            }
            Some(Event::DirectoryPublished(published)) => {
                let document = decode_canonical::<v1::DirectoryDocument>(&published.document);
                let document = document.map_err(|_| wrong("a malformed directory entry"))?;
                let actor = row.entry.actor.as_ref().map(|actor| actor.agency.as_str());
                if actor != Some(document.agency.as_str()) {
                    return Err(wrong("a directory entry of another agency"));
                }
                let signed = directory_signed_bytes(&published.document);
                let roles = [Role::System, Role::Lotse];
                checker
                    .document(row, &signed, published.signature.as_ref(), &roles)
                    .map_err(|why| wrong(&why))?;
                documents += 1;
            }
            Some(Event::ConsentRevoked(revoked)) => {
                let document = decode_canonical::<v1::RevocationDocument>(&revoked.document);
                let document = document.map_err(|_| wrong("a malformed revocation"))?;
                if document.consent_id != revoked.consent_id {
                    return Err(wrong("the revocation is of another consent"));
                }
                let signed = revocation_signed_bytes(&revoked.document);
                checker
                    .document(row, &signed, revoked.signature.as_ref(), &[Role::Lotse])
                    .map_err(|why| wrong(&why))?;
                documents += 1;
            }
            _ => {}
        }
    }
    Ok(format!(
        "{messages} messages and {documents} documents were signed by the agencies that they name"
    ))
}

struct Checker<'a> {
    trust: &'a Trust,
    /// Certificates that were believed, by the second.
    leaves: HashMap<(Digest, u64), Leaf>,
    /// Signatures that verified: a batch has one for all its messages.
    verified: HashSet<Digest>,
}

impl Checker<'_> {
    fn message(&mut self, row: &LogRow, decided: &v1::MessageDecided) -> Result<(), String> {
        let label =
            decode_canonical::<v1::Label>(&decided.label).map_err(|_| "a malformed label")?;
        let payload: Digest =
            decided.payload_digest.as_ref().try_into().map_err(|_| "a malformed payload digest")?;
        let batch = decided.signature.as_ref().ok_or("a message without a signature")?;
        let leaf = batch_leaf(&label_digest(&decided.label), &payload);
        let root = batch_root(&leaf, batch).map_err(|_| "not in the batch that was signed")?;
        let signed = batch_signed_bytes(batch.tree_size, &root);
        let time = u64::try_from(label.created_at_ms).map_err(|_| "made before 1970")?;
        let signature = batch.signature.as_ref().ok_or("a message without a signature")?;
        let sender = label.sender.as_ref().map(|address| address.agency.as_str());
        let actor = row.entry.actor.as_ref().map(|actor| actor.agency.as_str());
        if sender.is_none() || sender != actor {
            return Err("submitted by another agency than its sender".to_owned());
        }
        self.signed(&signed, signature, time, sender, &[Role::System, Role::Lotse])
    }

    fn document(
        &mut self,
        row: &LogRow,
        signed: &[u8],
        signature: Option<&v1::Signature>,
        roles: &[Role],
    ) -> Result<(), String> {
        let signature = signature.ok_or("a document without a signature")?;
        let actor = row.entry.actor.as_ref().map(|actor| actor.agency.as_str());
        self.signed(signed, signature, row.skeleton.time_ms, actor, roles)
    }

    fn signed(
        &mut self,
        signed: &[u8],
        signature: &v1::Signature,
        time_ms: u64,
        agency: Option<&str>,
        roles: &[Role],
    ) -> Result<(), String> {
        let certificate = sha256(&[&signature.certificate]);
        let leaf = match self.leaves.entry((certificate, time_ms / 1000)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let leaf = self.trust.check_leaf(&signature.certificate, time_ms);
                place.insert(leaf.map_err(|error| error.to_string())?)
            }
        };
        let whole = sha256(&[&certificate, &sha256(&[&signature.value]), &sha256(&[signed])]);
        if !self.verified.contains(&whole) {
            leaf.verify(signed, &signature.value).map_err(|error| error.to_string())?;
            self.verified.insert(whole);
        }
        let identity = &leaf.identity;
        if Some(identity.agency.as_str()) != agency || !roles.contains(&identity.role) {
            return Err(format!("signed by {identity}, who may not"));
        }
        Ok(())
    }
}
