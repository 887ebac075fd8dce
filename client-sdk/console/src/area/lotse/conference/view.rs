//! How conferences are shown: the list, and one with its agenda by recipient, answers, minutes.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, Query};
use schleuse_client::fallkonferenz::{
    AgreementStatus, Conference, Confirmation, Date, Distribution, ItemState, Phase, Reply, State,
};
use schleuse_client::{Address, ItemId, shown, v1};

use super::acts::AGREEMENTS;
use super::{folder, open};
use crate::area::Choice;
use crate::area::lotse::notice::{Asked, notice};
use crate::area::lotse::offices::Offices;
use crate::area::lotse::people::{Person, book};
use crate::desk::{Answer, Desk};
use crate::fields::{Fields, Problems};
use crate::surface::Surface;
use crate::texts::{ConferenceTexts, filled};
use crate::words;

struct Row {
    to: String,
    about: String,
    date: String,
    phase: (&'static str, &'static str, &'static str),
}

#[derive(Template)]
#[template(path = "lotse/conferences.html")]
struct List {
    s: Surface,
    notice: Option<String>,
    rows: Vec<Row>,
    functions: Vec<Choice>,
    has_keys: bool,
    fields: Fields,
    problems: Problems,
}

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

struct AgreementRow {
    who: String,
    what: String,
    until: String,
    says: &'static str,
    class: &'static str,
}

struct MinutesBlock {
    id: String,
    title: String,
    written: Option<(String, String)>,
    confirmations: Vec<String>,
    agreements: Vec<AgreementRow>,
}

/// Names of the fields of one agreement of the form.
struct AgreementFields {
    who: String,
    what: String,
    until: String,
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
    blocks: Vec<MinutesBlock>,
    parties: Vec<Choice>,
    agreement_fields: Vec<AgreementFields>,
    date_fields: Vec<[String; 3]>,
}

impl Page {
    /// Whether the form that moves the conference is to be put right.
    fn is_moving(&self) -> bool {
        let mut days = self.date_fields.iter().map(|row| row[0].as_str()).chain(["answer_by"]);
        days.any(|name| !self.problems.of(name).is_empty())
    }
}

fn phase(phase: Phase, t: &ConferenceTexts) -> (&'static str, &'static str, &'static str) {
    match phase {
        Phase::Planned => ("", "◷", t.ph_planned),
        Phase::Invited => ("warn", "○", t.ph_invited),
        Phase::Fixed => ("good", "✓", t.ph_fixed),
        Phase::Cancelled => ("bad", "✕", t.ph_cancelled),
        Phase::Withdrawn => ("bad", "✕", t.ph_withdrawn),
    }
}

pub(super) async fn list(desk: Desk) -> Answer {
    list_with(&desk, None).await
}

pub(super) async fn list_with(desk: &Desk, notice: Option<String>) -> Answer {
    let t = &desk.t().conference;
    let mut conferences = folder(desk)?.list().map_err(|error| desk.failed(error))?;
    conferences.sort_by_key(|one| std::cmp::Reverse(first_date(&one.state())));
    // Names are shown of those alone who are the visitor's now.
    let ours = desk.client.list_participants().await.map_err(|error| desk.failed(error))?;
    conferences.retain(|one| one.participant().is_none_or(|person| ours.contains(person)));
    let book = book(desk)?;
    let rows = conferences.iter().map(|one| {
        let state = one.state();
        let person = one.participant().map(|reference| Person::of(desk, &book, reference).name);
        Row {
            to: desk.surface.at(super::path(one)),
            about: person.unwrap_or_else(|| t.nobody.to_owned()),
            date: date_words(desk, &state),
            phase: phase(state.phase, t),
        }
    });
    let offices = Offices::read(desk).await?;
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
        functions: functions.collect(),
        has_keys: !desk.client.sealing_keys().is_empty(),
        fields: Fields::default(),
        problems: Problems::default(),
    })
}

/// When it is, or would be first.
fn first_date(state: &State) -> i64 {
    let proposed = state.proposed.iter().map(|date| date.starts_at_ms).min();
    state.date.map(|date| date.starts_at_ms).or(proposed).unwrap_or_default()
}

fn date_words(desk: &Desk, state: &State) -> String {
    state.date.map_or_else(|| desk.t().conference.no_date.to_owned(), |date| one_date(desk, date))
}

fn one_date(desk: &Desk, date: Date) -> String {
    let minutes = filled(desk.t().conference.minutes_n, &[&date.minutes.to_string()]);
    format!("{} ({minutes})", words::time(desk.surface.language, date.starts_at_ms))
}

fn dates_words(desk: &Desk, dates: &[Date]) -> String {
    dates.iter().map(|date| one_date(desk, *date)).collect::<Vec<_>>().join("; ")
}

pub(super) async fn show(desk: Desk, Path(id): Path<String>, Query(asked): Asked) -> Answer {
    let conference = open(&desk, &id).await?;
    let done = notice(&desk, &asked);
    show_with(&desk, &conference, done, None, Problems::default()).await
}

