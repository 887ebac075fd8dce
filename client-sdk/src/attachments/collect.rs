//! Receiving attachments: parts into files, each part safe on disk before it is acknowledged.
//!
//! The sender's names are never paths: a finished file is put into the folder of the collector under a name
//! without a path, and never in the place of another file.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use schleuse_proto::v1;

use super::AttachmentError;
use super::collect_state::{Announced, Arrival, Named, Origin, State, load, save};
use super::source::hash;
use crate::error::ClientError;
use crate::ids::{AttachmentId, MessageId};
use crate::receive::Received;
use crate::terminal::is_unprintable;

/// Most bytes of unfinished attachments in one folder: more than one message can carry.
const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Most unfinished attachments in one folder.
const COUNT_MAX: usize = 1024;
/// Most finished attachments and messages that are remembered, so that repetitions are known as such.
const REMEMBERED_MAX: usize = 4096;
/// Longest name of a finished file in bytes; file systems take 255, and a prefix may come before it.
const NAME_BYTES_MAX: usize = 200;

/// Collects attachments in a folder, where an interruption leaves everything that was acknowledged. One process
/// at a time; to be told of every message, in the order in which they come. Its calls block on the disk.
#[derive(Debug)]
pub struct AttachmentCollector {
    folder: PathBuf,
    bytes_max: u64,
    states: BTreeMap<AttachmentId, State>,
    _lock: File,
}

/// What a message was to a collector. Only after it is returned may the message be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Taken {
    /// A message that is no part of an attachment.
    Message {
        /// Its attachments that are whole, in order.
        saved: Vec<Saved>,
        /// Names of those of which parts are still to come.
        waiting: Vec<String>,
    },
    /// A part that is now on disk, or was before.
    Part {
        /// Its attachment.
        attachment: AttachmentId,
        /// Parts that are there.
        parts: u32,
        /// Parts of the whole.
        count: u32,
        /// The file, if this part was the last and the message came before.
        saved: Option<Saved>,
    },
}

/// A finished attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The attachment.
    pub attachment: AttachmentId,
    /// Where it is.
    pub path: PathBuf,
    /// Its name as the sender gave it.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
}

