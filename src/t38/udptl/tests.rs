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

#[test]
fn fec_brings_back_one_loss_at_every_place() {
    let sent = ifps(40);
    let all = datagrams(Correction::FEC, &sent, 0);
    for lost in 0..39 {
        let mut receiver = Receiver::new();
        let kept = all.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, datagram)| datagram);
        let out = receive(&mut receiver, kept);
        // Nothing can be known of the packets before the first parity (T.38 §9.1.4.2: nothing was sent to protect yet).
        if receiver.counts().recovered == 1 {
            assert_eq!(bytes_of(&out), sent, "{lost}");
        } else {
            panic!("packet {lost} did not come back: {:?}", receiver.counts());
        }
    }
}
