//! The sending side: sequence numbers, earlier IFPs or their parity, within what the peer can take.

use super::packet::open_type_size;
use super::{MOST_ENTRIES, MOST_OPEN_TYPE, MOST_SPAN, Packet, Recovery, fec};
use std::collections::VecDeque;

/// Earlier IFPs that the sender keeps.
const KEPT: usize = 64;
/// Bytes of sequence number, choice and count; FEC takes two more for its span.
const FRAME: usize = 4;

/// How loss is made good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Correction {
    /// Nothing is sent along.
    None,
    /// Each IFP rides along in the packets after it, as often as its category asks.
    #[default]
    Redundancy,
    /// Parity over earlier IFPs.
    Fec {
        /// IFPs that each entry covers.
        span: usize,
        /// Entries in each packet.
        entries: usize,
    },
}

impl Correction {
    /// The FEC that Asterisk and spandsp send too: three entries over three IFPs each, so a burst of three is made good.
    pub const FEC: Self = Self::Fec { span: 3, entries: 3 };
}

/// Makes datagrams of IFPs.
#[derive(Debug, Clone)]
pub struct Sender {
    correction: Correction,
    max_datagram: usize,
    next: u16,
    sent: u64,
    /// The newest at the front, with the copies that it asked for.
    earlier: VecDeque<(Vec<u8>, usize)>,
}

impl Sender {
    /// A sender whose datagrams stay within the peer's T38FaxMaxDatagram where the IFP itself does.
    #[must_use]
    pub fn new(correction: Correction, max_datagram: usize) -> Self {
        let correction = match correction {
            Correction::Fec { span, entries } => {
                let span = span.clamp(1, MOST_SPAN);
                Correction::Fec { span, entries: entries.clamp(1, (KEPT / span).min(MOST_ENTRIES)) }
            }
            other => other,
        };
        Self { correction, max_datagram, next: 0, sent: 0, earlier: VecDeque::new() }
    }

    /// The datagram for the next IFP. Under redundancy the IFP is repeated in the `copies` packets after this one.
    /// `None` if the IFP is longer than [`MOST_OPEN_TYPE`].
    #[must_use]
    pub fn packet(&mut self, ifp: &[u8], copies: usize) -> Option<Vec<u8>> {
        if ifp.len() > MOST_OPEN_TYPE {
            return None;
        }
        let parities;
        let recovery = match self.correction {
            Correction::None => Recovery::Redundant(Vec::new()),
            Correction::Redundancy => Recovery::Redundant(self.secondaries(ifp.len())),
            Correction::Fec { span, entries } => {
                let fitting;
                (fitting, parities) = self.parities(ifp.len(), span, entries);
                Recovery::Fec { span: fitting, entries: parities.iter().map(Vec::as_slice).collect() }
            }
        };
        let bytes = Packet { seq: self.next, primary: ifp, recovery }.encode();
        self.earlier.push_front((ifp.to_vec(), copies.min(MOST_ENTRIES)));
        self.earlier.truncate(KEPT);
        self.next = self.next.wrapping_add(1);
        self.sent += 1;
        bytes
    }

    /// The earlier IFPs that ride along: up to the oldest that still asks for a copy, as many as fit.
    fn secondaries(&self, primary: usize) -> Vec<&[u8]> {
        let owed = |(distance, (_, copies)): (usize, &(Vec<u8>, usize))| {
            (distance < *copies).then_some(distance + 1)
        };
        let wanted = self.earlier.iter().enumerate().take(MOST_ENTRIES).filter_map(owed).max().unwrap_or(0);
        let mut room = self.max_datagram.saturating_sub(FRAME + open_type_size(primary));
        let mut secondaries = Vec::with_capacity(wanted);
        for (ifp, _) in self.earlier.iter().take(wanted) {
            let Some(left) = room.checked_sub(open_type_size(ifp.len())) else { break };
            room = left;
            secondaries.push(ifp.as_slice());
        }
        secondaries
    }

    /// Span and parities: as asked for, with fewer entries where they do not fit or nothing was sent yet.
    fn parities(&self, primary: usize, span: usize, entries: usize) -> (usize, Vec<Vec<u8>>) {
        let room = self.max_datagram.saturating_sub(FRAME + 2 + open_type_size(primary));
        let sent = usize::try_from(self.sent).unwrap_or(usize::MAX);
        for entries in (1..=entries.min(sent / span)).rev() {
            let parities: Vec<Vec<u8>> = (0..entries).map(|m| self.parity(m, span, entries)).collect();
            if parities.iter().map(|parity| open_type_size(parity.len())).sum::<usize>() <= room {
                return (span, parities);
            }
        }
        (0, Vec::new())
    }

    fn parity(&self, m: usize, span: usize, entries: usize) -> Vec<u8> {
        let mut parity = Vec::new();
        for distance in fec::covered(0, m, span, entries) {
            // The newest earlier IFP is at distance -1 and at the front.
            let place = usize::try_from(-distance - 1).ok();
            if let Some((ifp, _)) = place.and_then(|place| self.earlier.get(place)) {
                fec::fold(&mut parity, ifp);
            }
        }
        parity
    }
}
