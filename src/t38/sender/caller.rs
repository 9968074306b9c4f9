//! The task that places calls: the agent of a sender, between the wires and the media threads.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, UnboundedReceiver};
use tokio_util::sync::CancellationToken;

use super::{Medium, Outcome, Progress, Settings, Trouble};
use crate::t38::call::{self, AudioTerms, Mode, Role, T38Terms};
use crate::t38::receiver::media::{Begin, Finished, News, Order, Workers};
use crate::t38::receiver::ports::{Change, Ports, route_to};
use crate::t38::receiver::settings::Listen;
use crate::t38::receiver::tls;
use crate::t38::receiver::transport::{Gate, Wire, Wires};
use crate::t38::record::Record;
use crate::t38::sdp::{self, Agreed, ErrorCorrection, ImageTerms, Local, Offer};
use crate::t38::sip::{self, Agent, CallKey, Calling, End, Event, Flow, Net, Transport};
use crate::t38::udptl::Correction;

/// Ports of a sender: those that the system gives out itself.
const PORTS: std::ops::RangeInclusive<u16> = 20_000..=59_999;
/// Somebody must answer within this time.
const RING: Duration = Duration::from_secs(120);
/// How long a callee may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(35);
/// How long T.30 may go on once the far end has hung up.
const LAST_WORDS: Duration = Duration::from_secs(4);
/// The loop goes round at least so often.
const ROUND: Duration = Duration::from_millis(250);

pub(super) struct Caller {
    settings: Settings,
    agent: Agent,
    wires: Wires,
    workers: Workers,
    ports: Ports,
    remote: SocketAddr,
    networks: Arc<[Net]>,
    calls: HashMap<CallKey, Placed>,
    pub(super) stop: CancellationToken,
}

/// One call out.
struct Placed {
    number: usize,
    file: PathBuf,
    local: Local,
    said: String,
    socket: Option<UdpSocket>,
    since: Duration,
    answered: bool,
    t38: bool,
    pages: u32,
    ended: Option<End>,
    /// When media is closed at the latest, though T.30 is not over: the far end hung up.
    close_at: Option<Duration>,
    over: bool,
    finished: Option<Box<Finished>>,
}

