//! What parity brings back: the entries kept, and the one missing IFP of each.

use super::super::MOST_PARITIES;
use super::super::fec::{self, covered};
use super::{Past, Receiver};

#[derive(Debug, Clone)]
pub(super) struct Parity {
    seq: i64,
    m: usize,
    span: usize,
    entries: usize,
    bytes: Vec<u8>,
}

/// Which IFPs the first entry of a packet covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// Those farthest from the packet, as Asterisk, spandsp and rtpengine send.
    #[default]
    OldestFirst,
    /// Those nearest to it, as others read the same page.
    NewestFirst,
}

impl Order {
    /// The place in the order of the field's own description of an entry that stands at `m` of `entries`.
    fn place(self, m: usize, entries: usize) -> usize {
        match self {
            Self::OldestFirst => m,
            Self::NewestFirst => entries - 1 - m,
        }
    }
}

enum Known<'a> {
    Bytes(&'a [u8]),
    Missing,
    Gone,
}

impl Receiver {
    /// Keeps the entries of the packet at `place`. Their order is learned from the first packet that tells.
    pub(super) fn keep_parities(&mut self, place: i64, span: usize, entries: &[&[u8]]) {
        self.order = self.order.or_else(|| self.order_of(place, span, entries));
        let order = self.order.unwrap_or_default();
        for (at, bytes) in entries.iter().enumerate() {
            let m = order.place(at, entries.len());
            self.parities.push_back(Parity {
                seq: place,
                m,
                span,
                entries: entries.len(),
                bytes: bytes.to_vec(),
            });
        }
        while self.parities.len() > MOST_PARITIES {
            self.parities.pop_front();
        }
    }

    /// The one order in which every entry is the parity of IFPs that are all known; `None` where none or both are.
    fn order_of(&self, place: i64, span: usize, entries: &[&[u8]]) -> Option<Order> {
        let fits = |order: Order| {
            entries.iter().enumerate().all(|(at, bytes)| {
                let m = order.place(at, entries.len());
                let mut sum = bytes.to_vec();
                let all_known = covered(place, m, span, entries.len()).all(|place| match self.known(place) {
                    Known::Bytes(other) => {
                        fec::fold(&mut sum, other);
                        true
                    }
                    Known::Missing | Known::Gone => false,
                });
                all_known && sum.iter().all(|byte| *byte == 0)
            })
        };
        match (fits(Order::OldestFirst), fits(Order::NewestFirst)) {
            (true, false) => Some(Order::OldestFirst),
            (false, true) => Some(Order::NewestFirst),
            _ => None,
        }
    }

    fn known(&self, place: i64) -> Known<'_> {
        if place < self.floor {
            return Known::Bytes(&[]);
        }
        if place >= self.next {
            return self.held.get(&place).map_or(Known::Missing, |held| Known::Bytes(&held.bytes));
        }
        match usize::try_from(self.next - 1 - place).ok().and_then(|back| self.past.get(back)) {
            Some(Past::Given { bytes, .. }) => Known::Bytes(bytes),
            Some(Past::Lost) => Known::Missing,
            None => Known::Gone,
        }
    }

    /// Brings one IFP back by parity; parities that can help no more are dropped. `false` when none could.
    pub(super) fn bring_one_back(&mut self) -> bool {
        let mut at = 0;
        while let Some(parity) = self.parities.get(at) {
            let places = covered(parity.seq, parity.m, parity.span, parity.entries);
            let missing = places.clone().filter(|place| matches!(self.known(*place), Known::Missing)).take(2);
            let missing: Vec<i64> = missing.collect();
            let hopeless = places.clone().any(|place| matches!(self.known(place), Known::Gone));
            match missing[..] {
                [_, _] if !hopeless => {
                    at += 1;
                    continue;
                }
                [place] if !hopeless && place >= self.next => {
                    if let Some(bytes) = self.restored(parity) {
                        self.parities.remove(at);
                        self.hold(place, &bytes, true);
                        return true;
                    }
                }
                _ => {}
            }
            self.parities.remove(at);
        }
        false
    }

    /// The missing IFP of a parity, cut to its own length; `None` if what comes out is no IFP filled up with zeros.
    fn restored(&self, parity: &Parity) -> Option<Vec<u8>> {
        let mut bytes = parity.bytes.clone();
        for place in covered(parity.seq, parity.m, parity.span, parity.entries) {
            if let Known::Bytes(other) = self.known(place) {
                if other.len() > parity.bytes.len() {
                    return None;
                }
                fec::fold(&mut bytes, other);
            }
        }
        let length = fec::ifp_length(&bytes)?;
        let filling = bytes.split_off(length.min(bytes.len()));
        filling.iter().all(|byte| *byte == 0).then_some(bytes)
    }
}
