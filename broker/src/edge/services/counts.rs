//! Counts of log records in groups.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use schleuse_proto::v1;
use tonic::Request;

use super::log::{AccessLog, Permitted};
use super::{checkpoint, invalid};
use crate::domain::catalogue::Catalogue;
use crate::domain::event::Event;
use crate::domain::ids::TimeMs;
use crate::edge::status::Failure;
use crate::record::facts::Facts;

/// Most groups of one answer.
const GROUPS_MAX: usize = 10_000;
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
        let engine = self.0.engine.clone();
        let count = move || {
            let mut query = engine.query(&actor, wanted, range)?;
            let mut groups = Groups::new();
            while let Some((stored, event)) = query.next_record(|| false)? {
                let time = stored.skeleton.time_ms;
                let key = |of: &v1::LogGrouping| {
                    key(
                        *of,
                        stored.skeleton.record_type,
                        time,
                        event.as_ref(),
                        &engine.rules().catalogue,
                    )
                };
                let keys = groupings.iter().map(key).collect();
                let group =
                    groups.entry(keys).or_insert_with(|| Group { first: time, ..Group::default() });
                group.records += 1;
                group.last = time;
                if groups.len() > GROUPS_MAX {
                    return Ok(None);
                }
            }
            Ok(Some(groups))
        };
        let groups = self.0.blocking(count).await?;
        let groups = groups.ok_or(invalid("group_by", "groupings with at most 10,000 groups"))?;
        Ok(v1::CountLogResponse {
            groups: groups.into_iter().map(|(keys, group)| group.into_wire(keys)).collect(),
            receipt: Some(self.0.receipt(&answer.commit, record)?),
            checkpoint: checkpoint(&answer.commit),
        })
    }
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
