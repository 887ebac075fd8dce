//! What of an answer is compared: all of it, but for what is random by construction, which is reduced to its length.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, Value};
use schleuse_proto::rpc::Rpc;
use schleuse_proto::v1;
use tonic_types::StatusExt as _;

/// Chosen by the sender, so they are the same in both worlds.
const CHOSEN: [&str; 4] = ["message_id", "message_ids", "thread_id", "part_of"];

/// References are drawn: by whom they mean.
pub(super) type Names = BTreeMap<String, &'static str>;

fn answer_of(rpc: Rpc) -> MessageDescriptor {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        DescriptorPool::decode(schleuse_proto::FILE_DESCRIPTOR_SET).expect("descriptors")
    });
    let (service, method) = rpc.path()[1..].split_once('/').expect("a path");
    let service = pool.get_service_by_name(service).expect("a service");
    service.methods().find(|it| it.name() == method).expect("a method").output()
}

/// An answer as text.
pub(super) fn answer(rpc: Rpc, answer: &impl prost::Message, names: &Names) -> String {
    let bytes = answer.encode_to_vec();
    let answer = DynamicMessage::decode(answer_of(rpc), bytes.as_slice()).expect("an answer");
    message(&answer, names)
}

/// A refusal as text, with every byte of its details.
pub(super) fn refusal(status: &tonic::Status) -> String {
    let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
    format!("{:?} {} {reason:?} {:?}", status.code(), status.message(), status.details())
}

fn message(of: &DynamicMessage, names: &Names) -> String {
    let fields = of.fields().map(|(field, value)| {
        let what = match value {
            Value::List(values) => {
                values.iter().map(|one| text(&field, one, names)).collect::<Vec<_>>().join(", ")
            }
            one => text(&field, one, names),
        };
        format!("{}: [{what}]", field.name())
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join("; "))
}

fn text(field: &FieldDescriptor, value: &Value, names: &Names) -> String {
    match (value, field.name()) {
        (Value::Message(inner), _) => message(inner, names),
        (Value::String(text), "participant_reference") => {
            names.get(text).map_or_else(|| text.clone(), |name| (*name).to_owned())
        }
        (Value::Bytes(bytes), name) if CHOSEN.contains(&name) => format!("{bytes:?}"),
        (Value::Bytes(note), name) if name.ends_with("checkpoint") && !note.is_empty() => {
            format!("size {}", size(note))
        }
        (Value::Bytes(body), "body") => {
            let row = v1::LogRow { body: body.clone(), ..v1::LogRow::default() };
            super::super::words(&[row]).join(" ")
        }
        // Signatures are of different lengths, and with them what holds some.
        (Value::Bytes(_), "value" | "document") => "signed".to_owned(),
        (Value::Bytes(bytes), _) => format!("{} bytes", bytes.len()),
        (value, _) => format!("{value:?}"),
    }
}

/// Size of the log in a checkpoint.
pub(super) fn size(note: &[u8]) -> u64 {
    let note = std::str::from_utf8(note).expect("a note");
    note.lines().nth(1).expect("a size").parse().expect("a number")
}
