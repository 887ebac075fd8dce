//! The broker's side: what may leave of an upload, and what its end leaves behind. With raw clients, which may
//! also do what ours never would.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use schleuse_broker::engine::SystemClock;
use schleuse_proto::v1;
use schleuse_proto::v1::delivery_service_client::DeliveryServiceClient;
use schleuse_proto::v1::upload_service_client::UploadServiceClient;

use super::super::{label, reason, words};
use crate::broker::{TestBroker, TestClock};
use crate::pki::Pki;
use crate::raw::{
    Case, DRV, Draft, JOBCENTER, KRANKENKASSE, RawClient, consent, grant, now_ms, random, release,
};

const HOUR_MS: u64 = 3_600_000;

/// A case and the clients of both sides.
struct Desk {
    case: Case,
    jobcenter: RawClient,
    drv: RawClient,
    main: [u8; 16],
}

impl Desk {
    async fn open(broker: &TestBroker) -> Self {
        Self {
            case: Case::open(broker.address()).await,
            jobcenter: RawClient::connect(broker.address(), JOBCENTER, "system").await,
            drv: RawClient::connect(broker.address(), DRV, "system").await,
            main: random(),
        }
    }

    async fn reconnect(&mut self, broker: &TestBroker) {
        self.jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
        self.drv = RawClient::connect(broker.address(), DRV, "system").await;
    }

    fn part(&self) -> Draft {
        let mut draft = Draft::new(&self.case.jobcenter_reference, DRV);
        draft.kind = "anhang.teil".to_owned();
        draft.part_of = Some(self.main);
        draft
    }

    fn message(&self) -> Draft {
        let mut draft = Draft::new(&self.case.jobcenter_reference, DRV);
        draft.message_id = Some(self.main);
        draft
    }

    /// Sends something that must be accepted; returns its number.
    async fn accepted(&self, draft: &Draft) -> u64 {
        let outcome = self.jobcenter.send(draft).await.unwrap();
        assert_eq!(outcome.result(), v1::SubmitResult::Accepted);
        outcome.receipt.unwrap().record_number
    }

    async fn fetched(&self) -> Vec<u64> {
        let deliveries = self.drv.fetch("zentrale", 100).await;
        deliveries.iter().map(|delivery| delivery.message_number).collect()
    }
}

fn uploads(client: &RawClient) -> UploadServiceClient<tonic::transport::Channel> {
    UploadServiceClient::new(client.channel.clone())
}

async fn discard(client: &RawClient, main: [u8; 16]) -> Result<v1::Receipt, tonic::Status> {
    let request = v1::DiscardPartsRequest { message_id: Bytes::copy_from_slice(&main) };
    let answer = uploads(client).discard_parts(request).await?;
    Ok(answer.into_inner().receipt.unwrap())
}

async fn log(broker: &TestBroker) -> Vec<String> {
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    words(&dpo.whole_log().await)
}

fn count(log: &[String], word: &str) -> usize {
    log.iter().filter(|one| *one == word).count()
}

const ENDED: &str = "stopped STOP_REASON_UPLOAD_ENDED";

#[tokio::test(flavor = "multi_thread")]
async fn parts_wait_for_their_message_and_leave_before_it_also_after_a_restart() {
    let clock: Arc<SystemClock> = Arc::new(SystemClock);
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let mut desk = Desk::open(&broker).await;
    let mut parts = Vec::new();
    for _ in 0..3 {
        parts.push(desk.accepted(&desk.part()).await);
    }
    let other = desk.accepted(&Draft::new(&desk.case.jobcenter_reference, DRV)).await;
    assert_eq!(desk.fetched().await, [other], "nothing of the upload");
    let broker = broker.restart(clock).await;
    desk.reconnect(&broker).await;
    assert_eq!(desk.fetched().await, [other], "nothing of the upload");
    desk.drv.acknowledge(vec![other]).await.unwrap();
    parts.push(desk.accepted(&desk.part()).await);
    let main = desk.accepted(&desk.message()).await;
    parts.push(main);
    assert_eq!(desk.fetched().await, parts, "in the order of acceptance, the message last");
    // A part that comes after its message waits for nothing.
    let late = desk.accepted(&desk.part()).await;
    assert_eq!(desk.fetched().await, [late]);
    desk.drv.acknowledge(parts).await.unwrap();
    let later = desk.accepted(&desk.part()).await;
    assert_eq!(desk.fetched().await, [later], "also when the message was taken over");
    let broker = broker.restart(Arc::new(SystemClock)).await;
    desk.reconnect(&broker).await;
    assert_eq!(desk.fetched().await, [late, later]);
}

