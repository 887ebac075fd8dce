//! How long a consent holds that a text names by days.

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::clock::months_later;
use crate::deadlines::{day_of, start_of};
use crate::error::ClientError;

/// Most calendar months of a grant. Source: DOMAIN rule 2.
pub const CONSENT_MONTHS_MAX: u32 = 24;
/// Most calendar months until a consent is reviewed after it was signed or confirmed. A broker may be set to fewer.
pub const REVIEW_MONTHS_MAX: u32 = 6;

/// First instant, and first instant after, of grants that hold for some months from a day on: whole days in Germany,
/// and never more than as many months in UTC, which is what the broker counts.
///
/// # Errors
/// The day is outside the calendar, or the term is over already: such a consent would permit nothing.
pub fn whole_days(from: Date, months: u32, now_ms: i64) -> Result<(i64, i64), ClientError> {
    let from_ms = start_of(from)
        .map_err(|_| ClientError::argument("valid_from", "a day from 2020 to 2050"))?;
    let beyond = |_| ClientError::argument("months", "an end within the calendar");
    let last = day_of(from_ms)?.checked_add(i64::from(months).months()).map_err(beyond)?;
    let until_ms = start_of(last)?.min(months_later(from_ms, months)?);
    if until_ms > now_ms {
        return Ok((from_ms, until_ms));
    }
    let why = format!(
        "{months} months from {from} on are over already: such a consent would permit nothing"
    );
    Err(ClientError::Precondition { what: "valid_from", why })
}
