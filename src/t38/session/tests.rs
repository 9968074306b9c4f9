use super::*;
use std::path::PathBuf;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

fn fixture(slug: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/faxes/{slug}/original.tif"));
    path.to_str().unwrap().to_owned()
}

/// A sender and a receiver on a line without faults; time passes in steps of 20 ms.
struct Pair {
    sender: Session,
    receiver: Session,
    seq: (u16, u16),
    events: Vec<Event>,
    folder: tempfile::TempDir,
}

impl Pair {
    fn new(ecm: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let station = Station { ecm, ..Station::default() };
        let path = folder.path().join("got.tif");
        Self {
            sender: Session::send_t38(&Sending::default(), &fixture("benefits-form-mix")).unwrap(),
            receiver: Session::receive_t38(&station, path.to_str().unwrap()).unwrap(),
            seq: (0, 0),
            events: Vec::new(),
            folder,
        }
    }

    /// One step; what the sender says goes through `line` first.
    fn step(&mut self, line: &mut dyn FnMut(&mut Vec<u8>)) {
        while let Some(packet) = self.sender.outgoing() {
            let mut bytes = packet.bytes;
            line(&mut bytes);
            self.receiver.ifp(self.seq.0, &bytes);
            self.seq.0 = self.seq.0.wrapping_add(1);
        }
        while let Some(packet) = self.receiver.outgoing() {
            self.sender.ifp(self.seq.1, &packet.bytes);
            self.seq.1 = self.seq.1.wrapping_add(1);
        }
        self.sender.advance(160);
        self.receiver.advance(160);
        while let Some(event) = self.receiver.event() {
            self.events.push(event);
        }
        while self.sender.event().is_some() {}
    }

    fn inject(&mut self, bytes: &[u8]) {
        self.receiver.ifp(self.seq.0, bytes);
        self.seq.0 = self.seq.0.wrapping_add(1);
    }
}

/// IFP fields of T.38 §7.3.
const V21: u8 = 0;
const V17_14400: u8 = 8;
const HDLC_DATA: u8 = 0;
const HDLC_FCS_OK: u8 = 2;
const HDLC_FCS_BAD: u8 = 3;

/// An IFP data packet of version 0 with one field.
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

/// An HDLC frame; spandsp reads its octets with their bits in the order of the line.
fn hdlc(data: u8, frame: &[u8]) -> Vec<Vec<u8>> {
    let frame: Vec<u8> = frame.iter().map(|byte| byte.reverse_bits()).collect();
    vec![ifp(data, HDLC_DATA, &frame), ifp(data, HDLC_FCS_OK, &[])]
}

/// An identity on V.21: from its last character to its first, as T.30 §5.3.6.2.4 wants it.
fn identity(fcf: u8, words: &[u8]) -> Vec<Vec<u8>> {
    let mut frame = vec![0xFF, 0x03, fcf];
    frame.extend(words.iter().rev());
    hdlc(V21, &frame)
}

#[test]
fn a_fax_goes_through() {
    for ecm in [true, false] {
        let mut pair = Pair::new(ecm);
        for _ in 0..200 * 50 {
            pair.step(&mut |_| {});
        }
        assert!(pair.receiver.is_over() && pair.sender.is_over());
        assert!(pair.events.contains(&Event::PhaseE { code: 0 }));
        let report = pair.receiver.finish();
        assert!(report.complete && report.code == 0 && report.pages.iter().all(PageReport::sound));
        assert_eq!(report.words, "OK");
        assert_eq!(report.pages[0].after, Some(After::Nothing));
        assert!(pair.sender.finish().complete);
        let file = std::fs::read(pair.folder.path().join("got.tif")).unwrap();
        assert!(file.starts_with(b"II*\0"));
    }
}

/// Debian's spandsp 0.0.6 crashes on these.
#[test]
fn three_packets_that_kill_an_older_spandsp() {
    let mut pair = Pair::new(true);
    while pair.receiver.pulse().progress < 60 {
        pair.step(&mut |_| {});
    }
    for data in [V17_14400, V21] {
        pair.inject(&ifp(data, HDLC_FCS_BAD, &[]));
        pair.inject(&ifp(data, HDLC_DATA, &[0xFF, 0xC0, 0x60]));
        pair.inject(&ifp(data, HDLC_FCS_OK, &[]));
    }
    for _ in 0..200 * 50 {
        pair.step(&mut |_| {});
    }
    // Whatever T.30 makes of it: nothing is called complete that is not.
    let report = pair.receiver.finish();
    assert!(!report.complete || report.pages.iter().all(|page| page.rows > 1000));
}

