//! What can be asked of planning, and what it answers.

use crate::domain::event::Actor;
use crate::domain::ids::{AgencyId, ConsentId, RecordNumber, Reference, TimeMs};
use crate::domain::planning::{
    Employability, Participation, Phase, PlannedMessage, RequestReason, TaskResult,
};

/// A request about planning.
#[derive(Debug)]
pub enum PlanningCommand {
    /// Somebody asks whether a message would pass.
    AskCoverage {
        /// Who.
        actor: Actor,
        /// Its reference.
        reference: Reference,
        /// What would be sent.
        planned: PlannedMessage,
    },
    /// Somebody asks the Lotse for a consent.
    RequestConsent {
        /// Who.
        actor: Actor,
        /// Its reference.
        reference: Reference,
        /// What would be sent.
        planned: PlannedMessage,
        /// Why.
        reason: RequestReason,
    },
    /// Somebody asks what it has to do.
    ListTasks {
        /// Who.
        actor: Actor,
    },
    /// A Lotse closes a consent request.
    CloseTask {
        /// The Lotse.
        actor: Actor,
        /// Record of the request.
        task: RecordNumber,
        /// What became of it.
        result: TaskResult,
    },
    /// A Lotse records a phase.
    SetParticipation {
        /// The Lotse.
        actor: Actor,
        /// Its reference.
        reference: Reference,
        /// The phase.
        phase: Phase,
        /// Whose place; none: as recorded.
        jobcenter: Option<AgencyId>,
        /// Employability at the beginning; none: as recorded.
        employability_at_start: Option<Employability>,
        /// Employability at the end; none: as recorded.
        employability_at_end: Option<Employability>,
    },
    /// A Lotse lists the participations of its participants.
    ListParticipation {
        /// The Lotse.
        actor: Actor,
    },
    /// A Lotse counts places.
    ShowPlaces,
}

/// What planning answers.
#[derive(Debug)]
pub enum PlanningOutcome {
    /// Whether a message would pass. Two values only: uniform-refusal.
    Coverage {
        /// Whether it is covered.
        covered: bool,
        /// The record of the question.
        record: RecordNumber,
    },
    /// What is to be done.
    Tasks {
        /// At most [`TASKS_LISTED_MAX`].
        tasks: Vec<Task>,
        /// Whether there is more.
        truncated: bool,
    },
    /// What is recorded of a participation now.
    Participation {
        /// Record of the last change.
        record: RecordNumber,
        /// Phase.
        phase: Phase,
        /// Position on the waiting list from 1; 0: does not wait.
        position: u32,
    },
    /// Participations of a Lotse.
    Participations(Vec<ListedParticipation>),
    /// Places of each Jobcenter.
    Places(Vec<PlacesCount>),
}

/// Most tasks of one answer.
pub const TASKS_LISTED_MAX: usize = 1_000;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The caller's reference of whom it is about.
    pub reference: Option<Reference>,
    /// When it is due; none: at once.
    pub due: Option<TimeMs>,
    /// What.
    pub what: TaskKind,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// An agency asks for a consent.
    ConsentRequest {
        /// Record of the request.
        task: RecordNumber,
        /// What would be sent.
        planned: PlannedMessage,
        /// Why.
        reason: RequestReason,
        /// When it was asked for.
        asked_at: TimeMs,
    },
    /// A grant ends soon.
    GrantEnding {
        /// The consent.
        consent: ConsentId,
        /// Index of the grant.
        grant_index: u32,
    },
    /// A consent is to be reviewed.
    Review {
        /// The consent.
        consent: ConsentId,
    },
    /// The longest duration of a participation ends.
    ParticipationEnding {
        /// When it began.
        started: TimeMs,
    },
    /// A place is free for somebody who waits.
    PlaceFree {
        /// Whose place.
        jobcenter: AgencyId,
    },
    /// A directory entry is to be confirmed.
    EntryRenewal {
        /// Whose entry.
        agency: AgencyId,
    },
}

/// One participation in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedParticipation {
    /// The Lotse's reference.
    pub reference: Reference,
    /// The participation.
    pub participation: Participation,
    /// Position on the waiting list from 1; 0: does not wait.
    pub position: u32,
}

/// Places of one Jobcenter: numbers, no persons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacesCount {
    /// The Jobcenter.
    pub jobcenter: AgencyId,
    /// In all.
    pub places: u32,
    /// Taken.
    pub taken: u32,
    /// Participants who wait.
    pub waiting: u32,
}
