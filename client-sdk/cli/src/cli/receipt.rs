//! `schleuse lotse consent receipt` and `check-code`: what the participant takes home, and asks about later.

use schleuse_client::{
    Client, ClientError, Clock as _, ConsentReceipt, FoundConsent, LogQuery, LogRow,
    ParticipantReference, RECEIPT_TYPES, SystemClock, find_by_code, format_time, rfc3339, v1,
};
use serde_json::{Value, json};

use super::args::{CheckCodeArguments, Global, ReceiptArguments};
use super::output::Output;
use super::{Ending, connect, files, report};

/// Writes the receipt of a consent, for people and for programs.
pub(crate) async fn write(
    global: &Global,
    arguments: &ReceiptArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let names = report::names(arguments.catalogue.as_deref())?;
    let texts = report::texts(arguments.text.as_slice())?;
    let client = connect(global, None, output).await?;
    let rows = consents(&client, &arguments.participant, "receipt of a consent").await?;
    let (participant, now_ms) = (&arguments.participant, SystemClock.now_ms());
    let receipt =
        ConsentReceipt::new(&rows, participant, arguments.consent, &names, &texts, now_ms)?;
    if let Some(path) = arguments.text.as_ref().filter(|_| !receipt.shows_text()) {
        let why = "is not the text of this consent's newest revision: its SHA-256 is another one; nothing was \
                   written. Without --text the receipt names the hash alone";
        return Err(ClientError::File { path: path.clone(), why: why.to_owned() });
    }
    let record = receipt.record_number();
    files::write(&arguments.out, receipt.to_html()?.as_bytes())?;
    if let Some(path) = &arguments.receipt_json {
        let proof = client.evidence(&[record]).await?;
        let json = format!("{:#}\n", receipt.to_json(&proof)?);
        files::write(path, json.as_bytes())?;
    }
    let code = receipt.code().to_string();
    let value = json!({
        "receipt": arguments.out.display().to_string(),
        "check_code": code,
        "record": record,
    });
    let text = || format!("wrote {}\ncheck code {code}", arguments.out.display());
    output.result(&value, text);
    Ok(Ending::Done)
}

/// Says which consent a check code is of, whether it is unchanged, and its state.
pub(crate) async fn check_code(
    global: &Global,
    arguments: &CheckCodeArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = connect(global, None, output).await?;
    let rows = consents(&client, &arguments.participant, "check code of a receipt").await?;
    let Some(found) = find_by_code(&rows, arguments.code, SystemClock.now_ms()) else {
        let none = json!({ "found": false });
        output.result(&none, || "no consent of this participant has this code".to_owned());
        return Ok(Ending::Declined);
    };
    output.result(&found_json(&found), || found_text(&found));
    Ok(Ending::Done)
}

/// All records about the consents of a participant.
async fn consents(
    client: &Client,
    participant: &ParticipantReference,
    reason: &str,
) -> Result<Vec<LogRow>, ClientError> {
    let query = LogQuery::new(reason).participant(participant).types(&RECEIPT_TYPES);
    Ok(client.query_all(&query).await?.rows)
}

fn state(found: &FoundConsent) -> &'static str {
    if found.ended && found.state != v1::ConsentState::Revoked {
        return "the participation has ended: nothing passes any more";
    }
    match found.state {
        v1::ConsentState::Active if found.restricted => "active, but processing is restricted",
        v1::ConsentState::Active if found.objections > 0 => {
            "active, but what objections are about does not pass"
        }
        v1::ConsentState::Active => "active",
        v1::ConsentState::NotYet => "not yet",
        v1::ConsentState::Expired => "expired",
        v1::ConsentState::Revoked => "revoked",
        v1::ConsentState::Suspended => "suspended",
        v1::ConsentState::Unspecified => "unknown",
    }
}

fn is_unchanged(found: &FoundConsent) -> bool {
    found.revision == found.newest_revision
}

fn found_json(found: &FoundConsent) -> Value {
    json!({
        "found": true,
        "consent": found.consent_id,
        "revision": found.revision,
        "newest_revision": found.newest_revision,
        "unchanged": is_unchanged(found),
        "state": state(found),
        "restricted": found.restricted,
        "ended": found.ended,
        "objections": found.objections,
        "recorded": rfc3339(found.recorded_ms),
    })
}

fn found_text(found: &FoundConsent) -> String {
    let change = if is_unchanged(found) {
        "unchanged".to_owned()
    } else {
        format!("changed since: revision {} is the newest", found.newest_revision)
    };
    format!(
        "consent {}, revision {}, recorded {}\n{change}\nstate: {}",
        found.consent_id,
        found.revision,
        format_time(found.recorded_ms),
        state(found)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_found_consent_says_whether_it_is_unchanged() {
        let consent_id = "00112233445566778899aabbccddeeff".parse().unwrap();
        let state = v1::ConsentState::Active;
        let mut found = FoundConsent {
            consent_id,
            revision: 1,
            newest_revision: 1,
            recorded_ms: 0,
            state,
            restricted: false,
            ended: false,
            objections: 0,
        };
        assert!(found_text(&found).contains("\nunchanged\nstate: active"));
        assert_eq!(found_json(&found)["unchanged"], true);
        (found.newest_revision, found.restricted) = (3, true);
        assert!(found_text(&found).contains("changed since: revision 3"));
        assert_eq!(found_json(&found)["state"], "active, but processing is restricted");
        (found.restricted, found.objections) = (false, 1);
        assert!(found_text(&found).contains("objections"), "{found:?}");
        found.ended = true;
        assert!(found_text(&found).contains("participation has ended"), "{found:?}");
    }
}
