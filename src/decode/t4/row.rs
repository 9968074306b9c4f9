//! One row of code words → its changing elements.

use super::bits::BitReader;
use super::runs::close;
use super::table::{BLACK, BLACK_BITS, MODE_BITS, MODES, Mode, Run, WHITE, WHITE_BITS};

/// Why a row could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadRow {
    /// No code word begins with the next bits (an EOL that comes too early is one case).
    NoCode,
    /// The runs say more pixels than the row has, or go back.
    WrongLength,
}

/// T.4 §4.1: white and black runs in turn until the row is full. Replaces `changes`.
pub(super) fn one_dimensional(
    reader: &mut BitReader<'_>,
    width: u32,
    changes: &mut Vec<u32>,
) -> Result<(), BadRow> {
    changes.clear();
    let mut a0 = 0;
    let mut black = false;
    loop {
        a0 += run(reader, black, width - a0)?;
        if a0 == width {
            break;
        }
        change(changes, a0);
        black = !black;
    }
    close(changes, width);
    Ok(())
}

/// T.4 §4.2: a row as its differences from the row above, a closed list. Replaces `changes`.
pub(super) fn two_dimensional(
    reader: &mut BitReader<'_>,
    above: &[u32],
    width: u32,
    changes: &mut Vec<u32>,
) -> Result<(), BadRow> {
    changes.clear();
    let last = i64::from(width);
    let column = |index: usize| above.get(index).map_or(last, |&column| i64::from(column));
    // Before the first pixel; b1 may lie on it.
    let mut a0 = -1i64;
    let mut b = 0;
    let mut black = false;
    while a0 < last {
        let mut b1 = column(b);
        while b1 <= a0 {
            b += 2;
            b1 = column(b);
        }
        let word = reader.peek();
        if word >> 63 == 1 {
            let taken = vertical_zeros(word, above.get(b..).unwrap_or(&[]), last, changes);
            reader.skip(taken as u32);
            black ^= taken % 2 == 1;
            b += taken;
            b1 = column(b - 1);
            a0 = b1;
            continue;
        }
        let (mode, len) =
            MODES.get((word >> (64 - MODE_BITS)) as usize).copied().unwrap_or((Mode::Unknown, 0));
        reader.skip(u32::from(len));
        match mode {
            Mode::Vertical(offset) => {
                let a1 = b1 + i64::from(offset);
                if a1 < a0.max(0) || a1 > last {
                    return Err(BadRow::WrongLength);
                }
                change(changes, a1 as u32);
                a0 = a1;
                black = !black;
                // The other colour now: its b1 may lie before the old one if a1 did.
                b = match (offset < 0, b) {
                    (true, 1..) => b - 1,
                    _ => b + 1,
                };
            }
            Mode::Pass => {
                a0 = column(b + 1);
                b += 2;
            }
            Mode::Horizontal => {
                let from = a0.max(0) as u32;
                let (a1, a2) = horizontal(reader, word << len, black, from, width)?;
                change(changes, a1);
                change(changes, a2);
                a0 = i64::from(a2);
            }
            Mode::Unknown => return Err(BadRow::NoCode),
        }
    }
    while changes.last().is_some_and(|&last| last >= width) {
        changes.pop();
    }
    close(changes, width);
    Ok(())
}

