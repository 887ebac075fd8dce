//! Deputies: while the participant agrees, another Lotse of the agency acts for them. That, too, is a consent.

use super::{ConsentBuilder, Grant, REVIEW_MONTHS_MAX};
use crate::clock::months_later;
use crate::error::ClientError;
use crate::ids::{Address, ParticipantReference};

/// Purpose of the grants that appoint a deputy.
pub const DEPUTY_PURPOSE: &str = "vertretung";

/// A consent under which another Lotse of an agency is the deputy for some months. Text and evidence are still to be
/// added. Nobody can tell whether there is such a Lotse: whoever gets a certificate with this identity is it.
///
/// # Errors
/// `lotse` is not the person part of an identity, or the end is beyond the calendar.
pub fn deputy_consent(
    participant: &ParticipantReference,
    agency: &str,
    lotse: &str,
    categories: &[&str],
    now_ms: i64,
    months: u32,
) -> Result<ConsentBuilder, ClientError> {
    let to = Address::new(agency, &format!("lotse-{lotse}"))?;
    let grant = Grant::for_months(&[agency], to, DEPUTY_PURPOSE, categories, now_ms, months)?;
    let review_by = months_later(now_ms, months.min(REVIEW_MONTHS_MAX))?;
    Ok(ConsentBuilder::new(participant.clone()).review_by(review_by).grant(grant))
}
