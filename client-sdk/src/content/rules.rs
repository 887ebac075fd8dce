//! What a value of a content must be, and the check of a whole content against the rows of `fields`.
//!
//! An error names the field by its path and what is allowed, never the value: it is about a person.

use std::fmt::Write as _;

use jiff::civil::Date;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};
use schleuse_proto::identity::is_part;

use super::fields::{self, Field};
use super::{ContentError, FILE_BYTES_MAX, TEXT_BYTES_MAX};

/// Bytes of an identifier.
const ID_BYTES: usize = 16;
/// Bytes of a SHA-256.
const SHA256_BYTES: usize = 32;
/// Longest code of a catalogue in characters.
const CODE_CHARS_MAX: usize = 40;
/// Longest file name in characters.
const FILE_NAME_CHARS_MAX: usize = 200;
/// Latest time: the end of year 9999 in Unix milliseconds.
const TIME_MS_MAX: i64 = 253_402_300_799_999;
/// Most days of follow-up care: half a year of the longest months.
const FOLLOW_UP_DAYS_MAX: i64 = 184;
/// Schema file whose messages are checked by code of their own.
const OWN_CHECKS_FILE: &str = "schleuse/v1/fallkonferenz.proto";
/// Messages of other files that are checked by code of their own.
const OWN_CHECKS: [&str; 5] = [
    "FallkonferenzRequest",
    "AgendaItem",
    "ProposedDate",
    "FallkonferenzAnswer",
    "AttachmentChunk",
];
/// First and last day of a period, where a message has both fields.
const PERIODS: [(&str, &str); 3] =
    [("period_from", "period_to"), ("clearing_from", "clearing_to"), ("begins_on", "ends_on")];

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// At most so many characters, no control characters.
    Line(usize),
    /// At most so many characters; line breaks and tabs are allowed.
    Text(usize),
    /// At most [`TEXT_BYTES_MAX`] bytes.
    LongText,
    /// A file name without a path.
    FileName,
    /// At most [`FILE_BYTES_MAX`] bytes.
    File,
    /// A code of a catalogue or a survey.
    Code,
    /// An agency or a function.
    Part,
    /// A code of the ICF.
    Icf,
    /// An identifier.
    Id,
    /// An attachment of the same content.
    Attachment,
    /// A digest.
    Sha256,
    /// A day.
    Date,
    /// A time in Unix milliseconds.
    Time,
    /// A number between these.
    Number(u64, u64),
    /// A value of the schema.
    Enum,
    /// Yes or no.
    Flag,
    /// A message with rows of its own.
    Message,
}

impl Rule {
    /// What is allowed, in the words of the schemas.
    fn allowed(self, required: bool) -> String {
        let or = |text: &str, empty: &str| {
            if required { text.to_owned() } else { format!("{text} or {empty}") }
        };
        let up_to = |most: usize| {
            if required {
                format!("1 to {most} characters")
            } else {
                format!("at most {most} characters")
            }
        };
        match self {
            Self::Line(most) => format!("{} in one line", up_to(most)),
            Self::Text(most) => up_to(most),
            Self::LongText => "at most 64 KiB".to_owned(),
            Self::FileName => "1 to 200 characters in one line without a path".to_owned(),
            Self::File => "at most 1 MiB".to_owned(),
            Self::Code => or("1 to 40 of [a-z0-9.-]", "empty"),
            Self::Part => or("1 to 40 of [a-z0-9-]", "empty"),
            Self::Icf => "b, s, d or e and 1 to 5 digits".to_owned(),
            Self::Id => or("16 bytes", "empty"),
            Self::Attachment => or("16 bytes", "empty") + ", naming an attachment of this message",
            Self::Sha256 => "32 bytes".to_owned(),
            Self::Date => or("YYYY-MM-DD", "empty"),
            Self::Time => or("Unix time in milliseconds", "0"),
            Self::Number(0, most) => format!("0 to {most}"),
            Self::Number(least, most) => or(&format!("{least} to {most}"), "0"),
            Self::Enum if required => "a known value other than UNSPECIFIED".to_owned(),
            Self::Enum => "a known value".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Message => "a value".to_owned(),
        }
    }
}

