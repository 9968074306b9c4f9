use super::*;
use crate::t38::sdp::Law;
use proptest::prelude::*;

const SEED: [u8; 10] = [1, 2, 3, 4, 0xff, 0xff, 0xff, 0x00, 0xff, 0xfe];
const DEPTH: Duration = Duration::from_millis(100);

fn tone(frame: usize) -> [i16; FRAME] {
    core::array::from_fn(|at| (((frame * FRAME + at) as f64 * 0.9).sin() * 9_000.0) as i16)
}

/// Frames as they sound after one coding and decoding.
fn heard(law: Law, frame: usize) -> [i16; FRAME] {
    tone(frame).map(|sample| g711::decode(law, g711::encode(law, sample)))
}

fn packets(law: Law, count: usize) -> Vec<Vec<u8>> {
    let mut stream = Stream::new(law, if law == Law::Mu { 0 } else { 8 }, SEED);
    (0..count).map(|frame| stream.packet(&tone(frame))).collect()
}

/// One packet and one frame each 20 ms; `None` is a packet that did not come at its time.
fn play(jitter: &mut Jitter, arrivals: &[Vec<&Vec<u8>>]) -> Vec<[i16; FRAME]> {
    let step = |datagrams: &Vec<&Vec<u8>>| {
        for datagram in datagrams {
            let _ = jitter.accept(datagram);
        }
        jitter.frame()
    };
    arrivals.iter().map(step).collect()
}

#[test]
fn octets_of_both_laws_come_back_as_they_were() {
    for law in [Law::Mu, Law::A] {
        for octet in 0..=255 {
            // µ-law has two zeros; the negative one is written as the positive.
            let again = g711::encode(law, g711::decode(law, octet));
            assert!(
                again == octet || (law == Law::Mu && octet == 0x7f && again == 0xff),
                "{law:?} {octet:#x}"
            );
        }
    }
}

#[test]
fn known_values_of_the_tables_of_g711() {
    // ITU-T G.711 tables 1 and 2, scaled to 16 bits.
    for (octet, sample) in
        [(0x00, -32_124), (0x80, 32_124), (0xff, 0), (0xfe, 8), (0x7e, -8), (0xf0, 120), (0xef, 132)]
    {
        assert_eq!(g711::decode(Law::Mu, octet), sample, "{octet:#x}");
    }
    for (octet, sample) in
        [(0xd5, 8), (0x55, -8), (0xaa, 32_256), (0x2a, -32_256), (0xd4, 24), (0xc5, 264), (0xf5, 528)]
    {
        assert_eq!(g711::decode(Law::A, octet), sample, "{octet:#x}");
    }
    assert_eq!((g711::silence(Law::Mu), g711::silence(Law::A)), (0xff, 0xd5));
}

#[test]
fn every_sample_is_coded_to_the_nearest_or_next_step() {
    for law in [Law::Mu, Law::A] {
        for sample in i16::MIN..=i16::MAX {
            let back = i32::from(g711::decode(law, g711::encode(law, sample)));
            let error = (back - i32::from(sample)).abs();
            // A step is a sixteenth of the segment's lowest value; half of it may be missed, more at the clipped ends.
            let step = (i32::from(sample).abs() / 16).max(16);
            assert!(error <= step, "{law:?} {sample} {back}");
        }
    }
}

#[test]
fn frames_come_out_one_depth_later_and_whole() {
    for law in [Law::Mu, Law::A] {
        let sent = packets(law, 50);
        let mut jitter = Jitter::new(law, if law == Law::Mu { 0 } else { 8 }, DEPTH);
        let mut arrivals: Vec<Vec<&Vec<u8>>> = sent.iter().map(|packet| vec![packet]).collect();
        arrivals.resize(55, Vec::new());
        let out = play(&mut jitter, &arrivals);
        assert!(out[..5].iter().all(|frame| *frame == [0; FRAME]));
        assert!((0..50).all(|frame| out[frame + 5] == heard(law, frame)));
        assert_eq!(jitter.counts(), Counts { received: 50, ..Counts::default() });
    }
}

