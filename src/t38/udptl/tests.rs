use super::*;
use core::time::Duration;
use proptest::prelude::*;

const STEP: Duration = Duration::from_millis(30);

/// An IFP as a gateway sends it: V.17 data with one field of `length` bytes that differ by number.
fn ifp(number: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0xc0 | 8 << 1, 1, 0x80 | 6 << 4];
    bytes.extend(u16::try_from(length - 1).unwrap().to_be_bytes());
    bytes.extend((0..length).map(|at| (number * 31 + at * 7 + 1) as u8));
    bytes
}

fn ifps(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| ifp(number, 20 + number * 13 % 50)).collect()
}

fn datagrams(correction: Correction, ifps: &[Vec<u8>], copies: usize) -> Vec<Vec<u8>> {
    let mut sender = Sender::new(correction, 1400);
    ifps.iter().map(|ifp| sender.packet(ifp, copies).unwrap()).collect()
}

/// Feeds datagrams 30 ms apart and fetches at once; 1 s of silence ends it.
fn receive<'a>(receiver: &mut Receiver, datagrams: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<Ifp> {
    let mut out = Vec::new();
    let mut now = Duration::ZERO;
    for datagram in datagrams {
        now += STEP;
        let _ = receiver.accept(now, datagram);
        out.extend(std::iter::from_fn(|| receiver.next(now)));
    }
    now += Duration::from_secs(1);
    out.extend(std::iter::from_fn(|| receiver.next(now)));
    out
}

fn bytes_of(out: &[Ifp]) -> Vec<Vec<u8>> {
    out.iter().map(|ifp| ifp.bytes.clone()).collect()
}

#[test]
fn a_stream_without_loss_comes_out_as_it_went_in() {
    let sent = ifps(40);
    for correction in [Correction::None, Correction::Redundancy, Correction::FEC] {
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, &datagrams(correction, &sent, 3));
        assert_eq!(bytes_of(&out), sent);
        let counts = receiver.counts();
        assert_eq!(counts, Counts { received: 40, ..Counts::default() });
    }
}

/// Everything but the packets at `lost`.
fn without<'a>(all: &'a [Vec<u8>], lost: &'a [usize]) -> impl Iterator<Item = &'a Vec<u8>> {
    all.iter().enumerate().filter(|(at, _)| !lost.contains(at)).map(|(_, datagram)| datagram)
}

/// The bytes of T.38 Annex A by hand: sequence number 258, an indicator, two secondaries.
#[test]
fn a_packet_is_laid_out_as_annex_a_says() {
    let bytes = [1, 2, 1, 0x06, 0x00, 2, 1, 0x04, 2, 0xc0, 0x01];
    let recovery = Recovery::Redundant(vec![&[0x04], &[0xc0, 0x01]]);
    let packet = Packet { seq: 258, primary: &[0x06], recovery };
    assert_eq!(Packet::parse(&bytes).as_ref(), Ok(&packet));
    assert_eq!(packet.encode().unwrap(), bytes);
    let bytes = [0xff, 0xff, 1, 0x06, 0x80, 1, 3, 1, 2, 0xaa, 0xbb];
    let packet = Packet {
        seq: 0xffff,
        primary: &[6],
        recovery: Recovery::Fec { span: 3, entries: vec![&[0xaa, 0xbb]] },
    };
    assert_eq!(Packet::parse(&bytes).as_ref(), Ok(&packet));
    assert_eq!(packet.encode().unwrap(), bytes);
}

