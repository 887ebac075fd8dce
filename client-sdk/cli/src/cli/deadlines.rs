//! `schleuse deadlines`, `agency deadlines`, `lotse deadlines`: what is due by when. Hints, never decisions.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::ToSpan as _;
use jiff::civil::Date;
use schleuse_client::deadlines::{
    CaseEvent, CaseFile, Deadline, DeadlineState, Direction, JOINED, LEFT, Place, RULES, deadlines,
    end_of, german_day, last_day, start_of,
};
use schleuse_client::{
    ClientError, Clock as _, ParticipantReference, SystemClock, parse_time, rfc3339,
};
use serde_json::{Value, json};

use super::args::{
    AgencyDeadlinesArguments, DeadlineCommand, Global, LotseDeadlinesArguments, ShownDeadlines,
};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect};

/// Beneath every list.
const HINT: &str =
    "Hinweise, keine Entscheidungen: gesetzliche Fristen laufen unabhängig davon, was hier steht.";
/// Most days of a table.
const TABLE_DAYS_MAX: usize = 20_000;

/// Runs a command that needs no broker.
pub(crate) fn run(command: &DeadlineCommand, output: &Output) -> Result<Ending, ClientError> {
    match command {
        DeadlineCommand::Rules => rules(output),
        DeadlineCommand::Holidays { year, land } => holidays(*year, *land, output)?,
        DeadlineCommand::Table { from, until, land } => {
            table(day("from", from)?, day("until", until)?, *land, output)?;
        }
    }
    Ok(Ending::Done)
}

/// Deadlines that follow from a case file.
pub(crate) fn agency(
    arguments: &AgencyDeadlinesArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let mut events = CaseFile::new(&arguments.case_file).read()?;
    if arguments.participant.is_some() {
        events.retain(|event| event.participant == arguments.participant);
    }
    show(&events, &arguments.shown, output)
}

/// Deadlines that follow from the log.
pub(crate) async fn lotse(
    global: &Global,
    arguments: &LotseDeadlinesArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let participant = &arguments.participant;
    let stated = [(JOINED, "joined", &arguments.joined), (LEFT, "left", &arguments.left)];
    let stated = stated.into_iter().filter_map(|(kind, option, text)| {
        Some(day(option, text.as_deref()?).and_then(|day| stated_event(kind, day, participant)))
    });
    let stated = stated.collect::<Result<Vec<_>, _>>()?;
    let client = connect(global, None, output).await?;
    let mut events = client.participant_case_events(participant, &arguments.reason).await?;
    // What the Lotse states counts before what the log knows.
    events.retain(|event| !stated.iter().any(|known| known.kind == event.kind));
    events.extend(stated);
    show(&events, &arguments.shown, output)
}

fn day(what: &'static str, text: &str) -> Result<Date, ClientError> {
    text.parse().map_err(|_| ClientError::Argument {
        what,
        expected: "a day such as 2026-12-01".to_owned(),
    })
}

fn stated_event(
    kind: &str,
    day: Date,
    participant: &ParticipantReference,
) -> Result<CaseEvent, ClientError> {
    Ok(CaseEvent {
        participant: Some(participant.clone()),
        kind: kind.to_owned(),
        thread: String::new(),
        message: kind.to_owned(),
        sender: String::new(),
        recipient: String::new(),
        direction: Direction::Observed,
        accepted_ms: start_of(day)?,
        handed_out_ms: None,
        taken_up_ms: None,
    })
}

/// A day means its end: what happened on it counts, and what is due on it is not overdue.
fn at(text: Option<&str>) -> Result<i64, ClientError> {
    let Some(text) = text else { return Ok(SystemClock.now_ms()) };
    match text.parse::<Date>() {
        Ok(day) if !text.contains('T') => Ok(end_of(day)? - 1),
        Ok(_) | Err(_) => parse_time(text),
    }
}

fn show(
    events: &[CaseEvent],
    shown: &ShownDeadlines,
    output: &Output,
) -> Result<Ending, ClientError> {
    let at_ms = at(shown.at.as_deref())?;
    let mut found = deadlines(events, at_ms, shown.land)?;
    let is_due = |one: &Deadline| matches!(one.state, DeadlineState::Open | DeadlineState::Overdue);
    found.retain(|one| shown.all || is_due(one));
    let value = json!({
        "at": rfc3339(at_ms),
        "land": shown.land.to_string(),
        "deadlines": found.iter().map(Deadline::to_json).collect::<Value>(),
    });
    output.result(&value, || text(&found));
    output.note(HINT);
    Ok(Ending::Done)
}

