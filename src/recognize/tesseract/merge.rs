//! Two readings of one page: for each line, which is kept.

use crate::fax::CleanPage;
use crate::recognize::line::{RawLine, Region};

/// Two readings are of the same line if they share so much of their height …
const SAME_HEIGHT: f32 = 0.5;
/// … and so much of the wider one's width.
const SAME_WIDTH: f32 = 0.8;
/// Where both are about equally sure, English is believed: it knows words, the script model does not.
const ENGLISH_BONUS: f32 = 3.0;
/// Paper around a line that is read alone, in inches (4 pixels of a fax's row).
const MARGIN_INCHES: f32 = 4.0 / 204.0;

/// The Han model's lines, with English ones in place of those without Han where English is as sure.
pub fn latin_lines(han: Vec<RawLine>, english: &[RawLine]) -> Vec<RawLine> {
    let better = |line: &RawLine| {
        let same = english.iter().filter(|other| same_place(line, other));
        same.max_by(|a, b| a.confidence().total_cmp(&b.confidence()))
            .filter(|other| other.confidence() + ENGLISH_BONUS >= line.confidence())
            .cloned()
    };
    han.into_iter().map(|line| if line.has_han() { None } else { better(&line) }.unwrap_or(line)).collect()
}

fn same_place(a: &RawLine, b: &RawLine) -> bool {
    let (a, b) = (a.bounds(), b.bounds());
    let shared =
        |from_a: i32, to_a: i32, from_b: i32, to_b: i32| (to_a.min(to_b) - from_a.max(from_b)) as f32;
    let height = shared(a.top, a.top + a.height, b.top, b.top + b.height);
    let width = shared(a.left, a.left + a.width, b.left, b.left + b.width);
    height >= SAME_HEIGHT * a.height.min(b.height) as f32 && width >= SAME_WIDTH * a.width.max(b.width) as f32
}

/// The rectangle in which a line is read again.
pub fn around(line: &RawLine, clean: &CleanPage) -> Region {
    let margin = (MARGIN_INCHES * clean.dpi as f32).round() as i32;
    let at = line.bounds();
    let (width, height) =
        (i32::try_from(clean.width).unwrap_or(i32::MAX), i32::try_from(clean.height).unwrap_or(i32::MAX));
    let (left, top) = ((at.left - margin).max(0), (at.top - margin).max(0));
    let right = (at.left + at.width + margin).min(width);
    let bottom = (at.top + at.height + margin).min(height);
    Region { left, top, width: (right - left).max(1), height: (bottom - top).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognize::line::RawWord;

    fn line(text: &str, left: i32, top: i32, confidence: f32) -> RawLine {
        let right = left + 20 * text.chars().count() as i32;
        let text = text.to_owned();
        RawLine {
            words: vec![RawWord {
                text,
                left,
                top,
                right,
                bottom: top + 30,
                confidence,
                blank_before: false,
            }],
            vertical: false,
        }
    }

    #[test]
    fn the_surer_reading_of_a_line_is_kept() {
        let han = vec![
            line("Dear 5ir", 100, 100, 80.0),
            line("香港中環", 100, 200, 80.0),
            line("Fax No", 100, 300, 90.0),
        ];
        let english =
            [line("Dear Sir", 102, 98, 92.0), line("FHP", 100, 200, 95.0), line("Fox No", 100, 300, 60.0)];
        let merged: Vec<String> =
            latin_lines(han, &english).iter().map(|line| line.words[0].text.clone()).collect();
        assert_eq!(merged, ["Dear Sir", "香港中環", "Fax No"]);
    }

    #[test]
    fn a_line_of_another_column_is_another_line() {
        let han = vec![line("left", 100, 100, 10.0)];
        let english = [line("right", 900, 100, 99.0), line("left of a longer line", 100, 100, 99.0)];
        assert_eq!(latin_lines(han.clone(), &english), han);
    }
}