impl Field {
    /// What is allowed, in the words of the schemas.
    pub(super) fn allowed(&self) -> String {
        match self.items {
            Some((least, most)) => {
                let items = items(least, most);
                if matches!(self.rule, Rule::Message | Rule::Enum) {
                    return items;
                }
                format!("{items}, each {}", self.rule.allowed(true))
            }
            None => self.rule.allowed(self.required),
        }
    }
}

fn items(least: usize, most: usize) -> String {
    if least == 0 { format!("at most {most} items") } else { format!("{least} to {most} items") }
}

/// How strictly a content is read, and what its fields may refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    /// Of a newer minor version: enum values may be unknown.
    pub(super) newer: bool,
    /// Identifiers of its attachments.
    pub(super) attachments: &'a [&'a [u8]],
}

/// Whether a message is checked by code of its own.
pub(super) fn has_own_checks(message: &MessageDescriptor) -> bool {
    message.parent_file().name() == OWN_CHECKS_FILE || OWN_CHECKS.contains(&message.name())
}

/// Checks a message and all below it.
///
/// # Errors
/// Names the first field that is out of its range, and the range.
pub(super) fn check(
    message: &DynamicMessage,
    path: &str,
    reading: Reading<'_>,
) -> Result<(), ContentError> {
    let descriptor = message.descriptor();
    if has_own_checks(&descriptor) {
        return Ok(());
    }
    let (arms, fields): (Vec<_>, Vec<_>) =
        descriptor.fields().partition(|field| field.containing_oneof().is_some());
    for field in fields {
        let at = below(path, field.name());
        let row = fields::find(&field).ok_or_else(|| wrong(&at, "a field that has a rule"))?;
        check_field(message, &field, row, &at, reading)?;
    }
    // What is around a content first: what is inside refers to it.
    for field in arms.iter().filter(|field| message.has_field(field)) {
        if let Some(inner) = message.get_field(field).as_message() {
            check(inner, &below(path, field.name()), reading)?;
        }
    }
    check_periods(message, path)
}

fn check_field(
    message: &DynamicMessage,
    field: &FieldDescriptor,
    row: &Field,
    at: &str,
    reading: Reading<'_>,
) -> Result<(), ContentError> {
    let value = message.get_field(field);
    if let (Some((least, most)), Some(values)) = (row.items, value.as_list()) {
        if !(least..=most).contains(&values.len()) {
            return Err(wrong(at, items(least, most)));
        }
        for (value, number) in values.iter().zip(0..) {
            let each = Field { required: true, items: None, ..*row };
            check_value(field, value, &each, &format!("{at}[{number}]"), reading)?;
        }
        return Ok(());
    }
    if row.rule == Rule::Message && !message.has_field(field) {
        return if row.required { Err(wrong(at, row.allowed())) } else { Ok(()) };
    }
    check_value(field, value.as_ref(), row, at, reading)
}

