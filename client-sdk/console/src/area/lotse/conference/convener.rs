//! How a conference is shown to its convener: its agenda by recipient, answers, minutes. Some of it is the same where
//! others convene.

use std::collections::BTreeSet;

use askama::Template;
use schleuse_client::fallkonferenz::{
    AgreementStatus, Conference, Confirmation, Date, Distribution, ItemState, MINUTES_MAX, Phase,
    Reply, State,
};
use schleuse_client::{Address, AgreementId, ItemId, shown, v1};

use super::list::about_nobody;
use super::{guest, open};
use crate::area::Choice;
use crate::area::lotse::notice::{Asked, notice};
use crate::area::lotse::offices::Offices;
use crate::area::lotse::people::{Person, book};
use crate::desk::{Answer, Desk};
use crate::extract::{Path, Query};
use crate::fields::{Fields, Problems};
use crate::surface::Surface;
use crate::texts::{ConferenceTexts, filled};
use crate::words;

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

pub(super) struct AgreementRow {
    pub(super) id: String,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) until: String,
    pub(super) says: &'static str,
    pub(super) class: &'static str,
    /// The field of the day on which it was kept, where the own function is to say so.
    pub(super) kept: Option<String>,
}

/// An item with its minutes.
pub(super) struct Block {
    pub(super) id: String,
    pub(super) title: String,
    /// Version, in words and as a number, and text.
    pub(super) written: Option<(String, u32, String)>,
    pub(super) confirmations: Vec<String>,
    pub(super) agreements: Vec<AgreementRow>,
    /// Whether there is anybody to send minutes to.
    pub(super) is_held: bool,
}

#[derive(Template)]
#[template(path = "lotse/conference.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    problems: Problems,
    fields: Fields,
    path: String,
    about: String,
    person: Option<Person>,
    phase: (&'static str, &'static str, &'static str),
    is_over: bool,
    is_fixed: bool,
    date: String,
    place: String,
    answer_by: String,
    bodies: Vec<String>,
    agenda: Vec<AgendaRow>,
    answers: Vec<AnswerRow>,
    dates: Vec<Choice>,
    reasons: Vec<Choice>,
    blocks: Vec<Block>,
    date_fields: Vec<[String; 3]>,
    /// The form that is to be put right, by its part of the path.
    act: &'static str,
}

impl Page {
    fn minutes_max(&self) -> u32 {
        MINUTES_MAX
    }
}

pub(super) fn phase(
    phase: Phase,
    t: &ConferenceTexts,
) -> (&'static str, &'static str, &'static str) {
    match phase {
        Phase::Planned => ("", "◷", t.ph_planned),
        Phase::Invited => ("warn", "○", t.ph_invited),
        Phase::Fixed => ("good", "✓", t.ph_fixed),
        Phase::Cancelled => ("bad", "✕", t.ph_cancelled),
        Phase::Withdrawn => ("bad", "✕", t.ph_withdrawn),
    }
}

pub(super) fn date_words(desk: &Desk, state: &State) -> String {
    state.date.map_or_else(|| desk.t().conference.no_date.to_owned(), |date| one_date(desk, date))
}

fn one_date(desk: &Desk, date: Date) -> String {
    let minutes = filled(desk.t().conference.minutes_n, &[&date.minutes.to_string()]);
    format!("{} ({minutes})", words::time(desk.surface.language, date.starts_at_ms))
}

pub(super) fn dates_words(desk: &Desk, dates: &[Date]) -> String {
    dates.iter().map(|date| one_date(desk, *date)).collect::<Vec<_>>().join("; ")
}

pub(super) async fn show(desk: Desk, Path(id): Path<String>, Query(asked): Asked) -> Answer {
    let conference = open(&desk, &id).await?;
    let done = notice(&desk, &asked);
    match conference.is_convener() {
        true => show_with(&desk, &conference, done, None).await,
        false => guest::show(&desk, &conference, done).await,
    }
}

/// Shows a conference; with a distribution, also what would be sent to whom.
pub(super) async fn show_with(
    desk: &Desk,
    conference: &Conference,
    notice: Option<String>,
    distribution: Option<&Distribution>,
) -> Answer {
    let form = ("", Fields::default(), Problems::default());
    page(desk, conference, notice, distribution, form).await
}

/// Shows a conference with the form of an act that is to be put right: what was typed is still there.
pub(super) async fn again(
    desk: &Desk,
    conference: &Conference,
    act: &'static str,
    fields: Fields,
    problems: Problems,
) -> Answer {
    page(desk, conference, None, None, (act, fields, problems)).await
}

