//! Enhanced copies: cleaned pages behind the faithful ones, which nobody must take for the fax.
//!
//! Each copy carries a band above its picture that says so and names its page, in lines drawn as vectors,
//! so that it is on paper too. A viewer's page box shows "Enhanced 1", and two bookmarks lead to the pages
//! as received and to the copies. Bookmarks and labels speak both languages of the houses that read them.

use std::fmt::Write as _;

use lopdf::{Dictionary, Document, Object, ObjectId, dictionary};

use super::geometry::PageFrame;
use super::metadata::pdf_text;
use super::text_layer::number;
use crate::fax::{Bitmap, Damage, Page, Raster, Resolution};

/// Height of the band above a copy's picture, in points.
pub(super) const BAND: f64 = 22.0;

/// Size of the label's capitals, its pen and its place in the band, in thousandths of a point.
const CAPITAL: i64 = 9_000;
const PEN: i64 = 900;
const LEFT: i64 = 12_000;
const ABOVE_PICTURE: i64 = 7_000;

/// Letters stand on a grid of four by six; each takes six units along.
const UNITS: i64 = 6;

/// A copy as a page that is composed like any other.
pub(super) fn page(copy: &Bitmap, dpi: f64) -> Page {
    Page {
        raster: Raster::Bilevel(copy.clone()),
        resolution: Resolution { x: dpi, y: dpi },
        ccitt: None,
        damage: Damage::default(),
    }
}

/// The operators of a copy's label. Needs the colour space `/Cs0`.
pub(super) fn label(of: u32, frame: &PageFrame) -> String {
    let words = format!("ENHANCED COPY OF PAGE {of} - NOT AS RECEIVED");
    let unit = CAPITAL / UNITS;
    let room = (frame.width * 1000.0) as i64 - 2 * LEFT;
    // A narrow page gets narrow letters.
    let step = unit.min(room / (UNITS * words.chars().count() as i64).max(1)).max(1);
    let foot = (frame.height * 1000.0) as i64 + ABOVE_PICTURE;
    let mut content = format!("q /Cs0 CS 0 SC {} w 1 J 1 j\n", number(PEN));
    for (nth, letter) in (0i64..).zip(words.chars()) {
        let x = LEFT + nth * UNITS * step;
        for stroke in strokes(letter).split(' ').filter(|stroke| !stroke.is_empty()) {
            for (at, point) in stroke.as_bytes().chunks_exact(2).enumerate() {
                let [column, row] = [point[0], point[1]].map(|digit| i64::from(digit.saturating_sub(b'0')));
                let operator = if at == 0 { "m" } else { "l" };
                let _ = write!(
                    content,
                    "{} {} {operator} ",
                    number(x + column * step),
                    number(foot + row * unit)
                );
            }
            content.push_str("S\n");
        }
    }
    content.push_str("Q\n");
    content
}

/// Pen strokes of a letter: points as two digits, column 0 to 4 and row 0 (foot) to 6.
fn strokes(letter: char) -> &'static str {
    match letter {
        'A' => "002640 1232",
        'C' => "4536160501103041",
        'D' => "00062644422000",
        'E' => "46060040 0333",
        'F' => "460600 0333",
        'G' => "45361605011030414323",
        'H' => "0006 4046 0343",
        'I' => "2026",
        'N' => "00064046",
        'O' | '0' => "100105163645413010",
        'P' => "00063645443303",
        'R' => "00063645443303 2340",
        'S' => "453616050413334241301001",
        'T' => "0646 2620",
        'V' => "062046",
        'Y' => "062346 2320",
        '1' => "152620",
        '2' => "05163645440040",
        '3' => "05163645443313 334241301001",
        '4' => "30360242",
        '5' => "460604344341301001",
        '6' => "453616050110304142331302",
        '7' => "064610",
        '8' => "130405163645443313 1302011030414233",
        '9' => "011030414536160504133344",
        '-' => "0343",
        _ => "",
    }
}

/// Puts bookmarks and page labels into the catalogue, if there are copies.
pub(super) fn mark(
    doc: &mut Document,
    catalogue: &mut Dictionary,
    pages: &[ObjectId],
    copies: &[(u32, ObjectId)],
) {
    let (Some(first), Some((_, copy))) = (pages.first(), copies.first()) else { return };
    let (root, received, enhanced) = (doc.new_object_id(), doc.new_object_id(), doc.new_object_id());
    let to = |page: &ObjectId| Object::Array(vec![(*page).into(), "Fit".into()]);
    doc.objects.insert(
        received,
        dictionary! {
            "Title" => pdf_text("As received 原件"), "Parent" => root, "Next" => enhanced, "Dest" => to(first),
        }
        .into(),
    );
    doc.objects.insert(
        enhanced,
        dictionary! {
            "Title" => pdf_text("Enhanced copies, not as received 清晰副本（非原件）"), "Parent" => root,
            "Prev" => received, "Dest" => to(copy),
        }
        .into(),
    );
    let outlines =
        dictionary! { "Type" => "Outlines", "First" => received, "Last" => enhanced, "Count" => 2 };
    doc.objects.insert(root, outlines.into());
    catalogue.set("Outlines", root);
    let mut numbers = vec![0.into(), dictionary! { "S" => "D" }.into()];
    for (at, (of, _)) in (pages.len() as i64..).zip(copies) {
        let label = dictionary! { "P" => pdf_text(&format!("Enhanced {of}")) };
        numbers.extend([at.into(), Object::from(label)]);
    }
    catalogue.set("PageLabels", dictionary! { "Nums" => numbers });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::Turn;

    #[test]
    fn every_letter_of_a_label_has_strokes_on_the_grid() {
        for letter in "ENHANCED COPY OF PAGE 0123456789 - NOT AS RECEIVED".chars().filter(|c| *c != ' ') {
            let strokes = strokes(letter);
            assert!(!strokes.is_empty(), "{letter}");
            for stroke in strokes.split(' ') {
                assert!(stroke.len() >= 4 && stroke.len() % 2 == 0, "{letter}: {stroke}");
                for point in stroke.as_bytes().chunks(2) {
                    assert!(
                        (b'0'..=b'4').contains(&point[0]) && (b'0'..=b'6').contains(&point[1]),
                        "{letter}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_label_stays_on_narrow_pages_and_above_the_picture() {
        for width in [1, 200, 1728, 10_000] {
            let frame = PageFrame::new((width, 1000), Resolution { x: 204.0, y: 204.0 }, Turn::None);
            let label = label(2000, &frame);
            let strokes = label.split_once('\n').unwrap().1;
            let numbers: Vec<f64> =
                strokes.split_whitespace().filter_map(|token| token.parse().ok()).collect();
            assert!(numbers.len() > 200 && numbers.len().is_multiple_of(2));
            for point in numbers.chunks(2) {
                assert!(width < 100 || point[0] < frame.width, "{width}: {point:?}");
                assert!(point[1] > frame.height && point[1] < frame.height + BAND, "{width}: {point:?}");
            }
        }
    }
}
