//! Releases from professional secrecy, objections, reviews, deputies, another Lotse, and the end of participation.

mod cli;

use prost::Message as _;
use schleuse_proto::v1;
use schleuse_proto::v1::preview_change_request::Change;

use super::{reason, words};
use crate::broker::{BrokerProcess, TestBroker, TestClock, program, write_config};
use crate::pki::Pki;
use crate::race::{self, Ends};
use crate::raw::{
    Case, DRV, Draft, JOBCENTER, LOTSE_AGENCY, RawClient, address, consent, grant, objection,
    release,
};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: u64 = 24 * 3_600_000;

async fn parties(broker: &TestBroker) -> (Case, RawClient, RawClient) {
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    (case, jobcenter, drv)
}

async fn project_log(broker: &TestBroker) -> Vec<String> {
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    words(&dpo.whole_log().await)
}

async fn is_accepted(sender: &RawClient, draft: &Draft) -> bool {
    sender.send(draft).await.unwrap().result() == v1::SubmitResult::Accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_professional_secret_needs_a_release_besides_the_consent() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let mut secret = Draft::new(&case.jobcenter_reference, DRV);
    secret.professional_secret = true;
    assert!(!is_accepted(&jobcenter, &secret).await, "no release");
    let mut narrow = release(&case.reference, DRV);
    narrow.purposes = vec!["hilfeplanung".into()];
    case.lotse.record_release(&narrow).await.unwrap();
    assert!(!is_accepted(&jobcenter, &secret).await, "a release for another purpose");
    let released = release(&case.reference, DRV);
    let first = case.lotse.record_release(&released).await.unwrap();
    assert_eq!(case.lotse.record_release(&released).await.unwrap().receipt, first.receipt);
    assert!(is_accepted(&jobcenter, &secret).await);
    assert!(is_accepted(&jobcenter, &Draft::new(&case.jobcenter_reference, DRV)).await, "open");
    assert_eq!(drv.fetch("zentrale", 1).await.len(), 1, "the secret, decided again");
    // The holder is a function, not an agency.
    let mut other = secret.clone();
    other.sender_function = "andere".into();
    assert!(!is_accepted(&jobcenter, &other).await);
    // Two more wait; revoking the release stops them and leaves the open one.
    assert!(is_accepted(&jobcenter, &secret).await && is_accepted(&jobcenter, &secret).await);
    let preview = case.lotse.preview(Change::ReleaseId(released.release_id.clone())).await.unwrap();
    assert_eq!(preview.stopped_messages, 3, "one is out and not acknowledged");
    let revoked = case.lotse.revoke_release(&released).await.unwrap();
    assert_eq!(revoked.stopped_messages, 3);
    let again = case.lotse.revoke_release(&released).await.unwrap();
    assert_eq!((again.receipt, again.stopped_messages), (revoked.receipt, 0));
    assert!(!is_accepted(&jobcenter, &secret).await);
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 1, "what is no secret goes on");
    let listed = case.lotse.safeguards_of(&case.reference).await.unwrap();
    let states: Vec<_> = listed.releases.iter().map(|release| release.state()).collect();
    assert_eq!(states, [v1::SafeguardState::Active, v1::SafeguardState::Ended]);
    let log = project_log(&broker).await;
    assert!(log.contains(&"refused DENY_REASON_SECRECY_RELEASE_MISSING".to_owned()), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_catalogue_calls_a_secret_cannot_go_without_that_name() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, _) = parties(&broker).await;
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    draft.sender_function = "aerztlicher-dienst".into();
    let refused = jobcenter.send(&draft).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
    assert!(refused.message().contains("professional_secret"), "{refused:?}");
    // The same whether or not the participant exists: it follows from the catalogue alone.
    draft.reference = "aaaaaaaaaaaaaaaaaaaaaaaaaa".into();
    let nobody = jobcenter.send(&draft).await.unwrap_err();
    assert_eq!((nobody.message(), nobody.details()), (refused.message(), refused.details()));
    draft.reference = case.jobcenter_reference.clone();
    draft.professional_secret = true;
    assert!(!is_accepted(&jobcenter, &draft).await);
    let mut released = release(&case.reference, DRV);
    released.holder = Some(address(JOBCENTER, "aerztlicher-dienst"));
    case.lotse.record_release(&released).await.unwrap();
    assert!(is_accepted(&jobcenter, &draft).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objection_beats_every_consent_until_the_lotse_ends_it() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    assert!(is_accepted(&jobcenter, &draft).await);
    let mut narrow = objection(&case.reference);
    narrow.categories = vec!["wohnen".into()];
    assert_eq!(case.lotse.object(&narrow).await.unwrap().stopped_messages, 0);
    assert!(is_accepted(&jobcenter, &draft).await, "it is about something else");
    let whole = objection(&case.reference);
    let preview =
        case.lotse.preview(Change::Objection(whole.encode_to_vec().into())).await.unwrap();
    assert_eq!(preview.stopped_messages, 2);
    let rows: Vec<_> = preview.effects.iter().map(|row| row.sender.as_str()).collect();
    assert_eq!(rows.len(), 2, "the Jobcenter and the Lotse may send no more: {rows:?}");
    let recorded = case.lotse.object(&whole).await.unwrap();
    assert_eq!(recorded.stopped_messages, 2);
    assert_eq!(case.lotse.object(&whole).await.unwrap().receipt, recorded.receipt);
    assert!(!is_accepted(&jobcenter, &draft).await);
    assert!(drv.fetch("zentrale", 10).await.is_empty());
    // A new consent does not help.
    let more = consent(&case.reference, vec![grant(&[JOBCENTER], DRV)]);
    case.lotse.record_consent(&more).await.unwrap();
    assert!(!is_accepted(&jobcenter, &draft).await);
    case.lotse.end_objection(&whole).await.unwrap();
    assert!(is_accepted(&jobcenter, &draft).await);
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 1, "what was stopped stays so");
    let log = project_log(&broker).await;
    assert!(log.contains(&"refused DENY_REASON_OBJECTED".to_owned()), "{log:?}");
}

