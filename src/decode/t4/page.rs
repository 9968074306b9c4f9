//! The rows of a page while they are decoded: good ones, repaired ones, and the account of both.

use super::breaks::{Break, Edit, Ending, edits};
use super::runs::{close, paint};
use crate::fax::{Bitmap, Damage};

/// After damage so many rows more than announced are read: some may be halves of one, and go again.
const SURPLUS_ROWS: u32 = 256;
/// A longer run of rows that never came is left white: repeated, they would be a streak.
const MOST_REPEATED: u32 = 8;

/// Rows so far. Memory grows with the rows that were really decoded, never with what a header promised.
pub(super) struct Rows {
    width: u32,
    stride: usize,
    most: u32,
    bits: Vec<u8>,
    /// Of each row: it was repaired or made up.
    bad: Vec<bool>,
    breaks: Vec<Break>,
    /// The last row's changing elements, closed: the reference row of two-dimensional coding.
    pub(super) above: Vec<u32>,
}

impl Rows {
    pub(super) fn new(width: u32, most: u32) -> Self {
        let mut above = Vec::new();
        close(&mut above, width);
        let stride = (width as usize).div_ceil(8);
        Self { width, stride, most, bits: Vec::new(), bad: Vec::new(), breaks: Vec::new(), above }
    }

    pub(super) fn count(&self) -> u32 {
        self.bad.len() as u32
    }

    /// Rows that were repaired or made up.
    pub(super) fn bad(&self) -> u32 {
        self.bad.iter().filter(|&&bad| bad).count() as u32
    }

    pub(super) fn full(&self) -> bool {
        let surplus = if self.breaks.is_empty() { 0 } else { SURPLUS_ROWS };
        self.count() >= self.most.saturating_add(surplus)
    }

    /// Adds a row given by its changes; `changes` holds scrap afterwards. `repaired`: it was read, but not as
    /// the data announced it, or against a row that was repaired itself.
    pub(super) fn add(&mut self, changes: &mut Vec<u32>, repaired: bool) {
        if self.full() {
            return;
        }
        let start = self.bits.len();
        self.bits.resize(start + self.stride, 0);
        if let Some(row) = self.bits.get_mut(start..) {
            paint(changes, row);
        }
        std::mem::swap(&mut self.above, changes);
        self.bad.push(repaired);
    }

    /// Adds rows that were lost: each repeats the row above it, which is what fax machines have always
    /// done, since the eye forgives it most easily.
    pub(super) fn add_lost(&mut self, lost: u32) {
        let follows = self.breaks.last().is_some_and(|last| last.at == self.count());
        let before = self.count();
        for _ in 0..lost {
            if self.full() {
                break;
            }
            let start = self.bits.len();
            if start >= self.stride {
                self.bits.extend_from_within(start - self.stride..);
            } else {
                self.bits.resize(start + self.stride, 0);
            }
            self.bad.push(true);
        }
        let (at, lost) = (self.count(), self.count() - before);
        match self.breaks.last_mut().filter(|_| follows) {
            Some(last) => (last.at, last.lost) = (at, last.lost + lost),
            None => self.breaks.push(Break { at, lost, bits: 0, expected: 0 }),
        }
    }

    /// Says what the last row, a lost one, was after all.
    pub(super) fn replace_last(&mut self, changes: &mut Vec<u32>) {
        let start = self.bits.len().saturating_sub(self.stride);
        if let Some(row) = self.bits.get_mut(start..).filter(|_| !self.bad.is_empty()) {
            row.fill(0);
            paint(changes, row);
            std::mem::swap(&mut self.above, changes);
        }
    }

    /// Notes how much data the last break swallowed, and how much its rows would have taken.
    pub(super) fn measure_break(&mut self, bits: usize, expected: usize) {
        if let Some(last) = self.breaks.last_mut() {
            last.bits += bits;
            last.expected += expected;
        }
    }

    /// Notes how much a good row took that was just added: right behind a break it tells what is usual there.
    pub(super) fn measure_row(&mut self, bits: usize) {
        let above = self.count().saturating_sub(1);
        if let Some(last) = self.breaks.last_mut().filter(|last| last.at == above) {
            last.expected = last.expected.max(bits * last.lost as usize);
        }
    }

    /// The next row's reference is white.
    pub(super) fn restart_white(&mut self) {
        self.above.clear();
        close(&mut self.above, self.width);
    }

