//! What the rules saw of a fax, kept beside the decision, so that other rules can be tried on it later.

use sqlx::Row;

use super::search::{self, Words};
use super::{Claim, Store, StoreError, rows};
use crate::fax::{FaxId, Millis, Stage};

/// One fax of the past as a backtest reads it. JSON columns are handed out unread: whoever judges reads them, on threads of
/// its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The fax.
    pub fax: FaxId,
    /// When it was admitted.
    pub at: Millis,
    /// Where it stands.
    pub stage: Stage,
    /// Code of the fault for which it waits or was set aside.
    pub fault: Option<String>,
    /// What was decided, as JSON; `None`: nothing was.
    pub decision: Option<String>,
    /// The facts that were seen, as JSON; `None`: they were not kept then.
    pub facts: Option<String>,
    /// A person said of it that it is no junk: no junk rule is asked.
    pub released: bool,
}

impl Store {
    /// Keeps the facts that a decision is about to rest on, and indexes the fax's words, under a claim. The last ones kept
    /// stand. False: the claim is no longer ours, and nothing was kept.
    pub async fn keep_facts(
        &self,
        claim: &Claim,
        facts: &str,
        words: &Words,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let ours = sqlx::query("SELECT 1 FROM faxes WHERE id = $1 AND lease = $2 AND round = $3")
            .bind(claim.fax.id.as_str())
            .bind(&claim.token)
            .bind(claim.fax.round)
            .fetch_optional(&mut *tx)
            .await?;
        if ours.is_none() {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO facts (fax_id, facts_json, at) VALUES ($1, $2, $3)
             ON CONFLICT (fax_id) DO UPDATE SET facts_json = excluded.facts_json, at = excluded.at",
        )
        .bind(claim.fax.id.as_str())
        .bind(facts)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        search::index(&mut tx, &claim.fax.id, words).await?;
        // Nobody waits for facts: no hint is sent.
        tx.commit().await?;
        Ok(true)
    }

    /// The facts kept of a fax, as JSON.
    pub async fn facts(&self, fax: &FaxId) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT facts_json FROM facts WHERE fax_id = $1")
            .bind(fax.as_str())
            .fetch_optional(self.readers())
            .await?;
        Ok(row.map(|row| row.try_get("facts_json")).transpose()?)
    }

    /// Number of faxes admitted at or after `since` that rules were asked about.
    pub async fn count_decided(&self, since: Millis) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS faxes FROM faxes WHERE admitted_at >= $1")
            .bind(since)
            .fetch_one(self.readers())
            .await?;
        rows::number(&row, "faxes", "faxes")
    }

    /// Faxes admitted at or after `since`, oldest first, those after `last` alone, at most `limit`; also those of which
    /// nothing was decided.
    pub async fn decided(
        &self,
        since: Millis,
        last: Option<&Decided>,
        limit: u32,
    ) -> Result<Vec<Decided>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, admitted_at, stage, json_extract(fault_json, '$.code') AS fault, decision_json, facts_json,
                    junk.released_at IS NOT NULL AS released
             FROM faxes LEFT JOIN facts ON facts.fax_id = faxes.id LEFT JOIN junk ON junk.fax_id = faxes.id
             WHERE (admitted_at, id) > ($1, $2) ORDER BY admitted_at, id LIMIT $3",
        )
        .bind(last.map_or(since - 1, |last| last.at))
        // Greater than any id: the first page begins at `since` itself.
        .bind(last.map_or("\u{10ffff}", |last| last.fax.as_str()))
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Decided {
                    fax: rows::parsed(row, "faxes", "id")?,
                    at: row.try_get("admitted_at")?,
                    stage: rows::parsed(row, "faxes", "stage")?,
                    fault: row.try_get("fault")?,
                    decision: row.try_get("decision_json")?,
                    facts: row.try_get("facts_json")?,
                    released: row.try_get("released")?,
                })
            })
            .collect()
    }
}
