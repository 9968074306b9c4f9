//! RTP: datagrams of any bytes through the jitter buffer. Each is led by its length and by the frames played before it.
#![no_main]

use core::time::Duration;
use faxgate::t38::rtp::{Jitter, Packet, looks_like};
use faxgate::t38::sdp::Law;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [kind, bytes @ ..] = bytes else { return };
    let mut bytes = bytes;
    let law = if kind & 1 == 0 { Law::Mu } else { Law::A };
    let mut jitter = Jitter::new(law, kind >> 1, Duration::from_millis(100));
    let mut met = 0_u64;
    while let [length, frames, rest @ ..] = bytes {
        let (datagram, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        met += 1;
        let _ = looks_like(datagram);
        if let Ok(packet) = Packet::parse(datagram) {
            let again = packet.encode();
            assert_eq!(Packet::parse(&again), Ok(packet));
        }
        let _ = jitter.accept(datagram);
        for _ in 0..frames % 8 {
            let _ = jitter.frame();
        }
    }
    let counts = jitter.counts();
    assert_eq!(counts.received + counts.stray + counts.refused + counts.rtcp, met);
});
