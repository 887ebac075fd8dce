//! What the page of a conference has for its convener as for a body that is invited: its head, dates, minutes and
//! agreements; and a form of it that is to be put right.

use schleuse_client::fallkonferenz::{
    AgreementStatus, Conference, Confirmation, Date, ItemState, Letter, Phase, Reply, State,
};
use schleuse_client::{ClientError, ItemId, shown, v1};

use super::agreements::Report;
use super::list::about_nobody;
use super::sending::{Opened, Outcome, send};
use super::{convener, guest};
use crate::area::Choice;
use crate::area::lotse::offices::Offices;
use crate::area::lotse::people::{Person, book};
use crate::desk::{Answer, Desk, Failed};
use crate::fields::{Fields, Problems};
use crate::texts::{ConferenceTexts, filled};
use crate::words;

/// What the page begins with.
pub(super) struct Head {
    pub(super) path: String,
    pub(super) about: String,
    pub(super) person: Option<Person>,
    pub(super) phase: (&'static str, &'static str, &'static str),
    pub(super) is_fixed: bool,
    /// Whether there is a calendar file: of the fixed date, or one that takes it back.
    pub(super) has_calendar: bool,
    pub(super) date: String,
    pub(super) place: String,
    pub(super) answer_by: String,
}

/// The form of an act that is to be put right: what was typed is still there.
#[derive(Default)]
pub(super) struct Draft {
    /// The act's own part of the path.
    pub(super) act: &'static str,
    pub(super) fields: Fields,
    pub(super) problems: Problems,
}

impl Draft {
    /// With one thing that is wrong.
    pub(super) fn of(act: &'static str, fields: Fields, field: &str, words: String) -> Self {
        let mut problems = Problems::default();
        problems.add(field, words);
        Self { act, fields, problems }
    }
}

impl Head {
    pub(super) fn of(desk: &Desk, conference: &Conference, state: &State) -> Result<Self, Failed> {
        let book = book(desk)?;
        let person = conference.participant().map(|one| Person::of(desk, &book, one));
        let name = person.as_ref().map(|one| one.name.clone());
        let language = desk.surface.language;
        Ok(Self {
            path: super::path(conference),
            about: name.unwrap_or_else(|| about_nobody(desk, conference)),
            person,
            phase: phase(state.phase, &desk.t().conference),
            is_fixed: state.phase == Phase::Fixed,
            has_calendar: conference.calendar(true).is_some(),
            date: date_words(desk, state),
            place: shown(&place(conference, state)),
            answer_by: state.answer_by_ms.map(|ms| words::end(language, ms)).unwrap_or_default(),
        })
    }
}

/// Shows a conference to whoever it is to this visitor, with a form that is to be put right.
pub(super) async fn again(desk: &Desk, conference: &Conference, draft: Draft) -> Answer {
    match conference.is_convener() {
        true => convener::again(desk, conference, draft).await,
        false => guest::again(desk, conference, draft).await,
    }
}

/// Sends what a form says, or shows it again with what is wrong beside a field.
pub(super) async fn finish(
    desk: &Desk,
    opened: Opened,
    letters: Result<Vec<Letter>, ClientError>,
    (act, field): (&'static str, &str),
    fields: Fields,
) -> Answer {
    match send(desk, opened, letters, (act, &fields)).await? {
        Outcome::Gone(answer) => Ok(answer),
        Outcome::Stopped(conference, words) => {
            again(desk, &conference, Draft::of(act, fields, field, words)).await
        }
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

fn dates_words(desk: &Desk, dates: &[Date]) -> String {
    dates.iter().map(|date| one_date(desk, *date)).collect::<Vec<_>>().join("; ")
}

pub(super) fn date_choice(desk: &Desk, date: Date) -> Choice {
    Choice::new(format!("{}+{}", date.starts_at_ms, date.minutes), one_date(desk, date))
}

/// What a body answered: words, class, symbol.
pub(super) fn answered(desk: &Desk, reply: Option<&Reply>) -> (String, &'static str, &'static str) {
    let t = &desk.t().conference;
    match reply {
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
    }
}

/// Names of the fields of dates: day, time, minutes.
pub(super) fn date_fields() -> Vec<[String; 3]> {
    (0..3).map(|n| [format!("day{n}"), format!("time{n}"), format!("date_minutes{n}")]).collect()
}

/// Where it is: as fixed, else as planned.
fn place(conference: &Conference, state: &State) -> String {
    match conference.plan() {
        Some(plan) if state.place.is_empty() => plan.place.clone(),
        Some(_) | None => state.place.clone(),
    }
}

pub(super) struct AgreementRow {
    pub(super) id: String,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) until: String,
    pub(super) says: &'static str,
    pub(super) class: &'static str,
    /// Until when it is announced now, and why; empty if nothing was said.
    pub(super) announced: String,
    /// The fields in which the own function says what became of it.
    pub(super) report: Option<Report>,
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
    /// Whether the visitor says of each message whether it holds a professional secret.
    pub(super) says_secret: bool,
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
        let late = one.late.as_ref().filter(|_| one.kept_at_ms.is_none());
        let announced = late.map(|(by_ms, why)| {
            let by = words::end(desk.surface.language, *by_ms);
            let why = if why.is_empty() { String::new() } else { format!(": {}", shown(why)) };
            filled(t.late_until, &[&by]) + &why
        });
        AgreementRow {
            id: id.to_string(),
            who: offices.name(&one.who.to_string()),
            what: shown(&one.what),
            until: words::end(desk.surface.language, one.until_ms),
            says,
            class,
            announced: announced.unwrap_or_default(),
            report: Report::of(conference, id, one),
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
        says_secret: !conference.is_convener(),
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
