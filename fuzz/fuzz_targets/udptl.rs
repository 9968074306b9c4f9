//! UDPTL: datagrams of any bytes, and a sender's own stream under any loss, reordering and repetition.
#![no_main]

use core::time::Duration;
use faxgate::t38::udptl::{Correction, MOST_GAP, Packet, Receiver, Sender, WINDOW};
use libfuzzer_sys::fuzz_target;

/// V.17 data, non-ECM, one field of `length` bytes that differ by number.
fn ifp(number: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0xd0, 1, 0xe0];
    bytes.extend((length as u16).to_be_bytes());
    bytes.extend((0..=length).map(|at| (number * 31 + at * 7 + 1) as u8));
    bytes
}

/// Each datagram is led by its length and by how many milliseconds after the one before it comes.
fn any_datagrams(mut bytes: &[u8]) {
    let mut receiver = Receiver::new();
    let (mut now, mut met) = (Duration::ZERO, 0_u64);
    while let [length, wait, rest @ ..] = bytes {
        let (datagram, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        now += Duration::from_millis(u64::from(*wait));
        met += 1;
        let _ = faxgate::t38::rtp::looks_like(datagram);
        if let Ok(packet) = Packet::parse(datagram) {
            let again = packet.encode().expect("what was read can be written");
            assert_eq!(Packet::parse(&again), Ok(packet));
        }
        let _ = receiver.accept(now, datagram);
        let mut handed = 0;
        while let Some(ifp) = receiver.next(now) {
            handed += 1;
            assert!(!ifp.bytes.is_empty() && ifp.lost_before as usize <= (MOST_GAP as usize + WINDOW) * 512);
        }
        // A datagram brings itself, its window, and a run outside it with what that carries.
        assert!(handed <= 2 * WINDOW + 200);
    }
    let counts = receiver.counts();
    assert_eq!(counts.received + counts.refused + counts.straggler, met);
}

/// Each byte says what becomes of one packet. What comes out was sent, in order, and the gaps add up.
fn own_stream(correction: Correction, fates: &[u8]) {
    let fates = &fates[..fates.len().min(2_000)];
    let mut sender = Sender::new(correction, 1_400);
    let sent: Vec<Vec<u8>> = (0..fates.len()).map(|number| ifp(number, 5 + number * 13 % 60)).collect();
    let all: Vec<Vec<u8>> = sent.iter().map(|ifp| sender.packet(ifp, 3).expect("short")).collect();
    let mut order: Vec<(usize, usize)> = Vec::new();
    for (at, fate) in fates.iter().enumerate() {
        match fate % 8 {
            0 => {}
            1 => order.extend([(at, at), (at + 1, at)]),
            2 => order.push((at + usize::from(fate / 8 % 4), at)),
            _ => order.push((at, at)),
        }
    }
    order.sort_by_key(|(when, _)| *when);
    let mut receiver = Receiver::new();
    let (mut last, mut gaps) = (None::<usize>, 0);
    let mut check = |ifp: faxgate::t38::udptl::Ifp| {
        let at = usize::from(ifp.seq);
        assert_eq!(ifp.bytes, sent[at]);
        let missing = last.map_or(0, |last| at - last - 1);
        assert_eq!(ifp.lost_before as usize, missing);
        gaps += missing as u64;
        last = Some(at);
    };
    for (when, at) in order {
        let now = Duration::from_millis(when as u64 * 30);
        receiver.accept(now, &all[at]).expect("whole");
        std::iter::from_fn(|| receiver.next(now)).for_each(&mut check);
    }
    std::iter::from_fn(|| receiver.next(Duration::from_secs(1_000_000))).for_each(&mut check);
    assert_eq!(receiver.counts().lost, gaps);
    assert_eq!(receiver.counts().restarts, 0);
}

fuzz_target!(|bytes: &[u8]| {
    let [kind, rest @ ..] = bytes else { return };
    match kind % 4 {
        0 => own_stream(Correction::None, rest),
        1 => own_stream(Correction::Redundancy, rest),
        2 => {
            let [shape, rest @ ..] = rest else { return };
            let (span, entries) = (usize::from(shape % 16) + 1, usize::from(shape / 16) + 1);
            own_stream(Correction::Fec { span, entries }, rest);
        }
        _ => any_datagrams(rest),
    }
});
