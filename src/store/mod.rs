//! What must survive: one row per fax, its original, its history.
//!
//! A [`Store`] speaks in the house's words: [`admit`](Store::admit), [`claim`](Store::claim),
//! [`advance`](Store::advance), [`record_attempts`](Store::record_attempts). What it promises:
//!
//! - **Durable before said.** When a call returns, its change is on the disk (SQLite in WAL with
//!   `synchronous=FULL`; blobs with fsync of file and folder). What fails changes nothing.
//! - **Idempotent admission.** `(source, source_key)` is unique; the same bytes from another arrival are
//!   another fax.
//! - **Leases, not locks.** Work is claimed for a time, and no transaction is open while someone works.
//!   Each change is a compare-and-set on the stage and the lease, so that a worker who comes back late
//!   changes nothing.
//! - **One history.** Each change writes its event in the same transaction; events form a hash chain, and
//!   triggers forbid changing or deleting them.
//! - **Never routed to nowhere.** A delivery that fails, or bounces later, makes one to the fallback inbox in the
//!   same transaction; the fallback itself is tried for ever.
//!
//! No clock is read here: every moment is an argument. SQL is kept portable (`$n`, text, integers).

mod admit;
mod alarms;
mod blobs;
mod bounces;
mod deliveries;
mod error;
mod events;
mod facts;
mod junk;
mod kin;
mod lines;
mod lock;
mod moves;
mod operator;
mod own_mails;
mod pages;
mod read;
mod rows;
mod rules;
mod schema;
mod search;
#[cfg(test)]
mod tests;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::watch;

pub use admit::{Admission, EmptyCall, NewFax};
pub use alarms::{Alarm, AlarmChanges, Waiting};
pub use blobs::Blobs;
pub use bounces::{FALLBACK_AGAIN_MOST, Follow, NewReturn, Replies, ReturnedMail, Taken};
pub use deliveries::{Batch, Fallback, NewDelivery, Recorded, Tally};
pub use error::StoreError;
pub use events::Event;
pub use facts::Decided;
pub use junk::{JUNK, Junk};
pub use kin::{Candidate, Prints};
pub use lines::{LineFax, LineQuality};
pub use moves::{Held, MOST_MOVES, Move, PASSED_ON, PASSED_ROUND, Pass, Passed, for_sealed};
pub use operator::Waits;
pub use own_mails::{AN_HOUR, BULLETIN, NewMail, OwnMail};
pub use pages::SavedPage;
pub use read::{Backlog, Filter};
pub use rows::{Fax, Routing};
pub use rules::{RulesText, RulesVersion, Use};
pub use search::{Sought, Words};
pub use work::{Change, Claim, Freed, SUSPECT};

/// Name of the department whose inbox is the fallback.
pub const FALLBACK: &str = "fallback";

/// Code of a delivery that a rule dropped: the very same fax was delivered before. It is withdrawn from the start.
pub const DUPLICATE: &str = "route.duplicate";

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The data folder: database, blobs, lock.
    pub dir: PathBuf,
}

impl Settings {
    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.dir.join("faxgate.sqlite")
    }

    /// The blob folder.
    pub fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }
}

/// As who the store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The gateway: alone; makes and upgrades the schema, tidies up.
    Gateway,
    /// A command beside a gateway that may be running: reads, retries, replays, discards, admits.
    Operator,
    /// Reads alone.
    Reader,
}

/// The durable state of one gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    readers: SqlitePool,
    /// One connection: writers in this process queue here and not at SQLite's lock. `None`: read only.
    writer: Option<SqlitePool>,
    blobs: Blobs,
    changes: watch::Sender<u64>,
    _lock: Option<lock::Lock>,
}

type Tx = Transaction<'static, Sqlite>;

/// Connections for reading.
const READERS: u32 = 4;
/// How long SQLite waits for a writer in another process.
const BUSY: Duration = Duration::from_secs(30);
/// How long a caller queues for a connection of ours: longer than any burst, short of for ever.
const QUEUE: Duration = Duration::from_secs(120);

