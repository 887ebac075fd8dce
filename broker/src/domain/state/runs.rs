//! The part of the fold that is about runs.

use super::{BTreeMap, ParticipantId, RecordNumber, State, TimeMs};
use crate::domain::event::{Actor, RunEvent};
use crate::domain::runs::{Run, RunKind, RunOf};

/// Runs that were proposed, and the retention that is under way.
#[derive(Debug, Default)]
pub(in crate::domain) struct Runs {
    /// Neither approved nor withdrawn, by number. Lapsed ones go when the next one is proposed.
    proposed: BTreeMap<RecordNumber, Run>,
    /// The newest run of the retention that was approved: it may still erase.
    retaining: Option<RecordNumber>,
}

impl Runs {
    /// Runs that can be approved at an instant, oldest first.
    pub(in crate::domain) fn open(&self, now: TimeMs) -> impl Iterator<Item = &Run> {
        self.proposed.values().filter(move |run| run.is_open(now))
    }

    /// The run of this number, if it can be approved at an instant.
    pub(in crate::domain) fn find(&self, number: RecordNumber, now: TimeMs) -> Option<&Run> {
        self.proposed.get(&number).filter(|run| run.is_open(now))
    }

    /// Whether this is the run of the retention that is under way.
    pub(in crate::domain) fn is_retaining(&self, number: RecordNumber) -> bool {
        self.retaining == Some(number)
    }

    /// INVARIANT (erasure): of an erased participant no run is left.
    pub(super) fn forget_participant(&mut self, participant: &ParticipantId) {
        self.proposed.retain(|_, run| run.of != RunOf::Erasure(*participant));
    }

    pub(super) fn forget_erased(&mut self, is_erased: impl Fn(&RecordNumber) -> bool) {
        self.proposed.retain(|number, _| !is_erased(number));
    }

    /// Records were lost, and withdrawals may be among them: what was proposed before is proposed anew.
    pub(super) fn forget_all(&mut self) {
        *self = Self::default();
    }
}

impl State {
    pub(super) fn apply_run(
        &mut self,
        actor: Option<&Actor>,
        event: &RunEvent,
        number: RecordNumber,
        time: TimeMs,
    ) {
        match event {
            RunEvent::Proposed { of, reason } => {
                let Some(actor) = actor else { return };
                let run = Run {
                    number,
                    of: *of,
                    reason: reason.clone(),
                    proposed_by: actor.clone(),
                    proposed_at: time,
                };
                self.runs.proposed.retain(|_, run| run.is_open(time));
                self.runs.proposed.insert(number, run);
            }
            RunEvent::Approved { run, kind, .. } => {
                self.runs.proposed.remove(run);
                match kind {
                    RunKind::Erasure => {}
                    RunKind::Retention => self.runs.retaining = Some(*run),
                }
            }
            RunEvent::Withdrawn { run, .. } => {
                self.runs.proposed.remove(run);
            }
        }
    }
}
