//! Searching the log: a form, results in words, a proof for each record, exports.
//!
//! Searches are sent by POST, so that reasons and references stand neither in addresses nor in a browser's history.

use askama::Template;
use schleuse_client::{LogQuery, LogRow, Names, hex, rows_csv, rows_json_lines, shown, v1};

use super::large;
use super::proven::proven;
use crate::area::{Choice, agencies};
use crate::desk::{Answer, Desk, Failed};
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;
use crate::texts::{Texts, filled};
use crate::words::{Fact, RecordWords, type_name};

/// Records on one page.
const ROWS_MAX: u32 = 50;

#[derive(Template)]
#[template(path = "dpo/log.html")]
struct Form {
    s: Surface,
    fields: Fields,
    problems: Problems,
    agencies: Vec<Choice>,
    types: Vec<Choice>,
    outcomes: Vec<Choice>,
    purposes: Vec<Choice>,
    categories: Vec<Choice>,
    kinds: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "dpo/results.html")]
struct Results {
    s: Surface,
    told: String,
    asked: Vec<Fact>,
    records: Vec<RecordWords>,
    next: Option<u64>,
    sent: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "dpo/proof.html")]
struct Proof {
    s: Surface,
    title: String,
    record: RecordWords,
    says: String,
    checked: &'static str,
    root: String,
    path: Vec<String>,
    checkpoint: String,
    /// The search that found it.
    sent: Vec<(String, String)>,
}

pub(super) async fn form(desk: Desk) -> Answer {
    let page = filled_form(&desk, Fields::default(), Problems::default()).await?;
    desk.page(&page)
}

async fn filled_form(desk: &Desk, fields: Fields, problems: Problems) -> Result<Form, Failed> {
    let (names, all) = (desk.names(), desk.t().forms.all);
    let t = desk.t();
    let types = record_types()
        .map(|kind| Choice::new(i32::from(kind).to_string(), type_name(kind, &t.words)));
    Ok(Form {
        s: desk.surface.clone(),
        agencies: agencies(desk).await?,
        types: std::iter::once(Choice::new("", all)).chain(types).collect(),
        outcomes: vec![
            Choice::new("", all),
            Choice::new("accepted", t.dpo.accepted),
            Choice::new("refused", t.dpo.refused),
        ],
        purposes: Choice::with_all(all, names.purposes()),
        categories: Choice::with_all(all, names.categories_of_all()),
        kinds: Choice::with_all(all, names.kinds()),
        fields,
        problems,
    })
}

/// All record types that a query can name. Their numbers have gaps.
fn record_types() -> impl Iterator<Item = v1::RecordType> {
    (1..=i32::from(u8::MAX)).filter_map(|number| v1::RecordType::try_from(number).ok())
}

/// The query that a form asks for.
fn query(desk: &Desk, fields: &Fields, problems: &mut Problems) -> LogQuery {
    let t = desk.t();
    let mut query = LogQuery::new(&read::reason(fields, t, problems));
    if let Some(reference) = read::reference(fields, "participant", t, problems) {
        query = query.participant(&reference);
    }
    for agency in ["agency", "counterpart"].iter().filter_map(|name| fields.given(name)) {
        query = query.agency(agency);
    }
    if let Some(purpose) = fields.given("purpose") {
        query = query.purpose(purpose);
    }
    if let Some(category) = fields.given("category") {
        query = query.category(category);
    }
    if let Some(kind) = fields.given("kind") {
        query = query.kind(kind);
    }
    match fields.get("outcome") {
        "accepted" => query = query.accepted(true),
        "refused" => query = query.accepted(false),
        _ => {}
    }
    if let Some(number) = fields.given("type") {
        let known =
            number.parse().ok().and_then(|number: i32| v1::RecordType::try_from(number).ok());
        match problems.take("type", known.ok_or(t.forms.code_problem)) {
            Some(kind) => query = query.types(&[kind]),
            None => return query,
        }
    }
    if let Some(consent) = read::consent(fields, t, problems) {
        query = query.consent(consent);
    }
    if let Some(serial) = read::serial(fields, t, problems) {
        query = query.certificate(&serial);
    }
    let (since, until) = read::span(fields, t, problems);
    query = since.map_or(query.clone(), |since| query.since(since));
    until.map_or(query.clone(), |until| query.until(until))
}

pub(super) async fn search(desk: Desk, fields: Fields) -> Answer {
    if fields.get("step") == "change" {
        let asked = Fields::of(asked_again(&fields));
        return desk.page(&filled_form(&desk, asked, Problems::default()).await?);
    }
    let mut problems = Problems::default();
    let mut query = query(&desk, &fields, &mut problems).max_rows(ROWS_MAX);
    if !problems.is_empty() {
        return desk.again(&filled_form(&desk, fields, problems).await?);
    }
    if let Some(first) = fields.given("first").and_then(|first| first.parse().ok()) {
        query = query.first_record(first);
    }
    let answer = desk.client.query_log(&query).await.map_err(|error| desk.failed(error))?;
    let language = desk.surface.language;
    let records: Vec<RecordWords> =
        answer.rows.iter().map(|row| RecordWords::of(row, language, desk.names())).collect();
    let numbers = [records.len().to_string(), answer.receipt.record_number.to_string()];
    let last = answer.rows.last().filter(|_| answer.truncated);
    desk.page(&Results {
        s: desk.surface.clone(),
        told: filled(desk.t().dpo.results_n, &[&numbers[0], &numbers[1]]),
        asked: asked(desk.t(), desk.names(), &fields),
        records,
        next: last.map(|row| row.record_number + 1),
        sent: asked_again(&fields),
    })
}

