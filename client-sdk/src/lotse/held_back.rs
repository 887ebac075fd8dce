//! What holds back a grant that is in force: a restriction, an objection, the end of the participation.
//!
//! For the eyes of the Lotse alone: the broker decides. A grant that an objection meets in part is marked, since what
//! is met does not pass, and the rest does.

use schleuse_proto::v1;

use super::{ConsentRecord, SafeguardRecords};

/// Something that holds back a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBack {
    /// The participation has ended.
    ParticipationEnded,
    /// The processing of the participant's data is restricted.
    Restricted,
    /// The participant objected to all of it.
    Objected,
    /// The participant objected to a part of it.
    ObjectedInPart,
}

/// What holds back this grant now, most far-reaching first; nothing if it is not in force anyway.
#[must_use]
pub fn held_back(
    consent: &ConsentRecord,
    grant: &v1::Grant,
    safeguards: &SafeguardRecords,
) -> Vec<HeldBack> {
    let mut held = Vec::new();
    if safeguards.ended_at_ms.is_some() {
        held.push(HeldBack::ParticipationEnded);
    }
    if consent.restricted {
        held.push(HeldBack::Restricted);
    }
    let active = safeguards.objections.iter().filter(|it| it.state == v1::SafeguardState::Active);
    let met: Vec<bool> = active.filter_map(|it| meets(&it.document, grant)).collect();
    if met.contains(&true) {
        held.push(HeldBack::Objected);
    } else if !met.is_empty() {
        held.push(HeldBack::ObjectedInPart);
    }
    held
}

/// Whether an objection meets the whole grant, a part of it, or nothing.
fn meets(objection: &v1::ObjectionDocument, grant: &v1::Grant) -> Option<bool> {
    let recipient = grant.recipient.as_ref();
    let to_recipient = recipient.is_some_and(|to| {
        objection.recipients.contains(to) || objection.agencies.contains(&to.agency)
    });
    let anybody = objection.recipients.is_empty() && objection.agencies.is_empty();
    let of = |sender: &String| objection.agencies.contains(sender);
    let any_party = anybody || to_recipient || grant.senders.iter().any(of);
    let all_parties = anybody || to_recipient || grant.senders.iter().all(of);
    let purpose = objection.purposes.is_empty() || objection.purposes.contains(&grant.purpose);
    let touches = |category: &String| objection.categories.contains(category);
    let any_category = objection.categories.is_empty() || grant.categories.iter().any(touches);
    let all_categories = objection.categories.is_empty() || grant.categories.iter().all(touches);
    (any_party && purpose && any_category).then_some(all_parties && all_categories)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(codes: &[&str]) -> Vec<String> {
        codes.iter().map(|&code| code.to_owned()).collect()
    }

    #[test]
    fn an_objection_meets_as_the_broker_decides() {
        let to = |agency: &str| v1::Address { agency: agency.into(), function: "reha".into() };
        let grant = v1::Grant {
            senders: codes(&["jobcenter", "bezirk"]),
            recipient: Some(to("drv")),
            purpose: "unterlagen".into(),
            categories: codes(&["termine", "gesundheit"]),
            ..Default::default()
        };
        let objection =
            |recipients: &[&str], agencies: &[&str], purposes: &[&str], categories: &[&str]| {
                v1::ObjectionDocument {
                    recipients: recipients.iter().map(|agency| to(agency)).collect(),
                    agencies: codes(agencies),
                    purposes: codes(purposes),
                    categories: codes(categories),
                    ..Default::default()
                }
            };
        for (objection, expected) in [
            (objection(&[], &[], &[], &[]), Some(true)),
            (objection(&["drv"], &[], &[], &[]), Some(true)),
            (objection(&["kasse"], &[], &[], &[]), None),
            (objection(&["kasse"], &["drv"], &[], &[]), Some(true)),
            (objection(&[], &["jobcenter"], &[], &[]), Some(false)),
            (objection(&[], &["jobcenter", "bezirk"], &[], &[]), Some(true)),
            (objection(&[], &[], &["unterlagen"], &["gesundheit"]), Some(false)),
            (objection(&[], &[], &["hilfeplanung"], &[]), None),
            (objection(&[], &[], &[], &["sucht-psyche"]), None),
        ] {
            assert_eq!(meets(&objection, &grant), expected, "{objection:?}");
        }
    }
}