/// Reads a row of which nothing is sure: what leads out of it ends it, at a whole code word, so that the next row
/// begins with one. Replaces `changes`, and does not close them. Consumes at least a bit.
pub(super) fn two_dimensional_regardless(
    reader: &mut BitReader<'_>,
    above: &[u32],
    width: u32,
    changes: &mut Vec<u32>,
) {
    changes.clear();
    let last = i64::from(width);
    let column = |index: usize| above.get(index).map_or(last, |&column| i64::from(column));
    let (mut a0, mut b, mut black) = (-1i64, 0, false);
    while a0 < last {
        while column(b) <= a0 {
            b += 2;
        }
        let (mode, len) =
            MODES.get((reader.peek() >> (64 - MODE_BITS)) as usize).copied().unwrap_or((Mode::Unknown, 0));
        reader.skip(u32::from(len).max(1));
        match mode {
            Mode::Vertical(offset) => {
                let a1 = column(b) + i64::from(offset);
                if a1 < a0.max(0) || a1 > last {
                    return;
                }
                change(changes, a1 as u32);
                a0 = a1;
                black = !black;
                b = b.checked_sub(1).unwrap_or(1);
            }
            Mode::Pass => a0 = column(b + 1),
            Mode::Horizontal => {
                let (Ok(first), Ok(second)) = (run(reader, black, ANY), run(reader, !black, ANY)) else {
                    return;
                };
                for run in [first, second] {
                    let end = a0.max(0) + i64::from(run);
                    if end > last {
                        return;
                    }
                    change(changes, end as u32);
                    a0 = end;
                }
            }
            // Before a row's first code word it is no row's end.
            Mode::Unknown if a0 < 0 && !reader.ended() => {}
            Mode::Unknown => return,
        }
    }
}

/// More than any row has room for, and far from overflow.
const ANY: u32 = u32::MAX / 2;

/// Notes a change. Two at one place are none: a run of no pixels lay between them.
#[inline]
fn change(changes: &mut Vec<u32>, column: u32) {
    if changes.last() == Some(&column) {
        changes.pop();
    } else {
        changes.push(column);
    }
}

/// Vertical 0, and often one after the other: each change stands where the row above has its next, up to the
/// margin. `above`: the row above from b1 on. How many codes that were, at least one.
#[inline]
fn vertical_zeros(word: u64, above: &[u32], last: i64, changes: &mut Vec<u32>) -> usize {
    let ones = word.leading_ones().min(BitReader::PEEKED) as usize;
    let mut taken = 0;
    for &b1 in above.iter().take(ones) {
        changes.push(b1);
        taken += 1;
        if i64::from(b1) >= last {
            return taken;
        }
    }
    if taken == 0 {
        changes.push(last as u32);
        taken = 1;
    }
    taken
}

/// The two runs of horizontal mode from a column on, the mode's code word read: the columns where they end. `word`:
/// what the reader shows.
#[inline]
fn horizontal(
    reader: &mut BitReader<'_>,
    word: u64,
    black: bool,
    from: u32,
    width: u32,
) -> Result<(u32, u32), BadRow> {
    let (a1, a2) = match two_short_runs(word, black) {
        Some((first, second, bits)) => {
            reader.skip(bits);
            (from + first, from + first + second)
        }
        None => {
            let a1 = from + run(reader, black, width - from)?;
            (a1, a1 + run(reader, !black, width - a1)?)
        }
    };
    if a2 <= width { Ok((a1, a2)) } else { Err(BadRow::WrongLength) }
}

/// Two runs of fewer than 64 pixels each, as nearly all are, and the bits that they take.
#[inline]
fn two_short_runs(word: u64, black: bool) -> Option<(u32, u32, u32)> {
    let first = code(word, black).filter(|code| code.len > 0 && code.length < 64)?;
    let second = code(word << first.len, !black).filter(|code| code.len > 0 && code.length < 64)?;
    Some((u32::from(first.length), u32::from(second.length), u32::from(first.len) + u32::from(second.len)))
}

/// The run code with which a word begins.
#[inline]
fn code(word: u64, black: bool) -> Option<Run> {
    if black {
        BLACK.get((word >> (64 - BLACK_BITS)) as usize).copied()
    } else {
        WHITE.get((word >> (64 - WHITE_BITS)) as usize).copied()
    }
}

/// A run of one colour: make-up codes, then a terminating code (T.4 §4.1.1). At most `room` pixels.
#[inline]
pub(super) fn run(reader: &mut BitReader<'_>, black: bool, room: u32) -> Result<u32, BadRow> {
    let mut total = 0;
    loop {
        let Some(code) = code(reader.peek(), black).filter(|code| code.len > 0) else {
            return Err(BadRow::NoCode);
        };
        reader.skip(u32::from(code.len));
        total += u32::from(code.length);
        if total > room {
            return Err(BadRow::WrongLength);
        }
        if code.length < 64 {
            return Ok(total);
        }
    }
}
