//! Sends what the desk has written, one mail after another. A forward to the fallback inbox is tried for ever.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::deliver::directory::{Directory, InForce};
use crate::deliver::schedule::Next;
use crate::fax::{Fault, Millis, Outcome, Target};
use crate::ops::clock;
use crate::store::{OwnMail, Store, StoreError};

/// How often the store is looked at when nothing stirs.
const LOOK: Duration = Duration::from_secs(30);

/// At a stop an attempt may take so much longer; cut off, the mail is due again under its Message-ID.
const GRACE: Duration = Duration::from_secs(10);

/// Hands one mail to one target, by the relays in force.
pub type Post = Arc<dyn Fn(Vec<u8>, Target) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

/// Runs until cancelled. Faults of the store are said and the mail stays due.
pub async fn run(store: Store, directory: InForce, post: Post, cancel: CancellationToken) {
    let mut changes = store.changes();
    while !cancel.is_cancelled() {
        changes.borrow_and_update();
        let sent = tokio::select! {
            sent = send_one(&store, &directory, &post) => sent,
            () = async { cancel.cancelled().await; tokio::time::sleep(GRACE).await } => return,
        };
        match sent {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the mails of the gateway cannot be looked at"),
        }
        tokio::select! {
            // Many changes at once are one look.
            _ = changes.changed() => tokio::time::sleep(Duration::from_millis(100)).await,
            () = tokio::time::sleep(LOOK) => {}
            () = cancel.cancelled() => {}
        }
    }
}

/// Sends the mail that is due, if one is. True if one was.
async fn send_one(store: &Store, directory: &InForce, post: &Post) -> Result<bool, StoreError> {
    let Some(mail) = store.own_mail_due(clock::now()).await? else { return Ok(false) };
    let directory = directory();
    match post(mail.message.clone(), mail.target.clone()).await {
        Outcome::Delivered(words) => store.record_own_mail(mail.id, true, None, &words).await?,
        Outcome::Deferred(fault) => again(store, &directory, &mail, &fault, false).await?,
        Outcome::Failed(fault) => again(store, &directory, &mail, &fault, true).await?,
    }
    Ok(true)
}

async fn again(
    store: &Store,
    directory: &Directory,
    mail: &OwnMail,
    fault: &Fault,
    refused: bool,
) -> Result<(), StoreError> {
    let now = clock::now();
    let longest = now + Millis::try_from(directory.mail.retry_most.as_millis()).unwrap_or(3_600_000);
    let next = match (mail.expires_at, refused) {
        (Some(_), true) => None,
        (Some(expires), false) => {
            match directory.mail.back_off().after(mail.attempts + 1, now, expires, mail.id) {
                Next::At(at) => Some(at),
                Next::Expired => None,
            }
        }
        (None, true) => Some(longest),
        (None, false) => {
            match directory.mail.back_off().after(mail.attempts + 1, now, Millis::MAX, mail.id) {
                Next::At(at) => Some(at),
                Next::Expired => Some(longest),
            }
        }
    };
    tracing::warn!(
        kind = mail.kind,
        code = fault.code,
        until = next,
        "a mail of the gateway is not taken: {}",
        fault.operator
    );
    store.record_own_mail(mail.id, false, next, &fault.to_string()).await
}
