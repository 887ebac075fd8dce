//! April and May 2027: a revocation, and what the recipient of earlier data has to do.

use serde_json::{Value, json};

use crate::demo::acts::{Case, Letter, Paper, consent, consents, letter};
use crate::demo::parties::{BEZIRK, DRV, JOBCENTER, LOTSE, OFFICER, Stage, text};
use crate::demo::{chapter, claim};

fn notice(to_date: &str) -> Letter<'static> {
    let content = json!({ "schema_version": { "major": 1 }, "unterlagen_supply": {
        "documents": [{ "document": "DOCUMENT_TYPE_BENEFIT_NOTICE", "issued_on": to_date }],
        "complete": true,
        "note": "Ärztliche Stellungnahme liegt nicht bei.",
    }});
    letter((JOBCENTER, BEZIRK), "unterlagen.supply", "leistungsbezug", content)
}

/// A revocation overtakes a queued message.
pub(super) fn play(stage: &Stage, case: &Case) {
    chapter(stage, "2027-04-06T09:00:00Z", "A revocation overtakes a queued message");
    let sentence = [(JOBCENTER, BEZIRK, "unterlagen", "leistungsbezug")];
    let documents = consent(stage, case, Paper::Letter, 6, &sentence);
    stage.pass(case, &notice("2027-04-01"), "the Jobcenter's first notice reaches the Bezirk");
    let second = stage.send(case, &notice("2027-04-06"), &[]);
    claim("a second one waits", second.is_accepted());
    let message = text(&second.said, "message");
    let revoked =
        stage.ask(LOTSE, &["lotse", "consent", "revoke", "--consent", &documents, "--yes"]);
    claim(
        "Gerhard W. revokes: the Lotse saw before that one message is stopped, and it is",
        revoked["stopped_messages"] == 1 && revoked["effects"][0]["queued_messages"] == 1,
    );
    claim("the Bezirk receives nothing", stage.inbox(BEZIRK).is_empty());
    claim(
        "the sender is told that it was not delivered, and not why",
        stage.is_told_no_reason(JOBCENTER, &message),
    );
    let again = stage.refuse(case, &notice("2027-04-06"), "the same is now not covered");
    evidence(stage, &again.said);
    let duties = stage.ask(BEZIRK, &["agency", "deletions", "--open"]);
    let duty = duties[0]["duty"].to_string();
    claim(
        "the Bezirk is told to delete the first notice",
        duties.as_array().map(Vec::len) == Some(1)
            && duties[0]["messages"].as_array().map(Vec::len) == Some(1),
    );
    let answer = ["agency", "confirm-deletion", &duty, "--retained", "§ 84 SGB X"];
    stage.ask(BEZIRK, &answer);
    let open = stage.ask(BEZIRK, &["agency", "deletions", "--open"]);
    claim("it names the rule for keeping it", open.as_array().is_some_and(Vec::is_empty));
    narrowed(stage, case);
}

fn evidence(stage: &Stage, refused: &Value) {
    let (record, file) = (refused["record"].to_string(), stage.file("refused.json"));
    let filed = stage.ask(JOBCENTER, &["agency", "evidence", &record, "--out", &file]);
    claim(
        "the Jobcenter files the refusal as evidence, which says nothing of the reason",
        filed["records"][0]["event"]["accepted"] == false
            && filed["records"][0]["findings"].is_null(),
    );
    let verified = stage.ask(JOBCENTER, &["verify", &file]);
    claim("and which verifies without the broker", verified["sound"] == true);
}

/// The consent of February names health data for the DRV; now it names them no more.
fn narrowed(stage: &Stage, case: &Case) {
    let active = consents(stage, case, "active");
    let of_responsibility = active.iter().find(|consent| {
        let grant = &consent["grants"][0];
        grant["purpose"] == "zustaendigkeit" && grant["to"] == DRV.address().as_str()
    });
    let id = text(of_responsibility.unwrap(), "consent");
    let mut arguments = vec!["lotse", "consent", "narrow", "--participant", &case.participant];
    arguments.extend(["--consent", &id, "--grant", "1", "--drop-category", "gesundheit", "--yes"]);
    let narrowed = stage.ask(LOTSE, &arguments);
    claim("he also takes health data out of one sentence of another", narrowed["revision"] == 2);
}

/// Nobody at the DRV has answered; the officer sees it.
pub(super) fn overdue(stage: &Stage, _case: &Case) {
    chapter(stage, "2027-05-11T09:00:00Z", "A duty to delete is overdue");
    let overdue = stage.run(OFFICER, &["dpo", "deletions", "--overdue"]);
    let listed: Value = serde_json::from_slice(&overdue.stdout).unwrap();
    let listed = listed.as_array().unwrap();
    claim(
        "the officer sees one: the DRV's (exit code 1)",
        overdue.status.code() == Some(1)
            && listed.len() == 1
            && listed[0]["recipient"] == DRV.address().as_str(),
    );
    let duty = listed[0]["duty"].to_string();
    stage.ask(DRV, &["agency", "confirm-deletion", &duty, "--deleted"]);
    let overdue = stage.ask(OFFICER, &["dpo", "deletions", "--overdue"]);
    claim("the DRV has deleted it; none is left", overdue.as_array().is_some_and(Vec::is_empty));
}
