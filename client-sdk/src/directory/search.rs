//! Search in the directory. The broker says which entries fit; what they say is believed by their signatures.

use schleuse_proto::v1;

use super::{AgencyEntry, Contact, Directory, Offer, verify};
use crate::error::ClientError;

/// What to search for; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectorySearch {
    /// Words that must all occur; case and umlauts do not matter.
    pub text: String,
    /// Kind of agency, a code.
    pub agency_kind: String,
    /// Topic, a code.
    pub topic: String,
    /// Part of the name of a region.
    pub region: String,
    /// At most that many hits, 1 to 100; 0: 50.
    pub page_size: u32,
    /// `next` of the page before; empty: from the beginning.
    pub page: String,
}

/// One page of hits.
#[derive(Debug, Default)]
pub struct DirectoryPage {
    /// Hits in verified entries.
    pub hits: Vec<DirectoryHit>,
    /// Entries that do not verify.
    pub faults: Vec<ClientError>,
    /// For the next page; none: this is the last.
    pub next: Option<String>,
}

/// Something in the directory that fits a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryHit {
    /// Agency whose entry it is in.
    pub agency: String,
    /// Its name for people.
    pub agency_name: String,
    /// Whether the entry was not confirmed for too long.
    pub stale: bool,
    /// What of the entry fits.
    pub what: Found,
}

/// What of an entry fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The agency as a whole.
    Agency,
    /// A function: identifier, name for people, description.
    Function(String, String, String),
    /// An offer of the agency.
    Offer(Offer),
    /// A contact.
    Contact(Contact),
}

impl Directory<'_> {
    /// Searches names, functions, offers and contacts.
    ///
    /// # Errors
    /// The search is too long, or the broker cannot be reached.
    pub async fn search(&self, search: &DirectorySearch) -> Result<DirectoryPage, ClientError> {
        let client = self.0;
        let request = v1::SearchDirectoryRequest {
            text: search.text.clone(),
            agency_kind: search.agency_kind.clone(),
            topic: search.topic.clone(),
            region: search.region.clone(),
            page_size: search.page_size,
            page_token: search.page.clone(),
        };
        let service = client.directory_service();
        let answer = client
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.search_directory(request).await }
            })
            .await?;
        let now_ms = client.now_ms();
        let mut page = DirectoryPage::default();
        let mut entries: Vec<AgencyEntry> = Vec::new();
        for entry in &answer.entries {
            match verify(entry, client.trust(), now_ms) {
                Ok(entry) => entries.push(entry),
                Err(error) => page.faults.push(error),
            }
        }
        let found = answer.hits.iter().filter_map(|hit| {
            let entry = entries.iter().find(|entry| entry.agency == hit.agency)?;
            Some(DirectoryHit {
                agency: entry.agency.clone(),
                agency_name: entry.display_name.clone(),
                stale: entry.stale,
                what: found(entry, hit.what.as_ref()?)?,
            })
        });
        page.hits = found.collect();
        page.next = Some(answer.next_page_token).filter(|token| !token.is_empty());
        Ok(page)
    }
}

/// What a hit names in a verified entry; none if it is not there.
fn found(entry: &AgencyEntry, what: &v1::directory_hit::What) -> Option<Found> {
    use v1::directory_hit::What;
    Some(match what {
        What::WholeAgency(_) => Found::Agency,
        What::Function(id) => {
            let (id, name) = entry.functions.iter().find(|(known, _)| known == id)?;
            Found::Function(id.clone(), name.clone(), entry.details.description(id))
        }
        What::Offer(place) => {
            let place = usize::try_from(*place).ok()?;
            Found::Offer(entry.details.offers.get(place)?.clone())
        }
        What::Contact(id) => {
            let contacts = &entry.details.contacts;
            Found::Contact(contacts.iter().find(|contact| contact.contact == *id)?.clone())
        }
    })
}
