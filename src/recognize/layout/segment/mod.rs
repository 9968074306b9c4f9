//! Where lines of text stand on a page, found in its pixels alone: boxes for a recogniser that has no layout
//! analysis of its own.
//!
//! From below: connected pieces of ink without the ruled lines, linked to their neighbours on the row as far as the
//! local size of print allows. A wide gap, a column's gutter or a rule between two cells ends a piece, so a row of a
//! table is several pieces; a piece never holds more than one row. What is left over near a piece, such as dots
//! and the strokes of 二 or 言, is taken in by the nearest. Chinese set downwards is found first, and read the same
//! way with the page's axes exchanged.

mod group;
mod ink;
mod link;
mod near;
mod parts;
#[cfg(test)]
mod tests;
mod vertical;

use super::super::line::Region;
use crate::fax::CleanPage;
use group::{Group, Sorted};
use ink::{Blob, Inked, View};

/// A stretch of one line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Around its ink, without margin, in pixels of the copy.
    pub at: Region,
    /// Usual height of its letters (vertical: width). A margin of a sixth of it does not reach the next line.
    pub letter: i32,
    /// Chinese set downwards: a column of characters.
    pub vertical: bool,
}

/// The pieces of a page, in no order that means anything. Empty where there is no text.
///
/// Time is bounded by the page's pixels: a page of more detail than print has is looked at more coarsely.
pub fn lines(clean: &CleanPage) -> Vec<Piece> {
    let inked = Inked::of(clean);
    let print = group::print(&inked.blobs, inked.dpi);
    let sorted = Sorted::of(&print, inked.dpi);
    let blocks = vertical::blocks(&sorted);
    if blocks.is_empty() {
        let groups = group::groups(sorted, &View::upright(&inked));
        return groups.iter().map(|group| piece(group, false, &inked, clean)).collect();
    }
    let prevails = vertical::prevails(&blocks, &sorted);
    let (mut down, across): (Vec<Blob>, Vec<Blob>) =
        print.iter().partition(|blob| blocks.iter().any(|block| block.holds(blob)));
    let mut upright = group::groups(Sorted::of(&across, inked.dpi), &View::upright(&inked));
    if prevails {
        // What looks like a row is a row of columns, unless it is set closely across.
        let (rows, columns) = upright.into_iter().partition(vertical::is_set_across);
        upright = rows;
        down.extend(columns.into_iter().flat_map(|group: Group| group.blobs));
    }
    let down: Vec<Blob> = down.iter().map(Blob::turned).collect();
    let downward = group::groups(Sorted::of(&down, inked.dpi), &View::turned(&inked));
    let downward = downward.iter().map(|group| piece(group, true, &inked, clean));
    downward.chain(upright.iter().map(|group| piece(group, false, &inked, clean))).collect()
}

fn piece(group: &Group, turned: bool, inked: &Inked, clean: &CleanPage) -> Piece {
    let at = if turned { group.at.turned() } else { group.at };
    let step = inked.step;
    let (right, bottom) =
        ((at.right * step).min(clean.width as i32), (at.bottom * step).min(clean.height as i32));
    let (left, top) = (at.left * step, at.top * step);
    let at = Region { left, top, width: right - left, height: bottom - top };
    // A single character may be read either way.
    Piece { at, letter: group.letter * step, vertical: turned && at.height * 2 >= at.width * 3 }
}
