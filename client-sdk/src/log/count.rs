//! Counts of the log in groups, without the records themselves.

use schleuse_proto::v1;

use super::LogQuery;
use super::describe::short;
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::Receipt;

/// Most groupings of one count.
const GROUPINGS_MAX: usize = 3;

/// What records are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogGrouping {
    /// Record type, for example `handed-out`.
    Type,
    /// Agency that caused the record; empty: the broker itself.
    Agency,
    /// Sending and receiving agency, `sender>recipient`.
    AgencyPair,
    /// Purpose code.
    Purpose,
    /// Kind code.
    Kind,
    /// Outcome of decisions: `accepted` or `refused`.
    Outcome,
    /// Calendar day in UTC, `2026-11-22`.
    Day,
    /// Calendar month in UTC, `2026-11`.
    Month,
}

impl LogGrouping {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Type,
        Self::Agency,
        Self::AgencyPair,
        Self::Purpose,
        Self::Kind,
        Self::Outcome,
        Self::Day,
        Self::Month,
    ];

    /// Its name, for example `agency-pair`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Agency => "agency",
            Self::AgencyPair => "agency-pair",
            Self::Purpose => "purpose",
            Self::Kind => "kind",
            Self::Outcome => "outcome",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The grouping of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grouping| grouping.name() == name)
    }

    fn to_wire(self) -> v1::LogGrouping {
        match self {
            Self::Type => v1::LogGrouping::Type,
            Self::Agency => v1::LogGrouping::Agency,
            Self::AgencyPair => v1::LogGrouping::AgencyPair,
            Self::Purpose => v1::LogGrouping::Purpose,
            Self::Kind => v1::LogGrouping::Kind,
            Self::Outcome => v1::LogGrouping::Outcome,
            Self::Day => v1::LogGrouping::Day,
            Self::Month => v1::LogGrouping::Month,
        }
    }
}

/// Records that are alike in what they are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCount {
    /// One key for each grouping.
    pub keys: Vec<String>,
    /// Number of records.
    pub records: u64,
    /// Time of the first, Unix milliseconds.
    pub first_ms: i64,
    /// Time of the last, Unix milliseconds.
    pub last_ms: i64,
}

/// The answer to a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCounts {
    /// Groups, sorted by their keys.
    pub groups: Vec<LogCount>,
    /// The record of the count itself.
    pub receipt: Receipt,
}

impl Client {
    /// Counts the records that match, in groups. The page of the query (`first_record`, `max_rows`) does
    /// not matter. Like a query it is a record, so it is never repeated by itself.
    ///
    /// # Errors
    /// More than 3 groupings, or the broker refuses the count, cannot be reached or was rolled back.
    pub async fn count_log(
        &self,
        query: &LogQuery,
        group_by: &[LogGrouping],
    ) -> Result<LogCounts, ClientError> {
        if group_by.len() > GROUPINGS_MAX {
            return Err(ClientError::argument("groupings", "at most 3"));
        }
        let v1::QueryLogRequest { reason, participant_reference, filter, .. } =
            query.request.clone();
        let wire = group_by.iter().map(|grouping| grouping.to_wire().into()).collect();
        let request = v1::CountLogRequest { reason, participant_reference, filter, group_by: wire };
        let answer = self.access_log().count_log(request).await;
        let answer = answer.map_err(|status| self.failed(&status))?.into_inner();
        self.settle(&answer.checkpoint).await?;
        let groups = answer.groups.into_iter().map(|group| {
            if group.keys.len() != group_by.len() {
                return Err(ClientError::protocol("a group with other keys than asked for"));
            }
            let v1::LogGroup { keys, records, first_ms, last_ms } = group;
            let keys = keys.into_iter().zip(group_by).map(|(key, grouping)| match grouping {
                LogGrouping::Type => short(&key, "RECORD_TYPE_"),
                LogGrouping::Agency
                | LogGrouping::AgencyPair
                | LogGrouping::Purpose
                | LogGrouping::Kind
                | LogGrouping::Outcome
                | LogGrouping::Day
                | LogGrouping::Month => key,
            });
            Ok(LogCount { keys: keys.collect(), records, first_ms, last_ms })
        });
        Ok(LogCounts {
            groups: groups.collect::<Result<_, _>>()?,
            receipt: Receipt::from_wire(answer.receipt.as_ref())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grouping_of_the_schema_has_a_name() {
        for grouping in LogGrouping::ALL {
            assert_eq!(LogGrouping::parse(grouping.name()), Some(grouping));
            let wire = grouping.to_wire().as_str_name();
            let name = wire.trim_start_matches("LOG_GROUPING_").to_lowercase().replace('_', "-");
            assert_eq!(name, grouping.name());
        }
        let known = (1..=i32::from(u8::MAX)).map_while(|n| v1::LogGrouping::try_from(n).ok());
        assert_eq!(known.count(), LogGrouping::ALL.len());
    }
}
