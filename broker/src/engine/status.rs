//! How the engine is: numbers about the machine, for operators. Nothing here is about a participant, a consent or
//! an agency, and nothing waits for the sequencer: a broker whose queues are full still says that they are.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Engine;
use super::lanes::Waiting;
use crate::domain::ids::TimeMs;
use crate::journal::JournalError;
use crate::journal::disk::Disk;
use crate::journal::segments::Sizes;

/// What the sequencer knows of itself, as of its last round.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round {
    /// When the broker started.
    pub(super) started: TimeMs,
    /// When the newest group was made durable.
    pub(super) committed: TimeMs,
    /// Unfinished messages of all mailboxes.
    pub(super) messages: u64,
    /// Bytes of these.
    pub(super) message_bytes: u64,
    /// The clock was set back.
    pub(super) clock_set_back: bool,
    /// Space is short.
    pub(super) storage_low: bool,
}

/// Where the sequencer leaves what it knows.
#[derive(Debug, Default)]
pub(super) struct Gauges(Mutex<Round>);

impl Gauges {
    pub(super) fn set(&self, round: Round) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = round;
    }

    fn read(&self) -> Round {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The volume that the journal lies on.
pub(super) struct Volume {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) sizes: Sizes,
}

/// How the engine is at an instant.
#[derive(Clone, Copy, Debug)]
pub struct EngineStatus {
    /// Durable records.
    pub size: u64,
    /// When the newest checkpoint was signed.
    pub checkpoint_at: TimeMs,
    /// Time of the newest record.
    pub newest_record_at: TimeMs,
    /// Which start of the broker this is.
    pub epoch: u64,
    /// When it was.
    pub started_at: TimeMs,
    /// Whether the clock was set back.
    pub clock_set_back: bool,
    /// Whether space is short.
    pub storage_low: bool,
    /// What waits in the lanes.
    pub waiting: Waiting,
    /// Records of the newest group.
    pub newest_group_records: u64,
    /// Unfinished messages of all mailboxes.
    pub messages: u64,
    /// Bytes of these.
    pub message_bytes: u64,
    /// Free bytes on the journal's volume; none if the system did not say.
    pub free_bytes: Option<u64>,
    /// Sizes of the journal, with the reserve.
    pub sizes: Sizes,
}

impl Engine {
    /// How the engine is. Reads one record and asks the file system; blocks.
    ///
    /// # Errors
    /// The newest record cannot be read.
    pub fn status(&self) -> Result<EngineStatus, JournalError> {
        let round = self.gauges.read();
        let commit = self.reader.latest();
        // There is always one: each start begins with its own record.
        let newest = self.reader.record(commit.size().saturating_sub(1))?.skeleton;
        Ok(EngineStatus {
            size: commit.size(),
            checkpoint_at: round.committed,
            newest_record_at: newest.time_ms,
            epoch: newest.epoch,
            started_at: round.started,
            clock_set_back: round.clock_set_back,
            storage_low: round.storage_low,
            waiting: self.lanes.waiting(),
            newest_group_records: commit.size() - commit.first_new(),
            messages: round.messages,
            message_bytes: round.message_bytes,
            free_bytes: self.volume.disk.free_bytes(&self.volume.folder).ok(),
            sizes: self.volume.sizes,
        })
    }
}
