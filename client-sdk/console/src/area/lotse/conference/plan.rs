//! Planning: whom, when, about what. Nothing is sent.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::Query;
use schleuse_client::fallkonferenz::{Conference, Date, Item, PURPOSE, Plan, check_times};
use schleuse_client::{Address, ClientError, ConferenceId, ItemId, ParticipantReference};

use super::{folder, path};
use crate::area::Choice;
use crate::area::lotse::notice::Asked;
use crate::area::lotse::offices::Offices;
use crate::area::lotse::people::{Person, book};
use crate::desk::{Answer, Desk, Failed};
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;
use crate::texts::filled;

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
    conveners: Vec<Choice>,
    bodies: Vec<Choice>,
    categories: Vec<Choice>,
    dates: Vec<DateRow>,
    items: Vec<ItemBlock>,
    fields: Fields,
    problems: Problems,
}

pub(super) async fn form(desk: Desk, Query(asked): Asked) -> Answer {
    let person = asked.get("participant").cloned().unwrap_or_default();
    let fields = Fields::of(vec![("participant".to_owned(), person)]);
    desk.page(&page(&desk, fields, Problems::default()).await?)
}

async fn page(desk: &Desk, fields: Fields, problems: Problems) -> Result<Page, Failed> {
    let failed = |error| desk.failed(error);
    let t = &desk.t().conference;
    let participants = desk.client.list_participants().await.map_err(failed)?;
    let book = book(desk)?;
    let mut people: Vec<Choice> = participants
        .iter()
        .map(|one| Person::of(desk, &book, one))
        .map(|person| Choice::new(person.id(), format!("{} ({})", person.name, short(person.id()))))
        .collect();
    people.sort_by_cached_key(|choice| choice.says.to_lowercase());
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
    if fields.get("step") == "more" {
        let count = (items_in(&fields) + 1).min(ITEMS_MAX).to_string();
        let mut pairs: Vec<_> = fields.pairs().to_vec();
        pairs.retain(|(name, _)| name != "items" && name != "step");
        pairs.push(("items".to_owned(), count));
        return desk.page(&page(&desk, Fields::of(pairs), Problems::default()).await?);
    }
    let mut problems = Problems::default();
    let participant = read::reference(&fields, "participant", desk.t(), &mut problems);
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
    }
    let dates = dates(desk, fields, problems);
    let place = fields.text("place");
    if place.is_empty() {
        problems.add("place", t.conference.place_problem);
    }
    let answer_by = read::until_day(fields, "answer_by", t, problems);
    if answer_by.is_none() && problems.of("answer_by").is_empty() {
        problems.add("answer_by", t.conference.answer_by_problem);
    }
    let items: Vec<Item> = (0..items_in(fields))
        .filter_map(|number| item(desk, fields, number, about_participant, problems))
        .collect();
    let (convener, answer_by_ms) = (convener?, answer_by?);
    if check_times(&dates, Some(answer_by_ms), desk.client.now_ms()).is_err() {
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

/// Dates that are filled in; one at least.
pub(super) fn dates(desk: &Desk, fields: &Fields, problems: &mut Problems) -> Vec<Date> {
    let mut dates = Vec::new();
    for number in 0..DATES {
        let row = date_row("", number);
        let (Some(day), time) = (fields.given(&row.day), fields.get(&row.time)) else { continue };
        let minutes = fields.get(&row.minutes).parse().unwrap_or(MINUTES);
        match read::day_and_time(day, time) {
            Some(starts_at_ms) => dates.push(Date { starts_at_ms, minutes }),
            None => problems.add(row.day, desk.t().conference.dates_problem),
        }
    }
    if dates.is_empty() && problems.of("day0").is_empty() {
        problems.add("day0", desk.t().conference.dates_problem);
    }
    dates
}

fn item(
    desk: &Desk,
    fields: &Fields,
    number: usize,
    about_participant: bool,
    problems: &mut Problems,
) -> Option<Item> {
    let block = item_block("", number);
    let title = fields.text(&block.name);
    if title.is_empty() {
        problems.add(block.name, desk.t().conference.item_title_problem);
        return None;
    }
    let categories = fields.all(&block.categories).filter(|code| !code.is_empty());
    Some(Item {
        id: ItemId::generate().ok()?,
        title,
        categories: match about_participant {
            true => categories.map(str::to_owned).collect(),
            false => BTreeSet::new(),
        },
        minutes: fields.get(&block.minutes).parse().unwrap_or(ITEM_MINUTES),
        notes: fields.text(&block.notes),
        bodies: None,
        professional_secret: false,
    })
}