    /// Rows from `from` on are not trusted: among them the data broke off. One more stands for what could not be
    /// read.
    pub(super) fn break_off(&mut self, from: u32) {
        self.bad.iter_mut().skip(from as usize).for_each(|bad| *bad = true);
        self.add_lost(1);
        let count = self.count();
        if let Some(last) = self.breaks.last_mut() {
            last.lost = count - from.min(count);
        }
    }

    /// Rows at the last break.
    pub(super) fn lost_at_break(&self) -> usize {
        self.breaks.last().map_or(0, |last| last.lost as usize)
    }

    /// Takes back the last rows, all of which were lost ones.
    pub(super) fn take_back(&mut self, rows: u32) {
        let lost = self.bad.iter().rev().take_while(|&&bad| bad).count();
        self.bad.truncate(self.bad.len() - lost.min(rows as usize));
        self.bits.truncate(self.bad.len() * self.stride);
        let count = self.count();
        self.breaks.retain(|found| found.at <= count);
    }

    /// Makes the page as many rows high as was announced: rows that are missing are put in where the data broke
    /// off, as far as that can be told, and otherwise at the end, white. How many came to stand at the end.
    pub(super) fn fit(&mut self, rows: u32, ending: Ending) -> u32 {
        let rows = rows.min(self.most);
        let edits = edits(self.count(), rows, &self.breaks, ending);
        if !edits.is_empty() {
            self.edit(&edits);
        }
        let missing = rows.saturating_sub(self.count());
        self.bad.truncate(rows as usize);
        self.bad.resize(rows as usize, true);
        self.bits.resize(rows as usize * self.stride, 0);
        missing
    }

    fn edit(&mut self, edits: &[Edit]) {
        let (bits, bad) = (std::mem::take(&mut self.bits), std::mem::take(&mut self.bad));
        let mut from = 0;
        for &Edit { at, insert, remove } in edits {
            let until = (at as usize).saturating_sub(remove as usize).max(from);
            self.bits.extend_from_slice(bits.get(from * self.stride..until * self.stride).unwrap_or(&[]));
            self.bad.extend_from_slice(bad.get(from..until).unwrap_or(&[]));
            from = at as usize;
            for _ in 0..insert {
                let start = self.bits.len();
                match start.checked_sub(self.stride).filter(|_| insert <= MOST_REPEATED) {
                    Some(above) => self.bits.extend_from_within(above..),
                    None => self.bits.resize(start + self.stride, 0),
                }
                self.bad.push(true);
            }
        }
        self.bits.extend_from_slice(bits.get(from * self.stride..).unwrap_or(&[]));
        self.bad.extend_from_slice(bad.get(from..).unwrap_or(&[]));
    }

    /// The picture and its account.
    pub(super) fn finish(mut self, cut: bool) -> (Bitmap, Damage) {
        self.bad.truncate(self.most as usize);
        self.bits.truncate(self.bad.len() * self.stride);
        let (mut run, mut longest_run) = (0, 0);
        for &bad in &self.bad {
            run = if bad { run + 1 } else { 0 };
            longest_run = longest_run.max(run);
        }
        let damage = Damage { bad_rows: self.bad(), longest_run, cut, ..Damage::default() };
        let height = self.count();
        let map = Bitmap::from_rows(self.width, height, self.bits);
        (map.unwrap_or_else(|| Bitmap::white(self.width, height)), damage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_taken_back_are_no_part_of_the_longest_run() {
        let mut rows = Rows::new(8, 100);
        rows.add_lost(20);
        rows.take_back(18);
        rows.add(&mut vec![8], false);
        rows.add_lost(1);
        let (map, damage) = rows.finish(false);
        assert_eq!((map.height(), damage.bad_rows, damage.longest_run), (4, 3, 2));
    }

    #[test]
    fn missing_rows_stand_where_the_data_broke_off() {
        let mut rows = Rows::new(8, 12);
        let black = |rows: &mut Rows| rows.add(&mut vec![0, 8, 8, 8, 8], false);
        (0..4).for_each(|_| black(&mut rows));
        rows.add_lost(1);
        rows.add(&mut vec![8, 8, 8, 8], false);
        assert_eq!(rows.fit(9, Ending::Whole), 0);
        let (map, damage) = rows.finish(false);
        assert_eq!(map.bits(), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
        assert_eq!((damage.bad_rows, damage.longest_run), (4, 4));
    }
}
