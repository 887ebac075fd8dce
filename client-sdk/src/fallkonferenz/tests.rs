//! Tests of the module `fallkonferenz`: a change of the dates reaches all whom it concerns, also if sending breaks
//! off, and a text of others forges no line of what is shown.

use std::collections::BTreeSet;

use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;

use super::letters::Letter;
use super::{
    Conference, ConferenceEvent, ConferenceFolder, Date, Item, Notice, Phase, Plan, Reply,
};
use crate::content::Content;
use crate::ids::{Address, AgreementId, ConferenceId, ItemId, MessageId, ParticipantReference};
use crate::terminal::terminal_text;

const REASON: v1::FallkonferenzChangeReason = v1::FallkonferenzChangeReason::Documents;
const OTHER_REASON: v1::FallkonferenzChangeReason = v1::FallkonferenzChangeReason::Settled;
const ID: [u8; 16] = [9; 16];

fn convener() -> Address {
    "jobcenter/fallmanagement".parse().unwrap()
}

fn body(number: u8) -> Address {
    format!("stelle-{number}/hilfe").parse().unwrap()
}

fn bodies(numbers: &[u8]) -> Vec<Address> {
    numbers.iter().map(|number| body(*number)).collect()
}

fn date(number: u8) -> Date {
    Date { starts_at_ms: 1_790_000_000_000 + i64::from(number) * 3_600_000, minutes: 60 }
}

fn item() -> ItemId {
    ItemId::parse(&[7; 16]).unwrap()
}

/// A convener's conference with five bodies, and a count of messages for their identifiers and times.
struct Desk {
    conference: Conference,
    count: u16,
}

impl Desk {
    fn planned(title: &str, place: &str) -> Self {
        let plan = Plan {
            conference: ConferenceId::parse(&ID).unwrap(),
            convener: convener(),
            purpose: "fallkonferenz".to_owned(),
            about_participant: true,
            bodies: (1..=5).map(body).collect(),
            items: vec![Item {
                id: item(),
                title: title.to_owned(),
                categories: BTreeSet::from(["wohnen".to_owned()]),
                minutes: 15,
                notes: place.to_owned(),
                bodies: None,
                professional_secret: false,
            }],
            dates: vec![date(1), date(2)],
            place: place.to_owned(),
            answer_by_ms: 1_789_000_000_000,
            professional_secret: false,
        };
        let reference = ParticipantReference::parse(&"a".repeat(26)).unwrap();
        Self { conference: Conference::convene(plan, Some(reference)).unwrap(), count: 0 }
    }

    fn invited() -> Self {
        let mut this = Self::planned("Mietrückstand", "Raum 3");
        this.invite(&[1, 2, 3, 4, 5]);
        this
    }

    /// Invites these bodies and sends them the item.
    fn invite(&mut self, numbers: &[u8]) {
        let plan = self.conference.plan().unwrap().clone();
        let all = plan.distribution(&plan.questions());
        let mut letters = plan.invitations(&all).unwrap();
        for one in &plan.bodies {
            letters.extend(plan.parts_for(one, &all).unwrap());
        }
        letters.retain(|letter| bodies(numbers).contains(&letter.recipient));
        self.say(letters);
    }

    fn say(&mut self, letters: Vec<Letter>) -> Vec<MessageId> {
        let said = letters.into_iter();
        said.map(|letter| self.heard(&convener(), &letter.recipient, letter.content)).collect()
    }

    fn answer(&mut self, number: u8, kind: Kind) {
        self.heard(&body(number), &convener(), Content::of(kind).unwrap());
    }

    fn heard(&mut self, from: &Address, to: &Address, content: Content) -> MessageId {
        self.count += 1;
        let message_id = MessageId::parse(&self.count.to_be_bytes().repeat(8)).unwrap();
        let at_ms = 1_788_000_000_000 + i64::from(self.count);
        let (from, to) = (from.clone(), to.clone());
        let notice = Notice { message_id, from, to, at_ms, content };
        self.conference.apply(ConferenceEvent::Said(Box::new(notice)));
        message_id
    }

    /// Sends the first letters only: then sending breaks off.
    fn say_first(&mut self, letters: &[Letter], count: usize) -> Vec<MessageId> {
        self.say(letters[..count].to_vec())
    }
}

fn recipients(letters: &[Letter]) -> Vec<Address> {
    letters.iter().map(|letter| letter.recipient.clone()).collect()
}

fn decline(sequence: u32, text: &str) -> Kind {
    Kind::FallkonferenzDecline(v1::FallkonferenzDecline {
        conference_id: bytes::Bytes::copy_from_slice(&ID),
        sequence,
        reason: v1::FallkonferenzDeclineReason::Capacity.into(),
        text: text.to_owned(),
    })
}

