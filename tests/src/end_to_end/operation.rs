//! How the broker is, over real TLS: for operators and officers, and true after what changes it.

use std::sync::Arc;

use prost::Message as _;
use schleuse_broker::engine::SystemClock;
use schleuse_proto::v1;
use schleuse_proto::v1::CertificateUse::{Broker, BrokerChain, Issuer, Root};

use super::reason;
use super::site::Site;
use crate::broker::{TestBroker, TestClock};
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, LOTSE_AGENCY, RawClient};

const DAY_MS: i64 = 86_400_000;

async fn status(client: &RawClient) -> v1::ShowStatusResponse {
    client.operation().show_status(v1::ShowStatusRequest {}).await.unwrap().into_inner()
}

async fn operator(broker: &TestBroker, pki: &Pki) -> RawClient {
    RawClient::with(pki, broker.address(), "betrieb", "operator").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_officers_see_how_the_broker_is_and_nobody_else() {
    let broker = TestBroker::start().await;
    for (agency, name, may) in [
        ("betrieb", "operator", true),
        ("projekt", "dpo", true),
        (DRV, "dpo", true),
        (JOBCENTER, "system", false),
        (LOTSE_AGENCY, "lotse-l-01", false),
        ("oth-regensburg", "evaluation", false),
    ] {
        let client = RawClient::connect(broker.address(), agency, name).await;
        let answer = client.operation().show_status(v1::ShowStatusRequest {}).await;
        match answer {
            Ok(_) => assert!(may, "{agency} {name}"),
            Err(status) => {
                assert!(!may, "{agency} {name}: {status}");
                assert_eq!(reason(&status), "ERROR_REASON_ROLE_NOT_PERMITTED");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_follow_what_happens() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "streams_max = 77").await;
    let operator = operator(&broker, Pki::shared()).await;
    let before = status(&operator).await;
    let (log, build) = (before.log.unwrap(), before.build.clone().unwrap());
    assert_eq!((log.size, log.epoch, log.behind), (1, 1, false));
    assert_eq!(log.started_ms, clock.now_ms());
    assert_eq!(build.profile(), v1::BrokerProfile::Development);
    assert_eq!(build.version, env!("CARGO_PKG_VERSION"));
    assert!(before.permits.unwrap().possible);
    let quorum = before.witnesses.clone().unwrap();
    assert!(quorum.witnesses.is_empty() && quorum.quorum_met && quorum.quorum_required == 0);
    let queues = before.queues.unwrap();
    assert_eq!((queues.connections, queues.calls, queues.streams), (1, 1, 0));
    assert_eq!((queues.messages, queues.message_bytes, queues.streams_max), (0, 0, 77));
    assert!(queues.mailbox_messages_max > 0 && queues.mailbox_bytes_max > 0);
    let volume = before.volume.unwrap();
    assert!(volume.free_bytes.unwrap() > 0);
    assert_eq!(volume.reserve_bytes, 64 * 1024 * 1024);

    clock.advance(5_000);
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    draft.created_at_ms = clock.now_ms();
    for _ in 0..3 {
        jobcenter.send(&draft).await.unwrap();
    }
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let taken = drv.fetch("zentrale", 1).await;
    drv.acknowledge(vec![taken[0].message_number]).await.unwrap();
    let after = status(&operator).await;
    let queues = after.queues.unwrap();
    assert_eq!(queues.messages, 2, "one was taken up");
    let bytes = drv.fetch("zentrale", 10).await;
    let bytes: usize = bytes.iter().map(|it| ciphertext(it) + 65).sum();
    assert_eq!(queues.message_bytes, bytes as u64);
    assert_eq!(queues.connections, 4);
    let now = after.log.unwrap();
    assert_eq!((now.epoch, now.started_ms), (log.epoch, log.started_ms));
    assert_eq!(now.newest_record_ms, clock.now_ms());
    assert_eq!(now.checkpoint_ms, clock.now_ms());
    assert!(now.size > log.size);
}

fn ciphertext(delivery: &v1::Delivery) -> usize {
    delivery.sealed.as_ref().unwrap().ciphertext.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_counts_and_a_status_leaves_no_record() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let client = operator(&broker, Pki::shared()).await;
    let before = status(&client).await.log.unwrap();
    assert_eq!(status(&client).await.log.unwrap(), before, "asking leaves no record");
    drop(client);
    clock.advance(60_000);
    let broker = broker.restart(clock.clone()).await;
    let after = status(&operator(&broker, Pki::shared()).await).await.log.unwrap();
    assert_eq!(after.epoch, before.epoch + 1);
    assert_eq!(after.started_ms, before.started_ms + 60_000);
    assert_eq!(after.size, before.size + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_lists_tell_until_when_they_hold() {
    let pki = Pki::new();
    let broker = TestBroker::with(&pki, Arc::new(SystemClock), "").await;
    let client = operator(&broker, &pki).await;
    let before = status(&client).await;
    let uses: Vec<_> = before.certificates.iter().map(|it| it.r#use()).collect();
    assert_eq!(uses[..3], [Broker, BrokerChain, Root]);
    assert!(uses[3..].iter().all(|of| *of == Issuer));
    let of_drv = before.certificates.iter().filter(|it| it.agencies == [DRV]).count();
    assert_eq!(of_drv, 1, "{:?}", before.certificates);
    let root = before.certificates[2].clone();
    assert_eq!(root.subject, root.issuer);
    for certificate in &before.certificates {
        assert!(certificate.not_before_ms < before.time_ms, "{certificate:?}");
        assert!(certificate.not_after_ms > before.time_ms, "{certificate:?}");
    }
    // One of the root and of each CA.
    assert_eq!(before.revocation_lists.len(), before.certificates.len() - 1);

    let now = u64::try_from(before.time_ms).unwrap();
    schleuse_certs_dev::revoke(pki.path(), JOBCENTER, &[], 9, now, now + 3 * 86_400_000).unwrap();
    schleuse_certs_dev::issue_broker(pki.path(), now, 11).unwrap();
    broker.server.edge().tls().reload().unwrap();
    let after = status(&client).await;
    let changed = |one: &v1::RevocationListStatus| !before.revocation_lists.contains(one);
    let changed: Vec<_> = after.revocation_lists.iter().filter(|list| changed(list)).collect();
    let [list] = changed.as_slice() else { panic!("{changed:?}") };
    let ends_in = list.next_update_ms - before.time_ms;
    assert!((3 * DAY_MS - 1_000..=3 * DAY_MS).contains(&ends_in), "{list:?}");
    assert_eq!(list.number, 9);
    assert_ne!(after.certificates[0].not_after_ms, before.certificates[0].not_after_ms);
    assert_eq!(after.certificates[1..], before.certificates[1..]);
}

/// What the status says of a log that was rolled back, or of a clock that was set back.
#[tokio::test(flavor = "multi_thread")]
async fn what_forbids_permits_is_named() {
    let clock = TestClock::starting_now();
    let broker = TestBroker::with(Pki::shared(), clock.clone(), "").await;
    let client = operator(&broker, Pki::shared()).await;
    clock.set_back(60_000);
    // The sequencer looks at the clock with the next command.
    client.planning().list_tasks(v1::ListTasksRequest {}).await.unwrap();
    let permits = status(&client).await.permits.unwrap();
    assert!(permits.clock_set_back && !permits.possible && !permits.log_behind, "{permits:?}");
    clock.advance(120_000);
    client.planning().list_tasks(v1::ListTasksRequest {}).await.unwrap();
    assert!(status(&client).await.permits.unwrap().possible);
    let folder = broker.folder.path().join("data").join("restored");
    drop(client);
    let TestBroker { server, folder: data } = broker;
    server.drain().await;
    std::fs::write(folder, b"").unwrap();
    let server = TestBroker::open(data.path(), clock).await.unwrap();
    let broker = TestBroker { server, folder: data };
    let status = status(&operator(&broker, Pki::shared()).await).await;
    let permits = status.permits.unwrap();
    assert!(status.log.unwrap().behind && permits.log_behind && !permits.possible);
}

/// INVARIANT (blind): no text of the answer but names of certificates, agencies of CAs and the version.
#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_nothing_about_a_case() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    jobcenter.send(&draft).await.unwrap();
    let client = operator(&broker, Pki::shared()).await;
    let mut answer = status(&client).await;
    answer.certificates.clear();
    answer.revocation_lists.clear();
    let bytes = answer.encode_to_vec();
    let text = String::from_utf8_lossy(&bytes);
    for planted in [&*case.reference, &*case.jobcenter_reference, JOBCENTER, DRV, "fallkonferenz"] {
        assert!(!text.contains(planted), "{planted}");
    }
}

#[test]
fn the_program_shows_it_as_a_table_and_as_json() {
    let site = Site::start();
    let value = site.ask("betrieb", "operator", &["operator", "status"]);
    assert_eq!(value["profile"], "development");
    assert_eq!(value["permits"]["possible"], true);
    assert_eq!(value["log"]["epoch"], 1);
    assert_eq!(value["certificates"][0]["use"], "broker");
    let text = site.text("projekt", "dpo", &["operator", "status"]);
    for line in ["records", "quorum", "connections", "reserve", "next update"] {
        assert!(text.contains(line), "{line} not in {text}");
    }
}
