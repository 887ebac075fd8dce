//! How the broker is: for those who run and supervise it. Numbers and names of the machine, nothing about
//! participants.

use schleuse_proto::v1;

use crate::client::Client;
use crate::error::ClientError;

/// How the broker is at an instant. All times are Unix milliseconds by the broker's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerStatus {
    /// The instant.
    pub time_ms: i64,
    /// Version of the program.
    pub version: String,
    /// How strict it is about its surroundings.
    pub profile: BrokerProfile,
    /// The log.
    pub log: LogStatus,
    /// What would refuse new permits now.
    pub permits: PermitStatus,
    /// The witnesses and their quorum.
    pub witnesses: WitnessQuorum,
    /// Certificates: the broker's own first, then the root, then each issuing CA.
    pub certificates: Vec<CertificateStatus>,
    /// Revocation lists in force, by issuer.
    pub revocation_lists: Vec<RevocationListStatus>,
    /// What waits and what is open.
    pub queues: QueueStatus,
    /// The volume of the log.
    pub volume: VolumeStatus,
}

/// How strict a broker is about its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerProfile {
    /// Development certificates are accepted.
    Development,
    /// They are refused.
    Production,
    /// Something that a newer broker knows and this program does not.
    Unknown,
}

/// The log of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStatus {
    /// Durable records: the size of the newest checkpoint.
    pub size: u64,
    /// When the newest checkpoint was signed.
    pub checkpoint_ms: i64,
    /// When the newest record was written.
    pub newest_record_ms: i64,
    /// Which start of the broker this is, from 1.
    pub epoch: u64,
    /// When it was.
    pub started_ms: i64,
    /// Whether it does not continue a checkpoint that it signed: rolled back, restored or forked.
    pub behind: bool,
}

/// What would refuse new permits now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PermitStatus {
    /// Whether anything can be permitted: none of the following holds.
    pub possible: bool,
    /// The log is behind a shown checkpoint.
    pub log_behind: bool,
    /// The required quorum of witnesses is missing for longer than allowed.
    pub witnesses_late: bool,
    /// The clock was set back.
    pub clock_set_back: bool,
    /// Free space is below its minimum, or the reserve is used up.
    pub storage_low: bool,
}

/// The witnesses of a broker and their quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WitnessQuorum {
    /// Each configured witness.
    pub witnesses: Vec<WitnessState>,
    /// So many must have cosigned lately; 0: nothing is required.
    pub required: u32,
    /// Whether they have.
    pub met: bool,
    /// Age in milliseconds above which a cosignature is late.
    pub max_age_ms: u64,
}

/// One witness as the broker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WitnessState {
    /// Its name.
    pub name: String,
    /// Age of its newest cosignature in milliseconds; none: there is none yet.
    pub age_ms: Option<u64>,
    /// Size of the newest checkpoint that it cosigned.
    pub size: u64,
    /// Whether that is late.
    pub late: bool,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateUse {
    /// The broker's own.
    Broker,
    /// CA that the broker shows with its own certificate.
    BrokerChain,
    /// Root of the installation.
    Root,
    /// CA that issues certificates of agencies.
    Issuer,
    /// Something that a newer broker knows and this program does not.
    Unknown,
}

/// One certificate in force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateStatus {
    /// What it is for.
    pub used_for: CertificateUse,
    /// Subject, as text.
    pub subject: String,
    /// Issuer, as text.
    pub issuer: String,
    /// Valid from this instant on.
    pub not_before_ms: i64,
    /// Valid up to this instant.
    pub not_after_ms: i64,
    /// Agencies that it may speak for; only of issuing CAs.
    pub agencies: Vec<String>,
}

/// One revocation list in force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationListStatus {
    /// Issuer, as text.
    pub issuer: String,
    /// Its number.
    pub number: u64,
    /// From this instant on certificates of its issuer are refused.
    pub next_update_ms: i64,
}

/// A number that has a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounded {
    /// The number now.
    pub now: u64,
    /// Its bound.
    pub max: u64,
}

/// What waits and what is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStatus {
    /// Commands in the urgent lane.
    pub urgent: Bounded,
    /// Commands in the normal lane.
    pub normal_waiting: u64,
    /// Their weight in KiB.
    pub normal_kib: Bounded,
    /// Records of the newest group.
    pub newest_group_records: u64,
    /// Open connections.
    pub connections: Bounded,
    /// Unary calls under way.
    pub calls: Bounded,
    /// Open streams and calls that read much.
    pub streams: Bounded,
    /// Unfinished messages in all mailboxes together.
    pub messages: u64,
    /// Bytes of these.
    pub message_bytes: u64,
    /// Unfinished messages that one mailbox takes.
    pub mailbox_messages_max: u64,
    /// Bytes that one mailbox takes.
    pub mailbox_bytes_max: u64,
}

