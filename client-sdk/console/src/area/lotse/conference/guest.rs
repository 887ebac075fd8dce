//! A Fallkonferenz to which another body invited: what a body can do there, and no more. It answers the dates, confirms
//! minutes or objects to them, and reports what it agreed to as kept.

use askama::Template;
use schleuse_client::fallkonferenz::{
    Conference, Date, Letter, MINUTES_MAX, OBJECTION_CHARS_MAX, Phase, REASON_CHARS_MAX,
};
use schleuse_client::{ClientError, ItemId, shown, v1};

use super::page::{
    Block, Draft, Head, answered, block, date_choice, date_fields, declined, finish,
};
use super::plan;
use super::sending::{Opened, open_for};
use crate::area::Choice;
use crate::area::lotse::offices::Offices;
use crate::desk::{Answer, Desk};
use crate::extract::Path;
use crate::fields::{Fields, Problems};
use crate::surface::Surface;
use crate::texts::{ConferenceTexts, filled};

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
    head: Head,
    convener: String,
    own: String,
    /// Whether dates are to be answered, or the answer may be another one now.
    may_answer: bool,
    /// What was answered.
    answer: String,
    dates: Vec<Choice>,
    reasons: Vec<Choice>,
    date_fields: Vec<[String; 3]>,
    items: Vec<Item>,
    /// The form that is to be put right, by its part of the path.
    act: &'static str,
    fields: Fields,
    problems: Problems,
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
    page(desk, conference, notice, Draft::default()).await
}

pub(super) async fn again(desk: &Desk, conference: &Conference, draft: Draft) -> Answer {
    page(desk, conference, None, draft).await
}

async fn page(
    desk: &Desk,
    conference: &Conference,
    notice: Option<String>,
    Draft { act, fields, problems }: Draft,
) -> Answer {
    let (state, offices) = (conference.state(), Offices::read(desk).await?);
    let reply = state.bodies.get(conference.own()).and_then(|own| own.reply.as_ref());
    let may_answer = matches!(state.phase, Phase::Invited | Phase::Fixed);
    let minutes = desk.t().conference.minutes_n;
    let items = state.agenda().into_iter().map(|(id, item)| Item {
        block: block(desk, &offices, (conference, &state), (id, item)),
        data: desk.names().categories(&item.categories.iter().cloned().collect::<Vec<_>>()),
        minutes: filled(minutes, &[&item.minutes_planned.to_string()]),
        notes: shown(&item.notes),
        objection: objection_field(id),
    });
    let mut page = Page {
        s: desk.surface.clone(),
        notice,
        head: Head::of(desk, conference, &state)?,
        convener: offices.name(&conference.convener().to_string()),
        own: offices.name(&conference.own().to_string()),
        may_answer,
        answer: answered(desk, reply).0,
        dates: state.proposed.iter().map(|date| date_choice(desk, *date)).collect(),
        reasons: reasons(desk),
        date_fields: date_fields(),
        items: items.collect(),
        act,
        fields,
        problems,
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

/// Letters, as professional secrets if the form says so: a body says it itself.
pub(super) fn marked(mut letters: Vec<Letter>, fields: &Fields) -> Vec<Letter> {
    for letter in &mut letters {
        letter.professional_secret |= fields.has("professional_secret", "yes");
    }
    letters
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
        Some(letter) => send(&desk, opened, letter, ("/answer", field), fields).await,
        None => again(&desk, conference, Draft { act: "/answer", fields, problems }).await,
    }
}

fn accept(
    desk: &Desk,
    conference: &Conference,
    fields: &Fields,
    problems: &mut Problems,
) -> Option<Result<Letter, ClientError>> {
    let state = conference.state();
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
        let draft = Draft { act: "/confirm", fields, problems };
        return again(&desk, &opened.conference, draft).await;
    }
    let letter = opened.conference.confirm(item, objection);
    send(&desk, opened, letter, ("/confirm", &field), fields).await
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

/// Sends the letter, marked as the form says, or shows the form again.
async fn send(
    desk: &Desk,
    opened: Opened,
    letter: Result<Letter, ClientError>,
    place: (&'static str, &str),
    fields: Fields,
) -> Answer {
    let letters = letter.map(|letter| marked(vec![letter], &fields));
    finish(desk, opened, letters, place, fields).await
}