#[test]
fn lengths_take_two_octets_from_128_on_and_fragments_are_refused() {
    for length in [0, 1, 127, 128, 129, 255, 256, 1000, 4000] {
        let ifp = vec![7; length];
        let packet = Packet { seq: 9, primary: &ifp, recovery: Recovery::Redundant(Vec::new()) };
        let bytes = packet.encode().unwrap();
        assert_eq!(bytes.len(), 2 + length + if length < 128 { 1 } else { 2 } + 2);
        assert_eq!(Packet::parse(&bytes), Ok(packet));
    }
    let long = vec![0; 0x4000];
    assert_eq!(Packet { seq: 0, primary: &long, recovery: Recovery::Redundant(Vec::new()) }.encode(), None);
    assert_eq!(Packet::parse(&[0, 0, 0xc1, 0, 0, 0]), Err(NotUdptl::Fragmented));
    assert_eq!(Packet::parse(&vec![0; MOST_DATAGRAM + 1]), Err(NotUdptl::Long));
    assert_eq!(Sender::new(Correction::Redundancy, 1400).packet(&long, 3), None);
}

#[test]
fn padding_is_left_alone_and_every_cut_is_refused() {
    for correction in [Correction::Redundancy, Correction::FEC] {
        let whole = datagrams(correction, &ifps(12), 3).pop().unwrap();
        let mut padded = whole.clone();
        padded.extend([0; 9]);
        assert_eq!(Packet::parse(&padded), Packet::parse(&whole));
        for cut in 0..whole.len() {
            assert!(Packet::parse(&whole[..cut]).is_err(), "{cut}");
        }
    }
}

#[test]
fn redundancy_three_makes_good_three_in_a_row_and_counts_the_fourth() {
    let sent = ifps(40);
    let all = datagrams(Correction::Redundancy, &sent, 3);
    for first in 0..36 {
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, without(&all, &[first, first + 1, first + 2]));
        assert_eq!(bytes_of(&out), sent, "{first}");
        assert_eq!((receiver.counts().recovered, receiver.counts().lost), (3, 0));
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, without(&all, &[first, first + 1, first + 2, first + 3]));
        // What is missing before the first packet that came is no loss of this stream.
        let lost = u32::from(first > 0);
        assert_eq!(out.len(), 39, "{first}");
        assert_eq!(out[first].lost_before, lost);
        assert_eq!((receiver.counts().recovered, receiver.counts().lost), (3, u64::from(lost)));
    }
}

#[test]
fn fec_makes_good_one_loss_at_every_place() {
    let sent = ifps(40);
    let all = datagrams(Correction::FEC, &sent, 0);
    for lost in 0..39 {
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, without(&all, &[lost]));
        assert_eq!(bytes_of(&out), sent, "{lost}");
        assert_eq!((receiver.counts().recovered, receiver.counts().lost), (1, 0), "{lost}");
    }
}

#[test]
fn fec_of_three_entries_makes_good_three_in_a_row_and_more_where_sets_differ() {
    let sent = ifps(60);
    let all = datagrams(Correction::FEC, &sent, 0);
    for first in 9..50 {
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, without(&all, &[first, first + 1, first + 2]));
        assert_eq!(bytes_of(&out), sent, "{first}");
        assert_eq!(receiver.counts().recovered, 3);
    }
    // Two losses in one parity set (three apart), and the next packet's set holds but one of them.
    let mut receiver = Receiver::new();
    let out = receive(&mut receiver, without(&all, &[20, 23]));
    assert_eq!(bytes_of(&out), sent);
    // Four in a row is more than three entries can hold.
    let mut receiver = Receiver::new();
    let out = receive(&mut receiver, without(&all, &[20, 21, 22, 23]));
    let counts = receiver.counts();
    assert_eq!(counts.lost + out.len() as u64, 60);
    assert!(counts.lost >= 1 && out.iter().all(|ifp| sent.contains(&ifp.bytes)));
}

#[test]
fn fec_of_other_spans_and_entries_is_understood() {
    let sent = ifps(80);
    for (span, entries) in [(1, 1), (2, 1), (3, 1), (1, 4), (5, 5), (7, 2), (16, 4)] {
        let all = datagrams(Correction::Fec { span, entries }, &sent, 0);
        for lost in span * entries..79 {
            let mut receiver = Receiver::new();
            let out = receive(&mut receiver, without(&all, &[lost]));
            assert_eq!(bytes_of(&out), sent, "span {span}, entries {entries}, lost {lost}");
        }
    }
}

