//! Output that nobody takes: the programs end without a panic, and say nothing about it.

use std::process::{Command, Stdio};

use crate::broker::{program, write_config};

/// As a shell reports a program that a closed pipe ended.
const PIPE_CLOSED: i32 = 141;

/// The writing end of a pipe whose reading end is closed, as behind `head` when it has seen enough.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Runs a program whose results nobody takes; returns its exit code and what it says on standard error.
fn run(name: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program(name));
    command.args(arguments).env_clear().stdout(closed());
    let output = command.stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_command_whose_results_nobody_takes_ends_quietly() {
    for arguments in [
        &["agency", "kinds"][..],
        &["--json", "agency", "kinds"],
        &["agency", "kinds", "show", "zustaendigkeit.ask"],
        &["--json", "directory", "list"],
    ] {
        let (code, said) = run("schleuse", arguments);
        assert_eq!((code, said.as_str()), (Some(PIPE_CLOSED), ""), "{arguments:?}");
    }
    // A result that somebody takes is a success, also when nobody hears the notes.
    let mut command = Command::new(program("schleuse"));
    command.args(["agency", "kinds"]).stderr(closed()).stdout(Stdio::piped());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("zustaendigkeit.ask"));
}

#[test]
fn broker_and_certificates_do_their_work_whether_or_not_anybody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pki");
    let (code, said) = run("schleuse-certs-dev", &["generate", "--out", out.to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let config = write_config(folder.path(), &out, "");
    let (code, said) =
        run("schleuse-broker", &["check-config", "--config", config.to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    // An error that nobody hears is still one.
    let mut command = Command::new(program("schleuse-broker"));
    command.args(["fsck", "--config", "/nowhere"]).stdout(closed()).stderr(closed());
    assert_eq!(command.status().unwrap().code(), Some(2));
}
