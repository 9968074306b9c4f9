//! One call: its dialog (RFC 3261 §12), the INVITEs under way in it, its session timer (RFC 4028).
//!
//! - At most one INVITE is under way at a time, in either direction; one of ours waits for the peer's to end.
//! - The 2xx that we gave is kept and repeated here until its ACK; the ACK that we gave is kept for repeated 2xx.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::digest::Login;
use super::event::{End, Flow, Transport};
use super::header::{NameAddr, Refresher, Uri, cseq, session_expires, without_headers};
use super::message::Message;
use super::settings::{Credentials, Settings};
use super::transaction::Repeat;

/// Most hops in a route set; with more, an INVITE is refused.
pub const MOST_ROUTES: usize = 16;
/// Most answers of 491 to one offer of ours before it counts as refused.
pub const MOST_GLARES: u8 = 5;

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The peer calls and has no final answer.
    Ringing,
    /// We call and have no final answer.
    Calling,
    /// Answered.
    Up,
    /// Our BYE is under way.
    Leaving,
}

/// An INVITE or re-INVITE of the peer that waits for our word.
#[derive(Debug)]
pub struct Serving {
    /// Its server transaction.
    pub key: u128,
    /// The answer to be, with what is copied from the request.
    pub template: Message,
    /// Its number.
    pub cseq: u32,
    /// It brought an offer, so that our 200 holds the answer.
    pub offered: bool,
    /// The target after our 200.
    pub contact: Option<String>,
    /// Its offer.
    pub sdp: Option<Vec<u8>>,
    /// The session timer after our 200.
    pub timer: Option<SessionTimer>,
    /// Its Session-Expires as our 200 says it.
    pub timer_header: Option<String>,
    /// Where answers go.
    pub flow: Flow,
}

/// A 2xx of ours without its ACK.
#[derive(Debug)]
pub struct Unacked {
    /// The INVITE's number, which is that of the ACK.
    pub cseq: u32,
    /// The 2xx.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub flow: Flow,
    /// The offer was ours: the ACK holds the answer.
    pub ours: bool,
    /// When it goes again.
    pub repeat: Repeat,
    /// When we give up.
    pub end: Duration,
}

/// An INVITE of ours: under way, or waiting its turn.
#[derive(Clone, Debug)]
pub struct Offering {
    /// Its body.
    pub sdp: Vec<u8>,
    /// It only refreshes the session: nobody is told of its end.
    pub refresh: bool,
    /// Not before this: the wait after a 491.
    pub not_before: Duration,
    /// Answers of 491 so far.
    pub glares: u8,
    /// Challenges met so far.
    pub logins: u8,
}

impl Offering {
    /// To go at once.
    pub const fn new(sdp: Vec<u8>, refresh: bool) -> Self {
        Self { sdp, refresh, not_before: Duration::ZERO, glares: 0, logins: 0 }
    }
}

/// A session timer that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    /// The interval, in seconds.
    pub seconds: u32,
    /// We refresh.
    pub ours: bool,
    /// When we refresh next, if we do.
    pub refresh: Option<Duration>,
    /// When the session is over without a refresh.
    pub expires: Duration,
}

impl SessionTimer {
    /// From now on: refreshed at half the interval, over at the interval less min(32 s, a third) (RFC 4028 §10).
    pub fn new(now: Duration, seconds: u32, ours: bool) -> Self {
        let whole = Duration::from_secs(u64::from(seconds));
        let margin = (whole / 3).min(Duration::from_secs(32));
        let refresh = ours.then(|| now + whole / 2);
        Self { seconds, ours, refresh, expires: now + whole.saturating_sub(margin) }
    }
}

/// What a peer's request means for the session timer.
pub enum TimerAsked {
    /// The interval is too short: 422.
    TooSmall,
    /// No timer.
    None,
    /// This timer, and this header in the 200.
    Timer(SessionTimer, String),
}

