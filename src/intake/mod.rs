//! Finds out that a fax is *complete* and what is known of its call, and brings it into the store.
//!
//! - A scan is the truth; events of the file system only hasten it ([`watch`], [`scan`]).
//! - Complete is decided by the strongest signal there is ([`settle`]); that a file parses is none.
//! - Bytes are on the disk and the fax is committed before its source is let go ([`admit`], [`release`]).
//! - An arrival is known by name, inode, size and time: scanning again admits nothing twice, and the same bytes
//!   from another call are another fax.
//! - Nothing in a spool is trusted: links are not followed, sizes are limited, numbers are masked in logs.

pub mod admit;
pub mod fields;
pub mod foreign;
pub mod hook;
pub mod hylafax;
pub mod ledger;
pub mod look;
pub mod mgetty;
pub mod release;
pub mod scan;
pub mod settle;
pub mod sidecar;
pub mod survey;
pub mod tags;
pub mod ticket;
pub mod watch;

use std::path::PathBuf;
use std::time::Duration;

use crate::fax::{Disposition, Fault};

pub use ledger::Ledger;
pub use scan::{Report, Scanner};
pub use watch::run;

/// Why a spool could not be scanned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// The spool's folder cannot be read.
    #[error("cannot read the spool {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The store did not take it.
    #[error(transparent)]
    Ledger(Fault),
}

impl IntakeError {
    /// The error as operators see it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Folder { source, .. } => Fault::new(
                "intake.folder",
                Disposition::Retry,
                format!("{self}; check that it exists and that faxgate's user may read it and its files"),
            )
            .with_detail(source),
            Self::Ledger(fault) => fault.clone(),
        }
    }
}

/// What is done with the source once the fax is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// Left where it is; the store remembers it.
    Leave,
    /// Moved into this folder.
    Move(PathBuf),
    /// Deleted.
    Delete,
}

/// The kind of a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// HylaFAX, HylaFAX+ and gofaxip `recvq`.
    Hylafax,
    /// mgetty+sendfax `incoming`.
    Mgetty,
    /// A folder where Asterisk, FreeSWITCH or a scanner drops files.
    Drop,
    /// Where our own receiver of T.38 calls (`faxgate t38`) leaves them: each with its record, and nothing is a fax
    /// without it. Records of calls that brought no page lie in [`FAILED`] below.
    T38,
}

/// The folder below a [`Kind::T38`] spool for records of calls that brought no page.
pub const FAILED: &str = "failed";

/// What the n-th CallID of a device means (HylaFAX: the order of `CallIDPattern` lines, a site's own choice).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallIdMap {
    /// Glob over device names.
    pub device: String,
    /// Meaning of CALLID1, CALLID2, …: `caller`, `caller_name`, `did`, `subaddress`, `ignore`.
    pub fields: Vec<String>,
}

/// One spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    /// Name, unique: the `source` of its arrivals.
    pub name: String,
    /// Kind.
    pub kind: Kind,
    /// The folder watched (`recvq`, `incoming`, the drop folder).
    pub path: PathBuf,
    /// Where hooks leave tickets for this spool; `None`: no hook is installed.
    pub tickets: Option<PathBuf>,
    /// HylaFAX's `log` folder, for `xferfaxlog` and `c<commid>`.
    pub logs: Option<PathBuf>,
    /// What happens to the source.
    pub release: Release,
    /// Quiet period for the weakest signal.
    pub quiet: Duration,
    /// Poll instead of inotify (NFS).
    pub poll: bool,
    /// A hook is installed and nothing but its ticket makes a fax complete.
    pub ticket_only: bool,
    /// A larger file is left where it is, and an operator is told.
    pub most_bytes: u64,
    /// The mode that a finished file has (HylaFAX `RecvFileMode`), if it differs from 0600.
    pub finished_mode: Option<u32>,
    /// CallID positions per device; the first glob that fits counts.
    pub call_ids: Vec<CallIdMap>,
    /// The DID of every fax of this spool, where the spool itself is the number.
    pub did: Option<String>,
}
