//! One RTP packet (RFC 3550 §5.1), and how to tell what else may arrive on the port.

use super::MOST_DATAGRAM;
use crate::t38::udptl;

/// Bytes of the fixed header.
const HEADER: usize = 12;
/// The version of RTP, in the two highest bits.
const VERSION: u8 = 0x80;
/// Packet types of RTCP as they look in the octet of marker and payload type (RFC 5761 §4).
const RTCP: core::ops::RangeInclusive<u8> = 192..=223;

/// An RTP packet; its payload points into the datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The first of a talk spurt.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub seq: u16,
    /// The sampling time of its first sample, 8 kHz.
    pub timestamp: u32,
    /// The source.
    pub ssrc: u32,
    /// The payload without padding.
    pub payload: &'a [u8],
}

/// Why a datagram is not taken for RTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRtp {
    /// It ends within its header, extension or padding.
    #[error("ends within a field")]
    Short,
    /// Longer than [`MOST_DATAGRAM`].
    #[error("longer than a datagram may be")]
    Long,
    /// Another version than 2.
    #[error("not version 2")]
    Version,
    /// RTCP (RFC 5761).
    #[error("RTCP")]
    Rtcp,
}

/// Whether a datagram on a T.38 port is an RTP or RTCP straggler. UDPTL with a sequence number from 32,768 to 49,151
/// begins alike, so it must be of a payload type and size that G.711 calls send, and not read as UDPTL to its end.
#[must_use]
pub fn looks_like(datagram: &[u8]) -> bool {
    let straggler = match Packet::parse(datagram) {
        Ok(packet) => match packet.payload_type {
            0 | 8 => matches!(packet.payload.len(), 80 | 160 | 240 | 320 | 400 | 480),
            // Comfort noise and telephone events.
            13 => packet.payload.len() <= 16,
            96..=127 => packet.payload.len() == 4,
            _ => false,
        },
        Err(NotRtp::Rtcp) => rtcp_length_fits(datagram),
        Err(_) => false,
    };
    straggler && !matches!(udptl::Packet::parse_some(datagram), Ok((_, 0)))
}

/// Whether the first RTCP packet's length, in words less one, lies within the datagram (RFC 3550 §6.4.1).
fn rtcp_length_fits(datagram: &[u8]) -> bool {
    matches!(datagram, [_, _, high, low, ..]
        if (usize::from(u16::from_be_bytes([*high, *low])) + 1) * 4 <= datagram.len())
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// [`NotRtp`] where it is none.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, NotRtp> {
        if datagram.len() > MOST_DATAGRAM {
            return Err(NotRtp::Long);
        }
        let (header, rest) = datagram.split_first_chunk::<HEADER>().ok_or(NotRtp::Short)?;
        let [first, kind, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = *header;
        if first & 0xc0 != VERSION {
            return Err(NotRtp::Version);
        }
        if RTCP.contains(&kind) {
            return Err(NotRtp::Rtcp);
        }
        let mut payload = rest.get(usize::from(first & 0x0f) * 4..).ok_or(NotRtp::Short)?;
        if first & 0x10 != 0 {
            let ([_, _, high, low], rest) = payload.split_first_chunk::<4>().ok_or(NotRtp::Short)?;
            payload = rest.get(usize::from(u16::from_be_bytes([*high, *low])) * 4..).ok_or(NotRtp::Short)?;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*payload.last().ok_or(NotRtp::Short)?);
            let kept = payload.len().checked_sub(padding).filter(|_| padding > 0).ok_or(NotRtp::Short)?;
            payload = payload.get(..kept).ok_or(NotRtp::Short)?;
        }
        Ok(Self {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            seq: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            payload,
        })
    }

    /// Writes the packet, without extension or padding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.payload.len());
        bytes.extend([VERSION, u8::from(self.marker) << 7 | self.payload_type & 0x7f]);
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend_from_slice(self.payload);
        bytes
    }
}
