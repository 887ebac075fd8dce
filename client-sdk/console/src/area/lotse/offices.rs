//! Offices of the directory: agencies, their functions, and what they are called.

use std::collections::BTreeMap;

use schleuse_client::{AgencyEntry, AgencyNames, Names, shown, v1};

use super::order::folded;
use crate::area::Choice;
use crate::desk::{Desk, Failed};

/// The directory as a page uses it.
#[derive(Clone, Debug, Default)]
pub(super) struct Offices {
    entries: Vec<AgencyEntry>,
    names: BTreeMap<String, String>,
}

impl Offices {
    /// Reads the directory; entries that are not authentic are left out.
    pub(super) async fn read(desk: &Desk) -> Result<Self, Failed> {
        let listed = desk.client.directory().list().await.map_err(|error| desk.failed(error))?;
        let mut entries: Vec<AgencyEntry> = listed.into_iter().flatten().collect();
        entries.sort_by_cached_key(|one| (folded(&one.display_name), one.agency.clone()));
        let mut names = BTreeMap::new();
        for entry in &entries {
            names.insert(entry.agency.clone(), shown(&entry.display_name));
            for (function, name) in &entry.functions {
                // Many an agency has one function, called as itself.
                let office = match *name == entry.display_name {
                    true => shown(name),
                    false => format!("{}, {}", shown(&entry.display_name), shown(name)),
                };
                names.insert(format!("{}/{function}", entry.agency), office);
            }
        }
        Ok(Self { entries, names })
    }

    /// What an agency (`agency`) or a function (`agency/function`) is called.
    pub(super) fn name(&self, id: &str) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| shown(id))
    }

    /// What an address is called.
    pub(super) fn address(&self, address: Option<&v1::Address>) -> String {
        address.map_or_else(String::new, |a| self.name(&format!("{}/{}", a.agency, a.function)))
    }

    /// Names of agencies in a row.
    pub(super) fn agencies(&self, ids: &[String]) -> String {
        ids.iter().map(|id| self.name(id)).collect::<Vec<_>>().join(", ")
    }

    /// Agencies to choose from.
    pub(super) fn agency_choices(&self) -> Vec<Choice> {
        let choice = |entry: &AgencyEntry| Choice::new(&entry.agency, self.name(&entry.agency));
        self.entries.iter().map(choice).collect()
    }

    /// Functions to choose from, after "please choose".
    pub(super) fn function_choices(&self, choose: &str) -> Vec<Choice> {
        let functions = self.entries.iter().flat_map(|entry| {
            entry.functions.iter().map(|(id, _)| format!("{}/{id}", entry.agency))
        });
        let choices = functions.map(|id| Choice::new(id.clone(), self.name(&id)));
        std::iter::once(Choice::new("", choose)).chain(choices).collect()
    }

    /// Names of codes, and of the offices too.
    pub(super) fn and_codes(&self, names: &Names) -> Names {
        let offices = self.names.iter().map(|(id, name)| (id.clone(), name.clone()));
        names.clone().with_offices(offices)
    }

    /// Names as texts of consents show them.
    pub(super) fn for_texts(&self) -> AgencyNames {
        AgencyNames::of_directory(&self.entries)
    }
}