/// Five indicators by hand: two entries over two IFPs each, in the order of Asterisk, spandsp and rtpengine.
#[test]
fn parity_covers_what_other_stacks_say_it_covers() {
    let indicators: [u8; 5] = [0x02, 0x04, 0x06, 0x08, 0x0a];
    // Entry 0: IFPs 2 and 0; entry 1: IFPs 3 and 1.
    let last = [0, 4, 1, 0x0a, 0x80, 1, 2, 2, 1, 0x06 ^ 0x02, 1, 0x08 ^ 0x04];
    let mut sender = Sender::new(Correction::Fec { span: 2, entries: 2 }, 1400);
    let sent: Vec<Vec<u8>> = indicators.iter().map(|byte| sender.packet(&[*byte], 0).unwrap()).collect();
    assert_eq!(sent[4], last);
    let plain = |seq: u8| vec![0, seq, 1, indicators[usize::from(seq)], 0, 0];
    for lost in 0..4_u8 {
        let mut receiver = Receiver::new();
        let mut all: Vec<Vec<u8>> = (0..4).filter(|seq| *seq != lost).map(plain).collect();
        all.push(last.to_vec());
        assert_eq!(bytes_of(&receive(&mut receiver, &all)), indicators.map(|byte| vec![byte]), "{lost}");
    }
}

#[test]
fn a_peer_that_writes_its_parities_the_other_way_round_is_understood() {
    let sent = ifps(40);
    let turned: Vec<Vec<u8>> = datagrams(Correction::FEC, &sent, 0)
        .iter()
        .map(|datagram| {
            let mut packet = Packet::parse(datagram).unwrap();
            if let Recovery::Fec { entries, .. } = &mut packet.recovery {
                entries.reverse();
            }
            packet.encode().unwrap()
        })
        .collect();
    for lost in 8..39 {
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, without(&turned, &[lost]));
        assert_eq!(bytes_of(&out), sent, "{lost}");
    }
}

#[test]
fn a_parity_that_is_not_of_these_ifps_hands_out_nothing() {
    let sent = ifps(20);
    let mut all = datagrams(Correction::FEC, &sent, 0);
    // The parity of the packet after the lost one is garbage; the one after that is right, so nothing is lost.
    let last = all[11].len() - 1;
    for byte in &mut all[11][last - 60..] {
        *byte ^= 0x5a;
    }
    let mut receiver = Receiver::new();
    let out = receive(&mut receiver, without(&all, &[10]));
    let strangers = out.iter().filter(|ifp| !sent.contains(&ifp.bytes)).count();
    assert_eq!(strangers, 0);
}

#[test]
fn reordered_packets_come_out_in_order_and_duplicates_once() {
    let sent = ifps(60);
    for correction in [Correction::None, Correction::Redundancy, Correction::FEC] {
        let all = datagrams(correction, &sent, 2);
        let mut shuffled: Vec<&Vec<u8>> = Vec::new();
        for three in all.chunks(3) {
            shuffled.extend([&three[1], &three[2], &three[0], &three[2], &three[0]]);
        }
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, shuffled);
        assert_eq!(bytes_of(&out), sent, "{correction:?}");
        let counts = receiver.counts();
        assert_eq!((counts.received, counts.lost, counts.stray), (100, 0, 0));
        // A packet whose copy was handed out first is late, and comes again too.
        assert_eq!(counts.duplicate + counts.late, 40 + counts.recovered);
    }
}

