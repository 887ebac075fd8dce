//! What the parties do again and again: record a consent, send, receive.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::claim;
use super::parties::{AGENCIES, JOBCENTER, LOTSE, Party, Stage, text};
use crate::broker::repository;

/// One participant, as the parties know them.
pub(super) struct Case {
    /// Name as the introductions give it; never in the broker.
    pub(super) name: &'static str,
    /// The Lotse's reference.
    pub(super) participant: String,
    references: BTreeMap<&'static str, String>,
}

impl Case {
    /// Registers a participant, and gives each agency a reference of its own.
    pub(super) fn open(stage: &Stage, name: &'static str) -> Self {
        let registered = stage.ask(LOTSE, &["lotse", "participant", "register"]);
        let participant = text(&registered, "participant");
        let reference = |party: Party| {
            let begin = ["lotse", "participant", "reference", "--participant", &participant];
            let assigned = stage.ask(LOTSE, &[&begin[..], &["--agency", party.agency]].concat());
            (party.agency, text(&assigned, "reference"))
        };
        let references: BTreeMap<&str, String> = AGENCIES.into_iter().map(reference).collect();
        let distinct: BTreeSet<&String> = references.values().chain([&participant]).collect();
        claim(
            "each agency has a reference of its own, none of them equal",
            distinct.len() == AGENCIES.len() + 1,
        );
        Self { name, participant, references }
    }

    /// The reference under which a party knows the participant.
    pub(super) fn reference(&self, party: Party) -> &str {
        self.references.get(party.agency).map_or(&self.participant, String::as_str)
    }
}

/// What the parties themselves saw; at the end the log must show the same.
#[derive(Default)]
pub(super) struct Tally {
    /// Messages that were accepted, parts of attachments not counted.
    pub(super) accepted: Cell<usize>,
    /// Messages that were not covered.
    pub(super) refused: Cell<usize>,
    /// Messages that were handed out.
    pub(super) taken: Cell<usize>,
    /// Different answers to messages that were not covered, without the record's number and what the law says
    /// about the purpose.
    pub(super) refusals: RefCell<BTreeSet<String>>,
}

pub(super) fn count(cell: &Cell<usize>, more: usize) {
    cell.set(cell.get() + more);
}

/// One sentence of a consent: who may tell whom what, and for what.
pub(super) type Sentence = (Party, Party, &'static str, &'static str);

