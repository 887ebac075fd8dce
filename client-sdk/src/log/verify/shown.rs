//! The rows that checks look at, with what several checks need of them worked out once.

use schleuse_proto::evidence::decode_canonical;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::erased::Erasures;
use crate::log::LogRow;

/// The rows of a file.
pub(super) struct Shown<'a> {
    /// In the order of the file.
    pub(super) rows: &'a [LogRow],
    /// Label of each row's message, if the row is a decision and the label is canonical.
    pub(super) labels: Vec<Option<v1::Label>>,
    /// Whether there is a row for every record of the log.
    pub(super) is_complete: bool,
    /// What was erased.
    pub(super) erasures: Erasures,
}

impl<'a> Shown<'a> {
    pub(super) fn new(rows: &'a [LogRow], is_complete: bool) -> Self {
        let labels = rows.iter().map(|row| match row.event() {
            Some(Event::MessageDecided(decided)) => decode_canonical(&decided.label).ok(),
            _ => None,
        });
        Self { rows, labels: labels.collect(), is_complete, erasures: Erasures::of(rows) }
    }

    /// Rows with their labels.
    pub(super) fn labelled(&self) -> impl Iterator<Item = (&'a LogRow, Option<&v1::Label>)> {
        self.rows.iter().zip(self.labels.iter().map(Option::as_ref))
    }
}
