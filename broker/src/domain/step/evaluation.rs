//! Releases to the evaluation: once for each quarter, and always the same.

use bytes::Bytes;
use schleuse_proto::evidence::sha256;

use crate::domain::command::{EvaluationCommand, EvaluationOutcome};
use crate::domain::evaluation::Quarter;
use crate::domain::event::{Actor, EvaluationEvent, EventKind};
use crate::domain::ids::{RecordNumber, TimeMs};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;

impl State {
    pub(super) fn evaluation(
        &mut self,
        now: TimeMs,
        command: EvaluationCommand,
    ) -> Result<EvaluationOutcome, Refusal> {
        match command {
            EvaluationCommand::Find { quarter } => {
                self.is_over(now, quarter)?;
                let released = self.evaluations.get(&quarter).map(|(record, _)| *record);
                Ok(EvaluationOutcome::Found(released))
            }
            EvaluationCommand::Export { actor, quarter, tables } => {
                self.is_over(now, quarter)?;
                self.export_evaluation(now, actor, quarter, tables)
            }
        }
    }

    /// A quarter that has not ended could be counted twice, and the difference be a person.
    fn is_over(&self, now: TimeMs, quarter: Quarter) -> Result<(), Refusal> {
        // Later records are never earlier than the newest one.
        if now.max(self.time()) < quarter.end() {
            return Err(Refusal::QuarterNotOver { quarter });
        }
        Ok(())
    }

    /// Whatever was computed now: what was released first is what is exported.
    fn export_evaluation(
        &mut self,
        now: TimeMs,
        actor: Actor,
        quarter: Quarter,
        tables: Option<Bytes>,
    ) -> Result<EvaluationOutcome, Refusal> {
        if let Some((release, tables_hash)) = self.evaluations.get(&quarter).copied() {
            let event = EvaluationEvent::Exported { quarter, release, tables_hash };
            let record = self.emit(Some(actor), EventKind::Evaluation(event), now);
            return Ok(EvaluationOutcome::Exported { release, record });
        }
        let tables = tables.ok_or(Refusal::NotFound { field: "quarter" })?;
        let event = EvaluationEvent::Released { quarter, tables };
        let record = self.emit(Some(actor), EventKind::Evaluation(event), now);
        Ok(EvaluationOutcome::Exported { release: record, record })
    }

    pub(in crate::domain) fn apply_evaluation(
        &mut self,
        event: &EvaluationEvent,
        number: RecordNumber,
    ) {
        match event {
            EvaluationEvent::Released { quarter, tables } => {
                self.evaluations.entry(*quarter).or_insert((number, sha256(&[tables])));
            }
            EvaluationEvent::Exported { .. } => {}
        }
    }
}
