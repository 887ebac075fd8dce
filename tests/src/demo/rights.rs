//! What the participant gets to read, and what happens when everything is to be forgotten.

use serde_json::{Value, json};

use super::acts::{Case, catalogue, consents, letter};
use super::parties::{BEZIRK, LOTSE, OFFICER, SECOND_OFFICER, Stage, text};
use super::{chapter, claim};

/// Papers for the participant.
pub(super) fn papers(stage: &Stage, case: &Case) {
    chapter(stage, "2028-12-19T09:00:00Z", "What Gerhard W. gets to read");
    let (participant, catalogue) = (case.participant.as_str(), catalogue());
    let active = consents(stage, case, "active");
    let of_joining = active.iter().find(|one| one["grants"][0]["purpose"] == "zuleitung");
    let consent = text(of_joining.unwrap(), "consent");
    let letter = stage.file("einwilligung.txt");
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
        page.contains("Zuleitung") && page.contains("jederzeit widerrufen") && page.contains(&code),
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

/// Erasure for good.
pub(super) fn erasure(stage: &Stage, case: &Case) {
    chapter(stage, "2029-01-18T09:00:00Z", "Ayse A. wants everything forgotten");
    let whole = stage.file("whole.json");
    let log = |reason: &str, file: &str| {
        let begin = ["dpo", "log", "--reason", reason, "--max-rows", "100000"];
        stage.ask(OFFICER, &[&begin[..], &["--export", file]].concat())
    };
    let rows = log("before the erasure", &whole);
    // The officer has references of its own; she registered second.
    let mut about: Vec<&str> = Vec::new();
    for one in rows["rows"].as_array().unwrap() {
        about.extend(one["participant"].as_str().filter(|one| !about.contains(one)));
    }
    let [_, about] = about.as_slice() else { panic!("two participants: {about:?}") };
    let reason = ["--reason", "Antrag nach Art. 17 vom 17. Januar"];
    let propose = ["dpo", "erase", "--participant", about];
    let plan = stage.ask(OFFICER, &[&propose[..], &reason].concat());
    let number = plan["run"].as_u64().unwrap();
    let run = number.to_string();
    let own = stage.run(OFFICER, &["dpo", "approve", &run, "--yes"]);
    claim("nobody erases alone: who proposed it cannot approve it", own.status.code() == Some(1));
    let open = stage.ask(SECOND_OFFICER, &["dpo", "runs"]);
    claim(
        "the second officer sees what is proposed, by whom and why",
        open[0]["run"] == number && open[0]["proposed_by"] == "d-01",
    );
    let erased = stage.ask(SECOND_OFFICER, &["dpo", "approve", &run, "--yes"]);
    let (planned, records) =
        (plan["records"].as_u64().unwrap(), erased["records"].as_u64().unwrap());
    claim(
        &format!("the officer sees what an erasure takes before it happens: {records} records"),
        planned > 50 && records > planned,
    );
    let listed = stage.ask(LOTSE, &["lotse", "participant", "list"]);
    let listed = listed.as_array().unwrap();
    claim(
        "she is gone; Gerhard W. is not",
        listed.len() == 1 && listed[0]["participant"] != case.participant.as_str(),
    );
    let note = json!({ "schema_version": { "major": 1 }, "text": { "body": "Bitte um Rückruf." } });
    let note = letter((BEZIRK, LOTSE), "hilfeplan.note", "hilfeplan", note);
    stage.refuse(case, &note, "and as unknown as somebody who never was (exit code 3)");
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