#[tokio::test]
async fn whoever_changes_a_conference_waits_for_the_others() {
    let place = tempfile::tempdir().unwrap();
    let folder = ConferenceFolder::new(&place.path().join("conferences"));
    let held = folder.hold().await.unwrap();
    let other = std::fs::File::open(place.path().join("conferences/.lock")).unwrap();
    assert!(other.try_lock().is_err(), "another program would change it too");
    drop(held);
    other.try_lock().unwrap();
    other.unlock().unwrap();
    folder.hold().await.unwrap();
    let listed = folder.list().unwrap();
    assert!(listed.conferences.is_empty() && listed.unreadable.is_empty(), "the lock is none");
}

/// The longest minutes, one after the other: each needs some 44 KiB of the file for each body.
fn longest_minutes(desk: &mut Desk, versions: u32) {
    for _ in 0..versions {
        let minutes = desk.conference.minutes(item(), &"ä".repeat(16 * 1024), Vec::new());
        desk.say(minutes.unwrap());
    }
}

#[test]
fn a_conference_with_long_minutes_for_many_bodies_can_be_read_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = ConferenceFolder::new(place.path());
    let mut desk = Desk::invited();
    longest_minutes(&mut desk, 8);
    folder.save(&desk.conference).unwrap();
    assert_eq!(folder.open(desk.conference.id()).unwrap(), desk.conference);
}

#[test]
fn a_file_that_is_no_conference_is_named_and_hides_no_other() {
    let place = tempfile::tempdir().unwrap();
    let folder = ConferenceFolder::new(place.path());
    let conference = Desk::invited().conference;
    folder.save(&conference).unwrap();
    let good = std::fs::read(place.path().join(format!("{}.json", conference.id()))).unwrap();
    let torn = &good[..good.len() / 2];
    let text = String::from_utf8(good.clone()).unwrap();
    let strange = text.replace("stelle-1/hilfe", "keine Stelle");
    for (name, bytes) in [("torn", torn), ("strange", strange.as_bytes()), ("empty", b"")] {
        let path = place.path().join(format!("{name}.json"));
        crate::files::replace(&path, bytes).unwrap();
    }
    let listed = folder.list().unwrap();
    assert_eq!(listed.conferences, [conference]);
    let unreadable: Vec<String> = listed.unreadable.iter().map(ToString::to_string).collect();
    assert_eq!(unreadable.len(), 3);
    for (error, name) in unreadable.iter().zip(["empty.json", "strange.json", "torn.json"]) {
        assert!(error.contains(name) && error.contains("no conference"), "{error}");
    }
}

#[test]
fn what_others_send_leaves_room_for_own_messages_and_all_of_it_can_be_read_again() {
    let mut desk = Desk::invited();
    assert!(desk.conference.leaves_room().is_ok());
    // Copies of one letter, with contents of 32 KiB.
    let minutes = desk.conference.minutes(item(), &"x".repeat(32 * 1024), Vec::new()).unwrap();
    let copies = |count: usize| vec![minutes[0].clone(); count];
    let mut held = 0;
    while desk.conference.leaves_room().is_ok() {
        held += 100;
        for _ in 0..100 {
            desk.heard(&convener(), &body(1), minutes[0].content.clone());
        }
    }
    assert!((1_000..1_300).contains(&held), "{held}");
    let cancel = desk.conference.cancel(REASON).unwrap();
    assert!(desk.conference.has_room_for(&cancel).is_ok(), "calling off works all the same");
    let more = (1..).find(|count| desk.conference.has_room_for(&copies(*count)).is_err()).unwrap();
    let error = desk.conference.has_room_for(&copies(more)).unwrap_err().to_string();
    assert!(error.contains("nothing was sent"), "{error}");
    desk.say(copies(more - 1));
    let place = tempfile::tempdir().unwrap();
    let folder = ConferenceFolder::new(place.path());
    folder.save(&desk.conference).unwrap();
    assert_eq!(folder.open(desk.conference.id()).unwrap().notices().len(), held + more + 9);
    // Nothing that cannot be read is ever written.
    desk.say(copies(400));
    assert!(folder.save(&desk.conference).unwrap_err().to_string().contains("larger than"));
    assert_eq!(folder.open(desk.conference.id()).unwrap().notices().len(), held + more + 9);
}

