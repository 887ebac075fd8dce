//! Rules about the tree itself: imports run one way, files stay readable, modules say what they are,
//! words come from the glossary, no keys and no ignored tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::broker::repository;

/// Longest file in lines, tests not counted.
const LINES_MAX: usize = 800;
/// Nine of ten files are at most this long.
const LINES_USUAL: usize = 500;

/// Modules of the broker from the top; each may use only those behind it.
const LAYERS: [&str; 10] = [
    "operations",
    "server",
    "config",
    "edge",
    "engine",
    "witness",
    "record",
    "index",
    "journal",
    "domain",
];

fn tracked() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(listed.status.success());
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines().map(|line| repository().join(line)).filter(|path| path.is_file()).collect()
}

fn rust_files() -> Vec<(PathBuf, String)> {
    tracked()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap().display().to_string()
}

#[test]
fn imports_inside_the_broker_run_one_way() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        let name = relative(&path);
        let Some(inside) = name.strip_prefix("broker/src/") else { continue };
        let module = inside.split(['/', '.']).next().unwrap();
        let Some(layer) = LAYERS.iter().position(|layer| *layer == module) else { continue };
        for (above, other) in LAYERS.iter().enumerate() {
            if above < layer && text.contains(&format!("crate::{other}::")) {
                wrong.push(format!("{name} uses {other}"));
            }
        }
        let foreign: &[&str] = match module {
            "domain" => &["tonic", "rustls", "tokio", "sled", "std::fs", "std::net", "ring::rand"],
            "journal" | "index" | "record" => &["tonic", "rustls", "tokio"],
            "engine" | "witness" => &["tonic", "rustls"],
            _ => &[],
        };
        for word in foreign {
            let used = format!("use {word}");
            if text.lines().any(|line| line.trim_start().starts_with(&used)) {
                wrong.push(format!("{name} uses {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_use_only_what_the_layout_allows() {
    let allowed: [(&str, &[&str]); 6] = [
        ("proto", &[]),
        ("certs-dev", &[]),
        ("broker", &["schleuse-client", "schleuse-console", "schleuse-proto"]),
        ("client-sdk", &["schleuse-proto"]),
        ("client-sdk/cli", &["schleuse-client", "schleuse-console", "schleuse-proto"]),
        ("client-sdk/console", &["schleuse-client", "schleuse-proto"]),
    ];
    for (folder, allowed) in allowed {
        let manifest =
            std::fs::read_to_string(repository().join(folder).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let used = manifest["dependencies"].as_table().unwrap().keys();
        let ours: Vec<&str> =
            used.map(String::as_str).filter(|name| name.starts_with("schleuse-")).collect();
        assert_eq!(ours, allowed, "{folder}");
    }
}

#[test]
fn files_are_of_a_readable_size() {
    let mut lengths = Vec::new();
    for (path, text) in rust_files() {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        lengths.push((code.lines().count(), relative(&path)));
    }
    lengths.sort();
    let (longest, name) = lengths.last().unwrap();
    assert!(*longest <= LINES_MAX, "{name} has {longest} lines");
    let (usual, name) = &lengths[lengths.len() * 9 / 10];
    assert!(*usual <= LINES_USUAL, "one file in ten is longer than {LINES_USUAL}: {name}");
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<String> = rust_files()
        .iter()
        .filter(|(_, text)| !text.starts_with("//!") && !text.starts_with("#!["))
        .map(|(path, _)| relative(path))
        .collect();
    assert!(silent.is_empty(), "without module documentation: {silent:#?}");
}

#[test]
fn no_test_is_ignored_and_no_test_sleeps() {
    let ignored = concat!("#[", "ignore");
    let sleeps = [concat!("thread::", "sleep("), concat!("time::", "sleep(")];
    for (path, text) in rust_files() {
        let name = relative(&path);
        assert!(!text.contains(ignored), "{name} ignores a test");
        // Programs pace themselves; their tests do not. The kill campaign waits for a random moment.
        let is_program = ["broker/src/", "client-sdk/"].iter().any(|p| name.starts_with(p));
        let tests = match text.split_once("#[cfg(test)]\nmod tests") {
            Some((_, tests)) => tests,
            None if is_program || name == "tests/src/kill.rs" => "",
            None => text.as_str(),
        };
        assert!(!sleeps.iter().any(|s| tests.contains(s)), "{name} sleeps");
    }
}

#[test]
fn nothing_secret_and_no_place_of_one_machine_is_in_git() {
    let marks = [
        concat!("BEGIN ", "PRIVATE KEY"),
        concat!("BEGIN EC ", "PRIVATE KEY"),
        concat!("BEGIN RSA ", "PRIVATE KEY"),
        concat!("/ho", "me/"),
        concat!("/wo", "rk/"),
    ];
    for path in tracked() {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for mark in marks {
            assert!(!text.contains(mark), "{} contains {mark}", relative(&path));
        }
    }
}

/// Synonyms that the glossary bans do not occur in code, schemas and documents.
#[test]
fn words_come_from_the_glossary() {
    let glossary = std::fs::read_to_string(repository().join("proto/GLOSSARY.md")).unwrap();
    let rows = glossary.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    let banned: Vec<String> = rows
        .skip(1)
        .filter_map(|row| row.split('|').nth(5))
        .flat_map(|cell| cell.split(',').map(|word| word.trim().to_lowercase()))
        .filter(|word| !word.is_empty() && word != "–")
        .collect();
    assert!(banned.len() >= 20, "the glossary bans {banned:?}");
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        let name = relative(&path);
        for (number, line) in text.lines().enumerate() {
            // What others call their own things.
            if line.starts_with("use axum::") {
                continue;
            }
            let line = line.to_lowercase();
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            for word in words {
                if banned.iter().any(|banned| banned == word) {
                    wrong.push(format!("{name}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The commands of the README exist and are executable.
#[test]
fn the_readme_names_entry_points_that_exist() {
    use std::os::unix::fs::PermissionsExt;
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    for command in ["ops/demo", "ops/test"] {
        assert!(readme.contains(command));
        let mode = std::fs::metadata(repository().join(command)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{command} is executable");
    }
    let top: Vec<String> =
        tracked().iter().map(|path| relative(path).split('/').next().unwrap().to_owned()).collect();
    let known = [
        ".ci",
        ".clippy.toml",
        ".gitignore",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "broker",
        "certs-dev",
        "client-sdk",
        "deny.toml",
        "ops",
        "proto",
        "rust-toolchain.toml",
        "rustfmt.toml",
        "tests",
    ];
    for name in top {
        assert!(known.contains(&name.as_str()), "{name} does not belong at the top");
    }
}
