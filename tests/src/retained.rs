//! Which records an erasure takes is said three times, by independent programs: the broker, the verifier of the
//! SDK, and the one in Python. This reads their sources and compares the lists.

use std::collections::BTreeSet;

use schleuse_proto::v1::RecordType;

use crate::broker::repository;

/// What stands in a file between two words, the first of them from the first place on.
fn between(path: &str, begin: &str, end: &str) -> String {
    let text = std::fs::read_to_string(repository().join(path)).unwrap();
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{path}: no {begin}"));
    rest.split_once(end).unwrap_or_else(|| panic!("{path}: no {end}")).0.to_owned()
}

/// Types that Rust code names.
fn in_rust(code: &str) -> BTreeSet<i32> {
    let names = code.split("RecordType::").skip(1).map(|rest| {
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        let word = |letter: char| match letter {
            'A'..='Z' => format!("_{letter}"),
            _ => letter.to_ascii_uppercase().to_string(),
        };
        number(&format!("RECORD_TYPE{}", name.chars().map(word).collect::<String>()))
    });
    names.collect()
}

/// Types that Python code names.
fn in_python(code: &str) -> BTreeSet<i32> {
    let code = code.replace(" MESSAGE_DECIDED", " access_log_pb2.RECORD_TYPE_MESSAGE_DECIDED");
    let names = code.split("access_log_pb2.RECORD_TYPE_").skip(1).map(|rest| {
        let is_part = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
        let name: String = rest.chars().take_while(is_part).collect();
        number(&format!("RECORD_TYPE_{name}"))
    });
    names.collect()
}

fn number(name: &str) -> i32 {
    RecordType::from_str_name(name).unwrap_or_else(|| panic!("no {name}")).into()
}

#[test]
fn the_broker_and_both_verifiers_agree_on_what_an_erasure_takes() {
    const SDK: &str = "client-sdk/src/log/verify/erased.rs";
    const PYTHON: &str = "tests/interop/verify.py";
    let broker = between("broker/src/engine/erasure.rs", "let types = [", "];");
    let broker = in_rust(&broker);
    assert!(broker.len() > 10, "{broker:?}");
    assert_eq!(in_rust(&between(SDK, "const RETAINED", "];")), broker);
    assert_eq!(in_python(&between(PYTHON, "    RETENTION: {", "},")), broker);
    let about_nobody = in_rust(&between(SDK, "const ABOUT_NOBODY", "];"));
    assert!(about_nobody.len() > 9, "{about_nobody:?}");
    let python = between(PYTHON, "    PARTICIPANT: set(access_log_pb2.RecordType.values())", "},");
    assert_eq!(in_python(&python), about_nobody);
}
