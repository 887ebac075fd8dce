//! Tests of the module `content::fallkonferenz`.

use bytes::Bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;

use crate::content::kinds::MessageKind;
use crate::content::{Content, ContentError};
use crate::ids::hex;

const ID: Bytes = Bytes::from_static(&[7; 16]);
const SHORT: Bytes = Bytes::from_static(&[7; 15]);

fn date() -> v1::ProposedDate {
    v1::ProposedDate { starts_at_ms: 1_790_000_000_000, minutes: 60 }
}

fn item() -> v1::AgendaItem {
    v1::AgendaItem {
        title: "Mietrückstand".into(),
        categories: vec!["wohnen".into()],
        minutes: 20,
        item_id: ID,
        notes: "Räumungsklage".into(),
    }
}

fn agreement() -> v1::Agreement {
    v1::Agreement {
        agreement_id: ID,
        agency: "jobcenter-stadt-regensburg".into(),
        function: "fallmanagement".into(),
        what: "Darlehen prüfen".into(),
        until_ms: 1_791_000_000_000,
    }
}

/// One valid message of each kind.
fn all() -> Vec<Kind> {
    let (conference_id, item_id, agreement_id) = (ID, ID, ID);
    let (sequence, dates, place) = (1, vec![date()], String::from("Raum 3"));
    vec![
        Kind::FallkonferenzPart(v1::FallkonferenzPart { conference_id: ID, item: Some(item()) }),
        Kind::FallkonferenzAccept(v1::FallkonferenzAccept {
            conference_id: ID,
            sequence: 0,
            dates: dates.clone(),
        }),
        Kind::FallkonferenzDecline(v1::FallkonferenzDecline {
            conference_id: ID,
            sequence: 0,
            reason: v1::FallkonferenzDeclineReason::NoDate.into(),
            text: String::new(),
        }),
        Kind::FallkonferenzPropose(v1::FallkonferenzPropose {
            conference_id: ID,
            sequence: 0,
            dates: dates.clone(),
        }),
        Kind::FallkonferenzFix(v1::FallkonferenzFix {
            conference_id: ID,
            sequence,
            date: Some(date()),
            place: place.clone(),
        }),
        Kind::FallkonferenzMove(v1::FallkonferenzMove {
            conference_id: ID,
            sequence,
            dates,
            reason: v1::FallkonferenzChangeReason::NotStated.into(),
            place,
            answer_by_ms: 0,
        }),
        Kind::FallkonferenzCancel(v1::FallkonferenzCancel {
            conference_id: ID,
            sequence,
            reason: v1::FallkonferenzChangeReason::Settled.into(),
        }),
        Kind::FallkonferenzMinutes(v1::FallkonferenzMinutes {
            conference_id: ID,
            item_id: ID,
            version: 1,
            text: "Besprochen.".into(),
            agreements: vec![agreement()],
        }),
        Kind::FallkonferenzConfirm(v1::FallkonferenzConfirm {
            conference_id: ID,
            item_id: ID,
            version: 1,
            objection: String::new(),
        }),
        Kind::FallkonferenzAgreementKept(v1::FallkonferenzAgreementKept {
            conference_id: ID,
            item_id: ID,
            agreement_id: ID,
            kept_at_ms: 1,
        }),
        Kind::FallkonferenzAgreementLate(v1::FallkonferenzAgreementLate {
            conference_id,
            item_id,
            agreement_id,
            expected_by_ms: 1,
            text: "Gutachten fehlt".into(),
        }),
    ]
}

#[test]
fn every_kind_travels_and_is_shown() {
    for kind in all() {
        let content = Content::of(kind.clone()).unwrap();
        let plaintext = content.to_plaintext().unwrap();
        assert_eq!(Content::from_plaintext(&plaintext).unwrap(), content);
        let json = content.to_json();
        let name = json["type"].as_str().unwrap();
        assert_eq!(format!("{content:?}"), format!("Content({name})"));
        let row = MessageKind::of_content(name).unwrap();
        let text = content.to_string();
        assert!(text.starts_with(&format!("{}\nKonferenz: ", row.name)), "{text}");
        // German names, German time: no code of the schema, no time in UTC.
        for foreign in ["_", "conference", "FALLKONFERENZ", "1970-01-01", "00:00Z"] {
            assert!(!text.contains(foreign), "{foreign} in {text}");
        }
    }
}

