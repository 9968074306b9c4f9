//! What people may do to a fax: retry, replay, discard. Each names who did it.

use std::collections::BTreeMap;

use serde_json::json;

use super::deliveries::withdraw;
use super::events::{self, kind};
use super::rows::{self, Fax, to_json};
use super::{FALLBACK, Store, StoreError, Tx};
use crate::fax::{FaxId, Millis, Stage, Step, Target};

/// Moments beyond which nothing of ours waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// A fax's work.
    pub work: Millis,
    /// A delivery.
    pub delivery: Millis,
    /// A delivery to the fallback inbox, which waits longer after a bounce.
    pub fallback: Millis,
    /// A delivery that is held.
    pub held: Millis,
}

impl Store {
    /// Makes due now whatever waits for a later moment than anything of ours does, and nothing else: the clock was set
    /// back since. Gives the faxes that it concerns.
    pub async fn cut_waits(
        &self,
        waits: Waits,
        fallback: &Target,
        now: Millis,
    ) -> Result<Vec<FaxId>, StoreError> {
        let fallback = to_json(fallback);
        let mut tx = self.write().await?;
        let work = sqlx::query(
            "UPDATE faxes SET next_at = $1 WHERE next_at > $2 AND stage IN ('received', 'transcribed', 'composed')
             RETURNING id AS fax_id",
        )
        .bind(now)
        .bind(waits.work)
        .fetch_all(&mut *tx)
        .await?;
        let deliveries = sqlx::query(
            "UPDATE deliveries SET next_at = $6 WHERE state = 'due'
                 AND next_at > CASE WHEN department = $1 OR target_json = $2 THEN $3 ELSE $4 END
                 AND (held_until IS NULL OR next_at > held_until OR next_at > $5) RETURNING fax_id",
        )
        .bind(FALLBACK)
        .bind(fallback)
        .bind(waits.fallback)
        .bind(waits.delivery)
        .bind(waits.held)
        .bind(now)
        .fetch_all(&mut *tx)
        .await?;
        let mut faxes: BTreeMap<FaxId, u64> = BTreeMap::new();
        for row in work.iter().chain(&deliveries) {
            *faxes.entry(rows::parsed(row, "deliveries", "fax_id")?).or_default() += 1;
        }
        for (id, waits) in &faxes {
            let detail = json!({ "who": "the clock was set back", "waits": waits });
            events::record(&mut tx, Some(id), now, kind::RETRIED, &detail).await?;
        }
        self.commit(tx).await?;
        Ok(faxes.into_keys().collect())
    }

    /// Makes everything about a fax due now: its work and its deliveries. How many waits were ended.
    pub async fn retry(&self, id: &FaxId, who: &str, now: Millis) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        load(&mut tx, id).await?;
        let mut waits = sqlx::query(
            "UPDATE faxes SET next_at = $1 WHERE id = $2 AND next_at > $1
                    AND stage IN ('received', 'transcribed', 'composed')",
        )
        .bind(now)
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        waits += sqlx::query(
            "UPDATE deliveries SET next_at = $1 WHERE fax_id = $2 AND next_at > $1 AND state = 'due'",
        )
        .bind(now)
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        events::record(&mut tx, Some(id), now, kind::RETRIED, &json!({ "who": who, "waits": waits })).await?;
        self.commit(tx).await?;
        Ok(waits)
    }

    /// Sends a fax through once more from its original: texts, document, decision and deliveries are made
    /// anew, under new Message-IDs (the round is part of them). What had not gone out is withdrawn.
    pub async fn replay(&self, id: &FaxId, who: &str, now: Millis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let fax = load(&mut tx, id).await?;
        let stage = fax.stage.after(Step::Replay)?;
        let withdrawn = withdraw(&mut tx, id, "withdrawn: the fax was replayed").await?;
        sqlx::query("DELETE FROM page_texts WHERE fax_id = $1").bind(id.as_str()).execute(&mut *tx).await?;
        begin_round(&mut tx, id, stage, now).await?;
        let detail = json!({ "who": who, "from": fax.stage, "round": fax.round + 1, "withdrawn": withdrawn });
        events::record(&mut tx, Some(id), now, kind::REPLAYED, &detail).await?;
        self.commit(tx).await?;
        super::entered(stage);
        Ok(())
    }

    /// Throws a fax away, with a reason. Its original and its history are kept; `replay` brings it back.
    pub async fn discard(&self, id: &FaxId, who: &str, reason: &str, now: Millis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let fax = load(&mut tx, id).await?;
        let stage = fax.stage.after(Step::Discard)?;
        let withdrawn = withdraw(&mut tx, id, "withdrawn: the fax was discarded").await?;
        sqlx::query(
            "UPDATE faxes SET stage = $1, since = $2, lease = NULL, lease_owner = NULL, lease_until = NULL
             WHERE id = $3",
        )
        .bind(stage.name())
        .bind(now)
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
        let detail = json!({ "who": who, "reason": reason, "from": fax.stage, "withdrawn": withdrawn });
        events::record(&mut tx, Some(id), now, kind::DISCARDED, &detail).await?;
        self.commit(tx).await?;
        super::entered(stage);
        Ok(())
    }
}

/// The next round of a fax: nothing is left of what the last one made and decided.
pub(super) async fn begin_round(
    tx: &mut Tx,
    id: &FaxId,
    stage: Stage,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE faxes SET stage = $1, since = $2, next_at = $2, round = round + 1, attempts = 0, claims = 0,
                lease = NULL, lease_owner = NULL, lease_until = NULL, document_json = NULL, rule = NULL,
                decision_json = NULL, fault_json = NULL WHERE id = $3",
    )
    .bind(stage.name())
    .bind(now)
    .bind(id.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn load(tx: &mut Tx, id: &FaxId) -> Result<Fax, StoreError> {
    let row =
        sqlx::query("SELECT * FROM faxes WHERE id = $1").bind(id.as_str()).fetch_optional(&mut **tx).await?;
    rows::fax(&row.ok_or_else(|| StoreError::NoFax(id.clone()))?)
}
