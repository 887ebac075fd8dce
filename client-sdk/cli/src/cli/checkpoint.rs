//! `schleuse checkpoint`: what is kept of the broker's log, and what others say of it.

use schleuse_client::{Client, ClientError, Clock as _, SystemClock};
use schleuse_proto::cosignature::CosignatureVerifier;
use serde_json::json;

use super::args::{CheckpointCommand, Global};
use super::output::Output;
use super::{Ending, connect, connect_unchecked};

/// Runs a command about checkpoints.
pub(crate) async fn run(
    global: &Global,
    command: CheckpointCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        CheckpointCommand::Show { witness } => show(global, &witness, output).await,
        CheckpointCommand::Accept { yes } => {
            let client = connect_unchecked(global, output).await?;
            accept(&client, yes, output).await
        }
    }
}

async fn show(global: &Global, keys: &[String], output: &Output) -> Result<Ending, ClientError> {
    let keys = keys.iter().map(|key| {
        CosignatureVerifier::new(key).map_err(|error| ClientError::Argument {
            what: "witness",
            expected: format!("a public key of a witness: {error}"),
        })
    });
    let keys: Vec<CosignatureVerifier> = keys.collect::<Result<_, _>>()?;
    let client = connect(global, None, output).await?;
    let size = client.checkpoints().newest().map_or(0, |newest| newest.size);
    let cosigned = client.cosigned_checkpoint().await?;
    let now_s = u64::try_from(SystemClock.now_ms() / 1000).unwrap_or_default();
    let witnesses: Vec<(String, Option<u64>)> = keys
        .iter()
        .map(|key| {
            let said = cosigned.as_ref().and_then(|note| key.verify(&note.note).ok());
            (key.name().to_owned(), said.map(|said| now_s.saturating_sub(said.time_s)))
        })
        .collect();
    let cosigned_size = cosigned.as_ref().map(|note| note.size);
    let value = json!({
        "size": size,
        "cosigned_size": cosigned_size,
        "witnesses": witnesses.iter().map(|(name, age)| json!({ "name": name, "age_seconds": age })).collect::<Vec<_>>(),
    });
    output.result(&value, || {
        let mut text = format!("the log has {size} records and continues what was kept here");
        match cosigned_size {
            Some(size) => text += &format!("\nwitnesses cosigned {size} records"),
            None => text += "\nno witness has cosigned it",
        }
        for (name, age) in &witnesses {
            let age = age.map_or("has not cosigned this".to_owned(), |age| format!("{age} s ago"));
            text += &format!("\n{name}: {age}");
        }
        text
    });
    Ok(Ending::Done)
}

async fn accept(client: &Client, yes: bool, output: &Output) -> Result<Ending, ClientError> {
    let question = "the broker lost records that this client has seen. Has its operator explained what happened, \
                    and should its log be followed from now on?";
    if !yes && !output.ask(question) {
        output.note("nothing was changed");
        return Ok(Ending::Declined);
    }
    let accepted = client.accept_reconciliation().await?;
    let (abandoned, followed) = (accepted.abandoned.size, accepted.followed.size);
    let value = json!({
        "record": accepted.record_number,
        "abandoned_size": abandoned,
        "followed_size": followed,
        "found_size": accepted.found_size,
        "lost_records": accepted.lost_records,
    });
    output.result(&value, || {
        format!(
            "the log is followed from {followed} records on; it was reconciled in record {} after {} records were \
             lost. The checkpoint over {abandoned} records is kept as evidence",
            accepted.record_number, accepted.lost_records
        )
    });
    Ok(Ending::Done)
}
