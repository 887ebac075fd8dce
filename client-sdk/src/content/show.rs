//! Contents as text for people and as JSON for programs that read a message.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage, Value as Field};
use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;
use serde_json::{Map, Value, json};

use super::kinds::MessageKind;
use super::rules::Rule;
use super::{Content, fallkonferenz, fields, schema, words};
use crate::clock::{format_time, rfc3339};
use crate::ids::hex;
use crate::terminal::{terminal_line, terminal_text};

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.body_text();
        if !self.subject().is_empty() {
            text = format!("Betreff: {}\n{text}", terminal_line(self.subject()));
        }
        if let Some(message) = self.in_reply_to() {
            text += &format!("\nAntwort auf Nachricht: {message}");
        }
        for one in self.attachments() {
            let id = hex(&one.attachment_id);
            let categories = one.categories.join(", ");
            let bytes = one.size_bytes;
            text += &format!(
                "\nAnlage {id}: {} ({bytes} Byte; {categories})",
                terminal_line(&one.name)
            );
        }
        if self.raw().is_some() {
            let (major, minor) = self.schema_version();
            text += &format!(
                "\n(Schema {major}.{minor}: kann mehr enthalten, als dieses Programm zeigt)"
            );
        }
        // What a message says must not command the terminal that shows it.
        f.write_str(terminal_text(&text).trim())
    }
}

impl Content {
    fn body_text(&self) -> String {
        if let Some(Kind::Text(text)) = self.kind() {
            let subject = if text.subject.is_empty() { "" } else { "\n\n" };
            return format!("{}{subject}{}", terminal_line(&text.subject), text.body);
        }
        if let Some(Kind::File(file)) = self.kind() {
            let (name, media_type) = (&file.name, &file.media_type);
            return format!("Datei {name} ({media_type}, {} Byte)\n{}", file.data.len(), file.note);
        }
        if let Some(chunk) = self.chunk() {
            let id = hex(&chunk.attachment_id);
            return format!("Teil {} von {} der Anlage {id}", chunk.index + 1, chunk.count);
        }
        let whole = schema::decode(&self.encode()).ok();
        let arm = whole.as_ref().and_then(|whole| Some((whole, schema::arm(whole)?)));
        let Some((whole, arm)) = arm else {
            return "(eine Nachrichtenart, die dieses Programm nicht kennt)".to_owned();
        };
        let name = MessageKind::of_content(arm.name()).map_or(arm.name(), |kind| kind.name);
        let mut text = name.to_owned();
        if let Some(lines) = self.kind().and_then(fallkonferenz::text) {
            text += &lines;
        } else if let Some(message) = whole.get_field(&arm).as_message() {
            show_message(message, 0, &mut text);
        }
        text
    }
}

/// One line for each field that is there, indented below its message.
fn show_message(message: &DynamicMessage, depth: usize, text: &mut String) {
    for field in message.descriptor().fields() {
        if !message.has_field(&field) {
            continue;
        }
        let row = fields::find(&field);
        let label = row.map_or(field.name(), |row| row.label);
        let rule = row.map(|row| row.rule);
        let value = message.get_field(&field);
        let indent = "  ".repeat(depth);
        let Some(values) = value.as_list() else {
            show_value(&field, rule, &value, &format!("{indent}{label}:"), depth, text);
            continue;
        };
        for (value, number) in values.iter().zip(1..) {
            show_value(&field, rule, value, &format!("{indent}{label} {number}:"), depth, text);
        }
    }
}

fn show_value(
    field: &FieldDescriptor,
    rule: Option<Rule>,
    value: &Field,
    label: &str,
    depth: usize,
    text: &mut String,
) {
    text.push('\n');
    text.push_str(label);
    if let Some(message) = value.as_message() {
        return show_message(message, depth + 1, text);
    }
    let shown = terminal_text(&scalar(field, rule, value));
    let indented = shown.replace('\n', &format!("\n{}", "  ".repeat(depth + 1)));
    text.push(' ');
    text.push_str(&indented);
}

fn scalar(field: &FieldDescriptor, rule: Option<Rule>, value: &Field) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    if let Some(bytes) = value.as_bytes() {
        return hex(bytes);
    }
    if let Some(flag) = value.as_bool() {
        return if flag { "ja" } else { "nein" }.to_owned();
    }
    if let Some(number) = value.as_enum_number() {
        let kind = field.kind();
        let known = kind.as_enum().and_then(|values| values.get_value(number));
        return known.map_or_else(
            || format!("Wert {number}, den dieses Programm nicht kennt"),
            |known| words::word(known.name()).unwrap_or(known.name()).to_owned(),
        );
    }
    if let Some(number) = value.as_i64() {
        return if rule == Some(Rule::Time) { format_time(number) } else { number.to_string() };
    }
    let number = value.as_u32().map(u64::from).or_else(|| value.as_u64());
    number.map(|number| number.to_string()).unwrap_or_default()
}

