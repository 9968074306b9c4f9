//! What can be seen of a file from outside: its identity, its lock, its writers, its structure.
//!
//! A spool is a folder where others write, so nothing in it is trusted: links are never followed, only regular files
//! are opened, and opening a FIFO does not block.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags};

use super::foreign;
use super::settle::{Lock, Structure, Writer};
use super::tags::Tags;
use crate::decode::raw_g3;
use crate::fax::{Format, Millis};

/// What makes a file this file and no other of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Device and inode.
    pub inode: (u64, u64),
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since the epoch.
    pub modified: i128,
    /// Last change of anything: nobody can set it back.
    pub changed: i128,
    /// Permission bits.
    pub mode: u32,
}

impl Identity {
    /// From a file's metadata.
    pub fn of(meta: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            inode: (meta.dev(), meta.ino()),
            size: meta.size(),
            modified: nanos(meta.mtime(), meta.mtime_nsec()),
            changed: nanos(meta.ctime(), meta.ctime_nsec()),
            mode: meta.mode() & 0o7777,
        }
    }

    /// The same file with the same content; mode and owner may have changed.
    pub fn same_content(&self, other: &Self) -> bool {
        (self.inode, self.size, self.modified) == (other.inode, other.size, other.modified)
    }

    /// When anything about it changed last.
    pub fn touched(&self) -> Millis {
        millis(self.modified.max(self.changed))
    }

    /// When its content changed last.
    pub fn written(&self) -> Millis {
        millis(self.modified)
    }

    /// Its part of a source key. The device is left out: its number may change at each boot.
    pub fn key(&self, name: &str) -> String {
        format!("{name}|{}|{}|{}", self.inode.1, self.size, self.modified)
    }
}

fn millis(nanos: i128) -> Millis {
    Millis::try_from(nanos / 1_000_000).unwrap_or(0)
}

/// One entry of a spool's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name as text.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its identity, without following a link.
    pub id: Identity,
    /// A regular file. Links, FIFOs and devices are not, and are never opened.
    pub regular: bool,
}

/// Every entry of a folder but its subfolders, by name.
pub fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    use std::os::unix::ffi::OsStrExt;
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Gone since: the next scan does not see it.
        let Ok(meta) = entry.path().symlink_metadata() else { continue };
        if !meta.is_dir() {
            entries.push(Entry {
                name: foreign::text(entry.file_name().as_bytes()),
                path: entry.path(),
                id: Identity::of(&meta),
                regular: meta.is_file(),
            });
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Opens a regular file for reading; a link or anything else is refused.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// Reads a regular file of at most `most` bytes, and its identity before and after: `None` if it is longer, or
/// changed meanwhile.
pub fn read_whole(path: &Path, most: u64) -> io::Result<Option<(Vec<u8>, Identity)>> {
    let file = open(path)?;
    let before = Identity::of(&file.metadata()?);
    if before.size > most {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or(0));
    (&file).take(most + 1).read_to_end(&mut bytes)?;
    let after = Identity::of(&file.metadata()?);
    let steady = before.same_content(&after) && bytes.len() as u64 == before.size;
    Ok(steady.then_some((bytes, before)))
}

/// The last `most` bytes of a log.
pub fn read_tail(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let size = file.metadata()?.size();
    file.seek(SeekFrom::Start(size.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tries a shared lock and lets it go at once: what HylaFAX's own `hfaxd` does to see whether a fax is being received.
pub fn lock(path: &Path) -> io::Result<Lock> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(Lock::Denied),
        Err(error) => return Err(error),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(Lock::Held),
        // Free, or a file system without locks: then the other signals decide.
        _ => Ok(Lock::Free),
    }
}

/// Looks through `/proc/*/fd` for a process that has one of the files open for writing.
pub fn writer(inodes: &[(u64, u64)]) -> Writer {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Writer::Unknown };
    // A service's own view of /proc may hide all processes but its own (systemd's ProtectProc=).
    let mut all_seen = Path::new("/proc/1").exists();
    for process in processes.flatten() {
        let is_process =
            process.file_name().to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit()));
        if !is_process {
            continue;
        }
        let files = match std::fs::read_dir(process.path().join("fd")) {
            Ok(files) => files,
            Err(error) => {
                all_seen &= error.kind() == io::ErrorKind::NotFound;
                continue;
            }
        };
        for file in files.flatten() {
            let same =
                std::fs::metadata(file.path()).is_ok_and(|meta| inodes.contains(&(meta.dev(), meta.ino())));
            if same && opened_for_writing(&process.path().join("fdinfo").join(file.file_name())) {
                return Writer::Open;
            }
        }
    }
    if all_seen { Writer::None } else { Writer::Unknown }
}