#[test]
fn jitter_reordering_and_duplicates_within_the_depth_are_not_heard() {
    let sent = packets(Law::A, 40);
    let mut jitter = Jitter::new(Law::A, 8, DEPTH);
    let mut arrivals: Vec<Vec<&Vec<u8>>> = vec![Vec::new(); 50];
    for (at, packet) in sent.iter().enumerate() {
        arrivals[at + (at * 7) % 5].push(packet);
        if at % 4 == 0 {
            arrivals[at + 4].push(packet);
        }
    }
    let out = play(&mut jitter, &arrivals);
    assert!((0..40).all(|frame| out[frame + 5] == heard(Law::A, frame)));
    let counts = jitter.counts();
    assert_eq!((counts.received, counts.duplicate, counts.late, counts.stray), (50, 10, 0, 0));
}

#[test]
fn a_lost_packet_is_silence_and_shifts_nothing() {
    let sent = packets(Law::Mu, 30);
    let mut jitter = Jitter::new(Law::Mu, 0, DEPTH);
    let mut arrivals: Vec<Vec<&Vec<u8>>> = sent.iter().map(|packet| vec![packet]).collect();
    arrivals[10].clear();
    arrivals.resize(35, Vec::new());
    // It comes when its time is over.
    arrivals[16].push(&sent[10]);
    let out = play(&mut jitter, &arrivals);
    for frame in 0..30 {
        let expected = if frame == 10 { [0; FRAME] } else { heard(Law::Mu, frame) };
        assert_eq!(out[frame + 5], expected, "{frame}");
    }
    let counts = jitter.counts();
    assert_eq!((counts.missing, counts.late, counts.resyncs), (1, 1, 0));
}

#[test]
fn a_peer_that_begins_again_is_heard_again() {
    let first = packets(Law::Mu, 20);
    let mut stream = Stream::new(Law::Mu, 0, [9; 10]);
    let second: Vec<Vec<u8>> = (0..20).map(|frame| stream.packet(&tone(frame))).collect();
    let mut jitter = Jitter::new(Law::Mu, 0, DEPTH);
    let mut arrivals: Vec<Vec<&Vec<u8>>> = first.iter().chain(&second).map(|packet| vec![packet]).collect();
    arrivals.resize(50, Vec::new());
    let out = play(&mut jitter, &arrivals);
    // Four packets until it is believed, then as ever.
    assert!((4..20).all(|frame| out[frame + 25] == heard(Law::Mu, frame)));
    assert_eq!((jitter.counts().resyncs, jitter.counts().stray), (1, 5));
}

/// 400 ms of audio are not heard, or not whole: the four packets before it is believed, what of the old stream was not played
/// yet, and the silence until the new one is.
#[test]
fn what_a_new_stream_costs_is_missing() {
    let first = packets(Law::Mu, 20);
    let elsewhere = Stream::new(Law::Mu, 0, [9; 10]);
    let mut jump = Stream::new(Law::Mu, 0, SEED);
    for _ in 0..1_000 {
        let _ = jump.packet(&tone(0));
    }
    for mut stream in [elsewhere, jump] {
        let second: Vec<Vec<u8>> = (0..20).map(|frame| stream.packet(&tone(frame))).collect();
        let mut jitter = Jitter::new(Law::Mu, 0, Duration::from_millis(200));
        let arrivals: Vec<_> = first.iter().chain(&second).map(|packet| vec![packet]).collect();
        let out = play(&mut jitter, &arrivals);
        assert_eq!(jitter.counts().resyncs, 1);
        // 40 packets went in, of which the last 10 wait: what did not come out is missing, and silence twice.
        let heard = out.iter().filter(|frame| **frame != [0; FRAME]).count() as u64;
        assert_eq!(heard, 20);
        assert!(jitter.counts().missing >= 30 - heard, "{:?}", jitter.counts());
    }
    // Before anything was heard nothing is missing.
    let mut jitter = Jitter::new(Law::Mu, 0, Duration::from_millis(200));
    let early = packets(Law::Mu, 1);
    let mut other = Stream::new(Law::Mu, 0, [9; 10]);
    let then: Vec<Vec<u8>> = (0..20).map(|frame| other.packet(&tone(frame))).collect();
    let arrivals: Vec<_> = early.iter().chain(&then).map(|packet| vec![packet]).collect();
    play(&mut jitter, &arrivals);
    assert_eq!((jitter.counts().resyncs, jitter.counts().missing), (1, 0));
}

