//! Who received what, and when: everything that the log shows about one participant.

use askama::Template;
use schleuse_client::{DataReport, LogQuery, LogRow, Texts, v1};

use super::notice::Asked;
use super::offices::Offices;
use super::people::{Person, person};
use crate::desk::{Answer, Desk, Failed};
use crate::extract::{Path, Query};
use crate::surface::Surface;
use crate::words::RecordWords;

/// Why the log is read; stands there. German whatever the language of the page: the participant may read it.
const REASON: &str = "Verlauf der Person in der Konsole des Lotsen angesehen";
/// Records of one query.
const ROWS_MAX: u32 = 100_000;
/// Records on the page: the newest.
const SHOWN: usize = 50;

const DISCLOSURES: [v1::RecordType; 5] = [
    v1::RecordType::HandedOut,
    v1::RecordType::MessageStopped,
    v1::RecordType::DeadLettered,
    v1::RecordType::BasisEnded,
    v1::RecordType::DeletionConfirmed,
];
const CONSENTS: [v1::RecordType; 9] = [
    v1::RecordType::ConsentRecorded,
    v1::RecordType::ConsentRevoked,
    v1::RecordType::ConsentSuspended,
    v1::RecordType::ConsentConfirmed,
    v1::RecordType::SecrecyReleaseRecorded,
    v1::RecordType::SecrecyReleaseRevoked,
    v1::RecordType::ObjectionRecorded,
    v1::RecordType::ObjectionWithdrawn,
    v1::RecordType::ParticipationEnded,
];

struct Tab {
    to: String,
    says: &'static str,
    is_here: bool,
}

#[derive(Template)]
#[template(path = "lotse/timeline.html")]
struct Page {
    s: Surface,
    person: Person,
    tabs: Vec<Tab>,
    records: Vec<RecordWords>,
    has_older: bool,
}

pub(super) async fn show(desk: Desk, Path(reference): Path<String>, Query(asked): Asked) -> Answer {
    let person = person(&desk, &reference)?;
    let t = &desk.t().lotse;
    let which = asked.get("which").map_or("disclosures", String::as_str);
    let types: &[v1::RecordType] = match which {
        "consents" => &CONSENTS,
        "everything" => &[],
        _ => &DISCLOSURES,
    };
    let query = LogQuery::new(REASON).participant(&person.reference);
    let (newest, has_older) = newest(&desk, query.types(types).max_rows(ROWS_MAX)).await?;
    let tabs = [
        ("disclosures", t.timeline_disclosures),
        ("consents", t.timeline_consents),
        ("everything", t.timeline_everything),
    ];
    let tab = |(name, says): (&str, &'static str)| Tab {
        to: desk.surface.at(format!("{}/timeline?which={name}", person.path())),
        says,
        is_here: name == which,
    };
    let language = desk.surface.language;
    let names = Offices::read(&desk).await?.and_codes(desk.names());
    desk.page(&Page {
        s: desk.surface.clone(),
        tabs: tabs.into_iter().map(tab).collect(),
        records: newest.iter().rev().map(|row| RecordWords::of(row, language, &names)).collect(),
        has_older,
        person,
    })
}

/// The newest records that a query finds, oldest first, and whether there are older ones.
async fn newest(desk: &Desk, query: LogQuery) -> Result<(Vec<LogRow>, bool), Failed> {
    let (mut query, mut newest, mut has_older) = (query, Vec::new(), false);
    loop {
        let answer = desk.client.query_log(&query).await.map_err(|error| desk.failed(error))?;
        let last = answer.rows.last().map(|row| row.record_number);
        newest.extend(answer.rows);
        let too_many = newest.len().saturating_sub(SHOWN);
        has_older |= too_many > 0;
        newest.drain(..too_many);
        match last {
            Some(last) if answer.truncated => query = query.first_record(last + 1),
            Some(_) | None => return Ok((newest, has_older)),
        }
    }
}

/// The report about everything, as a page for the participant. Source: GDPR Art. 15.
pub(super) async fn report(desk: Desk, Path(reference): Path<String>) -> Answer {
    let person = person(&desk, &reference)?;
    let failed = |error| desk.failed(error);
    let query = LogQuery::new(REASON).participant(&person.reference);
    let rows = desk.client.query_all(&query.max_rows(ROWS_MAX)).await.map_err(failed)?.rows;
    let now_ms = desk.client.now_ms();
    let names = Offices::read(&desk).await?.and_codes(desk.names());
    let report = DataReport::new(&rows, &person.reference, &names, &Texts::default(), now_ms);
    let report = report.map_err(failed)?.of_person(&person.entry.display_name);
    desk.document(report.to_html().map_err(failed)?)
}
