//! Planning: whom, when, about what. Nothing is sent.

use std::collections::BTreeSet;

use askama::Template;
use schleuse_client::fallkonferenz::{
    Conference, Date, Item, MINUTES_MAX, NAME_CHARS_MAX, PURPOSE, Plan, check_times,
};
use schleuse_client::{Address, ClientError, ConferenceId, ParticipantReference};

use super::items::ItemBlock;
use super::sending::reached;
use super::{folder, items, path};
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
/// Purpose of conferences about nobody.
const ABOUT_NOBODY: &str = "strukturfragen";
/// What the form says of them.
const NOBODY: &str = "nobody";
/// Minutes of a date, if nothing else is said.
const MINUTES: u32 = 60;

/// Whom a conference is about. Nobody has to be chosen, too: whatever is said about nobody, no consent covers.
pub(super) enum About {
    NotSaid,
    Nobody,
    Participant(ParticipantReference),
}

struct DateRow {
    title: String,
    day: String,
    time: String,
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
    /// The bodies among which items are shared out; none: all get all that they may.
    shared: Vec<Choice>,
    fields: Fields,
    problems: Problems,
}

impl Page {
    fn minutes_max(&self) -> u32 {
        MINUTES_MAX
    }

    fn are_shared(&self) -> bool {
        items::are_shared(&self.fields)
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
    let fixed = [Choice::new("", desk.t().forms.choose), Choice::new(NOBODY, t.nobody)];
    people.splice(0..0, fixed);
    let offices = Offices::read(desk).await?;
    let functions = offices.function_choices(desk.t().forms.choose);
    let own = format!("{}/", desk.client.agency());
    let is_own = |choice: &Choice| choice.value.is_empty() || choice.value.starts_with(&own);
    let names = desk.names();
    let items = items::count(&fields);
    let bodies: Vec<Choice> = functions.iter().filter(|choice| !is_own(choice)).cloned().collect();
    Ok(Page {
        s: desk.surface.clone(),
        people,
        are_all,
        conveners: functions.into_iter().filter(is_own).collect(),
        shared: items::shared(&fields, &bodies),
        bodies,
        categories: names.categories_of_all().map(|(code, name)| Choice::new(code, name)).collect(),
        dates: (0..DATES).map(|number| date_row(t.date_n, number)).collect(),
        items: (0..items).map(|number| ItemBlock::of(t.item_n, number)).collect(),
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

pub(super) async fn make(desk: Desk, fields: Fields) -> Answer {
    if let Err(answer) = reached(&desk, ("/conferences", "/new"), &fields).await {
        return answer;
    }
    let mut problems = Problems::default();
    if let Some(next) = items::another_step(&fields) {
        let is_shared = items::are_shared(&next) || fields.get("step") == "share";
        if is_shared && next.all("bodies").next().is_none() {
            problems.add("bodies", desk.t().conference.bodies_problem);
            return desk.again(&page(&desk, next, problems).await?);
        }
        return desk.page(&page(&desk, next, problems).await?);
    }
    let about = about(&desk, &fields, &mut problems);
    if let About::Participant(participant) = &about {
        ours(&desk, participant.as_text()).await?;
    }
    let plan = plan(&desk, &fields, &about, &mut problems);
    let conference = plan.and_then(|plan| convene(&desk, plan, about, &mut problems));
    let Some(conference) = conference else {
        let fields = items::shared_anew(fields);
        return desk.again(&page(&desk, fields, problems).await?);
    };
    folder(&desk)?.save(&conference).map_err(|error| desk.failed(error))?;
    desk.go(&path(&conference))
}

fn about(desk: &Desk, fields: &Fields, problems: &mut Problems) -> About {
    match fields.get("participant") {
        NOBODY => About::Nobody,
        "" => {
            problems.add("participant", desk.t().conference.about_problem);
            About::NotSaid
        }
        _ => read::reference(fields, "participant", desk.t(), problems)
            .map_or(About::NotSaid, About::Participant),
    }
}

fn convene(desk: &Desk, plan: Plan, about: About, problems: &mut Problems) -> Option<Conference> {
    let words =
        |error: ClientError| filled(desk.t().conference.plan_problem, &[&error.to_string()]);
    let participant = match about {
        About::Participant(participant) => Some(participant),
        About::Nobody | About::NotSaid => None,
    };
    let checked = plan.check_times(desk.client.now_ms());
    let made = checked.and_then(|()| Conference::convene(plan, participant));
    problems.take("convener", made.map_err(words))
}

fn plan(desk: &Desk, fields: &Fields, about: &About, problems: &mut Problems) -> Option<Plan> {
    let (t, about_participant) = (desk.t(), matches!(about, About::Participant(_)));
    let convener = fields.get("convener").parse().map_err(|_| t.conference.convener_problem);
    let convener: Option<Address> = problems.take("convener", convener);
    let bodies: BTreeSet<Address> =
        fields.all("bodies").filter_map(|body| body.parse().ok()).collect();
    if bodies.is_empty() {
        problems.add("bodies", t.conference.bodies_problem);
    } else if convener.as_ref().is_some_and(|convener| bodies.contains(convener)) {
        problems.add("bodies", t.conference.bodies_convener);
    } else if items::is_outdated(fields) {
        problems.add("bodies", t.conference.bodies_changed);
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
    let items: Vec<Item> = (0..items::count(fields))
        .filter_map(|number| items::item(desk, fields, (number, about, &bodies), problems))
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
pub(super) fn wrong_name(desk: &Desk, text: &str) -> Option<String> {
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
pub(super) fn length(
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
