//! Duties to delete: who owes an answer, and since when.

use askama::Template;
use schleuse_client::{DeletionAnswer, DeletionDuty, DutyFilter, shown};

use crate::desk::{Answer, Desk};
use crate::extract::Query;
use crate::surface::Surface;
use crate::texts::filled;
use crate::words;

struct Row {
    number: u64,
    recipient: String,
    participant: String,
    messages: usize,
    opened: String,
    due: String,
    state: String,
    mark: (&'static str, &'static str),
}

struct Tab {
    to: String,
    says: &'static str,
    is_here: bool,
}

#[derive(Template)]
#[template(path = "dpo/deletions.html")]
struct Page {
    s: Surface,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
}

pub(super) async fn show(desk: Desk, Query(asked): Query) -> Answer {
    let t = &desk.t().dpo;
    let which = asked.get("which").map_or("overdue", String::as_str);
    let filter = match which {
        "open" => DutyFilter::Open,
        "all" => DutyFilter::All,
        _ => DutyFilter::Overdue,
    };
    let duties = desk.client.deletion_duties(filter).await.map_err(|error| desk.failed(error))?;
    let tabs =
        [("overdue", t.deletions_overdue), ("open", t.deletions_open), ("all", t.deletions_all)];
    let tab = |(name, says): (&str, &'static str)| Tab {
        to: desk.surface.at(format!("/deletions?which={name}")),
        says,
        is_here: name == which || (name == "overdue" && filter == DutyFilter::Overdue),
    };
    desk.page(&Page {
        s: desk.surface.clone(),
        tabs: tabs.into_iter().map(tab).collect(),
        rows: duties.iter().map(|duty| row(&desk, duty)).collect(),
    })
}

fn row(desk: &Desk, duty: &DeletionDuty) -> Row {
    let (t, language) = (&desk.t().dpo, desk.surface.language);
    let (state, mark) = match &duty.answer {
        Some((DeletionAnswer::Deleted, at)) => {
            (filled(t.s_deleted, &[&words::time(language, *at)]), ("good", "✓"))
        }
        Some((DeletionAnswer::Retained(rule), at)) => {
            let at = words::time(language, *at);
            (filled(t.s_retained, &[&at, &shown(rule)]), ("", "■"))
        }
        Some((_, at)) => (words::time(language, *at), ("", "?")),
        None if duty.due_ms <= desk.client.now_ms() => (t.s_overdue.to_owned(), ("bad", "▲")),
        None => (t.s_open.to_owned(), ("warn", "○")),
    };
    let participant = duty.participant_reference.as_ref().map(|one| one.as_text().to_owned());
    let erased = || if duty.participant_erased { t.erased_person } else { "–" }.to_owned();
    Row {
        number: duty.number,
        recipient: shown(&duty.recipient.to_string()),
        participant: participant.unwrap_or_else(erased),
        messages: duty.messages.len() + usize::try_from(duty.further_messages).unwrap_or_default(),
        opened: words::time(language, duty.opened_ms),
        due: words::end(language, duty.due_ms),
        state,
        mark,
    }
}
