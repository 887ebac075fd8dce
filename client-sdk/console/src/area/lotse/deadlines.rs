//! What is due by when: hints, never decisions. For one participant with the statutory periods, which follow from the
//! log; for all of them without: a Lotse asks the log about one participant at a time.

use askama::Template;
use schleuse_client::deadlines::{Deadline, DeadlineState, deadlines};
use schleuse_client::{ParticipantReference, TaskKind, v1};

use super::notice::Asked;
use super::offices::Offices;
use super::pages::{self, Pages};
use super::people::{Person, book, person};
use super::state::Mark;
use super::tasks::{Tasks, ends_by_ms};
use super::today::due_day;
use crate::desk::{Answer, Desk};
use crate::extract::{Path, Query};
use crate::surface::{Language, Surface};
use crate::texts::{LotseTexts, filled};
use crate::words;

/// Why the log is read; stands there. German whatever the language of the page: the participant may read it.
const REASON: &str = "Fristen der Person in der Konsole angesehen";

struct Row {
    due: String,
    mark: Mark,
    what: &'static str,
    norm: &'static str,
    hint: &'static str,
    whose: String,
}

#[derive(Template)]
#[template(path = "lotse/deadlines.html")]
struct Page {
    s: Surface,
    person: Person,
    rows: Vec<Row>,
}

/// What is due on a day, of anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Due {
    due_ms: i64,
    participant: ParticipantReference,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// The 24 months end.
    ParticipationEnds,
    /// A consent is to be reviewed.
    Review { consent: String },
    /// Something that a consent allows ends.
    GrantEnds { consent: String },
}

struct Line {
    due: String,
    is_late: bool,
    what: &'static str,
    to: String,
    person: Person,
}

#[derive(Template)]
#[template(path = "lotse/deadlines_all.html")]
struct All {
    s: Surface,
    told: String,
    cut: Option<String>,
    lines: Vec<Line>,
    pages: Pages,
}

/// The next deadlines of all participants, the nearest first.
pub(super) async fn all(desk: Desk, Query(asked): Asked) -> Answer {
    let t = &desk.t().lotse;
    let states = desk.client.participations().await.map_err(|error| desk.failed(error))?;
    let tasks = Tasks::read(&desk).await?;
    let cut = cut_words(t, desk.surface.language, &tasks);
    let all = due_of_all(&states, &tasks);
    let told = filled(t.deadlines_n, &[&all.len().to_string()]);
    let (all, pages) = pages::cut(&desk, "/deadlines", pages::asked(&asked), all);
    let book = book(&desk)?;
    let line = |one: &Due| line(&desk, one, Person::of(&desk, &book, &one.participant));
    let lines = all.iter().map(line).collect();
    desk.page(&All { s: desk.surface.clone(), told, cut, lines, pages })
}

/// What a list of tasks that is cut leaves out.
fn cut_words(t: &LotseTexts, language: Language, tasks: &Tasks) -> Option<String> {
    let until_ms = tasks.known_until_ms()?;
    Some(match until_ms {
        0 => t.deadlines_cut_all.to_owned(),
        ms => filled(t.deadlines_cut, &[&words::end(language, ms)]),
    })
}

fn due_of_all(states: &[v1::Participation], tasks: &Tasks) -> Vec<Due> {
    let ends = states.iter().filter_map(|state| {
        let participant = ParticipantReference::parse(&state.participant_reference).ok()?;
        Some(Due { due_ms: ends_by_ms(state)?, participant, what: What::ParticipationEnds })
    });
    let tasks = tasks.all.iter().filter_map(|task| {
        let what = match &task.what {
            TaskKind::Review { consent } => What::Review { consent: consent.to_string() },
            TaskKind::GrantEnding { consent, .. } => {
                What::GrantEnds { consent: consent.to_string() }
            }
            // Ends of participations are known of everybody; the others are due on no day, or about nobody.
            TaskKind::ParticipationEnding { .. }
            | TaskKind::ConsentRequest { .. }
            | TaskKind::PlaceFree { .. }
            | TaskKind::EntryRenewal { .. }
            | TaskKind::Unknown
            | _ => return None,
        };
        Some(Due { due_ms: task.due_ms?, participant: task.participant.clone()?, what })
    });
    let mut all: Vec<Due> = ends.chain(tasks).collect();
    all.sort_by_key(|one| one.due_ms);
    // Grants of one consent that end together are one line.
    all.dedup();
    all
}