/// INVARIANT (uniform-refusal): nobody is told that somebody objects, left, or missed a review.
#[tokio::test(flavor = "multi_thread")]
async fn every_end_looks_the_same_to_a_sender_and_its_officer() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, _) = parties(&broker).await;
    let objecting = Case::with(case.lotse.clone(), &[JOBCENTER], DRV).await;
    case.lotse.object(&objection(&objecting.reference)).await.unwrap();
    let ended = Case::with(case.lotse.clone(), &[JOBCENTER], DRV).await;
    case.lotse.end_participation(&ended.reference).await.unwrap();
    let mut secret = Draft::new(&case.jobcenter_reference, DRV);
    secret.professional_secret = true;
    let drafts = [
        Draft::new("aaaaaaaaaaaaaaaaaaaaaaaaaa", DRV),
        Draft::new(&objecting.jobcenter_reference, DRV),
        Draft::new(&ended.jobcenter_reference, DRV),
        secret,
    ];
    let mut answers = Vec::new();
    for draft in &drafts {
        let mut outcome = jobcenter.send(draft).await.unwrap();
        assert_eq!(outcome.receipt.take().unwrap().leaf_hash.len(), 32);
        answers.push(outcome);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].result(), v1::SubmitResult::NotCovered);
    let dpo = RawClient::connect(broker.address(), JOBCENTER, "dpo").await;
    let rows = dpo.whole_log().await;
    assert!(rows.iter().all(|row| row.findings.is_empty() && row.document.is_empty()));
    let seen = words(&rows);
    assert_eq!(seen.iter().filter(|word| *word == "refused").count(), 4, "{seen:?}");
    assert!(!seen.iter().any(|word| word == "objection" || word == "ended"), "{seen:?}");
    let log = project_log(&broker).await;
    for why in ["UNKNOWN_PARTICIPANT", "OBJECTED", "ENDED", "SECRECY_RELEASE_MISSING"] {
        assert!(log.contains(&format!("refused DENY_REASON_{why}")), "{why} not in {log:?}");
    }
}

