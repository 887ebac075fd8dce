//! One participant: what is allowed (the consent matrix), what is open, how far the participation is.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use schleuse_client::{
    ClientError, ConsentRecord, ParticipationChange, ParticipationPhase, SafeguardRecords, v1,
};

use super::notice::{Asked, notice};
use super::offices::Offices;
use super::people::{Person, book, person};
use super::state::{Mark, holds, is_open, of_consent, of_grant};
use super::tasks::Tasks;
use super::today::{self, Item};
use crate::area::Choice;
use crate::desk::{Answer, Desk, Failed};
use crate::extract::{Path, Query};
use crate::failure::in_a_line;
use crate::fields::{Fields, Problems};
use crate::surface::Surface;
use crate::texts::{LotseTexts, Texts, filled};
use crate::words;

/// One grant in a cell of the matrix.
pub(super) struct Cell {
    mark: Mark,
    holds: Vec<&'static str>,
    categories: Vec<(String, bool)>,
    senders: String,
    span: String,
    consent: String,
}

struct MatrixRow {
    recipient: String,
    cells: Vec<Vec<Cell>>,
}

struct Matrix {
    purposes: Vec<String>,
    rows: Vec<MatrixRow>,
}

struct ConsentLine {
    to: String,
    mark: Mark,
    says: String,
    review: String,
    may_revoke: bool,
}

struct Participation {
    phase: &'static str,
    waiting: Option<String>,
    jobcenter: String,
    since: Option<String>,
    ends: Option<String>,
}

#[derive(Template)]
#[template(path = "lotse/participant.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    person: Person,
    restricted: bool,
    ended: bool,
    items: Vec<Item>,
    /// Whether these are all.
    knows_all: bool,
    matrix: Matrix,
    open: Vec<ConsentLine>,
    closed: Vec<ConsentLine>,
    participation: Option<Participation>,
    phases: Vec<Choice>,
    jobcenters: Vec<Choice>,
    steps: Vec<Choice>,
    agencies: Vec<Choice>,
    reference_of: Option<(String, String)>,
    fields: Fields,
    problems: Problems,
}

impl Page {
    /// Number of the last phase: whoever is in it stays there.
    fn ended_phase(&self) -> i32 {
        i32::from(ParticipationPhase::Ended)
    }
}

pub(super) async fn show(desk: Desk, Path(reference): Path<String>, Query(asked): Asked) -> Answer {
    let person = person(&desk, &reference)?;
    let mut page = page(&desk, person).await?;
    page.notice = notice(&desk, &asked);
    desk.page(&page)
}

async fn page(desk: &Desk, person: Person) -> Result<Page, Failed> {
    let failed = |error| desk.failed(error);
    let t = &desk.t().lotse;
    let consents = desk.client.list_consents(&person.reference).await.map_err(failed)?;
    let beside = desk.client.list_safeguards(&person.reference).await.map_err(failed)?;
    let states = desk.client.participations().await.map_err(failed)?;
    let state = states.iter().find(|state| state.participant_reference == person.id());
    let offices = Offices::read(desk).await?;
    let is_over = beside.ended_at_ms.is_some();
    // After the end there is nothing to renew or to review.
    let going_on = if is_over { &[] } else { consents.as_slice() };
    let (tasks, knows_all) =
        Tasks::read(desk).await?.about(&person.reference, going_on, state, desk.client.now_ms());
    let book = book(desk)?;
    let places = desk.client.places().await.map_err(failed)?;
    let jobcenters =
        places.iter().map(|one| Choice::new(one.jobcenter.clone(), offices.name(&one.jobcenter)));
    let (open, closed) = consents
        .iter()
        .rev()
        .map(|consent| (is_open(consent.state), line(desk, &offices, (&person, is_over), consent)))
        .partition::<Vec<_>, _>(|(is_open, _)| *is_open);
    let lines = |lines: Vec<(bool, ConsentLine)>| lines.into_iter().map(|(_, line)| line).collect();
    let as_recorded = || Choice::new("", t.as_recorded);
    Ok(Page {
        s: desk.surface.clone(),
        notice: None,
        restricted: beside.restricted,
        ended: is_over,
        items: tasks
            .iter()
            .map(|task| today::item(desk, &offices, &book, task))
            // What is still asked for after the end can be closed, and nothing else.
            .map(|item| if is_over { Item { ways: Vec::new(), ..item } } else { item })
            .collect(),
        knows_all,
        matrix: matrix(desk, &offices, &consents, &beside),
        open: lines(open),
        closed: lines(closed),
        participation: state.map(|state| participation(desk, &offices, state)),
        phases: phases(desk),
        jobcenters: std::iter::once(as_recorded()).chain(jobcenters).collect(),
        steps: std::iter::once(as_recorded())
            .chain((1..=4).map(|step| Choice::new(step.to_string(), step.to_string())))
            .collect(),
        agencies: offices.agency_choices(),
        reference_of: None,
        fields: Fields::of(vec![("phase".to_owned(), recorded_phase(state))]),
        problems: Problems::default(),
        person,
    })
}

