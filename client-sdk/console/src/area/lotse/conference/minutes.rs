//! Minutes of one item: written, or corrected. Corrected minutes replace the former ones as a whole, so that the form
//! begins with what those say; agreements that go on keep their identifiers, and with these what became of them.

use askama::Template;
use schleuse_client::fallkonferenz::{
    AGREEMENTS_MAX, AgreementState, Conference, ItemState, MINUTES_BYTES_MAX, State, WHAT_CHARS_MAX,
};
use schleuse_client::german::german_end;
use schleuse_client::{Address, AgreementId, ItemId, shown, v1};

use super::sending::{Outcome, open_own_for, send};
use super::{open_own, path};
use crate::area::Choice;
use crate::area::lotse::notice::Asked;
use crate::area::lotse::offices::Offices;
use crate::desk::{Answer, Desk};
use crate::extract::{Path, Query};
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;
use crate::texts::filled;

/// Names of the fields of one agreement of the form.
struct Row {
    legend: String,
    /// Identifier of the agreement, new or known.
    id: String,
    value: String,
    who: String,
    what: String,
    until: String,
    /// The box that takes a known agreement out; none for a new one.
    drop: Option<String>,
}

#[derive(Template)]
#[template(path = "lotse/conference_minutes.html")]
struct Page {
    s: Surface,
    path: String,
    item: String,
    title: String,
    heading: &'static str,
    /// What a correction does; empty for the first minutes.
    correction: String,
    is_held: bool,
    parties: Vec<Choice>,
    rows: Vec<Row>,
    may_have_more: bool,
    fields: Fields,
    problems: Problems,
}

pub(super) async fn form(desk: Desk, Path(id): Path<String>, Query(asked): Asked) -> Answer {
    let conference = open_own(&desk, &id).await?;
    let state = conference.state();
    let item = asked.get("item").and_then(|item| item.parse().ok());
    let item: ItemId = item.ok_or_else(|| desk.not_found())?;
    let known = state.items.get(&item).ok_or_else(|| desk.not_found())?;
    let fields = written(&item, known);
    show(&desk, &conference, &state, fields, Problems::default()).await
}

/// The form with what the newest minutes say.
fn written(id: &ItemId, item: &ItemState) -> Fields {
    let (version, text) = item.minutes.clone().unwrap_or_default();
    let agreed = item.agreed();
    let mut pairs = vec![
        ("item".to_owned(), id.to_string()),
        ("version".to_owned(), version.to_string()),
        ("rows".to_owned(), (agreed.len() + 1).to_string()),
        ("text".to_owned(), text),
    ];
    for (number, (id, one)) in agreed.into_iter().enumerate() {
        pairs.push((format!("agreement{number}"), id.to_string()));
        pairs.push((format!("who{number}"), one.who.to_string()));
        pairs.push((format!("what{number}"), in_one_line(&one.what)));
        pairs.push((format!("until{number}"), day_of(one.until_ms)));
    }
    Fields::of(pairs)
}

/// The last day of a time as forms take it.
fn day_of(until_ms: i64) -> String {
    let text = german_end(until_ms);
    let day = text.get(..10).unwrap_or_default();
    day.split('.').rev().collect::<Vec<_>>().join("-")
}

/// A text as a field of one line has it.
fn in_one_line(text: &str) -> String {
    let text: String = text.chars().filter(|one| !matches!(one, '\r' | '\n')).collect();
    text.trim().to_owned()
}

fn rows_in(fields: &Fields) -> usize {
    fields.get("rows").parse().unwrap_or(1).clamp(1, AGREEMENTS_MAX)
}