/// What the participant reads and signs.
#[derive(Clone, Copy)]
pub(super) enum Paper {
    /// A letter.
    Letter,
    /// A template of `ops/reference/consent-templates`.
    Template(&'static str),
}

/// A consent for some months; returns its identifier.
pub(super) fn consent(
    stage: &Stage,
    case: &Case,
    paper: Paper,
    months: u32,
    sentences: &[Sentence],
) -> String {
    let grants = grants_file(stage, months, sentences);
    let scan = stage.write("unterschrift.pdf", "Unterschrift des Teilnehmers\n");
    let mut arguments: Vec<&str> = vec!["lotse", "consent", "record"];
    arguments.extend(["--participant", &case.participant, "--grants", &grants]);
    arguments.extend(["--evidence", &scan]);
    let (letter, catalogue) = (stage.file("einwilligung.txt"), catalogue());
    let (template, agencies);
    match paper {
        Paper::Letter => {
            stage.write(
                "einwilligung.txt",
                "Ich bin einverstanden, dass die genannten Stellen die genannten Daten zu den \
                 genannten Zwecken austauschen. Ich kann das jederzeit widerrufen.\n",
            );
            arguments.extend(["--text", &letter, "--text-version", "2027-1"]);
        }
        Paper::Template(name) => {
            let folder = repository().join("ops/reference/consent-templates");
            template = folder.join(name).display().to_string();
            agencies = agencies_file(stage);
            arguments.extend(["--template", &template, "--catalogue", &catalogue]);
            arguments.extend(["--agencies", &agencies, "--contact", "Lotsenstelle, 0941 0000-1"]);
            arguments.extend(["--text-out", &letter]);
        }
    }
    text(&stage.ask(LOTSE, &arguments), "consent")
}

/// The catalogue of the installation.
pub(super) fn catalogue() -> String {
    repository().join("ops/reference/catalogue.toml").display().to_string()
}

fn quoted(codes: &str) -> String {
    codes.split(',').map(|code| format!("\"{code}\"")).collect::<Vec<_>>().join(", ")
}

fn grants_file(stage: &Stage, months: u32, sentences: &[Sentence]) -> String {
    let grants = sentences.iter().map(|(from, to, purpose, categories)| {
        format!(
            "[[grant]]\nfrom = [\"{}\"]\nto = \"{}\"\npurpose = \"{purpose}\"\n\
             categories = [{}]\nmonths = {months}\n",
            from.agency,
            to.address(),
            quoted(categories),
        )
    });
    stage.write("grants.toml", &grants.collect::<String>())
}

/// How the agencies are called in a text for the participant.
fn agencies_file(stage: &Stage) -> String {
    let entries = AGENCIES.into_iter().chain([LOTSE]).map(|party| {
        let Party { agency, display, function, function_name, .. } = party;
        format!(
            "[agency.{agency}]\nname = \"{display}\"\nfunctions = {{ {function} = \"{function_name}\" }}\n"
        )
    });
    stage.write("agencies.toml", &entries.collect::<String>())
}

/// The phase of the participation, as the Lotse records it.
pub(super) fn phase(stage: &Stage, case: &Case, phase: &str, more: &[&str]) -> Value {
    let begin = ["lotse", "participation", "set", "--participant", &case.participant];
    stage.ask(LOTSE, &[&begin[..], &["--phase", phase], more].concat())
}

/// All consents of the participant that are in a state.
pub(super) fn consents(stage: &Stage, case: &Case, state: &str) -> Vec<Value> {
    let listed =
        stage.ask(LOTSE, &["lotse", "consent", "list", "--participant", &case.participant]);
    let listed = listed.as_array().unwrap().iter();
    listed.filter(|consent| consent["state"] == state).cloned().collect()
}

/// How many places of the Jobcenter Stadt are taken, of how many.
pub(super) fn places(stage: &Stage) -> (u64, u64) {
    let places = stage.ask(LOTSE, &["lotse", "places"]);
    let mut places = places.as_array().unwrap().iter();
    let city = places.find(|one| one["jobcenter"] == JOBCENTER.agency).unwrap();
    (city["taken"].as_u64().unwrap(), city["places"].as_u64().unwrap())
}

/// The Lotse tells an agency, sealed, whom its reference means.
pub(super) fn introduce(stage: &Stage, case: &Case, party: Party) {
    let to = party.address();
    let mut arguments = vec!["lotse", "introduce", "--participant", &case.participant];
    arguments.extend(["--to", &to, "--as", LOTSE.function, "--name", case.name]);
    stage.ask(LOTSE, &arguments);
    count(&stage.tally.accepted, 1);
    let inbox = stage.inbox(party);
    let name = inbox[0]["content"]["display_name"].as_str();
    let own = inbox[0]["participant"] == case.reference(party);
    let what = format!("{} learns which of its files is meant", party.display);
    claim(&what, name == Some(case.name) && own);
}

/// A message about a participant.
pub(super) struct Letter<'a> {
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) kind: &'static str,
    pub(super) categories: &'static str,
    /// Content of the kind.
    pub(super) content: Value,
    /// The received message that it answers, as the inbox printed it.
    pub(super) answers: Option<&'a Value>,
}

/// A message of a kind, with its content.
pub(super) fn letter(
    (from, to): (Party, Party),
    kind: &'static str,
    categories: &'static str,
    content: Value,
) -> Letter<'static> {
    Letter { from, to, kind, categories, content, answers: None }
}

impl Letter<'_> {
    /// The same as an answer.
    pub(super) fn answering(self, answers: &Value) -> Letter<'_> {
        let Letter { from, to, kind, categories, content, .. } = self;
        Letter { from, to, kind, categories, content, answers: Some(answers) }
    }
}

/// What the program said when something was sent.
pub(super) struct Sent {
    pub(super) code: Option<i32>,
    pub(super) said: Value,
}

impl Sent {
    pub(super) fn is_accepted(&self) -> bool {
        self.code == Some(0) && self.said["result"] == "accepted"
    }

    pub(super) fn is_refused(&self) -> bool {
        self.code == Some(3) && self.said["result"] == "not-covered"
    }
}

/// All that a sender gets to know of a message that was stopped.
const NOT_DELIVERED: [&str; 10] = [
    "accepted",
    "attempts",
    "ended",
    "expires",
    "message",
    "participant",
    "recipient",
    "sender",
    "state",
    "thread",
];

