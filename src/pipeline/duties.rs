//! What no single fax asks for: looking at lines, queue and relays; the daily digest of junk; and the mails that tell
//! of both. Runs beside the pipeline of a gateway that stays up; a drain does without.
//!
//! The gateway's own mails lie in the store until somebody has taken them, so that a stop or a relay that refuses loses
//! none. They are tried without end, each under its one Message-ID.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::context::millis;
use super::sheets::panicked;
use super::{Context, Policy, alarms, digest};
use crate::deliver::bulletin::{self, Bulletin};
use crate::fax::{Fault, Millis, Outcome, Target};
use crate::store::{NewBulletin, StoreError};

/// How often the post is looked at.
const POST: Duration = Duration::from_secs(5);
/// After a failure of the store.
const STUMBLE: Duration = Duration::from_secs(30);

/// Runs until `cancel`. Never fails: what cannot be done now is said in the log and done later.
///
/// The first look waits for its time: what came while the gateway was down lies in the spools still, and a line would
/// seem silent.
pub async fn run(ctx: Arc<Context>, cancel: CancellationToken) {
    let mut looked = Some(ctx.now());
    while !cancel.is_cancelled() {
        // A task of its own, so that a panic ends the round and not the watch.
        let mut task = JoinSet::new();
        let at_work = Arc::clone(&ctx);
        task.spawn(async move {
            let mut looked = looked;
            let done = round(&at_work, &mut looked).await;
            (looked, done)
        });
        let ended = tokio::select! {
            ended = task.join_next() => ended,
            // What was under way is due again, under its old Message-ID.
            () = cancel.cancelled() => return,
        };
        let wait = match ended {
            Some(Ok((at, done))) => {
                looked = at;
                done.map_or_else(|error| stumbled(&error.fault()), |()| POST)
            }
            Some(Err(panic)) => stumbled(&panicked(panic)),
            None => POST,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cancel.cancelled() => return,
        }
    }
}

fn stumbled(fault: &Fault) -> Duration {
    tracing::error!(code = fault.code, detail = fault.detail, "{}", fault.operator);
    metrics::counter!("faxgate_faults_total", "code" => fault.code.clone()).increment(1);
    STUMBLE
}

/// One round: a look at everything if it is time, the digest if it is time, and the post.
async fn round(ctx: &Context, looked: &mut Option<Millis>) -> Result<(), StoreError> {
    let policy = ctx.policy();
    let now = ctx.now();
    let every = millis(policy.alarms.every);
    // A clock that was set back must not keep us from looking.
    if looked.is_none_or(|at| now - at >= every || at > now) {
        alarms::look(ctx, &policy, now).await?;
        *looked = Some(now);
    }
    digest::post_if_due(ctx, &policy, now).await?;
    post(ctx, &policy).await
}

/// Looks at everything once, and sends what is to be told. For tests and for whoever wants it now.
pub async fn once(ctx: &Context) -> Result<(), Fault> {
    Ok(round(ctx, &mut None).await?)
}

/// Hands over every bulletin that is due.
async fn post(ctx: &Context, policy: &Policy) -> Result<(), StoreError> {
    // Each is tried once in a round at most: what is not taken is due later.
    while let Some(due) = ctx.store.due_bulletin(ctx.now()).await? {
        let outcomes = policy.courier.attempt(&due.mail, std::slice::from_ref(&due.target)).await;
        let now = ctx.now();
        match outcomes.into_iter().next() {
            Some(Outcome::Delivered(words)) => {
                tracing::info!(bulletin = due.name, "told");
                ctx.store.bulletin_sent(due.id, &words, now).await?;
            }
            Some(Outcome::Deferred(fault) | Outcome::Failed(fault)) => {
                let next_at = now + wait(policy, due.attempts);
                tracing::error!(
                    bulletin = due.name,
                    code = fault.code,
                    until = next_at,
                    "not told: {}",
                    fault.operator
                );
                ctx.store.bulletin_waits(due.id, &fault.to_string(), next_at).await?;
            }
            None => ctx.store.bulletin_waits(due.id, "no outcome", now + wait(policy, due.attempts)).await?,
        }
    }
    Ok(())
}

/// The wait after so many attempts and one more: doubles from the first to the longest.
fn wait(policy: &Policy, attempts: u32) -> Millis {
    let first = millis(policy.mail.retry_first).max(1);
    first.saturating_mul(1 << attempts.min(20)).min(millis(policy.mail.retry_most).max(first))
}

/// Writes a bulletin to each of `to`, or to the fallback inbox where nobody is named. `words`: by the language of the
/// one who gets it.
pub(super) fn written(
    policy: &Policy,
    name: &str,
    to: &[Target],
    now: Millis,
    words: impl Fn(crate::fax::Language) -> Bulletin,
) -> Vec<NewBulletin> {
    let fallback = std::slice::from_ref(&policy.mail.fallback);
    let to = if to.is_empty() { fallback } else { to };
    let one = |(number, target): (usize, &Target)| {
        let host = policy.mail.host_name.to_ascii_lowercase();
        let message_id = format!("{name}.{}@{host}", number + 1);
        let bulletin = words(policy.language_of(target));
        let mail = bulletin::write(&bulletin, &policy.mail, target, &message_id, now);
        NewBulletin { name: name.to_owned(), target: target.clone(), message_id, mail }
    };
    to.iter().enumerate().map(one).collect()
}