async fn show(
    desk: &Desk,
    conference: &Conference,
    state: &State,
    fields: Fields,
    problems: Problems,
) -> Answer {
    let (t, offices) = (&desk.t().conference, Offices::read(desk).await?);
    let item: ItemId = fields.get("item").parse().map_err(|_| desk.not_found())?;
    let known = state.items.get(&item).ok_or_else(|| desk.not_found())?;
    let holders = state.holders(&item);
    let mut parties = vec![Choice::new("", desk.t().forms.choose)];
    let own = std::iter::once(conference.own());
    for address in own.chain(&holders) {
        let id = address.to_string();
        let name = offices.name(&id);
        parties.push(Choice::new(id, name));
    }
    let count = rows_in(&fields);
    let rows = (0..count).map(|number| row(desk, &fields, known, number)).collect();
    let (heading, correction) = match &known.minutes {
        Some((version, _)) => {
            (t.minutes_correct, filled(t.minutes_correcting, &[&version.to_string()]))
        }
        None => (t.minutes, String::new()),
    };
    let page = Page {
        s: desk.surface.clone(),
        path: path(conference),
        item: item.to_string(),
        title: shown(&known.title),
        heading,
        correction,
        is_held: !holders.is_empty(),
        parties,
        rows,
        may_have_more: count < AGREEMENTS_MAX,
        fields,
        problems,
    };
    match page.problems.is_empty() {
        true => desk.page(&page),
        false => desk.again(&page),
    }
}

fn row(desk: &Desk, fields: &Fields, item: &ItemState, number: usize) -> Row {
    let name = format!("agreement{number}");
    let given = fields.get(&name).parse::<AgreementId>().ok();
    let is_known = given.is_some_and(|id| item.agreements.contains_key(&id));
    // A new one has its identifier from the beginning: whoever sends the same again means the same agreement.
    let value = given.or_else(|| AgreementId::generate().ok());
    Row {
        legend: format!("{} {}", desk.t().conference.agreement, number + 1),
        id: name,
        value: value.map(|id| id.to_string()).unwrap_or_default(),
        who: format!("who{number}"),
        what: format!("what{number}"),
        until: format!("until{number}"),
        drop: is_known.then(|| format!("drop{number}")),
    }
}

pub(super) async fn write(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let opened = match open_own_for(&desk, &id, "/minutes", &fields).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    if fields.get("step") == "more" {
        let count = (rows_in(&fields) + 1).min(AGREEMENTS_MAX).to_string();
        let mut pairs = fields.pairs().to_vec();
        pairs.retain(|(name, _)| name != "rows" && name != "step");
        pairs.push(("rows".to_owned(), count));
        let (state, fields) = (opened.conference.state(), Fields::of(pairs));
        return show(&desk, &opened.conference, &state, fields, Problems::default()).await;
    }
    let state = opened.conference.state();
    let item: ItemId = fields.get("item").parse().map_err(|_| desk.not_found())?;
    let known = state.items.get(&item).ok_or_else(|| desk.not_found())?;
    let mut problems = Problems::default();
    let parties: Vec<Address> =
        state.holders(&item).into_iter().chain([opened.conference.own().clone()]).collect();
    let text = text(&desk, &fields, parties.len() > 1, &mut problems);
    let agreements: Vec<v1::Agreement> = (0..rows_in(&fields))
        .filter_map(|number| agreement(&desk, &fields, known, (number, &parties), &mut problems))
        .collect();
    if problems.is_empty() && !continues(&fields, known, &text, &agreements) {
        problems.add("text", desk.t().conference.minutes_newer);
    }
    if !problems.is_empty() {
        return show(&desk, &opened.conference, &state, fields, problems).await;
    }
    let letters = opened.conference.minutes(item, &text, agreements);
    match send(&desk, opened, letters, ("/minutes", &fields)).await? {
        Outcome::Gone(answer) => Ok(answer),
        Outcome::Stopped(conference, words) => {
            problems.add("text", words);
            show(&desk, &conference, &conference.state(), fields, problems).await
        }
    }
}

fn text(desk: &Desk, fields: &Fields, is_held: bool, problems: &mut Problems) -> String {
    let (t, text) = (&desk.t().conference, fields.text("text"));
    if text.is_empty() {
        problems.add("text", t.minutes_problem);
    } else if text.len() > MINUTES_BYTES_MAX {
        let kib = (MINUTES_BYTES_MAX / 1024).to_string();
        problems.add("text", filled(t.minutes_too_long, &[&kib]));
    } else if !is_held {
        problems.add("text", t.minutes_for_nobody);
    }
    text
}

