//! Whether what was recorded is what is sent again, by whoever does not know that the first attempt arrived: all but
//! the hours between the two is the same.

use schleuse_proto::v1;

/// How far apart two attempts are at most, in milliseconds: two days. A term that was changed between them differs by
/// more.
const APART_MAX_MS: u64 = 2 * 24 * 3600 * 1000;

fn close(one_ms: i64, other_ms: i64) -> bool {
    one_ms.abs_diff(other_ms) <= APART_MAX_MS
}

/// Whether a recorded consent is the one that is sent again.
pub(super) fn is_consent(recorded: &v1::ConsentDocument, again: &v1::ConsentDocument) -> bool {
    let is_close = close(recorded.review_by_ms, again.review_by_ms)
        && recorded.grants.iter().zip(&again.grants).all(|(one, other)| {
            close(one.not_before_ms, other.not_before_ms)
                && close(one.not_after_ms, other.not_after_ms)
        });
    is_close && consent_without_times(recorded) == consent_without_times(again)
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
    let without_times = |document: &v1::SecrecyReleaseDocument| v1::SecrecyReleaseDocument {
        not_before_ms: 0,
        not_after_ms: 0,
        signed_at_ms: 0,
        ..document.clone()
    };
    close(recorded.not_before_ms, again.not_before_ms)
        && close(recorded.not_after_ms, again.not_after_ms)
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
