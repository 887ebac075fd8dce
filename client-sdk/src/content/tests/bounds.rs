//! Every field of every content: one value beyond each of its bounds is refused by its name, one at
//! the bound is accepted, and the schema files state the same bounds.

use std::collections::BTreeSet;

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as FieldKind, MessageDescriptor, ReflectMessage, Value,
};

use super::super::fields::{self, Field};
use super::super::kinds::MessageKind;
use super::super::rules::{Rule, has_own_checks};
use super::super::{Content, ContentError, FILE_BYTES_MAX, TEXT_BYTES_MAX, schema};

/// A place in an example where a field can be set: the way to its message, and its path.
#[derive(Clone)]
struct Site {
    way: Vec<(FieldDescriptor, Option<usize>)>,
    field: FieldDescriptor,
    path: String,
}

fn sites(
    message: &DynamicMessage,
    way: &[(FieldDescriptor, Option<usize>)],
    path: &str,
) -> Vec<Site> {
    let mut found = Vec::new();
    if has_own_checks(&message.descriptor()) {
        return found;
    }
    for field in message.descriptor().fields() {
        let at = if path.is_empty() {
            field.name().to_owned()
        } else {
            format!("{path}.{}", field.name())
        };
        if field.containing_oneof().is_none() {
            found.push(Site { way: way.to_vec(), field: field.clone(), path: at.clone() });
        }
        if !message.has_field(&field) {
            continue;
        }
        let value = message.get_field(&field);
        let further = |index| [way, &[(field.clone(), index)]].concat();
        if let Some(inner) = value.as_message() {
            found.extend(sites(inner, &further(None), &at));
        }
        for (value, index) in value.as_list().unwrap_or_default().iter().zip(0..) {
            if let Some(inner) = value.as_message() {
                found.extend(sites(inner, &further(Some(index)), &format!("{at}[{index}]")));
            }
        }
    }
    found
}

fn with(whole: &DynamicMessage, site: &Site, value: Option<Value>) -> Vec<u8> {
    let mut whole = whole.clone();
    let mut message = &mut whole;
    for (field, index) in &site.way {
        let value = message.get_field_mut(field);
        message = match index {
            None => value.as_message_mut().unwrap(),
            Some(index) => value.as_list_mut().unwrap()[*index].as_message_mut().unwrap(),
        };
    }
    match value {
        Some(value) => message.set_field(&site.field, value),
        None => message.clear_field(&site.field),
    }
    prost_reflect::prost::Message::encode_to_vec(&whole)
}

fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

fn bytes(length: usize) -> Value {
    Value::Bytes(vec![0xee; length].into())
}

fn number(field: &FieldDescriptor, number: u64) -> Option<Value> {
    if field.kind() == FieldKind::Uint32 {
        return u32::try_from(number).ok().map(Value::U32);
    }
    Some(Value::U64(number))
}

/// Values beyond the bounds of one value of a field.
fn beyond(row: &Field, field: &FieldDescriptor) -> Vec<Value> {
    match row.rule {
        Rule::Line(most) => vec![text("ä".repeat(most + 1)), text("a\nb"), text("\u{1b}[2J")],
        Rule::Text(most) => vec![text("ä".repeat(most + 1)), text("\u{1b}[2J")],
        Rule::LongText => vec![text("x".repeat(TEXT_BYTES_MAX + 1))],
        Rule::FileName => ["a/b", "..", "a\\b", "a\nb", &"x".repeat(201)].map(text).to_vec(),
        Rule::File => vec![bytes(FILE_BYTES_MAX + 1)],
        Rule::Code => ["A", "a b", "ä", &"x".repeat(41)].map(text).to_vec(),
        Rule::Part => ["A", "a.b", "a/b", &"x".repeat(41)].map(text).to_vec(),
        Rule::Icf => ["d", "x850", "d123456", "d85x"].map(text).to_vec(),
        Rule::Id => vec![bytes(15), bytes(17)],
        Rule::Attachment => vec![bytes(15), bytes(16), bytes(17)],
        Rule::Sha256 => vec![bytes(31), bytes(33)],
        Rule::Date => {
            let wrong =
                ["2026-13-01", "2026-02-29", "3.2.2026", "2026-2-03", "20260203", "+26-02-03"];
            wrong.map(text).to_vec()
        }
        Rule::Time => vec![Value::I64(-1), Value::I64(253_402_300_800_000)],
        Rule::Number(_, most) => number(field, most + 1).into_iter().collect(),
        Rule::Enum => vec![Value::EnumNumber(9999), Value::EnumNumber(-1)],
        Rule::Flag | Rule::Message => Vec::new(),
    }
}

