//! The fold over a whole journal, and the check that what is missing in it is rightly missing.
//!
//! Used by every start, by `fsck` and by `reconcile`.

use crate::domain::event::{Event, RecordRange};
use crate::domain::ids::RecordNumber;
use crate::domain::state::{Rules, State};
use crate::journal::{Contents, JournalError, StoredRecord};
use crate::record;
use crate::record::erasures::Erasures;

/// Folds records as they come.
pub struct Replay<'a> {
    rules: &'a Rules,
    state: State,
    erasures: Erasures,
    damaged: Vec<RecordNumber>,
    damaged_payloads: Vec<RecordNumber>,
}

/// What a fold came to.
pub struct Replayed {
    /// The state.
    pub state: State,
    /// Records that an erasure names and whose contents are still there: to be erased now.
    pub owed: Vec<RecordRange>,
    /// Payloads whose destruction was interrupted: to be destroyed now.
    pub owed_payloads: Vec<RecordNumber>,
    /// Newest record of an erasure.
    pub newest_erasure: Option<RecordNumber>,
}

impl<'a> Replay<'a> {
    /// Begins with the empty state.
    #[must_use]
    pub fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            state: State::new(),
            erasures: Erasures::default(),
            damaged: Vec::new(),
            damaged_payloads: Vec::new(),
        }
    }

    /// Takes the next record; returns its event, none if its contents are gone.
    ///
    /// # Errors
    /// It was not written with this program and catalogue.
    pub fn push(&mut self, stored: &StoredRecord) -> Result<Option<Event>, JournalError> {
        let (number, time) = (stored.skeleton.number, stored.skeleton.time_ms);
        let event = record::decode(stored, &self.rules.catalogue)
            .map_err(|why| JournalError::Record { number, why })?;
        match stored.contents {
            Contents::Whole | Contents::Erased => {}
            Contents::PayloadDamaged => self.damaged_payloads.push(number),
            Contents::Damaged => self.damaged.push(number),
        }
        self.erasures.push(number, event.as_ref());
        match &event {
            Some(event) => self.state.apply(event, number, time),
            None => self.state.skip(number, time),
        }
        self.state.forget_old(time);
        Ok(event)
    }

    /// Ends the fold.
    ///
    /// INVARIANT (erasure): only what an erasure names is missing, and payloads only of messages that are
    /// finished.
    ///
    /// # Errors
    /// Names the first record whose contents are gone or damaged without an erasure.
    pub fn finish(self) -> Result<Replayed, JournalError> {
        let missing = |number, what: &str| {
            let why = format!("{what}, and no erasure in the log explains it; restore a backup");
            Err(JournalError::Missing { number, why })
        };
        if let Some(number) = self.erasures.unexplained() {
            return missing(number, "its contents are gone");
        }
        if let Some(number) = self.state.unfinished_without_payload() {
            return missing(number, "its payload is gone though the message is not finished");
        }
        // What is named and only half gone is overwritten again.
        let damaged = self.damaged.iter().map(|number| RecordRange { first: *number, count: 1 });
        Ok(Replayed {
            owed: self.erasures.owed().iter().copied().chain(damaged).collect(),
            owed_payloads: self.damaged_payloads,
            newest_erasure: self.erasures.newest(),
            state: self.state,
        })
    }
}
