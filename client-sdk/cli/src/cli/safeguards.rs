//! `schleuse lotse release`, `objection`, `deputy`, `reviews` and `participant end`.

use schleuse_client::{
    Change, ChangePreview, Client, ClientError, Clock as _, ConsentId, DEPUTY_PURPOSE, Objection,
    ObjectionRecord, RevocationEffect, SecrecyRelease, SecrecyReleaseRecord, SystemClock,
    deputy_consent, format_time, months_later, parse_time, rfc3339, v1,
};
use schleuse_proto::evidence::{Digest, sha256};
use serde_json::{Value, json};

use super::args::{
    DeputyArguments, DeputyCommand, EndArguments, Global, ObjectionArguments, ObjectionCommand,
    ReleaseArguments, ReleaseCommand, ReviewsArguments,
};
use super::lotse::{self, EVIDENCE_BYTES_MAX, wire_address};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect, files, person, recipients};

/// Shows what a change stops, and asks whether it shall be made.
pub(crate) async fn asked(
    client: &Client,
    change: &Change,
    yes: bool,
    question: &str,
    output: &Output,
) -> Result<Option<ChangePreview>, ClientError> {
    let preview = client.preview_change(change).await?;
    output.note(&format!("this stops {} waiting messages, and:", preview.stopped_messages));
    output.note(&effects_table(&preview.effects).to_string());
    if preview.truncated {
        output.note("more may end: there are too many grants to compare them all");
    }
    if !yes && !output.ask(question) {
        output.note("nothing was changed");
        return Ok(None);
    }
    Ok(Some(preview))
}

/// Rows of a preview.
pub(crate) fn effects_table(effects: &[RevocationEffect]) -> Table {
    let head = ["from", "to", "purpose", "waiting", "otherwise covered"];
    let mut table = Table::new(&head, "nothing that is in force now");
    for effect in effects {
        table.row(vec![
            effect.sender.clone(),
            effect.recipient.to_string(),
            effect.purpose.clone(),
            effect.queued_messages.to_string(),
            if effect.partly_covered_otherwise { "partly" } else { "no" }.to_owned(),
        ]);
    }
    table
}

/// Rows of a preview as JSON.
pub(crate) fn effects_json(effects: &[RevocationEffect]) -> Value {
    let rows = effects.iter().map(|effect| {
        json!({
            "sender": effect.sender,
            "recipient": effect.recipient,
            "purpose": effect.purpose,
            "queued_messages": effect.queued_messages,
            "partly_covered_otherwise": effect.partly_covered_otherwise,
        })
    });
    rows.collect()
}

/// SHA-256 of files of evidence, each read by itself.
pub(crate) fn evidence(paths: &[std::path::PathBuf]) -> Result<Vec<Digest>, ClientError> {
    let files = paths.iter().map(|path| {
        let file = files::read(path, EVIDENCE_BYTES_MAX)?;
        if file.is_empty() || file.len() > EVIDENCE_BYTES_MAX {
            let why = "evidence has 1 byte to 64 MiB".to_owned();
            return Err(ClientError::File { path: path.clone(), why });
        }
        Ok(sha256(&[&file]))
    });
    files.collect()
}

