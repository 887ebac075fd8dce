//! The help plan of June 2027; renewal and debts a year later.

use serde_json::{Value, json};

use super::review;
use crate::demo::acts::{Case, Letter, Paper, consent, consents, letter, phase};
use crate::demo::parties::{DRV, JOBCENTER, LOTSE, Stage, text};
use crate::demo::{chapter, claim};

/// Sixteen bytes that name the plan.
const PLAN: &str = "BQUFBQUFBQUFBQUFBQUFBQ==";

/// Drafted, commented, confirmed.
pub(super) fn agreed(stage: &Stage, case: &Case) {
    chapter(stage, "2027-06-08T09:00:00Z", "A help plan");
    phase(stage, case, "goals", &[]);
    let both = "hilfeplan,wohnen";
    let sentences =
        [(LOTSE, JOBCENTER, "hilfeplanung", both), (JOBCENTER, LOTSE, "hilfeplanung", both)];
    consent(stage, case, Paper::Letter, 12, &sentences);
    let draft = |revision: u32, measure: &str| {
        let content = json!({ "schema_version": { "major": 1 }, "hilfeplan_draft": {
            "plan_id": PLAN,
            "revision": revision,
            "period_from": "2027-06-08",
            "period_to": "2027-12-08",
            "situation": "Rückzug, Panik in Menschenmengen, Mietrückstände.",
            "goals": [{ "number": 1, "goal": "Die Wohnung ist gesichert.", "measures": [
                { "what": measure, "who": "Schuldnerberatung", "until": "2027-09-30" }] }],
        }});
        letter((LOTSE, JOBCENTER), "hilfeplan.draft", both, content)
    };
    let first = stage.pass(case, &draft(1, "Ratenplan"), "the Lotse drafts it");
    let comment = json!({ "schema_version": { "major": 1 }, "hilfeplan_comment": {
        "plan_id": PLAN,
        "revision": 1,
        "comments": [{ "goal_number": 1, "type": "PLAN_COMMENT_TYPE_CHANGE",
            "text": "Bitte den Antrag nach § 22 Abs. 8 SGB II aufnehmen." }],
    }});
    let comment = letter((JOBCENTER, LOTSE), "hilfeplan.comment", "hilfeplan", comment);
    stage.pass(case, &comment.answering(&first), "the Jobcenter comments");
    let second = draft(2, "Ratenplan, Antrag nach § 22 Abs. 8 SGB II");
    let second = stage.pass(case, &second, "a second revision follows");
    let confirm = json!({ "schema_version": { "major": 1 }, "hilfeplan_confirm": {
        "plan_id": PLAN,
        "revision": 2,
        "confirmed_on": "2027-06-08",
        "own_goals": [1],
    }});
    let confirm = letter((JOBCENTER, LOTSE), "hilfeplan.confirm", "hilfeplan", confirm);
    stage.pass(case, &confirm.answering(&second), "which it confirms");
    phase(stage, case, "support-planning", &[]);
}

fn instalments() -> Letter<'static> {
    let content = json!({ "schema_version": { "major": 1 }, "leistung_ask": {
        "benefit": "BENEFIT_GROUP_JOB_SEEKERS",
        "issue": "LEISTUNG_ISSUE_REPAYMENT",
        "description": "Das Darlehen soll in Raten von 25 Euro zurückgezahlt werden.",
    }});
    letter((LOTSE, JOBCENTER), "leistung.ask", "schulden-finanzen", content)
}

/// Whether a consent names a purpose first.
fn is_for(consent: &Value, purpose: &str) -> bool {
    consent["grants"][0]["purpose"] == purpose
}

/// A year is nearly over: one consent is renewed, the others are left to end.
pub(super) fn renewed(stage: &Stage, case: &Case) {
    chapter(stage, "2027-12-21T09:00:00Z", "After a year: renewing what is still needed");
    review(stage, case);
    let tasks = stage.ask(LOTSE, &["lotse", "tasks"]);
    let ending = tasks.as_array().unwrap().iter();
    let ending = ending.filter(|task| task["what"]["kind"] == "grant-ending").count();
    claim("the Lotse's tasks name the sentences that end soon", ending >= 3);
    let active = consents(stage, case, "active");
    let benefits = active.iter().find(|one| is_for(one, "leistungsklaerung")).unwrap();
    let (id, scan) = (text(benefits, "consent"), stage.file("unterschrift.pdf"));
    let mut arguments = vec!["lotse", "consent", "renew", "--participant", &case.participant];
    arguments.extend(["--consent", &id, "--months", "12", "--evidence", &scan]);
    let renewed = stage.ask(LOTSE, &arguments);
    claim("with a new signature one of them is renewed", renewed["revision"] == 2);
}

/// Debts: what was renewed passes, what was not has ended by itself.
pub(super) fn debts(stage: &Stage, case: &Case) {
    chapter(stage, "2028-02-15T09:00:00Z", "Debts");
    stage.pass(case, &instalments(), "under the renewed consent the Lotse asks for instalments");
    let expired = consents(stage, case, "expired");
    let ended = expired.iter().any(|one| is_for(one, "zustaendigkeit"));
    let content = json!({ "schema_version": { "major": 1 }, "zustaendigkeit_ask": {
        "benefit": "BENEFIT_GROUP_SOCIAL_ASSISTANCE",
        "question": "Sind Sie für die Schuldnerberatung zuständig?",
    }});
    let ask = letter((JOBCENTER, DRV), "zustaendigkeit.ask", "leistungsbezug", content);
    stage.refuse(case, &ask, "what was not renewed ended by itself: not covered (exit code 3)");
    claim("as the list of consents shows the Lotse", ended);
    let found = stage.ask(LOTSE, &["directory", "search", "schuldnerberatung"]);
    let reach = found["hits"].to_string();
    claim("the directory says whom to call for debt counselling", reach.contains("0941 0000-7"));
}

/// Every six months.
pub(super) fn third_review(stage: &Stage, case: &Case) {
    chapter(stage, "2028-06-20T09:00:00Z", "The third review");
    review(stage, case);
}
