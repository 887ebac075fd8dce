//! Ayse A., 25: bulimia and social phobia. A therapy programme from an hours contingent; an objection, a deputy, a
//! review that is missed; and she leaves early, without a reason.

use serde_json::{Value, json};

use super::acts::{Case, Letter, Paper, consent, consents, introduce, letter, phase, places};
use super::parties::{BEZIRK, DEPUTY, JOBCENTER, KRANKENKASSE, LOTSE, Party, Stage, text};
use super::{chapter, claim};

const NAME: &str = "Ayse A.";
/// Sixteen bytes that name the plan.
const PLAN: &str = "BgYGBgYGBgYGBgYGBgYGBg==";
const PLANNING: &str = "hilfeplan,sucht-psyche";

/// April 2027: she joins; what she does not want the Jobcenter to know; the programme; a deputy.
pub(super) fn first_months(stage: &Stage) -> Case {
    let case = joining(stage);
    objection(stage, &case);
    programme(stage, &case);
    deputy(stage, &case);
    case
}

fn joining(stage: &Stage) -> Case {
    chapter(stage, "2027-04-12T09:00:00Z", "Ayse A. joins, too");
    let case = Case::open(stage, NAME);
    phase(stage, &case, "proposed", &["--jobcenter", JOBCENTER.agency]);
    let sentences = [BEZIRK, KRANKENKASSE].map(|to| (LOTSE, to, "zuleitung", "stammdaten"));
    consent(stage, &case, Paper::Letter, 24, &sentences);
    for party in [BEZIRK, KRANKENKASSE] {
        introduce(stage, &case, party);
    }
    phase(stage, &case, "contact", &["--employability-at-start", "2"]);
    claim("the second of the 30 places is taken", places(stage) == (2, 30));
    case
}

/// A revision of the plan; the therapy comes from an hours contingent.
fn draft(to: Party, revision: u32, hours: &str) -> Letter<'static> {
    let content = json!({ "schema_version": { "major": 1 }, "hilfeplan_draft": {
        "plan_id": PLAN,
        "revision": revision,
        "period_from": "2027-04-20",
        "period_to": "2028-04-20",
        "situation": "Bulimie und soziale Phobie; Gruppen sind nicht möglich.",
        "goals": [{ "number": 1, "goal": "Ein Tag ohne Anfall, dann zwei.", "measures": [
            { "what": hours, "who": "Therapeutin", "until": "2027-12-31" }] }],
    }});
    letter((LOTSE, to), "hilfeplan.draft", PLANNING, content)
}

/// An objection beats a consent.
fn objection(stage: &Stage, case: &Case) {
    chapter(stage, "2027-04-13T09:00:00Z", "What the Jobcenter shall not know");
    let sentence = [(LOTSE, JOBCENTER, "hilfeplanung", PLANNING)];
    consent(stage, case, Paper::Letter, 12, &sentence);
    let mut arguments = vec!["lotse", "objection", "record", "--participant", &case.participant];
    arguments.extend(["--agency", JOBCENTER.agency, "--category", "sucht-psyche", "--yes"]);
    stage.ask(LOTSE, &arguments);
    let listed =
        stage.ask(LOTSE, &["lotse", "objection", "list", "--participant", &case.participant]);
    claim("the Lotse records her objection", listed.as_array().map(Vec::len) == Some(1));
    let plan = draft(JOBCENTER, 1, "Einzeltherapie");
    stage.refuse(case, &plan, "it beats her consent: the plan is not covered (exit code 3)");
    let note = json!({ "schema_version": { "major": 1 }, "text": { "body": "Ein Plan wird erarbeitet; Termine folgen." }});
    let note = letter((LOTSE, JOBCENTER), "hilfeplan.note", "hilfeplan", note);
    stage.pass(case, &note, "what is not about her illness still passes");
    phase(stage, case, "assessment", &[]);
}

/// The plan is worked out with Krankenkasse and Bezirk.
fn programme(stage: &Stage, case: &Case) {
    chapter(stage, "2027-04-20T09:00:00Z", "A therapy programme from an hours contingent");
    let both = |party| {
        [(LOTSE, party, "hilfeplanung", PLANNING), (party, LOTSE, "hilfeplanung", PLANNING)]
    };
    let sentences = [both(BEZIRK), both(KRANKENKASSE)].concat();
    consent(stage, case, Paper::Letter, 24, &sentences);
    phase(stage, case, "goals", &[]);
    let hours = "Einzeltherapie, 40 Stunden aus dem Kontingent";
    let drafted = stage.pass(case, &draft(KRANKENKASSE, 1, hours), "the Krankenkasse reads it");
    stage.pass(case, &draft(BEZIRK, 1, hours), "and the Bezirk, under a reference of its own");
    let comment = json!({ "schema_version": { "major": 1 }, "hilfeplan_comment": {
        "plan_id": PLAN,
        "revision": 1,
        "comments": [{ "goal_number": 1, "type": "PLAN_COMMENT_TYPE_CHANGE",
            "text": "Das Kontingent gibt 60 Stunden her." }],
    }});
    let comment = letter((KRANKENKASSE, LOTSE), "hilfeplan.comment", PLANNING, comment);
    stage.pass(case, &comment.answering(&drafted), "the Krankenkasse has more hours than that");
    let hours = "Einzeltherapie, 60 Stunden aus dem Kontingent";
    let second = stage.pass(case, &draft(BEZIRK, 2, hours), "the second revision has them");
    stage.pass(case, &confirmation(2).answering(&second), "and the Bezirk confirms it");
    phase(stage, case, "support-planning", &[]);
}

