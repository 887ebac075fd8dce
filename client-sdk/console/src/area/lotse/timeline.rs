//! Who received what, and when: everything that the log shows about one participant.

use askama::Template;
use axum::extract::{Path, Query};
use schleuse_client::{DataReport, LogQuery, Texts, v1};

use super::notice::Asked;
use super::people::{Person, person};
use crate::desk::{Answer, Desk};
use crate::surface::Surface;
use crate::words::RecordWords;

/// Records of one query.
const ROWS_MAX: u32 = 100_000;
/// Records on the page: the newest.
const SHOWN: usize = 100;

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
    let query = LogQuery::new(t.timeline_reason).participant(&person.reference);
    let query = query.types(types).max_rows(ROWS_MAX);
    let answer = desk.client.query_log(&query).await.map_err(|error| desk.failed(error))?;
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
    let newest = answer.rows.iter().rev().take(SHOWN);
    let language = desk.surface.language;
    desk.page(&Page {
        s: desk.surface.clone(),
        tabs: tabs.into_iter().map(tab).collect(),
        records: newest.map(|row| RecordWords::of(row, language, desk.names())).collect(),
        has_older: answer.truncated || answer.rows.len() > SHOWN,
        person,
    })
}

/// The report about everything, as a page for the participant. Source: GDPR Art. 15.
pub(super) async fn report(desk: Desk, Path(reference): Path<String>) -> Answer {
    let person = person(&desk, &reference)?;
    let failed = |error| desk.failed(error);
    let query = LogQuery::new(desk.t().lotse.timeline_reason).participant(&person.reference);
    let rows = desk.client.query_all(&query.max_rows(ROWS_MAX)).await.map_err(failed)?.rows;
    let now_ms = desk.client.now_ms();
    let report = DataReport::new(&rows, &person.reference, desk.names(), &Texts::default(), now_ms);
    desk.document(report.and_then(|report| report.to_html()).map_err(failed)?)
}
