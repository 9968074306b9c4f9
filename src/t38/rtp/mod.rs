//! RTP (RFC 3550) with G.711: the second way to hear a fax, where a trunk refuses T.38.
//!
//! ```text
//! datagram ──► Packet::parse ──► Jitter (fixed delay) ──► a frame of 160 samples every 20 ms
//! samples ──► Stream ──► datagram every 20 ms
//! ```
//!
//! - The delay is fixed: a buffer that adapts stretches time, and a modem hears that as a slip.
//! - What is missing is silence. Concealment repeats tones that were never sent.
//! - RTCP on the same port is left alone.

pub mod g711;
mod jitter;
mod packet;
mod stream;

#[cfg(test)]
mod tests;

pub use jitter::{Counts, Jitter};
pub use packet::{NotRtp, Packet, looks_like};
pub use stream::Stream;

use core::time::Duration;

/// Samples of one frame: 20 ms at 8 kHz.
pub const FRAME: usize = 160;
/// The time of one frame.
pub const FRAME_TIME: Duration = Duration::from_millis(20);
/// Bytes of the longest datagram read.
pub const MOST_DATAGRAM: usize = 2_048;
/// Samples of the longest packet read: 200 ms.
pub const MOST_SAMPLES: usize = 1_600;
/// The least delay of a jitter buffer.
pub const LEAST_DEPTH: Duration = Duration::from_millis(40);
/// The greatest delay of a jitter buffer.
pub const MOST_DEPTH: Duration = Duration::from_millis(400);