/// Runs a command about releases.
pub(crate) async fn release(
    global: &Global,
    command: ReleaseCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        ReleaseCommand::Record(arguments) => {
            let not_yet = arguments.not_yet_in_directory;
            let release = build(*arguments, SystemClock.now_ms())?;
            let client = connect(global, None, output).await?;
            let functions = [("--holder", &release.holder), ("--addressee", &release.addressee)];
            recipients::check_named(&client, &functions, not_yet).await?;
            let change = client.record_secrecy_release(&release).await?;
            let record = change.receipt.record_number;
            let value = json!({ "release": change.id, "record": record });
            output.result(&value, || format!("release {}\nlog record {record}", change.id));
        }
        ReleaseCommand::List { participant } => {
            let client = connect(global, None, output).await?;
            let releases = client.list_safeguards(&participant).await?.releases;
            let value = releases.iter().map(release_json).collect::<Value>();
            output.table(&value, || release_table(&releases));
        }
        ReleaseCommand::Revoke { participant, release, yes } => {
            let client = connect(global, None, output).await?;
            let releases = client.list_safeguards(&participant).await?.releases;
            let found = releases.iter().find(|known| known.id == release);
            let found = found.ok_or_else(|| missing("release"))?;
            let question = format!("revoke release {release}?");
            let change = Change::ReleaseRevocation(release);
            let Some(preview) = asked(&client, &change, yes, &question, output).await? else {
                return Ok(Ending::Declined);
            };
            let change = client.revoke_secrecy_release(found).await?;
            let value = json!({
                "release": release,
                "record": change.receipt.record_number,
                "stopped_messages": change.stopped_messages,
                "effects": effects_json(&preview.effects),
            });
            output.result(&value, || {
                format!(
                    "revoked: no professional secret leaves under release {release} any more\n\
                     {} waiting messages stopped, log record {}",
                    change.stopped_messages, change.receipt.record_number
                )
            });
        }
    }
    Ok(Ending::Done)
}

fn build(arguments: ReleaseArguments, now_ms: i64) -> Result<SecrecyRelease, ClientError> {
    Ok(SecrecyRelease {
        text: files::read_text(&arguments.text)?,
        evidence: evidence(&arguments.evidence)?,
        participant: arguments.participant,
        holder: arguments.holder,
        addressee: arguments.addressee,
        categories: arguments.category,
        purposes: arguments.purpose,
        not_before_ms: now_ms,
        not_after_ms: months_later(now_ms, arguments.months)?,
        text_version: arguments.text_version,
        language: arguments.language,
    })
}

fn missing(what: &'static str) -> ClientError {
    ClientError::Argument { what, expected: "one of this participant".to_owned() }
}

fn state(state: v1::SafeguardState) -> &'static str {
    match state {
        v1::SafeguardState::Active => "active",
        v1::SafeguardState::NotYet => "not yet",
        v1::SafeguardState::Expired => "expired",
        v1::SafeguardState::Ended => "ended",
        v1::SafeguardState::Unspecified => "unknown",
    }
}

fn release_table(releases: &[SecrecyReleaseRecord]) -> Table {
    let head = ["release", "state", "holder", "addressee", "purposes", "categories", "until"];
    let mut table = Table::new(&head, "no releases");
    for release in releases {
        let document = &release.document;
        table.row(vec![
            release.id.to_string(),
            state(release.state).to_owned(),
            wire_address(document.holder.as_ref()),
            wire_address(document.addressee.as_ref()),
            document.purposes.join(","),
            document.categories.join(","),
            format_time(document.not_after_ms),
        ]);
    }
    table
}

fn release_json(release: &SecrecyReleaseRecord) -> Value {
    let document = &release.document;
    json!({
        "release": release.id,
        "state": state(release.state),
        "holder": wire_address(document.holder.as_ref()),
        "addressee": wire_address(document.addressee.as_ref()),
        "purposes": document.purposes,
        "categories": document.categories,
        "not_before": rfc3339(document.not_before_ms),
        "not_after": rfc3339(document.not_after_ms),
        "revoked_at": release.revoked_at_ms.map(rfc3339),
        "record": release.receipt.record_number,
    })
}

/// Runs a command about objections.
pub(crate) async fn objection(
    global: &Global,
    command: ObjectionCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        ObjectionCommand::Record(arguments) => {
            let client = connect(global, None, output).await?;
            return object(&client, arguments, output).await;
        }
        ObjectionCommand::List { participant } => {
            let client = connect(global, None, output).await?;
            let objections = client.list_safeguards(&participant).await?.objections;
            let value = objections.iter().map(objection_json).collect::<Value>();
            output.table(&value, || objection_table(&objections));
        }
        ObjectionCommand::Withdraw { participant, objection } => {
            let client = connect(global, None, output).await?;
            let objections = client.list_safeguards(&participant).await?.objections;
            let found = objections.iter().find(|known| known.id == objection);
            let found = found.ok_or_else(|| missing("objection"))?;
            let record = client.withdraw_objection(found).await?.receipt.record_number;
            output.result(&json!({ "objection": objection, "record": record }), || {
                format!("ended: the consents alone decide again\nlog record {record}")
            });
        }
    }
    Ok(Ending::Done)
}

