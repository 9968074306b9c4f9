//! Barcodes and QR codes on letters as fax lines bring them, and on their way to the rules.

use faxgate::enhance;
use faxgate::fax::{Bitmap, Damage, Page, Raster, Resolution, Turn};
use faxgate::recognize::codes;
use faxgate::worker::{Settings, in_process};
use rxing::{BarcodeFormat, MultiFormatWriter, Writer};

use crate::fixtures::kit::canvas::{Canvas, mm};
use crate::fixtures::kit::chance::Chance;
use crate::fixtures::kit::fonts::Fonts;
use crate::fixtures::kit::machine::{Halftone, Machine};
use crate::fixtures::kit::papers::{self, HARBOUR, Letter, Tongue};
use crate::fixtures::kit::sheet::Sheet;

const LINK: &str = "https://forms.harbour.example/hd507?c=81223";

/// A letter with a QR code in its upper right corner and a barcode at its foot.
fn letter() -> Canvas {
    let fonts = Fonts::load().unwrap();
    let mut sheet = Sheet::new(&fonts, mm(215.15), mm(297.0));
    let letter = Letter {
        tongue: Tongue::English,
        from: HARBOUR,
        references: vec!["Our Ref: HC/0417/26".into()],
        to: vec!["The Director".into()],
        dear: "Dear Sir,",
        subject: "Renewal of licence",
        paragraphs: vec![
            "We apply for the renewal of the licence for the premises at 8 Pier Road.".into();
            4
        ],
        closing: "Yours faithfully,",
        signer: vec!["Chan Tai Man".into()],
        sans: false,
    };
    papers::letter(&mut sheet, &letter, &mut Chance::named("codes"));
    stick(&mut sheet.canvas, BarcodeFormat::QR_CODE, LINK, (165, 12, 24, 24));
    stick(&mut sheet.canvas, BarcodeFormat::CODE_128, "LIC-20417-26", (30, 265, 65, 13));
    sheet.canvas
}

/// Sticks a code on the sheet: left, top, width and height in millimetres.
fn stick(
    canvas: &mut Canvas,
    format: BarcodeFormat,
    text: &str,
    (left, top, wide, high): (i32, i32, i32, i32),
) {
    let code = MultiFormatWriter.encode(text, &format, 0, 0).unwrap();
    let (left, top, wide, high) = (mm(left as f32), mm(top as f32), mm(wide as f32), mm(high as f32));
    let (columns, rows) = (code.width() as i32, code.height() as i32);
    for y in 0..high {
        for x in 0..wide {
            let black = code.get((x * columns / wide) as u32, (y * rows / high) as u32);
            canvas.ink[((top + y) * canvas.width + left + x) as usize] = if black { 255 } else { 0 };
        }
    }
}

fn scanned(paper: &Canvas, rows: i32, skew: i32, specks: u32) -> Page {
    let machine = Machine {
        dpi_x: 204,
        dpi_y: rows,
        width: 1728,
        halftone: Halftone::Threshold,
        skew,
        specks,
        streaks: 0,
        slips: 0,
        turn: Turn::None,
    };
    let map: Bitmap = machine.scan(paper, &mut Chance::named("codes")).bitmap;
    let resolution = Resolution { x: 204.0, y: f64::from(rows) };
    Page { raster: Raster::Bilevel(map), resolution, ccitt: None, damage: Damage::default() }
}

#[test]
fn codes_on_a_letter_are_read_at_98_and_196_rows_an_inch_crooked_and_dirty() {
    let paper = letter();
    for (rows, skew, specks) in [(98, 0, 30), (98, 100, 200), (196, 0, 30), (196, -100, 400)] {
        let page = scanned(&paper, rows, skew, specks);
        let clean = enhance::clean(&page, &enhance::Settings::default());
        let found = codes::find(&clean, page.resolution);
        let told: Vec<(&str, &str)> =
            found.iter().map(|code| (code.kind.as_str(), code.text.as_str())).collect();
        assert_eq!(told, [("qr", LINK), ("code128", "LIC-20417-26")], "{rows} rows, {skew}, {specks}");
        let at = found[0].at;
        assert!(at.left > 160.0 && at.right < 195.0 && at.top > 8.0 && at.bottom < 40.0, "{at:?}");
    }
}

#[test]
fn a_worker_tells_codes_and_fingerprint_beside_the_text() {
    let page = scanned(&letter(), 98, 0, 30);
    let read = in_process(&page, &Settings::default()).unwrap();
    assert!(read.text.body().contains("Renewal of licence"), "{}", read.text.body());
    assert!(read.codes.iter().any(|code| code.page == 1 && code.text == LINK), "{:?}", read.codes);
    assert!(read.fingerprint.is_some());
}
