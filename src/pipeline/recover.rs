//! The reconciler: looks at everything, takes no hints.
//!
//! A clock that was set back leaves moments that lie further ahead than any wait of ours: what waits for those is due.
//!
//! At start it frees the leases of the dead process (the data folder's lock says that it is dead). From then
//! on nothing needs to be found again: whatever is due, postponed and come due, or under a lease that ran
//! out is what the loops' own claims select, at each look. Once a minute the whole is counted here, for
//! metrics and for a warning that does not depend on any loop being well.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Context;
use super::context::millis;
use super::runner::RETRY_MOST;
use crate::fax::{Fault, Millis};
use crate::store::{FALLBACK_AGAIN_MOST, Freed, StoreError, Waits};

/// Time between two looks at everything.
const PERIOD: Duration = Duration::from_secs(60);
/// No office is shut for longer: a delivery that is held beyond this waits for a clock.
const HELD_MOST: Millis = 62 * 24 * 60 * 60_000;
/// A fax that is open for longer is worth a warning in the log.
const LATE: Millis = 60 * 60_000;

/// Puts right what a dead process left.
pub async fn at_start(ctx: &Context) -> Result<Freed, StoreError> {
    let freed = ctx.store.free_leases(ctx.now()).await?;
    if freed != Freed::default() {
        tracing::warn!(
            faxes = freed.faxes,
            deliveries = freed.deliveries,
            "the last run was cut short; its work is taken up again, its deliveries under their old Message-IDs"
        );
    }
    after_the_clock(ctx).await?;
    Ok(freed)
}

/// Makes due what waits for a moment so far ahead that the clock must have been set back since.
pub(super) async fn after_the_clock(ctx: &Context) -> Result<(), StoreError> {
    let now = ctx.now();
    let policy = ctx.policy();
    let back_off = policy.mail.back_off();
    // Twice the longest wait: no wait that was meant is cut short.
    let longest = millis(back_off.first.max(back_off.most)).saturating_mul(2);
    let waits = Waits {
        work: now + 2 * RETRY_MOST,
        delivery: now.saturating_add(longest),
        fallback: now.saturating_add(longest.max(2 * FALLBACK_AGAIN_MOST)),
        held: now + HELD_MOST,
    };
    for id in ctx.store.cut_waits(waits, &policy.mail.fallback, now).await? {
        tracing::warn!(fax = %id, "it waited for a moment far ahead, as after a clock was set back; it is due now");
    }
    Ok(())
}

/// Looks at everything, at once and then each minute.
pub(super) async fn watch(ctx: Arc<Context>, cancel: CancellationToken) -> Result<(), Fault> {
    loop {
        if let Err(error) = look(&ctx).await {
            super::runner::stumble(&ctx, error.into(), &cancel).await?;
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = cancel.cancelled() => return Ok(()),
        }
    }
}

async fn look(ctx: &Context) -> Result<(), StoreError> {
    after_the_clock(ctx).await?;
    let now = ctx.now();
    for (stage, faxes) in ctx.store.counts().await? {
        metrics::gauge!("faxgate_faxes", "stage" => stage.name()).set(faxes as f64);
    }
    let backlog = ctx.store.backlog(now).await?;
    for (state, number) in [("due", backlog.due), ("leased", backlog.leased), ("later", backlog.later)] {
        metrics::gauge!("faxgate_backlog", "state" => state).set(number as f64);
    }
    let oldest = ctx.store.oldest_open(now).await?.unwrap_or(0);
    metrics::gauge!("faxgate_oldest_open_seconds").set(oldest as f64 / 1000.0);
    if oldest > LATE {
        tracing::warn!(minutes = oldest / 60_000, due = backlog.due, later = backlog.later, "a fax is late");
    }
    Ok(())
}
