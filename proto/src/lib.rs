//! Formats that the broker, the SDK and verifiers share.
//!
//! Owns the protobuf schemas (`schleuse/v1/*.proto`), the types generated from them, and the byte
//! formats around them: what exactly is hashed and signed, the skeleton of a log record, signed
//! checkpoints, cosignatures and what is sent to a witness, the grammar of identities. Everything here is a pure function of its arguments:
//! no files, no sockets, no clock, no randomness, and no decision about who may do what.

pub mod checkpoint;
pub mod cosignature;
pub mod evidence;
pub mod identity;
pub mod skeleton;
pub mod trust;
pub mod witness;

/// Types generated from package `schleuse.v1`.
pub mod v1 {
    #![expect(
        clippy::all,
        clippy::as_conversions,
        clippy::missing_errors_doc,
        clippy::too_many_lines,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]
    tonic::include_proto!("schleuse.v1");
}

/// The list of calls, generated from the schemas.
pub mod rpc {
    #![expect(clippy::too_many_lines, reason = "generated code: one line for each call")]
    include!(concat!(env!("OUT_DIR"), "/rpc.rs"));
}

/// Contents from the messages that they hold, generated from the schemas.
mod bodies {
    include!(concat!(env!("OUT_DIR"), "/bodies.rs"));
}

pub use prost::Message;

/// Encoded `google.protobuf.FileDescriptorSet` of package `schleuse.v1`, for reflection and tools.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/schleuse.v1.binpb"));

/// Largest gRPC message in either direction, in bytes: one body of the largest size with its label.
pub const GRPC_MESSAGE_BYTES_MAX: usize = 1024 * 1024 + 64 * 1024;

/// Largest ciphertext in bytes: the largest padded content (1 MiB + 4 KiB) and the seal around it.
pub const CIPHERTEXT_BYTES_MAX: usize = 1024 * 1024 + 8 * 1024;

/// Domain in `google.rpc.ErrorInfo` of every refused call.
pub const ERROR_DOMAIN: &str = "schleuse";
