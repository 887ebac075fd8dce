//! Who sees what in the log, that rows prove themselves, and that nothing personal lies in the open.

use schleuse_proto::checkpoint::CheckpointVerifier;
use schleuse_proto::skeleton::{commitment, leaf_hash};
use schleuse_proto::v1;

use super::{reason, words};
use crate::broker::TestBroker;
use crate::pki::Pki;
use crate::raw::{BEZIRK, Case, DRV, Draft, JOBCENTER, RawClient};

fn query() -> v1::QueryLogRequest {
    v1::QueryLogRequest { reason: "quarterly control".to_owned(), ..v1::QueryLogRequest::default() }
}

fn filtered(filter: v1::LogFilter) -> v1::QueryLogRequest {
    v1::QueryLogRequest { filter: Some(filter), ..query() }
}

async fn exchanged(broker: &TestBroker) -> Case {
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    jobcenter.send(&Draft::new(&case.jobcenter_reference, BEZIRK)).await.unwrap();
    let delivery = &drv.fetch("zentrale", 10).await[0];
    drv.acknowledge(vec![delivery.message_number]).await.unwrap();
    case
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agencys_officer_sees_only_records_in_which_it_took_part() {
    let broker = TestBroker::start().await;
    exchanged(&broker).await;
    let expected: [(&str, &[&str]); 3] = [
        (
            JOBCENTER,
            &[
                "reference jobcenter-stadt-regensburg",
                "accepted",
                "refused",
                "handed out",
                "stage DELIVERY_STAGE_ACKNOWLEDGED",
                "queried",
            ],
        ),
        (
            DRV,
            &[
                "accepted",
                "mailbox read drv-bayern-sued/zentrale",
                "handed out",
                "stage DELIVERY_STAGE_ACKNOWLEDGED",
                "queried",
            ],
        ),
        // Of a message that was refused its recipient took no part, and does not learn of it.
        (BEZIRK, &["queried"]),
    ];
    for (agency, expected) in expected {
        let dpo = RawClient::connect(broker.address(), agency, "dpo").await;
        let (rows, end) = dpo.query(query()).await.unwrap();
        let seen = words(&rows);
        let seen: Vec<&str> =
            seen.iter().map(|w| w.split(" #").next().unwrap_or_default()).collect();
        assert_eq!(seen, expected, "{agency}");
        // Why something was not covered, and under which consent, is not for an agency.
        assert!(rows.iter().all(|row| row.findings.is_empty() && row.findings_salt.is_empty()));
        assert!(!end.unwrap().truncated);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lotse_sees_its_own_participants_and_nobody_elses() {
    let broker = TestBroker::start().await;
    let case = exchanged(&broker).await;
    let about = v1::QueryLogRequest { participant_reference: case.reference.clone(), ..query() };
    let (rows, _) = case.lotse.query(about.clone()).await.unwrap();
    assert!(rows.len() >= 6);
    assert!(rows.iter().all(|row| row.participant_reference == case.reference));
    let other = RawClient::connect(broker.address(), crate::raw::LOTSE_AGENCY, "lotse-l-02").await;
    assert_eq!(reason(&other.query(about).await.unwrap_err()), "ERROR_REASON_NOT_FOUND");
    assert_eq!(reason(&other.query(query()).await.unwrap_err()), "ERROR_REASON_INVALID_FIELD");
}

/// That a consent ended must not be readable in an agency that could sanction it.
#[tokio::test(flavor = "multi_thread")]
async fn no_agency_reads_that_a_consent_ended() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    assert_eq!(case.lotse.revoke(&case.consent).await.unwrap().stopped_messages, 1);
    jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    for agency in [JOBCENTER, DRV] {
        let dpo = RawClient::connect(broker.address(), agency, "dpo").await;
        let seen = words(&dpo.query(query()).await.unwrap().0);
        let tells =
            |word: &&String| ["stopped", "revoked", "REVOKED"].iter().any(|w| word.contains(w));
        assert_eq!(seen.iter().find(tells), None, "{agency}");
    }
    let about = v1::QueryLogRequest { participant_reference: case.reference.clone(), ..query() };
    for (client, request) in [
        (&case.lotse, about),
        (&RawClient::connect(broker.address(), "projekt", "dpo").await, query()),
    ] {
        let seen = words(&client.query(request).await.unwrap().0);
        for word in ["revoked", "stopped STOP_REASON_CONSENT_ENDED", "refused DENY_REASON_REVOKED"]
        {
            assert!(seen.iter().any(|seen| seen == word), "{word} not in {seen:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_bounds_and_reasons_are_checked() {
    let broker = TestBroker::start().await;
    exchanged(&broker).await;
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let (all, _) = dpo.query(query()).await.unwrap();
    let typed = filtered(v1::LogFilter {
        types: vec![v1::RecordType::HandedOut.into()],
        agencies: vec![DRV.to_owned()],
        ..v1::LogFilter::default()
    });
    let (rows, _) = dpo.query(typed).await.unwrap();
    assert_eq!(rows.len(), 1);
    let (rows, end) = dpo.query(v1::QueryLogRequest { max_rows: 2, ..query() }).await.unwrap();
    assert_eq!((rows.len(), end.unwrap().truncated), (2, true));
    let (rows, end) = dpo
        .query(v1::QueryLogRequest { max_rows: all.len() as u32 + 2 + 1, ..query() })
        .await
        .unwrap();
    assert_eq!((rows.len(), end.unwrap().truncated), (all.len() + 3, false));
    for request in [
        v1::QueryLogRequest { reason: "short".into(), ..query() },
        v1::QueryLogRequest { reason: "two\nlines of reason".into(), ..query() },
        v1::QueryLogRequest { max_rows: 100_001, ..query() },
        filtered(v1::LogFilter { types: vec![99], ..v1::LogFilter::default() }),
        filtered(v1::LogFilter { types: vec![1; 65], ..v1::LogFilter::default() }),
        filtered(v1::LogFilter { from_ms: -1, ..v1::LogFilter::default() }),
        filtered(v1::LogFilter { outcome: 9, ..v1::LogFilter::default() }),
        filtered(v1::LogFilter { purpose: "unbekannt".into(), ..v1::LogFilter::default() }),
        filtered(v1::LogFilter { agencies: vec!["Drv!".into()], ..v1::LogFilter::default() }),
        filtered(v1::LogFilter { agencies: vec![DRV.into(); 3], ..v1::LogFilter::default() }),
        filtered(v1::LogFilter { consent_id: vec![1; 15].into(), ..v1::LogFilter::default() }),
        filtered(v1::LogFilter {
            certificate_serial: vec![1; 21].into(),
            ..v1::LogFilter::default()
        }),
    ] {
        let refused = dpo.query(request).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
    }
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "dpo").await;
    let agencies = vec![BEZIRK.to_owned()];
    let foreign = filtered(v1::LogFilter { agencies, ..v1::LogFilter::default() });
    assert!(jobcenter.query(foreign).await.unwrap().0.is_empty());
    // Asking by consent would tell an agency's officer which consents there are.
    let consent_id = vec![1; 16].into();
    let by_consent = filtered(v1::LogFilter { consent_id, ..v1::LogFilter::default() });
    let refused = jobcenter.query(by_consent).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
}

/// INVARIANT (append-only): rows, leaf hashes and checkpoints fit together, checked offline.
#[tokio::test(flavor = "multi_thread")]
async fn rows_prove_themselves_against_the_signed_checkpoint() {
    let broker = TestBroker::start().await;
    exchanged(&broker).await;
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let (rows, end) = dpo.query(query()).await.unwrap();
    let trust = std::fs::read_to_string(Pki::shared().path().join("trust.toml")).unwrap();
    let trust: toml::Table = trust.parse().unwrap();
    let verifier = CheckpointVerifier::new(trust["log_key"].as_str().unwrap()).unwrap();
    let checkpoint = verifier.verify(&end.unwrap().checkpoint).unwrap();
    let request = v1::ReadLeafHashesRequest { first: 0, count: checkpoint.size };
    let mut stream = dpo.log().read_leaf_hashes(request).await.unwrap().into_inner();
    let mut hashes = Vec::new();
    while let Some(piece) = stream.message().await.unwrap() {
        hashes.extend(piece.leaf_hashes.chunks(32).map(|hash| <[u8; 32]>::try_from(hash).unwrap()));
    }
    assert_eq!(hashes.len() as u64, checkpoint.size);
    assert_eq!(crate::log_root(&hashes), checkpoint.root);
    for row in &rows {
        let skeleton: [u8; schleuse_proto::skeleton::SKELETON_BYTES] =
            row.skeleton.as_ref().try_into().unwrap();
        assert_eq!(leaf_hash(&skeleton), hashes[row.record_number as usize]);
        let salt: [u8; 16] = row.salt.as_ref().try_into().unwrap();
        assert_eq!(commitment(&salt, &row.body), skeleton[32..64]);
        let salt: [u8; 16] = row.findings_salt.as_ref().try_into().unwrap();
        assert_eq!(commitment(&salt, &row.findings), skeleton[64..96]);
    }
    let request = v1::ProveConsistencyRequest { old_size: 2, new_size: checkpoint.size };
    let proof = dpo.checkpoints().prove_consistency(request).await.unwrap().into_inner();
    let path: Vec<[u8; 32]> =
        proof.path.iter().map(|hash| hash.as_ref().try_into().unwrap()).collect();
    let older = schleuse_proto::checkpoint::SignedCheckpoint {
        size: 2,
        root: crate::log_root(&hashes[..2]),
        note: Vec::new(),
    };
    schleuse_proto::checkpoint::check_consistency(&older, &checkpoint, &path).unwrap();
    let forged = schleuse_proto::checkpoint::SignedCheckpoint { root: [0; 32], ..older };
    assert!(schleuse_proto::checkpoint::check_consistency(&forged, &checkpoint, &path).is_err());
}

/// INVARIANT (blind): planted words in bodies, and references, never lie in the open.
#[tokio::test(flavor = "multi_thread")]
async fn no_row_holds_a_pseudonym_or_a_foreign_reference() {
    let broker = TestBroker::start().await;
    let case = exchanged(&broker).await;
    let drv_reference = case.lotse.reference_for(&case.reference, DRV).await;
    let dpo = RawClient::connect(broker.address(), DRV, "dpo").await;
    let (rows, _) = dpo.query(query()).await.unwrap();
    for row in &rows {
        let text = String::from_utf8_lossy(&row.body).into_owned();
        for foreign in [&case.reference, &case.jobcenter_reference] {
            assert!(!text.contains(foreign.as_str()));
            assert_ne!(row.participant_reference, *foreign);
        }
        let own = [String::new(), drv_reference.clone()];
        assert!(own.contains(&row.participant_reference));
    }
}
