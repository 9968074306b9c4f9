//! `faxgate t38 --send`: places calls and sends files, for tests and for trying a line.
//!
//! It speaks through the same machines as the receiver: its agent calls out, its media threads send. Each call has sockets
//! of its own and is answered by nobody else; nothing is listened to but what the call brings.

mod caller;
mod outcome;

use std::path::PathBuf;
use std::time::Duration;

use caller::Caller;
pub use outcome::{Outcome, Trouble};

use crate::t38::session;
use crate::t38::sip::{self, Transport};

/// How a fax is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Medium {
    /// T.38 at once.
    #[default]
    T38,
    /// G.711, and T.38 once the far end asks for it.
    AudioFirst,
    /// G.711 to the end.
    G711,
}

/// Where calls go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whom: `28101234`.
    pub number: String,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How.
    pub transport: Transport,
}

impl Target {
    /// `sip:number@host[:port]`; a port that is not named is the usual one.
    pub fn parse(text: &str, transport: Transport) -> Option<Self> {
        let rest = text.strip_prefix("sip:").or_else(|| text.strip_prefix("sips:"))?;
        let (number, place) = rest.split_once('@')?;
        let place = place.split(';').next().unwrap_or_default();
        let (host, port) = transport.host_and_port(place)?;
        let word =
            |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        (word(number) && word(host)).then(|| Self {
            number: number.to_owned(),
            host: host.to_owned(),
            port,
            transport,
        })
    }

    fn uri(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("sip:{}@{host}:{}", self.number, self.port)
    }
}

/// Everything about the calls of one sender.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom to call.
    pub target: Target,
    /// As whom: the user part of From.
    pub from: String,
    /// What T.30 says and may use.
    pub sending: session::Sending,
    /// T.38 or audio.
    pub medium: Medium,
    /// Earlier packets that each packet carries along; `None`: as the far end asks.
    pub redundancy: Option<usize>,
    /// Of a thousand packets, so many are thrown away, both ways.
    pub loss: u32,
    /// Login, where the callee asks for one.
    pub login: Option<sip::Credentials>,
    /// Authorities that the callee's certificate may come from; `None`: the machine's.
    pub roots: Option<PathBuf>,
    /// Threads.
    pub threads: usize,
    /// Pause between the beginnings of two calls.
    pub pause: Duration,
}

/// Something happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It rings, or another provisional answer.
    Ringing(u16),
    /// The call was answered.
    Answered,
    /// The machines agreed on how to speak.
    Negotiated,
    /// So many pages were sent and answered.
    Pages(u32),
    /// T.30 is over.
    HangingUp,
}

/// Sends each file in a call of its own, and says how each ended, in order.
pub async fn send(
    files: &[PathBuf],
    settings: &Settings,
    mut tell: impl FnMut(usize, Progress),
) -> Result<Vec<Outcome>, Trouble> {
    let addresses = tokio::net::lookup_host((settings.target.host.as_str(), settings.target.port)).await;
    let found = addresses.map_err(|error| Trouble::Host(settings.target.host.clone(), error.to_string()))?;
    let remote = found.into_iter().next();
    let remote =
        remote.ok_or_else(|| Trouble::Host(settings.target.host.clone(), "no address".to_owned()))?;
    let (mut caller, mut wires, mut news) = Caller::start(settings, remote).await?;
    let done = caller.all(files, &mut wires, &mut news, &mut tell).await;
    caller.stop.cancel();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let target = |text| {
            Target::parse(text, Transport::Udp).map(|target| (target.number, target.host, target.port))
        };
        assert_eq!(target("sip:123@192.0.2.1"), Some(("123".into(), "192.0.2.1".into(), 5060)));
        assert_eq!(
            target("sip:+852123@pbx.example:5070;x=y"),
            Some(("+852123".into(), "pbx.example".into(), 5070))
        );
        assert_eq!(target("sip:1@[2001:db8::1]:5080"), Some(("1".into(), "2001:db8::1".into(), 5080)));
        for bad in
            ["", "123@host", "sip:host", "sip:@host", "sip:1@", "sip:1@host:x", "sip:1 2@host", "sip:1@h\r\n"]
        {
            assert_eq!(target(bad), None, "{bad}");
        }
        let tls = Target::parse("sip:1@host", Transport::Tls).unwrap();
        assert_eq!((tls.port, tls.uri().as_str()), (5061, "sip:1@host:5061"));
    }
}
