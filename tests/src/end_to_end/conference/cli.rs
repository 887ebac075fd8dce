//! A conference from its plan to its review, with the program `schleuse` of every party.

use serde_json::{Value, json};

use crate::end_to_end::site::{Site, text_of};
use crate::raw::{DRV, JOBCENTER, KRANKENKASSE, LOTSE_AGENCY};

const TO_DRV: &str = "drv-bayern-sued/reha-beratung";
const TO_KASSE: &str = "krankenkasse-nord/krankengeld";
const PURPOSE: &str = "fallkonferenz";
/// More than each step asks, so that no step waits for the next minute.
const QUESTIONS: &str = "coverage_questions_per_minute = 1000\n";
const PLAN: &str = r#"
convener = "jobcenter-stadt-regensburg/fallmanagement"
bodies = ["drv-bayern-sued/reha-beratung", "krankenkasse-nord/krankengeld"]
place = "Raum 3"
answer_by = "2035-12-01"
[[date]]
starts_at = "2035-12-08T09:00:00Z"
minutes = 60
[[item]]
title = "Begutachtung"
categories = ["gesundheit"]
minutes = 20
[[item]]
title = "Mietrückstand"
categories = ["wohnen"]
minutes = 20
[[item]]
title = "Ratenplan"
categories = ["schulden-finanzen"]
minutes = 10
"#;

/// A conference of the Jobcenter's with two bodies.
struct Convened {
    site: Site,
    /// The Lotse's reference of the participant.
    own: String,
    /// Consent with one grant, from the Jobcenter to the DRV: dates, health, housing.
    to_drv: String,
    /// The same to the Krankenkasse.
    to_kasse: String,
    conference: String,
    /// Items in the order of the plan.
    items: Vec<String>,
}

impl Convened {
    fn start() -> Self {
        let site = Site::with(QUESTIONS);
        let parties =
            [(JOBCENTER, "fallmanagement"), (DRV, "reha-beratung"), (KRANKENKASSE, "krankengeld")];
        for (agency, function) in parties {
            site.publish(agency, function);
            std::fs::create_dir(site.path(&format!("conferences-{agency}"))).unwrap();
        }
        let own = site.register();
        let consent = |to| {
            let named = ["termine", "gesundheit", "wohnen"];
            site.consent(&own, PURPOSE, &[(JOBCENTER, to, named.as_slice())])
        };
        let (to_drv, to_kasse) = (consent(TO_DRV), consent(TO_KASSE));
        let theirs = parties.map(|(agency, _)| site.reference(&own, agency));
        let plan = site.write("plan.toml", PLAN);
        let convene = ["agency", "conference", "plan", &plan, "--participant", &theirs[0]];
        let conference = text_of(&site.ask(JOBCENTER, "system", &convene), "conference");
        let mut this = Self { site, own, to_drv, to_kasse, conference, items: Vec::new() };
        let asked = this.convener(&["invite", "--dry-run"]);
        this.items = list(&asked["items"]).iter().map(|item| text_of(item, "item")).collect();
        this
    }

    /// A command of the convener's about the conference.
    fn convener(&self, arguments: &[&str]) -> Value {
        let command = [&["agency", "conference"], arguments, &["--conference", &self.conference]];
        self.site.ask(JOBCENTER, "system", &command.concat())
    }

    /// What a command of an agency's about the conference is refused with.
    fn refused(&self, agency: &str, arguments: &[&str]) -> String {
        let command = [&["agency", "conference"], arguments, &["--conference", &self.conference]];
        refused(&self.site, agency, &command.concat())
    }

    /// What the convener is told in text.
    fn told(&self, arguments: &[&str]) -> String {
        let command = [&["agency", "conference"], arguments, &["--conference", &self.conference]];
        self.site.text(JOBCENTER, "system", &command.concat())
    }

    /// What a body's function fetches of conferences, as kinds.
    fn take(&self, agency: &str, function: &str) -> Vec<String> {
        let sealing = self.site.sealing(agency);
        let take = ["agency", "conference", "take", "--function", function, "--sealing", &sealing];
        let taken = self.site.ask(agency, "system", &take);
        list(&taken["taken"]).iter().map(|one| text_of(one, "kind")).collect()
    }

