//! Barcodes and QR codes on a page, by crate rxing (ZXing in Rust).
//!
//! Lines of a standard fax are 98 to the inch, half as many as its columns: the copy's rows are doubled before anything
//! is sought, so that a QR code's modules are square. A module must then be two rows high, half a millimetre: smaller
//! codes come through in fine resolution alone.
//!
//! What a code says was chosen by whoever made the page: it is matched and shown, never followed. Text finds bars in
//! running print now and then: symbologies without a check digit count only if long enough (`LEAST_UNCHECKED`).

use std::collections::HashSet;

use rxing::common::HybridBinarizer;
use rxing::multi::qrcode::QRCodeMultiReader;
use rxing::multi::{GenericMultipleBarcodeReader, MultipleBarcodeReader};
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHints, Luma8Source, MultiUseMultiFormatReader, RXingResult};

use crate::enhance;
use crate::fax::{Box2, CleanPage, PageCode, Resolution, SYMBOLOGIES};

/// No page is said to carry more codes.
const MOST: usize = 32;
/// No code is said to hold more characters: a QR code holds 4,296, PDF417 fewer.
const MOST_CHARS: usize = 4_500;
/// Codes without a check digit must be so long.
const LEAST_UNCHECKED: usize = 6;
/// A square code that is smaller is print taken for one, in millimetres. Of bars too little is known of their ends.
const LEAST_MM: f32 = 5.0;

/// What is looked for, by the names of [`SYMBOLOGIES`].
const KINDS: [(BarcodeFormat, &str); 11] = [
    (BarcodeFormat::QR_CODE, "qr"),
    (BarcodeFormat::CODE_128, "code128"),
    (BarcodeFormat::CODE_39, "code39"),
    (BarcodeFormat::CODE_93, "code93"),
    (BarcodeFormat::EAN_13, "ean13"),
    (BarcodeFormat::UPC_A, "ean13"),
    (BarcodeFormat::ITF, "itf"),
    (BarcodeFormat::CODABAR, "codabar"),
    (BarcodeFormat::DATA_MATRIX, "datamatrix"),
    (BarcodeFormat::PDF_417, "pdf417"),
    (BarcodeFormat::AZTEC, "aztec"),
];

/// Codes of one page, from the top down. `page` is 1 in each: a worker knows one page only.
///
/// There is no time limit here, and a crate that reads what strangers drew may panic: callers see to both.
pub fn find(clean: &CleanPage, resolution: Resolution) -> Vec<PageCode> {
    let hints = DecodeHints {
        TryHarder: Some(true),
        PossibleFormats: Some(KINDS.iter().map(|(format, _)| *format).collect::<HashSet<_>>()),
        ..DecodeHints::default()
    };
    let mut found = Vec::new();
    // Several QR codes on a page confuse the reader for one.
    if let Some(mut image) = image(clean)
        && let Ok(codes) = QRCodeMultiReader::default().decode_multiple_with_hints(&mut image, &hints)
    {
        found.extend(codes);
    }
    if let Some(mut image) = image(clean)
        && let Ok(codes) = GenericMultipleBarcodeReader::new(MultiUseMultiFormatReader::default())
            .decode_multiple_with_hints(&mut image, &hints)
    {
        found.extend(codes);
    }
    let mut codes: Vec<PageCode> = Vec::new();
    for code in found.iter().filter_map(|code| told(code, clean, resolution)) {
        let known = codes.iter().any(|known| {
            (&known.kind, &known.text) == (&code.kind, &code.text) && overlap(known.at, code.at)
        });
        if !known && codes.len() < MOST {
            codes.push(code);
        }
    }
    codes.sort_by(|a, b| a.at.top.total_cmp(&b.at.top).then(a.at.left.total_cmp(&b.at.left)));
    codes
}

fn image(clean: &CleanPage) -> Option<BinaryBitmap<HybridBinarizer<Luma8Source<'_>>>> {
    let source = Luma8Source::new_with_slice(&clean.samples, clean.width, clean.height).ok()?;
    Some(BinaryBitmap::new(HybridBinarizer::new(source)))
}

/// A found code in our words and on the received page; `None`: it is none of ours, or print taken for bars.
fn told(code: &RXingResult, clean: &CleanPage, resolution: Resolution) -> Option<PageCode> {
    let (_, kind) = KINDS.iter().find(|(format, _)| format == code.getBarcodeFormat())?;
    let symbology = SYMBOLOGIES.iter().find(|known| known.name == *kind)?;
    let text: String = code.getText().chars().take(MOST_CHARS).collect();
    // UPC-A is EAN-13 with a leading zero.
    let upc = *code.getBarcodeFormat() == BarcodeFormat::UPC_A;
    let text = if upc { format!("0{text}") } else { text };
    if text.trim().is_empty() || (!symbology.checked && text.chars().count() < LEAST_UNCHECKED) {
        return None;
    }
    let at = place(code, clean, resolution)?;
    let bars = !matches!(*kind, "qr" | "datamatrix" | "aztec" | "pdf417");
    let size = (at.right - at.left).max(at.bottom - at.top);
    (bars || size >= LEAST_MM).then(|| PageCode { page: 1, kind: (*kind).to_owned(), text, at })
}

