//! Queries of the log: each is a record before its first row is sent.

use schleuse_proto::identity::Role;

use crate::domain::command::Outcome;
use crate::domain::event::{Actor, EventKind, LogQueryEvent};
use crate::domain::ids::{RecordNumber, Reference, TimeMs};
use crate::domain::refusal::Refusal;
use crate::domain::state::{Rules, State};

impl State {
    /// Records that somebody read lists about participants that are not chosen by a reference.
    pub(super) fn query(&mut self, actor: Actor, reason: &str, now: TimeMs) -> RecordNumber {
        let query = LogQueryEvent { reason: reason.to_owned(), ..LogQueryEvent::default() };
        self.emit(Some(actor), EventKind::LogQueried(query), now)
    }

    pub(super) fn query_log(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        reference: Option<Reference>,
        mut query: LogQueryEvent,
    ) -> Result<Outcome, Refusal> {
        let participant = match (actor.role, reference) {
            // A Lotse asks about one participant that is entrusted to it, and learns of no other.
            (Role::Lotse, Some(reference)) => {
                Some(Some(self.entrusted_participant(rules, now, &actor, &reference)?.1.id))
            }
            (Role::Lotse, None) => {
                return Err(Refusal::InvalidField {
                    field: "participant_reference",
                    expected: "the Lotse's own reference of a participant",
                });
            }
            (Role::Dpo, Some(reference)) => {
                Some(self.by_reference(&actor.agency, &reference).map(|(_, p)| p.id))
            }
            (Role::Dpo, None) => None,
            (Role::System | Role::Operator | Role::Evaluation, _) => {
                return Err(Refusal::NotFound { field: "participant_reference" });
            }
        };
        query.participant = participant.flatten();
        let record = self.emit(Some(actor), EventKind::LogQueried(query), now);
        Ok(Outcome::QueryLogged { record, participant })
    }
}
