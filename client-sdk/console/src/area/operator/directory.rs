//! The directory: agencies, their functions, until when their entries and keys hold.

use askama::Template;
use schleuse_client::{AgencyEntry, shown};

use crate::desk::{Answer, Desk};
use crate::surface::Surface;
use crate::words;

struct Row {
    name: String,
    agency: String,
    functions: Vec<String>,
    revision: u32,
    key: Result<String, ()>,
    /// Until when its agency is to confirm it.
    renew_by: String,
    /// Whether that is over: it may be out of date.
    is_stale: bool,
}

#[derive(Template)]
#[template(path = "operator/directory.html")]
struct Page {
    s: Surface,
    rows: Vec<Row>,
    faults: Vec<String>,
}

pub(super) async fn show(desk: Desk) -> Answer {
    let entries = desk.client.directory().list().await.map_err(|error| desk.failed(error))?;
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Ok(entry) => rows.push(row(&desk, &entry)),
            Err(error) => {
                let words =
                    crate::texts::filled(desk.t().operator.unreadable, &[&error.to_string()]);
                faults.push(words);
            }
        }
    }
    desk.page(&Page { s: desk.surface.clone(), rows, faults })
}

fn row(desk: &Desk, entry: &AgencyEntry) -> Row {
    let now_ms = desk.client.now_ms();
    let valid = entry.sealing_keys.iter();
    let valid = valid.filter(|key| (key.not_before_ms..key.not_after_ms).contains(&now_ms));
    let until = valid.map(|key| key.not_after_ms).max();
    Row {
        name: shown(&entry.display_name),
        agency: entry.agency.clone(),
        functions: entry.functions.iter().map(|(_, name)| shown(name)).collect(),
        revision: entry.revision,
        renew_by: words::end(desk.surface.language, entry.renew_by_ms),
        is_stale: entry.stale,
        key: until.map(|ms| words::end(desk.surface.language, ms)).ok_or(()),
    }
}
