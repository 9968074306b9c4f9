//! How long we wait at each point (RFC 5321 §4.5.3.2).

use std::time::Duration;

use super::reply::Phase;

/// Looking up the name and connecting.
pub const CONNECT: Duration = Duration::from_secs(60);
/// The server's greeting (§4.5.3.2.1).
pub const GREETING: Duration = Duration::from_secs(5 * 60);
/// The TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(60);
/// EHLO, AUTH, MAIL and RCPT (§4.5.3.2.2, .3).
pub const COMMAND: Duration = Duration::from_secs(5 * 60);
/// The answer to DATA (§4.5.3.2.4).
pub const DATA: Duration = Duration::from_secs(2 * 60);
/// One block of the message (§4.5.3.2.5).
pub const BLOCK: Duration = Duration::from_secs(3 * 60);
/// The answer to the final dot (§4.5.3.2.6). Giving up earlier makes duplicates (RFC 1047).
pub const DOT: Duration = Duration::from_secs(10 * 60);
/// The farewell is a courtesy.
pub const QUIT: Duration = Duration::from_secs(2);
/// A connection that carried a message is kept open for the next one so long. Postfix closes it after 5
/// minutes, Exchange Online sooner; three faxes in a minute are the most that it saves anything for.
pub const IDLE: Duration = Duration::from_secs(30);
/// The answer to RSET on a kept connection. One that is slower is replaced: that costs less than the wait.
pub const ALIVE: Duration = Duration::from_secs(10);

/// All of them, so that a test can be short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up and connection.
    pub connect: Duration,
    /// Greeting.
    pub greeting: Duration,
    /// TLS handshake.
    pub handshake: Duration,
    /// Every command but DATA.
    pub command: Duration,
    /// DATA.
    pub data: Duration,
    /// One block of the message.
    pub block: Duration,
    /// Final dot.
    pub dot: Duration,
    /// QUIT.
    pub quit: Duration,
    /// A connection without work.
    pub idle: Duration,
    /// RSET on a connection that was kept.
    pub alive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: CONNECT,
            greeting: GREETING,
            handshake: HANDSHAKE,
            command: COMMAND,
            data: DATA,
            block: BLOCK,
            dot: DOT,
            quit: QUIT,
            idle: IDLE,
            alive: ALIVE,
        }
    }
}

impl Timeouts {
    /// The same short time everywhere.
    pub fn all(time: Duration) -> Self {
        Self {
            connect: time,
            greeting: time,
            handshake: time,
            command: time,
            data: time,
            block: time,
            dot: time,
            quit: time,
            idle: time,
            alive: time,
        }
    }

    pub(super) fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Greeting => self.greeting,
            Phase::Ehlo | Phase::StartTls | Phase::Login | Phase::Sender | Phase::Recipient => self.command,
            Phase::Data => self.data,
            Phase::Body => self.block,
            Phase::Dot => self.dot,
        }
    }
}