#[test]
fn rtcp_and_other_payloads_are_left_alone() {
    let mut jitter = Jitter::new(Law::Mu, 0, DEPTH);
    let report = [0x80, 200, 0, 1, 1, 2, 3, 4];
    assert_eq!(jitter.accept(&[report.as_slice(), &[0; 8]].concat()), Err(NotRtp::Rtcp));
    let event = Packet { marker: false, payload_type: 101, seq: 1, timestamp: 0, ssrc: 1, payload: &[0; 4] };
    assert_eq!(jitter.accept(&event.encode()), Ok(()));
    assert_eq!((jitter.counts().rtcp, jitter.counts().refused, jitter.counts().received), (1, 1, 0));
}

#[test]
fn extension_csrc_and_padding_are_walked() {
    let mut bytes = vec![0x80 | 0x20 | 0x10 | 2, 8, 0, 7, 0, 0, 0, 9, 1, 1, 1, 1];
    bytes.extend([0; 8]);
    bytes.extend([0xbe, 0xde, 0, 1, 5, 5, 5, 5]);
    bytes.extend([1, 2, 3, 0, 0, 3]);
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!((packet.payload, packet.seq, packet.timestamp), ([1, 2, 3].as_slice(), 7, 9));
    for cut in 0..26 {
        assert!(Packet::parse(&bytes[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn stragglers_are_told_from_udptl() {
    for packet in packets(Law::A, 20).iter().chain(&packets(Law::Mu, 20)) {
        assert!(looks_like(packet));
    }
    let report: Vec<u8> = [0x80, 200, 0, 6, 1, 2, 3, 4].into_iter().chain([7; 20]).collect();
    assert!(looks_like(&report));
    // UDPTL at every sequence number that begins like RTP, redundancy 3, sizes as gateways send them.
    let ifps: Vec<Vec<u8>> = (0..4).map(|n| vec![0xc0 | n; 41]).collect();
    for seq in 0x8000..=0xbfff {
        let recovery = crate::t38::udptl::Recovery::Redundant(ifps[1..].iter().map(Vec::as_slice).collect());
        let packet = crate::t38::udptl::Packet { seq, primary: &ifps[0], recovery };
        assert!(!looks_like(&packet.encode().unwrap()), "{seq:#x}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..60)) {
        let mut jitter = Jitter::new(Law::Mu, 0, DEPTH);
        for datagram in &datagrams {
            let _ = jitter.accept(datagram);
            let _ = looks_like(datagram);
            let _ = jitter.frame();
        }
        let counts = jitter.counts();
        let met = counts.received + counts.stray + counts.refused + counts.rtcp;
        prop_assert_eq!(met, datagrams.len() as u64);
    }

    #[test]
    fn packets_come_back(marker: bool, payload_type in 0_u8..128, seq: u16, timestamp: u32, ssrc: u32,
                         payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let packet = Packet { marker, payload_type, seq, timestamp, ssrc, payload: &payload };
        let bytes = packet.encode();
        if marker && (64..96).contains(&payload_type) {
            prop_assert_eq!(Packet::parse(&bytes), Err(NotRtp::Rtcp));
        } else {
            prop_assert_eq!(Packet::parse(&bytes), Ok(packet));
        }
    }
}
