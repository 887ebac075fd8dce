//! `schleuse lotse`.

use std::time::Duration;

use schleuse_client::{
    Address, Client, ClientError, Clock as _, ConsentBuilder, ConsentRecord, Content, Draft, Grant,
    HeldBack, Representation, SafeguardRecords, SystemClock, format_time, held_back, hex,
    months_later, parse_time, rfc3339, v1,
};
use serde_json::{Value, json};

use super::agency::show_outcome;
use super::args::{
    ConsentCommand, Global, IntroduceArguments, LotseCommand, ParticipantCommand, RecordArguments,
    RepresentationArguments, RevokeArguments,
};
use super::output::Output;
use super::table::Table;
use super::{
    Ending, conference, connect, console, deadlines, files, narrow, options, person, planning,
    receipt, recipients, report, rights, safeguards, template,
};

/// Largest file of evidence, in bytes.
pub(super) const EVIDENCE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long an introduction may wait.
const INTRODUCTION_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Runs a command of the Lotse. What the broker refuses is said in the command's own words.
pub(crate) async fn run(
    global: &Global,
    command: LotseCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    run_command(global, command, output).await.map_err(options::named)
}

#[expect(clippy::too_many_lines, reason = "one arm for each command, each of them flat")]
async fn run_command(
    global: &Global,
    command: LotseCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    // Files are read before anything is asked of the broker.
    match command {
        LotseCommand::Participant(command) => {
            let client = connect(global, None, output).await?;
            participant(&client, command, output).await
        }
        LotseCommand::Consent(ConsentCommand::Record(arguments)) => {
            let now_ms = SystemClock.now_ms();
            let grants = grants(&arguments, now_ms)?;
            let consent = build(&arguments, &grants, now_ms)?;
            let client = connect(global, None, output).await?;
            recipients::check(&client, &grants, arguments.not_yet_in_directory).await?;
            let change = client.record_consent(&consent).await?;
            let record = change.receipt.record_number;
            let value = json!({ "consent": change.consent_id, "record": record });
            output.result(&value, || format!("consent {}\nlog record {record}", change.consent_id));
            Ok(Ending::Done)
        }
        LotseCommand::Consent(ConsentCommand::List { participant }) => {
            let client = connect(global, None, output).await?;
            let consents = client.list_consents(&participant).await?;
            let beside = client.list_safeguards(&participant).await?;
            let value = consents.iter().map(|one| consent_json(one, &beside)).collect::<Value>();
            output.table(&value, || consent_table(&consents, &beside));
            Ok(Ending::Done)
        }
        LotseCommand::Consent(ConsentCommand::Confirm {
            participant,
            consent,
            next_review_months,
        }) => {
            let client = connect(global, None, output).await?;
            let found = narrow::find(&client, &participant, consent).await?;
            let next = next_review_months.map(|months| months_later(SystemClock.now_ms(), months));
            let next = next.transpose()?;
            let record = client.confirm_consent(&found, next).await?.record_number;
            output.result(&json!({ "consent": consent, "record": record }), || {
                format!("confirmed and reviewed: what waits under it goes on\nlog record {record}")
            });
            Ok(Ending::Done)
        }
        LotseCommand::Consent(ConsentCommand::Narrow(arguments)) => {
            narrow::narrow(global, &arguments, output).await
        }
        LotseCommand::Consent(ConsentCommand::Renew(arguments)) => {
            narrow::renew(global, &arguments, output).await
        }
        LotseCommand::Release(command) => safeguards::release(global, command, output).await,
        LotseCommand::Objection(command) => safeguards::objection(global, command, output).await,
        LotseCommand::Deputy(command) => safeguards::deputy(global, command, output).await,
        LotseCommand::Reviews(arguments) => safeguards::reviews(global, &arguments, output).await,
        LotseCommand::Consent(ConsentCommand::Revoke(arguments)) => {
            revoke(&connect(global, None, output).await?, &arguments, output).await
        }
        LotseCommand::Consent(ConsentCommand::Receipt(arguments)) => {
            receipt::write(global, &arguments, output).await
        }
        LotseCommand::Consent(ConsentCommand::CheckCode(arguments)) => {
            receipt::check_code(global, &arguments, output).await
        }
        LotseCommand::Console(arguments) => console::of_lotse(global, &arguments, output).await,
        LotseCommand::Conference(command) => conference::run(global, command, output).await,
        LotseCommand::Introduce(arguments) => introduce(global, arguments, output).await,
        LotseCommand::Tasks => planning::tasks(&connect(global, None, output).await?, output).await,
        LotseCommand::Task(command) => {
            planning::task(&connect(global, None, output).await?, command, output).await
        }
        LotseCommand::Participation(command) => {
            planning::participation(&connect(global, None, output).await?, command, output).await
        }
        LotseCommand::Places => {
            planning::places(&connect(global, None, output).await?, output).await
        }
        LotseCommand::Report(arguments) => report::run(global, &arguments, output).await,
        LotseCommand::Deadlines(arguments) => deadlines::lotse(global, &arguments, output).await,
        LotseCommand::Template(command) => template::run(&command, output),
    }
}

