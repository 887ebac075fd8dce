//! March 2027: a Fallkonferenz. Each body gets exactly the items that a consent covers for it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::demo::acts::{Case, Paper, consent, count};
use crate::demo::parties::{
    BEZIRK, DRV, JOBCENTER, KRANKENKASSE, LOTSE, Party, SOZIALHILFE, Stage, text,
};
use crate::demo::{chapter, claim};

/// A sentence of the agenda that must never lie in the open.
const REHA: &str = "Wer ist zuständig für die medizinische Rehabilitation?";
const RENT: &str = "Wie bleibt die Wohnung gesichert?";
const LIVING: &str = "Wovon lebt er bis dahin?";
/// Who may hear of what, by the consent.
const COVERED: [(Party, &str, &[&str]); 4] = [
    (JOBCENTER, "termine,leistungsbezug,gesundheit", &[REHA, LIVING]),
    (DRV, "termine,gesundheit", &[REHA]),
    (BEZIRK, "termine,wohnen", &[RENT]),
    (SOZIALHILFE, "termine,leistungsbezug", &[LIVING]),
];

/// The folder of conferences of a party.
fn folder(stage: &Stage, party: Party) -> String {
    let folder = stage.file(&format!("conferences/{}", party.agency));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a command about the conference.
fn conference(stage: &Stage, party: Party, id: &str, arguments: &[&str]) -> Value {
    let role = if party == LOTSE { "lotse" } else { "agency" };
    let folder = folder(stage, party);
    let (verb, rest) = arguments.split_first().unwrap();
    let begin = [role, "conference", verb, "--conference", id, "--dir", &folder];
    let said = stage.ask(party, &[&begin, rest].concat());
    let sent = said["sent"].as_array().map_or(0, Vec::len);
    count(&stage.tally.accepted, sent);
    said
}

/// Takes in what came for a conference.
fn take(stage: &Stage, party: Party) -> usize {
    let role = if party == LOTSE { "lotse" } else { "agency" };
    let (folder, sealing) = (folder(stage, party), stage.sealing(party));
    let mut arguments = vec![role, "conference", "take", "--dir", &folder];
    arguments.extend(["--function", party.function, "--sealing", &sealing]);
    let taken = stage.ask(party, &arguments)["taken"].as_array().unwrap().len();
    count(&stage.tally.taken, taken);
    taken
}

/// Titles of the items that a party holds, with their identifiers.
fn items(stage: &Stage, party: Party, id: &str) -> BTreeMap<String, String> {
    let shown = conference(stage, party, id, &["show"]);
    let items = shown["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "title"), text(item, "item"))).collect()
}

/// From the invitation to agreements that are kept.
pub(super) fn play(stage: &Stage, case: &Case) {
    chapter(stage, "2027-03-02T09:00:00Z", "The Lotse invites to a Fallkonferenz");
    let both = |(party, categories, _): &(Party, &'static str, _)| {
        let purpose = "fallkonferenz";
        [(LOTSE, *party, purpose, *categories), (*party, LOTSE, purpose, *categories)]
    };
    let sentences: Vec<_> = COVERED.iter().flat_map(both).collect();
    consent(stage, case, Paper::Template("fallkonferenz.md"), 12, &sentences);
    let letter = std::fs::read_to_string(stage.file("einwilligung.txt")).unwrap();
    claim(
        "the consent is read out from a template in plain German, with who, what and how to revoke",
        letter.contains("freiwillig") && letter.contains("Widerruf") && letter.contains("DRV"),
    );
    let id = planned(stage, case);
    let invited = conference(stage, LOTSE, &id, &["invite"]);
    let invited = invited["sent"].as_array().unwrap();
    claim(
        "whom the consents do not cover is not invited: no word to the Krankenkasse",
        !invited.is_empty()
            && invited.iter().all(|one| {
                one["result"] == "accepted" && one["recipient"] != KRANKENKASSE.address().as_str()
            }),
    );
    claim("nothing waits for it", stage.inbox(KRANKENKASSE).is_empty());
    for (party, _, titles) in COVERED {
        take(stage, party);
        let held: Vec<String> = items(stage, party, &id).into_keys().collect();
        let mut expected = titles.to_vec();
        expected.sort_unstable();
        claim(&format!("{} holds exactly its items", party.display), held == expected);
    }
    dates(stage, case, &id);
    minutes(stage, &id);
}

fn planned(stage: &Stage, case: &Case) -> String {
    let bodies = [JOBCENTER, DRV, BEZIRK, SOZIALHILFE, KRANKENKASSE];
    let bodies: Vec<String> = bodies.iter().map(|body| format!("\"{}\"", body.address())).collect();
    let item = |title: &str, category: &str| {
        format!("[[item]]\ntitle = \"{title}\"\ncategories = [\"{category}\"]\nminutes = 20\n")
    };
    let plan = format!(
        "convener = \"{}\"\nbodies = [{}]\nplace = \"Lotsenstelle, Raum 2.14\"\n\
         answer_by = \"2027-03-09\"\n\
         [[date]]\nstarts_at = \"2027-03-16T09:00:00Z\"\nminutes = 60\n\
         [[date]]\nstarts_at = \"2027-03-18T13:00:00Z\"\nminutes = 60\n{}{}{}",
        LOTSE.address(),
        bodies.join(", "),
        item(REHA, "gesundheit"),
        item(RENT, "wohnen"),
        item(LIVING, "leistungsbezug"),
    );
    let plan = stage.write("plan.toml", &plan);
    let folder = folder(stage, LOTSE);
    let mut arguments = vec!["lotse", "conference", "plan", &plan, "--dir", &folder];
    arguments.extend(["--participant", &case.participant]);
    text(&stage.ask(LOTSE, &arguments), "conference")
}

fn dates(stage: &Stage, case: &Case, id: &str) {
    let answers: [(Party, &[&str]); 4] = [
        (JOBCENTER, &["--accept", "2027-03-16T09:00:00Z,2027-03-18T13:00:00Z"]),
        (DRV, &["--accept", "2027-03-18T13:00:00Z"]),
        (BEZIRK, &["--accept", "2027-03-18T13:00:00Z"]),
        (SOZIALHILFE, &["--decline", "in-writing"]),
    ];
    for (party, answer) in answers {
        conference(stage, party, id, &[&["answer"], answer].concat());
    }
    take(stage, LOTSE);
    let shown = conference(stage, LOTSE, id, &["show"]);
    let replies = shown["bodies"].as_array().unwrap().iter();
    let replies = replies.filter(|body| !body["reply"].is_null()).count();
    claim("all four bodies answered, one of them in writing", replies == 4);
    conference(stage, LOTSE, id, &["fix", "--date", "2027-03-18T13:00:00Z"]);
    for (party, ..) in COVERED {
        take(stage, party);
    }
    let shown = conference(stage, DRV, id, &["show"]);
    claim(
        "the DRV knows the date",
        shown["phase"] == "fixed" && shown["date"]["starts_at"] == "2027-03-18T13:00:00Z",
    );
    let out = stage.file("fallkonferenz.ics");
    conference(stage, DRV, id, &["ical", "--out", &out]);
    let calendar = std::fs::read_to_string(out).unwrap();
    let telling = [case.name, REHA, RENT, case.reference(DRV), "2.14"];
    claim(
        "its calendar entry has the hour and nothing about a person",
        calendar.contains("20270318T130000Z") && telling.iter().all(|it| !calendar.contains(it)),
    );
}

fn minutes(stage: &Stage, id: &str) {
    chapter(stage, "2027-03-18T15:00:00Z", "The conference was held: minutes and agreements");
    let minutes = format!(
        "text = \"Die DRV prüft den Antrag vorrangig.\"\n\
         [[agreement]]\nwho = \"{}\"\nwhat = \"Antrag prüfen\"\nuntil = \"2027-04-30\"\n",
        DRV.address()
    );
    let minutes = stage.write("protokoll.toml", &minutes);
    let item = items(stage, LOTSE, id).remove(REHA).unwrap();
    let sent = conference(stage, LOTSE, id, &["minutes", "--item", &item, &minutes]);
    let mut to: Vec<String> =
        sent["sent"].as_array().unwrap().iter().map(|one| text(one, "recipient")).collect();
    to.sort();
    claim(
        "the minutes go to those who hold the item, and to nobody else",
        to == [DRV.address(), JOBCENTER.address()],
    );
    for party in [JOBCENTER, DRV] {
        take(stage, party);
        conference(stage, party, id, &["confirm", "--item", &item]);
    }
    take(stage, LOTSE);
    let shown = conference(stage, DRV, id, &["show"]);
    let agreement = |shown: &Value| {
        let items = shown["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["title"] == REHA).unwrap();
        (item["confirmations"].as_array().unwrap().len(), item["agreements"][0].clone())
    };
    let agreed = text(&agreement(&shown).1, "agreement");
    stage.wait_until("2027-04-05T09:00:00Z");
    let kept = ["agreement", "--agreement", &agreed, "--kept", "2027-04-05T08:00:00Z"];
    conference(stage, DRV, id, &kept);
    take(stage, LOTSE);
    let (confirmed, agreement) = agreement(&conference(stage, LOTSE, id, &["show"]));
    claim("both confirmed them", confirmed == 2);
    claim("and the DRV kept its agreement in time", agreement["status"] == "kept");
}
