//! Files: private keys that nobody else may read, and replacement that survives a crash.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::ClientError;
use crate::random;

/// Largest file of keys, certificates or trust in bytes.
const SMALL_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// Reads a small public file.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>, ClientError> {
    let file = File::open(path).map_err(|error| ClientError::file(path, error))?;
    read_open(&file, path, SMALL_FILE_BYTES_MAX)
}

/// Reads a small file that only its owner may read.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, ClientError> {
    read_private_up_to(path, "a private key", SMALL_FILE_BYTES_MAX)
}

/// Reads a file that only its owner may read, up to a size; `holds` says what others must not see.
pub(crate) fn read_private_up_to(
    path: &Path,
    holds: &str,
    bytes_max: u64,
) -> Result<Zeroizing<Vec<u8>>, ClientError> {
    let file = File::open(path).map_err(|error| ClientError::file(path, error))?;
    // The opened file is asked, not the path: nothing can be exchanged in between.
    let metadata = file.metadata().map_err(|error| ClientError::file(path, error))?;
    let mode = metadata.permissions().mode();
    if mode & OTHERS != 0 {
        let why = format!(
            "holds {holds} and others may open it (mode {:03o}): run chmod 600 {}",
            mode & 0o777,
            path.display()
        );
        return Err(ClientError::file(path, why));
    }
    read_open(&file, path, bytes_max).map(Zeroizing::new)
}

fn read_open(file: &File, path: &Path, bytes_max: u64) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    let limit = bytes_max.saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(|error| ClientError::file(path, error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length < limit) {
        return Ok(bytes);
    }
    Err(ClientError::file(path, format!("larger than {bytes_max} bytes")))
}

/// Keeps a file that only its owner may read: whole, or not at all. Its folder is made if it is not there.
///
/// # Errors
/// It cannot be written.
pub fn keep_private(path: &Path, content: &[u8]) -> Result<(), ClientError> {
    replace(path, content)
}

/// Puts new content in the place of a file: after a crash there is the old or the new one, whole.
/// The file is readable by its owner only.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), ClientError> {
    let failed = |error: std::io::Error| ClientError::file(path, error);
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&folder).map_err(failed)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", u64::from_be_bytes(random::bytes()?)));
    let fresh = folder.join(name);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        rename(&fresh, path)?;
        File::open(&folder)?.sync_all()
    };
    write().map_err(|error| {
        let _cleanup = fs::remove_file(&fresh);
        failed(error)
    })
}

/// A file that its owner alone may open, in a folder that is made for it; it is left as it is if it is there.
pub(crate) fn private_file(path: &Path) -> Result<File, ClientError> {
    let open = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
    };
    open().map_err(|error| ClientError::file(path, error))
}

#[expect(clippy::disallowed_methods, reason = "the one rename; replace syncs the folder")]
fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_that_others_may_open_is_refused_with_its_cure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("system.key");
        fs::write(&path, "secret").unwrap();
        for mode in [0o644, 0o640, 0o604, 0o610] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let text = read_private(&path).unwrap_err().to_string();
            assert!(text.contains("system.key") && text.contains("chmod 600"), "{text}");
            assert!(!text.contains("secret"));
        }
        for mode in [0o600, 0o400] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read_private(&path).unwrap().as_slice(), b"secret");
        }
    }

    #[test]
    fn a_replaced_file_is_whole_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state").join("checkpoint");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read_small(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
