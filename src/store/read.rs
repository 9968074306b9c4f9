//! Looking, without touching.

use std::collections::BTreeMap;

use sqlx::{QueryBuilder, Row, Sqlite};

use super::events::kind;
use super::rows::{self, Fax};
use super::{Store, StoreError};
use crate::fax::{FaxId, Millis, Stage};

/// Which faxes are listed. The default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those in this stage.
    pub stage: Option<Stage>,
    /// Only those of this source.
    pub source: Option<String>,
    /// Only those admitted at or after this moment.
    pub since: Option<Millis>,
}

/// What is still to be done: faxes to work on and deliveries to make, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Backlog {
    /// Could be done now and nobody does it.
    pub due: u64,
    /// Someone is at it.
    pub leased: u64,
    /// Waits for its time.
    pub later: u64,
    /// When the first of those that wait, or that someone is at, becomes due.
    pub next_at: Option<Millis>,
}

impl Backlog {
    /// Nothing can be done before `next_at`, and nobody is at anything.
    pub fn is_idle(&self) -> bool {
        self.due == 0 && self.leased == 0
    }
}

impl Store {
    /// One fax.
    pub async fn fax(&self, id: &FaxId) -> Result<Option<Fax>, StoreError> {
        let row = sqlx::query("SELECT * FROM faxes WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(rows::fax).transpose()
    }

    /// Faxes, newest first, at most `limit`.
    pub async fn list(&self, filter: &Filter, limit: u32) -> Result<Vec<Fax>, StoreError> {
        // Only what is asked for stands in the query: with "or nothing is asked" in it no index on the stage serves, and
        // the few quarantined faxes are sought among all that ever came.
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM faxes WHERE admitted_at >= ");
        query.push_bind(filter.since.unwrap_or(Millis::MIN));
        if let Some(stage) = filter.stage {
            query.push(" AND stage = ").push_bind(stage.name());
        }
        if let Some(source) = &filter.source {
            query.push(" AND source = ").push_bind(source);
        }
        query.push(" ORDER BY admitted_at DESC, id DESC LIMIT ").push_bind(limit);
        let rows = query.build().fetch_all(self.readers()).await?;
        rows.iter().map(rows::fax).collect()
    }

    /// Number of faxes in each stage; every stage is there.
    pub async fn counts(&self) -> Result<BTreeMap<Stage, u64>, StoreError> {
        let mut counts: BTreeMap<Stage, u64> = Stage::ALL.into_iter().map(|stage| (stage, 0)).collect();
        let rows = sqlx::query("SELECT stage, COUNT(*) AS faxes FROM faxes GROUP BY stage")
            .fetch_all(self.readers())
            .await?;
        for row in &rows {
            counts.insert(rows::parsed(row, "faxes", "stage")?, rows::number(row, "faxes", "faxes")?);
        }
        Ok(counts)
    }

    /// How long, in milliseconds, the oldest fax that is not yet where it belongs has waited, or the oldest delivery.
    ///
    /// A fax counts from its admission, or from the moment when it was sent through once more; a delivery from when it was
    /// made, whatever its fax's stage: one that was closed for weeks and is passed on now is not late now, and word of a
    /// quarantined fax can be late. What is held until office hours counts from the moment when it is let go.
    pub async fn oldest_open(&self, now: Millis) -> Result<Option<Millis>, StoreError> {
        let row = sqlx::query(
            "SELECT MIN(since) AS oldest FROM (
                 SELECT CASE WHEN round = 0 THEN admitted_at ELSE COALESCE(
                            (SELECT MAX(at) FROM fax_events
                             WHERE fax_id = faxes.id AND kind IN ($2, $3)), admitted_at) END AS since
                 FROM faxes WHERE stage IN ('received', 'transcribed', 'composed')
                 UNION ALL
                 SELECT MAX(made_at, COALESCE(held_until, made_at)) AS since FROM deliveries
                 WHERE state = 'due' AND (held_until IS NULL OR held_until <= $1)
                 UNION ALL
                 SELECT since FROM faxes WHERE stage = 'routed'
                     AND NOT EXISTS (SELECT 1 FROM deliveries WHERE fax_id = faxes.id AND state = 'due')) AS open",
        )
        .bind(now)
        .bind(kind::REPLAYED)
        .bind(kind::RELEASED)
        .fetch_one(self.readers())
        .await?;
        Ok(row.try_get::<Option<Millis>, _>("oldest")?.map(|at| (now - at).max(0)))
    }

    /// What is still to be done. Deliveries of a fax that is being worked on wait for it, and count with it.
    pub async fn backlog(&self, now: Millis) -> Result<Backlog, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(CASE WHEN leased = 0 AND next_at <= $1 THEN 1 END) AS due,
                    COUNT(CASE WHEN leased = 1 THEN 1 END) AS leased,
                    COUNT(CASE WHEN leased = 0 AND next_at > $1 THEN 1 END) AS later,
                    MIN(CASE WHEN leased = 1 THEN lease_until WHEN next_at > $1 THEN next_at END) AS next_at
             FROM (SELECT next_at, lease_until, lease IS NOT NULL AND lease_until > $1 AS leased FROM faxes
                   WHERE stage IN ('received', 'transcribed', 'composed')
                   UNION ALL
                   SELECT next_at, lease_until, lease IS NOT NULL AND lease_until > $1 AS leased FROM deliveries
                   WHERE state = 'due' AND NOT EXISTS (SELECT 1 FROM faxes WHERE id = deliveries.fax_id
                             AND stage IN ('received', 'transcribed', 'composed'))) AS open",
        )
        .bind(now)
        .fetch_one(self.readers())
        .await?;
        Ok(Backlog {
            due: rows::number(&row, "backlog", "due")?,
            leased: rows::number(&row, "backlog", "leased")?,
            later: rows::number(&row, "backlog", "later")?,
            next_at: row.try_get("next_at")?,
        })
    }
}
