//! The page's ink as a bitmap, and runs of it: what specks, streaks, skew and blankness are judged by.

use std::borrow::Cow;

use crate::fax::{Bitmap, Raster};

/// Gray levels that lie nearer together than this are one level: a page without contrast holds no ink.
const LEAST_CONTRAST: f64 = 40.0;

/// The page in black and white: as it is, or divided by Otsu's threshold.
pub fn of(raster: &Raster) -> Bitmap {
    match raster {
        Raster::Bilevel(map) => map.clone(),
        other => {
            let (width, height) = other.size();
            let samples = luminance(other);
            let mut map = Bitmap::white(width, height);
            if let Some(threshold) = otsu(&samples) {
                for (y, row) in samples.chunks_exact(width.max(1) as usize).enumerate() {
                    for (x, _) in row.iter().enumerate().filter(|(_, level)| **level <= threshold) {
                        map.set(x as u32, y as u32, true);
                    }
                }
            }
            map
        }
    }
}

/// Gray levels, 0 = black; a bilevel page becomes 0 and 255. Colours by ITU-R BT.601 weights.
pub fn luminance(raster: &Raster) -> Cow<'_, [u8]> {
    match raster {
        Raster::Gray { samples, .. } => Cow::Borrowed(samples),
        Raster::Rgb { samples, .. } => {
            let weigh =
                |rgb: &[u8]| u32::from(rgb[0]) * 299 + u32::from(rgb[1]) * 587 + u32::from(rgb[2]) * 114;
            samples.chunks_exact(3).map(|rgb| (weigh(rgb) / 1000) as u8).collect()
        }
        Raster::Bilevel(map) => {
            let pixels = (0..map.height()).flat_map(|y| (0..map.width()).map(move |x| (x, y)));
            pixels.map(|(x, y)| if map.black(x, y) { 0 } else { 255 }).collect()
        }
    }
}

/// The level that best divides ink from paper (Otsu, 1979). `None` where the page has no contrast.
fn otsu(samples: &[u8]) -> Option<u8> {
    let mut counts = [0u64; 256];
    samples.iter().for_each(|&level| counts[usize::from(level)] += 1);
    let total = samples.len() as f64;
    let sum: f64 = counts.iter().enumerate().map(|(level, &count)| level as f64 * count as f64).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best = (0.0, 0.0, 0u8);
    for (level, &count) in counts.iter().enumerate().take(255) {
        below += count as f64;
        sum_below += level as f64 * count as f64;
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let distance = (sum - sum_below) / above - sum_below / below;
            let between = below * above * distance * distance;
            if between > best.0 {
                best = (between, distance, level as u8);
            }
        }
    }
    (best.1 >= LEAST_CONTRAST).then_some(best.2)
}

/// A stretch of black pixels in one row: from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub start: u32,
    pub end: u32,
}

/// The runs of one packed row, left to right.
pub fn runs(row: &[u8], width: u32) -> Runs<'_> {
    Runs { row, width, at: 0 }
}

/// Iterator of [`runs`].
pub struct Runs<'a> {
    row: &'a [u8],
    width: u32,
    at: u32,
}

impl Runs<'_> {
    /// First position from `at` on whose pixel is `black`; the width if there is none.
    fn seek(&self, mut at: u32, black: bool) -> u32 {
        let other = if black { 0x00 } else { 0xff };
        while at < self.width {
            let Some(&byte) = self.row.get((at / 8) as usize) else { break };
            if at.is_multiple_of(8) && byte == other {
                at += 8;
            } else if (byte >> (7 - at % 8) & 1 == 1) == black {
                return at;
            } else {
                at += 1;
            }
        }
        self.width
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let start = self.seek(self.at, true);
        if start >= self.width {
            return None;
        }
        let end = self.seek(start, false);
        self.at = end;
        Some(Run { start, end })
    }
}

/// Black pixels of a packed row from `start` up to, not including, `end`.
pub fn count(row: &[u8], start: u32, end: u32) -> u32 {
    if start >= end {
        return 0;
    }
    let (first, last) = ((start / 8) as usize, ((end - 1) / 8) as usize);
    let head = 0xffu8 >> (start % 8);
    let tail = 0xffu8 << (7 - (end - 1) % 8);
    let bytes = row.get(first..=last).unwrap_or(&[]);
    let mut sum = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let mut byte = byte;
        if at == 0 {
            byte &= head;
        }
        if at == last - first {
            byte &= tail;
        }
        sum += byte.count_ones();
    }
    sum
}
