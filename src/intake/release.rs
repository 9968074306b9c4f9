//! Letting go of a source, after its fax is durably ours.
//!
//! What is released is checked once more: a file that is not the one that was admitted stays where it is. Nothing is
//! ever overwritten, and no link that others left is followed: spools and tickets' folders are theirs. Companions (ticket, sidecar) go before the file: if we die in between, the file is still there
//! and known, while a ticket without its file would look like a failed call. A group of files (mgetty) goes under a
//! journal, so that half a group left by a crash is not taken for another fax.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, openat, unlinkat};
use rustix::io::Errno;

use super::look::{self, Entry, Identity};
use super::survey::Candidate;
use super::{Release, Spool, survey};
use crate::ops::durable::sync_folder;

/// What became of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Released {
    /// Nothing to do: the file stays by policy, or was gone already.
    Nothing,
    /// Let go.
    Done,
    /// A file changed after it was admitted: it stays, and is looked at anew.
    Changed,
}

/// Name of the journal of a group that is being released.
const JOURNAL: &str = ".faxgate-release-";

/// Releases an admitted candidate by the spool's policy.
pub fn release(spool: &Spool, candidate: &Candidate) -> io::Result<Released> {
    let tickets = candidate.tickets.iter().map(|slip| slip.entry.path.clone());
    put_tickets_aside(spool, tickets.collect())?;
    if spool.release == Release::Leave {
        return Ok(Released::Nothing);
    }
    if candidate.files.iter().any(|file| !unchanged(file)) {
        return Ok(Released::Changed);
    }
    if let Some((sidecar, _)) = &candidate.sidecar {
        let_go(&sidecar.path, &spool.release)?;
    }
    let journal = match candidate.files.len() {
        0 | 1 => None,
        _ => Some(write_journal(spool, candidate)?),
    };
    for file in &candidate.files {
        let_go(&file.path, &spool.release)?;
    }
    if let Some(journal) = journal {
        fs::remove_file(&journal)?;
    }
    sync_folder(&spool.path)?;
    Ok(Released::Done)
}

/// Moves tickets that have been used into `done`. It lies where hooks write: a link in its place leads nowhere.
pub fn put_tickets_aside(spool: &Spool, tickets: Vec<PathBuf>) -> io::Result<()> {
    let Some(done) = survey::done_folder(spool).filter(|_| !tickets.is_empty()) else { return Ok(()) };
    for ticket in tickets {
        gone_is_fine(
            &ticket,
            match spool.release {
                Release::Delete => fs::remove_file(&ticket),
                _ => move_into(&ticket, &done, OFlags::NOFOLLOW),
            },
        )?;
    }
    Ok(())
}

/// Lets go of a sidecar whose file never came.
pub fn put_sidecar_aside(spool: &Spool, sidecar: &Entry) -> io::Result<()> {
    let_go(&sidecar.path, &spool.release)
}

