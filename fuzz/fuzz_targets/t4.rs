//! Code words: the first bytes choose coding, width and height, the rest are the page.
//! `cargo +nightly fuzz run t4 -- -dict=dictionaries/t4.dict`.
#![no_main]

use faxgate::decode::t4::{DecodeOptions, EncodeOptions, decode, encode};
use faxgate::fax::Coding;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [kind, wide, narrow, high, data @ ..] = bytes else { return };
    let coding = [Coding::Mh, Coding::Mr, Coding::Mmr][usize::from(kind % 3)];
    let options = DecodeOptions {
        coding,
        width: u32::from(u16::from_be_bytes([*wide, *narrow])) % 5_000 + 1,
        rows: (kind & 0x40 != 0).then_some(u32::from(*high)),
        byte_align: kind & 0x80 != 0,
        most_rows: 300,
    };
    let page = decode(data, &options);
    assert!(page.map.height() <= 300 && page.map.width() == options.width);
    assert_eq!(page.good_rows + page.damage.bad_rows, page.map.height());
    if page.exact {
        // What is passed on untouched must say the same to a second reading.
        let again = decode(&data[..page.used], &DecodeOptions { rows: Some(page.map.height()), ..options });
        assert!(again.map == page.map && again.exact);
    }
    // Whatever was read can be written, and says the same.
    let coded = encode(&page.map, coding, EncodeOptions::default());
    let read = decode(&coded, &DecodeOptions { rows: Some(page.map.height()), byte_align: false, ..options });
    assert!(read.map == page.map && read.damage.bad_rows == 0);
});