#[test]
fn a_missing_packet_is_waited_for_and_then_given_up() {
    let sent = ifps(4);
    let all = datagrams(Correction::None, &sent, 0);
    let mut receiver = Receiver::new();
    let at = Duration::from_millis;
    receiver.accept(at(0), &all[0]).unwrap();
    assert_eq!(receiver.next(at(0)).unwrap().seq, 0);
    receiver.accept(at(60), &all[2]).unwrap();
    assert_eq!(receiver.next(at(60)), None);
    assert_eq!(receiver.due(), Some(at(60) + REORDER_WAIT));
    assert_eq!(receiver.next(at(159)), None);
    let ifp = receiver.next(at(160)).unwrap();
    assert_eq!((ifp.seq, ifp.lost_before, receiver.counts().lost), (2, 1, 1));
    // It comes after all: too late, and told so.
    receiver.accept(at(170), &all[1]).unwrap();
    assert_eq!((receiver.next(at(170)), receiver.counts().late), (None, 1));
    receiver.accept(at(180), &all[3]).unwrap();
    assert_eq!(receiver.next(at(180)).map(|ifp| (ifp.seq, ifp.lost_before)), Some((3, 0)));
}

#[test]
fn the_sequence_number_wraps() {
    let mut sender = Sender::new(Correction::Redundancy, 1400);
    let mut receiver = Receiver::new();
    let (mut out, mut sent) = (0_u32, 0_u32);
    for round in 0..70_000_u32 {
        let ifp = ifp(round as usize, 10 + round as usize % 7);
        let datagram = sender.packet(&ifp, 1).unwrap();
        sent += 1;
        if round % 5 == 4 {
            continue;
        }
        let now = STEP * round;
        receiver.accept(now, &datagram).unwrap();
        out += std::iter::from_fn(|| receiver.next(now)).inspect(|ifp| assert_eq!(ifp.lost_before, 0)).count()
            as u32;
    }
    // The last packet is one of those lost.
    assert_eq!((out, receiver.counts().lost, receiver.counts().restarts), (sent - 1, 0, 0));
}

#[test]
fn fec_works_across_the_wrap() {
    let mut sender = Sender::new(Correction::FEC, 1400);
    for number in 0..65_520 {
        sender.packet(&ifp(number, 12), 0).unwrap();
    }
    let sent = ifps(40);
    let all: Vec<Vec<u8>> = sent.iter().map(|ifp| sender.packet(ifp, 0).unwrap()).collect();
    for lost in 10..39 {
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, without(&all, &[lost]));
        assert_eq!(bytes_of(&out), sent, "{lost}");
    }
}

#[test]
fn a_stream_that_begins_again_is_taken_up_whole() {
    for before in [3_usize, 20, 60, 200, 700] {
        let first = ifps(before);
        // Other bytes than the first stream's.
        let second: Vec<Vec<u8>> = (0..30).map(|number| ifp(number + 500, 25 + number)).collect();
        let mut all = datagrams(Correction::None, &first, 0);
        all.extend(datagrams(Correction::None, &second, 0));
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, &all);
        let expected: Vec<Vec<u8>> = first.iter().chain(&second).cloned().collect();
        assert_eq!(bytes_of(&out), expected, "{before}");
        // Something is missing where it was cut, so that no page over the cut is called whole.
        assert_eq!(out[before].lost_before, 1);
        assert_eq!((receiver.counts().restarts, receiver.counts().stray), (1, 0));
    }
}

#[test]
fn an_outage_is_counted_as_it_was_and_the_stream_goes_on() {
    let sent = ifps(500);
    let all = datagrams(Correction::Redundancy, &sent, 2);
    let lost: Vec<usize> = (100..400).collect();
    let mut receiver = Receiver::new();
    let out = receive(&mut receiver, without(&all, &lost));
    assert_eq!((out.len(), out[100].lost_before, receiver.counts().lost), (202, 298, 298));
    assert_eq!((receiver.counts().recovered, receiver.counts().restarts), (2, 0));
}

