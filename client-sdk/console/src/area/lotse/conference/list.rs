//! All conferences of this machine, and fetching what came for them.

use askama::Template;
use schleuse_client::fallkonferenz::{Conference, Listed, State, TakenIn};
use schleuse_client::{ClientError, shown};

use super::folder;
use super::page::{date_words, phase};
use crate::area::Choice;
use crate::area::lotse::offices::Offices;
use crate::area::lotse::people::{Person, book};
use crate::desk::{Answer, Desk};
use crate::fields::{Fields, Problems};
use crate::surface::Surface;
use crate::texts::filled;

struct Row {
    to: String,
    about: String,
    convener: String,
    date: String,
    phase: (&'static str, &'static str, &'static str),
}

#[derive(Template)]
#[template(path = "lotse/conferences.html")]
struct List {
    s: Surface,
    notice: Option<String>,
    rows: Vec<Row>,
    /// Files that are no conferences, and why.
    unreadable: Vec<String>,
    /// Messages that stay at the broker, and why.
    held_back: Vec<String>,
    functions: Vec<Choice>,
    has_keys: bool,
    fields: Fields,
    problems: Problems,
}

pub(super) async fn show(desk: Desk) -> Answer {
    list(&desk, None, Vec::new()).await
}

/// Takes in what came for a function.
pub(super) async fn take(desk: Desk, fields: Fields) -> Answer {
    let t = &desk.t().conference;
    let taken = desk.client.take_conferences(&folder(&desk)?, fields.get("function")).await;
    let TakenIn { messages, held_back, alarms } = taken.map_err(|error| desk.failed(error))?;
    let mut words = vec![filled(t.taken_n, &[&messages.len().to_string()])];
    if !alarms.is_empty() {
        words.push(filled(t.take_alarm, &[&alarms.len().to_string()]));
    }
    let held_back = held_back.iter().map(|(id, error)| format!("{id}: {}", cause(error)));
    list(&desk, Some(words.join(" ")), held_back.collect()).await
}

async fn list(desk: &Desk, notice: Option<String>, held_back: Vec<String>) -> Answer {
    let listed = folder(desk)?.list().map_err(|error| desk.failed(error))?;
    let Listed { mut conferences, unreadable } = listed;
    conferences.sort_by_key(|one| std::cmp::Reverse(first_date(&one.state())));
    // Names are shown of those alone who are the visitor's now.
    let ours = desk.client.list_participants().await.map_err(|error| desk.failed(error))?;
    conferences.retain(|one| one.participant().is_none_or(|person| ours.contains(person)));
    let (book, offices) = (book(desk)?, Offices::read(desk).await?);
    let rows = conferences.iter().map(|one| {
        let state = one.state();
        Row {
            to: desk.surface.at(super::path(one)),
            about: match one.participant() {
                Some(reference) => Person::of(desk, &book, reference).name,
                None => about_nobody(desk, one),
            },
            convener: offices.name(&one.convener().to_string()),
            date: date_words(desk, &state),
            phase: phase(state.phase, &desk.t().conference),
        }
    });
    let own = format!("{}/", desk.client.agency());
    let functions = offices.function_choices("").into_iter();
    let functions = functions.filter_map(|choice| {
        let function = choice.value.strip_prefix(&own)?;
        Some(Choice::new(function, choice.says.clone()))
    });
    desk.page(&List {
        s: desk.surface.clone(),
        notice,
        rows: rows.collect(),
        unreadable: unreadable.iter().map(cause).collect(),
        held_back,
        functions: functions.collect(),
        has_keys: !desk.client.sealing_keys().is_empty(),
        fields: Fields::default(),
        problems: Problems::default(),
    })
}

/// What a conference is about that names no participant here.
pub(super) fn about_nobody(desk: &Desk, conference: &Conference) -> String {
    let t = &desk.t().conference;
    let about = if conference.is_about_participant() { t.unknown_person } else { t.nobody };
    about.to_owned()
}

fn cause(error: &ClientError) -> String {
    shown(&error.to_string())
}

/// When it is, or would be first.
fn first_date(state: &State) -> i64 {
    let proposed = state.proposed.iter().map(|date| date.starts_at_ms).min();
    state.date.map(|date| date.starts_at_ms).or(proposed).unwrap_or_default()
}
