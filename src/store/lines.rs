//! What faxes say of their lines and senders: when each came, and how well. A small table beside the faxes, filled
//! after the fact, so that judging a line reads no call record and no text.

use sqlx::Row;

use super::rows::{self, Fax};
use super::{Store, StoreError};
use crate::fax::{FaxId, Millis};

/// One fax, as its line shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct LineFax {
    /// When it came.
    pub at: Millis,
    /// When the gateway admitted it: later than it came, where it lay in a spool.
    pub admitted_at: Millis,
    /// The spool.
    pub spool: String,
    /// Digits of the dialled number.
    pub did: Option<String>,
    /// The trunk.
    pub trunk: Option<String>,
    /// Digits of the caller, else what its machine calls itself.
    pub sender: Option<String>,
    /// How well it came; `None`: not known yet, or nothing was decoded.
    pub quality: Option<LineQuality>,
}

/// How well a fax came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineQuality {
    /// Some page is damaged, or the call broke.
    pub damaged: bool,
    /// Mean confidence of its pages' texts, 0 to 100; `None`: no text was read.
    pub confidence: Option<f32>,
}

/// A clock that was set back by less than this makes no fax forgotten.
const LOOK_BACK: Millis = 24 * 60 * 60 * 1000;

impl Store {
    /// Faxes that are not among the lines' faxes yet, admitted at or after `since` at the earliest: at most `limit`,
    /// oldest first.
    pub async fn unlearned(&self, since: Millis, limit: u32) -> Result<Vec<Fax>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM faxes
             WHERE admitted_at >= COALESCE((SELECT MAX(admitted_at) FROM fax_lines) - $1, $2) AND admitted_at >= $2
               AND NOT EXISTS (SELECT 1 FROM fax_lines WHERE fax_id = faxes.id)
             ORDER BY admitted_at, id LIMIT $3",
        )
        .bind(LOOK_BACK)
        .bind(since)
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(rows::fax).collect()
    }

    /// Faxes among the lines' whose quality is not known yet and could be: at most `limit`, oldest first.
    pub async fn unjudged(&self, limit: u32) -> Result<Vec<Fax>, StoreError> {
        let rows = sqlx::query(
            "SELECT faxes.* FROM fax_lines JOIN faxes ON faxes.id = fax_lines.fax_id
             WHERE fax_lines.judged = 0 AND faxes.stage NOT IN ('received', 'transcribed')
             ORDER BY fax_lines.admitted_at LIMIT $1",
        )
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(rows::fax).collect()
    }

    /// Puts faxes among their lines' faxes.
    pub async fn learn(&self, faxes: &[(Fax, LineFax)]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for (fax, line) in faxes {
            sqlx::query(
                "INSERT INTO fax_lines (fax_id, admitted_at, at, spool, did, trunk, sender)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (fax_id) DO NOTHING",
            )
            .bind(fax.id.as_str())
            .bind(line.admitted_at)
            .bind(line.at)
            .bind(&line.spool)
            .bind(&line.did)
            .bind(&line.trunk)
            .bind(&line.sender)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Notes how well faxes came; `None`: that cannot be known.
    pub async fn judge(&self, faxes: &[(FaxId, Option<LineQuality>)]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for (fax, quality) in faxes {
            // 2: looked at, and nothing to say.
            sqlx::query("UPDATE fax_lines SET judged = $1, damaged = $2, confidence = $3 WHERE fax_id = $4")
                .bind(if quality.is_some() { 1 } else { 2 })
                .bind(i64::from(quality.is_some_and(|quality| quality.damaged)))
                .bind(quality.and_then(|quality| quality.confidence))
                .bind(fax.as_str())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The lines' faxes since then, newest first, at most `limit`.
    pub async fn line_faxes(&self, since: Millis, limit: u32) -> Result<Vec<LineFax>, StoreError> {
        let rows = sqlx::query("SELECT * FROM fax_lines WHERE at >= $1 ORDER BY at DESC LIMIT $2")
            .bind(since)
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter()
            .map(|row| {
                let known = row.try_get::<i64, _>("judged")? == 1;
                let quality = LineQuality {
                    damaged: row.try_get::<i64, _>("damaged")? != 0,
                    confidence: row.try_get("confidence")?,
                };
                Ok(LineFax {
                    at: row.try_get("at")?,
                    admitted_at: row.try_get("admitted_at")?,
                    spool: row.try_get("spool")?,
                    did: row.try_get("did")?,
                    trunk: row.try_get("trunk")?,
                    sender: row.try_get("sender")?,
                    quality: known.then_some(quality),
                })
            })
            .collect()
    }

    /// Forgets what lines said before then.
    pub async fn forget_lines(&self, before: Millis) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let gone = sqlx::query("DELETE FROM fax_lines WHERE at < $1 AND admitted_at < $1")
            .bind(before)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        tx.commit().await?;
        Ok(gone)
    }
}
