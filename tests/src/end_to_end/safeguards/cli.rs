//! Releases, objections, restriction, the end of a participation, duties to delete, and consents of representatives, with
//! the program `schleuse` of every party.

use serde_json::{Value, json};

use crate::broker::{TestBroker, TestClock};
use crate::end_to_end::site::{Site, text_of};
use crate::pki::Pki;
use crate::raw::{DRV, JOBCENTER, LOTSE_AGENCY};

const FROM: &str = "jobcenter-stadt-regensburg/fallmanagement";
const TO: &str = "drv-bayern-sued/reha-beratung";
const PURPOSE: &str = "hilfeplanung";
const DAY_MS: u64 = 24 * 3_600_000;

/// A participant whose help plan the Jobcenter may send to the DRV.
struct Participant {
    site: Site,
    own: String,
    jobcenter: String,
    consent: String,
}

impl Participant {
    fn of(site: Site) -> Self {
        site.publish(JOBCENTER, "fallmanagement");
        site.publish(DRV, "reha-beratung");
        let own = site.register();
        let [jobcenter, _] = [JOBCENTER, DRV].map(|agency| site.reference(&own, agency));
        let consent = site.consent(&own, PURPOSE, &[(JOBCENTER, TO, &["hilfeplan"])]);
        Self { site, own, jobcenter, consent }
    }

    /// A command of the Lotse's about the participant.
    fn lotse(&self, arguments: &[&str]) -> Value {
        let command = [&["lotse"], arguments, &["--participant", &self.own]];
        self.site.lotse(&command.concat())
    }

    /// Sends; whether it was covered.
    fn sends(&self, more: &[&str]) -> bool {
        let send = ["agency", "send", "--participant", &self.jobcenter, "--to", TO];
        let label = ["--as", "fallmanagement", "--purpose", PURPOSE, "--category", "hilfeplan"];
        let content = ["--kind", "hilfeplan.note", "--text", "anbei"];
        let command = [&send[..], &label, &content, more].concat();
        match self.site.run(JOBCENTER, "system", &command) {
            (0, _) => true,
            (3, _) => false,
            (code, value) => panic!("{code}: {value}"),
        }
    }

    /// How many messages the DRV fetches and takes up.
    fn fetches(&self) -> usize {
        let sealing = self.site.sealing(DRV);
        let inbox = ["agency", "inbox", "--function", "reha-beratung", "--sealing", &sealing];
        let received = self.site.ask(DRV, "system", &[&inbox[..], &["--acknowledge"]].concat());
        received.as_array().unwrap().len()
    }
}

#[test]
fn a_release_is_recorded_listed_and_revoked() {
    let person = Participant::of(Site::start());
    let secret = ["--professional-secret"];
    assert!(!person.sends(&secret), "no release");
    let text = person.site.write("release.txt", "Ich entbinde von der Schweigepflicht.");
    let terms = ["release", "record", "--holder", FROM, "--addressee", TO, "--purpose", PURPOSE];
    let with = ["--category", "hilfeplan", "--text", &text, "--text-version", "1"];
    let recorded = person.lotse(&[&terms[..], &with, &["--evidence", &text]].concat());
    let release = text_of(&recorded, "release");
    assert!(person.sends(&secret) && person.sends(&[]));
    let listed = person.lotse(&["release", "list"]);
    assert_eq!((&listed[0]["state"], &listed[0]["holder"]), (&json!("active"), &json!(FROM)));
    let revoked = person.lotse(&["release", "revoke", "--yes", "--release", &release]);
    assert_eq!(revoked["stopped_messages"], 1, "the secret one: {revoked}");
    assert!(!person.sends(&secret));
    assert_eq!(person.lotse(&["release", "list"])[0]["state"], "ended");
    assert_eq!(person.fetches(), 1, "what is no secret goes on");
}

#[test]
fn an_objection_stops_and_its_end_lets_pass_again() {
    let person = Participant::of(Site::start());
    assert!(person.sends(&[]));
    let objection = ["objection", "record", "--yes", "--agency", DRV, "--category", "hilfeplan"];
    let recorded = person.lotse(&objection);
    assert_eq!(recorded["stopped_messages"], 1, "{recorded}");
    assert_eq!((person.sends(&[]), person.fetches()), (false, 0));
    let listed = person.lotse(&["objection", "list"]);
    assert_eq!((&listed[0]["state"], &listed[0]["parties"]), (&json!("active"), &json!([DRV])));
    let objection = text_of(&recorded, "objection");
    person.lotse(&["objection", "withdraw", "--objection", &objection]);
    assert_eq!(person.lotse(&["objection", "list"])[0]["state"], "ended");
    assert_eq!((person.sends(&[]), person.fetches()), (true, 1));
}

