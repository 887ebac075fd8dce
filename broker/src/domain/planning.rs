//! Values of planning: planned messages, requests to the Lotse, phases of a participation, places.
//!
//! Nothing here permits anything: a question is answered by the decision of messages, and a phase changes
//! nothing of what may pass. Source: DOMAIN "The participant's course".

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use schleuse_proto::evidence::sha256;

use super::catalogue::{Categories, Kind, Purpose};
use super::ids::{Address, AgencyId, RecordNumber, Reference, TimeMs};

/// Longest participation in calendar months; a hint, nothing ends by itself.
pub const PARTICIPATION_MONTHS_MAX: u32 = 24;

/// What the configuration says about planning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanningRules {
    /// Places of each Jobcenter.
    pub places: BTreeMap<AgencyId, u32>,
    /// Calendar months after which a directory entry is to be confirmed again.
    pub renew_months: u32,
    /// Kinds of agencies that entries may name; none: any well-formed code.
    pub agency_kinds: BTreeSet<String>,
}

impl Default for PlanningRules {
    fn default() -> Self {
        Self { places: BTreeMap::new(), renew_months: 6, agency_kinds: BTreeSet::new() }
    }
}

/// An instant so many calendar months later, in UTC; the end of time if there is none.
#[must_use]
pub fn months_after(instant: TimeMs, months: u32) -> TimeMs {
    let later = || {
        let begin = Timestamp::from_millisecond(i64::try_from(instant).ok()?).ok()?;
        let end = begin.to_zoned(TimeZone::UTC).checked_add(i64::from(months).months()).ok()?;
        TimeMs::try_from(end.timestamp().as_millisecond()).ok()
    };
    later().unwrap_or(TimeMs::MAX)
}

/// What somebody would like to send: all of a label that the decision looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedMessage {
    /// Who would send.
    pub sender: Address,
    /// Who would receive.
    pub recipient: Address,
    /// For what.
    pub purpose: Purpose,
    /// Which kind; the purpose permits it.
    pub kind: Kind,
    /// Which data, not empty.
    pub categories: Categories,
    /// Whether the content is a professional secret.
    pub professional_secret: bool,
}

/// By what a repeated request is known again, whether or not the reference means somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReferencePrint(pub [u8; 16]);

impl ReferencePrint {
    /// Half of SHA-256 over agency and reference. References are random: a print tells nothing to whoever
    /// does not have the reference already.
    #[must_use]
    pub fn of(agency: &AgencyId, reference: &Reference) -> Self {
        let prefix = b"schleuse/v1/reference-print\0";
        let digest = sha256(&[prefix, agency.as_str().as_bytes(), b"\0", reference.bytes()]);
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

/// Why a consent is asked for. A code: no text about a person enters the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestReason {
    /// None given.
    None,
    /// A statutory period runs.
    PeriodRuns,
    /// A benefit is at risk.
    BenefitAtRisk,
    /// The home is at risk.
    HomeAtRisk,
    /// It is not settled who is responsible.
    ResponsibilityOpen,
    /// A Fallkonferenz is to be prepared.
    ConferencePlanned,
    /// An application for rehabilitation is to be prepared.
    RehabilitationPlanned,
}

/// What became of a consent request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskResult {
    /// Settled.
    Done,
    /// The participant does not want it.
    Declined,
    /// Not needed any more.
    Obsolete,
}

