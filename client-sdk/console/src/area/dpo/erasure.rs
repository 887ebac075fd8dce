//! Erasure and retention: one person proposes, another approves; holds beat both.

use askama::Template;
use schleuse_client::{Hold, HoldId, OpenRun, RunCounts, RunSubject, shown};

use crate::desk::{Answer, Desk, Failed};
use crate::extract::Query;
use crate::failure::in_a_line;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;
use crate::texts::{DpoTexts, Texts, filled};
use crate::words;

struct RunRow {
    number: u64,
    what: &'static str,
    participant: String,
    reason: String,
    by: String,
    is_own: bool,
    /// Code of what is erased, as the forms name it.
    code: &'static str,
}

struct HoldRow {
    id: String,
    participant: String,
    reason: String,
    since: String,
}

#[derive(Template)]
#[template(path = "dpo/erasure.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    may: bool,
    has_person: bool,
    runs: Vec<RunRow>,
    holds: Vec<HoldRow>,
    fields: Fields,
    problems: Problems,
}

pub(super) async fn show(desk: Desk, Query(asked): Query) -> Answer {
    let t = &desk.t().dpo;
    let number = |name: &str| {
        let number = asked.get(name).filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
        number.map(String::as_str).unwrap_or_default()
    };
    let (n, r) = (number("n"), number("r"));
    let notice = match asked.get("done").map(String::as_str) {
        Some("proposed") => Some(filled(t.run_proposed, &[n])),
        Some("approved") => Some(filled(t.run_done, &[n, r])),
        Some("withdrawn") => Some(filled(t.run_withdrawn, &[r])),
        Some("held") => Some(filled(t.hold_done, &[r])),
        Some("released") => Some(filled(t.hold_released, &[r])),
        Some(_) | None => None,
    };
    let page = page(&desk, notice, Fields::default(), Problems::default()).await?;
    desk.page(&page)
}

async fn page(
    desk: &Desk,
    notice: Option<String>,
    fields: Fields,
    problems: Problems,
) -> Result<Page, Failed> {
    let is_refused = |error: &schleuse_client::ClientError| {
        matches!(error, schleuse_client::ClientError::Refused { reason, .. }
            if reason == "ERROR_REASON_PROJECT_DPO_ONLY")
    };
    let (runs, may) = match desk.client.list_runs().await {
        Ok(runs) => (runs, true),
        Err(error) if is_refused(&error) => (Vec::new(), false),
        Err(error) => return Err(desk.failed(error)),
    };
    let holds = match may {
        true => desk.client.list_holds().await.map_err(|error| desk.failed(error))?,
        false => Vec::new(),
    };
    Ok(Page {
        s: desk.surface.clone(),
        notice,
        may,
        has_person: desk.client.identity().person.is_some(),
        runs: runs.iter().map(|run| run_row(desk, run)).collect(),
        holds: holds.iter().map(|hold| hold_row(desk, hold)).collect(),
        fields,
        problems,
    })
}

fn run_row(desk: &Desk, run: &OpenRun) -> RunRow {
    let (t, language) = (&desk.t().dpo, desk.surface.language);
    let (code, what, participant) = match &run.subject {
        RunSubject::Erasure(one) => ("erasure", t.run_erasure, one.as_text().to_owned()),
        RunSubject::Retention => ("retention", t.run_retention, String::new()),
    };
    let times = [words::time(language, run.proposed_ms), words::time(language, run.until_ms)];
    RunRow {
        number: run.number,
        code,
        what,
        participant,
        reason: shown(&run.reason),
        by: filled(t.run_by, &[&shown(&run.proposed_by), &times[0], &times[1]]),
        is_own: desk.client.identity().person.as_deref() == Some(run.proposed_by.as_str()),
    }
}

fn hold_row(desk: &Desk, hold: &Hold) -> HoldRow {
    let participant = hold.participant.as_ref().map(|one| one.as_text().to_owned());
    HoldRow {
        id: hold.id.to_string(),
        participant: participant.unwrap_or_else(|| desk.t().dpo.hold_all.to_owned()),
        reason: shown(&hold.reason),
        since: words::time(desk.surface.language, hold.placed_ms),
    }
}

/// What a run would erase, in words.
fn would(counts: &RunCounts, t: &DpoTexts) -> String {
    match counts {
        RunCounts::Erasure { records, stopped_messages } => {
            filled(t.run_would, &[&records.to_string(), &stopped_messages.to_string()])
        }
        RunCounts::Retention { counts, participants, more, .. } => {
            let records: u64 = counts.iter().map(|(_, _, records)| records).sum();
            let numbers = [records.to_string(), participants.to_string()];
            let says = filled(t.run_would_retention, &[&numbers[0], &numbers[1]]);
            if *more { format!("{says} {}", t.run_more) } else { says }
        }
        _ => String::new(),
    }
}

/// The reason of a form. What is wrong with it stands in that form: there are two.
fn reason(fields: &Fields, t: &Texts, problems: &mut Problems) -> String {
    let mut wrong = Problems::default();
    let reason = read::reason(fields, t, &mut wrong);
    for (_, words) in wrong.all() {
        problems.add(reason_field(fields), words.clone());
    }
    reason
}

