//! Every kind of the catalogue has a schema and an example in the SDK, and vice versa. The examples as
//! files for an implementation in another language, and the check of what it made of them.

use std::path::Path;

use schleuse_client::{Content, MessageKind};

/// A field of a newer minor version: number 1000, with a text.
const NEWER_FIELD: &[u8] = &[0xc2, 0x3e, 0x03, b'n', b'e', b'u'];
/// Schema version 1.9 after a content: the last one counts.
const VERSION_1_9: &[u8] = &[0xc2, 0x0c, 0x04, 0x08, 0x01, 0x10, 0x09];
/// Schema version 2.0.
const VERSION_2_0: &[u8] = &[0xc2, 0x0c, 0x02, 0x08, 0x02];

/// Writes `<code>.json` and `<code>.bin` of an example of every kind, and contents of other versions:
/// `newer-field`, `newer-kind` (passed on) and `other-major.bin` (refused). Returns how many kinds.
///
/// # Panics
/// A file cannot be written.
pub fn write(folder: &Path) -> usize {
    std::fs::create_dir_all(folder).unwrap();
    for kind in MessageKind::all() {
        write_content(folder, kind.code, &kind.example().unwrap());
    }
    let note = MessageKind::find("reha.note").unwrap().example().unwrap();
    let newer = [note.encode().as_ref(), NEWER_FIELD, VERSION_1_9].concat();
    write_content(folder, "newer-field", &Content::from_encoded(&newer).unwrap());
    let newer = [NEWER_FIELD, VERSION_1_9].concat();
    write_content(folder, "newer-kind", &Content::from_encoded(&newer).unwrap());
    let other = [note.encode().as_ref(), VERSION_2_0].concat();
    assert!(Content::from_encoded(&other).is_err());
    std::fs::write(folder.join("other-major.bin"), other).unwrap();
    MessageKind::all().len()
}

fn write_content(folder: &Path, name: &str, content: &Content) {
    let json = serde_json::to_string_pretty(&content.to_exact_json()).unwrap();
    std::fs::write(folder.join(format!("{name}.json")), json).unwrap();
    std::fs::write(folder.join(format!("{name}.bin")), content.encode()).unwrap();
}

/// Compares what another implementation wrote from the files of [`write()`] into `made`, under the same
/// names, with what was written. Returns the differences.
///
/// # Panics
/// A file cannot be read.
#[must_use]
pub fn compare(folder: &Path, made: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let codes = MessageKind::all().iter().map(|kind| kind.code);
    for name in codes.chain(["newer-field", "newer-kind"]) {
        let read = |folder: &Path, ending: &str| {
            let path = folder.join(format!("{name}.{ending}"));
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let (bytes, json) = (read(made, "bin"), read(made, "json"));
        let ours = Content::from_encoded(&read(folder, "bin")).unwrap();
        let theirs = Content::from_encoded(&bytes);
        if ours.raw().is_none() && bytes != read(folder, "bin") {
            wrong.push(format!("{name}: other bytes"));
        }
        // Of a newer version the bytes may come in another order: what they say must be the same.
        match theirs {
            Ok(theirs) if theirs.message() == ours.message() && keeps(&theirs) => {}
            other => wrong.push(format!("{name}: reads as {other:?}")),
        }
        let json = serde_json::from_slice(&json).map(|json| Content::from_exact_json(&json));
        match json {
            Ok(Ok(theirs)) if theirs == ours => {}
            other => wrong.push(format!("{name}: JSON reads as {other:?}")),
        }
    }
    wrong
}

/// Whether a content of a newer version still has what is not known here.
fn keeps(content: &Content) -> bool {
    let holds = |raw: &[u8]| raw.windows(NEWER_FIELD.len()).any(|bytes| bytes == NEWER_FIELD);
    content.raw().is_none_or(|raw| holds(raw))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::broker::repository;

    #[test]
    fn every_kind_of_the_catalogue_has_a_schema_and_an_example_and_vice_versa() {
        let text = std::fs::read_to_string(repository().join("ops/reference/catalogue.toml"));
        let catalogue: toml::Table = text.unwrap().parse().unwrap();
        let texts = |value: &toml::Value| -> BTreeSet<String> {
            value.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
        };
        let listed: BTreeMap<String, (String, BTreeSet<String>)> = catalogue["kind"]
            .as_table()
            .unwrap()
            .iter()
            .map(|(code, kind)| {
                let name = kind["name"].as_str().unwrap().to_owned();
                (code.clone(), (name, texts(&kind["purposes"])))
            })
            .collect();
        let known: BTreeMap<String, (String, BTreeSet<String>)> = MessageKind::all()
            .iter()
            .map(|kind| {
                assert!(kind.example().is_ok(), "{}", kind.code);
                let purposes = kind.purposes.iter().map(|code| (*code).to_owned()).collect();
                (kind.code.to_owned(), (kind.name.to_owned(), purposes))
            })
            .collect();
        assert_eq!(known, listed, "left: the SDK, right: the catalogue");
    }

    #[test]
    fn what_is_written_for_others_compares_equal_with_itself() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write(folder.path()), MessageKind::all().len());
        assert_eq!(compare(folder.path(), folder.path()), Vec::<String>::new());
        let path = folder.path().join("reha.status.bin");
        let mut changed = std::fs::read(&path).unwrap();
        let made = tempfile::tempdir().unwrap();
        write(made.path());
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(made.path().join("reha.status.bin"), changed).unwrap();
        assert!(!compare(folder.path(), made.path()).is_empty());
    }
}