#[test]
fn a_restriction_holds_messages_back_until_it_ends_and_the_end_of_participation_is_final() {
    let person = Participant::of(Site::start());
    assert!(person.sends(&[]));
    assert_eq!(person.lotse(&["participant", "restrict"])["restricted"], true);
    assert_eq!((person.sends(&[]), person.fetches()), (false, 0));
    assert_eq!(person.lotse(&["participant", "restrict", "--end"])["restricted"], false);
    assert_eq!((person.sends(&[]), person.fetches()), (true, 2), "what waited goes on");
    assert!(person.sends(&[]));
    let ended = person.lotse(&["participant", "end", "--yes"]);
    assert_eq!(ended["stopped_messages"], 1, "{ended}");
    assert_eq!((person.sends(&[]), person.fetches()), (false, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_to_delete_is_listed_answered_and_reported_when_it_is_overdue() {
    let clock = TestClock::starting_now();
    let days = "[messages]\ndeletion_due_days = 1\n";
    let broker = TestBroker::with(Pki::shared(), clock.clone(), days).await;
    let person = Participant::of(Site::at(broker.address()));
    // The consent begins at an instant of the program's clock, and this one stands still.
    clock.advance(60_000);
    assert!(person.sends(&[]));
    assert_eq!(person.fetches(), 1);
    let officer = |agency: &str, arguments: &[&str]| {
        person.site.run(agency, "dpo", &[&["dpo", "deletions"], arguments].concat())
    };
    assert_eq!(officer(DRV, &[]), (0, json!([])));
    person.site.lotse(&["lotse", "consent", "revoke", "--yes", "--consent", &person.consent]);
    let duties = person.site.ask(DRV, "system", &["agency", "deletions", "--open"]);
    let duty = duties[0]["duty"].to_string();
    assert_eq!((&duties[0]["recipient"], &duties[0]["answer"]), (&json!(TO), &Value::Null));
    assert_eq!(officer(DRV, &["--overdue"]), (0, json!([])), "not due yet");
    clock.advance(2 * DAY_MS);
    for agency in [DRV, "projekt"] {
        let (code, overdue) = officer(agency, &["--overdue"]);
        assert_eq!((code, overdue[0]["duty"].to_string()), (1, duty.clone()), "{agency}");
    }
    assert_eq!(officer(JOBCENTER, &["--overdue"]), (0, json!([])), "a sender has no duty");
    let rule = ["agency", "confirm-deletion", &duty, "--retained", "§ 84 SGB X"];
    person.site.ask(DRV, "system", &rule);
    assert_eq!(officer(DRV, &["--overdue"]), (0, json!([])));
    let (code, all) = officer("projekt", &[]);
    assert!(code == 0 && all[0]["answer"].to_string().contains("§ 84 SGB X"), "{all}");
}

/// A representative consents within the representation only, and the list says who consented.
#[test]
fn a_representative_consents_within_the_representation() {
    let person = Participant::of(Site::start());
    let text = person.site.path("text.txt");
    let record = |categories: &str, more: &[&str]| {
        let grant = ["--from", JOBCENTER, "--to", TO, "--purpose", "unterlagen"];
        let record = ["lotse", "consent", "record", "--participant", &person.own];
        let given = ["--category", categories, "--text", &text, "--text-version", "1"];
        let evidence = ["--evidence", &text];
        let command = [&record[..], &grant, &given, &evidence, more].concat();
        person.site.run(LOTSE_AGENCY, "lotse-l-01", &command)
    };
    let betreuer = ["--representative", "betreuer", "--scope", "Gesundheitssorge"];
    let scope = ["--scope-purpose", "unterlagen", "--scope-category", "gesundheit"];
    let betreuer = [&betreuer[..], &scope].concat();
    let (code, error) = record("gesundheit,wohnen", &betreuer);
    assert_eq!((code, &error["reason"]), (1, &json!("ERROR_REASON_REPRESENTATION_EXCEEDED")));
    let early = [&betreuer[..], &["--scope-until", "2026-01-01"]].concat();
    assert_eq!(record("gesundheit", &early).0, 1, "the representation ended before");
    let (code, recorded) = record("gesundheit", &betreuer);
    assert_eq!(code, 0, "{recorded}");
    let listed = person.lotse(&["consent", "list"]);
    let given_by = |consent: &Value| {
        let mut all = listed.as_array().unwrap().iter();
        all.find(|one| one["consent"] == *consent).unwrap()["given_by"].clone()
    };
    assert_eq!(given_by(&json!(person.consent)), json!({ "representative": null }));
    let expected = json!({
        "representative": "betreuer",
        "scope": "Gesundheitssorge",
        "purposes": ["unterlagen"],
        "categories": ["gesundheit"],
        "until": null,
    });
    assert_eq!(given_by(&recorded["consent"]), expected);
    let list = ["lotse", "consent", "list", "--participant", &person.own];
    let table = person.site.text(LOTSE_AGENCY, "lotse-l-01", &list);
    assert!(
        table.contains("betreuer: Gesundheitssorge") && table.contains("participant"),
        "{table}"
    );
}