async fn page(
    desk: &Desk,
    conference: &Conference,
    notice: Option<String>,
    distribution: Option<&Distribution>,
    (act, fields, problems): (&'static str, Fields, Problems),
) -> Answer {
    let t = &desk.t().conference;
    let (state, offices) = (conference.state(), Offices::read(desk).await?);
    let addresses = bodies(conference, &state);
    let book = book(desk)?;
    let person = conference.participant().map(|one| Person::of(desk, &book, one));
    let is_over = matches!(state.phase, Phase::Cancelled | Phase::Withdrawn);
    let answers = answers(desk, &offices, &state);
    let language = desk.surface.language;
    let blocks = state.agenda().into_iter();
    let blocks = blocks.map(|one| block(desk, &offices, (conference, &state), one)).collect();
    let mut page = Page {
        s: desk.surface.clone(),
        notice,
        path: super::path(conference),
        about: person
            .as_ref()
            .map_or_else(|| about_nobody(desk, conference), |one| one.name.clone()),
        person,
        phase: phase(state.phase, t),
        is_over,
        is_fixed: state.phase == Phase::Fixed,
        date: date_words(desk, &state),
        place: shown(&place(conference, &state)),
        answer_by: state.answer_by_ms.map(|ms| words::end(language, ms)).unwrap_or_default(),
        bodies: addresses.iter().map(|address| offices.name(&address.to_string())).collect(),
        agenda: agenda(desk, conference, &state, &addresses, distribution),
        answers,
        dates: state.proposed.iter().map(|date| date_choice(desk, *date)).collect(),
        reasons: reasons(t),
        blocks,
        date_fields: date_fields(),
        fields,
        problems,
        act,
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

/// Names of the fields of dates: day, time, minutes.
pub(super) fn date_fields() -> Vec<[String; 3]> {
    (0..3).map(|n| [format!("day{n}"), format!("time{n}"), format!("date_minutes{n}")]).collect()
}

/// The field for the day on which an agreement was kept.
pub(super) fn kept_field(agreement: &AgreementId) -> String {
    format!("kept-{agreement}")
}

/// Where it is: as fixed, else as planned.
pub(super) fn place(conference: &Conference, state: &State) -> String {
    match conference.plan() {
        Some(plan) if state.place.is_empty() => plan.place.clone(),
        Some(_) | None => state.place.clone(),
    }
}

fn bodies(conference: &Conference, state: &State) -> BTreeSet<Address> {
    let planned = conference.plan().map(|plan| plan.bodies.clone()).unwrap_or_default();
    state.bodies.keys().cloned().chain(planned).collect()
}

pub(super) fn date_choice(desk: &Desk, date: Date) -> Choice {
    Choice::new(format!("{}+{}", date.starts_at_ms, date.minutes), one_date(desk, date))
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
    let t = &desk.t().conference;
    let invited = state.bodies.iter().filter(|(_, body)| body.invited);
    let rows = invited.map(|(address, body)| {
        let (says, class, symbol) = match &body.reply {
            None => (t.a_none.to_owned(), "", "○"),
            Some(Reply::Accepted(dates)) => {
                (filled(t.a_accepted, &[&dates_words(desk, dates)]), "good", "✓")
            }
            Some(Reply::Declined { reason, text }) => {
                let reason = format!("{} {}", declined(*reason, t), shown(text));
                (filled(t.a_declined, &[reason.trim()]), "bad", "✕")
            }
            Some(Reply::Proposed(dates)) => {
                (filled(t.a_proposed, &[&dates_words(desk, dates)]), "warn", "◐")
            }
        };
        AnswerRow { body: offices.name(&address.to_string()), says, class, symbol }
    });
    rows.collect()
}

pub(super) fn declined(
    reason: v1::FallkonferenzDeclineReason,
    t: &ConferenceTexts,
) -> &'static str {
    use v1::FallkonferenzDeclineReason as R;
    match reason {
        R::NoDate => t.d_no_date,
        R::NotConcerned => t.d_not_concerned,
        R::OtherFunction => t.d_other_function,
        R::InWriting => t.d_in_writing,
        R::Capacity => t.d_capacity,
        R::Other | R::Unspecified => t.d_other,
    }
}

/// An item with its minutes, as both sides see it.
pub(super) fn block(
    desk: &Desk,
    offices: &Offices,
    (conference, state): (&Conference, &State),
    (id, item): (&ItemId, &ItemState),
) -> Block {
    let (t, now_ms) = (&desk.t().conference, desk.client.now_ms());
    let confirmations = item.confirmations.iter().map(|(who, said)| {
        let said = match said {
            Confirmation::Confirmed => t.confirmed.to_owned(),
            Confirmation::Objected(why) => filled(t.objected, &[&shown(why)]),
        };
        format!("{}: {said}", offices.name(&who.to_string()))
    });
    let agreements = item.agreed().into_iter().map(|(id, one)| {
        let (says, class) = match one.status(now_ms) {
            AgreementStatus::Open => (t.g_open, "warn"),
            AgreementStatus::Kept => (t.g_kept, "good"),
            AgreementStatus::KeptLate => (t.g_kept_late, "good"),
            AgreementStatus::Late => (t.g_late, "warn"),
            AgreementStatus::Overdue => (t.g_overdue, "bad"),
        };
        let is_ours = one.who == *conference.own() && one.kept_at_ms.is_none();
        AgreementRow {
            id: id.to_string(),
            who: offices.name(&one.who.to_string()),
            what: shown(&one.what),
            until: words::end(desk.surface.language, one.until_ms),
            says,
            class,
            kept: is_ours.then(|| kept_field(id)),
        }
    });
    let written = item.minutes.as_ref().map(|(version, text)| {
        (filled(t.minutes_of, &[&version.to_string()]), *version, whole(text))
    });
    Block {
        id: id.to_string(),
        title: shown(&item.title),
        written,
        confirmations: confirmations.collect(),
        agreements: agreements.collect(),
        is_held: !state.holders(id).is_empty(),
    }
}

/// A long text as pages show it, to its end.
fn whole(text: &str) -> String {
    /// Fewer than those after which a text is cut.
    const PIECE: usize = 1_000;
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(PIECE).map(|piece| shown(&piece.iter().collect::<String>())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_minutes_are_shown_to_their_end() {
        let text = "ä".repeat(32 * 1024) + "Ende";
        assert_eq!(whole(&text), text);
        assert_eq!(whole("a\u{202e}b"), shown("a\u{202e}b"));
    }
}
