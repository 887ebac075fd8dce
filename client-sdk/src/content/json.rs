//! Contents as JSON, both ways, without loss: the JSON mapping of protobuf with the field names of the
//! schemas (bytes base64, 64-bit numbers as text, enum values by name, empty fields left out).
//!
//! A content of a newer minor version has one member more, `@raw`: its encoded bytes in base64. That
//! says that there is more than the rest shows, and keeps it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DeserializeOptions, DynamicMessage, SerializeOptions};
use schleuse_proto::Message as _;
use serde_json::{Map, Value};

use super::{Content, ContentError, schema};
use crate::seal::CONTENT_BYTES_MAX;

/// Member that holds the bytes of a content of a newer minor version.
const RAW: &str = "@raw";

impl Content {
    /// The content as JSON, without loss; see [`Content::from_exact_json`].
    #[must_use]
    pub fn to_exact_json(&self) -> Value {
        let value = schema::decode(&self.encode()).ok().and_then(|message| to_json(&message));
        let mut value = value.unwrap_or_else(|| Value::Object(Map::new()));
        if let (Some(raw), Value::Object(members)) = (self.raw(), &mut value) {
            members.insert(RAW.to_owned(), Value::String(STANDARD.encode(raw)));
        }
        value
    }

    /// Reads what [`Content::to_exact_json`] wrote, or what a person or another program wrote by the
    /// schemas. Without `schema_version` it is of the version of this crate.
    ///
    /// # Errors
    /// It is not of the schema, or a field is out of its range. The text may quote what was given.
    pub fn from_exact_json(value: &Value) -> Result<Self, ContentError> {
        let mut members = value.as_object().cloned().unwrap_or_default();
        if let Some(raw) = members.remove(RAW) {
            return from_raw(&raw, value);
        }
        let descriptor = schema::content()?;
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        let message = DynamicMessage::deserialize_with_options(descriptor, value, &options)
            .map_err(|error| ContentError::Json { why: error.to_string() })?;
        let mut encoded = message.encode_to_vec();
        if !message.has_field_by_name("schema_version") {
            encoded = super::with_own_version(&encoded)?;
        }
        if encoded.len() > CONTENT_BYTES_MAX {
            return Err(ContentError::TooLarge);
        }
        Self::from_encoded(&encoded)
    }
}

/// A content of a newer minor version: its bytes count, and the rest must agree with them.
fn from_raw(raw: &Value, whole: &Value) -> Result<Content, ContentError> {
    let wrong = |why: &str| ContentError::Json { why: format!("{RAW}: {why}") };
    let text = raw.as_str().ok_or_else(|| wrong("expected base64"))?;
    let encoded = STANDARD.decode(text).map_err(|_| wrong("expected base64"))?;
    let content = Content::from_encoded(&encoded)?;
    if content.to_exact_json() != *whole {
        return Err(wrong("other than the readable members; leave it out to change them"));
    }
    Ok(content)
}

/// A message in the JSON mapping of protobuf.
pub(super) fn to_json(message: &DynamicMessage) -> Option<Value> {
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).ok()
}
