//! A folder of conferences, one file each, and taking in what came for them.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::conference::Conference;
use crate::client::Client;
use crate::error::{ClientError, EvidenceError};
use crate::files;
use crate::ids::{Address, ConferenceId};
use crate::receive::{Incoming, Received, Stage};

/// Most messages of one fetch.
const FETCH_MAX: u32 = 100;
/// Name of the file that is locked while a conference is changed.
const LOCK: &str = ".lock";

/// Where the conferences of an office are kept.
#[derive(Clone, Debug)]
pub struct ConferenceFolder(PathBuf);

/// The folder for oneself alone, until this is dropped; see [`ConferenceFolder::hold`].
#[derive(Debug)]
pub struct HeldFolder(#[expect(dead_code, reason = "held until it is closed")] File);

/// What was taken in.
#[derive(Debug, Default)]
pub struct TakenIn {
    /// The conference, the kind of the message, its sender.
    pub messages: Vec<(ConferenceId, String, Address)>,
    /// Messages that could not be kept, and why; they are not acknowledged, and come again.
    pub held_back: Vec<(ConferenceId, ClientError)>,
    /// ALARMS: messages that do not prove what they claim; they stay where they are.
    pub alarms: Vec<EvidenceError>,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Listed {
    /// Its conferences, sorted by their identifiers.
    pub conferences: Vec<Conference>,
    /// Why files were left out that should be conferences; each error names its file.
    pub unreadable: Vec<ClientError>,
}

impl ConferenceFolder {
    /// A folder; it is made when the first conference is kept.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Waits until nobody else on this machine changes a conference, in this program or another, and holds the folder.
    /// Whoever opens a conference to change it holds the folder before, and until the conference is kept.
    ///
    /// # Errors
    /// The folder cannot be made or locked.
    pub async fn hold(&self) -> Result<HeldFolder, ClientError> {
        let path = self.0.join(LOCK);
        let file = files::private_file(&path)?;
        let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        let file = locked.map_err(std::io::Error::other).and_then(|locked| locked);
        file.map(HeldFolder).map_err(|error| ClientError::file(&path, error))
    }

    fn path(&self, id: ConferenceId) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// Whether there is a file of this conference, readable or not.
    #[must_use]
    pub fn has(&self, id: ConferenceId) -> bool {
        self.path(id).exists()
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

    /// Removes a conference for good.
    ///
    /// # Errors
    /// There is none, or its file cannot be removed.
    pub fn remove(&self, id: ConferenceId) -> Result<(), ClientError> {
        let path = self.path(id);
        std::fs::remove_file(&path).map_err(|error| ClientError::file(&path, error))
    }

    /// All conferences; none if there is no such folder. A file that cannot be read hides no other one.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> Result<Listed, ClientError> {
        let mut listed = Listed::default();
        if !self.0.exists() {
            return Ok(listed);
        }
        let failed = |error: std::io::Error| ClientError::file(&self.0, error);
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(&self.0).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        paths.sort_unstable();
        for path in paths {
            match Conference::open(&path) {
                Ok(conference) => listed.conferences.push(conference),
                Err(error) => listed.unreadable.push(error),
            }
        }
        listed.conferences.sort_by_key(Conference::id);
        Ok(listed)
    }

    /// Takes a message into its conference; none if it is of none.
    ///
    /// # Errors
    /// The conference cannot be read or kept, or has no room for more that others send.
    pub fn take(&self, received: &Received) -> Result<Option<ConferenceId>, ClientError> {
        let Ok(fresh) = Conference::join(received) else { return Ok(None) };
        let conference = if self.has(fresh.id()) {
            let mut known = self.open(fresh.id())?;
            let is_new = !known.notices().contains_key(&received.message_id);
            if known.take(received).is_err() {
                return Ok(None);
            }
            if is_new {
                known.leaves_room()?;
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
    /// comes again: use a function for conferences alone. A message that cannot be kept is held back and stops no
    /// other one. Holds the folder meanwhile.
    ///
    /// # Errors
    /// The folder cannot be held, or the broker cannot be reached.
    pub async fn take_conferences(
        &self,
        folder: &ConferenceFolder,
        function: &str,
    ) -> Result<TakenIn, ClientError> {
        let mut taken = TakenIn::default();
        let _held = folder.hold().await?;
        for incoming in self.fetch(&[function], FETCH_MAX).await? {
            match incoming {
                Incoming::Verified(received) => match folder.take(&received) {
                    Ok(Some(id)) => {
                        // One by one: what is kept is taken over, whatever becomes of the next.
                        self.acknowledge(&[received.message_number], Stage::Acknowledged).await?;
                        taken.messages.push((id, received.kind.clone(), received.sender.clone()));
                    }
                    Ok(None) => {}
                    Err(error) => {
                        let id = ConferenceId::parse(received.thread_id.as_bytes())?;
                        taken.held_back.push((id, error));
                    }
                },
                Incoming::Unverified(unverified) => taken.alarms.push(unverified.error),
            }
        }
        Ok(taken)
    }
}
