//! What is to be done, as the broker lists it: at most 1,000 tasks about all participants of a Lotse. What is about one
//! participant is made of that and of what the broker says of that participant, so that no task is hidden by those of
//! others.

use std::collections::HashMap;

use schleuse_client::{
    ConsentRecord, ParticipantReference, ParticipationPhase, Task, TaskKind, v1,
};

use super::state::is_open;
use crate::desk::{Desk, Failed};

/// How long before it is due something is listed. Source: schleuse/v1/planning.proto, `Task`.
const AHEAD_MS: i64 = 30 * 24 * 3600 * 1000;

/// Tasks of a Lotse, the most urgent first: what is due at once, then by the day.
#[derive(Debug)]
pub(super) struct Tasks {
    pub(super) all: Vec<Task>,
    /// Whether there are more than the broker lists.
    pub(super) is_cut: bool,
}

/// What is to be done about somebody, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) count: usize,
    /// When the first of it is due; none: at once.
    pub(super) first_due_ms: Option<i64>,
}

impl Tasks {
    pub(super) async fn read(desk: &Desk) -> Result<Self, Failed> {
        let (all, is_cut) = desk.client.tasks().await.map_err(|error| desk.failed(error))?;
        Ok(Self::of(all, is_cut))
    }

    fn of(mut all: Vec<Task>, is_cut: bool) -> Self {
        all.sort_by_key(|task| task.due_ms);
        Self { all, is_cut }
    }

    /// Until when the list has everything that is due on a day; none: to its end.
    pub(super) fn known_until_ms(&self) -> Option<i64> {
        let last = self.all.last().and_then(|task| task.due_ms);
        self.is_cut.then(|| last.unwrap_or_default())
    }

    /// Whether the list has everything that is due at once. It comes first: if something follows, it is all there.
    fn has_all_at_once(&self) -> bool {
        !self.is_cut || self.all.last().is_some_and(|task| task.due_ms.is_some())
    }

    /// What is to be done about each participant, in short.
    pub(super) fn by_participant(&self) -> HashMap<&ParticipantReference, Open> {
        let mut found = HashMap::new();
        for task in &self.all {
            let Some(participant) = &task.participant else { continue };
            let first = Open { count: 0, first_due_ms: task.due_ms };
            let open: &mut Open = found.entry(participant).or_insert(first);
            open.count += 1;
        }
        found
    }

    /// What is to be done about one participant, and whether that is all. What is due on a day follows from their
    /// consents and their participation, also where the list is cut before it.
    pub(super) fn about(
        &self,
        participant: &ParticipantReference,
        consents: &[ConsentRecord],
        state: Option<&v1::Participation>,
        now_ms: i64,
    ) -> (Vec<Task>, bool) {
        let mine = self.all.iter().filter(|task| task.participant.as_ref() == Some(participant));
        let mut mine: Vec<Task> = mine.cloned().collect();
        if self.is_cut {
            for (due_ms, what) in due(consents, state, now_ms) {
                if !mine.iter().any(|known| known.what == what) {
                    let participant = Some(participant.clone());
                    mine.push(Task { participant, due_ms: Some(due_ms), what });
                }
            }
            mine.sort_by_key(|task| task.due_ms);
        }
        (mine, self.has_all_at_once())
    }
}

/// What is due about one participant because of the time, as the broker counts it.
fn due(
    consents: &[ConsentRecord],
    state: Option<&v1::Participation>,
    now_ms: i64,
) -> Vec<(i64, TaskKind)> {
    let mut found = Vec::new();
    for record in consents.iter().filter(|record| is_open(record.state)) {
        let consent = record.consent_id;
        for (grant, grant_index) in record.document.grants.iter().zip(0..) {
            if grant.not_after_ms > now_ms {
                found.push((grant.not_after_ms, TaskKind::GrantEnding { consent, grant_index }));
            }
        }
        found.push((record.review_by_ms, TaskKind::Review { consent }));
    }
    if let Some((state, ends_by_ms)) = state.and_then(|state| Some((state, ends_by_ms(state)?))) {
        let started_at_ms = state.started_at_ms;
        found.push((ends_by_ms, TaskKind::ParticipationEnding { started_at_ms }));
    }
    found.retain(|(due_ms, _)| *due_ms <= now_ms.saturating_add(AHEAD_MS));
    found
}

/// When the 24 months of somebody who has a place end.
pub(super) fn ends_by_ms(state: &v1::Participation) -> Option<i64> {
    use ParticipationPhase as P;
    let has_place = match state.phase() {
        P::Contact
        | P::Assessment
        | P::Goals
        | P::SupportPlanning
        | P::Implementation
        | P::Reflection
        | P::Transition => true,
        P::Unspecified | P::Proposed | P::Waiting | P::FollowUp | P::Ended => false,
    };
    Some(state.ends_by_ms).filter(|ms| has_place && *ms != 0)
}

#[cfg(test)]
mod tests;
