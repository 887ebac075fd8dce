//! The simulated clock of the demonstration: real programs under libfaketime (Debian package
//! `libfaketime`), which tells each of them the time of one file. No program of ours has a clock that can be
//! set: a wrong clock would be a wrong permit.
//!
//! Only the time of day is simulated. Timers and timeouts, which count on the monotonic clock, are real.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// A clock that only the demonstration moves, and only forwards.
pub(super) struct StageClock {
    library: PathBuf,
    file: PathBuf,
}

impl StageClock {
    /// A clock that shows this instant now and goes on from it.
    pub(super) fn starting(folder: &Path, at: Timestamp) -> Self {
        let clock = Self { library: library(), file: folder.join("clock") };
        clock.show(at);
        clock
    }

    /// Lets the clock show this instant now.
    pub(super) fn show(&self, at: Timestamp) {
        let offset_s = at.as_second() - Timestamp::now().as_second();
        // Replaced in one step: a program that reads it finds the old time or the new one.
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, format!("{offset_s:+}s\n")).unwrap();
        #[expect(clippy::disallowed_methods, reason = "nothing here must survive a crash")]
        std::fs::rename(fresh, &self.file).unwrap();
    }

    /// The environment in which a program lives by this clock.
    pub(super) fn environment(&self) -> [(&'static str, String); 6] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }
}

/// Where Debian puts the library, whatever the machine's architecture.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.exists())
        .expect("libfaketime is missing; as root: apt-get install libfaketime")
}
