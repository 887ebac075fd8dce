//! The scenes of the case, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::parties::{
    AGENCIES, BEZIRK, DRV, JOBCENTER, KRANKENKASSE, LOTSE, OFFICER, Party, SOZIALHILFE, Stage, text,
};
use super::{claim, say};
use crate::broker::program;

const NAME: &str = "Gerhard W.";
/// A sentence of the invitation that must never lie in the open.
const AGENDA: &str = "Wer ist zuständig für die medizinische Rehabilitation?";

/// What the scenes know of the case.
pub(super) struct Case {
    participant: String,
    references: BTreeMap<&'static str, String>,
    documents_consent: String,
}

impl Case {
    /// The Lotse's reference.
    pub(super) fn participant(&self) -> &str {
        &self.participant
    }

    /// An agency's reference.
    pub(super) fn reference(&self, party: Party) -> &str {
        &self.references[party.agency]
    }
}

pub(super) fn directory(stage: &Stage) {
    say("\n2. Directory: who can receive what, and the keys to seal for them");
    for party in AGENCIES.into_iter().chain([LOTSE]) {
        let function = format!("{}={}", party.function, party.function_name);
        let sealing = stage.sealing(party);
        stage.ask(
            party,
            &[
                "agency",
                "publish",
                "--name",
                party.display,
                "--function",
                &function,
                "--sealing",
                &sealing,
            ],
        );
    }
    let listed = stage.ask(JOBCENTER, &["directory", "list"]);
    claim("six entries, each signed by its agency", listed.as_array().map(Vec::len) == Some(6));
}

pub(super) fn consents(stage: &Stage) -> Case {
    say("\n3. The Lotse registers the participant and records the consents");
    let participant = text(&stage.ask(LOTSE, &["lotse", "participant", "register"]), "participant");
    let references: BTreeMap<&str, String> = AGENCIES
        .into_iter()
        .map(|party| {
            let assigned = stage.ask(
                LOTSE,
                &[
                    "lotse",
                    "participant",
                    "reference",
                    "--participant",
                    &participant,
                    "--agency",
                    party.agency,
                ],
            );
            (party.agency, text(&assigned, "reference"))
        })
        .collect();
    let distinct: BTreeSet<&String> = references.values().chain([&participant]).collect();
    claim("each agency has a reference of its own, none of them equal", distinct.len() == 6);
    let letter = stage.write(
        "einwilligung.txt",
        "Ich bin einverstanden, dass die genannten Stellen die genannten Daten zu den genannten \
         Zwecken austauschen. Ich kann das jederzeit widerrufen.\n",
    );
    let conference = grants_file(stage);
    record(stage, &participant, &letter, &["--grants", &conference]);
    let (from, to) = (JOBCENTER.agency, BEZIRK.address());
    let documents = record(
        stage,
        &participant,
        &letter,
        &[
            "--to",
            &to,
            "--from",
            from,
            "--purpose",
            "unterlagen",
            "--category",
            "leistungsbezug",
            "--months",
            "6",
        ],
    );
    let listed = stage.ask(LOTSE, &["lotse", "consent", "list", "--participant", &participant]);
    let active = listed.as_array().unwrap().iter().filter(|c| c["state"] == "active").count();
    claim("two consents are in force; the Krankenkasse is in neither", active == 2);
    claim("the list names no Krankenkasse", !listed.to_string().contains("krankenkasse"));
    Case { participant, references, documents_consent: text(&documents, "consent") }
}

/// The conference: invitation from the Jobcenter, answers back, introductions by the Lotse.
fn grants_file(stage: &Stage) -> String {
    let mut file = String::new();
    let mut grant = |from: &str, to: &str, purpose: &str, categories: &str| {
        file += &format!(
            "[[grant]]\nfrom = [\"{from}\"]\nto = \"{to}\"\npurpose = \"{purpose}\"\n\
             categories = [{categories}]\nmonths = 12\n"
        );
    };
    for party in [DRV, BEZIRK, SOZIALHILFE] {
        grant(
            JOBCENTER.agency,
            &party.address(),
            "fallkonferenz",
            "\"termine\", \"leistungsbezug\"",
        );
        grant(party.agency, &JOBCENTER.address(), "fallkonferenz", "\"termine\"");
    }
    for party in [JOBCENTER, DRV, BEZIRK, SOZIALHILFE] {
        grant(LOTSE.agency, &party.address(), "zuleitung", "\"stammdaten\"");
    }
    stage.write("grants.toml", &file)
}

