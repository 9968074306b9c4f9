//! MMR (ITU-T T.6): rows, each told by the one above it, then two EOLs (EOFB).
//!
//! One wrong bit spoils a row and through it all below, and there are no EOLs to go on from. But pages of
//! text have white rows between their lines: a white row below a white row is a single 1, so a gap is a run of ones,
//! and behind it each row can be read again without what stood before. The first such place from which
//! reading goes well is taken. How many rows were passed over the data do not say; EOFB and the announced
//! height do.

use super::bits::{BitReader, EOL_ZEROS};
use super::breaks::Ending;
use super::decode::Decoder;
use super::encode::row_2d_bits;
use super::row::{two_dimensional, two_dimensional_regardless};
use super::runs::{SENTINELS, close};

/// T.6 §2.4.1.1: EOFB is two EOLs.
const EOFB: u64 = 0x001_001;
/// Behind half an EOFB no more data than this may lie: otherwise it was damage.
const MOST_PADDING: usize = 64;
/// No code word is longer.
const LONGEST_CODE: usize = 13;
/// White rows that make a gap worth trying.
const LEAST_GAP: u32 = 4;
/// So many rows with something on them must then be read, and the page be white again, or end: noise may come
/// back to white from a speck, but not from a line of text.
const LEAST_INK_ROWS: u32 = 16;
/// And so many bits of them.
const LEAST_INK_BITS: usize = 1_000;

/// A page that takes more than a bit for so many pixels is a halftone; text takes one for ten or more.
const DENSE: usize = 5;

/// What was read since the last gap.
#[derive(Default)]
struct Trail {
    gap_end: usize,
    rows_to_gap: u32,
    white: u32,
    ink_rows: usize,
    ink_bits: usize,
}

impl Trail {
    /// Notes a row that was read: is anything on it, where it began and ended, how many there are now.
    fn note(&mut self, ink: bool, bits: std::ops::Range<usize>, rows: u32) {
        if ink {
            self.white = 0;
            self.ink_rows += 1;
            self.ink_bits += bits.len();
            return;
        }
        self.white += 1;
        if self.white >= LEAST_GAP {
            self.gap(bits.end, rows);
        }
    }

    fn gap(&mut self, end: usize, rows: u32) {
        self.gap_end = end;
        self.rows_to_gap = rows;
    }

    /// Bits that a row with something on it takes on this page.
    fn usual(&self) -> usize {
        self.ink_bits / self.ink_rows.max(1)
    }
}

impl<'a> Decoder<'a> {
    pub(super) fn group4(&mut self) {
        let mut trail = Trail::default();
        while !self.rows.full() {
            if self.options.byte_align {
                self.reader.align();
            }
            let start = self.reader;
            let read =
                two_dimensional(&mut self.reader, &self.rows.above, self.options.width, &mut self.changes);
            if read.is_ok() && !self.reader.overran() {
                let ink = self.changes.len() > SENTINELS;
                self.rows.add(&mut self.changes, false);
                self.used_bits = self.reader.position();
                trail.note(ink, start.position()..self.used_bits, self.rows.count());
                continue;
            }
            // The zeros beyond the data are no code word either.
            let ran_out = self.reader.position() + LONGEST_CODE > self.data_bytes * 8;
            self.reader = start;
            if self.at_end_of_block() {
                self.ending = if self.end_of_page { Ending::Whole } else { Ending::Row };
                return;
            }
            if ran_out {
                self.keep_part();
                return;
            }
            let rows = self.rows.count().max(1) as usize;
            if self.used_bits / rows > self.options.width as usize / DENSE {
                return self.read_regardless();
            }
            if self.go_on(&mut trail) {
                continue;
            }
            self.reader = start;
            self.cut = true;
            self.lose(1);
            return;
        }
        self.at_end_of_block();
    }

    /// Halftones have no gaps, but most of their runs are told by themselves: where code words are read on
    /// regardless, some rows come right again. None of them is trusted.
    fn read_regardless(&mut self) {
        self.exact = false;
        while !self.rows.full() && !self.reader.ended() {
            if self.reader.peek() >> 40 == EOFB {
                self.at_end_of_block();
                return;
            }
            two_dimensional_regardless(
                &mut self.reader,
                &self.rows.above,
                self.options.width,
                &mut self.changes,
            );
            self.close_part();
            self.rows.add(&mut self.changes, true);
        }
        self.cut = true;
    }

    /// Goes on at the next gap. Rows since the last one are no longer trusted: what broke the data lies somewhere
    /// among them, and not where it was noticed.
    fn go_on(&mut self, trail: &mut Trail) -> bool {
        if !self.find_gap() {
            return false;
        }
        self.exact = false;
        self.rows.break_off(trail.rows_to_gap);
        let expected = trail.usual() * self.rows.lost_at_break();
        self.rows.measure_break(self.reader.position() - trail.gap_end, expected);
        self.rows.restart_white();
        trail.gap(self.reader.position(), self.rows.count());
        true
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
        let behind = self.data_bytes.saturating_sub((self.reader.position() + zeros) / 8);
        if one && zeros >= EOL_ZEROS && behind <= MOST_PADDING {
            self.reader.skip(zeros as u32 + 1);
            self.end_of_page = true;
            self.exact = false;
            return true;
        }
        !one
    }

    /// Goes to the next gap between lines from which the page can be read on. `false`: there is none.
    fn find_gap(&mut self) -> bool {
        if self.options.byte_align {
            return false;
        }
        let mut ahead = self.reader;
        while !ahead.ended() && self.search_bits > 0 {
            ahead.skip(ahead.peek().leading_zeros().clamp(1, BitReader::PEEKED));
            let gap = ahead;
            while ahead.peek().leading_ones() >= BitReader::PEEKED {
                ahead.skip(BitReader::PEEKED);
            }
            ahead.skip(ahead.peek().leading_ones());
            let ones = ahead.position() - gap.position();
            if ones >= LEAST_GAP as usize && self.reads_on_from(gap) {
                self.reader = gap;
                return true;
            }
        }
        self.reader = ahead;
        false
    }

    /// From here, below a white row, rows can be read until the page is white again or ends.
    fn reads_on_from(&mut self, gap: BitReader<'a>) -> bool {
        let mut ahead = gap;
        let width = self.options.width;
        let mut above = Vec::new();
        close(&mut above, width);
        let (mut ink_rows, mut ink_bits, mut white) = (0, 0, 0);
        let reads_on = loop {
            let start = ahead.position();
            let read = two_dimensional(&mut ahead, &above, width, &mut self.tried);
            let bits = ahead.position() - start;
            // Noise makes rows too, but hardly as an encoder would code them.
            if read.is_err() || ahead.overran() || row_2d_bits(&above, &self.tried, width) != bits {
                break false;
            }
            if self.tried.len() > SENTINELS {
                white = 0;
                ink_rows += 1;
                ink_bits += bits;
            } else {
                white += 1;
                if ink_rows >= LEAST_INK_ROWS && ink_bits >= LEAST_INK_BITS && white >= LEAST_GAP {
                    break true;
                }
            }
            std::mem::swap(&mut above, &mut self.tried);
            if ahead.peek() >> 40 == EOFB {
                break true;
            }
        };
        self.search_bits = self.search_bits.saturating_sub(ahead.position() - gap.position());
        reads_on
    }
}
