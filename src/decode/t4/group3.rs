//! MH and MR (ITU-T T.4): EOL, row, EOL, row, …, six EOLs (RTC). In MR a tag bit after each EOL tells
//! one-dimensional rows (1) from two-dimensional ones (0).
//!
//! What real files do: MH without any EOL, with rows starting on bytes (TIFF compression 2) or not; fill
//! before EOLs; no RTC, or RTC with bits wrong; EOLs lost, so that two rows look like one too long; rows
//! of the wrong length; a page that just stops.

use super::bits::{BitReader, EOL_ZEROS};
use super::breaks::Ending;
use super::codes::EOL;
use super::decode::Decoder;
use super::row::{one_dimensional, run, two_dimensional};
use super::runs::SENTINELS;
use crate::fax::Coding;

/// EOL and tag bit, about.
const EOL_BITS: usize = 13;
/// T.4 §4.1.4: RTC is six EOLs.
const RTC_EOLS: u32 = 6;
/// So much fill before a damaged EOL is looked through.
const MOST_FILL_SEARCHED: usize = 32;
/// Wrong bits with which an EOL is still known as one, if a good row follows it. With one less it needs no
/// such proof.
const EOL_WRONG_BITS: u32 = 2;
/// Without EOLs, a next row is searched within so many positions behind a bad one.
const SEARCH_POSITIONS: usize = 4096;

/// A row ends like the one above it if the last black of both is not further apart.
const LIKE_ABOVE: u32 = 64;

/// What lies between two rows.
struct Gap {
    eols: u32,
    /// MR: the tag bit of the last EOL.
    tagged_1d: bool,
    ended: bool,
}

impl<'a> Decoder<'a> {
    pub(super) fn group3(&mut self) {
        while !self.rows.full() {
            let gap = self.gap();
            let started = self.rows.count() > 0;
            if started && gap.eols >= RTC_EOLS || gap.eols > 1 && gap.ended {
                self.end_of_page = true;
                self.exact &= gap.eols == RTC_EOLS;
                self.used_bits = self.reader.position();
                self.ending = Ending::Whole;
                break;
            }
            if gap.ended {
                self.ending = Ending::Row;
                break;
            }
            if gap.eols > 1 && started {
                // Rows without a single bit, or the beginning of an RTC that was damaged.
                self.tail_from.get_or_insert(self.rows.count());
                self.lose(gap.eols - 1);
            }
            // At the head of a page too: other decoders take one EOL for a row's, and a second for its code words.
            self.exact &= gap.eols <= 1;
            let start = self.reader;
            let kept =
                match (self.options.coding, gap.eols) {
                    // Without EOL there is no tag bit, and no way to know what follows.
                    (Coding::Mr, 0) => false,
                    (Coding::Mr, _) if !gap.tagged_1d => {
                        if self.reference_lost {
                            self.guessed(start, false)
                        } else {
                            self.row(false, gap.eols)
                        }
                    }
                    _ => self.row(true, gap.eols),
                } || gap.eols > 0 && self.options.coding == Coding::Mr && self.guessed(start, !gap.tagged_1d);
            if kept {
                let bits = self.reader.position() - start.position() + EOL_BITS;
                self.usual_bits[usize::from(gap.tagged_1d)] = bits;
                if self.options.coding == Coding::Mh {
                    self.rows.measure_row(bits);
                }
                continue;
            }
            if self.needs_eol() && !start.eol_ahead() {
                self.keep_part();
                break;
            }
            self.repair();
            let found = self.find_next_row(start);
            let bits = self.reader.position() - start.position() + EOL_BITS;
            self.rows.measure_break(bits, self.usual_bits[usize::from(gap.tagged_1d)]);
            if !found {
                break;
            }
        }
        self.end_group3();
    }

    /// RTC behind the last row, and debris that was one.
    fn end_group3(&mut self) {
        if self.rows.full() && !self.end_of_page {
            let gap = self.gap();
            if gap.eols >= RTC_EOLS {
                self.end_of_page = true;
                self.used_bits = self.reader.position();
            }
        }
        // All that came after the first double EOL was debris: it was the end of the page.
        if let Some(count) = self.tail_from
            && !self.rows.full()
        {
            self.rows.take_back(self.rows.count() - count);
            self.end_of_page = true;
        }
    }

