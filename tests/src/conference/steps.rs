//! Steps in the wrong order are errors that say what to do; an agenda keeps its order, and a conference shows what the
//! next step needs.

use schleuse_client::fallkonferenz::{
    Conference, ConferenceEvent, Date, Distribution, Letter, Notice, check_times,
};
use schleuse_client::{
    Address, AgreementId, ClientError, Content, ItemId, MessageId, ParticipantReference, v1,
};

use super::fold::{convener, plan};

const MOVED: v1::FallkonferenzChangeReason = v1::FallkonferenzChangeReason::Documents;
/// Identifiers of the items, in the order of the agenda: not the order of the identifiers.
const ITEMS: [u8; 3] = [7, 3, 5];

fn date() -> Date {
    Date { starts_at_ms: 1_790_000_000_000, minutes: 60 }
}

fn item(number: u8) -> ItemId {
    ItemId::parse(&[number; 16]).unwrap()
}

/// A convener's conference, and a count of messages for their identifiers and times.
struct Desk {
    conference: Conference,
    all: Distribution,
    count: u8,
    /// What was said, for the views of others.
    said: Vec<Notice>,
}

impl Desk {
    fn planned() -> Self {
        let mut plan = plan(true);
        let first = plan.items[0].clone();
        let items = ITEMS.map(|id| (id, format!("Punkt {id}")));
        let items = items.map(|(id, title)| (item(id), title));
        plan.items = items
            .map(|(id, title)| schleuse_client::fallkonferenz::Item { id, title, ..first.clone() })
            .to_vec();
        let all = plan.distribution(&plan.questions());
        let reference = ParticipantReference::parse(&"a".repeat(26)).unwrap();
        let conference = Conference::convene(plan, Some(reference)).unwrap();
        Self { conference, all, count: 0, said: Vec::new() }
    }

    fn invited() -> Self {
        let mut this = Self::planned();
        let plan = this.conference.plan().unwrap().clone();
        let mut letters = plan.invitations(&this.all).unwrap();
        for body in &plan.bodies {
            letters.extend(plan.parts_for(body, &this.all).unwrap());
        }
        this.say(letters);
        this
    }

    fn say(&mut self, letters: Vec<Letter>) {
        for letter in letters {
            self.heard(&convener(), &letter.recipient, letter.content);
        }
    }

    fn heard(&mut self, from: &Address, to: &Address, content: Content) {
        self.count += 1;
        // Identifiers are random: here later messages have smaller ones.
        let message_id = MessageId::parse(&[255 - self.count; 16]).unwrap();
        let at_ms = 1_788_000_000_000 + i64::from(self.count);
        let (from, to) = (from.clone(), to.clone());
        let notice = Notice { message_id, from, to, at_ms, content };
        self.said.push(notice.clone());
        self.conference.apply(ConferenceEvent::Said(Box::new(notice)));
    }
}

