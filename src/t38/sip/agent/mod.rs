//! The agent: takes messages, the time and commands, gives bytes and events.
//!
//! `serve` answers requests outside calls and lets calls in, by `checks`; `dialogue` answers requests inside calls;
//! `client` sends our requests and finds them by their answers; `inviting` is our INVITEs, re-INVITEs and BYEs; `commands` is what the receiver says; `registrations` keeps trunks told of us.

mod checks;
mod client;
mod commands;
mod dialogue;
mod inviting;
mod registrations;
mod serve;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::dialog::{Call, Phase};
use super::digest::Guard;
use super::event::{CallKey, End, Event, Flow, Output, Transport};
use super::header::{NameAddr, Via};
use super::message::{Message, Start};
use super::random::Random;
use super::register::Registration;
use super::settings::Settings;
use super::transaction::{Client, Due, Server};

pub use commands::Calling;

/// What a deadline belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timed {
    Server(u128),
    Client(Branch),
    Call(CallKey),
    Registration(usize),
}

/// A client transaction's name: its branch, and whether it is the CANCEL that shares it.
type Branch = (u64, bool);

/// Start of the branches that we make.
const BRANCH: &str = "z9hG4bKfg";

/// The agent. After each call of its functions, take [`Agent::output`] until it is empty, then wait for [`Agent::due`].
#[derive(Debug)]
pub struct Agent {
    settings: Settings,
    random: Random,
    guard: Guard,
    calls: BTreeMap<CallKey, Call>,
    /// Calls by Call-ID and our tag.
    dialogs: BTreeMap<u128, CallKey>,
    servers: BTreeMap<u128, Server>,
    /// Server transactions of INVITEs by From tag, Call-ID and number (RFC 3261 §8.2.2.2).
    merges: BTreeMap<u128, u128>,
    clients: BTreeMap<Branch, Client>,
    registrations: Vec<Registration>,
    by_time: BTreeSet<(Duration, Timed)>,
    deadlines: BTreeMap<Timed, Duration>,
    outputs: VecDeque<Output>,
    next_call: u64,
    full: Option<(u16, Option<u32>)>,
}

impl Agent {
    /// A fresh agent; `seed` must be unpredictable: tags, branches, Call-IDs and nonces come of it.
    #[must_use]
    pub fn new(settings: Settings, seed: [u8; 32]) -> Self {
        let mut random = Random::new(seed);
        let wanted = settings.trunks.iter().enumerate().filter(|(_, trunk)| trunk.register.is_some());
        let registrations = wanted.map(|(trunk, _)| Registration::new(trunk, &mut random)).collect();
        Self {
            settings,
            random,
            guard: Guard::default(),
            calls: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            servers: BTreeMap::new(),
            merges: BTreeMap::new(),
            clients: BTreeMap::new(),
            registrations,
            by_time: BTreeSet::new(),
            deadlines: BTreeMap::new(),
            outputs: VecDeque::new(),
            next_call: 0,
            full: None,
        }
    }

    /// What it was told.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A whole message came: a datagram, or what [`super::Framer`] cut out of a stream. The flow's source belongs to a
    /// trunk ([`Settings::trunk_of`]), or we called it.
    pub fn receive(&mut self, now: Duration, flow: &Flow, bytes: &[u8]) {
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return; // A keep-alive.
        }
        match Message::parse(bytes) {
            Ok(message) => match message.start {
                Start::Request { .. } => self.request(now, flow, message),
                Start::Response { .. } => self.response(now, message),
            },
            Err(bad) => self.broken(flow, bad),
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Duration) {
        while let Some((due, timed)) = self.by_time.first().copied().filter(|(due, _)| *due <= now) {
            self.by_time.remove(&(due, timed));
            self.deadlines.remove(&timed);
            match timed {
                Timed::Server(key) => self.server_due(now, key),
                Timed::Client(branch) => self.client_due(now, branch),
                Timed::Call(call) => self.call_due(now, call),
                Timed::Registration(at) => self.registration_due(now, at),
            }
        }
    }

