//! IFP packets from a caller, in any order and of any bytes, at any moment of a call: T.30 by spandsp must live through them,
//! and its inventory must agree with what it told. `cargo +nightly fuzz run ifp`.
//!
//! The first byte says how far a real sender has come when the bytes take over; then records of two bytes (length, steps of
//! 20 ms to pass) and a packet.
#![no_main]

use faxgate::t38::session::{Event, MOST_ROWS, Sending, Session, Station};
use libfuzzer_sys::fuzz_target;

/// Rows that one block of ECM, 256 frames of 256 octets, can hold at most, beyond those that end a page.
const BLOCK: u32 = 256 * 256 * 8;
/// Steps of a real call before the bytes take over, in multiples of a quarter of its first half minute.
const QUARTER: usize = 7 * 50;

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, mut rest)) = bytes.split_first() else { return };
    let folder = std::env::temp_dir();
    let path = folder.join(format!("faxgate-fuzz-ifp-{}.tif", std::process::id()));
    let station = Station { ecm: first & 1 == 0, ..Station::default() };
    let mut receiver = Session::receive_t38(&station, path.to_str().unwrap()).unwrap();
    let mut told = 0;
    let mut seq = lead_up(&mut receiver, usize::from(first >> 1 & 3) * QUARTER);
    while let [length, steps, tail @ ..] = rest {
        let (packet, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        receiver.ifp(seq, packet);
        seq = seq.wrapping_add(1);
        for _ in 0..*steps {
            receiver.advance(160);
            while receiver.outgoing().is_some() {}
        }
        told += told_of(&mut receiver);
        let rows = receiver.pulse().rows;
        assert!(rows <= MOST_ROWS + BLOCK);
        if rows > MOST_ROWS {
            break;
        }
    }
    told += told_of(&mut receiver);
    assert_eq!(receiver.pages().len(), told);
    let report = receiver.finish();
    // A page in progress may come into the file at the end.
    assert!(report.pages.len() == told || report.pages.len() == told + 1);
    let _ = std::fs::remove_file(path);
});

fn told_of(receiver: &mut Session) -> usize {
    std::iter::from_fn(|| receiver.event()).filter(|event| matches!(event, Event::PageEnded(_))).count()
}

/// Lets a real sender talk to the receiver for `steps` of 20 ms; gives the next sequence number.
fn lead_up(receiver: &mut Session, steps: usize) -> u16 {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/faxes/benefits-form-mix/original.tif");
    let mut sender = Session::send_t38(&Sending::default(), fixture).unwrap();
    let (mut forth, mut back) = (0u16, 0u16);
    for _ in 0..steps {
        while let Some(packet) = sender.outgoing() {
            receiver.ifp(forth, &packet.bytes);
            forth = forth.wrapping_add(1);
        }
        while let Some(packet) = receiver.outgoing() {
            sender.ifp(back, &packet.bytes);
            back = back.wrapping_add(1);
        }
        sender.advance(160);
        receiver.advance(160);
        while sender.event().is_some() {}
    }
    forth
}
