//! What is not well, since when, and when people were told: one open alarm for each kind and thing.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::events::{self, kind};
use super::own_mails::{self, NewMail};
use super::rows;
use super::{Store, StoreError};
use crate::fax::{Millis, Target};

/// An alarm as stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Alarm {
    /// Row number.
    pub id: i64,
    /// `silence`, `queue`, `relay`, `quality` or `bounces`.
    pub kind: String,
    /// What it is about, such as `spool modems`.
    pub about: String,
    /// What is the matter, in words.
    pub words: String,
    /// Since when.
    pub opened_at: Millis,
    /// When people were last told.
    pub told_at: Millis,
    /// When it was over.
    pub cleared_at: Option<Millis>,
}

/// What one look at everything came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmChanges {
    /// New: kind, about, words.
    pub opened: Vec<(String, String, String)>,
    /// Over.
    pub cleared: Vec<i64>,
    /// Still open, and told of again: row and its words of today.
    pub again: Vec<(i64, String)>,
    /// The mails that tell of all that.
    pub mails: Vec<NewMail>,
}

/// Messages to one place that were tried in vain, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Where they should go.
    pub target: Target,
    /// What the last attempt ended with, its code in brackets at the end.
    pub last: String,
    /// Since when: made, or let go after a hold.
    pub since: Millis,
    /// It is for the fallback inbox.
    pub last_resort: bool,
}

/// Rows that are looked at, at most: enough to see that nothing goes out, or that all comes back.
const WAITING_MOST: u32 = 5_000;

impl Store {
    /// Alarms, newest first: the open ones, or with `all` those that are over too.
    pub async fn alarms(&self, all: bool, limit: u32) -> Result<Vec<Alarm>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM alarms WHERE $1 = 1 OR cleared_at IS NULL
             ORDER BY cleared_at IS NOT NULL, opened_at DESC, id DESC LIMIT $2",
        )
        .bind(i64::from(all))
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(alarm).collect()
    }

    /// Records what a look came to, with the mails that tell of it, in one transaction.
    pub async fn record_alarms(&self, changes: &AlarmChanges, now: Millis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for (kind, about, words) in &changes.opened {
            sqlx::query(
                "INSERT INTO alarms (kind, about, words, opened_at, told_at) VALUES ($1, $2, $3, $4, $4)
                 ON CONFLICT DO NOTHING",
            )
            .bind(kind)
            .bind(about)
            .bind(words)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            let detail = json!({ "kind": kind, "about": about, "words": words });
            events::record(&mut tx, None, now, kind::ALARM_OPENED, &detail).await?;
        }
        for id in &changes.cleared {
            sqlx::query(
                "UPDATE alarms SET cleared_at = $1, told_at = $1 WHERE id = $2 AND cleared_at IS NULL",
            )
            .bind(now)
            .bind(id)
            .execute(&mut *tx)
            .await?;
            events::record(&mut tx, None, now, kind::ALARM_CLEARED, &json!({ "alarm": id })).await?;
        }
        for (id, words) in &changes.again {
            sqlx::query("UPDATE alarms SET told_at = $1, words = $2 WHERE id = $3")
                .bind(now)
                .bind(words)
                .bind(id)
                .execute(&mut *tx)
                .await?;
        }
        for mail in &changes.mails {
            own_mails::insert(&mut tx, mail, now).await?;
        }
        self.commit(tx).await?;
        Ok(())
    }

    /// Deliveries that were tried in vain and are to be tried again.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        let rows = sqlx::query(
            "SELECT department, target_json, last, made_at, held_until FROM deliveries
             WHERE state = 'due' AND attempts > 0 AND last IS NOT NULL ORDER BY made_at LIMIT $1",
        )
        .bind(WAITING_MOST)
        .fetch_all(self.readers())
        .await?;
        rows.iter()
            .map(|row| {
                let made: Millis = row.try_get("made_at")?;
                let held: Option<Millis> = row.try_get("held_until")?;
                Ok(Waiting {
                    target: rows::json(row, "deliveries", "target_json")?,
                    last: row.try_get("last")?,
                    since: held.unwrap_or(made).max(made),
                    last_resort: row.try_get::<String, _>("department")? == super::FALLBACK,
                })
            })
            .collect()
    }

    /// For each place, the number of deliveries that came back since then.
    pub async fn bounced_since(&self, since: Millis) -> Result<Vec<(String, u64)>, StoreError> {
        // The kind stands in the query, not beside it: so the small index of bounces alone serves.
        let rows = sqlx::query(
            "SELECT * FROM fax_events WHERE kind = 'delivery.bounced' AND at >= $1 ORDER BY at LIMIT $2",
        )
        .bind(since)
        .bind(WAITING_MOST)
        .fetch_all(self.readers())
        .await?;
        let mut places: BTreeMap<String, u64> = BTreeMap::new();
        for row in &rows {
            let event = rows::event(row)?;
            *places.entry(event.detail["target"].as_str().unwrap_or("?").to_owned()).or_default() += 1;
        }
        Ok(places.into_iter().collect())
    }
}

fn alarm(row: &SqliteRow) -> Result<Alarm, StoreError> {
    Ok(Alarm {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        about: row.try_get("about")?,
        words: row.try_get("words")?,
        opened_at: row.try_get("opened_at")?,
        told_at: row.try_get("told_at")?,
        cleared_at: row.try_get("cleared_at")?,
    })
}
