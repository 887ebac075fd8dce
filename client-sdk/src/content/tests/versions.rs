//! Versions of the schema: newer minor ones are passed on unchanged, other major ones refused. And:
//! whatever arrives, nothing panics.

use proptest::prelude::*;
use schleuse_proto::Message as _;
use schleuse_proto::v1;
use serde_json::Value;

use super::super::kinds::{self, MessageKind};
use super::super::{Content, ContentError, pad};

/// Field 1000 of a content, length-delimited: a kind or a field of a newer version.
const NEWER_FIELD: &[u8] = &[0xc2, 0x3e, 0x03, b'n', b'e', b'u'];

fn of_version(major: u32, minor: u32, content: Option<v1::content::Content>) -> Vec<u8> {
    let schema_version = Some(v1::SchemaVersion { major, minor });
    let mut content = v1::Content { schema_version, content, ..Default::default() };
    content.subject = "Zum Gespräch".into();
    content.encode_to_vec()
}

fn text() -> Option<v1::content::Content> {
    let (subject, body) = ("Termin".to_owned(), "Dienstag".to_owned());
    Some(v1::PlainText { subject, body }.into())
}

fn passed_on(encoded: &[u8]) -> Content {
    let content = Content::from_plaintext(&pad(encoded).unwrap()).unwrap();
    assert_eq!(content.encode().as_ref(), encoded, "its bytes are kept");
    assert_eq!(content.to_plaintext().unwrap(), pad(encoded).unwrap());
    assert_eq!(content.raw().unwrap().as_ref(), encoded);
    let json = content.to_exact_json();
    assert!(json["@raw"].is_string(), "{json}");
    assert_eq!(Content::from_exact_json(&json).unwrap(), content, "JSON keeps them too");
    assert_eq!(content.to_json()["envelope"]["has_more"], true);
    assert!(content.to_string().contains("kann mehr enthalten"), "{content}");
    assert!(content.rebuild().is_err(), "rebuilding would lose what is not known");
    content
}

#[test]
fn an_unknown_field_of_a_newer_minor_version_is_passed_on() {
    let encoded = [of_version(1, 7, text()).as_slice(), NEWER_FIELD].concat();
    let content = passed_on(&encoded);
    assert_eq!(content.schema_version(), (1, 7));
    assert_eq!(content.subject(), "Zum Gespräch");
    assert!(content.to_string().contains("Dienstag"), "what is known is shown: {content}");
    assert!(kinds::check("reha.note", &content).is_ok());
    assert!(kinds::check("reha.status", &content).is_err(), "a foreign content stays foreign");
}

#[test]
fn an_unknown_kind_of_a_newer_minor_version_is_passed_on() {
    let encoded = [of_version(1, 1, None).as_slice(), NEWER_FIELD].concat();
    let content = passed_on(&encoded);
    assert_eq!((content.kind(), content.content_type()), (None, None));
    assert!(content.to_string().contains("nicht kennt"), "{content}");
    assert!(kinds::check("kind.of-a-newer-catalogue", &content).is_ok());
}

#[test]
fn an_unknown_value_below_is_passed_on_and_shown_as_such() {
    let ask = v1::ZustaendigkeitAsk { benefit: 99, question: "Wer?".into(), ..Default::default() };
    let content = passed_on(&of_version(1, 1, Some(ask.clone().into())));
    assert!(content.to_string().contains("Wert 99"), "{content}");
    let error = Content::from_encoded(&of_version(1, 0, Some(ask.into()))).unwrap_err().to_string();
    assert!(error.starts_with("zustaendigkeit_ask.benefit: expected a known value"), "{error}");
}