    /// When [`Agent::tick`] is wanted next.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// The next thing to do.
    pub fn output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// True if no call and no request of ours is left.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.calls.is_empty() && self.clients.values().all(|client| client.is_answered())
    }

    /// Calls at this moment.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Calls, server transactions, client transactions and deadlines held at this moment.
    #[must_use]
    pub fn held(&self) -> [usize; 4] {
        [self.calls.len(), self.servers.len(), self.clients.len(), self.deadlines.len()]
    }

    fn send(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Send { flow, bytes });
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Sets or clears a deadline.
    fn set_due(&mut self, timed: Timed, due: Option<Duration>) {
        if let Some(before) = self.deadlines.remove(&timed) {
            self.by_time.remove(&(before, timed));
        }
        if let Some(due) = due {
            self.deadlines.insert(timed, due);
            self.by_time.insert((due, timed));
        }
    }

    fn set_server_due(&mut self, key: u128) {
        let due = self.servers.get(&key).and_then(Server::due);
        self.set_due(Timed::Server(key), due);
    }

    fn set_call_due(&mut self, key: CallKey) {
        let due = self.calls.get(&key).and_then(Call::due);
        self.set_due(Timed::Call(key), due);
    }

    fn server_due(&mut self, now: Duration, key: u128) {
        let Some(server) = self.servers.get_mut(&key) else { return };
        match server.expire(now) {
            Due::Over => {
                if let Some(server) = self.servers.remove(&key) {
                    self.merges.remove(&server.merge);
                }
            }
            Due::Resend => {
                let (flow, bytes) = (server.flow, server.bytes.clone());
                self.send(flow, bytes);
            }
            Due::Nothing => {}
        }
        self.set_server_due(key);
    }

    /// What peers are told to reach us at, on this flow.
    fn our_address(&self, flow: &Flow) -> String {
        self.settings.advertised.unwrap_or(flow.local).to_string()
    }

    fn contact(&self, flow: &Flow) -> String {
        let transport = match flow.transport {
            Transport::Udp => String::new(),
            other => format!(";transport={}", other.name().to_lowercase()),
        };
        format!("<sip:{}@{}{transport}>", self.settings.user, self.our_address(flow))
    }

    /// Forgets a call and says why it ended.
    fn forget(&mut self, key: CallKey, why: End) {
        if let Some(call) = self.calls.remove(&key) {
            self.dialogs.remove(&self.dialog_key(&call.call_id, &call.local_tag));
            self.set_due(Timed::Call(key), None);
            self.event(Event::Ended { call: key, why });
        }
    }

    fn dialog_key(&self, call_id: &str, local_tag: &str) -> u128 {
        self.random.key(&["dialog", call_id, local_tag])
    }

    /// What a call waits for.
    fn call_due(&mut self, now: Duration, key: CallKey) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let mut resend = None;
        if let Some(unacked) = &mut call.unacked {
            if unacked.end <= now {
                call.unacked = None;
                return self.bye(now, key, End::NoAck, None);
            }
            resend = unacked.repeat.strikes(now).then(|| (unacked.flow, unacked.bytes.clone()));
        }
        if call.phase == Phase::Ringing && call.ringing_until <= now {
            return self.refuse(now, key, 480, None);
        }
        if call.phase == Phase::Up
            && let Some(timer) = &mut call.timer
        {
            if timer.expires <= now {
                return self.bye(now, key, End::SessionExpired, None);
            }
            if timer.refresh.is_some_and(|refresh| refresh <= now) {
                timer.refresh = None;
                if call.asking.is_none() && call.waiting.is_none() {
                    call.waiting = Some(super::dialog::Offering::new(call.our_sdp.clone(), true));
                }
            }
        }
        if let Some((flow, bytes)) = resend {
            self.send(flow, bytes);
        }
        self.offer_if_free(now, key);
        self.set_call_due(key);
    }
}

/// The way a request came, as it is given back: the first Via marked with its source, and the address for answers. A Via
/// that cannot be read goes back as it is, to where the request came from.
fn answer_way(flow: &Flow, request: &Message) -> Option<(Vec<String>, Flow)> {
    let mut vias: Vec<String> = request.values("via").map(str::to_owned).collect();
    let first = vias.first_mut()?;
    let Some(mut via) = Via::parse(first) else { return Some((vias, *flow)) };
    via.mark_source(flow.remote.ip(), flow.remote.port());
    *first = via.to_string();
    let mut way = *flow;
    if flow.transport == Transport::Udp && via.params.value("rport").is_none() {
        way.remote.set_port(via.port.filter(|port| *port > 0).unwrap_or(5060));
    }
    Some((vias, way))
}

/// The tag of a From or To header; `None` if the header cannot be read.
fn tag_of(request: &Message, name: &str) -> Option<String> {
    Some(NameAddr::parse(request.header(name)?)?.tag().to_owned())
}
