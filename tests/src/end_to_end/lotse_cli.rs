//! What the program says and refuses before the broker has to: terms, persons, recipients, references, options.

use serde_json::{Value, json};

use crate::end_to_end::site::{Site, text_of};
use crate::raw::{DRV, JOBCENTER, LOTSE_AGENCY};

const TO: &str = "drv-bayern-sued/reha-beratung";
const PURPOSE: &str = "hilfeplanung";
const PLACES: &str = "[[places]]\njobcenter = \"jobcenter-stadt-regensburg\"\ncount = 2\n";
const LOTSE: &str = "lotse-l-01";
const OTHER: &str = "lotse-l-02";

/// A Lotse with one participant; Jobcenter and DRV are in the directory.
struct Office {
    site: Site,
    own: String,
    text: String,
}

impl Office {
    fn open() -> Self {
        let site = Site::with(PLACES);
        site.publish(JOBCENTER, "fallmanagement");
        site.publish(DRV, "reha-beratung");
        let own = site.register();
        let text = site.write("letter.txt", "Ich bin einverstanden.");
        Self { site, own, text }
    }

    fn run(&self, arguments: &[&str]) -> (i32, Value) {
        self.site.run(LOTSE_AGENCY, LOTSE, &[&["lotse"], arguments].concat())
    }

    fn about(&self, arguments: &[&str]) -> (i32, Value) {
        self.run(&[arguments, &["--participant", &self.own]].concat())
    }

    /// What the program complains about.
    fn refuses(&self, arguments: &[&str]) -> String {
        let (code, value) = self.about(arguments);
        assert_eq!(code, 1, "{arguments:?}: {value}");
        text_of(&value, "error")
    }

    fn record(from: &str, to: &str, category: &str, more: &[&str]) -> Vec<String> {
        let grant = ["consent", "record", "--from", from, "--to", to, "--purpose", PURPOSE];
        let all = [&grant[..], &["--category", category], more].concat();
        all.into_iter().map(str::to_owned).collect()
    }

