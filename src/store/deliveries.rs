//! Deliveries: one row for each fax and address, each with its own fate.
//!
//! All deliveries of one message (same Message-ID) are attempted together; their outcomes are recorded one
//! by one. A delivery is final when delivered, failed or withdrawn; a failed one is replaced by a copy to the
//! fallback inbox in the same transaction, and the fallback inbox itself never fails for good.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::events::{self, kind};
use super::rows::{self, Fax, to_json};
use super::{FALLBACK, Store, StoreError, Tx};
use crate::fax::{Delivery, Fault, FaxId, Millis, Outcome, Stage, Step, Target};

/// A delivery to be made, due at once unless it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Department, or [`FALLBACK`].
    pub department: String,
    /// The address.
    pub target: Target,
    /// Without angle brackets. Fixed for ever: a repeat after a crash is recognisable by it.
    pub message_id: String,
    /// When it is given up.
    pub expires_at: Millis,
    /// Code of the fault that sent it to the fallback inbox.
    pub because: Option<String>,
    /// It waits until then: office hours. `None`: due at once.
    pub held_until: Option<Millis>,
}

/// Deliveries that share one message, ours to attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Names this claim and no other.
    pub token: String,
    /// The fax.
    pub fax: Fax,
    /// The message's id, the same for all.
    pub message_id: String,
    /// At least one.
    pub deliveries: Vec<Delivery>,
}

/// How one delivery of a batch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The delivery.
    pub delivery: i64,
    /// How its attempt ended. That its time is up is the caller's judgement: a deferral without end is
    /// recorded as a failure.
    pub outcome: Outcome,
    /// When it is tried again, if deferred, or if it is the fallback and was refused.
    pub next_at: Millis,
}

/// Who gets what could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The fallback inbox.
    pub target: Target,
    /// Right side of the Message-IDs made here.
    pub host_name: String,
    /// When a delivery to it counts as overdue. It is not given up even then.
    pub expires_at: Millis,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Taken by the next hop.
    pub delivered: u32,
    /// To be tried again.
    pub deferred: u32,
    /// Given up; the fallback inbox gets them.
    pub failed: u32,
    /// Copies made for the fallback inbox.
    pub to_fallback: u32,
    /// The fallback inbox itself refused: someone must look.
    pub alarms: u32,
    /// The delivery was no longer ours; its outcome is in the history alone.
    pub late: u32,
    /// The fax's last delivery became final.
    pub closed: bool,
}

/// Prolongs what is held under a lease; [`LET_GO`] frees it. Both go by the small index of what is in hand.
pub(super) const RENEW: &str = "UPDATE deliveries SET lease_until = $1 WHERE lease = $2";
pub(super) const LET_GO: &str =
    "UPDATE deliveries SET lease = NULL, lease_owner = NULL, lease_until = NULL WHERE lease = $1";

impl Store {
    /// Claims all due deliveries of the message that has been due longest, until `now + lease_ms`. What is due of a
    /// fax that is being worked on (a mail of an earlier round came back) waits until there is a document again.
    pub async fn claim_deliveries(
        &self,
        now: Millis,
        owner: &str,
        lease_ms: Millis,
    ) -> Result<Option<Batch>, StoreError> {
        let token = super::token();
        let mut tx = self.write().await?;
        let claimed: Vec<SqliteRow> = sqlx::query(
            "UPDATE deliveries SET lease = $1, lease_owner = $2, lease_until = $3
             WHERE state = 'due' AND next_at <= $4 AND (lease IS NULL OR lease_until <= $4)
               AND message_id = (SELECT message_id FROM deliveries
                                 WHERE state = 'due' AND next_at <= $4
                                   AND (lease IS NULL OR lease_until <= $4)
                                   AND NOT EXISTS (SELECT 1 FROM faxes WHERE id = deliveries.fax_id
                                       AND stage IN ('received', 'transcribed', 'composed'))
                                 ORDER BY next_at, id LIMIT 1)
             RETURNING *",
        )
        .bind(&token)
        .bind(owner)
        .bind(now + lease_ms)
        .bind(now)
        .fetch_all(&mut *tx)
        .await?;
        let mut deliveries = claimed.iter().map(rows::delivery).collect::<Result<Vec<_>, _>>()?;
        deliveries.sort_by_key(|delivery| delivery.id);
        let Some(first) = deliveries.first() else { return Ok(None) };
        let row = sqlx::query("SELECT * FROM faxes WHERE id = $1")
            .bind(first.fax.as_str())
            .fetch_one(&mut *tx)
            .await?;
        let (fax, message_id) = (rows::fax(&row)?, first.message_id.clone());
        tx.commit().await?;
        Ok(Some(Batch { token, fax, message_id, deliveries }))
    }

