//! Segmentation on drawn pages: letters are blocks, which is what they are to it.

use super::*;
use crate::fax::{Plan, Turn};

struct Sheet {
    width: u32,
    height: u32,
    samples: Vec<u8>,
}

impl Sheet {
    fn new(width: u32, height: u32) -> Self {
        Self { width, height, samples: vec![255; (width * height) as usize] }
    }

    fn ink(&mut self, left: i32, top: i32, width: i32, height: i32) {
        for y in top..top + height {
            for x in left..left + width {
                self.samples[(y as u32 * self.width + x as u32) as usize] = 0;
            }
        }
    }

    /// Letters 12 wide and 22 high, every seventh a blank; every third has a foot of 6 more rows.
    fn line(&mut self, left: i32, top: i32, letters: i32) {
        for at in (0..letters).filter(|at| at % 7 != 6) {
            self.ink(left + 15 * at, top, 12, if at % 3 == 2 { 28 } else { 22 });
        }
    }

    /// Characters 32 wide and high: of two parts side by side, of one, of two parts one above the other.
    fn han(&mut self, left: i32, top: i32, step: (i32, i32), characters: i32) {
        for at in 0..characters {
            let (x, y) = (left + step.0 * at, top + step.1 * at);
            match at % 3 {
                0 => {
                    self.ink(x, y, 14, 32);
                    self.ink(x + 17, y, 15, 32);
                }
                1 => self.ink(x, y, 32, 32),
                _ => {
                    self.ink(x + 2, y, 28, 10);
                    self.ink(x, y + 14, 32, 18);
                }
            }
        }
    }

    fn pieces(self) -> Vec<Piece> {
        let plan = Plan {
            scale_x: 1.0,
            scale_y: 1.0,
            skew: 0.0,
            turn: Turn::None,
            specks: 0,
            streaks: 0,
            blank: false,
        };
        let clean =
            CleanPage { width: self.width, height: self.height, samples: self.samples, dpi: 204, plan };
        let mut pieces = lines(&clean);
        pieces.sort_by_key(|piece| (piece.at.top, piece.at.left));
        pieces
    }

    fn boxes(self) -> Vec<(i32, i32, i32, i32)> {
        self.pieces()
            .iter()
            .map(|piece| (piece.at.left, piece.at.top, piece.at.width, piece.at.height))
            .collect()
    }
}

#[test]
fn a_logo_is_no_measure_for_the_letterhead_beside_it() {
    let mut sheet = Sheet::new(1200, 400);
    // Two rings within each other, as high as three lines and nearer than a letter of their size would be.
    for (left, top, side) in [(100, 60, 110), (115, 75, 80)] {
        sheet.ink(left, top, side, 3);
        sheet.ink(left, top + side - 3, side, 3);
        sheet.ink(left, top, 3, side);
        sheet.ink(left + side - 3, top, 3, side);
    }
    for row in 0..3 {
        sheet.line(250, 65 + 36 * row, 30);
    }
    let lines: Vec<Region> =
        sheet.pieces().iter().map(|piece| piece.at).filter(|at| at.width > 300).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|at| at.left >= 245 && at.height < 34), "{lines:?}");
}

#[test]
fn each_line_is_one_tight_box() {
    let mut sheet = Sheet::new(1728, 600);
    for row in 0..5 {
        sheet.line(200, 100 + 37 * row, 60);
    }
    let pieces = sheet.pieces();
    let boxes: Vec<_> = pieces.iter().map(|piece| (piece.at.left, piece.at.top, piece.at.width)).collect();
    assert_eq!(boxes, (0..5).map(|row| (200, 100 + 37 * row, 15 * 60 - 3)).collect::<Vec<_>>());
    assert!(
        pieces
            .iter()
            .all(|piece| piece.at.height == 28 && (22..=28).contains(&piece.letter) && !piece.vertical)
    );
}

#[test]
fn cells_between_rules_are_pieces_and_rules_are_none() {
    let mut sheet = Sheet::new(1728, 600);
    for row in 0..4 {
        sheet.ink(150, 100 + 60 * row, 900, 3);
    }
    for column in 0..4 {
        sheet.ink(150 + 300 * column - 3 * (column / 3), 100, 3, 183);
    }
    for row in 0..3 {
        for column in 0..3 {
            // The last letter all but touches the rule.
            sheet.line(150 + 300 * column + 106, 120 + 60 * row, 12);
        }
    }
    let boxes = sheet.boxes();
    assert_eq!(boxes.len(), 9, "{boxes:?}");
    assert!(
        boxes.iter().all(|&(left, _, width, height)| (left - 256) % 300 == 0 && width == 177 && height == 28)
    );
}

