//! Work on a fax: claim it for a time, change it by compare-and-set on its stage and lease.
//!
//! A worker whose lease ran out may still finish, as long as nobody else took the fax. If someone did, the
//! late worker's changes find no row and answer `false`; it drops what it has.

use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::deliveries::{NewDelivery, close_if_done, insert};
use super::events::{self, kind};
use super::rows::{self, Fax, Routing, to_json};
use super::{Store, StoreError, junk};
use crate::fax::{Document, Fault, Millis, Step};

/// A fax that is ours to work on, until the lease runs out and someone else takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The fax as it stands; kept up to date by [`Store::advance`].
    pub fax: Fax,
    /// Names this claim and no other.
    pub token: String,
    /// When the first was of those claims that brought nothing, this one included.
    pub first_at: Millis,
}

/// A fax with so many claims that brought nothing may be what kills the gateway. It is worked on when no other is, so
/// that it takes none with it and holds none up.
pub const SUSPECT: u32 = 3;

/// A step forward, with what it made.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Every page's text is saved (see [`Store::save_page`]).
    Transcribed {
        /// Pages.
        pages: u32,
    },
    /// The document is in the blob store.
    Composed(Document),
    /// Decided: a delivery for each address.
    Routed {
        /// Name of the rule that matched.
        rule: String,
        /// The decision whole, as JSON.
        decision: Value,
        /// At least one.
        deliveries: Vec<NewDelivery>,
    },
    /// A rule called it junk: set aside, nobody is mailed about it alone.
    Junked {
        /// Name of the rule.
        rule: String,
        /// The decision whole, as JSON.
        decision: Value,
        /// Why, under the code [`JUNK`](super::JUNK).
        fault: Fault,
        /// The first words of its first page, one line.
        words: String,
    },
}

/// What a change makes beside the fax, in its transaction.
#[derive(Debug, Clone, Copy, Default)]
struct Made<'a> {
    deliveries: &'a [NewDelivery],
    /// Rule and first words of a fax that is set aside as junk.
    junk: Option<&'a (String, String)>,
}

/// Leases that dead processes had left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freed {
    /// Faxes.
    pub faxes: u64,
    /// Deliveries: their outcome is unknown, they are repeated under the same Message-ID.
    pub deliveries: u64,
}

impl Store {
    /// Claims the oldest fax that is due for work, until `now + lease_ms`. One that is suspect ([`SUSPECT`]) comes after all
    /// others, and while none is in hand.
    pub async fn claim(
        &self,
        now: Millis,
        owner: &str,
        lease_ms: Millis,
    ) -> Result<Option<Claim>, StoreError> {
        let token = super::token();
        let mut tx = self.write().await?;
        let row: Option<SqliteRow> = sqlx::query(
            "UPDATE faxes SET lease = $1, lease_owner = $2, lease_until = $3, claims = claims + 1,
                    first_claim_at = CASE WHEN claims > 0 AND first_claim_at <= $4 THEN first_claim_at ELSE $4 END
             WHERE id = (SELECT id FROM faxes
                         WHERE stage IN ('received', 'transcribed', 'composed')
                           AND next_at <= $4 AND (lease IS NULL OR lease_until <= $4)
                           AND (claims < $5 OR NOT EXISTS (
                               SELECT 1 FROM faxes AS other
                               WHERE other.stage IN ('received', 'transcribed', 'composed')
                                 AND other.lease IS NOT NULL AND other.lease_until > $4))
                         ORDER BY MAX(claims, $5 - 1), admitted_at, id LIMIT 1)
             RETURNING *",
        )
        .bind(&token)
        .bind(owner)
        .bind(now + lease_ms)
        .bind(now)
        .bind(SUSPECT)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (fax, first_at) = (rows::fax(&row)?, row.try_get("first_claim_at")?);
        tx.commit().await?;
        Ok(Some(Claim { fax, token, first_at }))
    }

