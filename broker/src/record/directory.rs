//! Directory documents: from canonical bytes to what the broker needs of them, and search.
//!
//! Institutional data only: what is here is public to every connected agency.

use schleuse_proto::v1;

use super::documents::{DocumentError, agency, canonical, invalid};
use crate::domain::ids::{Address, AgencyId};
use crate::domain::planning::Renewal;
use crate::domain::refusal::Refusal;
use schleuse_proto::identity::is_part;

/// Largest directory document in bytes.
pub const DIRECTORY_BYTES_MAX: usize = 32 * 1024;
/// Most offers of an agency, and most contacts.
const OFFERS_MAX: usize = 64;
/// Most offers of a contact.
const CONTACT_OFFERS_MAX: usize = 16;
/// Most topics of an offer.
const TOPICS_MAX: usize = 8;
/// Longest search in characters.
const SEARCH_CHARACTERS_MAX: usize = 200;

/// What the broker needs of a directory document.
#[derive(Debug)]
pub struct DirectoryDocument {
    /// The agency.
    pub agency: AgencyId,
    /// Revision.
    pub revision: u32,
    /// Functions.
    pub functions: Vec<Address>,
    /// When it is to be confirmed again.
    pub renewal: Renewal,
    /// Kinds of agencies that it names.
    pub agency_kinds: Vec<String>,
}

fn check(ok: bool, field: &'static str, expected: &'static str) -> Result<(), Refusal> {
    if ok { Ok(()) } else { Err(invalid(field, expected)) }
}

fn is_name(text: &str) -> bool {
    (1..=120).contains(&text.chars().count())
}

fn is_note(text: &str) -> bool {
    text.chars().count() <= 400
}

/// Parses a directory document.
///
/// # Errors
/// It is not canonical, or a field is missing or malformed.
pub fn parse_directory(bytes: &[u8]) -> Result<DirectoryDocument, DocumentError> {
    let document: v1::DirectoryDocument =
        canonical("DirectoryDocument", bytes, DIRECTORY_BYTES_MAX)?;
    check(is_name(&document.display_name), "display_name", "1 to 120 characters")?;
    check((1..=64).contains(&document.functions.len()), "functions", "1 to 64 functions")?;
    check((1..=8).contains(&document.sealing_keys.len()), "sealing_keys", "1 to 8 keys")?;
    document.sealing_keys.iter().try_for_each(check_key)?;
    check_offers(&document.offers, OFFERS_MAX)?;
    check(document.contacts.len() <= OFFERS_MAX, "contacts", "at most 64 contacts")?;
    let mut agency_kinds = vec![document.agency_kind.clone()];
    for contact in &document.contacts {
        check(is_part(&contact.contact), "contacts.contact", "1 to 40 of [a-z0-9-]")?;
        let expected = "1 to 120 characters";
        check(is_name(&contact.display_name), "contacts.display_name", expected)?;
        check_offers(&contact.offers, CONTACT_OFFERS_MAX)?;
        agency_kinds.push(contact.agency_kind.clone());
    }
    let mut contacts: Vec<&str> = document.contacts.iter().map(|c| c.contact.as_str()).collect();
    contacts.sort_unstable();
    let is_each_its_own = contacts.is_sorted_by(|a, b| a < b);
    check(is_each_its_own, "contacts.contact", "an identifier of its own for each contact")?;
    agency_kinds.retain(|code| !code.is_empty());
    let are_codes = agency_kinds.iter().all(|code| is_part(code));
    check(are_codes, "agency_kind", "1 to 40 of [a-z0-9-]")?;
    let agency = agency(&document.agency, "agency")?;
    let functions = document.functions.iter().map(|function| {
        check(is_name(&function.display_name), "functions.display_name", "1 to 120 characters")?;
        check(is_note(&function.description), "functions.description", "at most 400 characters")?;
        Address::parse(agency.as_str(), &function.function)
            .ok_or(invalid("functions.function", "1 to 40 of [a-z0-9-]"))
    });
    let functions = functions.collect::<Result<_, _>>()?;
    let renewal = renewal(&document)?;
    Ok(DirectoryDocument { revision: document.revision, functions, agency, renewal, agency_kinds })
}

fn check_key(key: &v1::SealingKey) -> Result<(), Refusal> {
    let length = match key.suite() {
        v1::SealingSuite::Mlkem1024P384Sha384Aes256gcm => 1665,
        v1::SealingSuite::DhkemP256Sha256Aes256gcm => 65,
        v1::SealingSuite::Unspecified => 0,
    };
    check(
        length > 0 && key.public_key.len() == length && key.not_after_ms > key.not_before_ms,
        "sealing_keys",
        "a known suite, a public key of its length, a validity that ends after it begins",
    )
}

