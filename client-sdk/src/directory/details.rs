//! What an entry says beside functions and keys: kind, offers, contacts, validity.

use schleuse_proto::v1;
use serde::{Deserialize, Serialize};

/// What an entry says beside functions and keys. Institutional data only: all connected agencies read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EntryDetails {
    /// Kind of agency, a code of the installation, for example `drv`; may be empty.
    pub agency_kind: String,
    /// First instant at which the entry is no longer valid, Unix milliseconds; 0: open.
    pub valid_until_ms: i64,
    /// What functions are for.
    #[serde(rename = "function")]
    pub functions: Vec<FunctionDetails>,
    /// What the agency offers.
    #[serde(rename = "offer")]
    pub offers: Vec<Offer>,
    /// Bodies that are not connected, published on their behalf.
    #[serde(rename = "contact")]
    pub contacts: Vec<Contact>,
}

/// What a function is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionDetails {
    /// The function.
    pub function: String,
    /// What it is for, at most 400 characters.
    pub description: String,
}

/// Something that an agency or a contact offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Offer {
    /// Title.
    pub title: String,
    /// Topic codes.
    pub topics: Vec<String>,
    /// Region for which it is.
    pub region: String,
    /// How to reach it: institutional address, telephone or site.
    pub reach: String,
    /// What it is.
    pub description: String,
}

/// A body that has no certificate, such as a Beratungsstelle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contact {
    /// Identifier within the entry.
    pub contact: String,
    /// Name for people.
    pub display_name: String,
    /// Kind of agency, a code; may be empty.
    pub agency_kind: String,
    /// What it offers.
    #[serde(rename = "offer")]
    pub offers: Vec<Offer>,
}

impl EntryDetails {
    pub(super) fn of(document: &v1::DirectoryDocument) -> Self {
        let described = document.functions.iter().filter(|f| !f.description.is_empty());
        let functions = described.map(|function| FunctionDetails {
            function: function.function.clone(),
            description: function.description.clone(),
        });
        Self {
            agency_kind: document.agency_kind.clone(),
            valid_until_ms: document.valid_until_ms,
            functions: functions.collect(),
            offers: document.offers.iter().map(Offer::of).collect(),
            contacts: document.contacts.iter().map(Contact::of).collect(),
        }
    }

    pub(super) fn description(&self, function: &str) -> String {
        let found = self.functions.iter().find(|details| details.function == function);
        found.map(|details| details.description.clone()).unwrap_or_default()
    }
}

impl Offer {
    fn of(offer: &v1::AgencyOffer) -> Self {
        let v1::AgencyOffer { title, topics, region, reach, description } = offer.clone();
        Self { title, topics, region, reach, description }
    }

    pub(super) fn to_wire(&self) -> v1::AgencyOffer {
        let Self { title, topics, region, reach, description } = self.clone();
        v1::AgencyOffer { title, topics, region, reach, description }
    }
}

impl Contact {
    fn of(contact: &v1::AgencyContact) -> Self {
        Self {
            contact: contact.contact.clone(),
            display_name: contact.display_name.clone(),
            agency_kind: contact.agency_kind.clone(),
            offers: contact.offers.iter().map(Offer::of).collect(),
        }
    }

    pub(super) fn to_wire(&self) -> v1::AgencyContact {
        v1::AgencyContact {
            contact: self.contact.clone(),
            display_name: self.display_name.clone(),
            agency_kind: self.agency_kind.clone(),
            offers: self.offers.iter().map(Offer::to_wire).collect(),
        }
    }
}
