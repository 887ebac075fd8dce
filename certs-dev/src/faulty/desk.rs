//! Where the certificates of the table are made: the authorities of the tree, and shorthands that
//! begin with a certificate that is right in every respect.

use std::path::Path;

use rcgen::{
    CertificateParams, CustomExtension, KeyPair, PKCS_ECDSA_P256_SHA256, SignatureAlgorithm,
};

use crate::authority::{Authority, DAY, ROOT, issuing_params};
use crate::crl::{self, RevocationList, revocation_list};
use crate::error::CertsError;
use crate::leaf::{client_params, serial_of};
use crate::plan::FAULTY_PREFIX;
use crate::trust::{TrustFile, TrustedIssuer};
use crate::{der, pem};

/// Agency that the certificates name unless a row says otherwise.
pub(super) const HOME: &str = "drv-bayern-sued";
/// Another agency.
pub(super) const OTHER: &str = "jobcenter-stadt-regensburg";
/// Path of the identity that is right for [`HOME`].
pub(super) const HOME_PATH: &str = "/agency/drv-bayern-sued/system";

/// Validity in days of leafs that are not about validity.
const LEAF_DAYS: u16 = 30;
/// Time until the next list of an extra issuer, in days.
const CRL_DAYS: u64 = 30;
/// Earliest present, Unix seconds: the kinds reach back some hundred days.
const EARLIEST: u64 = 2 * 366 * DAY;
const SUBJECT_ALT_NAME: [u64; 4] = [2, 5, 29, 17];
/// Context tag of a URI in a GeneralName.
pub(super) const URI: u8 = 0x86;

/// What a client presents.
pub(super) struct Presented {
    /// DER, leaf first.
    pub(super) certificates: Vec<Vec<u8>>,
    /// PKCS#8 in PEM.
    pub(super) key: String,
}

impl Presented {
    pub(super) fn chain(&self) -> String {
        pem::chain(&self.certificates)
    }
}

pub(super) struct Desk<'a> {
    out: &'a Path,
    /// The present, Unix seconds.
    pub(super) now: u64,
    pub(super) root: Authority,
    pub(super) home: Authority,
    trust: TrustFile,
    revoked: Vec<(&'static str, Vec<u8>)>,
}

impl<'a> Desk<'a> {
    pub(super) fn open(out: &'a Path, now_ms: u64) -> Result<Self, CertsError> {
        let now = now_ms / 1000;
        if now < EARLIEST {
            return Err(CertsError::Time);
        }
        let mut trust = TrustFile::read(out)?;
        trust.issuer.retain(|issuer| !issuer.certificate.starts_with("faulty/"));
        Ok(Self {
            out,
            now,
            root: Authority::load(out, ROOT)?,
            home: Authority::load(out, HOME)?,
            trust,
            revoked: Vec::new(),
        })
    }

    /// Publishes what the certificates made so far need: trust table and revocations.
    pub(super) fn close(self) -> Result<(), CertsError> {
        self.trust.write(self.out)?;
        for (name, authority) in [(ROOT, &self.root), (HOME, &self.home)] {
            let mut list = revocation_list(self.out, name)?;
            list.number = list.number.saturating_add(1);
            let revoked = self.revoked.iter().filter(|(issuer, _)| *issuer == name);
            list.serials.extend(revoked.map(|(_, serial)| serial.clone()));
            self.list(name, authority, &list, self.now, self.now + CRL_DAYS * DAY)?;
        }
        Ok(())
    }

    /// Notes that `certificate` of [`ROOT`] or [`HOME`] is to be revoked.
    pub(super) fn revoke(
        &mut self,
        issuer: &'static str,
        certificate: &[u8],
    ) -> Result<(), CertsError> {
        self.revoked.push((issuer, serial_of(certificate)?));
        Ok(())
    }

    /// An issuing CA of the tree.
    pub(super) fn authority(&self, name: &str) -> Result<Authority, CertsError> {
        Authority::load(self.out, name)
    }

    /// The SPIFFE id of a path in this installation.
    pub(super) fn id(&self, path: &str) -> String {
        format!("spiffe://{}{path}", self.trust.trust_domain)
    }

    /// The trust domain of this installation.
    pub(super) fn domain(&self) -> &str {
        &self.trust.trust_domain
    }

    /// A leaf of [`HOME`] that is right in every respect.
    pub(super) fn params(&self) -> Result<CertificateParams, CertsError> {
        self.params_of(&self.id(HOME_PATH))
    }

    /// A leaf with this URI that is right in every other respect.
    pub(super) fn params_of(&self, uri: &str) -> Result<CertificateParams, CertsError> {
        client_params(uri, HOME, self.now, LEAF_DAYS)
    }

