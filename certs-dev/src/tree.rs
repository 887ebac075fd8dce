//! The folder as a whole.
//!
//! | path | content |
//! | --- | --- |
//! | `DEVELOPMENT-ONLY` | marks the folder as ours |
//! | `root.pem`, `ca/root.key` | self-signed root, P-384, path length 1 |
//! | `agencies/<agency>/issuing.pem`, `ca/<agency>.key` | issuing CA, P-256, path length 0 |
//! | `agencies/<agency>/<role>[-<person>].pem`, `.key` | chain (leaf, issuing CA) and its key |
//! | `agencies/<agency>/sealing.toml` | sealing keys, private and public |
//! | `broker/issuing.pem`, `ca/broker.key` | issuing CA of the broker |
//! | `broker/broker.pem`, `.key` | server chain and its key |
//! | `broker/checkpoint.key` | Ed25519 key that signs checkpoints, PKCS#8 version 2 |
//! | `crls/<issuer>.crl.pem` | revocation list of each agency, of `broker` and of `root` |
//! | `trust.toml` | root, log key, issuing CAs and the agencies they may speak for |
//! | `faulty/` | written by [`crate::faulty::generate_faulty`] only |
//!
//! Private files are 0600, their folders 0700.

use std::path::Path;

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};

use crate::authority::{Authority, BROKER, DAY, ROOT, issuing_params, root_params};
use crate::crl::{self, RevocationList};
use crate::error::CertsError;
use crate::leaf::{Holder, write_client, write_server};
use crate::plan::{AgencyPlan, Plan};
use crate::trust::{TrustFile, TrustedIssuer, fresh_log_key, verifier_key};
use crate::{files, pem, sealing};

/// Writes a whole tree, in the place of an earlier one.
///
/// # Errors
/// The folder holds something this crate did not write, a name of the plan is not of the grammar,
/// or a file cannot be written.
pub fn generate(plan: &Plan, out: &Path) -> Result<(), CertsError> {
    plan.check()?;
    files::claim(out)?;
    files::folder(&out.join("crls"))?;
    for private in ["ca", "agencies", "broker"] {
        files::private_folder(&out.join(private))?;
    }
    let now = plan.not_before_ms / 1000;
    let root = Authority::self_signed(&root_params(now)?, &PKCS_ECDSA_P384_SHA384)?;
    root.store(out, ROOT)?;
    first_list(plan, out, ROOT, &root)?;
    for agency in &plan.agencies {
        write_agency(plan, out, &root, agency)?;
    }
    let public_key = write_broker(plan, out, &root)?;
    TrustFile {
        trust_domain: plan.trust_domain.clone(),
        root: "root.pem".to_owned(),
        log_key: verifier_key(&format!("{}/log", plan.trust_domain), &public_key),
        issuer: plan.agencies.iter().map(trusted).collect(),
    }
    .write(out)
}

fn write_agency(
    plan: &Plan,
    out: &Path,
    root: &Authority,
    agency: &AgencyPlan,
) -> Result<(), CertsError> {
    let folder = out.join("agencies").join(&agency.agency);
    files::private_folder(&folder)?;
    let issuer = write_issuer(plan, out, root, &agency.agency)?;
    for (role, person) in &agency.people {
        let holder = Holder {
            domain: &plan.trust_domain,
            agency: &agency.agency,
            role,
            person: person.as_deref(),
        };
        write_client(out, &issuer, &holder, plan.not_before_ms / 1000, plan.leaf_days)?;
    }
    files::write_private(&folder.join("sealing.toml"), sealing::fresh()?.as_bytes())
}

/// Writes the broker's CA, server certificate and checkpoint key; returns the latter's public key.
fn write_broker(plan: &Plan, out: &Path, root: &Authority) -> Result<Vec<u8>, CertsError> {
    let issuer = write_issuer(plan, out, root, BROKER)?;
    write_server(out, &issuer, &plan.trust_domain, plan.not_before_ms / 1000, plan.leaf_days)?;
    let (pkcs8, public_key) = fresh_log_key()?;
    let text = pem::encode(pem::PRIVATE_KEY, &pkcs8);
    files::write_private(&out.join("broker").join("checkpoint.key"), text.as_bytes())?;
    Ok(public_key)
}

fn write_issuer(
    plan: &Plan,
    out: &Path,
    root: &Authority,
    name: &str,
) -> Result<Authority, CertsError> {
    let params = issuing_params(name, plan.not_before_ms / 1000)?;
    let issuer = Authority::below(root, &params, &PKCS_ECDSA_P256_SHA256)?;
    issuer.store(out, name)?;
    first_list(plan, out, name, &issuer)?;
    Ok(issuer)
}

fn first_list(
    plan: &Plan,
    out: &Path,
    name: &str,
    authority: &Authority,
) -> Result<(), CertsError> {
    let now = plan.not_before_ms / 1000;
    let next = now.saturating_add(u64::from(plan.crl_days) * DAY);
    crl::write(out, name, authority, &RevocationList::first(), now, next)
}

fn trusted(agency: &AgencyPlan) -> TrustedIssuer {
    TrustedIssuer {
        certificate: format!("agencies/{}/issuing.pem", agency.agency),
        agencies: vec![agency.agency.clone()],
    }
}

#[cfg(test)]
mod tests;