/// Reads Session-Expires of a request (RFC 4028 §9): the peer says who refreshes; if it does not, it does.
pub fn timer_asked(now: Duration, request: &Message, shortest: Duration) -> TimerAsked {
    let Some((seconds, refresher)) = request.header("session-expires").and_then(session_expires) else {
        return TimerAsked::None;
    };
    let supported = request.lists("supported", "timer");
    if Duration::from_secs(u64::from(seconds)) < shortest {
        // A peer that knows no timers cannot read a 422: a proxy put the header in. Do without.
        return if supported { TimerAsked::TooSmall } else { TimerAsked::None };
    }
    let ours = !supported || refresher == Some(Refresher::Uas);
    let header = format!("{seconds};refresher={}", if ours { "uas" } else { "uac" });
    TimerAsked::Timer(SessionTimer::new(now, seconds, ours), header)
}

/// A call.
#[derive(Debug)]
pub struct Call {
    /// Index of its trunk; `None` for a call out.
    pub trunk: Option<usize>,
    /// Where the peer was last heard.
    pub flow: Flow,
    /// The connection is gone.
    pub cut: bool,
    /// We called: our re-INVITE waits longer after a glare (RFC 3261 §14.1).
    pub caller: bool,
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's; empty until it is known, and for peers of RFC 2543.
    pub remote_tag: String,
    /// Our From, tag and all.
    pub local: String,
    /// Our To.
    pub remote: String,
    /// The peer's Contact.
    pub target: String,
    /// Route set, next hop first.
    pub routes: Vec<String>,
    /// Our last number.
    pub cseq: u32,
    /// The peer's last number.
    pub peer_cseq: Option<u32>,
    /// Where it stands.
    pub phase: Phase,
    /// If it rings: until when. No answer of the receiver in that time refuses it.
    pub ringing_until: Duration,
    /// The peer's INVITE.
    pub serving: Option<Serving>,
    /// Our 2xx.
    pub unacked: Option<Unacked>,
    /// Our INVITE under way, and its branch.
    pub asking: Option<(u64, Offering)>,
    /// Our INVITE that waits.
    pub waiting: Option<Offering>,
    /// Our last ACK of a 2xx and its number.
    pub ack: Option<(u32, Flow, Vec<u8>)>,
    /// What we said last.
    pub our_sdp: Vec<u8>,
    /// What the peer said last.
    pub peer_sdp: Vec<u8>,
    /// The session timer.
    pub timer: Option<SessionTimer>,
    /// Interval that we ask for in a call out, after a 422.
    pub interval: Option<u32>,
    /// Hang up for this as soon as the protocol lets us.
    pub leaving: Option<(End, Option<String>)>,
    /// Our BYE met a challenge already.
    pub bye_challenged: bool,
    /// What we answer when challenged.
    pub credentials: Option<Credentials>,
    /// The challenge that we met last.
    pub login: Option<Login>,
}

impl Call {
    /// A call out, before its first answer.
    pub fn out(flow: Flow, call_id: String, local_tag: String, from: &str, target: &str) -> Self {
        Self {
            trunk: None,
            flow,
            cut: false,
            caller: true,
            call_id,
            local: format!("<{from}>;tag={local_tag}"),
            local_tag,
            remote_tag: String::new(),
            remote: format!("<{target}>"),
            target: target.to_owned(),
            routes: Vec::new(),
            cseq: 0,
            peer_cseq: None,
            phase: Phase::Calling,
            ringing_until: Duration::ZERO,
            serving: None,
            unacked: None,
            asking: None,
            waiting: None,
            ack: None,
            our_sdp: Vec::new(),
            peer_sdp: Vec::new(),
            timer: None,
            interval: None,
            leaving: None,
            bye_challenged: false,
            credentials: None,
            login: None,
        }
    }

    /// True if nothing of an INVITE is under way.
    pub const fn is_free(&self) -> bool {
        matches!(self.phase, Phase::Up)
            && self.serving.is_none()
            && self.unacked.is_none()
            && self.asking.is_none()
    }

    /// When something of it is due. What its own transactions wait for is not counted.
    pub fn due(&self) -> Option<Duration> {
        let up = self.phase == Phase::Up;
        let ringing = (self.phase == Phase::Ringing).then_some(self.ringing_until);
        let unacked = self.unacked.as_ref().map(|unacked| unacked.repeat.next().min(unacked.end));
        let waiting = self
            .waiting
            .as_ref()
            .filter(|_| self.is_free() && self.leaving.is_none())
            .map(|waiting| waiting.not_before);
        let timer =
            self.timer.filter(|_| up).map(|timer| timer.refresh.unwrap_or(timer.expires).min(timer.expires));
        [ringing, unacked, waiting, timer].into_iter().flatten().min()
    }

