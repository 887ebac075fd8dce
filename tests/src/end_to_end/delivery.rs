//! Recall, rejection, notices, mailboxes, duties to delete.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use schleuse_proto::evidence::{consent_reference, directory_signed_bytes};
use schleuse_proto::v1;
use schleuse_proto::v1::delivery_service_client::DeliveryServiceClient;
use schleuse_proto::v1::notice::Notice as Told;
use schleuse_proto::v1::notice_service_client::NoticeServiceClient;
use tonic::transport::Channel;

use super::{label, reason, words};
use crate::broker::{TestBroker, TestClock};
use crate::pki::Pki;
use crate::raw::{
    Case, DRV, Draft, JOBCENTER, KRANKENKASSE, RawClient, address, consent, erase, grant, now_ms,
};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn deliveries(client: &RawClient) -> DeliveryServiceClient<Channel> {
    DeliveryServiceClient::new(client.channel.clone())
}

fn notices(client: &RawClient) -> NoticeServiceClient<Channel> {
    NoticeServiceClient::new(client.channel.clone())
        .max_decoding_message_size(schleuse_proto::GRPC_MESSAGE_BYTES_MAX)
}

struct Parties {
    case: Case,
    jobcenter: RawClient,
    drv: RawClient,
}

impl Parties {
    async fn of(broker: &TestBroker) -> Self {
        let case = Case::open(broker.address()).await;
        let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
        let drv = RawClient::connect(broker.address(), DRV, "system").await;
        Self { case, jobcenter, drv }
    }

    /// Connects anew after a restart.
    async fn again(self, broker: &TestBroker) -> Self {
        let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
        let drv = RawClient::connect(broker.address(), DRV, "system").await;
        let lotse =
            RawClient::connect(broker.address(), crate::raw::LOTSE_AGENCY, "lotse-l-01").await;
        Self { case: Case { lotse, ..self.case }, jobcenter, drv }
    }

    fn message(&self) -> v1::OutgoingMessage {
        self.jobcenter.message(&Draft::new(&self.case.jobcenter_reference, DRV))
    }

    /// Sends; identifier and number.
    async fn send(&self) -> (Bytes, u64) {
        self.send_it(&self.message()).await
    }

    async fn send_it(&self, message: &v1::OutgoingMessage) -> (Bytes, u64) {
        let outcomes = self.jobcenter.submit(vec![message.clone()]).await.unwrap();
        assert_eq!(outcomes[0].result(), v1::SubmitResult::Accepted);
        (id(message), outcomes[0].receipt.clone().unwrap().record_number)
    }
}

fn id(message: &v1::OutgoingMessage) -> Bytes {
    v1::Label::decode(message.sealed.as_ref().unwrap().label.clone()).unwrap().message_id
}

async fn recall(client: &RawClient, ids: &[&Bytes]) -> Vec<v1::RecallOutcome> {
    let message_ids = ids.iter().map(|id| (*id).clone()).collect();
    let request = v1::RecallMessagesRequest { message_ids };
    deliveries(client).recall_messages(request).await.unwrap().into_inner().outcomes
}

async fn reject(
    client: &RawClient,
    numbers: &[u64],
    why: v1::DeadLetterReason,
) -> Result<Vec<v1::RejectOutcome>, tonic::Status> {
    let request =
        v1::RejectMessagesRequest { message_numbers: numbers.to_vec(), reason: why.into() };
    deliveries(client).reject_messages(request).await.map(|it| it.into_inner().outcomes)
}

async fn track(client: &RawClient, id: &Bytes) -> v1::MessageTrack {
    let request = v1::TrackMessagesRequest { message_ids: vec![id.clone()] };
    let answer = deliveries(client).track_messages(request).await.unwrap().into_inner();
    answer.tracks.into_iter().next().unwrap()
}

async fn told(client: &RawClient, after: u64) -> Vec<v1::Notice> {
    let request = v1::FetchNoticesRequest { after, max: 0 };
    let answer = notices(client).fetch_notices(request).await.unwrap().into_inner();
    assert!(!answer.gap && !answer.more && !answer.checkpoint.is_empty());
    answer.notices
}

/// Notices in short words.
fn short(notices: &[v1::Notice]) -> Vec<String> {
    let word = |notice: &v1::Notice| match notice.notice.as_ref().unwrap() {
        Told::Message(told) => match told.kind() {
            v1::MessageNoticeKind::Ended => {
                let end = told.end.unwrap();
                match end.dead_letter_reason() {
                    v1::DeadLetterReason::Unspecified => {
                        end.code().as_str_name().replace("MESSAGE_END_CODE_", "")
                    }
                    why => why.as_str_name().replace("DEAD_LETTER_REASON_", "DEAD "),
                }
            }
            v1::MessageNoticeKind::TakenUp => {
                format!("TAKEN_UP {}", told.taken_up_by().as_str_name())
            }
            kind => kind.as_str_name().replace("MESSAGE_NOTICE_KIND_", ""),
        },
        Told::BasisEnded(duty) => format!("DUTY {:?}", duty.message_numbers),
    };
    notices.iter().map(word).collect()
}

