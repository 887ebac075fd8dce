//! The schemas at run time: descriptors, and what the schema files say about a field.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor};

use super::ContentError;

/// Name of the message that a sealed plaintext holds.
const CONTENT: &str = "schleuse.v1.Content";
/// Name of the oneof in it.
const ONEOF: &str = "content";

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(schleuse_proto::FILE_DESCRIPTOR_SET).ok());

/// Descriptor of a content.
pub(super) fn content() -> Result<MessageDescriptor, ContentError> {
    let pool = POOL.as_ref();
    pool.and_then(|pool| pool.get_message_by_name(CONTENT)).ok_or(ContentError::Unreadable)
}

/// A content with everything that its bytes hold, known or not.
pub(super) fn decode(encoded: &[u8]) -> Result<DynamicMessage, ContentError> {
    DynamicMessage::decode(content()?, encoded).map_err(|_| ContentError::Unreadable)
}

/// The fields of which a content has one.
pub(super) fn arms() -> Vec<FieldDescriptor> {
    let oneof = content().ok().and_then(|it| it.oneofs().find(|oneof| oneof.name() == ONEOF));
    oneof.map(|oneof| oneof.fields().collect()).unwrap_or_default()
}

/// The field that a content has.
pub(super) fn arm(content: &DynamicMessage) -> Option<FieldDescriptor> {
    arms().into_iter().find(|field| content.has_field(field))
}

/// What the schema file says about a field, in one line.
pub(super) fn comment(field: &FieldDescriptor) -> String {
    let file = field.parent_file();
    let source = file.file_descriptor_proto().source_code_info.as_ref();
    let mut locations = source.iter().flat_map(|source| &source.location);
    let location = locations.find(|location| location.path == field.path());
    let comment = location.map(|location| location.leading_comments()).unwrap_or_default();
    comment.split_whitespace().collect::<Vec<_>>().join(" ")
}
