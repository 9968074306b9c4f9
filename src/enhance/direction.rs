//! Which way a page's lines of text run: across, or down, as on a sheet that was sent sideways and in Chinese
//! set downwards. Whether a page is upside down cannot be told this way.
//!
//! The page is divided as for finding its skew, and each part votes for the direction in which its projection
//! profile is sharper. Text in a box for every character has no direction but that of its boxes: it can deceive.

use super::skew::{self, Cell};
use crate::fax::CleanPage;

/// Ink is darker than this.
const INK: u8 = 128;
/// So much of the votes decides.
const MOST: f64 = 0.75;

/// Direction of the lines of text on a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinesRun {
    /// As on an upright page, on one that is upside down, and on most pictures.
    Across,
    /// The page lies on its side, or is Chinese set downwards.
    Down,
    /// There are too few lines to say, or too many that contradict each other.
    Unknown,
}

/// Tells the direction of the lines of text from their projection profiles.
pub fn lines_run(clean: &CleanPage) -> LinesRun {
    let cells = cells(clean);
    let turned: Vec<Cell> = cells.iter().map(|cell| cell.exchanged()).collect();
    let (mut across, mut down) = (0, 0);
    for (row, column) in skew::parts(&cells).iter().zip(skew::parts(&turned)) {
        across += u32::from(row.lines && row.sharpest > column.sharpest);
        down += u32::from(column.lines && column.sharpest > row.sharpest);
    }
    let decides = |votes: u32| votes > 0 && f64::from(votes) >= f64::from(across + down) * MOST;
    match (decides(across), decides(down)) {
        (true, _) => LinesRun::Across,
        (_, true) => LinesRun::Down,
        _ => LinesRun::Unknown,
    }
}

/// The copy's inked cells at the resolution at which skew is found.
fn cells(clean: &CleanPage) -> Vec<Cell> {
    let step = (f64::from(clean.dpi) / skew::REDUCED_DPI).round().max(1.0) as usize;
    let (width, height) = (clean.width as usize, clean.height as usize);
    let (columns, rows) = (width.div_ceil(step), height.div_ceil(step));
    let mut cells = Vec::new();
    let mut inked = vec![0u32; columns];
    for (row, band) in clean.samples.chunks(width.max(1) * step).enumerate() {
        inked.fill(0);
        for samples in band.chunks(width.max(1)) {
            for (count, cell) in inked.iter_mut().zip(samples.chunks(step)) {
                *count += cell.iter().filter(|level| **level < INK).count() as u32;
            }
        }
        for (column, &count) in inked.iter().enumerate().filter(|(_, count)| **count > 0) {
            cells.push(Cell::of_grid(row, column, count as f32 / (step * step) as f32, rows, columns));
        }
    }
    cells
}