    fn given(&self, (from, to): (&str, &str), category: &str, more: &[&str]) -> (i32, Value) {
        let text = ["--text", &self.text, "--text-version", "1"];
        let command = Self::record(from, to, category, &[&text[..], more].concat());
        self.about(&command.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn consent(&self) -> String {
        let (code, value) = self.given((JOBCENTER, TO), "hilfeplan,termine", &[]);
        assert_eq!(code, 0, "{value}");
        text_of(&value, "consent")
    }

    fn listed(&self) -> Value {
        self.about(&["consent", "list"]).1
    }
}

fn error(answer: &(i32, Value)) -> &str {
    assert_eq!(answer.0, 1, "{}", answer.1);
    answer.1["error"].as_str().unwrap()
}

#[test]
fn the_first_day_of_a_consent_counts_also_without_a_template() {
    let office = Office::open();
    let later = ["--valid-from", "2049-02-01", "--months", "6"];
    let (code, value) = office.given((JOBCENTER, TO), "hilfeplan", &later);
    assert_eq!(code, 0, "{value}");
    let row = format!(
        "[[grant]]\nfrom = [\"{JOBCENTER}\"]\nto = \"{TO}\"\npurpose = \"{PURPOSE}\"\n\
         categories = [\"hilfeplan\"]\nmonths = 6\n"
    );
    let file = office.site.write("grants.toml", &row);
    let record = ["consent", "record", "--grants", &file, "--text", &office.text];
    let record = [&record[..], &["--text-version", "1"]].concat();
    assert_eq!(office.about(&[&record[..], &later[..2]].concat()).0, 0);
    let listed = office.listed();
    for consent in listed.as_array().unwrap() {
        assert_eq!(consent["state"], "not yet", "{consent}");
        let grant = &consent["grants"][0];
        let term = (&grant["not_before"], &grant["not_after"]);
        let expected = (&json!("2049-01-31T23:00:00Z"), &json!("2049-07-31T22:00:00Z"));
        assert_eq!(term, expected);
    }
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let over = ["--valid-from", "2020-02-01"];
    let refused = office.given((JOBCENTER, TO), "hilfeplan", &over);
    assert!(error(&refused).contains("--valid-from: 12 months from 2020-02-01 on are over"));
    let refused = office.refuses(&[&record[..], &over].concat());
    assert!(refused.contains("are over already"), "{refused}");
    assert_eq!(office.listed(), listed, "nothing was recorded");
}

#[test]
fn only_what_is_of_a_deputy_ends_as_a_deputys() {
    let office = Office::open();
    let other = office.consent();
    let end = |consent: &str| office.run(&["deputy", "end", "--yes", "--consent", consent]);
    let refused = end(&other);
    let expected =
        format!("consent {other} is not of a deputy; to revoke it: schleuse lotse consent revoke");
    assert!(error(&refused).contains(&expected), "{}", refused.1);
    let appoint = ["deputy", "appoint", "--text", &office.text, "--text-version", "1", "--lotse"];
    let appoint = |lotse: &'static str, more: &[&'static str]| {
        office.about(&[&appoint[..], &[lotse], more].concat())
    };
    assert!(error(&appoint("l-01", &["--yes"])).contains("l-01 is yourself"));
    let typed = ["lotse", "deputy", "appoint", "--participant", &office.own, "--lotse", "l-02"];
    let typed = [&typed[..], &["--text", &office.text, "--text-version", "1"]].concat();
    let (code, said) = office.site.typed(LOTSE_AGENCY, LOTSE, &typed, "l-03");
    assert!(code == 1 && said.contains("nothing was changed"), "{said}");
    let deputy = text_of(&appoint("l-02", &["--yes"]).1, "consent");
    assert_eq!(end(&deputy).0, 0);
    assert!(error(&end(&deputy)).contains("it is over or revoked"), "a second time");
    assert_eq!(office.listed()[0]["state"], "active", "the other consent");
}

#[test]
fn a_hand_over_asks_for_the_person_twice_and_can_be_handed_back() {
    let office = Office::open();
    let participants =
        |name: &str| office.site.ask(LOTSE_AGENCY, name, &["lotse", "participant", "list"]);
    let hand_over = |lotse: &'static str| {
        ["lotse", "participant", "hand-over", "--participant", &office.own, "--lotse", lotse]
    };
    let (code, said) = office.site.typed(LOTSE_AGENCY, LOTSE, &hand_over("l-99"), "yes");
    assert_eq!(code, 1, "{said}");
    for words in [
        "the broker does not know whether lotsenstelle has a Lotse l-99",
        "nobody can record or revoke a consent of this participant",
        "type the identity of that person again",
        "nothing was changed",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (code, said) = office.site.typed(LOTSE_AGENCY, LOTSE, &hand_over("l-01"), "l-01");
    assert!(code == 1 && said.contains("l-01 is yourself"), "{said}");
    assert_eq!(participants(LOTSE), json!([office.own]));
    let (code, said) = office.site.typed(LOTSE_AGENCY, LOTSE, &hand_over("l-02"), "l-02");
    assert_eq!(code, 0, "{said}");
    assert_eq!((participants(LOTSE), participants(OTHER)), (json!([]), json!([office.own])));
    office.site.ask(LOTSE_AGENCY, OTHER, &[&hand_over("l-01")[..], &["--yes"]].concat());
    assert_eq!(participants(LOTSE), json!([office.own]));
}

#[test]
fn a_reference_that_means_nobody_gets_no_report() {
    let office = Office::open();
    let unknown = "a".repeat(26);
    let [page, proofs] = ["page.html", "proofs.json"].map(|name| office.site.path(name));
    let reason = ["--reason", "request of a participant"];
    let report = |role: &'static str, reference: &str| {
        let (agency, name) = if role == "dpo" { ("projekt", "dpo") } else { (LOTSE_AGENCY, LOTSE) };
        let of = ["--participant", reference, "--out", &page, "--proofs", &proofs];
        office.site.run(agency, name, &[&[role, "report"], &reason[..], &of].concat())
    };
    for twice in 0..2 {
        let refused = report("dpo", &unknown);
        let error = error(&refused);
        assert!(error.contains("projekt has no such reference"), "{twice}: {error}");
        let step = "schleuse lotse participant reference --participant REF --agency projekt";
        assert!(error.contains(step), "{error}");
    }
    let refused = report("lotse", &unknown);
    assert!(error(&refused).contains("none of your participants has this reference"));
    assert!(!std::path::Path::new(&page).exists() && !std::path::Path::new(&proofs).exists());
    assert_eq!(report("lotse", &office.own).0, 0);
    assert_eq!(report("dpo", &office.site.reference(&office.own, "projekt")).0, 0);
    for (filter, value, expected) in [
        ("--participant", unknown.as_str(), "it has no such reference"),
        ("--agency", "jobcentre", "there is no such agency"),
    ] {
        let log = [&["dpo", "log"], &reason[..], &[filter, value]].concat();
        let said = office.site.text(DRV, "dpo", &log);
        assert!(
            said.contains("nothing but queries of the log matches") && said.contains(expected),
            "{said}"
        );
    }
}

#[test]
fn a_consent_names_functions_of_the_directory_unless_told_otherwise() {
    let office = Office::open();
    let given = |from: &str, to: &str, more: &[&str]| office.given((from, to), "hilfeplan", more);
    let refused = given(JOBCENTER, "drv-bayern-sued/reha-beratng", &[]);
    let expected = "--to: expected a function of drv-bayern-sued: reha-beratung; ";
    assert!(error(&refused).contains(expected), "{}", refused.1);
    let early = "krankenkasse-nord/krankengeld";
    let refused = given(JOBCENTER, early, &[]);
    assert!(error(&refused).contains("which krankenkasse-nord is not in"), "{}", refused.1);
    assert!(error(&refused).contains("--not-yet-in-directory"), "{}", refused.1);
    let refused = given("jobcentre", TO, &["--not-yet-in-directory"]);
    assert!(error(&refused).contains("--from: no such agency: jobcentre"), "{}", refused.1);
    let refused = given(JOBCENTER, "dvr/reha-beratung", &["--not-yet-in-directory"]);
    assert!(error(&refused).contains("--to: no such agency: dvr"), "{}", refused.1);
    assert_eq!(office.listed(), json!([]));
    assert_eq!(given(JOBCENTER, early, &["--not-yet-in-directory"]).0, 0);
    assert_eq!(given(JOBCENTER, TO, &[]).0, 0);
}

