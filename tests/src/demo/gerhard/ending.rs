//! December 2028 and January 2029: Überleitung and end.

use serde_json::json;

use super::review;
use crate::demo::acts::{Case, letter, phase, places};
use crate::demo::parties::{JOBCENTER, LOTSE, Stage};
use crate::demo::{chapter, claim};

/// A closing talk hands over to the Jobcenter, with a work opportunity.
pub(super) fn handed_over(stage: &Stage, case: &Case) {
    chapter(stage, "2028-12-14T09:00:00Z", "Überleitung to the Jobcenter");
    review(stage, case);
    phase(stage, case, "transition", &[]);
    let tasks = stage.ask(LOTSE, &["lotse", "tasks"]);
    let mut tasks = tasks.as_array().unwrap().iter();
    claim(
        "the Lotse's tasks say that 24 months end soon",
        tasks.any(|task| {
            task["what"]["kind"] == "participation-ending"
                && task["due"].as_str().is_some_and(|due| due.starts_with("2029-01-1"))
        }),
    );
    let plan = json!({ "schema_version": { "major": 1 }, "ueberleitung_plan": {
        "ends_on": "2029-01-09",
        "outlook": "Arbeitsgelegenheit mit vier Stunden täglich.",
    }});
    let plan = letter((LOTSE, JOBCENTER), "ueberleitung.plan", "termine,hilfeplan", plan);
    stage.pass(case, &plan, "the Lotse plans it with the Jobcenter");
    let hand_over = json!({ "schema_version": { "major": 1 }, "ueberleitung_hand_over": {
        "from": "2029-01-09",
        "talk_held_on": "2028-12-14",
        "reached": "Wohnung gesichert, Rehabilitation abgeschlossen, Ratenplan läuft.",
        "contact": { "name": "Lotsenstelle Regensburg" },
    }});
    let hand_over = letter((LOTSE, JOBCENTER), "ueberleitung.hand-over", "hilfeplan", hand_over);
    let received = stage.pass(case, &hand_over, "after the closing talk it hands over");
    let taken = json!({ "schema_version": { "major": 1 }, "ueberleitung_taken_over": {
        "taken_over_on": "2029-01-09",
        "contact": { "name": "Fallmanagement, Team Gesundheit" },
    }});
    let taken = letter((JOBCENTER, LOTSE), "ueberleitung.taken-over", "termine", taken);
    stage.pass(case, &taken.answering(&received), "and the Jobcenter takes over");
    let follow_up = json!({ "schema_version": { "major": 1 }, "nachbetreuung_agree": {
        "period_from": "2029-01-09",
        "period_to": "2029-04-09",
        "interval_weeks": 2,
        "contact": { "name": "Lotsenstelle Regensburg" },
    }});
    let follow_up = letter((LOTSE, JOBCENTER), "nachbetreuung.agree", "termine", follow_up);
    stage.pass(case, &follow_up, "follow-up care of three months is agreed");
}

/// 24 months are over.
pub(super) fn ended(stage: &Stage, case: &Case) {
    chapter(stage, "2029-01-09T09:00:00Z", "24 months are over");
    let end = json!({ "schema_version": { "major": 1 }, "rueckmeldung_end": {
        "ended_on": "2029-01-09",
    }});
    let end = letter((LOTSE, JOBCENTER), "rueckmeldung.end", "termine", end);
    stage.pass(case, &end, "the Lotse reports the end");
    let waiting = stage.send(case, &end, &[]);
    assert!(waiting.is_accepted());
    let asked =
        stage.run(LOTSE, &["lotse", "participant", "end", "--participant", &case.participant]);
    claim(
        "the program asks before it ends a participation; nobody said yes",
        asked.status.code() == Some(1),
    );
    let mut arguments = vec!["lotse", "participant", "end", "--participant", &case.participant];
    arguments.push("--yes");
    let ended = stage.ask(LOTSE, &arguments);
    claim("it ends: what still waits is stopped", ended["stopped_messages"] == 1);
    stage.refuse(case, &end, "and nothing passes any more (exit code 3)");
    phase(stage, case, "ended", &["--employability-at-end", "3"]);
    let listed = stage.ask(LOTSE, &["lotse", "participation", "list"]);
    let mut listed = listed.as_array().unwrap().iter();
    let own = listed.find(|one| one["participant"] == case.participant.as_str()).unwrap();
    claim(
        "employability rose from step 1 to 3",
        own["employability_at_start"] == 1 && own["employability_at_end"] == 3,
    );
    claim("and the place is free", places(stage) == (0, 30));
}
