//! Small numbers for agencies and addresses, so that half a million grants fit in memory.
//!
//! Numbers are given in order of first use while the journal is folded; they are the same after each
//! replay and never leave the process. Agencies and Lotsen choose names, so the hash has a secret: nobody can make
//! them collide.

use std::collections::HashMap;

use super::ids::{Address, AgencyId};

/// Number of an agency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgencyIx(u32);

impl AgencyIx {
    /// No agency: the Lotse of nobody.
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// Number of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressIx(u32);

impl AddressIx {
    /// No address.
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// Gives numbers to names.
pub(super) trait Numbers {
    /// Number of an agency.
    fn agency(&mut self, agency: &AgencyId) -> AgencyIx;
    /// Number of an address.
    fn address(&mut self, address: &Address) -> AddressIx;
}

impl Numbers for Names {
    fn agency(&mut self, agency: &AgencyId) -> AgencyIx {
        Self::agency(self, agency)
    }

    fn address(&mut self, address: &Address) -> AddressIx {
        Self::address(self, address)
    }
}

/// Only looks numbers up, for what is not recorded: a name that nobody ever used has one that means nothing.
#[derive(Debug)]
pub(super) struct KnownNames<'a>(pub(super) &'a Names);

impl Numbers for KnownNames<'_> {
    fn agency(&mut self, agency: &AgencyId) -> AgencyIx {
        self.0.known_agency(agency).unwrap_or(AgencyIx(u32::MAX))
    }

    fn address(&mut self, address: &Address) -> AddressIx {
        self.0.known_address(address).unwrap_or(AddressIx::NONE)
    }
}

/// The numbers given so far.
#[derive(Debug, Default)]
pub struct Names {
    agencies: Vec<AgencyId>,
    agency_numbers: HashMap<AgencyId, AgencyIx>,
    addresses: Vec<(AgencyIx, Address)>,
    address_numbers: HashMap<Address, AddressIx>,
}

impl Names {
    /// Number of an agency, given now if it has none.
    pub fn agency(&mut self, agency: &AgencyId) -> AgencyIx {
        if let Some(number) = self.agency_numbers.get(agency) {
            return *number;
        }
        let number = AgencyIx(u32::try_from(self.agencies.len()).unwrap_or(u32::MAX));
        self.agencies.push(agency.clone());
        self.agency_numbers.insert(agency.clone(), number);
        number
    }

    /// Number of an address, given now if it has none.
    pub fn address(&mut self, address: &Address) -> AddressIx {
        if let Some(number) = self.address_numbers.get(address) {
            return *number;
        }
        let agency = self.agency(&address.agency);
        let number = AddressIx(u32::try_from(self.addresses.len()).unwrap_or(u32::MAX));
        self.addresses.push((agency, address.clone()));
        self.address_numbers.insert(address.clone(), number);
        number
    }

    /// Number of an agency, if it has one.
    #[must_use]
    pub fn known_agency(&self, agency: &AgencyId) -> Option<AgencyIx> {
        self.agency_numbers.get(agency).copied()
    }

    /// Number of an address, if it has one.
    #[must_use]
    pub fn known_address(&self, address: &Address) -> Option<AddressIx> {
        self.address_numbers.get(address).copied()
    }

    /// The agency of this number.
    #[must_use]
    pub fn agency_id(&self, number: AgencyIx) -> Option<&AgencyId> {
        self.agencies.get(usize::try_from(number.0).ok()?)
    }

    /// The address of this number.
    #[must_use]
    pub fn address_id(&self, number: AddressIx) -> Option<&Address> {
        self.addresses.get(usize::try_from(number.0).ok()?).map(|(_, address)| address)
    }

    /// The agency of an address.
    #[must_use]
    pub fn agency_of(&self, number: AddressIx) -> Option<AgencyIx> {
        self.addresses.get(usize::try_from(number.0).ok()?).map(|(agency, _)| *agency)
    }
}