/// Recipients × purposes of everything that could permit something now or later.
fn matrix(
    desk: &Desk,
    offices: &Offices,
    consents: &[ConsentRecord],
    beside: &SafeguardRecords,
) -> Matrix {
    let mut cells: BTreeMap<(String, String), Vec<Cell>> = BTreeMap::new();
    let now_ms = desk.client.now_ms();
    for consent in consents.iter().filter(|consent| is_open(consent.state)) {
        for grant in consent.document.grants.iter().filter(|grant| grant.not_after_ms > now_ms) {
            let place =
                (offices.address(grant.recipient.as_ref()), desk.names().purpose(&grant.purpose));
            let cell = cell(desk, offices, (consent, grant), beside);
            cells.entry(place).or_default().push(cell);
        }
    }
    let purposes: BTreeSet<String> = cells.keys().map(|(_, purpose)| purpose.clone()).collect();
    let recipients: BTreeSet<String> = cells.keys().map(|(to, _)| to.clone()).collect();
    let rows = recipients.into_iter().map(|recipient| {
        let of = |purpose: &String| cells.remove(&(recipient.clone(), purpose.clone()));
        let cells = purposes.iter().map(of).map(Option::unwrap_or_default).collect();
        MatrixRow { recipient, cells }
    });
    let rows = rows.collect();
    Matrix { purposes: purposes.into_iter().collect(), rows }
}

fn cell(
    desk: &Desk,
    offices: &Offices,
    (consent, grant): (&ConsentRecord, &v1::Grant),
    beside: &SafeguardRecords,
) -> Cell {
    let (t, names, language) = (&desk.t().lotse, desk.names(), desk.surface.language);
    let now_ms = desk.client.now_ms();
    let until = filled(t.until, &[&words::end(language, grant.not_after_ms)]);
    let span = match grant.not_before_ms > now_ms {
        true => {
            let from = filled(t.from_day, &[&words::on(language, grant.not_before_ms)]);
            format!("{from}, {until}")
        }
        false => until,
    };
    let categories = grant.categories.iter();
    Cell {
        mark: of_grant(consent, grant, (beside.ended_at_ms.is_some(), now_ms), t),
        holds: holds(consent, grant, beside, t),
        categories: categories.map(|code| (names.category(code), names.is_health(code))).collect(),
        senders: filled(t.from, &[&offices.agencies(&grant.senders)]),
        span,
        consent: consent.consent_id.to_string(),
    }
}

fn line(
    desk: &Desk,
    offices: &Offices,
    (person, is_over): (&Person, bool),
    consent: &ConsentRecord,
) -> ConsentLine {
    let id = consent.consent_id.to_string();
    let grants = consent.document.grants.iter().map(|grant| {
        let purpose = desk.names().purpose(&grant.purpose);
        let data = desk.names().categories(&grant.categories);
        format!("{}: {purpose} ({data})", offices.address(grant.recipient.as_ref()))
    });
    let grants: BTreeSet<String> = grants.collect();
    ConsentLine {
        to: desk.surface.at(format!("{}/consents/{id}", person.path())),
        mark: of_consent(consent.state, is_over, &desk.t().lotse),
        says: grants.into_iter().collect::<Vec<_>>().join("; "),
        review: match is_over {
            true => String::new(),
            false => words::end(desk.surface.language, consent.review_by_ms),
        },
        may_revoke: is_open(consent.state),
    }
}

fn participation(desk: &Desk, offices: &Offices, state: &v1::Participation) -> Participation {
    let (t, language) = (&desk.t().lotse, desk.surface.language);
    let waiting = (state.waiting_position > 0)
        .then(|| filled(t.waiting_position, &[&state.waiting_position.to_string()]));
    let given = |ms: i64| (ms != 0).then_some(ms);
    Participation {
        phase: phase_name(state.phase(), t),
        waiting,
        jobcenter: offices.name(&state.jobcenter),
        since: given(state.started_at_ms).map(|ms| words::on(language, ms)),
        // After the end, an end that was planned says nothing.
        ends: given(state.ends_by_ms)
            .filter(|_| state.ended_at_ms == 0)
            .map(|ms| words::end(language, ms)),
    }
}

/// Number of the phase that is recorded: what is not chosen anew stays as it is.
fn recorded_phase(state: Option<&v1::Participation>) -> String {
    state.map_or_else(String::new, |state| i32::from(state.phase()).to_string())
}