    /// Prolongs a batch to `until`. False: some delivery of it is no longer ours.
    pub async fn renew_deliveries(&self, batch: &Batch, until: Millis) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(RENEW).bind(until).bind(&batch.token).execute(&mut *tx).await?.rows_affected();
        tx.commit().await?;
        Ok(done == batch.deliveries.len() as u64)
    }

    /// Records how the deliveries of a batch ended, in one transaction with what follows from it: copies
    /// to the fallback inbox, and the fax's closing.
    pub async fn record_attempts(
        &self,
        batch: &Batch,
        results: &[Recorded],
        fallback: &Fallback,
        now: Millis,
    ) -> Result<Tally, StoreError> {
        let mut tx = self.write().await?;
        let mut tally = Tally::default();
        // For each cause one copy to the fallback inbox, however many addresses of the batch it hit.
        let mut copies = BTreeMap::new();
        for result in results {
            if let Some((code, delivery)) =
                record_one(&mut tx, batch, result, fallback, now, &mut tally).await?
            {
                copies.entry(code).or_insert(delivery);
            }
        }
        for (code, delivery) in copies {
            tally.to_fallback += 1;
            send_to_fallback(&mut tx, &delivery, code, fallback, now).await?;
        }
        // What the caller had no result for is free again.
        sqlx::query(LET_GO).bind(&batch.token).execute(&mut *tx).await?;
        tally.closed = close_if_done(&mut tx, &batch.fax.id, now).await?;
        self.commit(tx).await?;
        if tally.closed {
            super::entered(Stage::Closed);
        }
        Ok(tally)
    }

    /// Every delivery of a fax, oldest first.
    pub async fn deliveries(&self, fax: &FaxId) -> Result<Vec<Delivery>, StoreError> {
        let rows = sqlx::query("SELECT * FROM deliveries WHERE fax_id = $1 ORDER BY id")
            .bind(fax.as_str())
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(rows::delivery).collect()
    }
}

/// What is written for one result.
enum Verdict {
    Delivered(String),
    Deferred(Fault),
    Failed(Fault),
    /// The fallback inbox refused: deferred all the same.
    Alarm(Fault),
}

fn verdict(delivery: &Delivery, outcome: &Outcome, fallback: &Fallback) -> Verdict {
    let last_resort = delivery.department == FALLBACK || delivery.target == fallback.target;
    match outcome {
        Outcome::Delivered(words) => Verdict::Delivered(words.clone()),
        Outcome::Deferred(fault) => Verdict::Deferred(fault.clone()),
        Outcome::Failed(fault) if last_resort => Verdict::Alarm(fault.clone()),
        Outcome::Failed(fault) => Verdict::Failed(fault.clone()),
    }
}

/// Records one result. `Some`: the delivery failed by this code, and the fallback inbox must get the fax.
async fn record_one(
    tx: &mut Tx,
    batch: &Batch,
    result: &Recorded,
    fallback: &Fallback,
    now: Millis,
    tally: &mut Tally,
) -> Result<Option<(String, Delivery)>, StoreError> {
    let row = sqlx::query("SELECT * FROM deliveries WHERE id = $1 AND lease = $2 AND state = 'due'")
        .bind(result.delivery)
        .bind(&batch.token)
        .fetch_optional(&mut **tx)
        .await?;
    let Some(row) = row else {
        let detail = json!({ "delivery": result.delivery, "outcome": result.outcome });
        tally.late += 1;
        events::record(tx, Some(&batch.fax.id), now, kind::LATE, &detail).await?;
        return Ok(None);
    };
    let delivery = rows::delivery(&row)?;
    let (state, next_at, last, kind, detail) = match verdict(&delivery, &result.outcome, fallback) {
        Verdict::Delivered(words) => {
            tally.delivered += 1;
            ("delivered", now, words.clone(), kind::DELIVERED, json!({ "reply": words }))
        }
        Verdict::Deferred(fault) => {
            tally.deferred += 1;
            let detail = json!({ "fault": fault, "next_at": result.next_at });
            ("due", result.next_at, fault.to_string(), kind::DEFERRED, detail)
        }
        Verdict::Alarm(fault) => {
            (tally.deferred, tally.alarms) = (tally.deferred + 1, tally.alarms + 1);
            let detail = json!({ "fault": fault, "next_at": result.next_at });
            ("due", result.next_at, fault.to_string(), kind::ALARM, detail)
        }
        Verdict::Failed(fault) => {
            tally.failed += 1;
            ("failed", now, fault.to_string(), kind::FAILED, json!({ "fault": fault }))
        }
    };
    sqlx::query(
        "UPDATE deliveries SET state = $1, next_at = $2, last = $3, attempts = attempts + 1,
                lease = NULL, lease_owner = NULL, lease_until = NULL WHERE id = $4",
    )
    .bind(state)
    .bind(next_at)
    .bind(last)
    .bind(delivery.id)
    .execute(&mut **tx)
    .await?;
    let mut detail = detail;
    detail["delivery"] = json!(delivery.id);
    detail["department"] = json!(delivery.department);
    detail["target"] = json!(delivery.target.to_string());
    detail["message_id"] = json!(delivery.message_id);
    detail["attempt"] = json!(delivery.attempts + 1);
    events::record(tx, Some(&delivery.fax), now, kind, &detail).await?;
    let code = detail["fault"]["code"].as_str().unwrap_or("deliver.failed").to_owned();
    Ok((state == "failed").then_some((code, delivery)))
}

