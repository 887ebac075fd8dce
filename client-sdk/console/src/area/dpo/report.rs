//! The report to a participant about everything that the log has. Source: GDPR Art. 15.

use askama::Template;
use schleuse_client::{DataReport, LogQuery, Texts, v1};

use super::large;
use super::proven::proven;
use crate::desk::{Answer, Desk};
use crate::failure::in_a_line;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;

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
    let place = large::place(&desk).await?;
    let query = LogQuery::new(&reason).participant(&participant);
    let answer = large::rows(&desk, &query).await.map_err(failed)?;
    if answer.truncated {
        problems.add("participant", large::too_many_of_one(&desk, "schleuse dpo report"));
        return again(problems);
    }
    // Whom the broker knows has at least the record that made the reference.
    let is_nobody = answer.rows.iter().all(|row| row.record_type() == v1::RecordType::LogQueried);
    let nobody = |mut problems: Problems| {
        problems.add("participant", t.dpo.report_nobody);
        again(problems)
    };
    if answer.rows.is_empty() {
        return nobody(problems);
    }
    let proven = proven(&desk, &place, &answer).await?;
    if !proven.is_sound() {
        return proven.alarm(&desk, place, "/report", fields.pairs()).await;
    }
    if is_nobody {
        return nobody(problems);
    }
    if fields.get("format") == "proofs" {
        return proven.download(&desk, place, "auskunft.proof.json").await;
    }
    drop(proven);
    let (aside, now_ms) = (desk.clone(), desk.client.now_ms());
    let html = move || {
        let texts = Texts::default();
        DataReport::new(&answer.rows, &participant, aside.names(), &texts, now_ms)?.to_html()
    };
    match place.work(&desk, html).await? {
        Ok(html) => {
            let html = html.into_bytes();
            place.keep(desk.download("auskunft.html", "text/html; charset=utf-8", html)).await
        }
        Err(error) => {
            problems.add("participant", in_a_line(&t.failure, &error));
            again(problems)
        }
    }
}