/// The volume of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeStatus {
    /// Free bytes; none: the broker's system did not say.
    pub free_bytes: Option<u64>,
    /// Below, only revocations and log queries are served.
    pub free_bytes_min: u64,
    /// Bytes that are set aside for the moment when the volume is full.
    pub reserve_bytes: u64,
}

impl BrokerStatus {
    /// Whether somebody should look: nothing can be permitted, or a certificate or revocation list in force has run
    /// out.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        let ended = |end_ms: i64| end_ms <= self.time_ms;
        !self.permits.possible
            || self.certificates.iter().any(|certificate| ended(certificate.not_after_ms))
            || self.revocation_lists.iter().any(|list| ended(list.next_update_ms))
    }
}

impl Client {
    /// How the broker is. For operators and data-protection officers.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn status(&self) -> Result<BrokerStatus, ClientError> {
        let service = self.operation();
        let answer = self
            .call(|| {
                let mut service = service.clone();
                async move { service.show_status(v1::ShowStatusRequest {}).await }
            })
            .await?;
        status(answer)
    }
}

fn part<T>(part: Option<T>) -> Result<T, ClientError> {
    part.ok_or_else(|| ClientError::protocol("a part of the status is missing"))
}

fn status(answer: v1::ShowStatusResponse) -> Result<BrokerStatus, ClientError> {
    let (build, log) = (part(answer.build)?, part(answer.log)?);
    let (permits, volume) = (part(answer.permits)?, part(answer.volume)?);
    Ok(BrokerStatus {
        time_ms: answer.time_ms,
        profile: match build.profile() {
            v1::BrokerProfile::Unspecified => BrokerProfile::Unknown,
            v1::BrokerProfile::Development => BrokerProfile::Development,
            v1::BrokerProfile::Production => BrokerProfile::Production,
        },
        version: build.version,
        log: LogStatus {
            size: log.size,
            checkpoint_ms: log.checkpoint_ms,
            newest_record_ms: log.newest_record_ms,
            epoch: log.epoch,
            started_ms: log.started_ms,
            behind: log.behind,
        },
        permits: PermitStatus {
            possible: permits.possible,
            log_behind: permits.log_behind,
            witnesses_late: permits.witnesses_late,
            clock_set_back: permits.clock_set_back,
            storage_low: permits.storage_low,
        },
        witnesses: quorum(part(answer.witnesses)?),
        certificates: answer.certificates.into_iter().map(certificate).collect(),
        revocation_lists: answer.revocation_lists.into_iter().map(revocation_list).collect(),
        queues: queues(part(answer.queues)?),
        volume: VolumeStatus {
            free_bytes: volume.free_bytes,
            free_bytes_min: volume.free_bytes_min,
            reserve_bytes: volume.reserve_bytes,
        },
    })
}

fn quorum(quorum: v1::WitnessQuorumStatus) -> WitnessQuorum {
    let witnesses = quorum.witnesses.into_iter().map(|witness| WitnessState {
        name: witness.name,
        age_ms: witness.age_ms,
        size: witness.size,
        late: witness.late,
    });
    WitnessQuorum {
        witnesses: witnesses.collect(),
        required: quorum.quorum_required,
        met: quorum.quorum_met,
        max_age_ms: quorum.max_age_ms,
    }
}

fn certificate(certificate: v1::CertificateStatus) -> CertificateStatus {
    CertificateStatus {
        used_for: match certificate.r#use() {
            v1::CertificateUse::Unspecified => CertificateUse::Unknown,
            v1::CertificateUse::Broker => CertificateUse::Broker,
            v1::CertificateUse::BrokerChain => CertificateUse::BrokerChain,
            v1::CertificateUse::Root => CertificateUse::Root,
            v1::CertificateUse::Issuer => CertificateUse::Issuer,
        },
        subject: certificate.subject,
        issuer: certificate.issuer,
        not_before_ms: certificate.not_before_ms,
        not_after_ms: certificate.not_after_ms,
        agencies: certificate.agencies,
    }
}

fn revocation_list(list: v1::RevocationListStatus) -> RevocationListStatus {
    let v1::RevocationListStatus { issuer, number, next_update_ms } = list;
    RevocationListStatus { issuer, number, next_update_ms }
}

fn queues(queues: v1::QueueStatus) -> QueueStatus {
    let bounded = |now, max| Bounded { now, max };
    QueueStatus {
        urgent: bounded(queues.urgent_waiting, queues.urgent_max),
        normal_waiting: queues.normal_waiting,
        normal_kib: bounded(queues.normal_kib, queues.normal_kib_max),
        newest_group_records: queues.newest_group_records,
        connections: bounded(queues.connections, queues.connections_max),
        calls: bounded(queues.calls, queues.calls_max),
        streams: bounded(queues.streams, queues.streams_max),
        messages: queues.messages,
        message_bytes: queues.message_bytes,
        mailbox_messages_max: queues.mailbox_messages_max,
        mailbox_bytes_max: queues.mailbox_bytes_max,
    }
}
