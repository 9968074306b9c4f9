//! A jitter buffer of fixed delay. Its clock is the caller's: each [`Jitter::frame`] is 20 ms, whatever has come.

use super::{FRAME, LEAST_DEPTH, MOST_DEPTH, MOST_SAMPLES, NotRtp, Packet, g711};
use crate::t38::sdp::Law;
use core::time::Duration;
use std::collections::VecDeque;

/// Samples that may lie ahead of the one to be played next: 1 s.
const MOST_AHEAD: usize = 8_000;
/// A packet at most this far behind, in samples, is late; one farther away is of another stream.
const MOST_BEHIND: i32 = 80_000;
/// Packets in a row outside the buffer, each right after the other, after which it is set anew.
const RESYNC_RUN: u32 = 5;

/// What became of the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Packets of audio of the stream.
    pub received: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came again.
    pub duplicate: u64,
    /// Packets of another source or time.
    pub stray: u64,
    /// RTCP, left alone.
    pub rtcp: u64,
    /// Datagrams that are no RTP, or carry no G.711.
    pub refused: u64,
    /// Frames handed out with silence for what had not come; where the buffer was set anew, also those that it dropped, whole or
    /// in part.
    pub missing: u64,
    /// Times that the buffer was set anew.
    pub resyncs: u64,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    ssrc: u32,
    next: u32,
    count: u32,
}

/// Turns one peer's packets into frames of 20 ms, a fixed time later.
#[derive(Debug, Clone)]
pub struct Jitter {
    law: Law,
    payload_type: u8,
    depth: u32,
    source: Option<u32>,
    /// The timestamp of the sample at the front of the buffer.
    cursor: u32,
    buffer: VecDeque<Option<i16>>,
    /// Nothing was played of this source yet.
    opening: bool,
    run: Option<Run>,
    counts: Counts,
}

impl Jitter {
    /// A buffer for the agreed payload type; static types 0 and 8 are taken too, as some peers send the other law.
    /// `depth` is kept within [`LEAST_DEPTH`] and [`MOST_DEPTH`].
    #[must_use]
    pub fn new(law: Law, payload_type: u8, depth: Duration) -> Self {
        let depth = depth.clamp(LEAST_DEPTH, MOST_DEPTH).as_millis() as u32 * 8;
        Self {
            law,
            payload_type,
            depth,
            source: None,
            cursor: 0,
            buffer: VecDeque::new(),
            opening: true,
            run: None,
            counts: Counts::default(),
        }
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a datagram from the peer.
    ///
    /// # Errors
    /// [`NotRtp`] where it is none; it is counted and nothing else changes.
    pub fn accept(&mut self, datagram: &[u8]) -> Result<(), NotRtp> {
        let packet = match Packet::parse(datagram) {
            Ok(packet) => packet,
            Err(NotRtp::Rtcp) => {
                self.counts.rtcp += 1;
                return Err(NotRtp::Rtcp);
            }
            Err(why) => {
                self.counts.refused += 1;
                return Err(why);
            }
        };
        let law = match packet.payload_type {
            agreed if agreed == self.payload_type => self.law,
            0 => Law::Mu,
            8 => Law::A,
            _ => {
                self.counts.refused += 1;
                return Ok(());
            }
        };
        if packet.payload.is_empty() || packet.payload.len() > MOST_SAMPLES {
            self.counts.refused += 1;
            return Ok(());
        }
        if self.source.is_none() {
            self.begin(&packet);
        }
        self.sort_in(&packet, law);
        Ok(())
    }

    /// The next 20 ms; silence for what has not come.
    pub fn frame(&mut self) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        if self.source.is_none() {
            return frame;
        }
        let (mut heard, mut missed) = (false, false);
        for sample in &mut frame {
            match self.buffer.pop_front().flatten() {
                Some(value) => {
                    *sample = value;
                    heard = true;
                }
                None => missed = true,
            }
        }
        self.cursor = self.cursor.wrapping_add(FRAME as u32);
        self.counts.missing += u64::from(missed && (heard || !self.opening));
        self.opening &= !heard;
        frame
    }

    /// Sets the buffer so that the packet is played `depth` later. Once something was heard, the silence until then is missing.
    fn begin(&mut self, packet: &Packet<'_>) {
        self.source = Some(packet.ssrc);
        self.cursor = packet.timestamp.wrapping_sub(self.depth);
        self.buffer.clear();
        self.run = None;
    }

    fn sort_in(&mut self, packet: &Packet<'_>, law: Law) {
        let ours = self.source == Some(packet.ssrc);
        let ahead = packet.timestamp.wrapping_sub(self.cursor).cast_signed();
        let place = usize::try_from(ahead).ok().filter(|place| place + packet.payload.len() <= MOST_AHEAD);
        match place {
            Some(place) if ours => self.put(place, packet.payload, law),
            _ => {
                if ours && (-MOST_BEHIND..0).contains(&ahead) {
                    self.counts.received += 1;
                    self.counts.late += 1;
                } else {
                    self.counts.stray += 1;
                }
                self.follow(packet, law);
            }
        }
    }

    fn put(&mut self, place: usize, payload: &[u8], law: Law) {
        self.run = None;
        self.counts.received += 1;
        if self.buffer.len() < place + payload.len() {
            self.buffer.resize(place + payload.len(), None);
        }
        let mut places = self.buffer.range_mut(place..place + payload.len());
        if places.next().is_some_and(|first| first.is_some()) {
            self.counts.duplicate += 1;
            return;
        }
        for (to, octet) in self.buffer.range_mut(place..).zip(payload) {
            *to = Some(g711::decode(law, *octet));
        }
    }

    /// Follows packets outside the buffer until enough in a row show that the stream moved.
    fn follow(&mut self, packet: &Packet<'_>, law: Law) {
        let next = packet.timestamp.wrapping_add(packet.payload.len() as u32);
        let count = match self.run {
            Some(run) if run.ssrc == packet.ssrc && run.next == packet.timestamp => run.count + 1,
            _ => 1,
        };
        self.run = Some(Run { ssrc: packet.ssrc, next, count });
        if count >= RESYNC_RUN {
            self.counts.resyncs += 1;
            self.count_dropped(packet.payload.len());
            self.begin(packet);
            self.put(self.depth as usize, packet.payload, law);
        }
    }

    /// What a new start drops: what of the old stream was not played, and the packets before the new one was believed.
    fn count_dropped(&mut self, length: usize) {
        if !self.opening {
            let old = self.buffer.len().div_ceil(FRAME);
            let new = (length * (RESYNC_RUN as usize - 1)).div_ceil(FRAME);
            self.counts.missing += (old + new) as u64;
        }
    }
}
