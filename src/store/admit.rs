//! Admission: the moment from which a fax is ours and cannot vanish.

use serde_json::json;
use sqlx::Row;

use super::events::{self, kind};
use super::rows::{self, to_json, to_word};
use super::{Store, StoreError};
use crate::fax::{Arrival, CallRecord, FaxId, Millis, Original, Sha256, Stage};

/// A fax to admit. Its bytes are in [`blobs`](Store::blobs) already.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFax {
    /// Where it came from; `arrival.at` is the moment of admission.
    pub arrival: Arrival,
    /// What is known of the call.
    pub call: CallRecord,
    /// The bytes as received.
    pub original: Original,
}

/// What became of an admission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The fax.
    pub id: FaxId,
    /// False: this arrival had been admitted before, and nothing was changed.
    pub new: bool,
}

/// A call that brought no page.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct EmptyCall {
    /// The spool or line.
    pub source: String,
    /// What is known of it.
    pub call: CallRecord,
    /// Why there is no page, in the machine's words or ours.
    pub reason: String,
    /// When it was noted.
    pub at: Millis,
}

impl Store {
    /// The fax of an arrival, if it was admitted.
    pub async fn find_arrival(&self, source: &str, source_key: &str) -> Result<Option<FaxId>, StoreError> {
        let row = sqlx::query("SELECT id FROM faxes WHERE source = $1 AND source_key = $2")
            .bind(source)
            .bind(source_key)
            .fetch_optional(self.readers())
            .await?;
        row.map(|row| rows::parsed(&row, "faxes", "id")).transpose()
    }

    /// Source keys of every arrival of a source: what a scan need not look at again.
    pub async fn known_arrivals(
        &self,
        source: &str,
    ) -> Result<std::collections::HashSet<String>, StoreError> {
        let rows = sqlx::query("SELECT source_key FROM faxes WHERE source = $1")
            .bind(source)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(|row| Ok(row.try_get("source_key")?)).collect()
    }

    /// Admits a fax, once for each `(source, source_key)`. When this returns, the fax is durable and its
    /// source may be let go. [`StoreError::BadBlob`] if the original is not in the blob store.
    pub async fn admit(&self, fax: NewFax) -> Result<Admission, StoreError> {
        let NewFax { arrival, call, original } = fax;
        if !self.blobs().holds(&original.sha256, original.bytes) {
            return Err(StoreError::BadBlob(original.sha256));
        }
        let id = FaxId::new(arrival.at, super::chance());
        let mut tx = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO faxes (id, source, source_key, file_name, admitted_at, call_json, original_sha256,
                                original_bytes, original_format, stage, since, next_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $5, $5)
             ON CONFLICT (source, source_key) DO NOTHING",
        )
        .bind(id.as_str())
        .bind(&arrival.source)
        .bind(&arrival.source_key)
        .bind(&arrival.file_name)
        .bind(arrival.at)
        .bind(to_json(&call))
        .bind(original.sha256.to_string())
        .bind(i64::try_from(original.bytes).unwrap_or(i64::MAX))
        .bind(to_word(&original.format))
        .bind(Stage::Received.name())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if inserted == 0 {
            let row = sqlx::query("SELECT id FROM faxes WHERE source = $1 AND source_key = $2")
                .bind(&arrival.source)
                .bind(&arrival.source_key)
                .fetch_one(&mut *tx)
                .await?;
            return Ok(Admission { id: rows::parsed(&row, "faxes", "id")?, new: false });
        }
        let detail = json!({
            "source": arrival.source,
            "file_name": arrival.file_name,
            "sha256": original.sha256,
            "bytes": original.bytes,
            "receipt": call.receipt,
        });
        events::record(&mut tx, Some(&id), arrival.at, kind::RECEIVED, &detail).await?;
        self.commit(tx).await?;
        super::entered(Stage::Received);
        Ok(Admission { id, new: true })
    }

    /// Notes a call that brought no page. The same call with the same reason is noted once; true if new.
    pub async fn note_call_without_pages(
        &self,
        source: &str,
        call: &CallRecord,
        reason: &str,
        at: Millis,
    ) -> Result<bool, StoreError> {
        let call_json = to_json(call);
        let digest = Sha256::of(to_json(&(reason, &call_json)).as_bytes());
        let mut tx = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO calls_without_pages (source, call_sha256, call_json, reason, at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (source, call_sha256) DO NOTHING",
        )
        .bind(source)
        .bind(digest.to_string())
        .bind(&call_json)
        .bind(reason)
        .bind(at)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if inserted == 0 {
            return Ok(false);
        }
        let detail = json!({ "source": source, "reason": reason, "commid": call.commid });
        events::record(&mut tx, None, at, kind::EMPTY_CALL, &detail).await?;
        self.commit(tx).await?;
        Ok(true)
    }

    /// Calls that brought no page, newest first, at most `limit`.
    pub async fn calls_without_pages(&self, limit: u32) -> Result<Vec<EmptyCall>, StoreError> {
        let rows = sqlx::query("SELECT * FROM calls_without_pages ORDER BY at DESC LIMIT $1")
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter()
            .map(|row| {
                Ok(EmptyCall {
                    source: row.try_get("source")?,
                    call: rows::json(row, "calls_without_pages", "call_json")?,
                    reason: row.try_get("reason")?,
                    at: row.try_get("at")?,
                })
            })
            .collect()
    }
}
