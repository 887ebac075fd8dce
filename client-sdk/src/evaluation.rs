//! What the scientific evaluation gets: the tables of a quarter.

use bytes::Bytes;
use schleuse_proto::evidence::decode_canonical;
use schleuse_proto::v1;

use crate::client::Client;
use crate::clock::parse_time;
use crate::error::ClientError;
use crate::ids::Receipt;

/// Tables of a quarter as the log has them.
#[derive(Clone, Debug)]
pub struct EvaluationExport {
    /// The tables.
    pub tables: v1::EvaluationTables,
    /// Their bytes: the same in every export of the quarter.
    pub bytes: Bytes,
    /// Record of the release.
    pub release: Receipt,
    /// Record of this export; of the first the release itself.
    pub receipt: Receipt,
}

impl Client {
    /// Exports the tables of a quarter that is over, for example `2026-Q4`. For the role `evaluation`. The first
    /// export has them computed; every later one is the same. Never repeated by itself, since each is a record.
    ///
    /// # Errors
    /// The quarter is not over, or the broker refuses the call or cannot be reached.
    pub async fn export_evaluation(&self, quarter: &str) -> Result<EvaluationExport, ClientError> {
        let request = v1::ExportEvaluationRequest { quarter: quarter.to_owned() };
        let answer = self.evaluation().export_evaluation(request).await;
        let answer = answer.map_err(|status| self.failed(&status))?.into_inner();
        self.settle(&answer.checkpoint).await?;
        let tables: v1::EvaluationTables = decode_canonical(&answer.tables)
            .map_err(|_| ClientError::protocol("malformed tables of the evaluation"))?;
        if tables.quarter != quarter {
            return Err(ClientError::protocol("tables of another quarter"));
        }
        Ok(EvaluationExport {
            tables,
            bytes: answer.tables,
            release: Receipt::from_wire(answer.release.as_ref())?,
            receipt: Receipt::from_wire(answer.receipt.as_ref())?,
        })
    }
}

/// First instant after a quarter like `2026-Q4`, Unix milliseconds; none if it is malformed.
pub(crate) fn quarter_end_ms(quarter: &str) -> Option<i64> {
    let (year, number) = quarter.split_once("-Q")?;
    let is_plain = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let year: i32 = year.parse().ok().filter(|year| is_plain && (2000..3000).contains(year))?;
    let (year, month) = match number {
        "1" => (year, 4),
        "2" => (year, 7),
        "3" => (year, 10),
        "4" => (year + 1, 1),
        _ => return None,
    };
    parse_time(&format!("{year:04}-{month:02}-01T00:00:00Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::rfc3339;

    #[test]
    fn a_quarter_ends_where_the_next_begins() {
        let end = |quarter| quarter_end_ms(quarter).map(rfc3339);
        assert_eq!(end("2026-Q1").as_deref(), Some("2026-04-01T00:00:00Z"));
        assert_eq!(end("2026-Q4").as_deref(), Some("2027-01-01T00:00:00Z"));
        for wrong in ["2026-Q5", "2026-Q0", "26-Q1", "2026Q1", "+026-Q1", "1999-Q4", "2026-Q1 "] {
            assert_eq!(end(wrong), None, "{wrong}");
        }
    }
}
