//! A folder of conferences, one file each, and taking in what came for them.

use std::path::{Path, PathBuf};

use super::conference::Conference;
use crate::client::Client;
use crate::error::{ClientError, EvidenceError};
use crate::ids::{Address, ConferenceId};
use crate::receive::{Incoming, Received, Stage};

/// Most messages of one fetch.
const FETCH_MAX: u32 = 100;

/// Where the conferences of an office are kept.
#[derive(Clone, Debug)]
pub struct ConferenceFolder(PathBuf);

/// What was taken in.
#[derive(Debug, Default)]
pub struct TakenIn {
    /// The conference, the kind of the message, its sender.
    pub messages: Vec<(ConferenceId, String, Address)>,
    /// ALARMS: messages that do not prove what they claim; they stay where they are.
    pub alarms: Vec<EvidenceError>,
}

impl ConferenceFolder {
    /// A folder; it is made when the first conference is kept.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn path(&self, id: ConferenceId) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// Opens a conference.
    ///
    /// # Errors
    /// There is none, others may open its file, or it is none.
    pub fn open(&self, id: ConferenceId) -> Result<Conference, ClientError> {
        Conference::open(&self.path(id))
    }

    /// Keeps a conference.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, conference: &Conference) -> Result<(), ClientError> {
        conference.save(&self.path(conference.id()))
    }

    /// All conferences, sorted by their identifiers; none if there is no such folder.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn list(&self) -> Result<Vec<Conference>, ClientError> {
        if !self.0.exists() {
            return Ok(Vec::new());
        }
        let failed = |error: std::io::Error| ClientError::file(&self.0, error);
        let mut conferences = Vec::new();
        for entry in std::fs::read_dir(&self.0).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                conferences.push(Conference::open(&path)?);
            }
        }
        conferences.sort_by_key(Conference::id);
        Ok(conferences)
    }

    /// Takes a message into its conference; none if it is of none.
    ///
    /// # Errors
    /// The conference cannot be read or kept.
    pub fn take(&self, received: &Received) -> Result<Option<ConferenceId>, ClientError> {
        let Ok(fresh) = Conference::join(received) else { return Ok(None) };
        let conference = if self.path(fresh.id()).exists() {
            let mut known = self.open(fresh.id())?;
            if known.take(received).is_err() {
                return Ok(None);
            }
            known
        } else {
            fresh
        };
        self.save(&conference)?;
        Ok(Some(conference.id()))
    }
}

impl Client {
    /// Fetches what came for a function of ours and takes in what is of conferences. The rest is handed out, too, and
    /// comes again: use a function for conferences alone.
    ///
    /// # Errors
    /// A conference cannot be kept, or the broker cannot be reached.
    pub async fn take_conferences(
        &self,
        folder: &ConferenceFolder,
        function: &str,
    ) -> Result<TakenIn, ClientError> {
        let mut taken = TakenIn::default();
        for incoming in self.fetch(&[function], FETCH_MAX).await? {
            match incoming {
                Incoming::Verified(received) => {
                    if let Some(id) = folder.take(&received)? {
                        // One by one: what is kept is taken over, whatever becomes of the next.
                        self.acknowledge(&[received.message_number], Stage::Acknowledged).await?;
                        taken.messages.push((id, received.kind.clone(), received.sender.clone()));
                    }
                }
                Incoming::Unverified(unverified) => taken.alarms.push(unverified.error),
            }
        }
        Ok(taken)
    }
}