fn confirmation(revision: u32) -> Letter<'static> {
    let content = json!({ "schema_version": { "major": 1 }, "hilfeplan_confirm": {
        "plan_id": PLAN,
        "revision": revision,
        "confirmed_on": "2027-04-20",
        "own_goals": [1],
    }});
    letter((BEZIRK, LOTSE), "hilfeplan.confirm", "hilfeplan", content)
}

/// Another Lotse, for as long as she agrees.
fn deputy(stage: &Stage, case: &Case) {
    chapter(stage, "2027-04-27T09:00:00Z", "The Lotse is away: a deputy");
    let looks = |party| {
        let arguments = ["lotse", "consent", "list", "--participant", &case.participant];
        stage.run(party, &arguments).status.code()
    };
    claim("another Lotse cannot see her", looks(DEPUTY) == Some(1));
    let paper = stage.write("vertretung.txt", "Ich bin mit der Vertretung einverstanden.\n");
    let scan = stage.write("vertretung.pdf", "Unterschrift\n");
    let mut arguments = vec!["lotse", "deputy", "appoint", "--participant", &case.participant];
    arguments.extend(["--lotse", "l-02", "--months", "1", "--text", &paper]);
    arguments.extend(["--text-version", "2027-1", "--evidence", &scan, "--yes"]);
    let appointed = text(&stage.ask(LOTSE, &arguments), "consent");
    claim("while she agrees to a deputy, it can", looks(DEPUTY) == Some(0));
    stage.ask(LOTSE, &["lotse", "deputy", "end", "--consent", &appointed, "--yes"]);
    claim("and when the Lotse is back, no more", looks(DEPUTY) == Some(1));
}

/// November 2027: nobody confirmed the consents in time.
pub(super) fn autumn(stage: &Stage, case: &Case) {
    chapter(stage, "2027-11-30T09:00:00Z", "The review was missed");
    let plan = draft(BEZIRK, 3, "Einzeltherapie, noch 20 Stunden");
    stage.refuse(case, &plan, "six months and two weeks later nothing passes (exit code 3)");
    let missed: Vec<Value> = {
        let reviews = stage.ask(LOTSE, &["lotse", "reviews"]);
        let own = reviews.as_array().unwrap().iter().filter(|one| is_of(case, one));
        own.filter(|one| text(one, "state").starts_with("missed")).cloned().collect()
    };
    claim(
        "the Lotse's reviews say which of her consents are suspended",
        missed.len() == 3 && consents(stage, case, "suspended").len() == 3,
    );
    for one in &missed {
        let id = text(one, "consent");
        let begin = ["lotse", "consent", "confirm", "--participant", &case.participant];
        stage.ask(LOTSE, &[&begin[..], &["--consent", &id]].concat());
    }
    stage.pass(case, &plan, "she says that they hold, and it passes");
    let restrict = ["lotse", "participant", "restrict", "--participant", &case.participant];
    stage.ask(LOTSE, &restrict);
    let plan = draft(BEZIRK, 4, "Einzeltherapie, noch 15 Stunden");
    stage.refuse(case, &plan, "while she has processing restricted nothing passes (exit code 3)");
    stage.ask(LOTSE, &[&restrict[..], &["--end"]].concat());
    stage.pass(case, &plan, "afterwards it passes again");
}

fn is_of(case: &Case, one: &Value) -> bool {
    one["participant"] == case.participant.as_str()
}

/// May 2028.
pub(super) fn leaves(stage: &Stage, case: &Case) {
    chapter(stage, "2028-05-09T09:00:00Z", "Ayse A. leaves, at any time and without a reason");
    let waiting = stage.send(case, &confirmation(4), &[]);
    assert!(waiting.is_accepted());
    let mut arguments = vec!["lotse", "participant", "end", "--participant", &case.participant];
    arguments.push("--yes");
    let ended = stage.ask(LOTSE, &arguments);
    claim(
        "her Lotse records it; a message of the Bezirk is stopped",
        ended["stopped_messages"] == 1,
    );
    let message = text(&waiting.said, "message");
    claim(
        "the Bezirk is told that it was not delivered, and nothing of why",
        stage.is_told_no_reason(BEZIRK, &message),
    );
    let again = stage.refuse(case, &confirmation(4), "and the next is not covered (exit code 3)");
    let keys: Vec<&String> = again.said.as_object().unwrap().keys().collect();
    claim("with the answer that everybody gets", keys == ["record", "result", "statutory"]);
    phase(stage, case, "ended", &["--employability-at-end", "2"]);
    claim("her place is free", places(stage) == (1, 30));
}
