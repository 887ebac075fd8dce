//! The state of a conference does not depend on the order of its messages, nor on how often they come.

use proptest::prelude::*;
use schleuse_client::fallkonferenz::{
    AgreementStatus, Conference, ConferenceEvent, Confirmation, Date, Item, Notice, Phase, Plan,
    Reply, Task,
};
use schleuse_client::v1::content::Content as Kind;
use schleuse_client::{
    Address, AgreementId, ConferenceId, Content, ItemId, MessageId, ParticipantReference, v1,
};

const BODIES: [&str; 3] = ["drv/reha", "kasse/krankengeld", "bezirk/hilfe"];
const ID: [u8; 16] = [9; 16];

pub(super) fn convener() -> Address {
    "jobcenter/fallmanagement".parse().unwrap()
}

fn date(number: u8) -> Date {
    Date { starts_at_ms: 1_790_000_000_000 + i64::from(number) * 3_600_000, minutes: 60 }
}

fn wire(number: u8) -> v1::ProposedDate {
    v1::ProposedDate { starts_at_ms: date(number).starts_at_ms, minutes: 60 }
}

pub(super) fn plan(about_participant: bool) -> Plan {
    let item = |number: u8, category: &str| Item {
        id: ItemId::parse(&[number; 16]).unwrap(),
        title: format!("Punkt Mietrückstand {number}"),
        categories: about_participant.then(|| category.to_owned()).into_iter().collect(),
        minutes: 15,
        notes: "Räumungsklage droht".to_owned(),
        bodies: None,
        professional_secret: false,
    };
    Plan {
        conference: ConferenceId::parse(&ID).unwrap(),
        convener: convener(),
        purpose: if about_participant { "fallkonferenz" } else { "strukturfragen" }.to_owned(),
        about_participant,
        bodies: BODIES.iter().map(|body| body.parse().unwrap()).collect(),
        items: vec![item(1, "wohnen"), item(2, "gesundheit")],
        dates: vec![date(1), date(2)],
        place: "Suchtberatung, Raum 3".to_owned(),
        answer_by_ms: 1_789_000_000_000,
        professional_secret: false,
    }
}

pub(super) fn conference() -> Conference {
    let reference = ParticipantReference::parse(&"a".repeat(26)).unwrap();
    Conference::convene(plan(true), Some(reference)).unwrap()
}

fn agreement(number: u8, body: usize) -> v1::Agreement {
    let address: Address = BODIES[body % 3].parse().unwrap();
    v1::Agreement {
        agreement_id: vec![number; 16].into(),
        agency: address.agency,
        function: address.function,
        what: format!("Vereinbarung {number}"),
        until_ms: 1_795_000_000_000,
    }
}

/// Some message of a conference, from small numbers: collisions are wanted.
fn kind(what: u8, number: u8, sequence: u8, body: usize) -> Kind {
    let conference_id = bytes::Bytes::copy_from_slice(&ID);
    let item_id = bytes::Bytes::from(vec![1 + number % 2; 16]);
    let agreement_id = bytes::Bytes::from(vec![number % 3; 16]);
    let sequence = u32::from(sequence);
    let place = "Raum".to_owned();
    match what % 13 {
        0 => Kind::FallkonferenzRequest(v1::FallkonferenzRequest {
            conference_id,
            agenda: vec![],
            proposed_dates: vec![wire(1), wire(2)],
            place,
            answer_by_ms: 1_789_000_000_000,
        }),
        1 => Kind::FallkonferenzAnswer(v1::FallkonferenzAnswer {
            conference_id,
            reply: v1::FallkonferenzReply::Accept.into(),
            chosen_date: Some(wire(number)),
            ..Default::default()
        }),
        2 => Kind::FallkonferenzPart(v1::FallkonferenzPart {
            conference_id,
            item: Some(v1::AgendaItem {
                title: format!("Punkt {number}"),
                categories: vec!["wohnen".to_owned()],
                minutes: 5,
                item_id,
                notes: String::new(),
            }),
        }),
        3 => Kind::FallkonferenzAccept(v1::FallkonferenzAccept {
            conference_id,
            sequence,
            dates: vec![wire(number)],
        }),
        4 => Kind::FallkonferenzDecline(v1::FallkonferenzDecline {
            conference_id,
            sequence,
            reason: 1 + i32::from(number % 5),
            text: String::new(),
        }),
        5 => Kind::FallkonferenzPropose(v1::FallkonferenzPropose {
            conference_id,
            sequence,
            dates: vec![wire(number)],
        }),
        6 => Kind::FallkonferenzFix(v1::FallkonferenzFix {
            conference_id,
            sequence: sequence + 1,
            date: Some(wire(number)),
            place,
        }),
        7 => {
            let dates: Vec<_> = (0..=number % 3).map(wire).collect();
            Kind::FallkonferenzMove(v1::FallkonferenzMove {
                conference_id,
                sequence: sequence + 1,
                answer_by_ms: if dates.len() > 1 { 1_790_000_000_000 } else { 0 },
                dates,
                reason: 5,
                place,
            })
        }
        8 => Kind::FallkonferenzCancel(v1::FallkonferenzCancel {
            conference_id,
            sequence: sequence + 1,
            reason: 4,
        }),
        9 => Kind::FallkonferenzMinutes(v1::FallkonferenzMinutes {
            conference_id,
            item_id,
            version: sequence + 1,
            text: format!("Protokoll {number}"),
            agreements: vec![agreement(number % 3, body)],
        }),
        10 => Kind::FallkonferenzConfirm(v1::FallkonferenzConfirm {
            conference_id,
            item_id,
            version: sequence + 1,
            objection: if number.is_multiple_of(2) { String::new() } else { "Einwand".to_owned() },
        }),
        11 => Kind::FallkonferenzAgreementKept(v1::FallkonferenzAgreementKept {
            conference_id,
            item_id,
            agreement_id,
            kept_at_ms: 1_790_000_000_000 + i64::from(number),
        }),
        _ => Kind::FallkonferenzAgreementLate(v1::FallkonferenzAgreementLate {
            conference_id,
            item_id,
            agreement_id,
            expected_by_ms: 1_796_000_000_000 + i64::from(number),
            text: String::new(),
        }),
    }
}