    /// The conference as an agency shows it: to programs, and to people.
    fn show(&self, agency: &str) -> (Value, String) {
        let show = ["agency", "conference", "show", "--conference", &self.conference];
        let value = self.site.ask(agency, "system", &show);
        (value, self.site.text(agency, "system", &show))
    }

    /// Titles of the items that a body holds, by what it shows.
    fn held(&self, agency: &str) -> Vec<String> {
        let (value, _) = self.show(agency);
        list(&value["items"]).iter().map(|item| text_of(item, "title")).collect()
    }

    /// Takes a category out of the only grant of a consent.
    fn narrow(&self, consent: &str, category: &str) {
        let narrow = ["lotse", "consent", "narrow", "--participant", &self.own, "--yes"];
        let what = ["--consent", consent, "--grant", "1", "--drop-category", category];
        self.site.lotse(&[&narrow[..], &what].concat());
    }

    /// The bytes of the convener's file.
    fn file(&self) -> String {
        let path = format!("conferences-{JOBCENTER}/{}.json", self.conference);
        std::fs::read_to_string(self.site.path(&path)).unwrap()
    }
}

/// The error of a command that fails.
fn refused(site: &Site, agency: &str, command: &[&str]) -> String {
    let (code, value) = site.run(agency, "system", command);
    assert_eq!(code, 1, "{command:?}: {value}");
    text_of(&value, "error")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// Bodies and items of a list of parts, without the messages.
fn parts(value: &Value) -> Vec<(String, Option<String>)> {
    let part = |part: &Value| (text_of(part, "body"), part["item"].as_str().map(str::to_owned));
    let mut parts: Vec<_> = list(value).iter().map(part).collect();
    parts.sort();
    parts
}

fn body<'a>(shown: &'a Value, address: &str) -> &'a Value {
    let found = list(&shown["bodies"]).iter().find(|body| body["body"] == address);
    found.unwrap_or_else(|| panic!("no {address} in {shown}"))
}

#[test]
fn the_broker_is_asked_before_anybody_is_invited() {
    let case = Convened::start();
    let debts = &case.items[2];
    let before = case.file();
    let asked = case.convener(&["invite", "--dry-run"]);
    let two = json!([case.items[0], case.items[1]]).as_array().unwrap().clone();
    for invited in list(&asked["invite"]) {
        let items = list(&invited["items"]);
        assert!(items.len() == 2 && two.iter().all(|item| items.contains(item)), "{asked}");
    }
    let nobody = [(TO_DRV, debts), (TO_KASSE, debts)];
    let nobody = nobody.map(|(body, item)| (body.to_owned(), Some(item.clone())));
    assert_eq!(parts(&asked["not_covered"]), nobody);
    assert_eq!((case.take(DRV, "reha-beratung"), case.file()), (vec![], before), "only asked");
    let invited = case.convener(&["invite"]);
    let sent = list(&invited["sent"]);
    assert_eq!(sent.len(), 6, "{invited}");
    assert!(sent.iter().all(|one| one["result"] == "accepted"), "{invited}");
    assert_eq!(invited["not_covered"], asked["not_covered"]);
    assert_eq!(case.take(DRV, "reha-beratung").len(), 3);
    assert_eq!(case.held(DRV).len(), 2);
    // Nobody but the convener asked, and each question is a record: two frames and six items, three times.
    let reason = ["--reason", "check of the questions"];
    let log = ["dpo", "log", "--type", "coverage-asked"];
    let log = case.site.ask("projekt", "dpo", &[&log[..], &reason].concat());
    assert_eq!(list(&log["rows"]).len(), 24, "each question once");
}

