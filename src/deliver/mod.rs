//! One state per recipient address, at least once, under one stable Message-ID.
//!
//! [`message`] makes the mail, [`smtp`] and [`maildir`] hand it over, [`schedule`] says when to try again,
//! [`trouble`] says what each failure means. [`Deliverer`] is the door: one message, some targets, one
//! [`Outcome`] for each. Attempts and outcomes are the store's; what it keeps (open connections, tokens, how
//! each relay behaved) may be lost at any moment.
//!
//! What the caller must do: repeat a deferred delivery with the *same* message (same Message-ID, same
//! date); give the fallback inbox what failed, and never let the fallback's own delivery end as failed;
//! after `deliver.smtp.too-large`, send the fallback inbox the small letter ([`message::LeftBehind`]).

pub mod address;
pub mod addressbook;
pub mod bulletin;
pub mod directory;
pub mod doors;
mod http;
pub mod ipp;
pub mod links;
pub mod maildir;
pub mod message;
pub mod oauth;
pub mod schedule;
pub mod smime;
pub mod smtp;
pub mod trouble;
pub mod webhook;

use std::path::PathBuf;
use std::time::Duration;

pub use self::smtp::RelayState;
pub use self::smtp::relay::{self, ClientCertificate, Limits, Login, Mechanism, Relay, Secret, Tls};
use crate::fax::{Outcome, Target};

/// All that delivery needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The relays, in the order in which they are asked; none: Maildir targets only.
    pub relays: Vec<Relay>,
    /// Envelope and header sender.
    pub from: String,
    /// Name in greetings and Message-IDs.
    pub host_name: String,
    /// Who gets what no department could be given.
    pub fallback: Target,
    /// Give up after so long.
    pub expires: Duration,
    /// First wait after a deferral; doubles up to `retry_most`.
    pub retry_first: Duration,
    /// Longest wait between attempts.
    pub retry_most: Duration,
    /// Time zone of dates in mails, IANA name.
    pub time_zone: String,
    /// Folder of `<language>.subject.txt`, `.text.txt`, `.html` templates that replace the built-in ones.
    pub templates: Option<PathBuf>,
}

impl Settings {
    /// How waits between attempts grow.
    pub fn back_off(&self) -> schedule::BackOff {
        schedule::BackOff { first: self.retry_first, most: self.retry_most }
    }
}

/// Hands messages over. Clones share connections, tokens and states.
#[derive(Debug, Clone)]
pub struct Deliverer {
    settings: Settings,
    times: smtp::Timeouts,
    relays: smtp::Relays,
}

impl Deliverer {
    /// A deliverer with the time limits of RFC 5321.
    pub fn new(settings: Settings) -> Self {
        Self::with_timeouts(settings, smtp::Timeouts::default())
    }

    /// The same with time limits of one's own.
    pub fn with_timeouts(settings: Settings, times: smtp::Timeouts) -> Self {
        let relays = smtp::Relays::new(&settings.relays);
        Self { settings, times, relays }
    }

    /// One that takes this one's place after a reload: relays that did not change keep their connections,
    /// tokens, limits and states.
    pub fn renewed(&self, settings: Settings) -> Self {
        let relays = smtp::Relays::after(&self.relays, &settings.relays);
        Self { settings, times: self.times, relays }
    }

    /// How each relay has behaved since it was first asked, in order.
    pub fn relay_states(&self) -> Vec<RelayState> {
        self.relays.states()
    }

    /// Says goodbye on every connection that is kept open. More may be opened afterwards.
    pub async fn close(&self) {
        self.relays.close(&self.times).await;
    }

    /// One attempt to hand `message` to every target: one outcome for each, in order. All mail addresses
    /// share one SMTP transaction.
    ///
    /// May take as long as the sum of its time limits: whoever holds a lease must renew it meanwhile.
    pub async fn attempt(&self, message: &[u8], targets: &[Target]) -> Vec<Outcome> {
        let addresses: Vec<String> = targets
            .iter()
            .filter_map(|target| match target {
                Target::Mail(address) => Some(address.clone()),
                Target::Maildir(_) | Target::Webhook(_) | Target::Printer(_) => None,
            })
            .collect();
        let mut mailed = self.mail(message, &addresses).await.into_iter();
        let mut outcomes = Vec::with_capacity(targets.len());
        for target in targets {
            outcomes.push(match target {
                Target::Mail(_) => mailed.next().unwrap_or_else(|| trouble::Trouble::NoRelay.outcome()),
                Target::Maildir(root) => file(root.clone(), message.to_vec()).await,
                Target::Webhook(_) | Target::Printer(_) => trouble::Trouble::NoRelay.outcome(),
            });
        }
        outcomes
    }

    /// Empty where there is nothing to mail or nobody to mail it.
    async fn mail(&self, message: &[u8], to: &[String]) -> Vec<Outcome> {
        if to.is_empty() || self.relays.is_empty() {
            return Vec::new();
        }
        let mail = smtp::Outgoing { from: &self.settings.from, to, bytes: message };
        self.relays.send(&self.settings.host_name, &mail, &self.times).await
    }
}

/// Off the async threads: it waits for the disk.
async fn file(root: PathBuf, message: Vec<u8>) -> Outcome {
    let stored = tokio::task::spawn_blocking(move || {
        let id = message::message_id_of(&message);
        maildir::store(&root, &id, &message, message::date_of(&message))
    });
    stored.await.unwrap_or_else(|error| trouble::Trouble::MaildirIo(error.to_string()).outcome())
}
