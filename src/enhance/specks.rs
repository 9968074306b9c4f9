//! Isolated specks: the dust of a scanner glass and of a noisy line.
//!
//! A speck is a connected piece of ink too small to be a stroke that stands alone. Dots of i, full stops and
//! the short strokes of Han characters have ink near them and stay.

use super::ink::{self, Run};
use crate::fax::Bitmap;

/// A piece of ink of more pixels than this is no speck.
const LARGEST_AREA: u32 = 6;
/// Around a speck so many inches are white on every side: 6 pixels of a fax's row.
const LONELY_INCHES: f64 = 6.0 / 204.0;

/// One connected piece of ink (8-connected) and the box around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    pub left: u32,
    pub top: u32,
    /// Outside.
    pub right: u32,
    /// Outside.
    pub bottom: u32,
    pub area: u32,
}

impl Piece {
    fn of(run: Run, y: u32) -> Self {
        Self { left: run.start, top: y, right: run.end, bottom: y + 1, area: run.end - run.start }
    }

    fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
            area: self.area.saturating_add(other.area),
        }
    }
}

/// Calls `found` with every connected piece of ink, in the order in which they end. Memory is bounded by
/// two rows, however much ink the page holds.
pub fn for_each_piece(map: &Bitmap, mut found: impl FnMut(Piece)) {
    // Pieces that still touch the row above; `None` where merged into another.
    let mut open: Vec<Option<Piece>> = Vec::new();
    let mut above: Vec<(Run, usize)> = Vec::new();
    for y in 0..map.height() {
        let mut parents: Vec<usize> = (0..open.len()).collect();
        let mut here: Vec<(Run, usize)> = Vec::new();
        let mut first = 0;
        for run in ink::runs(map.row(y), map.width()) {
            while above.get(first).is_some_and(|(up, _)| up.end < run.start) {
                first += 1;
            }
            let mut label = None;
            for &(_, touched) in above[first..].iter().take_while(|(up, _)| up.start <= run.end) {
                let root = root_of(&mut parents, touched);
                match label {
                    None => label = Some(root),
                    Some(mine) if mine != root => {
                        let joined = open[root].take().zip(open[mine]).map(|(a, b)| a.union(b));
                        open[mine] = joined.or(open[mine]);
                        parents[root] = mine;
                    }
                    Some(_) => {}
                }
            }
            let piece = Piece::of(run, y);
            let label = label.unwrap_or_else(|| {
                open.push(None);
                parents.push(parents.len());
                open.len() - 1
            });
            open[label] = Some(open[label].map_or(piece, |old| old.union(piece)));
            here.push((run, label));
        }
        (open, above) = close_row(open, &mut parents, here, y, &mut found);
    }
    open.into_iter().flatten().for_each(found);
}

/// Reports the pieces that row `y` did not touch and numbers the others anew.
fn close_row(
    open: Vec<Option<Piece>>,
    parents: &mut [usize],
    here: Vec<(Run, usize)>,
    y: u32,
    found: &mut impl FnMut(Piece),
) -> (Vec<Option<Piece>>, Vec<(Run, usize)>) {
    let mut renamed = vec![usize::MAX; open.len()];
    let mut still_open = Vec::new();
    for (label, piece) in open.iter().enumerate() {
        match piece {
            Some(piece) if piece.bottom > y => {
                renamed[label] = still_open.len();
                still_open.push(Some(*piece));
            }
            Some(piece) => found(*piece),
            None => {}
        }
    }
    let above = here.into_iter().map(|(run, label)| (run, renamed[root_of(parents, label)])).collect();
    (still_open, above)
}

fn root_of(parents: &mut [usize], mut label: usize) -> usize {
    while parents[label] != label {
        parents[label] = parents[parents[label]];
        label = parents[label];
    }
    label
}

/// Clears the isolated specks and says how many they were.
pub fn remove(map: &mut Bitmap, x_dpi: f64, y_dpi: f64) -> u32 {
    let far_x = (LONELY_INCHES * x_dpi).ceil() as u32;
    let far_y = (LONELY_INCHES * y_dpi).ceil() as u32;
    let mut specks = Vec::new();
    for_each_piece(map, |piece| {
        if piece.area <= LARGEST_AREA && is_lonely(map, piece, far_x, far_y) {
            specks.push(piece);
        }
    });
    for speck in &specks {
        for y in speck.top..speck.bottom {
            (speck.left..speck.right).for_each(|x| map.set(x, y, false));
        }
    }
    specks.len() as u32
}

fn is_lonely(map: &Bitmap, piece: Piece, far_x: u32, far_y: u32) -> bool {
    let left = piece.left.saturating_sub(far_x);
    let right = piece.right.saturating_add(far_x).min(map.width());
    let top = piece.top.saturating_sub(far_y);
    let bottom = piece.bottom.saturating_add(far_y).min(map.height());
    let mut ink = 0;
    for y in top..bottom {
        ink += ink::count(map.row(y), left, right);
        if ink > piece.area {
            return false;
        }
    }
    true
}
