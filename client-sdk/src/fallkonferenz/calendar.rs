//! A conference as an iCalendar file (RFC 5545), with no personal data: no title of an item, no body, no
//! participant. The place is written only if the caller says so, since rooms can be telling.

use icalendar::{Calendar, Component as _, Event, EventLike as _};
use schleuse_proto::evidence::sha256;

use super::conference::Conference;
use super::state::Phase;
use crate::ids::hex;

/// Form of a time in UTC. Source: RFC 5545 §3.3.5, form 2.
const UTC: &str = "%Y%m%dT%H%M%SZ";

impl Conference {
    /// The calendar entry; none as long as no date was ever fixed. A conference that was cancelled, or moved
    /// without a new date yet, or whose invitation was recalled, cancels its entry.
    #[must_use]
    pub fn calendar(&self, with_place: bool) -> Option<String> {
        let state = self.state();
        let date = state.date?;
        let is_fixed = match state.phase {
            Phase::Fixed => true,
            Phase::Planned | Phase::Invited | Phase::Cancelled | Phase::Withdrawn => false,
        };
        let (method, status) =
            if is_fixed { ("PUBLISH", "CONFIRMED") } else { ("CANCEL", "CANCELLED") };
        let summary = if self.is_about_participant() { "Fallkonferenz" } else { "Konferenz" };
        // Calendars get around: each agency has an identifier of its own, which tells nothing.
        let own = self.own.agency.as_bytes();
        let uid = sha256(&[b"schleuse/v1/calendar\0", self.id.as_bytes(), own]);
        let mut event = Event::new();
        event
            .uid(&format!("{}@schleuse", hex(&uid)))
            .summary(summary)
            .add_property("DTSTAMP", utc(state.changed_at_ms)?)
            .add_property("DTSTART", utc(date.starts_at_ms)?)
            .add_property("DTEND", utc(date.ends_at_ms())?)
            .add_property("SEQUENCE", state.sequence.to_string())
            .add_property("STATUS", status)
            .add_property("CLASS", "PRIVATE");
        if with_place && is_fixed {
            event.location(&state.place);
        }
        let mut calendar = Calendar::new();
        calendar.append_property(("METHOD", method));
        calendar.push(event.done());
        Some(calendar.done().to_string())
    }
}

fn utc(ms: i64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(ms).ok()?;
    Some(time.strftime(UTC).to_string())
}
