//! The gateway's own mails, about no single fax: made once under a name, tried until someone takes them.

use sqlx::Row;

use super::rows::{self, to_json};
use super::{Store, StoreError, Tx};
use crate::fax::{Millis, Target};

/// A mail of the gateway's own, ready to go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBulletin {
    /// What it is: one of a name goes to each target, ever.
    pub name: String,
    /// To whom.
    pub target: Target,
    /// Without angle brackets.
    pub message_id: String,
    /// Headers and all.
    pub mail: Vec<u8>,
}

/// One that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulletin {
    /// Row number.
    pub id: i64,
    /// What it is.
    pub name: String,
    /// To whom.
    pub target: Target,
    /// Headers and all.
    pub mail: Vec<u8>,
    /// Attempts so far.
    pub attempts: u32,
}

impl Store {
    /// The bulletin that has been due longest.
    pub async fn due_bulletin(&self, now: Millis) -> Result<Option<Bulletin>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM bulletins WHERE sent_at IS NULL AND next_at <= $1 ORDER BY next_at, id LIMIT 1",
        )
        .bind(now)
        .fetch_optional(self.readers())
        .await?;
        row.map(|row| {
            Ok(Bulletin {
                id: row.try_get("id")?,
                name: row.try_get("name")?,
                target: rows::json(&row, "bulletins", "target_json")?,
                mail: row.try_get("mail")?,
                attempts: rows::number(&row, "bulletins", "attempts")?,
            })
        })
        .transpose()
    }

    /// True if one of this name was made.
    pub async fn has_bulletin(&self, name: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 AS one FROM bulletins WHERE name = $1 LIMIT 1")
            .bind(name)
            .fetch_optional(self.readers())
            .await?;
        Ok(row.is_some())
    }

    /// True for the Message-ID of one.
    pub async fn is_bulletin(&self, message_id: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 AS one FROM bulletins WHERE LOWER(message_id) = LOWER($1)")
            .bind(message_id)
            .fetch_optional(self.readers())
            .await?;
        Ok(row.is_some())
    }

    /// Someone took it; their words.
    pub async fn bulletin_sent(&self, id: i64, words: &str, now: Millis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("UPDATE bulletins SET sent_at = $1, last = $2, attempts = attempts + 1 WHERE id = $3")
            .bind(now)
            .bind(words)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Nobody took it: it is tried again at `next_at`.
    pub async fn bulletin_waits(&self, id: i64, words: &str, next_at: Millis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("UPDATE bulletins SET next_at = $1, last = $2, attempts = attempts + 1 WHERE id = $3")
            .bind(next_at)
            .bind(words)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Puts a bulletin into the post, due now; 0 where that one was made before.
pub(super) async fn insert(tx: &mut Tx, new: &NewBulletin, now: Millis) -> Result<u64, StoreError> {
    Ok(sqlx::query(
        "INSERT INTO bulletins (name, target_json, message_id, mail, made_at, next_at)
         VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (name, target_json) DO NOTHING",
    )
    .bind(&new.name)
    .bind(to_json(&new.target))
    .bind(&new.message_id)
    .bind(&new.mail)
    .bind(now)
    .execute(&mut **tx)
    .await?
    .rows_affected())
}