#[test]
fn a_lone_packet_from_far_away_moves_nothing() {
    let sent = ifps(60);
    let all = datagrams(Correction::Redundancy, &sent, 2);
    let far = |seq: u16| {
        let recovery = Recovery::Redundant(Vec::new());
        Packet { seq, primary: &[0x06], recovery }.encode().unwrap()
    };
    let mut mixed = Vec::new();
    for (at, datagram) in all.iter().enumerate() {
        mixed.extend([
            far((at as u16).wrapping_mul(977).wrapping_add(20_000)),
            far(0x8000),
            far(0x8000),
            datagram.clone(),
        ]);
    }
    let mut receiver = Receiver::new();
    let out = receive(&mut receiver, &mixed[3..]);
    assert_eq!(bytes_of(&out), sent);
    let counts = receiver.counts();
    assert_eq!((counts.lost, counts.restarts, counts.stray), (0, 0, 59 * 3));
}

#[test]
fn a_run_of_duplicates_and_of_late_packets_is_no_new_stream() {
    let sent = ifps(40);
    let all = datagrams(Correction::None, &sent, 0);
    let mut receiver = Receiver::new();
    // Ten again in a row, and five that come long after they were given up.
    let late = all[30..35].iter();
    let arriving = all[..30].iter().chain(&all[20..30]).chain(&all[35..]).chain(&all[35..]).chain(late);
    let out = receive(&mut receiver, arriving);
    assert_eq!((out.len(), out[30].lost_before), (35, 5));
    let counts = receiver.counts();
    assert_eq!((counts.restarts, counts.duplicate, counts.late, counts.lost), (0, 15, 5, 5));
}

#[test]
fn rtp_after_the_switch_is_counted_and_moves_nothing() {
    use crate::t38::{rtp::Stream, sdp::Law};
    let sent = ifps(60);
    let all = datagrams(Correction::Redundancy, &sent, 2);
    for (law, payload) in [(Law::Mu, 0), (Law::A, 8)] {
        let mut stream = Stream::new(law, payload, [0; 10]);
        // Sounds whose octets are small lengths too, so that some would read as UDPTL.
        let rtp = |at: usize| {
            core::array::from_fn(|n| if (at + n).is_multiple_of(3) { -32_000 } else { (at * n) as i16 })
        };
        let mut mixed: Vec<Vec<u8>> = (0..20).map(|at| stream.packet(&rtp(at))).collect();
        mixed.push([0x80, 200, 0, 6].into_iter().chain([0; 24]).collect());
        for (at, datagram) in all.iter().enumerate() {
            mixed.extend([datagram.clone(), stream.packet(&rtp(at))]);
        }
        let mut receiver = Receiver::new();
        let out = receive(&mut receiver, &mixed);
        assert_eq!(bytes_of(&out), sent);
        assert_eq!(receiver.counts(), Counts { received: 60, straggler: 81, ..Counts::default() });
    }
}

#[test]
fn secondaries_of_no_length_and_huge_counts_do_no_harm() {
    // As in AST-2016-003: a zero-length primary, zero-length secondaries, counts beyond any buffer.
    let mut receiver = Receiver::new();
    let mut zeros = vec![0, 5, 0, 0, 0x83, 0xe8];
    zeros.extend([0; 1000]);
    assert_eq!(receiver.accept(STEP, &zeros), Ok(()));
    assert_eq!(receiver.accept(STEP, &[0, 6, 1, 6, 0, 0xbf, 0xff, 1, 1]), Err(NotUdptl::Short));
    assert_eq!(receiver.accept(STEP, &[0, 6, 1, 6, 0x80, 1, 255, 1, 1, 1]), Err(NotUdptl::Span));
    assert_eq!(receiver.accept(STEP, &[0, 6, 1, 6, 0x80, 4, 0, 0, 0, 3, 1, 1, 1]), Ok(()));
    assert_eq!(receiver.accept(STEP, &[0, 7, 1, 6, 0x80, 1, 0, 1, 1, 1]), Ok(()));
    assert_eq!(receiver.accept(STEP, &[0, 8, 1, 6, 0, 2, 0, 0]), Ok(()));
    let out: Vec<Ifp> = std::iter::from_fn(|| receiver.next(Duration::from_secs(1))).collect();
    assert_eq!(out.iter().map(|ifp| ifp.seq).collect::<Vec<_>>(), [6, 7, 8]);
    assert_eq!((receiver.counts().refused, receiver.counts().lost), (2, 0));
}

