//! Events of planning. None of them changes what may pass.

use crate::domain::event::Decision;
use crate::domain::ids::{AgencyId, ParticipantId, RecordNumber};
use crate::domain::planning::{
    Employability, Phase, PlannedMessage, ReferencePrint, RequestReason, TaskResult,
};

/// What happens when casework is planned.
#[derive(Clone, Debug)]
pub enum PlanningEvent {
    /// Somebody asked whether a message would pass.
    CoverageAsked(Box<CoverageEvent>),
    /// An agency asked the Lotse for a consent.
    ConsentRequested(Box<RequestEvent>),
    /// A Lotse closed a consent request.
    TaskClosed {
        /// Whom it is about.
        participant: ParticipantId,
        /// Record of the request.
        task: RecordNumber,
        /// What became of it.
        result: TaskResult,
    },
    /// A participation changed.
    ParticipationSet(Box<ParticipationEvent>),
}

/// See [`PlanningEvent::CoverageAsked`].
#[derive(Clone, Debug)]
pub struct CoverageEvent {
    /// Whom it is about, if the reference means somebody.
    pub participant: Option<ParticipantId>,
    /// What would be sent.
    pub planned: PlannedMessage,
    /// What was decided.
    pub decision: Decision,
}

/// See [`PlanningEvent::ConsentRequested`].
#[derive(Clone, Debug)]
pub struct RequestEvent {
    /// Whom it is about, if the reference means somebody.
    pub participant: Option<ParticipantId>,
    /// By what a repetition is known again.
    pub print: ReferencePrint,
    /// What would be sent.
    pub planned: PlannedMessage,
    /// Why.
    pub reason: RequestReason,
}

/// See [`PlanningEvent::ParticipationSet`].
#[derive(Clone, Debug)]
pub struct ParticipationEvent {
    /// Whose.
    pub participant: ParticipantId,
    /// Phase from now on.
    pub phase: Phase,
    /// Whose place it is.
    pub jobcenter: AgencyId,
    /// Employability at the beginning.
    pub employability_at_start: Option<Employability>,
    /// Employability at the end.
    pub employability_at_end: Option<Employability>,
}