fn error<T: std::fmt::Debug>(result: Result<T, ClientError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn nothing_can_be_fixed_moved_or_cancelled_before_anybody_is_invited() {
    let desk = Desk::planned();
    let first = "conference: expected one to which bodies were invited; first: conference invite";
    assert_eq!(error(desk.conference.fix(date(), "Raum")), first);
    assert_eq!(error(desk.conference.move_to(&[date()], MOVED, "Raum", None)), first);
    assert_eq!(error(desk.conference.cancel(MOVED)), first);
    assert!(Desk::invited().conference.fix(date(), "Raum").is_ok());
}

#[test]
fn what_was_cancelled_stays_cancelled() {
    let mut desk = Desk::invited();
    let cancel = desk.conference.cancel(MOVED).unwrap();
    desk.say(cancel);
    let over = "conference: expected one that was not cancelled; for another date: conference plan";
    assert_eq!(error(desk.conference.fix(date(), "Raum")), over);
    assert_eq!(error(desk.conference.move_to(&[date()], MOVED, "Raum", None)), over);
    assert_eq!(error(desk.conference.cancel(MOVED)), over);
}

#[test]
fn a_word_that_would_reach_nobody_is_an_error() {
    let mut desk = Desk::invited();
    let bodies = desk.conference.plan().unwrap().bodies.clone();
    let decline = v1::FallkonferenzDecline {
        conference_id: vec![9; 16].into(),
        sequence: 0,
        reason: v1::FallkonferenzDeclineReason::Capacity.into(),
        text: String::new(),
    };
    let decline = Content::of(decline).unwrap();
    for body in &bodies {
        desk.heard(body, &convener(), decline.clone());
    }
    assert!(error(desk.conference.fix(date(), "Raum")).ends_with("to ask again: conference move"));
    assert_eq!(desk.conference.move_to(&[date()], MOVED, "Raum", None).unwrap().len(), 3);
    let nobody = error(Desk::planned().conference.minutes(item(7), "Nichts.", vec![]));
    assert!(nobody.starts_with("item: expected an item that a body holds"), "{nobody}");
}

#[test]
fn an_item_or_an_agreement_that_is_not_there_is_named_as_such() {
    let desk = Desk::invited();
    let stranger = v1::Agreement {
        agreement_id: vec![1; 16].into(),
        agency: "jugendamt".to_owned(),
        function: "hilfe".to_owned(),
        what: "x".to_owned(),
        until_ms: 1,
    };
    let wrong = "item: expected an item of this conference; see: conference show";
    assert_eq!(error(desk.conference.minutes(item(1), "x", vec![stranger])), wrong);
    assert_eq!(error(desk.conference.confirm(item(1), "")), wrong);
    let without = error(desk.conference.confirm(item(7), ""));
    assert!(without.starts_with("item: expected an item whose minutes came"), "{without}");
    let wrong = "agreement: expected an agreement of this conference; see: conference show";
    let id = AgreementId::parse(&[1; 16]).unwrap();
    assert_eq!(error(desk.conference.kept(id, 1)), wrong);
    assert_eq!(error(desk.conference.late(id, 1, "")), wrong);
}

#[test]
fn the_agenda_keeps_its_order_with_the_convener_and_what_a_body_has_keeps_it_too() {
    let mut desk = Desk::invited();
    let drv: Address = "drv/reha".parse().unwrap();
    let order = |conference: &Conference| {
        let state = conference.state();
        let agenda = state.agenda().into_iter().map(|(id, _)| *id);
        (agenda.collect::<Vec<_>>(), conference.to_json(0)["items"].clone())
    };
    let agreement = |number: u8, until_ms| v1::Agreement {
        agreement_id: vec![number; 16].into(),
        agency: drv.agency.clone(),
        function: drv.function.clone(),
        what: format!("Vereinbarung {number}"),
        until_ms,
    };
    // 2026-12-31T23:00:00Z: the end of that day in Germany.
    let agreed = vec![agreement(8, 1_798_758_000_000), agreement(2, 1_798_758_000_000)];
    let minutes = desk.conference.minutes(item(3), "Besprochen.", agreed).unwrap();
    desk.say(minutes);
    let (agenda, shown) = order(&desk.conference);
    assert_eq!(agenda, ITEMS.map(item));
    let titles: Vec<_> = shown.as_array().unwrap().iter().map(|one| &one["title"]).collect();
    assert_eq!(titles, ["Punkt 7", "Punkt 3", "Punkt 5"]);

    // The DRV holds two of three: in their order, from its first number on, whatever came first.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conference.json");
    desk.conference.save(&path).unwrap();
    let mut file: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    (file["own"], file["plan"], file["messages"]) =
        ("drv/reha".into(), serde_json::Value::Null, serde_json::json!([]));
    std::fs::write(&path, file.to_string()).unwrap();
    let mut body = Conference::open(&path).unwrap();
    let for_drv = desk.said.iter().filter(|notice| notice.to == drv);
    let withheld = |notice: &Notice| notice.content.to_string().contains("Punkt 7");
    let mut for_drv: Vec<Notice> = for_drv.filter(|one| !withheld(one)).cloned().collect();
    for_drv.reverse();
    for notice in for_drv {
        body.apply(ConferenceEvent::Said(Box::new(notice)));
    }
    let text = body.show(1_788_000_000_000);
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"));
    assert!(place("Punkt 1: Punkt 3") < place("Punkt 2: Punkt 5"), "{text}");
    assert!(!text.contains("Punkt 3:") && !text.contains("Punkt 7"), "{text}");
    // What the next steps need: the item to confirm, the agreement to keep.
    assert!(place(&item(3).to_string()) < place("Vereinbarung 8"));
    assert!(place("Vereinbarung 8 – bis 31.12.2026: offen") < place(&"08".repeat(16)));
    assert!(place(&"08".repeat(16)) < place(&"02".repeat(16)), "in the order of the minutes");
    assert!(text.contains("Vereinbarung erfüllen: Vereinbarung 8, bis 31.12.2026\n"), "{text}");
}

#[test]
fn a_second_invitation_has_only_what_is_newly_covered() {
    let desk = Desk::invited();
    assert!(desk.conference.review_with(&desk.all).now_covered.is_empty());
    let before = Desk::planned();
    assert_eq!(before.conference.review_with(&before.all).now_covered.len(), 12);
}

#[test]
fn dates_and_answers_that_nobody_can_keep_are_refused() {
    let (now, day) = (1_788_000_000_000, 86_400_000);
    let at = |ms| Date { starts_at_ms: ms, minutes: 60 };
    let dates = [at(now + 2 * day), at(now + 3 * day)];
    assert!(check_times(&dates, Some(now + 2 * day), now).is_ok());
    assert!(check_times(&dates, None, now).is_ok());
    let late = error(check_times(&dates, Some(now + 2 * day + 1), now));
    assert!(late.starts_with("answer_by: expected a day before the first date"), "{late}");
    let past = error(check_times(&[at(now + day), at(now)], Some(now + 1), now));
    assert_eq!(past, "date: expected dates in the future");
    let past = error(check_times(&dates, Some(now), now));
    assert_eq!(past, "answer_by: expected a day or a time in the future");
}
