//! Whether a later revision of a consent covers less than the one before.

use crate::domain::consent::GrantTerms;
use crate::domain::ids::TimeMs;

/// Whether something that could still pass under the grants before, at an instant or later, is not covered by one of
/// the grants after.
#[must_use]
pub fn is_narrowed(before: &[GrantTerms], after: &[GrantTerms], now: TimeMs) -> bool {
    let holds = before.iter().filter(|grant| now < grant.not_after);
    holds.flat_map(|grant| grant.senders.iter().map(move |sender| (grant, sender))).any(
        |(old, sender)| {
            !after.iter().any(|new| {
                new.senders.contains(sender)
                    && new.recipient == old.recipient
                    && new.purpose == old.purpose
                    && new.categories.contains(old.categories)
                    && new.not_before <= old.not_before.max(now)
                    && new.not_after >= old.not_after
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Catalogue;
    use crate::domain::ids::{Address, AgencyId};

    fn grant(
        senders: &[&str],
        categories: &[&str],
        not_before: TimeMs,
        not_after: TimeMs,
    ) -> GrantTerms {
        let text = include_str!("../../../../ops/reference/catalogue.toml");
        let catalogue = Catalogue::parse(text).unwrap();
        let sets = categories.iter().map(|code| catalogue.category(code).unwrap());
        GrantTerms {
            senders: senders.iter().map(|id| AgencyId::parse(id).unwrap()).collect(),
            recipient: Address::parse("drv", "reha").unwrap(),
            purpose: catalogue.purpose("fallkonferenz").unwrap(),
            categories: sets
                .fold(crate::domain::catalogue::Categories::default(), |a, b| a.union(b)),
            not_before,
            not_after,
        }
    }

    #[test]
    fn less_is_narrower_and_more_is_not() {
        let before = [grant(&["a", "b"], &["termine", "wohnen"], 0, 100)];
        let narrowed = |after: &[GrantTerms], now| is_narrowed(&before, after, now);
        assert!(!narrowed(&before, 10));
        assert!(!narrowed(&[grant(&["a", "b", "c"], &["termine", "wohnen"], 0, 200)], 10));
        // Split by senders it covers the same; the future of what has begun is all that counts.
        let split = [
            grant(&["a"], &["termine", "wohnen"], 10, 100),
            grant(&["b"], &["termine", "wohnen", "gesundheit"], 5, 100),
        ];
        assert!(!narrowed(&split, 10));
        assert!(narrowed(&split[..1], 10));
        assert!(narrowed(&[grant(&["a", "b"], &["termine"], 0, 100)], 10));
        assert!(narrowed(&[grant(&["a", "b"], &["termine", "wohnen"], 0, 99)], 10));
        assert!(narrowed(&[grant(&["a", "b"], &["termine", "wohnen"], 11, 100)], 10));
        // What has ended cannot be narrowed.
        assert!(!narrowed(&[], 100));
    }
}