fn unchanged(file: &Entry) -> bool {
    match file.path.symlink_metadata() {
        Ok(meta) => meta.is_file() && Identity::of(&meta).same_content(&file.id),
        // Gone is what we want; anything else shows when it is moved.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Moves or deletes one file; one that is gone already is no error.
fn let_go(path: &Path, policy: &Release) -> io::Result<()> {
    gone_is_fine(
        path,
        match policy {
            Release::Leave => Ok(()),
            Release::Delete => fs::remove_file(path),
            Release::Move(folder) => move_into(path, folder, OFlags::empty()),
        },
    )
}

fn gone_is_fine(path: &Path, done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => Ok(()),
        done => done,
    }
}

/// As many names are tried as there can be files of one name.
const MOST_SUFFIXES: u32 = 100_000;

/// Moves a file into a folder, under `name-2.ext` and so on where `name.ext` is taken, and syncs both folders.
/// The folder is opened once, with `flags`, and only what was opened is written to.
fn move_into(path: &Path, folder: &Path, flags: OFlags) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let place =
        openat(CWD, folder, flags | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let name = path.file_name().map(|name| fitting(&name.to_string_lossy())).unwrap_or_default();
    for count in 1..=MOST_SUFFIXES {
        match move_to(path, &place, &numbered(&name, count)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => {
                rustix::fs::fsync(&place)?;
                return path.parent().map_or(Ok(()), sync_folder);
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name is taken"))
}

/// Longest name that is given, in bytes. A file system takes 255; a number and a draft's mark must fit beside it, and each
/// byte that is no UTF-8 becomes three.
const NAME_MOST: usize = 220;

/// A name that is too long, with its end kept and its middle left out.
fn fitting(name: &str) -> String {
    if name.len() <= NAME_MOST {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 8 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let most = NAME_MOST - extension.len();
    let cut = (0..=most).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{extension}", &stem[..cut])
}

fn numbered(name: &str, count: u32) -> String {
    match (count, name.rsplit_once('.')) {
        (1, _) => name.to_owned(),
        (_, Some((stem, extension))) => format!("{stem}-{count}.{extension}"),
        (_, None) => format!("{name}-{count}"),
    }
}

/// One rename that overwrites nothing. Where the file system cannot (NFS), a hard link; to another one, a copy.
fn move_to(path: &Path, place: &OwnedFd, name: &str) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, path, place, name, RenameFlags::NOREPLACE) {
        Err(Errno::XDEV) => copy_over(path, place, name),
        Err(Errno::INVAL | Errno::NOSYS) => {
            linkat(CWD, path, place, name, AtFlags::empty())?;
            fs::remove_file(path)
        }
        other => Ok(other?),
    }
}

/// Copies to another file system, durably and whole or not at all, and removes the source after that.
fn copy_over(path: &Path, place: &OwnedFd, name: &str) -> io::Result<()> {
    let aside = format!(".{name}.faxgate.tmp");
    // A copy that a dead process left; a link in its place goes too.
    match unlinkat(place, &aside, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let copied = (|| {
        let mut source = look::open(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut copy = File::from(openat(place, &aside, flags, Mode::from_raw_mode(0o640))?);
        io::copy(&mut source, &mut copy)?;
        copy.sync_all()?;
        io::Result::Ok(linkat(place, &aside, place, name, AtFlags::empty())?)
    })();
    let tidied = unlinkat(place, &aside, AtFlags::empty());
    copied?;
    tidied?;
    rustix::fs::fsync(place)?;
    fs::remove_file(path)
}

fn write_journal(spool: &Spool, candidate: &Candidate) -> io::Result<PathBuf> {
    let path = spool.path.join(format!("{JOURNAL}{}", candidate.name));
    let lines: Vec<String> = candidate.files.iter().map(|file| file.id.key(&file.name)).collect();
    // What lies there is a journal that was never finished, or a link that somebody else put there.
    gone_is_fine(&path, fs::remove_file(&path))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(lines.join("\n").as_bytes())?;
    file.write_all(b"\nend\n")?;
    file.sync_all()?;
    sync_folder(&spool.path)?;
    Ok(path)
}

/// A journal is a line a page.
const MOST_JOURNAL: u64 = 4 << 20;

/// Finishes what a process before us began: releases the rest of each group that has a journal. A journal without
/// its last line was never acted upon. The groups that could not be released yet, by name, each with the reason: what
/// is left of them is no fax.
pub fn finish(spool: &Spool) -> io::Result<Vec<(String, io::Error)>> {
    let mut held = Vec::new();
    if spool.release == Release::Leave {
        return Ok(held);
    }
    let entries = look::list(&spool.path)?;
    for journal in entries.iter().filter(|entry| entry.regular) {
        let Some(group) = journal.name.strip_prefix(JOURNAL) else { continue };
        if let Err(error) = finish_one(spool, journal, &entries) {
            held.push((group.to_owned(), error));
        }
    }
    Ok(held)
}

fn finish_one(spool: &Spool, journal: &Entry, entries: &[Entry]) -> io::Result<()> {
    let Some((bytes, _)) = look::read_whole(&journal.path, MOST_JOURNAL)? else { return Ok(()) };
    let text = String::from_utf8_lossy(&bytes);
    if text.ends_with("\nend\n") {
        for file in entries {
            if text.lines().any(|line| line == file.id.key(&file.name)) {
                let_go(&file.path, &spool.release)?;
            }
        }
    }
    fs::remove_file(&journal.path)?;
    sync_folder(&spool.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_keeps_its_end() {
        assert_eq!(fitting("fax.tif"), "fax.tif");
        let long = fitting(&format!("{}.tif", "長".repeat(80)));
        assert!(long.len() <= NAME_MOST && long.starts_with("長") && long.ends_with("長.tif"), "{long}");
        assert_eq!(fitting(&"x".repeat(300)).len(), NAME_MOST);
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let done = dir.path().join("done");
        for text in ["one", "two", "three"] {
            let path = dir.path().join("fax1.tif");
            fs::write(&path, text).unwrap();
            move_into(&path, &done, OFlags::NOFOLLOW).unwrap();
            assert!(!path.exists());
        }
        let read = |name: &str| fs::read_to_string(done.join(name)).unwrap();
        assert_eq!([read("fax1.tif"), read("fax1-2.tif"), read("fax1-3.tif")], ["one", "two", "three"]);
    }

    #[test]
    fn a_copy_to_another_file_system_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (source, target) = (dir.path().join("a.tif"), dir.path().join("b.tif"));
        let place = OwnedFd::from(File::open(dir.path()).unwrap());
        fs::write(&source, "fax").unwrap();
        copy_over(&source, &place, "b.tif").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "fax");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::write(&source, "other").unwrap();
        assert_eq!(copy_over(&source, &place, "b.tif").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&source).unwrap(), "other");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