/// The search itself, without what a button adds: to go on with it, and to come back to it.
fn asked_again(fields: &Fields) -> Vec<(String, String)> {
    let added = |name: &str| ["first", "step", "number"].contains(&name);
    let asked = fields.pairs().iter().filter(|(name, value)| !added(name) && !value.is_empty());
    asked.cloned().collect()
}

/// What was asked for, in words: stands above the results, on paper too.
fn asked(t: &Texts, names: &Names, fields: &Fields) -> Vec<Fact> {
    let outcome = |said: &str| match said {
        "accepted" => t.dpo.accepted.to_owned(),
        _ => t.dpo.refused.to_owned(),
    };
    let kind = |number: &str| {
        let kind = number.parse().ok().and_then(|n: i32| v1::RecordType::try_from(n).ok());
        kind.map_or_else(String::new, |kind| type_name(kind, &t.words).to_owned())
    };
    type Words<'a> = &'a dyn Fn(&str) -> String;
    let rows: [(&str, &str, Words<'_>); 13] = [
        ("reason", t.forms.reason, &shown),
        ("participant", t.dpo.participant, &shown),
        ("since", t.forms.from_day, &shown),
        ("until", t.forms.until_day, &shown),
        ("agency", t.dpo.agency, &shown),
        ("counterpart", t.dpo.counterpart, &shown),
        ("type", t.dpo.record_type, &kind),
        ("outcome", t.dpo.outcome, &outcome),
        ("purpose", t.dpo.purpose, &|code| names.purpose(code)),
        ("category", t.dpo.category, &|code| names.category(code)),
        ("kind", t.dpo.kind, &|code| names.kind(code)),
        ("consent", t.dpo.consent, &shown),
        ("certificate", t.dpo.certificate, &shown),
    ];
    let facts = rows.iter().filter_map(|(name, says, words)| {
        let value = fields.given(name)?;
        Some(Fact { name: (*says).to_owned(), says: words(value), is_code: false })
    });
    facts.collect()
}

/// One record again, with the proof that it stands in the log.
pub(super) async fn proof(desk: Desk, fields: Fields) -> Answer {
    let number: u64 = fields.get("number").parse().map_err(|_| desk.not_found())?;
    let failed = |error| desk.failed(error);
    let query = LogQuery::new(fields.get("reason")).first_record(number).max_rows(1);
    let answer = desk.client.query_log(&query).await.map_err(failed)?;
    let row = answer.rows.first().filter(|row| row.record_number == number);
    let row: &LogRow = row.ok_or_else(|| desk.not_found())?;
    let inclusion = desk.client.prove_inclusion(row).await.map_err(failed)?;
    let t = &desk.t().dpo;
    let numbers = [inclusion.path.len().to_string(), inclusion.log_size.to_string()];
    desk.page(&Proof {
        s: desk.surface.clone(),
        title: filled(t.record_n, &[&number.to_string()]),
        record: RecordWords::of(row, desk.surface.language, desk.names()),
        says: filled(t.proof_says, &[&numbers[0], &numbers[1]]),
        checked: if desk.is_home() { t.checked_home } else { t.checked_here },
        root: hex(&inclusion.root),
        path: inclusion.path.iter().map(|hash| hex(hash)).collect(),
        checkpoint: inclusion.checkpoint,
        sent: asked_again(&fields),
    })
}

pub(super) async fn export(desk: Desk, fields: Fields) -> Answer {
    let mut problems = Problems::default();
    let query = query(&desk, &fields, &mut problems);
    if !problems.is_empty() {
        return desk.again(&filled_form(&desk, fields, problems).await?);
    }
    let place = large::place(&desk).await?;
    let answer = large::rows(&desk, &query).await.map_err(|error| desk.failed(error))?;
    let format = fields.get("format");
    if answer.truncated {
        problems.add("since", large::too_many(&desk, "schleuse dpo log --export"));
    } else if format == "proof" && answer.rows.is_empty() {
        problems.add("since", desk.t().dpo.export_nothing);
    }
    if !problems.is_empty() {
        return desk.again(&filled_form(&desk, fields, problems).await?);
    }
    if format == "proof" {
        let proven = proven(&desk, &place, &answer).await?;
        return match proven.is_sound() {
            true => proven.download(&desk, place, "schleuse-log.proof.json").await,
            false => proven.alarm(&desk, place, "/log/export", fields.pairs()).await,
        };
    }
    let (name, media_type, text): (_, _, fn(&[LogRow]) -> String) = match format {
        "jsonl" => ("schleuse-log.jsonl", "application/jsonl", rows_json_lines),
        _ => ("schleuse-log.csv", "text/csv; charset=utf-8", rows_csv),
    };
    let text = place.work(&desk, move || text(&answer.rows)).await?;
    place.keep(desk.download(name, media_type, text.into_bytes())).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::Language;

    #[test]
    fn everything_that_was_asked_for_stands_above_the_results() {
        let form = include_str!("../../../templates/dpo/log.html");
        let fields = form.split("{% call parts::").skip(1).filter_map(|call| {
            let (kind, rest) = call.split_once("(\"")?;
            ["text", "day", "choice"].contains(&kind).then(|| rest.split('"').next().unwrap())
        });
        let mut count = 0;
        for name in fields {
            let value = match name {
                "type" => "1",
                "outcome" => "refused",
                _ => "0123456789",
            };
            let fields = Fields::of(vec![(name.to_owned(), value.to_owned())]);
            let said = asked(Language::German.texts(), &Names::default(), &fields);
            assert_eq!(said.len(), 1, "{name}");
            assert!(!said[0].says.is_empty(), "{name}");
            count += 1;
        }
        assert_eq!(count, 13);
    }
}
