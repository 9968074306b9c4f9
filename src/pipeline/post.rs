//! The gateway's own mails, which are no fax: digests and alarms, forwards of what came back, answers to clerks.
//!
//! They lie in the store until somebody has taken them, so that a stop or a relay that refuses loses none; each is tried
//! under its one Message-ID. A digest, an alarm or a forward is tried without end, an answer for as long as it lasts.

use super::context::millis;
use super::{Context, Policy};
use crate::deliver::bulletin::{self, Bulletin};
use crate::deliver::schedule::Next;
use crate::fax::{Disposition, Fault, Language, Millis, Outcome, Target};
use crate::store::{BULLETIN, NewMail, OwnMail, StoreError};

/// Hands over every mail that is due, each once: what is not taken is due later.
pub async fn send_due(ctx: &Context) -> Result<(), StoreError> {
    let policy = ctx.policy();
    while let Some(mail) = ctx.store.own_mail_due(ctx.now()).await? {
        let outcomes = policy.courier.attempt(&mail.message, std::slice::from_ref(&mail.target)).await;
        match outcomes.into_iter().next() {
            Some(Outcome::Delivered(words)) => {
                tracing::info!(kind = mail.kind, id = mail.message_id, "a mail of the gateway is out");
                ctx.store.record_own_mail(mail.id, true, None, &words).await?;
            }
            Some(Outcome::Deferred(fault)) => again(ctx, &policy, &mail, &fault, false).await?,
            Some(Outcome::Failed(fault)) => again(ctx, &policy, &mail, &fault, true).await?,
            None => {
                let fault = Fault::new("bug.no-outcome", Disposition::Retry, "Nothing was attempted.");
                again(ctx, &policy, &mail, &fault, false).await?;
            }
        }
    }
    Ok(())
}

async fn again(
    ctx: &Context,
    policy: &Policy,
    mail: &OwnMail,
    fault: &Fault,
    refused: bool,
) -> Result<(), StoreError> {
    let now = ctx.now();
    let until = mail.expires_at.unwrap_or(Millis::MAX);
    let next = match policy.mail.back_off().after(mail.attempts + 1, now, until, mail.id) {
        Next::At(at) if !refused => Some(at),
        // What lasts for ever is tried for ever, refused or not.
        _ => mail.expires_at.is_none().then(|| now + millis(policy.mail.retry_most)),
    };
    let (kind, id, code) = (&mail.kind, &mail.message_id, &fault.code);
    tracing::error!(kind, id, code, until = next, "a mail of the gateway is not taken: {}", fault.operator);
    ctx.store.record_own_mail(mail.id, false, next, &fault.to_string()).await
}

/// The Message-ID of a bulletin's copy for the first, second, … of those who get it.
pub(super) fn message_id(policy: &Policy, name: &str, number: usize) -> String {
    format!("{name}.{number}@{}", policy.mail.host_name.to_ascii_lowercase())
}

/// Writes a bulletin to each of `to`, or to the fallback inbox where nobody is named. `words`: by the language of the
/// one who gets it.
pub(super) fn written(
    policy: &Policy,
    name: &str,
    to: &[Target],
    now: Millis,
    words: impl Fn(Language) -> Bulletin,
) -> Vec<NewMail> {
    let fallback = std::slice::from_ref(&policy.mail.fallback);
    let to = if to.is_empty() { fallback } else { to };
    let one = |(number, target): (usize, &Target)| {
        let message_id = message_id(policy, name, number + 1);
        let bulletin = words(policy.language_of(target));
        let message = bulletin::write(&bulletin, &policy.mail, target, &message_id, now);
        NewMail { message_id, kind: BULLETIN, target: target.clone(), message, lasts: None, at_once: true }
    };
    to.iter().enumerate().map(one).collect()
}
