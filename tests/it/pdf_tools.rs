//! The PDF checks must be able to fail: each is shown something wrong.

use faxgate::compose::Conformance;
use faxgate::fax::{Bitmap, Raster, Resolution, Turn};

use crate::harness::pdf;
use crate::pdf::sheet::{A4, Sheet};
use crate::pdf::{compose, file};

fn sheet() -> Sheet {
    Sheet::new(A4, Resolution::STANDARD, Turn::None).line(60.0, 80.0, "a word 在|此", 0.0)
}

fn map() -> Bitmap {
    match sheet().page().0.raster {
        Raster::Bilevel(map) => map,
        _ => panic!("drawn in black and white"),
    }
}

#[test]
fn a_word_that_is_not_there_is_missed_by_everybody() {
    let file = file(&compose(&[sheet().page()], Conformance::A2u));
    let error = pdf::words_found(&file.path, &["word", "在此", "absent"]).unwrap_err();
    assert_eq!(error.matches("\"absent\"").count(), 5, "{error}");
    assert_eq!(error.matches("find").count(), 5, "{error}");
}

#[test]
fn one_wrong_pixel_is_seen() {
    let file = file(&compose(&[sheet().page()], Conformance::A2u));
    let mut other = map();
    other.set(1000, 1000, true);
    assert!(pdf::images_equal(&file.path, &[other.clone()]).unwrap_err().contains("sees 1 pixels"));
    assert!(
        pdf::rendered_equal(&file.path, &[(other, Resolution::STANDARD)])
            .unwrap_err()
            .contains("sees 1 pixels")
    );
    assert!(pdf::images_equal(&file.path, &[map(), map()]).unwrap_err().contains("1 pictures of 2"));
}

#[test]
fn the_validator_refuses_what_is_not_1b() {
    let good = file(&compose(&[sheet().page()], Conformance::A1b));
    let other = file(&compose(&[sheet().page()], Conformance::A2u));
    let error = pdf::preflight_ok(&[&good.path, &other.path]).unwrap_err();
    assert!(error.contains("1 of 2"), "{error}");
}

#[test]
fn a_torn_file_is_not_clean() {
    let bytes = compose(&[sheet().page()], Conformance::A2u);
    let torn = file(&bytes[..bytes.len() - 300]);
    assert!(pdf::qpdf_clean(&torn.path).is_err());
}

#[test]
fn what_pdfa_2_forbids_is_found() {
    let mut bytes = compose(&[sheet().page()], Conformance::A2u);
    let at = bytes.windows(10).position(|window| window == b"/Metadata ").unwrap();
    bytes[at + 1] = b'm';
    let error = pdf::pdfa2_ok(&[&file(&bytes).path]).unwrap_err();
    assert!(error.contains("no /Metadata stream"), "{error}");
}
