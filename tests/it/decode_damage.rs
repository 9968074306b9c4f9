//! Damaged pages beside libtiff: of the same code words, with the same bits turned, stretches missing or ends cut, we
//! get at least as many rows right. `damage-table` prints the figures in full; this keeps them.

#[path = "../../benches/damage/kit.rs"]
mod kit;
#[path = "../../benches/damage/tiff_file.rs"]
mod tiff_file;

use std::path::PathBuf;

use kit::{CODINGS, Chance, HARMS, Harm, Libtiff, Score, Truth, faxgate, rows_right, score, truths};
use tiff_file::Coded;

/// One of every so many pages, to be done in seconds.
const SAMPLE: usize = 5;

fn pages() -> Vec<Truth> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/faxes");
    truths(&folder).into_iter().step_by(SAMPLE).collect()
}

#[test]
fn as_many_rows_are_right_as_libtiff_gets_right() {
    let libtiff = Libtiff::new();
    let pages = pages();
    assert!(pages.len() >= 5, "{} pages", pages.len());
    for coding in CODINGS {
        for (encoder, theirs) in [("faxgate", false), ("libtiff", true)] {
            let mut total = Score::default();
            for page in &pages {
                let clean = if theirs {
                    libtiff.encode(&page.page, coding).expect("libtiff codes a whole page")
                } else {
                    tiff_file::by_faxgate(&page.page, coding)
                };
                HARMS.into_iter().for_each(|harm| total += score(&libtiff, page, &clean, encoder, harm));
            }
            println!("{coding:?} by {encoder}: {total:?}");
            let best = total.tiffcp.max(total.fax2tiff);
            assert!(best > 0 && best < total.rows, "{coding:?} by {encoder}: nothing was compared");
            assert!(total.faxgate >= best, "{coding:?} by {encoder}: {total:?}");
            assert!(total.faxgate * 2 > total.rows, "{coding:?} by {encoder}: {total:?}");
        }
    }
}

#[test]
fn undamaged_pages_are_wholly_right() {
    for page in pages() {
        for coding in CODINGS {
            let clean = tiff_file::by_faxgate(&page.page, coding);
            let read = faxgate(&clean);
            assert_eq!(rows_right(&page.page, read.as_ref()), page.page.height(), "{} {coding:?}", page.name);
        }
    }
}

/// What is not right is counted: no page with wrong rows passes for a whole one, bit flips that make another valid page
/// aside, and those are few.
#[test]
fn damage_is_said() {
    use faxgate::decode::t4::{DecodeOptions, decode};
    let (mut silent, mut wrong) = (0u32, 0u32);
    for page in pages() {
        for coding in CODINGS {
            let clean = tiff_file::by_faxgate(&page.page, coding);
            for harm in [Harm::Flips(25), Harm::Bursts(5), Harm::Gaps(3), Harm::Cut] {
                let mut chance = Chance::of(&format!("{} {coding:?} {harm:?}", page.name));
                let damaged = Coded { data: harm.apply(&clean.data, &mut chance), ..clean.clone() };
                let options = DecodeOptions {
                    coding,
                    width: clean.width,
                    rows: Some(clean.height),
                    byte_align: false,
                    most_rows: clean.height,
                };
                let read = decode(&damaged.data, &options);
                assert!(!read.exact, "{} {coding:?} {harm:?}", page.name);
                if read.map != page.page {
                    wrong += 1;
                    silent += u32::from(!read.damage.worth_saying());
                }
            }
        }
    }
    assert!(wrong > 50 && silent == 0, "{silent} of {wrong} pages with wrong rows say nothing");
}
