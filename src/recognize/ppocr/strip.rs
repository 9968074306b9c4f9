//! One line of the copy as the network wants it: a strip 48 pixels high, −1 black to 1 white.

use std::ops::Range;

use image::imageops::{self, FilterType};
use image::{GrayImage, ImageBuffer, Luma};

use crate::fax::CleanPage;
use crate::recognize::layout::segment::Piece;

/// The network's height.
pub const HEIGHT: u32 = 48;
/// Paper left above and below the line, as a share of its height …
const MARGIN_Y: f32 = 0.1;
/// … and beside it.
const MARGIN_X: f32 = 0.2;
/// Longer strips are squeezed: the network's memory grows with the width. A line of 6 point print across a whole
/// A3 sheet is below this.
pub const WIDEST: u32 = 6400;
/// Narrower strips are padded with paper.
const NARROWEST: u32 = 48;
/// A column set downwards has no more characters than this.
const MOST_CELLS: usize = 200;
/// A column of the strip is inked from this darkness on, of 255.
const INKED: u8 = 96;

/// A strip and where it lies.
pub struct Strip {
    /// `HEIGHT * width` samples, row after row.
    pub samples: Vec<u8>,
    /// Pixels across.
    pub width: u32,
    /// Left edge in the copy.
    left: f32,
    /// Copy's pixels per strip pixel, across.
    scale: f32,
    /// For each column, whether ink stands in it.
    inked: Vec<bool>,
}

impl Strip {
    /// Cuts `at` out of the copy. `squeeze`: width of the strip as a share of its natural one.
    pub fn cut(clean: &CleanPage, piece: &Piece, squeeze: f32) -> Option<Self> {
        let at = piece.at;
        let (width, height) = (i64::from(clean.width), i64::from(clean.height));
        let beside = (MARGIN_X * at.height as f32).round() as i64;
        let above = (MARGIN_Y * at.height as f32).round() as i64;
        let edge = |value: i64, most: i64| value.clamp(0, most);
        let left = edge(i64::from(at.left) - beside, width);
        let top = edge(i64::from(at.top) - above, height);
        let right = edge(i64::from(at.left) + i64::from(at.width) + beside, width);
        let bottom = edge(i64::from(at.top) + i64::from(at.height) + above, height);
        if right - left < 2 || bottom - top < 2 {
            return None;
        }
        if piece.vertical {
            return Self::laid_across(clean, (left, top, right, bottom), squeeze);
        }
        let (cut_w, cut_h) = ((right - left) as u32, (bottom - top) as u32);
        let mut samples = Vec::with_capacity(cut_w as usize * cut_h as usize);
        for y in top..bottom {
            let start = (y * width + left) as usize;
            samples.extend_from_slice(clean.samples.get(start..start + cut_w as usize)?);
        }
        let cut: GrayImage = ImageBuffer::from_raw(cut_w, cut_h, samples)?;
        Some(Self::of(&cut, left as f32, squeeze))
    }

    /// A cut at the network's height.
    fn of(cut: &GrayImage, left: f32, squeeze: f32) -> Self {
        let (cut_w, cut_h) = cut.dimensions();
        let natural = cut_w as f32 * HEIGHT as f32 / cut_h as f32 * squeeze;
        let inner = (natural.round() as u32).clamp(1, WIDEST);
        let resized = imageops::resize(cut, inner, HEIGHT, FilterType::Triangle);
        let strip = padded(resized);
        let inked = (0..strip.width())
            .map(|x| x < inner && (0..HEIGHT).any(|y| 255 - strip.get_pixel(x, y).0[0] >= INKED))
            .collect();
        let scale = cut_w as f32 / inner as f32;
        Self { width: strip.width(), samples: strip.into_raw(), left, scale, inked }
    }

    /// A column of characters set downwards, its characters laid beside each other. Places in it mean nothing.
    fn laid_across(
        clean: &CleanPage,
        (left, top, right, bottom): (i64, i64, i64, i64),
        squeeze: f32,
    ) -> Option<Self> {
        let side = right - left;
        let row = |y: i64| {
            let start = (y * i64::from(clean.width) + left) as usize;
            clean.samples.get(start..start + side as usize)
        };
        let ink =
            |y: i64| row(y).map_or(0, |row| row.iter().map(|level| u32::from(255 - level)).sum::<u32>());
        let inks: Vec<u32> = (top..bottom).map(ink).collect();
        let cells = cells(&inks, side as usize);
        let mut across = GrayImage::from_pixel(side as u32 * cells.len() as u32, side as u32, Luma([255]));
        for (at, cell) in cells.iter().enumerate() {
            // In the middle of its square; a cell higher than that loses its first and last rows.
            let shift = (side - cell.len() as i64) / 2;
            for y in cell.clone() {
                let (Some(row), to) = (row(top + y as i64), y as i64 - cell.start as i64 + shift) else {
                    continue;
                };
                for (x, level) in row.iter().enumerate().filter(|_| (0..side).contains(&to)) {
                    across.put_pixel((at as i64 * side) as u32 + x as u32, to as u32, Luma([*level]));
                }
            }
        }
        (!cells.is_empty()).then(|| Self::of(&across, left as f32, squeeze))
    }