fn reason_field(fields: &Fields) -> &'static str {
    if fields.get("what") == "retention" { "reason-retention" } else { "reason" }
}

/// Only counts, or proposes.
pub(super) async fn propose(desk: Desk, fields: Fields) -> Answer {
    let t = desk.t();
    let mut problems = Problems::default();
    let subject = match fields.get("what") {
        "retention" => Some(RunSubject::Retention),
        _ => {
            let reference = read::reference(&fields, "participant", t, &mut problems);
            if reference.is_none() && problems.is_empty() {
                problems.add("participant", t.forms.reference_problem);
            }
            reference.map(RunSubject::Erasure)
        }
    };
    let counts_only = fields.get("step") == "count";
    let reason = match counts_only {
        true => String::new(),
        false => reason(&fields, t, &mut problems),
    };
    let Some(subject) = subject.filter(|_| problems.is_empty()) else {
        return desk.again(&page(&desk, None, fields, problems).await?);
    };
    if counts_only {
        return match desk.client.preview_run(&subject).await {
            Ok(preview) => {
                let notice = Some(would(&preview.counts, &t.dpo));
                desk.page(&page(&desk, notice, fields, problems).await?)
            }
            Err(error) => refused(&desk, fields, &error).await,
        };
    }
    match desk.client.propose_run(&subject, &reason).await {
        Ok(run) => desk.go(&format!("/erasure?done=proposed&n={}", run.number)),
        Err(error) => refused(&desk, fields, &error).await,
    }
}

async fn refused(desk: &Desk, fields: Fields, error: &schleuse_client::ClientError) -> Answer {
    let mut problems = Problems::default();
    let (place, words) = match error.is_not_found() {
        true => ("participant", desk.t().dpo.report_nobody.to_owned()),
        false => (reason_field(&fields), in_a_line(&desk.t().failure, error)),
    };
    problems.add(place, words);
    desk.again(&page(desk, None, fields, problems).await?)
}

/// The second person's word; the number is typed, so that nobody approves by mistake.
pub(super) async fn approve(desk: Desk, fields: Fields) -> Answer {
    let number: u64 = fields.get("number").parse().map_err(|_| desk.not_found())?;
    if fields.get("again") != fields.get("number") {
        let mut problems = Problems::default();
        problems.add(format!("again{number}"), desk.t().dpo.run_confirm_problem);
        return desk.again(&page(&desk, None, fields, problems).await?);
    }
    match desk.client.approve_run(number).await {
        Ok(run) => {
            let records = match &run.counts {
                RunCounts::Erasure { records, .. } => *records,
                RunCounts::Retention { counts, .. } => counts.iter().map(|(_, _, n)| n).sum(),
                _ => 0,
            };
            let record = run.receipt.record_number;
            desk.go(&format!("/erasure?done=approved&n={records}&r={record}"))
        }
        Err(error) if error.is_not_found() => Err(desk.not_found()),
        Err(error) => {
            let mut problems = Problems::default();
            problems.add(format!("again{number}"), in_a_line(&desk.t().failure, &error));
            desk.again(&page(&desk, None, fields, problems).await?)
        }
    }
}

pub(super) async fn withdraw(desk: Desk, fields: Fields) -> Answer {
    let number: u64 = fields.get("number").parse().map_err(|_| desk.not_found())?;
    let receipt = desk.client.withdraw_run(number).await.map_err(|error| desk.failed(error))?;
    desk.go(&format!("/erasure?done=withdrawn&r={}", receipt.record_number))
}

pub(super) async fn hold(desk: Desk, fields: Fields) -> Answer {
    let t = desk.t();
    let mut problems = Problems::default();
    let reason = fields.get("hold_reason");
    let as_reason = Fields::of(vec![("reason".to_owned(), reason.to_owned())]);
    let mut wrong = Problems::default();
    read::reason(&as_reason, t, &mut wrong);
    if !wrong.is_empty() {
        problems.add("hold_reason", t.forms.reason_problem);
    }
    let participant = read::reference(&fields, "hold_participant", t, &mut problems);
    if !problems.is_empty() {
        return desk.again(&page(&desk, None, fields, problems).await?);
    }
    match desk.client.place_hold(reason, participant.as_ref()).await {
        Ok((_, receipt)) => desk.go(&format!("/erasure?done=held&r={}", receipt.record_number)),
        Err(error) if error.is_not_found() => {
            problems.add("hold_participant", t.dpo.report_nobody);
            desk.again(&page(&desk, None, fields, problems).await?)
        }
        Err(error) => Err(desk.failed(error)),
    }
}

pub(super) async fn release(desk: Desk, fields: Fields) -> Answer {
    let hold = HoldId::parse_text(fields.get("hold")).map_err(|_| desk.not_found())?;
    let receipt = desk.client.release_hold(&hold).await.map_err(|error| desk.failed(error))?;
    desk.go(&format!("/erasure?done=released&r={}", receipt.record_number))
}
