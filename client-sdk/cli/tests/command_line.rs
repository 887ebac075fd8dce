//! The program `schleuse` from outside: exit codes and what it says when it cannot even connect.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use schleuse_certs_dev::{Plan, generate};
use schleuse_client::{Clock as _, SystemClock};

fn schleuse(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_schleuse")).env_clear().args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn installation(folder: &Path) {
    let now_ms = u64::try_from(SystemClock.now_ms()).unwrap();
    generate(&Plan::demonstration(now_ms), folder).unwrap();
}

#[test]
fn help_is_no_error_and_wrong_usage_is_two() {
    assert_eq!(schleuse(&["--help"]).status.code(), Some(0));
    assert_eq!(schleuse(&["agency", "send", "--help"]).status.code(), Some(0));
    assert_eq!(schleuse(&["agency", "send"]).status.code(), Some(2));
    assert_eq!(schleuse(&["nothing"]).status.code(), Some(2));
}

#[test]
fn a_key_that_others_may_read_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    installation(&pki);
    let stem = pki.join("agencies/drv-bayern-sued/system");
    let key = stem.with_extension("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = schleuse(&[
        "directory",
        "list",
        "--trust",
        pki.join("trust.toml").to_str().unwrap(),
        "--certificate",
        stem.with_extension("pem").to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("system.key") && said.contains("chmod 600"), "{said}");
}

#[test]
fn a_broker_that_is_not_there_is_a_failure_with_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    installation(&pki);
    // A port that was free a moment ago and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("https://127.0.0.1:{port}");
    let stem = pki.join("agencies/drv-bayern-sued/system");
    let output = schleuse(&[
        "directory",
        "list",
        "--json",
        "--endpoint",
        &endpoint,
        "--trust",
        pki.join("trust.toml").to_str().unwrap(),
        "--certificate",
        stem.with_extension("pem").to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["alarm"], false);
    assert_eq!(answer["retryable"], true);
    assert!(answer["error"].as_str().unwrap().contains(&port.to_string()));
}

#[test]
fn a_file_that_calls_itself_an_export_and_is_none_is_an_alarm_and_another_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.json");
    let path = file.clone();
    let file = file.to_str().unwrap();
    for (text, code) in [
        ("{}", 1),
        ("Ein Brief.", 1),
        ("{\"format\": \"schleuse-evidence-1\"}", 4),
        ("{\"format\": \"schleuse-log-export-1\", \"rows\": 3}", 4),
    ] {
        std::fs::write(&path, text).unwrap();
        let output = schleuse(&["verify", file, "--log-key", "x"]);
        assert_eq!(output.status.code(), Some(code), "{text}: {output:?}");
    }
    assert_eq!(schleuse(&["verify", file]).status.code(), Some(1), "no key to check against");
}

#[test]
fn a_witness_gets_a_key_serves_until_it_is_told_to_stop_and_shows_its_state() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    installation(&pki);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, state, trust) = (path("witness.key"), path("state"), path("pki/trust.toml"));
    let name = "dpo.example/witness";
    let made = schleuse(&["witness", "keygen", "--name", name, "--out", &key]);
    assert_eq!(made.status.code(), Some(0));
    let public = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(public.starts_with("dpo.example/witness+"), "{public}");
    let again = schleuse(&["witness", "keygen", "--name", name, "--out", &key]);
    assert_eq!(again.status.code(), Some(1), "a key is not overwritten");
    let (common, listen) = (["--trust", &trust, "--state", &state], "127.0.0.1:0");
    let serve = ["witness", "serve", "--json", "--listen", listen, "--name", name, "--key", &key];
    let mut child = Command::new(env!("CARGO_BIN_EXE_schleuse"))
        .env_clear()
        .args(serve.iter().chain(&common))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["key"], public);
    let mut stream = TcpStream::connect(said["listen"].as_str().unwrap()).unwrap();
    stream.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("no checkpoint"), "{answer}");
    let second = schleuse(&[&serve[..], &common].concat());
    assert_eq!(second.status.code(), Some(1), "one process for one folder");
    let told = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(told.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let shown = schleuse(&[&["witness", "status"], &common[..]].concat());
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains(&public) && shown.contains("no checkpoint yet"), "{shown}");
}

#[test]
fn kinds_are_listed_and_shown_without_a_broker() {
    let listed = schleuse(&["agency", "kinds"]);
    assert_eq!(listed.status.code(), Some(0));
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.contains("zustaendigkeit.ask") && text.contains("every purpose"), "{text}");
    let shown = schleuse(&["agency", "kinds", "show", "zustaendigkeit.ask"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("zustaendigkeit_ask.question (required): Frage"), "{text}");
    assert!(text.contains("BENEFIT_GROUP_JOB_SEEKERS: Grundsicherung"), "{text}");
    let unknown = schleuse(&["agency", "kinds", "show", "zustaendigkeit.nothing"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("schleuse agency kinds"), "{}", said(&unknown));
}

#[test]
fn a_content_in_json_is_checked_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ask.json");
    let reference = "a".repeat(26);
    let send = |more: &[&str]| {
        let begin = ["agency", "send", "--participant", &reference, "--to", "drv/zentrale"];
        let rest = ["--as", "fallmanagement", "--category", "termine", "--json-content"];
        let file = [file.to_str().unwrap()];
        schleuse(&[&begin[..], &rest, &file, more].concat())
    };
    let example = |kind: &str| schleuse(&["agency", "kinds", "show", kind, "--example"]).stdout;
    std::fs::write(&file, example("zustaendigkeit.ask")).unwrap();
    let output = send(&["--kind", "zustaendigkeit.ask"]);
    assert!(said(&output).contains("--trust"), "the purpose is known: {}", said(&output));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("2026-11-30", "30.11.2026")).unwrap();
    let output = send(&["--kind", "zustaendigkeit.ask"]);
    let wrong = "zustaendigkeit_ask.answer_by: expected YYYY-MM-DD";
    assert!(said(&output).contains(wrong), "{}", said(&output));
    assert_eq!(output.status.code(), Some(1));
    std::fs::write(&file, r#"{"misdirected": {"reason": 1}}"#).unwrap();
    let output = send(&["--kind", "system.misdirected", "--purpose", "unterlagen"]);
    assert!(said(&output).contains("misdirected.message_id"), "{}", said(&output));
    let about = "0f".repeat(16);
    let output = send(&["--kind", "system.misdirected", "--about", &about]);
    assert!(said(&output).contains("--purpose, one of: fallkonferenz"), "{}", said(&output));
    let output =
        send(&["--kind", "system.misdirected", "--about", &about, "--purpose", "unterlagen"]);
    assert!(said(&output).contains("--trust"), "{}", said(&output));
}
