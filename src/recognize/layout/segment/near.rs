//! Who stands beside whom: boxes by the squares of a grid that they reach into.

use super::ink::Blob;

/// Rows of a square.
const ROWS: i32 = 16;
/// Columns of a square.
const COLUMNS: i32 = 64;

/// An index over boxes.
pub struct Near<'a> {
    blobs: &'a [Blob],
    across: usize,
    squares: Vec<Vec<u32>>,
}

/// The squares that a box reaches into: first and last column, first and last row.
struct Reach {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

impl Reach {
    fn of(left: i32, top: i32, right: i32, bottom: i32) -> Self {
        Self {
            left: (left.max(0) / COLUMNS) as usize,
            right: ((right - 1).max(0) / COLUMNS) as usize,
            top: (top.max(0) / ROWS) as usize,
            bottom: ((bottom - 1).max(0) / ROWS) as usize,
        }
    }
}

impl<'a> Near<'a> {
    pub fn of(blobs: &'a [Blob]) -> Self {
        let most = |edge: fn(&Blob) -> i32| blobs.iter().map(edge).max().unwrap_or(0).max(0);
        let across = (most(|blob| blob.right) / COLUMNS + 1) as usize;
        let down = (most(|blob| blob.bottom) / ROWS + 1) as usize;
        let mut squares = vec![Vec::new(); across * down];
        for (at, blob) in (0..).zip(blobs) {
            let reach = Reach::of(blob.left, blob.top, blob.right, blob.bottom);
            for row in reach.top..=reach.bottom {
                for column in reach.left..=reach.right {
                    if let Some(square) = squares.get_mut(row * across + column) {
                        square.push(at);
                    }
                }
            }
        }
        Self { blobs, across, squares }
    }

    /// Boxes that share a pixel with the given one, each once; in no order that means anything.
    pub fn within(&self, left: i32, top: i32, right: i32, bottom: i32, found: &mut Vec<u32>) {
        found.clear();
        let asked = Reach::of(left, top, right, bottom);
        for row in asked.top..=asked.bottom {
            for column in asked.left..=asked.right.min(self.across.saturating_sub(1)) {
                let Some(square) = self.squares.get(row * self.across + column) else { return };
                for &at in square {
                    let Some(blob) = self.blobs.get(at as usize) else { continue };
                    let touches =
                        blob.left < right && blob.right > left && blob.top < bottom && blob.bottom > top;
                    // Taken in the first square of those that both reach into.
                    let reach = Reach::of(blob.left, blob.top, blob.right, blob.bottom);
                    if touches && row == reach.top.max(asked.top) && column == reach.left.max(asked.left) {
                        found.push(at);
                    }
                }
            }
        }
    }
}
