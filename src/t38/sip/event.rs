//! What goes into and comes out of the agent: flows, bytes to send, events for the receiver.
//!
//! Strings that a peer chose come out bounded ([`MOST_IDENTITY`]) and free of control characters: they may be logged.

use core::net::SocketAddr;

/// Longest string in an event that a peer chose, in characters.
pub const MOST_IDENTITY: usize = 256;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// One message a datagram; lost messages are sent again by timers.
    Udp,
    /// A stream, cut into messages by [`super::Framer`].
    Tcp,
    /// As TCP, encrypted.
    Tls,
}

impl Transport {
    /// True where the network itself repeats what is lost (RFC 3261 §17).
    #[must_use]
    pub const fn reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// The name in a Via header: `UDP`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// Splits `host`, `host:port` and `[2001:db8::1]:port` as people write them. A port that is not named is the usual one
    /// (RFC 3261 §19.1.2), port 0 is none. The host is not judged.
    #[must_use]
    pub fn host_and_port(self, text: &str) -> Option<(&str, u16)> {
        let (host, port) = match text.strip_prefix('[') {
            Some(six) => {
                let (host, port) = six.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let usual = if self == Self::Tls { 5061 } else { 5060 };
        let port = port.map_or(Some(usual), |port| port.parse().ok().filter(|port| *port > 0))?;
        Some((host, port))
    }
}

/// Where a message came from, or is to go: a socket or connection and the address at its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// Names a TCP or TLS connection; for UDP, the socket. Never used again for another connection.
    pub id: u64,
    /// How it travels.
    pub transport: Transport,
    /// Our end: what peers are told in Via and Contact, unless [`super::Settings::advertised`] says otherwise. Never
    /// unspecified (`0.0.0.0`).
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

/// A call, as the agent and the receiver name it. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub u64);

/// What the agent wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this message.
    Send {
        /// On this connection, or from this socket to `flow.remote`.
        flow: Flow,
        /// The whole message.
        bytes: Vec<u8>,
    },
    /// Find a way to a registrar: look the name up, connect for TCP and TLS, and say
    /// [`super::Agent::connected`] or [`super::Agent::not_connected`]. Wanted anew for each attempt without a live flow.
    Connect {
        /// Index in [`super::Settings::trunks`].
        trunk: usize,
        /// How.
        transport: Transport,
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// The connection sent what cannot be SIP: close it.
    Close {
        /// Which.
        flow: Flow,
    },
    /// Something happened.
    Event(Event),
}

/// What happened to a call or a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new call, answered with 100 so far. Say [`super::Agent::progress`], [`super::Agent::accept`] or
    /// [`super::Agent::refuse`].
    Invite {
        /// Its name.
        call: CallKey,
        /// Who calls whom.
        asked: Box<Asked>,
        /// The offer; `None` if we are to offer in the 200.
        sdp: Option<Vec<u8>>,
    },
    /// The ACK of one of our 200s came, the first one's or that of an answered re-INVITE.
    Confirmed {
        /// Which call.
        call: CallKey,
        /// The peer's answer, if the offer was ours. Nothing although it was: there is no session; hang up.
        sdp: Option<Vec<u8>>,
    },
    /// The peer's re-INVITE. Say [`super::Agent::answer_reoffer`], [`super::Agent::repeat_answer`] or
    /// [`super::Agent::refuse_reoffer`].
    Reoffer {
        /// Which call.
        call: CallKey,
        /// The offer; `None` if we are to offer in the 200.
        sdp: Option<Vec<u8>>,
        /// The same session as before: same bytes, or same `o=` and `m=` lines (RFC 4028 §7.4, RFC 3264 §8). Leave media
        /// alone.
        unchanged: bool,
    },
    /// The peer took its re-INVITE back (CANCEL) before we answered.
    ReofferWithdrawn {
        /// Which call.
        call: CallKey,
    },
    /// Our re-INVITE was accepted.
    OurOfferAnswered {
        /// Which call.
        call: CallKey,
        /// The answer.
        sdp: Vec<u8>,
    },
    /// Our re-INVITE was refused; the session stands as it was.
    OurOfferRefused {
        /// Which call.
        call: CallKey,
        /// Its status: 488 where T.38 is not wanted; 491 where the peer's own offer came first.
        status: u16,
        /// True if it may be tried again later as it is.
        retry: bool,
        /// When, in seconds, if the peer said so (Retry-After).
        after: Option<u32>,
    },
    /// A provisional answer to our call.
    Progress {
        /// Which call.
        call: CallKey,
        /// 100 to 199.
        status: u16,
    },
    /// Our call was answered; the ACK is sent.
    Answered {
        /// Which call.
        call: CallKey,
        /// The answer.
        sdp: Vec<u8>,
    },
    /// The call is over and forgotten. The last event of each call.
    Ended {
        /// Which call.
        call: CallKey,
        /// Why.
        why: End,
    },
    /// A trunk took our registration.
    Registered {
        /// Index in [`super::Settings::trunks`].
        trunk: usize,
        /// For how long, in seconds; 0: taken back, as asked.
        seconds: u32,
    },
    /// A trunk did not take our registration; it is tried again by itself.
    RegistrationFailed {
        /// Index in [`super::Settings::trunks`].
        trunk: usize,
        /// The status; `None` for no answer or no connection.
        status: Option<u16>,
        /// The peer's words.
        words: String,
    },
}

/// Why a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer hung up.
    Bye {
        /// Its Reason header, if any.
        reason: Option<String>,
    },
    /// The caller gave up before we answered.
    Cancelled,
    /// We hung up, and the peer knows or does not answer.
    HungUp,
    /// We refused the call, with this status.
    RefusedByUs(u16),
    /// Our call was refused, with this status and these words.
    Refused {
        /// 300 to 699.
        status: u16,
        /// The peer's words.
        words: String,
    },
    /// The peer answered none of our requests.
    Timeout,
    /// Our 200 was never acknowledged; a BYE was sent (RFC 3261 §13.3.1.4).
    NoAck,
    /// No refresh came in time; a BYE was sent (RFC 4028 §10).
    SessionExpired,
    /// The connection broke while we had something to say.
    Transport,
    /// The peer knows nothing of the call (481 to a request of ours).
    Unknown,
}

/// A party's address, as far as it can be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// Display name, unquoted.
    pub display: String,
    /// User part without its parameters, escapes undone: `+18005551234`.
    pub user: String,
    /// Host part, lower case; empty for `tel:`.
    pub host: String,
    /// The URI as it stood.
    pub uri: String,
}

/// Who calls whom, as the INVITE says. Nothing here is proven; see [`Asked::trunk`] for what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Index in [`super::Settings::trunks`], by source address (and digest, where that trunk asks for it).
    pub trunk: usize,
    /// Where it came from.
    pub flow: Flow,
    /// Call-ID.
    pub call_id: String,
    /// Request-URI.
    pub request: Party,
    /// To.
    pub to: Party,
    /// From.
    pub from: Party,
    /// P-Asserted-Identity (RFC 3325), in order.
    pub asserted: Vec<Party>,
    /// Diversion (RFC 5806), latest first.
    pub diversion: Vec<Party>,
    /// History-Info (RFC 7044), in order.
    pub history: Vec<Party>,
    /// P-Called-Party-ID (RFC 7315 §4.2).
    pub called_party: Option<Party>,
    /// Remote-Party-ID, which Cisco and Asterisk send where others send P-Asserted-Identity.
    pub remote_party: Option<Party>,
    /// User-Agent.
    pub user_agent: Option<String>,
    /// The caller knows session timers.
    pub timer: bool,
}