/// The copy that the fallback inbox gets instead.
pub(super) async fn send_to_fallback(
    tx: &mut Tx,
    failed: &Delivery,
    because: String,
    fallback: &Fallback,
    now: Millis,
) -> Result<(), StoreError> {
    let message_id =
        format!("{}.{FALLBACK}.{}@{}", failed.fax, failed.id, fallback.host_name).to_ascii_lowercase();
    let detail = json!({ "instead_of": failed.id, "because": because, "message_id": message_id });
    let copy = NewDelivery {
        department: FALLBACK.to_owned(),
        target: fallback.target.clone(),
        message_id,
        expires_at: fallback.expires_at,
        because: Some(because),
        held_until: None,
    };
    insert(tx, &failed.fax, &copy, now).await?;
    events::record(tx, Some(&failed.fax), now, kind::FALLBACK, &detail).await
}

/// Makes a delivery, due now or when it is held no more; one that a rule drops as a duplicate is withdrawn from the start.
pub(super) async fn insert(
    tx: &mut Tx,
    fax: &FaxId,
    delivery: &NewDelivery,
    now: Millis,
) -> Result<(), StoreError> {
    // A department may list an address twice, or two departments share a message: one copy is enough.
    sqlx::query(
        "INSERT INTO deliveries (fax_id, department, target_json, message_id, state, made_at, next_at,
                                 expires_at, because, held_until)
         VALUES ($1, $2, $3, $4, CASE WHEN $7 = $9 THEN 'withdrawn' ELSE 'due' END, $5, COALESCE($8, $5), $6, $7, $8)
         ON CONFLICT (message_id, target_json) DO NOTHING",
    )
    .bind(fax.as_str())
    .bind(&delivery.department)
    .bind(to_json(&delivery.target))
    .bind(&delivery.message_id)
    .bind(now)
    .bind(delivery.expires_at)
    .bind(&delivery.because)
    .bind(delivery.held_until.filter(|until| *until > now))
    .bind(super::DUPLICATE)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Withdraws what has not gone out yet.
pub(super) async fn withdraw(tx: &mut Tx, fax: &FaxId, why: &str) -> Result<u64, StoreError> {
    Ok(sqlx::query(
        "UPDATE deliveries SET state = 'withdrawn', last = $1, lease = NULL, lease_owner = NULL,
                lease_until = NULL WHERE fax_id = $2 AND state = 'due'",
    )
    .bind(why)
    .bind(fax.as_str())
    .execute(&mut **tx)
    .await?
    .rows_affected())
}

/// Closes a routed fax whose deliveries are all final.
pub(super) async fn close_if_done(tx: &mut Tx, fax: &FaxId, now: Millis) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT stage, (SELECT COUNT(*) FROM deliveries WHERE fax_id = faxes.id AND state = 'due') AS due
         FROM faxes WHERE id = $1",
    )
    .bind(fax.as_str())
    .fetch_one(&mut **tx)
    .await?;
    let stage: Stage = rows::parsed(&row, "faxes", "stage")?;
    if row.try_get::<i64, _>("due")? > 0 {
        return Ok(false);
    }
    // A quarantined fax stays where it is when its notice has gone out.
    let Ok(closed) = stage.after(Step::Close) else { return Ok(false) };
    sqlx::query("UPDATE faxes SET stage = $1, since = $2 WHERE id = $3")
        .bind(closed.name())
        .bind(now)
        .bind(fax.as_str())
        .execute(&mut **tx)
        .await?;
    events::record(tx, Some(fax), now, kind::CLOSED, &json!({})).await?;
    Ok(true)
}
