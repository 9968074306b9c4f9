//! A peer whose messages are written by hand, against one agent, in virtual time.

use core::time::Duration;

use super::super::*;
use super::world::{flow, seconds, settings};

pub use super::world::{ANSWER, CALLED, OFFER};

pub struct Peer {
    pub now: Duration,
    pub agent: Agent,
    pub flow: Flow,
    pub events: Vec<Event>,
    /// What the agent said and nobody has looked at yet.
    pub said: Vec<Message>,
    pub closed: bool,
    pub wants: Vec<Output>,
}

impl Peer {
    pub fn new() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: Settings) -> Self {
        Self {
            now: Duration::ZERO,
            agent: Agent::new(settings, [7; 32]),
            flow: flow(CALLED, Transport::Udp),
            events: Vec::new(),
            said: Vec::new(),
            closed: false,
            wants: Vec::new(),
        }
    }

    pub fn give_bytes(&mut self, bytes: &[u8]) {
        let flow = self.flow;
        self.agent.receive(self.now, &flow, bytes);
        self.collect();
    }

    /// Gives a message written with bare LFs.
    pub fn give(&mut self, text: &str) {
        self.give_bytes(text.replace('\n', "\r\n").as_bytes());
    }

    pub fn collect(&mut self) {
        while let Some(output) = self.agent.output() {
            match output {
                Output::Send { bytes, .. } => {
                    self.said.push(Message::parse(&bytes).expect("our own words parse"))
                }
                Output::Event(event) => self.events.push(event),
                Output::Close { .. } => self.closed = true,
                other @ Output::Connect { .. } => self.wants.push(other),
            }
        }
    }

    /// Lets time pass, each deadline at its time.
    pub fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.agent.due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.agent.tick(self.now);
            self.collect();
        }
        self.now = until;
    }

    pub fn wait_seconds(&mut self, count: u64) {
        self.wait(seconds(count));
    }

    /// What the agent said since the last look: statuses, or methods.
    pub fn heard(&mut self) -> Vec<String> {
        self.said.drain(..).map(|message| first(&message)).collect()
    }

    /// The only thing it said since.
    pub fn only(&mut self) -> Message {
        let mut said: Vec<Message> = self.said.drain(..).collect();
        assert_eq!(said.len(), 1, "{said:#?}");
        said.remove(0)
    }

    pub fn event(&mut self) -> Event {
        assert_eq!(self.events.len(), 1, "{:#?}", self.events);
        self.events.remove(0)
    }

    /// Calls, is answered, acknowledges; gives the call and our To header.
    pub fn answered_call(&mut self, extra: &str) -> (CallKey, String) {
        self.give(&invite("z9hG4bKfirst", 1, "", extra, OFFER));
        let Some(Event::Invite { call, .. }) = self.events.pop() else { panic!("no call: {:#?}", self.said) };
        self.agent.accept(self.now, call, ANSWER);
        self.collect();
        let answer = self.said.pop().unwrap();
        assert_eq!(answer.status(), 200);
        let to = answer.header("to").unwrap().to_owned();
        self.give(&inside("ACK", 1, "z9hG4bKack", &to, "", b""));
        assert_eq!(self.event(), Event::Confirmed { call, sdp: None });
        self.said.clear();
        (call, to)
    }
}

pub fn first(message: &Message) -> String {
    match &message.start {
        Start::Request { method, .. } => method.clone(),
        Start::Response { status, .. } => status.to_string(),
    }
}

/// A request of the peer; `to` empty: outside calls.
pub fn inside(method: &str, number: u32, branch: &str, to: &str, extra: &str, body: &[u8]) -> String {
    let to = if to.is_empty() { "<sip:18005550100@192.0.2.2>" } else { to };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\n" };
    let body = String::from_utf8_lossy(body).replace("\r\n", "\n");
    let length = body.replace('\n', "\r\n").len();
    format!(
        "{method} sip:18005550100@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\n\
         Max-Forwards: 70\nFrom: \"Bob\" <sip:15550001@192.0.2.1>;tag=theirs\nTo: {to}\nCall-ID: one@192.0.2.1\n\
         CSeq: {number} {method}\nContact: <sip:bob@192.0.2.1:5062>\n{extra}{kind}Content-Length: {length}\n\n{body}"
    )
}

pub fn invite(branch: &str, number: u32, to: &str, extra: &str, body: &[u8]) -> String {
    inside("INVITE", number, branch, to, extra, body)
}