/// Around a code's marks, millimetres of the page as received. Of bars only a line across is known, and of Code 39 that line
/// is a guess of the crate's.
fn place(code: &RXingResult, clean: &CleanPage, resolution: Resolution) -> Option<Box2> {
    let (width, height) = enhance::page_size(clean);
    let points: Vec<(f32, f32)> = code
        .getPoints()
        .iter()
        .map(|point| {
            let (x, y) = enhance::to_page(&clean.plan, width, height, f64::from(point.x), f64::from(point.y));
            (millimetres(x, resolution.x), millimetres(y, resolution.y))
        })
        .collect();
    let first = points.first()?;
    let start = Box2 { left: first.0, top: first.1, right: first.0, bottom: first.1 };
    Some(
        points
            .iter()
            .fold(start, |around, &(x, y)| around.union(Box2 { left: x, top: y, right: x, bottom: y })),
    )
}

fn millimetres(pixels: f64, dpi: f64) -> f32 {
    let dpi = if (30.0..=2400.0).contains(&dpi) { dpi } else { 204.0 };
    (pixels / dpi * 25.4) as f32
}

fn overlap(a: Box2, b: Box2) -> bool {
    const NEAR: f32 = 3.0;
    a.left <= b.right + NEAR
        && b.left <= a.right + NEAR
        && a.top <= b.bottom + NEAR
        && b.top <= a.bottom + NEAR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{Bitmap, Damage, Page, Raster};
    use rxing::{MultiFormatWriter, Writer};

    /// A sheet with one code on it, as a fax of so many rows an inch; `wide` is in millimetres.
    fn sheet(format: BarcodeFormat, text: &str, (wide, high): (f64, f64), resolution: Resolution) -> Page {
        let matrix = MultiFormatWriter.encode(text, &format, 0, 0).unwrap();
        let (columns, rows) = (f64::from(matrix.width()), f64::from(matrix.height()));
        let height = (297.0 / 25.4 * resolution.y) as u32;
        let mut map = Bitmap::white(1728, height);
        for y in 0..height {
            for x in 0..1728 {
                let (mm_x, mm_y) =
                    ((f64::from(x) + 0.5) / resolution.x * 25.4, (f64::from(y) + 0.5) / resolution.y * 25.4);
                let (column, row) = ((mm_x - 60.0) / wide * columns, (mm_y - 40.0) / high * rows);
                let inside = (0.0..columns).contains(&column) && (0.0..rows).contains(&row);
                map.set(x, y, inside && matrix.get(column as u32, row as u32));
            }
        }
        Page { raster: Raster::Bilevel(map), resolution, ccitt: None, damage: Damage::default() }
    }

    fn read(page: &Page) -> Vec<PageCode> {
        find(&enhance::clean(page, &enhance::Settings::default()), page.resolution)
    }

    #[test]
    fn codes_are_read_in_standard_and_in_fine_resolution() {
        let cases = [
            (BarcodeFormat::QR_CODE, "qr", "https://forms.harbour.example/hd507?c=81223", (24.0, 24.0)),
            (BarcodeFormat::CODE_128, "code128", "BN-00417-26", (60.0, 14.0)),
            (BarcodeFormat::CODE_39, "code39", "LIC20417", (70.0, 14.0)),
            (BarcodeFormat::EAN_13, "ean13", "4006381333931", (45.0, 20.0)),
            (BarcodeFormat::ITF, "itf", "12345678", (52.0, 14.0)),
            (BarcodeFormat::DATA_MATRIX, "datamatrix", "HD507/81223", (18.0, 18.0)),
        ];
        for (format, kind, text, size) in cases {
            for resolution in [Resolution::STANDARD, Resolution::FINE] {
                let codes = read(&sheet(format, text, size, resolution));
                assert_eq!(codes.len(), 1, "{kind} {resolution:?}: {codes:?}");
                assert_eq!((codes[0].kind.as_str(), codes[0].text.as_str()), (kind, text), "{resolution:?}");
                let at = codes[0].at;
                if kind == "code39" {
                    continue;
                }
                assert!(at.left > 58.0 && at.right < 62.0 + size.0 as f32, "{kind} {resolution:?}: {at:?}");
                assert!(at.top > 38.0 && at.bottom < 42.0 + size.1 as f32, "{kind} {resolution:?}: {at:?}");
            }
        }
    }

    #[test]
    fn what_rules_can_name_is_what_is_sought() {
        let sought: HashSet<&str> = KINDS.iter().map(|(_, kind)| *kind).collect();
        assert_eq!(sought, SYMBOLOGIES.iter().map(|known| known.name).collect());
    }

    #[test]
    fn an_empty_sheet_carries_no_code() {
        let map = Bitmap::white(1728, 1145);
        let page = Page {
            raster: Raster::Bilevel(map),
            resolution: Resolution::STANDARD,
            ccitt: None,
            damage: Damage::default(),
        };
        assert!(read(&page).is_empty());
    }
}