async fn take_up(client: &RawClient, number: u64, by: v1::TakenUpBy) {
    for stage in [v1::DeliveryStage::Decrypted, v1::DeliveryStage::Acknowledged] {
        let request = v1::AcknowledgeRequest {
            message_numbers: vec![number],
            stage: stage.into(),
            taken_up_by: by.into(),
        };
        client.messages().acknowledge(request).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_stops_what_waits_and_tells_what_was_too_late() {
    use v1::RecallResult::{Recalled, RecalledAfterHandOut, TakenUp, Unknown};
    let broker = TestBroker::start().await;
    let parties = Parties::of(&broker).await;
    let Parties { case, jobcenter, drv } = &parties;
    let (taken_up, number) = parties.send().await;
    drv.fetch("zentrale", 10).await;
    take_up(drv, number, v1::TakenUpBy::Person).await;
    let (handed_out, _) = parties.send().await;
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 1);
    let waits = parties.message();
    let (waiting, _) = parties.send_it(&waits).await;
    let refused = jobcenter.message(&Draft::new(&case.jobcenter_reference, KRANKENKASSE));
    jobcenter.submit(vec![refused.clone()]).await.unwrap();
    let ids = [&taken_up, &handed_out, &waiting, &id(&refused)];
    let outcomes = recall(jobcenter, &ids).await;
    let results: Vec<_> = outcomes.iter().map(v1::RecallOutcome::result).collect();
    assert_eq!(results, [TakenUp, RecalledAfterHandOut, Recalled, Unknown]);
    assert_eq!(recall(jobcenter, &ids).await, outcomes, "idempotent");
    // Another agency cannot recall it, and does not learn that it exists.
    let foreign = recall(drv, &[&waiting]).await;
    assert_eq!(foreign[0], recall(drv, &[&Bytes::from_static(&[9; 16])]).await[0]);
    // A repetition of the submission gets its first receipt, and nothing is sent again.
    let again = jobcenter.submit(vec![waits.clone()]).await.unwrap();
    assert_eq!(again[0].result(), v1::SubmitResult::Accepted);
    let broker = broker.restart(Arc::new(schleuse_broker::engine::SystemClock)).await;
    let before = outcomes;
    let parties = parties.again(&broker).await;
    assert!(parties.drv.fetch("zentrale", 10).await.is_empty(), "never handed out again");
    assert_eq!(recall(&parties.jobcenter, &ids).await, before, "the same after a restart");
    let states = told(&parties.jobcenter, 0).await;
    let expected = [
        "HANDED_OUT",
        "OPENED",
        "TAKEN_UP TAKEN_UP_BY_PERSON",
        "HANDED_OUT",
        "RECALLED",
        "RECALLED",
    ];
    assert_eq!(short(&states), expected);
    let track = track(&parties.jobcenter, &handed_out).await;
    assert_eq!((track.attempts, track.end.unwrap().code()), (1, v1::MessageEndCode::Recalled));
    let log = log(&broker).await;
    assert_eq!(log.iter().filter(|it| *it == "stopped STOP_REASON_RECALLED").count(), 2);
}

async fn log(broker: &TestBroker) -> Vec<String> {
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    words(&dpo.whole_log().await)
}

/// Deliveries that lie ready on a stream, without waiting.
fn ready(stream: &mut tonic::Streaming<v1::ReceiveResponse>) -> Vec<u64> {
    use futures::FutureExt as _;
    let mut numbers = Vec::new();
    while let Some(response) = stream.message().now_or_never() {
        let response = response.unwrap().unwrap().response.unwrap();
        if let v1::receive_response::Response::Delivery(delivery) = response {
            numbers.push(delivery.message_number);
        }
    }
    numbers
}

/// INVARIANT (revoke-strict), for recalls: once it is answered, nothing of the message arrives any more. Sender and
/// recipient share a connection here, so that what was written before the answer is read before it.
#[tokio::test(flavor = "multi_thread")]
async fn no_delivery_follows_an_acknowledged_recall() {
    use v1::receive_request::Request;
    let broker = TestBroker::start().await;
    let parties = Parties::of(&broker).await;
    let Parties { jobcenter, case, .. } = &parties;
    let case = Case::with(case.lotse.clone(), &[JOBCENTER], JOBCENTER).await;
    let (credit, requests) = tokio::sync::mpsc::channel(8);
    let open = v1::OpenReceive { functions: vec!["zentrale".into()], credit: 1000 };
    credit.send(v1::ReceiveRequest { request: Some(Request::Open(open)) }).await.unwrap();
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut stream = jobcenter.messages().receive(requests).await.unwrap().into_inner();
    let (mut early, mut late) = (0, 0);
    for round in 0..400 {
        let message = jobcenter.message(&Draft::new(&case.jobcenter_reference, JOBCENTER));
        let id = id(&message);
        // The recall comes while the message is decided, handed out, written out.
        let sending = jobcenter.clone();
        let sent = tokio::spawn(async move { sending.submit(vec![message]).await.unwrap() });
        for _ in 0..round % 40 {
            tokio::task::yield_now().await;
        }
        let mut outcome = recall(jobcenter, &[&id]).await.remove(0);
        let mut arrived = ready(&mut stream);
        let number = sent.await.unwrap().remove(0).receipt.unwrap().record_number;
        if outcome.result() == v1::RecallResult::Unknown {
            outcome = recall(jobcenter, &[&id]).await.remove(0);
            arrived.extend(ready(&mut stream));
        }
        match outcome.result() {
            v1::RecallResult::Recalled => {
                early += 1;
                assert!(arrived.is_empty(), "round {round}");
            }
            v1::RecallResult::RecalledAfterHandOut => {
                late += 1;
                assert_eq!(arrived, [number], "round {round}: written out before the answer");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(late > 0, "{early} {late}");
    assert!(ready(&mut stream).is_empty(), "nothing came afterwards");
    assert!(jobcenter.fetch("zentrale", 100).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_message_is_a_dead_letter_and_its_sender_learns_why() {
    let broker = TestBroker::start().await;
    let parties = Parties::of(&broker).await;
    let Parties { jobcenter, drv, .. } = &parties;
    let (id, number) = parties.send().await;
    let why = v1::DeadLetterReason::Misdirected;
    let early = reject(drv, &[number], why).await.unwrap_err();
    assert_eq!(reason(&early), "ERROR_REASON_NOT_FOUND", "not handed out yet");
    drv.fetch("zentrale", 10).await;
    let foreign = reject(jobcenter, &[number], why).await.unwrap_err();
    assert_eq!(reason(&foreign), "ERROR_REASON_NOT_FOUND");
    let attempts = reject(drv, &[number], v1::DeadLetterReason::Attempts).await.unwrap_err();
    assert_eq!(reason(&attempts), "ERROR_REASON_INVALID_FIELD", "only the broker says so");
    let first = reject(drv, &[number], why).await.unwrap();
    assert_eq!(first[0].result(), v1::RejectResult::DeadLettered);
    let again = reject(drv, &[number], v1::DeadLetterReason::Unreadable).await.unwrap();
    assert_eq!(again, first, "the first one again");
    assert_eq!(short(&told(jobcenter, 0).await), ["HANDED_OUT", "DEAD MISDIRECTED"]);
    let too_late = recall(jobcenter, &[&id]).await.remove(0);
    assert_eq!(too_late.result(), v1::RecallResult::Ended);
    let request = v1::ListDeadLettersRequest { after: 0, max: 0 };
    let letters = deliveries(drv).list_dead_letters(request).await.unwrap().into_inner();
    let [letter] = letters.dead_letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((letter.message_number, letter.reason(), &letter.message_id), (number, why, &id));
    // Both sides' officers see it.
    for agency in [JOBCENTER, DRV] {
        let dpo = RawClient::connect(broker.address(), agency, "dpo").await;
        let log = words(&dpo.whole_log().await);
        let seen = log.contains(&format!("dead letter {number} DEAD_LETTER_REASON_MISDIRECTED"));
        assert!(seen, "{agency}: {log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_nobody_takes_up_becomes_a_dead_letter() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "[messages]\nattempts_max = 3\n");
    let broker = broker.await;
    let parties = Parties::of(&broker).await;
    parties.send().await;
    for attempt in 1..=3 {
        assert_eq!(parties.drv.fetch_until_some().await[0].attempt, attempt);
        clock.advance(61_000);
    }
    // The next hand-out does not take place; the sender is told by the stream of notices.
    let request = v1::ReceiveNoticesRequest { after: 0 };
    let mut stream = notices(&parties.jobcenter).receive_notices(request).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        assert!(parties.drv.fetch("zentrale", 10).await.is_empty());
        if let Some(part) = tokio::select! {
            part = stream.get_mut().message() => part.unwrap(),
            () = tokio::task::yield_now() => None,
        } {
            seen.extend(short(&part.notices));
        }
    }
    assert_eq!(seen, ["HANDED_OUT", "DEAD ATTEMPTS"]);
}

/// Waits for what the broker does by itself, on the stream of notices.
async fn await_notices(client: &RawClient, after: u64, count: usize) -> Vec<v1::Notice> {
    let request = v1::ReceiveNoticesRequest { after };
    let mut stream = notices(client).receive_notices(request).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.extend(stream.message().await.unwrap().unwrap().notices);
    }
    seen
}

/// What a message was told of, without what names it.
fn anonymous(notice: &v1::Notice) -> Told {
    match notice.notice.clone().unwrap() {
        Told::Message(told) => Told::Message(v1::MessageNotice {
            message_id: Bytes::new(),
            thread_id: Bytes::new(),
            message_number: 0,
            participant_reference: String::new(),
            ..told
        }),
        Told::BasisEnded(duty) => Told::BasisEnded(v1::DeletionDuty {
            number: 0,
            consent_reference: Bytes::new(),
            message_numbers: vec![0; duty.message_numbers.len()],
            message_ids: vec![Bytes::new(); duty.message_ids.len()],
            opened_ms: 0,
            due_ms: duty.due_ms - duty.opened_ms,
            participant_reference: String::new(),
            ..duty
        }),
    }
}

/// Neither sender nor recipient can tell a revocation from an expiry or a narrowing.
#[tokio::test(flavor = "multi_thread")]
async fn why_a_consent_ended_cannot_be_told_from_notices() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let parties = Parties::of(&broker).await;
    let Parties { case, jobcenter, drv } = &parties;
    let mut courses = Vec::new();
    for end in ["revoked", "expired", "narrowed"] {
        let reference = case.lotse.register().await;
        let own = case.lotse.reference_for(&reference, JOBCENTER).await;
        let mut only = grant(&[JOBCENTER], DRV);
        if end == "expired" {
            only.not_after_ms = now_ms() + i64::try_from(2 * HOUR_MS).unwrap();
        }
        let document = consent(&reference, vec![only]);
        case.lotse.record_consent(&document).await.unwrap();
        let after = |notices: &[v1::Notice]| notices.last().map_or(0, |notice| notice.number);
        let sender_from = after(&told(jobcenter, 0).await);
        let recipient_from = after(&told(drv, 0).await);
        let draft = Draft::new(&own, DRV);
        jobcenter.send(&draft).await.unwrap();
        let handed_out = drv.fetch("zentrale", 10).await;
        drv.acknowledge(vec![handed_out[0].message_number]).await.unwrap();
        jobcenter.send(&draft).await.unwrap();
        match end {
            "revoked" => {
                case.lotse.revoke(&document).await.unwrap();
            }
            "expired" => clock.advance(3 * HOUR_MS),
            _ => narrow(case, &document, clock_now(&clock)).await,
        }
        let sender = await_notices(jobcenter, sender_from, 3).await;
        let recipient = await_notices(drv, recipient_from, 1).await;
        assert_eq!(short(&sender).last().unwrap(), "NOT_DELIVERED", "{end}");
        assert_eq!(short(&recipient), [format!("DUTY {:?}", [handed_out[0].message_number])]);
        let Some(Told::BasisEnded(duty)) = &recipient[0].notice else { panic!() };
        assert_eq!(duty.consent_reference, handed_out[0].consent_reference);
        assert_eq!(duty.message_ids, [label(&handed_out[0]).message_id]);
        let known = consent_reference(&document.consent_id, DRV);
        assert_eq!(duty.consent_reference, known.as_slice());
        let all = sender.iter().chain(&recipient).map(anonymous).collect::<Vec<_>>();
        courses.push(all);
    }
    assert_eq!(courses[0], courses[1]);
    assert_eq!(courses[0], courses[2]);
    // Nothing about it is in the log that the sender's officer sees.
    let dpo = RawClient::connect(broker.address(), JOBCENTER, "dpo").await;
    let log = words(&dpo.whole_log().await);
    assert!(!log.iter().any(|it| it.starts_with("basis") || it.starts_with("stopped")), "{log:?}");
}

fn clock_now(clock: &TestClock) -> i64 {
    i64::try_from(schleuse_broker::engine::Clock::now(clock)).unwrap()
}

/// A later revision without what the first one granted.
async fn narrow(case: &Case, document: &v1::ConsentDocument, now: i64) {
    let mut other = grant(&[JOBCENTER], KRANKENKASSE);
    other.not_before_ms = now - 1000;
    let narrowed = v1::ConsentDocument {
        revision: 2,
        previous_hash: Bytes::copy_from_slice(&schleuse_proto::evidence::sha256(&[
            &document.encode_to_vec()
        ])),
        grants: vec![other],
        ..document.clone()
    };
    let bytes = Bytes::from(narrowed.encode_to_vec());
    let signed = schleuse_proto::evidence::consent_signed_bytes(&bytes);
    let signature = Some(case.lotse.sign(&signed));
    let request = v1::ReviseConsentRequest { document: bytes, signature };
    case.lotse.consents().revise_consent(request).await.unwrap();
}

async fn duties(client: &RawClient, overdue: bool) -> Vec<v1::DeletionDuty> {
    let request = v1::ListDeletionDutiesRequest { overdue, ..Default::default() };
    notices(client).list_deletion_duties(request).await.unwrap().into_inner().duties
}

async fn answer(
    client: &RawClient,
    duty_number: u64,
    answer: v1::DeletionAnswer,
    rule: &str,
) -> Result<v1::Receipt, tonic::Status> {
    let rule = rule.to_owned();
    let request = v1::ConfirmDeletionRequest { duty_number, answer: answer.into(), rule };
    notices(client).confirm_deletion(request).await.map(|it| it.into_inner().receipt.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_to_delete_is_answered_or_listed_as_overdue() {
    use v1::DeletionAnswer::{Deleted, Retained, Unspecified};
    let clock = TestClock::starting_now();
    let broker =
        TestBroker::with(Pki::shared(), clock.clone(), "[messages]\ndeletion_due_days = 2\n");
    let broker = broker.await;
    let parties = Parties::of(&broker).await;
    let other = Case::with(parties.case.lotse.clone(), &[JOBCENTER], DRV).await;
    parties.send().await;
    parties.jobcenter.send(&Draft::new(&other.jobcenter_reference, DRV)).await.unwrap();
    assert_eq!(parties.drv.fetch("zentrale", 10).await.len(), 2);
    assert!(duties(&parties.drv, false).await.is_empty());
    parties.case.lotse.revoke(&parties.case.consent).await.unwrap();
    parties.case.lotse.revoke(&other.consent).await.unwrap();
    let open = duties(&parties.drv, false).await;
    assert_eq!(open.len(), 2);
    let (first, second) = (open[0].number, open[1].number);
    assert!(duties(&parties.jobcenter, false).await.is_empty(), "a sender has no duty");
    for (rule, given) in [("", Retained), ("Frau Müller", Retained), ("§ 84 SGB X", Deleted)] {
        let refused = answer(&parties.drv, first, given, rule).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD", "{rule}");
    }
    let refused = answer(&parties.drv, first, Unspecified, "").await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
    let foreign = answer(&parties.jobcenter, first, Deleted, "").await.unwrap_err();
    let nobody = answer(&parties.jobcenter, 999_999, Deleted, "").await.unwrap_err();
    assert_eq!((foreign.code(), foreign.message()), (nobody.code(), nobody.message()));
    let kept = answer(&parties.drv, first, Retained, "§ 35 SGB I / § 304 SGB V").await.unwrap();
    let again = answer(&parties.drv, first, Retained, "§ 35 SGB I / § 304 SGB V").await.unwrap();
    assert_eq!(kept, again, "the first receipt again");
    let deleted = answer(&parties.drv, first, Deleted, "").await.unwrap();
    assert_ne!(deleted, kept, "what was kept may be deleted later");
    let back = answer(&parties.drv, first, Retained, "§ 84 SGB X").await.unwrap_err();
    assert_eq!(reason(&back), "ERROR_REASON_IDEMPOTENCY_CONFLICT");
    assert!(duties(&parties.drv, true).await.is_empty(), "not due yet");
    clock.advance(2 * DAY_MS);
    let before = duties(&parties.drv, false).await;
    let broker = broker.restart(clock).await;
    let parties = parties.again(&broker).await;
    assert_eq!(duties(&parties.drv, false).await, before, "the same after a restart");
    for agency in ["projekt", DRV, JOBCENTER] {
        let dpo = RawClient::connect(broker.address(), agency, "dpo").await;
        let overdue: Vec<u64> = duties(&dpo, true).await.iter().map(|duty| duty.number).collect();
        let expected = if agency == JOBCENTER { vec![] } else { vec![second] };
        assert_eq!(overdue, expected, "{agency}");
    }
    let log = log(&broker).await;
    assert_eq!(log.iter().filter(|it| it.starts_with("basis ended")).count(), 2);
    let answers = log.iter().filter(|it| **it == format!("duty answered {first}"));
    assert_eq!(answers.count(), 2);
    assert!(log.iter().filter(|it| *it == "queried").count() >= 3, "an officer's list is a record");
}

/// A client of the SDK.
pub(super) async fn sdk(broker: &TestBroker, agency: &str, name: &str) -> schleuse_client::Client {
    let pki = Pki::shared();
    let leaf = pki.leaf(agency, name);
    schleuse_client::Client::builder()
        .endpoint(format!("https://{}", broker.address()))
        .server_name("localhost")
        .trust_file(pki.path().join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"))
        .connect()
        .await
        .unwrap()
}

/// Every way in which a message can end, through the SDK; and both the rows and the checks of the log fit.
#[tokio::test(flavor = "multi_thread")]
async fn the_client_follows_its_messages_and_the_log_verifies() {
    use schleuse_client::{
        DeadLetterReason, DeletionAnswer, DutyFilter, LogQuery, MessageEnd, MessageId,
        MessageState, NoticeKind, Recall, Rejected, TakenUpBy, Thread, ThreadId,
    };
    let broker = TestBroker::start().await;
    let parties = Parties::of(&broker).await;
    let jobcenter = sdk(&broker, JOBCENTER, "system").await;
    let drv = sdk(&broker, DRV, "system").await;
    let draft = Draft::new(&parties.case.jobcenter_reference, DRV);
    let mut thread = Thread::new(ThreadId::parse(&draft.thread).unwrap());
    let mut ids = Vec::new();
    for _ in 0..4 {
        let message = parties.jobcenter.message(&draft);
        ids.push(MessageId::parse(&parties.send_it(&message).await.0).unwrap());
    }
    assert!(matches!(jobcenter.recall(&ids[3..]).await.unwrap()[..], [Recall::Recalled(_)]));
    let numbers: Vec<u64> =
        parties.drv.fetch("zentrale", 10).await.iter().map(|it| it.message_number).collect();
    drv.take_up(&numbers[..1], TakenUpBy::Person).await.unwrap();
    let rejected = drv.reject(&numbers[1..2], DeadLetterReason::UnknownVersion).await.unwrap();
    assert!(matches!(rejected[..], [Rejected::DeadLettered(_)]));
    assert_eq!(drv.dead_letters().await.unwrap().len(), 1);
    parties.case.lotse.revoke(&parties.case.consent).await.unwrap();
    let mut stream = jobcenter.receive_notices(0);
    for _ in 0..7 {
        let notice = stream.next().await.unwrap();
        let NoticeKind::Message(told) = &notice.what else { panic!("{notice:?}") };
        assert!(thread.notice(told, notice.time_ms));
    }
    let states: Vec<MessageState> = thread.entries().map(|entry| entry.state).collect();
    let ended = MessageState::Ended;
    let expected = [
        MessageState::TakenUp,
        ended(MessageEnd::DeadLettered(DeadLetterReason::UnknownVersion)),
        ended(MessageEnd::NotDelivered),
        ended(MessageEnd::Recalled),
    ];
    assert_eq!(states, expected);
    let tracks = jobcenter.track(&ids).await.unwrap();
    let tracked: Vec<MessageState> = tracks.iter().map(|it| it.as_ref().unwrap().state()).collect();
    assert_eq!(tracked, expected, "notices and tracks agree");
    let duties = drv.deletion_duties(DutyFilter::Open).await.unwrap();
    let [duty] = duties.as_slice() else { panic!("{duties:?}") };
    let named: Vec<u64> = duty.messages.iter().map(|(number, _)| *number).collect();
    assert_eq!(named, numbers);
    let rule = DeletionAnswer::Retained("§ 84 SGB X".to_owned());
    drv.confirm_deletion(duty.number, &rule).await.unwrap();
    let answered = drv.deletion_duties(DutyFilter::All).await.unwrap();
    assert_eq!(answered[0].answer.as_ref().unwrap().0, rule);
    let dpo = sdk(&broker, "projekt", "dpo").await;
    let bundle = dpo.export(&LogQuery::new("check of a test run")).await.unwrap();
    let report = bundle.verify(dpo.log_key());
    assert!(report.is_sound() && report.complete, "{report}");
    assert!(report.to_string().contains("1 ends of a basis"), "{report}");
}

async fn publish(client: &RawClient) {
    let now = now_ms();
    let document = v1::DirectoryDocument {
        agency: client.agency.clone(),
        revision: 1,
        display_name: "DRV".to_owned(),
        functions: vec![v1::AgencyFunction {
            function: "zentrale".to_owned(),
            display_name: "Zentrale".to_owned(),
            ..Default::default()
        }],
        sealing_keys: vec![v1::SealingKey {
            suite: v1::SealingSuite::DhkemP256Sha256Aes256gcm.into(),
            public_key: Bytes::from_static(&[4; 65]),
            not_before_ms: now,
            not_after_ms: now + 1000,
        }],
        signed_at_ms: now,
        ..Default::default()
    };
    let bytes = Bytes::from(document.encode_to_vec());
    let signature = Some(client.sign(&directory_signed_bytes(&bytes)));
    let request = v1::PublishEntryRequest { document: bytes, signature };
    client.directory().publish_entry(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_nobody_reads_becomes_visible() {
    use v1::MailboxClass::{Read, Slow, Unread};
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let parties = Parties::of(&broker).await;
    let look_up = async |function: &str| {
        let request = v1::LookUpMailboxRequest { address: Some(address(DRV, function)) };
        let answer = deliveries(&parties.jobcenter).look_up_mailbox(request).await;
        answer.map(|it| it.into_inner().class())
    };
    // A consent names it; the directory does not: the same as if nobody named it.
    let (named, unknown) = (look_up("zentrale").await, look_up("andere").await);
    let (named, unknown) = (named.unwrap_err(), unknown.unwrap_err());
    assert_eq!((named.code(), named.message()), (unknown.code(), unknown.message()));
    publish(&parties.drv).await;
    assert_eq!(look_up("zentrale").await.unwrap(), Read, "new");
    clock.advance(25 * HOUR_MS);
    assert_eq!(look_up("zentrale").await.unwrap(), Slow);
    clock.advance(48 * HOUR_MS);
    assert_eq!(look_up("zentrale").await.unwrap(), Unread);
    let mut draft = Draft::new(&parties.case.jobcenter_reference, DRV);
    draft.created_at_ms = clock_now(&clock);
    parties.jobcenter.send(&draft).await.unwrap();
    let operator = RawClient::connect(broker.address(), "betrieb", "operator").await;
    let request = v1::ListMailboxesRequest {};
    let list = deliveries(&operator).list_mailboxes(request).await.unwrap().into_inner();
    let [mailbox] = list.mailboxes.as_slice() else { panic!("{list:?}") };
    let oldest = clock_now(&clock);
    assert_eq!((mailbox.class(), mailbox.waiting, mailbox.oldest_ms), (Unread, 1, oldest));
    parties.drv.fetch("zentrale", 10).await;
    assert_eq!(look_up("zentrale").await.unwrap(), Read);
    clock.advance(HOUR_MS);
    parties.drv.fetch("zentrale", 10).await;
    let reads = log(&broker).await.iter().filter(|it| it.starts_with("mailbox read")).count();
    assert_eq!(reads, 1, "at most every twelve hours");
    let broker = broker.restart(clock.clone()).await;
    let operator = RawClient::connect(broker.address(), "betrieb", "operator").await;
    let list = deliveries(&operator).list_mailboxes(request).await.unwrap().into_inner();
    assert_eq!(list.mailboxes[0].class(), Read, "known after a restart");
    clock.advance(12 * HOUR_MS);
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    drv.fetch("zentrale", 10).await;
    let reads = log(&broker).await.iter().filter(|it| it.starts_with("mailbox read")).count();
    assert_eq!(reads, 2);
}

/// Source: GDPR Art. 19.
#[tokio::test(flavor = "multi_thread")]
async fn recipients_learn_that_a_participant_is_erased_and_not_who_it_was() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let parties = Parties::of(&broker).await;
    let Parties { case, drv, .. } = &parties;
    let (first, number) = parties.send().await;
    assert_eq!(drv.fetch("zentrale", 10).await[0].message_number, number);
    drv.acknowledge(vec![number]).await.unwrap();
    parties.send().await;
    let list = async |client: &RawClient| {
        let request = v1::ListDeletionDutiesRequest::default();
        let answer = notices(client).list_deletion_duties(request).await.unwrap();
        answer.into_inner().duties
    };
    assert!(list(drv).await.is_empty());
    let at_project = case.lotse.reference_for(&case.reference, "projekt").await;
    erase(broker.address(), &at_project).await;
    let [duty] = list(drv).await.try_into().unwrap();
    let known_as = consent_reference(&case.consent.consent_id, DRV);
    assert!(duty.participant_erased && duty.participant_reference.is_empty());
    assert_eq!(duty.recipient, Some(address(DRV, "zentrale")));
    assert_eq!((duty.message_numbers, duty.message_ids), (vec![number], vec![first]));
    assert_eq!(duty.consent_reference, known_as.as_slice());
    assert_eq!(short(&told(drv, 0).await), [format!("DUTY [{number}]")]);
    // Who sent it, and who never got anything, is told nothing.
    assert!(list(&parties.jobcenter).await.is_empty());
    assert!(told(&parties.jobcenter, 0).await.is_empty());

    // It outlives the erasure and a restart, can be answered, and stands in a log that verifies.
    let broker = broker.restart(clock.clone()).await;
    let Parties { drv, .. } = Parties::again(parties, &broker).await;
    assert_eq!(list(&drv).await[0].number, duty.number);
    let request = v1::ConfirmDeletionRequest {
        duty_number: duty.number,
        answer: v1::DeletionAnswer::Deleted.into(),
        rule: String::new(),
    };
    notices(&drv).confirm_deletion(request).await.unwrap();
    let broker = broker.restart(clock).await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    assert_eq!(list(&drv).await[0].answer(), v1::DeletionAnswer::Deleted);
    let dpo = sdk(&broker, "projekt", "dpo").await;
    let bundle = dpo.export(&schleuse_client::LogQuery::new("check of a test run")).await.unwrap();
    let report = bundle.verify(dpo.log_key());
    assert!(report.is_sound(), "{report}");
    assert!(report.to_string().contains("1 ends of a basis"), "{report}");
}

/// A duty that was not answered with DELETED comes back when its participant is erased.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_duty_outlives_its_participant_and_an_answered_one_does_not() {
    let broker = TestBroker::start().await;
    let parties = Parties::of(&broker).await;
    let Parties { case, drv, .. } = &parties;
    let request = v1::ListDeletionDutiesRequest::default();
    for deleted in [false, true] {
        let own = Case::with(case.lotse.clone(), &[JOBCENTER], DRV).await;
        let draft = Draft::new(&own.jobcenter_reference, DRV);
        let sent = parties.jobcenter.send(&draft).await.unwrap();
        let number = sent.receipt.unwrap().record_number;
        drv.fetch("zentrale", 10).await;
        own.lotse.revoke(&own.consent).await.unwrap();
        let duties = notices(drv).list_deletion_duties(request).await.unwrap().into_inner().duties;
        let before = duties.last().unwrap();
        assert_eq!((&before.message_numbers, before.participant_erased), (&vec![number], false));
        if deleted {
            let request = v1::ConfirmDeletionRequest {
                duty_number: before.number,
                answer: v1::DeletionAnswer::Deleted.into(),
                rule: String::new(),
            };
            notices(drv).confirm_deletion(request).await.unwrap();
        }
        let at_project = own.lotse.reference_for(&own.reference, "projekt").await;
        erase(broker.address(), &at_project).await;
        let duties = notices(drv).list_deletion_duties(request).await.unwrap().into_inner().duties;
        let erased = duties.iter().filter(|duty| duty.participant_erased);
        let about: Vec<_> = erased.filter(|duty| duty.message_numbers == [number]).collect();
        assert_eq!(about.len(), usize::from(!deleted), "{duties:?}");
    }
}

/// INVARIANT (uniform-refusal): an agency cannot tell from the number of records whether a consent names a function.
#[tokio::test(flavor = "multi_thread")]
async fn reading_a_function_that_only_a_consent_names_is_like_reading_any_other() {
    let broker = TestBroker::start().await;
    let parties = Parties::of(&broker).await;
    // A consent names the first one, nothing the second.
    for function in ["zentrale", "irgendeine"] {
        parties.drv.fetch(function, 10).await;
    }
    let reads = log(&broker).await.into_iter().filter(|it| it.starts_with("mailbox read"));
    let expected = ["zentrale", "irgendeine"].map(|it| format!("mailbox read {DRV}/{it}"));
    assert_eq!(reads.collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_get_the_first_receipt_after_every_end() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let parties = Parties::of(&broker).await;
    let Parties { jobcenter, drv, .. } = &parties;
    let (recalled, rejected, expired) = (parties.message(), parties.message(), parties.message());
    let mut first = Vec::new();
    first.push(jobcenter.submit(vec![recalled.clone()]).await.unwrap());
    recall(jobcenter, &[&id(&recalled)]).await;
    first.push(jobcenter.submit(vec![rejected.clone()]).await.unwrap());
    let number = drv.fetch("zentrale", 10).await[0].message_number;
    reject(drv, &[number], v1::DeadLetterReason::CannotOpen).await.unwrap();
    first.push(jobcenter.submit(vec![expired.clone()]).await.unwrap());
    clock.advance(DAY_MS + 60_000);
    let ends = await_notices(jobcenter, 0, 4).await;
    assert_eq!(short(&ends), ["RECALLED", "HANDED_OUT", "DEAD CANNOT_OPEN", "EXPIRED"]);
    for (message, first) in [recalled, rejected, expired].iter().zip(&first) {
        assert_eq!(jobcenter.submit(vec![message.clone()]).await.unwrap(), *first);
    }
    assert!(drv.fetch("zentrale", 10).await.is_empty());
}
