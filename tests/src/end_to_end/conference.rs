//! Conferences between real clients over a real broker: who receives which part, what a revocation midway does, and
//! messages without participant.

mod cli;

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use schleuse_client::fallkonferenz::{Conference, ConsentList, Date, Item, Phase, Plan, Reply};
use schleuse_client::{
    Client, Clock as _, ConferenceId, ConsentBuilder, Content, Draft, Grant, ItemId, LogQuery,
    ParticipantReference, Received, SealingKeys, SystemClock,
};
use schleuse_proto::v1;

use super::{reason, words};
use crate::broker::TestBroker;
use crate::pki::Pki;
use crate::raw::{BEZIRK, DRV, JOBCENTER, KRANKENKASSE, LOTSE_AGENCY, RawClient, consent, grant};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn client(broker: &TestBroker, agency: &str, name: &str) -> Client {
    let pki = Pki::shared();
    let leaf = pki.leaf(agency, name);
    let mut builder = Client::builder()
        .endpoint(format!("https://{}", broker.address()))
        .server_name("localhost")
        .trust_file(pki.path().join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"));
    if name != "dpo" {
        builder = builder.sealing_file(pki.leaf(agency, "sealing.toml"));
    }
    builder.connect().await.unwrap()
}

/// A client whose agency has published one function.
async fn party(broker: &TestBroker, agency: &str, name: &str, function: &str) -> Client {
    let client = client(broker, agency, name).await;
    publish(&client, agency, function).await;
    client
}

async fn publish(client: &Client, agency: &str, function: &str) {
    let keys = SealingKeys::load(&Pki::shared().leaf(agency, "sealing.toml")).unwrap();
    let keys: Vec<_> = keys.public_keys().cloned().collect();
    let functions = [(function.to_owned(), function.to_owned())];
    client.directory().publish(agency, &functions, &keys, 1_000_000_000).await.unwrap();
}

fn item(title: &str, categories: &[&str]) -> Item {
    Item {
        id: ItemId::generate().unwrap(),
        title: title.to_owned(),
        categories: categories.iter().map(|&code| code.to_owned()).collect(),
        minutes: 20,
        notes: String::new(),
        bodies: None,
        professional_secret: false,
    }
}

fn plan(convener: &str, bodies: &[&str], items: Vec<Item>, about_participant: bool) -> Plan {
    let now_ms = SystemClock.now_ms();
    Plan {
        conference: ConferenceId::generate().unwrap(),
        convener: convener.parse().unwrap(),
        purpose: if about_participant { "fallkonferenz" } else { "strukturfragen" }.to_owned(),
        about_participant,
        bodies: bodies.iter().map(|body| body.parse().unwrap()).collect(),
        items,
        dates: vec![Date { starts_at_ms: now_ms + 86_400_000, minutes: 60 }],
        place: "Raum 3".to_owned(),
        answer_by_ms: now_ms + 3_600_000,
        professional_secret: false,
    }
}

async fn fetch(client: &Client, function: &str) -> Vec<Received> {
    let incoming = client.fetch(&[function], 100).await.unwrap();
    let received: Vec<Received> = incoming.into_iter().map(|one| one.verified().unwrap()).collect();
    for one in &received {
        one.acknowledge().await.unwrap();
    }
    received
}

fn parts(received: &[Received]) -> Vec<String> {
    let titles = received.iter().filter_map(|one| match one.content.kind()? {
        v1::content::Content::FallkonferenzPart(part) => Some(part.item.clone()?.title),
        _ => None,
    });
    titles.collect()
}

fn joined(received: &[Received]) -> Conference {
    let mut conference = Conference::join(&received[0]).unwrap();
    for one in received {
        conference.take(one).unwrap();
    }
    conference
}

#[tokio::test(flavor = "multi_thread")]
async fn each_body_gets_its_parts_and_a_revocation_midway_recalls_one_bodys_parts_only() {
    let broker = TestBroker::start().await;
    let lotse = party(&broker, LOTSE_AGENCY, "lotse-l-01", "lotse").await;
    let drv = party(&broker, DRV, "system", "reha-beratung").await;
    let kasse = party(&broker, KRANKENKASSE, "system", "krankengeld").await;
    let bezirk = party(&broker, BEZIRK, "system", "eingliederungshilfe").await;
    let bodies = [
        "drv-bayern-sued/reha-beratung",
        "krankenkasse-nord/krankengeld",
        "bezirk-oberpfalz/eingliederungshilfe",
    ];
    let (participant, _) = lotse.register_participant().await.unwrap();
    let now_ms = SystemClock.now_ms();
    let agree = |agency: &'static str, body: &'static str, categories: &'static [&'static str]| {
        let (to, back) = (body.parse().unwrap(), "lotsenstelle/lotse".parse().unwrap());
        let grant = |sender, recipient| {
            Grant::for_months(&[sender], recipient, "fallkonferenz", categories, now_ms, 12)
                .unwrap()
        };
        ConsentBuilder::new(participant.clone())
            .grant(grant(LOTSE_AGENCY, to))
            .grant(grant(agency, back))
            .text("2026-1", "Ich bin einverstanden.", "de")
            .evidence(b"paper")
            .review_by(now_ms + 1_000_000_000)
    };
    let to_drv = agree(DRV, bodies[0], &["termine", "gesundheit"]);
    let to_kasse = agree(KRANKENKASSE, bodies[1], &["termine", "wohnen"]);
    lotse.record_consent(&to_drv).await.unwrap();
    let kasse_consent = lotse.record_consent(&to_kasse).await.unwrap();
    for agency in [DRV, KRANKENKASSE] {
        lotse.assign_reference(&participant, agency).await.unwrap();
    }
    let items = vec![
        item("Begutachtung", &["gesundheit"]),
        item("Mietrückstand", &["wohnen"]),
        item("Beides", &["gesundheit", "wohnen"]),
    ];
    let health = items[0].id;
    let plan = plan("lotsenstelle/lotse", &bodies, items, true);
    let consents = lotse.list_consents(&participant).await.unwrap();
    let list = ConsentList { now_ms: SystemClock.now_ms(), consents };
    let estimate = plan.distribute(&list).await.unwrap();
    let mut conference = Conference::convene(plan, Some(participant.clone())).unwrap();
    let distribution = lotse.distribution(&conference).await.unwrap();
    assert_eq!(distribution, estimate, "nothing stands beside the consents here");
    assert_eq!(distribution.parts().len(), 2, "the Bezirk is not invited");
    let sent = lotse.invite(&mut conference, &distribution, DAY).await.unwrap();
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|one| one.outcome.is_accepted()));

    let at_drv = fetch(&drv, "reha-beratung").await;
    assert_eq!(parts(&at_drv), ["Begutachtung"]);
    assert!(fetch(&bezirk, "eingliederungshilfe").await.is_empty());
    for one in &at_drv {
        let text = format!("{} {}", one.content, one.categories.join(" "));
        for hidden in ["krankenkasse", "bezirk", "Mietrückstand", "wohnen", "Beides"] {
            assert!(!text.contains(hidden), "{text}");
        }
    }
    // The Krankenkasse has not fetched when its consent ends: nothing of it leaves the broker any more.
    lotse.revoke_consent(kasse_consent.consent_id).await.unwrap();
    assert!(fetch(&kasse, "krankengeld").await.is_empty());
    let review = conference.review_with(&lotse.distribution(&conference).await.unwrap());
    assert_eq!((review.recall.len(), review.go_on.len()), (2, 2));
    assert!(review.recall.iter().all(|part| part.body.to_string() == bodies[1]));
    let recalled = lotse.recall_uncovered(&mut conference, &review).await.unwrap();
    assert_eq!(recalled.len(), 2);
    assert!(recalled.iter().all(|one| !one.too_late), "{recalled:?}");

    // The others go on: the DRV answers, gets the date, the minutes, and confirms them.
    let mut own = joined(&at_drv);
    let date = own.state().proposed[0];
    let accept = own.accept(&[date]).unwrap();
    let sent = drv.send_letters(&mut own, vec![accept], DAY).await.unwrap();
    assert!(sent[0].outcome.is_accepted());
    for one in fetch(&lotse, "lotse").await {
        conference.take(&one).unwrap();
    }
    let state = conference.state();
    assert!(matches!(state.bodies[&bodies[0].parse().unwrap()].reply, Some(Reply::Accepted(_))));
    let letters = conference.fix(date, "Raum 3").unwrap();
    assert_eq!(letters.len(), 1, "who left is told nothing");
    lotse.send_letters(&mut conference, letters, DAY).await.unwrap();
    let letters = conference.minutes(health, "Gutachten liegt vor.", vec![]).unwrap();
    let sent = lotse.send_letters(&mut conference, letters, DAY).await.unwrap();
    assert!(sent.iter().all(|one| one.outcome.is_accepted()));
    for one in fetch(&drv, "reha-beratung").await {
        own.take(&one).unwrap();
    }
    assert_eq!((own.state().phase, own.state().date), (Phase::Fixed, Some(date)));
    assert!(own.calendar(false).unwrap().contains("SUMMARY:Fallkonferenz"));
    let confirm = own.confirm(health, "").unwrap();
    drv.send_letters(&mut own, vec![confirm], DAY).await.unwrap();
    for one in fetch(&lotse, "lotse").await {
        conference.take(&one).unwrap();
    }
    assert_eq!(conference.state().items[&health].confirmations.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conference_without_participant_needs_no_consent_and_its_log_verifies() {
    let broker = TestBroker::start().await;
    let jobcenter = party(&broker, JOBCENTER, "system", "leitung").await;
    let drv = party(&broker, DRV, "system", "reha-beratung").await;
    let body = "drv-bayern-sued/reha-beratung";
    let items = vec![item("Wartezeiten auf Gutachten", &[])];
    let plan = plan("jobcenter-stadt-regensburg/leitung", &[body], items, false);
    assert!(plan.questions().is_empty());
    let distribution = plan.distribution(&plan.questions());
    let mut conference = Conference::convene(plan, None).unwrap();
    let sent = jobcenter.invite(&mut conference, &distribution, DAY).await.unwrap();
    assert!(sent.len() == 2 && sent.iter().all(|one| one.outcome.is_accepted()));
    let received = fetch(&drv, "reha-beratung").await;
    assert_eq!(parts(&received), ["Wartezeiten auf Gutachten"]);
    for one in &received {
        assert_eq!((one.consent_reference, &one.participant_reference), (None, &None));
    }
    let mut own = joined(&received);
    let answer = own.accept(&[own.state().proposed[0]]).unwrap();
    drv.send_letters(&mut own, vec![answer], DAY).await.unwrap();
    assert_eq!(fetch(&jobcenter, "leitung").await.len(), 1);

    // A function that its agency takes out of the directory gets nothing more, not even what waits.
    let letters = conference.fix(own.state().proposed[0], "Raum").unwrap();
    jobcenter.send_letters(&mut conference, letters, DAY).await.unwrap();
    publish(&drv, DRV, "andere").await;
    assert!(fetch(&drv, "reha-beratung").await.is_empty());
    let officer = client(&broker, "projekt", "dpo").await;
    let bundle = officer.export(&LogQuery::new("check of the test run")).await.unwrap();
    let report = bundle.verify(officer.log_key());
    assert!(report.is_sound() && report.complete, "{report}");
    let raw = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let words = words(&raw.whole_log().await);
    assert_eq!(words.iter().filter(|word| *word == "accepted").count(), 4);
    assert!(words.iter().any(|word| word == "stopped STOP_REASON_CONSENT_ENDED"), "{words:?}");
}

/// Who is invited late is told the dates as they are now; who was invited before is told nothing again.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_invited_late_learns_the_date_that_was_fixed_before() {
    let broker = TestBroker::start().await;
    let jobcenter = party(&broker, JOBCENTER, "system", "leitung").await;
    let drv = party(&broker, DRV, "system", "reha-beratung").await;
    let kasse = party(&broker, KRANKENKASSE, "system", "krankengeld").await;
    let bodies = ["drv-bayern-sued/reha-beratung", "krankenkasse-nord/krankengeld"];
    let items = vec![item("Wartezeiten", &[]), item("Verfahren", &[]), item("Ausblick", &[])];
    let titles = ["Wartezeiten", "Verfahren", "Ausblick"];
    let plan = plan("jobcenter-stadt-regensburg/leitung", &bodies, items, false);
    let only_drv = Plan { bodies: [bodies[0].parse().unwrap()].into(), ..plan.clone() };
    let (first, all) =
        (only_drv.distribution(&only_drv.questions()), plan.distribution(&plan.questions()));
    let mut conference = Conference::convene(plan.clone(), None).unwrap();
    jobcenter.check_invitation(&conference).await.unwrap();
    assert_eq!(jobcenter.invite(&mut conference, &first, DAY).await.unwrap().len(), 4);
    assert!(jobcenter.invite(&mut conference, &first, DAY).await.unwrap().is_empty(), "twice");
    let date = Date { minutes: 30, ..plan.dates[0] };
    let letters = conference.fix(date, "Raum 4").unwrap();
    jobcenter.send_letters(&mut conference, letters, DAY).await.unwrap();
    let sent = jobcenter.invite(&mut conference, &all, DAY).await.unwrap();
    assert!(sent.len() == 5 && sent.iter().all(|one| one.recipient.to_string() == bodies[1]));
    let late = joined(&fetch(&kasse, "krankengeld").await);
    let state = late.state();
    assert_eq!((state.phase, state.date), (Phase::Fixed, Some(date)));
    assert_eq!(state.place, "Raum 4");
    let agenda = state.agenda().into_iter().map(|(_, item)| item.title.as_str());
    assert_eq!(agenda.collect::<Vec<_>>(), titles, "in the order of the agenda");
    let at_drv = fetch(&drv, "reha-beratung").await;
    assert_eq!((at_drv.len(), parts(&at_drv)), (5, titles.map(str::to_owned).to_vec()));
    // Another date: sending breaks off after the first body. Nothing is newly covered, and the other learns it anyway.
    let mut letters = conference.fix(date, "Raum 5").unwrap();
    let missed = letters.pop().unwrap().recipient;
    assert_eq!((letters.len(), missed.to_string().as_str()), (1, bodies[1]));
    jobcenter.send_letters(&mut conference, letters, DAY).await.unwrap();
    let sent = jobcenter.invite(&mut conference, &all, DAY).await.unwrap();
    let sent: Vec<_> = sent.into_iter().map(|one| (one.kind, one.recipient)).collect();
    assert_eq!(sent, [("fallkonferenz.fix", missed)]);
    assert!(jobcenter.invite(&mut conference, &all, DAY).await.unwrap().is_empty(), "all have it");
}