#[test]
fn refusals_name_what_was_typed() {
    let office = Office::open();
    let refused = office.given((JOBCENTER, TO), "gesundheit", &[]);
    assert!(error(&refused).contains("--evidence: category"), "{}", refused.1);
    assert_eq!(refused.1["reason"], "ERROR_REASON_EVIDENCE_MISSING", "for programs as before");
    let refused = office.given((JOBCENTER, TO), "hilfeplan", &["--review-months", "12"]);
    assert!(error(&refused).contains("--review-months: "), "{}", refused.1);
    let set = ["participation", "set", "--phase"];
    let refused = office.refuses(&[&set[..], &["contact"]].concat());
    assert!(refused.contains("--jobcenter: expected a Jobcenter"), "{refused}");
    assert_eq!(office.about(&[&set[..], &["contact", "--jobcenter", JOBCENTER]].concat()).0, 0);
    let refused = office.refuses(&[&set[..], &["goals"]].concat());
    assert!(
        refused.contains("--phase: expected assessment or transition after contact"),
        "{refused}"
    );
    let refused = office.refuses(&[&set[..], &["ended"]].concat());
    assert!(refused.contains("is signed: schleuse lotse participant end"), "{refused}");
    let objection = ["objection", "record", "--yes", "--agency", "jobcentre"];
    let refused = office.refuses(&objection);
    assert!(refused.contains("is no agency that takes part"), "{refused}");
    let objection = ["objection", "record", "--yes", "--recipient", "drv-bayern-sued/rehaberatung"];
    let refused = office.refuses(&objection);
    assert!(refused.contains("--recipient: expected a function of"), "{refused}");
    let consent = office.consent();
    let of = ["--consent", consent.as_str()];
    office.run(&[&["consent", "revoke", "--yes"], &of[..]].concat());
    for command in [
        &["consent", "renew", "--months", "3", "--evidence", &office.text][..],
        &["consent", "confirm"],
        &["consent", "narrow", "--drop-grant", "1"],
    ] {
        let refused = office.refuses(&[command, &of].concat());
        let expected = "this consent is revoked; record a new one: schleuse lotse consent record";
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn what_is_held_back_is_shown_and_an_objection_without_scope_says_that_it_is_to_everything() {
    let office = Office::open();
    office.consent();
    let held = || {
        let listed = office.listed();
        (listed[0]["state"].clone(), listed[0]["grants"][0]["held_back_by"].clone())
    };
    let active = json!("active");
    assert_eq!(held(), (active.clone(), json!([])));
    let record = ["objection", "record", "--yes", "--category", "termine"];
    let (_, partly) = office.about(&record);
    assert_eq!(held(), (active.clone(), json!(["objection (in part)"])));
    let partly = text_of(&partly, "objection");
    office.about(&["objection", "withdraw", "--objection", &partly]);
    assert_eq!(held().1, json!([]));
    let all = ["lotse", "objection", "record", "--participant", &office.own];
    let (code, said) = office.site.typed(LOTSE_AGENCY, LOTSE, &all, "no");
    assert!(code == 1 && said.contains("this objects to everything"), "{said}");
    let (code, said) = office.site.typed(LOTSE_AGENCY, LOTSE, &all, "yes");
    assert_eq!(code, 0, "{said}");
    office.about(&["participant", "restrict"]);
    assert_eq!(held().1, json!(["restriction", "objection"]));
    let list = ["lotse", "consent", "list", "--participant", &office.own];
    let table = office.site.text(LOTSE_AGENCY, LOTSE, &list);
    assert!(table.contains("HELD BACK BY") && table.contains("restriction, objection"), "{table}");
    let help = office.site.text(LOTSE_AGENCY, LOTSE, &["lotse", "objection", "record", "--help"]);
    assert!(help.contains("objects to everything"), "{help}");
}

#[test]
fn a_receipt_refuses_another_text_and_a_directory_says_that_nothing_is_due() {
    let office = Office::open();
    let consent = office.consent();
    let wrong = office.site.write("wrong.txt", "Ich bin nicht einverstanden.");
    let page = office.site.path("receipt.html");
    let receipt = ["consent", "receipt", "--consent", &consent, "--out", &page, "--text"];
    let refused = office.refuses(&[&receipt[..], &[&wrong]].concat());
    assert!(refused.contains("is not the text of this consent"), "{refused}");
    assert!(!std::path::Path::new(&page).exists());
    assert_eq!(office.about(&[&receipt[..], &[&office.text]].concat()).0, 0);
    let due = office.site.text(LOTSE_AGENCY, LOTSE, &["directory", "list", "--due"]);
    assert_eq!(due.trim(), "nothing is due");
}
