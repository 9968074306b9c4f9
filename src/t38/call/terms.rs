//! How a call goes and ends: media, roles, watchdogs, events.

use core::time::Duration;

#[cfg(doc)]
use super::Call;
use super::{AudioTerms, Page, T38Terms};
#[cfg(doc)]
use crate::t38::session::MOST_ROWS;
use crate::t38::session::{self, Sending, Station};

/// When a call is ended that does not end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// No packet at all since the start. 40 s: T.30's T1 of 35 s and a little, as some gateways are silent until their side
    /// speaks.
    pub first_packet: Duration,
    /// No packet before DCS. 40 s: T.30's T1 of 35 s and a little, in which DIS is repeated.
    pub silence_before_dcs: Duration,
    /// No packet after it. 60 s.
    pub silence: Duration,
    /// Packets, but neither a frame nor a row of the page. 120 s.
    pub no_progress: Duration,
    /// Longest call. 3 h: some 500 pages at 9600 bit/s.
    pub longest: Duration,
    /// How long a page may take to be durable. 8 s: a sender waits 3 s for the answer (T.30's T4) and repeats its command up to
    /// twice, and a disk may stall for seconds.
    pub durable_wait: Duration,
    /// Pages of one call.
    pub most_pages: usize,
    /// Packets that each IFP rides along in, under redundancy.
    pub copies: usize,
    /// Audio: T.38 is to be offered after this even if nothing was heard. 1 s.
    pub offer_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_packet: Duration::from_secs(40),
            silence_before_dcs: Duration::from_secs(40),
            silence: Duration::from_secs(60),
            no_progress: Duration::from_secs(120),
            longest: Duration::from_secs(3 * 3600),
            durable_wait: Duration::from_secs(8),
            most_pages: 1000,
            copies: 3,
            offer_after: Duration::from_secs(1),
        }
    }
}

/// How the call's media go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// T.38 over UDPTL.
    T38(T38Terms),
    /// G.711 over RTP, in frames of 20 ms.
    Audio(AudioTerms),
}

/// What we are in the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// We answer and receive.
    Receive(Station),
    /// We call and send.
    Send(Sending),
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// T.30 came to its end, with this completion code.
    PhaseE(i32),
    /// No packet came within [`Settings::first_packet`].
    NeverHeard,
    /// Packets stopped.
    Silence,
    /// Packets came, but the fax did not go on.
    NoProgress,
    /// [`Settings::longest`].
    TooLong,
    /// The page could not be made durable in time, or at all.
    NotDurable,
    /// A page was to be confirmed that is not in the file.
    PageNotKept,
    /// A page of more than [`MOST_ROWS`] rows.
    EndlessPage,
    /// More than [`Settings::most_pages`].
    TooManyPages,
}

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Audio: CNG or V.21 was heard, or it is time anyway: offer T.38 now. Comes once.
    FaxHeard,
    /// The two machines agreed: from now on there is no way back to another medium.
    Negotiated,
    /// A page is in the file; everything stands still until [`Call::confirm`].
    PageReceived(Page),
    /// Sending: a page was answered.
    PageSent(Option<session::Response>),
    /// The call is over: hang up, then [`Call::finish`].
    Ended(Why),
}
