//! Certificates that no sound library makes: parts exchanged before signing, keys without a
//! private half, a signature with the wrong hash.

use p384::elliptic_curve::PrimeField as _;
use p384::elliptic_curve::ops::Reduce as _;
use p384::elliptic_curve::point::AffineCoordinates as _;
use p384::{FieldBytes, ProjectivePoint, Scalar};
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm, SigningKey as _};
use ring::digest::{SHA256, digest};

use crate::authority::random;
use crate::der::{self, Element};
use crate::error::CertsError;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// Place of the signature algorithm in a TBSCertificate.
const SIGNATURE: usize = 2;
/// ecdsa-with-SHA256, 1.2.840.10045.4.3.2.
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// ecdsa-with-SHA384, 1.2.840.10045.4.3.3.
const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];

/// Exchanges elements of the TBSCertificate and signs again.
pub(super) fn resign(
    certificate: &[u8],
    key: &KeyPair,
    edit: impl FnOnce(&mut Vec<Element>),
) -> Result<Vec<u8>, CertsError> {
    let Parts { mut elements, algorithm } = Parts::of(certificate)?;
    edit(&mut elements);
    assemble(&elements, &algorithm, |message| Ok(key.sign(message)?))
}

/// Says SHA-384 inside and SHA-256 outside; signed with the latter.
pub(super) fn with_other_algorithm_inside(
    certificate: &[u8],
    key: &KeyPair,
) -> Result<Vec<u8>, CertsError> {
    resign(certificate, key, |elements| {
        if let Some(inside) = elements.get_mut(SIGNATURE) {
            *inside = algorithm(ECDSA_SHA384);
        }
    })
}

/// Signs again with SHA-256, with a key on P-384.
pub(super) fn resign_p384_sha256(certificate: &[u8], key: &KeyPair) -> Result<Vec<u8>, CertsError> {
    let Parts { mut elements, .. } = Parts::of(certificate)?;
    let sha256 = algorithm(ECDSA_SHA256);
    if let Some(inside) = elements.get_mut(SIGNATURE) {
        *inside = sha256.clone();
    }
    let secret = secret_scalar(key.serialized_der()).ok_or(CertsError::Der)?;
    assemble(&elements, &sha256, |message| sign_p384_sha256(&secret, message))
}

/// An RSA public key without a private one: the modulus is random, its factors unknown.
pub(super) struct RsaPublicKey(Vec<u8>);

impl RsaPublicKey {
    /// With a modulus of `N` bytes.
    pub(super) fn random<const N: usize>() -> Result<Self, CertsError> {
        let mut modulus = random::<N>()?;
        modulus.first_mut().into_iter().for_each(|byte| *byte |= 0x80);
        modulus.last_mut().into_iter().for_each(|byte| *byte |= 1);
        let exponent = der::encode(INTEGER, &[1, 0, 1]);
        Ok(Self(der::sequence(&[unsigned(&modulus), exponent])))
    }
}

impl PublicKeyData for RsaPublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

struct Parts {
    /// Of the TBSCertificate.
    elements: Vec<Element>,
    /// The algorithm outside.
    algorithm: Element,
}

impl Parts {
    fn of(certificate: &[u8]) -> Result<Self, CertsError> {
        let [whole] = elements(certificate)?;
        let [signed, algorithm, _signature] = elements(&whole.content)?;
        let elements = der::elements(&signed.content).ok_or(CertsError::Der)?;
        Ok(Self { elements, algorithm })
    }
}

fn elements<const N: usize>(bytes: &[u8]) -> Result<[Element; N], CertsError> {
    let elements = der::elements(bytes).ok_or(CertsError::Der)?;
    elements.try_into().map_err(|_| CertsError::Der)
}

fn assemble(
    elements: &[Element],
    algorithm: &Element,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, CertsError>,
) -> Result<Vec<u8>, CertsError> {
    let parts: Vec<Vec<u8>> = elements.iter().map(Element::encode).collect();
    let message = der::sequence(&parts);
    let signature = der::encode(BIT_STRING, &[vec![0], sign(&message)?].concat());
    Ok(der::sequence(&[message, algorithm.encode(), signature]))
}

fn algorithm(identifier: &[u8]) -> Element {
    Element { tag: SEQUENCE, content: der::encode(OBJECT_IDENTIFIER, identifier) }
}

/// A non-negative INTEGER from big-endian bytes.
fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    if content.first().is_none_or(|byte| *byte >= 0x80) {
        content.insert(0, 0);
    }
    der::encode(INTEGER, &content)
}

/// The private scalar of a P-384 key in PKCS#8: `privateKey` of the ECPrivateKey inside.
fn secret_scalar(pkcs8: &[u8]) -> Option<Scalar> {
    let whole = der::elements(pkcs8)?;
    let fields = der::elements(&whole.first()?.content)?;
    let key = der::elements(&fields.get(2)?.content)?;
    let fields = der::elements(&key.first()?.content)?;
    let secret = FieldBytes::try_from(fields.get(1)?.content.as_slice()).ok()?;
    Scalar::from_repr(secret).into_option()
}

/// ECDSA (FIPS 186-5 §6.4.1) on P-384 with SHA-256.
fn sign_p384_sha256(secret: &Scalar, message: &[u8]) -> Result<Vec<u8>, CertsError> {
    let hash = digest(&SHA256, message);
    let mut padded = FieldBytes::default();
    let zeros = padded.len() - hash.as_ref().len();
    for (to, from) in padded.iter_mut().skip(zeros).zip(hash.as_ref()) {
        *to = *from;
    }
    let number = Scalar::reduce(&padded);
    let nonce = Scalar::reduce(&FieldBytes::from(random::<48>()?));
    let r = Scalar::reduce(&(ProjectivePoint::GENERATOR * nonce).to_affine().x());
    let inverse = nonce.invert().into_option().ok_or(CertsError::Random)?;
    let s = inverse * (number + r * secret);
    Ok(der::sequence(&[unsigned(&r.to_repr()), unsigned(&s.to_repr())]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::PKCS_ECDSA_P384_SHA384;
    use ring::signature::{ECDSA_P384_SHA256_ASN1, UnparsedPublicKey};

    #[test]
    fn the_signature_with_the_other_hash_is_a_true_one() {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let secret = secret_scalar(key.serialized_der()).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P384_SHA256_ASN1, key.public_key_raw());
        for message in [&b""[..], b"message", &[7; 1000]] {
            let signature = sign_p384_sha256(&secret, message).unwrap();
            assert!(public.verify(message, &signature).is_ok());
            assert!(public.verify(b"another message", &signature).is_err());
        }
    }

    #[test]
    fn signing_again_without_a_change_changes_nothing_but_the_signature() {
        let key = KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let again = resign(certificate.der(), &key, |_| {}).unwrap();
        let (before, after) = (Parts::of(certificate.der()).unwrap(), Parts::of(&again).unwrap());
        assert_eq!(before.elements, after.elements);
        assert_eq!(before.algorithm, after.algorithm);
    }
}
