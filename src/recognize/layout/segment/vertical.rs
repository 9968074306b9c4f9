//! Chinese set downwards: which ink of a page stands in columns of characters.
//!
//! Characters of a column stand close below each other, and columns stand apart; on a page set across it is the
//! other way round. Blobs that are close either way make blocks, and each block is judged for itself, so a column
//! beside a page's text is found too.

use super::group::{Group, Sorted, usual};
use super::ink::{self, Blob};
use super::near::Near;

/// Characters closer than this share of their size belong together.
const CLOSE: f32 = 0.4;
/// A column is at least so many characters high …
const LEAST_HEIGHT: i32 = 4;
/// … and holds at least so many pieces of ink.
const LEAST_BLOBS: usize = 4;
/// A single column is no wider than this, in tenths of a character.
const ONE_COLUMN: i32 = 14;
/// … and no narrower than this: streaks are.
const LEAST_WIDTH: i32 = 6;
/// Gaps between columns are at least this share of a block's width, and so many times that of gaps between rows.
const GAPS: (f32, f32) = (0.12, 2.0);

/// A page with this share of its letters in columns is set downwards.
const PREVAILING: f32 = 0.6;
/// On such a page a line set across is at least so many times as wide as high …
const ACROSS_SHAPE: i32 = 4;
/// … and its letters cover at least this share of its width.
const ACROSS_COVER: f32 = 0.65;

/// Boxes in which Chinese is set downwards, wide enough to take in what belongs to them.
pub fn blocks(sorted: &Sorted) -> Vec<Blob> {
    let blobs: Vec<Blob> = sorted.bodies.iter().map(|(blob, _)| *blob).collect();
    let size = |blob: &Blob| blob.width().max(blob.height());
    let near = Near::of(&blobs);
    let mut parents: Vec<u32> = (0..blobs.len() as u32).collect();
    let mut found = Vec::new();
    for (at, (blob, local)) in sorted.bodies.iter().enumerate() {
        let reach = (CLOSE * size(blob).max(*local) as f32) as i32;
        near.within(blob.left - reach, blob.top - reach, blob.right + reach, blob.bottom + reach, &mut found);
        for &other in &found {
            if blobs.get(other as usize).is_some_and(|other| beside(blob, other)) {
                ink::join(&mut parents, at as u32, other);
            }
        }
    }
    let mut members: Vec<Vec<Blob>> = vec![Vec::new(); blobs.len()];
    for (at, blob) in blobs.iter().enumerate() {
        if let Some(block) = members.get_mut(ink::head(&mut parents, at as u32) as usize) {
            block.push(*blob);
        }
    }
    regions(members.iter().filter_map(|block| vertical(block)).collect())
}

/// Most of the page's print stands in these blocks.
pub fn prevails(blocks: &[Blob], sorted: &Sorted) -> bool {
    let held = sorted.bodies.iter().filter(|(blob, _)| blocks.iter().any(|block| block.holds(blob))).count();
    held as f32 >= PREVAILING * sorted.bodies.len() as f32
}

/// A row whose letters stand as close as only a line set across has them.
pub fn is_set_across(group: &Group) -> bool {
    let covered: i32 = group.blobs.iter().map(Blob::width).sum();
    group.at.width() >= ACROSS_SHAPE * group.at.height()
        && covered as f32 >= ACROSS_COVER * group.at.width() as f32
}

/// Blocks side by side or one below the other are one: punctuation and thin characters tear columns apart.
fn regions(mut blocks: Vec<Blob>) -> Vec<Blob> {
    let mut at = 0;
    while let Some(&block) = blocks.get(at) {
        let touches = |other: &Blob| {
            block.left < other.right
                && other.left < block.right
                && block.top < other.bottom
                && other.top < block.bottom
        };
        match blocks.iter().skip(at + 1).position(touches) {
            Some(other) => {
                let other = blocks.swap_remove(at + 1 + other);
                if let Some(block) = blocks.get_mut(at) {
                    *block = block.union(other);
                }
                // The larger block may touch those before it.
                at = 0;
            }
            None => at += 1,
        }
    }
    blocks
}

/// One stands above or beside the other.
fn beside(one: &Blob, other: &Blob) -> bool {
    let rows = one.bottom.min(other.bottom) - one.top.max(other.top);
    let columns = one.right.min(other.right) - one.left.max(other.left);
    rows * 2 >= one.height().min(other.height()) || columns * 2 >= one.width().min(other.width())
}

/// The block's box if it is set downwards.
fn vertical(block: &[Blob]) -> Option<Blob> {
    if block.len() < LEAST_BLOBS {
        return None;
    }
    let at = block.iter().copied().reduce(Blob::union)?;
    let character = usual(block.iter().map(|blob| blob.width().max(blob.height())).collect());
    if at.height() < LEAST_HEIGHT * character {
        return None;
    }
    let columns = Spans::of(block.iter().map(|blob| (blob.left, blob.right)), at.left, at.right);
    let rows = Spans::of(block.iter().map(|blob| (blob.top, blob.bottom)), at.top, at.bottom);
    let narrow = (LEAST_WIDTH * character..=ONE_COLUMN * character).contains(&(columns.longest * 10));
    let many = columns.empty >= GAPS.0 && columns.empty >= GAPS.1 * rows.empty;
    let one = at.width() * 10 <= ONE_COLUMN * character;
    let (across, down) = (character * 3 / 4, character * 3 / 2);
    (narrow && (one || many)).then_some(Blob {
        left: at.left - across,
        right: at.right + across,
        top: at.top - down,
        bottom: at.bottom + down,
        area: at.area,
    })
}

/// What a block's boxes cover along one axis.
struct Spans {
    /// The longest stretch covered.
    longest: i32,
    /// Share that nothing covers.
    empty: f32,
}

impl Spans {
    fn of(spans: impl Iterator<Item = (i32, i32)>, from: i32, to: i32) -> Self {
        let mut spans: Vec<(i32, i32)> = spans.collect();
        spans.sort_unstable();
        let (mut longest, mut covered) = (0, 0);
        let mut stretch = (from, from);
        for (start, end) in spans {
            if start > stretch.1 {
                covered += stretch.1 - stretch.0;
                stretch = (start, end);
            } else {
                stretch.1 = stretch.1.max(end);
            }
            longest = longest.max(stretch.1 - stretch.0);
        }
        covered += stretch.1 - stretch.0;
        Self { longest, empty: (to - from - covered) as f32 / (to - from).max(1) as f32 }
    }
}
