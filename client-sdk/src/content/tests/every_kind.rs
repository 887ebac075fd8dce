//! Every kind: its example is read, shown and written back without loss; its label holds it only.

use serde_json::Value;

use super::super::kinds::{self, MessageKind};
use super::super::{Content, ContentError, schema, words};

fn example(kind: &MessageKind) -> Content {
    kind.example().unwrap_or_else(|error| panic!("{}: {error}", kind.code))
}

#[test]
fn examples_survive_json_and_bytes() {
    for kind in MessageKind::all() {
        let content = example(kind);
        let json = kind.example_json().unwrap();
        assert_eq!(content.to_exact_json(), json, "{}: the example is canonical", kind.code);
        let text = serde_json::to_string(&content.to_exact_json()).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(Content::from_exact_json(&read).unwrap(), content, "{}", kind.code);
        let plaintext = content.to_plaintext().unwrap();
        assert_eq!(Content::from_plaintext(&plaintext).unwrap(), content, "{}", kind.code);
        assert_eq!(content.schema_version(), (1, 0), "{}", kind.code);
    }
}

#[test]
fn names_of_fields_in_the_other_form_of_the_mapping_are_read_too() {
    let json = serde_json::json!({ "zustaendigkeitAsk": {
        "benefit": 1, "question": "Wer?", "applicationReceivedOn": "2026-11-16"
    } });
    let content = Content::from_exact_json(&json).unwrap();
    assert_eq!(
        content.to_exact_json()["zustaendigkeit_ask"]["benefit"],
        "BENEFIT_GROUP_MEDICAL_REHABILITATION"
    );
    for wrong in [
        serde_json::json!({ "zustaendigkeit_ask": { "question": "Wer?", "more": 1 } }),
        serde_json::json!({ "zustaendigkeit": {} }),
        serde_json::json!([]),
        serde_json::json!({ "text": { "body": "a" }, "file": { "name": "b" } }),
    ] {
        assert!(
            matches!(Content::from_exact_json(&wrong), Err(ContentError::Json { .. })),
            "{wrong}"
        );
    }
    assert!(Content::from_exact_json(&serde_json::json!({})).is_err());
}

#[test]
fn every_content_is_shown_in_german_with_all_that_it_says() {
    for kind in MessageKind::all() {
        let content = example(kind);
        let shown = content.to_string();
        let json = content.to_json();
        assert_eq!(json["type"], content.content_type().unwrap(), "{}", kind.code);
        assert!(!shown.contains("_UNSPECIFIED"), "{}: {shown}", kind.code);
        if content.content_type() == Some("text") || is_shown_otherwise(kind) {
            continue;
        }
        assert!(!shown.contains("_"), "{}: a name of the schema in {shown}", kind.code);
        let name = MessageKind::of_content(content.content_type().unwrap()).unwrap().name;
        assert!(shown.contains(name), "{}: {shown}", kind.code);
        assert_texts(&content.to_exact_json(), &shown.replace("\n  ", "\n"));
    }
}

/// Whether messages of a kind have checks and a text of their own: they are tested with these.
fn is_shown_otherwise(kind: &MessageKind) -> bool {
    let mut arms = schema::arms().into_iter().filter(|arm| kind.contents.contains(&arm.name()));
    arms.any(|arm| super::super::rules::has_own_checks(arm.kind().as_message().unwrap()))
}

/// Each text of people that a content holds is in what is shown.
fn assert_texts(value: &Value, shown: &str) {
    match value {
        Value::Object(members) => members.values().for_each(|value| assert_texts(value, shown)),
        Value::Array(values) => values.iter().for_each(|value| assert_texts(value, shown)),
        Value::String(text) if text.contains(' ') => {
            for line in text.lines() {
                assert!(shown.contains(line), "{line:?} is not in {shown}");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn texts_do_not_command_the_terminal() {
    let content = Content::text("", "vorher\u{1b}[2Jnachher").unwrap();
    assert_eq!(content.to_string(), "vorher\u{fffd}[2Jnachher");
    let content = Content::text("", "eins\rzwei\u{2028}drei\r\nvier\u{202e}").unwrap();
    assert_eq!(content.to_string(), "eins\nzwei\ndrei\nvier\u{fffd}");
    // What ends a line in a field is indented below it: it cannot look like another field.
    let mut example = MessageKind::find("unterlagen.supply").unwrap().example_json().unwrap();
    example["unterlagen_supply"]["note"] = Value::from("x\rNachgereicht bis: nie");
    let shown = Content::from_exact_json(&example).unwrap().to_string();
    assert!(shown.contains("x\n  Nachgereicht bis: nie"), "{shown}");
}

#[test]
fn every_enum_value_has_a_german_name() {
    for kind in MessageKind::all() {
        if is_shown_otherwise(kind) {
            continue;
        }
        for field in kind.fields() {
            assert!(!field.label.is_empty() && !field.meaning.is_empty(), "{}", field.path);
            for (value, name) in field.values {
                assert!(words::word(&value).is_some_and(|word| word == name), "{value}");
            }
        }
    }
}

#[test]
fn a_kind_holds_its_own_contents_and_no_others() {
    let contents: Vec<Content> = MessageKind::all().iter().map(example).collect();
    for kind in MessageKind::all() {
        for content in &contents {
            let fits = kind.contents.contains(&content.content_type().unwrap());
            let checked = kinds::check(kind.code, content);
            assert_eq!(checked.is_ok(), fits, "{}: {content:?}", kind.code);
            if let Err(error) = checked {
                let text = error.to_string();
                assert!(text.contains(kind.code) && text.contains(kind.contents[0]), "{text}");
            }
        }
    }
    assert!(kinds::check("kind.of-a-newer-catalogue", &contents[0]).is_ok());
}

#[test]
fn every_message_that_a_content_can_hold_belongs_to_a_kind() {
    for arm in schema::arms() {
        let used = MessageKind::all().iter().any(|kind| kind.contents.contains(&arm.name()));
        assert!(used, "{} belongs to no kind", arm.name());
    }
    let mut codes: Vec<_> = MessageKind::all().iter().map(|kind| kind.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), MessageKind::all().len(), "a code twice");
}

#[test]
fn attachments_that_a_content_names_must_be_attached() {
    let mut json = MessageKind::find("unterlagen.supply").unwrap().example_json().unwrap();
    json.as_object_mut().unwrap().remove("attachments");
    let error = Content::from_exact_json(&json).unwrap_err().to_string();
    assert!(error.contains("documents[0].attachment_id"), "{error}");
    assert!(error.contains("naming an attachment of this message"), "{error}");
    let supply = MessageKind::find("unterlagen.supply").unwrap().example().unwrap();
    let twice = [supply.attachments(), supply.attachments()].concat();
    let error = supply.with_attachments(twice).unwrap_err().to_string();
    assert!(error.contains("each attachment once"), "{error}");
}

#[test]
fn what_is_shown_to_be_copied_names_no_attachment_and_can_be_sent() {
    for kind in MessageKind::all() {
        let example = kind.sendable_example_json().unwrap();
        let content = Content::from_exact_json(&example).unwrap_or_else(|error| {
            panic!("{}: {error}", kind.code);
        });
        assert!(content.attachments().is_empty(), "{}", kind.code);
        kinds::check(kind.code, &content).unwrap();
    }
}
