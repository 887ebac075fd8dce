//! Messages about nobody: purposes that forbid a participant, such as structural questions of the partners.
//!
//! No consent can cover such a message, since there is nobody who could give one. It passes on a path of its own,
//! which can permit nothing that [`decide`](super::decide()) would have to judge:
//!
//! * The catalogue names the purposes; a code never changes its meaning. A consent cannot name one.
//! * The label commits to no participant and names no data category, so that no personal data is declared. The
//!   sender signed that label; for every other purpose a label without commitment or category is refused.
//! * Both agencies exist here, both have published a directory entry, and the recipient's names the function.
//!
//! INVARIANT (default-deny): all of this holds at the instant of each hand-out, not only when a message was
//! accepted. Inside the state such a message is about [`NOBODY`](super::ids::ParticipantId::NOBODY), who has no consent: were it ever
//! judged on the other path, it would be refused there.
//!
//! Only this module makes an [`OpenPermit`]:
//!
//! ```compile_fail
//! use schleuse_broker::domain::without_participant::OpenPermit;
//! let forged = OpenPermit { _private: () };
//! ```

use super::catalogue::{Categories, Purpose};
use super::decide::{DenyReason, Permit};
use super::event::{Basis, GrantRef};
use super::ids::{Address, AgencyId, ConsentId};
use super::state::{Rules, State};

/// That a message about nobody may pass at an instant. Made by [`State::decide_without_participant`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPermit {
    _private: (),
}

/// What a message passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// A consent covers it.
    Consent(Permit),
    /// It is about nobody.
    WithoutParticipant(OpenPermit),
}

impl Passage {
    /// The consent, if it passes on one.
    #[must_use]
    pub fn consent(&self) -> Option<ConsentId> {
        match self {
            Self::Consent(permit) => Some(permit.consent()),
            Self::WithoutParticipant(_) => None,
        }
    }

    /// Revision of the consent; 0 without one.
    #[must_use]
    pub fn revision(&self) -> u32 {
        match self {
            Self::Consent(permit) => permit.revision(),
            Self::WithoutParticipant(_) => 0,
        }
    }
}

impl From<&Passage> for Basis {
    fn from(passage: &Passage) -> Self {
        match passage {
            Passage::Consent(permit) => Self::Consent(GrantRef::from(permit)),
            Passage::WithoutParticipant(_) => Self::WithoutParticipant,
        }
    }
}

impl State {
    /// Decides one message about nobody.
    ///
    /// # Errors
    /// Why it may not pass.
    pub fn decide_without_participant(
        &self,
        rules: &Rules,
        sender: &AgencyId,
        recipient: &Address,
        purpose: Purpose,
        categories: Categories,
    ) -> Result<OpenPermit, DenyReason> {
        // The edge has refused such labels; here they are judged as what needs a consent and has none.
        if !rules.catalogue.is_without_participant(purpose) || !categories.is_empty() {
            return Err(DenyReason::NoConsent);
        }
        let exist = [sender, &recipient.agency].map(|agency| rules.agencies.contains(agency));
        let published = self.directory.contains_key(sender);
        let named = self.directory.get(&recipient.agency).is_some_and(|entry| {
            let known = self.names.known_address(recipient);
            known.is_some_and(|known| entry.functions.contains(&known))
        });
        if exist == [true, true] && published && named {
            return Ok(OpenPermit { _private: () });
        }
        Err(DenyReason::NotInDirectory)
    }
}
