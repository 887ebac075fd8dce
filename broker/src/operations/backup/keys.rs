//! Keys of backups: the offline pair, and one key for each backup, sealed to it.
//!
//! | file | content |
//! | --- | --- |
//! | `<name>.pub` | `schleuse-backup-public-1`, space, public key in base64 |
//! | `<name>.secret` | `schleuse-backup-secret-1`, space, private key in base64; mode 0600, kept offline |
//! | `<backup>.key` | `schleuse-backup-key-1`, space, encapsulated key and sealed key of the backup in base64 |
//!
//! Sealing is HPKE (RFC 9180, base mode) with ML-KEM-1024 + P-384, HKDF-SHA384, AES-256-GCM; `info` is the format
//! and the identifier of the backup.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha384;
use hpke::kem::MlKem1024P384;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use zeroize::Zeroizing;

use super::{BackupError, wrong};

type Hybrid = MlKem1024P384;
type Public = <Hybrid as Kem>::PublicKey;

const PUBLIC: &str = "schleuse-backup-public-1";
const SECRET: &str = "schleuse-backup-secret-1";
const SEALED: &str = "schleuse-backup-key-1";
/// Context of sealed keys.
const INFO: &[u8] = b"schleuse/v1/backup-key\0";
/// Largest key file in bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// Identifier of a backup.
pub type BackupId = [u8; 16];
/// Key of one backup.
pub type BackupKey = Zeroizing<[u8; 32]>;

/// Makes an offline pair: `<stem>.pub` and `<stem>.secret`. Existing files are not replaced.
///
/// # Errors
/// The files exist or cannot be written.
pub fn generate(stem: &Path) -> Result<(PathBuf, PathBuf), BackupError> {
    let (secret, public) = Hybrid::gen_keypair();
    let secret = Zeroizing::new(secret.to_bytes().to_vec());
    let (public_path, secret_path) =
        (stem.with_added_extension("pub"), stem.with_added_extension("secret"));
    let secret = Zeroizing::new(format!("{SECRET} {}\n", STANDARD.encode(&secret)));
    write_new(&secret_path, secret.as_bytes(), 0o600)?;
    let public = format!("{PUBLIC} {}\n", STANDARD.encode(public.to_bytes()));
    write_new(&public_path, public.as_bytes(), 0o644)?;
    Ok((public_path, secret_path))
}

/// Writes a file that must not exist, durably.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), BackupError> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    let mut file = file.map_err(|error| wrong(path, error))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| wrong(path, error))
}

fn read(path: &Path, format: &str) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let length = std::fs::metadata(path).map_err(|error| wrong(path, error))?.len();
    let expected = || wrong(path, format!("expected one line: {format} and base64"));
    if length > BYTES_MAX {
        return Err(expected());
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| wrong(path, error))?);
    let rest = text.trim_end().strip_prefix(format).and_then(|rest| rest.strip_prefix(' '));
    let bytes = rest.and_then(|rest| STANDARD.decode(rest).ok());
    bytes.map(Zeroizing::new).ok_or_else(expected)
}

/// Reads the public half of the offline pair.
///
/// # Errors
/// It is none.
pub fn read_public(path: &Path) -> Result<Public, BackupError> {
    let bytes = read(path, PUBLIC)?;
    Public::from_bytes(&bytes).map_err(|_| wrong(path, "not a public key"))
}

fn info(id: &BackupId) -> Vec<u8> {
    [INFO, id].concat()
}

/// Seals the key of a backup into a new file.
///
/// # Errors
/// The file exists or cannot be written.
pub fn seal(
    public: &Public,
    id: &BackupId,
    key: &BackupKey,
    path: &Path,
) -> Result<(), BackupError> {
    let sealed = hpke::single_shot_seal::<AesGcm256, HkdfSha384, Hybrid>(
        &OpModeS::Base,
        public,
        &info(id),
        key.as_slice(),
        b"",
    );
    let (encapsulated, sealed) = sealed.map_err(|_| wrong(path, "the key cannot be sealed"))?;
    let bytes = [encapsulated.to_bytes().as_slice(), &sealed].concat();
    write_new(path, format!("{SEALED} {}\n", STANDARD.encode(bytes)).as_bytes(), 0o600)
}

/// Opens the key of a backup with the secret half of the offline pair.
///
/// # Errors
/// One of the files is none, others can read the secret, or the key is of another pair or backup.
pub fn open(secret: &Path, id: &BackupId, path: &Path) -> Result<BackupKey, BackupError> {
    let mode =
        std::fs::metadata(secret).map_err(|error| wrong(secret, error))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(wrong(
            secret,
            format!("others can read it (mode {:o}); run chmod 600", mode & 0o777),
        ));
    }
    let bytes = read(secret, SECRET)?;
    let private = <Hybrid as Kem>::PrivateKey::from_bytes(&bytes);
    let private = private.map_err(|_| wrong(secret, "not a secret key"))?;
    let sealed = read(path, SEALED)?;
    let foreign =
        || wrong(path, "is not the key of this backup, or not sealed to this offline key");
    let (encapsulated, ciphertext) =
        sealed.split_at_checked(<Hybrid as Kem>::EncappedKey::size()).ok_or_else(foreign)?;
    let encapsulated =
        <Hybrid as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| foreign())?;
    let opened = hpke::single_shot_open::<AesGcm256, HkdfSha384, Hybrid>(
        &OpModeR::Base,
        &private,
        &encapsulated,
        &info(id),
        ciphertext,
        b"",
    );
    let opened = Zeroizing::new(opened.map_err(|_| foreign())?);
    let key: [u8; 32] = opened.as_slice().try_into().map_err(|_| foreign())?;
    Ok(Zeroizing::new(key))
}

/// A key file of a keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptKey {
    /// The file.
    pub path: PathBuf,
    /// When it was written, Unix seconds.
    pub written: u64,
}

/// Key files of a keyring, oldest first.
///
/// # Errors
/// The folder cannot be read.
pub fn list(keyring: &Path) -> Result<Vec<KeptKey>, BackupError> {
    let mut keys = Vec::new();
    for entry in std::fs::read_dir(keyring).map_err(|error| wrong(keyring, error))? {
        let path = entry.map_err(|error| wrong(keyring, error))?.path();
        if path.extension().is_some_and(|extension| extension == "key")
            && read(&path, SEALED).is_ok()
        {
            let modified = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
            let modified = modified.map_err(|error| wrong(&path, error))?;
            let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            keys.push(KeptKey { path, written: since.as_secs() });
        }
    }
    keys.sort_by(|a, b| (a.written, &a.path).cmp(&(b.written, &b.path)));
    Ok(keys)
}

/// Overwrites a key file and removes it: no copy of its backup can be read any more.
///
/// # Errors
/// The file cannot be overwritten or removed.
pub fn destroy(path: &Path) -> Result<(), BackupError> {
    let failed = |error: std::io::Error| wrong(path, error);
    let length = std::fs::metadata(path).map_err(failed)?.len();
    let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(failed)?;
    let zeros = vec![0; usize::try_from(length).unwrap_or_default()];
    file.write_all(&zeros).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::remove_file(path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