    /// Signed by `issuer` for a fresh key; presented with the issuer.
    pub(super) fn issue(
        &self,
        issuer: &Authority,
        params: &CertificateParams,
    ) -> Result<Presented, CertsError> {
        self.issue_for(issuer, params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
    }

    /// Signed by `issuer` for this key; presented with the issuer.
    pub(super) fn issue_for(
        &self,
        issuer: &Authority,
        params: &CertificateParams,
        key: KeyPair,
    ) -> Result<Presented, CertsError> {
        let leaf = issuer.sign(params, &key)?;
        let certificates = vec![leaf, issuer.certificate.clone()];
        Ok(Presented { certificates, key: key.serialize_pem() })
    }

    /// A right leaf of [`HOME`], after `edit`.
    pub(super) fn leaf(
        &self,
        edit: impl FnOnce(&mut CertificateParams),
    ) -> Result<Presented, CertsError> {
        let mut params = self.params()?;
        edit(&mut params);
        self.issue(&self.home, &params)
    }

    /// A leaf of [`HOME`] with this path in its URI.
    pub(super) fn path(&self, path: &str) -> Result<Presented, CertsError> {
        self.uri(&self.id(path))
    }

    /// A leaf of [`HOME`] with this URI, whatever its characters.
    pub(super) fn uri(&self, uri: &str) -> Result<Presented, CertsError> {
        self.names(&[(URI, uri.as_bytes())])
    }

    /// A leaf of [`HOME`] with these subject alternative names: context tag and content.
    pub(super) fn names(&self, names: &[(u8, &[u8])]) -> Result<Presented, CertsError> {
        self.leaf(|params| {
            params.subject_alt_names.clear();
            params.custom_extensions.push(alternative_names(names));
        })
    }

    /// A leaf with this path in its URI, signed by an issuing CA of the tree.
    pub(super) fn claim(&self, issuer: &str, path: &str) -> Result<Presented, CertsError> {
        self.issue(&self.authority(issuer)?, &self.params_of(&self.id(path))?)
    }

    /// A right leaf of [`HOME`], signed by this CA.
    pub(super) fn below(&self, issuer: &Authority) -> Result<Presented, CertsError> {
        self.issue(issuer, &self.params()?)
    }

    /// A right leaf below an extra issuing CA that the root signed after `edit`; the CA is in the
    /// trust table for [`HOME`] and has a revocation list.
    pub(super) fn below_extra(
        &mut self,
        name: &str,
        algorithm: &'static SignatureAlgorithm,
        edit: impl FnOnce(&mut CertificateParams, u64),
    ) -> Result<Presented, CertsError> {
        let issuer = self.extra(name, algorithm, edit)?;
        self.below(&issuer)
    }

    /// An extra issuing CA as in [`Self::below_extra`].
    pub(super) fn extra(
        &mut self,
        name: &str,
        algorithm: &'static SignatureAlgorithm,
        edit: impl FnOnce(&mut CertificateParams, u64),
    ) -> Result<Authority, CertsError> {
        let mut params = self.extra_params(name)?;
        edit(&mut params, self.now);
        let issuer = Authority::below(&self.root, &params, algorithm)?;
        self.store(name, &issuer)?;
        self.list_first(name, &issuer)?;
        self.trust(name, HOME);
        Ok(issuer)
    }

    /// An extra issuing CA before it is signed.
    pub(super) fn extra_params(&self, name: &str) -> Result<CertificateParams, CertsError> {
        issuing_params(&extra_name(name), self.now)
    }

    /// Writes certificate and key of an extra CA.
    pub(super) fn store(&self, name: &str, authority: &Authority) -> Result<(), CertsError> {
        authority.store(self.out, &extra_name(name))
    }

    /// Puts an extra CA into the trust table.
    pub(super) fn trust(&mut self, name: &str, agency: &str) {
        self.trust.issuer.push(TrustedIssuer {
            certificate: format!("faulty/issuers/{name}.pem"),
            agencies: vec![agency.to_owned()],
        });
    }

    /// Writes a sound first revocation list of an extra CA.
    pub(super) fn list_first(&self, name: &str, authority: &Authority) -> Result<(), CertsError> {
        self.list_extra(name, authority, self.now, self.now + CRL_DAYS * DAY)
    }

    /// Writes a first revocation list of an extra CA, valid between these Unix seconds.
    pub(super) fn list_extra(
        &self,
        name: &str,
        authority: &Authority,
        from: u64,
        until: u64,
    ) -> Result<(), CertsError> {
        self.list(&extra_name(name), authority, &RevocationList::first(), from, until)
    }

    fn list(
        &self,
        name: &str,
        authority: &Authority,
        list: &RevocationList,
        from: u64,
        until: u64,
    ) -> Result<(), CertsError> {
        crl::write(self.out, name, authority, list, from, until)
    }
}

fn extra_name(name: &str) -> String {
    format!("{FAULTY_PREFIX}{name}")
}

/// The extension, written by hand: the certificate library only takes names that make sense.
pub(super) fn alternative_names(names: &[(u8, &[u8])]) -> CustomExtension {
    let names: Vec<Vec<u8>> = names.iter().map(|(tag, name)| der::encode(*tag, name)).collect();
    CustomExtension::from_oid_content(&SUBJECT_ALT_NAME, der::sequence(&names))
}