impl Caller {
    pub(super) async fn start(
        settings: &Settings,
        remote: SocketAddr,
    ) -> Result<(Self, Receiver<Wire>, UnboundedReceiver<News>), Trouble> {
        let any: IpAddr =
            if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let address = route_to(remote.ip()).unwrap_or(any);
        let listen = match settings.target.transport {
            Transport::Udp => {
                vec![Listen { transport: Transport::Udp, address: SocketAddr::new(address, 0) }]
            }
            Transport::Tcp | Transport::Tls => vec![],
        };
        let connector = match settings.target.transport {
            Transport::Tls => {
                let made = tls::connector(settings.roots.as_deref());
                Some(made.map_err(|error| Trouble::Tls(error.to_string()))?)
            }
            Transport::Udp | Transport::Tcp => None,
        };
        let networks = vec![Net { address: remote.ip(), bits: if remote.is_ipv4() { 32 } else { 128 } }];
        let stop = CancellationToken::new();
        let gate = Arc::new(Gate::new(networks.clone()));
        let bound = Wires::bind(&listen, None, connector, gate, stop.clone()).await;
        let (mut wires, incoming) = bound.map_err(|(_, error)| Trouble::Socket(error.to_string()))?;
        wires.listen();
        let (tell, news) = mpsc::unbounded_channel();
        let workers = Workers::start(settings.threads, None, &tell)
            .map_err(|error| Trouble::Socket(error.to_string()))?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| Trouble::Socket(error.to_string()))?;
        let trunk =
            sip::Trunk { name: "callee".to_owned(), networks: networks.clone(), ..sip::Trunk::default() };
        let agent = Agent::new(
            sip::Settings {
                user: settings.from.clone(),
                user_agent: concat!("faxgate/", env!("CARGO_PKG_VERSION")).to_owned(),
                trunks: vec![trunk],
                limits: sip::Limits { calls: 2_000, transactions: 20_000 },
                ..sip::Settings::default()
            },
            seed,
        );
        let caller = Self {
            settings: settings.clone(),
            agent,
            wires,
            workers,
            ports: Ports::new(PORTS),
            remote,
            networks: networks.into(),
            calls: HashMap::new(),
            stop,
        };
        Ok((caller, incoming, news))
    }

    fn now(&self) -> Duration {
        self.workers.pulse().now()
    }

    /// Places every call and waits for the last to end.
    pub(super) async fn all(
        &mut self,
        files: &[PathBuf],
        wires: &mut Receiver<Wire>,
        news: &mut UnboundedReceiver<News>,
        tell: &mut impl FnMut(usize, Progress),
    ) -> Result<Vec<Outcome>, Trouble> {
        let flow = self.way(wires).await?;
        let mut outcomes: Vec<Option<Outcome>> = files.iter().map(|_| None).collect();
        let mut waiting = files.iter().enumerate();
        let mut next = self.now();
        let mut all_placed = false;
        while !(all_placed && self.calls.is_empty()) {
            if !all_placed && self.now() >= next {
                match waiting.next() {
                    Some((number, file)) => self.place(number, file, flow)?,
                    None => all_placed = true,
                }
                next = self.now() + self.settings.pause;
            }
            self.act(tell);
            let due = self.agent.due().unwrap_or(Duration::MAX);
            let until = if all_placed { due } else { due.min(next) };
            let wait = until.saturating_sub(self.now()).min(ROUND);
            tokio::select! {
                biased;
                Some(told) = news.recv() => self.heard(told, tell),
                Some(wire) = wires.recv() => wire.tell(&mut self.agent, self.workers.pulse().now()),
                () = tokio::time::sleep(wait) => {}
            }
            let now = self.now();
            if self.agent.due().is_some_and(|due| due <= now) {
                self.agent.tick(now);
            }
            self.act(tell);
            self.give_up(now);
            self.close(now);
            self.collect(&mut outcomes);
        }
        self.goodbye(wires, tell).await;
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// The connection to the callee, or the socket that reaches it.
    async fn way(&mut self, wires: &mut Receiver<Wire>) -> Result<Flow, Trouble> {
        let target = self.settings.target.clone();
        if target.transport == Transport::Udp {
            return self.wires.udp_flow(self.remote).ok_or_else(|| Trouble::Socket("no socket".to_owned()));
        }
        self.wires.connect(0, target.transport, target.host.clone(), target.port);
        loop {
            match wires.recv().await {
                Some(Wire::Connected { flow: Some(flow), .. }) => return Ok(flow),
                Some(Wire::Connected { flow: None, .. }) | None => {
                    return Err(Trouble::Connect(target.host, target.port));
                }
                Some(_) => {}
            }
        }
    }

    fn place(&mut self, number: usize, file: &std::path::Path, flow: Flow) -> Result<(), Trouble> {
        let trouble = |error: io::Error| Trouble::Socket(error.to_string());
        let audio = self.settings.medium != Medium::T38;
        let socket = self.ports.bind(flow.local.ip(), audio).map_err(trouble)?;
        let port = Some(socket.local_addr().map_err(trouble)?.port());
        let mut local = Local::new(crate::ops::clock::now().unsigned_abs(), flow.local.ip());
        if self.settings.redundancy == Some(0) {
            local.error_correction = ErrorCorrection::None;
        }
        let said = if audio {
            local.audio_port = port;
            sdp::offer_audio(&local)
        } else {
            local.image_port = port;
            sdp::offer_image(&local)
        };
        let calling = Calling {
            target: self.settings.target.uri(),
            from: format!("sip:{}@{}", self.settings.from, bracketed(flow.local.ip())),
            flow,
            sdp: said.clone().into_bytes(),
            login: self.settings.login.clone(),
        };
        let now = self.now();
        let Some(key) = self.agent.invite(now, &calling) else {
            return Err(Trouble::Target(self.settings.target.uri()));
        };
        let placed = Placed {
            number,
            file: file.to_owned(),
            local,
            said,
            socket: Some(socket),
            since: now,
            answered: false,
            t38: !audio,
            pages: 0,
            ended: None,
            close_at: None,
            over: false,
            finished: None,
        };
        self.calls.insert(key, placed);
        Ok(())
    }

    fn act(&mut self, tell: &mut impl FnMut(usize, Progress)) {
        while let Some(event) = self.wires.serve(&mut self.agent, self.workers.pulse().now()) {
            self.event(event, tell);
        }
    }

    fn event(&mut self, event: Event, tell: &mut impl FnMut(usize, Progress)) {
        let now = self.now();
        match event {
            Event::Progress { call, status } => {
                if let Some(placed) = self.calls.get(&call) {
                    tell(placed.number, Progress::Ringing(status));
                }
            }
            Event::Answered { call, sdp } => {
                if let Some(placed) = self.calls.get_mut(&call) {
                    placed.answered = true;
                    tell(placed.number, Progress::Answered);
                }
                if !self.begin(call, &sdp) {
                    self.agent.hang_up(now, call, Some("SIP;cause=488"));
                }
            }
            Event::Reoffer { call, sdp, unchanged } => self.reoffered(call, sdp.as_deref(), unchanged),
            Event::Ended { call, why } => self.ended(call, why),
            // Nobody calls a sender.
            Event::Invite { call, .. } => self.agent.refuse(now, call, 403, None),
            _ => {}
        }
    }

    fn begin(&mut self, call: CallKey, sdp: &[u8]) -> bool {
        let (settings, networks) = (self.call_settings(), Arc::clone(&self.networks));
        let Some(placed) = self.calls.get_mut(&call) else { return false };
        let Ok(answer) = sdp::parse(sdp) else { return false };
        let (peer, mode) = match sdp::accept(&placed.local, &answer) {
            Agreed::Image(terms) => (terms.peer, Mode::T38(spoken(&terms, self.settings.redundancy))),
            Agreed::Audio(terms) => {
                let mut seed = [0; 10];
                if getrandom::fill(&mut seed).is_err() {
                    return false;
                }
                (terms.peer, Mode::Audio(AudioTerms::new(&terms, seed)))
            }
            Agreed::Nothing => return false,
        };
        let Some(socket) = placed.socket.take() else { return false };
        let begin = Begin {
            call,
            name: format!("call {}", placed.number + 1),
            socket,
            peer,
            networks,
            mode,
            role: Role::Send(self.settings.sending.clone()),
            settings,
            record: Record {
                received_at: crate::t38::record::moment(crate::ops::clock::now()),
                ..Record::default()
            },
            file: Some(placed.file.clone()),
            loss: self.settings.loss,
        };
        self.workers.order(Order::Begin(Box::new(begin)))
    }

    fn call_settings(&self) -> call::Settings {
        let usual = call::Settings::default();
        call::Settings { copies: self.settings.redundancy.unwrap_or(usual.copies), ..usual }
    }

    /// The far end wants T.38, or asks whether we are still there.
    fn reoffered(&mut self, call: CallKey, sdp: Option<&[u8]>, unchanged: bool) {
        let now = self.now();
        let Some(placed) = self.calls.get_mut(&call) else {
            self.agent.refuse_reoffer(now, call, 481);
            return;
        };
        if unchanged {
            self.agent.repeat_answer(now, call);
            return;
        }
        let Some(sdp) = sdp else {
            self.agent.answer_reoffer(now, call, placed.said.as_bytes());
            return;
        };
        let offer = sdp::parse(sdp).ok();
        let wanted = offer
            .filter(Offer::has_image)
            .filter(|_| self.settings.medium == Medium::AudioFirst && !placed.t38);
        let changed =
            wanted.and_then(|offer| self.ports.change_to_t38(placed.local.address, &placed.local, &offer));
        let Some(Change { socket, local, said, terms }) = changed else {
            self.agent.refuse_reoffer(now, call, 488);
            return;
        };
        (placed.local, placed.said, placed.t38) = (local, said, true);
        self.agent.answer_reoffer(now, call, placed.said.as_bytes());
        let spoken = spoken(&terms, self.settings.redundancy);
        self.workers.order(Order::Switch { call, socket, peer: terms.peer, terms: spoken });
    }

    /// Signalling is over. A receiver may hang up while our last words (DCN) are still on their way out of the modem: T.30 gets
    /// a moment to come to its own end.
    fn ended(&mut self, call: CallKey, why: End) {
        let now = self.now();
        let Some(placed) = self.calls.get_mut(&call) else { return };
        placed.ended = Some(why);
        if placed.socket.is_none() {
            let last = if placed.over { now } else { now + LAST_WORDS };
            placed.close_at = Some(last);
        }
    }

    /// Closes media whose time is over.
    fn close(&mut self, now: Duration) {
        for (call, placed) in &mut self.calls {
            if placed.close_at.is_some_and(|at| placed.over || at <= now) {
                placed.close_at = None;
                self.workers.order(Order::End { call: *call, why: "the far end hung up" });
            }
        }
    }

    fn heard(&mut self, news: News, tell: &mut impl FnMut(usize, Progress)) {
        let now = self.now();
        match news {
            News::Page(call) => {
                if let Some(placed) = self.calls.get_mut(&call) {
                    placed.pages += 1;
                    tell(placed.number, Progress::Pages(placed.pages));
                }
            }
            News::Negotiated(call) => {
                if let Some(placed) = self.calls.get(&call) {
                    tell(placed.number, Progress::Negotiated);
                }
            }
            News::Over(call, _) => {
                if let Some(placed) = self.calls.get_mut(&call) {
                    placed.over = true;
                    tell(placed.number, Progress::HangingUp);
                }
                self.agent.hang_up(now, call, None);
            }
            News::Finished(finished) => {
                if let Some(placed) = self.calls.get_mut(&finished.call) {
                    placed.finished = Some(finished);
                }
            }
            // The far end offers T.38, not we.
            News::FaxHeard(_) => {}
            News::TooLate(call) => self.agent.hang_up(now, call, Some("SIP;cause=488")),
        }
    }

    /// Nobody answers.
    fn give_up(&mut self, now: Duration) {
        let late: Vec<CallKey> = self
            .calls
            .iter()
            .filter(|(_, placed)| {
                !placed.answered && placed.ended.is_none() && now.saturating_sub(placed.since) > RING
            })
            .map(|(key, _)| *key)
            .collect();
        for call in late {
            self.agent.hang_up(now, call, None);
        }
    }

    /// Takes out what is over in signalling and in media.
    fn collect(&mut self, outcomes: &mut [Option<Outcome>]) {
        let over: Vec<CallKey> = self
            .calls
            .iter()
            .filter(|(_, placed)| match (&placed.ended, &placed.finished) {
                (Some(_), Some(_)) => true,
                (Some(_), None) => placed.socket.is_some(),
                // Media is over, and signalling is on its way: its end will come.
                _ => false,
            })
            .map(|(key, _)| *key)
            .collect();
        for key in over {
            let Some(placed) = self.calls.remove(&key) else { continue };
            let outcome = Outcome {
                answered: placed.answered,
                t38: placed.t38,
                pages: placed.pages,
                end: placed.ended,
                report: placed.finished.as_ref().and_then(|finished| finished.report.clone()),
                packets: placed.finished.as_ref().map(|finished| finished.packets).unwrap_or_default(),
                lasted: self.now().saturating_sub(placed.since),
            };
            if let Some(place) = outcomes.get_mut(placed.number) {
                *place = Some(outcome);
            }
        }
    }

    /// Lets the last BYE be answered.
    async fn goodbye(&mut self, wires: &mut Receiver<Wire>, tell: &mut impl FnMut(usize, Progress)) {
        let until = self.now() + GOODBYE;
        while !self.agent.idle() && self.now() < until {
            let wait = self.agent.due().map_or(Duration::from_secs(1), |due| due.saturating_sub(self.now()));
            tokio::select! {
                Some(wire) = wires.recv() => wire.tell(&mut self.agent, self.workers.pulse().now()),
                () = tokio::time::sleep(wait.min(Duration::from_secs(1))) => {}
            }
            let now = self.now();
            self.agent.tick(now);
            self.act(tell);
        }
    }
}

/// T.38 as agreed upon: loss is made good as the far end asks, unless we were told to send nothing twice.
fn spoken(terms: &ImageTerms, redundancy: Option<usize>) -> T38Terms {
    let agreed = T38Terms::from(terms);
    match redundancy {
        Some(0) => T38Terms { correction: Correction::None, ..agreed },
        _ => agreed,
    }
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => format!("[{six}]"),
    }
}