impl AttachmentCollector {
    /// Opens a folder, and makes it if need be.
    ///
    /// # Errors
    /// The folder cannot be used, or another collector does.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, ClientError> {
        let folder = folder.into();
        let failed = |error| ClientError::file(&folder, error);
        fs::create_dir_all(&folder).map_err(failed)?;
        let path = folder.join("collector.lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(&path).map_err(|error| ClientError::file(&path, error))?;
        if lock.try_lock().is_err() {
            let why = "another process collects attachments in this folder; give it one of its own";
            return Err(ClientError::file(&path, why));
        }
        forget_old(&folder, "message")?;
        let mut states = BTreeMap::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let id = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            if let (Some(id), true) = (id, path.extension().is_some_and(|e| e == "state"))
                && let Some(state) = load::<State>(&path)?
            {
                states.insert(id, state);
            }
        }
        let mut collector = Self { folder, bytes_max: BYTES_MAX, states, _lock: lock };
        collector.forget_finished();
        Ok(collector)
    }

    /// Bounds the bytes of unfinished attachments in the folder.
    #[must_use]
    pub fn with_bytes_max(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// Takes a message: a part is written and synced, a message with attachments is remembered, and what is
    /// whole is checked and given its name. The same message may come again.
    ///
    /// # Errors
    /// The part is refused ([`AttachmentError`]), then it must not be acknowledged; or the disk failed.
    pub fn take(&mut self, received: &Received) -> Result<Taken, ClientError> {
        self.take_arrival(&Arrival::from(received))
    }

    fn take_arrival(&mut self, arrival: &Arrival<'_>) -> Result<Taken, ClientError> {
        match (arrival.content.chunk(), arrival.part_of) {
            (Some(chunk), Some(main)) => self.take_chunk(arrival, main, chunk),
            _ => self.take_message(arrival),
        }
    }

    fn take_chunk(
        &mut self,
        arrival: &Arrival<'_>,
        main: MessageId,
        chunk: &v1::AttachmentChunk,
    ) -> Result<Taken, ClientError> {
        let id = AttachmentId::parse(&chunk.attachment_id)?;
        let origin = Origin::of_chunk(main, arrival, chunk);
        let named: Option<Named> = load(&self.message_path(&main.to_string()))?;
        let is_named = |named: Named| named.attachments.contains(&id.to_string());
        if !named.is_none_or(is_named) {
            return Err(AttachmentError::Surplus { attachment: id, message: main }.into());
        }
        let mut state = match self.states.get(&id) {
            Some(state) => {
                state.check(id, chunk.index, &origin)?;
                state.clone()
            }
            None => self.begin(id, origin)?,
        };
        if state.failed {
            return Err(AttachmentError::WholeDiffers { attachment: id }.into());
        }
        let place = state.place(id, chunk)?;
        if state.saved_as.is_none() {
            self.write(id, &state, chunk, place)?;
            if !state.parts().has(chunk.index) {
                state.add_part(chunk.index);
                self.keep(id, state)?;
            }
        }
        let saved = self.finish(id)?;
        let parts = self.states.get(&id).map_or(0, |state| state.parts().count());
        Ok(Taken::Part { attachment: id, parts, count: chunk.count, saved })
    }

    /// A new attachment, if there is room for it.
    fn begin(&self, id: AttachmentId, origin: Origin) -> Result<State, AttachmentError> {
        let open = self.states.values().filter(|state| state.is_open());
        let (count, bytes) = open.fold((0_usize, 0_u64), |(count, bytes), state| {
            (count.saturating_add(1), bytes.saturating_add(state.origin.bytes))
        });
        if count >= COUNT_MAX || bytes.saturating_add(origin.bytes) > self.bytes_max {
            let (bytes_max, count_max) = (self.bytes_max, COUNT_MAX);
            return Err(AttachmentError::FolderFull { attachment: id, bytes_max, count_max });
        }
        Ok(State::new(origin))
    }

    /// Writes a part at its place and syncs it; of one that is there, compares it.
    fn write(
        &self,
        id: AttachmentId,
        state: &State,
        chunk: &v1::AttachmentChunk,
        place: u64,
    ) -> Result<(), ClientError> {
        let path = self.part_path(id);
        let failed = |error| ClientError::file(&path, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(failed)?;
        if state.parts().has(chunk.index) {
            let mut known = vec![0; chunk.data.len()];
            file.read_exact_at(&mut known, place).map_err(failed)?;
            if known != chunk.data {
                let index = chunk.index;
                return Err(AttachmentError::Changed { attachment: id, index }.into());
            }
            return Ok(());
        }
        file.write_all_at(&chunk.data, place).map_err(failed)?;
        file.sync_all().map_err(failed)
    }

    fn take_message(&mut self, arrival: &Arrival<'_>) -> Result<Taken, ClientError> {
        let references = arrival.content.attachments();
        let (mut saved, mut waiting) = (Vec::new(), Vec::new());
        if !references.is_empty() || self.has_parts_of(arrival.message_id) {
            let ids = references.iter().map(|one| AttachmentId::parse(&one.attachment_id));
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            for (reference, id) in references.iter().zip(&ids) {
                self.announce(arrival, reference, *id)?;
            }
            let attachments = ids.iter().map(ToString::to_string).collect();
            let path = self.message_path(&arrival.message_id.to_string());
            save(&path, &Named { attachments })?;
            self.drop_unnamed(arrival.message_id, &ids)?;
            for (reference, id) in references.iter().zip(&ids) {
                match self.finish(*id)? {
                    Some(one) => saved.push(one),
                    None => waiting.push(reference.name.clone()),
                }
            }
        }
        Ok(Taken::Message { saved, waiting })
    }

    fn has_parts_of(&self, message: MessageId) -> bool {
        let message = message.to_string();
        self.states.values().any(|state| state.origin.message == message)
    }

    fn announce(
        &mut self,
        arrival: &Arrival<'_>,
        reference: &v1::AttachmentReference,
        id: AttachmentId,
    ) -> Result<(), ClientError> {
        let origin = Origin::of_message(arrival, reference);
        let mut state = match self.states.get(&id) {
            Some(state) => {
                state.check(id, 0, &origin)?;
                state.clone()
            }
            None => self.begin(id, origin)?,
        };
        if state.announced.is_none() {
            let v1::AttachmentReference { name, media_type, .. } = reference.clone();
            state.announced = Some(Announced { name, media_type });
            self.keep(id, state)?;
        }
        Ok(())
    }

    /// Removes what came as part of a message that does not name it.
    fn drop_unnamed(&mut self, main: MessageId, named: &[AttachmentId]) -> Result<(), ClientError> {
        let message = main.to_string();
        let of_message = |(id, state): &(&AttachmentId, &State)| {
            state.origin.message == message && !named.contains(*id)
        };
        let unnamed: Vec<AttachmentId> =
            self.states.iter().filter(of_message).map(|(id, _)| *id).collect();
        for id in unnamed {
            self.states.remove(&id);
            remove(&self.part_path(id))?;
            remove(&self.state_path(id))?;
        }
        Ok(())
    }

    /// Checks an attachment that is whole, and gives it its name; none if it is not whole or not announced.
    fn finish(&mut self, id: AttachmentId) -> Result<Option<Saved>, ClientError> {
        let Some(mut state) = self.states.get(&id).cloned() else { return Ok(None) };
        let Some(announced) = state.announced.clone() else { return Ok(None) };
        if state.failed {
            return Err(AttachmentError::WholeDiffers { attachment: id }.into());
        }
        if state.saved_as.is_none() {
            if !state.is_whole() {
                return Ok(None);
            }
            let part = self.part_path(id);
            let failed = |error| ClientError::file(&part, error);
            let file = File::open(&part).map_err(failed)?;
            let is_whole = file.metadata().map_err(failed)?.len() == state.origin.bytes
                && state.origin.sha256().as_deref()
                    == Some(&hash(&file, state.origin.bytes).map_err(failed)?);
            if !is_whole {
                state.failed = true;
                self.keep(id, state)?;
                remove(&part)?;
                return Err(AttachmentError::WholeDiffers { attachment: id }.into());
            }
            state.saved_as = Some(self.give_name(id, &part, &announced.name)?);
            self.keep(id, state.clone())?;
            remove(&part)?;
        }
        let Announced { name, media_type } = announced;
        let path = self.folder.join(state.saved_as.unwrap_or_default());
        Ok(Some(Saved { attachment: id, path, name, media_type, bytes: state.origin.bytes }))
    }

    /// Links the file under a safe name that nothing has yet; returns the name.
    fn give_name(&self, id: AttachmentId, part: &Path, name: &str) -> Result<String, ClientError> {
        let name = safe_name(name);
        for candidate in [name.clone(), format!("{id}-{name}")] {
            let path = self.folder.join(&candidate);
            let failed = |error| ClientError::file(&path, error);
            match fs::hard_link(part, &path) {
                Ok(()) => {}
                // Linked before an interruption.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    let same = fs::symlink_metadata(&path).map_err(failed)?.ino()
                        == fs::metadata(part).map_err(failed)?.ino();
                    if !same {
                        continue;
                    }
                }
                Err(error) => return Err(failed(error)),
            }
            let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
            folder.map_err(failed)?;
            return Ok(candidate);
        }
        let why = "a file of this name is there already; move it away";
        Err(ClientError::file(&self.folder.join(format!("{id}-{name}")), why))
    }

    fn keep(&mut self, id: AttachmentId, state: State) -> Result<(), ClientError> {
        state.save(&self.state_path(id))?;
        self.states.insert(id, state);
        Ok(())
    }

    /// Forgets finished attachments beyond a number, in the order of their identifiers, which are random: only
    /// a repetition of a message that was finished long ago would then be collected again.
    fn forget_finished(&mut self) {
        let finished = self.states.iter().filter(|(_, state)| !state.is_open());
        let finished: Vec<AttachmentId> = finished.map(|(id, _)| *id).collect();
        let surplus = finished.len().saturating_sub(REMEMBERED_MAX);
        for id in finished.into_iter().take(surplus) {
            if remove(&self.state_path(id)).is_ok() {
                self.states.remove(&id);
            }
        }
    }

    fn part_path(&self, id: AttachmentId) -> PathBuf {
        self.folder.join(format!("{id}.part"))
    }

    fn state_path(&self, id: AttachmentId) -> PathBuf {
        self.folder.join(format!("{id}.state"))
    }

    fn message_path(&self, message: &str) -> PathBuf {
        self.folder.join(format!("{message}.message"))
    }
}

