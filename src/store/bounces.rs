//! Mails that came back to the gateway's own address, and what each changes.
//!
//! Invariants: the mail and all that follows from it are one transaction, so that a mail which is answered for is
//! recorded and one that is not is handed over again; the same bytes change things once; a delivery that bounced is
//! replaced by a copy to the fallback inbox, and the fallback inbox's own delivery is tried again instead.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::deliveries::send_to_fallback;
use super::events::{self, kind};
use super::moves::{self, Pass, Passed};
use super::own_mails::{self, NewMail};
use super::rows;
use super::{FALLBACK, Fallback, Store, StoreError, Tx};
use crate::fax::{Delivery, DeliveryState, Fault, FaxId, Millis, Sha256};

/// A bounced mail to the fallback inbox is sent again after this long at first; doubles with each attempt.
const FALLBACK_AGAIN: Millis = 60 * 60_000;
/// The longest such wait.
pub const FALLBACK_AGAIN_MOST: Millis = 24 * 60 * 60_000;

/// A mail that came back, its bytes in the blob store already.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReturn {
    /// The bytes.
    pub sha256: Sha256,
    /// Who it says it is from, one safe line; empty for the null sender.
    pub sender: String,
    /// Its subject, one safe line.
    pub subject: String,
    /// What it was taken for, in one word.
    pub verdict: &'static str,
    /// The fax that it is about, if that is sure.
    pub fax: Option<FaxId>,
    /// The particulars.
    pub detail: Value,
}

/// What follows from a mail that came back.
#[derive(Debug, Clone, PartialEq)]
pub enum Follow {
    /// A delivery came back for good.
    Bounced {
        /// The delivery.
        delivery: i64,
        /// Why, as the reporting server tells it.
        fault: Fault,
    },
    /// Nothing but a line in the fax's history.
    Noted {
        /// The fax.
        fax: FaxId,
        /// Kind of the event, such as `mail.delayed`.
        kind: &'static str,
        /// The particulars.
        detail: Value,
    },
    /// A person passes the fax on, and is told what came of it.
    Passed(Box<Pass>, Box<Replies>),
    /// A mail goes out.
    Mail(NewMail),
}

/// What a person who passed a fax on is told, whatever came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replies {
    /// It was passed on now.
    pub now: Option<NewMail>,
    /// The department had passed it on before.
    pub before: Option<NewMail>,
    /// It would have gone in a circle.
    pub round: Option<NewMail>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// False: these bytes were taken before, and nothing was done.
    pub new: bool,
    /// Deliveries whose state changed to bounced.
    pub bounced: u32,
    /// Copies made for the fallback inbox.
    pub to_fallback: u32,
    /// The fallback inbox's own mail came back: someone must look.
    pub alarms: u32,
    /// Faxes passed on now.
    pub passed: u32,
    /// Mails of ours that wait: so many went out in this hour.
    pub waiting: u32,
}

/// One mail that came back, as listed.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ReturnedMail {
    /// The bytes.
    pub sha256: Sha256,
    /// When.
    pub at: Millis,
    /// Who it says it is from.
    pub sender: String,
    /// Its subject.
    pub subject: String,
    /// What it was taken for.
    pub verdict: String,
    /// The fax that it is about.
    pub fax: Option<FaxId>,
    /// The particulars.
    pub detail: Value,
}

impl Store {
    /// Deliveries made under a Message-ID, whole or only what stands before its `@` (an ENVID, RFC 3461 §4.4).
    pub async fn sent_under(&self, name: &str) -> Result<Vec<Delivery>, StoreError> {
        let name = name.to_ascii_lowercase();
        // '@' is followed by 'A': all that begins with the name and an '@' lies between the two.
        let (from, to) = match name.contains('@') {
            true => (name.clone(), format!("{name}\0")),
            false => (format!("{name}@"), format!("{name}A")),
        };
        let rows =
            sqlx::query("SELECT * FROM deliveries WHERE message_id >= $1 AND message_id < $2 ORDER BY id")
                .bind(from)
                .bind(to)
                .fetch_all(self.readers())
                .await?;
        rows.iter().map(rows::delivery).collect()
    }

