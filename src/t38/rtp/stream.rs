//! The sending side: one packet every 20 ms.

use super::{FRAME, Packet, g711};
use crate::t38::sdp::Law;

/// One stream of G.711 towards a peer.
#[derive(Debug, Clone)]
pub struct Stream {
    law: Law,
    payload_type: u8,
    ssrc: u32,
    seq: u16,
    timestamp: u32,
    first: bool,
}

impl Stream {
    /// A stream; source, first sequence number and first timestamp come from `seed` (RFC 3550 §5.1: they are random).
    #[must_use]
    pub fn new(law: Law, payload_type: u8, seed: [u8; 10]) -> Self {
        let [r0, r1, r2, r3, t0, t1, t2, t3, s0, s1] = seed;
        Self {
            law,
            payload_type: payload_type & 0x7f,
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            seq: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            first: true,
        }
    }

    /// The datagram for the next 20 ms.
    #[must_use]
    pub fn packet(&mut self, samples: &[i16; FRAME]) -> Vec<u8> {
        let payload = samples.map(|sample| g711::encode(self.law, sample));
        let packet = Packet {
            marker: core::mem::take(&mut self.first),
            payload_type: self.payload_type,
            seq: self.seq,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            payload: &payload,
        };
        let bytes = packet.encode();
        self.seq = self.seq.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        bytes
    }
}
