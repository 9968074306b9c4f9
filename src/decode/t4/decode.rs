//! The decoder of pages: finds rows, reads them, goes on after damage.
//!
//! What the Recommendations want: T.4 pages are EOL, row, EOL, row, …, six EOLs (RTC); in MR a tag bit
//! after each EOL tells one-dimensional rows (1) from two-dimensional ones (0). T.6 pages are rows, then
//! two EOLs (EOFB).
//!
//! What real files do: MH without any EOL, with rows starting on bytes (TIFF compression 2) or not; fill
//! before EOLs; no RTC, or RTC with bits wrong; EOLs lost, so that two rows look like one too long; rows
//! of the wrong length; a page that just stops.

use super::bits::{BitReader, EOL_ZEROS};
use super::codes::EOL;
use super::page::Rows;
use super::row::{one_dimensional, run, two_dimensional};
use crate::fax::{Bitmap, Coding, Damage};

/// What is known of the data before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// How the rows are coded.
    pub coding: Coding,
    /// Pixels across.
    pub width: u32,
    /// Rows that the page should have. `None`: as many as there are.
    pub rows: Option<u32>,
    /// Rows start on bytes (TIFF compression 2, PDF `EncodedByteAlign`).
    pub byte_align: bool,
    /// No picture gets more rows, whatever the data say.
    pub most_rows: u32,
}

/// How the page's rows were set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndOfLine {
    /// No EOL was seen before a row.
    Never,
    /// Each row had one before it.
    Always,
    /// Some had.
    Sometimes,
}

/// A decoded page. There always is one; how good it is stands in `damage`.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The picture: `rows` rows if they were announced (white where they are missing), else what was found.
    pub map: Bitmap,
    /// Bad and missing rows.
    pub damage: Damage,
    /// Rows that were read without repair.
    pub good_rows: u32,
    /// Every code word was where the standard wants it: the data say exactly this picture to any decoder.
    pub exact: bool,
    /// How rows were set apart.
    pub end_of_line: EndOfLine,
    /// Rows started on bytes.
    pub byte_aligned: bool,
    /// RTC or EOFB was found.
    pub end_of_page: bool,
    /// Bytes up to the end of the last row, or of RTC or EOFB.
    pub used: usize,
}

/// Decodes a page. Ends within the data's length whatever they are, and never fails.
pub fn decode(data: &[u8], options: &DecodeOptions) -> Decoded {
    let mut page = Decoder::new(data, options);
    if options.width > 0 {
        match options.coding {
            Coding::Mmr => page.group4(),
            Coding::Mh | Coding::Mr => page.group3(),
        }
    }
    page.finish()
}

/// T.6 §2.4.1.1: EOFB is two EOLs.
const EOFB: u64 = 0x001_001;
/// T.4 §4.1.4: RTC is six EOLs.
const RTC_EOLS: u32 = 6;
/// So much fill before a damaged EOL is looked through.
const MOST_FILL_SEARCHED: usize = 32;
/// Wrong bits with which an EOL is still known as one, if a good row follows it. With one less it needs no
/// such proof.
const EOL_WRONG_BITS: u32 = 2;
/// Without EOLs, a next row is searched within so many positions behind a bad one.
const SEARCH_POSITIONS: usize = 4096;
/// All searches together may read the data so many times.
const SEARCH_READINGS: usize = 16;

/// What lies between two rows.
struct Gap {
    eols: u32,
    /// MR: the tag bit of the last EOL.
    tagged_1d: bool,
    ended: bool,
}

struct Decoder<'a> {
    reader: BitReader<'a>,
    options: DecodeOptions,
    rows: Rows,
    /// The row being read; afterwards scrap.
    changes: Vec<u32>,
    /// A row that is only tried.
    tried: Vec<u32>,
    eol_before: u32,
    exact: bool,
    end_of_page: bool,
    cut: bool,
    used_bits: usize,
    /// MR: the row above is repaired or missing; two-dimensional rows mean nothing.
    reference_lost: bool,
    /// Rows when several EOLs came in a row and no good row has come since.
    tail_from: Option<u32>,
    no_eol_ahead: bool,
    /// The reader stands at an EOL that has wrong bits.
    at_damaged_eol: bool,
    data_bytes: usize,
    /// Bits that may still be read in search of rows: keeps hostile data from costing more than a few
    /// readings of themselves.
    search_bits: usize,
}