#[test]
fn columns_far_apart_are_pieces_of_their_own_and_blanks_are_not() {
    let mut sheet = Sheet::new(1728, 300);
    sheet.line(100, 100, 40);
    sheet.line(100 + 600 + 50, 100, 40);
    let widths: Vec<i32> = sheet.boxes().iter().map(|found| found.2).collect();
    assert_eq!(widths, [597, 597]);
}

#[test]
fn parts_of_characters_belong_to_their_line() {
    let mut sheet = Sheet::new(1728, 400);
    sheet.line(200, 100, 6);
    sheet.ink(200, 93, 5, 4); // a dot above
    sheet.ink(293, 119, 4, 4); // a full stop
    sheet.line(200, 150, 6);
    // 二 and 三 alone, away from all text.
    sheet.ink(700, 103, 22, 4);
    sheet.ink(697, 122, 30, 4);
    for stroke in 0..3 {
        sheet.ink(900, 100 + 12 * stroke, 30, 4);
    }
    assert_eq!(
        sheet.boxes(),
        [(200, 93, 97, 35), (900, 100, 30, 28), (697, 103, 30, 23), (200, 150, 87, 28)]
    );
}

#[test]
fn rows_that_touch_are_cut() {
    let mut sheet = Sheet::new(1728, 400);
    sheet.line(200, 100, 60);
    sheet.line(200, 134, 60);
    // Two feet reach down to the heads below.
    sheet.ink(230, 120, 6, 16);
    sheet.ink(545, 120, 6, 16);
    let boxes = sheet.boxes();
    assert_eq!(boxes.len(), 2, "{boxes:?}");
    assert!(boxes[0].1 + boxes[0].3 <= boxes[1].1 + 2, "{boxes:?}");
}

#[test]
fn large_print_small_print_and_pictures() {
    let mut sheet = Sheet::new(1728, 900);
    for letter in 0..8 {
        sheet.ink(200 + 70 * letter, 60, 55, 90);
    }
    for letter in 0..60 {
        sheet.ink(200 + 11 * letter, 200, 8, 12);
    }
    sheet.ink(200, 300, 500, 300); // a picture
    sheet.line(760, 420, 30); // and text beside it
    let boxes = sheet.boxes();
    assert_eq!(boxes, [(200, 60, 545, 90), (200, 200, 657, 12), (760, 420, 447, 28)]);
}

#[test]
fn chinese_set_downwards_is_columns() {
    let mut sheet = Sheet::new(1728, 2200);
    sheet.line(150, 20, 80); // the sending machine's line
    for column in 0..10 {
        sheet.han(1500 - 60 * column, 200, (0, 38), 40);
    }
    let pieces = sheet.pieces();
    let (columns, rows): (Vec<Piece>, Vec<Piece>) = pieces.into_iter().partition(|piece| piece.vertical);
    assert_eq!(rows.len(), 1);
    let boxes: Vec<_> =
        columns.iter().map(|piece| (piece.at.left, piece.at.width, piece.at.height)).collect();
    let mut expected: Vec<_> = (0..10).map(|column| (1500 - 60 * column, 32, 38 * 39 + 32)).collect();
    expected.reverse();
    assert_eq!(boxes, expected);
}

#[test]
fn chinese_set_across_is_rows_and_a_column_beside_it_is_found() {
    let mut sheet = Sheet::new(1728, 800);
    for row in 0..8 {
        sheet.han(300, 100 + 45 * row, (35, 0), 30);
    }
    sheet.han(100, 150, (0, 36), 6);
    let pieces = sheet.pieces();
    assert_eq!(pieces.iter().filter(|piece| piece.vertical).count(), 1);
    assert_eq!(pieces.len(), 9);
}

#[test]
fn nothing_comes_of_nothing() {
    assert!(Sheet::new(1728, 2200).pieces().is_empty());
    assert!(Sheet::new(0, 0).pieces().is_empty());
    let mut black = Sheet::new(400, 300);
    black.ink(0, 0, 400, 300);
    assert!(black.pieces().is_empty());
    let mut short = Sheet::new(400, 300);
    short.line(50, 50, 10);
    short.samples.truncate(1_000);
    assert!(short.pieces().is_empty());
}

#[test]
fn noise_is_looked_at_coarsely_and_stays_on_the_page() {
    // Every second pixel of a chessboard shifted by a slow generator: more pieces of ink than any print has.
    let mut sheet = Sheet::new(1000, 1000);
    let mut state = 1u32;
    for sample in &mut sheet.samples {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample = if state >> 30 == 0 { 0 } else { 255 };
    }
    for piece in sheet.pieces() {
        let at = piece.at;
        assert!(at.left >= 0 && at.top >= 0 && at.width > 0 && at.height > 0);
        assert!(at.left + at.width <= 1000 && at.top + at.height <= 1000);
    }
}
