//! Claims due messages, hands them over, records what came of each address.
//!
//! The store's lease is the record that an attempt began. If we die before its outcome is recorded, the
//! outcome is unknown and the message is sent again under the same Message-ID: at least once, never lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::context::millis;
use super::runner::{stumble, wait};
use super::sheets::panicked;
use super::{Context, Policy, doors, parts};
use crate::deliver::doors::needs_a_person;
use crate::deliver::schedule::{self, Next};
use crate::deliver::trouble::is_alarm;
use crate::fax::{Delivery, Fault, Millis, Outcome, Target};
use crate::store::{Batch, Fallback, Recorded, Tally};

/// Claims and delivers one message after another.
pub(super) async fn work(ctx: Arc<Context>, cancel: CancellationToken) -> Result<(), Fault> {
    let mut changes = ctx.store.changes();
    while !cancel.is_cancelled() {
        changes.borrow_and_update();
        let claimed = ctx.store.claim_deliveries(ctx.now(), &ctx.owner, ctx.lease_ms()).await;
        let done = match claimed {
            Ok(Some(batch)) => {
                let span = tracing::info_span!("delivery", id = %batch.fax.id, message_id = batch.message_id);
                hand_over(&ctx, &batch, &cancel).instrument(span).await
            }
            Ok(None) => {
                wait(&ctx, &mut changes, &cancel).await;
                Ok(())
            }
            Err(error) => Err(error.into()),
        };
        if let Err(fault) = done {
            stumble(&ctx, fault, &cancel).await?;
        }
    }
    Ok(())
}

/// One attempt on all addresses of a message, and its record.
async fn hand_over(ctx: &Arc<Context>, batch: &Batch, cancel: &CancellationToken) -> Result<(), Fault> {
    let policy = ctx.policy();
    let Some(outcomes) = under_lease(ctx, &policy, batch, cancel).await? else { return Ok(()) };
    let now = ctx.now();
    let results: Vec<Recorded> = batch
        .deliveries
        .iter()
        .zip(outcomes)
        .map(|(one, outcome)| judged(&policy, batch, one, outcome, now))
        .collect();
    let fallback = Fallback {
        target: policy.mail.fallback.clone(),
        host_name: policy.mail.host_name.to_ascii_lowercase(),
        expires_at: now + millis(policy.mail.expires),
    };
    let tally = ctx.store.record_attempts(batch, &results, &fallback, now).await?;
    report(&results, &tally);
    Ok(())
}

/// Writes the letter and attempts it, renewing the lease. `None`: the batch is not ours any more, or the
/// gateway stops and could not wait.
async fn under_lease(
    ctx: &Arc<Context>,
    policy: &Arc<Policy>,
    batch: &Batch,
    cancel: &CancellationToken,
) -> Result<Option<Vec<Outcome>>, Fault> {
    let mut attempt = JoinSet::new();
    attempt.spawn(attempted(Arc::clone(ctx), Arc::clone(policy), batch.clone()).in_current_span());
    let third = (ctx.settings.lease / 3).max(Duration::from_millis(1));
    let mut renewal = interval_at(Instant::now() + third, third);
    let out_of_time = async {
        cancel.cancelled().await;
        sleep(ctx.settings.grace).await;
    };
    tokio::pin!(out_of_time);
    loop {
        tokio::select! {
            ended = attempt.join_next() => {
                let all = |fault: Fault| vec![Outcome::Deferred(fault); batch.deliveries.len()];
                return Ok(ended.map(|ended| ended.unwrap_or_else(|error| all(panicked(error)))));
            }
            _ = renewal.tick() => {
                // Even if it is not ours any more: the message is on its way, and its outcome is worth
                // recording, if only in the history.
                if let Err(error) = ctx.store.renew_deliveries(batch, ctx.now() + ctx.lease_ms()).await {
                    tracing::warn!(%error, "a lease could not be renewed");
                }
            }
            () = &mut out_of_time => {
                // The lease is left as it is: the next start finds it and says that this was cut short.
                tracing::warn!("a delivery is cut short by the stop; it will be repeated");
                return Ok(None);
            }
        }
    }
}

async fn attempted(ctx: Arc<Context>, policy: Arc<Policy>, batch: Batch) -> Vec<Outcome> {
    if let Some(outcomes) = doors::attempt(&ctx, &policy, &batch).await {
        return outcomes;
    }
    parts::hand_over(&ctx, &policy, &batch).await
}

/// What is recorded for an outcome: when to try again, or that its time is up.
///
/// What our own set-up is to blame for (relay, login, certificate) is not given up while the fallback inbox
/// would have to go by the same relay: a password that expired bounces nothing.
fn judged(policy: &Policy, batch: &Batch, delivery: &Delivery, outcome: Outcome, now: Millis) -> Recorded {
    let back_off = policy.mail.back_off();
    let longest = now + millis(policy.mail.retry_most);
    // One number for the whole batch: addresses that were deferred together share their next message too.
    let number = batch.deliveries.first().map_or(delivery.id, |first| first.id);
    let next = back_off.after(delivery.attempts + 1, now, delivery.expires_at, number);
    let (outcome, next_at) = match (outcome, next) {
        (Outcome::Deferred(fault), Next::At(at)) => (Outcome::Deferred(fault), at),
        (Outcome::Deferred(fault), Next::Expired) => {
            let by_relay = |target: &Target| matches!(target, Target::Mail(_));
            let same_way = by_relay(&delivery.target) && by_relay(&policy.mail.fallback);
            if is_alarm(&fault.code) && same_way {
                (Outcome::Deferred(fault), longest)
            } else {
                (Outcome::Failed(schedule::expired(&fault.operator)), longest)
            }
        }
        (outcome, _) => (outcome, longest),
    };
    Recorded { delivery: delivery.id, outcome, next_at }
}

/// Tells metrics and the log, by codes and numbers alone.
fn report(results: &[Recorded], tally: &Tally) {
    for result in results {
        let (outcome, code) = match &result.outcome {
            Outcome::Delivered(_) => ("delivered", ""),
            Outcome::Deferred(fault) => ("deferred", fault.code.as_str()),
            Outcome::Failed(fault) => ("failed", fault.code.as_str()),
        };
        let labels = [("outcome", outcome.to_owned()), ("code", code.to_owned())];
        metrics::counter!("faxgate_deliveries_total", &labels).increment(1);
        match &result.outcome {
            Outcome::Delivered(_) => tracing::info!(delivery = result.delivery, "delivered"),
            Outcome::Deferred(fault) if is_alarm(&fault.code) || needs_a_person(&fault.code) => {
                metrics::counter!("faxgate_alarms_total", "code" => fault.code.clone()).increment(1);
                tracing::error!(
                    delivery = result.delivery,
                    code,
                    until = result.next_at,
                    "deferred: {}",
                    fault.operator
                );
            }
            Outcome::Deferred(fault) => {
                tracing::warn!(
                    delivery = result.delivery,
                    code,
                    until = result.next_at,
                    "deferred: {}",
                    fault.operator
                );
            }
            Outcome::Failed(fault) => {
                tracing::warn!(delivery = result.delivery, code, "failed: {}", fault.operator);
            }
        }
    }
    if tally.alarms > 0 {
        let alarms = u64::from(tally.alarms);
        metrics::counter!("faxgate_alarms_total", "code" => "deliver.fallback").increment(alarms);
        tracing::error!(
            alarms,
            "the fallback inbox refused a fax; it is kept and tried again: mend the inbox"
        );
    }
    if tally.late > 0 {
        tracing::warn!(late = tally.late, "an outcome came after the delivery was taken over or withdrawn");
    }
}
