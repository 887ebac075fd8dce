//! Incidents: what was disclosed, and how long there is to notify. Source: GDPR Art. 33.

use askama::Template;
use schleuse_client::{Disclosure, Incident, IncidentScope, NOTIFY_WITHIN_MS, by_recipient, shown};

use super::large;
use crate::area::{Choice, agencies};
use crate::desk::{Answer, Desk, Failed};
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;
use crate::texts::filled;
use crate::words;

const HOUR_MS: i64 = 3600 * 1000;

struct Row {
    recipient: String,
    messages: u64,
    participants: Vec<String>,
    categories: String,
    last: String,
}

struct Found {
    told: String,
    clock: Option<(bool, String)>,
    tables: Vec<Table>,
}

struct Table {
    title: &'static str,
    empty: &'static str,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "dpo/incident.html")]
struct Page {
    s: Surface,
    fields: Fields,
    problems: Problems,
    agencies: Vec<Choice>,
    found: Option<Found>,
}

async fn page(
    desk: &Desk,
    fields: Fields,
    problems: Problems,
    found: Option<Found>,
) -> Result<Page, Failed> {
    let agencies = agencies(desk).await?;
    Ok(Page { s: desk.surface.clone(), fields, problems, agencies, found })
}

pub(super) async fn form(desk: Desk) -> Answer {
    let page = page(&desk, Fields::default(), Problems::default(), None).await?;
    desk.page(&page)
}

pub(super) async fn show(desk: Desk, fields: Fields) -> Answer {
    let t = desk.t();
    let mut problems = Problems::default();
    let reason = read::reason(&fields, t, &mut problems);
    let certificate = read::serial(&fields, t, &mut problems);
    let agency = fields.given("agency").map(str::to_owned);
    let (since_ms, until_ms) = read::span(&fields, t, &mut problems);
    let scope = IncidentScope { certificate, agency, since_ms, until_ms };
    let known_ms = known_since(&fields, &desk, &mut problems);
    let IncidentScope { certificate, agency, since_ms, .. } = &scope;
    if problems.is_empty() && certificate.is_none() && agency.is_none() && since_ms.is_none() {
        problems.add("certificate", t.dpo.incident_scope_problem);
    }
    if !problems.is_empty() {
        return desk.again(&page(&desk, fields, problems, None).await?);
    }
    let place = large::place(&desk).await?;
    let incident = desk.client.incident_up_to(&reason, &scope, large::rows_max(&desk)).await;
    let incident = incident.map_err(|error| desk.failed(error))?;
    if incident.truncated {
        problems.add("since", large::too_many(&desk, "schleuse dpo incident"));
        return desk.again(&page(&desk, fields, problems, None).await?);
    }
    let clock = known_ms.map(|since| clock(&desk, since));
    let aside = desk.clone();
    let found = place.work(&desk, move || found(&aside, &incident, clock)).await?;
    place.keep(desk.page(&page(&desk, fields, problems, Some(found)).await?)).await
}

fn found(desk: &Desk, incident: &Incident, clock: Option<(bool, String)>) -> Found {
    let t = &desk.t().dpo;
    let count = incident.handed_out.len() + incident.sent.len();
    let numbers = [count.to_string(), incident.query_record.to_string()];
    Found {
        told: filled(t.results_n, &[&numbers[0], &numbers[1]]),
        clock,
        tables: vec![
            Table {
                title: t.handed_out,
                empty: t.nothing_handed_out,
                rows: rows(desk, &incident.handed_out),
            },
            Table { title: t.sent, empty: t.nothing_sent, rows: rows(desk, &incident.sent) },
        ],
    }
}

fn known_since(fields: &Fields, desk: &Desk, problems: &mut Problems) -> Option<i64> {
    let day = fields.given("known_day")?;
    let time = fields.given("known_time").unwrap_or("00:00");
    let read = read::day_and_time(day, time);
    let words = match read::day_and_time(day, "00:00") {
        Some(_) => ("known_time", desk.t().dpo.time_problem),
        None => ("known_day", desk.t().forms.day_problem),
    };
    problems.take(words.0, read.ok_or(words.1))
}

/// Whether there is time left to notify, and the words for it.
fn clock(desk: &Desk, since_ms: i64) -> (bool, String) {
    let until_ms = since_ms.saturating_add(NOTIFY_WITHIN_MS);
    let left_ms = until_ms.saturating_sub(desk.client.now_ms());
    let until = words::time(desk.surface.language, until_ms);
    let t = &desk.t().dpo;
    match left_ms > 0 {
        true => {
            let hours = left_ms.div_euclid(HOUR_MS).to_string();
            (true, filled(t.clock_left, &[&until, &hours]))
        }
        false => (false, filled(t.clock_over, &[&until])),
    }
}

fn rows(desk: &Desk, disclosures: &[Disclosure]) -> Vec<Row> {
    let rows = by_recipient(disclosures).into_iter().map(|(recipient, one)| Row {
        recipient: shown(&recipient),
        messages: one.messages,
        participants: one.participants,
        categories: desk.names().categories(&one.categories),
        last: words::time(desk.surface.language, one.last_ms),
    });
    rows.collect()
}