fn record(stage: &Stage, participant: &str, letter: &str, more: &[&str]) -> Value {
    let begin = [
        "lotse",
        "consent",
        "record",
        "--participant",
        participant,
        "--text",
        letter,
        "--text-version",
        "2026-1",
    ];
    stage.ask(LOTSE, &[&begin, more].concat())
}

pub(super) fn introductions(stage: &Stage, case: &Case) {
    say("\n4. The Lotse introduces the participant, sealed, to whom the consent covers");
    for party in [JOBCENTER, DRV, BEZIRK, SOZIALHILFE] {
        let to = party.address();
        stage.ask(
            LOTSE,
            &[
                "lotse",
                "introduce",
                "--participant",
                &case.participant,
                "--to",
                &to,
                "--as",
                "lotse",
                "--name",
                NAME,
                "--born",
                "1989-02-03",
            ],
        );
        let inbox = inbox(stage, party);
        let name = inbox[0]["content"]["display_name"].as_str();
        claim(&format!("{} learns which of its files is meant", party.display), name == Some(NAME));
        let reference = inbox[0]["participant"].as_str();
        assert_eq!(reference, case.references.get(party.agency).map(String::as_str));
    }
}

/// Fetches and takes over what waits.
fn inbox(stage: &Stage, party: Party) -> Vec<Value> {
    let (sealing, book) =
        (stage.sealing(party), stage.file(&format!("{}.book.json", party.agency)));
    let inbox = stage.ask(
        party,
        &[
            "agency",
            "inbox",
            "--function",
            party.function,
            "--sealing",
            &sealing,
            "--book",
            &book,
            "--acknowledge",
        ],
    );
    inbox.as_array().unwrap().clone()
}

pub(super) fn invitations(stage: &Stage, case: &Case) -> Value {
    say("\n5. The Jobcenter invites to a Fallkonferenz");
    let file = stage.write(
        "fallkonferenz.toml",
        &format!(
            "place = \"Jobcenter, Raum 2.14\"\nanswer_by = \"2030-01-10\"\n\
             [[agenda]]\ntitle = \"{AGENDA}\"\ncategories = [\"leistungsbezug\"]\nminutes = 30\n\
             [[date]]\nstarts_at = \"2030-01-20T09:00:00Z\"\nminutes = 60\n"
        ),
    );
    let mut conference = Value::Null;
    for party in [DRV, KRANKENKASSE, BEZIRK, SOZIALHILFE] {
        let output = invite(stage, case, party, &file);
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        if party == KRANKENKASSE {
            claim(
                "Krankenkasse: not covered by a consent (exit code 3)",
                output.status.code() == Some(3),
            );
            let keys: Vec<&String> = said.as_object().unwrap().keys().collect();
            claim("and the sender learns nothing else", keys == ["record", "result", "statutory"]);
            // What the law provides for follows from the purpose that the sender itself named.
            let channel =
                schleuse_client::statutory_channel("fallkonferenz", "fallkonferenz.request");
            claim(
                "but which statutory time limits run all the same",
                said["statutory"]["text"].as_str() == channel.map(|channel| channel.text),
            );
            continue;
        }
        claim(&format!("{}: accepted", party.display), said["result"] == "accepted");
        conference = said;
    }
    conference
}

fn invite(stage: &Stage, case: &Case, party: Party, file: &str) -> std::process::Output {
    send(stage, case, party, "termine,leistungsbezug", ["--fallkonferenz", file])
}

/// The Jobcenter sends a request or a note to a body; `content` is an option of the program and its file.
pub(super) fn send(
    stage: &Stage,
    case: &Case,
    party: Party,
    categories: &str,
    content: [&str; 2],
) -> std::process::Output {
    let to = party.address();
    let mut arguments = vec!["agency", "send", "--participant", case.reference(JOBCENTER)];
    arguments.extend(["--to", &to, "--as", JOBCENTER.function, "--purpose", "fallkonferenz"]);
    let is_request = content[0] == "--fallkonferenz";
    let kind = if is_request { "fallkonferenz.request" } else { "fallkonferenz.note" };
    arguments.extend(["--kind", kind, "--category", categories]);
    arguments.extend(content);
    stage.run(JOBCENTER, &arguments)
}

