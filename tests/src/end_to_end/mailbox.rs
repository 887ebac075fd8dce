//! What a person at an agency meets with the program `schleuse`: sending, looking, taking over, and every slip on the
//! way. Nothing is lost by a slip, and each is answered with its cure.

use std::path::Path;

use serde_json::Value;

use super::site::{Site, text_of};
use crate::pki::Pki;
use crate::raw::{DRV, JOBCENTER, KRANKENKASSE};

const TO: &str = "drv-bayern-sued/reha-beratung";
const PURPOSE: &str = "unterlagen";

/// A Jobcenter that may send papers about a participant to the DRV, a broker, and nothing sent yet.
struct Desk {
    site: Site,
    participant: String,
}

impl Desk {
    fn open() -> Self {
        let site = Site::start();
        site.publish(JOBCENTER, "fallmanagement");
        site.publish(DRV, "reha-beratung");
        let own = site.register();
        let participant = site.reference(&own, JOBCENTER);
        site.reference(&own, DRV);
        site.consent(&own, PURPOSE, &[(JOBCENTER, TO, &["termine"])]);
        Self { site, participant }
    }

    fn label<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let send = ["agency", "send", "--participant", &self.participant, "--to", TO];
        let label = ["--as", "fallmanagement", "--category", "termine", "--purpose", PURPOSE];
        [&send[..], &label, more].concat()
    }

    fn note<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        self.label(&[&["--kind", "unterlagen.supply"], more].concat())
    }

    /// Sends; the answer.
    fn send(&self, more: &[&str]) -> Value {
        self.site.ask(JOBCENTER, "system", &self.note(more))
    }

    /// Looks into the mailbox: exit code, output, notes.
    fn inbox(&self, more: &[&str]) -> (i32, String, String) {
        let sealing = self.site.sealing(DRV);
        let inbox = ["agency", "inbox", "--function", "reha-beratung", "--sealing", &sealing];
        self.site.said(DRV, &[&inbox[..], more].concat())
    }

    /// Takes over what a stream brings until a number of messages: exit code, output, notes. What was handed
    /// out on a connection that ended comes at once.
    fn receive(&self, count: &str, more: &[&str]) -> (i32, String, String) {
        let sealing = self.site.sealing(DRV);
        let receive = ["agency", "receive", "--function", "reha-beratung", "--sealing", &sealing];
        self.site.said(DRV, &[&receive[..], &["--count", count, "--acknowledge"], more].concat())
    }

    fn state(&self, message: &str) -> String {
        let tracks = self.site.ask(JOBCENTER, "system", &["agency", "track", message]);
        text_of(&tracks[0], "state")
    }
}

#[test]
fn what_is_not_saved_is_not_taken_over() {
    let desk = Desk::open();
    let plan = desk.site.write("plan.txt", "Der Plan.");
    let scan = desk.site.write("scan.txt", "Der Scan.");
    let file = text_of(&desk.send(&["--file", &plan]), "message");
    let note = text_of(&desk.send(&["--text", "ohne alles"]), "message");
    let attached = text_of(&desk.send(&["--text", "anbei", "--attach", &scan]), "message");

    let (code, said, noted) = desk.inbox(&["--acknowledge"]);
    assert_eq!(code, 1, "{said}{noted}");
    assert!(noted.contains("holds a file (plan.txt): give --save DIR; not taken over"), "{noted}");
    let attachments = "has attachments (scan.txt): give --attachments-dir DIR; not taken over";
    assert!(noted.contains(attachments), "{noted}");
    assert!(noted.contains("1 acknowledged"), "{noted}");
    assert!(noted.contains("2 messages are handed out and not acknowledged"), "{noted}");
    assert_eq!(desk.state(&note), "taken-up");
    assert!(said.contains("ohne alles") && said.contains("plan.txt") && said.contains("scan.txt"));
    for left in [&file, &attached] {
        assert_ne!(desk.state(left), "taken-up");
    }
}

#[test]
fn a_stream_and_json_hold_back_what_is_not_saved_too() {
    let desk = Desk::open();
    let plan = desk.site.write("plan.txt", "Der Plan.");
    let file = text_of(&desk.send(&["--file", &plan]), "message");
    let (code, said, noted) = desk.receive("1", &["--json"]);
    assert_eq!(code, 1, "{said}{noted}");
    let value: Value = serde_json::from_str(&said).unwrap();
    assert!(text_of(&value, "held_back").contains("give --save DIR"), "{value}");
    assert_ne!(desk.state(&file), "taken-up");
}

