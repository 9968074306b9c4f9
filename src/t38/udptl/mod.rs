//! UDPTL (ITU-T T.38 §9.1): packets, redundancy, FEC, and what a receiver makes of loss and reordering.
//!
//! ```text
//! datagram ──► Packet::parse ──► Receiver ──► Ifp in sequence (lost_before says what is missing before it)
//! IFP ──► Sender ──► datagram with earlier IFPs (redundancy) or their parity (FEC)
//! ```
//!
//! - Memory is bounded whatever a peer sends: [`MOST_DATAGRAM`], [`MOST_ENTRIES`], [`WINDOW`], [`HISTORY`].
//! - A sequence number far from the stream is believed only when its successors arrive too: RTP stragglers and garbage
//!   that happens to read as UDPTL neither move the stream nor count as 60,000 losses.
//! - A stream that begins again (a re-INVITE, a gateway that failed over) is taken up after [`RESTART_RUN`] packets.
//! - Real peers pad datagrams, send secondaries of no length and send each indicator three times: all are read.

mod fec;
mod packet;
mod receiver;
mod sender;

#[cfg(test)]
mod tests;

pub use packet::{NotUdptl, Packet, Recovery};
pub use receiver::{Counts, Ifp, Receiver};
pub use sender::{Correction, Sender};

use core::time::Duration;

/// Bytes of the longest datagram read. We announce at most 1400 (T38FaxMaxDatagram); some peers do not listen.
pub const MOST_DATAGRAM: usize = 4_096;
/// Bytes of the longest open type with a length of two octets (ITU-T X.691 §11.9); fragments are refused.
pub const MOST_OPEN_TYPE: usize = 0x3fff;
/// Secondaries or parity entries of one packet that are read. Real peers send up to 8.
pub const MOST_ENTRIES: usize = 16;
/// IFPs that one parity entry may cover.
pub const MOST_SPAN: usize = 16;
/// Packets ahead of the next one that are held while it is missing.
pub const WINDOW: usize = 32;
/// IFPs kept after they were handed out, for parity and to know a duplicate.
pub const HISTORY: usize = 64;
/// Parity entries kept until they help or are too old.
pub const MOST_PARITIES: usize = 32;
/// How long a later packet waits for a missing one before the gap is given up.
pub const REORDER_WAIT: Duration = Duration::from_millis(100);
/// Packets held behind a gap at which it is given up before [`REORDER_WAIT`] is over.
pub const MOST_HELD: usize = 8;
/// Packets in a row outside the window after which the stream is believed to have moved.
pub const RESTART_RUN: usize = 3;
/// Packets in a row outside the window that are kept.
pub const MOST_RUN: usize = 8;
/// The longest gap counted as losses of the same stream (18 s at 30 ms a packet); a longer one is a new stream.
pub const MOST_GAP: u32 = 600;
