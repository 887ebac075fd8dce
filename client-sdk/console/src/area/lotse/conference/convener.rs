//! The page of a conference for its convener: its agenda by recipient, answers, what may be done, minutes.

use std::collections::BTreeSet;

use askama::Template;
use schleuse_client::fallkonferenz::{Conference, Distribution, MINUTES_MAX, Phase, State};
use schleuse_client::{Address, ItemId, shown, v1};

use super::page::{Block, Draft, Head, answered, block, date_choice, date_fields};
use crate::area::Choice;
use crate::area::lotse::offices::Offices;
use crate::desk::{Answer, Desk};
use crate::fields::{Fields, Problems};
use crate::surface::Surface;
use crate::texts::{ConferenceTexts, filled};

/// What one body receives of one item.
struct Share {
    class: &'static str,
    symbol: &'static str,
    says: &'static str,
}

struct AgendaRow {
    title: String,
    minutes: String,
    data: String,
    shares: Vec<Share>,
}

struct AnswerRow {
    body: String,
    says: String,
    class: &'static str,
    symbol: &'static str,
}

#[derive(Template)]
#[template(path = "lotse/conference.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    head: Head,
    is_over: bool,
    bodies: Vec<String>,
    agenda: Vec<AgendaRow>,
    answers: Vec<AnswerRow>,
    dates: Vec<Choice>,
    reasons: Vec<Choice>,
    blocks: Vec<Block>,
    date_fields: Vec<[String; 3]>,
    /// The form that is to be put right, by its part of the path.
    act: &'static str,
    fields: Fields,
    problems: Problems,
}

impl Page {
    fn minutes_max(&self) -> u32 {
        MINUTES_MAX
    }
}

/// Shows a conference; with a distribution, also what would be sent to whom.
pub(super) async fn show(
    desk: &Desk,
    conference: &Conference,
    notice: Option<String>,
    distribution: Option<&Distribution>,
) -> Answer {
    page(desk, conference, (notice, distribution), Draft::default()).await
}

pub(super) async fn again(desk: &Desk, conference: &Conference, draft: Draft) -> Answer {
    page(desk, conference, (None, None), draft).await
}

async fn page(
    desk: &Desk,
    conference: &Conference,
    (notice, distribution): (Option<String>, Option<&Distribution>),
    Draft { act, fields, problems }: Draft,
) -> Answer {
    let (state, offices) = (conference.state(), Offices::read(desk).await?);
    let addresses = bodies(conference, &state);
    let answers = answers(desk, &offices, &state);
    let blocks = state.agenda().into_iter();
    let blocks = blocks.map(|one| block(desk, &offices, (conference, &state), one)).collect();
    let mut page = Page {
        s: desk.surface.clone(),
        notice,
        head: Head::of(desk, conference, &state)?,
        is_over: matches!(state.phase, Phase::Cancelled | Phase::Withdrawn),
        bodies: addresses.iter().map(|address| offices.name(&address.to_string())).collect(),
        agenda: agenda(desk, conference, &state, &addresses, distribution),
        answers,
        dates: state.proposed.iter().map(|date| date_choice(desk, *date)).collect(),
        reasons: reasons(&desk.t().conference),
        blocks,
        date_fields: date_fields(),
        act,
        fields,
        problems,
    };
    if page.is_over || page.answers.is_empty() {
        // The form that is to be put right is not there any more.
        page.problems = page.problems.at("conference");
    }
    match page.problems.is_empty() {
        true => desk.page(&page),
        false => desk.again(&page),
    }
}

fn bodies(conference: &Conference, state: &State) -> BTreeSet<Address> {
    let planned = conference.plan().map(|plan| plan.bodies.clone()).unwrap_or_default();
    state.bodies.keys().cloned().chain(planned).collect()
}

fn reasons(t: &ConferenceTexts) -> Vec<Choice> {
    use v1::FallkonferenzChangeReason as R;
    let reasons = [
        (R::NotStated, t.r_not_stated),
        (R::Attendance, t.r_attendance),
        (R::Documents, t.r_documents),
        (R::Place, t.r_place),
        (R::Settled, t.r_settled),
    ];
    reasons.map(|(one, says)| Choice::new(i32::from(one).to_string(), says)).into()
}

/// Items × bodies: what each was sent, and with a distribution what each would be sent.
fn agenda(
    desk: &Desk,
    conference: &Conference,
    state: &State,
    bodies: &BTreeSet<Address>,
    distribution: Option<&Distribution>,
) -> Vec<AgendaRow> {
    let t = &desk.t().conference;
    let planned = conference.plan().map(|plan| plan.items.as_slice()).unwrap_or_default();
    let share = |item: &ItemId, body: &Address| {
        let meant = planned
            .iter()
            .find(|one| one.id == *item)
            .is_none_or(|one| one.bodies.as_ref().is_none_or(|bodies| bodies.contains(body)));
        let has = state.bodies.get(body).is_some_and(|one| one.items.contains(item));
        match (has, meant, distribution) {
            (true, _, _) => Share { class: "good", symbol: "✓", says: t.gets },
            (false, false, _) => Share { class: "", symbol: "–", says: t.not_meant },
            (false, true, Some(asked)) if asked.covers(body, item) => {
                Share { class: "warn", symbol: "○", says: t.may_get }
            }
            (false, true, Some(_)) => Share { class: "bad", symbol: "✕", says: t.not_covered },
            (false, true, None) => Share { class: "", symbol: "–", says: t.not_sent },
        }
    };
    let row = |(id, title, minutes, categories): (ItemId, &str, u32, Vec<String>)| AgendaRow {
        title: shown(title),
        minutes: filled(t.minutes_n, &[&minutes.to_string()]),
        data: desk.names().categories(&categories),
        shares: bodies.iter().map(|body| share(&id, body)).collect(),
    };
    if planned.is_empty() {
        let items = state.agenda().into_iter().map(|(id, item)| {
            let categories = item.categories.iter().cloned().collect();
            (*id, item.title.as_str(), item.minutes_planned, categories)
        });
        return items.map(row).collect();
    }
    let items = planned.iter().map(|item| {
        (item.id, item.title.as_str(), item.minutes, item.categories.iter().cloned().collect())
    });
    items.map(row).collect()
}

fn answers(desk: &Desk, offices: &Offices, state: &State) -> Vec<AnswerRow> {
    let invited = state.bodies.iter().filter(|(_, body)| body.invited);
    let rows = invited.map(|(address, body)| {
        let (says, class, symbol) = answered(desk, body.reply.as_ref());
        AnswerRow { body: offices.name(&address.to_string()), says, class, symbol }
    });
    rows.collect()
}