async fn participant(
    client: &Client,
    command: ParticipantCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        ParticipantCommand::Register => {
            let (reference, receipt) = client.register_participant().await?;
            let value =
                json!({ "participant": reference.as_text(), "record": receipt.record_number });
            output.result(&value, || reference.as_text().to_owned());
        }
        ParticipantCommand::List => {
            let references = client.list_participants().await?;
            let value = references.iter().map(|r| json!(r.as_text())).collect::<Value>();
            output.table(&value, || {
                let mut table = Table::new(&["participant"], "no participants");
                references.iter().for_each(|r| table.row(vec![r.as_text().to_owned()]));
                table
            });
        }
        ParticipantCommand::Reference { participant, agency } => {
            let reference = client.assign_reference(&participant, &agency).await?;
            let value = json!({ "agency": agency, "reference": reference.as_text() });
            output.result(&value, || reference.as_text().to_owned());
        }
        ParticipantCommand::Restrict(arguments) => {
            return rights::restrict(client, &arguments, output).await;
        }
        ParticipantCommand::End(arguments) => {
            return safeguards::end(client, &arguments, output).await;
        }
        ParticipantCommand::HandOver { participant, lotse, yes } => {
            if !person::confirmed(client, &lotse, person::Act::HandOver, yes, output)? {
                return Ok(Ending::Declined);
            }
            let record = client.assign_lotse(&participant, &lotse).await?.record_number;
            output.result(&json!({ "lotse": lotse, "record": record }), || {
                format!("handed over to {lotse}, log record {record}")
            });
        }
    }
    Ok(Ending::Done)
}

fn build(
    arguments: &RecordArguments,
    grants: &[Grant],
    now_ms: i64,
) -> Result<ConsentBuilder, ClientError> {
    let releases = arguments.grants.as_deref().map(template::releases).transpose()?;
    let releases = releases.unwrap_or_default();
    let consent = ConsentBuilder::new(arguments.participant.clone())
        .form(arguments.form.into())
        .review_by(months_later(now_ms, arguments.review_months)?);
    let mut consent = template::text(consent, &arguments.source, grants, &releases)?;
    for release in &releases {
        let categories: Vec<&str> = release.categories.iter().map(String::as_str).collect();
        consent = consent.release_from_secrecy(&release.holder, &release.to, &categories);
    }
    for grant in grants {
        consent = consent.grant(grant.clone());
    }
    if let Some(representation) = representation(&arguments.representation)? {
        consent = consent.given_by_representative(&representation);
    }
    for digest in safeguards::evidence(&arguments.evidence)? {
        consent = consent.evidence_digest(&digest);
    }
    Ok(consent)
}

