//! Leafs: validity, serial number, usage, keys, extensions, and broken encodings.

use rcgen::ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, Other, ServerAuth};
use rcgen::KeyUsagePurpose::{
    ContentCommitment, DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment,
};
use rcgen::{BasicConstraints, CustomExtension, IsCa, KeyPair, PKCS_ED25519};

use super::Verdict::{RefusedByIdentity, RefusedByTls};
use super::controls::{UNKNOWN_EXTENSION, VALIDITY_MAX, unknown_extension};
use super::desk::{Desk, Presented};
use super::tamper::{RsaPublicKey, resign};
use super::{Kind, row};
use crate::authority::{DAY, random, set_validity};
use crate::der;
use crate::error::CertsError;

const EXTENDED_KEY_USAGE: [u64; 4] = [2, 5, 29, 37];
/// Places of the elements in a TBSCertificate.
const VERSION: usize = 0;
const SERIAL: usize = 1;
const EXTENSIONS: usize = 7;

pub(super) const KINDS: &[Kind] = &[
    // Validity.
    row("expired", RefusedByTls, "expired a day ago", |d| {
        let now = d.now;
        d.leaf(|params| set_validity(params, now - 30 * DAY, now - DAY))
    }),
    row("expired-one-second-ago", RefusedByTls, "expired a second ago", |d| {
        let now = d.now;
        d.leaf(|params| set_validity(params, now - 30 * DAY, now - 1))
    }),
    row("not-yet-valid", RefusedByTls, "valid from tomorrow on", |d| {
        let now = d.now;
        d.leaf(|params| set_validity(params, now + DAY, now + 30 * DAY))
    }),
    row("validity-reversed", RefusedByTls, "ends before it begins", |d| {
        let now = d.now;
        d.leaf(|params| set_validity(params, now + DAY, now - DAY))
    }),
    row("validity-one-second-too-long", RefusedByIdentity, "a second over the limit", |d| {
        let from = d.now - 300;
        d.leaf(|params| set_validity(params, from, from + VALIDITY_MAX + 1))
    }),
    row("validity-91-days", RefusedByIdentity, "valid for 91 days", |d| {
        let from = d.now - 300;
        d.leaf(|params| set_validity(params, from, from + 91 * DAY))
    }),
    row("validity-825-days", RefusedByIdentity, "valid for 825 days", |d| {
        let from = d.now - 300;
        d.leaf(|params| set_validity(params, from, from + 825 * DAY))
    }),
    // Serial number.
    row("serial-4-bytes", RefusedByIdentity, "a serial number of 4 bytes", |d| {
        d.leaf(|params| params.serial_number = Some(vec![0x47; 4].into()))
    }),
    row("serial-7-bytes", RefusedByIdentity, "a serial number of 7 bytes", |d| {
        d.leaf(|params| params.serial_number = Some(vec![0x47; 7].into()))
    }),
    row("serial-zero", RefusedByIdentity, "serial number 0", |d| {
        d.leaf(|params| params.serial_number = Some(vec![0].into()))
    }),
    row("serial-one", RefusedByIdentity, "serial number 1, as 16 bytes", |d| {
        d.leaf(|params| params.serial_number = Some(1_u128.to_be_bytes().to_vec().into()))
    }),
    // A list names the serial as DER has it, so a padded one would never be found revoked.
    row("serial-padded", RefusedByIdentity, "a serial number with a superfluous zero", |d| {
        tampered(d, SERIAL, |content| content.insert(0, 0))
    }),
    row("serial-21-bytes", RefusedByIdentity, "a serial number of 21 bytes", |d| {
        d.leaf(|params| params.serial_number = Some(vec![0x47; 21].into()))
    }),
    row("serial-negative", RefusedByIdentity, "a negative serial number", |d| {
        tampered(d, SERIAL, |content| *content = vec![0x87; 16])
    }),
    // Usage.
    row("eku-server-only", RefusedByTls, "for servers", |d| {
        d.leaf(|params| params.extended_key_usages = vec![ServerAuth])
    }),
    row("eku-client-and-server", RefusedByIdentity, "for clients and servers", |d| {
        d.leaf(|params| params.extended_key_usages = vec![ClientAuth, ServerAuth])
    }),
    row("eku-missing", RefusedByIdentity, "no extended key usage", |d| {
        d.leaf(|params| params.extended_key_usages.clear())
    }),
    row("eku-empty", RefusedByTls, "an empty list of extended key usages", |d| {
        let empty = CustomExtension::from_oid_content(&EXTENDED_KEY_USAGE, der::sequence(&[]));
        d.leaf(|params| {
            params.extended_key_usages.clear();
            params.custom_extensions.push(empty);
        })
    }),
    row("eku-any", RefusedByTls, "for anything", |d| {
        d.leaf(|params| params.extended_key_usages = vec![Any])
    }),
    row("eku-client-and-any", RefusedByIdentity, "for clients and anything", |d| {
        d.leaf(|params| params.extended_key_usages = vec![ClientAuth, Any])
    }),
    row("eku-code-signing", RefusedByTls, "for signing code", |d| {
        d.leaf(|params| params.extended_key_usages = vec![CodeSigning])
    }),
    row("eku-client-and-code-signing", RefusedByIdentity, "for clients and code", |d| {
        d.leaf(|params| params.extended_key_usages = vec![ClientAuth, CodeSigning])
    }),
    row("eku-client-and-unknown", RefusedByIdentity, "for clients and something unknown", |d| {
        let unknown = Other(UNKNOWN_EXTENSION.to_vec());
        d.leaf(|params| params.extended_key_usages = vec![ClientAuth, unknown])
    }),
    row("key-usage-missing", RefusedByIdentity, "no key usage", |d| {
        d.leaf(|params| params.key_usages.clear())
    }),
    row("key-usage-cert-sign", RefusedByIdentity, "may sign certificates", |d| {
        d.leaf(|params| params.key_usages = vec![DigitalSignature, KeyCertSign])
    }),
    row("key-usage-encipherment", RefusedByIdentity, "only for encrypting keys", |d| {
        d.leaf(|params| params.key_usages = vec![KeyEncipherment])
    }),
    row("key-usage-agreement", RefusedByIdentity, "only for agreeing on keys", |d| {
        d.leaf(|params| params.key_usages = vec![KeyAgreement])
    }),
    row("key-usage-commitment", RefusedByIdentity, "only for signing documents", |d| {
        d.leaf(|params| params.key_usages = vec![ContentCommitment])
    }),
    row("ca-true", RefusedByTls, "a CA with the usage of a leaf", |d| {
        d.leaf(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))
    }),
    row("ca-true-path-length-0", RefusedByTls, "a CA for leafs with the usage of a leaf", |d| {
        d.leaf(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)))
    }),
    // Extensions and size.
    row("extension-unknown-critical", RefusedByTls, "an unknown critical extension", |d| {
        let mut extension = unknown_extension();
        extension.set_criticality(true);
        d.leaf(|params| params.custom_extensions.push(extension))
    }),
    row("certificate-too-large", RefusedByIdentity, "a certificate of over 4 KiB", |d| {
        let filler = der::encode(0x04, &[0; 4096]);
        let filler = CustomExtension::from_oid_content(&UNKNOWN_EXTENSION, filler);
        d.leaf(|params| params.custom_extensions.push(filler))
    }),
    row("version-1", RefusedByTls, "version 1: no extensions at all", |d| {
        let leaf = d.leaf(|_| {})?;
        resigned(d, leaf, |elements| {
            elements.remove(EXTENSIONS);
            elements.remove(VERSION);
        })
    }),
    row("version-2", RefusedByTls, "says it is version 2", |d| {
        tampered(d, VERSION, |content| *content = vec![0x02, 0x01, 0x01])
    }),
    row("extensions-missing", RefusedByIdentity, "version 3, but no extensions at all", |d| {
        let leaf = d.leaf(|_| {})?;
        resigned(d, leaf, |elements| {
            elements.remove(EXTENSIONS);
        })
    }),
    // Keys.
    row("key-ed25519", RefusedByTls, "an Ed25519 key", |d| {
        d.issue_for(&d.home, &d.params()?, KeyPair::generate_for(&PKCS_ED25519)?)
    }),
    row("key-rsa-1024", RefusedByTls, "an RSA key of 1024 bits, whose secret nobody has", |d| {
        for_public_key(d, &RsaPublicKey::random::<128>()?)
    }),
    row("key-rsa-2048", RefusedByTls, "an RSA key of 2048 bits, whose secret nobody has", |d| {
        for_public_key(d, &RsaPublicKey::random::<256>()?)
    }),
    row("key-of-another", RefusedByTls, "the key is of another certificate", |d| {
        let certificates = d.leaf(|_| {})?.certificates;
        Ok(Presented { certificates, key: KeyPair::generate()?.serialize_pem() })
    }),
    // Encoding.
    row("signature-corrupted", RefusedByTls, "the last bit of the signature is wrong", |d| {
        edited(d, |leaf| leaf.last_mut().into_iter().for_each(|byte| *byte ^= 1))
    }),
    row("truncated", RefusedByTls, "the last ten bytes are missing", |d| {
        edited(d, |leaf| leaf.truncate(leaf.len().saturating_sub(10)))
    }),
    row("trailing-garbage", RefusedByTls, "four bytes behind the certificate", |d| {
        edited(d, |leaf| leaf.extend_from_slice(b"\0\0\0\0"))
    }),
    row("two-in-one", RefusedByTls, "two certificates in one", |d| {
        edited(d, |leaf| leaf.extend(leaf.clone()))
    }),
    row("not-a-certificate", RefusedByTls, "random bytes", |d| {
        let noise = random::<400>()?;
        edited(d, |leaf| *leaf = noise.to_vec())
    }),
    row("certificate-empty", RefusedByTls, "a certificate of no bytes", |d| edited(d, Vec::clear)),
    row("no-certificate", RefusedByTls, "no certificate at all", |d| {
        Ok(Presented { certificates: Vec::new(), ..d.leaf(|_| {})? })
    }),
];

