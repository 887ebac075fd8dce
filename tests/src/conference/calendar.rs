//! The calendar file tells nothing about anybody.

use schleuse_client::fallkonferenz::{Conference, ConferenceEvent, Date, Notice};
use schleuse_client::{Content, MessageId, v1};

use super::fold::{conference, convener, plan};

/// Strings that the plan plants: names of items, bodies, place, participant, notes.
const PLANTED: [&str; 14] = [
    "Mietrückstand",
    "Mietr",
    "Räumungsklage",
    "klage",
    "gesundheit",
    "wohnen",
    "drv",
    "kasse",
    "bezirk",
    "jobcenter",
    "fallmanagement",
    "aaaaaaaa",
    "Suchtberatung",
    "090909",
];

fn said(conference: &mut Conference, number: u8, content: Content) {
    conference.apply(ConferenceEvent::Said(Box::new(Notice {
        message_id: MessageId::parse(&[number; 16]).unwrap(),
        from: convener(),
        to: "drv/reha".parse().unwrap(),
        at_ms: 1_788_000_000_000 + i64::from(number) * 1000,
        content,
    })));
}

/// A conference that was invited to and whose date is fixed.
fn fixed() -> Conference {
    let mut conference = conference();
    let plan = plan(true);
    let distribution = plan.distribution(&plan.questions());
    let mut letters = plan.invitations(&distribution).unwrap();
    letters.extend(plan.parts_for(&"drv/reha".parse().unwrap(), &distribution).unwrap());
    for (letter, number) in letters.into_iter().zip(1..) {
        said(&mut conference, number, letter.content);
    }
    assert_eq!(conference.calendar(true), None, "no date, no entry");
    let date = Date { starts_at_ms: 1_790_000_000_000, minutes: 90 };
    let letters = conference.fix(date, "Suchtberatung, Raum 3").unwrap();
    said(&mut conference, 20, letters[0].content.clone());
    conference
}

#[test]
fn a_calendar_file_has_no_personal_data() {
    let conference = fixed();
    let text = conference.calendar(false).unwrap();
    for planted in PLANTED {
        assert!(!text.contains(planted), "{planted} in {text}");
    }
    let lines: Vec<&str> = text.split("\r\n").collect();
    for wanted in [
        "METHOD:PUBLISH",
        "SUMMARY:Fallkonferenz",
        "DTSTART:20260921T141320Z",
        "DTEND:20260921T154320Z",
        "SEQUENCE:1",
        "STATUS:CONFIRMED",
        "CLASS:PRIVATE",
    ] {
        assert!(lines.contains(&wanted), "{wanted} not in {text}");
    }
    assert!(!text.contains("LOCATION"));
    assert!(conference.calendar(true).unwrap().contains("LOCATION:Suchtberatung\\, Raum 3"));
    assert_eq!(conference.calendar(false), fixed().calendar(false), "the same bytes again");
}

#[test]
fn moves_count_up_and_a_cancelled_conference_cancels_its_entry() {
    let mut conference = fixed();
    let uid =
        |text: &str| text.split("\r\n").find(|line| line.starts_with("UID:")).unwrap().to_owned();
    let before = uid(&conference.calendar(false).unwrap());
    let date = Date { starts_at_ms: 1_790_100_000_000, minutes: 60 };
    let reason = v1::FallkonferenzChangeReason::Place;
    let letters = conference.move_to(&[date], reason, "Raum 9", None).unwrap();
    said(&mut conference, 21, letters[0].content.clone());
    let moved = conference.calendar(false).unwrap();
    assert!(moved.contains("SEQUENCE:2") && moved.contains("DTSTART:20260922T"), "{moved}");
    let letters = conference.cancel(v1::FallkonferenzChangeReason::NotStated).unwrap();
    said(&mut conference, 22, letters[0].content.clone());
    let cancelled = conference.calendar(true).unwrap();
    for wanted in ["METHOD:CANCEL", "STATUS:CANCELLED", "SEQUENCE:3"] {
        assert!(cancelled.contains(wanted), "{cancelled}");
    }
    assert!(!cancelled.contains("LOCATION"));
    assert_eq!((uid(&moved), uid(&cancelled)), (before.clone(), before));
}