/// What is no longer covered is recalled by the review, also where the broker alone would still hand it out.
#[test]
fn a_review_recalls_what_is_no_longer_covered_and_nothing_else() {
    let case = Convened::start();
    let (health, rent) = (case.items[0].clone(), case.items[1].clone());
    case.convener(&["invite"]);
    let nothing = case.convener(&["review"]);
    assert_eq!((list(&nothing["recall"]).len(), list(&nothing["go_on"]).len()), (0, 6));

    // The DRV may no longer be told of health; the Krankenkasse no longer of the date, so that it leaves.
    case.narrow(&case.to_drv, "gesundheit");
    case.narrow(&case.to_kasse, "termine");
    let before = case.file();
    let asked = case.convener(&["review", "--dry-run"]);
    let kasse = [None, Some(health.clone()), Some(rent.clone())];
    let mut expected: Vec<_> = kasse.into_iter().map(|item| (TO_KASSE.to_owned(), item)).collect();
    expected.push((TO_DRV.to_owned(), Some(health.clone())));
    expected.sort();
    assert_eq!(parts(&asked["recall"]), expected);
    assert_eq!((&asked["leave"], &asked["recalled"]), (&json!([TO_KASSE]), &json!([])));
    assert_eq!(case.file(), before, "only asked");

    let reviewed = case.convener(&["review"]);
    assert_eq!(parts(&reviewed["recalled"]), expected);
    assert_eq!(parts(&reviewed["too_late"]), []);
    // Housing is still covered for the Krankenkasse: without the recall it would be handed out.
    assert_eq!(case.take(KRANKENKASSE, "krankengeld"), [] as [&str; 0]);
    assert_eq!(case.take(DRV, "reha-beratung").len(), 2, "the invitation and one item");
    assert_eq!(case.held(DRV), ["Mietrückstand"]);
    let (shown, text) = case.show(JOBCENTER);
    assert_eq!(body(&shown, TO_DRV)["recalled"], json!([health]));
    assert_eq!(body(&shown, TO_DRV)["items"], json!([rent]));
    assert_eq!(body(&shown, TO_KASSE)["invited"], false);
    assert!(text.contains(&format!("{TO_KASSE}: Einladung zurückgerufen")), "{text}");
    assert!(text.contains(&format!("zurückgerufen bei {TO_DRV}")), "{text}");
    let (_, theirs) = case.show(DRV);
    assert!(!theirs.contains("zurück") && !theirs.contains("krankenkasse"), "{theirs}");

    // What was handed out stays there, and the convener is told so.
    case.site.lotse(&["lotse", "consent", "revoke", "--yes", "--consent", &case.to_drv]);
    let reviewed = case.convener(&["review"]);
    let late = [None, Some(rent.clone())].map(|item| (TO_DRV.to_owned(), item));
    assert_eq!(parts(&reviewed["too_late"]), late);
    assert_eq!((&reviewed["recalled"], &reviewed["go_on"]), (&json!([]), &json!([])));
    let (shown, text) = case.show(JOBCENTER);
    assert_eq!(body(&shown, TO_DRV)["too_late"], json!([rent]));
    assert!(text.contains(&format!("zu spät zurückgerufen bei {TO_DRV}")), "{text}");
    assert_eq!(case.convener(&["review"])["recall"], json!([]), "once");
}

/// The Lotse knows the consents; what stands beside them, only the broker's answer knows.
#[test]
fn a_lotse_convenes_by_the_brokers_answer_and_not_by_the_consents_alone() {
    let site = Site::with(QUESTIONS);
    site.publish(DRV, "reha-beratung");
    site.publish(KRANKENKASSE, "krankengeld");
    let own = site.register();
    site.reference(&own, DRV);
    std::fs::create_dir(site.path(&format!("conferences-{LOTSE_AGENCY}"))).unwrap();
    let named = ["termine", "gesundheit", "wohnen"];
    site.consent(&own, PURPOSE, &[(LOTSE_AGENCY, TO_DRV, named.as_slice())]);
    let plan = PLAN.replace("jobcenter-stadt-regensburg/fallmanagement", "lotsenstelle/lotse");
    let plan = site.write("plan.toml", &plan);
    let convene = ["lotse", "conference", "plan", &plan, "--participant", &own];
    let conference = text_of(&site.lotse(&convene), "conference");
    let invite = ["lotse", "conference", "invite", "--conference", &conference];
    let asked = || site.lotse(&[&invite[..], &["--dry-run"]].concat());
    let items = |answer: &Value| list(&answer["invite"][0]["items"]).len();
    let before = asked();
    assert_eq!((list(&before["invite"]).len(), items(&before)), (1, 2), "no consent: Krankenkasse");
    let objection = ["lotse", "objection", "record", "--participant", &own, "--yes"];
    site.lotse(&[&objection[..], &["--agency", DRV, "--category", "gesundheit"]].concat());
    assert_eq!(items(&asked()), 1, "the consent is the same");
    assert_eq!(list(&site.lotse(&invite)["sent"]).len(), 2, "the invitation and one item");
}

