//! What no single fax asks for: looking at lines, queue and relays; the daily digest of junk; and the [`post`] of the
//! gateway's own mails. Runs beside the pipeline of a gateway that stays up; a drain sends what is due and does without
//! the rest.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::context::millis;
use super::sheets::panicked;
use super::{Context, alarms, digest, post};
use crate::fax::{Fault, Millis};
use crate::store::StoreError;

/// How often the post is looked at.
const POST: Duration = Duration::from_secs(5);
/// After a failure of the store.
const STUMBLE: Duration = Duration::from_secs(30);
/// At a stop an attempt may take so much longer; cut off, the mail is due again under its Message-ID.
const GRACE: Duration = Duration::from_secs(10);

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
            () = async { cancel.cancelled().await; tokio::time::sleep(GRACE).await } => return,
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
    post::send_due(ctx).await
}

/// Looks at everything once, and sends what is to be told. For tests and for whoever wants it now.
pub async fn once(ctx: &Context) -> Result<(), Fault> {
    Ok(round(ctx, &mut None).await?)
}