#[test]
fn what_is_saved_is_taken_over() {
    let desk = Desk::open();
    let plan = desk.site.write("plan.txt", "Der Plan.");
    let scan = desk.site.write("scan.txt", "Der Scan.");
    let message = desk.send(&["--file", &plan, "--attach", &scan]);
    // Folders are made.
    let (save, parts) = (desk.site.path("in/files"), desk.site.path("in/parts"));
    let options = ["--acknowledge", "--save", &save, "--attachments-dir", &parts];
    let (code, said, noted) = desk.inbox(&options);
    assert_eq!(code, 0, "{said}{noted}");
    assert_eq!(std::fs::read_to_string(Path::new(&save).join("plan.txt")).unwrap(), "Der Plan.");
    assert_eq!(desk.state(&text_of(&message, "message")), "taken-up");
    let (code, said, noted) = desk.inbox(&["--acknowledge"]);
    assert_eq!((code, said.as_str()), (0, "no messages\n"), "{noted}");
}

#[test]
fn paths_that_cannot_be_written_are_named_before_anything_is_handed_out() {
    let desk = Desk::open();
    let message = text_of(&desk.send(&["--text", "anbei"]), "message");
    let file = desk.site.write("file", "");
    let below = format!("{file}/below");
    let nowhere = desk.site.path("nowhere/case.jsonl");
    for options in [
        ["--save", &file],
        ["--save", &below],
        ["--case-file", &nowhere],
        ["--case-file", "/"],
        ["--book", &below],
        ["--attachments-dir", &file],
    ] {
        let (code, said, noted) = desk.inbox(&[&options[..], &["--acknowledge"]].concat());
        assert_eq!((code, said.as_str()), (1, ""), "{options:?}: {noted}");
        assert!(noted.contains(options[1]), "{options:?}: {noted}");
        assert_eq!(desk.state(&message), "waiting", "{options:?}");
    }
    // Nor is anything sent that cannot be entered.
    let (code, said, noted) =
        desk.site.said(JOBCENTER, &desk.note(&["--text", "x", "--case-file", &nowhere]));
    assert_eq!((code, said.as_str()), (1, ""), "{noted}");
}

#[test]
fn one_message_that_cannot_be_kept_holds_only_itself_back() {
    let desk = Desk::open();
    // A name of 254 bytes that is taken: with a number before it, it is longer than a file system takes.
    let save = desk.site.path("files");
    std::fs::create_dir(&save).unwrap();
    let name = "ß".repeat(127);
    std::fs::write(Path::new(&save).join(&name), "etwas anderes").unwrap();
    let plan = desk.site.write(&name, "Der Plan.");
    let broken = text_of(&desk.send(&["--file", &plan]), "message");
    let note = text_of(&desk.send(&["--text", "danach"]), "message");
    let (code, said, noted) = desk.inbox(&["--acknowledge", "--save", &save]);
    assert_eq!(code, 1, "{said}{noted}");
    assert!(said.contains("danach") && noted.contains("; not taken over"), "{said}{noted}");
    assert_eq!(desk.state(&note), "taken-up");
    assert_ne!(desk.state(&broken), "taken-up");
}

#[test]
fn foreign_text_neither_forges_lines_nor_commands_the_terminal() {
    let desk = Desk::open();
    let text =
        "Bitte senden.\r  from         krankenkasse\u{2028}zwei\u{85}drei\r\nvier\u{202e}\u{1b}[2J";
    // The sender's own check refuses the escape; what it lets pass is made safe here.
    let allowed = text.replace(['\u{1b}', '\u{85}'], "");
    desk.send(&["--text", &allowed]);
    let (code, said, _) = desk.inbox(&[]);
    assert_eq!(code, 0);
    assert!(!said.chars().any(schleuse_client::is_unprintable), "{said:?}");
    let forged = said.lines().filter(|line| line.starts_with("  from"));
    assert_eq!(forged.count(), 1, "{said}");
    assert!(said.contains("\n  |   from         krankenkasse\n  | zwei"), "{said}");
}

#[test]
fn looking_says_that_it_hides() {
    let desk = Desk::open();
    desk.send(&["--text", "anbei"]);
    let (code, said, noted) = desk.inbox(&[]);
    assert_eq!(code, 0, "{said}{noted}");
    assert!(noted.contains("1 message is handed out and not acknowledged"), "{noted}");
    assert!(noted.contains("come again after a minute or so"), "{noted}");
    let (code, said, noted) = desk.inbox(&[]);
    assert_eq!((code, said.as_str()), (0, "no messages\n"));
    assert!(noted.contains("not acknowledged comes again"), "{noted}");
    let (code, _, noted) = desk.inbox(&["--function", "rehaberatung"]);
    assert_eq!(code, 0);
    let note = "note: drv-bayern-sued has no function rehaberatung in the directory; it has: reha-beratung";
    assert!(noted.contains(note), "{noted}");
}

