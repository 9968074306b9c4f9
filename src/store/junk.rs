//! Faxes that a rule called junk: set aside quietly, told of once a day, brought back by one word.
//!
//! A junk fax stands in quarantine like any other that a person must look at, with the fault `route.junk`, but nobody
//! is mailed about it alone. Its texts and its document stay, so that a release reads no page twice.

use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::deliveries::withdraw;
use super::events::{self, kind};
use super::operator::{begin_round, load};
use super::own_mails::{self, NewMail};
use super::rows;
use super::{Store, StoreError, Tx};
use crate::fax::{CallRecord, FaxId, Millis, Stage, Step};

/// Code of the fault that a junk fax bears.
pub const JUNK: &str = "route.junk";

/// One fax that a rule called junk.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Junk {
    /// The fax.
    pub fax: FaxId,
    /// What is known of its call.
    pub call: CallRecord,
    /// The rule.
    pub rule: String,
    /// When it was set aside.
    pub at: Millis,
    /// Pages.
    pub pages: u32,
    /// The first words of its first page, one line.
    pub words: String,
    /// A digest named it.
    pub told: bool,
}

impl Store {
    /// What stands in quarantine as junk, newest first, at most `limit`. With `untold`, only what no digest named yet, the
    /// oldest first. A fax that was junk once and is set aside for another fault now is no junk.
    pub async fn junk(&self, untold: bool, limit: u32) -> Result<Vec<Junk>, StoreError> {
        let rows = sqlx::query(
            "SELECT junk.*, faxes.call_json, faxes.document_json FROM junk JOIN faxes ON faxes.id = junk.fax_id
             WHERE faxes.stage = 'quarantined' AND json_extract(faxes.fault_json, '$.code') = $3
               AND junk.released_at IS NULL AND ($1 = 0 OR junk.told_at IS NULL)
             ORDER BY CASE WHEN $1 = 0 THEN -junk.at ELSE junk.at END, junk.fax_id LIMIT $2",
        )
        .bind(i64::from(untold))
        .bind(limit)
        .bind(JUNK)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(junk).collect()
    }

    /// Number of faxes in quarantine as junk.
    pub async fn junk_count(&self) -> Result<u64, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS faxes FROM junk JOIN faxes ON faxes.id = junk.fax_id
             WHERE faxes.stage = 'quarantined' AND json_extract(faxes.fault_json, '$.code') = $1
               AND junk.released_at IS NULL",
        )
        .bind(JUNK)
        .fetch_one(self.readers())
        .await?;
        rows::number(&row, "junk", "faxes")
    }

    /// Number of faxes in quarantine as junk that no digest named yet.
    pub async fn junk_untold(&self) -> Result<u64, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS faxes FROM junk JOIN faxes ON faxes.id = junk.fax_id
             WHERE junk.told_at IS NULL AND faxes.stage = 'quarantined'
               AND json_extract(faxes.fault_json, '$.code') = $1 AND junk.released_at IS NULL",
        )
        .bind(JUNK)
        .fetch_one(self.readers())
        .await?;
        rows::number(&row, "junk", "faxes")
    }

    /// True if a person said of this fax that it is no junk.
    pub async fn is_released(&self, fax: &FaxId) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 AS yes FROM junk WHERE fax_id = $1 AND released_at IS NOT NULL")
            .bind(fax.as_str())
            .fetch_optional(self.readers())
            .await?;
        Ok(row.is_some())
    }

    /// A person says that a fax is no junk: it is routed once more, and no junk rule takes it again. Its pages keep their
    /// texts; what had not gone out of it is withdrawn. [`StoreError::NotJunk`]: it does not stand in quarantine as junk.
    pub async fn release_junk(&self, id: &FaxId, who: &str, now: Millis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let fax = load(&mut tx, id).await?;
        let marked = sqlx::query(
            "UPDATE junk SET released_at = $1, released_by = $2 WHERE fax_id = $3 AND released_at IS NULL",
        )
        .bind(now)
        .bind(who)
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let is_junk = fax.fault.as_ref().is_some_and(|fault| fault.code == JUNK);
        if marked == 0 || fax.stage != Stage::Quarantined || !is_junk {
            return Err(StoreError::NotJunk(id.clone()));
        }
        let stage = fax.stage.after(Step::Replay)?;
        let withdrawn =
            withdraw(&mut tx, id, "withdrawn: the fax was no junk and is routed once more").await?;
        begin_round(&mut tx, id, stage, now).await?;
        let detail = json!({ "who": who, "round": fax.round + 1, "withdrawn": withdrawn });
        events::record(&mut tx, Some(id), now, kind::RELEASED, &detail).await?;
        self.commit(tx).await?;
        super::entered(stage);
        Ok(())
    }

    /// Puts a digest into the post and marks what it names, in one transaction. False: that digest was made before, and
    /// nothing was changed.
    pub async fn post_digest(
        &self,
        digest: &[NewMail],
        named: &[FaxId],
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let mut made = false;
        for mail in digest {
            made |= own_mails::insert(&mut tx, mail, now).await?.is_some();
        }
        if !made {
            return Ok(false);
        }
        for fax in named {
            sqlx::query("UPDATE junk SET told_at = $1 WHERE fax_id = $2")
                .bind(now)
                .bind(fax.as_str())
                .execute(&mut *tx)
                .await?;
        }
        self.commit(tx).await?;
        Ok(true)
    }
}

/// Notes that a fax was set aside as junk. One that is set aside anew is told of anew.
pub(super) async fn note(
    tx: &mut Tx,
    fax: &FaxId,
    rule: &str,
    words: &str,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO junk (fax_id, rule, at, words) VALUES ($1, $2, $3, $4)
         ON CONFLICT (fax_id) DO UPDATE SET rule = excluded.rule, at = excluded.at, words = excluded.words,
             told_at = NULL",
    )
    .bind(fax.as_str())
    .bind(rule)
    .bind(now)
    .bind(words)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn junk(row: &SqliteRow) -> Result<Junk, StoreError> {
    const TABLE: &str = "junk";
    let document: Option<crate::fax::Document> = rows::optional_json(row, "faxes", "document_json")?;
    Ok(Junk {
        fax: rows::parsed(row, TABLE, "fax_id")?,
        call: rows::json(row, "faxes", "call_json")?,
        rule: row.try_get("rule")?,
        at: row.try_get("at")?,
        pages: document.map_or(0, |document| document.pages),
        words: row.try_get("words")?,
        told: row.try_get::<Option<Millis>, _>("told_at")?.is_some(),
    })
}