async fn object(
    client: &Client,
    arguments: ObjectionArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let (functions, not_yet) = (&arguments.recipient, arguments.not_yet_in_directory);
    let functions: Vec<_> = functions.iter().map(|to| ("--recipient", to)).collect();
    recipients::check_named(client, &functions, not_yet).await?;
    let objection = Objection {
        participant: arguments.participant,
        recipients: arguments.recipient,
        agencies: arguments.agency,
        purposes: arguments.purpose,
        categories: arguments.category,
        until_ms: arguments.until.as_deref().map(parse_time).transpose()?,
    };
    let change = Change::Objection(Box::new(objection.clone()));
    let question = if is_to_everything(&objection) {
        "no recipient, agency, purpose or category is named: this objects to everything. Record this objection?"
    } else {
        "record this objection?"
    };
    let asked = asked(client, &change, arguments.yes, question, output).await?;
    let Some(preview) = asked else { return Ok(Ending::Declined) };
    let change = client.record_objection(&objection).await?;
    let value = json!({
        "objection": change.id,
        "record": change.receipt.record_number,
        "stopped_messages": change.stopped_messages,
        "effects": effects_json(&preview.effects),
    });
    output.result(&value, || {
        format!(
            "objection {}: nothing {} leaves any more\n\
             {} waiting messages stopped, log record {}",
            change.id,
            if is_to_everything(&objection) { "at all" } else { "that it meets" },
            change.stopped_messages,
            change.receipt.record_number
        )
    });
    Ok(Ending::Done)
}

/// Whether nothing about the participant passes while it holds.
fn is_to_everything(objection: &Objection) -> bool {
    objection.recipients.is_empty()
        && objection.agencies.is_empty()
        && objection.purposes.is_empty()
        && objection.categories.is_empty()
}

fn or_all(codes: &[String]) -> String {
    if codes.is_empty() { "all".to_owned() } else { codes.join(",") }
}

fn parties(document: &v1::ObjectionDocument) -> Vec<String> {
    let recipients = document.recipients.iter().map(|to| wire_address(Some(to)));
    recipients.chain(document.agencies.iter().cloned()).collect()
}

fn objection_table(objections: &[ObjectionRecord]) -> Table {
    let head = ["objection", "state", "to", "purposes", "categories", "until"];
    let mut table = Table::new(&head, "no objections");
    for objection in objections {
        let document = &objection.document;
        let until = document.until_ms;
        table.row(vec![
            objection.id.to_string(),
            state(objection.state).to_owned(),
            or_all(&parties(document)),
            or_all(&document.purposes),
            or_all(&document.categories),
            if until == 0 { String::new() } else { format_time(until) },
        ]);
    }
    table
}

fn objection_json(objection: &ObjectionRecord) -> Value {
    let document = &objection.document;
    json!({
        "objection": objection.id,
        "state": state(objection.state),
        "parties": parties(document),
        "purposes": document.purposes,
        "categories": document.categories,
        "until": (document.until_ms != 0).then(|| rfc3339(document.until_ms)),
        "ended_at": objection.ended_at_ms.map(rfc3339),
        "record": objection.receipt.record_number,
    })
}

/// Runs a command about deputies.
pub(crate) async fn deputy(
    global: &Global,
    command: DeputyCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        DeputyCommand::Appoint(arguments) => appoint(global, &arguments, output).await,
        DeputyCommand::End(arguments) => {
            let client = connect(global, None, output).await?;
            check_deputy(&client, arguments.consent).await?;
            lotse::revoke(&client, &arguments, output).await
        }
    }
}