impl Store {
    /// Opens the gateway's store, and makes it where there is none. One gateway at a time:
    /// [`StoreError::Locked`] after a short wait. Refuses a schema newer than it knows.
    pub async fn open(settings: &Settings) -> Result<Self, StoreError> {
        Self::open_as(settings, Access::Gateway).await
    }

    /// Opens the store as someone. Only [`Access::Gateway`] makes one where there is none.
    pub async fn open_as(settings: &Settings, access: Access) -> Result<Self, StoreError> {
        let (lock, blobs) = if access == Access::Gateway {
            blobs::make_folder(&settings.dir)?;
            let lock = lock::Lock::take(&settings.dir).await?;
            let blobs = Blobs::create(settings.blobs())?;
            blobs.remove_unfinished()?;
            (Some(lock), blobs)
        } else if settings.database().is_file() {
            (None, Blobs::at(settings.blobs()))
        } else {
            return Err(StoreError::NoStore(settings.dir.clone()));
        };
        let options = SqliteConnectOptions::new().filename(settings.database()).busy_timeout(BUSY);
        let writer = if access == Access::Reader {
            None
        } else {
            let options = options
                .clone()
                .create_if_missing(access == Access::Gateway)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true);
            Some(
                SqlitePoolOptions::new()
                    .max_connections(1)
                    .acquire_timeout(QUEUE)
                    .connect_with(options)
                    .await?,
            )
        };
        if let (Access::Gateway, Some(writer)) = (access, &writer) {
            schema::migrate(writer).await?;
            blobs::sync_folder(&settings.dir)?;
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(QUEUE)
            .connect_with(options.read_only(true))
            .await?;
        if access != Access::Gateway {
            schema::check(&readers).await?;
        }
        let dir = settings.dir.clone();
        let shared = Shared { dir, readers, writer, blobs, changes: watch::Sender::new(0), _lock: lock };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The bytes: originals, PDFs, previews.
    pub fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    /// Moves with every change made through this value and its clones: a hint to look again.
    /// Changes by another process are not seen here.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// The process id of the gateway that works on this store, if one does; 0: it is just starting.
    pub fn gateway(&self) -> Option<u32> {
        lock::holder(&self.shared.dir)
    }

    /// Closes the database in good order. Later calls fail.
    pub async fn close(&self) {
        self.shared.readers.close().await;
        if let Some(writer) = &self.shared.writer {
            writer.close().await;
        }
    }

    /// Begins a write. Dropped without [`commit`](Self::commit), it changes nothing.
    async fn write(&self) -> Result<Tx, StoreError> {
        let writer = self.shared.writer.as_ref().ok_or(StoreError::ReadOnly)?;
        match writer.begin_with("BEGIN IMMEDIATE").await {
            // A write that found the disk full was rolled back by SQLite itself, and the connection does not know
            // it: it believes itself inside a transaction for ever. Another one is clean.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                writer.acquire().await?.close().await?;
                Ok(writer.begin_with("BEGIN IMMEDIATE").await?)
            }
            begun => Ok(begun?),
        }
    }

    async fn commit(&self, tx: Tx) -> Result<(), StoreError> {
        tx.commit().await?;
        self.shared.changes.send_modify(|count| *count = count.wrapping_add(1));
        Ok(())
    }

    fn readers(&self) -> &SqlitePool {
        &self.shared.readers
    }
}

/// Counts a fax that entered a stage. Called once the change is on the disk.
fn entered(stage: crate::fax::Stage) {
    metrics::counter!("faxgate_faxes_total", "stage" => stage.name()).increment(1);
}

/// Sixteen hexadecimal digits of chance: a lease token, a file aside.
fn token() -> String {
    format!("{:016x}", u64::from_be_bytes(chance()))
}

/// Bytes of chance from the system.
fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel's random source answers once the system is up");
    bytes
}
