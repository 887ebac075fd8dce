//! Planning: whom, when, about what. Nothing is sent.

use std::collections::BTreeSet;

use askama::Template;
use schleuse_client::fallkonferenz::{
    Conference, Date, Item, MINUTES_MAX, NAME_CHARS_MAX, NOTES_BYTES_MAX, PURPOSE, Plan,
    check_times,
};
use schleuse_client::{Address, ClientError, ConferenceId, ItemId, ParticipantReference};

use super::sending::reached;
use super::{folder, path};
use crate::area::Choice;
use crate::area::lotse::notice::Asked;
use crate::area::lotse::offices::Offices;
use crate::area::lotse::order::folded;
use crate::area::lotse::people::{Person, book, ours};
use crate::desk::{Answer, Desk, Failed};
use crate::extract::Query;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;
use crate::texts::filled;

/// Most participants to choose from.
const PEOPLE_MAX: usize = 200;
/// Dates of the form.
const DATES: usize = 3;
/// Most items of the form.
const ITEMS_MAX: usize = 12;
/// Purpose of conferences about nobody.
const ABOUT_NOBODY: &str = "strukturfragen";
/// Minutes of a date and of an item, if nothing else is said.
const MINUTES: u32 = 60;
const ITEM_MINUTES: u32 = 15;

struct DateRow {
    title: String,
    day: String,
    time: String,
    minutes: String,
}

struct ItemBlock {
    title: String,
    name: String,
    notes: String,
    categories: String,
    minutes: String,
}

#[derive(Template)]
#[template(path = "lotse/conference_plan.html")]
struct Page {
    s: Surface,
    people: Vec<Choice>,
    /// Whether all participants are among them.
    are_all: bool,
    conveners: Vec<Choice>,
    bodies: Vec<Choice>,
    categories: Vec<Choice>,
    dates: Vec<DateRow>,
    items: Vec<ItemBlock>,
    fields: Fields,
    problems: Problems,
}

impl Page {
    fn minutes_max(&self) -> u32 {
        MINUTES_MAX
    }
}

pub(super) async fn form(desk: Desk, Query(asked): Asked) -> Answer {
    let person = asked.get("participant").cloned().unwrap_or_default();
    let fields = Fields::of(vec![("participant".to_owned(), person)]);
    desk.page(&page(&desk, fields, Problems::default()).await?)
}

async fn page(desk: &Desk, fields: Fields, problems: Problems) -> Result<Page, Failed> {
    let failed = |error| desk.failed(error);
    let t = &desk.t().conference;
    let mut participants = desk.client.list_participants().await.map_err(failed)?;
    // Who has more participants than anybody chooses from begins at the person's page.
    let are_all = participants.len() <= PEOPLE_MAX;
    participants.retain(|one| are_all || one.as_text() == fields.get("participant"));
    let book = book(desk)?;
    let mut people: Vec<Choice> = participants
        .iter()
        .map(|one| Person::of(desk, &book, one))
        .map(|person| Choice::new(person.id(), format!("{} ({})", person.name, short(person.id()))))
        .collect();
    people.sort_by_cached_key(|choice| folded(&choice.says));
    people.insert(0, Choice::new("", t.nobody));
    let offices = Offices::read(desk).await?;
    let functions = offices.function_choices(desk.t().forms.choose);
    let own = format!("{}/", desk.client.agency());
    let is_own = |choice: &Choice| choice.value.is_empty() || choice.value.starts_with(&own);
    let names = desk.names();
    let items = items_in(&fields);
    Ok(Page {
        s: desk.surface.clone(),
        people,
        are_all,
        conveners: functions.iter().filter(|choice| is_own(choice)).cloned().collect(),
        bodies: functions.into_iter().filter(|choice| !is_own(choice)).collect(),
        categories: names.categories_of_all().map(|(code, name)| Choice::new(code, name)).collect(),
        dates: (0..DATES).map(|number| date_row(t.date_n, number)).collect(),
        items: (0..items).map(|number| item_block(t.item_n, number)).collect(),
        fields,
        problems,
    })
}