pub(super) fn answers(stage: &Stage, case: &Case, _conference: &Value) {
    say("\n6. The bodies read the invitation and answer");
    claim("nothing waits for the Krankenkasse", inbox(stage, KRANKENKASSE).is_empty());
    let replies: [(Party, [&str; 2], &str); 3] = [
        (DRV, ["--accept", "2030-01-20T09:00:00Z"], "FALLKONFERENZ_REPLY_ACCEPT"),
        (BEZIRK, ["--propose", "2030-01-22T13:00:00Z"], "FALLKONFERENZ_REPLY_PROPOSE"),
        (SOZIALHILFE, ["--decline", "keine Zuständigkeit gegeben"], "FALLKONFERENZ_REPLY_DECLINE"),
    ];
    for (party, reply, _) in &replies {
        let inbox = inbox(stage, *party);
        let [invitation] = inbox.as_slice() else { panic!("{inbox:?}") };
        let agenda = invitation["content"]["agenda"][0]["title"].as_str();
        claim(&format!("{} reads the agenda", party.display), agenda == Some(AGENDA));
        let (to, thread) = (JOBCENTER.address(), text(invitation, "thread"));
        let conference = text(&invitation["content"], "conference");
        let mut arguments = vec![
            "agency",
            "answer",
            "--participant",
            &case.references[party.agency],
            "--to",
            &to,
            "--as",
            party.function,
            "--thread",
            &thread,
            "--conference",
            &conference,
        ];
        arguments.extend(reply);
        stage.ask(*party, &arguments);
    }
    let received = inbox(stage, JOBCENTER);
    let got: Vec<&str> = received.iter().filter_map(|m| m["content"]["reply"].as_str()).collect();
    claim(
        "the Jobcenter has all three answers, in order",
        got == replies.map(|(_, _, reply)| reply),
    );
    let own = case.references[JOBCENTER.agency].as_str();
    claim(
        "under its own reference of the participant",
        received.iter().all(|message| message["participant"] == own),
    );
}

pub(super) fn revocation(stage: &Stage, case: &Case) {
    say("\n7. A revocation overtakes a queued message");
    let report = stage.write("bericht.txt", "Ärztliche Stellungnahme: länger als sechs Monate.\n");
    let to = BEZIRK.address();
    let participant = case.references[JOBCENTER.agency].as_str();
    let send = || {
        stage.run(
            JOBCENTER,
            &[
                "agency",
                "send",
                "--participant",
                participant,
                "--to",
                &to,
                "--as",
                JOBCENTER.function,
                "--purpose",
                "unterlagen",
                "--kind",
                "unterlagen.supply",
                "--category",
                "leistungsbezug",
                "--file",
                &report,
            ],
        )
    };
    claim("the Jobcenter's report for the Bezirk waits", send().status.code() == Some(0));
    let revoked = stage
        .ask(LOTSE, &["lotse", "consent", "revoke", "--consent", &case.documents_consent, "--yes"]);
    claim("the Lotse revokes: one message is recalled", revoked["stopped_messages"] == 1);
    claim("the Bezirk receives nothing", inbox(stage, BEZIRK).is_empty());
    let again = send();
    claim("the same report is now not covered (exit code 3)", again.status.code() == Some(3));
    let said: Value = serde_json::from_slice(&again.stdout).unwrap();
    claim("with the very answer that the Krankenkasse's case had", said["result"] == "not-covered");
    let (record, file) = (said["record"].to_string(), stage.file("refused.json"));
    let filed = stage.ask(JOBCENTER, &["agency", "evidence", &record, "--out", &file]);
    claim(
        "the Jobcenter files the refusal as evidence, which says nothing of the reason",
        filed["records"][0]["event"]["accepted"] == false
            && filed["records"][0]["findings"].is_null(),
    );
    let verified = stage.ask(JOBCENTER, &["verify", &file]);
    claim("and which verifies without the broker", verified["sound"] == true);
}