/// Each step says what is missing, and none looks as if it had been done.
#[test]
fn steps_in_the_wrong_order_are_refused_and_a_second_invitation_sends_only_what_is_new() {
    let case = Convened::start();
    let date = "2035-12-08T09:00:00Z";
    let fixed = case.refused(JOBCENTER, &["fix", "--date", date]);
    assert!(fixed.ends_with("bodies were invited; first: conference invite"), "{fixed}");
    let told = case.told(&["invite"]);
    let debts = &case.items[2];
    for body in [TO_DRV, TO_KASSE] {
        let left_out = format!("{body}: does not receive {debts}: Ratenplan: not covered");
        assert!(told.contains(&left_out), "{told}");
    }
    let again = case.told(&["invite"]);
    assert!(again.contains("nothing is newly covered") && !again.contains("accepted"), "{again}");
    assert_eq!(case.take(DRV, "reha-beratung").len(), 3, "nothing came twice");

    // A consent of its own for the debts: that item, to that body, and nothing else.
    let named = ["termine", "schulden-finanzen"];
    case.site.consent(&case.own, PURPOSE, &[(JOBCENTER, TO_DRV, named.as_slice())]);
    let newly = format!("newly covered: {TO_DRV}: {debts}: Ratenplan");
    let reviewed = case.told(&["review", "--dry-run"]);
    assert!(reviewed.contains(&newly), "{reviewed}");
    let again = case.told(&["invite"]);
    let accepted = format!("fallkonferenz.part to {TO_DRV}: accepted");
    assert!(again.contains(&newly) && again.matches("accepted").count() == 1, "{again}");
    assert!(again.contains(&accepted), "{again}");
    assert_eq!(case.take(DRV, "reha-beratung"), ["fallkonferenz.part"]);
    assert_eq!(case.held(DRV), ["Begutachtung", "Mietrückstand", "Ratenplan"]);

    case.convener(&["fix", "--date", date]);
    case.convener(&["cancel", "--reason", "settled"]);
    for step in [&["fix", "--date", date][..], &["invite"], &["cancel", "--reason", "settled"]] {
        let over = case.refused(JOBCENTER, step);
        assert!(over.contains("expected one that was not cancelled"), "{over}");
    }
}