/// Only the message of the same sender, about the same participant, for the same recipient lets parts go.
#[tokio::test(flavor = "multi_thread")]
async fn the_message_of_somebody_else_releases_nothing() {
    let broker = TestBroker::start().await;
    let desk = Desk::open(&broker).await;
    let lotse = desk.case.lotse.clone();
    // Another agency uses the same identifier.
    let kasse_case = Case::with(lotse.clone(), &[KRANKENKASSE], DRV).await;
    let kasse = RawClient::connect(broker.address(), KRANKENKASSE, "system").await;
    let kasse_reference = lotse.reference_for(&kasse_case.reference, KRANKENKASSE).await;
    desk.accepted(&desk.part()).await;
    let mut foreign = Draft::new(&kasse_reference, DRV);
    foreign.message_id = Some(desk.main);
    let foreign = kasse.send(&foreign).await.unwrap();
    assert_eq!(foreign.result(), v1::SubmitResult::Accepted);
    let foreign = foreign.receipt.unwrap().record_number;
    assert_eq!(desk.fetched().await, [foreign]);

    // The sender itself names another participant, or another recipient: what does not fit is stopped, and
    // the answers say nothing.
    let second = Case::with(lotse.clone(), &[JOBCENTER], DRV).await;
    let main =
        desk.accepted(&Draft { reference: second.jobcenter_reference, ..desk.message() }).await;
    assert_eq!(desk.fetched().await, [main], "of another participant");
    desk.accepted(&desk.part()).await;
    assert!(desk.fetched().await.is_empty(), "a later part of another participant");
    assert_eq!(count(&log(&broker).await, ENDED), 2);

    let mut elsewhere = grant(&[JOBCENTER], DRV);
    elsewhere.recipient.as_mut().unwrap().function = "andere".into();
    lotse.record_consent(&consent(&desk.case.reference, vec![elsewhere])).await.unwrap();
    let desk = Desk { main: random(), ..desk };
    desk.accepted(&desk.part()).await;
    let mut message = desk.message();
    message.recipient.function = "andere".into();
    desk.accepted(&message).await;
    assert!(desk.fetched().await.is_empty(), "of another recipient");
    assert_eq!(count(&log(&broker).await, ENDED), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_message_that_was_refused_or_never_came_are_stopped() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "parts_wait_hours = 2").await;
    let desk = Desk::open(&broker).await;
    desk.accepted(&desk.part()).await;
    let mut message = desk.message();
    message.categories = vec!["gesundheit".into()];
    let refused = desk.jobcenter.send(&message).await.unwrap();
    assert_eq!(refused.result(), v1::SubmitResult::NotCovered);
    assert_eq!(count(&log(&broker).await, ENDED), 1);
    // A later part is decided by itself, as any message, and stopped in the same instant.
    desk.accepted(&desk.part()).await;
    assert_eq!(count(&log(&broker).await, ENDED), 2);
    assert!(desk.fetched().await.is_empty());

    let desk = Desk { main: random(), ..desk };
    let part = desk.accepted(&desk.part()).await;
    clock.advance(2 * HOUR_MS - 60_000);
    assert!(desk.fetched().await.is_empty());
    assert_eq!(count(&log(&broker).await, ENDED), 2);
    clock.advance(61_000);
    let mut rounds = 0;
    while count(&log(&broker).await, ENDED) < 3 {
        rounds += 1;
        assert!(rounds < 1000, "part {part} still waits");
    }
    let mut message = desk.message();
    message.created_at_ms += (2 * HOUR_MS) as i64;
    let main = desk.accepted(&message).await;
    assert_eq!(desk.fetched().await, [main], "too late for its part");
}

