//! Every role × call cell over real TLS, and the identity in the records.

use bytes::Bytes;
use http::uri::PathAndQuery;
use schleuse_broker::edge::table::is_permitted;
use schleuse_proto::identity::Role;
use schleuse_proto::rpc::Rpc;
use schleuse_proto::v1;
use tonic::Code;
use tonic_prost::ProstCodec;

use super::reason;
use crate::broker::TestBroker;
use crate::raw::{LOTSE_AGENCY, RawClient};

const PEERS: [(Role, &str, &str); 5] = [
    (Role::System, "jobcenter-stadt-regensburg", "system"),
    (Role::Lotse, LOTSE_AGENCY, "lotse-l-01"),
    (Role::Dpo, "projekt", "dpo"),
    (Role::Operator, "betrieb", "operator"),
    (Role::Evaluation, "oth-regensburg", "evaluation"),
];

/// Calls any method with an empty message; what comes back tells whether the gate let it through.
async fn call(client: &RawClient, rpc: Rpc) -> Result<(), tonic::Status> {
    let mut grpc = tonic::client::Grpc::new(client.channel.clone());
    grpc.ready().await.unwrap();
    let codec: ProstCodec<v1::ListAgenciesRequest, v1::ListAgenciesRequest> = ProstCodec::default();
    let path = PathAndQuery::from_static(rpc.path());
    let request = tonic::Request::new(v1::ListAgenciesRequest {});
    // Streams end or begin; either way the gate has spoken.
    grpc.server_streaming(request, path, codec).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_permits_exactly_the_table() {
    let broker = TestBroker::start().await;
    let (mut permitted, mut refused) = (0, 0);
    for (role, agency, name) in PEERS {
        let client = RawClient::connect(broker.address(), agency, name).await;
        for rpc in Rpc::ALL.iter().copied() {
            let answer = call(&client, rpc).await;
            let stopped =
                answer.as_ref().is_err_and(|s| reason(s) == "ERROR_REASON_ROLE_NOT_PERMITTED");
            assert_eq!(!stopped, is_permitted(role, rpc), "{role:?} {rpc:?}: {answer:?}");
            if stopped {
                assert_eq!(answer.unwrap_err().code(), Code::PermissionDenied);
                refused += 1;
            } else {
                permitted += 1;
            }
        }
    }
    assert_eq!(permitted + refused, PEERS.len() * Rpc::ALL.len());
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let log = super::words(&dpo.whole_log().await);
    let recorded = log.iter().filter(|word| word.starts_with("call refused")).count();
    assert_eq!(recorded, refused, "each refused call is a record");
}

/// INVARIANT (identity): nothing in a request changes who the caller is.
#[tokio::test(flavor = "multi_thread")]
async fn forged_metadata_and_fields_do_not_change_the_actor() {
    let broker = TestBroker::start().await;
    let case = crate::raw::Case::open(broker.address()).await;
    let jobcenter = RawClient::connect(broker.address(), crate::raw::JOBCENTER, "system").await;
    let draft = crate::raw::Draft::new(&case.jobcenter_reference, crate::raw::DRV);
    let mut request = tonic::Request::new(v1::SubmitRequest {
        messages: vec![jobcenter.message(&draft)],
        require_all: false,
    });
    for (key, value) in [
        ("x-forwarded-client-cert", "spiffe://schleuse.example/agency/projekt/dpo"),
        ("x-agency", "projekt"),
        ("authorization", "Bearer dpo"),
        ("x-role", "dpo"),
    ] {
        request.metadata_mut().insert(key, value.parse().unwrap());
    }
    jobcenter.messages().submit(request).await.unwrap();
    // A label that names another sender is refused.
    let mut forged = draft.message(crate::raw::DRV);
    jobcenter.seal_batch(std::slice::from_mut(&mut forged));
    let refused = jobcenter.submit(vec![forged]).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_INVALID_FIELD");
    let dpo = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let log = dpo.whole_log().await;
    let decided = log
        .iter()
        .map(|row| <v1::LogEntry as prost::Message>::decode(row.body.clone()).unwrap())
        .find(|entry| matches!(entry.event, Some(v1::log_entry::Event::MessageDecided(_))));
    let actor = decided.unwrap().actor.unwrap();
    assert_eq!((actor.agency.as_str(), actor.role.as_str()), (crate::raw::JOBCENTER, "system"));
    assert_ne!(actor.certificate_serial, Bytes::new());
}

/// Objects of others do not exist: the same answer as for objects that nobody has.
#[tokio::test(flavor = "multi_thread")]
async fn objects_of_others_are_not_found() {
    let broker = TestBroker::start().await;
    let case = crate::raw::Case::open(broker.address()).await;
    let other = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-02").await;
    let foreign = other.revoke(&case.consent).await.unwrap_err();
    let nobody = other.revoke(&crate::raw::consent(&case.reference, vec![])).await.unwrap_err();
    assert_eq!(reason(&foreign), "ERROR_REASON_NOT_FOUND");
    assert_eq!(
        (foreign.code(), foreign.message(), foreign.details()),
        (nobody.code(), nobody.message(), nobody.details())
    );
    let jobcenter = RawClient::connect(broker.address(), crate::raw::JOBCENTER, "system").await;
    let outcome = jobcenter
        .send(&crate::raw::Draft::new(&case.jobcenter_reference, crate::raw::DRV))
        .await
        .unwrap();
    let number = outcome.receipt.unwrap().record_number;
    let kasse = RawClient::connect(broker.address(), crate::raw::KRANKENKASSE, "system").await;
    let foreign = kasse.acknowledge(vec![number]).await.unwrap_err();
    let nobody = kasse.acknowledge(vec![999_999]).await.unwrap_err();
    assert_eq!(
        (foreign.code(), foreign.message(), foreign.details()),
        (nobody.code(), nobody.message(), nobody.details())
    );
}
