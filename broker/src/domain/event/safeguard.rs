//! Events beside the consents: releases, objections, the end of participation.

use bytes::Bytes;
use schleuse_proto::evidence::Digest;

use super::Signature;
use crate::domain::ids::ParticipantId;
use crate::domain::safeguards::SafeguardAct;

/// See [`super::EventKind::Safeguard`].
#[derive(Clone, Debug)]
pub struct SafeguardEvent {
    /// Whom it is about.
    pub participant: ParticipantId,
    /// What the Lotse did; that of [`SafeguardAct::ParticipationEnd`] is the end of the participation.
    pub act: SafeguardAct,
    /// SHA-256 of the document.
    pub document_hash: Digest,
    /// The document's bytes.
    pub bytes: Bytes,
    /// Signature of the Lotse.
    pub signature: Signature,
}