    /// True if the peer's SDP is the session that we have: the same bytes, or the same `o=` and `m=` lines. A peer that
    /// moves to T.38 without counting its `o=` line up is told apart by its `m=` lines.
    pub fn is_unchanged(&self, sdp: &[u8]) -> bool {
        let telling = |sdp: &[u8]| -> Vec<Vec<u8>> {
            let lines = sdp.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            lines
                .filter(|line| line.starts_with(b"o=") || line.starts_with(b"m="))
                .map(<[u8]>::to_vec)
                .collect()
        };
        let theirs = telling(sdp);
        sdp == self.peer_sdp || (theirs.len() > 1 && theirs == telling(&self.peer_sdp))
    }

    /// Where a request in the dialog goes: its URI, and its Route headers (RFC 3261 §12.2.1.1).
    pub fn route(&self) -> (String, Vec<String>) {
        let first = self.routes.first().and_then(|route| NameAddr::parse(route));
        let Some(first) = first else { return (self.target.clone(), Vec::new()) };
        let loose = Uri::parse(&first.uri).is_some_and(|uri| uri.params.value("lr").is_some());
        if loose {
            return (self.target.clone(), self.routes.clone());
        }
        let mut routes: Vec<String> = self.routes.iter().skip(1).cloned().collect();
        routes.push(format!("<{}>", self.target));
        (without_headers(&first.uri).to_owned(), routes)
    }

    /// The flow for a request in the dialog. Over UDP it is the next hop's address where that is one of the trunk's own,
    /// else where the peer was last heard; streams are kept to.
    pub fn hop(&self, settings: &Settings) -> Flow {
        let mut flow = self.flow;
        let next = self.routes.first().and_then(|route| NameAddr::parse(route)).map(|route| route.uri);
        let next = Uri::parse(next.as_deref().unwrap_or(&self.target));
        if let (Transport::Udp, Some(uri)) = (flow.transport, next) {
            let allowed = |address| match self.trunk {
                Some(trunk) => settings.trunk_of(address) == Some(trunk),
                // Who calls out chose the peer; an address behind the peer's NAT is of no use to us.
                None => !is_inner(address) || is_inner(flow.remote.ip()),
            };
            if let Some(address) =
                uri.address().filter(|address| allowed(*address) && !address.is_unspecified())
            {
                flow.remote = SocketAddr::new(address, uri.port.filter(|port| *port > 0).unwrap_or(5060));
            }
        }
        flow
    }

    /// A request in the dialog without Via, its number counted up.
    pub fn request(&mut self, method: &str) -> Message {
        self.cseq = self.cseq.saturating_add(1);
        let number = self.cseq;
        self.numbered(method, number)
    }

    /// A request in the dialog with a number of choice: for the ACK.
    pub fn numbered(&self, method: &str, number: u32) -> Message {
        let (uri, routes) = self.route();
        let mut request = Message::request(method, &uri).with("max-forwards", "70");
        for route in routes {
            request.push("route", route);
        }
        request
            .with("from", self.local.clone())
            .with("to", self.remote.clone())
            .with("call-id", self.call_id.clone())
            .with("cseq", format!("{number} {method}"))
    }

    /// Takes the peer's Contact of an INVITE or its 2xx as the new target.
    pub fn retarget(&mut self, contact: Option<&str>) {
        if let Some(contact) = contact {
            without_headers(contact).clone_into(&mut self.target);
        }
    }
}

/// True for an address that means nothing outside its own network.
fn is_inner(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => four.is_private() || four.is_loopback() || four.is_link_local(),
        IpAddr::V6(six) => six.is_unique_local() || six.is_loopback() || six.is_unicast_link_local(),
    }
}

/// The URI of the first Contact, if it is one that we can call.
pub fn contact_of(message: &Message) -> Option<String> {
    let contact = NameAddr::parse(message.values("contact").next()?)?;
    let uri = Uri::parse(&contact.uri)?;
    matches!(uri.scheme.as_str(), "sip" | "sips").then(|| without_headers(&contact.uri).to_owned())
}

/// Number of a message's CSeq.
pub fn number_of(message: &Message) -> Option<u32> {
    message.header("cseq").and_then(cseq).map(|(number, _)| number)
}
