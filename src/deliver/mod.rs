//! One state per recipient address, at least once, under one stable Message-ID.
//!
//! [`message`] makes the mail, [`smtp`] and [`maildir`] hand it over, [`schedule`] says when to try again,
//! [`trouble`] says what each failure means. [`Deliverer`] is the door: one message, some targets, one
//! [`Outcome`] for each. It keeps no state: attempts and outcomes are the store's.
//!
//! What the caller must do: repeat a deferred delivery with the *same* message (same Message-ID, same
//! date); give the fallback inbox what failed, and never let the fallback's own delivery end as failed;
//! after `deliver.smtp.too-large`, send the fallback inbox the small letter ([`message::LeftBehind`]).

pub mod address;
pub mod addressbook;
pub mod maildir;
pub mod message;
pub mod schedule;
pub mod smime;
pub mod smtp;
pub mod trouble;

use std::path::PathBuf;
use std::time::Duration;

use crate::fax::{Outcome, Target};

/// How the relay is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Host name; also the name that its certificate must bear.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// User and the file that holds the password.
    pub login: Option<(String, PathBuf)>,
    /// A PEM file of further roots, for a relay with a certificate of the house.
    pub roots: Option<PathBuf>,
}

/// Protection of the connection to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// None: for a relay on this machine.
    None,
}

/// All that delivery needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The relay; `None`: Maildir targets only.
    pub relay: Option<Relay>,
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

/// Hands messages over.
#[derive(Debug, Clone)]
pub struct Deliverer {
    settings: Settings,
    times: smtp::Timeouts,
}

impl Deliverer {
    /// A deliverer with the time limits of RFC 5321.
    pub fn new(settings: Settings) -> Self {
        Self::with_timeouts(settings, smtp::Timeouts::default())
    }

    /// The same with time limits of one's own.
    pub fn with_timeouts(settings: Settings, times: smtp::Timeouts) -> Self {
        Self { settings, times }
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
        match &self.settings.relay {
            Some(relay) if !to.is_empty() => {
                let mail = smtp::Outgoing { from: &self.settings.from, to, bytes: message };
                smtp::send(relay, &self.settings.host_name, &mail, &self.times).await
            }
            _ => Vec::new(),
        }
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
