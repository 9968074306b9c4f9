//! The lock on the data folder: one gateway at a time. `flock(2)` on a file that stays, so that the kernel
//! lets go when the process dies, however it dies.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// How long a starting gateway waits for one that is just ending.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// Name of the lock's file in the data folder.
const FILE: &str = "gateway.lock";

/// Held while the value lives.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Takes the lock; waits a little for a gateway that is ending.
    pub(super) async fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        let mut waited = Duration::ZERO;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    name_holder(&mut file).map_err(StoreError::io("write", &path))?;
                    return Ok(Self(file));
                }
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

/// Writes our process id into the file: whoever wants to tell the gateway something finds it there.
fn name_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

/// The process id of the gateway that holds the lock; 0 where it has written none. `None`: nobody holds it.
pub(super) fn holder(dir: &Path) -> Option<u32> {
    let mut file = File::open(dir.join(FILE)).ok()?;
    // Who gets the lock knows that nobody has it. It is let go at once: a gateway that is just starting waits longer.
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    Some(text.trim().parse().unwrap_or(0))
}
