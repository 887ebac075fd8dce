//! Development PKI: a root, one issuing CA per agency, leafs for people and systems, revocation
//! lists, sealing keys, the broker's keys — and a table of faulty certificates.
//!
//! Owns the layout of the folder it writes (see [`tree`]). Must not be used in production: every CA
//! names [`ORGANIZATION`] in its subject, which a production profile refuses. Knows nothing of the
//! other crates; it follows the identity grammar and the leaf policy by rule, not by import, so a
//! mistake there does not repeat itself here.
//! Source: SPIFFE X.509-SVID §2; RFC 5280 §4, §5; C2SP signed-note.

mod authority;
mod crl;
mod der;
mod error;
pub mod faulty;
mod files;
mod leaf;
#[cfg(test)]
mod oracle;
mod pem;
mod plan;
mod renewal;
mod sealing;
pub mod tree;
mod trust;

pub use authority::ORGANIZATION;
pub use crl::{RevocationList, revocation_list, revoke};
pub use error::CertsError;
pub use files::MARKER;
pub use leaf::{IssuedPaths, issue, issue_broker, serial};
pub use plan::{AgencyPlan, Plan};
pub use renewal::{Renewed, renew};
pub use tree::generate;
