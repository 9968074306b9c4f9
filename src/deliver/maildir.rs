//! A message into a Maildir (D. J. Bernstein, *Using maildir format*): written in `tmp`, made durable,
//! renamed into `new`.
//!
//! Invariants:
//! - What stands in `new` is whole and on disk: the file is synced before the rename, the folder after it.
//! - The same message never stands there twice: the file name holds the digest of its Message-ID, and a
//!   repeat after a crash finds it in `new` or, if a reader was quick, in `cur`.
//! - Only the Maildir itself is created. If the folder above is missing, a file system may not be mounted,
//!   and a tree made in its place would swallow faxes.
//!
//! Nothing in a file name comes from outside: a number and a digest.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::trouble::Trouble;
use crate::fax::{Outcome, Sha256};
use crate::ops::durable::sync_folder;

/// Mode of the Maildir and its three folders.
const FOLDER_MODE: u32 = 0o700;
/// Mode of a message.
const MESSAGE_MODE: u32 = 0o600;

/// Stores `message`, known by `message_id`, in the Maildir at `root`. `seconds` is the message's own date,
/// for the name alone. Blocks on the disk.
pub fn store(root: &Path, message_id: &str, message: &[u8], seconds: i64) -> Outcome {
    match try_store(root, message_id, message, seconds) {
        Ok(words) => Outcome::Delivered(words),
        Err(trouble) => trouble.outcome(),
    }
}

fn try_store(root: &Path, message_id: &str, message: &[u8], seconds: i64) -> Result<String, Trouble> {
    let io = |error: io::Error| trouble(root, &error);
    prepare(root)?;
    let digest = Sha256::of(message_id.as_bytes()).to_string();
    let unique = format!("F{}", digest.get(..32).unwrap_or(&digest));
    if let Some(there) = find(root, &unique).map_err(io)? {
        sync_folder(&root.join("new")).map_err(io)?;
        return Ok(format!("already in the Maildir as {there}"));
    }
    let name = format!("{}.{unique}.faxgate", seconds.max(0));
    let draft = root.join("tmp").join(&unique);
    let written = write(&draft, message).and_then(|()| fs::rename(&draft, root.join("new").join(&name)));
    if let Err(error) = written {
        // What is left in tmp is overwritten by the next attempt; removing it now only gives space back.
        let _ = fs::remove_file(&draft);
        return Err(io(error));
    }
    sync_folder(&root.join("new")).map_err(io)?;
    Ok(format!("new/{name}"))
}

/// Makes the Maildir where it is missing.
fn prepare(root: &Path) -> Result<(), Trouble> {
    let io = |error: io::Error| trouble(root, &error);
    let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty());
    if !root.is_dir() {
        if let Some(parent) = parent
            && !parent.is_dir()
        {
            return Err(Trouble::MaildirMissing(parent.display().to_string()));
        }
        make(root).map_err(io)?;
        sync_folder(parent.unwrap_or(Path::new("."))).map_err(io)?;
    }
    let mut made = false;
    for folder in ["tmp", "new", "cur"] {
        made |= make(&root.join(folder)).map_err(io)?;
    }
    if made {
        sync_folder(root).map_err(io)?;
    }
    Ok(())
}

/// True if the folder was not there.
fn make(folder: &Path) -> io::Result<bool> {
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The message that bears `unique` in its name, in `new` or `cur`.
fn find(root: &Path, unique: &str) -> io::Result<Option<String>> {
    for folder in ["new", "cur"] {
        for entry in fs::read_dir(root.join(folder))? {
            let name = entry?.file_name();
            if bears(&name, unique) {
                return Ok(Some(format!("{folder}/{}", name.to_string_lossy())));
            }
        }
    }
    Ok(None)
}

/// `<time>.<unique>.<host>` with whatever flags a reader has added.
fn bears(name: &OsStr, unique: &str) -> bool {
    name.to_str().and_then(|name| name.split('.').nth(1)) == Some(unique)
}

fn write(draft: &Path, message: &[u8]) -> io::Result<()> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MESSAGE_MODE).open(draft)?;
    file.write_all(message)?;
    file.sync_all()
}

fn trouble(root: &Path, error: &io::Error) -> Trouble {
    let words = format!("{}: {error}", root.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Trouble::MaildirFull(words),
        _ => Trouble::MaildirIo(words),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_message_is_stored_once_however_often_it_comes() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("billing");
        assert!(
            matches!(store(&root, "a@b", b"one", 7), Outcome::Delivered(words) if words.starts_with("new/7.F"))
        );
        assert!(
            matches!(store(&root, "a@b", b"one", 8), Outcome::Delivered(words) if words.starts_with("already"))
        );
        assert!(matches!(store(&root, "c@b", b"two", 8), Outcome::Delivered(_)));
        let new = names(&root.join("new"));
        assert_eq!(new.len(), 2);
        assert_eq!(fs::read(root.join("new").join(&new[0])).unwrap(), b"one");
        assert!(names(&root.join("tmp")).is_empty());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&root), mode(&root.join("new").join(&new[0]))), (FOLDER_MODE, MESSAGE_MODE));
    }

    #[test]
    fn a_repeat_is_recognised_after_a_reader_took_the_first() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("billing");
        store(&root, "a@b", b"one", 7);
        let name = names(&root.join("new")).remove(0);
        fs::rename(root.join("new").join(&name), root.join("cur").join(format!("{name}:2,RS"))).unwrap();
        assert!(
            matches!(store(&root, "a@b", b"one", 9), Outcome::Delivered(words) if words.contains("cur/7.F"))
        );
        assert!(names(&root.join("new")).is_empty());
    }

    #[test]
    fn what_a_crash_left_in_tmp_is_overwritten() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("billing");
        store(&root, "a@b", b"whole", 7);
        let name = names(&root.join("new")).remove(0);
        let unique = name.split('.').nth(1).unwrap();
        fs::remove_file(root.join("new").join(&name)).unwrap();
        fs::write(root.join("tmp").join(unique), b"ha").unwrap();
        store(&root, "a@b", b"whole", 7);
        assert_eq!(fs::read(root.join("new").join(&name)).unwrap(), b"whole");
        assert!(names(&root.join("tmp")).is_empty());
    }

    #[test]
    fn a_missing_parent_is_not_made() {
        let place = tempfile::tempdir().unwrap();
        let outcome = store(&place.path().join("not-mounted").join("billing"), "a@b", b"one", 7);
        assert!(matches!(outcome, Outcome::Deferred(fault) if fault.code == "deliver.maildir.missing"));
        assert!(names(place.path()).is_empty());
    }

    #[test]
    fn a_file_in_the_way_defers() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("billing"), b"").unwrap();
        let outcome = store(&place.path().join("billing"), "a@b", b"one", 7);
        assert!(matches!(outcome, Outcome::Deferred(fault) if fault.code == "deliver.maildir.io"));
    }
}
