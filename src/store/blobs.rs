//! Blobs: immutable bytes under their SHA-256, as files `blobs/ab/cdef…`.
//!
//! Invariants: a file under its final name is whole and on the disk (written aside, fsync, rename, fsync of
//! the folder); it is never changed or deleted; `read` gives only bytes whose digest is their name.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::fax::Sha256;
use crate::ops::durable;

/// The blob folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    root: PathBuf,
}

impl Blobs {
    /// Makes the folders where they are missing.
    pub(super) fn create(root: PathBuf) -> Result<Self, StoreError> {
        let blobs = Self { root };
        make_folder(&blobs.root)?;
        make_folder(&blobs.unfinished())?;
        sync_folder(&blobs.root)?;
        Ok(blobs)
    }

    /// The folder as it is.
    pub(super) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Removes what a dead process left half written. Only the gateway that holds the lock may do so.
    pub(super) fn remove_unfinished(&self) -> Result<(), StoreError> {
        let folder = self.unfinished();
        for entry in fs::read_dir(&folder).map_err(StoreError::io("list", &folder))? {
            let path = entry.map_err(StoreError::io("list", &folder))?.path();
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }

    /// Stores bytes; when this returns they are on the disk. Storing them again changes nothing.
    pub async fn put(&self, bytes: &[u8]) -> Result<Sha256, StoreError> {
        let (blobs, bytes) = (self.clone(), bytes.to_vec());
        blocking(move || blobs.put_now(&bytes)).await
    }

    /// Reads a blob whole, and checks that it is what was stored.
    pub async fn read(&self, digest: &Sha256) -> Result<Vec<u8>, StoreError> {
        let (path, digest) = (self.path(digest), *digest);
        blocking(move || match fs::read(&path) {
            Ok(bytes) if Sha256::of(&bytes) == digest => Ok(bytes),
            Ok(_) => Err(StoreError::BadBlob(digest)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(StoreError::BadBlob(digest)),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        })
        .await
    }

    /// Where a blob's file is, or would be.
    pub fn path(&self, digest: &Sha256) -> PathBuf {
        let name = digest.to_string();
        let (folder, file) = name.split_at(2);
        self.root.join(folder).join(file)
    }

    /// True if a file of this length lies under the digest.
    pub(super) fn holds(&self, digest: &Sha256, bytes: u64) -> bool {
        fs::metadata(self.path(digest)).is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
    }

    fn unfinished(&self) -> PathBuf {
        self.root.join("unfinished")
    }

    fn put_now(&self, bytes: &[u8]) -> Result<Sha256, StoreError> {
        let digest = Sha256::of(bytes);
        let path = self.path(&digest);
        let folder = path.parent().unwrap_or(&self.root);
        // Whoever puts bytes may let go of its own copy after that: what lies there is believed by its content.
        if self.holds(&digest, bytes.len() as u64) && fs::read(&path).is_ok_and(|there| there == bytes) {
            // It may have been renamed by a process that died before it could sync the folder.
            sync_folder(folder)?;
            return Ok(digest);
        }
        if !folder.is_dir() {
            make_folder(folder)?;
        }
        // Always: whoever made the folder may have died, or not come so far, before this.
        sync_folder(&self.root)?;
        let aside = self.unfinished().join(super::token());
        let written = write_synced(&aside, bytes)
            .and_then(|()| fs::rename(&aside, &path).map_err(StoreError::io("rename", &aside)));
        if let Err(error) = written {
            // Best effort: what stays is removed at the next start.
            let _ = fs::remove_file(&aside);
            return Err(error);
        }
        sync_folder(folder)?;
        Ok(digest)
    }
}

/// Runs file work on a thread where it may wait for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(gone) => {
            Err(StoreError::io("finish work on", Path::new("blobs"))(std::io::Error::other(gone.to_string())))
        }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::io("create", path))?;
    file.write_all(bytes).map_err(StoreError::io("write", path))?;
    file.sync_all().map_err(StoreError::io("sync", path))
}

/// Makes a folder for us alone; its parents too.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(StoreError::io("make the folder", path))
}

/// Makes a rename or a new file in `path` survive a power cut.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    durable::sync_folder(path).map_err(StoreError::io("sync the folder", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_come_back_and_a_second_put_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::create(dir.path().join("blobs")).unwrap();
        let digest = blobs.put(b"a page").await.unwrap();
        let before = fs::metadata(blobs.path(&digest)).unwrap().modified().unwrap();
        assert_eq!(blobs.put(b"a page").await.unwrap(), digest);
        assert_eq!(fs::metadata(blobs.path(&digest)).unwrap().modified().unwrap(), before);
        assert_eq!(blobs.read(&digest).await.unwrap(), b"a page");
        assert_eq!(fs::read_dir(blobs.unfinished()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_cut_blob_is_noticed_and_healed() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::create(dir.path().join("blobs")).unwrap();
        let digest = blobs.put(b"a page").await.unwrap();
        fs::write(blobs.path(&digest), b"a pa").unwrap();
        assert!(matches!(blobs.read(&digest).await, Err(StoreError::BadBlob(bad)) if bad == digest));
        blobs.put(b"a page").await.unwrap();
        assert_eq!(blobs.read(&digest).await.unwrap(), b"a page");
    }

    #[tokio::test]
    async fn a_rotten_blob_is_healed_when_its_bytes_come_again() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::create(dir.path().join("blobs")).unwrap();
        let digest = blobs.put(b"a page").await.unwrap();
        fs::write(blobs.path(&digest), b"a p\0\0\0").unwrap();
        // Who put these bytes lets go of its own copy now.
        assert_eq!(blobs.put(b"a page").await.unwrap(), digest);
        assert_eq!(blobs.read(&digest).await.unwrap(), b"a page");
    }

    #[tokio::test]
    async fn a_missing_blob_is_said_to_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::create(dir.path().join("blobs")).unwrap();
        assert!(matches!(blobs.read(&Sha256::of(b"never")).await, Err(StoreError::BadBlob(_))));
    }

    #[test]
    fn leftovers_go_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::create(dir.path().join("blobs")).unwrap();
        fs::write(blobs.unfinished().join("half"), b"ha").unwrap();
        blobs.remove_unfinished().unwrap();
        assert_eq!(fs::read_dir(blobs.unfinished()).unwrap().count(), 0);
    }
}
