//! Runs: two officers of the project erase.

use std::net::SocketAddr;

use schleuse_proto::v1;
use tonic::Status;

use super::RawClient;

/// Certificates of the project's officers, each of another person.
pub const OFFICERS: [&str; 2] = ["dpo-d-01", "dpo-d-02"];

/// Both officers of the project.
pub async fn officers(address: SocketAddr) -> [RawClient; 2] {
    let [first, second] = OFFICERS;
    let connect = |name| RawClient::connect(address, "projekt", name);
    [connect(first).await, connect(second).await]
}

/// Erases somebody, by the reference of the project: one officer proposes, the other one approves.
pub async fn erase(address: SocketAddr, reference: &str) -> v1::ApproveRunResponse {
    let [first, second] = officers(address).await;
    first.erase_with(&second, reference).await.unwrap()
}

impl RawClient {
    /// What the erasure of somebody would take.
    pub async fn preview_erasure(&self, reference: &str) -> Result<v1::PreviewRunResponse, Status> {
        let (kind, participant_reference) = (v1::RunKind::Erasure.into(), reference.to_owned());
        let request = v1::PreviewRunRequest { kind, participant_reference };
        self.rights().preview_run(request).await.map(tonic::Response::into_inner)
    }

    /// Proposes to erase somebody.
    pub async fn propose_erasure(&self, reference: &str) -> Result<v1::ProposeRunResponse, Status> {
        self.propose(v1::RunKind::Erasure, reference).await
    }

    /// Proposes a run.
    pub async fn propose(
        &self,
        kind: v1::RunKind,
        reference: &str,
    ) -> Result<v1::ProposeRunResponse, Status> {
        let request = v1::ProposeRunRequest {
            kind: kind.into(),
            participant_reference: reference.to_owned(),
            reason: "a reason of the officer".to_owned(),
        };
        self.rights().propose_run(request).await.map(tonic::Response::into_inner)
    }

    pub async fn approve(&self, run_number: u64) -> Result<v1::ApproveRunResponse, Status> {
        let request = v1::ApproveRunRequest { run_number };
        self.rights().approve_run(request).await.map(tonic::Response::into_inner)
    }

    pub async fn withdraw(&self, run_number: u64) -> Result<v1::WithdrawRunResponse, Status> {
        let request = v1::WithdrawRunRequest { run_number };
        self.rights().withdraw_run(request).await.map(tonic::Response::into_inner)
    }

    /// The open runs.
    pub async fn open_runs(&self) -> Vec<v1::Run> {
        self.rights().list_runs(v1::ListRunsRequest {}).await.unwrap().into_inner().runs
    }

    /// Proposes to erase somebody; another officer approves it.
    pub async fn erase_with(
        &self,
        second: &Self,
        reference: &str,
    ) -> Result<v1::ApproveRunResponse, Status> {
        second.approve(self.propose_erasure(reference).await?.run_number).await
    }
}