#[test]
fn a_receiver_that_nobody_empties_keeps_a_bounded_queue() {
    let mut sender = Sender::new(Correction::None, 1400);
    let mut receiver = Receiver::new();
    for number in 0..5_000_u32 {
        let _ = receiver.accept(STEP * number, &sender.packet(&ifp(1, 30), 0).unwrap());
    }
    let out = std::iter::from_fn(|| receiver.next(STEP * 5_000)).count();
    assert!(out < 600, "{out}");
    assert!(receiver.counts().refused > 4_000);
}

#[test]
fn the_sender_repeats_each_ifp_as_often_as_it_asks_and_as_fits() {
    let carried = |datagram: &[u8]| match Packet::parse(datagram).unwrap().recovery {
        Recovery::Redundant(entries) => entries.len(),
        Recovery::Fec { .. } => panic!("FEC was not asked for"),
    };
    let mut sender = Sender::new(Correction::Redundancy, 1400);
    // Control (5 copies), then image (1): the control IFPs still ride along until they went five times more.
    let copies = [5, 5, 1, 1, 1, 1, 1, 1, 1];
    let counts: Vec<usize> =
        copies.map(|copies| carried(&sender.packet(&ifp(1, 20), copies).unwrap())).to_vec();
    assert_eq!(counts, [0, 1, 2, 3, 4, 5, 5, 1, 1]);
    for max in [60, 100, 200, 400] {
        let mut sender = Sender::new(Correction::Redundancy, max);
        for number in 0..20 {
            let datagram = sender.packet(&ifp(number, 40), 3).unwrap();
            assert!(datagram.len() <= max);
            assert_eq!(carried(&datagram), number.min(3).min((max - 50) / 46));
        }
        let mut sender = Sender::new(Correction::FEC, max);
        assert!((0..20).all(|number| sender.packet(&ifp(number, 40), 0).unwrap().len() <= max));
    }
    // An IFP alone above the limit goes whole: the peer's number is often wrong, and a cut IFP helps nobody.
    let mut sender = Sender::new(Correction::Redundancy, 72);
    assert_eq!(sender.packet(&ifp(1, 200), 3).unwrap().len(), 2 + 2 + 205 + 2);
}

#[test]
fn the_length_of_an_ifp_is_read_from_its_fields() {
    let cases: [(&[u8], Option<usize>); 10] = [
        (&[0x06, 0, 0], Some(1)),
        (&[0x26, 0x40, 0], Some(2)),
        (&[0xc0, 1, 0x80, 0, 1, 0xff, 0xc0, 0], Some(7)),
        // Two fields without data share an octet: HDLC FCS OK, HDLC sig end.
        (&[0xc0, 2, 0x21, 0, 0], Some(3)),
        (&[0xc0, 1, 0x20, 0, 0], Some(3)),
        // A field without data, then one with data in the other half of the octet.
        (&[0xc0, 2, 0x28, 0, 0, 0x55, 0], Some(6)),
        (&[0xc0, 1, 0x80, 0, 9, 0], None),
        (&[0x86, 0], None),
        (&[0xc0], None),
        (&[], None),
    ];
    for (bytes, length) in cases {
        assert_eq!(fec::ifp_length(bytes), length, "{bytes:x?}");
    }
}

#[derive(Debug, Clone)]
enum Damage {
    Pass,
    Lose,
    Again,
    Swap,
    Garbage(Vec<u8>),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        12 => Just(Damage::Pass),
        2 => Just(Damage::Lose),
        1 => Just(Damage::Again),
        1 => Just(Damage::Swap),
        1 => prop::collection::vec(any::<u8>(), 0..80).prop_map(Damage::Garbage),
        1 => (0_usize..40).prop_map(Damage::Cut),
    ]
}

