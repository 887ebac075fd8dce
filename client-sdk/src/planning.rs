//! Planning: whether a message would pass, requests to the Lotse, tasks, participations, places.

use schleuse_proto::v1;

use crate::client::Client;
use crate::error::ClientError;
use crate::ids::{Address, ConsentId, ParticipantReference, Receipt};

pub use schleuse_proto::v1::{ParticipationPhase, RequestReason, TaskResult};

/// What we would like to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedMessage {
    /// Our function that would send.
    pub sender: Address,
    /// Who would receive.
    pub recipient: Address,
    /// Purpose code of the catalogue.
    pub purpose: String,
    /// Message kind code of the catalogue.
    pub kind: String,
    /// Category codes of the catalogue.
    pub categories: Vec<String>,
    /// Whether the content is a professional secret (§ 203 StGB).
    pub professional_secret: bool,
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Whether a consent covers it now. If not, nobody is told why.
    pub covered: bool,
    /// The log record of the question.
    pub receipt: Receipt,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Our reference of whom it is about.
    pub participant: Option<ParticipantReference>,
    /// When it is due, Unix milliseconds; none: at once.
    pub due_ms: Option<i64>,
    /// What.
    pub what: TaskKind,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskKind {
    /// An agency asks for a consent.
    ConsentRequest {
        /// Names it in [`Client::close_task`].
        task: u64,
        /// What would be sent.
        planned: PlannedMessage,
        /// Why.
        reason: RequestReason,
        /// When it was asked for, Unix milliseconds.
        asked_at_ms: i64,
    },
    /// A grant ends soon.
    GrantEnding {
        /// The consent.
        consent: ConsentId,
        /// Index of the grant.
        grant_index: u32,
    },
    /// A consent is to be reviewed with the participant.
    Review {
        /// The consent.
        consent: ConsentId,
    },
    /// The 24 months of a participation end; a hint.
    ParticipationEnding {
        /// When it began, Unix milliseconds.
        started_at_ms: i64,
    },
    /// A place is free for a participant who waits.
    PlaceFree {
        /// Whose place.
        jobcenter: String,
    },
    /// A directory entry is to be confirmed.
    EntryRenewal {
        /// Whose entry.
        agency: String,
    },
    /// Something that a newer broker knows and this program does not.
    Unknown,
}

/// What is recorded of a participation after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParticipationState {
    /// Phase: without a free place, the participant waits.
    pub phase: ParticipationPhase,
    /// Position on the waiting list from 1; none: does not wait.
    pub waiting_position: Option<u32>,
    /// The log record of the last change.
    pub receipt: Receipt,
}

/// What else of a participation changes; what is none stays as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParticipationChange {
    /// Whose place it is; needed at the beginning.
    pub jobcenter: Option<String>,
    /// Employability at the beginning, step 1 to 4.
    pub employability_at_start: Option<u32>,
    /// Employability at the end, step 1 to 4.
    pub employability_at_end: Option<u32>,
}

macro_rules! unary {
    ($client:expr, $method:ident ( $request:expr )) => {{
        let request = $request;
        $client
            .call(|| {
                let (mut service, request) = ($client.planning(), request.clone());
                async move { service.$method(request).await }
            })
            .await?
    }};
}

impl PlannedMessage {
    fn to_wire(&self) -> v1::PlannedMessage {
        let mut categories = self.categories.clone();
        categories.sort_unstable();
        categories.dedup();
        v1::PlannedMessage {
            sender: Some(self.sender.to_wire()),
            recipient: Some(self.recipient.to_wire()),
            purpose: self.purpose.clone(),
            kind: self.kind.clone(),
            categories,
            professional_secret: self.professional_secret,
        }
    }

    fn from_wire(planned: Option<v1::PlannedMessage>) -> Result<Self, ClientError> {
        let planned =
            planned.ok_or_else(|| ClientError::protocol("a planned message is missing"))?;
        Ok(Self {
            sender: Address::from_wire(planned.sender.as_ref())?,
            recipient: Address::from_wire(planned.recipient.as_ref())?,
            purpose: planned.purpose,
            kind: planned.kind,
            categories: planned.categories,
            professional_secret: planned.professional_secret,
        })
    }
}

impl Client {
    /// Asks whether a message would pass now: what [`Client::send`] would answer, without a message. Each
    /// question is a record of the log, and there is a small number of them per minute.
    ///
    /// # Errors
    /// A code is unknown, we asked too often, or the broker cannot be reached.
    pub async fn coverage(
        &self,
        participant: &ParticipantReference,
        planned: &PlannedMessage,
    ) -> Result<Coverage, ClientError> {
        let request = v1::AskCoverageRequest {
            participant_reference: participant.as_text().to_owned(),
            planned: Some(planned.to_wire()),
        };
        let answer = unary!(self, ask_coverage(request));
        self.settle(&answer.checkpoint).await?;
        let receipt = Receipt::from_wire(answer.receipt.as_ref())?;
        Ok(Coverage { covered: answer.covered, receipt })
    }

