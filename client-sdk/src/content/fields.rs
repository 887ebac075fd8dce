//! One row for each field of a content: its German name and its rule. The tables are the truth for
//! checks, for the German text and for `schleuse agency kinds show`.
//!
//! The comments in `proto/schleuse/v1` state the same bounds; a test compares them. Messages of the
//! Fallkonferenz have checks of their own and no row here.

mod casework;
mod course;
mod system;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::rules::Rule;

/// A field of a message in a content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// `Message.field` of the schema.
    pub(super) path: &'static str,
    /// German name.
    pub(super) label: &'static str,
    /// What its value, or each of its values, must be.
    pub(super) rule: Rule,
    /// Whether it must be there.
    pub(super) required: bool,
    /// Least and greatest number of values, if it has several.
    pub(super) items: Option<(usize, usize)>,
}

const fn must(path: &'static str, label: &'static str, rule: Rule) -> Field {
    Field { path, label, rule, required: true, items: None }
}

const fn may(path: &'static str, label: &'static str, rule: Rule) -> Field {
    Field { path, label, rule, required: false, items: None }
}

const fn list(
    path: &'static str,
    label: &'static str,
    least: usize,
    most: usize,
    rule: Rule,
) -> Field {
    Field { path, label, rule, required: true, items: Some((least, most)) }
}

/// Longest names, titles and places in characters.
const LINE: Rule = Rule::Line(200);
/// Longest short texts, for example one task, in characters.
const SHORT: Rule = Rule::Text(500);
/// Longest texts of one field in characters: about two printed pages.
const NOTE: Rule = Rule::Text(4000);

/// The envelope, and contents of all purposes.
const ENVELOPE: &[Field] = &[
    may("Content.schema_version", "Schema", Rule::Message),
    may("Content.in_reply_to", "Antwort auf Nachricht", Rule::Id),
    may("Content.subject", "Betreff", LINE),
    list("Content.attachments", "Anlagen", 0, 16, Rule::Message),
    must("SchemaVersion.major", "Hauptversion", Rule::Number(1, 1)),
    may("SchemaVersion.minor", "Nebenversion", Rule::Number(0, 65_535)),
    must("AttachmentReference.attachment_id", "Kennung", Rule::Id),
    must("AttachmentReference.name", "Dateiname", Rule::FileName),
    may("AttachmentReference.media_type", "Dateityp", LINE),
    // 100 MiB.
    must("AttachmentReference.size_bytes", "Größe in Byte", Rule::Number(1, 100 * 1024 * 1024)),
    must("AttachmentReference.sha256", "SHA-256", Rule::Sha256),
    must("AttachmentReference.chunk_count", "Teile", Rule::Number(1, 128)),
    list("AttachmentReference.categories", "Datenkategorien", 1, 16, Rule::Code),
    may("PlainText.subject", "Betreff", LINE),
    may("PlainText.body", "Text", Rule::LongText),
    must("FileContent.name", "Dateiname", Rule::FileName),
    may("FileContent.media_type", "Dateityp", LINE),
    may("FileContent.data", "Inhalt", Rule::File),
    may("FileContent.note", "Anmerkung", Rule::LongText),
    must("Introduction.display_name", "Teilnehmer*in", LINE),
    may("Introduction.date_of_birth", "geboren", Rule::Date),
    may("Introduction.file_number", "Aktenzeichen", LINE),
];

/// Package of the schemas.
const PACKAGE: &str = "schleuse.v1.";

static FIELDS: LazyLock<HashMap<&'static str, &'static Field>> =
    LazyLock::new(|| all().map(|field| (field.path, field)).collect());

/// All rows.
pub(super) fn all() -> impl Iterator<Item = &'static Field> {
    [ENVELOPE, casework::FIELDS, course::FIELDS, system::FIELDS].into_iter().flatten()
}

/// The row of a field.
pub(super) fn find(field: &prost_reflect::FieldDescriptor) -> Option<&'static Field> {
    FIELDS.get(field.full_name().strip_prefix(PACKAGE)?).copied()
}
