//! Events of planning as records, and the wire forms of their values.
//!
//! Of a participation the body says that it changed and nothing else: its phase is in the private section,
//! which never leaves the broker's files. Of a request whose reference means nobody the reference is not
//! kept, only its print.

use bytes::Bytes;
use schleuse_proto::v1::{self, log_entry};

use super::documents::{invalid, parse_address, parse_categories, unknown};
use crate::domain::Catalogue;
use crate::domain::event::{
    CoverageEvent, Decision, ParticipationEvent, PlanningEvent, RequestEvent,
};
use crate::domain::ids::{Address, AgencyId, ParticipantId};
use crate::domain::planning::{
    Employability, Phase, PlannedMessage, ReferencePrint, RequestReason, TaskResult,
};
use crate::domain::refusal::Refusal;

/// Type of the record that logs an event.
pub(super) fn record_type(event: &PlanningEvent) -> v1::RecordType {
    match event {
        PlanningEvent::CoverageAsked(_) => v1::RecordType::CoverageAsked,
        PlanningEvent::ConsentRequested(_) => v1::RecordType::ConsentRequested,
        PlanningEvent::TaskClosed { .. } => v1::RecordType::TaskClosed,
        PlanningEvent::ParticipationSet(_) => v1::RecordType::ParticipationSet,
    }
}

/// Body of the record that logs an event; fills the private section.
pub(super) fn body(
    event: &PlanningEvent,
    catalogue: &Catalogue,
    private: &mut v1::PrivateSection,
) -> log_entry::Event {
    let mut about = |participant: &ParticipantId| {
        private.participant = Bytes::copy_from_slice(participant.bytes());
    };
    match event {
        PlanningEvent::CoverageAsked(asked) => {
            asked.participant.as_ref().map(about);
            log_entry::Event::CoverageAsked(v1::CoverageAsked {
                planned: Some(wire_planned(&asked.planned, catalogue)),
                covered: matches!(asked.decision, Decision::Accepted(_)),
            })
        }
        PlanningEvent::ConsentRequested(request) => {
            request.participant.as_ref().map(about);
            private.reference_print = Bytes::copy_from_slice(&request.print.0);
            log_entry::Event::ConsentRequested(v1::ConsentRequested {
                planned: Some(wire_planned(&request.planned, catalogue)),
                reason: wire_reason(request.reason).into(),
            })
        }
        PlanningEvent::TaskClosed { participant, task, result } => {
            about(participant);
            log_entry::Event::TaskClosed(v1::TaskClosed {
                task_number: *task,
                result: wire_result(*result).into(),
            })
        }
        PlanningEvent::ParticipationSet(event) => {
            about(&event.participant);
            let step = |step: Option<Employability>| step.map_or(0, |step| u32::from(step.step()));
            private.participation = Some(v1::PrivateParticipation {
                phase: wire_phase(event.phase).into(),
                jobcenter: event.jobcenter.to_string(),
                employability_at_start: step(event.employability_at_start),
                employability_at_end: step(event.employability_at_end),
            });
            log_entry::Event::ParticipationSet(v1::ParticipationSet {})
        }
    }
}

/// The event of a question; its decision is in the findings.
pub(super) fn coverage(
    asked: &v1::CoverageAsked,
    participant: Option<ParticipantId>,
    decision: Decision,
    catalogue: &Catalogue,
) -> Result<PlanningEvent, String> {
    let planned = parse_planned(asked.planned.as_ref(), catalogue).map_err(|e| e.to_string())?;
    if asked.covered != matches!(decision, Decision::Accepted(_)) {
        return Err("answer and findings do not fit".to_owned());
    }
    Ok(PlanningEvent::CoverageAsked(Box::new(CoverageEvent { participant, planned, decision })))
}

/// The event of a request.
pub(super) fn request(
    request: &v1::ConsentRequested,
    participant: Option<ParticipantId>,
    private: &v1::PrivateSection,
    catalogue: &Catalogue,
) -> Result<PlanningEvent, String> {
    let print = private.reference_print.as_ref().try_into();
    Ok(PlanningEvent::ConsentRequested(Box::new(RequestEvent {
        participant,
        print: ReferencePrint(print.map_err(|_| "a request has a print of 16 bytes")?),
        planned: parse_planned(request.planned.as_ref(), catalogue).map_err(|e| e.to_string())?,
        reason: domain_reason(request.reason()),
    })))
}

/// The event of a closed request.
pub(super) fn closed(
    closed: v1::TaskClosed,
    participant: ParticipantId,
) -> Result<PlanningEvent, String> {
    let result = domain_result(closed.result()).ok_or("unknown result")?;
    Ok(PlanningEvent::TaskClosed { participant, task: closed.task_number, result })
}

/// The event of a changed participation.
pub(super) fn participation(
    participant: ParticipantId,
    private: &v1::PrivateSection,
) -> Result<PlanningEvent, String> {
    let recorded = private.participation.as_ref().ok_or("the record has no participation")?;
    let step = |step: u32| match step {
        0 => Ok(None),
        step => Employability::parse(step).map(Some).ok_or("a step is 1 to 4"),
    };
    Ok(PlanningEvent::ParticipationSet(Box::new(ParticipationEvent {
        participant,
        phase: domain_phase(recorded.phase()).ok_or("unknown phase")?,
        jobcenter: AgencyId::parse(&recorded.jobcenter).ok_or("malformed agency")?,
        employability_at_start: step(recorded.employability_at_start)?,
        employability_at_end: step(recorded.employability_at_end)?,
    })))
}