/// What a label without participant may not have, and what every other must.
#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_without_participant_carries_none_and_every_other_needs_one() {
    let broker = TestBroker::start().await;
    party(&broker, JOBCENTER, "system", "leitung").await;
    let drv = party(&broker, DRV, "system", "zentrale").await;
    let sender = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let lotse = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-01").await;
    let reference = lotse.register().await;
    let own = lotse.reference_for(&reference, JOBCENTER).await;

    let message = |purpose: &str, change: &dyn Fn(&mut v1::OutgoingMessage, &mut v1::Label)| {
        let mut draft = crate::raw::Draft::new(&own, DRV);
        draft.purpose = purpose.to_owned();
        let mut message = draft.message(JOBCENTER);
        let sealed = message.sealed.clone().unwrap();
        let mut label = v1::Label::decode(sealed.label.clone()).unwrap();
        change(&mut message, &mut label);
        let label = label.encode_to_vec().into();
        message.sealed = Some(v1::SealedMessage { label, ..sealed });
        sender.seal_batch(std::slice::from_mut(&mut message));
        message
    };
    let clear = |message: &mut v1::OutgoingMessage, label: &mut v1::Label| {
        message.participant_reference = String::new();
        message.reference_nonce = Bytes::new();
        label.participant_commitment = Bytes::new();
        label.categories = Vec::new();
    };
    let none = "strukturfragen";
    let wrong = [
        ("everything of a participant", message(none, &|_, _| {})),
        (
            "a category",
            message(none, &|message, label| {
                clear(message, label);
                label.categories = vec!["gesundheit".to_owned()];
            }),
        ),
        (
            "a commitment",
            message(none, &|message, label| {
                let kept = label.participant_commitment.clone();
                clear(message, label);
                label.participant_commitment = kept;
            }),
        ),
        (
            "a reference beside",
            message(none, &|message, label| {
                let kept = message.participant_reference.clone();
                clear(message, label);
                message.participant_reference = kept;
            }),
        ),
        (
            "a nonce beside",
            message(none, &|message, label| {
                let kept = message.reference_nonce.clone();
                clear(message, label);
                message.reference_nonce = kept;
            }),
        ),
        (
            "a professional secret",
            message(none, &|message, label| {
                clear(message, label);
                label.professional_secret = true;
            }),
        ),
        ("another purpose", message("fallkonferenz", &clear)),
        (
            "another purpose with a category",
            message("fallkonferenz", &|message, label| {
                let kept = label.categories.clone();
                clear(message, label);
                label.categories = kept;
            }),
        ),
        (
            "another purpose, committed, without reference",
            message("fallkonferenz", &|message, _| {
                message.participant_reference = String::new();
                message.reference_nonce = Bytes::new();
            }),
        ),
    ];
    for (what, message) in wrong {
        let status = sender.submit(vec![message]).await.unwrap_err();
        assert_eq!(reason(&status), "ERROR_REASON_INVALID_FIELD", "{what}");
    }
    let right = sender.submit(vec![message(none, &clear)]).await.unwrap();
    assert_eq!(right[0].result(), v1::SubmitResult::Accepted);
    // A function whose messages about participants are secrets always may raise questions of structure.
    let from_a_physician = message(none, &|message, label| {
        clear(message, label);
        label.sender = Some(crate::raw::address(JOBCENTER, "aerztlicher-dienst"));
    });
    let right = sender.submit(vec![from_a_physician]).await.unwrap();
    assert_eq!(right[0].result(), v1::SubmitResult::Accepted);
    // To a function that nobody published, and to an agency that published nothing: the same as not covered.
    let mut answers = Vec::new();
    for recipient in [(DRV, "andere"), (KRANKENKASSE, "zentrale"), ("fremd", "zentrale")] {
        let other = message(none, &|message, label| {
            clear(message, label);
            label.recipient = Some(crate::raw::address(recipient.0, recipient.1));
        });
        let mut outcome = sender.submit(vec![other]).await.unwrap().remove(0);
        assert!(outcome.receipt.take().is_some());
        answers.push(outcome);
    }
    let uncovered = sender.send(&crate::raw::Draft::new(&own, DRV)).await.unwrap();
    assert_eq!(uncovered.result(), v1::SubmitResult::NotCovered);
    answers.push(v1::SubmitOutcome { receipt: None, ..uncovered });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    // A consent cannot name it.
    let mut named = grant(&[JOBCENTER], DRV);
    named.purpose = none.to_owned();
    let status = lotse.record_consent(&consent(&reference, vec![named])).await.unwrap_err();
    assert_eq!(reason(&status), "ERROR_REASON_INVALID_FIELD");
    // The client says the same before it sends: no reference for a purpose about somebody.
    let draft = Draft {
        professional_secret: false,
        participant_reference: ParticipantReference::none(),
        recipient: "jobcenter-stadt-regensburg/leitung".parse().unwrap(),
        sender_function: "zentrale".to_owned(),
        kind: "unterlagen.request".to_owned(),
        purpose: "unterlagen".to_owned(),
        categories: vec!["gesundheit".to_owned()],
        thread_id: None,
        expires_in: DAY,
        content: Content::text("", "x").unwrap(),
        suite: None,
    };
    assert!(drv.send(draft).await.is_err());
}
