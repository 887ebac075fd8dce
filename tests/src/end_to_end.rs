//! Whole calls over real TLS against a real broker.

mod attachments;
mod bad_input;
mod bounds;
mod certificates;
mod closed_pipe;
mod conference;
mod console;
mod counts;
mod deadlines;
mod delivery;
mod directory;
mod evaluation;
mod evidence;
mod kinds;
mod lifecycle;
mod lotse_cli;
mod mailbox;
mod operation;
mod operations;
mod planning;
mod queries;
mod rights;
mod roles;
mod rollback;
mod runs;
mod safeguards;
mod simulate;
mod site;
mod two_worlds;
mod visibility;

use prost::Message as _;
use schleuse_proto::v1;
use tonic_types::StatusExt as _;

/// Name of the reason in a refused call's details.
fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// Events of a log as short words, for comparison; with the reasons, if the rows show them.
fn words(rows: &[v1::LogRow]) -> Vec<String> {
    rows.iter()
        .map(|row| {
            let entry = v1::LogEntry::decode(row.body.clone()).expect("an entry");
            let findings = v1::Findings::decode(row.findings.clone()).expect("findings");
            word(&entry, findings.deny_reason())
        })
        .collect()
}

fn word(entry: &v1::LogEntry, reason: v1::DenyReason) -> String {
    use v1::log_entry::Event;
    match entry.event.as_ref().expect("an event") {
        Event::BrokerStarted(_) => "started".to_owned(),
        Event::ParticipantRegistered(_) => "registered".to_owned(),
        Event::LotseAssigned(_) => "lotse".to_owned(),
        Event::ReferenceAssigned(event) => format!("reference {}", event.agency),
        Event::DirectoryPublished(_) => "directory".to_owned(),
        Event::ConsentRecorded(event) => format!("consent r{}", event.revision),
        Event::ConsentRevoked(_) => "revoked".to_owned(),
        Event::MessageDecided(event) => match (event.accepted, reason) {
            (true, v1::DenyReason::Unspecified) => "accepted".to_owned(),
            (false, v1::DenyReason::Unspecified) => "refused".to_owned(),
            (accepted, reason) => {
                assert!(!accepted, "accepted for a reason against it");
                format!("refused {}", reason.as_str_name())
            }
        },
        Event::HandedOut(event) => {
            format!("handed out #{} attempt {}", event.message_number, event.attempt)
        }
        Event::StageReported(event) => format!("stage {}", event.stage().as_str_name()),
        Event::MessageStopped(event) => format!("stopped {}", event.reason().as_str_name()),
        Event::LogQueried(_) => "queried".to_owned(),
        Event::CallRefused(event) => format!("call refused {}", event.method),
        Event::ErasureBegun(_) => "erasure begun".to_owned(),
        Event::RecordsErased(event) => {
            let count: u64 = event.ranges.iter().map(|range| range.count).sum();
            format!("erased {count}")
        }
        Event::ParticipantRestricted(event) => format!("restricted {}", event.restricted),
        Event::HoldPlaced(_) => "hold placed".to_owned(),
        Event::HoldReleased(_) => "hold released".to_owned(),
        Event::ConsentSuspended(_) => "suspended".to_owned(),
        Event::ConsentConfirmed(_) => "confirmed".to_owned(),
        Event::CoverageAsked(event) if event.covered => "asked, covered".to_owned(),
        Event::CoverageAsked(_) => match reason {
            v1::DenyReason::Unspecified => "asked, not covered".to_owned(),
            reason => format!("asked, not covered {}", reason.as_str_name()),
        },
        Event::ConsentRequested(_) => "consent requested".to_owned(),
        Event::TaskClosed(event) => format!("task {} closed", event.task_number),
        Event::ParticipationSet(_) => "participation".to_owned(),
        Event::RecordLost(_) => "lost".to_owned(),
        Event::SecrecyReleaseRecorded(_) => "release".to_owned(),
        Event::SecrecyReleaseRevoked(_) => "release revoked".to_owned(),
        Event::ObjectionRecorded(_) => "objection".to_owned(),
        Event::ObjectionWithdrawn(_) => "objection ended".to_owned(),
        Event::ParticipationEnded(_) => "ended".to_owned(),
        Event::EvaluationReleased(event) => format!("evaluation {} released", event.quarter),
        Event::RunProposed(event) => format!("run proposed {}", event.kind().as_str_name()),
        Event::RunApproved(event) => format!("run {} approved", event.run_number),
        Event::RunWithdrawn(event) => format!("run {} withdrawn", event.run_number),
        Event::EvaluationExported(event) => format!("evaluation {} exported", event.quarter),
        Event::LogReconciled(event) => format!("reconciled after {}", event.found_size),
        Event::UploadDiscarded(_) => "upload discarded".to_owned(),
        Event::DeadLettered(event) => {
            format!("dead letter {} {}", event.message_number, event.reason().as_str_name())
        }
        Event::MailboxRead(event) => {
            let recipient = event.recipient.clone().unwrap_or_default();
            format!("mailbox read {}/{}", recipient.agency, recipient.function)
        }
        Event::BasisEnded(event) => format!("basis ended {:?}", event.message_numbers),
        Event::DeletionConfirmed(event) => format!("duty answered {}", event.duty_number),
    }
}

/// The label inside a delivery.
fn label(delivery: &v1::Delivery) -> v1::Label {
    v1::Label::decode(delivery.sealed.as_ref().expect("sealed").label.clone()).expect("a label")
}
