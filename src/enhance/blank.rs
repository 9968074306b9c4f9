//! Is there anything to read? Wrong answers must fall on the side of asking the engine.

use super::specks;
use super::square::Scale;
use crate::fax::Bitmap;

/// A piece of ink lower than this is no letter, in inches (0.75 mm).
const LOWEST_LETTER_INCHES: f64 = 0.75 / 25.4;
/// With less ink than this in letters, as square inches of black, there is no word: half of one "X" in 10 point.
const LETTER_INK: f64 = 60.0 / (204.0 * 204.0);
/// With more ink than this there may be broken letters, unless it is dots.
const LOOSE_INK: f64 = 200.0 / (204.0 * 204.0);

/// True if the page holds no ink worth reading, after specks and streaks are gone.
pub fn is_blank(map: &Bitmap, scale: &Scale, dithered: bool) -> bool {
    let pixels_an_inch = scale.x_dpi * scale.y_dpi;
    let lowest = (LOWEST_LETTER_INCHES * scale.y_dpi).floor() as u32;
    let (mut letters, mut all) = (0u64, 0u64);
    specks::for_each_piece(map, |piece| {
        all += u64::from(piece.area);
        if piece.bottom - piece.top >= lowest {
            letters += u64::from(piece.area);
        }
    });
    let few_letters = (letters as f64) < LETTER_INK * pixels_an_inch;
    let little_ink = (all as f64) < LOOSE_INK * pixels_an_inch;
    few_letters && (dithered || little_ink)
}
