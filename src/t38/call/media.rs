//! The two ways of a call's media: IFPs in UDPTL, or frames of 20 ms in RTP.

use core::time::Duration;

use super::Mode;
use crate::t38::rtp::{self, FRAME, Jitter, Stream};
use crate::t38::sdp::{self, Law};
use crate::t38::session::OutIfp;
use crate::t38::udptl::{self, Correction};

/// Delay of the jitter buffer: a fax is half duplex and bears it, and 200 ms cover what trunks show.
pub const JITTER: Duration = Duration::from_millis(200);

/// T.38 as it was agreed upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct T38Terms {
    /// How we make loss good for the peer. What the peer does is read from its packets.
    pub correction: Correction,
    /// The peer's T38FaxMaxDatagram, bytes.
    pub max_datagram: usize,
}

impl Default for T38Terms {
    fn default() -> Self {
        Self { correction: Correction::Redundancy, max_datagram: 400 }
    }
}

impl From<&sdp::ImageTerms> for T38Terms {
    fn from(terms: &sdp::ImageTerms) -> Self {
        Self { correction: terms.correction, max_datagram: terms.max_datagram }
    }
}

/// G.711 as it was agreed upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioTerms {
    /// Companding law.
    pub law: Law,
    /// RTP payload type.
    pub payload: u8,
    /// Random bytes for our RTP stream's source, first timestamp and first sequence number.
    pub seed: [u8; 10],
}

impl AudioTerms {
    /// As agreed in SDP; `seed` is random.
    pub fn new(terms: &sdp::AudioTerms, seed: [u8; 10]) -> Self {
        Self { law: terms.law, payload: terms.payload, seed }
    }
}

pub(super) struct T38 {
    receiver: udptl::Receiver,
    sender: udptl::Sender,
}

pub(super) struct Audio {
    jitter: Jitter,
    stream: Stream,
    /// Of the frames missing, those told of.
    told: u64,
}

impl Audio {
    /// What was heard in the next 20 ms, and how many frames of it had not come.
    pub(super) fn frame(&mut self) -> ([i16; FRAME], u64) {
        let frame = self.jitter.frame();
        let missing = self.jitter.counts().missing;
        (frame, missing - core::mem::replace(&mut self.told, missing))
    }

    /// The datagram of 20 ms that we say.
    pub(super) fn say(&mut self, samples: &[i16; FRAME]) -> Vec<u8> {
        self.stream.packet(samples)
    }
}

pub(super) enum Media {
    T38(Box<T38>),
    Audio(Box<Audio>),
}

impl Media {
    pub(super) fn new(mode: Mode) -> Self {
        match mode {
            Mode::T38(terms) => Self::T38(Box::new(T38 {
                receiver: udptl::Receiver::new(),
                sender: udptl::Sender::new(terms.correction, terms.max_datagram),
            })),
            Mode::Audio(AudioTerms { law, payload, seed }) => Self::Audio(Box::new(Audio {
                jitter: Jitter::new(law, payload, JITTER),
                stream: Stream::new(law, payload, seed),
                told: 0,
            })),
        }
    }

    pub(super) fn change(&mut self, mode: Mode) {
        *self = Self::new(mode);
    }

    /// Whether the datagram was one of this medium. RTP that comes after the switch to T.38 is none.
    pub(super) fn accept(&mut self, now: Duration, datagram: &[u8]) -> bool {
        match self {
            Self::T38(t38) => t38.receiver.accept(now, datagram).is_ok(),
            Self::Audio(audio) => audio.jitter.accept(datagram).is_ok(),
        }
    }

    pub(super) fn next_ifp(&mut self, now: Duration) -> Option<udptl::Ifp> {
        match self {
            Self::T38(t38) => t38.receiver.next(now),
            Self::Audio(_) => None,
        }
    }

    /// The datagram of an IFP, as often as it should go out: the ends of signals are followed by nothing that could carry them
    /// along.
    pub(super) fn datagrams(&mut self, packet: &OutIfp, copies: usize) -> Vec<Vec<u8>> {
        match self {
            Self::T38(t38) => match t38.sender.packet(&packet.bytes, copies) {
                Some(datagram) => vec![datagram; packet.copies],
                None => Vec::new(),
            },
            Self::Audio(_) => Vec::new(),
        }
    }

    pub(super) fn udptl(&self) -> Option<udptl::Counts> {
        match self {
            Self::T38(t38) => Some(t38.receiver.counts()),
            Self::Audio(_) => None,
        }
    }

    pub(super) fn audio(&self) -> Option<rtp::Counts> {
        match self {
            Self::T38(_) => None,
            Self::Audio(audio) => Some(audio.jitter.counts()),
        }
    }
}
