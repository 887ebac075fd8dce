//! What can go wrong while writing development material.

use std::path::PathBuf;

/// Why development material was not written.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Answer of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The folder holds something this crate did not write.
    #[error("{} is not empty and has no {} of ours: refusing to replace it", .0.display(), crate::MARKER)]
    NotOurs(PathBuf),
    /// An identifier of a plan or argument is not of the grammar.
    #[error("{what} {value:?} must be {allowed}")]
    Name {
        /// Which identifier.
        what: &'static str,
        /// As given.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The folder has no issuing CA of this name.
    #[error("no issuing CA {name:?} under {}", out.display())]
    UnknownIssuer {
        /// Name of the issuer.
        name: String,
        /// Folder of the development material.
        out: PathBuf,
    },
    /// A file does not hold what it should.
    #[error("{} does not hold {expected}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A certificate or revocation list could not be built.
    #[error("cannot build a certificate or revocation list")]
    Certificate(#[from] rcgen::Error),
    /// Bytes built here are not the DER they should be.
    #[error("unexpected DER while tampering with a certificate")]
    Der,
    /// A text file could not be composed.
    #[error("cannot compose a TOML file")]
    Toml(#[from] toml::ser::Error),
    /// The present lies so early that nothing can have expired before it.
    #[error("the present must be after 1972 to make expired certificates")]
    Time,
    /// The operating system gave no random bytes, or key generation failed.
    #[error("no random bytes, or a key could not be generated")]
    Random,
}