fn representation(
    arguments: &RepresentationArguments,
) -> Result<Option<Representation>, ClientError> {
    let Some(representative) = arguments.representative else { return Ok(None) };
    Ok(Some(Representation {
        kind: representative.into(),
        scope: arguments.scope.clone().unwrap_or_default(),
        categories: arguments.scope_category.clone(),
        purposes: arguments.scope_purpose.clone(),
        until_ms: arguments.scope_until.as_deref().map(parse_time).transpose()?,
    }))
}

fn grants(arguments: &RecordArguments, now_ms: i64) -> Result<Vec<Grant>, ClientError> {
    let of = |from: &[String], to: Address, purpose: &str, categories: &[String], months| {
        let (not_before_ms, not_after_ms) = template::interval(&arguments.source, now_ms, months)?;
        Ok(Grant {
            senders: from.to_vec(),
            recipient: to,
            purpose: purpose.to_owned(),
            categories: categories.to_vec(),
            not_before_ms,
            not_after_ms,
        })
    };
    if let Some(path) = &arguments.grants {
        let grants = files::grants(path)?;
        let grants =
            grants.iter().map(|g| of(&g.from, g.to.parse()?, &g.purpose, &g.categories, g.months));
        return grants.collect();
    }
    let missing = || ClientError::Argument {
        what: "grant",
        expected: "--to, --from, --purpose and --category, or --grants".to_owned(),
    };
    let to = arguments.to.clone().ok_or_else(missing)?;
    let purpose = arguments.purpose.as_deref().ok_or_else(missing)?;
    Ok(vec![of(&arguments.from, to, purpose, &arguments.category, arguments.months)?])
}

pub(super) async fn revoke(
    client: &Client,
    arguments: &RevokeArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let preview = client.preview_revocation(arguments.consent).await?;
    output.note("this revocation stops:");
    output.note(&safeguards::effects_table(&preview.effects).to_string());
    if !arguments.yes && !output.ask(&format!("revoke consent {}?", arguments.consent)) {
        output.note("nothing was changed");
        return Ok(Ending::Declined);
    }
    let change = client.revoke_consent(arguments.consent).await?;
    let record = change.receipt.record_number;
    let value = json!({
        "consent": change.consent_id,
        "record": record,
        "stopped_messages": change.stopped_messages,
        "effects": safeguards::effects_json(&preview.effects),
    });
    output.result(&value, || {
        format!(
            "revoked: nothing leaves under consent {} any more\n\
             {} waiting messages stopped, log record {record}",
            change.consent_id, change.stopped_messages
        )
    });
    Ok(Ending::Done)
}

async fn introduce(
    global: &Global,
    arguments: IntroduceArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let content = Content::introduction(&arguments.name, &arguments.born, &arguments.file_number)?;
    let client = connect(global, None, output).await?;
    // The recipient's own reference must exist before the introduction names it.
    client.assign_reference(&arguments.participant, &arguments.to.agency).await?;
    let draft = Draft {
        professional_secret: false,
        participant_reference: arguments.participant,
        recipient: arguments.to,
        sender_function: arguments.function,
        kind: arguments.kind,
        purpose: arguments.purpose,
        categories: arguments.category,
        thread_id: None,
        expires_in: INTRODUCTION_LIFE,
        content,
        suite: None,
    };
    let outcome = client.send(draft).await?;
    Ok(show_outcome(&outcome, None, output))
}

/// What holds back a grant, in words.
fn held_back_by(
    consent: &ConsentRecord,
    grant: &v1::Grant,
    beside: &SafeguardRecords,
) -> Vec<&'static str> {
    let words = |held: HeldBack| match held {
        HeldBack::ParticipationEnded => "participation ended",
        HeldBack::Restricted => "restriction",
        HeldBack::Objected => "objection",
        HeldBack::ObjectedInPart => "objection (in part)",
    };
    held_back(consent, grant, beside).into_iter().map(words).collect()
}

