//! Folders and files: modes, replacement, and the marker that says a folder is ours.
//!
//! Private keys are 0600 in folders of 0700. Nothing here is durable: it is development material.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::error::CertsError;

/// Name of the file that marks a folder as written by this crate.
pub const MARKER: &str = "DEVELOPMENT-ONLY";

const MARKER_TEXT: &str = "Written by schleuse-certs-dev. Keys in this folder are for development; \
                           never use them in production.\nThe next generate replaces the folder.\n";

/// What a new tree replaces in a marked folder; anything else there stays.
const REPLACED: [&str; 7] =
    ["root.pem", "trust.toml", "ca", "agencies", "broker", "crls", "faulty"];

/// Makes the folder ours: creates it, or empties it of an earlier tree.
pub(crate) fn claim(out: &Path) -> Result<(), CertsError> {
    folder(out)?;
    let used = fs::read_dir(out).map_err(failed("read", out))?.next().is_some();
    let ours = fs::read_to_string(out.join(MARKER)).is_ok_and(|text| text == MARKER_TEXT);
    if used && !ours {
        return Err(CertsError::NotOurs(out.to_owned()));
    }
    // The marker stays throughout, so that an interrupted run can be taken up again.
    for name in REPLACED {
        clear(&out.join(name))?;
    }
    write_public(&out.join(MARKER), MARKER_TEXT.as_bytes())
}

/// Removes a file or folder, if there is one.
pub(crate) fn clear(path: &Path) -> Result<(), CertsError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(failed("remove", path))
}

/// Creates a folder for public files.
pub(crate) fn folder(path: &Path) -> Result<(), CertsError> {
    fs::create_dir_all(path).map_err(failed("create", path))
}

/// Creates a folder that only its owner may enter.
pub(crate) fn private_folder(path: &Path) -> Result<(), CertsError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).map_err(failed("create", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed("protect", path))
}

/// Writes a file that everybody may read, in one step for readers.
pub(crate) fn write_public(path: &Path, content: &[u8]) -> Result<(), CertsError> {
    replace(path, content, 0o644)
}

/// Writes a file that only its owner may read, in one step for readers.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), CertsError> {
    replace(path, content, 0o600)
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CertsError> {
    fs::read(path).map_err(failed("read", path))
}

/// Reads a text file.
pub(crate) fn read_text(path: &Path) -> Result<String, CertsError> {
    fs::read_to_string(path).map_err(failed("read", path))
}

/// Names of what is in a folder, sorted.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, CertsError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed("read", path))? {
        let name = entry.map_err(failed("read", path))?.file_name();
        names.extend(name.into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

#[expect(clippy::disallowed_methods, reason = "development files need no durability")]
fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), CertsError> {
    let fresh = path.with_added_extension("new");
    clear(&fresh)?;
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&fresh)
        .map_err(failed("create", &fresh))?;
    file.write_all(content).map_err(failed("write", &fresh))?;
    fs::rename(&fresh, path).map_err(failed("replace", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CertsError {
    move |source| CertsError::File { action, path: path.to_owned(), source }
}
