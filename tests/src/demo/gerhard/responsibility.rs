//! February 2027: nobody is responsible, and what the expert opinion says.

use serde_json::{Value, json};

use crate::demo::acts::{Case, Letter, Paper, consent, letter, phase};
use crate::demo::parties::{
    DRV, JOBCENTER, KRANKENKASSE, LOTSE, MEDICAL_SERVICE, Party, SOZIALHILFE, Stage, text,
};
use crate::demo::{chapter, claim};

fn question(to: Party, categories: &'static str) -> Letter<'static> {
    let content = json!({ "schema_version": { "major": 1 }, "zustaendigkeit_ask": {
        "benefit": "BENEFIT_GROUP_MEDICAL_REHABILITATION",
        "question": "Länger als sechs Monate nicht erwerbsfähig, nicht auf Dauer. Sind Sie zuständig?",
        "application_received_on": "2027-02-01",
    }});
    letter((JOBCENTER, to), "zustaendigkeit.ask", categories, content)
}

fn not_us(from: Party, reason: &str) -> Letter<'static> {
    let content = json!({ "schema_version": { "major": 1 }, "zustaendigkeit_decided": {
        "benefit": "BENEFIT_GROUP_MEDICAL_REHABILITATION",
        "outcome": "ZUSTAENDIGKEIT_OUTCOME_OTHER_AGENCY",
        "decided_on": "2027-02-02",
        "reason": reason,
    }});
    letter((from, JOBCENTER), "zustaendigkeit.decided", "leistungsbezug", content)
}

/// Jobcenter, DRV and Sozialhilfe each say that they are not responsible; the Krankenkasse cannot be asked yet.
pub(super) fn nobody(stage: &Stage, case: &Case) {
    chapter(stage, "2027-02-02T09:00:00Z", "Each agency says that it is not responsible");
    let sentences = [
        (JOBCENTER, DRV, "zustaendigkeit", "leistungsbezug,gesundheit"),
        (JOBCENTER, SOZIALHILFE, "zustaendigkeit", "leistungsbezug"),
        (DRV, JOBCENTER, "zustaendigkeit", "leistungsbezug"),
        (SOZIALHILFE, JOBCENTER, "zustaendigkeit", "leistungsbezug"),
    ];
    consent(stage, case, Paper::Letter, 12, &sentences);
    let ask = question(DRV, "leistungsbezug,gesundheit");
    let asked = stage.pass(case, &ask, "the Jobcenter asks the DRV");
    let cases = stage.case_file(DRV);
    let due = stage.ask(DRV, &["agency", "deadlines", "--case-file", &cases]);
    let norms = due["deadlines"].as_array().unwrap().iter();
    let mut two_weeks = norms.filter(|one| one["due"] == "2027-02-16");
    claim(
        "whose deadlines show two weeks, until 16 February, with their norm",
        two_weeks.any(|one| one["norm"].as_str().unwrap().contains("§ 14")),
    );
    let reason = "Keine Wartezeit erfüllt.";
    stage.pass(case, &not_us(DRV, reason).answering(&asked), "the DRV says: not us");
    let ask = question(SOZIALHILFE, "leistungsbezug");
    let asked = stage.pass(case, &ask, "the Jobcenter asks the Sozialhilfeträger");
    let reason = "Nicht auf Dauer erwerbsgemindert.";
    stage.pass(case, &not_us(SOZIALHILFE, reason).answering(&asked), "who says: not us");
    krankenkasse(stage, case);
}

/// "What is missing?": refused, asked, requested, talked about, narrower than asked.
fn krankenkasse(stage: &Stage, case: &Case) {
    let wide = question(KRANKENKASSE, "leistungsbezug,gesundheit");
    let refused = stage.refuse(case, &wide, "the Krankenkasse: not covered (exit code 3)");
    let keys: Vec<&String> = refused.said.as_object().unwrap().keys().collect();
    claim("and the sender learns nothing else", keys == ["record", "result", "statutory"]);
    // What the law provides for follows from the purpose that the sender itself named.
    let channel = schleuse_client::statutory_channel("zustaendigkeit", "zustaendigkeit.ask");
    claim(
        "but which statutory time limits run all the same",
        refused.said["statutory"]["text"].as_str() == channel.map(|channel| channel.text),
    );
    let planned = |verb: &'static str| {
        let mut arguments = vec!["agency".to_owned(), verb.to_owned()];
        let to = KRANKENKASSE.address();
        let options = [
            ("--participant", case.reference(JOBCENTER)),
            ("--to", &to),
            ("--as", JOBCENTER.function),
            ("--purpose", "zustaendigkeit"),
            ("--kind", "zustaendigkeit.ask"),
            ("--category", "leistungsbezug,gesundheit"),
        ];
        arguments.extend(options.iter().flat_map(|(key, value)| [*key, *value]).map(str::to_owned));
        arguments
    };
    let arguments = planned("ask");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = stage.run(JOBCENTER, &arguments);
    let said: Value = serde_json::from_slice(&answer.stdout).unwrap();
    claim(
        "asked before sending, the broker says the same and no more",
        answer.status.code() == Some(3) && said["covered"] == false,
    );
    let arguments = planned("request-consent");
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.extend(["--reason", "responsibility-open"]);
    stage.ask(JOBCENTER, &arguments);
    let task = request(stage).expect("a request");
    claim(
        "the Jobcenter's request is a task of the Lotse",
        task["what"]["reason"] == "responsibility-open"
            && task["participant"] == case.participant.as_str(),
    );
    let narrower = [(JOBCENTER, KRANKENKASSE, "zustaendigkeit", "leistungsbezug")];
    consent(stage, case, Paper::Letter, 12, &narrower);
    let number = task["what"]["task"].to_string();
    stage.ask(LOTSE, &["lotse", "task", "close", &number, "--result", "done"]);
    claim("after a talk it is closed", request(stage).is_none());
    stage.refuse(case, &wide, "Gerhard W. wants no health data there: still not covered");
    let narrow = question(KRANKENKASSE, "leistungsbezug");
    stage.pass(case, &narrow, "without them the question passes");
}

