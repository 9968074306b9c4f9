//! Reading order: lines as an engine found them, in the order in which people read them.
//!
//! A page is cut into bands of rows, and bands that share gutters are columns of text or a table: a table's rows
//! are read one by one, columns one after the other ([`cut`]). Chinese set downwards is read from the right
//! ([`down`]). The order depends on boxes alone, so it is the same for every engine; whatever the boxes are, every
//! line comes out exactly once.

mod cut;
mod down;
#[cfg(test)]
mod tests;

use super::super::line::{RawLine, RawWord, Region};

/// A gap in a line wider than so many times its height may be a gutter.
const WIDE_GAP: f32 = 1.5;

/// A line's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Around its ink.
    pub at: Region,
    /// Chinese set downwards.
    pub vertical: bool,
}

/// The order in which people read lines that stand in these places: each index once.
pub fn reading_order(places: &[Placed]) -> Vec<usize> {
    let spots: Vec<Spot> = places.iter().map(|place| Spot::of(&place.at)).collect();
    let blocks = down::blocks(places, &spots);
    let mut in_block = vec![false; places.len()];
    blocks.iter().flat_map(|block| &block.members).for_each(|&at| {
        if let Some(flag) = in_block.get_mut(at) {
            *flag = true;
        }
    });
    // A block set downwards takes part as one line would.
    let single = in_block.iter().enumerate().filter(|(_, inside)| !**inside).map(|(at, _)| at);
    let items: Vec<(Spot, Vec<usize>)> = single
        .filter_map(|at| Some((*spots.get(at)?, vec![at])))
        .chain(blocks.into_iter().map(|block| (block.spot, block.members)))
        .collect();
    let spots: Vec<Spot> = items.iter().map(|(spot, _)| *spot).collect();
    cut::order(&spots)
        .into_iter()
        .filter_map(|at| items.get(at))
        .flat_map(|(_, members)| members.clone())
        .collect()
}

/// Lines in reading order. Those that an engine drew across a gutter are taken apart, and what stands on one row and
/// is read in one go is one line, as the cells of a table's row.
pub fn in_reading_order(lines: Vec<RawLine>) -> Vec<RawLine> {
    let pieces: Vec<RawLine> = lines
        .into_iter()
        .flat_map(|line| if line.vertical { vec![line] } else { at_wide_gaps(line) })
        .filter(|line| !line.words.is_empty())
        .collect();
    let places: Vec<Placed> =
        pieces.iter().map(|line| Placed { at: line.bounds(), vertical: line.vertical }).collect();
    let mut pieces: Vec<Option<RawLine>> = pieces.into_iter().map(Some).collect();
    let mut ordered: Vec<RawLine> = Vec::with_capacity(pieces.len());
    for line in reading_order(&places).into_iter().filter_map(|at| pieces.get_mut(at)?.take()) {
        let across = |before: &RawLine| !before.vertical && !line.vertical;
        match ordered.last_mut() {
            Some(before) if across(before) && goes_on(&before.bounds(), &line.bounds()) => {
                *before = RawLine::joined(vec![std::mem::take(before), line]);
            }
            _ => ordered.push(line),
        }
    }
    ordered
}

/// The second stands on the row of the first, to its right.
fn goes_on(first: &Region, second: &Region) -> bool {
    let (first, second) = (Spot::of(first), Spot::of(second));
    let shared = first.bottom.min(second.bottom) - first.top.max(second.top);
    let (low, high) = (first.height().min(second.height()), first.height().max(second.height()));
    second.left >= first.right - low / 4 && shared * 2 >= low && shared * 4 >= high
}

fn at_wide_gaps(line: RawLine) -> Vec<RawLine> {
    let wide = (WIDE_GAP * line.bounds().height as f32) as i32;
    let mut parts = vec![RawLine::default()];
    for word in line.words {
        let gap = |before: &RawWord| word.left - before.right > wide;
        if parts.last().and_then(|part| part.words.last()).is_some_and(gap) {
            parts.push(RawLine::default());
        }
        if let Some(part) = parts.last_mut() {
            part.words.push(word);
        }
    }
    parts
}

/// A box by its edges, right and bottom outside; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Spot {
    /// Boxes from outside may lie anywhere: far ones are drawn near, so that sums of edges stay whole.
    fn of(at: &Region) -> Self {
        const FAR: i32 = 1 << 24;
        let (left, top) = (at.left.clamp(-FAR, FAR), at.top.clamp(-FAR, FAR));
        let (width, height) = (at.width.clamp(1, FAR), at.height.clamp(1, FAR));
        Self { left, top, right: left + width, bottom: top + height }
    }

    fn width(&self) -> i32 {
        self.right - self.left
    }

    fn height(&self) -> i32 {
        self.bottom - self.top
    }

    fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}
