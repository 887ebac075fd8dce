//! The demonstration: both cases of the source document, the first over its full 24 months. Agencies, Lotsen, a
//! data-protection officer and the evaluation are processes of their own with their own certificates, over a real
//! broker, on a simulated clock. Every claim of the transcript is checked; the first one that does not hold ends
//! the program.

mod acts;
mod ayse;
mod clock;
mod control;
mod gerhard;
mod parties;
mod rights;
mod setting;

use std::io::Write as _;
use std::path::Path;

use parties::Stage;

/// Plays both cases in a folder.
pub fn play(folder: &Path, stay: bool) {
    let _absent = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let folder = folder.canonicalize().unwrap();
    say("Schleuse: the cases of Gerhard W. and Ayse A. (fictional), January 2027 to January 2029");
    let stage = setting::build(&folder);
    let gerhard = gerhard::first_months(&stage);
    let ayse = ayse::first_months(&stage);
    gerhard::rehabilitation(&stage, &gerhard);
    ayse::autumn(&stage, &ayse);
    gerhard::second_year(&stage, &gerhard);
    ayse::leaves(&stage, &ayse);
    gerhard::handed_over(&stage, &gerhard);
    rights::papers(&stage, &gerhard);
    gerhard::ended(&stage, &gerhard);
    let export = control::officer(&stage);
    control::evaluation(&stage);
    if stay {
        return control::stay(&stage);
    }
    rights::erasure(&stage, &ayse);
    claim("the broker drains and stops", stage.close() == Some(0));
    control::offline(&stage, &export);
    say("\nEvery claim above was checked.");
}

/// A chapter of the story, on its day.
fn chapter(stage: &Stage, begins_at: &str, title: &str) {
    stage.wait_until(begins_at);
    let (day, _) = begins_at.split_once('T').unwrap();
    say(&format!("\n{day}  {title}"));
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