fn short(reference: &str) -> &str {
    reference.get(..6).unwrap_or(reference)
}

fn date_row(title: &str, number: usize) -> DateRow {
    DateRow {
        title: filled(title, &[&(number + 1).to_string()]),
        day: format!("day{number}"),
        time: format!("time{number}"),
        minutes: format!("date_minutes{number}"),
    }
}

fn item_block(title: &str, number: usize) -> ItemBlock {
    ItemBlock {
        title: filled(title, &[&(number + 1).to_string()]),
        name: format!("title{number}"),
        notes: format!("notes{number}"),
        categories: format!("categories{number}"),
        minutes: format!("item_minutes{number}"),
    }
}

fn items_in(fields: &Fields) -> usize {
    fields.get("items").parse().unwrap_or(1).clamp(1, ITEMS_MAX)
}

pub(super) async fn make(desk: Desk, fields: Fields) -> Answer {
    if let Err(answer) = reached(&desk, ("/conferences", "/new"), &fields).await {
        return answer;
    }
    if fields.get("step") == "more" {
        let count = (items_in(&fields) + 1).min(ITEMS_MAX).to_string();
        let mut pairs: Vec<_> = fields.pairs().to_vec();
        pairs.retain(|(name, _)| name != "items" && name != "step");
        pairs.push(("items".to_owned(), count));
        return desk.page(&page(&desk, Fields::of(pairs), Problems::default()).await?);
    }
    let mut problems = Problems::default();
    let participant = read::reference(&fields, "participant", desk.t(), &mut problems);
    if let Some(participant) = &participant {
        ours(&desk, participant.as_text()).await?;
    }
    let plan = plan(&desk, &fields, participant.is_some(), &mut problems);
    let conference = plan.and_then(|plan| convene(&desk, plan, participant, &mut problems));
    let Some(conference) = conference else {
        return desk.again(&page(&desk, fields, problems).await?);
    };
    folder(&desk)?.save(&conference).map_err(|error| desk.failed(error))?;
    desk.go(&path(&conference))
}

fn convene(
    desk: &Desk,
    plan: Plan,
    participant: Option<ParticipantReference>,
    problems: &mut Problems,
) -> Option<Conference> {
    let words =
        |error: ClientError| filled(desk.t().conference.plan_problem, &[&error.to_string()]);
    let checked = plan.check_times(desk.client.now_ms());
    let made = checked.and_then(|()| Conference::convene(plan, participant));
    problems.take("convener", made.map_err(words))
}

fn plan(
    desk: &Desk,
    fields: &Fields,
    about_participant: bool,
    problems: &mut Problems,
) -> Option<Plan> {
    let t = desk.t();
    let convener = fields.get("convener").parse().map_err(|_| t.conference.convener_problem);
    let convener: Option<Address> = problems.take("convener", convener);
    let bodies: BTreeSet<Address> =
        fields.all("bodies").filter_map(|body| body.parse().ok()).collect();
    if bodies.is_empty() {
        problems.add("bodies", t.conference.bodies_problem);
    } else if convener.as_ref().is_some_and(|convener| bodies.contains(convener)) {
        problems.add("bodies", t.conference.bodies_convener);
    }
    let dates = dates(desk, fields, problems);
    let place = fields.text("place");
    if place.is_empty() {
        problems.add("place", t.conference.place_problem);
    } else if let Some(words) = wrong_name(desk, &place) {
        problems.add("place", words);
    }
    let answer_by = read::until_day(fields, "answer_by", t, problems);
    if answer_by.is_none() && problems.of("answer_by").is_empty() {
        problems.add("answer_by", t.conference.answer_by_problem);
    }
    let items: Vec<Item> = (0..items_in(fields))
        .filter_map(|number| item(desk, fields, number, about_participant, problems))
        .collect();
    let (convener, answer_by_ms) = (convener?, answer_by?);
    let is_wrong = check_times(&dates, Some(answer_by_ms), desk.client.now_ms()).is_err();
    if is_wrong && problems.of("answer_by").is_empty() {
        problems.add("answer_by", t.conference.answer_by_problem);
    }
    let conference = ConferenceId::generate().ok()?;
    problems.is_empty().then(|| Plan {
        conference,
        convener,
        purpose: if about_participant { PURPOSE } else { ABOUT_NOBODY }.to_owned(),
        about_participant,
        bodies,
        items,
        dates,
        place,
        answer_by_ms,
        professional_secret: fields.has("professional_secret", "yes"),
    })
}

