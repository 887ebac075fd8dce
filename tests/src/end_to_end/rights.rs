//! Restriction, erasure, holds and retention, and that nothing is left of what was erased.

use std::path::Path;
use std::sync::Arc;

use prost::Message as _;
use schleuse_broker::domain::event::Actor;
use schleuse_broker::domain::ids::AgencyId;
use schleuse_broker::engine::{RunSubject, SystemClock, Taken};
use schleuse_broker::journal::Contents;
use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint, check_inclusion};
use schleuse_proto::identity::Role;
use schleuse_proto::v1;

use super::{reason, words};
use crate::broker::{BrokerProcess, TestBroker, TestClock, program, write_config};
use crate::pki::Pki;
use crate::raw::{
    Case, DRV, Draft, JOBCENTER, LOTSE_AGENCY, RawClient, consent, erase, grant, officers, random,
};

const HOUR_MS: u64 = 3_600_000;

fn verifier() -> CheckpointVerifier {
    let trust = std::fs::read_to_string(Pki::shared().path().join("trust.toml")).unwrap();
    let trust: toml::Table = trust.parse().unwrap();
    CheckpointVerifier::new(trust["log_key"].as_str().unwrap()).unwrap()
}

async fn restrict(
    client: &RawClient,
    reference: &str,
    restricted: bool,
) -> Result<v1::Receipt, tonic::Status> {
    let request =
        v1::RestrictParticipantRequest { participant_reference: reference.to_owned(), restricted };
    let response = client.rights().restrict_participant(request).await?;
    Ok(response.into_inner().receipt.unwrap())
}

/// The project officer's reference of the participant about whom a record is.
async fn project_reference(dpo: &RawClient, record: u64) -> String {
    let rows = dpo.whole_log().await;
    rows[record as usize].participant_reference.clone()
}

/// INVARIANT (revoke-strict), for a restriction: nothing passes, nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_restriction_holds_everything_and_its_end_lets_it_go_on() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let waiting = jobcenter.send(&draft).await.unwrap();
    let number = waiting.receipt.unwrap().record_number;
    restrict(&case.lotse, &case.reference, true).await.unwrap();
    assert!(drv.fetch("zentrale", 10).await.is_empty());
    let refused = jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    assert_eq!(refused.result(), v1::SubmitResult::NotCovered);
    let list = v1::ListConsentsRequest { participant_reference: case.reference.clone() };
    let listed = case.lotse.consents().list_consents(list).await.unwrap().into_inner();
    assert!(listed.consents.iter().all(|one| one.restricted));
    // Nobody but the Lotse and the project's officer may end it.
    let dpo = RawClient::connect(broker.address(), DRV, "dpo").await;
    let denied = restrict(&dpo, &case.jobcenter_reference, false).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_PROJECT_DPO_ONLY");
    let project = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let [officer, _] = officers(broker.address()).await;
    let denied = officer.propose_erasure(&project_reference(&project, number).await).await;
    assert_eq!(reason(&denied.unwrap_err()), "ERROR_REASON_ON_HOLD");
    assert!(drv.fetch("zentrale", 10).await.is_empty());

    restrict(&case.lotse, &case.reference, false).await.unwrap();
    let deliveries = drv.fetch("zentrale", 10).await;
    let [delivery] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert_eq!((delivery.message_number, delivery.attempt), (number, 1));
    let log = words(&project.whole_log().await);
    for expected in ["restricted true", "restricted false", "refused DENY_REASON_RESTRICTED"] {
        assert!(log.contains(&expected.to_owned()), "{expected} not in {log:?}");
    }
    assert!(!log.iter().any(|word| word.starts_with("stopped")), "{log:?}");
}

/// A hand-out that is on its way when processing is restricted is cut or finished before the answer, and a
/// stream gets nothing afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_during_a_restriction_stops_what_it_held() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    restrict(&case.lotse, &case.reference, true).await.unwrap();
    assert!(drv.fetch("zentrale", 10).await.is_empty());
    let revoked = case.lotse.revoke(&case.consent).await.unwrap();
    assert_eq!(revoked.stopped_messages, 1);
    restrict(&case.lotse, &case.reference, false).await.unwrap();
    assert!(drv.fetch("zentrale", 10).await.is_empty());
}