pub(super) fn officer(stage: &Stage) -> String {
    say("\n8. The data-protection officer: who saw what");
    let export = stage.file("export.json");
    let log = stage.ask(
        OFFICER,
        &["dpo", "log", "--reason", "control of the demonstration case", "--export", &export],
    );
    let rows = log["rows"].as_array().unwrap();
    let count = |kind: &str| rows.iter().filter(|row| row["type"] == kind).count();
    for row in rows.iter().filter(|row| row["type"] == "handed-out") {
        say(&format!("     {}  {}", text(row, "time"), text(row, "summary")));
    }
    claim(
        "ten hand-outs: four introductions, three invitations, three answers",
        count("handed-out") == 10,
    );
    claim(
        "each hand-out has an acceptance, two attempts were refused, one message stopped",
        count("message-decided") == 13 && count("message-stopped") == 1,
    );
    let reasons: Vec<&str> = rows
        .iter()
        .filter(|row| row["type"] == "message-decided")
        .filter_map(|row| row["findings"]["deny_reason"].as_str())
        .collect();
    claim("only the project's officer reads why", reasons == ["no-consent", "revoked"]);
    let serial = rows.iter().find(|row| {
        row["type"] == "handed-out" && row["actor"] == format!("{}/system", DRV.agency)
    });
    let serial = text(serial.unwrap(), "certificate_serial");
    let incident = stage.ask(
        OFFICER,
        &[
            "dpo",
            "incident",
            "--reason",
            "exercise: a key of the DRV was lost",
            "--certificate-serial",
            &serial,
            "--known-since",
            "2030-01-01T00:00:00Z",
        ],
    );
    let disclosed: u64 = incident["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["hand_outs"].as_u64().unwrap())
        .sum();
    let by_drv = rows.iter().filter(|row| {
        row["type"] == "handed-out" && row["actor"] == format!("{}/system", DRV.agency)
    });
    claim(
        "in an incident the officer sees what was disclosed under a certificate, and the 72 hours",
        disclosed == by_drv.count() as u64
            && incident["clock"]["notify_until"] == "2030-01-04T00:00:00Z",
    );
    claim(
        "the revocation and the query itself are in the log",
        count("consent-revoked") == 1 && count("log-queried") >= 1,
    );
    claim(
        "no name and no content is in what the officer sees",
        !log.to_string().contains("Gerhard") && !log.to_string().contains("Rehabilitation"),
    );
    export
}

pub(super) fn offline(stage: &Stage, config: &Path, export: &str) {
    say("\n11. Proof without the broker");
    let verified = stage.ask(OFFICER, &["verify", export]);
    claim("the export verifies offline against the signed checkpoint", verified["sound"] == true);
    let changed = std::fs::read_to_string(export).unwrap();
    let mut bundle: Value = serde_json::from_str(&changed).unwrap();
    let rows = bundle["rows"].as_array_mut().unwrap();
    let middle = rows.len() / 2;
    rows.swap(middle, middle + 1);
    let forged = stage.write("forged.json", &bundle.to_string());
    let refused = stage.run(OFFICER, &["verify", &forged]);
    claim(
        "an export with two rows swapped does not (exit code 4)",
        refused.status.code() == Some(4),
    );
    let fsck =
        stage.command("schleuse-broker").args(["fsck", "--config"]).arg(config).output().unwrap();
    claim("the journal is whole, every signature verifies (fsck)", fsck.status.success());
    let mut searched = 0;
    for folder in ["", "data", "data/index"] {
        for entry in std::fs::read_dir(stage.folder.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let is_of_broker = !folder.is_empty() || path.ends_with("broker.log");
            if path.is_file() && is_of_broker {
                let bytes = std::fs::read(&path).unwrap();
                for word in ["Gerhard", "Rehabilitation", "Stellungnahme"] {
                    let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
                    assert!(!found, "{word} lies open in {}", path.display());
                }
                searched += 1;
            }
        }
    }
    claim(
        &format!(
            "in {searched} files of the broker, its log too, no name and no content lies open"
        ),
        searched > 3,
    );
}

pub(super) fn stay(stage: &Stage, config: &Path) {
    say("\nThe broker stays. Try next, for example as the officer:\n");
    for (key, value) in stage.environment(OFFICER).into_iter().chain(stage.clock()) {
        say(&format!("   export {key}={value}"));
    }
    let cli = program("schleuse");
    say(&format!("   {} dpo log --reason \"looking around\"", cli.display()));
    say(&format!("   {} directory list", cli.display()));
    say(&format!(
        "   {} fsck --config {}   (after stopping it)",
        program("schleuse-broker").display(),
        config.display()
    ));
    let broker = stage.leave();
    say(&format!("\nStop it with: kill {}", broker.child.id()));
    std::mem::forget(broker);
}
