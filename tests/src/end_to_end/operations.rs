//! The broker as its operator sees it: processes, exit codes, the index, two brokers on one folder.

use std::process::Command;
use std::sync::Arc;

use schleuse_broker::engine::SystemClock;
use schleuse_proto::v1;

use crate::broker::{BrokerProcess, TestBroker, program, write_config};
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, RawClient};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_serves_drains_and_its_journal_checks_out() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), Pki::shared().path(), "");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let case = Case::open(broker.address).await;
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    let second = BrokerProcess::start(folder.path()).unwrap_err();
    assert!(second.contains("is in use by another broker"), "{second}");
    assert_eq!(broker.terminate(), Some(0));
    let fsck = Command::new(program("schleuse-broker"))
        .args(["fsck", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8(fsck.stdout).unwrap();
    assert!(fsck.status.success() && said.contains("the journal is whole: 5 records"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_data_ends_with_the_exit_code_that_forbids_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), Pki::shared().path(), "");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let case = Case::open(broker.address).await;
    case.lotse.register().await;
    assert_eq!(broker.terminate(), Some(0));
    let segment = folder.path().join("data/segment-00000000.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[700] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    let refused = BrokerProcess::start(folder.path()).unwrap_err();
    assert!(refused.contains("exit status: 78") && refused.contains("is damaged"), "{refused}");
    assert_eq!(std::fs::read(&segment).unwrap(), bytes, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_index_the_broker_answers_the_same() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    for _ in 0..150 {
        let mut messages: Vec<_> = (0..32)
            .map(|_| Draft::new(&case.jobcenter_reference, DRV).message(JOBCENTER))
            .collect();
        jobcenter.seal_batch(&mut messages);
        jobcenter.submit(messages).await.unwrap();
    }
    let request = v1::QueryLogRequest {
        reason: "comparison of answers".to_owned(),
        filter: Some(v1::LogFilter {
            agencies: vec![DRV.to_owned()],
            types: vec![v1::RecordType::MessageDecided.into()],
            ..v1::LogFilter::default()
        }),
        max_rows: 100_000,
        ..v1::QueryLogRequest::default()
    };
    let ask = |address| {
        let request = request.clone();
        async move {
            let dpo = RawClient::connect(address, "projekt", "dpo").await;
            dpo.query(request).await.unwrap().0
        }
    };
    let before = ask(broker.address()).await;
    assert_eq!(before.len(), 150 * 32);
    let TestBroker { server, folder } = broker;
    server.drain().await;
    let index = folder.path().join("data/index");
    for damage in ["removed", "garbage"] {
        if damage == "removed" {
            std::fs::remove_dir_all(&index).unwrap();
        } else {
            for entry in std::fs::read_dir(&index).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    std::fs::write(path, b"garbage").unwrap();
                }
            }
        }
        let server = TestBroker::open(folder.path(), Arc::new(SystemClock)).await.unwrap();
        assert_eq!(ask(server.address()).await, before, "{damage}");
        server.drain().await;
    }
}

#[test]
fn production_refuses_development_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), Pki::shared().path(), "");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"development\"", "\"production\"")).unwrap();
    let refused = BrokerProcess::start(folder.path()).unwrap_err();
    assert!(refused.contains("is of the development PKI"), "{refused}");
}

#[test]
fn a_configuration_names_agencies_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let place = "[[places]]\njobcenter = \"jobcenter-stadt-regensburg\"\ncount = 30\n";
    let config = write_config(folder.path(), Pki::shared().path(), place);
    let check = || {
        let mut command = Command::new(program("schleuse-broker"));
        let output = command.args(["check-config", "--config"]).arg(&config).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(check(), (Some(0), String::new()));
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("\"jobcenter-stadt-regensburg\"", "\"jobcenter-x\"");
    std::fs::write(&config, text.replace("\"projekt\"", "\"project\"")).unwrap();
    let (code, said) = check();
    assert_eq!(code, Some(2), "{said}");
    for fault in ["project_agency = \"project\": ", "places.jobcenter = \"jobcenter-x\": "] {
        assert!(said.contains(fault), "{fault} not in {said}");
    }
}

#[test]
fn the_descriptor_set_names_every_service() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("schleuse.binpb");
    let status = Command::new(program("schleuse-broker"))
        .args(["descriptor", "--out"])
        .arg(&out)
        .status()
        .unwrap();
    assert!(status.success());
    let text = String::from_utf8_lossy(&std::fs::read(out).unwrap()).into_owned();
    for service in ["MessageService", "ConsentService", "AccessLogService", "CheckpointService"] {
        assert!(text.contains(service));
    }
}

/// INVARIANT (blind): not even at the most talkative level does the log, and never does an error, say
/// what a message holds or whom it is about.
#[tokio::test(flavor = "multi_thread")]
async fn log_and_errors_tell_nothing_about_messages_and_participants() {
    const CANARY: &str = "Kanarienvogel-Befund-F32.2";
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), Pki::shared().path(), "");
    let broker = BrokerProcess::start_logging(folder.path(), "trace").unwrap();
    let case = Case::open(broker.address).await;
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address, DRV, "system").await;
    let drv_reference = case.lotse.reference_for(&case.reference, DRV).await;
    let mut draft = Draft::new(&case.jobcenter_reference, DRV);
    draft.body = CANARY.into();
    jobcenter.send(&draft).await.unwrap();
    let deliveries = drv.fetch("zentrale", 1).await;
    assert_eq!(deliveries[0].participant_reference, drv_reference);
    assert_eq!(deliveries[0].sealed.as_ref().unwrap().ciphertext, CANARY);
    let mut errors = Vec::new();
    for faulty in [
        // An unknown code is named to whoever sent it; the rest of the message is not.
        Draft { purpose: "unbekannt".into(), ..draft.clone() },
        Draft { categories: vec!["unbekannt".into()], ..draft.clone() },
        Draft { reference: CANARY.into(), ..draft.clone() },
        Draft { created_at_ms: 0, ..draft.clone() },
    ] {
        errors.push(format!("{:?}", jobcenter.send(&faulty).await.unwrap_err()));
    }
    let mut forged = jobcenter.message(&draft);
    forged.sealed.as_mut().unwrap().ciphertext = format!("{CANARY}!").into();
    errors.push(format!("{:?}", jobcenter.submit(vec![forged]).await.unwrap_err()));
    case.lotse.revoke(&case.consent).await.unwrap();
    jobcenter.send(&draft).await.unwrap();
    assert_eq!(broker.terminate(), Some(0));
    let log = std::fs::read_to_string(folder.path().join("broker.log")).unwrap();
    assert!(log.contains("\"level\":\"TRACE\"") && log.lines().count() > 100, "it did log");
    let references = [case.reference.as_str(), &case.jobcenter_reference];
    for secret in [CANARY, references[0], references[1], &drv_reference] {
        assert!(!log.contains(secret), "the log tells {secret}");
        assert!(!errors.iter().any(|error| error.contains(secret)), "an error tells {secret}");
    }
}
