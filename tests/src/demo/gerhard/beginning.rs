//! January 2027: joining, the papers, the rent.

use serde_json::json;

use crate::demo::acts::{Case, Paper, consent, consents, introduce, letter, phase, places};
use crate::demo::parties::{BEZIRK, DRV, JOBCENTER, LOTSE, SOZIALHILFE, Stage};
use crate::demo::{chapter, claim};

const NAME: &str = "Gerhard W.";

/// Vorschlag, consent, introduction, Zuleitung.
pub(super) fn joining(stage: &Stage) -> Case {
    chapter(stage, "2027-01-12T09:00:00Z", "Gerhard W. says yes: Vorschlag and Zuleitung");
    let case = Case::open(stage, NAME);
    let proposed = phase(stage, &case, "proposed", &["--jobcenter", JOBCENTER.agency]);
    claim("the Lotse records the Vorschlag of the Jobcenter", proposed["phase"] == "proposed");
    let introduction = |to| (LOTSE, to, "zuleitung", "stammdaten");
    let sentences = [
        introduction(DRV),
        introduction(BEZIRK),
        introduction(SOZIALHILFE),
        (LOTSE, JOBCENTER, "zuleitung", "stammdaten,termine,hilfeplan"),
        (JOBCENTER, LOTSE, "zuleitung", "stammdaten,leistungsbezug,termine"),
        (LOTSE, JOBCENTER, "rueckmeldung", "termine,hilfeplan"),
        (LOTSE, JOBCENTER, "nachbetreuung", "termine"),
    ];
    consent(stage, &case, Paper::Letter, 24, &sentences);
    let active = consents(stage, &case, "active");
    let listed = serde_json::to_string(&active).unwrap();
    claim(
        "one consent is in force, and the Krankenkasse is not in it",
        active.len() == 1 && !listed.contains("krankenkasse"),
    );
    for party in [JOBCENTER, DRV, BEZIRK, SOZIALHILFE] {
        introduce(stage, &case, party);
    }
    let hand_over = json!({ "schema_version": { "major": 1 }, "zuleitung_hand_over": {
        "agreed_on": "2027-01-11",
        "situation": "Seit fünf Jahren im Leistungsbezug, meidet Ämter und Menschenmengen.",
        "wishes": "Zuerst die Wohnung sichern.",
        "contact": { "function": "fallmanagement", "name": "Fallmanagement, Team Gesundheit" },
        "talk_wanted": true,
    }});
    let hand_over = letter((JOBCENTER, LOTSE), "zuleitung.hand-over", "leistungsbezug", hand_over);
    let received = stage.pass(&case, &hand_over, "the Jobcenter hands over to the Lotse");
    let answer = json!({ "schema_version": { "major": 1 }, "zuleitung_received": {
        "received_on": "2027-01-12",
    }});
    let answer = letter((LOTSE, JOBCENTER), "zuleitung.received", "termine", answer);
    stage.pass(&case, &answer.answering(&received), "and the Lotse says that it came");
    phase(stage, &case, "contact", &["--employability-at-start", "1"]);
    claim("one of the 30 places of the Jobcenter Stadt is taken", places(stage) == (1, 30));
    let refused = stage.run(JOBCENTER, &["lotse", "places"]);
    claim("which the Jobcenter itself may not see", !refused.status.success());
    case
}

/// Leistungsklärung: missing papers, threatened eviction.
pub(super) fn papers_and_rent(stage: &Stage, case: &Case) {
    chapter(stage, "2027-01-19T09:00:00Z", "Missing papers, and a landlord who gives notice");
    let sentences = [
        (LOTSE, JOBCENTER, "leistungsklaerung", "wohnen,leistungsbezug,schulden-finanzen"),
        (JOBCENTER, LOTSE, "leistungsklaerung", "wohnen,leistungsbezug,schulden-finanzen"),
        (LOTSE, JOBCENTER, "unterlagen", "leistungsbezug"),
    ];
    consent(stage, case, Paper::Letter, 12, &sentences);
    let ask = json!({ "schema_version": { "major": 1 }, "leistung_ask": {
        "benefit": "BENEFIT_GROUP_JOB_SEEKERS",
        "issue": "LEISTUNG_ISSUE_EVICTION_THREATENED",
        "description": "Zwei Monatsmieten offen, fristlose Kündigung liegt vor.",
        "since": "2026-11-01",
        "urgent_until": "2027-02-01",
        "amount_cents": "124000",
    }});
    let ask = letter((LOTSE, JOBCENTER), "leistung.ask", "wohnen,leistungsbezug", ask);
    let asked = stage.pass(case, &ask, "the Lotse tells the Jobcenter of the notice to quit");
    let needed = json!({ "schema_version": { "major": 1 }, "leistung_answer": {
        "outcome": "LEISTUNG_OUTCOME_PAPERS_NEEDED",
        "papers_needed": ["DOCUMENT_TYPE_INCOME_PROOF"],
        "due_on": "2027-01-29",
    }});
    let needed = letter((JOBCENTER, LOTSE), "leistung.answer", "leistungsbezug", needed);
    let needed = needed.answering(&asked);
    let needed = stage.pass(case, &needed, "it names the paper that is missing");
    let supply = json!({ "schema_version": { "major": 1 }, "unterlagen_supply": {
        "documents": [{ "document": "DOCUMENT_TYPE_INCOME_PROOF", "issued_on": "2027-01-18" }],
        "complete": true,
    }});
    let supply = letter((LOTSE, JOBCENTER), "unterlagen.supply", "leistungsbezug", supply);
    stage.pass(case, &supply, "the Lotse supplies it");
    let paid = json!({ "schema_version": { "major": 1 }, "leistung_answer": {
        "outcome": "LEISTUNG_OUTCOME_WILL_BE_PAID",
        "due_on": "2027-02-01",
        "amount_cents": "124000",
    }});
    let paid = letter((JOBCENTER, LOTSE), "leistung.answer", "wohnen", paid);
    stage.pass(case, &paid.answering(&needed), "and the arrears will be paid: the home is safe");
}