#[test]
fn a_cancellation_that_broke_off_can_be_finished() {
    let mut desk = Desk::invited();
    desk.answer(4, decline(0, ""));
    let letters = desk.conference.cancel(REASON).unwrap();
    assert_eq!(recipients(&letters), bodies(&[1, 2, 3, 5]));
    let said = desk.say_first(&letters, 2);
    assert_eq!(desk.conference.state().phase, Phase::Cancelled);
    // The rest, in the very words of the others; who declined is still told nothing.
    let rest = desk.conference.cancel(OTHER_REASON).unwrap();
    assert_eq!(rest, letters[2..]);
    // A copy that was not delivered reached nobody.
    desk.conference.apply(ConferenceEvent::NotDelivered(said[0]));
    let rest = desk.conference.cancel(REASON).unwrap();
    assert_eq!(recipients(&rest), bodies(&[1, 3, 5]));
    desk.say(rest);
    assert_eq!(desk.conference.state().sequence, 1);
    let over = desk.conference.cancel(REASON).unwrap_err().to_string();
    assert!(over.starts_with("conference: expected one that was not cancelled"), "{over}");
    // No date is fixed any more, whoever lacks what.
    assert!(desk.conference.fix(date(1), "Raum 3").is_err());
}

#[test]
fn a_date_that_reached_some_is_fixed_for_the_rest_under_its_number() {
    let mut desk = Desk::invited();
    let letters = desk.conference.fix(date(1), "Raum 3").unwrap();
    desk.say_first(&letters, 2);
    let rest = desk.conference.fix(date(1), "Raum 3").unwrap();
    assert_eq!(rest, letters[2..]);
    // Another word is for all.
    for (date, place) in [(date(2), "Raum 3"), (date(1), "Raum 4")] {
        let other = desk.conference.fix(date, place).unwrap();
        assert_eq!(recipients(&other), bodies(&[1, 2, 3, 4, 5]));
    }
    desk.say(rest);
    assert_eq!(desk.conference.state().sequence, 1);
    // All have it: the same word again is a new one.
    let again = desk.conference.fix(date(1), "Raum 3").unwrap();
    assert_eq!(recipients(&again), bodies(&[1, 2, 3, 4, 5]));
    desk.say(again);
    assert_eq!(desk.conference.state().sequence, 2);
}

#[test]
fn new_dates_reach_the_rest_and_the_answers_to_them_stay() {
    let mut desk = Desk::invited();
    desk.answer(3, decline(0, ""));
    let dates = [date(3), date(4)];
    let by = Some(1_789_500_000_000);
    let letters = desk.conference.move_to(&dates, REASON, "Raum 3", by).unwrap();
    assert_eq!(letters.len(), 5);
    desk.say_first(&letters, 2);
    let accept = v1::FallkonferenzAccept {
        conference_id: bytes::Bytes::copy_from_slice(&ID),
        sequence: 1,
        dates: vec![date(3).to_wire()],
    };
    desk.answer(1, Kind::FallkonferenzAccept(accept));
    let rest = desk.conference.move_to(&dates, REASON, "Raum 3", by).unwrap();
    assert_eq!(rest, letters[2..]);
    let later = Some(1_789_500_000_001);
    assert_eq!(desk.conference.move_to(&dates, REASON, "Raum 3", later).unwrap().len(), 5);
    desk.say(rest);
    let state = desk.conference.state();
    assert_eq!((state.sequence, state.asked), (1, 1));
    assert_eq!(state.bodies[&body(1)].reply, Some(Reply::Accepted(vec![date(3)])));
}

#[test]
fn minutes_that_reached_some_reach_the_rest_as_the_same_version_and_a_correction_keeps_what_was_kept()
 {
    let mut desk = Desk::invited();
    let agreed = |number: u8, what: &str| v1::Agreement {
        agreement_id: AgreementId::parse(&[number; 16]).unwrap().to_bytes(),
        agency: body(number).agency,
        function: body(number).function,
        what: what.to_owned(),
        until_ms: 1_789_000_000_000,
    };
    let both = || vec![agreed(1, "Bescheid"), agreed(2, "Bericht")];
    let letters = desk.conference.minutes(item(), "Besprochen.", both()).unwrap();
    desk.say_first(&letters, 2);
    let confirm = v1::FallkonferenzConfirm {
        conference_id: bytes::Bytes::copy_from_slice(&ID),
        item_id: item().to_bytes(),
        version: 1,
        objection: String::new(),
    };
    desk.answer(1, Kind::FallkonferenzConfirm(confirm));
    let rest = desk.conference.minutes(item(), "Besprochen.", both()).unwrap();
    assert_eq!(rest, letters[2..]);
    desk.say(rest);
    assert_eq!(desk.conference.state().items[&item()].confirmations.len(), 1);
    let kept = v1::FallkonferenzAgreementKept {
        conference_id: bytes::Bytes::copy_from_slice(&ID),
        item_id: item().to_bytes(),
        agreement_id: AgreementId::parse(&[2; 16]).unwrap().to_bytes(),
        kept_at_ms: 1_788_500_000_000,
    };
    desk.answer(2, Kind::FallkonferenzAgreementKept(kept));
    let corrected = desk.conference.minutes(item(), "Besprochen!", both()).unwrap();
    assert_eq!(recipients(&corrected), bodies(&[1, 2, 3, 4, 5]), "other words are for all");
    desk.say(corrected);
    let item = desk.conference.state().items[&item()].clone();
    assert_eq!(item.minutes, Some((2, "Besprochen!".to_owned())));
    assert!(item.confirmations.is_empty(), "nobody has confirmed the second version");
    let kept: Vec<_> = item.agreed().iter().map(|(_, one)| one.kept_at_ms.is_some()).collect();
    assert_eq!(kept, [false, true]);
}

