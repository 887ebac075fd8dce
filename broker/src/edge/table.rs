//! Who may call what: the role × call table.
//!
//! The match lists every call that the schemas define; a new call without a row does not compile.
//! Source: ARCHITECTURE "Who sees what".

use schleuse_proto::identity::Role;
use schleuse_proto::rpc::Rpc;

/// Roles that may make a call.
#[must_use]
pub fn roles(rpc: Rpc) -> &'static [Role] {
    use Role::{Dpo, Lotse, Operator, System};
    match rpc {
        Rpc::RecordConsent
        | Rpc::ReviseConsent
        | Rpc::PreviewRevocation
        | Rpc::RevokeConsent
        | Rpc::ListConsents
        | Rpc::RegisterParticipant
        | Rpc::AssignLotse
        | Rpc::ConfirmConsent
        | Rpc::AssignReference
        | Rpc::CloseTask
        | Rpc::SetParticipation
        | Rpc::ListParticipation
        | Rpc::ShowPlaces
        | Rpc::ListParticipants => &[Lotse],
        Rpc::RecordSecrecyRelease
        | Rpc::RevokeSecrecyRelease
        | Rpc::RecordObjection
        | Rpc::WithdrawObjection
        | Rpc::EndParticipation
        | Rpc::ListSafeguards
        | Rpc::PreviewChange
        | Rpc::ListReviews => &[Lotse],
        // A Lotse convenes and introduces, and reads the answers to its own agency.
        Rpc::Submit | Rpc::SubmitStream | Rpc::Receive | Rpc::Fetch | Rpc::Acknowledge => {
            &[System, Lotse]
        }
        Rpc::ReadOutcomes | Rpc::DiscardParts => &[System, Lotse],
        Rpc::RecallMessages
        | Rpc::RejectMessages
        | Rpc::TrackMessages
        | Rpc::ListDeadLetters
        | Rpc::LookUpMailbox
        | Rpc::FetchNotices
        | Rpc::ReceiveNotices
        | Rpc::ConfirmDeletion => &[System, Lotse],
        Rpc::ListDeletionDuties => &[System, Lotse, Dpo],
        Rpc::ListMailboxes => &[Operator],
        Rpc::ShowStatus => &[Operator, Dpo],
        // Whoever may send may ask before.
        Rpc::AskCoverage | Rpc::RequestConsent => &[System, Lotse],
        Rpc::ListTasks => &[System, Lotse, Operator],
        // Publishing needs a key of the agency; an agency of Lotsen alone has no system.
        Rpc::PublishEntry => &[System, Lotse],
        Rpc::QueryLog | Rpc::CountLog => &[Dpo, Lotse],
        // Of the officers only the project's: the core sees to that.
        Rpc::PreviewRun
        | Rpc::ProposeRun
        | Rpc::ApproveRun
        | Rpc::WithdrawRun
        | Rpc::ListRuns
        | Rpc::PlaceHold
        | Rpc::ReleaseHold
        | Rpc::ListHolds => &[Dpo],
        Rpc::RestrictParticipant => &[Dpo, Lotse],
        Rpc::ReadLeafHashes => &[Dpo, Lotse],
        Rpc::ExportEvaluation => &[Role::Evaluation],
        Rpc::ReadOwnRecords => &[System, Lotse, Dpo],
        Rpc::LookUpAgency
        | Rpc::ListAgencies
        | Rpc::SearchDirectory
        | Rpc::LatestCheckpoint
        | Rpc::ReadReconciliations
        | Rpc::ProveConsistency
        | Rpc::ProveInclusion
        | Rpc::HealthV1HealthCheck
        | Rpc::HealthV1HealthList
        | Rpc::HealthV1HealthWatch
        | Rpc::ReflectionV1ServerReflectionServerReflectionInfo
        | Rpc::ReflectionV1alphaServerReflectionServerReflectionInfo => &Role::ALL,
    }
}

/// Whether a role may make a call.
#[must_use]
pub fn is_permitted(role: Role, rpc: Rpc) -> bool {
    roles(rpc).contains(&role)
}

/// Whether a call answers with a stream or works through much of the log, so that the deadline of short
/// calls does not hold for it.
#[must_use]
pub fn is_long(rpc: Rpc) -> bool {
    match rpc {
        Rpc::CountLog | Rpc::ExportEvaluation => true,
        Rpc::PreviewRun | Rpc::ProposeRun | Rpc::ApproveRun => true,
        Rpc::SubmitStream
        | Rpc::Receive
        | Rpc::ReceiveNotices
        | Rpc::QueryLog
        | Rpc::ReadLeafHashes
        | Rpc::HealthV1HealthWatch
        | Rpc::ReflectionV1ServerReflectionServerReflectionInfo
        | Rpc::ReflectionV1alphaServerReflectionServerReflectionInfo => true,
        Rpc::WithdrawRun | Rpc::ListRuns => false,
        Rpc::RecordConsent
        | Rpc::ReviseConsent
        | Rpc::PreviewRevocation
        | Rpc::RevokeConsent
        | Rpc::ListConsents
        | Rpc::RegisterParticipant
        | Rpc::AssignLotse
        | Rpc::AssignReference
        | Rpc::ListParticipants
        | Rpc::Submit
        | Rpc::Fetch
        | Rpc::Acknowledge
        | Rpc::ReadOutcomes
        | Rpc::DiscardParts
        | Rpc::PublishEntry
        | Rpc::LookUpAgency
        | Rpc::ListAgencies
        | Rpc::LatestCheckpoint
        | Rpc::ProveConsistency
        | Rpc::ProveInclusion
        | Rpc::ReadOwnRecords
        | Rpc::ReadReconciliations
        | Rpc::ConfirmConsent
        | Rpc::RecordSecrecyRelease
        | Rpc::RevokeSecrecyRelease
        | Rpc::RecordObjection
        | Rpc::WithdrawObjection
        | Rpc::EndParticipation
        | Rpc::ListSafeguards
        | Rpc::PreviewChange
        | Rpc::ListReviews
        | Rpc::RestrictParticipant
        | Rpc::PlaceHold
        | Rpc::ReleaseHold
        | Rpc::ListHolds
        | Rpc::RecallMessages
        | Rpc::RejectMessages
        | Rpc::TrackMessages
        | Rpc::ListDeadLetters
        | Rpc::LookUpMailbox
        | Rpc::ListMailboxes
        | Rpc::ShowStatus
        | Rpc::FetchNotices
        | Rpc::ListDeletionDuties
        | Rpc::ConfirmDeletion
        | Rpc::AskCoverage
        | Rpc::RequestConsent
        | Rpc::ListTasks
        | Rpc::CloseTask
        | Rpc::SetParticipation
        | Rpc::ListParticipation
        | Rpc::ShowPlaces
        | Rpc::SearchDirectory
        | Rpc::HealthV1HealthCheck
        | Rpc::HealthV1HealthList => false,
    }
}