/// Shows a conference; with a distribution, also what would be sent to whom.
pub(super) async fn show_with(
    desk: &Desk,
    conference: &Conference,
    notice: Option<String>,
    distribution: Option<&Distribution>,
    problems: Problems,
) -> Answer {
    let form = (Fields::default(), problems);
    page(desk, conference, notice, distribution, form).await
}

/// Shows a conference with a form that is to be put right: what was typed is still there.
pub(super) async fn again(
    desk: &Desk,
    conference: &Conference,
    fields: Fields,
    problems: Problems,
) -> Answer {
    page(desk, conference, None, None, (fields, problems)).await
}

async fn page(
    desk: &Desk,
    conference: &Conference,
    notice: Option<String>,
    distribution: Option<&Distribution>,
    (fields, problems): (Fields, Problems),
) -> Answer {
    let t = &desk.t().conference;
    let (state, offices) = (conference.state(), Offices::read(desk).await?);
    let addresses = bodies(conference, &state);
    let book = book(desk)?;
    let person = conference.participant().map(|one| Person::of(desk, &book, one));
    let is_over = matches!(state.phase, Phase::Cancelled | Phase::Withdrawn);
    let name = |address: &Address| offices.name(&address.to_string());
    let mut parties: Vec<Choice> =
        addresses.iter().map(|one| Choice::new(one.to_string(), name(one))).collect();
    let own = conference.own();
    parties.insert(0, Choice::new(own.to_string(), name(own)));
    parties.insert(0, Choice::new("", desk.t().forms.choose));
    let agreement_fields = (0..AGREEMENTS).map(|number| AgreementFields {
        who: format!("who{number}"),
        what: format!("what{number}"),
        until: format!("until{number}"),
    });
    let date_fields =
        (0..3).map(|n| [format!("day{n}"), format!("time{n}"), format!("date_minutes{n}")]);
    let language = desk.surface.language;
    let page = Page {
        s: desk.surface.clone(),
        notice,
        path: super::path(conference),
        about: person.as_ref().map_or_else(|| t.nobody.to_owned(), |one| one.name.clone()),
        person,
        phase: phase(state.phase, t),
        is_over,
        is_fixed: state.phase == Phase::Fixed,
        date: date_words(desk, &state),
        place: shown(&place(conference, &state)),
        answer_by: state.answer_by_ms.map(|ms| words::end(language, ms)).unwrap_or_default(),
        bodies: addresses.iter().map(name).collect(),
        agenda: agenda(desk, conference, &state, &addresses, distribution),
        answers: answers(desk, &offices, &state),
        dates: state.proposed.iter().map(|date| date_choice(desk, *date)).collect(),
        reasons: reasons(t),
        blocks: state.agenda().into_iter().map(|one| block(desk, &offices, one)).collect(),
        parties,
        agreement_fields: agreement_fields.collect(),
        date_fields: date_fields.collect(),
        fields,
        problems,
    };
    match page.problems.is_empty() {
        true => desk.page(&page),
        false => desk.again(&page),
    }
}

/// Where it is: as fixed, else as planned.
fn place(conference: &Conference, state: &State) -> String {
    match conference.plan() {
        Some(plan) if state.place.is_empty() => plan.place.clone(),
        Some(_) | None => state.place.clone(),
    }
}

fn bodies(conference: &Conference, state: &State) -> BTreeSet<Address> {
    let planned = conference.plan().map(|plan| plan.bodies.clone()).unwrap_or_default();
    state.bodies.keys().cloned().chain(planned).collect()
}

fn date_choice(desk: &Desk, date: Date) -> Choice {
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

fn declined(reason: v1::FallkonferenzDeclineReason, t: &ConferenceTexts) -> &'static str {
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

fn block(desk: &Desk, offices: &Offices, (id, item): (&ItemId, &ItemState)) -> MinutesBlock {
    let (t, now_ms) = (&desk.t().conference, desk.client.now_ms());
    let confirmations = item.confirmations.iter().map(|(who, said)| {
        let said = match said {
            Confirmation::Confirmed => t.confirmed.to_owned(),
            Confirmation::Objected(why) => filled(t.objected, &[&shown(why)]),
        };
        format!("{}: {said}", offices.name(&who.to_string()))
    });
    let agreements = item.agreed().into_iter().map(|(_, one)| {
        let (says, class) = match one.status(now_ms) {
            AgreementStatus::Open => (t.g_open, "warn"),
            AgreementStatus::Kept => (t.g_kept, "good"),
            AgreementStatus::KeptLate => (t.g_kept_late, "good"),
            AgreementStatus::Late => (t.g_late, "warn"),
            AgreementStatus::Overdue => (t.g_overdue, "bad"),
        };
        AgreementRow {
            who: offices.name(&one.who.to_string()),
            what: shown(&one.what),
            until: words::end(desk.surface.language, one.until_ms),
            says,
            class,
        }
    });
    let written = item
        .minutes
        .as_ref()
        .map(|(version, text)| (filled(t.minutes_of, &[&version.to_string()]), shown(text)));
    MinutesBlock {
        id: id.to_string(),
        title: shown(&item.title),
        written,
        confirmations: confirmations.collect(),
        agreements: agreements.collect(),
    }
}