fn state(consent: &ConsentRecord) -> &'static str {
    match consent.state {
        v1::ConsentState::Active => "active",
        v1::ConsentState::NotYet => "not yet",
        v1::ConsentState::Expired => "expired",
        v1::ConsentState::Revoked => "revoked",
        v1::ConsentState::Suspended => "suspended",
        v1::ConsentState::Unspecified => "unknown",
    }
}

pub(super) fn wire_address(address: Option<&v1::Address>) -> String {
    address.map(|a| format!("{}/{}", a.agency, a.function)).unwrap_or_default()
}

fn consent_table(consents: &[ConsentRecord], beside: &SafeguardRecords) -> Table {
    let head = [
        "consent",
        "rev",
        "state",
        "held back by",
        "grant",
        "from",
        "to",
        "purpose",
        "categories",
        "until",
        "given by",
    ];
    let mut table = Table::new(&head, "no consents");
    for consent in consents {
        for (grant, number) in consent.document.grants.iter().zip(1..) {
            let number: u32 = number;
            table.row(vec![
                consent.consent_id.to_string(),
                consent.document.revision.to_string(),
                state(consent).to_owned(),
                held_back_by(consent, grant, beside).join(", "),
                number.to_string(),
                grant.senders.join(","),
                wire_address(grant.recipient.as_ref()),
                grant.purpose.clone(),
                grant.categories.join(","),
                format_time(grant.not_after_ms),
                given_by(&consent.document),
            ]);
        }
    }
    table
}

fn representative_kind(kind: v1::RepresentationKind) -> &'static str {
    match kind {
        v1::RepresentationKind::ParentOrGuardian => "parent-or-guardian",
        v1::RepresentationKind::Betreuer => "betreuer",
        v1::RepresentationKind::PowerOfAttorney => "power-of-attorney",
        // Documents from before kinds were asked for.
        v1::RepresentationKind::Unspecified => "representative",
    }
}

/// Who consented, in a cell of a table.
fn given_by(document: &v1::ConsentDocument) -> String {
    match document.given_by.as_ref().filter(|by| by.representative) {
        None => "participant".to_owned(),
        Some(by) => format!("{}: {}", representative_kind(by.kind()), by.scope),
    }
}

fn given_by_json(document: &v1::ConsentDocument) -> Value {
    match document.given_by.as_ref().filter(|by| by.representative) {
        None => json!({ "representative": null }),
        Some(by) => json!({
            "representative": representative_kind(by.kind()),
            "scope": by.scope,
            "purposes": by.purposes,
            "categories": by.categories,
            "until": (by.until_ms != 0).then(|| rfc3339(by.until_ms)),
        }),
    }
}

fn consent_json(consent: &ConsentRecord, beside: &SafeguardRecords) -> Value {
    let document = &consent.document;
    json!({
        "consent": consent.consent_id,
        "revision": document.revision,
        "state": state(consent),
        "grants": document.grants.iter().map(|grant| json!({
            "from": grant.senders,
            "to": wire_address(grant.recipient.as_ref()),
            "purpose": grant.purpose,
            "categories": grant.categories,
            "not_before": rfc3339(grant.not_before_ms),
            "not_after": rfc3339(grant.not_after_ms),
            "held_back_by": held_back_by(consent, grant, beside),
        })).collect::<Vec<_>>(),
        "given_by": given_by_json(document),
        "text_version": document.text.as_ref().map(|text| text.version.clone()),
        "evidence_hashes": document.evidence_hashes.iter().map(|h| hex(h)).collect::<Vec<_>>(),
        "review_by": rfc3339(consent.review_by_ms),
        "review_missed": consent.review_missed,
        "signed_at": rfc3339(document.signed_at_ms),
        "revoked_at": consent.revoked_at_ms.map(rfc3339),
        "record": consent.receipt.record_number,
    })
}