fn event() -> impl Strategy<Value = ConferenceEvent> {
    let said = (0_u8..13, 0_u8..4, 0_u8..3, 0_usize..3, any::<bool>(), 0_u8..24, 0_i64..5);
    let said = said.prop_map(|(what, number, sequence, body, out, id, at)| {
        let body_address: Address = BODIES[body].parse().unwrap();
        let (from, to) = if out { (convener(), body_address) } else { (body_address, convener()) };
        ConferenceEvent::Said(Box::new(Notice {
            message_id: MessageId::parse(&[id; 16]).unwrap(),
            from,
            to,
            at_ms: 1_788_000_000_000 + at,
            content: Content::of(kind(what, number, sequence, body)).unwrap(),
        }))
    });
    let ended = (0_u8..24, 0_u8..3).prop_map(|(id, end)| {
        let id = MessageId::parse(&[id; 16]).unwrap();
        match end {
            0 => ConferenceEvent::Recalled(id),
            1 => ConferenceEvent::RecalledTooLate(id),
            _ => ConferenceEvent::NotDelivered(id),
        }
    });
    prop_oneof![8 => said, 1 => ended]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_order_and_no_repetition_changes_the_state(
        events in prop::collection::vec(event(), 1..40),
        keys in prop::collection::vec(any::<u32>(), 80),
    ) {
        let mut straight = conference();
        for event in &events {
            straight.apply(event.clone());
        }
        // Every event twice, in any order.
        let mut mixed: Vec<(u32, &ConferenceEvent)> =
            keys.iter().copied().zip(events.iter().chain(&events)).collect();
        mixed.sort_by_key(|(key, _)| *key);
        let mut other = conference();
        for (_, event) in mixed {
            other.apply(event.clone());
        }
        prop_assert_eq!(straight.state(), other.state());
        let now_ms = 1_795_500_000_000;
        prop_assert_eq!(straight.show(now_ms), other.show(now_ms));
        prop_assert_eq!(straight.calendar(true), other.calendar(true));
        for event in &events {
            prop_assert!(!other.apply(event.clone()), "a repetition changed something");
        }
        // A file brings the same back.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conference.json");
        other.save(&path).unwrap();
        prop_assert_eq!(Conference::open(&path).unwrap(), other);
    }
}

/// Sends letters to and fro without a broker.
struct Table {
    convener: Conference,
    count: u8,
}

impl Table {
    fn say(&mut self, from: &str, content: Content, to: &str) -> MessageId {
        self.count += 1;
        let message_id = MessageId::parse(&[self.count; 16]).unwrap();
        self.convener.apply(ConferenceEvent::Said(Box::new(Notice {
            message_id,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            at_ms: 1_788_000_000_000 + i64::from(self.count),
            content,
        })));
        message_id
    }

    fn invite(&mut self) -> Vec<(String, Option<ItemId>, MessageId)> {
        let plan = plan(true);
        let distribution = plan.distribution(&plan.questions());
        let mut letters = plan.invitations(&distribution).unwrap();
        for body in &plan.bodies {
            letters.extend(plan.parts_for(body, &distribution).unwrap());
        }
        let from = convener().to_string();
        let said = letters.into_iter().map(|letter| {
            let to = letter.recipient.to_string();
            let id = self.say(&from, letter.content, &to);
            (to, letter.item, id)
        });
        said.collect()
    }

