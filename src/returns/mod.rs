//! What comes back to the gateway's own address: bounces, replies, and whatever else people and programs write.
//!
//! [`mail`] and [`report`] read a mail (pure), `judge` says what follows from it (pure), [`Desk`] takes it: the bytes
//! and all that follows are on the disk before anybody is told that it was taken. Two doors lead to the desk: an LMTP
//! server ([`lmtp`]) that Postfix or Exim hands mail to, and a Maildir ([`maildir`]) that any mail system can fill.
//! What the desk answers and forwards, `pipeline::post` sends.
//!
//! Invariants:
//! - No mail is dropped: each is kept whole, and what is not understood goes to the fallback inbox.
//! - A report changes a delivery only if it names a Message-ID that we sent and an address that it was for. Anybody can
//!   write a mail that says so; what it can bring about is one more copy in the fallback inbox and an alarm, never a
//!   fax less anywhere.
//! - A reply passes a fax on only if its author is an address that got that very fax.
//! - Mails of programs are never answered, our own are never forwarded, and forwards are bounded by the hour.

mod desk;
mod judge;
mod letters;
pub mod lmtp;
pub mod mail;
pub mod maildir;
pub mod report;
pub mod suggest;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use desk::Desk;

/// Largest mail that is taken: a relay may return the whole fax, as base64.
pub const MAIL_MOST: usize = 96 << 20;

/// `[returns]`: by which doors mail comes back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// An LMTP server of our own.
    pub lmtp: Option<Listen>,
    /// A Maildir that is watched.
    pub maildir: Option<PathBuf>,
}

/// Where the LMTP server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A socket in the file system.
    Unix(PathBuf),
    /// TCP, on this machine: LMTP knows no login.
    Tcp(SocketAddr),
}