fn check_value(
    field: &FieldDescriptor,
    value: &Value,
    row: &Field,
    at: &str,
    reading: Reading<'_>,
) -> Result<(), ContentError> {
    if !row.required && is_empty(value) {
        return Ok(());
    }
    let text = value.as_str().unwrap_or_default();
    let bytes = value.as_bytes().map(|bytes| bytes.as_ref()).unwrap_or_default();
    let fits = match row.rule {
        Rule::Line(most) => fits(text, most) && !text.chars().any(char::is_control),
        Rule::Text(most) => fits(text, most) && !text.chars().any(is_refused_control),
        Rule::LongText if text.len() > TEXT_BYTES_MAX => {
            return Err(ContentError::TextTooLarge { field: at.to_owned(), bytes: text.len() });
        }
        Rule::File if bytes.len() > FILE_BYTES_MAX => {
            return Err(ContentError::FileTooLarge { bytes: bytes.len() });
        }
        Rule::LongText | Rule::File | Rule::Flag => true,
        Rule::FileName => is_file_name(text),
        Rule::Code => is_code(text),
        Rule::Part => is_part(text),
        Rule::Icf => is_icf(text),
        Rule::Id => bytes.len() == ID_BYTES,
        Rule::Attachment => bytes.len() == ID_BYTES && reading.attachments.contains(&bytes),
        Rule::Sha256 => bytes.len() == SHA256_BYTES,
        Rule::Date => is_date(text),
        Rule::Time => value.as_i64().is_some_and(|time| (1..=TIME_MS_MAX).contains(&time)),
        Rule::Number(least, most) => {
            number(value).is_some_and(|number| (least..=most).contains(&number))
        }
        Rule::Enum => is_enum_value(&field.kind(), value, reading.newer),
        Rule::Message => {
            let inner = value.as_message().ok_or_else(|| wrong(at, row.allowed()))?;
            return check(inner, at, reading);
        }
    };
    if fits { Ok(()) } else { Err(wrong(at, row.allowed())) }
}

fn check_periods(message: &DynamicMessage, path: &str) -> Result<(), ContentError> {
    let day = |name: &str| {
        let value = message.get_field_by_name(name)?;
        value.as_str().and_then(|text| text.parse::<Date>().ok())
    };
    for (from, to) in PERIODS {
        let (Some(first), Some(last)) = (day(from), day(to)) else { continue };
        if last < first {
            return Err(wrong(&below(path, to), format!("a day not before {from}")));
        }
        let follow_up = message.descriptor().name() == "NachbetreuungAgree";
        let days = first.until(last).map_or(i64::MAX, |span| i64::from(span.get_days()));
        if follow_up && days > FOLLOW_UP_DAYS_MAX {
            let most = format!("a day at most {FOLLOW_UP_DAYS_MAX} days after {from}");
            return Err(wrong(&below(path, to), most));
        }
    }
    Ok(())
}

/// Whether a message or one below it has fields that its schema does not have.
pub(super) fn has_unknown(message: &DynamicMessage) -> bool {
    fn below(value: &Value) -> bool {
        value.as_message().is_some_and(has_unknown)
            || value.as_list().is_some_and(|values| values.iter().any(below))
    }
    message.unknown_fields().next().is_some() || message.fields().any(|(_, value)| below(value))
}

fn below(path: &str, name: &str) -> String {
    let mut at = path.to_owned();
    if !at.is_empty() {
        at.push('.');
    }
    let _infallible = at.write_str(name);
    at
}

fn wrong(at: &str, expected: impl Into<String>) -> ContentError {
    ContentError::Field { field: at.to_owned().into(), expected: expected.into().into() }
}

fn is_empty(value: &Value) -> bool {
    value.as_str().is_some_and(str::is_empty)
        || value.as_bytes().is_some_and(|bytes| bytes.is_empty())
        || number(value) == Some(0)
        || value.as_i64() == Some(0)
        || value.as_enum_number() == Some(0)
        || value.as_bool() == Some(false)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u32().map(u64::from).or_else(|| value.as_u64())
}

fn fits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count())
}

/// Control characters beside line breaks and tabs: no text has them. What is shown is stricter, see `terminal`.
fn is_refused_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\r' | '\t')
}

fn is_file_name(text: &str) -> bool {
    fits(text, FILE_NAME_CHARS_MAX)
        && !text.contains(['/', '\\'])
        && !matches!(text, "." | "..")
        && !text.chars().any(char::is_control)
}

fn is_code(text: &str) -> bool {
    (1..=CODE_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
}

fn is_icf(text: &str) -> bool {
    let digits = text.strip_prefix(['b', 's', 'd', 'e']).unwrap_or_default();
    (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        && text.parse::<Date>().is_ok()
}

fn is_enum_value(kind: &Kind, value: &Value, newer: bool) -> bool {
    let Some(number) = value.as_enum_number() else { return false };
    let known = kind.as_enum().is_some_and(|values| values.get_value(number).is_some());
    number != 0 && (known || newer)
}
