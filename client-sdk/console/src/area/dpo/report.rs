//! The report to a participant about everything that the log has. Source: GDPR Art. 15.

use askama::Template;
use schleuse_client::{DataReport, Expectations, LogQuery, Texts, v1};

use crate::area::large_answer;
use crate::desk::{Answer, Desk};
use crate::failure::in_a_line;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;

/// Rows of one page of the query.
const PAGE_ROWS: u32 = 10_000;

#[derive(Template)]
#[template(path = "dpo/report.html")]
struct Form {
    s: Surface,
    fields: Fields,
    problems: Problems,
}

pub(super) async fn form(desk: Desk) -> Answer {
    let (fields, problems) = (Fields::default(), Problems::default());
    desk.page(&Form { s: desk.surface.clone(), fields, problems })
}

pub(super) async fn make(desk: Desk, fields: Fields) -> Answer {
    let t = desk.t();
    let mut problems = Problems::default();
    let reason = read::reason(&fields, t, &mut problems);
    let participant = read::reference(&fields, "participant", t, &mut problems);
    if participant.is_none() && problems.of("participant").is_empty() {
        problems.add("participant", t.forms.reference_problem);
    }
    let again =
        |problems| desk.again(&Form { s: desk.surface.clone(), fields: fields.clone(), problems });
    let Some(participant) = participant.filter(|_| problems.is_empty()) else {
        return again(problems);
    };
    let failed = |error| desk.failed(error);
    let _place = large_answer().await;
    let query = LogQuery::new(&reason).participant(&participant).max_rows(PAGE_ROWS);
    let bundle = desk.client.export_all(&query, |_, _| ()).await.map_err(failed)?;
    let expected = Expectations::new(desk.client.log_key()).trust(desk.client.trust());
    let check = bundle.check(&expected);
    let rows = bundle.parse_rows().map_err(failed)?;
    // Whom the broker knows has at least the record that made the reference.
    let is_nobody = rows.iter().all(|row| row.record_type() == v1::RecordType::LogQueried);
    if check.is_sound() && is_nobody {
        problems.add("participant", t.dpo.report_nobody);
        return again(problems);
    }
    if fields.get("format") == "proofs" {
        let json = bundle.to_json().map_err(failed)?;
        return desk.download("auskunft.proof.json", "application/json", json);
    }
    let now_ms = desk.client.now_ms();
    match DataReport::new(&rows, &participant, desk.names(), &Texts::default(), now_ms) {
        Ok(report) => {
            let html = report.to_html().map_err(failed)?;
            desk.download("auskunft.html", "text/html; charset=utf-8", html.into_bytes())
        }
        Err(error) => {
            problems.add("participant", in_a_line(&t.failure, &error));
            again(problems)
        }
    }
}
