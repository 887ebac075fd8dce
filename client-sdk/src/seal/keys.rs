//! The file of an agency's sealing keys.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schleuse_proto::evidence::Digest;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{SealError, SealingPrivateKey, SealingPublicKey, Suite};
use crate::error::ClientError;
use crate::files;

/// Most keys in one file: both suites, each with a few that overlap during rotation.
const KEYS_MAX: usize = 16;

/// The private sealing keys of an agency, of both suites, old and new.
#[derive(Debug, Default)]
pub struct SealingKeys {
    keys: Vec<SealingPrivateKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealingFile {
    key: Vec<FileKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileKey {
    suite: String,
    public_key: String,
    private_key: Zeroizing<String>,
}

impl SealingKeys {
    /// Keys that are in memory already.
    #[must_use]
    pub fn new(keys: Vec<SealingPrivateKey>) -> Self {
        Self { keys }
    }

    /// Whether there is no key: then nothing that came can be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Reads a file of `[[key]]` tables with `suite`, `public_key` and `private_key` (base64).
    ///
    /// # Errors
    /// The file cannot be read, others may open it, or a key is malformed.
    pub fn load(path: &Path) -> Result<Self, ClientError> {
        let bytes = files::read_private(path).map_err(|error| {
            // Of another file it does not matter who may read it.
            let other = files::read_small(path).map(Zeroizing::new);
            other.ok().and_then(|bytes| parse_file(path, &bytes).err()).unwrap_or(error)
        })?;
        let file = parse_file(path, &bytes)?;
        if file.key.is_empty() || file.key.len() > KEYS_MAX {
            return Err(ClientError::file(path, format!("expected 1 to {KEYS_MAX} keys")));
        }
        let keys = file.key.iter().zip(1..).map(|(key, number)| {
            parse(key).map_err(|why| ClientError::file(path, format!("key {number}: {why}")))
        });
        Ok(Self { keys: keys.collect::<Result<_, _>>()? })
    }

    /// The key with this id.
    #[must_use]
    pub fn find(&self, id: &[u8]) -> Option<&SealingPrivateKey> {
        self.keys.iter().find(|key| key.public().id().as_slice() == id)
    }

    /// Ids of all keys.
    pub fn ids(&self) -> impl Iterator<Item = &Digest> {
        self.keys.iter().map(|key| key.public().id())
    }

    /// The public keys, in the order of the file.
    pub fn public_keys(&self) -> impl Iterator<Item = &SealingPublicKey> {
        self.keys.iter().map(SealingPrivateKey::public)
    }
}

fn parse_file(path: &Path, bytes: &[u8]) -> Result<SealingFile, ClientError> {
    // The parser's own message would quote the line, and with it a private key.
    let file = std::str::from_utf8(bytes).ok().and_then(|text| toml::from_str(text).ok());
    file.ok_or_else(|| {
        let expected =
            "not a sealing file: expected [[key]] tables with suite, public_key and private_key";
        ClientError::file(path, expected)
    })
}

fn parse(key: &FileKey) -> Result<SealingPrivateKey, String> {
    let suite = Suite::parse(&key.suite)
        .ok_or_else(|| "suite: expected mlkem1024-p384 or dhkem-p256".to_owned())?;
    let base64 =
        |text: &str, what| STANDARD.decode(text).map_err(|_| format!("{what}: expected base64"));
    let private = Zeroizing::new(base64(&key.private_key, "private_key")?);
    let public = base64(&key.public_key, "public_key")?;
    let private =
        SealingPrivateKey::parse(suite, &private).map_err(|e: SealError| e.to_string())?;
    if *private.public().as_bytes() != public {
        return Err("public_key does not belong to private_key".to_owned());
    }
    Ok(private)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn errors_in_a_key_file_do_not_quote_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealing.toml");
        let load = |text: &str| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            SealingKeys::load(&path).unwrap_err().to_string()
        };
        let secret = "c2VjcmV0";
        for text in [
            format!("[[key]]\nsuite = \"x\"\npublic_key = \"\"\nprivate_key = \"{secret}\""),
            format!(
                "[[key]]\nsuite = \"dhkem-p256\"\npublic_key = \"\"\nprivate_key = \"{secret}\""
            ),
            format!("[[key]]\nprivate_key = \"{secret}"),
            "key = []".to_owned(),
        ] {
            let error = load(&text);
            assert!(error.contains("sealing.toml") && !error.contains(secret), "{error}");
        }
    }

    #[test]
    fn another_file_is_called_so_and_an_open_sealing_file_names_its_cure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let load = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            SealingKeys::load(&path).unwrap_err().to_string()
        };
        for other in [&b"-----BEGIN CERTIFICATE-----"[..], &[0xff, 0xfe], b"listen = 1"] {
            let error = load(other);
            assert!(error.contains("not a sealing file") && !error.contains("chmod"), "{error}");
        }
        assert!(load(b"key = []").contains("chmod 600"));
    }
}
