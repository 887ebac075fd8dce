//! Counts of log records in groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use schleuse_proto::v1;
use tonic::Request;

use super::log::{AccessLog, Permitted};
use super::{checkpoint, invalid};
use crate::domain::catalogue::Catalogue;
use crate::domain::event::Event;
use crate::domain::ids::TimeMs;
use crate::edge::status::Failure;
use crate::journal::StoredRecord;
use crate::record::facts::Facts;

/// Most groups of one answer.
const GROUPS_MAX: usize = 10_000;
/// Records that are counted together.
const COUNTED_TOGETHER: usize = 4_096;
/// Most groupings of one question.
const GROUPINGS_MAX: usize = 3;

/// What is known of one group.
#[derive(Default)]
struct Group {
    records: u64,
    first: TimeMs,
    last: TimeMs,
}

type Groups = BTreeMap<Vec<String>, Group>;

impl AccessLog {
    /// Counts what a query would show.
    pub(super) async fn count(
        &self,
        request: Request<v1::CountLogRequest>,
    ) -> Result<v1::CountLogResponse, Failure> {
        let unknown = || invalid("group_by", "at most 3 groupings, each once");
        let groupings = request.get_ref().group_by.iter().map(|number| {
            let grouping = v1::LogGrouping::try_from(*number).ok();
            grouping.filter(|g| *g != v1::LogGrouping::Unspecified).ok_or_else(unknown)
        });
        let groupings: Vec<v1::LogGrouping> = groupings.collect::<Result<_, _>>()?;
        let mut once = groupings.clone();
        once.sort_unstable();
        once.dedup();
        if groupings.len() > GROUPINGS_MAX || once.len() != groupings.len() {
            return Err(unknown());
        }
        let (extensions, counted) = {
            let (metadata, extensions, counted) = request.into_parts();
            drop(metadata);
            (extensions, counted)
        };
        let query = v1::QueryLogRequest {
            reason: counted.reason,
            participant_reference: counted.participant_reference,
            filter: counted.filter,
            max_rows: 0,
            first_record: 0,
        };
        let request = Request::from_parts(tonic::metadata::MetadataMap::new(), extensions, query);
        let Permitted { actor, wanted, range, record, answer, .. } = self.permit(request).await?;
        let (engine, rules) = (self.0.engine.clone(), self.0.engine.clone());
        let mut query = self.0.blocking(move || engine.query(&actor, wanted, range)).await?;
        let groupings: Arc<[v1::LogGrouping]> = groupings.into();
        let mut groups = Groups::new();
        loop {
            // A part at a time: others get their turn, and nobody counts on when the caller is gone.
            let (groupings, engine) = (groupings.clone(), rules.clone());
            let (counted, returned, is_last) = self
                .0
                .blocking(move || {
                    for _ in 0..COUNTED_TOGETHER {
                        let Some((stored, event)) = query.next_record(|| false)? else {
                            return Ok((groups, query, true));
                        };
                        let catalogue = &engine.rules().catalogue;
                        count_one(&mut groups, &groupings, &stored, event.as_ref(), catalogue);
                    }
                    Ok((groups, query, false))
                })
                .await?;
            (groups, query) = (counted, returned);
            if groups.len() > GROUPS_MAX {
                return Err(invalid("group_by", "groupings with at most 10,000 groups"));
            }
            if is_last {
                break;
            }
        }
        Ok(v1::CountLogResponse {
            groups: groups.into_iter().map(|(keys, group)| group.into_wire(keys)).collect(),
            receipt: Some(self.0.receipt(&answer.commit, record)?),
            checkpoint: checkpoint(&answer.commit),
        })
    }
}

/// Adds one record to its group.
fn count_one(
    groups: &mut Groups,
    groupings: &[v1::LogGrouping],
    stored: &StoredRecord,
    event: Option<&Event>,
    catalogue: &Catalogue,
) {
    let (record_type, time) = (stored.skeleton.record_type, stored.skeleton.time_ms);
    let keys = groupings.iter().map(|of| key(*of, record_type, time, event, catalogue)).collect();
    let group = groups.entry(keys).or_insert_with(|| Group { first: time, ..Group::default() });
    group.records += 1;
    group.last = time;
}

impl Group {
    fn into_wire(self, keys: Vec<String>) -> v1::LogGroup {
        let ms = |time| i64::try_from(time).unwrap_or(i64::MAX);
        let (first_ms, last_ms) = (ms(self.first), ms(self.last));
        v1::LogGroup { keys, records: self.records, first_ms, last_ms }
    }
}

/// What a record has under a grouping; empty if that does not apply to it.
fn key(
    grouping: v1::LogGrouping,
    record_type: u8,
    time: TimeMs,
    event: Option<&Event>,
    catalogue: &Catalogue,
) -> String {
    use v1::LogGrouping as G;
    let facts = event.map(Facts::of);
    let code = |code: Option<&str>| code.unwrap_or_default().to_owned();
    match grouping {
        G::Unspecified => String::new(),
        G::Type => v1::RecordType::try_from(i32::from(record_type))
            .map(|known| known.as_str_name().trim_start_matches("RECORD_TYPE_").to_owned())
            .unwrap_or_default(),
        G::Agency => {
            let actor = event.and_then(|event| event.actor.as_ref());
            actor.map(|actor| actor.agency.to_string()).unwrap_or_default()
        }
        G::AgencyPair => {
            let pair = facts.and_then(|facts| facts.pair());
            pair.map(|(sender, recipient)| format!("{sender}>{recipient}")).unwrap_or_default()
        }
        G::Purpose => {
            let purpose = facts.and_then(|facts| facts.purpose());
            code(purpose.map(|purpose| catalogue.purpose_code(purpose)))
        }
        G::Kind => {
            let kind = facts.and_then(|facts| facts.kind());
            code(kind.map(|kind| catalogue.kind_code(kind)))
        }
        G::Outcome => match facts.and_then(|facts| facts.accepted()) {
            Some(true) => "accepted".to_owned(),
            Some(false) => "refused".to_owned(),
            None => String::new(),
        },
        G::Day => date(time, 10),
        G::Month => date(time, 7),
    }
}

/// The first characters of a time in RFC 3339, UTC.
fn date(time: TimeMs, characters: usize) -> String {
    let instant = i64::try_from(time).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let date = instant.map(|instant| instant.to_zoned(TimeZone::UTC).date().to_string());
    date.unwrap_or_default().chars().take(characters).collect()
}
