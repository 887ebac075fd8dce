//! Deadlines, statutory channels and consent texts from templates, with the program `schleuse` against a broker.

use std::path::Path;

use serde_json::Value;

use super::site::{self, Site};
use crate::broker::repository;
use crate::raw::{DRV, JOBCENTER, LOTSE_AGENCY};

/// The day of joining: before anything is sent.
const DAY: &str = "2025-03-02";

fn publish(site: &Site) {
    site.publish(JOBCENTER, "fallmanagement");
    site.publish(DRV, "reha-beratung");
}

/// Registers a participant; the Lotse's reference and those of both agencies.
fn register(site: &Site) -> [String; 3] {
    let own = site.register();
    let (jobcenter, drv) = (site.reference(&own, JOBCENTER), site.reference(&own, DRV));
    [own, jobcenter, drv]
}

fn send(
    site: &Site,
    from: (&str, &str),
    to: &str,
    reference: &str,
    kind: &str,
    more: &[&str],
) -> (i32, Value) {
    let purpose = kind.split_once('.').unwrap().0;
    let (agency, function) = from;
    let send = [
        "agency",
        "send",
        "--participant",
        reference,
        "--to",
        to,
        "--as",
        function,
        "--purpose",
        purpose,
        "--kind",
        kind,
        "--category",
        "termine",
    ];
    let example = schleuse_client::MessageKind::find(kind).unwrap().example_json().unwrap();
    let example = site.write(&format!("{kind}.json"), &example.to_string());
    let content = ["--json-content", example.as_str()];
    site.run(agency, "system", &[&send[..], &content, more].concat())
}

fn grants(rows: &[(&str, &str)]) -> String {
    let rows: Vec<_> = rows.iter().map(|(from, to)| (*from, *to, &["termine"][..])).collect();
    site::grants("zustaendigkeit", &rows)
}

const TO_DRV: &str = "drv-bayern-sued/reha-beratung";
const TO_JOBCENTER: &str = "jobcenter-stadt-regensburg/fallmanagement";

fn one<'a>(answer: &'a Value, rule: &str) -> &'a Value {
    let all = answer["deadlines"].as_array().unwrap();
    all.iter().find(|one| one["rule"] == rule).unwrap_or_else(|| panic!("no {rule} in {answer}"))
}

/// An application is asked about and taken on; both agencies and the Lotse see the same time limits, each from
/// its own records.
#[test]
fn deadlines_follow_from_what_was_sent_and_received() {
    let site = Site::start();
    publish(&site);
    let [own, jobcenter, drv] = register(&site);
    let file = site.write("grants.toml", &grants(&[(JOBCENTER, TO_DRV), (DRV, TO_JOBCENTER)]));
    let template = repository().join("ops/reference/consent-templates/unterlagen.md");
    let template = template.to_str().unwrap();
    let text = site.path("text.txt");
    let record = ["lotse", "consent", "record", "--participant", &own, "--grants", &file];
    let with = ["--template", template, "--text-out", &text];
    let consent = site.lotse(&[&record[..], &with].concat())["consent"].clone();

    let (code, sent) =
        send(&site, (JOBCENTER, "fallmanagement"), TO_DRV, &jobcenter, "zustaendigkeit.ask", &[]);
    assert_eq!(code, 0, "{sent}");
    let thread = sent["thread"].as_str().unwrap().to_owned();
    let due = ["agency", "deadlines"];
    let theirs = site.ask(JOBCENTER, "system", &due);
    let first = one(&theirs, "sgb9-14-1-1");
    assert_eq!((&first["state"], &first["ours"]), (&"open".into(), &false.into()), "{first}");
    assert_eq!(first["norm"], "§ 14 Abs. 1 Satz 1 SGB IX");
    assert_eq!((&first["obliged"], &first["receipt_known"]), (&DRV.into(), &false.into()));

    let sealing = site.sealing(DRV);
    let inbox = ["agency", "inbox", "--function", "reha-beratung", "--sealing", &sealing];
    let received = site.ask(DRV, "system", &inbox);
    assert_eq!(received.as_array().unwrap().len(), 1);
    let ours = site.ask(DRV, "system", &due);
    let first = one(&ours, "sgb9-14-1-1");
    assert_eq!((&first["ours"], &first["receipt_known"]), (&true.into(), &true.into()), "{first}");
    assert_eq!(first["participant"], drv.as_str());
    // No content and no name lies in the case file.
    let lines = std::fs::read_to_string(site.path(&format!("case-{DRV}.jsonl"))).unwrap();
    assert!(!lines.contains("Klärung") && lines.lines().count() == 1, "{lines}");
    // What `inbox --json` printed can be read in its place.
    let printed = site.write("inbox.json", &received.to_string());
    let from_inbox = site.ask(DRV, "system", &["agency", "deadlines", "--case-file", &printed]);
    assert_eq!(one(&from_inbox, "sgb9-14-1-1"), first);

    let more = ["--thread", thread.as_str()];
    let answer = "zustaendigkeit.take-on";
    let (code, _) = send(&site, (DRV, "reha-beratung"), TO_JOBCENTER, &drv, answer, &more);
    assert_eq!(code, 0);
    let all = ["agency", "deadlines", "--all"];
    let ours = site.ask(DRV, "system", &all);
    assert_eq!(one(&ours, "sgb9-14-1-1")["state"], "met");
    assert_eq!(one(&ours, "sgb9-14-2-2")["state"], "open");

    let list = ["lotse", "deadlines", "--participant", &own, "--all", "--joined", DAY];
    let seen = site.lotse(&list);
    assert_eq!(one(&seen, "sgb9-14-1-1")["state"], "met");
    assert_eq!(one(&seen, "sgb9-14-1-1")["due"], one(&ours, "sgb9-14-1-1")["due"]);
    // What the Lotse states about the participation counts before what the log knows of it.
    assert_eq!(one(&seen, "projekt-ende")["due"], "2027-03-01");
    let review = one(&seen, "projekt-ueberpruefung");
    assert_eq!(review["thread"], consent, "{review}");
}