fn line(desk: &Desk, one: &Due, person: Person) -> Line {
    let t = &desk.t().lotse;
    let (what, path) = match &one.what {
        What::ParticipationEnds => (t.t_end, person.path()),
        What::Review { consent } => (t.t_review, format!("{}/consents/{consent}", person.path())),
        What::GrantEnds { consent } => (t.t_grant, format!("{}/consents/{consent}", person.path())),
    };
    let (due, is_late) = due_day(desk, Some(one.due_ms));
    Line { due, is_late, what, to: desk.surface.at(&path), person }
}

pub(super) async fn show(desk: Desk, Path(reference): Path<String>) -> Answer {
    let person = person(&desk, &reference)?;
    let failed = |error| desk.failed(error);
    let (reason, land) = (REASON, desk.home()?.land);
    let events = desk.client.participant_case_events(&person.reference, reason).await;
    let found = deadlines(&events.map_err(failed)?, desk.client.now_ms(), land);
    let offices = Offices::read(&desk).await?;
    let mut found = found.map_err(failed)?;
    found.retain(|one| matches!(one.state, DeadlineState::Open | DeadlineState::Overdue));
    let rows = found.iter().map(|one| row(&desk, &offices, one)).collect();
    desk.page(&Page { s: desk.surface.clone(), person, rows })
}

fn row(desk: &Desk, offices: &Offices, one: &Deadline) -> Row {
    let t = &desk.t().lotse;
    let (class, symbol, says) = match one.state {
        DeadlineState::Overdue => ("bad", "▲", t.d_overdue),
        DeadlineState::Open
        | DeadlineState::Met
        | DeadlineState::Late
        | DeadlineState::Superseded
        | _ => ("warn", "○", t.d_open),
    };
    Row {
        due: words::day(desk.surface.language, one.due),
        mark: Mark { class, symbol, says },
        what: one.rule.what,
        norm: one.rule.norm,
        hint: one.rule.hint,
        whose: if one.obliged.is_empty() { "–".to_owned() } else { offices.name(&one.obliged) },
    }
}

#[cfg(test)]
mod tests {
    use schleuse_client::{ConsentId, ParticipationPhase, Task};

    use super::*;

    fn reference(letter: &str) -> ParticipantReference {
        ParticipantReference::parse(&letter.repeat(26)).unwrap()
    }

    fn participation(
        letter: &str,
        phase: ParticipationPhase,
        ends_by_ms: i64,
    ) -> v1::Participation {
        v1::Participation {
            participant_reference: letter.repeat(26),
            phase: phase.into(),
            ends_by_ms,
            ..v1::Participation::default()
        }
    }

    #[test]
    fn the_deadlines_of_all_are_in_order_each_once() {
        let states = [
            participation("a", ParticipationPhase::Goals, 50),
            participation("b", ParticipationPhase::FollowUp, 10),
            participation("c", ParticipationPhase::Contact, 20),
            participation("d", ParticipationPhase::Waiting, 0),
        ];
        let consent = ConsentId::generate().unwrap();
        let task = |due_ms, what| Task { participant: Some(reference("d")), due_ms, what };
        let tasks = vec![
            task(None, TaskKind::PlaceFree { jobcenter: "jobcenter".to_owned() }),
            task(Some(20), TaskKind::ParticipationEnding { started_at_ms: 1 }),
            task(Some(30), TaskKind::GrantEnding { consent, grant_index: 0 }),
            task(Some(30), TaskKind::GrantEnding { consent, grant_index: 1 }),
            task(Some(40), TaskKind::Review { consent }),
        ];
        let all = due_of_all(&states, &Tasks { all: tasks, is_cut: false });
        let consent = consent.to_string();
        let expected = [
            (20, "c", What::ParticipationEnds),
            (30, "d", What::GrantEnds { consent: consent.clone() }),
            (40, "d", What::Review { consent }),
            (50, "a", What::ParticipationEnds),
        ];
        let expected =
            expected.map(|(due_ms, who, what)| Due { due_ms, participant: reference(who), what });
        assert_eq!(all, expected);
    }

    #[test]
    fn a_cut_list_says_until_when_it_is_complete() {
        let t = Language::German.texts();
        let says =
            |all: Vec<Task>, is_cut| cut_words(&t.lotse, Language::German, &Tasks { all, is_cut });
        let due =
            Task { participant: None, due_ms: Some(1_800_000_000_000), what: TaskKind::Unknown };
        let at_once = Task { due_ms: None, ..due.clone() };
        assert_eq!(says(vec![due.clone()], false), None);
        assert!(says(vec![due], true).unwrap().contains("15.01.2027"));
        assert_eq!(says(vec![at_once], true).unwrap(), t.lotse.deadlines_cut_all);
    }
}
