//! The history: append-only, hash-chained, written in the transaction that makes the change.
//!
//! The chain shows that no event in it was changed, inserted or taken out. It cannot show that the newest
//! events were cut off: for that, compare the last hash with one that was noted elsewhere.

use serde_json::Value;
use sqlx::Row;

use super::{Store, StoreError, Tx, rows};
use crate::fax::{FaxId, Millis, Sha256};

/// Kinds of events, as stored.
pub(super) mod kind {
    pub(crate) const RECEIVED: &str = "fax.received";
    pub(crate) const TRANSCRIBED: &str = "fax.transcribed";
    pub(crate) const COMPOSED: &str = "fax.composed";
    pub(crate) const ROUTED: &str = "fax.routed";
    pub(crate) const CLOSED: &str = "fax.closed";
    pub(crate) const QUARANTINED: &str = "fax.quarantined";
    /// A rule called it junk: set aside, told of in the daily digest.
    pub(crate) const JUNKED: &str = "fax.junked";
    /// A person said that it is no junk.
    pub(crate) const RELEASED: &str = "fax.released";
    pub(crate) const DISCARDED: &str = "fax.discarded";
    pub(crate) const REPLAYED: &str = "fax.replayed";
    pub(crate) const RETRIED: &str = "fax.retried";
    pub(crate) const POSTPONED: &str = "fax.postponed";
    pub(crate) const DELIVERED: &str = "delivery.delivered";
    pub(crate) const DEFERRED: &str = "delivery.deferred";
    pub(crate) const FAILED: &str = "delivery.failed";
    /// A copy goes to the fallback inbox because another delivery failed.
    pub(crate) const FALLBACK: &str = "delivery.fallback";
    /// The fallback inbox itself refused: someone must look. It is tried again for ever.
    pub(crate) const ALARM: &str = "delivery.alarm";
    /// An outcome came after the delivery had been given to someone else or withdrawn.
    pub(crate) const LATE: &str = "delivery.late";
    /// The gateway died while the delivery was under way: its outcome is unknown, it is repeated.
    pub(crate) const INTERRUPTED: &str = "delivery.interrupted";
    /// The fax is kin to an earlier one: sent again, the rest of it, of the same call.
    pub(crate) const KIN: &str = "fax.kin";
    /// A rule dropped deliveries: the very same fax was delivered before.
    pub(crate) const DROPPED: &str = "fax.duplicate-dropped";
    /// Other rules came into force.
    pub(crate) const RULES_USED: &str = "rules.used";
    /// A person put an earlier version of the rules back.
    pub(crate) const RULES_ROLLED_BACK: &str = "rules.rolled-back";
    /// Something is not well: a line, the queue, a relay.
    pub(crate) const ALARM_OPENED: &str = "alarm.opened";
    /// It is well again.
    pub(crate) const ALARM_CLEARED: &str = "alarm.cleared";
    /// A mail that had been taken came back: the fallback inbox gets the fax.
    pub(crate) const BOUNCED: &str = "delivery.bounced";
    /// A bounce came for a delivery that had not been taken, or was no longer wanted: noted alone.
    pub(crate) const BOUNCED_LATE: &str = "delivery.bounced-late";
    /// A person passed the fax on to another department.
    pub(crate) const PASSED_ON: &str = "fax.passed-on";
    /// It would have gone in a circle: the fallback inbox gets it.
    pub(crate) const PASSED_ROUND: &str = "fax.passed-round";
    /// Somebody fetched the document by a signed link.
    pub(crate) const FETCHED: &str = "fax.fetched";
    pub(crate) const EMPTY_CALL: &str = "call.without-pages";
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Event {
    /// Number in the chain, from 1 without a gap.
    pub seq: i64,
    /// The fax; `None`: a call that brought none.
    pub fax: Option<FaxId>,
    /// When.
    pub at: Millis,
    /// What, such as `fax.routed`.
    pub kind: String,
    /// The particulars.
    pub detail: Value,
}

impl Event {
    /// What was taken of its delivery until then may be relied on no more: the delivery was done with, or some of it
    /// came back.
    pub fn undoes_parts(&self) -> bool {
        matches!(
            self.kind.as_str(),
            kind::DELIVERED | kind::FAILED | kind::ALARM | kind::BOUNCED | kind::BOUNCED_LATE
        )
    }
}

/// Hash before the first event.
const START: &str = "";

/// Appends an event to the chain.
pub(super) async fn record(
    tx: &mut Tx,
    fax: Option<&FaxId>,
    at: Millis,
    kind: &str,
    detail: &Value,
) -> Result<(), StoreError> {
    let last = sqlx::query("SELECT seq, hash FROM fax_events ORDER BY seq DESC LIMIT 1")
        .fetch_optional(&mut **tx)
        .await?;
    let (seq, prev) = match last {
        Some(row) => (row.try_get::<i64, _>("seq")? + 1, row.try_get("hash")?),
        None => (1, START.to_owned()),
    };
    let detail = detail.to_string();
    let fax = fax.map(FaxId::as_str);
    let hash = link(&prev, seq, fax, at, kind, &detail);
    sqlx::query(
        "INSERT INTO fax_events (seq, fax_id, at, kind, detail_json, prev_hash, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(seq)
    .bind(fax)
    .bind(at)
    .bind(kind)
    .bind(detail)
    .bind(prev)
    .bind(hash)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The hash of one event: over all of it and the hash before it, as a JSON array so that no two differ in
/// where one field ends.
fn link(prev: &str, seq: i64, fax: Option<&str>, at: Millis, kind: &str, detail: &str) -> String {
    let whole = serde_json::json!([prev, seq, fax, at, kind, detail]).to_string();
    Sha256::of(whole.as_bytes()).to_string()
}

impl Store {
    /// The history of one fax, oldest first.
    pub async fn events(&self, id: &FaxId) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query("SELECT * FROM fax_events WHERE fax_id = $1 ORDER BY seq")
            .bind(id.as_str())
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(rows::event).collect()
    }

    /// Walks the whole chain; the number of events and the last hash.
    /// [`StoreError::BrokenChain`] names the first event that does not fit.
    pub async fn verify_events(&self) -> Result<(i64, String), StoreError> {
        const STRIDE: i64 = 1_000;
        let (mut seq, mut prev) = (0, START.to_owned());
        loop {
            let rows = sqlx::query("SELECT * FROM fax_events WHERE seq > $1 ORDER BY seq LIMIT $2")
                .bind(seq)
                .bind(STRIDE)
                .fetch_all(self.readers())
                .await?;
            if rows.is_empty() {
                return Ok((seq, prev));
            }
            for row in rows {
                let found: i64 = row.try_get("seq")?;
                let (at, kind): (Millis, String) = (row.try_get("at")?, row.try_get("kind")?);
                let fax: Option<String> = row.try_get("fax_id")?;
                let detail: String = row.try_get("detail_json")?;
                let hash: String = row.try_get("hash")?;
                let fits = found == seq + 1
                    && row.try_get::<String, _>("prev_hash")? == prev
                    && hash == link(&prev, found, fax.as_deref(), at, &kind, &detail);
                if !fits {
                    return Err(StoreError::BrokenChain { seq: found });
                }
                (seq, prev) = (found, hash);
            }
        }
    }
}
