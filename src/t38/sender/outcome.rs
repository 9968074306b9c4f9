//! How a call out ended, in a sentence.

use std::time::Duration;

use crate::t38::call::{Report, Why};
use crate::t38::record::Packets;
use crate::t38::sip::End;

/// Why no call could be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The host has no address.
    #[error("{0} cannot be found: {1}")]
    Host(String, String),
    /// No connection.
    #[error("{0}:{1} cannot be connected to")]
    Connect(String, u16),
    /// TLS cannot be spoken.
    #[error("no TLS: {0}")]
    Tls(String),
    /// The target is no SIP URI.
    #[error("{0} cannot be called")]
    Target(String),
    /// The machine gives no socket or thread.
    #[error("no sockets or threads: {0}")]
    Socket(String),
}

/// A call at its end.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Somebody answered.
    pub answered: bool,
    /// T.38 was spoken at the end.
    pub t38: bool,
    /// Pages that the far end answered.
    pub pages: u32,
    /// How signalling ended.
    pub end: Option<End>,
    /// What T.30 says; `None`: it never began.
    pub report: Option<Report>,
    /// What came over the network.
    pub packets: Packets,
    /// From the INVITE to the end.
    pub lasted: Duration,
}

impl Outcome {
    /// The far end confirmed every page.
    pub fn is_sent(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.complete)
    }

    /// What happened, for a person.
    pub fn sentence(&self) -> String {
        let Some(report) = &self.report else {
            return match (&self.end, self.answered) {
                (Some(End::Refused { status, words }), _) => {
                    format!("The call was refused: {status} {words}.{}", advice(*status))
                }
                (Some(End::Timeout | End::Transport), _) => "Nobody answers at that address.".to_owned(),
                (Some(End::HungUp), false) => "It rang, and nobody took the call.".to_owned(),
                (_, true) => "The call was answered, but no kind of fax could be agreed on.".to_owned(),
                (_, false) => "The call came to nothing.".to_owned(),
            };
        };
        let medium = if self.t38 { "T.38" } else { "G.711" };
        let pages = match self.pages {
            1 => "1 page".to_owned(),
            pages => format!("{pages} pages"),
        };
        if report.complete {
            let rate = report.facts.rate.map(|rate| format!(" at {rate} bit/s")).unwrap_or_default();
            let ecm = if report.facts.ecm == Some(true) { " with error correction" } else { "" };
            let seconds = self.lasted.as_secs();
            return format!(
                "Sent: {pages} over {medium}{rate}{ecm} in {seconds} s, all confirmed by the far end."
            );
        }
        let why = match report.why {
            Some(Why::NeverHeard) => {
                format!(
                    "the call was answered, but no {medium} packet ever came: a firewall or a NAT, most likely"
                )
            }
            Some(Why::Silence) => "the far end fell silent".to_owned(),
            Some(Why::NoProgress) => "packets came, but the fax stood still".to_owned(),
            Some(Why::TooLong) => "it took longer than any fax may".to_owned(),
            None => "the far end hung up in the middle of the fax".to_owned(),
            Some(_) => format!("{} (T.30 code {})", report.words, report.code),
        };
        format!("Not sent whole: {why}. {pages} confirmed by the far end.")
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 | 407 => " This machine is not let in: by address, or by login.",
        404 | 484 | 604 => " That number is not known there.",
        415 | 488 | 606 => " T.38 is not spoken there; --audio sends as G.711.",
        486 | 600 => " All lines are busy.",
        503 => " It takes no calls at the moment.",
        _ => "",
    }
}