impl<'a> Decoder<'a> {
    fn new(data: &'a [u8], options: &DecodeOptions) -> Self {
        let most = options.rows.unwrap_or(options.most_rows).min(options.most_rows);
        Self {
            reader: BitReader::new(data),
            options: *options,
            rows: Rows::new(options.width, most),
            changes: Vec::new(),
            tried: Vec::new(),
            eol_before: 0,
            exact: true,
            end_of_page: false,
            cut: false,
            used_bits: 0,
            reference_lost: false,
            tail_from: None,
            no_eol_ahead: false,
            at_damaged_eol: false,
            data_bytes: data.len(),
            search_bits: data.len().saturating_mul(8 * SEARCH_READINGS),
        }
    }

    fn group4(&mut self) {
        while !self.rows.full() {
            if self.options.byte_align {
                self.reader.align();
            }
            let start = self.reader;
            let read =
                two_dimensional(&mut self.reader, &self.rows.above, self.options.width, &mut self.changes);
            if read.is_ok() && !self.reader.overran() {
                self.rows.add(&mut self.changes);
                self.used_bits = self.reader.position();
                continue;
            }
            self.reader = start;
            if self.at_end_of_block() {
                return;
            }
            // Nothing after a bad row can be trusted: each row is told by the one above it.
            self.cut = true;
            self.lose(1);
            return;
        }
        self.at_end_of_block();
    }

    /// At EOFB, at half of one, or at nothing but padding.
    fn at_end_of_block(&mut self) -> bool {
        if self.options.byte_align {
            self.reader.align();
        }
        let word = self.reader.peek();
        if word >> 40 == EOFB {
            self.reader.skip(24);
            self.used_bits = self.reader.position();
            self.end_of_page = true;
            return true;
        }
        // Some encoders pad to a byte first, some write one EOL alone.
        let (zeros, one) = self.reader.zeros();
        if one && zeros >= EOL_ZEROS {
            self.reader.skip(zeros as u32 + 1);
            self.end_of_page = true;
            self.exact = false;
            return true;
        }
        !one
    }

    fn group3(&mut self) {
        while !self.rows.full() {
            let gap = self.gap();
            let started = self.rows.count() > 0;
            if started && gap.eols >= RTC_EOLS || gap.eols > 1 && gap.ended {
                self.end_of_page = true;
                self.exact &= gap.eols == RTC_EOLS;
                self.used_bits = self.reader.position();
                break;
            }
            if gap.ended {
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
            let kept = match (self.options.coding, gap.eols) {
                // Without EOL there is no tag bit, and no way to know what follows.
                (Coding::Mr, 0) => false,
                (Coding::Mr, _) if !gap.tagged_1d => !self.reference_lost && self.row(false, gap.eols),
                _ => self.row(true, gap.eols),
            };
            if !kept {
                self.lose(1);
                if !self.find_next_row(start) {
                    break;
                }
            }
        }
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
        self.rows.add(&mut self.changes);
        self.used_bits = self.reader.position();
        self.eol_before += u32::from(eols > 0);
        self.reference_lost = false;
        self.tail_from = None;
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

    fn lose(&mut self, rows: u32) {
        self.rows.add_lost(rows);
        self.exact = false;
        self.reference_lost = true;
    }

    /// After a bad row that began at `start`: to where the next may begin. `false`: there is none.
    ///
    /// EOLs are searched from the bad row's start, since the last code words that were read there may have
    /// eaten the first zeros of the next EOL.
    fn find_next_row(&mut self, start: BitReader<'a>) -> bool {
        let needs_eol = self.eol_before > 0 || self.options.coding == Coding::Mr;
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

    fn finish(mut self) -> Decoded {
        let good_rows = self.rows.count() - self.rows.bad();
        if let Some(rows) = self.options.rows {
            let lost = self.rows.bad();
            let missing = self.rows.add_missing(rows);
            // Rows that lost their EOL were counted as one: so many may be missing without a cut.
            self.cut |= missing > lost;
            self.exact &= missing == 0;
        } else {
            self.exact &= !self.rows.full();
        }
        let eol_before = self.eol_before;
        let end_of_line = match eol_before {
            0 => EndOfLine::Never,
            all if all == self.rows.count() => EndOfLine::Always,
            _ => EndOfLine::Sometimes,
        };
        // Where rows were set apart now so, now so, we had to look ahead: others may read otherwise.
        self.exact &= end_of_line != EndOfLine::Sometimes;
        let byte_aligned = self.options.byte_align && eol_before == 0;
        let (map, damage) = self.rows.finish(self.cut);
        Decoded {
            damage,
            good_rows,
            exact: self.exact,
            end_of_line,
            byte_aligned,
            end_of_page: self.end_of_page,
            // The tag bit of a last EOL may lie beyond the data.
            used: self.used_bits.div_ceil(8).min(self.data_bytes),
            map,
        }
    }
}
