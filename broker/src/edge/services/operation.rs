//! `OperationService`: how the broker is. Numbers and names of the machine, nothing about participants.

use std::sync::Arc;

use schleuse_proto::v1;
use schleuse_proto::v1::operation_service_server::OperationService;
use tonic::{Request, Response, Status};

use super::failed;
use crate::domain::ids::TimeMs;
use crate::edge::certificates::{CertificateFacts, Certificates};
use crate::edge::connections::Connections;
use crate::edge::limits::Limits;
use crate::edge::rates::AllRates;
use crate::edge::status::Failure;
use crate::edge::tls::TlsState;
use crate::engine::{Engine, EngineStatus};
use crate::witness::Witnesses;

/// What the status is read from. It has no place among those who read the log at length: it is answered also
/// when these are taken.
pub(in crate::edge) struct Operation {
    pub(in crate::edge) engine: Engine,
    pub(in crate::edge) tls: Arc<TlsState>,
    pub(in crate::edge) connections: Arc<Connections>,
    pub(in crate::edge) rates: Arc<AllRates>,
    pub(in crate::edge) limits: Limits,
    pub(in crate::edge) is_production: bool,
}

fn ms(time: TimeMs) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl Operation {
    async fn status(&self) -> Result<v1::ShowStatusResponse, Failure> {
        let (engine, now) = (self.engine.clone(), self.engine.clock().now());
        let read = tokio::task::spawn_blocking(move || engine.status()).await;
        let status = read.map_err(|_| Failure::Internal)??;
        let witnesses = self.engine.standing().witnesses();
        let profile = if self.is_production {
            v1::BrokerProfile::Production
        } else {
            v1::BrokerProfile::Development
        };
        Ok(v1::ShowStatusResponse {
            time_ms: ms(now),
            build: Some(v1::BuildStatus {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                profile: profile.into(),
            }),
            log: Some(self.log(&status)),
            permits: Some(self.permits(&status, &witnesses, now)),
            witnesses: Some(quorum(&witnesses, now)),
            certificates: certificates(self.tls.certificates()),
            revocation_lists: self.revocation_lists(),
            queues: Some(self.queues(&status)),
            volume: Some(v1::VolumeStatus {
                free_bytes: status.free_bytes,
                free_bytes_min: status.sizes.free_bytes_min,
                reserve_bytes: status.sizes.reserve_bytes,
            }),
        })
    }

    fn log(&self, status: &EngineStatus) -> v1::LogStatus {
        v1::LogStatus {
            size: status.size,
            checkpoint_ms: ms(status.checkpoint_at),
            newest_record_ms: ms(status.newest_record_at),
            epoch: status.epoch,
            started_ms: ms(status.started_at),
            behind: self.engine.standing().is_behind(),
        }
    }

    fn permits(
        &self,
        status: &EngineStatus,
        witnesses: &Witnesses,
        now: TimeMs,
    ) -> v1::PermitStatus {
        let log_behind = self.engine.standing().is_behind();
        let witnesses_late = witnesses.is_late(now);
        let &EngineStatus { clock_set_back, storage_low, .. } = status;
        v1::PermitStatus {
            possible: !(log_behind || witnesses_late || clock_set_back || storage_low),
            log_behind,
            witnesses_late,
            clock_set_back,
            storage_low,
        }
    }

    fn revocation_lists(&self) -> Vec<v1::RevocationListStatus> {
        let lists = self.tls.crls().facts().into_iter();
        lists
            .map(|list| v1::RevocationListStatus {
                issuer: list.issuer,
                number: list.number,
                next_update_ms: ms(list.next_update),
            })
            .collect()
    }

    fn queues(&self, status: &EngineStatus) -> v1::QueueStatus {
        let (waiting, under_way) = (status.waiting, self.rates.under_way());
        let mailbox = self.engine.rules().limits;
        v1::QueueStatus {
            urgent_waiting: count(waiting.urgent),
            urgent_max: count(waiting.urgent_max),
            normal_waiting: count(waiting.normal),
            normal_kib: count(waiting.normal_kib),
            normal_kib_max: count(waiting.normal_kib_max),
            newest_group_records: status.newest_group_records,
            connections: count(self.connections.count()),
            connections_max: count(self.limits.connections_max),
            calls: count(under_way.calls),
            calls_max: count(under_way.calls_max),
            streams: count(under_way.streams),
            streams_max: count(under_way.streams_max),
            messages: status.messages,
            message_bytes: status.message_bytes,
            mailbox_messages_max: count(mailbox.queue_messages_max),
            mailbox_bytes_max: mailbox.queue_bytes_max,
        }
    }
}

fn quorum(witnesses: &Witnesses, now: TimeMs) -> v1::WitnessQuorumStatus {
    let max_age_ms = witnesses.max_age_ms();
    let known = witnesses.status().into_iter().map(|witness| {
        let age_ms = witness.age_ms(now);
        v1::WitnessStatus {
            age_ms,
            size: witness.size.unwrap_or_default(),
            late: age_ms.is_none_or(|age_ms| age_ms > max_age_ms),
            name: witness.name,
        }
    });
    v1::WitnessQuorumStatus {
        witnesses: known.collect(),
        quorum_required: u32::try_from(witnesses.quorum()).unwrap_or(u32::MAX),
        quorum_met: !witnesses.is_late(now),
        max_age_ms,
    }
}

fn certificates(in_force: Certificates) -> Vec<v1::CertificateStatus> {
    use v1::CertificateUse::{Broker, BrokerChain, Issuer, Root};
    let Certificates { chain, root, issuers } = in_force;
    let of_broker = std::iter::once(Broker).chain(std::iter::repeat(BrokerChain));
    let chain = of_broker.zip(chain).map(|(of, facts)| (of, facts, Vec::new()));
    let root = root.map(|root| (Root, root, Vec::new()));
    let issuers = issuers.into_iter().map(|(issuer, agencies)| (Issuer, issuer, agencies));
    chain
        .chain(root)
        .chain(issuers)
        .map(|(of, facts, agencies)| {
            let CertificateFacts { subject, issuer, not_before, not_after } = facts;
            v1::CertificateStatus {
                r#use: of.into(),
                subject,
                issuer,
                not_before_ms: ms(not_before),
                not_after_ms: ms(not_after),
                agencies,
            }
        })
        .collect()
}

#[tonic::async_trait]
impl OperationService for Operation {
    async fn show_status(
        &self,
        _request: Request<v1::ShowStatusRequest>,
    ) -> Result<Response<v1::ShowStatusResponse>, Status> {
        self.status().await.map(Response::new).map_err(failed)
    }
}