/// INVARIANT (revoke-strict): with the consent of the message its parts stop too, also those that another
/// consent covers; and INVARIANT (uniform-refusal): their sender is told nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_stops_what_waits_and_no_answer_tells_of_it() {
    let broker = TestBroker::start().await;
    let desk = Desk::open(&broker).await;
    let mut attached = grant(&[JOBCENTER], DRV);
    attached.categories = vec!["hilfeplan".to_owned()];
    let attached = consent(&desk.case.reference, vec![attached]);
    desk.case.lotse.record_consent(&attached).await.unwrap();
    let part = || Draft { categories: vec!["hilfeplan".into()], ..desk.part() };

    // During the upload: the consent of the parts ends.
    desk.accepted(&part()).await;
    desk.accepted(&desk.part()).await;
    let revoked = desk.case.lotse.revoke(&attached).await.unwrap();
    assert_eq!(revoked.stopped_messages, 1);
    let refused = desk.jobcenter.send(&part()).await.unwrap();
    assert_eq!(refused.result(), v1::SubmitResult::NotCovered);

    // While they are handed out: the consent of the message ends, that of its parts does not.
    let mut again = grant(&[JOBCENTER], DRV);
    again.categories = vec!["hilfeplan".to_owned()];
    let again = consent(&desk.case.reference, vec![again]);
    desk.case.lotse.record_consent(&again).await.unwrap();
    let desk = Desk { main: random(), ..desk };
    let part = || Draft { categories: vec!["hilfeplan".into()], ..desk.part() };
    let first = desk.accepted(&part()).await;
    desk.accepted(&part()).await;
    desk.accepted(&desk.message()).await;
    let deliveries = desk.drv.fetch("zentrale", 1).await;
    assert_eq!(deliveries[0].message_number, first);
    let revoked = desk.case.lotse.revoke(&desk.case.consent).await.unwrap();
    assert_eq!(revoked.stopped_messages, 4, "the message, both parts, and the one left over above");
    assert!(desk.fetched().await.is_empty());

    // Answers are as if nothing had happened: the part is covered, so it is accepted; it never leaves.
    let late = desk.accepted(&part()).await;
    assert!(desk.fetched().await.is_empty());
    let log = log(&broker).await;
    assert_eq!(log[late as usize + 1], ENDED, "{log:?}");
    let again = desk.jobcenter.send(&desk.message()).await.unwrap_err();
    assert_eq!(reason(&again), "ERROR_REASON_IDEMPOTENCY_CONFLICT", "as of any message of this id");
}

struct Planted(Vec<Vec<u8>>);

impl Planted {
    fn is_in(&self, folder: &Path) -> bool {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.is_file()).any(|path| {
            let bytes = std::fs::read(path).unwrap();
            self.0.iter().any(|one| bytes.windows(one.len()).any(|window| window == one))
        })
    }
}

/// Recall during the upload: nothing arrives, later parts are refused, the bodies are destroyed.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let mut desk = Desk::open(&broker).await;
    let bodies: Vec<[u8; 64]> = vec![random(), random(), random()];
    for body in &bodies {
        let mut part = desk.part();
        part.body = Bytes::copy_from_slice(body);
        desk.accepted(&part).await;
    }
    let planted = Planted(bodies.iter().map(|body| body.to_vec()).collect());
    let data = broker.folder.path().join("data");
    assert!(planted.is_in(&data));
    let receipt = discard(&desk.jobcenter, desk.main).await.unwrap();
    assert_eq!(discard(&desk.jobcenter, desk.main).await.unwrap(), receipt, "idempotent");
    for later in [desk.part(), desk.message()] {
        let refused = desk.jobcenter.send(&later).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_UPLOAD_DISCARDED");
    }
    // Another agency's upload of the same name is another.
    let kasse_case = Case::with(desk.case.lotse.clone(), &[KRANKENKASSE], DRV).await;
    let kasse = RawClient::connect(broker.address(), KRANKENKASSE, "system").await;
    let kasse_reference = desk.case.lotse.reference_for(&kasse_case.reference, KRANKENKASSE).await;
    let draft = Draft { reference: kasse_reference, ..desk.part() };
    assert_eq!(kasse.send(&draft).await.unwrap().result(), v1::SubmitResult::Accepted);

    let broker = broker.restart(clock.clone()).await;
    desk.reconnect(&broker).await;
    let refused = desk.jobcenter.send(&desk.part()).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_UPLOAD_DISCARDED", "also after a restart");
    assert!(desk.fetched().await.is_empty());
    clock.advance(HOUR_MS + 1000);
    let mut rounds = 0;
    while planted.is_in(&data) {
        log(&broker).await;
        rounds += 1;
        assert!(rounds < 1000, "a body is still there");
    }
    let log = log(&broker).await;
    assert_eq!((count(&log, ENDED), count(&log, "upload discarded")), (3, 1));
    let handed_out = log.iter().filter(|word| word.starts_with("handed out")).count();
    assert_eq!(handed_out, 0);
}

