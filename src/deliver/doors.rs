//! Doors besides mail: webhooks and print queues, by their names.
//!
//! A door is called with what is made for it (JSON or PDF), and answers with an [`Outcome`] like an inbox does. Three
//! kinds of trouble, as with mail: *never for this fax*, *not now*, and *not now, and a person must look*
//! ([`needs_a_person`]).

use super::http;
use super::ipp::{self, Printer};
use super::trouble::WORDS_MOST;
use super::webhook::{self, Webhook};
use crate::fax::{Disposition, Fault, Millis, Outcome, one_line};

/// Set up wrongly: the address, the login, the certificate.
const SET_UP: &str = "deliver.door.set-up";
/// Not now.
const NOT_NOW: &str = "deliver.door.later";
/// Not this fax.
const REFUSED: &str = "deliver.door.refused";
/// No door of that name is configured (any more).
const UNKNOWN: &str = "deliver.door.unknown";

/// All doors of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doors {
    /// Webhooks.
    pub webhooks: Vec<Webhook>,
    /// Print queues.
    pub printers: Vec<Printer>,
}

/// True if no retry will cure it without a person.
pub fn needs_a_person(code: &str) -> bool {
    code == SET_UP || code == UNKNOWN
}

/// Checks a webhook's address. True: the facts would cross a network in the clear. The error is for an admin.
pub fn check_webhook(url: &str) -> Result<bool, String> {
    http::check(url, &[("https", true), ("http", false)])
}

/// Checks a print queue's address. True: the fax would cross a network in the clear. The error is for an admin.
pub fn check_printer(uri: &str) -> Result<bool, String> {
    http::check(uri, &[("ipp", false), ("ipps", true), ("http", false), ("https", true)])
}

impl Doors {
    /// The webhook of that name.
    pub fn webhook(&self, name: &str) -> Option<&Webhook> {
        self.webhooks.iter().find(|hook| hook.name == name)
    }

    /// The print queue of that name.
    pub fn printer(&self, name: &str) -> Option<&Printer> {
        self.printers.iter().find(|printer| printer.name == name)
    }

    /// One attempt to tell a webhook. `id` is the Message-ID.
    pub async fn call(&self, name: &str, id: &str, body: Vec<u8>, now: Millis) -> Outcome {
        let Some(hook) = self.webhook(name).cloned() else { return unknown("webhook", name) };
        let id = id.to_owned();
        apart(move || webhook::call(&hook, &id, &body, now)).await
    }

    /// One attempt to print. `id` is the Message-ID.
    pub async fn print(&self, name: &str, id: &str, pdf: Vec<u8>) -> Outcome {
        let Some(printer) = self.printer(name).cloned() else { return unknown("print queue", name) };
        let id = id.to_owned();
        apart(move || ipp::print(&printer, &id, pdf)).await
    }
}

/// Off the async threads: it waits for the network.
async fn apart(attempt: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    tokio::task::spawn_blocking(attempt)
        .await
        .unwrap_or_else(|error| Trouble::NotNow(error.to_string()).outcome("door"))
}

fn unknown(what: &str, name: &str) -> Outcome {
    let sentence =
        format!("There is no {what} \"{name}\" any more. Configure it again, or correct rules.toml.");
    Outcome::Deferred(Fault::new(UNKNOWN, Disposition::Retry, sentence))
}

/// Why a door did not take something. The words are the other side's or the system's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Our set-up: every fax meets it, and a person must look.
    SetUp(String),
    /// It may work later.
    NotNow(String),
    /// This fax will never be taken.
    Refused(String),
}

impl Trouble {
    /// How the attempt ended at `door`, such as `webhook "crm"`.
    pub(super) fn outcome(&self, door: &str) -> Outcome {
        let (code, said, advice) = match self {
            Self::SetUp(said) => {
                (SET_UP, said, "Check its address, its login and its certificate; faxes wait")
            }
            Self::NotNow(said) => (NOT_NOW, said, "It will be tried again"),
            Self::Refused(said) => {
                (REFUSED, said, "The fallback inbox gets the fax; ask the owner of the door")
            }
        };
        let words = one_line(&format!("The {door} did not take it: {said}. {advice}."), 2 * WORDS_MOST);
        match self {
            Self::Refused(_) => Outcome::Failed(Fault::new(code, Disposition::Refuse, words)),
            _ => Outcome::Deferred(Fault::new(code, Disposition::Retry, words)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_of_this_fax_is_final() {
        assert!(matches!(Trouble::Refused("410 gone".into()).outcome("webhook \"crm\""), Outcome::Failed(_)));
        for trouble in [Trouble::SetUp("404".into()), Trouble::NotNow("503".into())] {
            let Outcome::Deferred(fault) = trouble.outcome("webhook \"crm\"") else { panic!("{trouble:?}") };
            assert_eq!(needs_a_person(&fault.code), matches!(trouble, Trouble::SetUp(_)));
        }
    }

    #[tokio::test]
    async fn a_door_that_is_gone_loses_nothing() {
        let outcome = Doors::default().call("crm", "id@x", vec![], 0).await;
        assert!(matches!(outcome, Outcome::Deferred(fault) if needs_a_person(&fault.code)));
    }
}