    fn all(&mut self, letters: Vec<schleuse_client::fallkonferenz::Letter>) -> usize {
        let count = letters.len();
        for letter in letters {
            let to = letter.recipient.to_string();
            self.say(&convener().to_string(), letter.content, &to);
        }
        count
    }

    fn answer(&mut self, body: &str, kind: Kind) {
        self.say(body, Content::of(kind).unwrap(), &convener().to_string());
    }
}

fn accept(sequence: u32) -> Kind {
    Kind::FallkonferenzAccept(v1::FallkonferenzAccept {
        conference_id: bytes::Bytes::copy_from_slice(&ID),
        sequence,
        dates: vec![wire(1)],
    })
}

#[test]
fn a_conference_runs_from_the_invitation_to_a_late_agreement() {
    let now = 1_788_500_000_000;
    let mut table = Table { convener: conference(), count: 0 };
    assert_eq!(table.convener.state().open(now)[0].task, Task::Invite);
    table.invite();
    let state = table.convener.state();
    assert_eq!(state.phase, Phase::Invited);
    assert_eq!(state.open(now).len(), 3, "three answers are open");
    table.answer(BODIES[0], accept(0));
    table.answer(BODIES[1], accept(0));
    let decline = kind(4, 0, 0, 0);
    table.answer(BODIES[2], decline);
    let state = table.convener.state();
    let open = state.open(now);
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].task, &open[0].who), (Task::Fix, &convener()));
    assert!(matches!(
        state.bodies[&BODIES[2].parse().unwrap()].reply,
        Some(Reply::Declined { .. })
    ));
    let letters = table.convener.fix(date(1), "Raum 4").unwrap();
    assert_eq!(table.all(letters), 2, "who declined is not told the date");
    assert_eq!(table.convener.state().phase, Phase::Fixed);
    assert_eq!(table.convener.state().open(now), []);

    // Moved to one of two dates: all answer again, those too who had declined.
    let dates = [date(2), date(3)];
    let reason = v1::FallkonferenzChangeReason::Documents;
    let letters = table.convener.move_to(&dates, reason, "Raum 4", Some(now + 10)).unwrap();
    assert_eq!(table.all(letters), 3);
    let state = table.convener.state();
    assert_eq!((state.phase, state.sequence, state.asked), (Phase::Invited, 2, 2));
    table.answer(BODIES[0], accept(0));
    assert_eq!(table.convener.state().open(now).len(), 3, "a late answer to former dates");
    for body in BODIES {
        table.answer(body, accept(2));
    }
    let letters = table.convener.fix(date(2), "Raum 4").unwrap();
    table.all(letters);
    let after = date(2).ends_at_ms();
    let open = table.convener.state().open(after);
    assert!(open.iter().all(|one| matches!(one.task, Task::WriteMinutes(_))) && open.len() == 2);

    let item = ItemId::parse(&[1; 16]).unwrap();
    let stranger = v1::Agreement { agency: "jugendamt".to_owned(), ..agreement(1, 0) };
    assert!(table.convener.minutes(item, "x", vec![stranger]).is_err(), "not at the table");
    let letters = table.convener.minutes(item, "Besprochen.", vec![agreement(1, 0)]).unwrap();
    assert_eq!(table.all(letters), 3);
    table.answer(BODIES[0], kind(10, 0, 0, 0));
    let objection = Kind::FallkonferenzConfirm(v1::FallkonferenzConfirm {
        conference_id: bytes::Bytes::copy_from_slice(&ID),
        item_id: vec![1; 16].into(),
        version: 1,
        objection: "So nicht".to_owned(),
    });
    table.answer(BODIES[1], objection);
    let state = table.convener.state();
    let words: Vec<_> = state.items[&item].confirmations.values().collect();
    let objected = Confirmation::Objected("So nicht".to_owned());
    assert_eq!(words, [&Confirmation::Confirmed, &objected], "the DRV, and the Krankenkasse");
    assert!(state.open(after).iter().any(|one| one.task == Task::CorrectMinutes(item)));

    let (id, until) = (AgreementId::parse(&[1; 16]).unwrap(), 1_795_000_000_000);
    let status =
        |table: &Table, now| table.convener.state().items[&item].agreements[&id].status(now);
    assert_eq!(status(&table, until - 1), AgreementStatus::Open);
    assert_eq!(status(&table, until), AgreementStatus::Overdue);
    let late = Kind::FallkonferenzAgreementLate(v1::FallkonferenzAgreementLate {
        conference_id: bytes::Bytes::copy_from_slice(&ID),
        item_id: vec![1; 16].into(),
        agreement_id: vec![1; 16].into(),
        expected_by_ms: until + 100,
        text: String::new(),
    });
    // Another body cannot excuse the one that is bound.
    table.answer(BODIES[1], late.clone());
    assert_eq!(status(&table, until), AgreementStatus::Overdue);
    table.answer(BODIES[0], late);
    assert_eq!(status(&table, until), AgreementStatus::Late);
    assert_eq!(status(&table, until + 100), AgreementStatus::Overdue);
    let letters = table.convener.kept(id, until + 50).unwrap();
    table.all(letters);
    assert_eq!(status(&table, until + 100), AgreementStatus::KeptLate);
    let text = table.convener.show(until);
    assert!(text.contains("verspätet erfüllt") && text.contains("Einwand von kasse"), "{text}");
}