fn check_offers(offers: &[v1::AgencyOffer], most: usize) -> Result<(), Refusal> {
    check(offers.len() <= most, "offers", "at most 64 offers, 16 of a contact")?;
    for offer in offers {
        check(is_name(&offer.title), "offers.title", "1 to 120 characters")?;
        let topics = &offer.topics;
        let are_codes = topics.len() <= TOPICS_MAX && topics.iter().all(|topic| is_part(topic));
        check(are_codes, "offers.topics", "at most 8 codes, each 1 to 40 of [a-z0-9-]")?;
        check(offer.region.chars().count() <= 120, "offers.region", "at most 120 characters")?;
        check(is_note(&offer.reach), "offers.reach", "at most 400 characters")?;
        check(is_note(&offer.description), "offers.description", "at most 400 characters")?;
    }
    Ok(())
}

/// An entry is confirmed when it is signed, unless it says another time.
fn renewal(document: &v1::DirectoryDocument) -> Result<Renewal, Refusal> {
    let confirmed = match document.confirmed_at_ms {
        0 => document.signed_at_ms,
        confirmed => confirmed,
    };
    let confirmed = u64::try_from(confirmed).ok();
    let valid_until = u64::try_from(document.valid_until_ms).ok();
    Ok(Renewal {
        confirmed: confirmed.ok_or(invalid("confirmed_at_ms", "Unix milliseconds, or 0"))?,
        valid_until: valid_until
            .map(|until| Some(until).filter(|until| *until > 0))
            .ok_or(invalid("valid_until_ms", "Unix milliseconds, or 0"))?,
    })
}

/// What somebody searches.
#[derive(Debug)]
pub struct Search {
    words: Vec<String>,
    agency_kind: String,
    topic: String,
    region: String,
}

impl Search {
    /// Reads a request.
    ///
    /// # Errors
    /// A field is too long.
    pub fn new(request: &v1::SearchDirectoryRequest) -> Result<Self, Refusal> {
        let v1::SearchDirectoryRequest { text, agency_kind, topic, region, .. } = request;
        let given = [(text, "text"), (agency_kind, "agency_kind"), (topic, "topic")];
        for (text, field) in given.into_iter().chain([(region, "region")]) {
            let short = text.chars().count() <= SEARCH_CHARACTERS_MAX;
            check(short, field, "at most 200 characters")?;
        }
        Ok(Self {
            words: folded(text).split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect(),
            agency_kind: agency_kind.clone(),
            topic: topic.clone(),
            region: folded(region).trim().to_owned(),
        })
    }

    /// What of an entry fits, in its order: the agency itself, then functions, offers, contacts.
    #[must_use]
    pub fn hits(&self, document: &v1::DirectoryDocument) -> Vec<v1::DirectoryHit> {
        use v1::directory_hit::What;
        let name = format!("{} {}", document.display_name, document.agency);
        let mut found: Vec<What> = Vec::new();
        if self.is_kind(&document.agency_kind) {
            if self.topic.is_empty() && self.region.is_empty() {
                if self.has_words(&name) {
                    found.push(What::WholeAgency(true));
                }
                let fitting = document.functions.iter().filter(|function| {
                    let v1::AgencyFunction { function: id, display_name, description } = function;
                    let own = format!("{id} {display_name} {description}");
                    !self.words.is_empty()
                        && !self.has_words(&name)
                        && self.has_words(&[&name, " ", &own].concat())
                });
                found.extend(fitting.map(|function| What::Function(function.function.clone())));
            }
            let offers = document.offers.iter().zip(0..);
            let fitting = offers.filter(|(offer, _)| self.is_offer(offer, &name));
            found.extend(fitting.map(|(_, place)| What::Offer(place)));
        }
        let contacts = document.contacts.iter().filter(|contact| {
            let name = format!("{} {}", contact.display_name, contact.contact);
            let bare = self.topic.is_empty() && self.region.is_empty() && self.has_words(&name);
            let is_offered = || contact.offers.iter().any(|offer| self.is_offer(offer, &name));
            self.is_kind(&contact.agency_kind) && (bare || is_offered())
        });
        found.extend(contacts.map(|contact| What::Contact(contact.contact.clone())));
        let hit = |what| v1::DirectoryHit { agency: document.agency.clone(), what: Some(what) };
        found.into_iter().map(hit).collect()
    }

    fn is_kind(&self, kind: &str) -> bool {
        self.agency_kind.is_empty() || self.agency_kind == kind
    }

