//! Tests of the module `report`.

use bytes::Bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::*;
use crate::ids::{ConsentId, ParticipantReference};
use crate::log::{Evidence, LogRow};
use crate::test_log::{
    CONSENT, DRV, Entry, GRANT_MS, JOBCENTER, START_MS, accepted, confirmed, consent, evidence,
    grant, handed_out, label, recorded, reference, refused, restricted, revoked, stopped,
    suspended,
};

const TEXT: &str = "Ich willige ein.";

fn rows(entries: &[Entry]) -> Vec<LogRow> {
    let rows = entries.iter().zip(0..).map(|(entry, number)| entry.row(number));
    rows.map(|row| LogRow::parse(row).unwrap()).collect()
}

fn names() -> Names {
    Names::from_toml(include_str!("../../../ops/reference/catalogue.toml")).unwrap()
}

fn participant() -> ParticipantReference {
    ParticipantReference::parse(&reference('p')).unwrap()
}

fn queried(reason: &str) -> Entry {
    let reason = reason.to_owned();
    let event = v1::LogQueried { reason, filter: None, by_participant: true };
    Entry::of(Event::LogQueried(event)).by("projekt", "dpo")
}

fn course() -> Vec<Entry> {
    let first = consent(None, vec![grant(&["gesundheit", "termine"])]);
    let second = consent(Some(&first), vec![grant(&["termine"])]);
    let health = label(&["gesundheit"]);
    vec![
        Entry::of(Event::ParticipantRegistered(v1::ParticipantRegistered::default())).about('p'),
        Entry::of(Event::ReferenceAssigned(v1::ReferenceAssigned { agency: DRV.to_owned() })),
        recorded(&first),
        accepted(&first, &health),
        handed_out(3, &first, &health),
        accepted(&first, &health),
        recorded(&second),
        stopped(5),
        suspended(&second),
        confirmed(&second),
        refused(&health, v1::DenyReason::Superseded),
        restricted(true),
        queried("quarterly control"),
    ]
}

fn page(entries: &[Entry], texts: &Texts, now_ms: i64) -> String {
    let report = DataReport::new(&rows(entries), &participant(), &names(), texts, now_ms);
    report.unwrap().to_html().unwrap()
}

