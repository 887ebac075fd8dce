//! What is done in a conference: asking, inviting, fixing, moving, cancelling, minutes, looking at consents anew.

use std::time::Duration;

use axum::extract::Path;
use schleuse_client::fallkonferenz::{Conference, Date, Letter};
use schleuse_client::{Address, AgreementId, ClientError, v1};

use super::view;
use super::{folder, open, path, plan};
use crate::desk::{Answer, Desk};
use crate::failure::in_a_line;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::texts::filled;

/// How long a message of a conference may wait.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Agreements of one form.
pub(super) const AGREEMENTS: usize = 3;

/// Takes in what came for a function.
pub(super) async fn take(desk: Desk, fields: Fields) -> Answer {
    let t = &desk.t().conference;
    let function = fields.get("function");
    let taken = desk.client.take_conferences(&folder(&desk)?, function).await;
    let taken = taken.map_err(|error| desk.failed(error))?;
    let mut words = vec![filled(t.taken_n, &[&taken.messages.len().to_string()])];
    if !taken.alarms.is_empty() {
        words.push(filled(t.take_alarm, &[&taken.alarms.len().to_string()]));
    }
    view::list_with(&desk, Some(words.join(" "))).await
}

/// Asks the broker who may receive what; nothing is sent.
pub(super) async fn ask(desk: Desk, Path(id): Path<String>) -> Answer {
    let conference = open(&desk, &id).await?;
    let distribution = desk.client.distribution(&conference).await;
    let distribution = distribution.map_err(|error| desk.failed(error))?;
    view::show_with(&desk, &conference, None, Some(&distribution), Problems::default()).await
}

pub(super) async fn invite(desk: Desk, Path(id): Path<String>) -> Answer {
    let mut conference = open(&desk, &id).await?;
    let asked = async {
        desk.client.check_invitation(&conference).await?;
        desk.client.distribution(&conference).await
    };
    let distribution = match asked.await {
        Ok(distribution) => distribution,
        Err(error) => return refused(&desk, &conference, &error).await,
    };
    let uncovered = conference.plan().map_or(0, |plan| plan.not_covered(&distribution).len());
    let sent = desk.client.invite(&mut conference, &distribution, LIFE).await;
    // What was accepted before an error is kept too.
    folder(&desk)?.save(&conference).map_err(|error| desk.failed(error))?;
    match sent {
        Ok(sent) => {
            let accepted = sent.iter().filter(|one| one.outcome.is_accepted()).count();
            let numbers = [accepted.to_string(), (sent.len() - accepted + uncovered).to_string()];
            let words = filled(desk.t().conference.invited_n, &[&numbers[0], &numbers[1]]);
            let notice = Some(words);
            view::show_with(&desk, &conference, notice, Some(&distribution), Problems::default())
                .await
        }
        Err(error) => refused(&desk, &conference, &error).await,
    }
}

async fn refused(desk: &Desk, conference: &Conference, error: &ClientError) -> Answer {
    let mut problems = Problems::default();
    problems.add("conference", format!("{} {error}", in_a_line(&desk.t().failure, error)));
    view::show_with(desk, conference, None, None, problems).await
}

/// Sends letters, keeps what was accepted, says what became of them.
async fn send(
    desk: &Desk,
    mut conference: Conference,
    letters: Result<Vec<Letter>, ClientError>,
) -> Answer {
    let letters = match letters {
        Ok(letters) => letters,
        Err(error) => return refused(desk, &conference, &error).await,
    };
    let sent = desk.client.send_letters(&mut conference, letters, LIFE).await;
    folder(desk)?.save(&conference).map_err(|error| desk.failed(error))?;
    match sent {
        Ok(sent) => {
            let accepted = sent.iter().filter(|one| one.outcome.is_accepted()).count();
            // To be loaded again without doing it again.
            let (refused, path) = (sent.len() - accepted, path(&conference));
            desk.go(&format!("{path}?done=sent&n={accepted}&r={refused}"))
        }
        Err(error) => refused(desk, &conference, &error).await,
    }
}