/// Values at the bounds of one value of a field.
fn at_bounds(row: &Field, field: &FieldDescriptor) -> Vec<Value> {
    match row.rule {
        Rule::Line(most) => vec![text("ä".repeat(most)), text("ä")],
        Rule::Text(most) => vec![text("ä".repeat(most)), text("a\n\tb")],
        Rule::LongText => vec![text("x".repeat(TEXT_BYTES_MAX))],
        Rule::FileName => vec![text("ä".repeat(200)), text("x")],
        Rule::File => vec![bytes(FILE_BYTES_MAX - TEXT_BYTES_MAX)],
        Rule::Code => vec![text("a.b-0"), text("x".repeat(40))],
        Rule::Part => vec![text("a-0"), text("x".repeat(40))],
        Rule::Icf => vec![text("b1"), text("e12345")],
        Rule::Id => vec![bytes(16)],
        Rule::Sha256 => vec![bytes(32)],
        Rule::Time => vec![Value::I64(1), Value::I64(253_402_300_799_999)],
        Rule::Number(least, most) => {
            [least, most].into_iter().filter_map(|n| number(field, n)).collect()
        }
        Rule::Enum => {
            let kind = field.kind();
            let known = kind.as_enum().unwrap().values().map(|value| value.number());
            known.filter(|number| *number != 0).map(Value::EnumNumber).collect()
        }
        Rule::Flag => vec![Value::Bool(true)],
        // Days of periods depend on each other, attachments and messages on their examples.
        Rule::Date | Rule::Attachment | Rule::Message => Vec::new(),
    }
}

fn refused(whole: &DynamicMessage, site: &Site, value: Option<Value>, path: &str) {
    let encoded = with(whole, site, value);
    let error = Content::from_encoded(&encoded).expect_err(path);
    let named = error.to_string().starts_with(&format!("{path}: expected "))
        || matches!(&error, ContentError::TextTooLarge { field, .. } if field == path)
        || matches!(error, ContentError::FileTooLarge { .. });
    assert!(named, "{path}: {error}");
}

fn accepted(whole: &DynamicMessage, site: &Site, value: Value) {
    let encoded = with(whole, site, Some(value));
    if let Err(error) = Content::from_encoded(&encoded) {
        panic!("{}: {error}", site.path);
    }
}

fn try_field(whole: &DynamicMessage, site: &Site, row: &Field) {
    let path = site.path.as_str();
    let Some((least, most)) = row.items else {
        if row.required {
            refused(whole, site, None, path);
        }
        beyond(row, &site.field).into_iter().for_each(|v| refused(whole, site, Some(v), path));
        // Documents refer to the identifiers of attachments.
        if row.path != "AttachmentReference.attachment_id" {
            at_bounds(row, &site.field).into_iter().for_each(|v| accepted(whole, site, v));
        }
        return;
    };
    if least > 0 {
        refused(whole, site, None, path);
    }
    let one =
        at_bounds(row, &site.field).into_iter().next_back().or_else(|| example_of(whole, site));
    if let Some(one) = one {
        // Those of an attachment are sorted, without repetition.
        let copies = |number| {
            if row.path == "AttachmentReference.categories" {
                return (0..number).map(|at| text(format!("{at:040}"))).collect();
            }
            copies(&one, number)
        };
        accepted(whole, site, Value::List(copies(most)));
        refused(whole, site, Some(Value::List(copies(most + 1))), path);
        for wrong in beyond(row, &site.field) {
            let values = Value::List(vec![one.clone(), wrong]);
            refused(whole, site, Some(values), &format!("{path}[1]"));
        }
        if row.rule == Rule::Enum {
            let values = Value::List(vec![Value::EnumNumber(0)]);
            refused(whole, site, Some(values), &format!("{path}[0]"));
        }
    }
}

/// A value so many times; attachments with an identifier each.
fn copies(one: &Value, number: usize) -> Vec<Value> {
    let mut copies = vec![one.clone(); number];
    for (copy, at) in copies.iter_mut().zip(0_u32..).skip(1) {
        let message = copy.as_message_mut();
        let message = message.filter(|it| it.descriptor().name() == "AttachmentReference");
        if let Some(message) = message {
            message.set_field_by_name(
                "attachment_id",
                Value::Bytes(at.to_be_bytes().repeat(4).into()),
            );
        }
    }
    copies
}

/// The first value of a list in an example.
fn example_of(whole: &DynamicMessage, site: &Site) -> Option<Value> {
    let mut value = Value::Message(whole.clone());
    for (field, index) in &site.way {
        let inner = value.as_message().unwrap().get_field(field).into_owned();
        value = match index {
            None => inner,
            Some(index) => inner.as_list().unwrap()[*index].clone(),
        };
    }
    let list = value.as_message().unwrap().get_field(&site.field).into_owned();
    list.as_list().unwrap().first().cloned()
}

