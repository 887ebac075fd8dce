//! What of a plan can be judged without the broker: its times, its convener and its codes.

use std::path::Path;

use schleuse_client::fallkonferenz::Plan;
use schleuse_client::{ClientError, Signer};

use super::wrong;
use crate::cli::args::Global;
use crate::cli::report::names;

/// Looks at a plan as far as this machine knows: the certificate and the catalogue, if they are given. The broker looks
/// again when bodies are invited.
pub(super) fn check(
    global: &Global,
    plan: &Plan,
    catalogue: Option<&Path>,
    now_ms: i64,
) -> Result<(), ClientError> {
    plan.check_times(now_ms)?;
    if let Some(certificate) = &global.certificate {
        let key = global.key.clone().unwrap_or_else(|| certificate.with_extension("key"));
        let signer = Signer::load(certificate, &key)?;
        let own = &signer.identity().agency;
        if *own != plan.convener.agency {
            let expected = format!("a function of {own}, the certificate's agency");
            return Err(wrong("convener", &expected));
        }
    }
    if catalogue.is_none() {
        return Ok(());
    }
    let names = names(catalogue)?;
    if !names.has_purpose(&plan.purpose) {
        let expected = format!("a code of the catalogue, not {}", plan.purpose);
        return Err(wrong("purpose", &expected));
    }
    let mut codes = plan.items.iter().flat_map(|item| &item.categories);
    match codes.find(|code| !names.has_category(code)) {
        Some(code) => Err(wrong("categories", &format!("codes of the catalogue, not {code}"))),
        None => Ok(()),
    }
}
