//! The last scenes: what the participant gets to read, and what happens when everything is to be forgotten.

use serde_json::Value;

use super::parties::{BEZIRK, LOTSE, OFFICER, Stage, text};
use super::scenes::{self, Case};
use super::{claim, say};
use crate::broker::repository;

/// Papers for the participant.
pub(super) fn papers(stage: &Stage, case: &Case) {
    say("\n9. What the participant gets to read");
    let catalogue = repository().join("ops/reference/catalogue.toml").display().to_string();
    let (participant, letter) = (case.participant(), stage.file("einwilligung.txt"));
    let consents = stage.ask(LOTSE, &["lotse", "consent", "list", "--participant", participant]);
    let active = consents.as_array().unwrap().iter().find(|one| one["state"] == "active");
    let consent = text(active.unwrap(), "consent");
    let (page, fields) = (stage.file("beleg.html"), stage.file("beleg.json"));
    let receipt = [
        "lotse",
        "consent",
        "receipt",
        "--participant",
        participant,
        "--consent",
        &consent,
        "--out",
        &page,
        "--receipt-json",
        &fields,
        "--catalogue",
        &catalogue,
        "--text",
        &letter,
    ];
    let receipt = stage.ask(LOTSE, &receipt);
    let code = text(&receipt, "check_code");
    let page = std::fs::read_to_string(page).unwrap();
    claim(
        "the receipt of a consent says in German who may tell whom what, with the text that was signed",
        page.contains("Fallkonferenz")
            && page.contains("jederzeit widerrufen")
            && page.contains(&code),
    );
    let checked = ["lotse", "consent", "check-code", "--participant", participant, &code];
    let checked = stage.ask(LOTSE, &checked);
    claim("the code on the receipt finds the consent", text(&checked, "consent") == consent);
    let (page, proofs) = (stage.file("auskunft.html"), stage.file("auskunft.json"));
    let report = [
        "lotse",
        "report",
        "--participant",
        participant,
        "--reason",
        "Auskunft nach Art. 15",
        "--out",
        &page,
        "--proofs",
        &proofs,
        "--catalogue",
        &catalogue,
        "--text",
        &letter,
    ];
    stage.ask(LOTSE, &report);
    let page = std::fs::read_to_string(page).unwrap();
    claim(
        "the report for the participant shows who received what, and that a consent was revoked",
        page.contains("Bezirk") || page.contains("bezirk-oberpfalz"),
    );
    claim("it has no script in it", !page.contains("<script"));
    let verified = stage.ask(LOTSE, &["verify", &proofs]);
    claim("and its proofs verify without the broker", verified["sound"] == true);
}

/// Restriction, and erasure for good.
pub(super) fn erasure(stage: &Stage, case: &Case) {
    say("\n10. Restriction and erasure");
    let participant = case.participant();
    stage.ask(LOTSE, &["lotse", "participant", "restrict", "--participant", participant]);
    let refused = send(stage, case);
    claim("while processing is restricted nothing passes (exit code 3)", refused == Some(3));
    stage.ask(LOTSE, &["lotse", "participant", "restrict", "--participant", participant, "--end"]);
    claim("afterwards it passes again", send(stage, case) == Some(0));

    let whole = stage.file("whole.json");
    let log = |reason: &str, file: &str| {
        stage.ask(
            OFFICER,
            &["dpo", "log", "--reason", reason, "--max-rows", "100000", "--export", file],
        )
    };
    let rows = log("before the erasure", &whole);
    let about = rows["rows"].as_array().unwrap().iter().find_map(|row| row["participant"].as_str());
    let about = about.unwrap().to_owned();
    let plan = stage.ask(OFFICER, &["dpo", "erase", "--participant", &about, "--dry-run"]);
    let erased = stage.ask(OFFICER, &["dpo", "erase", "--participant", &about, "--yes"]);
    let (planned, records) =
        (plan["records"].as_u64().unwrap(), erased["records"].as_u64().unwrap());
    claim(
        &format!("the officer sees what an erasure takes before it happens: {records} records"),
        planned > 50 && records > planned,
    );
    let listed = stage.ask(LOTSE, &["lotse", "participant", "list"]);
    claim("the participant is gone", listed.as_array().is_some_and(Vec::is_empty));
    claim("and as unknown as one that never was (exit code 3)", send(stage, case) == Some(3));
    let after = stage.file("after.json");
    let rows = log("after the erasure", &after);
    let gone = |row: &&Value| row["erased"] == true;
    let gone = rows["rows"].as_array().unwrap().iter().filter(gone).count() as u64;
    claim("of its records only the bones are left", gone == records);
    for (file, when) in [(&whole, "before"), (&after, "after")] {
        let verified = stage.ask(OFFICER, &["verify", file, "--complete"]);
        let what = format!("the whole log of {when} the erasure verifies, no record is left out");
        claim(&what, verified["sound"] == true);
    }
}

/// Sends a note under the conference's consent; returns the exit code.
fn send(stage: &Stage, case: &Case) -> Option<i32> {
    let note = stage.write("note.txt", "Bitte um Rückruf.\n");
    scenes::send(stage, case, BEZIRK, "termine", ["--file", &note]).status.code()
}