    /// Consumes EOLs with their fill and tag bits.
    fn gap(&mut self) -> Gap {
        let mut gap = Gap { eols: 0, tagged_1d: true, ended: false };
        if self.options.byte_align && self.eol_before == 0 && self.rows.count() > 0 {
            // No EOL so far: the next row starts on a byte, and its own zeros are no EOL's.
            self.reader.align();
        }
        loop {
            let (zeros, one) = self.reader.zeros();
            let damaged = std::mem::take(&mut self.at_damaged_eol);
            if !one {
                gap.ended = true;
                return gap;
            }
            if damaged {
                self.exact = false;
                self.reader.skip(u32::from(EOL.len));
            } else if zeros >= EOL_ZEROS {
                self.reader.seek(self.reader.position() + zeros + 1);
            } else {
                return gap;
            }
            gap.eols += 1;
            if self.options.coding == Coding::Mr {
                gap.tagged_1d = self.reader.peek() >> 63 == 1;
                self.reader.skip(1);
            }
            if gap.eols == RTC_EOLS {
                return gap;
            }
        }
    }

    /// Reads one row. `false`: it is lost, and nothing was added.
    fn row(&mut self, one_d: bool, eols: u32) -> bool {
        let width = self.options.width;
        let read = if one_d {
            one_dimensional(&mut self.reader, width, &mut self.changes)
        } else {
            two_dimensional(&mut self.reader, &self.rows.above, width, &mut self.changes)
        };
        if read.is_err() || self.reader.overran() {
            return false;
        }
        let is_last = self.options.rows.is_some_and(|rows| self.rows.count() + 1 >= rows);
        let alone = self.eol_before + eols == 0 || is_last || self.at_gap();
        if !alone && !self.skip_empty_run() && !self.reads_on() {
            self.at_damaged_eol = self.reads_after_damaged_eol();
            if !self.at_damaged_eol {
                // Code words are left over: the row was longer than the page is wide.
                return false;
            }
        }
        self.rows.add(&mut self.changes, false);
        self.used_bits = self.reader.position();
        self.eol_before += u32::from(eols > 0);
        self.reference_lost = false;
        self.tail_from = None;
        true
    }

    /// MR: reads a row that the row above it or its tag bit does not vouch for. It is kept if it ends where it
    /// should, and is counted as repaired.
    fn guessed(&mut self, start: BitReader<'a>, one_d: bool) -> bool {
        let (width, after) = (self.options.width, self.reader);
        self.reader = start;
        let read = if one_d {
            one_dimensional(&mut self.reader, width, &mut self.tried)
        } else {
            two_dimensional(&mut self.reader, &self.rows.above, width, &mut self.tried)
        };
        if read.is_err() || self.reader.overran() || !self.at_gap() {
            self.reader = after;
            return false;
        }
        self.rows.add(&mut self.tried, true);
        self.used_bits = self.reader.position();
        self.eol_before += 1;
        self.exact = false;
        // A row of its own is a sure reference; one that tells only differences is as good as the row above it.
        self.reference_lost &= !one_d;
        true
    }

    /// Only fill and an EOL, or nothing at all, lie ahead.
    fn at_gap(&self) -> bool {
        let (zeros, one) = self.reader.zeros();
        !one || zeros >= EOL_ZEROS
    }

    /// A run of no pixels at the end of a row: no standard asks for it, some machines send it.
    fn skip_empty_run(&mut self) -> bool {
        [false, true].into_iter().any(|black| {
            let mut ahead = self.reader;
            let empty = run(&mut ahead, black, 0).is_ok();
            let before = std::mem::replace(&mut self.reader, ahead);
            if empty && self.at_gap() {
                self.exact = false;
                return true;
            }
            self.reader = before;
            false
        })
    }

    /// MH without EOLs behind a first EOL: the next rows follow at once.
    fn reads_on(&mut self) -> bool {
        self.options.coding == Coding::Mh && self.reads_rows_at(self.reader)
    }