async fn recall(desk: &Desk) -> v1::RecallOutcome {
    let request =
        v1::RecallMessagesRequest { message_ids: vec![Bytes::copy_from_slice(&desk.main)] };
    let mut client = DeliveryServiceClient::new(desk.jobcenter.channel.clone());
    client.recall_messages(request).await.unwrap().into_inner().outcomes.remove(0)
}

/// Who says that a message is not its own gets no more of its parts.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_takes_its_parts_with_it() {
    let broker = TestBroker::start().await;
    let mut desk = Desk::open(&broker).await;
    let mut sent = Vec::new();
    for _ in 0..2 {
        sent.push(desk.accepted(&desk.part()).await);
    }
    let main = desk.accepted(&desk.message()).await;
    sent.push(main);
    assert_eq!(desk.fetched().await, sent);
    desk.drv.acknowledge(vec![sent[0]]).await.unwrap();
    let request = v1::RejectMessagesRequest {
        message_numbers: vec![main],
        reason: v1::DeadLetterReason::Misdirected.into(),
    };
    let mut deliveries = DeliveryServiceClient::new(desk.drv.channel.clone());
    deliveries.reject_messages(request).await.unwrap();
    assert_eq!(count(&log(&broker).await, ENDED), 1, "the part that was not taken over");
    for _ in 0..2 {
        desk.accepted(&desk.part()).await;
    }
    assert_eq!(count(&log(&broker).await, ENDED), 3, "parts that come later end at once");
    let broker = broker.restart(Arc::new(SystemClock)).await;
    desk.reconnect(&broker).await;
    desk.accepted(&desk.part()).await;
    assert!(desk.fetched().await.is_empty(), "also after a restart");
    assert_eq!(count(&log(&broker).await, ENDED), 4);
}

/// A file beside a professional secret is one: without the release nothing of either leaves.
#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_a_professional_secret_are_secrets() {
    let broker = TestBroker::start().await;
    let desk = Desk::open(&broker).await;
    let released = release(&desk.case.reference, DRV);
    desk.case.lotse.record_release(&released).await.unwrap();
    let secret = |draft: Draft| Draft { professional_secret: true, ..draft };
    desk.accepted(&desk.part()).await;
    let part = desk.accepted(&secret(desk.part())).await;
    let main = desk.accepted(&secret(desk.message())).await;
    assert_eq!(count(&log(&broker).await, ENDED), 1, "the part that is no secret");
    desk.accepted(&desk.part()).await;
    assert_eq!(count(&log(&broker).await, ENDED), 2, "also one that comes later");
    assert_eq!(desk.fetched().await, [part, main]);
    desk.case.lotse.revoke_release(&released).await.unwrap();
    assert!(desk.fetched().await.is_empty());
}

/// A recall of the main message takes its parts with it: what waits or was handed out comes no more, and what
/// comes later is refused, also after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_recall_takes_the_parts_with_it() {
    let broker = TestBroker::start().await;
    let mut desk = Desk::open(&broker).await;
    let first = desk.accepted(&desk.part()).await;
    desk.accepted(&desk.part()).await;
    desk.accepted(&desk.message()).await;
    let deliveries = desk.drv.fetch("zentrale", 1).await;
    assert_eq!(deliveries[0].message_number, first);
    let recalled = recall(&desk).await;
    assert_eq!(recalled.result(), v1::RecallResult::Recalled);
    assert!(desk.fetched().await.is_empty());
    let refused = desk.jobcenter.send(&desk.part()).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_UPLOAD_DISCARDED");
    assert_eq!(recall(&desk).await, recalled, "idempotent");
    let broker = broker.restart(Arc::new(SystemClock)).await;
    desk.reconnect(&broker).await;
    assert_eq!(recall(&desk).await, recalled, "also after a restart");
    let refused = desk.jobcenter.send(&desk.part()).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_UPLOAD_DISCARDED");
    assert!(desk.fetched().await.is_empty());
    let given_up = log(&broker).await;
    assert_eq!((count(&given_up, ENDED), count(&given_up, "upload discarded")), (2, 1));

    // A recall of a message that has no parts gives nothing up.
    let desk = Desk { main: random(), ..desk };
    desk.accepted(&desk.message()).await;
    recall(&desk).await;
    let desk = Desk { main: random(), ..desk };
    let unknown = recall(&desk).await;
    assert_eq!(unknown.result(), v1::RecallResult::Unknown);
    let part = desk.accepted(&desk.part()).await;
    let main = desk.accepted(&desk.message()).await;
    assert_eq!(desk.fetched().await, [part, main], "what was not known is sent as ever");
    assert_eq!(count(&log(&broker).await, "upload discarded"), 1);
}

