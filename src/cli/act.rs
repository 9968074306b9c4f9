//! `retry`, `replay`, `discard`: what a person may do to a fax, beside a running gateway or without one.

use std::path::Path;

use super::{End, with_store};
use crate::fax::FaxId;
use crate::ops::clock;
use crate::store::Access;

/// Makes everything about a fax due now.
pub fn retry(config: &Path, id: &FaxId) -> End {
    with_store(config, Access::Operator, async |store, _| {
        let waits = store.retry(id, &who(), clock::now()).await?;
        match waits {
            0 => println!("{id}: nothing of it was waiting"),
            1 => println!("{id}: one wait ended; the gateway takes it up within a minute"),
            more => println!("{id}: {more} waits ended; the gateway takes it up within a minute"),
        }
        Ok(End::Done)
    })
}

/// Sends a fax through once more from its original.
pub fn replay(config: &Path, id: &FaxId) -> End {
    with_store(config, Access::Operator, async |store, _| {
        store.replay(id, &who(), clock::now()).await?;
        println!("{id}: goes through once more from its original; the gateway takes it up within a minute");
        Ok(End::Done)
    })
}

/// Throws a fax away by a person's decision.
pub fn discard(config: &Path, id: &FaxId, by: Option<String>, reason: &str) -> End {
    let by = by.unwrap_or_else(who);
    with_store(config, Access::Operator, async |store, _| {
        store.discard(id, &by, reason, clock::now()).await?;
        println!("{id}: discarded by {by}; its original and history are kept");
        Ok(End::Done)
    })
}

/// The person at the terminal, for the history.
pub(super) fn who() -> String {
    std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "unknown".to_owned())
}