#[test]
fn whoever_lacks_the_newest_change_is_told_it_whether_its_invitation_is_new_or_not() {
    let mut desk = Desk::planned("Mietrückstand", "Raum 3");
    desk.invite(&[1, 2, 3]);
    assert_eq!(desk.conference.missing_change(&body(1), true), None, "there is none");
    desk.answer(3, decline(0, ""));
    let moved = desk.conference.move_to(&[date(3)], REASON, "Raum 3", None).unwrap();
    desk.say(moved);
    desk.answer(3, decline(1, ""));
    let fixed = desk.conference.fix(date(4), "Raum 4").unwrap();
    assert_eq!(recipients(&fixed), bodies(&[1, 2]));
    let said = desk.say_first(&fixed, 1);
    let lacks = |desk: &Desk, number| desk.conference.missing_change(&body(number), false);
    assert_eq!(lacks(&desk, 1), None, "it has it");
    assert_eq!(lacks(&desk, 2).as_ref(), Some(&fixed[1]), "sending broke off");
    assert_eq!(lacks(&desk, 3), None, "it declined");
    let anew = desk.conference.missing_change(&body(3), true);
    assert_eq!(anew.map(|letter| letter.content), Some(fixed[0].content.clone()));
    assert_eq!(lacks(&desk, 4), None, "it is not invited");
    // The invitation went out, and what follows it did not: the next call has nothing new and tells it all the same.
    desk.invite(&[4]);
    let told = lacks(&desk, 4).unwrap();
    assert_eq!((told.kind, &told.content), ("fallkonferenz.fix", &fixed[0].content));
    desk.say(vec![told]);
    assert_eq!(lacks(&desk, 4), None);
    desk.conference.apply(ConferenceEvent::Recalled(said[0]));
    assert_eq!(lacks(&desk, 1).as_ref(), Some(&fixed[0]), "its copy was recalled");
}

#[test]
fn a_text_of_others_forges_no_line_of_a_conference() {
    for end in ["\n", "\r", "\r\n", "\u{85}", "\u{b}", "\u{c}", "\u{2028}", "\u{2029}"] {
        let lines = ["  bestätigt von drv-bayern-sued/reha-beratung", "Antwort bis: 31.12.2099"];
        let forged = format!("x{end}{}{end}{}", lines[0], lines[1]);
        let mut desk = Desk::planned(&forged, &forged);
        desk.invite(&[1, 2, 3, 4, 5]);
        desk.answer(1, decline(0, &forged));
        let agreement = v1::Agreement {
            agreement_id: AgreementId::parse(&[3; 16]).unwrap().to_bytes(),
            agency: body(2).agency,
            function: body(2).function,
            what: forged.clone(),
            until_ms: 1_789_000_000_000,
        };
        let minutes = desk.conference.minutes(item(), &forged, vec![agreement]).unwrap();
        desk.say(minutes);
        desk.answer(
            2,
            Kind::FallkonferenzConfirm(v1::FallkonferenzConfirm {
                conference_id: bytes::Bytes::copy_from_slice(&ID),
                item_id: item().to_bytes(),
                version: 1,
                objection: forged.clone(),
            }),
        );
        let shown = terminal_text(&desk.conference.show(1_788_000_000_000));
        for line in shown.lines() {
            let bare = line.trim_start();
            assert!(!lines.iter().any(|one| bare.starts_with(one.trim_start())), "{end:?} {shown}");
        }
        let one_line = format!("x {} {}", lines[0], lines[1]);
        let further = format!("x\n    | {}\n    | {}", lines[0], lines[1]);
        for wanted in [
            format!("  Ort             {one_line}\n"),
            format!("Punkt 1: {one_line} (15 Minuten; wohnen)\n"),
            format!("stelle-1/hilfe: sagt ab (keine Kapazität) {one_line} – 1 Punkt\n"),
            format!("  | x\n  | {}\n  | {}\n", lines[0], lines[1]),
            format!("  Einwand von stelle-2/hilfe: {further}\n"),
            format!("  Vereinbarung: stelle-2/hilfe – {further} – bis "),
            format!("  stelle-2/hilfe: Vereinbarung erfüllen: {one_line}, bis "),
        ] {
            assert!(shown.contains(&wanted), "{end:?} {wanted} in {shown}");
        }
    }
}
