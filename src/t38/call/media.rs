//! The two ways of a call's media: IFPs in UDPTL, or frames of 20 ms in RTP.

use core::time::Duration;

use super::Mode;
use crate::t38::session::OutIfp;
use crate::t38::udptl::{self, Correction};

/// T.38 as it was agreed upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct T38Terms {
    /// How we make loss good for the peer. What the peer does is read from its packets.
    pub correction: Correction,
    /// The peer's T38FaxMaxDatagram.
    pub max_datagram: usize,
}

impl Default for T38Terms {
    fn default() -> Self {
        Self { correction: Correction::Redundancy, max_datagram: 400 }
    }
}

pub(super) struct T38 {
    receiver: udptl::Receiver,
    sender: udptl::Sender,
}

pub(super) enum Media {
    T38(Box<T38>),
}

impl Media {
    pub(super) fn new(mode: Mode, _now: Duration) -> Self {
        match mode {
            Mode::T38(terms) => Self::T38(Box::new(T38 {
                receiver: udptl::Receiver::new(),
                sender: udptl::Sender::new(terms.correction, terms.max_datagram),
            })),
        }
    }

    pub(super) fn change(&mut self, mode: Mode, now: Duration) {
        *self = Self::new(mode, now);
    }

    /// Whether the datagram was one of this medium.
    pub(super) fn accept(&mut self, now: Duration, datagram: &[u8]) -> bool {
        match self {
            Self::T38(t38) => t38.receiver.accept(now, datagram).is_ok(),
        }
    }

    pub(super) fn next_ifp(&mut self, now: Duration) -> Option<udptl::Ifp> {
        match self {
            Self::T38(t38) => t38.receiver.next(now),
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
        }
    }

    pub(super) fn udptl(&self) -> Option<udptl::Counts> {
        match self {
            Self::T38(t38) => Some(t38.receiver.counts()),
        }
    }
}
