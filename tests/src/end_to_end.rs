//! Whole calls over real TLS against a real broker.

mod bad_input;
mod bounds;
mod certificates;
mod lifecycle;
mod operations;
mod roles;
mod visibility;

use prost::Message as _;
use schleuse_proto::v1;
use tonic_types::StatusExt as _;

/// Name of the reason in a refused call's details.
fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// Events of a log as short words, for comparison.
fn words(entries: &[v1::LogEntry]) -> Vec<String> {
    use v1::log_entry::Event;
    entries
        .iter()
        .map(|entry| match entry.event.as_ref().expect("an event") {
            Event::BrokerStarted(_) => "started".to_owned(),
            Event::ParticipantRegistered(_) => "registered".to_owned(),
            Event::LotseAssigned(_) => "lotse".to_owned(),
            Event::ReferenceAssigned(event) => format!("reference {}", event.agency),
            Event::DirectoryPublished(_) => "directory".to_owned(),
            Event::ConsentRecorded(event) => format!("consent r{}", event.revision),
            Event::ConsentRevoked(_) => "revoked".to_owned(),
            Event::MessageDecided(event) => match event.deny_reason() {
                v1::DenyReason::Unspecified => "accepted".to_owned(),
                other => format!("refused {}", other.as_str_name()),
            },
            Event::HandedOut(event) => {
                format!("handed out #{} attempt {}", event.message_number, event.attempt)
            }
            Event::StageReported(event) => format!("stage {}", event.stage().as_str_name()),
            Event::MessageStopped(event) => format!("stopped {}", event.reason().as_str_name()),
            Event::LogQueried(_) => "queried".to_owned(),
            Event::CallRefused(event) => format!("call refused {}", event.method),
        })
        .collect()
}

/// The label inside a delivery.
fn label(delivery: &v1::Delivery) -> v1::Label {
    v1::Label::decode(delivery.sealed.as_ref().expect("sealed").label.clone()).expect("a label")
}
