//! What the own function says of what it agreed to: that it was kept, or that it will be kept later. A page has a form
//! for each such agreement, so that the names of its fields bear the agreement's identifier.

use schleuse_client::AgreementId;
use schleuse_client::fallkonferenz::{AgreementState, Conference, REASON_CHARS_MAX};

use super::guest;
use super::page::{Draft, again, finish};
use super::sending::{Opened, open_for};
use crate::desk::{Answer, Desk, Failed};
use crate::extract::Path;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::texts::filled;

/// Names of the fields of one agreement.
pub(super) struct Report {
    /// The day on which it was kept.
    pub(super) kept: String,
    /// The day until which it will be kept.
    pub(super) late: String,
    /// Why that is later than agreed.
    pub(super) why: String,
}

impl Report {
    /// The fields, where the own function is to say what became of it.
    pub(super) fn of(
        conference: &Conference,
        id: &AgreementId,
        agreement: &AgreementState,
    ) -> Option<Self> {
        let is_ours = agreement.who == *conference.own() && agreement.kept_at_ms.is_none();
        is_ours.then(|| Self {
            kept: format!("kept-{id}"),
            late: format!("late-{id}"),
            why: format!("why-{id}"),
        })
    }
}

/// Reports an agreement of the own function kept, to whom it concerns.
pub(super) async fn kept(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let opened = match open_for(&desk, &id, "/kept", &fields).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let (agreement, report, _) = own_to_keep(&desk, &opened, &fields)?;
    let day = read::first_day(fields.get(&report.kept)).filter(|day| *day <= desk.client.now_ms());
    let Some(day) = day else {
        let words = desk.t().conference.kept_problem.to_owned();
        let draft = Draft::of("/kept", fields, &report.kept, words);
        return again(&desk, &opened.conference, draft).await;
    };
    let letters = opened.conference.kept(agreement, day);
    let letters = letters.map(|letters| guest::marked(letters, &fields));
    finish(&desk, opened, letters, ("/kept", &report.kept), fields).await
}

/// Reports that an agreement of the own function will be kept later than agreed, to whom it concerns.
pub(super) async fn late(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let opened = match open_for(&desk, &id, "/late", &fields).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let (agreement, report, until_ms) = own_to_keep(&desk, &opened, &fields)?;
    let (t, mut problems) = (&desk.t().conference, Problems::default());
    let earliest_ms = until_ms.max(desk.client.now_ms());
    let by = read::last_day(fields.get(&report.late)).filter(|by| *by > earliest_ms);
    let by = problems.take(&report.late, by.ok_or(t.late_problem));
    let why = fields.get(&report.why);
    if why.chars().count() > REASON_CHARS_MAX {
        problems.add(&report.why, filled(t.too_long, &[&REASON_CHARS_MAX.to_string()]));
    }
    let Some(by) = by.filter(|_| problems.is_empty()) else {
        let draft = Draft { act: "/late", fields, problems };
        return again(&desk, &opened.conference, draft).await;
    };
    let letters = opened.conference.late(agreement, by, why);
    let letters = letters.map(|letters| guest::marked(letters, &fields));
    finish(&desk, opened, letters, ("/late", &report.late), fields).await
}

/// The agreement that a form names, its fields, and until when it was to be kept. It is not found if it is not the own
/// function's, or if somebody has said that it was kept.
fn own_to_keep(
    desk: &Desk,
    opened: &Opened,
    fields: &Fields,
) -> Result<(AgreementId, Report, i64), Failed> {
    let id: AgreementId = fields.get("agreement").parse().map_err(|_| desk.not_found())?;
    let state = opened.conference.state();
    let found = state.agreements().find(|(_, one, _)| **one == id);
    let report = found.and_then(|(_, _, agreement)| {
        Some((id, Report::of(&opened.conference, &id, agreement)?, agreement.until_ms))
    });
    report.ok_or_else(|| desk.not_found())
}
