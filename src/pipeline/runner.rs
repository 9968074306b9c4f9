//! Claims due faxes, runs the next step of each under a lease, records what came of it.
//!
//! Of errors the runner knows the disposition and nothing else. A fax whose step panics again and again, or
//! whose work again and again ends without any result (it kills the gateway), is set aside.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::addresses::notices;
use super::sheets::panicked;
use super::{Context, delivering, recover, steps};
use crate::fax::{Disposition, Fault, Millis};
use crate::store::{Change, Claim};

/// Code of a step that panicked.
pub(super) const PANIC: &str = "bug.panic";
/// Code of a fax whose work never came to a result.
const NO_RESULT: &str = "bug.no-result";
/// So many panics, and the fax is set aside.
const PANICS: u32 = 3;
/// So many claims without any result, and the fax is set aside. Generous: a machine that is switched off
/// and on a dozen times is no fault of the fax.
const CLAIMS: u32 = 25;
/// But not before so long after the first of them: a gateway that something else kills every second, on a machine so
/// busy that no page is read within one, soon has that many. A fax that kills it has so long too; it is worked on
/// alone meanwhile.
const CLAIMS_WITHIN: Millis = 30 * 60_000;
/// First wait after a fault; doubles up to [`RETRY_MOST`].
const RETRY_FIRST: Millis = 10_000;
/// Longest wait.
pub(super) const RETRY_MOST: Millis = 15 * 60_000;

/// What a drain left for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Left {
    /// Faxes and deliveries that wait for their time, or that a stop cut short.
    pub later: u64,
    /// When the first is due.
    pub next_at: Option<Millis>,
}

/// Runs until `cancel`: then gives back what is in hand and returns. An error is a fault after which the
/// gateway cannot go on safely.
pub async fn run(ctx: Arc<Context>, cancel: CancellationToken) -> Result<(), Fault> {
    recover::at_start(&ctx).await?;
    let cancel = cancel.child_token();
    let mut loops = JoinSet::new();
    for _ in 0..ctx.settings.faxes.max(1) {
        loops.spawn(work(Arc::clone(&ctx), cancel.clone()));
    }
    for _ in 0..ctx.settings.messages.max(1) {
        loops.spawn(delivering::work(Arc::clone(&ctx), cancel.clone()));
    }
    loops.spawn(recover::watch(Arc::clone(&ctx), cancel.clone()));
    let mut result = Ok(());
    while let Some(ended) = loops.join_next().await {
        // A loop ends when it is told to, or because it must; the others follow.
        cancel.cancel();
        let ended = ended.unwrap_or_else(|error| Err(panicked(error)));
        if let Err(fault) = ended {
            tracing::error!(
                code = fault.code,
                detail = fault.detail,
                "the gateway stops: {}",
                fault.operator
            );
            result = Err(fault);
        }
    }
    result
}

/// Runs until nothing is due, or until `cancel`. What waits for its time is left and counted.
pub async fn drain(ctx: Arc<Context>, cancel: CancellationToken) -> Result<Left, Fault> {
    recover::after_the_clock(&ctx).await?;
    let done = cancel.child_token();
    let running = tokio::spawn(run(Arc::clone(&ctx), done.clone()));
    let mut changes = ctx.store.changes();
    while !done.is_cancelled() && !running.is_finished() {
        changes.borrow_and_update();
        let idle = ctx.store.backlog(ctx.now()).await.is_ok_and(|backlog| backlog.is_idle());
        if idle {
            done.cancel();
        } else {
            // A hint, or a while; never a hot loop.
            let _ = timeout(ctx.settings.poll, changes.changed()).await;
            sleep(Duration::from_millis(10)).await;
        }
    }
    running.await.unwrap_or_else(|error| Err(panicked(error)))?;
    let backlog = ctx.store.backlog(ctx.now()).await?;
    Ok(Left { later: backlog.due + backlog.leased + backlog.later, next_at: backlog.next_at })
}

/// Claims and carries one fax after another.
async fn work(ctx: Arc<Context>, cancel: CancellationToken) -> Result<(), Fault> {
    let mut changes = ctx.store.changes();
    while !cancel.is_cancelled() {
        // Registered before looking, so that nothing slips in between.
        changes.borrow_and_update();
        let now = ctx.now();
        ctx.health.beat(now);
        let claimed = ctx.store.claim(now, &ctx.owner, ctx.lease_ms()).await;
        let carried = match claimed {
            Ok(Some(claim)) => {
                let span = tracing::info_span!("fax", id = %claim.fax.id);
                carry(&ctx, claim, &cancel).instrument(span).await
            }
            Ok(None) => {
                wait(&ctx, &mut changes, &cancel).await;
                Ok(())
            }
            Err(error) => Err(error.into()),
        };
        if let Err(fault) = carried {
            stumble(&ctx, fault, &cancel).await?;
        }
    }
    Ok(())
}

/// Waits for a hint, the next look, or the end.
pub(super) async fn wait(
    ctx: &Context,
    changes: &mut tokio::sync::watch::Receiver<u64>,
    cancel: &CancellationToken,
) {
    tokio::select! {
        _ = changes.changed() => {}
        () = sleep(ctx.settings.poll) => {}
        () = cancel.cancelled() => {}
    }
}

