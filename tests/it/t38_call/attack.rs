//! A caller that trains as any other and then sends what no fax machine sends.

use std::time::Duration;

use faxgate::t38::call::{Call, Event, Role, STEP, Settings};
use faxgate::t38::session::{Sending, Station};
use faxgate::t38::udptl::{Packet, Recovery};

use super::line::MemoryFile;
use super::terms;

/// IFP data types and fields (T.38 §7.3).
const V21: u8 = 0;
const V17_14400: u8 = 8;
const HDLC_DATA: u8 = 0;
const HDLC_FCS_OK: u8 = 2;

fn ifp(data: u8, field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xC0 | data << 1, 1];
    if bytes.is_empty() {
        packet.push(field << 4);
    } else {
        packet.push(0x80 | field << 4);
        packet.extend(((bytes.len() - 1) as u16).to_be_bytes());
        packet.extend(bytes);
    }
    packet
}

/// An ECM page under way, its sender about to turn hostile.
pub struct Attack {
    pub receiver: Call,
    pub now: Duration,
    pub events: Vec<Event>,
    seq: u16,
    output: MemoryFile,
}

impl Attack {
    pub fn new(file: &[u8]) -> Self {
        let (original, output) = (MemoryFile::new(file), MemoryFile::new(b""));
        let none = || terms(faxgate::t38::udptl::Correction::None);
        let zero = Duration::ZERO;
        let call = |role, path: &str| Call::new(none(), role, path, Settings::default(), zero).unwrap();
        let mut sender = call(Role::Send(Sending::default()), &original.path());
        let mut receiver = call(Role::Receive(Station::default()), &output.path());
        let (mut now, mut seq, mut image) = (zero, 0, 0);
        while image < 20 {
            now += STEP;
            assert!(now < Duration::from_secs(60));
            while let Some(datagram) = sender.send() {
                seq = u16::from_be_bytes([datagram[0], datagram[1]]);
                // Large packets after the training are ECM frames.
                image += u32::from(now > Duration::from_secs(11) && datagram.len() > 40);
                receiver.datagram(now, &datagram);
            }
            while let Some(datagram) = receiver.send() {
                sender.datagram(now, &datagram);
            }
            sender.tick(now);
            receiver.tick(now);
        }
        let mut attack = Self { receiver, now, events: Vec::new(), seq, output };
        attack.say(&[0x00]);
        attack
    }

    fn say(&mut self, ifp: &[u8]) {
        self.seq = self.seq.wrapping_add(1);
        let packet = Packet { seq: self.seq, primary: ifp, recovery: Recovery::Redundant(Vec::new()) };
        self.receiver.datagram(self.now, &packet.encode().unwrap());
        while let Some(event) = self.receiver.event() {
            self.events.push(event);
        }
    }

    fn frame(&mut self, data: u8, frame: &[u8]) {
        let frame: Vec<u8> = frame.iter().map(|byte| byte.reverse_bits()).collect();
        self.say(&ifp(data, HDLC_DATA, &frame));
        self.say(&ifp(data, HDLC_FCS_OK, &[]));
    }

    /// An ECM block of `frames` frames that hold `content`, and PPS with `after` (0: more of the page follows).
    pub fn block(&mut self, block: u8, frames: u16, content: u8, after: u8) {
        for number in 0..frames {
            let mut frame = vec![0xFF, 0x03, 0x06, number as u8];
            frame.extend([content; 256]);
            self.frame(V17_14400, &frame);
        }
        for _ in 0..3 {
            self.frame(V17_14400, &[0xFF, 0x03, 0x86]);
        }
        self.frame(V21, &[0xFF, 0x13, 0xBE, after, 0, block, (frames - 1) as u8]);
    }

    /// What goes out within the next seconds.
    pub fn answers(&mut self, seconds: u64) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        for _ in 0..seconds * 50 {
            self.now += STEP;
            self.receiver.tick(self.now);
            while let Some(answer) = self.receiver.send() {
                answers.push(answer);
            }
        }
        answers
    }

    pub fn file(&self) -> Vec<u8> {
        self.output.read()
    }
}
