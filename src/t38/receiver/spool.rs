//! The folder that finished calls are left in, and what must survive the end of this process.
//!
//! - A page is on the disk before its sender hears so: the new end of the TIFF first, then the link that leads to it, each
//!   followed by fsync; before both, a record that says whose call it is.
//! - A finished fax is complete to whoever sees it: its record is there first, then its TIFF, each by rename.
//! - What a dead process left in `.part` is cut to its whole pages and finished at the next start.
//! - One process a folder, kept by a lock.
//!
//! All of this blocks: it runs on the disk thread and at the start.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{FlockOperation, StatVfsMountFlags};

use super::tiff;
use crate::ops::durable::sync_folder;
use crate::t38::record::Record;

/// Calls in progress lie here.
pub const PART: &str = ".part";
/// Records of calls that brought no page lie here.
pub const FAILED: &str = "failed";
/// The lock file.
const LOCK: &str = ".lock";
/// Files are for the owner and the spool's group: the gateway.
const MODE: u32 = 0o640;
/// Bytes copied at a time.
const CHUNK: usize = 256 << 10;
/// A record is smaller than this.
const MOST_RECORD: u64 = 1 << 20;

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process has it.
    #[error("another receiver uses {0}")]
    Taken(PathBuf),
    /// A folder or file of it cannot be made or read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why no call can be taken at this moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Less room than wanted.
    #[error("the disk has {free} bytes left, and {wanted} are wanted")]
    Full {
        /// Bytes left to us.
        free: u64,
        /// Bytes wanted.
        wanted: u64,
    },
    /// It cannot be written.
    #[error("the spool cannot be written: {0}")]
    Unwritable(String),
}

/// What became of a call that the last process left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The call's name.
    pub name: String,
    /// Whole pages delivered; 0: the call is among the failed.
    pub pages: u32,
}

/// A spool, ours alone.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    part: PathBuf,
    failed: PathBuf,
    /// Calls in `.part` that could not be finished, to be tried again.
    left: Mutex<BTreeSet<String>>,
    /// Held as long as it lives.
    _lock: File,
}

