//! What can go wrong in the store.

use std::path::PathBuf;

use crate::fax::{Disposition, Fault, FaxId, IllegalStep, Sha256};

/// Why the store could not do it. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another gateway holds the data folder.
    #[error("another gateway already works on {}", .0.display())]
    Locked(PathBuf),
    /// The database was written by a newer faxgate.
    #[error("the database has schema {found}, this faxgate knows up to {known}")]
    NewerSchema {
        /// Version in the database.
        found: i64,
        /// Newest version we know.
        known: i64,
    },
    /// The database was last used by an older faxgate.
    #[error("the database has schema {found}, this faxgate needs {known}")]
    OlderSchema {
        /// Version in the database.
        found: i64,
        /// Version that we need.
        known: i64,
    },
    /// A schema step that was applied differs from ours, or one is missing or half done.
    #[error("the database's schema is not one that faxgate made")]
    ForeignSchema(#[source] sqlx::migrate::MigrateError),
    /// There is no store yet.
    #[error("there is no faxgate store in {}", .0.display())]
    NoStore(PathBuf),
    /// The store was opened for reading.
    #[error("the store was opened for reading only")]
    ReadOnly,
    /// The database's own words.
    #[error("the database did not do it")]
    Database(#[from] sqlx::Error),
    /// A file operation failed.
    #[error("could not {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A blob that a row names is not there, or not whole.
    #[error("blob {0} is missing or is not what was stored")]
    BadBlob(Sha256),
    /// No such fax.
    #[error("there is no fax {0}")]
    NoFax(FaxId),
    /// The fax's stage does not allow it.
    #[error(transparent)]
    IllegalStep(#[from] IllegalStep),
    /// The fax does not stand in quarantine as junk.
    #[error("{0} is not set aside as junk")]
    NotJunk(FaxId),
    /// The delivery that the mail is about is being attempted at this moment: its outcome comes first.
    #[error("the delivery that came back is still under way")]
    UnderWay,
    /// A fax was routed nowhere: that would lose it.
    #[error("a routed fax needs at least one delivery")]
    NoDelivery,
    /// A row holds what no faxgate writes.
    #[error("{table} holds an unreadable {what}: {text:?}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        what: &'static str,
        /// The text, cut short.
        text: String,
    },
    /// The chain of events is broken.
    #[error("event {seq} is not the one that was written, or the one before it is gone")]
    BrokenChain {
        /// The first event that does not fit.
        seq: i64,
    },
}

impl StoreError {
    /// A finisher for file errors.
    pub(super) fn io(what: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { what, path, source }
    }

    /// The error as operators see it.
    pub fn fault(&self) -> Fault {
        let (code, disposition, advice) = match self {
            Self::Locked(_) => ("store.locked", Disposition::Stop, "Stop the other gateway first."),
            Self::NewerSchema { .. } => {
                ("store.schema.newer", Disposition::Stop, "Install the newer faxgate again.")
            }
            Self::OlderSchema { .. } => (
                "store.schema.older",
                Disposition::Refuse,
                "Start the gateway once: it upgrades the database.",
            ),
            Self::ForeignSchema(_) => {
                ("store.schema.foreign", Disposition::Stop, "Restore the database from a backup.")
            }
            Self::NoStore(_) => {
                ("store.missing", Disposition::Refuse, "Check `store.dir` and start the gateway once.")
            }
            Self::ReadOnly => ("store.read-only", Disposition::Refuse, "This is a fault in faxgate."),
            Self::Database(_) => {
                ("store.database", Disposition::Retry, "Check the disk that holds the database.")
            }
            Self::Io { .. } => ("store.file", Disposition::Retry, "Check the disk's space and rights."),
            Self::BadBlob(_) => {
                ("store.blob.bad", Disposition::Quarantine, "Restore the blob from a backup, then replay.")
            }
            Self::NoFax(_) => ("store.no-fax", Disposition::Refuse, "Check the id with `faxgate status`."),
            Self::IllegalStep(_) => {
                ("store.illegal-step", Disposition::Refuse, "`faxgate show` tells where the fax stands.")
            }
            Self::NotJunk(_) => {
                ("store.not-junk", Disposition::Refuse, "`faxgate junk list` shows the faxes that are.")
            }
            Self::UnderWay => ("store.under-way", Disposition::Retry, "It is looked at again."),
            Self::NoDelivery => {
                ("store.no-delivery", Disposition::Quarantine, "Give the department an address.")
            }
            Self::Unreadable { .. } => {
                ("store.unreadable", Disposition::Stop, "Restore the database from a backup.")
            }
            Self::BrokenChain { .. } => {
                ("store.events.broken", Disposition::Refuse, "Someone or something changed the history.")
            }
        };
        let detail = std::error::Error::source(self).map(ToString::to_string).unwrap_or_default();
        Fault::new(code, disposition, format!("{self}. {advice}")).with_detail(detail)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        error.fault()
    }
}
