//! A disk that loses, tears and refuses: what a journal must survive.
//!
//! Writes go to the page cache; only `sync` makes them durable. A crash keeps of each file the durable
//! bytes and, sector by sector at random, some of what was written since. Any operation can be made
//! the one that crashes or fails.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use schleuse_broker::journal::disk::{Disk, DiskFile};

const SECTOR: usize = 512;

/// What happens at the chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The machine stops: this and all later operations fail until [`SimDisk::reboot`].
    Crash,
    /// The operation fails once, as a broken disk's would.
    Error,
}

#[derive(Clone, Debug, Default)]
struct Content {
    durable: Vec<u8>,
    cached: Vec<u8>,
}

#[derive(Debug, Default)]
struct World {
    /// Names, and the files that they mean: an open file keeps its content when it is renamed.
    names: BTreeMap<PathBuf, usize>,
    files: Vec<Content>,
    operations: u64,
    fault: Option<(u64, Fault)>,
    down: bool,
    full: bool,
}

/// The disk; clones see the same files.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Mutex<World>>);

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    file: usize,
}

impl World {
    fn add(&mut self, path: &Path, content: Content) -> usize {
        self.files.push(content);
        self.names.insert(path.to_owned(), self.files.len() - 1);
        self.files.len() - 1
    }
}

impl SimDisk {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Number of operations so far that can fail.
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// Makes the operation with this number (from 1) fail.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.world().fault = Some((operation, fault));
    }

    /// From here on nothing can be created until a file is removed.
    pub fn fill_up(&self) {
        self.world().full = true;
    }

    /// Brings the machine back: unsynced sectors survive at random.
    pub fn reboot(&self, mut seed: u64) {
        let mut world = self.world();
        world.down = false;
        world.fault = None;
        for content in &mut world.files {
            let mut survived = content.durable.clone();
            survived.resize(content.cached.len().max(content.durable.len()), 0);
            let sectors = content.cached.chunks(SECTOR).zip(survived.chunks_mut(SECTOR));
            for (cached, kept) in sectors {
                // SplitMix64: enough for choosing sectors, and repeatable.
                seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut z = seed;
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                if (z ^ (z >> 31)) & 1 == 1 {
                    kept[..cached.len()].copy_from_slice(cached);
                }
            }
            content.cached.clone_from(&survived);
            content.durable = survived;
        }
    }

    /// Bytes of a file.
    pub fn bytes(&self, path: &Path) -> Vec<u8> {
        let world = self.world();
        world.files[world.names[path]].cached.clone()
    }

    /// Replaces a file, durably.
    pub fn put(&self, path: &Path, bytes: Vec<u8>) {
        let content = Content { durable: bytes.clone(), cached: bytes };
        self.world().add(path, content);
    }

    /// A disk with the same files.
    pub fn copy(&self) -> Self {
        let world = self.world();
        let (names, files) = (world.names.clone(), world.files.clone());
        Self(Arc::new(Mutex::new(World { names, files, ..World::default() })))
    }

    /// Counts an operation and lets it fail if it is the one.
    fn operate(&self) -> Result<MutexGuard<'_, World>> {
        let mut world = self.world();
        world.operations += 1;
        if let Some((at, fault)) = world.fault
            && world.operations == at
        {
            world.down = fault == Fault::Crash;
            return Err(Error::other("injected"));
        }
        if world.down {
            return Err(Error::other("the machine is down"));
        }
        Ok(world)
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let world = self.disk.world();
        let bytes = &world.files[self.file].cached;
        let begin = offset as usize;
        let found = bytes.get(begin..begin + buffer.len()).ok_or(ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let mut world = self.disk.world();
        world.operations += 1;
        let fault = world.fault.filter(|(at, _)| *at == world.operations).map(|(_, fault)| fault);
        if world.down {
            return Err(Error::other("the machine is down"));
        }
        // A write that fails may have written a part.
        let written = if fault.is_some() { bytes.len() / 2 } else { bytes.len() };
        let cached = &mut world.files[self.file].cached;
        let begin = offset as usize;
        if cached.len() < begin + written {
            cached.resize(begin + written, 0);
        }
        cached[begin..begin + written].copy_from_slice(&bytes[..written]);
        if let Some(fault) = fault {
            world.down = fault == Fault::Crash;
            return Err(Error::other("injected"));
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let mut world = self.disk.operate()?;
        let content = &mut world.files[self.file];
        content.durable = content.cached.clone();
        Ok(())
    }

    fn length(&self) -> Result<u64> {
        let world = self.disk.world();
        Ok(world.files[self.file].cached.len() as u64)
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path) -> Result<Arc<dyn DiskFile>> {
        let file = *self.world().names.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(Arc::new(SimFile { disk: self.clone(), file }))
    }

    fn create(&self, path: &Path, length: u64) -> Result<Arc<dyn DiskFile>> {
        let zeros = vec![0; length as usize];
        let content = Content { durable: zeros.clone(), cached: zeros };
        let mut world = self.operate()?;
        if world.full {
            return Err(ErrorKind::StorageFull.into());
        }
        let file = world.add(path, content);
        drop(world);
        Ok(Arc::new(SimFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut world = self.operate()?;
        let file = world.names.remove(from).ok_or(ErrorKind::NotFound)?;
        world.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let mut world = self.operate()?;
        world.full = false;
        world.names.remove(path).map(|_| ()).ok_or(ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>> {
        let world = self.world();
        let names = world.names.keys().filter_map(|path| path.strip_prefix(folder).ok());
        Ok(names.map(|name| name.display().to_string()).collect())
    }

    fn lock(&self, _path: &Path) -> Result<Box<dyn Send>> {
        // One process only.
        Ok(Box::new(()))
    }

    fn free_bytes(&self, _folder: &Path) -> Result<u64> {
        Ok(u64::MAX / 2)
    }
}
