//! What intake needs of the store.

use std::future::Future;

use crate::fax::{CallRecord, Fault, FaxId, Millis, Sha256};
pub use crate::store::{Admission, NewFax};
use crate::store::{Store, StoreError};

/// Where faxes are brought in. What returns `Ok` is durable.
pub trait Ledger: Send + Sync {
    /// The fax of an arrival, if it was admitted.
    fn find_arrival(
        &self,
        source: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<FaxId>, Fault>> + Send;

    /// Stores an original's bytes.
    fn put(&self, bytes: &[u8]) -> impl Future<Output = Result<Sha256, Fault>> + Send;

    /// Admits a fax, once for each `(source, source_key)`.
    fn admit(&self, new: NewFax) -> impl Future<Output = Result<Admission, Fault>> + Send;

    /// Notes a call that brought no page; the same call once.
    fn note_call_without_pages(
        &self,
        source: &str,
        call: &CallRecord,
        reason: &str,
        at: Millis,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
}

impl Ledger for Store {
    async fn find_arrival(&self, source: &str, key: &str) -> Result<Option<FaxId>, Fault> {
        Store::find_arrival(self, source, key).await.map_err(|error: StoreError| error.fault())
    }

    async fn put(&self, bytes: &[u8]) -> Result<Sha256, Fault> {
        self.blobs().put(bytes).await.map_err(|error| error.fault())
    }

    async fn admit(&self, new: NewFax) -> Result<Admission, Fault> {
        Store::admit(self, new).await.map_err(|error| error.fault())
    }

    async fn note_call_without_pages(
        &self,
        source: &str,
        call: &CallRecord,
        reason: &str,
        at: Millis,
    ) -> Result<bool, Fault> {
        Store::note_call_without_pages(self, source, call, reason, at).await.map_err(|error| error.fault())
    }
}
