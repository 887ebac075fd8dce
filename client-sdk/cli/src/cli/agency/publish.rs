//! `schleuse agency publish`: the own entry, and what must not happen to it by mistake.

use schleuse_client::{
    AgencyEntry, Client, ClientError, EntryDetails, SealingKeys, SealingPublicKey,
};

use super::super::args::{Global, PublishArguments};
use super::super::output::Output;
use super::super::{Ending, connect, directory, files};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3600 * 1000;

pub(super) async fn run(
    global: &Global,
    arguments: &PublishArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let functions = arguments.function.iter().map(|text| {
        let (id, name) = text.split_once('=').unwrap_or((text, text));
        (id.trim().to_owned(), name.trim().to_owned())
    });
    let functions: Vec<(String, String)> = functions.collect();
    let keys = SealingKeys::load(&arguments.sealing)?;
    let keys: Vec<_> = keys.public_keys().cloned().collect();
    let details = arguments.details.details.as_deref();
    let details: Option<EntryDetails> = details.map(files::parse).transpose()?;
    let client = connect(global, None, output).await?;
    check_keys(&client, &keys).await?;
    let present = directory::own_entry(&client).await?;
    let dropped = present.as_ref().map(|entry| dropped(entry, &functions)).unwrap_or_default();
    if !dropped.is_empty() && !arguments.yes {
        let names = dropped.join(", ");
        let question = format!(
            "this takes functions from the entry: {names}; nobody can send there any more. Publish?"
        );
        if !output.ask(&question) {
            return Ok(Ending::Declined);
        }
    }
    let validity_ms = i64::from(arguments.days) * DAY_MS;
    let own = client.directory();
    let entry =
        own.publish_with(&arguments.name, &functions, &keys, validity_ms, details.as_ref()).await?;
    directory::show(&entry, output);
    Ok(Ending::Done)
}

/// Functions of the entry that are not among the new ones.
fn dropped(entry: &AgencyEntry, functions: &[(String, String)]) -> Vec<String> {
    let stays = |id: &String| functions.iter().any(|(other, _)| other == id);
    entry.functions.iter().map(|(id, _)| id).filter(|id| !stays(id)).cloned().collect()
}

/// What is sealed to another agency's keys cannot be opened here.
async fn check_keys(client: &Client, keys: &[SealingPublicKey]) -> Result<(), ClientError> {
    let own = client.agency();
    let entries = client.directory().list().await?;
    let mut others = entries.iter().flatten().filter(|entry| entry.agency != own);
    let is_theirs =
        |entry: &&AgencyEntry| entry.sealing_keys.iter().any(|it| keys.contains(&it.key));
    match others.find(is_theirs) {
        Some(entry) => Err(ClientError::Argument {
            what: "--sealing",
            expected: format!("keys of {own}; the file holds a key of {}", entry.agency),
        }),
        None => Ok(()),
    }
}
