//! A Fallkonferenz to which another body invited: what a body can do there, and no more. It answers the dates, confirms
//! minutes or objects to them, and reports what it agreed to as kept.

use askama::Template;
use schleuse_client::fallkonferenz::{
    Conference, Date, Letter, MINUTES_MAX, OBJECTION_CHARS_MAX, Phase, REASON_CHARS_MAX, Reply,
    State,
};
use schleuse_client::{ClientError, ItemId, shown, v1};

use super::list::about_nobody;
use super::sending::{Opened, Outcome, open_for, send};
use super::view::{
    Block, block, date_choice, date_fields, date_words, dates_words, declined, phase,
};
use super::{path, plan};
use crate::area::Choice;
use crate::area::lotse::offices::Offices;
use crate::area::lotse::people::{Person, book};
use crate::desk::{Answer, Desk};
use crate::extract::Path;
use crate::fields::{Fields, Problems};
use crate::surface::Surface;
use crate::texts::{ConferenceTexts, filled};
use crate::words;

/// An item that the own function received, with what came of it.
struct Item {
    block: Block,
    data: String,
    minutes: String,
    notes: String,
    /// The field of an objection to its minutes.
    objection: String,
}

#[derive(Template)]
#[template(path = "lotse/conference_guest.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    problems: Problems,
    fields: Fields,
    path: String,
    about: String,
    person: Option<Person>,
    convener: String,
    own: String,
    phase: (&'static str, &'static str, &'static str),
    is_fixed: bool,
    /// Whether dates are to be answered, or the answer may be another one now.
    may_answer: bool,
    date: String,
    place: String,
    answer_by: String,
    /// What was answered.
    answer: String,
    dates: Vec<Choice>,
    reasons: Vec<Choice>,
    date_fields: Vec<[String; 3]>,
    items: Vec<Item>,
    /// The form that is to be put right.
    act: &'static str,
}

impl Page {
    fn minutes_max(&self) -> u32 {
        MINUTES_MAX
    }

    fn is_at(&self, how: &str) -> bool {
        self.act == "/answer" && self.fields.get("how") == how
    }
}

pub(super) async fn show(desk: &Desk, conference: &Conference, notice: Option<String>) -> Answer {
    page(desk, conference, notice, ("", Fields::default(), Problems::default())).await
}

/// Shows the page with the form of an act that is to be put right.
pub(super) async fn again(
    desk: &Desk,
    conference: &Conference,
    act: &'static str,
    fields: Fields,
    problems: Problems,
) -> Answer {
    page(desk, conference, None, (act, fields, problems)).await
}