/// The open consent request.
fn request(stage: &Stage) -> Option<Value> {
    let tasks = stage.ask(LOTSE, &["lotse", "tasks"]);
    let mut tasks = tasks.as_array().unwrap().iter();
    tasks.find(|task| task["what"]["kind"] == "consent-request").cloned()
}

/// The expert opinion of the medical service: a professional secret, with an attachment.
pub(super) fn opinion(stage: &Stage, case: &Case) {
    chapter(stage, "2027-02-16T09:00:00Z", "The expert opinion is a professional secret");
    let sentences = [
        (JOBCENTER, MEDICAL_SERVICE, "unterlagen", "gesundheit"),
        (MEDICAL_SERVICE, DRV, "unterlagen", "gesundheit"),
    ];
    consent(stage, case, Paper::Letter, 12, &sentences);
    let order = json!({ "schema_version": { "major": 1 }, "begutachtung_order": {
        "expert": "EXPERT_TYPE_MEDICAL_SERVICE_SGB_III",
        "questions": ["Für wie viele Stunden täglich besteht Leistungsvermögen?"],
        "needed_by": "2027-03-01",
    }});
    let order = letter((JOBCENTER, MEDICAL_SERVICE), "begutachtung.order", "gesundheit", order);
    stage.pass(case, &order, "the Jobcenter orders an opinion");
    let result = json!({ "schema_version": { "major": 1 }, "begutachtung_result": {
        "expert": "EXPERT_TYPE_MEDICAL_SERVICE_SGB_III",
        "capacity": "WORK_CAPACITY_UNDER_THREE_HOURS",
        "outlook": "CAPACITY_OUTLOOK_OVER_SIX_MONTHS",
        "issued_on": "2027-02-16",
        "summary": "Länger als sechs Monate unter drei Stunden belastbar, nicht auf Dauer.",
    }});
    let result = letter((MEDICAL_SERVICE, DRV), "begutachtung.result", "gesundheit", result);
    let scan = stage.file("gutachten.pdf");
    // 2 MiB and a byte: three parts.
    let pages: Vec<u8> = (0..=2 * 1024 * 1024_u32).map(|n| n.to_le_bytes()[0] ^ 0x5a).collect();
    std::fs::write(&scan, &pages).unwrap();
    let more = ["--professional-secret", "--attach", &scan];
    let refused = stage.send(case, &result, &more[..1]);
    claim("a consent alone does not cover it (exit code 3)", refused.is_refused());
    let release = release(stage, case);
    let what = "with the release from secrecy (§ 203 StGB) the DRV reads the opinion";
    stage.pass_with(case, &result, &more, what);
    let folder = stage.file(&format!("attachments/{}", DRV.agency));
    claim("and has the attachment, byte for byte", holds(&folder, &pages));
    let listed =
        stage.ask(LOTSE, &["lotse", "release", "list", "--participant", &case.participant]);
    claim("the release is a record of its own", text(&listed[0], "release") == release);
    phase(stage, case, "assessment", &[]);
}

fn release(stage: &Stage, case: &Case) -> String {
    let (holder, addressee) = (MEDICAL_SERVICE.address(), DRV.address());
    let paper = stage.write("entbindung.txt", "Ich entbinde von der Schweigepflicht.\n");
    let scan = stage.write("entbindung.pdf", "Unterschrift\n");
    let mut arguments = vec!["lotse", "release", "record", "--participant", &case.participant];
    arguments.extend(["--holder", &holder, "--addressee", &addressee]);
    arguments.extend(["--purpose", "unterlagen", "--category", "gesundheit", "--months", "12"]);
    arguments.extend(["--text", &paper, "--text-version", "2027-1", "--evidence", &scan]);
    text(&stage.ask(LOTSE, &arguments), "release")
}

/// Whether some file in a folder or below has this content.
fn holds(folder: impl AsRef<std::path::Path>, content: &[u8]) -> bool {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut entries: Vec<_> = entries.collect();
    entries.sort();
    entries.iter().any(|path| {
        if path.is_dir() { holds(path, content) } else { std::fs::read(path).unwrap() == content }
    })
}
