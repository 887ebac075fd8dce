//! `schleuse lotse consent narrow` and `renew`.

use schleuse_client::{
    Change, Client, ClientError, Clock as _, ConsentId, ConsentRecord, Narrowing,
    ParticipantReference, SystemClock, narrowed, parse_time, renewed, v1,
};
use serde_json::json;

use super::args::{Global, NarrowArguments, RenewArguments};
use super::output::Output;
use super::safeguards::{asked, effects_json, evidence};
use super::{Ending, connect};

/// A consent of a participant that was not revoked.
pub(crate) async fn find(
    client: &Client,
    participant: &ParticipantReference,
    consent: ConsentId,
) -> Result<ConsentRecord, ClientError> {
    let consents = client.list_consents(participant).await?;
    let found = consents.into_iter().find(|known| known.consent_id == consent);
    let found = found.ok_or_else(|| ClientError::Argument {
        what: "--consent",
        expected: "a consent of this participant".to_owned(),
    })?;
    check_not_revoked(found.state)?;
    Ok(found)
}

/// What was revoked is never taken up again: the participant consents anew, or does not.
fn check_not_revoked(state: v1::ConsentState) -> Result<(), ClientError> {
    match state {
        v1::ConsentState::Revoked => Err(ClientError::Precondition {
            what: "--consent",
            why: "this consent is revoked; record a new one: schleuse lotse consent record"
                .to_owned(),
        }),
        v1::ConsentState::Active
        | v1::ConsentState::NotYet
        | v1::ConsentState::Expired
        | v1::ConsentState::Suspended
        | v1::ConsentState::Unspecified => Ok(()),
    }
}

/// Shows what a narrowing stops, asks, and records it.
pub(crate) async fn narrow(
    global: &Global,
    arguments: &NarrowArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let narrowings = narrowings(arguments)?;
    let client = connect(global, None, output).await?;
    let previous = find(&client, &arguments.participant, arguments.consent).await?;
    let document = narrowed(&previous, &narrowings, SystemClock.now_ms())?;
    let change = Change::Revision(Box::new(document.clone()));
    let question = format!("narrow consent {}?", arguments.consent);
    let Some(preview) = asked(&client, &change, arguments.yes, &question, output).await? else {
        return Ok(Ending::Declined);
    };
    let change = client.revise_consent_with(&document).await?;
    let value = json!({
        "consent": change.consent_id,
        "revision": document.revision,
        "record": change.receipt.record_number,
        "stopped_messages": change.stopped_messages,
        "effects": effects_json(&preview.effects),
    });
    output.result(&value, || {
        format!(
            "narrowed: revision {} of consent {}\n{} waiting messages stopped, log record {}",
            document.revision,
            change.consent_id,
            change.stopped_messages,
            change.receipt.record_number
        )
    });
    Ok(Ending::Done)
}

/// Numbers in the command line count from 1.
fn narrowings(arguments: &NarrowArguments) -> Result<Vec<Narrowing>, ClientError> {
    let index = |number: usize| {
        number.checked_sub(1).ok_or_else(|| ClientError::Argument {
            what: "grant",
            expected: "a number from 1, as consent list shows it".to_owned(),
        })
    };
    let mut narrowings = Vec::new();
    for number in &arguments.drop_grant {
        narrowings.push(Narrowing::DropGrant(index(*number)?));
    }
    if let Some(number) = arguments.grant {
        let grant = index(number)?;
        let categories = arguments.drop_category.iter();
        narrowings.extend(
            categories.map(|code| Narrowing::DropCategory { grant, category: code.clone() }),
        );
        let senders = arguments.drop_sender.iter();
        narrowings
            .extend(senders.map(|sender| Narrowing::DropSender { grant, sender: sender.clone() }));
    }
    if let Some(until) = &arguments.until {
        narrowings.push(Narrowing::Until(parse_time(until)?));
    }
    Ok(narrowings)
}

/// Renews a consent with new evidence.
pub(crate) async fn renew(
    global: &Global,
    arguments: &RenewArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let digests = evidence(&arguments.evidence)?;
    let client = connect(global, None, output).await?;
    let previous = find(&client, &arguments.participant, arguments.consent).await?;
    let document = renewed(&previous, arguments.months, &digests, SystemClock.now_ms())?;
    let change = client.revise_consent_with(&document).await?;
    let record = change.receipt.record_number;
    let value = json!({
        "consent": change.consent_id,
        "revision": document.revision,
        "record": record,
    });
    output.result(&value, || {
        format!(
            "renewed: revision {} of consent {}\nlog record {record}",
            document.revision, change.consent_id
        )
    });
    Ok(Ending::Done)
}
