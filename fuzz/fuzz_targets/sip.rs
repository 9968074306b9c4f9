//! SIP: a call is answered, then the bytes come: messages between `\xff` bytes, each with a byte that chooses what the
//! receiver does after it. `cargo +nightly fuzz run sip -- -dict=dictionaries/sip.dict`.
#![no_main]

use std::time::Duration;

use faxgate::t38::sip::{
    Agent, CallKey, Credentials, Event, Flow, Framed, Framer, Limits, Message, Net, Output, Settings,
    Transport, Trunk,
};
use libfuzzer_sys::fuzz_target;

const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\nm=image 5000 udptl t38\r\n";
const INVITE: &[u8] = b"INVITE sip:1@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    From: <sip:2@192.0.2.1>;tag=a\r\nTo: <sip:1@192.0.2.2>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
    Contact: <sip:2@192.0.2.1>\r\n\r\n";
const LIMITS: Limits = Limits { calls: 4, transactions: 8 };

struct Line {
    agent: Agent,
    now: Duration,
    call: CallKey,
    /// Our To, so that fuzzed requests can name the call: `TAG` in them becomes its tag.
    tag: Vec<u8>,
}

impl Line {
    fn collect(&mut self) {
        while let Some(output) = self.agent.output() {
            match output {
                Output::Event(Event::Invite { call, .. }) => self.call = call,
                Output::Send { bytes, .. } => {
                    let message = Message::parse(&bytes).expect("our own words parse");
                    if message.status() == 200 {
                        let to = message.header("to").unwrap_or("");
                        self.tag = to.rsplit("tag=").next().unwrap_or("").as_bytes().to_vec();
                    }
                }
                _ => {}
            }
        }
        let [calls, servers, clients, _] = self.agent.held();
        assert!(calls <= LIMITS.calls && servers <= LIMITS.transactions + LIMITS.calls && clients <= 20);
    }

    fn command(&mut self, choice: u8) {
        let (now, call) = (self.now, self.call);
        match choice % 10 {
            0 => self.agent.progress(now, call, 180),
            1 | 2 => self.agent.accept(now, call, SDP),
            3 => self.agent.refuse(now, call, 486, Some(1)),
            4 => self.agent.answer_reoffer(now, call, SDP),
            5 => self.agent.repeat_answer(now, call),
            6 => self.agent.refuse_reoffer(now, call, 488),
            7 => self.agent.reoffer(now, call, SDP),
            8 => self.agent.hang_up(now, call, None),
            _ => self.now += Duration::from_secs(u64::from(choice)),
        }
        self.agent.tick(self.now);
        self.collect();
    }
}

/// `TAG` becomes the tag of the call.
fn with_tag(bytes: &[u8], tag: &[u8]) -> Vec<u8> {
    match bytes.windows(3).position(|window| window == b"TAG") {
        Some(at) => [&bytes[..at], tag, &bytes[at + 3..]].concat(),
        None => bytes.to_vec(),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let net = Net { address: "192.0.2.0".parse().unwrap(), bits: 24 };
    let guarded = Credentials { user: "u".into(), password: "p".into(), realm: "r".into() };
    let digest = bytes.first().is_some_and(|byte| byte & 1 == 1).then_some(guarded);
    let trunk = Trunk { networks: vec![net], digest, ..Trunk::default() };
    let settings = Settings { trunks: vec![trunk], limits: LIMITS, ..Settings::default() };
    let (local, remote) = ("192.0.2.2:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap());
    let flow = Flow { id: 1, transport: Transport::Udp, local, remote };
    let agent = Agent::new(settings, [5; 32]);
    let mut line = Line { agent, now: Duration::ZERO, call: CallKey(0), tag: Vec::new() };
    line.agent.receive(line.now, &flow, INVITE);
    line.collect();
    line.command(1);
    let mut framer = Framer::new();
    for part in bytes.split(|byte| *byte == 0xff) {
        let [choice, text @ ..] = part else { continue };
        let message = with_tag(text, &line.tag);
        line.agent.receive(line.now, &flow, &message);
        line.collect();
        line.command(*choice);
        framer.push(&message);
        while let Some(Framed::Message(message)) = framer.next() {
            assert!(Message::parse(&message).is_ok() || message.len() < 65_536);
        }
    }
    // Whatever came, it all ends.
    line.agent.stop(line.now);
    line.collect();
    for _ in 0..20 {
        line.now += Duration::from_secs(40);
        line.agent.tick(line.now);
        line.collect();
    }
    assert_eq!(line.agent.held(), [0; 4]);
});
