//! Chains: who signed, what is presented with the leaf, and whether anything is revoked.

use rcgen::KeyUsagePurpose::KeyCertSign;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
};

use super::Verdict::{RefusedByIdentity, RefusedByTls};
use super::controls::unknown_extension;
use super::desk::{Desk, HOME, HOME_PATH, OTHER, Presented, URI};
use super::tamper::{resign_p384_sha256, with_other_algorithm_inside};
use super::{Kind, row};
use crate::authority::{Authority, DAY, ROOT, issuing_params, root_params, set_validity};
use crate::der;
use crate::error::CertsError;
use crate::leaf::server_params;

const NAME_CONSTRAINTS: [u64; 4] = [2, 5, 29, 30];
/// Constructed context tag 0: permittedSubtrees.
const PERMITTED: u8 = 0xa0;

pub(super) const KINDS: &[Kind] = &[
    // Not from us.
    row("self-signed", RefusedByTls, "signed by itself", self_signed),
    row("root-foreign", RefusedByTls, "below another root", |d| {
        below_foreign_root(d, "Foreign root", "Foreign issuing CA")
    }),
    row("root-foreign-same-names", RefusedByTls, "below another root with our names", |d| {
        let issuing = format!("Schleuse issuing CA {HOME}");
        below_foreign_root(d, "Schleuse root", &issuing)
    }),
    row("issuer-impostor", RefusedByTls, "by another key, presented with our issuer", |d| {
        let params = issuing_params(HOME, d.now)?;
        let impostor = Authority::self_signed(&params, &PKCS_ECDSA_P256_SHA256)?;
        let presented = d.below(&impostor)?;
        with_chain(presented, &[&d.home])
    }),
    // A wrong certificate in the place of the leaf.
    row("issuer-as-leaf", RefusedByTls, "the issuing CA itself", |d| Ok(itself(&d.home))),
    row("root-as-leaf", RefusedByTls, "the root itself", |d| Ok(itself(&d.root))),
    row("broker-as-client", RefusedByTls, "a server certificate of the broker", |d| {
        let params = server_params(d.domain(), d.now, 30)?;
        d.issue(&d.authority("broker")?, &params)
    }),
    // A wrong chain.
    row("chain-without-issuer", RefusedByTls, "presented without its issuing CA", |d| {
        with_chain(d.path(HOME_PATH)?, &[])
    }),
    row("chain-with-other-issuer", RefusedByTls, "presented with another issuing CA", |d| {
        with_chain(d.path(HOME_PATH)?, &[&d.authority(OTHER)?])
    }),
    row("chain-reversed", RefusedByTls, "the issuing CA before the leaf", |d| {
        let mut presented = d.path(HOME_PATH)?;
        presented.certificates.reverse();
        Ok(presented)
    }),
    row("issuer-other-with-decoy", RefusedByIdentity, "by another, with ours put in first", |d| {
        let other = d.authority(OTHER)?;
        with_chain(d.below(&other)?, &[&d.home, &other])
    }),
    row("signed-by-root", RefusedByIdentity, "signed by the root", |d| {
        with_chain(d.below(&d.root)?, &[])
    }),
    row("signed-by-root-with-decoy", RefusedByIdentity, "by the root, with our issuer", |d| {
        with_chain(d.below(&d.root)?, &[&d.home])
    }),
    row("signed-by-leaf", RefusedByTls, "signed by another leaf", signed_by_leaf),
    row("level-too-many", RefusedByTls, "below a CA below an issuing CA", |d| {
        let lower = sub_ca(d, "level-too-many", None)?;
        with_chain(d.below(&lower)?, &[&lower, &d.home])
    }),
    row("level-too-many-allowed", RefusedByIdentity, "the same, no path length forbids it", |d| {
        let name = "level-too-many-allowed";
        let upper = d.extra(name, &PKCS_ECDSA_P256_SHA256, |params, _| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        })?;
        let lower = sub_ca(d, "level-below-allowed", Some(&upper))?;
        with_chain(d.below(&lower)?, &[&lower, &upper])
    }),
    // A wrong issuing CA.
    row("issuer-not-in-table", RefusedByIdentity, "a CA of the root that we do not know", |d| {
        let name = "issuer-not-in-table";
        let issuer = untrusted(d, name)?;
        d.list_first(name, &issuer)?;
        d.below(&issuer)
    }),
    row("issuer-expired", RefusedByTls, "the issuing CA is expired", |d| {
        d.below_extra("issuer-expired", &PKCS_ECDSA_P256_SHA256, |params, now| {
            set_validity(params, now - 400 * DAY, now - DAY);
        })
    }),
    row("issuer-not-yet-valid", RefusedByTls, "the issuing CA is not yet valid", |d| {
        d.below_extra("issuer-not-yet-valid", &PKCS_ECDSA_P256_SHA256, |params, now| {
            set_validity(params, now + DAY, now + 400 * DAY);
        })
    }),
    row("issuer-for-servers", RefusedByTls, "the issuing CA is for servers only", |d| {
        d.below_extra("issuer-for-servers", &PKCS_ECDSA_P256_SHA256, |params, _| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        })
    }),
    row("issuer-extension-unknown-critical", RefusedByTls, "unknown, critical, in the CA", |d| {
        d.below_extra("issuer-extension-unknown", &PKCS_ECDSA_P256_SHA256, |params, _| {
            let mut extension = unknown_extension();
            extension.set_criticality(true);
            params.custom_extensions.push(extension);
        })
    }),
    row("issuer-constrained-uri", RefusedByTls, "the CA is for URIs of others only", |d| {
        d.below_extra("issuer-constrained-uri", &PKCS_ECDSA_P256_SHA256, |params, _| {
            params.custom_extensions.push(permitted_uris(b"other.example"));
        })
    }),
    row("issuer-constrained-subject", RefusedByTls, "the CA excludes all subjects", |d| {
        d.below_extra("issuer-constrained-subject", &PKCS_ECDSA_P256_SHA256, |params, _| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: Vec::new(),
                excluded_subtrees: vec![GeneralSubtree::DirectoryName(DistinguishedName::new())],
            });
        })
    }),
    row("issuer-ed25519", RefusedByTls, "the issuing CA signs with Ed25519", |d| {
        d.below_extra("issuer-ed25519", &PKCS_ED25519, |_, _| {})
    }),
    row("issuer-p384-sha256", RefusedByTls, "signed on P-384 with SHA-256", |d| {
        let issuer = d.extra("issuer-p384-sha256", &PKCS_ECDSA_P384_SHA384, |_, _| {})?;
        let mut presented = d.below(&issuer)?;
        let leaf = presented.certificates.first_mut().ok_or(CertsError::Der)?;
        *leaf = resign_p384_sha256(leaf, &issuer.key)?;
        Ok(presented)
    }),
    row("algorithm-mismatch", RefusedByTls, "names one algorithm inside, one outside", |d| {
        let mut presented = d.path(HOME_PATH)?;
        let leaf = presented.certificates.first_mut().ok_or(CertsError::Der)?;
        *leaf = with_other_algorithm_inside(leaf, &d.home.key)?;
        Ok(presented)
    }),
    // Revocation.
    row("revoked", RefusedByTls, "revoked by its issuing CA", |d| {
        let presented = d.path(HOME_PATH)?;
        let leaf = presented.certificates.first().ok_or(CertsError::Der)?;
        d.revoke(HOME, leaf)?;
        Ok(presented)
    }),
    row("issuer-revoked", RefusedByTls, "the issuing CA is revoked by the root", |d| {
        let issuer = d.extra("issuer-revoked", &PKCS_ECDSA_P256_SHA256, |_, _| {})?;
        d.revoke(ROOT, &issuer.certificate)?;
        d.below(&issuer)
    }),
    row("crl-missing", RefusedByTls, "the issuing CA has no revocation list", |d| {
        let name = "crl-missing";
        let issuer = untrusted(d, name)?;
        d.trust(name, HOME);
        d.below(&issuer)
    }),
    row("crl-expired", RefusedByTls, "the revocation list is a day overdue", |d| {
        let name = "crl-expired";
        let issuer = untrusted(d, name)?;
        d.trust(name, HOME);
        d.list_extra(name, &issuer, d.now - 31 * DAY, d.now - DAY)?;
        d.below(&issuer)
    }),
    row("crl-not-allowed", RefusedByTls, "the issuing CA may not sign revocation lists", |d| {
        let name = "crl-not-allowed";
        let mut issuer = d.extra(name, &PKCS_ECDSA_P256_SHA256, |_, _| {})?;
        let mut params = d.extra_params(name)?;
        params.key_usages = vec![KeyCertSign];
        issuer.certificate = d.root.sign(&params, &issuer.key)?;
        d.store(name, &issuer)?;
        d.below(&issuer)
    }),
];