/// What is wrong with a title or a place; none if nothing is.
fn wrong_name(desk: &Desk, text: &str) -> Option<String> {
    let t = &desk.t().conference;
    if text.chars().any(char::is_control) {
        return Some(t.one_line.to_owned());
    }
    let is_long = text.chars().count() > NAME_CHARS_MAX;
    is_long.then(|| filled(t.too_long, &[&NAME_CHARS_MAX.to_string()]))
}

/// Dates that are filled in; one at least. What is filled in of a date and is none stands beside it.
pub(super) fn dates(desk: &Desk, fields: &Fields, problems: &mut Problems) -> Vec<Date> {
    let t = &desk.t().conference;
    let (mut dates, before) = (Vec::new(), problems.all().len());
    for number in 0..DATES {
        let row = date_row("", number);
        let (day, time) = (fields.get(&row.day), fields.get(&row.time));
        if day.is_empty() && time.is_empty() {
            continue;
        }
        let minutes = length(desk, fields, &row.minutes, MINUTES, problems);
        match read::day_and_time(day, time) {
            Some(at_ms) if at_ms <= desk.client.now_ms() => problems.add(row.day, t.date_past),
            Some(starts_at_ms) => {
                dates.extend(minutes.map(|minutes| Date { starts_at_ms, minutes }));
            }
            None if day.is_empty() => problems.add(row.day, t.date_day_problem),
            None => problems.add(row.day, t.dates_problem),
        }
    }
    if dates.is_empty() && problems.all().len() == before {
        problems.add("day0", t.dates_problem);
    }
    dates
}

/// A length in minutes; where nothing is typed, the usual one.
fn length(
    desk: &Desk,
    fields: &Fields,
    name: &str,
    usual: u32,
    problems: &mut Problems,
) -> Option<u32> {
    let Some(text) = fields.given(name) else { return Some(usual) };
    let minutes = text.parse().ok().filter(|minutes| (1..=MINUTES_MAX).contains(minutes));
    let words = || filled(desk.t().conference.length_problem, &[&MINUTES_MAX.to_string()]);
    problems.take(name, minutes.ok_or_else(words))
}

fn item(
    desk: &Desk,
    fields: &Fields,
    number: usize,
    about_participant: bool,
    problems: &mut Problems,
) -> Option<Item> {
    let (t, block) = (&desk.t().conference, item_block("", number));
    let (title, notes) = (fields.text(&block.name), fields.text(&block.notes));
    if title.is_empty() {
        problems.add(&block.name, t.item_title_problem);
    } else if let Some(words) = wrong_name(desk, &title) {
        problems.add(&block.name, words);
    }
    let categories = fields.all(&block.categories).filter(|code| !code.is_empty());
    let categories: BTreeSet<String> = match about_participant {
        true => categories.map(str::to_owned).collect(),
        false => BTreeSet::new(),
    };
    if about_participant && categories.is_empty() {
        problems.add(&block.categories, t.item_categories_problem);
    }
    if notes.len() > NOTES_BYTES_MAX {
        let kib = (NOTES_BYTES_MAX / 1024).to_string();
        problems.add(&block.notes, filled(t.item_notes_problem, &[&kib]));
    }
    let minutes = length(desk, fields, &block.minutes, ITEM_MINUTES, problems)?;
    Some(Item {
        id: ItemId::generate().ok()?,
        title,
        categories,
        minutes,
        notes,
        bodies: None,
        professional_secret: false,
    })
}