/// INVARIANT (uniform-refusal): the channel depends only on what the sender itself named.
#[test]
fn a_refusal_points_to_the_statutory_channel_and_says_nothing_else() {
    let site = Site::start();
    publish(&site);
    let [own, jobcenter, _drv] = register(&site);
    let refused = |reference: &str, kind: &str| {
        let (code, mut value) =
            send(&site, (JOBCENTER, "fallmanagement"), TO_DRV, reference, kind, &[]);
        assert_eq!(code, 3, "{value}");
        assert!(value.as_object_mut().unwrap().remove("record").is_some());
        value
    };
    let unknown = "a".repeat(26);
    let never_given = refused(&jobcenter, "zustaendigkeit.ask");
    assert_eq!(never_given["statutory"]["norm"], "§§ 14, 15 SGB IX, § 16 Abs. 2 SGB I");
    assert_eq!(refused(&unknown, "zustaendigkeit.ask"), never_given);
    let file = site.write("grants.toml", &grants(&[(JOBCENTER, TO_DRV)]));
    let text = site.write("text.txt", "Ich bin einverstanden.");
    let record = ["lotse", "consent", "record", "--participant", &own, "--grants", &file];
    let with = ["--text", &text, "--text-version", "1"];
    let consent =
        site.lotse(&[&record[..], &with].concat())["consent"].as_str().unwrap().to_owned();
    site.lotse(&["lotse", "consent", "revoke", "--yes", "--consent", &consent]);
    assert_eq!(refused(&jobcenter, "zustaendigkeit.ask"), never_given, "revoked");
    assert_eq!(refused(&jobcenter, "nachbetreuung.note")["statutory"], Value::Null);
    // Nothing that was refused is entered anywhere.
    assert!(!Path::new(&site.path(&format!("case-{JOBCENTER}.jsonl"))).exists());
}

/// The text that was signed, the template and the grants are one, or nothing is recorded.
#[test]
fn a_text_from_a_template_names_exactly_the_grants_or_nothing_is_recorded() {
    let site = Site::start();
    publish(&site);
    let [own, _, _] = register(&site);
    let file = site.write("grants.toml", &grants(&[(JOBCENTER, TO_DRV)]));
    let template = repository().join("ops/reference/consent-templates/unterlagen.md");
    let template = template.to_str().unwrap();
    let text = site.path("text.txt");
    let render = ["lotse", "template", "render", template, "--grants", &file, "--out", &text];
    let rendered = site.lotse(&render);
    assert_eq!(rendered["version"], "unterlagen/2026-1");
    let words = std::fs::read_to_string(&text).unwrap();
    assert!(words.contains("Wer bekommt: drv-bayern-sued/reha-beratung"), "{words}");
    assert!(words.contains("Lotsin, Telefon 0941 0000"), "{words}");

    let recorded = |grants: &str, text: &str| {
        let record = ["lotse", "consent", "record", "--participant", &own, "--grants", grants];
        let with = ["--template", template, "--text", text];
        site.run(LOTSE_AGENCY, "lotse-l-01", &[&record[..], &with].concat())
    };
    let list = || site.lotse(&["lotse", "consent", "list", "--participant", &own]);
    let wider = site.write("wider.toml", &grants(&[(JOBCENTER, TO_DRV), (DRV, TO_JOBCENTER)]));
    let (code, error) = recorded(&wider, &text);
    assert!(code == 1 && error["error"].as_str().unwrap().contains("line "), "{error}");
    let changed = site.write("changed.txt", &words.replace("nicht erlaubt", "erlaubt"));
    assert_eq!(recorded(&file, &changed).0, 1);
    assert_eq!(list().as_array().unwrap().len(), 0, "nothing was recorded");
    let (code, answer) = recorded(&file, &text);
    assert_eq!(code, 0, "{answer}");
    let consents = list();
    assert_eq!(consents[0]["text_version"], "unterlagen/2026-1");
    // The receipt prints the text only if its hash is the one in the signed document.
    let consent = answer["consent"].as_str().unwrap();
    let page = site.path("receipt.html");
    let receipt = ["lotse", "consent", "receipt", "--participant", &own, "--consent", consent];
    site.lotse(&[&receipt[..], &["--out", &page, "--text", &text]].concat());
    assert!(std::fs::read_to_string(&page).unwrap().contains("Mehr ist nicht erlaubt."));

    let broken = std::fs::read_to_string(template).unwrap().replace("jederzeit", "später");
    let broken = site.write("broken.md", &broken);
    let (code, faults) =
        site.run(LOTSE_AGENCY, "lotse-l-01", &["lotse", "template", "lint", &broken]);
    assert_eq!((code, faults.as_array().unwrap().len()), (1, 1), "{faults}");
    assert!(faults[0]["line"].as_u64().unwrap() > 10);
}