/// Refuses to end as a deputy's what permits anything else.
async fn check_deputy(client: &Client, consent: ConsentId) -> Result<(), ClientError> {
    let effects = client.preview_revocation(consent).await?.effects;
    let why = if effects.is_empty() {
        format!("nothing under consent {consent} is in force: it is over or revoked")
    } else if effects.iter().all(|effect| effect.purpose == DEPUTY_PURPOSE) {
        return Ok(());
    } else if effects.iter().any(|effect| effect.purpose == DEPUTY_PURPOSE) {
        format!(
            "consent {consent} is not of a deputy alone; to take the deputy out of it: \
             schleuse lotse consent narrow --drop-grant"
        )
    } else {
        format!("consent {consent} is not of a deputy; to revoke it: schleuse lotse consent revoke")
    };
    Err(ClientError::Precondition { what: "--consent", why })
}

async fn appoint(
    global: &Global,
    arguments: &DeputyArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let now_ms = SystemClock.now_ms();
    let text = files::read_text(&arguments.text)?;
    let digests = evidence(&arguments.evidence)?;
    let client = connect(global, None, output).await?;
    let (lotse, yes) = (&arguments.lotse, arguments.yes);
    if !person::confirmed(&client, lotse, person::Act::Deputy, yes, output)? {
        return Ok(Ending::Declined);
    }
    let own = client.agency().to_owned();
    let categories: Vec<&str> = arguments.category.iter().map(String::as_str).collect();
    let (participant, months) = (&arguments.participant, arguments.months);
    let mut consent = deputy_consent(participant, &own, lotse, &categories, now_ms, months)?.text(
        &arguments.text_version,
        &text,
        "de",
    );
    for digest in &digests {
        consent = consent.evidence_digest(digest);
    }
    let change = client.record_consent(&consent).await?;
    let record = change.receipt.record_number;
    let value = json!({ "consent": change.consent_id, "lotse": arguments.lotse, "record": record });
    output.result(&value, || {
        format!(
            "{} is deputy under consent {}\nlog record {record}",
            arguments.lotse, change.consent_id
        )
    });
    Ok(Ending::Done)
}

/// Lists what is to be reviewed.
pub(crate) async fn reviews(
    global: &Global,
    arguments: &ReviewsArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = connect(global, None, output).await?;
    let reviews = client.list_reviews(arguments.days).await?;
    let name = |state: v1::ReviewState| match state {
        v1::ReviewState::Due => "due",
        v1::ReviewState::Overdue => "overdue",
        v1::ReviewState::Missed => "missed: suspended",
        v1::ReviewState::Unspecified => "unknown",
    };
    let value = reviews.iter().map(|review| {
        json!({
            "participant": review.participant.as_text(),
            "consent": review.consent_id,
            "review_by": rfc3339(review.review_by_ms),
            "suspended_from": review.suspended_from_ms.map(rfc3339),
            "state": name(review.state),
        })
    });
    output.table(&value.collect::<Value>(), || {
        let head = ["participant", "consent", "review by", "suspended from", "state"];
        let mut table = Table::new(&head, "nothing to review");
        for review in &reviews {
            table.row(vec![
                review.participant.as_text().to_owned(),
                review.consent_id.to_string(),
                format_time(review.review_by_ms),
                review.suspended_from_ms.map(format_time).unwrap_or_default(),
                name(review.state).to_owned(),
            ]);
        }
        table
    });
    Ok(Ending::Done)
}

/// Ends a participation.
pub(crate) async fn end(
    client: &Client,
    arguments: &EndArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let change = Change::ParticipationEnd(arguments.participant.clone());
    let question = "end this participation for good?";
    let Some(preview) = asked(client, &change, arguments.yes, question, output).await? else {
        return Ok(Ending::Declined);
    };
    let change = client.end_participation(&arguments.participant).await?;
    let value = json!({
        "record": change.receipt.record_number,
        "stopped_messages": change.stopped_messages,
        "effects": effects_json(&preview.effects),
    });
    output.result(&value, || {
        format!(
            "ended: nothing about this participant leaves any more\n\
             {} waiting messages stopped, log record {}",
            change.stopped_messages, change.receipt.record_number
        )
    });
    Ok(Ending::Done)
}
