//! Renewal of a tree: fresh leafs and revocation lists of the same holders, as time goes on.

use std::path::Path;

use crate::authority::{BROKER, DAY, ROOT};
use crate::crl::{revocation_list, revoke};
use crate::error::CertsError;
use crate::files;
use crate::leaf::{issue, issue_broker};
use crate::plan::RENEWED_DAYS;

/// What was renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// Leaf certificates, the broker's included.
    pub leafs: usize,
    /// Revocation lists.
    pub lists: usize,
}

/// Replaces every leaf of the tree by a fresh one with a fresh key, and every revocation list by its
/// successor, which revokes the same. CAs, sealing keys and the checkpoint key stay.
///
/// # Errors
/// The folder holds no generated tree, or a file cannot be read or written.
pub fn renew(out: &Path, now_ms: u64) -> Result<Renewed, CertsError> {
    let mut renewed = Renewed { leafs: 1, lists: 0 };
    issue_broker(out, now_ms, RENEWED_DAYS)?;
    let agencies = files::names(&out.join("agencies"))?;
    for agency in &agencies {
        for file in files::names(&out.join("agencies").join(agency))? {
            let Some(holder) = file.strip_suffix(".key") else { continue };
            // Roles have no hyphen: what follows the first one names the person.
            let (role, person) = match holder.split_once('-') {
                Some((role, person)) => (role, Some(person)),
                None => (holder, None),
            };
            issue(out, agency, role, person, now_ms, RENEWED_DAYS)?;
            renewed.leafs += 1;
        }
    }
    let next_ms = now_ms.saturating_add(u64::from(RENEWED_DAYS) * DAY * 1000);
    for issuer in agencies.iter().map(String::as_str).chain([BROKER, ROOT]) {
        let list = revocation_list(out, issuer)?;
        revoke(out, issuer, &list.serials, list.number.saturating_add(1), now_ms, next_ms)?;
        renewed.lists += 1;
    }
    Ok(renewed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plan, generate, serial};

    #[test]
    fn leafs_and_lists_are_fresh_and_what_was_revoked_stays_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let plan = Plan::demonstration(1_800_000_000_000);
        generate(&plan, out).unwrap();
        let leaf = out.join("agencies/lotsenstelle/lotse-l-01.pem");
        let before = serial(&leaf).unwrap();
        let (from, until) = (plan.not_before_ms, plan.not_before_ms + 1000);
        revoke(out, "lotsenstelle", std::slice::from_ref(&before), 2, from, until).unwrap();
        let trust = std::fs::read(out.join("trust.toml")).unwrap();

        let renewed = renew(out, plan.not_before_ms + 20 * DAY * 1000).unwrap();

        let leafs: usize = plan.agencies.iter().map(|agency| agency.people.len()).sum();
        assert_eq!(renewed, Renewed { leafs: leafs + 1, lists: plan.agencies.len() + 2 });
        assert_ne!(serial(&leaf).unwrap(), before);
        let list = revocation_list(out, "lotsenstelle").unwrap();
        assert_eq!((list.number, list.serials), (3, vec![before]));
        assert_eq!(std::fs::read(out.join("trust.toml")).unwrap(), trust);
        assert!(renew(&out.join("other"), 0).is_err());
    }
}
