//! The receiving side: IFPs in sequence out of datagrams that are lost, doubled, reordered or hostile.
//!
//! Sequence numbers are followed as `i64`, so that their wrap is met in one place ([`Receiver::place_of`]).

mod recover;

use super::{
    HISTORY, MOST_GAP, MOST_HELD, MOST_RUN, NotUdptl, Packet, REORDER_WAIT, RESTART_RUN, Recovery, WINDOW,
};
use crate::t38::rtp;
use core::time::Duration;
use recover::{Order, Parity};
use std::collections::{BTreeMap, VecDeque};

/// IFPs in sequence that wait to be fetched; 15 s at 30 ms a packet. Beyond it datagrams are refused.
const MOST_READY: usize = 512;
/// Packets before the first one that may still come: the first two may arrive in the wrong order.
const START_SLACK: i64 = 4;
/// A packet outside the window belongs to the run before it if it is at most this far after it.
const RUN_STEP: u16 = 4;

/// An IFP in sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ifp {
    /// Its sequence number.
    pub seq: u16,
    /// The IFP, never empty.
    pub bytes: Vec<u8>,
    /// IFPs lost for good between the one handed out before and this one.
    pub lost_before: u32,
}

/// What became of the datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Datagrams that read as UDPTL.
    pub received: u64,
    /// IFPs lost for good.
    pub lost: u64,
    /// IFPs whose own packet did not come in time, handed out from a copy or from parity.
    pub recovered: u64,
    /// Packets that came again.
    pub duplicate: u64,
    /// Packets that came after they were given up or replaced.
    pub late: u64,
    /// Packets far from the stream that no successor confirmed: stragglers, garbage.
    pub stray: u64,
    /// Datagrams that do not read as UDPTL, or found the queue full.
    pub refused: u64,
    /// RTP and RTCP that came after the switch to T.38.
    pub straggler: u64,
    /// Times that the stream began again at another sequence number.
    pub restarts: u64,
}

#[derive(Debug, Clone)]
struct Held {
    bytes: Vec<u8>,
    copy: bool,
}

#[derive(Debug, Clone)]
enum Past {
    Given { bytes: Vec<u8>, copy: bool },
    Lost,
}

#[derive(Debug, Clone)]
struct Stray {
    seq: u16,
    datagram: Vec<u8>,
    foreign: bool,
}

/// Puts one peer's datagrams into sequence.
#[derive(Debug, Clone, Default)]
pub struct Receiver {
    started: bool,
    /// Nothing was handed out since the stream began: what is missing before it is no loss.
    opening: bool,
    next: i64,
    /// Sequence numbers below were never sent.
    floor: i64,
    held: BTreeMap<i64, Held>,
    gap_since: Option<Duration>,
    /// What stood at `next - 1`, `next - 2`, …
    past: VecDeque<Past>,
    parities: VecDeque<Parity>,
    order: Option<Order>,
    run: VecDeque<Stray>,
    ready: VecDeque<Ifp>,
    lost_pending: u32,
    counts: Counts,
}

