//! Where rows went missing: fitting a damaged page to its announced height.
//!
//! Noise that hits an EOL makes one row of two, or two of one; a stretch of data that never came takes whole rows
//! with it. All rows below would then stand too high or too low. Where the announced height tells how many
//! rows are missing, and the data were read to their end, they can only be missing where the data broke off.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A place where rows were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Break {
    /// The row that follows it.
    pub at: u32,
    /// Rows above that one which were put in for what was lost.
    pub lost: u32,
    /// Bits that were passed over.
    pub bits: usize,
    /// Bits that `lost` rows would take there.
    pub expected: usize,
}

impl Break {
    /// Data that were passed over, as a multiple in thousandths of what `more` rows more than `lost` would take.
    fn crowding(&self, more: u32) -> u64 {
        let rows = u64::from(self.lost) + u64::from(more);
        let bits = self.bits as u64 * 1_000 * u64::from(self.lost);
        bits / (self.expected as u64 * rows).max(1)
    }
}

/// How the data ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// RTC or EOFB: whatever is missing is missing before it.
    Whole,
    /// The data end with a row's last code word.
    Row,
    /// Within a row, or nobody knows.
    Cut,
}

/// Rows put in above a row, or taken away above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    pub at: u32,
    pub insert: u32,
    pub remove: u32,
}

/// Without RTC, so many rows a break are believed to be missing there; more are missing at the end.
const MOST_LOST_AT_A_BREAK: u32 = 64;
/// But where data for that many thousandths of the rows were passed over, rows are surely missing.
const CROWDED: u64 = 750;

/// What makes `rows` rows of `count`, in the order of rows.
pub(super) fn edits(count: u32, rows: u32, breaks: &[Break], ending: Ending) -> Vec<Edit> {
    if breaks.is_empty() || count == rows {
        return Vec::new();
    }
    if count > rows { taken(count - rows, breaks) } else { put_in(rows - count, breaks, ending) }
}

/// Missing rows go, one after the other, where the data passed over are most for the rows that stand for them.
fn put_in(missing: u32, breaks: &[Break], ending: Ending) -> Vec<Edit> {
    if ending == Ending::Cut {
        return Vec::new();
    }
    let believed = breaks.len() as u64 * u64::from(MOST_LOST_AT_A_BREAK);
    let anywhere = ending == Ending::Whole || u64::from(missing) <= believed;
    let mut inserts = vec![0; breaks.len()];
    let crowding = |(index, found): (usize, &Break)| (found.crowding(1), Reverse(index));
    let mut heap: BinaryHeap<_> = breaks.iter().enumerate().map(crowding).collect();
    for _ in 0..missing {
        let Some((crowded, Reverse(index))) = heap.pop() else { break };
        let (Some(insert), Some(found)) = (inserts.get_mut(index), breaks.get(index)) else { break };
        if !anywhere && crowded < CROWDED {
            break;
        }
        *insert += 1;
        heap.push((found.crowding(*insert + 1), Reverse(index)));
    }
    let edit = |(found, insert): (&Break, u32)| Edit { at: found.at, insert, remove: 0 };
    breaks.iter().zip(inserts).map(edit).filter(|edit| edit.insert > 0).collect()
}

/// Rows too many are taken from the breaks whose rows were shortest: they were halves.
fn taken(mut surplus: u32, breaks: &[Break]) -> Vec<Edit> {
    let mut shortest: Vec<&Break> = breaks.iter().filter(|found| found.lost > 1).collect();
    shortest.sort_by_key(|found| found.bits / found.lost as usize);
    let mut edits = Vec::new();
    for found in shortest {
        let remove = surplus.min(found.lost - 1);
        if remove > 0 {
            edits.push(Edit { at: found.at, insert: 0, remove });
            surplus -= remove;
        }
    }
    edits.sort_by_key(|edit| edit.at);
    edits
}
