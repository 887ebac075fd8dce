//! Message kinds: which content each kind of a label holds, for whom it is, and an example.
//!
//! INVARIANT (kind-content): a message of a kind that is known here holds a content that belongs to the
//! kind; checked before sealing and after opening. Kinds of a newer catalogue are passed on. Source:
//! `ops/reference/catalogue.toml`, version 2026-12.

mod table;

use prost_reflect::{FieldDescriptor, Kind as FieldKind, MessageDescriptor};
use serde_json::Value;

use super::{Content, ContentError, fields, schema};

/// A message kind of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageKind {
    /// Its code, for example `zustaendigkeit.ask`.
    pub code: &'static str,
    /// German name.
    pub name: &'static str,
    /// German explanation.
    pub explanation: &'static str,
    /// Purpose codes that permit it.
    pub purposes: &'static [&'static str],
    /// What it holds: names of fields of `schleuse.v1.Content`, the one to use for new messages first.
    pub contents: &'static [&'static str],
    /// Whether it carries no content: codes, identifiers and days only, no subject, no attachment.
    pub content_free: bool,
    example: &'static str,
}

/// A field of a kind, for people who write one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindField {
    /// Path below the content, for example `unterlagen_request.documents[].description`.
    pub path: String,
    /// German name.
    pub label: &'static str,
    /// What is allowed.
    pub allowed: String,
    /// Whether it must be there.
    pub required: bool,
    /// What the schema says about it.
    pub meaning: String,
    /// Values of an enum, with their German names.
    pub values: Vec<(String, &'static str)>,
}

impl MessageKind {
    /// All kinds.
    #[must_use]
    pub fn all() -> &'static [Self] {
        table::KINDS
    }

    /// The kind with this code; none if only a newer catalogue has it.
    #[must_use]
    pub fn find(code: &str) -> Option<&'static Self> {
        Self::all().iter().find(|kind| kind.code == code)
    }

    /// The first kind that holds contents of this type.
    pub(super) fn of_content(content_type: &str) -> Option<&'static Self> {
        Self::all().iter().find(|kind| kind.contents.first() == Some(&content_type))
    }

    /// An example of its content.
    ///
    /// # Errors
    /// None: a test reads all examples.
    pub fn example(&self) -> Result<Content, ContentError> {
        Content::from_exact_json(&self.example_json()?)
    }

    /// The example as JSON.
    ///
    /// # Errors
    /// None: a test reads all examples.
    pub fn example_json(&self) -> Result<Value, ContentError> {
        serde_json::from_str(self.example)
            .map_err(|error| ContentError::Json { why: error.to_string() })
    }

    /// An example that can be sent as it is: without attachments, which get their identifiers when they are sent.
    ///
    /// # Errors
    /// None: a test reads all examples.
    pub fn sendable_example_json(&self) -> Result<Value, ContentError> {
        let mut example = self.example_json()?;
        if example.get("attachments").is_some() {
            drop_attachments(&mut example);
        }
        Ok(example)
    }

    /// The fields of its contents.
    #[must_use]
    pub fn fields(&self) -> Vec<KindField> {
        let arms = schema::arms();
        let arms = self.contents.iter().filter_map(|name| arms.iter().find(|a| a.name() == *name));
        let mut found = Vec::new();
        for arm in arms {
            if let FieldKind::Message(message) = arm.kind() {
                describe(&message, arm.name(), &mut found);
            }
        }
        found
    }
}

/// Removes attachments and what refers to them.
fn drop_attachments(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for name in ["attachments", "attachment_id", "attachment_ids"] {
                members.remove(name);
            }
            members.values_mut().for_each(drop_attachments);
        }
        Value::Array(all) => all.iter_mut().for_each(drop_attachments),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Adds the fields of a message and of those below it.
fn describe(message: &MessageDescriptor, path: &str, found: &mut Vec<KindField>) {
    for field in message.fields() {
        let several = if field.is_list() { "[]" } else { "" };
        let path = format!("{path}.{}{several}", field.name());
        let row = fields::find(&field);
        found.push(KindField {
            path: path.clone(),
            label: row.map_or("", |row| row.label),
            allowed: row.map_or_else(String::new, fields::Field::allowed),
            required: row.is_some_and(|row| match row.items {
                Some((least, _)) => least > 0,
                None => row.required,
            }),
            meaning: schema::comment(&field),
            values: values(&field),
        });
        if let FieldKind::Message(inner) = field.kind() {
            describe(&inner, &path, found);
        }
    }
}

fn values(field: &FieldDescriptor) -> Vec<(String, &'static str)> {
    let FieldKind::Enum(values) = field.kind() else { return Vec::new() };
    let known = values.values().filter(|value| value.number() != 0);
    let named = known.map(|value| {
        (value.name().to_owned(), super::words::word(value.name()).unwrap_or_default())
    });
    named.collect()
}

/// Whether contents of this type belong to a kind without content.
pub(super) fn is_content_free(content_type: &str) -> bool {
    MessageKind::of_content(content_type).is_some_and(|kind| kind.content_free)
}

/// Checks that a message of a kind holds what the kind says. See INVARIANT (kind-content).
///
/// # Errors
/// It holds a content of another kind.
pub(crate) fn check(code: &str, content: &Content) -> Result<(), ContentError> {
    let (Some(kind), Some(found)) = (MessageKind::find(code), content.content_type()) else {
        return Ok(());
    };
    if kind.contents.contains(&found) {
        return Ok(());
    }
    Err(ContentError::ForeignContent {
        kind: code.to_owned(),
        expected: kind.contents.join(" or "),
        found: found.to_owned(),
    })
}
