//! Files of conferences that people write: plans and minutes.

use std::collections::BTreeSet;
use std::path::Path;

use schleuse_client::fallkonferenz::{Date, Item, PURPOSE, Plan};
use schleuse_client::german::{parse_begin, parse_end};
use schleuse_client::{Address, AgreementId, ClientError, ConferenceId, ItemId, v1};
use serde::Deserialize;

use crate::cli::files::parse;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    convener: String,
    bodies: BTreeSet<String>,
    place: String,
    answer_by: String,
    purpose: Option<String>,
    date: Vec<DateFile>,
    item: Vec<ItemFile>,
    #[serde(default)]
    professional_secret: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DateFile {
    starts_at: String,
    minutes: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemFile {
    title: String,
    #[serde(default)]
    categories: BTreeSet<String>,
    minutes: u32,
    #[serde(default)]
    notes: String,
    bodies: Option<BTreeSet<String>>,
    #[serde(default)]
    professional_secret: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MinutesFile {
    text: String,
    #[serde(default)]
    agreement: Vec<AgreementFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgreementFile {
    id: Option<String>,
    who: String,
    what: String,
    until: String,
}

/// Reads a plan.
pub(super) fn plan(path: &Path, about_participant: bool) -> Result<Plan, ClientError> {
    let file: PlanFile = parse(path)?;
    let items = file.item.into_iter().map(|item| {
        Ok(Item {
            id: ItemId::generate()?,
            title: item.title,
            categories: item.categories,
            minutes: item.minutes,
            notes: item.notes,
            bodies: item.bodies.as_ref().map(addresses).transpose()?,
            professional_secret: item.professional_secret,
        })
    });
    let dates = file.date.iter().map(|date| {
        let starts_at_ms = parse_begin("starts_at", &date.starts_at)?;
        Ok(Date { starts_at_ms, minutes: date.minutes })
    });
    Ok(Plan {
        conference: ConferenceId::generate()?,
        convener: file.convener.parse()?,
        purpose: file.purpose.unwrap_or_else(|| PURPOSE.to_owned()),
        about_participant,
        bodies: addresses(&file.bodies)?,
        items: items.collect::<Result<_, ClientError>>()?,
        dates: dates.collect::<Result<_, ClientError>>()?,
        place: file.place,
        answer_by_ms: parse_end("answer_by", &file.answer_by)?,
        professional_secret: file.professional_secret,
    })
}

/// Reads minutes: their text, and what was agreed.
pub(super) fn minutes(path: &Path) -> Result<(String, Vec<v1::Agreement>), ClientError> {
    let file: MinutesFile = parse(path)?;
    let agreements = file.agreement.into_iter().map(|one| {
        let id = one.id.map_or_else(AgreementId::generate, |id| id.parse())?;
        let who: Address = one.who.parse()?;
        Ok(v1::Agreement {
            agreement_id: id.as_bytes().to_vec().into(),
            agency: who.agency,
            function: who.function,
            what: one.what,
            until_ms: parse_end("until", &one.until)?,
        })
    });
    Ok((file.text, agreements.collect::<Result<_, ClientError>>()?))
}

fn addresses(texts: &BTreeSet<String>) -> Result<BTreeSet<Address>, ClientError> {
    texts.iter().map(|text| text.parse()).collect()
}