/// INVARIANT (revoke-strict): also for what ends coverage beside the consents, while messages are in flight.
#[tokio::test(flavor = "multi_thread")]
async fn no_delivery_follows_an_acknowledged_end() {
    let broker = TestBroker::start().await;
    for ends in [
        [Ends::ReleaseRevocation].as_slice(),
        [Ends::Objection].as_slice(),
        [Ends::Participation].as_slice(),
    ] {
        let ends: &'static [Ends] = Box::leak(ends.to_vec().into_boxed_slice());
        let report = race::race_by(broker.address(), 384, ends).await;
        assert_eq!(report.violations, 0, "{ends:?} {report:?}");
        assert!(report.delivered < 2 * report.races, "{ends:?} {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_end_nothing_passes_and_nothing_begins() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    assert!(is_accepted(&jobcenter, &draft).await);
    let preview = case.lotse.preview(Change::ParticipationOf(case.reference.clone())).await;
    assert_eq!(preview.unwrap().stopped_messages, 1);
    let ended = case.lotse.end_participation(&case.reference).await.unwrap();
    assert_eq!(ended.stopped_messages, 1);
    let again = case.lotse.end_participation(&case.reference).await.unwrap();
    assert_eq!((again.receipt, again.stopped_messages), (ended.receipt, 0));
    assert!(drv.fetch("zentrale", 10).await.is_empty());
    let more = consent(&case.reference, vec![grant(&[JOBCENTER], DRV)]);
    let refused = case.lotse.record_consent(&more).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_PARTICIPATION_ENDED");
    let refused = case.lotse.record_release(&release(&case.reference, DRV)).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_PARTICIPATION_ENDED");
    // Reading and ending go on.
    assert!(case.lotse.safeguards_of(&case.reference).await.unwrap().ended_at_ms > 0);
    case.lotse.revoke(&case.consent).await.unwrap();
    // Who comes back is registered anew.
    let anew = Case::with(case.lotse.clone(), &[JOBCENTER], DRV).await;
    assert!(is_accepted(&jobcenter, &Draft::new(&anew.jobcenter_reference, DRV)).await);
    // The same after a restart.
    let broker = broker.restart(std::sync::Arc::new(schleuse_broker::engine::SystemClock)).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    assert!(!is_accepted(&jobcenter, &draft).await);
}

fn deputy(reference: &str, person: &str) -> v1::ConsentDocument {
    let mut grant = grant(&[LOTSE_AGENCY], LOTSE_AGENCY);
    grant.recipient = Some(address(LOTSE_AGENCY, &format!("lotse-{person}")));
    grant.purpose = "vertretung".into();
    consent(reference, vec![grant])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deputy_acts_while_the_participant_agrees_and_under_its_own_name() {
    let broker = TestBroker::start().await;
    let (case, ..) = parties(&broker).await;
    let other = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-02").await;
    let before = other.safeguards_of(&case.reference).await.unwrap_err();
    let nobody = other.safeguards_of("aaaaaaaaaaaaaaaaaaaaaaaaaa").await.unwrap_err();
    assert_eq!(reason(&before), "ERROR_REASON_NOT_FOUND");
    assert_eq!((before.message(), before.details()), (nobody.message(), nobody.details()));
    let mut wrong = deputy(&case.reference, "l-02");
    wrong.grants[0].recipient = Some(address(DRV, "lotse-l-02"));
    let refused = case.lotse.record_consent(&wrong).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
    let appointed = deputy(&case.reference, "l-02");
    case.lotse.record_consent(&appointed).await.unwrap();
    assert!(other.safeguards_of(&case.reference).await.is_ok());
    // What a deputy may not.
    for refused in [
        other.record_consent(&deputy(&case.reference, "l-03")).await.map(drop).unwrap_err(),
        other.end_participation(&case.reference).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(reason(&refused), "ERROR_REASON_NOT_FOR_DEPUTY");
    }
    let request = v1::AssignLotseRequest {
        participant_reference: case.reference.clone(),
        lotse: "l-02".into(),
    };
    let refused = other.participants().assign_lotse(request).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_NOT_FOR_DEPUTY");
    // What it may, under its own name.
    let recorded = objection(&case.reference);
    let number = other.object(&recorded).await.unwrap().receipt.unwrap().record_number;
    let refused = other.end_objection(&recorded).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_NOT_FOUND", "the objection is to the deputy, too");
    case.lotse.end_objection(&recorded).await.unwrap();
    other.revoke(&case.consent).await.unwrap();
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let rows = dpo.whole_log().await;
    let row = rows.iter().find(|row| row.record_number == number).unwrap();
    let actor = v1::LogEntry::decode(row.body.clone()).unwrap().actor.unwrap();
    assert_eq!(actor.person, "l-02");
    case.lotse.revoke(&appointed).await.unwrap();
    let after = other.safeguards_of(&case.reference).await.unwrap_err();
    assert_eq!((after.message(), after.details()), (nobody.message(), nobody.details()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_lotse_sees_everything_and_the_former_nothing_at_once() {
    let broker = TestBroker::start().await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let other = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-02").await;
    let request = v1::AssignLotseRequest {
        participant_reference: case.reference.clone(),
        lotse: "l-02".into(),
    };
    case.lotse.participants().assign_lotse(request).await.unwrap();
    let list = v1::ListConsentsRequest { participant_reference: case.reference.clone() };
    let refused = case.lotse.consents().list_consents(list.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_NOT_FOUND");
    assert_eq!(
        reason(&case.lotse.revoke(&case.consent).await.unwrap_err()),
        "ERROR_REASON_NOT_FOUND"
    );
    let consents = other.consents().list_consents(list).await.unwrap().into_inner().consents;
    assert_eq!(consents.len(), 1);
    assert!(is_accepted(&jobcenter, &Draft::new(&case.jobcenter_reference, DRV)).await);
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 1, "the consents go on");
    other.revoke(&case.consent).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_review_suspends_at_its_instant_until_the_lotse_confirms() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let (case, jobcenter, drv) = parties(&broker).await;
    let mut soon = consent(&case.reference, vec![grant(&[JOBCENTER], DRV)]);
    soon.grants[0].recipient = Some(address(DRV, "reha"));
    soon.review_by_ms = soon.signed_at_ms + HOUR_MS;
    case.lotse.record_consent(&soon).await.unwrap();
    let draft = |days: u64| {
        let mut draft = Draft::new(&case.jobcenter_reference, DRV);
        draft.recipient = address(DRV, "reha");
        draft.created_at_ms += i64::try_from(days * DAY_MS).unwrap();
        draft
    };
    let due = |client: &RawClient| {
        let mut safeguards = client.safeguards();
        async move {
            let request = v1::ListReviewsRequest { within_days: 2 };
            let reviews = safeguards.list_reviews(request).await.unwrap().into_inner().reviews;
            reviews.iter().map(|review| review.state()).collect::<Vec<_>>()
        }
    };
    assert_eq!(due(&case.lotse).await, [v1::ReviewState::Due]);
    clock.advance(14 * DAY_MS);
    assert_eq!(due(&case.lotse).await, [v1::ReviewState::Overdue]);
    assert!(is_accepted(&jobcenter, &draft(14)).await, "the grace is not over");
    clock.advance(3_600_000 + 60_000);
    assert!(!is_accepted(&jobcenter, &draft(14)).await);
    assert_eq!(due(&case.lotse).await, [v1::ReviewState::Missed]);
    assert!(drv.fetch("reha", 10).await.is_empty(), "held");
    let mut confirmation = v1::ConfirmationDocument {
        consent_id: soon.consent_id.clone(),
        revision_hash: schleuse_proto::evidence::sha256(&[&soon.encode_to_vec()]).to_vec().into(),
        signed_at_ms: draft(14).created_at_ms,
        next_review_by_ms: draft(300).created_at_ms,
    };
    let confirm = |document: v1::ConfirmationDocument| {
        let bytes = bytes::Bytes::from(document.encode_to_vec());
        let signed = schleuse_proto::evidence::confirmation_signed_bytes(&bytes);
        let signature = Some(case.lotse.sign(&signed));
        let request = v1::ConfirmConsentRequest { document: bytes, signature };
        let mut consents = case.lotse.consents();
        async move { consents.confirm_consent(request).await }
    };
    let refused = confirm(confirmation.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_REVIEW_TOO_LATE");
    confirmation.next_review_by_ms = 0;
    confirm(confirmation).await.unwrap();
    assert_eq!(drv.fetch("reha", 10).await.len(), 1, "what was held goes on");
    assert!(is_accepted(&jobcenter, &draft(14)).await);
    assert!(due(&case.lotse).await.is_empty(), "the next review is months away");
    let log = project_log(&broker).await;
    assert!(log.contains(&"refused DENY_REASON_REVIEW_MISSED".to_owned()), "{log:?}");
    assert_eq!(log.iter().filter(|word| *word == "suspended").count(), 1, "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_beyond_representation_or_review_are_refused_clearly() {
    let broker = TestBroker::start().await;
    let (case, ..) = parties(&broker).await;
    let mut late = consent(&case.reference, vec![grant(&[JOBCENTER], DRV)]);
    late.review_by_ms = late.signed_at_ms + 200 * 24 * HOUR_MS;
    let refused = case.lotse.record_consent(&late).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_REVIEW_TOO_LATE");
    let mut given = v1::GivenBy {
        representative: true,
        scope: "Gesundheitssorge".into(),
        until_ms: 0,
        kind: v1::RepresentationKind::Betreuer.into(),
        categories: vec!["termine".into()],
        purposes: vec!["fallkonferenz".into()],
    };
    let document = |given: &v1::GivenBy| {
        let mut document = consent(&case.reference, vec![grant(&[JOBCENTER], DRV)]);
        document.grants[0].categories = vec!["termine".into()];
        document.given_by = Some(given.clone());
        document
    };
    case.lotse.record_consent(&document(&given)).await.unwrap();
    let ends = document(&given).grants[0].not_after_ms;
    type Fault = fn(&mut v1::GivenBy);
    let faults: [(Fault, &str); 3] = [
        (|given| given.purposes = vec!["hilfeplanung".into()], "grants.purpose"),
        (|given| given.categories = vec!["wohnen".into()], "grants.categories"),
        (|given| given.until_ms = 1, "grants.not_after_ms"),
    ];
    for (fault, field) in faults {
        let mut given = given.clone();
        fault(&mut given);
        if given.until_ms == 1 {
            given.until_ms = ends - HOUR_MS;
        }
        let refused = case.lotse.record_consent(&document(&given)).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_REPRESENTATION_EXCEEDED", "{field}");
        assert!(refused.message().starts_with(field), "{refused:?}");
    }
    given.kind = 0;
    let refused = case.lotse.record_consent(&document(&given)).await.unwrap_err();
    assert!(refused.message().starts_with("given_by.kind"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_all_of_it_verifies_offline() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), Pki::shared().path(), "");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let case = Case::open(broker.address).await;
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address, DRV, "system").await;
    let released = release(&case.reference, DRV);
    case.lotse.record_release(&released).await.unwrap();
    let mut secret = Draft::new(&case.jobcenter_reference, DRV);
    secret.professional_secret = true;
    assert!(is_accepted(&jobcenter, &secret).await);
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 1);
    case.lotse.revoke_release(&released).await.unwrap();
    assert!(!is_accepted(&jobcenter, &secret).await);
    let whole = objection(&case.reference);
    case.lotse.object(&whole).await.unwrap();
    let open = Draft::new(&case.jobcenter_reference, DRV);
    assert!(!is_accepted(&jobcenter, &open).await);
    case.lotse.end_objection(&whole).await.unwrap();
    assert!(is_accepted(&jobcenter, &open).await);
    case.lotse.end_participation(&case.reference).await.unwrap();
    assert!(!is_accepted(&jobcenter, &open).await);
    let export = folder.path().join("export.json");
    let pki = Pki::shared().path();
    let schleuse = |arguments: &[&str]| {
        let output = std::process::Command::new(program("schleuse"))
            .args(["--endpoint", &format!("https://localhost:{}", broker.address.port())])
            .arg("--trust")
            .arg(pki.join("trust.toml"))
            .arg("--certificate")
            .arg(pki.join("agencies/projekt/dpo.pem"))
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let faults = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}{faults}");
        text
    };
    let path = export.display().to_string();
    schleuse(&["dpo", "log", "--reason", "check of everything", "--export", &path]);
    let said = schleuse(&["verify", &path, "--complete"]);
    assert!(said.contains("safeguards") && !said.contains("FAILED"), "{said}");
    assert!(!said.contains("not recomputed"), "{said}");
}
