//! May to November 2027: a medical rehabilitation.

use serde_json::{Value, json};

use super::review;
use crate::demo::acts::{Case, Paper, consent, letter, phase};
use crate::demo::parties::{DRV, KRANKENKASSE, LOTSE, Stage};
use crate::demo::{chapter, claim};

/// Prepared with DRV and Krankenkasse, and applied for.
pub(super) fn prepared(stage: &Stage, case: &Case) {
    chapter(stage, "2027-05-18T09:00:00Z", "A medical rehabilitation is prepared and applied for");
    let purpose = "reha-einleitung";
    let sentences = [
        (LOTSE, DRV, purpose, "stammdaten,gesundheit"),
        (LOTSE, KRANKENKASSE, purpose, "gesundheit"),
        (DRV, LOTSE, purpose, "gesundheit,termine"),
    ];
    consent(stage, case, Paper::Letter, 12, &sentences);
    let prepare = |to| {
        let content = json!({ "schema_version": { "major": 1 }, "reha_prepare": {
            "benefit": "BENEFIT_GROUP_MEDICAL_REHABILITATION",
            "goal": "Wieder mindestens drei Stunden täglich belastbar.",
            "need": "Angststörung; ambulante Behandlung reicht nicht aus.",
            "carrier": DRV.agency,
        }});
        letter((LOTSE, to), "reha.prepare", "gesundheit", content)
    };
    stage.pass(case, &prepare(DRV), "the Lotse prepares it with the DRV");
    stage.pass(case, &prepare(KRANKENKASSE), "and with the Krankenkasse");
    let application = json!({ "schema_version": { "major": 1 }, "reha_application": {
        "benefit": "BENEFIT_GROUP_MEDICAL_REHABILITATION",
        "applied_on": "2027-05-18",
        "contact": { "name": "Lotsenstelle Regensburg" },
    }});
    let application =
        letter((LOTSE, DRV), "reha.application", "stammdaten,gesundheit", application);
    stage.pass(case, &application, "the application goes to the DRV");
}

fn status(stage: &Stage, case: &Case, state: &str, since: &str, what: &str) -> Value {
    let content = json!({ "schema_version": { "major": 1 }, "reha_status": {
        "benefit": "BENEFIT_GROUP_MEDICAL_REHABILITATION",
        "state": state,
        "since": since,
        "facility": "Klinik am Park",
    }});
    stage.pass(case, &letter((DRV, LOTSE), "reha.status", "gesundheit", content), what)
}

/// Granted, begun, completed.
pub(super) fn granted(stage: &Stage, case: &Case) {
    chapter(stage, "2027-07-05T09:00:00Z", "Granted, and the first review");
    status(stage, case, "REHA_STATE_GRANTED", "2027-07-02", "the DRV grants it");
    review(stage, case);
    phase(stage, case, "implementation", &[]);
    chapter(stage, "2027-11-02T09:00:00Z", "Back from the clinic");
    let what = "the DRV reports it completed";
    status(stage, case, "REHA_STATE_COMPLETED", "2027-10-26", what);
    let begin = ["lotse", "deadlines", "--participant", &case.participant];
    let due = stage.ask(LOTSE, &[&begin[..], &["--joined", "2027-01-12"]].concat());
    let due = due["deadlines"].as_array().unwrap().iter();
    let mut end = due.filter(|one| one["due"] == "2029-01-11");
    claim("the Lotse's deadlines show the end after 24 months", end.next().is_some());
}