async fn page(
    desk: &Desk,
    conference: &Conference,
    notice: Option<String>,
    (act, fields, problems): (&'static str, Fields, Problems),
) -> Answer {
    let t = &desk.t().conference;
    let (state, offices, book) = (conference.state(), Offices::read(desk).await?, book(desk)?);
    let person = conference.participant().map(|one| Person::of(desk, &book, one));
    let reply = state.bodies.get(conference.own()).and_then(|own| own.reply.as_ref());
    let may_answer = matches!(state.phase, Phase::Invited | Phase::Fixed);
    let items = state.agenda().into_iter().map(|(id, item)| Item {
        block: block(desk, &offices, (conference, &state), (id, item)),
        data: desk.names().categories(&item.categories.iter().cloned().collect::<Vec<_>>()),
        minutes: filled(t.minutes_n, &[&item.minutes_planned.to_string()]),
        notes: shown(&item.notes),
        objection: objection_field(id),
    });
    let mut page = Page {
        s: desk.surface.clone(),
        notice,
        path: path(conference),
        about: person
            .as_ref()
            .map_or_else(|| about_nobody(desk, conference), |one| one.name.clone()),
        person,
        convener: offices.name(&conference.convener().to_string()),
        own: offices.name(&conference.own().to_string()),
        phase: phase(state.phase, t),
        is_fixed: state.phase == Phase::Fixed,
        may_answer,
        date: date_words(desk, &state),
        place: shown(&state.place),
        answer_by: state
            .answer_by_ms
            .map(|ms| words::end(desk.surface.language, ms))
            .unwrap_or_default(),
        answer: answered(desk, reply),
        dates: state.proposed.iter().map(|date| date_choice(desk, *date)).collect(),
        reasons: reasons(desk),
        date_fields: date_fields(),
        items: items.collect(),
        fields,
        problems,
        act,
    };
    if act == "/answer" && !may_answer {
        // The form that is to be put right is not there any more.
        page.problems = page.problems.at("conference");
    }
    match page.problems.is_empty() {
        true => desk.page(&page),
        false => desk.again(&page),
    }
}

fn answered(desk: &Desk, reply: Option<&Reply>) -> String {
    let t = &desk.t().conference;
    match reply {
        None => t.a_none.to_owned(),
        Some(Reply::Accepted(dates)) => filled(t.a_accepted, &[&dates_words(desk, dates)]),
        Some(Reply::Declined { reason, text }) => {
            let reason = format!("{} {}", declined(*reason, t), shown(text));
            filled(t.a_declined, &[reason.trim()])
        }
        Some(Reply::Proposed(dates)) => filled(t.a_proposed, &[&dates_words(desk, dates)]),
    }
}

fn reasons(desk: &Desk) -> Vec<Choice> {
    use v1::FallkonferenzDeclineReason as R;
    let t: &ConferenceTexts = &desk.t().conference;
    let reasons =
        [R::NoDate, R::NotConcerned, R::OtherFunction, R::InWriting, R::Capacity, R::Other];
    let choices = reasons.map(|one| Choice::new(i32::from(one).to_string(), declined(one, t)));
    std::iter::once(Choice::new("", desk.t().forms.choose)).chain(choices).collect()
}

fn objection_field(item: &ItemId) -> String {
    format!("objection-{item}")
}

/// Marks letters as professional secrets if the form says so: a body says it itself.
pub(super) fn mark(letters: &mut [Letter], fields: &Fields) {
    for letter in letters {
        letter.professional_secret |= fields.has("professional_secret", "yes");
    }
}

/// Answers the dates: takes part, does not, or proposes others.
pub(super) async fn answer(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let opened = match open_as_guest(&desk, &id, "/answer", &fields).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let (conference, mut problems) = (&opened.conference, Problems::default());
    let (field, letter) = match fields.get("how") {
        "accept" => ("dates", accept(&desk, conference, &fields, &mut problems)),
        "decline" => ("decline", decline(&desk, conference, &fields, &mut problems)),
        "propose" => {
            let dates = plan::dates(&desk, &fields, &mut problems);
            ("day0", problems.is_empty().then(|| conference.propose(&dates)))
        }
        _ => return Err(desk.not_found()),
    };
    match letter {
        Some(letter) => finish(&desk, opened, letter, ("/answer", field), fields).await,
        None => again(&desk, conference, "/answer", fields, problems).await,
    }
}

fn accept(
    desk: &Desk,
    conference: &Conference,
    fields: &Fields,
    problems: &mut Problems,
) -> Option<Result<Letter, ClientError>> {
    let state: State = conference.state();
    let chosen = |date: &&Date| fields.has("dates", &date_choice(desk, **date).value);
    let dates: Vec<Date> = state.proposed.iter().filter(chosen).copied().collect();
    if dates.is_empty() {
        problems.add("dates", desk.t().conference.accept_problem);
        return None;
    }
    Some(conference.accept(&dates))
}

fn decline(
    desk: &Desk,
    conference: &Conference,
    fields: &Fields,
    problems: &mut Problems,
) -> Option<Result<Letter, ClientError>> {
    use v1::FallkonferenzDeclineReason as R;
    let (t, text) = (&desk.t().conference, fields.get("text"));
    let number = fields.get("decline").parse().ok();
    let reason = number.and_then(|number: i32| R::try_from(number).ok());
    let reason = reason.filter(|one| *one != R::Unspecified);
    if reason.is_none() {
        problems.add("decline", desk.t().forms.code_problem);
    }
    if reason == Some(R::Other) && text.is_empty() {
        problems.add("text", t.decline_problem);
    }
    if text.chars().count() > REASON_CHARS_MAX {
        problems.add("text", filled(t.too_long, &[&REASON_CHARS_MAX.to_string()]));
    }
    let reason = reason.filter(|_| problems.is_empty())?;
    Some(conference.decline(reason, text))
}

/// Confirms minutes, or objects to them: to the version that was read, and to no other.
pub(super) async fn confirm(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let opened = match open_as_guest(&desk, &id, "/confirm", &fields).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let (t, mut problems) = (&desk.t().conference, Problems::default());
    let item: ItemId = fields.get("item").parse().map_err(|_| desk.not_found())?;
    let state = opened.conference.state();
    let known = state.items.get(&item).ok_or_else(|| desk.not_found())?;
    let (version, _) = known.minutes.as_ref().ok_or_else(|| desk.not_found())?;
    let field = objection_field(&item);
    let objects = fields.get("how") == "object";
    let objection = if objects { fields.get(&field) } else { "" };
    if fields.get("version") != version.to_string() {
        problems.add(&field, t.confirm_newer);
    } else if objects && objection.is_empty() {
        problems.add(&field, t.objection_problem);
    } else if objection.chars().count() > OBJECTION_CHARS_MAX {
        problems.add(&field, filled(t.too_long, &[&OBJECTION_CHARS_MAX.to_string()]));
    }
    if !problems.is_empty() {
        return again(&desk, &opened.conference, "/confirm", fields, problems).await;
    }
    let letter = opened.conference.confirm(item, objection);
    finish(&desk, opened, letter, ("/confirm", &field), fields).await
}

/// Opens a conference of another convener to change it.
async fn open_as_guest(
    desk: &Desk,
    id: &str,
    act: &str,
    fields: &Fields,
) -> Result<Opened, Answer> {
    let opened = open_for(desk, id, act, fields).await?;
    if opened.conference.is_convener() { Err(Err(desk.not_found())) } else { Ok(opened) }
}

/// Sends the letter, or shows the form again with what is wrong beside a field.
async fn finish(
    desk: &Desk,
    opened: Opened,
    letter: Result<Letter, ClientError>,
    (act, field): (&'static str, &str),
    fields: Fields,
) -> Answer {
    let mut letters = letter.map(|letter| vec![letter]);
    if let Ok(letters) = &mut letters {
        mark(letters, &fields);
    }
    match send(desk, opened, letters, (act, &fields)).await? {
        Outcome::Gone(answer) => Ok(answer),
        Outcome::Stopped(conference, words) => {
            let mut problems = Problems::default();
            problems.add(field, words);
            again(desk, &conference, act, fields, problems).await
        }
    }
}
