//! Events of runs in the forms of the wire.

use bytes::Bytes;
use schleuse_proto::v1::{self, log_entry};

use super::decode::actor as decode_actor;
use super::encode::actor;
use crate::domain::event::RunEvent;
use crate::domain::ids::ParticipantId;
use crate::domain::runs::{RunKind, RunOf};

/// Type of the record that logs an event.
pub(super) fn record_type(event: &RunEvent) -> v1::RecordType {
    match event {
        RunEvent::Proposed { .. } => v1::RecordType::RunProposed,
        RunEvent::Approved { .. } => v1::RecordType::RunApproved,
        RunEvent::Withdrawn { .. } => v1::RecordType::RunWithdrawn,
    }
}

/// Whom an event is about.
pub(super) fn participant(event: &RunEvent) -> Option<&ParticipantId> {
    match event {
        RunEvent::Proposed { of, .. } => of.participant(),
        RunEvent::Approved { .. } => None,
        RunEvent::Withdrawn { participant, .. } => participant.as_ref(),
    }
}

/// A kind of run on the wire.
#[must_use]
pub fn kind(kind: RunKind) -> v1::RunKind {
    match kind {
        RunKind::Erasure => v1::RunKind::Erasure,
        RunKind::Retention => v1::RunKind::Retention,
    }
}

/// Body of an event.
pub(super) fn body(event: &RunEvent, private: &mut v1::PrivateSection) -> log_entry::Event {
    if let Some(participant) = participant(event) {
        private.participant = Bytes::copy_from_slice(participant.bytes());
    }
    match event {
        RunEvent::Proposed { of, reason } => log_entry::Event::RunProposed(v1::RunProposed {
            kind: kind(of.kind()).into(),
            reason: reason.clone(),
        }),
        RunEvent::Approved { run, kind: of, proposed_by } => {
            log_entry::Event::RunApproved(v1::RunApproved {
                run_number: *run,
                kind: kind(*of).into(),
                proposed_by: Some(actor(proposed_by)),
            })
        }
        RunEvent::Withdrawn { run, .. } => {
            log_entry::Event::RunWithdrawn(v1::RunWithdrawn { run_number: *run })
        }
    }
}

/// The event of a body and whom it is about.
pub(super) fn proposed(
    event: v1::RunProposed,
    participant: Option<ParticipantId>,
) -> Result<RunEvent, String> {
    let of = match (event.kind(), participant) {
        (v1::RunKind::Erasure, Some(participant)) => RunOf::Erasure(participant),
        (v1::RunKind::Retention, None) => RunOf::Retention,
        (v1::RunKind::Erasure | v1::RunKind::Retention | v1::RunKind::Unspecified, _) => {
            return Err("a run that does not fit whom it is about".to_owned());
        }
    };
    Ok(RunEvent::Proposed { of, reason: event.reason })
}

/// The event of a body.
pub(super) fn approved(event: v1::RunApproved) -> Result<RunEvent, String> {
    let kind = match event.kind() {
        v1::RunKind::Erasure => RunKind::Erasure,
        v1::RunKind::Retention => RunKind::Retention,
        v1::RunKind::Unspecified => return Err("a run of no kind".to_owned()),
    };
    let proposed_by = event.proposed_by.ok_or("a run that nobody proposed")?;
    let proposed_by = decode_actor(proposed_by)?;
    Ok(RunEvent::Approved { run: event.run_number, kind, proposed_by })
}
