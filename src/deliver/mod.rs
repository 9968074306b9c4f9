//! One state per recipient address, at least once, under one stable Message-ID.

use std::path::PathBuf;
use std::time::Duration;

use crate::fax::Target;

/// How the relay is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Host name; also the name that its certificate must bear.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// User and the file that holds the password.
    pub login: Option<(String, PathBuf)>,
    /// A PEM file of further roots, for a relay with a certificate of the house.
    pub roots: Option<PathBuf>,
}

/// Protection of the connection to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// None: for a relay on this machine.
    None,
}

/// All that delivery needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The relay; `None`: Maildir targets only.
    pub relay: Option<Relay>,
    /// Envelope and header sender.
    pub from: String,
    /// Name in greetings and Message-IDs.
    pub host_name: String,
    /// Who gets what no department could be given.
    pub fallback: Target,
    /// Give up after so long.
    pub expires: Duration,
    /// First wait after a deferral; doubles up to `retry_most`.
    pub retry_first: Duration,
    /// Longest wait between attempts.
    pub retry_most: Duration,
    /// Time zone of dates in mails, IANA name.
    pub time_zone: String,
    /// Folder of `<language>.subject.txt`, `.text.txt`, `.html` templates that replace the built-in ones.
    pub templates: Option<PathBuf>,
}