/// A planned message as it stands on the wire.
#[must_use]
pub fn wire_planned(planned: &PlannedMessage, catalogue: &Catalogue) -> v1::PlannedMessage {
    let address = |of: &Address| {
        Some(v1::Address { agency: of.agency.to_string(), function: of.function().to_owned() })
    };
    let categories = catalogue.category_codes(planned.categories).map(str::to_owned);
    v1::PlannedMessage {
        sender: address(&planned.sender),
        recipient: address(&planned.recipient),
        purpose: catalogue.purpose_code(planned.purpose).to_owned(),
        kind: catalogue.kind_code(planned.kind).to_owned(),
        categories: categories.collect(),
        professional_secret: planned.professional_secret,
    }
}

/// Parses a planned message by the rules of a label.
///
/// # Errors
/// A field is missing, malformed or unknown.
pub fn parse_planned(
    planned: Option<&v1::PlannedMessage>,
    catalogue: &Catalogue,
) -> Result<PlannedMessage, Refusal> {
    let planned = planned.ok_or(invalid("planned", "what would be sent"))?;
    let purpose = catalogue.purpose(&planned.purpose);
    let purpose = purpose.ok_or_else(|| unknown("planned.purpose", &planned.purpose))?;
    if catalogue.is_without_participant(purpose) {
        let expected = "a purpose about a participant; what is about nobody needs no consent";
        return Err(invalid("planned.purpose", expected));
    }
    let kind = catalogue.kind(&planned.kind);
    let kind = kind.ok_or_else(|| unknown("planned.kind", &planned.kind))?;
    if !catalogue.permits(purpose, kind) {
        return Err(invalid("planned.kind", "a kind that the purpose permits"));
    }
    let sorted = planned.categories.is_sorted_by(|a, b| a < b);
    let categories = parse_categories(&planned.categories, catalogue, "planned.categories")?;
    if !sorted || categories.is_empty() {
        let expected = "1 to 16 codes, sorted, without repetition";
        return Err(invalid("planned.categories", expected));
    }
    let sender = parse_address(planned.sender.as_ref(), "planned.sender")?;
    if catalogue.is_professional_secret(kind, sender.function()) && !planned.professional_secret {
        let expected = "true: the catalogue names this kind or function as professional";
        return Err(invalid("planned.professional_secret", expected));
    }
    Ok(PlannedMessage {
        sender,
        recipient: parse_address(planned.recipient.as_ref(), "planned.recipient")?,
        purpose,
        kind,
        categories,
        professional_secret: planned.professional_secret,
    })
}

macro_rules! pairs {
    ($wire:ident, $domain:ident, $from:ident, $to:ident, $doc:literal, $($one:ident),+) => {
        #[doc = concat!($doc, " as it stands on the wire.")]
        #[must_use]
        pub fn $to(value: $domain) -> v1::$wire {
            match value { $($domain::$one => v1::$wire::$one),+ }
        }

        #[doc = concat!($doc, " from the wire; none if it is not set.")]
        #[must_use]
        pub fn $from(value: v1::$wire) -> Option<$domain> {
            match value { v1::$wire::Unspecified => None, $(v1::$wire::$one => Some($domain::$one)),+ }
        }
    };
}

pairs!(
    ParticipationPhase,
    Phase,
    domain_phase,
    wire_phase,
    "A phase",
    Proposed,
    Waiting,
    Contact,
    Assessment,
    Goals,
    SupportPlanning,
    Implementation,
    Reflection,
    Transition,
    FollowUp,
    Ended
);
pairs!(
    TaskResult,
    TaskResult,
    domain_result,
    wire_result,
    "What became of a request",
    Done,
    Declined,
    Obsolete
);

/// A reason as it stands on the wire.
#[must_use]
pub fn wire_reason(reason: RequestReason) -> v1::RequestReason {
    match reason {
        RequestReason::None => v1::RequestReason::Unspecified,
        RequestReason::PeriodRuns => v1::RequestReason::PeriodRuns,
        RequestReason::BenefitAtRisk => v1::RequestReason::BenefitAtRisk,
        RequestReason::HomeAtRisk => v1::RequestReason::HomeAtRisk,
        RequestReason::ResponsibilityOpen => v1::RequestReason::ResponsibilityOpen,
        RequestReason::ConferencePlanned => v1::RequestReason::ConferencePlanned,
        RequestReason::RehabilitationPlanned => v1::RequestReason::RehabilitationPlanned,
    }
}

/// A reason from the wire.
#[must_use]
pub fn domain_reason(reason: v1::RequestReason) -> RequestReason {
    match reason {
        v1::RequestReason::Unspecified => RequestReason::None,
        v1::RequestReason::PeriodRuns => RequestReason::PeriodRuns,
        v1::RequestReason::BenefitAtRisk => RequestReason::BenefitAtRisk,
        v1::RequestReason::HomeAtRisk => RequestReason::HomeAtRisk,
        v1::RequestReason::ResponsibilityOpen => RequestReason::ResponsibilityOpen,
        v1::RequestReason::ConferencePlanned => RequestReason::ConferencePlanned,
        v1::RequestReason::RehabilitationPlanned => RequestReason::RehabilitationPlanned,
    }
}