/// A right leaf for a public key whose private key nobody has.
fn for_public_key(d: &Desk<'_>, public_key: &RsaPublicKey) -> Result<Presented, CertsError> {
    let certificates = vec![d.home.sign(&d.params()?, public_key)?, d.home.certificate.clone()];
    Ok(Presented { certificates, key: KeyPair::generate()?.serialize_pem() })
}

/// A right leaf whose bytes were changed after signing.
fn edited(d: &Desk<'_>, edit: impl FnOnce(&mut Vec<u8>)) -> Result<Presented, CertsError> {
    let mut presented = d.leaf(|_| {})?;
    edit(presented.certificates.first_mut().ok_or(CertsError::Der)?);
    Ok(presented)
}

/// A right leaf with another content of one element, signed again.
fn tampered(
    d: &Desk<'_>,
    place: usize,
    edit: impl FnOnce(&mut Vec<u8>),
) -> Result<Presented, CertsError> {
    let leaf = d.leaf(|_| {})?;
    resigned(d, leaf, |elements| {
        if let Some(element) = elements.get_mut(place) {
            edit(&mut element.content);
        }
    })
}

fn resigned(
    d: &Desk<'_>,
    mut presented: Presented,
    edit: impl FnOnce(&mut Vec<der::Element>),
) -> Result<Presented, CertsError> {
    let leaf = presented.certificates.first_mut().ok_or(CertsError::Der)?;
    *leaf = resign(leaf, &d.home.key, edit)?;
    Ok(presented)
}