#[test]
fn a_recall_that_came_after_the_hand_out_says_so() {
    let desk = Desk::open();
    let message = text_of(&desk.send(&["--text", "anbei"]), "message");
    let early = text_of(&desk.send(&["--text", "zweitens"]), "message");
    let recalled = desk.site.said(JOBCENTER, &["agency", "recall", &early]);
    assert_eq!(recalled.0, 0, "{recalled:?}");
    desk.inbox(&[]);
    let (code, said, noted) = desk.site.said(JOBCENTER, &["agency", "recall", &message]);
    assert_eq!(code, 1, "{said}{noted}");
    assert!(said.contains("recalled-after-hand-out"), "{said}");
    assert!(noted.contains("was handed out before"), "{noted}");
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_and_what_was_sent_is_named() {
    let desk = Desk::open();
    let (code, noted) = desk.site.unwritten(JOBCENTER, &desk.note(&["--text", "anbei"]));
    assert_eq!(code, 1, "{noted}");
    assert!(noted.contains("error: cannot write to stdout: "), "{noted}");
    let message = noted.lines().find_map(|line| line.strip_prefix("message ")).unwrap();
    assert_eq!(desk.state(message), "waiting");
    for arguments in [&["--help"][..], &["agency", "kinds"], &["directory", "list", "--json"]] {
        let (code, noted) = desk.site.unwritten(JOBCENTER, arguments);
        assert_eq!(code, 1, "{noted}");
        assert!(noted.contains("cannot write to stdout"), "{noted}");
    }
    // What was not shown is not taken over.
    let sealing = desk.site.sealing(DRV);
    let inbox = ["agency", "inbox", "--function", "reha-beratung", "--sealing", &sealing];
    let (code, noted) = desk.site.unwritten(DRV, &[&inbox[..], &["--acknowledge"]].concat());
    assert_eq!(code, 1, "{noted}");
    assert_ne!(desk.state(message), "taken-up");
}

#[test]
fn a_wrong_file_is_called_wrong_and_raises_no_alarm() {
    let desk = Desk::open();
    let export = desk.site.path("evidence.json");
    let record = desk.send(&["--text", "anbei"])["record"].to_string();
    desk.site.ask(JOBCENTER, "system", &["agency", "evidence", &record, "--out", &export]);
    let sound = std::fs::read_to_string(&export).unwrap();
    assert_eq!(desk.site.said(JOBCENTER, &["verify", &export]).0, 0);
    for other in ["", "{", "Ein Brief.", "[1]", "{\"format\": \"x\"}", &sound[..sound.len() / 2]] {
        let file = desk.site.write("other.json", other);
        let (code, said, noted) = desk.site.said(JOBCENTER, &["verify", &file]);
        assert_eq!((code, said.as_str()), (1, ""), "{other}: {noted}");
        assert!(noted.contains("other.json: is not an export"), "{noted}");
    }
    for changed in [sound.replacen("\"records\"", "\"record\"", 1), sound.replacen(":[", ":[1,", 1)]
    {
        let file = desk.site.write("changed.json", &changed);
        let (code, _, noted) = desk.site.said(JOBCENTER, &["verify", &file]);
        assert_eq!(code, 4, "{noted}");
    }
    // Other keys, and no keys at all.
    let other = ["--function", "reha-beratung", "--sealing", &desk.site.sealing(KRANKENKASSE)];
    let (code, said, noted) = desk.site.said(DRV, &[&["agency", "inbox"][..], &other].concat());
    assert_eq!((code, said.as_str()), (1, "no message that can be shown\n"), "{noted}");
    assert!(noted.contains("is --sealing the right file? Otherwise: schleuse agency reject"));
    assert!(noted.contains("--reason cannot-open") && !noted.contains("ALARM"), "{noted}");
    let root = Pki::shared().path().join("root.pem").display().to_string();
    let other = ["agency", "inbox", "--function", "reha-beratung", "--sealing", &root];
    let (code, _, noted) = desk.site.said(DRV, &other);
    assert_eq!(code, 1);
    assert!(noted.contains("not a sealing file") && !noted.contains("chmod"), "{noted}");
}

#[test]
fn slips_in_options_are_answered_with_the_option() {
    let desk = Desk::open();
    let said = |arguments: &[&str]| {
        let (code, said, noted) = desk.site.said(JOBCENTER, arguments);
        assert_eq!(said, "", "{arguments:?}");
        (code, noted)
    };
    let refused = |arguments: &[&str], cure: &str| {
        let (code, noted) = said(arguments);
        assert_eq!(code, 1, "{arguments:?}: {noted}");
        assert!(noted.contains(cure), "{arguments:?}: {noted}");
    };
    let kinds = "see: schleuse agency kinds";
    refused(&desk.label(&["--kind", "nix.nix", "--text", "x"]), kinds);
    let ask = ["agency", "ask", "--participant", &desk.participant, "--to", TO, "--category"];
    let ask = [&ask[..], &["termine", "--as", "fallmanagement"]].concat();
    refused(&[&ask[..], &["--purpose", PURPOSE, "--kind", "nix.nix"]].concat(), kinds);
    let secret: Vec<&str> = ask
        .iter()
        .map(|one| if *one == "fallmanagement" { "aerztlicher-dienst" } else { one })
        .collect();
    let secret = [&secret[..], &["--purpose", PURPOSE, "--kind", "unterlagen.supply"]].concat();
    refused(&secret, "give --professional-secret");
    let empty = desk.site.write("empty.json", "{}");
    let supply = ["--kind", "unterlagen.supply", "--json-content", &empty];
    refused(&desk.label(&supply), "expected an object with unterlagen_supply");
    let typo = desk.note(&["--text", "x"]);
    let typo: Vec<&str> = typo
        .iter()
        .map(|one| if *one == "fallmanagement" { "fallmangement" } else { one })
        .collect();
    refused(&typo, "--as: expected a function of jobcenter-stadt-regensburg: fallmanagement");

    for (variable, option) in
        [("SCHLEUSE_TRUST", "--trust"), ("SCHLEUSE_CERTIFICATE", "--certificate")]
    {
        let (code, _, noted) = desk.site.said_without(variable, JOBCENTER, &["directory", "list"]);
        assert_eq!(code, 2, "{noted}");
        assert!(noted.contains(option) && noted.contains(variable), "{noted}");
    }
}

#[test]
fn the_entry_loses_no_function_and_gets_no_foreign_key_by_mistake() {
    let desk = Desk::open();
    let sealing = desk.site.sealing(JOBCENTER);
    let publish = ["agency", "publish", "--name", "Jobcenter", "--function", "leitung"];
    let publish = [&publish[..], &["--sealing", &sealing]].concat();
    let (code, _, noted) = desk.site.said(JOBCENTER, &publish);
    assert_eq!(code, 1, "{noted}");
    assert!(noted.contains("takes functions from the entry: fallmanagement"), "{noted}");
    desk.send(&["--text", "noch da"]);
    let kept = [&publish[..], &["--function", "fallmanagement"]].concat();
    assert_eq!(desk.site.said(JOBCENTER, &kept).0, 0);
    assert_eq!(desk.site.said(JOBCENTER, &[&publish[..], &["--yes"]].concat()).0, 0);

    let foreign = desk.site.sealing(DRV);
    let publish = ["agency", "publish", "--name", "Jobcenter", "--function", "leitung", "--yes"];
    let publish = [&publish[..], &["--sealing", &foreign]].concat();
    let (code, _, noted) = desk.site.said(JOBCENTER, &publish);
    assert_eq!(code, 1, "{noted}");
    assert!(noted.contains("the file holds a key of drv-bayern-sued"), "{noted}");
}

#[test]
fn an_attachment_that_is_left_out_is_named_and_the_message_is_sent() {
    let desk = Desk::open();
    let scan = desk.site.write("scan.txt", "Der Scan.");
    let uncovered = format!("{scan}:gesundheit");
    let with = ["--text", "anbei", "--attach", &uncovered];
    let (code, said, _) = desk.site.said(JOBCENTER, &desk.note(&with));
    assert_eq!((code, said.starts_with("nothing was sent")), (3, true), "{said}");
    let with = [&with[..], &["--leave-out-uncovered"]].concat();
    let (code, said, noted) = desk.site.said(JOBCENTER, &desk.note(&with));
    assert_eq!(code, 0, "{said}{noted}");
    assert!(said.contains("sent without attachment scan.txt"), "{said}");
    let sent = desk.send(&with);
    assert_eq!(sent["left_out"], serde_json::json!(["scan.txt"]));
}

#[test]
fn the_example_of_a_kind_can_be_sent_as_it_is_and_names_no_attachment() {
    let desk = Desk::open();
    let show = ["agency", "kinds", "show", "unterlagen.supply", "--example"];
    let example = desk.site.text(JOBCENTER, "system", &show);
    let example = desk.site.write("example.json", &example);
    desk.send(&["--json-content", &example]);
    let kind = schleuse_client::MessageKind::find("unterlagen.supply").unwrap();
    let whole = desk.site.write("whole.json", &kind.example_json().unwrap().to_string());
    let (code, _, noted) = desk.site.said(JOBCENTER, &desk.note(&["--json-content", &whole]));
    assert_eq!(code, 1, "{noted}");
    assert!(noted.contains("give each file with --attach"), "{noted}");
}
