//! Mails of the gateway that are no fax: an unknown mail forwarded to the fallback inbox, an answer to a clerk, a digest
//! of junk, an alarm.
//!
//! They are made in the transaction of what calls for them and sent later by one task, so that no mail is lost and
//! none is sent for what did not happen. A Message-ID stands once: the same cause makes one mail. So many go out in an
//! hour; what is more waits for a place, and is never dropped.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::rows::{self, to_json};
use super::{Store, StoreError, Tx};
use crate::fax::{Millis, Target};

/// So many in an hour: a flood of mails, or two machines that answer each other, must not flood people.
pub const AN_HOUR: u32 = 60;
const HOUR: Millis = 60 * 60_000;
/// The kind of digests and alarms.
pub const BULLETIN: &str = "bulletin";

/// A mail to be sent, due at once, or when there is a place for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// Without angle brackets, in small letters.
    pub message_id: String,
    /// What it is: `forward`, `answer` or [`BULLETIN`].
    pub kind: &'static str,
    /// Who gets it.
    pub target: Target,
    /// The whole message.
    pub message: Vec<u8>,
    /// For how long it is tried from when it becomes due; `None`: for ever.
    pub lasts: Option<Millis>,
    /// It waits for no place among those of an hour.
    pub at_once: bool,
}

/// A mail that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnMail {
    /// Row number.
    pub id: i64,
    /// Without angle brackets.
    pub message_id: String,
    /// What it is.
    pub kind: String,
    /// Who gets it.
    pub target: Target,
    /// The whole message.
    pub message: Vec<u8>,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is given up; `None`: never.
    pub expires_at: Option<Millis>,
}

impl Store {
    /// The mail that has been due longest.
    pub async fn own_mail_due(&self, now: Millis) -> Result<Option<OwnMail>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM own_mails WHERE state = 'due' AND next_at <= $1 ORDER BY next_at, id LIMIT 1",
        )
        .bind(now)
        .fetch_optional(self.readers())
        .await?;
        row.as_ref().map(own_mail).transpose()
    }

    /// Records that a mail was sent, is given up (`next_at` is `None`), or is tried again.
    pub async fn record_own_mail(
        &self,
        id: i64,
        sent: bool,
        next_at: Option<Millis>,
        last: &str,
    ) -> Result<(), StoreError> {
        let state = match (sent, next_at) {
            (true, _) => "sent",
            (false, Some(_)) => "due",
            (false, None) => "given-up",
        };
        let mut tx = self.write().await?;
        sqlx::query(
            "UPDATE own_mails SET state = $1, attempts = attempts + 1, next_at = COALESCE($2, next_at), last = $3
             WHERE id = $4 AND state = 'due'",
        )
        .bind(state)
        .bind(next_at)
        .bind(last)
        .bind(id)
        .execute(&mut *tx)
        .await?;
        self.commit(tx).await
    }

    /// What the mail with this Message-ID is; `None`: none of these. Some servers change the case of a name.
    pub async fn own_mail_kind(&self, message_id: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT kind FROM own_mails WHERE message_id = LOWER($1)")
            .bind(message_id)
            .fetch_optional(self.readers())
            .await?;
        Ok(row.map(|row| row.try_get("kind")).transpose()?)
    }

    /// How many such mails are due at a moment, or wait for one up to it.
    pub async fn own_mails_due(&self, until: Millis) -> Result<u32, StoreError> {
        let row =
            sqlx::query("SELECT COUNT(*) AS mails FROM own_mails WHERE state = 'due' AND next_at <= $1")
                .bind(until)
                .fetch_one(self.readers())
                .await?;
        rows::number(&row, "own_mails", "mails")
    }
}

/// Makes a mail; when it is due: now, or when there is a place for it. The same Message-ID makes none.
pub(super) async fn insert(tx: &mut Tx, mail: &NewMail, now: Millis) -> Result<Option<Millis>, StoreError> {
    let slot = if mail.at_once { None } else { Some(place(tx, now).await?) };
    let due = slot.unwrap_or(now);
    let made = sqlx::query(
        "INSERT INTO own_mails (message_id, kind, target_json, message, state, made_at, next_at, expires_at, slot)
         VALUES ($1, $2, $3, $4, 'due', $5, $6, $7, $8) ON CONFLICT (message_id) DO NOTHING",
    )
    .bind(&mail.message_id)
    .bind(mail.kind)
    .bind(to_json(&mail.target))
    .bind(&mail.message)
    .bind(now)
    .bind(due)
    .bind(mail.lasts.map(|lasts| due.saturating_add(lasts)))
    .bind(slot)
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok((made > 0).then_some(due))
}

/// The next free place: an hour after the one so many places back. What a clock that ran ahead has made does not count.
async fn place(tx: &mut Tx, now: Millis) -> Result<Millis, StoreError> {
    let row = sqlx::query(
        "SELECT slot FROM own_mails WHERE slot IS NOT NULL AND made_at <= $1 ORDER BY slot DESC LIMIT 1 OFFSET $2",
    )
    .bind(now)
    .bind(AN_HOUR - 1)
    .fetch_optional(&mut **tx)
    .await?;
    let before = row.map(|row| row.try_get::<Millis, _>("slot")).transpose()?;
    Ok(before.map_or(now, |before| now.max(before.saturating_add(HOUR))))
}

fn own_mail(row: &SqliteRow) -> Result<OwnMail, StoreError> {
    const TABLE: &str = "own_mails";
    Ok(OwnMail {
        id: row.try_get("id")?,
        message_id: row.try_get("message_id")?,
        kind: row.try_get("kind")?,
        target: rows::json(row, TABLE, "target_json")?,
        message: row.try_get("message")?,
        attempts: rows::number(row, TABLE, "attempts")?,
        expires_at: row.try_get("expires_at")?,
    })
}