/// Phase of a participation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Vorschlag.
    Proposed,
    /// Vormerkliste.
    Waiting,
    /// Kontaktaufbau.
    Contact,
    /// Assessment.
    Assessment,
    /// Zielvereinbarung.
    Goals,
    /// Förder- und Unterstützungsplanung.
    SupportPlanning,
    /// Durchführung.
    Implementation,
    /// Reflexion.
    Reflection,
    /// Überleitung.
    Transition,
    /// Nachbetreuung.
    FollowUp,
    /// Ended.
    Ended,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 11] = [
        Self::Proposed,
        Self::Waiting,
        Self::Contact,
        Self::Assessment,
        Self::Goals,
        Self::SupportPlanning,
        Self::Implementation,
        Self::Reflection,
        Self::Transition,
        Self::FollowUp,
        Self::Ended,
    ];

    /// With which phases a participation begins.
    pub const FIRST: &'static [Self] = &[Self::Proposed, Self::Waiting, Self::Contact];

    /// Whether the participant has a place. Follow-up care comes after the participation and takes none.
    #[must_use]
    pub fn has_place(self) -> bool {
        match self {
            Self::Contact
            | Self::Assessment
            | Self::Goals
            | Self::SupportPlanning
            | Self::Implementation
            | Self::Reflection
            | Self::Transition => true,
            Self::Proposed | Self::Waiting | Self::FollowUp | Self::Ended => false,
        }
    }

    /// The table of transitions: what may follow. Casework goes back one step where a plan did not hold; each
    /// phase with a place may go on to the hand-over, and everything may end at any time, without reason: by the
    /// signed end of the participation.
    #[must_use]
    pub fn next(self) -> &'static [Self] {
        use Phase::{
            Assessment, Contact, Ended, FollowUp, Goals, Implementation, Proposed, Reflection,
            SupportPlanning, Transition, Waiting,
        };
        match self {
            Proposed => &[Waiting, Contact, Ended],
            Waiting => &[Proposed, Contact, Ended],
            Contact => &[Assessment, Transition, Ended],
            Assessment => &[Contact, Goals, Transition, Ended],
            Goals => &[Assessment, SupportPlanning, Transition, Ended],
            SupportPlanning => &[Goals, Implementation, Transition, Ended],
            Implementation => &[Goals, SupportPlanning, Reflection, Transition, Ended],
            Reflection => &[Goals, SupportPlanning, Implementation, Transition, Ended],
            Transition => &[Implementation, Reflection, FollowUp, Ended],
            FollowUp => &[Ended],
            Ended => &[],
        }
    }

    /// What may follow, in words for a refusal; the end is no matter of phases alone.
    #[must_use]
    pub fn next_in_words(from: Option<Self>) -> &'static str {
        match from {
            None => "PROPOSED, WAITING or CONTACT, with which a participation begins",
            Some(Self::Proposed) => "WAITING or CONTACT after PROPOSED",
            Some(Self::Waiting) => "PROPOSED or CONTACT after WAITING",
            Some(Self::Contact) => "ASSESSMENT or TRANSITION after CONTACT",
            Some(Self::Assessment) => "CONTACT, GOALS or TRANSITION after ASSESSMENT",
            Some(Self::Goals) => "ASSESSMENT, SUPPORT_PLANNING or TRANSITION after GOALS",
            Some(Self::SupportPlanning) => {
                "GOALS, IMPLEMENTATION or TRANSITION after SUPPORT_PLANNING"
            }
            Some(Self::Implementation) => {
                "GOALS, SUPPORT_PLANNING, REFLECTION or TRANSITION after IMPLEMENTATION"
            }
            Some(Self::Reflection) => {
                "GOALS, SUPPORT_PLANNING, IMPLEMENTATION or TRANSITION after REFLECTION"
            }
            Some(Self::Transition) => "IMPLEMENTATION, REFLECTION or FOLLOW_UP after TRANSITION",
            Some(Self::FollowUp) => "nothing but the end of the participation after FOLLOW_UP",
            Some(Self::Ended) => "nothing: the participation has ended",
        }
    }
}

/// A step of employability, 1 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Employability(u8);

impl Employability {
    /// Takes a step of 1 to 4.
    #[must_use]
    pub fn parse(step: u32) -> Option<Self> {
        u8::try_from(step).ok().filter(|step| (1..=4).contains(step)).map(Self)
    }

    /// The step.
    #[must_use]
    pub fn step(self) -> u8 {
        self.0
    }
}

/// A participation. For Lotsen alone, and without persons for the evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participation {
    /// Whose place it is.
    pub jobcenter: AgencyId,
    /// Phase now.
    pub phase: Phase,
    /// All phases with their beginnings, oldest first.
    pub phases: Vec<(Phase, TimeMs)>,
    /// When the participant first had a place.
    pub started: Option<TimeMs>,
    /// When it ended.
    pub ended: Option<TimeMs>,
    /// Employability at the beginning.
    pub employability_at_start: Option<Employability>,
    /// Employability at the end.
    pub employability_at_end: Option<Employability>,
    /// Record of the last change.
    pub record: RecordNumber,
    /// Since which record the participant waits.
    pub waits_since: Option<RecordNumber>,
}

impl Participation {
    /// When the longest duration ends; a hint.
    #[must_use]
    pub fn ends_by(&self) -> Option<TimeMs> {
        self.started.map(|started| months_after(started, PARTICIPATION_MONTHS_MAX))
    }
}

/// When a directory entry is to be confirmed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// When the agency last confirmed it.
    pub confirmed: TimeMs,
    /// First instant at which it is no longer valid.
    pub valid_until: Option<TimeMs>,
}

impl Renewal {
    /// When it is stale.
    #[must_use]
    pub fn due(&self, rules: &PlanningRules) -> TimeMs {
        let renew_by = months_after(self.confirmed, rules.renew_months);
        self.valid_until.map_or(renew_by, |until| until.min(renew_by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_can_be_reached_and_every_phase_can_end() {
        let mut reached: Vec<Phase> = Phase::FIRST.to_vec();
        let mut at = 0;
        while let Some(phase) = reached.get(at).copied() {
            for next in phase.next() {
                if !reached.contains(next) {
                    reached.push(*next);
                }
            }
            at += 1;
        }
        reached.sort_unstable();
        assert_eq!(reached, Phase::ALL);
        for phase in Phase::ALL {
            assert_eq!(phase.next().contains(&Phase::Ended), phase != Phase::Ended, "{phase:?}");
            assert!(!phase.next().contains(&phase), "{phase:?} follows itself");
        }
    }

    #[test]
    fn no_phase_takes_a_place_but_through_the_first_contact() {
        for from in Phase::ALL.into_iter().filter(|phase| !phase.has_place()) {
            for to in from.next().iter().filter(|phase| phase.has_place()) {
                assert_eq!(*to, Phase::Contact, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn months_end_with_the_month() {
        // 2026-08-31T00:00:00Z and 2027-02-28T00:00:00Z.
        assert_eq!(months_after(1_788_134_400_000, 6), 1_803_772_800_000);
        assert_eq!(months_after(TimeMs::MAX, 6), TimeMs::MAX);
    }
}
