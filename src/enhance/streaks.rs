//! Vertical streaks: a grain of dirt on a scanner's glass draws a thin line down the whole sheet.

use super::ink;
use crate::fax::Bitmap;

/// A streak is at most so wide, in inches (5 pixels of a fax's row).
const WIDEST_INCHES: f64 = 5.0 / 204.0;
/// The page is looked at in so many bands of equal height.
const BANDS: usize = 8;
/// A band belongs to a streak if so much of it is black.
const BAND_INK: f64 = 0.6;
/// So many bands make a streak. Text columns never come near; a table's rule must run down most of the
/// sheet, and then it helps nobody to read it.
const STREAK_BANDS: usize = 5;
/// Pages lower than this are strips, on which a letter's stem would look like a streak.
const LOWEST_PAGE: u32 = 200;

/// Clears streaks except where strokes cross them, and says how many they were.
pub fn remove(map: &mut Bitmap, x_dpi: f64) -> u32 {
    if map.height() < LOWEST_PAGE {
        return 0;
    }
    let widest = (WIDEST_INCHES * x_dpi).round().max(1.0) as u32;
    let mut streaks = 0;
    let dark = dark_columns(map);
    let mut x = 0;
    while x < map.width() {
        let width = dark[x as usize..].iter().take_while(|dark| **dark).count() as u32;
        if (1..=widest).contains(&width) {
            clear(map, x, x + width);
            streaks += 1;
        }
        x += width.max(1);
    }
    streaks
}

/// For each column whether it is black over most of the page's height.
fn dark_columns(map: &Bitmap) -> Vec<bool> {
    let width = map.width() as usize;
    let band_height = (map.height() as usize).div_ceil(BANDS).max(1);
    let mut dark_bands = vec![0usize; width];
    let mut counts = vec![0u32; width];
    for top in (0..map.height()).step_by(band_height) {
        let bottom = (top + band_height as u32).min(map.height());
        counts.fill(0);
        for y in top..bottom {
            for run in ink::runs(map.row(y), map.width()) {
                counts[run.start as usize..run.end as usize].iter_mut().for_each(|count| *count += 1);
            }
        }
        let enough = f64::from(bottom - top) * BAND_INK;
        for (bands, &count) in dark_bands.iter_mut().zip(&counts) {
            *bands += usize::from(f64::from(count) >= enough);
        }
    }
    dark_bands.iter().map(|bands| *bands >= STREAK_BANDS).collect()
}

/// Clears columns `start..end` in every row in which no stroke crosses them.
fn clear(map: &mut Bitmap, start: u32, end: u32) {
    for y in 0..map.height() {
        let crossed = start > 0 && map.black(start - 1, y) && map.black(end, y);
        if !crossed {
            (start..end).for_each(|x| map.set(x, y, false));
        }
    }
}