fn text(found: &[Deadline]) -> String {
    let mut table = Table::new(
        &["due", "state", "what", "norm", "whose", "begun", "thread"],
        "nothing is due by the known events",
    );
    for one in found {
        let whose = match one.ours {
            Some(true) => "own agency",
            Some(false) | None => one.obliged.as_str(),
        };
        let begun = format!("{} {}", german_day(one.begun_on), one.begun_by);
        let begun = if one.receipt_known { begun } else { format!("{begun} (accepted)") };
        table.row(vec![
            german_day(one.due),
            one.state.name().to_owned(),
            one.rule.what.to_owned(),
            one.rule.norm.to_owned(),
            whose.to_owned(),
            begun,
            one.thread.clone(),
        ]);
    }
    let hints: BTreeSet<(&str, &str)> =
        found.iter().map(|one| (one.rule.norm, one.rule.hint)).collect();
    let hints: Vec<String> = hints.iter().map(|(norm, hint)| format!("{norm}: {hint}")).collect();
    if hints.is_empty() { table.to_string() } else { format!("{table}\n\n{}", hints.join("\n")) }
}

fn rules(output: &Output) {
    let value = RULES.iter().map(|rule| {
        let superseded = [rule.superseded_by, rule.superseded_by_anyone].concat();
        json!({
            "rule": rule.id,
            "what": rule.what,
            "norm": rule.norm,
            "hint": rule.hint,
            "period": rule.period.german(),
            "begun_by": rule.trigger,
            "met_by": rule.stop,
            "superseded_by": superseded,
            "only_with": rule.requires,
        })
    });
    output.table(&value.collect::<Value>(), || {
        let mut table = Table::new(&["rule", "period", "what", "norm"], "no rules");
        for rule in RULES {
            let cells = [rule.id, &rule.period.german(), rule.what, rule.norm];
            table.row(cells.map(str::to_owned).to_vec());
        }
        table
    });
}

fn holidays(year: i16, land: Place, output: &Output) -> Result<(), ClientError> {
    let first = Date::new(year, 1, 1)
        .map_err(|_| ClientError::Argument { what: "year", expected: "2020 to 2050".to_owned() })?;
    let mut found = Vec::new();
    for day in first.series(1.day()).take_while(|day| day.year() == year) {
        found.extend(land.holiday(day)?.map(|name| (day, name)));
    }
    let value =
        found.iter().map(|(day, name)| json!({ "day": day.to_string(), "name": name })).collect();
    output.table(&value, || {
        let mut table = Table::new(&["day", "name"], "none");
        found.iter().for_each(|(day, name)| table.row(vec![german_day(*day), (*name).to_owned()]));
        table
    });
    Ok(())
}

fn table(from: Date, until: Date, land: Place, output: &Output) -> Result<(), ClientError> {
    let mut rows = Vec::new();
    for (number, event) in from.series(1.day()).take_while(|day| *day <= until).enumerate() {
        if number >= TABLE_DAYS_MAX {
            let expected = format!("at most {TABLE_DAYS_MAX} days");
            return Err(ClientError::Argument { what: "until", expected });
        }
        for rule in RULES {
            let due = last_day(event, rule.period, rule.begin, rule.end, land)?;
            rows.push((rule.id, event, due, rfc3339(end_of(due)?)));
        }
    }
    let value = rows.iter().map(|(rule, event, due, overdue)| {
        json!({
            "rule": rule,
            "event": event.to_string(),
            "due": due.to_string(),
            "overdue_from": overdue,
        })
    });
    output.result(&value.collect(), || {
        let mut text = "rule,event,due,overdue_from".to_owned();
        for (rule, event, due, overdue) in &rows {
            // Writing to a string does not fail.
            let _written = write!(text, "\n{rule},{event},{due},{overdue}");
        }
        text
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_means_its_end() {
        let ms = |text: &str| parse_time(text).unwrap();
        assert_eq!(at(Some("2026-12-01")).unwrap(), ms("2026-12-01T23:00:00Z") - 1);
        assert_eq!(at(Some("2026-12-01T09:00:00Z")).unwrap(), ms("2026-12-01T09:00:00Z"));
        assert!(at(Some("tomorrow")).is_err());
    }

    #[test]
    fn what_is_due_is_shown_with_its_norm_and_hint() {
        let reference = ParticipantReference::parse(&"a".repeat(26)).unwrap();
        let joined = stated_event(JOINED, "2026-03-02".parse().unwrap(), &reference).unwrap();
        let at_ms = at(Some("2026-04-01")).unwrap();
        let found = deadlines(&[joined], at_ms, Place::default()).unwrap();
        let text = text(&found);
        assert!(text.contains("Mo 27.04.2026  open"), "{text}");
        assert!(text.contains("Rückmeldung nach dem Clearing"), "{text}");
        assert!(text.contains("§ 26 Abs. 4 SGB X: Der Tag des Eintritts zählt mit"), "{text}");
        assert!(!text.contains(reference.as_text()), "{text}");
    }
}
