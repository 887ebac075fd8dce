//! The few file operations that durability depends on, behind a trait, so that a test can lose,
//! tear or refuse each of them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Fills the buffer from this offset.
    ///
    /// # Errors
    /// The file is shorter, or the system refuses.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all bytes at this offset.
    ///
    /// # Errors
    /// The system refuses; part of it may be written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes contents durable (`fdatasync`).
    ///
    /// # Errors
    /// Nothing can be said about what is durable.
    fn sync(&self) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// The system refuses.
    fn length(&self) -> io::Result<u64>;
}

/// A volume.
pub trait Disk: Send + Sync {
    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// It does not exist, or the system refuses.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Makes a new, empty file of this length in zeros, replacing any other; mode 0600.
    ///
    /// # Errors
    /// The volume is full, or the system refuses.
    fn create(&self, path: &Path, length: u64) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file and makes the folder durable.
    ///
    /// # Errors
    /// The system refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system refuses.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// File names in a folder, sorted.
    ///
    /// # Errors
    /// The system refuses.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Waits until nobody else has locked this folder, and has it until what is returned is dropped. Reads only,
    /// and makes no file: who may read the folder may lock it.
    ///
    /// # Errors
    /// The system refuses.
    fn lock(&self, folder: &Path) -> io::Result<Box<dyn Send>>;

    /// Free bytes on the volume of this folder.
    ///
    /// # Errors
    /// The system refuses.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn create(&self, path: &Path, length: u64) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        if length > 0 {
            let allocated =
                rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, length);
            if let Err(error) = allocated {
                // An empty file must not pass for one with room in it.
                std::fs::remove_file(path)?;
                return Err(error.into());
            }
            file.sync_all()?;
        }
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the one place that also syncs the folder")]
        std::fs::rename(from, to)?;
        File::open(to.parent().unwrap_or(Path::new(".")))?.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn lock(&self, folder: &Path) -> io::Result<Box<dyn Send>> {
        let folder = File::open(folder)?;
        folder.lock()?;
        Ok(Box::new(folder))
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let volume = rustix::fs::statvfs(folder)?;
        Ok(volume.f_bavail.saturating_mul(volume.f_frsize))
    }
}

/// Replaces a file as a whole and makes that durable: afterwards it has the old bytes or the new ones.
///
/// # Errors
/// The system refuses; the old file is still there.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_added_extension("tmp");
    let file = disk.create(&temporary, 0)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&temporary, path)
}