    /// Asks the Lotse for a consent that would cover a message. The receipt says that the request was
    /// recorded, and nothing of what becomes of it; for 30 days a repeated request returns the first one's.
    ///
    /// # Errors
    /// A code is unknown, we asked too often, or the broker cannot be reached.
    pub async fn request_consent(
        &self,
        participant: &ParticipantReference,
        planned: &PlannedMessage,
        reason: RequestReason,
    ) -> Result<Receipt, ClientError> {
        let request = v1::RequestConsentRequest {
            participant_reference: participant.as_text().to_owned(),
            planned: Some(planned.to_wire()),
            reason: reason.into(),
        };
        let answer = unary!(self, request_consent(request));
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// What we have to do, and whether there is more than one answer holds. For a Lotse about its
    /// participants and those it is deputy for; for a system about its agency's directory entry;
    /// for an operator about all entries.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn tasks(&self) -> Result<(Vec<Task>, bool), ClientError> {
        let answer = unary!(self, list_tasks(v1::ListTasksRequest {}));
        let tasks = answer.tasks.into_iter().map(task).collect::<Result<_, ClientError>>()?;
        Ok((tasks, answer.truncated))
    }

    /// Closes a consent request of a participant of ours. Whoever asked learns nothing of it.
    ///
    /// # Errors
    /// There is no such request, it was closed otherwise, or the broker cannot be reached.
    pub async fn close_task(&self, task: u64, result: TaskResult) -> Result<Receipt, ClientError> {
        let request = v1::CloseTaskRequest { task_number: task, result: result.into() };
        let answer = unary!(self, close_task(request));
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// Records the phase of a participation. Without a free place the participant waits instead.
    ///
    /// # Errors
    /// There is no such participant of ours, the phase does not follow, or the broker cannot be reached.
    pub async fn set_participation(
        &self,
        participant: &ParticipantReference,
        phase: ParticipationPhase,
        change: &ParticipationChange,
    ) -> Result<ParticipationState, ClientError> {
        let request = v1::SetParticipationRequest {
            participant_reference: participant.as_text().to_owned(),
            phase: phase.into(),
            jobcenter: change.jobcenter.clone().unwrap_or_default(),
            employability_at_start: change.employability_at_start.unwrap_or_default(),
            employability_at_end: change.employability_at_end.unwrap_or_default(),
        };
        let answer = unary!(self, set_participation(request));
        self.settle(&answer.checkpoint).await?;
        Ok(ParticipationState {
            phase: answer.phase(),
            waiting_position: Some(answer.waiting_position).filter(|position| *position > 0),
            receipt: Receipt::from_wire(answer.receipt.as_ref())?,
        })
    }

    /// Participations of our participants and of those we are deputy for, oldest registration first.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn participations(&self) -> Result<Vec<v1::Participation>, ClientError> {
        let answer = unary!(self, list_participation(v1::ListParticipationRequest {}));
        Ok(answer.participations)
    }

    /// Places of each Jobcenter: numbers, no persons. For Lotsen.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn places(&self) -> Result<Vec<v1::JobcenterPlaces>, ClientError> {
        let answer = unary!(self, show_places(v1::ShowPlacesRequest {}));
        Ok(answer.jobcenters)
    }
}

fn task(task: v1::Task) -> Result<Task, ClientError> {
    use v1::task::What;
    let reference = Some(task.participant_reference).filter(|text| !text.is_empty());
    let what = match task.what {
        Some(What::ConsentRequest(request)) => TaskKind::ConsentRequest {
            task: request.task_number,
            reason: request.reason(),
            asked_at_ms: request.asked_at_ms,
            planned: PlannedMessage::from_wire(request.planned)?,
        },
        Some(What::GrantEnding(ending)) => TaskKind::GrantEnding {
            consent: ConsentId::parse(&ending.consent_id)?,
            grant_index: ending.grant_index,
        },
        Some(What::Review(review)) => {
            TaskKind::Review { consent: ConsentId::parse(&review.consent_id)? }
        }
        Some(What::ParticipationEnding(ending)) => {
            TaskKind::ParticipationEnding { started_at_ms: ending.started_at_ms }
        }
        Some(What::PlaceFree(place)) => TaskKind::PlaceFree { jobcenter: place.jobcenter },
        Some(What::EntryRenewal(entry)) => TaskKind::EntryRenewal { agency: entry.agency },
        None => TaskKind::Unknown,
    };
    Ok(Task {
        participant: reference.map(|text| ParticipantReference::parse(&text)).transpose()?,
        due_ms: Some(task.due_ms).filter(|due| *due > 0),
        what,
    })
}