impl Content {
    /// The content as JSON for programs that read a message: `type` and the fields of the message
    /// inside, with `envelope` if there is something in it. What is exact and can be read back is
    /// [`Content::to_exact_json`].
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut value = self.body_json();
        let Value::Object(members) = &mut value else { return value };
        let mut envelope = Map::new();
        if !self.subject().is_empty() {
            envelope.insert("subject".to_owned(), json!(self.subject()));
        }
        if let Some(message) = self.in_reply_to() {
            envelope.insert("in_reply_to".to_owned(), json!(message));
        }
        if !self.attachments().is_empty() {
            let all = self.attachments().iter().map(attachment_json);
            envelope.insert("attachments".to_owned(), all.collect());
        }
        if self.raw().is_some() {
            let (major, minor) = self.schema_version();
            envelope.insert("schema_version".to_owned(), json!(format!("{major}.{minor}")));
            envelope.insert("has_more".to_owned(), json!(true));
        }
        if !envelope.is_empty() {
            members.insert("envelope".to_owned(), Value::Object(envelope));
        }
        value
    }

    fn body_json(&self) -> Value {
        if let Some(Kind::Text(text)) = self.kind() {
            return json!({ "type": "text", "subject": text.subject, "text": text.body });
        }
        if let Some(Kind::File(file)) = self.kind() {
            return json!({
                "type": "file",
                "name": file.name,
                "media_type": file.media_type,
                "data": STANDARD.encode(&file.data),
                "note": file.note,
            });
        }
        if let Some(chunk) = self.chunk() {
            return json!({
                "type": "chunk",
                "attachment": hex(&chunk.attachment_id),
                "index": chunk.index,
                "count": chunk.count,
                "bytes": chunk.data.len(),
            });
        }
        if let Some(value) = self.kind().and_then(fallkonferenz::json) {
            return value;
        }
        let whole = schema::decode(&self.encode()).ok();
        let inner = whole.as_ref().and_then(|whole| {
            let arm = schema::arm(whole)?;
            whole.get_field(&arm).as_message().map(message_json)
        });
        let mut members = inner.unwrap_or_default();
        members.insert("type".to_owned(), json!(self.content_type()));
        Value::Object(members)
    }
}

/// The fields that are there: bytes in hexadecimal digits, times as RFC 3339, enum values by name.
fn message_json(message: &DynamicMessage) -> Map<String, Value> {
    let mut members = Map::new();
    for field in message.descriptor().fields() {
        if !message.has_field(&field) {
            continue;
        }
        let is_time = fields::find(&field).is_some_and(|row| row.rule == Rule::Time);
        let value = message.get_field(&field);
        let one = |value: &Field| value_json(&field, is_time, value);
        let shown = match value.as_list() {
            Some(values) => values.iter().map(one).collect(),
            None => one(&value),
        };
        let name = if is_time { field.name().trim_end_matches("_ms") } else { field.name() };
        members.insert(name.to_owned(), shown);
    }
    members
}

fn value_json(field: &FieldDescriptor, is_time: bool, value: &Field) -> Value {
    if let Some(message) = value.as_message() {
        return Value::Object(message_json(message));
    }
    if let Some(number) = value.as_enum_number() {
        let kind = field.kind();
        let known = kind.as_enum().and_then(|values| values.get_value(number));
        return known.map_or_else(|| json!(number), |known| json!(known.name()));
    }
    if let Some(number) = value.as_i64() {
        return if is_time { json!(rfc3339(number)) } else { json!(number) };
    }
    let number = value.as_u32().map(u64::from).or_else(|| value.as_u64());
    let text = || json!(scalar(field, None, value));
    number.map(Value::from).or_else(|| value.as_bool().map(Value::from)).unwrap_or_else(text)
}

fn attachment_json(attachment: &v1::AttachmentReference) -> Value {
    json!({
        "attachment": hex(&attachment.attachment_id),
        "name": attachment.name,
        "media_type": attachment.media_type,
        "bytes": attachment.size_bytes,
        "sha256": hex(&attachment.sha256),
        "chunks": attachment.chunk_count,
        "categories": attachment.categories,
    })
}
