//! The demonstration case: five agencies, a Lotse and a data-protection officer, each a process of
//! its own with its own certificate, over a real broker. Every claim of the transcript is checked;
//! the first one that does not hold ends the program.

mod clock;
mod parties;
mod rights;
mod scenes;

use std::io::Write as _;
use std::path::Path;

use crate::broker::write_config;
use parties::Stage;

/// Plays the whole case in a folder.
pub fn play(folder: &Path, stay: bool) {
    let _absent = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let folder = folder.canonicalize().unwrap();
    say("Schleuse: the case of Gerhard W. (fictional)\n");
    say("1. Keys and certificates");
    let stage = Stage::new(&folder, BEGIN.parse().unwrap());
    claim("each agency, the Lotse and the officer has a certificate of its own", true);
    let config = write_config(&folder, &folder.join("pki"), "");
    stage.open();
    claim(&format!("the broker listens on {} with its embedded store", stage.address()), true);
    scenes::directory(&stage);
    let case = scenes::consents(&stage);
    scenes::introductions(&stage, &case);
    let conference = scenes::invitations(&stage, &case);
    scenes::answers(&stage, &case, &conference);
    scenes::revocation(&stage, &case);
    let export = scenes::officer(&stage);
    if stay {
        return scenes::stay(&stage, &config);
    }
    stage.wait_until("2027-07-01T08:00:00Z");
    rights::papers(&stage, &case);
    rights::erasure(&stage, &case);
    claim("the broker drains and stops", stage.close() == Some(0));
    scenes::offline(&stage, &config, &export);
    say("\nEvery claim above was checked.");
}

/// When the story begins. Its clock is simulated, see `clock`.
const BEGIN: &str = "2027-01-11T08:00:00Z";

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
