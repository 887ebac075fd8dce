//! Today: what is to be done, the most urgent first.

use askama::Template;
use axum::extract::Query;
use schleuse_client::{ReferenceBook, RequestReason, Task, TaskKind, TaskResult};

use super::notice::{Asked, notice};
use super::offices::Offices;
use super::people::{Person, book};
use crate::desk::{Answer, Desk, Failed};
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
    pub(super) way: Option<(String, &'static str)>,
    /// Number of a request that can be closed.
    pub(super) request: Option<u64>,
}

#[derive(Template)]
#[template(path = "lotse/today.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    items: Vec<Item>,
    truncated: bool,
}

pub(super) async fn show(desk: Desk, Query(asked): Asked) -> Answer {
    let (items, truncated) = items(&desk).await?;
    let notice = notice(&desk, &asked);
    desk.page(&Page { s: desk.surface.clone(), notice, items, truncated })
}

/// Everything that is to be done.
pub(super) async fn items(desk: &Desk) -> Result<(Vec<Item>, bool), Failed> {
    let (mut tasks, truncated) = desk.client.tasks().await.map_err(|error| desk.failed(error))?;
    let (offices, book) = (Offices::read(desk).await?, book(desk)?);
    tasks.sort_by_key(|task| task.due_ms.unwrap_or_default());
    Ok((tasks.iter().map(|task| item(desk, &offices, &book, task)).collect(), truncated))
}

fn item(desk: &Desk, offices: &Offices, book: &ReferenceBook, task: &Task) -> Item {
    let (t, names) = (&desk.t().lotse, desk.names());
    let person = task.participant.as_ref().map(|one| Person::of(desk, book, one));
    let path = person.as_ref().map(Person::path).unwrap_or_default();
    let at = |path: String, says| Some((desk.surface.at(&path), says));
    let (title, says, way, request) = match &task.what {
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
            let prefilled = format!(
                "{path}/record?recipient={}&sender={}&purpose={}&categories={}",
                planned.recipient,
                planned.sender.agency,
                planned.purpose,
                planned.categories.join(",")
            );
            (t.t_request, says, at(prefilled, t.prepare), Some(*task))
        }
        TaskKind::GrantEnding { consent, .. } => {
            let way = at(format!("{path}/consents/{consent}"), t.look);
            (t.t_grant, t.t_grant_says.to_owned(), way, None)
        }
        TaskKind::Review { consent } => {
            let way = at(format!("{path}/consents/{consent}"), t.look);
            (t.t_review, t.t_review_says.to_owned(), way, None)
        }
        TaskKind::ParticipationEnding { .. } => {
            (t.t_end, t.t_end_says.to_owned(), at(path, t.look), None)
        }
        TaskKind::PlaceFree { jobcenter } => {
            let says = filled(t.t_place_says, &[&offices.name(jobcenter)]);
            (t.t_place, says, at(path, t.look), None)
        }
        TaskKind::EntryRenewal { agency } => {
            (t.t_entry, filled(t.t_entry_says, &[&offices.name(agency)]), None, None)
        }
        TaskKind::Unknown | _ => (t.t_unknown, String::new(), None, None),
    };
    let now_ms = desk.client.now_ms();
    let is_late = task.due_ms.is_some_and(|due| due <= now_ms);
    let due = match task.due_ms {
        None => t.due_now.to_owned(),
        Some(due) => {
            let day = words::end(desk.surface.language, due);
            filled(if is_late { t.overdue_since } else { t.due_by }, &[&day])
        }
    };
    Item { title, says, due, is_late, person, way, request }
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
