//! A call over a line that changes what the sender says, IFP by IFP.

use std::time::Duration;

use faxgate::t38::call::{Call, Event, Report, Role, STEP, Settings};
use faxgate::t38::session::{Sending, Station};
use faxgate::t38::udptl::{Correction, Packet, Recovery};

use super::line::MemoryFile;
use super::terms;

/// A field of T.38 §7.3.
const NON_ECM_DATA: u8 = 6;

/// What came of it, and the receiver's file.
pub struct Heard {
    pub sent: Report,
    pub received: Report,
    pub file: Vec<u8>,
}

/// Plays a call whose sender's IFPs go through `doctor`, which gives datagrams' sequence numbers and IFPs.
pub fn doctored(
    file: &[u8],
    station: Station,
    sending: Sending,
    doctor: &mut dyn FnMut(Vec<u8>) -> Vec<(u16, Vec<u8>)>,
) -> Heard {
    let (original, output) = (MemoryFile::new(file), MemoryFile::new(b""));
    let call = |role, path: &str| {
        Call::new(terms(Correction::None), role, path, Settings::default(), Duration::ZERO).unwrap()
    };
    let mut sender = call(Role::Send(sending), &original.path());
    let mut receiver = call(Role::Receive(station), &output.path());
    let mut now = Duration::ZERO;
    while sender.ended().is_none() || receiver.ended().is_none() {
        now += STEP;
        assert!(now < Duration::from_secs(900), "the call hangs");
        while let Some(datagram) = sender.send() {
            let ifp = Packet::parse(&datagram).unwrap().primary.to_vec();
            for (seq, primary) in doctor(ifp) {
                let packet = Packet { seq, primary: &primary, recovery: Recovery::Redundant(Vec::new()) };
                receiver.datagram(now, &packet.encode().unwrap());
            }
        }
        while let Some(datagram) = receiver.send() {
            sender.datagram(now, &datagram);
        }
        sender.tick(now);
        receiver.tick(now);
        while let Some(event) = receiver.event() {
            if let Event::PageReceived(page) = event {
                receiver.confirm(page.report.index);
            }
        }
        while sender.event().is_some() {}
    }
    Heard { sent: sender.finish(), received: receiver.finish(), file: output.read() }
}

/// Whether the IFP holds image data outside ECM. The training's are zeros.
pub fn is_image(ifp: &[u8]) -> bool {
    ifp.len() > 5
        && ifp[0] & 0x40 != 0
        && ifp[2] >> 4 == 8 | NON_ECM_DATA
        && ifp[5..].iter().any(|octet| *octet != 0)
}