/// A day is a day from the plan to the agreement, and what the next step needs stands in the text.
#[test]
fn days_are_shown_as_days_and_identifiers_are_there_for_the_next_step() {
    let case = Convened::start();
    case.convener(&["invite"]);
    let inbox = ["agency", "inbox", "--function", "krankengeld", "--sealing"];
    let sealing = case.site.sealing(KRANKENKASSE);
    let inbox = case.site.text(KRANKENKASSE, "system", &[&inbox[..], &[sealing.as_str()]].concat());
    for line in ["Vorschlag: 08.12.2035, 10:00 Uhr, 60 Minuten", "Antwort bis: 01.12.2035\n"] {
        assert!(inbox.contains(line), "{inbox}");
    }
    assert!(!inbox.contains("answer by") && !inbox.contains("starts at"), "{inbox}");
    case.take(DRV, "reha-beratung");
    let (value, text) = case.show(DRV);
    assert_eq!(value["answer_by"], "2035-12-01T23:00:00Z");
    assert!(text.contains("Antwort bis     01.12.2035\n"), "{text}");
    assert!(text.contains("auf die Einladung antworten, bis 01.12.2035\n"), "{text}");
    let health = &case.items[0];
    assert!(text.contains(&format!("Kennung         {health}")), "{text}");
    assert_eq!(case.held(DRV), ["Begutachtung", "Mietrückstand"], "as in the plan");
    assert_eq!(case.held(JOBCENTER), ["Begutachtung", "Mietrückstand", "Ratenplan"]);

    let minutes = format!(
        "text = \"Besprochen.\"\n[[agreement]]\nwho = \"{TO_DRV}\"\nwhat = \"Antrag prüfen\"\n\
         until = \"2035-12-31\"\n"
    );
    let minutes = case.site.write("minutes.toml", &minutes);
    let other = "0".repeat(32);
    let wrong = case.refused(JOBCENTER, &["minutes", "--item", &other, &minutes]);
    assert_eq!(wrong, "item: expected an item of this conference; see: conference show");
    case.convener(&["minutes", "--item", health, &minutes]);
    case.take(DRV, "reha-beratung");
    let (value, text) = case.show(DRV);
    assert!(text.contains("Antrag prüfen – bis 31.12.2035: offen\n"), "{text}");
    let agreement = text_of(&value["items"][0]["agreements"][0], "agreement");
    assert!(text.contains(&format!("    Kennung       {agreement}\n")), "{text}");
    let wrong = case.refused(DRV, &["agreement", "--agreement", &other, "--kept", "2026-01-01"]);
    assert_eq!(wrong, "agreement: expected an agreement of this conference; see: conference show");
    let kept = ["agreement", "--agreement", &agreement, "--kept"];
    let future = case.refused(DRV, &[&kept[..], &["2035-12-20"]].concat());
    assert_eq!(future, "kept: expected a day or a time that has come");
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_refused_when_it_is_made() {
    let site = Site::with(QUESTIONS);
    let own = site.register();
    let theirs = site.reference(&own, JOBCENTER);
    std::fs::create_dir(site.path(&format!("conferences-{JOBCENTER}"))).unwrap();
    let day = "answer_by = \"2035-12-01\"";
    for (right, wrong, expected) in [
        (day, "answer_by = \"2020-12-01\"", "answer_by: expected a day or a time in the future"),
        (day, "answer_by = \"2035-12-08\"", "answer_by: expected a day before the first date"),
        (day, "answer_by = \"bald\"", "answer_by: expected a day (2026-12-01)"),
        ("2035-12-08T", "2020-12-08T", "date: expected dates in the future"),
        ("2035-12-08T09:00:00Z", "2035-12-08", "starts_at: expected a time with its offset"),
        (
            "[\"wohnen\"]",
            "[\"wohnung\"]",
            "categories: expected codes of the catalogue, not wohnung",
        ),
        (
            "convener = \"jobcenter-stadt-regensburg/",
            "convener = \"lotsenstelle/",
            "convener: expected a function of jobcenter-stadt-regensburg, the certificate's agency",
        ),
    ] {
        assert!(PLAN.contains(right));
        let plan = site.write("plan.toml", &PLAN.replace(right, wrong));
        let convene = ["agency", "conference", "plan", &plan, "--participant", &theirs];
        let error = refused(&site, JOBCENTER, &convene);
        assert!(error.starts_with(expected), "{error}");
    }
}

/// Typing errors in a function are no refusal by a consent.
#[test]
fn a_body_that_the_directory_does_not_know_is_an_error_before_anything_is_asked() {
    let site = Site::with(QUESTIONS);
    for (agency, function) in [(JOBCENTER, "fallmanagement"), (DRV, "reha-beratung")] {
        site.publish(agency, function);
    }
    let own = site.register();
    let theirs = site.reference(&own, JOBCENTER);
    std::fs::create_dir(site.path(&format!("conferences-{JOBCENTER}"))).unwrap();
    let convened = |plan: &str| {
        let plan = site.write("plan.toml", plan);
        let convene = ["agency", "conference", "plan", &plan, "--participant", &theirs];
        text_of(&site.ask(JOBCENTER, "system", &convene), "conference")
    };
    let typed = convened(&PLAN.replace("reha-beratung", "reha-beratnug"));
    let invite = ["agency", "conference", "invite", "--conference"];
    for (conference, expected) in [
        (typed, "bodies: expected a function of drv-bayern-sued: reha-beratung, not"),
        (convened(PLAN), "bodies: expected an agency of the directory, not krankenkasse-nord"),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let command = [&invite[..], &[conference.as_str()], more].concat();
            let error = refused(&site, JOBCENTER, &command);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}

/// Nobody invited is no success.
#[test]
fn whom_no_consent_covers_is_named_as_left_out() {
    let case = Convened::start();
    for consent in [&case.to_drv, &case.to_kasse] {
        case.site.lotse(&["lotse", "consent", "revoke", "--yes", "--consent", consent]);
    }
    let command = ["agency", "conference", "invite", "--conference", &case.conference];
    let (code, value) = case.site.run(JOBCENTER, "system", &command);
    assert_eq!((code, list(&value["sent"]).len()), (3, 0), "{value}");
    let left_out = list(&value["not_covered"]).iter().filter(|part| part["item"].is_null());
    assert_eq!(left_out.count(), 2, "{value}");
}