/// After a failure of the store itself: a pause, or the end. Leases keep what was in hand.
pub(super) async fn stumble(ctx: &Context, fault: Fault, cancel: &CancellationToken) -> Result<(), Fault> {
    if fault.disposition == Disposition::Stop {
        return Err(fault);
    }
    tracing::error!(code = fault.code, detail = fault.detail, "{}", fault.operator);
    metrics::counter!("faxgate_faults_total", "code" => fault.code).increment(1);
    tokio::select! {
        () = sleep(ctx.settings.poll) => {}
        () = cancel.cancelled() => {}
    }
    Ok(())
}

/// Takes one fax as far as it goes: stage after stage under the same lease.
async fn carry(ctx: &Arc<Context>, mut claim: Claim, cancel: &CancellationToken) -> Result<(), Fault> {
    if claim.fax.claims > CLAIMS && ctx.now() - claim.first_at >= CLAIMS_WITHIN {
        let sentence =
            "Every attempt to work on this fax ended without a result; it may be what stops the gateway.";
        return set_aside(ctx, &mut claim, &Fault::new(NO_RESULT, Disposition::Quarantine, sentence)).await;
    }
    while claim.fax.stage.is_work() {
        let begun = Instant::now();
        match under_lease(ctx, &claim, cancel).await? {
            None => return Ok(()),
            Some(Ok(change)) => {
                if !ctx.store.advance(&mut claim, change, ctx.now()).await? {
                    tracing::info!("the fax was taken over or changed meanwhile; this result is dropped");
                    return Ok(());
                }
                let ms = begun.elapsed().as_millis();
                tracing::info!(stage = claim.fax.stage.name(), duration_ms = ms, "done");
            }
            Some(Err(fault)) => return record_fault(ctx, &mut claim, fault).await,
        }
    }
    Ok(())
}

/// Runs the next step, renewing the lease. `None`: the fax is not ours any more, or the gateway stops and
/// the fax was given back.
async fn under_lease(
    ctx: &Arc<Context>,
    claim: &Claim,
    cancel: &CancellationToken,
) -> Result<Option<Result<Change, Fault>>, Fault> {
    // A task of its own, so that a panic ends the step and not the loop.
    let mut step = JoinSet::new();
    step.spawn(steps::next(Arc::clone(ctx), claim.clone()).in_current_span());
    let third = (ctx.settings.lease / 3).max(Duration::from_millis(1));
    let mut renewal = interval_at(Instant::now() + third, third);
    loop {
        tokio::select! {
            ended = step.join_next() => {
                return Ok(ended.map(|ended| ended.unwrap_or_else(|error| Err(panicked(error)))));
            }
            _ = renewal.tick() => {
                let now = ctx.now();
                ctx.health.beat(now);
                match ctx.store.renew(claim, now + ctx.lease_ms()).await {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::info!("the fax was taken over or changed meanwhile; its step is dropped");
                        return Ok(None);
                    }
                    // The work goes on: if the lease is lost by this, recording finds out.
                    Err(error) => tracing::warn!(%error, "a lease could not be renewed"),
                }
            }
            () = cancel.cancelled() => {
                step.shutdown().await;
                ctx.store.release(claim).await?;
                return Ok(None);
            }
        }
    }
}

/// What a fault means for the fax.
async fn record_fault(ctx: &Context, claim: &mut Claim, fault: Fault) -> Result<(), Fault> {
    metrics::counter!("faxgate_faults_total", "code" => fault.code.clone()).increment(1);
    let panics = fault.code == PANIC && claim.fax.attempts + 1 >= PANICS;
    match fault.disposition {
        Disposition::Retry if !panics => {
            let now = ctx.now();
            let until = now + back_off(claim.fax.attempts);
            tracing::warn!(code = fault.code, detail = fault.detail, until, "{}", fault.operator);
            ctx.store.postpone(claim, &fault, until, now).await?;
            Ok(())
        }
        Disposition::Retry | Disposition::Quarantine | Disposition::Refuse => {
            set_aside(ctx, claim, &fault).await
        }
        // The lease runs out or is freed at the next start; the fax is not blamed.
        Disposition::Stop => {
            ctx.store.release(claim).await?;
            Err(fault)
        }
    }
}

/// Quarantine, and word of it to the fallback inbox.
async fn set_aside(ctx: &Context, claim: &mut Claim, fault: &Fault) -> Result<(), Fault> {
    tracing::error!(code = fault.code, detail = fault.detail, "set aside: {}", fault.operator);
    let now = ctx.now();
    let notices = notices(&claim.fax, fault, &ctx.policy(), now);
    ctx.store.quarantine(claim, fault, &notices, now).await?;
    Ok(())
}

/// Wait after failure number `attempts` + 1 in this stage.
fn back_off(attempts: u32) -> Millis {
    RETRY_FIRST.saturating_mul(1 << attempts.min(16)).min(RETRY_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        assert_eq!([0, 1, 2, 6, 7, 99].map(back_off), [10_000, 20_000, 40_000, 640_000, 900_000, 900_000]);
    }
}
