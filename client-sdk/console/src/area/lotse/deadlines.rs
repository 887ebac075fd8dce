//! What is due for a participant by when: hints, never decisions.

use askama::Template;
use axum::extract::Path;
use schleuse_client::deadlines::{Deadline, DeadlineState, deadlines, german_day};

use super::offices::Offices;
use super::people::{Person, person};
use super::state::Mark;
use crate::desk::{Answer, Desk};
use crate::surface::Surface;

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

pub(super) async fn show(desk: Desk, Path(reference): Path<String>) -> Answer {
    let person = person(&desk, &reference)?;
    let failed = |error| desk.failed(error);
    let (reason, land) = (desk.t().lotse.deadlines_reason, desk.home()?.land);
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
        due: german_day(one.due),
        mark: Mark { class, symbol, says },
        what: one.rule.what,
        norm: one.rule.norm,
        hint: one.rule.hint,
        whose: if one.obliged.is_empty() { "–".to_owned() } else { offices.name(&one.obliged) },
    }
}