fn with_chain(mut presented: Presented, issuers: &[&Authority]) -> Result<Presented, CertsError> {
    presented.certificates.truncate(1);
    presented.certificates.extend(issuers.iter().map(|issuer| issuer.certificate.clone()));
    Ok(presented)
}

fn itself(authority: &Authority) -> Presented {
    let certificates = vec![authority.certificate.clone()];
    Presented { certificates, key: authority.key.serialize_pem() }
}

fn self_signed(d: &mut Desk<'_>) -> Result<Presented, CertsError> {
    let leaf = Authority::self_signed(&d.params()?, &PKCS_ECDSA_P256_SHA256)?;
    Ok(itself(&leaf))
}

fn signed_by_leaf(d: &mut Desk<'_>) -> Result<Presented, CertsError> {
    let signer = Authority::below(&d.home, &d.params()?, &PKCS_ECDSA_P256_SHA256)?;
    with_chain(d.below(&signer)?, &[&signer, &d.home])
}

fn below_foreign_root(d: &Desk<'_>, root: &str, issuing: &str) -> Result<Presented, CertsError> {
    let named = |mut params: CertificateParams, name: &str| {
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let root = named(root_params(d.now)?, root);
    let root = Authority::self_signed(&root, &PKCS_ECDSA_P384_SHA384)?;
    let issuing = named(issuing_params(HOME, d.now)?, issuing);
    d.below(&Authority::below(&root, &issuing, &PKCS_ECDSA_P256_SHA256)?)
}

/// An extra issuing CA of the root, written, but neither trusted nor with a revocation list.
fn untrusted(d: &Desk<'_>, name: &str) -> Result<Authority, CertsError> {
    let issuer = Authority::below(&d.root, &d.extra_params(name)?, &PKCS_ECDSA_P256_SHA256)?;
    d.store(name, &issuer)?;
    Ok(issuer)
}

/// A CA below an issuing CA, [`HOME`] unless said otherwise, with a revocation list. The trust
/// table cannot hold it: the root did not sign it.
fn sub_ca(d: &Desk<'_>, name: &str, upper: Option<&Authority>) -> Result<Authority, CertsError> {
    let upper = upper.unwrap_or(&d.home);
    let lower = Authority::below(upper, &d.extra_params(name)?, &PKCS_ECDSA_P256_SHA256)?;
    d.store(name, &lower)?;
    d.list_first(name, &lower)?;
    Ok(lower)
}

/// Name constraints that permit URIs of one host.
fn permitted_uris(host: &[u8]) -> CustomExtension {
    let subtree = der::sequence(&[der::encode(URI, host)]);
    let content = der::sequence(&[der::encode(PERMITTED, &subtree)]);
    let mut extension = CustomExtension::from_oid_content(&NAME_CONSTRAINTS, content);
    extension.set_criticality(true);
    extension
}