/// `flags:` of `/proc/…/fdinfo/…` is octal; its last two bits are the access mode. What cannot be read counts as writing.
fn opened_for_writing(info: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(info) else { return true };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).map(str::trim);
    flags.and_then(|flags| u32::from_str_radix(flags, 8).ok()).is_none_or(|flags| flags & 3 != 0)
}

/// Does a file of this format go to its end?
pub fn structure(bytes: &[u8], format: Format) -> Structure {
    /// Where a PDF's end mark and a PNG's last chunk must be.
    const TAIL: usize = 2048;
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    let holds = |mark: &[u8]| tail.windows(mark.len()).any(|window| window == mark);
    let whole = match format {
        Format::Tiff => {
            let tags = Tags::read(bytes);
            if tags.whole && tags.not_closed() {
                return Structure::NotClosed;
            }
            tags.whole
        }
        Format::G3Bundle => raw_g3::ends_with_rtc(bytes),
        Format::Pdf => holds(b"%%EOF"),
        Format::Png => holds(b"IEND"),
    };
    if whole { Structure::Whole } else { Structure::Broken }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_links_nor_pipes_are_opened_even_if_they_take_a_files_place() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("fax.tif"), dir.path().join("link.tif"));
        std::fs::write(&file, "fax").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let pipe = dir.path().join("pipe.tif");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, rustix::fs::Mode::from_raw_mode(0o644), 0).unwrap();
        assert!(open(&file).is_ok());
        assert!(open(&link).is_err() && open(&pipe).is_err() && open(dir.path()).is_err());
    }

    #[test]
    fn a_writer_and_a_lock_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fax.tif");
        let writing = File::create(&path).unwrap();
        let inode = Identity::of(&path.metadata().unwrap()).inode;
        assert_eq!((writer(&[inode]), lock(&path).unwrap()), (Writer::Open, Lock::Free));
        rustix::fs::flock(&writing, FlockOperation::LockExclusive).unwrap();
        assert_eq!(lock(&path).unwrap(), Lock::Held);
        drop(writing);
        let _reading = File::open(&path).unwrap();
        assert_ne!(writer(&[inode]), Writer::Open);
        assert_eq!(lock(&path).unwrap(), Lock::Free);
    }

    #[test]
    fn a_key_outlives_a_change_of_mode_and_no_change_of_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fax.tif");
        std::fs::write(&path, "fax").unwrap();
        let key = || Identity::of(&path.metadata().unwrap()).key("fax.tif");
        let before = key();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(key(), before);
        std::fs::write(&path, "another fax").unwrap();
        assert_ne!(key(), before);
    }

    #[test]
    fn formats_end_where_they_say() {
        assert_eq!(structure(b"%PDF-1.4 half", Format::Pdf), Structure::Broken);
        assert_eq!(structure(b"%PDF-1.4 %%EOF\n", Format::Pdf), Structure::Whole);
        assert_eq!(structure(b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82", Format::Png), Structure::Whole);
        assert_eq!(structure(b"II*\0\0\0\0\0", Format::Tiff), Structure::Broken);
    }
}