/// Bytes that were planted with a participant; none of them may be found anywhere afterwards.
struct Planted(Vec<(&'static str, Vec<u8>)>);

impl Planted {
    /// Names of what is found in any file below a folder.
    fn found(&self, folder: &Path) -> Vec<&'static str> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let mut bytes = std::fs::read(&path).unwrap();
                // Segments and the reserve are mostly zeros that were never written.
                let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                bytes.truncate(used);
                for (name, planted) in &self.0 {
                    if bytes.windows(planted.len()).any(|window| window == planted) {
                        found.push(*name);
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = self.0.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    }
}

/// Checks a row and its proof as they were given before against a later checkpoint.
async fn still_proven(
    client: &RawClient,
    leaf: &[u8; 32],
    number: u64,
    checkpoint: &SignedCheckpoint,
) {
    let request =
        v1::ProveInclusionRequest { record_numbers: vec![number], log_size: checkpoint.size };
    let answer = client.checkpoints().prove_inclusion(request).await.unwrap().into_inner();
    let path: Vec<[u8; 32]> =
        answer.proofs[0].path.iter().map(|hash| hash.as_ref().try_into().unwrap()).collect();
    check_inclusion(checkpoint, number, leaf, &path).unwrap();
}

/// INVARIANT (erasure): nothing of an erased participant is found in any file, before and after a restart; every
/// receipt that was given still verifies; nobody else is touched.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_participant_is_left_and_every_receipt_still_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), Pki::shared().path(), "");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let other = Case::open(broker.address).await;
    let lotse = RawClient::connect(broker.address, LOTSE_AGENCY, "lotse-l-01").await;
    let reference = lotse.register().await;
    let sender_reference = lotse.reference_for(&reference, JOBCENTER).await;
    let mut document = consent(&reference, vec![grant(&[JOBCENTER, LOTSE_AGENCY], DRV)]);
    document.text.as_mut().unwrap().version = "gepflanzte-fassung-4711".to_owned();
    let evidence: [u8; 32] = random();
    document.evidence_hashes = vec![bytes::Bytes::copy_from_slice(&evidence)];
    let given = v1::GivenBy {
        representative: true,
        scope: "gepflanzter Umfang der Betreuung".to_owned(),
        kind: v1::RepresentationKind::Betreuer.into(),
        categories: vec!["termine".to_owned()],
        purposes: vec!["fallkonferenz".to_owned()],
        until_ms: 0,
    };
    document.given_by = Some(given);
    lotse.record_consent(&document).await.unwrap();
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address, DRV, "system").await;
    let project = RawClient::connect(broker.address, "projekt", "dpo").await;
    let mut draft = Draft::new(&sender_reference, DRV);
    let sealed: [u8; 64] = random();
    draft.body = bytes::Bytes::copy_from_slice(&sealed);
    let accepted = jobcenter.send(&draft).await.unwrap().receipt.unwrap();
    let delivered = drv.fetch("zentrale", 10).await.remove(0);
    drv.acknowledge(vec![delivered.message_number]).await.unwrap();
    let mut waiting = Draft::new(&sender_reference, DRV);
    let sealed_waiting: [u8; 64] = random();
    waiting.body = bytes::Bytes::copy_from_slice(&sealed_waiting);
    jobcenter.send(&waiting).await.unwrap();
    let mut uncovered = Draft::new(&sender_reference, DRV);
    uncovered.categories = vec!["gesundheit".to_owned()];
    jobcenter.send(&uncovered).await.unwrap();
    jobcenter.send(&Draft::new(&other.jobcenter_reference, DRV)).await.unwrap();
    let at_project = project_reference(&project, accepted.record_number).await;
    let query = v1::QueryLogRequest {
        reason: "gepflanzter Grund einer Abfrage".to_owned(),
        participant_reference: at_project.clone(),
        ..v1::QueryLogRequest::default()
    };
    project.query(query).await.unwrap();
    let before = project.whole_log().await;
    let own = v1::ReadOwnRecordsRequest { record_numbers: vec![accepted.record_number] };
    let kept = jobcenter.log().read_own_records(own.clone()).await.unwrap().into_inner();

    let raw = |text: &str| schleuse_broker::domain::ids::Reference::parse_text(text).unwrap();
    let mut planted = Planted(vec![
        ("consent id", document.consent_id.to_vec()),
        ("text version", b"gepflanzte-fassung-4711".to_vec()),
        ("evidence", evidence.to_vec()),
        ("scope", "gepflanzter Umfang".into()),
        ("lotse's reference", reference.clone().into_bytes()),
        ("sender's reference", raw(&sender_reference).bytes().to_vec()),
        ("project's reference", raw(&at_project).bytes().to_vec()),
        ("sealed message", sealed.to_vec()),
        ("waiting message", sealed_waiting.to_vec()),
        ("thread", draft.thread.to_vec()),
        ("refused thread", uncovered.thread.to_vec()),
        ("reason of a query", "gepflanzter Grund".into()),
    ]);
    let data = folder.path().join("data");
    assert_eq!(planted.found(&data), planted.names(), "everything is there before");

    let plan = project.preview_erasure(&at_project).await.unwrap().counts.unwrap();
    assert_eq!((planted.found(&data).len(), plan.stopped_messages), (planted.names().len(), 1));
    let officer = RawClient::connect(broker.address, JOBCENTER, "dpo").await;
    let denied = officer.propose_erasure(&sender_reference).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_PROJECT_DPO_ONLY");
    let [first, second] = officers(broker.address).await;
    let proposal = v1::ProposeRunRequest {
        kind: v1::RunKind::Erasure.into(),
        participant_reference: at_project.clone(),
        reason: "gepflanzter Vorschlag der Löschung".to_owned(),
    };
    let proposal = first.rights().propose_run(proposal).await.unwrap().into_inner();
    planted.0.push(("reason of a proposal", "gepflanzter Vorschlag".into()));
    assert_eq!(planted.found(&data), planted.names(), "nothing is erased yet");
    let erased = second.approve(proposal.run_number).await.unwrap().counts.unwrap();
    // The proposal, the stop of the waiting message and the beginning of the erasure came after the plan.
    assert_eq!(erased.records, plan.records + 3, "{plan:?} {erased:?}");
    assert_eq!(planted.found(&data), Vec::<&str>::new());

    // For everybody the participant is as unknown as one that never was.
    let gone = first.propose_erasure(&at_project).await.unwrap_err();
    assert_eq!(reason(&gone), "ERROR_REASON_NOT_FOUND");
    let refused = jobcenter.send(&Draft::new(&sender_reference, DRV)).await.unwrap();
    assert_eq!(refused.result(), v1::SubmitResult::NotCovered);
    let own_again = jobcenter.log().read_own_records(own).await.unwrap_err();
    assert_eq!(reason(&own_again), "ERROR_REASON_NOT_FOUND");
    let listed = lotse.participants().list_participants(v1::ListParticipantsRequest {}).await;
    assert_eq!(
        listed.unwrap().into_inner().participant_references,
        std::slice::from_ref(&other.reference)
    );
    // The other participant's message arrives.
    assert_eq!(drv.fetch("zentrale", 10).await.len(), 1);

    // Every row that was shown before still has its place; what was kept of it still verifies.
    let newest = v1::LatestCheckpointRequest::default();
    let newest = project.checkpoints().latest_checkpoint(newest).await.unwrap().into_inner();
    let checkpoint = verifier().verify(&newest.checkpoint).unwrap();
    for row in &before {
        let skeleton: [u8; 160] = row.skeleton.as_ref().try_into().unwrap();
        let leaf = schleuse_proto::skeleton::leaf_hash(&skeleton);
        still_proven(&project, &leaf, row.record_number, &checkpoint).await;
    }
    assert_eq!(kept.rows[0].skeleton, before[accepted.record_number as usize].skeleton);
    let after = project.whole_log().await;
    let is_about = |row: &v1::LogRow| row.participant_reference == at_project;
    for (old, new) in before.iter().zip(&after) {
        assert_eq!(old.skeleton, new.skeleton);
        assert_eq!(new.erased, is_about(old), "record {}", old.record_number);
        if new.erased {
            assert!(new.body.is_empty() && new.salt.is_empty() && new.findings.is_empty());
        } else {
            assert_eq!(old.body, new.body);
        }
    }

    assert_eq!(broker.terminate(), Some(0));
    assert_eq!(planted.found(&data), Vec::<&str>::new(), "after the end");
    let fsck = std::process::Command::new(program("schleuse-broker"))
        .args(["fsck", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8(fsck.stdout).unwrap();
    assert!(said.contains(&format!("{} records erased", erased.records)), "{said}");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    assert_eq!(planted.found(&data), Vec::<&str>::new(), "after a start");
    let project = RawClient::connect(broker.address, "projekt", "dpo").await;
    let rows = project.whole_log().await;
    assert_eq!(rows.iter().filter(|row| row.erased).count() as u64, erased.records);
    let lotse = RawClient::connect(broker.address, LOTSE_AGENCY, "lotse-l-01").await;
    let listed = lotse.participants().list_participants(v1::ListParticipantsRequest {}).await;
    assert_eq!(
        listed.unwrap().into_inner().participant_references,
        std::slice::from_ref(&other.reference)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_keeps_what_it_names_until_it_is_released() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let other = Case::with(case.lotse.clone(), &[JOBCENTER], DRV).await;
    let project = RawClient::connect(broker.address(), "projekt", "dpo").await;
    // Registration, references and consent of the first, then of the second.
    let of = |record| project_reference(&project, record);
    let (first, second) = (of(1).await, of(4).await);
    assert_ne!(first, second);
    let place = |reference: String| {
        let request = v1::PlaceHoldRequest {
            reason: "incident under investigation".to_owned(),
            participant_reference: reference,
        };
        let mut rights = project.rights();
        async move { rights.place_hold(request).await.unwrap().into_inner().hold_id }
    };
    let hold = place(first.clone()).await;
    let [officer, _] = officers(broker.address()).await;
    let denied = officer.propose_erasure(&first).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_ON_HOLD");
    let listed = project.rights().list_holds(v1::ListHoldsRequest {}).await.unwrap().into_inner();
    assert_eq!(listed.holds.len(), 1);
    assert_eq!(listed.holds[0].participant_reference, first);
    // It survives a restart.
    let broker = broker.restart(Arc::new(SystemClock)).await;
    let project = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let [officer, _] = officers(broker.address()).await;
    let denied = officer.propose_erasure(&first).await.unwrap_err();
    assert_eq!(reason(&denied), "ERROR_REASON_ON_HOLD");
    erase(broker.address(), &second).await;
    let release = |hold_id: bytes::Bytes| {
        let mut rights = project.rights();
        async move { rights.release_hold(v1::ReleaseHoldRequest { hold_id }).await }
    };
    release(hold.clone()).await.unwrap();
    assert_eq!(reason(&release(hold).await.unwrap_err()), "ERROR_REASON_NOT_FOUND");
    erase(broker.address(), &first).await;
    drop(other);
}

/// The payload of a finished message is destroyed after the grace, its record stays.
#[tokio::test(flavor = "multi_thread")]
async fn payloads_are_destroyed_after_their_grace() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let send = async |body: [u8; 64]| {
        let mut draft = Draft::new(&case.jobcenter_reference, DRV);
        draft.body = bytes::Bytes::copy_from_slice(&body);
        jobcenter.send(&draft).await.unwrap().receipt.unwrap().record_number
    };
    let (finished, waiting): ([u8; 64], [u8; 64]) = (random(), random());
    let number = send(finished).await;
    drv.fetch("zentrale", 10).await;
    drv.acknowledge(vec![number]).await.unwrap();
    send(waiting).await;
    let planted = Planted(vec![("finished", finished.to_vec()), ("waiting", waiting.to_vec())]);
    let data = broker.folder.path().join("data");
    clock.advance(HOUR_MS / 2);
    // A round of the sequencer later.
    case.lotse.reference_for(&case.reference, DRV).await;
    assert_eq!(planted.found(&data), ["finished", "waiting"]);
    clock.advance(HOUR_MS / 2 + 1000);
    let mut rounds = 0;
    while planted.found(&data) != ["waiting"] {
        case.lotse.reference_for(&case.reference, DRV).await;
        rounds += 1;
        assert!(rounds < 1000, "the payload is still there");
    }
    let broker = broker.restart(clock).await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let deliveries = drv.fetch_until_some().await;
    assert_eq!(deliveries[0].sealed.as_ref().unwrap().ciphertext.as_ref(), waiting);
    let project = RawClient::connect(broker.address(), "projekt", "dpo").await;
    assert!(words(&project.whole_log().await).contains(&"accepted".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_takes_whole_quarters_but_nothing_that_is_held() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let case = Case::open(broker.address()).await;
    let held = Case::with(case.lotse.clone(), &[JOBCENTER], DRV).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let mut old = Vec::new();
    for reference in [&case.jobcenter_reference, &held.jobcenter_reference] {
        let sent = jobcenter.send(&Draft::new(reference, DRV)).await.unwrap();
        old.push(sent.receipt.unwrap().record_number);
    }
    restrict(&held.lotse, &held.reference, true).await.unwrap();
    let [officer, second] = ["d-01", "d-02"].map(|person| Actor {
        agency: AgencyId::parse("projekt").unwrap(),
        role: Role::Dpo,
        person: Some(person.into()),
        serial: Arc::from([1_u8]),
    });
    let engine = broker.server.engine().clone();
    let preview = async || {
        let done = engine.preview_run(&officer, RunSubject::Retention).await.unwrap();
        let Taken::Retention(outdated) = done.taken else { panic!("{:?}", done.taken) };
        outdated
    };
    let nothing = preview().await;
    assert!(nothing.counts.is_empty() && nothing.participants == 0, "{nothing:?}");
    // Four years later nothing passes any more, and everything is due that is not held.
    clock.advance(4 * 366 * 24 * HOUR_MS);
    // What still waits expires with the first round.
    preview().await;
    let plan = preview().await;
    let decided = u8::try_from(i32::from(v1::RecordType::MessageDecided)).unwrap();
    assert_eq!(plan.counts[&decided].1, 1, "{plan:?}");
    assert_eq!(plan.participants, 1);
    let size = engine.reader().latest().size();
    let root = engine.reader().root(size).unwrap();
    let why = "what is four years old".to_owned();
    let run = engine.propose_run(&officer, RunSubject::Retention, why).await.unwrap().record;
    let Taken::Retention(run) = engine.approve_run(&second, run).await.unwrap().taken else {
        panic!("of the retention")
    };
    assert_eq!((run.participants, run.more), (1, false));
    let contents = |number: u64| engine.reader().record(number).unwrap().contents;
    assert_eq!(contents(old[0]), Contents::Erased);
    assert_eq!(contents(old[1]), Contents::Whole);
    assert_eq!(engine.reader().root(size).unwrap(), root);
    let again = preview().await;
    assert!(again.participants == 0 && !again.counts.contains_key(&decided), "{again:?}");
    drop(engine);
    let broker = broker.restart(clock).await;
    let reader = broker.server.engine().reader();
    assert_eq!(reader.record(old[0]).unwrap().contents, Contents::Erased);
    let entry = reader.record(old[1]).unwrap();
    assert!(v1::LogEntry::decode(entry.body).unwrap().event.is_some());
    assert_eq!(reader.root(size).unwrap(), root);
}

/// Contents that are gone without an erasure are damage, whatever the rest looks like.
#[tokio::test(flavor = "multi_thread")]
async fn contents_that_nobody_erased_are_missed() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let mut numbers = Vec::new();
    for _ in 0..3 {
        let sent = jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
        numbers.push(sent.receipt.unwrap().record_number);
    }
    let eraser = broker.server.engine().reader().clone().eraser();
    let TestBroker { server, folder } = broker;
    for (payload_only, said) in [(true, "its payload is gone"), (false, "its contents are gone")] {
        if payload_only {
            eraser.erase_payloads(&numbers[..1]).unwrap();
        } else {
            eraser.erase(&numbers[1..2]).unwrap();
        }
        let copy = tempfile::tempdir().unwrap();
        write_config(copy.path(), Pki::shared().path(), "");
        copy_folder(&folder.path().join("data"), &copy.path().join("data"));
        let refused = TestBroker::open(copy.path(), Arc::new(SystemClock)).await.err().unwrap();
        assert!(refused.is_integrity(), "{refused}");
        assert!(refused.to_string().contains(said), "{refused}");
    }
    server.drain().await;
}

/// Copies the files of a journal, not its index and lock.
pub(super) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("lock") {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}
