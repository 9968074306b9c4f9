//! Letting go of a source, after its fax is durably ours.
//!
//! What is released is checked once more: a file that is not the one that was admitted stays where it is. Nothing is
//! ever overwritten. Companions (ticket, sidecar) go before the file: if we die in between, the file is still there
//! and known, while a ticket without its file would look like a failed call. A group of files (mgetty) goes under a
//! journal, so that half a group left by a crash is not taken for another fax.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};

use super::look::{self, Entry, Identity};
use super::survey::Candidate;
use super::{Release, Spool, survey};

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

/// Moves tickets that have been used into `done`.
pub fn put_tickets_aside(spool: &Spool, tickets: Vec<PathBuf>) -> io::Result<()> {
    let Some(done) = survey::done_folder(spool).filter(|_| !tickets.is_empty()) else { return Ok(()) };
    for ticket in tickets {
        let policy =
            if spool.release == Release::Delete { Release::Delete } else { Release::Move(done.clone()) };
        let_go(&ticket, &policy)?;
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
    let done = match policy {
        Release::Leave => Ok(()),
        Release::Delete => fs::remove_file(path),
        Release::Move(folder) => move_into(path, folder),
    };
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => Ok(()),
        done => done,
    }
}

/// As many names are tried as there can be files of one name.
const MOST_SUFFIXES: u32 = 100_000;

/// Moves a file into a folder, under `name-2.ext` and so on where `name.ext` is taken, and syncs both folders.
fn move_into(path: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    for count in 1..=MOST_SUFFIXES {
        let target = folder.join(numbered(&name, count));
        match move_to(path, &target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => {
                sync_folder(folder)?;
                return path.parent().map_or(Ok(()), sync_folder);
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name is taken"))
}

fn numbered(name: &str, count: u32) -> String {
    match (count, name.rsplit_once('.')) {
        (1, _) => name.to_owned(),
        (_, Some((stem, extension))) => format!("{stem}-{count}.{extension}"),
        (_, None) => format!("{name}-{count}"),
    }
}

/// One rename that overwrites nothing. Where the file system cannot (NFS), a hard link; to another one, a copy.
fn move_to(path: &Path, target: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, path, CWD, target, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::XDEV) => copy_over(path, target),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(path, target)?;
            fs::remove_file(path)
        }
        other => Ok(other?),
    }
}

/// Copies to another file system, durably and whole or not at all, and removes the source after that.
fn copy_over(path: &Path, target: &Path) -> io::Result<()> {
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let aside = target.with_file_name(format!(".{name}.faxgate.tmp"));
    let copied = (|| {
        let mut source = look::open(path)?;
        let mut copy = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&aside)?;
        io::copy(&mut source, &mut copy)?;
        copy.sync_all()?;
        fs::hard_link(&aside, target)
    })();
    let tidied = fs::remove_file(&aside);
    copied?;
    tidied?;
    target.parent().map_or(Ok(()), sync_folder)?;
    fs::remove_file(path)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn write_journal(spool: &Spool, candidate: &Candidate) -> io::Result<PathBuf> {
    let path = spool.path.join(format!("{JOURNAL}{}", candidate.name));
    let lines: Vec<String> = candidate.files.iter().map(|file| file.id.key(&file.name)).collect();
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(lines.join("\n").as_bytes())?;
    file.write_all(b"\nend\n")?;
    file.sync_all()?;
    sync_folder(&spool.path)?;
    Ok(path)
}

/// A journal is a line a page.
const MOST_JOURNAL: u64 = 4 << 20;

/// Finishes what a process before us began: releases the rest of each group that has a journal. A journal without
/// its last line was never acted upon.
pub fn finish(spool: &Spool) -> io::Result<()> {
    if spool.release == Release::Leave {
        return Ok(());
    }
    let entries = look::list(&spool.path)?;
    for journal in entries.iter().filter(|entry| entry.regular && entry.name.starts_with(JOURNAL)) {
        let Some((bytes, _)) = look::read_whole(&journal.path, MOST_JOURNAL)? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        if text.ends_with("\nend\n") {
            for file in &entries {
                if text.lines().any(|line| line == file.id.key(&file.name)) {
                    let_go(&file.path, &spool.release)?;
                }
            }
        }
        fs::remove_file(&journal.path)?;
        sync_folder(&spool.path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let done = dir.path().join("done");
        for text in ["one", "two", "three"] {
            let path = dir.path().join("fax1.tif");
            fs::write(&path, text).unwrap();
            move_into(&path, &done).unwrap();
            assert!(!path.exists());
        }
        let read = |name: &str| fs::read_to_string(done.join(name)).unwrap();
        assert_eq!([read("fax1.tif"), read("fax1-2.tif"), read("fax1-3.tif")], ["one", "two", "three"]);
    }

    #[test]
    fn a_copy_to_another_file_system_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (source, target) = (dir.path().join("a.tif"), dir.path().join("b.tif"));
        fs::write(&source, "fax").unwrap();
        copy_over(&source, &target).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "fax");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::write(&source, "other").unwrap();
        assert_eq!(copy_over(&source, &target).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&source).unwrap(), "other");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
