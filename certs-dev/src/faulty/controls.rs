//! Good certificates: a broker that refuses everything must not pass.

use rcgen::{CustomExtension, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};

use super::Verdict::Accepted;
use super::desk::{Desk, HOME_PATH, OTHER, Presented};
use super::{Kind, row};
use crate::authority::{Authority, DAY, set_validity};
use crate::error::CertsError;

/// Ninety days, and an hour for the clock: what the leaf policy allows.
pub(super) const VALIDITY_MAX: u64 = 90 * DAY + 3600;
/// Object identifier of the example arc of the ITU: no extension that anybody knows.
pub(super) const UNKNOWN_EXTENSION: [u64; 3] = [2, 999, 1];

pub(super) const KINDS: &[Kind] = &[
    row("system", Accepted, "a system", |d| d.path(HOME_PATH)),
    row("dpo", Accepted, "a data-protection officer", |d| d.path("/agency/drv-bayern-sued/dpo")),
    row("lotse", Accepted, "a Lotse, with the person", |d| {
        d.claim("lotsenstelle", "/agency/lotsenstelle/lotse/l-01")
    }),
    row("operator", Accepted, "the operator", |d| d.claim("betrieb", "/agency/betrieb/operator")),
    row("evaluation", Accepted, "the evaluation", |d| {
        d.claim("oth-regensburg", "/agency/oth-regensburg/evaluation")
    }),
    row("issuer-of-other-agency-for-itself", Accepted, "another agency by its own issuer", |d| {
        d.claim(OTHER, "/agency/jobcenter-stadt-regensburg/system")
    }),
    row("person-shortest", Accepted, "a person of one character", |d| {
        d.claim("lotsenstelle", "/agency/lotsenstelle/lotse/7")
    }),
    row("person-longest", Accepted, "a person of 40 characters", |d| {
        d.claim("lotsenstelle", &format!("/agency/lotsenstelle/lotse/{}", "l".repeat(40)))
    }),
    row("agency-longest", Accepted, "an agency of 40 characters", agency_longest),
    row("key-p384", Accepted, "a key on P-384", |d| {
        d.issue_for(&d.home, &d.params()?, KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?)
    }),
    row("issuer-p384", Accepted, "an issuing CA with a key on P-384", |d| {
        d.below_extra("issuer-p384", &PKCS_ECDSA_P384_SHA384, |_, _| {})
    }),
    row("validity-longest", Accepted, "valid for 90 days and an hour", |d| {
        let from = d.now - 300;
        d.leaf(|params| set_validity(params, from, from + VALIDITY_MAX))
    }),
    row("validity-ends-soon", Accepted, "valid for another hour only", |d| {
        let now = d.now;
        d.leaf(|params| set_validity(params, now - DAY, now + 3600))
    }),
    row("serial-8-bytes", Accepted, "the shortest serial number", |d| {
        d.leaf(|params| params.serial_number = Some(vec![0x47; 8].into()))
    }),
    row("serial-20-bytes", Accepted, "the longest serial number", |d| {
        d.leaf(|params| params.serial_number = Some(vec![0x47; 20].into()))
    }),
    row("extension-unknown", Accepted, "an unknown extension that is not critical", |d| {
        d.leaf(|params| params.custom_extensions.push(unknown_extension()))
    }),
    row("common-name-of-other-agency", Accepted, "the common name is ignored", |d| {
        d.leaf(|params| params.distinguished_name.push(DnType::CommonName, OTHER))
    }),
    row("subject-empty", Accepted, "no subject at all; the name is a critical extension", |d| {
        d.leaf(|params| params.distinguished_name = rcgen::DistinguishedName::new())
    }),
];

/// An extension that nobody knows, with NULL in it.
pub(super) fn unknown_extension() -> CustomExtension {
    CustomExtension::from_oid_content(&UNKNOWN_EXTENSION, vec![0x05, 0x00])
}

fn agency_longest(d: &mut Desk<'_>) -> Result<Presented, CertsError> {
    let (name, agency) = ("agency-longest", "a".repeat(40));
    let issuer = Authority::below(&d.root, &d.extra_params(name)?, &PKCS_ECDSA_P256_SHA256)?;
    d.store(name, &issuer)?;
    d.list_first(name, &issuer)?;
    d.trust(name, &agency);
    let uri = d.id(&format!("/agency/{agency}/system"));
    d.issue(&issuer, &d.params_of(&uri)?)
}