/// An upload can be given up before anything of it has come, and whatever has come, the answer is alike.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_come_of_an_upload_does_not_show_in_the_answer() {
    let broker = TestBroker::start().await;
    let desk = Desk::open(&broker).await;
    let bare = |receipt: v1::Receipt| (receipt.leaf_hash.len(), receipt.record_number > 0);
    let nothing = bare(discard(&desk.jobcenter, desk.main).await.unwrap());
    let refused = desk.jobcenter.send(&desk.part()).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_UPLOAD_DISCARDED");
    let desk = Desk { main: random(), ..desk };
    desk.accepted(&desk.part()).await;
    let main = desk.accepted(&desk.message()).await;
    let known = bare(discard(&desk.jobcenter, desk.main).await.unwrap());
    assert_eq!(nothing, known);
    // What was accepted as a message of its own stays; its part has not left and does not.
    assert_eq!(desk.fetched().await, [main]);
    let wrong = v1::DiscardPartsRequest { message_id: Bytes::from_static(&[1; 15]) };
    let refused = uploads(&desk.jobcenter).discard_parts(wrong).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_learns_its_own_outcomes_again_and_nobody_elses() {
    let broker = TestBroker::start().await;
    let desk = Desk::open(&broker).await;
    let (accepted, refused, unknown): ([u8; 16], [u8; 16], [u8; 16]) =
        (random(), random(), random());
    let mut part = desk.part();
    part.message_id = Some(accepted);
    let number = desk.accepted(&part).await;
    let mut part = desk.part();
    (part.message_id, part.categories) = (Some(refused), vec!["gesundheit".into()]);
    desk.jobcenter.send(&part).await.unwrap();
    desk.case.lotse.revoke(&desk.case.consent).await.unwrap();
    let ask = async |client: &RawClient, ids: &[[u8; 16]]| {
        let message_ids = ids.iter().map(|id| Bytes::copy_from_slice(id)).collect();
        uploads(client).read_outcomes(v1::ReadOutcomesRequest { message_ids }).await
    };
    let ids = [accepted, refused, unknown];
    let outcomes = ask(&desk.jobcenter, &ids).await.unwrap().into_inner().outcomes;
    let results: Vec<v1::SubmitResult> = outcomes.iter().map(|one| one.result()).collect();
    use v1::SubmitResult::{Accepted, NotCovered, Unspecified};
    assert_eq!(results, [Accepted, NotCovered, Unspecified], "what became of it does not matter");
    assert_eq!(outcomes[0].receipt.as_ref().unwrap().record_number, number);
    let foreign = ask(&desk.drv, &ids).await.unwrap().into_inner().outcomes;
    assert!(foreign.iter().all(|one| one.result() == Unspecified && one.receipt.is_none()));
    for wrong in [vec![], vec![unknown; 257]] {
        let refused = ask(&desk.jobcenter, &wrong).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_parts_are_checked_and_waiting_parts_leave_room_for_messages() {
    let broker =
        TestBroker::with(Pki::shared(), Arc::new(SystemClock), "queue_messages_max = 8\n").await;
    let desk = Desk::open(&broker).await;
    let mut own = desk.part();
    own.message_id = own.part_of;
    let refused = desk.jobcenter.send(&own).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
    for _ in 0..6 {
        desk.accepted(&desk.part()).await;
    }
    let refused = desk.jobcenter.send(&desk.part()).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_OVERLOADED");
    let main = desk.accepted(&desk.message()).await;
    let deliveries = desk.drv.fetch("zentrale", 10).await;
    assert_eq!(deliveries.len(), 7);
    assert_eq!(deliveries[6].message_number, main);
    assert_eq!(label(&deliveries[0]).part_of.as_ref(), desk.main);
    assert!(label(&deliveries[6]).part_of.is_empty());
    assert!(label(&deliveries[0]).expires_at_ms > now_ms());
}
