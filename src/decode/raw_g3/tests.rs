use proptest::prelude::*;

use super::*;
use crate::decode::t4::EncodeOptions;
use crate::fax::Bitmap;

fn letter(width: u32) -> Bitmap {
    let mut map = Bitmap::white(width, 120);
    for y in 10..110 {
        for x in (40..width - 40).step_by(37) {
            (x..x + 3 + (y * x) % 9).for_each(|x| map.set(x, y, true));
        }
    }
    map
}

fn raw(map: &Bitmap, coding: Coding, lsb_first: bool) -> Vec<u8> {
    let mut data = t4::encode(map, coding, EncodeOptions::default());
    if lsb_first {
        t4::reverse_bits(&mut data);
    }
    data
}

#[test]
fn coding_bit_order_and_width_are_found_out() {
    for width in [864, 1216, 1728, 2048, 2432, 3456, 4864] {
        for coding in [Coding::Mh, Coding::Mr] {
            for lsb_first in [false, true] {
                let map = letter(width);
                let data = raw(&map, coding, lsb_first);
                let page = page("fn3b6a2f1S0.01", &data, &Limits::default()).unwrap();
                assert_eq!(page.raster, Raster::Bilevel(map), "{width} {coding:?} lsb {lsb_first}");
                assert_eq!(page.damage, Default::default());
                assert_eq!(page.resolution.y, 98.0);
                let ccitt = page.ccitt.expect("an undamaged page passes untouched");
                assert_eq!((ccitt.coding, ccitt.end_of_line), (coding, true));
                assert!(ends_with_rtc(&data));
                assert!(!ends_with_rtc(&data[..data.len() - 12]), "{width} {coding:?} lsb {lsb_first}");
            }
        }
    }
}

#[test]
fn headers_and_noise_before_the_first_row_are_skipped() {
    let map = letter(1728);
    let data = raw(&map, Coding::Mh, false);
    let mut headed = HEADER_START.to_vec();
    headed.resize(HEADER_BYTES, 0);
    headed.extend(&data);
    let mut noisy = vec![0xff, 0x31, 0xe7, 0x99];
    noisy.extend(&data);
    for bytes in [headed, noisy] {
        let page = page("ff3b6a2f1S0-852-2345.12", &bytes, &Limits::default()).unwrap();
        assert_eq!(page.raster, Raster::Bilevel(map.clone()));
        assert_eq!(page.resolution, Resolution::FINE);
    }
}

#[test]
fn a_page_without_its_end_is_cut_and_kept() {
    let map = letter(1728);
    let data = raw(&map, Coding::Mh, false);
    let page = page("fn3b6a2f1S0.02", &data[..data.len() / 2], &Limits::default()).unwrap();
    assert!(page.damage.cut && page.ccitt.is_none());
    assert!(page.raster.size().1 > 40);
}

#[test]
fn pages_without_end_of_lines_are_read_too() {
    let map = letter(1728);
    let bare = EncodeOptions { end_of_line: false, rtc: false, ..EncodeOptions::default() };
    for data in [t4::encode(&map, Coding::Mh, bare), t4::encode_mmr(&map)] {
        let page = page("fn3b6a2f1S0.02", &data, &Limits::default()).unwrap();
        assert_eq!(page.raster.size().0, 1728);
        let Raster::Bilevel(found) = page.raster else { panic!("bilevel") };
        (0..110).for_each(|y| assert_eq!(found.row(y), map.row(y)));
    }
}

#[test]
fn bundles_open_as_they_were_packed() {
    let pages = vec![
        ("fn3b6a2f1S0.01".to_owned(), vec![1, 2, 3]),
        ("fn3b6a2f1S0.02".to_owned(), vec![]),
        ("傳真.03".to_owned(), vec![0; 300]),
    ];
    let bytes = bundle(&pages);
    let opened = unbundle(&bytes, &Limits::default()).unwrap();
    assert_eq!(opened.len(), 3);
    for (page, (name, data)) in opened.iter().zip(&pages) {
        assert_eq!((page.name, page.data), (name.as_str(), data.as_slice()));
    }
    for end in 0..bytes.len() {
        assert!(unbundle(&bytes[..end], &Limits::default()).is_err());
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(unbundle(&longer, &Limits::default()).is_err());
    let two = Limits { pages: 2, ..Limits::default() };
    assert!(matches!(unbundle(&bytes, &two), Err(DecodeError::Limit { what: "pages", found: 3, limit: 2 })));
}

#[test]
fn foreign_bytes_never_panic() {
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..2000))| {
        let _ = page("f", &bytes, &Limits::default()).is_ok();
        let _ = ends_with_rtc(&bytes);
        let _ = unbundle(&bytes, &Limits::default()).is_ok();
    });
}

#[test]
fn bits_of_noise_before_the_first_end_of_line_are_no_row() {
    let map = letter(1728);
    for coding in [Coding::Mh, Coding::Mr] {
        for lsb_first in [false, true] {
            let data = raw(&map, coding, false);
            // 101, then the page.
            let mut shifted: Vec<u8> = Vec::new();
            let mut before = 0b101u8;
            for &byte in &data {
                shifted.push(before << 5 | byte >> 3);
                before = byte & 7;
            }
            shifted.push(before << 5);
            if lsb_first {
                t4::reverse_bits(&mut shifted);
            }
            let page = page("fn3b6a2f1S0.01", &shifted, &Limits::default()).unwrap();
            assert_eq!(page.raster, Raster::Bilevel(map.clone()), "{coding:?} {lsb_first}");
            assert_eq!(page.damage, Default::default());
        }
    }
}

#[test]
fn what_is_no_page_makes_none() {
    let mut state = 1u64;
    for length in [50, 400, 3_000, 20_000] {
        for _ in 0..20 {
            let noise: Vec<u8> = (0..length)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    // Never a zero byte: without EOLs there is nothing to hold on to.
                    (state >> 56) as u8 | 0x11
                })
                .collect();
            let page = page("fn3b6a2f1S0.01", &noise, &Limits::default());
            let found = page.as_ref().map(|page| (page.raster.size(), page.damage.clone()));
            assert!(matches!(page, Err(DecodeError::UnreadableG3(_))), "{length}: {found:?}");
        }
        let text = "This is no fax at all, but somebody's letter. ".repeat(length / 40);
        assert!(page("fn3b6a2f1S0.01", text.as_bytes(), &Limits::default()).is_err(), "{length}");
    }
}
