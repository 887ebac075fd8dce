//! What a convener does in a conference: asking, inviting, fixing, moving, cancelling, looking at consents anew.

use schleuse_client::fallkonferenz::{Conference, Date, check_times};
use schleuse_client::v1;

use super::page::{Draft, finish};
use super::sending::{LIFE, Opened, Outcome, not_begun, open_own_for, stopped};
use super::{convener, folder, open_own, path, plan};
use crate::desk::{Answer, Desk};
use crate::extract::Path;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::texts::filled;

/// Asks the broker who may receive what; nothing is sent.
pub(super) async fn ask(desk: Desk, Path(id): Path<String>) -> Answer {
    let conference = open_own(&desk, &id).await?;
    let distribution = desk.client.distribution(&conference).await;
    let distribution = distribution.map_err(|error| desk.failed(error))?;
    convener::show(&desk, &conference, None, Some(&distribution)).await
}

pub(super) async fn invite(desk: Desk, Path(id): Path<String>) -> Answer {
    let fields = Fields::default();
    let opened = match open_own_for(&desk, &id, "/invite", &fields).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let Opened { held, mut conference } = opened;
    let asked = async {
        desk.client.check_invitation(&conference).await?;
        desk.client.distribution(&conference).await
    };
    let distribution = match asked.await {
        Ok(distribution) => distribution,
        Err(error) => return not_invited(&desk, &conference, not_begun(&desk, &error)).await,
    };
    let uncovered = conference.plan().map_or(0, |plan| plan.not_covered(&distribution).len());
    let all = conference.review_with(&distribution).now_covered.len();
    let before = conference.notices().len();
    let sent = desk.client.invite(&mut conference, &distribution, LIFE).await;
    // What was accepted before an error is kept too.
    folder(&desk)?.save(&conference).map_err(|error| desk.failed(error))?;
    drop(held);
    match sent {
        Ok(sent) => {
            let accepted = sent.iter().filter(|one| one.outcome.is_accepted()).count();
            let refused = sent.len() - accepted + uncovered;
            desk.go(&format!("{}?done=sent&n={accepted}&r={refused}", path(&conference)))
        }
        Err(error) => {
            let accepted = conference.notices().len().saturating_sub(before);
            let far = (&error, accepted, all.max(accepted));
            match stopped(&desk, conference, far, ("/invite", &fields))? {
                Outcome::Gone(answer) => Ok(answer),
                Outcome::Stopped(conference, words) => not_invited(&desk, &conference, words).await,
            }
        }
    }
}

async fn not_invited(desk: &Desk, conference: &Conference, words: String) -> Answer {
    let draft = Draft::of("", Fields::default(), "conference", words);
    convener::again(desk, conference, draft).await
}

pub(super) async fn fix(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let opened = match open_own_for(&desk, &id, "/fix", &fields).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let date = fields.get("date").split_once('+').and_then(|(at, minutes)| {
        Some(Date { starts_at_ms: at.parse().ok()?, minutes: minutes.parse().ok()? })
    });
    let Some(date) = date else { return Err(desk.not_found()) };
    let letters = opened.conference.fix(date, &opened.conference.state().place);
    finish(&desk, opened, letters, ("/fix", "date"), fields).await
}

pub(super) async fn move_to(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let opened = match open_own_for(&desk, &id, "/move", &fields).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let t = &desk.t().conference;
    let mut problems = Problems::default();
    let dates = plan::dates(&desk, &fields, &mut problems);
    let by = read::until_day(&fields, "answer_by", desk.t(), &mut problems);
    if problems.is_empty() {
        let wanted = dates.len() > 1;
        match by {
            None if wanted => problems.add("answer_by", t.answer_by_several),
            Some(_) if !wanted => problems.add("answer_by", t.answer_by_single),
            by if check_times(&dates, by, desk.client.now_ms()).is_err() => {
                problems.add("answer_by", t.answer_by_problem);
            }
            _ => {}
        }
    }
    if !problems.is_empty() {
        let draft = Draft { act: "/move", fields, problems };
        return convener::again(&desk, &opened.conference, draft).await;
    }
    let place = opened.conference.state().place;
    let letters = opened.conference.move_to(&dates, reason(&fields, "move_reason"), &place, by);
    finish(&desk, opened, letters, ("/move", "day0"), fields).await
}

pub(super) async fn cancel(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let opened = match open_own_for(&desk, &id, "/cancel", &fields).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let letters = opened.conference.cancel(reason(&fields, "cancel_reason"));
    finish(&desk, opened, letters, ("/cancel", "cancel_reason"), fields).await
}

fn reason(fields: &Fields, name: &str) -> v1::FallkonferenzChangeReason {
    let number = fields.get(name).parse().ok();
    let reason = number.and_then(|n: i32| v1::FallkonferenzChangeReason::try_from(n).ok());
    let reason = reason.filter(|one| *one != v1::FallkonferenzChangeReason::Unspecified);
    reason.unwrap_or(v1::FallkonferenzChangeReason::NotStated)
}

/// Looks at the consents anew and recalls what is not covered any more.
pub(super) async fn review(desk: Desk, Path(id): Path<String>) -> Answer {
    let opened = match open_own_for(&desk, &id, "/review", &Fields::default()).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let Opened { held, mut conference } = opened;
    let failed = |error| desk.failed(error);
    let distribution = desk.client.distribution(&conference).await.map_err(failed)?;
    let review = conference.review_with(&distribution);
    let recalled = desk.client.recall_uncovered(&mut conference, &review).await;
    folder(&desk)?.save(&conference).map_err(failed)?;
    drop(held);
    let recalled = recalled.map_err(failed)?;
    let late = recalled.iter().filter(|one| one.too_late).count();
    let numbers = [review.go_on.len(), recalled.len() - late, late].map(|n| n.to_string());
    let words = filled(desk.t().conference.reviewed_n, &[&numbers[0], &numbers[1], &numbers[2]]);
    convener::show(&desk, &conference, Some(words), Some(&distribution)).await
}