#[test]
fn when_a_consent_ends_its_parts_are_recalled_and_the_others_go_on() {
    let mut table = Table { convener: conference(), count: 0 };
    let sent = table.invite();
    let plan = plan(true);
    let (first, second) = (plan.items[0].id, plan.items[1].id);
    // The DRV may no longer have the item about health; the Bezirk nothing at all.
    let still = plan.questions().into_iter().filter(|question| {
        let who = question.recipient.to_string();
        who != BODIES[2] && (who != BODIES[0] || !question.categories.contains("gesundheit"))
    });
    let distribution = plan.distribution(&still.collect());
    let review = table.convener.review_with(&distribution);
    let expected = sent
        .iter()
        .filter(|(to, item, _)| *to == BODIES[2] || (*to == BODIES[0] && *item == Some(second)));
    let mut expected: Vec<MessageId> = expected.map(|(_, _, id)| *id).collect();
    expected.sort();
    let mut recalled: Vec<MessageId> = review.recall.iter().map(|part| part.message_id).collect();
    recalled.sort();
    assert_eq!(recalled, expected);
    assert_eq!(review.recall.len() + review.go_on.len(), sent.len());
    assert_eq!(review.leave, [BODIES[2].parse().unwrap()].into());
    assert!(review.now_covered.is_empty());
    for id in recalled {
        table.convener.apply(ConferenceEvent::Recalled(id));
    }
    let state = table.convener.state();
    let drv = &state.bodies[&BODIES[0].parse().unwrap()];
    assert_eq!((&drv.items, &drv.recalled), (&[first].into(), &[second].into()));
    let bezirk = &state.bodies[&BODIES[2].parse().unwrap()];
    assert!(!bezirk.invited && bezirk.items.is_empty());
    assert_eq!(state.bodies[&BODIES[1].parse().unwrap()].items.len(), 2, "the others go on");
    assert!(table.convener.review_with(&distribution).recall.is_empty());
    let letters = table.convener.fix(date(1), "Raum").unwrap();
    assert!(letters.iter().all(|letter| letter.recipient.to_string() != BODIES[2]));
    let letters = table.convener.minutes(second, "Nur noch die Kasse.", vec![]).unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].recipient.to_string(), BODIES[1]);
    // Should the consent come back, what is missing is named.
    let whole = table.convener.review_with(&plan.distribution(&plan.questions()));
    assert_eq!(whole.now_covered.len(), 4);
}

/// A body has what was recalled too late, and is told nothing more of it, until it is sent again.
#[test]
fn what_was_recalled_too_late_is_held_and_nothing_follows() {
    let mut table = Table { convener: conference(), count: 0 };
    let sent = table.invite();
    let of_drv = sent.iter().filter(|(to, _, _)| *to == BODIES[0]);
    for (_, _, id) in of_drv {
        table.convener.apply(ConferenceEvent::RecalledTooLate(*id));
    }
    let drv: Address = BODIES[0].parse().unwrap();
    let state = table.convener.state();
    let body = &state.bodies[&drv];
    assert_eq!((body.items.len(), body.recalled.len(), body.too_late.len()), (0, 0, 2));
    assert!(!body.invited && body.invitation_too_late);
    let text = table.convener.show(1_788_000_000_000);
    assert!(text.contains("drv/reha: nicht mehr eingeladen, Einladung lag schon vor"), "{text}");
    let letters = table.convener.fix(date(1), "Raum").unwrap();
    assert!(letters.iter().all(|letter| letter.recipient != drv));
    let first = plan(true).items[0].id;
    let letters = table.convener.minutes(first, "Ohne die DRV.", vec![]).unwrap();
    assert!(letters.iter().all(|letter| letter.recipient != drv));
    let plan = plan(true);
    let distribution = plan.distribution(&plan.questions());
    let again = plan.parts_for(&drv, &distribution).unwrap();
    table.all(again);
    let state = table.convener.state();
    assert_eq!((state.bodies[&drv].items.len(), state.bodies[&drv].too_late.len()), (2, 0));
}