impl Spool {
    /// Opens a spool and makes what is missing in it. The folder itself must be there.
    pub fn open(folder: &Path) -> Result<Self, SpoolError> {
        let failure = |path: &Path| {
            let path = path.to_owned();
            move |source| SpoolError::Io { path, source }
        };
        let (part, failed) = (folder.join(PART), folder.join(FAILED));
        for below in [&part, &failed] {
            match std::fs::create_dir(below) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failure(below)(error));
                }
                Err(_) => {}
                Ok(()) => open_to_the_group(folder, below).map_err(failure(below))?,
            }
        }
        sync_folder(folder).map_err(failure(folder))?;
        let path = folder.join(LOCK);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE)
            .open(&path)
            .map_err(failure(&path))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                Ok(Self { folder: folder.to_owned(), part, failed, left: Mutex::default(), _lock: lock })
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Err(SpoolError::Taken(folder.to_owned())),
            Err(error) => Err(failure(&path)(error.into())),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Looks whether there is room for a call: cheap, asked before each.
    pub fn room(&self, wanted: u64) -> Result<(), NoRoom> {
        let facts = rustix::fs::statvfs(&self.part).map_err(|error| NoRoom::Unwritable(error.to_string()))?;
        if facts.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Err(NoRoom::Unwritable("it is mounted read-only".to_owned()));
        }
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        if free < wanted { Err(NoRoom::Full { free, wanted }) } else { Ok(()) }
    }

    /// Looks whether a file can really be made: asked now and then.
    pub fn probe(&self) -> Result<(), NoRoom> {
        let path = self.part.join("probe.tmp");
        let tried = write_whole(&path, b"probe").and_then(|()| std::fs::remove_file(&path));
        tried.map_err(|error| NoRoom::Unwritable(error.to_string()))
    }

    /// Makes durable what a call has so far. `memory` is its TIFF, `record` says how many whole pages are in it.
    pub fn keep(&self, name: &str, memory: &File, record: &Record) -> io::Result<()> {
        let path = self.part.join(tif(name));
        let fresh = !path.exists();
        self.write(&self.part, &partial(name), record)?;
        let file = open(&path)?;
        bring(memory, &file)?;
        if fresh { sync_folder(&self.part) } else { Ok(()) }
    }

    /// A call's end: its TIFF and record into the spool, or its record alone among the failed.
    pub fn finish(&self, name: &str, memory: Option<&File>, record: &Record) -> io::Result<()> {
        let path = self.part.join(tif(name));
        if record.pages == 0 {
            self.put(&self.failed, &json(name), record)?;
            remove(&path)?;
            return remove(&self.part.join(partial(name)));
        }
        if let Some(memory) = memory {
            self.whole(&path, memory)?;
        }
        self.deliver(name, record)
    }

    /// Puts the final TIFF in the place of the one of kept pages, by rename: libtiff may have written directories anew that
    /// stand before pages, and half of that in place would lose pages that were confirmed. Where the disk has no room for
    /// both, in place is what is left.
    fn whole(&self, path: &Path, memory: &File) -> io::Result<()> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let copied = copy(memory, &temporary).and_then(|()| std::fs::rename(&temporary, path));
        match copied {
            Ok(()) => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                tracing::warn!(%error, "no room for a finished fax beside its pages: they are finished in place");
                remove(&temporary)?;
                bring(memory, &open(path)?)?;
            }
            Err(error) => return Err(error),
        }
        sync_folder(&self.part)
    }

    fn deliver(&self, name: &str, record: &Record) -> io::Result<()> {
        self.put(&self.folder, &json(name), record)?;
        self.release(name)
    }

    fn release(&self, name: &str) -> io::Result<()> {
        remove(&self.part.join(partial(name)))?;
        let (folder, part) = (File::open(&self.folder)?, File::open(&self.part)?);
        std::fs::rename(self.part.join(tif(name)), self.folder.join(tif(name)))?;
        // From here on it is the gateway's: done again, it would be delivered twice. Its bytes are on the disk; a rename that is
        // lost is made at the next start.
        if let Err(error) = folder.sync_all().and_then(|()| part.sync_all()) {
            tracing::error!(call = name, %error, "the spool's folder cannot be synced");
        }
        Ok(())
    }

    /// Finishes what the last process left. Nothing of one call keeps another from being finished.
    pub fn recover(&self) -> Result<Vec<(String, io::Result<Recovered>)>, SpoolError> {
        let listed = std::fs::read_dir(&self.part).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = listed.map_err(|source| SpoolError::Io { path: self.part.clone(), source })?;
        let mut names = BTreeSet::new();
        for entry in entries {
            let file = entry.file_name().to_string_lossy().into_owned();
            match file.rsplit_once('.') {
                Some((name, "tif" | "partial")) => {
                    names.insert(name.to_owned());
                }
                // Half a file of ours; what it was to replace is still there.
                Some((_, "tmp")) => {
                    let _ = std::fs::remove_file(entry.path());
                }
                _ => {}
            }
        }
        Ok(names.into_iter().map(|name| (name.clone(), self.recover_or_leave(name))).collect())
    }

    /// Leaves a call that has ended in `.part`, to be finished by [`Spool::retry`].
    pub fn leave(&self, name: &str) {
        if let Ok(mut left) = self.left.lock() {
            left.insert(name.to_owned());
        }
    }

    /// Tries again what could not be finished; what was finished now, or why it still could not be.
    pub fn retry(&self) -> Vec<(String, io::Result<Recovered>)> {
        let names = self.left.lock().map(|mut left| std::mem::take(&mut *left)).unwrap_or_default();
        names.into_iter().map(|name| (name.clone(), self.recover_or_leave(name))).collect()
    }

    fn recover_or_leave(&self, name: String) -> io::Result<Recovered> {
        let recovered = self.recover_one(name.clone());
        if recovered.is_err() {
            self.leave(&name);
        }
        recovered
    }

    fn recover_one(&self, name: String) -> io::Result<Recovered> {
        const WHY: &str = "the receiver ended while the call was in progress";
        const LOST: &str = "the receiver ended while the call was in progress, and what it knew of the call is lost: neither the \
                            number dialled nor the caller is known";
        let record = read_record(&self.part.join(partial(&name)))?;
        let why = if record.is_some() { WHY } else { LOST };
        let path = self.part.join(tif(&name));
        let (file, walk) = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => {
                let walk = tiff::walk(&file)?;
                (Some(file), walk.pages)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (None, 0),
            Err(error) => return Err(error),
        };
        let Some(file) = file.filter(|_| walk > 0) else {
            self.finish(&name, None, &record.unwrap_or_default().cut_short(0, why))?;
            return Ok(Recovered { name, pages: 0 });
        };
        tiff::cut(&file, &tiff::walk(&file)?)?;
        if self.folder.join(json(&name)).exists() {
            // Its final record went out before it: only the TIFF's own rename was missing.
            self.release(&name)?;
        } else {
            self.finish(&name, None, &record.unwrap_or_default().cut_short(walk, why))?;
        }
        Ok(Recovered { name, pages: walk })
    }

    /// A record under its name, by rename, and the rename on the disk.
    fn put(&self, folder: &Path, name: &str, record: &Record) -> io::Result<()> {
        self.write(folder, name, record)?;
        sync_folder(folder)
    }

    /// The same; the rename itself may be lost, and then the record that was there before stands.
    fn write(&self, folder: &Path, name: &str, record: &Record) -> io::Result<()> {
        let temporary = self.part.join(format!("{name}.tmp"));
        write_whole(&temporary, &record.to_bytes())?;
        std::fs::rename(&temporary, folder.join(name))
    }
}

