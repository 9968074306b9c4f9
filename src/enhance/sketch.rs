//! [`Sketch`]: a page's ink at 100 dots per inch, upright, whatever resolution, turn and skew it came with: what two
//! pages are compared by.
//!
//! Sheets are compared in millimetres, never in pixels: the same sheet comes as 204 by 98 today and as 204 by 196 or
//! 200 by 200 tomorrow.

use super::square::Scale;
use crate::fax::{Bitmap, Box2, CleanPage, PageText, Resolution, Turn};

/// Cells per inch, both ways: a standard fax has 98 rows.
pub const SKETCH_DPI: f64 = 100.0;
/// No sketch is larger: a roll of paper two metres long is compared by its beginning.
const MOST_CELLS: (f64, f64) = (1600.0, 8000.0);
/// Cells with at least so much ink, of 255, are black.
const BLACK: u32 = 80;
/// Cells painted over around a machine's line.
const AROUND: f64 = 3.0;

/// A page's ink, a bit a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    pub(super) map: Bitmap,
}

impl Sketch {
    /// Of the private copy of a page that came with `resolution`, and what was read on it: the line that the sending
    /// machine printed is painted over, and the sheet is turned upright.
    pub fn of(clean: &CleanPage, resolution: Resolution, text: &PageText) -> Self {
        let page = super::page_size(clean);
        let scale = Scale::choose(resolution, page.0, page.1);
        // What the copy's pixels measure in truth: 98 rows that were doubled are no 204.
        let dpi = (scale.x_dpi * clean.plan.scale_x, scale.y_dpi * clean.plan.scale_y);
        let swapped = matches!(clean.plan.turn, Turn::Quarter | Turn::ThreeQuarters);
        let dpi = if swapped { (dpi.1, dpi.0) } else { dpi };
        let step = ((dpi.0 / SKETCH_DPI).max(1e-3), (dpi.1 / SKETCH_DPI).max(1e-3));
        let mut map = reduced(clean, step);
        for line in text.lines.iter().filter(|line| line.header) {
            paint_over(&mut map, clean, page, line.at, step);
        }
        // The copy may have been turned already; the rest of the way is ours.
        let left = turn_left(clean.plan.turn, text.turn);
        Self { map: turned(&map, left) }
    }

    /// Cells across and down.
    pub fn size(&self) -> (u32, u32) {
        (self.map.width(), self.map.height())
    }

    /// The sheet's first `rows` rows, as they arrive when a call breaks.
    pub fn first(&self, rows: u32) -> Self {
        let rows = rows.min(self.map.height());
        let bits = (0..rows).flat_map(|y| self.map.row(y).to_vec()).collect();
        let map = Bitmap::from_rows(self.map.width(), rows, bits);
        Self { map: map.unwrap_or_else(|| Bitmap::white(1, 1)) }
    }
}

/// Means over areas, then black or white.
fn reduced(clean: &CleanPage, (step_x, step_y): (f64, f64)) -> Bitmap {
    let cells = |pixels: u32, step: f64, most: f64| (f64::from(pixels) / step).ceil().clamp(1.0, most) as u32;
    let width = cells(clean.width, step_x, MOST_CELLS.0);
    let height = cells(clean.height, step_y, MOST_CELLS.1);
    let edges = |count: u32, step: f64, pixels: u32| -> Vec<(usize, usize)> {
        let edge = |at: u32| ((f64::from(at) * step).round() as usize).min(pixels as usize);
        (0..count).map(|at| (edge(at), edge(at + 1).max((edge(at) + 1).min(pixels as usize)))).collect()
    };
    let (columns, rows) = (edges(width, step_x, clean.width), edges(height, step_y, clean.height));
    let mut map = Bitmap::white(width, height);
    let stride = clean.width as usize;
    for (y, &(top, bottom)) in (0u32..).zip(&rows) {
        for (x, &(left, right)) in (0u32..).zip(&columns) {
            let area = ((bottom - top) * (right - left)) as u32;
            let mut white = 0u32;
            for row in top..bottom {
                let samples = clean.samples.get(row * stride + left..row * stride + right).unwrap_or(&[]);
                white += samples.iter().map(|sample| u32::from(*sample)).sum::<u32>();
            }
            if area > 0 && 255 * area - white.min(255 * area) >= BLACK * area {
                map.set(x, y, true);
            }
        }
    }
    map
}

/// Takes the ink away under a box of the page as received.
fn paint_over(map: &mut Bitmap, clean: &CleanPage, page: (u32, u32), at: Box2, step: (f64, f64)) {
    let corners = [(at.left, at.top), (at.right, at.top), (at.left, at.bottom), (at.right, at.bottom)];
    let cells = corners.map(|(x, y)| {
        let (x, y) = super::to_clean(&clean.plan, page.0, page.1, f64::from(x), f64::from(y));
        (x / step.0, y / step.1)
    });
    let least = |pick: fn(&(f64, f64)) -> f64| cells.iter().map(pick).fold(f64::INFINITY, f64::min) - AROUND;
    let most = |pick: fn(&(f64, f64)) -> f64| cells.iter().map(pick).fold(0.0, f64::max) + AROUND;
    let (left, right) = (least(|cell| cell.0).max(0.0) as u32, most(|cell| cell.0).max(0.0) as u32);
    let (top, bottom) = (least(|cell| cell.1).max(0.0) as u32, most(|cell| cell.1).max(0.0) as u32);
    for y in top..bottom.min(map.height()) {
        for x in left..right.min(map.width()) {
            map.set(x, y, false);
        }
    }
}

/// The turn that leads on from `done` to `wanted`.
fn turn_left(done: Turn, wanted: Turn) -> Turn {
    let turns = [Turn::None, Turn::Quarter, Turn::Half, Turn::ThreeQuarters];
    turns.into_iter().find(|turn| super::then(done, *turn) == wanted).unwrap_or_default()
}

fn turned(map: &Bitmap, turn: Turn) -> Bitmap {
    let (width, height) = (map.width(), map.height());
    let (new_width, new_height) = match turn {
        Turn::None => return map.clone(),
        Turn::Half => (width, height),
        Turn::Quarter | Turn::ThreeQuarters => (height, width),
    };
    let mut out = Bitmap::white(new_width, new_height);
    for y in 0..height {
        for run in super::ink::runs(map.row(y), width) {
            for x in run.start..run.end {
                match turn {
                    Turn::None => {}
                    Turn::Half => out.set(width - 1 - x, height - 1 - y, true),
                    Turn::Quarter => out.set(height - 1 - y, x, true),
                    Turn::ThreeQuarters => out.set(y, width - 1 - x, true),
                }
            }
        }
    }
    out
}
