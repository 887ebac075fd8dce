//! Places of each Jobcenter: numbers, no persons.

use askama::Template;

use super::offices::Offices;
use crate::desk::{Answer, Desk};
use crate::surface::Surface;

struct Row {
    jobcenter: String,
    places: u32,
    taken: u32,
    free: u32,
    waiting: u32,
}

#[derive(Template)]
#[template(path = "lotse/places.html")]
struct Page {
    s: Surface,
    rows: Vec<Row>,
}

pub(super) async fn show(desk: Desk) -> Answer {
    let places = desk.client.places().await.map_err(|error| desk.failed(error))?;
    let offices = Offices::read(&desk).await?;
    let rows = places.iter().map(|one| Row {
        jobcenter: offices.name(&one.jobcenter),
        places: one.places,
        taken: one.taken,
        free: one.places.saturating_sub(one.taken),
        waiting: one.waiting,
    });
    desk.page(&Page { s: desk.surface.clone(), rows: rows.collect() })
}
