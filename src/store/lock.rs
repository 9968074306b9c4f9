//! The lock on the data folder: one gateway at a time. `flock(2)` on a file that stays, so that the kernel
//! lets go when the process dies, however it dies.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// How long a starting gateway waits for one that is just ending.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// Held while the value lives.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Takes the lock; waits a little for a gateway that is ending.
    pub(super) async fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("gateway.lock");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        let mut waited = Duration::ZERO;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(file)),
                Err(rustix::io::Errno::WOULDBLOCK) if waited < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                    waited += PAUSE;
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(StoreError::Locked(dir.to_path_buf())),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(StoreError::io("lock", &path)(errno.into())),
            }
        }
    }
}
