//! The demonstration case: five agencies, a Lotse and a data-protection officer, each a process of
//! its own with its own certificate, over a real broker. Every claim of the transcript is checked;
//! the first one that does not hold ends the program.

mod parties;
mod rights;
mod scenes;

use std::io::Write as _;
use std::path::Path;

use crate::broker::{BrokerProcess, program, write_config};
use parties::Stage;

/// Plays the whole case in a folder.
pub fn play(folder: &Path, stay: bool) {
    let _absent = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let folder = folder.canonicalize().unwrap();
    say("Schleuse: the case of Gerhard W. (fictional)\n");
    say("1. Keys and certificates");
    let made = std::process::Command::new(program("schleuse-certs-dev"))
        .args(["generate", "--out"])
        .arg(folder.join("pki"))
        .output()
        .unwrap();
    claim(
        "each agency, the Lotse and the officer has a certificate of its own",
        made.status.success(),
    );
    let config = write_config(&folder, &folder.join("pki"), "");
    let broker = BrokerProcess::start(&folder).unwrap();
    claim(&format!("the broker listens on {} with its embedded store", broker.address), true);
    let stage = Stage::new(&folder, broker.address);
    scenes::directory(&stage);
    let case = scenes::consents(&stage);
    scenes::introductions(&stage, &case);
    let conference = scenes::invitations(&stage, &case);
    scenes::answers(&stage, &case, &conference);
    scenes::revocation(&stage, &case);
    let export = scenes::officer(&stage);
    if stay {
        return scenes::stay(&stage, &config, broker);
    }
    rights::papers(&stage, &case);
    rights::erasure(&stage, &case);
    claim("the broker drains and stops", broker.terminate() == Some(0));
    scenes::offline(&stage, &config, &export);
    say("\nEvery claim above was checked.");
}

/// One line of the transcript.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{text}").unwrap();
    out.flush().unwrap();
}

/// A checked claim.
pub(crate) fn claim(text: &str, holds: bool) {
    say(&format!("   {} {text}", if holds { "✓" } else { "✗" }));
    assert!(holds, "not true: {text}");
}