#[test]
fn an_end_that_is_a_day_is_shown_as_a_day_and_dates_with_the_german_hour() {
    let request = v1::FallkonferenzRequest {
        conference_id: ID,
        agenda: vec![v1::AgendaItem {
            title: "Begutachtung".into(),
            categories: vec!["gesundheit".into(), "wohnen".into()],
            minutes: 20,
            notes: "Gutachten\nliegt vor".into(),
            ..Default::default()
        }],
        // 2026-12-08T09:00:00Z and 2026-07-08T09:00:00Z.
        proposed_dates: [1_796_720_400_000, 1_783_501_200_000]
            .map(|starts_at_ms| v1::ProposedDate { starts_at_ms, minutes: 60 })
            .to_vec(),
        place: "Raum 3".into(),
        // 2026-12-01T23:00:00Z: the end of that day in Germany.
        answer_by_ms: 1_796_166_000_000,
    };
    let text = Content::fallkonferenz_request(request).unwrap().to_string();
    let wanted = format!(
        "Einladung zur Fallkonferenz\nKonferenz: {}\n\
         Vorschlag 1: 08.12.2026, 10:00 Uhr, 60 Minuten\n\
         Vorschlag 2: 08.07.2026, 11:00 Uhr, 60 Minuten\n\
         Ort: Raum 3\nAntwort bis: 01.12.2026\nTagesordnungspunkt 1:\n  Titel: Begutachtung\n  \
         Datenkategorien: gesundheit, wohnen\n  Minuten: 20\n  Vorab: Gutachten\n    liegt vor",
        hex(&ID)
    );
    assert_eq!(text, wanted);
    let minutes = Kind::FallkonferenzMinutes(v1::FallkonferenzMinutes {
        conference_id: ID,
        item_id: ID,
        version: 1,
        text: "Besprochen.".into(),
        agreements: vec![v1::Agreement { until_ms: 1_798_758_000_000, ..agreement() }],
    });
    let text = Content::of(minutes).unwrap().to_string();
    assert!(text.contains("\n  Bis: 31.12.2026"), "{text}");
}

/// Whatever ends a line in a text of others: what follows is indented and looks like no line of the message.
#[test]
fn a_text_of_several_lines_forges_no_line_of_the_message() {
    for end in ["\n", "\r", "\r\n", "\u{85}", "\u{b}", "\u{c}", "\u{2028}", "\u{2029}"] {
        let place = format!("x{end}Antwort bis: 31.12.2099");
        let moved = v1::FallkonferenzMove {
            conference_id: ID,
            sequence: 1,
            dates: vec![date()],
            reason: v1::FallkonferenzChangeReason::NotStated.into(),
            place: place.clone(),
            answer_by_ms: 0,
        };
        let what = format!("x{end}  Bis: 31.12.2099");
        let minutes = v1::FallkonferenzMinutes {
            conference_id: ID,
            item_id: ID,
            version: 1,
            text: place.clone(),
            agreements: vec![v1::Agreement { what, ..agreement() }],
        };
        let part = v1::FallkonferenzPart {
            conference_id: ID,
            item: Some(v1::AgendaItem { title: place.clone(), notes: place, ..item() }),
        };
        let [moved, minutes, part] = [
            Kind::FallkonferenzMove(moved),
            Kind::FallkonferenzMinutes(minutes),
            Kind::FallkonferenzPart(part),
        ]
        // Not checked here: what a newer version sends is shown too.
        .map(|kind| super::text(&kind).unwrap());
        assert!(moved.contains("\nOrt: x\n  Antwort bis: 31.12.2099\n"), "{end:?} {moved}");
        assert!(
            minutes.contains("\nProtokoll: x\n  Antwort bis: 31.12.2099\n"),
            "{end:?} {minutes}"
        );
        assert!(minutes.contains("\n  Was: x\n      Bis: 31.12.2099\n"), "{end:?} {minutes}");
        assert!(part.contains("\nTitel: x\n  Antwort bis: 31.12.2099\n"), "{end:?} {part}");
        assert!(part.ends_with("\nVorab: x\n  Antwort bis: 31.12.2099"), "{end:?} {part}");
    }
}

