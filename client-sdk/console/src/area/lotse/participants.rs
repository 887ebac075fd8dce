//! The Lotse's participants: list, search, registering, names.

use std::collections::HashMap;

use askama::Template;
use schleuse_client::{BookEntry, ParticipantReference, ReferenceBook, v1};

use super::notice::{Asked, notice};
use super::offices::Offices;
use super::order::folded;
use super::pages::{self, Pages};
use super::participant::phase_name;
use super::people::{Person, book, enter, ours};
use super::tasks::{Open, Tasks};
use super::today::due_day;
use crate::desk::{Answer, Desk};
use crate::extract::{Path, Query};
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;
use crate::texts::filled;
use crate::words;

/// Longest name in characters.
const NAME_CHARACTERS_MAX: usize = 200;

struct Row {
    person: Person,
    phase: &'static str,
    more: String,
    jobcenter: String,
    ends: String,
    open: Option<OpenWords>,
}

/// What is to be done about somebody, in words.
struct OpenWords {
    due: String,
    is_late: bool,
    count: String,
}

#[derive(Template)]
#[template(path = "lotse/participants.html")]
struct List {
    s: Surface,
    notice: Option<String>,
    wanted: String,
    nobody: String,
    rows: Vec<Row>,
    /// What to say about others of whom something is kept here; empty: nothing.
    kept: String,
    pages: Pages,
    /// Whether the broker has more tasks than it lists.
    is_cut: bool,
}

#[derive(Template)]
#[template(path = "lotse/person_form.html")]
struct Form {
    s: Surface,
    title: &'static str,
    action: String,
    fields: Fields,
    problems: Problems,
}

pub(super) async fn show(desk: Desk, Query(asked): Asked) -> Answer {
    list(&desk, "", pages::asked(&asked), notice(&desk, &asked)).await
}

/// A search is sent by POST: names do not belong into addresses.
pub(super) async fn find(desk: Desk, fields: Fields) -> Answer {
    list(&desk, fields.get("wanted"), 1, None).await
}

async fn list(desk: &Desk, wanted: &str, page: usize, notice: Option<String>) -> Answer {
    let failed = |error| desk.failed(error);
    let t = &desk.t().lotse;
    let (participants, states, tasks, offices) = tokio::try_join!(
        async { desk.client.list_participants().await.map_err(failed) },
        async { desk.client.participations().await.map_err(failed) },
        Tasks::read(desk),
        Offices::read(desk),
    )?;
    let states: HashMap<&str, &v1::Participation> =
        states.iter().map(|state| (state.participant_reference.as_str(), state)).collect();
    let book = book(desk)?;
    let kept = match super::kept::count(&book, participants.iter().map(|one| one.as_text())) {
        0 => String::new(),
        persons => filled(t.kept_some, &[&persons.to_string()]),
    };
    let found = in_order(&book, found(&book, &participants, wanted));
    let (people, mut pages) = pages::cut(desk, "/participants", page, found);
    if !wanted.is_empty() {
        // Beyond the first page of a search one searches more exactly.
        (pages.previous, pages.next) = (None, None);
    }
    let open = tasks.by_participant();
    let row = |one: &ParticipantReference| {
        let open = open.get(one).map(|open| open_words(desk, open));
        Row { open, ..row(desk, &offices, &states, Person::of(desk, &book, one)) }
    };
    desk.page(&List {
        s: desk.surface.clone(),
        notice,
        nobody: filled(t.found_none, &[&schleuse_client::shown(wanted)]),
        wanted: wanted.to_owned(),
        rows: people.into_iter().map(row).collect(),
        kept,
        pages,
        is_cut: tasks.is_cut,
    })
}

/// Those whom a search finds: by name or file number, or by the whole reference.
fn found<'a>(
    book: &ReferenceBook,
    participants: &'a [ParticipantReference],
    wanted: &str,
) -> Vec<&'a ParticipantReference> {
    let searched = folded(wanted);
    let fits = |one: &&ParticipantReference| {
        let texts =
            |entry: &BookEntry| [&entry.display_name, &entry.file_number].map(|text| folded(text));
        let named = book.find(one).map(texts);
        one.as_text() == searched
            || named.is_some_and(|texts| texts.iter().any(|text| text.contains(&searched)))
    };
    participants.iter().filter(|one| wanted.is_empty() || fits(one)).collect()
}