    /// Takes a mail that came back, with all that follows from it. When this returns it is on the disk.
    /// [`StoreError::UnderWay`]: nothing was done; a delivery that it is about is being attempted at this moment.
    pub async fn take_return(
        &self,
        mail: &NewReturn,
        follows: &[Follow],
        fallback: &Fallback,
        now: Millis,
    ) -> Result<Taken, StoreError> {
        let mut tx = self.write().await?;
        let inserted = sqlx::query(
            "INSERT INTO returned_mails (sha256, at, sender, subject, verdict, fax_id, detail_json)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sha256) DO NOTHING",
        )
        .bind(mail.sha256.to_string())
        .bind(now)
        .bind(&mail.sender)
        .bind(&mail.subject)
        .bind(mail.verdict)
        .bind(mail.fax.as_ref().map(FaxId::as_str))
        .bind(mail.detail.to_string())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let mut taken = Taken { new: inserted == 1, ..Taken::default() };
        if !taken.new {
            return Ok(taken);
        }
        // One report may name several addresses of one message: one copy of it is enough.
        let mut copies = BTreeMap::new();
        for follow in follows {
            match follow {
                Follow::Bounced { delivery, fault } => {
                    let gone = bounced(&mut tx, *delivery, fault, mail, fallback, now, &mut taken).await?;
                    if let Some(gone) = gone {
                        copies.entry(gone.message_id.clone()).or_insert((gone, fault));
                    }
                }
                Follow::Noted { fax, kind, detail } => {
                    events::record(&mut tx, Some(fax), now, kind, detail).await?;
                }
                Follow::Passed(pass, replies) => {
                    let passed = moves::pass_on(&mut tx, pass, fallback, now).await?;
                    let reply = match &passed {
                        Passed::Before(_) => &replies.before,
                        Passed::Now(made) if made.went_round() => &replies.round,
                        Passed::Now(_) => &replies.now,
                    };
                    taken.passed += u32::from(matches!(passed, Passed::Now(_)));
                    if let Some(mail) = reply {
                        let due = own_mails::insert(&mut tx, mail, now).await?;
                        taken.waiting += u32::from(due.is_some_and(|due| due > now));
                    }
                }
                Follow::Mail(mail) => {
                    let due = own_mails::insert(&mut tx, mail, now).await?;
                    taken.waiting += u32::from(due.is_some_and(|due| due > now));
                }
            }
        }
        for (gone, fault) in copies.into_values() {
            taken.to_fallback += 1;
            send_to_fallback(&mut tx, &gone, fault.code.clone(), fallback, now).await?;
        }
        self.commit(tx).await?;
        Ok(taken)
    }

    /// Mails that came back, newest first, at most `limit`.
    pub async fn returned(&self, limit: u32) -> Result<Vec<ReturnedMail>, StoreError> {
        let rows = sqlx::query("SELECT * FROM returned_mails ORDER BY at DESC, id DESC LIMIT $1")
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(returned).collect()
    }
}

/// One delivery came back. `Some`: the fallback inbox must get it instead.
async fn bounced(
    tx: &mut Tx,
    delivery: i64,
    fault: &Fault,
    mail: &NewReturn,
    fallback: &Fallback,
    now: Millis,
    taken: &mut Taken,
) -> Result<Option<Delivery>, StoreError> {
    let row =
        sqlx::query("SELECT * FROM deliveries WHERE id = $1").bind(delivery).fetch_one(&mut **tx).await?;
    let delivery = rows::delivery(&row)?;
    // A server may return a mail before we have written down that it took it. What is written next would be
    // "delivered", and the bounce would be forgotten.
    let lease_until: Option<Millis> = row.try_get("lease_until")?;
    if delivery.state == DeliveryState::Due && lease_until.is_some_and(|until| until > now) {
        return Err(StoreError::UnderWay);
    }
    let mut detail = json!({
        "delivery": delivery.id, "department": delivery.department, "target": delivery.target.to_string(),
        "message_id": delivery.message_id, "fault": fault, "mail": mail.sha256, "state": delivery.state,
    });
    if delivery.state != DeliveryState::Delivered {
        // Due: it goes out again, and all of its parts do (`Event::undoes_parts`). Failed, bounced, withdrawn: it is
        // replaced, or wanted no more.
        events::record(tx, Some(&delivery.fax), now, kind::BOUNCED_LATE, &detail).await?;
        return Ok(None);
    }
    let last_resort = delivery.department == FALLBACK || delivery.target == fallback.target;
    let (state, next_at, kind) = match last_resort {
        true => ("due", now + again_after(delivery.attempts), kind::ALARM),
        false => ("bounced", delivery.next_at, kind::BOUNCED),
    };
    sqlx::query(
        "UPDATE deliveries SET state = $1, next_at = $2, last = $3, lease = NULL, lease_owner = NULL,
                lease_until = NULL WHERE id = $4",
    )
    .bind(state)
    .bind(next_at)
    .bind(fault.to_string())
    .bind(delivery.id)
    .execute(&mut **tx)
    .await?;
    detail["next_at"] = if last_resort { json!(next_at) } else { Value::Null };
    events::record(tx, Some(&delivery.fax), now, kind, &detail).await?;
    let counted = if last_resort { &mut taken.alarms } else { &mut taken.bounced };
    *counted += 1;
    let row = sqlx::query("SELECT stage FROM faxes WHERE id = $1")
        .bind(delivery.fax.as_str())
        .fetch_one(&mut **tx)
        .await?;
    moves::reopen(tx, &delivery.fax, rows::parsed(&row, "faxes", "stage")?, now).await?;
    Ok((!last_resort).then_some(delivery))
}

fn again_after(attempts: u32) -> Millis {
    FALLBACK_AGAIN.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(FALLBACK_AGAIN_MOST)
}

fn returned(row: &SqliteRow) -> Result<ReturnedMail, StoreError> {
    const TABLE: &str = "returned_mails";
    let fax: Option<String> = row.try_get("fax_id")?;
    Ok(ReturnedMail {
        sha256: rows::parsed(row, TABLE, "sha256")?,
        at: row.try_get("at")?,
        sender: row.try_get("sender")?,
        subject: row.try_get("subject")?,
        verdict: row.try_get("verdict")?,
        fax: fax.map(|id| id.parse().map_err(|_| rows::unreadable(TABLE, "fax_id", &id))).transpose()?,
        detail: rows::json(row, TABLE, "detail_json")?,
    })
}