impl Receiver {
    /// A receiver that has heard nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What became of the datagrams so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// When a gap is given up if nothing more comes.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.gap_since.map(|since| since + REORDER_WAIT)
    }

    /// Takes a datagram from the peer.
    ///
    /// # Errors
    /// [`NotUdptl`] where it does not read as UDPTL; it is counted and nothing else changes.
    pub fn accept(&mut self, now: Duration, datagram: &[u8]) -> Result<(), NotUdptl> {
        if rtp::looks_like(datagram) {
            self.counts.straggler += 1;
            return Err(NotUdptl::Rtp);
        }
        let packet = match Packet::parse(datagram) {
            Ok(packet) if self.ready.len() < MOST_READY => packet,
            Ok(_) => {
                self.counts.refused += 1;
                return Ok(());
            }
            Err(why) => {
                self.counts.refused += 1;
                return Err(why);
            }
        };
        self.counts.received += 1;
        self.give_up(now);
        if !self.started {
            self.begin(&packet);
        }
        let place = self.place_of(packet.seq);
        if (self.next..self.next + WINDOW as i64).contains(&place) {
            self.run.clear();
            self.take(now, &packet, place);
        } else {
            let foreign = self.outside(&packet, place);
            self.stray(now, packet.seq, datagram, foreign);
        }
        Ok(())
    }

    /// The next IFP in sequence; `None` while it has not come and the wait for it is not over.
    pub fn next(&mut self, now: Duration) -> Option<Ifp> {
        self.give_up(now);
        self.ready.pop_front()
    }

    /// Where a sequence number stands: the nearest to the next one expected.
    fn place_of(&self, seq: u16) -> i64 {
        let ahead = seq.wrapping_sub(self.next as u16).cast_signed();
        self.next + i64::from(ahead)
    }

    fn begin(&mut self, packet: &Packet<'_>) {
        let seq = i64::from(packet.seq);
        let near_zero = seq < WINDOW as i64;
        let (first, floor) = if near_zero { (seq, 0) } else { (seq + 0x1_0000, i64::MIN) };
        self.started = true;
        self.opening = true;
        self.floor = floor;
        self.next = (first - START_SLACK.max(secondaries(packet))).max(floor);
        self.gap_since = None;
        self.held.clear();
        self.past.clear();
        self.parities.clear();
        self.order = None;
    }

    /// A packet within the window, with all that it says of others.
    fn take(&mut self, now: Duration, packet: &Packet<'_>, place: i64) {
        self.hold(place, packet.primary, false);
        match &packet.recovery {
            Recovery::Redundant(entries) => {
                for (place, bytes) in (0..place).rev().zip(entries).filter(|(_, bytes)| !bytes.is_empty()) {
                    self.hold(place, bytes, true);
                }
            }
            Recovery::Fec { span, entries } if *span > 0 && span * entries.len() <= HISTORY => {
                self.keep_parities(place, *span, entries);
            }
            Recovery::Fec { .. } => {}
        }
        while self.bring_one_back() {}
        self.drain(now);
    }

    fn hold(&mut self, place: i64, bytes: &[u8], copy: bool) {
        if !(self.next..self.next + WINDOW as i64).contains(&place) {
            return;
        }
        match self.held.get_mut(&place) {
            Some(held) if held.copy && !copy => *held = Held { bytes: bytes.to_vec(), copy },
            Some(_) => self.counts.duplicate += u64::from(!copy),
            None => {
                self.held.insert(place, Held { bytes: bytes.to_vec(), copy });
            }
        }
    }

    /// Moves what is in sequence to the queue.
    fn drain(&mut self, now: Duration) {
        let before = self.next;
        while let Some(held) = self.held.remove(&self.next) {
            self.hand_out(held);
        }
        if self.held.is_empty() {
            self.gap_since = None;
        } else if self.next != before || self.gap_since.is_none() {
            self.gap_since = Some(now);
        }
    }

    fn hand_out(&mut self, held: Held) {
        self.opening = false;
        self.counts.recovered += u64::from(held.copy);
        if !held.bytes.is_empty() {
            let lost_before = core::mem::take(&mut self.lost_pending);
            self.ready.push_back(Ifp { seq: self.next as u16, bytes: held.bytes.clone(), lost_before });
        }
        self.remember(Past::Given { bytes: held.bytes, copy: held.copy });
        self.next += 1;
    }

    fn remember(&mut self, past: Past) {
        self.past.push_front(past);
        self.past.truncate(HISTORY);
    }

    /// Goes on without what is missing, where it was waited for long enough or too much waits behind it.
    fn give_up(&mut self, now: Duration) {
        while let Some(since) = self.gap_since {
            if now < since + REORDER_WAIT && self.held.len() <= MOST_HELD {
                return;
            }
            self.skip_to_held(now);
        }
    }

    fn skip_to_held(&mut self, now: Duration) {
        if let Some(first) = self.held.keys().next().copied() {
            self.skip(first);
        }
        self.drain(now);
    }

    /// Gives up everything before `place`.
    fn skip(&mut self, place: i64) {
        let gap = place.saturating_sub(self.next).max(0);
        if !self.opening {
            self.counts.lost += gap.unsigned_abs();
            let more = u32::try_from(gap).unwrap_or(u32::MAX);
            self.lost_pending = self.lost_pending.saturating_add(more);
        }
        for _ in 0..gap.min(HISTORY as i64) {
            self.remember(Past::Lost);
        }
        self.next += gap;
    }

    /// A packet outside the window: counts it, and tells whether it is none that was met before.
    fn outside(&mut self, packet: &Packet<'_>, place: i64) -> bool {
        let back = usize::try_from(self.next - 1 - place).ok();
        match back.and_then(|back| self.past.get_mut(back)) {
            Some(past @ Past::Lost) => {
                *past = Past::Given { bytes: packet.primary.to_vec(), copy: false };
                self.counts.late += 1;
                false
            }
            Some(Past::Given { bytes, copy }) if bytes == packet.primary => {
                if core::mem::take(copy) {
                    self.counts.late += 1;
                } else {
                    self.counts.duplicate += 1;
                }
                false
            }
            _ => {
                self.counts.stray += 1;
                true
            }
        }
    }

    /// Follows packets outside the window until enough of them in a row show that the stream moved.
    fn stray(&mut self, now: Duration, seq: u16, datagram: &[u8], foreign: bool) {
        match self.run.back().map(|last| seq.wrapping_sub(last.seq)) {
            Some(0) => return,
            Some(1..=RUN_STEP) => {}
            _ => self.run.clear(),
        }
        self.run.push_back(Stray { seq, datagram: datagram.to_vec(), foreign });
        if self.run.len() > MOST_RUN {
            self.run.pop_front();
        }
        if self.run.len() >= RESTART_RUN && self.run.iter().any(|stray| stray.foreign) {
            self.follow_run(now);
        }
    }

    fn follow_run(&mut self, now: Duration) {
        let run = core::mem::take(&mut self.run);
        let foreign = run.iter().filter(|stray| stray.foreign).count();
        self.counts.stray = self.counts.stray.saturating_sub(foreign as u64);
        while !self.held.is_empty() {
            self.skip_to_held(now);
        }
        let packets: Vec<Packet<'_>> =
            run.iter().filter_map(|stray| Packet::parse(&stray.datagram).ok()).collect();
        let Some(first) = packets.first() else { return };
        let place = self.place_of(first.seq);
        if place >= self.next && place - self.next <= i64::from(MOST_GAP) {
            self.skip(self.next.max(place - secondaries(first)));
        } else {
            self.counts.restarts += 1;
            self.counts.lost += 1;
            self.lost_pending = self.lost_pending.saturating_add(1);
            self.begin(first);
        }
        for packet in &packets {
            self.take(now, packet, self.place_of(packet.seq));
        }
    }
}

/// How many IFPs right before its own a packet carries.
fn secondaries(packet: &Packet<'_>) -> i64 {
    match &packet.recovery {
        Recovery::Redundant(entries) => entries.iter().take_while(|entry| !entry.is_empty()).count() as i64,
        Recovery::Fec { .. } => 0,
    }
}