fn correction() -> impl Strategy<Value = Correction> {
    prop_oneof![
        Just(Correction::None),
        Just(Correction::Redundancy),
        (1_usize..6, 1_usize..6).prop_map(|(span, entries)| Correction::Fec { span, entries }),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_what_is_read_can_be_written(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok((packet, padding)) = Packet::parse_some(&bytes) {
            let again = packet.encode().unwrap();
            prop_assert_eq!(Packet::parse(&again), Ok(packet));
            prop_assert!(padding < bytes.len());
        }
    }

    #[test]
    fn any_datagrams_leave_a_bounded_receiver_with_a_sequence(
        datagrams in prop::collection::vec(
            (0_u16..20, prop::collection::vec(any::<u8>(), 0..12), any::<bool>(), 0_u8..4, prop::collection::vec(any::<u8>(), 0..24)),
            0..200)
    ) {
        let mut receiver = Receiver::new();
        let mut seq = 0_u16;
        for (at, (step, primary, fec, entries, rest)) in datagrams.iter().enumerate() {
            seq = seq.wrapping_add(step.wrapping_mul(step % 5 * 3_001 % 7 + 1));
            let mut bytes = seq.to_be_bytes().to_vec();
            bytes.push(primary.len() as u8);
            bytes.extend(primary);
            if *fec { bytes.extend([0x80, 1, entries % 5, *entries]); } else { bytes.extend([0, *entries]); }
            bytes.extend(rest);
            let now = Duration::from_millis(at as u64 * 20);
            let _ = receiver.accept(now, &bytes);
            while let Some(ifp) = receiver.next(now) {
                prop_assert!(!ifp.bytes.is_empty() && ifp.lost_before <= MOST_GAP * 8);
            }
        }
        let counts = receiver.counts();
        prop_assert_eq!(counts.received + counts.refused + counts.straggler, datagrams.len() as u64);
    }

    /// Under any loss, reordering, garbage: what comes out was sent, in order, and the gaps add up.
    #[test]
    fn what_comes_out_was_sent_in_order_and_losses_add_up(
        correction in correction(),
        damages in prop::collection::vec(damage(), 20..150),
    ) {
        let sent = ifps(damages.len());
        let all = datagrams(correction, &sent, 3);
        let mut arriving: Vec<Vec<u8>> = Vec::new();
        for (datagram, damage) in all.iter().zip(&damages) {
            match damage {
                Damage::Pass => arriving.push(datagram.clone()),
                Damage::Lose => {}
                Damage::Again => arriving.extend([datagram.clone(), datagram.clone()]),
                Damage::Swap => {
                    let at = arriving.len().saturating_sub(1);
                    arriving.insert(at, datagram.clone());
                }
                // Random bytes may read as a packet of the stream; then nobody can tell. A first byte of 0xff keeps it away.
                Damage::Garbage(bytes) => arriving.push([&[0xff][..], bytes].concat()),
                Damage::Cut(keep) => arriving.push(datagram[..(*keep).min(datagram.len() - 1)].to_vec()),
            }
        }
        let mut receiver = Receiver::new();
        let mut position = None::<usize>;
        let mut gaps = 0;
        for ifp in receive(&mut receiver, &arriving) {
            let at = usize::from(ifp.seq);
            prop_assert_eq!(&ifp.bytes, &sent[at]);
            let missing = position.map_or(0, |before| at - before - 1);
            prop_assert_eq!(ifp.lost_before as usize, missing);
            gaps += missing as u64;
            position = Some(at);
        }
        prop_assert_eq!(receiver.counts().lost, gaps);
        prop_assert_eq!(receiver.counts().restarts, 0);
    }
}
