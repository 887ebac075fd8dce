//! Today: what is to be done, the most urgent first.

use askama::Template;
use schleuse_client::deadlines::day_of;
use schleuse_client::{ReferenceBook, RequestReason, Task, TaskKind, TaskResult};

use super::notice::{Asked, notice};
use super::offices::Offices;
use super::pages::{self, Pages};
use super::people::{Person, book};
use super::tasks::Tasks;
use crate::desk::{Answer, Desk};
use crate::extract::Query;
use crate::fields::Fields;
use crate::surface::Surface;
use crate::texts::filled;
use crate::words;

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) title: &'static str,
    pub(super) says: String,
    pub(super) due: String,
    pub(super) is_late: bool,
    pub(super) person: Option<Person>,
    /// Where to go on.
    pub(super) ways: Vec<(String, &'static str)>,
    /// Number of a request that can be closed.
    pub(super) request: Option<u64>,
}

#[derive(Template)]
#[template(path = "lotse/today.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    /// How many there are, and whether there are more than the broker lists.
    told: String,
    is_cut: bool,
    items: Vec<Item>,
    pages: Pages,
}

pub(super) async fn show(desk: Desk, Query(asked): Asked) -> Answer {
    let tasks = Tasks::read(&desk).await?;
    let (offices, book) = (Offices::read(&desk).await?, book(&desk)?);
    let t = &desk.t().lotse;
    let told = if tasks.is_cut { t.tasks_cut } else { t.tasks_n };
    let told = filled(told, &[&tasks.all.len().to_string()]);
    let is_cut = tasks.is_cut;
    let (tasks, pages) = pages::cut(&desk, "/", pages::asked(&asked), tasks.all);
    let items = tasks.iter().map(|task| item(&desk, &offices, &book, task)).collect();
    let notice = notice(&desk, &asked);
    desk.page(&Page { s: desk.surface.clone(), notice, told, is_cut, items, pages })
}

/// A task in words.
pub(super) fn item(desk: &Desk, offices: &Offices, book: &ReferenceBook, task: &Task) -> Item {
    let (t, names) = (&desk.t().lotse, desk.names());
    let person = task.participant.as_ref().map(|one| Person::of(desk, book, one));
    let path = person.as_ref().map(Person::path).unwrap_or_default();
    let at = |path: String, says| vec![(desk.surface.at(&path), says)];
    let (title, says, ways, request) = match &task.what {
        TaskKind::ConsentRequest { task, planned, reason, .. } => {
            let parties =
                [&planned.sender, &planned.recipient].map(|one| offices.name(&one.to_string()));
            let (purpose, data) =
                (names.purpose(&planned.purpose), names.categories(&planned.categories));
            let values = [parties[0].as_str(), &parties[1], &purpose, &data];
            let mut says = filled(t.t_request_says, &values);
            if *reason != RequestReason::Unspecified {
                let code = reason.as_str_name().trim_start_matches("REQUEST_REASON_");
                let code = code.to_lowercase().replace('_', "-");
                let words = words::code(&code, &desk.t().words).unwrap_or_default();
                says = format!("{says} {}", filled(t.t_request_reason, &[words]));
            }
            let ways = at(format!("{path}/record?task={task}"), t.prepare);
            (t.t_request, says, ways, Some(*task))
        }
        TaskKind::GrantEnding { consent, .. } => {
            let mut ways = at(format!("{path}/consents/{consent}/renew"), desk.t().consent.renew);
            ways.extend(at(format!("{path}/consents/{consent}"), t.look));
            (t.t_grant, t.t_grant_says.to_owned(), ways, None)
        }
        TaskKind::Review { consent } => {
            let ways = at(format!("{path}/consents/{consent}"), t.look);
            (t.t_review, t.t_review_says.to_owned(), ways, None)
        }
        TaskKind::ParticipationEnding { .. } => {
            (t.t_end, t.t_end_says.to_owned(), at(path, t.look), None)
        }
        TaskKind::PlaceFree { jobcenter } => {
            let says = filled(t.t_place_says, &[&offices.name(jobcenter)]);
            (t.t_place, says, at(path, t.look), None)
        }
        TaskKind::EntryRenewal { agency } => {
            (t.t_entry, filled(t.t_entry_says, &[&offices.name(agency)]), Vec::new(), None)
        }
        TaskKind::Unknown | _ => (t.t_unknown, String::new(), Vec::new(), None),
    };
    let (due, is_late) = due_words(desk, task.due_ms);
    Item { title, says, due, is_late, person, ways, request }
}

/// When something is due, in words, and whether that is over; without an instant: at once.
fn due_words(desk: &Desk, due_ms: Option<i64>) -> (String, bool) {
    due_in(desk, due_ms, |due_ms| words::end(desk.surface.language, due_ms))
}

/// The same by its day alone, as lists show it.
pub(super) fn due_day(desk: &Desk, due_ms: Option<i64>) -> (String, bool) {
    let day = |due_ms: i64| {
        let day = day_of(due_ms.saturating_sub(1));
        day.map_or_else(|_| String::new(), |day| day.strftime("%d.%m.%Y").to_string())
    };
    due_in(desk, due_ms, day)
}

fn due_in(desk: &Desk, due_ms: Option<i64>, day: impl FnOnce(i64) -> String) -> (String, bool) {
    let t = &desk.t().lotse;
    let Some(due_ms) = due_ms else { return (t.due_now.to_owned(), false) };
    let is_late = due_ms <= desk.client.now_ms();
    (filled(if is_late { t.overdue_since } else { t.due_by }, &[&day(due_ms)]), is_late)
}

pub(super) async fn close(desk: Desk, fields: Fields) -> Answer {
    let task: u64 = fields.get("task").parse().map_err(|_| desk.not_found())?;
    let result = match fields.get("result") {
        "done" => TaskResult::Done,
        "declined" => TaskResult::Declined,
        "obsolete" => TaskResult::Obsolete,
        _ => return Err(desk.not_found()),
    };
    desk.client.close_task(task, result).await.map_err(|error| desk.failed(error))?;
    desk.go("/?done=closed")
}