#[test]
fn an_unknown_code_of_a_fallkonferenz_is_passed_on_and_shown_as_its_number() {
    let conference_id = bytes::Bytes::from_static(&[7; 16]);
    let date = v1::ProposedDate { starts_at_ms: 1_790_000_000_000, minutes: 60 };
    let answer = |reply| v1::FallkonferenzAnswer {
        conference_id: conference_id.clone(),
        reply,
        ..Default::default()
    };
    let decline = |reason| v1::FallkonferenzDecline {
        conference_id: conference_id.clone(),
        reason,
        ..Default::default()
    };
    let moved = |reason| v1::FallkonferenzMove {
        conference_id: conference_id.clone(),
        sequence: 1,
        dates: vec![date],
        reason,
        place: "Raum 3".into(),
        answer_by_ms: 0,
    };
    let cancel = |reason| v1::FallkonferenzCancel {
        conference_id: conference_id.clone(),
        sequence: 1,
        reason,
    };
    type With<'a> = &'a dyn Fn(i32) -> v1::content::Content;
    let all: [(&str, With<'_>); 4] = [
        ("reply", &|code| answer(code).into()),
        ("reason", &|code| decline(code).into()),
        ("reason", &|code| moved(code).into()),
        ("reason", &|code| cancel(code).into()),
    ];
    for (field, with) in all {
        let content = passed_on(&of_version(1, 1, Some(with(99))));
        assert_eq!(content.to_json()[field], 99);
        assert!(content.to_string().contains("Wert 99, den"), "{content}");
        for (minor, code) in [(0, 99), (0, 0), (1, 0)] {
            let refused = Content::from_encoded(&of_version(1, minor, Some(with(code))));
            assert!(
                matches!(&refused, Err(ContentError::Field { field: named, .. }) if named == field),
                "{field} {code} of 1.{minor}: {refused:?}"
            );
        }
    }
}

#[test]
fn bounds_of_known_fields_hold_in_newer_versions_too() {
    let long =
        v1::ZustaendigkeitAsk { benefit: 1, question: "x".repeat(4001), ..Default::default() };
    assert!(matches!(
        Content::from_encoded(&of_version(1, 1, Some(long.into()))),
        Err(ContentError::Field { .. })
    ));
}

#[test]
fn another_major_version_is_refused_with_what_to_do() {
    for (major, minor) in [(2, 0), (0, 0), (u32::MAX, 3)] {
        let encoded = of_version(major, minor, text());
        let error = Content::from_plaintext(&pad(&encoded).unwrap()).unwrap_err();
        assert_eq!(error, ContentError::UnknownMajor { major, minor });
        assert!(error.to_string().contains("install a newer version"), "{error}");
    }
    // Laid out in another way: what was a text is a number.
    let version = v1::SchemaVersion { major: 2, minor: 0 };
    let other = v1::ContentVersion { schema_version: Some(version) }.encode_to_vec();
    let other = [&[0x08, 0x01], other.as_slice()].concat();
    assert_eq!(
        Content::from_encoded(&other),
        Err(ContentError::UnknownMajor { major: 2, minor: 0 })
    );
}

#[test]
fn of_a_known_version_everything_must_be_known() {
    let encoded = [of_version(1, 0, text()).as_slice(), NEWER_FIELD].concat();
    assert_eq!(Content::from_encoded(&encoded), Err(ContentError::NotOfItsVersion { minor: 0 }));
    let encoded = [of_version(1, 0, None).as_slice(), NEWER_FIELD].concat();
    assert_eq!(Content::from_encoded(&encoded), Err(ContentError::Unreadable));
    // A field that a message below does not have: number 100 of the text.
    let below = [0x0a, 0x03, 0xa0, 0x06, 0x01];
    assert_eq!(Content::from_encoded(&below), Err(ContentError::NotOfItsVersion { minor: 0 }));
}

#[test]
fn contents_without_a_version_are_of_the_first_one() {
    let content = v1::Content { content: text(), ..Default::default() };
    let read = Content::from_encoded(&content.encode_to_vec()).unwrap();
    assert_eq!((read.schema_version(), read.raw()), ((1, 0), None));
    assert_eq!(read.encode().as_ref(), content.encode_to_vec());
}

#[test]
fn raw_bytes_that_differ_from_the_rest_of_the_json_are_refused() {
    let encoded = [of_version(1, 7, text()).as_slice(), NEWER_FIELD].concat();
    let mut json = Content::from_encoded(&encoded).unwrap().to_exact_json();
    json["text"]["body"] = "Mittwoch".into();
    let error = Content::from_exact_json(&json).unwrap_err().to_string();
    assert!(error.contains("@raw"), "{error}");
    for wrong in [Value::Null, "***".into(), "".into()] {
        json["@raw"] = wrong;
        assert!(Content::from_exact_json(&json).is_err());
    }
}

/// Whatever is accepted can be shown, written and read again.
fn use_it(content: &Content) {
    let shown = content.to_string();
    assert!(!shown.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')));
    let _view = content.to_json();
    let again = Content::from_exact_json(&content.to_exact_json()).unwrap();
    // Without a version it was of the first one, and now says so.
    let versioned = content.message().schema_version.is_some();
    assert_eq!(again == *content, versioned, "{content:?}");
    assert_eq!(&Content::from_encoded(&content.encode()).unwrap(), content);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _refused = Content::from_plaintext(&bytes);
        if let Ok(content) = Content::from_encoded(&bytes) {
            use_it(&content);
        }
        let newer = [bytes.as_slice(), &[0xc2, 0x0c, 0x04, 0x08, 0x01, 0x10, 0x09]].concat();
        if let Ok(content) = Content::from_encoded(&newer) {
            use_it(&content);
        }
    }

    #[test]
    fn changed_examples_never_panic(
        kind in 0..MessageKind::all().len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        newer in any::<bool>(),
    ) {
        let mut bytes = MessageKind::all()[kind].example().unwrap().encode().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if newer {
            bytes.extend([0xc2, 0x0c, 0x04, 0x08, 0x01, 0x10, 0x09]);
        }
        if let Ok(content) = Content::from_encoded(&bytes) {
            use_it(&content);
        }
    }

    #[test]
    fn changed_json_never_panics(
        kind in 0..MessageKind::all().len(),
        at in any::<prop::sample::Index>(),
        byte in 0x20u8..0x7f,
    ) {
        let mut text = MessageKind::all()[kind].example_json().unwrap().to_string().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(value) = serde_json::from_slice::<Value>(&text)
            && let Ok(content) = Content::from_exact_json(&value)
        {
            use_it(&content);
        }
    }
}