    /// A place of the strip in the copy.
    pub fn in_copy(&self, x: f32) -> f32 {
        self.left + x * self.scale
    }

    /// The widest stretch without ink between two places of the strip: from, to.
    pub fn gap(&self, from: f32, to: f32) -> Option<(f32, f32)> {
        let (from, to) = ((from.max(0.0) as usize), (to.max(0.0) as usize).min(self.inked.len()));
        let mut best: Option<(usize, usize)> = None;
        let mut start = None;
        for x in from..=to {
            let paper = x < to && !self.inked.get(x).copied().unwrap_or(false);
            match (paper, start) {
                (true, None) => start = Some(x),
                (false, Some(since)) => {
                    if best.is_none_or(|(a, b)| x - since > b - a) {
                        best = Some((since, x));
                    }
                    start = None;
                }
                _ => {}
            }
        }
        best.map(|(a, b)| (a as f32, b as f32))
    }

    /// Where ink begins and ends.
    pub fn ink(&self) -> Option<(f32, f32)> {
        let first = self.inked.iter().position(|inked| *inked)?;
        let last = self.inked.iter().rposition(|inked| *inked)?;
        Some((first as f32, last as f32 + 1.0))
    }
}

/// Rows of ink of a column, cut into characters about as high as the column is wide.
fn cells(inks: &[u32], side: usize) -> Vec<Range<usize>> {
    let mut cells = Vec::new();
    let inked = |ink: &u32| *ink >= u32::from(INKED);
    let mut start = inks.iter().position(inked).unwrap_or(inks.len());
    while start < inks.len() && cells.len() < MOST_CELLS {
        // A character ends where there is least ink, about a side below its beginning.
        let (from, to) = (start + side * 6 / 10, start + side * 12 / 10);
        let within = inks.get(from..to.min(inks.len())).unwrap_or(&[]);
        let cheapest = within.iter().enumerate().min_by_key(|(_, ink)| **ink).map(|(at, _)| from + at);
        let end = if to >= inks.len() { inks.len() } else { cheapest.unwrap_or(to).max(start + 1) };
        cells.push(start..end);
        start = inks.iter().skip(end).position(inked).map_or(inks.len(), |at| end + at);
    }
    cells
}

fn padded(strip: GrayImage) -> GrayImage {
    if strip.width() >= NARROWEST {
        return strip;
    }
    let mut wide = ImageBuffer::from_pixel(NARROWEST, HEIGHT, Luma([255]));
    imageops::replace(&mut wide, &strip, 0, 0);
    wide
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{Plan, Turn};
    use crate::recognize::line::Region;

    fn at(left: i32, top: i32, width: i32, height: i32) -> Piece {
        Piece { at: Region { left, top, width, height }, letter: height, vertical: false }
    }

    fn copy() -> CleanPage {
        let plan = Plan {
            scale_x: 1.0,
            scale_y: 1.0,
            skew: 0.0,
            turn: Turn::None,
            specks: 0,
            streaks: 0,
            blank: false,
        };
        let mut samples = vec![255; 200 * 100];
        for y in 40..64 {
            samples[y * 200 + 50..y * 200 + 60].fill(0);
            samples[y * 200 + 80..y * 200 + 90].fill(0);
        }
        CleanPage { width: 200, height: 100, samples, dpi: 204, plan }
    }

    #[test]
    fn a_strip_knows_where_it_lies_and_where_ink_stands() {
        let strip = Strip::cut(&copy(), &at(50, 40, 40, 24), 1.0).expect("it lies within");
        assert_eq!(strip.samples.len(), (HEIGHT * strip.width) as usize);
        let (from, to) = strip.ink().expect("there is ink");
        assert!((strip.in_copy(from) - 50.0).abs() < 1.5 && (strip.in_copy(to) - 90.0).abs() < 1.5);
        let (from, to) = strip.gap(0.0, strip.width as f32 * 0.7).expect("there is a gap");
        assert!((strip.in_copy(from) - 60.0).abs() < 1.5 && (strip.in_copy(to) - 80.0).abs() < 8.0);
    }

    #[test]
    fn a_column_is_cut_between_its_characters() {
        let mut inks = vec![0; 100];
        for at in [5..25, 30..50, 54..74, 80..82] {
            inks[at].fill(1000);
        }
        let cells = cells(&inks, 22);
        let middles: Vec<usize> = cells.iter().map(|cell| (cell.start + cell.end) / 2).collect();
        assert_eq!(cells.len(), 4, "{cells:?}");
        assert!(middles.iter().zip([15, 40, 64, 81]).all(|(found, at)| found.abs_diff(at) < 12), "{cells:?}");
        assert!(super::cells(&[], 10).is_empty() && super::cells(&[0; 50], 10).is_empty());
    }

    #[test]
    fn places_off_the_page_are_cut_or_nothing() {
        let copy = copy();
        assert!(Strip::cut(&copy, &at(190, 90, 500, 500), 1.0).is_some());
        assert!(Strip::cut(&copy, &at(500, 90, 10, 10), 1.0).is_none());
        assert!(Strip::cut(&copy, &at(0, 0, 0, 0), 1.0).is_none());
        assert!(Strip::cut(&copy, &at(i32::MIN, i32::MAX, i32::MAX, 1), 1.0).is_none());
    }
}