#[test]
fn every_field_is_refused_by_name_beyond_its_bounds_and_accepted_at_them() {
    let mut tried = BTreeSet::new();
    let file = Content::file("bericht.pdf", "application/pdf", vec![7], "Anmerkung").unwrap();
    let examples = MessageKind::all().iter().map(|kind| kind.example().unwrap());
    for content in examples.chain([file]) {
        let whole = schema::decode(&content.encode()).unwrap();
        let is_content_free = MessageKind::of_content(content.content_type().unwrap());
        let is_content_free = is_content_free.is_some_and(|kind| kind.content_free);
        for site in sites(&whole, &[], "") {
            let row = fields::find(&site.field).expect(&site.path);
            let around = matches!(row.path, "Content.subject" | "Content.attachments");
            // Another major version has its own refusal; the minor one decides what is read how.
            if row.path.starts_with("SchemaVersion.") || (is_content_free && around) {
                continue;
            }
            tried.insert(row.path);
            try_field(&whole, &site, row);
        }
    }
    let untried: Vec<_> = fields::all()
        .map(|row| row.path)
        .filter(|path| !tried.contains(path) && !path.starts_with("SchemaVersion."))
        .collect();
    assert!(untried.is_empty(), "in no example: {untried:?}");
}

fn messages_below(message: &MessageDescriptor, found: &mut Vec<MessageDescriptor>) {
    if has_own_checks(message) || found.contains(message) {
        return;
    }
    found.push(message.clone());
    for field in message.fields() {
        if let FieldKind::Message(inner) = field.kind() {
            messages_below(&inner, found);
        }
    }
}

#[test]
fn every_field_has_a_rule_and_its_comment_states_the_same_bound() {
    let mut messages = Vec::new();
    messages_below(&schema::content().unwrap(), &mut messages);
    assert!(messages.len() > 50, "{} messages", messages.len());
    let mut paths = BTreeSet::new();
    for field in messages.iter().flat_map(MessageDescriptor::fields) {
        if field.containing_oneof().is_some() {
            continue;
        }
        let row = fields::find(&field);
        let row = row.unwrap_or_else(|| panic!("{} has no rule", field.full_name()));
        assert!(paths.insert(row.path));
        assert_eq!(row.items.is_some(), field.is_list(), "{}", row.path);
        let alone = row.items.is_none();
        let obvious = alone && row.required && matches!(row.rule, Rule::Enum | Rule::Message);
        if row.rule == Rule::Flag || obvious {
            continue;
        }
        let stated = if alone && row.rule == Rule::Enum {
            "may be unspecified".to_owned()
        } else if alone && row.rule == Rule::Message {
            "may be missing".to_owned()
        } else {
            row.allowed().replace(", naming an attachment of this message", "")
        };
        let comment = schema::comment(&field);
        if !row.path.starts_with("AttachmentReference.") {
            assert!(comment.contains(&stated), "{}: {comment:?} lacks {stated:?}", row.path);
        }
    }
    let rows: Vec<_> = fields::all().map(|row| row.path).collect();
    assert_eq!(rows.len(), paths.len(), "a row for no field, or two for one");
}

#[test]
fn periods_do_not_end_before_they_begin_and_follow_up_care_is_bounded() {
    let with = |from: &str, to: &str| {
        let content = MessageKind::find("nachbetreuung.agree").unwrap().example().unwrap();
        let mut json = content.to_exact_json();
        json["nachbetreuung_agree"]["period_from"] = from.into();
        json["nachbetreuung_agree"]["period_to"] = to.into();
        Content::from_exact_json(&json)
    };
    assert!(with("2028-12-01", "2028-12-01").is_ok());
    assert!(with("2028-01-01", "2028-07-03").is_ok(), "184 days");
    for (from, to) in [("2028-12-01", "2028-11-30"), ("2028-01-01", "2028-07-04")] {
        let error = with(from, to).unwrap_err().to_string();
        assert!(error.starts_with("nachbetreuung_agree.period_to: expected a day"), "{error}");
    }
}

#[test]
fn kinds_without_content_have_no_subject_no_attachment_and_no_free_text() {
    for kind in MessageKind::all().iter().filter(|kind| kind.content_free) {
        let example = kind.example().unwrap();
        let named = example.rebuild().unwrap().subject("Warum").build().unwrap_err().to_string();
        assert!(named.starts_with("subject: expected nothing"), "{named}");
        let supply = MessageKind::find("unterlagen.supply").unwrap().example().unwrap();
        let attachment = supply.attachments()[0].clone();
        let named = example.rebuild().unwrap().attachment(attachment).build().unwrap_err();
        assert!(named.to_string().starts_with("attachments: expected nothing"), "{named}");
        let descriptors =
            schema::arms().into_iter().filter(|arm| kind.contents.contains(&arm.name()));
        let mut messages = Vec::new();
        for arm in descriptors {
            messages_below(arm.kind().as_message().unwrap(), &mut messages);
        }
        for field in messages.iter().flat_map(MessageDescriptor::fields) {
            let rule = fields::find(&field).unwrap().rule;
            let is_coded = matches!(
                rule,
                Rule::Code | Rule::Part | Rule::Id | Rule::Date | Rule::Enum | Rule::Flag
            );
            assert!(is_coded, "{}: {rule:?}", field.full_name());
        }
    }
}