fn remove(path: &Path) -> Result<(), ClientError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ClientError::file(path, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes the oldest files with an ending beyond [`REMEMBERED_MAX`].
fn forget_old(folder: &Path, ending: &str) -> Result<(), ClientError> {
    let failed = |error| ClientError::file(folder, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().extension().is_some_and(|found| found == ending) {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            files.push((modified.map_err(failed)?, entry.path()));
        }
    }
    files.sort();
    let surplus = files.len().saturating_sub(REMEMBERED_MAX);
    files.iter().take(surplus).try_for_each(|(_, path)| remove(path))
}

/// A name that is no path, not hidden, not one of ours, and short enough. The content was checked before; this
/// holds whatever comes.
fn safe_name(name: &str) -> String {
    let is_unsafe = |c: char| is_unprintable(c) || matches!(c, '/' | '\\' | ':' | '\n' | '\t');
    let name: String = name.chars().map(|c| if is_unsafe(c) { '_' } else { c }).collect();
    let name = name.trim().trim_start_matches('.').to_owned();
    let ours = [".part", ".state", ".message", ".lock", ".new"];
    let mut name = if name.is_empty() { "attachment".to_owned() } else { name };
    if ours.iter().any(|ending| name.ends_with(ending)) {
        name.push_str(".file");
    }
    // Keeps the ending, which says what the file is.
    while name.len() > NAME_BYTES_MAX {
        let middle = name.char_indices().map(|(at, _)| at).find(|at| *at >= NAME_BYTES_MAX / 2);
        name.remove(middle.unwrap_or_default());
    }
    name
}

#[cfg(test)]
mod tests;
