//! What the broker asks of the machine: a volume whose syncs hold, and that its memory is not dumped.

use std::path::{Path, PathBuf};

use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::config::Profile;

/// Volumes on which `fdatasync` may not mean durable, on which another machine may write, or on which
/// space that was reserved may be gone when it is written again (copy on write): number of the file
/// system (`statfs(2)`) and its name.
const UNSAFE_VOLUMES: [(u32, &str); 11] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x6573_5546, "FUSE"),
    (0x794c_7630, "overlay"),
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x9123_683e, "btrfs"),
    (0x2fc1_2fc1, "ZFS"),
];

/// Surroundings in which a production broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum SurroundingsError {
    /// The volume.
    #[error(
        "data_dir = \"{folder}\": is on {kind}; expected a local volume such as ext4 or xfs, on which a sync is durable and reserved space stays reserved"
    )]
    Volume {
        /// The data folder.
        folder: PathBuf,
        /// The file system.
        kind: &'static str,
    },
    /// The operating system refused.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The refusal.
        source: rustix::io::Errno,
    },
}

/// Looks at the volume of the data folder. Development only warns.
pub(super) fn check_volume(folder: &Path, profile: Profile) -> Result<(), SurroundingsError> {
    let volume = rustix::fs::statfs(folder)
        .map_err(|source| SurroundingsError::System { what: "cannot look at data_dir", source })?;
    let Some(kind) = unsafe_kind(u64::try_from(volume.f_type).unwrap_or_default()) else {
        return Ok(());
    };
    match profile {
        Profile::Production => Err(SurroundingsError::Volume { folder: folder.to_owned(), kind }),
        Profile::Development => {
            tracing::warn!(kind, "data_dir is on a volume that production refuses");
            Ok(())
        }
    }
}

fn unsafe_kind(number: u64) -> Option<&'static str> {
    // The number is 32 bits wide; some systems sign-extend it.
    let number = u32::try_from(number & u64::from(u32::MAX)).ok()?;
    UNSAFE_VOLUMES.iter().find(|(unsafe_number, _)| *unsafe_number == number).map(|(_, kind)| *kind)
}

/// Keeps keys and payloads out of core dumps and from debuggers of the same user. Development keeps
/// both.
///
/// # Errors
/// The operating system refused.
pub fn forbid_dumps(profile: Profile) -> Result<(), SurroundingsError> {
    if profile == Profile::Development {
        return Ok(());
    }
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let system = |what| move |source| SurroundingsError::System { what, source };
    rustix::process::setrlimit(Resource::Core, none).map_err(system("cannot forbid core dumps"))?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(system("cannot forbid dumps of memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_refuses_a_volume_in_memory_and_development_takes_it() {
        let memory = Path::new("/dev/shm");
        let refused = check_volume(memory, Profile::Production).unwrap_err().to_string();
        assert!(refused.contains("data_dir = \"/dev/shm\": is on tmpfs"), "{refused}");
        check_volume(memory, Profile::Development).unwrap();
        assert_eq!(unsafe_kind(0xef53), None, "ext4");
        assert_eq!(unsafe_kind(0xffff_ffff_ff53_4d42), Some("CIFS"));
    }
}