impl Stage {
    /// Sends a message, and notes what became of it.
    pub(super) fn send(&self, case: &Case, letter: &Letter<'_>, more: &[&str]) -> Sent {
        let content = self.write("content.json", &letter.content.to_string());
        let (to, cases) = (letter.to.address(), self.case_file(letter.from));
        let mut arguments = vec!["agency", "send", "--to", &to, "--as", letter.from.function];
        arguments.extend(["--participant", case.reference(letter.from), "--kind", letter.kind]);
        arguments.extend(["--category", letter.categories, "--case-file", &cases]);
        arguments.extend(["--json-content", &content]);
        let (thread, message);
        if let Some(answers) = letter.answers {
            (thread, message) = (text(answers, "thread"), text(answers, "message"));
            arguments.extend(["--thread", &thread, "--in-reply-to", &message]);
        }
        arguments.extend(more);
        let output = self.run(letter.from, &arguments);
        let said = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr))
        });
        let sent = Sent { code: output.status.code(), said };
        count(if sent.is_accepted() { &self.tally.accepted } else { &self.tally.refused }, 1);
        if !sent.is_accepted() {
            let mut answer = sent.said.clone();
            answer.as_object_mut().unwrap().retain(|key, _| key != "record" && key != "statutory");
            let answer = format!("{:?} {answer}", sent.code);
            self.tally.refusals.borrow_mut().insert(answer);
        }
        sent
    }

    /// A message passes: it is accepted, and its recipient reads it under its own reference. Returns what the
    /// recipient sees.
    pub(super) fn pass(&self, case: &Case, letter: &Letter<'_>, what: &str) -> Value {
        self.pass_with(case, letter, &[], what)
    }

    /// The same with more options of the program.
    pub(super) fn pass_with(
        &self,
        case: &Case,
        letter: &Letter<'_>,
        more: &[&str],
        what: &str,
    ) -> Value {
        let sent = self.send(case, letter, more);
        assert!(sent.is_accepted(), "{} not sent: {}", letter.kind, sent.said);
        let inbox = self.inbox(letter.to);
        let [received] = inbox.as_slice() else { panic!("one message was sent: {inbox:?}") };
        let content =
            letter.content.as_object().unwrap().iter().all(|(key, value)| {
                key == "schema_version" || received["content_json"][key] == *value
            });
        let known = received["participant"] == case.reference(letter.to);
        claim(what, received["kind"] == letter.kind && content && known);
        received.clone()
    }

    /// A message is not covered by a consent.
    pub(super) fn refuse(&self, case: &Case, letter: &Letter<'_>, what: &str) -> Sent {
        let sent = self.send(case, letter, &[]);
        claim(what, sent.is_refused());
        sent
    }

    /// Fetches and takes over what waits for a party.
    pub(super) fn inbox(&self, party: Party) -> Vec<Value> {
        let (sealing, cases) = (self.sealing(party), self.case_file(party));
        let book = self.file(&format!("{}.book.json", party.agency));
        let attachments = self.file(&format!("attachments/{}", party.agency));
        let mut arguments = vec!["agency", "inbox", "--function", party.function];
        arguments.extend(["--sealing", &sealing, "--book", &book, "--case-file", &cases]);
        arguments.extend(["--attachments-dir", &attachments, "--acknowledge"]);
        let inbox = self.ask(party, &arguments);
        let inbox = inbox.as_array().unwrap().clone();
        count(&self.tally.taken, inbox.len());
        inbox
    }

    /// Whether a sender is told that a message was not delivered, and when, in an answer that has no more than that.
    pub(super) fn is_told_no_reason(&self, sender: Party, message: &str) -> bool {
        let tracked = self.ask(sender, &["agency", "track", message]);
        let told = tracked[0].as_object().unwrap();
        let known = told.iter().filter(|(_, value)| !value.is_null());
        let known: Vec<&str> = known.map(|(key, _)| key.as_str()).collect();
        let ended: Vec<&String> = told["ended"].as_object().unwrap().keys().collect();
        told["state"] == "not-delivered" && known == NOT_DELIVERED && ended == ["record", "time"]
    }

    /// Where a party notes what its deadlines are counted from.
    pub(super) fn case_file(&self, party: Party) -> String {
        self.file(&format!("{}.cases.jsonl", party.agency))
    }
}
