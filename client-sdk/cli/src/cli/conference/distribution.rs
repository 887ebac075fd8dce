//! `conference invite` and `conference review`: who may receive what, asked before anything is sent, and recalled
//! when it is no longer so.

use std::collections::BTreeSet;

use schleuse_client::fallkonferenz::{
    Conference, Distribution, Phase, RecalledPart, Review, SentPart,
};
use schleuse_client::{Address, ClientError, ItemId};
use serde_json::{Value, json};

use super::{Desk, expires_in, kept, open_to_change, wrong};
use crate::cli::Ending;
use crate::cli::args::{Chosen, Sending};

/// Asks who may receive what, and invites; with `dry_run` it only asks.
pub(super) async fn invite(
    desk: &Desk<'_>,
    chosen: &Chosen,
    sending: &Sending,
    dry_run: bool,
) -> Result<Ending, ClientError> {
    let (_held, mut conference) = open_to_change(chosen).await?;
    let client = desk.connect(&conference).await?;
    client.check_invitation(&conference).await?;
    let distribution = client.distribution(&conference).await?;
    let invited_before = conference.state().phase != Phase::Planned;
    let newly = conference.review_with(&distribution).now_covered;
    let value = distribution_json(&conference, &distribution, &newly)?;
    let mut lines = distribution_text(&conference, &distribution, dry_run);
    if invited_before {
        lines.extend(newly_text(&conference, &newly));
        if newly.is_empty() {
            lines.push("bodies were invited before, and nothing is newly covered".to_owned());
        }
    }
    if dry_run {
        lines.insert(0, format!("conference {}: nothing was sent", conference.id()));
        desk.output.result(&value, || lines.join("\n"));
        client.check_receipts().await?;
        return Ok(Ending::Done);
    }
    let sent = client.invite(&mut conference, &distribution, expires_in(sending)).await;
    kept(&chosen.folder).save(&conference)?;
    let ending = desk.report(&conference, &sent?, &value, lines);
    client.check_receipts().await?;
    // That nobody could be invited must not look as if somebody had been.
    let nobody = !invited_before && distribution.parts().is_empty();
    Ok(if nobody { Ending::NotCovered } else { ending })
}

/// Asks again, recalls what is no longer covered, and notes in the conference what came of it; with `dry_run` it only
/// asks.
pub(super) async fn review(
    desk: &Desk<'_>,
    chosen: &Chosen,
    dry_run: bool,
) -> Result<Ending, ClientError> {
    let (_held, mut conference) = open_to_change(chosen).await?;
    let client = desk.connect(&conference).await?;
    let review = conference.review_with(&client.distribution(&conference).await?);
    let recalled = if dry_run {
        Vec::new()
    } else {
        let recalled = client.recall_uncovered(&mut conference, &review).await;
        // What was recalled before an error is kept too.
        kept(&chosen.folder).save(&conference)?;
        recalled?
    };
    let value = review_json(&review, &recalled, dry_run);
    desk.output.result(&value, || {
        let newly = newly_text(&conference, &review.now_covered);
        [vec![review_text(&review, &recalled, dry_run)], newly].concat().join("\n")
    });
    client.check_receipts().await?;
    Ok(Ending::Done)
}

fn part_json((body, item): &(Address, Option<ItemId>)) -> Value {
    json!({ "body": body, "item": item })
}

/// Each body with its items, each item with its bodies, what is not covered, and what could be sent and was not yet.
fn distribution_json(
    conference: &Conference,
    distribution: &Distribution,
    newly: &BTreeSet<(Address, Option<ItemId>)>,
) -> Result<Value, ClientError> {
    let plan = conference.plan().ok_or_else(|| wrong("conference", "one that was planned here"))?;
    let invited = distribution.parts().iter();
    let invited = invited.map(|(body, items)| json!({ "body": body, "items": items }));
    let items = plan.items.iter().map(|item| {
        let bodies = distribution.parts().keys();
        let bodies: BTreeSet<_> = bodies.filter(|it| distribution.covers(it, &item.id)).collect();
        json!({ "item": item.id, "title": item.title, "bodies": bodies })
    });
    let not_covered = plan.not_covered(distribution);
    Ok(json!({
        "conference": conference.id(),
        "invite": invited.collect::<Vec<_>>(),
        "items": items.collect::<Vec<_>>(),
        "not_covered": not_covered.iter().map(part_json).collect::<Vec<_>>(),
        "now_covered": newly.iter().map(part_json).collect::<Vec<_>>(),
    }))
}

/// Who and what is left out, and if wanted each body with the items that it may receive.
fn distribution_text(
    conference: &Conference,
    distribution: &Distribution,
    whole: bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    for body in conference.plan().iter().flat_map(|plan| &plan.bodies) {
        let Some(items) = distribution.parts().get(body) else {
            lines.push(format!("{body}: not invited: not covered"));
            continue;
        };
        if whole {
            lines.push(format!("{body}: invited"));
        }
        for item in conference.plan().iter().flat_map(|plan| &plan.items) {
            let is_for = item.bodies.as_ref().is_none_or(|bodies| bodies.contains(body));
            let receives = items.contains(&item.id);
            let what = format!("{}: {}", item.id, item.title);
            if receives && whole {
                lines.push(format!("{body}: receives {what}"));
            } else if !receives && is_for {
                lines.push(format!("{body}: does not receive {what}: not covered"));
            }
        }
    }
    lines
}

/// What could be sent and was not yet: what a second invitation sends, beside a change of the dates that a body lacks.
fn newly_text(conference: &Conference, newly: &BTreeSet<(Address, Option<ItemId>)>) -> Vec<String> {
    let items = conference.state().items;
    let part = |(body, item): &(Address, Option<ItemId>)| match item {
        None => format!("newly covered: {body}: invitation"),
        Some(id) => {
            let title = items.get(id).map(|item| item.title.as_str()).unwrap_or_default();
            format!("newly covered: {body}: {id}: {title}")
        }
    };
    newly.iter().map(part).collect()
}

fn sent_json(part: &SentPart) -> Value {
    json!({ "body": part.body, "item": part.item, "message": part.message_id })
}

fn review_json(review: &Review, recalled: &[RecalledPart], dry_run: bool) -> Value {
    let parts = |parts: &[SentPart]| parts.iter().map(sent_json).collect::<Value>();
    let came_to = |too_late: bool| {
        let parts = recalled.iter().filter(|one| one.too_late == too_late);
        parts.map(|one| sent_json(&one.part)).collect::<Value>()
    };
    json!({
        "dry_run": dry_run,
        "recall": parts(&review.recall),
        "recalled": came_to(false),
        "too_late": came_to(true),
        "go_on": parts(&review.go_on),
        "leave": review.leave,
        "now_covered": review.now_covered.iter().map(part_json).collect::<Vec<_>>(),
    })
}

fn review_text(review: &Review, recalled: &[RecalledPart], dry_run: bool) -> String {
    let mut lines = Vec::new();
    if dry_run {
        let to_recall = review.recall.iter();
        lines.extend(to_recall.map(|it| format!("to recall: {} (to {})", it.message_id, it.body)));
    }
    lines.extend(recalled.iter().map(|one| {
        let SentPart { body, message_id, .. } = &one.part;
        match one.too_late {
            false => format!("recalled: {message_id} (to {body})"),
            true => format!("too late: {message_id} (to {body}) was handed out before"),
        }
    }));
    lines.extend(review.leave.iter().map(|body| format!("{body} leaves the conference")));
    lines.push(format!("{} messages go on", review.go_on.len()));
    lines.join("\n")
}