#[test]
fn identities_are_read_bounded_whatever_bytes_they_hold() {
    let mut pair = Pair::new(true);
    // The bits of a frame's name in spandsp's order: TSI, SUB, SEP, PWD, SID.
    let (tsi, sub, sep, pwd, sid) = (0x42, 0xC2, 0xA1, 0xC1, 0xA2);
    let mut hostile = b"\xFF\xFE\x80 caller \xE4".to_vec();
    hostile.extend([b'9'; 40]);
    for packet in [
        vec![vec![0x06]],
        identity(tsi, &hostile),
        identity(tsi, &hostile[..20]),
        identity(sub, b"4242                "),
        identity(sep, b"77                  "),
        identity(pwd, b"1234                "),
        identity(sid, b"sender              "),
    ]
    .concat()
    {
        pair.inject(&packet);
    }
    // NSS: the T.35 code of Japan, then Canon's.
    hdlc(V21, &[0xFF, 0x03, 0x22, 0x00, 0x00, 0x11]).iter().for_each(|packet| pair.inject(packet));
    let facts = pair.receiver.finish().facts;
    assert_eq!(facts.subaddress.as_deref(), Some("4242"));
    assert_eq!(facts.selective_polling.as_deref(), Some("77"));
    assert_eq!(facts.password.as_deref(), Some("1234"));
    assert_eq!(facts.sender_ident.as_deref(), Some("sender"));
    assert_eq!((facts.country.as_deref(), facts.vendor.as_deref()), (Some("Japan"), Some("Canon")));
    let ident = facts.ident.unwrap();
    assert!(ident.contains("caller") && ident.contains('\u{FFFD}'), "{ident:?}");
    assert!(ident.chars().count() <= ffi::MOST_IDENTITY);
}

/// Any bytes at all, at any moment of a call: no crash, bounded, and the inventory agrees with the file.
#[test]
fn random_packets_and_flipped_bytes_are_survived() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let mut pair = Pair::new(seed % 2 == 0);
        for _ in 0..60 * 50 {
            pair.step(&mut |bytes| {
                if dice.roll().is_multiple_of(20) && !bytes.is_empty() {
                    let at = dice.roll() as usize % bytes.len();
                    bytes[at] ^= dice.roll() as u8;
                }
            });
            if dice.roll().is_multiple_of(10) {
                let length = dice.roll() as usize % 80;
                let noise: Vec<u8> = (0..length).map(|_| dice.roll() as u8).collect();
                pair.receiver.ifp(dice.roll() as u16, &noise);
                let field = dice.roll() as u8 % 16;
                pair.inject(&ifp(dice.roll() as u8 % 16, field, &noise));
            }
        }
        let kept = pair.events.iter().filter(|event| matches!(event, Event::PageEnded(_))).count();
        assert!(pair.receiver.pages().len() >= kept);
        let report = pair.receiver.finish();
        assert!(report.pages.len() >= kept && report.pages.len() <= kept + 1, "{seed}: {report:?}");
    }
}

#[test]
fn an_endless_page_is_seen_before_it_fills_the_memory() {
    let mut pair = Pair::new(true);
    while pair.receiver.pulse().progress < 60 {
        pair.step(&mut |_| {});
    }
    let before = pair.receiver.pulse().rows;
    // A block of 256 frames of white rows: in MMR one bit each.
    pair.inject(&[0x00]);
    for number in 0..=255u8 {
        let mut frame = vec![0xFF, 0x03, 0x06, number];
        frame.extend([0xFF; 256]);
        hdlc(V17_14400, &frame).iter().for_each(|packet| pair.inject(packet));
    }
    (0..3).flat_map(|_| hdlc(V17_14400, &[0xFF, 0x03, 0x86])).for_each(|packet| pair.inject(&packet));
    hdlc(V21, &[0xFF, 0x13, 0xBE, 0x00, 0x00, 0x00, 0xFF]).iter().for_each(|packet| pair.inject(packet));
    assert!(pair.receiver.pulse().rows > MOST_ROWS, "{before} {:?}", pair.receiver.pulse());
}