    /// Two rows can be read from here.
    fn reads_rows_at(&mut self, mut ahead: BitReader<'a>) -> bool {
        (0..2).all(|_| {
            let start = ahead.position();
            let read = one_dimensional(&mut ahead, self.options.width, &mut self.tried).is_ok();
            self.search_bits = self.search_bits.saturating_sub(ahead.position() - start + 1);
            if self.options.byte_align {
                ahead.align();
            }
            read && !ahead.overran()
        })
    }

    /// What lies ahead was an EOL before the line spoilt it: a row follows that ends where it should.
    fn reads_after_damaged_eol(&mut self) -> bool {
        let (zeros, _) = self.reader.zeros();
        let start = self.reader;
        for fill in 0..=zeros.min(MOST_FILL_SEARCHED) {
            let mut ahead = start;
            ahead.seek(start.position() + fill);
            if self.reads_after_eol_at(ahead) {
                self.reader = ahead;
                return true;
            }
        }
        false
    }

    fn reads_after_eol_at(&mut self, mut ahead: BitReader<'_>) -> bool {
        let word = (ahead.peek() >> 52) as u16;
        match (word ^ EOL.bits).count_ones() {
            // The row before it ended exactly here: that is proof enough.
            0 | 1 => return true,
            ..=EOL_WRONG_BITS => {}
            _ => return false,
        }
        ahead.skip(u32::from(EOL.len));
        let mut one_d = true;
        if self.options.coding == Coding::Mr {
            one_d = ahead.peek() >> 63 == 1;
            ahead.skip(1);
        }
        let width = self.options.width;
        let read = if one_d {
            one_dimensional(&mut ahead, width, &mut self.tried)
        } else {
            two_dimensional(&mut ahead, &self.changes, width, &mut self.tried)
        };
        let (zeros, one) = ahead.zeros();
        read.is_ok() && !ahead.overran() && (!one || zeros >= EOL_ZEROS)
    }

    /// Stands in for a row that could not be read, of which `changes` has what came before the first bad code word.
    /// Where only the white behind the last black is in doubt, the row is known; otherwise it repeats the row above.
    fn repair(&mut self) {
        self.close_part();
        let last_black = |changes: &[u32]| {
            changes.len().checked_sub(SENTINELS + 1).and_then(|last| changes.get(last)).copied()
        };
        let likely = match (last_black(&self.changes), last_black(&self.rows.above)) {
            (Some(here), Some(above)) => here.abs_diff(above) <= LIKE_ABOVE,
            _ => false,
        };
        self.lose(1);
        if likely {
            self.rows.replace_last(&mut self.changes);
        }
    }

    /// Rows are set apart by EOLs, and by nothing else.
    fn needs_eol(&self) -> bool {
        self.eol_before > 0 || self.options.coding == Coding::Mr
    }

    /// After a bad row that began at `start`: to where the next may begin. `false`: there is none.
    ///
    /// EOLs are searched from the bad row's start, since the last code words that were read there may have
    /// eaten the first zeros of the next EOL.
    fn find_next_row(&mut self, start: BitReader<'a>) -> bool {
        let needs_eol = self.needs_eol();
        if needs_eol || !self.no_eol_ahead && !self.options.byte_align {
            let here = self.reader;
            self.reader = start;
            if self.reader.seek_eol() {
                return true;
            }
            self.no_eol_ahead = true;
            if needs_eol {
                return false;
            }
            self.reader = here;
        }
        self.search_row_without_eol()
    }

    /// Without EOLs: the next place where two rows in a row have the right length.
    fn search_row_without_eol(&mut self) -> bool {
        let step = if self.options.byte_align { 8 } else { 1 };
        if step == 8 {
            self.reader.align();
        }
        for offset in 0..SEARCH_POSITIONS {
            let mut candidate = self.reader;
            candidate.seek(self.reader.position() + offset * step);
            if candidate.ended() || self.search_bits == 0 {
                break;
            }
            if self.reads_rows_at(candidate) {
                self.reader = candidate;
                return true;
            }
        }
        false
    }
}