/// Whether the form began with the newest minutes; or it is just these, sent again because sending broke off.
fn continues(fields: &Fields, item: &ItemState, text: &str, agreements: &[v1::Agreement]) -> bool {
    let Some((version, newest)) = &item.minutes else { return true };
    let agreed = item.agreed();
    let same = |(one, (id, known)): (&v1::Agreement, &(&AgreementId, &AgreementState))| {
        one.agreement_id == id.as_bytes().as_slice()
            && one.what == known.what
            && one.until_ms == known.until_ms
            && format!("{}/{}", one.agency, one.function) == known.who.to_string()
    };
    let is_again = newest == text
        && agreed.len() == agreements.len()
        && agreements.iter().zip(&agreed).all(same);
    is_again || fields.get("version") == version.to_string()
}

/// One agreement of the form, if anything of it is filled in and it is not to be dropped.
fn agreement(
    desk: &Desk,
    fields: &Fields,
    item: &ItemState,
    (number, parties): (usize, &[Address]),
    problems: &mut Problems,
) -> Option<v1::Agreement> {
    let t = &desk.t().conference;
    let Row { id, who, what, until, .. } = row(desk, fields, item, number);
    if fields.has(&format!("drop{number}"), "yes") {
        return None;
    }
    let id: Option<AgreementId> = fields.get(&id).parse().ok();
    let known = id.and_then(|id| item.agreements.get(&id));
    let is_empty = [&who, &what, &until].iter().all(|name| fields.get(name).is_empty());
    if is_empty && known.is_none() {
        return None;
    }
    let address: Option<Address> = fields.get(&who).parse().ok();
    let until_ms = match known {
        // What was agreed until a time of that day stays so.
        Some(one) if day_of(one.until_ms) == fields.get(&until) => Some(one.until_ms),
        Some(_) | None => read::last_day(fields.get(&until)),
    };
    let said = match known {
        Some(one) if in_one_line(&one.what) == fields.get(&what) => one.what.clone(),
        Some(_) | None => fields.text(&what),
    };
    let before = problems.all().len();
    match &address {
        None => problems.add(who, t.agreement_problem),
        Some(address) if !parties.contains(address) => problems.add(who, t.agreement_not_held),
        Some(_) if said.is_empty() => problems.add(what, t.agreement_problem),
        Some(_) if said.chars().count() > WHAT_CHARS_MAX => {
            problems.add(what, filled(t.too_long, &[&WHAT_CHARS_MAX.to_string()]));
        }
        Some(_) if until_ms.is_none() => problems.add(until, t.agreement_problem),
        Some(_) => {}
    }
    let (address, until_ms) = (address?, until_ms?);
    if problems.all().len() > before {
        return None;
    }
    let id = id.or_else(|| AgreementId::generate().ok())?;
    Some(v1::Agreement {
        agreement_id: id.as_bytes().to_vec().into(),
        agency: address.agency,
        function: address.function,
        what: said,
        until_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use schleuse_client::parse_time;

    #[test]
    fn the_last_day_of_an_agreement_is_read_again_as_it_was_written() {
        let end = read::last_day("2035-12-31").unwrap();
        assert_eq!(day_of(end), "2035-12-31");
        let noon = parse_time("2035-12-31T11:00:00Z").unwrap();
        assert_eq!(day_of(noon), "2035-12-31", "a time belongs to its day");
    }

    #[test]
    fn corrected_minutes_begin_with_what_was_agreed_and_its_identifiers() {
        let id = AgreementId::parse(&[3; 16]).unwrap();
        let agreement = AgreementState {
            position: 0,
            who: "drv/reha".parse().unwrap(),
            what: "Antrag\nprüfen".to_owned(),
            until_ms: read::last_day("2035-12-31").unwrap(),
            kept_at_ms: None,
            late: None,
        };
        let item = ItemState {
            minutes: Some((2, "Besprochen.".to_owned())),
            agreements: [(id, agreement)].into(),
            ..ItemState::default()
        };
        let fields = written(&ItemId::parse(&[7; 16]).unwrap(), &item);
        let of = |name: &str| fields.text(name);
        assert_eq!(
            (of("text"), of("version"), of("rows")),
            ("Besprochen.".into(), "2".into(), "2".into())
        );
        assert_eq!((of("agreement0"), of("who0")), (id.to_string(), "drv/reha".into()));
        assert_eq!((of("what0"), of("until0")), ("Antragprüfen".into(), "2035-12-31".into()));
    }
}