    /// Prolongs a claim to `until`. False: it is no longer ours.
    pub async fn renew(&self, claim: &Claim, until: Millis) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query("UPDATE faxes SET lease_until = $1 WHERE id = $2 AND lease = $3")
            .bind(until)
            .bind(claim.fax.id.as_str())
            .bind(&claim.token)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        tx.commit().await?;
        Ok(done == 1)
    }

    /// Takes the fax one stage on. The claim stays ours for the next stage, except after `Routed`, where
    /// the deliveries take over. False: the fax was taken over or changed meanwhile, and nothing was done.
    pub async fn advance(&self, claim: &mut Claim, change: Change, now: Millis) -> Result<bool, StoreError> {
        let (step, kind, detail) = match &change {
            Change::Transcribed { pages } => (Step::Transcribe, kind::TRANSCRIBED, json!({ "pages": pages })),
            Change::Composed(document) => (Step::Compose, kind::COMPOSED, json!(document)),
            Change::Routed { deliveries, .. } if deliveries.is_empty() => {
                return Err(StoreError::NoDelivery);
            }
            Change::Routed { rule, decision, .. } => {
                (Step::Route, kind::ROUTED, json!({ "rule": rule, "decision": decision }))
            }
            Change::Junked { rule, decision, .. } => {
                (Step::Quarantine, kind::JUNKED, json!({ "rule": rule, "decision": decision }))
            }
        };
        let stage = claim.fax.stage.after(step)?;
        let mut next = claim.fax.clone();
        (next.stage, next.since, next.next_at) = (stage, now, now);
        (next.attempts, next.claims, next.fault) = (0, 0, None);
        let mut new = Vec::new();
        let mut aside = None;
        match change {
            Change::Transcribed { .. } => {}
            Change::Composed(document) => next.document = Some(document),
            Change::Routed { rule, decision, deliveries } => {
                next.routing = Some(Routing { rule, decision });
                new = deliveries;
            }
            Change::Junked { rule, decision, fault, words } => {
                next.fault = Some(fault);
                aside = Some((rule.clone(), words));
                next.routing = Some(Routing { rule, decision });
            }
        }
        let (new, aside) = (new.as_slice(), aside.as_ref());
        self.replace(claim, next, Made { deliveries: new, junk: aside }, kind, &detail, now).await
    }

    /// Puts the fax off until `until` because of a fault. The claim ends. False as for `advance`.
    pub async fn postpone(
        &self,
        claim: &mut Claim,
        fault: &Fault,
        until: Millis,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut next = claim.fax.clone();
        next.attempts += 1;
        // The failure is on record: it does not count as a claim that brought nothing too.
        next.claims = 0;
        next.next_at = until;
        next.fault = Some(fault.clone());
        let detail = json!({ "fault": fault, "until": until, "attempts": next.attempts });
        self.replace(claim, next, Made::default(), kind::POSTPONED, &detail, now).await
    }

    /// Sets the fax aside with its reason; `notices` tell the fallback inbox. The claim ends. False as
    /// for `advance`.
    pub async fn quarantine(
        &self,
        claim: &mut Claim,
        fault: &Fault,
        notices: &[NewDelivery],
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut next = claim.fax.clone();
        next.stage = next.stage.after(Step::Quarantine)?;
        (next.since, next.claims) = (now, 0);
        next.fault = Some(fault.clone());
        let made = Made { deliveries: notices, junk: None };
        self.replace(claim, next, made, kind::QUARANTINED, &json!({ "fault": fault }), now).await
    }

    /// Gives a claim back unharmed: the gateway is stopping. Counts as no claim at all.
    pub async fn release(&self, claim: &Claim) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE faxes SET lease = NULL, lease_owner = NULL, lease_until = NULL,
                              claims = CASE WHEN claims > 0 THEN claims - 1 ELSE 0 END
             WHERE id = $1 AND lease = $2",
        )
        .bind(claim.fax.id.as_str())
        .bind(&claim.token)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        self.commit(tx).await?;
        Ok(done == 1)
    }

    /// Frees every lease. Only for a gateway that starts: it holds the data folder's lock, so that whoever
    /// held a lease is dead. What those deliveries came to is unknown, and the history says so.
    pub async fn free_leases(&self, now: Millis) -> Result<Freed, StoreError> {
        let mut tx = self.write().await?;
        let cut_short = sqlx::query("SELECT * FROM deliveries WHERE lease IS NOT NULL AND state = 'due'")
            .fetch_all(&mut *tx)
            .await?;
        for row in &cut_short {
            let delivery = rows::delivery(row)?;
            let detail = json!({ "delivery": delivery.id, "message_id": delivery.message_id });
            events::record(&mut tx, Some(&delivery.fax), now, kind::INTERRUPTED, &detail).await?;
        }
        sqlx::query("UPDATE deliveries SET lease = NULL, lease_owner = NULL, lease_until = NULL WHERE lease IS NOT NULL")
            .execute(&mut *tx)
            .await?;
        let faxes = sqlx::query(
            "UPDATE faxes SET lease = NULL, lease_owner = NULL, lease_until = NULL WHERE lease IS NOT NULL",
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        self.commit(tx).await?;
        Ok(Freed { faxes, deliveries: cut_short.len() as u64 })
    }

    /// Writes `next` over the claimed fax if stage, round and lease are still those of the claim.
    async fn replace(
        &self,
        claim: &mut Claim,
        next: Fax,
        made: Made<'_>,
        kind: &str,
        detail: &Value,
        now: Millis,
    ) -> Result<bool, StoreError> {
        // A fax that only moved on to more work stays ours; one that waits or is done with is let go.
        let keep = next.stage != claim.fax.stage && next.stage.is_work();
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE faxes SET stage = $1, since = $2, attempts = $3, claims = $4, next_at = $5,
                 document_json = $6, rule = $7, decision_json = $8, fault_json = $9,
                 lease = CASE WHEN $10 THEN lease END, lease_owner = CASE WHEN $10 THEN lease_owner END,
                 lease_until = CASE WHEN $10 THEN lease_until END
             WHERE id = $11 AND stage = $12 AND lease = $13 AND round = $14",
        )
        .bind(next.stage.name())
        .bind(next.since)
        .bind(next.attempts)
        .bind(next.claims)
        .bind(next.next_at)
        .bind(next.document.as_ref().map(to_json_of))
        .bind(next.routing.as_ref().map(|routing| routing.rule.clone()))
        .bind(next.routing.as_ref().map(|routing| to_json(&routing.decision)))
        .bind(next.fault.as_ref().map(to_json_of))
        .bind(keep)
        .bind(claim.fax.id.as_str())
        .bind(claim.fax.stage.name())
        .bind(&claim.token)
        .bind(claim.fax.round)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if done == 0 {
            return Ok(false);
        }
        events::record(&mut tx, Some(&next.id), now, kind, detail).await?;
        for delivery in made.deliveries {
            insert(&mut tx, &next.id, delivery, now).await?;
        }
        if let Some((rule, words)) = made.junk {
            junk::note(&mut tx, &next.id, rule, words, now).await?;
        }
        let dropped =
            made.deliveries.iter().filter(|one| one.because.as_deref() == Some(super::DUPLICATE)).count();
        if dropped > 0 {
            events::record(&mut tx, Some(&next.id), now, kind::DROPPED, &json!({ "deliveries": dropped }))
                .await?;
        }
        // Nothing may be left to do: all of it was dropped.
        let closed = dropped > 0 && close_if_done(&mut tx, &next.id, now).await?;
        self.commit(tx).await?;
        if next.stage != claim.fax.stage {
            super::entered(next.stage);
        }
        claim.fax = next;
        if closed {
            claim.fax.stage = claim.fax.stage.after(Step::Close)?;
            super::entered(claim.fax.stage);
        }
        Ok(true)
    }
}

fn to_json_of<T: serde::Serialize>(value: &T) -> String {
    to_json(value)
}
