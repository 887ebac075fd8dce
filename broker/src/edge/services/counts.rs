//! Counts of log records in groups.

use schleuse_proto::v1;
use tonic::Request;

use super::log::{AccessLog, Permitted};
use super::{checkpoint, invalid};
use crate::edge::status::Failure;
use crate::engine::{GROUPS_MAX, Group, Grouping};

/// Most groupings of one question.
const GROUPINGS_MAX: usize = 3;

fn unknown() -> Failure {
    invalid("group_by", "at most 3 groupings, each once")
}

/// Reads the groupings of a question.
fn groupings(numbers: &[i32]) -> Result<Vec<Grouping>, Failure> {
    let groupings = numbers.iter().map(|number| grouping(*number).ok_or_else(unknown));
    let groupings: Vec<Grouping> = groupings.collect::<Result<_, _>>()?;
    let mut once = groupings.clone();
    once.sort_unstable();
    once.dedup();
    if groupings.len() > GROUPINGS_MAX || once.len() != groupings.len() {
        return Err(unknown());
    }
    Ok(groupings)
}

fn grouping(number: i32) -> Option<Grouping> {
    match v1::LogGrouping::try_from(number).ok()? {
        v1::LogGrouping::Unspecified => None,
        v1::LogGrouping::Type => Some(Grouping::Type),
        v1::LogGrouping::Agency => Some(Grouping::Agency),
        v1::LogGrouping::AgencyPair => Some(Grouping::AgencyPair),
        v1::LogGrouping::Purpose => Some(Grouping::Purpose),
        v1::LogGrouping::Kind => Some(Grouping::Kind),
        v1::LogGrouping::Outcome => Some(Grouping::Outcome),
        v1::LogGrouping::Day => Some(Grouping::Day),
        v1::LogGrouping::Month => Some(Grouping::Month),
    }
}

fn into_wire((keys, group): (Vec<String>, Group)) -> v1::LogGroup {
    let ms = |time| i64::try_from(time).unwrap_or(i64::MAX);
    let (first_ms, last_ms) = (ms(group.first), ms(group.last));
    v1::LogGroup { keys, records: group.records, first_ms, last_ms }
}

impl AccessLog {
    /// Counts what a query would show.
    pub(super) async fn count(
        &self,
        request: Request<v1::CountLogRequest>,
    ) -> Result<v1::CountLogResponse, Failure> {
        let groupings = groupings(&request.get_ref().group_by)?;
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
        let begun = self.0.blocking(move || engine.count(&actor, wanted, range, groupings));
        let mut count = begun.await?;
        let groups = loop {
            // A part at a time: others get their turn, and nobody counts on when the caller is gone.
            let (is_all, returned) = self
                .0
                .blocking(move || {
                    let is_all = count.go_on()?;
                    Ok((is_all, count))
                })
                .await?;
            count = returned;
            if is_all {
                break count.groups();
            }
        };
        if groups.len() > GROUPS_MAX {
            return Err(invalid("group_by", "groupings with at most 10,000 groups"));
        }
        Ok(v1::CountLogResponse {
            groups: groups.into_iter().map(into_wire).collect(),
            receipt: Some(self.0.receipt(&answer.commit, record)?),
            checkpoint: checkpoint(&answer.commit),
        })
    }
}
