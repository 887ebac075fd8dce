//! Whether what was recorded is what is sent again, by whoever does not know that the first attempt arrived: the same,
//! but for times that went on with the hours between the two.

use schleuse_proto::v1;

/// Longest time between two attempts, in milliseconds: two days.
const BETWEEN_MAX_MS: i64 = 2 * DAY_MS;
/// Times that are whole days go on by up to one more.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Whether an instant is the same, or went on with the time between the attempts. Never an earlier one: whoever shortens
/// a term must not be told that the longer one is it.
fn went_on(recorded_ms: i64, again_ms: i64, between_ms: i64) -> bool {
    (0..=between_ms.saturating_add(DAY_MS)).contains(&again_ms.saturating_sub(recorded_ms))
}

fn between(recorded_ms: i64, again_ms: i64) -> Option<i64> {
    Some(again_ms.saturating_sub(recorded_ms)).filter(|ms| (0..=BETWEEN_MAX_MS).contains(ms))
}

/// Whether a recorded consent is the one that is sent again.
pub(super) fn is_consent(recorded: &v1::ConsentDocument, again: &v1::ConsentDocument) -> bool {
    let Some(between) = between(recorded.signed_at_ms, again.signed_at_ms) else { return false };
    let grants = recorded.grants.iter().zip(&again.grants);
    went_on(recorded.review_by_ms, again.review_by_ms, between)
        && grants.into_iter().all(|(one, other)| {
            went_on(one.not_before_ms, other.not_before_ms, between)
                && went_on(one.not_after_ms, other.not_after_ms, between)
        })
        && consent_without_times(recorded) == consent_without_times(again)
}

fn consent_without_times(document: &v1::ConsentDocument) -> v1::ConsentDocument {
    let mut document = v1::ConsentDocument { review_by_ms: 0, signed_at_ms: 0, ..document.clone() };
    for grant in &mut document.grants {
        (grant.not_before_ms, grant.not_after_ms) = (0, 0);
    }
    document
}

/// Whether a recorded release is the one that is sent again.
pub(super) fn is_release(
    recorded: &v1::SecrecyReleaseDocument,
    again: &v1::SecrecyReleaseDocument,
) -> bool {
    let Some(between) = between(recorded.signed_at_ms, again.signed_at_ms) else { return false };
    let without_times = |document: &v1::SecrecyReleaseDocument| v1::SecrecyReleaseDocument {
        not_before_ms: 0,
        not_after_ms: 0,
        signed_at_ms: 0,
        ..document.clone()
    };
    went_on(recorded.not_before_ms, again.not_before_ms, between)
        && went_on(recorded.not_after_ms, again.not_after_ms, between)
        && without_times(recorded) == without_times(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3600 * 1000;

    fn consent(now_ms: i64, months: i64, recipient: &str) -> v1::ConsentDocument {
        let grant = v1::Grant {
            recipient: Some(v1::Address { agency: recipient.to_owned(), function: "a".to_owned() }),
            not_before_ms: now_ms,
            not_after_ms: now_ms + months * 30 * 24 * HOUR_MS,
            ..v1::Grant::default()
        };
        v1::ConsentDocument {
            grants: vec![grant],
            signed_at_ms: now_ms,
            ..v1::ConsentDocument::default()
        }
    }

    #[test]
    fn the_hours_between_two_attempts_are_all_that_may_differ() {
        let first = consent(0, 6, "drv");
        assert!(is_consent(&first, &consent(5 * HOUR_MS, 6, "drv")));
        assert!(!is_consent(&first, &consent(5 * HOUR_MS, 7, "drv")), "for longer");
        assert!(!is_consent(&first, &consent(5 * HOUR_MS, 6, "kk")), "to somebody else");
        assert!(!is_consent(&first, &consent(49 * HOUR_MS, 6, "drv")), "days later");
        let mut shorter = consent(HOUR_MS, 6, "drv");
        shorter.grants[0].not_after_ms -= 2 * HOUR_MS;
        assert!(!is_consent(&first, &shorter), "until an earlier instant");
        let mut longer = consent(HOUR_MS, 6, "drv");
        longer.grants[0].not_after_ms += 25 * HOUR_MS;
        assert!(!is_consent(&first, &longer), "until a later one than the hours between tell");
        let mut days = consent(HOUR_MS, 6, "drv");
        days.grants[0].not_after_ms = first.grants[0].not_after_ms + 24 * HOUR_MS;
        assert!(is_consent(&first, &days), "whole days, sent again after midnight");
        let mut more = first.clone();
        more.grants.push(v1::Grant::default());
        assert!(!is_consent(&first, &more), "with more in it");
        let mut signed = first.clone();
        signed.evidence_hashes.push(vec![1; 32].into());
        assert!(!is_consent(&first, &signed), "with other evidence");
    }

    #[test]
    fn a_release_is_the_same_with_the_same_words_and_term() {
        let release = |now_ms, holder: &str, months: i64| v1::SecrecyReleaseDocument {
            holder: Some(v1::Address { agency: holder.to_owned(), function: "a".to_owned() }),
            not_before_ms: now_ms,
            not_after_ms: now_ms + months * 30 * 24 * HOUR_MS,
            signed_at_ms: now_ms,
            ..v1::SecrecyReleaseDocument::default()
        };
        let first = release(0, "klinik", 12);
        assert!(is_release(&first, &release(HOUR_MS, "klinik", 12)));
        assert!(!is_release(&first, &release(HOUR_MS, "klinik", 13)));
        assert!(!is_release(&first, &release(HOUR_MS, "praxis", 12)));
    }
}
