//! From the files of a data folder to what the engine works with: replay, what an interrupted erasure owes, the
//! index, and how the log stands to what others know of it.

use std::path::Path;
use std::sync::Arc;

use super::columns::Columns;
use super::replay::{Replay, Replayed};
use super::standing::{Standing, StandingParts};
use super::{Parts, StartError};
use crate::domain::event::{Event, RecordRange};
use crate::domain::ids::RecordNumber;
use crate::domain::state::{Rules, State};
use crate::index::{Index, Term};
use crate::journal::segments::SegmentJournal;
use crate::journal::{JournalError, JournalReader};
use crate::record;
use crate::record::facts::Facts;

/// What lies in a folder, opened and checked.
pub(super) struct Opened {
    pub(super) journal: SegmentJournal,
    pub(super) reader: Arc<dyn JournalReader>,
    pub(super) state: State,
    pub(super) index: Index,
    pub(super) columns: Columns,
    pub(super) standing: Arc<Standing>,
}

impl Opened {
    pub(super) fn open(folder: &Path, parts: &Parts) -> Result<Self, StartError> {
        let rules = &*parts.rules;
        let mut replay = Replay::new(rules);
        let index_folder = folder.join("index");
        let index = Index::open(&index_folder)?;
        let columns = Columns::default();
        let mut tags = (parts.entropy)();
        let new_tag = Box::new(move || {
            let mut tag = [0; 16];
            tags.fill(&mut tag);
            tag
        });
        let disk = parts.disk.clone();
        let signer = parts.signer.clone();
        let opened = SegmentJournal::open(disk, folder, signer, parts.sizes, new_tag, &mut |r| {
            let event = replay.push(&r)?;
            let (number, time) = (r.skeleton.number, r.skeleton.time_ms);
            let facts = event.as_ref().map(|event| (event, Facts::of(event)));
            let facts = facts.as_ref().map(|(event, facts)| (*event, facts));
            if !index.has(number) {
                let terms = facts.map(|(_, facts)| facts.terms(&rules.catalogue));
                index.push(number, &terms.unwrap_or_default());
            }
            columns.push(number, time, r.skeleton.record_type, facts);
            Ok(())
        })?;
        let Replayed { state, owed, owed_payloads, newest_erasure } = replay.finish()?;
        if opened.was_torn {
            tracing::warn!(
                "an unfinished group at the end of the journal was cut; it was never acknowledged"
            );
        }
        let reader: Arc<dyn JournalReader> = opened.reader;
        finish_erasures(&reader, &owed, &owed_payloads)?;
        columns.forget(owed.iter().flat_map(|range| range.first..range.end()));
        let index = checked_index(index, &index_folder, &reader, rules, newest_erasure)?;
        let verifier = parts
            .signer
            .verifier()
            .map_err(|error| JournalError::Record { number: 0, why: error.to_string() })?;
        let standing = Arc::new(Standing::open(StandingParts {
            verifier,
            reader: reader.clone(),
            disk: parts.disk.clone(),
            abandoned: state.abandoned(),
            folder: folder.to_owned(),
            state_file: parts.state_file.clone(),
        })?);
        Ok(Self { journal: opened.journal, reader, state, index, columns, standing })
    }
}

/// Terms of a record; none if its contents were erased.
fn terms(rules: &Rules, event: Option<&Event>) -> Vec<Term> {
    event.map(|event| Facts::of(event).terms(&rules.catalogue)).unwrap_or_default()
}

/// Overwrites what an interrupted erasure left behind, before anybody is served.
fn finish_erasures(
    reader: &Arc<dyn JournalReader>,
    owed: &[RecordRange],
    owed_payloads: &[RecordNumber],
) -> Result<(), JournalError> {
    let numbers: Vec<RecordNumber> =
        owed.iter().flat_map(|range| range.first..range.end()).collect();
    if !numbers.is_empty() {
        tracing::warn!(records = numbers.len(), "an interrupted erasure is finished");
    }
    let eraser = reader.clone().eraser();
    eraser.erase(&numbers)?;
    eraser.erase_payloads(owed_payloads)
}

/// Makes sure that the index is of this journal, complete, and without traces of what was erased; otherwise
/// builds it anew.
fn checked_index(
    mut index: Index,
    folder: &Path,
    reader: &Arc<dyn JournalReader>,
    rules: &Rules,
    newest_erasure: Option<RecordNumber>,
) -> Result<Index, StartError> {
    let (applied, root) = index.applied();
    let size = reader.latest().size();
    let is_ours = applied <= size && (applied == 0 || reader.root(applied)? == root);
    let roots = reader.clone();
    let root_at = Box::new(move |size| roots.root(size).ok());
    if is_ours && index.erasures() == newest_erasure {
        index.start_writer(root_at);
        return Ok(index);
    }
    tracing::warn!(applied, size, "the index is built anew");
    let mut index = index.renew(folder)?;
    index.set_erasures(newest_erasure)?;
    // Before anything is pushed: what waits to be written is bounded by it.
    index.start_writer(root_at);
    for number in 0..size {
        let stored = reader.record(number)?;
        let event = record::decode(&stored, &rules.catalogue)
            .map_err(|why| JournalError::Record { number, why })?;
        index.push(number, &terms(rules, event.as_ref()));
    }
    Ok(index)
}
