//! Runs: what erases, on the word of two persons. One officer of the project proposes the erasure of a participant or a
//! run of the retention, another one approves it.

use schleuse_proto::v1;

use crate::client::Client;
use crate::error::ClientError;
use crate::ids::{ParticipantReference, Receipt};

/// What a run erases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunSubject {
    /// Everything about a participant, by our own reference.
    Erasure(ParticipantReference),
    /// What its retention period has left behind.
    Retention,
}

/// How much a run erased, or would erase.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunCounts {
    /// Of one participant.
    Erasure {
        /// Records whose contents are gone.
        records: u64,
        /// Waiting messages that were stopped.
        stopped_messages: u32,
    },
    /// Of what its retention period has left behind.
    Retention {
        /// Records by type: the type, only before this instant (Unix milliseconds), how many.
        counts: Vec<(v1::RecordType, i64, u64)>,
        /// Participants that were erased as a whole.
        participants: u64,
        /// Whether another run would take more.
        more: bool,
    },
}

/// What a run would erase now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPreview {
    /// How much.
    pub counts: RunCounts,
    /// The record of the question.
    pub receipt: Receipt,
}

/// A run that was proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRun {
    /// Its number, by which another person approves it.
    pub number: u64,
    /// What it would erase now.
    pub counts: RunCounts,
    /// The record of the proposal.
    pub receipt: Receipt,
}

/// A run that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedRun {
    /// What it erased.
    pub counts: RunCounts,
    /// The last record of the erasure; of the retention that in which it was approved if nothing was due.
    pub receipt: Receipt,
}

/// A run that waits for the word of another person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    /// Its number.
    pub number: u64,
    /// What it erases.
    pub subject: RunSubject,
    /// The stated reason.
    pub reason: String,
    /// Person who proposed it.
    pub proposed_by: String,
    /// When, Unix milliseconds.
    pub proposed_ms: i64,
    /// First instant at which it cannot be approved any more, Unix milliseconds.
    pub until_ms: i64,
}

impl RunSubject {
    fn wire(&self) -> (i32, String) {
        match self {
            Self::Erasure(participant) => {
                (v1::RunKind::Erasure.into(), participant.as_text().to_owned())
            }
            Self::Retention => (v1::RunKind::Retention.into(), String::new()),
        }
    }

    fn kind(&self) -> v1::RunKind {
        match self {
            Self::Erasure(_) => v1::RunKind::Erasure,
            Self::Retention => v1::RunKind::Retention,
        }
    }

    fn from_wire(kind: v1::RunKind, participant: &str) -> Result<Self, ClientError> {
        match kind {
            v1::RunKind::Erasure => ParticipantReference::parse(participant).map(Self::Erasure),
            v1::RunKind::Retention => Ok(Self::Retention),
            v1::RunKind::Unspecified => Err(ClientError::protocol("a run of no kind")),
        }
    }
}

impl RunCounts {
    fn from_wire(kind: v1::RunKind, counts: Option<v1::RunCounts>) -> Result<Self, ClientError> {
        let counts = counts.ok_or_else(|| ClientError::protocol("a run without counts"))?;
        match kind {
            v1::RunKind::Erasure => Ok(Self::Erasure {
                records: counts.records,
                stopped_messages: counts.stopped_messages,
            }),
            v1::RunKind::Retention => {
                let of = counts.counts.iter();
                Ok(Self::Retention {
                    counts: of.map(|of| (of.r#type(), of.before_ms, of.records)).collect(),
                    participants: counts.participants,
                    more: counts.more,
                })
            }
            v1::RunKind::Unspecified => Err(ClientError::protocol("a run of no kind")),
        }
    }
}

/// For officers of the project. None of these calls is repeated by itself.
impl Client {
    /// Counts what a run would erase now; changes nothing.
    ///
    /// # Errors
    /// There is no such participant, erasure is on hold, or the broker cannot be reached.
    pub async fn preview_run(&self, subject: &RunSubject) -> Result<RunPreview, ClientError> {
        let (kind, participant_reference) = subject.wire();
        let request = v1::PreviewRunRequest { kind, participant_reference };
        let answer = self.rights().preview_run(request).await;
        let answer = answer.map_err(|status| self.failed(&status))?.into_inner();
        self.settle(&answer.checkpoint).await?;
        Ok(RunPreview {
            counts: RunCounts::from_wire(subject.kind(), answer.counts)?,
            receipt: Receipt::from_wire(answer.receipt.as_ref())?,
        })
    }

    /// Proposes a run; erases nothing. Our certificate names a person.
    ///
    /// # Errors
    /// There is no such participant, erasure is on hold, a run of the same thing is open, too many are, the reason is
    /// not 10 to 500 characters, or the broker cannot be reached: then it may or may not be open, see
    /// [`Client::list_runs`].
    pub async fn propose_run(
        &self,
        subject: &RunSubject,
        reason: &str,
    ) -> Result<ProposedRun, ClientError> {
        let (kind, participant_reference) = subject.wire();
        let reason = reason.to_owned();
        let request = v1::ProposeRunRequest { kind, participant_reference, reason };
        let answer = self.rights().propose_run(request).await;
        let answer = answer.map_err(|status| self.failed(&status))?.into_inner();
        self.settle(&answer.checkpoint).await?;
        Ok(ProposedRun {
            number: answer.run_number,
            counts: RunCounts::from_wire(subject.kind(), answer.counts)?,
            receipt: Receipt::from_wire(answer.receipt.as_ref())?,
        })
    }

    /// Approves a run that another person proposed: what it names is erased for good.
    ///
    /// # Errors
    /// There is no such open run, we proposed it ourselves, erasure is on hold, or the broker cannot be reached: then it
    /// may or may not have begun, and an erasure that was begun is finished.
    pub async fn approve_run(&self, number: u64) -> Result<ApprovedRun, ClientError> {
        let request = v1::ApproveRunRequest { run_number: number };
        let answer = self.rights().approve_run(request).await;
        let answer = answer.map_err(|status| self.failed(&status))?.into_inner();
        self.settle(&answer.checkpoint).await?;
        let kind = answer.kind();
        Ok(ApprovedRun {
            counts: RunCounts::from_wire(kind, answer.counts)?,
            receipt: Receipt::from_wire(answer.receipt.as_ref())?,
        })
    }

    /// Withdraws an open run, whoever proposed it.
    ///
    /// # Errors
    /// There is no such open run, or the broker cannot be reached.
    pub async fn withdraw_run(&self, number: u64) -> Result<Receipt, ClientError> {
        let request = v1::WithdrawRunRequest { run_number: number };
        let answer = self.rights().withdraw_run(request).await;
        let answer = answer.map_err(|status| self.failed(&status))?.into_inner();
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// The open runs, oldest first. The list becomes a record.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn list_runs(&self) -> Result<Vec<OpenRun>, ClientError> {
        let answer = self
            .call(|| {
                let mut service = self.rights();
                async move { service.list_runs(v1::ListRunsRequest {}).await }
            })
            .await?;
        let runs = answer.runs.into_iter().map(|run| {
            Ok(OpenRun {
                number: run.run_number,
                subject: RunSubject::from_wire(run.kind(), &run.participant_reference)?,
                reason: run.reason,
                proposed_by: run.proposed_by,
                proposed_ms: run.proposed_ms,
                until_ms: run.until_ms,
            })
        });
        runs.collect()
    }
}
