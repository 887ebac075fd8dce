//! What was done, said once on the page that follows a form. It stands in the address as a code and numbers.

use std::collections::HashMap;

use crate::desk::Desk;
use crate::texts::filled;

/// Query of an address.
pub(super) type Asked = crate::extract::Query;

/// The words for what was done; none if nothing was.
pub(super) fn notice(desk: &Desk, asked: &HashMap<String, String>) -> Option<String> {
    let (l, c) = (&desk.t().lotse, &desk.t().consent);
    let number = |name: &str| asked.get(name).filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let empty = String::new();
    let (n, r) = (number("n").unwrap_or(&empty), number("r").unwrap_or(&empty));
    let counted = |text| Some(filled(text, &[n, r]));
    let recorded = |text| Some(filled(text, &[r]));
    match asked.get("done")?.as_str() {
        "closed" => Some(l.closed.to_owned()),
        "registered" => Some(l.registered.to_owned()),
        "named" => Some(l.named.to_owned()),
        "phase" => Some(filled(l.phase_set, &[super::participant::phase_by_number(n, l)])),
        "waits" => Some(filled(l.phase_waits, &[n])),
        "revoked" => counted(c.revoked),
        "narrowed" => counted(c.narrowed),
        "confirmed" => recorded(c.confirmed),
        "renewed" => recorded(c.renewed),
        "recorded" => recorded(c.recorded),
        "objected" => counted(c.objected),
        "withdrawn" => recorded(c.withdrawn),
        "released" => recorded(c.secrecy_recorded),
        "unreleased" => counted(c.secrecy_revoked),
        "sent" => counted(desk.t().conference.invited_n),
        "restricted" => recorded(l.restrict_done),
        "unrestricted" => recorded(l.unrestrict_done),
        "deputy" => recorded(c.deputy_done),
        "ended" => counted(c.end_done),
        "handed-over" => recorded(c.hand_over_done),
        "forgotten" => Some(l.forgotten.to_owned()),
        _ => None,
    }
}
