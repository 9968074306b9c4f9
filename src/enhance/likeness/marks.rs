//! What a hand adds to a sheet without hiding a word of it: a tick in a box, a passage struck out with a ruler.
//!
//! Both are small beside the printing around them, and a ruler's stroke looks like the rules that printers put on forms.
//! So a tick is sought as ink in a small place, whatever stands around it, and a stroke as a long line where the other
//! page has letters with gaps between them.

use super::{At, EDGE_MM, HEAD_MM, Layer, MM, Settled};
use crate::enhance::ink;
use crate::fax::Bitmap;

/// A place, in cells: 3 mm, moved by halves.
const PLACE: u32 = 12;
/// So many cells of ink in a place, that the other page has not, are a mark. Measured on the fixtures' papers: other scans
/// of a sheet make at most 10, a tick in a box makes 45 and more.
const MARK: u32 = 14;
/// A stroke is so long, in cells: 8 mm.
const STROKE: usize = 32;
/// So many cells in a row of which the other page has not are a stroke that it has not. Measured: other scans of a sheet
/// make at most 6 (once 13, of a rounded seal), a stroke through words makes 12 and more, beside them 29.
const LACKING: u32 = 9;
/// Strokes that rise by less than three cells in [`STROKE`] are found: a line is taken so much thicker …
const THICKER: u32 = 1;
/// … and the other page's, where a stroke may lie a little elsewhere.
const NEAR_IT: u32 = 2;

/// How many marks a page has that the other one lacks: places of `missed`, and rows and columns with a stroke.
/// `limit`: what lies below this row is not compared.
pub(super) fn marks(a: &Layer<'_>, b: &Layer<'_>, settled: &Settled, missed: &Bitmap, limit: f64) -> u32 {
    let inside = Inside::of(missed, limit);
    inside.places(missed)
        + inside.strokes(a, b, settled, Way::Across)
        + inside.strokes(a, b, settled, Way::Down)
}

/// The part of a page that counts.
struct Inside {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Across,
    Down,
}

impl Inside {
    fn of(map: &Bitmap, limit: f64) -> Self {
        let margin = (EDGE_MM * MM) as u32;
        let bottom = f64::from(map.height().saturating_sub(margin)).min(limit.max(0.0)) as u32;
        let (top, right) = ((HEAD_MM * MM) as u32, map.width().saturating_sub(margin));
        Self { left: margin, right: right.max(margin), top, bottom: bottom.max(top) }
    }

    fn places(&self, missed: &Bitmap) -> u32 {
        let half = PLACE as usize / 2;
        let mut found = 0;
        for y in (self.top..self.bottom).step_by(half) {
            for x in (self.left..self.right).step_by(half) {
                let (to_x, to_y) = ((x + PLACE).min(self.right), (y + PLACE).min(self.bottom));
                let ink: u32 = (y..to_y).map(|row| ink::count(missed.row(row), x, to_x)).sum();
                found += u32::from(ink >= MARK);
            }
        }
        found
    }

    fn strokes(&self, a: &Layer<'_>, b: &Layer<'_>, settled: &Settled, way: Way) -> u32 {
        let (lines, other) = (smeared(a.map, THICKER, way), smeared(b.map, NEAR_IT, way));
        let (outer, inner) = match way {
            Way::Across => (self.top..self.bottom, self.left..self.right),
            Way::Down => (self.left..self.right, self.top..self.bottom),
        };
        let mut found = 0;
        for line in outer {
            let mut run: Vec<bool> = Vec::new();
            for at in inner.clone() {
                let (x, y) = if way == Way::Across { (at, line) } else { (line, at) };
                if lines.black(x, y) {
                    let by = settled.at(x, y);
                    run.push(!other.black_at(i64::from(x) + i64::from(by.0), i64::from(y) + i64::from(by.1)));
                } else {
                    found += u32::from(is_stroke(&run));
                    run.clear();
                }
            }
            found += u32::from(is_stroke(&run));
        }
        found
    }
}

/// In some stretch of the run the other page lacks enough of it.
fn is_stroke(run: &[bool]) -> bool {
    if run.len() < STROKE {
        return false;
    }
    let mut lacking = run.iter().take(STROKE).filter(|lacks| **lacks).count() as u32;
    let mut most = lacking;
    for (leaves, enters) in run.iter().zip(run.iter().skip(STROKE)) {
        lacking = lacking + u32::from(*enters) - u32::from(*leaves);
        most = most.max(lacking);
    }
    most >= LACKING
}

/// Ink spread to both sides of lines that lead this way: gaps along them stay open.
fn smeared(map: &Bitmap, by: u32, way: Way) -> Bitmap {
    let (width, height) = (map.width(), map.height());
    let mut out = Bitmap::white(width, height);
    for y in 0..height {
        for run in ink::runs(map.row(y), width) {
            let (rows, columns) = match way {
                Way::Across => (y.saturating_sub(by)..(y + by + 1).min(height), run.start..run.end),
                Way::Down => (y..y + 1, run.start.saturating_sub(by)..(run.end + by).min(width)),
            };
            for row in rows {
                super::fill(out.row_mut(row), columns.start, columns.end);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stroke_is_long_and_lacking_somewhere() {
        let run = |length: usize, lacking: &[usize]| -> Vec<bool> {
            (0..length).map(|at| lacking.iter().any(|start| (*start..start + 3).contains(&at))).collect()
        };
        assert!(!is_stroke(&run(31, &[0, 5, 10, 15])), "too short");
        assert!(!is_stroke(&run(200, &[0, 40, 80, 120, 160])), "gaps far from each other");
        assert!(is_stroke(&run(200, &[150, 160, 170])));
        assert!(is_stroke(&run(32, &[2, 12, 29])));
    }

    #[test]
    fn gaps_along_a_line_stay_open() {
        let mut map = Bitmap::white(24, 5);
        for x in (0..8).chain(12..20) {
            map.set(x, 2, true);
        }
        let across = smeared(&map, 1, Way::Across);
        assert!(across.black(7, 1) && across.black(7, 3) && !across.black(9, 2) && !across.black(7, 0));
        let down = smeared(&map, 1, Way::Down);
        assert!(down.black(8, 2) && down.black(11, 2) && !down.black(9, 2) && !down.black(7, 1));
    }
}