pub(super) async fn fix(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let conference = open(&desk, &id).await?;
    let state = conference.state();
    let date = fields.get("date").split_once('+').and_then(|(at, minutes)| {
        Some(Date { starts_at_ms: at.parse().ok()?, minutes: minutes.parse().ok()? })
    });
    let Some(date) = date else { return Err(desk.not_found()) };
    let place = fields.given("place").map_or(state.place, str::to_owned);
    let letters = conference.fix(date, &place);
    send(&desk, conference, letters).await
}

pub(super) async fn move_to(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let conference = open(&desk, &id).await?;
    let mut problems = Problems::default();
    let dates = plan::dates(&desk, &fields, &mut problems);
    let by = read::until_day(&fields, "answer_by", desk.t(), &mut problems);
    if !problems.is_empty() {
        return view::again(&desk, &conference, fields, problems).await;
    }
    let place = fields.given("place").map_or(conference.state().place, str::to_owned);
    let letters = conference.move_to(&dates, reason(&fields), &place, by);
    send(&desk, conference, letters).await
}

pub(super) async fn cancel(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let conference = open(&desk, &id).await?;
    let letters = conference.cancel(reason(&fields));
    send(&desk, conference, letters).await
}

fn reason(fields: &Fields) -> v1::FallkonferenzChangeReason {
    let number = fields.get("reason").parse().ok();
    let reason = number.and_then(|n: i32| v1::FallkonferenzChangeReason::try_from(n).ok());
    reason.unwrap_or(v1::FallkonferenzChangeReason::NotStated)
}

pub(super) async fn minutes(desk: Desk, Path(id): Path<String>, fields: Fields) -> Answer {
    let conference = open(&desk, &id).await?;
    let t = &desk.t().conference;
    let item = fields.get("item").parse().map_err(|_| desk.not_found())?;
    let mut problems = Problems::default();
    if fields.get("text").is_empty() {
        problems.add("text", t.minutes_problem);
    }
    let agreements: Vec<v1::Agreement> =
        (0..AGREEMENTS).filter_map(|n| agreement(&desk, &fields, n, &mut problems)).collect();
    if !problems.is_empty() {
        return view::again(&desk, &conference, fields, problems).await;
    }
    let letters = conference.minutes(item, fields.get("text"), agreements);
    send(&desk, conference, letters).await
}

/// One agreement of the form, if anything of it is filled in.
fn agreement(
    desk: &Desk,
    fields: &Fields,
    number: usize,
    problems: &mut Problems,
) -> Option<v1::Agreement> {
    let names = ["who", "what", "until"].map(|name| format!("{name}{number}"));
    let [who, what, until] = names;
    if [&who, &what, &until].iter().all(|name| fields.get(name).is_empty()) {
        return None;
    }
    let address: Option<Address> = fields.get(&who).parse().ok();
    let until_ms = read::last_day(fields.get(&until));
    let (Some(address), Some(until_ms), Some(said)) = (address, until_ms, fields.given(&what))
    else {
        problems.add(who, desk.t().conference.agreement_problem);
        return None;
    };
    let id = AgreementId::generate().ok()?;
    Some(v1::Agreement {
        agreement_id: id.as_bytes().to_vec().into(),
        agency: address.agency,
        function: address.function,
        what: said.to_owned(),
        until_ms,
    })
}

/// Looks at the consents anew and recalls what is not covered any more.
pub(super) async fn review(desk: Desk, Path(id): Path<String>) -> Answer {
    let mut conference = open(&desk, &id).await?;
    let failed = |error| desk.failed(error);
    let distribution = desk.client.distribution(&conference).await.map_err(failed)?;
    let review = conference.review_with(&distribution);
    let recalled = desk.client.recall_uncovered(&mut conference, &review).await;
    folder(&desk)?.save(&conference).map_err(failed)?;
    let recalled = recalled.map_err(failed)?;
    let late = recalled.iter().filter(|one| one.too_late).count();
    let numbers = [review.go_on.len(), recalled.len() - late, late].map(|n| n.to_string());
    let words = filled(desk.t().conference.reviewed_n, &[&numbers[0], &numbers[1], &numbers[2]]);
    view::show_with(&desk, &conference, Some(words), Some(&distribution), Problems::default()).await
}