#[test]
fn the_report_tells_everything_in_plain_words() {
    let texts = Texts::new([TEXT.to_owned(), "another text".to_owned()]);
    let html = page(&course(), &texts, START_MS);
    for expected in [
        reference('p').as_str(),
        "Stand: gilt",
        "geändert (Fassung 2)",
        "ausgesetzt, bis Sie sie bestätigen",
        "von Ihnen bestätigt",
        "Reha-Einleitung",
        "<pre>Ich willige ein.</pre>",
        "Ihre Einwilligung 09090909, Fassung 1",
        "Nur eine frühere Fassung Ihrer Einwilligung erlaubte das.",
        "Sie war abgelaufen, widerrufen oder geändert",
        "quarterly control",
        "projekt (Datenschutz)",
        "drv-bayern-sued bekam eine eigene Kennung für Sie.",
        "Die Verarbeitung Ihrer Daten ist zurzeit eingeschränkt",
        "Artikel 17",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    // Only the text that fits, and the newest grants only.
    assert!(!html.contains("another text") && !html.contains("(auch Gesundheitsdaten)"));
    assert!(html.contains("<td data-label=\"Welche Daten\">Gesundheit</td>"), "{html}");
    assert!(!html.contains("{{") && !html.contains("{%"));
}

#[test]
fn names_stand_first_where_somebody_knows_them() {
    let offices = [(DRV, "DRV Bayern Süd"), ("projekt", "Projekt <b>")];
    let offices = offices.map(|(id, name)| (id.to_owned(), name.to_owned()));
    let names = names().with_offices(offices);
    assert_eq!(names.office_and_id(DRV), format!("DRV Bayern Süd ({DRV})"));
    let mut entries = course();
    entries.push(queried("consents listed by the Lotse"));
    let report = DataReport::new(&rows(&entries), &participant(), &names, &Texts::default(), 0);
    let html = report.unwrap().of_person("Gerhard W.").to_html().unwrap();
    for expected in [
        "<strong>Gerhard W.</strong>",
        "DRV Bayern Süd bekam eine eigene Kennung für Sie.",
        "DRV Bayern Süd, reha-beratung",
        "Projekt &#60;b&#62; (Datenschutz)",
        "Die Einwilligungen wurden angesehen.",
    ] {
        assert!(html.contains(expected), "{expected}: {html}");
    }
    assert!(!html.contains("listed by the Lotse"), "a reason of a program");
    assert!(!page(&course(), &Texts::default(), 0).contains("<dt>Für</dt>"), "nobody knows it");
}

#[test]
fn a_consent_ends_for_its_own_reason() {
    let state = |entries: &[Entry], now_ms: i64| {
        let html = page(entries, &Texts::default(), now_ms);
        let (_, rest) = html.split_once("Stand: ").unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let one = consent(None, vec![grant(&["termine"])]);
    assert_eq!(state(&[recorded(&one)], START_MS), "gilt");
    assert_eq!(state(&[recorded(&one)], START_MS - 1), "gilt noch nicht");
    assert_eq!(state(&[recorded(&one)], START_MS + GRANT_MS), "abgelaufen");
    assert_eq!(state(&[recorded(&one), suspended(&one)], START_MS), "ausgesetzt");
    assert_eq!(state(&[recorded(&one), revoked(&one)], START_MS), "widerrufen");
    let mut secret = recorded(&one);
    (secret.document, secret.document_signature) = (Vec::new(), None);
    assert_eq!(state(&[secret], START_MS), "Einzelheiten werden hier nicht gezeigt");
}

#[test]
fn a_report_about_nothing_says_so() {
    let html = page(&course()[..1], &Texts::default(), START_MS);
    assert!(html.contains("Es gibt keine Einwilligung von Ihnen."));
    assert!(html.contains("Es wurde nichts weitergegeben."));
    let erased = page(&[recorded(&consent(None, Vec::new())).erased()], &Texts::default(), 0);
    assert!(erased.contains("Der Inhalt dieses Eintrags wurde gelöscht."));
}

/// What the officer of an agency sees: no findings, no consents, and so a false page.
#[test]
fn a_report_needs_all_rows_with_their_findings() {
    let made = |entries: &[Entry]| {
        let none = (Names::default(), Texts::default());
        DataReport::new(&rows(entries), &participant(), &none.0, &none.1, START_MS)
    };
    assert!(made(&course()).is_ok());
    for hidden in 0..course().len() {
        let mut entries = course();
        entries[hidden].findings = None;
        let error = made(&entries).unwrap_err().to_string();
        assert!(error.contains("data-protection officer of the project"), "{error}");
        // Of an erased row nobody sees more.
        entries[hidden].erased = true;
        assert!(made(&entries).is_ok());
    }
    assert!(made(&[]).unwrap_err().to_string().contains("about whom there are records"));
}

#[test]
fn pages_say_that_processing_is_restricted() {
    let sentence = "Die Verarbeitung ist eingeschränkt";
    let pages = |entries: &[Entry]| {
        let receipt = receipt(entries).to_html().unwrap();
        [receipt, page(entries, &Texts::default(), START_MS)].map(|html| html.contains(sentence))
    };
    let mut entries = course();
    assert_eq!(pages(&entries), [true, true]);
    entries.push(restricted(false));
    assert_eq!(pages(&entries), [false, false]);
}

#[test]
fn after_the_end_no_page_says_that_a_consent_holds() {
    let mut entries = course();
    entries.push(restricted(false));
    let pages = |entries: &[Entry]| {
        let receipt = receipt(entries).to_html().unwrap();
        [receipt, page(entries, &Texts::default(), START_MS)]
    };
    assert!(
        pages(&entries)
            .iter()
            .all(|html| html.contains(">Stand: gilt<") || html.contains("\"state\">gilt<"))
    );
    let hash = Bytes::from_static(&[7; 32]);
    let ended = v1::ParticipationEnded { document_hash: hash.clone() };
    entries.push(Entry::of(Event::ParticipationEnded(ended)).about('p'));
    for html in pages(&entries) {
        assert!(html.contains("gilt nicht mehr: Ihre Teilnahme ist beendet"), "{html}");
        assert!(!html.contains("Stand: gilt<") && !html.contains("Spätestens am"), "{html}");
    }
    assert!(page(&entries, &Texts::default(), START_MS).contains("davon gelten jetzt 0."));
    let code = receipt(&entries).code();
    assert!(find_by_code(&rows(&entries), code, START_MS).unwrap().ended);
}

#[test]
fn pages_count_the_objections_in_force() {
    let objection = |id: u8| {
        let (objection_id, document_hash) = (Bytes::copy_from_slice(&[id; 16]), Bytes::new());
        Entry::of(Event::ObjectionRecorded(v1::ObjectionRecorded { objection_id, document_hash }))
    };
    let withdrawn = |id: u8| {
        let (objection_id, document_hash) = (Bytes::copy_from_slice(&[id; 16]), Bytes::new());
        Entry::of(Event::ObjectionWithdrawn(v1::ObjectionWithdrawn { objection_id, document_hash }))
    };
    let mut entries = course();
    let says = |entries: &[Entry], count: usize| {
        let words = format!("Widersprüche, die jetzt gelten: {count}");
        let receipt = receipt(entries).to_html().unwrap();
        [receipt, page(entries, &Texts::default(), START_MS)].map(|html| html.contains(&words))
    };
    assert_eq!(says(&entries, 0), [false, false]);
    entries.extend([objection(1), objection(2), withdrawn(1)]);
    assert_eq!(says(&entries, 1), [true, true]);
    let code = receipt(&entries).code();
    assert_eq!(find_by_code(&rows(&entries), code, START_MS).unwrap().objections, 1);
    // One that named an end is over with it.
    let mut rows = rows(&entries);
    let until_ms = START_MS + GRANT_MS;
    let document = v1::ObjectionDocument { until_ms, ..Default::default() };
    let recorded =
        rows.iter_mut().filter(|row| matches!(row.event(), Some(Event::ObjectionRecorded(_))));
    recorded
        .for_each(|row| row.safeguard = Some(crate::log::Safeguard::Objection(document.clone())));
    let counted = |now_ms| find_by_code(&rows, code, now_ms).unwrap().objections;
    assert_eq!((counted(until_ms - 1), counted(until_ms)), (1, 0));
}

/// Text that wants to be markup, to turn other text around, or never to end.
fn hostile() -> String {
    let markup = "<script>alert(1)</script><img src=x onerror=y>\"'&</pre></style>";
    format!("{markup}\u{202e}\u{2066}\u{200b}\u{feff}\u{0}\u{1b}[31m{}", "x".repeat(1_000_000))
}

fn is_inert(html: &str) {
    for active in ["<script", "<img", "onerror=y>", "\"'&<", "\u{202e}", "\u{2066}", "\u{200b}"] {
        assert!(!html.contains(active), "{active:?}");
    }
    for active in ["\u{feff}", "\u{0}", "\u{1b}"] {
        assert!(!html.contains(active), "{active:?}");
    }
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(html.contains("&#60;script&#62;"), "it is shown as text");
}

#[test]
fn hostile_text_is_inert_everywhere() {
    let hostile = hostile();
    let mut bad = grant(&["termine"]);
    bad.senders = vec![hostile.clone()];
    (bad.purpose, bad.categories) = (hostile.clone(), vec![hostile.clone()]);
    bad.recipient = Some(v1::Address { agency: hostile.clone(), function: hostile.clone() });
    let mut document = consent(None, vec![bad]);
    document.text.as_mut().unwrap().version = hostile.clone();
    document.text.as_mut().unwrap().hash =
        Bytes::copy_from_slice(&schleuse_proto::evidence::sha256(&[hostile.as_bytes()]));
    let by = v1::GivenBy { representative: true, scope: hostile.clone(), ..v1::GivenBy::default() };
    document.given_by = Some(by);
    let mut label = label(&["termine"]);
    (label.kind, label.purpose) = (hostile.clone(), hostile.clone());
    let entries = [
        recorded(&document).by(&hostile, &hostile),
        refused(&label, v1::DenyReason::NoConsent),
        handed_out(1, &document, &label),
        Entry::of(Event::LotseAssigned(v1::LotseAssigned { lotse: hostile.clone() })),
        queried(&hostile),
    ];
    let texts = Texts::new([hostile.clone()]);
    let html = page(&entries, &texts, START_MS);
    is_inert(&html);
    // Each value is cut, but the text of the consent is printed in full.
    assert!(html.len() < 1_200_000, "{}", html.len());
    let consent_id = ConsentId::parse(CONSENT).unwrap();
    let rows = rows(&entries);
    let receipt =
        ConsentReceipt::new(&rows, &participant(), consent_id, &names(), &texts, START_MS);
    is_inert(&receipt.unwrap().to_html().unwrap());
}

#[test]
fn pages_are_one_file_without_scripts_or_loads() {
    let html = page(&course(), &Texts::default(), START_MS);
    for loaded in ["<script", "src=", "href=", "@import", "url(", "http://", "https://"] {
        assert!(!html.contains(loaded), "{loaded}");
    }
    assert!(html.contains("default-src 'none'") && html.contains("@media print"));
    assert!(html.contains("prefers-color-scheme: dark") && html.contains("lang=\"de\""));
}

fn receipt(entries: &[Entry]) -> ConsentReceipt {
    receipt_at(entries, START_MS)
}

fn receipt_at(entries: &[Entry], now_ms: i64) -> ConsentReceipt {
    let consent = ConsentId::parse(CONSENT).unwrap();
    let texts = Texts::new([TEXT.to_owned()]);
    ConsentReceipt::new(&rows(entries), &participant(), consent, &names(), &texts, now_ms).unwrap()
}

#[test]
fn a_receipt_of_what_is_over_speaks_of_what_was_allowed() {
    let one = consent(None, vec![grant(&["termine"])]);
    let says = |entries: &[Entry], now_ms| {
        let html = receipt_at(entries, now_ms).to_html().unwrap();
        (html.contains(">Was Sie erlauben<"), html.contains("Spätestens am"))
    };
    assert_eq!(says(&[recorded(&one)], START_MS - 1), (true, true), "not yet");
    assert_eq!(says(&[recorded(&one)], START_MS), (true, true));
    assert_eq!(says(&[recorded(&one), suspended(&one)], START_MS), (true, true));
    assert_eq!(says(&[recorded(&one), revoked(&one)], START_MS), (false, false));
    assert_eq!(says(&[recorded(&one)], START_MS + GRANT_MS), (false, false), "expired");
}

#[test]
fn a_receipt_shows_the_newest_revision_and_its_code() {
    let receipt = receipt(&course());
    let html = receipt.to_html().unwrap();
    assert!(html.contains("Fassung 2") && html.contains(&receipt.code().to_string()));
    assert!(html.contains("Termine") && !html.contains("Gesundheit"), "only what it allows now");
    assert!(html.contains("jederzeit widerrufen") && html.contains(TEXT));
    assert_eq!(receipt.record_number(), 6);
    let other = ConsentId::parse(&[1; 16]).unwrap();
    let rows = rows(&course());
    let none = (Names::default(), Texts::default());
    assert!(ConsentReceipt::new(&rows, &participant(), other, &none.0, &none.1, 0).is_err());
}

#[test]
fn a_receipt_for_programs_has_the_fields_of_the_standard_and_its_proof() {
    let entries = course();
    let receipt = receipt(&entries);
    let evidence = evidence(&entries, receipt.record_number());
    let json = receipt.to_json(&evidence).unwrap();
    let record = &json["consent_record"];
    assert_eq!(record["schema_version"], "ISO/IEC TS 27560:2023");
    assert_eq!(record["pii_principal_id"], reference('p'));
    let purpose = &record["pii_processing"]["purposes"][0];
    assert_eq!(purpose["purpose_type"], "reha-einleitung");
    assert_eq!(purpose["lawful_basis"], "consent");
    assert_eq!(purpose["pii_information"][0]["pii_type"], "termine");
    assert_eq!(purpose["pii_controllers"][0], JOBCENTER);
    assert_eq!(purpose["recipient_third_parties"][0], "drv-bayern-sued/reha-beratung");
    assert_eq!(record["events"].as_array().unwrap().len(), 4);
    assert_eq!(record["events"][0]["event_state"], "consent given");
    let roles = record["party_identification"].as_array().unwrap();
    assert!(roles.iter().any(|party| party["party_role"] == "recipient"));
    let proof = serde_json::to_vec(&json["proof"]).unwrap();
    let proof = Evidence::from_json(&proof).unwrap();
    assert!(proof.verify(&crate::test_log::log_key()).is_sound());
}

#[test]
fn a_code_finds_its_consent_and_says_whether_it_is_unchanged() {
    let mut entries = course();
    let code = receipt(&entries[..3]).code();
    let found = |entries: &[Entry]| find_by_code(&rows(entries), code, START_MS);
    let first = found(&entries[..3]).unwrap();
    assert_eq!((first.revision, first.newest_revision), (1, 1));
    assert_eq!((first.state, first.restricted), (v1::ConsentState::Active, false));
    let later = found(&entries).unwrap();
    assert_eq!((later.revision, later.newest_revision, later.restricted), (1, 2, true));
    entries.truncate(3);
    entries.push(revoked(&consent(None, vec![grant(&["gesundheit", "termine"])])));
    assert_eq!(found(&entries).unwrap().state, v1::ConsentState::Revoked);
    // The same document in another record, or another document in the same one.
    assert_eq!(found(&entries[2..]), None);
    assert_eq!(found(&[]), None);
}

#[test]
fn many_looks_of_one_person_on_one_day_are_one_line() {
    let hour_ms = 3_600_000;
    let other = |reason| queried(reason).by("projekt", "lotse");
    let entries = [
        course().swap_remove(0),
        queried("control").at(START_MS + hour_ms),
        other("control").at(START_MS + hour_ms),
        queried("control").at(START_MS + 2 * hour_ms),
        queried("another reason").at(START_MS + 2 * hour_ms),
        queried("another reason").at(START_MS + 2 * hour_ms),
        queried("control").at(START_MS + 24 * hour_ms),
    ];
    let looks = looks::looks(&rows(&entries), &names());
    let lines: Vec<_> = looks.iter().map(|look| (look.when(), look.reason.clone())).collect();
    let expected = [
        ("21.09.2026, 17:13 Uhr bis 18:13 Uhr, 2 Mal", "control"),
        ("21.09.2026, 17:13 Uhr", "control"),
        ("21.09.2026, 18:13 Uhr, 2 Mal", "another reason"),
        ("22.09.2026, 16:13 Uhr", "control"),
    ];
    let expected = expected.map(|(when, reason)| (when.to_owned(), reason.to_owned()));
    assert_eq!(lines, expected);
    let who: Vec<_> = looks.iter().map(|look| look.who.contains("Lotsin")).collect();
    assert_eq!(who, [false, true, false, false]);
    let html = page(&entries, &Texts::default(), START_MS);
    assert!(html.contains("Blicke in das Protokoll: 6."), "{html}");
}

#[test]
fn every_reason_that_the_broker_writes_is_told_in_german() {
    let steps = concat!(env!("CARGO_MANIFEST_DIR"), "/../broker/src/domain/step");
    let mut count = 0;
    for file in std::fs::read_dir(steps).unwrap() {
        let code = std::fs::read_to_string(file.unwrap().path()).unwrap_or_default();
        let words = code.split('"').filter(|text| !text.contains('\n'));
        for reason in words.filter(|text| text.contains(" listed by ")) {
            assert_ne!(words::reason(reason), reason);
            count += 1;
        }
    }
    assert!(count >= 9, "{count}");
    assert_ne!(words::reason("erasure planned"), "erasure planned");
    assert_eq!(words::reason("Stichprobe im Quartal"), "Stichprobe im Quartal");
}