fn tif(name: &str) -> String {
    format!("{name}.tif")
}

fn json(name: &str) -> String {
    format!("{name}.json")
}

fn partial(name: &str) -> String {
    format!("{name}.partial")
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(MODE).open(path)
}

/// Makes `file` what `memory` is: first what is new at its end, then what changed before.
fn bring(memory: &File, file: &File) -> io::Result<()> {
    let (length, have) = (memory.metadata()?.len(), file.metadata()?.len());
    let mut new = vec![0; CHUNK];
    let mut old = vec![0; CHUNK];
    let mut at = have;
    while at < length {
        let part = window(&mut new, length - at);
        memory.read_exact_at(part, at)?;
        file.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    file.sync_data()?;
    let mut changed = false;
    let (mut at, before) = (0, have.min(length));
    while at < before {
        let new = window(&mut new, before - at);
        let old = window(&mut old, before - at);
        memory.read_exact_at(new, at)?;
        file.read_exact_at(old, at)?;
        if new != old {
            file.write_all_at(new, at)?;
            changed = true;
        }
        at += new.len() as u64;
    }
    if have > length {
        file.set_len(length)?;
        changed = true;
    }
    if changed { file.sync_data() } else { Ok(()) }
}

/// A file's bytes in a new one, on the disk.
fn copy(from: &File, to: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(to)?;
    let length = from.metadata()?.len();
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    while at < length {
        let part = window(&mut buffer, length - at);
        from.read_exact_at(part, at)?;
        file.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    file.sync_all()
}

fn window(buffer: &mut [u8], left: u64) -> &mut [u8] {
    let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
    &mut buffer[..length]
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read_record(path: &Path) -> io::Result<Option<Record>> {
    match File::open(path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(MOST_RECORD).read_to_end(&mut bytes)?;
            let record = Record::parse(&bytes);
            if record.is_none() {
                tracing::error!(path = %path.display(), "a call's record cannot be read: its fax goes without");
            }
            Ok(record)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whatever the umask: the gateway, of the folder's group, takes files out of it.
fn open_to_the_group(folder: &Path, below: &Path) -> io::Result<()> {
    let inherited = std::fs::metadata(folder)?.permissions().mode() & 0o2000;
    std::fs::set_permissions(below, std::fs::Permissions::from_mode(0o770 | inherited))
}

#[cfg(test)]
mod tests;
