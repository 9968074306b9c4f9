//! A network in virtual time: two agents, each datagram 10 ms on its way, chosen ones lost.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use super::super::*;

pub const CALLER: usize = 0;
pub const CALLED: usize = 1;
pub const OFFER: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=image 4000 udptl t38\r\n";
pub const ANSWER: &[u8] = b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\nm=image 5000 udptl t38\r\n";
const WAY: Duration = Duration::from_millis(10);

pub fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub fn address(who: usize) -> SocketAddr {
    format!("192.0.2.{}:5060", who + 1).parse().unwrap()
}

pub fn flow(who: usize, transport: Transport) -> Flow {
    Flow { id: 1, transport, local: address(who), remote: address(1 - who) }
}

pub fn settings() -> Settings {
    let net = Net { address: "192.0.2.0".parse().unwrap(), bits: 24 };
    let trunk = Trunk { name: "trunk".to_owned(), networks: vec![net], ..Trunk::default() };
    Settings { trunks: vec![trunk], ..Settings::default() }
}

pub fn calling(transport: Transport) -> Calling {
    Calling {
        target: "sip:18005550100@192.0.2.2".to_owned(),
        from: "sip:15550001@192.0.2.1".to_owned(),
        flow: flow(CALLER, transport),
        sdp: OFFER.to_vec(),
        login: None,
    }
}

pub struct World {
    pub now: Duration,
    pub agents: [Agent; 2],
    pub transport: Transport,
    /// Numbers of the datagrams that are lost.
    pub lost: BTreeSet<usize>,
    pub sent: usize,
    /// Who got which event, when.
    pub events: Vec<(usize, Duration, Event)>,
    /// First lines, for a look at what went over the wire.
    pub wire: Vec<String>,
    on_the_way: VecDeque<(Duration, usize, Vec<u8>)>,
}

/// What the receivers do with an event.
pub type Act<'a> = &'a mut dyn FnMut(&mut Agent, usize, Duration, &Event);

impl World {
    pub fn new(caller: Settings, called: Settings, transport: Transport) -> Self {
        Self {
            now: Duration::ZERO,
            agents: [Agent::new(caller, [1; 32]), Agent::new(called, [2; 32])],
            transport,
            lost: BTreeSet::new(),
            sent: 0,
            events: Vec::new(),
            wire: Vec::new(),
            on_the_way: VecDeque::new(),
        }
    }

    fn collect(&mut self, act: Act) {
        for who in [CALLER, CALLED] {
            while let Some(output) = self.agents[who].output() {
                match output {
                    Output::Send { flow, bytes } => {
                        assert_eq!(flow.remote, address(1 - who), "sent elsewhere");
                        let line = String::from_utf8_lossy(&bytes).lines().next().unwrap_or("").to_owned();
                        self.wire.push(format!("{:.2} {who} {line}", self.now.as_secs_f64()));
                        if !self.lost.contains(&self.sent) {
                            self.on_the_way.push_back((self.now + WAY, 1 - who, bytes));
                        }
                        self.sent += 1;
                    }
                    Output::Event(event) => {
                        act(&mut self.agents[who], who, self.now, &event);
                        self.events.push((who, self.now, event));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// Runs until that time.
    pub fn run(&mut self, until: Duration, act: Act) {
        loop {
            self.collect(act);
            let dues = self.agents.iter().filter_map(Agent::due);
            let next = dues.chain(self.on_the_way.front().map(|(at, ..)| *at)).min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            while self.on_the_way.front().is_some_and(|(at, ..)| *at <= self.now) {
                let (_, who, bytes) = self.on_the_way.pop_front().unwrap();
                let flow = flow(who, self.transport);
                self.agents[who].receive(self.now, &flow, &bytes);
                self.collect(act);
            }
            for agent in &mut self.agents {
                agent.tick(self.now);
            }
        }
        self.now = until;
    }

    /// The first call of each side.
    pub fn call(&self, who: usize) -> Option<CallKey> {
        self.events.iter().find_map(|(side, _, event)| match event {
            Event::Invite { call, .. } | Event::Answered { call, .. } if *side == who => Some(*call),
            _ => None,
        })
    }

    /// How the calls of one side ended.
    pub fn ends(&self, who: usize) -> Vec<End> {
        let ends = self.events.iter().filter_map(|(side, _, event)| match event {
            Event::Ended { why, .. } if *side == who => Some(why.clone()),
            _ => None,
        });
        ends.collect()
    }

    /// The events of one side, provisional answers left out.
    pub fn story(&self, who: usize) -> Vec<String> {
        let name = |event: &Event| match event {
            Event::Invite { .. } => Some("invite".to_owned()),
            Event::Confirmed { sdp, .. } => Some(format!("confirmed {}", sdp.is_some())),
            Event::Reoffer { unchanged, .. } => Some(format!("reoffer unchanged={unchanged}")),
            Event::Progress { .. } => None,
            Event::OurOfferRefused { status, .. } => Some(format!("refused {status}")),
            Event::OurOfferAnswered { .. } => Some("offer answered".to_owned()),
            Event::Answered { .. } => Some("answered".to_owned()),
            Event::Ended { why, .. } => Some(format!("{why:?}")),
            other => Some(format!("{other:?}")),
        };
        self.events.iter().filter(|(side, ..)| *side == who).filter_map(|(_, _, event)| name(event)).collect()
    }

    /// Nothing is left of any call or transaction.
    pub fn is_clean(&self) -> bool {
        self.agents.iter().all(|agent| agent.held() == [0; 4])
    }
}
