//! Tests of the module `content`.

mod bounds;
mod every_kind;
mod versions;

use super::*;

fn request() -> v1::FallkonferenzRequest {
    v1::FallkonferenzRequest {
        conference_id: ConferenceId::generate().unwrap().to_bytes(),
        agenda: vec![v1::AgendaItem {
            title: "Zuständigkeit".into(),
            categories: vec!["gesundheit".into()],
            minutes: 20,
            ..Default::default()
        }],
        proposed_dates: vec![v1::ProposedDate { starts_at_ms: 1_790_000_000_000, minutes: 60 }],
        place: "Jobcenter, Raum 3".into(),
        answer_by_ms: 1_789_000_000_000,
    }
}

#[test]
fn a_file_of_one_mebibyte_passes_and_one_byte_more_does_not() {
    let whole =
        Content::file("report.pdf", "application/pdf", vec![7; FILE_BYTES_MAX], "").unwrap();
    let plaintext = whole.to_plaintext().unwrap();
    assert_eq!(plaintext.len(), 1024 * 1024 + 4096);
    assert_eq!(Content::from_plaintext(&plaintext).unwrap(), whole);
    let larger = Content::file("report.pdf", "", vec![7; FILE_BYTES_MAX + 1], "");
    assert_eq!(larger, Err(ContentError::FileTooLarge { bytes: FILE_BYTES_MAX + 1 }));
}

#[test]
fn parts_that_do_not_fit_together_are_refused_when_packed() {
    let note = "n".repeat(TEXT_BYTES_MAX);
    let content = Content::file("a", "", vec![7; FILE_BYTES_MAX], &note).unwrap();
    assert_eq!(content.to_plaintext(), Err(ContentError::TooLarge));
}

#[test]
fn texts_have_limits() {
    assert!(Content::text("", &"x".repeat(TEXT_BYTES_MAX)).is_ok());
    let error = Content::text("", &"x".repeat(TEXT_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(
        error,
        ContentError::TextTooLarge { field: "text.body".into(), bytes: TEXT_BYTES_MAX + 1 }
    );
    assert!(Content::text(&"ä".repeat(200), "").is_ok());
    assert!(Content::text(&"ä".repeat(201), "").is_err());
}

#[test]
fn file_names_are_never_paths() {
    for name in ["", "a/b", "..", ".", "a\\b", "a\nb", &"a".repeat(201)] {
        assert!(Content::file(name, "", vec![], "").is_err(), "{name:?}");
    }
}

#[test]
fn invitations_are_checked_field_by_field() {
    assert!(Content::fallkonferenz_request(request()).is_ok());
    let spoil: [fn(&mut v1::FallkonferenzRequest); 8] = [
        |r| r.agenda = vec![r.agenda[0].clone(); 33],
        |r| r.agenda[0].minutes = 481,
        |r| r.agenda[0].title.clear(),
        |r| r.proposed_dates.clear(),
        |r| r.proposed_dates = vec![r.proposed_dates[0]; 17],
        |r| r.place.clear(),
        |r| r.answer_by_ms = 0,
        |r| r.conference_id = Bytes::from_static(b"short"),
    ];
    for change in spoil {
        let mut request = request();
        change(&mut request);
        let error = Content::fallkonferenz_request(request).unwrap_err();
        assert!(matches!(error, ContentError::Field { .. }));
    }
}

#[test]
fn answers_carry_what_their_reply_needs() {
    let id = ConferenceId::generate().unwrap();
    let date = v1::ProposedDate { starts_at_ms: 1_790_000_000_000, minutes: 60 };
    assert!(Content::accept(id, date).is_ok());
    assert!(Content::decline(id, "kein Bedarf").is_ok());
    assert!(Content::propose(id, vec![date]).is_ok());
    assert!(Content::propose(id, vec![]).is_err());
    let empty = v1::FallkonferenzAnswer { conference_id: id.to_bytes(), ..Default::default() };
    assert!(Content::check(Kind::FallkonferenzAnswer(empty)).is_err());
}

#[test]
fn contents_show_their_parts_and_do_not_print_in_debug() {
    let content = Content::introduction("Gerhard W.", "1989-02-03", "BG-17").unwrap();
    assert!(content.to_string().contains("Gerhard W."));
    assert_eq!(content.to_json()["file_number"], "BG-17");
    assert_eq!(format!("{content:?}"), "Content(introduction)");
    assert!(Content::introduction("x", "3.2.1989", "").is_err());
    let invitation = Content::fallkonferenz_request(request()).unwrap();
    assert!(invitation.to_string().contains("Zuständigkeit"));
    assert_eq!(invitation.to_json()["agenda"][0]["minutes"], 20);
}

#[test]
fn contents_of_an_unknown_kind_are_refused() {
    let plaintext = pad(&[0xc2, 0x3e, 0x00]).unwrap();
    assert_eq!(Content::from_plaintext(&plaintext), Err(ContentError::Unreadable));
}