    fn is_offer(&self, offer: &v1::AgencyOffer, whose: &str) -> bool {
        let v1::AgencyOffer { title, topics, region, reach: _, description } = offer;
        let is_topic = self.topic.is_empty() || topics.contains(&self.topic);
        let is_region = self.region.is_empty() || folded(region).contains(&self.region);
        let text = format!("{title} {} {region} {description} {whose}", topics.join(" "));
        is_topic && is_region && self.has_words(&text)
    }

    fn has_words(&self, text: &str) -> bool {
        let text = folded(text);
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// Lower case, ä, ö, ü as a, o, u however they are written, ß as ss, everything but letters and digits a
/// space: both sides of a comparison are folded.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        let plain = match letter {
            'ä' => 'a',
            'ö' => 'o',
            'ü' => 'u',
            // A letter that was written as two; the dots stand by themselves.
            '\u{308}' => continue,
            'e' if folded.ends_with(['a', 'o', 'u']) => continue,
            'ß' => {
                folded.push('s');
                's'
            }
            letter if letter.is_alphanumeric() => letter,
            _ => ' ',
        };
        folded.push(plain);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(title: &str, topic: &str, region: &str) -> v1::AgencyOffer {
        v1::AgencyOffer {
            title: title.to_owned(),
            topics: vec![topic.to_owned()],
            region: region.to_owned(),
            ..v1::AgencyOffer::default()
        }
    }

    fn document() -> v1::DirectoryDocument {
        v1::DirectoryDocument {
            agency: "bezirk-oberpfalz".to_owned(),
            display_name: "Bezirk Oberpfalz".to_owned(),
            agency_kind: "bezirk".to_owned(),
            functions: vec![v1::AgencyFunction {
                function: "eingliederungshilfe".to_owned(),
                display_name: "Eingliederungshilfe".to_owned(),
                description: "Anträge nach SGB IX".to_owned(),
            }],
            offers: vec![offer("Ambulante Begleitung", "begleitung", "Oberpfalz")],
            contacts: vec![v1::AgencyContact {
                contact: "schuldnerberatung-mitte".to_owned(),
                display_name: "Schuldnerberatung Mitte".to_owned(),
                agency_kind: "beratungsstelle".to_owned(),
                offers: vec![offer(
                    "Schuldner- und Insolvenzberatung",
                    "schulden",
                    "Straße 1, Süd",
                )],
            }],
            ..v1::DirectoryDocument::default()
        }
    }

    fn found(request: v1::SearchDirectoryRequest) -> Vec<v1::directory_hit::What> {
        let hits = Search::new(&request).unwrap().hits(&document());
        hits.into_iter().map(|hit| hit.what.unwrap()).collect()
    }

    fn text(text: &str) -> v1::SearchDirectoryRequest {
        v1::SearchDirectoryRequest { text: text.to_owned(), ..Default::default() }
    }

    #[test]
    fn words_are_found_without_case_and_umlauts() {
        use v1::directory_hit::What;
        let function = vec![What::Function("eingliederungshilfe".to_owned())];
        for spelled in ["anträge", "ANTRAEGE", "antrage sgb", "antra\u{308}ge bezirk"] {
            assert_eq!(found(text(spelled)), function, "{spelled}");
        }
        let contact = vec![What::Contact("schuldnerberatung-mitte".to_owned())];
        for spelled in ["strasse sued", "Straße SÜD", "insolvenz mitte"] {
            assert_eq!(found(text(spelled)), contact, "{spelled}");
        }
        assert_eq!(found(text("reha")), vec![]);
        assert_eq!(found(text("bezirk oberpfalz")), vec![What::WholeAgency(true), What::Offer(0)]);
    }

    #[test]
    fn all_that_is_given_must_hold() {
        use v1::directory_hit::What;
        let contact = vec![What::Contact("schuldnerberatung-mitte".to_owned())];
        let kind = |kind: &str| v1::SearchDirectoryRequest { agency_kind: kind.into(), ..text("") };
        assert_eq!(found(kind("beratungsstelle")), contact);
        assert_eq!(found(kind("drv")), vec![]);
        let topic = v1::SearchDirectoryRequest { topic: "schulden".into(), ..text("") };
        assert_eq!(found(topic.clone()), contact);
        assert_eq!(
            found(v1::SearchDirectoryRequest { text: "begleitung".into(), ..topic }),
            vec![]
        );
        let region = v1::SearchDirectoryRequest { region: "oberpfalz".into(), ..text("") };
        assert_eq!(found(region), vec![What::Offer(0)]);
        assert!(Search::new(&text(&"a".repeat(201))).is_err());
    }
}
