//! [`Fingerprint`]: 256 bits by which the same sheet is found again among many.
//!
//! The sheet's ink is centred on its median, so that a feeder's shift and a margin's dirt move nothing, and divided
//! into cells of some square centimetres. A bit says whether a cell holds more ink than the cell beside it or below
//! it. Noise turns a few bits, another letter on the same letterhead turns dozens, the same form filled differently
//! turns few: a fingerprint *finds*, [`likeness`](super::likeness) decides.

use super::ink;
use super::sketch::{SKETCH_DPI, Sketch};
use crate::fax::Fingerprint;

/// Cells across and down.
const GRID: usize = 16;
/// What the grid covers, millimetres across and down.
const COVERS: (f64, f64) = (208.0, 288.0);
/// Margins without meaning: shadows of lids at the sides, the machine's line at the head.
const MARGIN_MM: f64 = 5.0;
const HEAD_MM: f64 = 9.0;
/// A cell must hold so much more ink than its neighbour, as a share of its area, or dust would decide.
const CLEARLY: f64 = 0.008;
/// A page with less ink than this, in cells of the sketch, has no fingerprint.
const LEAST_INK: u64 = 300;

const MM: f64 = SKETCH_DPI / 25.4;

/// The sheet's fingerprint; `None`: there is too little on it to know it again.
pub fn fingerprint(sketch: &Sketch) -> Option<Fingerprint> {
    let marks = Marks::of(sketch);
    if marks.ink < LEAST_INK {
        return None;
    }
    let cells = density(sketch, &marks);
    let mut bits = [0u64; 4];
    for at in 0..GRID * GRID {
        let (row, column) = (at / GRID, at % GRID);
        // Every other cell looks across, the others down.
        let across = (row + column) % 2 == 0;
        let other = if across { (row, (column + 1) % GRID) } else { ((row + 1) % GRID, column) };
        if cells[row][column] > cells[other.0][other.1] + CLEARLY {
            bits[at / 64] |= 1 << (at % 64);
        }
    }
    Some(Fingerprint(bits))
}

/// Where the ink lies.
struct Marks {
    ink: u64,
    middle: (f64, f64),
}

impl Marks {
    fn of(sketch: &Sketch) -> Self {
        let map = &sketch.map;
        let (left, right) = inner(map.width());
        let mut across = vec![0u64; map.width() as usize];
        let mut down = vec![0u64; map.height() as usize];
        for y in (HEAD_MM * MM) as u32..map.height() {
            for run in ink::runs(map.row(y), map.width()) {
                for x in run.start.max(left)..run.end.min(right) {
                    across[x as usize] += 1;
                    down[y as usize] += 1;
                }
            }
        }
        Self { ink: down.iter().sum(), middle: (median(&across), median(&down)) }
    }
}

/// Columns between the margins.
fn inner(width: u32) -> (u32, u32) {
    let margin = (MARGIN_MM * MM) as u32;
    (margin.min(width), width.saturating_sub(margin))
}

fn median(counts: &[u64]) -> f64 {
    let half = counts.iter().sum::<u64>() as f64 / 2.0;
    let mut before = 0.0;
    for (at, &count) in counts.iter().enumerate() {
        let count = count as f64;
        if before + count >= half && count > 0.0 {
            return at as f64 + (half - before) / count;
        }
        before += count;
    }
    0.0
}

/// Share of ink in each cell of the grid about the median.
fn density(sketch: &Sketch, marks: &Marks) -> [[f64; GRID]; GRID] {
    let map = &sketch.map;
    let (wide, high) = (COVERS.0 * MM / GRID as f64, COVERS.1 * MM / GRID as f64);
    let (from_x, from_y) = (marks.middle.0 - COVERS.0 * MM / 2.0, marks.middle.1 - COVERS.1 * MM / 2.0);
    let (left, right) = inner(map.width());
    let mut cells = [[0f64; GRID]; GRID];
    for y in (HEAD_MM * MM) as u32..map.height() {
        // Ink between two cells' middles belongs to both: a shift by less than a cell then turns few bits.
        let at_y = (f64::from(y) + 0.5 - from_y) / high - 0.5;
        for run in ink::runs(map.row(y), map.width()) {
            for x in run.start.max(left)..run.end.min(right) {
                let at_x = (f64::from(x) + 0.5 - from_x) / wide - 0.5;
                share(&mut cells, at_x, at_y);
            }
        }
    }
    let area = wide * high;
    cells.iter_mut().flatten().for_each(|cell| *cell /= area);
    cells
}

/// Divides one cell of ink among the four grid cells around it.
fn share(cells: &mut [[f64; GRID]; GRID], x: f64, y: f64) {
    let (column, row) = (x.floor(), y.floor());
    let (fx, fy) = (x - column, y - row);
    for (dy, weight_y) in [(0.0, 1.0 - fy), (1.0, fy)] {
        for (dx, weight_x) in [(0.0, 1.0 - fx), (1.0, fx)] {
            let (row, column) = (row + dy, column + dx);
            let inside = 0.0..GRID as f64;
            if inside.contains(&row) && inside.contains(&column) {
                cells[row as usize][column as usize] += weight_x * weight_y;
            }
        }
    }
}