#[test]
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are a defect of the test")]
fn every_kind_names_its_conference() {
    for kind in all() {
        let mut spoiled = kind;
        match &mut spoiled {
            Kind::FallkonferenzPart(one) => one.conference_id = SHORT,
            Kind::FallkonferenzAccept(one) => one.conference_id = SHORT,
            Kind::FallkonferenzDecline(one) => one.conference_id = SHORT,
            Kind::FallkonferenzPropose(one) => one.conference_id = SHORT,
            Kind::FallkonferenzFix(one) => one.conference_id = SHORT,
            Kind::FallkonferenzMove(one) => one.conference_id = SHORT,
            Kind::FallkonferenzCancel(one) => one.conference_id = SHORT,
            Kind::FallkonferenzMinutes(one) => one.conference_id = SHORT,
            Kind::FallkonferenzConfirm(one) => one.conference_id = SHORT,
            Kind::FallkonferenzAgreementKept(one) => one.conference_id = SHORT,
            Kind::FallkonferenzAgreementLate(one) => one.conference_id = SHORT,
            _ => panic!("not among the new messages"),
        }
        let wanted =
            ContentError::Field { field: "conference_id".into(), expected: "16 bytes".into() };
        assert_eq!(Content::of(spoiled).unwrap_err(), wanted);
    }
}

/// The field that is named when a valid message is spoiled.
fn fault(kind: Kind) -> String {
    match Content::of(kind) {
        Err(ContentError::Field { field, .. }) => field.into_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn fields_out_of_range_are_named() {
    let part = |item| Kind::FallkonferenzPart(v1::FallkonferenzPart { conference_id: ID, item });
    assert_eq!(fault(part(None)), "item");
    assert_eq!(
        fault(part(Some(v1::AgendaItem { item_id: Bytes::new(), ..item() }))),
        "item.item_id"
    );
    let notes = "n".repeat(16 * 1024 + 1);
    assert_eq!(fault(part(Some(v1::AgendaItem { notes, ..item() }))), "agenda.notes");
    let decline = |reason: i32, text: &str| {
        Kind::FallkonferenzDecline(v1::FallkonferenzDecline {
            conference_id: ID,
            sequence: 0,
            reason,
            text: text.into(),
        })
    };
    assert_eq!(fault(decline(0, "")), "reason");
    assert_eq!(fault(decline(99, "")), "reason");
    assert_eq!(fault(decline(v1::FallkonferenzDeclineReason::Other.into(), "")), "text");
    assert!(Content::of(decline(v1::FallkonferenzDeclineReason::Other.into(), "x")).is_ok());
    let moved = |dates, answer_by_ms| {
        Kind::FallkonferenzMove(v1::FallkonferenzMove {
            conference_id: ID,
            sequence: 1,
            dates,
            reason: 1,
            place: "x".into(),
            answer_by_ms,
        })
    };
    assert_eq!(fault(moved(vec![date(); 2], 0)), "answer_by");
    assert_eq!(fault(moved(vec![date()], 5)), "answer_by");
    assert!(Content::of(moved(vec![date(); 2], 5)).is_ok());
    let minutes = |version, agreements| {
        Kind::FallkonferenzMinutes(v1::FallkonferenzMinutes {
            conference_id: ID,
            item_id: ID,
            version,
            text: String::new(),
            agreements,
        })
    };
    assert_eq!(fault(minutes(0, vec![])), "version");
    assert_eq!(fault(minutes(1, vec![agreement(); 2])), "agreements.agreement_id");
    let nobody = v1::Agreement { function: "Frau Müller".into(), ..agreement() };
    assert_eq!(fault(minutes(1, vec![nobody])), "agreements.agency");
}
