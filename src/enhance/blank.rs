//! Is there anything to read? Wrong answers must fall on the side of asking the engine.

use super::ink;
use super::specks::{self, Piece};
use super::square::Scale;
use crate::fax::Bitmap;

/// A piece of ink lower than this is no letter, in inches (0.75 mm).
const LOWEST_LETTER_INCHES: f64 = 0.75 / 25.4;
/// With less ink than this in letters, as square inches of black, there is no word: half of one "X" in 10 point.
const LETTER_INK: f64 = 60.0 / (204.0 * 204.0);
/// With more ink than this there may be broken letters, unless it is dots.
const LOOSE_INK: f64 = 200.0 / (204.0 * 204.0);
/// The shadow at a sheet's edge is at most so wide …
const SHADOW_INCHES: f64 = 0.3;
/// … and runs along so much of that edge.
const SHADOW_LENGTH: f64 = 0.25;

/// True if the page holds no ink worth reading, after specks and streaks are gone.
pub fn is_blank(map: &Bitmap, scale: &Scale, dithered: bool) -> bool {
    let pixels_an_inch = scale.x_dpi * scale.y_dpi;
    let lowest = (LOWEST_LETTER_INCHES * scale.y_dpi).floor() as u32;
    let inner = Inner::of(map, scale);
    let mut shadowed = false;
    let (mut letters, mut all, mut at_edges) = (0u64, 0u64, 0u64);
    specks::for_each_piece(map, |piece| {
        let area = u64::from(piece.area);
        if inner.is_shadow(map, piece, LETTER_INK * pixels_an_inch) {
            shadowed = true;
            return;
        }
        all += area;
        if piece.bottom - piece.top >= lowest {
            letters += area;
        } else if inner.is_outside(piece) {
            at_edges += area;
        }
    });
    // A shadow frays into bits too low for letters.
    let loose = if shadowed { all - at_edges } else { all };
    let few_letters = (letters as f64) < LETTER_INK * pixels_an_inch;
    let little_ink = (loose as f64) < LOOSE_INK * pixels_an_inch;
    few_letters && (dithered || little_ink)
}

/// The sheet without its edges; `right` and `bottom` are outside.
struct Inner {
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
}

impl Inner {
    fn of(map: &Bitmap, scale: &Scale) -> Self {
        let (x, y) = ((SHADOW_INCHES * scale.x_dpi) as u32, (SHADOW_INCHES * scale.y_dpi) as u32);
        Self { left: x, top: y, right: map.width().saturating_sub(x), bottom: map.height().saturating_sub(y) }
    }

    fn is_outside(&self, piece: Piece) -> bool {
        piece.right <= self.left
            || piece.left >= self.right
            || piece.bottom <= self.top
            || piece.top >= self.bottom
    }

    /// True for the dark bar where the sheet ended before the scanner's glass did. What it surrounds on the inner
    /// sheet counts as part of it, so there must be less of that than `most`.
    fn is_shadow(&self, map: &Bitmap, piece: Piece, most: f64) -> bool {
        let tall = f64::from(piece.bottom - piece.top) >= f64::from(map.height()) * SHADOW_LENGTH;
        let wide = f64::from(piece.right - piece.left) >= f64::from(map.width()) * SHADOW_LENGTH;
        let beside = piece.left == 0 || piece.right == map.width();
        let above = piece.top == 0 || piece.bottom == map.height();
        if !(tall && beside || wide && above) {
            return false;
        }
        let (left, right) = (piece.left.max(self.left), piece.right.min(self.right));
        let rows = piece.top.max(self.top)..piece.bottom.min(self.bottom);
        let inside: u64 = rows.map(|y| u64::from(ink::count(map.row(y), left, right))).sum();
        (inside as f64) < most
    }
}
