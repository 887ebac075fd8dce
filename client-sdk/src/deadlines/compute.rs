//! From events and the table to deadlines.

use std::collections::BTreeSet;

use super::calendar::{day_of, end_of, last_day};
use super::holidays::Place;
use super::rules::{LEFT, Moment, Party, RULES, Rule, Scope, is_meant};
use super::{CaseEvent, Deadline, DeadlineState, Direction};
use crate::error::ClientError;

impl CaseEvent {
    fn at(&self, moment: Moment) -> i64 {
        match moment {
            Moment::Sent => self.accepted_ms,
            Moment::Received => self.handed_out_ms.unwrap_or(self.accepted_ms),
        }
    }

    fn party(&self, party: Party) -> &str {
        match party {
            Party::Sender => &self.sender,
            Party::Recipient => &self.recipient,
            Party::Nobody => "",
        }
    }

    /// Whether a duty of this party is our own.
    fn is_ours(&self, party: Party) -> Option<bool> {
        match (self.direction, party) {
            (Direction::Observed, _) | (_, Party::Nobody) => None,
            (Direction::Sent, Party::Sender) | (Direction::Received, Party::Recipient) => {
                Some(true)
            }
            (Direction::Sent, Party::Recipient) | (Direction::Received, Party::Sender) => {
                Some(false)
            }
        }
    }
}

/// All deadlines that follow from the events up to an instant, soonest first.
///
/// The order of the events does not matter. What happened after the instant is not looked at.
///
/// # Errors
/// An event or a last day is outside the years for which holidays are known.
pub fn deadlines(
    events: &[CaseEvent],
    at_ms: i64,
    place: Place,
) -> Result<Vec<Deadline>, ClientError> {
    let mut known: Vec<CaseEvent> =
        events.iter().filter(|e| e.accepted_ms <= at_ms).cloned().collect();
    for event in &mut known {
        event.handed_out_ms = event.handed_out_ms.filter(|time| *time <= at_ms);
    }
    known.sort_by_key(|event| event.accepted_ms);
    let mut found = Vec::new();
    let participants: BTreeSet<&str> = known.iter().map(participant).collect();
    for one in participants {
        let about: Vec<&CaseEvent> =
            known.iter().filter(|event| participant(event) == one).collect();
        let threads: BTreeSet<&str> = about.iter().map(|event| event.thread.as_str()).collect();
        for rule in RULES {
            match rule.scope {
                Scope::Participation => of_group(rule, &about, at_ms, place, &mut found)?,
                Scope::Thread => {
                    for thread in &threads {
                        // The end of the participation is an event of every thread.
                        let of = |e: &&&CaseEvent| e.thread == *thread || e.kind == LEFT;
                        let group: Vec<&CaseEvent> = about.iter().filter(of).copied().collect();
                        of_group(rule, &group, at_ms, place, &mut found)?;
                    }
                }
            }
        }
    }
    found.sort_by(|a, b| a.due.cmp(&b.due).then_with(|| a.rule.id.cmp(b.rule.id)));
    Ok(found)
}

fn participant(event: &CaseEvent) -> &str {
    event.participant.as_ref().map_or("", |reference| reference.as_text())
}

/// What one rule makes of the events of one thread or participation, oldest first.
fn of_group(
    rule: &'static Rule,
    group: &[&CaseEvent],
    at_ms: i64,
    place: Place,
    found: &mut Vec<Deadline>,
) -> Result<(), ClientError> {
    let has = |codes: &[&str]| group.iter().any(|event| is_meant(&event.kind, codes));
    if has(rule.unless) || !(rule.requires.is_empty() || has(rule.requires)) {
        return Ok(());
    }
    let once = rule.first_only || rule.scope == Scope::Participation;
    let most = if once { 1 } else { usize::MAX };
    let triggers =
        group.iter().enumerate().filter(|(_, event)| is_meant(&event.kind, rule.trigger));
    for (place_in_group, trigger) in triggers.take(most) {
        let later = group.get(place_in_group + 1..).unwrap_or_default();
        found.push(of_trigger(rule, trigger, later, at_ms, place)?);
    }
    Ok(())
}

fn of_trigger(
    rule: &'static Rule,
    trigger: &CaseEvent,
    later: &[&CaseEvent],
    at_ms: i64,
    place: Place,
) -> Result<Deadline, ClientError> {
    let begun_on = day_of(trigger.at(rule.from))?;
    let due = last_day(begun_on, rule.period, rule.begin, rule.end, place)?;
    let overdue_from_ms = end_of(due)?;
    let obliged = trigger.party(rule.obliged);
    let may =
        |event: &CaseEvent| !rule.stop_by_obliged || obliged.is_empty() || event.sender == obliged;
    let stops = |event: &CaseEvent| may(event) && is_meant(&event.kind, rule.stop);
    let supersedes = |event: &CaseEvent| {
        let by_obliged = may(event) && is_meant(&event.kind, rule.superseded_by);
        by_obliged || is_meant(&event.kind, rule.superseded_by_anyone)
    };
    let end = later.iter().find(|event| supersedes(event) || stops(event));
    let (ended_ms, state) = match end {
        Some(event) if supersedes(event) => (Some(event.accepted_ms), DeadlineState::Superseded),
        Some(event) if event.at(rule.stop_at) < overdue_from_ms => {
            (Some(event.at(rule.stop_at)), DeadlineState::Met)
        }
        Some(event) => (Some(event.at(rule.stop_at)), DeadlineState::Late),
        None if at_ms < overdue_from_ms => (None, DeadlineState::Open),
        // A span that nothing has to meet is simply over.
        None if rule.stop.is_empty() => (None, DeadlineState::Met),
        None => (None, DeadlineState::Overdue),
    };
    let ended = end
        .zip(ended_ms)
        .map(|(event, ms)| Ok::<_, ClientError>((event.kind.clone(), day_of(ms)?)));
    Ok(Deadline {
        rule,
        participant: trigger.participant.clone(),
        thread: match rule.scope {
            Scope::Thread => trigger.thread.clone(),
            Scope::Participation => String::new(),
        },
        begun_by: trigger.kind.clone(),
        begun_on,
        receipt_known: rule.from == Moment::Sent
            || trigger.handed_out_ms.is_some()
            || trigger.sender.is_empty() && trigger.recipient.is_empty(),
        obliged: obliged.to_owned(),
        ours: trigger.is_ours(rule.obliged),
        due,
        overdue_from_ms,
        ended: ended.transpose()?,
        state,
    })
}

#[cfg(test)]
mod tests;
