//! Chinese set downwards: columns from the right to the left, each from the top.

use super::{Placed, Spot};

/// Columns of one block stand no further apart than so many times their width.
const APART: i32 = 2;
/// A single character, which no one can tell for a column, is no wider than this for its height, in halves.
const CHARACTER: i32 = 3;

/// Columns that are read together.
pub struct Block {
    pub spot: Spot,
    /// Lines in reading order.
    pub members: Vec<usize>,
}

/// The blocks of a page.
pub fn blocks(places: &[Placed], spots: &[Spot]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let columns = places.iter().zip(spots).enumerate().filter(|(_, (place, _))| place.vertical);
    for (at, (_, spot)) in columns {
        let mut block = Block { spot: *spot, members: vec![at] };
        // Whatever it touches becomes one with it.
        let reach = spot.width().saturating_mul(APART);
        blocks.retain_mut(|other| {
            let apart = (other.spot.left - block.spot.right).max(block.spot.left - other.spot.right);
            let rows = other.spot.bottom.min(block.spot.bottom) - other.spot.top.max(block.spot.top);
            let joins = apart <= reach && rows >= 0;
            if joins {
                block.spot = block.spot.union(other.spot);
                block.members.append(&mut other.members);
            }
            !joins
        });
        blocks.push(block);
    }
    take_characters(&mut blocks, places, spots);
    for block in &mut blocks {
        block.members = from_the_right(&block.members, spots);
    }
    blocks
}

/// Single characters within a block, or at the end of one of its columns, belong to it.
fn take_characters(blocks: &mut [Block], places: &[Placed], spots: &[Spot]) {
    for (at, (_, spot)) in places.iter().zip(spots).enumerate().filter(|(_, (place, _))| !place.vertical) {
        let size = spot.height();
        let (x, y) = ((spot.left + spot.right) / 2, (spot.top + spot.bottom) / 2);
        let holds = |block: &&mut Block| {
            let columns = block.spot.left..block.spot.right;
            let rows = block.spot.top.saturating_sub(2 * size)..block.spot.bottom.saturating_add(2 * size);
            columns.contains(&x) && rows.contains(&y)
        };
        if spot.width() * 2 <= CHARACTER * size
            && let Some(block) = blocks.iter_mut().find(holds)
        {
            block.members.push(at);
        }
    }
}

fn from_the_right(members: &[usize], spots: &[Spot]) -> Vec<usize> {
    let mut left: Vec<(Spot, usize)> =
        members.iter().filter_map(|&at| spots.get(at).map(|spot| (*spot, at))).collect();
    left.sort_by_key(|(spot, at)| (std::cmp::Reverse(spot.left + spot.right), spot.top, *at));
    let mut ordered = Vec::with_capacity(left.len());
    let mut column: Vec<(Spot, usize)> = Vec::new();
    for (spot, at) in left {
        let same = column.first().is_some_and(|(first, _)| {
            let shared = first.right.min(spot.right) - first.left.max(spot.left);
            shared * 2 >= first.width().min(spot.width())
        });
        if !same {
            flush(&mut column, &mut ordered);
        }
        column.push((spot, at));
    }
    flush(&mut column, &mut ordered);
    ordered
}

fn flush(column: &mut Vec<(Spot, usize)>, ordered: &mut Vec<usize>) {
    column.sort_by_key(|(spot, at)| (spot.top, *at));
    ordered.extend(column.drain(..).map(|(_, at)| at));
}