/// Phases that a Lotse sets; the end is a page of its own.
fn phases(desk: &Desk) -> Vec<Choice> {
    let t = &desk.t().lotse;
    let numbers = 1..=i32::from(u8::MAX);
    let phases = numbers.map_while(|number| ParticipationPhase::try_from(number).ok());
    let phases = phases.filter(|phase| *phase != ParticipationPhase::Ended);
    let named = |phase| Choice::new(i32::from(phase).to_string(), phase_name(phase, t));
    let choose = Choice::new("", desk.t().forms.choose);
    std::iter::once(choose).chain(phases.map(named)).collect()
}

/// Name of a phase.
pub(super) fn phase_name(phase: ParticipationPhase, t: &LotseTexts) -> &'static str {
    use ParticipationPhase as P;
    match phase {
        P::Unspecified => t.p_none,
        P::Proposed => t.p_proposed,
        P::Waiting => t.p_waiting,
        P::Contact => t.p_contact,
        P::Assessment => t.p_assessment,
        P::Goals => t.p_goals,
        P::SupportPlanning => t.p_support_planning,
        P::Implementation => t.p_implementation,
        P::Reflection => t.p_reflection,
        P::Transition => t.p_transition,
        P::FollowUp => t.p_follow_up,
        P::Ended => t.p_ended,
    }
}

/// Name of the phase of a number.
pub(super) fn phase_by_number(number: &str, t: &LotseTexts) -> &'static str {
    let phase = number.parse().ok().and_then(|n: i32| ParticipationPhase::try_from(n).ok());
    phase_name(phase.unwrap_or_default(), t)
}

pub(super) async fn set_phase(desk: Desk, Path(reference): Path<String>, fields: Fields) -> Answer {
    let person = person(&desk, &reference)?;
    let phase =
        fields.get("phase").parse().ok().and_then(|n: i32| ParticipationPhase::try_from(n).ok());
    let Some(phase) = phase else {
        let words = desk.t().lotse.phase_problem.to_owned();
        return not_set(&desk, person, fields, ("phase", words)).await;
    };
    let step = |name: &str| fields.given(name).and_then(|step| step.parse().ok());
    let change = ParticipationChange {
        jobcenter: fields.given("jobcenter").map(str::to_owned),
        employability_at_start: step("employability_start"),
        employability_at_end: step("employability_end"),
    };
    match desk.client.set_participation(&person.reference, phase, &change).await {
        Ok(state) => match (phase, state.phase, state.waiting_position) {
            (asked, ParticipationPhase::Waiting, Some(position))
                if asked != ParticipationPhase::Waiting =>
            {
                desk.go(&format!("{}?done=waits&n={position}", person.path()))
            }
            _ => desk.go(&format!("{}?done=phase&n={}", person.path(), i32::from(state.phase))),
        },
        Err(error) if error.is_not_found() => Err(desk.not_found()),
        Err(error) => {
            let problem = phase_problem(desk.t(), &error);
            not_set(&desk, person, fields, problem).await
        }
    }
}

/// The form again, with what is wrong beside its field.
async fn not_set(
    desk: &Desk,
    person: Person,
    fields: Fields,
    (field, words): (&str, String),
) -> Answer {
    let mut page = page(desk, person).await?;
    page.problems.add(field, words);
    page.fields = fields;
    desk.again(&page)
}

/// Which field the broker does not accept, and why.
fn phase_problem(t: &Texts, error: &ClientError) -> (&'static str, String) {
    let field = if let ClientError::Refused { metadata, .. } = error {
        metadata.get("field").map(String::as_str)
    } else {
        None
    };
    match field {
        Some("jobcenter") => ("jobcenter", t.lotse.jobcenter_problem.to_owned()),
        Some("phase") => {
            let first = [t.lotse.p_proposed, t.lotse.p_waiting, t.lotse.p_contact];
            ("phase", filled(t.lotse.phase_follows, &first))
        }
        Some(_) | None => ("phase", in_a_line(&t.failure, error)),
    }
}

pub(super) async fn reference(desk: Desk, Path(reference): Path<String>, fields: Fields) -> Answer {
    let person = person(&desk, &reference)?;
    let agency = fields.get("agency");
    let made = desk.client.assign_reference(&person.reference, agency).await;
    let made = made.map_err(|error| desk.failed(error))?;
    let words = filled(desk.t().lotse.reference_is, &[&Offices::read(&desk).await?.name(agency)]);
    let mut page = page(&desk, person).await?;
    page.reference_of = Some((words, made.as_text().to_owned()));
    page.fields = fields;
    desk.page(&page)
}
