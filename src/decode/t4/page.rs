//! The rows of a page while they are decoded: good ones, repaired ones, and the account of both.

use super::runs::{close, paint};
use crate::fax::{Bitmap, Damage};

/// Rows so far. Memory grows with the rows that were really decoded, never with what a header promised.
pub(super) struct Rows {
    width: u32,
    stride: usize,
    most: u32,
    bits: Vec<u8>,
    count: u32,
    /// The last row's changing elements, closed: the reference row of two-dimensional coding.
    pub(super) above: Vec<u32>,
    bad: u32,
    run: u32,
    longest_run: u32,
}

impl Rows {
    pub(super) fn new(width: u32, most: u32) -> Self {
        let mut above = Vec::new();
        close(&mut above, width);
        let stride = (width as usize).div_ceil(8);
        Self { width, stride, most, bits: Vec::new(), count: 0, above, bad: 0, run: 0, longest_run: 0 }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn bad(&self) -> u32 {
        self.bad
    }

    pub(super) fn full(&self) -> bool {
        self.count >= self.most
    }

    /// Adds a row given by its changes; `changes` holds scrap afterwards.
    pub(super) fn add(&mut self, changes: &mut Vec<u32>) {
        if self.full() {
            return;
        }
        let start = self.bits.len();
        self.bits.resize(start + self.stride, 0);
        if let Some(row) = self.bits.get_mut(start..) {
            paint(changes, row);
        }
        std::mem::swap(&mut self.above, changes);
        self.count += 1;
        self.end_run();
    }

    /// Adds rows that were lost: each repeats the row above it, which is what fax machines have always
    /// done, since the eye forgives it most easily.
    pub(super) fn add_lost(&mut self, lost: u32) {
        for _ in 0..lost.min(self.most - self.count) {
            let start = self.bits.len();
            if start >= self.stride {
                self.bits.extend_from_within(start - self.stride..);
            } else {
                self.bits.resize(start + self.stride, 0);
            }
            self.count_bad();
        }
    }

    /// Fills up with white to `rows`: what the page should have had and does not.
    pub(super) fn add_missing(&mut self, rows: u32) -> u32 {
        let missing = rows.min(self.most).saturating_sub(self.count);
        self.bits.resize(self.bits.len() + missing as usize * self.stride, 0);
        (0..missing).for_each(|_| self.count_bad());
        missing
    }

    fn count_bad(&mut self) {
        self.count += 1;
        self.bad += 1;
        self.run += 1;
    }

    /// A run counts when it is over: until then rows may be taken back from it.
    fn end_run(&mut self) {
        self.longest_run = self.longest_run.max(self.run);
        self.run = 0;
    }

    /// Takes back the last rows, all of which were lost ones.
    pub(super) fn take_back(&mut self, rows: u32) {
        let rows = rows.min(self.run);
        self.count -= rows;
        self.bad -= rows;
        self.run -= rows;
        self.bits.truncate(self.count as usize * self.stride);
    }

    /// The picture and its account.
    pub(super) fn finish(mut self, cut: bool) -> (Bitmap, Damage) {
        self.end_run();
        let damage = Damage { bad_rows: self.bad, longest_run: self.longest_run, cut, ..Damage::default() };
        let map = Bitmap::from_rows(self.width, self.count, self.bits);
        (map.unwrap_or_else(|| Bitmap::white(self.width, self.count)), damage)
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
        rows.add(&mut vec![8]);
        rows.add_lost(1);
        let (map, damage) = rows.finish(false);
        assert_eq!((map.height(), damage.bad_rows, damage.longest_run), (4, 3, 2));
    }
}
