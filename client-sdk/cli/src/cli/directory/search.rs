//! `schleuse directory search` and `add-contact`.

use schleuse_client::{Client, ClientError, Contact, DirectoryHit, DirectorySearch, Found, Offer};
use serde_json::{Value, json};

use super::super::Ending;
use super::super::args::{ContactArguments, SearchArguments};
use super::super::output::Output;
use super::super::table::Table;

/// Prints one page of what fits a search.
pub(super) async fn search(
    client: &Client,
    arguments: SearchArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let search = DirectorySearch {
        text: arguments.words.join(" "),
        agency_kind: arguments.kind,
        topic: arguments.topic,
        region: arguments.region,
        page_size: arguments.max,
        page: arguments.page,
    };
    let page = client.directory().search(&search).await?;
    let hits = page.hits.iter().map(hit_json).collect::<Value>();
    output.table(&json!({ "hits": hits, "next": page.next }), || {
        let head = ["agency", "what", "name", "topics", "region", "reach", "note"];
        let mut table = Table::new(&head, "nothing fits");
        page.hits.iter().for_each(|hit| rows(hit, &mut table));
        table
    });
    if let Some(next) = &page.next {
        output.note(&format!("there is more: --page {next}"));
    }
    page.faults.iter().for_each(|error| output.note(&format!("ALARM: {error}")));
    Ok(if page.faults.is_empty() { Ending::Done } else { Ending::Alarm })
}

fn rows(hit: &DirectoryHit, table: &mut Table) {
    let note = if hit.stale { "STALE" } else { "" };
    let mut row = |what: &str, name: &str, offer: &Offer| {
        table.row(vec![
            hit.agency.clone(),
            what.to_owned(),
            name.to_owned(),
            offer.topics.join(", "),
            offer.region.clone(),
            offer.reach.clone(),
            note.to_owned(),
        ]);
    };
    match &hit.what {
        Found::Agency => row("agency", &hit.agency_name, &Offer::default()),
        Found::Function(id, name, _) => {
            row("function", &format!("{id}: {name}"), &Offer::default())
        }
        Found::Offer(offer) => row("offer", &offer.title, offer),
        Found::Contact(contact) if contact.offers.is_empty() => {
            row("contact", &contact.display_name, &Offer::default());
        }
        Found::Contact(contact) => {
            for offer in &contact.offers {
                row("contact", &format!("{}: {}", contact.display_name, offer.title), offer);
            }
        }
    }
}

fn hit_json(hit: &DirectoryHit) -> Value {
    let what = match &hit.what {
        Found::Agency => json!({ "kind": "agency" }),
        Found::Function(id, name, description) => json!({
            "kind": "function", "function": id, "display_name": name, "description": description,
        }),
        Found::Offer(offer) => json!({ "kind": "offer", "offer": offer }),
        Found::Contact(contact) => json!({ "kind": "contact", "contact": contact }),
    };
    json!({
        "agency": hit.agency,
        "display_name": hit.agency_name,
        "stale": hit.stale,
        "what": what,
    })
}

/// The contact that the arguments describe.
pub(super) fn contact(arguments: ContactArguments) -> Contact {
    let ContactArguments { id, name, kind, offer, topic, region, reach } = arguments;
    let description = String::new();
    let offer = offer.map(|title| Offer { title, topics: topic, region, reach, description });
    Contact {
        contact: id,
        display_name: name,
        agency_kind: kind,
        offers: offer.into_iter().collect(),
    }
}