/// By name; whoever has none here comes last.
fn in_order<'a>(
    book: &ReferenceBook,
    mut people: Vec<&'a ParticipantReference>,
) -> Vec<&'a ParticipantReference> {
    people.sort_by_cached_key(|one| {
        let name = book.find(one).map_or("", |entry| entry.display_name.as_str());
        (name.is_empty(), folded(name))
    });
    people
}

fn open_words(desk: &Desk, open: &Open) -> OpenWords {
    let (due, is_late) = due_day(desk, open.first_due_ms);
    let count = filled(desk.t().lotse.tasks_n, &[&open.count.to_string()]);
    OpenWords { due, is_late, count }
}

fn row(
    desk: &Desk,
    offices: &Offices,
    states: &HashMap<&str, &v1::Participation>,
    person: Person,
) -> Row {
    let t = &desk.t().lotse;
    let Some(state) = states.get(person.id()) else {
        let (phase, empty) = (t.p_none, String::new());
        let (more, jobcenter) = (empty.clone(), empty.clone());
        return Row { person, phase, more, jobcenter, ends: empty, open: None };
    };
    let more = match state.waiting_position {
        0 => String::new(),
        position => filled(t.waiting_position, &[&position.to_string()]),
    };
    let ends = match state.ends_by_ms {
        0 => String::new(),
        _ if state.ended_at_ms != 0 => String::new(),
        ms => words::end(desk.surface.language, ms),
    };
    let phase = phase_name(state.phase(), t);
    Row { phase, more, jobcenter: offices.name(&state.jobcenter), ends, person, open: None }
}

pub(super) async fn form(desk: Desk) -> Answer {
    desk.page(&person_form(&desk, None, Fields::default(), Problems::default()))
}

fn person_form(desk: &Desk, person: Option<&Person>, fields: Fields, problems: Problems) -> Form {
    let t = &desk.t().lotse;
    let (title, path) = match person {
        None => (t.register, "/participants/new".to_owned()),
        Some(person) => (t.edit_name, format!("{}/name", person.path())),
    };
    Form { s: desk.surface.clone(), title, action: desk.surface.act(&path), fields, problems }
}

fn entry(desk: &Desk, fields: &Fields, problems: &mut Problems) -> BookEntry {
    let t = desk.t();
    let wrong = |text: &str| {
        text.chars().count() > NAME_CHARACTERS_MAX || text.chars().any(char::is_control)
    };
    let (name, number) = (fields.get("name"), fields.get("file_number"));
    if name.is_empty() || wrong(name) {
        problems.add("name", t.lotse.name_problem);
    }
    if wrong(number) {
        problems.add("file_number", t.lotse.name_problem);
    }
    read::from_day(fields, "born", t, problems);
    BookEntry {
        display_name: name.to_owned(),
        date_of_birth: fields.text("born"),
        file_number: number.to_owned(),
        introduced_by: String::new(),
    }
}

pub(super) async fn register(desk: Desk, fields: Fields) -> Answer {
    let mut problems = Problems::default();
    let entry = entry(&desk, &fields, &mut problems);
    if !problems.is_empty() {
        return desk.again(&person_form(&desk, None, fields, problems));
    }
    // The book is looked at first: without it, nobody would know who was registered.
    book(&desk)?.has_room().map_err(|error| desk.failed(error))?;
    let registered = desk.client.register_participant().await;
    let (reference, _) = registered.map_err(|error| desk.failed(error))?;
    enter(&desk, &reference, entry)?;
    desk.go(&format!("/participants/{}?done=registered", reference.as_text()))
}

pub(super) async fn name(desk: Desk, Path(reference): Path<String>) -> Answer {
    let person = ours(&desk, &reference).await?;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let fields = Fields::of(vec![
        pair("name", &person.entry.display_name),
        pair("born", &person.entry.date_of_birth),
        pair("file_number", &person.entry.file_number),
    ]);
    desk.page(&person_form(&desk, Some(&person), fields, Problems::default()))
}

pub(super) async fn rename(desk: Desk, Path(reference): Path<String>, fields: Fields) -> Answer {
    let person = ours(&desk, &reference).await?;
    let mut problems = Problems::default();
    let entry = entry(&desk, &fields, &mut problems);
    if !problems.is_empty() {
        return desk.again(&person_form(&desk, Some(&person), fields, problems));
    }
    let entry = BookEntry { introduced_by: person.entry.introduced_by.clone(), ..entry };
    enter(&desk, &person.reference, entry)?;
    desk.go(&format!("{}?done=named", person.path()))
}
