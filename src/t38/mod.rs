//! Answers fax calls itself: SIP and T.38 from a trunk, a PBX, an ATA or a gateway, and G.711 where T.38 is refused.
//!
//! ```text
//! SIP ──► sip (dialogs) ──► sdp (offer, answer) ──► receiver ──► call ──► session (T.30 by spandsp) ──► spool
//! UDPTL or RTP ────────────────────────────────────► sockets ──┘
//! ```
//!
//! - Everything but [`receiver`] and [`sender`] is a machine that takes bytes and the time and gives bytes and events:
//!   whole calls run in virtual time.
//! - The C of spandsp is met in [`session`] alone, in a process of its own (`faxgate t38`).
//! - A page is confirmed to the sender only when it is on the disk.

pub mod call;
pub mod receiver;
pub mod record;
pub mod rtp;
pub mod sdp;
pub mod sender;
pub mod session;
pub mod sip;
pub mod udptl;
